/* SPDX-License-Identifier: MIT */
/*
 * Exceptions of M profile: what a fault pends, entry with tail-chaining and late arrival, return, lockup, reset. Armv7-M ARM
 * (DDI 0403) B1.5; Armv8-M ARM (DDI 0553) B3. Frames are in m-stack.c, priorities in hw/intc/armv7m-nvic.c.
 */
#include "m-profile.h"

#include "helper.h"
#include "hw/arm/armv7m-nvic.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"

#include <inttypes.h>
#include <string.h>

#define LOCKUP_PC 0xeffffffe

static const char *const names[16] = {
    [M_EXCP_RESET] = "Reset", [M_EXCP_NMI] = "NMI", [M_EXCP_HARD] = "HardFault", [M_EXCP_MEM] = "MemManage", [M_EXCP_BUS] = "BusFault",
    [M_EXCP_USAGE] = "UsageFault", [M_EXCP_SECURE] = "SecureFault", [M_EXCP_SVC] = "SVCall", [M_EXCP_DEBUG] = "DebugMonitor",
    [M_EXCP_PENDSV] = "PendSV", [M_EXCP_SYSTICK] = "SysTick",
};

static const char *name_of(unsigned exc)
{
    return exc >= M_EXCP_EXTERNAL ? "IRQ" : names[exc] ? names[exc] : "?";
}

/* ---- Derived state ---- */

static uint32_t negative_priorities(const ARMCPU *env)
{
    uint32_t bits = 0;

    for (unsigned s = 0; s <= m_top(env); s++) {
        bool nmi = nvic_is_active(env->nvic, M_EXCP_NMI, s) && nvic_targets_secure(env->nvic, M_EXCP_NMI, s) == s;
        if (env->v7m.faultmask[s] || nvic_is_active(env->nvic, M_EXCP_HARD, s) || nmi)
            bits |= 1u << s;
    }
    return bits;
}

void arm_m_state_changed(ARMCPU *env)
{
    if (env->nvic)
        env->v7m.negative = negative_priorities(env);
    if (current_cpu == &env->parent || !env->parent.created)
        arm_m_update_tlb_key(env);
    else
        tlb_flush_all_async(&env->parent);
    arm_rebuild_hflags(env);
}

void arm_m_check_interrupts(ARMCPU *env)
{
    if (atomic_load(&env->parent.interrupt_request))
        atomic_store(&env->parent.exit_request, 1);
}

uint32_t arm_m_hflags(const ARMCPU *env)
{
    const struct ARMv7M *m = &env->v7m;
    bool secure = m->secure, fp_secure = m_security(env) && m->fpccr[1] & FPCCR_S;
    uint32_t f = TBF_M, control = m->control[m_top(env)];

    if (secure)
        f |= TBF_M_SECURE;
    if (m_handler(env))
        f |= TBF_M_HANDLER;
    if (!arm_feature(env, ARM_FEATURE_M_MAIN) || m->ccr[secure] & CCR_UNALIGN_TRP)
        f |= TBF_ALIGN;
    if (m->ccr[secure] & CCR_DIV_0_TRP)
        f |= TBF_M_DIV0;
    if (m_splim(env, secure, m_uses_psp(env)))
        f |= TBF_M_SPLIM;
    if (!arm_feature(env, ARM_FEATURE_VFP2))
        return f;
    if (m->fpccr[secure] & FPCCR_ASPEN && (!(control & CONTROL_FPCA) || (secure && !(control & CONTROL_SFPA))))
        f |= TBF_M_FP_PREPARE;
    if (m->fpccr[fp_secure] & FPCCR_LSPACT || (m_security(env) && fp_secure != secure))
        f |= TBF_M_FP_PREPARE;
    return f;
}

/* ---- Lockup ---- */

static void lockup(ARMCPU *env, const char *why)
{
    const struct ARMv7M *m = &env->v7m;

    log_printf(LOG_INT, "Lockup: %s\n", why);
    error_report("Lockup: %s at PC 0x%08" PRIx64 " (exception %u, CFSR 0x%08x, HFSR 0x%08x, BFAR 0x%08x, MMFAR 0x%08x); "
                 "only NMI or a reset ends it", why, env->pc, m->exception, m->cfsr[0] | m->cfsr[1], m->hfsr, m->bfar,
                 m->mmfar[m->secure]);
    env->v7m.locked_up = 1;
    env->pc = LOCKUP_PC;
    atomic_store(&env->parent.halted, true);
    atomic_store(&env->parent.exit_request, 1);
}

