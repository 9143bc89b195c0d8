#!/bin/bash
# SPDX-License-Identifier: MIT
# Persistent dirty bitmaps of qcow2: rhea-img bitmap, convert --bitmaps, measure and info beside qemu-img, the same messages and statuses;
# bitmaps made and written by either side hold the same bits for the other (SHA-256 of the bits, asked of each side's QMP), and both find
# the images clean. Oracle: qemu-img, qemu-io, qemu-system-x86_64.
set -e
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null && command -v qemu-system-x86_64 >/dev/null || { echo "no qemu-img"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
img=$BUILD/rhea-img io=$BUILD/rhea-io

# bits EMULATOR IMAGE: name, flags, count and SHA-256 of each bitmap that can be used
bits() {
    local program=$1 image=$2
    python3 - "$program" "$image" <<'PY'
import json, subprocess, sys
program, image = sys.argv[1:]
names = ("one two off sum fine lost lost2 have x wide".split())
commands = [{"execute": "qmp_capabilities"}, {"execute": "query-named-block-nodes", "arguments": {"flat": True}},
            *({"execute": "x-debug-block-dirty-bitmap-sha256", "arguments": {"node": "n", "name": n}} for n in names), {"execute": "quit"}]
argv = [program, "-machine", "none", "-display", "none", "-nodefaults", "-qmp", "stdio", "-blockdev",
        json.dumps({"driver": "qcow2", "node-name": "n", "read-only": True, "file": {"driver": "file", "filename": image, "read-only": True}})]
out = subprocess.run(argv, input="".join(json.dumps(c) + "\n" for c in commands), capture_output=True, text=True, timeout=60)
assert out.returncode == 0, out.stderr
replies = [r for r in map(json.loads, out.stdout.splitlines()) if "return" in r or "error" in r]
node = next(n for n in replies[1]["return"] if n["node-name"] == "n")
maps = sorted(node.get("dirty-bitmaps", []), key=lambda b: b["name"])
sums = {n: r["return"]["sha256"] for n, r in zip(names, replies[2:]) if "return" in r}
for b in maps:
    print(b["name"], b["granularity"], b["count"], b["recording"], b["persistent"], b.get("inconsistent", False),
          not b.get("inconsistent") and sums.get(b["name"]))
PY
}

clean() {
    qemu-img check -q "$1" >/dev/null && "$img" check -q "$1" >/dev/null || { echo "$1 is not clean ($2)"; "$img" check "$1"; qemu-img check "$1"; exit 1; }
}

alike() { # what: images a and b hold the same bitmaps, and each side says the same of both
    bits "$BUILD/rhea-system-x86_64" a >aa
    bits qemu-system-x86_64 a >ab
    bits "$BUILD/rhea-system-x86_64" b >ba
    bits qemu-system-x86_64 b >bb
    for f in ab ba bb; do diff aa $f || { echo "$1: bitmaps differ ($f)"; exit 1; }; done
    diff <("$img" info a | sed -n '/bitmaps/,/refcount/p') <(qemu-img info a | sed -n '/bitmaps/,/refcount/p') || { echo "$1: info differs"; exit 1; }
    clean a "$1"
    clean b "$1"
    qemu-img compare -q a b || { echo "$1: contents differ"; exit 1; }
}

both() { # argument...: on image a by rhea-img, on b by qemu-img; IMAGE stands for its name
    local x=0 y=0
    "$img" "${@//IMAGE/a}" >out.a 2>&1 || x=$?
    qemu-img "${@//IMAGE/b}" >out.b 2>&1 || y=$?
    sed -i "s/'b'/'a'/g; s/to #block[0-9]*/to NODE/; s/in '#block[0-9]*/in 'NODE/; s/^qemu-img/rhea-img/; s/qemu-img bitmap/rhea-img bitmap/; /^Try 'qemu-img --help/d" out.b
    sed -i "s/to #block[0-9]*/to NODE/; s/in '#block[0-9]*/in 'NODE/" out.a
    [ $x = $y ] && diff out.a out.b || { echo "rhea-img $*: status $x, the peer's $y"; exit 1; }
}

write() { # rhea-io command...: by each side on its image
    local args=()
    for c; do args+=(-c "$c"); done
    "$io" -f qcow2 "${args[@]}" a >/dev/null
    qemu-io -f qcow2 "${args[@]}" b >/dev/null
}

layouts=("" "-o cluster_size=4k")
[ "${SLOW-}" != 1 ] || layouts+=("-o refcount_bits=1" "-o extended_l2=on" "-o cluster_size=2M" "-o cluster_size=512")
for o in "${layouts[@]}"; do
    rm -f a b
    # shellcheck disable=SC2086
    "$img" create -q -f qcow2 $o a 100M
    # shellcheck disable=SC2086
    qemu-img create -q -f qcow2 $o b 100M
    write "write 5M 1M"
    both bitmap --add IMAGE one
    both bitmap --add -g 4k IMAGE two
    both bitmap --add --disable -g 2M IMAGE off
    write "write -P 3 1000000 100k" "write -z 20M 1M" "discard 5M 512k"
    [ "$o" ] || alike "written, $o"
    write "write 99M 1M" "write 0 512"
    mv a c; mv b a; mv c b # what one side stored, the other loads
    write "write 40M 3M"
    alike "exchanged, $o"
    both bitmap --merge two IMAGE off
    both bitmap --disable IMAGE one
    both bitmap --clear IMAGE two
    write "write 60M 1M"
    [ "$o" ] || alike "changed, $o"
    both bitmap --enable IMAGE one
    both bitmap --remove IMAGE off
    both bitmap --add --merge one --merge two IMAGE sum
    alike "removed, $o"
    both resize -q IMAGE 120M
    write "write 110M 1M"
    both resize -q --shrink IMAGE 30M
    [ "$o" ] || alike "shrunk, $o"
    for m in "" "--output=json -o cluster_size=4k"; do
        # shellcheck disable=SC2086
        diff <("$img" measure -O qcow2 $m a) <(qemu-img measure -O qcow2 $m a)
    done
    rm -f ca cb
    "$img" convert --bitmaps -O qcow2 a ca
    qemu-img convert --bitmaps -O qcow2 b cb
    mv ca a; mv cb b
    alike "converted, $o"
done
echo "by both: ok"

# A whole bitmap of ones, and one of many clusters.
rm -f a b
for f in a b; do "$img" create -q -f qcow2 -o cluster_size=4k $f 256M; done
both bitmap --add -g 512 IMAGE fine
write "write -z 0 200M"
alike ones
echo "ones: ok"

# An image that was not closed: its bitmaps are inconsistent.
rm -f a b
"$img" create -q -f qcow2 a 10M
"$img" bitmap --add a lost
"$img" bitmap --add --disable a lost2
mkfifo wait
"$io" -f qcow2 a <wait >/dev/null 2>&1 &
writer=$!
exec 5>wait
echo "write 1M 1M" >&5
echo "flush" >&5
for _ in $(seq 100); do "$img" info -U a | grep -q in-use && break; sleep 0.05; done
kill -9 $writer
wait $writer 2>/dev/null || true
exec 5>&-
"$img" check -q -r leaks a >/dev/null || true # what the write was given
cp a b
"$img" info a | grep -q "in-use"
both bitmap --clear IMAGE lost
both bitmap --enable IMAGE lost
both convert --bitmaps -O qcow2 IMAGE c.IMAGE
both convert --bitmaps --skip-broken-bitmaps -O qcow2 IMAGE c.IMAGE
both measure -O qcow2 IMAGE
alike inconsistent
both bitmap --remove IMAGE lost
both bitmap --remove IMAGE lost2
alike "inconsistent removed"
echo "inconsistent: ok"

# A program that does not know bitmaps wrote the image: they are gone.
"$img" bitmap --add a x
cp a b
printf '\0' | dd of=a bs=1 seek=95 conv=notrunc status=none # the autoclear bits
"$img" info a 2>warned | grep -q bitmaps && { echo "stale bitmaps are shown"; exit 1; }
grep -q "lacking bitmap support" warned
"$img" check a >checked 2>/dev/null && { echo "clusters of stale bitmaps are not found"; exit 1; }
grep -q "leaked" checked
"$img" check -q -r leaks a 2>/dev/null >/dev/null || true
clean a stale

# Messages.
rm -f a b
for f in a b; do
    qemu-img create -q -f qcow2 $f 1M
    qemu-img bitmap --add $f have
    qemu-img create -q -f qcow2 -o compat=0.10 v2.$f 1M
    qemu-img create -q -f qcow2 two.$f 2M
    qemu-img bitmap --add two.$f wide
    qemu-img create -q -f raw raw.$f 1M
done
both bitmap
both bitmap --add IMAGE
both bitmap IMAGE have
both bitmap --add IMAGE have
both bitmap --add -g 100 IMAGE x
both bitmap --add -g 256 IMAGE x
both bitmap --add -g x IMAGE x
both bitmap --add -g 4G IMAGE x
both bitmap --add IMAGE "$(head -c 1100 /dev/zero | tr '\0' x)"
both bitmap --add IMAGE ""
both bitmap --remove IMAGE none
both bitmap --clear IMAGE none
both bitmap --enable --disable IMAGE none
both bitmap --merge none IMAGE have
both bitmap -g 64k --clear IMAGE have
both bitmap -F qcow2 --merge have IMAGE have
both bitmap -b two.IMAGE --clear IMAGE have
both bitmap -b two.IMAGE --merge wide IMAGE have
both bitmap -b two.IMAGE -F qcow2 --merge none IMAGE have
both bitmap --add v2.IMAGE x
both bitmap --add -f raw raw.IMAGE x
both convert --bitmaps -O raw IMAGE x.IMAGE
both convert --bitmaps -f raw -O qcow2 raw.IMAGE x.IMAGE
both convert --bitmaps -O qcow2 v2.IMAGE x.IMAGE
both convert --bitmaps -O qcow2 IMAGE IMAGE x.IMAGE
both convert --skip-broken-bitmaps -O qcow2 IMAGE x.IMAGE
both convert --bitmaps -O qcow2 -o compat=0.10 IMAGE x.IMAGE
both measure -O qcow2 v2.IMAGE
both measure -O qcow2 -f raw raw.IMAGE
echo "messages: ok"

# Damage: refused or reported, never followed.
at=$(python3 -c "
import struct
d = open('a', 'rb').read()
i = 112
while True:
    t, n = struct.unpack('>II', d[i:i + 8])
    if t == 0x23852875:
        print(struct.unpack('>IIQQ', d[i + 8:i + 32])[3])
        break
    i += 8 + (n + 7) // 8 * 8")
for off in $((at)) $((at + 8)) $((at + 12)) $((at + 16)) $((at + 17)) $((at + 18)) $((at + 20)); do
    cp a bad
    printf '\377\377\377\377' | dd of=bad bs=1 seek="$off" conv=notrunc status=none
    status=0
    timeout 20 "$img" info bad >/dev/null 2>out || status=$?
    [ $status -lt 2 ] || { echo "damage at $off: status $status"; cat out; exit 1; }
done
echo "damage: ok"
