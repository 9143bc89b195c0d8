/* SPDX-License-Identifier: MIT */
/*
 * Derived state of a vCPU: exception level, Security state, the effective HCR_EL2, PSTATE and CPSR as a whole, AArch32 register banks,
 * and the TB flags. Arm ARM DDI 0487 D1, G1; shared pseudocode functions of the same purpose.
 */
#include "cpu.h"
#include "helper.h"

#include <string.h>

/* ---- Exception levels and Security ---- */

static bool el3_is_aa32(const ARMCPU *env)
{
    return arm_feature(env, ARM_FEATURE_EL3) && !arm_feature(env, ARM_FEATURE_AARCH64);
}

bool arm_is_secure_below_el3(const ARMCPU *env)
{
    return arm_feature(env, ARM_FEATURE_EL3) && !(env->scr_el3 & SCR_NS);
}

static unsigned mode_el(const ARMCPU *env, unsigned mode)
{
    switch (mode) {
    case MODE_USR:
        return 0;
    case MODE_HYP:
        return 2;
    case MODE_MON:
        return 3;
    default:
        return el3_is_aa32(env) && arm_is_secure_below_el3(env) ? 3 : 1;
    }
}

unsigned arm_current_el(const ARMCPU *env)
{
    if (arm_feature(env, ARM_FEATURE_M))
        return env->v7m.exception || !(env->v7m.control[env->v7m.secure] & 1);
    return arm_is_aa64(env) ? env->pstate >> PSTATE_EL_SHIFT & 3 : mode_el(env, env->pstate & CPSR_M);
}

bool arm_is_secure(const ARMCPU *env)
{
    if (!arm_feature(env, ARM_FEATURE_EL3))
        return false;
    if (arm_is_aa64(env) ? arm_current_el(env) == 3 : (env->pstate & CPSR_M) == MODE_MON)
        return true;
    return arm_is_secure_below_el3(env);
}

/* EL2 exists and is not switched off by being Secure. */
static bool el2_enabled(const ARMCPU *env)
{
    return arm_feature(env, ARM_FEATURE_EL2) &&
           (!arm_is_secure_below_el3(env) || (arm_feature(env, ARM_FEATURE_SEL2) && env->scr_el3 & 1ull << 18));
}

