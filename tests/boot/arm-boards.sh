# SPDX-License-Identifier: MIT
# Debian's kernels with the boards' own device trees: Versatile Express powers off through its microcontroller, Raspberry
# Pis through their watchdog, or halt where the kernel's driver for it is a module.
. "$SRC/tests/boot/lib.bash"
set -e
dtb() { "$SRC/scripts/guest.sh" dtb "$1" "$2"; }
for i in $(seq "${BOOTS:-1}"); do
    boot_off armmp -M vexpress-a9 -dtb "$(dtb armmp vexpress-v2p-ca9)"
    boot_off armmp -M vexpress-a15 -smp 2 -dtb "$(dtb armmp vexpress-v2p-ca15-tc1)"
    MEM=512 boot_off rpi -M raspi0 -dtb "$(dtb rpi bcm2835-rpi-zero)"
    export MEM=1G HALTS=1
    boot_off armmp -M raspi2b -smp 4 -dtb "$(dtb armmp bcm2836-rpi-2-b)"
    boot_off arm64 -M raspi3b -smp 4 -dtb "$(dtb arm64 bcm2837-rpi-3-b)"
    unset MEM HALTS
done
