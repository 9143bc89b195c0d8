/* SPDX-License-Identifier: MIT */
/*
 * fpu/ against the host: SSE for f16, f32 and f64 (rounding modes, DAZ, FTZ, flags, NaNs, conversions, FMA),
 * x87 for f80 (precision control, C1, remainders), libgcc's software arithmetic for f128; random operands
 * around the edges. What only Arm has (ties away, odd, saturation, NaN order, flushing before rounding) is
 * checked against values from the Arm ARM's pseudocode, worked out by hand. FPU_TEST_COUNT and FPU_TEST_SEED
 * change how much and what is tried.
 */
#include "fpu.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned failures;
static uint64_t seed = 20240607;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

static const struct { unsigned exp_bits, frac_bits; } shapes[] = {
    [FP_F16] = { 5, 10 }, [FP_F32] = { 8, 23 }, [FP_F64] = { 11, 52 }, [FP_F80] = { 15, 63 }, [FP_F128] = { 15, 112 },
};

/* A fraction: random, or with long runs of equal bits. */
static FpBits random_fraction(unsigned bits)
{
    FpBits v = (FpBits)rnd() << 64 | rnd(), mask = ((FpBits)1 << bits) - 1;

    switch (rnd() % 6) {
    case 0: return 0;
    case 1: return mask;
    case 2: return (FpBits)1 << rnd() % bits;
    case 3: return mask << rnd() % bits & mask;
    case 4: return mask >> rnd() % bits;
    default: return v & mask;
    }
}

static FpBits random_value(FpFormat f)
{
    unsigned eb = shapes[f].exp_bits, max = (1u << eb) - 1, bias = max >> 1, exp;
    FpBits frac = random_fraction(shapes[f].frac_bits), bits;

    switch (rnd() % 10) {
    case 0: exp = 0; break;
    case 1: exp = max; break;
    case 2: exp = 1 + (unsigned)(rnd() % 3); break;
    case 3: exp = max - 1 - (unsigned)(rnd() % 3); break;
    case 4: exp = (unsigned)rnd() & max; break;
    case 5: exp = bias + (unsigned)(rnd() % 70); exp = exp > max ? max : exp; break;
    default: exp = bias - 3 + (unsigned)(rnd() % 7); break;
    }
    if (f == FP_F80) {
        frac |= exp ? (FpBits)1 << 63 : 0;
        if (rnd() % 64 == 0)
            frac ^= (FpBits)1 << 63; /* pseudo-denormals, unnormals */
    }
    bits = frac | (FpBits)exp << (shapes[f].frac_bits + (f == FP_F80));
    return rnd() & 1 ? bits | fp_sign_bit(f) : bits;
}

static void print_bits(const char *name, FpBits v)
{
    printf(" %s=%016llx%016llx", name, (unsigned long long)(v >> 64), (unsigned long long)v);
}

static void check(const char *what, unsigned mode, FpBits a, FpBits b, FpBits c, FpBits got, FpBits want,
                  unsigned got_flags, unsigned want_flags)
{
    if (got == want && got_flags == want_flags)
        return;
    if (failures++ > 20)
        return;
    printf("%s mode %x:", what, mode);
    print_bits("a", a);
    print_bits("b", b);
    print_bits("c", c);
    print_bits("\n   got", got);
    print_bits("want", want);
    printf(" flags got %02x want %02x\n", got_flags, want_flags);
}

static unsigned count = 40000;

#ifdef __x86_64__
#include <cpuid.h>

/* ---- SSE ---- */

enum { MX_DAZ = 0x40, MX_MASKS = 0x1f80, MX_FTZ = 0x8000 };

