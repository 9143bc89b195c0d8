/* SPDX-License-Identifier: MIT */
/*
 * A down counter as timer chips have it: counts at a frequency from a value to zero, then stops, reloads or wraps. It is
 * computed when read; a host timer waits only for zero. Machine lock.
 */
#ifndef RHEA_HW_COUNTDOWN_H
#define RHEA_HW_COUNTDOWN_H

#include "hw/device.h"
#include "util/timer.h"

typedef struct Countdown {
    Timer *timer;
    void (*zero)(void *opaque); /* it got to zero; it has been reloaded already */
    void *opaque;
    uint64_t hz;
    uint64_t reload;            /* value after zero when it repeats */
    uint64_t start_value;       /* at start_ns; the value while stopped */
    int64_t start_ns;
    uint8_t running, repeats;
} Countdown;

extern const SavedField countdown_saved[];

void countdown_init(Countdown *c, void (*zero)(void *opaque), void *opaque);
void countdown_exit(Countdown *c);
/* 0 Hz stands still. The value is kept. */
void countdown_set_hz(Countdown *c, uint64_t hz);
void countdown_set_value(Countdown *c, uint64_t value);
uint64_t countdown_value(const Countdown *c);
void countdown_run(Countdown *c, bool repeats);
void countdown_stop(Countdown *c);
void countdown_reset(Countdown *c); /* stopped at 0, reload 0 */
void countdown_post_load(Countdown *c);

#endif
