/* SPDX-License-Identifier: MIT */
/*
 * The qcow2 format: opening and its checks, the header, flush, resize, information. Every number in an image is foreign: nothing is allocated,
 * indexed or followed before it was checked.
 * Not supported: encryption.
 */
#include "qcow2.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

typedef struct QcowHeader { /* big endian */
    uint32_t magic, version;
    uint64_t backing_offset;
    uint32_t backing_size, cluster_bits;
    uint64_t size;
    uint32_t crypt, l1_size;
    uint64_t l1_offset, reftable_offset;
    uint32_t reftable_clusters, nsnapshots;
    uint64_t snapshots_offset;
    /* version 3 */
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order, header_length;
    uint8_t compression, pad[7];
} __attribute__((packed)) QcowHeader;
enum { V2_LENGTH = 72, V3_LENGTH = 104, FULL_LENGTH = 112 };

static const char *const qcow_keys[] = { "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other", "overlap-check",
                                         "cache-size", "l2-cache-size", "refcount-cache-size", "cache-clean-interval", NULL };

static int qcow_probe(const uint8_t *head, size_t len, const char *filename)
{
    return len >= 8 && !memcmp(head, "QFI\xfb", 4) && head[4] == 0 && head[5] == 0 && head[6] == 0 && (head[7] == 2 || head[7] == 3) ? 100 : 0;
}

/* ---- Header ---- */

static void put_extension(GByteArray *out, uint32_t type, const void *data, uint32_t len)
{
    static const uint8_t zeroes[8];
    uint32_t head[2] = { GUINT32_TO_BE(type), GUINT32_TO_BE(len) };
    g_byte_array_append(out, (const uint8_t *)head, 8);
    g_byte_array_append(out, data, len);
    g_byte_array_append(out, zeroes, -len & 7);
}

