/* SPDX-License-Identifier: MIT */
/*
 * Vector operations of the x86-64 back end. On hosts with AVX everything is VEX encoded: three operands, no
 * alignment of memory operands; else the SSE forms on registers. Rows of vec.def that the host has
 * no instruction for call the row's reference function.
 */
#include "tcg/vec.h"
#include "tcg/x86_64/jit.h"

void vec_op(Asm *a, unsigned op, int reg, int vvvv, Operand rm)
{
    if (host.avx) {
        asm_vex(a, op, reg, vvvv, rm);
    } else {
        asm_rm(a, op, reg, rm);
    }
}

static unsigned length_bit(IRType t) { return t == IR_V256 ? X_L : 0; }

void vec_ld(Asm *a, IRType t, int r, Operand mem) { vec_op(a, MOVUPS_LD | length_bit(t), r, 0, mem); }
void vec_st(Asm *a, IRType t, int r, Operand mem) { vec_op(a, MOVUPS_ST | length_bit(t), r, 0, mem); }

void vec_mov(Asm *a, IRType t, int dst, int src)
{
    if (dst != src) {
        vec_op(a, MOVAPS | length_bit(t), dst, 0, reg_operand(src));
    }
}

void vec_zero(Asm *a, int r) { vec_op(a, PXOR, r, r, reg_operand(r)); }

void asm_vzeroupper(Asm *a)
{
    asm_byte(a, 0xc5);
    asm_byte(a, 0xf8);
    asm_byte(a, 0x77);
}

void vec_ld_sized(Asm *a, MemOp op, int r, Operand mem)
{
    switch (op & MO_SIZE) {
    case MO_32: vec_op(a, MOVD_LD, r, 0, mem); break;
    case MO_64: vec_op(a, MOVQ_LD, r, 0, mem); break;
    case MO_256: vec_ld(a, IR_V256, r, mem); break;
    default: vec_ld(a, IR_V128, r, mem); break;
    }
}

void vec_st_sized(Asm *a, MemOp op, int r, Operand mem)
{
    switch (op & MO_SIZE) {
    case MO_32: vec_op(a, MOVD_ST, r, 0, mem); break;
    case MO_64: vec_op(a, MOVQ_ST, r, 0, mem); break;
    case MO_256: vec_st(a, IR_V256, r, mem); break;
    default: vec_st(a, IR_V128, r, mem); break;
    }
}

/* ---- Between the register files ---- */

void x64_v_from_int(Jit *j, unsigned arg)
{
    bool w = j->op->aux == IR_I64;
    Operand rm = regs_use_rm(j, j->op->in[0]);
    int d = regs_def(j, 0, NOREG, 0);

    (void)arg;
    vec_op(&j->a, MOVD_LD | X_SIZE(w), d, 0, rm);
}

void x64_v_to_int(Jit *j, unsigned arg)
{
    bool w = j->op->aux == IR_I64;
    int r = regs_use(j, j->op->in[0], ALL_XMM);
    int d = regs_def(j, 0, NOREG, 0);

    (void)arg;
    vec_op(&j->a, MOVD_ST | X_SIZE(w), r, 0, reg_operand(d));
}

void x64_vzero(Jit *j, unsigned arg)
{
    (void)arg;
    vec_zero(&j->a, regs_def(j, 0, NOREG, 0));
}

/* VINSERTF128 and VEXTRACTF128: only hosts with AVX have 256-bit values. */
void x64_v_join(Jit *j, unsigned arg)
{
    int low = regs_use(j, j->op->in[0], ALL_XMM), high = regs_use(j, j->op->in[1], ALL_XMM);
    int d = regs_def(j, 0, NOREG, 0);

    (void)arg;
    asm_vex(&j->a, 0x18 | X_0F3A | X_66 | X_L, d, low, reg_operand(high));
    asm_byte(&j->a, 1);
}

void x64_v_half(Jit *j, unsigned arg)
{
    int a = regs_use(j, j->op->in[0], ALL_XMM), d = regs_def(j, 0, NOREG, 0);

    (void)arg;
    if (j->op->imm) {
        asm_vex(&j->a, 0x19 | X_0F3A | X_66 | X_L, a, 0, reg_operand(d));
        asm_byte(&j->a, 1);
    } else {
        vec_mov(&j->a, IR_V128, d, a);
    }
}

/* ---- Rows of vec.def ---- */

/* A row as it is being emitted. */
typedef struct Row {
    const VecInfo *info;
    unsigned opcode;
    uint8_t imm;
    bool vex;
    IRType type;
} Row;

static unsigned prefix_bits(uint8_t pp)
{
    return pp == 0x66 ? X_66 : pp == 0xf3 ? X_F3 : pp == 0xf2 ? X_F2 : 0;
}

static Row make_row(unsigned number, uint8_t imm, IRType type)
{
    const VecInfo *info = &vec_info[number];
    Row row = { .info = info, .imm = imm, .type = type };

    row.vex = host.avx && info->feature != VF_SHA; /* SHA has SSE forms only */
    row.opcode = info->op | (unsigned)info->map << 8 | prefix_bits(info->pp) |
                 X_SIZE(info->flags & VFL_G64) | (row.vex ? length_bit(row.type) : 0);
    return row;
}

