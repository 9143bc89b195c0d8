/* SPDX-License-Identifier: MIT */
/*
 * Bit instructions: shifts, rotates, double shifts, bit tests, bit scans, BMI1/2, ADX, MOVBE, CRC32, RDRAND,
 * RDSEED. Intel SDM volume 2. Flags left undefined there follow AMD's Zen processors: shifts set AF and
 * compute OF for every count as for a count of 1, rotates likewise, BSF and BSR change only ZF and leave
 * the destination when the source is zero, BT changes only CF.
 */
#include "decode.h"

static bool const_count(DisasContext *s, unsigned i, unsigned *count)
{
    IRVal v = s->op[i].val;

    if (!ir_is_const(s->ir, v))
        return false;
    *count = s->ir->vals[v].value & (s->op[0].size == MO_64 ? 63 : 31);
    return true;
}

static IRVal masked_count(DisasContext *s, unsigned i)
{
    IRVal n = x86_tmp(s);

    ir_op2i(s->ir, IR_AND, IR_I32, n, s->op[i].val, s->op[0].size == MO_64 ? 63 : 31);
    return n;
}

/* Operand 0 ready to be shifted: extended as the kind of shift asks. */
static IRVal shift_source(DisasContext *s, IROpcode opc)
{
    MemOp size = s->op[0].size;
    IRVal v = s->op[0].val;

    return opc == IR_SHL ? v : x86_extend(s, v, size, x86_type(size), opc == IR_SAR);
}

/* ---- Shifts ---- */

static void shift_const(DisasContext *s, IROpcode opc, unsigned count)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IRVal v = shift_source(s, opc), before = x86_tmp(s), r = x86_dest(s);

    if (count > 1)
        ir_op2i(s->ir, opc, t, before, v, count - 1);
    else
        ir_mov(s->ir, before, v);
    ir_op2i(s->ir, opc, t, r, v, count);
    x86_put(s, 0, r);
    x86_cc_set(s, opc == IR_SHL ? CC_OP_SHLB : CC_OP_SARB, size, r, before);
}

/* Flags of a shift or rotate that does nothing when the count is zero. */
static void select_flags(DisasContext *s, IRVal count, CCOp op, IRVal dst, IRVal src)
{
    IRFunc *ir = s->ir;
    IRVal zero = ir_i32(ir, 0), new_op = ir_i32(ir, op);

    x86_sync_cc_op(s);
    ir_movcond(ir, IR_EQ, IR_I64, cpu_cc_dst, IR_I32, count, zero, cpu_cc_dst, dst);
    ir_movcond(ir, IR_EQ, IR_I64, cpu_cc_src, IR_I32, count, zero, cpu_cc_src, src);
    ir_movcond(ir, IR_EQ, IR_I32, cpu_cc_op, IR_I32, count, zero, cpu_cc_op, new_op);
    x86_set_cc_op(s, CC_OP_DYNAMIC);
}

/* By CL. The operand is 8 or 16 bits in a 32-bit shift, so counts above its size work too. */
static void shift_variable(DisasContext *s, IROpcode opc)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IRVal v = shift_source(s, opc), n = masked_count(s, 1), less = x86_tmp(s), before = x86_tmp(s), r = x86_tmp(s);

    ir_op2i(s->ir, IR_SUB, IR_I32, less, n, 1);
    ir_op2i(s->ir, IR_AND, IR_I32, less, less, size == MO_64 ? 63 : 31);
    ir_op2(s->ir, opc, t, before, v, less);
    ir_op2(s->ir, opc, t, r, v, n);
    x86_put(s, 0, r);
    select_flags(s, n, (opc == IR_SHL ? CC_OP_SHLB : CC_OP_SARB) + size, r, before);
}

static void emit_shift(DisasContext *s, IROpcode opc)
{
    unsigned count;

    if (!const_count(s, 1, &count))
        shift_variable(s, opc);
    else if (count)
        shift_const(s, opc, count);
    else
        x86_put(s, 0, s->op[0].val);
}

