# SPDX-License-Identifier: MIT
# -icount makes runs repeat: two boots, with one and with two vCPUs, with and without sleeping through idle time, say the
# same on the console (kernel timestamps in microseconds included) and take the same interrupts at the same instructions.
. "$SRC/tests/boot/lib.bash"
kernel=$("$SRC/scripts/guest.sh" kernel cloud-amd64) && initrd=$("$SRC/scripts/guest.sh" initrd-off cloud-amd64) || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fails=0

run() { # name args...
    local name=$1
    shift
    timeout 150 "$BUILD/rhea-system-x86_64" -m 256 -kernel "$kernel" -initrd "$initrd" -append console=ttyS0 -nographic -monitor none \
        -no-reboot -rtc base=2024-01-01 -d int -D "$tmp/$name.log" "$@" >"$tmp/$name" 2>&1 </dev/null
    grep -q RHEA-BOOT-OK "$tmp/$name" || { echo "$name: no boot"; tail -n 5 "$tmp/$name"; fails=1; }
}

twice() { # args...
    run a "$@"
    run b "$@"
    cmp "$tmp/a" "$tmp/b" || { echo "consoles differ with $*"; diff "$tmp/a" "$tmp/b" | head -n 6; fails=1; }
    # Power-off stops the vCPUs when the main loop comes to it: the last lines may be cut.
    local n
    n=$(cat "$tmp/a.log" "$tmp/b.log" | wc -l)
    n=$((n / 2 - 50))
    cmp <(head -n $n "$tmp/a.log") <(head -n $n "$tmp/b.log") || { echo "interrupts differ with $*"; fails=1; }
}

twice -icount shift=0,sleep=off -smp 2
twice -icount shift=3
[ "${SLOW:-}" ] && twice -icount shift=0,sleep=off -seed 5
exit $fails
