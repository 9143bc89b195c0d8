/* SPDX-License-Identifier: MIT */
/*
 * One TLB check for accesses close together. Forward over extended basic blocks, the pass follows which
 * values are "root + constant"; loads and stores whose addresses have the same root and lie within SPAN_MAX
 * bytes form a group. A group of two or more gets one GUEST_CHECK before its first member, and its members
 * become GUEST_LDC and GUEST_STC, relative to whatever value still holds the root plus something.
 *
 * Constant addresses are "nothing + constant": a group of them stays on one page, so that the check finds its TLB
 * entry without computing.
 *
 * A group that contains a store is checked for stores as a whole; where that fails though loads alone would have
 * passed, each member is checked on its own, out of line, and nothing but time is lost.
 *
 * Where it can the check is a guard (ir.h): the instruction it stands in has done nothing yet, and can be begun again.
 *
 * Requires: tcg_fold before it (constants in the second place, no SUB of a constant).
 */
#include "exec/tb.h"
#include "exec/tlb.h"
#include "tcg/ir.h"
#include <stdlib.h>
#include <string.h>

#define SPAN_MAX 256   /* bytes from a group's first to its last: how often it crosses a page */
#define GROUPS_MAX 3   /* open at a time: each holds a register */
#define MEMBERS_MAX 64
#define CHECKS_MAX 128 /* in one TB */
#define OPS_PER_CHECK 5 /* a guard's check, branch, and what is at its label */
#define FIELDS_MAX 4   /* loads of CPUState remembered: segment bases and the like */
#define ROOT_NONE 0    /* of constants */

/* How a sum wraps: not yet added to, at 64 bits, at 32. */
typedef enum Width { WIDTH_ANY, WIDTH_64, WIDTH_32 } Width;

/* A value as root + offset. */
typedef struct Sum {
    uint32_t stamp;   /* the rest holds if equal to Merge.stamp */
    uint32_t root;
    int64_t offset;
    uint8_t width;
    IRVal from;       /* value it was computed from by adding a constant, or IR_NONE */
} Sum;

typedef struct Member {
    uint16_t op;
    IRVal base;       /* holds the root plus something here */
    int32_t disp;     /* of the address from base */
    int32_t offset;   /* of the address from the group's base */
} Member;

typedef struct Group {
    uint32_t root;
    Width width;
    unsigned mode, n;
    bool write;
    int64_t base_offset; /* of the first member's base */
    int32_t low, high;   /* first byte and the one after the last, from there */
    unsigned align;      /* log2 of what members demand; 0: nothing */
    int32_t anchor;      /* an offset that must be aligned so */
    unsigned last;       /* operation of the last member */
    bool guard;          /* its check may be a guard */
    bool over_head;      /* it goes on behind a loop's head, so that nothing but a guard will do */
    unsigned insn;       /* index in IRFunc.insns of the instruction it begins in */
    Member member[MEMBERS_MAX];
} Group;

/* A value loaded from CPUState that is there still. */
typedef struct Field {
    uint32_t stamp, offset, root;
} Field;

typedef struct Merge {
    IRFunc *f;
    Field field[FIELDS_MAX];
    unsigned next_field;
    uint32_t stamp, last_root;
    unsigned ngroups, nchecks;
    Group group[GROUPS_MAX];
    struct { IROp op, branch; uint16_t before; } check[CHECKS_MAX]; /* branch: of a guard, else NOP */
    unsigned nguards;
    struct { unsigned label, insn; } guard[CHECKS_MAX];
    unsigned insn;       /* index of the current instruction */
    bool fresh;          /* and nothing of it has been done yet */
    Sum sum[IR_MAX_VALS];
} Merge;

/* ---- Sums ---- */

static Sum *sum_of(Merge *s, IRVal v)
{
    Sum *sum = &s->sum[v];

    if (sum->stamp != s->stamp) {
        bool constant = ir_is_const(s->f, v);
        *sum = (Sum){ .stamp = s->stamp, .root = constant ? ROOT_NONE : ++s->last_root, .from = IR_NONE,
                      .offset = constant ? (int64_t)s->f->vals[v].value : 0 };
    }
    return sum;
}

static void assign_unknown(Merge *s, IRVal v)
{
    s->sum[v].stamp = 0;
}

static Width settled(const Merge *s, Width w)
{
    return w != WIDTH_ANY ? w : s->f->narrow_globals ? WIDTH_32 : WIDTH_64;
}

