#!/bin/bash
# SPDX-License-Identifier: MIT
# Images of other programs' formats: made by rhea-img and by qemu-img, written by both, each reads and compares what the other made. Damaged headers are
# refused with one line. Oracle: qemu-img, qemu-io. SLOW=1: all options, and damage at all places instead of at each fourth.
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

information_agrees() { # format: the tools say the same of a and b
    for i in a b; do
        "$img" info -f "$1" $i >out
        qemu-img info -f "$1" $i | diff - out || { echo "$1: info"; exit 1; }
        case $1 in vmdk) ;; *) continue ;; esac
        "$img" map -f "$1" --output=json $i >out
        qemu-img map -f "$1" --output=json $i | diff - out || { echo "$1: map"; exit 1; }
        "$img" map -f "$1" $i >out 2>&1 || true
        { qemu-img map -f "$1" $i 2>&1 || true; } | sed s/^qemu-img:/rhea-img:/ | diff - out || { echo "$1: map"; exit 1; }
    done
}

try() { # format options...
    local f=$1
    rm -f ./a* ./b* ./c*
    "$img" convert -O "$@" r.raw a
    qemu-img convert -O "$@" r.raw b
    for i in a b; do compare "$f" $i; done
    # The same writes by the peer to ours, and by ours (a copy onto it) to the peer's
    case $* in *streamOptimized*) ;; *) qemu-io -f "$f" -c "write -P 7 1M 3M" -c "write -P 8 11m 64k" -c "write -P 9 23m 512" a >/dev/null ;; esac
    qemu-img convert -f "$f" -O raw a want.raw
    "$img" compare -q -f "$f" -F raw a want.raw || { echo "$f: what the peer wrote reads wrong"; exit 1; }
    "$img" create -q -f "$@" c 24M
    case $* in *streamOptimized*) "$img" convert -n -f raw -O "$f" want.raw c ;; *)
    qemu-io -f "$f" -c "write -P 3 5M 1M" c >/dev/null
    "$img" convert -n -f raw -O "$f" want.raw c ;; esac
    qemu-img compare -q -f "$f" -F raw c want.raw || { echo "$f: what we wrote reads wrong"; exit 1; }
    "$img" check -q -f "$f" c >/dev/null || { echo "$f: check"; exit 1; }
    qemu-img check -q -f "$f" c >/dev/null 2>&1 || [ $? = 63 ] || { echo "$f: the peer's check"; exit 1; }
    information_agrees "$f"
    # Every byte of the first sectors turned over: refused with one line, or read without harm
    places=0
    for at in 0 8 16 20 28 32 36 44 60 64 68 76 80 340 344 368 376 384 512 528 536 540 544 1536 1540 $more; do
        [ "${SLOW-}" ] || [ $((places++ % 4)) = 0 ] || continue
        cp c bad
        printf '\377\377\377\377' | dd of=bad bs=1 seek=$at conv=notrunc status=none
        status=0
        timeout 60 "$img" info -f "$f" bad >out 2>&1 || status=$?
        [ $status -le 1 ] && { [ $status = 0 ] || [ "$(wc -l <out)" = 1 ]; } || { echo "$f: damage at $at: status $status"; cat out; exit 1; }
        [ $status = 1 ] || timeout 60 "$img" compare -q -f "$f" -F raw bad want.raw >out 2>&1 || case $? in 1 | 2 | 4) ;; *) false ;; esac || { echo "$f: damage at $at"; exit 1; }
    done
    head -c $cut c >bad
    if "$img" info -f "$f" bad >/dev/null 2>&1; then echo "$f: a cut image is opened"; exit 1; fi
    echo "$*: ok"
}

rarely() { [ -z "${SLOW-}" ] || "$@"; }

more='' cut=700
sizes_agree vdi
sizes_agree vpc
rarely sizes_agree vpc -o force_size=on
try vdi
rarely try vdi -o static=on
try vpc
rarely try vpc -o force_size=on
try vpc -o subformat=fixed,force_size=on

sizes_agree vmdk
sizes_agree vmdk -o subformat=twoGbMaxExtentSparse
rarely sizes_agree vmdk -o subformat=twoGbMaxExtentFlat
more="48 56 72 77 592 640 10752 10756 11264 208384 208896 229376" cut=300
try vmdk
rarely try vmdk -o zeroed_grain=on,adapter_type=lsilogic
try vmdk -o subformat=streamOptimized
for sub in ${SLOW:+monolithicFlat twoGbMaxExtentFlat} twoGbMaxExtentSparse; do
    more=$(seq -s " " 1 7 400) cut=80 try vmdk -o subformat=$sub,hwversion=7,toolsversion=12
