/* SPDX-License-Identifier: MIT */
/*
 * SSE in C: the path with unmasked exceptions (#XM), the text instructions of SSE4.2, the mask moves and
 * MXCSR. Intel SDM vol. 1, 11.5 (exceptions), vol. 2, 4.1 (PCMPxSTRx).
 */
#include "helper.h"
#include "helper-int.h"
#include "sys.h"
#include "tcg/vec.h"
#include <string.h>

enum { MXCSR_IE = 1, MXCSR_DE = 2, MXCSR_ZE = 4, MXCSR_OE = 8, MXCSR_UE = 16, MXCSR_PE = 32, MXCSR_FLAGS = 63,
       MXCSR_DAZ = 0x40, MXCSR_MASKS_SHIFT = 7, MXCSR_FTZ = 0x8000, MXCSR_VALID = 0xffff };

/* ---- Unmasked exceptions ---- */

/* Rows whose result may be tiny: additions, products, quotients, narrowing. */
static bool may_underflow(const VecInfo *v)
{
    static const uint8_t ops[] = { 0x58, 0x59, 0x5a, 0x5c, 0x5e, 0x7c, 0x7d, 0xd0 };

    return v->shape == VS_FMA || (v->map == 1 && memchr(ops, v->op, sizeof(ops)));
}

static bool lanes_are_double(const VecInfo *v)
{
    if (v->shape == VS_FMA)
        return v->flags & VFL_G64;
    if (v->op == 0x7c || v->op == 0x7d || v->op == 0xd0) /* HADD, HSUB, ADDSUB: F2 is the packed single form */
        return v->pp == 0x66;
    return v->pp == 0x66 || v->pp == 0xf2;
}

/* A tiny result that is exact raises UE only when UE is unmasked. */
static bool has_denormal(const VecInfo *v, const XMMReg *r, unsigned bytes)
{
    bool is_double = lanes_are_double(v);
    unsigned lanes;

    if (!may_underflow(v))
        return false;
    if (v->map == 1 && v->op == 0x5a) /* the prefix names the source */
        is_double = !is_double;
    lanes = v->flags & VFL_SCALAR ? 1 : bytes / (is_double ? 8 : 4);
    for (unsigned i = 0; i < lanes; i++) {
        if (is_double ? !(r->q[i] >> 52 & 0x7ff) && r->q[i] << 12 : !(r->l[i] >> 23 & 0xff) && r->l[i] << 9)
            return true;
    }
    return false;
}

/* A number far from overflow and underflow whose product, quotient or narrowed value rounds alike. */
static uint64_t moderate(uint64_t x, unsigned mant_bits, unsigned exp_bits, bool daz)
{
    uint64_t exp_mask = ((1ull << exp_bits) - 1) << mant_bits, mant_mask = (1ull << mant_bits) - 1;
    uint64_t exp = x & exp_mask, mant = x & mant_mask, sign = x & ~(exp_mask | mant_mask);

    if (exp == exp_mask || !(exp | mant) || (daz && !exp))
        return x;
    while (!exp && !(mant >> mant_bits)) /* denormal */
        mant <<= 1;
    return sign | (exp_mask >> 1 & exp_mask) | (mant & mant_mask);
}

/* With overflow or underflow unmasked, PE says whether the result is inexact with an unbounded exponent. */
static uint32_t scaled_inexact(CPUState *cpu, const VecInfo *v, const XMMReg *a, const XMMReg *b, uint32_t csr, unsigned bytes)
{
    bool is_double = lanes_are_double(v);
    XMMReg in[2] = { *a, *b }, out;

    for (unsigned n = 0; n < 2; n++) {
        for (unsigned i = 0; is_double && i < 4; i++)
            in[n].q[i] = moderate(in[n].q[i], 52, 11, csr & MXCSR_DAZ);
        for (unsigned i = 0; !is_double && i < 8; i++)
            in[n].l[i] = (uint32_t)moderate(in[n].l[i], 23, 8, csr & MXCSR_DAZ);
    }
    cpu_fp_set(cpu, csr);
    v->ref(&out, &in[0], &in[1], NULL, 0, bytes);
    return cpu_fp_get(cpu) & MXCSR_PE;
}

