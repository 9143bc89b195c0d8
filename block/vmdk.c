/* SPDX-License-Identifier: MIT */
/* The VMDK format: opening, grains, reading and writing. See vmdk.h. */
#include "vmdk.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <string.h>
#include <zlib.h>

#define GRAIN_MAX (64u << 20)
#define DIRECTORY_MAX (32u << 20) /* bytes */
#define GD_AT_END UINT64_MAX
#define TABLES_CACHED 32768 /* of an extent: 64 MiB */

BlockNode *vmdk_file(const BlockNode *n, const VmdkExtent *e)
{
    return e->file ? e->file : n->file;
}

static int vmdk_probe(const uint8_t *head, size_t len, const char *filename)
{
    const char *p = (const char *)head, *end = p + len;
    if (len >= 4 && (!memcmp(head, "KDMV", 4) || !memcmp(head, "COWD", 4)))
        return 100;
    while (p < end) { /* a descriptor: comments, then its version */
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);
        if (n && p[n - 1] == '\r')
            n--;
        if (n == 9 && !memcmp(p, "version=", 8) && p[8] >= '1' && p[8] <= '3')
            return 100;
        if ((n && p[0] != '#') || !eol)
            return 0;
        p = eol + 1;
    }
    return 0;
}

/* ---- Opening ---- */

static bool bad(Error **errp, const char *what)
{
    error_setg(errp, "%s", what);
    return false;
}

static bool load_directory(BlockNode *file, uint64_t offset, uint32_t count, uint32_t **out, Error **errp)
{
    uint64_t size = block_size(file), bytes = 4ull * count;
    if (offset < BLOCK_SECTOR || offset > size || bytes > size - offset)
        return bad(errp, "Invalid VMDK image: the grain directory lies outside the file");
    *out = g_malloc0(bytes + 4);
    int ret = bytes ? block_read(file, offset, *out, bytes) : 0;
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read the grain directory of '%s'", file->filename);
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        (*out)[i] = GUINT32_FROM_LE((*out)[i]);
    return true;
}

static const char *wrong_header(const BlockNode *n, const VmdkHeader *h, uint64_t file_size)
{
    uint64_t grain = GUINT64_FROM_LE(h->grain), capacity = GUINT64_FROM_LE(h->capacity), overhead = GUINT64_FROM_LE(h->overhead);
    uint32_t version = GUINT32_FROM_LE(h->version), flags = GUINT32_FROM_LE(h->flags), gtes = GUINT32_FROM_LE(h->gtes);
    if (GUINT32_FROM_LE(h->magic) != VMDK_MAGIC)
        return "Image not in VMDK format";
    if (version < 1 || version > 3)
        return "Unsupported VMDK version";
    if (version == 3 && !n->read_only && !(flags & VMDK_COMPRESSED))
        return "VMDK version 3 must be read only";
    if (flags & VMDK_NEWLINE_TEST && memcmp(h->newline, "\n \r\n", 4))
        return "Invalid VMDK image: it was transferred as text";
    if (flags & VMDK_COMPRESSED && GUINT16_FROM_LE(h->compression) != 1)
        return "Unsupported VMDK compression";
    if (!gtes || gtes > 512)
        return "L2 table size too big";
    if (!grain || grain & (grain - 1) || grain > GRAIN_MAX / BLOCK_SECTOR)
        return "Invalid granularity, image may be corrupt";
    if (capacity > BLOCK_MAX_LENGTH / BLOCK_SECTOR || capacity / (grain * gtes) > DIRECTORY_MAX / 4 - 1)
        return "L1 size too big";
    if (overhead > file_size / BLOCK_SECTOR + 1)
        return "File truncated: it ends before its first grain";
    return NULL;
}

/* Where the header says that the directory is at the end, a copy of it there says where. */
static int read_header(BlockNode *file, VmdkHeader *h)
{
    uint64_t size = block_size(file);
    int ret = size < sizeof(*h) ? -EINVAL : block_read(file, 0, h, sizeof(*h));
    if (ret == 0 && GUINT32_FROM_LE(h->magic) == VMDK_MAGIC && h->gd_offset == GD_AT_END)
        ret = size < 3 * sizeof(*h) ? -EINVAL : block_read(file, (size & ~(uint64_t)(BLOCK_SECTOR - 1)) - 2 * sizeof(*h), h, sizeof(*h));
    return ret;
}

