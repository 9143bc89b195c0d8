/* SPDX-License-Identifier: MIT */
/*
 * SSE in C: the path with unmasked exceptions (#XM), the text instructions of SSE4.2, the mask moves and
 * MXCSR. Intel SDM vol. 1, 11.5 (exceptions), vol. 2, 4.1 (PCMPxSTRx).
 */
#include "helper.h"
#include "tcg/vec.h"
#include <string.h>

enum { MXCSR_IE = 1, MXCSR_DE = 2, MXCSR_ZE = 4, MXCSR_OE = 8, MXCSR_UE = 16, MXCSR_PE = 32, MXCSR_FLAGS = 63,
       MXCSR_DAZ = 0x40, MXCSR_MASKS_SHIFT = 7, MXCSR_FTZ = 0x8000, MXCSR_VALID = 0xffff };

/* ---- Unmasked exceptions ---- */

/* Rows whose result may be tiny: additions, products, quotients, narrowing. */
static bool may_underflow(const VecInfo *v)
{
    static const uint8_t ops[] = { 0x58, 0x59, 0x5a, 0x5c, 0x5e, 0x7c, 0x7d, 0xd0 };

    return v->map == 1 && memchr(ops, v->op, sizeof(ops));
}

static bool lanes_are_double(const VecInfo *v)
{
    if (v->op == 0x7c || v->op == 0x7d || v->op == 0xd0) /* HADD, HSUB, ADDSUB: F2 is the packed single form */
        return v->pp == 0x66;
    return v->pp == 0x66 || v->pp == 0xf2;
}

/* A tiny result that is exact raises UE only when UE is unmasked. */
static bool has_denormal(const VecInfo *v, const XMMReg *r)
{
    bool is_double = lanes_are_double(v);
    unsigned lanes = v->flags & VFL_SCALAR ? 1 : is_double ? 2 : 4;

    if (!may_underflow(v))
        return false;
    if (v->op == 0x5a) /* the prefix names the source */
        is_double = !is_double;
    for (unsigned i = 0; i < lanes; i++) {
        if (is_double ? !(r->q[i] >> 52 & 0x7ff) && r->q[i] << 12 : !(r->l[i] >> 23 & 0xff) && r->l[i] << 9)
            return true;
    }
    return false;
}

/* A number far from overflow and underflow that rounds alike: for sums four powers of two less where that
 * keeps it normal, else its significand with the exponent of 1. */
static uint64_t moderate(uint64_t x, unsigned mant_bits, unsigned exp_bits, bool sum, bool daz)
{
    uint64_t exp_mask = ((1ull << exp_bits) - 1) << mant_bits, mant_mask = (1ull << mant_bits) - 1;
    uint64_t exp = x & exp_mask, mant = x & mant_mask, sign = x & ~(exp_mask | mant_mask);

    if (exp == exp_mask || !(exp | mant) || (daz && !exp))
        return x;
    if (sum)
        return exp > 4ull << mant_bits ? x - (4ull << mant_bits) : x;
    while (!exp && !(mant >> mant_bits)) /* denormal */
        mant <<= 1;
    return sign | (exp_mask >> 1 & exp_mask) | (mant & mant_mask);
}

/* With overflow or underflow unmasked, PE says whether the result is inexact with an unbounded exponent. */
static uint32_t inexact_unbounded(CPUState *cpu, const VecInfo *v, const XMMReg *a, const XMMReg *b, uint32_t csr)
{
    bool is_double = lanes_are_double(v), sum = v->op != 0x59 && v->op != 0x5e && v->op != 0x5a;
    XMMReg in[2] = { *a, *b }, out;

    for (unsigned n = 0; n < 2; n++) {
        for (unsigned i = 0; is_double && i < 2; i++)
            in[n].q[i] = moderate(in[n].q[i], 52, 11, sum, csr & MXCSR_DAZ);
        for (unsigned i = 0; !is_double && i < 4; i++)
            in[n].l[i] = (uint32_t)moderate(in[n].l[i], 23, 8, sum, csr & MXCSR_DAZ);
    }
    cpu_fp_set(cpu, csr);
    v->ref(&out, &in[0], &in[1], NULL, 0, 16);
    return cpu_fp_get(cpu) & MXCSR_PE;
}

