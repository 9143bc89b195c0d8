/* SPDX-License-Identifier: MIT */
/*
 * Persistent dirty bitmaps of qcow2 images ("Bitmaps extension"): a directory names them, each has a table of clusters with its bits.
 *
 * While an image is open for writing its bitmaps live in memory and the directory says they are in use; closing stores what changed. An
 * image that was not closed so keeps that mark: its bitmaps are inconsistent from then on. New tables and a new directory are on disk
 * before the header points to them; what they replace is freed last.
 */
#include "bitmap.h"
#include "qcow2.h"
#include "util/error.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { FLAG_IN_USE = 1, FLAG_AUTO = 2, FLAG_EXTRA_COMPATIBLE = 4, FLAGS_KNOWN = 7 };
enum { TYPE_DIRTY_TRACKING = 1 };
#define MAX_BITMAPS 65535u
#define MAX_DIRECTORY (65536ull * 1024)
#define MAX_TABLE (1u << 27) /* entries */
#define ALL_ONES 1ull
#define ENTRY_RESERVED 0xff000000000001feull

typedef struct DirectoryEntry { /* big endian, on disk; extra data and the name follow, padded to 8 */
    uint64_t table_offset;
    uint32_t table_size, flags;
    uint8_t type, granularity_bits;
    uint16_t name_size;
    uint32_t extra_size;
} __attribute__((packed)) DirectoryEntry;

typedef struct QcowBitmap {
    char *name;
    uint64_t table_offset;   /* 0: not in the image yet */
    uint32_t table_size;     /* entries */
    uint32_t flags;          /* as in the image */
    uint8_t granularity_bits;
    uint64_t at;             /* of its entry in the directory */
    BlockBitmap *bitmap;     /* NULL: opened to be checked */
} QcowBitmap;

static void entry_free(void *opaque)
{
    QcowBitmap *e = opaque;
    g_free(e->name);
    g_free(e);
}

static QcowBitmap *entry(const Qcow *q, unsigned i)
{
    return g_ptr_array_index(q->bitmaps, i);
}

static uint64_t table_needed(const Qcow *q, uint64_t size, unsigned granularity_bits)
{
    uint64_t bits = (size >> granularity_bits) + ((size & ((1ull << granularity_bits) - 1)) != 0);
    return ((bits + 7) / 8 + q->cluster_size - 1) >> q->cluster_bits;
}

/* ---- Loading ---- */

bool qcow_parse_bitmap_extension(Qcow *q, const uint8_t *data, uint32_t len, Error **errp)
{
    if (len != 24) {
        error_setg(errp, "bitmaps_ext: Invalid extension length");
        return false;
    }
    if (!(q->autoclear & QCOW_AUTOCLEAR_BITMAPS)) {
        if (q->version >= 3)
            warn_report("%s: a program lacking bitmap support modified this file, so all bitmaps are now considered inconsistent",
                        q->node->filename);
        return true;
    }
    uint32_t head[2];
    uint64_t place[2];
    memcpy(head, data, 8);
    memcpy(place, data + 8, 16);
    q->bitmap_count = GUINT32_FROM_BE(head[0]);
    q->bitmap_directory_size = GUINT64_FROM_BE(place[0]);
    q->bitmap_directory = GUINT64_FROM_BE(place[1]);
    uint64_t end = block_size(q->node->file);
    const char *wrong = NULL;
    if (head[1])
        wrong = "Reserved field is not zero";
    else if (!q->bitmap_count)
        wrong = "found bitmaps extension with zero bitmaps";
    else if (q->bitmap_count > MAX_BITMAPS)
        wrong = "too many bitmaps";
    else if (q->bitmap_directory & (q->cluster_size - 1) || !q->bitmap_directory)
        wrong = "invalid bitmap directory offset";
    else if (q->bitmap_directory_size > MAX_DIRECTORY || q->bitmap_directory > end || q->bitmap_directory_size > end - q->bitmap_directory)
        wrong = "bitmap directory size exceeds the maximum supported size";
    if (wrong)
        error_setg(errp, "bitmaps_ext: %s", wrong);
    return !wrong;
}

