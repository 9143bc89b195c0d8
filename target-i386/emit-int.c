/* SPDX-License-Identifier: MIT */
/*
 * Integer instructions: arithmetic, logic, moves, multiplication, decimal adjustment, flag bits.
 * Intel SDM volume 2. Flags left undefined there follow AMD's Zen processors: multiplication changes only
 * CF and OF, division sets AF and clears SF, ZF and PF. Bits, shifts and rotates are in emit-bits.c.
 */
#include "decode.h"

/* ---- Sums and differences ---- */

void insn_add(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRVal b = x86_source(s, 1), a = x86_old_value(s, IR_ATOMIC_ADD, b), r = x86_dest(s);

    ir_op2(s->ir, IR_ADD, x86_type(size), r, a, b);
    x86_put(s, 0, r);
    x86_cc_set(s, CC_OP_ADDB, size, r, b);
}

/* Value to add for an atomic subtraction. */
static IRVal negated(DisasContext *s, IRVal v, IRType t)
{
    IRVal n;

    if (!x86_locked(s))
        return v;
    n = x86_tmp(s);
    ir_op1(s->ir, IR_NEG, t, n, v);
    return n;
}

/* XOR and SUB of a register with itself. */
static bool emit_zero(DisasContext *s)
{
    const X86Operand *a = &s->op[0], *b = &s->op[1];

    if (a->kind != OPK_REG || b->kind != OPK_REG || a->n != b->n || a->high_byte != b->high_byte)
        return false;
    x86_put(s, 0, x86_const(s, a->size, 0));
    x86_cc_set(s, CC_OP_LOGICB, a->size, x86_const(s, a->size, 0), IR_NONE);
    return true;
}

void insn_sub(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);

    if (emit_zero(s))
        return;
    IRVal b = x86_source(s, 1), a = x86_old_value(s, IR_ATOMIC_ADD, negated(s, b, t)), r = x86_dest(s);
    ir_op2(s->ir, IR_SUB, t, r, a, b);
    x86_put(s, 0, r);
    x86_cc_set(s, CC_OP_SUBB, size, r, b);
}

void insn_cmp(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRVal a = s->op[0].val, b = s->op[1].val;

    x86_cc_set(s, CC_OP_CMPB, size, a, b);
    x86_cc_operands(s, a, b);
}

void insn_adc(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IRVal c = x86_cc_carry(s), b = x86_source(s, 1), sum = x86_tmp(s), r = x86_dest(s);

    if (x86_locked(s)) {
        ir_op2(s->ir, IR_ADD, t, sum, b, c);
        IRVal a = x86_old_value(s, IR_ATOMIC_ADD, sum);
        ir_op2(s->ir, IR_ADD, t, r, a, sum);
    } else {
        ir_op2(s->ir, IR_ADD, t, sum, s->op[0].val, b);
        ir_op2(s->ir, IR_ADD, t, r, sum, c);
    }
    x86_put(s, 0, r);
    ir_mov(s->ir, cpu_cc_src2, c);
    x86_cc_set(s, CC_OP_ADCB, size, r, b);
}

/* SBB r,r: all bits become the carry. */
static bool emit_sbb_same(DisasContext *s, IRVal c)
{
    const X86Operand *a = &s->op[0], *b = &s->op[1];
    IRVal r;

    if (a->kind != OPK_REG || b->kind != OPK_REG || a->n != b->n || a->high_byte != b->high_byte)
        return false;
    r = x86_tmp(s);
    ir_op1(s->ir, IR_NEG, x86_type(a->size), r, c);
    x86_put(s, 0, r);
    ir_mov(s->ir, cpu_cc_src2, c);
    x86_cc_set(s, CC_OP_SBBB, a->size, r, ir_i64(s->ir, 0));
    return true;
}

void insn_sbb(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IRVal c = x86_cc_carry(s);

    if (emit_sbb_same(s, c))
        return;
    IRVal b = x86_source(s, 1), diff = x86_tmp(s), r = x86_dest(s);
    if (x86_locked(s)) {
        ir_op2(s->ir, IR_ADD, t, diff, b, c);
        IRVal a = x86_old_value(s, IR_ATOMIC_ADD, negated(s, diff, t));
        ir_op2(s->ir, IR_SUB, t, r, a, diff);
    } else {
        ir_op2(s->ir, IR_SUB, t, diff, s->op[0].val, b);
        ir_op2(s->ir, IR_SUB, t, r, diff, c);
    }
    x86_put(s, 0, r);
    ir_mov(s->ir, cpu_cc_src2, c);
    x86_cc_set(s, CC_OP_SBBB, size, r, b);
}

