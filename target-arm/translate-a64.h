/* SPDX-License-Identifier: MIT */
/* What the files of the A64 integer translator share. */
#ifndef TARGET_ARM_TRANSLATE_A64_H
#define TARGET_ARM_TRANSLATE_A64_H

#include "translate.h"
#include "target-arm/a64.decode.inc"

bool a64_load_store_insn(DisasContext *s, uint32_t insn); /* translate-a64-ldst.c */
/* Faults, if the page turns out to be guarded, unless insn accepts the BTYPE that the TB starts with. */
void a64_check_landing_pad(DisasContext *s, uint32_t insn);
/* Register rm extended as `option` says (UXTB … SXTX) and shifted left: I64. */
IRVal a64_extended(DisasContext *s, unsigned rm, unsigned option, unsigned amount);
/* The value of a logical immediate; false when reserved. */
bool a64_bitmask(uint64_t *out, unsigned n, unsigned imms, unsigned immr);

#endif
