/* SPDX-License-Identifier: MIT */
/*
 * Liveness: one backward walk that removes operations nobody reads, tells the allocator in IROp.life
 * where values die, and which temps live across labels.
 *
 * A global is read by everything that lets CPUState be seen: ends of the TB, operations that may fault,
 * helpers that read globals. It dies where it is assigned again or discarded before any of those, so
 * lazily kept flags cost nothing when the next instruction overwrites them. Per label there is a set
 * of values live there; TBs with backward branches are first walked without changes until the sets
 * are stable.
 *
 * The walk also joins "t = op …; g = t" into "g = op …" when t is not needed otherwise, and adds up
 * "v = v + a; v = v + b" when nobody sees v in between (pushes behind a guard).
 *
 * Requires: nothing. Leaves no NOPs.
 */
#include "tcg/ir.h"
#include "tcg/vec.h"
#include <stdlib.h>
#include <string.h>

#define WORDS (IR_MAX_VALS / 64)
#define GLOBAL_WORDS (IR_MAX_GLOBALS / 64)
#define MAX_WALKS 8      /* over loops, before settling for "everything is live" */
#define JOIN_DISTANCE 16 /* operations between a temp's assignment and the move that takes it over */

/* A move "to = temp" met on the way back, waiting for the assignment of temp. */
typedef struct Join {
    uint32_t epoch; /* waiting if equal to Live.epoch */
    uint16_t move;  /* its operation */
    IRVal to;
} Join;

typedef struct Live {
    IRFunc *f;
    unsigned words;
    bool final;                  /* this walk may change operations */
    bool changed;                /* a label's set grew */
    uint64_t live[WORDS];
    uint64_t sync[GLOBAL_WORDS]; /* globals whose present value is seen in CPUState later on */
    uint64_t globals[GLOBAL_WORDS];
    uint32_t epoch;
    Join join[IR_MAX_VALS];      /* by temp */
    struct {
        uint32_t epoch;
        IRVal temp;
    } joins_to[IR_MAX_VALS];     /* by destination */
    struct {
        uint32_t epoch;
        uint16_t op;
    } sum[IR_MAX_VALS];          /* the next operation that has to do with the value is this "v = v + constant" */
    uint64_t label[IR_MAX_LABELS][WORDS];
} Live;

static bool test(const uint64_t *set, IRVal v)
{
    return set[v / 64] >> v % 64 & 1;
}

static void set(uint64_t *set, IRVal v)
{
    set[v / 64] |= 1ull << v % 64;
}

static void clear(uint64_t *set, IRVal v)
{
    set[v / 64] &= ~(1ull << v % 64);
}

static bool is_global(const Live *s, IRVal v)
{
    return v < s->f->nglobals;
}

/* ---- What an operation does to the sets as a whole ---- */

/* Every global is read through CPUState here. */
static void globals_seen(Live *s)
{
    for (unsigned i = 0; i < GLOBAL_WORDS; i++) {
        s->live[i] |= s->globals[i];
        s->sync[i] = s->globals[i];
    }
}

/* End of a basic block: globals that live on are in CPUState (or pinned). */
static void block_end(Live *s)
{
    for (unsigned i = 0; i < GLOBAL_WORDS; i++) {
        s->sync[i] = s->live[i] & s->globals[i];
    }
    s->epoch++;
}

static void at_label(Live *s, unsigned label)
{
    uint64_t *row = s->label[label];

    block_end(s);
    for (unsigned i = 0; i < s->words; i++) {
        if (s->live[i] & ~row[i]) {
            row[i] |= s->live[i];
            s->changed = true;
        }
        s->live[i] = row[i];
    }
    for (unsigned i = 0; i < s->words; i++) {
        uint64_t temps = i < GLOBAL_WORDS ? s->live[i] & ~s->globals[i] : s->live[i];
        for (; temps; temps &= temps - 1) {
            s->f->vals[i * 64 + __builtin_ctzll(temps)].crosses_bb = 1;
        }
    }
}

static void at_branch(Live *s, const IROp *op)
{
    const uint64_t *row = s->label[op->imm];
    bool falls_through = op->opc == IR_BRCOND;

    for (unsigned i = 0; i < s->words; i++) {
        s->live[i] = row[i] | (falls_through ? s->live[i] : 0);
    }
    block_end(s);
}