#ifdef __x86_64__
typedef __float128 Quad;
#else
typedef long double Quad; /* IEEE binary128 on the other hosts */
#endif

/* A lane as a number; false for what is none. */
static bool lane_value(const XMMReg *r, unsigned i, bool is_double, uint32_t csr, Quad *out)
{
    uint64_t exp = is_double ? r->q[i] >> 52 & 0x7ff : r->l[i] >> 23 & 0xff;

    *out = !exp && csr & MXCSR_DAZ ? 0 : is_double ? (Quad)r->d[i] : (Quad)r->s[i];
    return exp != (is_double ? 0x7ffu : 0xffu);
}

/* Is x * y + z no number of so many mantissa bits? The product is exact in 113 bits, and so is the sum if its error is 0. */
static bool sum_inexact(Quad x, Quad y, Quad z, unsigned mant_bits)
{
    Quad p = x * y, s = p + z, back = s - p, error = (p - (s - back)) + (z - back);
    unsigned __int128 bits;

    memcpy(&bits, &s, sizeof(bits));
    return error != 0 || bits << (16 + mant_bits);
}

/* The same of fused operations: the row's opcode says which signs change. */
static uint32_t fused_inexact(CPUState *cpu, const VecInfo *v, const XMMReg *a, const XMMReg *b, uint32_t csr, unsigned bytes)
{
    bool is_double = lanes_are_double(v), negative = (v->op & 15) >= 12, minus = v->op & 2 && (v->op & 15) >= 8;
    unsigned lanes = v->flags & VFL_SCALAR ? 1 : bytes / (is_double ? 8 : 4);

    cpu_fp_set(cpu, 0x1f80);
    for (unsigned i = 0; i < lanes; i++) {
        Quad x, y, z;
        bool odd = i & 1, subtract = v->op == 0xa6 ? !odd : v->op == 0xa7 ? odd : minus;
        if (lane_value(a, i, is_double, csr, &x) && lane_value(b, i, is_double, csr, &y) &&
            lane_value(&x86_cpu(cpu)->scratch[2], i, is_double, csr, &z) &&
            sum_inexact(negative ? -x : x, y, subtract ? -z : z, is_double ? 52 : 23))
            return MXCSR_PE;
    }
    return 0;
}

/* The same of ADD, SUB, HADD, HSUB and ADDSUB. */
static uint32_t sums_inexact(CPUState *cpu, const VecInfo *v, const XMMReg *a, const XMMReg *b, uint32_t csr, unsigned bytes)
{
    bool is_double = lanes_are_double(v), horizontal = v->op == 0x7c || v->op == 0x7d;
    unsigned lanes = v->flags & VFL_SCALAR ? 1 : bytes / (is_double ? 8 : 4), half = is_double ? 2 : 4;

    cpu_fp_set(cpu, 0x1f80);
    for (unsigned i = 0; i < lanes; i++) {
        Quad x, y;
        const XMMReg *ra = a, *rb = b;
        unsigned la = i, lb = i;
        if (horizontal) { /* pairs of a make the lower lanes of each half, pairs of b the upper ones */
            ra = rb = i % half < half / 2 ? a : b;
            la = i / half * half + i % (half / 2) * 2;
            lb = la + 1;
        }
        if (lane_value(ra, la, is_double, csr, &x) && lane_value(rb, lb, is_double, csr, &y) &&
            sum_inexact(x, 1, v->op == 0x5c || v->op == 0x7d || (v->op == 0xd0 && !(i & 1)) ? -y : y, is_double ? 52 : 23))
            return MXCSR_PE;
    }
    return 0;
}

/*
 * Runs a row with clear flags, all masked, and decides what it raises: flags found before the computation (invalid,
 * denormal, divide) and unmasked hide those found after it. Leaves the control register changed.
 */
