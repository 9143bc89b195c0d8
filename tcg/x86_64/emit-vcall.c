/* SPDX-License-Identifier: MIT */
/*
 * VCALL of the x86-64 back end: a C function on vectors; or a host instruction whose result is looked at, with the
 * function out of line for results that the host may have got differently from the guest. The look costs four or
 * five instructions off the critical path and no block border: values stay in registers across it.
 */
#include "tcg/vec.h"
#include "tcg/x86_64/jit.h"

/*
 * A result is doubtful when its biased exponent e is all ones or 1: exactly then (e + 1) & (all ones but bit 1) is
 * zero. 0, for zeros and denormals, gives 1 there.
 */
enum { EXP32_MASK = 0xfd, EXP64_MASK = 0x7fd };
/* Vectors at FRAME_CONST */
enum { CHECK_ONE32 = 0, CHECK_MASK32 = 16, CHECK_ONE64 = 32, CHECK_MASK64 = 48 };
enum {
    PSRL32_I = 0x72 | X_0F | X_66, PSRL64_I = 0x73 | X_0F | X_66, SRL_DIGIT = 2,
    PADD32 = 0xfe | X_0F | X_66, PADD64 = 0xd4 | X_0F | X_66, PAND = 0xdb | X_0F | X_66,
    PCMPEQ32 = 0x76 | X_0F | X_66, MOVMSK32 = 0x50 | X_0F,
};

static Operand frame_const(int32_t offset) { return mem_operand(RSP, FRAME_CONST + offset); }
static Operand frame_vec(unsigned n) { return mem_operand(RSP, FRAME_VEC + 32 * (int32_t)n); }

void vcall_constants(Asm *a)
{
    static const uint64_t value[4] = { 0x100000001, (uint64_t)EXP32_MASK << 32 | EXP32_MASK, 1, EXP64_MASK };

    for (unsigned i = 0; i < 8; i++) {
        if (i % 2 == 0) {
            asm_mov_imm(a, RAX, value[i / 2]);
        }
        asm_rm(a, MOV_ST | X_W, RAX, frame_const(8 * (int32_t)i));
    }
}

/* Zero flag set: the scalar in xmm register r is doubtful. */
static void check_scalar(Jit *j, int r, bool dbl)
{
    Asm *a = &j->a;
    int t = regs_alloc(j, ALL_GP);

    vec_op(a, MOVD_ST | X_SIZE(dbl), r, 0, reg_operand(t));
    asm_shift_imm(a, SHIFT_SHR, dbl, t, dbl ? 52 : 23);
    asm_alu_imm(a, ALU_ADD, false, reg_operand(t), 1);
    asm_test_imm(a, false, reg_operand(t), dbl ? EXP64_MASK : EXP32_MASK);
}

static void shift_right(Asm *a, bool dbl, int d, int s)
{
    unsigned op = dbl ? PSRL64_I : PSRL32_I;

    if (host.avx) {
        asm_vex(a, op, SRL_DIGIT, d, reg_operand(s));
    } else {
        vec_mov(a, IR_V128, d, s);
        asm_rm(a, op, SRL_DIGIT, reg_operand(d));
    }
    asm_byte(a, dbl ? 52 : 23);
}

/*
 * Zero flag clear: some lane of xmm register r is doubtful. With 64-bit lanes the high halves are zero after the shift
 * and count as doubtful: the add of the 32-bit pattern {1, 0} keeps them so, and the mask of MOVMSK leaves them out.
 */
static void check_lanes(Jit *j, int r, bool dbl)
{
    Asm *a = &j->a;
    int t = regs_alloc(j, ALL_XMM), z = regs_alloc(j, ALL_XMM), g = regs_alloc(j, ALL_GP);

    shift_right(a, dbl, t, r);
    vec_zero(a, z);
    vec_op(a, dbl ? PADD64 : PADD32, t, t, frame_const(dbl ? CHECK_ONE64 : CHECK_ONE32));
    vec_op(a, PAND, t, t, frame_const(dbl ? CHECK_MASK64 : CHECK_MASK32));
    vec_op(a, PCMPEQ32, t, t, reg_operand(z));
    vec_op(a, MOVMSK32, g, 0, reg_operand(t));
    asm_test_imm(a, false, reg_operand(g), dbl ? 5 : 15);
}

