/* SPDX-License-Identifier: MIT */
/* Defines the HelperInfo objects of all Arm helpers. */
#include "helper.h"
#define HELPER_DEFINE
#include "tcg/helper-gen.h"
#include "helper-a64.def"
#include "helper-sys.def"
#include "helper-a32.def"
#include "helper-fp.def"
#include "helper-m.def"