/* ---- Entry ---- */

static void take(ARMCPU *env, uint32_t excret, bool tail_chain, bool ignore_faults);

/* The handler's address; false: a HardFault about that is pending, or the vCPU is locked up. */
static bool load_vector(ARMCPU *env, unsigned exc, bool secure, uint32_t *address)
{
    uint32_t at = env->v7m.vecbase[secure] + 4 * exc;
    bool ok = !m_security(env) || secure || arm_m_attribute(env, at, false, false).ns;
    MemTxResult res = MEMTX_OK;

    if (ok)
        *address = (uint32_t)address_space_ld(address_space_memory, at, 4, &res);
    if (ok && res != MEMTX_DECODE_ERROR)
        return true;
    if (exc == M_EXCP_HARD || exc == M_EXCP_NMI || nvic_exec_priority(env->nvic) < 0) {
        lockup(env, "vector of a fault cannot be read");
        return false;
    }
    env->v7m.hfsr |= HFSR_VECTTBL;
    nvic_pend(env->nvic, M_EXCP_HARD, !(env->v7m.aircr & AIRCR_BFHFNMINS) || secure);
    return false;
}

/* Non-secure handlers find no Secure values. */
static void clear_registers(ARMCPU *env, bool callee)
{
    for (unsigned i = 0; i < 13; i++) {
        if (i < 4 || i == 12 || callee)
            env->x[i] = 0;
    }
    arm_m_set_xpsr(env, 0, PSTATE_NZCV | XPSR_Q | XPSR_GE);
}

/* EXC_RETURN and registers for the Security state the exception goes to; false: pushing failed. */
static bool prepare_v8(ARMCPU *env, uint32_t *excret, bool secure, bool tail_chain)
{
    bool background_secure = m_security(env) && *excret & EXCRET_S, pushed = tail_chain && !(*excret & EXCRET_ES), ok = true;

    if (background_secure && secure && pushed)
        *excret &= ~(uint32_t)EXCRET_DCRS;
    if (background_secure && !secure) {
        if (*excret & EXCRET_DCRS && !pushed)
            ok = m_push_callee(env, *excret, tail_chain);
        *excret |= EXCRET_DCRS;
    }
    *excret &= ~(uint32_t)(EXCRET_ES | EXCRET_SPSEL);
    *excret |= (secure ? EXCRET_ES : 0) | (env->v7m.control[secure] & CONTROL_SPSEL ? EXCRET_SPSEL : 0);
    if (m_security(env) && !secure)
        clear_registers(env, background_secure);
    return ok;
}

static void log_taking(const ARMCPU *env, unsigned exc, bool secure)
{
    log_printf(LOG_INT, "Taking exception %u [%s] on CPU %d\n", exc, name_of(exc), env->parent.index);
    log_printf(LOG_INT, "...at PC 0x%" PRIx64 ", %s state, priority %d\n", env->pc, secure ? "to Secure" : "to Non-secure",
               nvic_exec_priority(env->nvic));
}

/*
 * Enters the handler of the highest-priority pending exception: after the frame was pushed, or instead of returning (tail-chaining).
 * Faults on the way are pending exceptions that may be the ones entered.
 */