static uint32_t run_row(CPUState *cpu, const VecInfo *v, XMMReg *out, const XMMReg *a, const XMMReg *b, uint8_t imm,
                        uint32_t csr, uint32_t unmasked, unsigned bytes)
{
    uint32_t raised, after;

    cpu_fp_set(cpu, csr);
    v->ref(out, a, b, &x86_cpu(cpu)->scratch[2], imm, bytes);
    raised = cpu_fp_get(cpu) & MXCSR_FLAGS;
    if (unmasked & MXCSR_UE && has_denormal(v, out, bytes))
        raised |= MXCSR_UE;
    if (raised & unmasked & (MXCSR_IE | MXCSR_DE | MXCSR_ZE))
        return raised & (MXCSR_IE | MXCSR_DE | MXCSR_ZE);
    after = raised & (MXCSR_OE | MXCSR_UE);
    if (after & unmasked && !(after & ~unmasked)) { /* masked ones are inexact always */
        uint32_t (*inexact)(CPUState *, const VecInfo *, const XMMReg *, const XMMReg *, uint32_t, unsigned) =
            v->shape == VS_FMA ? fused_inexact : v->map == 3 && v->op == 0x1d ? scaled_inexact /* VCVTPS2PH */ : v->map != 1 ? NULL
            : v->op == 0x59 || v->op == 0x5e || v->op == 0x5a ? scaled_inexact : sums_inexact;
        if (inexact)
            raised = (raised & ~(uint32_t)MXCSR_PE) | inexact(cpu, v, a, b, csr, bytes);
    }
    return raised;
}

/* Lane `from` of each half becomes lane `to` of an otherwise zero register. */
static void pick_lane(XMMReg *d, unsigned to, const XMMReg *s, unsigned from, bool is_double)
{
    for (unsigned half = 0; half < 2; half++) {
        if (is_double)
            d->q[2 * half + to] = s->q[2 * half + from];
        else
            d->l[4 * half + to] = s->l[4 * half + from];
    }
}

/* DPPS and DPPD: the products, then the sums; an unmasked exception ends it at its step. */
static uint32_t run_dot_product(CPUState *cpu, bool is_double, XMMReg *out, XMMReg *a, XMMReg *b, uint8_t imm,
                                uint32_t csr, uint32_t unmasked, unsigned bytes)
{
    const VecInfo *mul = &vec_info[is_double ? VEC_MULPD : VEC_MULPS], *add = &vec_info[is_double ? VEC_ADDPD : VEC_ADDPS];
    unsigned lanes = is_double ? 2 : 4;
    XMMReg zero = { .q = { 0 } }, p = zero, left = zero, right = zero;
    uint32_t raised;

    for (unsigned i = 0; i < lanes; i++) {
        if (!(imm >> (4 + i) & 1)) {
            pick_lane(a, i, &zero, 0, is_double);
            pick_lane(b, i, &zero, 0, is_double);
        }
    }
    raised = run_row(cpu, mul, &p, a, b, 0, csr, unmasked, bytes);
    if (!is_double && !(raised & unmasked)) {
        for (unsigned i = 0; i < 2; i++) {
            pick_lane(&left, i, &p, 2 * i, false);
            pick_lane(&right, i, &p, 2 * i + 1, false);
        }
        raised |= run_row(cpu, add, &p, &left, &right, 0, csr, unmasked, bytes);
    }
    if (!(raised & unmasked)) {
        left = right = zero;
        pick_lane(&left, 0, &p, 0, is_double);
        pick_lane(&right, 0, &p, 1, is_double);
        raised |= run_row(cpu, add, &p, &left, &right, 0, csr, unmasked, bytes);
    }
    for (unsigned i = 0; i < lanes; i++)
        pick_lane(out, i, imm >> i & 1 ? &p : &zero, 0, is_double);
    return raised;
}

