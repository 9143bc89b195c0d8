/* SPDX-License-Identifier: MIT */
/*
 * AArch32 Advanced SIMD data processing (Arm ARM F4.1.22, DDI 0406 A7.4): tables by opcode, on registers read as vectors of
 * 8 or 16 bytes. Floating point always works in Neon's standard mode: flush to zero, default NaN, to nearest.
 * Structure loads and stores are in translate-neon-mem.c, the extensions in the VFP space in translate-neon-ext.c.
 */
#include "translate-vfp.h"

#define DECODE_BODY_neon
#include "obj/target-arm/neon.decode.inc"

bool a32_neon_insn(DisasContext *s, uint32_t insn)
{
    return vfp_has(s, ARM_FEATURE_NEON) && decode_neon(s, insn);
}

enum { S8 = 1, S16 = 2, S32 = 4, S64 = 8, SMALL = 7, ALL = 15 };

typedef struct Row {
    const SimdOp *op;
    const VecCall *call;
    uint8_t sizes;
    bool swap;  /* operands m, n: shifts by register */
    bool d_only;
} Row;
#define OP(o, sz) { .op = &simd_##o, .sizes = sz }
#define FN(c, sz) { .call = &vc_##c, .sizes = sz }
#define SHIFT(c) { .call = &vc_##c, .sizes = ALL, .swap = true }
#define PAIR(c) { .call = &vc_##c, .sizes = SMALL, .d_only = true }

/* Registers of an instruction: numbers of D registers; false when one does not exist or a Q register is odd. */
typedef struct Regs { unsigned d, n, m; bool q; } Regs;

static bool regs_ok(DisasContext *s, const Regs *r)
{
    unsigned last = r->q ? 1 : 0;
    return !(r->q && (r->d | r->n | r->m) & 1) && vfp_dreg_ok(s, r->d + last) && vfp_dreg_ok(s, r->n + last) &&
           vfp_dreg_ok(s, r->m + last);
}
#define REGS(a) { vfp_reg(3, (unsigned)(a)->vd, (unsigned)(a)->d), vfp_reg(3, (unsigned)(a)->vn, (unsigned)(a)->n), \
                  vfp_reg(3, (unsigned)(a)->vm, (unsigned)(a)->m), (a)->q }
#define REGS2(a) { vfp_reg(3, (unsigned)(a)->vd, (unsigned)(a)->d), 0, vfp_reg(3, (unsigned)(a)->vm, (unsigned)(a)->m), (a)->q }
static unsigned bytes_of(const Regs *r) { return r->q ? 16 : 8; }

/* d = call(n, m, old d) */
static bool call3(DisasContext *s, const Regs *r, const VecCall *call, unsigned esz, bool flag, unsigned param, IRVal n, IRVal m)
{
    IRVal t = arm_tmpv(s);
    simd_call(s, call, VI(bytes_of(r), esz, flag, param), t, n, m, neon_get(s, r->q, r->d));
    neon_set(s, r->q, r->d, t);
    return true;
}
/* The same, in the standard floating-point mode */
static bool fp3(DisasContext *s, const Regs *r, const VecCall *call, unsigned esz)
{
    return !vfp_check(s) || call3(s, r, call, esz, true, 0, neon_get(s, r->q, r->n), neon_get(s, r->q, r->m));
}

static void emit_row(DisasContext *s, const Row *row, const Regs *r, unsigned esz, IRVal n, IRVal m)
{
    IRVal t = arm_tmpv(s), a = row->swap ? m : n, b = row->swap ? n : m, c = neon_get(s, r->q, r->d);

    if (row->op)
        simd_op(s, row->op, esz, bytes_of(r), t, a, b, c);
    else
        simd_call(s, row->call, VI(bytes_of(r), esz, 0, 0), t, a, b, c);
    neon_set(s, r->q, r->d, t);
}

/* ---- Three registers of the same length ---- */

