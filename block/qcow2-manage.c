/* SPDX-License-Identifier: MIT */
/* What is done to a whole qcow2 image: creating, checking and repairing, internal snapshots. */
#include "bitmap.h"
#include "qcow2.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Create ---- */

const char *const qcow_create_keys[] = {
    "backing_file=File name of a base image", "backing_fmt=Image format of the base image", "cluster_size=qcow2 cluster size",
    "compat=Compatibility level (v2 [0.10] or v3 [1.1])", "compression_type=Compression method used for image cluster compression (zlib, zstd)",
    "data_file=File name of an external data file", "data_file_raw=The external data file must stay valid as a raw image",
    "extended_l2=Extended L2 tables", "lazy_refcounts=Postpone refcount updates",
    "preallocation=Preallocation mode (allowed values: off, metadata, falloc, full)", "refcount_bits=Width of a reference count entry in bits",
    "size=Virtual disk size", NULL,
};

typedef struct CreateOptions {
    uint64_t size, cluster_size, refcount_bits;
    bool v3, lazy, extended, zstd, raw;
    const char *backing, *backing_format, *prealloc, *data_file;
} CreateOptions;

static bool parse_create(CreateOptions *c, OptGroup *o, Error **errp)
{
    const char *compat = opts_get(o, "compat"), *compression = opts_get(o, "compression_type");
    *c = (CreateOptions){ .cluster_size = 65536, .refcount_bits = 16, .v3 = true };
    c->backing = opts_get(o, "backing_file");
    c->backing_format = opts_get(o, "backing_fmt");
    c->prealloc = opts_get(o, "preallocation");
    c->data_file = opts_get(o, "data_file");
    if (!opts_get_bool(o, "data_file_raw", &c->raw, errp))
        return false;
    if (!opts_get_size(o, "size", &c->size, errp) || !opts_get_size(o, "cluster_size", &c->cluster_size, errp) ||
        !opts_get_u64(o, "refcount_bits", &c->refcount_bits, errp) || !opts_get_bool(o, "lazy_refcounts", &c->lazy, errp) ||
        !opts_get_bool(o, "extended_l2", &c->extended, errp))
        return false;
    c->size = (c->size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    c->v3 = !compat || !strcmp(compat, "1.1") || !strcmp(compat, "v3");
    c->zstd = compression && !strcmp(compression, "zstd");
    const char *wrong = NULL;
    if (compat && !c->v3 && strcmp(compat, "0.10") && strcmp(compat, "v2"))
        wrong = "Invalid compatibility level (0.10 or 1.1)";
    else if (compression && !c->zstd && strcmp(compression, "zlib"))
        wrong = "Invalid compression type (zlib or zstd)";
    else if (c->cluster_size < 512 || c->cluster_size > 2 << 20 || (c->cluster_size & (c->cluster_size - 1)))
        wrong = "Cluster size must be a power of two between 512 and 2048k";
    else if (!c->refcount_bits || c->refcount_bits > 64 || (c->refcount_bits & (c->refcount_bits - 1)))
        wrong = "Refcount width must be a power of two and may not exceed 64 bits";
    else if (!c->v3 && (c->refcount_bits != 16 || c->lazy || c->extended || c->zstd))
        wrong = "This feature needs compatibility level 1.1 and above (use version=v3 or greater)";
    else if (c->extended && c->cluster_size < 16384)
        wrong = "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes";
    else if (c->prealloc && strcmp(c->prealloc, "off") && strcmp(c->prealloc, "metadata") && strcmp(c->prealloc, "falloc") &&
             strcmp(c->prealloc, "full"))
        wrong = "Invalid preallocation mode (off, metadata, falloc, full)";
    else if (c->backing_format && !block_driver_find(c->backing_format))
        wrong = "Unknown backing file format";
    else if (c->raw && !c->data_file)
        wrong = "data-file-raw requires data-file";
    else if (c->raw && c->backing)
        wrong = "Backing file and data-file-raw cannot be used at the same time";
    else if (c->data_file && !c->v3)
        wrong = "External data files are only supported with compatibility level 1.1 and above (use version=v3 or greater)";
    else if (c->data_file && strlen(c->data_file) > 1023)
        wrong = "Data file name too long";
    if (wrong)
        error_setg(errp, "%s", wrong);
    return !wrong;
}

/* An image without a disk: header, count table, and the block that counts these three clusters. Growing makes the rest. */
static bool write_seed(BlockNode *file, const CreateOptions *c, Error **errp)
{
    uint64_t cs = c->cluster_size;
    Qcow layout = { .refcount_bits = (uint32_t)c->refcount_bits };
    uint8_t *image = g_malloc0(3 * cs);
    uint32_t *h = (uint32_t *)image;
    h[0] = GUINT32_TO_BE(QCOW_MAGIC);
    h[1] = GUINT32_TO_BE(c->v3 ? 3 : 2);
    h[5] = GUINT32_TO_BE((uint32_t)__builtin_ctzll(cs));
    *(uint64_t *)(image + 48) = GUINT64_TO_BE(cs);  /* count table */
    h[14] = GUINT32_TO_BE(1);
    if (c->v3) {
        *(uint64_t *)(image + 72) = GUINT64_TO_BE((c->zstd ? QCOW_INCOMPAT_COMPRESSION : 0) | (c->extended ? QCOW_INCOMPAT_EXTL2 : 0) |
                                                  (c->data_file ? QCOW_INCOMPAT_DATA_FILE : 0));
        *(uint64_t *)(image + 88) = GUINT64_TO_BE(c->raw ? QCOW_AUTOCLEAR_DATA_RAW : 0);
        *(uint64_t *)(image + 80) = GUINT64_TO_BE(c->lazy ? QCOW_COMPAT_LAZY : 0);
        h[24] = GUINT32_TO_BE((uint32_t)__builtin_ctzll(c->refcount_bits));
        h[25] = GUINT32_TO_BE(112);
        image[104] = c->zstd;
    }
    *(uint64_t *)(image + cs) = GUINT64_TO_BE(2 * cs);
    for (unsigned i = 0; i < 3; i++)
        qcow_set_ref(&layout, image + 2 * cs, i, 1);
    int ret = block_write(file, 0, image, 3 * cs);
    g_free(image);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write qcow2 header");
    return ret == 0;
}

/* Size of the backing file, for an image that was given none. */
static bool backing_size(const char *filename, CreateOptions *c, bool want_size, Error **errp)
{
    BlockNode *b = block_open_backing(filename, c->backing, c->backing_format, errp);
    if (!b)
        return false;
    if (want_size)
        c->size = block_size(b);
    block_unref(b);
    return true;
}

/* The seed, opened; with its data file, which its header names from here on. */
static BlockNode *open_new(const char *filename, const CreateOptions *c, Error **errp)
{
    OptGroup *o = opts_parse("create", "driver=qcow2", NULL, errp);
    char *name = c->data_file ? block_relative_name(filename, c->data_file) : NULL;
    if (name) {
        opts_set(o, "data-file.driver", "file");
        opts_set(o, "data-file.filename", name);
    }
    BlockNode *n = block_open(o, "", filename, BLOCK_RDWR | BLOCK_NO_BACKING, errp);
    opts_free(o);
    g_free(name);
    if (n && c->data_file) {
        Qcow *q = n->state;
        q->data_file_name = g_strdup(c->data_file);
        int ret = qcow_write_header(q);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Could not write qcow2 header");
            block_unref(n);
            return NULL;
        }
    }
    return n;
}

