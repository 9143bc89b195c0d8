# SPDX-License-Identifier: MIT
# Shared by the debugger tests: building the guest program, running gdb beside the emulator, judging its output.
# PROGRAM=name runs another emulator (rhea-system-x86_64 is the default; qemu-system-x86_64 shows the peer's view).
rhea=${PROGRAM:-$BUILD/rhea-system-x86_64}
gdb=$(command -v gdb-multiarch || command -v gdb) || { echo "no gdb here"; exit 77; }
tmp=$(mktemp -d)
emulator=
trap '[ -z "$emulator" ] || kill "$emulator" 2>/dev/null; rm -rf "$tmp"' EXIT
fails=0

build_guest() { # width, source (guest.c)
    local dir=$SRC/tests/tcg/i386/system
    gcc "-m$1" -O1 -g -Wall -Wextra -Werror -Wno-main -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none \
        -fno-asynchronous-unwind-tables -mgeneral-regs-only -mno-red-zone -fno-optimize-sibling-calls -I"$dir" \
        -nostdlib -static -no-pie -Wl,-T,"$dir/link.ld" -Wl,-z,max-page-size=4096 -Wl,--build-id=none \
        -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack -o "$tmp/guest$1.elf" "$dir/start.S" "$dir/lib.c" "$SRC/tests/gdb/${2:-guest.c}" &&
        objcopy -O elf32-i386 "$tmp/guest$1.elf" "$tmp/guest$1"
}

# start ARGS...: the emulator, stopped at reset, with its gdb server on $tmp/gdb; it reads the function's input
start() {
    timeout "${GUEST_TIMEOUT:-120}" "$rhea" -S -chardev "socket,path=$tmp/gdb,server=on,wait=off,id=g" -gdb chardev:g -display none \
        -monitor none -no-reboot "$@" >"$tmp/guest.log" 2>&1 <&0 &
    emulator=$!
    for _ in $(seq 100); do [ -S "$tmp/gdb" ] && return; sleep 0.05; done
    echo "the emulator did not start"
    cat "$tmp/guest.log"
    exit 1
}

# debug FILE: runs gdb with the commands on stdin; output in $tmp/out
debug() {
    { printf '%s\n' 'set pagination off' 'set confirm off' 'set width 0' "target remote $tmp/gdb"; cat; } >"$tmp/script"
    timeout "${GDB_TIMEOUT:-100}" "$gdb" -nx -batch -x "$tmp/script" "$@" >"$tmp/out" 2>&1
    local status=$?
    [ $status = 0 ] || { fail "gdb ended with status $status"; kill "$emulator"; }
}

fail() {
    echo "FAILED: $*"
    fails=$((fails + 1))
}

# The guest's exit status: 1 is isa-debug-exit's 0.
finished() { # status
    wait "$emulator"
    local got=$?
    emulator=
    [ $got = "$1" ] || { fail "the emulator ended with status $got, wanted $1"; tail -n 20 "$tmp/guest.log"; }
}

# says PATTERN...: lines matching these (extended) patterns appear in gdb's output in this order.
says() {
    local line=0 at
    for pattern; do
        at=$(tail -n +$((line + 1)) "$tmp/out" | grep -nE -m1 -- "$pattern" | cut -d: -f1)
        [ -n "$at" ] || { fail "gdb's output after line $line has no '$pattern':"; cat "$tmp/out"; return; }
        line=$((line + at))
    done
}
