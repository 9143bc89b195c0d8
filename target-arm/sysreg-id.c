/* SPDX-License-Identifier: MIT */
/*
 * Identification registers, cache geometry and cache maintenance, both execution states; registers of the models' own. Arm ARM DDI 0487
 * D19.2, G8.2. There are no caches: maintenance does nothing, but for DC ZVA. It does not check its address either.
 */
#include "helper.h"
#include "sysreg.h"

#include <string.h>

static ARMAccess access_uct(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return arm_access_el0_sctlr(env, SCTLR_UCT);
}

static ARMAccess access_uci(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return arm_access_el0_sctlr(env, SCTLR_UCI);
}

static ARMAccess access_zva(ARMCPU *env, const ARMSysReg *r, bool write)
{
    (void)r, (void)write;
    return arm_access_el0_sctlr(env, SCTLR_DZE);
}

static uint64_t read_ccsidr(ARMCPU *env, const ARMSysReg *r)
{
    (void)r;
    return env->ccsidr[env->csselr[arm_s_index(env)] & 15];
}

static uint64_t read_dczid(ARMCPU *env, const ARMSysReg *r)
{
    bool off = access_zva(env, r, false) != ACCESS_OK;

    return env->dczid_bs | (off ? 16 : 0);
}

static void zero_block(ARMCPU *env, uint64_t va, uintptr_t ra)
{
    static const uint8_t zeros[2048];
    uint64_t len = 4ull << env->dczid_bs, start = va & ~(len - 1);
    unsigned mode = arm_current_mmu_mode(&env->parent, false);
    bool fault;
    void *p = tlb_probe(&env->parent, start, len, ACCESS_WRITE, mode, false, &fault, ra);

    if (p)
        memset(p, 0, len);
    else
        cpu_st_bytes(&env->parent, start, zeros, len, mode, ra);
}

void arm_sysreg_write_at(ARMCPU *env, const ARMSysReg *r, uint64_t value, uintptr_t retaddr)
{
    (void)r;
    zero_block(env, value, retaddr);
}

static uint64_t read_vpidr32(ARMCPU *env, const ARMSysReg *r)
{
    bool guest = arm_current_el(env) == 1 && arm_feature(env, ARM_FEATURE_EL2) && !arm_is_secure(env);

    return r->value ? (guest ? env->vmpidr_el2 : env->mpidr) : (guest ? env->vpidr_el2 : env->midr);
}

#define F(field) .offset = ARM_OFFSET(field)
#define ID(name_, crm, op2, field_, ...) \
    { .name = name_, .key = A64_SYSREG(3, 0, 0, crm, op2), .perm = P1_R, F(field_), .trap_r = HCR_TID3, __VA_ARGS__ }
#define ID0(crm, op2) \
    { .name = "RESERVED", .key = A64_SYSREG(3, 0, 0, crm, op2), .perm = P1_R, .flags = SR_CONST, .trap_r = HCR_TID3 }
#define ID32(name_, crm, opc2, field_) \
    { .name = name_, .key = A32_CP(15, 0, 0, crm, opc2), .perm = P1_R, .flags = SR_32, F(field_), .trap_r = HCR_TID3, NEED(V6) }
#define BOTH(name_, crm, op2, field_) ID(name_ "_EL1", crm, op2, field_, .flags = SR_32), ID32(name_, crm, op2, field_)
#define CONST64(name_, op0, op1, crn, crm, op2, perm_, ...) \
    { .name = name_, .key = A64_SYSREG(op0, op1, crn, crm, op2), .perm = perm_, .flags = SR_CONST, __VA_ARGS__ }

