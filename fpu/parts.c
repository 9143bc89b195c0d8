/* SPDX-License-Identifier: MIT */
/*
 * Taking numbers apart and putting results together: formats, classes, denormals, NaN selection, rounding. Every
 * operation of fpu/ begins with num_unpack() and ends in num_round(), num_nan() or num_invalid().
 */
#include "parts.h"

const Layout fp_layout[FP_FORMATS] = {
    [FP_F16] = { 11, 5, false, false },   [FP_BF16] = { 8, 8, false, false },
    [FP_F32] = { 24, 8, false, false },   [FP_F64] = { 53, 11, false, false },
    [FP_F80] = { 64, 15, true, false },   [FP_F128] = { 113, 15, false, false },
    [FP_AHP] = { 11, 5, false, true },
};

FpBits fp_sign_bit(FpFormat f) { return (FpBits)1 << (frac_bits(f) + fp_layout[f].exp_bits); }

static FpBits with_sign(FpFormat f, bool sign, FpBits bits) { return sign ? bits | fp_sign_bit(f) : bits; }

FpBits num_zero(FpFormat f, bool sign) { return with_sign(f, sign, 0); }

FpBits fp_inf(FpFormat f, bool sign)
{
    FpBits one = fp_layout[f].explicit_one ? (FpBits)1 << 63 : 0;
    return with_sign(f, sign, ((FpBits)exp_max(f) << frac_bits(f)) | one);
}

FpBits fp_max(FpFormat f, bool sign)
{
    FpBits frac = ((FpBits)1 << frac_bits(f)) - 1;
    unsigned exp = exp_max(f) - !fp_layout[f].no_specials;
    return with_sign(f, sign, ((FpBits)exp << frac_bits(f)) | frac);
}

FpBits fp_default_nan(FpFormat f, const FpEnv *e)
{
    FpBits quiet = (FpBits)1 << (fp_layout[f].precision - 2);
    return fp_inf(f, e->nan_rule != FP_NAN_ARM) | quiet;
}

/* ---- Taking apart ---- */

/* F80 keeps the integer bit: patterns with a wrong one are no numbers (SDM vol. 1, 8.2.2). */
static bool unsupported_f80(unsigned exp, FpBits frac) { return exp && !(frac >> 63 & 1); }

static void unpack_special(FpFormat f, FpBits frac, Num *n)
{
    FpBits below_one = fp_layout[f].explicit_one ? frac & (((FpBits)1 << 63) - 1) : frac;

    n->sig = frac << (128 - fp_layout[f].precision) | TOP_BIT;
    if (!below_one)
        n->cls = NUM_INF;
    else
        n->cls = n->sig >> 126 & 1 ? NUM_QNAN : NUM_SNAN;
}

static void unpack_denormal(FpFormat f, FpBits frac, Num *n, FpEnv *e)
{
    if (e->flush_in & FP_MASK(f)) {
        if (e->denormal_flushed & FP_MASK(f))
            e->flags |= FPX_DENORMAL;
        n->cls = NUM_ZERO;
        return;
    }
    n->denormal = true;
    n->cls = NUM_FINITE;
    n->sig = frac << (128 - fp_layout[f].precision);
    n->exp = 1 - format_bias(f);
    int shift = clz128(n->sig);
    n->sig <<= shift;
    n->exp -= shift;
}

Num num_unpack(FpFormat f, FpBits a, FpEnv *e)
{
    unsigned fb = frac_bits(f), exp = (unsigned)(a >> fb) & exp_max(f);
    FpBits frac = a & (((FpBits)1 << fb) - 1);
    Num n = { .sign = (a & fp_sign_bit(f)) != 0 };

    if (fp_layout[f].explicit_one && unsupported_f80(exp, frac)) {
        n.cls = NUM_SNAN;
        n.unsupported = true;
    } else if (exp == exp_max(f) && !fp_layout[f].no_specials) {
        unpack_special(f, frac, &n);
    } else if (exp == 0 && frac == 0) {
        n.cls = NUM_ZERO;
    } else if (exp == 0) {
        unpack_denormal(f, frac, &n, e);
    } else {
        n.cls = NUM_FINITE;
        n.exp = (int32_t)exp - format_bias(f);
        n.sig = frac << (128 - fp_layout[f].precision) | TOP_BIT;
    }
    return n;
}