void qcow_put_bitmap_extension(const Qcow *q, uint8_t out[24])
{
    uint32_t head[2] = { GUINT32_TO_BE(q->bitmap_count), 0 };
    uint64_t place[2] = { GUINT64_TO_BE(q->bitmap_directory_size), GUINT64_TO_BE(q->bitmap_directory) };
    memcpy(out, head, 8);
    memcpy(out + 8, place, 16);
}

static bool entry_sane(const Qcow *q, const DirectoryEntry *d, const QcowBitmap *e)
{
    uint64_t end = (block_size(q->node->file) + q->cluster_size - 1) & ~(q->cluster_size - 1), bytes = 8ull * e->table_size;
    bool in_use = e->flags & FLAG_IN_USE;
    if (d->type != TYPE_DIRTY_TRACKING || d->extra_size || e->flags & ~(uint32_t)FLAGS_KNOWN || !e->name[0] || e->granularity_bits < 9 ||
        e->granularity_bits > 31 || !e->table_size || e->table_size > MAX_TABLE || !e->table_offset || e->table_offset & (q->cluster_size - 1))
        return false;
    if (e->table_offset > end || bytes > end - e->table_offset || (uint64_t)e->table_size << q->cluster_bits > BITMAP_MAX_BYTES + q->cluster_size)
        return false;
    /* One that nobody kept up to date may be of another size. */
    return in_use || e->table_size == table_needed(q, block_size(q->node), e->granularity_bits);
}

static bool parse_directory(Qcow *q, const uint8_t *data, Error **errp)
{
    uint64_t at = 0, size = q->bitmap_directory_size;
    for (uint32_t i = 0; i < q->bitmap_count; i++) {
        DirectoryEntry d;
        if (size - at < sizeof(d)) {
            error_setg(errp, "Broken bitmap directory");
            return false;
        }
        memcpy(&d, data + at, sizeof(d));
        uint64_t name_size = GUINT16_FROM_BE(d.name_size), whole = (sizeof(d) + GUINT32_FROM_BE(d.extra_size) + name_size + 7) & ~7ull;
        if (whole > size - at || name_size > BITMAP_NAME_MAX || GUINT32_FROM_BE(d.extra_size) > size) {
            error_setg(errp, "Broken bitmap directory");
            return false;
        }
        QcowBitmap *e = g_new0(QcowBitmap, 1);
        *e = (QcowBitmap){ .table_offset = GUINT64_FROM_BE(d.table_offset), .table_size = GUINT32_FROM_BE(d.table_size), .at = at,
                           .flags = GUINT32_FROM_BE(d.flags), .granularity_bits = d.granularity_bits };
        e->name = g_strndup((const char *)data + at + sizeof(d) + GUINT32_FROM_BE(d.extra_size), name_size);
        g_ptr_array_add(q->bitmaps, e);
        if (!entry_sane(q, &d, e)) {
            error_setg(errp, "Bitmap '%s' doesn't satisfy the constraints", e->name);
            return false;
        }
        at += whole;
    }
    if (at != size)
        error_setg(errp, "Broken bitmap directory");
    return at == size;
}

static uint64_t *read_table(Qcow *q, const QcowBitmap *e, int *ret)
{
    uint64_t *t = g_try_malloc(8ull * e->table_size);
    *ret = t ? block_read(q->node->file, e->table_offset, t, 8ull * e->table_size) : -ENOMEM;
    for (uint32_t i = 0; *ret == 0 && i < e->table_size; i++) {
        t[i] = GUINT64_FROM_BE(t[i]);
        if (t[i] & ENTRY_RESERVED || (t[i] & QCOW_OFFSET_MASK && (t[i] & ALL_ONES || !qcow_valid_cluster(q, t[i] & QCOW_OFFSET_MASK))))
            *ret = -EINVAL;
    }
    if (*ret == 0)
        return t;
    g_free(t);
    return NULL;
}

