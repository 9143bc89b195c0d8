/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags at translation time. The translator usually knows cc_op: conditions become comparisons of
 * the operands of the instruction that set the flags, a carry becomes one comparison, and what no one
 * reads is discarded. Only an unknown cc_op (start of a TB, variable shifts) goes through a helper.
 *
 * State that a fault must find is in the cc_* globals at every instruction start, together with the
 * cc_op recorded there. x86_compute_eflags() rewrites them in the middle of an instruction, and so
 * opens the instruction a second time with the new cc_op.
 */
#include "decode.h"

/* Which globals an op reads. */
enum { LIVE_DST = 1, LIVE_SRC = 2, LIVE_SRC2 = 4, LIVE_OVR = 8, LIVE_ALL = 15 };

static unsigned cc_live(CCOp op)
{
    unsigned base = op & 0xff, kind = base & ~3u, live;

    if (base == CC_OP_DYNAMIC)
        return LIVE_ALL;
    live = base == CC_OP_EFLAGS ? LIVE_SRC : kind == CC_OP_LOGICB ? LIVE_DST : LIVE_DST | LIVE_SRC;
    if (kind == CC_OP_ADCB || kind == CC_OP_SBBB)
        live |= LIVE_SRC2;
    return live | (op & CC_OVR_ALL ? LIVE_OVR : 0);
}

void x86_set_cc_op(DisasContext *s, CCOp op)
{
    unsigned dead = cc_live(s->cc_op) & ~cc_live(op);

    if (dead & LIVE_DST)
        ir_discard(s->ir, cpu_cc_dst);
    if (dead & LIVE_SRC)
        ir_discard(s->ir, cpu_cc_src);
    if (dead & LIVE_SRC2)
        ir_discard(s->ir, cpu_cc_src2);
    if (dead & LIVE_OVR)
        ir_discard(s->ir, cpu_cc_ovr);
    if (s->cc_op == CC_OP_DYNAMIC && op != CC_OP_DYNAMIC)
        ir_discard(s->ir, cpu_cc_op);
    s->cc_op = op;
    s->cc_op_dirty = op != CC_OP_DYNAMIC;
    s->cc_a = s->cc_b = IR_NONE;
}

void x86_sync_cc_op(DisasContext *s)
{
    if (s->cc_op_dirty)
        ir_movi(s->ir, cpu_cc_op, s->cc_op);
    s->cc_op_dirty = false;
}

void x86_cc_set(DisasContext *s, CCOp op, MemOp size, IRVal dst, IRVal src)
{
    ir_mov(s->ir, cpu_cc_dst, dst);
    if (src != IR_NONE)
        ir_mov(s->ir, cpu_cc_src, src);
    x86_set_cc_op(s, op + size);
}

void x86_cc_operands(DisasContext *s, IRVal a, IRVal b)
{
    s->cc_a = a;
    s->cc_b = b;
    s->cc_mark = s->ir->nops;
}

void x86_cc_eflags(DisasContext *s, IRVal bits)
{
    ir_mov(s->ir, cpu_cc_src, bits);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

static uint32_t mask_flags(unsigned mask)
{
    static const uint16_t flag[6] = { CC_C, CC_P, CC_A, CC_Z, CC_S, CC_O };
    uint32_t flags = 0;

    for (unsigned i = 0; i < 6; i++) {
        if (mask >> (8 + i) & 1)
            flags |= flag[i];
    }
    return flags;
}

void x86_cc_override(DisasContext *s, unsigned mask, IRVal bits)
{
    IRFunc *ir = s->ir;
    bool unknown = s->cc_op == CC_OP_DYNAMIC;
    IRVal a = s->cc_a, b = s->cc_b;

    if (unknown || (s->cc_op & CC_OVR_ALL & ~mask)) {
        ir_op2i(ir, IR_AND, IR_I64, cpu_cc_ovr, cpu_cc_ovr, ~(uint64_t)mask_flags(mask));
        ir_op2(ir, IR_OR, IR_I64, cpu_cc_ovr, cpu_cc_ovr, bits);
    } else {
        ir_mov(ir, cpu_cc_ovr, bits);
    }
    if (unknown) {
        ir_op2i(ir, IR_OR, IR_I32, cpu_cc_op, cpu_cc_op, mask);
        return;
    }
    x86_set_cc_op(s, s->cc_op | mask);
    s->cc_a = a;
    s->cc_b = b;
}

/* The arguments of the cc_compute helpers; operands the op does not read are constants. */
static void call_compute(DisasContext *s, const HelperInfo *h, IRVal ret)
{
    unsigned live = cc_live(s->cc_op);
    IRVal zero = ir_i64(s->ir, 0);
    IRVal args[5] = {
        live & LIVE_DST ? cpu_cc_dst : zero, live & LIVE_SRC ? cpu_cc_src : zero,
        live & LIVE_SRC2 ? cpu_cc_src2 : zero, live & LIVE_OVR ? cpu_cc_ovr : zero,
        s->cc_op == CC_OP_DYNAMIC ? cpu_cc_op : ir_i32(s->ir, s->cc_op),
    };

    ir_call(s->ir, h, ret, args, 5);
}

void x86_compute_eflags(DisasContext *s)
{
    IRVal flags;

    if (s->cc_op == CC_OP_EFLAGS)
        return;
    flags = x86_tmp(s);
    call_compute(s, &helper_info_cc_compute_all, flags);
    ir_mov(s->ir, cpu_cc_src, flags);
    x86_set_cc_op(s, CC_OP_EFLAGS);
    ir_insn_start(s->ir, s->base.insn_pc, s->cc_op);
}

/* ---- Operands of the last comparison ---- */

static bool writes_globals(const IRFunc *f, const IROp *op)
{
    return op->opc == IR_CALL && !(f->calls[op->imm]->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE));
}

