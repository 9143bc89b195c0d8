/* SPDX-License-Identifier: MIT */
/*
 * FPCR, FPSR and FPSCR, and the scalar floating-point helpers. The sticky flags of generated code's own arithmetic gather in
 * the host's control register (MXCSR), those of exact functions in env->fpsr; reading FPSR joins them. The host's
 * denormal flag is not Arm's (which means a flushed operand) and is ignored; flushing is never asked of the host.
 */
#include "helper.h"
#include "simd.h"

enum { HOST_MASKS = 0x1f80, HOST_FLAGS = 0x3f, HOST_ROUND_SHIFT = 13 };
#define FPSCR_LEN_STRIDE 0x370000u

static uint32_t host_control(const ARMCPU *env)
{
    static const uint8_t rounding[4] = { 0, 2, 1, 3 }; /* Arm: nearest, up, down, zero; MXCSR: nearest, down, up, zero */
    return HOST_MASKS | (uint32_t)rounding[env->fpcr >> FPCR_RMODE_SHIFT & 3] << HOST_ROUND_SHIFT;
}

/* Moves what the host has raised to env->fpsr. */
static void gather_flags(ARMCPU *env)
{
    FpEnv e = { .flags = cpu_fp_get(&env->parent) & (HOST_FLAGS & ~FPX_DENORMAL) };

    arm_fp_raise(env, &e);
    cpu_fp_set(&env->parent, host_control(env));
}

uint32_t arm_get_fpcr(ARMCPU *env) { return env->fpcr; }

static uint32_t fpscr_nzcv(const ARMCPU *env)
{
    return env->fp_nzcv & FP_NZCV_HOST ? arm_fcmp_nzcv(env->fp_nzcv) : env->fp_nzcv;
}

uint32_t arm_get_fpsr(ARMCPU *env)
{
    gather_flags(env);
    return env->fpsr | fpscr_nzcv(env);
}

static uint32_t fpcr_writable(const ARMCPU *env)
{
    uint32_t mask = FPCR_AHP | FPCR_DN | FPCR_FZ | 3u << FPCR_RMODE_SHIFT;

    if (arm_feature(env, ARM_FEATURE_FP16))
        mask |= FPCR_FZ16;
    /* AArch64 keeps them for AArch32 software. */
    if (arm_feature(env, ARM_FEATURE_VFP_VECTORS) || arm_feature(env, ARM_FEATURE_AARCH64))
        mask |= FPSCR_LEN_STRIDE;
    return mask;
}

void arm_set_fpcr(ARMCPU *env, uint32_t value)
{
    gather_flags(env);
    env->fpcr = value & fpcr_writable(env);
    cpu_fp_set(&env->parent, host_control(env));
    arm_rebuild_hflags(env);
}

void arm_set_fpsr(ARMCPU *env, uint32_t value)
{
    cpu_fp_set(&env->parent, host_control(env));
    env->fpsr = value & (FPSR_FLAGS | FPSR_QC);
    env->fp_nzcv = value & 0xf0000000u;
}

uint32_t arm_get_fpscr(ARMCPU *env) { return arm_get_fpcr(env) | arm_get_fpsr(env); }

void arm_set_fpscr(ARMCPU *env, uint32_t value)
{
    arm_set_fpsr(env, arm_feature(env, ARM_FEATURE_NEON) || arm_feature(env, ARM_FEATURE_AARCH64) ? value : value & ~(uint32_t)FPSR_QC);
    arm_set_fpcr(env, value);
}

uint32_t arm_fp_hflags(const ARMCPU *env) { return env->fpcr & FPCR_FZ ? TBF_FP_EXACT : 0; }

void arm_fp_reset(ARMCPU *env)
{
    env->fpcr = env->fpsr = env->fp_nzcv = 0;
    cpu_fp_set(&env->parent, host_control(env));
}

/* ---- Helpers ---- */

uint64_t helper_get_fpcr(CPUState *cpu) { return arm_get_fpcr(arm_cpu(cpu)); }
uint64_t helper_get_fpsr(CPUState *cpu) { return arm_get_fpsr(arm_cpu(cpu)); }
uint64_t helper_get_fpscr(CPUState *cpu) { return arm_get_fpscr(arm_cpu(cpu)); }
uint64_t helper_get_fpscr_nzcv(CPUState *cpu) { return fpscr_nzcv(arm_cpu(cpu)); }
void helper_set_fpcr(CPUState *cpu, uint64_t value) { arm_set_fpcr(arm_cpu(cpu), (uint32_t)value); }
void helper_set_fpsr(CPUState *cpu, uint64_t value) { arm_set_fpsr(arm_cpu(cpu), (uint32_t)value); }
void helper_set_fpscr(CPUState *cpu, uint64_t value) { arm_set_fpscr(arm_cpu(cpu), (uint32_t)value); }

