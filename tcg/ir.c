/* SPDX-License-Identifier: MIT */
/*
 * The IR's tables and builder: the process-wide list of globals, the per-thread IRFunc, constants
 * interned through a hash that is reset by changing its generation, and one function per operand
 * shape. Nothing here allocates per TB; a full table sets IRFunc.overflow and yields scratch
 * entries, so that the front end may go on to the end of its instruction.
 */
#include "tcg/ir.h"
#include "tcg/vec.h"
#include <stdlib.h>
#include <string.h>

enum {
    INT = IRF_INT, VEC = IRF_VEC, COMMUTES = IRF_COMMUTES, SIDE = IRF_SIDE, FAULTS = IRF_FAULTS,
    MEM = IRF_MEM, ENV = IRF_ENV, BB_END = IRF_BB_END, TB_END = IRF_TB_END,
};
const IROpInfo ir_op_info[IR_OPCODES] = {
#define OP(name, text, out, in, imm, flags) { text, out, in, imm, flags },
#include "opc.def"
#undef OP
};

/* ---- Globals ---- */

static IRValInfo globals[IR_MAX_GLOBALS];
static unsigned nglobals, globals_version;

IRVal ir_global(IRType type, uint32_t offset, const char *name, unsigned priority)
{
    if (nglobals == IR_MAX_GLOBALS) {
        abort(); /* a target's static table outgrew IR_MAX_GLOBALS */
    }
    globals[nglobals] = (IRValInfo){
        .kind = IRK_GLOBAL, .type = type, .priority = priority, .offset = offset, .name = name,
    };
    globals_version++;
    return nglobals++;
}

unsigned ir_global_count(void)
{
    return nglobals;
}

const IRValInfo *ir_global_info(IRVal g)
{
    return &globals[g];
}

void ir_globals_reset(void)
{
    nglobals = 0;
    globals_version++;
}

/* ---- One function ---- */

#define CONST_BITS 13
typedef struct ConstHash {
    uint32_t generation;
    struct {
        uint32_t generation; /* empty unless the hash's */
        IRVal val;
    } slot[1u << CONST_BITS];
} ConstHash;
_Static_assert(IR_MAX_VALS <= 1u << (CONST_BITS - 1), "the constant hash never fills up");

/* The last values of the table are handed out, one per type, once the table is full. */
#define VALS_LIMIT (IR_MAX_VALS - IR_VOID)

IRFunc *ir_func_new(void)
{
    IRFunc *f = calloc(1, sizeof(*f));
    f->const_hash = calloc(1, sizeof(ConstHash));
    for (unsigned t = 0; t < IR_VOID; t++) {
        f->vals[VALS_LIMIT + t] = (IRValInfo){ .kind = IRK_TEMP, .type = t };
    }
    ir_func_begin(f, NULL);
    return f;
}

void ir_func_free(IRFunc *f)
{
    if (f) {
        free(f->const_hash);
        free(f->fold);
        free(f->merge);
        free(f->live);
        free(f->sink);
        free(f);
    }
}

void ir_func_begin(IRFunc *f, TranslationBlock *tb)
{
    ConstHash *h = f->const_hash;

    f->nops = f->nlabels = f->ninsns = f->ncalls = 0;
    f->overflow = f->narrow_globals = f->early_paths = f->guards = false;
    f->tb = tb;
    f->nvals = f->nglobals = nglobals;
    if (f->globals_version != globals_version) {
        memcpy(f->vals, globals, nglobals * sizeof(globals[0]));
        f->globals_version = globals_version;
    }
    if (++h->generation == 0) {
        memset(h, 0, sizeof(*h));
        h->generation = 1;
    }
}

static IRVal new_val(IRFunc *f, unsigned kind, IRType type, uint64_t value)
{
    if (UNLIKELY(f->nvals >= VALS_LIMIT)) {
        f->overflow = true;
        return VALS_LIMIT + type;
    }
    f->vals[f->nvals] = (IRValInfo){ .kind = kind, .type = type, .value = value };
    return f->nvals++;
}

IRVal ir_temp(IRFunc *f, IRType type)
{
    return new_val(f, IRK_TEMP, type, 0);
}

IRVal ir_const(IRFunc *f, IRType type, uint64_t value)
{
    ConstHash *h = f->const_hash;
    unsigned i;

    if (type == IR_I32) {
        value = (uint32_t)value;
    }
    i = ((value + type) * 0x9e3779b97f4a7c15ull) >> (64 - CONST_BITS);
    while (h->slot[i].generation == h->generation) {
        IRVal v = h->slot[i].val;
        if (f->vals[v].value == value && f->vals[v].type == type) {
            return v;
        }
        i = (i + 1) & ((1u << CONST_BITS) - 1);
    }
    IRVal v = new_val(f, IRK_CONST, type, value);
    if (!f->overflow) {
        h->slot[i].generation = h->generation;
        h->slot[i].val = v;
    }
    return v;
}