static FpEnv sse_env(unsigned mxcsr)
{
    FpEnv e = { .round = mxcsr >> 13 & 3, .nan_rule = FP_NAN_SSE };
    if (mxcsr & MX_DAZ)
        e.flush_in = FP_MASK(FP_F32) | FP_MASK(FP_F64);
    if (mxcsr & MX_FTZ)
        e.flush_out = FP_MASK(FP_F32) | FP_MASK(FP_F64);
    e.denormal_used = FP_MASK(FP_F32) | FP_MASK(FP_F64);
    return e;
}

static unsigned random_mxcsr(void)
{
    unsigned m = MX_MASKS | (unsigned)(rnd() & 3) << 13;
    if (rnd() % 4 == 0)
        m |= MX_DAZ;
    if (rnd() % 4 == 0)
        m |= MX_FTZ;
    return m;
}

typedef union Xmm { uint64_t u64[2]; float v __attribute__((vector_size(16))); } Xmm;

#define SSE_ASM(text, out, ...)                                               \
    __asm__ volatile("ldmxcsr %[m]\n\t" text "\n\tstmxcsr %[m]\n\tldmxcsr %[d]" \
                     : [m] "+m"(csr), out : [d] "m"(dflt), __VA_ARGS__)
#define SSE2OP(insn) do { r.u64[0] = a; y.u64[0] = b; SSE_ASM(insn " %[y], %[r]", [r] "+x"(r.v), [y] "x"(y.v)); } while (0)

enum { ADD, SUB, MUL, DIV, SQRT, MIN, MAX, BINARY_OPS };
static const char *const op_names[] = { "add", "sub", "mul", "div", "sqrt", "min", "max" };

static uint64_t sse_binary(unsigned op, bool dbl, uint64_t a, uint64_t b, unsigned *mxcsr)
{
    unsigned csr = *mxcsr, dflt = MX_MASKS;
    Xmm r = { { 0, 0 } }, y = { { 0, 0 } };

#define BOTH(insn) do { if (dbl) SSE2OP(insn "sd"); else SSE2OP(insn "ss"); } while (0)
    switch (op) {
    case ADD: BOTH("add"); break;
    case SUB: BOTH("sub"); break;
    case MUL: BOTH("mul"); break;
    case DIV: BOTH("div"); break;
    case SQRT: BOTH("sqrt"); break;
    case MIN: BOTH("min"); break;
    default: BOTH("max"); break;
    }
    *mxcsr = csr;
    return dbl ? r.u64[0] : (uint32_t)r.u64[0];
}

static FpBits ours_binary(unsigned op, FpFormat f, FpBits a, FpBits b, FpEnv *e)
{
    switch (op) {
    case ADD: return fp_add(f, a, b, e);
    case SUB: return fp_sub(f, a, b, e);
    case MUL: return fp_mul(f, a, b, e);
    case DIV: return fp_div(f, a, b, e);
    case SQRT: return fp_sqrt(f, b, e);
    case MIN: return fp_minmax(f, a, b, false, FP_MM_SSE, e);
    default: return fp_minmax(f, a, b, true, FP_MM_SSE, e);
    }
}

static void test_sse_binary(void)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned op = 0; op < BINARY_OPS; op++) {
            bool dbl = i & 1;
            FpFormat f = dbl ? FP_F64 : FP_F32;
            unsigned mode = random_mxcsr(), csr = mode;
            FpBits a = random_value(f), b = random_value(f), want, got;
            FpEnv e = sse_env(mode);

            want = sse_binary(op, dbl, (uint64_t)a, (uint64_t)b, &csr);
            got = ours_binary(op, f, a, b, &e);
            check(op_names[op], mode, a, b, 0, got, want, e.flags, csr & 63);
        }
    }
}

