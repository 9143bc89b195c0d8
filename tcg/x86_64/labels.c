/* SPDX-License-Identifier: MIT */
/*
 * What is in registers at labels of a TB. A label that is reached by one branch further up, and not from above,
 * finds everything where the branch left it: a branch out of the usual path costs that path nothing. At the
 * head of a loop values stay where they are; each branch back moves them there again, which mostly is nothing,
 * because registers are chosen with that in mind. Where one branch meets the code it has skipped, values are where the
 * branch left them, and the code skipped brings them there. At every other label all but pinned globals is at home.
 *
 * At a head each value is in a register of its own, dirty if anything behind the head assigns it, so that the
 * branches back need not store it.
 */
#include "tcg/x86_64/jit.h"
#include <assert.h>
#include <string.h>

#define VAL_WORDS (IR_MAX_VALS / 64)

static bool test(const uint64_t *set, unsigned n) { return set[n / 64] >> n % 64 & 1; }
static void set(uint64_t *set, unsigned n) { set[n / 64] |= 1ull << n % 64; }
static void clear(uint64_t *set, unsigned n) { set[n / 64] &= ~(1ull << n % 64); }

/* ---- Which labels ---- */

static bool falls_through(const IRFunc *f, const IROp *op)
{
    return !(ir_op_info[op->opc].flags & IRF_TB_END) &&
           !(op->opc == IR_CALL && f->calls[op->imm]->flags & HF_NO_RETURN);
}

static bool is_branch(const IROp *op)
{
    return op->opc == IR_BR || op->opc == IR_BRCOND;
}

/* Every way to the last branch back leads over the label at op: what holds there and is not touched holds at the branch. */
static bool is_natural_loop(const IRFunc *f, const IROp *head)
{
    uint64_t early[IR_MAX_LABELS / 64] = { 0 }, inside[IR_MAX_LABELS / 64] = { 0 };
    const IROp *end = f->ops + f->nops, *last = head;

    for (const IROp *op = head; op < end; op++) {
        last = op->opc == IR_BR && op->imm == head->imm ? op : last;
    }
    for (const IROp *op = f->ops; op < head; op++) {
        if (is_branch(op)) {
            set(early, (unsigned)op->imm);
        }
    }
    for (const IROp *op = head + 1; op < last; op++) {
        if (op->opc == IR_LABEL) {
            set(inside, (unsigned)op->imm);
            if (test(early, (unsigned)op->imm)) {
                return false;
            }
        }
    }
    for (const IROp *op = last + 1; op < end; op++) {
        if (is_branch(op) && test(inside, (unsigned)op->imm)) {
            return false;
        }
    }
    return true;
}

void labels_begin(Jit *j)
{
    const IRFunc *f = j->f;
    unsigned words = (f->nlabels + 63) / 64;
    uint64_t seen[IR_MAX_LABELS / 64] = { 0 };

    j->head_registers = 0;
    if (!f->nlabels) {
        return;
    }
    memset(j->label_uses, 0, f->nlabels * sizeof(j->label_uses[0]));
    memset(j->label_plain, 0, words * sizeof(uint64_t));
    memset(j->label_head, 0, words * sizeof(uint64_t));
    memset(j->label_join, 0, words * sizeof(uint64_t));
    for (unsigned i = 0; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_LABEL) {
            bool fresh = j->label_uses[op->imm] == 0;
            set(seen, (unsigned)op->imm);
            j->label_state[op->imm].kind = LABEL_HOME;
            if (fresh) {
                set(j->label_head, (unsigned)op->imm);
            } else if (j->label_uses[op->imm] == 1) {
                set(falls_through(f, op - 1) ? j->label_join : j->label_plain, (unsigned)op->imm);
            }
        } else if (is_branch(op)) {
            j->label_uses[op->imm]++;
            if (test(seen, (unsigned)op->imm)) {
                clear(j->label_plain, (unsigned)op->imm);
                clear(j->label_join, (unsigned)op->imm);
            }
            if (op->opc == IR_BRCOND) {
                clear(j->label_head, (unsigned)op->imm);
            }
        }
    }
}

/* ---- States ---- */

static bool is_global(const Jit *j, IRVal v) { return v < j->f->nglobals; }

static bool outlives_block(const Jit *j, IRVal v)
{
    return j->f->vals[v].kind != IRK_CONST && (is_global(j, v) || j->f->vals[v].crosses_bb);
}

