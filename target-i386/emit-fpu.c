/* SPDX-License-Identifier: MIT */
/*
 * x87: opcodes D8-DF and WAIT (Intel SDM vol. 2, appendix A, tables ). One table row per form says
 * which helper performs it and how operands go; emit-x87.c takes most instructions before. Helpers neither fault nor touch globals except for the memory
 * images; pending exceptions are looked for only under HF_FPEXACT, as without it none can be pending.
 */
#include "emit-x87.h"
#include "helper.h"

typedef struct FPUInsn FPUInsn;
typedef void FPUEmit(DisasContext *s, const FPUInsn *in);
struct FPUInsn {
    FPUEmit *emit;
    const HelperInfo *helper;
    uint8_t arg;   /* the emitter's own */
    uint8_t pops;
    uint8_t flags; /* FPI_* */
};
enum {
    FPI_NOWAIT = 1,  /* does not look for pending exceptions */
    FPI_CONTROL = 2, /* leaves the instruction and operand pointers alone */
    FPI_CMOV = 4, FPI_SSE3 = 8, /* CPUID features */
    FPI_RECHECK = 16, /* may change HF_FPEXACT */
};

void x86_recheck_fp_exact(DisasContext *s)
{
    IRFunc *f = s->ir;
    IRVal t = ir_temp(f, IR_I32);
    unsigned same;

    if (s->step || s->state_changed) /* the TB ends here anyway */
        return;
    same = ir_new_label(f);
    x86_sync_cc_op(s);
    ir_ld(f, IR_LD, IR_I32, t, X86_OFFSET(hflags));
    ir_op2i(f, IR_AND, IR_I32, t, t, HF_FPEXACT);
    ir_brcond(f, IR_EQ, IR_I32, t, ir_i32(f, s->flags & HF_FPEXACT), same);
    x86_store_eip(s, x86_next_eip(s));
    ir_goto_lookup(f);
    ir_label(f, same);
}

/* ---- Pieces ---- */

static bool exact(const DisasContext *s)
{
    return s->flags & HF_FPEXACT;
}

static void call(DisasContext *s, const FPUInsn *in, IRVal ret, IRVal a, IRVal b)
{
    IRVal args[2] = { a, b };

    ir_call(s->ir, in->helper, ret, args, a == IR_NONE ? 0 : b == IR_NONE ? 1 : 2);
}

static IRVal load(DisasContext *s, IRType t, MemOp op)
{
    IRVal v = ir_temp(s->ir, t);

    x86_ld(s, t, v, x86_ea_linear(s, memop_bytes(op), false), op);
    return v;
}

static void store(DisasContext *s, IRVal v, MemOp op)
{
    x86_st(s, (IRType)ir_type(s->ir, v), v, x86_ea_linear(s, memop_bytes(op), true), op);
}

/* tags[top] = empty, top + 1: after a store that may have faulted. */
static void pop(DisasContext *s)
{
    IRFunc *f = s->ir;
    IRVal top = ir_temp(f, IR_I64), tag = ir_temp(f, IR_I64), tags = ir_temp(f, IR_I64);

    ir_ld(f, IR_LD32U, IR_I64, top, X86_OFFSET(fpstt));
    ir_op2i(f, IR_SHL, IR_I64, tag, top, 3);
    ir_op2(f, IR_SHL, IR_I64, tag, ir_i64(f, 1), tag);
    ir_ld(f, IR_LD, IR_I64, tags, X86_OFFSET(fptags));
    ir_op2(f, IR_OR, IR_I64, tags, tags, tag);
    ir_st(f, IR_ST, IR_I64, tags, X86_OFFSET(fptags));
    ir_op2i(f, IR_ADD, IR_I64, top, top, 1);
    ir_op2i(f, IR_AND, IR_I64, top, top, 7);
    ir_st(f, IR_ST32, IR_I64, top, X86_OFFSET(fpstt));
}

static IRVal sti(DisasContext *s)
{
    return ir_i32(s->ir, s->modrm & 7);
}

/* ---- Emitters; arg is the memory operand's MemOp where there is one ---- */

