/* SPDX-License-Identifier: MIT */
/*
 * Self-hosted debug: breakpoint and watchpoint registers, OS lock, and the rest of the debug registers of both execution states. Arm ARM
 * DDI 0487 D2, G2, H9. Points may be linked to a context (ASID or VMID). Left out: breakpoints on a context alone, address mismatch,
 * external debug, the DCC.
 */
#include "mmu.h"
#include "sysreg.h"

static unsigned breakpoints(const ARMCPU *env)
{
    return (env->id_aa64dfr[0] >> 12 & 15) + 1;
}

static unsigned watchpoints(const ARMCPU *env)
{
    return (env->id_aa64dfr[0] >> 20 & 15) + 1;
}

/* Control registers of breakpoints: type, and the breakpoint linked to. */
enum { BT_ADDRESS = 0, BT_ADDRESS_LINKED = 1, BT_LINKED_CONTEXT = 3, BT_LINKED_VMID = 9, BT_LINKED_BOTH = 11 };

static unsigned break_type(uint64_t bcr)
{
    return bcr >> 20 & 15;
}

/* Whether breakpoint n, to which another point is linked, matches the context. One that is off or cannot be linked to never does. */
static bool context_matches(const ARMCPU *env, unsigned n)
{
    unsigned aware = (env->id_aa64dfr[0] >> 28 & 15) + 1, el = arm_current_el(env);
    bool host = arm_hcr(env) & HCR_E2H && (el == 2 || (el == 0 && arm_hcr(env) & HCR_TGE));

    if (n >= breakpoints(env) || n + aware < breakpoints(env) || !(env->dbgbcr[n] & 1))
        return false;
    unsigned type = break_type(env->dbgbcr[n]);
    bool guest = el < 2 && !arm_is_secure(env) && !host && arm_feature(env, ARM_FEATURE_EL2);
    bool context = (el < 2 || host) && (uint32_t)env->dbgbvr[n] == (uint32_t)env->contextidr_el[host ? 2 : arm_s_index(env)];
    bool vmid = guest && (env->dbgbvr[n] >> 32 & 0xffff) == env->vttbr_el2 >> 48;
    switch (type) {
    case BT_LINKED_CONTEXT:
        return context;
    case BT_LINKED_VMID:
        return vmid;
    case BT_LINKED_BOTH:
        return context && vmid;
    default:
        return false;
    }
}

static bool breaks_on_address(uint64_t bcr)
{
    return bcr & 1 && (break_type(bcr) == BT_ADDRESS || break_type(bcr) == BT_ADDRESS_LINKED);
}

static bool break_linked(const ARMCPU *env, uint64_t bcr)
{
    return break_type(bcr) == BT_ADDRESS || context_matches(env, bcr >> 16 & 15);
}

static bool watch_linked(const ARMCPU *env, uint64_t wcr)
{
    return !(wcr >> 20 & 1) || context_matches(env, wcr >> 16 & 15);
}

/* Bytes that a watchpoint covers; 0 when it covers none. */
static uint64_t watch_range(uint64_t wcr, uint64_t wvr, uint64_t *start)
{
    unsigned mask = wcr >> 24 & 31, bas = wcr >> 5 & 0xff;

    if (mask >= 3) {
        *start = wvr & ~0ull << mask;
        return 1ull << mask;
    }
    if (!bas)
        return 0;
    unsigned first = (unsigned)__builtin_ctz(bas), len = (unsigned)__builtin_ctz(~(bas >> first));
    *start = (wvr & ~7ull) + first;
    return len;
}

void arm_debug_update(ARMCPU *env)
{
    CPUState *cpu = &env->parent;
    bool on = env->mdscr_el1 >> 15 & 1 && !(env->oslsr & 2);

    if (!cpu->breakpoints && !cpu->watchpoints && !on)
        return;
    cpu_breakpoint_remove_all(cpu, BP_CPU);
    cpu_watchpoint_remove_all(cpu, BP_CPU);
    for (unsigned i = 0; on && i < breakpoints(env); i++) {
        if (breaks_on_address(env->dbgbcr[i]))
            cpu_breakpoint_insert(cpu, env->dbgbvr[i] & ~3ull, BP_CPU);
    }
    for (unsigned i = 0; on && i < watchpoints(env); i++) {
        uint64_t start, len = env->dbgwcr[i] & 1 ? watch_range(env->dbgwcr[i], env->dbgwvr[i], &start) : 0;
        if (len)
            cpu_watchpoint_insert(cpu, start, len, BP_CPU | (int)(env->dbgwcr[i] >> 3 & 3));
    }
}

