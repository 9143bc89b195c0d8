/* SPDX-License-Identifier: MIT */
/*
 * Forward pass over extended basic blocks: copies and constants replace the values that hold them,
 * operations on constants and identities fold, bits known to be zero make masks and extensions
 * vanish, branches that are decided become jumps, and what follows a jump up to the next label that
 * anyone uses is dropped.
 *
 * The IR is not SSA. A fact about a value is good while it carries the stamp of the present extended
 * block; "a equals b" also records b's assignment count, so assigning b needs no search for a.
 * "Low" equality means that only the low 32 bits agree (I32 moves between I64 values).
 *
 * Requires: nothing. Leaves constants in the second place of commutative operations, no SUB of a
 * constant, no TRUNC, no masks that an extension can express.
 */
#include "fold.h"
#include <stdlib.h>
#include <string.h>

/* ---- Facts ---- */

static void new_block(Fold *s)
{
    if (++s->stamp == 0) {
        memset(s->fact, 0, sizeof(s->fact));
        s->stamp = 1;
    }
}

static void forget(Fold *s, IRVal v)
{
    s->fact[v].assigned++;
    s->fact[v].stamp = 0;
}

static Fact *fresh_fact(Fold *s, IRVal v)
{
    Fact *fact = &s->fact[v];

    fact->assigned++;
    fact->stamp = s->stamp;
    fact->equal = IR_NONE;
    fact->maybe = ~0ull;
    return fact;
}

uint64_t fold_maybe(const Fold *s, IRVal v)
{
    const IRValInfo *info = &s->f->vals[v];
    uint64_t mask = info->type == IR_I32 ? UINT32_MAX : ~0ull;

    if (info->kind == IRK_CONST) {
        return info->value;
    }
    return s->fact[v].stamp == s->stamp ? s->fact[v].maybe & mask : mask;
}

/* The value v is known to equal (of all its 64 bits, or of the low half when `low`); IR_NONE if none. */
static IRVal equal_to(const Fold *s, IRVal v, bool low)
{
    const Fact *fact = &s->fact[v];

    if (fact->stamp != s->stamp || fact->equal == IR_NONE || (fact->only_low && !low)) {
        return IR_NONE;
    }
    if (s->f->vals[fact->equal].kind != IRK_CONST && s->fact[fact->equal].assigned != fact->equal_assigned) {
        return IR_NONE;
    }
    return fact->equal;
}

/* Best replacement for v where an operation reads it as type `as` (IR_VOID: as an address). */
static IRVal replacement(Fold *s, IRVal v, IRType as)
{
    IRFunc *f = s->f;
    IRVal best = v;

    if (f->vals[v].kind == IRK_CONST && f->vals[v].type == as) {
        return v;
    }
    for (IRVal e = v; e != IR_NONE; e = equal_to(s, e, as == IR_I32)) {
        const IRValInfo *info = &f->vals[e];
        if (info->kind == IRK_CONST) {
            return info->type == as || as >= IR_V128 ? e : ir_const(f, as == IR_I32 ? IR_I32 : IR_I64, info->value);
        }
        if (as != IR_I64 || info->type == IR_I64) {
            best = e;
        }
    }
    return best;
}

/* ---- Moves ---- */

static unsigned rank(const Fold *s, IRVal v)
{
    const IRValInfo *info = &s->f->vals[v];

    return info->kind == IRK_CONST ? 1000 : info->kind == IRK_GLOBAL ? info->priority : 0;
}

static void set_equal(Fold *s, IRVal v, IRVal to, bool only_low)
{
    Fact *fact = &s->fact[v];

    if (fact->stamp != s->stamp) {
        fact->stamp = s->stamp;
        fact->maybe = ~0ull;
    }
    fact->equal = to;
    fact->equal_assigned = s->fact[to].assigned;
    fact->only_low = only_low;
}

/*
 * dst = src was made. Later readers of dst read src; but when src is a temp and dst a pinned global,
 * readers of the temp read the global, so that the temp dies here and liveness can join the two.
 */
static void note_move(Fold *s, const IROp *op)
{
    IRFunc *f = s->f;
    IRVal dst = op->out[0], src = op->in[0];
    bool narrow = op->type == IR_I32 || op->opc == IR_EXT_I32_I64U;
    uint64_t maybe = fold_maybe(s, src);
    Fact *fact = fresh_fact(s, dst);
    bool only_low = narrow && maybe > UINT32_MAX;

    fact->maybe = narrow ? maybe & UINT32_MAX : maybe;
    if (dst == src || (f->vals[dst].type >= IR_V128 && f->vals[dst].type != f->vals[src].type)) {
        return;
    }
    if (f->vals[src].kind == IRK_TEMP && rank(s, dst) > 0) {
        set_equal(s, src, dst, only_low);
    } else {
        set_equal(s, dst, src, only_low);
    }
}

/* True when the move would not change dst. */
static bool is_null_move(const Fold *s, const IROp *op)
{
    IRVal dst = op->out[0], src = op->in[0];
    bool narrow = op->type == IR_I32 || op->opc == IR_EXT_I32_I64U;

    if (narrow && fold_maybe(s, dst) > UINT32_MAX) {
        return false;
    }
    for (IRVal e = dst; e != IR_NONE; e = equal_to(s, e, narrow)) {
        if (e == src) {
            return true;
        }
    }
    return false;
}

/* A move to a global that ranks above what its source was just replaced by keeps the temp: see note_move. */
static void replace_move_source(Fold *s, IROp *op)
{
    IRVal src = replacement(s, op->in[0], ir_in_type(s->f, op, 0));

    if (s->f->vals[op->in[0]].kind != IRK_TEMP || s->f->vals[src].kind != IRK_GLOBAL ||
        rank(s, op->out[0]) <= rank(s, src)) {
        op->in[0] = src;
    }
}

