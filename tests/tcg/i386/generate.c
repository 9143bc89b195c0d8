/* SPDX-License-Identifier: MIT */
/* Random x86 sequences. A row says how an opcode continues; operands and prefixes are random. */
#include "generate.h"

#include <string.h>

const char *const class_names[] = { "alu", "shift", "muldiv", "bits", "stack", "string", "flow",
                                    "misc", "bmi", "x87", "mmx", "sse", "ssefp", "avx", 0 };

bool define_flags_after_scans;

uint32_t random32(Random *r)
{
    r->s += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    uint64_t z = r->s;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (uint32_t)((z ^ (z >> 31)) >> 16);
}

enum {
    M = 1,        /* ModRM */
    I8 = 2, IZ = 4, IV = 8, /* immediates: byte, 2/4 bytes, 2/4/8 bytes */
    REGONLY = 16, MEMONLY = 32,
    NO64 = 64, ONLY64 = 128,
    LOCK = 256,   /* LOCK allowed with a memory operand */
    PLUSR = 512,  /* low three opcode bits are a register */
    REP = 1024,   /* string instruction: REP or REPNE sometimes */
    SMALLIMM = 2048,
    VEXN = 4096,  /* VEX encoded, NDS operand */
    VEX = 8192,   /* VEX encoded, no NDS operand */
    I16 = 16384,
    FIELD = 32768, /* two immediates: length and position of a field inside 64 bits */
};

/* digit: ModRM /digit, -1 any. pp: mandatory prefix 0x66 0xf2 0xf3; map 0 one-byte, 1 0F, 2 0F38, 3 0F3A. */
typedef struct Row {
    uint16_t class_, flags;
    uint8_t pp, map, op;
    int8_t digit;
} Row;

#define R0(c, op, f) { c, f, 0, 0, op, -1 }
#define R0D(c, op, d, f) { c, (f) | M, 0, 0, op, d }
#define R1(c, op, f) { c, f, 0, 1, op, -1 }
#define RP(c, pp, map, op, f) { c, f, pp, map, op, -1 }
#define RPD(c, pp, map, op, d, f) { c, (f) | M, pp, map, op, d }
#define ALU6(op) R0(CLASS_ALU, op, M | LOCK), R0(CLASS_ALU, op + 1, M | LOCK), R0(CLASS_ALU, op + 2, M), \
                 R0(CLASS_ALU, op + 3, M), R0(CLASS_ALU, op + 4, I8), R0(CLASS_ALU, op + 5, IZ)