static void test_sse_compare(void)
{
    for (unsigned i = 0; i < count; i++) {
        bool dbl = i & 1, quiet = i & 2, zf, pf, cf;
        FpFormat f = dbl ? FP_F64 : FP_F32;
        unsigned mode = random_mxcsr(), csr = mode, dflt = MX_MASKS;
        FpBits a = random_value(f), b = rnd() % 8 ? random_value(f) : a;
        Xmm x = { { (uint64_t)a, 0 } }, y = { { (uint64_t)b, 0 } };
        FpEnv e = sse_env(mode);
        int want;

#define COMPARE(insn) __asm__ volatile("ldmxcsr %[m]\n\t" insn " %[y], %[x]\n\tstmxcsr %[m]\n\tldmxcsr %[d]" \
            : [m] "+m"(csr), "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf) : [d] "m"(dflt), [x] "x"(x.v), [y] "x"(y.v))
        if (dbl && quiet) COMPARE("ucomisd");
        else if (dbl) COMPARE("comisd");
        else if (quiet) COMPARE("ucomiss");
        else COMPARE("comiss");
        want = pf ? FP_UNORDERED : zf ? FP_EQUAL : cf ? FP_LESS : FP_GREATER;
        int got = fp_compare(f, a, b, quiet, &e);
        check("compare", mode, a, b, 0, (FpBits)got, (FpBits)want, e.flags, csr & 63);
    }
}

static void test_sse_convert(void)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned mode = random_mxcsr(), csr, dflt = MX_MASKS;
        FpRound round = mode >> 13 & 3;
        FpBits d = random_value(FP_F64), s = random_value(FP_F32), got;
        uint64_t n = rnd() >> rnd() % 64, g64;
        uint32_t g32;
        Xmm r, x;
        FpEnv e;

#define START() (csr = mode, e = sse_env(mode), r = (Xmm){ { 0, 0 } })
        START(); x = (Xmm){ { (uint64_t)d, 0 } };
        SSE_ASM("cvtsd2ss %[x], %[r]", [r] "+x"(r.v), [x] "x"(x.v));
        got = fp_convert(FP_F32, FP_F64, d, &e);
        check("f64->f32", mode, d, 0, 0, got, (uint32_t)r.u64[0], e.flags, csr & 63);
        START(); x = (Xmm){ { (uint64_t)s, 0 } };
        SSE_ASM("cvtss2sd %[x], %[r]", [r] "+x"(r.v), [x] "x"(x.v));
        got = fp_convert(FP_F64, FP_F32, s, &e);
        check("f32->f64", mode, s, 0, 0, got, r.u64[0], e.flags, csr & 63);
        START(); SSE_ASM("cvtss2si %[x], %[g]", [g] "=r"(g32), [x] "x"(x.v));
        got = fp_to_int(FP_F32, s, 32, true, 0, round, &e);
        check("f32->i32", mode, s, 0, 0, got, g32, e.flags, csr & 63);
        START(); SSE_ASM("cvttss2siq %[x], %[g]", [g] "=r"(g64), [x] "x"(x.v));
        got = fp_to_int(FP_F32, s, 64, true, 0, FP_ZERO, &e);
        check("f32->i64 trunc", mode, s, 0, 0, got, g64, e.flags, csr & 63);
        START(); x = (Xmm){ { (uint64_t)d, 0 } };
        SSE_ASM("cvtsd2siq %[x], %[g]", [g] "=r"(g64), [x] "x"(x.v));
        got = fp_to_int(FP_F64, d, 64, true, 0, round, &e);
        check("f64->i64", mode, d, 0, 0, got, g64, e.flags, csr & 63);
        START(); SSE_ASM("cvtsi2ssq %[g], %[r]", [r] "+x"(r.v), [g] "r"(n));
        got = fp_from_int(FP_F32, n, 64, true, 0, &e);
        check("i64->f32", mode, n, 0, 0, got, (uint32_t)r.u64[0], e.flags, csr & 63);
        START(); SSE_ASM("cvtsi2sdq %[g], %[r]", [r] "+x"(r.v), [g] "r"(n));
        got = fp_from_int(FP_F64, n, 64, true, 0, &e);
        check("i64->f64", mode, n, 0, 0, got, r.u64[0], e.flags, csr & 63);
        START(); SSE_ASM("roundsd $4, %[x], %[r]", [r] "+x"(r.v), [x] "x"(x.v));
        e.denormal_used = 0;
        got = fp_round_int(FP_F64, d, round, true, &e);
        check("round f64", mode, d, 0, 0, got, r.u64[0], e.flags, csr & 63);
        START(); x = (Xmm){ { (uint64_t)s, 0 } };
        SSE_ASM("roundss $8, %[x], %[r]", [r] "+x"(r.v), [x] "x"(x.v));
        e.denormal_used = 0;
        got = fp_round_int(FP_F32, s, FP_NEAREST, false, &e);
        check("round f32", mode, s, 0, 0, got, (uint32_t)r.u64[0], e.flags, csr & 63);
    }
}

