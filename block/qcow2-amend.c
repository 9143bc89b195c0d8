/* SPDX-License-Identifier: MIT */
/*
 * Changing what kind of qcow2 image an image is: version, width of reference counts, lazy counts, size, name of the data file. The image is
 * alone with us: nothing else reads or writes it.
 */
#include "qcow2.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const qcow_amend_keys[] = {
    "backing_file=<str>     - File name of a base image", "backing_fmt=<str>      - Image format of the base image",
    "compat=<str>           - Compatibility level (v2 [0.10] or v3 [1.1])", "data_file=<str>        - File name of an external data file",
    "data_file_raw=<bool (on/off)> - The external data file must stay valid as a raw image",
    "lazy_refcounts=<bool (on/off)> - Postpone refcount updates", "refcount_bits=<num>    - Width of a reference count entry in bits",
    "size=<size>            - Virtual disk size", NULL,
};

typedef struct Amend {
    BlockNode *n;
    Qcow *q;
    uint64_t version, refcount_bits, size;
    bool has_size, lazy, raw, has_raw;
    const char *data_file;
    void (*progress)(void *opaque, double part);
    void *opaque;
} Amend;

static bool fail(Error **errp, const char *text, const char *hint)
{
    error_setg(errp, "%s", text);
    if (hint)
        error_append_hint(errp, "%s\n", hint);
    return false;
}

/* ---- Options ---- */

static bool known_keys(const OptGroup *o, Error **errp)
{
    for (unsigned i = 0; i < o->count; i++) {
        size_t len = strlen(o->opts[i].key);
        bool amends = false, creates = !strncmp(o->opts[i].key, "encrypt", 7);
        for (unsigned k = 0; qcow_amend_keys[k]; k++)
            amends |= !strncmp(qcow_amend_keys[k], o->opts[i].key, len) && qcow_amend_keys[k][len] == '=';
        for (unsigned k = 0; qcow_create_keys[k]; k++)
            creates |= !strncmp(qcow_create_keys[k], o->opts[i].key, len) && qcow_create_keys[k][len] == '=';
        if (amends)
            continue;
        error_setg(errp, "Invalid parameter '%s'", o->opts[i].key);
        if (creates)
            error_append_hint(errp, "This option is only supported for image creation\n");
        return false;
    }
    return true;
}

static bool parse(Amend *m, OptGroup *o, Error **errp)
{
    const Qcow *q = m->q;
    const char *compat = opts_get(o, "compat"), *backing = opts_get(o, "backing_file"), *format = opts_get(o, "backing_fmt");
    m->version = q->version;
    m->refcount_bits = q->refcount_bits;
    m->lazy = q->compatible & QCOW_COMPAT_LAZY;
    m->data_file = opts_get(o, "data_file");
    m->has_raw = opts_get(o, "data_file_raw") != NULL;
    m->has_size = opts_get(o, "size") != NULL;
    if (!known_keys(o, errp) || !opts_get_bool(o, "lazy_refcounts", &m->lazy, errp) || !opts_get_bool(o, "data_file_raw", &m->raw, errp) ||
        !opts_get_u64(o, "refcount_bits", &m->refcount_bits, errp) || !opts_get_size(o, "size", &m->size, errp))
        return false;
    if (compat && (!strcmp(compat, "0.10") || !strcmp(compat, "v2"))) {
        m->version = 2;
    } else if (compat && (!strcmp(compat, "1.1") || !strcmp(compat, "v3"))) {
        m->version = 3;
    } else if (compat) {
        error_setg(errp, "Unknown compatibility level %s", compat);
        return false;
    }
    if ((backing || format) && (g_strcmp0(backing, m->n->backing_file) || g_strcmp0(format, m->n->backing_format)))
        return fail(errp, "Cannot amend the backing file", "You can use 'rhea-img rebase' instead.");
    return true;
}

