/* SPDX-License-Identifier: MIT */
/* Helper declarations, from the helper-*.def tables: a64 and sys (core), a32 (AArch32 integer), fp (floating point, SIMD, crypto). */
#ifndef TARGET_ARM_HELPER_H
#define TARGET_ARM_HELPER_H
#include "cpu.h"
#include "tcg/helper-gen.h"
#include "helper-a64.def"
#include "helper-sys.def"
#include "helper-a32.def"
#include "helper-fp.def"
#include "helper-m.def"
#undef HELPER
#endif
