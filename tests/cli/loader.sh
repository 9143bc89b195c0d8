# SPDX-License-Identifier: MIT
# -device loader: mistakes, where vCPUs start, that programs it loads run. Messages are the peer's where it has one.
. "$SRC/tests/cli/lib.bash"
loader() { expect 1 "$1" "$rhea" -M none -m 1 -display none -device "loader$2"; one_line; }
head -c 3000000 /dev/zero >"$tmp/large"
printf '\177ELF\1\1\1 but nothing after this................................................' >"$tmp/bad.elf"
printf ':0401000041424344F1\n:0401040045464748DE\n:00000001FF\n' >"$tmp/bad.hex"
printf '\x27\x05\x19\x56%60s' '' >"$tmp/bad.uimg"
loader "please include valid arguments" ""
loader "cpu-num must be specified when setting a program counter" ",addr=0x100"
loader "Both data and data-len must be specified" ",addr=0x100,data=1"
loader "data-len cannot be greater than 8 bytes" ",addr=0x100,data=1,data-len=9"
loader "data does not fit into data-len bytes" ",addr=0x100,data=0x100,data-len=1"
loader "Specifying a file is not supported" ",file=$tmp/large,data=1,data-len=1"
loader "Specifying force-raw is not supported" ",data=1,data-len=1,force-raw=on"
loader "force-raw needs a file" ",force-raw=on"
loader "Specified boot CPU#3 is nonexistent" ",addr=0,cpu-num=3"
loader "Cannot load specified image /nonexistent: No such file" ",file=/nonexistent"
loader "Cannot load specified image $tmp/large: it is larger than the machine's RAM" ",file=$tmp/large"
loader "Cannot load specified image $tmp/bad.elf: " ",file=$tmp/bad.elf"
loader "record 2 of the Intel HEX file is damaged" ",file=$tmp/bad.hex"
loader "Cannot load specified image $tmp/bad.uimg: " ",file=$tmp/bad.uimg"
loader "it does not fit below the end" ",file=$tmp/bad.hex,force-raw=on,addr=0xffffffffffffffff"

# mov r0, #0x20; adr r1, block; svc 0x123456; block: 0x20026, 42 (semihosting: exit with a status), at 0x8000
printf '\x20\0\xa0\xe3\0\x10\x8f\xe2\x56\x34\x12\xef\x26\0\2\0\x2a\0\0\0' >"$tmp/exit.bin"
arm="$rhea --target arm -display none -semihosting"
expect 42 "" $arm -M none -cpu cortex-a15 -m 1 -device "loader,file=$tmp/exit.bin,addr=0x8000,cpu-num=0"
expect 42 "" $arm -M vexpress-a9 -device "loader,file=$tmp/exit.bin,addr=0x60008000,cpu-num=0"
expect 42 "" $arm -M raspi2b -smp 4 -device "loader,file=$tmp/exit.bin,addr=0x8000" -device loader,addr=0x8000,cpu-num=2
# The same in Thumb: movs r0, #0x20; adr r1, block; svc 0xab; bit 0 of the address chooses Thumb.
printf '\x20\x20\1\xa1\xab\xdf\xc0\x46\x26\0\2\0\x2b\0\0\0' >"$tmp/thumb.bin"
expect 43 "" $arm -M virt -device "loader,file=$tmp/thumb.bin,addr=0x40000000" -device loader,addr=0x40000001,cpu-num=0
# x86: the reset state with another instruction pointer.
printf '\xeb\xfe' >"$tmp/loop.bin"
printf "info registers\nquit\n" | timeout 60 "$rhea" -M none -cpu qemu64 -m 1 -display none -monitor stdio \
    -device "loader,file=$tmp/loop.bin,addr=0x1234,cpu-num=0" -S >"$tmp/out" 2>&1
grep -q "EIP=00001234\|RIP=0000000000001234" "$tmp/out" || { echo "FAILED: the vCPU does not start at 0x1234"; fails=$((fails + 1)); }
exit $fails
