/* SPDX-License-Identifier: MIT */
/*
 * Guest data of qcow2 images: finding clusters, reading (from here, from compressed clusters, from the backing file), writing in place and
 * copy on write, zero clusters, discard.
 */
#include "qcow2.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#endif

/* ---- L2 entries ---- */

static uint64_t l2_words(const Qcow *q)
{
    return q->extended_l2 ? 2 : 1;
}

static uint64_t l2_index(const Qcow *q, uint64_t cluster)
{
    return cluster & ((1ull << q->l2_bits) - 1);
}

QcowKind qcow_kind(const Qcow *q, uint64_t entry)
{
    if (entry & QCOW_COMPRESSED)
        return QCOW_PACKED;
    bool there = entry & QCOW_OFFSET_MASK || (qcow_has_data_file(q) && entry & QCOW_COPIED); /* at the start of a data file, too */
    if (!q->extended_l2 && q->version >= 3 && entry & QCOW_ZERO)
        return there ? QCOW_ZERO_ALLOC : QCOW_ZERO_PLAIN;
    return there ? QCOW_NORMAL : QCOW_UNALLOCATED;
}

int qcow_lookup(Qcow *q, uint64_t cluster, uint64_t *entry, uint64_t *bitmap)
{
    uint64_t i = cluster >> q->l2_bits;
    int ret;
    *entry = *bitmap = 0;
    if (i >= q->l1_size || !(q->l1[i] & QCOW_OFFSET_MASK))
        return 0;
    uint64_t at = q->l1[i] & QCOW_OFFSET_MASK;
    if (!qcow_valid_cluster(q, at))
        return qcow_corrupt(q, "L2 table offset is not aligned", at);
    QcowTable *t = qcow_table(q, &q->l2_cache, at, false, &ret);
    if (!t)
        return ret;
    uint64_t k = l2_index(q, cluster) * l2_words(q);
    *entry = GUINT64_FROM_BE(t->entries[k]);
    *bitmap = q->extended_l2 ? GUINT64_FROM_BE(t->entries[k + 1]) : 0;
    QcowKind kind = qcow_kind(q, *entry);
    if (qcow_has_data_file(q) ? kind == QCOW_PACKED || *entry & QCOW_OFFSET_MASK & (q->cluster_size - 1)
                              : (kind == QCOW_NORMAL || kind == QCOW_ZERO_ALLOC) && !qcow_valid_cluster(q, *entry & QCOW_OFFSET_MASK))
        return qcow_corrupt(q, "data cluster offset is not aligned", *entry & QCOW_OFFSET_MASK);
    return 0;
}

/* The L2 table of a guest cluster, made or copied so that it may be changed. */
static QcowTable *l2_for_write(Qcow *q, uint64_t cluster, int *ret)
{
    uint64_t i = cluster >> q->l2_bits, old = q->l1[i] & QCOW_OFFSET_MASK;
    if (q->l1[i] & QCOW_COPIED) {
        if (qcow_valid_cluster(q, old))
            return qcow_table(q, &q->l2_cache, old, false, ret);
        *ret = qcow_corrupt(q, "L2 table offset is not aligned", old);
        return NULL;
    }
    QcowTable *t = NULL;
    int64_t at = qcow_alloc(q, 1);
    if (at < 0) {
        *ret = (int)at;
        return NULL;
    }
    t = qcow_table(q, &q->l2_cache, (uint64_t)at, true, ret);
    if (t && old) {
        uint64_t *copy = g_memdup2(t->entries, q->cluster_size); /* the old one may push the new one out */
        QcowTable *from = qcow_table(q, &q->l2_cache, old, false, ret);
        if (from)
            memcpy(copy, from->entries, q->cluster_size);
        t = from ? qcow_table(q, &q->l2_cache, (uint64_t)at, false, ret) : NULL;
        if (t) {
            memcpy(t->entries, copy, q->cluster_size);
            t->dirty = true;
        }
        g_free(copy);
    }
    if (!t)
        return NULL;
    /* The table is on disk before L1 points to it. */
    *ret = qcow_flush_tables(q);
    *ret = *ret ? *ret : qcow_sync_file(q);
    q->l1[i] = (uint64_t)at | QCOW_COPIED;
    *ret = *ret ? *ret : qcow_write_l1_entry(q, (uint32_t)i);
    if (*ret == 0 && old)
        *ret = qcow_change_refs(q, old, q->cluster_size, -1);
    return *ret ? NULL : t;
}

