/* SPDX-License-Identifier: MIT */
/*
 * Performance monitors (PMUv3): the cycle counter (one per nanosecond of virtual time) and event counters. Arm ARM DDI 0487 D13.
 * Events: software increments, cycles, with -icount the instructions executed, and the carry of the counter below (CHAIN). Counters
 * are brought up to date when someone looks and, when a counter has a filter, where the exception level changes; a timer is set for the
 * next overflow. All of it happens on the vCPU's thread; pmu_level also needs the machine lock.
 * Left out: counting of anything that the hardware's structure would show (caches, branches), filters by Security state at EL3.
 */
#include "sysreg.h"
#include "exec/icount.h"
#include "util/main-loop.h"

enum { PMCR_E = 1, PMCR_P = 2, PMCR_C = 4, PMCR_D = 8, PMCR_LC = 64, PMCR_WRITABLE = PMCR_D | PMCR_LC | PMCR_E | 0x30 };
enum { EVENT_SW_INCR = 0x00, EVENT_INSTRUCTIONS = 0x08, EVENT_CYCLES = 0x11, EVENT_CHAIN = 0x1e };
enum { FILTER_P = 1u << 31, FILTER_U = 1 << 30, FILTER_NSK = 1 << 29, FILTER_NSU = 1 << 28, FILTER_NSH = 1 << 27, FILTER_M = 1 << 26 };
enum { CYCLES = 31, DIVIDED = 64 };
#define FILTERS (FILTER_P | FILTER_U | FILTER_NSK | FILTER_NSU | FILTER_NSH | FILTER_M)

/* ---- Counters: 0 to counters() - 1, and CYCLES ---- */

static unsigned counters(const ARMCPU *env)
{
    unsigned part = env->midr >> 4 & 0xfff;
    return part == 0xc07 || part == 0xc08 ? 4 : 6;
}

/* The first of those that MDCR_EL2.HPMN keeps for EL2. */
static unsigned reserved_from(const ARMCPU *env)
{
    unsigned hpmn = env->mdcr_el2 & 31;
    return arm_feature(env, ARM_FEATURE_EL2) && hpmn < counters(env) ? hpmn : counters(env);
}

/* Bits of the counters that the current EL can see. */
static uint32_t visible(const ARMCPU *env)
{
    return 1u << CYCLES | ((1u << (arm_current_el(env) < 2 && !arm_is_secure(env) ? reserved_from(env) : counters(env))) - 1);
}

static uint32_t filter(const ARMCPU *env, unsigned n)
{
    return (uint32_t)(n == CYCLES ? env->pmccfiltr : env->pmevtyper[n]);
}

static bool enabled(const ARMCPU *env, unsigned n)
{
    bool all = n == CYCLES || n < reserved_from(env) ? env->pmcr & PMCR_E : env->mdcr_el2 >> 7 & 1;
    return all && env->pmcnten >> n & 1;
}

static bool counts_here(const ARMCPU *env, unsigned n)
{
    uint32_t f = filter(env, n);
    bool nonsecure = arm_feature(env, ARM_FEATURE_EL3) && !arm_is_secure(env);

    switch (arm_current_el(env)) {
    case 0:
        return !(f & FILTER_U) != (nonsecure && f & FILTER_NSU);
    case 1:
        return !(f & FILTER_P) != (nonsecure && f & FILTER_NSK);
    case 2:
        return f & FILTER_NSH;
    default:
        return !(f & FILTER_P) != !!(f & FILTER_M);
    }
}

static unsigned event(const ARMCPU *env, unsigned n)
{
    return n == CYCLES ? EVENT_CYCLES : env->pmevtyper[n] & 0xffff;
}