static void put_feature_names(GByteArray *out)
{
    static const struct {
        uint8_t type, bit;
        char name[46];
    } names[] = { { 0, 0, "dirty bit" }, { 0, 1, "corrupt bit" }, { 0, 2, "external data file" }, { 0, 3, "compression type" },
                  { 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" }, { 2, 0, "bitmaps" }, { 2, 1, "raw external data" } };
    put_extension(out, QCOW_EXT_FEATURES, names, sizeof(names));
}

/* Header, extensions and the backing file's name. names: of features, which are there for readers that don't know them. */
static GByteArray *header_bytes(const Qcow *q, bool names)
{
    const BlockNode *n = q->node;
    uint32_t name_len = n->backing_file ? (uint32_t)strlen(n->backing_file) : 0;
    unsigned order = (unsigned)__builtin_ctz(q->refcount_bits);
    QcowHeader h = {
        .magic = GUINT32_TO_BE(QCOW_MAGIC), .version = GUINT32_TO_BE(q->version), .cluster_bits = GUINT32_TO_BE(q->cluster_bits),
        .size = GUINT64_TO_BE(block_size(n)), .l1_size = GUINT32_TO_BE(q->l1_size), .l1_offset = GUINT64_TO_BE(q->l1_offset),
        .reftable_offset = GUINT64_TO_BE(q->reftable_offset), .reftable_clusters = GUINT32_TO_BE(q->reftable_clusters),
        .nsnapshots = GUINT32_TO_BE(q->nsnapshots), .snapshots_offset = GUINT64_TO_BE(q->snapshots_offset),
        .incompatible = GUINT64_TO_BE(q->incompatible), .compatible = GUINT64_TO_BE(q->compatible), .autoclear = GUINT64_TO_BE(q->autoclear),
        .refcount_order = GUINT32_TO_BE(order), .header_length = GUINT32_TO_BE(FULL_LENGTH), .compression = q->compression,
    };
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, (const uint8_t *)&h, q->version >= 3 ? FULL_LENGTH : V2_LENGTH);
    if (n->backing_file && n->backing_format)
        put_extension(out, QCOW_EXT_BACKING_FORMAT, n->backing_format, (uint32_t)strlen(n->backing_format));
    if (q->unknown_ext)
        g_byte_array_append(out, q->unknown_ext->data, q->unknown_ext->len);
    if (q->data_file_name)
        put_extension(out, QCOW_EXT_DATA_FILE, q->data_file_name, (uint32_t)strlen(q->data_file_name));
    if (q->bitmap_count) {
        uint8_t bitmaps[24];
        qcow_put_bitmap_extension(q, bitmaps);
        put_extension(out, QCOW_EXT_BITMAPS, bitmaps, sizeof(bitmaps));
    }
    if (q->version >= 3 && names)
        put_feature_names(out);
    put_extension(out, QCOW_EXT_END, "", 0);
    if (name_len) {
        ((QcowHeader *)out->data)->backing_offset = GUINT64_TO_BE((uint64_t)out->len);
        ((QcowHeader *)out->data)->backing_size = GUINT32_TO_BE(name_len);
        g_byte_array_append(out, (const uint8_t *)n->backing_file, name_len);
    }
    return out;
}

int qcow_write_header(Qcow *q)
{
    GByteArray *out = header_bytes(q, true);
    if (out->len > q->cluster_size) { /* of 512 bytes */
        g_byte_array_free(out, TRUE);
        out = header_bytes(q, false);
    }
    int ret = out->len > q->cluster_size ? -ENOSPC : 0;
    if (ret == 0) {
        g_byte_array_set_size(out, (guint)MIN(q->cluster_size, (out->len + 511u) & ~511u));
        ret = block_write(q->node->file, 0, out->data, out->len);
    }
    g_byte_array_free(out, TRUE);
    return ret;
}

static bool bad(Error **errp, const char *what)
{
    error_setg(errp, "%s", what);
    return false;
}

static bool parse_version(Qcow *q, const QcowHeader *h, Error **errp)
{
    q->version = GUINT32_FROM_BE(h->version);
    q->cluster_bits = GUINT32_FROM_BE(h->cluster_bits);
    if (GUINT32_FROM_BE(h->magic) != QCOW_MAGIC)
        return bad(errp, "Image is not in qcow2 format");
    if (q->version < 2 || q->version > 3) {
        error_setg(errp, "Unsupported qcow2 version %u", q->version);
        return false;
    }
    if (q->cluster_bits < 9 || q->cluster_bits > 21) {
        error_setg(errp, "Unsupported cluster size: 2^%u", q->cluster_bits);
        return false;
    }
    q->cluster_size = 1ull << q->cluster_bits;
    q->refcount_bits = 16;
    q->header_length = V2_LENGTH;
    if (q->version == 2)
        return true;
    unsigned order = GUINT32_FROM_BE(h->refcount_order);
    q->header_length = GUINT32_FROM_BE(h->header_length);
    if (q->header_length < V3_LENGTH || q->header_length > q->cluster_size)
        return bad(errp, "qcow2 header length is out of range");
    if (order > 6)
        return bad(errp, "Reference count entry width too large; may not exceed 64 bits");
    q->refcount_bits = 1u << order;
    q->incompatible = GUINT64_FROM_BE(h->incompatible);
    q->compatible = GUINT64_FROM_BE(h->compatible);
    q->autoclear = GUINT64_FROM_BE(h->autoclear);
    q->compression = q->header_length > V3_LENGTH ? h->compression : 0;
    return true;
}

static bool parse_features(Qcow *q, const QcowHeader *h, Error **errp)
{
    const uint64_t known = QCOW_INCOMPAT_DIRTY | QCOW_INCOMPAT_CORRUPT | QCOW_INCOMPAT_COMPRESSION | QCOW_INCOMPAT_EXTL2 |
                           QCOW_INCOMPAT_DATA_FILE;
    q->crypt = GUINT32_FROM_BE(h->crypt);
    q->extended_l2 = q->incompatible & QCOW_INCOMPAT_EXTL2;
    q->l2_bits = q->cluster_bits - (q->extended_l2 ? 4 : 3);
    if (q->incompatible & ~known) {
        error_setg(errp, "Unsupported qcow2 feature(s): 0x%llx", (unsigned long long)(q->incompatible & ~known));
        return false;
    }
    if (q->crypt)
        return bad(errp, "Use of AES-CBC or LUKS encrypted qcow2 images is not supported");
    if (q->compression > 1 || (q->compression == 1) != !!(q->incompatible & QCOW_INCOMPAT_COMPRESSION)) {
        error_setg(errp, "qcow2: unknown compression type: %u", q->compression);
        return false;
    }
    if (q->extended_l2 && q->cluster_bits < 14)
        return bad(errp, "qcow2: extended L2 entries need clusters of 16 KiB or more");
    if (q->incompatible & QCOW_INCOMPAT_CORRUPT && !q->node->read_only && !(q->node->flags & BLOCK_CHECK))
        return bad(errp, "qcow2: Image is corrupt; cannot be opened read/write");
    return true;
}

/* A table of n 8-byte entries at offset lies in the file and is no larger than max bytes. */
static bool table_fits(const Qcow *q, uint64_t offset, uint64_t n, uint64_t max, const char *what, Error **errp)
{
    if (n * 8 > max) {
        error_setg(errp, "%s too large", what);
        return false;
    }
    uint64_t end = (block_size(q->node->file) + q->cluster_size - 1) & ~(q->cluster_size - 1);
    if (offset & (q->cluster_size - 1) || (n && (offset > end || n * 8 > end - offset))) {
        error_setg(errp, "%s offset invalid", what);
        return false;
    }
    return true;
}

static bool load_table(Qcow *q, uint64_t offset, uint64_t n, uint64_t **out, const char *what, Error **errp)
{
    *out = g_malloc0(n * 8 + 8);
    int ret = n ? block_read(q->node->file, offset, *out, n * 8) : 0;
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read %s", what);
        return false;
    }
    for (uint64_t i = 0; i < n; i++)
        (*out)[i] = GUINT64_FROM_BE((*out)[i]);
    return true;
}

