/* SPDX-License-Identifier: MIT */
/*
 * AArch32 VFP: v2 with its short vectors, v3, v4, the v8 and half-precision additions (Arm ARM F6.1, DDI 0406 A8.8 and
 * appendix D6 for vectors). Sn and Dn are lanes of the quadword globals.
 */
#include "translate-vfp.h"
#include <string.h>

#define DECODE_BODY_vfp
#include "obj/target-arm/vfp.decode.inc"
#define DECODE_BODY_vfp_uncond
#include "obj/target-arm/vfp-uncond.decode.inc"

bool a32_vfp_insn(DisasContext *s, uint32_t insn) { return decode_vfp(s, insn); }
bool a32_vfp_uncond_insn(DisasContext *s, uint32_t insn) { return decode_vfp_uncond(s, insn); }

/* ---- Registers that are also in values of their own: what was last written to a lane, or read from it ---- */

/* Forgets those that overlap singles [first, first + n). */
static void forget_lanes(DisasContext *s, unsigned first, unsigned n)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < s->nlanes; i++) {
        VFPLane l = s->lane[i];
        if (l.first >= first + n || first >= l.first + l.n)
            s->lane[kept++] = l;
    }
    s->nlanes = (uint8_t)kept;
}

/* What the IR has assigned since lane_mark, other than by vfp_set(). */
static void check_lanes(DisasContext *s)
{
    const IRFunc *f = s->ir;

    for (unsigned i = s->lane_mark; i < f->nops && s->nlanes; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_CALL && !(f->calls[op->imm]->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE)))
            s->nlanes = 0;
        if (op->out[0] >= cpu_v[0] && op->out[0] <= cpu_v[31])
            forget_lanes(s, (op->out[0] - cpu_v[0]) * 4u, 4);
        for (unsigned n = 0; n < s->nlanes; n++) {
            if (s->lane[n].val == op->out[0])
                s->lane[n].val = IR_NONE;
        }
    }
    s->lane_mark = f->nops;
}

static IRVal find_lane(const DisasContext *s, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < s->nlanes; i++) {
        if (s->lane[i].first == first && s->lane[i].n == n)
            return s->lane[i].val;
    }
    return IR_NONE;
}

/* v, which is not assigned again, has register [first, first + n) in its low lane. Not on one of two ways. */
static void remember_lane(DisasContext *s, unsigned first, unsigned n, IRVal v)
{
    s->lane_mark = s->ir->nops;
    forget_lanes(s, first, n);
    if (s->cond_jump || v < s->ir->nglobals)
        return;
    if (s->nlanes == ARRAY_SIZE(s->lane))
        memmove(s->lane, s->lane + 1, --s->nlanes * sizeof(s->lane[0]));
    s->lane[s->nlanes++] = (VFPLane){ .val = v, .first = (uint8_t)first, .n = (uint8_t)n };
}

/* ---- Registers ---- */

IRVal vfp_get(DisasContext *s, unsigned esz, unsigned reg)
{
    IRVal v = cpu_v[esz == E64 ? reg >> 1 : reg >> 2], t;
    unsigned lane = esz == E64 ? reg & 1 : reg & 3, first = esz == E64 ? reg * 2 : reg, n = esz == E64 ? 2 : 1;

    check_lanes(s);
    t = find_lane(s, first, n);
    if (t != IR_NONE)
        return t;
    if (!lane)
        return v;
    t = arm_tmpv(s);
    if (esz == E64)
        simd_row(s, VEC_UNPCKH64, t, v, v);
    else
        ir_vop(s->ir, VEC_SHUF32, t, v, IR_NONE, IR_NONE, (uint8_t)(lane * 0x55));
    remember_lane(s, first, n, t);
    return t;
}

static void write_lane(DisasContext *s, unsigned esz, unsigned reg, IRVal v)
{
    IRVal d = cpu_v[esz == E64 ? reg >> 1 : reg >> 2];
    unsigned lane = esz == E64 ? reg & 1 : reg & 3;

    if (esz == E64)
        simd_row(s, lane ? VEC_UNPCKL64 : VEC_MOVSD, d, d, v);
    else if (!lane)
        simd_row(s, VEC_MOVSS, d, d, v);
    else
        ir_vop(s->ir, VEC_INSERTPS, d, d, v, IR_NONE, (uint8_t)(lane << 4));
}

void vfp_set(DisasContext *s, unsigned esz, unsigned reg, IRVal v)
{
    check_lanes(s);
    write_lane(s, esz, reg, v);
    remember_lane(s, esz == E64 ? reg * 2 : reg, esz == E64 ? 2 : 1, v);
}

IRVal neon_get(DisasContext *s, bool q, unsigned dreg)
{
    return q ? cpu_v[dreg >> 1] : vfp_get(s, E64, dreg);
}

void neon_set(DisasContext *s, bool q, unsigned dreg, IRVal v)
{
    if (q)
        ir_mov(s->ir, cpu_v[dreg >> 1], v);
    else
        vfp_set(s, E64, dreg, v);
}

bool vfp_check(DisasContext *s)
{
    if (!arm_fp_check(s))
        return false;
    if (!(s->flags & TBF_VFPEN) && !s->m_profile) {
        arm_gen_undef(s);
        return false;
    }
    return true;
}

/* ---- Arithmetic ---- */

