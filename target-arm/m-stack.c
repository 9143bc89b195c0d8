/* SPDX-License-Identifier: MIT */
/*
 * Stack pointers of M profile, exception frames and the lazy saving of floating-point state. Armv7-M ARM (DDI 0403) B1.5.6-8;
 * Armv8-M ARM (DDI 0553) B3.18-B3.22. The vCPU's thread with the machine lock.
 */
#include "m-profile.h"

#include "helper.h"
#include "hw/arm/armv7m-nvic.h"
#include "util/main-loop.h"

/* ---- Stack pointers ---- */

bool m_uses_psp(const ARMCPU *env)
{
    return !m_handler(env) && env->v7m.control[env->v7m.secure] & CONTROL_SPSEL;
}

static bool is_current(const ARMCPU *env, bool secure, bool process)
{
    return secure == !!env->v7m.secure && process == m_uses_psp(env);
}

uint32_t m_sp(const ARMCPU *env, bool secure, bool process)
{
    return is_current(env, secure, process) ? (uint32_t)env->x[13] : env->v7m.sp[secure][process];
}

void m_set_sp(ARMCPU *env, bool secure, bool process, uint32_t value)
{
    if (is_current(env, secure, process))
        env->x[13] = value & ~3u;
    else
        env->v7m.sp[secure][process] = value & ~3u;
}

void m_leave_sp(ARMCPU *env)
{
    env->v7m.sp[env->v7m.secure][m_uses_psp(env)] = (uint32_t)env->x[13];
}

void m_enter_sp(ARMCPU *env)
{
    env->x[13] = env->v7m.sp[env->v7m.secure][m_uses_psp(env)];
}

uint32_t m_splim(const ARMCPU *env, bool secure, bool process)
{
    return arm_feature(env, ARM_FEATURE_M_V8) ? env->v7m.splim[secure][process] : 0;
}

/* ---- xPSR ---- */

uint32_t arm_m_xpsr(const ARMCPU *env)
{
    return arm_get_nzcv(env) | env->qf << 27 | env->ge << 16 | (env->thumb ? XPSR_T : 0) | (env->condexec & 0xfc) << 8 |
           (env->condexec & 3) << 25 | env->v7m.exception;
}

void arm_m_set_xpsr(ARMCPU *env, uint32_t v, uint32_t mask)
{
    if (mask & PSTATE_NZCV)
        arm_set_nzcv(env, v);
    if (mask & XPSR_Q)
        env->qf = v >> 27 & 1;
    if (mask & XPSR_GE && arm_feature(env, ARM_FEATURE_M_DSP))
        env->ge = v >> 16 & 15;
    if (mask & XPSR_T)
        env->thumb = v >> 24 & 1;
    if (mask & XPSR_IT)
        env->condexec = (v >> 8 & 0xfc) | (v >> 25 & 3);
    if (mask & XPSR_EXCP)
        env->v7m.exception = v & XPSR_EXCP;
}

/* ---- Faults of the machinery ---- */

void m_pend_access_fault(ARMCPU *env, MFault f, uint32_t address, const MContext *c, MPurpose why)
{
    static const uint32_t mem[] = { CFSR_MSTKERR, CFSR_MUNSTKERR, CFSR_MLSPERR }, bus[] = { CFSR_STKERR, CFSR_UNSTKERR, CFSR_LSPERR };
    unsigned exc;

    switch (f) {
    case MFAULT_BUS:
        env->v7m.cfsr[0] |= bus[why];
        exc = M_EXCP_BUS;
        break;
    case MFAULT_SECURE: case MFAULT_NSC:
        env->v7m.sfsr |= (why == M_FOR_LAZY ? SFSR_LSPERR : SFSR_AUVIOL) | SFSR_SFARVALID;
        env->v7m.sfar = address;
        exc = M_EXCP_SECURE;
        break;
    default:
        env->v7m.cfsr[c->secure] |= mem[why];
        exc = M_EXCP_MEM;
    }
    nvic_pend_sync(env->nvic, exc, c->secure);
}

/* ---- FP state ---- */

