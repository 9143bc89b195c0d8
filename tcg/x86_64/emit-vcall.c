/* SPDX-License-Identifier: MIT */
/*
 * VCALL of the x86-64 back end: a C function on vectors; or a host instruction whose result is looked at, with the
 * function out of line for results that the host may have got differently from the guest. The look costs four or
 * five instructions off the critical path and no block border: values stay in registers across it.
 */
#include "tcg/vec.h"
#include "tcg/x86_64/jit.h"

/*
 * A result is doubtful when it is a NaN, or the smallest normal number: there tininess before and after rounding differ.
 * Scalars: the biased exponent e is all ones or 1 exactly when (e + 1) & (all ones but bit 1) is zero; the path out
 * of line comes back at once for infinities, which programs may compute with for long.
 */
enum { EXP32_MASK = 0xfd, EXP64_MASK = 0x7fd };
/* Vectors at FRAME_CONST: twice the smallest normal numbers */
enum { CHECK_MIN32 = 0, CHECK_MIN64 = 16 };
enum {
    PADD32 = 0xfe | X_0F | X_66, PADD64 = 0xd4 | X_0F | X_66, POR = 0xeb | X_0F | X_66,
    PCMPEQ32 = 0x76 | X_0F | X_66, MOVMSK32 = 0x50 | X_0F,
    CMPPS = 0xc2 | X_0F, CMPPD = 0xc2 | X_0F | X_66, CMP_UNORDERED = 3,
    UCOMISS = 0x2e | X_0F, UCOMISD = 0x2e | X_0F | X_66,
};

static Operand frame_const(int32_t offset) { return mem_operand(RSP, FRAME_CONST + offset); }
static Operand frame_vec(unsigned n) { return mem_operand(RSP, FRAME_VEC + 32 * (int32_t)n); }

void vcall_constants(Asm *a)
{
    static const uint64_t value[2] = { 0x100000001u * (2u << 23), 2ull << 52 };

    for (unsigned i = 0; i < 4; i++) {
        if (i % 2 == 0) {
            asm_mov_imm(a, RAX, value[i / 2]);
        }
        asm_rm(a, MOV_ST | X_W, RAX, frame_const(8 * (int32_t)i));
    }
}

/* Zero flag set: the scalar in xmm register r is doubtful or infinite. Leaves (sign and exponent) + 1 in the register returned. */
static int check_scalar(Jit *j, int r, bool dbl)
{
    Asm *a = &j->a;
    int t = regs_alloc(j, ALL_GP);

    vec_op(a, MOVD_ST | X_SIZE(dbl), r, 0, reg_operand(t));
    asm_shift_imm(a, SHIFT_SHR, dbl, t, dbl ? 52 : 23);
    asm_alu_imm(a, ALU_ADD, false, reg_operand(t), 1);
    asm_test_imm(a, false, reg_operand(t), dbl ? EXP64_MASK : EXP32_MASK);
    return t;
}

/* Out of line: back when the scalar is infinite, whose exponent + 1 has bit 1 clear. */
static void return_if_infinite(Asm *a, const RedoPath *p)
{
    uint8_t *lowest;

    asm_test_imm(a, false, reg_operand(p->exponent), 2);
    lowest = asm_jcc_forward(a, CC_NE);
    vec_op(a, p->call->check == VCHK_F64 ? UCOMISD : UCOMISS, p->dst, 0, reg_operand(p->dst));
    asm_jcc(a, CC_PO, p->back + a->exec);
    asm_patch32(lowest, a->p);
}

/*
 * Zero flag clear: some lane of xmm register r is doubtful. 64-bit lanes are told by their high halves: more numbers are
 * doubtful, none is missed.
 */
static void check_lanes(Jit *j, int r, bool dbl)
{
    Asm *a = &j->a;
    int t = regs_alloc(j, ALL_XMM), z = regs_alloc(j, ALL_XMM), g = regs_alloc(j, ALL_GP);

    if (!host.avx) {
        vec_mov(a, IR_V128, t, r);
        vec_mov(a, IR_V128, z, r);
    }
    vec_op(a, dbl ? CMPPD : CMPPS, t, r, reg_operand(r));
    asm_byte(a, CMP_UNORDERED);
    vec_op(a, dbl ? PADD64 : PADD32, z, r, reg_operand(r));
    vec_op(a, PCMPEQ32, z, z, frame_const(dbl ? CHECK_MIN64 : CHECK_MIN32));
    vec_op(a, POR, t, t, reg_operand(z));
    vec_op(a, MOVMSK32, g, 0, reg_operand(t));
    asm_test_imm(a, false, reg_operand(g), dbl ? 10 : 15);
}

static bool is_scalar(const VecCall *call) { return call->check == VCHK_F32 || call->check == VCHK_F64; }

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
    if (is_scalar(call)) {
        p->exponent = (int8_t)check_scalar(j, d, call->check == VCHK_F64);
        p->jump = asm_jcc_forward(&j->a, CC_E);
    } else {
        check_lanes(j, d, call->check == VCHK_2F64);
        p->jump = asm_jcc_forward(&j->a, CC_NE);
    }
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
        if (is_scalar(p->call))
            return_if_infinite(a, p);
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
