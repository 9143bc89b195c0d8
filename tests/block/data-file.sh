#!/bin/bash
# SPDX-License-Identifier: MIT
# qcow2 with an external data file, amend and bench beside qemu-img: images made by one side are written, read, checked and compared by the
# other; the data file of data_file_raw is the disk. Oracle: qemu-img, qemu-io.
set -e
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null || { echo "no qemu-img"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
img=$BUILD/rhea-img io=$BUILD/rhea-io

clean() {
    qemu-img check -q "$1" >/dev/null && "$img" check -q "$1" >/dev/null || { echo "$1 is not clean ($2)"; "$img" check "$1"; qemu-img check "$1"; exit 1; }
}

both() { # argument...: on image a by rhea-img, on b by qemu-img; IMAGE stands for its name
    local x=0 y=0
    "$img" "${@//IMAGE/a}" >out.a 2>&1 || x=$?
    qemu-img "${@//IMAGE/b}" >out.b 2>&1 || y=$?
    sed -i "s/^qemu-img/rhea-img/; s/'qemu-img rebase'/'rhea-img rebase'/; /^Try 'qemu-img --help/d; s/\bb\b/a/g" out.b
    [ $x = $y ] && diff <(filter out.a) <(filter out.b) || { echo "rhea-img $*: status $x, the peer's $y"; exit 1; }
}
filter() { tr '\r' '\n' <"$1" | sed 's/in [0-9.]* seconds/in N seconds/; /^    ([0-9.]*.100%)$/d; /^disk size/d; /actual-size/d; /encrypt/d; /^1  *one /d'; }

write() {
    local args=()
    for c; do args+=(-c "$c"); done
    "$io" -f qcow2 "${args[@]}" a >/dev/null
    qemu-io -f qcow2 "${args[@]}" b >/dev/null
    qemu-io -f raw "${args[@]}" want >/dev/null
}
alike() {
    for f in a b; do
        clean $f "$1"
        qemu-img compare -q $f want && "$img" compare -q $f want || { echo "$1: $f does not hold what was written"; exit 1; }
    done
    both info IMAGE
    for f in a b; do
        diff <("$img" map --output=json $f) <(qemu-img map --output=json $f) || { echo "$1: map of $f"; exit 1; }
        diff <("$img" map $f) <(qemu-img map $f)
    done
}

# ---- Data files ----
for o in "" ",data_file_raw=on" ",cluster_size=4k"; do
    rm -f a b *.raw want
    mkdir -p x y
    (cd x && "$img" create -q -f qcow2 -o "data_file=d.raw$o" i 10M && mv i ../a && mv d.raw ../a.raw)
    (cd y && qemu-img create -q -f qcow2 -o "data_file=d.raw$o" i 10M && mv i ../b && mv d.raw ../b.raw)
    truncate -s 10M want
    "$img" amend -o data_file=a.raw --image-opts "driver=qcow2,file.filename=a,data-file.driver=file,data-file.filename=a.raw"
    qemu-img amend -o data_file=b.raw --image-opts "driver=qcow2,file.filename=b,data-file.driver=file,data-file.filename=b.raw"
    "$img" amend -o data_file=b.raw --image-opts "driver=qcow2,file.filename=b,data-file.driver=file,data-file.filename=b.raw"
    write "write -P 1 0 64k" "write -P 2 3M 100k" "write -P 3 9M 1M" "write -P 4 1000 5000"
    alike "written$o"
    write "write -z 3M 64k" "discard 0 64k" "write -P 5 5M 1000" "write -P 6 64k 3M"
    case $o in *raw*) cmp a.raw want && cmp b.raw want || { echo "the data file is not the disk"; exit 1; } ;; esac
    mv a c; mv b a; mv c b
    write "write -P 7 9500k 300k" "write -P 8 0 1M" "write -z 5M 2M"
    case $o in *raw*) cmp a.raw want && cmp b.raw want || { echo "the data file is not the disk (exchanged)"; exit 1; } ;; esac
    both resize -q IMAGE 20M
    truncate -s 20M want
    write "write -P 9 19M 1M"
    case $o in *raw*) cmp a.raw want && cmp b.raw want || { echo "the data file is not the disk (grown)"; exit 1; } ;; esac
    for f in a b; do clean $f "grown$o"; "$img" compare -q $f want; qemu-img compare -q $f want; done
    both resize -q --shrink IMAGE 4M
    truncate -s 4M want
    for f in a b; do clean $f "shrunk$o"; "$img" compare -q $f want; qemu-img compare -q $f want; done
    "$img" snapshot -c one a 2>/dev/null && { echo "a snapshot of a data file"; exit 1; }
    both amend -o compat=0.10 IMAGE
    both amend -o data_file_raw=on IMAGE
    both amend -o data_file_raw=off IMAGE
    both bitmap --add IMAGE dirty
    "$io" -f qcow2 -c "write -P 1 1M 1M" a >/dev/null
    clean a bitmap