/* Element size of a size field; false when the format or a register of it does not exist. */
static bool format_ok(DisasContext *s, unsigned size, unsigned *esz)
{
    *esz = size;
    switch (size) {
    case 1: return vfp_has(s, ARM_FEATURE_FP16);
    case 2: return vfp_has(s, ARM_FEATURE_VFP2);
    case 3: return vfp_has(s, ARM_FEATURE_VFP_DP);
    default: return false;
    }
}

static bool regs_ok(DisasContext *s, unsigned size, unsigned a, unsigned b, unsigned c)
{
    return size != 3 || (vfp_dreg_ok(s, a) && vfp_dreg_ok(s, b) && vfp_dreg_ok(s, c));
}

/* One element: d = op(d, n, m) of a VFP_3 or VFP_2 instruction. */
typedef struct Scalar {
    unsigned esz, kind;
    uint64_t imm;
    void (*emit)(DisasContext *s, const struct Scalar *op, IRVal out, IRVal d, IRVal n, IRVal m);
} Scalar;

static void fp2(DisasContext *s, const FpOp *op, unsigned esz, IRVal out, IRVal a, IRVal b)
{
    simd_fp_lane(s, op, esz, out, a, b, IR_NONE);
}
/* A half in an S register has zeros above. */
static void fneg(DisasContext *s, unsigned esz, IRVal out, IRVal a)
{
    if (esz == E16)
        simd_fp_neg(s, esz, 2, out, a);
    else
        simd_fp_neg_lane(s, esz, out, a);
}

/* opc << 1 | op of VFP_3 */
enum {
    K_VMLA = 0, K_VMLS, K_VNMLS, K_VNMLA, K_VMUL, K_VNMUL, K_VADD, K_VSUB, K_VDIV, K_VFNMS = 10, K_VFNMA, K_VFMA, K_VFMS,
};

/* Products that are rounded before they are added. */
static void emit_chained(DisasContext *s, const Scalar *op, IRVal out, IRVal d, IRVal n, IRVal m)
{
    IRVal p = arm_tmpv(s), a = arm_tmpv(s);

    fp2(s, &fp_op_mul, op->esz, p, n, m);
    switch (op->kind) {
    case K_VMLA:
        fp2(s, &fp_op_add, op->esz, out, d, p);
        break;
    case K_VMLS:
        fp2(s, &fp_op_add_negated, op->esz, out, d, p);
        break;
    case K_VNMLS:
        fp2(s, &fp_op_sub_negated, op->esz, out, p, d);
        break;
    default:
        fneg(s, op->esz, a, d);
        fp2(s, &fp_op_add_negated, op->esz, out, a, p);
        break;
    }
}

static void emit_fused(DisasContext *s, const Scalar *op, IRVal out, IRVal d, IRVal n, IRVal m)
{
    static const FpOp *const ops[] = { [K_VFNMS - K_VFNMS] = &fp_op_fnms, [K_VFNMA - K_VFNMS] = &fp_op_fnma,
                                       [K_VFMA - K_VFNMS] = &fp_op_fma, [K_VFMS - K_VFNMS] = &fp_op_fms };
    simd_fp_lane(s, ops[op->kind - K_VFNMS], op->esz, out, n, m, d);
}

static void emit_plain(DisasContext *s, const Scalar *op, IRVal out, IRVal d, IRVal n, IRVal m)
{
    static const FpOp *const ops[] = { [K_VMUL] = &fp_op_mul, [K_VNMUL] = &fp_op_mul, [K_VADD] = &fp_op_add,
                                       [K_VSUB] = &fp_op_sub, [K_VDIV] = &fp_op_div };
    (void)d;
    fp2(s, ops[op->kind], op->esz, out, n, m);
    if (op->kind == K_VNMUL)
        fneg(s, op->esz, out, out);
}

/*
 * Applies an operation to registers, or under FPSCR.LEN to short vectors: those in the first bank are scalars, others
 * wrap round in banks of 8 singles or 4 doubles.
 */
static void apply(DisasContext *s, const Scalar *op, unsigned vd, unsigned vn, unsigned vm)
{
    unsigned esz = op->esz, bank = esz == E64 ? 4 : 8;
    unsigned len = (s->flags & TBF_VECLEN) >> TBF_VECLEN_SHIFT, stride = s->flags & TBF_VECSTRIDE ? 2 : 1;
    bool vector = vfp_has(s, ARM_FEATURE_VFP_VECTORS) && len && esz != E16 && (vd & (bank * 4 - 1)) >= bank;
    bool scalar_m = (vm & (bank * 4 - 1)) < bank;

    for (unsigned i = 0; i <= (vector ? len : 0); i++) {
        IRVal t = arm_tmpv(s), n = vfp_get(s, esz, vn), m = vfp_get(s, esz, vm);
        op->emit(s, op, t, vfp_get(s, esz, vd), n, m);
        vfp_set(s, esz, vd, t);
#define NEXT(r) ((r) = ((r) & ~(bank - 1)) | (((r) + stride) & (bank - 1)))
        NEXT(vd);
        NEXT(vn);
        if (!scalar_m)
            NEXT(vm);
    }
}

/* Without short vectors, FPSCR.LEN and STRIDE other than 0 make vector instructions UNDEFINED. */
static bool length_ok(const DisasContext *s)
{
    /* M profile has no vectors, and other flags there. */
    return s->m_profile || vfp_has(s, ARM_FEATURE_VFP_VECTORS) || !(s->flags & (TBF_VECLEN | TBF_VECSTRIDE));
}

