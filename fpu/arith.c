/* SPDX-License-Identifier: MIT */
/* Addition, multiplication, division, square root, fused multiply-add and remainder of fpu.h. */
#include "parts.h"

static FpBits infinity(FpFormat f, bool sign, bool denormal, FpEnv *e)
{
    num_used(f, denormal, e);
    return fp_inf(f, sign);
}

/* The sign of an exact zero sum of numbers with the signs a and b. */
static bool zero_sign(bool a, bool b, const FpEnv *e)
{
    return a == b ? a : e->round == FP_DOWN;
}

/* ---- Sums ---- */

static FpBits add_finite(FpFormat f, const Num *a, const Num *b, FpEnv *e)
{
    const Num *big = a, *small = b;
    FpBits x, y;

    if (b->exp > a->exp || (b->exp == a->exp && b->sig > a->sig))
        big = b, small = a;
    /* One bit of headroom; nothing is lost, see parts.h. */
    x = big->sig >> 1;
    y = shift_right_sticky(small->sig >> 1, (unsigned)(big->exp - small->exp));
    x = a->sign == b->sign ? x + y : x - y;
    if (!x)
        return num_zero(f, zero_sign(a->sign, b->sign, e));
    return num_round(f, big->sign, big->exp + 1, x, e);
}

static FpBits add_parts(FpFormat f, const Num *a, const Num *b, FpEnv *e)
{
    bool denormal = a->denormal || b->denormal;

    if (num_is_nan(a) || num_is_nan(b))
        return num_nan(f, a, b, NULL, e);
    if (a->cls == NUM_INF && b->cls == NUM_INF && a->sign != b->sign)
        return num_invalid(f, e);
    if (a->cls == NUM_INF || b->cls == NUM_INF)
        return infinity(f, a->cls == NUM_INF ? a->sign : b->sign, denormal, e);
    num_used(f, denormal, e);
    if (a->cls == NUM_ZERO && b->cls == NUM_ZERO)
        return num_zero(f, zero_sign(a->sign, b->sign, e));
    if (a->cls == NUM_ZERO || b->cls == NUM_ZERO) {
        const Num *n = a->cls == NUM_ZERO ? b : a;
        return num_round(f, n->sign, n->exp, n->sig, e);
    }
    return add_finite(f, a, b, e);
}

FpBits fp_add(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    e->rounded_up = false;
    return add_parts(f, &x, &y, e);
}

FpBits fp_sub(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    e->rounded_up = false;
    if (!num_is_nan(&y))
        y.sign = !y.sign;
    return add_parts(f, &x, &y, e);
}

/* ---- Products ---- */

/* High half of a * b; the low half goes to *lo. */
static FpBits mul_wide(FpBits a, FpBits b, FpBits *lo)
{
    uint64_t ah = (uint64_t)(a >> 64), al = (uint64_t)a, bh = (uint64_t)(b >> 64), bl = (uint64_t)b;
    FpBits mid1, mid2, low;

    if (!al && !bl) {
        *lo = 0;
        return (FpBits)ah * bh;
    }
    low = (FpBits)al * bl;
    mid1 = (FpBits)ah * bl + (uint64_t)(low >> 64);
    mid2 = (FpBits)al * bh + (uint64_t)mid1;
    *lo = mid2 << 64 | (uint64_t)low;
    return (FpBits)ah * bh + (mid1 >> 64) + (mid2 >> 64);
}

FpBits fp_mul(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    bool sign = x.sign != y.sign, denormal = x.denormal || y.denormal;
    FpBits hi, lo;

    e->rounded_up = false;
    if (num_is_nan(&x) || num_is_nan(&y))
        return num_nan(f, &x, &y, NULL, e);
    if (x.cls == NUM_INF || y.cls == NUM_INF) {
        if (x.cls == NUM_ZERO || y.cls == NUM_ZERO)
            return num_invalid(f, e);
        return infinity(f, sign, denormal, e);
    }
    num_used(f, denormal, e);
    if (x.cls == NUM_ZERO || y.cls == NUM_ZERO)
        return num_zero(f, sign);
    hi = mul_wide(x.sig, y.sig, &lo);
    return num_round(f, sign, x.exp + y.exp + 1, hi | (lo != 0), e);
}

/* ---- Quotients ---- */

/* 2^127 * a / b for a, b with bit 127 set, the remainder kept as sticky; needs 129 bits when a >= b, so the
 * caller halves a then. */
static FpBits div_sig(FpBits a, FpBits b)
{
    FpBits q = 0;

    if (!(uint64_t)b) { /* up to 64 bits of divisor: two digits of 64 bits */
        uint64_t d = (uint64_t)(b >> 64);
        FpBits r = a % d, q1 = a / d, q2 = (r << 64) / d;
        return q1 << 64 | q2 | ((r << 64) % d != 0);
    }
    for (int i = 0; i < 128; i++) { /* a < b */
        bool carry = a >> 127;
        a <<= 1;
        q <<= 1;
        if (carry || a >= b) {
            a -= b;
            q |= 1;
        }
    }
    return q | (a != 0);
}