bool qcow_create(const char *filename, OptGroup *o, Error **errp)
{
    CreateOptions c;
    if (!parse_create(&c, o, errp))
        return false;
    if (c.backing && !backing_size(filename, &c, !opts_get(o, "size"), errp))
        return false;
    OptGroup *none = opts_parse("create", "", NULL, errp);
    bool ok = block_create("file", filename, none, errp);
    opts_free(none);
    BlockNode *n = NULL;
    if (ok && c.data_file) {
        OptGroup *size = opts_parse("create", "", NULL, errp);
        char *name = block_relative_name(filename, c.data_file);
        ok = block_create("file", name, size, errp);
        g_free(name);
        opts_free(size);
    }
    if (ok) {
        BlockNode *raw = block_open_file(filename, "raw", BLOCK_RDWR, errp);
        ok = raw && block_truncate(raw, 3 * c.cluster_size, NULL, errp) == 0 && write_seed(raw, &c, errp);
        block_unref(raw);
    }
    if (ok)
        n = open_new(filename, &c, errp);
    ok = ok && n && (!c.backing || n->drv->set_backing(n, c.backing, c.backing_format, errp));
    const char *prealloc = c.prealloc && !strcmp(c.prealloc, "metadata") ? "full" : c.prealloc;
    ok = ok && (!c.size || block_truncate(n, c.size, prealloc, errp) == 0);
    ok = ok && block_flush(n) == 0;
    block_unref(n);
    return ok;
}