bool trans_VFP_3(DisasContext *s, arg_VFP_3 *a)
{
    unsigned size = (unsigned)a->size, esz, kind = (unsigned)(a->opc << 1 | a->op);
    unsigned d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d), n = vfp_reg(size, (unsigned)a->vn, (unsigned)a->n);
    unsigned m = vfp_reg(size, (unsigned)a->vm, (unsigned)a->m);
    Scalar op = { .kind = kind };

    if (!format_ok(s, size, &esz) || !regs_ok(s, size, d, n, m) || !length_ok(s))
        return false;
    op.esz = esz;
    switch (kind) {
    case K_VMLA: case K_VMLS: case K_VNMLA: case K_VNMLS:
        op.emit = emit_chained;
        break;
    case K_VMUL: case K_VNMUL: case K_VADD: case K_VSUB: case K_VDIV:
        op.emit = emit_plain;
        break;
    case K_VFMA: case K_VFMS: case K_VFNMA: case K_VFNMS:
        if (!vfp_has(s, ARM_FEATURE_VFP4))
            return false;
        op.emit = emit_fused;
        break;
    default:
        return false;
    }
    if (vfp_check(s))
        apply(s, &op, d, n, m);
    return true;
}

static void emit_imm(DisasContext *s, const Scalar *op, IRVal out, IRVal d, IRVal n, IRVal m)
{
    (void)d, (void)n, (void)m;
    simd_set_low(s, out, op->imm);
}

bool trans_VFP_IMM(DisasContext *s, arg_VFP_IMM *a)
{
    unsigned size = (unsigned)a->size, esz, d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    Scalar op = { .emit = emit_imm };

    if (!format_ok(s, size, &esz) || !regs_ok(s, size, d, 0, 0) || !vfp_has(s, ARM_FEATURE_VFP3) || !length_ok(s))
        return false;
    op.esz = esz;
    op.imm = simd_fp_expand_imm(esz, (unsigned)a->imm);
    if (vfp_check(s))
        apply(s, &op, d, d, d);
    return true;
}

/* VMOV VABS VNEG VSQRT */
static void emit_unary(DisasContext *s, const Scalar *op, IRVal out, IRVal d, IRVal n, IRVal m)
{
    (void)d, (void)n;
    switch (op->kind) {
    case 0: ir_mov(s->ir, out, m); break;
    case 1: simd_fp_abs(s, op->esz, 1u << op->esz, out, m); break;
    case 2: fneg(s, op->esz, out, m); break;
    default: simd_fp(s, &fp_op_sqrt, op->esz, 1u << op->esz, false, out, m, m, IR_NONE); break;
    }
}

static void set_half(DisasContext *s, unsigned sreg, bool top, IRVal v)
{
    IRVal i = arm_tmp(s);

    simd_extract(s, E16, false, i, v, 0);
    simd_insert(s, E16, cpu_v[sreg >> 2], cpu_v[sreg >> 2], i, (sreg & 3) * 2 + top);
}

/* VCVTB.BF16.F32, VCVTT.BF16.F32 */
static bool vcvt_bf16(DisasContext *s, const arg_VFP_2 *a)
{
    IRVal t;

    if (!(a->opc & 1) || !vfp_has(s, ARM_FEATURE_BF16))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_call(s, &vc_fcvt, VI(2, E32, 0, 4), t, vfp_get(s, E32, vfp_reg(2, (unsigned)a->vm, (unsigned)a->m)), IR_NONE, IR_NONE);
    set_half(s, vfp_reg(2, (unsigned)a->vd, (unsigned)a->d), a->op, t);
    return true;
}

/* VCVTB, VCVTT: between half and (size) single or double. opc bit 0: to half; op: the top half */
static bool vcvt_half(DisasContext *s, const arg_VFP_2 *a)
{
    bool dbl = a->size == 3, to_half = a->opc & 1;
    unsigned wide = dbl ? E64 : E32, sd = vfp_reg(2, (unsigned)a->vd, (unsigned)a->d), sm = vfp_reg(2, (unsigned)a->vm, (unsigned)a->m);
    unsigned dd = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), dm = vfp_reg(3, (unsigned)a->vm, (unsigned)a->m);
    IRVal t, v;

    if (a->size == 1)
        return vcvt_bf16(s, a);
    if (a->size < 2 || (dbl ? !vfp_has(s, ARM_FEATURE_FPARMV8) || !vfp_has(s, ARM_FEATURE_VFP_DP) : !vfp_has(s, ARM_FEATURE_VFP_HALF)))
        return false;
    if (dbl && !vfp_dreg_ok(s, to_half ? dm : dd))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    if (to_half) {
        simd_fp_convert(s, E16, wide, t, vfp_get(s, wide, dbl ? dm : sm));
        set_half(s, sd, a->op, t);
        return true;
    }
    v = arm_tmp(s);
    simd_extract(s, E16, false, v, cpu_v[sm >> 2], (sm & 3) * 2 + (unsigned)a->op);
    ir_v_from_int(s->ir, t, v);
    simd_fp_convert(s, wide, E16, t, t);
    vfp_set(s, wide, dbl ? dd : sd, t);
    return true;
}