static void take(ARMCPU *env, uint32_t excret, bool tail_chain, bool ignore_faults)
{
    uint32_t address = 0;
    unsigned exc;
    bool secure;

    if (env->v7m.locked_up || !nvic_next(env->nvic, &exc, &secure)) {
        lockup(env, "a fault cannot be taken");
        return;
    }
    if (UNLIKELY(log_enabled(LOG_INT)))
        log_taking(env, exc, secure);
    if (arm_feature(env, ARM_FEATURE_M_V8) && !prepare_v8(env, &excret, secure, tail_chain) && !ignore_faults) {
        take(env, excret, true, true);
        return;
    }
    if (!load_vector(env, exc, secure, &address)) {
        if (!env->v7m.locked_up)
            take(env, excret, true, true);
        return;
    }
    m_leave_sp(env);
    nvic_acknowledge(env->nvic);
    env->v7m.secure = secure;
    env->v7m.control[secure] &= ~(uint32_t)CONTROL_SPSEL;
    env->v7m.control[m_top(env)] &= ~(uint32_t)(CONTROL_FPCA | CONTROL_SFPA);
    m_enter_sp(env);
    env->exclusive_addr = ~0ull;
    env->event_register = true;
    env->condexec = 0;
    env->x[14] = excret;
    env->pc = address & ~1u;
    env->thumb = address & 1;
    arm_m_state_changed(env);
    if (UNLIKELY(log_enabled(LOG_INT)))
        log_printf(LOG_INT, "...handler at PC 0x%" PRIx64 " EXC_RETURN 0x%08x\n", env->pc, excret);
}

/* From the code that runs to a handler. */
static void enter(ARMCPU *env)
{
    uint32_t excret;
    bool fp = env->v7m.control[m_top(env)] & CONTROL_FPCA;

    if (arm_feature(env, ARM_FEATURE_M_V8))
        excret = 0xffffff80 | (env->v7m.secure ? EXCRET_S : 0) | EXCRET_DCRS | (m_handler(env) ? 0 : EXCRET_MODE);
    else
        excret = 0xffffffe1 | (m_handler(env) ? 0 : EXCRET_MODE) | (m_uses_psp(env) ? EXCRET_SPSEL : 0);
    if (!fp)
        excret |= EXCRET_FTYPE;
    env->v7m.locked_up = 0;
    bool pushed = m_push_frame(env);
    take(env, excret, false, !pushed);
}

/* ---- What happened ---- */

static bool pend_fault(ARMCPU *env, unsigned exc, bool secure)
{
    if (nvic_pend_sync(env->nvic, exc, secure))
        return true;
    lockup(env, exc == M_EXCP_HARD ? "HardFault" : name_of(exc));
    return false;
}

static bool pend_breakpoint(ARMCPU *env, bool secure)
{
    env->v7m.dfsr |= DFSR_BKPT;
    if (nvic_is_ready(env->nvic, M_EXCP_DEBUG, secure)) {
        nvic_pend(env->nvic, M_EXCP_DEBUG, secure);
        return true;
    }
    env->v7m.hfsr |= HFSR_DEBUGEVT;
    return pend_fault(env, M_EXCP_HARD, secure);
}

static void log_fault(const ARMCPU *env, const char *what)
{
    log_printf(LOG_INT, "...%s: PC 0x%" PRIx64 " address 0x%" PRIx64 " status 0x%08x\n", what, env->pc, env->exception.vaddr,
               env->exception.syndrome);
}

static bool pend_memory_fault(ARMCPU *env, int excp, bool secure)
{
    uint32_t bits = env->exception.syndrome, address = (uint32_t)env->exception.vaddr;

    log_fault(env, excp == EXCP_M_MEM ? "MemManage" : excp == EXCP_M_BUS ? "BusFault" : "SecureFault");
    switch (excp) {
    case EXCP_M_MEM:
        env->v7m.cfsr[secure] |= bits;
        if (bits & CFSR_MMARVALID)
            env->v7m.mmfar[secure] = address;
        return pend_fault(env, M_EXCP_MEM, secure);
    case EXCP_M_BUS:
        env->v7m.cfsr[0] |= bits;
        if (bits & CFSR_BFARVALID)
            env->v7m.bfar = address;
        return pend_fault(env, M_EXCP_BUS, secure);
    default:
        env->v7m.sfsr |= bits;
        if (bits & SFSR_SFARVALID)
            env->v7m.sfar = address;
        return pend_fault(env, M_EXCP_SECURE, true);
    }
}

static bool pend_usage(ARMCPU *env, uint32_t bits, bool secure)
{
    env->v7m.cfsr[secure] |= bits;
    return pend_fault(env, M_EXCP_USAGE, secure);
}

