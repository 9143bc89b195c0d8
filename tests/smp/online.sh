# SPDX-License-Identifier: MIT
# Debian's kernels bring up 2, 4 and 8 processors (more than most hosts here have), take them offline and back; topologies;
# all vCPUs on one thread. SMP_BOOTS repeats each.
. "$SRC/tests/smp/lib.bash"
set -e
for i in $(seq "${SMP_BOOTS:-1}"); do
    for flavour in ${SMP_FLAVOURS:-cloud-amd64 686-pae cloud-arm64 armmp}; do
        smp_run $flavour 2 online,hotplug h=2
        smp_run $flavour 4 online
        smp_run $flavour 8 online,hotplug h=1
    done
done
CPUS=4 smp_run cloud-amd64 4,sockets=1,cores=2,threads=2 online
OPTIONS="-accel tcg,thread=single" smp_run cloud-amd64 3 online,hotplug h=1
OPTIONS="-cpu max" smp_run cloud-amd64 4 online
OPTIONS="-accel tcg,thread=single" smp_run cloud-arm64 3 online,hotplug h=1
OPTIONS="-M gic-version=3" smp_run cloud-arm64 12 online,hotplug h=1
