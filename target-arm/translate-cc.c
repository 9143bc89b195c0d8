/* SPDX-License-Identifier: MIT */
/*
 * Lazy condition flags at translation time; cpu.h (ARMCCOp) says what the globals hold. The translator usually knows cc_op: then
 * conditions are comparisons of the operands of the instruction that set the flags, or of its result. With an unknown cc_op (start
 * of a TB) EQ and NE still look at cc_nz; other conditions go through a helper.
 */
#include "helper.h"
#include "translate.h"

enum { LIVE_NZ = 1, LIVE_A = 2, LIVE_B = 4, LIVE_ALL = 7 };
enum { NZCV_N = 8, NZCV_Z = 4, NZCV_C = 2, NZCV_V = 1 };

static unsigned cc_live(unsigned op)
{
    switch (op) {
    case CC_NZCV: case CC_FCMP:
        return LIVE_A;
    case CC_ADD32: case CC_ADD64: case CC_SUB32: case CC_SUB64:
        return LIVE_NZ | LIVE_B;
    case CC_LOGIC32: case CC_LOGIC64:
        return LIVE_NZ;
    case CC_CV32: case CC_CV64:
        return LIVE_NZ | LIVE_A;
    default:
        return LIVE_ALL;
    }
}

static void set_cc_op(DisasContext *s, unsigned op)
{
    unsigned dead = cc_live(s->cc_op) & ~cc_live(op);

    if (dead & LIVE_NZ)
        ir_discard(s->ir, arm_flag_nz);
    if (dead & LIVE_A)
        ir_discard(s->ir, arm_flag_a);
    if (dead & LIVE_B)
        ir_discard(s->ir, arm_flag_b);
    if (s->cc_op == CC_DYNAMIC)
        ir_discard(s->ir, arm_flag_op);
    s->cc_op = (uint8_t)op;
    s->cc_op_dirty = true;
    s->cc_whole = false;
    s->cmp_a = s->cmp_b = s->fcmp = IR_NONE;
}

void arm_sync_cc_op(DisasContext *s)
{
    if (s->cc_op_dirty)
        ir_movi(s->ir, arm_flag_op, s->cc_op);
    s->cc_op_dirty = false;
}

void arm_forget_cc(DisasContext *s)
{
    s->cc_op = CC_DYNAMIC;
    s->cc_op_dirty = false;
    s->cmp_a = s->cmp_b = s->fcmp = IR_NONE;
}

static IRType op_type(unsigned op)
{
    return op & 1 ? IR_I64 : IR_I32;
}

/* ---- Operands of the last comparison ---- */

static bool writes_globals(const IRFunc *f, const IROp *op)
{
    return op->opc == IR_CALL && !(f->calls[op->imm]->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE));
}

static bool operands_good(const DisasContext *s)
{
    const IRFunc *f = s->ir;

    if (s->cmp_a == IR_NONE || f->nops - s->cmp_mark > 64)
        return false;
    for (unsigned i = s->cmp_mark; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (writes_globals(f, op))
            return false;
        for (unsigned n = 0; n < 2; n++) {
            if (op->out[n] != IR_NONE && (op->out[n] == s->cmp_a || op->out[n] == s->cmp_b))
                return false;
        }
    }
    return true;
}

static void remember_operands(DisasContext *s, IRVal a, IRVal b)
{
    s->cmp_a = a;
    s->cmp_b = b;
    s->cmp_mark = s->ir->nops;
    s->cmp_carry = true;
}

/* ---- Setting ---- */

static void set_result(DisasContext *s, IRType t, IROpcode opc, IRVal result, IRVal a, IRVal b)
{
    if (result == IR_NONE)
        ir_op2(s->ir, opc, t, arm_flag_nz, a, b);
    else
        ir_op1(s->ir, IR_MOV, t, arm_flag_nz, result);
}

/* AArch32 keeps the first operand as well: the next instruction may set N and Z alone. */
static void set_operands(DisasContext *s, IRType t, unsigned op, unsigned nz_op, IRVal a, IRVal b)
{
    ir_mov(s->ir, arm_flag_b, b);
    if (!s->aarch64)
        ir_mov(s->ir, arm_flag_a, a);
    set_cc_op(s, (s->aarch64 ? op : nz_op) + (t == IR_I64));
    s->cc_whole = true;
}

