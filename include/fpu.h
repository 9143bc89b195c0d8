/* SPDX-License-Identifier: MIT */
/*
 * IEEE 754 arithmetic in integers: the exact reference for every guest operation, and the path taken where the
 * host's floating point differs from the guest's. Values are bit patterns in the low bits of a 128-bit
 * integer; each function takes the format and an FpEnv with rounding, sticky flags and the target's choices.
 * Everything here is pure but for FpEnv.flags and rounded_up. Sources: IEEE 754-2019, Intel SDM vol. 1 ch. 4 and 8,
 * Arm ARM "Floating-point support" (pseudocode FPUnpack, FPRound, FPProcessNaNs).
 * Not here: decimal formats, trapped results with adjusted exponents.
 */
#ifndef RHEA_FPU_H
#define RHEA_FPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 FpBits;

typedef enum FpFormat {
    FP_F16, FP_BF16, FP_F32, FP_F64,
    FP_F80,      /* x87: explicit integer bit */
    FP_F128,
    FP_AHP,      /* Arm's alternative half: the largest exponent is a normal one */
    FP_FORMATS,
} FpFormat;
#define FP_MASK(format) (1u << (format))

typedef enum FpRound {
    FP_NEAREST, FP_DOWN, FP_UP, FP_ZERO, /* x86's order of MXCSR.RC */
    FP_AWAY,                             /* to nearest, ties away from zero */
    FP_ODD,                              /* inexact results get an odd last bit */
} FpRound;

/* Sticky flags, at the places MXCSR has them. */
enum {
    FPX_INVALID = 1, FPX_DENORMAL = 2, FPX_DIVZERO = 4, FPX_OVERFLOW = 8, FPX_UNDERFLOW = 16, FPX_INEXACT = 32,
};

/* Which NaN an operation with NaN operands returns, and what goes with it. */
typedef enum FpNanRule {
    FP_NAN_SSE,  /* the first NaN operand; the default is negative; int "indefinite" */
    FP_NAN_X87,  /* the larger significand; quiet before signaling; else as SSE */
    FP_NAN_ARM,  /* the first signaling operand, then the first quiet; the default is positive; int saturates */
} FpNanRule;

typedef struct FpEnv {
    uint8_t round;           /* FpRound */
    uint8_t flags;           /* FPX_*, set and never cleared here */
    uint8_t nan_rule;        /* FpNanRule */
    bool default_nan;        /* every NaN result is the default one */
    bool tiny_before;        /* tininess is detected before rounding (Arm), and so is flushing */
    bool rounded_up;         /* out: the last rounding went away from zero (x87 C1) */
    uint8_t precision;       /* significant bits of F80 results: 24, 53, or 0 = 64 */
    /* Sets of formats, FP_MASK() */
    uint8_t flush_in;        /* denormal operands are zeros */
    uint8_t flush_out;       /* denormal results become zeros */
    uint8_t denormal_used;   /* FPX_DENORMAL for denormal operands that are not flushed (x86) */
    uint8_t denormal_flushed;/* FPX_DENORMAL for denormal operands that are (Arm) */
} FpEnv;

typedef enum FpRelation { FP_LESS = -1, FP_EQUAL = 0, FP_GREATER = 1, FP_UNORDERED = 2 } FpRelation;

/* How minimum and maximum treat NaNs and zeros. */
typedef enum FpMinMax {
    FP_MM_PROPAGATE, /* a NaN operand is the result; -0 < +0 (Arm FMIN) */
    FP_MM_NUMBER,    /* a quiet NaN loses against a number; -0 < +0 (IEEE 754-2008 minNum, Arm FMINNM) */
    FP_MM_SSE,       /* the second operand when either is a NaN or both are zeros */
} FpMinMax;

enum { FP_NEG_PRODUCT = 1, FP_NEG_ADDEND = 2, FP_NEG_RESULT = 4 };

FpBits fp_add(FpFormat f, FpBits a, FpBits b, FpEnv *e);
FpBits fp_sub(FpFormat f, FpBits a, FpBits b, FpEnv *e);
FpBits fp_mul(FpFormat f, FpBits a, FpBits b, FpEnv *e);
FpBits fp_div(FpFormat f, FpBits a, FpBits b, FpEnv *e);
FpBits fp_sqrt(FpFormat f, FpBits a, FpEnv *e);
/* (a * b + c) * 2^scale with one rounding; how: FP_NEG_*, applied to numbers, not to NaNs. Arm's order of NaN
 * operands is c, a, b; x86's a, b, c. */
FpBits fp_fma(FpFormat f, FpBits a, FpBits b, FpBits c, int scale, unsigned how, FpEnv *e);
/* a - n * b where n is a / b rounded to an integer: to nearest even (IEEE remainder) or, trunc, toward zero.
 * The low 64 bits of |n| go to *quotient. Always exact. */
FpBits fp_rem(FpFormat f, FpBits a, FpBits b, bool trunc, uint64_t *quotient, FpEnv *e);
/* a * 2^n, rounded. */
FpBits fp_scalbn(FpFormat f, FpBits a, int64_t n, FpEnv *e);

/* Quiet: only signaling NaNs are invalid. */
FpRelation fp_compare(FpFormat f, FpBits a, FpBits b, bool quiet, FpEnv *e);
FpBits fp_minmax(FpFormat f, FpBits a, FpBits b, bool max, FpMinMax kind, FpEnv *e);

/* To an integral value in the same format. exact: FPX_INEXACT when the value changes. */
FpBits fp_round_int(FpFormat f, FpBits a, FpRound round, bool exact, FpEnv *e);
FpBits fp_convert(FpFormat to, FpFormat from, FpBits a, FpEnv *e);
/*
 * Integers of 1 to 128 bits. The value is multiplied (to) or divided (from) by 2^fbits. Out of range is FPX_INVALID
 * alone: Arm's rule saturates (NaN: 0), x86's returns 1 << (bits - 1), all ones for unsigned. Results are truncated to
 * `bits` bits. fp_from_int takes the low `bits` bits of v.
 */
FpBits fp_to_int(FpFormat f, FpBits a, unsigned bits, bool is_signed, int fbits, FpRound round, FpEnv *e);
FpBits fp_from_int(FpFormat f, FpBits v, unsigned bits, bool is_signed, int fbits, FpEnv *e);

bool fp_is_nan(FpFormat f, FpBits a);
bool fp_is_snan(FpFormat f, FpBits a);
bool fp_is_inf(FpFormat f, FpBits a);
bool fp_is_zero(FpFormat f, FpBits a);      /* before flushing */
bool fp_is_denormal(FpFormat f, FpBits a);
FpBits fp_default_nan(FpFormat f, const FpEnv *e);
FpBits fp_inf(FpFormat f, bool sign);
FpBits fp_max(FpFormat f, bool sign);       /* the largest finite number */
FpBits fp_sign_bit(FpFormat f);
/* a as the operation would see it: zero when it is a flushed denormal (with its flag). */
FpBits fp_flush(FpFormat f, FpBits a, FpEnv *e);
/* The NaN that an operation with these operands returns; at least one is a NaN. Raises FPX_INVALID for SNaNs. */
FpBits fp_pick_nan(FpFormat f, FpBits a, FpBits b, FpEnv *e);

#endif
