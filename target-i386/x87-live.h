/* SPDX-License-Identifier: MIT */
/* The guest's x87 state while the host's x87 holds it; x87-live.c. */
#ifndef TARGET_I386_X87_LIVE_H
#define TARGET_I386_X87_LIVE_H

#include "cpu.h"

void x87_leave_host(X86CPU *env);
/* FLD m80 and FSTP m80 on the state in env. */
void x87_load_f80(X86CPU *env, uint64_t va, uintptr_t ra);
void x87_store_f80(X86CPU *env, uint64_t va, uintptr_t ra);

#endif
