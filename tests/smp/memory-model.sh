# SPDX-License-Identifier: MIT
# Litmus tests and atomics by four guest threads show only what the x86 architecture allows. SMP_ITERATIONS each
# (10 million in check-slow).
. "$SRC/tests/smp/lib.bash"
set -e
n=${SMP_ITERATIONS:-200000}
[ -n "${SLOW-}" ] && n=10000000
smp_run cloud-amd64 4 litmus,atomics n="$n"
smp_run 686-pae 4 litmus,atomics n="$n"