static bool check(const Amend *m, Error **errp)
{
    const Qcow *q = m->q;
    uint64_t bits = m->refcount_bits;
    bool lazy_was = q->compatible & QCOW_COMPAT_LAZY;
    if (!bits || bits > 64 || bits & (bits - 1))
        return fail(errp, "Refcount width must be a power of two and may not exceed 64 bits", NULL);
    if (m->version == 2 && q->version == 2 && bits != 16)
        return fail(errp, "Refcount widths other than 16 bits require compatibility level 1.1 or above (use compat=1.1 or greater)", NULL);
    if (m->version == 2 && bits != 16) {
        error_setg(errp, "compat=%s requires refcount_bits=16", "0.10");
        return false;
    }
    if (m->lazy && !lazy_was && m->version == 2)
        return fail(errp, "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)", NULL);
    if (m->data_file && !qcow_has_data_file(q))
        return fail(errp, "data-file can only be set for images that use an external data file", NULL);
    if (m->has_raw && m->raw && !(q->autoclear & QCOW_AUTOCLEAR_DATA_RAW))
        return fail(errp, "data-file-raw cannot be set on existing images", NULL);
    if (m->has_size && m->size & (BLOCK_SECTOR - 1))
        return fail(errp, "The new size must be a multiple of 512", NULL);
    if (m->version == 3 || q->version == 2)
        return true;
    if (qcow_has_data_file(q))
        return fail(errp, "Cannot downgrade an image with a data file", NULL);
    if (q->incompatible & ~(uint64_t)QCOW_INCOMPAT_DIRTY)
        return fail(errp, "Cannot downgrade an image with incompatible features set", NULL);
    for (uint32_t i = 0; i < q->nsnapshots; i++)
        if (q->snapshots[i].s.vm_state_size > UINT32_MAX || q->snapshots[i].s.disk_size != block_size(m->n))
            return fail(errp, "Internal snapshots prevent downgrade of image", NULL);
    return true;
}

/* ---- Reference counts of another width: lock held ---- */

typedef struct Widening {
    Amend *m;
    Qcow new;                 /* the width, for its counts */
    uint64_t old_end;         /* clusters counted as they are */
    uint64_t first, blocks, table; /* of the new structures, in a row, in clusters */
    GHashTable *gone;         /* clusters of the old structures */
} Widening;

/* Room for blocks that count everything up to and including themselves. */
static void place(Widening *w)
{
    const Qcow *q = w->m->q;
    uint64_t per = q->cluster_size * 8 / w->new.refcount_bits, before;
    w->first = w->old_end;
    w->blocks = w->table = 1;
    do {
        before = w->blocks + w->table;
        w->blocks = (w->first + before + per - 1) / per;
        w->table = (w->blocks * 8 + q->cluster_size - 1) >> q->cluster_bits;
    } while (w->blocks + w->table != before);
}

static void note_gone(Widening *w)
{
    Qcow *q = w->m->q;
    for (uint32_t i = 0; i < q->reftable_clusters; i++) {
        uint64_t c = (q->reftable_offset >> q->cluster_bits) + i;
        g_hash_table_add(w->gone, g_memdup2(&c, 8));
    }
    uint64_t n = (uint64_t)q->reftable_clusters << (q->cluster_bits - 3);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t c = q->reftable[i] >> q->cluster_bits;
        if (c)
            g_hash_table_add(w->gone, g_memdup2(&c, 8));
    }
}

static int write_block(Widening *w, uint64_t i, uint8_t *buf, Error **errp)
{
    Qcow *q = w->m->q;
    uint64_t bits = w->new.refcount_bits, per = q->cluster_size * 8 / bits, max = bits == 64 ? INT64_MAX : (1ull << bits) - 1;
    memset(buf, 0, q->cluster_size);
    for (uint64_t k = 0, c = i * per; k < per && c < w->first + w->blocks + w->table; k++, c++) {
        int64_t count = c >= w->first ? 1 : g_hash_table_contains(w->gone, &c) ? 0 : qcow_refcount(q, c);
        if (count < 0)
            return (int)count;
        if ((uint64_t)count > max) {
            error_setg(errp, "Cannot decrease refcount entry width to %u bits: Cluster at offset %#llx has a refcount of %lld", (unsigned)bits,
                       (unsigned long long)c << q->cluster_bits, (long long)count);
            return -EINVAL;
        }
        qcow_set_ref(&w->new, buf, k, (uint64_t)count);
    }
    w->m->progress(w->m->opaque, 0.9 * (double)i / (double)w->blocks);
    return block_write(q->node->file, (w->first + i) << q->cluster_bits, buf, q->cluster_size);
}

