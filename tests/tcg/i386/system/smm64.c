/* SPDX-License-Identifier: MIT */
/* System management mode entered from long mode, with the save area of AMD64: see smm.c. */
#include "smm.c"