static int set_entry(Qcow *q, uint64_t cluster, uint64_t entry, uint64_t bitmap)
{
    int ret;
    QcowTable *t = l2_for_write(q, cluster, &ret);
    if (!t)
        return ret;
    uint64_t k = l2_index(q, cluster) * l2_words(q);
    t->entries[k] = GUINT64_TO_BE(entry);
    if (q->extended_l2)
        t->entries[k + 1] = GUINT64_TO_BE(bitmap);
    t->dirty = true;
    return 0;
}

uint64_t qcow_packed_extent(const Qcow *q, uint64_t entry, uint64_t *bytes)
{
    unsigned shift = 62 - (q->cluster_bits - 8);
    uint64_t offset = entry & ((1ull << shift) - 1), sectors = (entry & ~(QCOW_COMPRESSED | QCOW_COPIED)) >> shift;
    *bytes = (sectors + 1) * 512 - (offset & 511);
    return offset;
}

int qcow_free_entry(Qcow *q, uint64_t entry)
{
    uint64_t bytes, offset;
    if (qcow_has_data_file(q))
        return 0;
    switch (qcow_kind(q, entry)) {
    case QCOW_NORMAL:
    case QCOW_ZERO_ALLOC: return qcow_change_refs(q, entry & QCOW_OFFSET_MASK, q->cluster_size, -1);
    case QCOW_PACKED:
        offset = qcow_packed_extent(q, entry, &bytes);
        return qcow_change_refs(q, offset & ~511ull, bytes + (offset & 511), -1);
    default: return 0;
    }
}

void qcow_free_later(Qcow *q, uint64_t entry)
{
    if (!qcow_has_data_file(q) && qcow_kind(q, entry) != QCOW_UNALLOCATED && qcow_kind(q, entry) != QCOW_ZERO_PLAIN)
        g_array_append_val(q->pending, entry);
}

/* ---- Subclusters: 32 to a cluster with extended L2 entries, else the cluster is the only one ---- */

static uint64_t sub_size(const Qcow *q)
{
    return q->extended_l2 ? q->cluster_size / 32 : q->cluster_size;
}

static QcowKind sub_kind(const Qcow *q, uint64_t entry, uint64_t bitmap, uint64_t in_cluster)
{
    QcowKind kind = qcow_kind(q, entry);
    if (!q->extended_l2 || kind == QCOW_PACKED)
        return kind;
    unsigned i = (unsigned)(in_cluster / sub_size(q));
    if (bitmap >> (32 + i) & 1)
        return kind == QCOW_NORMAL ? QCOW_ZERO_ALLOC : QCOW_ZERO_PLAIN;
    return kind == QCOW_NORMAL && bitmap >> i & 1 ? QCOW_NORMAL : QCOW_UNALLOCATED;
}

/* ---- Reading ---- */

typedef struct Run { /* guest bytes of one kind; NORMAL and ZERO_ALLOC in a row in the file, too */
    QcowKind kind;
    uint64_t host, bytes, entry;
} Run;

/* The run at offset, at most size bytes. lock held. */
static int find_run(Qcow *q, uint64_t offset, uint64_t size, Run *r)
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t at = offset + done, in = at & (q->cluster_size - 1), entry, bitmap, sub = sub_size(q);
        int ret = qcow_lookup(q, at >> q->cluster_bits, &entry, &bitmap);
        if (ret < 0)
            return ret;
        uint64_t n = MIN(size - done, sub - (in & (sub - 1)));
        QcowKind kind = sub_kind(q, entry, bitmap, in);
        uint64_t host = kind == QCOW_NORMAL || kind == QCOW_ZERO_ALLOC ? (entry & QCOW_OFFSET_MASK) + in : 0;
        if (kind == QCOW_PACKED)
            n = MIN(size - done, q->cluster_size - in);
        if (done == 0)
            *r = (Run){ kind, host, 0, entry };
        else if (kind != r->kind || kind == QCOW_PACKED || ((kind == QCOW_NORMAL || kind == QCOW_ZERO_ALLOC) && host != r->host + done))
            break;
        done += n;
        r->bytes = done;
    }
    return 0;
}

