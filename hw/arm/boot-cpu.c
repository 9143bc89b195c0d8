/* SPDX-License-Identifier: MIT */
/* How a vCPU enters a kernel: registers of the Arm and arm64 boot protocols, state in target-arm/cpu.c. */
#include "hw/arm/boot.h"
#include "target-arm/cpu.h"

void arm_boot_start_cpu(ARMCPU *cpu, const ARMBoot *boot, uint32_t board_id)
{
    ARMBootState s = { .pc = boot->entry, .aarch64 = boot->aarch64 };
    if (boot->aarch64) {
        s.r[0] = boot->is_linux ? boot->dtb : 0;
    } else if (boot->is_linux) {
        s.r[1] = board_id;
        s.r[2] = boot->dtb ? boot->dtb : boot->tags;
    }
    arm_cpu_set_boot(cpu, &s);
}
