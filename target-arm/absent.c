/* SPDX-License-Identifier: MIT */
/* Weak definitions: what happens where a part of the front end is not in the program. */
#include "helper.h"
#include "mmu.h"
#include "translate.h"

#define ABSENT __attribute__((weak))

ABSENT IRVal cpu_v[32];
ABSENT void arm_simd_init(void) {}
ABSENT bool a64_simd_insn(DisasContext *s, uint32_t insn) { return (void)s, (void)insn, false; }
ABSENT bool a32_vfp_insn(DisasContext *s, uint32_t insn) { return (void)s, (void)insn, false; }
ABSENT bool a32_vfp_uncond_insn(DisasContext *s, uint32_t insn) { return (void)s, (void)insn, false; }
ABSENT bool a32_neon_insn(DisasContext *s, uint32_t insn) { return (void)s, (void)insn, false; }
ABSENT uint32_t arm_get_fpcr(ARMCPU *env) { return env->fpcr; }
ABSENT uint32_t arm_get_fpsr(ARMCPU *env) { return env->fpsr; }
ABSENT void arm_set_fpcr(ARMCPU *env, uint32_t value) { env->fpcr = value; }
ABSENT void arm_set_fpsr(ARMCPU *env, uint32_t value) { env->fpsr = value; }
ABSENT uint32_t arm_get_fpscr(ARMCPU *env) { return env->fpcr | env->fpsr; }
ABSENT void arm_set_fpscr(ARMCPU *env, uint32_t value) { env->fpcr = value; }
ABSENT uint32_t arm_fp_hflags(const ARMCPU *env) { return (void)env, 0; }
ABSENT void arm_fp_reset(ARMCPU *env) { env->parent.host_fpcsr = 0x1f80; }
ABSENT bool arm_mpu_fill(ARMCPU *env, uint64_t va, AccessType access, unsigned mode, bool probe, uintptr_t retaddr)
{
    Translation t = { .pa = (uint32_t)va, .page_size = PAGE_SIZE_, .read = true, .write = true, .exec = true };
    (void)access, (void)probe, (void)retaddr;
    tlb_set(&env->parent, va, mode, &t);
    return true;
}
ABSENT void helper_semihosting(CPUState *cpu) { arm_raise_undef(arm_cpu(cpu), 0); }
ABSENT void helper_a64_mops_cpy(CPUState *cpu, uint32_t a) { (void)a, arm_raise_undef(arm_cpu(cpu), HELPER_RETADDR()); }
ABSENT void helper_a64_mops_set(CPUState *cpu, uint32_t a) { (void)a, arm_raise_undef(arm_cpu(cpu), HELPER_RETADDR()); }
