/* SPDX-License-Identifier: MIT */
/* What the translators of AdvSIMD, Neon and VFP share: vector operations on IR values (translate-simd.c). */
#ifndef TARGET_ARM_TRANSLATE_SIMD_H
#define TARGET_ARM_TRANSLATE_SIMD_H

#include "helper.h"
#include "simd.h"
#include "translate.h"

/* Element sizes as log2 of bytes. */
enum { E8, E16, E32, E64 };

/*
 * An integer operation on two vectors: a host row per element size, or `emit` (which may decline), or the function. Only
 * the low `bytes` of the result count; the rest is zero.
 */
typedef struct SimdOp {
    uint16_t row[4];  /* VecRow + 1 */
    const VecCall *call;
    bool (*emit)(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal a, IRVal b, IRVal c);
    bool swap;        /* the row takes b, a */
} SimdOp;
#define ROW4(a, b, c, d) { VEC_##a + 1, VEC_##b + 1, VEC_##c + 1, VEC_##d + 1 }
#define ROW3(a, b, c) { VEC_##a + 1, VEC_##b + 1, VEC_##c + 1, 0 }
extern const SimdOp simd_add, simd_sub, simd_and, simd_or, simd_xor, simd_bic, simd_cmeq, simd_cmgt, simd_cmge, simd_cmhi,
    simd_cmhs, simd_cmtst, simd_smax, simd_smin, simd_umax, simd_umin, simd_mul, simd_mla, simd_mls, simd_sabd, simd_uabd,
    simd_saba, simd_uaba, simd_urhadd, simd_abs, simd_neg, simd_zip1, simd_zip2, simd_uzp1, simd_uzp2, simd_trn1, simd_trn2,
    simd_addp, simd_umaxp, simd_uminp, simd_smaxp, simd_sminp, simd_not;
void simd_op(DisasContext *s, const SimdOp *op, unsigned esz, unsigned bytes, IRVal dst, IRVal a, IRVal b, IRVal c);
/* A function alone. */
static inline void simd_call(DisasContext *s, const VecCall *call, uint16_t imm, IRVal dst, IRVal a, IRVal b, IRVal c)
{
    ir_vcall(s->ir, call, dst, a, b, c, imm);
}
static inline void simd_row(DisasContext *s, unsigned row, IRVal dst, IRVal a, IRVal b)
{
    ir_vop(s->ir, row, dst, a, b, IR_NONE, 0);
}

/* dst = the low `bytes` (1, 2, 4, 8, 16) of v, zero above. */
void simd_zero_above(DisasContext *s, IRVal dst, IRVal v, unsigned bytes);
IRVal simd_zero(DisasContext *s);
/* A vector whose halves are both value. */
IRVal simd_const(DisasContext *s, uint64_t value);
/* dst = value, zero above. By way of an integer register: hosts read a vector slowly that was just written to memory in pieces. */
void simd_set_low(DisasContext *s, IRVal dst, uint64_t value);
uint64_t simd_repeat(unsigned esz, uint64_t element); /* 64 bits of equal elements */
/* Every element of the low `bytes` = element index of v, or the low bits of an integer. */
void simd_dup_element(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal v, unsigned index);
void simd_dup_int(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal value);
/* Element index of v to an I64, zero- or sign-extended; and back into v. */
void simd_extract(DisasContext *s, unsigned esz, bool is_signed, IRVal dst, IRVal v, unsigned index);
void simd_insert(DisasContext *s, unsigned esz, IRVal dst, IRVal v, IRVal value, unsigned index);
/* AND BIC ORR ORN, EOR BSL BIT BIF */
void simd_logic(DisasContext *s, unsigned which, unsigned bytes, IRVal d, IRVal n, IRVal m);
/* Shifts by an immediate (right: 1 to the width); false: use the function. */
bool simd_shift_left(DisasContext *s, unsigned esz, IRVal dst, IRVal a, unsigned n);
bool simd_shift_right(DisasContext *s, unsigned esz, bool is_signed, IRVal dst, IRVal a, unsigned n);

/* SHR 0, SRA 1, SRI 4 (u), SHL and (u) SLI 5, all of t; d: the destination's old value. False: use the function. */
bool simd_shift_same(DisasContext *s, bool u, unsigned op, unsigned esz, IRVal t, IRVal v, unsigned n, IRVal d);

/* t = the bytes of a table that index names; behind its `bytes` bytes 0, or (old is not IR_NONE) what old has. parts: its registers
 * of 16 bytes. t is none of the others. */
void simd_table(DisasContext *s, IRVal t, const IRVal *parts, unsigned bytes, IRVal index, IRVal old);

/* AESE 4, AESD 5, AESMC 6, AESIMC 7 (translate-a64-crypto.c). */
void simd_aes(DisasContext *s, unsigned opcode, IRVal d, IRVal n);

