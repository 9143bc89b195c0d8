/* SPDX-License-Identifier: MIT */
/*
 * What memory dumps say of Arm vCPUs: the CORE note with the registers that debuggers know (struct elf_prstatus of the arm and
 * arm64 kernels). Left out: VFP and SVE notes.
 */
#include "cpu.h"
#include "dump.h"
#include "mmu.h"

#include <string.h>

enum { NT_PRSTATUS_ = 1, EM_ARM_ = 40, EM_AARCH64_ = 183 };
enum { STATUS64_SIZE = 392, PID64 = 32, REGS64 = 112, STATUS32_SIZE = 148, PID32 = 24, REGS32 = 72 };

static uint16_t arm_dump_machine(CPUState *cpu, bool *is64)
{
    *is64 = arm_feature(arm_cpu(cpu), ARM_FEATURE_AARCH64);
    return *is64 ? EM_AARCH64_ : EM_ARM_;
}

static void arm_dump_notes(CPUState *cpu, bool is64, DumpNotes *out)
{
    const ARMCPU *env = arm_cpu(cpu);
    uint8_t s[STATUS64_SIZE] = { 0 };
    uint32_t pid = (uint32_t)cpu->index + 1;
    if (arm_feature(env, ARM_FEATURE_AARCH64)) { /* struct user_pt_regs */
        uint64_t regs[34];
        memcpy(regs, env->x, 32 * sizeof(regs[0]));
        regs[32] = env->pc;
        regs[33] = arm_get_pstate(env);
        memcpy(s + PID64, &pid, sizeof(pid));
        memcpy(s + REGS64, regs, sizeof(regs));
        dump_note(out, "CORE", NT_PRSTATUS_, s, STATUS64_SIZE);
        return;
    }
    uint32_t regs[18] = { 0 };
    for (unsigned i = 0; i < 15; i++)
        regs[i] = (uint32_t)env->x[i];
    regs[15] = (uint32_t)env->pc;
    regs[16] = arm_get_cpsr(env);
    memcpy(s + PID32, &pid, sizeof(pid));
    memcpy(s + REGS32, regs, sizeof(regs));
    dump_note(out, "CORE", NT_PRSTATUS_, s, STATUS32_SIZE);
}

const DumpTarget arm_dump_target = { arm_dump_machine, arm_dump_notes, arm_foreach_mapping };