static const Row integer_rows[] = {
    ALU6(0x00), ALU6(0x08), ALU6(0x10), ALU6(0x18), ALU6(0x20), ALU6(0x28), ALU6(0x30),
    R0(CLASS_ALU, 0x38, M), R0(CLASS_ALU, 0x39, M), R0(CLASS_ALU, 0x3a, M), R0(CLASS_ALU, 0x3b, M),
    R0(CLASS_ALU, 0x3c, I8), R0(CLASS_ALU, 0x3d, IZ),
    R0(CLASS_ALU, 0x80, M | I8 | LOCK), R0(CLASS_ALU, 0x81, M | IZ | LOCK), R0(CLASS_ALU, 0x83, M | I8 | LOCK),
    R0(CLASS_ALU, 0x82, M | I8 | NO64), R0(CLASS_ALU, 0x40, PLUSR | NO64), R0(CLASS_ALU, 0x48, PLUSR | NO64),
    R0(CLASS_ALU, 0x84, M), R0(CLASS_ALU, 0x85, M), R0(CLASS_ALU, 0x86, M | LOCK), R0(CLASS_ALU, 0x87, M | LOCK),
    R0(CLASS_ALU, 0xa8, I8), R0(CLASS_ALU, 0xa9, IZ), R0D(CLASS_ALU, 0xf6, 0, I8), R0D(CLASS_ALU, 0xf7, 0, IZ),
    R0D(CLASS_ALU, 0xf6, 2, LOCK), R0D(CLASS_ALU, 0xf7, 2, LOCK), R0D(CLASS_ALU, 0xf6, 3, LOCK), R0D(CLASS_ALU, 0xf7, 3, LOCK),
    R0D(CLASS_ALU, 0xfe, 0, LOCK), R0D(CLASS_ALU, 0xfe, 1, LOCK), R0D(CLASS_ALU, 0xff, 0, LOCK), R0D(CLASS_ALU, 0xff, 1, LOCK),
    R0(CLASS_ALU, 0x88, M), R0(CLASS_ALU, 0x89, M), R0(CLASS_ALU, 0x8a, M), R0(CLASS_ALU, 0x8b, M),
    R0(CLASS_ALU, 0x8d, M), R0D(CLASS_ALU, 0xc6, 0, I8), R0D(CLASS_ALU, 0xc7, 0, IZ),
    R0(CLASS_ALU, 0xb0, PLUSR | I8), R0(CLASS_ALU, 0xb8, PLUSR | IV), R0(CLASS_ALU, 0x90, PLUSR),
    R1(CLASS_ALU, 0xb6, M), R1(CLASS_ALU, 0xb7, M), R1(CLASS_ALU, 0xbe, M), R1(CLASS_ALU, 0xbf, M),
    R0(CLASS_ALU, 0x63, M | ONLY64), R0(CLASS_ALU, 0x98, 0), R0(CLASS_ALU, 0x99, 0),
    R1(CLASS_ALU, 0x40, M), R1(CLASS_ALU, 0x42, M), R1(CLASS_ALU, 0x44, M), R1(CLASS_ALU, 0x46, M), R1(CLASS_ALU, 0x48, M),
    R1(CLASS_ALU, 0x4a, M), R1(CLASS_ALU, 0x4c, M), R1(CLASS_ALU, 0x4f, M), R1(CLASS_ALU, 0x41, M), R1(CLASS_ALU, 0x4e, M),
    R1(CLASS_ALU, 0x90, M), R1(CLASS_ALU, 0x92, M), R1(CLASS_ALU, 0x94, M), R1(CLASS_ALU, 0x97, M), R1(CLASS_ALU, 0x98, M),
    R1(CLASS_ALU, 0x9a, M), R1(CLASS_ALU, 0x9c, M), R1(CLASS_ALU, 0x9e, M), R1(CLASS_ALU, 0x9f, M),
    R1(CLASS_ALU, 0xb0, M | LOCK), R1(CLASS_ALU, 0xb1, M | LOCK), R1(CLASS_ALU, 0xc0, M | LOCK), R1(CLASS_ALU, 0xc1, M | LOCK),
    R1(CLASS_ALU, 0xc8, PLUSR), R1(CLASS_ALU, 0xc8, PLUSR), RPD(CLASS_ALU, 0, 1, 0xc7, 1, MEMONLY | LOCK),

    R0(CLASS_SHIFT, 0xc0, M | I8), R0(CLASS_SHIFT, 0xc1, M | I8), R0(CLASS_SHIFT, 0xc1, M | I8 | SMALLIMM),
    R0(CLASS_SHIFT, 0xd0, M), R0(CLASS_SHIFT, 0xd1, M), R0(CLASS_SHIFT, 0xd2, M), R0(CLASS_SHIFT, 0xd3, M),
    R1(CLASS_SHIFT, 0xa4, M | I8), R1(CLASS_SHIFT, 0xa5, M), R1(CLASS_SHIFT, 0xac, M | I8), R1(CLASS_SHIFT, 0xad, M),

    R0D(CLASS_MULDIV, 0xf6, 4, 0), R0D(CLASS_MULDIV, 0xf7, 4, 0), R0D(CLASS_MULDIV, 0xf6, 5, 0), R0D(CLASS_MULDIV, 0xf7, 5, 0),
    R0D(CLASS_MULDIV, 0xf6, 6, 0), R0D(CLASS_MULDIV, 0xf7, 6, 0), R0D(CLASS_MULDIV, 0xf6, 7, 0), R0D(CLASS_MULDIV, 0xf7, 7, 0),
    R0(CLASS_MULDIV, 0x69, M | IZ), R0(CLASS_MULDIV, 0x6b, M | I8), R1(CLASS_MULDIV, 0xaf, M),
    R0(CLASS_MULDIV, 0x27, NO64), R0(CLASS_MULDIV, 0x2f, NO64), R0(CLASS_MULDIV, 0x37, NO64), R0(CLASS_MULDIV, 0x3f, NO64),
    R0(CLASS_MULDIV, 0xd4, NO64 | I8), R0(CLASS_MULDIV, 0xd5, NO64 | I8),

    R1(CLASS_BITS, 0xa3, M), R1(CLASS_BITS, 0xab, M | LOCK), R1(CLASS_BITS, 0xb3, M | LOCK), R1(CLASS_BITS, 0xbb, M | LOCK),
    RPD(CLASS_BITS, 0, 1, 0xba, 4, I8), RPD(CLASS_BITS, 0, 1, 0xba, 5, I8 | LOCK), RPD(CLASS_BITS, 0, 1, 0xba, 6, I8 | LOCK),
    RPD(CLASS_BITS, 0, 1, 0xba, 7, I8 | LOCK), R1(CLASS_BITS, 0xbc, M), R1(CLASS_BITS, 0xbd, M),
    RP(CLASS_BITS, 0xf3, 1, 0xb8, M), RP(CLASS_BITS, 0xf3, 1, 0xbc, M), RP(CLASS_BITS, 0xf3, 1, 0xbd, M),
    RP(CLASS_BITS, 0xf2, 2, 0xf0, M), RP(CLASS_BITS, 0xf2, 2, 0xf1, M), RP(CLASS_BITS, 0, 2, 0xf0, M | MEMONLY),
    RP(CLASS_BITS, 0, 2, 0xf1, M | MEMONLY), RP(CLASS_BITS, 0x66, 2, 0xf6, M), RP(CLASS_BITS, 0xf3, 2, 0xf6, M),

    R0(CLASS_STACK, 0x50, PLUSR), R0(CLASS_STACK, 0x58, PLUSR), R0(CLASS_STACK, 0x68, IZ), R0(CLASS_STACK, 0x6a, I8),
    R0(CLASS_STACK, 0x60, NO64), R0(CLASS_STACK, 0x61, NO64), R0(CLASS_STACK, 0x9c, 0), R0(CLASS_STACK, 0x9d, 0),
    R0D(CLASS_STACK, 0xff, 6, 0), R0D(CLASS_STACK, 0x8f, 0, 0), R0(CLASS_STACK, 0xc9, 0), R0(CLASS_STACK, 0xc8, I16 | I8),

    R0(CLASS_STRING, 0xa4, REP), R0(CLASS_STRING, 0xa5, REP), R0(CLASS_STRING, 0xa6, REP), R0(CLASS_STRING, 0xa7, REP),
    R0(CLASS_STRING, 0xaa, REP), R0(CLASS_STRING, 0xab, REP), R0(CLASS_STRING, 0xac, REP), R0(CLASS_STRING, 0xad, REP),
    R0(CLASS_STRING, 0xae, REP), R0(CLASS_STRING, 0xaf, REP), R0(CLASS_STRING, 0xd7, 0), R0(CLASS_STRING, 0xfc, 0),
    R0(CLASS_STRING, 0xfd, 0),

    R0(CLASS_MISC, 0x9e, 0), R0(CLASS_MISC, 0x9f, 0), R0(CLASS_MISC, 0xf5, 0), R0(CLASS_MISC, 0xf8, 0), R0(CLASS_MISC, 0xf9, 0),
    R0(CLASS_MISC, 0xce, NO64), R0(CLASS_MISC, 0xcc, 0), R0(CLASS_MISC, 0xf4, 0), R0(CLASS_MISC, 0xfa, 0),
    R1(CLASS_MISC, 0x0b, 0), R1(CLASS_MISC, 0x1f, M), R1(CLASS_MISC, 0x18, M), R1(CLASS_MISC, 0x0d, M),
    R0(CLASS_MISC, 0x62, M | NO64 | MEMONLY), R0(CLASS_MISC, 0xd6, NO64),

    RP(CLASS_BMI, 0, 2, 0xf2, M | VEXN), RPD(CLASS_BMI, 0, 2, 0xf3, 1, VEXN), RPD(CLASS_BMI, 0, 2, 0xf3, 2, VEXN),
    RPD(CLASS_BMI, 0, 2, 0xf3, 3, VEXN), RP(CLASS_BMI, 0, 2, 0xf5, M | VEXN), RP(CLASS_BMI, 0xf3, 2, 0xf5, M | VEXN),
    RP(CLASS_BMI, 0xf2, 2, 0xf5, M | VEXN), RP(CLASS_BMI, 0xf2, 2, 0xf6, M | VEXN), RP(CLASS_BMI, 0, 2, 0xf7, M | VEXN),
    RP(CLASS_BMI, 0x66, 2, 0xf7, M | VEXN), RP(CLASS_BMI, 0xf3, 2, 0xf7, M | VEXN), RP(CLASS_BMI, 0xf2, 2, 0xf7, M | VEXN),
    RP(CLASS_BMI, 0xf2, 3, 0xf0, M | VEX | I8),
};