/* ---- Measure ---- */

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* Header, L1 and L2 tables, counts of all clusters, when the whole disk is there. In clusters. */
static uint64_t metadata_clusters(const CreateOptions *c)
{
    uint64_t cs = c->cluster_size, data = divide_up(c->size, cs), l2 = divide_up(data * (c->extended ? 16 : 8), cs), l1 = divide_up(8 * l2, cs);
    uint64_t base = 1 + l1 + l2 + data, per = cs * 8 / c->refcount_bits, blocks = 0, table = 0, before;
    do { /* counts count themselves */
        before = blocks + table;
        blocks = divide_up(base + before, per);
        table = divide_up(8 * blocks, cs);
    } while (blocks + table != before);
    return base - data + blocks + table;
}

bool qcow_measure(OptGroup *o, BlockNode *in, uint64_t size, BlockMeasure *out, Error **errp)
{
    CreateOptions c;
    uint64_t data = 0, end = 0;
    if (!parse_create(&c, o, errp))
        return false;
    c.size = (size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (c.size > BLOCK_MAX_LENGTH || qcow_l1_needed(&(Qcow){ .cluster_bits = (uint32_t)__builtin_ctzll(c.cluster_size),
            .l2_bits = (uint32_t)__builtin_ctzll(c.cluster_size / (c.extended ? 16 : 8)) }, c.size) > QCOW_MAX_L1 / 8) {
        error_setg(errp, "The image size is too large (try using a larger cluster size)");
        return false;
    }
    for (uint64_t at = 0, n; in && at < c.size; at += n) { /* clusters that hold data */
        n = c.size - at;
        int zero = block_reads_as_zero(in, at, &n);
        if (zero < 0 || !n) {
            error_setg_errno(errp, zero < 0 ? -zero : EIO, "Unable to get block status");
            return false;
        }
        uint64_t first = MAX(at & ~(c.cluster_size - 1), end), last = divide_up(at + n, c.cluster_size) * c.cluster_size;
        if (!zero && last > first) {
            data += last - first;
            end = last;
        }
    }
    bool all = c.backing || (c.prealloc && (!strcmp(c.prealloc, "full") || !strcmp(c.prealloc, "falloc")));
    uint64_t metadata = metadata_clusters(&c) * c.cluster_size, whole = divide_up(c.size, c.cluster_size) * c.cluster_size;
    out->fully_allocated = metadata + whole;
    out->required = metadata + (all ? whole : data);
    out->has_bitmaps = in && in->drv->bitmaps_possible && in->drv->bitmaps_possible(in);
    out->bitmaps = in ? qcow_bitmaps_room(in, block_size(in), c.cluster_size) : 0;
    return true;
}

/* ---- Check ---- */

typedef struct Count { /* references found, by cluster */
    Qcow *q;
    uint32_t *refs;
    uint64_t n;
    BlockCheck *out;
} Count;

static void count_range(void *opaque, uint64_t offset, uint64_t bytes)
{
    Count *k = opaque;
    if (!bytes)
        return;
    uint64_t first = offset >> k->q->cluster_bits, last = (offset + bytes - 1) >> k->q->cluster_bits;
    for (uint64_t c = first; c <= last; c++) {
        if (c >= k->n) {
            k->out->corruptions++; /* past the end of the file */
            return;
        }
        k->refs[c]++;
        k->out->end_offset = MAX(k->out->end_offset, (c + 1) << k->q->cluster_bits);
    }
}

static void count_entry(Count *k, uint64_t entry, uint64_t *expected, bool active)
{
    Qcow *q = k->q;
    if (qcow_has_data_file(q) && qcow_kind(q, entry) == QCOW_PACKED) {
        k->out->corruptions++;
        return;
    }
    uint64_t bytes, at = entry & QCOW_OFFSET_MASK;
    switch (qcow_kind(q, entry)) {
    case QCOW_PACKED:
        at = qcow_packed_extent(q, entry, &bytes);
        count_range(k, at & ~511ull, bytes + (at & 511));
        k->out->compressed += active;
        k->out->allocated += active;
        k->out->fragmented += active;
        break;
    case QCOW_NORMAL:
    case QCOW_ZERO_ALLOC:
        if (qcow_has_data_file(q) ? (at & (q->cluster_size - 1)) != 0 : !qcow_valid_cluster(q, at)) {
            k->out->corruptions++;
            break;
        }
        if (!qcow_has_data_file(q))
            count_range(k, at, q->cluster_size);
        k->out->allocated += active;
        k->out->fragmented += active && *expected && *expected != at;
        *expected = at + q->cluster_size;
        break;
    default: break;
    }
}

static int count_l1(Count *k, const uint64_t *l1, uint64_t l1_size, bool active)
{
    Qcow *q = k->q;
    uint64_t *table = g_malloc(q->cluster_size), words = q->extended_l2 ? 2 : 1, expected = 0;
    int ret = 0;
    for (uint64_t i = 0; i < l1_size && ret == 0; i++) {
        uint64_t at = l1[i] & QCOW_OFFSET_MASK;
        if (!at)
            continue;
        if (!qcow_valid_cluster(q, at) || at >> q->cluster_bits >= k->n) {
            k->out->corruptions++;
            continue;
        }
        count_range(k, at, q->cluster_size);
        memset(table, 0, q->cluster_size);
        ret = block_read(q->node->file, at, table, MIN(q->cluster_size, block_size(q->node->file) - at));
        for (uint64_t e = 0; ret == 0 && e < 1ull << q->l2_bits; e++)
            count_entry(k, GUINT64_FROM_BE(table[e * words]), &expected, active);
    }
    g_free(table);
    return ret;
}

uint64_t *qcow_read_l1(Qcow *q, uint64_t offset, uint64_t size, int *ret)
{
    uint64_t *l1 = g_malloc0(size * 8 + 8);
    *ret = size ? block_read(q->node->file, offset, l1, size * 8) : 0;
    for (uint64_t i = 0; i < size; i++)
        l1[i] = GUINT64_FROM_BE(l1[i]);
    return l1;
}

static int count_everything(Count *k)
{
    Qcow *q = k->q;
    uint64_t entries = (uint64_t)q->reftable_clusters << (q->cluster_bits - 3);
    count_range(k, 0, q->cluster_size);
    count_range(k, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits);
    for (uint64_t i = 0; i < entries; i++) {
        if (q->reftable[i] && !qcow_valid_cluster(q, q->reftable[i]))
            k->out->corruptions++;
        else if (q->reftable[i])
            count_range(k, q->reftable[i], q->cluster_size);
    }
    count_range(k, q->l1_offset, 8ull * q->l1_size);
    int ret = count_l1(k, q->l1, q->l1_size, true);
    uint64_t table_bytes = 0;
    for (uint32_t i = 0; ret == 0 && i < q->nsnapshots; i++) {
        const QcowSnapshot *s = &q->snapshots[i];
        uint64_t *l1 = qcow_read_l1(q, s->l1_offset, s->l1_size, &ret);
        count_range(k, s->l1_offset, 8ull * s->l1_size);
        ret = ret ? ret : count_l1(k, l1, s->l1_size, false);
        g_free(l1);
        table_bytes += (40 + s->extra_size + strlen(s->s.id) + strlen(s->s.name) + 7) & ~7ull;
    }
    if (q->nsnapshots)
        count_range(k, q->snapshots_offset, table_bytes);
    return ret ? ret : qcow_count_bitmaps(q, count_range, k, &k->out->corruptions);
}

static int compare_counts(Count *k, int fix)
{
    Qcow *q = k->q;
    int ret = 0;
    for (uint64_t c = 0; ret == 0 && c < k->n; c++) {
        int64_t stored = qcow_refcount(q, c);
        if (stored < 0) {
            k->out->errors++;
            continue;
        }
        if ((uint64_t)stored == k->refs[c])
            continue;
        bool leak = (uint64_t)stored > k->refs[c];
        if (k->out->report)
            printf("%s cluster %llu refcount=%lld reference=%u\n", leak ? "Leaked" : "ERROR", (unsigned long long)c, (long long)stored, k->refs[c]);
        if (fix & (leak ? BLOCK_FIX_LEAKS : BLOCK_FIX_ERRORS)) {
            int64_t delta = (int64_t)k->refs[c] - stored;
            ret = qcow_change_refs(q, c << q->cluster_bits, 1, (int)delta);
            *(leak ? &k->out->fixed_leaks : &k->out->fixed_corruptions) += ret == 0;
        } else {
            *(leak ? &k->out->leaks : &k->out->corruptions) += 1;
        }
    }
    return ret;
}

bool qcow_check(BlockNode *n, int fix, BlockCheck *out, Error **errp)
{
    Qcow *q = n->state;
    uint64_t clusters = (block_size(n->file) + q->cluster_size - 1) >> q->cluster_bits;
    Count k = { q, g_try_malloc0_n(clusters + 1, sizeof(uint32_t)), clusters, out };
    if (!k.refs) {
        error_setg(errp, "not enough memory for a table of %llu clusters", (unsigned long long)clusters);
        return false;
    }
    out->clusters = (block_size(n) + q->cluster_size - 1) >> q->cluster_bits;
    pthread_mutex_lock(&q->lock);
    int ret = qcow_flush_tables(q);
    ret = ret ? ret : count_everything(&k);
    ret = ret ? ret : compare_counts(&k, fix);
    if (ret == 0 && fix && !out->corruptions && !out->errors && q->incompatible & (QCOW_INCOMPAT_CORRUPT | QCOW_INCOMPAT_DIRTY)) {
        q->incompatible &= ~(uint64_t)(QCOW_INCOMPAT_CORRUPT | QCOW_INCOMPAT_DIRTY);
        ret = qcow_write_header(q);
    }
    ret = ret || !fix ? ret : qcow_flush_tables(q);
    pthread_mutex_unlock(&q->lock);
    g_free(k.refs);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Check failed");
    return ret == 0;
}

/* ---- Snapshots ---- */

static void free_snapshot(QcowSnapshot *s)
{
    g_free(s->s.id);
    g_free(s->s.name);
    g_free(s->extra);
}

void qcow_free_snapshots(Qcow *q)
{
    for (uint32_t i = 0; i < q->nsnapshots; i++)
        free_snapshot(&q->snapshots[i]);
    g_free(q->snapshots);
    q->snapshots = NULL;
    q->nsnapshots = 0;
}

typedef struct SnapshotHead { /* big endian, on disk */
    uint64_t l1_offset;
    uint32_t l1_size;
    uint16_t id_size, name_size;
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock;
    uint32_t vm_state_size, extra_size;
} __attribute__((packed)) SnapshotHead;

static bool load_snapshot(Qcow *q, uint64_t *at, QcowSnapshot *s)
{
    SnapshotHead h;
    BlockNode *f = q->node->file;
    if (block_read(f, *at, &h, sizeof(h)) < 0)
        return false;
    uint32_t id = GUINT16_FROM_BE(h.id_size), name = GUINT16_FROM_BE(h.name_size);
    s->extra_size = GUINT32_FROM_BE(h.extra_size);
    s->l1_offset = GUINT64_FROM_BE(h.l1_offset);
    s->l1_size = GUINT32_FROM_BE(h.l1_size);
    if (s->extra_size > 1024 || (uint64_t)s->l1_size * 8 > QCOW_MAX_L1 || s->l1_offset & (q->cluster_size - 1) || s->l1_offset > BLOCK_MAX_LENGTH)
        return false;
    s->s.id = g_malloc0(id + 1);
    s->s.name = g_malloc0(name + 1);
    s->extra = g_malloc0(s->extra_size + 24);
    if (block_read(f, *at + sizeof(h), s->extra, s->extra_size) < 0 || block_read(f, *at + sizeof(h) + s->extra_size, s->s.id, id) < 0 ||
        block_read(f, *at + sizeof(h) + s->extra_size + id, s->s.name, name) < 0)
        return false;
    const uint64_t *extra = (const uint64_t *)s->extra;
    s->s.date_sec = GUINT32_FROM_BE(h.date_sec);
    s->s.date_nsec = GUINT32_FROM_BE(h.date_nsec);
    s->s.vm_clock_ns = GUINT64_FROM_BE(h.vm_clock);
    s->s.vm_state_size = s->extra_size >= 8 ? GUINT64_FROM_BE(extra[0]) : GUINT32_FROM_BE(h.vm_state_size);
    s->s.icount = s->extra_size >= 24 ? GUINT64_FROM_BE(extra[2]) : 0;
    s->s.disk_size = s->extra_size >= 16 ? GUINT64_FROM_BE(extra[1]) : block_size(q->node);
    *at += (sizeof(h) + s->extra_size + id + name + 7) & ~7ull;
    return true;
}

bool qcow_load_snapshots(Qcow *q, uint32_t count, uint64_t offset, Error **errp)
{
    if (!count)
        return true;
    if (count > QCOW_MAX_SNAPSHOTS || offset & (q->cluster_size - 1)) {
        error_setg(errp, "Snapshot table offset or size invalid");
        return false;
    }
    q->snapshots = g_new0(QcowSnapshot, count);
    q->snapshots_offset = offset;
    uint64_t at = offset;
    for (uint32_t i = 0; i < count; i++) {
        q->nsnapshots = i + 1; /* freed with the rest on failure */
        if (!load_snapshot(q, &at, &q->snapshots[i])) {
            error_setg(errp, "Could not read snapshots");
            return false;
        }
    }
    return true;
}

/* Writes the table anew, switches the header to it, frees the old one. lock held. */
static int store_snapshots(Qcow *q, uint64_t old_bytes)
{
    GByteArray *out = g_byte_array_new();
    static const uint8_t zeroes[8];
    for (uint32_t i = 0; i < q->nsnapshots; i++) {
        QcowSnapshot *s = &q->snapshots[i];
        uint16_t id = (uint16_t)strlen(s->s.id), name = (uint16_t)strlen(s->s.name);
        SnapshotHead h = {
            .l1_offset = GUINT64_TO_BE(s->l1_offset), .l1_size = GUINT32_TO_BE(s->l1_size), .id_size = GUINT16_TO_BE(id),
            .name_size = GUINT16_TO_BE(name), .date_sec = GUINT32_TO_BE((uint32_t)s->s.date_sec), .date_nsec = GUINT32_TO_BE(s->s.date_nsec),
            .vm_clock = GUINT64_TO_BE(s->s.vm_clock_ns), .vm_state_size = GUINT32_TO_BE((uint32_t)s->s.vm_state_size),
            .extra_size = GUINT32_TO_BE(s->extra_size),
        };
        g_byte_array_append(out, (const uint8_t *)&h, sizeof(h));
        g_byte_array_append(out, s->extra, s->extra_size);
        g_byte_array_append(out, (const uint8_t *)s->s.id, id);
        g_byte_array_append(out, (const uint8_t *)s->s.name, name);
        g_byte_array_append(out, zeroes, -out->len & 7);
    }
    uint64_t old_offset = q->snapshots_offset;
    int64_t at = out->len ? qcow_alloc_bytes(q, out->len) : 0;
    int ret = at < 0 ? (int)at : out->len ? block_write(q->node->file, (uint64_t)at, out->data, out->len) : 0;
    g_byte_array_free(out, TRUE);
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : qcow_sync_file(q);
    if (ret < 0)
        return ret;
    q->snapshots_offset = (uint64_t)at;
    ret = qcow_write_header(q);
    ret = ret ? ret : qcow_sync_file(q);
    return ret || !old_bytes ? ret : qcow_change_refs(q, old_offset, old_bytes, -1);
}

static uint64_t table_bytes(const Qcow *q)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < q->nsnapshots; i++) {
        const QcowSnapshot *s = &q->snapshots[i];
        n += (sizeof(SnapshotHead) + s->extra_size + strlen(s->s.id) + strlen(s->s.name) + 7) & ~7ull;
    }
    return n;
}

