/* SPDX-License-Identifier: MIT */
/*
 * Reference functions of the floating-point rows of vec.def in C, for hosts that are not x86-64: x86's choice
 * of NaNs, the host's rounding mode and flags through <fenv.h>. FTZ and DAZ are as far as the host's
 * control register has them; the denormal flag does not exist. RCP and RSQRT are correctly rounded, which
 * their error bound allows.
 */
#include "vec-ref.h"

#if !defined(__x86_64__) || defined(VEC_REF_PORTABLE)

#include <fenv.h>
#include <math.h>

#define DEFAULT_NAN32 0xffc00000u
#define DEFAULT_NAN64 0xfff8000000000000ull

static float from_bits32(uint32_t i) { float f; memcpy(&f, &i, 4); return f; }
static double from_bits64(uint64_t i) { double d; memcpy(&d, &i, 8); return d; }
static uint32_t bits32(float f) { uint32_t i; memcpy(&i, &f, 4); return i; }
static uint64_t bits64(double d) { uint64_t i; memcpy(&i, &d, 8); return i; }
static float quiet32(float f) { return from_bits32(bits32(f) | 0x00400000); }
static double quiet64(double d) { return from_bits64(bits64(d) | 0x0008000000000000); }

/* The result r of an operation on x and y: the first NaN operand, quiet, or the default NaN. */
static float nan32(float r, float x, float y)
{
    return isnan(x) ? quiet32(x) : isnan(y) ? quiet32(y) : isnan(r) ? from_bits32(DEFAULT_NAN32) : r;
}
static double nan64(double r, double x, double y)
{
    return isnan(x) ? quiet64(x) : isnan(y) ? quiet64(y) : isnan(r) ? from_bits64(DEFAULT_NAN64) : r;
}

static float add32(float x, float y) { return nan32(x + y, x, y); }
static float sub32(float x, float y) { return nan32(x - y, x, y); }
static float mul32(float x, float y) { return nan32(x * y, x, y); }
static float div32(float x, float y) { return nan32(x / y, x, y); }
static float min32(float x, float y) { return x < y ? x : y; }
static float max32(float x, float y) { return x > y ? x : y; }
static float sqrt32(float x, float y) { (void)y; return nan32(sqrtf(x), x, x); }
static double add64(double x, double y) { return nan64(x + y, x, y); }
static double sub64(double x, double y) { return nan64(x - y, x, y); }
static double mul64(double x, double y) { return nan64(x * y, x, y); }
static double div64(double x, double y) { return nan64(x / y, x, y); }
static double min64(double x, double y) { return x < y ? x : y; }
static double max64(double x, double y) { return x > y ? x : y; }
static double sqrt64(double x, double y) { (void)y; return nan64(sqrt(x), x, x); }