static void at_exit(Live *s)
{
    memset(s->live, 0, s->words * sizeof(s->live[0]));
    globals_seen(s);
    s->epoch++;
}

static void at_call(Live *s, const HelperInfo *h)
{
    bool reads_none = h->flags & (HF_NO_GLOBALS | HF_PURE);
    bool cannot_fault = h->flags & (HF_NO_FAULT | HF_PURE);

    if (h->flags & HF_NO_RETURN) {
        at_exit(s);
    } else if (!reads_none || !cannot_fault) {
        globals_seen(s);
    }
    s->epoch++;
}

/* Effects other than reading inputs; outputs have been dealt with. */
static void side_effects(Live *s, const IROp *op)
{
    if (op->opc == IR_LABEL) {
        at_label(s, op->imm);
    } else if (op->opc == IR_BR || op->opc == IR_BRCOND) {
        at_branch(s, op);
    } else if (op->opc == IR_CALL) {
        at_call(s, s->f->calls[op->imm]);
    } else if (ir_op_info[op->opc].flags & IRF_TB_END) {
        at_exit(s);
    } else if (ir_op_info[op->opc].flags & IRF_FAULTS) {
        globals_seen(s);
        s->epoch++;
    }
}

/* ---- Joining moves ---- */

/* Notes the move at index i if it may be joined with the assignment of its source. */
static void offer_join(Live *s, const IROp *op, unsigned i)
{
    IRVal from = op->in[0], to = op->out[0];

    if (op->opc != IR_MOV && op->opc != IR_EXT_I32_I64U && op->opc != IR_VMOV) {
        return;
    }
    if (s->f->vals[from].kind == IRK_TEMP && !test(s->live, from)) {
        s->join[from] = (Join){ .epoch = s->epoch, .move = i, .to = to };
        s->joins_to[to].epoch = s->epoch;
        s->joins_to[to].temp = from;
    }
}

/* v is touched by an operation before the move: nobody may assign v earlier than the move does. */
static void refuse_join_to(Live *s, IRVal v)
{
    if (s->joins_to[v].epoch == s->epoch) {
        s->join[s->joins_to[v].temp].epoch = 0;
        s->joins_to[v].epoch = 0;
    }
}

static bool can_join(const Live *s, const IROp *op, unsigned n, unsigned i, const Join *j)
{
    const IRFunc *f = s->f;
    const IROp *move = &f->ops[j->move];
    bool same_type = f->vals[op->out[n]].type == f->vals[j->to].type;
    bool narrow = move->opc == IR_EXT_I32_I64U || move->type == IR_I32;

    if (j->move - i > JOIN_DISTANCE || op->opc == IR_CALL || op->out[!n] == j->to) {
        return false;
    }
    if (narrow && ir_out_type(f, op, n) != IR_I32) {
        return false;
    }
    if (same_type) {
        return true;
    }
    /* I32 to I64, by operations that are defined to zero-extend; the other way readers may want 64 bits. */
    return move->opc != IR_VMOV && f->vals[j->to].type == IR_I64 && op->opc != IR_NEGSETCOND &&
           (ir_op_info[op->opc].flags & IRF_INT || op->opc == IR_GUEST_LD ||
            op->opc == IR_GUEST_LDC || op->opc == IR_HOST_LD);
}

/* If out[n] only waits to be moved, assigns the move's destination instead. */
static void try_join(Live *s, IROp *op, unsigned n, unsigned i)
{
    IRFunc *f = s->f;
    IRVal temp = op->out[n];
    Join *j = &s->join[temp];

    if (j->epoch != s->epoch) {
        return;
    }
    j->epoch = 0;
    s->joins_to[j->to].epoch = 0;
    if (!can_join(s, op, n, i, j)) {
        return;
    }
    for (IROp *p = op + 1; p < &f->ops[j->move]; p++) {
        for (unsigned k = 0; k < ir_op_info[p->opc].ins; k++) {
            if (p->in[k] == temp) {
                p->in[k] = j->to;
            }
        }
    }
    f->ops[j->move].opc = IR_NOP;
    op->out[n] = j->to;
    if (op->opc == IR_SETCOND && f->vals[j->to].type == IR_I64) {
        op->aux |= 0x100;
    }
    /* What the move knew about its destination holds here. */
    clear(s->live, temp);
    set(s->live, j->to);
    if (f->ops[j->move].life & IR_SYNC(0)) {
        set(s->sync, j->to);
    }
}

/* ---- Sums ---- */

