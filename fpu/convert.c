/* SPDX-License-Identifier: MIT */
/* Comparison, minimum and maximum, and conversions between formats and integers of fpu.h. */
#include "parts.h"

/* ---- Order ---- */

static FpRelation compare_magnitude(const Num *a, const Num *b)
{
    if (a->cls != b->cls)
        return a->cls < b->cls ? FP_LESS : FP_GREATER;
    if (a->cls != NUM_FINITE)
        return FP_EQUAL;
    if (a->exp != b->exp)
        return a->exp < b->exp ? FP_LESS : FP_GREATER;
    return a->sig == b->sig ? FP_EQUAL : a->sig < b->sig ? FP_LESS : FP_GREATER;
}

/* Neither is a NaN. */
static FpRelation compare_parts(const Num *a, const Num *b)
{
    FpRelation r;

    if (a->cls == NUM_ZERO && b->cls == NUM_ZERO)
        return FP_EQUAL;
    if (a->sign != b->sign)
        return a->sign ? FP_LESS : FP_GREATER;
    r = compare_magnitude(a, b);
    return a->sign ? (FpRelation)-(int)r : r;
}

FpRelation fp_compare(FpFormat f, FpBits a, FpBits b, bool quiet, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);

    if (num_is_nan(&x) || num_is_nan(&y)) {
        if (!quiet || x.cls == NUM_SNAN || y.cls == NUM_SNAN)
            e->flags |= FPX_INVALID;
        return FP_UNORDERED;
    }
    num_used(f, x.denormal || y.denormal, e);
    return compare_parts(&x, &y);
}

static FpBits repack(FpFormat f, const Num *n, FpBits bits)
{
    return n->cls == NUM_ZERO ? num_zero(f, n->sign) : bits;
}

FpBits fp_minmax(FpFormat f, FpBits a, FpBits b, bool max, FpMinMax kind, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    bool a_wins;
    FpRelation r;

    if (num_is_nan(&x) || num_is_nan(&y)) {
        if (kind == FP_MM_SSE) {
            e->flags |= FPX_INVALID;
            return repack(f, &y, b);
        }
        bool number = kind == FP_MM_NUMBER && x.cls != NUM_SNAN && y.cls != NUM_SNAN;
        if (number && !num_is_nan(&y))
            return repack(f, &y, b);
        if (number && !num_is_nan(&x))
            return repack(f, &x, a);
        return num_nan(f, &x, &y, NULL, e);
    }
    num_used(f, x.denormal || y.denormal, e);
    r = compare_parts(&x, &y);
    if (r == FP_EQUAL && kind != FP_MM_SSE)
        a_wins = x.sign != max; /* of two zeros */
    else
        a_wins = r == (max ? FP_GREATER : FP_LESS);
    return a_wins ? repack(f, &x, a) : repack(f, &y, b);
}

/* ---- Between formats ---- */

/* The alternative half precision has neither infinities nor NaNs. */
static FpBits special_to_ahp(const Num *n, FpEnv *e)
{
    e->flags |= FPX_INVALID;
    return n->cls == NUM_INF ? fp_max(FP_AHP, n->sign) : num_zero(FP_AHP, n->sign);
}

FpBits fp_convert(FpFormat to, FpFormat from, FpBits a, FpEnv *e)
{
    Num x = num_unpack(from, a, e);

    e->rounded_up = false;
    if (fp_layout[to].no_specials && x.cls >= NUM_INF)
        return special_to_ahp(&x, e);
    if (num_is_nan(&x)) {
        if (x.cls == NUM_SNAN)
            e->flags |= FPX_INVALID;
        return num_pack_nan(to, &x, e);
    }
    num_used(from, x.denormal, e);
    if (x.cls == NUM_ZERO)
        return num_zero(to, x.sign);
    if (x.cls == NUM_INF)
        return fp_inf(to, x.sign);
    return num_round(to, x.sign, x.exp, x.sig, e);
}

/* ---- Integers ---- */

FpBits fp_round_int(FpFormat f, FpBits a, FpRound round, bool exact, FpEnv *e)
{
    Num x = num_unpack(f, a, e);
    bool inexact = false;
    FpBits i;

    e->rounded_up = false;
    if (num_is_nan(&x))
        return num_nan(f, &x, &x, NULL, e);
    num_used(f, x.denormal, e);
    if (x.cls != NUM_FINITE || x.exp >= fp_layout[f].precision - 1)
        return repack(f, &x, a);
    i = round_to_integer(x.sig, (unsigned)(127 - x.exp), x.sign, round, &inexact, &e->rounded_up);
    if (inexact && exact)
        e->flags |= FPX_INEXACT;
    if (!i)
        return num_zero(f, x.sign);
    FpEnv exact_env = { .round = FP_NEAREST };
    return num_round(f, x.sign, 127, i, &exact_env);
}

static FpBits low_bits(unsigned n) { return n < 128 ? ((FpBits)1 << n) - 1 : ~(FpBits)0; }

/* Out of range: x86 has one value for that, Arm the nearest. */
static FpBits to_int_invalid(const Num *x, unsigned bits, bool is_signed, FpEnv *e)
{
    FpBits top = (FpBits)1 << (bits - 1);

    e->flags |= FPX_INVALID;
    if (e->nan_rule != FP_NAN_ARM)
        return is_signed ? top : low_bits(bits);
    if (num_is_nan(x))
        return 0;
    if (is_signed)
        return x->sign ? top : top - 1;
    return x->sign ? 0 : low_bits(bits);
}

FpBits fp_to_int(FpFormat f, FpBits a, unsigned bits, bool is_signed, int fbits, FpRound round, FpEnv *e)
{
    Num x = num_unpack(f, a, e);
    FpBits v, limit = is_signed ? (FpBits)1 << (bits - 1) : low_bits(bits);
    bool inexact = false;
    int32_t exp = x.exp + fbits;

    e->rounded_up = false;
    if (num_is_nan(&x) || x.cls == NUM_INF)
        return to_int_invalid(&x, bits, is_signed, e);
    if (x.cls == NUM_ZERO)
        return 0;
    if (exp > 127)
        return to_int_invalid(&x, bits, is_signed, e);
    v = round_to_integer(x.sig, (unsigned)(127 - exp), x.sign, round, &inexact, &e->rounded_up);
    if (x.sign ? v > (is_signed ? limit : 0) : v > limit - is_signed)
        return to_int_invalid(&x, bits, is_signed, e);
    if (inexact)
        e->flags |= FPX_INEXACT;
    return (x.sign ? -v : v) & low_bits(bits);
}

FpBits fp_from_int(FpFormat f, FpBits v, unsigned bits, bool is_signed, int fbits, FpEnv *e)
{
    bool sign;

    e->rounded_up = false;
    v &= low_bits(bits);
    sign = is_signed && v >> (bits - 1) & 1;
    if (sign)
        v = -v & low_bits(bits);
    return v ? num_round(f, sign, 127 - fbits, v, e) : num_zero(f, false);
}
