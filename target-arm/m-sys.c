/* SPDX-License-Identifier: MIT */
/*
 * Helpers of M profile's system instructions: MRS, MSR, CPS, branches to Non-secure state, VLSTM and VLLDM, stack limits. Armv7-M ARM
 * (DDI 0403) B5.2; Armv8-M ARM (DDI 0553) C2.4.
 */
#include "m-profile.h"

#include "helper.h"
#include "util/log.h"
#include "util/main-loop.h"

/* SYSm. 128 and up: the Non-secure instance, for Secure software. */
enum { SYS_APSR = 0, SYS_IEPSR = 7, SYS_MSP = 8, SYS_PSP, SYS_MSPLIM, SYS_PSPLIM, SYS_PRIMASK = 16, SYS_BASEPRI, SYS_BASEPRI_MAX,
       SYS_FAULTMASK, SYS_CONTROL, SYS_SP_NS = 0x18, SYS_NS = 0x80 };

/* ---- Which instance ---- */

/* False: the register is not there for this state, and reads as zero. */
static bool instance(const ARMCPU *env, uint32_t sysm, unsigned *reg, bool *secure)
{
    *reg = sysm & ~(uint32_t)SYS_NS;
    *secure = env->v7m.secure;
    if (!(sysm & SYS_NS))
        return *reg != SYS_SP_NS;
    *secure = false;
    return env->v7m.secure;
}

static bool exists(const ARMCPU *env, unsigned reg)
{
    switch (reg) {
    case SYS_MSPLIM: case SYS_PSPLIM:
        return arm_feature(env, ARM_FEATURE_M_V8);
    case SYS_BASEPRI: case SYS_BASEPRI_MAX: case SYS_FAULTMASK:
        return arm_feature(env, ARM_FEATURE_M_MAIN);
    }
    return true;
}

static bool process_of_ns(const ARMCPU *env)
{
    return !m_handler(env) && env->v7m.control[0] & CONTROL_SPSEL;
}

static uint32_t read_control(const ARMCPU *env, bool secure)
{
    uint32_t v = env->v7m.control[secure] & (CONTROL_NPRIV | CONTROL_SPSEL), shared = env->v7m.control[m_top(env)];

    v |= shared & CONTROL_FPCA;
    return secure ? v | (shared & CONTROL_SFPA) : v;
}

/* ---- MRS ---- */

static uint32_t read_psr(const ARMCPU *env, unsigned reg, bool priv)
{
    uint32_t mask = 0;

    if (reg & 1 && priv)
        mask |= XPSR_EXCP;
    if (!(reg & 4))
        mask |= PSTATE_NZCV | XPSR_Q | (arm_feature(env, ARM_FEATURE_M_DSP) ? XPSR_GE : 0);
    return arm_m_xpsr(env) & mask; /* EPSR reads as zero */
}

uint32_t helper_m_mrs(CPUState *cpu, uint32_t sysm)
{
    const ARMCPU *env = arm_cpu(cpu);
    bool priv = arm_current_el(env), secure;
    unsigned reg;

    if (!instance(env, sysm, &reg, &secure) || !exists(env, reg))
        return 0;
    if (reg <= SYS_IEPSR)
        return read_psr(env, reg, priv);
    if (reg == SYS_CONTROL)
        return read_control(env, secure);
    if (!priv)
        return 0;
    switch (reg) {
    case SYS_MSP: case SYS_PSP:
        return m_sp(env, secure, reg == SYS_PSP);
    case SYS_MSPLIM: case SYS_PSPLIM:
        return env->v7m.splim[secure][reg == SYS_PSPLIM];
    case SYS_PRIMASK:
        return env->v7m.primask[secure];
    case SYS_BASEPRI: case SYS_BASEPRI_MAX:
        return env->v7m.basepri[secure];
    case SYS_FAULTMASK:
        return env->v7m.faultmask[secure];
    case SYS_SP_NS:
        return m_sp(env, false, process_of_ns(env));
    }
    log_guest_error(__FILE__, __LINE__, "Attempt to read unknown special register %u\n", sysm);
    return 0;
}

/* ---- MSR ---- */

