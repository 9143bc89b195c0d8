/* SPDX-License-Identifier: MIT */
/* The up counter behind several timer chips. */
#include "hw/countup.h"

uint64_t countup_ticks(const Countup *c)
{
    if (!c->running)
        return c->base;
    int64_t ns = clock_ns(CLOCK_VIRTUAL) - c->since;
    return c->base + (ns > 0 ? (uint64_t)((unsigned __int128)ns * c->hz / NS_PER_SEC) : 0);
}

static void set_base(Countup *c, uint64_t ticks)
{
    c->base = ticks;
    c->since = clock_ns(CLOCK_VIRTUAL);
}

void countup_restart(Countup *c, uint64_t ticks)
{
    set_base(c, ticks);
    c->seen = ticks;
}

void countup_run(Countup *c, bool on)
{
    on = on && c->hz;
    if (on == (bool)c->running)
        return;
    set_base(c, countup_ticks(c));
    c->running = on;
}

void countup_set_hz(Countup *c, uint64_t hz)
{
    if (hz == c->hz)
        return;
    set_base(c, countup_ticks(c));
    c->hz = hz;
    c->running = c->running && hz;
}

void countup_wait_for(Countup *c, uint64_t ticks)
{
    if (!c->running || ticks == COUNTUP_NEVER) {
        timer_del(c->timer);
        return;
    }
    uint64_t left = ticks > c->base ? ticks - c->base : 0;
    unsigned __int128 ns = ((unsigned __int128)left * NS_PER_SEC + c->hz - 1) / c->hz;
    if (ns > INT64_MAX / 4) /* further than clocks reach */
        timer_del(c->timer);
    else
        timer_mod(c->timer, c->since + (int64_t)ns);
}

void countup_init(Countup *c, void (*due)(void *opaque), void *opaque)
{
    c->timer = timer_new(CLOCK_VIRTUAL, due, opaque);
}

void countup_exit(Countup *c)
{
    timer_free(c->timer);
}

/* Images are foreign data. Events before now are not looked for again. */
void countup_post_load(Countup *c)
{
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    c->running = c->running && c->hz;
    if (c->since > now || c->since < 0)
        c->since = now;
    c->base %= 1ull << 62;
    c->seen = countup_ticks(c);
}

const SavedField countup_saved[] = {
    SAVED_INT(Countup, hz), SAVED_INT(Countup, base), SAVED_INT(Countup, since), SAVED_INT(Countup, running), SAVED_END(),
};
