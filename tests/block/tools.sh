#!/bin/bash
# SPDX-License-Identifier: MIT
# rhea-img measure and dd beside qemu-img: the same figures, messages, exit statuses and images.
set -e
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null || { echo "no qemu-img"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

same() { # argument...; output but for the program's name
    local a=0 b=0
    timeout 60 "$BUILD/rhea-img" "$@" >a 2>a.err || a=$?
    timeout 60 qemu-img "$@" >b 2>b.err || b=$?
    sed -i "/^Try 'qemu-img --help'/d; s/^qemu-img/rhea-img/" b.err
    if [ $a != $b ] || ! diff <(cat a a.err) <(cat b b.err) >d; then
        echo "rhea-img $*: status $a, the peer's $b"
        cat d
        exit 1
    fi
}

same_dd() { # operand...; of=NAME is added
    local a=0 b=0
    rm -f x y
    "$BUILD/rhea-img" dd "$@" of=x >a 2>&1 || a=$?
    qemu-img dd "$@" of=y >b 2>&1 || b=$?
    sed -i "/^Try 'qemu-img --help'/d; s/^qemu-img/rhea-img/" b
    diff a b && [ $a = $b ] || { echo "dd $*: status $a, the peer's $b"; exit 1; }
    [ ! -f y ] || qemu-img compare -q x y || { echo "dd $*: the images differ"; exit 1; }
    [ "$(qemu-img info x 2>/dev/null | grep virtual)" = "$(qemu-img info y 2>/dev/null | grep virtual)" ]
}

qemu-img create -q -f qcow2 base 10M
qemu-io -c "write -P 1 1000000 1M" base >/dev/null
qemu-img create -q -f qcow2 -b base -F qcow2 over 12M
qemu-io -c "write -P 2 6M 100k" -c "write -z 1M 64k" over >/dev/null
printf 'not whole sectors' >odd
for size in 0 512 64k 1M 1G 100G 1T 60T; do
    for o in "" "-o cluster_size=4k,refcount_bits=64" "-o cluster_size=2M" "-o extended_l2=on" "-o compat=0.10" "-o preallocation=falloc" "-o preallocation=metadata"; do
        # shellcheck disable=SC2086
        same measure --size $size -O qcow2 $o
    done
    same measure --size $size -O raw
done
for image in base over odd; do
    same measure -O qcow2 $image
    same measure --output=json -O qcow2 $image
    same measure -O raw $image
    same measure -O qcow2 -o cluster_size=512 $image
    same measure -O qcow2 -o backing_file=base,backing_fmt=qcow2 $image
done
same measure
same measure -O qcow2
same measure --size 1G base
same measure --size 1G -O foo
same measure --size 1G -O vmdk
same measure -O qcow2 a b
qemu-img create -q -f qcow2 snap 10M
qemu-io -c "write -P 1 0 1M" snap >/dev/null
qemu-img snapshot -c one snap
qemu-io -c "write -P 2 0 2M" snap >/dev/null
qemu-img resize -q snap 12M
qemu-img snapshot -c two snap
for l in one two 1 2 zz snapshot.name=one snapshot.id=2 snapshot.id=1,snapshot.name=two snapshot.id=1,snapshot.name=one ""; do
    same measure -l "$l" -O qcow2 snap
    same convert -l "$l" -O raw snap out
    [ ! -f out ] || mv out rhea.out
    timeout 60 "$BUILD/rhea-img" convert -l "$l" -O raw snap rhea.out 2>/dev/null || continue
    qemu-img convert -l "$l" -O raw snap peer.out
    cmp rhea.out peer.out
done
same convert -l one -O raw base out
same convert -l one -O raw snap snap out
same map --start-offset=1M --max-length=100k snap
same map --output=json --start-offset=1M --max-length=100k snap
same map --output=json --start-offset=1000 --max-length=5 snap
same map --output=json --start-offset=100M snap
same map --output=json --start-offset=x snap
same map --output=json --max-length=0 snap
echo "measure, map, -l: ok"

for i in base over; do
    same_dd if=$i
    same_dd -O qcow2 bs=64k if=$i
    same_dd bs=64k count=40 skip=10 if=$i
    same_dd -f qcow2 -O raw bs=1M skip=3 if=$i
    same_dd bs=3000 count=1000 skip=7 if=$i
    same_dd bs=1M skip=20 if=$i
done
same_dd
same_dd if=nofile
same_dd if=base foo=1
same_dd if=base bs=0
same_dd if=base bs=abc
same_dd if=base count=-1
same_dd if=base bs=1M count=100 skip=0
echo "dd: ok"

# -p: where it starts and ends, and what is said between; the steps are each program's own.
ends() { tr '\r' '\n' | awk 'NR == 1 || !/^    \([0-9.]*.100%\)$/ || /\(100.00/' | uniq; }
images() {
    rm -f pb po
    qemu-img create -q -f qcow2 pb 16M
    qemu-io -c "write -P 1 0 16M" pb >/dev/null
    qemu-img create -q -f qcow2 -b pb -F qcow2 po
    qemu-io -c "write -P 2 0 8M" po >/dev/null
}
for c in "convert -p -O raw po out" "convert -p -O qcow2 -c po out" "compare -p po po" "compare -p po pb" "compare po pb" "compare -q po pb" "compare -p -q po po" \
    "commit -p po" "commit -p -q po" "commit -p -d po" "rebase -p -b  po" "rebase -p -u -b pb -F qcow2 po" "amend -p -o lazy_refcounts=on po" "convert -p -q -O raw po out"; do
    for t in "$BUILD/rhea-img" qemu-img; do
        images
        IFS=' ' read -r -a words <<<"${c/-b  po/-b @ po}"
        status=0
        "$t" "${words[@]/#@/}" >said 2>&1 || status=$?
        { echo "$status"; ends <said; } >"$(basename "$t").ends"
    done
    diff rhea-img.ends qemu-img.ends || { echo "$c"; exit 1; }
done
echo "progress: ok"

# How a copy is made: in any number of pieces at a time, in any order, with any cache and rate
head -c 9000000 /dev/urandom >many
dd if=/dev/urandom of=many bs=1000 seek=20000 count=3000 conv=notrunc status=none
truncate -s 40M many
for o in "-m 1" "-m 16" "-m 16 -W" "-W" "-t none -T none" "-t writethrough" "-t directsync -m 3" "-t unsafe -T writeback" "-r 0" "-r 500M -W" "-C"; do
    for format in raw qcow2 vmdk vpc; do
        # shellcheck disable=SC2086
        "$BUILD/rhea-img" convert $o -f raw -O $format many out
        qemu-img compare -q -f raw -F $format many out || { echo "convert $o -O $format: the copy differs"; exit 1; }
    done
done
for m in 1 16; do # compressed pieces keep their order
    "$BUILD/rhea-img" convert -c -W -m $m -f raw -O qcow2 many packed$m
    "$BUILD/rhea-img" convert -W -m $m -f raw -O vmdk -o subformat=streamOptimized many stream$m
    qemu-img compare -q -f raw -F vmdk many stream$m
done
cmp packed1 packed16
qemu-img check -q packed16
for o in "-m 0" "-m 17" "-m x" "-m -1" "-C -c" "-C -S 4k" "-S 5" "-S 100M" "-S x" "-S -1" "-t foo" "-T foo" "-r x" "-r -5"; do
    # shellcheck disable=SC2086
    same convert $o -O qcow2 base out
done
same commit -r x over
same commit -t foo over
same rebase -t foo -b base -F qcow2 over
same rebase -T foo -b base -F qcow2 over
same rebase over
same compare -T foo base base
same check -T foo base
same check -r foo base
same amend -t foo -o compat=1.1 base
same amend -o compat=1.1 -t directsync base
cp many x
"$BUILD/rhea-img" convert -n -W -m 4 -f qcow2 -O raw base x # zeroes over what was there
qemu-img convert -n -f qcow2 -O raw base many
cmp x many
# Runs of zeroes that are left out
head -c 512k /dev/zero >runs
for i in 0 8 9 10 40 41 100; do printf x | dd of=runs bs=4096 seek=$i conv=notrunc status=none; done
for size in 0 512 4k 8k 64k 1M; do
    "$BUILD/rhea-img" convert -S $size -f raw -O raw runs x
    qemu-img convert -S $size -f raw -O raw runs y
    cmp x y
    [ "$(stat -c %b x)" = "$(stat -c %b y)" ] || { echo "convert -S $size: $(stat -c %b x) blocks, the peer's $(stat -c %b y)"; exit 1; }
done
start=$(date +%s%N)
"$BUILD/rhea-img" convert -r 500k -S 0 -f raw -O raw runs x
[ $(($(date +%s%N) - start)) -ge 900000000 ] || { echo "convert -r: 512 KiB at 500 KiB/s came sooner than a second"; exit 1; }
# The other commands
for o in "-t none -r 100M" "-t writethrough" "-d -t directsync"; do
    cp base b1 && cp over o1 && qemu-img rebase -u -b b1 -F qcow2 o1
    # shellcheck disable=SC2086
    "$BUILD/rhea-img" commit -q $o o1
    qemu-img compare -q b1 over
done
cp over o1
"$BUILD/rhea-img" rebase -t none -T none -b "" o1
qemu-img compare -q o1 over
same create -q -u -f qcow2 -b missing -F qcow2 n 1M
same info n
same create -q -u -f qcow2 -b missing -F qcow2 n
same create -q -u -f qcow2 -o backing_file=missing,backing_fmt=raw,cluster_size=4k n 1M
same info n
same rebase -u n
same info n
qemu-img create -q -f raw zero 10M
qemu-img create -q -f qcow2 data 10M
qemu-io -c "write -P 0 0 1M" data >/dev/null
for pair in "base base" "base zero" "zero data" "data base" "base over" "over base"; do
    # shellcheck disable=SC2086
    same compare -s $pair
done
echo "-m, -W, -C, -S, -r, -t, -T, -u, compare -s: ok"