void insn_shl(DisasContext *s)
{
    emit_shift(s, IR_SHL);
}

void insn_shr(DisasContext *s)
{
    emit_shift(s, IR_SHR);
}

void insn_sar(DisasContext *s)
{
    emit_shift(s, IR_SAR);
}

/* ---- Rotates ---- */

/* The operand repeated to fill 32 bits, so that a 32-bit rotate rotates it. */
static IRVal replicated(DisasContext *s, IRVal v, MemOp size)
{
    IRVal r;

    if (size >= MO_32)
        return v;
    r = x86_tmp(s);
    ir_op2i(s->ir, IR_MUL, IR_I32, r, x86_extend(s, v, size, IR_I32, false), size == MO_8 ? 0x01010101 : 0x00010001);
    return r;
}

/* CF and OF of a rotated result: left: CF = bit 0, OF = CF ^ top bit; right: CF = top bit, OF = CF ^ next. */
static IRVal rotate_flags(DisasContext *s, IRVal r, MemOp size, bool left)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(size);
    IRVal c = x86_tmp(s), o = x86_tmp(s);
    unsigned top = (8u << size) - 1;

    ir_extract(ir, IR_EXTRACT, t, c, r, left ? 0 : top, 1);
    ir_extract(ir, IR_EXTRACT, t, o, r, left ? top : top - 1, 1);
    ir_op2(ir, IR_XOR, IR_I64, o, o, c);
    ir_op2i(ir, IR_SHL, IR_I64, o, o, 11);
    ir_op2(ir, IR_OR, IR_I64, o, o, c);
    return o;
}