/* To (opc 12, 13) and from (8) integers in an S register. op: 8: signed; 12, 13: toward zero */
static bool vcvt_int(DisasContext *s, const arg_VFP_2 *a, unsigned esz)
{
    unsigned size = (unsigned)a->size, fp, sreg;
    IRVal i, t;
    bool to_int = a->opc != 8;

    fp = to_int ? vfp_reg(size, (unsigned)a->vm, (unsigned)a->m) : vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    sreg = to_int ? vfp_reg(2, (unsigned)a->vd, (unsigned)a->d) : vfp_reg(2, (unsigned)a->vm, (unsigned)a->m);
    if (!regs_ok(s, size, fp, 0, 0))
        return false;
    if (!vfp_check(s))
        return true;
    i = arm_tmp(s);
    t = arm_tmpv(s);
    if (to_int) {
        simd_fp_to_int(s, esz, false, a->opc & 1, CVT_ROUND(a->op ? (unsigned)FP_ZERO : 7), i, vfp_get(s, esz, fp));
        ir_v_from_int(s->ir, t, i);
        vfp_set(s, E32, sreg, t);
    } else {
        simd_extract(s, E32, false, i, vfp_get(s, E32, sreg), 0);
        simd_fp_from_int(s, esz, false, a->op, 0, t, i);
        vfp_set(s, esz, fp, t);
    }
    return true;
}

/* Fixed point in the register itself: opc 1 to 1 U, op = sx, the immediate in m and vm. */
static bool vcvt_fixed(DisasContext *s, const arg_VFP_2 *a, unsigned esz)
{
    unsigned size = (unsigned)a->size, d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d), width = a->op ? 32 : 16;
    int fbits = (int)width - (a->vm << 1 | a->m);
    IRVal v, t;

    if (!regs_ok(s, size, d, 0, 0) || !vfp_has(s, ARM_FEATURE_VFP3) || fbits < 0)
        return false;
    if (!vfp_check(s))
        return true;
    v = arm_tmp(s);
    t = arm_tmpv(s);
    simd_extract(s, esz == E64 ? E64 : E32, false, v, vfp_get(s, esz, d), 0);
    ARM_CALL(s, vfp_fixed, v, v, ir_i32(s->ir, esz | (unsigned)a->op << 2 | ((unsigned)a->opc & 1) << 3 | ((unsigned)a->opc >> 2 & 1) << 4 |
                                                   (unsigned)fbits << 8));
    ir_v_from_int(s->ir, t, v);
    vfp_set(s, esz, d, t);
    return true;
}

static bool vcmp(DisasContext *s, const arg_VFP_2 *a, unsigned esz, unsigned d, unsigned m)
{
    IRFunc *f = s->ir;
    IRVal flags, x, y, t;

    if (!vfp_check(s))
        return true;
    x = vfp_get(s, esz, d);
    y = a->opc & 1 ? simd_zero(s) : vfp_get(s, esz, m);
    flags = simd_fp_compare_flags(s, esz, x, y, a->op);
    s->fpscr_fcmp = s->cond_jump ? IR_NONE : flags;
    t = arm_tmp32(s);
    if (flags != IR_NONE)
        ir_op2i(f, IR_OR, IR_I32, t, flags, FP_NZCV_HOST);
    else
        ir_op1(f, IR_TRUNC, IR_I32, t, simd_fp_compare(s, esz, x, y, a->op));
    ir_st(f, IR_ST, IR_I32, t, ARM_OFFSET(fp_nzcv));
    return true;
}

static bool vfp_round(DisasContext *s, unsigned esz, unsigned d, unsigned m, unsigned rounding)
{
    IRVal t;

    if (!vfp_has(s, ARM_FEATURE_FPARMV8))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_fp_round(s, esz, 1u << esz, false, rounding, t, vfp_get(s, esz, m));
    vfp_set(s, esz, d, t);
    return true;
}

/* Between single and double; size is the source. */
static bool vcvt_sd(DisasContext *s, const arg_VFP_2 *a)
{
    unsigned from = (unsigned)a->size, to = from ^ 1, d = vfp_reg(to, (unsigned)a->vd, (unsigned)a->d);
    unsigned m = vfp_reg(from, (unsigned)a->vm, (unsigned)a->m);
    IRVal t;

    if (from < 2 || !vfp_has(s, ARM_FEATURE_VFP_DP) || !vfp_dreg_ok(s, from == 3 ? m : d))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_fp_convert(s, to, from, t, vfp_get(s, from, m));
    vfp_set(s, to, d, t);
    return true;
}

static bool vjcvt(DisasContext *s, const arg_VFP_2 *a)
{
    unsigned sd = vfp_reg(2, (unsigned)a->vd, (unsigned)a->d), dm = vfp_reg(3, (unsigned)a->vm, (unsigned)a->m);
    IRFunc *f = s->ir;
    IRVal v, r, z, t;

    if (a->size != 3 || !a->op || !vfp_has(s, ARM_FEATURE_JSCVT) || !vfp_dreg_ok(s, dm))
        return false;
    if (!vfp_check(s))
        return true;
    v = arm_tmp(s);
    r = arm_tmp(s);
    z = arm_tmp32(s);
    t = arm_tmpv(s);
    simd_extract(s, E64, false, v, vfp_get(s, E64, dm), 0);
    ARM_CALL(s, fjcvtzs, r, v);
    ir_v_from_int(f, t, r);
    vfp_set(s, E32, sd, t);
    ir_op1(f, IR_TRUNC_HI, IR_I32, z, r);
    ir_op2i(f, IR_SHL, IR_I32, z, z, 30);
    ir_st(f, IR_ST, IR_I32, z, ARM_OFFSET(fp_nzcv));
    s->fpscr_fcmp = IR_NONE;
    return true;
}

