/* SPDX-License-Identifier: MIT */
/*
 * Generic timers: counters and the five timers of a core, with their registers. Arm ARM DDI 0487 D11, G6. The counter runs on
 * CLOCK_VIRTUAL from zero. Left out: event streams, the memory-mapped view, ECV beyond CNTPOFF.
 */
#include "sysreg.h"
#include "util/main-loop.h"

enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4 };

static uint64_t ns_to_count(const ARMCPU *env, uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * env->cntfrq_hz / NS_PER_SEC);
}

uint64_t arm_cntpct(const ARMCPU *env)
{
    return ns_to_count(env, (uint64_t)clock_ns(CLOCK_VIRTUAL));
}

static uint64_t offset_of(const ARMCPU *env, unsigned t)
{
    return t == GT_VIRT ? env->cntvoff : 0;
}

/* now: arm_cntpct(). */
static bool condition_met(const ARMCPU *env, unsigned t, uint64_t now)
{
    return now - offset_of(env, t) >= env->gt[t].cval;
}

/*
 * A core's timers are programmed by its vCPU, mostly without the machine lock, and expire in the main loop. gt_lock
 * protects registers, levels and deadlines; levels change only with the machine lock held too, as the
 * interrupt controller wants it. Order: machine lock, gt_lock.
 * Level and deadline are found for one and the same time: what comes due in between would be lost.
 */
