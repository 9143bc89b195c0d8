/* SPDX-License-Identifier: MIT */
/*
 * Integer SIMD operations as C functions (simd.h): those without an equivalent on x86 hosts, element by element. Arm ARM
 * chapter C7, pseudocode of each instruction. Saturation sets FPSR.QC.
 */
#include "simd.h"
#include <string.h>

typedef __int128 Wide;

static inline int64_t sign_extend(uint64_t x, unsigned bits) { return (int64_t)(x << (64 - bits)) >> (64 - bits); }

static inline uint64_t sat_signed(Wide v, unsigned bits, bool *qc)
{
    Wide max = ((Wide)1 << (bits - 1)) - 1, min = -max - 1;

    if (v > max || v < min) {
        *qc = true;
        return (uint64_t)(v > max ? max : min);
    }
    return (uint64_t)v;
}

static inline uint64_t sat_unsigned(Wide v, unsigned bits, bool *qc)
{
    Wide max = ((Wide)1 << bits) - 1;

    if (v > max || v < 0) {
        *qc = true;
        return (uint64_t)(v > max ? max : 0);
    }
    return (uint64_t)v;
}

static inline uint64_t sat(Wide v, unsigned bits, bool is_signed, bool *qc)
{
    return is_signed ? sat_signed(v, bits, qc) : sat_unsigned(v, bits, qc);
}

static void set_qc(CPUState *cpu, bool qc)
{
    if (qc)
        arm_cpu(cpu)->fpsr |= FPSR_QC;
}

static ARMVReg load(const void *p)
{
    ARMVReg v = { .d = { 0, 0 } };
    if (p)
        memcpy(&v, p, 16);
    return v;
}

#define SIMD_FUNCTION(id, is_pure)                                                      \
    static VecCallFunc v_##id;                                                          \
    const VecCall vc_##id = { .name = #id, .func = v_##id, .pure = is_pure };       \
    static void v_##id(CPUState *cpu, void *out, const void *pa, const void *pb, const void *pc, uint32_t imm)

/* The lanes x, y, z of a, b and c, also sign-extended, give v. */
#define LANES(name, is_pure, ...)                                                         \
    SIMD_FUNCTION(name, is_pure)                                                          \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), c = load(pc), r = { .d = { 0, 0 } };          \
        unsigned esz = vi_esz(imm), bits = 8u << esz, n = vi_bytes(imm) >> esz, p = vi_param(imm); \
        bool qc = false;                                                                  \
        for (unsigned i = 0; i < n; i++) {                                                \
            uint64_t x = lane_get(&a, esz, i), y = lane_get(&b, esz, i), z = lane_get(&c, esz, i), v; \
            int64_t sx = sign_extend(x, bits), sy = sign_extend(y, bits), sz = sign_extend(z, bits); \
            (void)y, (void)z, (void)sx, (void)sy, (void)sz, (void)p;                      \
            v = (uint64_t)(__VA_ARGS__);                                                  \
            lane_set(&r, esz, i, v);                                                      \
        }                                                                                 \
        if (!is_pure)                                                                     \
            set_qc(cpu, qc);                                                              \
        memcpy(out, &r, 16);                                                              \
    }

/* ---- Same width ---- */