/* A row of which some exception is unmasked: scratch registers 0 to 2 to 3, or #XM. */
void helper_sse_exact(CPUState *cpu, uint32_t what)
{
    X86CPU *env = x86_cpu(cpu);
    const VecInfo *v = &vec_info[what & 0xffff];
    uint32_t before = cpu_fp_get(cpu), unmasked = ~(env->mxcsr >> MXCSR_MASKS_SHIFT) & MXCSR_FLAGS, raised;
    uint32_t csr = before & ~(uint32_t)MXCSR_FLAGS & (unmasked & MXCSR_UE ? ~(uint32_t)MXCSR_FTZ : ~0u);
    XMMReg out = { .q = { 0 } }, *a = &env->scratch[0], *b = &env->scratch[1];
    uint8_t imm = (uint8_t)(what >> 16);
    bool wide = what >> 24;

    if (v->map == 3 && (v->op == 0x40 || v->op == 0x41))
        raised = run_dot_product(cpu, v->op == 0x41, &out, a, b, imm, csr, unmasked, wide ? 32 : 16);
    else
        raised = run_row(cpu, v, &out, a, b, imm, csr, unmasked, wide ? 32 : 16);
    cpu_fp_set(cpu, before | raised);
    if (raised & unmasked)
        raise_exception(env, env->cr[4] & CR4_OSXMMEXCPT ? EXCP13_SIMD : EXCP06_ILLOP, HELPER_RETADDR());
    env->scratch[3] = out;
}

/* ---- MXCSR ---- */

void helper_ldmxcsr(CPUState *cpu, uint32_t value)
{
    if (value & ~(uint32_t)MXCSR_VALID)
        raise_exception_err(x86_cpu(cpu), EXCP0D_GPF, 0, HELPER_RETADDR());
    cpu_x86_set_mxcsr(x86_cpu(cpu), value);
}

uint32_t helper_stmxcsr(CPUState *cpu)
{
    return cpu_x86_get_mxcsr(x86_cpu(cpu));
}

/* ---- Mask moves ---- */

void x86_probe_write(X86CPU *env, uint64_t va, uint32_t bytes, uintptr_t ra)
{
    uint32_t first = (uint32_t)(PAGE_SIZE_ - (va & ~PAGE_MASK));

    if (first > bytes)
        first = bytes;
    tlb_probe(&env->parent, va, first, ACCESS_WRITE, x86_mmu_mode(env), false, NULL, ra);
    if (first < bytes)
        tlb_probe(&env->parent, va + first, bytes - first, ACCESS_WRITE, x86_mmu_mode(env), false, NULL, ra);
}

/* All bytes are checked for the write, also those that the mask leaves alone, as AMD processors do. */
void helper_maskmov(CPUState *cpu, uint64_t va, uint32_t bytes)
{
    X86CPU *env = x86_cpu(cpu);
    const uint8_t *data = env->scratch[0].b, *mask = env->scratch[1].b;
    uint64_t wrap = env->hflags & HF_CS64 ? ~0ull : 0xffffffff;

    x86_probe_write(env, va, bytes, HELPER_RETADDR());
    for (unsigned i = 0; i < bytes; i++) {
        if (mask[i] & 0x80)
            cpu_stb(cpu, (va + i) & wrap, data[i], x86_mmu_mode(env), HELPER_RETADDR());
    }
}

/* ---- AVX: elements chosen by a mask, and gathers ---- */

static bool mask_sign(const XMMReg *mask, unsigned i, unsigned bytes)
{
    return mask->b[(i + 1) * bytes - 1] & 0x80;
}

static MemOp element_op(const X86CPU *env, unsigned bytes)
{
    return (bytes == 8 ? MO_64 : MO_32) | (env->hflags & HF_ALIGN ? MO_ALIGN : 0);
}

/* Linear address of an element at an offset of a segment; elements are checked one by one. */
static uint64_t element_address(X86CPU *env, unsigned seg, uint64_t offset, unsigned bytes, bool write, uintptr_t ra)
{
    if (env->hflags & HF_CS64)
        return seg >= R_FS ? offset + env->segs[seg].base : offset;
    offset = (uint32_t)offset;
    if (!x86_seg_access_ok(env, (int)seg, offset, bytes, write))
        x86_raise_seg_fault(env, (int)seg, ra);
    return (uint32_t)(offset + env->segs[seg].base);
}

/* scratch[1] chooses: loads into scratch[2] with zeros elsewhere, or stores of scratch[0]. how: bytes of an element |
 * elements << 8 | store << 16 | segment << 20 | address size << 24, at which offsets wrap. */
