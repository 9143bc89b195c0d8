/* SPDX-License-Identifier: MIT */
/*
 * AArch32 cp15 registers of control, memory, exceptions and threads. Arm ARM DDI 0487 G8.2, DDI 0406 B4.1; for v5 and v6 the manuals of the
 * ARM926EJ-S and ARM1176JZF-S. Identification, caches, TLBs, timers and monitors are in the tables of their subjects. Not banked between
 * the Security states: TPIDRURW, TPIDRURO, TPIDRPRW. FCSEIDR is stored but translates nothing.
 */
#include "sysreg.h"

static void write_context(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value);
    arm_update_tlb_key(env);
}

/* CPACR of v7: what is not there cannot be enabled. */
static void write_cpacr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    if (!arm_feature(env, ARM_FEATURE_V8)) {
        value &= arm_feature(env, ARM_FEATURE_VFP2) ? 0xc0f00000 : 0;
        if (!arm_feature(env, ARM_FEATURE_NEON))
            value |= 1u << 31;
    }
    arm_write_hflags(env, r, value);
}

static void write_vbar(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value & ~0x1full);
}

static uint64_t read_isr(ARMCPU *env, const ARMSysReg *r)
{
    uint32_t request = atomic_load(&env->parent.interrupt_request);

    (void)r;
    return (request & CPU_INTERRUPT_HARD ? 1u << 7 : 0) | (request & CPU_INTERRUPT_FIQ ? 1u << 6 : 0);
}

/* cp10 and cp11 of Secure state for the other: NSACR decides whether FP traps. */
static ARMAccess access_nsacr(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r;
    return write && !arm_is_secure(env) ? ACCESS_UNDEF : ACCESS_OK;
}

#define BANK(field) .offset = ARM_OFFSET(field[0])
#define F(field) .offset = ARM_OFFSET(field)
#define VM .trap_r = HCR_TRVM, .trap_w = HCR_TVM
#define CP(name_, crn, opc1, crm, opc2, perm_, flags_, ...) \
    { .name = name_, .key = A32_CP(15, opc1, crn, crm, opc2), .perm = perm_, .flags = flags_, __VA_ARGS__ }
#define CP64(name_, opc1, crm, perm_, flags_, ...) \
    { .name = name_, .key = A32_CP64(15, opc1, crm), .perm = perm_, .flags = flags_, __VA_ARGS__ }
#define B32 (SR_BANKED | SR_32)