static bool load_tables(Qcow *q, const QcowHeader *h, Error **errp)
{
    q->node->size = GUINT64_FROM_BE(h->size);
    q->l1_size = GUINT32_FROM_BE(h->l1_size);
    q->l1_offset = GUINT64_FROM_BE(h->l1_offset);
    q->reftable_offset = GUINT64_FROM_BE(h->reftable_offset);
    q->reftable_clusters = GUINT32_FROM_BE(h->reftable_clusters);
    uint64_t entries = (uint64_t)q->reftable_clusters << (q->cluster_bits - 3);
    if (q->node->size > BLOCK_MAX_LENGTH)
        return bad(errp, "Image is too big");
    if (!q->reftable_clusters && !(q->node->flags & BLOCK_CHECK))
        return bad(errp, "Image does not contain a reference count table");
    if (!table_fits(q, q->reftable_offset, entries, QCOW_MAX_REFTABLE, "Image refcount table", errp) ||
        !table_fits(q, q->l1_offset, q->l1_size, QCOW_MAX_L1, "Active L1 table", errp))
        return false;
    if (q->l1_size < qcow_l1_needed(q, q->node->size))
        return bad(errp, "L1 table is too small");
    return load_table(q, q->l1_offset, q->l1_size, &q->l1, "L1 table", errp) &&
           load_table(q, q->reftable_offset, entries, &q->reftable, "reference count table", errp);
}

/* Extensions from header_length to the backing file's name; what is not known is kept. */
static bool load_extensions(Qcow *q, const QcowHeader *h, Error **errp)
{
    BlockNode *n = q->node;
    uint64_t name_at = GUINT64_FROM_BE(h->backing_offset), at = q->header_length, end = name_at ? name_at : q->cluster_size;
    uint32_t name_len = GUINT32_FROM_BE(h->backing_size);
    if (end > q->cluster_size)
        return bad(errp, "Invalid backing file offset");
    if (name_at && (name_len > 1023 || name_len > q->cluster_size - name_at))
        return bad(errp, "Backing file name too long");
    q->unknown_ext = g_byte_array_new();
    while (at + 8 <= end) {
        uint32_t head[2];
        if (block_read(n->file, at, head, 8) < 0)
            return bad(errp, "Could not read header extension");
        uint32_t type = GUINT32_FROM_BE(head[0]), len = GUINT32_FROM_BE(head[1]);
        at += 8;
        if (type == QCOW_EXT_END)
            break;
        if (len > end - at)
            return bad(errp, "Header extension too large");
        uint8_t *data = g_malloc0(len + 1);
        bool ok = block_read(n->file, at, data, len) == 0, known = true;
        if (ok && type == QCOW_EXT_BACKING_FORMAT && len < 16)
            n->backing_format = g_strndup((char *)data, len);
        else if (ok && type == QCOW_EXT_DATA_FILE && qcow_has_data_file(q) && !q->data_file_name && len < 1024)
            q->data_file_name = g_strndup((char *)data, len);
        else if (ok && type == QCOW_EXT_BITMAPS)
            known = qcow_parse_bitmap_extension(q, data, len, errp);
        else if (ok && type != QCOW_EXT_FEATURES)
            put_extension(q->unknown_ext, type, data, len);
        g_free(data);
        if (!ok)
            return bad(errp, "Could not read header extension");
        if (!known)
            return false;
        at += (len + 7ull) & ~7ull;
    }
    if (name_at && name_len) {
        n->backing_file = g_malloc0(name_len + 1);
        if (block_read(n->file, name_at, n->backing_file, name_len) < 0)
            return bad(errp, "Could not read backing file name");
    }
    return true;
}