static const uint8_t mmx_ops[] = { /* 0F map, none and 66 prefix */
    0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6e, 0x6f, 0x74, 0x75, 0x76, 0x7e, 0x7f,
    0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4,
    0xe5, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa,
    0xfb, 0xfc, 0xfd, 0xfe,
};
static const uint8_t ssse3_ops[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x1c, 0x1d, 0x1e };
static const uint8_t sse41_ops[] = { 0x10, 0x14, 0x15, 0x17, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x2a, 0x2b, 0x30,
    0x31, 0x32, 0x33, 0x34, 0x35, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0xdb, 0xdc, 0xdd,
    0xde, 0xdf };
static const uint8_t sse41_imm[] = { 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x14, 0x15, 0x16, 0x17, 0x20, 0x21, 0x22,
    0x40, 0x41, 0x42, 0x44, 0x60, 0x61, 0x62, 0x63, 0xdf };

static const Row sse_rows[] = {
    R1(CLASS_MMX, 0x70, M | I8), R1(CLASS_MMX, 0xc4, M | I8), R1(CLASS_MMX, 0xc5, M | I8 | REGONLY), R1(CLASS_MMX, 0xf7, M | REGONLY),
    RPD(CLASS_MMX, 0, 1, 0x71, 2, I8 | REGONLY), RPD(CLASS_MMX, 0, 1, 0x71, 4, I8 | REGONLY), RPD(CLASS_MMX, 0, 1, 0x71, 6, I8 | REGONLY),
    RPD(CLASS_MMX, 0, 1, 0x72, 2, I8 | REGONLY), RPD(CLASS_MMX, 0, 1, 0x72, 4, I8 | REGONLY), RPD(CLASS_MMX, 0, 1, 0x72, 6, I8 | REGONLY),
    RPD(CLASS_MMX, 0, 1, 0x73, 2, I8 | REGONLY), RPD(CLASS_MMX, 0, 1, 0x73, 6, I8 | REGONLY), R1(CLASS_MMX, 0x77, 0),
    RP(CLASS_MMX, 0, 3, 0x0f, M | I8), RP(CLASS_MMX, 0, 1, 0x2a, M), RP(CLASS_MMX, 0, 1, 0x2d, M), RP(CLASS_MMX, 0, 1, 0x2c, M),
    RP(CLASS_MMX, 0x66, 1, 0x2a, M), RP(CLASS_MMX, 0x66, 1, 0x2d, M), RP(CLASS_MMX, 0x66, 1, 0x2c, M),
    RP(CLASS_MMX, 0xf3, 1, 0xd6, M | REGONLY), RP(CLASS_MMX, 0xf2, 1, 0xd6, M | REGONLY),

    RP(CLASS_SSE, 0x66, 1, 0x70, M | I8), RP(CLASS_SSE, 0xf2, 1, 0x70, M | I8), RP(CLASS_SSE, 0xf3, 1, 0x70, M | I8),
    RP(CLASS_SSE, 0x66, 1, 0x6c, M), RP(CLASS_SSE, 0x66, 1, 0x6d, M), RP(CLASS_SSE, 0x66, 1, 0xd6, M), RP(CLASS_SSE, 0xf3, 1, 0x7e, M),
    RP(CLASS_SSE, 0x66, 1, 0xc4, M | I8), RP(CLASS_SSE, 0x66, 1, 0xc5, M | I8 | REGONLY),
    RPD(CLASS_SSE, 0x66, 1, 0x71, 2, I8 | REGONLY), RPD(CLASS_SSE, 0x66, 1, 0x71, 4, I8 | REGONLY),
    RPD(CLASS_SSE, 0x66, 1, 0x71, 6, I8 | REGONLY), RPD(CLASS_SSE, 0x66, 1, 0x72, 2, I8 | REGONLY),
    RPD(CLASS_SSE, 0x66, 1, 0x72, 4, I8 | REGONLY), RPD(CLASS_SSE, 0x66, 1, 0x72, 6, I8 | REGONLY),
    RPD(CLASS_SSE, 0x66, 1, 0x73, 2, I8 | REGONLY), RPD(CLASS_SSE, 0x66, 1, 0x73, 3, I8 | REGONLY),
    RPD(CLASS_SSE, 0x66, 1, 0x73, 6, I8 | REGONLY), RPD(CLASS_SSE, 0x66, 1, 0x73, 7, I8 | REGONLY),
    RP(CLASS_SSE, 0, 1, 0x10, M), RP(CLASS_SSE, 0x66, 1, 0x10, M), RP(CLASS_SSE, 0xf3, 1, 0x10, M), RP(CLASS_SSE, 0xf2, 1, 0x10, M),
    RP(CLASS_SSE, 0, 1, 0x11, M), RP(CLASS_SSE, 0x66, 1, 0x11, M), RP(CLASS_SSE, 0xf3, 1, 0x11, M), RP(CLASS_SSE, 0xf2, 1, 0x11, M),
    RP(CLASS_SSE, 0, 1, 0x12, M), RP(CLASS_SSE, 0x66, 1, 0x12, M | MEMONLY), RP(CLASS_SSE, 0xf3, 1, 0x12, M), RP(CLASS_SSE, 0xf2, 1, 0x12, M),
    RP(CLASS_SSE, 0, 1, 0x13, M | MEMONLY), RP(CLASS_SSE, 0x66, 1, 0x13, M | MEMONLY), RP(CLASS_SSE, 0, 1, 0x14, M), RP(CLASS_SSE, 0x66, 1, 0x14, M),
    RP(CLASS_SSE, 0, 1, 0x15, M), RP(CLASS_SSE, 0x66, 1, 0x15, M), RP(CLASS_SSE, 0, 1, 0x16, M), RP(CLASS_SSE, 0x66, 1, 0x16, M | MEMONLY),
    RP(CLASS_SSE, 0xf3, 1, 0x16, M), RP(CLASS_SSE, 0, 1, 0x17, M | MEMONLY), RP(CLASS_SSE, 0, 1, 0x28, M), RP(CLASS_SSE, 0x66, 1, 0x28, M),
    RP(CLASS_SSE, 0, 1, 0x29, M), RP(CLASS_SSE, 0x66, 1, 0x29, M), RP(CLASS_SSE, 0, 1, 0x2b, M | MEMONLY), RP(CLASS_SSE, 0, 1, 0x50, M | REGONLY),
    RP(CLASS_SSE, 0x66, 1, 0x50, M | REGONLY), RP(CLASS_SSE, 0, 1, 0x54, M), RP(CLASS_SSE, 0x66, 1, 0x55, M), RP(CLASS_SSE, 0, 1, 0x56, M),
    RP(CLASS_SSE, 0x66, 1, 0x57, M), RP(CLASS_SSE, 0, 1, 0xc6, M | I8), RP(CLASS_SSE, 0x66, 1, 0xc6, M | I8),
    RP(CLASS_SSE, 0x66, 1, 0x6f, M), RP(CLASS_SSE, 0xf3, 1, 0x6f, M), RP(CLASS_SSE, 0x66, 1, 0x7f, M), RP(CLASS_SSE, 0xf3, 1, 0x7f, M),
    RP(CLASS_SSE, 0xf2, 1, 0xf0, M | MEMONLY), RP(CLASS_SSE, 0x66, 1, 0xf7, M | REGONLY), RP(CLASS_SSE, 0, 1, 0xc3, M | MEMONLY),
    RP(CLASS_SSE, 0x66, 1, 0x79, M | REGONLY), RP(CLASS_SSE, 0xf2, 1, 0x79, M | REGONLY), RPD(CLASS_SSE, 0x66, 1, 0x78, 0, REGONLY | FIELD),
    RP(CLASS_SSE, 0xf2, 1, 0x78, M | REGONLY | FIELD), RP(CLASS_SSE, 0xf2, 1, 0x2b, M | MEMONLY), RP(CLASS_SSE, 0xf3, 1, 0x2b, M | MEMONLY),
    RP(CLASS_SSE, 0, 2, 0xc8, M), RP(CLASS_SSE, 0, 2, 0xcc, M), RP(CLASS_SSE, 0x66, 2, 0x2a, M | MEMONLY),

    RP(CLASS_SSEFP, 0, 1, 0x2e, M), RP(CLASS_SSEFP, 0x66, 1, 0x2e, M), RP(CLASS_SSEFP, 0, 1, 0x2f, M), RP(CLASS_SSEFP, 0x66, 1, 0x2f, M),
    RP(CLASS_SSEFP, 0xf3, 1, 0x2a, M), RP(CLASS_SSEFP, 0xf2, 1, 0x2a, M), RP(CLASS_SSEFP, 0xf3, 1, 0x2c, M), RP(CLASS_SSEFP, 0xf2, 1, 0x2c, M),
    RP(CLASS_SSEFP, 0xf3, 1, 0x2d, M), RP(CLASS_SSEFP, 0xf2, 1, 0x2d, M), RP(CLASS_SSEFP, 0, 1, 0x5b, M), RP(CLASS_SSEFP, 0x66, 1, 0x5b, M),
    RP(CLASS_SSEFP, 0xf3, 1, 0x5b, M), RP(CLASS_SSEFP, 0, 1, 0x5a, M), RP(CLASS_SSEFP, 0x66, 1, 0x5a, M), RP(CLASS_SSEFP, 0xf3, 1, 0x5a, M),
    RP(CLASS_SSEFP, 0xf2, 1, 0x5a, M), RP(CLASS_SSEFP, 0xf3, 1, 0xe6, M), RP(CLASS_SSEFP, 0xf2, 1, 0xe6, M), RP(CLASS_SSEFP, 0x66, 1, 0xe6, M),
    RP(CLASS_SSEFP, 0, 1, 0xc2, M | I8 | SMALLIMM), RP(CLASS_SSEFP, 0x66, 1, 0xc2, M | I8 | SMALLIMM), RP(CLASS_SSEFP, 0xf3, 1, 0xc2, M | I8 | SMALLIMM),
    RP(CLASS_SSEFP, 0xf2, 1, 0xc2, M | I8 | SMALLIMM), RP(CLASS_SSEFP, 0xf2, 1, 0x7c, M), RP(CLASS_SSEFP, 0x66, 1, 0x7c, M), RP(CLASS_SSEFP, 0x66, 1, 0x7d, M),
    RP(CLASS_SSEFP, 0xf2, 1, 0xd0, M), RP(CLASS_SSEFP, 0x66, 1, 0xd0, M), RPD(CLASS_SSEFP, 0, 1, 0xae, 3, MEMONLY),
};