bool ir_is_const(const IRFunc *f, IRVal v)
{
    return v != IR_NONE && f->vals[v].kind == IRK_CONST;
}

IROp *ir_emit(IRFunc *f, IROpcode opc, IRType type)
{
    IROp *op = &f->ops[f->nops];

    if (LIKELY(f->nops < IR_MAX_OPS - 1)) {
        f->nops++;
    } else {
        f->overflow = true; /* the last entry is scratch */
    }
    *op = (IROp){
        .opc = opc, .type = type, .out = { IR_NONE, IR_NONE },
        .in = { IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE },
    };
    return op;
}

/* ---- Operand widths ---- */

static IRType vop_int_type(const IROp *op)
{
    return vec_info[op->imm & 0xffff].flags & VFL_G64 ? IR_I64 : IR_I32;
}

static IRType call_type(HelperArg arg)
{
    return arg == HARG_I32 ? IR_I32 : arg == HARG_NONE ? IR_VOID : IR_I64;
}

IRType ir_in_type(const IRFunc *f, const IROp *op, unsigned n)
{
    switch (op->opc) {
    case IR_EXT_I32_I64S: case IR_EXT_I32_I64U: case IR_TRUNC:
        return IR_I32;
    case IR_TRUNC_HI: case IR_GOTO_TB: case IR_GOTO_PTR: case IR_GOTO_PC: case IR_GOTO_CAREFUL: case IR_HOST_LD:
        return IR_I64;
    case IR_MOVCOND:
        return n >= 2 ? op->type : op->aux & 0x100 ? IR_I64 : IR_I32;
    case IR_CALL: {
        const HelperInfo *h = f->calls[op->imm];
        return call_type(h->args[n + (h->args[0] == HARG_ENV)]);
    }
    case IR_X87_LD: case IR_X87_ST:
        return IR_VOID;
    case IR_GUEST_CHECK:
        return IR_VOID;
    case IR_GUEST_LDC:
        return n == 0 ? IR_VOID : IR_I64;
    case IR_GUEST_STC:
        return n == 1 ? IR_VOID : n == 2 ? IR_I64 : op->type;
    case IR_HOST_ST:
        return n == 1 ? IR_I64 : op->type;
    case IR_GUEST_ST:
        return n == 1 ? IR_VOID : op->type;
    case IR_GUEST_LD: case IR_ATOMIC_XCHG: case IR_ATOMIC_ADD: case IR_ATOMIC_AND: case IR_ATOMIC_OR:
    case IR_ATOMIC_XOR: case IR_ATOMIC_CMPXCHG:
        return n == 0 ? IR_VOID : op->type;
    case IR_V_FROM_INT:
        return op->aux;
    case IR_V_JOIN:
        return IR_V128;
    case IR_VOP: {
        uint8_t shape = vec_info[op->imm & 0xffff].shape;
        return n == 1 && (shape == VS_VG || shape == VS_VGI) ? vop_int_type(op) : op->type;
    }
    default:
        return op->type;
    }
}

IRType ir_out_type(const IRFunc *f, const IROp *op, unsigned n)
{
    (void)n;
    switch (op->opc) {
    case IR_SETCOND: case IR_NEGSETCOND:
        return op->aux & 0x100 ? IR_I64 : IR_I32;
    case IR_CALL:
        return call_type(f->calls[op->imm]->ret);
    case IR_V_HALF:
        return IR_V128;
    case IR_V_TO_INT:
        return op->aux;
    case IR_VOP:
        switch (vec_info[op->imm & 0xffff].shape) {
        case VS_GV: case VS_GVI:
            return vop_int_type(op);
        case VS_FLAGS:
            return IR_I32;
        default:
            return op->type;
        }
    default:
        return op->type;
    }
}

IRCond ir_cond_swap(IRCond c)
{
    static const uint8_t swapped[IR_CONDS] = {
        IR_NEVER, IR_ALWAYS, IR_EQ, IR_NE, IR_GT, IR_LE, IR_GE, IR_LT,
        IR_GTU, IR_LEU, IR_GEU, IR_LTU, IR_TSTEQ, IR_TSTNE,
    };
    return swapped[c];
}

/* ---- Control ---- */

