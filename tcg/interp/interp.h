/* SPDX-License-Identifier: MIT */
/*
 * The form in which the interpreter keeps a TB, shared by its encoder (interp.c) and its loop (exec.c).
 *
 * tb->code points to an InterpHeader; after it come the constants and then one InterpRec per operation.
 * The address of a record plus one serves as the return address of what it calls.
 */
#ifndef RHEA_TCG_INTERP_H
#define RHEA_TCG_INTERP_H

#include "exec/tb.h"
#include "tcg/ir.h"
#include <stdatomic.h>

typedef struct InterpHeader {
    TranslationBlock *tb;
    uint32_t entry; /* offset of the first record */
    uint32_t pad;
} InterpHeader;

/*
 * An operand: where the value is. Bits 0-1 tell what `offset` counts from, bit 2 that it has 32 bits,
 * the rest is the offset in bytes. ARG_NONE for an absent one.
 */
enum { ARG_BASE_ENV, ARG_BASE_TEMPS, ARG_BASE_CODE, ARG_BASES, ARG_IS_32 = 4, ARG_SHIFT = 3 };
#define ARG_NONE UINT32_MAX

typedef struct InterpRec {
    uint16_t opc;   /* IROpcode * 2 + (type is not I32) */
    uint16_t aux;
    uint8_t type;
    uint8_t size;   /* of the record, in 8-byte units */
    uint16_t flags; /* REC_* */
    uint64_t imm;   /* as in IROp; branches: offset of the target record; CALL: the HelperInfo */
    uint32_t arg[]; /* outputs, then inputs */
} InterpRec;
enum {
    REC_BACKWARD = 1, /* GOTO_TB to an address not above this TB's: polls for exits */
    REC_OTHER_PAGE = 2, /* GOTO_TB that must go through the jump cache */
};

/* GOTO_TB: the TB chained to, after the one operand. Patched by any thread. */
static inline _Atomic(TranslationBlock *) *interp_link(const InterpRec *rec)
{
    return (_Atomic(TranslationBlock *) *)((char *)rec + sizeof(InterpRec) + 8);
}

/* Room for the temps of one TB: every value a 256-bit vector. */
#define INTERP_TEMPS_SIZE (IR_MAX_VALS * 32)

uintptr_t interp_exec(CPUState *cpu, TranslationBlock *tb);
/* The "code" tb_lookup_code returns when it finds that the vCPU must leave. */
const void *interp_exit_address(void);

#endif
