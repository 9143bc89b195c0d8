/* SPDX-License-Identifier: MIT */
/*
 * A32 and Thumb loads and stores: single, dual, exclusive, acquire and release, SWP, multiple, table branches. Arm ARM
 * ARMv7-A/R sections A4.6, A8.8; ARMv8-A chapter F5. Multiple transfers go by pairs of registers, so that two words cost one
 * TLB check; all loads come before the first register is written.
 */
#include "translate-a32.h"
#include "translate-m.h"

/* ---- Addresses ---- */

static IRVal base_reg(DisasContext *s, unsigned rn)
{
    uint32_t pc = (uint32_t)arm_pc(s) + (s->thumb ? 4 : 8);
    return rn == 15 ? ir_i64(s->ir, pc & ~3u) : cpu_x[rn];
}

static IRVal offset_by(DisasContext *s, IRVal base, IRVal offset, bool up)
{
    IRVal t;
    if (ir_is_const(s->ir, offset) && s->ir->vals[offset].value == 0)
        return base;
    t = arm_tmp(s);
    ir_op2(s->ir, up ? IR_ADD : IR_SUB, IR_I32, t, base, offset);
    return t;
}

/* Where an access goes, and what its base register becomes (IR_NONE: stays). */
typedef struct Address {
    IRVal addr, updated;
    unsigned rn;
} Address;

static Address address(DisasContext *s, bool p, bool u, bool w, unsigned rn, IRVal offset)
{
    IRVal base = base_reg(s, rn), moved = offset_by(s, base, offset, u);
    if (rn == 13 && s->m_profile && (!p || w))
        m_check_splim(s, moved);
    return (Address){ p ? moved : base, !p || w ? moved : IR_NONE, rn };
}

static void write_back(DisasContext *s, const Address *a)
{
    if (a->updated != IR_NONE && a->updated != cpu_x[a->rn])
        ir_mov(s->ir, cpu_x[a->rn], a->updated);
}

/* Raises an alignment fault when any bit of mask is set in the address. */
static void check_alignment(DisasContext *s, IRVal addr, uint32_t mask, bool write)
{
    unsigned ok = ir_new_label(s->ir);

    ir_brcond(s->ir, IR_TSTEQ, IR_I32, addr, ir_i32(s->ir, mask), ok);
    ARM_CALL(s, a32_unaligned, IR_NONE, addr, ir_i32(s->ir, write));
    ir_label(s->ir, ok);
}

/* ---- Single ---- */

static bool single(DisasContext *s, int op, bool load, bool unprivileged, unsigned rt, const Address *a)
{
    MemOp memop = (op & 3) | (op & 4 ? MO_SIGN : 0);
    unsigned mode = unprivileged ? s->unpriv_mode : s->mmu_mode;

    if (a->updated != IR_NONE && a->rn == 15)
        return false;
    if (!load) {
        arm_st_mode(s, IR_I32, a32_reg(s, rt), a->addr, memop, mode);
        write_back(s, a);
        return true;
    }
    bool direct = rt != 15 && !(rt == 13 && s->m_profile) && (a->updated == IR_NONE || rt != a->rn);
    IRVal val = direct ? a32_dest(s, rt) : arm_tmp(s);
    /* The destination may be the address or its new value. */
    if (direct && a->updated != IR_NONE && a->updated == val)
        val = arm_tmp(s);
    arm_ld_mode(s, IR_I32, val, a->addr, memop, mode);
    write_back(s, a);
    if (rt == 15 || val != cpu_x[rt])
        a32_set_reg_load(s, rt, val);
    return true;
}

static bool bad_single(const DisasContext *s, int op, bool load, bool p, bool w, unsigned rn, unsigned rt)
{
    bool updates = !p || w;

    if (s->thumb && rn == 15 && !load)
        return true;
    if (rt == 15 && (op != 2 || (s->thumb && !load)))
        return true;
    return updates && rn == 15;
}