/* By U, opcode up to 11 and bit 4. */
static const Row three_same[2][12][2] = {
    { { FN(shadd, SMALL), FN(sqadd, ALL) }, { FN(srhadd, SMALL), { 0 } }, { FN(shsub, SMALL), FN(sqsub, ALL) },
      { OP(cmgt, SMALL), OP(cmge, SMALL) }, { SHIFT(sshl), SHIFT(sqshl) }, { SHIFT(srshl), SHIFT(sqrshl) },
      { OP(smax, SMALL), OP(smin, SMALL) }, { OP(sabd, SMALL), OP(saba, SMALL) }, { OP(add, ALL), OP(cmtst, SMALL) },
      { OP(mla, SMALL), OP(mul, SMALL) }, { PAIR(smaxp), PAIR(sminp) }, { FN(sqdmulh, S16 | S32), PAIR(addp) } },
    { { FN(uhadd, SMALL), FN(uqadd, ALL) }, { OP(urhadd, SMALL), { 0 } }, { FN(uhsub, SMALL), FN(uqsub, ALL) },
      { OP(cmhi, SMALL), OP(cmhs, SMALL) }, { SHIFT(ushl), SHIFT(uqshl) }, { SHIFT(urshl), SHIFT(uqrshl) },
      { OP(umax, SMALL), OP(umin, SMALL) }, { OP(uabd, SMALL), OP(uaba, SMALL) }, { OP(sub, ALL), OP(cmeq, SMALL) },
      { OP(mls, SMALL), FN(pmul, S8) }, { PAIR(umaxp), PAIR(uminp) }, { FN(sqrdmulh, S16 | S32), FN(sqrdmlah, S16 | S32) } },
};

static const Row row_sqrdmlsh = FN(sqrdmlsh, S16 | S32);

/* Floating point: by opcode - 12, bit 4, U and bit 21. */
typedef struct FpRow {
    const VecCall *call;
    uint8_t pair, feature;
} FpRow;
static const FpRow three_same_fp[4][2][2][2] = {
    { [1] = { { { &vc_fmla, 0, ARM_FEATURE_VFP4 }, { &vc_fmls, 0, ARM_FEATURE_VFP4 } } } },
    { { { { &vc_fadd, 0, 0 }, { &vc_fsub, 0, 0 } }, { { &vc_faddp, 1, 0 }, { &vc_fabd, 0, 0 } } },
      { { { &vc_vmla, 0, 0 }, { &vc_vmls, 0, 0 } }, { { &vc_fmul, 0, 0 } } } },
    { { { { &vc_fcmeq, 0, 0 } }, { { &vc_fcmge, 0, 0 }, { &vc_fcmgt, 0, 0 } } },
      { { { 0 } }, { { &vc_facge, 0, 0 }, { &vc_facgt, 0, 0 } } } },
    { { { { &vc_fmax, 0, 0 }, { &vc_fmin, 0, 0 } }, { { &vc_fmaxp, 1, 0 }, { &vc_fminp, 1, 0 } } },
      { { { &vc_vrecps, 0, 0 }, { &vc_vrsqrts, 0, 0 } },
        { { &vc_fmaxnm, 0, ARM_FEATURE_FPARMV8 }, { &vc_fminnm, 0, ARM_FEATURE_FPARMV8 } } } },
};

static bool sha_3(DisasContext *s, arg_N3SAME *a, const Regs *r)
{
    static const VecCall *const calls[2][4] = { { &vc_sha1c, &vc_sha1p, &vc_sha1m, &vc_sha1su0 },
                                                { &vc_sha256h, &vc_sha256h2, &vc_sha256su1, NULL } };
    const VecCall *call = calls[a->u][a->size];

    if (!call || !r->q || !vfp_has(s, a->u ? ARM_FEATURE_SHA256 : ARM_FEATURE_SHA1))
        return false;
    return !vfp_check(s) || call3(s, r, call, E32, 0, 0, neon_get(s, true, r->n), neon_get(s, true, r->m));
}

static bool three_same_float(DisasContext *s, arg_N3SAME *a, const Regs *r)
{
    const FpRow *row = &three_same_fp[a->opc - 12][a->o1][a->u][a->size >> 1];
    unsigned esz = a->size & 1 ? E16 : E32;

    if (!row->call || (row->pair && r->q) || (row->feature && !vfp_has(s, (ARMFeature)row->feature)) ||
        (esz == E16 && !vfp_has(s, ARM_FEATURE_FP16)))
        return false;
    return fp3(s, r, row->call, esz);
}

