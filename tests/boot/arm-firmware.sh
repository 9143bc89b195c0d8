# SPDX-License-Identifier: MIT
# Firmware on the virt board: EDK2 starts Debian's arm64 kernel; U-Boot for both widths reaches its prompt and obeys.
. "$SRC/tests/boot/lib.bash"
set -e
efi=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd uboot=/usr/lib/u-boot
[ -f $efi ] && [ -f $uboot/qemu_arm64/u-boot.bin ] || { echo "qemu-efi-aarch64 or u-boot-qemu is not installed"; exit 77; }

# Types a command once the program waits for it; the machine is told to quit when it has answered.
uboot() { # program, image
    { for _ in $(seq 60); do sleep 1; ! grep -q '^=> ' "$said" || break; done
      printf 'version\r'; sleep 1; printf '\001cquit\n'; } |
        timeout 90 "$BUILD/$1" -M virt -m 256 "${@:3}" -nographic -bios "$2" >"$said" 2>&1
    grep -aq '^U-Boot 20.*Debian\|^U-Boot 20.*dfsg' "$said" || { echo "$1: no prompt"; tail -n 20 "$said"; return 1; }
    echo "$2 ok"
}
boot_off cloud-arm64 -M virt,gic-version=3 -cpu cortex-a57 -bios $efi
# The same from two flash drives: the second keeps EDK2's variables.
vars=$(mktemp)
trap 'rm -f "$said" "$vars"' EXIT
cp /usr/share/AAVMF/AAVMF_VARS.fd "$vars"
boot_off cloud-arm64 -M virt -cpu cortex-a57 -drive if=pflash,format=raw,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.fd \
    -drive if=pflash,format=raw,file="$vars"
! cmp -s /usr/share/AAVMF/AAVMF_VARS.fd "$vars" || { echo "no variable was written"; exit 1; }
uboot rhea-system-aarch64 $uboot/qemu_arm64/u-boot.bin -cpu cortex-a57
uboot rhea-system-arm $uboot/qemu_arm/u-boot.bin
