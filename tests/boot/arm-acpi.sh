# SPDX-License-Identifier: MIT
# ACPI on the virt board: EDK2 places the tables, Debian's arm64 kernel comes up by them alone, with both interrupt controllers,
# finds its power button and powers off when it is pressed. Without ACPI it comes up by the device tree.
. "$SRC/tests/boot/lib.bash"
set -e
efi=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd
[ -f $efi ] || { echo "qemu-efi-aarch64 is not installed"; exit 77; }
kernel=$("$SRC/scripts/guest.sh" kernel cloud-arm64)
press() {
    for _ in $(seq "${BOOT_TIMEOUT:-240}"); do
        ! grep -aq WAITING-FOR-BUTTON "$said" || break
        sleep 1
    done
    printf '\001csystem_powerdown\n'
}
# button WHAT KERNEL-OPTIONS OPTIONS...: the guest must say the pattern and power off by its button.
button() {
    local what=$1 initrd
    initrd=$("$SRC/scripts/guest.sh" initrd-modules cloud-arm64 "$SRC/tests/boot/power-button-init" evdev)
    : >"$said"
    press | timeout "${BOOT_TIMEOUT:-240}" "$BUILD/rhea-system-aarch64" -nographic -no-reboot -m 512 -kernel "$kernel" -initrd "$initrd" \
        -append "console=ttyAMA0 panic=-1 $2" "${@:3}" >"$said" 2>&1 || { echo "$*: status $?"; tail -n 25 "$said"; return 1; }
    grep -aq BUTTON-PRESSED "$said" && grep -aq "$what" "$said" || { echo "$*: no '$what' or no button"; tail -n 25 "$said"; return 1; }
    echo "$* ok"
}
button 'tables: APIC DBG2 DSDT FACP GTDT IORT MCFG PPTT SPCR' acpi=force -M virt,gic-version=3 -cpu cortex-a57 -smp 2 -bios $efi
button 'tables: APIC DBG2 DSDT FACP GTDT MCFG PPTT SPCR' acpi=force -M virt,acpi=on -cpu cortex-a72 -smp 2 -bios $efi
boot_off cloud-arm64 -M virt,acpi=off -cpu cortex-a57 -bios $efi
