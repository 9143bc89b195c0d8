/* SPDX-License-Identifier: MIT */
/*
 * A64 loads and stores of general registers, exclusives and atomics. Arm ARM DDI 0487, C4.1.94. Store-exclusive is a compare and
 * swap with the value that load-exclusive saw; exclusive.c says what else it sees. Left out: the stack
 * pointer alignment check (SCTLR_ELx.SA), memory tagging.
 */
#include "helper.h"
#include "translate-a64.h"
#include "target-arm/a64-ldst.decode.inc"

bool a64_load_store_insn(DisasContext *s, uint32_t insn)
{
    return decode_a64_ldst(s, insn);
}

/* ---- Order ---- */

static bool alone(void)
{
    return !first_cpu || !first_cpu->next;
}

static void acquire(DisasContext *s)
{
    ir_fence(s->ir, IR_FENCE_LD_LD | IR_FENCE_LD_ST);
}

static void release(DisasContext *s)
{
    ir_fence(s->ir, IR_FENCE_LD_ST | IR_FENCE_ST_ST);
}

/* A later load-acquire may not pass a store-release. */
static void after_release(DisasContext *s)
{
    if (!alone())
        ir_fence(s->ir, IR_FENCE_ST_LD);
}

/* ---- Plain ---- */

/* Loads of size (MO_*, perhaps with MO_ALIGN), opc as in the encoding: 1 zero-extends, 2 sign-extends to 64, 3 to 32 bits. */
static void load(DisasContext *s, unsigned size, unsigned opc, unsigned rt, IRVal addr, unsigned mode)
{
    bool sign = opc > 1;
    IRType t = opc == 3 || (!sign && (size & MO_SIZE) < MO_64) ? IR_I32 : IR_I64;

    arm_ld_mode(s, t, a64_dest(s, rt), addr, (MemOp)(size | (sign ? MO_SIGN : 0)), mode);
}

static void store(DisasContext *s, unsigned size, unsigned rt, IRVal addr, unsigned mode)
{
    arm_st_mode(s, arm_type((size & MO_SIZE) == MO_64), a64_reg(s, rt), addr, (MemOp)size, mode);
}

/* One register; false when the encoding is unallocated. PRFM (size 3, opc 2) does nothing. */
static bool load_store(DisasContext *s, unsigned size, unsigned opc, unsigned rt, IRVal addr, unsigned mode)
{
    if (opc == 0) {
        store(s, size, rt, addr, mode);
        return true;
    }
    if (size == 3 && opc == 2)
        return true;
    if ((size == 3 && opc == 3) || (size == 2 && opc == 3))
        return false;
    load(s, size, opc, rt, addr, mode);
    return true;
}

static IRVal address(DisasContext *s, unsigned rn, int64_t offset)
{
    IRVal a;

    if (!offset)
        return a64_reg_sp(s, rn);
    a = arm_tmp(s);
    ir_op2i(s->ir, IR_ADD, IR_I64, a, a64_reg_sp(s, rn), (uint64_t)offset);
    return a;
}

static bool trans_LDR_lit(DisasContext *s, arg_LDR_lit *a)
{
    IRVal addr = ir_i64(s->ir, arm_pc(s) + (uint64_t)((int64_t)a->imm * 4));
    static const uint8_t size[3] = { MO_32, MO_64, MO_32 }, opc[3] = { 1, 1, 2 };

    if (a->opc < 3)
        load(s, size[a->opc], opc[a->opc], (unsigned)a->rt, addr, s->mmu_mode);
    return true;
}

static bool trans_LDR_imm(DisasContext *s, arg_LDR_imm *a)
{
    IRVal addr = address(s, (unsigned)a->rn, (int64_t)a->imm << a->size);

    return load_store(s, (unsigned)a->size, (unsigned)a->opc, (unsigned)a->rt, addr, s->mmu_mode);
}

static bool trans_LDR_reg(DisasContext *s, arg_LDR_reg *a)
{
    if (!(a->option & 2))
        return false;
    IRVal offset = a64_extended(s, (unsigned)a->rm, (unsigned)a->option, a->shift ? (unsigned)a->size : 0), addr = arm_tmp(s);
    ir_op2(s->ir, IR_ADD, IR_I64, addr, a64_reg_sp(s, (unsigned)a->rn), offset);
    return load_store(s, (unsigned)a->size, (unsigned)a->opc, (unsigned)a->rt, addr, s->mmu_mode);
}

enum { INDEX_NONE, INDEX_POST, INDEX_UNPRIV, INDEX_PRE };

