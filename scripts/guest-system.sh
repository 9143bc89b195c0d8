#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a full Debian system (systemd, kernel, GRUB for a BIOS, fio) on a disk of 2 GiB and prints the path of its qcow2 image; a
# second call finds it in the cache of guest.sh. root's password is "rhea"; logins are on the first serial port and on tty1, which
# stays in text mode. Needs debootstrap and fakeroot, no root: packages are unpacked here and configured by a guest, in an hour or so.
# Root on a host of that architecture configures them here; the guest then only installs the boot loader.
#
# Usage: guest-system.sh amd64|i386 BUILD-FOLDER
set -e
cache=${RHEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rhea}
scripts=$(cd "$(dirname "$0")" && pwd)
die() { echo "guest-system.sh: $*" >&2; exit 1; }
case $1 in
amd64) kernel=linux-image-amd64 ;;
i386) kernel=linux-image-686-pae ;;
*) die "usage: guest-system.sh amd64|i386 BUILD-FOLDER" ;;
esac
arch=$1 build=$2 image=$cache/system-$1.qcow2 uuid=e1f0c6a2-5d3b-4a77-9c1e-0a5b7d9f2e41
[ ! -e "$image" ] || { echo "$image"; exit 0; }
for tool in debootstrap fakeroot mke2fs; do
    PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || die "$tool is not installed"
done
PATH=$PATH:/usr/sbin:/sbin
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | sed -n "s/ $release\$//p" | head -n 1)
[ -n "$archive" ] || die "apt has no source of $release"
packages="systemd-sysv udev kmod $kernel grub-pc e2fsprogs login util-linux fio"

work=$image.work
rm -rf "$work"
mkdir -p "$work/debs"
echo "guest-system.sh: downloading Debian $release for $arch" >&2
if [ "$(id -u)" = 0 ] && [ "$(dpkg --print-architecture)" = "$arch" ]; then
    first="unshare -m debootstrap" owners=
else
    first="fakeroot -s $work/owners debootstrap --foreign" owners="fakeroot -i $work/owners"
fi
DEBIAN_FRONTEND=noninteractive $first --arch="$arch" --variant=minbase --cache-dir="$work/debs" --include="$(echo "$packages" | tr ' ' ,)" \
    "$release" "$work/tree" "$archive" >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; die "debootstrap failed"; }
rm -rf "$work/debs"
[ -n "$owners" ] || rm -f "$work"/tree/var/cache/apt/archives/*.deb

# One partition behind the boot loader's megabyte.
sectors=$((4 << 20))
truncate -s $((sectors * 512)) "$work/disk.raw"
$owners mke2fs -q -t ext4 -U $uuid -E offset=$((2048 * 512)),root_owner=0:0 -d "$work/tree" "$work/disk.raw" $(((sectors - 2048) / 2))k
le32() { printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)); }
{ printf '\200\376\377\377\203\376\377\377'; printf "$(le32 2048)$(le32 $((sectors - 2048)))"; } | dd of="$work/disk.raw" bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of="$work/disk.raw" bs=1 seek=510 conv=notrunc status=none

echo "guest-system.sh: finishing it in a guest" >&2
"$build/rhea-system-x86_64" -kernel "$("$scripts/guest.sh" kernel cloud-amd64)" -m 1G -smp 2 -nographic -no-reboot \
    -initrd "$("$scripts/guest.sh" initrd-modules cloud-amd64 "$scripts/guest-init-system" virtio_blk virtio_pci ext4 crc32c_generic)" \
    -append "console=ttyS0 quiet panic=-1 uuid=$uuid" -drive file="$work/disk.raw",format=raw,if=virtio,cache=unsafe </dev/null >"$work/log" 2>&1 || true
grep -q SYSTEM-READY "$work/log" || { tail -n 5 "$work/log" >&2; die "the system could not be configured, see $work/log"; }
"$build/rhea-img" convert -O qcow2 "$work/disk.raw" "$work/disk.qcow2" || die "cannot convert"
mv "$work/disk.qcow2" "$image"
rm -rf "$work"
echo "$image"