/* CF at the start of a TB, for INC or DEC before a conditional jump: a loop that ends in these finds
 * flags of its own kind, with CF in cc_src. Elsewhere the flags are mostly overwritten, and the helper
 * call with them. */
static IRVal unknown_carry(DisasContext *s)
{
    IRFunc *ir = s->ir;
    IRVal c, op;
    unsigned known;

    if (s->cc_op != CC_OP_DYNAMIC || !x86_next_is_jcc(s))
        return x86_cc_carry(s);
    c = x86_tmp(s);
    op = x86_tmp(s);
    known = ir_new_label(ir);
    ir_mov(ir, c, cpu_cc_src);
    ir_op2i(ir, IR_SUB, IR_I32, op, cpu_cc_op, CC_OP_INCB);
    ir_brcond(ir, IR_LEU, IR_I32, op, ir_i32(ir, CC_OP_DECQ - CC_OP_INCB), known);
    ir_mov(ir, c, x86_cc_carry(s));
    ir_label(ir, known);
    return c;
}

static void emit_inc_dec(DisasContext *s, CCOp op, uint64_t delta)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    CCOp base = s->cc_op & 0xfc;
    /* CF stays where INC and DEC keep it when the flags are theirs already. */
    bool kept = (base == CC_OP_INCB || base == CC_OP_DECB) && !(s->cc_op & CC_OVR_C);
    IRVal c = kept ? IR_NONE : unknown_carry(s), one = ir_const(s->ir, t, delta);
    IRVal a = x86_old_value(s, IR_ATOMIC_ADD, one), r = x86_dest(s);

    ir_op2(s->ir, IR_ADD, t, r, a, one);
    x86_put(s, 0, r);
    x86_cc_set(s, op, size, r, c);
}

void insn_inc(DisasContext *s)
{
    emit_inc_dec(s, CC_OP_INCB, 1);
}

void insn_dec(DisasContext *s)
{
    emit_inc_dec(s, CC_OP_DECB, -1ull);
}

/* Replaces memory by f(memory) until nobody has come between; leaves the old value in op[0]. */
static IRVal locked_unary(DisasContext *s, IROpcode opc)
{
    const X86Operand *o = &s->op[0];
    IRType t = x86_type(o->size);
    IRVal old = x86_tmp(s), next = x86_tmp(s), seen = x86_tmp(s);
    unsigned again = ir_new_label(s->ir), done = ir_new_label(s->ir);

    x86_ld(s, t, old, s->linear, o->size | MO_RMW);
    ir_label(s->ir, again);
    ir_op1(s->ir, opc, t, next, old);
    ir_cmpxchg(s->ir, t, seen, s->linear, old, next, x86_checked_memop(s, o->size), s->mmu_mode);
    ir_brcond(s->ir, IR_EQ, t, seen, old, done);
    ir_mov(s->ir, old, seen);
    ir_br(s->ir, again);
    ir_label(s->ir, done);
    return old;
}

void insn_neg(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IRVal a = x86_tmp(s), r = x86_dest(s);

    if (x86_locked(s))
        a = locked_unary(s, IR_NEG);
    else
        ir_mov(s->ir, a, s->op[0].val);
    ir_op1(s->ir, IR_NEG, t, r, a);
    x86_put(s, 0, r);
    x86_cc_set(s, CC_OP_SUBB, size, r, a);
    x86_cc_operands(s, x86_const(s, size, 0), a);
}

void insn_not(DisasContext *s)
{
    IRType t = x86_type(s->op[0].size);
    IRVal a = x86_old_value(s, IR_ATOMIC_XOR, ir_const(s->ir, t, -1ull)), r = x86_dest(s);

    ir_op1(s->ir, IR_NOT, t, r, a);
    x86_put(s, 0, r);
}

