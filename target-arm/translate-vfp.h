/* SPDX-License-Identifier: MIT */
/* AArch32 views of the vector registers, shared by VFP and Neon (translate-vfp.c). */
#ifndef TARGET_ARM_TRANSLATE_VFP_H
#define TARGET_ARM_TRANSLATE_VFP_H

#include "translate-simd.h"

/* A vector whose lane 0 is register reg: Sn (esz E16, E32) or Dn (E64). Other lanes hold anything. */
IRVal vfp_get(DisasContext *s, unsigned esz, unsigned reg);
/* Lane 0 of v to a register; the rest of the quadword stays. */
void vfp_set(DisasContext *s, unsigned esz, unsigned reg, IRVal v);
/* Bytes (8 or 16) of registers from Dn. */
IRVal neon_get(DisasContext *s, bool q, unsigned dreg);
void neon_set(DisasContext *s, bool q, unsigned dreg, IRVal v);
/* Consecutive registers from reg, of which `left` are to be moved, begin with a whole quadword: one access does for two. */
bool vfp_pair(const DisasContext *s, unsigned esz, unsigned reg, unsigned left);
/* Checks access to FP and SIMD, and FPEXC.EN; false when a trap or UNDEFINED was generated. */
bool vfp_check(DisasContext *s);

static inline bool vfp_has(const DisasContext *s, ARMFeature f) { return arm_feature(s->env, f); }
/* Register number of a VFP operand: size 1 half, 2 single, 3 double. */
static inline unsigned vfp_reg(unsigned size, unsigned v, unsigned low) { return size == 3 ? low << 4 | v : v << 1 | low; }
/* D16-D31 exist. */
static inline bool vfp_dreg_ok(const DisasContext *s, unsigned d) { return d < 16 || vfp_has(s, ARM_FEATURE_VFP_D32); }

#endif