/* New CF and OF unless count is zero, as a change of flags in any case. */
static void override_if(DisasContext *s, IRVal count, IRVal bits)
{
    IRFunc *ir = s->ir;
    IRVal old, pick;

    x86_compute_eflags(s);
    old = x86_tmp(s);
    pick = x86_tmp(s);
    ir_op2i(ir, IR_AND, IR_I64, old, cpu_cc_src, CC_ALL & ~(CC_C | CC_O));
    ir_op2(ir, IR_OR, IR_I64, pick, old, bits);
    ir_movcond(ir, IR_EQ, IR_I64, cpu_cc_src, IR_I32, count, ir_i32(ir, 0), cpu_cc_src, pick);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

static void emit_rotate(DisasContext *s, bool left)
{
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IROpcode opc = left ? IR_ROTL : IR_ROTR;
    IRVal v, r, n;
    unsigned count;
    bool constant = const_count(s, 1, &count);

    if (constant && !count) {
        x86_put(s, 0, s->op[0].val);
        return;
    }
    v = replicated(s, s->op[0].val, size);
    r = x86_dest(s);
    if (constant) {
        ir_op2i(s->ir, opc, t, r, v, count & (size == MO_64 ? 63 : 31));
        x86_put(s, 0, r);
        x86_cc_override(s, CC_OVR_C | CC_OVR_O, rotate_flags(s, r, size, left));
        return;
    }
    n = masked_count(s, 1);
    ir_op2(s->ir, opc, t, r, v, n);
    x86_put(s, 0, r);
    override_if(s, n, rotate_flags(s, r, size, left));
}

void insn_rol(DisasContext *s)
{
    emit_rotate(s, true);
}

void insn_ror(DisasContext *s)
{
    emit_rotate(s, false);
}

/* RCL and RCR by one: the carry comes in at one end and the bit at the other goes out. */
static void rotate_carry_once(DisasContext *s, bool left)
{
    IRFunc *ir = s->ir;
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    unsigned top = (8u << size) - 1;
    IRVal in = x86_cc_carry(s), v = x86_extend(s, s->op[0].val, size, t, false), r = x86_tmp(s), out = x86_tmp(s);
    IRVal o = x86_tmp(s), next = x86_tmp(s);

    ir_extract(ir, IR_EXTRACT, t, out, v, left ? top : 0, 1);
    if (left) {
        ir_op2i(ir, IR_SHL, t, r, v, 1);
        ir_op2(ir, IR_OR, t, r, r, in);
    } else {
        ir_op2i(ir, IR_SHR, t, r, v, 1);
        ir_op2i(ir, IR_SHL, t, next, in, top);
        ir_op2(ir, IR_OR, t, r, r, next);
    }
    x86_put(s, 0, r);
    ir_extract(ir, IR_EXTRACT, t, o, r, top, 1);
    if (!left)
        ir_extract(ir, IR_EXTRACT, t, next, r, top - 1, 1);
    ir_op2(ir, IR_XOR, IR_I64, o, o, left ? out : next);
    ir_op2i(ir, IR_SHL, IR_I64, o, o, 11);
    ir_op2(ir, IR_OR, IR_I64, o, o, out);
    x86_cc_override(s, CC_OVR_C | CC_OVR_O, o);
}

static void emit_rotate_carry(DisasContext *s, bool left)
{
    IRFunc *ir = s->ir;
    MemOp size = s->op[0].size;
    IRVal packed, n, args[4], v, o;
    unsigned count;

    if (const_count(s, 1, &count) && count == 1) {
        rotate_carry_once(s, left);
        return;
    }
    /* The helper gives the result; for 64 bits CF comes from asking for one position more. */
    n = masked_count(s, 1);
    v = x86_tmp(s);
    ir_mov(ir, v, x86_extend(s, s->op[0].val, size, IR_I64, false));
    packed = x86_tmp(s);
    args[0] = v;
    args[1] = x86_cc_carry(s);
    args[2] = x86_tmp(s);
    ir_op1(ir, IR_MOV, IR_I32, args[2], n);
    args[3] = ir_i32(ir, size);
    ir_call(ir, left ? &helper_info_rcl : &helper_info_rcr, packed, args, 4);
    o = x86_tmp(s);
    args[3] = ir_i32(ir, size | 8u);
    ir_call(ir, left ? &helper_info_rcl : &helper_info_rcr, o, args, 4);
    x86_put(s, 0, packed);
    override_if(s, n, o);
}

void insn_rcl(DisasContext *s)
{
    emit_rotate_carry(s, true);
}

void insn_rcr(DisasContext *s)
{
    emit_rotate_carry(s, false);
}

/* ---- Double shifts ---- */

/* 16 bits: counts above 16 have a life of their own; the helper knows it. */
static void double_shift16(DisasContext *s, bool left)
{
    IRFunc *ir = s->ir;
    IRVal n = masked_count(s, 2), both = x86_tmp(s), count = x86_tmp(s), bits = x86_tmp(s), args[3];

    ir_op1(ir, IR_MOV, IR_I32, count, n);
    args[0] = x86_extend(s, s->op[0].val, MO_16, IR_I64, false);
    args[1] = x86_extend(s, s->op[1].val, MO_16, IR_I64, false);
    args[2] = count;
    ir_call(ir, left ? &helper_info_shld16 : &helper_info_shrd16, both, args, 3);
    x86_put(s, 0, both);
    x86_compute_eflags(s);
    ir_op2i(ir, IR_SHR, IR_I64, bits, both, 32);
    ir_movcond(ir, IR_EQ, IR_I64, cpu_cc_src, IR_I32, n, ir_i32(ir, 0), cpu_cc_src, bits);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

/* 32 and 64 bits by n, 0 < n < size: result and the value shifted by n - 1, whose top (bottom) bit is CF. */
static void double_shift_const(DisasContext *s, bool left, unsigned n)
{
    IRFunc *ir = s->ir;
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    unsigned bits = 8u << size;
    IRVal a = x86_tmp(s), b = x86_source(s, 1), before = x86_tmp(s), r = x86_dest(s);

    ir_op1(ir, IR_MOV, t, a, s->op[0].val);
    if (left) {
        ir_extract2(ir, t, r, b, a, bits - n);
        ir_op2i(ir, IR_SHL, t, before, a, n - 1);
    } else {
        ir_extract2(ir, t, r, a, b, n);
        if (n > 1)
            ir_extract2(ir, t, before, a, b, n - 1);
        else
            ir_mov(ir, before, a);
    }
    x86_put(s, 0, r);
    x86_cc_set(s, left ? CC_OP_SHLB : CC_OP_SARB, size, r, before);
}

static void double_shift_variable(DisasContext *s, bool left)
{
    IRFunc *ir = s->ir;
    MemOp size = s->op[0].size;
    IRType t = x86_type(size);
    IROpcode out = left ? IR_SHL : IR_SHR, in = left ? IR_SHR : IR_SHL;
    IRVal a = x86_tmp(s), b = x86_tmp(s), n = masked_count(s, 2), less = x86_tmp(s), rest = x86_tmp(s);
    IRVal before = x86_tmp(s), r = x86_tmp(s), x = x86_tmp(s);

    ir_op1(ir, IR_MOV, t, a, s->op[0].val);
    ir_op1(ir, IR_MOV, t, b, s->op[1].val);
    /* b moves by one, then by size - 1 - n' so that a count of zero shifts it out entirely */
    ir_op2i(ir, IR_XOR, IR_I32, rest, n, (8u << size) - 1);
    ir_op2i(ir, in, t, x, b, 1);
    ir_op2(ir, in, t, x, x, rest);
    ir_op2(ir, out, t, r, a, n);
    ir_op2(ir, IR_OR, t, r, r, x);
    /* the same for n - 1 */
    ir_op2i(ir, IR_SUB, IR_I32, less, n, 1);
    ir_op2i(ir, IR_AND, IR_I32, less, less, (8u << size) - 1);
    ir_op2i(ir, IR_XOR, IR_I32, rest, less, (8u << size) - 1);
    ir_op2i(ir, in, t, x, b, 1);
    ir_op2(ir, in, t, x, x, rest);
    ir_op2(ir, out, t, before, a, less);
    ir_op2(ir, IR_OR, t, before, before, x);
    x86_put(s, 0, r);
    select_flags(s, n, (left ? CC_OP_SHLB : CC_OP_SARB) + size, r, before);
}

static void emit_double_shift(DisasContext *s, bool left)
{
    unsigned n;
    bool constant = const_count(s, 2, &n);

    if (constant && !n)
        x86_put(s, 0, s->op[0].val);
    else if (s->ot == MO_16)
        double_shift16(s, left);
    else if (constant)
        double_shift_const(s, left, n);
    else
        double_shift_variable(s, left);
}

void insn_shld(DisasContext *s)
{
    emit_double_shift(s, true);
}

void insn_shrd(DisasContext *s)
{
    emit_double_shift(s, false);
}

/* ---- Bit tests ---- */

enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* A register bit number reaches beyond the operand in memory: moves s->ea there. */
static void move_ea_to_bit(DisasContext *s, IRVal number)
{
    IRFunc *ir = s->ir;
    MemOp size = s->ot;
    IRType t = x86_type(s->at);
    IRVal disp = x86_extend(s, number, size, IR_I64, true), d = x86_tmp(s), ea = x86_tmp(s);

    ir_op2i(ir, IR_SAR, IR_I64, d, disp, 3u + size);
    ir_op2i(ir, IR_SHL, IR_I64, d, d, size);
    ir_op2(ir, IR_ADD, t, ea, s->ea, d);
    s->ea = s->at == MO_16 ? x86_extend(s, ea, MO_16, IR_I32, false) : ea;
}

static void bit_result(DisasContext *s, unsigned what, IRType t, IRVal r, IRVal a, IRVal mask)
{
    static const uint8_t ops[] = { [BIT_SET] = IR_OR, [BIT_RESET] = IR_ANDC, [BIT_COMPLEMENT] = IR_XOR };

    ir_op2(s->ir, ops[what], t, r, a, mask);
}

static IRVal locked_bit(DisasContext *s, unsigned what, IRType t, IRVal mask)
{
    static const uint8_t ops[] = { [BIT_SET] = IR_ATOMIC_OR, [BIT_RESET] = IR_ATOMIC_AND,
                                   [BIT_COMPLEMENT] = IR_ATOMIC_XOR };
    IRVal old = x86_tmp(s), m = mask;

    if (what == BIT_RESET) {
        m = x86_tmp(s);
        ir_op1(s->ir, IR_NOT, t, m, mask);
    }
    ir_atomic(s->ir, ops[what], t, old, s->linear, m, x86_checked_memop(s, s->ot), s->mmu_mode);
    return old;
}

static void emit_bit(DisasContext *s, unsigned what)
{
    IRFunc *ir = s->ir;
    X86Operand *d = &s->op[0];
    MemOp size = s->ot;
    IRType t = x86_type(size);
    bool in_memory = d->kind == OPK_MEM, immediate = s->op[1].kind == OPK_IMM;
    IRVal n = x86_tmp(s), mask = x86_tmp(s), a, bit = x86_tmp(s), r;

    if (immediate)
        ir_movi(ir, n, ir->vals[s->op[1].val].value & ((8u << size) - 1));
    else
        ir_op2i(ir, IR_AND, IR_I32, n, s->op[1].val, (8u << size) - 1);
    ir_op2(ir, IR_SHL, t, mask, ir_const(ir, t, 1), n);
    if (in_memory && !immediate) {
        move_ea_to_bit(s, s->op[1].val);
        s->linear = x86_ea_linear(s, 1u << size, what != BIT_TEST);
    }
    a = in_memory ? d->val : cpu_regs[d->n];
    if (in_memory && x86_locked(s)) {
        a = locked_bit(s, what, t, mask);
    } else if (in_memory && !immediate) {
        a = x86_tmp(s);
        x86_ld(s, t, a, s->linear, size | (what == BIT_TEST ? 0 : MO_RMW));
    }
    ir_op2(ir, IR_SHR, t, bit, size == MO_16 ? x86_extend(s, a, MO_16, IR_I32, false) : a, n);
    ir_op2i(ir, IR_AND, IR_I64, bit, bit, 1);
    if (what != BIT_TEST) {
        r = x86_dest(s);
        bit_result(s, what, t, r, a, mask);
        x86_put(s, 0, r);
    }
    x86_cc_override(s, CC_OVR_C, bit);
}

void insn_bt(DisasContext *s)
{
    emit_bit(s, BIT_TEST);
}

void insn_bts(DisasContext *s)
{
    emit_bit(s, BIT_SET);
}

void insn_btr(DisasContext *s)
{
    emit_bit(s, BIT_RESET);
}

void insn_btc(DisasContext *s)
{
    emit_bit(s, BIT_COMPLEMENT);
}

/* ---- Bit scans ---- */

/* TZCNT, LZCNT: CF = source zero, ZF = result zero, OF kept. */
static void emit_count(DisasContext *s, bool leading)
{
    IRFunc *ir = s->ir;
    MemOp size = s->ot;
    IRType t = x86_type(size);
    unsigned bits = 8u << size;
    IRVal v = x86_tmp(s), r = x86_tmp(s), c, z;

    ir_mov(ir, v, x86_extend(s, s->op[1].val, size, t, false));
    if (leading && size == MO_16) { /* 32-bit count of the value at the top, ones below stop it at 16 */
        IRVal up = x86_tmp(s);
        ir_op2i(ir, IR_SHL, IR_I32, up, v, 16);
        ir_op2i(ir, IR_OR, IR_I32, up, up, 0x8000);
        ir_op2(ir, IR_CLZ, IR_I32, r, up, ir_i32(ir, 16));
    } else {
        ir_op2(ir, leading ? IR_CLZ : IR_CTZ, t, r, v, ir_const(ir, t, bits));
    }
    x86_put(s, 0, r);
    c = x86_flag_if(s, IR_EQ, t, v, ir_const(ir, t, 0), CC_C);
    z = x86_flag_if(s, IR_EQ, t, r, ir_const(ir, t, 0), CC_Z);
    ir_op2(ir, IR_OR, IR_I64, z, z, c);
    x86_cc_override(s, CC_OVR_ALL & ~CC_OVR_O, z);
}

static void emit_scan(DisasContext *s, bool reverse)
{
    IRFunc *ir = s->ir;
    MemOp size = s->ot;
    IRType t = x86_type(size);
    IRVal v = x86_tmp(s), r = x86_tmp(s), dest = x86_tmp(s), zero = ir_const(ir, t, 0);

    ir_mov(ir, v, x86_extend(s, s->op[1].val, size, t, false));
    ir_op2(ir, reverse ? IR_CLZ : IR_CTZ, t, r, v, zero);
    if (reverse)
        ir_op2i(ir, IR_XOR, t, r, r, t == IR_I64 ? 63 : 31);
    /* A zero source leaves all of the destination, also its upper half. */
    ir_movcond(ir, IR_EQ, IR_I64, dest, t, v, zero, cpu_regs[s->op[0].n], r);
    x86_put_reg(s, size == MO_16 ? MO_16 : MO_64, s->op[0].n, false, dest);
    x86_cc_override(s, CC_OVR_Z, x86_flag_if(s, IR_EQ, t, v, zero, CC_Z));
}

void insn_bsf(DisasContext *s)
{
    if ((s->prefix & PREFIX_REPZ) && x86_has_feature(s, FEAT_BMI1))
        emit_count(s, false);
    else
        emit_scan(s, false);
}

void insn_bsr(DisasContext *s)
{
    if ((s->prefix & PREFIX_REPZ) && x86_feature(s->env, FW_8000_0001_ECX, 5)) /* ABM */
        emit_count(s, true);
    else
        emit_scan(s, true);
}

void insn_popcnt(DisasContext *s)
{
    IRType t = x86_type(s->ot);
    IRVal r = x86_tmp(s);

    if (!(s->prefix & PREFIX_REPZ)) {
        x86_gen_illegal(s);
        return;
    }
    ir_op1(s->ir, IR_POPCNT, t, r, x86_extend(s, s->op[1].val, s->ot, t, false));
    x86_put(s, 0, r);
    x86_cc_eflags(s, x86_flag_if(s, IR_EQ, t, r, ir_const(s->ir, t, 0), CC_Z));
}

/* ---- BMI ---- */

static void set_logic_carry(DisasContext *s, IRVal r, IRVal carry)
{
    x86_cc_set(s, CC_OP_LOGICB, s->op[0].size, r, IR_NONE);
    x86_cc_override(s, CC_OVR_C, carry);
}

void insn_andn(DisasContext *s)
{
    IRVal r = x86_tmp(s);

    ir_op2(s->ir, IR_ANDC, x86_type(s->op[0].size), r, s->op[2].val, s->op[1].val);
    x86_put(s, 0, r);
    x86_cc_set(s, CC_OP_LOGICB, s->op[0].size, r, IR_NONE);
}

/* BLSR, BLSMSK, BLSI: v op (v - 1) or v & -v; CF = (v == 0), for BLSI its opposite. */
static void emit_lowest(DisasContext *s, IROpcode opc, bool isolate)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(s->op[0].size);
    IRVal v = s->op[1].val, m = x86_tmp(s), r = x86_tmp(s), zero = ir_const(ir, t, 0), carry;

    if (isolate)
        ir_op1(ir, IR_NEG, t, m, v);
    else
        ir_op2i(ir, IR_SUB, t, m, v, 1);
    ir_op2(ir, opc, t, r, v, m);
    carry = x86_flag_if(s, isolate ? IR_NE : IR_EQ, t, v, zero, CC_C);
    x86_put(s, 0, r);
    set_logic_carry(s, r, carry);
}

void insn_blsr(DisasContext *s)
{
    emit_lowest(s, IR_AND, false);
}

void insn_blsmsk(DisasContext *s)
{
    emit_lowest(s, IR_XOR, false);
}

void insn_blsi(DisasContext *s)
{
    emit_lowest(s, IR_AND, true);
}

/* v with the bits from n on cleared; n is 0-255 and may exceed the size. */
static IRVal low_bits(DisasContext *s, IRType t, IRVal v, IRVal n)
{
    IRFunc *ir = s->ir;
    IRVal m = x86_tmp(s), cut = x86_tmp(s), r = x86_tmp(s);

    ir_op2(ir, IR_SHL, t, m, ir_const(ir, t, -1ull), n);
    ir_op2(ir, IR_ANDC, t, cut, v, m);
    ir_movcond(ir, IR_LTU, t, r, IR_I32, n, ir_i32(ir, t == IR_I64 ? 64 : 32), cut, v);
    return r;
}

void insn_bzhi(DisasContext *s)
{
    IRType t = x86_type(s->op[0].size);
    IRVal n = x86_extend(s, s->op[2].val, MO_8, IR_I32, false), r = low_bits(s, t, s->op[1].val, n);
    IRVal carry = x86_flag_if(s, IR_GEU, IR_I32, n, ir_i32(s->ir, t == IR_I64 ? 64 : 32), CC_C);

    x86_put(s, 0, r);
    set_logic_carry(s, r, carry);
}

void insn_bextr(DisasContext *s)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(s->op[0].size);
    IRVal start = x86_extend(s, s->op[2].val, MO_8, IR_I32, false), len = x86_tmp(s), v = x86_tmp(s), r;

    ir_extract(ir, IR_EXTRACT, IR_I32, len, s->op[2].val, 8, 8);
    ir_op2(ir, IR_SHR, t, v, s->op[1].val, start);
    ir_movcond(ir, IR_LTU, t, v, IR_I32, start, ir_i32(ir, t == IR_I64 ? 64 : 32), v, ir_const(ir, t, 0));
    r = low_bits(s, t, v, len);
    x86_put(s, 0, r);
    x86_cc_set(s, CC_OP_LOGICB, s->op[0].size, r, IR_NONE);
    x86_cc_override(s, CC_OVR_A | CC_OVR_S, ir_i64(ir, CC_A));
}