bool vmdk_open_sparse(BlockNode *n, VmdkExtent *e, uint64_t *descriptor_offset, uint64_t *descriptor_size, Error **errp)
{
    BlockNode *file = vmdk_file(n, e);
    VmdkHeader h = { 0 };
    uint64_t size = block_size(file);
    const char *wrong = read_header(file, &h) < 0 ? "Image not in VMDK format" : wrong_header(n, &h, size);
    if (wrong)
        return bad(errp, wrong);
    uint32_t flags = GUINT32_FROM_LE(h.flags);
    uint64_t capacity = GUINT64_FROM_LE(h.capacity), gd = GUINT64_FROM_LE(h.gd_offset), rgd = GUINT64_FROM_LE(h.rgd_offset);
    e->kind = VMDK_SPARSE;
    e->size = capacity * BLOCK_SECTOR;
    e->grain = GUINT64_FROM_LE(h.grain) * BLOCK_SECTOR;
    e->gtes = GUINT32_FROM_LE(h.gtes);
    e->tables = (uint32_t)((e->size + e->grain * e->gtes - 1) / (e->grain * e->gtes));
    e->compressed = flags & VMDK_COMPRESSED;
    e->markers = flags & VMDK_MARKERS;
    e->zeroed_grain = flags & VMDK_ZEROED_GRAIN;
    e->end = (size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (gd > BLOCK_MAX_LENGTH / BLOCK_SECTOR || rgd > BLOCK_MAX_LENGTH / BLOCK_SECTOR)
        return bad(errp, "Invalid VMDK image: the grain directory lies outside the file");
    e->gd_offset = gd * BLOCK_SECTOR;
    e->rgd_offset = flags & VMDK_REDUNDANT ? rgd * BLOCK_SECTOR : 0;
    if (!load_directory(file, e->gd_offset, e->tables, &e->gd, errp) || (e->rgd_offset && !load_directory(file, e->rgd_offset, e->tables, &e->rgd, errp)))
        return false;
    e->gt = g_new0(uint32_t *, e->tables + 1);
    if (descriptor_offset) {
        *descriptor_offset = GUINT64_FROM_LE(h.descriptor_offset);
        *descriptor_size = GUINT64_FROM_LE(h.descriptor_size);
    }
    return true;
}

static void forget_tables(VmdkExtent *e)
{
    for (uint32_t t = 0; e->gt && t < e->tables; t++) {
        g_free(e->gt[t]);
        e->gt[t] = NULL;
    }
    e->cached = 0;
}

static void vmdk_close(BlockNode *n)
{
    Vmdk *s = n->state;
    for (unsigned i = 0; i < s->nextents; i++) {
        VmdkExtent *e = &s->extents[i];
        forget_tables(e);
        g_free(e->gt);
        g_free(e->gd);
        g_free(e->rgd);
        g_free(e->type);
        block_unref(e->file);
    }
    g_free(s->extents);
    g_free(s->create_type);
    pthread_mutex_destroy(&s->lock);
}

/* One sparse file, which has the descriptor in it. */
static bool open_monolithic(BlockNode *n, Vmdk *s, Error **errp)
{
    uint64_t at, sectors;
    s->extents = g_new0(VmdkExtent, 1);
    s->nextents = 1;
    s->extents[0].type = g_strdup("");
    if (!vmdk_open_sparse(n, &s->extents[0], &at, &sectors, errp))
        return false;
    n->size = s->extents[0].size;
    n->cluster_size = (uint32_t)s->extents[0].grain;
    s->parent_cid = VMDK_NO_PARENT;
    if (!at || !sectors)
        return true;
    if (at > block_size(n->file) / BLOCK_SECTOR || sectors > VMDK_DESCRIPTOR_MAX / BLOCK_SECTOR)
        return bad(errp, "Invalid VMDK image: the descriptor lies outside the file");
    s->descriptor_offset = at * BLOCK_SECTOR;
    s->descriptor_room = sectors * BLOCK_SECTOR;
    char *text = vmdk_read_descriptor(n, errp);
    bool ok = text && vmdk_parse_descriptor(n, text, false, errp);
    g_free(text);
    return ok;
}

static bool vmdk_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    Vmdk *s = n->state;
    char magic[4] = "";
    pthread_mutex_init(&s->lock, NULL);
    bool ok = block_size(n->file) < 4 || block_read(n->file, 0, magic, 4) < 0 ? bad(errp, "Image not in VMDK format") : true;
    if (ok && !memcmp(magic, "COWD", 4))
        ok = bad(errp, "Unsupported VMDK image (a sparse extent of ESX)");
    else if (ok && !memcmp(magic, "KDMV", 4))
        ok = open_monolithic(n, s, errp);
    else if (ok) {
        char *text = vmdk_read_descriptor(n, errp);
        ok = text && vmdk_parse_descriptor(n, text, true, errp);
        g_free(text);
    }
    if (!ok)
        vmdk_close(n);
    return ok;
}