/* Whether a point with this control register is for the current EL (PAC, HMC and SSC of the common combinations). */
static bool matches_el(const ARMCPU *env, uint64_t control)
{
    unsigned el = arm_current_el(env), pac = control >> 1 & 3;
    bool hmc = control >> 13 & 1;

    switch (el) {
    case 3:
    case 2:
        return hmc && pac != 2 && el == 2;
    case 1:
        return pac & 1;
    default:
        return pac & 2;
    }
}

/* Debug exceptions are possible here at all. */
static bool enabled_at(const ARMCPU *env)
{
    unsigned el = arm_current_el(env), target = arm_hcr(env) & HCR_TGE || env->mdcr_el2 >> 8 & 1 ? 2 : 1;

    if (el > target)
        return false;
    return el < target || (env->mdscr_el1 >> 13 & 1 && !(env->pstate & PSTATE_D)) || !arm_is_aa64(env);
}

/* TargetOps.debug_excp: a breakpoint or watchpoint of the guest's becomes its exception. */
void arm_debug_excp(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);
    struct Watchpoint *w = cpu->watchpoint_hit;

    if (w && w->flags & BP_CPU) {
        cpu->watchpoint_hit = NULL;
        for (unsigned i = 0; i < watchpoints(env); i++) {
            uint64_t start, len = env->dbgwcr[i] & 1 ? watch_range(env->dbgwcr[i], env->dbgwvr[i], &start) : 0;
            if (!len || w->hit_addr - start >= len || !matches_el(env, env->dbgwcr[i]) || !watch_linked(env, env->dbgwcr[i]) ||
                !enabled_at(env))
                continue;
            env->exception.vaddr = w->hit_addr;
            env->exception.fsr = 0x22 | (env->tcr_el[1] >> 31 & 1 ? 1u << 9 : 0);
            arm_raise(env, EXCP_DEBUG_WATCH, ARM_SYNDROME(EC_WATCH, 1, 0x22 | (w->flags & BP_HIT_WRITE ? 1 << 6 : 0)), 0, 0);
        }
        return;
    }
    if (cpu_breakpoint_at(cpu, env->pc, BP_GDB))
        return;
    for (unsigned i = 0; i < breakpoints(env); i++) {
        uint64_t bcr = env->dbgbcr[i];
        if (breaks_on_address(bcr) && (env->dbgbvr[i] & ~3ull) == (env->pc & ~3ull) && matches_el(env, bcr) && break_linked(env, bcr) &&
            enabled_at(env))
            arm_raise(env, EXCP_DEBUG_BREAK, ARM_SYNDROME(EC_BREAK, 1, 0x22), 0, 0);
    }
}

/* ---- Registers ---- */

static void write_point(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value);
    arm_debug_update(env);
}

static void write_mdscr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    env->mdscr_el1 = value;
    arm_debug_update(env);
    arm_rebuild_hflags(env);
}

static void write_oslar(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    bool lock = r->key >> 30 ? value == 0xc5acce55 : value & 1;

    env->oslsr = (env->oslsr & ~2ull) | (lock ? 2 : 0);
    arm_debug_update(env);
    arm_rebuild_hflags(env);
}

static void write_claim(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    env->dbgclaim = r->value ? env->dbgclaim | (value & 0xff) : env->dbgclaim & ~(value & 0xff);
}

static uint64_t read_claim(ARMCPU *env, const ARMSysReg *r)
{
    return r->value ? 0xff : env->dbgclaim;
}

static uint64_t read_didr(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return (uint64_t)(watchpoints(env) - 1) << 28 | (uint64_t)(breakpoints(env) - 1) << 24 | 1u << 20 |
           (arm_feature(env, ARM_FEATURE_V8) ? 6u : 5u) << 16 | (arm_feature(env, ARM_FEATURE_EL3) ? 1u << 12 | 1u << 14 : 0) | 1u << 15;
}

