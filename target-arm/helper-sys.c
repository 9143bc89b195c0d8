/* SPDX-License-Identifier: MIT */
/* Helpers of system instructions: waiting, events, SPSel, CPSR and banked registers of AArch32, the interrupt lines. */
#include "helper.h"
#include "exec/icount.h"

#include <sched.h>

/* ---- Interrupt lines ---- */

void arm_lines_update(ARMCPU *env)
{
    static const uint32_t bits[ARM_LINES] = { CPU_INTERRUPT_HARD, CPU_INTERRUPT_FIQ, CPU_INTERRUPT_VIRQ, CPU_INTERRUPT_VFIQ,
                                              CPU_INTERRUPT_VSERR };
    uint32_t level = __atomic_load_n(&env->line_level, __ATOMIC_SEQ_CST), old = atomic_load(&env->parent.interrupt_request);

    if (env->hcr_el2 & HCR_VI)
        level |= 1u << ARM_LINE_VIRQ;
    if (env->hcr_el2 & HCR_VF)
        level |= 1u << ARM_LINE_VFIQ;
    if (env->hcr_el2 & HCR_VSE)
        level |= 1u << ARM_LINE_VSERR;
    for (unsigned i = 0; i < ARM_LINES; i++) {
        bool on = level >> i & 1;
        if (on == !!(old & bits[i]))
            continue;
        if (on)
            cpu_interrupt(&env->parent, bits[i]);
        else
            cpu_reset_interrupt(&env->parent, bits[i]);
    }
}

static void line_changed(void *opaque, int n, int level)
{
    ARMCPU *env = opaque;

    if (level)
        __atomic_fetch_or(&env->line_level, 1u << n, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&env->line_level, ~(1u << n), __ATOMIC_SEQ_CST);
    arm_lines_update(env);
}

IRQLine arm_cpu_line(ARMCPU *cpu, ARMLine line)
{
    return (IRQLine){ .handler = line_changed, .opaque = cpu, .n = (int)line };
}

/* ---- Waiting ---- */

/* The EL that traps WFI or WFE; 0 = none. */
static unsigned wait_trap(ARMCPU *env, bool event)
{
    unsigned el = arm_current_el(env);
    uint64_t hcr = arm_hcr(env);

    if (el == 0 && arm_feature(env, ARM_FEATURE_V8)) {
        bool host = (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
        if (!(env->sctlr_el[host ? 2 : 1] & (event ? SCTLR_NTWE : SCTLR_NTWI)))
            return host || hcr & HCR_TGE ? 2 : 1;
    }
    if (el < 2 && hcr & (event ? HCR_TWE : HCR_TWI))
        return 2;
    return el < 3 && arm_feature(env, ARM_FEATURE_EL3) && env->scr_el3 & (event ? SCR_TWE : SCR_TWI) ? 3 : 0;
}

static void halt(ARMCPU *env)
{
    CPUState *cpu = &env->parent;

    if (arm_has_work(cpu))
        return;
    atomic_store(&cpu->halted, true);
    cpu->exception_index = EXCP_HLT;
    cpu->icount_left += icount_enabled(); /* it counts as the exception */
}

void helper_wfi(CPUState *cpu, uint32_t syndrome)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned el = arm_has_work(cpu) ? 0 : wait_trap(env, false);

    if (el)
        arm_raise(env, EXCP_UDEF, syndrome, el, HELPER_RETADDR());
    halt(env);
}

/* An event is a SEV, also one before, or anything that an exception could come from. Rather than to sleep until one comes, the vCPU lets
 * others run: what it waits for is a store of theirs. */
void helper_wfe(CPUState *cpu, uint32_t syndrome)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned el = env->event_register ? 0 : wait_trap(env, true);

    if (el)
        arm_raise(env, EXCP_UDEF, syndrome, el, HELPER_RETADDR());
    if (arm_feature(env, ARM_FEATURE_M) && !env->event_register)
        halt(env); /* nobody else is there to make an event but interrupts */
    else if (!env->event_register)
        sched_yield();
    env->event_register = false;
}

