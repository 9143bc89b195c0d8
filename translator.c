/* SPDX-License-Identifier: MIT */
/*
 * The target-independent loop that translates one TB. A TB stays on the page it starts on; only its
 * first instruction may continue on the next page, and then it is the TB's last. So a direct jump from
 * one TB to another on the same page never depends on the mapping of a third page.
 */
#include "exec/translator.h"
#include "exec/icount.h"
#include "exec/tb-internal.h"
#include "exec/tlb.h"
#include "symbols.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

/* The IR may grow by this much in one instruction without a check in between. */
#define OPS_PER_INSN 600
#define VALS_PER_INSN 400
#define SIDE_EXITS_MAX 16
#define ALL_EXITS_MAX 48   /* with those of side paths */
#define SIDE_PATH_INSNS 32 /* longest way from a side exit back to the loop's head */
#define HEADS_MAX 3
#define LOOP_INSNS 24 /* a short loop is repeated up to so many instructions */
#define LOOP_ROUNDS 4

typedef enum GiveUp { GIVE_UP_END_BEFORE = 1, GIVE_UP_NEED_PAGE2 } GiveUp;

/* Of the calling thread. */
static __thread struct {
    TranslatorContext *ctx; /* target->context_size bytes */
    void *saved;            /* copy of it at the start of the instruction */
    size_t size;
    jmp_buf env;
    unsigned nops, ninsns, ncalls, nlabels; /* of the IR, at the start of the instruction */
    unsigned nexits, saved_exits;
    SideExit exits[ALL_EXITS_MAX];
    bool emitted[ALL_EXITS_MAX];
    unsigned head_exits;    /* exits registered before the loop's head */
    unsigned next_exit;     /* to try a side path from */
    bool side_path;         /* one is being translated */
    bool early;             /* from an exit before the loop's head: these come last */
    bool closed;            /* and reached the head */
    struct { unsigned nops, ninsns, ncalls, nlabels, nexits; void *ctx; } path; /* at its start */
    uint64_t visited[PAGE_SIZE_ / 64]; /* bit per byte of the page: an instruction starts here. Regions only */
    uint64_t in_loop[PAGE_SIZE_ / 64]; /* the same since the loop's head */
    bool jumped;            /* translator_jump was called for this instruction */
} tr;

static void prepare_context(const TargetOps *target)
{
    if (tr.size == target->context_size)
        return;
    translator_exit();
    tr.ctx = g_malloc(target->context_size);
    tr.saved = g_malloc(target->context_size);
    tr.path.ctx = g_malloc(target->context_size);
    tr.size = target->context_size;
}

void translator_exit(void)
{
    g_free(tr.ctx);
    g_free(tr.saved);
    g_free(tr.path.ctx);
    tr.ctx = NULL;
    tr.saved = NULL;
    tr.path.ctx = NULL;
    tr.size = 0;
}

/* ---- Fetching ---- */

/* Bytes at pc, at least one; *room says how many are there. */
static const uint8_t *code_bytes(TranslatorContext *ctx, uint64_t pc, unsigned *room)
{
    uint64_t page = pc & PAGE_MASK, offset = pc & ~PAGE_MASK;
    *room = (unsigned)(PAGE_SIZE_ - offset);
    if (LIKELY(page == ctx->host_page[0]))
        return ctx->host[0] + offset;
    if (ctx->insns > 1)
        longjmp(tr.env, GIVE_UP_END_BEFORE);
    if (!ctx->host[1] || page != ctx->host_page[1])
        longjmp(tr.env, GIVE_UP_NEED_PAGE2);
    return ctx->host[1] + offset;
}

static uint64_t fetch(TranslatorContext *ctx, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0, room; i < size; i += room) {
        const uint8_t *p = code_bytes(ctx, ctx->pc, &room);
        room = MIN(room, size - i);
        memcpy((uint8_t *)&v + i, p, room);
        ctx->pc += room;
    }
    return v;
}

uint8_t translator_fetch8(TranslatorContext *ctx)
{
    return (uint8_t)fetch(ctx, 1);
}

uint16_t translator_fetch16(TranslatorContext *ctx)
{
    return (uint16_t)fetch(ctx, 2);
}

uint32_t translator_fetch32(TranslatorContext *ctx)
{
    return (uint32_t)fetch(ctx, 4);
}

uint64_t translator_fetch64(TranslatorContext *ctx)
{
    return fetch(ctx, 8);
}