static bool adds_constant(const IRFunc *f, const IROp *op)
{
    return op->opc == IR_ADD && op->out[0] == op->in[0] && ir_is_const(f, op->in[1]);
}

/* "v = v + a" with "v = v + b" further on and nothing in between that could see v: the second one adds both. */
static bool join_sums(Live *s, IROp *op)
{
    IRFunc *f = s->f;
    IRVal v = op->out[0];
    IROp *next;

    if (!adds_constant(f, op) || s->sum[v].epoch != s->epoch) {
        return false;
    }
    next = &f->ops[s->sum[v].op];
    if (next->type != op->type) {
        return false;
    }
    next->in[1] = ir_const(f, op->type, f->vals[op->in[1]].value + f->vals[next->in[1]].value);
    op->opc = IR_NOP;
    return true;
}

/* What op has to do with values decides which sums may be joined with one before it. */
static void note_sums(Live *s, const IROp *op, unsigned i)
{
    const IROpInfo *info = &ir_op_info[op->opc];

    for (unsigned n = 0; n < info->outs; n++) {
        if (op->out[n] != IR_NONE) {
            s->sum[op->out[n]].epoch = 0;
        }
    }
    for (unsigned n = 0; n < info->ins; n++) {
        if (op->in[n] != IR_NONE) {
            s->sum[op->in[n]].epoch = 0;
        }
    }
    if (adds_constant(s->f, op)) {
        s->sum[op->out[0]].epoch = s->epoch;
        s->sum[op->out[0]].op = (uint16_t)i;
    }
}

/* ---- One operation ---- */

/* Both halves were asked for but the high one is not read. */
static void drop_high_half(IROp *op)
{
    switch (op->opc) {
    case IR_MULU2: case IR_MULS2:
        op->opc = IR_MUL;
        break;
    case IR_ADD2: case IR_SUB2:
        op->opc = op->opc == IR_ADD2 ? IR_ADD : IR_SUB;
        op->in[1] = op->in[2];
        op->in[2] = op->in[3] = IR_NONE;
        break;
    default:
        return;
    }
    op->out[1] = IR_NONE;
    op->life &= ~IR_UNREAD(1);
}

static bool is_removable(const Live *s, const IROp *op)
{
    if (op->opc == IR_CALL) {
        return s->f->calls[op->imm]->flags & HF_PURE;
    }
    if (op->opc == IR_VCALL) {
        return ((const VecCall *)(uintptr_t)op->imm)->pure;
    }
    if (op->opc == IR_VOP && vec_info[op->imm & 0xffff].flags & VFL_FP) {
        return false; /* sticky flags */
    }
    return !(ir_op_info[op->opc].flags & IRF_SIDE);
}

/* Ends the lives of the outputs; returns false when none of them was needed. */
static bool outputs(Live *s, IROp *op)
{
    bool needed = false;

    for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
        IRVal v = op->out[n];
        if (v == IR_NONE) {
            continue;
        }
        if (!test(s->live, v)) {
            op->life |= IR_UNREAD(n);
            continue;
        }
        needed = true;
        if (is_global(s, v) && test(s->sync, v)) {
            op->life |= IR_SYNC(n);
            clear(s->sync, v);
        }
        clear(s->live, v);
    }
    return needed;
}

static void inputs(Live *s, IROp *op)
{
    unsigned ins = ir_op_info[op->opc].ins;

    for (unsigned n = 0; n < ins; n++) {
        IRVal v = op->in[n];
        if (v != IR_NONE && !test(s->live, v) && s->f->vals[v].kind != IRK_CONST) {
            op->life |= IR_DIES(n);
        }
    }
    for (unsigned n = 0; n < ins; n++) {
        if (op->life & IR_DIES(n)) {
            set(s->live, op->in[n]);
        }
    }
}

/* Destinations of waiting joins that this operation reads or writes cannot be assigned before it. */
static void refuse_joins(Live *s, const IROp *op)
{
    const IROpInfo *info = &ir_op_info[op->opc];

    for (unsigned n = 0; n < info->outs; n++) {
        if (op->out[n] != IR_NONE) {
            refuse_join_to(s, op->out[n]);
        }
    }
    for (unsigned n = 0; n < info->ins; n++) {
        if (op->in[n] != IR_NONE) {
            refuse_join_to(s, op->in[n]);
        }
    }
}

