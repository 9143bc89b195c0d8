# SPDX-License-Identifier: MIT
# Debian's linux-image-armmp boots to a busybox init and powers off with exit status 0: on virt with one and two vCPUs, and on the
# Versatile Express boards with the device trees that come with the kernel.
. "$SRC/tests/boot/lib.bash"
set -e
dtb() { "$SRC/scripts/guest.sh" dtb armmp "$1"; }
boot_off armmp -M virt -cpu cortex-a15
boot_off armmp -M virt -cpu cortex-a7 -smp 2
boot_off armmp -M vexpress-a9 -dtb "$(dtb vexpress-v2p-ca9)"
boot_off armmp -M vexpress-a15 -dtb "$(dtb vexpress-v2p-ca15-tc1)"