bool a32_trans_LDST_imm(DisasContext *s, arg_LDST_imm *a)
{
    if (bad_single(s, a->op, a->l, a->p, a->w, a->rn, a->rt))
        return false;
    Address at = address(s, a->p, a->u, a->w, a->rn, ir_i64(s->ir, (uint32_t)a->imm));
    return single(s, a->op, a->l, a->t, a->rt, &at);
}

bool a32_trans_LDST_reg(DisasContext *s, arg_LDST_reg *a)
{
    if (bad_single(s, a->op, a->l, a->p, a->w, a->rn, a->rt) || a->rm == 15)
        return false;
    A32Shifted off = a32_shift_imm(s, cpu_x[a->rm], (unsigned)a->type, (unsigned)a->imm, false);
    Address at = address(s, a->p, a->u, a->w, a->rn, off.val);
    return single(s, a->op, a->l, a->t, a->rt, &at);
}

/* ---- Two words ---- */

/* The word at the lower address, and the one after it. */
static void split_pair(DisasContext *s, IRVal first, IRVal second, IRVal pair)
{
    IRVal low = s->be_data ? second : first, high = s->be_data ? first : second;

    if (low == pair) {
        ir_op2i(s->ir, IR_SHR, IR_I64, high, pair, 32);
        ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, low, pair);
    } else {
        ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, low, pair);
        ir_op2i(s->ir, IR_SHR, IR_I64, high, pair, 32);
    }
}

static IRVal join_pair(DisasContext *s, IRVal first, IRVal second)
{
    IRVal low = s->be_data ? second : first, high = s->be_data ? first : second, t = arm_tmp(s);

    ir_op2i(s->ir, IR_SHL, IR_I64, t, high, 32);
    ir_op2(s->ir, IR_OR, IR_I64, t, t, low);
    return t;
}

/* A 64-bit access that need only be word-aligned. */
static MemOp pair_op(const DisasContext *s)
{
    return arm_memop(s, MO_64) & ~MO_ALIGN;
}

static bool dual(DisasContext *s, bool load, unsigned rt, unsigned rt2, const Address *a)
{
    check_alignment(s, a->addr, 3, !load);
    if (!load) {
        IRVal pair = join_pair(s, cpu_x[rt], cpu_x[rt2]);
        ir_guest_st(s->ir, IR_I64, pair, a->addr, pair_op(s), s->mmu_mode);
        write_back(s, a);
        return true;
    }
    IRVal pair = arm_tmp(s);
    ir_guest_ld(s->ir, IR_I64, pair, a->addr, pair_op(s), s->mmu_mode);
    write_back(s, a);
    split_pair(s, cpu_x[rt], cpu_x[rt2], pair);
    return true;
}

static bool bad_dual(const DisasContext *s, bool load, bool p, bool w, unsigned rn, unsigned rt, unsigned rt2)
{
    bool updates = !p || w;

    if (!a32_has(s, ARM_FEATURE_V5TE) || rt > 14 || rt2 > 14 || (!s->thumb && rt & 1) || (load && rt == rt2))
        return true;
    return rn == 15 && (updates || (s->thumb && !load));
}

bool a32_trans_LDSTD_imm(DisasContext *s, arg_LDSTD_imm *a)
{
    if (bad_dual(s, a->l, a->p, a->w, a->rn, a->rt, a->rt2) || (!a->p && a->w && !s->thumb))
        return false;
    Address at = address(s, a->p, a->u, a->w, a->rn, ir_i64(s->ir, (uint32_t)a->imm));
    return dual(s, a->l, a->rt, a->rt2, &at);
}

bool a32_trans_LDSTD_reg(DisasContext *s, arg_LDSTD_reg *a)
{
    if (bad_dual(s, a->l, a->p, a->w, a->rn, a->rt, a->rt2) || a->rm == 15 || (!a->p && a->w))
        return false;
    Address at = address(s, a->p, a->u, a->w, a->rn, cpu_x[a->rm]);
    return dual(s, a->l, a->rt, a->rt2, &at);
}

/* ---- Exclusive, ordered, SWP ---- */