static void capture(Jit *j, LabelState *s)
{
    memcpy(s->reg, j->reg, sizeof(s->reg));
    memset(s->dirty, 0, sizeof(s->dirty));
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned n = 0; n < j->reg[r].n; n++) {
            s->dirty[n] |= j->loc[j->reg[r].vals[n]].dirty ? 1u << r : 0;
        }
    }
    memcpy(s->dirty_globals, j->dirty_globals, sizeof(s->dirty_globals));
    memcpy(s->known_globals, j->known_globals, sizeof(s->known_globals));
    for (unsigned w = 0; w < ARRAY_SIZE(s->known_globals); w++) {
        for (uint64_t m = s->known_globals[w]; m; m &= m - 1) {
            unsigned v = w * 64 + (unsigned)__builtin_ctzll(m);
            s->constant[v] = j->loc[v].constant;
        }
    }
}

/* Nothing is in registers but pinned globals. */
static void restore(Jit *j, const LabelState *s)
{
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned n = 0; n < s->reg[r].n; n++) {
            IRVal v = s->reg[r].vals[n];
            if (outlives_block(j, v) && regs_pin_of(j, v) != r) {
                regs_bind(j, r, v);
                regs_set_dirty(j, v, s->dirty[n] >> r & 1);
            }
        }
    }
    for (unsigned w = 0; w < ARRAY_SIZE(s->known_globals); w++) {
        for (uint64_t m = s->known_globals[w]; m; m &= m - 1) {
            IRVal v = (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m));
            regs_set_constant(j, v, s->constant[v]);
            regs_set_dirty(j, v, test(s->dirty_globals, v));
        }
    }
}

/* ---- Heads of loops ---- */

/*
 * Sets of values that something behind op assigns, and that it assigns anything but what is known of them here. With early paths,
 * that come to the head from before it: anything at all.
 */
static void find_assigned(const Jit *j, const IROp *op, uint64_t *any, uint64_t *other)
{
    bool early = j->f->early_paths;
    const IROp *end = j->f->ops + j->f->nops;
    unsigned bytes = (j->f->nvals + 63) / 64 * 8;

    memset(any, 0, bytes);
    memset(other, 0, bytes);
    for (op = early ? j->f->ops : op + 1; op < end; op++) {
        if (op->opc == IR_CALL && !(j->f->calls[op->imm]->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE))) {
            for (unsigned g = 0; g < j->f->nglobals; g++) {
                set(any, g);
                set(other, g);
            }
        }
        for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
            IRVal v = op->out[n], c = v == IR_NONE ? IR_NONE : j->loc[v].constant;
            if (v == IR_NONE) {
                continue;
            }
            set(any, v);
            if (early || op->opc != IR_MOV || c == IR_NONE || j->f->vals[op->in[0]].kind != IRK_CONST ||
                j->f->vals[op->in[0]].value != j->f->vals[c].value) {
                set(other, v);
            }
        }
    }
}

static void go_home(Jit *j, IRVal v)
{
    regs_write_home(j, v);
    regs_unbind(j, v);
}

/* What is in r is one value, or several that stay equal. */
static void settle_register(Jit *j, int r, unsigned label, const uint64_t *assigned)
{
    HostReg held = j->reg[r];
    bool changes = false;

    for (unsigned n = 0; n < held.n; n++) {
        changes |= test(assigned, held.vals[n]);
    }
    for (unsigned n = 0; n < held.n; n++) {
        IRVal v = held.vals[n];
        if (regs_pin_of(j, v) == r) {
            continue;
        }
        if (j->f->vals[v].kind == IRK_CONST) {
            regs_unbind(j, v);
        } else if (!outlives_block(j, v) || !ir_live_at(j->f, label, v)) {
            regs_bury(j, v);
        } else if (host.pinned_mask >> r & 1) {
            if (changes) {
                go_home(j, v);
            }
        } else if (changes && j->reg[r].n > 1) {
            uint32_t free = regs_empty(j, (r >= XMM0 ? ALL_XMM : host.free_gp));
            if (free && !is_global(j, v)) {
                int to = __builtin_ctz(free);
                regs_load(j, to, v);
                regs_unbind(j, v);
                regs_bind(j, to, v);
            } else if (free && r >= XMM0) {
                int to = __builtin_ctz(free);
                regs_load(j, to, v);
                regs_unbind(j, v);
                regs_bind(j, to, v);
            } else {
                go_home(j, v);
            }
        }
    }
    for (unsigned n = 0; n < j->reg[r].n; n++) {
        IRVal v = j->reg[r].vals[n];
        if (regs_pin_of(j, v) != r && test(assigned, v)) {
            regs_set_dirty(j, v, true);
        }
    }
}