void arm_cc_add(DisasContext *s, IRType t, IRVal result, IRVal a, IRVal b)
{
    set_result(s, t, IR_ADD, result, a, b);
    set_operands(s, t, CC_ADD32, CC_NZ_ADD32, a, b);
    /* a + b compares as a - (-b), but for C when b is 0 and V when b is the least number. */
    if (ir_is_const(s->ir, b)) {
        uint64_t v = s->ir->vals[b].value, least = t == IR_I64 ? 1ull << 63 : 1ull << 31;
        if (v && v != least)
            remember_operands(s, a, ir_const(s->ir, t, -v));
    }
}

void arm_cc_sub(DisasContext *s, IRType t, IRVal result, IRVal a, IRVal b)
{
    set_result(s, t, IR_SUB, result, a, b);
    set_operands(s, t, CC_SUB32, CC_NZ_SUB32, a, b);
    remember_operands(s, a, b);
}

void arm_cc_logic(DisasContext *s, IRType t, IRVal result)
{
    ir_op1(s->ir, IR_MOV, t, arm_flag_nz, result);
    if (!s->aarch64)
        ir_movi(s->ir, arm_flag_a, 0);
    set_cc_op(s, !s->aarch64 ? CC_CV32 : t == IR_I64 ? CC_LOGIC64 : CC_LOGIC32);
}

void arm_cc_nzcv(DisasContext *s, IRVal nzcv)
{
    ir_mov(s->ir, arm_flag_a, nzcv);
    set_cc_op(s, CC_NZCV);
}

void arm_cc_fcmp(DisasContext *s, IRVal flags)
{
    ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, arm_flag_a, flags);
    set_cc_op(s, CC_FCMP);
    s->fcmp = flags;
}

/* C and V (0 or 1) in the places that CC_CV has them. */
static void set_cv(DisasContext *s, IRVal carry, IRVal overflow)
{
    IRVal t = arm_tmp(s);

    ir_op2i(s->ir, IR_SHL, IR_I64, t, carry, 29);
    ir_op2i(s->ir, IR_SHL, IR_I64, arm_flag_a, overflow, 28);
    ir_op2(s->ir, IR_OR, IR_I64, arm_flag_a, arm_flag_a, t);
}

void arm_cc_adc(DisasContext *s, IRType t, IRVal dst, IRVal a, IRVal b, IRVal carry)
{
    IRFunc *ir = s->ir;
    IRVal lo = arm_tmp(s), hi = arm_tmp(s), v = arm_tmp(s), u = arm_tmp(s), zero = ir_i64(ir, 0);

    if (carry == IR_NONE)
        carry = arm_cc_carry(s);
    if (t == IR_I64) {
        ir_addsub2(ir, IR_ADD2, IR_I64, lo, hi, a, zero, carry, zero);
        ir_addsub2(ir, IR_ADD2, IR_I64, lo, hi, lo, hi, b, zero);
    } else {
        IRVal wide = arm_tmp(s);
        ir_extract(ir, IR_EXTRACT, IR_I64, lo, a, 0, 32);
        ir_extract(ir, IR_EXTRACT, IR_I64, wide, b, 0, 32);
        ir_op2(ir, IR_ADD, IR_I64, lo, lo, wide);
        ir_op2(ir, IR_ADD, IR_I64, lo, lo, carry);
        ir_op2i(ir, IR_SHR, IR_I64, hi, lo, 32);
    }
    ir_op2(ir, IR_XOR, t, v, lo, a);
    ir_op2(ir, IR_XOR, t, u, lo, b);
    ir_op2(ir, IR_AND, t, v, v, u);
    ir_op2i(ir, IR_SHR, t, v, v, t == IR_I64 ? 63 : 31);
    set_cv(s, hi, v);
    ir_op1(ir, IR_MOV, t, arm_flag_nz, lo);
    set_cc_op(s, t == IR_I64 ? CC_CV64 : CC_CV32);
    if (dst != IR_NONE)
        ir_op1(ir, IR_MOV, t, dst, lo);
}

void a32_cc_nz(DisasContext *s, IRVal result)
{
    switch (s->cc_op) {
    case CC_CV32: case CC_NZ_ADD32: case CC_NZ_SUB32:
        break;
    case CC_LOGIC32: case CC_LOGIC64:
        ir_movi(s->ir, arm_flag_a, 0);
        set_cc_op(s, CC_CV32);
        break;
    case CC_NZCV:
        set_cc_op(s, CC_CV32);
        break;
    default: /* unknown: one of those, as AArch32 uses no others */
        ir_movcond(s->ir, IR_EQ, IR_I32, arm_flag_op, IR_I32, arm_flag_op, ir_i32(s->ir, CC_NZCV), ir_i32(s->ir, CC_CV32),
                   arm_flag_op);
    }
    ir_op1(s->ir, IR_MOV, IR_I32, arm_flag_nz, result);
    s->cmp_a = s->cmp_b = s->fcmp = IR_NONE;
    s->cc_whole = false;
}

