/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: raising, routing between EL1, EL2 and EL3, entry in both execution states, exception return, and when interrupts are
 * taken. Arm ARM DDI 0487 D1.3 (AArch64), G1.12-16 (AArch32). M profile is in m-excp.c.
 */
#include "helper.h"
#include "mmu.h"
#include "pauth.h"
#include "util/log.h"
#include "util/timer.h"

#include <inttypes.h>

/* ---- Raising ---- */

_Noreturn void arm_raise(ARMCPU *env, int excp, uint32_t syndrome, unsigned target_el, uintptr_t retaddr)
{
    env->exception.syndrome = syndrome;
    env->exception.target_el = (uint8_t)target_el;
    env->parent.exception_index = excp;
    cpu_loop_exit_restore(&env->parent, retaddr);
}

_Noreturn void arm_raise_undef(ARMCPU *env, uintptr_t retaddr)
{
    arm_raise(env, EXCP_UDEF, SYN_UNCATEGORIZED, 0, retaddr);
}

void helper_raise(CPUState *cpu, uint32_t excp, uint32_t syndrome, uint32_t target_el)
{
    arm_raise(arm_cpu(cpu), (int)excp, syndrome, target_el, HELPER_RETADDR());
}

void helper_soft_step(CPUState *cpu)
{
    arm_raise(arm_cpu(cpu), EXCP_SOFT_STEP, ARM_SYNDROME(EC_STEP, 1, 1u << 24 | 0x22), 0, HELPER_RETADDR());
}

/* ---- Routing ---- */

static const char *const names[] = {
    [EXCP_UDEF] = "Undefined Instruction", [EXCP_SWI] = "SVC", [EXCP_PREFETCH_ABORT] = "Prefetch Abort",
    [EXCP_DATA_ABORT] = "Data Abort", [EXCP_IRQ] = "IRQ", [EXCP_FIQ] = "FIQ", [EXCP_VIRQ] = "Virtual IRQ",
    [EXCP_VFIQ] = "Virtual FIQ", [EXCP_SERROR] = "SError", [EXCP_VSERROR] = "Virtual SERR", [EXCP_BKPT] = "Breakpoint",
    [EXCP_HVC] = "Hypervisor Call", [EXCP_SMC] = "Secure Monitor Call", [EXCP_HYP_TRAP] = "Hypervisor Trap",
    [EXCP_MON_TRAP] = "Monitor Trap", [EXCP_SEMIHOST] = "Semihosting call", [EXCP_PC_ALIGN] = "PC alignment",
    [EXCP_DEBUG_BREAK] = "Breakpoint exception", [EXCP_DEBUG_WATCH] = "Watchpoint exception",
    [EXCP_SOFT_STEP] = "Software Step exception", [EXCP_ILLEGAL] = "Illegal Execution State",
};

static unsigned interrupt_target(const ARMCPU *env, uint64_t scr_bit, uint64_t hcr_bit)
{
    unsigned el = arm_current_el(env);
    uint64_t hcr = arm_hcr(env);

    if (arm_feature(env, ARM_FEATURE_EL3) && env->scr_el3 & scr_bit)
        return 3;
    if (hcr & hcr_bit || (hcr & HCR_TGE && el < 2))
        return el > 2 ? el : 2;
    if (arm_feature(env, ARM_FEATURE_EL3) && !arm_feature(env, ARM_FEATURE_AARCH64) && arm_is_secure(env))
        return 3; /* Secure PL1 */
    return el < 1 ? 1 : el;
}

static unsigned target_el(const ARMCPU *env, int excp)
{
    unsigned el = arm_current_el(env), lowest = el < 1 ? 1 : el;
    uint64_t hcr = arm_hcr(env);

    if (el == 0 && arm_feature(env, ARM_FEATURE_EL3) && !arm_feature(env, ARM_FEATURE_AARCH64) && arm_is_secure(env))
        lowest = 3;
    switch (excp) {
    case EXCP_IRQ:
        return interrupt_target(env, SCR_IRQ, HCR_IMO);
    case EXCP_FIQ:
        return interrupt_target(env, SCR_FIQ, HCR_FMO);
    case EXCP_SERROR:
        return interrupt_target(env, SCR_EA, HCR_AMO);
    case EXCP_VIRQ: case EXCP_VFIQ: case EXCP_VSERROR:
        return 1;
    case EXCP_HVC: case EXCP_HYP_TRAP:
        return el > 2 ? el : 2;
    case EXCP_SMC: case EXCP_MON_TRAP:
        return 3;
    case EXCP_BKPT: case EXCP_DEBUG_BREAK: case EXCP_DEBUG_WATCH: case EXCP_SOFT_STEP:
        if (el < 2 && (env->mdcr_el2 >> 8 & 1) && arm_feature(env, ARM_FEATURE_EL2) && !arm_is_secure(env))
            return 2;
        break;
    }
    if (env->exception.target_el)
        return env->exception.target_el > lowest ? env->exception.target_el : lowest;
    return el == 0 && hcr & HCR_TGE ? 2 : lowest;
}