void ir_insn_start(IRFunc *f, uint64_t pc, uint32_t extra)
{
    IROp *op = ir_emit(f, IR_INSN_START, IR_VOID);

    if (f->ninsns == IR_MAX_INSNS) {
        f->overflow = true;
        return;
    }
    op->imm = pc;
    op->aux = f->ninsns;
    f->insns[f->ninsns++] = (InsnData){ .pc = pc, .extra = extra };
}

unsigned ir_new_label(IRFunc *f)
{
    if (f->nlabels == IR_MAX_LABELS) {
        f->overflow = true;
        return IR_MAX_LABELS - 1;
    }
    return f->nlabels++;
}

void ir_label(IRFunc *f, unsigned label)
{
    ir_emit(f, IR_LABEL, IR_VOID)->imm = label;
}

void ir_br(IRFunc *f, unsigned label)
{
    ir_emit(f, IR_BR, IR_VOID)->imm = label;
}

void ir_brcond(IRFunc *f, IRCond c, IRType t, IRVal a, IRVal b, unsigned label)
{
    if (c == IR_ALWAYS) {
        ir_br(f, label);
    } else if (c != IR_NEVER) {
        IROp *op = ir_emit(f, IR_BRCOND, t);
        op->aux = c;
        op->in[0] = a;
        op->in[1] = b;
        op->imm = label;
    }
}

void ir_fence(IRFunc *f, unsigned kinds)
{
    ir_emit(f, IR_FENCE, IR_VOID)->imm = kinds;
}

void ir_pause(IRFunc *f)
{
    ir_emit(f, IR_PAUSE, IR_VOID);
}

void ir_discard(IRFunc *f, IRVal global)
{
    ir_emit(f, IR_DISCARD, ir_type(f, global))->out[0] = global;
}

/* ---- x87 ---- */

void ir_x87_guard(IRFunc *f, bool live)
{
    ir_emit(f, IR_X87_GUARD, IR_VOID)->imm = live;
}

void ir_x87(IRFunc *f, unsigned insn)
{
    ir_emit(f, IR_X87, IR_VOID)->imm = insn;
}

void ir_x87_out(IRFunc *f, unsigned insn, unsigned what, IRVal dst)
{
    IROp *op = ir_emit(f, IR_X87_OUT, IR_I32);

    op->out[0] = dst;
    op->imm = insn | (uint64_t)what << 16;
}

void ir_x87_in(IRFunc *f, unsigned insn, unsigned what, IRVal src)
{
    IROp *op = ir_emit(f, IR_X87_IN, IR_I32);

    op->in[0] = src;
    op->imm = insn | (uint64_t)what << 16;
}

void ir_x87_mem(IRFunc *f, IROpcode opc, unsigned insn, unsigned bytes, IRVal addr, MemOp mo, unsigned mmu_mode)
{
    IROp *op = ir_emit(f, opc, IR_I64);

    op->in[0] = addr;
    op->imm = MEMOPIDX(mo, mmu_mode) | (uint64_t)insn << 32 | (uint64_t)bytes << 48;
}

void ir_goto_tb(IRFunc *f, unsigned slot, uint64_t dest, uint64_t pc_value)
{
    IRVal value = ir_i64(f, pc_value);
    IROp *op = ir_emit(f, IR_GOTO_TB, IR_VOID);

    op->aux = slot;
    op->imm = dest;
    op->in[0] = value;
}

void ir_goto_careful(IRFunc *f, uint64_t dest, uint64_t pc_value)
{
    IRVal value = ir_i64(f, pc_value);
    IROp *op = ir_emit(f, IR_GOTO_CAREFUL, IR_VOID);

    op->imm = dest;
    op->in[0] = value;
}

void ir_goto_pc(IRFunc *f, IRVal pc)
{
    ir_emit(f, IR_GOTO_PC, IR_I64)->in[0] = pc;
}

void ir_goto_ptr(IRFunc *f, IRVal linear_pc)
{
    ir_emit(f, IR_GOTO_PTR, IR_I64)->in[0] = linear_pc;
}

void ir_goto_lookup(IRFunc *f)
{
    ir_emit(f, IR_GOTO_LOOKUP, IR_VOID);
}

void ir_exit_tb(IRFunc *f, unsigned reason)
{
    ir_emit(f, IR_EXIT_TB, IR_VOID)->imm = reason;
}

void ir_call(IRFunc *f, const HelperInfo *h, IRVal ret, const IRVal *args, unsigned nargs)
{
    IROp *op = ir_emit(f, IR_CALL, IR_VOID);

    if (f->ncalls == ARRAY_SIZE(f->calls)) {
        f->overflow = true;
        f->ncalls--;
    }
    op->out[0] = ret;
    for (unsigned i = 0; i < nargs; i++) {
        op->in[i] = args[i];
    }
    op->imm = f->ncalls;
    f->calls[f->ncalls++] = h;
}