static bool vmdk_set_writable(BlockNode *n, bool on, Error **errp)
{
    Vmdk *s = n->state;
    s->cid_new = false;
    for (unsigned i = 0; i < s->nextents; i++)
        if (s->extents[i].file && !block_set_writable(s->extents[i].file, on, errp))
            return false;
    return true;
}

/* ---- Grains: lock held ---- */

/* Table t of an extent, until the next call; NULL: there is none, or *ret says why not. */
static uint32_t *table(BlockNode *n, VmdkExtent *e, uint32_t t, int *ret)
{
    BlockNode *file = vmdk_file(n, e);
    uint64_t at = (uint64_t)e->gd[t] * BLOCK_SECTOR, bytes = 4ull * e->gtes, size = block_size(file);
    *ret = 0;
    if (e->gt[t] || !at)
        return e->gt[t];
    uint32_t *entries = g_malloc(bytes);
    *ret = at > size || bytes > size - at ? -EIO : block_read(file, at, entries, bytes);
    if (*ret < 0) {
        g_free(entries);
        return NULL;
    }
    for (uint32_t i = 0; i < e->gtes; i++)
        entries[i] = GUINT32_FROM_LE(entries[i]);
    if (e->cached++ == TABLES_CACHED)
        forget_tables(e);
    return e->gt[t] = entries;
}

/* Sector of grain g in the file; 0: nothing there. */
static int lookup(BlockNode *n, VmdkExtent *e, uint64_t g, uint32_t *entry)
{
    int ret;
    uint32_t *t = table(n, e, (uint32_t)(g / e->gtes), &ret);
    *entry = t ? t[g % e->gtes] : 0;
    return ret;
}

static int write_entry(BlockNode *file, uint64_t at, uint64_t i, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    return block_write(file, at + 4 * i, &value, 4);
}

/* An empty table at the end of the file, and in the directory. */
static int add_table(BlockNode *n, VmdkExtent *e, uint32_t t, uint32_t *directory, uint64_t directory_at)
{
    BlockNode *file = vmdk_file(n, e);
    uint64_t bytes = (4ull * e->gtes + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1), at = e->end;
    if (at / BLOCK_SECTOR > UINT32_MAX)
        return -EFBIG;
    int ret = block_write_zeroes(file, at, bytes, false);
    ret = ret ? ret : write_entry(file, directory_at, t, (uint32_t)(at / BLOCK_SECTOR));
    if (ret < 0)
        return ret;
    e->end = at + bytes;
    directory[t] = (uint32_t)(at / BLOCK_SECTOR);
    return 0;
}