static bool has_syndrome(int excp)
{
    return excp != EXCP_IRQ && excp != EXCP_FIQ && excp != EXCP_VIRQ && excp != EXCP_VFIQ;
}

/* ---- AArch64 entry ---- */

/* The view that AArch64 has of AArch32's banked registers, and back. */
static void registers_to_a64(ARMCPU *env)
{
    unsigned mode = env->pstate & CPSR_M;

    arm_switch_mode(env, mode, MODE_USR);
    env->x[15] = env->bank_r13[BANK_HYP];
    static const uint8_t pairs[5] = { BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND, BANK_FIQ };
    for (unsigned i = 0; i < 4; i++) {
        env->x[16 + 2 * i] = env->bank_r14[pairs[i]];
        env->x[17 + 2 * i] = env->bank_r13[pairs[i]];
    }
    for (unsigned i = 0; i < 5; i++)
        env->x[24 + i] = env->fiq_r8_12[i];
    env->x[29] = env->bank_r13[BANK_FIQ];
    env->x[30] = env->bank_r14[BANK_FIQ];
}

static void registers_to_a32(ARMCPU *env, unsigned mode)
{
    static const uint8_t pairs[4] = { BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND };

    for (unsigned i = 0; i < 15; i++)
        env->x[i] = (uint32_t)env->x[i];
    env->bank_r13[BANK_HYP] = (uint32_t)env->x[15];
    for (unsigned i = 0; i < 4; i++) {
        env->bank_r14[pairs[i]] = (uint32_t)env->x[16 + 2 * i];
        env->bank_r13[pairs[i]] = (uint32_t)env->x[17 + 2 * i];
    }
    for (unsigned i = 0; i < 5; i++)
        env->fiq_r8_12[i] = (uint32_t)env->x[24 + i];
    env->bank_r13[BANK_FIQ] = (uint32_t)env->x[29];
    env->bank_r14[BANK_FIQ] = (uint32_t)env->x[30];
    arm_switch_mode(env, MODE_USR, mode);
}

/* Puts the current SP away and takes that of the new PSTATE. */
static void switch_sp(ARMCPU *env, uint32_t from, uint32_t to)
{
    unsigned old = from & PSTATE_SP ? from >> PSTATE_EL_SHIFT & 3 : 0, new = to & PSTATE_SP ? to >> PSTATE_EL_SHIFT & 3 : 0;

    if (old != new) {
        env->sp_el[old] = env->x[31];
        env->x[31] = env->sp_el[new];
    }
}

static uint32_t *spsr_of_el(ARMCPU *env, unsigned el)
{
    return &env->spsr[el == 1 ? BANK_SVC : el == 2 ? BANK_HYP : BANK_MON];
}

static unsigned vector_offset(const ARMCPU *env, unsigned new_el, unsigned from_el)
{
    if (from_el == new_el)
        return env->pstate & PSTATE_SP ? 0x200 : 0;
    bool aa64;
    unsigned lower = new_el - 1;
    if (new_el == 3 && (!arm_feature(env, ARM_FEATURE_EL2) || (arm_is_secure_below_el3(env) && !(env->scr_el3 >> 18 & 1))))
        lower = 1;
    if (from_el == 0 && (new_el == 1 || (new_el == 2 && arm_hcr(env) & HCR_TGE)))
        aa64 = arm_is_aa64(env);
    else
        aa64 = arm_el_is_aa64(env, lower);
    return aa64 ? 0x400 : 0x600;
}