/* out = in + constant, modulo 2^32 when narrow. */
static void assign_sum(Merge *s, IRVal out, IRVal in, int64_t constant, bool narrow)
{
    Width width = narrow ? WIDTH_32 : WIDTH_64;
    Sum sum = *sum_of(s, in);

    if (sum.width != WIDTH_ANY && sum.width != width) {
        assign_unknown(s, out);
        return;
    }
    sum.offset += constant;
    sum.offset = narrow ? (int32_t)sum.offset : sum.offset;
    sum.width = width;
    sum.from = in != out ? in : IR_NONE;
    s->sum[out] = sum;
}

static void assign_copy(Merge *s, IRVal out, IRVal in, bool narrow)
{
    if (narrow && !s->f->narrow_globals) {
        assign_sum(s, out, in, 0, true);
    } else {
        s->sum[out] = *sum_of(s, in);
        s->sum[out].from = IR_NONE;
    }
}

/* Loads of one field have one root. */
static void assign_field(Merge *s, IRVal out, uint32_t offset)
{
    Field *field = NULL;

    assign_unknown(s, out);
    for (unsigned i = 0; i < FIELDS_MAX; i++) {
        if (s->field[i].stamp == s->stamp && s->field[i].offset == offset) {
            field = &s->field[i];
        }
    }
    if (field) {
        sum_of(s, out)->root = field->root;
    } else {
        s->field[s->next_field++ % FIELDS_MAX] = (Field){ s->stamp, offset, sum_of(s, out)->root };
    }
}

static void note_outputs(Merge *s, const IROp *op)
{
    const IRFunc *f = s->f;
    IRVal out = op->out[0];

    if (op->opc == IR_LD && op->type == IR_I64) {
        assign_field(s, out, (uint32_t)op->imm);
        return;
    }
    if (op->opc >= IR_ST8 && op->opc <= IR_ST) {
        for (unsigned i = 0; i < FIELDS_MAX; i++) {
            s->field[i].stamp = 0;
        }
        return;
    }
    if (op->opc == IR_ADD && ir_is_const(f, op->in[1]) && !ir_is_const(f, op->in[0])) {
        assign_sum(s, out, op->in[0], (int64_t)f->vals[op->in[1]].value, op->type == IR_I32);
        return;
    }
    if ((op->opc == IR_MOV || op->opc == IR_EXT_I32_I64U) && !ir_is_const(f, op->in[0])) {
        assign_copy(s, out, op->in[0], op->type == IR_I32 || op->opc == IR_EXT_I32_I64U);
        return;
    }
    for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
        if (op->out[n] != IR_NONE) {
            assign_unknown(s, op->out[n]);
        }
    }
}

/* ---- Groups ---- */

static void convert(IRFunc *f, const Group *g, const Member *m, IRVal check)
{
    IROp *op = &f->ops[m->op], *next = op + 1;
    bool load = op->opc == IR_GUEST_LD;
    IRVal address = op->in[load ? 0 : 1];

    op->in[load ? 0 : 1] = m->base;
    op->in[load ? 1 : 2] = check;
    op->opc = load ? IR_GUEST_LDC : IR_GUEST_STC;
    op->imm = check_imm(op->imm, g->width == WIDTH_32 ? CHK_NARROW : 0, m->disp);
    op->aux = (uint16_t)m->offset;
    /* A push moves the address to the stack pointer: adding to that instead may save the address. */
    if (next->opc == IR_MOV && next->in[0] == address && next->out[0] == m->base && m->disp &&
        f->vals[address].type == f->vals[m->base].type && (g->width == WIDTH_32) == (next->type == IR_I32)) {
        next->opc = IR_ADD;
        next->in[0] = m->base;
        next->in[1] = ir_const(f, next->type, (uint64_t)(int64_t)m->disp);
    }
}

/* A member behind a guard needs nothing but the host's address. */
static void convert_guarded(IRFunc *f, const Group *g, const Member *m, IRVal check)
{
    IROp *op = &f->ops[m->op];
    bool load = op->opc == IR_GUEST_LD;

    convert(f, g, m, check);
    op->opc = load ? IR_HOST_LD : IR_HOST_ST;
    op->in[load ? 0 : 1] = check;
    op->in[load ? 1 : 2] = IR_NONE;
}