static bool exclusive_allowed(const DisasContext *s, unsigned size, bool ordered)
{
    if (ordered)
        return a32_has(s, s->m_profile ? ARM_FEATURE_M_V8 : ARM_FEATURE_V8);
    if (s->m_profile)
        return size != MO_64 && a32_has(s, ARM_FEATURE_M_MAIN);
    return a32_has(s, size == MO_32 ? ARM_FEATURE_V6 : ARM_FEATURE_V6K);
}

static void set_monitor(DisasContext *s, IRVal addr)
{
    ir_st(s->ir, IR_ST, IR_I64, addr, ARM_OFFSET(exclusive_addr));
}

bool a32_trans_LDREX(DisasContext *s, arg_LDREX *a)
{
    IRVal val = arm_tmp(s), addr = arm_tmp(s);

    if (!exclusive_allowed(s, a->op, a->ord) || a->rn == 15 || a->rt == 15)
        return false;
    if (a->op == MO_64 && (a->rt2 > 14 || (!s->thumb && a->rt & 1) || a->rt == a->rt2))
        return false;
    ir_op2i(s->ir, IR_ADD, IR_I32, addr, cpu_x[a->rn], (uint32_t)a->imm);
    arm_exclusive_load(s, addr);
    ir_guest_ld(s->ir, a->op == MO_64 ? IR_I64 : IR_I32, val, addr, arm_memop(s, a->op) | MO_ALIGN, s->mmu_mode);
    set_monitor(s, addr);
    ir_st(s->ir, IR_ST, IR_I64, val, ARM_OFFSET(exclusive_val));
    if (a->op == MO_64)
        split_pair(s, cpu_x[a->rt], cpu_x[a->rt2], val);
    else
        ir_mov(s->ir, cpu_x[a->rt], val);
    if (a->ord)
        ir_fence(s->ir, IR_FENCE_LD_LD | IR_FENCE_LD_ST);
    return true;
}

/* Stores if memory still holds what the load-exclusive saw. */
bool a32_trans_STREX(DisasContext *s, arg_STREX *a)
{
    IRFunc *ir = s->ir;
    IRType t = a->op == MO_64 ? IR_I64 : IR_I32;

    if (!exclusive_allowed(s, a->op, a->ord) || a->rn == 15 || a->rt == 15 || a->rd == 15 || a->rd == a->rn || a->rd == a->rt)
        return false;
    if (a->op == MO_64 && (a->rt2 > 14 || a->rd == a->rt2 || (!s->thumb && a->rt & 1)))
        return false;
    IRVal addr = arm_tmp(s), failed = arm_tmp(s);
    IRVal val = a->op == MO_64 ? join_pair(s, cpu_x[a->rt], cpu_x[a->rt2]) : cpu_x[a->rt];
    if (a->ord)
        ir_fence(ir, IR_FENCE_LD_ST | IR_FENCE_ST_ST);
    ir_op2i(ir, IR_ADD, IR_I32, addr, cpu_x[a->rn], (uint32_t)a->imm);
    arm_exclusive_store(s, t, a->op, failed, addr, val);
    ir_mov(ir, cpu_x[a->rd], failed);
    return true;
}

bool a32_trans_LDA(DisasContext *s, arg_LDA *a)
{
    if (!exclusive_allowed(s, a->op, true) || a->op == MO_64 || a->rn == 15 || a->rt == 15)
        return false;
    ir_guest_ld(s->ir, IR_I32, cpu_x[a->rt], cpu_x[a->rn], arm_memop(s, a->op) | MO_ALIGN, s->mmu_mode);
    ir_fence(s->ir, IR_FENCE_LD_LD | IR_FENCE_LD_ST);
    return true;
}

bool a32_trans_STL(DisasContext *s, arg_STL *a)
{
    if (!exclusive_allowed(s, a->op, true) || a->op == MO_64 || a->rn == 15 || a->rt == 15)
        return false;
    ir_fence(s->ir, IR_FENCE_LD_ST | IR_FENCE_ST_ST);
    ir_guest_st(s->ir, IR_I32, cpu_x[a->rt], cpu_x[a->rn], arm_memop(s, a->op) | MO_ALIGN, s->mmu_mode);
    ir_fence(s->ir, IR_FENCE_ST_LD);
    return true;
}

