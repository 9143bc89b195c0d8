/* SPDX-License-Identifier: MIT */
/*
 * Floating-point operations on vectors and scalars, exactly as Arm defines them, by fpu/ (Arm ARM J1.3.3 and chapter C7): what
 * the interpreter runs, and what generated code calls for results that the host's instructions may have got
 * differently (NaNs, the edge of underflow), for half precision, flush to zero and Neon's standard mode. VecCalls that
 * begin with vc_host_ name a host instruction to try first.
 */
#include "simd.h"
#include <string.h>

/* ---- FPCR and FPSR ---- */

FpEnv arm_fp_env(const ARMCPU *env, bool standard)
{
    static const uint8_t rounding[4] = { FP_NEAREST, FP_UP, FP_DOWN, FP_ZERO };
    FpEnv e = { .nan_rule = FP_NAN_ARM, .tiny_before = true };
    uint32_t fpcr = env->fpcr;
    uint8_t single = FP_MASK(FP_F32) | FP_MASK(FP_F64) | FP_MASK(FP_BF16);

    if (standard)
        fpcr = FPCR_FZ | FPCR_DN | (fpcr & FPCR_FZ16);
    e.round = rounding[fpcr >> FPCR_RMODE_SHIFT & 3];
    e.default_nan = fpcr & FPCR_DN;
    e.flush_in = (fpcr & FPCR_FZ ? single : 0) | (fpcr & FPCR_FZ16 ? FP_MASK(FP_F16) : 0);
    e.flush_out = e.flush_in;
    e.denormal_flushed = single;
    return e;
}

FpEnv arm_fp_env_convert(const ARMCPU *env, bool standard)
{
    FpEnv e = arm_fp_env(env, standard);

    e.flush_in &= (uint8_t)~FP_MASK(FP_F16);
    e.flush_out &= (uint8_t)~FP_MASK(FP_F16);
    return e;
}

void arm_fp_raise(ARMCPU *env, const FpEnv *e)
{
    uint32_t f = e->flags;

    if (f)
        env->fpsr |= (f & FPX_INVALID ? 1 : 0) | (f & FPX_DIVZERO ? 2 : 0) | (f & FPX_OVERFLOW ? 4 : 0) |
                     (f & FPX_UNDERFLOW ? 8 : 0) | (f & FPX_INEXACT ? 16 : 0) | (f & FPX_DENORMAL ? 128 : 0);
}

/* ---- Estimates ---- */

unsigned arm_recip_estimate(unsigned a)
{
    unsigned b = (1u << 19) / (2 * a + 1);
    return (b + 1) / 2;
}