static void free_state(Qcow *q)
{
    qcow_cache_free(&q->l2_cache);
    qcow_cache_free(&q->ref_cache);
    qcow_free_snapshots(q);
    qcow_free_bitmaps(q);
    g_free(q->l1);
    g_free(q->reftable);
    g_free(q->data_file_name);
    if (q->unknown_ext)
        g_byte_array_free(q->unknown_ext, TRUE);
    if (q->pending)
        g_array_free(q->pending, TRUE);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->writes_changed);
    pthread_rwlock_destroy(&q->io);
}

static void init_state(Qcow *q, BlockNode *n)
{
    q->node = n;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->writes_changed, NULL);
    pthread_rwlockattr_t writers_first; /* a flush must not wait for ever behind transfers; nobody reads it twice */
    pthread_rwlockattr_init(&writers_first);
    pthread_rwlockattr_setkind_np(&writers_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&q->io, &writers_first);
    pthread_rwlockattr_destroy(&writers_first);
    q->pending = g_array_new(FALSE, FALSE, sizeof(uint64_t));
}

static bool load(Qcow *q, Error **errp)
{
    BlockNode *n = q->node;
    QcowHeader h = { 0 };
    uint64_t have = block_size(n->file);
    if (have < V2_LENGTH)
        return bad(errp, "Image is not in qcow2 format");
    int ret = block_read(n->file, 0, &h, MIN(have, sizeof(h)));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    if (!parse_version(q, &h, errp) || !parse_features(q, &h, errp) || !load_tables(q, &h, errp) || !load_extensions(q, &h, errp))
        return false;
    unsigned limit = (unsigned)CLAMP((32u << 20) >> q->cluster_bits, 16, 4096);
    qcow_cache_init(&q->l2_cache, limit);
    qcow_cache_init(&q->ref_cache, MAX(limit / 4, 16));
    q->file_end = (have + q->cluster_size - 1) >> q->cluster_bits;
    n->cluster_size = (uint32_t)q->cluster_size;
    return qcow_load_snapshots(q, GUINT32_FROM_BE(h.nsnapshots), GUINT64_FROM_BE(h.snapshots_offset), errp) && qcow_load_bitmaps(q, errp);
}

/* Opened for writing: what we do not keep up to date is said to be stale; counts that were left behind are made right. */
static bool prepare_writing(Qcow *q, Error **errp)
{
    if (q->node->read_only)
        return true;
    if (q->incompatible & QCOW_INCOMPAT_DIRTY && !(q->node->flags & BLOCK_CHECK)) {
        BlockCheck result = { 0 };
        if (!qcow_check(q->node, BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS, &result, errp))
            return false;
    }
    uint64_t kept = (q->bitmap_count ? QCOW_AUTOCLEAR_BITMAPS : 0) | (qcow_has_data_file(q) ? QCOW_AUTOCLEAR_DATA_RAW : 0);
    if (q->autoclear & ~kept) {
        q->autoclear &= kept;
        if (qcow_write_header(q) < 0)
            return bad(errp, "Could not update qcow2 header");
    }
    return q->node->flags & BLOCK_CHECK || qcow_mark_bitmaps_in_use(q, errp);
}