static int set_grain(BlockNode *n, VmdkExtent *e, uint64_t g, uint32_t value)
{
    BlockNode *file = vmdk_file(n, e);
    uint32_t t = (uint32_t)(g / e->gtes);
    int ret = e->gd[t] ? 0 : add_table(n, e, t, e->gd, e->gd_offset);
    if (ret == 0 && e->rgd && !e->rgd[t])
        ret = add_table(n, e, t, e->rgd, e->rgd_offset);
    uint32_t *entries = ret ? NULL : table(n, e, t, &ret);
    if (!entries)
        return ret ? ret : -EIO;
    if (e->rgd)
        ret = write_entry(file, (uint64_t)e->rgd[t] * BLOCK_SECTOR, g % e->gtes, value);
    ret = ret ? ret : write_entry(file, (uint64_t)e->gd[t] * BLOCK_SECTOR, g % e->gtes, value);
    if (ret == 0)
        entries[g % e->gtes] = value;
    return ret;
}

/* ---- Backing image ---- */

/* A parent whose contents changed since does not fit any more. lock held. */
static int check_parent(BlockNode *n, Vmdk *s)
{
    const BlockNode *b = n->backing;
    if (s->parent_seen || !b)
        return 0;
    if (!strcmp(b->drv->name, "vmdk") && ((const Vmdk *)b->state)->cid != s->parent_cid)
        return -EINVAL;
    s->parent_seen = true;
    return 0;
}

static int read_backing(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    uint64_t end = n->backing ? block_size(n->backing) : 0, have = offset < end ? MIN(v->size, end - offset) : 0;
    struct iovec *parts = g_new(struct iovec, v->n);
    BlockVec part = block_vec_slice(v, 0, have, parts);
    int ret = have ? block_readv(n->backing, offset, &part) : 0;
    g_free(parts);
    if (ret == 0)
        block_vec_zero(v, have, v->size - have);
    return ret;
}

/* ---- Compressed grains ---- */

typedef struct Marker { /* in front of a compressed grain, little endian */
    uint64_t lba;
    uint32_t size;
} __attribute__((packed)) Marker;

/* Unpacks the grain at this sector into out. */
static int read_packed(BlockNode *n, VmdkExtent *e, uint32_t sector, uint8_t *out)
{
    BlockNode *file = vmdk_file(n, e);
    uint64_t at = (uint64_t)sector * BLOCK_SECTOR, size = block_size(file), bytes = 2 * e->grain;
    Marker m;
    if (at >= size || size - at <= sizeof(m))
        return -EIO;
    if (e->markers) {
        int ret = block_read(file, at, &m, sizeof(m));
        if (ret < 0)
            return ret;
        at += sizeof(m);
        bytes = GUINT32_FROM_LE(m.size);
    }
    bytes = MIN(bytes, size - at);
    if (!bytes || bytes > 2 * e->grain)
        return -EIO;
    uint8_t *in = g_malloc(bytes);
    int ret = block_read(file, at, in, bytes);
    z_stream z = { .next_in = in, .avail_in = (uInt)bytes, .next_out = out, .avail_out = (uInt)e->grain };
    if (ret == 0 && inflateInit(&z) == Z_OK) {
        int r = inflate(&z, Z_FINISH);
        inflateEnd(&z);
        memset(z.next_out, 0, z.avail_out); /* the disk's last grain may be short */
        ret = r == Z_STREAM_END || (r == Z_BUF_ERROR && z.avail_out == 0) ? 0 : -EIO;
    }
    g_free(in);
    return ret;
}

/* Grains of a compressed extent are written once, whole. lock held. */
static int write_packed(BlockNode *n, VmdkExtent *e, uint64_t in_extent, const BlockVec *v, uint64_t from, uint64_t len)
{
    uint64_t g = in_extent / e->grain;
    uint32_t entry;
    if (in_extent % e->grain || (len != e->grain && in_extent + len != e->size))
        return -EINVAL;
    int ret = lookup(n, e, g, &entry);
    if (ret < 0 || entry > VMDK_GRAIN_ZERO)
        return ret < 0 ? ret : -EIO;
    uLong room = compressBound((uLong)e->grain);
    uint8_t *data = g_malloc0(e->grain), *out = g_malloc0(sizeof(Marker) + room + BLOCK_SECTOR);
    block_vec_to(v, from, data, len);
    uint64_t at = e->end, head = e->markers ? sizeof(Marker) : 0;
    if (compress(out + head, &room, data, (uLong)e->grain) != Z_OK)
        ret = -EINVAL;
    uint64_t total = (head + room + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (e->markers)
        *(Marker *)out = (Marker){ GUINT64_TO_LE(in_extent / BLOCK_SECTOR), GUINT32_TO_LE((uint32_t)room) };
    if (at / BLOCK_SECTOR > UINT32_MAX)
        ret = -EFBIG;
    ret = ret ? ret : block_write(vmdk_file(n, e), at, out, total);
    g_free(data);
    g_free(out);
    if (ret < 0)
        return ret;
    e->end = at + total;
    return set_grain(n, e, g, (uint32_t)(at / BLOCK_SECTOR));
}

/* ---- Reading and writing ---- */

/* The extent of an offset of the disk. */
static VmdkExtent *extent_at(const Vmdk *s, uint64_t offset)
{
    unsigned lo = 0, hi = s->nextents;
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;
        if (s->extents[mid].start <= offset)
            lo = mid;
        else
            hi = mid;
    }
    return &s->extents[lo];
}