const ARMSysReg arm_sysregs_id[] = {
    BOTH("ID_PFR0", 1, 0, id_pfr[0]), BOTH("ID_PFR1", 1, 1, id_pfr[1]), BOTH("ID_DFR0", 1, 2, id_dfr[0]), BOTH("ID_AFR0", 1, 3, id_afr0),
    BOTH("ID_MMFR0", 1, 4, id_mmfr[0]), BOTH("ID_MMFR1", 1, 5, id_mmfr[1]), BOTH("ID_MMFR2", 1, 6, id_mmfr[2]), BOTH("ID_MMFR3", 1, 7, id_mmfr[3]),
    BOTH("ID_ISAR0", 2, 0, id_isar[0]), BOTH("ID_ISAR1", 2, 1, id_isar[1]), BOTH("ID_ISAR2", 2, 2, id_isar[2]), BOTH("ID_ISAR3", 2, 3, id_isar[3]),
    BOTH("ID_ISAR4", 2, 4, id_isar[4]), BOTH("ID_ISAR5", 2, 5, id_isar[5]), BOTH("ID_MMFR4", 2, 6, id_mmfr[4]), BOTH("ID_ISAR6", 2, 7, id_isar[6]),
    ID("MVFR0_EL1", 3, 0, mvfr[0], .flags = SR_32), ID("MVFR1_EL1", 3, 1, mvfr[1], .flags = SR_32), ID("MVFR2_EL1", 3, 2, mvfr[2], .flags = SR_32),
    ID0(3, 3), BOTH("ID_PFR2", 3, 4, id_pfr[2]), BOTH("ID_DFR1", 3, 5, id_dfr[1]), BOTH("ID_MMFR5", 3, 6, id_mmfr[5]), ID0(3, 7),
    ID("ID_AA64PFR0_EL1", 4, 0, id_aa64pfr[0]), ID("ID_AA64PFR1_EL1", 4, 1, id_aa64pfr[1]), ID0(4, 2), ID0(4, 3),
    ID("ID_AA64ZFR0_EL1", 4, 4, id_aa64zfr0), ID0(4, 5), ID0(4, 6), ID0(4, 7),
    ID("ID_AA64DFR0_EL1", 5, 0, id_aa64dfr[0]), ID("ID_AA64DFR1_EL1", 5, 1, id_aa64dfr[1]), ID0(5, 2), ID0(5, 3), ID0(5, 4), ID0(5, 5),
    ID0(5, 6), ID0(5, 7),
    ID("ID_AA64ISAR0_EL1", 6, 0, id_aa64isar[0]), ID("ID_AA64ISAR1_EL1", 6, 1, id_aa64isar[1]), ID("ID_AA64ISAR2_EL1", 6, 2, id_aa64isar[2]),
    ID0(6, 3), ID0(6, 4), ID0(6, 5), ID0(6, 6), ID0(6, 7),
    ID("ID_AA64MMFR0_EL1", 7, 0, id_aa64mmfr[0]), ID("ID_AA64MMFR1_EL1", 7, 1, id_aa64mmfr[1]), ID("ID_AA64MMFR2_EL1", 7, 2, id_aa64mmfr[2]),
    ID("ID_AA64MMFR3_EL1", 7, 3, id_aa64mmfr[3]), ID0(7, 4), ID0(7, 5), ID0(7, 6), ID0(7, 7),
    { .name = "REVIDR_EL1", .key = A64_SYSREG(3, 0, 0, 0, 6), .perm = P1_R, F(revidr) },
    CONST64("AIDR_EL1", 3, 1, 0, 0, 7, P1_R, .trap_r = HCR_TID1),
    { .name = "MIDR", .key = A32_CP(15, 0, 0, 0, 0), .perm = P1_R, .read = read_vpidr32 },
    { .name = "MIDR", .key = A32_CP(15, 0, 0, 0, 4), .perm = P1_R, .read = read_vpidr32 },
    { .name = "MIDR", .key = A32_CP(15, 0, 0, 0, 7), .perm = P1_R, .read = read_vpidr32 },
    { .name = "MPIDR", .key = A32_CP(15, 0, 0, 0, 5), .perm = P1_R, .value = 1, .read = read_vpidr32, NEED(V6K) },
    { .name = "REVIDR", .key = A32_CP(15, 0, 0, 0, 6), .perm = P1_R, F(revidr), NEED(V7) },
    { .name = "TCMTR", .key = A32_CP(15, 0, 0, 0, 2), .perm = P1_R, .flags = SR_CONST },
    { .name = "TLBTR", .key = A32_CP(15, 0, 0, 0, 3), .perm = P1_R, .flags = SR_CONST },
    { .name = "AIDR", .key = A32_CP(15, 1, 0, 0, 7), .perm = P1_R, .flags = SR_CONST },
    { .name = NULL },
};

#define NOP64(name_, op1, crm, op2, perm_, ...) \
    { .name = name_, .key = A64_SYSREG(1, op1, 7, crm, op2), .perm = perm_, .flags = SR_NOP, __VA_ARGS__ }
