# SPDX-License-Identifier: MIT
# Load- and store-exclusive of four processors keep a stack without tags whole: tests/smp/exclusive.c. SMP_ITERATIONS for each thread.
. "$SRC/tests/smp/lib.bash"
set -e
initrd=$(mktemp)
trap 'rm -f "$initrd"' EXIT
exclusive() { # flavour guest
    smp_initrd "$BUILD/tests/bin/$2" "$initrd"
    smp_boot "$1" 4 "$initrd" "n=${SMP_ITERATIONS:-100000}"
    smp_verdict "$1, exclusives" SMP-OK
    grep -a '^ATOMICS' <<<"$out"
}
exclusive cloud-arm64 smp-guest-exclusive64
exclusive armmp smp-guest-exclusive32
CPU=max exclusive cloud-arm64 smp-guest-exclusive64
OPTIONS="-accel tcg,thread=single" exclusive cloud-arm64 smp-guest-exclusive64