#define REF_PACKED(name, op)                                                                      \
    REF(name##PS, for (int i = 0; i < 4; i++) r.f32[i] = op##32(a.f32[i], b.f32[i]);)             \
    REF(name##PD, for (int i = 0; i < 2; i++) r.f64[i] = op##64(a.f64[i], b.f64[i]);)
#define REF_FP_ALL(name, op)                                                                      \
    REF_PACKED(name, op)                                                                          \
    REF(name##SS, r.f32[0] = op##32(a.f32[0], b.f32[0]);)                                         \
    REF(name##SD, r.f64[0] = op##64(a.f64[0], b.f64[0]);)
REF_FP_ALL(ADD, add)
REF_FP_ALL(MUL, mul)
REF_FP_ALL(SUB, sub)
REF_FP_ALL(MIN, min)
REF_FP_ALL(DIV, div)
REF_FP_ALL(MAX, max)
REF_PACKED(SQRT, sqrt)
REF(SQRTSS, r.f32[0] = sqrt32(b.f32[0], 0);)
REF(SQRTSD, r.f64[0] = sqrt64(b.f64[0], 0);)

/* Estimates: denormals count as zero, no flags. */
static float estimate(float x, bool root)
{
    fenv_t saved;
    float r;

    if (isnan(x))
        return quiet32(x);
    if (!isnormal(x) && !isinf(x))
        x = copysignf(0, x);
    if (root && x < 0)
        return from_bits32(DEFAULT_NAN32);
    feholdexcept(&saved);
    r = 1 / (root && x > 0 ? sqrtf(x) : x);
    fesetenv(&saved);
    return r == 0 || isnormal(r) ? r : isinf(r) ? r : copysignf(0, r);
}
REF(RCPPS, for (int i = 0; i < 4; i++) r.f32[i] = estimate(a.f32[i], false);)
REF(RCPSS, r.f32[0] = estimate(b.f32[0], false);)
REF(RSQRTPS, for (int i = 0; i < 4; i++) r.f32[i] = estimate(a.f32[i], true);)
REF(RSQRTSS, r.f32[0] = estimate(b.f32[0], true);)

REF(ADDSUBPS, for (int i = 0; i < 4; i++) r.f32[i] = (i & 1 ? add32 : sub32)(a.f32[i], b.f32[i]);)
REF(ADDSUBPD, for (int i = 0; i < 2; i++) r.f64[i] = (i & 1 ? add64 : sub64)(a.f64[i], b.f64[i]);)
#define REF_HORIZONTAL(name, op)                                                                  \
    REF(name##PS, for (int i = 0; i < 4; i++) {                                                   \
        const float *s = (i < 2 ? &a : &b)->f32 + 2 * (i & 1);                                    \
        r.f32[i] = op##32(s[0], s[1]);                                                            \
    })                                                                                            \
    REF(name##PD, r.f64[0] = op##64(a.f64[0], a.f64[1]); r.f64[1] = op##64(b.f64[0], b.f64[1]);)
REF_HORIZONTAL(HADD, add)
REF_HORIZONTAL(HSUB, sub)

REF(DPPS, {
    float p[4], sum;
    for (int i = 0; i < 4; i++)
        p[i] = imm >> (4 + i) & 1 ? mul32(a.f32[i], b.f32[i]) : 0;
    sum = add32(add32(p[0], p[1]), add32(p[2], p[3]));
    for (int i = 0; i < 4; i++)
        r.f32[i] = imm >> i & 1 ? sum : 0;
})
REF(DPPD, {
    double p[2], sum;
    for (int i = 0; i < 2; i++)
        p[i] = imm >> (4 + i) & 1 ? mul64(a.f64[i], b.f64[i]) : 0;
    sum = add64(p[0], p[1]);
    for (int i = 0; i < 2; i++)
        r.f64[i] = imm >> i & 1 ? sum : 0;
})

/* ---- Rounding and conversions ---- */

/* imm: 0-3 mode (nearest, down, up, truncate), 4 the current one; 8 no inexact flag. */
static double round_to(double x, uint8_t imm)
{
    fenv_t saved;
    double r;

    if (isnan(x))
        return quiet64(x + x); /* raises invalid for a signalling NaN */
    feholdexcept(&saved);
    if (!(imm & 4) && !(imm & 3))
        fesetround(FE_TONEAREST);
    r = imm & 4 || !(imm & 3) ? nearbyint(x) : (imm & 3) == 1 ? floor(x) : (imm & 3) == 2 ? ceil(x) : trunc(x);
    fesetenv(&saved);
    if (r != x && !(imm & 8))
        feraiseexcept(FE_INEXACT);
    return r;
}
static float round32(float x, uint8_t imm)
{
    return isnan(x) ? quiet32(x + x) : (float)round_to((double)x, imm);
}
REF(ROUNDPS, for (int i = 0; i < 4; i++) r.f32[i] = round32(a.f32[i], imm);)
REF(ROUNDPD, for (int i = 0; i < 2; i++) r.f64[i] = round_to(a.f64[i], imm);)
REF(ROUNDSS, r.f32[0] = round32(b.f32[0], imm);)
REF(ROUNDSD, r.f64[0] = round_to(b.f64[0], imm);)

/* To integer: the indefinite and invalid when it does not fit. */
static uint64_t to_int(double x, uint8_t mode, bool wide)
{
    double limit = wide ? 0x1p63 : 0x1p31, r;

    if (!isnan(x)) {
        r = round_to(x, mode | 8);
        if (r >= -limit && r < limit) {
            if (r != x)
                feraiseexcept(FE_INEXACT);
            return wide ? (uint64_t)(int64_t)r : (uint32_t)(int32_t)r;
        }
    }
    feraiseexcept(FE_INVALID);
    return wide ? 1ull << 63 : 1u << 31;
}
enum { CURRENT = 4, TRUNCATE = 3 };
REF(CVTPS2DQ, for (int i = 0; i < 4; i++) r.u32[i] = (uint32_t)to_int((double)a.f32[i], CURRENT, false);)
REF(CVTTPS2DQ, for (int i = 0; i < 4; i++) r.u32[i] = (uint32_t)to_int((double)a.f32[i], TRUNCATE, false);)
REF(CVTPD2DQ, r.u64[1] = 0; for (int i = 0; i < 2; i++) r.u32[i] = (uint32_t)to_int(a.f64[i], CURRENT, false);)
REF(CVTTPD2DQ, r.u64[1] = 0; for (int i = 0; i < 2; i++) r.u32[i] = (uint32_t)to_int(a.f64[i], TRUNCATE, false);)
REF_GV(CVTSS2SI, g = to_int((double)a.f32[0], CURRENT, false);)
REF_GV(CVTSS2SIQ, g = to_int((double)a.f32[0], CURRENT, true);)
REF_GV(CVTSD2SI, g = to_int(a.f64[0], CURRENT, false);)
REF_GV(CVTSD2SIQ, g = to_int(a.f64[0], CURRENT, true);)
REF_GV(CVTTSS2SI, g = to_int((double)a.f32[0], TRUNCATE, false);)
REF_GV(CVTTSS2SIQ, g = to_int((double)a.f32[0], TRUNCATE, true);)
REF_GV(CVTTSD2SI, g = to_int(a.f64[0], TRUNCATE, false);)
REF_GV(CVTTSD2SIQ, g = to_int(a.f64[0], TRUNCATE, true);)

REF(CVTDQ2PS, for (int i = 0; i < 4; i++) r.f32[i] = (float)a.s32[i];)
REF(CVTDQ2PD, for (int i = 0; i < 2; i++) r.f64[i] = a.s32[i];)
REF_VG(CVTSI2SS, r.f32[0] = (float)(int32_t)g;)
REF_VG(CVTSI2SSQ, r.f32[0] = (float)(int64_t)g;)
REF_VG(CVTSI2SD, r.f64[0] = (int32_t)g;)
REF_VG(CVTSI2SDQ, r.f64[0] = (double)(int64_t)g;)

/* NaNs keep their sign and leading payload bits. */
static double widen(float x)
{
    uint32_t i = bits32(x);
    double r = (double)x;

    if (!isnan(x))
        return r;
    return from_bits64((uint64_t)(i >> 31) << 63 | 0x7ff8000000000000 | (uint64_t)(i & 0x3fffff) << 29);
}
static float narrow(double x)
{
    uint64_t i = bits64(x);
    float r = (float)x;

    if (!isnan(x))
        return r;
    return from_bits32((uint32_t)(i >> 63) << 31 | 0x7fc00000 | (uint32_t)(i >> 29 & 0x3fffff));
}
REF(CVTPS2PD, for (int i = 0; i < 2; i++) r.f64[i] = widen(a.f32[i]);)
REF(CVTPD2PS, r.u64[1] = 0; for (int i = 0; i < 2; i++) r.f32[i] = narrow(a.f64[i]);)
REF(CVTSS2SD, r.f64[0] = widen(b.f32[0]);)
REF(CVTSD2SS, r.f32[0] = narrow(b.f64[0]);)

/* ---- Fused multiply-add ---- */

static float fma32(float x, float y, float z)
{
    return isnan(x) || isnan(y) ? nan32(x, x, y) : nan32(fmaf(x, y, z), z, z);
}
static double fma64(double x, double y, double z)
{
    return isnan(x) || isnan(y) ? nan64(x, x, y) : nan64(fma(x, y, z), z, z);
}
REF(FMADDPS, for (int i = 0; i < 4; i++) r.f32[i] = fma32(a.f32[i], b.f32[i], c.f32[i]);)
REF(FMADDPD, for (int i = 0; i < 2; i++) r.f64[i] = fma64(a.f64[i], b.f64[i], c.f64[i]);)
REF(FMADDSS, r.f32[0] = fma32(a.f32[0], b.f32[0], c.f32[0]);)
REF(FMADDSD, r.f64[0] = fma64(a.f64[0], b.f64[0], c.f64[0]);)
REF(FNMADDPS, for (int i = 0; i < 4; i++) r.f32[i] = fma32(isnan(a.f32[i]) ? a.f32[i] : -a.f32[i], b.f32[i], c.f32[i]);)
REF(FNMADDPD, for (int i = 0; i < 2; i++) r.f64[i] = fma64(isnan(a.f64[i]) ? a.f64[i] : -a.f64[i], b.f64[i], c.f64[i]);)
REF(FNMADDSS, r.f32[0] = fma32(isnan(a.f32[0]) ? a.f32[0] : -a.f32[0], b.f32[0], c.f32[0]);)
REF(FNMADDSD, r.f64[0] = fma64(isnan(a.f64[0]) ? a.f64[0] : -a.f64[0], b.f64[0], c.f64[0]);)

#define NEG32(x) (isnan(x) ? (x) : -(x))
#define REF_FMA(name, neg_a, neg_even, neg_odd)                                                                        \
    REF(name##PS, for (int i = 0; i < 4; i++) r.f32[i] = fma32(neg_a ? NEG32(a.f32[i]) : a.f32[i], b.f32[i],           \
                                                             (i & 1 ? neg_odd : neg_even) ? NEG32(c.f32[i]) : c.f32[i]);) \
    REF(name##PD, for (int i = 0; i < 2; i++) r.f64[i] = fma64(neg_a ? NEG32(a.f64[i]) : a.f64[i], b.f64[i],           \
                                                             (i & 1 ? neg_odd : neg_even) ? NEG32(c.f64[i]) : c.f64[i]);)
REF_FMA(FMSUB, false, true, true)
REF_FMA(FNMSUB, true, true, true)
REF_FMA(FMADDSUB, false, true, false)
REF_FMA(FMSUBADD, false, false, true)
REF(FMSUBSS, r.f32[0] = fma32(a.f32[0], b.f32[0], NEG32(c.f32[0]));)
REF(FMSUBSD, r.f64[0] = fma64(a.f64[0], b.f64[0], NEG32(c.f64[0]));)
REF(FNMSUBSS, r.f32[0] = fma32(NEG32(a.f32[0]), b.f32[0], NEG32(c.f32[0]));)
REF(FNMSUBSD, r.f64[0] = fma64(NEG32(a.f64[0]), b.f64[0], NEG32(c.f64[0]));)

/* ---- Half precision ---- */

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, mant = h & 0x3ff;

    if (exp == 31)
        return quiet32(from_bits32(sign | 0x7f800000 | mant << 13));
    if (!exp)
        return copysignf((float)mant * 0x1p-24f, from_bits32(sign));
    return from_bits32(sign | (exp + 112) << 23 | mant << 13);
}

/* Scaled so that the host's rounding to an integer is the rounding to a half. */
static uint16_t to_half(float f, uint8_t imm)
{
    static const int modes[4] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };
    uint16_t sign = (uint16_t)(bits32(f) >> 16 & 0x8000);
    int old = fegetround(), exp, shift;
    double n;

    if (isnan(f))
        return (uint16_t)(sign | 0x7e00 | (bits32(f) >> 13 & 0x1ff));
    if (isinf(f) || f == 0)
        return (uint16_t)(sign | (isinf(f) ? 0x7c00 : 0));
    frexpf(f, &exp);
    shift = exp < -13 ? 24 : 11 - exp;
    fesetround(imm & 4 ? old : modes[imm & 3]);
    n = fabs(nearbyint(ldexp(f, shift)));
    fesetround(old);
    n = ldexp(n, -shift);
    if (n > 65504) { /* to infinity, or as far as the rounding goes */
        int mode = imm & 4 ? old : modes[imm & 3];
        bool away = mode == FE_TONEAREST || (mode == FE_UPWARD && !sign) || (mode == FE_DOWNWARD && sign);
        return (uint16_t)(sign | (away ? 0x7c00 : 0x7bff));
    }
    if (n < 0x1p-14)
        return (uint16_t)(sign | (unsigned)ldexp(n, 24));
    frexp(n, &exp);
    return (uint16_t)(sign | (((unsigned)(exp + 14) << 10) + (unsigned)ldexp(n, 11 - exp) - 0x400));
}
REF(CVTPH2PS, for (int i = 3; i >= 0; i--) r.f32[i] = from_half(a.u16[i]);)
REF(CVTPS2PH, for (int i = 0; i < 4; i++) r.u16[i] = to_half(a.f32[i], imm); r.u64[1] = 0;)

