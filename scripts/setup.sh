#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building and testing need. When not root, says which are missing.
# Usage: setup.sh [build|test]      (test includes build)
set -e
what=${1:-build}
build="gcc make pkg-config libglib2.0-dev libjansson-dev libcapstone-dev libfdt-dev zlib1g-dev libzstd-dev libpixman-1-dev libpng-dev liburing-dev libaio-dev"
boot="cpio gzip xz-utils"
# gcc-multilib itself cannot be installed beside the cross compilers.
test="ipxe isolinux syslinux-common genisoimage memtest86+ debian-installer-12-netboot-amd64 debian-installer-12-netboot-i386 debian-installer-12-netboot-arm64 qemu-efi-aarch64 ovmf acpica-tools u-boot-qemu qemu-utils grub-rescue-pc gdb-multiarch zstd gcc-12-multilib libxml2-utils python3 seabios qemu-system-data qemu-system-x86 qemu-user gcc-arm-none-eabi libnewlib-arm-none-eabi gcc-arm-linux-gnueabi
libc6-dev-armel-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

missing=
want="$build $boot"
[ "$what" = test ] && want="$want $test"
for p in $want; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Missing packages; as root run:" >&2
    echo "  apt-get update && apt-get install -y$missing" >&2
    exit 1
fi
echo "Installing:$missing"
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
