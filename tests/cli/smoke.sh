# SPDX-License-Identifier: MIT
# Smoke tests: verdicts and exit statuses (docs/smoke.md) of guests of a few bytes, bad usage, a run repeated; then the
# page's own examples with Debian's kernel.
. "$SRC/tests/cli/lib.bash"
mb() { # FILE, machine code in hex: a multiboot image at 1 MiB
    python3 - "$1" "$2" <<'P'
import struct, sys
code = bytes.fromhex(sys.argv[2])
flags = 0x10000
head = struct.pack("<IIIIIIII", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xffffffff, 0x100000, 0x100000, 0, 0, 0x100020)
open(sys.argv[1], "wb").write(head + code + bytes(64))
P
}
run="$rhea -display none -m 64"
mb "$tmp/triple" 0f011d00001000cd03ebfe       # lidt of nonsense; int3
mb "$tmp/halt" faf4ebfc                       # cli; hlt
mb "$tmp/loop" faebfe                         # cli; jmp $
mb "$tmp/idle" fbf4ebfd                       # sti; hlt; jmp: nothing comes, but it could
mb "$tmp/exit" b815000000ba01050000eeebfe     # out 0x501, 0x15
mb "$tmp/hello" "66baf803b068eeb069eeb00aeefaf4ebfd"     # mov dx, 0x3f8; "hi\n"; cli; hlt
expect 6 'triple fault' $run -kernel "$tmp/triple" -smoke timeout=5m,expect=x
expect 6 'triple fault' $run -kernel "$tmp/triple" -no-reboot -smoke timeout=5m,expect=x
expect 6 'guest halted with interrupts off' $run -kernel "$tmp/halt" -smoke timeout=5m,expect=x
expect 6 'no progress' $run -kernel "$tmp/loop" -smoke timeout=5m,expect=x
mb "$tmp/count" fa40ebfd                       # cli; inc %eax; jmp: it may get somewhere
expect 4 'its timeout of 5 s' $run -kernel "$tmp/count" -smoke step-timeout=5s,expect=x
expect 4 'no end within' $run -kernel "$tmp/idle" -smoke timeout=2s,expect=x
expect 4 'guest time' $run -kernel "$tmp/idle" -smoke guest-timeout=2s,expect=x
expect 4 'its timeout of 1 s' $run -kernel "$tmp/loop" -smoke detect=all-loop,step-timeout=1s,expect=x
expect 4 'silent' $run -kernel "$tmp/idle" -smoke stall=1s,expect=x
expect 0 'all 1 steps passed' $run -kernel "$tmp/idle" -smoke wait=1s
expect 0 'all 2 steps passed' $run -kernel "$tmp/hello" -smoke 'expect=^hi$,monitor=info status'
expect 2 "fail pattern 'h.' matched 'hi'" $run -kernel "$tmp/hello" -smoke 'expect=ho,fail=h.'
expect 0 'passed' $run -kernel "$tmp/exit" -device isa-debug-exit,iobase=0x501,iosize=2 -smoke exit=43
expect 2 'with status 43' $run -kernel "$tmp/exit" -device isa-debug-exit,iobase=0x501,iosize=2 -smoke exit=42
expect 1 "unknown key 'expct'; did you mean 'expect'" $run -kernel "$tmp/exit" -smoke expct=a
expect 1 "expect '\(': " $run -kernel "$tmp/exit" -smoke 'expect=('
expect 1 'there is no step' $run -kernel "$tmp/exit" -smoke timeout=3s
expect 1 "unknown report 'junti'" $run -kernel "$tmp/exit" -smoke expect=a -smoke-report junti=x
expect 1 'No such file' $run -kernel "$tmp/exit" -smoke "@$tmp/none"
expect 1 'no symbols' $run -kernel "$tmp/exit" -smoke "expect=a,symbols=$0"
expect 0 '3 of 3 runs passed' $run -kernel "$tmp/hello" -icount shift=2 -smoke expect=^hi -smoke-repeat 3,jobs=3,seed=7 \
    -smoke-report "json=$tmp/series.json"
python3 - "$tmp/series.json" <<'P' || fails=$((fails + 1))
import json, sys
runs = json.load(open(sys.argv[1]))["runs"]
assert [r["seed"] for r in runs] == [7, 8, 9], runs
P
expect 6 '0 of 1 runs passed' $run -kernel "$tmp/halt" -smoke expect=x -smoke-repeat 9,until-failure=on
expect 1 '1 to 100000 runs' $run -kernel "$tmp/halt" -smoke expect=x -smoke-repeat 0
# Arm: WFI ends by masked interrupts, too; with nothing left that could raise one it is for good. In words of code at 0x40100000.
arm() { # words...
    local at=$((0x40100000)) w
    run=("$BUILD/rhea-system-aarch64" -M virt -cpu cortex-a57 -display none -monitor none)
    for w; do run+=(-device "loader,addr=$at,data=$w,data-len=4"); at=$((at + 4)); done
    run+=(-device loader,addr=0x40100000,cpu-num=0)
}
arm 0xd503207f 0x17ffffff                     # wfi; b .-4
expect 6 'guest halted with interrupts off' "${run[@]}" -smoke timeout=5m,expect=x
expect 6 'guest halted with interrupts off' "${run[@]}" -smp 2 -smoke timeout=5m,expect=x
arm 0x14000000                                # b .
expect 6 'no progress' "${run[@]}" -smoke timeout=5m,expect=x
arm 0xd2c02000 0xd51be340 0xd2800020 0xd51be320 0xd503207f 0x17ffffff # the virtual timer is on: it could
expect 4 'no end within' "${run[@]}" -smoke timeout=3s,expect=x
arm 0xd50342ff 0x14000000                     # msr daifclr, 2; b .
expect 4 'no end within' "${run[@]}" -smoke timeout=5s,expect=x
kernel=$("$SRC/scripts/guest.sh" kernel cloud-amd64) && initrd=$("$SRC/scripts/guest.sh" initrd cloud-amd64) || exit 1
python3 "$SRC/tests/cli/smoke-docs.py" "$SRC/docs/smoke.md" "$rhea" "$kernel" "$initrd" || fails=$((fails + 1))
exit $fails
