/* SPDX-License-Identifier: MIT */
/* Helper declarations, from the helper.def tables (one per emitter file). */
#ifndef TARGET_I386_HELPER_H
#define TARGET_I386_HELPER_H
#include "cpu.h"
#include "tcg/helper-gen.h"
#include "helper-int.def"
#include "helper-sys.def"
#include "helper-fpu.def"
#include "helper-sse.def"
#undef HELPER
#endif