static void write_control(ARMCPU *env, bool secure, bool ns_alias, uint32_t v)
{
    uint32_t *control = &env->v7m.control[secure], mask = CONTROL_NPRIV;
    bool fp = arm_feature(env, ARM_FEATURE_VFP2);

    m_leave_sp(env);
    if (!m_handler(env) || arm_feature(env, ARM_FEATURE_M_V8) || (ns_alias && arm_feature(env, ARM_FEATURE_M_V8)))
        mask |= CONTROL_SPSEL;
    /* Cortex-M0 has no unprivileged mode. */
    if (!arm_feature(env, ARM_FEATURE_M_MAIN))
        mask &= ~(uint32_t)CONTROL_NPRIV;
    *control = (*control & ~mask) | (v & mask);
    m_enter_sp(env);
    if (!fp)
        return;
    uint32_t *shared = &env->v7m.control[m_top(env)], fp_mask = CONTROL_FPCA | (secure ? CONTROL_SFPA : 0);
    if (m_security(env) && !env->v7m.secure && !(env->v7m.nsacr >> 10 & 1))
        return;
    *shared = (*shared & ~fp_mask) | (v & fp_mask);
}

static uint32_t priority_bits(const ARMCPU *env, uint32_t v)
{
    (void)env;
    return v & 0xff;
}

static void write_masks(ARMCPU *env, unsigned reg, bool secure, uint32_t v)
{
    struct ARMv7M *m = &env->v7m;

    switch (reg) {
    case SYS_PRIMASK:
        m->primask[secure] = v & 1;
        break;
    case SYS_BASEPRI:
        m->basepri[secure] = priority_bits(env, v);
        break;
    case SYS_BASEPRI_MAX:
        v = priority_bits(env, v);
        if (v && (v < m->basepri[secure] || !m->basepri[secure]))
            m->basepri[secure] = v;
        break;
    case SYS_FAULTMASK:
        m->faultmask[secure] = v & 1;
        break;
    }
}

void helper_m_check_splim(CPUState *cpu, uint32_t sp)
{
    ARMCPU *env = arm_cpu(cpu);
    bool secure = env->v7m.secure;

    if (sp >= m_splim(env, secure, m_uses_psp(env)))
        return;
    if (env->v7m.negative >> secure & 1 && env->v7m.ccr[secure] & CCR_STKOFHFNMIGN)
        return;
    arm_m_raise_usage(env, CFSR_STKOF, HELPER_RETADDR());
}

/* sysm | mask << 8 */
void helper_m_msr(CPUState *cpu, uint32_t how, uint32_t v)
{
    ARMCPU *env = arm_cpu(cpu);
    bool secure, priv = arm_current_el(env);
    uint32_t sysm = how & 0xff;
    unsigned reg;

    if (!instance(env, sysm, &reg, &secure) || !exists(env, reg))
        return;
    if (reg <= SYS_IEPSR) {
        if (!(reg & 4))
            arm_m_set_xpsr(env, v, (how >> 8 & 2 ? PSTATE_NZCV | XPSR_Q : 0) | (how >> 8 & 1 ? XPSR_GE : 0));
        return;
    }
    if (!priv)
        return;
    switch (reg) {
    case SYS_MSP: case SYS_PSP: case SYS_SP_NS: {
        bool process = reg == SYS_SP_NS ? process_of_ns(env) : reg == SYS_PSP;
        if (reg == SYS_SP_NS && (v & ~3u) < m_splim(env, false, process))
            arm_m_raise_usage(env, CFSR_STKOF, HELPER_RETADDR());
        m_set_sp(env, secure && reg != SYS_SP_NS, process, v);
        break;
    }
    case SYS_MSPLIM: case SYS_PSPLIM:
        env->v7m.splim[secure][reg == SYS_PSPLIM] = v & ~7u;
        break;
    case SYS_CONTROL:
        write_control(env, secure, sysm & SYS_NS, v);
        break;
    default:
        write_masks(env, reg, secure, v);
    }
    arm_m_state_changed(env);
    arm_m_check_interrupts(env);
}

/* aif bit 1: PRIMASK, bit 0: FAULTMASK, which cannot be set at a negative priority. */
void helper_m_cps(CPUState *cpu, uint32_t disable, uint32_t aif)
{
    ARMCPU *env = arm_cpu(cpu);
    bool secure = env->v7m.secure;

    if (aif & 2)
        env->v7m.primask[secure] = disable;
    if (aif & 1 && !(disable && env->v7m.negative >> secure & 1))
        env->v7m.faultmask[secure] = disable;
    arm_m_state_changed(env);
    arm_m_check_interrupts(env);
}

/* ---- Security ---- */

uint32_t helper_m_tt(CPUState *cpu, uint32_t address, uint32_t how)
{
    return arm_m_test_target(arm_cpu(cpu), address, how & 1, how & 2);
}

static void go_nonsecure(ARMCPU *env, uint32_t target)
{
    m_leave_sp(env);
    env->v7m.secure = target & 1;
    if (!(target & 1))
        env->v7m.control[1] &= ~(uint32_t)CONTROL_SFPA;
    m_enter_sp(env);
    env->thumb = 1;
    env->pc = target & ~1u;
    arm_m_state_changed(env);
}

