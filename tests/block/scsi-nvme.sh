# SPDX-License-Identifier: MIT
# Disks behind virtio-scsi and NVMe: SeaBIOS boots from either, also by bootindex, and from a CD-ROM drive behind virtio-scsi; Debian's kernel
# writes, flushes, discards and reads back; the file system it leaves is clean; a CD's files are whole.
set -e
. "$SRC/tests/block/lib.bash"
make_boot_disk "$work/boot.raw"
truncate -s 4M "$work/other.raw"
drive="-drive file=$work/boot.raw,format=raw,if=none,id=d"
other="-drive file=$work/other.raw,format=raw,if=none,id=o"
firmware_boots scsi-hd $drive -device virtio-scsi-pci -device scsi-hd,drive=d
firmware_boots "second scsi-hd" $other $drive -device virtio-scsi-pci -device scsi-hd,drive=o -device scsi-hd,drive=d,bootindex=0
firmware_boots nvme $drive -device nvme,serial=n,drive=d
firmware_boots "nvme before virtio-blk" $other -device virtio-blk-pci,drive=o $drive -device nvme,serial=n,drive=d,bootindex=1

truncate -s 64M "$work/disk.raw"
disk="-drive file=$work/disk.raw,format=raw,if=none,id=d,discard=unmap"
guest_disk cloud-amd64 raw,fs sda -smp 2 $disk -device virtio-scsi-pci -device scsi-hd,drive=d
check_fs "$work/disk.raw"
guest_disk cloud-amd64 raw,fs nvme0n1 -smp 2 $disk -device nvme,serial=n,drive=d
check_fs "$work/disk.raw"
if [ "${SLOW-}" = 1 ]; then
    for mode in io_uring native; do
        option=$(aio_option $mode "$work/disk.raw")
        guest_disk cloud-amd64 raw,fs sda -smp 2 $disk$option -device virtio-scsi-pci -device scsi-hd,drive=d
        guest_disk cloud-amd64 raw,fs nvme0n1 -smp 2 $disk$option -device nvme,serial=n,drive=d
        check_fs "$work/disk.raw"
    done
fi

mkdir "$work/files"
seq 100000 >"$work/files/numbers"
genisoimage -quiet -R -o "$work/cd.iso" "$work/files"
guest_disk cloud-amd64 cd sr0 -drive file="$work/cd.iso",format=raw,media=cdrom,if=none,id=c -device virtio-scsi-pci -device scsi-cd,drive=c
want=$(md5sum <"$work/files/numbers" | cut -c1-32)
grep -q "$want" <<<"$out" || { echo "the CD's file differs, wanted $want:"; tail <<<"$out"; exit 1; }

out=$(timeout 100 "$BUILD/rhea-system-x86_64" -drive file=/usr/lib/grub-rescue/grub-rescue-cdrom.iso,media=cdrom,if=none,id=c -device virtio-scsi-pci \
    -device scsi-cd,drive=c -display none -serial null -smoke timeout=90s,screen='GNU GRUB' </dev/null 2>&1) || { tail -c 500 <<<"$out"; exit 1; }