/* True when both operands of the comparison still have their values. */
static bool operands_good(const DisasContext *s)
{
    const IRFunc *f = s->ir;

    if (s->cc_a == IR_NONE || f->nops - s->cc_mark > 64)
        return false;
    for (unsigned i = s->cc_mark; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (writes_globals(f, op))
            return false;
        for (unsigned n = 0; n < 2; n++) {
            if (op->out[n] != IR_NONE && (op->out[n] == s->cc_a || op->out[n] == s->cc_b))
                return false;
        }
    }
    return true;
}

/* Operands of a subtraction or comparison whose flags are pending. */
static void sub_operands(DisasContext *s, MemOp size, IRVal *a, IRVal *b)
{
    if (operands_good(s)) {
        *a = s->cc_a;
        *b = s->cc_b;
        return;
    }
    *b = cpu_cc_src;
    if ((s->cc_op & 0xfc) == CC_OP_CMPB) {
        *a = cpu_cc_dst;
        return;
    }
    *a = x86_tmp(s);
    ir_op2(s->ir, IR_ADD, x86_type(size), *a, cpu_cc_dst, cpu_cc_src);
}

/* ---- Conditions ---- */

enum { COND_O, COND_B, COND_Z, COND_BE, COND_S, COND_P, COND_L, COND_LE };

static const uint16_t cond_needs[8] = {
    CC_OVR_O, CC_OVR_C, CC_OVR_Z, CC_OVR_C | CC_OVR_Z, CC_OVR_S, CC_OVR_P, CC_OVR_S | CC_OVR_O,
    CC_OVR_S | CC_OVR_O | CC_OVR_Z,
};

static CCTest compare(DisasContext *s, IRCond c, MemOp size, IRVal a, IRVal b)
{
    bool sign = c == IR_LT || c == IR_LE;
    IRType t = x86_type(size);

    return (CCTest){ c, t, x86_extend(s, a, size, t, sign), x86_extend(s, b, size, t, sign) };
}

/* Comparison with a constant that fits the size. */
static CCTest compare_imm(DisasContext *s, IRCond c, MemOp size, IRVal a, uint64_t imm)
{
    return compare(s, c, size, a, x86_const(s, size, imm));
}

static CCTest test_bits(DisasContext *s, IRCond c, IRType t, IRVal a, uint64_t bits)
{
    return (CCTest){ c, t, a, ir_const(s->ir, t, bits) };
}

/* A condition from flags in EFLAGS layout. */
static CCTest test_flags(DisasContext *s, unsigned cond, IRVal flags)
{
    static const uint16_t bits[8] = { CC_O, CC_C, CC_Z, CC_C | CC_Z, CC_S, CC_P, CC_S, CC_S | CC_Z };

    if (cond == COND_L || cond == COND_LE) {
        IRVal t = x86_tmp(s);
        ir_op2i(s->ir, IR_SHR, IR_I32, t, flags, 4); /* OF to SF's place */
        ir_op2i(s->ir, IR_AND, IR_I32, t, t, CC_S);
        ir_op2(s->ir, IR_XOR, IR_I32, t, t, flags);
        flags = t;
    }
    return test_bits(s, IR_TSTNE, IR_I32, flags, bits[cond]);
}