static int read_grain(BlockNode *n, Vmdk *s, VmdkExtent *e, uint64_t offset, const BlockVec *v)
{
    uint64_t in_extent = offset - e->start, in = in_extent % e->grain;
    uint32_t entry;
    pthread_mutex_lock(&s->lock);
    int ret = lookup(n, e, in_extent / e->grain, &entry);
    if (ret == 0 && entry == 0)
        ret = check_parent(n, s);
    pthread_mutex_unlock(&s->lock);
    if (ret < 0)
        return ret;
    if (entry == 0)
        return read_backing(n, offset, v);
    if (entry == VMDK_GRAIN_ZERO && e->zeroed_grain) {
        block_vec_zero(v, 0, v->size);
        return 0;
    }
    if (!e->compressed)
        return block_readv(vmdk_file(n, e), (uint64_t)entry * BLOCK_SECTOR + in, v);
    uint8_t *grain = g_malloc(e->grain);
    ret = read_packed(n, e, entry, grain);
    if (ret == 0)
        block_vec_from(v, 0, grain + in, v->size);
    g_free(grain);
    return ret;
}

/* Calls fn for each part of v that lies in one grain, or in one flat extent. */
static int each_part(BlockNode *n, uint64_t offset, const BlockVec *v, int (*fn)(BlockNode *n, Vmdk *s, VmdkExtent *e, uint64_t offset, const BlockVec *v))
{
    Vmdk *s = n->state;
    struct iovec *parts = g_new(struct iovec, v->n);
    int ret = 0;
    for (uint64_t done = 0, len; ret == 0 && done < v->size; done += len) {
        uint64_t at = offset + done;
        VmdkExtent *e = extent_at(s, at);
        len = MIN(v->size - done, e->start + e->size - at);
        if (e->kind == VMDK_SPARSE)
            len = MIN(len, e->grain - (at - e->start) % e->grain);
        BlockVec part = block_vec_slice(v, done, len, parts);
        ret = fn(n, s, e, at, &part);
    }
    g_free(parts);
    return ret;
}

static int read_part(BlockNode *n, Vmdk *s, VmdkExtent *e, uint64_t offset, const BlockVec *v)
{
    if (e->kind == VMDK_SPARSE)
        return read_grain(n, s, e, offset, v);
    if (e->kind == VMDK_FLAT)
        return block_readv(vmdk_file(n, e), offset - e->start + e->offset, v);
    block_vec_zero(v, 0, v->size);
    return 0;
}

static int vmdk_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return each_part(n, offset, v, read_part);
}

/* A new grain with these bytes; around them what the disk reads as now. lock held. */
static int add_grain(BlockNode *n, Vmdk *s, VmdkExtent *e, uint64_t offset, uint32_t was, const BlockVec *v)
{
    uint64_t in_extent = offset - e->start, in = in_extent % e->grain, first = offset - in, have = MIN(e->grain, block_size(n) - first);
    if (e->end / BLOCK_SECTOR > UINT32_MAX)
        return -EFBIG;
    uint8_t *buf = g_try_malloc0(e->grain);
    if (!buf)
        return -ENOMEM;
    struct iovec part = { buf, have };
    int ret = check_parent(n, s);
    if (ret == 0 && was == 0 && n->backing && v->size < have)
        ret = read_backing(n, first, &(BlockVec){ &part, 1, have });
    block_vec_to(v, 0, buf + in, v->size);
    uint64_t at = e->end;
    ret = ret ? ret : block_write(vmdk_file(n, e), at, buf, e->grain);
    g_free(buf);
    if (ret < 0)
        return ret;
    e->end = at + e->grain;
    return set_grain(n, e, in_extent / e->grain, (uint32_t)(at / BLOCK_SECTOR));
}

