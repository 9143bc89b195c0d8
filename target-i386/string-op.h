/* SPDX-License-Identifier: MIT */
/* What translator and helpers of the string instructions agree on. */
#ifndef TARGET_I386_STRING_OP_H
#define TARGET_I386_STRING_OP_H

/* The helpers' argument: MO_* element size in bits 0-1, then these. */
enum {
    STRING_ADDR_SHIFT = 4,  /* MO_* address size, 2 bits */
    STRING_SEG_SHIFT = 8,   /* segment of the source, 3 bits */
    STRING_REPNZ = 1 << 12,
    STRING_ONCE = 1 << 13,  /* no REP prefix: one element, rCX not touched */
    STRING_STEP = 1 << 14,  /* TF: one element, then a trap */
};

#endif
