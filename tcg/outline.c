/* SPDX-License-Identifier: MIT */
/*
 * Moves code that raises an exception out of the way. "branch over; …; helper that never returns; over:"
 * becomes a branch on the opposite condition to the same operations behind the end of the TB, so that
 * the usual path falls through without a label: what is known of values, and what is in registers,
 * stays good past the check.
 *
 * Requires: nothing; meant to run first. A moved block repeats the INSN_START it belongs to, so those are
 * no longer in ascending order.
 */
#include "tcg/ir.h"
#include <string.h>

#define MAX_BLOCK 24

static bool never_returns(const IRFunc *f, const IROp *op)
{
    return op->opc == IR_CALL && f->calls[op->imm]->flags & HF_NO_RETURN;
}

static bool calls_no_return(const IRFunc *f)
{
    for (unsigned i = 0; i < f->ncalls; i++) {
        if (f->calls[i]->flags & HF_NO_RETURN) {
            return true;
        }
    }
    return false;
}

static void count_uses(const IRFunc *f, uint16_t *uses)
{
    memset(uses, 0, f->nlabels * sizeof(uses[0]));
    for (unsigned i = 0; i < f->nops; i++) {
        if (f->ops[i].opc == IR_BR || f->ops[i].opc == IR_BRCOND) {
            uses[f->ops[i].imm]++;
        }
    }
}

/*
 * If the branch at i skips a straight block that ends in a call without return, the number of operations in
 * the block; else 0. The label must follow at once.
 */
static unsigned block_length(const IRFunc *f, unsigned i)
{
    for (unsigned n = 1; n <= MAX_BLOCK && i + n + 1 < f->nops; n++) {
        const IROp *op = &f->ops[i + n], *next = op + 1;
        if (never_returns(f, op)) {
            return next->opc == IR_LABEL && next->imm == f->ops[i].imm ? n : 0;
        }
        if (op->opc == IR_INSN_START || ir_op_info[op->opc].flags & IRF_BB_END) {
            return 0;
        }
    }
    return 0;
}

void tcg_outline(IRFunc *f)
{
    uint16_t uses[IR_MAX_LABELS];
    unsigned kept = 0, moved = f->nops; /* moved blocks gather behind the list */
    const IROp *insn = NULL;

    if (f->nlabels == 0 || !calls_no_return(f)) {
        return;
    }
    count_uses(f, uses);
    for (unsigned i = 0; i < f->nops; i++) {
        IROp *op = &f->ops[i];
        unsigned n = op->opc == IR_BRCOND && uses[op->imm] == 1 ? block_length(f, i) : 0;
        f->ops[kept] = *op;
        op = &f->ops[kept++];
        if (op->opc == IR_INSN_START) {
            insn = op;
        }
        if (n && insn && moved + n + 2 < IR_MAX_OPS) {
            op->aux = ir_cond_negate(op->aux);
            f->ops[moved++] = f->ops[i + n + 1]; /* the label */
            f->ops[moved++] = *insn;
            memcpy(&f->ops[moved], &f->ops[i + 1], n * sizeof(IROp));
            moved += n;
            i += n + 1;
        }
    }
    memmove(&f->ops[kept], &f->ops[f->nops], (moved - f->nops) * sizeof(IROp));
    f->nops = kept + moved - f->nops;
}
