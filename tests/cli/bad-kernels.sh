# SPDX-License-Identifier: MIT
# Truncated, random and foreign kernels: a clear error with status 1, never a crash.
. "$SRC/tests/cli/lib.bash"
kernel=$("$SRC/scripts/guest.sh" kernel cloud-amd64) || exit 1
for n in 0 1 100 511 512 513 600 1024 4096 20000 65536 1000000; do
    head -c $n "$kernel" >"$tmp/k"
    timeout 20 "$rhea" -kernel "$tmp/k" -display none -m 64 >"$tmp/out" 2>&1 </dev/null
    status=$?
    [ $status = 1 ] && grep -q "could not load kernel" "$tmp/out" || { echo "truncated to $n: status $status"; cat "$tmp/out"; fails=1; }
done
# Random bytes behind a valid header and magic.
for seed in 1 2 3 4 5 6 7 8; do
    { head -c 4096 "$kernel"; head -c 60000 /dev/urandom; } >"$tmp/k"
    printf "$(printf '\\x%02x' $((seed * 29 % 256)))" | dd of="$tmp/k" bs=1 seek=$((497 + seed * 9)) conv=notrunc 2>/dev/null
    timeout 10 "$rhea" -kernel "$tmp/k" -display none -m 64 -no-reboot >"$tmp/out" 2>&1 </dev/null
    status=$?
    case $status in 0 | 1 | 124) ;; *) echo "mutated header $seed: status $status"; cat "$tmp/out"; fails=1 ;; esac
done
dd if=/dev/zero of="$tmp/initrd" bs=1M count=0 seek=200 2>/dev/null
expect 1 "initrd" "$rhea" -kernel "$kernel" -initrd "$tmp/initrd" -m 128 -display none
one_line 2
printf '\x7fELF\x02\x01\x01' >"$tmp/elf"; head -c 200 /dev/urandom >>"$tmp/elf"
expect 1 "could not load kernel" "$rhea" -kernel "$tmp/elf" -display none
expect 1 "could not load kernel" "$rhea" -kernel /bin/true -display none
exit $fails
