/* SPDX-License-Identifier: MIT */
/*
 * SIMD and floating-point operations as C functions on vectors (VecCall, tcg/vec.h), shared by AdvSIMD and Neon: vec-int.c,
 * vec-fp.c, vec-crypto.c. Operand a is Vn, b is Vm, c the old Vd. simd.def lists the names: vc_NAME.
 *
 * The immediate of a call (VI()): bytes of the result that count (the rest become zero; an S register is 4 bytes), log2
 * of the element's bytes, a flag (integers: the upper half is source or destination; floating point: Neon's standard
 * FPSCR instead of FPCR), and 8 bits of the operation's own.
 */
#ifndef TARGET_ARM_SIMD_H
#define TARGET_ARM_SIMD_H

#include "cpu.h"
#include "fpu.h"
#include "tcg/vec.h"

#define VI(bytes, esz, flag, param) \
    ((uint16_t)((bytes) | (unsigned)(esz) << 5 | (unsigned)(flag) << 7 | (unsigned)(param) << 8))
static inline unsigned vi_bytes(uint32_t imm) { return imm & 31; }
static inline unsigned vi_esz(uint32_t imm) { return imm >> 5 & 3; }
static inline bool vi_flag(uint32_t imm) { return imm >> 7 & 1; }
static inline unsigned vi_param(uint32_t imm) { return imm >> 8 & 0xff; }

#define SIMD(name) extern const VecCall vc_##name;
#include "simd.def"
#undef SIMD

/* Element i of 1 << esz bytes. */
static inline uint64_t lane_get(const ARMVReg *v, unsigned esz, unsigned i)
{
    switch (esz) {
    case 0: return v->b[i];
    case 1: return v->h[i];
    case 2: return v->s[i];
    default: return v->d[i];
    }
}
static inline void lane_set(ARMVReg *v, unsigned esz, unsigned i, uint64_t x)
{
    switch (esz) {
    case 0: v->b[i] = (uint8_t)x; break;
    case 1: v->h[i] = (uint16_t)x; break;
    case 2: v->s[i] = (uint32_t)x; break;
    default: v->d[i] = x; break;
    }
}

/* ---- Floating point ---- */

/* The format of elements of 1 << esz bytes. */
static inline FpFormat arm_fp_format(unsigned esz) { return esz == 1 ? FP_F16 : esz == 2 ? FP_F32 : FP_F64; }
/* What FPCR says; standard: Neon's fixed choice (flush, default NaN, to nearest). */
FpEnv arm_fp_env(const ARMCPU *env, bool standard);
/* The same for conversions between formats, in which FZ16 has no part. */
FpEnv arm_fp_env_convert(const ARMCPU *env, bool standard);
/* Adds the raised flags to FPSR. */
void arm_fp_raise(ARMCPU *env, const FpEnv *e);
FpBits arm_fp_recip_estimate(unsigned esz, FpBits a, FpEnv *e);
FpBits arm_fp_rsqrt_estimate(unsigned esz, FpBits a, FpEnv *e);
/* 9-bit estimates of 1/x and 1/sqrt(x): Arm ARM RecipEstimate(), RecipSqrtEstimate(). */
unsigned arm_recip_estimate(unsigned a);
unsigned arm_rsqrt_estimate(unsigned a);
/* Parameter of conversions to integers: rounding for fbits = 0, or fbits with rounding toward zero. */
#define CVT_ROUND(round) (0x80 | (round))
#define CVT_FIXED(fbits) (fbits)

#endif