static NumClass class_of(FpFormat f, FpBits a)
{
    FpEnv quiet = { 0 };
    return num_unpack(f, a, &quiet).cls;
}
bool fp_is_nan(FpFormat f, FpBits a) { return class_of(f, a) >= NUM_QNAN; }
bool fp_is_snan(FpFormat f, FpBits a) { return class_of(f, a) == NUM_SNAN; }
bool fp_is_inf(FpFormat f, FpBits a) { return class_of(f, a) == NUM_INF; }
bool fp_is_zero(FpFormat f, FpBits a) { return !(a & (fp_sign_bit(f) - 1)); }
bool fp_is_denormal(FpFormat f, FpBits a)
{
    FpBits magnitude = a & (fp_sign_bit(f) - 1);
    return magnitude && !(magnitude >> frac_bits(f));
}

FpBits fp_flush(FpFormat f, FpBits a, FpEnv *e)
{
    if (!(e->flush_in & FP_MASK(f)) || !fp_is_denormal(f, a))
        return a;
    if (e->denormal_flushed & FP_MASK(f))
        e->flags |= FPX_DENORMAL;
    return a & fp_sign_bit(f);
}

/* ---- NaNs ---- */

FpBits num_invalid(FpFormat f, FpEnv *e)
{
    e->flags |= FPX_INVALID;
    return fp_default_nan(f, e);
}

/* Payloads keep their top bits between formats. */
FpBits num_pack_nan(FpFormat f, const Num *n, FpEnv *e)
{
    FpBits frac;

    if (e->default_nan || n->unsupported)
        return fp_default_nan(f, e);
    frac = (n->sig | (FpBits)1 << 126) >> (128 - fp_layout[f].precision);
    return fp_inf(f, n->sign) | frac;
}

static const Num *pick_first(const Num *const *ops, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (num_is_nan(ops[i]))
            return ops[i];
    return ops[0];
}

static const Num *pick_signaling(const Num *const *ops, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (ops[i]->cls == NUM_SNAN)
            return ops[i];
    return pick_first(ops, n);
}

/* SDM vol. 1, table 4-7 */
static const Num *pick_x87(const Num *const *ops, unsigned n)
{
    const Num *a = ops[0], *b = ops[n - 1];

    if (a->unsupported || b->unsupported)
        return a->unsupported ? a : b;
    if (!num_is_nan(a) || !num_is_nan(b))
        return num_is_nan(a) ? a : b;
    if (a->cls != b->cls)
        return a->cls == NUM_QNAN ? a : b;
    if (a->sig != b->sig)
        return a->sig > b->sig ? a : b;
    return a->sign ? b : a;
}

FpBits num_nan(FpFormat f, const Num *a, const Num *b, const Num *c, FpEnv *e)
{
    const Num *ops[3] = { a, b, c };
    unsigned n = c ? 3 : 2;
    const Num *pick;

    for (unsigned i = 0; i < n; i++)
        if (ops[i]->cls == NUM_SNAN)
            e->flags |= FPX_INVALID;
    switch (e->nan_rule) {
    case FP_NAN_ARM: pick = pick_signaling(ops, n); break;
    case FP_NAN_X87: pick = pick_x87(ops, n); break;
    default: pick = pick_first(ops, n); break;
    }
    return num_pack_nan(f, pick, e);
}

FpBits fp_pick_nan(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    return num_nan(f, &x, &y, NULL, e);
}

/* ---- Rounding ---- */

