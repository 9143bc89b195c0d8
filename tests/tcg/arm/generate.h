/* SPDX-License-Identifier: MIT */
/*
 * Random Arm sequences from tables of templates. A template is the instruction's bits from the top down: 0 and 1, ? for a random
 * bit, letters for operands as the instruction set's letter function says, blanks for reading.
 */
#ifndef TESTS_TCG_ARM_GENERATE_H
#define TESTS_TCG_ARM_GENERATE_H

#include "diff.h"

#include <stdbool.h>

enum {
    CLASS_ALU = 1, CLASS_SHIFT = 2, CLASS_MUL = 4, CLASS_MEDIA = 8, CLASS_MEM = 16, CLASS_BLOCK = 32, CLASS_ATOMIC = 64,
    CLASS_FLOW = 128, CLASS_MISC = 256, CLASS_FP = 512, CLASS_SIMD = 1024, CLASS_SIMDMEM = 2048, CLASS_CRYPTO = 4096,
    CLASS_PAUTH = 8192, CLASS_ALL = 16383,
    CLASS_SWP = 16384,        /* of the CPUs that still have it */
};
extern const char *const class_names[]; /* by bit number, NULL-terminated */

typedef struct Random { uint64_t s; } Random;
uint32_t random32(Random *r);
static inline uint32_t random_below(Random *r, uint32_t n) { return (uint32_t)((uint64_t)random32(r) * n >> 32); }
static inline uint64_t random64(Random *r) { uint64_t hi = random32(r); return hi << 32 | random32(r); }
/* Values with many corners: 0, ones, signs, small numbers, single bits. */
uint64_t random_value(Random *r, unsigned bits);
/* Lanes of floating-point formats, or anything. */
uint64_t random_vector_half(Random *r);

typedef struct Template {
    uint16_t class_;
    const char *text;
} Template;

typedef struct ISA ISA;
struct ISA {
    const char *name;
    bool aarch64, thumb;
    uint8_t end[4];           /* undefined instruction behind the sequence */
    unsigned end_len;
    const Template *rows;
    unsigned nrows;
    /* Value and width of the operand a letter stands for; words is what an instruction has been given so far. */
    uint32_t (*letter)(Random *r, const ISA *isa, char c, unsigned *width);
    /* Appends one instruction (or a group that belongs together) made from a template: false when there is no room. */
    bool (*append)(Random *r, const ISA *isa, Case *c, const Template *t);
    void (*registers)(Random *r, ArmRegs *regs);
};
extern const ISA isa_a32, isa_t32, isa_a64;

/* Instruction bits from a template, and how many. */
uint32_t expand_template(Random *r, const ISA *isa, const char *text, unsigned *bits);
/* Appends bytes to the code, as one instruction or (part) as more of the last one; false when there is no room. */
bool append_bytes(Case *c, const void *bytes, unsigned len, bool part);
/* Fills everything of a case but code_offset. */
void generate_case(Random *r, const ISA *isa, Case *c, unsigned classes, unsigned max_insns);
/* Ends the code and fills the rest. */
void finish_code(const ISA *isa, Case *c);

#endif
