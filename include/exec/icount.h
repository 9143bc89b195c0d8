/* SPDX-License-Identifier: MIT */
/* -icount: CLOCK_VIRTUAL counts executed instructions, so that runs repeat exactly. One vCPU thread. */
#ifndef RHEA_EXEC_ICOUNT_H
#define RHEA_EXEC_ICOUNT_H

#include "cpu.h"

extern bool icount_on;
static inline bool icount_enabled(void) { return UNLIKELY(icount_on); }
/* -icount [shift=]N|auto[,sleep=on|off][,align=on|off][,rr=…]; before any vCPU exists. */
bool icount_configure(OptGroup *options, Error **errp);
unsigned icount_shift(void);
/* Virtual time now; the caller's vCPU must be exact (see icount_sync). */
int64_t icount_ns(void);
/* Instructions executed so far: a position in the run. Each exception or interrupt that is delivered counts as one, too, so
 * that no two states have the same position. Between slices, or on the vCPU's thread between TBs. */
uint64_t icount_position(void);
uint64_t icount_position_after(void); /* of the instruction whose helper or access this is */
/* One more was executed that is not part of a TB: an exception was delivered. */
static inline void icount_count_one(CPUState *cpu)
{
    if (icount_enabled())
        cpu->icount_left--;
}

/* vCPU thread, around cpu_exec: gives it a budget of instructions up to the next deadline, and accounts what it used. */
void icount_slice_begin(CPUState *cpu);
void icount_slice_end(CPUState *cpu);
/* Makes the clock exact for the instruction whose access called with this host return address; 0: at the TB's end. */
void icount_sync(CPUState *cpu, uintptr_t retaddr);
/* No vCPU can run. Skips to the next timer (sleep=off) or accounts waiting time: the ns to wait, 0 to look
 * again, -1 to wait for a kick. Machine lock. */
int64_t icount_idle(void);
void icount_reset(void); /* tests */

/* ---- For record and replay, and snapshots; between slices ---- */
typedef struct ICountState {
    int64_t executed, skipped, latest;
} ICountState;
ICountState icount_save(void);
void icount_load(const ICountState *s);
void icount_account_idle(void);        /* brings icount_skipped() up to date */
int64_t icount_skipped(void);          /* ns that passed without instructions */
void icount_set_skipped(int64_t ns);

#endif
