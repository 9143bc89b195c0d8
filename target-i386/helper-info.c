/* SPDX-License-Identifier: MIT */
/* Defines the HelperInfo objects of all x86 helpers. */
#include "helper.h"
#define HELPER_DEFINE
#include "tcg/helper-gen.h"
#include "helper-int.def"
#include "helper-sys.def"
#include "helper-fpu.def"
#include "helper-sse.def"