/*
 * Adds delta to the count of every cluster below an L1 table, and sets the "only user" bits of the active tables to what the
 * counts then say. lock held.
 */
static int walk_refs(Qcow *q, uint64_t *l1, uint64_t l1_size, int delta, bool mark)
{
    uint64_t words = q->extended_l2 ? 2 : 1;
    int ret = 0;
    for (uint64_t i = 0; ret == 0 && i < l1_size; i++) {
        uint64_t at = l1[i] & QCOW_OFFSET_MASK;
        if (!at)
            continue;
        if (!qcow_valid_cluster(q, at))
            return qcow_corrupt(q, "L2 table offset is not aligned", at);
        for (uint64_t e = 0; ret == 0 && e < 1ull << q->l2_bits; e++) {
            QcowTable *t = qcow_table(q, &q->l2_cache, at, false, &ret);
            uint64_t entry = t ? GUINT64_FROM_BE(t->entries[e * words]) : 0, bytes;
            QcowKind kind = qcow_kind(q, entry);
            if (!t || kind == QCOW_UNALLOCATED || kind == QCOW_ZERO_PLAIN)
                continue;
            uint64_t host = kind == QCOW_PACKED ? qcow_packed_extent(q, entry, &bytes) : entry & QCOW_OFFSET_MASK;
            bytes = kind == QCOW_PACKED ? bytes + (host & 511) : q->cluster_size;
            host = kind == QCOW_PACKED ? host & ~511ull : host;
            if ((host + bytes - 1) >> q->cluster_bits >= q->file_end)
                return qcow_corrupt(q, "data past the end of the file", host);
            if (delta)
                ret = qcow_change_refs(q, host, bytes, delta);
            if (ret == 0 && mark && kind != QCOW_PACKED) {
                bool only = qcow_refcount(q, host >> q->cluster_bits) == 1;
                uint64_t now = only ? entry | QCOW_COPIED : entry & ~QCOW_COPIED;
                t = now != entry ? qcow_table(q, &q->l2_cache, at, false, &ret) : NULL;
                if (t) {
                    t->entries[e * words] = GUINT64_TO_BE(now);
                    t->dirty = true;
                }
            }
        }
        if (ret == 0 && delta)
            ret = qcow_change_refs(q, at, q->cluster_size, delta);
        if (ret == 0 && mark)
            l1[i] = at | (qcow_refcount(q, at >> q->cluster_bits) == 1 ? QCOW_COPIED : 0);
    }
    return ret;
}

