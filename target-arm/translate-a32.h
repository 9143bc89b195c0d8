/* SPDX-License-Identifier: MIT */
/*
 * What the emitters of AArch32 instructions share (translate-a32*.c). The decoders are made from a32.decode,
 * a32-uncond.decode, t32.decode and t16.decode; each row's trans function is in the file of its class. A trans function
 * returns false when the instruction is undefined on this CPU or in this state.
 */
#ifndef TARGET_ARM_TRANSLATE_A32_H
#define TARGET_ARM_TRANSLATE_A32_H

#include "helper.h"
#include "translate.h"

#include "target-arm/a32.decode.inc"
#include "target-arm/a32-uncond.decode.inc"
#include "target-arm/t32.decode.inc"
#include "target-arm/t16.decode.inc"

static inline bool a32_has(const DisasContext *s, ARMFeature f) { return arm_feature(s->env, f); }
/* Where a result for register n (not 15) goes. */
static inline IRVal a32_dest(DisasContext *s, unsigned n) { return cpu_x[n]; }
/* Writes register n. 15 branches: to an address of the current instruction set, or (ALU in A32 from v7 on) interworking. */
void a32_set_reg(DisasContext *s, unsigned n, IRVal val);
/* As a load does: r15 interworks from v5T on. */
void a32_set_reg_load(DisasContext *s, unsigned n, IRVal val);
/* This instruction is inside an IT block (s->condexec is already that of the next one). */
static inline bool a32_in_it(const DisasContext *s) { return s->ir->insns[s->ir->ninsns - 1].extra >> 8; }
/* Flags are set by this instruction: s as the decoders give it (2: outside IT blocks). */
static inline bool a32_sets_flags(const DisasContext *s, int set) { return set == 1 || (set == 2 && !a32_in_it(s)); }
/* B<c>: to the instruction's pc value + imm if t. */
void a32_branch_if(DisasContext *s, ARMTest t, uint32_t imm);
/* MOVS pc, LDM ^, RFE, ERET: continues at pc with the given CPSR. */
void a32_exception_return(DisasContext *s, IRVal pc, IRVal cpsr);

typedef struct A32Shifted {
    IRVal val, carry; /* carry: IR_NONE when the shift leaves C alone, or nobody asked */
} A32Shifted;
/* Register shifted by a constant as encoded (LSR 0 = 32, ROR 0 = RRX). */
A32Shifted a32_shift_imm(DisasContext *s, IRVal rm, unsigned type, unsigned imm, bool want_carry);

static inline bool a32_privileged(const DisasContext *s) { return s->el != 0; }

#endif