const ARMSysReg arm_sysregs_cp15[] = {
    CP("SCTLR", 1, 0, 0, 0, P1_RW, B32, BANK(sctlr_el), .write = arm_write_sctlr, VM),
    CP("ACTLR", 1, 0, 0, 1, P1_RW, B32 | SR_RAW, BANK(actlr_el), .trap_r = HCR_TACR, .trap_w = HCR_TACR),
    CP("CPACR", 1, 0, 0, 2, P1_RW, SR_32, F(cpacr), .write = write_cpacr),
    CP("SCR", 1, 0, 1, 0, P3_RW, SR_32, F(scr_el3), .write = arm_write_scr, NEED(EL3)),
    CP("SDER", 1, 0, 1, 1, P3_RW, SR_32 | SR_RAW, F(sder32), NEED(EL3)),
    CP("NSACR", 1, 0, 1, 2, P1_RW, SR_32, F(nsacr), .access = access_nsacr, .write = arm_write_hflags, NEED(EL3)),
    CP("TTBR0", 2, 0, 0, 0, P1_RW, B32 | SR_CONTINUE, BANK(ttbr0_el), .write = arm_write_ttbr, VM),
    CP("TTBR1", 2, 0, 0, 1, P1_RW, B32 | SR_CONTINUE, BANK(ttbr1_el), .write = arm_write_ttbr, VM, NEED(V6)),
    CP("TTBCR", 2, 0, 0, 2, P1_RW, B32, BANK(tcr_el), .write = arm_write_tcr, VM, NEED(V6)),
    CP64("TTBR0", 0, 2, P1_RW, SR_BANKED | SR_CONTINUE, BANK(ttbr0_el), .write = arm_write_ttbr, VM, NEED(LPAE)),
    CP64("TTBR1", 1, 2, P1_RW, SR_BANKED | SR_CONTINUE, BANK(ttbr1_el), .write = arm_write_ttbr, VM, NEED(LPAE)),
    CP("DACR", 3, 0, 0, 0, P1_RW, B32 | SR_CONTINUE, BANK(dacr), .write = write_context, VM),
    CP("DFSR", 5, 0, 0, 0, P1_RW, B32 | SR_RAW, BANK(dfsr), VM), CP("IFSR", 5, 0, 0, 1, P1_RW, B32 | SR_RAW, BANK(ifsr), VM),
    CP("ADFSR", 5, 0, 1, 0, P1_RW, B32 | SR_RAW, BANK(afsr0_el), VM, NEED(V7)), CP("AIFSR", 5, 0, 1, 1, P1_RW, B32 | SR_RAW, BANK(afsr1_el), VM, NEED(V7)),
    CP("DFAR", 6, 0, 0, 0, P1_RW, B32 | SR_RAW, BANK(dfar), VM), CP("WFAR", 6, 0, 0, 1, P1_RW, SR_CONST),
    CP("IFAR", 6, 0, 0, 2, P1_RW, B32 | SR_RAW, BANK(ifar), VM, NEED(V6)),
    CP("PAR", 7, 0, 4, 0, P1_RW, B32 | SR_RAW, BANK(par_el), NEED(V6K)), CP64("PAR", 0, 7, P1_RW, SR_BANKED | SR_RAW, BANK(par_el), NEED(LPAE)),
    CP("CACHE_LOCKDOWN", 9, 0, 0, 0, P1_RW, SR_CONST), CP("CACHE_LOCKDOWN_I", 9, 0, 0, 1, P1_RW, SR_CONST),
    CP("DTCM", 9, 0, 1, 0, P1_RW, SR_CONST), CP("ITCM", 9, 0, 1, 1, P1_RW, SR_CONST),
    CP("L2CTLR", 9, 1, 0, 2, P1_RW, SR_CONTINUE, .read = arm_read_l2ctlr, .write = arm_write_nothing, NEED(V7)),
    CP("L2ECTLR", 9, 1, 0, 3, P1_RW, SR_CONST, NEED(V7)), CP("L2AUX", 9, 1, 0, 2, P1_RW, SR_CONST),
    CP("TLB_LOCKDOWN", 10, 0, 0, 0, P1_RW, SR_CONST), CP("TLB_LOCKDOWN_I", 10, 0, 0, 1, P1_RW, SR_CONST),
    CP("MAIR0", 10, 0, 2, 0, P1_RW, B32 | SR_RAW, BANK(mair_el), VM, NEED(V6K)),
    CP("MAIR1", 10, 0, 2, 1, P1_RW, SR_BANKED | SR_HIGH | SR_RAW, BANK(mair_el), VM, NEED(V6K)),
    CP("AMAIR0", 10, 0, 3, 0, P1_RW, B32 | SR_RAW, BANK(amair_el), VM, NEED(LPAE)),
    CP("AMAIR1", 10, 0, 3, 1, P1_RW, SR_BANKED | SR_HIGH | SR_RAW, BANK(amair_el), VM, NEED(LPAE)),
    CP("VBAR", 12, 0, 0, 0, P1_RW, B32 | SR_CONTINUE, BANK(vbar_el), .write = write_vbar, NEED(EL3)),
    CP("VBAR", 12, 0, 0, 0, P1_RW, B32 | SR_CONTINUE, BANK(vbar_el), .write = write_vbar, NEED(V7)),
    CP("MVBAR", 12, 0, 0, 1, P3_RW, SR_32 | SR_RAW, F(mvbar), NEED(EL3)), CP("ISR", 12, 0, 1, 0, P1_R, 0, .read = read_isr, NEED(V6K)),
    CP("FCSEIDR", 13, 0, 0, 0, P1_RW, B32 | SR_RAW, BANK(fcseidr)),
    CP("CONTEXTIDR", 13, 0, 0, 1, P1_RW, B32 | SR_CONTINUE, BANK(contextidr_el), .write = write_context, VM, NEED(V6)),
    CP("TPIDRURW", 13, 0, 0, 2, P0_RW, SR_32 | SR_RAW, F(tpidr_el[0]), NEED(V6K)),
    CP("TPIDRURO", 13, 0, 0, 3, P0_R_P1_W, SR_32 | SR_RAW, F(tpidrro_el0), NEED(V6K)),
    CP("TPIDRPRW", 13, 0, 0, 4, P1_RW, SR_32 | SR_RAW, F(tpidr_el[1]), NEED(V6K)),

    /* Hyp */
    CP("VPIDR", 0, 4, 0, 0, P2_RW, SR_32 | SR_RAW, F(vpidr_el2), NEED(EL2)), CP("VMPIDR", 0, 4, 0, 5, P2_RW, SR_32 | SR_RAW, F(vmpidr_el2), NEED(EL2)),
    CP("HSCTLR", 1, 4, 0, 0, P2_RW, SR_32, F(sctlr_el[2]), .value = 2, .write = arm_write_sctlr, NEED(EL2)),
    CP("HACTLR", 1, 4, 0, 1, P2_RW, SR_32 | SR_RAW, F(actlr_el[2]), NEED(EL2)),
    CP("HCR", 1, 4, 1, 0, P2_RW, SR_32, F(hcr_el2), .write = arm_write_hcr, NEED(EL2)),
    CP("HCR2", 1, 4, 1, 4, P2_RW, SR_HIGH, F(hcr_el2), .write = arm_write_hcr, NEED(V8)),
    CP("HDCR", 1, 4, 1, 1, P2_RW, SR_32, F(mdcr_el2), .write = arm_write_hflags, NEED(EL2)),
    CP("HCPTR", 1, 4, 1, 2, P2_RW, SR_32, F(cptr_el[2]), .write = arm_write_hflags, NEED(EL2)),
    CP("HSTR", 1, 4, 1, 3, P2_RW, SR_32 | SR_RAW, F(hstr_el2), NEED(EL2)), CP("HACR", 1, 4, 1, 7, P2_RW, SR_CONST, NEED(EL2)),
    CP("HTCR", 2, 4, 0, 2, P2_RW, SR_32, F(tcr_el[2]), .write = arm_write_tcr, NEED(EL2)),
    CP("VTCR", 2, 4, 1, 2, P2_RW, SR_32, F(vtcr_el2), .write = arm_write_tcr, NEED(EL2)),
    CP64("HTTBR", 4, 2, P2_RW, SR_CONTINUE, F(ttbr0_el[2]), .write = arm_write_tcr, NEED(EL2)),
    CP64("VTTBR", 6, 2, P2_RW, SR_CONTINUE, F(vttbr_el2), .write = arm_write_tcr, NEED(EL2)),
    CP("HADFSR", 5, 4, 1, 0, P2_RW, SR_CONST, NEED(EL2)), CP("HAIFSR", 5, 4, 1, 1, P2_RW, SR_CONST, NEED(EL2)),
    CP("HSR", 5, 4, 2, 0, P2_RW, SR_32 | SR_RAW, F(esr_el[2]), NEED(EL2)),
    CP("HDFAR", 6, 4, 0, 0, P2_RW, SR_32 | SR_RAW, F(far_el[2]), NEED(EL2)), CP("HIFAR", 6, 4, 0, 2, P2_RW, SR_HIGH | SR_RAW, F(far_el[2]), NEED(EL2)),
    CP("HPFAR", 6, 4, 0, 4, P2_RW, SR_32 | SR_RAW, F(hpfar_el2), NEED(EL2)),
    CP("HMAIR0", 10, 4, 2, 0, P2_RW, SR_32 | SR_RAW, F(mair_el[2]), NEED(EL2)), CP("HMAIR1", 10, 4, 2, 1, P2_RW, SR_HIGH | SR_RAW, F(mair_el[2]), NEED(EL2)),
    CP("HAMAIR0", 10, 4, 3, 0, P2_RW, SR_CONST, NEED(EL2)), CP("HAMAIR1", 10, 4, 3, 1, P2_RW, SR_CONST, NEED(EL2)),
    CP("HVBAR", 12, 4, 0, 0, P2_RW, SR_32 | SR_CONTINUE, F(vbar_el[2]), .write = write_vbar, NEED(EL2)),
    CP("HTPIDR", 13, 4, 0, 2, P2_RW, SR_32 | SR_RAW, F(tpidr_el[2]), NEED(EL2)),

    /* ARMv6 block operations on caches: MCRR end, start. Loads and stores see them done. */
    CP64("ICIMVAR", 0, 5, P1_W, SR_NOP, NEED(CACHE_BLOCK)), CP64("DCIMVAR", 0, 6, P1_W, SR_NOP, NEED(CACHE_BLOCK)),
    CP64("DCCMVAR", 0, 12, P0_W, SR_NOP, NEED(CACHE_BLOCK)), CP64("DCCIMVAR", 0, 14, P1_W, SR_NOP, NEED(CACHE_BLOCK)),

    /* Registers of single cores */
    CP("CBAR", 15, 4, 0, 0, P1_R, SR_32, F(cbar), NEED(CBAR)),
    CP("POWER", 15, 0, 0, 0, P1_RW, SR_32 | SR_RAW, F(c15_dummy[0])), CP("DIAGNOSTIC", 15, 0, 0, 1, P1_RW, SR_32 | SR_RAW, F(c15_dummy[1])),
    CP("C15_C1_0", 15, 0, 1, 0, P1_RW, SR_32 | SR_RAW, F(c15_dummy[2])), CP("C15_C2_0", 15, 0, 2, 0, P1_RW, SR_32 | SR_RAW, F(c15_dummy[3])),
    CP("C15_C3_0", 15, 0, 3, 0, P1_RW, SR_CONST), CP("C15_C12_0", 15, 0, 12, 0, P1_RW, SR_CONST), CP("NEON_BUSY", 15, 1, 0, 0, P1_R, SR_CONST),
    CP("TLB_LOCKDOWN_A9", 15, 5, 4, 2, P1_RW, SR_CONST), CP("TLB_LOCKDOWN_A9", 15, 5, 4, 4, P1_W, SR_NOP),
    CP("TLB_LOCKDOWN_A9", 15, 5, 5, 2, P1_RW, SR_CONST), CP("TLB_LOCKDOWN_A9", 15, 5, 6, 2, P1_RW, SR_CONST),
    CP("TLB_LOCKDOWN_A9", 15, 5, 7, 2, P1_RW, SR_CONST),
    { .name = NULL },
};
