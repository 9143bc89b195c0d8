/* SPDX-License-Identifier: MIT */
/*
 * x86 decoder: prefixes, opcode tables in the notation of Intel SDM volume 2 appendix A, ModRM, addresses,
 * immediates. It checks what a table row says (LOCK, mode, feature), loads the operands and calls the row's
 * emitter. Rows of a class (x87, SSE, system instructions) go to that class's emitter file instead.
 * AMD's XOP and 3DNow! encodings are invalid here.
 */
#include "decode.h"
#include <string.h>

#define MAX_INSN_BYTES 15

/* ---- Fetching ---- */

/* False when n more bytes would exceed 15: the instruction becomes #GP and reads zeros. */
static bool room_for(DisasContext *s, unsigned n)
{
    if (s->base.pc - s->base.insn_pc + n > MAX_INSN_BYTES)
        s->too_long = true;
    return !s->too_long;
}

static uint8_t fetch8(DisasContext *s)
{
    return room_for(s, 1) ? translator_fetch8(&s->base) : 0;
}

uint64_t x86_fetch_imm(DisasContext *s, MemOp size)
{
    if (!room_for(s, 1u << size))
        return 0;
    switch (size) {
    case MO_8:
        return (uint64_t)(int8_t)translator_fetch8(&s->base);
    case MO_16:
        return (uint64_t)(int16_t)translator_fetch16(&s->base);
    case MO_32:
        return (uint64_t)(int32_t)translator_fetch32(&s->base);
    default:
        return translator_fetch64(&s->base);
    }
}

bool x86_next_is_jcc(const DisasContext *s)
{
    uint64_t pc = s->base.pc, offset = pc & ~PAGE_MASK;
    const uint8_t *p = s->base.host[0] + offset;

    if (offset > PAGE_SIZE_ - 2 || (pc & PAGE_MASK) != s->base.host_page[0])
        return false;
    return (p[0] & 0xf0) == 0x70 || (p[0] == 0x0f && (p[1] & 0xf0) == 0x80);
}

/* ---- Registers ---- */

IRVal x86_get_reg(DisasContext *s, MemOp size, unsigned reg, bool high)
{
    if (high) {
        IRVal t = x86_tmp(s);
        ir_extract(s->ir, IR_EXTRACT, IR_I32, t, cpu_regs[reg], 8, 8);
        return t;
    }
    (void)size;
    return cpu_regs[reg];
}

void x86_put_reg(DisasContext *s, MemOp size, unsigned reg, bool high, IRVal v)
{
    IRFunc *ir = s->ir;
    IRVal g = cpu_regs[reg];

    if (ir_is_const(ir, v)) {
        uint64_t value = ir->vals[v].value & size_mask(size);
        if (size >= MO_32) {
            ir_movi(ir, g, value);
            return;
        }
        v = ir_i64(ir, value);
    }
    if (size == MO_64) {
        if (v != g)
            ir_mov(ir, g, v);
    } else if (size == MO_32) {
        ir_op1(ir, IR_MOV, IR_I32, g, v);
    } else {
        ir_deposit(ir, IR_I64, g, g, v, high ? 8 : 0, 8u << size);
    }
}

IRVal x86_extend(DisasContext *s, IRVal v, MemOp size, IRType t, bool sign)
{
    static const uint8_t ops[2][2] = { { IR_EXT8U, IR_EXT8S }, { IR_EXT16U, IR_EXT16S } };
    IRVal r;

    if (ir_is_const(s->ir, v)) {
        uint64_t value = s->ir->vals[v].value;
        unsigned bits = 8u << size;
        return ir_const(s->ir, t, sign ? (uint64_t)sextract64(value, 0, (int)bits) : value & size_mask(size));
    }
    if (size >= MO_32 && (size == MO_64 || t == IR_I32))
        return v;
    r = x86_tmp(s);
    if (size == MO_32)
        ir_op1(s->ir, sign ? IR_EXT_I32_I64S : IR_EXT_I32_I64U, IR_I64, r, v);
    else
        ir_op1(s->ir, ops[size][sign], t, r, v);
    return r;
}

/* ---- ModRM ---- */

/* SIB byte; true when there is no base and a disp32 follows. */
static bool decode_sib(DisasContext *s)
{
    uint8_t sib = fetch8(s);
    unsigned base = (sib & 7) | s->rex_b, index = (sib >> 3 & 7) | s->rex_x;

    s->mem_scale = sib >> 6;
    s->mem_index = index == 4 ? -1 : (int8_t)index;
    if ((base & 7) == 5 && s->mod == 0) {
        s->mem_base = -1;
        return true;
    }
    s->mem_base = (int8_t)base;
    return false;
}

static void decode_mem16(DisasContext *s)
{
    static const int8_t bases[8] = { R_EBX, R_EBX, R_EBP, R_EBP, R_ESI, R_EDI, R_EBP, R_EBX };
    static const int8_t indexes[8] = { R_ESI, R_EDI, R_ESI, R_EDI, -1, -1, -1, -1 };
    unsigned rm = s->modrm & 7;

    s->mem_base = bases[rm];
    s->mem_index = indexes[rm];
    s->mem_scale = 0;
    if (s->mod == 0 && rm == 6) {
        s->mem_base = -1;
        s->mem_disp = (int64_t)x86_fetch_imm(s, MO_16);
    } else if (s->mod) {
        s->mem_disp = (int64_t)x86_fetch_imm(s, s->mod == 1 ? MO_8 : MO_16);
    }
}

static void decode_mem32(DisasContext *s)
{
    bool disp32 = false;

    s->mem_index = -1;
    s->mem_scale = 0;
    if ((s->modrm & 7) == 4) {
        disp32 = decode_sib(s);
    } else if ((s->modrm & 7) == 5 && s->mod == 0) {
        s->mem_base = s->code64 ? MEM_RIP : -1;
        disp32 = true;
    } else {
        s->mem_base = (int8_t)s->rm;
    }
    if (disp32 || s->mod == 2)
        s->mem_disp = (int64_t)x86_fetch_imm(s, MO_32);
    else if (s->mod == 1)
        s->mem_disp = (int64_t)x86_fetch_imm(s, MO_8);
}

