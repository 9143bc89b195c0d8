#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's kernels and busybox for a guest architecture from the package archive the host is set up
# for, into a cache folder outside the source tree, and prints the path asked for. Nothing is installed.
#
# Usage: guest.sh kernel FLAVOUR     vmlinuz of linux-image-FLAVOUR (amd64 cloud-amd64 686 686-pae arm64 cloud-arm64
#                                    armmp armmp-lpae rpi marvell)
#        guest.sh dtb FLAVOUR NAME   device tree NAME.dtb that comes with that kernel
#        guest.sh vmlinux FLAVOUR    the same kernel with its debug symbols (about 600 MB)
#        guest.sh gdb-scripts FLAVOUR vmlinux-gdb.py of the kernel's source, with constants as that kernel was configured
#        guest.sh initrd FLAVOUR     initramfs with a busybox shell
#        guest.sh initrd-off FLAVOUR initramfs whose init mounts, prints "RHEA-BOOT-OK" and powers off
#        guest.sh busybox ARCH       the static busybox
#        guest.sh tree ARCH PACKAGE...  folder with these packages and all they depend on, unpacked, without documentation
#        guest.sh initrd-modules FLAVOUR INIT MODULE...
#                                    initramfs of the program INIT, busybox, and these modules of the kernel with what they
#                                    depend on: /modules/NN-NAME.ko, in an order in which they load
# The cache is $RHEA_CACHE, or rhea under $XDG_CACHE_HOME or ~/.cache.
set -e
cache=${RHEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rhea}
die() { echo "guest.sh: $*" >&2; exit 1; }

arch_of() {
    case $1 in
    amd64 | cloud-amd64 | x86_64) echo amd64 ;;
    686 | 686-pae | i386) echo i386 ;;
    arm64 | cloud-arm64) echo arm64 ;;
    armmp | armmp-lpae | armhf) echo armhf ;;
    rpi | marvell | armel) echo armel ;;
    *) die "unknown kernel flavour '$1' (amd64 cloud-amd64 686 686-pae arm64 cloud-arm64 armmp armmp-lpae rpi marvell)" ;;
    esac
}

# apt, for one architecture, with its own lists, beside the host's.
apt_for() {
    arch=$1
    shift
    "$@" -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
        -o Dir::State::Lists="$cache/apt/$arch/lists" -o Dir::Cache="$cache/apt/$arch/cache" \
        -o Dir::State::status="$cache/apt/$arch/status" -o Debug::NoLocking=1
}

apt_update() {
    arch=$1
    [ -e "$cache/apt/$arch/updated" ] && return
    mkdir -p "$cache/apt/$arch/lists/partial" "$cache/apt/$arch/cache/archives/partial"
    : >"$cache/apt/$arch/status"
    echo "guest.sh: reading the package lists for $arch" >&2
    # One list of several may be out of step on a mirror for a while; the others are enough.
    apt_for "$arch" apt-get update >"$cache/apt/$arch/log" 2>&1 || true
    apt_for "$arch" apt-cache show busybox-static >/dev/null 2>&1 ||
        { cat "$cache/apt/$arch/log" >&2; die "cannot read the package lists"; }
    : >"$cache/apt/$arch/updated"
}

