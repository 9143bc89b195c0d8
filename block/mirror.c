/* SPDX-License-Identifier: MIT */
/*
 * The mirror job: copies a disk to a target while it is written, until both hold the same; then it is ready, keeps them so, and on
 * the user's word lets the target take the disk's place. Committing the image in use is the same with a backing image as target.
 *
 * A bitmap says what is to be copied. Bits are cleared before their range is read and set after a write: a write in between is copied again.
 */
#include "backend.h"
#include "bitmap.h"
#include "gate.h"
#include "job.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>

#define MIRROR_CHUNK (1u << 20)
#define SCAN_BYTES (1ull << 30)    /* of the disk looked at in one step */
#define LAST_BYTES (8ull << 20)    /* so much may be left to the moment when the disk stands still */

typedef struct Mirror {
    Job j;
    MirrorOptions m;
    BlockNode *n, *target;
    BlockBitmap *dirty;
    BlockGate gate;
    bool gated;
    pthread_mutex_t copying; /* one range at a time; buf */
    uint8_t *buf;
    uint64_t scan;           /* step: what is before it was looked at */
    uint64_t at;             /* step: where to look for the next bit */
    bool should_end, pivot;  /* main loop; read by steps */
    bool target_was_read_only;
} Mirror;

/* ---- Copying: pool threads, or the main loop while nothing is under way ---- */

static int copy_piece(Mirror *m, uint64_t at, uint64_t size, bool *is_read)
{
    *is_read = true;
    uint64_t run = size;
    int zero = block_reads_as_zero(m->n, at, &run);
    if (zero < 0)
        return zero;
    if (zero && run >= size) {
        *is_read = false;
        return block_write_zeroes(m->target, at, size, m->m.unmap);
    }
    int ret = block_read(m->n, at, m->buf, size);
    *is_read = ret < 0;
    return ret ? ret : block_write(m->target, at, m->buf, size);
}

/* Copies [at, at + size), whole bits; what failed is marked again. */
static int copy_range(Mirror *m, uint64_t at, uint64_t size, bool *is_read)
{
    int ret = 0;
    pthread_mutex_lock(&m->copying);
    block_bitmap_unmark(m->dirty, at, size);
    for (uint64_t done = 0, n; ret == 0 && done < size; done += n) {
        n = MIN(MIRROR_CHUNK, size - done);
        ret = copy_piece(m, at + done, n, is_read);
        if (ret < 0)
            block_bitmap_mark(m->dirty, at + done, size - done);
    }
    pthread_mutex_unlock(&m->copying);
    return ret;
}

/* To the end of the last bit that [at, at + size) touches. */
static uint64_t end_of_bits(const Mirror *m, uint64_t at, uint64_t size)
{
    uint64_t g = m->dirty->granularity;
    return MIN((at + size + g - 1) & ~(g - 1), block_size(m->n));
}

/* write-blocking: the guest's write waits for its copy. */
static void copy_write(void *opaque, uint64_t offset, uint64_t size)
{
    Mirror *m = opaque;
    uint64_t first = offset & ~(m->dirty->granularity - 1), end = end_of_bits(m, offset, size);
    bool is_read;
    if (first < end)
        copy_range(m, first, end - first, &is_read); /* a failure is the job's: the bits are set again */
}

/* ---- Steps ---- */

/* Marks what is there to be copied. */
static int scan_step(Mirror *m)
{
    uint64_t size = block_size(m->n), stop = MIN(size, m->scan + SCAN_BYTES);
    BlockNode *end = m->m.commits ? m->target : m->m.sync == SYNC_TOP ? m->n->backing : NULL;
    if (m->m.sync == SYNC_NONE)
        m->scan = size;
    else if (m->m.sync == SYNC_FULL && !m->m.target_empty && !m->m.commits) {
        block_bitmap_mark(m->dirty, 0, size);
        m->scan = size;
    }
    while (m->scan < stop) {
        uint64_t at = m->scan, run = stop - at;
        int s = 0;
        for (BlockNode *n = m->n; n && n != end && !(s & BLOCK_ALLOCATED); n = n->backing) {
            if (at >= block_size(n)) {
                s = BLOCK_ALLOCATED;
                break;
            }
            s = block_status(n, at, &run, NULL);
            if (s < 0) {
                m->j.is_read = true;
                return s;
            }
        }
        if (!run)
            return -EIO;
        if (s & BLOCK_ALLOCATED)
            block_bitmap_mark(m->dirty, at, run);
        m->scan += run;
    }
    m->j.len = block_bitmap_count(m->dirty);
    return JOB_MORE;
}