static void emit_plain(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, IR_NONE, IR_NONE);
}

static void emit_nop(DisasContext *s, const FPUInsn *in)
{
    (void)s, (void)in;
}

static void emit_load(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, load(s, in->arg == MO_64 ? IR_I64 : IR_I32, (MemOp)in->arg), IR_NONE);
}

static void emit_fild(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, load(s, IR_I64, (MemOp)in->arg | (in->arg == MO_64 ? 0 : MO_SIGN)), IR_NONE);
}

static void emit_compare_memory(DisasContext *s, const FPUInsn *in)
{
    IRVal m = load(s, in->arg == MO_64 ? IR_I64 : IR_I32, (MemOp)in->arg);
    call(s, in, IR_NONE, m, ir_i32(s->ir, in->pops));
}

/* A store to memory and pop; skipped when an unmasked exception forbids them. The status word changes last. */
static void store_result(DisasContext *s, const FPUInsn *in, IRVal how)
{
    IRFunc *f = s->ir;
    IRVal v = ir_temp(f, in->helper->ret == HARG_I64 ? IR_I64 : IR_I32), t = ir_temp(f, IR_I32);
    MemOp op = (MemOp)(in->arg & 7);
    IRVal linear = x86_ea_linear(s, memop_bytes(op), true);
    unsigned done = 0;

    call(s, in, v, how, IR_NONE);
    if (exact(s)) {
        unsigned allowed = ir_new_label(f);
        IRVal args[2] = { linear, ir_i32(f, memop_bytes(op)) };
        done = ir_new_label(f);
        ir_ld(f, IR_LD, IR_I32, t, X86_OFFSET(scratch[0].l[0]));
        ir_brcond(f, IR_NE, IR_I32, t, ir_i32(f, 0), allowed);
        ir_call(f, &helper_info_probe_write, IR_NONE, args, 2);
        ir_br(f, done);
        ir_label(f, allowed);
    }
    x86_st(s, (IRType)ir_type(f, v), v, linear, op);
    if (in->pops)
        pop(s);
    if (exact(s))
        ir_label(f, done);
    ir_ld(f, IR_LD16U, IR_I32, t, X86_OFFSET(scratch[0].w[2]));
    ir_st(f, IR_ST16, IR_I32, t, X86_OFFSET(fpus));
}

static void emit_fst(DisasContext *s, const FPUInsn *in)
{
    store_result(s, in, IR_NONE);
}

/* arg bit 7: FISTTP */
static void emit_fist(DisasContext *s, const FPUInsn *in)
{
    store_result(s, in, ir_i32(s->ir, (in->arg & 7u) | (in->arg & 0x80u) << 1));
}

/* FLD, FSTP m80, FBLD, FBSTP: the helper accesses memory; pops says that it writes. */
static void emit_ten_bytes(DisasContext *s, const FPUInsn *in)
{
    if (x86_checks_segment(s, s->ea_seg, in->pops)) /* eight bytes and two */
        x86_probe_piece(s, s->ea, s->ea_seg, in->pops);
    call(s, in, IR_NONE, x86_ea_linear(s, 10, in->pops), IR_NONE);
}

static void emit_sti(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, sti(s), IR_NONE);
}

static void emit_sti_pop(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, sti(s), ir_i32(s->ir, in->pops));
}

/* The helper's argument is the row's. */
static void emit_arg(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, ir_i32(s->ir, in->arg), IR_NONE);
}