uint64_t helper_fp_compare(CPUState *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const uint32_t nzcv[] = { 8, 6, 2, 3 }; /* less, equal, greater, unordered */
    FpEnv e = arm_fp_env(arm_cpu(cpu), false);
    FpRelation r = fp_compare(arm_fp_format(how & 3), a, b, !(how & 4), &e);

    arm_fp_raise(arm_cpu(cpu), &e);
    return (uint64_t)nzcv[r + 1] << 28;
}

/* Magnitude mant * 2^-shift (0 < shift < 63) to an integer; *inexact: something was cut off. */
static uint64_t round_magnitude(uint64_t mant, unsigned shift, bool sign, FpRound round, bool *inexact)
{
    uint64_t v = mant >> shift, rest = mant & ((1ull << shift) - 1), half = 1ull << (shift - 1);

    *inexact = rest;
    switch (round) {
    case FP_NEAREST: return v + (rest > half || (rest == half && v & 1));
    case FP_AWAY: return v + (rest >= half);
    case FP_UP: return v + (!sign && rest);
    case FP_DOWN: return v + (sign && rest);
    default: return v;
    }
}

/* Single or double, normal and well inside the integer's range: false for all others. */
static bool to_int_quick(ARMCPU *env, uint64_t a, unsigned esz, unsigned bits, bool is_signed, FpRound round, uint64_t *r)
{
    unsigned frac = esz == 2 ? 23 : 52, max = esz == 2 ? 255 : 2047, exp = (unsigned)(a >> frac) & max;
    int shift = (int)frac - ((int)exp - (int)(max >> 1));
    bool sign = a >> (esz == 2 ? 31 : 63) & 1, inexact = false;
    uint64_t v = (a & ((1ull << frac) - 1)) | 1ull << frac;

    if (esz < 2 || !exp || shift >= 63 || (int)frac - shift >= (int)bits - 2 || (sign && !is_signed) || round > FP_AWAY)
        return false;
    v = shift > 0 ? round_magnitude(v, (unsigned)shift, sign, round, &inexact) : v << -shift;
    if (inexact)
        env->fpsr |= FPSR_IXC;
    *r = sign ? 0 - v : v;
    if (bits == 32)
        *r = (uint32_t)*r;
    return true;
}

uint64_t helper_fp_to_int(CPUState *cpu, uint64_t a, uint32_t how)
{
    unsigned esz = how & 3, bits = how & 4 ? 64 : 32, p = how >> 8 & 0xff;
    uint64_t quick;

    if ((!p || (p & 0x80 && (p & 7) != 7)) &&
        to_int_quick(arm_cpu(cpu), a, esz, bits, how & 8, p ? (FpRound)(p & 7) : FP_ZERO, &quick))
        return quick;
    FpEnv e = arm_fp_env(arm_cpu(cpu), false);
    FpRound round = p & 0x80 ? (p & 7) == 7 ? (FpRound)e.round : (FpRound)(p & 7) : FP_ZERO;
    uint64_t r = (uint64_t)fp_to_int(arm_fp_format(esz), a, bits, how & 8, p & 0x80 ? 0 : (int)p, round, &e);

    arm_fp_raise(arm_cpu(cpu), &e);
    return r;
}

/* Truncation: x86 gives its indefinite integer for all that Arm saturates, and raises the same. */
#define TO_INT_HOW(esz, sf) ((esz) | (sf) << 2 | 8 | CVT_ROUND(FP_ZERO) << 8)
uint64_t helper_fp_trunc_s(CPUState *cpu, uint64_t a, uint32_t sf)
{
#if defined(__x86_64__)
    uint32_t bits = (uint32_t)a;
    float x;
    __builtin_memcpy(&x, &bits, 4);
    if (sf) {
        int64_t r;
        __asm__ volatile("cvttss2si %1, %0" : "=r"(r) : "x"(x));
        if (r != INT64_MIN)
            return (uint64_t)r;
    } else {
        int32_t r;
        __asm__ volatile("cvttss2si %1, %0" : "=r"(r) : "x"(x));
        if (r != INT32_MIN)
            return (uint32_t)r;
    }
#endif
    return helper_fp_to_int(cpu, a, TO_INT_HOW(2, sf));
}

