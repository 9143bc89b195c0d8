#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the named suites in the build directory and ends with "N passed, N failed, N skipped".
# A test is any command that exits 0 (passed), 77 (skipped: it says why) or otherwise (failed: its
# output is shown). SLOW=1 asks for long runs, and for the tests whose files end in -slow.sh. TESTS=glob runs only the tests whose name matches.
set -u
src=$(cd "$(dirname "$0")/.." && pwd)
export SRC=$src BUILD=$PWD
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() { # name command...
    local name=$1 start=$EPOCHREALTIME
    shift
    # shellcheck disable=SC2254
    case $name in ${TESTS:-*}) ;; *) return ;; esac
    timeout "${TEST_TIMEOUT:-600}" "$@" >"$log" 2>&1 </dev/null
    local status=$? took
    took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $start }")
    case $status in
    0) passed=$((passed + 1)); echo "ok    $name (${took}s)" ;;
    77) skipped=$((skipped + 1)); echo "skip  $name: $(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)); echo "FAIL  $name (status $status, ${took}s)"; tail -n 40 "$log" | sed 's/^/    /' ;;
    esac
}

shell_tests() { # folder below tests/
    for t in "$src/tests/$1"/*.sh; do
        case $t in *-slow.sh) [ "${SLOW-}" = 1 ] || continue ;; esac
        run "$1/$(basename "$t" .sh)" bash "$t"
    done
}

test_programs() { # folder below tests/ of the build
    for t in "tests/$1"/*-test; do
        [ -x "$t" ] && run "$1/$(basename "$t")" "./$t"
    done
}

suite_unit() { test_programs unit; }

suite_cli() { shell_tests cli; }

suite_qmp() {
    for t in "$src"/tests/qmp/*.py; do
        case $t in *lib.py) ;; *) PYTHONDONTWRITEBYTECODE=1 run "qmp/$(basename "$t" .py)" python3 "$t" ;; esac
    done
}

# Corpus and deterministic mutations (with --save FILE the program keeps each input before it runs it).
suite_fuzz() {
    for t in loader options decoder gdb qtest qmp hmp smoke image display replay virtio ahci; do
        run "fuzz/$t" "tests/bin/fuzz-$t" --mutations "${FUZZ_MUTATIONS:-20000}" "$src/tests/fuzz/corpus/$t"
    done
    for m in q35 pc isapc microvm virt vexpress-a9 vexpress-a15 versatilepb raspi2b lm3s6965evb microbit netduinoplus2 mps2-an386 mps2-an505; do
        run "fuzz/savevm-$m" env FUZZ_MACHINE=$m tests/bin/fuzz-savevm --mutations $((${FUZZ_MUTATIONS:-20000} / 20)) "$src/tests/fuzz/corpus/savevm"
    done
}

suite_tcg() {
    for t in "$src"/tests/tcg/*/*.sh; do
        run "tcg/$(basename "$(dirname "$t")")-$(basename "$t" .sh)" bash "$t"
    done
}

suite_boot() { shell_tests boot; }

suite_gdb() {
    shell_tests gdb
    run gdb/protocol python3 "$src/tests/gdb/protocol.py"
}

suite_qtest() { test_programs qtest; }

suite_block() { shell_tests block; }

suite_smp() { shell_tests smp; }

suite_display() {
    for t in "$src"/tests/display/*.py; do
        case $t in *lib.py) ;; *) PYTHONDONTWRITEBYTECODE=1 run "display/$(basename "$t" .py)" python3 "$t" ;; esac
    done
}

for s in "$@"; do "suite_$s"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