void a32_cc_nzc(DisasContext *s, IRVal result, IRVal carry)
{
    IRVal v = arm_cc_overflow(s);

    set_cv(s, carry, v);
    ir_op1(s->ir, IR_MOV, IR_I32, arm_flag_nz, result);
    set_cc_op(s, CC_CV32);
}

/* Operands whose sum or difference has the flags nzcv: C and V in any case, N and Z too where *exact. */
static void operands_for(unsigned nzcv, bool add, IRType t, uint64_t *a, uint64_t *b, bool *exact)
{
    const uint64_t min = t == IR_I64 ? 1ull << 63 : 1ull << 31, max = min - 1, ones = max | min;
    const uint64_t sum[4][2] = { { 0, 0 }, { max, 1 }, { ones, 1 }, { min, min } };
    const uint64_t difference[12][2] = { { 0, min + 1 }, { max, ones }, { 1, 0 }, { min, 1 }, { 0, 1 }, { max, ones },
                                         { 0, 0 }, { min, 1 }, { 0, 1 }, { max, ones }, { min, 0 }, { min, 1 } };
    const uint64_t *pair = add ? sum[nzcv & 3] : difference[nzcv];

    *a = pair[0];
    *b = pair[1];
    *exact = !add && 0x74d >> nzcv & 1;
}

/* N and Z together have no cc_nz: both ways meet with an unknown cc_op. */
static void conditional_by_branch(DisasContext *s, const ARMTest *t0, IRType t, IRVal a, IRVal b, bool add, unsigned nzcv)
{
    unsigned other = ir_new_label(s->ir), done = ir_new_label(s->ir);

    arm_sync_cc_op(s);
    ir_brcond(s->ir, ir_cond_negate(t0->cond), t0->type, t0->a, t0->b, other);
    if (add)
        arm_cc_add(s, t, IR_NONE, a, b);
    else
        arm_cc_sub(s, t, IR_NONE, a, b);
    arm_sync_cc_op(s);
    ir_br(s->ir, done);
    ir_label(s->ir, other);
    arm_forget_cc(s);
    arm_cc_nzcv(s, ir_i64(s->ir, (uint64_t)nzcv << 28));
    arm_sync_cc_op(s);
    ir_label(s->ir, done);
    arm_forget_cc(s);
}

void arm_cc_conditional(DisasContext *s, const ARMTest *t0, IRType t, IRVal a, IRVal b, bool add, unsigned nzcv)
{
    IRFunc *ir = s->ir;
    uint64_t ca, cb;
    bool exact;

    if (add && ir_is_const(ir, b) && ir->vals[b].value) {
        add = false;
        b = ir_const(ir, ir_type(ir, b), -ir->vals[b].value);
    }
    if ((nzcv & (NZCV_N | NZCV_Z)) == (NZCV_N | NZCV_Z)) {
        conditional_by_branch(s, t0, t, a, b, add, nzcv);
        return;
    }
    operands_for(nzcv, add, t, &ca, &cb, &exact);
    IRVal nz = arm_tmp(s), na = arm_tmp(s), nb = arm_tmp(s);
    IRVal fixed_nz = ir_const(ir, t, nzcv & NZCV_Z ? 0 : nzcv & NZCV_N ? ~0ull : 1);
    ir_op2(ir, add ? IR_ADD : IR_SUB, t, nz, a, b);
    ir_movcond(ir, t0->cond, t, nz, t0->type, t0->a, t0->b, nz, fixed_nz);
    ir_movcond(ir, t0->cond, t, na, t0->type, t0->a, t0->b, a, ir_const(ir, t, ca));
    ir_movcond(ir, t0->cond, t, nb, t0->type, t0->a, t0->b, b, ir_const(ir, t, cb));
    IRVal sa = arm_tmp(s), sb = arm_tmp(s), zero = ir_const(ir, t, 0);
    bool zero_only = nzcv == NZCV_Z && !add;
    if (zero_only) { /* no difference has these flags, but for conditions that leave C aside 0 - 0 is as good */
        ir_movcond(ir, t0->cond, t, sa, t0->type, t0->a, t0->b, a, zero);
        ir_movcond(ir, t0->cond, t, sb, t0->type, t0->a, t0->b, b, zero);
    }
    ir_mov(ir, arm_flag_nz, nz);
    ir_mov(ir, arm_flag_a, na);
    ir_mov(ir, arm_flag_b, nb);
    set_cc_op(s, (add ? CC_NZ_ADD32 : CC_NZ_SUB32) + (t == IR_I64));
    if (exact)
        remember_operands(s, na, nb);
    else if (zero_only)
        remember_operands(s, sa, sb);
    s->cmp_carry = exact;
    s->cc_whole = exact;
}