typedef struct Gen {
    Random *r;
    Case *c;
    unsigned bits;
    uint8_t *p;
} Gen;

static void put(Gen *g, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        *g->p++ = (uint8_t)(v >> (8 * i));
}

/* Values that sit on edges more often than uniform ones would. */
static uint64_t edge_value(Random *r)
{
    static const uint64_t edges[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
                                      0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 63, 64, 31, 32, 33 };
    uint64_t v = (uint64_t)random32(r) << 32 | random32(r);
    switch (random_below(r, 5)) {
    case 0: return edges[random_below(r, sizeof(edges) / sizeof(edges[0]))];
    case 1: return v & 0xff;
    case 2: return (uint64_t)(int64_t)(int8_t)v;
    default: return v;
    }
}

static void put_modrm16(Gen *g, const Row *row, unsigned reg, int memory)
{
    unsigned mod = memory ? random_below(g->r, 3) : 3, rm = random_below(g->r, 8);
    put(g, mod << 6 | reg << 3 | rm, 1);
    if (mod == 0 && rm == 6)
        put(g, CASE_MEM_OFFSET + random_below(g->r, CASE_MEM - 16), 2);
    else if (mod == 1)
        put(g, random32(g->r), 1);
    else if (mod == 2)
        put(g, random_below(g->r, 2) ? random_below(g->r, 64) : random32(g->r), 2);
}