/* Syndromes name the register by its AArch64 number and, one higher, aborts from the same EL. */
static uint32_t final_syndrome(uint32_t syndrome, bool same_el)
{
    uint32_t ec = syndrome >> SYN_EC_SHIFT;

    if (same_el && (ec == EC_IABT || ec == EC_DABT || ec == EC_BREAK || ec == EC_STEP || ec == EC_WATCH))
        syndrome += 1u << SYN_EC_SHIFT;
    return syndrome;
}

static void enter_aa64(ARMCPU *env, int excp, unsigned new_el)
{
    unsigned from_el = arm_current_el(env), offset = vector_offset(env, new_el, from_el);
    uint32_t old = arm_get_pstate(env);
    bool from_a32 = !arm_is_aa64(env);

    switch (excp) {
    case EXCP_IRQ: case EXCP_VIRQ:
        offset += 0x80;
        break;
    case EXCP_FIQ: case EXCP_VFIQ:
        offset += 0x100;
        break;
    case EXCP_SERROR: case EXCP_VSERROR:
        offset += 0x180;
        break;
    }
    if (has_syndrome(excp))
        env->esr_el[new_el] = final_syndrome(env->exception.syndrome, from_el == new_el);
    if (excp == EXCP_PREFETCH_ABORT || excp == EXCP_DATA_ABORT || excp == EXCP_DEBUG_WATCH || excp == EXCP_PC_ALIGN)
        env->far_el[new_el] = excp == EXCP_PC_ALIGN ? env->pc : env->exception.vaddr;
    env->elr_el[new_el] = env->pc;
    *spsr_of_el(env, new_el) = old;

    uint32_t pstate = new_el << PSTATE_EL_SHIFT | PSTATE_SP | PSTATE_DAIF | (old & (PSTATE_PAN | PSTATE_DIT));
    uint64_t sctlr = env->sctlr_el[new_el];
    bool host = new_el == 2 && (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
    if (arm_feature(env, ARM_FEATURE_PAN) && (new_el == 1 || host) && !(sctlr & SCTLR_SPAN))
        pstate |= PSTATE_PAN;
    if (arm_feature(env, ARM_FEATURE_SSBS) && sctlr & SCTLR_DSSBS)
        pstate |= PSTATE_SSBS;
    if (from_a32) {
        registers_to_a64(env);
        env->thumb = env->condexec = 0;
        env->pstate = 0;
    }
    switch_sp(env, from_a32 ? 0 : env->pstate, pstate);
    env->pstate = pstate;
    env->btype = 0;
    env->pc = env->vbar_el[new_el] + offset;
}

/* ---- AArch32 entry ---- */

static uint32_t vector_base(const ARMCPU *env, unsigned el)
{
    if (el == 2)
        return (uint32_t)env->vbar_el[2];
    if (el == 3 && (env->pstate & CPSR_M) == MODE_MON)
        return (uint32_t)env->mvbar;
    uint64_t sctlr = env->sctlr_el[el];
    if (sctlr & SCTLR_V)
        return 0xffff0000;
    return arm_feature(env, ARM_FEATURE_V7) || arm_feature(env, ARM_FEATURE_EL3) ? (uint32_t)env->vbar_el[el] : 0;
}

/* SCTLR of the mode decides about Thumb and endianness; `pc_offset` is what the return address has more than the preferred one. */
static void enter_mode(ARMCPU *env, unsigned mode, uint32_t vector, uint32_t masks, uint32_t return_address)
{
    uint32_t old = arm_get_cpsr(env);
    unsigned el;

    arm_switch_mode(env, env->pstate & CPSR_M, mode);
    env->spsr[arm_bank_of_mode(mode)] = old;
    env->pstate = (env->pstate & ~(uint32_t)(CPSR_M | CPSR_E | CPSR_IL)) | mode;
    env->pstate = (env->pstate & ~(uint32_t)PSTATE_SS) | masks;
    env->condexec = 0;
    el = arm_current_el(env);
    uint64_t sctlr = env->sctlr_el[el];
    if (sctlr & SCTLR_EE && arm_feature(env, ARM_FEATURE_V6))
        env->pstate |= CPSR_E;
    env->thumb = sctlr & SCTLR_TE && arm_feature(env, ARM_FEATURE_V6T2);
    if (arm_feature(env, ARM_FEATURE_PAN) && el == 1 && !(sctlr & SCTLR_SPAN))
        env->pstate |= CPSR_PAN;
    if (mode == MODE_HYP)
        env->elr_el[2] = return_address;
    else
        env->x[14] = return_address;
    env->pc = vector;
}

static void enter_hyp(ARMCPU *env, int excp)
{
    uint32_t offset, masks = 0;
    bool from_hyp = (env->pstate & CPSR_M) == MODE_HYP;

    switch (excp) {
    case EXCP_UDEF: case EXCP_ILLEGAL:
        offset = 4;
        break;
    case EXCP_PREFETCH_ABORT: case EXCP_BKPT: case EXCP_PC_ALIGN: case EXCP_DEBUG_BREAK:
        offset = 0xc;
        env->far_el[2] = (env->far_el[2] & 0xffffffff) | (uint64_t)(uint32_t)env->exception.vaddr << 32;
        break;
    case EXCP_DATA_ABORT: case EXCP_DEBUG_WATCH:
        offset = 0x10;
        env->far_el[2] = (env->far_el[2] & ~0xffffffffull) | (uint32_t)env->exception.vaddr;
        break;
    case EXCP_SERROR:
        offset = 0x10;
        break;
    case EXCP_IRQ:
        offset = 0x18;
        break;
    case EXCP_FIQ:
        offset = 0x1c;
        break;
    default: /* SVC, HVC, traps */
        offset = from_hyp && excp != EXCP_HYP_TRAP ? 8 : 0x14;
    }
    if (!from_hyp && offset < 0x14 && excp != EXCP_IRQ)
        offset = 0x14;
    if (has_syndrome(excp))
        env->esr_el[2] = final_syndrome(env->exception.syndrome, from_hyp);
    if (!(env->scr_el3 & SCR_EA))
        masks |= CPSR_A;
    if (!(env->scr_el3 & SCR_IRQ))
        masks |= CPSR_I;
    if (!(env->scr_el3 & SCR_FIQ))
        masks |= CPSR_F;
    enter_mode(env, MODE_HYP, vector_base(env, 2) + offset, masks, (uint32_t)env->pc);
}

typedef struct A32Entry {
    uint8_t mode, offset, masks; /* masks >> 6 */
    uint8_t arm_return, thumb_return; /* return address - preferred return address */
} A32Entry;

static A32Entry a32_entry(int excp)
{
    switch (excp) {
    case EXCP_SWI:
        return (A32Entry){ MODE_SVC, 8, CPSR_I >> 6, 0, 0 };
    case EXCP_PREFETCH_ABORT: case EXCP_BKPT: case EXCP_PC_ALIGN: case EXCP_DEBUG_BREAK:
        return (A32Entry){ MODE_ABT, 0xc, (CPSR_A | CPSR_I) >> 6, 4, 4 };
    case EXCP_DATA_ABORT: case EXCP_DEBUG_WATCH: case EXCP_SERROR: case EXCP_VSERROR:
        return (A32Entry){ MODE_ABT, 0x10, (CPSR_A | CPSR_I) >> 6, 8, 8 };
    case EXCP_IRQ: case EXCP_VIRQ:
        return (A32Entry){ MODE_IRQ, 0x18, (CPSR_A | CPSR_I) >> 6, 4, 4 };
    case EXCP_FIQ: case EXCP_VFIQ:
        return (A32Entry){ MODE_FIQ, 0x1c, (CPSR_A | CPSR_I | CPSR_F) >> 6, 4, 4 };
    case EXCP_SMC: case EXCP_MON_TRAP:
        return (A32Entry){ MODE_MON, 8, (CPSR_A | CPSR_I | CPSR_F) >> 6, 0, 0 };
    default:
        return (A32Entry){ MODE_UND, 4, CPSR_I >> 6, 4, 2 };
    }
}

static void set_fault_registers(ARMCPU *env, int excp, unsigned bank)
{
    uint32_t fsr = env->exception.fsr, va = (uint32_t)env->exception.vaddr;

    if (excp == EXCP_BKPT || excp == EXCP_DEBUG_BREAK) {
        env->ifsr[bank] = env->sctlr_el[bank] && env->tcr_el[bank] >> 31 & 1 ? 0x222 : 2;
    } else if (excp == EXCP_PREFETCH_ABORT || excp == EXCP_PC_ALIGN) {
        env->ifsr[bank] = fsr;
        env->ifar[bank] = va;
    } else if (excp == EXCP_DATA_ABORT || excp == EXCP_DEBUG_WATCH) {
        env->dfsr[bank] = fsr;
        env->dfar[bank] = va;
        env->far_el[bank] = va;
    } else if (excp == EXCP_SERROR) {
        env->dfsr[bank] = 0x406;
    }
}

static void enter_aa32(ARMCPU *env, int excp, unsigned new_el)
{
    if (new_el == 2) {
        enter_hyp(env, excp);
        return;
    }
    A32Entry e = a32_entry(excp);
    bool interrupt = excp == EXCP_IRQ || excp == EXCP_FIQ || excp == EXCP_SERROR;
    if (interrupt && arm_feature(env, ARM_FEATURE_EL3) &&
        env->scr_el3 & (excp == EXCP_IRQ ? SCR_IRQ : excp == EXCP_FIQ ? SCR_FIQ : SCR_EA)) {
        e.mode = MODE_MON;
        e.masks = (CPSR_A | CPSR_I | CPSR_F) >> 6;
    }
    unsigned bank = arm_s_index(env);
    uint32_t vector = (e.mode == MODE_MON ? (uint32_t)env->mvbar : vector_base(env, bank)) + e.offset;
    uint32_t masks = (uint32_t)e.masks << 6;
    if (!arm_feature(env, ARM_FEATURE_V6))
        masks &= ~(uint32_t)CPSR_A;
    set_fault_registers(env, excp, bank);
    uint32_t back = (uint32_t)env->pc + (env->thumb ? e.thumb_return : e.arm_return);
    if (e.mode == MODE_MON)
        env->scr_el3 &= ~SCR_NS;
    enter_mode(env, e.mode, vector, masks, back);
}

/* ---- Delivery ---- */

/* Whether the change of EL is one of translation regime, too: not between EL0 and EL1 alone. */
static bool regime_may_change(const ARMCPU *env, unsigned from, unsigned to)
{
    return from > 1 || to > 1 || arm_feature(env, ARM_FEATURE_EL2) || arm_feature(env, ARM_FEATURE_EL3);
}

static void log_entry(const ARMCPU *env, int excp, unsigned from, unsigned to)
{
    log_printf(LOG_INT, "Taking exception %d [%s] on CPU %d\n...from EL%u to EL%u\n", excp,
               (size_t)excp < ARRAY_SIZE(names) && names[excp] ? names[excp] : "?", env->parent.index, from, to);
    if (has_syndrome(excp))
        log_printf(LOG_INT, "...with ESR 0x%x/0x%" PRIx32 "\n", env->exception.syndrome >> SYN_EC_SHIFT, env->exception.syndrome);
    if (excp == EXCP_DATA_ABORT || excp == EXCP_PREFETCH_ABORT)
        log_printf(LOG_INT, "...with FAR 0x%" PRIx64 "\n", env->exception.vaddr);
    log_printf(LOG_INT, "...with ELR 0x%" PRIx64 "\n", env->pc);
}

/* Enters the handler; the state is precise. */
static void take_exception(ARMCPU *env, int excp)
{
    unsigned from = arm_current_el(env), to = target_el(env, excp);

    if (UNLIKELY(log_enabled(LOG_INT)))
        log_entry(env, excp, from, to);
    if (UNLIKELY(env->pmu_filtered))
        arm_pmu_before_el_change(env);
    if (arm_el_is_aa64(env, to))
        enter_aa64(env, excp, to);
    else
        enter_aa32(env, excp, to);
    if (UNLIKELY((from == 3) != (to == 3)))
        arm_security_changed(env);
    if (UNLIKELY(env->pmu_filtered))
        arm_pmu_after_el_change(env);
    env->exclusive_addr = ~0ull;
    arm_exclusive_abandon(env);
    arm_rebuild_hflags(env);
    if (from != to && regime_may_change(env, from, to))
        arm_update_tlb_key(env);
    if (UNLIKELY(log_enabled(LOG_INT)))
        log_printf(LOG_INT, "...to EL%u PC 0x%" PRIx64 " PSTATE 0x%x\n", to, env->pc, arm_get_pstate(env));
}

void arm_do_exception(CPUState *cpu)
{
    if (arm_feature(arm_cpu(cpu), ARM_FEATURE_M)) {
        arm_m_do_exception(arm_cpu(cpu), cpu->exception_index);
        return;
    }
    take_exception(arm_cpu(cpu), cpu->exception_index);
}

/* ---- Calls ---- */

/* Generated code goes on by the key (arm_goto_by_key). */
void helper_svc(CPUState *cpu, uint32_t syndrome)
{
    ARMCPU *env = arm_cpu(cpu);

    env->exception.syndrome = syndrome;
    env->exception.target_el = 0;
    take_exception(env, EXCP_SWI);
    cpu_update_key(cpu);
}

/* A call that is UNDEFINED reports the instruction, not the one after it. */
static void call_undefined(ARMCPU *env, uint32_t syndrome)
{
    env->pc -= syndrome & SYN_IL ? 4 : 2;
    env->exception.syndrome = SYN_UNCATEGORIZED;
    env->exception.target_el = 0;
    take_exception(env, EXCP_UDEF);
}

void helper_hvc(CPUState *cpu, uint32_t syndrome)
{
    ARMCPU *env = arm_cpu(cpu);
    bool secure = arm_is_secure(env), enabled;

    if (arm_psci_call(env, PSCI_HVC))
        return;
    if (arm_feature(env, ARM_FEATURE_EL3))
        enabled = env->scr_el3 & SCR_HCE;
    else
        enabled = !(env->hcr_el2 & HCR_HCD);
    if (!arm_feature(env, ARM_FEATURE_EL2) || !enabled || (secure && arm_current_el(env) == 1)) {
        call_undefined(env, syndrome);
        return;
    }
    env->exception.syndrome = syndrome;
    env->exception.target_el = 2;
    take_exception(env, EXCP_HVC);
}

void helper_smc(CPUState *cpu, uint32_t syndrome)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned el = arm_current_el(env);

    if (el == 1 && arm_hcr(env) & HCR_TSC) {
        env->pc -= 4;
        env->exception.syndrome = syndrome;
        env->exception.target_el = 2;
        take_exception(env, EXCP_HYP_TRAP);
        return;
    }
    if (arm_psci_call(env, PSCI_SMC))
        return;
    if (!arm_feature(env, ARM_FEATURE_EL3) || (env->scr_el3 & SCR_SMD && el < 3)) {
        call_undefined(env, syndrome);
        return;
    }
    env->exception.syndrome = syndrome;
    env->exception.target_el = 3;
    take_exception(env, EXCP_SMC);
}