/* ---- Logic ---- */

static void emit_logic(DisasContext *s, IROpcode opc, IROpcode atomic)
{
    MemOp size = s->op[0].size;
    IRVal b = s->op[1].val, a = x86_old_value(s, atomic, b), r = x86_dest(s);

    ir_op2(s->ir, opc, x86_type(size), r, a, b);
    x86_put(s, 0, r);
    x86_cc_set(s, CC_OP_LOGICB, size, r, IR_NONE);
}

void insn_and(DisasContext *s)
{
    emit_logic(s, IR_AND, IR_ATOMIC_AND);
}

void insn_or(DisasContext *s)
{
    emit_logic(s, IR_OR, IR_ATOMIC_OR);
}

void insn_xor(DisasContext *s)
{
    if (!emit_zero(s))
        emit_logic(s, IR_XOR, IR_ATOMIC_XOR);
}

void insn_test(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRVal a = s->op[0].val, b = s->op[1].val, r = x86_tmp(s);

    if (a == b) { /* TEST r,r: sign and zero of the register itself */
        x86_cc_set(s, CC_OP_LOGICB, size, a, IR_NONE);
        return;
    }
    ir_op2(s->ir, IR_AND, x86_type(size), r, a, b);
    x86_cc_set(s, CC_OP_LOGICB, size, r, IR_NONE);
    x86_cc_operands(s, a, b);
}

/* ---- Moves ---- */

void insn_mov(DisasContext *s)
{
    x86_put(s, 0, s->op[1].val);
}

void insn_movnti(DisasContext *s)
{
    if (s->prefix & (PREFIX_DATA | PREFIX_REPZ | PREFIX_REPNZ))
        x86_gen_illegal(s);
    else
        insn_mov(s);
}

void insn_lea(DisasContext *s)
{
    x86_put(s, 0, s->ea);
}

void insn_mov_sreg_store(DisasContext *s)
{
    X86Operand *o = &s->op[0];
    IRVal v = x86_tmp(s);
    unsigned seg = s->modrm >> 3 & 7;

    if (seg > R_GS) {
        x86_gen_illegal(s);
        return;
    }
    ir_ld(s->ir, IR_LD32U, IR_I64, v, X86_OFFSET(segs) + seg * (uint32_t)sizeof(SegmentCache));
    if (o->kind == OPK_MEM)
        o->size = MO_16;
    x86_put(s, 0, v);
}

void insn_xchg(DisasContext *s)
{
    X86Operand *a = &s->op[0], *b = &s->op[1];
    IRVal old;

    if (s->opcode == 0x90 && !s->rex_b) {
        if (s->prefix & PREFIX_REPZ) /* PAUSE */
            ir_pause(s->ir);
        return;
    }
    old = x86_tmp(s);
    if (a->kind == OPK_MEM) { /* locked with or without the prefix */
        IRVal linear = x86_ea_linear(s, 1u << a->size, true);
        ir_atomic(s->ir, IR_ATOMIC_XCHG, x86_type(a->size), old, linear, b->val, x86_checked_memop(s, a->size),
                  s->mmu_mode);
        x86_put(s, 1, old);
        return;
    }
    ir_mov(s->ir, old, x86_get_reg(s, a->size, a->n, a->high_byte));
    x86_put(s, 0, b->val);
    x86_put(s, 1, old);
}

void insn_xadd(DisasContext *s)
{
    MemOp size = s->op[0].size;
    IRVal b = x86_tmp(s), a = x86_tmp(s), r = x86_tmp(s);

    ir_mov(s->ir, b, s->op[1].val);
    ir_mov(s->ir, a, x86_old_value(s, IR_ATOMIC_ADD, b));
    ir_op2(s->ir, IR_ADD, x86_type(size), r, a, b);
    if (s->op[0].kind == OPK_MEM) {
        x86_put(s, 0, r);
        x86_put_reg(s, size, s->op[1].n, s->op[1].high_byte, a);
    } else { /* both the same register: the sum stays */
        x86_put(s, 1, a);
        x86_put(s, 0, r);
    }
    x86_cc_set(s, CC_OP_ADDB, size, r, b);
}

/* The accumulator is compared first: on a mismatch it takes the destination's value, which memory gets
 * written back in any case. */
