# SPDX-License-Identifier: MIT
# Litmus tests and atomics by four guest threads show only what the guest's architecture allows. SMP_ITERATIONS each
# (10 million in check-slow).
. "$SRC/tests/smp/lib.bash"
set -e
n=${SMP_ITERATIONS:-200000}
[ -n "${SLOW-}" ] && n=10000000
smp_run cloud-amd64 4 litmus,atomics n="$n"
smp_run 686-pae 4 litmus,atomics n="$n"
smp_run cloud-arm64 4 litmus,atomics n="$n"
CPU=max smp_run cloud-arm64 4 atomics n="$n"   # LSE atomics
smp_run armmp 4 litmus,atomics n="$n"