void helper_vmaskmov(CPUState *cpu, uint64_t offset, uint32_t how)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned bytes = how & 0xff, n = how >> 8 & 0xff, seg = how >> 20 & 7, at = how >> 24;
    bool store = how >> 16 & 1;
    uint64_t address[8], v, wrap = at == MO_64 ? ~0ull : at == MO_32 ? 0xffffffff : 0xffff;
    const XMMReg *mask = &env->scratch[1];
    XMMReg out = { .q = { 0 } };
    MemOpIdx oi = MEMOPIDX(element_op(env, bytes), x86_mmu_mode(env));

    for (unsigned i = 0; i < n; i++) { /* nothing is written before all may be */
        if (!mask_sign(mask, i, bytes))
            continue;
        address[i] = element_address(env, seg, (offset + i * bytes) & wrap, bytes, store, HELPER_RETADDR());
        if (store) {
            x86_probe_write(env, address[i], bytes, HELPER_RETADDR());
        } else {
            v = cpu_ld(cpu, address[i], oi, HELPER_RETADDR());
            memcpy(&out.b[i * bytes], &v, bytes);
        }
    }
    for (unsigned i = 0; store && i < n; i++) {
        if (mask_sign(mask, i, bytes)) {
            v = bytes == 8 ? env->scratch[0].q[i] : env->scratch[0].l[i];
            cpu_st(cpu, address[i], v, oi, HELPER_RETADDR());
        }
    }
    env->scratch[2] = out;
}

/* Fields of what avx_gather in emit-avx.c says. */
typedef struct Gather {
    unsigned dst, mask, index, scale, bytes, index_bytes, vector, seg;
    uint64_t address_mask;
} Gather;

static Gather gather_of(uint32_t how)
{
    Gather g = { .dst = how & 15, .mask = how >> 4 & 15, .index = how >> 8 & 15, .scale = how >> 12 & 3,
                 .bytes = how >> 14 & 1 ? 8 : 4, .index_bytes = how >> 15 & 1 ? 8 : 4, .vector = how >> 16 & 1 ? 32 : 16,
                 .seg = how >> 24 & 7 };

    g.address_mask = (how >> 20 & 15) == MO_64 ? ~0ull : 0xffffffff;
    return g;
}

static uint64_t gather_address(X86CPU *env, const Gather *g, uint64_t base, unsigned i, uintptr_t ra)
{
    const XMMReg *index = &env->xmm[g->index];
    int64_t n = g->index_bytes == 8 ? (int64_t)index->q[i] : (int32_t)index->l[i];

    return element_address(env, g->seg, (base + ((uint64_t)n << g->scale)) & g->address_mask, g->bytes, false, ra);
}

/* Elements done lose their mask, so that a fault continues where it was; SDM vol. 2, VGATHERDPS. */
void helper_vgather(CPUState *cpu, uint64_t base, uint32_t how)
{
    X86CPU *env = x86_cpu(cpu);
    Gather g = gather_of(how);
    unsigned n = g.vector / (g.bytes > g.index_bytes ? g.bytes : g.index_bytes);
    XMMReg *dst = &env->xmm[g.dst], *mask = &env->xmm[g.mask];
    MemOpIdx oi = MEMOPIDX(element_op(env, g.bytes), x86_mmu_mode(env));

    for (unsigned i = 0; i < n; i++) {
        if (mask_sign(mask, i, g.bytes)) {
            uint64_t v = cpu_ld(cpu, gather_address(env, &g, base, i, HELPER_RETADDR()), oi, HELPER_RETADDR());
            memcpy(&dst->b[i * g.bytes], &v, g.bytes);
        }
        memset(&mask->b[i * g.bytes], 0, g.bytes);
    }
    memset(mask, 0, sizeof(*mask));
    memset(&dst->b[n * g.bytes], 0, sizeof(*dst) - n * g.bytes);
}

/* ---- SSE4A ---- */

static uint64_t field_mask(uint64_t control)
{
    unsigned length = control & 63; /* 0 is 64 */
    return length ? (1ull << length) - 1 : ~0ull;
}

uint64_t helper_extrq(uint64_t a, uint64_t b, uint64_t control)
{
    (void)b;
    return a >> (control >> 8 & 63) & field_mask(control);
}

uint64_t helper_insertq(uint64_t a, uint64_t b, uint64_t control)
{
    unsigned position = control >> 8 & 63;
    uint64_t mask = field_mask(control);
    return (a & ~(mask << position)) | (b & mask) << position;
}