static int write_grain(BlockNode *n, Vmdk *s, VmdkExtent *e, uint64_t offset, const BlockVec *v)
{
    uint64_t in_extent = offset - e->start;
    uint32_t entry;
    bool done = true;
    pthread_mutex_lock(&s->lock);
    int ret = vmdk_new_cid(n);
    if (ret == 0 && e->compressed)
        ret = write_packed(n, e, in_extent, v, 0, v->size);
    else if (ret == 0 && (ret = lookup(n, e, in_extent / e->grain, &entry)) == 0) {
        done = entry == 0 || (entry == VMDK_GRAIN_ZERO && e->zeroed_grain);
        ret = done ? add_grain(n, s, e, offset, entry, v) : 0;
    }
    pthread_mutex_unlock(&s->lock);
    return ret || done ? ret : block_writev(vmdk_file(n, e), (uint64_t)entry * BLOCK_SECTOR + in_extent % e->grain, v);
}

static int write_part(BlockNode *n, Vmdk *s, VmdkExtent *e, uint64_t offset, const BlockVec *v)
{
    if (e->kind == VMDK_SPARSE)
        return write_grain(n, s, e, offset, v);
    if (e->kind == VMDK_ZERO)
        return -EROFS;
    pthread_mutex_lock(&s->lock);
    int ret = vmdk_new_cid(n);
    pthread_mutex_unlock(&s->lock);
    return ret ? ret : block_writev(vmdk_file(n, e), offset - e->start + e->offset, v);
}

static int vmdk_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return each_part(n, offset, v, write_part);
}

static int vmdk_write_compressed(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return n->compressed_only ? vmdk_write(n, offset, v) : -ENOTSUP;
}

/* -ENOTSUP: the zeroes must be written. lock held. */
static int zero_grain(BlockNode *n, VmdkExtent *e, uint64_t in_extent, uint64_t len, uint32_t *entry)
{
    uint64_t g = in_extent / e->grain;
    int ret = lookup(n, e, g, entry);
    bool whole = in_extent % e->grain == 0 && (len == e->grain || in_extent + len == e->size), zero = *entry == VMDK_GRAIN_ZERO && e->zeroed_grain;
    if (ret < 0 || (*entry == 0 && !n->backing) || zero) {
        *entry = 0;
        return ret;
    }
    if (e->zeroed_grain && whole) {
        *entry = 0;
        return set_grain(n, e, g, VMDK_GRAIN_ZERO);
    }
    return *entry == 0 || e->compressed ? -ENOTSUP : 0;
}

static int vmdk_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    Vmdk *s = n->state;
    int ret = 0;
    for (uint64_t done = 0, len; ret == 0 && done < size; done += len) {
        uint64_t at = offset + done;
        VmdkExtent *e = extent_at(s, at);
        uint64_t in_extent = at - e->start;
        uint32_t entry = 0;
        len = MIN(size - done, e->size - in_extent);
        if (e->kind == VMDK_ZERO)
            continue;
        if (e->kind == VMDK_SPARSE)
            len = MIN(len, e->grain - in_extent % e->grain);
        pthread_mutex_lock(&s->lock);
        ret = vmdk_new_cid(n);
        if (ret == 0 && e->kind == VMDK_SPARSE)
            ret = zero_grain(n, e, in_extent, len, &entry);
        pthread_mutex_unlock(&s->lock);
        if (ret == 0 && e->kind == VMDK_FLAT)
            ret = block_write_zeroes(vmdk_file(n, e), in_extent + e->offset, len, unmap);
        else if (ret == 0 && entry)
            ret = block_write_zeroes(vmdk_file(n, e), (uint64_t)entry * BLOCK_SECTOR + in_extent % e->grain, len, unmap);
    }
    return ret;
}

