# SPDX-License-Identifier: MIT
# virtio-blk: SeaBIOS boots from it by each interface, also as second disk chosen by bootindex; Debian's kernels write, flush, discard and read
# it back by PCI (modern, legacy, packed rings, two queues; with each aio=) and on virt by virtio-mmio (both versions) and PCI; the file system they leave is clean.
set -e
. "$SRC/tests/block/lib.bash"
make_boot_disk "$work/boot.raw"
truncate -s 4M "$work/other.raw"
drive="-drive file=$work/boot.raw,format=raw,if=none,id=d"
firmware_boots if=virtio -drive file="$work/boot.raw",format=raw,if=virtio
firmware_boots modern $drive -device virtio-blk-pci,drive=d,disable-legacy=on
firmware_boots legacy $drive -device virtio-blk-pci,drive=d,disable-modern=on
firmware_boots packed $drive -device virtio-blk,drive=d,packed=on
firmware_boots bootindex -drive file="$work/other.raw",format=raw,if=none,id=o -device virtio-blk-pci,drive=o $drive -device virtio-blk-pci,drive=d,bootindex=3

truncate -s 64M "$work/disk.raw"
disk="-drive file=$work/disk.raw,format=raw,if=none,id=d,discard=unmap"
uring=$(aio_option io_uring "$work/disk.raw") native=$(aio_option native "$work/disk.raw")
guest_disk cloud-amd64 raw,fs vda -smp 2 $disk$uring -device virtio-blk-pci,drive=d,packed=on
check_fs "$work/disk.raw"
guest_disk cloud-amd64 raw vda $disk$native -device virtio-blk-pci,drive=d,disable-modern=on,event_idx=off
guest_disk cloud-arm64 raw,fs vda -M virt -cpu cortex-a57 $disk -device virtio-blk-device,drive=d
check_fs "$work/disk.raw"
[ "${SLOW-}" = 1 ] || exit 0
guest_disk cloud-amd64 raw,fs vda -smp 2 $disk$native -device virtio-blk-pci,drive=d
guest_disk cloud-amd64 raw,fs vda -smp 2 $disk${uring/writeback/none} -device virtio-blk-pci,drive=d
guest_disk cloud-amd64 raw,fs vda $disk -device virtio-blk-pci,drive=d
guest_disk cloud-arm64 raw,fs vda -M virt -cpu cortex-a57 -global virtio-mmio.force-legacy=false $disk -device virtio-blk-device,drive=d,packed=on
guest_disk cloud-arm64 raw,fs vda -M virt,gic-version=3 -cpu cortex-a57 -drive file="$work/disk.raw",format=raw
check_fs "$work/disk.raw"
"$BUILD/rhea-img" create -q -f qcow2 "$work/disk.qcow2" 64M
guest_disk cloud-amd64 raw,fs vda -drive file="$work/disk.qcow2",format=qcow2,if=virtio,discard=unmap
"$BUILD/rhea-img" check -q "$work/disk.qcow2" >/dev/null
