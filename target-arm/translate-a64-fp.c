/* SPDX-License-Identifier: MIT */
/*
 * AArch64 scalar floating point: Arm ARM C4.1.68, "Floating-point data-processing" to "Conversion between floating-point and
 * integer". The vector registers are IR globals; a scalar result clears the rest of its register. The decoder of all
 * FP and SIMD instructions (a64-simd.decode) is made here.
 */
#include "translate-simd.h"

#define DECODE_BODY_a64_simd
#include "obj/target-arm/a64-simd.decode.inc"

IRVal cpu_v[32];

void arm_simd_init(void)
{
    static char names[32][4];

    for (unsigned i = 0; i < 32; i++) {
        snprintf(names[i], sizeof(names[i]), "v%u", i);
        cpu_v[i] = ir_global(IR_V128, ARM_VREG_OFFSET(i), names[i], 0);
    }
}

bool a64_simd_insn(DisasContext *s, uint32_t insn)
{
    return decode_a64_simd(s, insn);
}

/* Element size of a ptype field; -1 when there is no such format. */
static int scalar_esz(DisasContext *s, unsigned ptype)
{
    switch (ptype) {
    case 0: return E32;
    case 1: return E64;
    case 3: return arm_feature(s->env, ARM_FEATURE_FP16) ? E16 : -1;
    default: return -1;
    }
}

/* ---- Data processing ---- */

static bool fcvt(DisasContext *s, unsigned ptype, unsigned to, unsigned rd, unsigned rn)
{
    static const int8_t esz[4] = { E32, E64, -1, E16 };

    if (ptype == to || ptype == 2)
        return false;
    if (arm_fp_check(s))
        simd_fp_convert(s, (unsigned)esz[to], (unsigned)esz[ptype], cpu_v[rd], cpu_v[rn]);
    return true;
}

/* How simd_fp_round names the modes of opcodes 8-15. */
static const int8_t frint_mode[8] = { FP_NEAREST, FP_UP, FP_DOWN, FP_ZERO, FP_AWAY, -1, 8 | 16, 8 };

static bool fp_round_to_size(DisasContext *s, unsigned esz, unsigned bytes, unsigned opcode, unsigned rd, unsigned rn)
{
    unsigned how = (opcode & 1 ? 8 : 0) | (opcode & 2 ? 32 : 0);

    if (!arm_feature(s->env, ARM_FEATURE_FRINTTS) || esz < E32)
        return false;
    if (arm_fp_check(s))
        simd_call(s, &vc_frintts, VI(bytes, esz, 0, how), cpu_v[rd], cpu_v[rn], IR_NONE, IR_NONE);
    return true;
}

bool trans_FP_1SRC(DisasContext *s, arg_FP_1SRC *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    IRVal d = cpu_v[a->rd], n = cpu_v[a->rn];
    unsigned bytes, e;

    if (a->opcode == 6) { /* BFCVT */
        if (a->ptype != 1 || !arm_feature(s->env, ARM_FEATURE_BF16))
            return false;
        if (arm_fp_check(s))
            simd_call(s, &vc_fcvt, VI(2, E32, 0, 4), d, n, IR_NONE, IR_NONE);
        return true;
    }
    if (a->opcode >= 4 && a->opcode <= 7)
        return fcvt(s, (unsigned)a->ptype, (unsigned)a->opcode & 3, (unsigned)a->rd, (unsigned)a->rn);
    if (esz < 0 || a->opcode > 0x13 || a->opcode == 0xd)
        return false;
    e = (unsigned)esz;
    bytes = 1u << e;
    if (a->opcode >= 0x10)
        return fp_round_to_size(s, e, bytes, (unsigned)a->opcode & 3, (unsigned)a->rd, (unsigned)a->rn);
    if (!arm_fp_check(s))
        return true;
    switch (a->opcode) {
    case 0: simd_zero_above(s, d, n, bytes); break;
    case 1: simd_fp_abs(s, e, bytes, d, n); break;
    case 2: simd_fp_neg(s, e, bytes, d, n); break;
    case 3: simd_fp(s, &fp_op_sqrt, e, bytes, false, d, n, n, IR_NONE); break;
    default: simd_fp_round(s, e, bytes, false, (unsigned)frint_mode[a->opcode & 7], d, n); break;
    }
    return true;
}

