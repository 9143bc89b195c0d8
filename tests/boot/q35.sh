# SPDX-License-Identifier: MIT
# Machine q35: Debian's kernels boot directly and power off, with a device behind a PCI Express root port that works by MSI-X; configuration by
# the flat window; a slot's device comes, goes and another comes while the kernel runs; SeaBIOS hands over the same. By OVMF in two flash drives: the UEFI shell, and what it keeps in the second is still there after the next start; with Secure Boot by SMM.
set -e
. "$SRC/tests/boot/lib.bash"
work=$(mktemp -d)
trap 'rm -rf "$work" "$said"' EXIT
rhea=$BUILD/rhea-system-x86_64

boot_off cloud-amd64 -M q35 -smp 2 -device pcie-root-port,id=rp -device virtio-rng-pci,bus=rp
for what in 'PCI: MMCONFIG at' 'pciehp: Slot #0' 'OS now controls .PCIeHotplug'; do
    grep -q "$what" "$said" || { echo "the kernel does not say '$what'"; exit 1; }
done
! grep -q 'Timeout on hotplug command' "$said" || { echo "the slot does not complete commands"; exit 1; }
boot_off 686-pae -M q35
boot_off cloud-amd64 -M q35 -bios bios-256k.bin -m 3G
grep -q 'PCI: MMCONFIG at .mem 0xb0000000' "$said" || { echo "after SeaBIOS the kernel finds no flat window"; exit 1; }

cat >"$work/plug.smoke" <<'END'
timeout 100s
expect '# $'
monitor 'device_add virtio-rng-pci,bus=rp,id=x'
expect 'Slot.0.: Card present'
expect '01:00.0: .1af4:1044'
wait 1s
monitor 'device_del x'
expect 'Slot.0.: (Card not present|Link Down)'
monitor 'device_add virtio-balloon-pci,bus=rp,id=x'
expect '01:00.0: .1af4:1045'
send 'poweroff -f\n'
poweroff
END
out=$(timeout 120 "$rhea" -M q35 -kernel "$("$SRC/scripts/guest.sh" kernel cloud-amd64)" -initrd "$("$SRC/scripts/guest.sh" initrd cloud-amd64)" \
    -append "console=ttyS0 panic=-1" -nographic -m 256 -device pcie-root-port,id=rp -smoke "@$work/plug.smoke" </dev/null 2>&1) ||
    { echo "hot plug:"; tail -n 15 <<<"$out"; exit 1; }
if [ "${SLOW-}" = 1 ]; then
    boot_off amd64 -M q35 -m 4G
    boot_off 686 -M q35
fi

code=/usr/share/OVMF/OVMF_CODE_4M.fd vars=/usr/share/OVMF/OVMF_VARS_4M.fd
[ -e $code ] || { echo "ovmf is not installed"; exit 77; }
cp $vars "$work/vars.fd"
for start in 1 2; do
    out=$(timeout 150 "$rhea" -M q35 -m 256 -drive if=pflash,format=raw,unit=0,file=$code,readonly=on -drive if=pflash,format=raw,unit=1,file="$work/vars.fd" \
        -display none -serial stdio -smoke timeout=140s,expect='Shell>' </dev/null 2>&1) || { echo "OVMF, start $start:"; tail -c 500 <<<"$out"; exit 1; }
    [ $start = 2 ] || cp "$work/vars.fd" "$work/first.fd"
done
! cmp -s "$work/vars.fd" $vars || { echo "OVMF kept nothing in its flash"; exit 1; }
grep -aq B.o.o.t.O.r.d.e.r "$work/first.fd" || { echo "no boot order in the flash"; exit 1; }

# The build with Secure Boot keeps its variables by system management mode, to which alone the flash answers.
secboot=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd
cp $vars "$work/vars.fd"
out=$(timeout 150 "$rhea" -M q35,smm=on -smp 2 -m 256 -global driver=cfi.pflash01,property=secure,value=on -d int -D "$work/log" \
    -drive if=pflash,format=raw,unit=0,file=$secboot,readonly=on -drive if=pflash,format=raw,unit=1,file="$work/vars.fd" \
    -display none -serial stdio -smoke timeout=140s,expect='Shell>' </dev/null 2>&1) || { echo "OVMF with SMM:"; tail -c 500 <<<"$out"; exit 1; }
grep -aq B.o.o.t.O.r.d.e.r "$work/vars.fd" || { echo "OVMF with SMM: no boot order in the flash"; exit 1; }
[ "$(grep -ac 'SMM: enter' "$work/log")" -gt 10 ] || { echo "OVMF did not use SMM"; exit 1; }

# The network installer, started by UEFI from a CD-ROM: its kernel, by the shell's start-up script.
installer=/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
if [ "${SLOW-}" = 1 ] && [ -d $installer ] && command -v mformat genisoimage >/dev/null; then
    mkdir "$work/cd"
    printf '%s\r\n' 'fs0:' 'linux initrd=\initrd.gz console=ttyS0 DEBIAN_FRONTEND=text' >"$work/startup.nsh"
    truncate -s 64M "$work/cd/efi.img"
    mformat -i "$work/cd/efi.img" -F ::
    mcopy -i "$work/cd/efi.img" $installer/linux $installer/initrd.gz "$work/startup.nsh" ::
    genisoimage -quiet -R -o "$work/uefi.iso" -eltorito-alt-boot -e efi.img -no-emul-boot -boot-load-size 1 "$work/cd"
    cp $vars "$work/vars.fd"
    out=$(timeout 400 "$rhea" -M q35 -m 512 -drive if=pflash,format=raw,unit=0,file=$code,readonly=on -drive if=pflash,format=raw,unit=1,file="$work/vars.fd" \
        -cdrom "$work/uefi.iso" -display none -serial stdio -smoke timeout=390s,expect='Low memory|Select a language' </dev/null 2>&1) ||
        { echo "installer by UEFI:"; tail -c 800 <<<"$out"; exit 1; }
fi

# Mistakes: one line each.
refused() { # text, options
    local want=$1 said status=0
    shift
    said=$(timeout 20 "$rhea" -display none "$@" 2>&1) || status=$?
    [ $status = 1 ] && grep -qF "$want" <<<"$said" && [ "$(wc -l <<<"$said")" -le 2 ] || { echo "$*: status $status: $said"; exit 1; }
}
head -c 4097 /dev/zero >"$work/odd.fd"
refused 'has invalid size' -M q35 -drive if=pflash,format=raw,file="$work/odd.fd"
refused 'pflash1 requires pflash0' -M q35 -drive if=pflash,format=raw,unit=1,file="$work/vars.fd"
refused 'use one of them' -M q35 -bios bios-256k.bin -drive if=pflash,format=raw,file="$work/vars.fd"
refused 'slot 1 is not valid for virtio-rng-pci' -M q35 -device pcie-root-port,id=rp -device virtio-rng-pci,bus=rp,addr=1
refused "Can't add chassis slot, error -16" -M q35 -device pcie-root-port,chassis=3 -device pcie-root-port,chassis=3
refused 'can only be plugged into' -M pc -device pcie-root-port
refused "supports only 1 units" -M q35 -drive if=none,id=d,driver=null-co,read-zeroes=on -device ide-hd,drive=d,bus=ide.0,unit=1
