#!/bin/sh
# SPDX-License-Identifier: MIT
# "make boot": Debian's kernel with a busybox shell on this terminal. FLAVOUR=686 boots the 32-bit one,
# arm64, cloud-arm64 and armmp those for Arm.
set -e
here=$(dirname "$0")
flavour=${FLAVOUR:-amd64}
console=ttyS0 board=
case $flavour in
*amd64) prog=./rhea-system-x86_64 ;;
*arm64) prog=./rhea-system-aarch64 console=ttyAMA0 board="-M virt -cpu cortex-a57" ;;
armmp*) prog=./rhea-system-arm console=ttyAMA0 board="-M virt" ;;
*) prog=./rhea-system-i386 ;;
esac
kernel=$("$here/guest.sh" kernel "$flavour")
initrd=$("$here/guest.sh" initrd "$flavour")
echo "$prog $board -kernel $kernel -initrd $initrd -append console=$console -m 512 -nographic -no-reboot"
# shellcheck disable=SC2086
exec "$prog" $board -kernel "$kernel" -initrd "$initrd" -append "console=$console" -m 512 -nographic -no-reboot
