# SPDX-License-Identifier: MIT
# The listings that scripts parse keep the peer's shape; exit status 0.
. "$SRC/tests/cli/lib.bash"
expect 0 '^Rhea emulator version [0-9.]+' "$rhea" -version
expect 0 '^Rhea emulator version [0-9.]+' "$rhea" --version
ln -s "$BUILD/rhea" "$tmp/qemu-system-x86_64"
expect 0 '^QEMU emulator version [0-9]+\.[0-9]+\.[0-9]+ \(Rhea ' "$tmp/qemu-system-x86_64" -version
expect 0 '^usage: rhea-system-x86_64 \[options\]' "$rhea" -help
expect 0 '^-kernel bzImage' "$rhea" -h
expect 0 '^Supported machines are:' "$rhea" -machine help
expect 0 '^pc +Standard PC' "$rhea" -M help
expect 0 '^microvm +microvm \(i386\)' "$rhea" -M help
expect 0 'auto-kernel-cmdline=<bool' "$rhea" -M microvm,help
expect 0 '^none +empty machine' "$rhea" -M '?'
expect 0 '^x86 qemu64 ' "$rhea" -cpu help
expect 0 '^x86 Haswell ' "$rhea" -cpu help
expect 0 'Recognized CPUID flags:' "$rhea" -cpu help
expect 0 '^name "isa-debug-exit", bus ISA' "$rhea" -device help
expect 0 '^isa-debug-exit options:' "$rhea" -device isa-debug-exit,help
expect 0 'iobase=<uint' "$rhea" -device isa-debug-exit,help
expect 0 '^Available chardev backend types:' "$rhea" -chardev help
expect 0 '^tcg$' "$rhea" -accel help
expect 0 'in_asm' "$rhea" -d help
expect 0 '^x86 pentium3 ' "$BUILD/rhea-system-i386" -cpu help
expect 0 'i386' "$BUILD/rhea" --target help
exit $fails
