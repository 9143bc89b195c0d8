/* SPDX-License-Identifier: MIT */
/*
 * Backends: the medium a device sees. A request is checked here, goes straight to the file that holds its bytes (aio.h) or runs on a pool
 * thread against the root node, and completes when the device's code has been left. Under -icount a run must repeat: a request runs where the guest makes it, and completes at a virtual time. A request that failed is
 * reported to the device, made to look well, or kept while the machine is stopped and tried again when it goes on, as werror= and rerror=
 * say; the device knows only the first two. The write cache switch, detect-zeroes and statistics live here, too.
 */
#include "aio.h"
#include "backend.h"
#include "job.h"
#include "exec/icount.h"
#include "exec/replay.h"
#include "block/throttle.h"
#include "hw/boards.h"
#include "hw/device.h"
#include "qmp.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static BlockBackend *backends, **backends_tail = &backends; /* machine lock */
static const BlockDevOps no_ops;

BlockBackend *blk_new(const char *id, Error **errp)
{
    if (id && blk_find(id)) {
        error_setg(errp, "Device with id '%s' already exists", id);
        return NULL;
    }
    BlockBackend *b = g_new0(BlockBackend, 1);
    b->id = g_strdup(id ? id : "");
    b->anonymous = !id;
    b->ops = &no_ops;
    b->parked_tail = &b->parked;
    b->throttled_tail = &b->throttled;
    b->write_cache = true;
    b->on_write_error = BLOCK_ON_ENOSPC;
    *backends_tail = b;
    backends_tail = &b->next;
    return b;
}

void blk_free(BlockBackend *b)
{
    if (!b)
        return;
    blk_eject(b);
    timer_free(b->counted_timer);
    timer_free(b->throttle_timer);
    throttle_group_put(b->group);
    overlay_free(b);
    for (BlockBackend **p = &backends; *p; p = &(*p)->next) {
        if (*p == b) {
            *p = b->next;
            if (backends_tail == &b->next)
                backends_tail = p;
            break;
        }
    }
    g_free(b->id);
    g_free(b);
}

BlockBackend *blk_find(const char *id)
{
    for (BlockBackend *b = backends; b; b = b->next) {
        if (id[0] && !strcmp(b->id, id))
            return b;
    }
    return NULL;
}

BlockBackend *blk_of_node(const char *node_name, Error **errp)
{
    BlockNode *n = block_find_node(node_name);
    if (!n)
        return NULL;
    BlockBackend *b = blk_new(NULL, errp);
    if (b)
        blk_insert(b, block_ref(n));
    return b;
}

void blk_device_gone(BlockBackend *b, bool was_realized)
{
    if (b->dev || (was_realized && drive_of_backend_gone(b)))
        return;
    if (b->anonymous)
        blk_free(b);
}

BlockBackend *blk_next(BlockBackend *b)
{
    return b ? b->next : backends;
}

const char *blk_name(const BlockBackend *b)
{
    return b->id;
}

BlockNode *blk_root(const BlockBackend *b)
{
    return b->root;
}

void blk_insert(BlockBackend *b, BlockNode *root)
{
    b->root = root;
    b->told[0] = b->told[1] = 0;
}

void blk_eject(BlockBackend *b)
{
    if (!b->root)
        return;
    blk_drain(b);
    block_flush(b->root);
    block_unref(b->root);
    b->root = NULL;
}

bool blk_attach(BlockBackend *b, Device *dev, const BlockDevOps *ops, Error **errp)
{
    if (b->dev) {
        error_setg(errp, "Drive '%s' is already in use by another device", b->id);
        return false;
    }
    b->dev = dev;
    b->ops = ops ? ops : &no_ops;
    return true;
}

void blk_detach(BlockBackend *b, Device *dev)
{
    if (b->dev != dev)
        return;
    blk_cancel(b);
    b->dev = NULL;
    b->ops = &no_ops;
}

Device *blk_device(const BlockBackend *b)
{
    return b->dev;
}

uint64_t blk_size(const BlockBackend *b)
{
    return b->root ? block_size(b->root) : 0;
}

bool blk_read_only(const BlockBackend *b)
{
    return b->read_only || (b->root && b->root->read_only);
}

void blk_set_read_only(BlockBackend *b, bool on)
{
    b->read_only = on;
}

bool blk_write_cache(const BlockBackend *b)
{
    return b->write_cache;
}

void blk_set_write_cache(BlockBackend *b, bool on)
{
    b->write_cache = on;
}

void blk_set_on_error(BlockBackend *b, BlockOnError read, BlockOnError write)
{
    b->on_read_error = read;
    b->on_write_error = write;
}