LANES(shadd, true, (sx + sy) >> 1)
LANES(uhadd, true, (x + y) >> 1)
LANES(srhadd, true, (sx + sy + 1) >> 1)
LANES(urhadd, true, (x + y + 1) >> 1)
LANES(shsub, true, (sx - sy) >> 1)
LANES(uhsub, true, (int64_t)(x - y) >> 1)
LANES(sqadd, false, sat_signed((Wide)sx + sy, bits, &qc))
LANES(uqadd, false, sat_unsigned((Wide)x + y, bits, &qc))
LANES(sqsub, false, sat_signed((Wide)sx - sy, bits, &qc))
LANES(uqsub, false, sat_unsigned((Wide)x - (Wide)y, bits, &qc))
LANES(cmtst, true, x & y ? ~0ull : 0)
LANES(cmgt, true, sx > sy ? ~0ull : 0)
LANES(cmge, true, sx >= sy ? ~0ull : 0)
LANES(cmhi, true, x > y ? ~0ull : 0)
LANES(cmhs, true, x >= y ? ~0ull : 0)
LANES(smax, true, sx > sy ? sx : sy)
LANES(smin, true, sx < sy ? sx : sy)
LANES(umax, true, x > y ? x : y)
LANES(umin, true, x < y ? x : y)
LANES(sabd, true, sx > sy ? (uint64_t)sx - (uint64_t)sy : (uint64_t)sy - (uint64_t)sx)
LANES(uabd, true, x > y ? x - y : y - x)
LANES(saba, true, z + (sx > sy ? (uint64_t)sx - (uint64_t)sy : (uint64_t)sy - (uint64_t)sx))
LANES(uaba, true, z + (x > y ? x - y : y - x))
LANES(mul, true, x * y)
LANES(mla, true, z + x * y)
LANES(mls, true, z - x * y)
LANES(sqdmulh, false, sat_signed((Wide)sx * sy * 2 >> bits, bits, &qc))
LANES(sqrdmulh, false, sat_signed(((Wide)sx * sy * 2 + ((Wide)1 << (bits - 1))) >> bits, bits, &qc))
LANES(sqrdmlah, false, sat_signed((((Wide)sz << bits) + (Wide)sx * sy * 2 + ((Wide)1 << (bits - 1))) >> bits, bits, &qc))
LANES(sqrdmlsh, false, sat_signed((((Wide)sz << bits) - (Wide)sx * sy * 2 + ((Wide)1 << (bits - 1))) >> bits, bits, &qc))

/* Carry-less product of the low 8 bits, or of 64 when wide. */
static uint64_t polynomial_product(uint64_t x, uint64_t y)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        if (x >> i & 1)
            r ^= y << i;
    return r;
}
LANES(pmul, true, polynomial_product(x, y))

/* v shifted left by n, right when negative. */
static uint64_t shift(Wide v, int n, unsigned bits, bool is_signed, bool round, bool saturate, bool *qc)
{
    if (n >= 0) {
        if (n >= (int)bits)
            v = !saturate || v == 0 ? 0 : v > 0 ? (Wide)1 << 100 : -((Wide)1 << 100);
        else
            v = (Wide)((unsigned __int128)v << n);
    } else {
        int k = -n > 100 ? 100 : -n;
        v = (v + (round ? (Wide)1 << (k - 1) : 0)) >> k;
    }
    return saturate ? sat(v, bits, is_signed, qc) : (uint64_t)v;
}
LANES(sshl, true, shift(sx, (int8_t)y, bits, true, false, false, &qc))
LANES(ushl, true, shift((Wide)x, (int8_t)y, bits, false, false, false, &qc))
LANES(srshl, true, shift(sx, (int8_t)y, bits, true, true, false, &qc))
LANES(urshl, true, shift((Wide)x, (int8_t)y, bits, false, true, false, &qc))
LANES(sqshl, false, shift(sx, (int8_t)y, bits, true, false, true, &qc))
LANES(uqshl, false, shift((Wide)x, (int8_t)y, bits, false, false, true, &qc))
LANES(sqrshl, false, shift(sx, (int8_t)y, bits, true, true, true, &qc))
LANES(uqrshl, false, shift((Wide)x, (int8_t)y, bits, false, true, true, &qc))

/* ---- One operand ---- */

static uint64_t reverse_bits(uint64_t x)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        r |= (x >> i & 1) << (7 - i);
    return r;
}
static uint64_t leading_zeros(uint64_t x, unsigned bits) { return x ? (unsigned)__builtin_clzll(x) - (64 - bits) : bits; }
LANES(abs, true, sx < 0 ? -(uint64_t)sx : (uint64_t)sx)
LANES(sqabs, false, sat_signed(sx < 0 ? -(Wide)sx : sx, bits, &qc))
LANES(sqneg, false, sat_signed(-(Wide)sx, bits, &qc))
LANES(suqadd, false, sat_signed((Wide)sz + x, bits, &qc))
LANES(usqadd, false, sat_unsigned((Wide)z + sx, bits, &qc))
LANES(clz, true, leading_zeros(x, bits))
LANES(cls, true, leading_zeros((uint64_t)(sx ^ sx >> 1) & (~0ull >> (64 - bits)), bits) - 1)
LANES(cnt, true, (unsigned)__builtin_popcountll(x))
LANES(rbit, true, reverse_bits(x))