uint32_t m_fpccr(const ARMCPU *env, bool secure)
{
    uint32_t top = env->v7m.fpccr[m_top(env)];
    return (top & ~FPCCR_BANKED) | (env->v7m.fpccr[secure] & FPCCR_BANKED);
}

static bool saves_callee_fp(const ARMCPU *env, bool secure)
{
    return m_security(env) && secure && env->v7m.fpccr[1] & FPCCR_TS;
}

/* s0-s15, FPSCR, a word that is not used, s16-s31. */
#define FP_WORDS 34
static unsigned gather_fp(ARMCPU *env, uint32_t *out, bool callee)
{
    for (unsigned i = 0; i < 16; i++)
        out[i] = env->v[i / 4].s[i % 4];
    out[16] = arm_get_fpscr(env);
    out[17] = 0;
    for (unsigned i = 16; callee && i < 32; i++)
        out[i + 2] = env->v[i / 4].s[i % 4];
    return callee ? FP_WORDS : 18;
}

static void clear_fp(ARMCPU *env, bool callee)
{
    for (unsigned i = 0; i < (callee ? 32u : 16u); i++)
        env->v[i / 4].s[i % 4] = 0;
    arm_set_fpscr(env, 0);
}

/* FPCCR remembers what may be saved later, and as whom. */
void m_defer_fp(ARMCPU *env, uint32_t fpcar)
{
    bool secure = env->v7m.secure;
    struct ARMv7M *m = &env->v7m;
    uint32_t banked = m->fpccr[secure] & ~(uint32_t)(FPCCR_USER | FPCCR_THREAD | FPCCR_MMRDY | FPCCR_UFRDY | FPCCR_SPLIMVIOL);
    uint32_t top = m->fpccr[m_top(env)] & ~(uint32_t)(FPCCR_HFRDY | FPCCR_BFRDY | FPCCR_MONRDY | FPCCR_SFRDY | FPCCR_S);

    m->fpcar[secure] = fpcar & ~7u;
    banked |= FPCCR_LSPACT | (arm_current_el(env) ? 0 : FPCCR_USER) | (m_handler(env) ? 0 : FPCCR_THREAD);
    if (nvic_is_ready(env->nvic, M_EXCP_MEM, secure))
        banked |= FPCCR_MMRDY;
    if (arm_feature(env, ARM_FEATURE_M_V8) && nvic_is_ready(env->nvic, M_EXCP_USAGE, secure))
        banked |= FPCCR_UFRDY;
    top |= (nvic_is_ready(env->nvic, M_EXCP_HARD, m_security(env)) ? FPCCR_HFRDY : 0) |
           (nvic_is_ready(env->nvic, M_EXCP_BUS, secure) ? FPCCR_BFRDY : 0) |
           (nvic_is_ready(env->nvic, M_EXCP_DEBUG, secure) ? FPCCR_MONRDY : 0);
    if (m_security(env))
        top |= (secure ? FPCCR_S : 0) | (nvic_is_ready(env->nvic, M_EXCP_SECURE, secure) ? FPCCR_SFRDY : 0);
    m->fpccr[secure] = (m->fpccr[secure] & ~FPCCR_BANKED) | (banked & FPCCR_BANKED);
    m->fpccr[m_top(env)] = (m->fpccr[m_top(env)] & FPCCR_BANKED) | (top & ~FPCCR_BANKED);
}

/* ---- Pushing ---- */

static bool aligns(const ARMCPU *env, bool fp)
{
    return fp || !arm_feature(env, ARM_FEATURE_M_MAIN) || arm_feature(env, ARM_FEATURE_M_V8) ||
           env->v7m.ccr[env->v7m.secure] & CCR_STKALIGN;
}

static bool ignores_limit(const ARMCPU *env, bool secure)
{
    return env->v7m.negative >> secure & 1 && env->v7m.ccr[secure] & CCR_STKOFHFNMIGN;
}