/* Adds to a counter; an overflow is noted and goes to the counter above when that counts carries. */
static void count(ARMCPU *env, unsigned n, uint64_t events)
{
    if (n == CYCLES) {
        uint64_t old = env->pmccntr;
        env->pmccntr += events;
        if (env->pmcr & PMCR_LC ? env->pmccntr < old : (old ^ env->pmccntr) >> 32)
            env->pmovs |= 1u << CYCLES;
        return;
    }
    uint64_t sum = env->pmevcntr[n] + events;
    env->pmevcntr[n] = (uint32_t)sum;
    if (!(sum >> 32))
        return;
    env->pmovs |= 1u << n;
    if (!(n & 1) && n + 1 < counters(env) && event(env, n + 1) == EVENT_CHAIN && enabled(env, n + 1) && counts_here(env, n + 1))
        count(env, n + 1, sum >> 32);
}

/* Makes all counters exact now. */
static void sync(ARMCPU *env)
{
    uint64_t now = (uint64_t)clock_ns(CLOCK_VIRTUAL), insns = icount_enabled() ? icount_position() : 0;
    uint64_t cycles = now - env->pmcc_start, executed = insns - env->pminst_start;
    bool divided = (env->pmcr & (PMCR_D | PMCR_LC)) == PMCR_D;

    env->pminst_start = insns;
    env->pmcc_start = now;
    if (enabled(env, CYCLES) && counts_here(env, CYCLES)) {
        if (divided) { /* the rest waits */
            env->pmcc_start -= cycles % DIVIDED;
            count(env, CYCLES, cycles / DIVIDED);
            cycles -= cycles % DIVIDED;
        } else {
            count(env, CYCLES, cycles);
        }
    }
    for (unsigned n = 0; n < counters(env); n++) {
        if (!(env->pmcnten >> n & 1) || !enabled(env, n) || !counts_here(env, n))
            continue;
        if (event(env, n) == EVENT_CYCLES)
            count(env, n, cycles);
        else if (event(env, n) == EVENT_INSTRUCTIONS && icount_enabled())
            count(env, n, executed);
    }
}

/* ---- Overflow ---- */

static void update_line(ARMCPU *env)
{
    bool level = env->pmcr & PMCR_E && env->pmovs & env->pminten & (1u << CYCLES | ((1u << counters(env)) - 1));

    if (level == env->pmu_level)
        return;
    bool held = machine_lock_held();
    if (!held)
        machine_lock();
    env->pmu_level = level;
    irq_set(&env->pmu_out, level);
    if (!held)
        machine_unlock();
}

/* Sets the deadline of the next overflow that would interrupt, and says whether changes of the EL matter. */
static void schedule(ARMCPU *env)
{
    uint64_t soonest = UINT64_MAX;

    env->pmu_filtered = false;
    for (unsigned i = 0; i <= counters(env); i++) {
        unsigned n = i < counters(env) ? i : CYCLES;
        if (!(env->pmcnten >> n & 1) || !enabled(env, n))
            continue;
        env->pmu_filtered |= filter(env, n) & FILTERS || arm_feature(env, ARM_FEATURE_EL2);
        bool carries = !(n & 1) && n + 1 < counters(env) && event(env, n + 1) == EVENT_CHAIN;
        if (event(env, n) != EVENT_CYCLES || !counts_here(env, n) || !(env->pminten >> n & 1 || carries))
            continue;
        bool wide = n == CYCLES && env->pmcr & PMCR_LC;
        uint64_t left = wide ? 0 - env->pmccntr : (1ull << 32) - (uint32_t)(n == CYCLES ? env->pmccntr : env->pmevcntr[n]);
        if (n == CYCLES && (env->pmcr & (PMCR_D | PMCR_LC)) == PMCR_D)
            left *= DIVIDED;
        if (left && left < soonest)
            soonest = left;
    }
    if (!env->pmu_timer)
        return;
    if (soonest < INT64_MAX / 2)
        timer_mod(env->pmu_timer, (int64_t)(env->pmcc_start + soonest));
    else
        timer_del(env->pmu_timer);
}

/* After any change: counters are exact, the line and the next deadline are right. */
static void settle(ARMCPU *env)
{
    update_line(env);
    schedule(env);
}

