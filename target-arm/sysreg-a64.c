/* SPDX-License-Identifier: MIT */
/* AArch64 system registers of control, memory, exceptions and threads; PSTATE fields; the GIC's registers. Arm ARM DDI 0487 D19. */
#include "sysreg.h"

#include "helper.h"

/* ---- Writes with side effects ---- */

void arm_write_ttbr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value);
    arm_update_tlb_key(env);
}

void arm_write_tcr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value);
    arm_tlb_flush_local(env);
    arm_update_tlb_key(env);
}

void arm_write_hflags(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value);
    arm_rebuild_hflags(env);
}

void arm_write_sctlr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    const uint64_t in_tlb = SCTLR_WXN | SCTLR_UWXN | SCTLR_EE | SCTLR_AFE | SCTLR_TRE | SCTLR_XP | SCTLR_S | SCTLR_R;
    unsigned i = r->flags & SR_BANKED ? arm_s_index(env) : (unsigned)r->value;
    uint64_t old = env->sctlr_el[i];

    env->sctlr_el[i] = value;
    if ((old ^ value) & in_tlb)
        arm_tlb_flush_local(env);
    arm_update_tlb_key(env);
    arm_rebuild_hflags(env);
}

void arm_write_hcr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    const uint64_t in_tlb = HCR_VM | HCR_PTW | HCR_DC | HCR_E2H | HCR_CD | HCR_ID;
    uint64_t old = env->hcr_el2;

    if (r->flags & SR_HIGH)
        value = (value << 32) | (uint32_t)old;
    else if (r->flags & SR_32)
        value = (old & ~0xffffffffull) | (uint32_t)value;
    if (!arm_feature(env, ARM_FEATURE_VHE))
        value &= ~HCR_E2H;
    if (!arm_feature(env, ARM_FEATURE_AA32_EL1))
        value |= HCR_RW;
    env->hcr_el2 = value;
    if ((old ^ value) & in_tlb)
        arm_tlb_flush_local(env);
    arm_lines_update(env);
    arm_update_tlb_key(env);
    arm_rebuild_hflags(env);
}

void arm_write_scr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    uint64_t old = env->scr_el3;

    (void)r;
    if (arm_feature(env, ARM_FEATURE_AARCH64))
        value |= 0x30;
    else
        value &= 0x3fff & ~(arm_feature(env, ARM_FEATURE_EL2) ? 0 : SCR_HCE);
    env->scr_el3 = value;
    if ((old ^ value) & SCR_NS)
        arm_tlb_flush_local(env);
    arm_update_tlb_key(env);
    arm_rebuild_hflags(env);
    arm_security_changed(env);
}

static void write_vtcr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_write_tcr(env, r, value);
}

static void write_mdscr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    arm_sysreg_set_field(env, r, value);
    arm_debug_update(env);
    arm_rebuild_hflags(env);
}

/* ---- PSTATE as registers ---- */

static uint64_t read_pstate(ARMCPU *env, const ARMSysReg *r)
{
    return env->pstate & r->value;
}

static void write_pstate(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    env->pstate = (env->pstate & ~(uint32_t)r->value) | (uint32_t)(value & r->value);
    arm_rebuild_hflags(env);
}

static uint64_t read_current_el(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return env->pstate & 12;
}

static void write_spsel(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    arm_select_sp(env, value & 1);
}

static ARMAccess access_daif(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return arm_access_el0_sctlr(env, SCTLR_UMA);
}