/* Bit 0 clear: to Non-secure state. Also a return. pc is that of the next instruction. */
void helper_m_bxns(CPUState *cpu, uint32_t target)
{
    ARMCPU *env = arm_cpu(cpu);

    if (target >= FNC_RETURN && (m_handler(env) || (target & ~1u) == FNC_RETURN)) {
        helper_m_return(cpu, target);
        return;
    }
    go_nonsecure(env, target);
    env->thumb = 1;
}

void helper_m_blxns(CPUState *cpu, uint32_t target)
{
    ARMCPU *env = arm_cpu(cpu);
    bool process = m_uses_psp(env);
    uint32_t next = (uint32_t)env->pc | 1, sp = (uint32_t)env->x[13] - 8, xpsr = env->v7m.exception, fault_address = 0;

    if (target & 1) { /* stays Secure: as BLX */
        env->x[14] = next;
        env->pc = target & ~1u;
        return;
    }
    if (sp < m_splim(env, true, process))
        arm_m_raise_usage(env, CFSR_STKOF, HELPER_RETADDR());
    if (env->v7m.control[1] & CONTROL_SFPA)
        xpsr |= XPSR_SFPA;
    const uint32_t frame[2] = { next, xpsr };
    MContext c = arm_m_context(env, arm_current_el(env) ? ARM_MMU_PRIV : ARM_MMU_USER);
    MFault f = arm_m_store_words(env, sp, frame, 2, &c, &fault_address);
    if (f != MFAULT_NONE) {
        env->exception.vaddr = fault_address;
        arm_raise(env, f == MFAULT_BUS ? EXCP_M_BUS : f == MFAULT_MPU ? EXCP_M_MEM : EXCP_M_SECURE,
                  f == MFAULT_BUS ? CFSR_PRECISERR | CFSR_BFARVALID : f == MFAULT_MPU ? CFSR_DACCVIOL | CFSR_MMARVALID
                                                                                      : SFSR_AUVIOL | SFSR_SFARVALID,
                  0, HELPER_RETADDR());
    }
    env->x[13] = sp;
    env->x[14] = FNC_RETURN | 1;
    if (m_handler(env))
        env->v7m.exception = 1; /* what Non-secure code sees */
    go_nonsecure(env, target);
}

/* ---- FP state around calls ---- */

void helper_m_fp_prepare(CPUState *cpu)
{
    m_fp_prepare(arm_cpu(cpu));
}

static _Noreturn void raise_misaligned(ARMCPU *env, uintptr_t retaddr)
{
    arm_m_raise_usage(env, CFSR_UNALIGNED, retaddr);
}

/* Remembers where the FP state is to go, should Non-secure code use the FPU. */
void helper_m_vlstm(CPUState *cpu, uint32_t at)
{
    ARMCPU *env = arm_cpu(cpu);
    struct ARMv7M *m = &env->v7m;

    if (!(m->control[1] & CONTROL_SFPA))
        return;
    if (at & 7)
        raise_misaligned(env, HELPER_RETADDR());
    if (m->fpccr[1] & FPCCR_LSPACT)
        arm_raise(env, EXCP_M_SECURE, SFSR_LSERR, 0, HELPER_RETADDR());
    machine_lock();
    m_defer_fp(env, at);
    machine_unlock();
    m->control[1] &= ~(uint32_t)CONTROL_FPCA;
}

/* Takes it back: from memory if it was saved. */
void helper_m_vlldm(CPUState *cpu, uint32_t at)
{
    ARMCPU *env = arm_cpu(cpu);
    struct ARMv7M *m = &env->v7m;
    uint32_t word;

    if (!(m->control[1] & CONTROL_SFPA))
        return;
    if (m->fpccr[1] & FPCCR_LSPACT) {
        m->fpccr[1] &= ~(uint32_t)FPCCR_LSPACT;
    } else {
        unsigned mode = arm_current_mmu_mode(cpu, false);
        uintptr_t ra = HELPER_RETADDR();
        if (at & 7)
            raise_misaligned(env, ra);
        for (unsigned i = 0; i < (m->fpccr[1] & FPCCR_TS ? 32u : 16u); i++) {
            word = cpu_ldl(cpu, at + 4 * (i < 16 ? i : i + 2), mode, ra);
            env->v[i / 4].s[i % 4] = word;
        }
        arm_set_fpscr(env, cpu_ldl(cpu, at + 0x40, mode, ra));
    }
    m->control[1] |= CONTROL_FPCA;
    arm_rebuild_hflags(env);
}