void insn_cmpxchg(DisasContext *s)
{
    IRFunc *ir = s->ir;
    X86Operand *d = &s->op[0];
    MemOp size = d->size;
    IRType t = x86_type(size);
    IRVal acc = x86_extend(s, cpu_regs[R_EAX], size, t, false), old = x86_tmp(s), r = x86_tmp(s);
    IRVal before = x86_tmp(s), src = s->op[1].val, stored = x86_tmp(s), next = x86_tmp(s);

    ir_mov(ir, before, acc);
    if (x86_locked(s)) {
        ir_cmpxchg(ir, t, old, s->linear, before, src, x86_checked_memop(s, size), s->mmu_mode);
    } else {
        ir_op1(ir, IR_MOV, t, old, x86_extend(s, d->val, size, t, false));
        ir_movcond(ir, IR_EQ, t, stored, t, before, old, src, old);
    }
    ir_op2(ir, IR_SUB, t, r, before, old);
    ir_movcond(ir, IR_EQ, IR_I64, next, t, before, old, cpu_regs[R_EAX], old);
    if (d->kind == OPK_MEM) {
        x86_put(s, 0, stored);
        if (size == MO_32) /* RAX keeps its upper half when equal */
            ir_mov(ir, cpu_regs[R_EAX], next);
        else
            x86_put_reg(s, size, R_EAX, false, next);
    } else {
        /* A register destination is written only when equal, so that its upper half stays otherwise. */
        IRVal dest = x86_tmp(s), wide = cpu_regs[d->n];
        if (size == MO_32) {
            IRVal low = x86_tmp(s);
            ir_op1(ir, IR_MOV, IR_I32, low, src);
            ir_movcond(ir, IR_EQ, IR_I64, dest, t, before, old, low, wide);
            ir_mov(ir, cpu_regs[R_EAX], next);
            if (d->n == R_EAX)
                ir_movcond(ir, IR_EQ, IR_I64, cpu_regs[R_EAX], t, before, old, dest, cpu_regs[R_EAX]);
            else
                ir_mov(ir, wide, dest);
        } else {
            x86_put_reg(s, size, R_EAX, false, next);
            x86_put(s, 0, stored);
        }
    }
    x86_cc_set(s, CC_OP_SUBB, size, r, old);
    x86_cc_operands(s, before, old);
}

void insn_cmpxchg8b(DisasContext *s)
{
    bool wide = s->ot == MO_64;
    IRVal zf = x86_tmp(s), linear;

    if (wide && !x86_has_feature(s, FEAT_CX16)) {
        x86_gen_illegal(s);
        return;
    }
    linear = x86_ea_linear(s, wide ? 16 : 8, true);
    x86_call(s, wide ? &helper_info_cmpxchg16b : &helper_info_cmpxchg8b, zf, linear, IR_NONE, IR_NONE, IR_NONE);
    x86_cc_override(s, CC_OVR_Z, zf);
}

void insn_movzx(DisasContext *s)
{
    x86_put(s, 0, x86_load_operand(s, 1, s->op[0].size == MO_64 ? IR_I64 : IR_I32, false));
}

void insn_movsx(DisasContext *s)
{
    x86_put(s, 0, x86_load_operand(s, 1, s->op[0].size == MO_64 ? IR_I64 : IR_I32, true));
}

void insn_movsxd(DisasContext *s)
{
    if (s->op[0].size == MO_64)
        insn_movsx(s);
    else
        x86_put(s, 0, x86_load_operand(s, 1, IR_I32, false));
}

/* CBW, CWDE, CDQE */
void insn_cbw(DisasContext *s)
{
    IRVal r = x86_extend(s, cpu_regs[R_EAX], s->ot - 1, x86_type(s->ot), true);

    x86_put_reg(s, s->ot, R_EAX, false, r);
}

/* CWD, CDQ, CQO */
void insn_cwd(DisasContext *s)
{
    IRVal r = x86_tmp(s);

    if (s->ot == MO_16) {
        ir_op1(s->ir, IR_EXT16S, IR_I32, r, cpu_regs[R_EAX]);
        ir_op2i(s->ir, IR_SAR, IR_I32, r, r, 16);
        x86_put_reg(s, MO_16, R_EDX, false, r);
        return;
    }
    ir_op2i(s->ir, IR_SAR, x86_type(s->ot), cpu_regs[R_EDX], cpu_regs[R_EAX], s->ot == MO_64 ? 63 : 31);
}

