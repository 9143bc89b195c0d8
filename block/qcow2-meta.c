/* SPDX-License-Identifier: MIT */
/*
 * Metadata of qcow2 images: cached tables, their order on the way to the disk, reference counts, allocation of clusters.
 * Everything here runs under Qcow.lock.
 */
#include "qcow2.h"

#include <errno.h>
#include <string.h>

/* ---- Cached tables ---- */

static void table_free(void *opaque)
{
    QcowTable *t = opaque;
    g_free(t->entries);
    g_free(t);
}

void qcow_cache_init(QcowCache *c, unsigned limit)
{
    c->by_offset = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, table_free);
    c->limit = limit;
}

void qcow_cache_free(QcowCache *c)
{
    if (c->by_offset)
        g_hash_table_destroy(c->by_offset);
    c->by_offset = NULL;
}

void qcow_cache_drop(QcowCache *c, uint64_t offset)
{
    g_hash_table_remove(c->by_offset, &offset);
}

static int write_dirty(Qcow *q, QcowCache *c)
{
    GHashTableIter it;
    void *value;
    int ret = 0;
    g_hash_table_iter_init(&it, c->by_offset);
    while (ret == 0 && g_hash_table_iter_next(&it, NULL, &value)) {
        QcowTable *t = value;
        if (!t->dirty)
            continue;
        ret = block_write(q->node->file, t->offset, t->entries, q->cluster_size);
        t->dirty = ret != 0;
    }
    return ret;
}

static bool any_dirty(const QcowCache *c)
{
    GHashTableIter it;
    void *value;
    g_hash_table_iter_init(&it, c->by_offset);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        if (((QcowTable *)value)->dirty)
            return true;
    }
    return false;
}

int qcow_sync_file(Qcow *q)
{
    int ret = q->node->data_file ? block_flush(q->node->data_file) : 0;
    return ret ? ret : block_flush(q->node->file);
}

int qcow_flush_tables(Qcow *q)
{
    int ret = write_dirty(q, &q->ref_cache);
    if (ret == 0 && any_dirty(&q->l2_cache)) {
        ret = qcow_sync_file(q); /* counts and data before what points to them */
        ret = ret ? ret : write_dirty(q, &q->l2_cache);
    }
    return ret;
}

/* Makes room for one more table. */
static int evict(Qcow *q, QcowCache *c)
{
    if (g_hash_table_size(c->by_offset) < c->limit)
        return 0;
    QcowTable *oldest = NULL;
    GHashTableIter it;
    void *value;
    g_hash_table_iter_init(&it, c->by_offset);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        QcowTable *t = value;
        if (!oldest || t->used < oldest->used)
            oldest = t;
    }
    int ret = oldest->dirty ? qcow_flush_tables(q) : 0;
    if (ret == 0)
        g_hash_table_remove(c->by_offset, &oldest->offset);
    return ret;
}

QcowTable *qcow_table(Qcow *q, QcowCache *c, uint64_t offset, bool fresh, int *ret)
{
    QcowTable *t = g_hash_table_lookup(c->by_offset, &offset);
    *ret = 0;
    if (!t) {
        if ((*ret = evict(q, c)) < 0)
            return NULL;
        t = g_new0(QcowTable, 1);
        t->offset = offset;
        t->entries = g_malloc0(q->cluster_size);
        if (!fresh) {
            /* A table may end past a file that was cut off: reading there gives zeroes. */
            uint64_t end = block_size(q->node->file);
            *ret = offset >= end ? -EIO : block_read(q->node->file, offset, t->entries, MIN(q->cluster_size, end - offset));
        }
        if (*ret < 0) {
            table_free(t);
            return NULL;
        }
        g_hash_table_insert(c->by_offset, &t->offset, t);
    } else if (fresh) {
        memset(t->entries, 0, q->cluster_size);
    }
    t->dirty |= fresh;
    t->used = ++c->tick;
    return t;
}

/* ---- Damage ---- */

bool qcow_valid_cluster(const Qcow *q, uint64_t offset)
{
    return offset && !(offset & (q->cluster_size - 1)) && offset >> q->cluster_bits < q->file_end;
}

int qcow_corrupt(Qcow *q, const char *what, uint64_t offset)
{
    if (!q->broken) {
        g_printerr("qcow2: %s: image is corrupt: %s at 0x%" G_GINT64_MODIFIER "x; further corruption events will be suppressed\n",
                   q->node->filename, what, offset);
        q->broken = true;
        if (!q->node->read_only && q->version >= 3) {
            q->incompatible |= QCOW_INCOMPAT_CORRUPT;
            qcow_write_header(q);
        }
    }
    return -EIO;
}

/* ---- Reference counts ---- */

uint64_t qcow_get_ref(const Qcow *q, const void *block, uint64_t i)
{
    const uint8_t *p = block;
    switch (q->refcount_bits) {
    case 8: return p[i];
    case 16: return GUINT16_FROM_BE(((const uint16_t *)block)[i]);
    case 32: return GUINT32_FROM_BE(((const uint32_t *)block)[i]);
    case 64: return GUINT64_FROM_BE(((const uint64_t *)block)[i]);
    default: { /* 1, 2, 4: the lowest bits first */
        uint64_t bit = i * q->refcount_bits;
        return p[bit / 8] >> bit % 8 & ((1u << q->refcount_bits) - 1);
    }
    }
}

