# SPDX-License-Identifier: MIT
# Disks behind AHCI: SeaBIOS boots from it on q35 and pc, by short option, bus name and boot index, and from what is behind a PCI Express root port;
# GRUB from a CD-ROM; Debian's kernel writes (queued), flushes, discards and reads back by 8 threads; the file system it leaves is clean.
set -e
. "$SRC/tests/block/lib.bash"
make_boot_disk "$work/boot.raw"
truncate -s 4M "$work/other.raw"
drive="-drive file=$work/boot.raw,format=raw,if=none,id=d"
firmware_boots -hda -M q35 -hda "$work/boot.raw"
firmware_boots "bus and bootindex" -M q35 -drive file="$work/other.raw",format=raw $drive -device ide-hd,drive=d,bus=ide.3,bootindex=1
firmware_boots "ahci on pc" $drive -device ahci,id=a -device ide-hd,drive=d,bus=a.2
firmware_boots "virtio-blk behind a port" -M q35 -device pcie-root-port,id=rp $drive -device virtio-blk-pci,drive=d,bus=rp
firmware_boots "NVMe behind a port" -M q35 -device pcie-root-port,id=rp $drive -device nvme,serial=n,drive=d,bus=rp

out=$(timeout 100 "$BUILD/rhea-system-x86_64" -M q35 -cdrom /usr/lib/grub-rescue/grub-rescue-cdrom.iso -display none -serial null \
    -smoke timeout=90s,screen='GNU GRUB' </dev/null 2>&1) || { tail -c 500 <<<"$out"; exit 1; }

truncate -s 64M "$work/disk.raw"
guest_disk amd64 raw,fs sda -M q35 -smp 2 -drive file="$work/disk.raw",format=raw,if=none,id=d,discard=unmap -device ide-hd,drive=d
check_fs "$work/disk.raw"
[ "${SLOW-}" = 1 ] || exit 0
"$BUILD/rhea-img" create -q -f qcow2 "$work/disk.qcow2" 64M
guest_disk amd64 raw,fs sda -M pc -device ahci,id=a -drive file="$work/disk.qcow2",format=qcow2,if=none,id=d,discard=unmap -device ide-hd,drive=d,bus=a.0
"$BUILD/rhea-img" check -q "$work/disk.qcow2" >/dev/null