static int inflate_cluster(Qcow *q, const uint8_t *in, uint64_t in_size, uint8_t *out)
{
    if (q->compression == 1) {
#ifdef CONFIG_ZSTD
        ZSTD_DCtx *d = ZSTD_createDCtx();
        ZSTD_inBuffer src = { in, in_size, 0 };
        ZSTD_outBuffer dst = { out, q->cluster_size, 0 };
        size_t r = 1;
        while (d && dst.pos < dst.size && src.pos < src.size && r && !ZSTD_isError(r))
            r = ZSTD_decompressStream(d, &dst, &src);
        ZSTD_freeDCtx(d);
        return dst.pos == dst.size ? 0 : -EIO;
#else
        return -ENOTSUP;
#endif
    }
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = (uInt)in_size, .next_out = out, .avail_out = (uInt)q->cluster_size };
    if (inflateInit2(&z, -12) != Z_OK)
        return -ENOMEM;
    int r = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (r == Z_STREAM_END || r == Z_BUF_ERROR) && z.avail_out == 0 ? 0 : -EIO;
}

/* Unpacks a whole cluster into out. */
static int read_packed(Qcow *q, uint64_t entry, uint8_t *out)
{
    uint64_t bytes, offset = qcow_packed_extent(q, entry, &bytes), end = block_size(q->node->file);
    if (offset >= end)
        return -EIO;
    bytes = MIN(bytes, end - offset);
    uint8_t *in = g_malloc(bytes);
    int ret = block_read(q->node->file, offset, in, bytes);
    ret = ret ? ret : inflate_cluster(q, in, bytes, out);
    g_free(in);
    return ret;
}

static int read_backing(Qcow *q, uint64_t offset, const BlockVec *v)
{
    BlockNode *b = q->node->backing;
    uint64_t end = b ? block_size(b) : 0, n = offset < end ? MIN(v->size, end - offset) : 0;
    int ret = 0;
    if (n) {
        struct iovec *parts = g_new(struct iovec, v->n);
        BlockVec part = block_vec_slice(v, 0, n, parts);
        ret = block_readv(b, offset, &part);
        g_free(parts);
    }
    if (ret == 0 && n < v->size)
        block_vec_zero(v, n, v->size - n);
    return ret;
}

static int read_run(Qcow *q, const Run *r, uint64_t offset, const BlockVec *v)
{
    uint8_t *cluster;
    int ret;
    switch (r->kind) {
    case QCOW_UNALLOCATED: return read_backing(q, offset, v);
    case QCOW_NORMAL: return block_readv(qcow_data(q), r->host, v);
    case QCOW_PACKED:
        cluster = g_malloc(q->cluster_size);
        ret = read_packed(q, r->entry, cluster);
        if (ret == 0)
            block_vec_from(v, 0, cluster + (offset & (q->cluster_size - 1)), v->size);
        g_free(cluster);
        return ret;
    default: block_vec_zero(v, 0, v->size); return 0;
    }
}

/* io held (either way). */
static int read_locked(Qcow *q, uint64_t offset, const BlockVec *v)
{
    struct iovec *parts = g_new(struct iovec, v->n);
    uint64_t done = 0;
    int ret = 0;
    while (ret == 0 && done < v->size) {
        Run r;
        pthread_mutex_lock(&q->lock);
        ret = find_run(q, offset + done, v->size - done, &r);
        pthread_mutex_unlock(&q->lock);
        if (ret == 0) {
            BlockVec part = block_vec_slice(v, done, r.bytes, parts);
            ret = read_run(q, &r, offset + done, &part);
            done += r.bytes;
        }
    }
    g_free(parts);
    return ret;
}