static bool overflows(ARMCPU *env, bool secure, bool process, uint32_t sp)
{
    if (sp >= m_splim(env, secure, process) || ignores_limit(env, secure))
        return false;
    m_set_sp(env, secure, process, m_splim(env, secure, process));
    env->v7m.cfsr[secure] |= CFSR_STKOF;
    nvic_pend_sync(env->nvic, M_EXCP_USAGE, secure);
    return true;
}

static MFault push_fp(ARMCPU *env, uint32_t at, const MContext *c, bool callee, uint32_t *fault_address)
{
    uint32_t fp[FP_WORDS];
    unsigned n;

    if (m_fpccr(env, c->secure) & FPCCR_LSPEN) {
        m_defer_fp(env, at);
        return MFAULT_NONE;
    }
    n = gather_fp(env, fp, callee);
    MFault f = arm_m_store_words(env, at, fp, n, c, fault_address);
    if (f == MFAULT_NONE && callee)
        clear_fp(env, true);
    return f;
}

bool m_push_frame(ARMCPU *env)
{
    bool secure = env->v7m.secure, process = m_uses_psp(env), fp = env->v7m.control[m_top(env)] & CONTROL_FPCA;
    bool callee = fp && saves_callee_fp(env, secure), align = aligns(env, fp);
    MContext c = arm_m_context(env, arm_current_el(env) ? ARM_MMU_PRIV : ARM_MMU_USER);
    uint32_t sp = (uint32_t)env->x[13], size = !fp ? 0x20 : callee ? 0xa8 : 0x68, xpsr = arm_m_xpsr(env), fault_address = 0;
    uint32_t at = (sp - size) & ~(align ? 4u : 0u);

    if (align && sp & 4)
        xpsr |= XPSR_SPREALIGN;
    if (secure && fp && env->v7m.control[1] & CONTROL_SFPA)
        xpsr |= XPSR_SFPA;
    if (overflows(env, secure, process, at))
        return false;
    const uint32_t frame[8] = { (uint32_t)env->x[0], (uint32_t)env->x[1], (uint32_t)env->x[2], (uint32_t)env->x[3],
                                (uint32_t)env->x[12], (uint32_t)env->x[14], (uint32_t)env->pc, xpsr };
    MFault f = arm_m_store_words(env, at, frame, 8, &c, &fault_address);
    if (f == MFAULT_NONE && fp)
        f = push_fp(env, at + 0x20, &c, callee, &fault_address);
    env->x[13] = at;
    if (f != MFAULT_NONE)
        m_pend_access_fault(env, f, fault_address, &c, M_FOR_STACK);
    return f == MFAULT_NONE;
}

static uint32_t integrity_signature(const ARMCPU *env, uint32_t excret)
{
    return 0xfefa125a | (arm_feature(env, ARM_FEATURE_VFP2) && !(excret & EXCRET_FTYPE) ? 0 : 1);
}

/* Registers that Secure code would find changed, below the frame. */
bool m_push_callee(ARMCPU *env, uint32_t excret, bool tail_chain)
{
    bool secure = tail_chain ? !!(excret & EXCRET_S) : !!env->v7m.secure;
    bool thread = excret & EXCRET_MODE, process = tail_chain ? thread && excret & EXCRET_SPSEL : m_uses_psp(env);
    bool priv = !tail_chain ? arm_current_el(env) : !thread || !(env->v7m.control[secure] & CONTROL_NPRIV);
    MContext c = { secure, priv, env->v7m.negative >> secure & 1 };
    uint32_t at = m_sp(env, secure, process) - 0x28, frame[10] = { integrity_signature(env, excret), 0 }, fault_address = 0;

    if (overflows(env, secure, process, at))
        return false;
    for (unsigned i = 0; i < 8; i++)
        frame[2 + i] = (uint32_t)env->x[4 + i];
    MFault f = arm_m_store_words(env, at, frame, 10, &c, &fault_address);
    m_set_sp(env, secure, process, at);
    if (f != MFAULT_NONE)
        m_pend_access_fault(env, f, fault_address, &c, M_FOR_STACK);
    return f == MFAULT_NONE;
}

/* ---- Popping: state is that which the exception returns to, but for xPSR ---- */

