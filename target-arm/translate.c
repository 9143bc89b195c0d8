/* SPDX-License-Identifier: MIT */
/*
 * Arm translation: IR globals, TB start and stop, memory accesses, exceptions and the ends of a TB, for all instruction sets.
 * translate.h says who does the rest.
 */
#include "exec/tb.h"
#include "helper.h"
#include "m-profile.h"
#include "translate-m.h"

IRVal cpu_x[32], arm_flag_nz, arm_flag_a, arm_flag_b, arm_flag_op;
const size_t arm_context_size = sizeof(DisasContext);

/* Register numbers by how much is gained when they stay in host registers. */
static const uint8_t hottest_a64[] = { 0, 1, 2, 3, 31, 19, 20, 4, 21 };
static const uint8_t hottest_a32[] = { 0, 1, 2, 3, 13, 4, 5, 6, 7 };

void arm_translate_init(void)
{
    static const char *const names[32] = { "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
                                           "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
                                           "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "lr",  "sp" };
    const uint8_t *hottest = current_target == &arm_target_ops ? hottest_a32 : hottest_a64;
    uint8_t priority[32] = { 0 };

    for (unsigned i = 0; i < ARRAY_SIZE(hottest_a64); i++)
        priority[hottest[i]] = (uint8_t)(100 - i);
    for (unsigned i = 0; i < 32; i++)
        cpu_x[i] = ir_global(IR_I64, ARM_OFFSET(x) + 8 * i, names[i], priority[i]);
    arm_flag_nz = ir_global(IR_I64, ARM_OFFSET(cc_nz), "cc_nz", 0);
    arm_flag_a = ir_global(IR_I64, ARM_OFFSET(cc_a), "cc_a", 0);
    arm_flag_b = ir_global(IR_I64, ARM_OFFSET(cc_b), "cc_b", 0);
    arm_flag_op = ir_global(IR_I32, ARM_OFFSET(cc_op), "cc_op", 0);
    arm_simd_init();
}

/* ---- TB ---- */

/* A tagged instruction address is the address without its tag where TCR_ELx.TBI says so. */
static uint64_t untagged_pc(const ARMCPU *env, uint64_t pc)
{
    unsigned el = arm_current_el(env);
    uint64_t tcr = env->tcr_el[el < 1 ? 1 : el], canonical = (uint64_t)sextract64(pc, 0, 56);
    bool two_ranges = el < 2 || (arm_hcr(env) & HCR_E2H && el == 2), high = pc >> 55 & 1;

    if (!two_ranges)
        return tcr >> 20 & 1 && !(tcr >> 29 & 1) ? pc & ~0ull >> 8 : pc;
    if (el == 0 && arm_hcr(env) & HCR_E2H && arm_hcr(env) & HCR_TGE)
        tcr = env->tcr_el[2];
    bool tbi = tcr >> (high ? 38 : 37) & 1, tbid = tcr >> (high ? 52 : 51) & 1;
    return tbi && !tbid ? canonical : pc;
}

TBState arm_tb_state(const CPUState *cpu)
{
    const ARMCPU *env = (const ARMCPU *)cpu;
    uint32_t flags = env->hflags;

    if (!(flags & TBF_AARCH64)) {
        flags |= env->condexec << TBF_IT_SHIFT | (env->thumb ? TBF_THUMB : 0);
        if (UNLIKELY(flags & TBF_SS_ACTIVE && env->pstate & PSTATE_SS))
            flags |= TBF_PSTATE_SS;
        return (TBState){ .pc = (uint32_t)env->pc, .flags = flags };
    }
    flags |= env->btype << TBF_BTYPE_SHIFT;
    if (UNLIKELY(flags & TBF_SS_ACTIVE && env->pstate & PSTATE_SS))
        flags |= TBF_PSTATE_SS;
    if (UNLIKELY((uint64_t)sextract64(env->pc, 0, 56) != env->pc))
        arm_cpu((CPUState *)cpu)->pc = untagged_pc(env, env->pc);
    return (TBState){ .pc = env->pc, .flags = flags };
}

void arm_restore_state(CPUState *cpu, const TranslationBlock *tb, const InsnData *data)
{
    ARMCPU *env = arm_cpu(cpu);

    env->pc = data->pc;
    if (data->extra & 0xff)
        env->cc_op = data->extra & 0xff;
    if (!(tb->state.flags & TBF_AARCH64))
        env->condexec = data->extra >> 8 & 0xff;
    else if (data->pc == tb->state.pc)
        env->btype = (tb->state.flags & TBF_BTYPE) >> TBF_BTYPE_SHIFT;
}

/* IT and BTYPE are TB flags that change from instruction to instruction. */
bool arm_guard_possible(const TranslationBlock *tb, const InsnData *data)
{
    uint32_t f = tb->state.flags;

    if (f & TBF_AARCH64)
        return !(f & (TBF_BTYPE | TBF_SS_ACTIVE));
    return !(f & (TBF_IT | TBF_SS_ACTIVE)) && !(data->extra >> 8 & 0xff);
}

uint64_t arm_guard_exit(IRFunc *ir, const InsnData *data)
{
    if (data->extra & 0xff)
        ir_movi(ir, arm_flag_op, data->extra & 0xff);
    return data->pc;
}

void arm_tb_start(TranslatorContext *ctx)
{
    DisasContext *s = (DisasContext *)ctx;
    uint32_t f = ctx->state.flags;

    s->env = arm_cpu(ctx->cpu);
    s->ir = ctx->ir;
    s->flags = f;
    s->aarch64 = f & TBF_AARCH64;
    s->thumb = !s->aarch64 && f & TBF_THUMB;
    s->m_profile = !s->aarch64 && f & TBF_M;
    s->el = (f & TBF_EL) >> TBF_EL_SHIFT;
    s->mmu_mode = (f & TBF_MMU) >> TBF_MMU_SHIFT;
    s->unpriv_mode = !s->aarch64 || f & TBF_UNPRIV ? ARM_MMU_USER : s->mmu_mode;
    s->fp_el = (f & TBF_FPEL) >> TBF_FPEL_SHIFT;
    s->be_data = f & TBF_BE_DATA;
    s->align = f & TBF_ALIGN;
    s->cc_op = CC_DYNAMIC;
    s->cmp_a = s->cmp_b = s->fcmp = s->fpscr_fcmp = IR_NONE;
    s->cond = 14;
    s->condexec = s->aarch64 ? 0 : (f & TBF_IT) >> TBF_IT_SHIFT;
    s->step = f & TBF_SS_ACTIVE;
    s->state_changed = s->aarch64 && f & TBF_BTYPE;
    if (s->step)
        ctx->max_insns = 1;
}

/* ---- Exclusives and atomics ---- */

IRVal arm_memory_order(DisasContext *s, MemOp op, IRVal v)
{
    static const uint8_t swaps[4] = { 0, IR_BSWAP16, IR_BSWAP32, IR_BSWAP64 };
    IRVal t;

    if (!s->be_data || (op & MO_SIZE) == MO_8)
        return v;
    t = arm_tmp(s);
    ir_op1(s->ir, swaps[op & MO_SIZE], (op & MO_SIZE) == MO_64 ? IR_I64 : IR_I32, t, v);
    return t;
}

void arm_exclusive_load(DisasContext *s, IRVal addr)
{
    if (arm_exclusive_counting)
        ARM_CALL(s, exclusive_load, IR_NONE, addr);
}

void arm_exclusive_count(DisasContext *s, IRVal addr)
{
    if (arm_exclusive_counting)
        ARM_CALL(s, exclusive_count, IR_NONE, addr);
}

void arm_exclusive_store(DisasContext *s, IRType t, MemOp size, IRVal out, IRVal addr, IRVal value)
{
    IRFunc *ir = s->ir;
    MemOp op = (arm_memop(s, size | MO_ALIGN) & ~(unsigned)MO_BE);
    IRVal expected = arm_tmp(s), old = arm_tmp(s), monitored = arm_tmp(s);

    value = arm_memory_order(s, size, value);
    if (arm_exclusive_counting) {
        ir_ld(ir, IR_LD, IR_I64, expected, ARM_OFFSET(exclusive_val));
        expected = arm_memory_order(s, size, expected);
        ARM_CALL(s, exclusive_store, out, addr, expected, value, ir_i32(ir, MEMOPIDX(op, s->mmu_mode)));
        return;
    }
    unsigned fail = ir_new_label(ir);
    ir_movi(ir, out, 1);
    ir_ld(ir, IR_LD, IR_I64, monitored, ARM_OFFSET(exclusive_addr));
    ir_brcond(ir, IR_NE, IR_I64, monitored, addr, fail);
    ir_ld(ir, IR_LD, IR_I64, expected, ARM_OFFSET(exclusive_val));
    expected = arm_memory_order(s, size, expected);
    ir_cmpxchg(ir, t, old, addr, expected, value, op, s->mmu_mode);
    ir_setcond(ir, IR_NE, t, out, old, expected);
    ir_label(ir, fail);
    ir_st(ir, IR_ST, IR_I64, ir_i64(ir, ~0ull), ARM_OFFSET(exclusive_addr));
}

void arm_tb_stop(TranslatorContext *ctx)
{
    DisasContext *s = (DisasContext *)ctx;

    arm_goto(s, arm_next_pc(s));
}

/* The state in which nothing executes; true when an exception was generated instead of an instruction. */
static bool gen_pending_state(DisasContext *s)
{
    bool misaligned = !s->thumb && s->base.pc & 3 && !s->m_profile;

    if (LIKELY(!misaligned && !(s->flags & (TBF_IL | TBF_SS_ACTIVE))))
        return false;
    if (s->step && !(s->flags & TBF_PSTATE_SS)) {
        s->base.pc += 4;
        ARM_CALL0(s, soft_step, IR_NONE);
        ir_exit_tb(s->ir, IR_EXIT_NORMAL);
        s->base.stop = true;
    } else if (s->flags & TBF_IL) {
        s->base.pc += 4;
        arm_gen_exception(s, EXCP_ILLEGAL, ARM_SYNDROME(EC_ILLEGAL, 1, 0), 0);
    } else if (misaligned) {
        s->base.pc += 4;
        arm_gen_exception(s, EXCP_PC_ALIGN, ARM_SYNDROME(EC_PC_ALIGN, 1, 0), 0);
    }
    return s->base.stop;
}

void arm_translate_insn(TranslatorContext *ctx)
{
    DisasContext *s = (DisasContext *)ctx;

    ir_insn_start(s->ir, ctx->pc, s->cc_op | (uint32_t)s->condexec << 8);
    s->fp_checked = false;
    if (gen_pending_state(s))
        return;
    if (s->aarch64) {
        s->insn = translator_fetch32(ctx);
        s->insn_bytes = 4;
        if (!a64_insn(s, s->insn))
            arm_gen_undef(s);
    } else if (s->thumb) {
        thumb_translate_insn(s);
    } else if (s->m_profile) {
        s->base.pc += 4;
        m_gen_usage(s, CFSR_INVSTATE);
    } else {
        a32_translate_insn(s);
    }
}

/* ---- Registers ---- */

IRVal a64_reg(DisasContext *s, unsigned n)
{
    return n == 31 ? ir_i64(s->ir, 0) : cpu_x[n];
}

IRVal a64_dest(DisasContext *s, unsigned n)
{
    return n == 31 ? arm_tmp(s) : cpu_x[n];
}

IRVal a32_reg(DisasContext *s, unsigned n)
{
    return n == 15 ? ir_i64(s->ir, (uint32_t)(arm_pc(s) + (s->thumb ? 4 : 8))) : cpu_x[n];
}

/* ---- Memory ---- */

MemOp arm_memop(const DisasContext *s, MemOp op)
{
    if (s->be_data && (op & MO_SIZE) != MO_8)
        op ^= MO_BE;
    return s->align ? op | MO_ALIGN : op;
}

void arm_ld_mode(DisasContext *s, IRType t, IRVal dst, IRVal addr, MemOp op, unsigned mmu_mode)
{
    ir_guest_ld(s->ir, t, dst, addr, arm_memop(s, op), mmu_mode);
}

void arm_st_mode(DisasContext *s, IRType t, IRVal src, IRVal addr, MemOp op, unsigned mmu_mode)
{
    ir_guest_st(s->ir, t, src, addr, arm_memop(s, op), mmu_mode);
}

void arm_ld(DisasContext *s, IRType t, IRVal dst, IRVal addr, MemOp op)
{
    arm_ld_mode(s, t, dst, addr, op, s->mmu_mode);
}

void arm_st(DisasContext *s, IRType t, IRVal src, IRVal addr, MemOp op)
{
    arm_st_mode(s, t, src, addr, op, s->mmu_mode);
}

/* ---- Exceptions ---- */

void arm_gen_exception(DisasContext *s, int excp, uint32_t syndrome, unsigned target_el)
{
    ARM_CALL(s, raise, IR_NONE, ir_i32(s->ir, (uint32_t)excp), ir_i32(s->ir, syndrome), ir_i32(s->ir, target_el));
    if (!s->cond_jump) {
        ir_exit_tb(s->ir, IR_EXIT_NORMAL);
        s->base.stop = true;
    }
}

void arm_gen_undef(DisasContext *s)
{
    arm_gen_exception(s, EXCP_UDEF, SYN_UNCATEGORIZED, 0);
}

bool arm_fp_check(DisasContext *s)
{
    if (s->m_profile)
        return m_fp_check(s);
    if (LIKELY(!s->fp_el))
        return true;
    /* AArch32 reports the condition and, with TA = 0, no coprocessor number. */
    uint32_t iss = s->aarch64 ? 1u << 24 | 14u << 20 : 1u << 24 | (s->thumb ? 14u : s->cond) << 20 | 10;
    arm_gen_exception(s, EXCP_UDEF, ARM_SYNDROME(EC_FP, s->insn_bytes == 4, iss), s->fp_el);
    return false;
}

/* ---- Regions ---- */

/*
 * SideExit.extra and that of a loop's head: what the code there knows. cc_op | IT << 8 as in InsnData (IT is 0 here: a region does
 * not branch inside an IT block), cc_whole, and whether SideExit.pc is an IRVal that holds the address.
 */
enum { KNOWN_CC_WHOLE = 1u << 16, EXIT_INDIRECT = 1u << 17 };

static uint32_t known_state(const DisasContext *s)
{
    return s->cc_op | (s->cc_whole ? KNOWN_CC_WHOLE : 0);
}

/* TB flags still describe the state, and IT is 0 before and after. */
static bool may_follow(const DisasContext *s)
{
    return !s->step && !s->state_changed && !s->condexec && !(s->thumb && s->flags & TBF_IT);
}

/* What is only good until the next label. */
static void forget_operands(DisasContext *s)
{
    s->cmp_a = s->cmp_b = s->fcmp = s->fpscr_fcmp = IR_NONE;
    s->cmp_carry = false;
    s->word_aligned = 0;
    s->nlanes = 0;
}

bool arm_follow(DisasContext *s, uint64_t pc)
{
    if (!s->aarch64)
        pc = (uint32_t)pc;
    if (s->cond_jump || !may_follow(s) || !translator_can_follow(&s->base, pc))
        return false;
    arm_sync_cc_op(s);
    if (translator_jump(&s->base, pc, known_state(s)))
        forget_operands(s);
    return true;
}

bool arm_tb_follow(TranslatorContext *ctx, uint64_t pc)
{
    return arm_follow((DisasContext *)ctx, pc);
}

bool arm_follow_branch(DisasContext *s, ARMTest t, uint64_t pc)
{
    uint64_t next = arm_next_pc(s);

    if (!s->aarch64)
        pc = (uint32_t)pc;
    bool back = translator_prefers(&s->base, pc, next);
    SideExit exit = { .pc = back ? next : pc, .extra = known_state(s), .taken = !back };
    if (s->cond_jump || !may_follow(s) || !translator_can_follow(&s->base, back ? pc : next))
        return false;
    exit.label = ir_new_label(s->ir);
    ir_brcond(s->ir, back ? ir_cond_negate(t.cond) : t.cond, t.type, t.a, t.b, exit.label);
    translator_side_exit(&s->base, exit);
    if (back && !arm_follow(s, pc))
        arm_goto(s, pc);
    return true;
}

void arm_tb_resume(TranslatorContext *ctx, const SideExit *exit)
{
    DisasContext *s = (DisasContext *)ctx;

    s->cc_op = (uint8_t)exit->extra;
    s->cc_whole = exit->extra & KNOWN_CC_WHOLE;
    s->cc_op_dirty = s->cond_jump = s->state_changed = s->btype_set = false;
    s->condexec = 0;
    forget_operands(s);
}

void arm_tb_side_exit(TranslatorContext *ctx, const SideExit *exit)
{
    DisasContext *s = (DisasContext *)ctx;

    arm_tb_resume(ctx, exit);
    ir_insn_start(s->ir, exit->insn_pc, s->cc_op);
    if (exit->poll) {
        arm_store_pc(s, exit->pc);
        ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    } else {
        arm_goto(s, exit->pc);
    }
}

/* ---- Ends of a TB ---- */

void arm_store_pc(DisasContext *s, uint64_t pc)
{
    ir_st(s->ir, IR_ST, IR_I64, ir_i64(s->ir, pc), ARM_OFFSET(pc));
}

/* Where the state that TB flags describe differs from the TB's own. */
static bool leaves_state(const DisasContext *s)
{
    return s->state_changed || s->step || (s->thumb && s->condexec != (s->flags & TBF_IT) >> TBF_IT_SHIFT);
}

/* What CPUState must hold at every end. */
static void sync_state(DisasContext *s)
{
    bool dirty = s->cc_op_dirty;

    arm_sync_cc_op(s);
    s->cc_op_dirty = dirty && s->cond_jump; /* the path on which the instruction is skipped has not stored it */
    if (s->thumb && (s->condexec || s->flags & TBF_IT))
        ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->condexec), ARM_OFFSET(condexec));
    if (s->aarch64 && s->flags & TBF_BTYPE && !s->btype_set)
        ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, 0), ARM_OFFSET(btype));
    if (s->step) { /* active-pending: the next TB is the exception */
        IRVal t = arm_tmp(s);
        ir_ld(s->ir, IR_LD32U, IR_I64, t, ARM_OFFSET(pstate));
        ir_op2i(s->ir, IR_AND, IR_I64, t, t, ~(uint64_t)PSTATE_SS);
        ir_st(s->ir, IR_ST32, IR_I64, t, ARM_OFFSET(pstate));
    }
}