int qcow_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    Qcow *q = n->state;
    pthread_rwlock_rdlock(&q->io);
    int ret = read_locked(q, offset, v);
    pthread_rwlock_unlock(&q->io);
    return ret;
}

/* ---- Writing ---- */

/* Waits until no other thread allocates in [first, last], and claims it. lock held. */
static void claim(Qcow *q, QcowWrite *w, uint64_t first, uint64_t last)
{
    for (bool clash = true; clash;) {
        clash = false;
        for (const QcowWrite *o = q->writes; o && !clash; o = o->next)
            clash = o->first <= last && first <= o->last;
        if (clash)
            pthread_cond_wait(&q->writes_changed, &q->lock);
    }
    *w = (QcowWrite){ first, last, q->writes };
    q->writes = w;
}

static void release(Qcow *q, QcowWrite *w)
{
    QcowWrite **p = &q->writes;
    while (*p != w)
        p = &(*p)->next;
    *p = w->next;
    pthread_cond_broadcast(&q->writes_changed);
}

/* What the cluster reads as now, with the bytes of v in their place. */
static int merged_cluster(Qcow *q, uint64_t cluster, uint64_t in, const BlockVec *v, uint64_t from, uint64_t n, uint8_t *buf)
{
    uint64_t start = cluster << q->cluster_bits;
    int ret = 0;
    if (in || n < q->cluster_size) {
        uint64_t have = MIN(q->cluster_size, block_size(q->node) - start);
        struct iovec part = { buf, have };
        BlockVec old = { &part, 1, have };
        ret = read_locked(q, start, &old);
        memset(buf + have, 0, q->cluster_size - have);
    }
    if (ret == 0)
        block_vec_to(v, from, buf + in, n);
    return ret;
}

/* As many clusters in a row as there are: blocks of counts lie between small ones. lock held. */
static int64_t alloc_run(Qcow *q, uint64_t first, uint64_t *count)
{
    int64_t host;
    if (qcow_has_data_file(q))
        return (int64_t)(first << q->cluster_bits);
    *count = MIN(*count, MAX(q->cluster_size * 4 / q->refcount_bits, 1)); /* half of what a block counts */
    while ((host = qcow_alloc(q, *count)) == -ENOSPC && *count > 1)
        *count /= 2;
    return host;
}

/* Bytes of a cluster that are written: a data file ends with the disk. */
static uint64_t data_bytes(const Qcow *q, uint64_t cluster)
{
    return qcow_has_data_file(q) ? MIN(q->cluster_size, block_size(q->node) - (cluster << q->cluster_bits)) : q->cluster_size;
}

/*
 * New clusters for [offset, offset + *size), whole or in part; the caller has claimed them. Shortens *size to what they hold. Data first,
 * then the tables.
 */
static int write_new(Qcow *q, uint64_t offset, uint64_t *done, const BlockVec *v, uint64_t from)
{
    uint64_t first = offset >> q->cluster_bits, last = (offset + *done - 1) >> q->cluster_bits, count = last - first + 1;
    pthread_mutex_lock(&q->lock);
    int64_t host = alloc_run(q, first, &count);
    pthread_mutex_unlock(&q->lock);
    if (host < 0)
        return (int)host;
    *done = MIN(*done, ((first + count) << q->cluster_bits) - offset);
    uint64_t size = *done;
    uint8_t *edge = NULL;
    struct iovec *parts = g_new(struct iovec, v->n);
    int ret = 0;
    for (uint64_t at = offset, end = offset + size; ret == 0 && at < end;) {
        uint64_t c = at >> q->cluster_bits, in = at & (q->cluster_size - 1), n = MIN(end - at, q->cluster_size - in);
        uint64_t to = (uint64_t)host + ((c - first) << q->cluster_bits);
        if (in || n < q->cluster_size) {
            edge = edge ? edge : g_malloc(q->cluster_size);
            ret = merged_cluster(q, c, in, v, from + (at - offset), n, edge);
            ret = ret ? ret : block_write(qcow_data(q), to, edge, data_bytes(q, c));
        } else {
            n = (end - at) & ~(q->cluster_size - 1); /* all whole clusters at once */
            BlockVec part = block_vec_slice(v, from + (at - offset), n, parts);
            ret = block_writev(qcow_data(q), to, &part);
        }
        at += n;
    }
    g_free(parts);
    g_free(edge);
    pthread_mutex_lock(&q->lock);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t old, bitmap;
        int r = ret ? ret : qcow_lookup(q, first + i, &old, &bitmap);
        r = r ? r : set_entry(q, first + i, ((uint64_t)host + (i << q->cluster_bits)) | QCOW_COPIED, 0xffffffff);
        if (r == 0)
            qcow_free_later(q, old);
        else if (!qcow_has_data_file(q))
            qcow_change_refs(q, (uint64_t)host + (i << q->cluster_bits), q->cluster_size, -1);
        ret = ret ? ret : r;
    }
    pthread_mutex_unlock(&q->lock);
    return ret;
}

