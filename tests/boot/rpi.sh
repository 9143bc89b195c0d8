# SPDX-License-Identifier: MIT
# Debian's linux-image-rpi (ARMv6) boots on a Raspberry Pi Zero to a busybox init and powers off with exit status 0.
. "$SRC/tests/boot/lib.bash"
MEM=512 boot_off rpi -M raspi0 -dtb "$("$SRC/scripts/guest.sh" dtb rpi bcm2835-rpi-zero)"
