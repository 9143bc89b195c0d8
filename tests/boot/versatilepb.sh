# SPDX-License-Identifier: MIT
# A program of our own on the Versatile/PB (versatilepb.c says what it checks), under both engines, with an SD card whose contents are
# looked at afterwards. EMULATOR= names another program to run it on.
command -v arm-linux-gnueabi-gcc >/dev/null || { echo "needs gcc-arm-linux-gnueabi"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
set -e
# shellcheck disable=SC2086
arm-linux-gnueabi-gcc ${DEFINES:-} -O2 -march=armv5te -marm -mfloat-abi=soft -nostdlib -static -ffreestanding -fno-pic -Wall -Werror \
    -Wl,-Ttext=0x10000 -Wl,-estart -Wl,--build-id=none -Wl,--no-warn-rwx-segments -o "$tmp/program" "$SRC/tests/boot/versatilepb.c"
for engine in x86_64 interp; do
    python3 -c "
import struct
open('$tmp/sd', 'wb').write(bytes(512) + b''.join(struct.pack('<I', i * 4) for i in range(128)) + bytes((1 << 20) - 1024))"
    status=0 accel="-accel tcg,engine=$engine"
    [ -z "$EMULATOR" ] || accel=
    timeout 60 "${EMULATOR:-$BUILD/rhea-system-arm}" -M versatilepb $accel -display none -serial stdio \
        -monitor none -semihosting -kernel "$tmp/program" -drive if=sd,format=raw,file="$tmp/sd" </dev/null >"$tmp/out" 2>&1 || status=$?
    grep -q PASSED "$tmp/out" && [ $status = 0 ] || { echo "failed: check $status"; cat "$tmp/out"; exit 1; }
    python3 -c "
import struct
block = open('$tmp/sd', 'rb').read()[1024:1536]
assert block == b''.join(struct.pack('<I', ~i & 0xffffffff) for i in range(128)), 'the card holds ' + block[:16].hex()"
    echo "$engine: passed"
done
