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

# smp_run FLAVOUR CPUS JOBS [APPEND...]: fails unless the program says SMP-OK and Rhea exits 0. OPTIONS are Rhea's; CPU
# is the model of an Arm guest.
smp_run() {
    local flavour=$1 cpus=$2 jobs=$3 prog guest kernel out status initrd console=ttyS0
    shift 3
    case $flavour in
    *amd64) prog=rhea-system-x86_64 guest=smp-guest64 ;;
    *arm64) prog="rhea-system-aarch64 -M virt -cpu ${CPU:-cortex-a57}" guest=smp-guest-aarch64 console=ttyAMA0 ;;
    armmp*) prog="rhea-system-arm -M virt -cpu ${CPU:-cortex-a15}" guest=smp-guest-arm console=ttyAMA0 ;;
    *) prog=rhea-system-i386 guest=smp-guest32 ;;
    esac
    kernel=$("$SRC/scripts/guest.sh" kernel "$flavour") || { echo "no kernel $flavour"; return 1; }
    initrd=$(mktemp)
    smp_initrd "$BUILD/tests/bin/$guest" "$initrd"
    # shellcheck disable=SC2086
    out=$(timeout "${SMP_TIMEOUT:-300}" $BUILD/$prog ${OPTIONS-} -smp "$cpus" -kernel "$kernel" -initrd "$initrd" -m "${MEM:-512}" \
        -append "console=$console panic=-1 quiet cpus=${CPUS:-$cpus} smp=$jobs $*" -nographic -no-reboot </dev/null 2>&1) && status=0 || status=$?
    rm -f "$initrd"
    if [ $status != 0 ] || ! grep -q SMP-OK <<<"$out"; then
        echo "$flavour, -smp $cpus, $jobs $*: status $status; last lines:"
        tail -n 25 <<<"$out"
        return 1
    fi
    echo "$flavour, -smp $cpus, $jobs $*:"
    grep -aE '^(ONLINE|HOTPLUG|LITMUS|ATOMICS|STRESS|BENCH)' <<<"$out" || true
}
