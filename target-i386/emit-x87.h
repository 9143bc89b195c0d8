/* SPDX-License-Identifier: MIT */
/* x87 instructions on the host's x87, and where the guest's x87 state is; emit-x87.c. */
#ifndef TARGET_I386_EMIT_X87_H
#define TARGET_I386_EMIT_X87_H

#include "translate.h"

enum { X87_UNKNOWN, X87_IN_ENV, X87_ON_HOST }; /* DisasContext.x87_place */

void x86_x87_init(void); /* registers the globals; once, from x86_translate_init */
/* The instruction as it is; false when it is one for the helpers. It has been found to exist. */
bool x86_emit_x87(DisasContext *s);
/* FIP, FDP and their kin, after an instruction that sets them. */
void x86_x87_pointers(DisasContext *s);
/* Before IR that reads or writes the x87 state in CPUState. */
void x86_x87_to_env(DisasContext *s);
/* After a helper that may move the state. */
void x86_x87_forget(DisasContext *s);

#endif