static void test_fma(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 12 & 1))
        return;
    for (unsigned i = 0; i < 2 * count; i++) {
        bool dbl = i & 1;
        FpFormat f = dbl ? FP_F64 : FP_F32;
        unsigned mode = random_mxcsr(), csr = mode, dflt = MX_MASKS, how = i >> 1 & 3;
        FpBits p = random_value(f), q = random_value(f), s = random_value(f), got;
        Xmm r = { { (uint64_t)p, 0 } }, y = { { (uint64_t)q, 0 } }, z = { { (uint64_t)s, 0 } };
        FpEnv e = sse_env(mode);

        if (i % 8 == 0) /* cancellation */
            s = (dbl ? sse_binary(MUL, true, (uint64_t)p, (uint64_t)q, &csr)
                     : sse_binary(MUL, false, (uint64_t)p, (uint64_t)q, &csr)) ^ fp_sign_bit(f);
        z.u64[0] = (uint64_t)s;
        csr = mode;
#define FMA(insn) do { if (dbl) SSE_ASM("vf" insn "213sd %[z], %[y], %[r]", [r] "+x"(r.v), [y] "x"(y.v), [z] "x"(z.v)); \
            else SSE_ASM("vf" insn "213ss %[z], %[y], %[r]", [r] "+x"(r.v), [y] "x"(y.v), [z] "x"(z.v)); } while (0)
        switch (how) {
        case 0: FMA("madd"); break;
        case FP_NEG_PRODUCT: FMA("nmadd"); break;
        case FP_NEG_ADDEND: FMA("msub"); break;
        default: FMA("nmsub"); break;
        }
        /* 213 has the second source first in NaN order: r = y * r + z */
        got = fp_fma(f, q, p, s, 0, how, &e);
        if (fp_is_nan(f, p) + fp_is_nan(f, q) + fp_is_nan(f, s) > 1)
            continue; /* the order of several NaNs depends on the form; only values are fpu/'s matter */
        check("fma", mode | how, p, q, s, got, dbl ? r.u64[0] : (uint32_t)r.u64[0], e.flags, csr & 63);
    }
}

static void test_f16(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 29 & 1))
        return;
    for (unsigned i = 0; i < count; i++) {
        unsigned mode = (random_mxcsr() & ~(unsigned)MX_FTZ), csr = mode, dflt = MX_MASKS;
        FpBits s = random_value(FP_F32), h = i & 0xffff, got;
        Xmm r = { { 0, 0 } }, x = { { (uint64_t)s, 0 } };
        FpEnv e = sse_env(mode);

        if (rnd() & 1) /* into the range of f16 */
            x.u64[0] = (uint64_t)(s = (s & 0x807fffff) | (FpBits)(127 - 28 + rnd() % 48) << 23);
        SSE_ASM("vcvtps2ph $4, %[x], %[r]", [r] "=x"(r.v), [x] "x"(x.v));
        got = fp_convert(FP_F16, FP_F32, s, &e);
        check("f32->f16", mode, s, 0, 0, got, (uint16_t)r.u64[0], e.flags, csr & 63);
        csr = mode, e = sse_env(mode), x.u64[0] = (uint64_t)h;
        SSE_ASM("vcvtph2ps %[x], %[r]", [r] "=x"(r.v), [x] "x"(x.v));
        got = fp_convert(FP_F32, FP_F16, h, &e);
        check("f16->f32", mode, h, 0, 0, got, (uint32_t)r.u64[0], e.flags, csr & 63);
    }
}

