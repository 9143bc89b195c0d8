#!/bin/bash
# SPDX-License-Identifier: MIT
# rhea-io beside qemu-io: the same commands on two images of a format, the same words (but for times and rates), exit statuses and contents afterwards.
set -e
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null || { echo "no qemu-io"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

plain() { # what depends on the clock and on the program's name
    sed -E 's/qemu-io/rhea-io/g; s/; [0-9:.]+( sec)? \(.*\)$//; s/,[0-9]+:[0-9][0-9]:[0-9.]+,[0-9.]+,[0-9.]+$//'
}

same() { # argument...: of both programs; they work on files of the same names in two folders
    local a=0 b=0
    (cd ours && timeout 60 "$BUILD/rhea-io" "$@" >../a 2>../a.err </dev/null) || a=$?
    (cd peers && timeout 60 qemu-io "$@" >../b 2>../b.err </dev/null) || b=$?
    if [ $a != $b ] || ! diff <(cat a a.err | plain) <(cat b b.err | plain) >d; then
        echo "rhea-io $*: status $a, the peer's $b"
        cat d
        exit 1
    fi
}

commands=(
    "write -P 0x11 0 64k" "read -P 0x11 0 64k" "read -P 0x12 0 64k" "read -v 65530 36" "write 8M 3000"
    "writev -P 3 4M 512 1k" "readv -P 4 4M 512 1k" "readv -v 4M 16 16" "aio_write -P 3 5M 1k" "aio_read -P 3 5M 1k" aio_flush flush
    "discard 7M 1M" "discard -q 0 1k" length map "alloc 0 1M" "alloc 0 512" "alloc 5000 1M" "alloc 4M" "sleep 1" foo write "write a b" "write 0 100"
    "write 511 512" "read 20M 512" "read -C 0 512" "write -C 0 512" "write -q 0 512" "help foo" "read -P 300 0 512" "read -P 0xcd -s 512 -l 512 0 2k"
    "read -P 0xcd -s 1k -l 2k 0 2k" "write -P 1 -z 0 1k" "write -u 0 1k" "write -f 0 512" "map 0" "length foo" sleep "sleep abc" truncate "truncate x"
    "read 0 0" "discard 9M" "w 0 512" "r 0 512" "write -s nofile 0 1k" "write -s pattern 12345 10k" "read -v 12345 40" "write -P 5 9M 1M" quit
    "write -z 1M 1M" "write -z -u 2M 1M" "write 0x10000 0x200" "write 1.5k 1k" "alloc" "aio_write -P 7 6M 1k 2k 512" "writev 1M 1k x" "write -c 3M 63k" "help length" "help alloc" "open x"
)
for format in raw qcow2 ${SLOW:+vdi vpc vmdk} vhdx; do # SLOW=1: all
    rm -rf ours peers
    mkdir ours peers
    for d in ours peers; do
        printf 'pattern bytes' >$d/pattern
        qemu-img create -q -f $format $d/x 10M
    done
    for c in "${commands[@]}"; do
        case $format:$c in raw:*-c\ 3M* | vdi:*-c* | vmdk:*-c\ 3M* | vhdx:*-c\ 3M* | vpc:*-c\ 3M*) continue ;; # said otherwise
        *:map | *:alloc*) case $format in qcow2 | vmdk) ;; *) continue ;; esac ;; # the peer does not say what is allocated; ours does
        esac
        same -f $format -c "$c" x
    done
    qemu-img compare -q -f $format -F $format ours/x peers/x || { echo "$format: contents differ"; qemu-img compare -f $format -F $format ours/x peers/x; cmp ours/x peers/x | head -3; exit 1; }
    echo "$format: ok"
done

rm -rf ours peers
mkdir ours peers
for d in ours peers; do qemu-img create -q -f qcow2 $d/x 10M; done
same -c "write -c -P 9 3M 64k" -c "read -P 9 3M 64k" -c foo -c length x
same -r -c "read 0 512" -c "truncate 20M" x
same -n -t none -c "write -P 3 4k 8k" -c "read -P 3 4k 8k" -c "write -P 4 5000 100" -c "read -P 4 5000 100" x
same -t writethrough -d unmap -c "write -P 3 1M 1M" -c "discard 1M 1M" -c "read -P 0 1M 1M" x
same -c length
same nofile
same -c length --image-opts driver=qcow2,file.filename=x
same -c "open -o driver=qcow2,file.filename=x" -c length -c close -c length
same -c "open -r x" -c length -c "open x" -c close -c "open x" -c "write 0 512"
same -c "truncate 12M" -c length -c "truncate 11M" -c length x
same -c "aio_write -P 1 0 1M" -c aio_flush -c "aio_write -P 2 1M 1M" -c aio_flush -c "read -P 1 0 1M" -c "read -P 2 1M 1M" x
qemu-img compare -q ours/x peers/x
# An abort in the middle leaves an image that needs at most its log
"$BUILD/rhea-io" -f vhdx -c abort x 2>/dev/null && exit 1
qemu-img create -q -f vhdx -o block_size=1M x 10M
! (ulimit -c 0; "$BUILD/rhea-io" -f vhdx -c "write -P 1 0 3M" -c flush -c "write -P 2 5M 1k" -c abort x >/dev/null 2>&1)
"$BUILD/rhea-img" check -q -r all x
"$BUILD/rhea-io" -f vhdx -c "read -q -P 1 0 3M" -c "read -q -P 2 5M 1k" x
qemu-img check -q x
# Commands from the standard input
printf 'length\nread 0 1k\nquit\n' | "$BUILD/rhea-io" ours/x | plain >a
printf 'length\nread 0 1k\nquit\n' | qemu-io peers/x | plain >b
diff a b
"$BUILD/rhea-io" --help | grep -q "image-opts" && "$BUILD/rhea-io" -c help | grep -q "^writev "
echo "options: ok"