/* ModRM, SIB and displacement. Memory operands mostly fall into the data area. */
static void put_modrm(Gen *g, const Row *row, unsigned reg, int memory, int address16)
{
    Random *r = g->r;
    if (address16) {
        put_modrm16(g, row, reg, memory);
        return;
    }
    if (!memory) {
        put(g, 0xc0 | reg << 3 | random_below(r, 8), 1);
        return;
    }
    uint32_t target = DATA_BASE + CASE_MEM_OFFSET + random_below(r, CASE_MEM - 32);
    if (random_below(r, 2))
        target &= ~15u;
    if (g->bits == 16)
        target -= DATA_BASE;
    switch (random_below(r, 6)) {
    case 0: /* absolute */
        put(g, reg << 3 | 4, 1);
        put(g, 0x25, 1);
        put(g, target, 4);
        break;
    case 1: /* base + index * scale + disp8 */
        put(g, 0x44 | reg << 3, 1);
        put(g, random32(r), 1);
        put(g, random_below(r, 64), 1);
        break;
    case 2: /* disp32: RIP-relative in 64-bit code, where it points near the code */
        put(g, reg << 3 | 5, 1);
        put(g, g->bits == 64 ? DATA_BASE - CODE_BASE + CASE_MEM_OFFSET + random_below(r, 128) - (uint32_t)g->c->code_offset : target, 4);
        break;
    default: { /* base register + disp8 */
        static const uint8_t bases[] = { 3, 5, 6, 7, 0, 1, 2 };
        put(g, 0x40 | reg << 3 | bases[random_below(r, random_below(r, 4) ? 4 : 7)], 1);
        put(g, random_below(r, 48) & (random_below(r, 2) ? 0x70 : 0xff), 1);
        break;
    }
    }
}

static void put_vex(Gen *g, const Row *row)
{
    Random *r = g->r;
    static const uint8_t pps[256] = { [0x66] = 1, [0xf3] = 2, [0xf2] = 3 };
    unsigned inverted = g->bits == 64 ? random_below(r, 8) : 7;
    unsigned w = g->bits == 64 ? random_below(r, 2) : 0, v = row->flags & VEXN ? random_below(r, g->bits == 64 ? 16 : 8) : 0;
    put(g, 0xc4, 1);
    put(g, inverted << 5 | row->map, 1);
    put(g, w << 7 | (~v & 15) << 3 | pps[row->pp], 1);
    put(g, row->op, 1);
}

