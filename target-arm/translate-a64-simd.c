/* SPDX-License-Identifier: MIT */
/*
 * AArch64 Advanced SIMD: Arm ARM C4.1.68, "Advanced SIMD three same" to "scalar copy". An opcode's meaning is a row of the
 * tables below, by U and opcode, with the element sizes it exists for (bit n: 8 << n bits). Cryptography is in
 * translate-a64-crypto.c.
 */
#include "translate-simd.h"
#include "obj/target-arm/a64-simd.decode.inc"

enum { S8 = 1, S16 = 2, S32 = 4, S64 = 8, SMALL = 7, ALL = 15 };

static unsigned vec_bytes(int q) { return q ? 16 : 8; }
static bool has(DisasContext *s, ARMFeature f) { return arm_feature(s->env, f); }

/* An integer operation: a SimdOp or only a function; for vectors and for scalars of these sizes. */
typedef struct IntRow {
    const SimdOp *op;
    const VecCall *call;
    uint8_t vec, scalar;
} IntRow;

static bool row_allows(const IntRow *r, int scalar, int q, int size)
{
    if (!r->op && !r->call)
        return false;
    if (scalar)
        return r->scalar >> size & 1;
    return r->vec >> size & 1 && (size != E64 || q);
}

static void emit_int(DisasContext *s, const IntRow *r, unsigned esz, unsigned bytes, IRVal d, IRVal n, IRVal m)
{
    if (r->op)
        simd_op(s, r->op, esz, bytes, d, n, m, d);
    else
        simd_call(s, r->call, VI(bytes, esz, 0, 0), d, n, m, d);
}

/* ---- Three registers of the same type ---- */

#define OP(o, v, sc) { .op = &simd_##o, .vec = v, .scalar = sc }
#define FN(c, v, sc) { .call = &vc_##c, .vec = v, .scalar = sc }
static const IntRow three_same[2][24] = {
    { FN(shadd, SMALL, 0), FN(sqadd, ALL, ALL), FN(srhadd, SMALL, 0), { 0 }, FN(shsub, SMALL, 0), FN(sqsub, ALL, ALL),
      OP(cmgt, ALL, S64), OP(cmge, ALL, S64), FN(sshl, ALL, S64), FN(sqshl, ALL, ALL), FN(srshl, ALL, S64),
      FN(sqrshl, ALL, ALL), OP(smax, SMALL, 0), OP(smin, SMALL, 0), OP(sabd, SMALL, 0), OP(saba, SMALL, 0),
      OP(add, ALL, S64), OP(cmtst, ALL, S64), OP(mla, SMALL, 0), OP(mul, SMALL, 0), OP(smaxp, SMALL, 0), OP(sminp, SMALL, 0),
      FN(sqdmulh, S16 | S32, S16 | S32), OP(addp, ALL, 0) },
    { FN(uhadd, SMALL, 0), FN(uqadd, ALL, ALL), OP(urhadd, SMALL, 0), { 0 }, FN(uhsub, SMALL, 0), FN(uqsub, ALL, ALL),
      OP(cmhi, ALL, S64), OP(cmhs, ALL, S64), FN(ushl, ALL, S64), FN(uqshl, ALL, ALL), FN(urshl, ALL, S64),
      FN(uqrshl, ALL, ALL), OP(umax, SMALL, 0), OP(umin, SMALL, 0), OP(uabd, SMALL, 0), OP(uaba, SMALL, 0),
      OP(sub, ALL, S64), OP(cmeq, ALL, S64), OP(mls, SMALL, 0), FN(pmul, S8, 0), OP(umaxp, SMALL, 0), OP(uminp, SMALL, 0),
      FN(sqrdmulh, S16 | S32, S16 | S32), { 0 } },
};

/* Floating point, by U, bit 23 and the low three bits of the opcode. */
typedef enum FpKind { FK_NONE, FK_OP, FK_ACC, FK_MASK, FK_ABS_MASK, FK_CALL } FpKind;
typedef struct FpRow {
    uint8_t kind, compare;
    bool scalar;
    const FpOp *op;
    const VecCall *call;
} FpRow;
#define FOP(o) { .kind = FK_OP, .op = &fp_op_##o }
#define FACC(o) { .kind = FK_ACC, .op = &fp_op_##o }
#define FCALL(c, sc) { .kind = FK_CALL, .call = &vc_##c, .scalar = sc }
#define FMASK(how) { .kind = FK_MASK, .compare = how, .scalar = true }
#define FABSMASK(how) { .kind = FK_ABS_MASK, .compare = how, .scalar = true }
static const FpRow three_same_fp[2][2][8] = {
    { { FCALL(fmaxnm, 0), FACC(fma), FOP(add), FCALL(fmulx, 1), FMASK(FPV_EQ), { 0 }, FCALL(fmax, 0), FCALL(frecps, 1) },
      { FCALL(fminnm, 0), FACC(fms), FOP(sub), { 0 }, { 0 }, { 0 }, FCALL(fmin, 0), FCALL(frsqrts, 1) } },
    { { FCALL(fmaxnmp, 0), { 0 }, FCALL(faddp, 0), FOP(mul), FMASK(FPV_GE), FABSMASK(FPV_GE), FCALL(fmaxp, 0), FOP(div) },
      { FCALL(fminnmp, 0), { 0 }, FCALL(fabd, 1), { 0 }, FMASK(FPV_GT), FABSMASK(FPV_GT), FCALL(fminp, 0), { 0 } } },
};

static bool emit_fp3(DisasContext *s, const FpRow *r, unsigned esz, unsigned bytes, int rd, int rn, int rm)
{
    bool scalar = bytes == 1u << esz;
    IRVal d = cpu_v[rd], n = cpu_v[rn], m = cpu_v[rm];

    if (r->kind == FK_NONE || (scalar && !r->scalar && bytes != 16))
        return false;
    if (!arm_fp_check(s))
        return true;
    switch (r->kind) {
    case FK_OP: simd_fp(s, r->op, esz, bytes, false, d, n, m, IR_NONE); break;
    case FK_ACC: simd_fp(s, r->op, esz, bytes, false, d, n, m, d); break;
    case FK_CALL: simd_call(s, r->call, VI(bytes, esz, 0, 0), d, n, m, d); break;
    case FK_MASK: simd_fp_mask(s, (FpVecCompare)r->compare, esz, bytes, false, d, n, m); break;
    default: {
        IRVal x = arm_tmpv(s), y = arm_tmpv(s);
        simd_fp_abs(s, esz, bytes, x, n);
        simd_fp_abs(s, esz, bytes, y, m);
        simd_fp_mask(s, (FpVecCompare)r->compare, esz, bytes, false, d, x, y);
        break;
    }
    }
    return true;
}

