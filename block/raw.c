/* SPDX-License-Identifier: MIT */
/* The "raw" format: the file's bytes are the disk's; offset= and size= choose a part. And "null-co": a disk of zeroes. */
#include "aio.h"
#include "block/block.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

typedef struct RawState {
    uint64_t offset;
    bool fixed; /* size= was given */
} RawState;

static const char *const raw_keys[] = { "offset", "size", NULL };

static bool get_size(OptGroup *o, const char *prefix, const char *key, uint64_t *out, bool *given, Error **errp)
{
    char *k = g_strconcat(prefix, key, NULL);
    *given = o && opts_get(o, k) != NULL;
    bool ok = !*given || opts_get_size(o, k, out, errp);
    g_free(k);
    return ok;
}

static bool raw_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    RawState *s = n->state;
    uint64_t size = 0, have = block_size(n->file);
    bool has_offset;
    if (!get_size(o, prefix, "offset", &s->offset, &has_offset, errp) || !get_size(o, prefix, "size", &size, &s->fixed, errp))
        return false;
    if (s->offset > have || (s->fixed && size > have - s->offset)) {
        error_setg(errp, "The sum of offset (%" G_GUINT64_FORMAT ") and size (%" G_GUINT64_FORMAT ") has to be smaller or equal to the actual "
                         "size of the containing file (%" G_GUINT64_FORMAT ")", s->offset, size, have);
        return false;
    }
    n->size = s->fixed ? size : (have - s->offset + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return true;
}

static int raw_probe(const uint8_t *head, size_t len, const char *filename)
{
    return 1;
}

static int raw_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return block_readv(n->file, offset + ((RawState *)n->state)->offset, v);
}

static int raw_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return block_writev(n->file, offset + ((RawState *)n->state)->offset, v);
}

static bool raw_direct(BlockNode *n, bool write, uint64_t offset, const BlockVec *v, BlockDirect *out)
{
    return block_direct(n->file, write, offset + ((RawState *)n->state)->offset, v, out);
}

static int raw_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    return block_write_zeroes(n->file, offset + ((RawState *)n->state)->offset, size, unmap);
}

static int raw_discard(BlockNode *n, uint64_t offset, uint64_t size)
{
    return block_discard(n->file, offset + ((RawState *)n->state)->offset, size);
}

static int raw_truncate(BlockNode *n, uint64_t size, const char *prealloc, Error **errp)
{
    RawState *s = n->state;
    if (s->fixed || s->offset) {
        error_setg(errp, "Cannot resize fixed-size raw disks");
        return -ENOTSUP;
    }
    int ret = block_truncate(n->file, size, prealloc, errp);
    if (ret == 0)
        __atomic_store_n(&n->size, size, __ATOMIC_RELAXED);
    return ret;
}

static int raw_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    uint64_t wanted = *size;
    int s = block_status(n->file, offset + ((RawState *)n->state)->offset, size, map);
    if (s >= 0 && !*size) { /* the end of the last sector, which the file does not have */
        *size = wanted;
        return BLOCK_ZERO | BLOCK_ALLOCATED;
    }
    return s;
}

static bool raw_create(const char *filename, OptGroup *o, Error **errp)
{
    return block_create("file", filename, o, errp);
}

static bool raw_measure(OptGroup *o, BlockNode *in, uint64_t size, BlockMeasure *out, Error **errp)
{
    opts_get(o, "preallocation");
    opts_get(o, "nocow");
    out->required = out->fully_allocated = (size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return true;
}

static const char *const raw_create_keys[] = { "size=Virtual disk size", "preallocation=Preallocation mode (allowed values: off, falloc, full)",
                                               "nocow=Turn off copy-on-write (valid only on btrfs)", NULL };

static const BlockDriver raw_driver = {
    .name = "raw", .desc = "the bytes of the disk", .state_size = sizeof(RawState), .keys = raw_keys, .probe = raw_probe, .open = raw_open,
    .read = raw_read, .write = raw_write, .direct = raw_direct, .write_zeroes = raw_write_zeroes, .discard = raw_discard, .truncate = raw_truncate,
    .status = raw_status, .create_keys = raw_create_keys, .create = raw_create,
    .measure = raw_measure,
};
block_driver(raw_driver)

/* ---- null-co ---- */

static const char *const null_keys[] = { "filename", "size", "read-zeroes", "latency-ns", NULL };

static bool null_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    bool given;
    uint64_t size = 1ull << 30;
    if (!get_size(o, prefix, "size", &size, &given, errp))
        return false;
    n->size = size;
    return true;
}

static int null_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    block_vec_zero(v, 0, v->size);
    return 0;
}

static int null_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return offset + v->size > block_size(n) ? -ENOSPC : 0;
}

static bool null_direct(BlockNode *n, bool write, uint64_t offset, const BlockVec *v, BlockDirect *out)
{
    *out = (BlockDirect){ .node = n, .fd = -1, .offset = offset, .engine = &aio_nothing };
    return offset + v->size <= block_size(n);
}

static int null_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    *map = offset;
    return BLOCK_ZERO | BLOCK_ALLOCATED | BLOCK_OFFSET;
}

static const BlockDriver null_driver = {
    .name = "null-co", .desc = "a disk of zeroes that forgets", .protocol = true, .keys = null_keys, .open = null_open, .read = null_read,
    .write = null_write, .direct = null_direct, .status = null_status,
};
block_driver(null_driver)
static const BlockDriver null_aio_driver = {
    .name = "null-aio", .desc = "the same", .protocol = true, .keys = null_keys, .open = null_open, .read = null_read, .write = null_write, .direct = null_direct,
    .status = null_status,
};
block_driver(null_aio_driver)