static int write_l1(Qcow *q, uint64_t offset, const uint64_t *l1, uint64_t n)
{
    uint64_t *be = g_malloc(n * 8 + 8);
    for (uint64_t i = 0; i < n; i++)
        be[i] = GUINT64_TO_BE(l1[i]);
    int ret = n ? block_write(q->node->file, offset, be, n * 8) : 0;
    g_free(be);
    return ret;
}

static int find_snapshot(const Qcow *q, const char *name)
{
    for (int by_name = 0; by_name < 2; by_name++) {
        for (uint32_t i = 0; i < q->nsnapshots; i++) {
            if (!strcmp(by_name ? q->snapshots[i].s.name : q->snapshots[i].s.id, name))
                return (int)i;
        }
    }
    return -1;
}

int qcow_snapshot_list(BlockNode *n, BlockSnapshot **out)
{
    Qcow *q = n->state;
    *out = g_new0(BlockSnapshot, q->nsnapshots + 1);
    for (uint32_t i = 0; i < q->nsnapshots; i++) {
        (*out)[i] = q->snapshots[i].s;
        (*out)[i].id = g_strdup(q->snapshots[i].s.id);
        (*out)[i].name = g_strdup(q->snapshots[i].s.name);
    }
    return (int)q->nsnapshots;
}

