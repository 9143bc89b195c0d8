/* SPDX-License-Identifier: MIT */
/*
 * The machine lock, and the main loop that GLib drives. Devices, memory topology, timers of the
 * virtual clock and the monitor run under the machine lock; vCPU threads take it for MMIO and
 * interrupts only. Lock order: machine lock, then any lock of translate-all.c, then log.
 */
#ifndef RHEA_UTIL_MAIN_LOOP_H
#define RHEA_UTIL_MAIN_LOOP_H

#include "typedefs.h"
#include <pthread.h>

void machine_lock(void);
bool machine_trylock(void); /* false: another thread has it */
void machine_unlock(void);
/* Lets go of the lock for a moment when somebody waits for it: for loops that would hold it all the time. */
void machine_lock_yield(void);
bool machine_lock_held(void); /* by the calling thread */
/*
 * fn runs once when the lock is about to be let go, still under it: work that devices give rise to, but that must not run inside them, and
 * that is cheaper for several together. There is room for one fn. Machine lock.
 */
void machine_lock_before_release(void (*fn)(void));
void machine_lock_settle(void); /* does what waits for the release now: what it changes is seen by who looks afterwards. Machine lock */

/* Runs until main_loop_quit(); returns the exit status passed to it. Call with the lock held. */
int main_loop_run(void);
/* Asks the loop to end with this process exit status. Any thread, async-signal-safe. */
void main_loop_quit(int status);
bool main_loop_quitting(void);
bool main_loop_is_here(void); /* the calling thread runs the loop */
/* Runs fn(opaque) in the main loop soon, under the machine lock. Any thread. */
void main_loop_run_soon(void (*fn)(void *opaque), void *opaque);
/* Waits for cond with the machine lock (held by the caller) dropped meanwhile. May return before: look again. */
void machine_cond_wait(pthread_cond_t *cond);
/* Wakes the loop, so that it looks at timers again. Any thread. */
void main_loop_notify(void);

#endif
