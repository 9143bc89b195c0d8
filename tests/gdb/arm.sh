# SPDX-License-Identifier: MIT
# gdb on Arm's virt machine, AArch64 and AArch32 (Arm and Thumb code): breakpoints, stepping, back traces, watchpoints,
# vector and system registers, Ctrl-C, two vCPUs. Expected values come from the program's text (guest-arm.c).
. "$SRC/tests/gdb/lib.bash"

debug_arm() { # name compiler flags emulator cpu
    command -v "$2" >/dev/null || { echo "no $2 here"; return; }
    # shellcheck disable=SC2086
    "$2" $3 -O1 -g -ffreestanding -fno-pic -fno-stack-protector -fno-optimize-sibling-calls -fno-asynchronous-unwind-tables \
        -nostdlib -static -no-pie -Wl,-Ttext=0x40200000 -Wl,--build-id=none -Wl,--no-warn-rwx-segments -o "$tmp/$1" "$SRC/tests/gdb/guest-arm.c" ||
        { fail "cannot build $1"; return; }
    rhea=$BUILD/rhea-system-$4 start -M virt -cpu "$5" -smp 2 -m 64 -nodefaults -kernel "$tmp/$1"
    debug "$tmp/$1" <<EOF
hbreak main
continue
info symbol \$pc
delete
break add if a == 10
continue
p a + b
finish
stepi
delete
tbreak factorial if n == 3
continue
bt
watch bytes[17]
continue
delete
break wait_here
continue
set var spin = 1
set var counter = 7
p counter
set var counter = 1000
info registers cpsr
p/x \$sp > 0x40000000
p \$$6 = 0x0123456789abcdef
p/x \$$6
info threads
python import threading
python threading.Timer(1.0, lambda: gdb.post_event(lambda: gdb.execute("interrupt"))).start()
delete
continue
set var spin = 0
p/x \$$7
monitor info status
detach
EOF
    says 'Breakpoint 1, .*main' 'main in section' 'Breakpoint 2, .*add \(a=10' '= 15' 'Value returned is .* = 15' 'factorial \(n=.*3\)' \
        '#3 .*factorial \(n=.*6\)' '#4 .*main' 'atchpoint 4: bytes' "New value = 90 'Z'" 'Breakpoint 5, .*wait_here' '= 7$' 'cpsr +0x' '= 0x1$' \
        '= 81985529216486895$' '= 0x123456789abcdef$' 'Thread 1.1' 'Thread 1.2' 'SIGINT' '= 0x[0-9a-f]{3,}$' 'VM status: paused' 'detached'
    finished 0
    rm -f "$tmp/gdb"
}

debug_arm aarch64 aarch64-linux-gnu-gcc "" aarch64 cortex-a57 v7.d.u[0] SCTLR_EL1
debug_arm arm arm-linux-gnueabihf-gcc -marm arm cortex-a15 d7.u64 SCTLR
debug_arm thumb arm-linux-gnueabihf-gcc -mthumb arm cortex-a15 d7.u64 SCTLR
exit $fails