/* ---- Integer ---- */

void ir_op1(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a)
{
    IROp *op = ir_emit(f, opc, t);

    if (opc == IR_EXT_I32_I64S || opc == IR_EXT_I32_I64U) {
        op->type = IR_I64;
    } else if (opc == IR_TRUNC || opc == IR_TRUNC_HI) {
        op->type = IR_I32;
    }
    op->out[0] = dst;
    op->in[0] = a;
}

void ir_op2(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a, IRVal b)
{
    IROp *op = ir_emit(f, opc, t);

    op->out[0] = dst;
    op->in[0] = a;
    op->in[1] = b;
}

void ir_op2i(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a, uint64_t imm)
{
    ir_op2(f, opc, t, dst, a, ir_const(f, t, imm));
}

void ir_mov(IRFunc *f, IRVal dst, IRVal src)
{
    IRType dt = ir_type(f, dst), st = ir_type(f, src);

    if (dt >= IR_V128) {
        ir_op1(f, IR_VMOV, dt, dst, src);
    } else if (ir_is_const(f, src)) {
        ir_movi(f, dst, f->vals[src].value);
    } else if (dt == IR_I64 && st == IR_I32) {
        ir_op1(f, IR_EXT_I32_I64U, IR_I64, dst, src);
    } else {
        ir_op1(f, IR_MOV, dt, dst, src);
    }
}

void ir_movi(IRFunc *f, IRVal dst, uint64_t value)
{
    IRType t = ir_type(f, dst);

    if (t < IR_V128) {
        ir_op1(f, IR_MOV, t, dst, ir_const(f, t, value));
    } else if (value) {
        ir_op1(f, IR_VMOV, t, dst, ir_const(f, t, value));
    } else {
        ir_emit(f, IR_VZERO, t)->out[0] = dst;
    }
}

void ir_mul2(IRFunc *f, IROpcode opc, IRType t, IRVal lo, IRVal hi, IRVal a, IRVal b)
{
    IROp *op = ir_emit(f, opc, t);

    op->out[0] = lo;
    op->out[1] = hi;
    op->in[0] = a;
    op->in[1] = b;
}

void ir_addsub2(IRFunc *f, IROpcode opc, IRType t, IRVal lo, IRVal hi, IRVal al, IRVal ah, IRVal bl, IRVal bh)
{
    IROp *op = ir_emit(f, opc, t);

    op->out[0] = lo;
    op->out[1] = hi;
    op->in[0] = al;
    op->in[1] = ah;
    op->in[2] = bl;
    op->in[3] = bh;
}

void ir_deposit(IRFunc *f, IRType t, IRVal dst, IRVal base, IRVal field, unsigned pos, unsigned len)
{
    IROp *op = ir_emit(f, IR_DEPOSIT, t);

    op->out[0] = dst;
    op->in[0] = base;
    op->in[1] = field;
    op->imm = pos;
    op->aux = len;
}

void ir_extract(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a, unsigned pos, unsigned len)
{
    IROp *op = ir_emit(f, opc, t);

    op->out[0] = dst;
    op->in[0] = a;
    op->imm = pos;
    op->aux = len;
}

void ir_extract2(IRFunc *f, IRType t, IRVal dst, IRVal lo, IRVal hi, unsigned pos)
{
    IROp *op = ir_emit(f, IR_EXTRACT2, t);

    op->out[0] = dst;
    op->in[0] = lo;
    op->in[1] = hi;
    op->imm = pos;
}

static void emit_setcond(IRFunc *f, IROpcode opc, IRCond c, IRType t, IRVal dst, IRVal a, IRVal b)
{
    IROp *op = ir_emit(f, opc, t);

    op->aux = c | (ir_type(f, dst) == IR_I64 ? 0x100 : 0);
    op->out[0] = dst;
    op->in[0] = a;
    op->in[1] = b;
}

void ir_setcond(IRFunc *f, IRCond c, IRType t, IRVal dst, IRVal a, IRVal b)
{
    emit_setcond(f, IR_SETCOND, c, t, dst, a, b);
}

void ir_negsetcond(IRFunc *f, IRCond c, IRType t, IRVal dst, IRVal a, IRVal b)
{
    emit_setcond(f, IR_NEGSETCOND, c, t, dst, a, b);
}