/* Elements in reverse order within containers of 1 << param bytes. */
SIMD_FUNCTION(rev, true)
{
    ARMVReg a = load(pa), r = { .d = { 0, 0 } };
    unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz, mask = (1u << (vi_param(imm) - esz)) - 1;

    (void)cpu, (void)pb, (void)pc;
    for (unsigned i = 0; i < n; i++)
        lane_set(&r, esz, i, lane_get(&a, esz, i ^ mask));
    memcpy(out, &r, 16);
}

/* ---- Shifts by an immediate: p is the shift; right shifts count from 1 to the width ---- */

#define ROUND(v, k) (((v) + ((Wide)1 << ((k) - 1))) >> (k))
LANES(sshr, true, (Wide)sx >> p)
LANES(ushr, true, (Wide)x >> p)
LANES(ssra, true, z + (uint64_t)((Wide)sx >> p))
LANES(usra, true, z + (uint64_t)((Wide)x >> p))
LANES(srshr, true, ROUND((Wide)sx, p))
LANES(urshr, true, ROUND((Wide)x, p))
LANES(srsra, true, z + (uint64_t)ROUND((Wide)sx, p))
LANES(ursra, true, z + (uint64_t)ROUND((Wide)x, p))
LANES(sri, true, (z & ~(uint64_t)((((unsigned __int128)1 << bits) - 1) >> p)) | (uint64_t)((Wide)x >> p))
LANES(shl, true, x << p)
LANES(sli, true, (z & ((1ull << p) - 1)) | x << p)
LANES(sqshl_n, false, shift(sx, (int)p, bits, true, false, true, &qc))
LANES(uqshl_n, false, shift((Wide)x, (int)p, bits, false, false, true, &qc))
LANES(sqshlu, false, shift(sx, (int)p, bits, false, false, true, &qc))

/* ---- Narrowing: wide lanes of a (and b) give lanes of half the width; flag: into the upper half ---- */

#define NARROW(name, is_pure, ...)                                                        \
    SIMD_FUNCTION(name, is_pure)                                                          \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), r = load(pc);                                 \
        unsigned esz = vi_esz(imm), bits = 8u << esz, n = 8u >> esz, p = vi_param(imm);   \
        unsigned first = vi_flag(imm) ? n : 0;                                            \
        bool qc = false;                                                                  \
        if (!vi_flag(imm))                                                                \
            r = (ARMVReg){ .d = { 0, 0 } };                                               \
        if (vi_bytes(imm) < 8)                                                            \
            n = 1;                                                                        \
        for (unsigned i = 0; i < n; i++) {                                                \
            uint64_t x = lane_get(&a, esz + 1, i), y = lane_get(&b, esz + 1, i);          \
            int64_t sx = sign_extend(x, 2 * bits);                                        \
            (void)y, (void)sx, (void)p, (void)bits;                                       \
            lane_set(&r, esz, first + i, (uint64_t)(__VA_ARGS__));                        \
        }                                                                                 \
        if (!is_pure)                                                                     \
            set_qc(cpu, qc);                                                              \
        memcpy(out, &r, 16);                                                              \
    }
NARROW(xtn, true, x)
NARROW(sqxtn, false, sat_signed(sx, bits, &qc))
NARROW(uqxtn, false, sat_unsigned((Wide)x, bits, &qc))
NARROW(sqxtun, false, sat_unsigned(sx, bits, &qc))
NARROW(addhn, true, (x + y) >> bits)
NARROW(raddhn, true, (x + y + (1ull << (bits - 1))) >> bits)
NARROW(subhn, true, (x - y) >> bits)
NARROW(rsubhn, true, (x - y + (1ull << (bits - 1))) >> bits)
NARROW(shrn, true, x >> p)
NARROW(rshrn, true, ROUND((Wide)x, p))
NARROW(sqshrn, false, sat_signed((Wide)sx >> p, bits, &qc))
NARROW(sqrshrn, false, sat_signed(ROUND((Wide)sx, p), bits, &qc))
NARROW(uqshrn, false, sat_unsigned((Wide)x >> p, bits, &qc))
NARROW(uqrshrn, false, sat_unsigned(ROUND((Wide)x, p), bits, &qc))
NARROW(sqshrun, false, sat_unsigned((Wide)sx >> p, bits, &qc))
NARROW(sqrshrun, false, sat_unsigned(ROUND((Wide)sx, p), bits, &qc))