FpBits fp_div(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    bool sign = x.sign != y.sign;
    bool smaller;

    e->rounded_up = false;
    if (num_is_nan(&x) || num_is_nan(&y))
        return num_nan(f, &x, &y, NULL, e);
    if (x.cls == y.cls && x.cls != NUM_FINITE)
        return num_invalid(f, e);
    if (y.cls == NUM_ZERO && x.cls == NUM_FINITE) {
        e->flags |= FPX_DIVZERO;
        return fp_inf(f, sign);
    }
    num_used(f, x.denormal || y.denormal, e);
    if (x.cls == NUM_INF || y.cls == NUM_ZERO)
        return fp_inf(f, sign);
    if (x.cls == NUM_ZERO || y.cls == NUM_INF)
        return num_zero(f, sign);
    smaller = x.sig < y.sig;
    /* The quotient has bit 127 set: 2^128 * a / b for a < b, else of a / 2; the bit shifted out is 0, see parts.h. */
    return num_round(f, sign, x.exp - y.exp - smaller, div_sig(smaller ? x.sig : x.sig >> 1, y.sig), e);
}

/* ---- Roots ---- */

FpBits fp_sqrt(FpFormat f, FpBits a, FpEnv *e)
{
    Num x = num_unpack(f, a, e);
    FpBits root = 0, rest = 0, sig;
    unsigned digits = fp_layout[f].precision + 2;
    bool odd = x.exp & 1;

    e->rounded_up = false;
    if (num_is_nan(&x))
        return num_nan(f, &x, &x, NULL, e);
    if (x.cls == NUM_ZERO)
        return num_zero(f, x.sign);
    if (x.sign)
        return num_invalid(f, e);
    if (x.cls == NUM_INF)
        return fp_inf(f, false);
    num_used(f, x.denormal, e);
    /* Two bits of the radicand, in [1, 4), give one of the root. */
    sig = x.sig;
    for (unsigned i = 0; i < digits; i++) {
        unsigned two = i == 0 && !odd ? 1 : (unsigned)(sig >> 126);
        sig <<= i == 0 && !odd ? 1 : 2;
        rest = rest << 2 | two;
        root <<= 1;
        if (rest >= (root << 1 | 1)) {
            rest -= root << 1 | 1;
            root |= 1;
        }
    }
    root <<= 128 - digits;
    return num_round(f, false, (x.exp - odd) / 2, root | (rest || sig ? 1 : 0), e);
}

/* ---- Fused multiply-add ---- */

typedef struct Wide { FpBits hi, lo; } Wide;

static Wide wide_shift_right_sticky(Wide w, unsigned n)
{
    if (n == 0)
        return w;
    if (n >= 128) {
        bool lost = w.lo != 0 || (n > 128 && shift_right_sticky(w.hi, n - 128) & 1);
        FpBits v = n > 255 ? w.hi != 0 : w.hi >> (n - 128);
        return (Wide){ 0, v | lost };
    }
    bool lost = w.lo << (128 - n) != 0;
    return (Wide){ w.hi >> n, w.lo >> n | w.hi << (128 - n) | lost };
}

static bool wide_less(Wide a, Wide b) { return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo); }

static Wide wide_add(Wide a, Wide b)
{
    Wide r = { a.hi + b.hi, a.lo + b.lo };
    r.hi += r.lo < a.lo;
    return r;
}

static Wide wide_sub(Wide a, Wide b) { return (Wide){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo }; }

/* Wide numbers are hi:lo / 2^255 * 2^exp. */
static FpBits round_wide(FpFormat f, bool sign, int32_t exp, Wide w, FpEnv *e)
{
    if (!w.hi) {
        w = (Wide){ w.lo, 0 };
        exp -= 128;
    } else {
        int shift = clz128(w.hi);
        if (shift) {
            w = (Wide){ w.hi << shift | w.lo >> (128 - shift), w.lo << shift };
            exp -= shift;
        }
    }
    return num_round(f, sign, exp, w.hi | (w.lo != 0), e);
}