static int load_bits(Qcow *q, QcowBitmap *e)
{
    int ret;
    uint64_t *table = read_table(q, e, &ret), bytes = block_bitmap_bytes(e->bitmap), end = block_size(q->node->file);
    uint8_t *buf = g_malloc(q->cluster_size);
    for (uint32_t i = 0; ret == 0 && i < e->table_size; i++) {
        uint64_t at = (uint64_t)i << q->cluster_bits, n = MIN(q->cluster_size, bytes - at), host = table[i] & QCOW_OFFSET_MASK;
        if (!host && !(table[i] & ALL_ONES))
            continue;
        memset(buf, host ? 0 : 0xff, n);
        if (host)
            ret = host >= end ? -EIO : block_read(q->node->file, host, buf, MIN(n, end - host));
        block_bitmap_set_bytes(e->bitmap, at, buf, n);
    }
    g_free(buf);
    g_free(table);
    return ret;
}

static bool load_one(Qcow *q, QcowBitmap *e, uint64_t *room, Error **errp)
{
    uint64_t granularity = 1ull << e->granularity_bits;
    /* What is inconsistent is known by name only. */
    uint64_t bytes = e->flags & FLAG_IN_USE ? 0 : (uint64_t)e->table_size << q->cluster_bits;
    if (bytes > *room) {
        error_setg(errp, "The bitmaps of this image are too large");
        return false;
    }
    *room -= bytes;
    e->bitmap = e->flags & FLAG_IN_USE ? block_bitmap_new_inconsistent(q->node, e->name, granularity, errp)
                                       : block_bitmap_new(q->node, e->name, granularity, errp);
    if (!e->bitmap)
        return false;
    e->bitmap->persistent = true;
    e->bitmap->enabled = e->flags & FLAG_AUTO && !e->bitmap->inconsistent;
    int ret = e->bitmap->inconsistent ? 0 : load_bits(q, e);
    e->bitmap->changed = false;
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not read bitmap '%s' from image", e->name);
    return ret == 0;
}

bool qcow_load_bitmaps(Qcow *q, Error **errp)
{
    q->bitmaps = g_ptr_array_new_with_free_func(entry_free);
    if (!q->bitmap_count)
        return true;
    uint8_t *data = g_try_malloc(q->bitmap_directory_size + 1);
    int ret = data ? block_read(q->node->file, q->bitmap_directory, data, q->bitmap_directory_size) : -ENOMEM;
    if (ret < 0)
        error_setg_errno(errp, -ret, "Failed to read bitmap directory");
    bool ok = ret == 0 && parse_directory(q, data, errp);
    g_free(data);
    uint64_t room = 1ull << 30;
    for (unsigned i = 0; ok && i < q->bitmaps->len && !(q->node->flags & BLOCK_CHECK); i++)
        ok = load_one(q, entry(q, i), &room, errp);
    return ok;
}

void qcow_free_bitmaps(Qcow *q)
{
    if (q->bitmaps)
        g_ptr_array_free(q->bitmaps, TRUE);
    q->bitmaps = NULL;
}

/* ---- The mark ---- */

bool qcow_mark_bitmaps_in_use(Qcow *q, Error **errp)
{
    int ret = 0;
    bool any = false;
    for (unsigned i = 0; ret == 0 && i < q->bitmaps->len; i++) {
        QcowBitmap *e = entry(q, i);
        if (!e->table_offset || e->flags & FLAG_IN_USE)
            continue;
        uint32_t be = GUINT32_TO_BE(e->flags | FLAG_IN_USE);
        ret = block_write(q->node->file, q->bitmap_directory + e->at + offsetof(DirectoryEntry, flags), &be, 4);
        if (ret == 0)
            e->flags |= FLAG_IN_USE;
        any = true;
    }
    if (ret == 0 && any)
        ret = qcow_sync_file(q);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Can't update bitmap directory");
    return ret == 0;
}