/* ---- Comparisons ---- */

/* EQ LT LE UNORD NEQ NLT NLE ORD; the orderings raise invalid for any NaN, the others for signalling ones. From 8 on EQ, NGE,
 * NGT and FALSE and their negations; 16 more only differ in which NaNs raise invalid, which is not modelled. */
static bool predicate64(double x, double y, uint8_t imm)
{
    bool unordered = !(x == x && y == y), holds;

    switch (imm & 3) {
    case 0: holds = imm & 8 ? x == y || unordered : x == y; break;
    case 1: holds = imm & 8 ? unordered || x < y : x < y; break;
    case 2: holds = imm & 8 ? unordered || x <= y : x <= y; break;
    default: holds = imm & 8 ? false : unordered; break;
    }
    return holds != (imm >> 2 & 1);
}
static bool predicate32(float x, float y, uint8_t imm) { return predicate64(x, y, imm); }
REF(CMPPS, for (int i = 0; i < 4; i++) r.u32[i] = predicate32(a.f32[i], b.f32[i], imm) ? ~0u : 0;)
REF(CMPPD, for (int i = 0; i < 2; i++) r.u64[i] = predicate64(a.f64[i], b.f64[i], imm) ? ~0ull : 0;)
REF(CMPSS, r.u32[0] = predicate32(a.f32[0], b.f32[0], imm) ? ~0u : 0;)
REF(CMPSD, r.u64[0] = predicate64(a.f64[0], b.f64[0], imm) ? ~0ull : 0;)

static uint64_t compare(double x, double y, bool ordered)
{
    if (isunordered(x, y)) {
        if (ordered)
            feraiseexcept(FE_INVALID);
        return 0x45;
    }
    return x == y ? 0x40 : x < y ? 1 : 0;
}
REF_GV(COMISS, g = compare((double)a.f32[0], (double)b.f32[0], true);)
REF_GV(COMISD, g = compare(a.f64[0], b.f64[0], true);)
REF_GV(UCOMISS, g = compare((double)a.f32[0], (double)b.f32[0], false);)
REF_GV(UCOMISD, g = compare(a.f64[0], b.f64[0], false); )

#endif