/* FMLAL and FMLSL (2: of the upper halves); param as vc_fmlal's. */
static bool emit_fmlal(DisasContext *s, int q, bool upper, unsigned param, int rd, int rn, int rm)
{
    if (!has(s, ARM_FEATURE_FHM))
        return false;
    if (arm_fp_check(s))
        simd_call(s, &vc_fmlal, VI(vec_bytes(q), E16, upper, param), cpu_v[rd], cpu_v[rn], cpu_v[rm], cpu_v[rd]);
    return true;
}

bool trans_V3SAME(DisasContext *s, arg_V3SAME *a)
{
    const IntRow *r;

    if (a->opcode == 3) {
        if (arm_fp_check(s))
            simd_logic(s, (unsigned)(a->u << 2 | a->size), vec_bytes(a->q), cpu_v[a->rd], cpu_v[a->rn], cpu_v[a->rm]);
        return true;
    }
    if (a->opcode == (a->u ? 0x19 : 0x1d))
        return !(a->size & 1) && emit_fmlal(s, a->q, a->u, a->size >> 1 & 1, a->rd, a->rn, a->rm);
    if (a->opcode >= 0x18)
        return ((a->size & 1) == 0 || a->q) && emit_fp3(s, &three_same_fp[a->u][a->size >> 1][a->opcode & 7], a->size & 1 ? E64 : E32,
                                                        vec_bytes(a->q), a->rd, a->rn, a->rm);
    r = &three_same[a->u][a->opcode];
    if (!row_allows(r, 0, a->q, a->size))
        return false;
    if (arm_fp_check(s))
        emit_int(s, r, (unsigned)a->size, vec_bytes(a->q), cpu_v[a->rd], cpu_v[a->rn], cpu_v[a->rm]);
    return true;
}

bool trans_S3SAME(DisasContext *s, arg_S3SAME *a)
{
    const IntRow *r;
    unsigned esz = a->size & 1 ? E64 : E32;

    if (a->opcode >= 0x18)
        return emit_fp3(s, &three_same_fp[a->u][a->size >> 1][a->opcode & 7], esz, 1u << esz, a->rd, a->rn, a->rm);
    r = &three_same[a->u][a->opcode];
    if (!row_allows(r, 1, 0, a->size))
        return false;
    if (arm_fp_check(s))
        emit_int(s, r, (unsigned)a->size, 1u << a->size, cpu_v[a->rd], cpu_v[a->rn], cpu_v[a->rm]);
    return true;
}

bool trans_V3SAME_FP16(DisasContext *s, arg_V3SAME_FP16 *a)
{
    return has(s, ARM_FEATURE_FP16) && emit_fp3(s, &three_same_fp[a->u][a->a][a->opcode], E16, vec_bytes(a->q), a->rd, a->rn, a->rm);
}

bool trans_S3SAME_FP16(DisasContext *s, arg_S3SAME_FP16 *a)
{
    return has(s, ARM_FEATURE_FP16) && emit_fp3(s, &three_same_fp[a->u][a->a][a->opcode], E16, 2, a->rd, a->rn, a->rm);
}

static bool emit_call3(DisasContext *s, const VecCall *call, uint16_t imm, int rd, int rn, int rm)
{
    if (arm_fp_check(s))
        simd_call(s, call, imm, cpu_v[rd], cpu_v[rn], cpu_v[rm], cpu_v[rd]);
    return true;
}

bool trans_V3SAME_EXTRA(DisasContext *s, arg_V3SAME_EXTRA *a)
{
    unsigned bytes = vec_bytes(a->q), esz = (unsigned)a->size;
    uint16_t imm = VI(bytes, esz, 0, 0);
    const VecCall *call = NULL;

    switch (a->opcode | a->u << 4) {
    case 0x10: case 0x11:
        if (has(s, ARM_FEATURE_RDM) && (esz == E16 || esz == E32))
            call = a->opcode ? &vc_sqrdmlsh : &vc_sqrdmlah;
        break;
    case 0x02: case 0x12:
        if (has(s, ARM_FEATURE_DOTPROD) && esz == E32)
            call = a->u ? &vc_udot : &vc_sdot;
        break;
    case 0x03:
        if (has(s, ARM_FEATURE_I8MM) && esz == E32)
            call = &vc_usdot;
        break;
    case 0x04: case 0x14:
        if (has(s, ARM_FEATURE_I8MM) && esz == E32 && a->q)
            call = a->u ? &vc_ummla : &vc_smmla;
        break;
    case 0x05:
        if (has(s, ARM_FEATURE_I8MM) && esz == E32 && a->q)
            call = &vc_usmmla;
        break;
    case 0x18: case 0x19: case 0x1a: case 0x1b: case 0x1c: case 0x1e:
        if (!has(s, ARM_FEATURE_FCMA) || esz == E8 || (esz == E16 && !has(s, ARM_FEATURE_FP16)) || (esz == E64 && !a->q))
            return false;
        if (a->opcode >= 0xc) {
            imm = VI(bytes, esz, 0, a->opcode >> 1 & 1);
            call = &vc_fcadd;
        } else {
            imm = VI(bytes, esz, 0, a->opcode & 3);
            call = &vc_fcmla;
        }
        break;
    case 0x1d:
        if (has(s, ARM_FEATURE_BF16) && esz == E16 && a->q)
            call = &vc_bfmmla;
        break;
    case 0x1f:
        if (has(s, ARM_FEATURE_BF16) && esz == E16)
            call = &vc_bfdot;
        else if (has(s, ARM_FEATURE_BF16) && esz == E64)
            return emit_call3(s, &vc_bfmlal, VI(16, E16, a->q, 0), a->rd, a->rn, a->rm);
        break;
    }
    return call && emit_call3(s, call, imm, a->rd, a->rn, a->rm);
}