static void overflow_work(CPUState *cpu, void *opaque)
{
    ARMCPU *env = arm_cpu(cpu);

    (void)opaque;
    sync(env);
    settle(env);
}

/* Main loop: the counters are the vCPU's. */
static void overflow_due(void *opaque)
{
    cpu_run_on_async(opaque, overflow_work, NULL);
}

void arm_pmu_before_el_change(ARMCPU *env)
{
    sync(env);
}

void arm_pmu_after_el_change(ARMCPU *env)
{
    settle(env);
}

void arm_pmu_init(ARMCPU *env)
{
    if (arm_feature(env, ARM_FEATURE_PMU))
        env->pmu_timer = timer_new(CLOCK_VIRTUAL, overflow_due, &env->parent);
}

void arm_pmu_reset(ARMCPU *env)
{
    if (!arm_feature(env, ARM_FEATURE_PMU))
        return;
    env->pmcr |= counters(env) << 11;
    env->mdcr_el2 = arm_feature(env, ARM_FEATURE_EL2) ? counters(env) : 0;
    if (env->pmu_timer)
        settle(env);
}

/* ---- Registers ---- */

static uint64_t read_pmcr(ARMCPU *env, const ARMSysReg *r)
{
    unsigned n = (unsigned)__builtin_popcount(visible(env)) - 1;

    (void)r;
    return (env->pmcr & ~(31ull << 11)) | n << 11;
}

static void write_pmcr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    sync(env);
    if (value & PMCR_C)
        env->pmccntr = 0;
    for (unsigned n = 0; value & PMCR_P && n < counters(env); n++)
        if (visible(env) >> n & 1)
            env->pmevcntr[n] = 0;
    env->pmcr = (env->pmcr & ~(uint64_t)PMCR_WRITABLE) | (value & PMCR_WRITABLE);
    settle(env);
}

/* Sets and clears bits of visible counters: .value: 1 set, 0 clear */
static void write_bits(ARMCPU *env, const ARMSysReg *r, uint64_t *field, uint64_t value)
{
    value &= visible(env);
    sync(env);
    *field = r->value ? *field | value : *field & ~value;
    settle(env);
}

static void write_enable(ARMCPU *env, const ARMSysReg *r, uint64_t value) { write_bits(env, r, &env->pmcnten, value); }
static void write_inten(ARMCPU *env, const ARMSysReg *r, uint64_t value) { write_bits(env, r, &env->pminten, value); }
static void write_ovs(ARMCPU *env, const ARMSysReg *r, uint64_t value) { write_bits(env, r, &env->pmovs, value); }
static uint64_t read_enable(ARMCPU *env, const ARMSysReg *r) { (void)r; return env->pmcnten & visible(env); }
static uint64_t read_inten(ARMCPU *env, const ARMSysReg *r) { (void)r; return env->pminten & visible(env); }

static uint64_t read_ovs(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    sync(env);
    settle(env);
    return env->pmovs & visible(env);
}

static void write_swinc(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    sync(env);
    for (unsigned n = 0; n < counters(env); n++)
        if (value & visible(env) & 1u << n && event(env, n) == EVENT_SW_INCR && enabled(env, n) && counts_here(env, n))
            count(env, n, 1);
    settle(env);
}

static uint64_t read_cycles(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    sync(env);
    return env->pmccntr;
}

static void write_cycles(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    sync(env);
    env->pmccntr = r->flags & SR_32 ? (env->pmccntr & ~0xffffffffull) | (uint32_t)value : value;
    settle(env);
}

/* Types and counters by number; a counter that is not there for this EL reads as zero. */
static bool there(const ARMCPU *env, unsigned n)
{
    return n != CYCLES && visible(env) >> n & 1;
}

static uint64_t type_of(const ARMCPU *env, unsigned n)
{
    return n == CYCLES ? env->pmccfiltr : there(env, n) ? env->pmevtyper[n] : 0;
}

