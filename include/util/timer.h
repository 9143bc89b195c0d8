/* SPDX-License-Identifier: MIT */
/* Clocks and timers. Times are nanoseconds. */
#ifndef RHEA_UTIL_TIMER_H
#define RHEA_UTIL_TIMER_H

#include "typedefs.h"

typedef enum ClockType {
    CLOCK_VIRTUAL,  /* runs while the machine runs; under -icount driven by executed instructions */
    CLOCK_REALTIME_HOST, /* host monotonic time */
    CLOCK_HOST,     /* host wall-clock time */
} ClockType;

#define NS_PER_SEC 1000000000ll

int64_t clock_ns(ClockType type); /* any thread, lock-free */
/* Stops and restarts CLOCK_VIRTUAL with the machine. Machine lock. */
void clock_virtual_enable(bool on);
/* Makes it this time; the machine is stopped, and timers are left alone. Machine lock. */
void clock_virtual_jump(int64_t ns);
/* Under -accel qtest: moves CLOCK_VIRTUAL to ns and runs the timers due. Machine lock. */
void clock_virtual_set(int64_t ns);

typedef void TimerFunc(void *opaque);
/* Lets fn say what CLOCK_VIRTUAL is instead of host time (icount, qtest); before the machine starts.
 * The main loop then waits only for the other clocks' timers, and runs virtual ones only when
 * main_loop_runs. */
void clock_virtual_set_source(int64_t (*fn)(void), bool main_loop_runs);
/* Called by timer_mod, in its thread, when CLOCK_VIRTUAL's next deadline has come nearer. May be NULL. */
extern void (*clock_virtual_deadline_hook)(void);

/* A timer is inactive until timer_mod. Callbacks run in the main loop under the machine lock. */
Timer *timer_new(ClockType type, TimerFunc *fn, void *opaque);
void timer_mod(Timer *t, int64_t expire_ns); /* any thread */
void timer_del(Timer *t);
void timer_free(Timer *t); /* NULL allowed */
bool timer_pending(const Timer *t);
int64_t timer_expire_ns(const Timer *t); /* -1 when inactive */
/* Earliest deadline over the timers of a clock, or -1. */
int64_t timers_next_deadline(ClockType type);
/* Runs what is due on CLOCK_VIRTUAL (icount: the vCPU thread does so at the deadline). Machine lock. */
void timers_run_virtual(void);
/* The active timers of a clock with their deadlines, in the order in which they will run; loading makes exactly these active
 * (timers that have been freed since may not be among them). Machine lock. */
typedef struct TimerList TimerList;
TimerList *timers_save(ClockType type);
void timers_load(ClockType type, const TimerList *list);
void timers_list_free(TimerList *list);
/* Runs what is due on every clock; returns ns until the next one or -1. Main loop, machine lock. */
int64_t timers_run(void);

#endif