bool trans_S3SAME_EXTRA(DisasContext *s, arg_S3SAME_EXTRA *a)
{
    if (!a->u || a->opcode > 1 || !has(s, ARM_FEATURE_RDM) || (a->size != E16 && a->size != E32))
        return false;
    return emit_call3(s, a->opcode ? &vc_sqrdmlsh : &vc_sqrdmlah, VI(1u << a->size, a->size, 0, 0), a->rd, a->rn, a->rm);
}

/* ---- Three registers of different types ---- */

static const IntRow three_different[2][16] = {
    { FN(saddl, SMALL, 0), FN(saddw, SMALL, 0), FN(ssubl, SMALL, 0), FN(ssubw, SMALL, 0), FN(addhn, SMALL, 0),
      FN(sabal, SMALL, 0), FN(subhn, SMALL, 0), FN(sabdl, SMALL, 0), FN(smlal, SMALL, 0), FN(sqdmlal, S16 | S32, S16 | S32),
      FN(smlsl, SMALL, 0), FN(sqdmlsl, S16 | S32, S16 | S32), FN(smull, SMALL, 0), FN(sqdmull, S16 | S32, S16 | S32),
      FN(pmull8, S8, 0) },
    { FN(uaddl, SMALL, 0), FN(uaddw, SMALL, 0), FN(usubl, SMALL, 0), FN(usubw, SMALL, 0), FN(raddhn, SMALL, 0),
      FN(uabal, SMALL, 0), FN(rsubhn, SMALL, 0), FN(uabdl, SMALL, 0), FN(umlal, SMALL, 0), { 0 },
      FN(umlsl, SMALL, 0), { 0 }, FN(umull, SMALL, 0) },
};

bool trans_V3DIFF(DisasContext *s, arg_V3DIFF *a)
{
    const IntRow *r = &three_different[a->u][a->opcode];

    if (!a->u && a->opcode == 14 && a->size == E64) { /* PMULL of 64 bits */
        if (!has(s, ARM_FEATURE_PMULL))
            return false;
        if (arm_fp_check(s))
            ir_vop(s->ir, VEC_PCLMULQDQ, cpu_v[a->rd], cpu_v[a->rn], cpu_v[a->rm], IR_NONE, a->q ? 0x11 : 0);
        return true;
    }
    if (!row_allows(r, 0, 1, a->size))
        return false;
    return emit_call3(s, r->call, VI(16, a->size, a->q, 0), a->rd, a->rn, a->rm);
}

bool trans_S3DIFF(DisasContext *s, arg_S3DIFF *a)
{
    const IntRow *r = &three_different[a->u][a->opcode];
    return row_allows(r, 1, 0, a->size) && emit_call3(s, r->call, VI(8, a->size, 0, 0), a->rd, a->rn, a->rm);
}

/* ---- Two registers ---- */

static void scalar_from_int(DisasContext *s, unsigned esz, IRVal d, IRVal n)
{
    IRVal v = arm_tmp(s);

    simd_extract(s, esz, true, v, n, 0);
    simd_fp_from_int(s, esz, esz == E64, true, 0, d, v);
}

/* Floating-point conversions and roundings, by U, bit 23 and opcode from 0x18: see the switch below. */
static bool emit_fp2(DisasContext *s, bool scalar, int u, int high, int opcode, unsigned esz, unsigned bytes, int rd, int rn)
{
    /* By U, bit 23, opcode - 0x1a: rounding of FCVT?S and FCVT?U */
    static const int8_t cvt_round[2][3] = { { FP_NEAREST, FP_DOWN, FP_AWAY }, { FP_UP, FP_ZERO, -1 } };
    static const int8_t rint[2][2][2] = { { { FP_NEAREST, FP_DOWN }, { FP_UP, FP_ZERO } }, { { FP_AWAY, 8 | 16 }, { -1, 8 } } };
    IRVal d = cpu_v[rd], n = cpu_v[rn], zero = simd_zero(s);
    unsigned round;
    uint16_t imm = VI(bytes, esz, 0, 0);
    bool ok = true;

    switch (opcode) {
    case 0x0c: case 0x0d: case 0x0e: ok = high && !(u && opcode == 0x0e); break;
    case 0x0f: ok = high && !scalar; break;
    case 0x18: case 0x19: ok = !scalar && rint[u][high][opcode & 1] >= 0; break;
    case 0x1a: case 0x1b: break;
    case 0x1c: ok = !high || (esz == E32 && !scalar); break;
    case 0x1d: break;
    case 0x1e: ok = !high && !scalar && esz != E16 && has(s, ARM_FEATURE_FRINTTS); break;
    case 0x1f: ok = high ? (u ? !scalar : scalar) : !scalar && esz != E16 && has(s, ARM_FEATURE_FRINTTS); break;
    default: ok = false; break;
    }
    if (!ok)
        return false;
    if (!arm_fp_check(s))
        return true;
    switch (opcode) {
    case 0x0c: simd_fp_mask(s, u ? FPV_GE : FPV_GT, esz, bytes, false, d, n, zero); break;
    case 0x0d:
        if (u)
            simd_fp_mask(s, FPV_GE, esz, bytes, false, d, zero, n);
        else
            simd_fp_mask(s, FPV_EQ, esz, bytes, false, d, n, zero);
        break;
    case 0x0e: simd_fp_mask(s, FPV_GT, esz, bytes, false, d, zero, n); break;
    case 0x0f:
        if (u)
            simd_fp_neg(s, esz, bytes, d, n);
        else
            simd_fp_abs(s, esz, bytes, d, n);
        break;
    case 0x18: case 0x19:
        simd_fp_round(s, esz, bytes, false, (unsigned)rint[u][high][opcode & 1], d, n);
        break;
    case 0x1a: case 0x1b: case 0x1c:
        if (opcode == 0x1c && high) {
            simd_call(s, u ? &vc_ursqrte : &vc_urecpe, imm, d, n, IR_NONE, IR_NONE);
            break;
        }
        round = (unsigned)cvt_round[high][opcode - 0x1a];
        simd_call(s, u ? &vc_fcvtu : &vc_fcvts, VI(bytes, esz, 0, CVT_ROUND(round)), d, n, IR_NONE, IR_NONE);
        break;
    case 0x1d:
        if (high)
            simd_call(s, u ? &vc_frsqrte : &vc_frecpe, imm, d, n, IR_NONE, IR_NONE);
        else if (!u && esz == E32 && bytes == 16 && !simd_fp_exact(s))
            ir_vop(s->ir, VEC_CVTDQ2PS, d, n, IR_NONE, IR_NONE, 0);
        else if (!u && esz >= E32 && bytes == 1u << esz && !simd_fp_exact(s))
            scalar_from_int(s, esz, d, n);
        else
            simd_call(s, u ? &vc_ucvtf : &vc_scvtf, imm, d, n, IR_NONE, IR_NONE);
        break;
    default:
        if (opcode == 0x1f && high) {
            if (u)
                simd_fp(s, &fp_op_sqrt, esz, bytes, false, d, n, n, IR_NONE);
            else
                simd_call(s, &vc_frecpx, imm, d, n, IR_NONE, IR_NONE);
            break;
        }
        /* FRINT32Z FRINT64Z, FRINT32X FRINT64X */
        simd_call(s, &vc_frintts, VI(bytes, esz, 0, (u ? 8 : 0) | (opcode & 1 ? 32 : 0)), d, n, IR_NONE, IR_NONE);
        break;
    }
    return true;
}