static MFault pop_fp(ARMCPU *env, uint32_t at, const MContext *c, bool callee, uint32_t *fault_address)
{
    uint32_t fp[FP_WORDS];
    unsigned n = callee ? FP_WORDS : 18;

    if (env->v7m.fpccr[c->secure] & FPCCR_LSPACT) { /* never saved: it is still there */
        env->v7m.fpccr[c->secure] &= ~(uint32_t)FPCCR_LSPACT;
        return MFAULT_NONE;
    }
    MFault f = arm_m_load_words(env, at, fp, n, c, fault_address);
    if (f != MFAULT_NONE)
        return f;
    for (unsigned i = 0; i < (callee ? 32u : 16u); i++)
        env->v[i / 4].s[i % 4] = fp[i < 16 ? i : i + 2];
    arm_set_fpscr(env, fp[16]);
    return MFAULT_NONE;
}

static void pend_invalid_return(ARMCPU *env, bool secure)
{
    env->v7m.cfsr[secure] |= CFSR_INVPC;
    nvic_pend_sync(env->nvic, M_EXCP_USAGE, secure);
}

static bool pop_callee(ARMCPU *env, uint32_t excret, uint32_t *at, const MContext *c)
{
    uint32_t frame[10], fault_address = 0;
    MFault f = arm_m_load_words(env, *at, frame, 10, c, &fault_address);

    if (f != MFAULT_NONE) {
        m_pend_access_fault(env, f, fault_address, c, M_FOR_UNSTACK);
        return false;
    }
    if (frame[0] != integrity_signature(env, excret)) {
        env->v7m.sfsr |= SFSR_INVIS;
        nvic_pend_sync(env->nvic, M_EXCP_SECURE, true);
        return false;
    }
    for (unsigned i = 0; i < 8; i++)
        env->x[4 + i] = frame[2 + i];
    *at += 0x28;
    return true;
}

static void finish_fp(ARMCPU *env, uint32_t excret, uint32_t xpsr, bool secure)
{
    uint32_t *control = &env->v7m.control[m_top(env)];
    bool fp = !(excret & EXCRET_FTYPE);

    if (!fp && m_fpccr(env, secure) & FPCCR_CLRONRET && arm_feature(env, ARM_FEATURE_VFP2))
        clear_fp(env, false);
    *control = fp ? *control | CONTROL_FPCA : *control & ~(uint32_t)CONTROL_FPCA;
    if (secure)
        *control = xpsr & XPSR_SFPA ? *control | CONTROL_SFPA : *control & ~(uint32_t)CONTROL_SFPA;
}

bool m_pop_frame(ARMCPU *env, uint32_t excret)
{
    bool handler = !(excret & EXCRET_MODE), secure = env->v7m.secure, fp = !(excret & EXCRET_FTYPE);
    bool process = !handler && excret & EXCRET_SPSEL, callee = fp && saves_callee_fp(env, secure);
    MContext c = { secure, handler || !(env->v7m.control[secure] & CONTROL_NPRIV), env->v7m.negative >> secure & 1 };
    uint32_t at = m_sp(env, secure, process), frame[8], fault_address = 0;

    if (secure && (!(excret & EXCRET_ES) || !(excret & EXCRET_DCRS)) && !pop_callee(env, excret, &at, &c))
        return false;
    MFault f = arm_m_load_words(env, at, frame, 8, &c, &fault_address);
    uint32_t xpsr = frame[7];
    if (f == MFAULT_NONE && handler != !!(xpsr & XPSR_EXCP)) {
        pend_invalid_return(env, secure);
        return false;
    }
    if (f == MFAULT_NONE && fp)
        f = pop_fp(env, at + 0x20, &c, callee, &fault_address);
    if (f != MFAULT_NONE) {
        m_pend_access_fault(env, f, fault_address, &c, M_FOR_UNSTACK);
        return false;
    }
    at += !fp ? 0x20 : callee ? 0xa8 : 0x68;
    if (xpsr & XPSR_SPREALIGN && aligns(env, fp))
        at |= 4;
    for (unsigned i = 0; i < 4; i++)
        env->x[i] = frame[i];
    env->x[12] = frame[4];
    env->x[14] = frame[5];
    env->pc = frame[6] & ~1u;
    m_set_sp(env, secure, process, at);
    finish_fp(env, excret, xpsr, secure);
    /* The mode goes with the exception number: the right stack pointer is current behind this. */
    m_leave_sp(env);
    arm_m_set_xpsr(env, xpsr, ~(uint32_t)XPSR_SPREALIGN);
    m_enter_sp(env);
    return true;
}