static void put_row(Gen *g, const Row *row)
{
    Random *r = g->r;
    unsigned f = row->flags;
    int data_prefix = 0, rexw = 0, addr_prefix = 0;
    int memory = f & REGONLY ? 0 : f & MEMONLY ? 1 : (int)random_below(r, 2);
    unsigned reg = row->digit >= 0 ? (unsigned)row->digit : random_below(r, 8);
    if (f & (VEX | VEXN)) {
        put_vex(g, row);
    } else {
        if (random_below(r, 40) == 0)
            put(g, 0x67, 1), addr_prefix = 1;
        if (!row->pp && random_below(r, 5) == 0 && !(row->class_ & (CLASS_MMX | CLASS_SSE | CLASS_SSEFP)))
            put(g, 0x66, 1), data_prefix = 1;
        if ((f & LOCK) && memory && random_below(r, 4) == 0)
            put(g, 0xf0, 1);
        if (f & REP && random_below(r, 2))
            put(g, random_below(r, 2) ? 0xf2 : 0xf3, 1);
        if (row->pp)
            put(g, row->pp, 1);
        if (g->bits == 64 && random_below(r, 2)) {
            unsigned rex = 0x40 | random_below(r, 16);
            rexw = rex >> 3 & 1;
            put(g, rex, 1);
        }
        if (row->map)
            put(g, 0x0f, 1);
        if (row->map > 1)
            put(g, row->map == 2 ? 0x38 : 0x3a, 1);
        put(g, f & PLUSR ? row->op | random_below(r, 8) : row->op, 1);
    }
    if (f & M)
        put_modrm(g, row, reg, memory, g->bits == 16 ? !addr_prefix : g->bits == 32 && addr_prefix);
    unsigned z = rexw ? 4 : (g->bits == 16) != data_prefix ? 2 : 4;
    if (f & I16)
        put(g, random_below(r, 64), 2);
    if (f & I8)
        put(g, f & I16 ? random_below(r, 4) : f & SMALLIMM ? random_below(r, 8) : random32(r), 1);
    if (f & FIELD) {
        unsigned length = random_below(r, 64);
        put(g, length, 1);
        put(g, random_below(r, length ? 65 - length : 1), 1);
    }
    if (f & IZ)
        put(g, edge_value(r), z);
    if (f & IV)
        put(g, edge_value(r), rexw ? 8 : z);
    if (define_flags_after_scans && row->class_ == CLASS_BITS && row->map == 1 && !row->pp && (row->op == 0xbc || row->op == 0xbd))
        put(g, 0xc084c0940full, 5);
}

/* Short forward jumps, calls and loops over a few bytes of NOPs that other instructions follow. */
static void put_flow(Gen *g)
{
    Random *r = g->r;
    unsigned skip = random_below(r, 4);
    switch (random_below(r, 6)) {
    case 0: put(g, 0x70 | random_below(r, 16), 1), put(g, skip, 1); break;
    case 1: put(g, 0xeb, 1), put(g, skip, 1); break;
    case 2: put(g, 0xe3, 1), put(g, skip, 1); break;
    case 3: put(g, 0xe0 | random_below(r, 3), 1), put(g, skip, 1); break;
    case 4:
        if (g->bits == 16)
            put(g, 0x0f, 1), put(g, 0x80 | random_below(r, 16), 1), put(g, skip, 2);
        else
            put(g, 0x0f, 1), put(g, 0x80 | random_below(r, 16), 1), put(g, skip, 4);
        break;
    default: put(g, 0xe8, 1), put(g, skip, g->bits == 16 ? 2 : 4); break;
    }
    for (unsigned i = 0; i < skip; i++)
        put(g, 0x90, 1);
}

static void put_x87(Gen *g)
{
    Random *r = g->r;
    unsigned op = 0xd8 + random_below(r, 8);
    static const Row row = R0(CLASS_X87, 0, M);
    if (random_below(r, 12) == 0)
        put(g, 0x9b, 1);
    int a16 = g->bits == 16;
    if (random_below(r, 3)) {
        put(g, op, 1);
        put(g, 0xc0 | random_below(r, 64), 1);
        return;
    }
    unsigned reg = random_below(r, 8);
    /* FLDENV, FRSTOR, FNSTENV and FNSAVE hold pointers that processors treat differently. */
    if ((op == 0xd9 && (reg == 4 || reg == 6)) || (op == 0xdd && (reg == 4 || reg == 6)))
        reg = 0;
    put(g, op, 1);
    put_modrm(g, &row, reg, 1, a16);
}

static void put_simd(Gen *g, unsigned classes)
{
    Random *r = g->r;
    Row row;
    unsigned class_;
    do
        class_ = 1u << random_below(r, CLASSES);
    while (!(classes & class_ & (CLASS_MMX | CLASS_SSE | CLASS_SSEFP)));
    unsigned pick = random_below(r, 8);
    if (class_ == CLASS_SSEFP && pick < 5) { /* arithmetic 51-5F in its four forms */
        static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
        static const uint8_t ops[] = { 0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f };
        row = (Row)RP(CLASS_SSEFP, prefixes[random_below(r, 4)], 1, ops[random_below(r, sizeof(ops))], M);
    } else if (class_ != CLASS_SSEFP && pick < 4) {
        uint8_t op = mmx_ops[random_below(r, sizeof(mmx_ops))];
        unsigned f = M;
        if (op == 0xd7)
            f |= REGONLY;
        if (op == 0xe7)
            f |= MEMONLY;
        row = (Row){ (uint16_t)class_, (uint16_t)f, class_ == CLASS_SSE ? 0x66 : 0, 1, op, -1 };
    } else if (class_ != CLASS_SSEFP && pick == 4) {
        row = (Row){ (uint16_t)class_, M, class_ == CLASS_SSE ? 0x66 : 0, 2, ssse3_ops[random_below(r, sizeof(ssse3_ops))], -1 };
    } else if (class_ == CLASS_SSE && pick == 5) {
        uint8_t op = sse41_ops[random_below(r, sizeof(sse41_ops))];
        row = (Row)RP(CLASS_SSE, 0x66, 2, op, (uint16_t)(op == 0x2a ? M | MEMONLY : M));
    } else if (class_ == CLASS_SSE && pick == 6) {
        row = (Row)RP(CLASS_SSE, 0x66, 3, sse41_imm[random_below(r, sizeof(sse41_imm))], M | I8);
    } else {
        do
            row = sse_rows[random_below(r, sizeof(sse_rows) / sizeof(sse_rows[0]))];
        while (row.class_ != class_);
    }
    put_row(g, &row);
}