done

# A second extent, and its damage
for sub in twoGbMaxExtentSparse twoGbMaxExtentFlat; do
    rm -f ./a* ./b*
    "$img" create -q -f vmdk -o subformat=$sub a.vmdk 5G
    qemu-io -f vmdk -c "write -P 3 2097088k 128k" -c "write -P 4 4500M 64k" a.vmdk >/dev/null
    "$img" convert -f vmdk -O vmdk -o subformat=$sub a.vmdk b.vmdk
    qemu-img compare -q a.vmdk b.vmdk && "$img" compare -q a.vmdk b.vmdk
    [ "$(ls b-* | wc -l)" = 3 ]
    rm b-?003.vmdk
    ! "$img" info b.vmdk >out 2>&1 && [ "$(wc -l <out)" = 1 ]
done

# A backing image, by each side; it must be the one that the overlay was made for
for tool in qemu-img "$img"; do
    rm -f ./a* ./b*
    $tool create -q -f vmdk a.vmdk 24M
    qemu-io -f vmdk -c "write -P 1 0 10M" a.vmdk >/dev/null
    $tool create -q -f vmdk -b a.vmdk -F vmdk b.vmdk
    "$img" info b.vmdk >out
    qemu-img info b.vmdk | diff - out
    qemu-io -f vmdk -c "write -P 2 5M 5000" b.vmdk >/dev/null
    qemu-img convert -f vmdk b.vmdk want.raw
    "$img" compare -q -F raw b.vmdk want.raw
    "$img" convert -n -O vmdk want.raw b.vmdk
    qemu-img compare -q -F raw b.vmdk want.raw
    qemu-io -f vmdk -c "write -P 5 0 10M" a.vmdk >/dev/null
    ! "$img" compare -q -F raw b.vmdk want.raw 2>/dev/null
done

more="65536 65540 65544 65584 65600 65604 131072 196608 196616 196624 262144 2097152 2097160 2097184 2097200 2162688 2162696 3145728 3145732 3145736" cut=1000000
sizes_agree vhdx
try vhdx
try vhdx -o block_size=1M,log_size=3M
rarely try vhdx -o subformat=fixed
rarely try vhdx -o block_state_zero=off
# A log to be replayed, as the specification has it, and as the peer does it
rm -f ./a*
"$img" create -q -f vhdx -o block_size=1M a 8M
qemu-io -f vhdx -c "write -P 4 1M 1M" a >/dev/null
for case in plain row tail torn stale; do
    cp a b
    python3 "$SRC/tests/block/vhdx-log.py" b $case
    cp b c
    ! "$img" info c 2>out && grep -q "opened read-only, but contains a log that needs to be replayed" out || { echo "$case: read-only"; exit 1; }
    "$img" check -r all c | grep -q "1 corruptions"
    qemu-img check -q -r all b
    cmp -i 196608 c b.want && cmp -i 196608 c b || { echo "$case: replayed in another way"; exit 1; }
    qemu-img compare -q c b && "$img" compare -q c b && "$img" compare -q c a
done

# Differencing disks of vpc, which the peer does not have: writes of any place and size over a parent, and over a parent's parent, beside qcow2's overlays
rm -f ./a* ./b* ./c*
cp r.raw p.raw
"$img" convert -f raw -O vpc -o force_size=on p.raw p.vhd
mkdir -p sub
for depth in 1 2; do
    parent=$((depth - 1))
    [ $parent = 0 ] && cp p.vhd d0.vhd && qemu-img convert -f raw -O qcow2 p.raw q0
    "$img" create -q -f vpc -b d$parent.vhd -F vpc d$depth.vhd
    qemu-img create -q -f qcow2 -b q$parent -F qcow2 q$depth
    for i in $(seq 40); do
        at=$(((i * 2654435 * depth) % 25000000)) size=$(((i * 7919 * depth * depth) % 150000 + 1))
        [ $((i % 5)) != 0 ] || size=$((size * 20))
        [ $((at + size)) -le 25165824 ] || size=$((25165824 - at))
        for image in d$depth.vhd q$depth; do echo "write -P $((i + 50 * depth)) $at $size" | "$BUILD/rhea-io" -f $([ $image = q$depth ] && echo qcow2 || echo vpc) $image >/dev/null; done
    done
    "$img" compare -q -f vpc -F qcow2 d$depth.vhd q$depth || { echo "vpc: $depth levels of differences"; exit 1; }
    "$img" check -q d$depth.vhd
