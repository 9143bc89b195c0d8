/* SPDX-License-Identifier: MIT */
/*
 * Instructions of M profile: special registers, CPS, Secure gateways and branches, TT, what floating point needs first, stack limits;
 * and which encodings a version lacks. Armv7-M ARM (DDI 0403) A5-A7, B5; Armv8-M ARM (DDI 0553) C2.
 */
#include "translate-m.h"

#include "helper.h"
#include "m-profile.h"
#include "target-arm/t32-m.decode.inc"

#define DECODE_BODY_t32_m
#include "target-arm/t32-m.decode.inc"

static bool has(const DisasContext *s, ARMFeature f)
{
    return arm_feature(s->env, f);
}

static bool is_secure(const DisasContext *s)
{
    return s->flags & TBF_M_SECURE;
}

void m_gen_usage(DisasContext *s, uint32_t cfsr)
{
    arm_gen_exception(s, EXCP_M_USAGE, cfsr, 0);
}

/* ---- Special registers ---- */

bool m_trans_MRS(DisasContext *s, arg_MRS *a)
{
    IRVal t = arm_tmp(s);

    if (a->rd == 15 || a->rd == 13)
        return false;
    arm_sync_cc_op(s);
    ARM_CALL(s, m_mrs, t, ir_i32(s->ir, (uint32_t)a->sysm));
    ir_mov(s->ir, cpu_x[a->rd], t);
    return true;
}

bool m_trans_MSR(DisasContext *s, arg_MSR *a)
{
    if (a->rn == 15 || a->rn == 13)
        return false;
    arm_sync_cc_op(s);
    ARM_CALL(s, m_msr, IR_NONE, ir_i32(s->ir, (uint32_t)(a->sysm | a->mask << 8)), cpu_x[a->rn]);
    arm_forget_cc(s);
    arm_end_lookup(s);
    return true;
}

/* PRIMASK is changed in place; FAULTMASK, which decides about the MPU, in a helper. */
bool m_cps(DisasContext *s, bool disable, unsigned aif)
{
    uint32_t primask = ARM_OFFSET(v7m.primask) + (is_secure(s) ? 4 : 0);

    if (!s->el)
        return true;
    if (aif & 1 && has(s, ARM_FEATURE_M_MAIN)) {
        ARM_CALL(s, m_cps, IR_NONE, ir_i32(s->ir, disable), ir_i32(s->ir, aif));
        arm_end_lookup(s);
        return true;
    }
    if (!(aif & 2))
        return true;
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, disable), primask);
    if (!disable) {
        IRVal pending = arm_tmp(s);
        unsigned on = ir_new_label(s->ir);
        bool dirty = s->cc_op_dirty;
        arm_sync_cc_op(s);
        s->cc_op_dirty = dirty && s->cond_jump;
        ir_ld(s->ir, IR_LD32U, IR_I64, pending, (uint32_t)offsetof(CPUState, interrupt_request));
        ir_brcond(s->ir, IR_EQ, IR_I64, pending, ir_i64(s->ir, 0), on);
        arm_store_pc(s, arm_next_pc(s));
        ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->condexec), ARM_OFFSET(condexec));
        ir_exit_tb(s->ir, IR_EXIT_NORMAL);
        ir_label(s->ir, on);
    }
    return true;
}

/* ---- Security ---- */

/* In Non-secure state where it may be called it never gets here: fetching it raises an exception (m-excp.c). */
bool m_trans_SG(DisasContext *s, arg_SG *a)
{
    if (!has(s, ARM_FEATURE_M_V8))
        return false;
    if (is_secure(s))
        s->condexec = 0;
    return true;
}

bool m_trans_TT(DisasContext *s, arg_TT *a)
{
    IRVal t = arm_tmp(s);

    if (!has(s, ARM_FEATURE_M_V8) || a->rd == 13 || a->rd == 15 || a->rn == 15 || (a->a && !is_secure(s)))
        return false;
    ARM_CALL(s, m_tt, t, cpu_x[a->rn], ir_i32(s->ir, (uint32_t)(a->a | a->t << 1)));
    ir_mov(s->ir, cpu_x[a->rd], t);
    return true;
}

bool m_bxns(DisasContext *s, unsigned rm, bool link)
{
    if (!has(s, ARM_FEATURE_M_SECURITY) || !is_secure(s) || (link && rm == 15))
        return false;
    arm_sync_cc_op(s);
    arm_store_pc(s, arm_next_pc(s));
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->condexec), ARM_OFFSET(condexec));
    if (link)
        ARM_CALL(s, m_blxns, IR_NONE, a32_reg(s, rm));
    else
        ARM_CALL(s, m_bxns, IR_NONE, a32_reg(s, rm));
    arm_end_lookup_here(s);
    return true;
}

/* Lazy save and load of FP state around calls to Non-secure code. */
bool m_trans_VLLSTM(DisasContext *s, arg_VLLSTM *a)
{
    if (!has(s, ARM_FEATURE_M_V8) || !is_secure(s) || a->rn == 15)
        return false;
    if (!has(s, ARM_FEATURE_VFP2))
        return true;
    arm_sync_cc_op(s);
    if (a->l)
        ARM_CALL(s, m_vlldm, IR_NONE, cpu_x[a->rn]);
    else
        ARM_CALL(s, m_vlstm, IR_NONE, cpu_x[a->rn]);
    arm_end_lookup(s);
    return true;
}

/* ---- Returns by branch ---- */

