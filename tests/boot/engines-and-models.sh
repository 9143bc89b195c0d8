# SPDX-License-Identifier: MIT
# The interpreter boots too; CPU models; a 486 makes the kernel say which features it needs; little and much memory.
. "$SRC/tests/boot/lib.bash"
set -e
MEM=128 boot_off cloud-amd64 -cpu max
MEM=16G boot_off cloud-amd64 -cpu Haswell
boot_off 686 -cpu pentium3
boot_off 686-pae -cpu qemu32
boot_off cloud-amd64 -cpu EPYC -accel tcg,split-wx=on,tb-size=32
BOOT_TIMEOUT=500 boot_off cloud-amd64 -accel tcg,engine=interp
kernel=$("$SRC/scripts/guest.sh" kernel 686)
out=$(timeout 30 "$BUILD/rhea-system-i386" -cpu 486 -kernel "$kernel" -append "console=ttyS0" -nographic -no-reboot </dev/null 2>&1 | tr -d '\r' || true)
grep -q "requires the following features not present" <<<"$out" || { echo "486: no message: $out" | tail -n 20; exit 1; }