/* AVX's own opcodes, all with prefix 66; FMA takes half of what is left. */
static const uint8_t avx_ops38[] = { 0x0c, 0x0d, 0x0e, 0x0f, 0x13, 0x16, 0x18, 0x19, 0x1a, 0x2c, 0x2d, 0x2e, 0x2f, 0x36, 0x45, 0x46, 0x47,
    0x58, 0x59, 0x5a, 0x78, 0x79, 0x8c, 0x8e, 0x90, 0x91, 0x92, 0x93 };
static const uint8_t avx_ops3a[] = { 0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x18, 0x19, 0x1d, 0x38, 0x39, 0x46, 0x4a, 0x4b, 0x4c };

static Row avx_row(Random *r)
{
    static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
    static const uint8_t ops[] = { 0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f };
    Row row;

    switch (random_below(r, 8)) {
    case 0: return (Row)RP(CLASS_AVX, prefixes[random_below(r, 4)], 1, ops[random_below(r, sizeof(ops))], M);
    case 1: return (Row)RP(CLASS_AVX, 0x66, 1, mmx_ops[random_below(r, sizeof(mmx_ops))], M);
    case 2: return (Row)RP(CLASS_AVX, 0x66, 2, random_below(r, 2) ? sse41_ops[random_below(r, sizeof(sse41_ops))] :
                           ssse3_ops[random_below(r, sizeof(ssse3_ops))], M);
    case 3: return (Row)RP(CLASS_AVX, 0x66, 3, sse41_imm[random_below(r, sizeof(sse41_imm))], M | I8);
    case 4: return (Row)RP(CLASS_AVX, 0x66, 2, (uint8_t)((0x90 + (random_below(r, 3) << 4)) | (6 + random_below(r, 10))), M);
    case 5: return (Row)RP(CLASS_AVX, 0x66, 2, avx_ops38[random_below(r, sizeof(avx_ops38))], M);
    case 6: return (Row)RP(CLASS_AVX, 0x66, 3, avx_ops3a[random_below(r, sizeof(avx_ops3a))], M | I8);
    default:
        do
            row = sse_rows[random_below(r, sizeof(sse_rows) / sizeof(sse_rows[0]))];
        while (!(row.class_ & (CLASS_SSE | CLASS_SSEFP)));
        return row;
    }
}

/* ModRM with a vector index: a base register that mostly points to data, small indexes are not likely. */
static void put_vsib(Gen *g)
{
    Random *r = g->r;
    put(g, 0x44 | random_below(r, 8) << 3, 1);
    put(g, random_below(r, 4) << 6 | random_below(r, 8) << 3 | (random_below(r, 2) ? 3 : random_below(r, 8)), 1);
    put(g, random_below(r, 64), 1);
}

static void put_avx(Gen *g)
{
    Random *r = g->r;
    static const uint8_t pps[256] = { [0x66] = 1, [0xf3] = 2, [0xf2] = 3 };
    Row row = avx_row(r);
    int memory = row.flags & REGONLY ? 0 : row.flags & MEMONLY ? 1 : (int)random_below(r, 2);
    unsigned inverted = g->bits == 64 ? random_below(r, 8) : 7, w = random_below(r, 3) == 0;
    unsigned v = random_below(r, 2) ? 0 : random_below(r, g->bits == 64 ? 16 : 8), reg = row.digit >= 0 ? (unsigned)row.digit : random_below(r, 8);

    if (random_below(r, 40) == 0) { /* VZEROUPPER, VZEROALL */
        put(g, 0xc5, 1);
        put(g, 0xf8 | random_below(r, 2) << 2, 1);
        put(g, 0x77, 1);
        return;
    }
    put(g, 0xc4, 1);
    put(g, inverted << 5 | row.map, 1);
    put(g, w << 7 | (~v & 15) << 3 | random_below(r, 2) << 2 | pps[row.pp], 1);
    put(g, row.op, 1);
    if (row.map == 2 && row.op >= 0x90 && row.op <= 0x93)
        put_vsib(g);
    else
        put_modrm(g, &row, reg, memory, g->bits == 16);
    if (row.flags & I8)
        put(g, random32(r), 1);
}

static void put_instruction(Gen *g, unsigned classes)
{
    Random *r = g->r;
    for (;;) {
        unsigned class_ = 1u << random_below(r, CLASSES);
        if (!(class_ & classes))
            continue;
        if (class_ == CLASS_FLOW) {
            put_flow(g);
            return;
        }
        if (class_ == CLASS_X87) {
            put_x87(g);
            return;
        }
        if (class_ == CLASS_AVX) {
            put_avx(g);
            return;
        }
        if (class_ & (CLASS_MMX | CLASS_SSE | CLASS_SSEFP)) {
            put_simd(g, class_);
            return;
        }
        const Row *row = &integer_rows[random_below(r, sizeof(integer_rows) / sizeof(integer_rows[0]))];
        if (row->class_ != class_ || (row->flags & NO64 && g->bits == 64) || (row->flags & ONLY64 && g->bits != 64))
            continue;
        put_row(g, row);
        return;
    }
}

/* ---- Initial state ---- */