static Row row_of(const IROp *op)
{
    return make_row(op->imm & 0xffff, (uint8_t)(op->imm >> 16), op->type);
}

static bool host_has(const Row *row)
{
    if (row->type == IR_V256 && !(host.vec_features >> VF_AVX2 & 1)) {
        return false;
    }
    return host.vec_features >> row->info->feature & 1;
}

/* MOVSS, MOVSD, MOVHLPS, MOVLHPS and INSERTPS are other instructions with a memory operand. */
static bool registers_only(const VecInfo *info)
{
    return info->map == 1 ? info->op == 0x10 || info->op == 0x12 || info->op == 0x16
                          : info->map == 3 && info->op == 0x21;
}

/* A vector operand that may be in memory where encoding allows it. */
static Operand vec_operand(Jit *j, const Row *row, IRVal v)
{
    return row->vex && !registers_only(row->info) ? regs_use_rm(j, v) : reg_operand(regs_use(j, v, ALL_XMM));
}

static void row_op(Jit *j, const Row *row, int reg, int vvvv, Operand rm)
{
    if (row->vex) {
        asm_vex(&j->a, row->opcode, reg, vvvv, rm);
    } else {
        asm_rm(&j->a, row->opcode, reg, rm);
    }
}

/* The output, equal to a already in the two-operand encoding. */
static int def_from(Jit *j, const Row *row, int a, uint32_t avoid)
{
    int d;

    if (row->vex) {
        return regs_def(j, 0, a, 0);
    }
    d = regs_def(j, 0, a, avoid & ~(1u << a));
    vec_mov(&j->a, row->type, d, a);
    return d;
}

/* out = op(a) */
static void row_unary(Jit *j, const Row *row, bool imm)
{
    bool store = row->info->flags & VFL_STORE;
    Operand a = store ? reg_operand(regs_use(j, j->op->in[0], ALL_XMM)) : vec_operand(j, row, j->op->in[0]);
    int d = regs_def(j, 0, a.reg, 0);

    row_op(j, row, store ? a.reg : d, 0, store ? reg_operand(d) : a);
    if (imm) {
        asm_byte(&j->a, row->imm);
    }
}

/* out = op(a, b): b is a vector, or an integer register or memory */
static void row_binary(Jit *j, const Row *row, bool imm)
{
    IRVal vb = j->op->in[1];
    bool int_b = j->f->vals[vb].type < IR_V128;
    int a = regs_use(j, j->op->in[0], ALL_XMM), d;
    Operand b = int_b ? regs_use_rm(j, vb) : vec_operand(j, row, vb);

    d = def_from(j, row, a, b.reg >= 0 && j->op->in[0] != vb ? 1u << b.reg : 0);
    row_op(j, row, d, a, b);
    if (imm) {
        asm_byte(&j->a, row->imm);
    }
}

/* VEX forms of the blends have other opcodes and name the mask in an immediate. */
static unsigned vex_blend_opcode(const Row *row)
{
    unsigned byte = row->info->op == 0x10 ? 0x4c : row->info->op == 0x14 ? 0x4a : 0x4b;
    return byte | X_0F3A | X_66 | length_bit(row->type);
}

/* out = op(a, b, c) with c in XMM0 in the SSE forms */
static void row_ternary(Jit *j, const Row *row)
{
    const IROp *op = j->op;
    uint32_t others = ALL_XMM & ~(1u << XMM0);
    int a, b, c, d;

    if (row->vex) {
        a = regs_use(j, op->in[0], ALL_XMM);
        b = regs_use(j, op->in[1], ALL_XMM);
        c = regs_use(j, op->in[2], ALL_XMM);
        d = regs_def(j, 0, a, 0);
        asm_vex(&j->a, vex_blend_opcode(row), d, a, reg_operand(b));
        asm_byte(&j->a, (unsigned)(c & 15) << 4);
        return;
    }
    b = regs_use(j, op->in[1], others);
    a = regs_use(j, op->in[0], others);
    c = regs_use(j, op->in[2], ALL_XMM);
    regs_take(j, XMM0);
    vec_mov(&j->a, row->type, XMM0, c);
    d = regs_def(j, 0, a, 1u << XMM0 | (a == b ? 0 : 1u << b));
    vec_mov(&j->a, row->type, d, a);
    asm_rr(&j->a, row->opcode, d, b);
}

/* out = a * b + c: 213, the destination holds a */
static void row_fma(Jit *j, const Row *row)
{
    const IROp *op = j->op;
    int a = regs_use(j, op->in[0], ALL_XMM), b = regs_use(j, op->in[1], ALL_XMM);
    int c = regs_use(j, op->in[2], ALL_XMM);
    int d = regs_def(j, 0, NOREG, 0);

    vec_mov(&j->a, row->type, d, a);
    asm_vex(&j->a, row->opcode, d, b, reg_operand(c));
}

bool vec_row_usable(unsigned number)
{
    Row row = make_row(number, 0, IR_V128);
    return host_has(&row);
}

