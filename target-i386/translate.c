/* SPDX-License-Identifier: MIT */
/*
 * x86 translation: IR globals, the ends of a TB, segmentation and the stack. Decoding is in decode.c, lazy
 * flags in translate-cc.c. Intel SDM volume 1 chapter 3, volume 3 chapter 5.
 */
#include "emit-x87.h"
#include "decode.h"
#include "exec/tb.h"

IRVal cpu_regs[16], cpu_cc_dst, cpu_cc_src, cpu_cc_src2, cpu_cc_ovr, cpu_cc_op;
const size_t x86_context_size = sizeof(DisasContext);

/* The eight registers every mode has come first; then R8 for 64-bit code, the flag result for 32-bit code. */
void x86_translate_init(void)
{
    static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
    bool legacy = current_target == &i386_target_ops;

    for (unsigned i = 0; i < 16; i++) {
        unsigned priority = i < 8 ? 100 - i : legacy ? 0 : 60 - i;
        cpu_regs[i] = ir_global(IR_I64, X86_OFFSET(regs) + 8 * i, names[i], priority);
    }
    cpu_cc_dst = ir_global(IR_I64, X86_OFFSET(cc_dst), "cc_dst", 40);
    cpu_cc_src = ir_global(IR_I64, X86_OFFSET(cc_src), "cc_src", 30);
    cpu_cc_src2 = ir_global(IR_I64, X86_OFFSET(cc_src2), "cc_src2", 0);
    cpu_cc_ovr = ir_global(IR_I64, X86_OFFSET(cc_ovr), "cc_ovr", 0);
    cpu_cc_op = ir_global(IR_I32, X86_OFFSET(cc_op), "cc_op", 0);
    x86_sse_init();
    x86_x87_init();
}

/* ---- TB ---- */

TBState x86_tb_state(const CPUState *cpu)
{
    const X86CPU *env = (const X86CPU *)cpu;

    if (env->hflags & HF_CS64)
        return (TBState){ .pc = env->eip, .flags = env->hflags };
    return (TBState){ .pc = (uint32_t)(env->eip + env->segs[R_CS].base), .cs_base = env->segs[R_CS].base,
                      .flags = env->hflags };
}

void x86_restore_state(CPUState *cpu, const TranslationBlock *tb, const InsnData *data)
{
    X86CPU *env = x86_cpu(cpu);
    uint64_t eip = data->pc - tb->state.cs_base;

    env->eip = tb->state.flags & HF_CS64 ? eip : (uint32_t)eip;
    if (data->extra != CC_OP_DYNAMIC)
        env->cc_op = data->extra;
}

bool x86_guard_possible(const TranslationBlock *tb, const InsnData *data)
{
    (void)data;
    return !(tb->state.flags & (HF_RF | HF_TF | HF_BPIO));
}

uint64_t x86_guard_exit(IRFunc *ir, const InsnData *data)
{
    const TBState *state = &ir->tb->state;
    uint64_t eip = data->pc - state->cs_base;

    if (data->extra != CC_OP_DYNAMIC)
        ir_movi(ir, cpu_cc_op, data->extra);
    return state->flags & HF_CS64 ? eip : (uint32_t)eip;
}

void x86_tb_start(TranslatorContext *ctx)
{
    DisasContext *s = (DisasContext *)ctx;
    uint32_t f = ctx->state.flags;

    s->env = x86_cpu(ctx->cpu);
    s->ir = ctx->ir;
    s->ir->narrow_globals = !(f & HF_LMA);
    s->flags = f;
    s->cpl = f & HF_CPL;
    s->iopl = (f & HF_IOPL) >> 8;
    s->code64 = f & HF_CS64;
    s->code32 = f & HF_CS32;
    s->addseg = f & HF_ADDSEG;
    s->segcheck = f & HF_SEGCHECK;
    s->mmu_mode = s->cpl == 3 ? MMU_USER : f & HF_AC ? MMU_KERNEL_AC : MMU_KERNEL;
    s->cc_op = CC_OP_DYNAMIC;
    s->cc_op_dirty = false;
    s->cc_a = s->cc_b = IR_NONE;
    s->x87_place = X87_UNKNOWN;
    s->x87_cs_stored = false;
    s->x87_ds = -1;
    s->slots = 0;
    s->step = f & HF_TF;
    s->state_changed = f & (HF_INHIBIT_IRQ | HF_RF);
    if (s->step || s->state_changed)
        ctx->max_insns = 1;
}