/* The check's result decides whether the TB goes on. */
static void make_guard(Merge *s, const Group *g, IROp *check, IROp *branch)
{
    IRFunc *f = s->f;
    unsigned label = ir_new_label(f);
    IRVal zero = ir_i64(f, 0);

    check->imm |= f->ops[g->member[0].op].opc == IR_GUEST_ST ? CHK_STORE_FIRST : 0;
    *branch = (IROp){ .opc = IR_BRCOND, .type = IR_I64, .aux = IR_EQ, .imm = label };
    memset(branch->in, 0xff, sizeof(branch->in));
    branch->in[0] = check->out[0];
    branch->in[1] = zero;
    branch->out[0] = branch->out[1] = IR_NONE;
    s->guard[s->nguards].label = label;
    s->guard[s->nguards++].insn = g->insn;
}

/* Nothing joins group i any more. */
static void close_group(Merge *s, unsigned i)
{
    Group *g = &s->group[i];

    if (g->n > 1 && s->nchecks < CHECKS_MAX && s->f->nops + OPS_PER_CHECK * (s->nchecks + 1) < IR_MAX_OPS - 1) {
        bool guard = g->guard && s->f->nlabels < IR_MAX_LABELS - 1 && !s->f->overflow;
        IRVal check = ir_temp(s->f, IR_I64);
        IROp *op = &s->check[s->nchecks].op;
        unsigned flags = (g->write ? CHK_WRITE : 0) | (g->width == WIDTH_32 ? CHK_NARROW : 0);
        MemOp align = g->align ? g->align | MO_ALIGN : MO_8;
        g->low -= (g->low - g->anchor) & ((1 << g->align) - 1); /* the first byte is what must be aligned */
        if (!s->f->overflow && (guard || !g->over_head)) {
            *op = (IROp){ .opc = IR_GUEST_CHECK, .type = IR_I64, .aux = (uint16_t)(g->high - g->low),
                          .imm = check_imm(MEMOPIDX(align, g->mode), flags, g->low), .out = { check, IR_NONE } };
            memset(op->in, 0xff, sizeof(op->in));
            op->in[0] = g->member[0].base;
            s->check[s->nchecks].branch.opc = IR_NOP;
            if (guard) {
                make_guard(s, g, op, &s->check[s->nchecks].branch);
            }
            s->check[s->nchecks++].before = g->member[0].op;
            for (unsigned m = 0; m < g->n; m++) {
                if (guard) {
                    convert_guarded(s->f, g, &g->member[m], check);
                } else {
                    convert(s->f, g, &g->member[m], check);
                }
            }
        }
    }
    s->group[i] = s->group[--s->ngroups];
}

static void close_all(Merge *s)
{
    while (s->ngroups) {
        close_group(s, 0);
    }
}

/* A group that an access to `bytes` at the sum may join, or NULL. */
static Group *find_group(Merge *s, const Sum *sum, unsigned mode, int bytes)
{
    Width width = settled(s, sum->width);

    for (unsigned i = 0; i < s->ngroups; i++) {
        Group *g = &s->group[i];
        int64_t offset = sum->offset - g->base_offset;
        offset = width == WIDTH_32 ? (int32_t)offset : offset;
        if (g->root == ROOT_NONE && (sum->offset ^ g->base_offset) >> PAGE_BITS) {
            continue;
        }
        if (g->root == sum->root && g->width == width && g->mode == mode && g->n < MEMBERS_MAX &&
            offset + bytes - g->low <= SPAN_MAX && g->high - offset <= SPAN_MAX) {
            return g;
        }
    }
    return NULL;
}

/* Members that must be aligned agree on what is aligned. */
static bool join_alignment(Group *g, int32_t offset, MemOp memop)
{
    unsigned align = memop & MO_SIZE, least = align < g->align ? align : g->align;

    if (!(memop & MO_ALIGN) || !align) {
        return true;
    }
    if (g->align && (offset - g->anchor) & ((1 << least) - 1)) {
        return false;
    }
    if (align > g->align) {
        g->align = align;
        g->anchor = offset;
    }
    return true;
}

static Group *open_group(Merge *s)
{
    if (s->ngroups == GROUPS_MAX) {
        unsigned oldest = 0;
        for (unsigned i = 1; i < GROUPS_MAX; i++) {
            oldest = s->group[i].last < s->group[oldest].last ? i : oldest;
        }
        close_group(s, oldest);
    }
    return &s->group[s->ngroups++];
}