static void decode_modrm(DisasContext *s)
{
    s->modrm = fetch8(s);
    s->has_modrm = true;
    s->mod = s->opcode >= 0x120 && s->opcode <= 0x123 ? 3 : s->modrm >> 6; /* MOV CR, DR: whatever mod says */
    s->reg = (s->modrm >> 3 & 7) | s->rex_r;
    s->rm = (s->modrm & 7) | s->rex_b;
    if (s->opcode >= 0x120 && s->opcode <= 0x123)
        s->mod = 3; /* MOV CR, MOV DR */
    if (s->mod == 3)
        return;
    s->mem_disp = 0;
    if (s->at == MO_16)
        decode_mem16(s);
    else
        decode_mem32(s);
    s->ea_seg = s->mem_base == R_ESP || s->mem_base == R_EBP ? R_SS : R_DS;
    if (s->segment >= 0)
        s->ea_seg = s->segment;
}

void x86_lea(DisasContext *s)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(s->at);
    IRVal v = IR_NONE, r;

    if (s->mem_base == MEM_RIP) {
        s->ea = ir_i64(ir, (s->base.pc + (uint64_t)s->mem_disp) & size_mask(s->at));
        return;
    }
    if (s->mem_index >= 0) {
        v = cpu_regs[s->mem_index];
        if (s->mem_scale) {
            r = x86_tmp(s);
            ir_op2i(ir, IR_SHL, t, r, v, s->mem_scale);
            v = r;
        }
    }
    if (s->mem_base >= 0) {
        IRVal base = cpu_regs[s->mem_base];
        if (v != IR_NONE) {
            r = x86_tmp(s);
            ir_op2(ir, IR_ADD, t, r, base, v);
            v = r;
        } else {
            v = base;
        }
    }
    if (v == IR_NONE) {
        s->ea = ir_i64(ir, (uint64_t)s->mem_disp & size_mask(s->at));
        return;
    }
    if (s->mem_disp || (s->at == MO_32 && (s->flags & HF_LMA))) {
        r = x86_tmp(s);
        ir_op2i(ir, IR_ADD, t, r, v, (uint64_t)s->mem_disp);
        v = r;
    }
    s->ea = s->at == MO_16 ? x86_extend(s, v, MO_16, IR_I32, false) : v;
}

/* ---- Operands ---- */

static MemOp operand_size(const DisasContext *s, unsigned code)
{
    switch (code & 15) {
    case SIZE_V:
        return s->ot;
    case SIZE_Z:
        return s->ot == MO_16 ? MO_16 : MO_32;
    case SIZE_Y:
        return s->ot == MO_64 ? MO_64 : MO_32;
    default:
        return (MemOp)(code & 15);
    }
}

static void set_reg_operand(DisasContext *s, X86Operand *o, unsigned n)
{
    o->kind = OPK_REG;
    o->high_byte = o->size == MO_8 && n >= 4 && n < 8 && !s->rex;
    o->n = (uint8_t)(o->high_byte ? n - 4 : n);
}

static void set_immediate(DisasContext *s, X86Operand *o, unsigned code)
{
    MemOp size = o->size;

    /* An immediate is as wide as its letter says and extends to the operand size of the instruction. */
    if ((code & 15) != SIZE_V && (code & 15) != SIZE_W)
        o->size = s->op[0].kind == OPK_NONE ? s->ot : s->op[0].size;
    o->kind = OPK_IMM;
    o->val = x86_const(s, o->size, x86_fetch_imm(s, size));
}

static void set_operand(DisasContext *s, unsigned i, unsigned code)
{
    static const uint8_t fixed[16] = { [METHOD_C >> 4] = R_ECX };
    X86Operand *o = &s->op[i];

    o->size = operand_size(s, code);
    switch (code & 0xf0) {
    case METHOD_E: case METHOD_M:
        if (s->mod == 3)
            set_reg_operand(s, o, s->rm);
        else
            o->kind = OPK_MEM;
        break;
    case METHOD_G:
        set_reg_operand(s, o, s->reg);
        break;
    case METHOD_Z:
        set_reg_operand(s, o, (s->opcode & 7) | s->rex_b);
        break;
    case METHOD_B:
        set_reg_operand(s, o, s->vex_v);
        break;
    case METHOD_A: case METHOD_C:
        set_reg_operand(s, o, fixed[code >> 4]);
        break;
    case METHOD_I:
        set_immediate(s, o, code);
        break;
    case METHOD_J:
        o->kind = OPK_IMM;
        s->imm = x86_fetch_imm(s, o->size);
        break;
    case METHOD_O:
        o->kind = OPK_MEM;
        s->mem_base = s->mem_index = -1;
        s->mem_disp = (int64_t)x86_fetch_imm(s, s->at);
        s->ea_seg = s->segment >= 0 ? s->segment : R_DS;
        break;
    case METHOD_1:
        o->kind = OPK_IMM;
        o->val = x86_const(s, o->size, 1);
        break;
    }
}

IRVal x86_load_operand(DisasContext *s, unsigned i, IRType t, bool sign)
{
    X86Operand *o = &s->op[i];
    IRVal v;

    if (o->kind != OPK_MEM)
        return x86_extend(s, x86_get_reg(s, o->size, o->n, o->high_byte), o->size, t, sign);
    v = x86_tmp(s);
    x86_ld(s, t, v, x86_ea_linear(s, 1u << o->size, false), o->size | (sign ? MO_SIGN : 0));
    return v;
}

static void load_operands(DisasContext *s, const X86Row *row)
{
    bool locked = x86_locked(s);

    for (unsigned i = 0; i < 4; i++) {
        X86Operand *o = &s->op[i];
        if (o->kind == OPK_REG) {
            o->val = i == 0 && (row->flags & ROW_W) ? IR_NONE : x86_get_reg(s, o->size, o->n, o->high_byte);
        } else if (o->kind == OPK_MEM && (row->op[i] & 0xf0) != METHOD_M) {
            bool write = i == 0 && (row->flags & (ROW_W | ROW_RW));
            if (row->flags & (i == 0 ? ROW_W : ROW_NOLOAD))
                continue;
            o->val = x86_tmp(s);
            IRVal linear = x86_ea_linear(s, 1u << o->size, write);
            if (i == 0)
                s->linear = linear;
            if (!(i == 0 && locked))
                x86_ld(s, x86_type(o->size), o->val, linear, o->size | (write ? MO_RMW : 0));
        }
    }
}