/* By U and opcode up to 0x14. */
static const IntRow two_misc[2][0x15] = {
    { [3] = FN(suqadd, ALL, ALL), [4] = FN(cls, SMALL, 0), [5] = FN(cnt, S8, 0), [7] = FN(sqabs, ALL, ALL), [11] = OP(abs, ALL, S64) },
    { [3] = FN(usqadd, ALL, ALL), [4] = FN(clz, SMALL, 0), [7] = FN(sqneg, ALL, ALL), [11] = OP(neg, ALL, S64) },
};
/* Comparisons with zero: 8, 9, 10 */
static const SimdOp *const compare_zero[2][3] = { { &simd_cmgt, &simd_cmeq, &simd_cmgt }, { &simd_cmge, &simd_cmge, NULL } };

static bool emit_narrow(DisasContext *s, int u, int opcode, int size, unsigned bytes, int upper, int rd, int rn)
{
    static const VecCall *const calls[2][3] = { { &vc_xtn, NULL, &vc_sqxtn }, { &vc_sqxtun, NULL, &vc_uqxtn } };

    if (calls[u][opcode - 0x12] == &vc_xtn) {
        if (arm_fp_check(s))
            simd_narrow(s, (unsigned)size, 0, upper, cpu_v[rd], cpu_v[rn], cpu_v[rd]);
        return true;
    }
    return emit_call3(s, calls[u][opcode - 0x12], VI(bytes, size, upper, 0), rd, rn, rn);
}

static bool emit_int2(DisasContext *s, bool scalar, int q, int u, int opcode, int size, int rd, int rn)
{
    unsigned bytes = scalar ? 1u << size : vec_bytes(q), esz = (unsigned)size;
    IRVal d = cpu_v[rd], n = cpu_v[rn], zero = simd_zero(s);
    bool swapped = opcode == 10 || (u && opcode == 9);

    if (opcode >= 8 && opcode <= 10) {
        const SimdOp *op = compare_zero[u][opcode - 8];
        if (!op || (size == E64 ? !scalar && !q : scalar))
            return false;
        if (arm_fp_check(s))
            simd_op(s, op, esz, bytes, d, swapped ? zero : n, swapped ? n : zero, IR_NONE);
        return true;
    }
    if (!row_allows(&two_misc[u][opcode], scalar, q, size))
        return false;
    if (arm_fp_check(s))
        emit_int(s, &two_misc[u][opcode], esz, bytes, d, n, n);
    return true;
}

/* REV64 REV32 REV16, SADDLP UADDLP SADALP UADALP, NOT RBIT, narrowing and lengthening: vectors only. */
static bool emit_vec2(DisasContext *s, arg_V2MISC *a)
{
    unsigned bytes = vec_bytes(a->q), esz = (unsigned)a->size, container = a->opcode ? E16 : a->u ? E32 : E64;
    IRVal d = cpu_v[a->rd], n = cpu_v[a->rn];

    switch (a->opcode) {
    case 0: case 1:
        if (esz >= container || (a->opcode && a->u))
            return false;
        return emit_call3(s, &vc_rev, VI(bytes, esz, 0, container), a->rd, a->rn, a->rn);
    case 2: case 6:
        if (esz == E64)
            return false;
        return emit_call3(s, a->u ? &vc_uaddlp : &vc_saddlp, VI(bytes, esz, 0, a->opcode == 6), a->rd, a->rn, a->rn);
    case 5: /* U = 1 */
        if (esz > E16)
            return false;
        if (esz == E16)
            return emit_call3(s, &vc_rbit, VI(bytes, E8, 0, 0), a->rd, a->rn, a->rn);
        if (arm_fp_check(s))
            simd_op(s, &simd_not, E8, bytes, d, n, IR_NONE, IR_NONE);
        return true;
    case 0x12: case 0x14:
        return esz != E64 && emit_narrow(s, a->u, a->opcode, a->size, 8, a->q, a->rd, a->rn);
    case 0x13:
        return a->u && esz != E64 && emit_call3(s, &vc_ushll, VI(16, esz, a->q, 8u << esz), a->rd, a->rn, a->rn);
    case 0x16:
        if (a->u)
            return esz == E16 && emit_call3(s, &vc_fcvtn, VI(8, E32, a->q, 1), a->rd, a->rn, a->rn);
        if (esz == E32)
            return has(s, ARM_FEATURE_BF16) && emit_call3(s, &vc_fcvtn, VI(8, E16, a->q, 2), a->rd, a->rn, a->rn);
        return esz < E32 && emit_call3(s, &vc_fcvtn, VI(8, E16 + esz, a->q, 0), a->rd, a->rn, a->rn);
    default: /* 0x17 */
        return !a->u && esz < E32 && emit_call3(s, &vc_fcvtl, VI(16, E16 + esz, a->q, 0), a->rd, a->rn, a->rn);
    }
}