/* ---- Reading ---- */

IRVal arm_cc_get_nzcv(DisasContext *s)
{
    IRVal out = arm_tmp(s), zero = ir_i64(s->ir, 0);
    unsigned live = cc_live(s->cc_op);

    if (s->cc_op == CC_NZCV) {
        ir_op2i(s->ir, IR_AND, IR_I64, out, arm_flag_a, PSTATE_NZCV);
        return out;
    }
    ARM_CALL(s, cc_nzcv, out, live & LIVE_NZ ? arm_flag_nz : zero, live & LIVE_A ? arm_flag_a : zero,
             live & LIVE_B ? arm_flag_b : zero, s->cc_op == CC_DYNAMIC ? arm_flag_op : ir_i32(s->ir, s->cc_op));
    return out;
}

/* The operands of the addition or subtraction that made the flags. */
static void flag_operands(DisasContext *s, IRVal *a, IRVal *b)
{
    bool sub = s->cc_op == CC_SUB32 || s->cc_op == CC_SUB64;

    *b = arm_flag_b;
    if (s->cc_op >= CC_NZ_ADD32) {
        *a = arm_flag_a;
    } else {
        *a = arm_tmp(s);
        ir_op2(s->ir, sub ? IR_ADD : IR_SUB, op_type(s->cc_op), *a, arm_flag_nz, arm_flag_b);
    }
}

/* C as a comparison; false when the form needs the helper. */
static bool test_carry(DisasContext *s, ARMTest *out)
{
    IRType t = op_type(s->cc_op);
    IRVal a, b;

    if (operands_good(s) && s->cmp_carry) {
        *out = (ARMTest){ IR_GEU, t, s->cmp_a, s->cmp_b };
        return true;
    }
    switch (s->cc_op) {
    case CC_SUB32: case CC_SUB64: case CC_NZ_SUB32: case CC_NZ_SUB64:
        flag_operands(s, &a, &b);
        *out = (ARMTest){ IR_GEU, t, a, b };
        return true;
    case CC_ADD32: case CC_ADD64:
        *out = (ARMTest){ IR_LTU, t, arm_flag_nz, arm_flag_b };
        return true;
    case CC_NZ_ADD32: case CC_NZ_ADD64:
        a = arm_tmp(s);
        ir_op2(s->ir, IR_ADD, t, a, arm_flag_a, arm_flag_b);
        *out = (ARMTest){ IR_LTU, t, a, arm_flag_b };
        return true;
    case CC_LOGIC32: case CC_LOGIC64:
        *out = (ARMTest){ IR_NE, IR_I32, ir_i32(s->ir, 0), ir_i32(s->ir, 0) };
        return true;
    case CC_CV32: case CC_CV64: case CC_NZCV:
        *out = (ARMTest){ IR_TSTNE, IR_I64, arm_flag_a, ir_i64(s->ir, PSTATE_C) };
        return true;
    }
    return false;
}

IRVal arm_cc_carry(DisasContext *s)
{
    IRVal out = arm_tmp(s);
    ARMTest t;

    if (s->cc_op == CC_NZCV || s->cc_op == CC_CV32 || s->cc_op == CC_CV64)
        ir_extract(s->ir, IR_EXTRACT, IR_I64, out, arm_flag_a, 29, 1);
    else if (test_carry(s, &t))
        ir_setcond(s->ir, t.cond, t.type, out, t.a, t.b);
    else
        ir_extract(s->ir, IR_EXTRACT, IR_I64, out, arm_cc_get_nzcv(s), 29, 1);
    return out;
}