static void walk_op(Live *s, IROp *op, unsigned i)
{
    unsigned outs = ir_op_info[op->opc].outs;
    bool needed;

    op->life = 0;
    if (op->opc == IR_DISCARD) {
        refuse_join_to(s, op->out[0]);
        clear(s->live, op->out[0]);
        clear(s->sync, op->out[0]);
        return;
    }
    if (s->final) {
        for (unsigned n = 0; n < outs; n++) {
            if (op->out[n] != IR_NONE) {
                try_join(s, op, n, i);
            }
        }
        if (join_sums(s, op)) {
            return;
        }
    }
    needed = outputs(s, op);
    if (!needed && outs && is_removable(s, op)) {
        if (s->final) {
            op->opc = IR_NOP;
        }
        return;
    }
    if (s->final) {
        refuse_joins(s, op);
        if (op->life & IR_UNREAD(1)) {
            drop_high_half(op);
        }
        offer_join(s, op, i);
    }
    if (ir_op_info[op->opc].flags & IRF_SIDE) {
        side_effects(s, op);
    }
    if (s->final) {
        note_sums(s, op, i);
    }
    inputs(s, op);
}

static void walk(Live *s)
{
    IRFunc *f = s->f;

    s->changed = false;
    memset(s->live, 0, s->words * sizeof(s->live[0]));
    memset(s->sync, 0, sizeof(s->sync));
    for (unsigned i = f->nops; i-- > 0;) {
        if (f->ops[i].opc != IR_NOP) {
            walk_op(s, &f->ops[i], i);
        }
    }
}

/* ---- Loops ---- */

static bool has_backward_branch(const IRFunc *f)
{
    uint64_t seen[IR_MAX_LABELS / 64] = { 0 };

    if (f->nlabels == 0) {
        return false;
    }
    for (unsigned i = 0; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_LABEL) {
            seen[op->imm / 64] |= 1ull << op->imm % 64;
        } else if ((op->opc == IR_BR || op->opc == IR_BRCOND) && seen[op->imm / 64] >> op->imm % 64 & 1) {
            return true;
        }
    }
    return false;
}

/* Fills the labels' sets of a TB with loops; they only grow, so a walk without change is the end. */
static void settle_labels(Live *s)
{
    s->final = false;
    for (unsigned n = 0; n < MAX_WALKS; n++) {
        walk(s);
        if (!s->changed) {
            return;
        }
    }
    for (unsigned l = 0; l < s->f->nlabels; l++) {
        for (IRVal v = 0; v < s->f->nvals; v++) {
            if (s->f->vals[v].kind != IRK_CONST) {
                set(s->label[l], v);
            }
        }
    }
}

static void remove_nops(IRFunc *f)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < f->nops; i++) {
        if (f->ops[i].opc != IR_NOP) {
            if (kept != i) {
                f->ops[kept] = f->ops[i];
            }
            kept++;
        }
    }
    f->nops = kept;
}

void tcg_liveness(IRFunc *f)
{
    Live *s = f->live;

    if (!s) {
        s = f->live = calloc(1, sizeof(*s));
    }
    s->f = f;
    s->words = f->nvals / 64 + 1;
    if (s->words < GLOBAL_WORDS) {
        s->words = GLOBAL_WORDS;
    }
    for (unsigned i = 0; i < GLOBAL_WORDS; i++) {
        unsigned n = f->nglobals > i * 64 ? f->nglobals - i * 64 : 0;
        s->globals[i] = n >= 64 ? ~0ull : (1ull << n) - 1;
    }
    for (unsigned l = 0; l < f->nlabels; l++) {
        memset(s->label[l], 0, s->words * sizeof(s->live[0]));
    }
    if (++s->epoch > UINT32_MAX / 2) { /* far from wrapping around within a TB */
        memset(s->join, 0, sizeof(s->join));
        memset(s->joins_to, 0, sizeof(s->joins_to));
        memset(s->sum, 0, sizeof(s->sum));
        s->epoch = 1;
    }
    if (has_backward_branch(f)) {
        settle_labels(s);
    }
    s->final = true;
    walk(s);
    remove_nops(f);
}

const uint64_t *ir_live_row(const IRFunc *f, unsigned label)
{
    const Live *s = f->live;

    return s->label[label];
}

bool ir_live_at(const IRFunc *f, unsigned label, IRVal v)
{
    const Live *s = f->live;

    return test(s->label[label], v);
}
