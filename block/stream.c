/* SPDX-License-Identifier: MIT */
/*
 * Jobs that make a chain of backing images shorter: stream copies what the images below hold up into the one in use, commit copies what
 * images above a base hold down into it. (Committing the image in use is a mirror to its base: mirror.c.)
 */
#include "backend.h"
#include "gate.h"
#include "job.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>

#define STREAM_CHUNK (512u << 10)

typedef struct Chain {
    Job j;
    BlockNode *n;           /* stream: the one in use. commit: the one whose backing image is top */
    BlockNode *top, *base;  /* commit: from top down to base; stream: base or NULL */
    char *backing_file;     /* what the header is to say, or NULL */
    BlockGate gate;         /* stream */
    uint64_t at;            /* step */
    uint8_t *buf;
    bool base_was_read_only, n_was_read_only;
} Chain;

/*
 * Who decides what is read at an offset, of from and what it stands on, down to base (not included). 1: one of them holds data, 2: zeroes,
 * 0: none. Shortens *size.
 */
static int chain_status(BlockNode *from, const BlockNode *base, uint64_t at, uint64_t *size)
{
    for (BlockNode *n = from; n && n != base; n = n->backing) {
        uint64_t end = block_size(n);
        if (at >= end)
            return 2; /* past the end of an image there are zeroes */
        *size = MIN(*size, end - at);
        int s = block_status(n, at, size, NULL);
        if (s < 0)
            return s;
        if (s & BLOCK_ALLOCATED)
            return s & BLOCK_ZERO ? 2 : 1;
    }
    return 0;
}

static uint64_t chunk_at(const Chain *c)
{
    return MIN(STREAM_CHUNK, c->j.len - c->at);
}

/* ---- stream ---- */

/* The range is ours: copies the parts of it that n lacks. */
static int stream_range(Chain *c, uint64_t at, uint64_t size)
{
    for (uint64_t end = at + size, run; at < end; at += run) {
        run = end - at;
        int s = block_status(c->n, at, &run, NULL);
        if (s < 0 || !run)
            return s < 0 ? s : -EIO;
        if (s & BLOCK_ALLOCATED)
            continue;
        c->j.is_read = true;
        s = chain_status(c->n->backing, c->base, at, &run);
        int ret = s < 0 ? s : s == 1 ? block_read(c->n, at, c->buf, run) : 0;
        if (ret < 0)
            return ret;
        c->j.is_read = false;
        ret = s ? block_write_unchanged(c->n, at, s == 1 ? c->buf : NULL, run) : 0;
        if (ret < 0)
            return ret;
        c->j.bytes += s ? run : 0;
    }
    return 0;
}

static int stream_step(Job *j)
{
    Chain *c = (Chain *)j;
    if (c->at >= j->len)
        return JOB_FINISHED;
    uint64_t size = chunk_at(c);
    GateRange r;
    gate_keep(&c->gate, &r, c->at, size);
    int ret = stream_range(c, c->at, size);
    gate_release(&r);
    if (ret < 0) {
        if (j->on_source_error == JOB_ON_IGNORE && j->is_read)
            c->at += size;
        return ret;
    }
    c->at += size;
    j->offset = c->at;
    return JOB_MORE;
}

static int stream_prepare(Job *j, Error **errp)
{
    Chain *c = (Chain *)j;
    BlockNode *n = c->n, *old = n->backing;
    const char *name = c->backing_file ? c->backing_file : c->base ? c->base->filename : NULL;
    blk_drain(NULL);
    int ret = block_flush(n);
    if (ret < 0 || !old)
        return ret;
    if (!n->drv->set_backing || !n->drv->set_backing(n, name, c->base ? c->base->drv->name : NULL, errp))
        return -EIO;
    n->backing = block_ref(c->base);
    block_unref(old);
    return 0;
}

static void chain_clean(Job *j)
{
    Chain *c = (Chain *)j;
    blk_drain(NULL);
    gate_remove(c->n, &c->gate);
    g_free(c->backing_file);
    g_free(c->buf);
}

static const JobType stream_type = {
    .name = "stream", .on_disk = true, .size = sizeof(Chain), .step = stream_step, .prepare = stream_prepare, .clean = chain_clean,
};

