/* SPDX-License-Identifier: MIT */
/* -icount: CLOCK_VIRTUAL counts executed instructions, so that runs repeat exactly. One vCPU thread. */
#ifndef RHEA_EXEC_ICOUNT_H
#define RHEA_EXEC_ICOUNT_H

#include "cpu.h"

extern bool icount_on;
static inline bool icount_enabled(void) { return UNLIKELY(icount_on); }
/* -icount [shift=]N|auto[,sleep=on|off][,align=on|off]; before any vCPU exists. */
bool icount_configure(OptGroup *options, Error **errp);
/* Virtual time now; the caller's vCPU must be exact (see icount_sync). */
int64_t icount_ns(void);
/* Around the execution of one vCPU: gives it instructions up to the next timer's deadline; accounts for
 * those executed. */
void icount_slice_begin(CPUState *cpu);
void icount_slice_end(CPUState *cpu);
/* Makes the clock exact in the middle of a TB, at the instruction that made the call at retaddr. */
void icount_sync(CPUState *cpu, uintptr_t retaddr);
/* All vCPUs are halted: skips to, or waits (sleep=on) for, the next timer. Machine lock. Returns ns to
 * wait, or -1 to wait for an event. */
int64_t icount_idle(void);
void icount_reset(void); /* tests */

#endif
