/* SPDX-License-Identifier: MIT */
/*
 * The backup job: the target is to hold what the disk held when the job started. The guest writes on: before a write changes a cluster that
 * is not copied yet, it is copied. When that fails the job does; the guest's write goes on.
 */
#include "backend.h"
#include "bitmap.h"
#include "gate.h"
#include "job.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>

#define CHUNK_MIN (1u << 20)
#define CLUSTER_MIN (64u << 10)

typedef struct CopyRange { /* some thread copies it */
    uint64_t first, end;
    struct CopyRange *next;
} CopyRange;

typedef struct Backup {
    Job j;
    BackupOptions b;
    BlockNode *n, *target;
    BlockBitmap *todo;       /* what is still to be copied */
    BlockGate gate;
    bool gated;
    uint64_t cluster;        /* bytes to a bit of todo */
    uint64_t chunk;          /* bytes copied at once: whole clusters */
    uint8_t *kept;           /* bytes of the user's bitmap as it was, or NULL */
    uint64_t scan;           /* step */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    CopyRange *ranges;       /* lock */
    int failed;              /* -errno of a copy before a write. lock */
    bool failed_reading;     /* lock */
} Backup;

/* ---- Copying: pool threads ---- */

static int write_compressed(Backup *b, uint64_t at, uint8_t *buf, uint64_t size)
{
    uint64_t unit = b->target->cluster_size ? b->target->cluster_size : b->cluster;
    int ret = 0;
    for (uint64_t done = 0, n; ret == 0 && done < size; done += n) {
        n = MIN(unit, size - done);
        struct iovec part = { buf + done, n };
        ret = block_write_compressed(b->target, at + done, &(BlockVec){ &part, 1, n });
    }
    return ret;
}

static int copy_data(Backup *b, uint64_t at, uint64_t size, bool *is_read)
{
    uint64_t run = size;
    *is_read = true;
    int zero = block_reads_as_zero(b->n, at, &run);
    if (zero < 0)
        return zero;
    if (zero && run >= size) {
        *is_read = false;
        return block_write_zeroes(b->target, at, size, true);
    }
    uint8_t *buf = g_try_malloc(size);
    int ret = buf ? block_read(b->n, at, buf, size) : -ENOMEM;
    *is_read = ret < 0;
    if (ret == 0)
        ret = b->b.compress ? write_compressed(b, at, buf, size) : block_write(b->target, at, buf, size);
    g_free(buf);
    return ret;
}

/* Waits while another thread copies a part of [first, end). lock held. */
static void claim(Backup *b, CopyRange *r, uint64_t first, uint64_t end)
{
    for (bool clash = true; clash;) {
        clash = false;
        for (const CopyRange *o = b->ranges; o && !clash; o = o->next)
            clash = o->first < end && first < o->end;
        if (clash)
            pthread_cond_wait(&b->changed, &b->lock);
    }
    *r = (CopyRange){ first, end, b->ranges };
    b->ranges = r;
}

static void release(Backup *b, CopyRange *r)
{
    CopyRange **p = &b->ranges;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
    pthread_cond_broadcast(&b->changed);
}

