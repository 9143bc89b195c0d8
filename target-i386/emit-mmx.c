/* SPDX-License-Identifier: MIT */
/*
 * MMX forms of the rows of emit-sse-tables.c: 64-bit registers are the significands of the x87 registers,
 * worked on as the low halves of vectors. Any MMX instruction but EMMS marks all x87 registers valid and
 * sets TOP to 0; a write sets the register's exponent to all ones (SDM vol. 3, 12.2).
 */
#include "emit-sse.h"
#include "helper.h"

static IRVal mmx_int(DisasContext *s, unsigned n)
{
    IRVal t = ir_temp(s->ir, IR_I64);
    ir_ld(s->ir, IR_LD, IR_I64, t, X86_OFFSET(fpregs[n & 7].mant));
    return t;
}

static IRVal to_vector(DisasContext *s, IRVal i)
{
    IRVal v = ir_temp(s->ir, IR_V128);
    ir_v_from_int(s->ir, v, i);
    return v;
}

static IRVal mmx_load(DisasContext *s, MemOp mem)
{
    IRVal t = ir_temp(s->ir, IR_I64);
    x86_ld(s, IR_I64, t, x86_ea_linear(s, memop_bytes(mem), false), mem);
    return t;
}

static IRVal mmx_reg(DisasContext *s) { return to_vector(s, mmx_int(s, s->reg)); }
static IRVal mmx_rm_int(DisasContext *s) { return s->mod == 3 ? mmx_int(s, s->rm) : mmx_load(s, MO_64); }
static IRVal mmx_rm(DisasContext *s) { return to_vector(s, mmx_rm_int(s)); }

static void mmx_enter(DisasContext *s)
{
    ir_st(s->ir, IR_ST, IR_I64, ir_i64(s->ir, 0), X86_OFFSET(fptags));
    ir_st(s->ir, IR_ST, IR_I32, ir_i32(s->ir, 0), X86_OFFSET(fpstt));
}

static void mmx_write_int(DisasContext *s, unsigned n, IRVal i)
{
    ir_st(s->ir, IR_ST, IR_I64, i, X86_OFFSET(fpregs[n & 7].mant));
    ir_st(s->ir, IR_ST16, IR_I32, ir_i32(s->ir, 0xffff), X86_OFFSET(fpregs[n & 7].exp));
    mmx_enter(s);
}

static void mmx_write(DisasContext *s, unsigned n, IRVal v)
{
    IRVal t = ir_temp(s->ir, IR_I64);
    ir_v_to_int(s->ir, t, v);
    mmx_write_int(s, n, t);
}

static IRVal vop(DisasContext *s, unsigned row, IRVal a, IRVal b, uint8_t imm)
{
    IRVal t = ir_temp(s->ir, IR_V128);
    ir_vop(s->ir, row, t, a, b, IR_NONE, imm);
    return t;
}

static uint8_t fetch_imm8(DisasContext *s)
{
    return (uint8_t)x86_fetch_imm(s, MO_8);
}

static bool register_only(DisasContext *s)
{
    if (s->mod != 3)
        x86_gen_illegal(s);
    return s->mod == 3;
}

void emit_P_PQ(DisasContext *s, const SSEInsn *in)
{
    IRVal src = mmx_rm(s);
    mmx_write(s, s->reg, vop(s, in->row, mmx_reg(s), src, 0));
}

void emit_P_Q(DisasContext *s, const SSEInsn *in)
{
    mmx_write(s, s->reg, vop(s, in->row, mmx_rm(s), IR_NONE, 0));
}

void emit_P_QI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    mmx_write(s, s->reg, vop(s, in->row, mmx_rm(s), IR_NONE, imm));
}

/* PUNPCKL: reads only 32 bits of memory. */
void emit_P_PQ_low32(DisasContext *s, const SSEInsn *in)
{
    IRVal src = s->mod == 3 ? mmx_int(s, s->rm) : mmx_load(s, MO_32);
    mmx_write(s, s->reg, vop(s, in->row, mmx_reg(s), to_vector(s, src), 0));
}