/* SG where Non-secure code may call: it runs at once; anything else there is a fault. True: an exception is pending. */
static bool fetch_callable(ARMCPU *env)
{
    enum { SG_HALF = 0xe97f };
    uint32_t pc = (uint32_t)env->pc;
    MemTxResult r1, r2;
    uint64_t first = address_space_ld(address_space_memory, pc, 2, &r1), second = address_space_ld(address_space_memory, pc + 2, 2, &r2);
    MAttribution end = arm_m_attribute(env, pc + 2, true, false);

    if (r1 != MEMTX_OK || r2 != MEMTX_OK || first != SG_HALF || second != SG_HALF || end.ns || !end.nsc || !env->thumb) {
        env->v7m.sfsr |= SFSR_INVEP;
        return pend_fault(env, M_EXCP_SECURE, true);
    }
    env->x[14] &= ~1ull;
    env->v7m.control[1] &= ~(uint32_t)CONTROL_SFPA;
    m_leave_sp(env);
    env->v7m.secure = 1;
    m_enter_sp(env);
    env->condexec = 0;
    env->pc = pc + 4;
    arm_m_state_changed(env);
    return false;
}

static bool pend(ARMCPU *env, int excp)
{
    bool secure = env->v7m.secure;

    switch (excp) {
    case EXCP_UDEF:
        log_printf(LOG_INT, "...undefined instruction at PC 0x%" PRIx64 "\n", env->pc);
        return pend_usage(env, CFSR_UNDEFINSTR, secure);
    case EXCP_M_USAGE:
        log_fault(env, "UsageFault");
        /* Where NSACR denies the FPU, Secure state hears of it. */
        return pend_usage(env, env->exception.syndrome, secure || (m_security(env) && env->exception.target_el == 3));
    case EXCP_SWI:
        return pend_fault(env, M_EXCP_SVC, secure);
    case EXCP_BKPT:
        return pend_breakpoint(env, secure);
    case EXCP_M_MEM: case EXCP_M_BUS: case EXCP_M_SECURE:
        return pend_memory_fault(env, excp, secure);
    case EXCP_M_NSC:
        return fetch_callable(env);
    case EXCP_M_LOCKUP:
        lockup(env, "floating-point state cannot be saved");
        return false;
    default: /* EXCP_IRQ: what is pending already */
        return true;
    }
}

void arm_m_do_exception(ARMCPU *env, int excp)
{
    machine_lock();
    if (!env->nvic) /* a core without what M profile needs around it */
        lockup(env, "there is no NVIC");
    else if (pend(env, excp))
        enter(env);
    machine_unlock();
}

void helper_m_svc(CPUState *cpu)
{
    arm_m_do_exception(arm_cpu(cpu), EXCP_SWI);
}

_Noreturn void arm_m_raise_usage(ARMCPU *env, uint32_t cfsr, uintptr_t retaddr)
{
    arm_raise(env, EXCP_M_USAGE, cfsr, 0, retaddr);
}

/* ---- Interrupts ---- */

bool arm_m_exec_interrupt(ARMCPU *env)
{
    unsigned exc;
    bool secure, taken;

    if (!env->nvic || !nvic_next(env->nvic, &exc, &secure)) /* masked; racy, but what comes later is seen later */
        return false;
    machine_lock();
    taken = nvic_next(env->nvic, &exc, &secure);
    if (taken)
        enter(env);
    machine_unlock();
    return taken;
}

bool arm_m_has_work(const ARMCPU *env)
{
    uint32_t request = atomic_load(&env->parent.interrupt_request);

    if (env->psci_powered_off)
        return false;
    return request & CPU_INTERRUPT_EXITTB || (request & CPU_INTERRUPT_HARD && env->nvic && nvic_would_wake(env->nvic));
}

/* ---- Return ---- */

typedef struct Return {
    uint32_t excret;
    bool handler, process, secure, exc_secure, bad, bad_security;
} Return;