static void stop_here(DisasContext *s)
{
    if (!s->cond_jump)
        s->base.stop = true;
}

void arm_goto(DisasContext *s, uint64_t pc)
{
    if (!s->aarch64)
        pc = (uint32_t)pc;
    sync_state(s);
    if (leaves_state(s)) {
        arm_store_pc(s, pc);
        ir_goto_lookup(s->ir);
    } else if (s->slots < 2) {
        ir_goto_tb(s->ir, s->slots++, pc, pc);
    } else {
        arm_store_pc(s, pc);
        ir_goto_ptr(s->ir, ir_i64(s->ir, pc));
    }
    stop_here(s);
}

void arm_goto_value(DisasContext *s, IRVal pc)
{
    sync_state(s);
    if (leaves_state(s)) {
        ir_st(s->ir, IR_ST, IR_I64, pc, ARM_OFFSET(pc));
        ir_goto_lookup(s->ir);
    } else {
        ir_goto_pc(s->ir, pc);
    }
    stop_here(s);
}

void a32_goto_interwork(DisasContext *s, IRVal pc)
{
    IRVal target = arm_tmp(s);
    unsigned other = ir_new_label(s->ir);

    if (s->m_profile)
        m_check_return(s, pc);
    sync_state(s);
    ir_brcond(s->ir, s->thumb ? IR_TSTEQ : IR_TSTNE, IR_I32, pc, ir_i32(s->ir, 1), other);
    ir_op2i(s->ir, IR_AND, IR_I32, target, pc, s->thumb ? 0xfffffffe : 0xffffffff);
    if (leaves_state(s)) {
        ir_st(s->ir, IR_ST, IR_I64, target, ARM_OFFSET(pc));
        ir_goto_lookup(s->ir);
    } else {
        ir_goto_pc(s->ir, target);
    }
    ir_label(s->ir, other);
    ir_op2i(s->ir, IR_AND, IR_I32, target, pc, 0xfffffffe);
    ir_st(s->ir, IR_ST, IR_I64, target, ARM_OFFSET(pc));
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, !s->thumb), ARM_OFFSET(thumb));
    ir_goto_lookup(s->ir);
    stop_here(s);
}

