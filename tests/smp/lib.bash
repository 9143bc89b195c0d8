# SPDX-License-Identifier: MIT
# Shared by the tests with several vCPUs: boots Debian's kernel with tests/smp/guest.c as its first program.

# smp_initrd PROGRAM OUT: an initramfs whose init is the program.
smp_initrd() {
    local dir
    dir=$(mktemp -d)
    mkdir "$dir/dev" "$dir/proc" "$dir/sys"
    cp "$1" "$dir/init"
    (cd "$dir" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 2>/dev/null) | gzip -1 >"$2"
    rm -rf "$dir"
}

# smp_run FLAVOUR CPUS JOBS [APPEND...]: fails unless the program says SMP-OK and Rhea exits 0. OPTIONS are Rhea's.
smp_run() {
    local flavour=$1 cpus=$2 jobs=$3 prog guest kernel out status initrd
    shift 3
    case $flavour in
    *amd64) prog=$BUILD/rhea-system-x86_64 guest=$BUILD/tests/bin/smp-guest64 ;;
    *) prog=$BUILD/rhea-system-i386 guest=$BUILD/tests/bin/smp-guest32 ;;
    esac
    kernel=$("$SRC/scripts/guest.sh" kernel "$flavour") || { echo "no kernel $flavour"; return 1; }
    initrd=$(mktemp)
    smp_initrd "$guest" "$initrd"
    # shellcheck disable=SC2086
    out=$(timeout "${SMP_TIMEOUT:-300}" "$prog" ${OPTIONS-} -smp "$cpus" -kernel "$kernel" -initrd "$initrd" -m "${MEM:-512}" \
        -append "console=ttyS0 panic=-1 quiet cpus=${CPUS:-$cpus} smp=$jobs $*" -nographic -no-reboot </dev/null 2>&1) && status=0 || status=$?
    rm -f "$initrd"
    if [ $status != 0 ] || ! grep -q SMP-OK <<<"$out"; then
        echo "$flavour, -smp $cpus, $jobs $*: status $status; last lines:"
        tail -n 25 <<<"$out"
        return 1
    fi
    echo "$flavour, -smp $cpus, $jobs $*:"
    grep -aE '^(ONLINE|HOTPLUG|LITMUS|ATOMICS|STRESS|BENCH)' <<<"$out" || true
}
