# SPDX-License-Identifier: MIT
# Machine microvm: Debian's cloud-amd64 writes and reads back a virtio disk that it finds by ACPI, with two I/O APICs and with one, and powers off;
# reset by ACPI; without ACPI it runs and is told of the transports by its command line (its virtio_mmio takes no such parameter); SeaBIOS
# starts the disk, qboot and SeaBIOS start the kernel. With ACPI Linux takes the TSC's rate from CPUID, on Intel's processors only.
set -e
. "$SRC/tests/block/lib.bash"
rhea=$BUILD/rhea-system-x86_64
cpu="-cpu max,vendor=GenuineIntel"
truncate -s 64M "$work/disk.raw"
disk="-drive file=$work/disk.raw,format=raw,if=none,id=d,discard=unmap -device virtio-blk-device,drive=d"
guest_disk cloud-amd64 raw,fs vda -M microvm $cpu -smp 2 $disk
check_fs "$work/disk.raw"
guest_disk cloud-amd64 raw vda -M microvm,ioapic2=off,pic=off,pit=off,rtc=off $cpu $disk -device virtio-rng-device

kernel=$("$SRC/scripts/guest.sh" kernel cloud-amd64)
initrd=$("$SRC/scripts/guest.sh" initrd cloud-amd64)
starts() { # what, options: to a shell
    local what=$1 said
    shift
    said=$(timeout 120 "$rhea" $cpu -m 256 -kernel "$kernel" -initrd "$initrd" -append "console=ttyS0 panic=-1 ${REBOOT-}" -nographic "$@" </dev/null 2>&1) ||
        { echo "$what:"; tail -n 15 <<<"$said"; exit 1; }
}
cat >"$work/reset.smoke" <<'END'
timeout 100s
expect '# $'
send 'reboot -f\n'
expect 'Linux version'
expect '# $'
send 'poweroff -f\n'
poweroff
END
REBOOT=reboot=acpi starts "reset and power off" -M microvm -smoke "@$work/reset.smoke"
starts qboot -M microvm -bios qboot.rom -smoke "timeout=100s,expect=# $"
starts SeaBIOS -M microvm -bios /usr/share/seabios/bios-microvm.bin -smoke "timeout=100s,expect=# $"
entry="expect=Command line: console=ttyS0 panic=-1 .*virtio_mmio.device=512@0xfeb00e00:12"
starts "without ACPI" -M microvm,acpi=off -device virtio-rng-device -smoke "timeout=100s,$entry,expect=# $"
starts "qboot without ACPI" -M microvm,acpi=off -bios qboot.rom -device virtio-rng-device -smoke "timeout=100s,$entry,expect=# $"

make_boot_disk "$work/boot.raw"
said=$(timeout 60 "$rhea" -M microvm -drive file="$work/boot.raw",format=raw,if=none,id=d -device virtio-blk-device,drive=d -display none -serial stdio \
    -smoke timeout=50s,expect='SECOND SECTOR' </dev/null 2>&1) || { echo "SeaBIOS, disk:"; tail -n 15 <<<"$said"; exit 1; }

refused() { # text, options
    local want=$1 said status=0
    shift
    said=$(timeout 20 "$rhea" -display none "$@" 2>&1) || status=$?
    [ $status = 1 ] && grep -qF "$want" <<<"$said" && [ "$(wc -l <<<"$said")" -le 2 ] || { echo "$*: status $status: $said"; exit 1; }
}
refused "Parameter 'ioapic2' does not accept value 'maybe'" -M microvm,ioapic2=maybe
refused "machine option pcie=on: this machine has none" -M microvm,pcie=on
refused "No 'PCI' bus found for device 'virtio-rng-pci'" -M microvm -device virtio-rng-pci
refused "at least 2 MiB" -M microvm -m 1M
