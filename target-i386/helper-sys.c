/* SPDX-License-Identifier: MIT */
/* Helpers of system instructions that have no better place: the virtual interrupt flag, waiting, CPUID, tables. */
#include "helper.h"
#include "sys.h"

/* ---- CLI and STI with IOPL < CPL: VME (v8086 mode) and PVI (CPL 3) work on VIF ---- */

static bool uses_vif(const X86CPU *env)
{
    bool vm = env->eflags & VM_MASK;
    return vm ? env->cr[4] & CR4_VME : x86_cpl(env) == 3 && env->cr[4] & CR4_PVI;
}

void helper_cli_vme(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    if (!uses_vif(env))
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    env->eflags &= ~(uint32_t)VIF_MASK;
}

void helper_sti_vme(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    if (!uses_vif(env) || env->eflags & VIP_MASK)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    env->eflags |= VIF_MASK;
}

/* ---- Waiting ---- */

void helper_hlt(CPUState *cpu, uint64_t next_eip)
{
    X86CPU *env = x86_cpu(cpu);
    cpu_restore_state(cpu, HELPER_RETADDR());
    env->eip = next_eip;
    if (env->eflags & TF_MASK)
        helper_single_step(cpu);
    env->in_hlt = true;
    atomic_store(&cpu->halted, true);
    cpu->exception_index = EXCP_HLT;
    cpu_loop_exit(cpu);
}

void helper_monitor(CPUState *cpu, uint64_t linear)
{
    X86CPU *env = x86_cpu(cpu);
    if ((uint32_t)env->regs[R_ECX])
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    cpu_ldub(cpu, linear, x86_mmu_mode(env), HELPER_RETADDR());
    env->monitor_addr = linear;
    env->monitor_armed = true;
}

/*
 * MWAIT may end for any reason. Stores by other vCPUs are not watched, so with several of them it only gives
 * the host CPU away; alone it waits like HLT, unless interrupts are masked and ECX asks to notice them.
 */
void helper_mwait(CPUState *cpu, uint64_t next_eip)
{
    X86CPU *env = x86_cpu(cpu);
    uint32_t extensions = (uint32_t)env->regs[R_ECX];
    bool alone = first_cpu == cpu && !cpu->next;
    if (extensions > 1)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    cpu_restore_state(cpu, HELPER_RETADDR());
    env->eip = next_eip;
    if (env->monitor_armed && alone && (!extensions || env->eflags & IF_MASK))
        atomic_store(&cpu->halted, true);
    env->monitor_armed = env->in_hlt = false;
    cpu->exception_index = cpu->halted ? EXCP_HLT : EXCP_YIELD;
    cpu_loop_exit(cpu);
}

/* ---- The rest ---- */

void helper_cpuid(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uint32_t r[4];
    cpu_x86_cpuid(env, (uint32_t)env->regs[R_EAX], (uint32_t)env->regs[R_ECX], r);
    env->regs[R_EAX] = r[0];
    env->regs[R_EBX] = r[1];
    env->regs[R_ECX] = r[2];
    env->regs[R_EDX] = r[3];
}

void helper_load_table(CPUState *cpu, uint32_t which, uint64_t limit, uint64_t base)
{
    X86CPU *env = x86_cpu(cpu);
    if (env->hflags & HF_CS64 && !x86_canonical(env, base))
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    SegmentCache *table = which ? &env->idt : &env->gdt;
    table->base = base;
    table->limit = (uint32_t)limit & 0xffff;
}

void helper_check_canonical(CPUState *cpu, uint64_t va)
{
    if (!x86_canonical(x86_cpu(cpu), va))
        raise_exception_err(x86_cpu(cpu), EXCP0D_GPF, 0, HELPER_RETADDR());
}
