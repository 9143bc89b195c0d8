# SPDX-License-Identifier: MIT
# Programs for bare M-profile cores: each tests/tcg/arm/m-system/BOARD-NAME.c runs under both engines and says by its exit status which
# check failed, 0 when none.
command -v arm-none-eabi-gcc >/dev/null || { echo "needs gcc-arm-none-eabi"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
dir=$SRC/tests/tcg/arm/m-system
status=0
build() { # program
    place="-T $dir/m.ld -Wl,--defsym=CODE=0,--defsym=DATA=0x20000000"
    case $1 in
    mps2-an385-*) flags=-mcpu=cortex-m3 ;;
    mps2-an386-*) flags="-mcpu=cortex-m4 -mfloat-abi=softfp -mfpu=fpv4-sp-d16" ;;
    mps2-an505-*)
        flags="-mcpu=cortex-m33 -mfloat-abi=softfp -mfpu=fpv5-sp-d16 -mcmse"
        place="-T $dir/m-tz.ld -Wl,--defsym=CODE=0x10000000,--defsym=DATA=0x38200000" ;;
    esac
    # shellcheck disable=SC2086
    arm-none-eabi-gcc $flags -mthumb -O1 -Wall -Werror -nostdlib -ffreestanding $place -Wl,--no-warn-rwx-segments -o "$tmp/$1" "$dir/$1.c"
}
for source in "$dir"/*.c; do
    name=$(basename "$source" .c)
    build "$name" || { echo "failed: $name does not build"; status=1; continue; }
    board=${name%-*}
    for accel in tcg tcg,hot=0 tcg,engine=interp tcg,engine=interp,hot=0; do
        timeout 60 "$BUILD/rhea" --target arm -M "$board" -accel $accel -nographic -semihosting -kernel "$tmp/$name" \
            </dev/null >"$tmp/out" 2>&1
        code=$?
        if [ $code = 0 ]; then echo "$name, $accel: passed"
        else echo "failed: $name, $accel: exit status $code"; cat "$tmp/out"; status=1; fi
    done
    case $name in *lockup) grep -q 'Lockup: ' "$tmp/out" || { echo "failed: $name: no message"; status=1; } ;; esac
done
exit $status