/* ---- Exception return ---- */

static bool mode_exists(const ARMCPU *env, unsigned mode)
{
    switch (mode) {
    case MODE_USR: case MODE_FIQ: case MODE_IRQ: case MODE_SVC: case MODE_ABT: case MODE_UND: case MODE_SYS:
        return true;
    case MODE_HYP:
        return arm_feature(env, ARM_FEATURE_EL2);
    case MODE_MON:
        return arm_feature(env, ARM_FEATURE_EL3);
    default:
        return false;
    }
}

/* The EL that a return to spsr goes to; -1 when it is illegal. */
static int return_el(const ARMCPU *env, uint32_t spsr, unsigned el)
{
    int to;

    if (spsr & PSTATE_NRW) {
        unsigned mode = spsr & CPSR_M;
        if (!mode_exists(env, mode) || mode == MODE_MON)
            return -1;
        to = mode == MODE_USR ? 0 : mode == MODE_HYP ? 2 : 1;
        if (!arm_feature(env, to ? ARM_FEATURE_AA32_EL1 : ARM_FEATURE_AA32_EL0))
            return -1;
    } else {
        to = (int)(spsr >> PSTATE_EL_SHIFT & 3);
        if (spsr & 2 || (to == 0 && spsr & PSTATE_SP))
            return -1;
    }
    if (to > (int)el || (to == 2 && !arm_feature(env, ARM_FEATURE_EL2)) || (to == 1 && arm_hcr(env) & HCR_TGE))
        return -1;
    if (to != 0 && arm_el_is_aa64(env, (unsigned)to) == !!(spsr & PSTATE_NRW))
        return -1;
    return to;
}