/* The low halves of the wide elements of a, shifted right by n, as XTN and SHRN: to the low half, or behind that of old. */
void simd_narrow(DisasContext *s, unsigned esz, unsigned n, bool upper, IRVal dst, IRVal a, IRVal old);

/* ---- Memory: 1 << esz bytes (esz 4: 16), zero above, in the TB's byte order ---- */
void simd_ld(DisasContext *s, unsigned esz, IRVal dst, IRVal addr);
void simd_st(DisasContext *s, unsigned esz, IRVal v, IRVal addr);
/*
 * The memory image of `selem` interleaved registers of `bytes`: pieces[] (as many, in memory order) to regs[], and back. The
 * outputs are temps made here.
 */
void simd_unzip(DisasContext *s, unsigned esz, unsigned bytes, unsigned selem, IRVal *regs, const IRVal *pieces);
void simd_zip(DisasContext *s, unsigned esz, unsigned bytes, unsigned selem, IRVal *pieces, const IRVal *regs);

/* ---- Floating point ---- */

/* A floating-point operation: the function, and with host instructions for s, d, 4s, 2d. */
typedef struct FpOp {
    const VecCall *call, *host[4];
    bool whole; /* the 4s form must not see the upper half of a 2s operand (division) */
} FpOp;
extern const FpOp fp_op_add, fp_op_sub, fp_op_mul, fp_op_div, fp_op_sqrt;
/* c + a * b, c - a * b, -c - a * b, a * b - c */
extern const FpOp fp_op_fma, fp_op_fms, fp_op_fnma, fp_op_fnms;
/* a + -b, -b + a: as add and sub but for the signs of NaNs */
extern const FpOp fp_op_add_negated, fp_op_sub_negated;
/* Scalar when bytes is 1 << esz. standard: Neon's FPSCR. dst is zero above `bytes`. c is the addend of fused operations. */
void simd_fp(DisasContext *s, const FpOp *op, unsigned esz, unsigned bytes, bool standard, IRVal dst, IRVal a, IRVal b, IRVal c);
/* The same for a scalar in the low lane; what is above in dst has no meaning. */
void simd_fp_lane(DisasContext *s, const FpOp *op, unsigned esz, IRVal dst, IRVal a, IRVal b, IRVal c);
static inline bool simd_fp_exact(const DisasContext *s) { return s->flags & TBF_FP_EXACT; }
/* Sign changes: clear it, flip it. */
void simd_fp_abs(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal a);
void simd_fp_neg(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal a);
/* Changes the sign of the low lane only. */
void simd_fp_neg_lane(DisasContext *s, unsigned esz, IRVal dst, IRVal a);
/* The host's flags (I32) of a scalar comparison as CC_FCMP has them, or NONE: use simd_fp_compare. */
IRVal simd_fp_compare_flags(DisasContext *s, unsigned esz, IRVal a, IRVal b, bool signal_all);
IRVal simd_fp_flags_to_nzcv(DisasContext *s, IRVal flags);
/* NZCV (I64, bits 31-28) of a scalar comparison; signal_all: quiet NaNs are invalid too. */
IRVal simd_fp_compare(DisasContext *s, unsigned esz, IRVal a, IRVal b, bool signal_all);
/* Elementwise comparison to masks. */
typedef enum FpVecCompare { FPV_EQ, FPV_GE, FPV_GT } FpVecCompare;
void simd_fp_mask(DisasContext *s, FpVecCompare how, unsigned esz, unsigned bytes, bool standard, IRVal dst, IRVal a, IRVal b);
/* To an integral value. rounding: FpRound, 8 = FPCR's; 16 = raises inexact. */
void simd_fp_round(DisasContext *s, unsigned esz, unsigned bytes, bool standard, unsigned rounding, IRVal dst, IRVal a);
/* Scalar between formats (esz). */
void simd_fp_convert(DisasContext *s, unsigned to, unsigned from, IRVal dst, IRVal a);
/* Scalar to integer (I64, extended as sf says) and from one (I64); as FCVT* and *CVTF. how: CVT_ROUND, CVT_FIXED */
void simd_fp_to_int(DisasContext *s, unsigned esz, bool sf, bool is_signed, unsigned how, IRVal dst, IRVal a);
void simd_fp_from_int(DisasContext *s, unsigned esz, bool sf, bool is_signed, unsigned fbits, IRVal dst, IRVal value);
/* FP immediate of VMOV and FMOV. */
uint64_t simd_fp_expand_imm(unsigned esz, unsigned imm8);
/* Modified immediate of MOVI and its kin (cmode, op), 64 bits. */
uint64_t simd_expand_imm(unsigned cmode, unsigned op, unsigned imm8);

/* Rounding of FPCR.RMode values and of the FRINT*, FCVT* suffixes N P M Z. */
static inline FpRound arm_rounding(unsigned rmode) { return (const uint8_t[]){ FP_NEAREST, FP_UP, FP_DOWN, FP_ZERO }[rmode & 3]; }

#endif