/* ---- x87 ---- */

typedef struct X87 { uint16_t cw, sw; } X87;

static long double to_host80(FpBits v) { long double x = 0; memcpy(&x, &v, 10); return x; }
static FpBits from_host80(const void *x) { FpBits v = 0; memcpy(&v, x, 10); return v; }

static FpEnv x87_env(unsigned cw)
{
    unsigned pc = cw >> 8 & 3;
    return (FpEnv){ .round = cw >> 10 & 3, .nan_rule = FP_NAN_X87, .precision = pc == 0 ? 24 : pc == 2 ? 53 : 0,
                    .denormal_used = FP_MASK(FP_F80) | FP_MASK(FP_F32) | FP_MASK(FP_F64) };
}

static unsigned random_cw(void)
{
    static const uint16_t pc[] = { 0, 0x200, 0x300, 0x300 };
    return 0x7f | pc[rnd() & 3] | (unsigned)(rnd() & 3) << 10;
}

/* st0 = op(st0 = a, st1 = b) in the way of the one-operand-less instructions */
#define X87_RUN(text) \
    __asm__ volatile("fninit\n\tfldcw %[cw]\n\tfldt %[b]\n\tfldt %[a]\n\tfnclex\n\t" text \
                     "\n\tfnstsw %[sw]\n\tfstpt %[r]\n\tfninit" \
                     : [sw] "=m"(sw), [r] "=m"(r) : [cw] "m"(cw), [a] "m"(x), [b] "m"(y) : "memory")

enum { XADD, XSUB, XMUL, XDIV, XSQRT, XRNDINT, XPREM, XPREM1, XSCALE, X87_OPS };
static const char *const x87_names[] = { "fadd", "fsub", "fmul", "fdiv", "fsqrt", "frndint", "fprem", "fprem1", "fscale" };

static FpBits x87_host(unsigned op, FpBits a, FpBits b, uint16_t cw, uint16_t *status)
{
    long double x = to_host80(a), y = to_host80(b), r;
    uint16_t sw;

    switch (op) {
    case XADD: X87_RUN("fadd %%st(1), %%st"); break;
    case XSUB: X87_RUN("fsub %%st(1), %%st"); break;
    case XMUL: X87_RUN("fmul %%st(1), %%st"); break;
    case XDIV: X87_RUN("fdiv %%st(1), %%st"); break;
    case XSQRT: X87_RUN("fsqrt"); break;
    case XRNDINT: X87_RUN("frndint"); break;
    case XPREM: X87_RUN("fprem"); break;
    case XPREM1: X87_RUN("fprem1"); break;
    default: X87_RUN("fscale"); break;
    }
    *status = sw;
    return from_host80(&r);
}

static FpBits x87_ours(unsigned op, FpBits a, FpBits b, FpEnv *e, uint64_t *quotient)
{
    *quotient = 0;
    switch (op) {
    case XADD: return fp_add(FP_F80, a, b, e);
    case XSUB: return fp_sub(FP_F80, a, b, e);
    case XMUL: return fp_mul(FP_F80, a, b, e);
    case XDIV: return fp_div(FP_F80, a, b, e);
    case XSQRT: return fp_sqrt(FP_F80, a, e);
    case XRNDINT: e->precision = 0; return fp_round_int(FP_F80, a, e->round, true, e);
    case XPREM: e->precision = 0; return fp_rem(FP_F80, a, b, true, quotient, e);
    default: e->precision = 0; return fp_rem(FP_F80, a, b, false, quotient, e);
    }
}

