/* SPDX-License-Identifier: MIT */
/* Weak definitions: what happens where a part of the front end is not in the program. */
#include "helper.h"
#include "mmu.h"
#include "translate.h"

#define ABSENT __attribute__((weak))

ABSENT bool arm_mpu_fill(ARMCPU *env, uint64_t va, AccessType access, unsigned mode, bool probe, uintptr_t retaddr)
{
    Translation t = { .pa = (uint32_t)va, .page_size = PAGE_SIZE_, .read = true, .write = true, .exec = true };
    (void)access, (void)probe, (void)retaddr;
    tlb_set(&env->parent, va, mode, &t);
    return true;
}
ABSENT void helper_a64_mops_cpy(CPUState *cpu, uint32_t a) { (void)a, arm_raise_undef(arm_cpu(cpu), HELPER_RETADDR()); }
ABSENT void helper_a64_mops_set(CPUState *cpu, uint32_t a) { (void)a, arm_raise_undef(arm_cpu(cpu), HELPER_RETADDR()); }
