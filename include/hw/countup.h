/* SPDX-License-Identifier: MIT */
/*
 * An up counter as timer chips have it: ticks of a clock that runs or stands still, computed when asked, without bound. `seen` is how far
 * the chip has looked for its events; a host timer waits for the next one that the guest waits for. Machine lock.
 */
#ifndef RHEA_HW_COUNTUP_H
#define RHEA_HW_COUNTUP_H

#include "hw/device.h"
#include "util/timer.h"

typedef struct Countup {
    Timer *timer;
    uint64_t hz;
    uint64_t base;      /* ticks at since */
    int64_t since;      /* CLOCK_VIRTUAL */
    uint64_t seen;      /* ticks */
    uint8_t running;
} Countup;

extern const SavedField countup_saved[];

/* due: called at the tick given to countup_wait_for. */
void countup_init(Countup *c, void (*due)(void *opaque), void *opaque);
void countup_exit(Countup *c);
uint64_t countup_ticks(const Countup *c);
/* Counts on from there, with nothing before it left to look for. */
void countup_restart(Countup *c, uint64_t ticks);
void countup_run(Countup *c, bool on);
/* 0 Hz stands still. */
void countup_set_hz(Countup *c, uint64_t hz);
/* Waits for a tick, in place of any other; COUNTUP_NEVER for none. */
#define COUNTUP_NEVER UINT64_MAX
void countup_wait_for(Countup *c, uint64_t ticks);
void countup_post_load(Countup *c);

#endif
