# SPDX-License-Identifier: MIT
# Memory dumps of Debian's kernels, x86-64 and arm64: gdb opens the dump of a running guest and that of one that crashed, and shows with
# the kernel's symbols where the current tasks are, as the registers of the stopped machine say; the kernel's vmcoreinfo is in the dump.
. "$SRC/tests/gdb/lib.bash"
guest() { "$SRC/scripts/guest.sh" "$@"; }

hmp() { # line
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SRC/tests/qmp python3 -c '
import sys
from qmplib import Monitor
sys.stdout.write(Monitor(sys.argv[1]).hmp(sys.argv[2]))' "$tmp/qmp" "$1"
}

wait_for() { # text
    for _ in $(seq 1200); do grep -q "$1" "$tmp/guest.log" && return; sleep 0.1; done
    fail "the guest does not say '$1'"
    tail -n 5 "$tmp/guest.log"
}

# Stops the machine, dumps it, and has gdb tell where its threads are
dump() { # file
    # Not where an interrupt has just been taken: gdb cannot see through Arm's vectors (at multiples of 128)
    for _ in $(seq 30); do
        hmp stop
        hmp "info registers -a" >"$tmp/registers"
        sed -n 's/^.*RIP=\([0-9a-f]*\) .*/\1/p; s/^ *PC=\([0-9a-f]*\) .*/\1/p' "$tmp/registers" | sed 's/^0*//' >"$tmp/want"
        [ "$name" = aarch64 ] && grep -q '[08]0$' "$tmp/want" || break
        hmp cont
        sleep 0.1
    done
    hmp "dump-guest-memory -p $tmp/$1"
    hmp cont
    (cd "$tmp" && timeout 200 "$gdb" -nx -batch "$vmlinux" -c "$1" -ex 'set print frame-arguments none' -ex 'info threads' \
        -ex 'thread apply all printf "pc %d %lx\n", $_thread, $pc' -ex 'thread apply all bt' -ex 'p init_uts_ns.name.release') >"$tmp/out" 2>&1 ||
        fail "$name: gdb on the dump"
    # Program counters of the vCPUs, in the order of their numbers
    sed -n 's/^pc //p' "$tmp/out" | sort -n | cut -d' ' -f2 >"$tmp/got"
    [ -s "$tmp/want" ] && cmp -s "$tmp/want" "$tmp/got" || fail "$name: gdb has other program counters: $(cat "$tmp/want" "$tmp/got" "$tmp/out")"
    readelf -n "$tmp/$1" 2>/dev/null | grep -q '^ *VMCOREINFO' || fail "$name: no vmcoreinfo in the dump"
    rm "$tmp/$1"
}

dumps() { # name flavour console system-call-entry emulator-arguments...
    name=$1
    local flavour=$2 console=$3 entry=$4 kernel initrd
    shift 4
    kernel=$(guest kernel "$flavour") && vmlinux=$(guest vmlinux "$flavour") &&
        initrd=$(guest initrd-modules "$flavour" "$SRC/tests/gdb/guest-init-crash" qemu_fw_cfg) ||
        { fail "$name: no kernel with symbols"; return; }
    rm -f "$tmp/in" "$tmp/gdb" "$tmp/qmp"
    mkfifo "$tmp/in"
    exec 3<>"$tmp/in"
    rhea=$BUILD/rhea-system-$name
    start "$@" -smp 2 -m 192 -kernel "$kernel" -initrd "$initrd" -append "console=$console nokaslr" -serial stdio -device vmcoreinfo \
        -qmp "unix:$tmp/qmp,server=on,wait=off" <"$tmp/in"
    hmp cont
    wait_for task-running
    sleep 1
    dump running
    # One is in read(2) of dd; the release is that of the kernel.
    says '#[0-9]+ .*(vfs|ksys)_read' "#[0-9]+ .*$entry" "= \"${kernel##*vmlinuz-}\""
    echo >&3
    wait_for 'Kernel panic'
    wait_for 'end Kernel panic'
    dump crashed
    says '#[0-9]+ .* panic \(' '#[0-9]+ .*sysrq_handle_crash' '#[0-9]+ .*(vfs|ksys)_write' "#[0-9]+ .*$entry" "= \"${kernel##*vmlinuz-}\""
    hmp quit
    finished 0
    exec 3>&-
}

GUEST_TIMEOUT=280
dumps x86_64 cloud-amd64 ttyS0 entry_SYSCALL_64
dumps aarch64 cloud-arm64 ttyAMA0 el0t_64_sync -M virt -cpu cortex-a57
exit $fails
