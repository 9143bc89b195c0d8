# SPDX-License-Identifier: MIT
# The kernel's own gdb scripts (scripts/gdb of its source) on live guests, x86-64 and arm64, with the kernel's debug symbols: the log,
# tasks, vCPUs and modules that lx-dmesg, lx-ps and the others show are those that the guest shows of itself; lx-symbols finds a module
# that is loaded, and a breakpoint in one that is not is there when it comes.
. "$SRC/tests/gdb/lib.bash"
GDB_TIMEOUT=280 GUEST_TIMEOUT=280
guest() { "$SRC/scripts/guest.sh" "$@"; }

# gdb commands that let the guest run until its console says TEXT
interrupt_at() { # text
    cat <<EOF
python
import threading, time
def interrupt_at_text():
    while "$1" not in open("$tmp/guest.log", errors="replace").read():
        time.sleep(0.1)
    gdb.post_event(lambda: gdb.execute("interrupt"))
threading.Thread(target=interrupt_at_text, daemon=True).start()
end
continue
EOF
}

# What follows "== NAME" in gdb's output
part() { sed -n "/^== $1\$/,/^== /p" "$tmp/out" | grep -v '^== '; }

scripts() { # name flavour console emulator-arguments...
    local name=$1 flavour=$2 console=$3 kernel vmlinux lx initrd modules log
    shift 3
    kernel=$(guest kernel "$flavour") && vmlinux=$(guest vmlinux "$flavour") && lx=$(guest gdb-scripts "$flavour") &&
        initrd=$(guest initrd-modules "$flavour" "$SRC/tests/gdb/guest-init-modules" nls_utf8 loop) ||
        { fail "$name: no kernel with symbols"; return; }
    modules=$(dirname "$(dirname "$(dirname "$kernel")")")/kmodules-$flavour
    ln -sf "$vmlinux" "$tmp/vmlinux" # the name that lx-symbols looks for
    rm -f "$tmp/in" "$tmp/gdb"
    mkfifo "$tmp/in"
    exec 3<>"$tmp/in"
    rhea=$BUILD/rhea-system-$name
    start "$@" -smp 2 -m 256 -kernel "$kernel" -initrd "$initrd" -append "console=$console nokaslr" -serial stdio <"$tmp/in"
    cd "$tmp" || exit 1
    { interrupt_at module-loaded; cat; } <<EOF | debug vmlinux
source $lx
echo == lx-version\n
lx-version
echo == lx-cmdline\n
lx-cmdline
echo \n== lx-dmesg\n
lx-dmesg
echo == lx-ps\n
lx-ps
echo == lx-cpus\n
lx-cpus
echo == lx-lsmod\n
lx-lsmod
echo == lx-mounts\n
lx-mounts
echo == functions\n
p \$lx_task_by_pid(1).comm
p \$lx_current(1).pid >= 0
p \$lx_per_cpu("runqueues", 1).cpu
echo == lx-symbols\n
lx-symbols $modules
info symbol char2uni
set breakpoint pending on
break loop_add
shell echo >$tmp/in
continue
bt 2
info symbol \$pc
lx-lsmod
echo == end\n
delete
detach
EOF
    finished 0
    exec 3>&-
    tr -d '\r' <"$tmp/guest.log" >"$tmp/console"
    part lx-version | grep -qF "Linux version ${kernel##*vmlinuz-}" || fail "$name: lx-version: $(part lx-version)"
    part lx-cmdline | grep -qxF "console=$console nokaslr" || fail "$name: lx-cmdline: $(part lx-cmdline)"
    # Messages have the same times and texts; lx-dmesg rounds where the kernel cuts off.
    sed -n '/^dmesg-from$/,$p' "$tmp/console" | awk '{ print } /^\[ *[0-9]+\.[0-9]+\]/ {
        i = index($0, "]"); printf "[%12.6f%s\n", substr($0, 2, i - 2) + 0.000001, substr($0, i) }' >"$tmp/dmesg"
    part lx-dmesg >"$tmp/lx-dmesg"
    [ "$(wc -l <"$tmp/lx-dmesg")" -gt 100 ] || fail "$name: lx-dmesg is short: $(cat "$tmp/lx-dmesg")"
    log=$(grep -vxFf "$tmp/dmesg" "$tmp/lx-dmesg") && fail "$name: the guest does not show these messages: $log"
    # Kernel workers come and go, and are called by what they do. The kernel itself has but 15 characters of a name.
    awk '/^task / { print $1, $2, substr($3, 1, 15) }' "$tmp/console" >"$tmp/tasks"
    part lx-ps | awk '/^0x/ && $2 && $3 !~ /^kworker/ { print "task", $2, $3 }' >"$tmp/lx-ps"
    [ "$(wc -l <"$tmp/lx-ps")" -gt 15 ] || fail "$name: lx-ps is short: $(part lx-ps)"
    log=$(grep -vxFf "$tmp/tasks" "$tmp/lx-ps") && fail "$name: the guest does not have these tasks: $log"
    part lx-cpus | grep -q 'Online CPUs *: *\[*0' || fail "$name: lx-cpus: $(part lx-cpus)"
    part lx-lsmod | grep -q '^0x[0-9a-f]* nls_utf8 ' || fail "$name: lx-lsmod: $(part lx-lsmod)"
    part lx-mounts | grep -q ' /proc proc ' || fail "$name: lx-mounts: $(part lx-mounts)"
    says '^== functions' '= "init' '= 1$' '= 1$' '^== lx-symbols' 'loading @0x[0-9a-f]*: .*/nls_utf8.ko' 'loop_add.*pending' \
        'loading @0x[0-9a-f]*: .*/loop.ko' 'Breakpoint .*loop_add' '#0 .*loop_add' '^loop_add.* in section .text of .*/loop.ko' '^0x[0-9a-f]* loop '
    grep -q '^module loop ' "$tmp/console" || fail "$name: the guest did not go on to load its module"
}

scripts x86_64 cloud-amd64 ttyS0
scripts aarch64 cloud-arm64 ttyAMA0 -M virt -cpu cortex-a57
exit $fails