/* ---- Widening: esz is that of the narrow lanes; flag: from the upper half ---- */

/* wide: a has wide lanes. z is a wide lane of the old destination. */
#define WIDEN(name, is_pure, wide, ...)                                                   \
    SIMD_FUNCTION(name, is_pure)                                                          \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), c = load(pc), r = { .d = { 0, 0 } };          \
        unsigned esz = vi_esz(imm), bits = 8u << esz, n = 8u >> esz, p = vi_param(imm);   \
        unsigned first = vi_flag(imm) ? n : 0;                                            \
        bool qc = false;                                                                  \
        if (vi_bytes(imm) < 16)                                                           \
            n = 1;                                                                        \
        for (unsigned i = 0; i < n; i++) {                                                \
            uint64_t x = (wide) ? lane_get(&a, esz + 1, i) : lane_get(&a, esz, first + i); \
            uint64_t y = lane_get(&b, esz, first + i), z = lane_get(&c, esz + 1, i);      \
            int64_t sx = sign_extend(x, (wide) ? 2 * bits : bits), sy = sign_extend(y, bits); \
            int64_t sz = sign_extend(z, 2 * bits);                                        \
            (void)sx, (void)sy, (void)sz, (void)y, (void)p;                               \
            lane_set(&r, esz + 1, i, (uint64_t)(__VA_ARGS__));                            \
        }                                                                                 \
        if (!is_pure)                                                                     \
            set_qc(cpu, qc);                                                              \
        memcpy(out, &r, 16);                                                              \
    }
WIDEN(saddl, true, false, sx + sy)
WIDEN(uaddl, true, false, x + y)
WIDEN(ssubl, true, false, sx - sy)
WIDEN(usubl, true, false, x - y)
WIDEN(saddw, true, true, x + (uint64_t)sy)
WIDEN(uaddw, true, true, x + y)
WIDEN(ssubw, true, true, x - (uint64_t)sy)
WIDEN(usubw, true, true, x - y)
WIDEN(sabdl, true, false, sx > sy ? sx - sy : sy - sx)
WIDEN(uabdl, true, false, x > y ? x - y : y - x)
WIDEN(sabal, true, false, z + (uint64_t)(sx > sy ? sx - sy : sy - sx))
WIDEN(uabal, true, false, z + (x > y ? x - y : y - x))
WIDEN(smull, true, false, sx * sy)
WIDEN(umull, true, false, x * y)
WIDEN(smlal, true, false, z + (uint64_t)(sx * sy))
WIDEN(umlal, true, false, z + x * y)
WIDEN(smlsl, true, false, z - (uint64_t)(sx * sy))
WIDEN(umlsl, true, false, z - x * y)
WIDEN(sqdmull, false, false, sat_signed((Wide)sx * sy * 2, 2 * bits, &qc))
WIDEN(sqdmlal, false, false, sat_signed((Wide)sz + sign_extend(sat_signed((Wide)sx * sy * 2, 2 * bits, &qc), 2 * bits),
                                        2 * bits, &qc))
WIDEN(sqdmlsl, false, false, sat_signed((Wide)sz - sign_extend(sat_signed((Wide)sx * sy * 2, 2 * bits, &qc), 2 * bits),
                                        2 * bits, &qc))
WIDEN(pmull8, true, false, polynomial_product(x, y))
WIDEN(sshll, true, false, (uint64_t)sx << p)
WIDEN(ushll, true, false, x << p)

/* ---- Neighbours ---- */

/* Pairs of a, then of b. */
#define PAIRS(name, ...)                                                                  \
    SIMD_FUNCTION(name, true)                                                             \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), r = { .d = { 0, 0 } };                        \
        unsigned esz = vi_esz(imm), bits = 8u << esz, n = vi_bytes(imm) >> esz;           \
        (void)cpu, (void)pc;                                                              \
        for (unsigned i = 0; i < n; i++) {                                                \
            const ARMVReg *s = 2 * i < n ? &a : &b;                                       \
            unsigned j = 2 * i < n ? 2 * i : 2 * i - n;                                   \
            uint64_t x = lane_get(s, esz, j), y = lane_get(s, esz, j + 1);                \
            int64_t sx = sign_extend(x, bits), sy = sign_extend(y, bits);                 \
            (void)sx, (void)sy;                                                           \
            lane_set(&r, esz, i, (uint64_t)(__VA_ARGS__));                                \
        }                                                                                 \
        memcpy(out, &r, 16);                                                              \
    }