/* True when [offset, …) can be written where it is; *size is shortened to the run for which the answer holds. lock held. */
static int writable_run(Qcow *q, uint64_t offset, uint64_t *size, bool *in_place, uint64_t *host)
{
    uint64_t done = 0;
    while (done < *size) {
        uint64_t at = offset + done, in = at & (q->cluster_size - 1), entry, bitmap;
        int ret = qcow_lookup(q, at >> q->cluster_bits, &entry, &bitmap);
        if (ret < 0)
            return ret;
        bool here = qcow_kind(q, entry) == QCOW_NORMAL && entry & QCOW_COPIED && (!q->extended_l2 || bitmap == 0xffffffff);
        uint64_t place = (entry & QCOW_OFFSET_MASK) + in;
        if (done == 0) {
            *in_place = here;
            *host = place;
        } else if (here != *in_place || (here && place != *host + done)) {
            break;
        }
        done += MIN(*size - done, q->cluster_size - in);
    }
    *size = done;
    return 0;
}

#define WRITE_MAX (16ull << 20) /* new clusters at a time */

int qcow_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    Qcow *q = n->state;
    struct iovec *parts = g_new(struct iovec, v->n);
    uint64_t done = 0;
    int ret = 0;
    pthread_rwlock_rdlock(&q->io);
    while (ret == 0 && done < v->size) {
        uint64_t at = offset + done, size = MIN(v->size - done, WRITE_MAX), host = 0;
        bool in_place = false;
        QcowWrite w;
        pthread_mutex_lock(&q->lock);
        claim(q, &w, at >> q->cluster_bits, (at + size - 1) >> q->cluster_bits);
        ret = q->broken ? -EIO : writable_run(q, at, &size, &in_place, &host);
        if (ret == 0 && in_place)
            release(q, &w);
        pthread_mutex_unlock(&q->lock);
        if (ret == 0 && in_place) {
            BlockVec part = block_vec_slice(v, done, size, parts);
            ret = block_writev(qcow_data(q), host, &part);
        } else {
            ret = ret ? ret : write_new(q, at, &size, v, done);
            pthread_mutex_lock(&q->lock);
            release(q, &w);
            pthread_mutex_unlock(&q->lock);
        }
        done += size;
    }
    pthread_rwlock_unlock(&q->io);
    g_free(parts);
    return ret;
}

/* ---- Compressed clusters ---- */

static uint64_t deflate_cluster(const Qcow *q, const uint8_t *in, uint8_t *out, uint64_t room)
{
#ifdef CONFIG_ZSTD
    if (q->compression == 1) {
        size_t n = ZSTD_compress(out, room, in, q->cluster_size, ZSTD_CLEVEL_DEFAULT);
        return ZSTD_isError(n) ? 0 : n;
    }
#endif
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = (uInt)q->cluster_size, .next_out = out, .avail_out = (uInt)room };
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int r = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return r == Z_STREAM_END ? room - z.avail_out : 0;
}

