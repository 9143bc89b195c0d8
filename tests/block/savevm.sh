#!/bin/bash
# SPDX-License-Identifier: MIT
# savevm and loadvm: Debian's kernels, at work on a virtio disk, are saved, and go on in a new process where they were.
set -u
. "$SRC/tests/block/lib.bash"
cat >"$work/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /dev
$b mount -t proc none /proc
$b mount -t devtmpfs none /dev
for m in /modules/*.ko; do $b insmod $m 2>/dev/null; done
$b sleep 1
i=0
while :; do
    i=$((i + 1))
    echo "block $i of this guest" | $b dd of=/dev/vda bs=512 seek=$i conv=notrunc,sync,fsync 2>/dev/null
    k=$(((i * 7) % i + 1))
    $b dd if=/dev/vda bs=512 skip=$k count=1 iflag=direct 2>/dev/null | $b grep -q "block $k of this guest" || echo "FAILED: block $k"
    echo "tick $i $($b cut -d. -f1 /proc/uptime)"
    $b sleep 0.1
done
INIT
chmod +x "$work/init"
failed=0
for flavour in ${FLAVOURS:-cloud-amd64 cloud-arm64}; do
    kernel=$("$SRC/scripts/guest.sh" kernel "$flavour") || { echo "no kernel $flavour"; exit 77; }
    initrd=$("$SRC/scripts/guest.sh" initrd-modules "$flavour" "$work/init" virtio_blk virtio_pci) || exit 77
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$SRC/tests/qmp" python3 "$SRC/tests/block/savevm.py" "$flavour" "$kernel" "$initrd" "$work" || failed=1
done
exit $failed
