# SPDX-License-Identifier: MIT
# Programs for the bare machine: each tests/tcg/arm/system/CPU-NAME.S (dashes in the CPU's name stay) is assembled, run on the virt
# board under both engines, with and without regions of hot blocks, and says by semihosting which check failed, 0 when none.
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "needs gcc-aarch64-linux-gnu"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
for source in "$SRC"/tests/tcg/arm/system/*.S; do
    name=$(basename "$source" .S)
    cpu=${name%-*}
    aarch64-linux-gnu-gcc -nostdlib -static -Wl,-Ttext=0x40100000 -Wl,--no-warn-rwx-segments -o "$tmp/$name" "$source" ||
        { echo "failed: $name does not assemble"; status=1; continue; }
    for accel in tcg tcg,hot=0 tcg,engine=interp tcg,engine=interp,hot=0; do
        timeout 60 "$BUILD/rhea" --target aarch64 -M virt -cpu "$cpu" -accel $accel -nographic -semihosting \
            -kernel "$tmp/$name" </dev/null >"$tmp/out" 2>&1
        code=$?
        if [ $code = 0 ]; then echo "$name, $accel: passed"
        else echo "failed: $name, $accel: exit status $code"; cat "$tmp/out"; status=1; fi
    done
done
exit $status