bool trans_VFP_2(DisasContext *s, arg_VFP_2 *a)
{
    unsigned size = (unsigned)a->size, esz, d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    unsigned m = vfp_reg(size, (unsigned)a->vm, (unsigned)a->m);
    Scalar op = { .emit = emit_unary };

    if (a->opc == 2 || a->opc == 3)
        return vcvt_half(s, a);
    if (a->opc == 7 && a->op)
        return vcvt_sd(s, a);
    if (a->opc == 9)
        return vjcvt(s, a);
    if (!format_ok(s, size, &esz))
        return false;
    if (a->opc == 8 || a->opc == 12 || a->opc == 13)
        return vcvt_int(s, a, esz);
    if (a->opc >= 10)
        return vcvt_fixed(s, a, esz);
    if (!regs_ok(s, size, d, m, 0) || (size == 1 && a->opc == 0 && !a->op))
        return false;
    if (a->opc == 4 || a->opc == 5)
        return (!(a->opc & 1) || !(a->vm || a->m)) && vcmp(s, a, esz, d, m);
    if (a->opc >= 6) /* VRINTR, VRINTZ, VRINTX */
        return vfp_round(s, esz, d, m, a->opc == 7 ? 8 | 16 : a->op ? (unsigned)FP_ZERO : 8);
    op.esz = esz;
    op.kind = (unsigned)(a->opc << 1 | a->op);
    if (!length_ok(s))
        return false;
    if (vfp_check(s))
        apply(s, &op, d, m, m);
    return true;
}

/* ---- v8: selection, minimum, directed rounding ---- */

bool trans_VSEL(DisasContext *s, arg_VSEL *a)
{
    static const uint8_t conds[4] = { 0, 6, 10, 12 }; /* EQ VS GE GT */
    unsigned size = (unsigned)a->size, esz, d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    unsigned nreg = vfp_reg(size, (unsigned)a->vn, (unsigned)a->n), mreg = vfp_reg(size, (unsigned)a->vm, (unsigned)a->m);
    IRVal n, m, t;
    ARMTest test;

    if (!vfp_has(s, ARM_FEATURE_FPARMV8) || !format_ok(s, size, &esz) || !regs_ok(s, size, d, nreg, mreg))
        return false;
    if (!vfp_check(s))
        return true;
    n = arm_tmp(s);
    m = arm_tmp(s);
    t = arm_tmpv(s);
    simd_extract(s, esz, false, n, vfp_get(s, esz, nreg), 0);
    simd_extract(s, esz, false, m, vfp_get(s, esz, mreg), 0);
    test = arm_test(s, conds[a->cc]);
    ir_movcond(s->ir, test.cond, IR_I64, n, test.type, test.a, test.b, n, m);
    ir_v_from_int(s->ir, t, n);
    vfp_set(s, esz, d, t);
    return true;
}