void m_check_return(DisasContext *s, IRVal pc)
{
    unsigned ordinary;
    bool dirty = s->cc_op_dirty;

    if (!(s->flags & TBF_M_HANDLER) && (is_secure(s) || !has(s, ARM_FEATURE_M_SECURITY)))
        return;
    ordinary = ir_new_label(s->ir);
    arm_sync_cc_op(s);
    s->cc_op_dirty = dirty && s->cond_jump;
    ir_brcond(s->ir, IR_LTU, IR_I32, pc, ir_i32(s->ir, FNC_RETURN), ordinary);
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, 0), ARM_OFFSET(condexec));
    arm_store_pc(s, arm_pc(s));
    ARM_CALL(s, m_return, IR_NONE, pc);
    ir_goto_lookup(s->ir);
    ir_label(s->ir, ordinary);
}

void m_check_splim(DisasContext *s, IRVal sp)
{
    if (s->flags & TBF_M_SPLIM)
        ARM_CALL(s, m_check_splim, IR_NONE, sp);
}

void m_check_divisor(DisasContext *s, IRVal divisor)
{
    unsigned ok;

    if (!(s->flags & TBF_M_DIV0))
        return;
    ok = ir_new_label(s->ir);
    ir_brcond(s->ir, IR_NE, IR_I32, divisor, ir_i32(s->ir, 0), ok);
    ARM_CALL(s, raise, IR_NONE, ir_i32(s->ir, EXCP_M_USAGE), ir_i32(s->ir, CFSR_DIVBYZERO), ir_i32(s->ir, 0));
    ir_label(s->ir, ok);
}

/* ---- Floating point ---- */

bool m_fp_check(DisasContext *s)
{
    bool dirty = s->cc_op_dirty;
    uint32_t condexec = s->ir->insns[s->ir->ninsns - 1].extra >> 8;

    if (s->fp_el) {
        arm_gen_exception(s, EXCP_M_USAGE, CFSR_NOCP, s->fp_el);
        return false;
    }
    if (!(s->flags & TBF_M_FP_PREPARE))
        return true;
    /* The instruction then runs again, in a state that needs no more preparation. */
    arm_sync_cc_op(s);
    s->cc_op_dirty = dirty && s->cond_jump;
    arm_store_pc(s, arm_pc(s));
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, condexec), ARM_OFFSET(condexec));
    ARM_CALL0(s, m_fp_prepare, IR_NONE);
    ir_goto_lookup(s->ir);
    if (!s->cond_jump)
        s->base.stop = true;
    return false;
}

/* ---- What is there ---- */

/* 32-bit instructions of v6-M: BL, MSR, MRS, DSB, DMB, ISB, UDF.W. */
static bool in_v6m(uint32_t insn)
{
    return (insn & 0xf800d000) == 0xf000d000 || (insn & 0xffe0d000) == 0xf3808000 || (insn & 0xffe0d000) == 0xf3e08000 ||
           ((insn & 0xfff0d000) == 0xf3b08000 && (insn >> 4 & 15) >= 4 && (insn >> 4 & 15) <= 6);
}

/* ---- The DSP extension ---- */

static bool is_pack(uint32_t insn)
{
    return (insn & 0xfff00010) == 0xeac00000;
}

static bool is_extend_and_add(uint32_t insn)
{
    unsigned op = insn >> 20 & 7, rn = insn >> 16 & 15;
    return (insn & 0xff80f080) == 0xfa00f080 && (rn != 15 || op == 2 || op == 3);
}

/* Parallel and saturating arithmetic, SEL; not REV, REV16, RBIT, REVSH, CLZ. */
static bool is_parallel(uint32_t insn)
{
    if ((insn & 0xff80f000) != 0xfa80f000)
        return false;
    if (!(insn & 0x80))
        return true;
    unsigned op = insn >> 20 & 7;
    return op == 0 || op == 2;
}

static bool is_dsp_multiply(uint32_t insn)
{
    unsigned op = insn >> 20 & 7, op2 = insn >> 4 & 15;
    if ((insn & 0xff800000) == 0xfb000000)
        return op != 0;
    if ((insn & 0xff800000) != 0xfb800000)
        return false;
    return (op == 4 && op2) || op == 5 || (op == 6 && op2);
}

static bool is_saturate16(uint32_t insn)
{
    return (insn & 0xff7070c0) == 0xf3200000;
}

static bool is_dsp(uint32_t insn)
{
    return is_pack(insn) || is_extend_and_add(insn) || is_parallel(insn) || is_dsp_multiply(insn) ||
           is_saturate16(insn);
}

/* Coprocessors: 10 and 11 are the FPU; nobody is behind the others. */
static bool coprocessor(DisasContext *s, uint32_t insn)
{
    unsigned cp = insn >> 8 & 15;

    if ((insn & 0xec000000) != 0xec000000 || (insn & 0x0f000000) == 0x0f000000)
        return false;
    if ((cp == 10 || cp == 11) && has(s, ARM_FEATURE_VFP2) && !s->fp_el)
        return false;
    if ((cp == 10 || cp == 11) && has(s, ARM_FEATURE_VFP2))
        arm_gen_exception(s, EXCP_M_USAGE, CFSR_NOCP, s->fp_el);
    else
        m_gen_usage(s, CFSR_NOCP);
    return true;
}

bool m_thumb_insn(DisasContext *s, uint32_t insn, bool wide, bool *done)
{
    *done = true;
    if (!wide)
        return false;
    if (!has(s, ARM_FEATURE_M_MAIN) && !in_v6m(insn)) {
        *done = false;
        return true;
    }
    if (decode_t32_m(s, insn) || coprocessor(s, insn))
        return true;
    /* The same space without what A profile has there; Neon. */
    *done = false;
    if ((insn & 0xffe0d000) == 0xf3808000 || (insn & 0xffe0d000) == 0xf3e08000 || (insn & 0xef000000) == 0xef000000 ||
        (insn & 0xff100000) == 0xf9000000)
        return true;
    return !has(s, ARM_FEATURE_M_DSP) && is_dsp(insn);
}
