# SPDX-License-Identifier: MIT
# Four processors fork, exec, map, protect, write and run code, and signal without an error, SMP_SECONDS on each target
# (30 minutes in check-slow).
. "$SRC/tests/smp/lib.bash"
set -e
t=${SMP_SECONDS:-8}
[ -n "${SLOW-}" ] && t=1800
export SMP_TIMEOUT=$((t * 2 + 200))
smp_run cloud-amd64 4 stress t="$t"
smp_run 686-pae 4 stress t="$t"
smp_run cloud-arm64 4 stress t="$t"
smp_run armmp 4 stress t="$t"