static int vmdk_flush(BlockNode *n)
{
    Vmdk *s = n->state;
    int ret = 0;
    for (unsigned i = 0; ret == 0 && i < s->nextents; i++)
        ret = s->extents[i].file ? block_flush(s->extents[i].file) : 0;
    return ret;
}

/* ---- What there is to say ---- */

static int grain_status(BlockNode *n, VmdkExtent *e, uint64_t in_extent, uint64_t *map)
{
    uint32_t entry;
    int ret = lookup(n, e, in_extent / e->grain, &entry);
    *map = 0;
    if (ret < 0)
        return ret;
    if (entry == 0)
        return n->backing ? 0 : BLOCK_ZERO;
    if (entry == VMDK_GRAIN_ZERO && e->zeroed_grain)
        return BLOCK_ZERO | BLOCK_ALLOCATED;
    if (e->compressed)
        return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_COMPRESSED;
    *map = (uint64_t)entry * BLOCK_SECTOR + in_extent % e->grain;
    return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
}

static int vmdk_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    Vmdk *s = n->state;
    VmdkExtent *e = extent_at(s, offset);
    uint64_t in_extent = offset - e->start, left = MIN(*size, e->size - in_extent), done, next;
    *size = left;
    if (e->kind == VMDK_ZERO)
        return BLOCK_ZERO | BLOCK_ALLOCATED;
    if (e->kind == VMDK_FLAT) { /* all there, even where the file has holes; what it lacks at its end reads as zeroes */
        int ret = block_status(vmdk_file(n, e), in_extent + e->offset, size, map);
        if (!*size)
            *size = left;
        *map = in_extent + e->offset;
        return ret < 0 ? ret : ret | BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
    }
    pthread_mutex_lock(&s->lock);
    int first = grain_status(n, e, in_extent, map);
    for (done = MIN(left, e->grain - in_extent % e->grain); first >= 0 && done < left; done += MIN(left - done, e->grain))
        if (grain_status(n, e, in_extent + done, &next) != first || (*map && next != *map + done))
            break;
    pthread_mutex_unlock(&s->lock);
    *size = done;
    return first;
}

static const char *vmdk_map_file(BlockNode *n, uint64_t offset)
{
    return vmdk_file(n, extent_at(n->state, offset))->filename;
}

static int64_t bytes_used(BlockNode *file)
{
    return file->drv->allocated ? file->drv->allocated(file) : 0;
}

static int64_t vmdk_allocated(BlockNode *n)
{
    Vmdk *s = n->state;
    int64_t sum = bytes_used(n->file);
    for (unsigned i = 0; i < s->nextents; i++)
        sum += s->extents[i].file ? bytes_used(s->extents[i].file) : 0;
    return sum;
}

static void vmdk_info(BlockNode *n, void *json)
{
    Vmdk *s = n->state;
    json_t *list = json_array();
    json_object_set_new(json, "cid", json_integer(s->cid));
    json_object_set_new(json, "parent-cid", json_integer(s->parent_cid));
    json_object_set_new(json, "create-type", json_string(s->create_type ? s->create_type : ""));
    for (unsigned i = 0; i < s->nextents; i++) {
        const VmdkExtent *e = &s->extents[i];
        json_t *j = json_object();
        if (e->kind == VMDK_SPARSE && e->compressed)
            json_object_set_new(j, "compressed", json_true());
        json_object_set_new(j, "virtual-size", json_integer((json_int_t)e->size));
        json_object_set_new(j, "filename", json_string(vmdk_file(n, e)->filename));
        if (e->kind == VMDK_SPARSE)
            json_object_set_new(j, "cluster-size", json_integer((json_int_t)e->grain));
        json_object_set_new(j, "format", json_string(e->type));
        json_array_append_new(list, j);
    }
    json_object_set_new(json, "extents", list);
}

/* ---- Check ---- */

typedef struct Piece {
    uint64_t start, length;
} Piece;