int qcow_write_compressed(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    Qcow *q = n->state;
    uint64_t size = q->cluster_size;
    if (qcow_has_data_file(q))
        return -ENOTSUP;
    if (offset & (size - 1) || (v->size != size && offset + v->size != block_size(n)))
        return -EINVAL;
    uint8_t *in = g_malloc0(size), *out = g_malloc(size);
    block_vec_to(v, 0, in, v->size);
    uint64_t packed = deflate_cluster(q, in, out, size - 1);
    int ret;
    if (!packed) {
        ret = qcow_write(n, offset, v);
    } else {
        pthread_rwlock_rdlock(&q->io);
        pthread_mutex_lock(&q->lock);
        QcowWrite w;
        uint64_t old, bitmap;
        claim(q, &w, offset >> q->cluster_bits, offset >> q->cluster_bits);
        int64_t host = qcow_alloc(q, 1);
        ret = host < 0 ? (int)host : block_write(q->node->file, (uint64_t)host, out, packed);
        ret = ret ? ret : qcow_lookup(q, offset >> q->cluster_bits, &old, &bitmap);
        uint64_t sectors = (packed - 1) / 512;
        ret = ret ? ret : set_entry(q, offset >> q->cluster_bits, (uint64_t)host | QCOW_COMPRESSED | sectors << (62 - (q->cluster_bits - 8)), 0);
        if (ret == 0)
            qcow_free_later(q, old);
        release(q, &w);
        pthread_mutex_unlock(&q->lock);
        pthread_rwlock_unlock(&q->io);
    }
    g_free(in);
    g_free(out);
    return ret;
}

/* ---- Zeroes and discard: whole clusters ---- */

/* The first cluster from c on, up to end, that a table covers. */
static uint64_t skip_uncovered(const Qcow *q, uint64_t c, uint64_t end)
{
    for (uint64_t i = c >> q->l2_bits; c < end; c = ++i << q->l2_bits) {
        if (i >= q->l1_size)
            return end;
        if (q->l1[i] & QCOW_OFFSET_MASK)
            return c;
    }
    return end;
}

/* What is not allocated here may show an image below; also when that is not open now. */
static bool backed(const Qcow *q)
{
    return q->node->backing || q->node->backing_file;
}

/* Points the clusters at nothing, or at zeroes. lock held. */
static int drop_clusters(Qcow *q, uint64_t first, uint64_t count, bool zero)
{
    int ret = q->broken ? -EIO : 0;
    for (uint64_t c = first; ret == 0 && c < first + count; c++) {
        uint64_t entry, bitmap;
        if ((!zero || !backed(q)) && (c = skip_uncovered(q, c, first + count)) == first + count)
            break;
        ret = qcow_lookup(q, c, &entry, &bitmap);
        QcowKind kind = qcow_kind(q, entry);
        if (ret || kind == QCOW_ZERO_PLAIN || (kind == QCOW_UNALLOCATED && !bitmap && (!zero || !backed(q))))
            continue;
        if (q->extended_l2)
            ret = set_entry(q, c, 0, zero ? 0xffffffff00000000ull : 0);
        else
            ret = set_entry(q, c, zero && q->version >= 3 ? QCOW_ZERO : 0, 0);
        if (ret == 0)
            qcow_free_later(q, entry);
    }
    return ret;
}

int qcow_forget_clusters(Qcow *q, uint64_t first, uint64_t count)
{
    int ret = q->broken ? -EIO : 0;
    for (uint64_t c = first; ret == 0 && c < first + count; c++) {
        uint64_t entry, bitmap;
        if ((c = skip_uncovered(q, c, first + count)) == first + count)
            break;
        ret = qcow_lookup(q, c, &entry, &bitmap);
        if (ret || (!entry && !bitmap))
            continue;
        ret = set_entry(q, c, 0, 0);
        if (ret == 0)
            qcow_free_later(q, entry);
    }
    return ret;
}

/* In a data file: what must be a valid disk without us reads as zeroes there, else it need not be kept. The caller has claimed it. */
static int drop_data(Qcow *q, uint64_t offset, uint64_t size)
{
    if (q->autoclear & QCOW_AUTOCLEAR_DATA_RAW)
        return block_write_zeroes(q->node->data_file, offset, size, true);
    return q->node->flags & BLOCK_UNMAP ? block_discard(q->node->data_file, offset, size) : 0;
}