/* From v6K on the ID registers say whether SWP is still there. */
static bool has_swp(const DisasContext *s)
{
    return !a32_has(s, ARM_FEATURE_V6K) || s->env->id_isar[0] & 15;
}

bool a32_trans_SWP(DisasContext *s, arg_SWP *a)
{
    MemOp op = a->b ? MO_8 : MO_32;
    IRVal old = arm_tmp(s);

    if (!has_swp(s) || a->rn == 15 || a->rt == 15 || a->rm == 15)
        return false;
    ir_atomic(s->ir, IR_ATOMIC_XCHG, IR_I32, old, cpu_x[a->rn], arm_memory_order(s, op, cpu_x[a->rm]),
              !a->b && (s->align || a32_has(s, ARM_FEATURE_V6)) ? op | MO_ALIGN : op, s->mmu_mode);
    arm_exclusive_count(s, cpu_x[a->rn]);
    ir_mov(s->ir, cpu_x[a->rt], arm_memory_order(s, op, old));
    return true;
}

/* ---- Multiple ---- */

typedef struct Block {
    IRVal base;           /* value of the base register */
    uint32_t first;       /* offset of the lowest word */
    uint8_t reg[16];      /* in order of address */
    unsigned n;
    bool user;            /* registers of User mode */
} Block;

static IRVal block_addr(DisasContext *s, const Block *b, unsigned i)
{
    uint32_t offset = b->first + 4 * i;
    IRVal t;
    if (!offset)
        return b->base;
    t = arm_tmp(s);
    ir_op2i(s->ir, IR_ADD, IR_I32, t, b->base, offset);
    return t;
}

static bool is_banked(const Block *b, unsigned reg)
{
    return b->user && reg >= 8 && reg <= 14;
}

static IRVal stored_value(DisasContext *s, const Block *b, unsigned reg)
{
    IRVal t;
    if (!is_banked(b, reg))
        return a32_reg(s, reg);
    t = arm_tmp(s);
    ARM_CALL(s, user_reg_read, t, ir_i32(s->ir, reg));
    return t;
}

static void store_block(DisasContext *s, const Block *b)
{
    unsigned i = 0;

    check_alignment(s, block_addr(s, b, 0), 3, true);
    for (; i + 1 < b->n; i += 2) {
        IRVal first = stored_value(s, b, b->reg[i]), second = stored_value(s, b, b->reg[i + 1]);
        ir_guest_st(s->ir, IR_I64, join_pair(s, first, second), block_addr(s, b, i), pair_op(s), s->mmu_mode);
    }
    if (i < b->n)
        ir_guest_st(s->ir, IR_I32, stored_value(s, b, b->reg[i]), block_addr(s, b, i), arm_memop(s, MO_32) & ~MO_ALIGN,
                    s->mmu_mode);
}

static void load_block(DisasContext *s, const Block *b, IRVal *val)
{
    unsigned i = 0;

    check_alignment(s, block_addr(s, b, 0), 3, false);
    for (; i + 1 < b->n; i += 2) {
        val[i] = arm_tmp(s);
        ir_guest_ld(s->ir, IR_I64, val[i], block_addr(s, b, i), pair_op(s), s->mmu_mode);
    }
    if (i < b->n) {
        val[i] = arm_tmp(s);
        ir_guest_ld(s->ir, IR_I32, val[i], block_addr(s, b, i), arm_memop(s, MO_32) & ~MO_ALIGN, s->mmu_mode);
    }
}

/* A register to write to; pc and banked ones by way of a temp. */
static IRVal loaded_dest(DisasContext *s, const Block *b, unsigned reg)
{
    return reg == 15 || is_banked(b, reg) ? arm_tmp(s) : cpu_x[reg];
}

static void finish_dest(DisasContext *s, const Block *b, unsigned reg, IRVal val)
{
    if (is_banked(b, reg))
        ARM_CALL(s, user_reg_write, IR_NONE, ir_i32(s->ir, reg), val);
}

