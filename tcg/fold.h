/* SPDX-License-Identifier: MIT */
/* Shared by the fold pass (fold.c: facts, moves, control flow) and its rules per operation (fold-rules.c). */
#ifndef RHEA_TCG_FOLD_H
#define RHEA_TCG_FOLD_H

#include "tcg/ir.h"

/* What is known of a value. */
typedef struct Fact {
    uint32_t stamp;          /* the rest holds if equal to Fold.stamp */
    uint32_t assigned;       /* counts assignments; always valid */
    uint32_t equal_assigned; /* count of `equal` when the equality was seen */
    IRVal equal;             /* value that holds the same, or IR_NONE */
    bool only_low;           /* the same in the low 32 bits only */
    uint64_t maybe;          /* bits that may be 1; I32 values count as zero-extended */
} Fact;

typedef struct Fold {
    IRFunc *f;
    uint32_t stamp;
    unsigned kept;           /* operations kept so far */
    bool unreachable;
    uint64_t maybe;          /* of out[0] of the operation being folded: set by its rule */
    uint16_t label_uses[IR_MAX_LABELS];
    Fact fact[IR_MAX_VALS];
} Fold;

/* Folds op, whose inputs have been replaced, in place. May turn it into a move or NOP. */
typedef void FoldRule(Fold *s, IROp *op);
extern FoldRule *const fold_rules[IR_OPCODES];

/* Bits of v that may be 1. */
uint64_t fold_maybe(const Fold *s, IRVal v);
/* Make op a move of src, or of a constant of its output type, to its first output. */
void fold_to_move(Fold *s, IROp *op, IRVal src);
void fold_to_const(Fold *s, IROp *op, uint64_t value);

#endif