unsigned arm_rsqrt_estimate(unsigned a)
{
    unsigned b = 512;

    a = a < 256 ? 2 * a + 1 : ((a >> 1 << 1) + 1) * 2;
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

typedef struct Shape { unsigned frac, exp_bits; } Shape;
static Shape shape_of(unsigned esz) { return esz == 1 ? (Shape){ 10, 5 } : esz == 2 ? (Shape){ 23, 8 } : (Shape){ 52, 11 }; }

/* The fraction in 52 bits, whatever the format. */
static uint64_t fraction52(unsigned esz, FpBits a)
{
    Shape s = shape_of(esz);
    return ((uint64_t)a & ((1ull << s.frac) - 1)) << (52 - s.frac);
}
static int exponent_of(unsigned esz, FpBits a)
{
    Shape s = shape_of(esz);
    return (int)((uint64_t)a >> s.frac & ((1u << s.exp_bits) - 1));
}
static FpBits join(unsigned esz, bool sign, int exp, uint64_t frac52)
{
    Shape s = shape_of(esz);
    return (sign ? fp_sign_bit(arm_fp_format(esz)) : 0) | (FpBits)(unsigned)exp << s.frac |
           (frac52 & ((1ull << 52) - 1)) >> (52 - s.frac);
}

static FpBits recip_overflow(FpFormat f, bool sign, FpEnv *e)
{
    bool to_inf = e->round == FP_NEAREST || (e->round == FP_UP && !sign) || (e->round == FP_DOWN && sign);
    e->flags |= FPX_OVERFLOW | FPX_INEXACT;
    return to_inf ? fp_inf(f, sign) : fp_max(f, sign);
}

FpBits arm_fp_recip_estimate(unsigned esz, FpBits a, FpEnv *e)
{
    FpFormat f = arm_fp_format(esz);
    int exp, result_exp, bias2 = 2 * ((1 << (shape_of(esz).exp_bits - 1)) - 1) - 1; /* 29, 253, 2045 */
    uint64_t frac;
    bool sign;

    a = fp_flush(f, a, e);
    sign = (a & fp_sign_bit(f)) != 0;
    if (fp_is_nan(f, a))
        return fp_pick_nan(f, a, a, e);
    if (fp_is_inf(f, a))
        return fp_sign_bit(f) & (sign ? ~(FpBits)0 : 0);
    if (fp_is_zero(f, a)) {
        e->flags |= FPX_DIVZERO;
        return fp_inf(f, sign);
    }
    exp = exponent_of(esz, a);
    frac = fraction52(esz, a);
    if (exp == 0 && !(frac >> 50))
        return recip_overflow(f, sign, e);
    if (exp >= bias2 && e->flush_out & FP_MASK(f)) {
        e->flags |= FPX_UNDERFLOW;
        return sign ? fp_sign_bit(f) : 0;
    }
    if (exp == 0) {
        bool far = !(frac >> 51);
        exp = far ? -1 : 0;
        frac = frac << (far ? 2 : 1) & ((1ull << 52) - 1);
    }
    result_exp = bias2 - exp;
    frac = (uint64_t)(arm_recip_estimate(256 | (unsigned)(frac >> 44)) & 255) << 44;
    if (result_exp <= 0) {
        frac = (frac | 1ull << 52) >> (1 - result_exp);
        result_exp = 0;
    }
    return join(esz, sign, result_exp, frac);
}

FpBits arm_fp_rsqrt_estimate(unsigned esz, FpBits a, FpEnv *e)
{
    FpFormat f = arm_fp_format(esz);
    int exp, bias3 = 3 * ((1 << (shape_of(esz).exp_bits - 1)) - 1) - 1; /* 44, 380, 3068 */
    uint64_t frac;
    bool sign;

    a = fp_flush(f, a, e);
    sign = (a & fp_sign_bit(f)) != 0;
    if (fp_is_nan(f, a))
        return fp_pick_nan(f, a, a, e);
    if (fp_is_zero(f, a)) {
        e->flags |= FPX_DIVZERO;
        return fp_inf(f, sign);
    }
    if (sign) {
        e->flags |= FPX_INVALID;
        return fp_default_nan(f, e);
    }
    if (fp_is_inf(f, a))
        return 0;
    exp = exponent_of(esz, a);
    frac = fraction52(esz, a);
    if (exp == 0) {
        for (; !(frac >> 51); exp--)
            frac <<= 1;
        frac = frac << 1 & ((1ull << 52) - 1);
    }
    frac = exp & 1 ? 128 | frac >> 45 : 256 | frac >> 44;
    return join(esz, false, (bias3 - exp) >> 1, (uint64_t)(arm_rsqrt_estimate((unsigned)frac) & 255) << 44);
}

/* ---- Lane by lane ---- */

static ARMVReg load(const void *p)
{
    ARMVReg v = { .d = { 0, 0 } };
    if (p)
        memcpy(&v, p, 16);
    return v;
}

#define FP_FUNCTION(id)                                                                 \
    static VecCallFunc v_##id;                                                          \
    const VecCall vc_##id = { .name = #id, .func = v_##id };                        \
    static void v_##id(CPUState *cpu, void *out, const void *pa, const void *pb, const void *pc, uint32_t imm)

/* The lanes x, y, z of a, b and c, in format f under e, give a lane. */
#define FP_LANES(name, ...)                                                               \
    FP_FUNCTION(name)                                                                     \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), c = load(pc), r = { .d = { 0, 0 } };          \
        unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz, p = vi_param(imm);          \
        FpFormat f = arm_fp_format(esz);                                                  \
        FpEnv env = arm_fp_env(arm_cpu(cpu), vi_flag(imm)), *e = &env;                    \
        (void)f, (void)p;                                                                 \
        for (unsigned i = 0; i < n; i++) {                                                \
            FpBits x = lane_get(&a, esz, i), y = lane_get(&b, esz, i), z = lane_get(&c, esz, i); \
            (void)y, (void)z;                                                             \
            lane_set(&r, esz, i, (uint64_t)(__VA_ARGS__));                                \
        }                                                                                 \
        arm_fp_raise(arm_cpu(cpu), e);                                                    \
        memcpy(out, &r, 16);                                                              \
    }