IRVal x86_source(DisasContext *s, unsigned i)
{
    const X86Operand *d = &s->op[0], *o = &s->op[i];
    IRVal t;

    if (o->kind != OPK_REG || d->kind != OPK_REG || d->n != o->n || o->high_byte)
        return o->val;
    t = x86_tmp(s);
    ir_mov(s->ir, t, o->val);
    return t;
}

IRVal x86_dest(DisasContext *s)
{
    const X86Operand *d = &s->op[0];

    s->in_place = d->kind == OPK_REG && d->size >= MO_32;
    return s->in_place ? cpu_regs[d->n] : x86_tmp(s);
}

void x86_put(DisasContext *s, unsigned i, IRVal v)
{
    const X86Operand *o = &s->op[i];

    if (o->kind == OPK_REG) {
        if (i || !s->in_place || v != cpu_regs[o->n])
            x86_put_reg(s, o->size, o->n, o->high_byte, v);
        return;
    }
    if (i == 0 && x86_locked(s))
        return;
    if (i || s->linear == IR_NONE)
        s->linear = x86_ea_linear(s, 1u << o->size, true);
    x86_st(s, x86_type(o->size), v, s->linear, o->size);
}

IRVal x86_old_value(DisasContext *s, IROpcode opc, IRVal b)
{
    X86Operand *o = &s->op[0];

    if (x86_locked(s))
        ir_atomic(s->ir, opc, x86_type(o->size), o->val, s->linear, b, x86_checked_memop(s, o->size),
                  s->mmu_mode);
    return o->val;
}

/* ---- Features ---- */

bool x86_has_feature(const DisasContext *s, unsigned feature)
{
    static const struct { uint8_t word, bit; } bits[] = {
        [FEAT_CMOV] = { FW_1_EDX, 15 }, [FEAT_MOVBE] = { FW_1_ECX, 22 }, [FEAT_SSE42] = { FW_1_ECX, 20 },
        [FEAT_POPCNT] = { FW_1_ECX, 23 }, [FEAT_BMI1] = { FW_7_0_EBX, 3 }, [FEAT_BMI2] = { FW_7_0_EBX, 8 },
        [FEAT_ADX] = { FW_7_0_EBX, 19 }, [FEAT_CX16] = { FW_1_ECX, 13 }, [FEAT_CX8] = { FW_1_EDX, 8 },
        [FEAT_RDRAND] = { FW_1_ECX, 30 }, [FEAT_RDSEED] = { FW_7_0_EBX, 18 },
    };

    return !feature || x86_feature(s->env, bits[feature].word, bits[feature].bit);
}

/* ---- Tables ---- */

