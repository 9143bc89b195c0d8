/* SPDX-License-Identifier: MIT */
/*
 * Sinking: an operation whose result is read on ways out of the usual path only, and not on that path before it is assigned again, moves to where
 * those ways begin: lazily kept flags cost the path of a region nothing then. With several such ways each gets a copy. A way out is a branch to a
 * label further down that no other branch names and no operation falls into, so that everything is there as the branch left it.
 *
 * One backward walk. "Hot" values are read on the path itself, or through CPUState by something on it; of the others the walk knows the branches at
 * whose labels they are read. When it meets the assignment of such a value, and the assignment's inputs are still the same at the branches, it
 * is removed, and its inputs count as read at those labels.
 *
 * Requires: tcg_liveness, which must run again (returns whether). Leaves no NOPs.
 */
#include "tcg/ir.h"
#include <stdlib.h>
#include <string.h>

#define WORDS (IR_MAX_VALS / 64)
#define WAYS_MAX 6    /* copies of an operation */
#define SUNK_MAX 1024 /* copies in a TB */

typedef struct Ways {
    uint16_t branch[WAYS_MAX]; /* descending */
    uint8_t n;
    bool too_many;
} Ways;

typedef struct Sink {
    const IRFunc *f;
    unsigned words, nsunk;
    uint16_t clobbered;                 /* the next operation further down that assigns globals in a way of its own */
    uint64_t hot[WORDS], waiting[WORDS];/* the latter: ways is not empty */
    uint64_t removed[IR_MAX_OPS / 64];
    uint64_t way_out[IR_MAX_LABELS / 64];
    uint16_t assigned[IR_MAX_VALS];     /* the next operation further down that assigns the value */
    Ways ways[IR_MAX_VALS];
    struct { uint16_t op, next; } sunk[SUNK_MAX + 1];
    uint16_t first[IR_MAX_LABELS];      /* copies at the label, in the order of the operations; 0 = no more */
    IROp ops[IR_MAX_OPS];               /* the new list */
} Sink;

static bool test(const uint64_t *set, unsigned n) { return set[n / 64] >> n % 64 & 1; }
static void set(uint64_t *set, unsigned n) { set[n / 64] |= 1ull << n % 64; }
static void clear(uint64_t *set, unsigned n) { set[n / 64] &= ~(1ull << n % 64); }

static bool is_branch(const IROp *op)
{
    return op->opc == IR_BR || op->opc == IR_BRCOND;
}

static bool never_goes_on(const IRFunc *f, const IROp *op)
{
    return ir_op_info[op->opc].flags & IRF_TB_END || (op->opc == IR_CALL && f->calls[op->imm]->flags & HF_NO_RETURN);
}

static void find_ways_out(Sink *s)
{
    const IRFunc *f = s->f;
    uint16_t uses[IR_MAX_LABELS] = { 0 };

    memset(s->way_out, 0, sizeof(s->way_out));
    for (unsigned i = 0; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (is_branch(op)) {
            uses[op->imm]++;
        } else if (op->opc == IR_LABEL && uses[op->imm] == 1 && i && never_goes_on(f, op - 1)) {
            set(s->way_out, (unsigned)op->imm);
        }
    }
    for (unsigned i = 0; i < f->nops; i++) { /* branches up, too */
        if (is_branch(&f->ops[i]) && uses[f->ops[i].imm] != 1) {
            clear(s->way_out, (unsigned)f->ops[i].imm);
        }
    }
}

/* ---- The walk's sets ---- */

static void forget_ways(Sink *s, IRVal v)
{
    s->ways[v].n = 0;
    s->ways[v].too_many = false;
    clear(s->waiting, v);
}

static void make_hot(Sink *s, IRVal v)
{
    set(s->hot, v);
    forget_ways(s, v);
}

static void only_hot(Sink *s, const uint64_t *row)
{
    for (unsigned w = 0; w < s->words; w++) {
        for (uint64_t m = s->waiting[w]; m; m &= m - 1) {
            s->ways[w * 64 + (unsigned)__builtin_ctzll(m)] = (Ways){ 0 };
        }
        s->waiting[w] = 0;
        s->hot[w] = row ? row[w] : 0;
    }
}

static void globals_hot(Sink *s)
{
    for (IRVal g = 0; g < s->f->nglobals; g++) {
        make_hot(s, g);
    }
}

static void add_way(Sink *s, IRVal v, unsigned branch)
{
    Ways *w = &s->ways[v];
    unsigned at = w->n;

    while (at && w->branch[at - 1] < branch) {
        at--;
    }
    set(s->waiting, v);
    if (at && w->branch[at - 1] == branch) {
        return;
    }
    if (w->n == WAYS_MAX) {
        w->too_many = true;
        return;
    }
    memmove(&w->branch[at + 1], &w->branch[at], (w->n - at) * sizeof(w->branch[0]));
    w->branch[at] = (uint16_t)branch;
    w->n++;
}

static void at_way_out(Sink *s, const IROp *op, unsigned i)
{
    const uint64_t *row = ir_live_row(s->f, (unsigned)op->imm);

    for (unsigned w = 0; w < s->words; w++) {
        for (uint64_t m = row[w] & ~s->hot[w]; m; m &= m - 1) {
            add_way(s, (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m)), i);
        }
    }
}

static void at_branch(Sink *s, const IROp *op, unsigned i)
{
    const uint64_t *row = ir_live_row(s->f, (unsigned)op->imm);

    if (op->opc == IR_BR) {
        only_hot(s, row);
    } else if (test(s->way_out, (unsigned)op->imm)) {
        at_way_out(s, op, i);
    } else {
        for (unsigned w = 0; w < s->words; w++) {
            for (uint64_t m = row[w]; m; m &= m - 1) {
                make_hot(s, (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m)));
            }
        }
    }
}

