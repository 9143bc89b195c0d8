#!/bin/bash
# SPDX-License-Identifier: MIT
# Images of other programs' formats: made by rhea-img and by qemu-img, written by both, each reads and compares what the other made. Damaged headers are
# refused with one line. Oracle: qemu-img, qemu-io.
set -e
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null || { echo "no qemu-img"; exit 77; }
img=$BUILD/rhea-img
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

head -c 3000000 /dev/urandom >r.raw
dd if=/dev/urandom of=r.raw bs=1M seek=6 count=5 conv=notrunc status=none
head -c 4096 /dev/urandom | dd of=r.raw bs=1 seek=20000000 conv=notrunc status=none
truncate -s 24M r.raw

compare() { # format image: both tools find the raw image in it
    qemu-img compare -q -f "$1" -F raw "$2" r.raw && "$img" compare -q -f "$1" -F raw "$2" r.raw || { echo "$1: $2 differs"; exit 1; }
}

sizes_agree() { # format options...
    for size in 1M 5000k 64M 700M 130G; do
        rm -f x y
        "$img" create -q -f "$@" x $size
        qemu-img create -q -f "$@" y $size
        a=$("$img" info -f "$1" x | grep "virtual size") b=$(qemu-img info -f "$1" x | grep "virtual size") c=$("$img" info -f "$1" y | grep "virtual size")
        [ "$a" = "$b" ] && [ "$a" = "$c" ] || { echo "$*: $size: '$a' '$b' '$c'"; exit 1; }
    done
}

try() { # format options...
    local f=$1
    rm -f a b c
    "$img" convert -O "$@" r.raw a
    qemu-img convert -O "$@" r.raw b
    for i in a b; do compare "$f" $i; done
    # The same writes by the peer to ours, and by ours (a copy onto it) to the peer's
    qemu-io -f "$f" -c "write -P 7 1M 3M" -c "write -P 8 11m 64k" -c "write -P 9 23m 512" a >/dev/null
    qemu-img convert -f "$f" -O raw a want.raw
    "$img" compare -q -f "$f" -F raw a want.raw || { echo "$f: what the peer wrote reads wrong"; exit 1; }
    "$img" create -q -f "$@" c 24M
    qemu-io -f "$f" -c "write -P 3 5M 1M" c >/dev/null
    "$img" convert -n -f raw -O "$f" want.raw c
    qemu-img compare -q -f "$f" -F raw c want.raw || { echo "$f: what we wrote reads wrong"; exit 1; }
    case $f in vmdk) ;; *) "$img" check -q -f "$f" c >/dev/null || { echo "$f: check"; exit 1; } ;; esac
    qemu-img check -q -f "$f" c >/dev/null 2>&1 || [ $? = 63 ] || { echo "$f: the peer's check"; exit 1; }
    # Every byte of the first sectors turned over: refused with one line, or read without harm
    for at in 0 8 16 20 28 32 36 44 60 64 68 76 80 340 344 368 376 384 512 528 536 540 544 1536 1540; do
        cp c bad
        printf '\377\377\377\377' | dd of=bad bs=1 seek=$at conv=notrunc status=none
        status=0
        timeout 60 "$img" info -f "$f" bad >out 2>&1 || status=$?
        [ $status -le 1 ] && { [ $status = 0 ] || [ "$(wc -l <out)" = 1 ]; } || { echo "$f: damage at $at: status $status"; cat out; exit 1; }
        [ $status = 1 ] || timeout 60 "$img" compare -q -f "$f" -F raw bad want.raw >out 2>&1 || [ $? -le 2 ] || { echo "$f: damage at $at"; exit 1; }
    done
    head -c 700 c >bad
    if "$img" info -f "$f" bad >/dev/null 2>&1; then echo "$f: a cut image is opened"; exit 1; fi
    echo "$*: ok"
}

sizes_agree vdi
sizes_agree vpc
sizes_agree vpc -o force_size=on
try vdi
try vdi -o static=on
try vpc
try vpc -o force_size=on
try vpc -o subformat=fixed,force_size=on
