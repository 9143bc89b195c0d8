# SPDX-License-Identifier: MIT
# The monitor answers the inspection commands, and quits with status 0.
. "$SRC/tests/cli/lib.bash"
kernel=$("$SRC/scripts/guest.sh" kernel cloud-amd64) || exit 1
{ sleep 3; printf '%s\n' 'info status' 'info version' 'info registers' 'info jit' 'info mtree' 'info qtree' 'x/10i $pc' 'xp/4xw 0' \
    'p 1+2*3' 'info mem' 'info tlb' 'info pic' 'info lapic' 'info cpus' 'info chardev' 'help' 'stop' 'info status' 'cont' \
    'bogus' 'info bogus' 'log in_asm' 'log none' 'info history' 'quit'; sleep 1; } |
    timeout 60 "$rhea" -kernel "$kernel" -append console=ttyS0 -serial null -display none -monitor stdio >"$tmp/out" 2>&1
status=$?
tr -d '\r' <"$tmp/out" >"$tmp/clean"
[ $status = 0 ] || { echo "status $status"; fails=1; }
for pattern in 'VM status: running' 'VM status: paused' 'RIP=|RAX=' 'CR0=' 'system' 'isa-serial|serial' '0x[0-9a-f]+: +[0-9a-f ]+ +[a-z]+' '^0x7$' \
    "unknown command: 'bogus'" "unknown command: 'info bogus'" 'TB|blocks'; do
    grep -Eq "$pattern" "$tmp/clean" || { echo "no output matches: $pattern"; fails=1; }
done
[ $fails = 0 ] || tail -n 60 "$tmp/clean"
exit $fails