void helper_sev(CPUState *cpu, uint32_t local)
{
    if (local) {
        arm_cpu(cpu)->event_register = true;
        return;
    }
    CPU_FOREACH(c)
        arm_cpu(c)->event_register = true;
}

void helper_yield(CPUState *cpu)
{
    (void)cpu;
    sched_yield();
}

/* ---- Stack pointers ---- */

void arm_select_sp(ARMCPU *env, unsigned spsel)
{
    unsigned el = arm_current_el(env), old = env->pstate & PSTATE_SP;

    if (old == spsel)
        return;
    env->sp_el[old ? el : 0] = env->x[31];
    env->x[31] = env->sp_el[spsel ? el : 0];
    env->pstate = (env->pstate & ~(uint32_t)PSTATE_SP) | spsel;
}

/* ---- AArch32: CPSR and SPSR ---- */

uint32_t helper_cpsr_read(CPUState *cpu)
{
    return arm_get_cpsr(arm_cpu(cpu)) & ~(uint32_t)(CPSR_IT | CPSR_J | CPSR_T | PSTATE_SS | CPSR_IL);
}

/* Bits an MSR may change here; the mode field needs a mode that may be entered so. */
static uint32_t writable_cpsr(ARMCPU *env, uint32_t value)
{
    unsigned el = arm_current_el(env), mode = value & CPSR_M;
    uint32_t mask = PSTATE_NZCV | CPSR_Q | CPSR_GE | CPSR_E;

    if (!arm_feature(env, ARM_FEATURE_V6))
        mask &= ~(uint32_t)(CPSR_GE | CPSR_E);
    if (arm_feature(env, ARM_FEATURE_DIT))
        mask |= CPSR_DIT;
    if (el == 0)
        return mask;
    mask |= CPSR_I | CPSR_F | (arm_feature(env, ARM_FEATURE_V6) ? CPSR_A : 0);
    if (arm_feature(env, ARM_FEATURE_PAN))
        mask |= CPSR_PAN;
    if (arm_feature(env, ARM_FEATURE_EL3) && !arm_feature(env, ARM_FEATURE_EL2) && !arm_is_secure(env)) {
        if (!(env->scr_el3 & SCR_AW))
            mask &= ~(uint32_t)CPSR_A;
        if (!(env->scr_el3 & SCR_FW))
            mask &= ~(uint32_t)CPSR_F;
    }
    bool hyp = (env->pstate & CPSR_M) == MODE_HYP, known;
    switch (mode) {
    case MODE_USR: case MODE_SYS: case MODE_SVC: case MODE_ABT: case MODE_UND: case MODE_IRQ: case MODE_FIQ:
        known = !hyp;
        break;
    case MODE_MON:
        known = arm_feature(env, ARM_FEATURE_EL3) && arm_is_secure(env);
        break;
    default:
        known = hyp && mode == MODE_HYP;
    }
    return known ? mask | CPSR_M : mask;
}

void helper_cpsr_write(CPUState *cpu, uint32_t value, uint32_t mask)
{
    ARMCPU *env = arm_cpu(cpu);
    uint32_t may = writable_cpsr(env, value);

    if (mask & CPSR_M && !(may & CPSR_M) && arm_current_el(env) && arm_feature(env, ARM_FEATURE_V8)) {
        value |= CPSR_IL;
        may |= CPSR_IL;
        mask |= CPSR_IL;
    }
    arm_set_cpsr(env, value, mask & may);
    arm_rebuild_hflags(env);
    if (mask & CPSR_M) {
        arm_update_tlb_key(env);
        arm_security_changed(env);
    }
}

uint32_t helper_spsr_read(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);

    return env->spsr[arm_bank_of_mode(env->pstate & CPSR_M)];
}

void helper_spsr_write(CPUState *cpu, uint32_t value, uint32_t mask)
{
    ARMCPU *env = arm_cpu(cpu);
    uint32_t *spsr = &env->spsr[arm_bank_of_mode(env->pstate & CPSR_M)];

    *spsr = (*spsr & ~mask) | (value & mask);
}

void helper_setend_check(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned el = arm_current_el(env);

    if (arm_feature(env, ARM_FEATURE_V8) && env->sctlr_el[el == 2 ? 2 : arm_s_index(env)] & SCTLR_SED)
        arm_raise_undef(env, HELPER_RETADDR());
}