void blk_get_on_error(const BlockBackend *b, BlockOnError *read, BlockOnError *write)
{
    *read = b->on_read_error;
    *write = b->on_write_error;
}

/* ---- Requests ---- */

/* A replayed guest leaves the image alone. */
static int replay_request(BlockBackend *b, const BlockRequest *r)
{
    int ret = 0;
    switch (r->op) {
    case BLOCK_READ:
        ret = block_readv(b->root, r->offset, &r->vec);
        overlay_read(b, r->offset, &r->vec);
        return ret;
    case BLOCK_WRITE: return overlay_write(b, r->offset, r->vec.size, &r->vec);
    case BLOCK_WRITE_ZEROES: return overlay_write(b, r->offset, r->size, NULL);
    default: return 0;
    }
}

/* Pool thread. The root stays: ejecting waits for requests under way. */
static void run_request(void *opaque)
{
    BlockRequest *r = opaque;
    BlockBackend *b = r->blk;
    if (replay_mode == REPLAY_PLAY) {
        r->ret = replay_request(b, r);
        return;
    }
    switch (r->op) {
    case BLOCK_READ: r->ret = block_readv(b->root, r->offset, &r->vec); break;
    case BLOCK_WRITE: r->ret = block_writev(b->root, r->offset, &r->vec); break;
    case BLOCK_FLUSH: r->ret = block_flush(b->root); break;
    case BLOCK_DISCARD: r->ret = block_discard(b->root, r->offset, r->size); break;
    case BLOCK_WRITE_ZEROES: r->ret = block_write_zeroes(b->root, r->offset, r->size, r->unmap && b->root->flags & BLOCK_UNMAP); break;
    }
    if (r->ret == 0 && !b->write_cache && (r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES))
        r->ret = block_flush(b->root);
}

/* ---- Statistics, errors, ends ---- */

static BlockAccount account_of(BlockOp op)
{
    switch (op) {
    case BLOCK_READ: return BLOCK_ACCOUNT_READ;
    case BLOCK_FLUSH: return BLOCK_ACCOUNT_FLUSH;
    case BLOCK_DISCARD: return BLOCK_ACCOUNT_UNMAP;
    default: return BLOCK_ACCOUNT_WRITE;
    }
}

static void count_end(BlockBackend *b, BlockOp op, uint64_t offset, uint64_t bytes, int64_t start, int ret, bool refused)
{
    BlockStats *s = &b->stats;
    BlockAccount a = account_of(op);
    s->last_ns = clock_ns(CLOCK_REALTIME_HOST);
    if (refused) {
        s->invalid[a]++;
        return;
    }
    s->time_ns[a] += (uint64_t)(s->last_ns - start);
    if (ret < 0) {
        s->failed[a]++;
        return;
    }
    s->operations[a]++;
    s->bytes[a] += bytes;
    if (a == BLOCK_ACCOUNT_WRITE)
        s->highest_write = MAX(s->highest_write, offset + bytes);
}

uint64_t block_request_bytes(const BlockRequest *r)
{
    return r->op == BLOCK_READ || r->op == BLOCK_WRITE ? r->vec.size : r->op == BLOCK_FLUSH ? 0 : r->size;
}

const BlockStats *blk_stats(const BlockBackend *b)
{
    return &b->stats;
}

const char *blk_io_status(const BlockBackend *b)
{
    if (!b->ops->io_status || (b->on_write_error < BLOCK_ON_ENOSPC && b->on_read_error < BLOCK_ON_ENOSPC))
        return NULL;
    return !b->io_status ? "ok" : b->io_status == ENOSPC ? "nospace" : "failed";
}

static const char *shown_name(const BlockBackend *b)
{
    return b->root && b->root->filename[0] ? b->root->filename : b->id;
}

static void tell_error(BlockBackend *b, bool is_write, int error, BlockOnError action)
{
    static const char *const actions[] = { "report", "ignore", NULL, "stop" };
    json_t *data = json_pack("{s:s,s:s,s:s,s:s}", "device", b->id, "operation", is_write ? "write" : "read", "action", actions[action], "reason",
                             strerror(error));
    if (b->root)
        json_object_set_new(data, "node-name", json_string(b->root->node_name));
    if (blk_io_status(b))
        json_object_set_new(data, "nospace", json_boolean(error == ENOSPC));
    qmp_event("BLOCK_IO_ERROR", "o", data);
    if (action == BLOCK_ON_STOP)
        error_report("%s: %s error, the machine is stopped: %s", shown_name(b), is_write ? "write" : "read", strerror(error));
    else if (b->told[is_write] != error) /* once, not for each request of a full disk */
        warn_report("%s: %s error: %s%s", shown_name(b), is_write ? "write" : "read", strerror(error),
                    action == BLOCK_ON_IGNORE ? " (ignored)" : "");
    b->told[is_write] = error;
}

