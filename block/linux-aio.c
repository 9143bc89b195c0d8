/* SPDX-License-Identifier: MIT */
/* aio=native: the host's asynchronous transfers of files opened with O_DIRECT (io_submit(2), by libaio). Machine lock. */
#ifdef CONFIG_LINUX_AIO
#include "aio.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <libaio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define IN_FLIGHT_MAX 1024
#define BATCH 64

static io_context_t context;
static int event = -1;
static struct iocb *blocks;           /* IN_FLIGHT_MAX; data is the request, or in those not in use the next of them */
static struct iocb *unused;
static unsigned in_flight;

static bool native_start(Error **errp)
{
    if (event >= 0)
        return true;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), ret = fd < 0 ? -errno : io_setup(IN_FLIGHT_MAX, &context);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to use native AIO: failed to create linux AIO context");
        if (fd >= 0)
            close(fd);
        return false;
    }
    event = fd;
    blocks = g_new0(struct iocb, IN_FLIGHT_MAX);
    for (unsigned i = 0; i < IN_FLIGHT_MAX; i++) {
        blocks[i].data = unused;
        unused = &blocks[i];
    }
    aio_watch(event);
    return true;
}

static void native_stop(void)
{
    if (event < 0)
        return;
    io_destroy(context);
    context = NULL;
    close(event);
    event = -1;
    g_free(blocks);
    blocks = unused = NULL;
}

static void give_back(struct iocb *cb)
{
    cb->data = unused;
    unused = cb;
}

static struct iocb *prepare(BlockRequest *r)
{
    struct iocb *cb = unused;
    const BlockDirect *d = &r->direct;
    unused = cb->data;
    if (r->op == BLOCK_READ)
        io_prep_preadv(cb, d->fd, r->vec.v, (int)r->vec.n, (long long)d->offset);
    else
        io_prep_pwritev(cb, d->fd, r->vec.v, (int)r->vec.n, (long long)d->offset);
    io_set_eventfd(cb, event);
    cb->data = r;
    return cb;
}

static void native_submit(RequestList *l)
{
    while (event >= 0 && l->first && unused) {
        struct iocb *batch[BATCH];
        int n = 0, sent;
        for (BlockRequest *r = l->first; r && unused && n < BATCH; r = r->next)
            batch[n++] = prepare(r);
        do
            sent = io_submit(context, n, batch);
        while (sent == -EINTR);
        for (int i = MAX(sent, 0); i < n; i++)
            give_back(batch[i]);
        for (int i = 0; i < sent; i++)
            request_take(l);
        in_flight += (unsigned)MAX(sent, 0);
        if (sent == n)
            continue;
        if (sent <= 0 && (sent != -EAGAIN || !in_flight)) { /* the first of them is at fault, or nothing will make room */
            aio_ended(request_take(l), sent < 0 ? sent : -EAGAIN);
        } else if (sent <= 0) {
            break;
        }
    }
}

static void native_reap(bool wait)
{
    struct timespec now = { 0 };
    while (event >= 0 && in_flight) {
        struct io_event ends[BATCH];
        int n = io_getevents(context, wait ? 1 : 0, BATCH, ends, wait ? NULL : &now);
        for (int i = 0; i < n; i++) {
            struct iocb *cb = ends[i].obj;
            BlockRequest *r = cb->data;
            give_back(cb);
            in_flight--;
            aio_ended(r, (long)ends[i].res);
        }
        wait = wait && n <= 0;
        if (n < BATCH && !wait)
            break;
    }
}

const AioEngine aio_native = { .name = "native", .start = native_start, .submit = native_submit, .reap = native_reap, .stop = native_stop };
#endif