/* Fields a row leaves out are zero: no operand, no condition. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define CLASS { .flags = ROW_CLASS }
#define CLASS_M { .flags = ROW_CLASS | ROW_MODRM }
#define CLASS_MI { .flags = ROW_CLASS | ROW_MODRM | ROW_IMM8 }
#define GROUP { .flags = ROW_MODRM | ROW_GROUP }
#define ALU(base, emit, rw, lock)                                                                              \
    [base] = { emit, { Eb, Gb }, rw | lock }, [base + 1] = { emit, { Ev, Gv }, rw | lock },                    \
    [base + 2] = { emit, { Gb, Eb }, rw }, [base + 3] = { emit, { Gv, Ev }, rw },                              \
    [base + 4] = { emit, { rAL, Ib }, rw }, [base + 5] = { emit, { rAX, Iz }, rw }
#define EIGHT(base, ...)                                                                                       \
    [base] = __VA_ARGS__, [base + 1] = __VA_ARGS__, [base + 2] = __VA_ARGS__, [base + 3] = __VA_ARGS__,        \
    [base + 4] = __VA_ARGS__, [base + 5] = __VA_ARGS__, [base + 6] = __VA_ARGS__, [base + 7] = __VA_ARGS__
#define SIXTEEN(base, ...) EIGHT(base, __VA_ARGS__), EIGHT(base + 8, __VA_ARGS__)

static const X86Row one_byte[256] = {
    ALU(0x00, insn_add, ROW_RW, ROW_LOCK),
    [0x06] = { insn_push_sreg, { 0 }, ROW_NO64 }, [0x07] = CLASS,
    ALU(0x08, insn_or, ROW_RW, ROW_LOCK),
    [0x0e] = { insn_push_sreg, { 0 }, ROW_NO64 },
    ALU(0x10, insn_adc, ROW_RW, ROW_LOCK),
    [0x16] = { insn_push_sreg, { 0 }, ROW_NO64 }, [0x17] = CLASS,
    ALU(0x18, insn_sbb, ROW_RW, ROW_LOCK),
    [0x1e] = { insn_push_sreg, { 0 }, ROW_NO64 }, [0x1f] = CLASS,
    ALU(0x20, insn_and, ROW_RW, ROW_LOCK),
    [0x27] = { insn_daa, { 0 }, ROW_NO64 },
    ALU(0x28, insn_sub, ROW_RW, ROW_LOCK),
    [0x2f] = { insn_das, { 0 }, ROW_NO64 },
    ALU(0x30, insn_xor, ROW_RW, ROW_LOCK),
    [0x37] = { insn_aaa, { 0 }, ROW_NO64 },
    ALU(0x38, insn_cmp, 0, 0),
    [0x3f] = { insn_aas, { 0 }, ROW_NO64 },
    EIGHT(0x40, { insn_inc, { Zv }, ROW_RW | ROW_NO64 }),
    EIGHT(0x48, { insn_dec, { Zv }, ROW_RW | ROW_NO64 }),
    EIGHT(0x50, { insn_push, { Zv }, ROW_D64 }),
    EIGHT(0x58, { insn_pop, { Zv }, ROW_D64 | ROW_W }),
    [0x60] = { insn_pusha, { 0 }, ROW_NO64 },
    [0x61] = { insn_popa, { 0 }, ROW_NO64 },
    [0x62] = { insn_bound, { Gv, Mv }, ROW_NO64 },
    [0x63] = CLASS_M,
    [0x68] = { insn_push, { Iz }, ROW_D64 },
    [0x69] = { insn_imul3, { Gv, Ev, Iz }, ROW_W },
    [0x6a] = { insn_push, { Ib }, ROW_D64 },
    [0x6b] = { insn_imul3, { Gv, Ev, Ib }, ROW_W },
    [0x6c] = { insn_ins, { 0 }, 0 }, [0x6d] = { insn_ins, { 0 }, 0 },
    [0x6e] = { insn_outs, { 0 }, 0 }, [0x6f] = { insn_outs, { 0 }, 0 },
    SIXTEEN(0x70, { insn_jcc, { Jb }, ROW_F64 }),
    [0x80] = GROUP, [0x81] = GROUP, [0x82] = GROUP, [0x83] = GROUP,
    [0x84] = { insn_test, { Eb, Gb }, 0 }, [0x85] = { insn_test, { Ev, Gv }, 0 },
    [0x86] = { insn_xchg, { Eb, Gb }, ROW_W | ROW_LOCK }, [0x87] = { insn_xchg, { Ev, Gv }, ROW_W | ROW_LOCK },
    [0x88] = { insn_mov, { Eb, Gb }, ROW_W }, [0x89] = { insn_mov, { Ev, Gv }, ROW_W },
    [0x8a] = { insn_mov, { Gb, Eb }, ROW_W }, [0x8b] = { insn_mov, { Gv, Ev }, ROW_W },
    [0x8c] = { insn_mov_sreg_store, { Ev }, ROW_W },
    [0x8d] = { insn_lea, { Gv, Mv }, ROW_W },
    [0x8e] = CLASS_M,
    [0x8f] = { insn_pop_ev, { Ev }, ROW_D64 | ROW_W },
    EIGHT(0x90, { insn_xchg, { Zv, rAX }, ROW_W }),
    [0x98] = { insn_cbw, { 0 }, 0 }, [0x99] = { insn_cwd, { 0 }, 0 },
    [0x9a] = CLASS, [0x9b] = CLASS,
    [0x9c] = { insn_pushf, { 0 }, ROW_D64 }, [0x9d] = { insn_popf, { 0 }, ROW_D64 },
    [0x9e] = { insn_sahf, { 0 }, 0 }, [0x9f] = { insn_lahf, { 0 }, 0 },
    [0xa0] = { insn_mov, { rAL, Ob }, ROW_W }, [0xa1] = { insn_mov, { rAX, Ov }, ROW_W },
    [0xa2] = { insn_mov, { Ob, rAL }, ROW_W }, [0xa3] = { insn_mov, { Ov, rAX }, ROW_W },
    [0xa4] = { insn_movs, { 0 }, 0 }, [0xa5] = { insn_movs, { 0 }, 0 },
    [0xa6] = { insn_cmps, { 0 }, 0 }, [0xa7] = { insn_cmps, { 0 }, 0 },
    [0xa8] = { insn_test, { rAL, Ib }, 0 }, [0xa9] = { insn_test, { rAX, Iz }, 0 },
    [0xaa] = { insn_stos, { 0 }, 0 }, [0xab] = { insn_stos, { 0 }, 0 },
    [0xac] = { insn_lods, { 0 }, 0 }, [0xad] = { insn_lods, { 0 }, 0 },
    [0xae] = { insn_scas, { 0 }, 0 }, [0xaf] = { insn_scas, { 0 }, 0 },
    EIGHT(0xb0, { insn_mov, { Zb, Ib }, ROW_W }),
    EIGHT(0xb8, { insn_mov, { Zv, Iv }, ROW_W }),
    [0xc0] = GROUP, [0xc1] = GROUP,
    [0xc2] = { insn_ret, { Iw }, ROW_F64 }, [0xc3] = { insn_ret, { 0 }, ROW_F64 },
    [0xc4] = CLASS_M, [0xc5] = CLASS_M,
    [0xc6] = GROUP, [0xc7] = GROUP,
    [0xc8] = { insn_enter, { 0 }, ROW_D64 }, [0xc9] = { insn_leave, { 0 }, ROW_D64 },
    [0xca] = CLASS, [0xcb] = CLASS,
    [0xcc] = { insn_int3, { 0 }, 0 }, [0xcd] = { insn_int, { Ib }, 0 }, [0xce] = { insn_into, { 0 }, ROW_NO64 },
    [0xcf] = CLASS,
    [0xd0] = GROUP, [0xd1] = GROUP, [0xd2] = GROUP, [0xd3] = GROUP,
    [0xd4] = { insn_aam, { rAL, Ib }, ROW_NO64 }, [0xd5] = { insn_aad, { rAL, Ib }, ROW_NO64 },
    [0xd6] = { insn_salc, { 0 }, ROW_NO64 }, [0xd7] = { insn_xlat, { 0 }, 0 },
    EIGHT(0xd8, CLASS_M),
    [0xe0] = { insn_loop, { Jb }, ROW_F64 }, [0xe1] = { insn_loop, { Jb }, ROW_F64 },
    [0xe2] = { insn_loop, { Jb }, ROW_F64 }, [0xe3] = { insn_jcxz, { Jb }, ROW_F64 },
    [0xe4] = { insn_in, { rAL, Ib }, ROW_W }, [0xe5] = { insn_in, { rAX, Ib }, ROW_W },
    [0xe6] = { insn_out, { rAL, Ib }, 0 }, [0xe7] = { insn_out, { rAX, Ib }, 0 },
    [0xe8] = { insn_call, { Jz }, ROW_F64 }, [0xe9] = { insn_jmp, { Jz }, ROW_F64 },
    [0xea] = CLASS, [0xeb] = { insn_jmp, { Jb }, ROW_F64 },
    [0xec] = { insn_in, { rAL }, ROW_W }, [0xed] = { insn_in, { rAX }, ROW_W },
    [0xee] = { insn_out, { rAL }, 0 }, [0xef] = { insn_out, { rAX }, 0 },
    [0xf1] = { insn_int1, { 0 }, 0 },
    [0xf4] = CLASS, [0xf5] = { insn_cmc, { 0 }, 0 },
    [0xf6] = GROUP, [0xf7] = GROUP,
    [0xf8] = { insn_clc, { 0 }, 0 }, [0xf9] = { insn_stc, { 0 }, 0 },
    [0xfa] = CLASS, [0xfb] = CLASS,
    [0xfc] = { insn_cld, { 0 }, 0 }, [0xfd] = { insn_std, { 0 }, 0 },
    [0xfe] = GROUP, [0xff] = GROUP,
};

/* Every 0F row not named here is of the SSE class with a ModRM byte. */
static const X86Row two_byte[256] = {
    [0x05] = CLASS, [0x06] = CLASS, [0x07] = CLASS, [0x08] = CLASS, [0x09] = CLASS, [0x0b] = CLASS, [0x0e] = CLASS,
    [0x0d] = { insn_prefetchw, { 0 }, ROW_MODRM },
    EIGHT(0x18, { insn_nop, { 0 }, ROW_MODRM }),
    [0x30] = CLASS, [0x31] = CLASS, [0x32] = CLASS, [0x33] = CLASS, [0x34] = CLASS, [0x35] = CLASS, [0x37] = CLASS,
    SIXTEEN(0x40, { insn_cmov, { Gv, Ev }, ROW_RW, FEAT_CMOV }),
    [0x70] = CLASS_MI, [0x71] = CLASS_MI, [0x72] = CLASS_MI, [0x73] = CLASS_MI, [0x77] = CLASS,
    SIXTEEN(0x80, { insn_jcc, { Jz }, ROW_F64 }),
    SIXTEEN(0x90, { insn_setcc, { Eb }, ROW_W }),
    [0xa0] = { insn_push_sreg, { 0 }, ROW_D64 }, [0xa1] = CLASS, [0xa2] = CLASS,
    [0xa3] = { insn_bt, { Ev, Gv }, ROW_W },
    [0xa4] = { insn_shld, { Ev, Gv, Ib }, ROW_RW }, [0xa5] = { insn_shld, { Ev, Gv, rCL }, ROW_RW },
    [0xa8] = { insn_push_sreg, { 0 }, ROW_D64 }, [0xa9] = CLASS, [0xaa] = CLASS,
    [0xab] = { insn_bts, { Ev, Gv }, ROW_W | ROW_LOCK },
    [0xac] = { insn_shrd, { Ev, Gv, Ib }, ROW_RW }, [0xad] = { insn_shrd, { Ev, Gv, rCL }, ROW_RW },
    [0xaf] = { insn_imul, { Gv, Ev }, ROW_RW },
    [0xb0] = { insn_cmpxchg, { Eb, Gb }, ROW_RW | ROW_LOCK }, [0xb1] = { insn_cmpxchg, { Ev, Gv }, ROW_RW | ROW_LOCK },
    [0xb3] = { insn_btr, { Ev, Gv }, ROW_W | ROW_LOCK },
    [0xb6] = { insn_movzx, { Gv, Eb }, ROW_W | ROW_NOLOAD }, [0xb7] = { insn_movzx, { Gv, Ew }, ROW_W | ROW_NOLOAD },
    [0xb8] = { insn_popcnt, { Gv, Ev }, ROW_W, FEAT_POPCNT },
    [0xba] = GROUP,
    [0xbb] = { insn_btc, { Ev, Gv }, ROW_W | ROW_LOCK },
    [0xbc] = { insn_bsf, { Gv, Ev }, ROW_RW }, [0xbd] = { insn_bsr, { Gv, Ev }, ROW_RW },
    [0xbe] = { insn_movsx, { Gv, Eb }, ROW_W | ROW_NOLOAD }, [0xbf] = { insn_movsx, { Gv, Ew }, ROW_W | ROW_NOLOAD },
    [0xc0] = { insn_xadd, { Eb, Gb }, ROW_RW | ROW_LOCK }, [0xc1] = { insn_xadd, { Ev, Gv }, ROW_RW | ROW_LOCK },
    [0xc2] = CLASS_MI, [0xc3] = { insn_movnti, { My, Gy }, ROW_W },
    [0xc4] = CLASS_MI, [0xc5] = CLASS_MI, [0xc6] = CLASS_MI, [0xc7] = GROUP,
    EIGHT(0xc8, { insn_bswap, { Zv }, ROW_RW }),
};