void helper_a64_msr_imm(CPUState *cpu, uint32_t op, uint32_t imm)
{
    ARMCPU *env = arm_cpu(cpu);
    uint32_t bits = imm << 6 & PSTATE_DAIF;

    switch (op) {
    case 030 | 6: case 030 | 7:
        if (arm_access_el0_sctlr(env, SCTLR_UMA) != ACCESS_OK)
            arm_raise(env, EXCP_UDEF, ARM_SYNDROME(EC_SYSREG, 1, 3u << 14 | (op & 7) << 17 | 4u << 10 | imm << 1 | 31 << 5), 0,
                      HELPER_RETADDR());
        env->pstate = op & 1 ? env->pstate & ~bits : env->pstate | bits;
        break;
    case 3:
        env->pstate = imm & 1 ? env->pstate | PSTATE_UAO : env->pstate & ~(uint32_t)PSTATE_UAO;
        break;
    case 4:
        env->pstate = imm & 1 ? env->pstate | PSTATE_PAN : env->pstate & ~(uint32_t)PSTATE_PAN;
        break;
    case 5:
        arm_select_sp(env, imm & 1);
        break;
    case 030 | 1:
        env->pstate = imm & 1 ? env->pstate | PSTATE_SSBS : env->pstate & ~(uint32_t)PSTATE_SSBS;
        break;
    case 030 | 2:
        env->pstate = imm & 1 ? env->pstate | PSTATE_DIT : env->pstate & ~(uint32_t)PSTATE_DIT;
        break;
    }
    arm_rebuild_hflags(env);
}

static uint64_t read_fpcr(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return arm_get_fpcr(env);
}

static uint64_t read_fpsr(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return arm_get_fpsr(env);
}

static void write_fpcr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    arm_set_fpcr(env, (uint32_t)value);
    arm_rebuild_hflags(env);
}

static void write_fpsr(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)r;
    arm_set_fpsr(env, (uint32_t)value);
}

/* ---- Access ---- */

