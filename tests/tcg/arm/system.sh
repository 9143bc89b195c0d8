# SPDX-License-Identifier: MIT
# Programs for the bare machine: each tests/tcg/arm/system/CPU-NAME.S (dashes in the CPU's name stay) is assembled, run on the virt
# board under both engines, with and without regions of hot blocks, and says by semihosting which check failed, 0 when none. Lines
# "// options: …" and "// target: arm" in it say what board it wants and that it is a 32-bit program; PROGRAM in the options is its file,
# which then is not started as a kernel.
for tool in aarch64-linux-gnu-gcc arm-linux-gnueabi-gcc; do
    command -v $tool >/dev/null || { echo "needs $tool"; exit 77; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
for source in "$SRC"/tests/tcg/arm/system/*.S; do
    name=$(basename "$source" .S)
    cpu=${name%-*}
    options=$(sed -n 's,^// options: ,,p' "$source")
    target=$(sed -n 's,^// target: ,,p' "$source")
    case $options in *PROGRAM*) options=${options//PROGRAM/$tmp/$name} ;; *) options="${options:--M virt} -kernel $tmp/$name" ;; esac
    case ${target:=aarch64} in arm) gcc=arm-linux-gnueabi-gcc ;; *) gcc=aarch64-linux-gnu-gcc ;; esac
    $gcc -nostdlib -static -Wl,-Ttext=0x40100000 -Wl,--no-warn-rwx-segments -o "$tmp/$name" "$source" ||
        { echo "failed: $name does not assemble"; status=1; continue; }
    for accel in tcg tcg,hot=0 tcg,engine=interp tcg,engine=interp,hot=0; do
        # shellcheck disable=SC2086
        timeout 60 "$BUILD/rhea" --target "$target" $options -cpu "$cpu" -accel $accel -nographic -semihosting </dev/null >"$tmp/out" 2>&1
        code=$?
        if [ $code = 0 ]; then echo "$name, $accel: passed"
        else echo "failed: $name, $accel: exit status $code"; cat "$tmp/out"; status=1; fi
    done
done
exit $status