/*
 * Runs a row with clear flags, all masked, and decides what it raises: flags found before the computation (invalid,
 * denormal, divide) and unmasked hide those found after it. Leaves the control register changed.
 */
static uint32_t run_row(CPUState *cpu, const VecInfo *v, XMMReg *out, const XMMReg *a, const XMMReg *b, uint8_t imm,
                        uint32_t csr, uint32_t unmasked)
{
    uint32_t raised, after;

    cpu_fp_set(cpu, csr);
    v->ref(out, a, b, NULL, imm, 16);
    raised = cpu_fp_get(cpu) & MXCSR_FLAGS;
    if (unmasked & MXCSR_UE && has_denormal(v, out))
        raised |= MXCSR_UE;
    if (raised & unmasked & (MXCSR_IE | MXCSR_DE | MXCSR_ZE))
        return raised & (MXCSR_IE | MXCSR_DE | MXCSR_ZE);
    after = raised & (MXCSR_OE | MXCSR_UE);
    if (after & unmasked && !(after & ~unmasked)) /* masked ones are inexact always */
        raised = (raised & ~(uint32_t)MXCSR_PE) | inexact_unbounded(cpu, v, a, b, csr);
    return raised;
}

/* DPPS and DPPD: the products, then the sums; an unmasked exception ends it at its step. */
static uint32_t run_dot_product(CPUState *cpu, bool is_double, XMMReg *out, XMMReg *a, XMMReg *b, uint8_t imm,
                                uint32_t csr, uint32_t unmasked)
{
    const VecInfo *mul = &vec_info[is_double ? VEC_MULPD : VEC_MULPS], *add = &vec_info[is_double ? VEC_ADDPD : VEC_ADDPS];
    unsigned lanes = is_double ? 2 : 4;
    XMMReg p, q;
    uint32_t raised;

    for (unsigned i = 0; i < lanes; i++) {
        if (imm >> (4 + i) & 1)
            continue;
        if (is_double)
            a->q[i] = b->q[i] = 0;
        else
            a->l[i] = b->l[i] = 0;
    }
    raised = run_row(cpu, mul, &p, a, b, 0, csr, unmasked);
    if (!is_double && !(raised & unmasked)) {
        q = (XMMReg){ .l = { p.l[1], p.l[3] } };
        p = (XMMReg){ .l = { p.l[0], p.l[2] } };
        raised |= run_row(cpu, add, &p, &p, &q, 0, csr, unmasked);
    }
    if (!(raised & unmasked)) {
        q = is_double ? (XMMReg){ .q = { p.q[1] } } : (XMMReg){ .l = { p.l[1] } };
        p = is_double ? (XMMReg){ .q = { p.q[0] } } : (XMMReg){ .l = { p.l[0] } };
        raised |= run_row(cpu, add, &p, &p, &q, 0, csr, unmasked);
    }
    for (unsigned i = 0; i < lanes; i++) {
        if (is_double)
            out->q[i] = imm >> i & 1 ? p.q[0] : 0;
        else
            out->l[i] = imm >> i & 1 ? p.l[0] : 0;
    }
    return raised;
}

/* A row of which some exception is unmasked: scratch registers 0 and 1 to 3, or #XM. */
void helper_sse_exact(CPUState *cpu, uint32_t what)
{
    X86CPU *env = x86_cpu(cpu);
    const VecInfo *v = &vec_info[what & 0xffff];
    uint32_t before = cpu_fp_get(cpu), unmasked = ~(env->mxcsr >> MXCSR_MASKS_SHIFT) & MXCSR_FLAGS, raised;
    uint32_t csr = before & ~(uint32_t)MXCSR_FLAGS & (unmasked & MXCSR_UE ? ~(uint32_t)MXCSR_FTZ : ~0u);
    XMMReg out = { .q = { 0 } }, *a = &env->scratch[0], *b = &env->scratch[1];
    uint8_t imm = (uint8_t)(what >> 16);

    if (v->map == 3 && (v->op == 0x40 || v->op == 0x41))
        raised = run_dot_product(cpu, v->op == 0x41, &out, a, b, imm, csr, unmasked);
    else
        raised = run_row(cpu, v, &out, a, b, imm, csr, unmasked);
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