static FpBits negate(FpFormat f, FpBits a) { return a ^ fp_sign_bit(f); }
static FpBits absolute(FpFormat f, FpBits a) { return a & (fp_sign_bit(f) - 1); }

static bool zero_times_inf(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    FpEnv quiet = *e;
    a = fp_flush(f, a, &quiet);
    b = fp_flush(f, b, &quiet);
    return (fp_is_zero(f, a) && fp_is_inf(f, b)) || (fp_is_inf(f, a) && fp_is_zero(f, b));
}

/* 2 with the sign of the product where a plain product would be invalid. */
static FpBits mulx(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    FpEnv exact = { .round = FP_NEAREST };

    if (!zero_times_inf(f, a, b, e))
        return fp_mul(f, a, b, e);
    fp_flush(f, a, e);
    fp_flush(f, b, e);
    return fp_from_int(f, 2, 8, false, 0, &exact) | ((a ^ b) & fp_sign_bit(f));
}

static FpBits small_number(FpFormat f, unsigned n, int scale)
{
    FpEnv exact = { .round = FP_NEAREST };
    return fp_from_int(f, n, 8, false, scale, &exact);
}

/* 2 - a * b and (3 - a * b) / 2 */
static FpBits recip_step(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    if (!fp_is_nan(f, a) && !fp_is_nan(f, b) && zero_times_inf(f, a, b, e)) {
        fp_flush(f, a, e);
        fp_flush(f, b, e);
        return small_number(f, 2, 0);
    }
    /* NaNs are taken in the order a, b; the sign of a has changed. */
    if (fp_is_nan(f, a) || fp_is_nan(f, b))
        return fp_pick_nan(f, negate(f, a), b, e);
    return fp_fma(f, a, b, small_number(f, 2, 0), 0, FP_NEG_PRODUCT, e);
}
static FpBits rsqrt_step(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    if (!fp_is_nan(f, a) && !fp_is_nan(f, b) && zero_times_inf(f, a, b, e)) {
        fp_flush(f, a, e);
        fp_flush(f, b, e);
        return small_number(f, 3, 1);
    }
    if (fp_is_nan(f, a) || fp_is_nan(f, b))
        return fp_pick_nan(f, negate(f, a), b, e);
    return fp_fma(f, a, b, small_number(f, 3, 0), -1, FP_NEG_PRODUCT, e);
}

/* AArch32: the products are rounded on their own. */
static FpBits recip_step32(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    if (!fp_is_nan(f, a) && !fp_is_nan(f, b) && zero_times_inf(f, a, b, e))
        return recip_step(f, a, b, e);
    return fp_sub(f, small_number(f, 2, 0), fp_mul(f, a, b, e), e);
}
static FpBits rsqrt_step32(FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    if (!fp_is_nan(f, a) && !fp_is_nan(f, b) && zero_times_inf(f, a, b, e))
        return rsqrt_step(f, a, b, e);
    return fp_div(f, fp_sub(f, small_number(f, 3, 0), fp_mul(f, a, b, e), e), small_number(f, 2, 0), e);
}

/* As an integer in the order of the numbers, -0 below +0. */
static int64_t ordered(int64_t x) { return x < 0 ? x ^ INT64_MAX : x; }

/* Singles and doubles that are no NaNs need no more than a comparison of integers. */
static FpBits minmax(FpFormat f, FpBits a, FpBits b, bool max, FpMinMax kind, FpEnv *e)
{
    if ((f == FP_F32 || f == FP_F64) && !(e->flush_in & FP_MASK(f))) {
        unsigned up = f == FP_F32 ? 32 : 0;
        uint64_t x = (uint64_t)a << up, y = (uint64_t)b << up, inf = f == FP_F32 ? 0xffull << 55 : 0x7ffull << 52;
        if ((x & INT64_MAX) <= inf && (y & INT64_MAX) <= inf)
            return (ordered((int64_t)x) > ordered((int64_t)y)) == max ? a : b;
    }
    return fp_minmax(f, a, b, max, kind, e);
}