/* Runs fn alone on the image: no data moves, no table changes under it. */
static bool alone(BlockNode *n, int (*fn)(Qcow *q, const BlockSnapshot *s), const BlockSnapshot *s, const char *what, Error **errp)
{
    Qcow *q = n->state;
    int ret = block_flush(n);
    pthread_rwlock_wrlock(&q->io);
    pthread_mutex_lock(&q->lock);
    ret = ret ? ret : fn(q, s);
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : qcow_sync_file(q);
    pthread_mutex_unlock(&q->lock);
    pthread_rwlock_unlock(&q->io);
    if (ret == -ENOENT)
        error_setg(errp, "Can't find the snapshot");
    else if (ret < 0)
        error_setg_errno(errp, -ret, "Could not %s snapshot '%s'", what, s->name);
    return ret == 0;
}

static int do_create(Qcow *q, const BlockSnapshot *from)
{
    unsigned long id = 0;
    for (uint32_t i = 0; i < q->nsnapshots; i++)
        id = MAX(id, strtoul(q->snapshots[i].s.id, NULL, 10));
    if (qcow_has_data_file(q))
        return -ENOTSUP;
    if (q->nsnapshots >= QCOW_MAX_SNAPSHOTS)
        return -EFBIG;
    int64_t at = qcow_alloc_bytes(q, 8ull * q->l1_size);
    if (at < 0)
        return (int)at;
    int ret = walk_refs(q, q->l1, q->l1_size, 1, true);
    ret = ret ? ret : write_l1(q, (uint64_t)at, q->l1, q->l1_size);
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : write_l1(q, q->l1_offset, q->l1, q->l1_size);
    if (ret < 0)
        return ret;
    uint64_t old_bytes = table_bytes(q);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    q->snapshots = g_renew(QcowSnapshot, q->snapshots, q->nsnapshots + 1);
    QcowSnapshot *s = &q->snapshots[q->nsnapshots++];
    *s = (QcowSnapshot){ .l1_offset = (uint64_t)at, .l1_size = q->l1_size, .extra_size = 24, .extra = g_malloc0(24) };
    s->s = (BlockSnapshot){ .id = g_strdup_printf("%lu", id + 1), .name = g_strdup(from->name), .date_sec = (uint64_t)now.tv_sec,
                            .date_nsec = (uint32_t)now.tv_nsec, .disk_size = block_size(q->node),
                            .vm_state_size = from->vm_state_size, .vm_clock_ns = from->vm_clock_ns, .icount = from->icount };
    ((uint64_t *)s->extra)[0] = GUINT64_TO_BE(s->s.vm_state_size);
    ((uint64_t *)s->extra)[1] = GUINT64_TO_BE(s->s.disk_size);
    ((uint64_t *)s->extra)[2] = from->icount ? GUINT64_TO_BE(from->icount) : UINT64_MAX;
    return store_snapshots(q, old_bytes);
}