void insn_bswap(DisasContext *s)
{
    IRVal g = s->op[0].val;

    if (s->ot == MO_16)
        x86_put(s, 0, x86_const(s, MO_16, 0));
    else
        ir_op1(s->ir, s->ot == MO_64 ? IR_BSWAP64 : IR_BSWAP32, x86_type(s->ot), g, g);
}

void insn_xlat(DisasContext *s)
{
    IRType t = x86_type(s->at);
    IRVal index = x86_extend(s, cpu_regs[R_EAX], MO_8, t, false), v = x86_tmp(s);

    s->ea = x86_tmp(s);
    ir_op2(s->ir, IR_ADD, t, s->ea, index, cpu_regs[R_EBX]);
    if (s->at == MO_16)
        s->ea = x86_extend(s, s->ea, MO_16, IR_I32, false);
    s->ea_seg = s->segment >= 0 ? s->segment : R_DS;
    x86_ld(s, IR_I32, v, x86_ea_linear(s, 1, false), MO_8);
    x86_put_reg(s, MO_8, R_EAX, false, v);
}

void insn_setcc(DisasContext *s)
{
    CCTest c = x86_test_cond(s, s->opcode & 15);
    IRVal r = x86_tmp(s);

    ir_setcond(s->ir, c.c, c.t, r, c.a, c.b);
    x86_put(s, 0, r);
}

void insn_cmov(DisasContext *s)
{
    CCTest c = x86_test_cond(s, s->opcode & 15);
    IRVal r = x86_dest(s);

    ir_movcond(s->ir, c.c, x86_type(s->ot), r, c.t, c.a, c.b, s->op[1].val, s->op[0].val);
    x86_put(s, 0, r);
}

void insn_nop(DisasContext *s)
{
    (void)s;
}

/* 0F 0D: a hint for memory; AMD processors refuse the register form. */
void insn_prefetchw(DisasContext *s)
{
    if (s->mod == 3)
        x86_gen_illegal(s);
}

/* ---- Multiplication and division ---- */

/* CF = OF = (a != b). */
static void set_mul_flags(DisasContext *s, IRType t, IRVal a, IRVal b)
{
    IRVal bits = x86_tmp(s);

    ir_negsetcond(s->ir, IR_NE, t, bits, a, b);
    ir_op2i(s->ir, IR_AND, IR_I64, bits, bits, CC_C | CC_O);
    x86_cc_override(s, CC_OVR_C | CC_OVR_O, bits);
}

/* AX = AL * src, DX:AX = AX * src */
static void emit_mul_narrow(DisasContext *s, MemOp size, bool sign)
{
    IRVal a = x86_extend(s, cpu_regs[R_EAX], size, IR_I32, sign), b = x86_extend(s, s->op[0].val, size, IR_I32, sign);
    IRVal r = x86_tmp(s), hi = x86_tmp(s);

    ir_op2(s->ir, IR_MUL, IR_I32, r, a, b);
    if (size == MO_8) {
        x86_put_reg(s, MO_16, R_EAX, false, r);
    } else {
        ir_op2i(s->ir, IR_SHR, IR_I32, hi, r, 16);
        x86_put_reg(s, MO_16, R_EAX, false, r);
        x86_put_reg(s, MO_16, R_EDX, false, hi);
    }
    set_mul_flags(s, IR_I32, x86_extend(s, r, size, IR_I32, sign), r);
}