ARMAccess arm_access_el0_sctlr(ARMCPU *env, uint64_t bit)
{
    if (arm_current_el(env) != 0)
        return ACCESS_OK;
    bool host = (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
    if (env->sctlr_el[host ? 2 : 1] & bit)
        return ACCESS_OK;
    return arm_hcr(env) & HCR_TGE ? ACCESS_TRAP_EL2 : ACCESS_TRAP_EL1;
}

static ARMAccess access_keys(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    if (arm_current_el(env) == 1 && arm_feature(env, ARM_FEATURE_EL2) && !arm_is_secure(env) && !(env->hcr_el2 & HCR_APK))
        return ACCESS_TRAP_EL2;
    if (arm_current_el(env) < 3 && arm_feature(env, ARM_FEATURE_EL3) && !(env->scr_el3 & SCR_APK))
        return ACCESS_TRAP_EL3;
    return ACCESS_OK;
}

static ARMAccess access_gic(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return env->gic ? ACCESS_OK : ACCESS_UNDEF;
}

static uint64_t read_isr(ARMCPU *env, const ARMSysReg *r)
{
    uint32_t request = atomic_load(&env->parent.interrupt_request);
    uint64_t hcr = arm_current_el(env) <= 1 ? arm_hcr(env) : 0;
    bool irq = request & (hcr & HCR_IMO ? CPU_INTERRUPT_VIRQ : CPU_INTERRUPT_HARD);
    bool fiq = request & (hcr & HCR_FMO ? CPU_INTERRUPT_VFIQ : CPU_INTERRUPT_FIQ);

    (void)r;
    return (irq ? 1u << 7 : 0) | (fiq ? 1u << 6 : 0) | (hcr & HCR_AMO && hcr & HCR_VSE ? 1u << 8 : 0);
}

static uint64_t read_vpidr(ARMCPU *env, const ARMSysReg *r)
{
    bool guest = arm_current_el(env) == 1 && arm_feature(env, ARM_FEATURE_EL2) && !arm_is_secure(env);

    return r->value ? (guest ? env->vmpidr_el2 : env->mpidr) : (guest ? env->vpidr_el2 : env->midr);
}

#define F(field) .offset = ARM_OFFSET(field)
#define REG(name_, op0, op1, crn, crm, op2, perm_, ...) \
    { .name = name_, .key = A64_SYSREG(op0, op1, crn, crm, op2), .perm = perm_, __VA_ARGS__ }
#define RAW(name_, op1, crn, crm, op2, perm_, ...) REG(name_, 3, op1, crn, crm, op2, perm_, .flags = SR_RAW, __VA_ARGS__)
#define VM .trap_r = HCR_TRVM, .trap_w = HCR_TVM
#define KEY(name_, crm, op2, n, half) RAW(name_, 0, 2, crm, op2, P1_RW, F(apkey[n][half]), .access = access_keys, NEED(PAUTH))

const ARMSysReg arm_sysregs_a64[] = {
    /* Memory */
    REG("SCTLR_EL1", 3, 0, 1, 0, 0, P1_RW, F(sctlr_el[1]), .value = 1, .write = arm_write_sctlr, VM),
    RAW("ACTLR_EL1", 0, 1, 0, 1, P1_RW, F(actlr_el[1]), .trap_r = HCR_TACR, .trap_w = HCR_TACR),
    REG("CPACR_EL1", 3, 0, 1, 0, 2, P1_RW, F(cpacr), .write = arm_write_hflags),
    REG("TTBR0_EL1", 3, 0, 2, 0, 0, P1_RW, F(ttbr0_el[1]), .flags = SR_CONTINUE, .write = arm_write_ttbr, VM),
    REG("TTBR1_EL1", 3, 0, 2, 0, 1, P1_RW, F(ttbr1_el[1]), .flags = SR_CONTINUE, .write = arm_write_ttbr, VM),
    REG("TCR_EL1", 3, 0, 2, 0, 2, P1_RW, F(tcr_el[1]), .write = arm_write_tcr, VM),
    RAW("AFSR0_EL1", 0, 5, 1, 0, P1_RW, F(afsr0_el[1]), VM), RAW("AFSR1_EL1", 0, 5, 1, 1, P1_RW, F(afsr1_el[1]), VM),
    RAW("ESR_EL1", 0, 5, 2, 0, P1_RW, F(esr_el[1]), VM), RAW("FAR_EL1", 0, 6, 0, 0, P1_RW, F(far_el[1]), VM),
    RAW("PAR_EL1", 0, 7, 4, 0, P1_RW, F(par_el[1])),
    RAW("MAIR_EL1", 0, 10, 2, 0, P1_RW, F(mair_el[1]), VM), RAW("AMAIR_EL1", 0, 10, 3, 0, P1_RW, F(amair_el[1]), VM),
    RAW("VBAR_EL1", 0, 12, 0, 0, P1_RW, F(vbar_el[1])),
    RAW("CONTEXTIDR_EL1", 0, 13, 0, 1, P1_RW, F(contextidr_el[1]), VM),
    REG("SPSR_EL1", 3, 0, 4, 0, 0, P1_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_SVC])), RAW("ELR_EL1", 0, 4, 0, 1, P1_RW, F(elr_el[1])),
    RAW("SP_EL0", 0, 4, 1, 0, P1_RW, F(sp_el[0])), RAW("SP_EL1", 4, 4, 1, 0, P2_RW, F(sp_el[1])),
    RAW("SP_EL2", 6, 4, 1, 0, P3_RW, F(sp_el[2]), NEED(EL2)),
    RAW("TPIDR_EL0", 3, 13, 0, 2, P0_RW, F(tpidr_el[0])), RAW("TPIDRRO_EL0", 3, 13, 0, 3, P0_R_P1_W, F(tpidrro_el0)),
    RAW("TPIDR_EL1", 0, 13, 0, 4, P1_RW, F(tpidr_el[1])),
    RAW("SCXTNUM_EL0", 3, 13, 0, 7, P0_RW, F(scxtnum_el[0]), NEED(CSV2_2)), RAW("SCXTNUM_EL1", 0, 13, 0, 7, P1_RW, F(scxtnum_el[1]), NEED(CSV2_2)),
    REG("ISR_EL1", 3, 0, 12, 1, 0, P1_R, .read = read_isr),
    REG("RVBAR_EL1", 3, 0, 12, 0, 1, P1_R, F(rvbar)),
    RAW("DISR_EL1", 0, 12, 1, 1, P1_RW, F(disr_el1), NEED(RAS)),
    REG("ERRIDR_EL1", 3, 0, 5, 3, 0, P1_R, .flags = SR_CONST, NEED(RAS)), REG("ERRSELR_EL1", 3, 0, 5, 3, 1, P1_RW, .flags = SR_CONST, NEED(RAS)),
    RAW("LORSA_EL1", 0, 10, 4, 0, P1_RW, F(lor[0]), NEED(LOR)), RAW("LOREA_EL1", 0, 10, 4, 1, P1_RW, F(lor[1]), NEED(LOR)),
    RAW("LORN_EL1", 0, 10, 4, 2, P1_RW, F(lor[2]), NEED(LOR)), RAW("LORC_EL1", 0, 10, 4, 3, P1_RW, F(lor[3]), NEED(LOR)),
    REG("LORID_EL1", 3, 0, 10, 4, 7, P1_R, .flags = SR_CONST, NEED(LOR)),
    KEY("APIAKEYLO_EL1", 1, 0, 0, 0), KEY("APIAKEYHI_EL1", 1, 1, 0, 1), KEY("APIBKEYLO_EL1", 1, 2, 1, 0), KEY("APIBKEYHI_EL1", 1, 3, 1, 1),
    KEY("APDAKEYLO_EL1", 2, 0, 2, 0), KEY("APDAKEYHI_EL1", 2, 1, 2, 1), KEY("APDBKEYLO_EL1", 2, 2, 3, 0), KEY("APDBKEYHI_EL1", 2, 3, 3, 1),
    KEY("APGAKEYLO_EL1", 3, 0, 4, 0), KEY("APGAKEYHI_EL1", 3, 1, 4, 1),

    /* PSTATE */
    REG("CurrentEL", 3, 0, 4, 2, 2, P1_R, .read = read_current_el),
    REG("SPSel", 3, 0, 4, 2, 0, P1_RW, .value = 1, .read = read_pstate, .write = write_spsel),
    REG("DAIF", 3, 3, 4, 2, 1, P0_RW, .value = PSTATE_DAIF, .access = access_daif, .read = read_pstate, .write = write_pstate),
    REG("NZCV", 3, 3, 4, 2, 0, P0_RW, .flags = SR_NOP),
    REG("PAN", 3, 0, 4, 2, 3, P1_RW, .value = PSTATE_PAN, .read = read_pstate, .write = write_pstate, NEED(PAN)),
    REG("UAO", 3, 0, 4, 2, 4, P1_RW, .value = PSTATE_UAO, .read = read_pstate, .write = write_pstate, NEED(UAO)),
    REG("DIT", 3, 3, 4, 2, 5, P0_RW, .value = PSTATE_DIT, .read = read_pstate, .write = write_pstate, NEED(DIT)),
    REG("SSBS", 3, 3, 4, 2, 6, P0_RW, .value = PSTATE_SSBS, .read = read_pstate, .write = write_pstate, NEED(SSBS2)),
    REG("FPCR", 3, 3, 4, 4, 0, P0_RW, .read = read_fpcr, .write = write_fpcr),
    REG("FPSR", 3, 3, 4, 4, 1, P0_RW, .flags = SR_CONTINUE, .read = read_fpsr, .write = write_fpsr),

    /* EL2 */
    REG("VPIDR_EL2", 3, 4, 0, 0, 0, P2_RW, F(vpidr_el2), .flags = SR_RAW, NEED(EL2)), RAW("VMPIDR_EL2", 4, 0, 0, 5, P2_RW, F(vmpidr_el2), NEED(EL2)),
    REG("SCTLR_EL2", 3, 4, 1, 0, 0, P2_RW, F(sctlr_el[2]), .value = 2, .write = arm_write_sctlr, NEED(EL2)),
    RAW("ACTLR_EL2", 4, 1, 0, 1, P2_RW, F(actlr_el[2]), NEED(EL2)),
    REG("HCR_EL2", 3, 4, 1, 1, 0, P2_RW, F(hcr_el2), .write = arm_write_hcr, NEED(EL2)),
    REG("MDCR_EL2", 3, 4, 1, 1, 1, P2_RW, F(mdcr_el2), .write = write_mdscr, NEED(EL2)),
    REG("CPTR_EL2", 3, 4, 1, 1, 2, P2_RW, F(cptr_el[2]), .write = arm_write_hflags, NEED(EL2)),
    RAW("HSTR_EL2", 4, 1, 1, 3, P2_RW, F(hstr_el2), NEED(EL2)), REG("HACR_EL2", 3, 4, 1, 1, 7, P2_RW, .flags = SR_CONST, NEED(EL2)),
    REG("TTBR0_EL2", 3, 4, 2, 0, 0, P2_RW, F(ttbr0_el[2]), .flags = SR_CONTINUE, .write = arm_write_ttbr, NEED(EL2)),
    REG("TTBR1_EL2", 3, 4, 2, 0, 1, P2_RW, F(ttbr1_el[2]), .flags = SR_CONTINUE, .write = arm_write_ttbr, NEED(VHE)),
    REG("TCR_EL2", 3, 4, 2, 0, 2, P2_RW, F(tcr_el[2]), .write = arm_write_tcr, NEED(EL2)),
    REG("VTTBR_EL2", 3, 4, 2, 1, 0, P2_RW, F(vttbr_el2), .write = arm_write_tcr, NEED(EL2)),
    REG("VTCR_EL2", 3, 4, 2, 1, 2, P2_RW, F(vtcr_el2), .write = write_vtcr, NEED(EL2)),
    RAW("DACR32_EL2", 4, 3, 0, 0, P2_RW, F(dacr[1]), NEED(EL2)),
    REG("SPSR_EL2", 3, 4, 4, 0, 0, P2_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_HYP]), NEED(EL2)), RAW("ELR_EL2", 4, 4, 0, 1, P2_RW, F(elr_el[2]), NEED(EL2)),
    REG("SPSR_irq", 3, 4, 4, 3, 0, P2_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_IRQ]), NEED(EL2)),
    REG("SPSR_abt", 3, 4, 4, 3, 1, P2_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_ABT]), NEED(EL2)),
    REG("SPSR_und", 3, 4, 4, 3, 2, P2_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_UND]), NEED(EL2)),
    REG("SPSR_fiq", 3, 4, 4, 3, 3, P2_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_FIQ]), NEED(EL2)),
    RAW("IFSR32_EL2", 4, 5, 0, 1, P2_RW, F(ifsr[1]), NEED(EL2)), REG("FPEXC32_EL2", 3, 4, 5, 3, 0, P2_RW, .flags = SR_RAW | SR_32, F(fpexc), NEED(EL2)),
    RAW("AFSR0_EL2", 4, 5, 1, 0, P2_RW, F(afsr0_el[2]), NEED(EL2)), RAW("AFSR1_EL2", 4, 5, 1, 1, P2_RW, F(afsr1_el[2]), NEED(EL2)),
    RAW("ESR_EL2", 4, 5, 2, 0, P2_RW, F(esr_el[2]), NEED(EL2)), RAW("FAR_EL2", 4, 6, 0, 0, P2_RW, F(far_el[2]), NEED(EL2)),
    RAW("HPFAR_EL2", 4, 6, 0, 4, P2_RW, F(hpfar_el2), NEED(EL2)), RAW("VSESR_EL2", 4, 5, 2, 3, P2_RW, F(vsesr_el2), NEED(RAS)),
    RAW("VDISR_EL2", 4, 12, 1, 1, P2_RW, F(vdisr_el2), NEED(RAS)),
    RAW("MAIR_EL2", 4, 10, 2, 0, P2_RW, F(mair_el[2]), NEED(EL2)), RAW("AMAIR_EL2", 4, 10, 3, 0, P2_RW, F(amair_el[2]), NEED(EL2)),
    RAW("VBAR_EL2", 4, 12, 0, 0, P2_RW, F(vbar_el[2]), NEED(EL2)), REG("RVBAR_EL2", 3, 4, 12, 0, 1, P2_R, F(rvbar), NEED(EL2)),
    RAW("CONTEXTIDR_EL2", 4, 13, 0, 1, P2_RW, F(contextidr_el[2]), NEED(VHE)), RAW("TPIDR_EL2", 4, 13, 0, 2, P2_RW, F(tpidr_el[2]), NEED(EL2)),
    RAW("SCXTNUM_EL2", 4, 13, 0, 7, P2_RW, F(scxtnum_el[2]), NEED(CSV2_2)),

    /* EL3 */
    REG("SCTLR_EL3", 3, 6, 1, 0, 0, P3_RW, F(sctlr_el[3]), .value = 3, .write = arm_write_sctlr, NEED(EL3)),
    RAW("ACTLR_EL3", 6, 1, 0, 1, P3_RW, F(actlr_el[3]), NEED(EL3)),
    REG("SCR_EL3", 3, 6, 1, 1, 0, P3_RW, F(scr_el3), .write = arm_write_scr, NEED(EL3)),
    RAW("SDER32_EL3", 6, 1, 1, 1, P3_RW, F(sder32), NEED(EL3)),
    REG("CPTR_EL3", 3, 6, 1, 1, 2, P3_RW, F(cptr_el[3]), .write = arm_write_hflags, NEED(EL3)),
    REG("MDCR_EL3", 3, 6, 1, 3, 1, P3_RW, F(mdcr_el3), .write = write_mdscr, NEED(EL3)),
    REG("TTBR0_EL3", 3, 6, 2, 0, 0, P3_RW, F(ttbr0_el[3]), .flags = SR_CONTINUE, .write = arm_write_tcr, NEED(EL3)),
    REG("TCR_EL3", 3, 6, 2, 0, 2, P3_RW, F(tcr_el[3]), .write = arm_write_tcr, NEED(EL3)),
    REG("SPSR_EL3", 3, 6, 4, 0, 0, P3_RW, .flags = SR_RAW | SR_32, F(spsr[BANK_MON]), NEED(EL3)), RAW("ELR_EL3", 6, 4, 0, 1, P3_RW, F(elr_el[3]), NEED(EL3)),
    RAW("AFSR0_EL3", 6, 5, 1, 0, P3_RW, F(afsr0_el[3]), NEED(EL3)), RAW("AFSR1_EL3", 6, 5, 1, 1, P3_RW, F(afsr1_el[3]), NEED(EL3)),
    RAW("ESR_EL3", 6, 5, 2, 0, P3_RW, F(esr_el[3]), NEED(EL3)), RAW("FAR_EL3", 6, 6, 0, 0, P3_RW, F(far_el[3]), NEED(EL3)),
    RAW("MAIR_EL3", 6, 10, 2, 0, P3_RW, F(mair_el[3]), NEED(EL3)), RAW("AMAIR_EL3", 6, 10, 3, 0, P3_RW, F(amair_el[3]), NEED(EL3)),
    RAW("VBAR_EL3", 6, 12, 0, 0, P3_RW, F(vbar_el[3]), NEED(EL3)), REG("RVBAR_EL3", 3, 6, 12, 0, 1, P3_R, F(rvbar), NEED(EL3)),
    RAW("TPIDR_EL3", 6, 13, 0, 2, P3_RW, F(tpidr_el[3]), NEED(EL3)), RAW("SCXTNUM_EL3", 6, 13, 0, 7, P3_RW, F(scxtnum_el[3]), NEED(CSV2_2)),

    /* Identification that EL2 may replace */
    REG("MIDR_EL1", 3, 0, 0, 0, 0, P1_R, .value = 0, .read = read_vpidr),
    REG("MPIDR_EL1", 3, 0, 0, 0, 5, P1_R, .value = 1, .read = read_vpidr),
    { .name = NULL },
};