static FpBits fma_finite(FpFormat f, const Num *a, const Num *b, const Num *c, bool sign, int scale, bool neg, FpEnv *e)
{
    Wide p, s;
    int32_t pexp = a->exp + b->exp + 1, exp;
    bool result_sign = sign;

    p.hi = mul_wide(a->sig, b->sig, &p.lo);
    if (c->cls == NUM_ZERO)
        return round_wide(f, sign != neg, pexp + scale, p, e);
    /* A bit of headroom for the carry: the low bits are zeros in both. */
    p = wide_shift_right_sticky(p, 1);
    s = wide_shift_right_sticky((Wide){ c->sig, 0 }, 1);
    exp = pexp > c->exp ? pexp : c->exp;
    p = wide_shift_right_sticky(p, (unsigned)(exp - pexp));
    s = wide_shift_right_sticky(s, (unsigned)(exp - c->exp));
    if (sign == c->sign) {
        p = wide_add(p, s);
    } else if (wide_less(p, s)) {
        p = wide_sub(s, p);
        result_sign = c->sign;
    } else {
        p = wide_sub(p, s);
    }
    if (!p.hi && !p.lo)
        return num_zero(f, zero_sign(sign, c->sign, e) != neg);
    return round_wide(f, result_sign != neg, exp + 1 + scale, p, e);
}

static FpBits fma_nan(FpFormat f, const Num *a, const Num *b, const Num *c, bool zero_times_inf, FpEnv *e)
{
    if (e->nan_rule != FP_NAN_ARM)
        return num_nan(f, a, b, c, e);
    if (zero_times_inf && c->cls == NUM_QNAN)
        return num_invalid(f, e);
    return num_nan(f, c, a, b, e);
}

FpBits fp_fma(FpFormat f, FpBits a, FpBits b, FpBits c, int scale, unsigned how, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e), z = num_unpack(f, c, e);
    bool zero_times_inf = (x.cls == NUM_ZERO && y.cls == NUM_INF) || (x.cls == NUM_INF && y.cls == NUM_ZERO);
    bool sign = (x.sign != y.sign) != !!(how & FP_NEG_PRODUCT), neg = how & FP_NEG_RESULT;
    bool product_inf = x.cls == NUM_INF || y.cls == NUM_INF;

    e->rounded_up = false;
    if (num_is_nan(&x) || num_is_nan(&y) || num_is_nan(&z))
        return fma_nan(f, &x, &y, &z, zero_times_inf, e);
    z.sign = z.sign != !!(how & FP_NEG_ADDEND);
    if (zero_times_inf || (product_inf && z.cls == NUM_INF && sign != z.sign))
        return num_invalid(f, e);
    num_used(f, x.denormal || y.denormal || z.denormal, e);
    if (product_inf || z.cls == NUM_INF)
        return fp_inf(f, (product_inf ? sign : z.sign) != neg);
    if (x.cls == NUM_ZERO || y.cls == NUM_ZERO) {
        if (z.cls == NUM_ZERO)
            return num_zero(f, zero_sign(sign, z.sign, e) != neg);
        return num_round(f, z.sign != neg, z.exp + scale, z.sig, e);
    }
    return fma_finite(f, &x, &y, &z, sign, scale, neg, e);
}

/* ---- Remainder ---- */

FpBits fp_rem(FpFormat f, FpBits a, FpBits b, bool trunc, uint64_t *quotient, FpEnv *e)
{
    Num x = num_unpack(f, a, e), y = num_unpack(f, b, e);
    FpBits r = x.sig >> 1, d = y.sig >> 1; /* all formats have spare bits below */
    uint64_t q = 0;
    bool sign = x.sign;
    int32_t exp = y.exp;

    *quotient = 0;
    e->rounded_up = false;
    if (num_is_nan(&x) || num_is_nan(&y))
        return num_nan(f, &x, &y, NULL, e);
    if (x.cls == NUM_INF || y.cls == NUM_ZERO)
        return num_invalid(f, e);
    num_used(f, x.denormal || y.denormal, e);
    if (x.cls == NUM_ZERO)
        return num_zero(f, sign);
    if (y.cls == NUM_INF || x.exp < y.exp - 1)
        return num_round(f, sign, x.exp, x.sig, e);
    if (x.exp < y.exp) {
        r >>= 1; /* less than d */
    } else {
        for (int32_t i = x.exp - y.exp;; i--) {
            q <<= 1;
            if (r >= d) {
                r -= d;
                q |= 1;
            }
            if (i == 0)
                break;
            r <<= 1;
        }
    }
    if (!trunc && (2 * r > d || (2 * r == d && q & 1))) {
        r = d - r;
        sign = !sign;
        q++;
    }
    *quotient = q;
    return r ? num_round(f, sign, exp + 1, r, e) : num_zero(f, x.sign);
}

FpBits fp_scalbn(FpFormat f, FpBits a, int64_t n, FpEnv *e)
{
    Num x = num_unpack(f, a, e);
    const int32_t far = 1 << 20; /* beyond the range of every format */

    e->rounded_up = false;
    if (num_is_nan(&x))
        return num_nan(f, &x, &x, NULL, e);
    num_used(f, x.denormal, e);
    if (x.cls != NUM_FINITE)
        return x.cls == NUM_ZERO ? num_zero(f, x.sign) : fp_inf(f, x.sign);
    return num_round(f, x.sign, x.exp + (n > far ? far : n < -far ? -far : (int32_t)n), x.sig, e);
}