static void note_access(Merge *s, unsigned i)
{
    const IROp *op = &s->f->ops[i];
    bool write = op->opc == IR_GUEST_ST;
    IRVal address = op->in[write ? 1 : 0], base = address;
    MemOp memop = memopidx_op((MemOpIdx)op->imm);
    unsigned mode = memopidx_mode((MemOpIdx)op->imm);
    int bytes = (int)memop_bytes(memop);
    int64_t disp = 0, offset;
    Sum sum;
    Group *g;

    sum = *sum_of(s, address);
    if (sum.root == ROOT_NONE && (sum.offset ^ (sum.offset + bytes - 1)) >> PAGE_BITS) {
        return;
    }
    if (sum.from != IR_NONE) {
        const Sum *from = sum_of(s, sum.from);
        disp = sum.offset - from->offset;
        if (from->root == sum.root && disp == (int32_t)disp && (from->width == WIDTH_ANY || from->width == sum.width)) {
            base = sum.from;
        } else {
            disp = 0;
        }
    }
    g = find_group(s, &sum, mode, bytes);
    if (!g) {
        g = open_group(s);
        g->root = sum.root;
        g->width = settled(s, sum.width);
        g->mode = mode;
        g->n = g->align = 0;
        g->write = false;
        g->guard = s->f->guards && s->fresh && current_target->guard_possible(s->f->tb, &s->f->insns[s->insn]);
        g->over_head = false;
        g->insn = s->insn;
        g->base_offset = sum.offset - disp;
        g->low = (int32_t)disp;
        g->high = (int32_t)disp + bytes;
        if (disp > INT16_MAX / 2 || disp < INT16_MIN / 2) { /* host displacements have 16 bits */
            base = address;
            disp = 0;
            g->base_offset = sum.offset;
            g->low = 0;
            g->high = bytes;
        }
    }
    offset = sum.offset - g->base_offset;
    offset = g->width == WIDTH_32 ? (int32_t)offset : offset;
    if (!join_alignment(g, (int32_t)offset, memop)) {
        return;
    }
    g->low = offset < g->low ? (int32_t)offset : g->low;
    g->high = offset + bytes > g->high ? (int32_t)offset + bytes : g->high;
    g->write |= write;
    g->last = i;
    g->member[g->n++] = (Member){ (uint16_t)i, base, (int32_t)disp, (int32_t)offset };
}

/* Slow paths of x87 instructions are the target's, which knows nothing of guards. */
static void forbid_guards(Merge *s)
{
    for (unsigned i = 0; i < s->ngroups; i++) {
        s->group[i].guard = false;
    }
}

/* Behind op the instruction cannot be begun again as if nothing had happened. */
static bool has_effect(const IRFunc *f, const IROp *op)
{
    if (op->opc == IR_INSN_START || op->opc == IR_BRCOND) {
        return false;
    }
    for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
        if (op->out[n] != IR_NONE && op->out[n] < f->nglobals) {
            return true;
        }
    }
    return ir_op_info[op->opc].flags & IRF_SIDE && !(op->opc == IR_CALL && f->calls[op->imm]->flags & HF_PURE);
}

/* Helpers may change mappings, or let others do so: all but pure ones end all groups. */
static bool keeps_groups(const IRFunc *f, const IROp *op)
{
    return f->calls[op->imm]->flags & HF_PURE;
}

static void add_outputs(const IRFunc *f, const IROp *op, uint64_t *assigned)
{
    for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
        if (op->out[n] < f->nglobals) {
            assigned[op->out[n] / 64] |= 1ull << op->out[n] % 64;
        }
    }
}

/*
 * At a loop's head: a guard before it holds in the loop, too, if nothing in there changes mappings (and slow paths leave), so groups stay
 * open for accesses relative to what the loop does not assign. assigned: set of values. Where ways that lead to the head branch off
 * before it (IRFunc.early_paths), only guards before the first of them, *first_way, hold. False when the label is no such head.
 */