bool trans_V2MISC(DisasContext *s, arg_V2MISC *a)
{
    unsigned esz = a->size & 1 ? E64 : E32;

    switch (a->opcode) {
    case 0: case 1: case 2: case 6: case 0x12: case 0x13: case 0x14: case 0x16: case 0x17:
        return emit_vec2(s, a);
    case 5:
        return a->u ? emit_vec2(s, a) : emit_int2(s, false, a->q, a->u, a->opcode, a->size, a->rd, a->rn);
    case 3: case 4: case 7: case 8: case 9: case 10: case 11:
        return emit_int2(s, false, a->q, a->u, a->opcode, a->size, a->rd, a->rn);
    default:
        if (esz == E64 && (!a->q || (a->opcode == 0x1c && a->size & 2)))
            return false;
        return emit_fp2(s, false, a->u, a->size >> 1, a->opcode, esz, vec_bytes(a->q), a->rd, a->rn);
    }
}

bool trans_V2MISC_FP16(DisasContext *s, arg_V2MISC_FP16 *a)
{
    return has(s, ARM_FEATURE_FP16) && emit_fp2(s, false, a->u, a->a, a->opcode, E16, vec_bytes(a->q), a->rd, a->rn);
}

bool trans_S2MISC(DisasContext *s, arg_S2MISC *a)
{
    unsigned esz = a->size & 1 ? E64 : E32;

    switch (a->opcode) {
    case 3: case 7: case 8: case 9: case 10: case 11:
        return emit_int2(s, true, 0, a->u, a->opcode, a->size, a->rd, a->rn);
    case 0x12: case 0x14:
        if (a->size == E64 || (a->opcode == 0x12 && !a->u))
            return false;
        return emit_narrow(s, a->u, a->opcode, a->size, 4, 0, a->rd, a->rn);
    case 0x16:
        return a->u && a->size == 1 && emit_call3(s, &vc_fcvtn, VI(8, E32, 0, 1 | 8), a->rd, a->rn, a->rn);
    default:
        return emit_fp2(s, true, a->u, a->size >> 1, a->opcode, esz, 1u << esz, a->rd, a->rn);
    }
}

bool trans_S2MISC_FP16(DisasContext *s, arg_S2MISC_FP16 *a)
{
    return has(s, ARM_FEATURE_FP16) && emit_fp2(s, true, a->u, a->a, a->opcode, E16, 2, a->rd, a->rn);
}

/* ---- Across lanes and pairs ---- */

static const VecCall *across(int u, int opcode)
{
    switch (opcode) {
    case 0x03: return u ? &vc_uaddlv : &vc_saddlv;
    case 0x0a: return u ? &vc_umaxv : &vc_smaxv;
    case 0x1a: return u ? &vc_uminv : &vc_sminv;
    case 0x1b: return u ? NULL : &vc_addv;
    default: return NULL;
    }
}

bool trans_VACROSS(DisasContext *s, arg_VACROSS *a)
{
    const VecCall *call;
    unsigned kind = (unsigned)(a->opcode == 0x0c ? FP_MM_NUMBER : FP_MM_PROPAGATE) | (a->size & 2 ? 0 : 4);

    if (a->opcode == 0x0c || a->opcode == 0x0f) {
        if (a->size & 1 || (a->u ? !a->q : !has(s, ARM_FEATURE_FP16)))
            return false;
        return emit_call3(s, &vc_fminmaxv, VI(vec_bytes(a->q), a->u ? E32 : E16, 0, kind), a->rd, a->rn, a->rn);
    }
    call = across(a->u, a->opcode);
    if (!call || a->size == E64 || (a->size == E32 && !a->q))
        return false;
    return emit_call3(s, call, VI(vec_bytes(a->q), a->size, 0, 0), a->rd, a->rn, a->rn);
}

bool trans_SPAIR(DisasContext *s, arg_SPAIR *a)
{
    unsigned esz = a->u ? a->size & 1 ? E64 : E32 : E16;
    IRVal n = cpu_v[a->rn], t;
    const VecCall *call;

    if (a->opcode == 0x1b) { /* ADDP */
        if (a->u || a->size != E64)
            return false;
        if (!arm_fp_check(s))
            return true;
        t = arm_tmpv(s);
        simd_row(s, VEC_UNPCKH64, t, n, n);
        simd_row(s, VEC_ADD64, t, t, n);
        simd_zero_above(s, cpu_v[a->rd], t, 8);
        return true;
    }
    if (!a->u && (a->size & 1 || !has(s, ARM_FEATURE_FP16)))
        return false;
    switch (a->opcode) {
    case 0x0c: call = a->size & 2 ? &vc_fminnmp : &vc_fmaxnmp; break;
    case 0x0d: call = a->size & 2 ? NULL : &vc_faddp; break;
    case 0x0f: call = a->size & 2 ? &vc_fminp : &vc_fmaxp; break;
    default: call = NULL; break;
    }
    if (!call)
        return false;
    if (!arm_fp_check(s))
        return true;
    if (call == &vc_faddp && esz >= E32) { /* the host's addition */
        t = arm_tmpv(s);
        ir_vop(s->ir, VEC_SHUF32, t, n, IR_NONE, IR_NONE, esz == E32 ? 0x55 : 0xee);
        simd_fp(s, &fp_op_add, esz, 1u << esz, false, cpu_v[a->rd], n, t, IR_NONE);
        return true;
    }
    simd_call(s, call, VI(1u << esz, esz, 0, 0), cpu_v[a->rd], n, n, IR_NONE);
    return true;
}

/* ---- By element ---- */

typedef struct Element {
    unsigned esz, index, rm;
} Element;