static IRVal result(DisasContext *s, MemOp size)
{
    IRVal r, a, b;

    if ((s->cc_op & 0xfc) != CC_OP_CMPB)
        return cpu_cc_dst;
    r = x86_tmp(s);
    sub_operands(s, size, &a, &b);
    ir_op2(s->ir, IR_SUB, x86_type(size), r, a, b);
    return r;
}

/* ZF, SF and PF come from the result whatever the operation was. */
static CCTest test_result(DisasContext *s, unsigned cond, MemOp size)
{
    IRType t = x86_type(size);
    uint64_t mask = size_mask(size);
    IRVal r = result(s, size);

    if (cond == COND_P) {
        IRVal p = x86_tmp(s);
        ir_op2i(s->ir, IR_AND, IR_I32, p, r, 0xff);
        ir_op1(s->ir, IR_POPCNT, IR_I32, p, p);
        return test_bits(s, IR_TSTEQ, IR_I32, p, 1);
    }
    if (cond == COND_Z)
        return size >= MO_32 ? test_bits(s, IR_EQ, t, r, 0) : test_bits(s, IR_TSTEQ, t, r, mask);
    return size >= MO_32 ? test_bits(s, IR_LT, t, r, 0)
                         : test_bits(s, IR_TSTNE, t, r, mask ^ (mask >> 1));
}

/* True when SUB's condition is one comparison of its operands. */
static bool test_sub(DisasContext *s, unsigned cond, MemOp size, CCTest *out)
{
    static const uint8_t conds[8] = { [COND_B] = IR_LTU, [COND_Z] = IR_EQ, [COND_BE] = IR_LEU, [COND_L] = IR_LT,
                                      [COND_LE] = IR_LE };
    IRVal a, b;

    if (!conds[cond])
        return false;
    if (cond == COND_Z && (size < MO_32 || ((s->cc_op & 0xfc) == CC_OP_SUBB && !operands_good(s))))
        return false; /* better from the result */
    sub_operands(s, size, &a, &b);
    *out = compare(s, conds[cond], size, a, b);
    return true;
}

static bool test_logic(DisasContext *s, unsigned cond, MemOp size, CCTest *out)
{
    bool both = operands_good(s);

    switch (cond) {
    case COND_O: case COND_B:
        *out = test_bits(s, IR_NE, IR_I32, ir_i32(s->ir, 0), 0);
        return true;
    case COND_Z: case COND_BE:
        if (both && size >= MO_32) {
            *out = (CCTest){ IR_TSTEQ, x86_type(size), s->cc_a, s->cc_b };
            return true;
        }
        if (both && ir_is_const(s->ir, s->cc_b)) {
            *out = test_bits(s, IR_TSTEQ, IR_I32, s->cc_a, s->ir->vals[s->cc_b].value & size_mask(size));
            return true;
        }
        *out = test_result(s, COND_Z, size);
        return true;
    case COND_L:
        *out = test_result(s, COND_S, size);
        return true;
    case COND_LE:
        *out = compare_imm(s, IR_LE, size, cpu_cc_dst, 0);
        return true;
    }
    return false;
}

/* INC and DEC: signed conditions compare the old value. */
static bool test_inc_dec(DisasContext *s, unsigned cond, MemOp size, bool dec, CCTest *out)
{
    uint64_t mask = size_mask(size), sign = mask ^ (mask >> 1);

    if (cond == COND_B) {
        *out = test_bits(s, IR_TSTNE, IR_I32, cpu_cc_src, 1);
        return true;
    }
    if (cond == COND_O) {
        *out = compare_imm(s, IR_EQ, size, cpu_cc_dst, dec ? sign - 1 : sign);
        return true;
    }
    if (cond == COND_L || cond == COND_LE) {
        IRVal old = x86_tmp(s);
        ir_op2i(s->ir, IR_ADD, x86_type(size), old, cpu_cc_dst, dec ? 1 : -1ull);
        *out = compare_imm(s, cond == COND_L ? IR_LT : IR_LE, size, old, dec ? 1 : -1ull);
        return true;
    }
    return false;
}

/* Conditions that follow from the operation without computing flags. */
static bool test_operation(DisasContext *s, unsigned cond, CCTest *out)
{
    unsigned base = s->cc_op & 0xff, kind = base & ~3u;
    MemOp size = base & 3;

    switch (kind) {
    case CC_OP_SUBB: case CC_OP_CMPB:
        if (test_sub(s, cond, size, out))
            return true;
        break;
    case CC_OP_LOGICB:
        if (test_logic(s, cond, size, out))
            return true;
        break;
    case CC_OP_INCB: case CC_OP_DECB:
        if (test_inc_dec(s, cond, size, kind == CC_OP_DECB, out))
            return true;
        break;
    default:
        if (cond == COND_B) {
            *out = test_bits(s, IR_NE, IR_I64, x86_cc_carry(s), 0);
            return true;
        }
    }
    if (cond == COND_Z || cond == COND_S || cond == COND_P) {
        *out = test_result(s, cond, size);
        return true;
    }
    return false;
}

