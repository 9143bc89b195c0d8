/* SPDX-License-Identifier: MIT */
/*
 * Starts and ends of direct transfers: see aio.h. The engine of aio=threads is here, too: it reads what the host has in its page cache,
 * which takes less time than waking a thread, and leaves all else to the pool.
 */
#include "aio.h"
#include "cpu.h"
#include "util/main-loop.h"

#include <errno.h>
#include <glib.h>
#include <glib-unix.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUNDS_MAX 16       /* of requests that follow from the ends of others, in one go */
#define COPY_MAX (512u << 10) /* bytes moved while everybody waits for the machine lock */

static const AioEngine *const engines[] = {
    &aio_cached, &aio_nothing,
#ifdef CONFIG_LINUX_AIO
    &aio_native,
#endif
#ifdef CONFIG_LIBURING
    &aio_uring,
#endif
};
/* machine lock */
static RequestList queued[ARRAY_SIZE(engines)], finished;
static unsigned watches[2], nwatches;
static bool scheduled, fresh; /* run_again is; something came since the last run */
static uint64_t copy_left;

void request_append(RequestList *l, BlockRequest *r)
{
    r->next = NULL;
    *(l->first ? l->last : &l->first) = r;
    l->last = &r->next;
}

BlockRequest *request_take(RequestList *l)
{
    BlockRequest *r = l->first;
    if (r)
        l->first = r->next;
    return r;
}

void aio_ended(BlockRequest *r, int64_t moved)
{
    r->moved = moved;
    request_append(&finished, r);
}

bool aio_may_copy(uint64_t bytes)
{
    if (bytes > copy_left)
        return false;
    copy_left -= bytes;
    return true;
}

void aio_run(bool wait)
{
    fresh = false;
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        engines[i]->submit(&queued[i]);
        engines[i]->reap(wait && !finished.first);
    }
    for (BlockRequest *r; (r = request_take(&finished));)
        blk_moved(r, r->moved);
}

static void run_again(void *opaque)
{
    scheduled = false;
    copy_left = COPY_MAX;
    aio_run(false);
}

void aio_again(void)
{
    if (!scheduled)
        main_loop_run_soon(run_again, NULL);
    scheduled = true;
}

/* Ends of requests start others: a guest must not keep the lock by that. */
static void released(void)
{
    copy_left = COPY_MAX;
    for (unsigned i = 0; i < ROUNDS_MAX && fresh; i++)
        aio_run(false);
    if (fresh)
        aio_again();
}

void aio_submit(BlockRequest *r)
{
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        if (engines[i] == r->direct.engine)
            request_append(&queued[i], r);
    fresh = true;
    machine_lock_before_release(released);
}

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        /* somebody was here before */
    }
    copy_left = COPY_MAX;
    aio_run(false);
    return G_SOURCE_CONTINUE;
}

/* A vCPU that looks for its wake-up finds it here, without the way through the main loop. */
static bool complete_ready(void)
{
    bool ready = false;
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        ready |= engines[i]->ready && engines[i]->ready();
    if (!ready || !machine_trylock())
        return false;
    copy_left = COPY_MAX;
    aio_run(false);
    machine_unlock();
    return true;
}

void aio_watch(int fd)
{
    g_assert(nwatches < ARRAY_SIZE(watches));
    cpus_poll_hook = complete_ready;
    watches[nwatches++] = g_unix_fd_add(fd, G_IO_IN, readable, NULL);
}

void aio_exit(void)
{
    cpus_poll_hook = NULL;
    while (nwatches)
        g_source_remove(watches[--nwatches]);
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        engines[i]->stop();
}

/* ---- aio=threads ---- */

static bool start_any(Error **errp)
{
    return true;
}

static void cached_submit(RequestList *l)
{
    for (BlockRequest *r; (r = request_take(l));) {
        const BlockDirect *d = &r->direct;
        if (!aio_may_copy(r->vec.size)) {
            aio_ended(r, -EAGAIN);
            continue;
        }
        ssize_t n = preadv2(d->fd, r->vec.v, (int)r->vec.n, (off_t)d->offset, RWF_NOWAIT);
        aio_ended(r, n < 0 ? -errno : n);
        if (n < 0) {
            copy_left += r->vec.size;
            d->node->always_waits = r->moved == -EOPNOTSUPP || r->moved == -ENOSYS;
        }
    }
}

static void reap_none(bool wait)
{
}

static void stop_none(void)
{
}

const AioEngine aio_cached = { .name = "threads", .start = start_any, .submit = cached_submit, .reap = reap_none, .stop = stop_none };

/* ---- null-co ---- */

static void nothing_submit(RequestList *l)
{
    for (BlockRequest *r; (r = request_take(l));) {
        if (r->op == BLOCK_READ)
            block_vec_zero(&r->vec, 0, r->vec.size);
        aio_ended(r, (int64_t)r->vec.size);
    }
}

const AioEngine aio_nothing = { .name = "none", .start = start_any, .submit = nothing_submit, .reap = reap_none, .stop = stop_none };
