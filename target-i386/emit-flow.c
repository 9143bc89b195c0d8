/* SPDX-License-Identifier: MIT */
/*
 * Near control flow, the stack and software interrupts. Intel SDM volume 2. Far transfers are system
 * instructions (emit-sys.c).
 */
#include "decode.h"

/* ---- Jumps ---- */

static uint64_t branch_target(const DisasContext *s)
{
    return (x86_next_eip(s) + s->imm) & x86_ip_mask(s);
}

void insn_jmp(DisasContext *s)
{
    uint64_t target = branch_target(s);

    x86_check_target_imm(s, target);
    if (!x86_follow(s, target))
        x86_goto(s, target);
}

/* Value of an indirect target, cut to the operand size; survives writes to its register. */
static IRVal indirect_target(DisasContext *s)
{
    IRVal v = x86_tmp(s);

    if (s->ot == MO_64)
        ir_mov(s->ir, v, s->op[0].val);
    else
        ir_op1(s->ir, s->ot == MO_32 ? IR_MOV : IR_EXT16U, IR_I32, v, s->op[0].val);
    return v;
}

void insn_jmp_ind(DisasContext *s)
{
    IRVal target = indirect_target(s);

    x86_check_target(s, target);
    x86_goto_value(s, target);
}

static void push_return(DisasContext *s)
{
    x86_gen_push(s, x86_const(s, s->ot, x86_next_eip(s)), s->ot);
}

void insn_call(DisasContext *s)
{
    uint64_t target = branch_target(s);

    x86_check_target_imm(s, target);
    push_return(s);
    if (translator_visited(&s->base, x86_linear_pc(s, target)) || !x86_follow(s, target))
        x86_goto(s, target);
}

void insn_call_ind(DisasContext *s)
{
    IRVal target = indirect_target(s);

    x86_check_target(s, target);
    push_return(s);
    x86_goto_value(s, target);
}

/* SP past a value of the operand size and n more bytes. */
static void release_stack(DisasContext *s, unsigned n)
{
    x86_set_sp(s, x86_sp_plus(s, (1 << s->ot) + (int)n));
}

void insn_ret(DisasContext *s)
{
    unsigned extra = s->opcode == 0xc2 ? (uint16_t)s->ir->vals[s->op[0].val].value : 0;
    IRVal target = x86_gen_pop(s, s->ot);

    x86_check_target(s, target);
    release_stack(s, extra);
    x86_goto_value(s, target);
}

/* Ends the TB both ways: label is where the branch was taken. */
static void two_ways(DisasContext *s, unsigned taken)
{
    uint64_t target = branch_target(s);

    x86_goto(s, x86_next_eip(s));
    ir_label(s->ir, taken);
    x86_check_target_imm(s, target);
    x86_goto(s, target);
}

/* A condition that is followed by another one, as in three-way comparisons: the TB goes on, because at
 * the start of a new one it would not know how the flags were made. */
static void go_on_unless(DisasContext *s, CCTest c)
{
    uint64_t target = branch_target(s);
    unsigned not_taken = ir_new_label(s->ir);

    ir_brcond(s->ir, ir_cond_negate(c.c), c.t, c.a, c.b, not_taken);
    x86_check_target_imm(s, target);
    x86_goto(s, target);
    ir_label(s->ir, not_taken);
    s->base.stop = false;
}

void insn_jcc(DisasContext *s)
{
    CCTest c = x86_test_cond(s, s->opcode & 15);
    unsigned taken;

    x86_sync_cc_op(s);
    if (x86_follow_branch(s, c, branch_target(s)))
        return;
    if (!s->slots && !s->step && !s->state_changed && x86_next_is_jcc(s)) {
        go_on_unless(s, c);
        return;
    }
    taken = ir_new_label(s->ir);
    ir_brcond(s->ir, c.c, c.t, c.a, c.b, taken);
    two_ways(s, taken);
}

/* rCX as the address size sees it. */
static IRVal count_register(DisasContext *s)
{
    return s->at == MO_16 ? x86_extend(s, cpu_regs[R_ECX], MO_16, IR_I32, false) : cpu_regs[R_ECX];
}

/* LOOPNE, LOOPE, LOOP. A taken branch beyond CS's limit must find rCX unchanged. */
void insn_loop(DisasContext *s)
{
    IRFunc *ir = s->ir;
    IRType t = x86_type(s->at);
    unsigned taken = ir_new_label(ir), not_taken = ir_new_label(ir);
    uint64_t target = branch_target(s);
    IRVal count = x86_tmp(s);
    CCTest c = { 0 };

    if (s->opcode != 0xe2)
        c = x86_test_cond(s, s->opcode == 0xe0 ? 4 : 5); /* leave on ZF for LOOPNE, on !ZF for LOOPE */
    x86_sync_cc_op(s);
    ir_op2i(ir, IR_SUB, t, count, cpu_regs[R_ECX], 1);
    if (s->at == MO_16)
        ir_op1(ir, IR_EXT16U, IR_I32, count, count);
    if (s->opcode != 0xe2)
        ir_brcond(ir, c.c, c.t, c.a, c.b, not_taken);
    ir_brcond(ir, IR_NE, t, count, ir_const(ir, t, 0), taken);
    ir_label(ir, not_taken);
    x86_put_reg(s, s->at, R_ECX, false, count);
    x86_goto(s, x86_next_eip(s));
    ir_label(ir, taken);
    x86_check_target_imm(s, target);
    x86_put_reg(s, s->at, R_ECX, false, count);
    x86_goto(s, target);
}