static void test_x87(void)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned op = 0; op < XSCALE; op++) {
            FpBits a = random_value(FP_F80), b = random_value(FP_F80), want, got;
            unsigned cw = random_cw(), want_flags;
            uint64_t quotient;
            uint16_t sw;
            FpEnv e = x87_env(cw);

            want = x87_host(op, a, b, (uint16_t)cw, &sw);
            if (op >= XPREM && sw & 0x400)
                continue; /* a partial remainder */
            got = x87_ours(op, a, b, &e, &quotient);
            want_flags = sw & 63;
            if (op < XPREM && want_flags & FPX_INEXACT) { /* C1: rounded up */
                want_flags |= sw >> 9 & 1 ? 0x100 : 0;
                e.flags = (uint8_t)e.flags;
                check(x87_names[op], cw, a, b, 0, got, want, e.flags | (e.rounded_up ? 0x100u : 0), want_flags);
                continue;
            }
            if (op >= XPREM && !(sw & 1) && !fp_is_nan(FP_F80, want)) {
                unsigned q = (sw >> 8 & 1) << 2 | (sw >> 14 & 1) << 1 | (sw >> 9 & 1);
                check("quotient", cw, a, b, 0, quotient & 7, q, 0, 0);
            }
            check(x87_names[op], cw, a, b, 0, got, want, e.flags, want_flags);
        }
    }
}

static void test_x87_convert(void)
{
    for (unsigned i = 0; i < count; i++) {
        FpBits a = random_value(FP_F80), d = random_value(FP_F64), got;
        long double x = to_host80(a), r;
        unsigned mode = random_cw();
        uint16_t cw = (uint16_t)mode, sw;
        uint64_t dbl = (uint64_t)d, n = 0;
        uint32_t flt = 0;
        FpEnv e = x87_env(cw);

#define STORE(insn, dest) __asm__ volatile("fninit\n\tfldcw %[cw]\n\tfldt %[x]\n\tfnclex\n\t" insn " %[to]\n\tfnstsw %[sw]\n\tfninit" \
        : [sw] "=m"(sw), [to] "=m"(dest) : [cw] "m"(cw), [x] "m"(x))
        e.denormal_used = 0; /* stores raise no denormal exception */
        STORE("fstps", flt);
        got = fp_convert(FP_F32, FP_F80, a, &e);
        check("f80->f32", mode, a, 0, 0, got, flt, e.flags, sw & 63);
        e.flags = 0;
        STORE("fistpll", n);
        got = fp_to_int(FP_F80, a, 64, true, 0, e.round, &e);
        check("f80->i64", mode, a, 0, 0, got, n, e.flags, sw & 63);
        e = x87_env(cw);
        __asm__ volatile("fninit\n\tfldcw %[cw]\n\tfldl %[d]\n\tfnstsw %[sw]\n\tfstpt %[r]\n\tfninit"
                         : [sw] "=m"(sw), [r] "=m"(r) : [cw] "m"(cw), [d] "m"(dbl));
        e.precision = 0;
        got = fp_convert(FP_F80, FP_F64, d, &e);
        check("f64->f80", mode, d, 0, 0, got, from_host80(&r), e.flags, sw & 63);
        n = rnd() >> rnd() % 64;
        e = x87_env(cw);
        e.precision = 0;
        __asm__ volatile("fninit\n\tfldcw %[cw]\n\tfildll %[n]\n\tfnstsw %[sw]\n\tfstpt %[r]\n\tfninit"
                         : [sw] "=m"(sw), [r] "=m"(r) : [cw] "m"(cw), [n] "m"(n));
        got = fp_from_int(FP_F80, n, 64, true, 0, &e);
        check("i64->f80", mode, n, 0, 0, got, from_host80(&r), e.flags, sw & 63);
    }
}

