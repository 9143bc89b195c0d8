/* SPDX-License-Identifier: MIT */
/* M profile in the translator (translate-m.c). */
#ifndef TARGET_ARM_TRANSLATE_M_H
#define TARGET_ARM_TRANSLATE_M_H

#include "translate.h"

/* Encodings that M profile has for itself, has not, or where it faults otherwise. True: *done as of a trans function. */
bool m_thumb_insn(DisasContext *s, uint32_t insn, bool wide, bool *done);
/* FP access: false when a fault or the saving of state was generated instead of the instruction. */
bool m_fp_check(DisasContext *s);
void m_gen_usage(DisasContext *s, uint32_t cfsr);
bool m_cps(DisasContext *s, bool disable, unsigned aif);
bool m_bxns(DisasContext *s, unsigned rm, bool link);
/* A branch that may be a return from an exception or to Secure state: pc is the target as it was in the register. */
void m_check_return(DisasContext *s, IRVal pc);
/* The stack pointer is about to become sp; limits are checked. */
void m_check_splim(DisasContext *s, IRVal sp);
/* Division by zero faults where CCR.DIV_0_TRP asks for it. */
void m_check_divisor(DisasContext *s, IRVal divisor);

#endif
