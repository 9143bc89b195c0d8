/* SPDX-License-Identifier: MIT */
/* The down counter behind several timer chips. A repeating one fires at most every 10 us of virtual time: a guest that
 * asks for more than that cannot have meant it, and must not keep the host busy. */
#include "hw/countdown.h"

#define PERIOD_MIN_NS 10000

static int64_t ticks_to_ns(const Countdown *c, uint64_t ticks)
{
    __uint128_t ns = (__uint128_t)ticks * NS_PER_SEC / c->hz;
    return ns > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)ns;
}

static uint64_t elapsed_ticks(const Countdown *c)
{
    int64_t ns = clock_ns(CLOCK_VIRTUAL) - c->start_ns;
    return ns <= 0 ? 0 : (uint64_t)((__uint128_t)(uint64_t)ns * c->hz / NS_PER_SEC);
}

static bool counts(const Countdown *c)
{
    return c->running && c->hz;
}

uint64_t countdown_value(const Countdown *c)
{
    if (!counts(c))
        return c->start_value;
    uint64_t elapsed = elapsed_ticks(c);
    return elapsed >= c->start_value ? 0 : c->start_value - elapsed;
}

static void schedule(Countdown *c)
{
    if (counts(c))
        timer_mod(c->timer, c->start_ns + ticks_to_ns(c, c->start_value) + 1);
    else
        timer_del(c->timer);
}

static void start_from(Countdown *c, uint64_t value, int64_t ns)
{
    c->start_value = value;
    c->start_ns = ns;
    schedule(c);
}

static void due(void *opaque)
{
    Countdown *c = opaque;
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    if (!counts(c))
        return;
    if (c->repeats && c->reload) {
        int64_t period = ticks_to_ns(c, c->reload), at = c->start_ns + ticks_to_ns(c, c->start_value);
        if (period < PERIOD_MIN_NS)
            period = PERIOD_MIN_NS;
        /* Periods that nobody looked at are left out, the phase stays. */
        c->start_value = c->reload;
        c->start_ns = now - at > period ? at + (now - at) / period * period : at;
        timer_mod(c->timer, c->start_ns + period + 1);
    } else {
        c->running = 0;
        c->start_value = 0;
    }
    c->zero(c->opaque);
}

void countdown_set_hz(Countdown *c, uint64_t hz)
{
    uint64_t value = countdown_value(c);
    c->hz = hz;
    start_from(c, value, clock_ns(CLOCK_VIRTUAL));
}

void countdown_set_value(Countdown *c, uint64_t value)
{
    start_from(c, value, clock_ns(CLOCK_VIRTUAL));
}

void countdown_run(Countdown *c, bool repeats)
{
    uint64_t value = countdown_value(c);
    c->repeats = repeats;
    c->running = 1;
    start_from(c, value, clock_ns(CLOCK_VIRTUAL));
}

void countdown_stop(Countdown *c)
{
    c->start_value = countdown_value(c);
    c->running = 0;
    timer_del(c->timer);
}

void countdown_reset(Countdown *c)
{
    c->running = c->repeats = 0;
    c->reload = c->start_value = 0;
    timer_del(c->timer);
}

void countdown_init(Countdown *c, void (*zero)(void *opaque), void *opaque)
{
    c->timer = timer_new(CLOCK_VIRTUAL, due, c);
    c->zero = zero;
    c->opaque = opaque;
}

void countdown_exit(Countdown *c)
{
    timer_free(c->timer);
}

void countdown_post_load(Countdown *c)
{
    if (c->start_ns < 0 || c->start_ns > INT64_MAX / 4)
        c->start_ns = clock_ns(CLOCK_VIRTUAL);
    schedule(c);
}

const SavedField countdown_saved[] = {
    SAVED_INT(Countdown, hz), SAVED_INT(Countdown, reload), SAVED_INT(Countdown, start_value),
    SAVED_INT(Countdown, start_ns), SAVED_INT(Countdown, running), SAVED_INT(Countdown, repeats), SAVED_END(),
};