void fold_to_move(Fold *s, IROp *op, IRVal src)
{
    IRType type = ir_out_type(s->f, op, 0);

    op->opc = IR_MOV;
    op->type = type;
    op->aux = 0;
    op->imm = 0;
    memset(op->in, 0xff, sizeof(op->in));
    op->in[0] = src;
    if (s->f->vals[src].kind == IRK_CONST) {
        op->in[0] = ir_const(s->f, type, s->f->vals[src].value);
    }
}

void fold_to_const(Fold *s, IROp *op, uint64_t value)
{
    fold_to_move(s, op, ir_const(s->f, ir_out_type(s->f, op, 0), value));
}

/* ---- Control flow ---- */

static void count_labels(Fold *s)
{
    IRFunc *f = s->f;

    memset(s->label_uses, 0, f->nlabels * sizeof(s->label_uses[0]));
    if (f->nlabels == 0) {
        return;
    }
    for (unsigned i = 0; i < f->nops; i++) {
        if (f->ops[i].opc == IR_BR || f->ops[i].opc == IR_BRCOND) {
            s->label_uses[f->ops[i].imm]++;
        }
    }
}

/* At a label: drops a branch to it that directly precedes; false when nobody uses the label. */
static bool keep_label(Fold *s, unsigned label)
{
    IRFunc *f = s->f;

    while (s->kept > 0) {
        IROp *last = &f->ops[s->kept - 1];
        if ((last->opc != IR_BR && last->opc != IR_BRCOND) || last->imm != label) {
            break;
        }
        s->label_uses[label]--;
        s->kept--;
        s->unreachable = false;
    }
    if (s->label_uses[label] == 0) {
        return false;
    }
    s->unreachable = false;
    new_block(s);
    return true;
}

static bool is_end(const IRFunc *f, const IROp *op)
{
    return ir_op_info[op->opc].flags & IRF_TB_END ||
           (op->opc == IR_CALL && f->calls[op->imm]->flags & HF_NO_RETURN);
}

/* ---- Effects of what was kept ---- */

static void call_effects(Fold *s, const IROp *op)
{
    const HelperInfo *h = s->f->calls[op->imm];

    if (h->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE)) {
        return;
    }
    for (IRVal g = 0; g < s->f->nglobals; g++) {
        forget(s, g);
    }
}

static void note_outputs(Fold *s, const IROp *op)
{
    unsigned outs = ir_op_info[op->opc].outs;

    if (op->opc == IR_CALL) {
        call_effects(s, op);
    }
    for (unsigned n = 0; n < outs; n++) {
        if (op->out[n] == IR_NONE) {
            continue;
        }
        if (op->opc == IR_DISCARD || op->type >= IR_V128) {
            forget(s, op->out[n]);
        } else {
            Fact *fact = fresh_fact(s, op->out[n]);
            fact->maybe = n == 0 ? s->maybe : ~0ull;
            if (ir_out_type(s->f, op, n) == IR_I32) {
                fact->maybe &= UINT32_MAX;
            }
        }
    }
}

/* Reads each input at the width of the operation's type: no need to ask ir_in_type. */
static bool reads_own_type(const IROp *op)
{
    return ir_op_info[op->opc].flags & IRF_INT && op->opc != IR_MOVCOND && op->opc != IR_EXT_I32_I64S &&
           op->opc != IR_TRUNC && op->opc != IR_TRUNC_HI;
}

static void replace_inputs(Fold *s, IROp *op)
{
    unsigned ins = ir_op_info[op->opc].ins;
    bool own = reads_own_type(op);

    for (unsigned n = 0; n < ins; n++) {
        if (op->in[n] != IR_NONE) {
            op->in[n] = replacement(s, op->in[n], own ? op->type : ir_in_type(s->f, op, n));
        }
    }
}

static bool is_move(const IROp *op)
{
    return op->opc == IR_MOV || op->opc == IR_EXT_I32_I64U || op->opc == IR_VMOV;
}

/* Folds one reachable operation in place; false when it disappears. */
static bool fold_op(Fold *s, IROp *op)
{
    if (is_move(op)) {
        replace_move_source(s, op);
    } else {
        replace_inputs(s, op);
    }
    s->maybe = ~0ull;
    if (fold_rules[op->opc]) {
        fold_rules[op->opc](s, op);
    }
    if (op->opc == IR_NOP || (is_move(op) && is_null_move(s, op))) {
        return false;
    }
    if (is_move(op)) {
        note_move(s, op);
    } else {
        note_outputs(s, op);
    }
    return true;
}

void tcg_fold(IRFunc *f)
{
    Fold *s = f->fold;

    if (!s) {
        s = f->fold = calloc(1, sizeof(*s));
    }
    s->f = f;
    s->kept = 0;
    s->unreachable = false;
    new_block(s);
    count_labels(s);
    for (unsigned i = 0; i < f->nops; i++) {
        IROp *op = &f->ops[i];
        if (op->opc == IR_LABEL) {
            if (!keep_label(s, op->imm)) {
                continue;
            }
        } else if (s->unreachable) {
            if (op->opc == IR_BR || op->opc == IR_BRCOND) {
                s->label_uses[op->imm]--;
            }
            continue;
        } else if (!fold_op(s, op)) {
            continue;
        }
        if (s->kept != i) {
            f->ops[s->kept] = *op;
        }
        s->unreachable = is_end(f, op);
        s->kept++;
    }
    f->nops = s->kept;
}