static void set_type(ARMCPU *env, unsigned n, uint64_t value)
{
    sync(env);
    if (n == CYCLES)
        env->pmccfiltr = value & FILTERS;
    else if (there(env, n))
        env->pmevtyper[n] = value & (FILTERS | 0xffff);
    settle(env);
}

static uint64_t counter_of(ARMCPU *env, unsigned n)
{
    sync(env);
    return there(env, n) ? env->pmevcntr[n] : 0;
}

static void set_counter(ARMCPU *env, unsigned n, uint64_t value)
{
    sync(env);
    if (there(env, n))
        env->pmevcntr[n] = (uint32_t)value;
    settle(env);
}

static uint64_t read_type(ARMCPU *env, const ARMSysReg *r) { (void)r; return type_of(env, env->pmselr & 31); }
static void write_type(ARMCPU *env, const ARMSysReg *r, uint64_t v) { (void)r; set_type(env, env->pmselr & 31, v); }
static uint64_t read_counter(ARMCPU *env, const ARMSysReg *r) { (void)r; return counter_of(env, env->pmselr & 31); }
static void write_counter(ARMCPU *env, const ARMSysReg *r, uint64_t v) { (void)r; set_counter(env, env->pmselr & 31, v); }
static uint64_t read_type_n(ARMCPU *env, const ARMSysReg *r) { return type_of(env, (unsigned)r->value); }
static void write_type_n(ARMCPU *env, const ARMSysReg *r, uint64_t v) { set_type(env, (unsigned)r->value, v); }
static uint64_t read_counter_n(ARMCPU *env, const ARMSysReg *r) { return counter_of(env, (unsigned)r->value); }
static void write_counter_n(ARMCPU *env, const ARMSysReg *r, uint64_t v) { set_counter(env, (unsigned)r->value, v); }

static uint64_t read_events(ARMCPU *env, const ARMSysReg *r)
{
    (void)env, (void)r;
    return 1u << EVENT_SW_INCR | 1u << EVENT_CYCLES | 1u << EVENT_CHAIN | (icount_enabled() ? 1u << EVENT_INSTRUCTIONS : 0);
}

/* .value of the access column: which PMUSERENR bits allow EL0. */
static ARMAccess access_user(ARMCPU *env, const ARMSysReg *r, bool write)
{
    uint64_t bits = env->pmuserenr;

    (void)r;
    if (arm_current_el(env) == 0 && !(bits & 1) && (write || !(bits & 4)))
        return ACCESS_TRAP_EL1;
    if (arm_current_el(env) <= 1 && arm_hcr(env) && env->mdcr_el2 >> 6 & 1)
        return ACCESS_TRAP_EL2;
    return ACCESS_OK;
}

/* Those that EL2 keeps are not there below it. */
static ARMAccess access_counter(ARMCPU *env, const ARMSysReg *r, bool write)
{
    if (!there(env, (unsigned)r->value))
        return arm_current_el(env) < 2 && r->value < counters(env) && arm_feature(env, ARM_FEATURE_EL2) ? ACCESS_TRAP_EL2 : ACCESS_UNDEF;
    return access_user(env, r, write);
}

#define F(field) .offset = ARM_OFFSET(field)
#define PMU(name_, op1, crm, op2, perm_, ...)                                                                                  \
    { .name = name_ "_EL0", .key = A64_SYSREG(3, op1, 9, crm, op2), .perm = perm_, NEED(PMU), .flags = SR_CONTINUE,           \
      .access = access_user, __VA_ARGS__ },                                                                                    \
    { .name = name_, .key = A32_CP(15, 0, 9, crm, op2), .perm = perm_, NEED(PMU), .flags = SR_CONTINUE, .access = access_user, \
      __VA_ARGS__ }

/* Counter n and its type by registers of their own (PMUv3). */
#define BY_NUMBER(name_, key_, n, read_, write_)                                                                               \
    { .name = name_, .key = key_, .perm = P0_RW, .value = n, NEED(PMU), .flags = SR_CONTINUE, .access = access_counter, .read = read_, \
      .write = write_ }