/* ---- Storing: lock held ---- */

/* Notes what a table points to and the table itself, to be freed later. */
static int note_clusters(Qcow *q, const QcowBitmap *e, GArray *old)
{
    int ret;
    uint64_t *t = read_table(q, e, &ret);
    for (uint32_t i = 0; ret == 0 && i < e->table_size; i++) {
        uint64_t host = t[i] & QCOW_OFFSET_MASK;
        if (host)
            g_array_append_val(old, host);
    }
    for (uint64_t at = 0; ret == 0 && at < 8ull * e->table_size; at += q->cluster_size) {
        uint64_t host = e->table_offset + at;
        g_array_append_val(old, host);
    }
    g_free(t);
    return ret;
}

static bool all_bytes(const uint8_t *p, uint64_t n, uint8_t value)
{
    return p[0] == value && !memcmp(p, p + 1, n - 1);
}

/* Writes the bits and their table to new clusters. */
static int write_bits(Qcow *q, QcowBitmap *e)
{
    uint64_t bytes = block_bitmap_bytes(e->bitmap);
    uint32_t n = (uint32_t)table_needed(q, e->bitmap->size, e->granularity_bits);
    uint64_t *table = g_malloc0(8ull * n + 8);
    uint8_t *buf = g_malloc(q->cluster_size);
    int ret = 0;
    for (uint32_t i = 0; ret == 0 && i < n; i++) {
        uint64_t at = (uint64_t)i << q->cluster_bits, have = MIN(q->cluster_size, bytes - at);
        memset(buf, 0, q->cluster_size);
        block_bitmap_get_bytes(e->bitmap, at, buf, have);
        if (all_bytes(buf, q->cluster_size, 0))
            continue;
        if (all_bytes(buf, q->cluster_size, 0xff)) {
            table[i] = GUINT64_TO_BE(ALL_ONES);
            continue;
        }
        int64_t host = qcow_alloc(q, 1);
        ret = host < 0 ? (int)host : block_write(q->node->file, (uint64_t)host, buf, q->cluster_size);
        table[i] = GUINT64_TO_BE((uint64_t)host);
    }
    int64_t at = ret ? ret : qcow_alloc_bytes(q, 8ull * n);
    ret = at < 0 ? (int)at : block_write(q->node->file, (uint64_t)at, table, 8ull * n);
    if (ret == 0) {
        e->table_offset = (uint64_t)at;
        e->table_size = n;
    }
    g_free(buf);
    g_free(table);
    return ret;
}

/* A directory of what is in the image, and the header's switch to it. */
static int write_directory(Qcow *q, GArray *old)
{
    GByteArray *out = g_byte_array_new();
    static const uint8_t zeroes[8];
    uint32_t count = 0;
    for (unsigned i = 0; i < q->bitmaps->len; i++) {
        QcowBitmap *e = entry(q, i);
        if (!e->table_offset)
            continue;
        DirectoryEntry d = { .table_offset = GUINT64_TO_BE(e->table_offset), .table_size = GUINT32_TO_BE(e->table_size),
                             .flags = GUINT32_TO_BE(e->flags), .type = TYPE_DIRTY_TRACKING, .granularity_bits = e->granularity_bits,
                             .name_size = GUINT16_TO_BE((uint16_t)strlen(e->name)) };
        e->at = out->len;
        g_byte_array_append(out, (const uint8_t *)&d, sizeof(d));
        g_byte_array_append(out, (const uint8_t *)e->name, (guint)strlen(e->name));
        g_byte_array_append(out, zeroes, -out->len & 7);
        count++;
    }
    int64_t at = count ? qcow_alloc_bytes(q, out->len) : 0;
    int ret = at < 0 ? (int)at : count ? block_write(q->node->file, (uint64_t)at, out->data, out->len) : 0;
    ret = ret ? ret : qcow_flush_tables(q);
    ret = ret ? ret : qcow_sync_file(q);
    if (ret == 0) {
        for (uint64_t b = 0; q->bitmap_count && b < q->bitmap_directory_size; b += q->cluster_size) {
            uint64_t host = q->bitmap_directory + b;
            g_array_append_val(old, host);
        }
        q->bitmap_count = count;
        q->bitmap_directory = (uint64_t)at;
        q->bitmap_directory_size = out->len;
        q->autoclear = count ? q->autoclear | QCOW_AUTOCLEAR_BITMAPS : q->autoclear & ~(uint64_t)QCOW_AUTOCLEAR_BITMAPS;
        ret = qcow_write_header(q);
        ret = ret ? ret : qcow_sync_file(q);
    }
    g_byte_array_free(out, TRUE);
    return ret;
}

