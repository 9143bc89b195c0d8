/* SPDX-License-Identifier: MIT */
/*
 * Finds loops that wait for another processor and has the host look once at a time (a fence for speculation behind each look).
 * A host runs ahead in such a loop with many loads under way; the line is taken from the processor that is to write it, and what was read too
 * early is thrown away: a word handed between two vCPUs took 1.6 times as long.
 *
 * A loop waits when nothing in it stores or calls, and a branch depends on what it has loaded from a place that no round
 * changes, and on nothing else that changes. (A loop up to a limit kept in memory does not wait: its counter takes part.)
 * Straight code is followed exactly; at a label within, all that the loop assigns counts as changing. A guest that says PAUSE
 * has it its own way.
 *
 * Requires: checks are merged (a guard is a branch). Adds nothing but the fences.
 */
#include "tcg/ir.h"
#include <glib.h>
#include <string.h>

enum { CHANGES = 1, LOADED = 2, ASSIGNED = 4 };
#define MAX_LOOP 160 /* operations */
#define MAX_VALS 512 /* numbers of values in a loop that is looked at */

static bool may_stand(const IROp *op)
{
    switch (op->opc) {
    case IR_GUEST_LD: case IR_GUEST_LDC: case IR_HOST_LD: case IR_GUEST_CHECK:
    case IR_INSN_START: case IR_LABEL: case IR_BR: case IR_BRCOND: case IR_NOP: case IR_DISCARD: case IR_FENCE:
    case IR_ST8: case IR_ST16: case IR_ST32: case IR_ST:
        return true;
    }
    return !(ir_op_info[op->opc].flags & (IRF_SIDE | IRF_FAULTS | IRF_MEM | IRF_TB_END));
}

static unsigned inputs(const IRFunc *f, const IROp *op, const uint8_t *state)
{
    unsigned all = 0;

    for (unsigned n = 0; n < ir_op_info[op->opc].ins; n++) {
        if (op->in[n] != IR_NONE && f->vals[op->in[n]].kind != IRK_CONST) {
            all |= state[op->in[n]];
        }
    }
    return all & (CHANGES | LOADED);
}

static bool small(const IRFunc *f, const IROp *op)
{
    for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
        if (op->out[n] != IR_NONE && op->out[n] >= MAX_VALS) {
            return false;
        }
    }
    for (unsigned n = 0; n < ir_op_info[op->opc].ins; n++) {
        if (op->in[n] != IR_NONE && op->in[n] >= MAX_VALS && f->vals[op->in[n]].kind != IRK_CONST) {
            return false;
        }
    }
    return true;
}

/* All that the operations assign changes from round to round, as far as is known before they are looked at one by one. */
static bool begin(const IRFunc *f, unsigned first, unsigned last, uint8_t *state)
{
    memset(state, 0, MAX_VALS);
    for (unsigned i = first; i < last; i++) {
        const IROp *op = &f->ops[i];
        if (!may_stand(op) || !small(f, op)) {
            return false;
        }
        for (unsigned n = 0; n < ir_op_info[op->opc].outs; n++) {
            if (op->out[n] != IR_NONE) {
                state[op->out[n]] = ASSIGNED | CHANGES;
            }
        }
    }
    return true;
}

static void forget(uint8_t *state)
{
    for (unsigned v = 0; v < MAX_VALS; v++) {
        state[v] = state[v] & ASSIGNED ? ASSIGNED | CHANGES : 0;
    }
}

static void insert_fence(IRFunc *f, unsigned at)
{
    memmove(&f->ops[at + 1], &f->ops[at], (f->nops - at) * sizeof(IROp));
    f->nops++;
    f->ops[at] = (IROp){ .opc = IR_FENCE, .type = IR_VOID, .imm = IR_FENCE_SPECULATION, .out = { IR_NONE, IR_NONE },
                         .in = { IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE } };
}

/* Of the loop whose head is the label at `first` and whose branch back is at `last`. Returns how many were inserted. */
static unsigned look_at_loop(IRFunc *f, unsigned first, unsigned last)
{
    uint8_t state[MAX_VALS];
    unsigned n = 0;

    if (last - first > MAX_LOOP || !begin(f, first, last, state)) {
        return 0;
    }
    for (unsigned i = first + 1; i <= last + n && f->nops < IR_MAX_OPS - 1; i++) {
        const IROp *op = &f->ops[i];
        unsigned in = inputs(f, op, state);
        if (op->opc == IR_LABEL) {
            forget(state);
        } else if (op->opc == IR_BRCOND && in == LOADED) {
            insert_fence(f, i == last + n ? i : i + 1);
            n++;
            i++;
            continue;
        } else if (op->opc == IR_GUEST_LD || op->opc == IR_GUEST_LDC || op->opc == IR_HOST_LD) {
            in = in ? CHANGES : LOADED;
        }
        for (unsigned k = 0; k < ir_op_info[op->opc].outs; k++) {
            if (op->out[k] != IR_NONE) {
                state[op->out[k]] = (uint8_t)(ASSIGNED | in);
            }
        }
    }
    return n;
}

void tcg_spin_wait(IRFunc *f)
{
    uint16_t head[IR_MAX_LABELS]; /* where a label is, + 1 */

    memset(head, 0, f->nlabels * sizeof(head[0]));
    for (unsigned i = 0; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_LABEL) {
            head[op->imm] = (uint16_t)(i + 1);
        } else if ((op->opc == IR_BR || op->opc == IR_BRCOND) && head[op->imm]) {
            i += look_at_loop(f, head[op->imm] - 1u, i);
        }
    }
}