/* ---- The GIC's registers ---- */

#define GIC(name_, op1, crn, crm, op2, perm_)                                                                                  \
    { .name = name_, .key = A64_SYSREG(3, op1, crn, crm, op2), .perm = perm_, .flags = SR_GIC | SR_CONTINUE,                  \
      .value = A64_SYSREG(3, op1, crn, crm, op2), .access = access_gic }
#define GIC32(name_, opc1, crn, crm, opc2, perm_)                                                                              \
    { .name = name_, .key = A32_CP(15, opc1, crn, crm, opc2), .perm = perm_, .flags = SR_GIC | SR_CONTINUE,                   \
      .value = A64_SYSREG(3, opc1, crn, crm, opc2), .access = access_gic }
#define GIC_BOTH(name_, op1, crn, crm, op2, perm_) GIC(name_, op1, crn, crm, op2, perm_), GIC32(name_, op1, crn, crm, op2, perm_)
#define GIC_FOUR(name_, op1, crm, op2, perm_)                                                                                  \
    GIC_BOTH(name_ "0", op1, 12, crm, op2, perm_), GIC_BOTH(name_ "1", op1, 12, crm, (op2) + 1, perm_),                        \
    GIC_BOTH(name_ "2", op1, 12, crm, (op2) + 2, perm_), GIC_BOTH(name_ "3", op1, 12, crm, (op2) + 3, perm_)