static Return decode_return(ARMCPU *env, uint32_t excret)
{
    bool v8 = arm_feature(env, ARM_FEATURE_M_V8), security = m_security(env);
    Return r = { .excret = excret, .handler = !(excret & EXCRET_MODE) };

    if (excret >> 7 != 0x1ffffff)
        guest_error("M profile: zero high bits in exception return PC value 0x%x\n", excret);
    if (!arm_feature(env, ARM_FEATURE_VFP2) && !(excret & EXCRET_FTYPE))
        r.bad = true;
    r.process = excret & EXCRET_SPSEL;
    if (!security)
        return r;
    r.secure = excret & EXCRET_S;
    r.exc_secure = env->v7m.secure && excret & EXCRET_ES;
    /* Non-secure handlers return from Non-secure exceptions, with what they were given. */
    if (!env->v7m.secure && (excret & EXCRET_ES || !(excret & EXCRET_DCRS)))
        r.bad_security = true;
    if (env->v7m.secure && !(excret & EXCRET_ES))
        r.bad_security = true;
    if (v8 && excret & 2)
        r.bad = true;
    return r;
}

static void check_mode(ARMCPU *env, Return *r)
{
    bool base = nvic_active_count(env->nvic) == 0;

    if (!arm_feature(env, ARM_FEATURE_M_V8)) {
        unsigned low = r->excret & 15;
        if (low != 1 && low != 9 && low != 13)
            r->bad = true;
    }
    if (!r->handler && !base && !(env->v7m.ccr[r->exc_secure] & CCR_NONBASETHRDENA))
        r->bad = true;
}

static void clear_faultmask(ARMCPU *env, const Return *r)
{
    if (m_security(env) ? nvic_active_priority(env->nvic) >= 0 : env->v7m.exception != M_EXCP_NMI)
        env->v7m.faultmask[r->exc_secure] = 0;
}

/* After the last return a core may go to sleep by itself. */
static void sleep_on_exit(ARMCPU *env)
{
    if (!(env->v7m.scr[env->v7m.secure] & SCR_SLEEPONEXIT) || m_handler(env) || arm_m_has_work(env))
        return;
    atomic_store(&env->parent.halted, true);
    atomic_store(&env->parent.exit_request, 1);
}

static void do_return(ARMCPU *env, uint32_t excret)
{
    Return r = decode_return(env, excret);
    unsigned exc;
    bool secure;

    clear_faultmask(env, &r);
    if (!nvic_complete(env->nvic, env->v7m.exception, r.exc_secure))
        r.bad = true;
    check_mode(env, &r);
    env->v7m.negative = negative_priorities(env);
    if (r.bad_security) {
        env->v7m.sfsr |= SFSR_INVER;
        if (pend_fault(env, M_EXCP_SECURE, true))
            take(env, excret, true, false);
        return;
    }
    if (r.bad) {
        log_printf(LOG_INT, "...invalid exception return 0x%08x at PC 0x%" PRIx64 "\n", excret, env->pc);
        if (pend_usage(env, CFSR_INVPC, env->v7m.secure))
            take(env, excret, true, false);
        return;
    }
    if (nvic_next(env->nvic, &exc, &secure)) {
        take(env, excret, true, false);
        return;
    }
    m_leave_sp(env);
    env->v7m.control[r.exc_secure] = (env->v7m.control[r.exc_secure] & ~(uint32_t)CONTROL_SPSEL) |
                                     (r.process && !(r.handler && !arm_feature(env, ARM_FEATURE_M_V8)) ? CONTROL_SPSEL : 0);
    env->v7m.secure = r.secure;
    m_enter_sp(env);
    env->exclusive_addr = ~0ull;
    env->event_register = true;
    if (!m_pop_frame(env, excret)) {
        take(env, excret, true, false);
        return;
    }
    arm_m_state_changed(env);
    if (UNLIKELY(log_enabled(LOG_INT)))
        log_printf(LOG_INT, "...successful exception return to PC 0x%" PRIx64 "\n", env->pc);
    arm_m_check_interrupts(env);
    sleep_on_exit(env);
}

