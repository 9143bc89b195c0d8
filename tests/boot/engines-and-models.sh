# SPDX-License-Identifier: MIT
# The interpreter boots too; CPU models; on a 486 the kernel says what it requires; little and much memory.
. "$SRC/tests/boot/lib.bash"
set -e
MEM=128 boot_off cloud-amd64 -cpu max
MEM=16G boot_off cloud-amd64 -cpu Haswell
boot_off 686 -cpu pentium3
boot_off 686-pae -cpu qemu32
boot_off cloud-amd64 -cpu EPYC -accel tcg,split-wx=on,tb-size=32
BOOT_TIMEOUT=500 boot_off cloud-amd64 -accel tcg,engine=interp
# The feature check is in the kernel's 16-bit part, which firmware runs (option ROM from qemu-system-data).
kernel=$("$SRC/scripts/guest.sh" kernel 686)
out=$(timeout 30 "$BUILD/rhea-system-i386" -cpu 486 -bios bios-256k.bin -kernel "$kernel" -append console=ttyS0 \
    -nographic -no-reboot </dev/null 2>&1 | tr -d '\r' || true)
grep -q "This kernel requires an i586 CPU, but only detected an i486 CPU" <<<"$out" || { echo "486: no message:"; tail -n 20 <<<"$out"; exit 1; }
