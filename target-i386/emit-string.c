/* SPDX-License-Identifier: MIT */
/*
 * String instructions and port I/O. Without REP a string instruction is a few loads and stores inline;
 * with REP a helper does pages at a time (helper-string.c). Intel SDM volume 2.
 */
#include "decode.h"
#include "string-op.h"

static MemOp string_size(const DisasContext *s)
{
    return s->opcode & 1 ? (s->ot == MO_64 && s->opcode < 0x70 ? MO_32 : s->ot) : MO_8;
}

static bool repeated(const DisasContext *s)
{
    return s->prefix & (PREFIX_REPZ | PREFIX_REPNZ);
}

static int source_segment(const DisasContext *s)
{
    return s->segment >= 0 ? s->segment : R_DS;
}

/* Offset in an index register, cut to the address size. */
static IRVal index_offset(DisasContext *s, unsigned reg)
{
    IRVal t;

    if (s->at == MO_16)
        return x86_extend(s, cpu_regs[reg], MO_16, IR_I32, false);
    if (s->at == MO_64 || !(s->flags & HF_LMA))
        return cpu_regs[reg];
    t = x86_tmp(s);
    ir_op1(s->ir, IR_MOV, IR_I32, t, cpu_regs[reg]);
    return t;
}

static IRVal string_load(DisasContext *s, unsigned reg, int seg, MemOp size)
{
    IRVal v = x86_tmp(s);

    x86_ld(s, x86_type(size), v, x86_linear(s, index_offset(s, reg), seg, 1u << size, false), size);
    return v;
}

static void string_store(DisasContext *s, IRVal v, MemOp size)
{
    x86_st(s, x86_type(size), v, x86_linear(s, index_offset(s, R_EDI), R_ES, 1u << size, true), size);
}

/* Moves index registers by the element in the direction of DF; reg2 may be negative. */
static void advance(DisasContext *s, MemOp size, unsigned reg, int reg2)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(s->at);
    IRVal delta = x86_tmp(s);

    ir_ld(ir, IR_LD32S, IR_I64, delta, X86_OFFSET(df));
    if (size)
        ir_op2i(ir, IR_SHL, IR_I64, delta, delta, size);
    for (unsigned i = 0; i < (reg2 < 0 ? 1 : 2); i++) {
        IRVal r = s->at == MO_16 ? x86_tmp(s) : cpu_regs[i ? (unsigned)reg2 : reg];
        ir_op2(ir, IR_ADD, t, r, cpu_regs[i ? (unsigned)reg2 : reg], delta);
        if (s->at == MO_16)
            x86_put_reg(s, MO_16, i ? (unsigned)reg2 : reg, false, r);
    }
}

/* Calls the helper for the whole string; when it stops early for an interrupt the TB is left with the
 * instruction pointer still here. */