/* The file with the guest's data: what the options say, or the header. To be checked, an image does without. */
static bool open_data_file(Qcow *q, OptGroup *o, const char *prefix, Error **errp)
{
    BlockNode *n = q->node;
    char *key = g_strconcat(prefix, "data-file", NULL), *sub = g_strconcat(prefix, "data-file.", NULL);
    const char *given = o ? opts_get(o, key) : NULL;
    bool said = given != NULL;
    for (unsigned i = 0; o && i < o->count; i++)
        said |= g_str_has_prefix(o->opts[i].key, sub);
    int flags = n->flags & ~(BLOCK_DETECT_ZEROES | BLOCK_DETECT_UNMAP | BLOCK_NO_BACKING);
    if (said && !qcow_has_data_file(q)) {
        error_setg(errp, "'data-file' can only be set for images with an external data file");
    } else if (!qcow_has_data_file(q) || (n->flags & BLOCK_CHECK && !said)) {
        /* there is none, or nobody will look at it */
    } else if (given) {
        n->data_file = block_ref(block_find_node(given));
        if (!n->data_file)
            error_setg(errp, "Cannot find device='' nor node-name='%s'", given);
    } else if (said) {
        n->data_file = block_open(o, sub, NULL, flags, errp);
    } else if (q->data_file_name) {
        char *name = block_relative_name(n->filename, q->data_file_name);
        n->data_file = block_open_file(name, "file", flags, errp);
        g_free(name);
    } else {
        error_setg(errp, "'data-file' is required for this image");
    }
    g_free(key);
    g_free(sub);
    return qcow_has_data_file(q) ? n->data_file || (n->flags & BLOCK_CHECK && !said) : !said;
}

static bool qcow_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    Qcow *q = n->state;
    init_state(q, n);
    if (!load(q, errp) || !open_data_file(q, o, prefix, errp) || !prepare_writing(q, errp)) {
        error_prepend(errp, "Could not open '%s': ", n->filename);
        free_state(q);
        return false;
    }
    return true;
}

/* ---- Flush, close ---- */

static int qcow_flush(BlockNode *n)
{
    Qcow *q = n->state;
    pthread_mutex_lock(&q->lock);
    bool frees = q->pending->len > 0;
    int ret = frees ? 0 : qcow_flush_tables(q);
    pthread_mutex_unlock(&q->lock);
    if (!frees)
        return ret;
    pthread_rwlock_wrlock(&q->io); /* nobody moves data into or out of what is about to be free */
    pthread_mutex_lock(&q->lock);
    ret = qcow_flush_tables(q);
    ret = ret ? ret : qcow_sync_file(q);
    for (guint i = 0; ret == 0 && i < q->pending->len; i++)
        ret = qcow_free_entry(q, g_array_index(q->pending, uint64_t, i));
    g_array_set_size(q->pending, 0);
    ret = ret ? ret : qcow_flush_tables(q);
    pthread_mutex_unlock(&q->lock);
    pthread_rwlock_unlock(&q->io);
    return ret;
}

static void qcow_close(BlockNode *n)
{
    Qcow *q = n->state;
    if (!n->read_only && !q->broken) {
        qcow_store_bitmaps(q);
        if (qcow_flush(n) == 0)
            block_flush(n->file);
    }
    free_state(q);
}

/* ---- Size ---- */

int qcow_grow_l1(Qcow *q, uint64_t entries)
{
    if (entries <= q->l1_size)
        return 0;
    if (entries * 8 > QCOW_MAX_L1)
        return -EFBIG;
    int64_t at = qcow_alloc_bytes(q, entries * 8);
    if (at < 0)
        return (int)at;
    uint64_t bytes = qcow_round(q, entries * 8), *be = g_malloc0(bytes);
    for (uint32_t i = 0; i < q->l1_size; i++)
        be[i] = GUINT64_TO_BE(q->l1[i]);
    int ret = block_write(q->node->file, (uint64_t)at, be, bytes);
    g_free(be);
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : qcow_sync_file(q);
    if (ret < 0)
        return ret;
    uint64_t old_offset = q->l1_offset, old_bytes = 8ull * q->l1_size;
    q->l1 = g_realloc(q->l1, entries * 8 + 8);
    memset(q->l1 + q->l1_size, 0, (entries - q->l1_size) * 8);
    q->l1_size = (uint32_t)entries;
    q->l1_offset = (uint64_t)at;
    ret = qcow_write_header(q);
    ret = ret ? ret : qcow_sync_file(q);
    return ret || !old_bytes ? ret : qcow_change_refs(q, old_offset, old_bytes, -1);
}