Job *stream_start(BlockNode *n, BlockNode *base, const char *backing_file, const JobOptions *o, Error **errp)
{
    BlockNode *nodes[] = { n, base };
    if (n->read_only) {
        error_setg(errp, "Block node is read-only");
        return NULL;
    }
    Chain *c = (Chain *)job_new(&stream_type, block_device_name(n), o, nodes, base ? 2 : 1, errp);
    if (!c)
        return NULL;
    c->n = n;
    c->base = base;
    c->backing_file = g_strdup(backing_file);
    c->buf = g_malloc(STREAM_CHUNK);
    c->j.len = block_size(n);
    blk_drain(NULL);
    gate_install(n, &c->gate);
    if (!o->hold)
        job_start(&c->j);
    return &c->j;
}

/* ---- commit ---- */

static int commit_step(Job *j)
{
    Chain *c = (Chain *)j;
    if (c->at >= j->len)
        return JOB_FINISHED;
    uint64_t size = chunk_at(c);
    j->is_read = true;
    int s = chain_status(c->top, c->base, c->at, &size), ret = s < 0 ? s : s == 1 ? block_read(c->top, c->at, c->buf, size) : 0;
    if (ret == 0 && s) {
        j->is_read = false;
        ret = s == 1 ? block_write(c->base, c->at, c->buf, size) : block_write_zeroes(c->base, c->at, size, true);
    }
    if (ret < 0) {
        if ((j->is_read ? j->on_source_error : j->on_target_error) == JOB_ON_IGNORE)
            c->at += size;
        return ret;
    }
    j->bytes = s ? size : 0;
    c->at += size;
    j->offset = c->at;
    return JOB_MORE;
}

/* Gives back what only this job may write. */
static void commit_restore(Chain *c)
{
    blk_drain(NULL);
    if (c->base_was_read_only)
        block_set_writable(c->base, false, NULL);
    c->base_was_read_only = false;
}

static int commit_prepare(Job *j, Error **errp)
{
    Chain *c = (Chain *)j;
    BlockNode *over = c->n, *old = over->backing;
    const char *name = c->backing_file ? c->backing_file : c->base->filename;
    blk_drain(NULL);
    int ret = block_flush(c->base);
    if (ret < 0)
        return ret;
    commit_restore(c);
    bool was_read_only = over->read_only;
    if (was_read_only && !block_set_writable(over, true, errp))
        return -EACCES;
    bool ok = over->drv->set_backing && over->drv->set_backing(over, name, c->base->drv->name, errp);
    if (was_read_only)
        block_set_writable(over, false, NULL);
    if (!ok)
        return -EIO;
    over->backing = block_ref(c->base);
    block_unref(old);
    return 0;
}

static void commit_abort(Job *j)
{
    commit_restore((Chain *)j);
}

static const JobType commit_type = {
    .name = "commit", .on_disk = true, .size = sizeof(Chain), .step = commit_step, .prepare = commit_prepare, .abort = commit_abort,
    .clean = chain_clean,
};

Job *commit_start(BlockNode *n, BlockNode *top, BlockNode *base, const char *backing_file, const JobOptions *o, Error **errp)
{
    BlockNode *over = n, *nodes[4];
    while (over && over->backing != top)
        over = over->backing;
    if (!over) {
        error_setg(errp, "Could not find overlay image");
        return NULL;
    }
    const char *device = block_device_name(n);
    nodes[0] = over;
    nodes[1] = top;
    nodes[2] = base;
    nodes[3] = n;
    Chain *c = (Chain *)job_new(&commit_type, device, o, nodes, n == over ? 3 : 4, errp);
    if (!c)
        return NULL;
    c->n = over;
    c->top = top;
    c->base = base;
    c->j.len = block_size(top);
    c->buf = g_malloc(STREAM_CHUNK);
    blk_drain(NULL);
    bool was_read_only = base->read_only, ok = !was_read_only || block_set_writable(base, true, errp);
    c->base_was_read_only = ok && was_read_only;
    ok = ok && (block_size(base) >= c->j.len || block_truncate(base, c->j.len, NULL, errp) == 0);
    if (!ok) {
        job_discard(&c->j);
        return NULL;
    }
    c->backing_file = g_strdup(backing_file);
    if (!o->hold)
        job_start(&c->j);
    return &c->j;
}