static int free_clusters(Qcow *q, const GArray *old)
{
    int ret = 0;
    for (guint i = 0; ret == 0 && i < old->len; i++)
        ret = qcow_change_refs(q, g_array_index(old, uint64_t, i), q->cluster_size, -1);
    return ret ? ret : qcow_flush_tables(q);
}

/* Bitmaps as memory has them; the mark of those that did not change is taken back. */
static int store(Qcow *q)
{
    GArray *old = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    int ret = 0;
    for (unsigned i = 0; ret == 0 && i < q->bitmaps->len; i++) {
        QcowBitmap *e = entry(q, i);
        BlockBitmap *b = e->bitmap;
        if (!b || b->inconsistent)
            continue;
        if (b->changed || !e->table_offset) {
            ret = e->table_offset ? note_clusters(q, e, old) : 0;
            ret = ret ? ret : write_bits(q, e);
        }
        e->flags = b->enabled ? FLAG_AUTO : 0;
    }
    ret = ret ? ret : write_directory(q, old);
    ret = ret ? ret : free_clusters(q, old);
    for (unsigned i = 0; ret == 0 && i < q->bitmaps->len; i++)
        if (entry(q, i)->bitmap)
            entry(q, i)->bitmap->changed = false;
    g_array_free(old, TRUE);
    return ret;
}

int qcow_store_bitmaps(Qcow *q)
{
    bool any = false;
    for (unsigned i = 0; q->bitmaps && i < q->bitmaps->len; i++)
        any |= entry(q, i)->bitmap && !entry(q, i)->bitmap->inconsistent;
    if (!any)
        return 0;
    pthread_mutex_lock(&q->lock);
    int ret = store(q);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        warn_report("Lost persistent bitmaps during inactivation of node '%s': %s", q->node->node_name, g_strerror(-ret));
    return ret;
}

/* ---- Coming and going ---- */

bool qcow_bitmap_add(BlockNode *n, BlockBitmap *b, Error **errp)
{
    Qcow *q = n->state;
    const char *wrong = NULL;
    if (q->version < 3)
        wrong = "Cannot store dirty bitmaps in qcow2 v2 files";
    else if (n->read_only)
        wrong = "No write access";
    else if (q->bitmaps->len >= MAX_BITMAPS)
        wrong = "Maximum number of persistent bitmaps is already reached";
    if (wrong) {
        error_setg(errp, "%s", wrong);
        return false;
    }
    QcowBitmap *e = g_new0(QcowBitmap, 1);
    *e = (QcowBitmap){ .name = g_strdup(b->name), .granularity_bits = (uint8_t)__builtin_ctzll(b->granularity), .bitmap = b };
    g_ptr_array_add(q->bitmaps, e);
    return true;
}