static void emit_mul_wide(DisasContext *s, MemOp size, bool sign)
{
    IRFunc *ir = s->ir;
    IRVal lo = x86_tmp(s), hi = x86_tmp(s), full;

    if (size == MO_32) {
        full = x86_tmp(s);
        ir_op2(ir, IR_MUL, IR_I64, full, x86_extend(s, cpu_regs[R_EAX], MO_32, IR_I64, sign),
               x86_extend(s, s->op[0].val, MO_32, IR_I64, sign));
        ir_op1(ir, IR_MOV, IR_I32, cpu_regs[R_EAX], full);
        ir_op2i(ir, IR_SHR, IR_I64, cpu_regs[R_EDX], full, 32);
        set_mul_flags(s, IR_I64, x86_extend(s, full, MO_32, IR_I64, sign), full);
        return;
    }
    ir_mul2(ir, sign ? IR_MULS2 : IR_MULU2, IR_I64, lo, hi, cpu_regs[R_EAX], s->op[0].val);
    ir_mov(ir, cpu_regs[R_EAX], lo);
    ir_mov(ir, cpu_regs[R_EDX], hi);
    full = ir_i64(ir, 0);
    if (sign) {
        full = x86_tmp(s);
        ir_op2i(ir, IR_SAR, IR_I64, full, lo, 63);
    }
    set_mul_flags(s, IR_I64, hi, full);
}

void insn_mul(DisasContext *s)
{
    MemOp size = s->op[0].size;

    if (size < MO_32)
        emit_mul_narrow(s, size, false);
    else
        emit_mul_wide(s, size, false);
}

/* Gv = a * b truncated. */
static void emit_imul_truncated(DisasContext *s, IRVal a, IRVal b)
{
    IRFunc *ir = s->ir;
    MemOp size = s->op[0].size;
    IRVal r = x86_tmp(s), hi, lo;

    switch (size) {
    case MO_16:
        ir_op2(ir, IR_MUL, IR_I32, r, x86_extend(s, a, MO_16, IR_I32, true), x86_extend(s, b, MO_16, IR_I32, true));
        x86_put(s, 0, r);
        set_mul_flags(s, IR_I32, x86_extend(s, r, MO_16, IR_I32, true), r);
        break;
    case MO_32: {
        /* The 64-bit product is for the flags; it goes when nobody reads them. */
        IRVal a64 = x86_extend(s, a, MO_32, IR_I64, true), b64 = x86_extend(s, b, MO_32, IR_I64, true);
        IRVal full = x86_tmp(s);
        ir_op2(ir, IR_MUL, IR_I64, full, a64, b64);
        ir_op2(ir, IR_MUL, IR_I32, r, a, b);
        x86_put(s, 0, r);
        set_mul_flags(s, IR_I64, x86_extend(s, full, MO_32, IR_I64, true), full);
        break;
    }
    default:
        lo = x86_tmp(s);
        hi = x86_tmp(s);
        ir_mul2(ir, IR_MULS2, IR_I64, lo, hi, a, b);
        ir_op2(ir, IR_MUL, IR_I64, r, a, b);
        x86_put(s, 0, r);
        ir_op2i(ir, IR_SAR, IR_I64, lo, lo, 63);
        set_mul_flags(s, IR_I64, hi, lo);
    }
}

/* 0F AF */
void insn_imul(DisasContext *s)
{
    emit_imul_truncated(s, s->op[0].val, s->op[1].val);
}

/* 69, 6B and the one-operand form F6/5, F7/5 */
void insn_imul3(DisasContext *s)
{
    MemOp size = s->op[0].size;

    if (s->opcode < 0x80)
        emit_imul_truncated(s, s->op[1].val, s->op[2].val);
    else if (size < MO_32)
        emit_mul_narrow(s, size, true);
    else
        emit_mul_wide(s, size, true);
}

/* What division leaves in the flags. */
static void set_div_flags(DisasContext *s)
{
    x86_cc_override(s, CC_OVR_A | CC_OVR_Z | CC_OVR_S | CC_OVR_P, ir_i64(s->ir, CC_A));
}

