# SPDX-License-Identifier: MIT
# Images made by rhea-img and by qemu-img are checked, read and compared identical by the other, for the options that change the layout;
# internal snapshots, overlays, commit and resize leave images that both find clean. Oracle: qemu-img.
set -e
img=$BUILD/rhea-img
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
same() { qemu-img compare -q "$1" "$2" && "$img" compare -q "$1" "$2"; }
clean() { qemu-img check -q "$1" >/dev/null && "$img" check -q "$1" >/dev/null; }

head -c 3000000 /dev/urandom >r.raw
head -c 5000000 "$BUILD/rhea" | dd of=r.raw bs=1M seek=6 conv=notrunc status=none
for o in "" "-o cluster_size=4096" "-o cluster_size=2M" "-o refcount_bits=1" "-o refcount_bits=64" "-o compat=0.10" "-o extended_l2=on" \
    "-c" "-c -o compression_type=zstd"; do
    rm -f a.qcow2 b.qcow2
    # shellcheck disable=SC2086
    "$img" convert -O qcow2 $o r.raw a.qcow2
    # shellcheck disable=SC2086
    qemu-img convert -O qcow2 $o r.raw b.qcow2
    for f in a.qcow2 b.qcow2; do clean $f && same r.raw $f || { echo "qcow2 $o: $f differs"; exit 1; }; done
    same a.qcow2 b.qcow2
done

"$img" convert -O qcow2 r.raw s.qcow2
"$img" snapshot -c one s.qcow2
qemu-io -c "write -P 7 1M 3M" -c "discard 6M 2M" -c "write -z 9M 1M" s.qcow2 >/dev/null
"$img" snapshot -c two s.qcow2
clean s.qcow2
"$img" snapshot -l s.qcow2 | grep -q "^2  *two"
"$img" snapshot -a one s.qcow2
clean s.qcow2
same s.qcow2 r.raw
"$img" snapshot -d two s.qcow2
"$img" snapshot -d 1 s.qcow2
clean s.qcow2
same s.qcow2 r.raw

"$img" create -q -f qcow2 -b s.qcow2 -F qcow2 over.qcow2
qemu-io -c "write -P 9 3M 1M" over.qcow2 >/dev/null
qemu-img convert -O raw over.qcow2 want.raw
same over.qcow2 want.raw
"$img" commit -q over.qcow2
clean s.qcow2
same s.qcow2 want.raw
"$img" resize -q s.qcow2 +10M
"$img" resize -q --shrink s.qcow2 4M
clean s.qcow2
qemu-img info s.qcow2 | grep -q "virtual size: 4 MiB"
"$img" resize s.qcow2 2M 2>&1 | grep -q -- --shrink

# Damage: refused or reported, never followed.
cp s.qcow2 bad.qcow2
printf '\377\377\377\377' | dd of=bad.qcow2 bs=1 seek=36 conv=notrunc status=none
if "$img" info bad.qcow2 2>/dev/null; then exit 1; fi
head -c 100 s.qcow2 >short.qcow2
if "$img" check short.qcow2 2>/dev/null; then exit 1; fi