# Newest real package behind a metapackage such as linux-image-686.
real_kernel() {
    apt_for "$1" apt-cache depends "linux-image-$2" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

unpack() { # arch package folder
    [ -e "$3/.complete" ] && return
    apt_update "$1"
    rm -rf "$3"
    mkdir -p "$3"
    echo "guest.sh: downloading $2 ($1)" >&2
    (cd "$3" && apt_for "$1" apt-get -o APT::Sandbox::User=root download "$2" >&2) || die "cannot download $2"
    dpkg-deb --fsys-tarfile "$3"/*.deb | tar -x -C "$3" --wildcards './boot/vmlinuz-*' './bin/busybox' '*.dtb' 2>/dev/null || true
    rm -f "$3"/*.deb
    touch "$3/.complete"
}

kernel() {
    arch=$(arch_of "$1")
    dir=$cache/kernel-$1
    if [ ! -e "$dir/.complete" ]; then
        apt_update "$arch"
        package=$(real_kernel "$arch" "$1")
        [ -n "$package" ] || die "the archive has no linux-image-$1"
        unpack "$arch" "$package" "$dir"
    fi
    set -- "$dir"/boot/vmlinuz-*
    [ -f "$1" ] || die "no kernel in $dir"
    echo "$1"
}

dtb() {
    kernel "$1" >/dev/null
    found=$(find "$cache/kernel-$1" -name "$2.dtb" | head -n 1)
    [ -n "$found" ] || die "linux-image-$1 has no $2.dtb"
    echo "$found"
}

# A package of the kernel that is in the cache, by name: NAME with RELEASE in it. Unpacks what the patterns say.
kernel_package() { # arch folder name pattern...
    arch=$1 dir=$2 package=$3
    shift 3
    [ -e "$dir/.complete" ] && return
    apt_update "$arch"
    rm -rf "$dir"
    mkdir -p "$dir"
    echo "guest.sh: downloading $package ($arch)" >&2
    (cd "$dir" && apt_for "$arch" apt-get -o APT::Sandbox::User=root download "$package" >&2) || die "cannot download $package"
    dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -x -C "$dir" --wildcards "$@" || die "cannot unpack $package"
    rm -f "$dir"/*.deb
    touch "$dir/.complete"
}

release_of() { # flavour
    image=$(kernel "$1") || exit 1
    basename "$image" | sed 's/^vmlinuz-//'
}

vmlinux() {
    release=$(release_of "$1") || exit 1
    dir=$cache/vmlinux-$1
    kernel_package "$(arch_of "$1")" "$dir" "linux-image-$release-dbg" './usr/lib/debug/boot/vmlinux-*'
    file=$dir/usr/lib/debug/boot/vmlinux-$release
    # Without an index gdb reads all of it at each start. Half of x86's file are relocations that only a linker needs.
    if [ ! -e "$dir/.indexed" ]; then
        objcopy=objcopy
        [ "$(arch_of "$1")" != arm64 ] || objcopy=aarch64-linux-gnu-objcopy
        if $objcopy --remove-section='.rela*' "$file" "$file.new"; then mv "$file.new" "$file"; fi
        GDB=gdb-multiarch OBJCOPY=$objcopy gdb-add-index "$file" >&2 || true
        touch "$dir/.indexed"
    fi
    echo "$file"
}

# The scripts as the kernel's own build makes them: constants.py comes out of the C preprocessor, with its headers.
gdb_scripts() {
    release=$(release_of "$1") || exit 1
    out=$cache/gdb-scripts-$1
    [ -e "$out/.complete" ] && { echo "$out/vmlinux-gdb.py"; return; }
    case $(arch_of "$1") in
    amd64 | i386) family=x86 cpp=cpp ;;
    arm64) family=arm64 cpp=aarch64-linux-gnu-cpp ;;
    *) die "no gdb scripts for $1" ;;
    esac
    rm -rf "$out"
    mkdir -p "$out"
    kernel_package "$(arch_of "$1")" "$out/headers" "linux-headers-$release" './usr/src/*/include/*' './usr/src/*/arch/*'
    kernel_package "$(arch_of "$1")" "$out/common" "linux-headers-${release%%-"$1"}-common" './usr/src/*/include/*' './usr/src/*/arch/*'
    kernel_package "$(arch_of "$1")" "$out/source" linux-source-6.1 './usr/src/*.tar.xz'
    tar -xJf "$out"/source/usr/src/*.tar.xz -C "$out" --strip-components=1 --wildcards '*/scripts/gdb/*'
    h=$(echo "$out"/headers/usr/src/*) c=$(echo "$out"/common/usr/src/*)
    $cpp -P -nostdinc -D__KERNEL__ -I"$c/arch/$family/include" -I"$h/arch/$family/include/generated" -I"$c/include" -I"$h/include" \
        -I"$c/arch/$family/include/uapi" -I"$h/arch/$family/include/generated/uapi" -I"$c/include/uapi" \
        -I"$h/include/generated/uapi" -include "$c/include/linux/kconfig.h" -x c "$out/scripts/gdb/linux/constants.py.in" \
        >"$out/scripts/gdb/linux/constants.py" || die "cannot make constants.py"
    sed -i '1,/<!-- end-c-headers -->/d' "$out/scripts/gdb/linux/constants.py"
    ln -s scripts/gdb/vmlinux-gdb.py "$out/vmlinux-gdb.py"
    rm -rf "$out/headers" "$out/common" "$out/source"
    touch "$out/.complete"
    echo "$out/vmlinux-gdb.py"
}

busybox() {
    arch=$(arch_of "$1")
    unpack "$arch" busybox-static "$cache/busybox-$arch"
    [ -f "$cache/busybox-$arch/bin/busybox" ] || die "no busybox in $cache/busybox-$arch"
    echo "$cache/busybox-$arch/bin/busybox"
}

initrd() { # flavour, kind
    arch=$(arch_of "$1")
    out=$cache/initrd-$arch-$2.gz
    init=$(dirname "$0")/guest-init-$2
    if [ -e "$out" ] && [ ! "$init" -nt "$out" ]; then
        echo "$out"
        return
    fi
    bb=$(busybox "$1")
    tmp=$(mktemp -d)
    mkdir -p "$tmp/bin" "$tmp/sbin" "$tmp/dev" "$tmp/proc" "$tmp/sys" "$tmp/tmp" "$tmp/root" "$tmp/etc"
    cp "$bb" "$tmp/bin/busybox"
    ln -s busybox "$tmp/bin/sh"
    cp "$init" "$tmp/init"
    chmod 755 "$tmp/init" "$tmp/bin/busybox"
    (cd "$tmp" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 2>/dev/null) | gzip -9n >"$out.$$"
    rm -rf "$tmp"
    mv "$out.$$" "$out"
    echo "$out"
}

# What a program in a guest needs: packages and the closure of their dependencies, as the architecture's apt resolves it.
tree() {
    arch=$(arch_of "$1")
    shift
    dir=$cache/tree-$arch-$(echo "$*" | tr ' ' '+')
    if [ ! -e "$dir/.complete" ]; then
        apt_update "$arch"
        rm -rf "$dir" "$dir.debs"
        mkdir -p "$dir" "$dir.debs/partial"
        echo "guest.sh: downloading $* and what it needs ($arch)" >&2
        apt_for "$arch" apt-get -y --no-install-recommends --download-only -o APT::Sandbox::User=root \
            -o Dir::Cache::archives="$dir.debs" install "$@" >&2 || die "cannot download $*"
        for deb in "$dir.debs"/*.deb; do dpkg-deb -x "$deb" "$dir"; done
        rm -rf "$dir.debs" "$dir/usr/share/doc" "$dir/usr/share/man" "$dir/usr/share/locale" "$dir/usr/share/info" \
            "$dir/usr/share/lintian" "$dir/usr/share/i18n"
        touch "$dir/.complete"
    fi
    echo "$dir"
}

# The kinds of modules that tests load; the rest of the package is not kept.
modules() { # flavour
    dir=$cache/kmodules-$1
    if [ ! -e "$dir/.complete" ]; then
        arch=$(arch_of "$1")
        apt_update "$arch"
        package=$(real_kernel "$arch" "$1")
        [ -n "$package" ] || die "the archive has no linux-image-$1"
        rm -rf "$dir"
        mkdir -p "$dir"
        echo "guest.sh: downloading $package ($arch) for its modules" >&2
        (cd "$dir" && apt_for "$arch" apt-get -o APT::Sandbox::User=root download "$package" >&2) || die "cannot download $package"
        k='./lib/modules/*/kernel'
        dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -x -C "$dir" --wildcards "$k/drivers/block/*" "$k/drivers/virtio/*" \
            "$k/drivers/nvme/*" "$k/drivers/scsi/*" "$k/drivers/ata/*" "$k/drivers/char/*" "$k/drivers/cdrom/*" "$k/drivers/base/*" \
            "$k/drivers/net/*virtio*" "$k/drivers/net/net_failover*" "$k/drivers/firmware/*" "$k/drivers/input/*" "$k/net/core/*" "$k/fs/*" "$k/lib/*" \
            "$k/crypto/*" "$k/arch/*" "$k/block/*" './lib/modules/*/modules.*' 2>/dev/null || true
        rm -f "$dir"/*.deb
        touch "$dir/.complete"
    fi
    set -- "$dir"/lib/modules/*
    [ -d "$1" ] || die "no modules in $dir"
    echo "$1"
}

# Files of modules and of what they need, each after what it needs. A driver built into the kernel has none.
module_files() { # folder module...
    mdir=$1
    shift
    for m; do
        grep -q "/$m.ko\$" "$mdir/modules.builtin" && continue
        depmod_line "$mdir" "$m"
    done | awk '!seen[$0]++'
}

depmod_line() { # folder module: a recursive look into the files' own lists, as packages come without modules.dep
    file=$(find "$1/kernel" -name "$2.ko" -o -name "$(echo "$2" | tr _ -).ko" | head -n 1)
    [ -n "$file" ] || { grep -q "/$(echo "$2" | tr _ -).ko\$" "$1/modules.builtin" && return; die "no module $2 in $1"; }
    for dep in $(strings -a "$file" | sed -n 's/^depends=//p' | tr , ' '); do
        case " $walked " in *" $dep "*) continue ;; esac
        walked="$walked $dep"
        (depmod_line "$1" "$dep")
    done
    echo "$file"
}

initrd_modules() { # flavour init module...
    flavour=$1 init=$2
    shift 2
    arch=$(arch_of "$flavour")
    key=$(echo "$flavour $init $*" | md5sum | cut -c1-12)
    out=$cache/initrd-$flavour-$key.gz
    if [ -e "$out" ] && [ "$out" -nt "$init" ]; then
        echo "$out"
        return
    fi
    bb=$(busybox "$flavour")
    mdir=$(modules "$flavour")
    tmp=$(mktemp -d)
    mkdir -p "$tmp/bin" "$tmp/dev" "$tmp/proc" "$tmp/sys" "$tmp/mnt" "$tmp/modules"
    cp "$bb" "$tmp/bin/busybox"
    cp "$init" "$tmp/init"
    chmod 755 "$tmp/init" "$tmp/bin/busybox"
    n=100 walked=
    for f in $(module_files "$mdir" "$@"); do
        cp "$f" "$tmp/modules/$n-$(basename "$f")"
        n=$((n + 1))
    done
    (cd "$tmp" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 2>/dev/null) | gzip -1n >"$out.$$"
    rm -rf "$tmp"
    mv "$out.$$" "$out"
    echo "$out"
}

mkdir -p "$cache"
case $1 in
tree) shift; tree "$@" ;;
initrd-modules) shift; initrd_modules "$@" ;;
kernel) kernel "$2" ;;
dtb) dtb "$2" "$3" ;;
vmlinux) vmlinux "$2" ;;
gdb-scripts) gdb_scripts "$2" ;;
busybox) busybox "$2" ;;
initrd) initrd "$2" shell ;;
initrd-off) initrd "$2" off ;;
*) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,18p' >&2; exit 1 ;;
esac