void translator_end_before(TranslatorContext *ctx)
{
    if (ctx->insns > 1)
        longjmp(tr.env, GIVE_UP_END_BEFORE);
}

bool translator_same_page(const TranslatorContext *ctx, uint64_t pc)
{
    return ((pc ^ ctx->state.pc) & PAGE_MASK) == 0;
}

/* ---- Breakpoints ---- */

static void helper_engine_breakpoint(CPUState *cpu)
{
    cpu->breakpoint_hit = true;
    cpu->icount_left += icount_enabled(); /* nothing was executed */
    cpu->exception_index = EXCP_DEBUG;
    cpu_loop_exit(cpu);
}

static const HelperInfo breakpoint_helper = {
    .name = "breakpoint",
    .func = (void *)helper_engine_breakpoint,
    .flags = HF_NO_RETURN,
    .args = { HARG_ENV },
};

/* The whole TB is: stop here. */
static void emit_breakpoint(TranslatorContext *ctx)
{
    IRFunc *ir = ctx->ir;
    ir_insn_start(ir, ctx->pc, 0);
    ir_st(ir, IR_ST, IR_I64, ir_i64(ir, ctx->pc - ctx->state.cs_base), ctx->cpu->target->pc_offset);
    ir_call(ir, &breakpoint_helper, IR_NONE, NULL, 0);
    ir_exit_tb(ir, IR_EXIT_NORMAL);
    ctx->insns = 1;
    ctx->pc++;
    ctx->stop = true;
}

/* ---- The loop ---- */

static void save_point(TranslatorContext *ctx)
{
    memcpy(tr.saved, ctx, tr.size);
    tr.nops = ctx->ir->nops;
    tr.ninsns = ctx->ir->ninsns;
    tr.ncalls = ctx->ir->ncalls;
    tr.nlabels = ctx->ir->nlabels;
    tr.saved_exits = tr.nexits;
}

/* Forgets the current instruction, in the IR and in the front end. Interned constants stay. */
static void back_to_save_point(TranslatorContext *ctx)
{
    memcpy(ctx, tr.saved, tr.size);
    ctx->ir->nops = tr.nops;
    ctx->ir->ninsns = tr.ninsns;
    ctx->ir->ncalls = tr.ncalls;
    ctx->ir->nlabels = tr.nlabels;
    tr.nexits = tr.saved_exits;
}

/* False when the TB should end before the instruction at ctx->pc. */
static bool may_continue(const TranslatorContext *ctx)
{
    const IRFunc *ir = ctx->ir;
    return ctx->insns < ctx->max_insns && translator_same_page(ctx, ctx->pc) &&
           ir->nops + OPS_PER_INSN < IR_MAX_OPS && ir->nvals + VALS_PER_INSN < IR_MAX_VALS &&
           ir->nlabels + 32 < IR_MAX_LABELS && ir->ncalls + 32 < ARRAY_SIZE(ir->calls);
}

/* ---- Regions ---- */

static unsigned page_offset(uint64_t pc)
{
    return (unsigned)(pc & ~PAGE_MASK);
}

/* How often the TB at pc has been entered, as far as its count tells. */
static int32_t entries(const TranslatorContext *ctx, uint64_t pc)
{
    const int32_t hot = (int32_t)tcg_options()->hot;
    TBState state = ctx->state;
    hwaddr page = ctx->ir->tb->phys_pc;
    state.pc = pc;
    const TranslationBlock *tb = page != (hwaddr)-1 ? tb_hash_find((page & PAGE_MASK) | page_offset(pc), &state) : NULL;
    if (!tb)
        return 0;
    if (tb->flags & TB_REGION)
        return hot;
    if (!(tb->flags & TB_COUNTED))
        return hot / 4; /* it ends in a way that no region goes on behind */
    return hot - MAX(ctx->cpu->heat[heat_slot(tb->code)], 0);
}

bool translator_prefers(const TranslatorContext *ctx, uint64_t to, uint64_t on)
{
    bool back = to <= ctx->insn_pc;
    if (!ctx->region || !translator_same_page(ctx, to))
        return false;
    if (back && translator_visited(ctx, to))
        return true;
    if (!translator_same_page(ctx, on))
        return true;
    int32_t t = entries(ctx, to), o = entries(ctx, on);
    if (abs(t - o) > MAX(t, o) / 4)
        return t > o;
    return back;
}