static bool trans_LDR_imm9(DisasContext *s, arg_LDR_imm9 *a)
{
    unsigned mode = a->index == INDEX_UNPRIV ? s->unpriv_mode : s->mmu_mode;
    bool write_back = a->index & 1;
    IRVal addr = address(s, (unsigned)a->rn, a->index == INDEX_POST ? 0 : a->imm);

    if (a->size == 3 && a->opc == 2 && a->index != INDEX_NONE)
        return false;
    IRVal base = IR_NONE;
    if (write_back) { /* kept aside: the base may be what is loaded */
        base = arm_tmp(s);
        ir_op2i(s->ir, IR_ADD, IR_I64, base, a64_reg_sp(s, (unsigned)a->rn), (uint64_t)(int64_t)a->imm);
    }
    if (!load_store(s, (unsigned)a->size, (unsigned)a->opc, (unsigned)a->rt, addr, mode))
        return false;
    if (write_back)
        ir_mov(s->ir, a64_reg_sp(s, (unsigned)a->rn), base);
    return true;
}

static bool trans_LDRA(DisasContext *s, arg_LDRA *a)
{
    int64_t offset = sextract64((uint64_t)(a->simm << 9 | a->imm9), 0, 10) * 8;
    IRVal base = a64_reg_sp(s, (unsigned)a->rn), addr = arm_tmp(s);

    if (!arm_feature(s->env, ARM_FEATURE_PAUTH))
        return false;
    if (s->flags & TBF_PAUTH) {
        ARM_CALL(s, a64_aut, addr, base, ir_i64(s->ir, 0), ir_i32(s->ir, a->b ? 3 : 2));
        base = addr;
    }
    ir_op2i(s->ir, IR_ADD, IR_I64, addr, base, (uint64_t)offset);
    arm_ld(s, IR_I64, a64_dest(s, (unsigned)a->rt), addr, MO_64);
    if (a->pre)
        ir_mov(s->ir, a64_reg_sp(s, (unsigned)a->rn), addr);
    return true;
}

/* index: 0 offset (non-temporal), 1 post, 2 offset, 3 pre. opc: 0 W, 1 LDPSW, 2 X. */
static bool trans_LDP(DisasContext *s, arg_LDP *a)
{
    MemOp op = a->opc == 2 ? MO_64 : a->opc == 1 ? MO_32 | MO_SIGN : MO_32;
    IRType t = a->opc ? IR_I64 : IR_I32;
    unsigned bytes = a->opc == 2 ? 8 : 4, rn = (unsigned)a->rn;
    int64_t offset = (int64_t)a->imm * bytes;

    if (a->opc == 3 || (a->opc == 1 && (!a->load || a->index == 0)))
        return false;
    IRVal first = address(s, rn, a->index == 1 ? 0 : offset), second = arm_tmp(s), base = IR_NONE;
    /* Not from the first address: nobody else needs that one. */
    ir_op2i(s->ir, IR_ADD, IR_I64, second, a64_reg_sp(s, rn), (uint64_t)(a->index == 1 ? 0 : offset) + bytes);
    if (a->index & 1) { /* kept aside: the base may be among what is loaded */
        base = arm_tmp(s);
        ir_op2i(s->ir, IR_ADD, IR_I64, base, a64_reg_sp(s, rn), (uint64_t)offset);
    }
    if (a->load) {
        IRVal v = arm_tmp(s), w = arm_tmp(s);
        arm_ld(s, t, v, first, op);
        arm_ld(s, t, w, second, op);
        ir_mov(s->ir, a64_dest(s, (unsigned)a->rt2), w);
        ir_mov(s->ir, a64_dest(s, (unsigned)a->rt), v); /* the same register twice: the first wins */
    } else {
        arm_st(s, t, a64_reg(s, (unsigned)a->rt), first, op);
        arm_st(s, t, a64_reg(s, (unsigned)a->rt2), second, op);
    }
    if (base != IR_NONE)
        ir_mov(s->ir, a64_reg_sp(s, rn), base);
    return true;
}

/* ---- Acquire, release ---- */

static bool trans_LDAR(DisasContext *s, arg_LDAR *a)
{
    IRVal addr = a64_reg_sp(s, (unsigned)a->rn);

    if (!a->o0 && !arm_feature(s->env, ARM_FEATURE_LOR))
        return false;
    arm_ld(s, arm_type(a->size == 3), a64_dest(s, (unsigned)a->rt), addr, (MemOp)a->size | MO_ALIGN);
    acquire(s);
    return true;
}