int qcow_map_data_file(Qcow *q, uint64_t offset, uint64_t size)
{
    uint64_t first = offset >> q->cluster_bits, last = (offset + size - 1) >> q->cluster_bits;
    int ret = 0;
    for (uint64_t c = first, end; ret == 0 && c <= last; c = end) {
        QcowWrite w;
        end = MIN(c + 4096, last + 1);
        pthread_mutex_lock(&q->lock);
        claim(q, &w, c, end - 1);
        for (uint64_t i = c; ret == 0 && i < end; i++)
            ret = set_entry(q, i, i << q->cluster_bits | QCOW_COPIED, 0xffffffff);
        release(q, &w);
        pthread_mutex_unlock(&q->lock);
    }
    return ret;
}

static int drop_range(Qcow *q, uint64_t offset, uint64_t size, bool zero, uint64_t *first_byte, uint64_t *last_byte)
{
    uint64_t end = offset + size, first = (offset + q->cluster_size - 1) >> q->cluster_bits;
    uint64_t last = end == block_size(q->node) ? (end + q->cluster_size - 1) >> q->cluster_bits : end >> q->cluster_bits;
    *first_byte = MIN(first << q->cluster_bits, end);
    *last_byte = MAX(MIN(last << q->cluster_bits, end), *first_byte);
    if (first >= last)
        return 0;
    QcowWrite w;
    pthread_rwlock_rdlock(&q->io);
    pthread_mutex_lock(&q->lock);
    claim(q, &w, first, last - 1);
    int ret = drop_clusters(q, first, last - first, zero);
    if (ret == 0 && q->node->data_file) {
        pthread_mutex_unlock(&q->lock);
        ret = drop_data(q, *first_byte, *last_byte - *first_byte);
        pthread_mutex_lock(&q->lock);
    }
    release(q, &w);
    pthread_mutex_unlock(&q->lock);
    pthread_rwlock_unlock(&q->io);
    return ret;
}

int qcow_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    Qcow *q = n->state;
    uint64_t from, to;
    if (q->version < 3 && backed(q))
        return -ENOTSUP;
    int ret = drop_range(q, offset, size, true, &from, &to);
    uint8_t *zeroes = g_malloc0(q->cluster_size);
    struct iovec part = { zeroes, from - offset };
    if (ret == 0 && from > offset && from - offset <= q->cluster_size)
        ret = qcow_write(n, offset, &(BlockVec){ &part, 1, from - offset });
    part.iov_len = offset + size - to;
    if (ret == 0 && to > from && offset + size > to)
        ret = qcow_write(n, to, &(BlockVec){ &part, 1, offset + size - to });
    else if (ret == 0 && to == from && offset + size > to)
        ret = qcow_write(n, to, &(BlockVec){ &part, 1, MIN(offset + size - to, q->cluster_size) });
    g_free(zeroes);
    return ret;
}

int qcow_discard(BlockNode *n, uint64_t offset, uint64_t size)
{
    Qcow *q = n->state;
    uint64_t from, to;
    /* Without zero clusters, what is dropped would show the backing file. */
    if (q->version < 3 && backed(q))
        return 0;
    return drop_range(q, offset, size, backed(q), &from, &to);
}

int qcow_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    Qcow *q = n->state;
    Run r;
    pthread_mutex_lock(&q->lock);
    int ret = find_run(q, offset, *size, &r);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        return ret;
    *size = r.bytes;
    *map = r.host;
    switch (r.kind) {
    case QCOW_NORMAL: return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
    case QCOW_ZERO_ALLOC: return BLOCK_ZERO | BLOCK_ALLOCATED | BLOCK_OFFSET;
    case QCOW_ZERO_PLAIN: return BLOCK_ZERO | BLOCK_ALLOCATED;
    case QCOW_PACKED: return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_COMPRESSED;
    default: return n->backing ? 0 : BLOCK_ZERO;
    }
}
