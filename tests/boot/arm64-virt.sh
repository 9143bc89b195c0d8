# SPDX-License-Identifier: MIT
# Debian's arm64 kernels on the virt board to a busybox init, powered off through PSCI: CPU models, both interrupt
# controllers, several vCPUs.
. "$SRC/tests/boot/lib.bash"
set -e
for i in $(seq "${BOOTS:-1}"); do
    boot_off cloud-arm64 -M virt -cpu cortex-a57
    boot_off cloud-arm64 -M virt,gic-version=3 -cpu cortex-a72 -smp 2
    boot_off cloud-arm64 -M virt,gic-version=3,highmem=off,its=off -cpu cortex-a53
    boot_off arm64 -M virt,gic-version=max -cpu max
done