static bool scan_loop(const IRFunc *f, unsigned head, uint64_t *assigned, unsigned *first_way)
{
    uint64_t inside[IR_MAX_LABELS / 64] = { 0 };
    unsigned last = 0;

    for (unsigned i = head + 1; i < f->nops; i++) {
        if (f->ops[i].opc == IR_BR && f->ops[i].imm == f->ops[head].imm) {
            last = i;
        }
    }
    if (!last) {
        return false;
    }
    for (unsigned i = head + 1; i < last; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_LABEL) {
            inside[op->imm / 64] |= 1ull << op->imm % 64;
        }
        if ((op->opc == IR_CALL && !keeps_groups(f, op)) || op->opc == IR_X87_LD || op->opc == IR_X87_ST) {
            return false;
        }
        add_outputs(f, op, assigned);
    }
    *first_way = head;
    for (unsigned i = 0; i < *first_way && f->early_paths; i++) {
        const IROp *op = &f->ops[i];
        if ((op->opc == IR_BRCOND || op->opc == IR_BR) && inside[op->imm / 64] >> op->imm % 64 & 1) {
            *first_way = i;
        }
    }
    for (unsigned i = *first_way; i < head; i++) { /* those ways have not come by here */
        add_outputs(f, &f->ops[i], assigned);
    }
    return true;
}

static void at_label(Merge *s, unsigned i)
{
    const IRFunc *f = s->f;
    uint64_t assigned[IR_MAX_GLOBALS / 64] = { 0 };
    unsigned first_way;

    if (!s->ngroups || !f->guards || !scan_loop(f, i, assigned, &first_way)) {
        close_all(s);
        s->stamp++;
        return;
    }
    for (unsigned n = s->ngroups; n-- > 0;) {
        if (s->group[n].guard && s->group[n].member[0].op < first_way) {
            s->group[n].over_head = true;
        } else {
            close_group(s, n);
        }
    }
    s->stamp++;
    for (IRVal v = 0; v < f->nglobals; v++) {
        if (s->sum[v].stamp == s->stamp - 1 && !(assigned[v / 64] >> v % 64 & 1)) {
            s->sum[v].stamp = s->stamp;
            s->sum[v].from = IR_NONE;
        }
    }
}

/* Puts the checks in front of the groups' first members. */
static void insert_checks(Merge *s)
{
    IRFunc *f = s->f;
    uint16_t at[CHECKS_MAX]; /* checks by ascending position */
    unsigned to;

    for (unsigned i = 0; i < s->nchecks; i++) {
        unsigned k = i;
        for (; k > 0 && s->check[at[k - 1]].before > s->check[i].before; k--) {
            at[k] = at[k - 1];
        }
        at[k] = (uint16_t)i;
    }
    to = f->nops + s->nchecks + s->nguards;
    for (unsigned left = s->nchecks, from = f->nops; left > 0;) {
        const IROp *check = &s->check[at[left - 1]].op, *branch = &s->check[at[left - 1]].branch;
        f->ops[--to] = f->ops[--from];
        if (from == s->check[at[left - 1]].before) {
            if (branch->opc != IR_NOP) {
                f->ops[--to] = *branch;
            }
            f->ops[--to] = *check;
            left--;
        }
    }
    f->nops += s->nchecks + s->nguards;
}

/* Where guards lead: the state that the instruction began with, and a TB for it without guards. */
static void append_guard_exits(Merge *s)
{
    IRFunc *f = s->f;

    for (unsigned i = 0; i < s->nguards; i++) {
        const InsnData *data = &f->insns[s->guard[i].insn];
        ir_label(f, s->guard[i].label);
        ir_goto_careful(f, data->pc, current_target->guard_exit(f, data));
    }
}

void tcg_merge_checks(IRFunc *f)
{
    Merge *s = f->merge;

    if (!s) {
        s = f->merge = calloc(1, sizeof(*s));
    }
    s->f = f;
    s->ngroups = s->nchecks = s->nguards = 0;
    s->fresh = false;
    if (s->last_root > UINT32_MAX / 2 || ++s->stamp > UINT32_MAX / 2) {
        memset(s->sum, 0, sizeof(s->sum));
        s->stamp = 1;
        s->last_root = 0;
    }
    for (unsigned i = 0; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_INSN_START) {
            s->insn = op->aux;
            s->fresh = true;
        } else if (op->opc == IR_LABEL) {
            at_label(s, i);
            s->fresh = false;
        } else if (op->opc == IR_GUEST_LD || op->opc == IR_GUEST_ST) {
            note_access(s, i);
        } else if (op->opc == IR_CALL && !keeps_groups(f, op)) {
            close_all(s);
            s->stamp++;
        } else if (ir_op_info[op->opc].flags & IRF_TB_END) {
            close_all(s);
        } else if (op->opc == IR_X87_LD || op->opc == IR_X87_ST) {
            forbid_guards(s);
        }
        s->fresh &= !has_effect(f, op);
        note_outputs(s, op);
    }
    close_all(s);
    insert_checks(s);
    append_guard_exits(s);
}