static void return_to_a32(ARMCPU *env, uint32_t spsr, uint64_t pc)
{
    switch_sp(env, env->pstate, 0); /* X31's place is nobody's in AArch32 */
    env->pstate = MODE_USR;
    registers_to_a32(env, MODE_USR);
    arm_set_cpsr(env, spsr, ~0u);
    env->pc = pc & (spsr & CPSR_T ? 0xfffffffe : 0xfffffffc);
}

static void return_to_a64(ARMCPU *env, uint32_t spsr, uint64_t pc)
{
    uint32_t fields = PSTATE_SP | 12 | PSTATE_DAIF | PSTATE_IL | PSTATE_SS;

    if (arm_feature(env, ARM_FEATURE_PAN))
        fields |= PSTATE_PAN;
    if (arm_feature(env, ARM_FEATURE_UAO))
        fields |= PSTATE_UAO;
    if (arm_feature(env, ARM_FEATURE_DIT))
        fields |= PSTATE_DIT;
    if (arm_feature(env, ARM_FEATURE_SSBS))
        fields |= PSTATE_SSBS;
    arm_set_nzcv(env, spsr);
    env->btype = arm_feature(env, ARM_FEATURE_BTI) ? spsr >> PSTATE_BTYPE_SHIFT & 3 : 0;
    switch_sp(env, env->pstate, spsr);
    env->pstate = spsr & fields;
    env->pc = pc;
}