static int qcow_truncate(BlockNode *n, uint64_t size, const char *prealloc, Error **errp)
{
    Qcow *q = n->state;
    uint64_t old = block_size(n);
    if (q->nsnapshots && q->version < 3) {
        error_setg(errp, "Can't resize a version 2 image which has snapshots");
        return -ENOTSUP;
    }
    if (size < old) { /* what goes away is freed first */
        int r = old > qcow_round(q, size) ? qcow_discard(n, qcow_round(q, size), old - qcow_round(q, size)) : 0;
        r = r ? r : qcow_flush(n);
        if (r < 0) {
            error_setg_errno(errp, -r, "Failed to discard cropped clusters");
            return r;
        }
    }
    pthread_mutex_lock(&q->lock);
    int ret = qcow_grow_l1(q, qcow_l1_needed(q, size));
    if (ret == 0) {
        __atomic_store_n(&n->size, size, __ATOMIC_RELAXED);
        ret = qcow_write_header(q);
    }
    ret = ret ? ret : qcow_flush_tables(q);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not resize image");
    /* The last cluster of before may hold anything past the old end. */
    if (ret == 0 && n->data_file)
        ret = block_truncate(n->data_file, size, NULL, errp);
    if (ret == 0 && size > old && old & (q->cluster_size - 1))
        ret = block_write_zeroes(n, old, MIN(size, qcow_round(q, old)) - old, false);
    bool raw = q->autoclear & QCOW_AUTOCLEAR_DATA_RAW; /* all of it is there, always */
    if (ret == 0 && size > old && n->data_file && (raw || (prealloc && strcmp(prealloc, "off"))))
        ret = qcow_map_data_file(q, old, size - old);
    else if (ret == 0 && prealloc && size > old && (!strcmp(prealloc, "full") || !strcmp(prealloc, "falloc"))) {
        uint8_t *zeroes = g_malloc0(q->cluster_size);
        for (uint64_t at = old; ret == 0 && at < size; at += q->cluster_size)
            ret = block_write(n, at, zeroes, MIN(q->cluster_size, size - at));
        g_free(zeroes);
    }
    return ret;
}

static int qcow_make_empty(BlockNode *n)
{
    Qcow *q = n->state;
    uint64_t size = block_size(n);
    pthread_rwlock_rdlock(&q->io);
    pthread_mutex_lock(&q->lock);
    int ret = qcow_forget_clusters(q, 0, (size + q->cluster_size - 1) >> q->cluster_bits);
    pthread_mutex_unlock(&q->lock);
    pthread_rwlock_unlock(&q->io);
    return ret ? ret : qcow_flush(n);
}

/* State of the machine lies behind the disk, in L1 entries of its own. */
static uint64_t vmstate_start(const Qcow *q)
{
    return qcow_l1_needed(q, block_size(q->node)) << (q->cluster_bits + q->l2_bits);
}

static int qcow_vmstate_write(BlockNode *n, uint64_t pos, const void *buf, size_t size)
{
    Qcow *q = n->state;
    struct iovec part = { (void *)buf, size };
    if (qcow_has_data_file(q))
        return -ENOTSUP;
    uint64_t at = vmstate_start(q) + pos, entries = qcow_l1_needed(q, at + size);
    pthread_mutex_lock(&q->lock);
    int ret = entries > q->l1_size ? qcow_grow_l1(q, entries + 16) : 0;
    pthread_mutex_unlock(&q->lock);
    return ret ? ret : qcow_write(n, at, &(BlockVec){ &part, 1, size });
}

static int qcow_vmstate_read(BlockNode *n, uint64_t pos, void *buf, size_t size)
{
    struct iovec part = { buf, size };
    return qcow_read(n, vmstate_start(n->state) + pos, &(BlockVec){ &part, 1, size });
}

static void qcow_vmstate_drop(BlockNode *n)
{
    Qcow *q = n->state;
    uint64_t first = vmstate_start(q) >> q->cluster_bits, end = (uint64_t)q->l1_size << q->l2_bits;
    pthread_rwlock_rdlock(&q->io);
    pthread_mutex_lock(&q->lock);
    if (end > first)
        qcow_forget_clusters(q, first, end - first);
    pthread_mutex_unlock(&q->lock);
    pthread_rwlock_unlock(&q->io);
    qcow_flush(n);
}