static int by_start(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void add_piece(GArray *pieces, uint64_t start, uint64_t length)
{
    Piece p = { start, length };
    if (length)
        g_array_append_val(pieces, p);
}

static void wrong_piece(BlockCheck *out, uint64_t at, const char *what)
{
    out->corruptions++;
    if (out->report)
        printf("ERROR: offset %llu of the file %s\n", (unsigned long long)at, what);
}

static void check_pieces(GArray *pieces, uint64_t size, BlockCheck *out)
{
    g_array_sort(pieces, by_start);
    for (guint i = 0; i < pieces->len; i++) {
        const Piece *p = &g_array_index(pieces, Piece, i);
        if (p->start >= size)
            wrong_piece(out, p->start, "is outside it");
        else if (i + 1 < pieces->len && p[1].start - p->start < p->length)
            wrong_piece(out, p[1].start, "is used twice");
    }
}

/* The grains of the tables. */
static void add_grains(BlockNode *n, VmdkExtent *e, GArray *pieces, BlockCheck *out)
{
    for (uint32_t t = 0; t < e->tables; t++) {
        int ret = 0;
        uint32_t *entries = table(n, e, t, &ret);
        if (ret < 0)
            wrong_piece(out, (uint64_t)e->gd[t] * BLOCK_SECTOR, "holds no table of grains");
        for (uint32_t i = 0; entries && i < e->gtes; i++)
            if (entries[i] && !(entries[i] == VMDK_GRAIN_ZERO && e->zeroed_grain))
                add_piece(pieces, (uint64_t)entries[i] * BLOCK_SECTOR, e->compressed ? BLOCK_SECTOR : e->grain);
    }
}

/*
 * Grains, tables and directories lie inside the file, and each has its own place. Grains are looked at only where that is so of
 * the tables: one that is named a million times would have a million times its grains.
 */
static void check_extent(BlockNode *n, VmdkExtent *e, BlockCheck *out)
{
    uint64_t size = block_size(vmdk_file(n, e)), table_bytes = 4ull * e->gtes;
    uint64_t before = out->corruptions;
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    add_piece(pieces, 0, BLOCK_SECTOR);
    add_piece(pieces, e->gd_offset, 4ull * e->tables);
    add_piece(pieces, e->rgd ? e->rgd_offset : 0, e->rgd ? 4ull * e->tables : 0);
    if (!e->file)
        add_piece(pieces, ((Vmdk *)n->state)->descriptor_offset, ((Vmdk *)n->state)->descriptor_room);
    for (uint32_t t = 0; t < e->tables; t++) {
        add_piece(pieces, (uint64_t)e->gd[t] * BLOCK_SECTOR, e->gd[t] ? table_bytes : 0);
        add_piece(pieces, e->rgd ? (uint64_t)e->rgd[t] * BLOCK_SECTOR : 0, e->rgd && e->rgd[t] ? table_bytes : 0);
    }
    check_pieces(pieces, size, out);
    if (out->corruptions == before) {
        add_grains(n, e, pieces, out);
        check_pieces(pieces, size, out);
    }
    g_array_free(pieces, TRUE);
}

static bool vmdk_check(BlockNode *n, int fix, BlockCheck *out, Error **errp)
{
    Vmdk *s = n->state;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->nextents; i++)
        if (s->extents[i].kind == VMDK_SPARSE)
            check_extent(n, &s->extents[i], out);
    pthread_mutex_unlock(&s->lock);
    return true;
}

static const BlockDriver vmdk_driver = {
    .name = "vmdk", .desc = "VMware's", .backing = true, .state_size = sizeof(Vmdk), .create_keys = vmdk_create_keys, .probe = vmdk_probe,
    .open = vmdk_open, .close = vmdk_close, .read = vmdk_read, .write = vmdk_write, .write_zeroes = vmdk_write_zeroes,
    .write_compressed = vmdk_write_compressed, .flush = vmdk_flush, .status = vmdk_status, .map_file = vmdk_map_file, .allocated = vmdk_allocated,
    .create = vmdk_create, .check = vmdk_check, .info = vmdk_info, .set_writable = vmdk_set_writable,
};
block_driver(vmdk_driver)