void insn_jcxz(DisasContext *s)
{
    IRType t = x86_type(s->at);
    unsigned taken = ir_new_label(s->ir);

    x86_sync_cc_op(s);
    ir_brcond(s->ir, IR_EQ, t, count_register(s), ir_const(s->ir, t, 0), taken);
    two_ways(s, taken);
}

/* ---- Stack ---- */

void insn_push(DisasContext *s)
{
    x86_gen_push(s, s->op[0].val, s->ot);
}

void insn_push_sreg(DisasContext *s)
{
    unsigned seg = s->opcode >> 3 & 7;
    IRVal v = x86_tmp(s);

    ir_ld(s->ir, IR_LD32U, IR_I64, v, X86_OFFSET(segs) + seg * (uint32_t)sizeof(SegmentCache));
    x86_gen_push(s, v, s->ot);
}

void insn_pop(DisasContext *s)
{
    IRVal v = x86_gen_pop(s, s->ot);

    release_stack(s, 0);
    x86_put(s, 0, v);
}

/* 8F /0: an address based on SP sees the value after the pop. */
void insn_pop_ev(DisasContext *s)
{
    IRVal v;

    if (s->modrm >> 3 & 7) {
        x86_gen_illegal(s);
        return;
    }
    v = x86_gen_pop(s, s->ot);
    if (s->op[0].kind == OPK_REG) {
        release_stack(s, 0);
        x86_put(s, 0, v);
        return;
    }
    if (s->mem_base == R_ESP)
        s->mem_disp += 1 << s->ot;
    x86_lea(s);
    x86_put(s, 0, v);
    release_stack(s, 0);
}

void insn_pusha(DisasContext *s)
{
    IRVal sp = IR_NONE;

    for (int i = 0; i < 8; i++) {
        sp = x86_sp_plus(s, -(i + 1) * (1 << s->ot));
        x86_stack_st(s, sp, cpu_regs[i], s->ot);
    }
    x86_set_sp(s, sp);
}

/* Registers loaded before a fault keep their new values, as on processors. */
void insn_popa(DisasContext *s)
{
    for (int i = 7; i >= 0; i--) {
        if (i != R_ESP)
            x86_put_reg(s, s->ot, (unsigned)i, false, x86_stack_ld(s, x86_sp_plus(s, (7 - i) * (1 << s->ot)), s->ot));
    }
    release_stack(s, 7u << s->ot);
}

/* ENTER makes sure that the new top of stack is writable: a write that changes nothing. */
static void probe_stack(DisasContext *s, IRVal sp)
{
    IRVal linear = x86_linear(s, sp, R_SS, 1u << s->ot, true);
    MemOp op = x86_checked_memop(s, s->ot);

    ir_atomic(s->ir, IR_ATOMIC_OR, x86_type(s->ot), x86_tmp(s), linear, x86_const(s, s->ot, 0), op, s->mmu_mode);
}

void insn_enter(DisasContext *s)
{
    unsigned locals = (uint16_t)x86_fetch_imm(s, MO_16), level = x86_fetch_imm(s, MO_8) & 31;
    int size = 1 << s->ot;
    IRVal frame = x86_sp_plus(s, -size), sp;

    x86_stack_st(s, frame, cpu_regs[R_EBP], s->ot);
    if (level)
        x86_call(s, &helper_info_enter_levels, IR_NONE, frame, ir_i32(s->ir, s->ot), ir_i32(s->ir, level), IR_NONE);
    sp = x86_sp_plus(s, -size - (int)level * size - (int)locals);
    probe_stack(s, sp);
    if (!s->code64 && !(s->flags & HF_SS32)) { /* the upper half of ESP goes to EBP too */
        IRVal whole = x86_tmp(s);
        ir_deposit(s->ir, IR_I64, whole, cpu_regs[R_ESP], frame, 0, 16);
        frame = whole;
    }
    x86_put_reg(s, s->ot, R_EBP, false, frame);
    x86_set_sp(s, sp);
}