static bool wanted_level(const ARMCPU *env, unsigned t, uint64_t now)
{
    return (env->gt[t].ctl & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE && condition_met(env, t, now);
}

/* Sets the deadline. gt_lock. */
static void schedule(ARMCPU *env, unsigned t, uint64_t now)
{
    ARMTimerState *g = &env->gt[t];

    if (!g->timer)
        return;
    if (!(g->ctl & CTL_ENABLE) || condition_met(env, t, now)) {
        timer_del(g->timer);
        return;
    }
    unsigned __int128 when = g->cval + (unsigned __int128)offset_of(env, t);
    when = (when * NS_PER_SEC + env->cntfrq_hz - 1) / env->cntfrq_hz;
    if (when < INT64_MAX / 2)
        timer_mod(g->timer, (int64_t)when);
    else
        timer_del(g->timer);
}

/* Brings line and deadline up to date. Machine lock. */
static void update(ARMCPU *env, unsigned t)
{
    ARMTimerState *g = &env->gt[t];

    pthread_mutex_lock(&env->gt_lock);
    uint64_t now = arm_cntpct(env);
    bool level = wanted_level(env, t, now), changed = level != g->level;
    g->level = level;
    schedule(env, t, now);
    pthread_mutex_unlock(&env->gt_lock);
    if (changed)
        irq_set(&env->gt_out[t], level);
}

static void fire_phys(void *opaque) { update(opaque, GT_PHYS); }
static void fire_virt(void *opaque) { update(opaque, GT_VIRT); }
static void fire_hyp(void *opaque) { update(opaque, GT_HYP); }
static void fire_sec(void *opaque) { update(opaque, GT_SEC); }
static void fire_hypvirt(void *opaque) { update(opaque, GT_HYPVIRT); }

void arm_timers_init(ARMCPU *env)
{
    static TimerFunc *const fire[GT_TIMERS] = { fire_phys, fire_virt, fire_hyp, fire_sec, fire_hypvirt };

    pthread_mutex_init(&env->gt_lock, NULL);
    for (unsigned t = 0; t < GT_TIMERS && arm_feature(env, ARM_FEATURE_GENERIC_TIMER); t++)
        env->gt[t].timer = timer_new(CLOCK_VIRTUAL, fire[t], env);
}

void arm_timers_reset(ARMCPU *env)
{
    for (unsigned t = 0; t < GT_TIMERS; t++) {
        pthread_mutex_lock(&env->gt_lock);
        env->gt[t].ctl = env->gt[t].cval = 0;
        pthread_mutex_unlock(&env->gt_lock);
        update(env, t);
    }
}

/* Registers were loaded: deadlines follow them. A line that is not as they say is set when its timer fires, at once. */
void arm_timers_loaded(ARMCPU *env)
{
    for (unsigned t = 0; t < GT_TIMERS; t++) {
        pthread_mutex_lock(&env->gt_lock);
        uint64_t now = arm_cntpct(env);
        schedule(env, t, now);
        if (env->gt[t].timer && wanted_level(env, t, now) != env->gt[t].level)
            timer_mod(env->gt[t].timer, clock_ns(CLOCK_VIRTUAL));
        pthread_mutex_unlock(&env->gt_lock);
    }
}

/* ---- Registers; .value is the timer ---- */

/* The vCPU changes a register of its timer. The machine lock is taken only when the line changes. */
static void write_timer(ARMCPU *env, unsigned t, uint64_t *reg, uint64_t value)
{
    bool held = machine_lock_held();

    pthread_mutex_lock(&env->gt_lock);
    *reg = value;
    uint64_t now = arm_cntpct(env);
    bool changed = wanted_level(env, t, now) != env->gt[t].level;
    if (!changed)
        schedule(env, t, now);
    pthread_mutex_unlock(&env->gt_lock);
    if (!changed)
        return;
    if (!held)
        machine_lock();
    update(env, t);
    if (!held)
        machine_unlock();
}

/* As a guest reads it: timers that are overdue run first. */
static uint64_t read_count(ARMCPU *env)
{
    return ns_to_count(env, (uint64_t)cpu_clock_ns(&env->parent));
}

static uint64_t read_cntpct(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return read_count(env);
}

static uint64_t read_cntvct(ARMCPU *env, const ARMSysReg *r)
{
    bool host = arm_hcr(env) & HCR_E2H && (arm_current_el(env) == 2 || (arm_current_el(env) == 0 && arm_hcr(env) & HCR_TGE));

    (void)r;
    return read_count(env) - (host ? 0 : env->cntvoff);
}

static uint64_t read_ctl(ARMCPU *env, const ARMSysReg *r)
{
    uint64_t ctl = env->gt[r->value].ctl;

    return ctl & CTL_ENABLE && condition_met(env, (unsigned)r->value, arm_cntpct(env)) ? ctl | CTL_ISTATUS : ctl;
}

static void write_ctl(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    write_timer(env, (unsigned)r->value, &env->gt[r->value].ctl, value & (CTL_ENABLE | CTL_IMASK));
}

static uint64_t read_cval(ARMCPU *env, const ARMSysReg *r)
{
    return env->gt[r->value].cval;
}

static void write_cval(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    write_timer(env, (unsigned)r->value, &env->gt[r->value].cval, value);
}

static uint64_t read_tval(ARMCPU *env, const ARMSysReg *r)
{
    return (uint32_t)(env->gt[r->value].cval - (arm_cntpct(env) - offset_of(env, (unsigned)r->value)));
}

static void write_tval(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    unsigned t = (unsigned)r->value;
    uint64_t now = arm_cntpct(env) - offset_of(env, t);

    write_timer(env, t, &env->gt[t].cval, now + (uint64_t)(int64_t)(int32_t)value);
}

static void write_cntvoff(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    write_timer(env, GT_VIRT, &env->cntvoff, value);
}

/* ---- Who may ---- */

static ARMAccess trap_el0(const ARMCPU *env)
{
    return arm_hcr(env) & HCR_TGE ? ACCESS_TRAP_EL2 : ACCESS_TRAP_EL1;
}

static uint64_t el0_control(const ARMCPU *env)
{
    bool host = (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
    return host ? env->cnthctl : env->cntkctl;
}

static bool el2_traps(const ARMCPU *env, unsigned bit, unsigned e2h_bit)
{
    if (arm_current_el(env) > 1 || !arm_feature(env, ARM_FEATURE_EL2) || arm_is_secure_below_el3(env))
        return false;
    uint64_t hcr = arm_hcr(env);
    if ((hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE))
        return false;
    return !(env->cnthctl >> (hcr & HCR_E2H ? e2h_bit : bit) & 1);
}

static ARMAccess check_freq(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r;
    if (write)
        return arm_feature(env, ARM_FEATURE_EL3) ? (arm_current_el(env) == 3 ? ACCESS_OK : ACCESS_UNDEF)
               : arm_feature(env, ARM_FEATURE_EL2) && arm_current_el(env) < 2 ? ACCESS_UNDEF : ACCESS_OK;
    return arm_current_el(env) == 0 && !(el0_control(env) & 3) ? trap_el0(env) : ACCESS_OK;
}

static ARMAccess check_pct(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    if (arm_current_el(env) == 0 && !(el0_control(env) & 1))
        return trap_el0(env);
    return el2_traps(env, 0, 10) ? ACCESS_TRAP_EL2 : ACCESS_OK;
}

static ARMAccess check_vct(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return arm_current_el(env) == 0 && !(el0_control(env) & 2) ? trap_el0(env) : ACCESS_OK;
}

static ARMAccess check_ptimer(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    if (arm_current_el(env) == 0 && !(el0_control(env) >> 9 & 1))
        return trap_el0(env);
    return el2_traps(env, 1, 11) ? ACCESS_TRAP_EL2 : ACCESS_OK;
}

static ARMAccess check_vtimer(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return arm_current_el(env) == 0 && !(el0_control(env) >> 8 & 1) ? trap_el0(env) : ACCESS_OK;
}

static ARMAccess check_sec(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    if (arm_current_el(env) == 3)
        return ACCESS_OK;
    if (!arm_is_secure(env))
        return ACCESS_UNDEF;
    return env->scr_el3 & SCR_ST ? ACCESS_OK : ACCESS_TRAP_EL3;
}

#define TIMER64(name_, op1, crm, timer, perm_, check, ...)                                                                     \
    { .name = name_ "_TVAL", .key = A64_SYSREG(3, op1, 14, crm, 0), .perm = perm_, .flags = SR_CONTINUE, .value = timer,        \
      .access = check, .read = read_tval, .write = write_tval, __VA_ARGS__ },                                                  \
    { .name = name_ "_CTL", .key = A64_SYSREG(3, op1, 14, crm, 1), .perm = perm_, .flags = SR_CONTINUE, .value = timer,         \
      .access = check, .read = read_ctl, .write = write_ctl, __VA_ARGS__ },                                                    \
    { .name = name_ "_CVAL", .key = A64_SYSREG(3, op1, 14, crm, 2), .perm = perm_, .flags = SR_CONTINUE, .value = timer,        \
      .access = check, .read = read_cval, .write = write_cval, __VA_ARGS__ }
#define TIMER32(name_, opc1, crm, cvalopc, timer, perm_, check)                                                                \
    { .name = name_ "_TVAL", .key = A32_CP(15, opc1, 14, crm, 0), .perm = perm_, .flags = SR_CONTINUE, .value = timer,          \
      .access = check, .read = read_tval, .write = write_tval, NEED(GENERIC_TIMER) },                                          \
    { .name = name_ "_CTL", .key = A32_CP(15, opc1, 14, crm, 1), .perm = perm_, .flags = SR_CONTINUE, .value = timer,           \
      .access = check, .read = read_ctl, .write = write_ctl, NEED(GENERIC_TIMER) },                                            \
    { .name = name_ "_CVAL", .key = A32_CP64(15, cvalopc, 14), .perm = perm_, .flags = SR_CONTINUE, .value = timer,             \
      .access = check, .read = read_cval, .write = write_cval, NEED(GENERIC_TIMER) }

const ARMSysReg arm_sysregs_timer[] = {
    { .name = "CNTFRQ_EL0", .key = A64_SYSREG(3, 3, 14, 0, 0), .perm = P0_R_P1_W, .offset = ARM_OFFSET(cntfrq), .flags = SR_RAW,
      .access = check_freq },
    { .name = "CNTPCT_EL0", .key = A64_SYSREG(3, 3, 14, 0, 1), .perm = P0_R, .access = check_pct, .read = read_cntpct },
    { .name = "CNTVCT_EL0", .key = A64_SYSREG(3, 3, 14, 0, 2), .perm = P0_R, .access = check_vct, .read = read_cntvct },
    { .name = "CNTPCTSS_EL0", .key = A64_SYSREG(3, 3, 14, 0, 5), .perm = P0_R, .access = check_pct, .read = read_cntpct, NEED(ECV) },
    { .name = "CNTVCTSS_EL0", .key = A64_SYSREG(3, 3, 14, 0, 6), .perm = P0_R, .access = check_vct, .read = read_cntvct, NEED(ECV) },
    { .name = "CNTKCTL_EL1", .key = A64_SYSREG(3, 0, 14, 1, 0), .perm = P1_RW, .offset = ARM_OFFSET(cntkctl), .flags = SR_RAW },
    { .name = "CNTHCTL_EL2", .key = A64_SYSREG(3, 4, 14, 1, 0), .perm = P2_RW, .offset = ARM_OFFSET(cnthctl), .flags = SR_RAW, NEED(EL2) },
    { .name = "CNTVOFF_EL2", .key = A64_SYSREG(3, 4, 14, 0, 3), .perm = P2_RW, .offset = ARM_OFFSET(cntvoff), .flags = SR_CONTINUE,
      .write = write_cntvoff, NEED(EL2) },
    TIMER64("CNTP", 3, 2, GT_PHYS, P0_RW, check_ptimer, NEED(GENERIC_TIMER)),
    TIMER64("CNTV", 3, 3, GT_VIRT, P0_RW, check_vtimer, NEED(GENERIC_TIMER)),
    TIMER64("CNTHP", 4, 2, GT_HYP, P2_RW, NULL, NEED(EL2)),
    TIMER64("CNTHV", 4, 3, GT_HYPVIRT, P2_RW, NULL, NEED(VHE)),
    TIMER64("CNTPS", 7, 2, GT_SEC, P1_RW, check_sec, NEED(EL3)),
    { .name = "CNTFRQ", .key = A32_CP(15, 0, 14, 0, 0), .perm = P0_R_P1_W, .offset = ARM_OFFSET(cntfrq), .flags = SR_RAW | SR_32,
      .access = check_freq, NEED(GENERIC_TIMER) },
    { .name = "CNTPCT", .key = A32_CP64(15, 0, 14), .perm = P0_R, .access = check_pct, .read = read_cntpct, NEED(GENERIC_TIMER) },
    { .name = "CNTVCT", .key = A32_CP64(15, 1, 14), .perm = P0_R, .access = check_vct, .read = read_cntvct, NEED(GENERIC_TIMER) },
    { .name = "CNTKCTL", .key = A32_CP(15, 0, 14, 1, 0), .perm = P1_RW, .offset = ARM_OFFSET(cntkctl), .flags = SR_RAW | SR_32,
      NEED(GENERIC_TIMER) },
    { .name = "CNTHCTL", .key = A32_CP(15, 4, 14, 1, 0), .perm = P2_RW, .offset = ARM_OFFSET(cnthctl), .flags = SR_RAW | SR_32, NEED(EL2) },
    { .name = "CNTVOFF", .key = A32_CP64(15, 4, 14), .perm = P2_RW, .offset = ARM_OFFSET(cntvoff), .flags = SR_CONTINUE,
      .write = write_cntvoff, NEED(EL2) },
    TIMER32("CNTP", 0, 2, 2, GT_PHYS, P0_RW, check_ptimer),
    TIMER32("CNTV", 0, 3, 3, GT_VIRT, P0_RW, check_vtimer),
    TIMER32("CNTHP", 4, 2, 6, GT_HYP, P2_RW, NULL),
    { .name = NULL },
};