void qcow_set_ref(const Qcow *q, void *block, uint64_t i, uint64_t value)
{
    uint8_t *p = block;
    switch (q->refcount_bits) {
    case 8: p[i] = (uint8_t)value; break;
    case 16: ((uint16_t *)block)[i] = GUINT16_TO_BE((uint16_t)value); break;
    case 32: ((uint32_t *)block)[i] = GUINT32_TO_BE((uint32_t)value); break;
    case 64: ((uint64_t *)block)[i] = GUINT64_TO_BE(value); break;
    default: {
        uint64_t bit = i * q->refcount_bits;
        unsigned mask = (1u << q->refcount_bits) - 1;
        p[bit / 8] = (uint8_t)((p[bit / 8] & ~(mask << bit % 8)) | (value & mask) << bit % 8);
        break;
    }
    }
}

static uint64_t refs_per_block(const Qcow *q)
{
    return q->cluster_size * 8 / q->refcount_bits;
}

static uint64_t reftable_entries(const Qcow *q)
{
    return (uint64_t)q->reftable_clusters << (q->cluster_bits - 3);
}

int64_t qcow_refcount(Qcow *q, uint64_t cluster)
{
    uint64_t per = refs_per_block(q), i = cluster / per;
    int ret;
    if (i >= reftable_entries(q) || !q->reftable[i])
        return 0;
    if (!qcow_valid_cluster(q, q->reftable[i]))
        return qcow_corrupt(q, "refcount block offset is not aligned", q->reftable[i]);
    QcowTable *t = qcow_table(q, &q->ref_cache, q->reftable[i], false, &ret);
    return t ? (int64_t)(qcow_get_ref(q, t->entries, cluster % per) & INT64_MAX) : ret;
}

static int write_reftable_entry(Qcow *q, uint64_t i)
{
    uint64_t be = GUINT64_TO_BE(q->reftable[i]);
    return block_write(q->node->file, q->reftable_offset + 8 * i, &be, 8);
}

static int set_refcount(Qcow *q, uint64_t cluster, uint64_t value);

/* A bigger table at the end of the file, then the header's switch to it. */
static int grow_reftable(Qcow *q, uint64_t min_entries)
{
    uint64_t old_entries = reftable_entries(q), old_clusters = q->reftable_clusters, old_offset = q->reftable_offset, per = refs_per_block(q);
    uint64_t clusters = MAX(old_clusters + old_clusters / 2 + 1, (min_entries >> (q->cluster_bits - 3)) + 1);
    /* The new table and the blocks that count it lie past all that is counted now. */
    uint64_t start = MAX(q->file_end, old_entries * per), offset = start << q->cluster_bits;
    while (((start + clusters) / per + 2) > clusters << (q->cluster_bits - 3))
        clusters++;
    if (clusters << q->cluster_bits > QCOW_MAX_REFTABLE)
        return -EFBIG;
    uint64_t *bigger = g_malloc0(clusters << q->cluster_bits);
    memcpy(bigger, q->reftable, old_entries * 8);
    uint64_t first_block = start / per, last_block = (start + clusters + 2) / per, blocks = last_block - first_block + 1;
    uint64_t next = start + clusters;
    for (uint64_t b = first_block; b <= last_block; b++)
        bigger[b] = (next++) << q->cluster_bits;
    g_free(q->reftable);
    q->reftable = bigger;
    q->reftable_clusters = (uint32_t)clusters;
    q->reftable_offset = offset;
    q->file_end = next;
    int ret = 0;
    for (uint64_t b = first_block; ret == 0 && b <= last_block; b++)
        qcow_table(q, &q->ref_cache, bigger[b], true, &ret);
    for (uint64_t c = start; ret == 0 && c < start + clusters + blocks; c++)
        ret = set_refcount(q, c, 1);
    ret = ret ? ret : qcow_flush_tables(q);
    uint64_t n = reftable_entries(q), *be = g_malloc(n * 8);
    for (uint64_t i = 0; i < n; i++)
        be[i] = GUINT64_TO_BE(bigger[i]);
    ret = ret ? ret : block_write(q->node->file, offset, be, n * 8);
    g_free(be);
    ret = ret ? ret : qcow_sync_file(q);
    ret = ret ? ret : qcow_write_header(q);
    ret = ret ? ret : qcow_sync_file(q);
    return ret ? ret : qcow_change_refs(q, old_offset, old_clusters << q->cluster_bits, -1);
}