static int mirror_step(Job *j)
{
    Mirror *m = (Mirror *)j;
    if (m->scan < block_size(m->n))
        return scan_step(m);
    uint64_t left = block_bitmap_count(m->dirty), at = m->at, size = MIRROR_CHUNK;
    if (!left || (__atomic_load_n(&m->should_end, __ATOMIC_RELAXED) && job_is_ready(j) && left <= LAST_BYTES))
        return JOB_IDLE;
    if (!block_bitmap_next(m->dirty, &at, &size)) {
        at = 0;
        size = MIRROR_CHUNK;
        if (!block_bitmap_next(m->dirty, &at, &size))
            return JOB_IDLE;
    }
    at &= ~(m->dirty->granularity - 1);
    uint64_t end = end_of_bits(m, at, size);
    bool is_read;
    int ret = copy_range(m, at, end - at, &is_read);
    m->at = end < block_size(m->n) ? end : 0;
    if (ret < 0) {
        j->is_read = is_read;
        return ret;
    }
    j->bytes = end - at;
    j->offset += end - at;
    j->len = j->offset + block_bitmap_count(m->dirty);
    return JOB_MORE;
}

static bool mirror_idle(Job *j)
{
    Mirror *m = (Mirror *)j;
    job_ready(j);
    if (!m->should_end)
        return true;
    job_finish(j, 0);
    return false;
}

static bool mirror_complete(Job *j, Error **errp)
{
    Mirror *m = (Mirror *)j;
    if (m->m.replaces && !block_in_use(m->m.replaces)) {
        error_setg(errp, "Node '%s' is not in use", m->m.replaces->node_name);
        return false;
    }
    m->pivot = true;
    __atomic_store_n(&m->should_end, true, __ATOMIC_RELAXED);
    return true;
}

/* The target stays as it is, a copy of this moment; a commit has nothing to leave. */
static bool mirror_cancel(Job *j)
{
    Mirror *m = (Mirror *)j;
    if (!m->pivot)
        __atomic_store_n(&m->should_end, true, __ATOMIC_RELAXED);
    return true;
}

/* The disk stands still: the rest is copied, and the target takes its place. */
static int mirror_prepare(Job *j, Error **errp)
{
    Mirror *m = (Mirror *)j;
    blk_drain(NULL);
    int ret = 0;
    for (uint64_t at = 0, end, size = MIRROR_CHUNK; ret == 0 && block_bitmap_next(m->dirty, &at, &size); at = end, size = MIRROR_CHUNK) {
        end = end_of_bits(m, at, size);
        ret = copy_range(m, at, end - at, &j->is_read);
    }
    ret = ret ? ret : block_flush(m->target);
    if (ret == 0 && m->pivot) {
        block_replace(m->m.replaces ? m->m.replaces : m->n, m->target);
        m->target_was_read_only = false; /* it is written from now on */
    }
    return ret;
}

static void mirror_clean(Job *j)
{
    Mirror *m = (Mirror *)j;
    blk_drain(NULL);
    if (m->gated)
        gate_remove(m->n, &m->gate);
    if (m->target_was_read_only)
        block_set_writable(m->target, false, NULL);
    if (m->dirty)
        block_bitmap_free(m->dirty);
    pthread_mutex_destroy(&m->copying);
    g_free(m->buf);
}

static const JobType mirror_type = {
    .name = "mirror", .on_disk = true, .size = sizeof(Mirror), .step = mirror_step, .idle = mirror_idle, .complete = mirror_complete,
    .cancel = mirror_cancel, .prepare = mirror_prepare, .clean = mirror_clean,
};
static const JobType active_commit_type = {
    .name = "commit", .on_disk = true, .size = sizeof(Mirror), .step = mirror_step, .idle = mirror_idle, .complete = mirror_complete,
    .cancel = mirror_cancel, .prepare = mirror_prepare, .clean = mirror_clean,
};

static bool set_up(Mirror *m, Error **errp)
{
    BlockNode *t = m->target;
    blk_drain(NULL);
    bool was_read_only = t->read_only;
    if (was_read_only && !block_set_writable(t, true, errp))
        return false;
    m->target_was_read_only = was_read_only;
    if (m->m.commits && block_size(t) < block_size(m->n) && block_truncate(t, block_size(m->n), NULL, errp) < 0)
        return false;
    if (block_size(t) != block_size(m->n) && !m->m.commits) {
        error_setg(errp, "Source and target image have different sizes");
        return false;
    }
    m->dirty = block_bitmap_new(m->n, NULL, m->m.granularity, errp);
    if (!m->dirty)
        return false;
    if (m->m.write_blocking) {
        m->gate = (BlockGate){ .after = copy_write, .opaque = m };
        gate_install(m->n, &m->gate);
        m->gated = true;
    }
    return true;
}

Job *mirror_start(BlockNode *n, BlockNode *target, const MirrorOptions *options, const JobOptions *o, Error **errp)
{
    BlockNode *nodes[] = { n, target, options->replaces };
    if (n == target) {
        error_setg(errp, "Can't mirror node into itself");
        return NULL;
    }
    Mirror *m = (Mirror *)job_new(options->commits ? &active_commit_type : &mirror_type, block_device_name(n), o, nodes, options->replaces ? 3 : 2, errp);
    if (!m)
        return NULL;
    m->m = *options;
    m->n = n;
    m->target = target;
    m->buf = g_malloc(MIRROR_CHUNK);
    pthread_mutex_init(&m->copying, NULL);
    if (!set_up(m, errp)) {
        job_discard(&m->j);
        return NULL;
    }
    if (!o->hold)
        job_start(&m->j);
    return &m->j;
}
