# SPDX-License-Identifier: MIT
# Firmware on the virt board: EDK2 starts Debian's arm64 kernel, with SLOW=1 its installer too, and reaches its shell; U-Boot for both widths reaches
# its prompt, obeys, and starts Debian's kernels with booti and bootz.
. "$SRC/tests/boot/lib.bash"
set -e
efi=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd uboot=/usr/lib/u-boot
[ -f $efi ] && [ -f $uboot/qemu_arm64/u-boot.bin ] || { echo "qemu-efi-aarch64 or u-boot-qemu is not installed"; exit 77; }

# Waits until the program has said the pattern.
await() {
    for _ in $(seq "${AWAIT:-60}"); do
        ! grep -aq "$1" "$said" || return 0
        sleep 1
    done
    return 1
}
# Types lines at U-Boot's prompt, then does what "$after" says.
uboot_lines() {
    await '^Hit any key' && printf '\r'
    await '^=> ' || return 0
    for line in "$@"; do
        printf '%s\r' "$line"
        sleep 1
    done
    await "$after" || true
    printf '\001cquit\n'
}
# uboot PROGRAM IMAGE PATTERN LINES OPTIONS...: the guest must say the pattern after the lines (an array's name).
uboot() {
    local -n lines=$4
    local after=$3
    : >"$said"
    uboot_lines "${lines[@]}" | timeout 150 "$BUILD/$1" -M virt -nographic -no-reboot -bios "$2" "${@:5}" >"$said" 2>&1 || true
    grep -aq "$after" "$said" || { echo "$1: '$after' did not come; last lines:"; tail -n 20 "$said"; return 1; }
    echo "$2 ${lines[0]} ok"
}
# Kernel and initramfs where U-Boot's script has them, placed in RAM; started from the prompt with U-Boot's own device tree.
uboot_kernel() { # program image command flavour options...
    local kernel initrd
    kernel=$("$SRC/scripts/guest.sh" kernel "$4")
    initrd=$("$SRC/scripts/guest.sh" initrd-off "$4")
    # shellcheck disable=SC2016,SC2034
    local typed=('setenv bootargs console=ttyAMA0 panic=-1'
                 "$3 0x40400000 0x44000000:$(printf %x "$(stat -L -c %s "$initrd")") "'${fdtcontroladdr}')
    uboot "$1" "$2" RHEA-BOOT-OK typed -m 512 -device "loader,file=$kernel,addr=0x40400000,force-raw=on" \
        -device "loader,file=$initrd,addr=0x44000000,force-raw=on" "${@:5}"
}
# EDK2 without anything to boot ends in its shell, which switches the machine off when told.
efi_shell() { # program image options...
    : >"$said"
    { await 'Shell> ' && printf 'reset -s\r'; sleep 1; } |
        timeout 150 "$BUILD/$1" -M virt -m 512 -nographic -bios "$2" "${@:3}" >"$said" 2>&1 ||
        { echo "$2: no shell; last lines:"; tail -n 20 "$said"; return 1; }
    grep -aq 'Shell> ' "$said" || { echo "$2: no shell"; return 1; }
    echo "$2 shell ok"
}
boot_off cloud-arm64 -M virt,gic-version=3 -cpu cortex-a57 -bios $efi
# The same from two flash drives: the second keeps EDK2's variables.
vars=$(mktemp)
trap 'rm -f "$said" "$vars"' EXIT
cp /usr/share/AAVMF/AAVMF_VARS.fd "$vars"
boot_off cloud-arm64 -M virt -cpu cortex-a57 -drive if=pflash,format=raw,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.fd \
    -drive if=pflash,format=raw,file="$vars"
! cmp -s /usr/share/AAVMF/AAVMF_VARS.fd "$vars" || { echo "no variable was written"; exit 1; }
# Debian's installer, its own kernel and initramfs, up to its first screen on the serial port; the image is large, so this is long.
installer() {
    local di=/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64 limit=${INSTALLER_TIMEOUT:-400}
    [ -f $di/linux ] || { echo "debian-installer-12-netboot-arm64 is not installed"; return 0; }
    : >"$said"
    { AWAIT=$limit await 'Select a language\|Choose language' || true; printf '\001cquit\n'; } |
        timeout -k 10 "$limit" "$BUILD/rhea-system-aarch64" -M virt,gic-version=3 -cpu cortex-a57 -m 1G -nographic -no-reboot -bios $efi \
            -kernel $di/linux -initrd $di/initrd.gz -append 'console=ttyAMA0 ---' >"$said" 2>&1 || true
    grep -aq 'Select a language\|Choose language' "$said" || { echo "no installer; last lines:"; tail -n 20 "$said"; return 1; }
    echo "installer through EDK2 ok"
}
[ "${SLOW-}" != 1 ] || installer
version=(version)
uboot rhea-system-aarch64 $uboot/qemu_arm64/u-boot.bin '^aarch64-linux-gnu-gcc' version -cpu cortex-a57
uboot rhea-system-arm $uboot/qemu_arm/u-boot.bin '^arm-linux-gnueabihf-gcc' version
uboot_kernel rhea-system-aarch64 $uboot/qemu_arm64/u-boot.bin booti cloud-arm64 -cpu cortex-a57
uboot_kernel rhea-system-arm $uboot/qemu_arm/u-boot.bin bootz armmp
efi_shell rhea-system-aarch64 $efi -cpu cortex-a57
[ ! -f /usr/share/AAVMF/AAVMF32_CODE.fd ] || efi_shell rhea-system-arm /usr/share/AAVMF/AAVMF32_CODE.fd