PAIRS(addp, x + y)
PAIRS(smaxp, sx > sy ? sx : sy)
PAIRS(sminp, sx < sy ? sx : sy)
PAIRS(umaxp, x > y ? x : y)
PAIRS(uminp, x < y ? x : y)

/* Sums of pairs in twice the width, added to c when param is set. */
#define PAIRS_LONG(name, type)                                                            \
    SIMD_FUNCTION(name, true)                                                             \
    {                                                                                     \
        ARMVReg a = load(pa), c = load(pc), r = { .d = { 0, 0 } };                        \
        unsigned esz = vi_esz(imm), bits = 8u << esz, n = vi_bytes(imm) >> (esz + 1);     \
        (void)cpu, (void)pb, (void)bits;                                                  \
        for (unsigned i = 0; i < n; i++) {                                                \
            uint64_t x = lane_get(&a, esz, 2 * i), y = lane_get(&a, esz, 2 * i + 1);      \
            uint64_t sum = (uint64_t)(type(x)) + (uint64_t)(type(y));                     \
            lane_set(&r, esz + 1, i, sum + (vi_param(imm) ? lane_get(&c, esz + 1, i) : 0)); \
        }                                                                                 \
        memcpy(out, &r, 16);                                                              \
    }
#define SIGNED_LANE(x) sign_extend(x, bits)
#define UNSIGNED_LANE(x) (x)
PAIRS_LONG(saddlp, SIGNED_LANE)
PAIRS_LONG(uaddlp, UNSIGNED_LANE)

/* All lanes to one; bytes are those of the source. */
#define ACROSS(name, wide, ...)                                                           \
    SIMD_FUNCTION(name, true)                                                             \
    {                                                                                     \
        ARMVReg a = load(pa), r = { .d = { 0, 0 } };                                      \
        unsigned esz = vi_esz(imm), bits = 8u << esz, n = vi_bytes(imm) >> esz;           \
        uint64_t v = lane_get(&a, esz, 0);                                                \
        int64_t sv = sign_extend(v, bits);                                                \
        (void)cpu, (void)pb, (void)pc;                                                    \
        for (unsigned i = 1; i < n; i++) {                                                \
            uint64_t x = lane_get(&a, esz, i);                                            \
            int64_t sx = sign_extend(x, bits);                                            \
            (void)sx;                                                                     \
            __VA_ARGS__;                                                                  \
        }                                                                                 \
        lane_set(&r, esz + (wide), 0, v);                                                   \
        (void)sv;                                                                         \
        memcpy(out, &r, 16);                                                              \
    }
ACROSS(addv, 0, v += x)
ACROSS(umaxv, 0, v = x > v ? x : v)
ACROSS(uminv, 0, v = x < v ? x : v)
ACROSS(smaxv, 0, sv = sx > sv ? sx : sv; v = (uint64_t)sv)
ACROSS(sminv, 0, sv = sx < sv ? sx : sv; v = (uint64_t)sv)
ACROSS(uaddlv, 1, v += x)
SIMD_FUNCTION(saddlv, true)
{
    ARMVReg a = load(pa), r = { .d = { 0, 0 } };
    unsigned esz = vi_esz(imm), bits = 8u << esz, n = vi_bytes(imm) >> esz;
    uint64_t v = 0;

    (void)cpu, (void)pb, (void)pc;
    for (unsigned i = 0; i < n; i++)
        v += (uint64_t)sign_extend(lane_get(&a, esz, i), bits);
    lane_set(&r, esz + 1, 0, v);
    memcpy(out, &r, 16);
}

/* ---- Dot products: four bytes to one word ---- */

static int64_t dot(const uint8_t *x, bool xs, const uint8_t *y, bool ys, unsigned n)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += (xs ? (int8_t)x[i] : x[i]) * (ys ? (int8_t)y[i] : y[i]);
    return sum;
}
#define DOT(name, xs, ys)                                                                 \
    SIMD_FUNCTION(name, true)                                                             \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), c = load(pc), r = { .d = { 0, 0 } };          \
        (void)cpu;                                                                        \
        for (unsigned i = 0; i < vi_bytes(imm) / 4; i++)                                  \
            r.s[i] = c.s[i] + (uint32_t)dot(a.b + 4 * i, xs, b.b + 4 * i, ys, 4);         \
        memcpy(out, &r, 16);                                                              \
    }