#define GIC_SGI(name_, op2, opc1)                                                                                              \
    GIC(name_, 0, 12, 11, op2, P1_W),                                                                                          \
    { .name = name_, .key = A32_CP64(15, opc1, 12), .perm = P1_W, .flags = SR_GIC | SR_CONTINUE,                               \
      .value = A64_SYSREG(3, 0, 12, 11, op2), .access = access_gic }

const ARMSysReg arm_sysregs_gic[] = {
    GIC_BOTH("ICC_PMR_EL1", 0, 4, 6, 0, P1_RW),
    GIC_BOTH("ICC_IAR0_EL1", 0, 12, 8, 0, P1_R), GIC_BOTH("ICC_EOIR0_EL1", 0, 12, 8, 1, P1_W), GIC_BOTH("ICC_HPPIR0_EL1", 0, 12, 8, 2, P1_R),
    GIC_BOTH("ICC_BPR0_EL1", 0, 12, 8, 3, P1_RW), GIC_FOUR("ICC_AP0R", 0, 8, 4, P1_RW), GIC_FOUR("ICC_AP1R", 0, 9, 0, P1_RW),
    GIC_BOTH("ICC_DIR_EL1", 0, 12, 11, 1, P1_W), GIC_BOTH("ICC_RPR_EL1", 0, 12, 11, 3, P1_R),
    GIC_SGI("ICC_SGI1R_EL1", 5, 0), GIC_SGI("ICC_ASGI1R_EL1", 6, 1), GIC_SGI("ICC_SGI0R_EL1", 7, 2),
    GIC_BOTH("ICC_IAR1_EL1", 0, 12, 12, 0, P1_R), GIC_BOTH("ICC_EOIR1_EL1", 0, 12, 12, 1, P1_W), GIC_BOTH("ICC_HPPIR1_EL1", 0, 12, 12, 2, P1_R),
    GIC_BOTH("ICC_BPR1_EL1", 0, 12, 12, 3, P1_RW), GIC_BOTH("ICC_CTLR_EL1", 0, 12, 12, 4, P1_RW), GIC_BOTH("ICC_SRE_EL1", 0, 12, 12, 5, P1_RW),
    GIC_BOTH("ICC_IGRPEN0_EL1", 0, 12, 12, 6, P1_RW), GIC_BOTH("ICC_IGRPEN1_EL1", 0, 12, 12, 7, P1_RW),
    GIC_BOTH("ICC_SRE_EL2", 4, 12, 9, 5, P2_RW),
    GIC_FOUR("ICH_AP0R", 4, 8, 0, P2_RW), GIC_FOUR("ICH_AP1R", 4, 9, 0, P2_RW),
    GIC_BOTH("ICH_HCR_EL2", 4, 12, 11, 0, P2_RW), GIC_BOTH("ICH_VTR_EL2", 4, 12, 11, 1, P2_R), GIC_BOTH("ICH_MISR_EL2", 4, 12, 11, 2, P2_R),
    GIC_BOTH("ICH_EISR_EL2", 4, 12, 11, 3, P2_R), GIC_BOTH("ICH_ELRSR_EL2", 4, 12, 11, 5, P2_R), GIC_BOTH("ICH_VMCR_EL2", 4, 12, 11, 7, P2_RW),
    GIC_FOUR("ICH_LR", 4, 12, 0, P2_RW), GIC_FOUR("ICH_LR+4", 4, 12, 4, P2_RW), GIC_FOUR("ICH_LR+8", 4, 13, 0, P2_RW),
    GIC_FOUR("ICH_LR+12", 4, 13, 4, P2_RW),
    GIC_BOTH("ICC_CTLR_EL3", 6, 12, 12, 4, P3_RW), GIC_BOTH("ICC_SRE_EL3", 6, 12, 12, 5, P3_RW), GIC_BOTH("ICC_IGRPEN1_EL3", 6, 12, 12, 7, P3_RW),
    { .name = NULL },
};
