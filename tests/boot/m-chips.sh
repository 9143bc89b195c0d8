# SPDX-License-Identifier: MIT
# A newlib program (m-chips/) on the Stellaris, nRF51 and STM32 boards, under both engines: semihosting,
# UART both ways, SysTick, a chip's interrupt, the chips of the board, its exit status. EMULATOR= names another program to run it on.
command -v arm-none-eabi-gcc >/dev/null || { echo "needs gcc-arm-none-eabi and libnewlib-arm-none-eabi"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# build BOARD MACRO CPU FLASH RAM: $tmp/BOARD.elf
build() {
    cat >"$tmp/$1.ld" <<END
MEMORY { FLASH (rx) : ORIGIN = ${4%+*}, LENGTH = ${4#*+}
         RAM (rwx) : ORIGIN = ${5%+*}, LENGTH = ${5#*+} }
stack_top = ORIGIN(RAM) + LENGTH(RAM);
SECTIONS {
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) . = ALIGN(4); } > FLASH
    .init_array : { __preinit_array_start = .; __preinit_array_end = .; __init_array_start = .; KEEP(*(.init_array*))
                    __init_array_end = .; __fini_array_start = .; __fini_array_end = .; } > FLASH
    .ARM.exidx : { *(.ARM.exidx*) } > FLASH
    .data : { *(.data*) . = ALIGN(4); } > RAM
    .bss : { __bss_start__ = .; *(.bss*) *(COMMON) . = ALIGN(4); __bss_end__ = .; end = .; } > RAM
}
END
    arm-none-eabi-gcc -mcpu="$3" -mthumb -D"$2" -O1 -Wall -Wno-main --specs=nano.specs --specs=rdimon.specs -nostartfiles \
        -Wl,--no-warn-rwx-segments -T "$tmp/$1.ld" -o "$tmp/$1.elf" "$SRC/tests/boot/m-chips/main.c" -lrdimon
}

# What the boards' UARTs hear; open for reading and writing, so it never ends.
mkfifo "$tmp/in"
exec 3<>"$tmp/in"

# run BOARD ENGINE
run() {
    local code accel="-accel tcg,engine=$2"
    [ -z "$EMULATOR" ] || accel=
    (sleep 1; printf pq >&3) &
    timeout 60 "${EMULATOR:-$BUILD/rhea-system-arm}" -M "$1" $accel -display none -serial stdio -monitor none \
        -semihosting-config enable=on,target=native -kernel "$tmp/$1.elf" <&3 >"$tmp/out" 2>"$tmp/err"
    code=$?
    wait
    if [ $code = 42 ] && grep -q "hello through the UART" "$tmp/out" && cat "$tmp/out" "$tmp/err" | grep -q "$1 says hello"; then
        echo "$1, $2: passed"
    else
        echo "failed: $1, $2: status $code"
        cat "$tmp/out" "$tmp/err"
        status=1
    fi
}

build lm3s6965evb LM3S6965EVB cortex-m3 0+256K 0x20000000+64K || exit 1
build microbit MICROBIT cortex-m0 0+256K 0x20000000+16K || exit 1
build netduinoplus2 NETDUINOPLUS2 cortex-m4 0x08000000+1M 0x20000000+128K || exit 1
for board in lm3s6965evb microbit netduinoplus2; do
    for engine in x86_64 ${EMULATOR:-interp}; do
        run "$board" "$engine"
        [ -z "$EMULATOR" ] || break
    done
done
exit $status