bool qcow_bitmap_remove(BlockNode *n, BlockBitmap *b, Error **errp)
{
    Qcow *q = n->state;
    unsigned i = 0;
    while (i < q->bitmaps->len && entry(q, i)->bitmap != b)
        i++;
    if (i == q->bitmaps->len)
        return true;
    GArray *old = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    bool stored = entry(q, i)->table_offset;
    pthread_mutex_lock(&q->lock);
    int ret = stored ? note_clusters(q, entry(q, i), old) : 0;
    if (ret == -EINVAL) { /* its table is damaged: its clusters stay, for check to free */
        g_array_set_size(old, 0);
        ret = 0;
    }
    if (ret == 0) {
        g_ptr_array_remove_index(q->bitmaps, i);
        ret = stored ? write_directory(q, old) : 0;
        ret = ret ? ret : free_clusters(q, old);
    }
    pthread_mutex_unlock(&q->lock);
    g_array_free(old, TRUE);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Failed to remove bitmap '%s'", b->name);
    return ret == 0;
}

int qcow_forget_bitmaps(Qcow *q)
{
    GArray *old = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    int ret = 0;
    bool stored = q->bitmap_count;
    for (unsigned i = 0; ret == 0 && i < q->bitmaps->len; i++) {
        QcowBitmap *e = entry(q, i);
        ret = e->table_offset ? note_clusters(q, e, old) : 0;
        if (e->bitmap)
            e->bitmap->persistent = false;
    }
    g_ptr_array_set_size(q->bitmaps, 0);
    ret = ret || !stored ? ret : write_directory(q, old);
    ret = ret ? ret : free_clusters(q, old);
    g_array_free(old, TRUE);
    return ret;
}

/* ---- Looking ---- */

int qcow_count_bitmaps(Qcow *q, void (*range)(void *opaque, uint64_t offset, uint64_t bytes), void *opaque, uint64_t *corruptions)
{
    if (q->bitmap_count)
        range(opaque, q->bitmap_directory, q->bitmap_directory_size);
    for (unsigned i = 0; q->bitmaps && i < q->bitmaps->len; i++) {
        const QcowBitmap *e = entry(q, i);
        int ret;
        if (!e->table_offset)
            continue;
        range(opaque, e->table_offset, 8ull * e->table_size);
        uint64_t *t = read_table(q, e, &ret);
        if (ret == -EINVAL)
            *corruptions += 1;
        else if (ret < 0)
            return ret;
        for (uint32_t k = 0; t && k < e->table_size; k++)
            if (t[k] & QCOW_OFFSET_MASK)
                range(opaque, t[k] & QCOW_OFFSET_MASK, q->cluster_size);
        g_free(t);
    }
    return 0;
}

void *qcow_bitmaps_info(const Qcow *q)
{
    json_t *list = NULL;
    for (unsigned i = 0; q->bitmaps && i < q->bitmaps->len; i++) {
        const QcowBitmap *e = entry(q, i);
        if (!e->table_offset)
            continue;
        json_t *flags = json_array();
        if (e->flags & FLAG_IN_USE)
            json_array_append_new(flags, json_string("in-use"));
        if (e->flags & FLAG_AUTO)
            json_array_append_new(flags, json_string("auto"));
        list = list ? list : json_array();
        json_array_append_new(list, json_pack("{s:o,s:s,s:I}", "flags", flags, "name", e->name, "granularity",
                                              (json_int_t)1 << e->granularity_bits));
    }
    return list;
}

uint64_t qcow_bitmaps_room(const BlockNode *from, uint64_t size, uint64_t cluster_size)
{
    uint64_t total = 0, directory = 0;
    for (const BlockBitmap *b = from->bitmaps; b; b = b->next) {
        if (!b->persistent)
            continue;
        uint64_t bits = size / b->granularity + (size % b->granularity != 0), clusters = ((bits + 7) / 8 + cluster_size - 1) / cluster_size;
        total += clusters * cluster_size + (8 * clusters + cluster_size - 1) / cluster_size * cluster_size;
        directory += (sizeof(DirectoryEntry) + strlen(b->name) + 7) & ~7ull;
    }
    return total + (directory + cluster_size - 1) / cluster_size * cluster_size;
}
