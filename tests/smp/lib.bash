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

# smp_boot FLAVOUR CPUS INITRD [APPEND...]: runs the guest, leaves what it said in $out and Rhea's exit status in $status.
# OPTIONS are Rhea's; CPU is the model of an Arm guest.
smp_boot() {
    local flavour=$1 cpus=$2 initrd=$3 prog kernel console=ttyS0
    shift 3
    case $flavour in
    *amd64) prog=rhea-system-x86_64 ;;
    *arm64) prog="rhea-system-aarch64 -M virt -cpu ${CPU:-cortex-a57}" console=ttyAMA0 ;;
    armmp*) prog="rhea-system-arm -M virt -cpu ${CPU:-cortex-a15}" console=ttyAMA0 ;;
    *) prog=rhea-system-i386 ;;
    esac
    kernel=$("$SRC/scripts/guest.sh" kernel "$flavour") || { echo "no kernel $flavour"; return 1; }
    # shellcheck disable=SC2086
    out=$(timeout "${SMP_TIMEOUT:-300}" "$BUILD"/$prog ${OPTIONS-} -smp "$cpus" -kernel "$kernel" -initrd "$initrd" -m "${MEM:-512}" \
        -append "console=$console panic=-1 quiet $*" -nographic -no-reboot </dev/null 2>&1) && status=0 || status=$?
}

# smp_verdict NAME WORD: fails unless Rhea exited 0 and the guest said WORD.
smp_verdict() {
    [ $status = 0 ] && grep -q "$2" <<<"$out" && return
    echo "$1: status $status; last lines:"
    tail -n 25 <<<"$out"
    return 1
}

# smp_run FLAVOUR CPUS JOBS [APPEND...]: fails unless the program says SMP-OK and Rhea exits 0.
smp_run() {
    local flavour=$1 cpus=$2 jobs=$3 guest out status initrd
    shift 3
    case $flavour in
    *amd64) guest=smp-guest64 ;;
    *arm64) guest=smp-guest-aarch64 ;;
    armmp*) guest=smp-guest-arm ;;
    *) guest=smp-guest32 ;;
    esac
    initrd=$(mktemp)
    smp_initrd "$BUILD/tests/bin/$guest" "$initrd"
    smp_boot "$flavour" "$cpus" "$initrd" "cpus=${CPUS:-$cpus} smp=$jobs $*"
    rm -f "$initrd"
    smp_verdict "$flavour, -smp $cpus, $jobs $*" SMP-OK || return 1
    echo "$flavour, -smp $cpus, $jobs $*:"
    grep -aE '^(ONLINE|HOTPLUG|LITMUS|ATOMICS|STRESS|BENCH)' <<<"$out" || true
}