static void side_effects(Sink *s, const IROp *op, unsigned i)
{
    const HelperInfo *h = op->opc == IR_CALL ? s->f->calls[op->imm] : NULL;

    if (op->opc == IR_LABEL) {
        only_hot(s, ir_live_row(s->f, (unsigned)op->imm));
    } else if (is_branch(op)) {
        at_branch(s, op, i);
    } else if (never_goes_on(s->f, op)) {
        only_hot(s, NULL);
        globals_hot(s);
    } else if (h) {
        if (!(h->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE))) {
            s->clobbered = (uint16_t)i;
        }
        if (!(h->flags & (HF_NO_GLOBALS | HF_PURE)) || !(h->flags & (HF_NO_FAULT | HF_PURE))) {
            globals_hot(s);
        }
    } else if (ir_op_info[op->opc].flags & IRF_FAULTS) {
        globals_hot(s);
    }
}

/* ---- Moving ---- */

static bool is_constant(const IRFunc *f, const IROp *op)
{
    for (unsigned n = 0; n < ir_op_info[op->opc].ins; n++) {
        if (!ir_is_const(f, op->in[n])) {
            return false;
        }
    }
    return true;
}

/* Its inputs are the same at every way. What is constant the back end does not compute before it is needed anyway. */
static bool may_sink(const Sink *s, const IROp *op, const Ways *w)
{
    const IROpInfo *info = &ir_op_info[op->opc];

    if (!w->n || w->too_many || info->flags != (info->flags & (IRF_INT | IRF_COMMUTES)) || !(info->flags & IRF_INT) || info->outs != 1 ||
        is_constant(s->f, op) || s->nsunk + w->n > SUNK_MAX) {
        return false;
    }
    for (unsigned n = 0; n < info->ins; n++) {
        IRVal v = op->in[n];
        if (!ir_is_const(s->f, v) && (s->assigned[v] <= w->branch[0] || (v < s->f->nglobals && s->clobbered <= w->branch[0]))) {
            return false;
        }
    }
    return true;
}

static void sink(Sink *s, const IROp *op, unsigned i)
{
    Ways w = s->ways[op->out[0]];

    for (unsigned n = 0; n < w.n; n++) {
        unsigned label = (unsigned)s->f->ops[w.branch[n]].imm;
        s->nsunk++;
        s->sunk[s->nsunk].op = (uint16_t)i;
        s->sunk[s->nsunk].next = s->first[label];
        s->first[label] = (uint16_t)s->nsunk;
    }
    set(s->removed, i);
    forget_ways(s, op->out[0]);
    for (unsigned k = 0; k < ir_op_info[op->opc].ins; k++) {
        if (ir_is_const(s->f, op->in[k]) || test(s->hot, op->in[k])) {
            continue;
        }
        for (unsigned n = 0; n < w.n; n++) {
            add_way(s, op->in[k], w.branch[n]);
        }
    }
}

static void walk_op(Sink *s, unsigned i)
{
    const IROp *op = &s->f->ops[i];
    const IROpInfo *info = &ir_op_info[op->opc];

    if (info->outs == 1 && op->out[0] != IR_NONE && !test(s->hot, op->out[0]) && may_sink(s, op, &s->ways[op->out[0]])) {
        sink(s, op, i);
        return;
    }
    for (unsigned n = 0; n < info->outs; n++) {
        IRVal v = op->out[n];
        if (v != IR_NONE) {
            s->assigned[v] = (uint16_t)i;
            forget_ways(s, v);
            clear(s->hot, v);
        }
    }
    if (info->flags & IRF_SIDE) {
        side_effects(s, op, i);
    } else if (info->flags & IRF_FAULTS) {
        globals_hot(s);
    }
    for (unsigned n = 0; n < info->ins; n++) {
        if (op->in[n] != IR_NONE && !ir_is_const(s->f, op->in[n])) {
            make_hot(s, op->in[n]);
        }
    }
}

static void rebuild(Sink *s, IRFunc *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->nops; i++) {
        if (test(s->removed, i)) {
            continue;
        }
        s->ops[n++] = f->ops[i];
        if (f->ops[i].opc == IR_LABEL) {
            for (unsigned k = s->first[f->ops[i].imm]; k; k = s->sunk[k].next) {
                s->ops[n++] = f->ops[s->sunk[k].op];
            }
        }
    }
    memcpy(f->ops, s->ops, n * sizeof(s->ops[0]));
    f->nops = n;
}

bool tcg_sink(IRFunc *f)
{
    Sink *s = f->sink;

    if (!f->nlabels || f->nops + SUNK_MAX > IR_MAX_OPS) {
        return false;
    }
    if (!s) {
        s = f->sink = calloc(1, sizeof(*s));
    }
    s->f = f;
    s->words = f->nvals / 64 + 1;
    s->nsunk = 0;
    s->clobbered = UINT16_MAX;
    only_hot(s, NULL);
    memset(s->removed, 0, sizeof(s->removed));
    memset(s->first, 0, f->nlabels * sizeof(s->first[0]));
    memset(s->assigned, 0xff, f->nvals * sizeof(s->assigned[0]));
    find_ways_out(s);
    for (unsigned i = f->nops; i-- > 0;) {
        walk_op(s, i);
    }
    if (!s->nsunk) {
        return false;
    }
    rebuild(s, f);
    return true;
}
