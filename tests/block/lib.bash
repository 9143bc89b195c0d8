# SPDX-License-Identifier: MIT
# Shared by the disk tests: boots Debian's kernel to tests/block/guest.c, which checks a disk from inside.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GUEST_MODULES="virtio_blk virtio_pci virtio_mmio ext4 nvme virtio_scsi sd_mod sr_mod virtio_rng virtio_console virtio_balloon isofs ahci crc32c_generic"

# guest_disk FLAVOUR TESTS DISK OPTION...: runs the guest's TESTS (raw,fs,…) on /dev/DISK. Leaves what it printed in $out; fails when a
# check failed or the guest did not reach its end.
guest_disk() {
    local flavour=$1 tests=$2 disk=$3 prog console guest kernel initrd status
    shift 3
    case $flavour in
    *arm64) prog=$BUILD/rhea-system-aarch64 console=ttyAMA0 guest=$BUILD/tests/bin/block-guest-arm64 ;;
    *) prog=$BUILD/rhea-system-x86_64 console=ttyS0 guest=$BUILD/tests/bin/block-guest64 ;;
    esac
    kernel=$("$SRC/scripts/guest.sh" kernel "$flavour") || { echo "no kernel $flavour"; return 1; }
    # shellcheck disable=SC2086
    initrd=$("$SRC/scripts/guest.sh" initrd-modules "$flavour" "$guest" $GUEST_MODULES) || return 1
    out=$(timeout "${BOOT_TIMEOUT:-200}" "$prog" -kernel "$kernel" -initrd "$initrd" -nographic -no-reboot -m 256 \
        -append "console=$console quiet panic=-1 test=$tests disk=$disk" "$@" </dev/null 2>&1) && status=0 || status=$?
    if [ $status != 0 ] || ! grep -q GUEST-DONE <<<"$out" || grep -q FAILED <<<"$out"; then
        echo "$flavour $tests $disk ($*): status $status"
        tail -n 25 <<<"$out"
        return 1
    fi
    echo "$flavour $tests $*: ok"
}

# aio_option MODE FILE: ",aio=MODE" with the cache mode it needs, or nothing where the host has no such thing.
aio_option() {
    local cache=writeback
    [ "$1" != native ] || cache=none
    "$BUILD/rhea-io" -f raw -i "$1" -t $cache -c quit "$2" >"$work/aio" 2>&1 && echo ",aio=$1,cache=$cache" || cat "$work/aio" >&2
}

# An image whose first sector prints FIRST SECTOR, reads the next ones by extended INT 13h and powers off.
make_boot_disk() { # file
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
 .org 0x400000
ASM
    gcc -m32 -nostdlib -static -Wl,-Ttext=0x7c00,--oformat=binary,--build-id=none -o "$1" "$work/boot.S"
}

# firmware_boots WHAT OPTION...: SeaBIOS starts the disk of make_boot_disk.
firmware_boots() {
    local what=$1 said status=0
    shift
    said=$(timeout 60 "$BUILD/rhea-system-x86_64" "$@" -display none -serial stdio </dev/null 2>&1) || status=$?
    # The firmware's own last characters may come between ours.
    [ $status = 0 ] && tr -d '.\r\n' <<<"$said" | grep -q "FIRST SECTOR.*SECOND SECTOR" ||
        { echo "$what: status $status"; tail -n 20 <<<"$said"; exit 1; }
}

# What the guest's file system test left is in order.
check_fs() { # raw image
    e2fsck -fn "$1" >"$work/fsck" 2>&1 || { cat "$work/fsck"; return 1; }
}