bool translator_can_follow(TranslatorContext *ctx, uint64_t pc)
{
    if (!translator_same_page(ctx, pc) || ctx->insns + 1 >= ctx->max_insns ||
        tr.nexits + 2 > (tr.side_path ? ALL_EXITS_MAX : SIDE_EXITS_MAX) || !ctx->cpu->target->tb_side_exit)
        return false;
    ctx->extendable = true;
    return ctx->region;
}

static bool has(const uint64_t *set, uint64_t pc)
{
    return set[page_offset(pc) / 64] >> page_offset(pc) % 64 & 1;
}

bool translator_visited(const TranslatorContext *ctx, uint64_t pc)
{
    return ctx->region && has(tr.visited, pc);
}

void translator_side_exit(TranslatorContext *ctx, SideExit exit)
{
    exit.insn_pc = ctx->insn_pc;
    tr.emitted[tr.nexits] = false;
    tr.exits[tr.nexits++] = exit;
}

/* Back to the head, unless something wants attention. */
static void close_loop(TranslatorContext *ctx)
{
    IRFunc *ir = ctx->ir;
    IRVal request = ir_temp(ir, IR_I64);
    SideExit exit = { .label = ir_new_label(ir), .pc = ctx->head.pc, .extra = ctx->head.extra, .taken = true, .poll = true };

    ir_ld(ir, IR_LD32U, IR_I64, request, offsetof(CPUState, exit_request));
    ir_brcond(ir, IR_NE, IR_I32, request, ir_i32(ir, 0), exit.label);
    translator_side_exit(ctx, exit);
    ir_br(ir, ctx->head.label);
    ctx->ir->tb->flags |= TB_LOOP;
    ctx->stop = true;
}

bool translator_jump(TranslatorContext *ctx, uint64_t pc, uint32_t extra)
{
    bool again = translator_visited(ctx, pc), to_head = again && ctx->head.label != ~0u && ctx->head.pc == pc && ctx->head.extra == extra;

    tr.jumped = true;
    ctx->end = MAX(ctx->end, ctx->pc);
    if (tr.side_path) { /* what it passes is there a second time; only the way to the head has no end */
        tr.closed = to_head;
        if (tr.closed) {
            close_loop(ctx);
            ctx->ir->early_paths |= tr.early;
        } else {
            ctx->pc = pc;
        }
        return false;
    }
    if (to_head) {
        unsigned body = (ctx->insns - ctx->head.insns) / ++ctx->head.rounds;
        if (ctx->head.rounds >= LOOP_ROUNDS || (ctx->head.rounds + 1) * body > LOOP_INSNS) {
            close_loop(ctx);
            return false;
        }
        ctx->pc = pc;
        return false;
    }
    ctx->pc = pc;
    /* What was seen before the head only is on the way round; seen since, it is the head of a loop within. */
    if (!again || (ctx->head.label != ~0u && !has(tr.in_loop, pc)) || ctx->nheads == HEADS_MAX)
        return false;
    memset(tr.in_loop, 0, sizeof(tr.in_loop));
    ctx->nheads++;
    ctx->head.pc = pc;
    ctx->head.extra = extra;
    ctx->head.label = ir_new_label(ctx->ir);
    ctx->head.insns = ctx->insns;
    ctx->head.rounds = 0;
    tr.head_exits = tr.nexits;
    ir_label(ctx->ir, ctx->head.label);
    return true;
}

/*
 * Side paths: where the target can go on behind a side exit, what is executed from there back to the loop's head becomes a part of the
 * region, so that a branch that goes one way and the other stays in it. From exits before the head, too: else a loop whose first
 * branch goes the other way would leave each time round.
 */
static bool try_side_path(const TranslatorContext *ctx, const SideExit *exit)
{
    const IRFunc *ir = ctx->ir;
    return !exit->poll && ctx->cpu->target->tb_resume && ctx->head.label != ~0u && translator_same_page(ctx, exit->pc) &&
           tr.nexits + 3 < ALL_EXITS_MAX && ir->nops < IR_MAX_OPS / 2 && ir->nvals < IR_MAX_VALS / 2 &&
           ir->nlabels < IR_MAX_LABELS / 2 && ir->ninsns + 2 * SIDE_PATH_INSNS < IR_MAX_INSNS && ir->ncalls < ARRAY_SIZE(ir->calls) / 2;
}