FpBits round_to_integer(FpBits sig, unsigned n, bool sign, FpRound round, bool *inexact, bool *up)
{
    FpBits rest, half, result;
    bool away = false;

    *up = false;
    if (n == 0)
        return sig;
    if (n > 126) { /* keep room for the comparison with a half */
        sig = shift_right_sticky(sig, n - 126);
        n = 126;
    }
    half = (FpBits)1 << (n - 1);
    rest = sig & ((half << 1) - 1);
    result = sig >> n;
    if (!rest)
        return result;
    *inexact = true;
    switch (round) {
    case FP_NEAREST: away = rest > half || (rest == half && (result & 1)); break;
    case FP_AWAY: away = rest >= half; break;
    case FP_UP: away = !sign; break;
    case FP_DOWN: away = sign; break;
    case FP_ODD: away = !(result & 1); break;
    case FP_ZERO: break;
    }
    *up = away;
    return result + away;
}

static FpBits overflow(FpFormat f, bool sign, unsigned precision, FpEnv *e)
{
    FpRound r = e->round;
    bool to_max = r == FP_ZERO || r == FP_ODD || (r == FP_UP && sign) || (r == FP_DOWN && !sign);

    if (fp_layout[f].no_specials) {
        e->flags |= FPX_INVALID;
        return fp_max(f, sign);
    }
    e->flags |= FPX_OVERFLOW | FPX_INEXACT;
    e->rounded_up = !to_max;
    if (!to_max)
        return fp_inf(f, sign);
    return fp_max(f, sign) & ~(((FpBits)1 << (fp_layout[f].precision - precision)) - 1);
}

/* Joins exponent and significand m, which has its integer bit unless the number is denormal and may have
 * grown by a carry. */
static FpBits assemble(FpFormat f, int32_t biased, FpBits m)
{
    unsigned fb = frac_bits(f);

    if (fp_layout[f].explicit_one) {
        if (m >> 64)
            m >>= 1, biased++;
        else if (biased == 0 && m >> 63)
            biased = 1;
        return ((FpBits)(unsigned)biased << fb) | m;
    }
    return ((FpBits)(unsigned)(biased ? biased - 1 : 0) << fb) + m;
}

static FpBits flushed(FpFormat f, bool sign, FpEnv *e)
{
    e->flags |= FPX_UNDERFLOW | (e->tiny_before ? 0 : FPX_INEXACT);
    return num_zero(f, sign);
}

/* True when the number would stay below the normal range even with an unbounded exponent. */
static bool tiny_after_rounding(int32_t biased, FpBits sig, unsigned precision, bool sign, FpRound round)
{
    bool lost, up;
    return biased < 0 || !(round_to_integer(sig, 128 - precision, sign, round, &lost, &up) >> precision);
}

FpBits num_round(FpFormat f, bool sign, int32_t exp, FpBits sig, FpEnv *e)
{
    unsigned precision = f == FP_F80 && e->precision ? e->precision : fp_layout[f].precision;
    int shift = clz128(sig);
    int32_t biased = exp - shift + format_bias(f), largest = (int32_t)exp_max(f) - !fp_layout[f].no_specials;
    bool tiny = false, inexact = false;
    FpBits m;

    e->rounded_up = false;
    sig <<= shift;
    if (biased > largest)
        return overflow(f, sign, precision, e);
    if (biased <= 0) {
        tiny = e->tiny_before || tiny_after_rounding(biased, sig, precision, sign, e->round);
        if (tiny && e->flush_out & FP_MASK(f))
            return flushed(f, sign, e);
        sig = shift_right_sticky(sig, (unsigned)(1 - biased));
        biased = 0;
    }
    m = round_to_integer(sig, 128 - precision, sign, e->round, &inexact, &e->rounded_up);
    if (biased == largest && m >> precision)
        return overflow(f, sign, precision, e);
    if (inexact)
        e->flags |= FPX_INEXACT | (tiny ? FPX_UNDERFLOW : 0);
    return with_sign(f, sign, assemble(f, biased, m << (fp_layout[f].precision - precision)));
}
