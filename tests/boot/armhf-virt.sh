# SPDX-License-Identifier: MIT
# Debian's 32-bit kernels on the virt board to a busybox init, powered off through PSCI.
. "$SRC/tests/boot/lib.bash"
set -e
for i in $(seq "${BOOTS:-1}"); do
    boot_off armmp -M virt -cpu cortex-a15
    boot_off armmp-lpae -M virt,gic-version=3 -cpu cortex-a7 -smp 2
done