static uint64_t compare(FpFormat f, FpBits a, FpBits b, bool ge, bool gt, FpEnv *e)
{
    FpRelation r = fp_compare(f, a, b, false, e);
    return (ge && r == FP_EQUAL) || ((ge || gt) && r == FP_GREATER) ? ~0ull : 0;
}

FP_LANES(fadd, fp_add(f, x, y, e))
FP_LANES(fsub, fp_sub(f, x, y, e))
FP_LANES(fmul, fp_mul(f, x, y, e))
FP_LANES(fadd_neg, fp_add(f, x, negate(f, y), e))
FP_LANES(fsub_neg, fp_add(f, negate(f, y), x, e))
FP_LANES(fnmul, negate(f, fp_mul(f, x, y, e)))
FP_LANES(fdiv, fp_div(f, x, y, e))
FP_LANES(fsqrt, fp_sqrt(f, x, e))
FP_LANES(fmulx, mulx(f, x, y, e))
FP_LANES(fmax, minmax(f, x, y, true, FP_MM_PROPAGATE, e))
FP_LANES(fmin, minmax(f, x, y, false, FP_MM_PROPAGATE, e))
FP_LANES(fmaxnm, minmax(f, x, y, true, FP_MM_NUMBER, e))
FP_LANES(fminnm, minmax(f, x, y, false, FP_MM_NUMBER, e))
FP_LANES(fabd, absolute(f, fp_sub(f, x, y, e)))
FP_LANES(frecps, recip_step(f, x, y, e))
FP_LANES(frsqrts, rsqrt_step(f, x, y, e))
FP_LANES(vrecps, recip_step32(f, x, y, e))
FP_LANES(vrsqrts, rsqrt_step32(f, x, y, e))
/* z + x * y and its kin; negated operands have their signs changed first, NaNs too */
FP_LANES(fmla, fp_fma(f, x, y, z, 0, 0, e))
FP_LANES(fmls, fp_fma(f, negate(f, x), y, z, 0, 0, e))
FP_LANES(fnmla, fp_fma(f, negate(f, x), y, negate(f, z), 0, 0, e))
FP_LANES(fnmls, fp_fma(f, x, y, negate(f, z), 0, 0, e))
/* with two roundings */
FP_LANES(vmla, fp_add(f, z, fp_mul(f, x, y, e), e))
FP_LANES(vmls, fp_add(f, z, negate(f, fp_mul(f, x, y, e)), e))
FP_LANES(vnmla, fp_add(f, negate(f, z), negate(f, fp_mul(f, x, y, e)), e))
FP_LANES(vnmls, fp_add(f, negate(f, z), fp_mul(f, x, y, e), e))
FP_LANES(fcmeq, fp_compare(f, x, y, true, e) == FP_EQUAL ? ~0ull : 0)
FP_LANES(fcmge, compare(f, x, y, true, true, e))
FP_LANES(fcmgt, compare(f, x, y, false, true, e))
FP_LANES(facge, compare(f, absolute(f, x), absolute(f, y), true, true, e))
FP_LANES(facgt, compare(f, absolute(f, x), absolute(f, y), false, true, e))
FP_LANES(frecpe, arm_fp_recip_estimate(esz, x, e))
FP_LANES(frsqrte, arm_fp_rsqrt_estimate(esz, x, e))
FP_LANES(fabs_, absolute(f, x))
FP_LANES(fneg, negate(f, x))

static FpBits recpx(unsigned esz, FpBits a, FpEnv *e)
{
    FpFormat f = arm_fp_format(esz);
    int exp = exponent_of(esz, a), max = (1 << shape_of(esz).exp_bits) - 1;

    if (fp_is_nan(f, a))
        return fp_pick_nan(f, a, a, e);
    fp_flush(f, a, e);
    return join(esz, (a & fp_sign_bit(f)) != 0, exp ? ~exp & max : max - 1, 0);
}
FP_LANES(frecpx, recpx(esz, x, e))

