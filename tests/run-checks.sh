#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the named suites in the build directory and ends with "N passed, N failed, N skipped".
# A test is any command that exits 0 (passed), 77 (skipped: it says why) or otherwise (failed: its
# output is shown). SLOW=1 asks for long runs. TESTS=glob runs only the tests whose name matches.
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

suite_unit() {
    for t in tests/unit/*-test; do
        [ -x "$t" ] && run "unit/$(basename "$t")" "./$t"
    done
}

suite_cli() {
    for t in "$src"/tests/cli/*.sh; do
        run "cli/$(basename "$t" .sh)" bash "$t"
    done
}

suite_qmp() {
    for t in "$src"/tests/qmp/*.py; do
        case $t in *lib.py) ;; *) PYTHONDONTWRITEBYTECODE=1 run "qmp/$(basename "$t" .py)" python3 "$t" ;; esac
    done
}

# Corpus and deterministic mutations (with --save FILE the program keeps each input before it runs it).
suite_fuzz() {
    for t in loader options decoder gdb qtest qmp hmp smoke image; do
        run "fuzz/$t" "tests/bin/fuzz-$t" --mutations "${FUZZ_MUTATIONS:-20000}" "$src/tests/fuzz/corpus/$t"
    done
}

suite_tcg() {
    for t in "$src"/tests/tcg/*/*.sh; do
        run "tcg/$(basename "$(dirname "$t")")-$(basename "$t" .sh)" bash "$t"
    done
}

suite_boot() {
    for t in "$src"/tests/boot/*.sh; do
        run "boot/$(basename "$t" .sh)" bash "$t"
    done
}

suite_gdb() {
    for t in "$src"/tests/gdb/*.sh; do
        run "gdb/$(basename "$t" .sh)" bash "$t"
    done
    run gdb/protocol python3 "$src/tests/gdb/protocol.py"
}

suite_qtest() {
    for t in tests/qtest/*-test; do
        [ -x "$t" ] && run "qtest/$(basename "$t")" "./$t"
    done
}

suite_block() {
    for t in "$src"/tests/block/*.sh; do
        run "block/$(basename "$t" .sh)" bash "$t"
    done
}

suite_smp() {
    for t in "$src"/tests/smp/*.sh; do
        run "smp/$(basename "$t" .sh)" bash "$t"
    done
}

for s in "$@"; do "suite_$s"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
