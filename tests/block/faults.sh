# SPDX-License-Identifier: MIT
# What goes wrong under a disk: the guest sees an I/O error and has what it wrote before, the user reads one line, the image stays valid.
# The host's disk is full (reported to the guest, as each kind of disk; stopped for until there is room), the image is read-only, gone, or without its
# backing file.
set -e
. "$SRC/tests/block/lib.bash"
if [ "$(id -u)" != 0 ]; then
    unshare -rm true 2>/dev/null || { echo "no name space in which to mount a small file system"; exit 77; }
    exec unshare -rm bash "$0"
fi
small=$work/small
mkdir "$small"
mount -t tmpfs -o size=24m none "$small" || { echo "no small file system can be mounted"; exit 77; }
trap 'umount "$small"; rm -rf "$work"' EXIT
GUEST_MODULES="$GUEST_MODULES ata_piix"
img=$BUILD/rhea-img

wrong() { # what: the end, with what was said
    echo "$1:"
    tail -n 15 "$work/errors"
    tail -n 25 <<<"$out"
    exit 1
}

# fills WHAT DISK OPTION...: test=fill on it; what the guest says is in $out, our own lines in errors.
fills() {
    local what=$1 disk=$2 kernel initrd
    shift 2
    kernel=$("$SRC/scripts/guest.sh" kernel amd64)
    # shellcheck disable=SC2086
    initrd=$("$SRC/scripts/guest.sh" initrd-modules amd64 "$BUILD/tests/bin/block-guest64" $GUEST_MODULES)
    out=$(timeout 200 "$BUILD/rhea-system-x86_64" -kernel "$kernel" -initrd "$initrd" -display none -serial stdio -no-reboot -m 256 \
        -append "console=ttyS0 quiet panic=-1 test=fill disk=$disk" "$@" </dev/null 2>"$work/errors") || wrong "$what: status $?"
    grep -q GUEST-DONE <<<"$out" || wrong "$what: the guest did not come to its end"
    ! grep -q FAILED <<<"$out" || wrong "$what"
}

says() { # what, pattern of the guest's words, pattern of our line or "" for none
    grep -qE "$2" <<<"$out" || wrong "$1: the guest does not say '$2'"
    if [ -z "$3" ]; then
        [ ! -s "$work/errors" ] || wrong "$1: more was said than nothing"
    else
        [ "$(wc -l <"$work/errors")" = 1 ] && grep -qE "$3" "$work/errors" || wrong "$1: wanted one line '$3'"
    fi
}

full_disk() { # WHAT DISK OPTION...
    rm -f "$small"/*
    "$img" create -q -f qcow2 "$small/d.qcow2" 64M
    fills "$@"
    says "$1" 'fill: (1[0-9]|2[0-4]) MiB written, then: (Input/output error|No space left on device)' 'No space left on device'
    "$img" check "$small/d.qcow2" >"$work/check" || { cat "$work/check"; exit 1; }
    echo "$1: $(grep -o 'fill: .*' <<<"$out")"
    ! command -v qemu-img >/dev/null || qemu-img check "$small/d.qcow2" >"$work/check" || { cat "$work/check"; exit 1; }
}
d="-drive file=$small/d.qcow2,if=none,id=d,werror=report"
full_disk "full, virtio-blk" vda $d -device virtio-blk-pci,drive=d
full_disk "full, AHCI" sda -M q35 $d -device ide-hd,drive=d
full_disk "full, NVMe" nvme0n1 $d -device nvme,serial=n,drive=d
full_disk "full, virtio-scsi" sda $d -device virtio-scsi-pci -device scsi-hd,drive=d
full_disk "full, IDE" sda $d -device ide-hd,drive=d

# A raw image with holes, without threads: the host's error comes from the kernel.
rm -f "$small"/*
truncate -s 64M "$small/d.raw"
fills "full, raw" vda -drive file="$small/d.raw",format=raw,if=virtio,werror=report"$(aio_option io_uring "$small/d.raw")"
says "full, raw" 'fill: (1[0-9]|2[0-4]) MiB written, then: (Input/output error|No space left on device)' 'No space left on device'

# The same, stopped for: the monitor's cont after there is room, and the guest sees no error.
rm -f "$small"/*
"$img" create -q -f qcow2 "$small/d.qcow2" 64M
mkfifo "$work/m.in" "$work/m.out"
cat "$work/m.out" >"$work/monitor" &
(while ! grep -q 'No space left' "$work/errors" 2>/dev/null; do sleep 0.2; done
 mount -o remount,size=100m "$small"
 echo cont
 while [ -e "$work/m.in" ]; do sleep 0.2; done) >"$work/m.in" &
fills "full, stop" vda -drive file="$small/d.qcow2",if=virtio -chardev pipe,id=m,path="$work/m" -mon chardev=m
rm "$work/m.in"
says "full, stop" 'fill: 64 MiB written, then: the end; flush: ok' 'No space left on device'
"$img" check -q "$small/d.qcow2" >"$work/check" || { cat "$work/check"; exit 1; }
echo "full, stop: ok"

# Read-only: the guest's first write fails.
"$img" create -q -f qcow2 "$work/d.qcow2" 64M
fills "read-only" vda -drive file="$work/d.qcow2",if=virtio,readonly=on
says "read-only" 'fill: 0 MiB written, then: (Operation not permitted|Input/output error)' ''
mount --bind "$work/d.qcow2" "$work/d.qcow2"
mount -o remount,ro,bind "$work/d.qcow2"
status=0
out=$("$BUILD/rhea-system-x86_64" -display none -drive file="$work/d.qcow2",if=virtio 2>&1) || status=$?
umount "$work/d.qcow2"
[ $status = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && grep -q 'Read-only file system' <<<"$out" || { echo "read-only file: status $status: $out"; exit 1; }

# Gone: the image that others stand on, or itself.
"$img" create -q -f qcow2 -b d.qcow2 -F qcow2 "$work/top.qcow2"
rm "$work/d.qcow2"
for file in top d; do
    status=0
    out=$("$BUILD/rhea-system-x86_64" -display none -drive file="$work/$file.qcow2",if=virtio 2>&1) || status=$?
    [ $status = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && grep -q 'd.qcow2.*No such file' <<<"$out" || { echo "gone: status $status: $out"; exit 1; }
done