static const FpOp fp_op_max = { .call = &vc_fmax }, fp_op_min = { .call = &vc_fmin };
static const FpOp fp_op_maxnm = { .call = &vc_fmaxnm }, fp_op_minnm = { .call = &vc_fminnm };

bool trans_FP_2SRC(DisasContext *s, arg_FP_2SRC *a)
{
    static const FpOp *const ops[9] = { &fp_op_mul, &fp_op_div, &fp_op_add, &fp_op_sub, &fp_op_max, &fp_op_min,
                                        &fp_op_maxnm, &fp_op_minnm, &fp_op_mul };
    int esz = scalar_esz(s, (unsigned)a->ptype);
    IRVal d = cpu_v[a->rd];

    if (esz < 0 || a->opcode > 8)
        return false;
    if (!arm_fp_check(s))
        return true;
    simd_fp(s, ops[a->opcode], (unsigned)esz, 1u << esz, false, d, cpu_v[a->rn], cpu_v[a->rm], IR_NONE);
    if (a->opcode == 8)
        simd_fp_neg(s, (unsigned)esz, 1u << esz, d, d);
    return true;
}

bool trans_FP_3SRC(DisasContext *s, arg_FP_3SRC *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    static const FpOp *const ops[2][2] = { { &fp_op_fma, &fp_op_fms }, { &fp_op_fnma, &fp_op_fnms } };

    if (esz < 0)
        return false;
    if (!arm_fp_check(s))
        return true;
    simd_fp(s, ops[a->o1][a->o0], (unsigned)esz, 1u << esz, false, cpu_v[a->rd], cpu_v[a->rn], cpu_v[a->rm], cpu_v[a->ra]);
    return true;
}

bool trans_FP_IMM(DisasContext *s, arg_FP_IMM *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);

    if (esz < 0)
        return false;
    if (arm_fp_check(s))
        simd_set_low(s, cpu_v[a->rd], simd_fp_expand_imm((unsigned)esz, (unsigned)a->imm8));
    return true;
}

/* ---- Comparisons and selection ---- */

bool trans_FP_CMP(DisasContext *s, arg_FP_CMP *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    IRVal m, flags;

    if (esz < 0)
        return false;
    if (!arm_fp_check(s))
        return true;
    m = a->z ? simd_zero(s) : cpu_v[a->rm];
    flags = simd_fp_compare_flags(s, (unsigned)esz, cpu_v[a->rn], m, a->e);
    if (flags != IR_NONE)
        arm_cc_fcmp(s, flags);
    else
        arm_cc_nzcv(s, simd_fp_compare(s, (unsigned)esz, cpu_v[a->rn], m, a->e));
    return true;
}

bool trans_FP_CCMP(DisasContext *s, arg_FP_CCMP *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    unsigned skip;
    IRVal nzcv;

    if (esz < 0)
        return false;
    if (!arm_fp_check(s))
        return true;
    if (a->cond >= 14) {
        arm_cc_nzcv(s, simd_fp_compare(s, (unsigned)esz, cpu_v[a->rn], cpu_v[a->rm], a->e));
        return true;
    }
    nzcv = arm_tmp(s);
    skip = ir_new_label(s->ir);
    ir_movi(s->ir, nzcv, (uint64_t)a->nzcv << 28);
    arm_brcond(s, (unsigned)a->cond ^ 1, skip);
    ir_mov(s->ir, nzcv, simd_fp_compare(s, (unsigned)esz, cpu_v[a->rn], cpu_v[a->rm], a->e));
    ir_label(s->ir, skip);
    arm_cc_nzcv(s, nzcv);
    return true;
}

bool trans_FP_CSEL(DisasContext *s, arg_FP_CSEL *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    IRFunc *f = s->ir;
    IRVal n, m;
    ARMTest t;

    if (esz < 0)
        return false;
    if (!arm_fp_check(s))
        return true;
    if (a->cond >= 14) {
        simd_zero_above(s, cpu_v[a->rd], cpu_v[a->rn], 1u << esz);
        return true;
    }
    n = arm_tmp(s);
    m = arm_tmp(s);
    simd_extract(s, (unsigned)esz, false, n, cpu_v[a->rn], 0);
    simd_extract(s, (unsigned)esz, false, m, cpu_v[a->rm], 0);
    t = arm_test(s, (unsigned)a->cond);
    ir_movcond(f, t.cond, IR_I64, n, t.type, t.a, t.b, n, m);
    ir_v_from_int(f, cpu_v[a->rd], n);
    return true;
}