uint64_t helper_fp_trunc_d(CPUState *cpu, uint64_t a, uint32_t sf)
{
#if defined(__x86_64__)
    double x;
    __builtin_memcpy(&x, &a, 8);
    if (sf) {
        int64_t r;
        __asm__ volatile("cvttsd2si %1, %0" : "=r"(r) : "x"(x));
        if (r != INT64_MIN)
            return (uint64_t)r;
    } else {
        int32_t r;
        __asm__ volatile("cvttsd2si %1, %0" : "=r"(r) : "x"(x));
        if (r != INT32_MIN)
            return (uint32_t)r;
    }
#endif
    return helper_fp_to_int(cpu, a, TO_INT_HOW(3, sf));
}

uint64_t helper_fp_from_int(CPUState *cpu, uint64_t v, uint32_t how)
{
    FpEnv e = arm_fp_env(arm_cpu(cpu), false);
    uint64_t r = (uint64_t)fp_from_int(arm_fp_format(how & 3), v, how & 4 ? 64 : 32, how & 8, (int)(how >> 8 & 0xff), &e);

    arm_fp_raise(arm_cpu(cpu), &e);
    return r;
}

/* Modulo 2^32, as ECMAScript's ToInt32; Z says that nothing was lost. Arm ARM FPToFixedJS(). */
uint64_t helper_fjcvtzs(CPUState *cpu, uint64_t a)
{
    FpEnv e = arm_fp_env(arm_cpu(cpu), false);
    FpBits x = fp_flush(FP_F64, a, &e);
    uint32_t result = 0;
    bool exact = false;

    if (fp_is_nan(FP_F64, x) || fp_is_inf(FP_F64, x)) {
        e.flags |= FPX_INVALID;
    } else {
        int exp = (int)(x >> 52 & 0x7ff) - 1023;
        uint8_t before = e.flags;
        if (exp < 84) {
            FpEnv wide = e;
            FpBits v = fp_to_int(FP_F64, x, 128, true, 0, FP_ZERO, &wide);
            __int128 value = (__int128)v;
            result = (uint32_t)v;
            if (value != (int32_t)value)
                e.flags |= FPX_INVALID;
            else if (wide.flags & FPX_INEXACT)
                e.flags |= FPX_INEXACT;
        } else {
            e.flags |= FPX_INVALID;
        }
        exact = e.flags == before && x != (FpBits)1 << 63;
    }
    arm_fp_raise(arm_cpu(cpu), &e);
    return result | (uint64_t)exact << 32;
}

void helper_set_fpexc(CPUState *cpu, uint64_t value)
{
    ARMCPU *env = arm_cpu(cpu);

    env->fpexc = (uint32_t)value & FPEXC_EN;
    arm_rebuild_hflags(env);
}

/* AArch32 VCVT between floating and fixed point; toward zero, and to nearest the other way. */
uint64_t helper_vfp_fixed(CPUState *cpu, uint64_t v, uint32_t how)
{
    FpEnv e = arm_fp_env(arm_cpu(cpu), false);
    unsigned bits = how & 4 ? 32 : 16;
    bool is_signed = !(how & 8);
    FpFormat f = arm_fp_format(how & 3);
    uint64_t r;

    if (how & 16) {
        r = (uint64_t)fp_to_int(f, v, bits, is_signed, (int)(how >> 8), FP_ZERO, &e);
        if (is_signed)
            r = (uint64_t)((int64_t)(r << (64 - bits)) >> (64 - bits));
        if ((how & 3) != 3)
            r = (uint32_t)r;
    } else {
        e.round = FP_NEAREST;
        r = (uint64_t)fp_from_int(f, v, bits, is_signed, (int)(how >> 8), &e);
    }
    arm_fp_raise(arm_cpu(cpu), &e);
    return r;
}

void helper_vfp_misaligned(CPUState *cpu, uint64_t addr)
{
    cpu->target->unaligned_access(cpu, addr, ACCESS_READ, arm_current_mmu_mode(cpu, false), HELPER_RETADDR());
}

void helper_neon_align(CPUState *cpu, uint64_t addr, uint32_t log2)
{
    if (addr & ((1ull << log2) - 1))
        cpu->target->unaligned_access(cpu, addr, ACCESS_READ, arm_current_mmu_mode(cpu, false), HELPER_RETADDR());
}