void a32_goto_other(DisasContext *s, uint64_t pc)
{
    sync_state(s);
    arm_store_pc(s, (uint32_t)pc);
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, !s->thumb), ARM_OFFSET(thumb));
    ir_goto_lookup(s->ir);
    stop_here(s);
}

void arm_end_lookup(DisasContext *s)
{
    arm_store_pc(s, arm_next_pc(s));
    sync_state(s);
    ir_goto_lookup(s->ir);
    stop_here(s);
}

void arm_end_lookup_here(DisasContext *s)
{
    ir_goto_lookup(s->ir);
    stop_here(s);
}

void arm_goto_by_key(DisasContext *s)
{
    IRFunc *ir = s->ir;
    unsigned waiting = ir_new_label(ir);
    IRVal pending = arm_tmp(s), pc = arm_tmp(s);

    ir_ld(ir, IR_LD32U, IR_I64, pending, (uint32_t)offsetof(CPUState, interrupt_request));
    ir_brcond(ir, IR_NE, IR_I32, pending, ir_i32(ir, 0), waiting);
    ir_ld(ir, IR_LD, IR_I64, pc, ARM_OFFSET(pc));
    ir_goto_ptr(ir, pc);
    ir_label(ir, waiting);
    ir_goto_lookup(ir);
    stop_here(s);
}

void arm_end_sync(DisasContext *s)
{
    if (s->m_profile)
        arm_end_lookup(s);
    else
        arm_goto_value(s, ir_i64(s->ir, s->aarch64 ? arm_next_pc(s) : (uint32_t)arm_next_pc(s)));
}

void arm_end_exit(DisasContext *s)
{
    arm_store_pc(s, arm_next_pc(s));
    sync_state(s);
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    stop_here(s);
}