void x86_tb_stop(TranslatorContext *ctx)
{
    DisasContext *s = (DisasContext *)ctx;

    x86_goto(s, x86_next_eip(s));
}

void x86_store_eip(DisasContext *s, uint64_t eip)
{
    ir_st(s->ir, IR_ST, IR_I64, ir_i64(s->ir, eip), X86_OFFSET(eip));
}

void x86_goto_by_key(DisasContext *s, IRVal eip)
{
    IRFunc *ir = s->ir;
    unsigned waiting = ir_new_label(ir);
    IRVal pending = x86_tmp(s);

    ir_ld(ir, IR_LD32U, IR_I64, pending, offsetof(CPUState, interrupt_request));
    ir_brcond(ir, IR_NE, IR_I32, pending, ir_i32(ir, 0), waiting);
    ir_goto_ptr(ir, eip);
    ir_label(ir, waiting);
    ir_goto_lookup(ir);
    s->base.stop = true;
}

/* Leaves after eip has been stored, to where the TB state may differ, but not its CPL. */
static void leave_lookup(DisasContext *s, IRVal eip)
{
    IRVal flags;

    x86_sync_cc_op(s);
    if (s->step) {
        x86_call(s, &helper_info_single_step, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        ir_goto_lookup(s->ir);
        s->base.stop = true;
        return;
    }
    flags = x86_tmp(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, flags, X86_OFFSET(hflags));
    ir_st(s->ir, IR_ST32, IR_I64, flags, offsetof(CPUState, jc_key));
    x86_goto_by_key(s, eip);
}

void x86_end_tb_lookup(DisasContext *s)
{
    x86_store_eip(s, x86_next_eip(s));
    leave_lookup(s, ir_i64(s->ir, x86_next_eip(s)));
}

void x86_end_tb_exit(DisasContext *s)
{
    x86_sync_cc_op(s);
    x86_store_eip(s, x86_next_eip(s));
    if (s->step)
        x86_call(s, &helper_info_single_step, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
}

uint64_t x86_linear_pc(const DisasContext *s, uint64_t eip)
{
    return s->code64 ? eip : (uint32_t)(eip + s->base.state.cs_base);
}

void x86_goto(DisasContext *s, uint64_t eip)
{
    x86_sync_cc_op(s);
    s->base.stop = true;
    if (s->step || s->state_changed) {
        x86_store_eip(s, eip);
        leave_lookup(s, ir_i64(s->ir, eip));
    } else if (s->slots < (s->base.region ? TB_SLOTS : TB_SLOTS_USUAL)) {
        ir_goto_tb(s->ir, s->slots++, x86_linear_pc(s, eip), eip);
    } else {
        x86_store_eip(s, eip);
        ir_goto_ptr(s->ir, ir_i64(s->ir, x86_linear_pc(s, eip)));
    }
}

void x86_goto_value(DisasContext *s, IRVal eip)
{
    IRVal linear = eip;

    if (!s->step && !s->state_changed && (s->code64 || !s->base.state.cs_base)) {
        x86_sync_cc_op(s);
        ir_goto_pc(s->ir, eip);
        s->base.stop = true;
        return;
    }
    ir_st(s->ir, IR_ST, IR_I64, eip, X86_OFFSET(eip));
    if (s->step || s->state_changed) {
        leave_lookup(s, eip);
        return;
    }
    x86_sync_cc_op(s);
    if (!s->code64 && s->base.state.cs_base) {
        linear = x86_tmp(s);
        ir_op2i(s->ir, IR_ADD, IR_I32, linear, eip, s->base.state.cs_base);
    }
    ir_goto_ptr(s->ir, linear);
    s->base.stop = true;
}

/* ---- Helpers and exceptions ---- */

void x86_call(DisasContext *s, const HelperInfo *h, IRVal ret, IRVal a, IRVal b, IRVal c, IRVal d)
{
    IRVal args[4] = { a, b, c, d };
    unsigned n = 0;

    while (n < 4 && args[n] != IR_NONE)
        n++;
    ir_call(s->ir, h, ret, args, n);
}

/* In a conditional path: the TB goes on behind it. */
static void gen_fault(DisasContext *s, int vector, uint32_t error)
{
    x86_call(s, &helper_info_raise_fault_err, IR_NONE, ir_i32(s->ir, (uint32_t)vector), ir_i32(s->ir, error), IR_NONE,
             IR_NONE);
}

void x86_gen_exception(DisasContext *s, int vector)
{
    x86_call(s, &helper_info_raise_fault, IR_NONE, ir_i32(s->ir, (uint32_t)vector), IR_NONE, IR_NONE, IR_NONE);
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
}

void x86_gen_exception_err(DisasContext *s, int vector, uint32_t error)
{
    gen_fault(s, vector, error);
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
}

void x86_gen_illegal(DisasContext *s)
{
    x86_gen_exception(s, EXCP06_ILLOP);
}

/* ---- Jump targets ---- */

/* ---- Regions ---- */

/* What is only good until the next label. */
static void forget_operands(DisasContext *s)
{
    s->cc_a = s->cc_b = IR_NONE;
}

static bool may_follow(const DisasContext *s)
{
    return !s->step && !s->state_changed;
}

bool x86_follow(DisasContext *s, uint64_t eip)
{
    uint64_t linear = x86_linear_pc(s, eip);

    if (!may_follow(s) || !translator_can_follow(&s->base, linear))
        return false;
    x86_sync_cc_op(s);
    if (translator_jump(&s->base, linear, s->cc_op))
        forget_operands(s);
    return true;
}

bool x86_tb_follow(TranslatorContext *ctx, uint64_t pc)
{
    DisasContext *s = (DisasContext *)ctx;

    return x86_follow(s, x86_eip_of(s, pc));
}

bool x86_follow_branch(DisasContext *s, CCTest c, uint64_t eip)
{
    uint64_t next = x86_next_eip(s), to = x86_linear_pc(s, eip), on = x86_linear_pc(s, next);
    bool back = translator_prefers(&s->base, to, on); /* goes on at the target */
    SideExit exit = { .pc = back ? on : to, .extra = s->cc_op, .taken = !back };

    if (!may_follow(s) || !translator_can_follow(&s->base, back ? to : on))
        return false;
    exit.label = ir_new_label(s->ir);
    ir_brcond(s->ir, back ? ir_cond_negate(c.c) : c.c, c.t, c.a, c.b, exit.label);
    translator_side_exit(&s->base, exit);
    if (back) {
        x86_check_target_imm(s, eip);
        if (!x86_follow(s, eip))
            x86_goto(s, eip);
    }
    return true;
}

void x86_tb_side_exit(TranslatorContext *ctx, const SideExit *exit)
{
    DisasContext *s = (DisasContext *)ctx;
    uint64_t eip = x86_eip_of(s, exit->pc);

    s->cc_op = exit->extra;
    s->cc_op_dirty = false;
    ir_insn_start(s->ir, exit->insn_pc, exit->extra);
    if (exit->poll) {
        x86_store_eip(s, eip);
        ir_exit_tb(s->ir, IR_EXIT_NORMAL);
        return;
    }
    if (exit->taken)
        x86_check_target_imm(s, eip);
    x86_goto(s, eip);
}

uint64_t x86_ip_mask(const DisasContext *s)
{
    return size_mask(s->ot);
}

static bool protected_mode(const DisasContext *s)
{
    return (s->flags & HF_PE) && !(s->flags & HF_VM);
}

/* CS limits matter when segments are checked at all, and 16-bit targets in real mode cannot exceed theirs. */
static bool checks_cs_limit(const DisasContext *s)
{
    return s->segcheck && (protected_mode(s) || s->ot != MO_16);
}

static unsigned linear_bits(const DisasContext *s)
{
    return s->flags & HF_LA57 ? 57 : 48;
}

void x86_check_target(DisasContext *s, IRVal eip)
{
    IRFunc *ir = s->ir;
    IRVal t;
    unsigned ok;

    if (s->code64) {
        t = x86_tmp(s);
        ok = ir_new_label(ir);
        ir_op2i(ir, IR_SAR, IR_I64, t, eip, linear_bits(s) - 1);
        ir_op2i(ir, IR_ADD, IR_I64, t, t, 1);
        ir_brcond(ir, IR_LEU, IR_I64, t, ir_i64(ir, 1), ok);
    } else if (checks_cs_limit(s)) {
        t = x86_tmp(s);
        ok = ir_new_label(ir);
        ir_ld(ir, IR_LD32U, IR_I64, t, X86_OFFSET(segs[R_CS].limit));
        ir_brcond(ir, IR_GEU, IR_I64, t, eip, ok);
    } else {
        return;
    }
    gen_fault(s, EXCP0D_GPF, 0);
    ir_label(ir, ok);
}

void x86_check_target_imm(DisasContext *s, uint64_t eip)
{
    if (!s->code64)
        x86_check_target(s, ir_i64(s->ir, eip));
    else if ((uint64_t)sextract64(eip, 0, linear_bits(s)) != eip)
        gen_fault(s, EXCP0D_GPF, 0);
}

/* ---- Segmentation ---- */

static bool needs_check(const DisasContext *s, int seg, bool write)
{
    if (seg == R_CS && write && protected_mode(s))
        return true; /* code segments are not writable */
    return seg >= R_FS ? !(s->flags & HF_FSGSFLAT) : s->segcheck;
}

bool x86_checks_segment(const DisasContext *s, int seg, bool write)
{
    return !s->code64 && needs_check(s, seg, write);
}

/* Ordinary segments pass inline; the helper decides on the others and raises the fault. */
static void gen_seg_check(DisasContext *s, IRVal offset, int seg, unsigned bytes, bool write)
{
    IRFunc *ir = s->ir;
    uint32_t field = X86_OFFSET(segs) + (uint32_t)seg * sizeof(SegmentCache);
    unsigned slow = ir_new_label(ir), ok = ir_new_label(ir);
    IRVal limit = x86_tmp(s), last = offset;

    if (protected_mode(s)) {
        uint32_t want = DESC_P | DESC_S, mask = DESC_P | DESC_S | DESC_CS;
        IRVal flags = x86_tmp(s);

        if (seg == R_CS && !write) {
            want = mask = DESC_P | DESC_S | DESC_CS | DESC_R;
        } else {
            mask |= DESC_E;
            if (write) {
                mask |= DESC_W;
                want |= DESC_W;
            }
        }
        ir_ld(ir, IR_LD32U, IR_I64, flags, field + offsetof(SegmentCache, flags));
        ir_op2i(ir, IR_AND, IR_I32, flags, flags, mask);
        ir_brcond(ir, IR_NE, IR_I32, flags, ir_i32(ir, want), slow);
    }
    ir_ld(ir, IR_LD32U, IR_I64, limit, field + offsetof(SegmentCache, limit));
    if (bytes > 1) {
        last = x86_tmp(s);
        ir_op2i(ir, IR_ADD, IR_I64, last, offset, bytes - 1);
    }
    ir_brcond(ir, IR_LEU, IR_I64, last, limit, ok);
    ir_label(ir, slow);
    x86_call(s, &helper_info_seg_check, IR_NONE, offset,
             ir_i32(ir, (unsigned)seg | bytes << 8 | (uint32_t)write << 16), IR_NONE, IR_NONE);
    ir_label(ir, ok);
}

IRVal x86_linear(DisasContext *s, IRVal offset, int seg, unsigned bytes, bool write)
{
    IRFunc *ir = s->ir;
    uint32_t base = X86_OFFSET(segs) + (uint32_t)seg * sizeof(SegmentCache) + offsetof(SegmentCache, base);
    IRVal t;

    if (s->code64 && seg < R_FS)
        return offset;
    if (x86_checks_segment(s, seg, write))
        gen_seg_check(s, offset, seg, bytes, write);
    if (seg == R_CS) {
        if (!s->base.state.cs_base)
            return offset;
        t = x86_tmp(s);
        ir_op2i(ir, IR_ADD, IR_I32, t, offset, s->base.state.cs_base);
        return t;
    }
    if (seg < R_FS && !s->addseg)
        return offset;
    t = x86_tmp(s);
    ir_ld(ir, IR_LD, IR_I64, t, base);
    ir_op2(ir, IR_ADD, s->code64 ? IR_I64 : IR_I32, t, t, offset);
    return t;
}

IRVal x86_ea_linear(DisasContext *s, unsigned bytes, bool write)
{
    return x86_linear(s, s->ea, s->ea_seg, bytes, write);
}

void x86_check_alignment(DisasContext *s, IRVal offset, int seg, unsigned bytes)
{
    IRFunc *ir = s->ir;
    unsigned ok = ir_new_label(ir);
    IRVal t = x86_tmp(s);

    ir_ld(ir, IR_LD, IR_I64, t, X86_OFFSET(segs) + (uint32_t)seg * sizeof(SegmentCache) + offsetof(SegmentCache, base));
    ir_op2(ir, IR_ADD, IR_I32, t, t, offset);
    ir_brcond(ir, IR_TSTEQ, IR_I32, t, ir_i32(ir, bytes - 1), ok);
    gen_fault(s, EXCP0D_GPF, 0);
    ir_label(ir, ok);
}

void x86_probe_piece(DisasContext *s, IRVal offset, int seg, bool write)
{
    IRVal linear = x86_linear(s, offset, seg, 8, write);

    if (write)
        x86_call(s, &helper_info_probe_write, IR_NONE, linear, ir_i32(s->ir, 8), IR_NONE, IR_NONE);
    else
        x86_ld(s, IR_I64, x86_tmp(s), linear, MO_64);
}

MemOp x86_checked_memop(const DisasContext *s, MemOp op)
{
    return s->flags & HF_ALIGN ? op | MO_ALIGN : op;
}

void x86_ld(DisasContext *s, IRType t, IRVal dst, IRVal linear, MemOp op)
{
    ir_guest_ld(s->ir, t, dst, linear, x86_checked_memop(s, op), s->mmu_mode);
}

void x86_st(DisasContext *s, IRType t, IRVal src, IRVal linear, MemOp op)
{
    ir_guest_st(s->ir, t, src, linear, x86_checked_memop(s, op), s->mmu_mode);
}

/* ---- Stack ---- */

static MemOp stack_size(const DisasContext *s)
{
    return s->code64 ? MO_64 : s->flags & HF_SS32 ? MO_32 : MO_16;
}

IRVal x86_sp_plus(DisasContext *s, int64_t delta)
{
    MemOp size = stack_size(s);
    IRVal sp = x86_tmp(s);

    ir_op2i(s->ir, IR_ADD, x86_type(size), sp, cpu_regs[R_ESP], (uint64_t)delta);
    if (size == MO_16)
        ir_op1(s->ir, IR_EXT16U, IR_I32, sp, sp);
    return sp;
}

void x86_set_sp(DisasContext *s, IRVal sp)
{
    x86_put_reg(s, stack_size(s), R_ESP, false, sp);
}

IRVal x86_stack_ld(DisasContext *s, IRVal sp, MemOp size)
{
    IRVal v = x86_tmp(s);

    x86_ld(s, x86_type(size), v, x86_linear(s, sp, R_SS, 1u << size, false), size);
    return v;
}

void x86_stack_st(DisasContext *s, IRVal sp, IRVal v, MemOp size)
{
    x86_st(s, x86_type(size), v, x86_linear(s, sp, R_SS, 1u << size, true), size);
}

void x86_gen_push(DisasContext *s, IRVal v, MemOp size)
{
    IRVal sp = x86_sp_plus(s, -(1 << size));

    x86_stack_st(s, sp, v, size);
    x86_set_sp(s, sp);
}

IRVal x86_gen_pop(DisasContext *s, MemOp size)
{
    bool whole = s->code64 || ((s->flags & HF_SS32) && !(s->flags & HF_LMA));

    return x86_stack_ld(s, whole ? cpu_regs[R_ESP] : x86_sp_plus(s, 0), size);
}