/* ---- Before an FP instruction ---- */

/* Faults of lazy saving were decided about when it was put off. */
static void pend_lazy_fault(ARMCPU *env, MFault f, uint32_t address, const MContext *c, uint32_t fpccr)
{
    static const uint32_t ready[] = { [MFAULT_MPU] = FPCCR_MMRDY, [MFAULT_BUS] = FPCCR_BFRDY, [MFAULT_SECURE] = FPCCR_SFRDY };
    unsigned exc = f == MFAULT_BUS ? M_EXCP_BUS : f == MFAULT_MPU ? M_EXCP_MEM : M_EXCP_SECURE;

    if (f == MFAULT_NSC)
        f = MFAULT_SECURE;
    if (f == MFAULT_BUS) {
        env->v7m.cfsr[0] |= CFSR_LSPERR;
    } else if (f == MFAULT_MPU) {
        env->v7m.cfsr[c->secure] |= CFSR_MLSPERR;
    } else {
        env->v7m.sfsr |= SFSR_LSPERR | SFSR_SFARVALID;
        env->v7m.sfar = address;
    }
    if (fpccr & ready[f]) {
        nvic_pend(env->nvic, exc, c->secure);
    } else if (fpccr & FPCCR_HFRDY) {
        env->v7m.hfsr |= HFSR_FORCED;
        nvic_pend(env->nvic, M_EXCP_HARD, !(env->v7m.aircr & AIRCR_BFHFNMINS) || c->secure);
    } else {
        arm_raise(env, EXCP_M_LOCKUP, 0, 0, 0);
    }
}

/* Saves what an exception entry put off. */
static void preserve_fp(ARMCPU *env)
{
    bool secure = m_security(env) && env->v7m.fpccr[1] & FPCCR_S, callee = saves_callee_fp(env, secure);
    uint32_t fpccr = m_fpccr(env, secure), fp[FP_WORDS], fault_address = 0;
    unsigned exc;
    bool exc_secure;

    if (!(fpccr & FPCCR_LSPACT))
        return;
    MContext c = { secure, !(fpccr & FPCCR_USER), !(fpccr & FPCCR_HFRDY) };
    unsigned n = gather_fp(env, fp, callee);
    MFault f = arm_m_store_words(env, env->v7m.fpcar[secure], fp, n, &c, &fault_address);
    if (f != MFAULT_NONE) {
        pend_lazy_fault(env, f, fault_address, &c, fpccr);
        if (nvic_next(env->nvic, &exc, &exc_secure))
            arm_raise(env, EXCP_IRQ, 0, 0, 0); /* before the instruction, which will come back here */
    }
    env->v7m.fpccr[secure] &= ~(uint32_t)FPCCR_LSPACT;
    if (callee)
        clear_fp(env, true);
}

void m_fp_prepare(ARMCPU *env)
{
    bool secure = env->v7m.secure;
    uint32_t *control = &env->v7m.control[m_top(env)];

    machine_lock();
    preserve_fp(env);
    machine_unlock();
    if (m_security(env))
        env->v7m.fpccr[1] = secure ? env->v7m.fpccr[1] | FPCCR_S : env->v7m.fpccr[1] & ~(uint32_t)FPCCR_S;
    bool fresh = !(*control & CONTROL_FPCA) || (secure && !(*control & CONTROL_SFPA));
    if (env->v7m.fpccr[secure] & FPCCR_ASPEN && fresh) {
        arm_set_fpscr(env, env->v7m.fpdscr[secure]);
        *control |= CONTROL_FPCA | (secure ? CONTROL_SFPA : 0);
    }
    arm_rebuild_hflags(env);
}