bool arm_el_is_aa64(const ARMCPU *env, unsigned el)
{
    bool aa64 = arm_feature(env, ARM_FEATURE_AARCH64);

    if (!aa64 || el == 3)
        return aa64;
    if (el == 0)
        return arm_is_aa64(env);
    if (arm_feature(env, ARM_FEATURE_EL3))
        aa64 = env->scr_el3 & SCR_RW;
    if (el == 1 && aa64 && el2_enabled(env))
        aa64 = env->hcr_el2 & HCR_RW || (env->hcr_el2 & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
    return aa64;
}

uint64_t arm_hcr(const ARMCPU *env)
{
    uint64_t hcr = env->hcr_el2;

    if (!el2_enabled(env))
        return 0;
    if (!(hcr & HCR_TGE))
        return hcr;
    hcr &= ~(HCR_VM | HCR_PTW | HCR_FB | HCR_DC | HCR_TWI | HCR_TWE | HCR_TID1 | HCR_TID3 | HCR_TSC | HCR_TACR | HCR_TSW |
             HCR_TTLB | HCR_TVM | HCR_TRVM | HCR_VF | HCR_VI | HCR_VSE | HCR_HCD);
    if (hcr & HCR_E2H)
        return hcr & ~(HCR_FMO | HCR_IMO | HCR_AMO | HCR_TID0 | HCR_TID2 | HCR_TDZ | HCR_TPCP | HCR_TPU | HCR_CD | HCR_ID |
                       HCR_TIDCP);
    return hcr | HCR_FMO | HCR_IMO | HCR_AMO;
}

unsigned arm_s_index(const ARMCPU *env)
{
    return el3_is_aa32(env) && arm_is_secure(env) ? 3 : 1;
}

/* ---- Flags ---- */

uint64_t helper_cc_nzcv(uint64_t nz, uint64_t a, uint64_t b, uint32_t op)
{
    bool wide = op & 1, carry, overflow;
    uint64_t sign = wide ? 1ull << 63 : 1ull << 31, mask = sign | (sign - 1), r = nz & mask;

    switch (op & ~1u) {
    case CC_FCMP:
        return arm_fcmp_nzcv((uint32_t)a);
    case CC_ADD32:
        a = nz - b;
        break;
    case CC_SUB32:
        a = nz + b;
        break;
    }
    a &= mask;
    b &= mask;
    switch (op & ~1u) {
    case CC_ADD32: case CC_NZ_ADD32: {
        uint64_t sum = (a + b) & mask;
        carry = sum < a;
        overflow = ~(a ^ b) & (a ^ sum) & sign;
        break;
    }
    case CC_SUB32: case CC_NZ_SUB32:
        carry = a >= b;
        overflow = (a ^ b) & (a ^ (a - b)) & sign;
        break;
    case CC_CV32:
        carry = a & PSTATE_C;
        overflow = a & PSTATE_V;
        break;
    case CC_LOGIC32:
        carry = overflow = false;
        break;
    default:
        return a & PSTATE_NZCV;
    }
    return (r & sign ? PSTATE_N : 0) | (r ? 0 : PSTATE_Z) | (carry ? PSTATE_C : 0) | (overflow ? PSTATE_V : 0);
}

uint32_t arm_get_nzcv(const ARMCPU *env)
{
    return (uint32_t)helper_cc_nzcv(env->cc_nz, env->cc_a, env->cc_b, env->cc_op);
}

void arm_set_nzcv(ARMCPU *env, uint32_t nzcv)
{
    env->cc_op = CC_NZCV;
    env->cc_a = nzcv & PSTATE_NZCV;
}

/* ---- PSTATE ---- */

uint32_t arm_get_cpsr(const ARMCPU *env)
{
    return arm_get_nzcv(env) | env->pstate | env->qf << 27 | env->ge << 16 | (env->thumb ? CPSR_T : 0) |
           (env->condexec & 0xfc) << 8 | (env->condexec & 3) << 25;
}

uint32_t arm_get_pstate(const ARMCPU *env)
{
    if (!arm_is_aa64(env))
        return arm_get_cpsr(env);
    return arm_get_nzcv(env) | env->pstate | env->btype << PSTATE_BTYPE_SHIFT;
}

/* ---- AArch32 banks ---- */

ARMBank arm_bank_of_mode(unsigned mode)
{
    switch (mode) {
    case MODE_FIQ:
        return BANK_FIQ;
    case MODE_IRQ:
        return BANK_IRQ;
    case MODE_SVC:
        return BANK_SVC;
    case MODE_ABT:
        return BANK_ABT;
    case MODE_UND:
        return BANK_UND;
    case MODE_MON:
        return BANK_MON;
    case MODE_HYP:
        return BANK_HYP;
    default:
        return BANK_USR;
    }
}

/* Hyp mode has an SP of its own and the User LR. */
static unsigned lr_bank(ARMBank bank)
{
    return bank == BANK_HYP ? BANK_USR : bank;
}

void arm_switch_mode(ARMCPU *env, unsigned from_mode, unsigned to_mode)
{
    ARMBank from = arm_bank_of_mode(from_mode), to = arm_bank_of_mode(to_mode);

    if (from == to)
        return;
    for (unsigned i = 0; i < 5 && (from == BANK_FIQ || to == BANK_FIQ); i++) {
        (from == BANK_FIQ ? env->fiq_r8_12 : env->usr_r8_12)[i] = (uint32_t)env->x[8 + i];
        env->x[8 + i] = (to == BANK_FIQ ? env->fiq_r8_12 : env->usr_r8_12)[i];
    }
    env->bank_r13[from] = (uint32_t)env->x[13];
    env->bank_r14[lr_bank(from)] = (uint32_t)env->x[14];
    env->x[13] = env->bank_r13[to];
    env->x[14] = env->bank_r14[lr_bank(to)];
}

void arm_set_cpsr(ARMCPU *env, uint32_t value, uint32_t mask)
{
    const uint32_t stored = ~(PSTATE_NZCV | CPSR_Q | CPSR_GE | CPSR_T | CPSR_IT | CPSR_M | CPSR_J);

    if (mask & PSTATE_NZCV)
        arm_set_nzcv(env, (arm_get_nzcv(env) & ~mask) | (value & mask));
    if (mask & CPSR_Q)
        env->qf = value >> 27 & 1;
    if (mask & CPSR_GE)
        env->ge = ((env->ge << 16 & ~mask) | (value & mask & CPSR_GE)) >> 16 & 15;
    if (mask & CPSR_T)
        env->thumb = !!(value & CPSR_T);
    if (mask & CPSR_IT)
        env->condexec = (value >> 8 & 0xfc) | (value >> 25 & 3);
    if (mask & CPSR_M && (value ^ env->pstate) & CPSR_M) {
        arm_switch_mode(env, env->pstate & CPSR_M, value & CPSR_M);
        env->pstate = (env->pstate & ~(uint32_t)CPSR_M) | (value & CPSR_M);
    }
    env->pstate = (env->pstate & ~(mask & stored)) | (value & mask & stored);
}

/* ---- TB flags ---- */

/* The EL that FP and SIMD instructions trap to; 0 = enabled. */
static unsigned fp_trap_el(const ARMCPU *env, unsigned el)
{
    uint64_t hcr = arm_hcr(env);

    if (arm_feature(env, ARM_FEATURE_M)) {
        unsigned access = env->v7m.cpacr[env->v7m.secure] >> 20 & 3;
        bool denied = arm_feature(env, ARM_FEATURE_M_SECURITY) && !env->v7m.secure && !(env->v7m.nsacr >> 10 & 1);
        return access != 3 && !(access == 1 && el) ? 1 : denied ? 3 : 0;
    }
    if ((hcr & (HCR_E2H | HCR_TGE)) != (HCR_E2H | HCR_TGE) && el <= 1) {
        unsigned fpen = env->cpacr >> 20 & 3;
        if (fpen == 0 || fpen == 2 || (fpen == 1 && el == 0))
            return 1;
    }
    if (!arm_is_aa64(env) && el3_is_aa32(env) && !arm_is_secure(env) && !(env->nsacr >> 10 & 1))
        return 1;
    if (el <= 2 && arm_feature(env, ARM_FEATURE_EL2) && (el == 2 || el2_enabled(env))) {
        unsigned fpen = env->cptr_el[2] >> 20 & 3;
        if (hcr & HCR_E2H) {
            if (fpen == 0 || fpen == 2 || (fpen == 1 && el == 0 && hcr & HCR_TGE))
                return 2;
        } else if (env->cptr_el[2] >> 10 & 1) {
            return 2;
        }
    }
    return env->cptr_el[3] >> 10 & 1 ? 3 : 0;
}

static bool step_active(const ARMCPU *env, unsigned el)
{
    unsigned debug_el = arm_hcr(env) & HCR_TGE || env->mdcr_el2 >> 8 & 1 ? 2 : 1;

    if (!(env->mdscr_el1 & 1) || env->oslsr & 2 || !arm_el_is_aa64(env, debug_el))
        return false;
    if (el < debug_el)
        return true;
    return el == debug_el && env->mdscr_el1 >> 13 & 1 && arm_is_aa64(env) && !(env->pstate & PSTATE_D);
}

static uint32_t flags_a64(const ARMCPU *env, unsigned el)
{
    uint64_t hcr = arm_hcr(env);
    bool e2h = hcr & HCR_E2H, host = e2h && (el == 2 || (el == 0 && hcr & HCR_TGE));
    unsigned regime = el == 0 ? (host ? 2 : 1) : el;
    uint64_t sctlr = env->sctlr_el[regime];
    uint32_t f = TBF_AARCH64;

    if (sctlr & (SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB))
        f |= TBF_PAUTH;
    if (sctlr & (el == 0 ? SCTLR_BT0 : SCTLR_BT1))
        f |= TBF_BT;
    if (env->guarded_seen)
        f |= TBF_BTI;
    if (sctlr & (el == 0 ? SCTLR_E0E : SCTLR_EE))
        f |= TBF_BE_DATA;
    if (sctlr & SCTLR_A)
        f |= TBF_ALIGN;
    if (!(env->pstate & PSTATE_UAO) && (el == 1 || (el == 2 && e2h && hcr & HCR_TGE)))
        f |= TBF_UNPRIV;
    if (e2h && el == 2)
        f |= TBF_E2H;
    return f;
}

static uint32_t flags_a32(const ARMCPU *env, unsigned el)
{
    uint32_t f = 0;
    uint64_t sctlr = env->sctlr_el[el == 2 ? 2 : el == 0 && arm_hcr(env) & HCR_TGE ? 2 : arm_s_index(env)];

    if (env->pstate & CPSR_E)
        f |= TBF_BE_DATA;
    if (sctlr & SCTLR_A)
        f |= TBF_ALIGN;
    if (sctlr & SCTLR_B && !arm_feature(env, ARM_FEATURE_V7))
        f |= TBF_SCTLR_B;
    if (env->fpexc & FPEXC_EN || arm_el_is_aa64(env, 1))
        f |= TBF_VFPEN;
    f |= (env->fpcr >> 16 & 7) << TBF_VECLEN_SHIFT;
    return (env->fpcr >> 20 & 3) == 3 ? f | TBF_VECSTRIDE : f;
}

void arm_security_changed(ARMCPU *env)
{
    if (env->gic && arm_feature(env, ARM_FEATURE_EL3))
        env->gic->state_changed(env->gic_opaque, env);
}

void arm_rebuild_hflags(ARMCPU *env)
{
    unsigned el = arm_current_el(env), mode = el == 0 ? ARM_MMU_USER : env->pstate & PSTATE_PAN ? ARM_MMU_PAN : ARM_MMU_PRIV;
    uint32_t f = arm_feature(env, ARM_FEATURE_M) ? arm_m_hflags(env) : arm_is_aa64(env) ? flags_a64(env, el) : flags_a32(env, el);

    f |= el << TBF_EL_SHIFT | mode << TBF_MMU_SHIFT | (el == 0 ? TBF_USER : 0);
    f |= fp_trap_el(env, el) << TBF_FPEL_SHIFT;
    f |= arm_fp_hflags(env);
    if (env->pstate & PSTATE_IL)
        f |= TBF_IL;
    if (UNLIKELY(env->mdscr_el1 & 1) && step_active(env, el))
        f |= TBF_SS_ACTIVE;
    env->hflags = f;
}
