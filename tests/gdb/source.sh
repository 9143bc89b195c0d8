# SPDX-License-Identifier: MIT
# gdb on a program with symbols, in 32-bit and 64-bit mode: breakpoints of both kinds, conditions, stepping over,
# into and out of calls, ranges, watchpoints of each kind with the value and the line that did it, registers and
# memory read and written, searches, Ctrl-C, and the program's own result afterwards. Expected values come from the
# program's text (guest.c).
. "$SRC/tests/gdb/lib.bash"
for width in 64 32; do
    build_guest $width || exit 1
    [ $width = 64 ] || rhea=${rhea/x86_64/i386} # gdb takes a target's width from its description
    start -m 64 -nodefaults -serial stdio -device isa-debug-exit,iobase=0x501,iosize=2 -kernel "$tmp/guest$width"
    debug "$tmp/guest$width.elf" <<EOF
hbreak main
continue
info symbol \$pc
break add if a == 10
continue
p a
p b
p counter
bt
finish
next
info source
delete
tbreak factorial if n == 3
continue
bt
p \$_thread
up
p n
down
finish
watch counter
p counter = 4242
rwatch bytes[4095]
awatch bytes[17]
watch odd.misaligned
continue
x/wx &odd.misaligned
continue
info symbol \$pc
continue
delete
break wait_here
continue
delete
set var spin = 1
set var counter = 1000
find /b1 &bytes[0], +4096, 0x5a
p/x \$eflags
p \$xmm0.uint128 = 0x0123456789abcdef
p/x \$xmm0.v2_int64[0]
set var \$mxcsr = 0x1fa0
info registers mxcsr
p/x \$fctrl
p \$cs != 0
p/x \$cr0 & 1
x/2i \$pc
python import threading, os, time
python threading.Timer(1.0, lambda: gdb.post_event(lambda: gdb.execute("interrupt"))).start()
continue
stepi
stepi
p spin
set var spin = 0
info threads
monitor info status
detach
EOF
    says 'Hardware assisted breakpoint 1' 'Breakpoint 1, main \(\)' 'main in section' 'Breakpoint 2, add \(a=10, b=.*5\)' \
        '^\$1 = 10$' '^\$2 = 5$' '^\$3 = 5$' '#0  add \(a=10, b=.*5\)' '#1  .* main \(\)' 'Value returned is .* = 15' \
        '^[0-9]+.*(for|sum = add)' 'Temporary breakpoint 3, factorial \(n=.*3\)' '#0  factorial \(n=.*3\)' \
        '#3  .*factorial \(n=.*6\)' '#4  .* main' '= 1$' '#1 .*factorial \(n=.*4\)' '= 4$' 'Value returned is .* = 6' \
        'Hardware watchpoint 4: counter' 'Hardware read watchpoint 5' 'Hardware access .*watchpoint 6' 'Hardware watchpoint 7: odd'
    says 'New value = 305419896' 'odd\+2>:.*0x12345678' 'access .*watchpoint 6: bytes\[17\]' "New value = 90 'Z'" \
        'fill .*in section' 'read watchpoint 5: bytes\[4095\]' "Value = 90 'Z'" 'Breakpoint 8, wait_here' '<bytes>' '1 pattern found' \
        '= 0x[0-9a-f]+$' '= 81985529216486895$' '= 0x123456789abcdef$' 'mxcsr +0x1fa0' '= 0x40$' '= 1$' '= 0x1$' 'SIGINT' \
        'wait_here|pause' '= 1$' 'Thread 1.1' 'VM status: paused' 'detached'
    finished 1
    grep -q passed "$tmp/guest.log" || { fail "the guest did not pass:"; cat "$tmp/guest.log"; }
    rm -f "$tmp/gdb"
done
exit $fails
