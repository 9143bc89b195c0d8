/* SPDX-License-Identifier: MIT */
/* Pointer authentication (pauth.c). */
#ifndef TARGET_ARM_PAUTH_H
#define TARGET_ARM_PAUTH_H

#include "cpu.h"

/* Keys, in the order of ARMCPU.apkey. */
enum { PAC_IA, PAC_IB, PAC_DA, PAC_DB, PAC_GA };

/* Signs (or, with aut, authenticates) a pointer with a key that is enabled; else returns it unchanged. No traps. */
uint64_t arm_pointer_auth(ARMCPU *env, uint64_t pointer, uint64_t modifier, unsigned key, bool aut);
/* The raw code; key is {low, high}. */
uint64_t arm_pac_compute(const ARMCPU *env, uint64_t data, uint64_t modifier, const uint64_t key[2]);

#endif