CCTest x86_test_cond(DisasContext *s, unsigned n)
{
    unsigned cond = n >> 1, overridden = s->cc_op & cond_needs[cond];
    CCTest r;

    if (s->cc_op == CC_OP_DYNAMIC && cond == COND_B)
        r = test_bits(s, IR_NE, IR_I64, x86_cc_carry(s), 0);
    else if (s->cc_op != CC_OP_DYNAMIC && overridden == cond_needs[cond])
        r = test_flags(s, cond, cpu_cc_ovr);
    else if ((s->cc_op & 0xff) == CC_OP_EFLAGS && !overridden)
        r = test_flags(s, cond, cpu_cc_src);
    else if ((s->cc_op & 0xff) < CC_OP_ADDB || overridden || !test_operation(s, cond, &r)) {
        x86_compute_eflags(s);
        r = test_flags(s, cond, cpu_cc_src);
    }
    if (n & 1)
        r.c = ir_cond_negate(r.c);
    return r;
}

/* ---- Carry ---- */

/* Carry out of ADC and SBB: sum below the second operand, or equal with a carry in. */
static void carry_with_carry(DisasContext *s, MemOp size, IRVal first, IRVal ret)
{
    IRType t = x86_type(size);
    IRVal a = x86_extend(s, first, size, t, false), b = x86_extend(s, cpu_cc_src, size, t, false);
    IRVal eq = x86_tmp(s);

    ir_setcond(s->ir, IR_EQ, t, eq, a, b);
    ir_op2(s->ir, IR_AND, IR_I64, eq, eq, cpu_cc_src2);
    ir_setcond(s->ir, IR_LTU, t, ret, a, b);
    ir_op2(s->ir, IR_OR, IR_I64, ret, ret, eq);
}

IRVal x86_cc_carry(DisasContext *s)
{
    IRFunc *ir = s->ir;
    unsigned base = s->cc_op & 0xff;
    MemOp size = base & 3;
    IRType t = x86_type(size);
    IRVal ret = x86_tmp(s), a, b;

    if (s->cc_op & CC_OVR_C) {
        ir_op2i(ir, IR_AND, IR_I64, ret, cpu_cc_ovr, CC_C);
        return ret;
    }
    switch (base < CC_OP_ADDB ? base : base & ~3u) {
    case CC_OP_DYNAMIC:
        call_compute(s, &helper_info_cc_compute_c, ret);
        break;
    case CC_OP_EFLAGS: case CC_OP_SARB:
        ir_op2i(ir, IR_AND, IR_I64, ret, cpu_cc_src, 1);
        break;
    case CC_OP_ADDB:
        ir_setcond(ir, IR_LTU, t, ret, x86_extend(s, cpu_cc_dst, size, t, false),
                   x86_extend(s, cpu_cc_src, size, t, false));
        break;
    case CC_OP_SUBB: case CC_OP_CMPB:
        sub_operands(s, size, &a, &b);
        ir_setcond(ir, IR_LTU, t, ret, x86_extend(s, a, size, t, false), x86_extend(s, b, size, t, false));
        break;
    case CC_OP_ADCB:
        carry_with_carry(s, size, cpu_cc_dst, ret);
        break;
    case CC_OP_SBBB:
        a = x86_tmp(s);
        ir_op2(ir, IR_ADD, t, a, cpu_cc_dst, cpu_cc_src);
        ir_op2(ir, IR_ADD, t, a, a, cpu_cc_src2);
        carry_with_carry(s, size, a, ret);
        break;
    case CC_OP_INCB: case CC_OP_DECB:
        ir_mov(ir, ret, cpu_cc_src);
        break;
    case CC_OP_SHLB:
        ir_extract(ir, IR_EXTRACT, t, ret, cpu_cc_src, (8u << size) - 1, 1);
        break;
    default:
        ir_movi(ir, ret, 0);
    }
    return ret;
}

IRVal x86_flag_if(DisasContext *s, IRCond c, IRType t, IRVal a, IRVal b, unsigned bit)
{
    IRVal r = x86_tmp(s);

    ir_setcond(s->ir, c, t, r, a, b);
    if (bit != 1)
        ir_op2i(s->ir, IR_SHL, IR_I64, r, r, (unsigned)__builtin_ctz(bit));
    return r;
}