/* Back from Non-secure code that Secure code called. */
static void function_return(ARMCPU *env)
{
    MContext c = { true, m_handler(env) || !(env->v7m.control[1] & CONTROL_NPRIV), env->v7m.negative >> 1 & 1 };
    bool process = !m_handler(env) && env->v7m.control[1] & CONTROL_SPSEL;
    uint32_t sp = m_sp(env, true, process), frame[2], fault_address = 0;
    MFault f = arm_m_load_words(env, sp, frame, 2, &c, &fault_address);

    if (f != MFAULT_NONE) {
        env->pc &= ~1ull;
        m_pend_access_fault(env, f, fault_address, &c, M_FOR_UNSTACK);
        enter(env);
        return;
    }
    uint32_t exception = frame[1] & XPSR_EXCP;
    if ((m_handler(env) && env->v7m.exception != exception && !(env->v7m.exception == 1 && exception)) || (!m_handler(env) && exception)) {
        if (pend_usage(env, CFSR_INVPC, true))
            enter(env);
        return;
    }
    m_leave_sp(env);
    env->v7m.secure = 1;
    m_enter_sp(env);
    m_set_sp(env, true, process, sp + 8);
    env->v7m.exception = exception;
    env->v7m.control[1] = (env->v7m.control[1] & ~(uint32_t)CONTROL_SFPA) | (frame[1] & XPSR_SFPA ? CONTROL_SFPA : 0);
    env->condexec = 0;
    env->thumb = frame[0] & 1;
    env->pc = frame[0] & ~1u;
    arm_m_state_changed(env);
}

void helper_m_return(CPUState *cpu, uint32_t target)
{
    ARMCPU *env = arm_cpu(cpu);

    machine_lock();
    if (target >= EXCRET_MIN && m_handler(env)) {
        if (UNLIKELY(log_enabled(LOG_INT)))
            log_printf(LOG_INT, "Exception return: magic PC 0x%08x previous exception %u\n", target, env->v7m.exception);
        env->pc = target & ~1u;
        do_return(env, target);
    } else if ((target & ~1u) == FNC_RETURN && m_security(env) && !env->v7m.secure) {
        function_return(env);
    } else {
        env->pc = target & ~1u;
        env->thumb = target & 1;
    }
    machine_unlock();
}

/* ---- Reset and start ---- */

void arm_m_configure(ARMCPU *env, const ARMMConfig *cfg)
{
    env->m_config = *cfg;
    env->start_powered_off = cfg->start_powered_off;
    arm_cpu_reset(&env->parent);
}

void arm_m_reset(ARMCPU *env)
{
    struct ARMv7M *m = &env->v7m;
    bool main_profile = arm_feature(env, ARM_FEATURE_M_MAIN), v8 = arm_feature(env, ARM_FEATURE_M_V8);

    memset(m, 0, sizeof(*m));
    m->secure = m_security(env);
    for (unsigned s = 0; s < 2; s++) {
        m->vecbase[s] = env->m_config.vtor[m_security(env) ? s : !s] & ~0x7fu;
        m->ccr[s] = !main_profile ? CCR_STKALIGN | CCR_UNALIGN_TRP : CCR_STKALIGN | (v8 ? CCR_NONBASETHRDENA : 0);
        if (arm_feature(env, ARM_FEATURE_VFP2))
            m->fpccr[s] = FPCCR_ASPEN | FPCCR_LSPEN;
    }
    if (m_security(env)) {
        m->fpccr[1] |= FPCCR_S;
        m->fpccr[0] = FPCCR_ASPEN;
    }
    env->x[14] = 0xffffffff;
    env->thumb = 1;
}

void arm_m_start(ARMCPU *env)
{
    uint32_t table = env->v7m.vecbase[env->v7m.secure];
    MemTxResult r1, r2;
    uint32_t sp = (uint32_t)address_space_ld(address_space_memory, table, 4, &r1);
    uint32_t pc = (uint32_t)address_space_ld(address_space_memory, table + 4, 4, &r2);

    env->x[13] = sp & ~3u;
    env->pc = pc & ~1u;
    env->thumb = pc & 1;
    arm_m_state_changed(env);
}

/* A loaded image may hold anything. */
void arm_m_post_load(ARMCPU *env)
{
    struct ARMv7M *m = &env->v7m;

    m->exception &= XPSR_EXCP;
    m->secure = m->secure && m_security(env);
    m->negative &= 3;
    m->locked_up = !!m->locked_up;
    for (unsigned s = 0; s < 2; s++) {
        m->prigroup[s] &= 7;
        m->basepri[s] &= 0xff;
        m->primask[s] &= 1;
        m->faultmask[s] &= 1;
    }
}