static unsigned emit_check(Jit *j, VecCheck check, int r)
{
    switch (check) {
    case VCHK_F32: case VCHK_F64:
        check_scalar(j, r, check == VCHK_F64);
        return CC_E;
    default:
        check_lanes(j, r, check == VCHK_2F64);
        return CC_NE;
    }
}

static void row_checked(Jit *j, const VecCall *call)
{
    RedoPath *p = &j->redo[j->nredo];
    int in[3] = { NOREG, NOREG, NOREG }, d;

    for (unsigned n = 0; n < 3; n++) {
        if (j->op->in[n] != IR_NONE) {
            in[n] = regs_use(j, j->op->in[n], ALL_XMM);
        }
    }
    d = regs_def(j, 0, NOREG, 0);
    vec_row_emit(j, call->row - 1u, call->imm8, d, in[0], in[1], in[2]);
    if (call->check == VCHK_NONE) {
        return;
    }
    if (j->nredo == REDO_MAX - 1) {
        j->f->overflow = true;
    } else {
        j->nredo++;
    }
    *p = (RedoPath){ .call = call, .in = { (int8_t)in[0], (int8_t)in[1], (int8_t)in[2] }, .dst = (int8_t)d,
                     .imm = j->op->aux };
    p->jump = asm_jcc_forward(&j->a, emit_check(j, call->check, d));
    p->back = j->a.p;
}

static void function_alone(Jit *j, const VecCall *call)
{
    static const int8_t arg_reg[4] = { RSI, RDX, RCX, R8 };
    Asm *a = &j->a;

    for (unsigned n = 0; n < 3; n++) {
        if (j->op->in[n] != IR_NONE) {
            vec_st(a, IR_V128, regs_use(j, j->op->in[n], ALL_XMM), frame_vec(n));
        }
    }
    regs_save_across_call(j);
    pins_move(a, MOV_ST, host.call_clobbers);
    for (unsigned n = 0; n < 4; n++) {
        asm_rm(a, LEA | X_W, arg_reg[n], frame_vec(n ? n - 1 : 0));
    }
    asm_mov_imm(a, R9, j->op->aux);
    asm_rm(a, LEA | X_W, RDI, mem_operand(RBP, -CPU_ENV_BIAS));
    if (j->uses_ymm) {
        asm_vzeroupper(a);
    }
    asm_call(a, call->func);
    regs_drop_clobbered(j);
    pins_move(a, MOV_LD, host.call_clobbers);
    vec_ld(a, IR_V128, XMM0, frame_vec(0));
    regs_result(j, 0, XMM0);
}

void x64_vcall(Jit *j, unsigned arg)
{
    const VecCall *call = (const VecCall *)(uintptr_t)j->op->imm;

    (void)arg;
    if (call->row && vec_row_usable(call->row - 1u)) {
        row_checked(j, call);
    } else {
        function_alone(j, call);
    }
}

static void store_imm64(Asm *a, Operand mem, uint64_t v)
{
    asm_store_imm(a, 4, mem, (int32_t)v);
    mem.disp += 4;
    asm_store_imm(a, 4, mem, (int32_t)(v >> 32));
}

void x64_redo_paths(Jit *j)
{
    Asm *a = &j->a;

    for (unsigned i = 0; i < j->nredo; i++) {
        const RedoPath *p = &j->redo[i];

        if (a->p + OP_ROOM > j->end) {
            return; /* the caller sees that room ran out */
        }
        asm_patch32(p->jump, a->p);
        for (unsigned n = 0; n < 3; n++) {
            if (p->in[n] != NOREG) {
                vec_st(a, IR_V128, p->in[n], frame_vec(n));
            }
        }
        store_imm64(a, mem_operand(RSP, FRAME_ADDR), (uintptr_t)p->call->func);
        asm_store_imm(a, 4, mem_operand(RSP, FRAME_VALUE), p->imm);
        asm_call(a, host.redo[j->uses_ymm]);
        vec_ld(a, IR_V128, p->dst, frame_vec(0));
        asm_jmp(a, p->back + a->exec);
    }
}