/* Index and register of an element; false when the bits make none. */
static bool element_of(unsigned esz, int h, int l, int m, int rm, Element *e)
{
    *e = (Element){ .esz = esz, .rm = (unsigned)(rm | m << 4), .index = (unsigned)(h << 1 | l) };
    if (esz == E16) {
        e->index = (unsigned)(h << 2 | l << 1 | m);
        e->rm = (unsigned)rm;
    } else if (esz == E64) {
        e->index = (unsigned)h;
        return !l;
    }
    return esz != E8;
}

static IRVal broadcast(DisasContext *s, const Element *e)
{
    IRVal t = arm_tmpv(s);
    simd_dup_element(s, e->esz, 16, t, cpu_v[e->rm], e->index);
    return t;
}

/* Integer products by U and opcode; wide ones take narrow lanes. */
static const IntRow element_int[2][16] = {
    { [2] = FN(smlal, S16 | S32, 0), [3] = FN(sqdmlal, S16 | S32, S16 | S32), [6] = FN(smlsl, S16 | S32, 0),
      [7] = FN(sqdmlsl, S16 | S32, S16 | S32), [8] = OP(mul, S16 | S32, 0), [10] = FN(smull, S16 | S32, 0),
      [11] = FN(sqdmull, S16 | S32, S16 | S32), [12] = FN(sqdmulh, S16 | S32, S16 | S32),
      [13] = FN(sqrdmulh, S16 | S32, S16 | S32) },
    { [0] = OP(mla, S16 | S32, 0), [2] = FN(umlal, S16 | S32, 0), [4] = OP(mls, S16 | S32, 0), [6] = FN(umlsl, S16 | S32, 0),
      [10] = FN(umull, S16 | S32, 0), [13] = FN(sqrdmlah, S16 | S32, S16 | S32), [15] = FN(sqrdmlsh, S16 | S32, S16 | S32) },
};
static bool is_long(int opcode) { return 1 << opcode & (1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 11); }

static bool emit_element_int(DisasContext *s, bool scalar, const arg_VELEM *a)
{
    const IntRow *r = &element_int[a->u][a->opcode];
    unsigned esz = (unsigned)a->size;
    IRVal d = cpu_v[a->rd], n = cpu_v[a->rn];
    Element e;

    if (!row_allows(r, scalar, a->q, a->size) || !element_of(esz, a->h, a->l, a->m, a->rm, &e) ||
        (a->u && a->opcode >= 13 && !has(s, ARM_FEATURE_RDM)))
        return false;
    if (!arm_fp_check(s))
        return true;
    if (is_long(a->opcode))
        simd_call(s, r->call, VI(scalar ? 8 : 16, esz, !scalar && a->q, 0), d, n, broadcast(s, &e), d);
    else
        emit_int(s, r, esz, scalar ? 1u << esz : vec_bytes(a->q), d, n, broadcast(s, &e));
    return true;
}

/* FMLA 1, FMLS 5, FMUL and FMULX 9 */
static bool emit_element_fp(DisasContext *s, bool scalar, const arg_VELEM *a)
{
    unsigned esz = a->size == 0 ? E16 : (unsigned)a->size, bytes = scalar ? 1u << esz : vec_bytes(a->q);
    IRVal d = cpu_v[a->rd], n = cpu_v[a->rn];
    Element e;

    if (a->size == 1 || (esz == E16 && !has(s, ARM_FEATURE_FP16)) || (esz == E64 && !scalar && !a->q) ||
        !element_of(esz, a->h, a->l, a->m, a->rm, &e))
        return false;
    if (!arm_fp_check(s))
        return true;
    if (a->opcode == 9 && a->u)
        simd_call(s, &vc_fmulx, VI(bytes, esz, 0, 0), d, n, broadcast(s, &e), IR_NONE);
    else if (a->opcode == 9)
        simd_fp(s, &fp_op_mul, esz, bytes, false, d, n, broadcast(s, &e), IR_NONE);
    else
        simd_fp(s, a->opcode == 1 ? &fp_op_fma : &fp_op_fms, esz, bytes, false, d, n, broadcast(s, &e), d);
    return true;
}

static bool emit_element_fcmla(DisasContext *s, const arg_VELEM *a)
{
    unsigned esz = (unsigned)a->size, index = esz == E16 ? (unsigned)(a->h << 1 | a->l) : (unsigned)a->h;

    if (!has(s, ARM_FEATURE_FCMA) || (esz == E16 ? !has(s, ARM_FEATURE_FP16) || (a->h && !a->q) : esz != E32 || a->l || !a->q))
        return false;
    return emit_call3(s, &vc_fcmla, VI(vec_bytes(a->q), esz, 0, (unsigned)a->opcode >> 1 | 4 | index << 3), a->rd, a->rn,
                      a->rm | a->m << 4);
}

/* Dot products and bfloat16: a 32-bit group of Vm for all */
static bool emit_element_dot(DisasContext *s, const arg_VELEM *a)
{
    const VecCall *call = NULL;
    Element e;

    if (a->opcode == 14 && a->size == 2 && has(s, ARM_FEATURE_DOTPROD))
        call = a->u ? &vc_udot : &vc_sdot;
    else if (a->opcode == 15 && !a->u && a->size == 0 && has(s, ARM_FEATURE_I8MM))
        call = &vc_sudot;
    else if (a->opcode == 15 && !a->u && a->size == 2 && has(s, ARM_FEATURE_I8MM))
        call = &vc_usdot;
    else if (a->opcode == 15 && !a->u && a->size == 1 && has(s, ARM_FEATURE_BF16))
        call = &vc_bfdot;
    else if (a->opcode == 15 && !a->u && a->size == 3 && has(s, ARM_FEATURE_BF16))
        return emit_call3(s, &vc_bfmlal, VI(16, E16, a->q, 1 + (a->h << 2 | a->l << 1 | a->m)), a->rd, a->rn, a->rm);
    if (!call || !element_of(E32, a->h, a->l, a->m, a->rm, &e))
        return false;
    if (arm_fp_check(s))
        simd_call(s, call, VI(vec_bytes(a->q), E32, 0, 0), cpu_v[a->rd], cpu_v[a->rn], broadcast(s, &e), cpu_v[a->rd]);
    return true;
}