static bool trans_STLR(DisasContext *s, arg_STLR *a)
{
    if (!a->o0 && !arm_feature(s->env, ARM_FEATURE_LOR))
        return false;
    release(s);
    arm_st(s, arm_type(a->size == 3), a64_reg(s, (unsigned)a->rt), a64_reg_sp(s, (unsigned)a->rn), (MemOp)a->size | MO_ALIGN);
    after_release(s);
    return true;
}

static bool trans_LDAPUR(DisasContext *s, arg_LDAPUR *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_LRCPC2) || (a->size == 3 && a->opc > 1) || (a->size == 2 && a->opc == 3))
        return false;
    IRVal addr = address(s, (unsigned)a->rn, a->imm);
    if (a->opc == 0) {
        release(s);
        store(s, (unsigned)a->size | MO_ALIGN, (unsigned)a->rt, addr, s->mmu_mode);
        after_release(s);
    } else {
        load(s, (unsigned)a->size | MO_ALIGN, (unsigned)a->opc, (unsigned)a->rt, addr, s->mmu_mode);
        acquire(s);
    }
    return true;
}

/* ---- Exclusives ---- */

static void set_exclusive(DisasContext *s, IRVal addr, IRVal value)
{
    ir_st(s->ir, IR_ST, IR_I64, addr, ARM_OFFSET(exclusive_addr));
    ir_st(s->ir, IR_ST, IR_I64, value, ARM_OFFSET(exclusive_val));
}

static bool trans_LDXR(DisasContext *s, arg_LDXR *a)
{
    IRVal addr = a64_reg_sp(s, (unsigned)a->rn), v = arm_tmp(s);

    arm_exclusive_load(s, addr);
    arm_ld(s, arm_type(a->size == 3), v, addr, (MemOp)a->size | MO_ALIGN);
    set_exclusive(s, addr, v);
    ir_mov(s->ir, a64_dest(s, (unsigned)a->rt), v);
    if (a->acq)
        acquire(s);
    return true;
}

static bool trans_STXR(DisasContext *s, arg_STXR *a)
{
    IRVal status = arm_tmp(s);

    arm_exclusive_store(s, arm_type(a->size == 3), (MemOp)a->size, status, a64_reg_sp(s, (unsigned)a->rn), a64_reg(s, (unsigned)a->rt));
    ir_mov(s->ir, a64_dest(s, (unsigned)a->rs), status);
    return true;
}

/* Two W registers as the X register that lies in memory, and back. */
static IRVal pair_value(DisasContext *s, unsigned rt, unsigned rt2)
{
    IRVal v = arm_tmp(s), lo = a64_reg(s, s->be_data ? rt2 : rt), hi = a64_reg(s, s->be_data ? rt : rt2), low = arm_tmp(s);

    ir_extract(s->ir, IR_EXTRACT, IR_I64, low, lo, 0, 32);
    ir_op2i(s->ir, IR_SHL, IR_I64, v, hi, 32);
    ir_op2(s->ir, IR_OR, IR_I64, v, v, low);
    return v;
}

static void split_pair(DisasContext *s, IRVal v, unsigned rt, unsigned rt2)
{
    ir_extract(s->ir, IR_EXTRACT, IR_I64, a64_dest(s, s->be_data ? rt2 : rt), v, 0, 32);
    ir_op2i(s->ir, IR_SHR, IR_I64, a64_dest(s, s->be_data ? rt : rt2), v, 32);
}

static bool trans_LDXP(DisasContext *s, arg_LDXP *a)
{
    IRVal addr = arm_tmp(s), v = arm_tmp(s);

    ir_mov(s->ir, addr, a64_reg_sp(s, (unsigned)a->rn));
    arm_exclusive_load(s, addr);
    if (a->sz)
        ARM_CALL(s, a64_check_align16, IR_NONE, addr);
    arm_ld(s, IR_I64, v, addr, MO_64 | MO_ALIGN);
    if (a->sz) {
        IRVal second = arm_tmp(s), w = arm_tmp(s);
        ir_op2i(s->ir, IR_ADD, IR_I64, second, addr, 8);
        arm_ld(s, IR_I64, w, second, MO_64);
        ir_st(s->ir, IR_ST, IR_I64, w, ARM_OFFSET(exclusive_high));
        set_exclusive(s, addr, v);
        ir_mov(s->ir, a64_dest(s, (unsigned)a->rt), v);
        ir_mov(s->ir, a64_dest(s, (unsigned)a->rt2), w);
    } else {
        set_exclusive(s, addr, v);
        split_pair(s, v, (unsigned)a->rt, (unsigned)a->rt2);
    }
    if (a->acq)
        acquire(s);
    return true;
}