DOT(sdot, true, true)
DOT(udot, false, false)
DOT(usdot, false, true)
DOT(sudot, true, false)

/* 2x8 by 8x2 matrices of bytes */
#define MMLA(name, xs, ys)                                                                \
    SIMD_FUNCTION(name, true)                                                             \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), c = load(pc);                                 \
        (void)cpu, (void)imm;                                                             \
        for (unsigned i = 0; i < 4; i++)                                                  \
            c.s[i] += (uint32_t)dot(a.b + 8 * (i / 2), xs, b.b + 8 * (i % 2), ys, 8);     \
        memcpy(out, &c, 16);                                                              \
    }
MMLA(smmla, true, true)
MMLA(ummla, false, false)
MMLA(usmmla, false, true)

/* ---- Permutations ---- */

/* which: element i of the result from a (index < n) or b. */
#define PERMUTE(name, index)                                                              \
    SIMD_FUNCTION(name, true)                                                             \
    {                                                                                     \
        ARMVReg a = load(pa), b = load(pb), r = { .d = { 0, 0 } };                        \
        unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz, half = n / 2;               \
        (void)cpu, (void)pc, (void)half;                                                  \
        for (unsigned i = 0; i < n; i++) {                                                \
            unsigned j = (index);                                                         \
            lane_set(&r, esz, i, j < n ? lane_get(&a, esz, j) : lane_get(&b, esz, j - n)); \
        }                                                                                 \
        memcpy(out, &r, 16);                                                              \
    }
PERMUTE(uzp1, 2 * i)
PERMUTE(uzp2, 2 * i + 1)
PERMUTE(zip1, i / 2 + (i & 1 ? n : 0))
PERMUTE(zip2, half + i / 2 + (i & 1 ? n : 0))
PERMUTE(trn1, (i & ~1u) + (i & 1 ? n : 0))
PERMUTE(trn2, (i | 1) + (i & 1 ? n : 0))

SIMD_FUNCTION(ext, true)
{
    ARMVReg a = load(pa), b = load(pb), r = { .d = { 0, 0 } };
    unsigned n = vi_bytes(imm), p = vi_param(imm);

    (void)cpu, (void)pc;
    for (unsigned i = 0; i < n; i++)
        r.b[i] = i + p < n ? a.b[i + p] : b.b[i + p - n];
    memcpy(out, &r, 16);
}

/* Three-register structures. The elements of register `param` from three consecutive pieces of memory… */
SIMD_FUNCTION(unzip3, true)
{
    ARMVReg m[3] = { load(pa), load(pb), load(pc) }, r = { .d = { 0, 0 } };
    unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz;

    (void)cpu;
    for (unsigned i = 0; i < n; i++) {
        unsigned j = 3 * i + vi_param(imm);
        lane_set(&r, esz, i, lane_get(&m[j / n], esz, j % n));
    }
    memcpy(out, &r, 16);
}

/* … and piece `param` of memory from three registers. */
SIMD_FUNCTION(zip3, true)
{
    ARMVReg v[3] = { load(pa), load(pb), load(pc) }, r = { .d = { 0, 0 } };
    unsigned esz = vi_esz(imm), n = vi_bytes(imm) >> esz;

    (void)cpu;
    for (unsigned i = 0; i < n; i++) {
        unsigned j = vi_param(imm) * n + i;
        lane_set(&r, esz, i, lane_get(&v[j % 3], esz, j / 3));
    }
    memcpy(out, &r, 16);
}

/* ---- Estimates of 32-bit fixed-point numbers ---- */

static uint64_t unsigned_recip(uint32_t x) { return x >> 31 ? (uint64_t)arm_recip_estimate(x >> 23) << 23 : 0xffffffff; }
static uint64_t unsigned_rsqrt(uint32_t x) { return x >> 30 ? (uint64_t)arm_rsqrt_estimate(x >> 23) << 23 : 0xffffffff; }
LANES(urecpe, true, unsigned_recip((uint32_t)x))
LANES(ursqrte, true, unsigned_rsqrt((uint32_t)x))
