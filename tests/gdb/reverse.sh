# SPDX-License-Identifier: MIT
# Reverse execution over a recorded boot of Debian's kernels, x86-64 and arm64: a session in the guest's shell is recorded (typed
# input included), replayed under gdb to some hits of a breakpoint and a watchpoint, and gone through backwards. The registers found on
# the way back must be those that were there on the way (reverse.py); what the replayed guest prints, what was recorded.
. "$SRC/tests/gdb/lib.bash"


record() { # name
    rm -f "$tmp/in"
    mkfifo "$tmp/in"
    exec 3<>"$tmp/in"
    timeout 150 "$BUILD/rhea-system-$1" "${args[@]}" -nographic -monitor none -no-reboot -icount "shift=0,rr=record,rrfile=$tmp/$1.rr" \
        <"$tmp/in" >"$tmp/console" 2>&1 &
    emulator=$!
    for _ in $(seq 900); do grep -q "ends it" "$tmp/console" 2>/dev/null && break; sleep 0.1; done
    echo "grep -E ' (jiffies_64|do_sys_openat2)\$' /proc/kallsyms; poweroff -f" >&3
    wait $emulator || fail "$1: the recording ended with status $?"
    emulator=
    exec 3>&-
}

address() { tr -d '\r' <"$tmp/console" | sed -n "s/^\([0-9a-f]\{16\}\) . $1\$/0x\1/p" | head -n 1; }

reverse() { # name flavour gdb-architecture console
    kernel=$("$SRC/scripts/guest.sh" kernel "$2") && shell=$("$SRC/scripts/guest.sh" initrd "$2") || { fail "no kernel $2"; return; }
    args=(-m 256 -kernel "$kernel" -initrd "$shell" -append "console=$4 quiet nokaslr")
    [ "$1" = x86_64 ] || args+=(-M virt -cpu cortex-a57)
    record "$1"
    local openat jiffies
    openat=$(address do_sys_openat2) jiffies=$(address jiffies_64)
    [ -n "$openat" ] || { fail "$1: no symbols from the guest:"; tail -n 5 "$tmp/console"; return; }
    rhea=$BUILD/rhea-system-$1
    start "${args[@]}" -serial stdio -monitor "unix:$tmp/hmp,server=on,wait=off" -icount "shift=0,rr=replay,rrfile=$tmp/$1.rr" </dev/null
    debug -ex "set architecture $3" <<EOF
python openat, jiffies, monitor_path = $openat, ${jiffies:-0}, "$tmp/hmp"
source $SRC/tests/gdb/reverse.py
detach
EOF
    says 'hits are different places: True' 'after steps back: True' 'hit 2 again: True' 'hit 1 again: True' 'hit 0 again: True' \
        'No more reverse-execution history' 'beginning: 0' 'forward again: True'
    [ -z "$jiffies" ] || says 'watchpoint back: True'
    says 'No more reverse-execution history' 'end: True' 'last hit: True' 'seek: True'
    kill "$emulator" 2>/dev/null
    wait "$emulator"
    emulator=
    # A shell's line editor and the prompt depend on nothing else: the whole console is the same.
    cmp <(tr -d '\r' <"$tmp/console" | grep -v '^rhea') <(tr -d '\r' <"$tmp/guest.log" | grep -v '^rhea' ) ||
        fail "$1: the replayed console differs"
    rm -f "$tmp/gdb"
}

reverse x86_64 cloud-amd64 i386:x86-64 ttyS0
reverse aarch64 cloud-arm64 aarch64 ttyAMA0
exit $fails