#define EVENT(n)                                                                                                               \
    BY_NUMBER("PMEVCNTR" #n "_EL0", A64_SYSREG(3, 3, 14, 8, n), n, read_counter_n, write_counter_n),                           \
    BY_NUMBER("PMEVTYPER" #n "_EL0", A64_SYSREG(3, 3, 14, 12, n), n, read_type_n, write_type_n),                               \
    BY_NUMBER("PMEVCNTR" #n, A32_CP(15, 0, 14, 8, n), n, read_counter_n, write_counter_n),                                     \
    BY_NUMBER("PMEVTYPER" #n, A32_CP(15, 0, 14, 12, n), n, read_type_n, write_type_n)

const ARMSysReg arm_sysregs_pmu[] = {
    PMU("PMCR", 3, 12, 0, P0_RW, .read = read_pmcr, .write = write_pmcr),
    PMU("PMCNTENSET", 3, 12, 1, P0_RW, .read = read_enable, .value = 1, .write = write_enable),
    PMU("PMCNTENCLR", 3, 12, 2, P0_RW, .read = read_enable, .write = write_enable),
    PMU("PMOVSCLR", 3, 12, 3, P0_RW, .read = read_ovs, .write = write_ovs),
    PMU("PMSWINC", 3, 12, 4, P0_W, .write = write_swinc),
    PMU("PMSELR", 3, 12, 5, P0_RW, F(pmselr)),
    { .name = "PMCEID0_EL0", .key = A64_SYSREG(3, 3, 9, 12, 6), .perm = P0_R, .read = read_events, NEED(PMU) },
    { .name = "PMCEID1_EL0", .key = A64_SYSREG(3, 3, 9, 12, 7), .perm = P0_R, .flags = SR_CONST, NEED(PMU) },
    { .name = "PMCEID0", .key = A32_CP(15, 0, 9, 12, 6), .perm = P0_R, .read = read_events, NEED(PMU) },
    { .name = "PMCEID1", .key = A32_CP(15, 0, 9, 12, 7), .perm = P0_R, .flags = SR_CONST, NEED(PMU) },
    PMU("PMCCNTR", 3, 13, 0, P0_RW, .read = read_cycles, .write = write_cycles),
    PMU("PMXEVTYPER", 3, 13, 1, P0_RW, .read = read_type, .write = write_type),
    PMU("PMXEVCNTR", 3, 13, 2, P0_RW, .read = read_counter, .write = write_counter),
    PMU("PMUSERENR", 3, 14, 0, P0_R_P1_W, F(pmuserenr)),
    PMU("PMINTENSET", 0, 14, 1, P1_RW, .read = read_inten, .value = 1, .write = write_inten),
    PMU("PMINTENCLR", 0, 14, 2, P1_RW, .read = read_inten, .write = write_inten),
    PMU("PMOVSSET", 3, 14, 3, P0_RW, .read = read_ovs, .value = 1, .write = write_ovs),
    { .name = "PMMIR_EL1", .key = A64_SYSREG(3, 0, 9, 14, 6), .perm = P1_R, .flags = SR_CONST, NEED(PMU) },
    { .name = "PMCCFILTR_EL0", .key = A64_SYSREG(3, 3, 14, 15, 7), .perm = P0_RW, .flags = SR_CONTINUE, .value = CYCLES,
      .access = access_user, .read = read_type_n, .write = write_type_n, NEED(PMU) },
    { .name = "PMCCNTR", .key = A32_CP64(15, 0, 9), .perm = P0_RW, .flags = SR_CONTINUE, .access = access_user, .read = read_cycles,
      .write = write_cycles, NEED(PMU) },
    EVENT(0), EVENT(1), EVENT(2), EVENT(3), EVENT(4), EVENT(5),
    { .name = NULL },
};