/* V of the addition or subtraction in the flags. */
static void operation_overflow(DisasContext *s, IRVal out)
{
    IRFunc *ir = s->ir;
    IRType t = op_type(s->cc_op);
    bool sub = (s->cc_op & ~1u) == CC_SUB32 || (s->cc_op & ~1u) == CC_NZ_SUB32;
    IRVal a, b, r = arm_tmp(s), u = arm_tmp(s);

    flag_operands(s, &a, &b);
    ir_op2(ir, sub ? IR_SUB : IR_ADD, t, r, a, b);
    ir_op2(ir, IR_XOR, t, u, a, b);
    if (!sub)
        ir_op1(ir, IR_NOT, t, u, u);
    ir_op2(ir, IR_XOR, t, r, r, a);
    ir_op2(ir, IR_AND, t, out, r, u);
    ir_op2i(ir, IR_SHR, t, out, out, t == IR_I64 ? 63 : 31);
}

IRVal arm_cc_overflow(DisasContext *s)
{
    IRVal out = arm_tmp(s);

    if (s->cc_op == CC_LOGIC32 || s->cc_op == CC_LOGIC64)
        ir_movi(s->ir, out, 0);
    else if (s->cc_op == CC_CV32 || s->cc_op == CC_CV64)
        ir_extract(s->ir, IR_EXTRACT, IR_I64, out, arm_flag_a, 28, 1);
    else if (s->cc_op == CC_DYNAMIC || s->cc_op == CC_NZCV || s->cc_op == CC_FCMP)
        ir_extract(s->ir, IR_EXTRACT, IR_I64, out, arm_cc_get_nzcv(s), 28, 1);
    else
        operation_overflow(s, out);
    return out;
}

/* ---- Conditions: even numbers; odd ones are their negation ---- */

enum { COND_EQ = 0, COND_CS = 2, COND_MI = 4, COND_VS = 6, COND_HI = 8, COND_GE = 10, COND_GT = 12 };

static ARMTest test_bits(DisasContext *s, IRCond c, IRVal a, uint64_t bits)
{
    return (ARMTest){ c, IR_I64, a, ir_i64(s->ir, bits) };
}

/* From flags in bits 31-28. */
static ARMTest test_nzcv(DisasContext *s, unsigned cond, IRVal f)
{
    static const uint32_t bits[4] = { PSTATE_Z, PSTATE_C, PSTATE_N, PSTATE_V };
    IRFunc *ir = s->ir;

    if (cond < COND_HI)
        return test_bits(s, IR_TSTNE, f, bits[cond / 2]);
    IRVal t = arm_tmp(s);
    if (cond == COND_HI) {
        ir_op2i(ir, IR_AND, IR_I64, t, f, PSTATE_C | PSTATE_Z);
        return test_bits(s, IR_EQ, t, PSTATE_C);
    }
    ir_op2i(ir, IR_SHL, IR_I64, t, f, 3); /* V to N's place */
    ir_op2(ir, IR_XOR, IR_I64, t, t, f);
    if (cond == COND_GE)
        return test_bits(s, IR_TSTEQ, t, PSTATE_N);
    IRVal z = arm_tmp(s);
    ir_op2i(ir, IR_AND, IR_I64, t, t, PSTATE_N);
    ir_op2i(ir, IR_AND, IR_I64, z, f, PSTATE_Z);
    ir_op2(ir, IR_OR, IR_I64, t, t, z);
    return test_bits(s, IR_EQ, t, 0);
}

/* From the flags of a floating-point comparison: less 1, unordered 0x45, equal 0x40, greater 0. */
static ARMTest test_fcmp(DisasContext *s, unsigned cond, IRVal f)
{
    static const struct { uint8_t mask, value, cond; } tests[8] = {
        [COND_EQ / 2] = { 0x44, 0x40, IR_EQ }, [COND_CS / 2] = { 5, 1, IR_NE }, [COND_MI / 2] = { 5, 1, IR_EQ },
        [COND_VS / 2] = { 0, 4, IR_TSTNE }, [COND_GE / 2] = { 0, 1, IR_TSTEQ }, [COND_GT / 2] = { 0, 0x41, IR_TSTEQ },
        [COND_HI / 2] = { 0, 0x40, IR_GEU },
    };
    IRVal t = f;

    if (tests[cond / 2].mask) {
        t = arm_tmp32(s);
        ir_op2i(s->ir, IR_AND, IR_I32, t, f, tests[cond / 2].mask);
    } else if (cond == COND_HI) { /* not less, not equal */
        t = arm_tmp32(s);
        ir_op2i(s->ir, IR_ADD, IR_I32, t, f, (uint64_t)-1);
    }
    return (ARMTest){ (IRCond)tests[cond / 2].cond, IR_I32, t, ir_i32(s->ir, tests[cond / 2].value) };
}

