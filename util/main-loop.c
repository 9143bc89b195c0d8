/* SPDX-License-Identifier: MIT */
/*
 * The machine lock and the main loop: GLib's default context for descriptors and sources, our timers
 * for time. Polling uses ppoll, so that timers keep nanosecond deadlines, and drops the machine lock.
 */
#include "util/main-loop.h"
#include "util/timer.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

static pthread_mutex_t machine_mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread bool lock_is_mine;
static atomic_int lock_waiters;
static void (*before_release)(void); /* machine lock */

void machine_lock_before_release(void (*fn)(void))
{
    g_assert(lock_is_mine);
    before_release = fn;
}

void machine_lock_settle(void)
{
    void (*fn)(void) = before_release;
    before_release = NULL;
    if (fn)
        fn();
}

void machine_lock(void)
{
    g_assert(!lock_is_mine);
    if (pthread_mutex_trylock(&machine_mutex)) {
        atomic_fetch_add(&lock_waiters, 1);
        pthread_mutex_lock(&machine_mutex);
        atomic_fetch_sub(&lock_waiters, 1);
    }
    lock_is_mine = true;
}

bool machine_trylock(void)
{
    g_assert(!lock_is_mine);
    lock_is_mine = !pthread_mutex_trylock(&machine_mutex);
    return lock_is_mine;
}

void machine_unlock(void)
{
    g_assert(lock_is_mine);
    machine_lock_settle();
    lock_is_mine = false;
    pthread_mutex_unlock(&machine_mutex);
}

/* A mutex goes to whoever comes first, which would be the thread that has just released it. */
void machine_lock_yield(void)
{
    if (!atomic_load(&lock_waiters))
        return;
    machine_unlock();
    for (unsigned turns = 0; turns < 1000 && atomic_load(&lock_waiters); turns++)
        sched_yield();
    machine_lock();
}

bool machine_lock_held(void)
{
    return lock_is_mine;
}

void machine_cond_wait(pthread_cond_t *cond)
{
    g_assert(lock_is_mine);
    if (before_release) { /* may be what the caller waits for */
        machine_lock_settle();
        return;
    }
    lock_is_mine = false;
    pthread_cond_wait(cond, &machine_mutex);
    lock_is_mine = true;
}

/* ---- Waking ---- */

static int wake_fd = -1;
static atomic_bool quit_requested;
static atomic_int quit_status;
static __thread bool in_main_loop;  /* where timers and posted work will be looked at without waking it */
static __thread bool is_main_thread; /* runs the loop */

__attribute__((constructor)) static void main_loop_setup(void)
{
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void main_loop_notify(void)
{
    uint64_t one = 1;
    if (!in_main_loop && write(wake_fd, &one, sizeof(one)) < 0) {
        /* full: the loop is awake anyway */
    }
}

void main_loop_quit(int status)
{
    uint64_t one = 1;
    int saved = errno;
    atomic_store(&quit_status, status);
    atomic_store(&quit_requested, true);
    if (write(wake_fd, &one, sizeof(one)) < 0)
        errno = saved;
}

bool main_loop_quitting(void)
{
    return atomic_load(&quit_requested);
}

/* ---- Work posted by other threads ---- */

typedef struct Posted {
    void (*fn)(void *opaque);
    void *opaque;
    struct Posted *next;
} Posted;
static pthread_mutex_t posted_mutex = PTHREAD_MUTEX_INITIALIZER;
static Posted *posted_first, **posted_tail = &posted_first; /* posted_mutex */

void main_loop_run_soon(void (*fn)(void *opaque), void *opaque)
{
    Posted *p = g_new(Posted, 1);
    uint64_t one = 1;
    *p = (Posted){ .fn = fn, .opaque = opaque };
    pthread_mutex_lock(&posted_mutex);
    *posted_tail = p;
    posted_tail = &p->next;
    pthread_mutex_unlock(&posted_mutex);
    if (write(wake_fd, &one, sizeof(one)) < 0) {
        /* full: the loop is awake anyway */
    }
}

static void run_posted(void)
{
    pthread_mutex_lock(&posted_mutex);
    Posted *p = posted_first;
    posted_first = NULL;
    posted_tail = &posted_first;
    pthread_mutex_unlock(&posted_mutex);
    while (p) {
        Posted *next = p->next;
        p->fn(p->opaque);
        g_free(p);
        p = next;
    }
}

/* ---- The loop ---- */

/* The shorter of GLib's wait (ms, -1 = none) and the timers' (ns, -1 = none), for ppoll. */
static struct timespec *poll_timeout(int glib_ms, int64_t timer_ns, struct timespec *ts)
{
    int64_t ns = glib_ms < 0 ? -1 : glib_ms * 1000000ll;
    if (timer_ns >= 0 && (ns < 0 || timer_ns < ns))
        ns = timer_ns;
    if (ns < 0)
        return NULL;
    *ts = (struct timespec){ .tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC };
    return ts;
}

static void drain_wake_fd(void)
{
    uint64_t count;
    if (read(wake_fd, &count, sizeof(count)) < 0) {
        /* nothing to drain */
    }
}

/* One turn: timers, posted work, then GLib's sources. fds is a reused array of GPollFD. */
static void main_loop_turn(GMainContext *ctx, GArray *fds)
{
    struct timespec ts;
    int priority, glib_ms, n;

    in_main_loop = true;
    run_posted();
    int64_t timer_ns = timers_run();
    in_main_loop = false; /* a timer set from here on writes to wake_fd and ends the poll */
    g_main_context_prepare(ctx, &priority);
    g_array_set_size(fds, 16);
    while ((n = g_main_context_query(ctx, priority, &glib_ms, &g_array_index(fds, GPollFD, 1), (int)fds->len - 1)) >
           (int)fds->len - 1)
        g_array_set_size(fds, (guint)n + 1);
    g_array_index(fds, GPollFD, 0) = (GPollFD){ .fd = wake_fd, .events = G_IO_IN };

    machine_unlock();
    _Static_assert(sizeof(GPollFD) == sizeof(struct pollfd), "GLib's descriptor records are poll's");
    ppoll((struct pollfd *)fds->data, (nfds_t)n + 1, poll_timeout(glib_ms, timer_ns, &ts), NULL);
    machine_lock();

    if (g_array_index(fds, GPollFD, 0).revents)
        drain_wake_fd();
    in_main_loop = true;
    if (g_main_context_check(ctx, priority, &g_array_index(fds, GPollFD, 1), n))
        g_main_context_dispatch(ctx);
    in_main_loop = false;
}

bool main_loop_is_here(void)
{
    return is_main_thread;
}

int main_loop_run(void)
{
    GMainContext *ctx = g_main_context_default();
    GArray *fds = g_array_new(FALSE, TRUE, sizeof(GPollFD));

    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    g_main_context_acquire(ctx);
    is_main_thread = true;
    while (!atomic_load(&quit_requested))
        main_loop_turn(ctx, fds);
    g_main_context_release(ctx);
    g_array_free(fds, TRUE);
    atomic_store(&quit_requested, false);
    return atomic_load(&quit_status);
}