void insn_mulx(DisasContext *s)
{
    IRFunc *ir = s->ir;
    IRVal lo = x86_tmp(s), hi = x86_tmp(s), full;

    if (s->op[0].size == MO_64) {
        ir_mul2(ir, IR_MULU2, IR_I64, lo, hi, cpu_regs[R_EDX], s->op[2].val);
    } else {
        full = x86_tmp(s);
        ir_op2(ir, IR_MUL, IR_I64, full, x86_extend(s, cpu_regs[R_EDX], MO_32, IR_I64, false),
               x86_extend(s, s->op[2].val, MO_32, IR_I64, false));
        ir_op1(ir, IR_MOV, IR_I32, lo, full);
        ir_op2i(ir, IR_SHR, IR_I64, hi, full, 32);
    }
    x86_put(s, 1, lo);
    x86_put(s, 0, hi); /* the same register twice gets the high half */
}

static void emit_shift_flagless(DisasContext *s, IROpcode opc, IRVal count)
{
    MemOp size = s->op[0].size;
    IRVal r = x86_tmp(s), n = x86_tmp(s);

    ir_op2i(s->ir, IR_AND, IR_I32, n, count, size == MO_64 ? 63 : 31);
    ir_op2(s->ir, opc, x86_type(size), r, s->op[1].val, n);
    x86_put(s, 0, r);
}