static const X86Row alu_group[4][8] = {
#define ALU_GROUP(e, imm, mode)                                                                                \
    { { insn_add, { e, imm }, ROW_RW | ROW_LOCK | mode }, { insn_or, { e, imm }, ROW_RW | ROW_LOCK | mode },   \
      { insn_adc, { e, imm }, ROW_RW | ROW_LOCK | mode }, { insn_sbb, { e, imm }, ROW_RW | ROW_LOCK | mode },  \
      { insn_and, { e, imm }, ROW_RW | ROW_LOCK | mode }, { insn_sub, { e, imm }, ROW_RW | ROW_LOCK | mode },  \
      { insn_xor, { e, imm }, ROW_RW | ROW_LOCK | mode }, { insn_cmp, { e, imm }, mode } }
    ALU_GROUP(Eb, Ib, 0), ALU_GROUP(Ev, Iz, 0), ALU_GROUP(Eb, Ib, ROW_NO64), ALU_GROUP(Ev, Ib, 0),
};

#define SHIFT_GROUP(...)                                                                                       \
    { { insn_rol, { __VA_ARGS__ }, ROW_RW }, { insn_ror, { __VA_ARGS__ }, ROW_RW },                            \
      { insn_rcl, { __VA_ARGS__ }, ROW_RW }, { insn_rcr, { __VA_ARGS__ }, ROW_RW },                            \
      { insn_shl, { __VA_ARGS__ }, ROW_RW }, { insn_shr, { __VA_ARGS__ }, ROW_RW },                            \
      { insn_shl, { __VA_ARGS__ }, ROW_RW }, { insn_sar, { __VA_ARGS__ }, ROW_RW } }