static void retry_parked(bool running, RunState state)
{
    for (BlockBackend *b = running ? backends : NULL; b; b = b->next) {
        BlockRequest *r = b->parked, *next;
        b->parked = NULL;
        b->parked_tail = &b->parked;
        b->io_status = 0;
        for (; r; r = next) {
            next = r->next;
            blk_start(b, r);
        }
    }
}

static void stop_for_error(void *opaque)
{
    vm_stop_as(RUN_STATE_IO_ERROR);
}

static void park(BlockBackend *b, BlockRequest *r)
{
    static bool listening;
    if (!listening)
        vm_add_state_listener(retry_parked);
    listening = true;
    r->next = NULL;
    *b->parked_tail = r;
    b->parked_tail = &r->next;
    if (!b->io_status)
        b->io_status = -r->ret;
    if (main_loop_is_here())
        stop_for_error(NULL);
    else /* a vCPU, a pool thread */
        main_loop_run_soon(stop_for_error, NULL);
}

bool blk_waits_for_user(void)
{
    for (const BlockBackend *b = backends; b; b = b->next)
        if (b->parked)
            return true;
    return false;
}

static void complete(void *opaque)
{
    BlockRequest *r = opaque;
    BlockBackend *b = r->blk;
    bool is_write = r->op != BLOCK_READ;
    b->in_flight--;
    cpus_expect_wake(false);
    count_end(b, r->op, r->offset, block_request_bytes(r), r->start, r->ret, r->refused);
    if (r->ret < 0 && !r->refused) {
        BlockOnError on = is_write ? b->on_write_error : b->on_read_error;
        if (on == BLOCK_ON_ENOSPC)
            on = r->ret == -ENOSPC ? BLOCK_ON_STOP : BLOCK_ON_REPORT;
        if (on == BLOCK_ON_STOP && !b->ops->io_status)
            on = BLOCK_ON_REPORT;
        tell_error(b, is_write, -r->ret, on);
        if (on == BLOCK_ON_STOP) {
            park(b, r);
            return;
        }
        if (on == BLOCK_ON_IGNORE)
            r->ret = 0;
    }
    r->done(r, r->ret);
}

/* ---- Transfers without a thread ---- */

static void flush_written(void *opaque)
{
    BlockRequest *r = opaque;
    r->ret = block_flush(r->blk->root);
}

static void submit_direct(BlockBackend *b, BlockRequest *r)
{
    b->direct++;
    aio_submit(r);
}

void blk_moved(BlockRequest *r, int64_t moved)
{
    BlockBackend *b = r->blk;
    b->direct--;
    if (moved == -EAGAIN && r->direct.then) {
        r->direct.engine = r->direct.then;
        r->direct.then = NULL;
        submit_direct(b, r);
    } else if (moved < 0 && moved != -EAGAIN && moved != -EINTR && moved != -EINVAL && moved != -EOPNOTSUPP) {
        r->ret = (int)moved;
        complete(r);
    } else if (moved < 0 || (uint64_t)moved < r->vec.size) { /* not done, or in part: a thread has all means for it */
        block_pool_submit_anywhere(run_request, complete, r);
    } else if (r->op == BLOCK_WRITE && !b->write_cache) {
        block_pool_submit_anywhere(flush_written, complete, r);
    } else {
        complete(r);
    }
}

static bool start_direct(BlockBackend *b, BlockRequest *r)
{
    if ((r->op != BLOCK_READ && r->op != BLOCK_WRITE) || !block_direct(b->root, r->op == BLOCK_WRITE, r->offset, &r->vec, &r->direct))
        return false;
    submit_direct(b, r);
    return true;
}

/* ---- Starts ---- */

static void nothing(void *opaque)
{
    (void)opaque;
}

static int check_request(const BlockBackend *b, const BlockRequest *r)
{
    uint64_t size = r->op == BLOCK_READ || r->op == BLOCK_WRITE ? r->vec.size : r->size, end = blk_size(b);
    if (!b->root)
        return -ENOMEDIUM;
    if (r->op == BLOCK_FLUSH)
        return 0;
    if (r->op != BLOCK_READ && blk_read_only(b))
        return -EPERM;
    return r->offset > end || size > end - r->offset ? -EIO : 0;
}

/* ---- Under -icount ---- */

#define COUNTED_NS 50000 /* from request to completion: that of a fast disk */