bool trans_VELEM(DisasContext *s, arg_VELEM *a)
{
    int code = a->u << 4 | a->opcode;

    switch (code) {
    case 0x01: case 0x05: case 0x09: case 0x19:
        return emit_element_fp(s, false, a);
    case 0x00: case 0x04: case 0x18: case 0x1c: /* FMLAL FMLSL FMLAL2 FMLSL2 */
        if (a->size != 2)
            return false;
        return emit_fmlal(s, a->q, a->u, (a->opcode >> 2 & 1) | 2 | (unsigned)(a->h << 2 | a->l << 1 | a->m) << 3, a->rd, a->rn, a->rm);
    case 0x11: case 0x13: case 0x15: case 0x17:
        return emit_element_fcmla(s, a);
    case 0x0e: case 0x1e: case 0x0f:
        return emit_element_dot(s, a);
    default:
        return emit_element_int(s, false, a);
    }
}

bool trans_SELEM(DisasContext *s, arg_SELEM *a)
{
    arg_VELEM v = { .q = 0, .u = a->u, .size = a->size, .l = a->l, .m = a->m, .rm = a->rm, .opcode = a->opcode, .h = a->h,
                    .rn = a->rn, .rd = a->rd };

    switch (a->u << 4 | a->opcode) {
    case 0x01: case 0x05: case 0x09: case 0x19:
        return emit_element_fp(s, true, &v);
    default:
        return emit_element_int(s, true, &v);
    }
}

/* ---- Immediates ---- */

/* Shifts within the width, by U and opcode / 2 up to 7; narrowing ones from 0x10. */
static const VecCall *const shift_same[2][8] = {
    { &vc_sshr, &vc_ssra, &vc_srshr, &vc_srsra, NULL, &vc_shl, NULL, &vc_sqshl_n },
    { &vc_ushr, &vc_usra, &vc_urshr, &vc_ursra, &vc_sri, &vc_sli, &vc_sqshlu, &vc_uqshl_n },
};
static const VecCall *const shift_narrow[2][4] = {
    { &vc_shrn, &vc_rshrn, &vc_sqshrn, &vc_sqrshrn }, { &vc_sqshrun, &vc_sqrshrun, &vc_uqshrn, &vc_uqrshrn },
};

static void emit_shift_same(DisasContext *s, int u, unsigned op, unsigned esz, unsigned bytes, unsigned n, int rd, int rn)
{
    IRVal d = cpu_v[rd], v = cpu_v[rn], t = arm_tmpv(s);

    if (!simd_shift_same(s, u, op, esz, t, v, n, d)) {
        simd_call(s, shift_same[u][op], VI(bytes, esz, 0, n), d, v, v, d);
        return;
    }
    simd_zero_above(s, d, t, bytes);
}

/* FCVTZ and ?CVTF with fraction bits */
static bool emit_shift_cvt(DisasContext *s, bool scalar, int q, int u, int opcode, unsigned esz, unsigned fbits, int rd, int rn)
{
    unsigned bytes = scalar ? 1u << esz : vec_bytes(q);
    const VecCall *call = opcode == 0x1c ? u ? &vc_ucvtf : &vc_scvtf : u ? &vc_fcvtu : &vc_fcvts;

    if (esz == E8 || (esz == E16 && !has(s, ARM_FEATURE_FP16)) || (esz == E64 && !scalar && !q))
        return false;
    return emit_call3(s, call, VI(bytes, esz, 0, CVT_FIXED(fbits)), rd, rn, rn);
}

/* SSHLL, USHLL: the host extends, then shifts. */
static void emit_shift_long(DisasContext *s, int u, unsigned esz, bool upper, unsigned n, int rd, int rn)
{
    static const uint16_t rows[2][3] = { { VEC_SEXT8TO16, VEC_SEXT16TO32, VEC_SEXT32TO64 },
                                         { VEC_ZEXT8TO16, VEC_ZEXT16TO32, VEC_ZEXT32TO64 } };
    IRVal t = cpu_v[rn];

    if (upper) {
        t = arm_tmpv(s);
        simd_row(s, VEC_UNPCKH64, t, cpu_v[rn], cpu_v[rn]);
    }
    ir_vop(s->ir, rows[u][esz], cpu_v[rd], t, IR_NONE, IR_NONE, 0);
    if (n)
        simd_shift_left(s, esz + 1, cpu_v[rd], cpu_v[rd], n);
}

static bool emit_shift(DisasContext *s, bool scalar, int q, int u, int immh, int immb, int opcode, int rd, int rn)
{
    unsigned imm = (unsigned)(immh << 3 | immb), esz, bits, right, left, bytes;

    if (!immh)
        return false;
    esz = 31 - (unsigned)__builtin_clz((unsigned)immh);
    bits = 8u << esz;
    right = 2 * bits - imm;
    left = imm - bits;
    bytes = scalar ? 1u << esz : vec_bytes(q);
    if (opcode == 0x1c || opcode == 0x1f)
        return emit_shift_cvt(s, scalar, q, u, opcode, esz, right, rd, rn);
    if (opcode == 0x14) {
        if (scalar || esz == E64)
            return false;
        if (arm_fp_check(s))
            emit_shift_long(s, u, esz, q, left, rd, rn);
        return true;
    }
    if (opcode >= 0x10 && opcode < 0x14) {
        if (esz == E64 || (scalar && !u && opcode < 0x12))
            return false;
        if (!u && opcode == 0x10) {
            if (arm_fp_check(s))
                simd_narrow(s, esz, right, q, cpu_v[rd], cpu_v[rn], cpu_v[rd]);
            return true;
        }
        return emit_call3(s, shift_narrow[u][opcode & 3], VI(scalar ? 4 : 8, esz, !scalar && q, right), rd, rn, rn);
    }
    if (opcode > 0x0e || opcode & 1 || !shift_same[u][opcode >> 1] || (esz == E64 && !scalar && !q) ||
        (scalar && esz != E64 && opcode < 0x0c))
        return false;
    if (arm_fp_check(s))
        emit_shift_same(s, u, (unsigned)opcode >> 1, esz, bytes, opcode >= 0x0a ? left : right, rd, rn);
    return true;
}