/* p: FpRound, 8 = FPCR's; 16 = inexact is raised. */
static FpBits round_int(FpFormat f, FpBits a, FpRound round, bool inexact, FpEnv *e)
{
    if (round == FP_AWAY && !inexact && (f == FP_F32 || f == FP_F64)) { /* no host instruction rounds so */
        unsigned frac = f == FP_F32 ? 23 : 52, bias = f == FP_F32 ? 127 : 1023;
        unsigned exp = (unsigned)((uint64_t)a >> frac) & (2 * bias + 1);
        if (exp >= bias && exp < bias + frac) {
            uint64_t half = 1ull << (frac - 1) >> (exp - bias);
            return ((uint64_t)a + half) & ~(2 * half - 1);
        }
    }
    return fp_round_int(f, a, round, inexact, e);
}
FP_LANES(frint, round_int(f, x, p & 8 ? (FpRound)e->round : (FpRound)(p & 7), p & 16, e))

/* To 32 or 64-bit integral values, out of range giving the most negative: FRINT32*, FRINT64*. p: as frint, 32 = 64 bits */
static FpBits round_to_size(FpFormat f, FpBits a, unsigned p, FpEnv *e)
{
    FpRound round = p & 8 ? (FpRound)e->round : FP_ZERO;
    unsigned bits = p & 32 ? 64 : 32;
    FpEnv trial = *e;
    FpBits v;

    trial.flags = 0;
    v = fp_to_int(f, a, bits, true, 0, round, &trial);
    if (trial.flags & FPX_INVALID) {
        FpEnv exact = { .round = FP_NEAREST };
        e->flags |= FPX_INVALID;
        return fp_from_int(f, (FpBits)1 << (bits - 1), bits, true, 0, &exact);
    }
    (void)v;
    return fp_round_int(f, a, round, true, e);
}
FP_LANES(frintts, round_to_size(f, x, p, e))

static uint64_t to_int(FpFormat f, FpBits a, unsigned esz, bool is_signed, unsigned p, FpEnv *e)
{
    FpRound round = p & 0x80 ? (FpRound)(p & 7) : FP_ZERO;
    return (uint64_t)fp_to_int(f, a, 8u << esz, is_signed, p & 0x80 ? 0 : (int)p, round, e);
}
FP_LANES(fcvts, to_int(f, x, esz, true, p, e))
FP_LANES(fcvtu, to_int(f, x, esz, false, p, e))
FP_LANES(scvtf, fp_from_int(f, x, 8u << esz, true, (int)p, e))
FP_LANES(ucvtf, fp_from_int(f, x, 8u << esz, false, (int)p, e))

/* ---- Neighbours, and all lanes ---- */

#define FP_PAIRS(name, ...)                                                               \
    FP_FUNCTION(name)                                                                     \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), r = { .d = { 0, 0 } };                        \
        unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz;                             \
        FpFormat f = arm_fp_format(esz);                                                  \
        FpEnv env = arm_fp_env(arm_cpu(cpu), vi_flag(imm)), *e = &env;                    \
        (void)pc;                                                                         \
        for (unsigned i = 0; i < n; i++) {                                                \
            const ARMVReg *s = 2 * i < n ? &a : &b;                                       \
            unsigned j = 2 * i < n ? 2 * i : 2 * i - n;                                   \
            FpBits x = lane_get(s, esz, j), y = lane_get(s, esz, j + 1);                  \
            lane_set(&r, esz, i, (uint64_t)(__VA_ARGS__));                                \
        }                                                                                 \
        arm_fp_raise(arm_cpu(cpu), e);                                                    \
        memcpy(out, &r, 16);                                                              \
    }
FP_PAIRS(faddp, fp_add(f, x, y, e))
FP_PAIRS(fmaxp, minmax(f, x, y, true, FP_MM_PROPAGATE, e))
FP_PAIRS(fminp, minmax(f, x, y, false, FP_MM_PROPAGATE, e))
FP_PAIRS(fmaxnmp, minmax(f, x, y, true, FP_MM_NUMBER, e))
FP_PAIRS(fminnmp, minmax(f, x, y, false, FP_MM_NUMBER, e))

