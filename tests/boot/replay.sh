# SPDX-License-Identifier: MIT
# -icount rr=: a guest that reads and writes a disk, reads the TSC and echoes typed bytes is recorded while a monitor keeps
# kicking the vCPU; replayed, it says the same, and the disk stays as it was. Recordings that do not fit are refused with the reason.
. "$SRC/tests/boot/lib.bash"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fails=0
fail() { echo "FAILED: $*"; fails=1; }
rhea=$BUILD/rhea-system-x86_64

gcc -m32 -c -o "$tmp/disk.o" "$SRC/tests/boot/replay-disk.S" && ld -m elf_i386 -Ttext=0x7c00 --oformat=binary -o "$tmp/disk" "$tmp/disk.o" ||
    exit 1
truncate -s 4M "$tmp/disk"
cp "$tmp/disk" "$tmp/disk.orig"

run() { # mode file args...
    local mode=$1 file=$2
    shift 2
    timeout 100 "$rhea" -m 32 -display none -nodefaults -serial stdio -device isa-debug-exit,iobase=0x501,iosize=2 -rtc base=2024-01-01 \
        -drive "file=$tmp/disk,format=raw,snapshot=on,id=hd" -icount "shift=0,rr=$mode,rrfile=$file" "$@"
}

type_slowly() {
    for _ in $(seq 100); do grep -q . "$tmp/out" 2>/dev/null && break; sleep 0.1; done
    for key in a b c; do sleep 0.3; printf %s $key; done
    sleep 0.5
    printf q
    sleep 5
}

type_slowly | {
    run record "$tmp/a.rr" -monitor "unix:$tmp/mon,server=on,wait=off" >"$tmp/out" 2>"$tmp/err" &
    guest=$!
    python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
for n in range(200):
    try:
        s.connect(sys.argv[1])
        break
    except OSError:
        time.sleep(0.05)
s.settimeout(0.05)
try:
    while True:
        s.sendall(b"info registers\nstop\ncont\n")
        try:
            s.recv(65536)
        except TimeoutError:
            pass
except OSError:
    pass
' "$tmp/mon" &
    wait $guest
    echo $? >"$tmp/status"
    wait
}
[ "$(cat "$tmp/status")" = 15 ] || { fail "recording: status $(cat "$tmp/status")"; cat "$tmp/err"; }
[ "$(grep -cE '^.?[0-9a-f]+$' "$tmp/out")" -ge 120 ] || fail "the guest said $(wc -l <"$tmp/out") lines"
run replay "$tmp/a.rr" -monitor none >"$tmp/again" 2>"$tmp/err" </dev/null
status=$?
[ $status = 15 ] || { fail "replay: status $status"; cat "$tmp/err"; }
cmp "$tmp/out" "$tmp/again" || { fail "replay differs"; diff "$tmp/out" "$tmp/again" | head -n 6; }
cmp "$tmp/disk" "$tmp/disk.orig" || fail "replay wrote to the disk"

refuses() { # pattern command...
    local pattern=$1
    shift
    "$@" >"$tmp/err" 2>&1 </dev/null
    local status=$?
    [ $status = 1 ] && grep -qE -- "$pattern" "$tmp/err" || { fail "status $status, wanted 1 and '$pattern':"; head -n 3 "$tmp/err"; }
}
refuses "it had 'memory 33554432', this one has 'memory 67108864'" run replay "$tmp/a.rr" -m 64 -monitor none
refuses "this one has 'device edu'" run replay "$tmp/a.rr" -monitor none -device edu
printf x | dd of="$tmp/disk" bs=1 seek=100000 conv=notrunc status=none
refuses "it had 'drive hd 4194304 bytes, CRC .*', this one has 'drive hd" run replay "$tmp/a.rr" -monitor none
cp "$tmp/disk.orig" "$tmp/disk"
size=$(stat -c %s "$tmp/a.rr")
head -c $((size - 2)) "$tmp/a.rr" >"$tmp/cut.rr"
refuses 'truncated.* after instruction [0-9]+' run replay "$tmp/cut.rr" -monitor none
head -c 40 "$tmp/a.rr" >"$tmp/cut.rr"
refuses 'truncated in its head' run replay "$tmp/cut.rr" -monitor none
refuses 'no recording' run replay "$tmp/disk" -monitor none
refuses 'No such file' run replay "$tmp/none" -monitor none
refuses 'rr must be record or replay' run rerun "$tmp/a.rr" -monitor none
refuses 'rrfile needs rr=' "$rhea" -icount "shift=0,rrfile=$tmp/a.rr" -display none
# A recording of another run of the same machine is noticed by its registers, or by what does not happen.
python3 - "$tmp/a.rr" "$tmp/bad.rr" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
at = data.index(b"\n\n") + 2
out = bytearray(data)
for i in range(at, len(out)):
    if out[i] == 5 and out[i - 1] < 0x80:  # an INTERRUPT becomes TIMERS
        out[i] = 4
        break
open(sys.argv[2], "wb").write(out)
END
refuses 'the run differs from the recording at instruction [0-9]+' run replay "$tmp/bad.rr" -monitor none
exit $fails