void insn_rorx(DisasContext *s)
{
    emit_shift_flagless(s, IR_ROTR, s->op[2].val);
}

void insn_shlx(DisasContext *s)
{
    emit_shift_flagless(s, IR_SHL, s->op[2].val);
}

void insn_shrx(DisasContext *s)
{
    emit_shift_flagless(s, IR_SHR, s->op[2].val);
}

void insn_sarx(DisasContext *s)
{
    emit_shift_flagless(s, IR_SAR, s->op[2].val);
}

static void emit_bit_permute(DisasContext *s, const HelperInfo *h)
{
    MemOp size = s->op[0].size;
    IRVal r = x86_tmp(s), args[2];

    args[0] = x86_extend(s, s->op[1].val, size, IR_I64, false);
    args[1] = x86_extend(s, s->op[2].val, size, IR_I64, false);
    ir_call(s->ir, h, r, args, 2);
    x86_put(s, 0, r);
}

void insn_pdep(DisasContext *s)
{
    emit_bit_permute(s, &helper_info_pdep);
}

void insn_pext(DisasContext *s)
{
    emit_bit_permute(s, &helper_info_pext);
}

/* ---- ADX ---- */

/* One flag of the pending state as 0/1. */
static IRVal carry_in(DisasContext *s, bool overflow)
{
    CCTest c;
    IRVal r;

    if (!overflow)
        return x86_cc_carry(s);
    c = x86_test_cond(s, 0);
    r = x86_tmp(s);
    ir_setcond(s->ir, c.c, c.t, r, c.a, c.b);
    return r;
}

