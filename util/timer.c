/* SPDX-License-Identifier: MIT */
/*
 * Clocks and timers. Each clock keeps its active timers in a list sorted by deadline: a machine has a
 * few dozen at most. CLOCK_VIRTUAL is host monotonic time less the time the machine was stopped, or
 * comes from a source such as the instruction counter.
 */
#include "util/timer.h"
#include "util/main-loop.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define CLOCKS 3

struct Timer {
    ClockType type;
    TimerFunc *fn;
    void *opaque;
    int64_t expire;  /* -1 when inactive. timer_mutex */
    Timer *next;     /* timer_mutex */
};

static pthread_mutex_t timer_mutex = PTHREAD_MUTEX_INITIALIZER;
static Timer *active[CLOCKS]; /* timer_mutex */
/* Deadline of active[c], or INT64_MAX; readable without the lock. */
static _Atomic int64_t deadline[CLOCKS] = { INT64_MAX, INT64_MAX, INT64_MAX };

/* ---- Clocks ---- */

/* While running, virtual = monotonic + offset; while stopped it stays at virtual_stopped_at. */
static _Atomic int64_t virtual_offset;
static _Atomic int64_t virtual_stopped_at; /* -1 while running */
static int64_t fixed_ns(void);
static int64_t (*_Atomic virtual_source)(void);
static bool virtual_in_main_loop = true;
static int64_t virtual_fixed; /* clock_virtual_set: machine lock */

void (*clock_virtual_deadline_hook)(void);

static int64_t host_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

__attribute__((constructor)) static void clocks_setup(void)
{
    virtual_offset = -host_ns(CLOCK_MONOTONIC); /* starts at 0 … */
    virtual_stopped_at = 0;                     /* … and stopped */
}

int64_t clock_ns(ClockType type)
{
    if (type == CLOCK_HOST)
        return host_ns(CLOCK_REALTIME);
    if (type == CLOCK_REALTIME_HOST)
        return host_ns(CLOCK_MONOTONIC);
    int64_t (*source)(void) = atomic_load_explicit(&virtual_source, memory_order_relaxed);
    if (source)
        return source();
    int64_t stopped = atomic_load(&virtual_stopped_at);
    return stopped >= 0 ? stopped : host_ns(CLOCK_MONOTONIC) + atomic_load(&virtual_offset);
}

void clock_virtual_enable(bool on)
{
    int64_t stopped = atomic_load(&virtual_stopped_at);
    if (on && stopped >= 0) {
        atomic_store(&virtual_offset, stopped - host_ns(CLOCK_MONOTONIC));
        atomic_store(&virtual_stopped_at, -1);
        main_loop_notify();
    } else if (!on && stopped < 0) {
        atomic_store(&virtual_stopped_at, host_ns(CLOCK_MONOTONIC) + atomic_load(&virtual_offset));
    }
}

void clock_virtual_jump(int64_t ns)
{
    if (atomic_load(&virtual_source) == fixed_ns)
        virtual_fixed = ns;
    if (atomic_load(&virtual_stopped_at) >= 0)
        atomic_store(&virtual_stopped_at, ns);
}

void clock_virtual_set_source(int64_t (*fn)(void), bool main_loop_runs)
{
    virtual_in_main_loop = main_loop_runs;
    atomic_store(&virtual_source, fn);
}

static int64_t fixed_ns(void)
{
    return virtual_fixed;
}

void clock_virtual_set(int64_t ns)
{
    if (atomic_load(&virtual_source) != fixed_ns)
        clock_virtual_set_source(fixed_ns, false);
    /* A timer sees the time it was set for, also when the step jumps over several. */
    for (int64_t next; (next = timers_next_deadline(CLOCK_VIRTUAL)) >= 0 && next <= ns && !main_loop_quitting();) {
        virtual_fixed = next > virtual_fixed ? next : virtual_fixed;
        timers_run_virtual();
    }
    virtual_fixed = ns;
}

/* ---- Timers ---- */

static void publish_deadline(ClockType type)
{
    atomic_store(&deadline[type], active[type] ? active[type]->expire : INT64_MAX);
}

Timer *timer_new(ClockType type, TimerFunc *fn, void *opaque)
{
    Timer *t = g_new0(Timer, 1);
    *t = (Timer){ .type = type, .fn = fn, .opaque = opaque, .expire = -1 };
    return t;
}