void vec_row_emit(Jit *j, unsigned number, uint8_t imm, int d, int a, int b, int c)
{
    Row row = make_row(number, imm, IR_V128);

    switch (row.info->shape) {
    case VS_V: case VS_VI:
        row_op(j, &row, d, 0, reg_operand(a));
        break;
    case VS_FMA:
        vec_mov(&j->a, IR_V128, d, a);
        asm_vex(&j->a, row.opcode, d, b, reg_operand(c));
        break;
    default:
        if (!row.vex) {
            vec_mov(&j->a, IR_V128, d, a);
        }
        row_op(j, &row, d, a, reg_operand(b));
        break;
    }
    if (row.info->shape == VS_VI || row.info->shape == VS_VVI) {
        asm_byte(&j->a, row.imm);
    }
}

static void row_shift(Jit *j, const Row *row)
{
    int a = regs_use(j, j->op->in[0], ALL_XMM);
    int d = def_from(j, row, a, 0);

    row_op(j, row, row->info->ext, d, reg_operand(row->vex ? a : d));
    asm_byte(&j->a, row->imm);
}

/* int out = op(a) */
static void row_to_int(Jit *j, const Row *row, bool imm)
{
    int a = regs_use(j, j->op->in[0], ALL_XMM);
    int d = regs_def(j, 0, NOREG, 0);

    if (row->info->shape == VS_GVI && row->info->map == 3) {
        row_op(j, row, a, 0, reg_operand(d));
    } else {
        row_op(j, row, d, 0, reg_operand(a));
    }
    if (imm) {
        asm_byte(&j->a, row->imm);
    }
}

/* CF, PF and ZF of a comparison; LAHF puts them where they belong. */
static void row_flags(Jit *j, const Row *row)
{
    int a = regs_use(j, j->op->in[0], ALL_XMM);
    Operand b = vec_operand(j, row, j->op->in[1]);

    regs_take(j, RAX);
    row_op(j, row, a, 0, b);
    asm_byte(&j->a, 0x9f); /* LAHF */
    asm_rr(&j->a, 0xb6 | X_0F, RAX, 4 /* AH */);
    asm_alu_imm(&j->a, ALU_AND, false, reg_operand(RAX), 0x45);
    regs_result(j, 0, RAX);
}

/* ---- Reference functions ---- */

static Operand frame_vec(unsigned n) { return mem_operand(RSP, FRAME_VEC + 32 * (int32_t)n); }

static void pass_by_memory(Jit *j, unsigned n)
{
    IRVal v = j->op->in[n];
    IRType t = j->f->vals[v].type;

    if (t >= IR_V128) {
        vec_st(&j->a, t, regs_use(j, v, ALL_XMM), frame_vec(n));
    } else {
        asm_rm(&j->a, MOV_ST | X_W, regs_use(j, v, ALL_GP), frame_vec(n));
    }
}

static void call_reference(Jit *j, const Row *row)
{
    static const int8_t arg_reg[4] = { RDI, RSI, RDX, RCX };
    bool to_int = row->info->shape >= VS_GV;

    for (unsigned n = 0; n < 3; n++) {
        if (j->op->in[n] != IR_NONE) {
            pass_by_memory(j, n);
        }
    }
    regs_save_across_call(j);
    pins_move(&j->a, MOV_ST, host.call_clobbers);
    for (unsigned n = 0; n < 4; n++) {
        asm_rm(&j->a, LEA | X_W, arg_reg[n], frame_vec(n ? n - 1 : 0));
    }
    asm_mov_imm(&j->a, R8, row->imm);
    asm_mov_imm(&j->a, R9, row->type == IR_V256 ? 32 : 16);
    if (j->uses_ymm) {
        asm_vzeroupper(&j->a);
    }
    asm_call(&j->a, row->info->ref);
    regs_drop_clobbered(j);
    pins_move(&j->a, MOV_LD, host.call_clobbers);
    if (to_int) {
        asm_rm(&j->a, MOV_LD | X_W, RAX, frame_vec(0));
        regs_result(j, 0, RAX);
    } else {
        vec_ld(&j->a, row->type, XMM0, frame_vec(0));
        regs_result(j, 0, XMM0);
    }
}

void x64_vop(Jit *j, unsigned arg)
{
    Row row = row_of(j->op);

    (void)arg;
    if (!host_has(&row)) {
        call_reference(j, &row);
        return;
    }
    switch (row.info->shape) {
    case VS_V: row_unary(j, &row, false); break;
    case VS_VI: row_unary(j, &row, true); break;
    case VS_VV: case VS_VG: row_binary(j, &row, false); break;
    case VS_VVI: case VS_VGI: row_binary(j, &row, true); break;
    case VS_VVV: row_ternary(j, &row); break;
    case VS_FMA: row_fma(j, &row); break;
    case VS_SHIFTI: row_shift(j, &row); break;
    case VS_GV: row_to_int(j, &row, false); break;
    case VS_GVI: row_to_int(j, &row, true); break;
    case VS_FLAGS: row_flags(j, &row); break;
    }
}