void ir_movcond(IRFunc *f, IRCond c, IRType t, IRVal dst, IRType cmp_t, IRVal a, IRVal b, IRVal vtrue, IRVal vfalse)
{
    IROp *op = ir_emit(f, IR_MOVCOND, t);

    op->aux = c | (cmp_t == IR_I64 ? 0x100 : 0);
    op->out[0] = dst;
    op->in[0] = a;
    op->in[1] = b;
    op->in[2] = vtrue;
    op->in[3] = vfalse;
}

/* ---- CPUState and guest memory ---- */

void ir_ld(IRFunc *f, IROpcode opc, IRType t, IRVal dst, uint32_t offset)
{
    IROp *op = ir_emit(f, opc, t);

    op->out[0] = dst;
    op->imm = offset;
}

void ir_st(IRFunc *f, IROpcode opc, IRType t, IRVal src, uint32_t offset)
{
    IROp *op = ir_emit(f, opc, t);

    op->in[0] = src;
    op->imm = offset;
}

void ir_env_addr(IRFunc *f, IRVal dst, uint32_t offset)
{
    ir_ld(f, IR_ENV_ADDR, IR_I64, dst, offset);
}

void ir_guest_ld(IRFunc *f, IRType t, IRVal dst, IRVal addr, MemOp op, unsigned mmu_mode)
{
    IROp *o = ir_emit(f, IR_GUEST_LD, t);

    o->out[0] = dst;
    o->in[0] = addr;
    o->imm = MEMOPIDX(op, mmu_mode);
}

void ir_guest_st(IRFunc *f, IRType t, IRVal src, IRVal addr, MemOp op, unsigned mmu_mode)
{
    IROp *o = ir_emit(f, IR_GUEST_ST, t);

    o->in[0] = src;
    o->in[1] = addr;
    o->imm = MEMOPIDX(op, mmu_mode);
}

void ir_atomic(IRFunc *f, IROpcode opc, IRType t, IRVal old, IRVal addr, IRVal val, MemOp op, unsigned mmu_mode)
{
    IROp *o = ir_emit(f, opc, t);

    o->out[0] = old;
    o->in[0] = addr;
    o->in[1] = val;
    o->imm = MEMOPIDX(op, mmu_mode);
}

void ir_cmpxchg(IRFunc *f, IRType t, IRVal old, IRVal addr, IRVal expected, IRVal val, MemOp op, unsigned mmu_mode)
{
    IROp *o = ir_emit(f, IR_ATOMIC_CMPXCHG, t);

    o->out[0] = old;
    o->in[0] = addr;
    o->in[1] = expected;
    o->in[2] = val;
    o->imm = MEMOPIDX(op, mmu_mode);
}

/* ---- Vectors ---- */

void ir_vop(IRFunc *f, unsigned row, IRVal dst, IRVal a, IRVal b, IRVal c, uint8_t imm8)
{
    IRType t = ir_type(f, dst) >= IR_V128 ? ir_type(f, dst) : ir_type(f, a);
    IROp *op = ir_emit(f, IR_VOP, t);

    op->out[0] = dst;
    op->in[0] = a;
    op->in[1] = b;
    op->in[2] = c;
    op->imm = row | (uint64_t)imm8 << 16;
}

void ir_vcall(IRFunc *f, const VecCall *call, IRVal dst, IRVal a, IRVal b, IRVal c, uint16_t imm)
{
    IROp *op = ir_emit(f, IR_VCALL, IR_V128);

    op->out[0] = dst;
    op->in[0] = a;
    op->in[1] = b;
    op->in[2] = c;
    op->imm = (uintptr_t)call;
    op->aux = imm;
}

void ir_v_from_int(IRFunc *f, IRVal dst, IRVal src)
{
    IROp *op = ir_emit(f, IR_V_FROM_INT, ir_type(f, dst));

    op->out[0] = dst;
    op->in[0] = src;
    op->aux = ir_type(f, src);
}

void ir_v_join(IRFunc *f, IRVal dst, IRVal low, IRVal high)
{
    IROp *op = ir_emit(f, IR_V_JOIN, IR_V256);

    op->out[0] = dst;
    op->in[0] = low;
    op->in[1] = high;
}

void ir_v_half(IRFunc *f, IRVal dst, IRVal src, unsigned half)
{
    IROp *op = ir_emit(f, IR_V_HALF, IR_V256);

    op->out[0] = dst;
    op->in[0] = src;
    op->imm = half;
}

void ir_v_to_int(IRFunc *f, IRVal dst, IRVal src)
{
    IROp *op = ir_emit(f, IR_V_TO_INT, ir_type(f, src));

    op->out[0] = dst;
    op->in[0] = src;
    op->aux = ir_type(f, dst);
}