/* ---- f128 against libgcc, which takes rounding from MXCSR; it raises overflow and underflow in the x87 ---- */

static unsigned quad_run(unsigned op, unsigned mode, FpBits a, FpBits b, FpBits *result)
{
    unsigned csr = mode, dflt = MX_MASKS;
    volatile __float128 x, y;
    __float128 r;

    memcpy((void *)&x, &a, 16);
    memcpy((void *)&y, &b, 16);
    __asm__ volatile("ldmxcsr %0" : : "m"(csr) : "memory");
    r = op == ADD ? x + y : op == SUB ? x - y : op == MUL ? x * y : x / y;
    __asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(csr) : "m"(dflt), "x"(r) : "memory");
    memcpy(result, &r, 16);
    return csr & 63;
}

static void test_f128(void)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned op = i & 3, mode = MX_MASKS | (unsigned)(rnd() & 3) << 13, flags;
        FpBits a = random_value(FP_F128), b = random_value(FP_F128), want, got;
        FpEnv e = sse_env(mode);

        if (fp_is_nan(FP_F128, a) || fp_is_nan(FP_F128, b))
            continue;
        flags = quad_run(op, mode, a, b, &want) & (FPX_INVALID | FPX_DIVZERO | FPX_INEXACT);
        got = ours_binary(op, FP_F128, a, b, &e);
        check(op_names[op], 0x10000 | mode, a, b, 0, got, want, e.flags & ~(FPX_OVERFLOW | FPX_UNDERFLOW), flags);
        /* A root squared is the number again, to the last places. */
        FpBits root = fp_sqrt(FP_F128, a & ~fp_sign_bit(FP_F128), &e), lo = root - 1, hi = root + 1;
        e = (FpEnv){ .round = FP_NEAREST };
        if (fp_is_inf(FP_F128, a) || fp_is_zero(FP_F128, a))
            continue;
        a &= ~fp_sign_bit(FP_F128);
        bool below = fp_compare(FP_F128, fp_mul(FP_F128, lo, lo, &e), a, true, &e) <= 0;
        bool above = fp_compare(FP_F128, fp_mul(FP_F128, hi, hi, &e), a, true, &e) >= 0;
        check("sqrt f128", mode, a, root, 0, below && above, 1, 0, 0);
    }
}

static void test_host(void)
{
    test_sse_binary();
    test_sse_compare();
    test_sse_convert();
    test_fma();
    test_f16();
    test_x87();
    test_x87_convert();
    test_f128();
}
#else
static void test_host(void) { (void)random_value; }
#endif

/* ---- Arm ---- */

static void expect(const char *what, FpBits got, FpBits want, const FpEnv *e, unsigned flags)
{
    check(what, 0, 0, 0, 0, got, want, e->flags, flags);
}