static const X86Row shift_group[6][8] = {
    SHIFT_GROUP(Eb, Ib), SHIFT_GROUP(Ev, Ib), SHIFT_GROUP(Eb, ONE), SHIFT_GROUP(Ev, ONE), SHIFT_GROUP(Eb, rCL),
    SHIFT_GROUP(Ev, rCL),
};

#define UNARY_GROUP(e, imm)                                                                                    \
    { { insn_test, { e, imm }, 0 }, { insn_test, { e, imm }, 0 }, { insn_not, { e }, ROW_RW | ROW_LOCK },      \
      { insn_neg, { e }, ROW_RW | ROW_LOCK }, { insn_mul, { e }, 0 }, { insn_imul3, { e }, 0 },                \
      { insn_div, { e }, 0 }, { insn_idiv, { e }, 0 } }
static const X86Row unary_group[2][8] = { UNARY_GROUP(Eb, Ib), UNARY_GROUP(Ev, Iz) };

static const X86Row inc_group[2][8] = {
    { { insn_inc, { Eb }, ROW_RW | ROW_LOCK }, { insn_dec, { Eb }, ROW_RW | ROW_LOCK } },
    { { insn_inc, { Ev }, ROW_RW | ROW_LOCK }, { insn_dec, { Ev }, ROW_RW | ROW_LOCK },
      { insn_call_ind, { Ev }, ROW_F64 }, CLASS_M, { insn_jmp_ind, { Ev }, ROW_F64 }, CLASS_M,
      { insn_push, { Ev }, ROW_D64 } },
};

static const X86Row mov_group[2][8] = { { { insn_mov, { Eb, Ib }, ROW_W } }, { { insn_mov, { Ev, Iz }, ROW_W } } };

static const X86Row bit_group[8] = {
    [4] = { insn_bt, { Ev, Ib }, 0 }, [5] = { insn_bts, { Ev, Ib }, ROW_RW | ROW_LOCK },
    [6] = { insn_btr, { Ev, Ib }, ROW_RW | ROW_LOCK }, [7] = { insn_btc, { Ev, Ib }, ROW_RW | ROW_LOCK },
};

static const X86Row c7_group[8] = {
    [0] = CLASS_M, [1] = { insn_cmpxchg8b, { Mv }, ROW_RW | ROW_LOCK, FEAT_CX8 }, [2] = CLASS_M, [3] = CLASS_M,
    [4] = CLASS_M, [5] = CLASS_M, [6] = CLASS_M, [7] = CLASS_M,
};
static const X86Row random_rows[2] = {
    { insn_rdrand, { Ev }, ROW_W, FEAT_RDRAND }, { insn_rdseed, { Ev }, ROW_W, FEAT_RDSEED },
};

/* The row of a group that ModRM.reg selects. */
static const X86Row *group_row(const DisasContext *s)
{
    unsigned n = s->modrm >> 3 & 7;

    switch (s->opcode) {
    case 0x80 ... 0x83:
        return &alu_group[s->opcode & 3][n];
    case 0xc0: case 0xc1:
        return &shift_group[s->opcode & 1][n];
    case 0xd0 ... 0xd3:
        return &shift_group[2 + (s->opcode & 3)][n];
    case 0xc6: case 0xc7:
        return &mov_group[s->opcode & 1][n];
    case 0xf6: case 0xf7:
        return &unary_group[s->opcode & 1][n];
    case 0xfe: case 0xff:
        return &inc_group[s->opcode & 1][n];
    case 0x1ba:
        return &bit_group[n];
    default: /* 0F C7: register forms of /6 and /7 are RDRAND and RDSEED, with F3 RDPID */
        if (s->mod == 3 && n >= 6 && !(s->prefix & (PREFIX_REPZ | PREFIX_REPNZ)))
            return &random_rows[n - 6];
        return &c7_group[n];
    }
}

/* The integer instructions of 0F38 and 0F3A by opcode, mandatory prefix and VEX. */
typedef struct SparseRow {
    uint16_t opcode;
    uint8_t prefixes, reg; /* exactly these of REPZ REPNZ DATA; ModRM.reg + 1, 0 any */
    bool vex, any_data;    /* any_data: 66 is the operand size and may be there */
    X86Row row;
} SparseRow;
static const SparseRow sparse[] = {
    { 0x2f0, 0, 0, false, true, { insn_movbe, { Gv, Mv }, ROW_W, FEAT_MOVBE } },
    { 0x2f1, 0, 0, false, true, { insn_movbe, { Mv, Gv }, ROW_W, FEAT_MOVBE } },
    { 0x2f0, PREFIX_REPNZ, 0, false, true, { insn_crc32, { Gd, Eb }, ROW_RW | ROW_NOLOAD, FEAT_SSE42 } },
    { 0x2f1, PREFIX_REPNZ, 0, false, true, { insn_crc32, { Gd, Ev }, ROW_RW | ROW_NOLOAD, FEAT_SSE42 } },
    { 0x2f6, PREFIX_DATA, 0, false, false, { insn_adcx, { Gy, Ey }, ROW_RW, FEAT_ADX } },
    { 0x2f6, PREFIX_REPZ, 0, false, true, { insn_adox, { Gy, Ey }, ROW_RW, FEAT_ADX } },
    { 0x2f2, 0, 0, true, false, { insn_andn, { Gy, By, Ey }, ROW_W, FEAT_BMI1 } },
    { 0x2f3, 0, 2, true, false, { insn_blsr, { By, Ey }, ROW_W, FEAT_BMI1 } },
    { 0x2f3, 0, 3, true, false, { insn_blsmsk, { By, Ey }, ROW_W, FEAT_BMI1 } },
    { 0x2f3, 0, 4, true, false, { insn_blsi, { By, Ey }, ROW_W, FEAT_BMI1 } },
    { 0x2f5, 0, 0, true, false, { insn_bzhi, { Gy, Ey, By }, ROW_W, FEAT_BMI2 } },
    { 0x2f5, PREFIX_REPZ, 0, true, false, { insn_pext, { Gy, By, Ey }, ROW_W, FEAT_BMI2 } },
    { 0x2f5, PREFIX_REPNZ, 0, true, false, { insn_pdep, { Gy, By, Ey }, ROW_W, FEAT_BMI2 } },
    { 0x2f6, PREFIX_REPNZ, 0, true, false, { insn_mulx, { Gy, By, Ey }, ROW_W, FEAT_BMI2 } },
    { 0x2f7, 0, 0, true, false, { insn_bextr, { Gy, Ey, By }, ROW_W, FEAT_BMI1 } },
    { 0x2f7, PREFIX_DATA, 0, true, false, { insn_shlx, { Gy, Ey, By }, ROW_W, FEAT_BMI2 } },
    { 0x2f7, PREFIX_REPZ, 0, true, false, { insn_sarx, { Gy, Ey, By }, ROW_W, FEAT_BMI2 } },
    { 0x2f7, PREFIX_REPNZ, 0, true, false, { insn_shrx, { Gy, Ey, By }, ROW_W, FEAT_BMI2 } },
    { 0x3f0, PREFIX_REPNZ, 0, true, false, { insn_rorx, { Gy, Ey, Ib }, ROW_W, FEAT_BMI2 } },
};