static void settle_constants(Jit *j, unsigned label, const uint64_t *assigned, const uint64_t *other)
{
    for (unsigned w = 0; w < ARRAY_SIZE(j->known_globals); w++) {
        for (uint64_t m = j->known_globals[w]; m; m &= m - 1) {
            IRVal v = (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m));
            if (!ir_live_at(j->f, label, v)) {
                regs_bury(j, v);
            } else if (test(other, v)) {
                regs_write_home(j, v);
                regs_set_constant(j, v, IR_NONE);
            } else if (test(assigned, v)) {
                regs_set_dirty(j, v, true);
            }
        }
    }
}

static void make_head(Jit *j, unsigned label)
{
    static uint64_t assigned[VAL_WORDS], other[VAL_WORDS]; /* TB lock */
    LabelState *s = &j->label_state[label];

    find_assigned(j, j->op, assigned, other);
    settle_constants(j, label, assigned, other);
    for (int r = 0; r < HOST_REGS; r++) {
        settle_register(j, r, label, assigned);
    }
    capture(j, s);
    s->kind = LABEL_HEAD;
    memset(j->hint, 0, j->f->nvals);
    j->head_registers = 0;
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned n = 0; n < s->reg[r].n && !(host.pinned_mask >> r & 1); n++) {
            j->hint[s->reg[r].vals[n]] = (uint8_t)(r + 1);
            j->head_registers |= 1u << r;
        }
    }
}

/* ---- Back to the head ---- */

enum { FROM_SCRATCH = -2 };
typedef struct Move {
    int8_t to, from; /* NOREG: from home or a constant */
    IRVal val;
    bool done;
} Move;

/* A value of group s->reg[r] that is in a register, at best in r. */
static Move move_to(const Jit *j, const LabelState *s, int r)
{
    Move m = { .to = (int8_t)r, .from = NOREG, .val = s->reg[r].vals[0] };

    for (unsigned n = 0; n < s->reg[r].n; n++) {
        IRVal v = s->reg[r].vals[n];
        if (j->loc[v].reg != NOREG && (m.from == NOREG || j->loc[v].reg == r)) {
            m.from = j->loc[v].reg;
            m.val = v;
        }
    }
    m.done = m.from == r;
    return m;
}

static bool is_source(const Move *m, unsigned n, int r)
{
    for (unsigned i = 0; i < n; i++) {
        if (!m[i].done && m[i].from == r) {
            return true;
        }
    }
    return false;
}

static Operand scratch(int r)
{
    return mem_operand(RSP, r >= XMM0 ? FRAME_VEC : FRAME_VALUE);
}

static void emit_move(Jit *j, const Move *m)
{
    IRType t = j->f->vals[m->val].type;

    if (m->from == FROM_SCRATCH && m->to >= XMM0) {
        vec_ld(&j->a, t, m->to, scratch(m->to));
    } else if (m->from == FROM_SCRATCH) {
        asm_rm(&j->a, MOV_LD | X_W, m->to, scratch(m->to));
    } else if (m->to >= XMM0) {
        vec_mov(&j->a, t, m->to, m->from);
    } else {
        asm_mov(&j->a, true, m->to, m->from);
    }
}

/* All at once; a cycle is broken through memory. */
static void emit_moves(Jit *j, Move *m, unsigned n)
{
    unsigned left = 0;

    for (unsigned i = 0; i < n; i++) {
        left += !m[i].done && m[i].from != NOREG;
    }
    while (left) {
        bool moved = false;
        unsigned stuck = n;
        for (unsigned i = 0; i < n; i++) {
            if (m[i].done || m[i].from == NOREG) {
                continue;
            }
            stuck = i;
            if (is_source(m, n, m[i].to)) {
                continue;
            }
            emit_move(j, &m[i]);
            m[i].done = moved = true;
            left--;
        }
        if (left && !moved) {
            regs_store(j, m[stuck].val, scratch(m[stuck].to), m[stuck].from);
            m[stuck].from = FROM_SCRATCH;
        }
    }
    for (unsigned i = 0; i < n; i++) { /* what is read from memory or made anew */
        if (!m[i].done) {
            regs_load(j, m[i].to, m[i].val);
        }
    }
}

static bool dirty_in(const LabelState *s, int r, IRVal v)
{
    for (unsigned n = 0; r != NOREG && n < s->reg[r].n; n++) {
        if (s->reg[r].vals[n] == v) {
            return s->dirty[n] >> r & 1;
        }
    }
    return false;
}

