# SPDX-License-Identifier: MIT
# SeaBIOS boots a disk whose first sector reads on by extended INT 13h and powers off: raw, qcow2 with a backing file, temporary snapshot; the
# image is locked against a second writer. GRUB's rescue CD reaches its menu.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/boot.S" <<'ASM'
.code16
.globl _start
_start: xor %ax, %ax
 mov %ax, %ds
 mov %ax, %ss
 mov $0x7c00, %sp
 mov $hello, %si
 call puts
 mov $0x80, %dl
 mov $0x42, %ah
 mov $packet, %si
 int $0x13
 jc bad
 mov $0x8000, %si
 call puts
 mov $0x604, %dx
 mov $0x2000, %ax
 out %ax, %dx
bad: hlt
 jmp bad
puts: lodsb
 or %al, %al
 jz 1f
 mov $0x3f8, %dx
 out %al, %dx
 jmp puts
1: ret
hello: .asciz "FIRST SECTOR\r\n"
packet: .byte 16, 0
 .word 64, 0x8000, 0
 .quad 1
 .org 510
 .word 0xaa55
 .asciz "SECOND SECTOR\r\n"
 .org 0x10000
ASM
gcc -m32 -nostdlib -static -Wl,-Ttext=0x7c00,--oformat=binary,--build-id=none -o "$work/disk.raw" "$work/boot.S"
rhea=$BUILD/rhea-system-x86_64
boots() { # what options…
    local what=$1 out status=0
    shift
    out=$(timeout 60 "$rhea" "$@" -display none -serial stdio </dev/null 2>&1) || status=$?
    [ $status = 0 ] && grep -q "FIRST SECTOR" <<<"$out" && grep -q "SECOND SECTOR" <<<"$out" ||
        { echo "$what: status $status"; tail -n 20 <<<"$out"; exit 1; }
}
boots raw -drive file="$work/disk.raw",format=raw
boots "image name alone" "$work/disk.raw"
"$BUILD/rhea-img" create -q -f qcow2 -b disk.raw -F raw "$work/over.qcow2"
boots qcow2 -hda "$work/over.qcow2"
boots snapshot -snapshot "$work/over.qcow2"
boots blockdev -blockdev '{"driver":"qcow2","node-name":"d","file":{"driver":"file","filename":"'"$work"'/over.qcow2"}}' -device ide-hd,drive=d
"$BUILD/rhea-img" check -q "$work/over.qcow2" >/dev/null

out=$(timeout 30 "$rhea" -hda "$work/disk.raw" -hdb "$work/disk.raw" -display none 2>&1) && exit 1
grep -q 'Failed to get "write" lock' <<<"$out"
out=$(timeout 30 "$rhea" "$work/missing.img" -display none 2>&1) && exit 1
grep -q "Could not open '$work/missing.img': No such file" <<<"$out"

grub=/usr/lib/grub-rescue/grub-rescue-cdrom.iso
timeout 120 "$rhea" -cdrom $grub -display none -serial stdio -smoke timeout=100s,screen='GNU GRUB' </dev/null >"$work/grub.log" 2>&1 ||
    { echo "no GRUB menu:"; tail -c 500 "$work/grub.log"; exit 1; }