bool trans_VMAXNM(DisasContext *s, arg_VMAXNM *a)
{
    unsigned size = (unsigned)a->size, esz, d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    unsigned n = vfp_reg(size, (unsigned)a->vn, (unsigned)a->n), m = vfp_reg(size, (unsigned)a->vm, (unsigned)a->m);
    IRVal t;

    if (!vfp_has(s, ARM_FEATURE_FPARMV8) || !format_ok(s, size, &esz) || !regs_ok(s, size, d, n, m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_call(s, a->op ? &vc_fminnm : &vc_fmaxnm, VI(1u << esz, esz, 0, 0), t, vfp_get(s, esz, n), vfp_get(s, esz, m), IR_NONE);
    vfp_set(s, esz, d, t);
    return true;
}

/* VMOVX (op 0): the upper half of Sm; VINS (1): into the upper half of Sd */
bool trans_VMOVX(DisasContext *s, arg_VMOVX *a)
{
    unsigned d = vfp_reg(2, (unsigned)a->vd, (unsigned)a->d), m = vfp_reg(2, (unsigned)a->vm, (unsigned)a->m);
    IRVal v, t;

    if (!vfp_has(s, ARM_FEATURE_FP16))
        return false;
    if (!vfp_check(s))
        return true;
    v = arm_tmp(s);
    simd_extract(s, E16, false, v, cpu_v[m >> 2], (m & 3) * 2 + !a->op);
    if (a->op) {
        simd_insert(s, E16, cpu_v[d >> 2], cpu_v[d >> 2], v, (d & 3) * 2 + 1);
    } else {
        t = arm_tmpv(s);
        ir_v_from_int(s->ir, t, v);
        vfp_set(s, E32, d, t);
    }
    return true;
}

/* A N P M */
static const uint8_t rm_rounding[4] = { FP_AWAY, FP_NEAREST, FP_UP, FP_DOWN };

bool trans_VRINT_RM(DisasContext *s, arg_VRINT_RM *a)
{
    unsigned size = (unsigned)a->size, esz, d = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    unsigned m = vfp_reg(size, (unsigned)a->vm, (unsigned)a->m);

    return format_ok(s, size, &esz) && regs_ok(s, size, d, m, 0) && vfp_round(s, esz, d, m, rm_rounding[a->rm]);
}

bool trans_VCVT_RM(DisasContext *s, arg_VCVT_RM *a)
{
    unsigned size = (unsigned)a->size, esz, m = vfp_reg(size, (unsigned)a->vm, (unsigned)a->m);
    IRVal i, t;

    if (!vfp_has(s, ARM_FEATURE_FPARMV8) || !format_ok(s, size, &esz) || !regs_ok(s, size, m, 0, 0))
        return false;
    if (!vfp_check(s))
        return true;
    i = arm_tmp(s);
    t = arm_tmpv(s);
    simd_fp_to_int(s, esz, false, a->op, CVT_ROUND(rm_rounding[a->rm]), i, vfp_get(s, esz, m));
    ir_v_from_int(s->ir, t, i);
    vfp_set(s, E32, vfp_reg(2, (unsigned)a->vd, (unsigned)a->d), t);
    return true;
}

/* ---- Between core and FP registers ---- */

static void core_write(DisasContext *s, unsigned rt, IRVal v)
{
    ir_extract(s->ir, IR_EXTRACT, IR_I64, cpu_x[rt], v, 0, 32);
}

static void set_from_core(DisasContext *s, unsigned esz, unsigned reg, IRVal v)
{
    IRVal t = arm_tmpv(s);
    ir_v_from_int(s->ir, t, v);
    vfp_set(s, esz, reg, t);
}

bool trans_VMOV_S(DisasContext *s, arg_VMOV_S *a)
{
    unsigned reg = vfp_reg(2, (unsigned)a->vn, (unsigned)a->n), esz = (unsigned)a->size;
    IRVal v;

    if (!vfp_has(s, esz == E16 ? ARM_FEATURE_FP16 : ARM_FEATURE_VFP2) || a->rt == 15)
        return false;
    if (!vfp_check(s))
        return true;
    v = arm_tmp(s);
    if (a->l) {
        simd_extract(s, esz, false, v, vfp_get(s, esz, reg), 0);
        core_write(s, (unsigned)a->rt, v);
    } else {
        ir_extract(s->ir, IR_EXTRACT, IR_I64, v, a32_reg(s, (unsigned)a->rt), 0, esz == E16 ? 16 : 32);
        set_from_core(s, E32, reg, v);
    }
    return true;
}

/* Size and index of a scalar in a D register by opc1:opc2; false when there is none. */
static bool scalar_shape(unsigned opc, unsigned *esz, unsigned *index)
{
    if (opc & 8) {
        *esz = E8;
        *index = opc & 7;
    } else if (opc & 1) {
        *esz = E16;
        *index = opc >> 1 & 3;
    } else {
        *esz = E32;
        *index = opc >> 2 & 1;
    }
    return *esz != E32 || !(opc & 2);
}

static bool scalar_ok(DisasContext *s, unsigned esz, unsigned d)
{
    return vfp_has(s, esz == E32 ? ARM_FEATURE_VFP2 : ARM_FEATURE_NEON) && vfp_dreg_ok(s, d);
}

bool trans_VMOV_TO_SCALAR(DisasContext *s, arg_VMOV_TO_SCALAR *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vn, (unsigned)a->n), esz, index;

    if (!scalar_shape((unsigned)(a->opc1 << 2 | a->opc2), &esz, &index) || !scalar_ok(s, esz, d) || a->rt == 15)
        return false;
    if (vfp_check(s))
        simd_insert(s, esz, cpu_v[d >> 1], cpu_v[d >> 1], a32_reg(s, (unsigned)a->rt), index + ((d & 1) << (3 - esz)));
    return true;
}

bool trans_VMOV_FROM_SCALAR(DisasContext *s, arg_VMOV_FROM_SCALAR *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vn, (unsigned)a->n), esz, index;
    IRVal v;

    if (!scalar_shape((unsigned)(a->opc1 << 2 | a->opc2), &esz, &index) || !scalar_ok(s, esz, d) || a->rt == 15 ||
        (esz == E32 && a->u))
        return false;
    if (!vfp_check(s))
        return true;
    v = arm_tmp(s);
    simd_extract(s, esz, !a->u, v, cpu_v[d >> 1], index + ((d & 1) << (3 - esz)));
    core_write(s, (unsigned)a->rt, v);
    return true;
}

bool trans_VDUP_CORE(DisasContext *s, arg_VDUP_CORE *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vn, (unsigned)a->n), esz = a->b ? E8 : a->e ? E16 : E32;
    IRVal t;

    if (!vfp_has(s, ARM_FEATURE_NEON) || (a->b && a->e) || (a->q && d & 1) || !vfp_dreg_ok(s, d) || a->rt == 15)
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_dup_int(s, esz, 16, t, a32_reg(s, (unsigned)a->rt));
    neon_set(s, a->q, d, t);
    return true;
}

bool trans_VMOV_2S(DisasContext *s, arg_VMOV_2S *a)
{
    unsigned m = vfp_reg(2, (unsigned)a->vm, (unsigned)a->m);
    int rt[2] = { a->rt, a->rt2 };
    IRVal v[2];

    if (!vfp_has(s, ARM_FEATURE_VFP2) || a->rt == 15 || a->rt2 == 15 || m == 31)
        return false;
    if (!vfp_check(s))
        return true;
    for (unsigned i = 0; i < 2; i++) {
        v[i] = arm_tmp(s);
        if (a->l)
            simd_extract(s, E32, false, v[i], vfp_get(s, E32, m + i), 0);
        else
            set_from_core(s, E32, m + i, a32_reg(s, (unsigned)rt[i]));
    }
    for (unsigned i = 0; a->l && i < 2; i++)
        core_write(s, (unsigned)rt[i], v[i]);
    return true;
}

