/* SPDX-License-Identifier: MIT */
/*
 * aio=io_uring (io_uring(7), by liburing): one ring for all files. Requests are handed over together, by whoever lets go of the machine lock; the
 * host tells their ends by an event. Machine lock.
 */
#ifdef CONFIG_LIBURING
#include "aio.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ENTRIES 128u
#define IN_FLIGHT_MAX 1024u

static struct io_uring ring;
static int event = -1;
static unsigned in_flight, unsent; /* the ring's; of them, those the host does not know yet */

static bool uring_start(Error **errp)
{
    if (event >= 0)
        return true;
    struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = IN_FLIGHT_MAX };
    int ret = io_uring_queue_init_params(ENTRIES, &ring, &p);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to use io_uring: failed to init linux io_uring ring");
        return false;
    }
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ret = fd < 0 ? -errno : io_uring_register_eventfd(&ring, fd);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to use io_uring: no event for its completions");
        io_uring_queue_exit(&ring);
        if (fd >= 0)
            close(fd);
        return false;
    }
    event = fd;
    aio_watch(event);
    return true;
}

static void uring_stop(void)
{
    if (event < 0)
        return;
    io_uring_queue_exit(&ring);
    close(event);
    event = -1;
}

static void prepare(struct io_uring_sqe *sqe, BlockRequest *r)
{
    const BlockDirect *d = &r->direct;
    if (r->op == BLOCK_READ)
        io_uring_prep_readv(sqe, d->fd, r->vec.v, r->vec.n, d->offset);
    else
        io_uring_prep_writev(sqe, d->fd, r->vec.v, r->vec.n, d->offset);
    if (r->op == BLOCK_READ && !(d->node->flags & BLOCK_NOCACHE) && !aio_may_copy(r->vec.size))
        sqe->flags |= IOSQE_ASYNC;
    io_uring_sqe_set_data(sqe, r);
}

static void hand_over(void)
{
    int sent = io_uring_submit(&ring);
    if (sent > 0)
        unsent -= MIN((unsigned)sent, unsent);
    if (unsent) /* no memory in the host, for now */
        aio_again();
}

static void uring_submit(RequestList *l)
{
    if (event < 0)
        return;
    while (l->first && in_flight < IN_FLIGHT_MAX) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        if (!sqe) {
            hand_over();
            sqe = io_uring_get_sqe(&ring);
        }
        if (!sqe)
            break;
        prepare(sqe, request_take(l));
        in_flight++;
        unsent++;
    }
    if (unsent)
        hand_over();
}

static unsigned take_finished(void)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
        aio_ended(io_uring_cqe_get_data(cqe), cqe->res);
        n++;
    }
    io_uring_cq_advance(&ring, n);
    in_flight -= n;
    return n;
}

static void uring_reap(bool wait)
{
    if (event < 0 || !in_flight)
        return;
    while (!take_finished() && wait) {
        int sent = io_uring_submit_and_wait(&ring, 1);
        if (sent > 0)
            unsent -= MIN((unsigned)sent, unsent);
    }
}

/* While vCPUs run, the ring stays. */
static bool uring_ready(void)
{
    return event >= 0 && __atomic_load_n(ring.cq.ktail, __ATOMIC_ACQUIRE) != __atomic_load_n(ring.cq.khead, __ATOMIC_RELAXED);
}

const AioEngine aio_uring = {
    .name = "io_uring", .start = uring_start, .submit = uring_submit, .reap = uring_reap, .ready = uring_ready, .stop = uring_stop,
};
#endif