static int do_apply(Qcow *q, const BlockSnapshot *from)
{
    int i = find_snapshot(q, from->name), ret;
    if (i < 0)
        return -ENOENT;
    if (qcow_has_data_file(q))
        return -ENOTSUP;
    const QcowSnapshot *s = &q->snapshots[i];
    ret = qcow_grow_l1(q, s->l1_size);
    if (ret < 0)
        return ret;
    uint64_t *l1 = qcow_read_l1(q, s->l1_offset, s->l1_size, &ret);
    uint64_t *was = g_memdup2(q->l1, 8ull * q->l1_size + 8);
    ret = ret ? ret : walk_refs(q, l1, s->l1_size, 1, false);
    ret = ret ? ret : qcow_flush_tables(q);
    if (ret == 0) {
        memset(q->l1, 0, 8ull * q->l1_size);
        for (uint32_t k = 0; k < s->l1_size; k++)
            q->l1[k] = l1[k] & ~QCOW_COPIED;
        ret = write_l1(q, q->l1_offset, q->l1, q->l1_size);
    }
    ret = ret ? ret : qcow_sync_file(q);
    ret = ret ? ret : walk_refs(q, was, q->l1_size, -1, false);
    ret = ret ? ret : walk_refs(q, q->l1, q->l1_size, 0, true);
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : write_l1(q, q->l1_offset, q->l1, q->l1_size);
    if (ret == 0 && s->s.disk_size != block_size(q->node)) {
        __atomic_store_n(&q->node->size, s->s.disk_size, __ATOMIC_RELAXED);
        ret = qcow_write_header(q);
    }
    g_free(l1);
    g_free(was);
    return ret;
}