static int switch_counts(Widening *w)
{
    Qcow *q = w->m->q;
    uint64_t entries = w->table << (q->cluster_bits - 3), *table = g_malloc0(entries * 8 + 8), *be = g_malloc0(entries * 8 + 8);
    for (uint64_t i = 0; i < w->blocks; i++) {
        table[i] = (w->first + i) << q->cluster_bits;
        be[i] = GUINT64_TO_BE(table[i]);
    }
    int ret = block_write(q->node->file, (w->first + w->blocks) << q->cluster_bits, be, entries * 8);
    ret = ret ? ret : qcow_sync_file(q);
    g_free(be);
    if (ret < 0) {
        g_free(table);
        return ret;
    }
    g_free(q->reftable);
    q->reftable = table;
    q->reftable_offset = (w->first + w->blocks) << q->cluster_bits;
    q->reftable_clusters = (uint32_t)w->table;
    q->refcount_bits = w->new.refcount_bits;
    q->file_end = w->first + w->blocks + w->table;
    q->free_hint = 0;
    unsigned limit = q->ref_cache.limit;
    qcow_cache_free(&q->ref_cache);
    qcow_cache_init(&q->ref_cache, limit);
    ret = qcow_write_header(q);
    return ret ? ret : qcow_sync_file(q);
}

static bool change_width(Amend *m, Error **errp)
{
    Qcow *q = m->q;
    Widening w = { .m = m, .new = { .refcount_bits = (uint32_t)m->refcount_bits }, .old_end = q->file_end };
    place(&w);
    if (w.table << q->cluster_bits > QCOW_MAX_REFTABLE)
        return fail(errp, "The reference count table would be too large", NULL);
    w.gone = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    uint8_t *buf = g_malloc(q->cluster_size);
    Error *err = NULL;
    int ret = qcow_flush_tables(q);
    note_gone(&w);
    for (uint64_t i = 0; ret == 0 && i < w.blocks; i++)
        ret = write_block(&w, i, buf, &err);
    ret = ret ? ret : switch_counts(&w);
    g_free(buf);
    g_hash_table_destroy(w.gone);
    if (err)
        error_propagate(errp, err);
    else if (ret < 0)
        error_setg_errno(errp, -ret, "Cannot change the reference count width");
    return ret == 0;
}

/* ---- Version 2 has no zero clusters: lock held ---- */

static int write_zero_cluster(Qcow *q, uint64_t host)
{
    return block_write_zeroes(q->node->file, host, q->cluster_size, false);
}

/* What stands for a zero cluster in a table that users count on; *out: its new entry. */
static int expand_entry(Qcow *q, uint64_t old, int64_t users, uint64_t *out)
{
    uint64_t host = old & QCOW_OFFSET_MASK;
    int64_t count = host ? qcow_refcount(q, host >> q->cluster_bits) : 0;
    if (count < 0)
        return (int)count;
    int ret = 0;
    if (!host && !q->node->backing_file) {
        *out = 0;
    } else if (host && count == 1) { /* nobody else reads it */
        *out = host | QCOW_COPIED;
        ret = write_zero_cluster(q, host);
    } else {
        int64_t fresh = qcow_alloc(q, 1);
        ret = fresh < 0 ? (int)fresh : write_zero_cluster(q, (uint64_t)fresh);
        ret = ret || users == 1 ? ret : qcow_change_refs(q, (uint64_t)fresh, q->cluster_size, (int)users - 1);
        ret = ret || !host ? ret : qcow_change_refs(q, host, q->cluster_size, -(int)users);
        *out = ret ? 0 : (uint64_t)fresh | (users == 1 ? QCOW_COPIED : 0);
    }
    return ret;
}

