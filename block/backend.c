/* SPDX-License-Identifier: MIT */
/*
 * Backends: the medium a device sees. A request is checked here, runs on a pool thread against the root node, and completes in the main
 * loop. Under -icount a run must repeat: a request runs where the guest makes it, and completes at a virtual time. werror= and rerror=, the write cache switch, detect-zeroes and statistics live here.
 */
#include "backend.h"
#include "exec/icount.h"
#include "exec/replay.h"
#include "hw/device.h"
#include "hw/boards.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static BlockBackend *backends, **backends_tail = &backends; /* machine lock */

BlockBackend *blk_new(const char *id, Error **errp)
{
    if (id && blk_find(id)) {
        error_setg(errp, "Device with id '%s' already exists", id);
        return NULL;
    }
    BlockBackend *b = g_new0(BlockBackend, 1);
    b->id = g_strdup(id ? id : "");
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

static void tell_device(BlockBackend *b, bool loaded)
{
    if (b->dev && b->medium_changed)
        b->medium_changed(b->dev, loaded);
}

void blk_insert(BlockBackend *b, BlockNode *root)
{
    b->root = root;
    tell_device(b, true);
}

void blk_eject(BlockBackend *b)
{
    if (!b->root)
        return;
    blk_drain(b);
    block_flush(b->root);
    block_unref(b->root);
    b->root = NULL;
    tell_device(b, false);
}

bool blk_attach(BlockBackend *b, Device *dev, void (*medium_changed)(void *dev, bool loaded), Error **errp)
{
    if (b->dev) {
        error_setg(errp, "Drive '%s' is already in use by another device", b->id);
        return false;
    }
    b->dev = dev;
    b->medium_changed = medium_changed;
    return true;
}

void blk_detach(BlockBackend *b, Device *dev)
{
    if (b->dev != dev)
        return;
    blk_drain(b);
    b->dev = NULL;
    b->medium_changed = NULL;
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

static bool all_zero(const BlockVec *v)
{
    for (unsigned i = 0; i < v->n; i++) {
        const uint8_t *p = v->v[i].iov_base;
        size_t n = v->v[i].iov_len;
        if (n && (p[0] || memcmp(p, p + 1, n - 1)))
            return false;
    }
    return true;
}

static int run_write(BlockBackend *b, const BlockRequest *r)
{
    if (b->detect_zeroes && all_zero(&r->vec))
        return block_write_zeroes(b->root, r->offset, r->vec.size, b->detect_zeroes == DETECT_ZEROES_UNMAP);
    return block_writev(b->root, r->offset, &r->vec);
}

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
    case BLOCK_WRITE: r->ret = run_write(b, r); break;
    case BLOCK_FLUSH: r->ret = block_flush(b->root); break;
    case BLOCK_DISCARD: r->ret = block_discard(b->root, r->offset, r->size); break;
    case BLOCK_WRITE_ZEROES: r->ret = block_write_zeroes(b->root, r->offset, r->size, r->unmap && b->root->flags & BLOCK_UNMAP); break;
    }
    if (r->ret == 0 && !b->write_cache && (r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES))
        r->ret = block_flush(b->root);
}

static void complete(void *opaque)
{
    BlockRequest *r = opaque;
    BlockBackend *b = r->blk;
    b->in_flight--;
    r->done(r, r->ret);
}

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

void blk_submit(BlockBackend *b, BlockRequest *r)
{
    r->blk = b;
    r->ret = check_request(b, r);
    b->in_flight++;
    if (icount_enabled()) {
        submit_counted(b, r);
        return;
    }
    if (r->ret < 0)
        block_pool_submit(nothing, complete, r);
    else
        block_pool_submit(run_request, complete, r);
}

bool block_busy(void)
{
    for (const BlockBackend *b = backends; b; b = b->next)
        if (b->in_flight)
            return true;
    return false;
}

void blk_drain(BlockBackend *b)
{
    for (BlockBackend *each = b ? b : backends; each; each = b ? NULL : each->next) {
        while (each->counted_first)
            complete_first(each);
        while (each->in_flight && !icount_enabled())
            block_pool_wait();
    }
}

static void stop_for_error(void *opaque)
{
    vm_stop_as(RUN_STATE_IO_ERROR);
}

BlockErrorAction blk_error_action(BlockBackend *b, bool is_write, int error)
{
    BlockOnError on = is_write ? b->on_write_error : b->on_read_error;
    if (on == BLOCK_ON_ENOSPC)
        on = error == ENOSPC || error == -ENOSPC ? BLOCK_ON_STOP : BLOCK_ON_REPORT;
    if (on == BLOCK_ON_IGNORE)
        return BLOCK_ERROR_IGNORE;
    if (on == BLOCK_ON_REPORT)
        return BLOCK_ERROR_REPORT;
    error_report("%s: %s error, the machine is stopped: %s", b->id, is_write ? "write" : "read", strerror(error < 0 ? -error : error));
    if (current_cpu) /* -icount */
        main_loop_run_soon(stop_for_error, NULL);
    else
        stop_for_error(NULL);
    return BLOCK_ERROR_STOP;
}

int blk_pread(BlockBackend *b, uint64_t offset, void *buf, uint64_t size)
{
    struct iovec part = { buf, size };
    int ret = b->root ? block_read(b->root, offset, buf, size) : -ENOMEDIUM;
    if (ret >= 0)
        overlay_read(b, offset, &(BlockVec){ &part, 1, size });
    return ret;
}

int blk_pwrite(BlockBackend *b, uint64_t offset, const void *buf, uint64_t size)
{
    struct iovec part = { (void *)buf, size };
    if (b->root && replay_mode == REPLAY_PLAY)
        return overlay_write(b, offset, size, &(BlockVec){ &part, 1, size });
    return b->root ? block_write(b->root, offset, buf, size) : -ENOMEDIUM;
}

void backends_exit(void)
{
    blk_drain(NULL);
    while (backends)
        blk_free(backends);
}