bool trans_N3SAME(DisasContext *s, arg_N3SAME *a)
{
    Regs r = REGS(a);
    const Row *row;
    IRVal n, m, t;

    if (!regs_ok(s, &r))
        return false;
    if (a->opc == 12 && !a->o1)
        return sha_3(s, a, &r);
    if (a->opc == 12 && a->u)
        row = &row_sqrdmlsh;
    else if (a->opc >= 12)
        return three_same_float(s, a, &r);
    else
        row = &three_same[a->u][a->opc][a->o1];
    if (a->opc == 1 && a->o1) {
        if (!vfp_check(s))
            return true;
        t = arm_tmpv(s);
        ir_mov(s->ir, t, neon_get(s, r.q, r.d));
        simd_logic(s, (unsigned)(a->u << 2 | a->size), bytes_of(&r), t, neon_get(s, r.q, r.n), neon_get(s, r.q, r.m));
        neon_set(s, r.q, r.d, t);
        return true;
    }
    if (!(row->op || row->call) || !(row->sizes >> a->size & 1) || (row->d_only && r.q) ||
        ((row->call == &vc_sqrdmlah || row->call == &vc_sqrdmlsh) && !vfp_has(s, ARM_FEATURE_RDM)))
        return false;
    if (!vfp_check(s))
        return true;
    n = neon_get(s, r.q, r.n);
    m = neon_get(s, r.q, r.m);
    emit_row(s, row, &r, (unsigned)a->size, n, m);
    return true;
}

/* ---- Immediates ---- */

static const VecCall *const shift_same[2][8] = {
    { &vc_sshr, &vc_ssra, &vc_srshr, &vc_srsra, NULL, &vc_shl, NULL, &vc_sqshl_n },
    { &vc_ushr, &vc_usra, &vc_urshr, &vc_ursra, &vc_sri, &vc_sli, &vc_sqshlu, &vc_uqshl_n },
};