/* Operations whose result has one half per operand: both operands in one vector, low half of the result. */
void emit_P_pack(DisasContext *s, const SSEInsn *in)
{
    IRVal src = mmx_rm(s), both = vop(s, VEC_UNPCKL64, mmx_reg(s), src, 0);
    mmx_write(s, s->reg, vop(s, in->row, both, both, 0));
}

/* in->row interleaves the low halves of the vectors: the upper half of that is PUNPCKH. */
void emit_P_unpckh(DisasContext *s, const SSEInsn *in)
{
    IRVal src = mmx_rm(s), all = vop(s, in->row, mmx_reg(s), src, 0);
    mmx_write(s, s->reg, vop(s, VEC_SRLBYTES, all, IR_NONE, 8));
}

/* Indices count modulo 8. */
void emit_P_pshufb(DisasContext *s, const SSEInsn *in)
{
    IRVal src = mmx_rm_int(s), t = ir_temp(s->ir, IR_I64);
    ir_op2i(s->ir, IR_AND, IR_I64, t, src, 0x8787878787878787ull);
    mmx_write(s, s->reg, vop(s, in->row, mmx_reg(s), to_vector(s, t), 0));
}

void emit_P_palignr(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    IRVal src = mmx_rm(s), both = vop(s, VEC_UNPCKL64, src, mmx_reg(s), 0);
    (void)in;
    mmx_write(s, s->reg, vop(s, VEC_SRLBYTES, both, IR_NONE, imm > 16 ? 16 : imm));
}

void emit_mmx_shift_imm(DisasContext *s, const SSEInsn *in)
{
    static const uint16_t rows[3][8] = {
        { [2] = VEC_SRLI16, [4] = VEC_SRAI16, [6] = VEC_SLLI16 },
        { [2] = VEC_SRLI32, [4] = VEC_SRAI32, [6] = VEC_SLLI32 },
        { [2] = VEC_SRLI64, [6] = VEC_SLLI64 },
    };
    uint8_t imm = fetch_imm8(s);
    unsigned row = rows[in->opcode - 0x171][s->reg & 7];
    if (!row)
        x86_gen_illegal(s);
    else if (register_only(s))
        mmx_write(s, s->rm, vop(s, row, to_vector(s, mmx_int(s, s->rm)), IR_NONE, imm));
}

/* PMOVMSKB */
void emit_G_N(DisasContext *s, const SSEInsn *in)
{
    if (register_only(s)) {
        ir_vop(s->ir, in->row, cpu_regs[s->reg], mmx_rm(s), IR_NONE, IR_NONE, 0);
        mmx_enter(s);
    }
}

void emit_pinsrw_mmx(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s) & 3;
    IRVal src = cpu_regs[s->rm];
    if (s->mod != 3) {
        src = ir_temp(s->ir, IR_I32);
        x86_ld(s, IR_I32, src, x86_ea_linear(s, 2, false), MO_16);
    }
    mmx_write(s, s->reg, vop(s, in->row, mmx_reg(s), src, imm));
}

void emit_pextrw_mmx(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s) & 3;
    if (register_only(s)) {
        ir_vop(s->ir, in->row, cpu_regs[s->reg], mmx_rm(s), IR_NONE, IR_NONE, imm);
        mmx_enter(s);
    }
}

/* ---- Moves ---- */

void emit_movd_load_mmx(DisasContext *s, const SSEInsn *in)
{
    MemOp mem = s->rex_w ? MO_64 : MO_32;
    IRVal t;
    (void)in;
    if (s->mod != 3) {
        t = mmx_load(s, mem);
    } else {
        t = ir_temp(s->ir, IR_I64);
        if (s->rex_w)
            ir_mov(s->ir, t, cpu_regs[s->rm]);
        else
            ir_extract(s->ir, IR_EXTRACT, IR_I64, t, cpu_regs[s->rm], 0, 32);
    }
    mmx_write_int(s, s->reg, t);
}

static void mmx_store(DisasContext *s, MemOp mem)
{
    IRVal t = mmx_int(s, s->reg);
    x86_st(s, IR_I64, t, x86_ea_linear(s, memop_bytes(mem), true), mem);
    mmx_enter(s);
}