static int do_delete(Qcow *q, const BlockSnapshot *from)
{
    int i = find_snapshot(q, from->name), ret;
    if (i < 0)
        return -ENOENT;
    if (qcow_has_data_file(q))
        return -ENOTSUP;
    uint64_t old_bytes = table_bytes(q);
    QcowSnapshot s = q->snapshots[i];
    uint64_t *l1 = qcow_read_l1(q, s.l1_offset, s.l1_size, &ret);
    if (ret == 0) {
        memmove(&q->snapshots[i], &q->snapshots[i + 1], (q->nsnapshots - (uint32_t)i - 1) * sizeof(s));
        q->nsnapshots--;
        ret = store_snapshots(q, old_bytes);
        free_snapshot(&s);
    }
    ret = ret ? ret : walk_refs(q, l1, s.l1_size, -1, false);
    ret = ret ? ret : qcow_change_refs(q, s.l1_offset, 8ull * s.l1_size, -1);
    ret = ret ? ret : walk_refs(q, q->l1, q->l1_size, 0, true);
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : write_l1(q, q->l1_offset, q->l1, q->l1_size);
    g_free(l1);
    return ret;
}

bool qcow_snapshot_create(BlockNode *n, const BlockSnapshot *s, Error **errp)
{
    return alone(n, do_create, s, "create", errp);
}

bool qcow_snapshot_apply(BlockNode *n, const char *name, Error **errp)
{
    if (!alone(n, do_apply, &(BlockSnapshot){ .name = (char *)name }, "apply", errp))
        return false;
    block_bitmaps_resize(n, block_size(n));
    block_bitmaps_mark(n, 0, block_size(n)); /* anything may have changed */
    return true;
}

bool qcow_snapshot_delete(BlockNode *n, const char *name, Error **errp)
{
    return alone(n, do_delete, &(BlockSnapshot){ .name = (char *)name }, "delete", errp);
}

/* The disk keeps its size: past the snapshot's end there is nothing. */
bool qcow_snapshot_show(BlockNode *n, const char *id, const char *name, Error **errp)
{
    Qcow *q = n->state;
    const QcowSnapshot *s = NULL;
    for (uint32_t i = 0; i < q->nsnapshots && !s; i++)
        if ((!id || !strcmp(id, q->snapshots[i].s.id)) && (!name || !strcmp(name, q->snapshots[i].s.name)))
            s = &q->snapshots[i];
    if (!s || !n->read_only) {
        error_setg(errp, n->read_only ? "Can't find snapshot" : "Device is not readonly");
        return false;
    }
    int ret;
    uint64_t *l1 = qcow_read_l1(q, s->l1_offset, s->l1_size, &ret);
    if (ret < 0) {
        g_free(l1);
        error_setg_errno(errp, -ret, "Failed to read l1 table for snapshot");
        return false;
    }
    pthread_mutex_lock(&q->lock);
    g_free(q->l1);
    q->l1 = l1;
    q->l1_size = s->l1_size;
    pthread_mutex_unlock(&q->lock);
    return true;
}
