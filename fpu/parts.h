/* SPDX-License-Identifier: MIT */
/*
 * Numbers taken apart, private to fpu/. A finite number is (-1)^sign * sig / 2^127 * 2^exp with bit 127 of sig set; in
 * what goes to num_round(), bit 0 also stands for everything below it (sticky). All formats leave at
 * least 15 bits below their last place.
 */
#ifndef RHEA_FPU_PARTS_H
#define RHEA_FPU_PARTS_H

#include "fpu.h"

typedef enum NumClass { NUM_ZERO, NUM_FINITE, NUM_INF, NUM_QNAN, NUM_SNAN } NumClass;

typedef struct Num {
    NumClass cls;
    bool sign;
    bool denormal;   /* was one, and was not flushed */
    bool unsupported;/* an F80 pattern that is no number: NUM_SNAN whose result is the default NaN */
    int32_t exp;
    FpBits sig;      /* NaN: the fraction below bit 127 */
} Num;

typedef struct Layout {
    uint8_t precision; /* significant bits with the integer bit */
    uint8_t exp_bits;
    bool explicit_one; /* the integer bit is stored */
    bool no_specials;  /* no infinities and NaNs */
} Layout;
extern const Layout fp_layout[FP_FORMATS];

#define TOP_BIT ((FpBits)1 << 127)

static inline bool num_is_nan(const Num *n) { return n->cls >= NUM_QNAN; }

static inline int clz128(FpBits v) /* v != 0 */
{
    uint64_t hi = (uint64_t)(v >> 64);
    return hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
}

/* v >> n with what falls out kept in bit 0. */
static inline FpBits shift_right_sticky(FpBits v, unsigned n)
{
    if (n == 0)
        return v;
    if (n > 127)
        return v != 0;
    return v >> n | (v << (128 - n) != 0);
}

static inline int format_bias(FpFormat f) { return (1 << (fp_layout[f].exp_bits - 1)) - 1; }
static inline unsigned exp_max(FpFormat f) { return (1u << fp_layout[f].exp_bits) - 1; }
/* Stored bits of the significand. */
static inline unsigned frac_bits(FpFormat f) { return fp_layout[f].precision - !fp_layout[f].explicit_one; }

Num num_unpack(FpFormat f, FpBits a, FpEnv *e);
/* Rounds to the format's precision and range. sig != 0, not necessarily normalised. */
FpBits num_round(FpFormat f, bool sign, int32_t exp, FpBits sig, FpEnv *e);
FpBits num_zero(FpFormat f, bool sign);
/* FPX_INVALID and the default NaN. */
FpBits num_invalid(FpFormat f, FpEnv *e);
/* Result of an operation of which at least one operand is a NaN; c may be NULL. */
FpBits num_nan(FpFormat f, const Num *a, const Num *b, const Num *c, FpEnv *e);
FpBits num_pack_nan(FpFormat f, const Num *n, FpEnv *e);
/* Notes operands that were denormal and take part in a result. */
static inline void num_used(FpFormat f, bool denormal, FpEnv *e)
{
    if (denormal && e->denormal_used & FP_MASK(f))
        e->flags |= FPX_DENORMAL;
}
/* sig * 2^-n rounded to an integer; n >= 0. *inexact is set when something was lost. */
FpBits round_to_integer(FpBits sig, unsigned n, bool sign, FpRound round, bool *inexact, bool *up);

#endif