void insn_leave(DisasContext *s)
{
    IRVal frame = x86_tmp(s), sp = x86_tmp(s), v;
    bool wide = s->code64, narrow = !wide && !(s->flags & HF_SS32);

    ir_op1(s->ir, narrow ? IR_EXT16U : IR_MOV, wide ? IR_I64 : IR_I32, frame, cpu_regs[R_EBP]);
    v = x86_stack_ld(s, frame, s->ot);
    ir_op2i(s->ir, IR_ADD, wide ? IR_I64 : IR_I32, sp, frame, 1u << s->ot);
    x86_set_sp(s, sp);
    x86_put_reg(s, s->ot, R_EBP, false, v);
}

void insn_pushf(DisasContext *s)
{
    IRVal v = x86_tmp(s);

    x86_sync_cc_op(s);
    x86_call(s, &helper_info_pushf, v, ir_i32(s->ir, s->ot), IR_NONE, IR_NONE, IR_NONE);
    x86_gen_push(s, v, s->ot);
}

/*
 * A kernel restoring its flags changes IF at most, beside the flags kept apart: that needs no helper and
 * goes on, unless an interrupt may wait for IF. Falls into the code for everything else; the label returned
 * is where that is done with.
 */
static unsigned restore_kernel_flags(DisasContext *s, IRVal v)
{
    IRFunc *ir = s->ir;
    unsigned other = ir_new_label(ir), done = ir_new_label(ir);
    IRVal f = x86_tmp(s), t = x86_tmp(s), pending = x86_tmp(s), df = x86_tmp(s), bits = x86_tmp(s);

    ir_ld(ir, IR_LD32U, IR_I64, f, X86_OFFSET(eflags));
    ir_op2(ir, IR_XOR, IR_I32, t, v, f);
    ir_brcond(ir, IR_TSTNE, IR_I32, t, ir_i32(ir, TF_MASK | IOPL_MASK | NT_MASK | AC_MASK | ID_MASK), other);
    ir_ld(ir, IR_LD32U, IR_I64, pending, offsetof(CPUState, interrupt_request));
    ir_brcond(ir, IR_NE, IR_I32, pending, ir_i32(ir, 0), other);
    ir_op2i(ir, IR_AND, IR_I32, t, t, IF_MASK);
    ir_op2(ir, IR_XOR, IR_I32, f, f, t);
    ir_st(ir, IR_ST32, IR_I64, f, X86_OFFSET(eflags));
    ir_op2i(ir, IR_SHR, IR_I32, df, v, 9);
    ir_op2i(ir, IR_AND, IR_I32, df, df, 2);
    ir_op2(ir, IR_SUB, IR_I32, df, ir_i32(ir, 1), df);
    ir_st(ir, IR_ST32, IR_I64, df, X86_OFFSET(df));
    ir_op2i(ir, IR_AND, IR_I32, bits, v, CC_ALL);
    ir_mov(ir, cpu_cc_src, bits);
    release_stack(s, 0);
    ir_br(ir, done);
    ir_label(ir, other);
    return done;
}

void insn_popf(DisasContext *s)
{
    IRVal v = x86_gen_pop(s, s->ot);
    bool kernel = s->flags & HF_PE && !s->cpl && s->ot != MO_16 && !s->step && !s->state_changed;

    x86_sync_cc_op(s);
    if (kernel) {
        unsigned done = restore_kernel_flags(s, v);
        x86_call(s, &helper_info_popf, IR_NONE, v, ir_i32(s->ir, s->ot), IR_NONE, IR_NONE);
        release_stack(s, 0);
        x86_store_eip(s, x86_next_eip(s));
        ir_goto_lookup(s->ir);
        ir_label(s->ir, done);
        x86_set_cc_op(s, CC_OP_EFLAGS);
        return;
    }
    x86_call(s, &helper_info_popf, IR_NONE, v, ir_i32(s->ir, s->ot), IR_NONE, IR_NONE);
    release_stack(s, 0);
    x86_set_cc_op(s, CC_OP_DYNAMIC);
    x86_end_tb_lookup(s);
}

/* ---- Software interrupts ---- */

static void gen_trap(DisasContext *s, unsigned vector, bool int_n)
{
    x86_call(s, &helper_info_raise_trap, IR_NONE, ir_i32(s->ir, vector), ir_i32(s->ir, int_n),
             ir_i64(s->ir, x86_next_eip(s)), IR_NONE);
}

static void end_with_trap(DisasContext *s, unsigned vector, bool int_n)
{
    gen_trap(s, vector, int_n);
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
}

void insn_int3(DisasContext *s)
{
    end_with_trap(s, EXCP03_INT3, true);
}

void insn_int1(DisasContext *s)
{
    end_with_trap(s, EXCP01_DB, false);
}

void insn_int(DisasContext *s)
{
    end_with_trap(s, (uint8_t)s->ir->vals[s->op[0].val].value, true);
}

void insn_into(DisasContext *s)
{
    CCTest c = x86_test_cond(s, 1);
    unsigned done = ir_new_label(s->ir);

    ir_brcond(s->ir, c.c, c.t, c.a, c.b, done);
    gen_trap(s, EXCP04_INTO, true);
    ir_label(s->ir, done);
}
