/* SPDX-License-Identifier: MIT */
/*
 * Performance monitors: the cycle counter (one per nanosecond of virtual time) and the registers around it. Arm ARM DDI 0487 D13. Event
 * counters are there as registers but count nothing; there is no overflow interrupt.
 */
#include "sysreg.h"

enum { PMCR_E = 1, PMCR_P = 2, PMCR_C = 4, PMCR_D = 8, PMCR_LC = 64 };

static bool counting(const ARMCPU *env)
{
    return env->pmcr & PMCR_E && env->pmcnten >> 31;
}

/* Makes pmccntr exact now. */
static void sync_cycles(ARMCPU *env)
{
    uint64_t now = (uint64_t)clock_ns(CLOCK_VIRTUAL);

    if (counting(env))
        env->pmccntr += env->pmcr & PMCR_D && !(env->pmcr & PMCR_LC) ? (now - env->pmcc_start) / 64 : now - env->pmcc_start;
    env->pmcc_start = now;
}

static uint64_t read_cycles(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    sync_cycles(env);
    return env->pmccntr;
}

static void write_cycles(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    sync_cycles(env);
    env->pmccntr = r->flags & SR_32 ? (env->pmccntr & ~0xffffffffull) | (uint32_t)value : value;
}

static void write_pmcr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    sync_cycles(env);
    if (value & PMCR_C)
        env->pmccntr = 0;
    env->pmcr = (env->pmcr & ~0x79ull) | (value & 0x79);
}

/* .value: 1 set, 0 clear */
static void write_enable(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    value &= 1u << 31;
    sync_cycles(env);
    env->pmcnten = r->value ? env->pmcnten | value : env->pmcnten & ~value;
}

static void write_inten(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    value &= 1u << 31;
    env->pminten = r->value ? env->pminten | value : env->pminten & ~value;
}

static void write_ovs(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    value &= 1u << 31;
    env->pmovs = r->value ? env->pmovs | value : env->pmovs & ~value;
}

static void write_nothing(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)env, (void)r, (void)value;
}

static uint64_t read_type(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return env->pmselr == 31 ? env->pmccfiltr : 0;
}

static void write_type(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    if (env->pmselr == 31)
        env->pmccfiltr = value & 0xfc000000;
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

#define F(field) .offset = ARM_OFFSET(field)
#define PMU(name_, op1, crm, op2, perm_, ...)                                                                                  \
    { .name = name_ "_EL0", .key = A64_SYSREG(3, op1, 9, crm, op2), .perm = perm_, NEED(PMU), .flags = SR_CONTINUE,           \
      .access = access_user, __VA_ARGS__ },                                                                                    \
    { .name = name_, .key = A32_CP(15, 0, 9, crm, op2), .perm = perm_, NEED(PMU), .flags = SR_CONTINUE, .access = access_user, \
      __VA_ARGS__ }

const ARMSysReg arm_sysregs_pmu[] = {
    PMU("PMCR", 3, 12, 0, P0_RW, F(pmcr), .write = write_pmcr),
    PMU("PMCNTENSET", 3, 12, 1, P0_RW, F(pmcnten), .value = 1, .write = write_enable),
    PMU("PMCNTENCLR", 3, 12, 2, P0_RW, F(pmcnten), .write = write_enable),
    PMU("PMOVSCLR", 3, 12, 3, P0_RW, F(pmovs), .write = write_ovs),
    PMU("PMSWINC", 3, 12, 4, P0_W, .write = write_nothing),
    PMU("PMSELR", 3, 12, 5, P0_RW, F(pmselr)),
    { .name = "PMCEID0_EL0", .key = A64_SYSREG(3, 3, 9, 12, 6), .perm = P0_R, .flags = SR_CONST, .value = 1u << 17, NEED(PMU) },
    { .name = "PMCEID1_EL0", .key = A64_SYSREG(3, 3, 9, 12, 7), .perm = P0_R, .flags = SR_CONST, NEED(PMU) },
    { .name = "PMCEID0", .key = A32_CP(15, 0, 9, 12, 6), .perm = P0_R, .flags = SR_CONST, .value = 1u << 17, NEED(PMU) },
    { .name = "PMCEID1", .key = A32_CP(15, 0, 9, 12, 7), .perm = P0_R, .flags = SR_CONST, NEED(PMU) },
    PMU("PMCCNTR", 3, 13, 0, P0_RW, .read = read_cycles, .write = write_cycles),
    PMU("PMXEVTYPER", 3, 13, 1, P0_RW, .read = read_type, .write = write_type),
    PMU("PMXEVCNTR", 3, 13, 2, P0_RW, .write = write_nothing),
    PMU("PMUSERENR", 3, 14, 0, P0_R_P1_W, F(pmuserenr)),
    PMU("PMINTENSET", 0, 14, 1, P1_RW, F(pminten), .value = 1, .write = write_inten),
    PMU("PMINTENCLR", 0, 14, 2, P1_RW, F(pminten), .write = write_inten),
    PMU("PMOVSSET", 3, 14, 3, P0_RW, F(pmovs), .value = 1, .write = write_ovs),
    { .name = "PMMIR_EL1", .key = A64_SYSREG(3, 0, 9, 14, 6), .perm = P1_R, .flags = SR_CONST, NEED(PMU) },
    { .name = "PMCCFILTR_EL0", .key = A64_SYSREG(3, 3, 14, 15, 7), .perm = P0_RW, .flags = SR_CONTINUE, F(pmccfiltr), .access = access_user, NEED(PMU) },
    { .name = "PMCCNTR", .key = A32_CP64(15, 0, 9), .perm = P0_RW, .flags = SR_CONTINUE, .access = access_user, .read = read_cycles,
      .write = write_cycles, NEED(PMU) },
    { .name = NULL },
};