/* Copies what is to be copied of [first, end), whole clusters. */
static int copy_range(Backup *b, uint64_t first, uint64_t end, bool *is_read)
{
    CopyRange r;
    int ret = 0;
    pthread_mutex_lock(&b->lock);
    claim(b, &r, first, end);
    pthread_mutex_unlock(&b->lock);
    for (uint64_t at = first, size; ret == 0 && at < end; at += size) {
        size = MIN(b->chunk, end - at);
        if (!block_bitmap_next(b->todo, &at, &size) || at >= end)
            break;
        size = MIN(size, end - at);
        ret = copy_data(b, at, size, is_read);
        if (ret == 0) {
            block_bitmap_unmark(b->todo, at, size);
            __atomic_fetch_add(&b->j.offset, size, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_lock(&b->lock);
    release(b, &r);
    pthread_mutex_unlock(&b->lock);
    return ret;
}

/* The guest is about to write. */
static void before_write(void *opaque, uint64_t offset, uint64_t size)
{
    Backup *b = opaque;
    uint64_t first = offset / b->cluster * b->cluster, end = MIN((offset + size + b->cluster - 1) / b->cluster * b->cluster, b->todo->size);
    bool is_read = false;
    pthread_mutex_lock(&b->lock);
    bool lost = b->failed;
    pthread_mutex_unlock(&b->lock);
    if (lost || first >= end)
        return;
    int ret = copy_range(b, first, end, &is_read);
    pthread_mutex_lock(&b->lock);
    if (ret < 0 && !b->failed) {
        b->failed = ret;
        b->failed_reading = is_read;
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- Steps ---- */

/* sync=top: what the images below hold needs no copy. */
static int scan_step(Backup *b)
{
    uint64_t size = b->todo->size, stop = MIN(size, b->scan + (1ull << 30));
    while (b->scan < stop) {
        uint64_t at = b->scan, run = stop - at;
        int s = block_status(b->n, at, &run, NULL);
        if (s < 0 || !run) {
            b->j.is_read = true;
            return s < 0 ? s : -EIO;
        }
        if (!(s & BLOCK_ALLOCATED))
            block_bitmap_unmark(b->todo, at, run);
        b->scan += run;
    }
    b->j.len = b->j.offset + block_bitmap_count(b->todo);
    return JOB_MORE;
}

static int backup_step(Job *j)
{
    Backup *b = (Backup *)j;
    pthread_mutex_lock(&b->lock);
    int failed = b->failed;
    j->is_read = b->failed_reading;
    pthread_mutex_unlock(&b->lock);
    if (failed)
        return failed;
    if (b->b.sync == SYNC_TOP && b->scan < b->todo->size)
        return scan_step(b);
    if (b->b.sync == SYNC_NONE)
        return JOB_IDLE;
    uint64_t at = 0, size = b->chunk;
    if (!block_bitmap_next(b->todo, &at, &size))
        return JOB_FINISHED;
    bool is_read = false;
    int ret = copy_range(b, at, at + size, &is_read);
    j->bytes = size;
    if (ret < 0) {
        j->is_read = is_read;
        if ((is_read ? j->on_source_error : j->on_target_error) == JOB_ON_IGNORE)
            block_bitmap_unmark(b->todo, at, size); /* the copy lacks it */
    }
    return ret < 0 ? ret : JOB_MORE;
}

static int backup_prepare(Job *j, Error **errp)
{
    return block_flush(((Backup *)j)->target);
}

/* The user's bitmap says again what a next backup has to copy. */
static void give_bitmap_back(Backup *b, bool ok)
{
    BlockBitmap *user = b->b.bitmap;
    if (!user)
        return;
    user->busy = false;
    if (!b->kept)
        return;
    bool again = b->b.bitmap_mode == BITMAP_NEVER || (!ok && b->b.bitmap_mode == BITMAP_ON_SUCCESS);
    if (!again && !ok) { /* always: what was not copied is left */
        block_bitmap_or(user, b->todo);
    } else if (again) {
        uint64_t bits = block_bitmap_bytes(user) * 8;
        for (uint64_t i = 0; i < bits; i++)
            if (b->kept[i / 8] >> i % 8 & 1)
                block_bitmap_mark(user, i * user->granularity, user->granularity);
    }
    g_free(b->kept);
    b->kept = NULL;
}

static void backup_clean(Job *j)
{
    Backup *b = (Backup *)j;
    blk_drain(NULL);
    if (b->gated)
        gate_remove(b->n, &b->gate);
    give_bitmap_back(b, j->ret == 0 && j->started);
    if (b->todo)
        block_bitmap_free(b->todo);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
}

static const JobType backup_type = {
    .name = "backup", .on_disk = true, .size = sizeof(Backup), .step = backup_step, .prepare = backup_prepare, .clean = backup_clean,
};

static bool set_up(Backup *b, Error **errp)
{
    uint64_t size = block_size(b->n);
    if (b->target->read_only || block_size(b->target) != size) {
        error_setg(errp, b->target->read_only ? "The target is read-only" : "Source and target image have different sizes");
        return false;
    }
    if (b->b.compress && !b->target->drv->write_compressed) {
        error_setg(errp, "Compression is not supported for this target node");
        return false;
    }
    b->cluster = MAX(CLUSTER_MIN, b->target->cluster_size);
    b->chunk = MAX(CHUNK_MIN, b->cluster);
    b->todo = block_bitmap_new(b->n, NULL, b->cluster, errp);
    if (!b->todo)
        return false;
    b->todo->enabled = false;
    blk_drain(NULL); /* this is the moment */
    if (b->b.bitmap) {
        BlockBitmap *user = b->b.bitmap;
        b->kept = g_malloc0(block_bitmap_bytes(user) + 1);
        block_bitmap_get_bytes(user, 0, b->kept, block_bitmap_bytes(user));
        if (b->b.sync >= SYNC_INCREMENTAL)
            block_bitmap_or(b->todo, user);
        block_bitmap_reset(user);
        user->busy = true;
    }
    if (b->b.sync < SYNC_INCREMENTAL)
        block_bitmap_mark(b->todo, 0, size);
    b->j.len = b->b.sync >= SYNC_INCREMENTAL ? block_bitmap_count(b->todo) : size;
    b->gate = (BlockGate){ .before = before_write, .opaque = b };
    gate_install(b->n, &b->gate);
    b->gated = true;
    return true;
}

Job *backup_start(BlockNode *n, BlockNode *target, const BackupOptions *options, const JobOptions *o, Error **errp)
{
    BlockNode *nodes[] = { n, target };
    if (n == target) {
        error_setg(errp, "Source and target cannot be the same");
        return NULL;
    }
    Backup *b = (Backup *)job_new(&backup_type, block_device_name(n), o, nodes, 2, errp);
    if (!b)
        return NULL;
    b->b = *options;
    b->b.bitmap = NULL; /* not ours before set_up has it */
    b->n = n;
    b->target = target;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->b.bitmap = options->bitmap && block_bitmap_usable(options->bitmap, options->bitmap_mode != BITMAP_NEVER, errp) ? options->bitmap : NULL;
    if ((options->bitmap && !b->b.bitmap) || !set_up(b, errp)) {
        job_discard(&b->j);
        return NULL;
    }
    if (!o->hold)
        job_start(&b->j);
    return &b->j;
}