static bool test_operands(unsigned cond, IRType t, IRVal a, IRVal b, ARMTest *out)
{
    static const uint8_t conds[8] = { [COND_EQ / 2] = IR_EQ, [COND_CS / 2] = IR_GEU, [COND_HI / 2] = IR_GTU,
                                      [COND_GE / 2] = IR_GE, [COND_GT / 2] = IR_GT };
    if (!conds[cond / 2])
        return false;
    *out = (ARMTest){ conds[cond / 2], t, a, b };
    return true;
}

static bool test_known(DisasContext *s, unsigned cond, ARMTest *out)
{
    IRType t = op_type(s->cc_op);

    if (operands_good(s) && (s->cmp_carry || (cond != COND_CS && cond != COND_HI)) &&
        test_operands(cond, t, s->cmp_a, s->cmp_b, out))
        return true;
    if (cond == COND_EQ || cond == COND_MI) {
        *out = (ARMTest){ cond == COND_EQ ? IR_EQ : IR_LT, t, arm_flag_nz, ir_const(s->ir, t, 0) };
        return true;
    }
    if (cond == COND_CS)
        return test_carry(s, out);
    if ((s->cc_op & ~1u) == CC_SUB32 || ((s->cc_op & ~1u) == CC_NZ_SUB32 && s->cc_whole)) {
        IRVal a, b;
        flag_operands(s, &a, &b);
        return test_operands(cond, t, a, b, out);
    }
    if (s->cc_op == CC_LOGIC32 || s->cc_op == CC_LOGIC64) {
        bool never = cond == COND_VS || cond == COND_HI;
        *out = never ? (ARMTest){ IR_NE, IR_I32, ir_i32(s->ir, 0), ir_i32(s->ir, 0) }
                     : (ARMTest){ cond == COND_GE ? IR_GE : IR_GT, t, arm_flag_nz, ir_const(s->ir, t, 0) };
        return true;
    }
    return false;
}

/* EQ with an unknown cc_op. */
static ARMTest test_zero(DisasContext *s)
{
    IRVal z = arm_tmp(s);

    ir_op2i(s->ir, IR_AND, IR_I64, z, arm_flag_a, PSTATE_Z);
    ir_op2i(s->ir, IR_XOR, IR_I64, z, z, PSTATE_Z);
    ir_movcond(s->ir, IR_EQ, IR_I64, z, IR_I32, arm_flag_op, ir_i32(s->ir, CC_NZCV), z, arm_flag_nz);
    if (s->aarch64) {
        IRVal f = arm_tmp(s);
        ir_op2i(s->ir, IR_AND, IR_I64, f, arm_flag_a, 0x44); /* as in test_fcmp */
        ir_op2i(s->ir, IR_XOR, IR_I64, f, f, 0x40);
        ir_movcond(s->ir, IR_EQ, IR_I64, z, IR_I32, arm_flag_op, ir_i32(s->ir, CC_FCMP), f, z);
    }
    return test_bits(s, IR_EQ, z, 0);
}

ARMTest arm_test(DisasContext *s, unsigned cond)
{
    unsigned base = cond & ~1u;
    ARMTest t;

    if (cond >= 14)
        return (ARMTest){ IR_EQ, IR_I32, ir_i32(s->ir, 0), ir_i32(s->ir, 0) };
    if (s->fcmp != IR_NONE)
        t = test_fcmp(s, base, s->fcmp);
    else if (s->cc_op == CC_NZCV)
        t = test_nzcv(s, base, arm_flag_a);
    else if (s->cc_op == CC_DYNAMIC && base == COND_EQ)
        t = test_zero(s);
    else if (s->cc_op == CC_DYNAMIC || s->cc_op == CC_FCMP || !test_known(s, base, &t))
        t = test_nzcv(s, base, arm_cc_get_nzcv(s));
    if (cond & 1)
        t.cond = ir_cond_negate(t.cond);
    return t;
}

void arm_brcond(DisasContext *s, unsigned cond, unsigned label)
{
    ARMTest t = arm_test(s, cond);

    ir_brcond(s->ir, t.cond, t.type, t.a, t.b, label);
}