/* arg 1: unordered */
static void emit_fcomi(DisasContext *s, const FPUInsn *in)
{
    call(s, in, cpu_cc_src, sti(s), ir_i32(s->ir, in->arg | in->pops << 1));
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

/* arg: 0-3 B E BE U, 4-7 their negations */
static void emit_fcmov(DisasContext *s, const FPUInsn *in)
{
    static const uint8_t flags[4] = { CC_C, CC_Z, CC_C | CC_Z, CC_P };
    IRVal t = ir_temp(s->ir, IR_I32);

    x86_compute_eflags(s);
    ir_setcond(s->ir, in->arg & 4 ? IR_TSTEQ : IR_TSTNE, IR_I64, t, cpu_cc_src, ir_i64(s->ir, flags[in->arg & 3]));
    call(s, in, IR_NONE, sti(s), t);
}

static void emit_fldcw(DisasContext *s, const FPUInsn *in)
{
    call(s, in, IR_NONE, load(s, IR_I32, MO_16), IR_NONE);
}

static void emit_fnstcw(DisasContext *s, const FPUInsn *in)
{
    IRVal t = ir_temp(s->ir, IR_I32);

    (void)in;
    ir_ld(s->ir, IR_LD16U, IR_I32, t, X86_OFFSET(fpuc));
    store(s, t, MO_16);
}

static void emit_fnstsw(DisasContext *s, const FPUInsn *in)
{
    IRVal t = ir_temp(s->ir, IR_I32);

    call(s, in, t, IR_NONE, IR_NONE);
    if (s->mod == 3) {
        IRVal wide = ir_temp(s->ir, IR_I64);
        ir_mov(s->ir, wide, t);
        ir_deposit(s->ir, IR_I64, cpu_regs[R_EAX], cpu_regs[R_EAX], wide, 0, 16);
    } else {
        store(s, t, MO_16);
    }
}

/* arg: bytes of the 32-bit form; pops says that memory is written */
static void emit_environment(DisasContext *s, const FPUInsn *in)
{
    bool word = s->ot == MO_16;

    call(s, in, IR_NONE, x86_ea_linear(s, in->arg - (word ? 14u : 0u), in->pops), ir_i32(s->ir, word));
}

/* ---- Tables ---- */

#define H(name) &helper_info_##name
#define ARITH_MEM(type, op)                                                                               \
    { { emit_load, H(fadd_##type), op, 0, 0 }, { emit_load, H(fmul_##type), op, 0, 0 },                   \
      { emit_compare_memory, H(fcom_##type), op, 0, 0 }, { emit_compare_memory, H(fcom_##type), op, 1, 0 }, \
      { emit_load, H(fsub_##type), op, 0, 0 }, { emit_load, H(fsubr_##type), op, 0, 0 },                  \
      { emit_load, H(fdiv_##type), op, 0, 0 }, { emit_load, H(fdivr_##type), op, 0, 0 } }
#define TRUNC 0x80
#define CONTROL(extra) (FPI_CONTROL | (extra))

/* By opcode and ModRM digit, memory operand. */
static const FPUInsn memory_insns[8][8] = {
    [0] = ARITH_MEM(f32, MO_32),
    [1] = { [0] = { emit_load, H(fld_f32), MO_32, 0, 0 }, [2] = { emit_fst, H(fst_f32), MO_32, 0, 0 },
            [3] = { emit_fst, H(fst_f32), MO_32, 1, 0 }, [4] = { emit_environment, H(fldenv), 28, 0, CONTROL(FPI_RECHECK) },
            [5] = { emit_fldcw, H(fldcw), 0, 0, CONTROL(FPI_RECHECK) },
            [6] = { emit_environment, H(fnstenv), 28, 1, CONTROL(FPI_NOWAIT | FPI_RECHECK) },
            [7] = { emit_fnstcw, NULL, 0, 0, CONTROL(FPI_NOWAIT) } },
    [2] = ARITH_MEM(i32, MO_32),
    [3] = { [0] = { emit_fild, H(fild), MO_32, 0, 0 }, [1] = { emit_fist, H(fist), MO_32 | TRUNC, 1, FPI_SSE3 },
            [2] = { emit_fist, H(fist), MO_32, 0, 0 }, [3] = { emit_fist, H(fist), MO_32, 1, 0 },
            [5] = { emit_ten_bytes, H(fld_f80), 0, 0, 0 }, [7] = { emit_ten_bytes, H(fstp_f80), 0, 1, 0 } },
    [4] = ARITH_MEM(f64, MO_64),
    [5] = { [0] = { emit_load, H(fld_f64), MO_64, 0, 0 }, [1] = { emit_fist, H(fist), MO_64 | TRUNC, 1, FPI_SSE3 },
            [2] = { emit_fst, H(fst_f64), MO_64, 0, 0 }, [3] = { emit_fst, H(fst_f64), MO_64, 1, 0 },
            [4] = { emit_environment, H(frstor), 108, 0, CONTROL(FPI_RECHECK) },
            [6] = { emit_environment, H(fnsave), 108, 1, CONTROL(FPI_NOWAIT | FPI_RECHECK) },
            [7] = { emit_fnstsw, H(fnstsw), 0, 0, CONTROL(FPI_NOWAIT) } },
    [6] = ARITH_MEM(i16, MO_16),
    [7] = { [0] = { emit_fild, H(fild), MO_16, 0, 0 }, [1] = { emit_fist, H(fist), MO_16 | TRUNC, 1, FPI_SSE3 },
            [2] = { emit_fist, H(fist), MO_16, 0, 0 }, [3] = { emit_fist, H(fist), MO_16, 1, 0 },
            [4] = { emit_ten_bytes, H(fbld), 0, 0, 0 }, [5] = { emit_fild, H(fild), MO_64, 0, 0 },
            [6] = { emit_ten_bytes, H(fbstp), 0, 1, 0 }, [7] = { emit_fist, H(fist), MO_64, 1, 0 } },
};

#define FCMOV(n) { emit_fcmov, H(fcmov), n, 0, FPI_CMOV }
#define ST0(op) { emit_sti, H(op##_st0), 0, 0, 0 }
#define STI(op, pop) { emit_sti_pop, H(op##_sti), 0, pop, 0 }

/* By opcode and ModRM digit, register operand ST(i); undocumented aliases as processors have them. */
static const FPUInsn register_insns[8][8] = {
    [0] = { ST0(fadd), ST0(fmul), STI(fcom, 0), STI(fcom, 1), ST0(fsub), ST0(fsubr), ST0(fdiv), ST0(fdivr) },
    [1] = { [0] = { emit_sti, H(fld_sti), 0, 0, 0 }, [1] = { emit_sti, H(fxch), 0, 0, 0 }, [3] = { emit_sti, H(fstpnce), 0, 0, 0 } },
    [2] = { FCMOV(0), FCMOV(1), FCMOV(2), FCMOV(3) },
    [3] = { FCMOV(4), FCMOV(5), FCMOV(6), FCMOV(7), [5] = { emit_fcomi, H(fcomi), 1, 0, FPI_CMOV },
            [6] = { emit_fcomi, H(fcomi), 0, 0, FPI_CMOV } },
    [4] = { STI(fadd, 0), STI(fmul, 0), STI(fcom, 0), STI(fcom, 1), STI(fsubr, 0), STI(fsub, 0), STI(fdivr, 0), STI(fdiv, 0) },
    [5] = { { emit_sti_pop, H(ffree), 0, 0, 0 }, { emit_sti, H(fxch), 0, 0, 0 }, STI(fst, 0), STI(fst, 1), STI(fucom, 0), STI(fucom, 1) },
    [6] = { STI(fadd, 1), STI(fmul, 1), STI(fcom, 1), [4] = STI(fsubr, 1), STI(fsub, 1), STI(fdivr, 1), STI(fdiv, 1) },
    [7] = { { emit_sti_pop, H(ffree), 0, 1, 0 }, { emit_sti, H(fxch), 0, 0, 0 }, STI(fst, 1), STI(fst, 1),
            [5] = { emit_fcomi, H(fcomi), 1, 1, FPI_CMOV }, [6] = { emit_fcomi, H(fcomi), 0, 1, FPI_CMOV } },
};

#define PLAIN(name) { emit_plain, H(name), 0, 0, 0 }
#define CONSTANT(n) { emit_arg, H(fld_const), n, 0, 0 }
#define IGNORED { emit_nop, NULL, 0, 0, CONTROL(FPI_NOWAIT) }

/* Instructions without operands: groups of eight by opcode and digit. */
static const FPUInsn d9_groups[5][8] = {
    [0] = { [0] = { emit_nop, NULL, 0, 0, 0 } },                                                        /* D9 D0 */
    [1] = { PLAIN(fchs), PLAIN(fabs), [4] = PLAIN(ftst), PLAIN(fxam) },                                 /* D9 E0 */
    [2] = { CONSTANT(0), CONSTANT(1), CONSTANT(2), CONSTANT(3), CONSTANT(4), CONSTANT(5), CONSTANT(6) }, /* D9 E8 */
    [3] = { PLAIN(f2xm1), PLAIN(fyl2x), PLAIN(fptan), PLAIN(fpatan), PLAIN(fxtract), PLAIN(fprem1),     /* D9 F0 */
            { emit_arg, H(fincstp), 7, 0, 0 }, { emit_arg, H(fincstp), 1, 0, 0 } },
    [4] = { PLAIN(fprem), PLAIN(fyl2xp1), PLAIN(fsqrt), PLAIN(fsincos), PLAIN(frndint), PLAIN(fscale),  /* D9 F8 */
            PLAIN(fsin), PLAIN(fcos) },
};
/* DB E0: FENI, FDISI and FSETPM of older coprocessors do nothing. */
static const FPUInsn db_group[8] = {
    IGNORED, IGNORED, { emit_plain, H(fnclex), 0, 0, CONTROL(FPI_NOWAIT | FPI_RECHECK) },
    { emit_plain, H(fninit), 0, 0, CONTROL(FPI_NOWAIT | FPI_RECHECK) }, IGNORED,
};
static const FPUInsn fucompp = { emit_sti_pop, H(fucom_sti), 0, 2, 0 }, fcompp = { emit_sti_pop, H(fcom_sti), 0, 2, 0 };
static const FPUInsn fnstsw_ax = { emit_fnstsw, H(fnstsw), 0, 0, CONTROL(FPI_NOWAIT) };

static const FPUInsn *find(const DisasContext *s)
{
    unsigned op = s->opcode & 7, digit = s->modrm >> 3 & 7, n = s->modrm & 7;

    if (s->mod != 3)
        return &memory_insns[op][digit];
    if (op == 1 && digit >= 4)
        return &d9_groups[digit - 3][n];
    switch (op << 8 | s->modrm) {
    case 0x1d0: return &d9_groups[0][0];
    case 0x2e9: return &fucompp;
    case 0x6d9: return &fcompp;
    case 0x7e0: return &fnstsw_ax;
    default: return op == 3 && digit == 4 ? &db_group[n] : &register_insns[op][digit];
    }
}

static bool available(const DisasContext *s, const FPUInsn *in)
{
    if (in->flags & FPI_CMOV && !x86_feature(s->env, FW_1_EDX, 15))
        return false;
    if (in->flags & FPI_SSE3 && !x86_feature(s->env, FW_1_ECX, 0))
        return false;
    return in->emit != NULL;
}

static void wait_pending(DisasContext *s)
{
    x86_x87_to_env(s);
    ir_call(s->ir, &helper_info_fwait, IR_NONE, NULL, 0);
}

static void emit_wait(DisasContext *s)
{
    if ((s->flags & (HF_TS | HF_MP)) == (HF_TS | HF_MP))
        x86_gen_exception(s, EXCP07_PREX);
    else if (exact(s))
        wait_pending(s);
}

bool x86_emit_fpu(DisasContext *s)
{
    const FPUInsn *in;

    if (s->opcode == 0x9b) {
        emit_wait(s);
        return true;
    }
    if (s->flags & (HF_EM | HF_TS)) {
        x86_gen_exception(s, EXCP07_PREX);
        return true;
    }
    in = find(s);
    if (!available(s, in))
        return false;
    if (exact(s) && !(in->flags & FPI_NOWAIT))
        wait_pending(s);
    if (x86_emit_x87(s)) {
        if (!(in->flags & FPI_CONTROL))
            x86_x87_pointers(s);
        return true;
    }
    x86_x87_to_env(s);
    in->emit(s, in);
    if (!(in->flags & FPI_CONTROL))
        x86_x87_pointers(s);
    if (in->flags & FPI_RECHECK)
        x86_recheck_fp_exact(s);
    return true;
}