static uint64_t float_bits(Random *r, int is_double)
{
    uint64_t v = (uint64_t)random32(r) << 32 | random32(r);
    unsigned e_bits = is_double ? 11 : 8, m_bits = is_double ? 52 : 23;
    uint64_t m = v & ((1ull << m_bits) - 1), e;
    switch (random_below(r, 10)) {
    case 0: e = 0; break;                                              /* denormal */
    case 1: e = 0, m = 0; break;                                       /* zero */
    case 2: e = (1u << e_bits) - 1; m = random_below(r, 2) ? 0 : m; break; /* infinity or NaN */
    case 3: e = (1u << (e_bits - 1)) - 1; m = 0; break;                /* one */
    case 4: return v;
    default: e = (1u << (e_bits - 1)) - 16 + random_below(r, 32); break;
    }
    return (v & 1ull << 63 ? 1ull << (e_bits + m_bits) : 0) | e << m_bits | m;
}

static void random_vector(Random *r, uint8_t *out)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t q;
        switch (random_below(r, 3)) {
        case 0: q = float_bits(r, 1); break;
        case 1: q = float_bits(r, 0) << 32 | float_bits(r, 0); break;
        default: q = edge_value(r); break;
        }
        memcpy(out + 8 * i, &q, 8);
    }
}

static void random_x87(Random *r, uint8_t *out)
{
    uint64_t m = edge_value(r) | 1ull << 63;
    uint16_t e = (uint16_t)(random_below(r, 2) << 15);
    switch (random_below(r, 8)) {
    case 0: m = 0; break;
    case 1: m &= ~(1ull << 63); break;                             /* denormal */
    case 2: e |= 0x7fff; m = random_below(r, 2) ? m : 1ull << 63; break; /* NaN, infinity */
    case 3: e |= (uint16_t)random_below(r, 0x8000); break;
    case 4: e |= 0x3fff; m = 1ull << 63; break;
    default: e |= (uint16_t)(0x3fff - 40 + random_below(r, 100)); break;
    }
    memcpy(out, &m, 8);
    memcpy(out + 8, &e, 2);
}

static void random_fpu(Random *r, Case *c)
{
    uint8_t *fx = c->in.fx;
    static const uint16_t controls[] = { 0x37f, 0x37f, 0x37f, 0x27f, 0x07f, 0xf7f, 0xb7f, 0x77f };
    uint16_t cw = controls[random_below(r, 8)], sw = (uint16_t)(random_below(r, 8) << 11 | (random32(r) & 0x4700));
    if (random_below(r, 32) == 0)
        cw &= (uint16_t)~(1u << random_below(r, 6)); /* an unmasked exception */
    memset(fx, 0, 512);
    memcpy(fx, &cw, 2);
    memcpy(fx + 2, &sw, 2);
    fx[4] = random_below(r, 4) ? 0xff : (uint8_t)random32(r);
    uint32_t mxcsr = 0x1f80;
    switch (random_below(r, 6)) {
    case 0: mxcsr |= random_below(r, 4) << 13; break;
    case 1: mxcsr |= (random_below(r, 2) ? 0x8000 : 0) | (random_below(r, 2) ? 0x40 : 0); break;
    case 2: mxcsr &= ~(random_below(r, 8) == 0 ? 0x80u << random_below(r, 6) : 0); break;
    default: break;
    }
    memcpy(fx + 24, &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++)
        random_x87(r, fx + 32 + 16 * i);
    for (unsigned i = 0; i < 16; i++)
        random_vector(r, fx + 160 + 16 * i);
    for (unsigned i = 0; i < 16; i++)
        random_vector(r, c->in.ymmh + 16 * i);
}

static void random_registers(Random *r, Case *c, unsigned bits)
{
    memset(&c->in, 0, sizeof(c->in));
    random_fpu(r, c);
    for (unsigned i = 0; i < (bits == 64 ? 16 : 8); i++) {
        uint64_t v = edge_value(r);
        if (random_below(r, 5) > 1) {
            v = DATA_BASE + CASE_MEM_OFFSET + random_below(r, CASE_MEM - 64);
            if (random_below(r, 2))
                v &= ~15ull;
            if (bits == 16)
                v -= DATA_BASE;
        }
        c->in.gpr[i] = bits == 64 ? v : (uint32_t)v;
    }
    if (random_below(r, 4))
        c->in.gpr[1] = random_below(r, 40); /* a count that string instructions finish */
    c->in.gpr[4] = (bits == 16 ? 0 : STACK_BASE) + CASE_MEM_OFFSET + CASE_MEM / 2 + (random_below(r, 16) << 3);
    c->in.rflags = 0x202 | (random32(r) & 0x8d5);
    if (random_below(r, 8) == 0)
        c->in.rflags |= 0x400;
    for (unsigned i = 0; i < CASE_MEM; i += 16) {
        random_vector(r, c->data + i);
        random_vector(r, c->stack + i);
    }
}

void finish_code(Case *c)
{
    memset(c->code + c->code_len, 0xcc, CASE_CODE_SLOT - c->code_len);
}

void generate_case(Random *r, Case *c, unsigned bits, unsigned classes, unsigned max_insns)
{
    random_registers(r, c, bits);
    Gen g = { r, c, bits, c->code };
    unsigned n = 1 + random_below(r, max_insns);
    c->insns = 0;
    c->classes = classes;
    while (c->insns < n && g.p - c->code < CASE_CODE_MAX - 32) {
        c->start[c->insns++] = (uint16_t)(g.p - c->code);
        put_instruction(&g, classes);
    }
    c->code_len = (uint32_t)(g.p - c->code);
    c->start[c->insns] = (uint16_t)c->code_len;
    finish_code(c);
}