/* Halves against halves, as a tree; bytes are those of the source. param as FpMinMax, 4 = maximum */
FP_FUNCTION(fminmaxv)
{
    ARMVReg a = load(pa), r = { .d = { 0, 0 } };
    unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz, p = vi_param(imm);
    FpEnv e = arm_fp_env(arm_cpu(cpu), vi_flag(imm));

    (void)pb, (void)pc;
    for (n /= 2; n; n /= 2)
        for (unsigned i = 0; i < n; i++)
            lane_set(&a, esz, i, (uint64_t)minmax(arm_fp_format(esz), lane_get(&a, esz, 2 * i), lane_get(&a, esz, 2 * i + 1),
                                                  p & 4, (FpMinMax)(p & 3), &e));
    lane_set(&r, esz, 0, lane_get(&a, esz, 0));
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* ---- Between formats ---- */

static FpFormat half_format(const ARMCPU *env) { return env->fpcr & FPCR_AHP ? FP_AHP : FP_F16; }

/* Scalars: esz is the source, param the destination (as esz; 4 = bfloat16). */
FP_FUNCTION(fcvt)
{
    ARMVReg a = load(pa), r = { .d = { 0, 0 } };
    const ARMCPU *env = arm_cpu(cpu);
    unsigned from = vi_esz(imm), to = vi_param(imm);
    FpEnv e = arm_fp_env_convert(env, vi_flag(imm));
    FpFormat ff = from == 1 ? half_format(env) : arm_fp_format(from);
    FpFormat tf = to == 4 ? FP_BF16 : to == 1 ? half_format(env) : arm_fp_format(to);

    (void)pb, (void)pc;
    lane_set(&r, to == 4 ? 1 : to, 0, (uint64_t)fp_convert(tf, ff, lane_get(&a, from, 0), &e));
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* FCVTL: esz is the narrow format; flag is the upper half; param: standard FPSCR */
FP_FUNCTION(fcvtl)
{
    ARMVReg a = load(pa), r = { .d = { 0, 0 } };
    const ARMCPU *env = arm_cpu(cpu);
    unsigned esz = vi_esz(imm), n = 8u >> esz;
    FpEnv e = arm_fp_env_convert(env, vi_param(imm));

    (void)pb, (void)pc;
    for (unsigned i = 0; i < n; i++)
        lane_set(&r, esz + 1, i, (uint64_t)fp_convert(arm_fp_format(esz + 1), esz == 1 ? half_format(env) : FP_F32,
                                                      lane_get(&a, esz, i + (vi_flag(imm) ? n : 0)), &e));
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* FCVTN, FCVTXN, BFCVTN into the half that flag says. param: 1 to odd, 2 bfloat16, 4 standard FPSCR, 8 scalar */
FP_FUNCTION(fcvtn)
{
    ARMVReg a = load(pa), r = load(pc);
    const ARMCPU *env = arm_cpu(cpu);
    unsigned esz = vi_esz(imm), n = 8u >> esz, p = vi_param(imm), first = vi_flag(imm) ? n : 0;
    FpEnv e = arm_fp_env_convert(env, p & 4);
    FpFormat to = p & 2 ? FP_BF16 : esz == 1 ? half_format(env) : FP_F32;

    (void)pb;
    if (!vi_flag(imm))
        r = (ARMVReg){ .d = { 0, 0 } };
    if (p & 1)
        e.round = FP_ODD;
    for (unsigned i = 0; i < (p & 8 ? 1 : n); i++)
        lane_set(&r, esz, first + i, (uint64_t)fp_convert(to, arm_fp_format(esz + 1), lane_get(&a, esz + 1, i), &e));
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* ---- Complex numbers, half to single, bfloat16 ---- */

/* c + a * b, rotated. param: rotation / 90, 4 = element form: b's pair at param >> 3 */
FP_FUNCTION(fcmla)
{
    ARMVReg a = load(pa), b = load(pb), r = load(pc);
    unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz, rot = vi_param(imm) & 3;
    FpFormat f = arm_fp_format(esz);
    FpEnv e = arm_fp_env(arm_cpu(cpu), vi_flag(imm));

    for (unsigned i = 0; i < n; i += 2) {
        unsigned j = vi_param(imm) & 4 ? 2 * (vi_param(imm) >> 3) : i;
        FpBits re = lane_get(&b, esz, j), im = lane_get(&b, esz, j + 1);
        FpBits x = lane_get(&a, esz, i + (rot & 1));
        FpBits p = rot & 1 ? im : re, q = rot & 1 ? re : im;
        if (rot == 1 || rot == 2)
            p = negate(f, p);
        if (rot >= 2)
            q = negate(f, q);
        lane_set(&r, esz, i, (uint64_t)fp_fma(f, x, p, lane_get(&r, esz, i), 0, 0, &e));
        lane_set(&r, esz, i + 1, (uint64_t)fp_fma(f, x, q, lane_get(&r, esz, i + 1), 0, 0, &e));
    }
    for (unsigned i = n; i < 16u >> esz; i++)
        lane_set(&r, esz, i, 0);
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* a + b turned by 90 (param 0) or 270 degrees */
FP_FUNCTION(fcadd)
{
    ARMVReg a = load(pa), b = load(pb), r = { .d = { 0, 0 } };
    unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz;
    FpFormat f = arm_fp_format(esz);
    FpEnv e = arm_fp_env(arm_cpu(cpu), vi_flag(imm));

    (void)pc;
    for (unsigned i = 0; i < n; i += 2) {
        FpBits re = lane_get(&b, esz, i), im = lane_get(&b, esz, i + 1);
        if (vi_param(imm))
            re = negate(f, re);
        else
            im = negate(f, im);
        lane_set(&r, esz, i, (uint64_t)fp_add(f, lane_get(&a, esz, i), im, &e));
        lane_set(&r, esz, i + 1, (uint64_t)fp_add(f, lane_get(&a, esz, i + 1), re, &e));
    }
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* A half as a single inside FMLAL: exact but for NaNs, which the sum then treats. */
static FpBits half_to_single(FpBits a, const FpEnv *e)
{
    FpEnv quiet = { .nan_rule = FP_NAN_ARM };
    bool snan = fp_is_snan(FP_F16, a);

    if (e->flush_in & FP_MASK(FP_F16) && fp_is_denormal(FP_F16, a))
        a &= 0x8000;
    a = fp_convert(FP_F32, FP_F16, a, &quiet);
    return snan ? a & ~(FpBits)0x400000 : a;
}

/* FMLAL, FMLSL: halves of a and b from half-register `flag`; param: 1 subtract, 2 element b[param >> 3], 4 standard FPSCR */
FP_FUNCTION(fmlal)
{
    ARMVReg a = load(pa), b = load(pb), c = load(pc), r = { .d = { 0, 0 } };
    unsigned n = vi_bytes(imm) / 4, p = vi_param(imm), first = vi_flag(imm) ? n : 0;
    FpEnv e = arm_fp_env(arm_cpu(cpu), p & 4);

    for (unsigned i = 0; i < n; i++) {
        FpBits x = a.h[first + i], y = b.h[p & 2 ? p >> 3 : first + i];
        if (p & 1)
            x ^= 0x8000;
        r.s[i] = (uint32_t)fp_fma(FP_F32, half_to_single(x, &e), half_to_single(y, &e), c.s[i], 0, 0, &e);
    }
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* bfloat16 products have a mode of their own: to odd, flushing, default NaN, no flags (Arm ARM FPMulAddH, BFDotAdd). */
static FpEnv bf16_env(void)
{
    uint8_t all = FP_MASK(FP_F32);
    return (FpEnv){ .nan_rule = FP_NAN_ARM, .round = FP_ODD, .default_nan = true, .tiny_before = true, .flush_in = all,
                    .flush_out = all };
}
/* Overflow is infinity in spite of rounding to odd. */
static FpBits bf16_inf(FpBits v, FpEnv *e)
{
    if (e->flags & FPX_OVERFLOW)
        v = fp_inf(FP_F32, v >> 31 & 1);
    e->flags = 0;
    return v;
}
static uint32_t bf16_dot(uint32_t sum, const uint16_t *x, const uint16_t *y)
{
    FpEnv e = bf16_env();
    FpBits p = bf16_inf(fp_mul(FP_F32, (FpBits)x[0] << 16, (FpBits)y[0] << 16, &e), &e);
    FpBits q = bf16_inf(fp_mul(FP_F32, (FpBits)x[1] << 16, (FpBits)y[1] << 16, &e), &e);
    p = bf16_inf(fp_add(FP_F32, p, q, &e), &e);
    return (uint32_t)bf16_inf(fp_add(FP_F32, sum, p, &e), &e);
}
FP_FUNCTION(bfdot)
{
    ARMVReg a = load(pa), b = load(pb), c = load(pc), r = { .d = { 0, 0 } };

    (void)cpu;
    for (unsigned i = 0; i < vi_bytes(imm) / 4; i++)
        r.s[i] = bf16_dot(c.s[i], a.h + 2 * i, b.h + 2 * i);
    memcpy(out, &r, 16);
}
FP_FUNCTION(bfmmla)
{
    ARMVReg a = load(pa), b = load(pb), c = load(pc);

    (void)cpu, (void)imm;
    for (unsigned i = 0; i < 4; i++) {
        c.s[i] = bf16_dot(c.s[i], a.h + 4 * (i / 2), b.h + 4 * (i % 2));
        c.s[i] = bf16_dot(c.s[i], a.h + 4 * (i / 2) + 2, b.h + 4 * (i % 2) + 2);
    }
    memcpy(out, &c, 16);
}
/* flag: odd elements (T); param: element of b + 1, or 0 */
FP_FUNCTION(bfmlal)
{
    ARMVReg a = load(pa), b = load(pb), r = load(pc);
    FpEnv e = arm_fp_env(arm_cpu(cpu), false);

    for (unsigned i = 0; i < 4; i++) {
        unsigned j = 2 * i + vi_flag(imm);
        r.s[i] = (uint32_t)fp_fma(FP_F32, (FpBits)a.h[j] << 16, (FpBits)b.h[vi_param(imm) ? vi_param(imm) - 1 : j] << 16, r.s[i],
                                  0, 0, &e);
    }
    arm_fp_raise(arm_cpu(cpu), &e);
    memcpy(out, &r, 16);
}

/* ---- The same with a host instruction in front ---- */

#define HOST(id, function, row_, check_) \
    const VecCall vc_host_##id = { .name = "host_" #id, .func = v_##function, .row = VEC_##row_ + 1, .check = VCHK_##check_ };
#define HOST4(name, row)                                                                  \
    HOST(name##_s, name, row##SS, F32) HOST(name##_d, name, row##SD, F64)                 \
    HOST(name##_4s, name, row##PS, 4F32) HOST(name##_2d, name, row##PD, 2F64)
HOST4(fadd, ADD)
HOST4(fsub, SUB)
HOST4(fmul, MUL)
HOST4(fdiv, DIV)
HOST4(fsqrt, SQRT)
HOST4(fmla, FMADD)
HOST4(fmls, FNMADD)
HOST4(fnmla, FNMSUB)
HOST4(fnmls, FMSUB)
HOST4(fadd_neg, SUB)
HOST4(fsub_neg, SUB)

#define HOST_IMM(id, function, row_, check_, imm8_)                                       \
    const VecCall vc_host_##id = { .name = "host_" #id, .func = v_##function, .row = VEC_##row_ + 1, .check = VCHK_##check_, \
                                   .imm8 = imm8_ };
#define FRINT4(id, imm8)                                                                  \
    HOST_IMM(id##_s, frint, ROUNDSS, F32, imm8) HOST_IMM(id##_d, frint, ROUNDSD, F64, imm8) \
    HOST_IMM(id##_4s, frint, ROUNDPS, 4F32, imm8) HOST_IMM(id##_2d, frint, ROUNDPD, 2F64, imm8)
/* Bit 3: no inexact; bit 2: MXCSR's rounding */
FRINT4(frintn, 8)
FRINT4(frintm, 9)
FRINT4(frintp, 10)
FRINT4(frintz, 11)
FRINT4(frinti, 12)
FRINT4(frintx, 4)
HOST(fcvt_ds, fcvt, CVTSS2SD, F64)
HOST(fcvt_sd, fcvt, CVTSD2SS, F32)