done
qemu-img compare -q -f raw -F vpc p.raw d0.vhd # written to was only what lies above
"$img" convert -f vpc -O raw d2.vhd want.raw
qemu-img compare -q -f raw -F qcow2 want.raw q2
"$img" info --backing-chain d2.vhd >out
[ "$(grep -c "^backing file: d[01].vhd$" out)" = 2 ]
# The bits of the first block, as the specification has them: the first sector of a byte is its highest bit
"$img" create -q -f vpc -b p.vhd -F vpc bits.vhd
"$BUILD/rhea-io" -f vpc -c "write -P 1 512 512" -c "write -P 2 5120 1024" bits.vhd >/dev/null
python3 - <<'END'
import struct
f = open("bits.vhd", "rb").read()
table, = struct.unpack(">Q", f[512 + 16:512 + 24])
assert struct.unpack(">I", f[60:64])[0] == 4 and f[512 + 40:512 + 56] == open("p.vhd", "rb").read()[68:84], "type, parent's identifier"
code, space, length, _, at = struct.unpack(">4sIIIQ", f[512 + 576:512 + 600])
assert (code, f[at:at + length].decode("utf-16-le"), f[512 + 64:512 + 74].decode("utf-16-be")) == (b"W2ru", ".\\p.vhd", "p.vhd"), "name"
block = 512 * struct.unpack(">I", f[table:table + 4])[0]
assert f[block:block + 512] == b"\x40\x30" + bytes(510), f[block:block + 4]
END
# Many writes at a time
"$img" create -q -f vpc -b p.vhd -F vpc many.vhd
"$img" convert -n -W -m 16 -f raw -O vpc want.raw many.vhd
"$img" compare -q -F raw many.vhd want.raw
# Committed into the parent, moved along with it, named absolutely; another folder's parent
cp d1.vhd d2.vhd d0.vhd sub
mkdir -p sub/deep
"$img" create -q -f vpc -b ../d2.vhd -F vpc sub/deep/d3.vhd
"$img" create -q -f vpc -b "$work/sub/d2.vhd" -F vpc abs.vhd
for image in sub/d2.vhd sub/deep/d3.vhd abs.vhd; do "$img" compare -q -F raw $image want.raw || { echo "vpc: the parent of $image"; exit 1; }; done
"$img" commit -q -d sub/d2.vhd
"$img" compare -q -F raw sub/d1.vhd want.raw
# Refused in one line: a parent that is missing, another, of another size or format; no name; VDI's differences
refused() { # what command...
    local what=$1
    shift
    ! "$@" >out 2>&1 && [ "$(grep -v ^Formatting out | wc -l)" = 1 ] || { echo "not refused in one line: $what"; cat out; exit 1; }
}
mv d0.vhd away
refused "missing parent" "$img" compare -q d1.vhd d1.vhd
"$img" create -q -f vpc -o force_size=on d0.vhd 24M
refused "another parent" "$img" convert -f vpc -O raw d1.vhd out.raw
mv away d0.vhd
refused "another size" "$img" create -q -f vpc -b p.vhd -F vpc x.vhd 1M
refused "fixed" "$img" create -q -f vpc -o subformat=fixed -b p.vhd -F vpc x.vhd
refused "another format" "$img" create -q -f vpc -b p.raw -F raw x.vhd
python3 - <<'END'
import struct
def footer(f, at):
    f[at + 64:at + 68] = bytes(4)
    f[at + 64:at + 68] = struct.pack(">I", ~sum(f[at:at + 512]) & 0xffffffff)
good = bytearray(open("bits.vhd", "rb").read())
def put(name, offset, data):
    f = bytearray(good)
    f[offset:offset + len(data)] = data
    footer(f, 0)
    open(name, "wb").write(f)
put("m0.vhd", 512 + 64, bytes(512 + 192))                            # no name
put("m1.vhd", 512 + 576, struct.pack(">4sIIIQ", b"W2ru", 512, 14, 0, 1 << 40))
put("m2.vhd", 512 + 576, struct.pack(">4sIIIQ", b"W2ru", 512, 0xffffffff, 0, 0))
put("m3.vhd", 512 + 576, struct.pack(">4sIIIQ", b"W2ru", 512, 512, 0, 512))   # no text there
put("m4.vhd", 60, struct.pack(">I", 5))
END
for i in 0 1 2 3 4; do refused "damaged header $i" "$img" compare -q m$i.vhd m$i.vhd; done
"$img" create -q -f vdi v.vdi 24M
printf '\4' | dd of=v.vdi bs=1 seek=76 conv=notrunc status=none
refused "a differencing VDI" "$img" info v.vdi
echo "vpc: differencing disks"