/* 32 bits: divide 64 by 64 when the quotient fits; the helper faults or does the odd cases. */
static void emit_div32(DisasContext *s, bool sign)
{
    IRFunc *ir = s->ir;
    IRVal d = x86_extend(s, s->op[0].val, MO_32, IR_I64, sign), n = x86_tmp(s), q = x86_tmp(s), p = x86_tmp(s);
    unsigned slow = ir_new_label(ir), done = ir_new_label(ir);

    ir_op2i(ir, IR_SHL, IR_I64, n, cpu_regs[R_EDX], 32);
    ir_op1(ir, IR_MOV, IR_I32, p, cpu_regs[R_EAX]);
    ir_op2(ir, IR_OR, IR_I64, n, n, p);
    if (sign) { /* not by 0 nor by -1 */
        ir_op2i(ir, IR_ADD, IR_I64, p, d, 1);
        ir_brcond(ir, IR_LEU, IR_I64, p, ir_i64(ir, 1), slow);
        ir_op2(ir, IR_DIVS, IR_I64, q, n, d);
        ir_op1(ir, IR_EXT_I32_I64S, IR_I64, p, q);
        ir_brcond(ir, IR_NE, IR_I64, p, q, slow);
    } else {
        ir_brcond(ir, IR_EQ, IR_I64, d, ir_i64(ir, 0), slow);
        ir_op2(ir, IR_DIVU, IR_I64, q, n, d);
        ir_brcond(ir, IR_GTU, IR_I64, q, ir_i64(ir, 0xffffffff), slow);
    }
    ir_op2(ir, IR_MUL, IR_I32, p, q, d);
    ir_op2(ir, IR_SUB, IR_I32, cpu_regs[R_EDX], n, p);
    ir_op1(ir, IR_MOV, IR_I32, cpu_regs[R_EAX], q);
    ir_br(ir, done);
    ir_label(ir, slow);
    x86_call(s, sign ? &helper_info_idiv : &helper_info_div, IR_NONE, d, ir_i32(ir, MO_32), IR_NONE, IR_NONE);
    ir_label(ir, done);
}

/* 64 bits: dividends that fit 64 bits inline. */
static void emit_div64(DisasContext *s, bool sign)
{
    IRFunc *ir = s->ir;
    IRVal d = x86_tmp(s), q = x86_tmp(s), p = x86_tmp(s);
    unsigned slow = ir_new_label(ir), done = ir_new_label(ir);

    ir_mov(ir, d, s->op[0].val);
    if (sign) {
        ir_op2i(ir, IR_SAR, IR_I64, p, cpu_regs[R_EAX], 63);
        ir_brcond(ir, IR_NE, IR_I64, p, cpu_regs[R_EDX], slow);
        ir_op2i(ir, IR_ADD, IR_I64, p, d, 1);
        ir_brcond(ir, IR_LEU, IR_I64, p, ir_i64(ir, 1), slow);
    } else {
        ir_brcond(ir, IR_NE, IR_I64, cpu_regs[R_EDX], ir_i64(ir, 0), slow);
        ir_brcond(ir, IR_EQ, IR_I64, d, ir_i64(ir, 0), slow);
    }
    ir_op2(ir, sign ? IR_DIVS : IR_DIVU, IR_I64, q, cpu_regs[R_EAX], d);
    ir_op2(ir, IR_MUL, IR_I64, p, q, d);
    ir_op2(ir, IR_SUB, IR_I64, cpu_regs[R_EDX], cpu_regs[R_EAX], p);
    ir_mov(ir, cpu_regs[R_EAX], q);
    ir_br(ir, done);
    ir_label(ir, slow);
    x86_call(s, sign ? &helper_info_idiv : &helper_info_div, IR_NONE, d, ir_i32(ir, MO_64), IR_NONE, IR_NONE);
    ir_label(ir, done);
}

static void emit_division(DisasContext *s, bool sign)
{
    MemOp size = s->op[0].size;

    if (size == MO_64)
        emit_div64(s, sign);
    else if (size == MO_32)
        emit_div32(s, sign);
    else
        x86_call(s, sign ? &helper_info_idiv : &helper_info_div, IR_NONE,
                 x86_extend(s, s->op[0].val, size, IR_I64, sign), ir_i32(s->ir, size), IR_NONE, IR_NONE);
    set_div_flags(s);
}

void insn_div(DisasContext *s)
{
    emit_division(s, false);
}

void insn_idiv(DisasContext *s)
{
    emit_division(s, true);
}

/* ---- Decimal adjustment: helpers work on EFLAGS in CPUState ---- */

static void call_decimal(DisasContext *s, const HelperInfo *h, IRVal arg)
{
    x86_sync_cc_op(s);
    x86_call(s, h, IR_NONE, arg, IR_NONE, IR_NONE, IR_NONE);
    x86_set_cc_op(s, CC_OP_DYNAMIC);
}

