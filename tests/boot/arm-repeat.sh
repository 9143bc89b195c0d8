# SPDX-License-Identifier: MIT
# Every Arm board and Debian kernel that is promised, BOOTS (10) times in a row to a busybox init and power-off or halt, with a
# count per configuration; without SLOW=1 one of them, once. CONFIGS=glob picks configurations by name. By itself, in the build folder:
#   SRC=. BUILD=. SLOW=1 BOOTS=10 bash tests/boot/arm-repeat.sh
. "$SRC/tests/boot/lib.bash"
boots=${BOOTS:-10} status=0
[ "${SLOW-}" = 1 ] || { boots=1; CONFIGS=virt-cortex-a72-gicv3; }
dtb() { "$SRC/scripts/guest.sh" dtb "$1" "$2"; }
log=$(mktemp)
trap 'rm -f "$said" "$log"' EXIT

# repeat NAME FLAVOUR OPTIONS...
repeat() {
    local name=$1 good=0 i start=$EPOCHREALTIME
    shift
    # shellcheck disable=SC2254
    case $name in ${CONFIGS:-*}) ;; *) return ;; esac
    for i in $(seq "$boots"); do
        if boot_off "$@" >"$log" 2>&1; then
            good=$((good + 1))
        else
            echo "$name, boot $i:"
            cat "$log"
        fi
    done
    printf '%-28s %d of %d  (%.1f s)\n' "$name" "$good" "$boots" "$(awk "BEGIN { print $EPOCHREALTIME - $start }")"
    [ "$good" = "$boots" ] || status=1
}

for cpu in cortex-a53 cortex-a57 cortex-a72 max; do
    for gic in 2 3; do
        repeat "virt-$cpu-gicv$gic" arm64 -M virt,gic-version=$gic -cpu $cpu
    done
done
repeat virt-armhf armmp -M virt -cpu cortex-a15
repeat vexpress-a9 armmp -M vexpress-a9 -dtb "$(dtb armmp vexpress-v2p-ca9)"
repeat vexpress-a15 armmp -M vexpress-a15 -dtb "$(dtb armmp vexpress-v2p-ca15-tc1)"
MEM=512 repeat raspi0 rpi -M raspi0 -dtb "$(dtb rpi bcm2835-rpi-zero)"
MEM=1G HALTS=1 repeat raspi2b armmp -M raspi2b -smp 4 -dtb "$(dtb armmp bcm2836-rpi-2-b)"
MEM=1G HALTS=1 repeat raspi3b arm64 -M raspi3b -smp 4 -dtb "$(dtb arm64 bcm2837-rpi-3-b)"
exit $status