static bool trans_STXP(DisasContext *s, arg_STXP *a)
{
    IRVal addr = a64_reg_sp(s, (unsigned)a->rn), status = arm_tmp(s);

    if (!a->sz)
        arm_exclusive_store(s, IR_I64, MO_64, status, addr, pair_value(s, (unsigned)a->rt, (unsigned)a->rt2));
    else
        ARM_CALL(s, a64_stxp, status, addr, a64_reg(s, (unsigned)a->rt), a64_reg(s, (unsigned)a->rt2));
    ir_mov(s->ir, a64_dest(s, (unsigned)a->rs), status);
    return true;
}

/* ---- Atomics ---- */

/* Low bits of a register as an atomic of this size compares them. */
static IRVal narrow(DisasContext *s, unsigned size, IRVal v)
{
    IRVal out;

    if (size >= MO_32)
        return v;
    out = arm_tmp(s);
    ir_op1(s->ir, size == MO_8 ? IR_EXT8U : IR_EXT16U, IR_I32, out, v);
    return out;
}

/* The value in memory before (old, as a number of this size), which becomes `value` if it is `expected`. */
static void compare_and_swap(DisasContext *s, unsigned size, IRVal old, IRVal addr, IRVal expected, IRVal value)
{
    IRVal seen = arm_tmp(s), mem = arm_memory_order(s, size, narrow(s, size, expected));

    ir_cmpxchg(s->ir, arm_type(size == MO_64), seen, addr, mem, arm_memory_order(s, size, value),
               arm_memop(s, (MemOp)size | MO_ALIGN) & ~(unsigned)MO_BE, s->mmu_mode);
    ir_mov(s->ir, old, arm_memory_order(s, size, seen));
    arm_exclusive_count(s, addr);
}

static bool trans_CAS(DisasContext *s, arg_CAS *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_LSE))
        return false;
    IRVal old = arm_tmp(s);
    compare_and_swap(s, (unsigned)a->size, old, a64_reg_sp(s, (unsigned)a->rn), a64_reg(s, (unsigned)a->rs), a64_reg(s, (unsigned)a->rt));
    ir_mov(s->ir, a64_dest(s, (unsigned)a->rs), old);
    return true;
}

static bool trans_CASP(DisasContext *s, arg_CASP *a)
{
    unsigned rs = (unsigned)a->rs, rt = (unsigned)a->rt;
    IRVal addr = a64_reg_sp(s, (unsigned)a->rn);

    if (!arm_feature(s->env, ARM_FEATURE_LSE) || rs & 1 || rt & 1)
        return false;
    if (!a->sz) {
        IRVal old = arm_tmp(s), expected = pair_value(s, rs, rs + 1);
        compare_and_swap(s, MO_64, old, addr, expected, pair_value(s, rt, rt + 1));
        split_pair(s, old, rs, rs + 1);
        return true;
    }
    ARM_CALL(s, a64_casp, IR_NONE, addr, a64_reg(s, rs), a64_reg(s, rs + 1), a64_reg(s, rt), a64_reg(s, rt + 1));
    arm_exclusive_count(s, addr);
    ir_ld(s->ir, IR_LD, IR_I64, a64_dest(s, rs), ARM_OFFSET(scratch64[0]));
    ir_ld(s->ir, IR_LD, IR_I64, a64_dest(s, rs + 1), ARM_OFFSET(scratch64[1]));
    return true;
}

/* LDSMAX and its kin (opc 4-7), and LDADD (0) where data is big-endian: a loop around compare and swap. */
static void atomic_loop(DisasContext *s, unsigned opc, unsigned size, IRVal old, IRVal addr, IRVal v)
{
    static const uint8_t conds[4] = { IR_GT, IR_LT, IR_GTU, IR_LTU };
    static const uint8_t ext[2][2] = { { IR_EXT8U, IR_EXT16U }, { IR_EXT8S, IR_EXT16S } };
    IRFunc *ir = s->ir;
    IRType t = arm_type(size == MO_64);
    bool sign = opc == 4 || opc == 5;
    MemOp op = arm_memop(s, (MemOp)size | MO_ALIGN), unsigned_op = op & ~(unsigned)MO_BE;
    IRVal new = arm_tmp(s), seen = arm_tmp(s), operand = arm_tmp(s), before;
    unsigned again = ir_new_label(ir);

    if (size < MO_32)
        ir_op1(ir, ext[sign][size], t, operand, v);
    else
        ir_mov(ir, operand, v);
    op |= sign && size < MO_32 ? MO_SIGN : 0;
    ir_label(ir, again);
    ir_guest_ld(ir, t, old, addr, op, s->mmu_mode);
    if (opc)
        ir_movcond(ir, conds[opc - 4], t, new, t, old, operand, old, operand);
    else
        ir_op2(ir, IR_ADD, t, new, old, operand);
    before = arm_memory_order(s, size, narrow(s, size, old));
    ir_cmpxchg(ir, t, seen, addr, before, arm_memory_order(s, size, new), unsigned_op, s->mmu_mode);
    ir_brcond(ir, IR_NE, t, seen, before, again);
    if (sign && size < MO_32)
        ir_op1(ir, ext[0][size], t, old, old);
}