/* ---- Between floating point and integers ---- */

static bool fmov_general(DisasContext *s, arg_FCVT_INT *a)
{
    IRFunc *f = s->ir;
    bool to_general = a->opcode == 6;
    IRVal v = to_general ? cpu_v[a->rn] : cpu_v[a->rd], t;

    if (a->rmode == 1) {
        if (a->ptype != 2 || !a->sf)
            return false;
    } else if (a->rmode || !(a->ptype == 3 ? arm_feature(s->env, ARM_FEATURE_FP16) : a->ptype == a->sf)) {
        return false;
    }
    if (!arm_fp_check(s))
        return true;
    if (to_general) {
        simd_extract(s, a->ptype == 3 ? E16 : a->sf ? E64 : E32, false, a64_dest(s, (unsigned)a->rd), v, a->rmode == 1);
    } else if (a->rmode == 1) {
        simd_insert(s, E64, v, v, a64_reg(s, (unsigned)a->rn), 1);
    } else if (a->ptype == 1) {
        ir_v_from_int(f, v, a64_reg(s, (unsigned)a->rn));
    } else {
        t = arm_tmp(s);
        ir_extract(f, IR_EXTRACT, IR_I64, t, a64_reg(s, (unsigned)a->rn), 0, a->ptype == 3 ? 16 : 32);
        ir_v_from_int(f, v, t);
    }
    return true;
}

static bool fjcvtzs(DisasContext *s, unsigned rd, unsigned rn)
{
    IRFunc *f = s->ir;
    IRVal t = arm_tmp(s), r = arm_tmp(s);

    if (!arm_feature(s->env, ARM_FEATURE_JSCVT))
        return false;
    if (!arm_fp_check(s))
        return true;
    simd_extract(s, E64, false, t, cpu_v[rn], 0);
    ARM_CALL(s, fjcvtzs, r, t);
    ir_extract(f, IR_EXTRACT, IR_I64, a64_dest(s, rd), r, 0, 32);
    ir_op2i(f, IR_SHR, IR_I64, t, r, 32);
    ir_op2i(f, IR_SHL, IR_I64, t, t, 30);
    arm_cc_nzcv(s, t);
    return true;
}

bool trans_FCVT_INT(DisasContext *s, arg_FCVT_INT *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    unsigned how = CVT_ROUND(a->opcode & 4 ? FP_AWAY : arm_rounding((unsigned)a->rmode));

    if (a->opcode == 6 && a->rmode == 3)
        return !a->sf && a->ptype == 1 && fjcvtzs(s, (unsigned)a->rd, (unsigned)a->rn);
    if (a->opcode >= 6)
        return fmov_general(s, a);
    if (esz < 0 || (a->opcode >= 2 && a->rmode))
        return false;
    if (!arm_fp_check(s))
        return true;
    if ((a->opcode & 6) == 2)
        simd_fp_from_int(s, (unsigned)esz, a->sf, !(a->opcode & 1), 0, cpu_v[a->rd], a64_reg(s, (unsigned)a->rn));
    else
        simd_fp_to_int(s, (unsigned)esz, a->sf, !(a->opcode & 1), how, a64_dest(s, (unsigned)a->rd), cpu_v[a->rn]);
    return true;
}

bool trans_FCVT_FIXED(DisasContext *s, arg_FCVT_FIXED *a)
{
    int esz = scalar_esz(s, (unsigned)a->ptype);
    unsigned fbits = 64 - (unsigned)a->scale;
    bool to_int = a->opcode < 2;

    if (esz < 0 || a->opcode > 3 || a->rmode != (to_int ? 3 : 0) || (!a->sf && a->scale < 32))
        return false;
    if (!arm_fp_check(s))
        return true;
    if (to_int)
        simd_fp_to_int(s, (unsigned)esz, a->sf, !(a->opcode & 1), CVT_FIXED(fbits), a64_dest(s, (unsigned)a->rd), cpu_v[a->rn]);
    else
        simd_fp_from_int(s, (unsigned)esz, a->sf, !(a->opcode & 1), fbits, cpu_v[a->rd], a64_reg(s, (unsigned)a->rn));
    return true;
}
