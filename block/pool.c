/* SPDX-License-Identifier: MIT */
/*
 * Threads for work that may block. They are made when all others are busy, up to POOL_MAX, and stay. Completions of one turn are
 * handed to the main loop together; those that any thread may run, the one that did the work runs when the machine lock is free, which saves
 * the way through another thread.
 */
#include "block/block.h"
#include "util/main-loop.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>

#define POOL_MAX 32

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

static void *pool_thread(void *unused)
{
    sigset_t all;
    (void)unused;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_mutex_lock(&pool_mutex);
    while (!quit) {
        Job *j = take(&waiting);
        if (!j) {
            idle++;
            pthread_cond_wait(&work_cond, &pool_mutex);
            idle--;
            continue;
        }
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
    if (idle)
        pthread_cond_signal(&work_cond);
    else if (nthreads < POOL_MAX && pthread_create(&thread_ids[nthreads], NULL, pool_thread, NULL) == 0)
        nthreads++;
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