void insn_aaa(DisasContext *s)
{
    call_decimal(s, &helper_info_aaa, IR_NONE);
}

void insn_aas(DisasContext *s)
{
    call_decimal(s, &helper_info_aas, IR_NONE);
}

void insn_daa(DisasContext *s)
{
    call_decimal(s, &helper_info_daa, IR_NONE);
}

void insn_das(DisasContext *s)
{
    call_decimal(s, &helper_info_das, IR_NONE);
}

static uint8_t immediate(const DisasContext *s, unsigned i)
{
    return (uint8_t)s->ir->vals[s->op[i].val].value;
}

void insn_aam(DisasContext *s)
{
    uint8_t base = immediate(s, 1);

    if (base == 0) {
        x86_gen_exception(s, EXCP00_DIVZ);
        return;
    }
    call_decimal(s, &helper_info_aam, ir_i32(s->ir, base));
}

void insn_aad(DisasContext *s)
{
    call_decimal(s, &helper_info_aad, ir_i32(s->ir, immediate(s, 1)));
}

/* ---- Flags ---- */

/* LAHF and SAHF may be missing in 64-bit mode. */
static bool has_lahf(DisasContext *s)
{
    if (!s->code64 || x86_feature(s->env, FW_8000_0001_ECX, 0))
        return true;
    x86_gen_illegal(s);
    return false;
}

void insn_lahf(DisasContext *s)
{
    IRVal r;

    if (!has_lahf(s))
        return;
    x86_compute_eflags(s);
    r = x86_tmp(s);
    ir_op2i(s->ir, IR_OR, IR_I32, r, cpu_cc_src, 2);
    x86_put_reg(s, MO_8, R_EAX, true, r);
}

void insn_sahf(DisasContext *s)
{
    IRVal r;

    if (!has_lahf(s))
        return;
    r = x86_get_reg(s, MO_8, R_EAX, true);
    ir_op2i(s->ir, IR_AND, IR_I64, r, r, CC_C | CC_P | CC_A | CC_Z | CC_S);
    x86_cc_override(s, CC_OVR_ALL & ~CC_OVR_O, r);
}

/* SALC: AL = CF ? 0xff : 0 */
void insn_salc(DisasContext *s)
{
    IRVal r = x86_tmp(s);

    ir_op1(s->ir, IR_NEG, IR_I32, r, x86_cc_carry(s));
    x86_put_reg(s, MO_8, R_EAX, false, r);
}

void insn_clc(DisasContext *s)
{
    x86_cc_override(s, CC_OVR_C, ir_i64(s->ir, 0));
}

void insn_stc(DisasContext *s)
{
    x86_cc_override(s, CC_OVR_C, ir_i64(s->ir, CC_C));
}

void insn_cmc(DisasContext *s)
{
    IRVal r = x86_tmp(s);

    ir_op2i(s->ir, IR_XOR, IR_I64, r, x86_cc_carry(s), 1);
    x86_cc_override(s, CC_OVR_C, r);
}

void insn_cld(DisasContext *s)
{
    ir_st(s->ir, IR_ST, IR_I32, ir_i32(s->ir, 1), X86_OFFSET(df));
}

void insn_std(DisasContext *s)
{
    ir_st(s->ir, IR_ST, IR_I32, ir_i32(s->ir, -1u), X86_OFFSET(df));
}

/* ---- BOUND ---- */

void insn_bound(DisasContext *s)
{
    IRVal next = x86_tmp(s), lower = x86_tmp(s), upper = x86_tmp(s);

    /* Two accesses: a page fault of the first goes before the limit check of the second. */
    x86_ld(s, IR_I64, lower, x86_ea_linear(s, 1u << s->ot, false), s->ot | MO_SIGN);
    ir_op2i(s->ir, IR_ADD, IR_I32, next, s->ea, 1u << s->ot);
    x86_ld(s, IR_I64, upper, x86_linear(s, next, s->ea_seg, 1u << s->ot, false), s->ot | MO_SIGN);
    x86_call(s, &helper_info_bound, IR_NONE, x86_extend(s, s->op[0].val, s->ot, IR_I64, true), lower, upper, IR_NONE);
}
