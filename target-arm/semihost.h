/* SPDX-License-Identifier: MIT */
/* Semihosting: -semihosting, -semihosting-config. */
#ifndef TARGET_ARM_SEMIHOST_H
#define TARGET_ARM_SEMIHOST_H

#include "translate.h"

/* Instead of the instruction being translated, if semihosting is on for its EL: false when it is not. Ends the TB. */
bool arm_gen_semihosting(DisasContext *s);

#endif