/* ---- AArch32: registers of other modes ---- */

/* r8-r14 of User mode, as LDM and STM with ^ see them. */
static uint32_t *user_reg(ARMCPU *env, unsigned n)
{
    ARMBank bank = arm_bank_of_mode(env->pstate & CPSR_M);

    if (n < 13)
        return n >= 8 && bank == BANK_FIQ ? &env->usr_r8_12[n - 8] : (uint32_t *)&env->x[n];
    if (bank == BANK_USR || (bank == BANK_HYP && n == 14))
        return (uint32_t *)&env->x[n];
    return n == 13 ? &env->bank_r13[BANK_USR] : &env->bank_r14[BANK_USR];
}

uint32_t helper_user_reg_read(CPUState *cpu, uint32_t n)
{
    return *user_reg(arm_cpu(cpu), n);
}

void helper_user_reg_write(CPUState *cpu, uint32_t n, uint32_t value)
{
    *user_reg(arm_cpu(cpu), n) = value;
}

/* What SYSm and R of MRS and MSR (banked) name; NULL when nothing. Arm ARM F6.1.111, table. */
static uint32_t *banked_reg(ARMCPU *env, uint32_t sysm)
{
    static const uint8_t banks[8] = { BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND }, modes[4] = { MODE_IRQ, MODE_SVC, MODE_ABT, MODE_UND };
    bool r = sysm & 32;
    unsigned m = sysm & 31, current = arm_bank_of_mode(env->pstate & CPSR_M);

    if (r) {
        switch (m) {
        case 14:
            return &env->spsr[BANK_FIQ];
        case 16: case 18: case 20: case 22:
            return &env->spsr[banks[(m - 16) / 2]];
        case 28:
            return &env->spsr[BANK_MON];
        case 30:
            return &env->spsr[BANK_HYP];
        }
        return NULL;
    }
    if (m <= 6)
        return user_reg(env, m + 8);
    if (m >= 8 && m <= 12)
        return current == BANK_FIQ ? (uint32_t *)&env->x[m] : &env->fiq_r8_12[m - 8];
    unsigned bank;
    bool lr;
    if (m == 13 || m == 14) {
        bank = BANK_FIQ;
        lr = m == 14;
    } else if (m >= 16 && m < 24) {
        bank = arm_bank_of_mode(modes[(m - 16) / 2]);
        lr = !(m & 1);
    } else if (m == 28 || m == 29) {
        bank = BANK_MON;
        lr = m == 28;
    } else if (m == 30) {
        return (uint32_t *)&env->elr_el[2];
    } else if (m == 31) {
        return current == BANK_HYP ? (uint32_t *)&env->x[13] : &env->bank_r13[BANK_HYP];
    } else {
        return NULL;
    }
    if (bank == current)
        return (uint32_t *)&env->x[lr ? 14 : 13];
    return lr ? &env->bank_r14[bank] : &env->bank_r13[bank];
}

uint32_t helper_banked_read(CPUState *cpu, uint32_t sysm)
{
    uint32_t *p = banked_reg(arm_cpu(cpu), sysm);

    if (!p)
        arm_raise_undef(arm_cpu(cpu), HELPER_RETADDR());
    return *p;
}

void helper_banked_write(CPUState *cpu, uint32_t sysm, uint32_t value)
{
    uint32_t *p = banked_reg(arm_cpu(cpu), sysm);

    if (!p)
        arm_raise_undef(arm_cpu(cpu), HELPER_RETADDR());
    *p = value;
}

static uint32_t *mode_r13(ARMCPU *env, uint32_t mode)
{
    ARMBank bank = arm_bank_of_mode(mode);

    return bank == arm_bank_of_mode(env->pstate & CPSR_M) ? (uint32_t *)&env->x[13] : &env->bank_r13[bank];
}

uint32_t helper_mode_r13_read(CPUState *cpu, uint32_t mode)
{
    return *mode_r13(arm_cpu(cpu), mode);
}

void helper_mode_r13_write(CPUState *cpu, uint32_t mode, uint32_t value)
{
    *mode_r13(arm_cpu(cpu), mode) = value;
}