void helper_a64_eret(CPUState *cpu, uint32_t key)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned el = arm_current_el(env);
    uint32_t spsr = *spsr_of_el(env, el);
    uint64_t pc = env->elr_el[el];
    int to = return_el(env, spsr, el);

    if (key < 2)
        pc = arm_pointer_auth(env, pc, env->x[31], key ? PAC_IB : PAC_IA, true);
    if (UNLIKELY(env->pmu_filtered))
        arm_pmu_before_el_change(env);
    env->exclusive_addr = ~0ull;
    /* The step bit counts only where stepping is on. */
    if (!(env->mdscr_el1 & 1))
        spsr &= ~(uint32_t)PSTATE_SS;
    if (to < 0) { /* illegal: stays, with IL set */
        arm_set_nzcv(env, spsr);
        env->pstate = (env->pstate & ~(uint32_t)(PSTATE_DAIF | PSTATE_SS)) | (spsr & PSTATE_DAIF) | PSTATE_IL;
        env->pc = pc;
        log_printf(LOG_GUEST_ERROR, "Illegal exception return at EL%u: resuming execution at 0x%" PRIx64 "\n", el, pc);
    } else if (spsr & PSTATE_NRW) {
        return_to_a32(env, spsr, pc);
    } else {
        return_to_a64(env, spsr, pc);
    }
    arm_rebuild_hflags(env);
    if (to != (int)el && (to < 0 || regime_may_change(env, el, (unsigned)to)))
        arm_update_tlb_key(env);
    if (UNLIKELY(el == 3 && to != 3))
        arm_security_changed(env);
    if (UNLIKELY(env->pmu_filtered))
        arm_pmu_after_el_change(env);
    cpu_update_key(cpu);
    if (UNLIKELY(log_enabled(LOG_INT)))
        log_printf(LOG_INT, "Exception return from AArch64 EL%u to %s EL%d PC 0x%" PRIx64 "\n", el,
                   arm_is_aa64(env) ? "AArch64" : "AArch32", to, env->pc);
}

