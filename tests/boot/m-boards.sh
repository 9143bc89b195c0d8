# SPDX-License-Identifier: MIT
# The program of m-boards/ on each M-profile board: built with newlib (rdimon), it must print by semihosting and on the UART, take SysTick and
# the UART's interrupt, and its exit status must be ours. PEER=qemu-system-arm runs the same files there first.
command -v arm-none-eabi-gcc >/dev/null || { echo "needs gcc-arm-none-eabi and libnewlib-arm-none-eabi"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
dir=$SRC/tests/boot/m-boards
status=0

boards="
mps2-an385    -mcpu=cortex-m3                                       0x00000000 0x20000000 0x20000 CMSDK 0x40004000 1
mps2-an386    -mcpu=cortex-m4,-mfloat-abi=hard,-mfpu=fpv4-sp-d16     0x00000000 0x20000000 0x20000 CMSDK 0x40004000 1
mps2-an505    -mcpu=cortex-m33,-mfloat-abi=hard,-mfpu=fpv5-sp-d16    0x10000000 0x38000000 0x20000 CMSDK 0x50200000 33
lm3s6965evb   -mcpu=cortex-m3,-DPL011_CLOCK                          0x00000000 0x20000000 0x10000 PL011 0x4000c000 5
microbit      -mcpu=cortex-m0                                       0x00000000 0x20000000 0x4000  NRF51 0x40002000 2
netduinoplus2 -mcpu=cortex-m4,-mfloat-abi=hard,-mfpu=fpv4-sp-d16     0x08000000 0x20000000 0x10000 STM32 0x40011000 37
"

run() { # emulator, arguments
    timeout 60 "$@" -nographic -semihosting -kernel "$tmp/$board.elf" </dev/null >"$tmp/out" 2>&1
    code=$?
    for line in 'semihosting: ok' 'systick: ok' 'uart: ok' 'interrupt: ok' 'sqrt: 1.414214'; do
        grep -q "^$line" "$tmp/out" || return 1
    done
    [ $code = 42 ]
}

"$BUILD/rhea" --target arm -M help >"$tmp/machines"
echo "$boards" | while read -r board flags flash ram ram_size uart base irq; do
    [ -n "$board" ] || continue
    grep -q "^$board " "$tmp/machines" || { echo "$board: not in this build"; continue; }
    # shellcheck disable=SC2086
    arm-none-eabi-gcc ${flags//,/ } -mthumb -O2 -Wall -DUART=$uart -DUART_BASE=$base -DUART_IRQ=$irq -specs=rdimon.specs -T "$dir/board.ld" \
        -Wl,--defsym=FLASH=$flash,--defsym=RAM=$ram,--defsym=RAM_SIZE=$ram_size -Wl,--no-warn-rwx-segments \
        -o "$tmp/$board.elf" "$dir/program.c" "$dir/start.c" -lm || { echo "failed: $board does not build"; touch "$tmp/failed"; continue; }
    if [ -n "$PEER" ]; then run "$PEER" -M "$board" && echo "$board, peer: passed" || { echo "$board, peer: exit status $code"; cat "$tmp/out"; }; fi
    for engine in x86_64 interp; do
        if run "$BUILD/rhea" --target arm -M "$board" -accel tcg,engine=$engine; then
            echo "$board, $engine: passed"
        else
            echo "failed: $board, $engine: exit status $code"
            cat "$tmp/out"
            touch "$tmp/failed"
        fi
    done
done
[ -e "$tmp/failed" ] && status=1
exit $status