void emit_movd_store_mmx(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (s->mod != 3) {
        mmx_store(s, s->rex_w ? MO_64 : MO_32);
        return;
    }
    if (s->rex_w)
        ir_mov(s->ir, cpu_regs[s->rm], mmx_int(s, s->reg));
    else
        ir_extract(s->ir, IR_EXTRACT, IR_I64, cpu_regs[s->rm], mmx_int(s, s->reg), 0, 32);
    mmx_enter(s);
}

void emit_movq_load_mmx(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    mmx_write_int(s, s->reg, mmx_rm_int(s));
}

void emit_movq_store_mmx(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (s->mod == 3)
        mmx_write_int(s, s->rm, mmx_int(s, s->reg));
    else
        mmx_store(s, MO_64);
}

void emit_movntq(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (s->mod == 3)
        x86_gen_illegal(s);
    else
        mmx_store(s, MO_64);
}

void emit_maskmovq(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (register_only(s)) {
        ir_st(s->ir, IR_ST, IR_I64, mmx_int(s, s->reg), X86_OFFSET(scratch[0]));
        ir_st(s->ir, IR_ST, IR_I64, mmx_int(s, s->rm), X86_OFFSET(scratch[1]));
        mmx_enter(s); /* also when the access faults, as processors do */
        IRVal args[] = { sse_mask_move_address(s, 8), ir_i32(s->ir, 8) };
        ir_call(s->ir, &helper_info_maskmov, IR_NONE, args, 2);
    }
}

void emit_movq2dq(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (register_only(s)) {
        ir_v_from_int(s->ir, cpu_xmm[s->reg], mmx_int(s, s->rm));
        mmx_enter(s);
    }
}

void emit_movdq2q(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (register_only(s))
        mmx_write(s, s->reg, cpu_xmm[s->rm]);
}

/* ---- Conversions between MMX and XMM ---- */

/* With a memory source the x87 state is left alone. */
void emit_cvtpi2ps(DisasContext *s, const SSEInsn *in)
{
    IRVal src = mmx_rm(s), t = ir_temp(s->ir, IR_V128);
    if (s->mod == 3)
        mmx_enter(s); /* stays even when #XM follows, as on processors */
    sse_vop(s, in->row, t, src, IR_NONE, 0);
    ir_vop(s->ir, VEC_MOVSD, cpu_xmm[s->reg], cpu_xmm[s->reg], t, IR_NONE, 0);
}

void emit_cvtpi2pd(DisasContext *s, const SSEInsn *in)
{
    IRVal src = mmx_rm(s);
    ir_vop(s->ir, in->row, cpu_xmm[s->reg], src, IR_NONE, IR_NONE, 0);
    if (s->mod == 3)
        mmx_enter(s);
}

/* Only the low two lanes may raise flags: the others are zeroed first. */
void emit_cvtps2pi(DisasContext *s, const SSEInsn *in)
{
    IRVal src = ir_temp(s->ir, IR_V128), t = ir_temp(s->ir, IR_V128);
    if (s->mod == 3)
        ir_vop(s->ir, VEC_MOVQ, src, cpu_xmm[s->rm], IR_NONE, IR_NONE, 0);
    else
        x86_ld(s, IR_V128, src, x86_ea_linear(s, 8, false), MO_64);
    mmx_enter(s); /* stays even when #XM follows, as on processors */
    sse_vop(s, in->row, t, src, IR_NONE, 0);
    mmx_write(s, s->reg, t);
}

void emit_cvtpd2pi(DisasContext *s, const SSEInsn *in)
{
    IRVal src = cpu_xmm[s->rm], t = ir_temp(s->ir, IR_V128);
    if (s->mod != 3) {
        src = ir_temp(s->ir, IR_V128);
        if (x86_checks_segment(s, s->ea_seg, false))
            x86_check_alignment(s, s->ea, s->ea_seg, 16);
        x86_ld(s, IR_V128, src, x86_ea_linear(s, 16, false), (MemOp)in->mem);
    }
    mmx_enter(s);
    sse_vop(s, in->row, t, src, IR_NONE, 0);
    mmx_write(s, s->reg, t);
}

void emit_emms(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    ir_st(s->ir, IR_ST, IR_I64, ir_i64(s->ir, 0x0101010101010101ull), X86_OFFSET(fptags));
    ir_st(s->ir, IR_ST, IR_I32, ir_i32(s->ir, 0), X86_OFFSET(fpstt));
}