/* ---- PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM ---- */

enum { STR_WORDS = 1, STR_SIGNED = 2, STR_NEGATE = 0x10, STR_VALID_ONLY = 0x20, STR_LAST = 0x40,
       STR_IMPLICIT = 0x100, STR_INDEX = 0x200, STR_REXW = 0x400 };
enum { STR_EQUAL_ANY, STR_RANGES, STR_EQUAL_EACH, STR_EQUAL_ORDERED };

static int string_element(const XMMReg *x, unsigned i, uint32_t how)
{
    if (how & STR_WORDS)
        return how & STR_SIGNED ? (int16_t)x->w[i] : x->w[i];
    return how & STR_SIGNED ? (int8_t)x->b[i] : x->b[i];
}

static unsigned implicit_length(const XMMReg *x, unsigned count, uint32_t how)
{
    unsigned n = 0;

    while (n < count && string_element(x, n, how))
        n++;
    return n;
}

/* The magnitude of EAX or EDX (RAX, RDX with REX.W), saturated to the number of elements. */
static unsigned explicit_length(uint64_t reg, unsigned count, uint32_t how)
{
    int64_t n = how & STR_REXW ? (int64_t)reg : (int32_t)reg;
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    return magnitude < count ? (unsigned)magnitude : count;
}

/* Bit i of the result: the aggregation for element i of b; la and lb are the valid lengths. */
static bool aggregate(const XMMReg *a, unsigned la, const XMMReg *b, unsigned lb, unsigned i, unsigned count, uint32_t how)
{
    int v = string_element(b, i, how);

    switch (how >> 2 & 3) {
    case STR_EQUAL_ANY:
        for (unsigned j = 0; i < lb && j < la; j++)
            if (string_element(a, j, how) == v)
                return true;
        return false;
    case STR_RANGES:
        for (unsigned j = 0; i < lb && j + 1 < la; j += 2)
            if (string_element(a, j, how) <= v && v <= string_element(a, j + 1, how))
                return true;
        return false;
    case STR_EQUAL_EACH:
        return i < la && i < lb ? string_element(a, i, how) == v : i >= la && i >= lb;
    default:
        for (unsigned j = 0; j < la && i + j < count; j++)
            if (i + j >= lb || string_element(a, j, how) != string_element(b, i + j, how))
                return false;
        return true;
    }
}

static void string_mask(XMMReg *out, uint32_t bits, uint32_t how)
{
    memset(out, 0, 16);
    if (!(how & STR_LAST)) {
        out->l[0] = bits;
        return;
    }
    for (unsigned i = 0; i < 16; i++)
        out->b[i] = bits >> (how & STR_WORDS ? i / 2 : i) & 1 ? 0xff : 0;
}

uint64_t helper_pcmpstr(CPUState *cpu, uint32_t how, uint64_t rax, uint64_t rdx)
{
    X86CPU *env = x86_cpu(cpu);
    const XMMReg *a = &env->scratch[0], *b = &env->scratch[1];
    unsigned count = how & STR_WORDS ? 8 : 16, index;
    unsigned la = how & STR_IMPLICIT ? implicit_length(a, count, how) : explicit_length(rax, count, how);
    unsigned lb = how & STR_IMPLICIT ? implicit_length(b, count, how) : explicit_length(rdx, count, how);
    uint32_t bits = 0, flags;

    for (unsigned i = 0; i < count; i++)
        bits |= (uint32_t)aggregate(a, la, b, lb, i, count, how) << i;
    if (how & STR_NEGATE)
        bits ^= how & STR_VALID_ONLY ? (1u << lb) - 1 : (1u << count) - 1;
    flags = (bits ? CC_C : 0) | (lb < count ? CC_Z : 0) | (la < count ? CC_S : 0) | (bits & 1 ? CC_O : 0);
    if (!(how & STR_INDEX))
        string_mask(&env->scratch[2], bits, how);
    index = !bits ? count : how & STR_LAST ? 31 - (unsigned)__builtin_clz(bits) : (unsigned)__builtin_ctz(bits);
    return flags | (uint64_t)index << 32;
}