bool trans_VSHIFT(DisasContext *s, arg_VSHIFT *a)
{
    return emit_shift(s, false, a->q, a->u, a->immh, a->immb, a->opcode, a->rd, a->rn);
}

bool trans_SSHIFT(DisasContext *s, arg_SSHIFT *a)
{
    return emit_shift(s, true, 0, a->u, a->immh, a->immb, a->opcode, a->rd, a->rn);
}

bool trans_VMODIMM(DisasContext *s, arg_VMODIMM *a)
{
    unsigned imm8 = (unsigned)(a->abc << 5 | a->defgh), cmode = (unsigned)a->cmode, bytes = vec_bytes(a->q);
    bool logic = cmode < 12 && cmode & 1, invert = a->op && cmode < 14;
    uint64_t value = simd_expand_imm(cmode, (unsigned)a->op, imm8);
    IRVal d = cpu_v[a->rd], v;

    if (a->o2) {
        if (cmode != 15 || a->op || !has(s, ARM_FEATURE_FP16))
            return false;
        value = simd_repeat(E16, simd_fp_expand_imm(E16, imm8));
    } else if (cmode == 15 && a->op && !a->q) {
        return false;
    }
    if (!arm_fp_check(s))
        return true;
    if (!logic) {
        if (invert)
            value = ~value;
        if (bytes == 8)
            simd_set_low(s, d, value);
        else
            ir_mov(s->ir, d, simd_const(s, value));
        return true;
    }
    v = arm_tmpv(s);
    if (a->op)
        simd_row(s, VEC_AND, v, d, simd_const(s, ~value));
    else
        simd_row(s, VEC_OR, v, d, simd_const(s, value));
    simd_zero_above(s, d, v, bytes);
    return true;
}

/* ---- Moving lanes ---- */

bool trans_VPERMUTE(DisasContext *s, arg_VPERMUTE *a)
{
    static const SimdOp *const ops[8] = { NULL, &simd_uzp1, &simd_trn1, &simd_zip1, NULL, &simd_uzp2, &simd_trn2, &simd_zip2 };
    const SimdOp *op = ops[a->opcode];

    if (!op || (a->size == E64 && !a->q))
        return false;
    if (arm_fp_check(s))
        simd_op(s, op, (unsigned)a->size, vec_bytes(a->q), cpu_v[a->rd], cpu_v[a->rn], cpu_v[a->rm], IR_NONE);
    return true;
}

bool trans_VEXT(DisasContext *s, arg_VEXT *a)
{
    if (!a->q && a->imm4 & 8)
        return false;
    if (!arm_fp_check(s))
        return true;
    if (a->q) {
        ir_vop(s->ir, VEC_PALIGNR, cpu_v[a->rd], cpu_v[a->rm], cpu_v[a->rn], IR_NONE, (uint8_t)a->imm4);
    } else { /* both halves in one register */
        IRVal t = arm_tmpv(s);
        simd_row(s, VEC_UNPCKL64, t, cpu_v[a->rn], cpu_v[a->rm]);
        if (a->imm4)
            ir_vop(s->ir, VEC_SRLBYTES, t, t, IR_NONE, IR_NONE, (uint8_t)a->imm4);
        simd_zero_above(s, cpu_v[a->rd], t, 8);
    }
    return true;
}

bool trans_VTBL(DisasContext *s, arg_VTBL *a)
{
    unsigned bytes = vec_bytes(a->q);
    IRVal t = arm_tmpv(s), parts[4];

    if (!arm_fp_check(s))
        return true;
    for (unsigned i = 0; i <= (unsigned)a->len; i++)
        parts[i] = cpu_v[(a->rn + (int)i) & 31];
    simd_table(s, t, parts, 16 * ((unsigned)a->len + 1), cpu_v[a->rm], a->op ? cpu_v[a->rd] : IR_NONE);
    simd_zero_above(s, cpu_v[a->rd], t, bytes);
    return true;
}

bool trans_VCOPY(DisasContext *s, arg_VCOPY *a)
{
    unsigned imm5 = (unsigned)a->imm5, esz = (unsigned)__builtin_ctz(imm5 | 16), index = imm5 >> (esz + 1);
    unsigned bytes = vec_bytes(a->q);
    IRVal d = cpu_v[a->rd], n = cpu_v[a->rn], t;

    if (esz > E64)
        return false;
    if (a->op) { /* INS (element) */
        if (!a->q)
            return false;
        if (!arm_fp_check(s))
            return true;
        t = arm_tmp(s);
        simd_extract(s, esz, false, t, n, (unsigned)a->imm4 >> esz);
        simd_insert(s, esz, d, d, t, index);
        return true;
    }
    switch (a->imm4) {
    case 0: case 1:
        if (esz == E64 && !a->q)
            return false;
        if (!arm_fp_check(s))
            return true;
        if (a->imm4)
            simd_dup_int(s, esz, bytes, d, a64_reg(s, (unsigned)a->rn));
        else
            simd_dup_element(s, esz, bytes, d, n, index);
        return true;
    case 3:
        if (!a->q)
            return false;
        if (arm_fp_check(s))
            simd_insert(s, esz, d, d, a64_reg(s, (unsigned)a->rn), index);
        return true;
    case 5: case 7:
        if (a->imm4 == 5 ? esz == E64 || (esz == E32 && !a->q) : (esz == E64) != a->q)
            return false;
        if (!arm_fp_check(s))
            return true;
        t = arm_tmp(s);
        simd_extract(s, esz, a->imm4 == 5, t, n, index);
        if (a->imm4 == 5 && !a->q)
            ir_extract(s->ir, IR_EXTRACT, IR_I64, t, t, 0, 32);
        ir_mov(s->ir, a64_dest(s, (unsigned)a->rd), t);
        return true;
    default:
        return false;
    }
}

bool trans_SCOPY(DisasContext *s, arg_SCOPY *a)
{
    unsigned imm5 = (unsigned)a->imm5, esz = (unsigned)__builtin_ctz(imm5 | 16);

    if (esz > E64)
        return false;
    if (arm_fp_check(s))
        simd_dup_element(s, esz, 1u << esz, cpu_v[a->rd], cpu_v[a->rn], imm5 >> (esz + 1));
    return true;
}
