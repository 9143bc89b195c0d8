# SPDX-License-Identifier: MIT
# System features of x86 (paging, segments, gates, tasks, v8086 mode, debug registers, changing code) by programs
# that run without an operating system, system/*.c, under both engines, with regions of hot blocks and with
# nothing but regions. Names ending in 64 run in long mode; smm*.c have two processors and let the machine be reset.
# CASES=glob picks programs; EMULATOR runs another program in place of Rhea, to compare.
rhea=${EMULATOR:-$BUILD/rhea-system-x86_64}
dir=$SRC/tests/tcg/i386/system
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
flags=(-O1 -g0 -Wall -Wextra -Werror -Wno-main -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables
    -fcf-protection=none -mgeneral-regs-only -mno-red-zone)

build() { # name width
    gcc "-m$2" "${flags[@]}" -nostdlib -static -no-pie -Wl,-T,"$dir/link.ld" -Wl,-z,max-page-size=4096 -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
        -Wl,-z,noexecstack -o "$out/$1.elf" "$dir/start.S" "$dir/lib.c" "$dir/$1.c" &&
        objcopy -O elf32-i386 "$out/$1.elf" "$out/$1"
}

for source in "$dir"/*.c; do
    name=$(basename "$source" .c) width=32
    # shellcheck disable=SC2254
    case $name in lib) continue ;; ${CASES:-*}) ;; *) continue ;; esac
    case $name in *64) width=64 ;; esac
    machine=(-cpu max -no-reboot)
    case $name in smm) machine=(-cpu pentium3 -smp 2) ;; smm64) machine=(-cpu max -smp 2) ;; esac
    build "$name" $width || { status=1; continue; }
    for accel in tcg tcg,hot=0 tcg,engine=interp tcg,engine=interp,hot=0; do
        timeout 60 "$rhea" -accel $accel "${machine[@]}" -m 64 -nodefaults -display none -serial stdio \
            -device isa-debug-exit,iobase=0x501,iosize=2 -kernel "$out/$name" >"$out/log" 2>&1 </dev/null
        code=$?
        [ $code = 1 ] && grep -q passed "$out/log" && continue
        status=1
        echo "$name, -accel $accel: status $code"
        cat "$out/log"
    done
done
exit $status
