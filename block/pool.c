/* SPDX-License-Identifier: MIT */
/*
 * Threads for work that may block. They are made when all others are busy, up to POOL_MAX, and stay. Completions of one turn are
 * handed to the main loop together; those that any thread may run, the one that did the work runs when the machine lock is free, which saves
 * the way through another thread.
 */
#include "block/block.h"
#include "cpu.h"
#include "util/main-loop.h"
#include "util/relax.h"
#include "util/timer.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define POOL_MAX 32
#define LOOK_MIN_NS 10000
#define LOOK_MAX_NS 200000

typedef struct Job {
    void (*fn)(void *opaque);
    void (*done)(void *opaque);
    void *opaque;
    bool anywhere;   /* done need not be in the main loop */
    struct Job *next;
} Job;

typedef struct JobList {
    Job *first, **last;
} JobList;

static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_cond = PTHREAD_COND_INITIALIZER;
static pthread_cond_t done_cond = PTHREAD_COND_INITIALIZER;
/* All under pool_mutex. */
static JobList waiting = { NULL, &waiting.first }, finished = { NULL, &finished.first };
static pthread_t thread_ids[POOL_MAX];
static unsigned nthreads, idle, active; /* active: submitted and not completed */
static bool quit, scheduled;
static bool coming;       /* a thread was woken or made for what waits, and has not looked yet */
static bool looking;      /* a thread looks for work without sleeping */
static int64_t look_ns;   /* how long the next one will */
static atomic_uint jobs_waiting; /* written under pool_mutex */

static void *pool_thread(void *unused);

static void append(JobList *l, Job *j)
{
    j->next = NULL;
    *l->last = j;
    l->last = &j->next;
}

static Job *take(JobList *l)
{
    Job *j = l->first;
    if (j) {
        l->first = j->next;
        if (!l->first)
            l->last = &l->first;
    }
    return j;
}

/* Machine lock: runs what has finished. */
static void run_completions(void *opaque)
{
    (void)opaque;
    pthread_mutex_lock(&pool_mutex);
    scheduled = false;
    for (Job *j; (j = take(&finished));) {
        pthread_mutex_unlock(&pool_mutex);
        j->done(j->opaque);
        g_free(j);
        pthread_mutex_lock(&pool_mutex);
        active--;
    }
    pthread_mutex_unlock(&pool_mutex);
}

static void finish(Job *j)
{
    if (!j->done) {
        g_free(j);
        active--;
        pthread_cond_broadcast(&done_cond);
        return;
    }
    append(&finished, j);
    pthread_cond_broadcast(&done_cond);
    if (!scheduled) {
        scheduled = true;
        main_loop_run_soon(run_completions, NULL);
    }
}

/* Somebody for what waits. One at a time: who takes a job calls for the next. */
static void call_thread(void)
{
    if (!waiting.first || coming || looking)
        return;
    if (idle) {
        coming = true;
        pthread_cond_signal(&work_cond);
    } else if (nthreads < POOL_MAX && pthread_create(&thread_ids[nthreads], NULL, pool_thread, NULL) == 0) {
        nthreads++;
        coming = true;
    }
}

/*
 * Waking a thread takes tens of microseconds: while jobs follow each other, one thread looks for the next a moment before it sleeps, where
 * the host has a processor to spare.
 */
static bool look_for_work(void)
{
    if (looking || !look_ns || !cpus_spare_host_cpu())
        return false;
    int64_t start = clock_ns(CLOCK_REALTIME_HOST), end = start + look_ns;
    looking = true;
    pthread_mutex_unlock(&pool_mutex);
    while (!atomic_load_explicit(&jobs_waiting, memory_order_relaxed) && clock_ns(CLOCK_REALTIME_HOST) < end)
        relax_politely();
    pthread_mutex_lock(&pool_mutex);
    looking = false;
    return waiting.first != NULL;
}

/* As vCPUs do: longer while work comes soon, not at all when it doesn't. */
static void sleep_for_work(void)
{
    int64_t start = clock_ns(CLOCK_REALTIME_HOST);
    idle++;
    pthread_cond_wait(&work_cond, &pool_mutex);
    idle--;
    coming = false;
    int64_t slept = clock_ns(CLOCK_REALTIME_HOST) - start;
    look_ns = slept > LOOK_MAX_NS ? 0 : look_ns ? MIN(2 * look_ns, LOOK_MAX_NS) : LOOK_MIN_NS;
}

static void *pool_thread(void *unused)
{
    sigset_t all;
    (void)unused;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_mutex_lock(&pool_mutex);
    coming = false;
    while (!quit) {
        Job *j = take(&waiting);
        if (!j) {
            if (!look_for_work() && !quit)
                sleep_for_work();
            continue;
        }
        atomic_fetch_sub(&jobs_waiting, 1);
        call_thread();
        pthread_mutex_unlock(&pool_mutex);
        j->fn(j->opaque);
        bool complete = j->anywhere && machine_trylock();
        if (complete) {
            j->done(j->opaque);
            machine_unlock();
            j->done = NULL;
        }
        pthread_mutex_lock(&pool_mutex);
        finish(j);
    }
    pthread_mutex_unlock(&pool_mutex);
    return NULL;
}

static void submit(void (*fn)(void *opaque), void (*done)(void *opaque), void *opaque, bool anywhere)
{
    Job *j = g_new(Job, 1);
    *j = (Job){ fn, done, opaque, anywhere, NULL };
    pthread_mutex_lock(&pool_mutex);
    active++;
    append(&waiting, j);
    atomic_fetch_add(&jobs_waiting, 1);
    call_thread();
    pthread_mutex_unlock(&pool_mutex);
}

void block_pool_submit(void (*fn)(void *opaque), void (*done)(void *opaque), void *opaque)
{
    submit(fn, done, opaque, false);
}

void block_pool_submit_anywhere(void (*fn)(void *opaque), void (*done)(void *opaque), void *opaque)
{
    submit(fn, done, opaque, true);
}

void block_pool_wait(void)
{
    pthread_mutex_lock(&pool_mutex);
    while (active && !finished.first)
        pthread_cond_wait(&done_cond, &pool_mutex);
    pthread_mutex_unlock(&pool_mutex);
    run_completions(NULL);
}

void block_pool_exit(void)
{
    pthread_mutex_lock(&pool_mutex);
    quit = true;
    pthread_cond_broadcast(&work_cond);
    unsigned n = nthreads;
    nthreads = 0;
    pthread_mutex_unlock(&pool_mutex);
    for (unsigned i = 0; i < n; i++)
        pthread_join(thread_ids[i], NULL);
    quit = false;
}
