# SPDX-License-Identifier: MIT
# SeaBIOS boots a disk whose first sector reads on by extended INT 13h and powers off: raw, qcow2 with a backing file, temporary snapshot; the
# image is locked against a second writer. GRUB's rescue CD reaches its menu.
set -e
. "$SRC/tests/block/lib.bash"
make_boot_disk "$work/disk.raw"
rhea=$BUILD/rhea-system-x86_64
firmware_boots raw -drive file="$work/disk.raw",format=raw
firmware_boots "image name alone" "$work/disk.raw"
"$BUILD/rhea-img" create -q -f qcow2 -b disk.raw -F raw "$work/over.qcow2"
firmware_boots qcow2 -hda "$work/over.qcow2"
firmware_boots snapshot -snapshot "$work/over.qcow2"
firmware_boots blockdev -blockdev '{"driver":"qcow2","node-name":"d","file":{"driver":"file","filename":"'"$work"'/over.qcow2"}}' -device ide-hd,drive=d
"$BUILD/rhea-img" check -q "$work/over.qcow2" >/dev/null

out=$(timeout 30 "$rhea" -hda "$work/disk.raw" -hdb "$work/disk.raw" -display none 2>&1) && exit 1
grep -q 'Failed to get "write" lock' <<<"$out"
out=$(timeout 30 "$rhea" "$work/missing.img" -display none 2>&1) && exit 1
grep -q "Could not open '$work/missing.img': No such file" <<<"$out"

grub=/usr/lib/grub-rescue/grub-rescue-cdrom.iso
timeout 120 "$rhea" -cdrom $grub -display none -serial stdio -smoke timeout=100s,screen='GNU GRUB' </dev/null >"$work/grub.log" 2>&1 ||
    { echo "no GRUB menu:"; tail -c 500 "$work/grub.log"; exit 1; }