void helper_a32_eret(CPUState *cpu, uint32_t pc, uint32_t cpsr)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned mode = cpsr & CPSR_M, el = arm_current_el(env);
    uint32_t mask = ~(uint32_t)CPSR_J;

    if (!mode_exists(env, mode) || (mode == MODE_HYP && el < 2) || (mode == MODE_MON && !arm_is_secure(env))) {
        mask &= ~(uint32_t)CPSR_M;
        cpsr |= arm_feature(env, ARM_FEATURE_V8) ? CPSR_IL : 0;
    }
    if (!(env->mdscr_el1 & 1) || !arm_feature(env, ARM_FEATURE_V8))
        cpsr &= ~(uint32_t)PSTATE_SS;
    if (UNLIKELY(env->pmu_filtered))
        arm_pmu_before_el_change(env);
    env->exclusive_addr = ~0ull;
    arm_set_cpsr(env, cpsr, mask);
    env->pc = pc & (env->thumb ? ~1u : ~3u);
    arm_rebuild_hflags(env);
    if (regime_may_change(env, el, arm_current_el(env)))
        arm_update_tlb_key(env);
    if (UNLIKELY(el == 3))
        arm_security_changed(env);
    if (UNLIKELY(env->pmu_filtered))
        arm_pmu_after_el_change(env);
    cpu_update_key(cpu);
}

