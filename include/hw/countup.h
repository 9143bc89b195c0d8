/* SPDX-License-Identifier: MIT */
/* Ticks of a clock that runs or stands still, computed when asked: the base of timers that count up. Machine lock. */
#ifndef RHEA_HW_COUNTUP_H
#define RHEA_HW_COUNTUP_H

#include "hw/device.h"
#include "util/timer.h"

typedef struct Countup {
    uint64_t hz;
    uint64_t base;      /* ticks at since */
    int64_t since;      /* CLOCK_VIRTUAL */
    uint8_t running;
} Countup;

static inline uint64_t countup_ticks(const Countup *c)
{
    if (!c->running)
        return c->base;
    int64_t ns = clock_ns(CLOCK_VIRTUAL) - c->since;
    return c->base + (ns > 0 ? (uint64_t)((unsigned __int128)ns * c->hz / NS_PER_SEC) : 0);
}

static inline void countup_set(Countup *c, uint64_t ticks)
{
    c->base = ticks;
    c->since = clock_ns(CLOCK_VIRTUAL);
}

static inline void countup_run(Countup *c, bool on)
{
    on = on && c->hz;
    if (on == (bool)c->running)
        return;
    countup_set(c, countup_ticks(c));
    c->running = on;
}

static inline void countup_set_hz(Countup *c, uint64_t hz)
{
    if (hz == c->hz)
        return;
    countup_set(c, countup_ticks(c));
    c->hz = hz;
    c->running = c->running && hz;
}

/* When a running counter has reached `ticks`; INT64_MAX: further than clocks reach. */
static inline int64_t countup_when(const Countup *c, uint64_t ticks)
{
    if (!c->running || ticks <= c->base)
        return c->running ? c->since : INT64_MAX;
    unsigned __int128 ns = ((unsigned __int128)(ticks - c->base) * NS_PER_SEC + c->hz - 1) / c->hz;
    return ns > INT64_MAX / 4 ? INT64_MAX : c->since + (int64_t)ns;
}

/* Images are foreign data. */
static inline void countup_post_load(Countup *c)
{
    c->running = c->running && c->hz;
    if (c->since > clock_ns(CLOCK_VIRTUAL) || c->since < 0)
        c->since = clock_ns(CLOCK_VIRTUAL);
}

#define SAVED_COUNTUP(type, field) \
    SAVED_INT(type, field.hz), SAVED_INT(type, field.base), SAVED_INT(type, field.since), SAVED_INT(type, field.running)

#endif
