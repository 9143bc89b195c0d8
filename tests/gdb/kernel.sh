# SPDX-License-Identifier: MIT
# gdb on Debian's kernel, with one and two vCPUs: attach at reset, break at start_kernel, step, watch jiffies, stop a
# running guest with Ctrl-C, threads, detach; the guest then reaches its userland. The kernel has no debug symbols:
# addresses come from its own /proc/kallsyms in a first run (nokaslr makes them the same in every run).
. "$SRC/tests/gdb/lib.bash"
kernel=$("$SRC/scripts/guest.sh" kernel cloud-amd64) && shell=$("$SRC/scripts/guest.sh" initrd cloud-amd64) || exit 1

# The emulator has the terminal's input from a pipe; the shell says "ends it" when it is there.
mkfifo "$tmp/in"
exec 3<>"$tmp/in"
wait_for_shell() { # file
    for _ in $(seq 600); do grep -q "ends it" "$1" 2>/dev/null && return; sleep 0.1; done
    fail "no shell"
}
timeout 120 "$rhea" -m 512 -kernel "$kernel" -initrd "$shell" -append "console=ttyS0 quiet nokaslr" -nographic -monitor none \
    -no-reboot <"$tmp/in" >"$tmp/console" 2>&1 &
emulator=$!
wait_for_shell "$tmp/console"
echo "grep -E ' (start_kernel|jiffies_64|rest_init|do_sys_openat2)$' /proc/kallsyms; poweroff -f" >&3
wait $emulator
emulator=
address() { tr -d '\r' <"$tmp/console" | sed -n "s/^\([0-9a-f]\{16\}\) . $1\$/0x\1/p" | head -n 1; }
start_kernel=$(address start_kernel) jiffies=$(address jiffies_64) rest_init=$(address rest_init) openat=$(address do_sys_openat2)
[ -n "$start_kernel" ] && [ -n "$jiffies" ] && [ -n "$rest_init" ] && [ -n "$openat" ] ||
    { echo "no symbols from the guest:"; tail -n 20 "$tmp/console"; exit 1; }

for cpus in 1 2; do
    start -smp $cpus -m 512 -kernel "$kernel" -initrd "$shell" -append "console=ttyS0 nokaslr" -serial stdio <"$tmp/in"
    debug -ex "set architecture i386:x86-64" <<EOF
hbreak *$start_kernel
continue
p \$rip == $start_kernel
p/x \$cr0 & 0x80000001
p/x \$efer & 0x500
x/2i \$rip
delete
stepi
stepi
stepi
break *$rest_init
continue
p \$rip == $rest_init
bt 2
delete
watch *(unsigned long *)$jiffies
continue
continue
delete
break *$openat
continue
p \$rip == $openat
info threads
thread apply all p \$_thread
delete
python import threading, time
python
def interrupt_at_prompt():
    while "ends it" not in open("$tmp/guest.log", errors="replace").read():
        time.sleep(0.1)
    gdb.post_event(lambda: gdb.execute("interrupt"))
end
python threading.Thread(target=interrupt_at_prompt, daemon=True).start()
continue
monitor info status
detach
EOF
    says 'Hardware assisted breakpoint 1' 'hit Breakpoint 1|^Breakpoint 1' '= 1$' '= 0x80000001' '= 0x500' '=> 0xffffffff' 'Breakpoint 2 at' \
        'Breakpoint 2, ' '= 1$' '#0 ' '#1 ' 'Hardware watchpoint 3' 'Old value' 'New value' 'Old value' 'New value' 'Breakpoint 4, ' \
        '= 1$' 'Thread 1.1 "CPU#0"' 'Thread 1.1' '= 1$' 'SIGINT' 'VM status: paused' 'detached'
    # The watched value was incremented by one, twice.
    awk '/^Old value/ { old = $4 } /^New value/ { if ($4 != old + 1) bad = 1 } END { exit bad }' "$tmp/out" ||
        { fail "jiffies did not count"; grep value "$tmp/out"; }
    grep -q "ends it" "$tmp/guest.log" || fail "the guest did not reach userland"
    echo "poweroff -f" >&3
    [ $cpus = 1 ] || grep -q 'Thread 1.2 "CPU#1"' "$tmp/out" || fail "no second thread"
    finished 0
    rm -f "$tmp/gdb"
done
exit $fails