static bool qcow_set_writable(BlockNode *n, bool on, Error **errp)
{
    Qcow *q = n->state;
    if (on && (!prepare_writing(q, errp) || q->incompatible & QCOW_INCOMPAT_CORRUPT)) {
        if (q->incompatible & QCOW_INCOMPAT_CORRUPT)
            error_setg(errp, "qcow2: Image is corrupt; cannot be opened read/write");
        return false;
    }
    if (!on)
        qcow_store_bitmaps(q);
    return true;
}

/* ---- Information ---- */

static void qcow_info(BlockNode *n, void *json)
{
    Qcow *q = n->state;
    json_object_set_new(json, "compat", json_string(q->version >= 3 ? "1.1" : "0.10"));
    if (q->version >= 3) {
        json_object_set_new(json, "compression-type", json_string(q->compression ? "zstd" : "zlib"));
        json_object_set_new(json, "lazy-refcounts", json_boolean(q->compatible & QCOW_COMPAT_LAZY));
        json_t *bitmaps = qcow_bitmaps_info(q);
        if (bitmaps)
            json_object_set_new(json, "bitmaps", bitmaps);
        json_object_set_new(json, "refcount-bits", json_integer(q->refcount_bits));
        if (qcow_has_data_file(q)) {
            json_object_set_new(json, "data-file", json_string(q->data_file_name ? q->data_file_name : ""));
            json_object_set_new(json, "data-file-raw", json_boolean(q->autoclear & QCOW_AUTOCLEAR_DATA_RAW));
        }
        json_object_set_new(json, "corrupt", json_boolean(q->incompatible & QCOW_INCOMPAT_CORRUPT));
        json_object_set_new(json, "extended-l2", json_boolean(q->extended_l2));
    } else {
        json_object_set_new(json, "compression-type", json_string("zlib"));
        json_object_set_new(json, "refcount-bits", json_integer(16));
    }
}

static bool qcow_set_backing(BlockNode *n, const char *file, const char *format, Error **errp)
{
    Qcow *q = n->state;
    if (file && strlen(file) > 1023)
        return bad(errp, "Backing file name too long");
    g_free(n->backing_file);
    g_free(n->backing_format);
    n->backing_file = file && file[0] ? g_strdup(file) : NULL;
    n->backing_format = format ? g_strdup(format) : NULL;
    pthread_mutex_lock(&q->lock);
    int ret = qcow_write_header(q);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not change the backing file");
    return ret == 0;
}

static const char *qcow_map_file(BlockNode *n, uint64_t offset)
{
    return qcow_data(n->state)->filename;
}

static bool qcow_bitmaps_possible(const BlockNode *n)
{
    return ((const Qcow *)n->state)->version >= 3;
}

static const BlockDriver qcow2_driver = {
    .name = "qcow2", .desc = "copy on write, version 2 and 3", .backing = true, .state_size = sizeof(Qcow), .keys = qcow_keys,
    .create_keys = qcow_create_keys, .probe = qcow_probe, .open = qcow_open, .close = qcow_close, .read = qcow_read, .write = qcow_write,
    .write_zeroes = qcow_write_zeroes, .write_compressed = qcow_write_compressed, .discard = qcow_discard, .flush = qcow_flush,
    .truncate = qcow_truncate, .status = qcow_status, .create = qcow_create, .measure = qcow_measure, .check = qcow_check, .info = qcow_info,
    .snapshot_list = qcow_snapshot_list, .snapshot_create = qcow_snapshot_create, .snapshot_apply = qcow_snapshot_apply,
    .snapshot_delete = qcow_snapshot_delete, .snapshot_show = qcow_snapshot_show, .set_backing = qcow_set_backing, .make_empty = qcow_make_empty,
    .vmstate_write = qcow_vmstate_write, .vmstate_read = qcow_vmstate_read, .vmstate_drop = qcow_vmstate_drop, .set_writable = qcow_set_writable,
    .bitmap_add = qcow_bitmap_add, .bitmap_remove = qcow_bitmap_remove, .bitmaps_possible = qcow_bitmaps_possible,
    .map_file = qcow_map_file, .amend_keys = qcow_amend_keys, .amend = qcow_amend,
};
block_driver(qcow2_driver)