static int expand_table(Qcow *q, uint64_t at)
{
    int64_t users = qcow_refcount(q, at >> q->cluster_bits);
    int ret = users < 1 || users > INT32_MAX ? -EIO : 0;
    for (uint64_t e = 0; ret == 0 && e < 1ull << q->l2_bits; e++) {
        QcowTable *t = qcow_table(q, &q->l2_cache, at, false, &ret);
        uint64_t old = t ? GUINT64_FROM_BE(t->entries[e]) : 0, now = 0;
        QcowKind kind = qcow_kind(q, old);
        if (!t || (kind != QCOW_ZERO_PLAIN && kind != QCOW_ZERO_ALLOC))
            continue;
        ret = kind == QCOW_ZERO_ALLOC && !qcow_valid_cluster(q, old & QCOW_OFFSET_MASK) ? -EIO : expand_entry(q, old, users, &now);
        t = ret ? NULL : qcow_table(q, &q->l2_cache, at, false, &ret);
        if (t) {
            t->entries[e] = GUINT64_TO_BE(now);
            t->dirty = true;
        }
    }
    return ret;
}

static int expand_l1(Qcow *q, const uint64_t *l1, uint64_t n, GHashTable *done)
{
    int ret = 0;
    for (uint64_t i = 0; ret == 0 && i < n; i++) {
        uint64_t at = l1[i] & QCOW_OFFSET_MASK;
        if (at && g_hash_table_add(done, g_memdup2(&at, 8))) /* a table of several snapshots: once */
            ret = qcow_valid_cluster(q, at) ? expand_table(q, at) : -EIO;
    }
    return ret;
}

static int expand_zeroes(Qcow *q)
{
    GHashTable *done = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    int ret = expand_l1(q, q->l1, q->l1_size, done);
    for (uint32_t i = 0; ret == 0 && i < q->nsnapshots; i++) {
        uint64_t *l1 = qcow_read_l1(q, q->snapshots[i].l1_offset, q->snapshots[i].l1_size, &ret);
        ret = ret ? ret : expand_l1(q, l1, q->snapshots[i].l1_size, done);
        g_free(l1);
    }
    g_hash_table_destroy(done);
    ret = ret ? ret : qcow_flush_tables(q);
    return ret ? ret : qcow_sync_file(q);
}

static int set_version(Qcow *q, uint32_t version)
{
    int ret = version == 2 ? expand_zeroes(q) : 0;
    ret = ret || version > 2 ? ret : qcow_forget_bitmaps(q);
    if (ret == 0 && version == 2)
        q->incompatible = q->compatible = q->autoclear = 0;
    q->version = ret ? q->version : version;
    return ret ? ret : qcow_write_header(q);
}

/* ---- All of it ---- */

static bool apply(Amend *m, Error **errp)
{
    Qcow *q = m->q;
    int ret = 0;
    if (m->version > q->version)
        ret = set_version(q, 3);
    if (ret == 0 && m->refcount_bits != q->refcount_bits && !change_width(m, errp))
        return false;
    uint64_t compatible = m->lazy ? q->compatible | QCOW_COMPAT_LAZY : q->compatible & ~(uint64_t)QCOW_COMPAT_LAZY;
    uint64_t autoclear = m->has_raw && !m->raw ? q->autoclear & ~(uint64_t)QCOW_AUTOCLEAR_DATA_RAW : q->autoclear;
    if (ret == 0 && (m->data_file || compatible != q->compatible || autoclear != q->autoclear)) {
        q->compatible = compatible;
        q->autoclear = autoclear;
        if (m->data_file) {
            g_free(q->data_file_name);
            q->data_file_name = m->data_file[0] ? g_strdup(m->data_file) : NULL;
        }
        ret = qcow_write_header(q);
    }
    if (ret == 0 && m->version < q->version)
        ret = set_version(q, 2);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not change the image");
    return ret == 0;
}

bool qcow_amend(BlockNode *n, OptGroup *o, void (*progress)(void *opaque, double part), void *opaque, Error **errp)
{
    Amend m = { .n = n, .q = n->state, .progress = progress, .opaque = opaque };
    if (!parse(&m, o, errp) || !check(&m, errp))
        return false;
    if (block_flush(n) < 0)
        return fail(errp, "Could not flush the image", NULL);
    pthread_mutex_lock(&m.q->lock);
    bool ok = apply(&m, errp);
    pthread_mutex_unlock(&m.q->lock);
    return ok && (!m.has_size || m.size == block_size(n) || block_truncate(n, m.size, NULL, errp) == 0) && block_flush(n) == 0;
}
