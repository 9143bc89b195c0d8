/* SPDX-License-Identifier: MIT */
/* Random x86 sequences: classes of instructions as tables of encodings. */
#ifndef TESTS_TCG_I386_GENERATE_H
#define TESTS_TCG_I386_GENERATE_H

#include "diff.h"

#include <stdbool.h>

enum {
    CLASS_ALU = 1, CLASS_SHIFT = 2, CLASS_MULDIV = 4, CLASS_BITS = 8, CLASS_STACK = 16, CLASS_STRING = 32,
    CLASS_FLOW = 64, CLASS_MISC = 128, CLASS_BMI = 256, CLASS_X87 = 512, CLASS_MMX = 1024, CLASS_SSE = 2048,
    CLASS_SSEFP = 4096, CLASS_AVX = 8192, CLASSES = 14, CLASS_ALL = 16383,
};
extern const char *const class_names[]; /* by bit number, NULL-terminated */

typedef struct Random { uint64_t s; } Random;
uint32_t random32(Random *r);
static inline uint32_t random_below(Random *r, uint32_t n) { return (uint32_t)((uint64_t)random32(r) * n >> 32); }

/* Fills everything of a case but code_offset. bits is 16, 32 or 64. */
void generate_case(Random *r, Case *c, unsigned bits, unsigned classes, unsigned max_insns);
/* Set when the host leaves other flags behind BSF and BSR than Rhea does: each is followed by SETZ AL and TEST AL, AL. */
extern bool define_flags_after_scans;
/* Ends the code with INT3 and fills the rest with it. */
void finish_code(Case *c);

#endif