static bool trans_ATOMIC(DisasContext *s, arg_ATOMIC *a)
{
    static const uint8_t ops[4] = { IR_ATOMIC_ADD, IR_ATOMIC_AND, IR_ATOMIC_XOR, IR_ATOMIC_OR };
    IRType t = arm_type(a->size == 3);
    IRVal addr = a64_reg_sp(s, (unsigned)a->rn), v = a64_reg(s, (unsigned)a->rs), old = arm_tmp(s);

    if (a->o3 && a->opc == 4) { /* LDAPR */
        if (!arm_feature(s->env, ARM_FEATURE_LRCPC) || a->rs != 31 || !a->acq)
            return false;
        arm_ld(s, t, a64_dest(s, (unsigned)a->rt), addr, (MemOp)a->size | MO_ALIGN);
        acquire(s);
        return true;
    }
    if (!arm_feature(s->env, ARM_FEATURE_LSE) || (a->o3 && a->opc))
        return false;
    if (a->opc == 1 && !a->o3) {
        IRVal inverted = arm_tmp(s);
        ir_op1(s->ir, IR_NOT, t, inverted, v);
        v = inverted;
    }
    if (!a->o3 && (a->opc >= 4 || (!a->opc && s->be_data))) {
        atomic_loop(s, (unsigned)a->opc, (unsigned)a->size, old, addr, v);
    } else {
        IRVal seen = arm_tmp(s);
        ir_atomic(s->ir, a->o3 ? IR_ATOMIC_XCHG : ops[a->opc], t, seen, addr, arm_memory_order(s, (MemOp)a->size, v),
                  arm_memop(s, (MemOp)a->size | MO_ALIGN) & ~(unsigned)MO_BE, s->mmu_mode);
        ir_mov(s->ir, old, arm_memory_order(s, (MemOp)a->size, seen));
    }
    arm_exclusive_count(s, addr);
    ir_mov(s->ir, a64_dest(s, (unsigned)a->rt), old);
    return true;
}

/* ---- Memory copy and set ---- */

/* Arguments of the helpers: rd | rs << 5 | rn << 10 | stage << 15 | options << 17 | forward only << 21. */
static void mops(DisasContext *s, const HelperInfo *h, unsigned rd, unsigned rs, unsigned rn, unsigned stage, unsigned rest)
{
    IRVal arg = ir_i32(s->ir, rd | rs << 5 | rn << 10 | stage << 15 | rest);

    arm_sync_cc_op(s);
    ir_call(s->ir, h, IR_NONE, &arg, 1);
    arm_forget_cc(s);
}

static bool trans_CPY(DisasContext *s, arg_CPY *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_MOPS) || a->rd == 31 || a->rs == 31 || a->rn == 31 || a->rd == a->rs ||
        a->rd == a->rn || a->rs == a->rn)
        return false;
    mops(s, &helper_info_a64_mops_cpy, (unsigned)a->rd, (unsigned)a->rs, (unsigned)a->rn, (unsigned)a->stage,
         (unsigned)a->options << 17 | (unsigned)!a->fwd << 21);
    return true;
}

static bool trans_SET(DisasContext *s, arg_SET *a)
{
    unsigned stage = (unsigned)a->options >> 2;

    if (!arm_feature(s->env, ARM_FEATURE_MOPS) || a->tag || stage == 3 || a->rd == 31 || a->rn == 31 || a->rd == a->rs ||
        a->rd == a->rn || a->rs == a->rn)
        return false;
    mops(s, &helper_info_a64_mops_set, (unsigned)a->rd, (unsigned)a->rs, (unsigned)a->rn, stage, (unsigned)(a->options & 3) << 17);
    return true;
}