bool trans_VMOV_D(DisasContext *s, arg_VMOV_D *a)
{
    unsigned m = vfp_reg(3, (unsigned)a->vm, (unsigned)a->m);
    IRFunc *f = s->ir;
    IRVal v;

    if (!vfp_has(s, ARM_FEATURE_VFP2) || a->rt == 15 || a->rt2 == 15 || !vfp_dreg_ok(s, m))
        return false;
    if (!vfp_check(s))
        return true;
    v = arm_tmp(s);
    if (a->l) {
        simd_extract(s, E64, false, v, vfp_get(s, E64, m), 0);
        core_write(s, (unsigned)a->rt, v);
        ir_op2i(f, IR_SHR, IR_I64, cpu_x[a->rt2], v, 32);
    } else {
        ir_deposit(f, IR_I64, v, a32_reg(s, (unsigned)a->rt), a32_reg(s, (unsigned)a->rt2), 32, 32);
        set_from_core(s, E64, m, v);
    }
    return true;
}

/* FPSID 0, FPSCR 1, MVFR2-0 5-7, FPEXC 8, FPINST 9, FPINST2 10 */
static bool system_register(DisasContext *s, int reg, bool read, uint32_t *offset)
{
    switch (reg) {
    case 0: *offset = ARM_OFFSET(fpsid); return s->el > 0;
    case 5: *offset = ARM_OFFSET(mvfr[2]); return s->el > 0 && read && vfp_has(s, ARM_FEATURE_V8);
    case 6: *offset = ARM_OFFSET(mvfr[1]); return s->el > 0 && read && (vfp_has(s, ARM_FEATURE_V7) || vfp_has(s, ARM_FEATURE_V6));
    case 7: *offset = ARM_OFFSET(mvfr[0]); return s->el > 0 && read && (vfp_has(s, ARM_FEATURE_V7) || vfp_has(s, ARM_FEATURE_V6));
    case 8: *offset = ARM_OFFSET(fpexc); return s->el > 0;
    case 9: *offset = ARM_OFFSET(fpinst[0]); return s->el > 0 && !vfp_has(s, ARM_FEATURE_VFP3);
    case 10: *offset = ARM_OFFSET(fpinst[1]); return s->el > 0 && !vfp_has(s, ARM_FEATURE_VFP3);
    default: return false;
    }
}

static void read_fpscr(DisasContext *s, unsigned rt)
{
    IRVal v = arm_tmp(s);

    if (rt == 15) { /* VMRS APSR_nzcv, FPSCR */
        if (s->fpscr_fcmp != IR_NONE)
            v = simd_fp_flags_to_nzcv(s, s->fpscr_fcmp);
        else
            ARM_CALL0(s, get_fpscr_nzcv, v);
        arm_cc_nzcv(s, v);
        s->fcmp = s->fpscr_fcmp;
        return;
    }
    ARM_CALL0(s, get_fpscr, v);
    core_write(s, rt, v);
}

bool trans_VMRS(DisasContext *s, arg_VMRS *a)
{
    IRFunc *f = s->ir;
    uint32_t offset;
    IRVal v;

    if (!vfp_has(s, ARM_FEATURE_VFP2))
        return false;
    if (a->reg == 1) {
        if (!a->l && a->rt == 15)
            return false;
        if (!vfp_check(s))
            return true;
        if (a->l) {
            read_fpscr(s, (unsigned)a->rt);
        } else {
            ARM_CALL(s, set_fpscr, IR_NONE, a32_reg(s, (unsigned)a->rt));
            arm_end_lookup(s);
        }
        return true;
    }
    if (a->rt == 15 || !system_register(s, a->reg, a->l, &offset))
        return false;
    /* These do not need FPEXC.EN (the FPINST ones aside). */
    if (a->reg >= 9 ? !vfp_check(s) : !arm_fp_check(s))
        return true;
    if (a->l) {
        v = arm_tmp(s);
        ir_ld(f, IR_LD32U, IR_I64, v, offset);
        core_write(s, (unsigned)a->rt, v);
    } else if (a->reg == 8) {
        ARM_CALL(s, set_fpexc, IR_NONE, a32_reg(s, (unsigned)a->rt));
        arm_end_lookup(s);
    } else if (a->reg >= 9) {
        ir_st(f, IR_ST32, IR_I64, a32_reg(s, (unsigned)a->rt), offset);
    }
    return true;
}

/* ---- Loads and stores ---- */

static IRVal plus(DisasContext *s, IRVal base, int32_t offset)
{
    IRVal t = arm_tmp(s);
    ir_op2i(s->ir, IR_ADD, IR_I32, t, base, (uint32_t)offset);
    return t;
}

/* Base register; r15 is aligned to a word, and may not be written back. */
static IRVal base_of(DisasContext *s, unsigned rn)
{
    IRVal t;

    if (rn != 15 || !s->thumb)
        return a32_reg(s, rn);
    t = arm_tmp(s);
    ir_op2i(s->ir, IR_AND, IR_I64, t, a32_reg(s, 15), ~3ull);
    return t;
}