/* timer_mutex held. */
static void unlink_timer(Timer *t)
{
    if (t->expire < 0)
        return;
    for (Timer **p = &active[t->type]; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    t->expire = -1;
}

void timer_mod(Timer *t, int64_t expire_ns)
{
    pthread_mutex_lock(&timer_mutex);
    unlink_timer(t);
    t->expire = expire_ns < 0 ? 0 : expire_ns;
    Timer **p = &active[t->type];
    while (*p && (*p)->expire <= t->expire)
        p = &(*p)->next;
    t->next = *p;
    *p = t;
    bool first = active[t->type] == t;
    publish_deadline(t->type);
    pthread_mutex_unlock(&timer_mutex);
    if (first && t->type == CLOCK_VIRTUAL && clock_virtual_deadline_hook)
        clock_virtual_deadline_hook();
    else if (first)
        main_loop_notify();
}

void timer_del(Timer *t)
{
    pthread_mutex_lock(&timer_mutex);
    unlink_timer(t);
    publish_deadline(t->type);
    pthread_mutex_unlock(&timer_mutex);
}

void timer_free(Timer *t)
{
    if (!t)
        return;
    timer_del(t);
    g_free(t);
}

bool timer_pending(const Timer *t)
{
    return timer_expire_ns(t) >= 0;
}

int64_t timer_expire_ns(const Timer *t)
{
    pthread_mutex_lock(&timer_mutex);
    int64_t expire = t->expire;
    pthread_mutex_unlock(&timer_mutex);
    return expire;
}

int64_t timers_next_deadline(ClockType type)
{
    int64_t d = atomic_load(&deadline[type]);
    return d == INT64_MAX ? -1 : d;
}

/* ---- Saving and loading a clock's timers ---- */

struct TimerList {
    unsigned n;
    struct {
        Timer *timer;
        int64_t expire;
    } t[];
};

TimerList *timers_save(ClockType type)
{
    unsigned n = 0, i = 0;
    pthread_mutex_lock(&timer_mutex);
    for (const Timer *t = active[type]; t; t = t->next)
        n++;
    TimerList *list = g_malloc(sizeof(*list) + n * sizeof(list->t[0]));
    list->n = n;
    for (Timer *t = active[type]; t; t = t->next, i++) {
        list->t[i].timer = t;
        list->t[i].expire = t->expire;
    }
    pthread_mutex_unlock(&timer_mutex);
    return list;
}

void timers_load(ClockType type, const TimerList *list)
{
    pthread_mutex_lock(&timer_mutex);
    while (active[type])
        unlink_timer(active[type]);
    Timer **p = &active[type];
    for (unsigned i = 0; i < list->n; i++) {
        *p = list->t[i].timer;
        (*p)->expire = list->t[i].expire;
        (*p)->next = NULL;
        p = &(*p)->next;
    }
    publish_deadline(type);
    pthread_mutex_unlock(&timer_mutex);
}

void timers_list_free(TimerList *list)
{
    g_free(list);
}

/* ---- Running ---- */

/* Takes the first timer due at now off the list; false when there is none. */
static bool pop_due(ClockType type, int64_t now, Timer *copy)
{
    pthread_mutex_lock(&timer_mutex);
    Timer *t = active[type];
    bool due = t && t->expire <= now;
    if (due) {
        *copy = *t;
        active[type] = t->next;
        t->expire = -1;
        publish_deadline(type);
    }
    pthread_mutex_unlock(&timer_mutex);
    return due;
}

/* A timer that keeps re-arming itself in the past may not hold up everything else for ever. */
#define RUNS_PER_TURN 1000
static void run_clock(ClockType type)
{
    if (atomic_load(&deadline[type]) == INT64_MAX)
        return;
    Timer due;
    int64_t now = clock_ns(type);
    for (int n = 0; n < RUNS_PER_TURN && pop_due(type, now, &due); n++)
        due.fn(due.opaque);
}

void timers_run_virtual(void)
{
    run_clock(CLOCK_VIRTUAL);
}

/* ns until the next timer the main loop must run, or -1. */
static int64_t clock_wait(ClockType type)
{
    int64_t next = timers_next_deadline(type);
    if (next < 0)
        return -1;
    int64_t now = clock_ns(type);
    return next > now ? next - now : 0;
}

int64_t timers_run(void)
{
    int64_t wait = -1;
    for (ClockType c = 0; c < CLOCKS; c++) {
        if (c == CLOCK_VIRTUAL && (!virtual_in_main_loop || atomic_load(&virtual_stopped_at) >= 0))
            continue;
        run_clock(c);
    }
    for (ClockType c = 0; c < CLOCKS; c++) {
        if (c == CLOCK_VIRTUAL && (!virtual_in_main_loop || atomic_load(&virtual_stopped_at) >= 0))
            continue;
        int64_t w = clock_wait(c);
        if (w >= 0 && (wait < 0 || w < wait))
            wait = w;
    }
    return wait;
}