static void test_arm(void)
{
    FpEnv e;
#define ARM(...) (e = (FpEnv){ .nan_rule = FP_NAN_ARM, .tiny_before = true, __VA_ARGS__ })
    const FpBits qnan = 0x7fc00001, snan = 0x7f800001, qnan2 = 0xffc00002, one = 0x3f800000;

    ARM(); expect("snan after qnan", fp_add(FP_F32, qnan, snan, &e), 0x7fc00001, &e, FPX_INVALID);
    ARM(); expect("first qnan", fp_add(FP_F32, qnan, qnan2, &e), qnan, &e, 0);
    ARM(.default_nan = true); expect("default nan", fp_add(FP_F32, qnan2, one, &e), 0x7fc00000, &e, 0);
    ARM(); expect("0 * inf + qnan", fp_fma(FP_F32, 0, 0x7f800000, qnan, 0, 0, &e), 0x7fc00000, &e, FPX_INVALID);
    ARM(); expect("addend's nan first", fp_fma(FP_F32, qnan2, one, qnan, 0, 0, &e), qnan, &e, 0);
    ARM(); expect("-0 < +0", fp_minmax(FP_F32, 0, 0x80000000, false, FP_MM_PROPAGATE, &e), 0x80000000, &e, 0);
    ARM(); expect("maxnm", fp_minmax(FP_F32, qnan, one, true, FP_MM_NUMBER, &e), one, &e, 0);
    ARM(); expect("maxnm snan", fp_minmax(FP_F32, snan, one, true, FP_MM_NUMBER, &e), qnan, &e, FPX_INVALID);
    ARM(); expect("saturate", fp_to_int(FP_F32, 0x4f000000, 32, true, 0, FP_ZERO, &e), 0x7fffffff, &e, FPX_INVALID);
    ARM(); expect("unsigned -1", fp_to_int(FP_F32, 0xbf800000, 32, false, 0, FP_ZERO, &e), 0, &e, FPX_INVALID);
    ARM(); expect("unsigned -0.5", fp_to_int(FP_F32, 0xbf000000, 32, false, 0, FP_ZERO, &e), 0, &e, FPX_INEXACT);
    ARM(); expect("2.5 away", fp_to_int(FP_F32, 0x40200000, 32, true, 0, FP_AWAY, &e), 3, &e, FPX_INEXACT);
    ARM(); expect("nan to int", fp_to_int(FP_F32, qnan, 32, true, 0, FP_ZERO, &e), 0, &e, FPX_INVALID);
    ARM(); expect("fixed point", fp_to_int(FP_F32, one, 32, true, 31, FP_ZERO, &e), 0x7fffffff, &e, FPX_INVALID);
    ARM(.round = FP_ODD);
    expect("to odd", fp_convert(FP_F32, FP_F64, 0x3ff0000000000001, &e), 0x3f800001, &e, FPX_INEXACT);
    ARM(.flush_out = FP_MASK(FP_F32));
    expect("flush before rounding", fp_mul(FP_F32, 0x00ffffff, 0x3f7fffff, &e), 0x00fffffe, &e, FPX_INEXACT);
    ARM(.flush_out = FP_MASK(FP_F32));
    expect("flush below the least", fp_mul(FP_F32, 0x00800000, 0x3f7fffff, &e), 0, &e, FPX_UNDERFLOW);
    ARM(.flush_in = FP_MASK(FP_F32), .denormal_flushed = FP_MASK(FP_F32));
    expect("denormal input", fp_add(FP_F32, 1, 0x80000001, &e), 0, &e, FPX_DENORMAL);
    ARM(); expect("tiny before rounding", fp_mul(FP_F32, 0x00800000, 0x3f7fffff, &e), 0x00800000, &e,
                  FPX_UNDERFLOW | FPX_INEXACT);
    ARM(); expect("alternative half", fp_convert(FP_AHP, FP_F32, 0x47800000, &e), 0x7c00, &e, 0);
    ARM(); expect("alternative half of inf", fp_convert(FP_AHP, FP_F32, 0xff800000, &e), 0xffff, &e, FPX_INVALID);
    ARM(); expect("(3 - 1 * 1) / 2", fp_fma(FP_F32, one, one, 0x40400000, -1, FP_NEG_PRODUCT, &e), one, &e, 0);
    ARM(); expect("bf16", fp_convert(FP_BF16, FP_F32, 0x3f808000, &e), 0x3f80, &e, FPX_INEXACT);
    ARM(); expect("scalbn", fp_scalbn(FP_F64, 0x3ff0000000000000, -1074, &e), 1, &e, 0);
}

int main(void)
{
    const char *s = getenv("FPU_TEST_SEED"), *n = getenv("FPU_TEST_COUNT");

    if (s)
        seed = strtoull(s, NULL, 0) | 1;
    if (n)
        count = (unsigned)strtoul(n, NULL, 0);
    test_arm();
    test_host();
    if (failures)
        printf("%u differences\n", failures);
    return failures != 0;
}