static const X86Row *sparse_row(const DisasContext *s)
{
    static const X86Row sse = CLASS_M, sse_imm = CLASS_MI;
    uint8_t prefixes = s->prefix & (PREFIX_REPZ | PREFIX_REPNZ | PREFIX_DATA);

    for (unsigned i = 0; i < ARRAY_SIZE(sparse); i++) {
        const SparseRow *r = &sparse[i];
        if (r->opcode == s->opcode && r->vex == (s->vex != 0) && !(s->vex && s->vex_l) &&
            (!r->reg || r->reg == (s->modrm >> 3 & 7) + 1) &&
            r->prefixes == (r->any_data ? prefixes & ~PREFIX_DATA : prefixes))
            return &r->row;
    }
    return s->opcode >= 0x300 ? &sse_imm : &sse;
}

/* ---- Prefixes and opcode ---- */

static bool legacy_prefix(DisasContext *s, uint8_t b)
{
    static const int8_t segments[4] = { R_ES, R_CS, R_SS, R_DS };

    switch (b) {
    case 0x26: case 0x2e: case 0x36: case 0x3e:
        if (!s->code64)
            s->segment = segments[b >> 3 & 3];
        return true;
    case 0x64: case 0x65:
        s->segment = b == 0x64 ? R_FS : R_GS;
        return true;
    case 0x66:
        s->prefix |= PREFIX_DATA;
        return true;
    case 0x67:
        s->prefix |= PREFIX_ADDR;
        return true;
    case 0xf0:
        s->prefix |= PREFIX_LOCK;
        return true;
    case 0xf2:
        s->prefix = (s->prefix & ~PREFIX_REPZ) | PREFIX_REPNZ;
        return true;
    case 0xf3:
        s->prefix = (s->prefix & ~PREFIX_REPNZ) | PREFIX_REPZ;
        return true;
    }
    return false;
}

static void set_rex(DisasContext *s, uint8_t rex)
{
    s->rex = rex;
    s->rex_w = rex >> 3 & 1;
    s->rex_r = (rex & 4) << 1;
    s->rex_x = (rex & 2) << 2;
    s->rex_b = (rex & 1) << 3;
}

/* Prefixes up to the first opcode byte, which it returns. */
static uint8_t decode_prefixes(DisasContext *s)
{
    for (;;) {
        uint8_t b = fetch8(s);

        if (s->too_long)
            return 0x90;
        if (legacy_prefix(s, b)) {
            set_rex(s, 0); /* REX counts only right before the opcode */
        } else if (s->code64 && (b & 0xf0) == 0x40) {
            set_rex(s, b);
        } else {
            return b;
        }
    }
}

/* C4 or C5 as a VEX prefix: sets the opcode; false for an encoding that is #UD. */
static bool decode_vex(DisasContext *s, uint8_t first)
{
    static const uint8_t prefixes[4] = { 0, PREFIX_DATA, PREFIX_REPZ, PREFIX_REPNZ };
    uint8_t b = fetch8(s), map = 1;

    if (s->rex || (s->prefix & (PREFIX_REPZ | PREFIX_REPNZ | PREFIX_DATA | PREFIX_LOCK)))
        return false;
    s->vex = first;
    s->rex_r = ~b >> 4 & 8;
    if (first == 0xc4) {
        s->rex_x = ~b >> 3 & 8;
        s->rex_b = ~b >> 2 & 8;
        map = b & 31;
        b = fetch8(s);
        s->rex_w = s->vex_w = b >> 7;
    }
    if (!s->code64)
        s->rex_r = s->rex_x = s->rex_b = s->rex_w = 0;
    s->vex_v = ~b >> 3 & (s->code64 ? 15 : 7);
    s->vex_l = b >> 2 & 1;
    s->prefix |= prefixes[b & 3];
    s->opcode = (uint16_t)(map << 8 | fetch8(s));
    return map >= 1 && map <= 3;
}

static bool is_vex(DisasContext *s, uint8_t b)
{
    if (b != 0xc4 && b != 0xc5)
        return false;
    if (s->code64)
        return true;
    if (!(s->flags & HF_PE) || (s->flags & HF_VM) || !room_for(s, 1))
        return false;
    /* LDS and LES have a memory operand. */
    bool vex = translator_fetch8(&s->base) >= 0xc0;
    s->base.pc--;
    return vex;
}

static bool decode_opcode(DisasContext *s)
{
    uint8_t b = decode_prefixes(s);

    if (is_vex(s, b))
        return decode_vex(s, b);
    s->opcode = b;
    if (b == 0x0f) {
        b = fetch8(s);
        s->opcode = 0x100 | b;
        if (b == 0x38 || b == 0x3a)
            s->opcode = (b == 0x38 ? 0x200 : 0x300) | fetch8(s);
    }
    return true;
}

