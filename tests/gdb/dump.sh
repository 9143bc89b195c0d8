# SPDX-License-Identifier: MIT
# dump-guest-memory: gdb opens the ELF core of a stopped guest and shows where it stood; every byte of RAM is in the
# core and in the kdump files (check-dump.py, against what pmemsave wrote); wrong arguments leave no file.
. "$SRC/tests/gdb/lib.bash"
build_guest 64 || exit 1
ram=$((64 << 20))
start -m 64 -smp 2 -nodefaults -serial stdio -device isa-debug-exit,iobase=0x501,iosize=2 -kernel "$tmp/guest64"
debug "$tmp/guest64.elf" <<EOF
break factorial if n == 2
continue
monitor dump-guest-memory $tmp/core
monitor dump-guest-memory -p $tmp/core-p
monitor dump-guest-memory -z $tmp/kdump
monitor dump-guest-memory -Z $tmp/kdump-zstd
monitor pmemsave 0 $ram $tmp/raw
monitor dump-guest-memory $tmp/part 0x100000 0x1000
monitor dump-guest-memory -l $tmp/none
monitor dump-guest-memory -p -z $tmp/none
monitor dump-guest-memory $tmp/none 0xf0000000 0x1000
monitor dump-guest-memory $tmp/none 0 0
monitor dump-guest-memory $tmp/none nonsense 1
monitor dump-guest-memory $tmp/no/such/folder
monitor dump-guest-memory -q $tmp/none
detach
EOF
says 'kdump-lzo is not available now' "doesn't support paging or filter" "Invalid parameter 'begin'" "Invalid parameter 'length'" \
    'nonsense' 'Could not open' 'detached'
finished 1
[ ! -e "$tmp/none" ] || fail "a failed dump left its file"
[ "$(stat -c %s "$tmp/part")" -lt 16384 ] || fail "a dump of one page is large"
python3 "$SRC/tests/gdb/check-dump.py" "$tmp/raw" "$tmp/core" "$tmp/kdump" "$tmp/kdump-zstd" || fail "dumps differ"
for core in core core-p; do
    "$gdb" -nx -batch "$tmp/guest64.elf" -c "$tmp/$core" -ex bt -ex 'p counter' -ex 'info threads' >"$tmp/out" 2>&1
    says '#0 +factorial \(n=.*2\)' '#1 .*factorial \(n=.*3\)' '#5 .*main' '= 1000$' 'LWP 1' 'LWP 2'
done
exit $fails