static void complete_first(BlockBackend *b)
{
    BlockRequest *r = b->counted_first;
    b->counted_first = r->next;
    complete(r);
}

static void counted_due(void *opaque)
{
    BlockBackend *b = opaque;
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    while (b->counted_first && b->counted_first->due <= now)
        complete_first(b);
    if (b->counted_first)
        timer_mod(b->counted_timer, b->counted_first->due);
}

static void submit_counted(BlockBackend *b, BlockRequest *r)
{
    if (r->ret == 0)
        run_request(r);
    r->due = clock_ns(CLOCK_VIRTUAL) + COUNTED_NS;
    r->next = NULL;
    if (!b->counted_timer)
        b->counted_timer = timer_new(CLOCK_VIRTUAL, counted_due, b);
    if (b->counted_first) {
        b->counted_last->next = r;
    } else {
        b->counted_first = r;
        timer_mod(b->counted_timer, r->due);
    }
    b->counted_last = r;
}

void blk_start(BlockBackend *b, BlockRequest *r)
{
    r->ret = check_request(b, r);
    r->refused = r->ret < 0;
    b->in_flight++;
    cpus_expect_wake(true);
    if (icount_enabled()) {
        submit_counted(b, r);
        return;
    }
    if (r->ret < 0)
        block_pool_submit_anywhere(nothing, complete, r);
    else if (!start_direct(b, r))
        block_pool_submit_anywhere(run_request, complete, r);
}

void blk_submit(BlockBackend *b, BlockRequest *r)
{
    r->blk = b;
    r->start = clock_ns(CLOCK_REALTIME_HOST);
    if (b->group)
        throttle_submit(b, r);
    else
        blk_start(b, r);
}

bool block_busy(void)
{
    for (const BlockBackend *b = backends; b; b = b->next)
        if (b->in_flight || b->throttled)
            return true;
    return false;
}

static void drain_requests(BlockBackend *b)
{
    for (BlockBackend *each = b ? b : backends; each; each = b ? NULL : each->next) {
        throttle_release(each);
        while (each->counted_first)
            complete_first(each);
        while (each->in_flight && !icount_enabled()) {
            if (each->direct)
                aio_run(true);
            else
                block_pool_wait();
        }
    }
}

void blk_drain(BlockBackend *b)
{
    do /* what a request's end starts is waited for, too */
        drain_requests(b);
    while (!b && jobs_drain());
}

void blk_cancel(BlockBackend *b)
{
    blk_drain(b);
    while (b->parked) {
        BlockRequest *r = b->parked;
        b->parked = r->next;
        if (!b->parked) {
            b->parked_tail = &b->parked;
            b->io_status = 0;
        }
        r->done(r, r->ret);
        blk_drain(b);
    }
}

void block_replace(BlockNode *old, BlockNode *by)
{
    blk_drain(NULL);
    for (BlockBackend *b = backends; b; b = b->next) {
        if (b->root != old)
            continue;
        b->root = block_ref(by);
        block_unref(old);
    }
    block_replace_child(old, by);
}

bool block_in_use(const BlockNode *n)
{
    for (const BlockBackend *b = backends; b; b = b->next)
        if (b->root == n)
            return true;
    return block_is_child(n);
}

int blk_pread(BlockBackend *b, uint64_t offset, void *buf, uint64_t size)
{
    struct iovec part = { buf, size };
    int64_t start = clock_ns(CLOCK_REALTIME_HOST);
    int ret = b->root ? block_read(b->root, offset, buf, size) : -ENOMEDIUM;
    count_end(b, BLOCK_READ, offset, size, start, ret, false);
    if (ret >= 0)
        overlay_read(b, offset, &(BlockVec){ &part, 1, size });
    else
        tell_error(b, false, -ret, BLOCK_ON_REPORT);
    return ret;
}

int blk_pwrite(BlockBackend *b, uint64_t offset, const void *buf, uint64_t size)
{
    struct iovec part = { (void *)buf, size };
    if (b->root && replay_mode == REPLAY_PLAY)
        return overlay_write(b, offset, size, &(BlockVec){ &part, 1, size });
    int64_t start = clock_ns(CLOCK_REALTIME_HOST);
    int ret = b->root ? block_write(b->root, offset, buf, size) : -ENOMEDIUM;
    count_end(b, BLOCK_WRITE, offset, size, start, ret, false);
    if (ret < 0)
        tell_error(b, true, -ret, BLOCK_ON_REPORT);
    return ret;
}

void backends_exit(void)
{
    blk_drain(NULL);
    while (backends)
        blk_free(backends);
}
