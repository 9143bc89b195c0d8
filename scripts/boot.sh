#!/bin/sh
# SPDX-License-Identifier: MIT
# "make boot": Debian's kernel with a busybox shell on this terminal. FLAVOUR=686 boots the 32-bit one.
set -e
here=$(dirname "$0")
flavour=${FLAVOUR:-amd64}
case $flavour in *amd64) prog=./rhea-system-x86_64 ;; *) prog=./rhea-system-i386 ;; esac
kernel=$("$here/guest.sh" kernel "$flavour")
initrd=$("$here/guest.sh" initrd "$flavour")
echo "$prog -kernel $kernel -initrd $initrd -append console=ttyS0 -m 512 -nographic -no-reboot"
exec "$prog" -kernel "$kernel" -initrd "$initrd" -append "console=ttyS0" -m 512 -nographic -no-reboot