/* Begins the next side path; false when there is none left. */
static bool begin_side_path(TranslatorContext *ctx)
{
    for (; ctx->region; tr.next_exit++) {
        if (!tr.early && tr.next_exit == tr.nexits) {
            tr.early = true;
            tr.next_exit = 0;
        }
        if (tr.early && tr.next_exit >= tr.head_exits)
            return false;
        const SideExit *exit = &tr.exits[tr.next_exit];
        if (!try_side_path(ctx, exit))
            continue;
        ctx->end = MAX(ctx->end, ctx->pc);
        memcpy(tr.path.ctx, ctx, tr.size);
        tr.path.nops = ctx->ir->nops;
        tr.path.ninsns = ctx->ir->ninsns;
        tr.path.ncalls = ctx->ir->ncalls;
        tr.path.nlabels = ctx->ir->nlabels;
        tr.path.nexits = tr.nexits;
        tr.side_path = true;
        tr.closed = false;
        ir_label(ctx->ir, exit->label);
        ctx->stop = false;
        ctx->insn_pc = exit->insn_pc;
        ctx->pc = exit->pc;
        ctx->max_insns = ctx->insns + SIDE_PATH_INSNS;
        ctx->cpu->target->tb_resume(ctx, exit);
        return true;
    }
    return false;
}

/* Keeps the path if it led to the head; else the exit is an ordinary one. */
static void end_side_path(TranslatorContext *ctx)
{
    unsigned max_insns = ((TranslatorContext *)tr.path.ctx)->max_insns;
    tr.side_path = false;
    tr.emitted[tr.next_exit++] = tr.closed;
    if (!tr.closed) {
        memcpy(ctx, tr.path.ctx, tr.size);
        ctx->ir->nops = tr.path.nops;
        ctx->ir->ninsns = tr.path.ninsns;
        ctx->ir->ncalls = tr.path.ncalls;
        ctx->ir->nlabels = tr.path.nlabels;
        tr.nexits = tr.path.nexits;
    }
    ctx->max_insns = max_insns;
}

static void emit_side_exits(TranslatorContext *ctx)
{
    for (unsigned i = 0; i < tr.nexits; i++) {
        if (tr.emitted[i])
            continue;
        ir_label(ctx->ir, tr.exits[i].label);
        ctx->insn_pc = tr.exits[i].insn_pc;
        ctx->cpu->target->tb_side_exit(ctx, &tr.exits[i]);
    }
}

/*
 * Under -icount a TB counts all its instructions when it is entered. So nothing may follow an instruction that can leave it
 * (but by a fault: that is put right), nor one that reaches a device or a counter, which see the clock at the TB's end.
 */
static bool ends_counted(const TranslatorContext *ctx)
{
    const IRFunc *ir = ctx->ir;
    if (!icount_enabled())
        return false;
    for (unsigned i = tr.ncalls; i < ir->ncalls; i++)
        if (ir->calls[i]->flags & HF_IO)
            return true;
    for (unsigned i = tr.nops; i < ir->nops; i++)
        if (ir_op_info[ir->ops[i].opc].flags & IRF_TB_END)
            return true;
    return false;
}

/* The next instruction is one that the region has: at its head a loop closes, or begins, without a jump. */
static bool comes_round(const TranslatorContext *ctx)
{
    return ctx->region && !tr.jumped && ctx->cpu->target->tb_follow && translator_same_page(ctx, ctx->pc) &&
           (tr.side_path ? ctx->pc == ctx->head.pc : translator_visited(ctx, ctx->pc));
}

/* Translates instructions until one ends the TB; false when the TB was left open. */
static bool translate_insns(TranslatorContext *ctx)
{
    const CPUState *cpu = ctx->cpu;
    uint64_t breakpoint = cpu->skip_breakpoint ? UINT64_MAX : breakpoint_next(ctx->pc), last = ctx->pc;
    do {
        if (UNLIKELY(ctx->pc > breakpoint || (ctx->pc < last && !cpu->skip_breakpoint)))
            breakpoint = breakpoint_next(ctx->pc);
        last = ctx->pc;
        if (UNLIKELY(ctx->pc == breakpoint)) {
            if (ctx->insns)
                return false;
            emit_breakpoint(ctx);
            return true;
        }
        save_point(ctx);
        ctx->insn_pc = ctx->pc;
        ctx->begin = MIN(ctx->begin, ctx->pc);
        ctx->insns++;
        tr.jumped = false;
        cpu->target->translate_insn(ctx);
        if (ctx->region) {
            tr.visited[page_offset(ctx->insn_pc) / 64] |= 1ull << page_offset(ctx->insn_pc) % 64;
            tr.in_loop[page_offset(ctx->insn_pc) / 64] |= 1ull << page_offset(ctx->insn_pc) % 64;
        }
        if (ctx->stop)
            return true;
        if (comes_round(ctx) && cpu->target->tb_follow(ctx, ctx->pc) && ctx->stop)
            return true;
        if (UNLIKELY(ends_counted(ctx)))
            return false;
    } while (may_continue(ctx));
    return false;
}