#define F(field) .offset = ARM_OFFSET(field)
#define POINT(n)                                                                                                               \
    { .name = "DBGBVR" #n "_EL1", .key = A64_SYSREG(2, 0, 0, n, 4), .perm = P1_RW, F(dbgbvr[n]), .write = write_point },        \
    { .name = "DBGBCR" #n "_EL1", .key = A64_SYSREG(2, 0, 0, n, 5), .perm = P1_RW, F(dbgbcr[n]), .write = write_point },        \
    { .name = "DBGWVR" #n "_EL1", .key = A64_SYSREG(2, 0, 0, n, 6), .perm = P1_RW, F(dbgwvr[n]), .write = write_point },        \
    { .name = "DBGWCR" #n "_EL1", .key = A64_SYSREG(2, 0, 0, n, 7), .perm = P1_RW, F(dbgwcr[n]), .write = write_point },        \
    { .name = "DBGBVR" #n, .key = A32_CP(14, 0, 0, n, 4), .perm = P1_RW, .flags = SR_32, F(dbgbvr[n]), .write = write_point },  \
    { .name = "DBGBCR" #n, .key = A32_CP(14, 0, 0, n, 5), .perm = P1_RW, .flags = SR_32, F(dbgbcr[n]), .write = write_point },  \
    { .name = "DBGWVR" #n, .key = A32_CP(14, 0, 0, n, 6), .perm = P1_RW, .flags = SR_32, F(dbgwvr[n]), .write = write_point },  \
    { .name = "DBGWCR" #n, .key = A32_CP(14, 0, 0, n, 7), .perm = P1_RW, .flags = SR_32, F(dbgwcr[n]), .write = write_point }
#define CONST_(name_, key_, perm_, v) { .name = name_, .key = key_, .perm = perm_, .flags = SR_CONST, .value = v }

const ARMSysReg arm_sysregs_debug[] = {
    POINT(0), POINT(1), POINT(2), POINT(3), POINT(4), POINT(5), POINT(6), POINT(7), POINT(8), POINT(9), POINT(10), POINT(11), POINT(12),
    POINT(13), POINT(14), POINT(15),
    { .name = "MDSCR_EL1", .key = A64_SYSREG(2, 0, 0, 2, 2), .perm = P1_RW, F(mdscr_el1), .write = write_mdscr },
    { .name = "OSLAR_EL1", .key = A64_SYSREG(2, 0, 1, 0, 4), .perm = P1_W, .write = write_oslar },
    { .name = "OSLSR_EL1", .key = A64_SYSREG(2, 0, 1, 1, 4), .perm = P1_R, F(oslsr) },
    { .name = "OSDLR_EL1", .key = A64_SYSREG(2, 0, 1, 3, 4), .perm = P1_RW, .flags = SR_RAW, F(osdlr) },
    { .name = "MDCCINT_EL1", .key = A64_SYSREG(2, 0, 0, 2, 0), .perm = P1_RW, .flags = SR_RAW, F(mdccint) },
    { .name = "OSDTRRX_EL1", .key = A64_SYSREG(2, 0, 0, 0, 2), .perm = P1_RW, .flags = SR_RAW, F(osdtrrx) },
    { .name = "OSDTRTX_EL1", .key = A64_SYSREG(2, 0, 0, 3, 2), .perm = P1_RW, .flags = SR_RAW, F(osdtrtx) },
    { .name = "OSECCR_EL1", .key = A64_SYSREG(2, 0, 0, 6, 2), .perm = P1_RW, .flags = SR_RAW, F(oseccr) },
    { .name = "DBGCLAIMSET_EL1", .key = A64_SYSREG(2, 0, 7, 8, 6), .perm = P1_RW, .value = 1, .flags = SR_CONTINUE, .read = read_claim, .write = write_claim },
    { .name = "DBGCLAIMCLR_EL1", .key = A64_SYSREG(2, 0, 7, 9, 6), .perm = P1_RW, .flags = SR_CONTINUE, .read = read_claim, .write = write_claim },
    CONST_("MDRAR_EL1", A64_SYSREG(2, 0, 1, 0, 0), P1_R, 0), CONST_("DBGPRCR_EL1", A64_SYSREG(2, 0, 1, 4, 4), P1_RW, 0),
    CONST_("DBGAUTHSTATUS_EL1", A64_SYSREG(2, 0, 7, 14, 6), P1_R, 0), CONST_("MDCCSR_EL0", A64_SYSREG(2, 3, 0, 1, 0), P0_R, 0),
    CONST_("DBGDTR_EL0", A64_SYSREG(2, 3, 0, 4, 0), P0_RW, 0), CONST_("DBGDTRRX_EL0", A64_SYSREG(2, 3, 0, 5, 0), P0_RW, 0),
    { .name = "DBGVCR32_EL2", .key = A64_SYSREG(2, 4, 0, 7, 0), .perm = P2_RW, .flags = SR_RAW, F(dbgvcr32), NEED(EL2) },
    { .name = NULL },
};

const ARMSysReg arm_sysregs_cp14[] = {
    { .name = "DBGDIDR", .key = A32_CP(14, 0, 0, 0, 0), .perm = P0_R, .read = read_didr, NEED(V6) },
    { .name = "DBGDSCRint", .key = A32_CP(14, 0, 0, 1, 0), .perm = P0_R, .flags = SR_32, F(mdscr_el1), NEED(V6) },
    { .name = "DBGDSCRext", .key = A32_CP(14, 0, 0, 2, 2), .perm = P1_RW, .flags = SR_32, F(mdscr_el1), .write = write_mdscr, NEED(V7) },
    { .name = "DBGVCR", .key = A32_CP(14, 0, 0, 7, 0), .perm = P1_RW, .flags = SR_32 | SR_RAW, F(dbgvcr32), NEED(V6) },
    { .name = "DBGOSLAR", .key = A32_CP(14, 0, 1, 0, 4), .perm = P1_W, .write = write_oslar, NEED(V7) },
    { .name = "DBGOSLSR", .key = A32_CP(14, 0, 1, 1, 4), .perm = P1_R, F(oslsr), NEED(V7) },
    { .name = "DBGOSDLR", .key = A32_CP(14, 0, 1, 3, 4), .perm = P1_RW, .flags = SR_32 | SR_RAW, F(osdlr), NEED(V7) },
    CONST_("DBGDRAR", A32_CP(14, 0, 1, 0, 0), P0_R, 0), CONST_("DBGDSAR", A32_CP(14, 0, 2, 0, 0), P0_R, 0),
    CONST_("DBGDRAR", A32_CP64(14, 0, 1), P0_R, 0), CONST_("DBGDSAR", A32_CP64(14, 0, 2), P0_R, 0),
    CONST_("DBGPRCR", A32_CP(14, 0, 1, 4, 4), P1_RW, 0), CONST_("DBGAUTHSTATUS", A32_CP(14, 0, 7, 14, 6), P1_R, 0),
    CONST_("DBGDTR", A32_CP(14, 0, 0, 5, 0), P0_RW, 0), CONST_("DBGDEVID", A32_CP(14, 0, 7, 2, 7), P1_R, 0),
    CONST_("DBGDEVID1", A32_CP(14, 0, 7, 1, 7), P1_R, 0), CONST_("DBGDEVID2", A32_CP(14, 0, 7, 0, 7), P1_R, 0),
    { .name = "TEECR", .key = A32_CP(14, 6, 0, 0, 0), .perm = P1_RW, .flags = SR_32 | SR_RAW, F(teecr), NEED(THUMB2EE) },
    { .name = "TEEHBR", .key = A32_CP(14, 6, 1, 0, 0), .perm = P0_RW, .flags = SR_32 | SR_RAW, F(teehbr), NEED(THUMB2EE) },
    CONST_("JIDR", A32_CP(14, 7, 0, 0, 0), P0_R, 0), CONST_("JOSCR", A32_CP(14, 7, 1, 0, 0), P1_RW, 0), CONST_("JMCR", A32_CP(14, 7, 2, 0, 0), P0_RW, 0),
    { .name = NULL },
};