#define NOP32(name_, opc1, crm, opc2, perm_, ...) \
    { .name = name_, .key = A32_CP(15, opc1, 7, crm, opc2), .perm = perm_, .flags = SR_NOP, __VA_ARGS__ }
#define OWN(name_, op1, crm, op2, perm_) CONST64(name_, 3, op1, 15, crm, op2, perm_)

const ARMSysReg arm_sysregs_cache[] = {
    { .name = "CTR_EL0", .key = A64_SYSREG(3, 3, 0, 0, 1), .perm = P0_R, F(ctr), .access = access_uct, .trap_r = HCR_TID2 },
    { .name = "DCZID_EL0", .key = A64_SYSREG(3, 3, 0, 0, 7), .perm = P0_R, .read = read_dczid },
    { .name = "CLIDR_EL1", .key = A64_SYSREG(3, 1, 0, 0, 1), .perm = P1_R, F(clidr), .trap_r = HCR_TID2 },
    { .name = "CCSIDR_EL1", .key = A64_SYSREG(3, 1, 0, 0, 0), .perm = P1_R, .read = read_ccsidr, .trap_r = HCR_TID2 },
    { .name = "CSSELR_EL1", .key = A64_SYSREG(3, 2, 0, 0, 0), .perm = P1_RW, .flags = SR_RAW, F(csselr[1]), .trap_r = HCR_TID2, .trap_w = HCR_TID2 },
    NOP64("IC IALLUIS", 0, 1, 0, P1_W, .trap_w = HCR_TPU), NOP64("IC IALLU", 0, 5, 0, P1_W, .trap_w = HCR_TPU),
    NOP64("IC IVAU", 3, 5, 1, P0_W, .access = access_uci, .trap_w = HCR_TPU),
    NOP64("DC IVAC", 0, 6, 1, P1_W, .trap_w = HCR_TPCP), NOP64("DC ISW", 0, 6, 2, P1_W, .trap_w = HCR_TSW),
    NOP64("DC CSW", 0, 10, 2, P1_W, .trap_w = HCR_TSW), NOP64("DC CISW", 0, 14, 2, P1_W, .trap_w = HCR_TSW),
    NOP64("DC CVAC", 3, 10, 1, P0_W, .access = access_uci, .trap_w = HCR_TPCP),
    NOP64("DC CVAU", 3, 11, 1, P0_W, .access = access_uci, .trap_w = HCR_TPU),
    NOP64("DC CIVAC", 3, 14, 1, P0_W, .access = access_uci, .trap_w = HCR_TPCP),
    NOP64("DC CVAP", 3, 12, 1, P0_W, .access = access_uci, .trap_w = HCR_TPCP, NEED(DPB)),
    NOP64("DC CVADP", 3, 13, 1, P0_W, .access = access_uci, .trap_w = HCR_TPCP, NEED(DPB2)),
    { .name = "DC ZVA", .key = A64_SYSREG(1, 3, 7, 4, 1), .perm = P0_W, .flags = SR_CONTINUE | SR_CURRENT, .access = access_zva,
      .trap_w = HCR_TDZ },
    NOP64("CFP RCTX", 3, 3, 4, P0_W, NEED(SPECRES)), NOP64("DVP RCTX", 3, 3, 5, P0_W, NEED(SPECRES)), NOP64("CPP RCTX", 3, 3, 7, P0_W, NEED(SPECRES)),
    /* Registers of the Cortex-A53 to Neoverse N1: what software looks at reads as zero */
    { .name = "L2CTLR_EL1", .key = A64_SYSREG(3, 1, 11, 0, 2), .perm = P1_RW, .read = arm_read_l2ctlr, .flags = SR_CONTINUE },
    CONST64("L2ECTLR_EL1", 3, 1, 11, 0, 3, P1_RW), OWN("L2ACTLR_EL1", 1, 0, 0, P1_RW), OWN("CPUACTLR_EL1", 1, 2, 0, P1_RW),
    OWN("CPUECTLR_EL1", 1, 2, 1, P1_RW), OWN("CPUMERRSR_EL1", 1, 2, 2, P1_RW), OWN("L2MERRSR_EL1", 1, 2, 3, P1_RW),
    OWN("CPUACTLR2_EL1", 0, 1, 1, P1_RW), OWN("CPUACTLR_EL1", 0, 1, 0, P1_RW), OWN("CPUACTLR3_EL1", 0, 1, 2, P1_RW),
    OWN("CPUCFR_EL1", 0, 0, 0, P1_R), OWN("CPUECTLR_EL1", 0, 1, 4, P1_RW), OWN("CPUPWRCTLR_EL1", 0, 2, 7, P1_RW),
    { .name = "CBAR_EL1", .key = A64_SYSREG(3, 1, 15, 3, 0), .perm = P1_R, F(cbar) },

    { .name = "CTR", .key = A32_CP(15, 0, 0, 0, 1), .perm = P1_R, F(ctr), .trap_r = HCR_TID2 },
    { .name = "CLIDR", .key = A32_CP(15, 1, 0, 0, 1), .perm = P1_R, F(clidr), .trap_r = HCR_TID2, NEED(V7) },
    { .name = "CCSIDR", .key = A32_CP(15, 1, 0, 0, 0), .perm = P1_R, .read = read_ccsidr, .trap_r = HCR_TID2, NEED(V7) },
    { .name = "CSSELR", .key = A32_CP(15, 2, 0, 0, 0), .perm = P1_RW, .flags = SR_BANKED | SR_CONTINUE, F(csselr[0]), NEED(V7) },
    NOP32("WFI", 0, 0, 4, P1_W), NOP32("ICIALLUIS", 0, 1, 0, P1_W), NOP32("BPIALLIS", 0, 1, 6, P1_W), NOP32("ICIALLU", 0, 5, 0, P1_W),
    NOP32("ICIMVAU", 0, 5, 1, P1_W), NOP32("ICISW", 0, 5, 2, P1_W), NOP32("BPIALL", 0, 5, 6, P1_W), NOP32("BPIMVA", 0, 5, 7, P1_W),
    NOP32("DCIALL", 0, 6, 0, P1_W), NOP32("DCIMVAC", 0, 6, 1, P1_W), NOP32("DCISW", 0, 6, 2, P1_W),
    NOP32("UNIFIED", 0, 7, 0, P1_W), NOP32("UNIFIED", 0, 7, 1, P1_W), NOP32("UNIFIED", 0, 7, 2, P1_W),
    NOP32("DCCALL", 0, 10, 0, P1_W), NOP32("DCCMVAC", 0, 10, 1, P1_W), NOP32("DCCSW", 0, 10, 2, P1_W), NOP32("CLEAN", 0, 11, 1, P1_W),
    NOP32("PREFETCH", 0, 13, 1, P1_W), NOP32("DCCIALL", 0, 14, 0, P1_W), NOP32("DCCIMVAC", 0, 14, 1, P1_W), NOP32("DCCISW", 0, 14, 2, P1_W),
    NOP32("UNIFIED", 0, 15, 0, P1_W), NOP32("UNIFIED", 0, 15, 1, P1_W), NOP32("UNIFIED", 0, 15, 2, P1_W),
    /* Barriers of v6; test-clean loops of the ARM926 finish at once: Z is set */
    NOP32("DSB", 0, 10, 4, P0_W), NOP32("DMB", 0, 10, 5, P0_W, NEED(V6)),
    { .name = "ISB", .key = A32_CP(15, 0, 7, 5, 4), .perm = P0_W, .flags = SR_CONTINUE, .write = arm_write_nothing },
    { .name = "TESTCLEAN", .key = A32_CP(15, 0, 7, 10, 3), .perm = P1_RW, .flags = SR_CONST, .value = 1u << 30 },
    { .name = "TESTCLEANINV", .key = A32_CP(15, 0, 7, 14, 3), .perm = P1_RW, .flags = SR_CONST, .value = 1u << 30 },
    { .name = NULL },
};

void arm_write_nothing(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    (void)env, (void)r, (void)value;
}

/* Cores in the cluster, at bits 25:24. */
uint64_t arm_read_l2ctlr(ARMCPU *env, const ARMSysReg *r)
{
    uint64_t n = 0;

    (void)env, (void)r;
    CPU_FOREACH(cpu)
        n++;
    return ((n > 4 ? 4 : n) - 1) << 24;
}