static void emit_add_carry_flag(DisasContext *s, bool overflow)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(s->op[0].size);
    IRVal in = carry_in(s, overflow), sum = x86_tmp(s), r = x86_tmp(s), c1, c2;

    ir_op2(ir, IR_ADD, t, sum, s->op[0].val, s->op[1].val);
    c1 = x86_flag_if(s, IR_LTU, t, sum, s->op[1].val, 1);
    ir_op2(ir, IR_ADD, t, r, sum, in);
    c2 = x86_flag_if(s, IR_LTU, t, r, in, 1);
    x86_put(s, 0, r);
    ir_op2(ir, IR_OR, IR_I64, c1, c1, c2);
    if (overflow)
        ir_op2i(ir, IR_SHL, IR_I64, c1, c1, 11);
    x86_cc_override(s, overflow ? CC_OVR_O : CC_OVR_C, c1);
}

void insn_adcx(DisasContext *s)
{
    emit_add_carry_flag(s, false);
}

void insn_adox(DisasContext *s)
{
    emit_add_carry_flag(s, true);
}

/* ---- Others ---- */

static IRVal byte_swapped(DisasContext *s, IRVal v, MemOp size)
{
    static const uint8_t ops[] = { [MO_16] = IR_BSWAP16, [MO_32] = IR_BSWAP32, [MO_64] = IR_BSWAP64 };
    IRVal r = x86_tmp(s);

    ir_op1(s->ir, ops[size], x86_type(size), r, v);
    return r;
}