/* VSHRN VRSHRN VQSHRUN VQRSHRUN VQSHRN VQRSHRN: a Q register to a D register */
static bool shift_narrow(DisasContext *s, arg_NSHIFT *a, Regs *r, unsigned esz, unsigned n)
{
    static const VecCall *const calls[2][2][2] = { { { &vc_shrn, &vc_rshrn }, { &vc_sqshrun, &vc_sqrshrun } },
                                                   { { &vc_sqshrn, &vc_sqrshrn }, { &vc_uqshrn, &vc_uqrshrn } } };
    const VecCall *call = calls[a->opc & 1][a->u][a->q];
    IRVal t;

    if (esz > E32 || r->m & 1 || !vfp_dreg_ok(s, r->d) || !vfp_dreg_ok(s, r->m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_call(s, call, VI(8, esz, 0, n), t, neon_get(s, true, r->m), IR_NONE, IR_NONE);
    neon_set(s, false, r->d, t);
    return true;
}

static bool long_result(DisasContext *s, const Regs *r, const VecCall *call, unsigned esz, unsigned param)
{
    IRVal t;

    if (r->d & 1 || !vfp_dreg_ok(s, r->d) || !vfp_dreg_ok(s, r->m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_call(s, call, VI(16, esz, 0, param), t, neon_get(s, false, r->m), IR_NONE, IR_NONE);
    neon_set(s, true, r->d, t);
    return true;
}

static bool shift_fixed_point(DisasContext *s, arg_NSHIFT *a, const Regs *r)
{
    static const VecCall *const calls[2][2] = { { &vc_scvtf, &vc_ucvtf }, { &vc_fcvts, &vc_fcvtu } };
    unsigned fbits = 64 - (unsigned)a->imm6, esz = a->opc & 2 ? E32 : E16;

    if (!(a->imm6 & 32) || a->l || (esz == E16 && (!vfp_has(s, ARM_FEATURE_FP16) || !(a->imm6 & 16))) || !regs_ok(s, r))
        return false;
    if (!vfp_check(s))
        return true;
    return call3(s, r, calls[a->opc & 1][a->u], esz, true, CVT_FIXED(fbits), neon_get(s, r->q, r->m), IR_NONE);
}

bool trans_NSHIFT(DisasContext *s, arg_NSHIFT *a)
{
    Regs r = REGS2(a);
    unsigned imm = (unsigned)(a->imm6 | a->l << 6), esz, n;
    bool left = a->opc >= 5;
    IRVal t;

    if (imm < 8)
        return false;
    if (a->opc >= 12)
        return shift_fixed_point(s, a, &r);
    esz = a->l ? E64 : 31 - (unsigned)__builtin_clz(imm) - 3;
    if (a->opc >= 8 && a->opc < 10)
        return !a->l && shift_narrow(s, a, &r, esz, (16u << esz) - imm);
    n = left ? imm - (8u << esz) : (16u << esz) - imm;
    if (a->opc == 10)
        return !a->l && !a->q && esz < E64 && long_result(s, &r, a->u ? &vc_ushll : &vc_sshll, esz, imm - (8u << esz));
    if (a->opc > 7 || !shift_same[a->u][a->opc] || !regs_ok(s, &r))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    if (!simd_shift_same(s, a->u, (unsigned)a->opc, esz, t, neon_get(s, r.q, r.m), n, neon_get(s, r.q, r.d)))
        return call3(s, &r, shift_same[a->u][a->opc], esz, 0, n, neon_get(s, r.q, r.m), IR_NONE);
    simd_zero_above(s, t, t, bytes_of(&r));
    neon_set(s, r.q, r.d, t);
    return true;
}

bool trans_NMODIMM(DisasContext *s, arg_NMODIMM *a)
{
    unsigned cmode = (unsigned)a->cmode, d = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d);
    uint64_t value = simd_expand_imm(cmode, (unsigned)a->op, (unsigned)(a->i << 7 | a->imm3 << 4 | a->imm4));
    bool logic = cmode < 12 && cmode & 1;
    Regs r = { .d = d, .q = a->q };
    IRVal v, t;

    if ((cmode == 15 && a->op) || !regs_ok(s, &r))
        return false;
    if (!vfp_check(s))
        return true;
    if (a->op && cmode < 14)
        value = ~value;
    v = simd_const(s, value);
    if (logic) {
        t = arm_tmpv(s);
        simd_row(s, a->op ? VEC_AND : VEC_OR, t, neon_get(s, r.q, d), v);
        v = t;
    }
    neon_set(s, r.q, d, v);
    return true;
}

/* ---- Different lengths, and scalars ---- */

static const VecCall *const three_diff[2][16] = {
    { &vc_saddl, &vc_saddw, &vc_ssubl, &vc_ssubw, &vc_addhn, &vc_sabal, &vc_subhn, &vc_sabdl, &vc_smlal, &vc_sqdmlal, &vc_smlsl,
      &vc_sqdmlsl, &vc_smull, &vc_sqdmull, &vc_pmull8, NULL },
    { &vc_uaddl, &vc_uaddw, &vc_usubl, &vc_usubw, &vc_raddhn, &vc_uabal, &vc_rsubhn, &vc_uabdl, &vc_umlal, NULL, &vc_umlsl,
      NULL, &vc_umull, NULL, NULL, NULL },
};

bool trans_N3DIFF(DisasContext *s, arg_N3DIFF *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), n = vfp_reg(3, (unsigned)a->vn, (unsigned)a->n);
    unsigned m = vfp_reg(3, (unsigned)a->vm, (unsigned)a->m), opc = (unsigned)a->opc;
    const VecCall *call = three_diff[a->u][opc];
    bool narrow = opc == 4 || opc == 6, wide = opc == 1 || opc == 3, poly64 = opc == 14 && a->size == 2 && !a->u;
    IRVal t;

    if (!call || ((opc == 9 || opc == 11 || opc == 13) && a->size == 0) || (opc == 14 && a->size && !poly64) ||
        (poly64 && !vfp_has(s, ARM_FEATURE_PMULL)))
        return false;
    if (narrow ? (n | m) & 1 : d & 1 || (wide && n & 1))
        return false;
    if (!vfp_dreg_ok(s, d) || !vfp_dreg_ok(s, n) || !vfp_dreg_ok(s, m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    if (poly64)
        ir_vop(s->ir, VEC_PCLMULQDQ, t, neon_get(s, false, n), neon_get(s, false, m), IR_NONE, 0);
    else if (narrow)
        simd_call(s, call, VI(8, a->size, 0, 0), t, neon_get(s, true, n), neon_get(s, true, m), IR_NONE);
    else
        simd_call(s, call, VI(16, a->size, 0, 0), t, neon_get(s, wide, n), neon_get(s, false, m), neon_get(s, true, d));
    neon_set(s, !narrow, d, t);
    return true;
}

/* Scalar number of a size 1 or 2 operand, spread over a vector. */
static IRVal broadcast(DisasContext *s, unsigned esz, int vm, int m)
{
    unsigned dreg = esz == E16 ? (unsigned)vm & 7 : (unsigned)vm, index = esz == E16 ? (unsigned)(m << 1 | vm >> 3) : (unsigned)m;
    IRVal t = arm_tmpv(s);

    simd_dup_element(s, esz, 16, t, cpu_v[dreg >> 1], index + ((dreg & 1) << (3 - esz)));
    return t;
}

/* By opcode, U (of long ones); the opcodes 2, 3, 6, 7, 10, 11 have long results. */
static const VecCall *const scalar_long[2][12] = {
    { [2] = &vc_smlal, [3] = &vc_sqdmlal, [6] = &vc_smlsl, [7] = &vc_sqdmlsl, [10] = &vc_smull, [11] = &vc_sqdmull },
    { [2] = &vc_umlal, [6] = &vc_umlsl, [10] = &vc_umull },
};
static const Row scalar_same[16] = {
    [0] = OP(mla, S16 | S32), [4] = OP(mls, S16 | S32), [8] = OP(mul, S16 | S32), [12] = FN(sqdmulh, S16 | S32),
    [13] = FN(sqrdmulh, S16 | S32), [14] = FN(sqrdmlah, S16 | S32), [15] = FN(sqrdmlsh, S16 | S32),
};
static const VecCall *const scalar_fp[12] = { [1] = &vc_vmla, [5] = &vc_vmls, [9] = &vc_fmul };

bool trans_NSCALAR(DisasContext *s, arg_NSCALAR *a)
{
    unsigned esz = (unsigned)a->size, opc = (unsigned)a->opc;
    Regs r = { vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), vfp_reg(3, (unsigned)a->vn, (unsigned)a->n), 0, a->q };
    const VecCall *call = opc < 12 ? scalar_long[a->q][opc] : NULL;
    IRVal t;

    if (esz == E8)
        return false;
    if (opc < 12 && (opc & 2)) {
        if (!call || r.d & 1 || !vfp_dreg_ok(s, r.d) || !vfp_dreg_ok(s, r.n))
            return false;
        if (!vfp_check(s))
            return true;
        t = arm_tmpv(s);
        simd_call(s, call, VI(16, esz, 0, 0), t, neon_get(s, false, r.n), broadcast(s, esz, a->vm, a->m), neon_get(s, true, r.d));
        neon_set(s, true, r.d, t);
        return true;
    }
    if (!regs_ok(s, &r) || (opc >= 14 && !vfp_has(s, ARM_FEATURE_RDM)))
        return false;
    if (opc < 12 && opc & 1) {
        if (esz == E16 && !vfp_has(s, ARM_FEATURE_FP16))
            return false;
        return !vfp_check(s) || call3(s, &r, scalar_fp[opc], esz, true, 0, neon_get(s, r.q, r.n), broadcast(s, esz, a->vm, a->m));
    }
    if (vfp_check(s))
        emit_row(s, &scalar_same[opc], &r, esz, neon_get(s, r.q, r.n), broadcast(s, esz, a->vm, a->m));
    return true;
}

/* ---- Two registers ---- */

static bool unary(DisasContext *s, const Regs *r, const VecCall *call, unsigned esz, bool flag, unsigned param)
{
    if (!regs_ok(s, r))
        return false;
    return !vfp_check(s) || call3(s, r, call, esz, flag, param, neon_get(s, r->q, r->m), IR_NONE);
}

static bool unary_op(DisasContext *s, const Regs *r, const SimdOp *op, unsigned esz)
{
    IRVal t, m;

    if (!regs_ok(s, r))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    m = neon_get(s, r->q, r->m);
    simd_op(s, op, esz, bytes_of(r), t, m, m, m);
    neon_set(s, r->q, r->d, t);
    return true;
}

static bool misc_0(DisasContext *s, arg_N2MISC *a, const Regs *r)
{
    unsigned esz = (unsigned)a->size, container = 3 - (unsigned)a->opc2;
    IRVal t;

    switch (a->opc2) {
    case 0: case 1: case 2:
        return esz < container && unary(s, r, &vc_rev, esz, 0, container);
    case 4: case 5: case 12: case 13:
        return esz < E64 && unary(s, r, a->opc2 & 1 ? &vc_uaddlp : &vc_saddlp, esz, 0, a->opc2 >= 12);
    case 6: case 7: { /* AESE AESD AESMC AESIMC */
        Regs q = *r;
        q.q = true;
        if (esz || !vfp_has(s, ARM_FEATURE_AES) || !regs_ok(s, &q))
            return false;
        if (!vfp_check(s))
            return true;
        t = arm_tmpv(s);
        ir_mov(s->ir, t, neon_get(s, true, q.d));
        simd_aes(s, 4 + 2 * (unsigned)(a->opc2 & 1) + (unsigned)a->q, t, neon_get(s, true, q.m));
        neon_set(s, true, q.d, t);
        return true;
    }
    case 8: return esz < E64 && unary(s, r, &vc_cls, esz, 0, 0);
    case 9: return esz < E64 && unary(s, r, &vc_clz, esz, 0, 0);
    case 10: return esz == E8 && unary(s, r, &vc_cnt, esz, 0, 0);
    case 11: return esz == E8 && unary_op(s, r, &simd_not, esz);
    case 14: return esz < E64 && unary(s, r, &vc_sqabs, esz, 0, 0);
    case 15: return esz < E64 && unary(s, r, &vc_sqneg, esz, 0, 0);
    default: return false;
    }
}

/* Comparisons with zero, VABS, VNEG; bit 3: floating point */
static bool misc_1(DisasContext *s, arg_N2MISC *a, const Regs *r)
{
    static const SimdOp *const int_ops[5] = { &simd_cmgt, &simd_cmge, &simd_cmeq, &simd_cmge, &simd_cmgt };
    static const VecCall *const fp_calls[5] = { &vc_fcmgt, &vc_fcmge, &vc_fcmeq, &vc_fcmge, &vc_fcmgt };
    unsigned esz = (unsigned)a->size, which = (unsigned)a->opc2 & 7, bytes = bytes_of(r);
    bool fp = a->opc2 & 8, swap = which == 3 || which == 4;
    IRVal t, m, zero = simd_zero(s);

    if (a->opc2 == 5) {
        Regs q = *r;
        return a->q && esz == E32 && vfp_has(s, ARM_FEATURE_SHA1) && unary(s, &q, &vc_sha1h, E32, 0, 0);
    }
    if (which == 5 || esz == E64 || !regs_ok(s, r) || (fp && esz != E32 && !(esz == E16 && vfp_has(s, ARM_FEATURE_FP16))))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    m = neon_get(s, r->q, r->m);
    if (which == 6 && fp)
        simd_fp_abs(s, esz, bytes, t, m);
    else if (which == 7 && fp)
        simd_fp_neg(s, esz, bytes, t, m);
    else if (which >= 6)
        simd_op(s, which == 6 ? &simd_abs : &simd_neg, esz, bytes, t, m, m, m);
    else if (fp)
        simd_call(s, fp_calls[which], VI(bytes, esz, 1, 0), t, swap ? zero : m, swap ? m : zero, IR_NONE);
    else
        simd_op(s, int_ops[which], esz, bytes, t, swap ? zero : m, swap ? m : zero, IR_NONE);
    neon_set(s, r->q, r->d, t);
    return true;
}

/* VSWP VTRN VUZP VZIP change both registers. */
static bool exchange(DisasContext *s, const Regs *r, unsigned which, unsigned esz)
{
    static const SimdOp *const ops[4][2] = { { NULL, NULL }, { &simd_trn1, &simd_trn2 }, { &simd_uzp1, &simd_uzp2 }, { &simd_zip1, &simd_zip2 } };
    IRVal x, y, d, m;

    if (!regs_ok(s, r) || (which == 0 ? esz != 0 : esz == E64 || (which >= 2 && esz == E32 && !r->q)))
        return false;
    if (!vfp_check(s))
        return true;
    x = arm_tmpv(s);
    y = arm_tmpv(s);
    d = neon_get(s, r->q, r->d);
    m = neon_get(s, r->q, r->m);
    if (which == 0) {
        ir_mov(s->ir, x, m);
        ir_mov(s->ir, y, d);
    } else {
        simd_op(s, ops[which][0], esz, bytes_of(r), x, d, m, IR_NONE);
        simd_op(s, ops[which][1], esz, bytes_of(r), y, d, m, IR_NONE);
    }
    neon_set(s, r->q, r->m, y);
    neon_set(s, r->q, r->d, x);
    return true;
}

static bool to_narrow(DisasContext *s, const Regs *r, const VecCall *call, unsigned esz, unsigned param)
{
    IRVal t;

    if (r->m & 1 || !vfp_dreg_ok(s, r->d) || !vfp_dreg_ok(s, r->m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_call(s, call, VI(8, esz, 0, param), t, neon_get(s, true, r->m), IR_NONE, IR_NONE);
    neon_set(s, false, r->d, t);
    return true;
}

static bool misc_2(DisasContext *s, arg_N2MISC *a, const Regs *r)
{
    static const int8_t rounding[8] = { FP_NEAREST, 8 | 16, FP_AWAY, FP_ZERO, -1, FP_DOWN, -1, FP_UP };
    unsigned esz = (unsigned)a->size;
    Regs q = *r;

    q.q = true;
    switch (a->opc2) {
    case 0: case 1: case 2: case 3:
        return exchange(s, r, (unsigned)a->opc2, esz);
    case 4: case 5: {
        static const VecCall *const calls[2][2] = { { &vc_xtn, &vc_sqxtun }, { &vc_sqxtn, &vc_uqxtn } };
        return esz < E64 && to_narrow(s, r, calls[a->opc2 & 1][a->q], esz, 0);
    }
    case 6:
        return !a->q && esz < E64 && long_result(s, r, &vc_ushll, esz, 8u << esz);
    case 7:
        return esz == E32 && vfp_has(s, a->q ? ARM_FEATURE_SHA256 : ARM_FEATURE_SHA1) &&
               unary(s, &q, a->q ? &vc_sha256su0 : &vc_sha1su1, E32, 0, 0);
    case 12:
        if (a->q)
            return esz == E16 && vfp_has(s, ARM_FEATURE_BF16) && to_narrow(s, r, &vc_fcvtn, E16, 2 | 4);
        return esz == E16 && vfp_has(s, ARM_FEATURE_VFP_HALF) && to_narrow(s, r, &vc_fcvtn, E16, 4);
    case 14:
        return !a->q && esz == E16 && vfp_has(s, ARM_FEATURE_VFP_HALF) && long_result(s, r, &vc_fcvtl, E16, 1);
    default: /* VRINT* */
        if (a->opc2 < 8 || rounding[a->opc2 & 7] < 0 || !vfp_has(s, ARM_FEATURE_FPARMV8) ||
            (esz != E32 && !(esz == E16 && vfp_has(s, ARM_FEATURE_FP16))))
            return false;
        return unary(s, r, &vc_frint, esz, true, (unsigned)rounding[a->opc2 & 7]);
    }
}

static bool misc_3(DisasContext *s, arg_N2MISC *a, const Regs *r)
{
    static const uint8_t rounding[4] = { FP_AWAY, FP_NEAREST, FP_UP, FP_DOWN };
    static const VecCall *const cvt[4] = { &vc_scvtf, &vc_ucvtf, &vc_fcvts, &vc_fcvtu };
    unsigned esz = (unsigned)a->size;

    if (esz != E32 && !(esz == E16 && vfp_has(s, ARM_FEATURE_FP16) && (a->opc2 & 0xe) != 8))
        return false;
    if (a->opc2 < 8)
        return vfp_has(s, ARM_FEATURE_FPARMV8) &&
               unary(s, r, a->opc2 & 1 ? &vc_fcvtu : &vc_fcvts, esz, true, CVT_ROUND(rounding[a->opc2 >> 1]));
    if (a->opc2 < 12) {
        bool fp = a->opc2 & 2;
        return unary(s, r, a->opc2 & 1 ? (fp ? &vc_frsqrte : &vc_ursqrte) : fp ? &vc_frecpe : &vc_urecpe, esz, fp, 0);
    }
    return unary(s, r, cvt[a->opc2 & 3], esz, true, a->opc2 >= 14 ? CVT_ROUND((unsigned)FP_ZERO) : 0);
}

bool trans_N2MISC(DisasContext *s, arg_N2MISC *a)
{
    Regs r = REGS2(a);

    switch (a->opc1) {
    case 0: return misc_0(s, a, &r);
    case 1: return misc_1(s, a, &r);
    case 2: return misc_2(s, a, &r);
    default: return misc_3(s, a, &r);
    }
}

/* ---- Moving lanes ---- */

bool trans_NEXT(DisasContext *s, arg_NEXT *a)
{
    Regs r = REGS(a);
    IRVal t;

    if (!regs_ok(s, &r) || (!r.q && a->imm4 & 8))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    if (r.q) {
        ir_vop(s->ir, VEC_PALIGNR, t, neon_get(s, true, r.m), neon_get(s, true, r.n), IR_NONE, (uint8_t)a->imm4);
    } else { /* both behind each other, as far down as asked for */
        simd_row(s, VEC_UNPCKL64, t, neon_get(s, false, r.n), neon_get(s, false, r.m));
        ir_vop(s->ir, VEC_SRLBYTES, t, t, IR_NONE, IR_NONE, (uint8_t)a->imm4);
        simd_zero_above(s, t, t, 8);
    }
    neon_set(s, r.q, r.d, t);
    return true;
}

bool trans_NTBL(DisasContext *s, arg_NTBL *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), n = vfp_reg(3, (unsigned)a->vn, (unsigned)a->n);
    unsigned m = vfp_reg(3, (unsigned)a->vm, (unsigned)a->m);
    IRVal t, parts[2];

    if (n + (unsigned)a->len > 31 || !vfp_dreg_ok(s, n + (unsigned)a->len) || !vfp_dreg_ok(s, d) || !vfp_dreg_ok(s, m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    for (unsigned i = 0; i <= (unsigned)a->len; i += 2) {
        parts[i / 2] = arm_tmpv(s);
        if (i < (unsigned)a->len)
            simd_row(s, VEC_UNPCKL64, parts[i / 2], neon_get(s, false, n + i), neon_get(s, false, n + i + 1));
        else
            simd_zero_above(s, parts[i / 2], neon_get(s, false, n + i), 8);
    }
    simd_table(s, t, parts, 8 * ((unsigned)a->len + 1), neon_get(s, false, m), a->op ? neon_get(s, false, d) : IR_NONE);
    simd_zero_above(s, t, t, 8);
    neon_set(s, false, d, t);
    return true;
}

bool trans_NDUP(DisasContext *s, arg_NDUP *a)
{
    Regs r = { vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), 0, 0, a->q };
    unsigned m = vfp_reg(3, (unsigned)a->vm, (unsigned)a->m), imm4 = (unsigned)a->imm4;
    unsigned esz = (unsigned)__builtin_ctz(imm4 | 8);
    IRVal t;

    if (esz > E32 || !regs_ok(s, &r) || !vfp_dreg_ok(s, m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_dup_element(s, esz, 16, t, cpu_v[m >> 1], (imm4 >> (esz + 1)) + ((m & 1) << (3 - esz)));
    neon_set(s, r.q, r.d, t);
    return true;
}
