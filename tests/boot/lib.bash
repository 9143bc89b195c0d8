# SPDX-License-Identifier: MIT
# Shared by the boot tests: boots a kernel to an init that prints and powers off.

set -o pipefail
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# Input for the machine: the monitor's quit when the guest has said that it halted.
quit_when_halted() {
    [ -n "${HALTS-}" ] || return
    for _ in $(seq "${BOOT_TIMEOUT:-120}"); do
        sleep 1
        ! grep -q 'reboot: System halted' "$said" || break
    done
    printf '\001cquit\n'
}

# boot_off FLAVOUR [OPTION...]: fails unless userland was reached and the program exited 0. Arm flavours want their
# board among the options, and CONSOLE when it is not the first PL011. HALTS=1: the guest cannot stop the machine; the
# monitor does when it says that it has halted.
boot_off() {
    local flavour=$1 prog console=${CONSOLE:-ttyS0} out status
    shift
    case $flavour in
    *amd64) prog=$BUILD/rhea-system-x86_64 ;;
    *arm64) prog=$BUILD/rhea-system-aarch64 console=${CONSOLE:-ttyAMA0} ;;
    armmp* | rpi) prog=$BUILD/rhea-system-arm console=${CONSOLE:-ttyAMA0} ;;
    *) prog=$BUILD/rhea-system-i386 ;;
    esac
    local kernel initrd
    kernel=$("$SRC/scripts/guest.sh" kernel "$flavour") || { echo "no kernel $flavour"; return 1; }
    initrd=$("$SRC/scripts/guest.sh" initrd-off "$flavour") || return 1
    out=$(timeout "${BOOT_TIMEOUT:-120}" "$prog" -kernel "$kernel" -initrd "$initrd" \
        -append "console=$console panic=-1 ${APPEND-}" -nographic -no-reboot -m "${MEM:-256}" "$@" < <(quit_when_halted) 2>&1 |
        tee "$said") && status=0 || status=$?
    if [ $status != 0 ] || ! grep -q RHEA-BOOT-OK <<<"$out"; then
        echo "boot of $flavour ($*) failed with status $status; last lines:"
        tail -n 25 <<<"$out"
        return 1
    fi
    echo "$flavour $* ok"
}