/* op n of the IR adds a multiple of 4 to global r. */
static bool keeps_alignment(const IRFunc *f, unsigned n, IRVal r)
{
    const IROp *op = &f->ops[n];

    if (op->opc == IR_MOV && n && f->ops[n - 1].out[0] == op->in[0])
        op--;
    return op->opc == IR_ADD && op->in[0] == r && ir_is_const(f, op->in[1]) && !(f->vals[op->in[1]].value & 3);
}

/* Registers that were multiples of 4 and still are. */
static unsigned word_aligned(DisasContext *s)
{
    const IRFunc *f = s->ir;

    for (unsigned n = s->aligned_mark; n < f->nops && s->word_aligned; n++) {
        const IROp *op = &f->ops[n];
        if (op->opc == IR_CALL && !(f->calls[op->imm]->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE)))
            s->word_aligned = 0;
        for (unsigned r = 0; r < 15; r++) {
            if ((op->out[0] == cpu_x[r] || op->out[1] == cpu_x[r]) && !keeps_alignment(f, n, cpu_x[r]))
                s->word_aligned &= (uint16_t)~(1u << r);
        }
    }
    s->aligned_mark = f->nops;
    return s->word_aligned;
}

/*
 * VFP accesses must be aligned to words (half-precision ones to halfwords), whatever SCTLR.A says. addr is register rn plus a multiple
 * of the alignment: one check of a register does until something else is written to it.
 */
static void check_aligned(DisasContext *s, unsigned rn, IRVal addr, unsigned log2)
{
    IRFunc *f = s->ir;
    unsigned ok;

    if (word_aligned(s) >> rn & 1)
        return;
    ok = ir_new_label(f);
    ir_brcond(f, IR_TSTEQ, IR_I32, addr, ir_i32(f, (1u << log2) - 1), ok);
    ARM_CALL(s, vfp_misaligned, IR_NONE, addr);
    ir_label(f, ok);
    if (log2 == 2 && !s->cond_jump)
        s->word_aligned |= (uint16_t)(1u << rn);
    s->aligned_mark = f->nops;
}

bool trans_VLDR(DisasContext *s, arg_VLDR *a)
{
    unsigned size = (unsigned)a->size, esz = size, reg = vfp_reg(size, (unsigned)a->vd, (unsigned)a->d);
    int32_t offset = a->imm8 * (size == 1 ? 2 : 4);
    IRVal addr, t;

    if (!vfp_has(s, size == 1 ? ARM_FEATURE_FP16 : ARM_FEATURE_VFP2) || size == 0 || !regs_ok(s, size, reg, 0, 0))
        return false;
    if (!vfp_check(s))
        return true;
    addr = plus(s, base_of(s, (unsigned)a->rn), a->u ? offset : -offset);
    if (a->rn != 15)
        check_aligned(s, (unsigned)a->rn, addr, size == 1 ? 1 : 2);
    if (a->l) {
        t = arm_tmpv(s);
        simd_ld(s, esz, t, addr);
        vfp_set(s, esz, reg, t);
    } else {
        simd_st(s, esz, vfp_get(s, esz, reg), addr);
    }
    return true;
}

bool vfp_pair(const DisasContext *s, unsigned esz, unsigned reg, unsigned left)
{
    return esz == E64 && !(reg & 1) && left >= 2 && !s->be_data;
}

bool trans_VLDM(DisasContext *s, arg_vldm *a)
{
    unsigned esz = a->dp ? E64 : E32, reg = vfp_reg(a->dp ? 3 : 2, (unsigned)a->vd, (unsigned)a->d);
    unsigned n = a->dp ? (unsigned)a->imm8 >> 1 : (unsigned)a->imm8;
    int32_t total = a->imm8 * 4;
    IRVal base, start, t[32];

    if (!vfp_has(s, ARM_FEATURE_VFP2) || n == 0 || reg + n > 32 || (a->dp && (n > 16 || !vfp_dreg_ok(s, reg + n - 1))) ||
        (a->rn == 15 && (a->w || s->thumb)))
        return false;
    if (!vfp_check(s))
        return true;
    base = base_of(s, (unsigned)a->rn);
    start = a->p ? plus(s, base, -total) : base;
    if (a->rn != 15)
        check_aligned(s, (unsigned)a->rn, start, 2);
    for (unsigned i = 0; i < n; i += vfp_pair(s, esz, reg + i, n - i) ? 2 : 1) {
        IRVal addr = i ? plus(s, start, (int32_t)(i << esz)) : start;
        bool pair = vfp_pair(s, esz, reg + i, n - i);
        if (a->l)
            simd_ld(s, esz + pair, t[i] = arm_tmpv(s), addr);
        else
            simd_st(s, esz + pair, pair ? cpu_v[(reg + i) >> 1] : vfp_get(s, esz, reg + i), addr);
    }
    for (unsigned i = 0; a->l && i < n; i += vfp_pair(s, esz, reg + i, n - i) ? 2 : 1) {
        if (vfp_pair(s, esz, reg + i, n - i))
            ir_mov(s->ir, cpu_v[(reg + i) >> 1], t[i]);
        else
            vfp_set(s, esz, reg + i, t[i]);
    }
    if (a->w)
        ir_op2i(s->ir, IR_ADD, IR_I32, cpu_x[a->rn], cpu_x[a->rn], (uint32_t)(a->p ? -total : total));
    return true;
}