done
echo "data files: ok"
mv a.raw gone.raw
mv b.raw gone2.raw
"$img" info a >/dev/null 2>out && { echo "an image without its data file opens"; exit 1; }
[ "$(wc -l <out)" = 1 ]
rm -f a b
both create -q -f qcow2 -o data_file_raw=on IMAGE 1M
both create -q -f qcow2 -o data_file=d.raw,compat=0.10 IMAGE 1M
qemu-img create -q -f qcow2 base 1M
both create -q -f qcow2 -o data_file=d.raw,data_file_raw=on,backing_file=base,backing_fmt=qcow2 IMAGE
"$img" create -q -f qcow2 -o data_file=over.raw,backing_file=base,backing_fmt=qcow2 over
qemu-io -c "write -P 3 0 1M" base >/dev/null
"$io" -f qcow2 -c "write -P 4 1000 3000" over >/dev/null
qemu-io -f qcow2 -c "read -P 3 0 1000" -c "read -P 4 1000 3000" -c "read -P 3 4000 60000" over | grep -q "verification failed" && { echo "copy on write"; exit 1; }
clean over overlay
echo "overlays: ok"

# ---- amend ----
rm -f a b want
for f in a b; do "$img" create -q -f qcow2 $f 16M; done
truncate -s 16M want
write "write -P 1 0 5M" "write -z 1M 1M" "write -P 2 12M 1M"
write "write -P 3 2M 1M" "write -z 4M 512k"
for o in refcount_bits=64 compat=0.10,refcount_bits=16 compat=1.1 lazy_refcounts=on lazy_refcounts=off compat=v2 compat=v3,refcount_bits=32 size=32M size=24M; do
    both amend -o $o IMAGE
    both amend -p -o $o IMAGE
    for f in a b; do
        clean $f "amend $o"
        qemu-img compare -q $f want || case $o in size=*) ;; *) echo "amend $o changed $f"; exit 1 ;; esac
    done
    both info IMAGE
done
for o in 1 2 16; do # the peer takes long for these
    cp a narrow
    "$img" amend -o refcount_bits=$o narrow
    clean narrow "amend refcount_bits=$o"
    "$img" compare -q narrow b
done
# With a snapshot (the peer leaves wrong marks behind when it expands zero clusters of one).
rm -f s
"$img" create -q -f qcow2 s 16M
"$io" -f qcow2 -c "write -P 1 0 5M" -c "write -z 1M 1M" s >/dev/null
"$img" convert -O raw s then.raw
"$img" snapshot -c one s
"$io" -f qcow2 -c "write -P 3 2M 1M" -c "write -z 4M 512k" s >/dev/null
"$img" convert -O raw s now.raw
for o in compat=0.10 compat=1.1 refcount_bits=8 refcount_bits=64; do
    "$img" amend -o $o s
    clean s "amend $o with a snapshot"
    qemu-img compare -q s now.raw
    cp s t
    qemu-img snapshot -a one t
    clean t "amend $o, snapshot applied"
    qemu-img compare -q t then.raw
done
both amend IMAGE
both amend -o cluster_size=4k IMAGE
both amend -o backing_file=base,backing_fmt=qcow2 IMAGE
both amend -o preallocation=full IMAGE
both amend -o compression_type=zstd IMAGE
both amend -o foo=1 IMAGE
both amend -o data_file=x IMAGE
both amend -o data_file_raw=on IMAGE
both amend -o refcount_bits=3 IMAGE
both amend -o compat=9 IMAGE
both amend -o compat=0.10 IMAGE
both amend -o refcount_bits=64 IMAGE
both amend -o compat=0.10 IMAGE
both amend -o compat=0.10,refcount_bits=16 IMAGE
both amend -o lazy_refcounts=on IMAGE
both amend -f raw -o size=1M IMAGE
both amend -f qcow2 -o help
"$img" create -q -f qcow2 -b base -F qcow2 o1
"$io" -f qcow2 -c "write -z 0 128k" -c "write -P 9 512k 64k" o1 >/dev/null
cp o1 o2
qemu-img convert -O raw o1 before.raw
"$img" amend -o compat=0.10 o1
qemu-img amend -o compat=0.10 o2
for f in o1 o2; do clean $f "overlay as version 2"; qemu-img compare -q $f before.raw; done
echo "amend: ok"

# ---- bench ----
rm -f a b
for f in a b; do "$img" create -q -f qcow2 $f 64M; done
both bench -c 100 -d 4 IMAGE
both bench -c 100 -w --pattern=5 IMAGE
both bench -c 200 -d 8 -w --flush-interval=16 IMAGE
both bench -c 200 -d 8 -w --flush-interval=16 --no-drain IMAGE
both bench -c 10 -s 1M -S 2M -o 3M IMAGE
both bench -c 10 -o 63M -S 10M IMAGE
both bench -c 10 -s 100 -q IMAGE
both bench -c 0 IMAGE
both bench -c 10 -w --flush-interval=5 IMAGE
both bench --flush-interval=3 IMAGE
both bench -c x IMAGE
both bench --pattern=300 -w IMAGE
both bench -i foo IMAGE
both bench -t foo IMAGE
both bench
for f in a b; do clean $f bench; done
"$img" compare -q a b
echo "bench: ok"