/* Values that the head expects at home. dry: only tells whether there are any. */
static bool store_rest(Jit *j, unsigned label, bool dry)
{
    const LabelState *s = &j->label_state[label];
    bool any = false;

    for (unsigned w = 0; w < ARRAY_SIZE(j->dirty_globals); w++) {
        for (uint64_t m = j->dirty_globals[w] & ~s->dirty_globals[w]; m; m &= m - 1) {
            IRVal v = (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m));
            if (!ir_live_at(j->f, label, v)) {
                continue;
            }
            any = true;
            if (!dry) {
                regs_write_home(j, v);
            }
        }
    }
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned n = 0; n < j->reg[r].n; n++) {
            IRVal v = j->reg[r].vals[n];
            if (!is_global(j, v) && outlives_block(j, v) && j->loc[v].dirty && !dirty_in(s, j->hint[v] - 1, v) &&
                ir_live_at(j->f, label, v)) {
                any = true;
                if (!dry) {
                    regs_write_home(j, v);
                }
            }
        }
    }
    return any;
}

static unsigned collect_moves(const Jit *j, const LabelState *s, Move *moves)
{
    unsigned n = 0;

    for (int r = 0; r < HOST_REGS; r++) {
        if (s->reg[r].n && !(host.pinned_mask >> r & 1)) {
            moves[n] = move_to(j, s, r);
            n += !moves[n].done;
        }
    }
    return n;
}

bool labels_head_ready(Jit *j, unsigned label)
{
    const LabelState *s = &j->label_state[label];
    Move moves[HOST_REGS];

    return j->label[label] && s->kind == LABEL_HEAD && !store_rest(j, label, true) && !collect_moves(j, s, moves);
}

/* ---- Where a branch meets the code it has skipped ---- */

/* What is assigned between the branch in j->op and its label; false when other ways lead in there. */
static bool assigned_between(const Jit *j, unsigned label, uint64_t *any)
{
    memset(any, 0, (j->f->nvals + 63) / 64 * 8);
    for (const IROp *op = j->next;; op++) {
        if (op->opc == IR_LABEL) {
            return op->imm == label;
        }
        if (op->opc == IR_CALL && !(j->f->calls[op->imm]->flags & (HF_NO_GLOBALS | HF_NO_WRITE | HF_PURE))) {
            for (unsigned g = 0; g < j->f->nglobals; g++) {
                set(any, g);
            }
        }
        for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
            if (op->out[n] != IR_NONE) {
                set(any, op->out[n]);
            }
        }
    }
}

static bool is_needed_at(const Jit *j, unsigned label, IRVal v)
{
    return outlives_block(j, v) && ir_live_at(j->f, label, v);
}

/* Values that share r stay together only if they are equal at the label, too. */
static void part_register(Jit *j, int r, unsigned label, bool straight, const uint64_t *assigned)
{
    HostReg held = j->reg[r];
    bool pinned = host.pinned_mask >> r & 1, stays[SHARE_MAX], any_stays = pinned;

    for (unsigned n = 0; n < held.n; n++) {
        stays[n] = straight && !test(assigned, held.vals[n]) && !(pinned && test(assigned, host.pinned_val[r]));
        any_stays |= stays[n] && is_needed_at(j, label, held.vals[n]);
    }
    for (unsigned n = 0; n < held.n; n++) {
        IRVal v = held.vals[n];
        if (stays[n] || regs_pin_of(j, v) == r || !is_needed_at(j, label, v)) {
            continue;
        }
        if (any_stays) {
            go_home(j, v);
        }
        any_stays = true;
    }
}

static void forget_unneeded(const Jit *j, LabelState *s, unsigned label)
{
    for (int r = 0; r < HOST_REGS; r++) {
        HostReg *h = &s->reg[r];
        for (unsigned n = h->n; n-- > 0;) {
            if (!is_needed_at(j, label, h->vals[n])) {
                unsigned last = --h->n;
                h->vals[n] = h->vals[last];
                s->dirty[n] = (s->dirty[n] & ~(1u << r)) | (s->dirty[last] & 1u << r);
            }
        }
    }
    for (unsigned w = 0; w < ARRAY_SIZE(s->known_globals); w++) {
        for (uint64_t m = s->known_globals[w]; m; m &= m - 1) {
            unsigned v = w * 64 + (unsigned)__builtin_ctzll(m);
            if (!ir_live_at(j->f, label, (IRVal)v)) {
                clear(s->known_globals, v);
            }
        }
    }
}