/* Loaded words to their registers; returns the value for pc, or IR_NONE. */
static IRVal distribute(DisasContext *s, const Block *b, const IRVal *val)
{
    IRVal pc = IR_NONE, d[2];

    for (unsigned i = 0; i < b->n; i += 2) {
        unsigned left = b->n - i == 1 ? 1 : 2;
        for (unsigned k = 0; k < left; k++)
            d[k] = loaded_dest(s, b, b->reg[i + k]);
        if (left == 2)
            split_pair(s, d[0], d[1], val[i]);
        else
            ir_mov(s->ir, d[0], val[i]);
        for (unsigned k = 0; k < left; k++) {
            finish_dest(s, b, b->reg[i + k], d[k]);
            if (b->reg[i + k] == 15)
                pc = d[k];
        }
    }
    return pc;
}

static bool load_multiple(DisasContext *s, const Block *b, const Address *at, bool returns)
{
    IRVal val[16], pc;

    load_block(s, b, val);
    write_back(s, at);
    pc = distribute(s, b, val);
    if (returns) {
        IRVal spsr = arm_tmp32(s);
        ARM_CALL0(s, spsr_read, spsr);
        a32_exception_return(s, pc, spsr);
    } else if (pc != IR_NONE) {
        a32_set_reg_load(s, 15, pc);
    }
    return true;
}

static bool bad_block(const DisasContext *s, const arg_BLOCK *a)
{
    if (!a->list || a->rn == 15 || (a->s && (!a32_privileged(s) || s->el == 2)))
        return true;
    if (s->insn_bytes == 4 && s->thumb) {
        if (!(a->list & (a->list - 1)) || a->list & 1 << 13 || (a->w && a->list >> a->rn & 1))
            return true;
        return a->l ? (a->list & 0xc000) == 0xc000 : a->list >> 15 & 1;
    }
    return false;
}

bool a32_trans_BLOCK(DisasContext *s, arg_BLOCK *a)
{
    bool returns = a->s && a->l && a->list >> 15 & 1;
    Block b = { .user = a->s && !returns };
    uint32_t size;

    if (bad_block(s, a))
        return false;
    for (unsigned r = 0; r < 16; r++)
        if (a->list >> r & 1)
            b.reg[b.n++] = (uint8_t)r;
    size = 4 * b.n;
    b.first = a->u ? (a->p ? 4 : 0) : (a->p ? 0 : 4) - size;
    b.base = cpu_x[a->rn];
    Address at = { .updated = IR_NONE, .rn = (unsigned)a->rn };
    if (a->w) {
        at.updated = arm_tmp(s);
        ir_op2i(s->ir, a->u ? IR_ADD : IR_SUB, IR_I32, at.updated, b.base, size);
        if (a->rn == 13 && s->m_profile)
            m_check_splim(s, at.updated);
    }
    if (a->l)
        return load_multiple(s, &b, &at, returns);
    store_block(s, &b);
    write_back(s, &at);
    return true;
}

/* ---- Others ---- */

bool a32_trans_PLD(DisasContext *s, arg_PLD *a)
{
    return a->imm == 0 ? a32_has(s, ARM_FEATURE_V5TE) : a32_has(s, ARM_FEATURE_V7) || s->m_profile;
}

/* TBB, TBH */
bool a32_trans_TB(DisasContext *s, arg_TB *a)
{
    IRVal addr = arm_tmp(s), off = arm_tmp(s);

    if (a->rm == 13 || a->rm == 15)
        return false;
    ir_op2(s->ir, IR_ADD, IR_I32, addr, a32_reg(s, a->rn), cpu_x[a->rm]);
    if (a->h)
        ir_op2(s->ir, IR_ADD, IR_I32, addr, addr, cpu_x[a->rm]);
    arm_ld(s, IR_I32, off, addr, a->h ? MO_16 : MO_8);
    ir_op2(s->ir, IR_ADD, IR_I32, off, off, off);
    ir_op2i(s->ir, IR_ADD, IR_I32, off, off, (uint32_t)arm_pc(s) + 4);
    arm_goto_value(s, off);
    return true;
}

/* LDC and STC of the debug channel's registers: no debugger is attached to it. */
bool a32_trans_LDC(DisasContext *s, arg_LDC *a)
{
    return false;
}
