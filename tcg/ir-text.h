/* SPDX-License-Identifier: MIT */
/*
 * The text form of the IR, shared by its printer and its parser. One operation per line:
 *
 *     NAME[.TYPE] [MODIFIER] outputs, inputs, immediates  ; what liveness found
 *
 * Globals go by name, temps are tN (tN:TYPE where first seen), constants $N, labels LN, an absent
 * operand is "-". A modifier stands before the operands: condition, helper, row of vec.def, or the
 * integer type of a move between classes.
 */
#ifndef RHEA_TCG_IR_TEXT_H
#define RHEA_TCG_IR_TEXT_H

#include "tcg/ir.h"

typedef enum IRModifier { MOD_NONE, MOD_COND, MOD_COND_TYPE, MOD_HELPER, MOD_VEC_ROW, MOD_VEC_CALL, MOD_INT_TYPE } IRModifier;
typedef enum IRImm {
    IMM_NONE, IMM_NUMBER, IMM_LABEL, IMM_POS, IMM_POS_LEN, IMM_ENV, IMM_MEMOP, IMM_CHECK, IMM_BYTE, IMM_AUX, IMM_GOTO, IMM_HEX,
} IRImm;
typedef struct IRTextShape {
    uint8_t modifier, imm;
} IRTextShape;
/* INSN_START ("insn PC, EXTRA") and LABEL ("LN:") have a form of their own. */
extern const IRTextShape ir_text_shape[IR_OPCODES];

extern const char *const ir_type_name[IR_VOID + 1];
extern const char *const ir_cond_name[IR_CONDS];

#endif