/* At the branch: decides where everything is to be at the label. */
static void plan_join(Jit *j, unsigned label)
{
    static uint64_t assigned[VAL_WORDS]; /* TB lock */
    LabelState *s = &j->label_state[label];
    bool straight = assigned_between(j, label, assigned);

    for (unsigned w = 0; w < ARRAY_SIZE(j->known_globals); w++) {
        for (uint64_t m = j->known_globals[w]; m; m &= m - 1) {
            IRVal v = (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m));
            if ((!straight || test(assigned, v)) && ir_live_at(j->f, label, v)) {
                regs_write_home(j, v);
                regs_set_constant(j, v, IR_NONE);
            }
        }
    }
    for (int r = 0; r < HOST_REGS; r++) {
        part_register(j, r, label, straight, assigned);
    }
    capture(j, s);
    forget_unneeded(j, s, label);
    s->kind = LABEL_JOIN;
}

/* Values that the label has in registers or knows; those that have changed on this way count as out of date at home on both. */
static void join_dirty(const Jit *j, LabelState *s, uint64_t *held)
{
    memset(held, 0, (j->f->nvals + 63) / 64 * 8);
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned n = 0; n < s->reg[r].n; n++) {
            set(held, s->reg[r].vals[n]);
            s->dirty[n] |= j->loc[s->reg[r].vals[n]].dirty ? 1u << r : 0;
        }
    }
    for (unsigned w = 0; w < ARRAY_SIZE(s->known_globals); w++) {
        held[w] |= s->known_globals[w];
        s->dirty_globals[w] |= s->known_globals[w] & j->dirty_globals[w];
    }
}

/* What this way has in no register either, and what is at home on both, stays there. */
static void leave_at_home(const Jit *j, LabelState *s)
{
    for (int r = 0; r < HOST_REGS; r++) {
        bool at_home = !(host.pinned_mask >> r & 1);
        for (unsigned n = 0; n < s->reg[r].n; n++) {
            at_home &= j->loc[s->reg[r].vals[n]].reg == NOREG && !(s->dirty[n] >> r & 1);
        }
        s->reg[r].n = at_home ? 0 : s->reg[r].n;
    }
}

/* At the label, coming from the code before it. */
static void join(Jit *j, unsigned label)
{
    static uint64_t held[VAL_WORDS]; /* TB lock */
    LabelState *s = &j->label_state[label];
    Move moves[HOST_REGS];

    join_dirty(j, s, held);
    for (unsigned w = 0; w < ARRAY_SIZE(j->dirty_globals); w++) {
        for (uint64_t m = j->dirty_globals[w] & ~held[w]; m; m &= m - 1) {
            IRVal v = (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m));
            if (ir_live_at(j->f, label, v)) {
                regs_write_home(j, v);
            }
        }
    }
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned n = 0; n < j->reg[r].n; n++) {
            IRVal v = j->reg[r].vals[n];
            if (!is_global(j, v) && !test(held, v) && is_needed_at(j, label, v)) {
                regs_write_home(j, v);
            }
        }
    }
    leave_at_home(j, s);
    emit_moves(j, moves, collect_moves(j, s, moves));
}

/* ---- Branches and labels ---- */

bool labels_plain(const Jit *j, unsigned label)
{
    return test(j->label_plain, label);
}

void labels_branch(Jit *j, unsigned label)
{
    LabelState *s = &j->label_state[label];

    if (j->label[label] && s->kind == LABEL_HEAD) {
        Move moves[HOST_REGS];
        store_rest(j, label, false);
        emit_moves(j, moves, collect_moves(j, s, moves));
    } else if (test(j->label_plain, label)) {
        capture(j, s);
        s->kind = LABEL_ONE;
    } else if (test(j->label_join, label)) {
        plan_join(j, label);
    } else {
        regs_sync_block(j);
    }
}

void labels_here(Jit *j, unsigned label)
{
    LabelState *s = &j->label_state[label];

    if (s->kind == LABEL_ONE || s->kind == LABEL_JOIN) {
        assert(j->unreachable || s->kind == LABEL_JOIN);
        if (!j->unreachable) {
            join(j, label);
        }
        regs_forget(j);
        restore(j, s);
        return;
    }
    if (test(j->label_head, label) && j->label_uses[label] && !j->unreachable &&
        (j->f->early_paths || is_natural_loop(j->f, j->op))) {
        make_head(j, label);
        return;
    }
    if (!j->unreachable) {
        regs_sync_block(j);
    }
    regs_forget(j);
}