void insn_movbe(DisasContext *s)
{
    MemOp size = s->ot;
    IRVal v;

    if (s->op[0].kind == OPK_MEM) {
        v = byte_swapped(s, s->op[1].val, size);
    } else {
        IRVal raw = x86_tmp(s);
        x86_ld(s, x86_type(size), raw, x86_ea_linear(s, 1u << size, false), size);
        v = byte_swapped(s, raw, size);
    }
    x86_put(s, 0, v);
}

void insn_crc32(DisasContext *s)
{
    X86Operand *d = &s->op[0], *o = &s->op[1];
    IRVal args[3] = { x86_extend(s, d->val, MO_32, IR_I64, false), x86_load_operand(s, 1, IR_I64, false),
                      ir_i32(s->ir, o->size) };
    IRVal r = x86_tmp(s);

    ir_call(s->ir, &helper_info_crc32, r, args, 3);
    x86_put_reg(s, s->rex_w ? MO_64 : MO_32, d->n, false, r);
}

static void emit_random(DisasContext *s)
{
    IRVal r = x86_tmp(s);

    x86_call(s, &helper_info_random, r, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86_put(s, 0, r);
    x86_cc_eflags(s, ir_i64(s->ir, CC_C));
}

void insn_rdrand(DisasContext *s)
{
    emit_random(s);
}

void insn_rdseed(DisasContext *s)
{
    emit_random(s);
}