static void log_guest_code(const TranslatorContext *ctx, const TranslationBlock *tb)
{
    uint8_t bytes[PAGE_SIZE_];
    uint32_t first = (uint32_t)MIN(tb->size, PAGE_SIZE_ - (tb->state.pc & ~PAGE_MASK));
    FILE *out = log_lock();
    if (!out)
        return;
    memcpy(bytes, ctx->host[0] + (tb->state.pc & ~PAGE_MASK), first);
    if (tb->size > first)
        memcpy(bytes + first, ctx->host[1], tb->size - first);
    uint64_t distance;
    const char *name = symbols_find(tb->state.pc, true, &distance);
    fprintf(out, "----------------\nIN: %s\n", name ? name : "");
    ctx->cpu->target->disas(out, ctx->cpu, tb->state.flags, tb->state.pc, bytes, tb->size);
    fputc('\n', out);
    log_unlock(out);
}

TranslateResult translator_loop(CPUState *cpu, TranslationBlock *tb, unsigned max_insns, const CodePage *page1,
                                const CodePage *page2)
{
    prepare_context(cpu->target);
    TranslatorContext *ctx = tr.ctx;
    memset(ctx, 0, tr.size);
    *ctx = (TranslatorContext){
        .cpu = cpu, .ir = cpu->ir, .state = tb->state, .pc = tb->state.pc, .begin = tb->state.pc, .max_insns = max_insns,
        .host = { page1->host, page2 ? page2->host : NULL },
        .host_page = { page1->va, page2 ? page2->va : 0 },
        .region = tb->flags & TB_REGION, .head.label = ~0u,
    };
    tr.nexits = tr.next_exit = tr.head_exits = 0;
    tr.side_path = tr.early = false;
    if (ctx->region) {
        memset(tr.visited, 0, sizeof(tr.visited));
        memset(tr.in_loop, 0, sizeof(tr.in_loop));
    }
    ir_func_begin(cpu->ir, tb);

    switch (setjmp(tr.env)) {
    case 0:
        cpu->target->tb_start(ctx);
        if (!translate_insns(ctx))
            cpu->target->tb_stop(ctx);
        break;
    case GIVE_UP_END_BEFORE:
        back_to_save_point(tr.ctx);
        cpu->target->tb_stop(tr.ctx);
        break;
    default:
        return TRANSLATE_NEED_PAGE2;
    }
    ctx = tr.ctx;
    if (tr.side_path)
        end_side_path(ctx);
    if (!tr.early)
        tr.next_exit = MAX(tr.next_exit, tr.head_exits);
    while (begin_side_path(ctx)) {
        if (!translate_insns(ctx)) /* may leave by GIVE_UP_END_BEFORE, and comes here again */
            ctx->cpu->target->tb_stop(ctx);
        end_side_path(ctx);
    }
    emit_side_exits(ctx);
    if (cpu->ir->overflow)
        return TRANSLATE_OVERFLOW;
    if (ctx->extendable && !ctx->region && !tb->state.careful && !(tb->flags & (TB_ONE_INSN | TB_NOCHAIN | TB_ICOUNT)) && max_insns > 1 &&
        tcg_options()->hot && !tcg_options()->one_insn_per_tb)
        tb->flags |= TB_COUNTED;
    tb->size = (uint32_t)(MAX(ctx->end, ctx->pc) - tb->state.pc);
    tb->before = (uint16_t)(tb->state.pc - ctx->begin);
    tb->insns = (uint16_t)ctx->insns;
    if (log_enabled(LOG_IN_ASM) && log_in_filter(tb->state.pc))
        log_guest_code(ctx, tb);
    return TRANSLATE_OK;
}