/* The refcount block of a cluster; made where there is none. A new block lies at the first cluster it counts itself, if that is free. */
static QcowTable *ref_block(Qcow *q, uint64_t cluster, int *ret)
{
    uint64_t per = refs_per_block(q), i = cluster / per;
    if (i >= reftable_entries(q) && (*ret = grow_reftable(q, i + 1)) < 0)
        return NULL;
    if (q->reftable[i]) {
        if (qcow_valid_cluster(q, q->reftable[i]))
            return qcow_table(q, &q->ref_cache, q->reftable[i], false, ret);
        *ret = qcow_corrupt(q, "refcount block offset is not aligned", q->reftable[i]);
        return NULL;
    }
    /* All of its clusters are free. Not the one asked for. */
    uint64_t at = i * per + (cluster == i * per ? 1 : 0);
    if (at < q->file_end && i * per + per > q->file_end)
        at = MAX(q->file_end, cluster + 1);
    if (at / per != i)
        at = i * per + (cluster == i * per ? 1 : 0);
    QcowTable *t = qcow_table(q, &q->ref_cache, at << q->cluster_bits, true, ret);
    if (!t)
        return NULL;
    qcow_set_ref(q, t->entries, at % per, 1);
    q->file_end = MAX(q->file_end, at + 1);
    /* On disk before the table points to it. */
    *ret = block_write(q->node->file, t->offset, t->entries, q->cluster_size);
    *ret = *ret ? *ret : qcow_sync_file(q);
    q->reftable[i] = t->offset;
    *ret = *ret ? *ret : write_reftable_entry(q, i);
    return *ret ? NULL : t;
}

static int set_refcount(Qcow *q, uint64_t cluster, uint64_t value)
{
    int ret;
    QcowTable *t = ref_block(q, cluster, &ret);
    if (!t)
        return ret;
    qcow_set_ref(q, t->entries, cluster % refs_per_block(q), value);
    t->dirty = true;
    return 0;
}

int qcow_change_refs(Qcow *q, uint64_t offset, uint64_t bytes, int delta)
{
    uint64_t max = q->refcount_bits == 64 ? INT64_MAX : (1ull << q->refcount_bits) - 1;
    uint64_t first = offset >> q->cluster_bits, last = (offset + (bytes ? bytes : 1) - 1) >> q->cluster_bits;
    if (delta < 0 && bytes && last >= q->file_end)
        return qcow_corrupt(q, "reference past the end of the file", offset);
    for (uint64_t c = first; bytes && c <= last; c++) {
        int64_t now = qcow_refcount(q, c);
        if (now < 0)
            return (int)now;
        if ((delta < 0 && now < -delta) || (delta > 0 && (uint64_t)now > max - (uint64_t)delta))
            return delta > 0 ? -EINVAL : qcow_corrupt(q, "reference count underflow", c << q->cluster_bits);
        int ret = set_refcount(q, c, (uint64_t)(now + delta));
        if (ret < 0)
            return ret;
        if (now + delta == 0) {
            qcow_cache_drop(&q->l2_cache, c << q->cluster_bits);
            q->free_hint = MIN(q->free_hint, c);
            if (q->node->flags & BLOCK_UNMAP)
                block_discard(q->node->file, c << q->cluster_bits, q->cluster_size);
        }
    }
    return 0;
}

/* ---- Allocation ---- */

/* First of n free clusters in a row, from the hint; past the end everything is free. */
static int64_t find_free(Qcow *q, uint64_t n)
{
    uint64_t run = 0;
    for (uint64_t c = q->free_hint;; c++) {
        int64_t refs = c >= q->file_end ? 0 : qcow_refcount(q, c);
        if (refs < 0)
            return refs;
        run = refs == 0 ? run + 1 : 0;
        if (run == n)
            return (int64_t)(c - n + 1);
        if (c >= q->file_end + n)
            return -ENOSPC;
    }
}

int64_t qcow_alloc(Qcow *q, uint64_t clusters)
{
    for (int tries = 0; tries < 4; tries++) {
        int64_t first = find_free(q, clusters);
        if (first < 0)
            return first;
        /* Making a block of counts may take one of these: then look again. */
        bool taken = false;
        for (uint64_t c = 0; c < clusters && !taken; c++) {
            int ret;
            if (!ref_block(q, (uint64_t)first + c, &ret))
                return ret;
        }
        for (uint64_t c = 0; c < clusters && !taken; c++)
            taken = qcow_refcount(q, (uint64_t)first + c) != 0;
        if (taken)
            continue;
        int ret = qcow_change_refs(q, (uint64_t)first << q->cluster_bits, clusters << q->cluster_bits, 1);
        if (ret < 0)
            return ret;
        if (clusters == 1 || (uint64_t)first == q->free_hint)
            q->free_hint = (uint64_t)first + clusters;
        q->file_end = MAX(q->file_end, (uint64_t)first + clusters);
        return first << q->cluster_bits;
    }
    return -ENOSPC;
}

int64_t qcow_alloc_bytes(Qcow *q, uint64_t bytes)
{
    return qcow_alloc(q, MAX(qcow_round(q, bytes) >> q->cluster_bits, 1));
}

int qcow_write_l1_entry(Qcow *q, uint32_t i)
{
    uint64_t be = GUINT64_TO_BE(q->l1[i]);
    return block_write(q->node->file, q->l1_offset + 8ull * i, &be, 8);
}
