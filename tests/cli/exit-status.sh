# SPDX-License-Identifier: MIT
# isa-debug-exit gives (value << 1) | 1, in a multiboot guest of five instructions; -no-reboot ends a triple fault.
. "$SRC/tests/cli/lib.bash"
# Multiboot header with the a.out kludge (flag 16), loaded at 1 MiB.
mb() { # machine code as \x escapes
    python3 - "$tmp/mb" "$1" <<'P'
import struct, sys
code = bytes.fromhex(sys.argv[2])
flags = 0x10000
head = struct.pack("<IIIIIIII", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xffffffff, 0x100000, 0x100000, 0, 0, 0x100020)
open(sys.argv[1], "wb").write(head + code + bytes(64))
P
}
mb b815000000ba01050000eeebfe   # mov eax, 0x15; mov edx, 0x501; out dx, al; jmp $
expect 43 '' "$rhea" -kernel "$tmp/mb" -device isa-debug-exit,iobase=0x501,iosize=2 -display none
mb 0f011d00001000cd03ebfe       # lidt with a bad table; int3
expect 0 '' "$rhea" -kernel "$tmp/mb" -no-reboot -display none -m 64
exit $fails