static void set_sizes(DisasContext *s)
{
    bool data = (s->prefix & PREFIX_DATA) && !s->vex, addr = s->prefix & PREFIX_ADDR;

    if (s->code64) {
        s->ot = s->rex_w ? MO_64 : data ? MO_16 : MO_32;
        s->at = addr ? MO_32 : MO_64;
    } else {
        s->ot = s->code32 != data ? MO_32 : MO_16;
        s->at = s->code32 != addr ? MO_32 : MO_16;
    }
}

/* ---- Rows ---- */

static const X86Row *find_row(DisasContext *s)
{
    static const X86Row sse = CLASS_M;
    const X86Row *row;

    if (s->opcode >= 0x200) {
        decode_modrm(s);
        return sparse_row(s);
    }
    if (s->vex) {
        static const X86Row vex = CLASS;
        row = s->opcode == 0x177 ? &vex : two_byte[s->opcode & 0xff].flags & ROW_IMM8 ? &two_byte[s->opcode & 0xff] : &sse;
    } else if (s->opcode >= 0x100) {
        row = &two_byte[s->opcode & 0xff];
        if (!row->emit && !row->flags)
            row = &sse;
    } else {
        static const X86Row movsxd = { insn_movsxd, { Gv, Ed }, ROW_W | ROW_NOLOAD };
        row = s->opcode == 0x63 && s->code64 ? &movsxd : &one_byte[s->opcode];
    }
    if (row->flags & ROW_MODRM)
        decode_modrm(s);
    return row->flags & ROW_GROUP ? group_row(s) : row;
}

static bool uses_modrm(const X86Row *row)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned method = row->op[i] & 0xf0;
        if (method == METHOD_E || method == METHOD_G || method == METHOD_M)
            return true;
    }
    return false;
}

/* What the row asks of mode, prefixes and CPU model. */
static bool row_valid(const DisasContext *s, const X86Row *row)
{
    if (row->flags & (s->code64 ? ROW_NO64 : ROW_ONLY64))
        return false;
    if (x86_locked(s) && (!(row->flags & ROW_LOCK) || !s->has_modrm || s->mod == 3))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        if ((row->op[i] & 0xf0) == METHOD_M && s->mod == 3)
            return false;
    }
    if (s->vex && (!(s->flags & HF_PE) || (s->flags & HF_VM)))
        return false;
    return x86_has_feature(s, row->feature);
}

/* x87, SSE and system instructions. */
static void emit_class(DisasContext *s, const X86Row *row)
{
    bool imm8 = row->flags & ROW_IMM8;

    if (s->has_modrm && s->mod != 3) {
        s->base.pc += imm8; /* RIP-relative addresses count from behind the immediate */
        x86_lea(s);
        s->base.pc -= imm8;
    }
    if (s->opcode >= 0xd8 && s->opcode <= 0xdf ? !x86_emit_fpu(s) : s->opcode == 0x9b ? !x86_emit_fpu(s)
        : (s->vex || !x86_emit_sys(s)) && (s->opcode < 0x100 || !x86_emit_sse(s)))
        x86_gen_illegal(s);
}

static bool has_memory(const DisasContext *s)
{
    for (unsigned i = 0; i < 4; i++) {
        if (s->op[i].kind == OPK_MEM)
            return true;
    }
    return false;
}

/* Stack instructions and near branches are 64 bits wide by default; AMD's 66 prefix narrows branches too. */
static bool widened(const DisasContext *s, const X86Row *row)
{
    if (row->flags & ROW_F64)
        return s->ot != MO_16 || s->env->cpuid_vendor[0] != 'A';
    return (row->flags & ROW_D64) && s->ot == MO_32;
}

static void emit_row(DisasContext *s, const X86Row *row)
{
    if (!s->has_modrm && uses_modrm(row))
        decode_modrm(s);
    s->row_flags = row->flags;
    if (!(row->flags & ROW_CLASS) && !row->emit) {
        x86_gen_illegal(s);
        return;
    }
    if (!row_valid(s, row) && !s->too_long) {
        x86_gen_illegal(s);
        return;
    }
    if (row->flags & ROW_CLASS) {
        emit_class(s, row);
        return;
    }
    if (s->code64 && widened(s, row))
        s->ot = MO_64;
    for (unsigned i = 0; i < 4 && row->op[i]; i++)
        set_operand(s, i, row->op[i]);
    if (s->too_long)
        return;
    if (has_memory(s) && row->emit != insn_pop_ev)
        x86_lea(s);
    load_operands(s, row);
    row->emit(s);
}

static void begin_insn(DisasContext *s)
{
    size_t from = offsetof(DisasContext, prefix), to = offsetof(DisasContext, cc_a);

    memset((char *)s + from, 0, to - from);
    s->segment = -1;
    s->linear = IR_NONE;
    s->mem_base = s->mem_index = -1;
    for (unsigned i = 0; i < 4; i++)
        s->op[i].val = IR_NONE;
    ir_insn_start(s->ir, s->base.insn_pc, s->cc_op);
}

/* In an interrupt shadow or under RF: both end with this instruction. */
static void end_shadow(DisasContext *s)
{
    if (s->state_changed)
        x86_call(s, &helper_info_end_shadow, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

/* Offsets beyond CS's limit fault before the instruction runs. */
static bool beyond_cs_limit(const DisasContext *s)
{
    uint64_t last = x86_cur_eip(s) + (s->base.pc - s->base.insn_pc) - 1;

    return s->segcheck && last > s->env->segs[R_CS].limit;
}

void x86_translate_insn(TranslatorContext *ctx)
{
    DisasContext *s = (DisasContext *)ctx;
    CCOp cc_op = s->cc_op;
    bool dirty = s->cc_op_dirty;
    unsigned ops;

    begin_insn(s);
    end_shadow(s);
    ops = s->ir->nops;
    if (decode_opcode(s)) {
        set_sizes(s);
        emit_row(s, find_row(s));
    } else if (!s->too_long) {
        x86_gen_illegal(s);
    }
    if (s->too_long || beyond_cs_limit(s)) {
        s->ir->nops = ops;
        s->cc_op = cc_op;
        s->cc_op_dirty = dirty;
        x86_gen_exception_err(s, EXCP0D_GPF, 0);
    }
}