static void call_string(DisasContext *s, const HelperInfo *h, bool sets_flags)
{
    IRFunc *ir = s->ir;
    unsigned arg = string_size(s) | (unsigned)s->at << STRING_ADDR_SHIFT | (unsigned)source_segment(s) << STRING_SEG_SHIFT;
    unsigned finished = ir_new_label(ir);
    IRVal done = ir_temp(ir, IR_I32);

    if (s->prefix & PREFIX_REPNZ)
        arg |= STRING_REPNZ;
    if (!repeated(s))
        arg |= STRING_ONCE;
    if (s->step)
        arg |= STRING_STEP;
    x86_sync_cc_op(s);
    if (sets_flags) { /* a fault finds the helper's flags */
        x86_set_cc_op(s, CC_OP_DYNAMIC);
        ir_insn_start(ir, s->base.insn_pc, s->cc_op);
    }
    x86_call(s, h, done, ir_i32(ir, arg), IR_NONE, IR_NONE, IR_NONE);
    if (!repeated(s))
        return;
    ir_brcond(ir, IR_NE, IR_I32, done, ir_i32(ir, 0), finished);
    x86_store_eip(s, x86_cur_eip(s));
    if (s->step)
        x86_call(s, &helper_info_single_step, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_exit_tb(ir, IR_EXIT_NORMAL);
    ir_label(ir, finished);
}

void insn_movs(DisasContext *s)
{
    MemOp size = string_size(s);

    if (repeated(s)) {
        call_string(s, &helper_info_rep_movs, false);
        return;
    }
    string_store(s, string_load(s, R_ESI, source_segment(s), size), size);
    advance(s, size, R_ESI, R_EDI);
}

void insn_stos(DisasContext *s)
{
    MemOp size = string_size(s);

    if (repeated(s)) {
        call_string(s, &helper_info_rep_stos, false);
        return;
    }
    string_store(s, cpu_regs[R_EAX], size);
    advance(s, size, R_EDI, -1);
}

void insn_lods(DisasContext *s)
{
    MemOp size = string_size(s);
    IRVal v;

    if (repeated(s)) {
        call_string(s, &helper_info_rep_lods, false);
        return;
    }
    v = string_load(s, R_ESI, source_segment(s), size);
    x86_put_reg(s, size, R_EAX, false, v);
    advance(s, size, R_ESI, -1);
}

static void compare_elements(DisasContext *s, MemOp size, IRVal a, IRVal b)
{
    IRVal r = x86_tmp(s);

    ir_op2(s->ir, IR_SUB, x86_type(size), r, a, b);
    x86_cc_set(s, CC_OP_SUBB, size, r, b);
    x86_cc_operands(s, a, b);
}

void insn_cmps(DisasContext *s)
{
    MemOp size = string_size(s);
    IRVal a, b;

    if (repeated(s)) {
        call_string(s, &helper_info_rep_cmps, true);
        return;
    }
    b = string_load(s, R_EDI, R_ES, size); /* the first to fault on AMD */
    a = string_load(s, R_ESI, source_segment(s), size);
    advance(s, size, R_ESI, R_EDI);
    compare_elements(s, size, a, b);
}

void insn_scas(DisasContext *s)
{
    MemOp size = string_size(s);
    IRVal b;

    if (repeated(s)) {
        call_string(s, &helper_info_rep_scas, true);
        return;
    }
    b = string_load(s, R_EDI, R_ES, size);
    advance(s, size, R_EDI, -1);
    compare_elements(s, size, cpu_regs[R_EAX], b);
}

/* ---- Ports ---- */

/* Above IOPL, and in v8086 mode, the TSS decides. */
static void check_port(DisasContext *s, IRVal port, MemOp size)
{
    if ((s->flags & HF_PE) && (s->cpl > s->iopl || (s->flags & HF_VM)))
        x86_call(s, &helper_info_check_io, IR_NONE, port, ir_i32(s->ir, 1u << size), IR_NONE, IR_NONE);
}

static IRVal dx_port(DisasContext *s)
{
    IRVal port = ir_temp(s->ir, IR_I32);

    ir_op1(s->ir, IR_EXT16U, IR_I32, port, cpu_regs[R_EDX]);
    return port;
}

void insn_ins(DisasContext *s)
{
    check_port(s, dx_port(s), string_size(s));
    call_string(s, &helper_info_rep_ins, false);
}

void insn_outs(DisasContext *s)
{
    check_port(s, dx_port(s), string_size(s));
    call_string(s, &helper_info_rep_outs, false);
}

/* IN and OUT: the size is that of the accumulator, at most 32 bits. */
static MemOp port_size(const DisasContext *s)
{
    return s->op[0].size == MO_64 ? MO_32 : s->op[0].size;
}

static IRVal port_operand(DisasContext *s)
{
    if (s->op[1].kind == OPK_IMM)
        return ir_i32(s->ir, (uint8_t)s->ir->vals[s->op[1].val].value);
    return dx_port(s);
}

void insn_in(DisasContext *s)
{
    MemOp size = port_size(s);
    IRVal port = port_operand(s), v = x86_tmp(s);

    check_port(s, port, size);
    x86_call(s, &helper_info_io_in, v, port, ir_i32(s->ir, 1u << size), IR_NONE, IR_NONE);
    x86_put_reg(s, size, R_EAX, false, v);
    x86_io_trap(s, port, 1u << size);
}

void insn_out(DisasContext *s)
{
    MemOp size = port_size(s);
    IRVal port = port_operand(s), v = ir_temp(s->ir, IR_I32);

    check_port(s, port, size);
    ir_op1(s->ir, size == MO_8 ? IR_EXT8U : size == MO_16 ? IR_EXT16U : IR_MOV, IR_I32, v, cpu_regs[R_EAX]);
    x86_call(s, &helper_info_io_out, IR_NONE, port, ir_i32(s->ir, 1u << size), v, IR_NONE);
    x86_io_trap(s, port, 1u << size);
    if (!s->step && !s->state_changed)
        x86_leave_if_smi(s);
}
