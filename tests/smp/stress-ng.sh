# SPDX-License-Identifier: MIT
# Debian's stress-ng verifies its own work on four processors: arithmetic, memory, mappings, processes, signals.
# STRESS_NG_SECONDS on each of STRESS_NG_FLAVOURS; check-slow runs all four guests for five minutes.
. "$SRC/tests/smp/lib.bash"
set -e
t=${STRESS_NG_SECONDS:-10} flavours=${STRESS_NG_FLAVOURS:-cloud-amd64}
[ -n "${SLOW-}" ] && t=300 flavours="cloud-amd64 686-pae cloud-arm64 armmp"
export SMP_TIMEOUT=$((t * 3 + 200)) MEM=1024

stress_ng_init='#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t tmpfs tmp /tmp
cd /tmp
t=$(/bin/busybox sed -n "s/.*seconds=\([0-9]*\).*/\1/p" /proc/cmdline)
stress-ng --cpu 4 --vm 2 --vm-bytes 64M --mmap 2 --mmap-bytes 32M --fork 2 --signal 2 --verify --metrics-brief -t "$t" &&
    echo STRESS-NG-OK
/bin/busybox poweroff -f'

stress_ng_initrd() { # ARCH OUT
    local tree dir
    tree=$("$SRC/scripts/guest.sh" tree "$1" stress-ng)
    dir=$(mktemp -d)
    cp -a "$tree/." "$dir"
    mkdir -p "$dir/bin" "$dir/dev" "$dir/proc" "$dir/sys" "$dir/tmp"
    cp "$("$SRC/scripts/guest.sh" busybox "$1")" "$dir/bin/busybox"
    echo "$stress_ng_init" >"$dir/init"
    chmod 755 "$dir/init"
    (cd "$dir" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 2>/dev/null) | gzip -1 >"$2"
    rm -rf "$dir"
}

for flavour in $flavours; do
    case $flavour in *amd64) arch=amd64 ;; *arm64) arch=arm64 ;; armmp*) arch=armhf ;; *) arch=i386 ;; esac
    initrd=$(mktemp)
    stress_ng_initrd $arch "$initrd"
    smp_boot $flavour 4 "$initrd" "seconds=$t"
    rm -f "$initrd"
    smp_verdict "$flavour stress-ng" STRESS-NG-OK
    echo "$flavour:"
    grep -aE 'stress-ng: ' <<<"$out"
done