/* ---- Interrupts ---- */

/* Whether an interrupt that goes to `target` is taken now; mask is the PSTATE bit, el the current one. */
static bool unmasked(const ARMCPU *env, unsigned target, unsigned el, uint32_t mask)
{
    if (target < el)
        return false;
    bool masked = env->pstate & mask;
    if (target > el && arm_el_is_aa64(env, target) && (target == 3 || target == 2))
        return target == 3 || !(arm_hcr(env) & HCR_E2H && arm_hcr(env) & HCR_TGE) || el == 1 || !masked;
    if (target > el && !arm_el_is_aa64(env, target) && target == 2)
        return true;
    return !masked;
}

static bool virtual_unmasked(const ARMCPU *env, uint64_t hcr_bit, uint32_t mask)
{
    return arm_hcr(env) & hcr_bit && !(arm_hcr(env) & HCR_TGE) && arm_current_el(env) <= 1 && !arm_is_secure(env) &&
           !(env->pstate & mask);
}

static int pending_exception(const ARMCPU *env, uint32_t request)
{
    unsigned el = arm_current_el(env);

    if (request & CPU_INTERRUPT_FIQ && unmasked(env, target_el(env, EXCP_FIQ), el, PSTATE_F))
        return EXCP_FIQ;
    if (request & CPU_INTERRUPT_HARD && unmasked(env, target_el(env, EXCP_IRQ), el, PSTATE_I))
        return EXCP_IRQ;
    if (request & CPU_INTERRUPT_VIRQ && virtual_unmasked(env, HCR_IMO, PSTATE_I))
        return EXCP_VIRQ;
    if (request & CPU_INTERRUPT_VFIQ && virtual_unmasked(env, HCR_FMO, PSTATE_F))
        return EXCP_VFIQ;
    if (request & CPU_INTERRUPT_VSERR && virtual_unmasked(env, HCR_AMO, PSTATE_A))
        return EXCP_VSERROR;
    return EXCP_NONE;
}

bool arm_exec_interrupt(CPUState *cpu, uint32_t request)
{
    ARMCPU *env = arm_cpu(cpu);
    int excp;

    if (arm_feature(env, ARM_FEATURE_M))
        return request & CPU_INTERRUPT_HARD && arm_m_exec_interrupt(env);
    excp = pending_exception(env, request);
    if (excp == EXCP_NONE)
        return false;
    env->exception.target_el = 0;
    if (excp == EXCP_VSERROR) {
        env->hcr_el2 &= ~HCR_VSE;
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_VSERR);
        env->exception.syndrome = ARM_SYNDROME(EC_SERROR, 1, env->vsesr_el2 & 0x1ffffff);
        env->exception.fsr = 0x406;
    }
    take_exception(env, excp);
    return true;
}

/* Masked interrupts wake, too. */
bool arm_has_work(const CPUState *cpu)
{
    const ARMCPU *env = (const ARMCPU *)cpu;
    const uint32_t lines = CPU_INTERRUPT_HARD | CPU_INTERRUPT_FIQ | CPU_INTERRUPT_VIRQ | CPU_INTERRUPT_VFIQ |
                           CPU_INTERRUPT_VSERR | CPU_INTERRUPT_EXITTB;

    if (arm_feature(env, ARM_FEATURE_M))
        return arm_m_has_work(env);
    return !env->psci_powered_off && atomic_load(&cpu->interrupt_request) & lines;
}

/* WFI ends by interrupts that are masked, too: one that is halted can only be called so when nothing is left that could raise one. */
bool arm_interrupts_off(const CPUState *cpu)
{
    const ARMCPU *env = (const ARMCPU *)cpu;
    unsigned el = arm_current_el(env), s = env->v7m.secure;
    bool m = arm_feature(env, ARM_FEATURE_M);

    if (cpu->halted && timers_next_deadline(CLOCK_VIRTUAL) >= 0)
        return env->psci_powered_off;
    if (m)
        return (env->v7m.primask[s] | env->v7m.faultmask[s]) & 1;
    return env->psci_powered_off || (!unmasked(env, target_el(env, EXCP_IRQ), el, PSTATE_I) && !unmasked(env, target_el(env, EXCP_FIQ), el, PSTATE_F));
}
