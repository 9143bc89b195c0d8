/* SPDX-License-Identifier: MIT */
/*
 * The VHD format of Virtual PC and Hyper-V ("Virtual Hard Disk Image Format Specification", 1.0), called vpc: fixed, dynamic and differencing
 * disks. A differencing disk has a bit for each sector of its blocks that says whether the sector is here or in the parent, which its header names;
 * vpc-parent.c reads and writes that name.
 */
#include "block-map.h"
#include "vpc.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <time.h>

#define EPOCH_2000 946684800
#define BLOCK_LEN (2u << 20)
#define ENTRY_NONE 0xffffffffu
#define CHS_MAX (65535ull * 16 * 255)
#define SECTORS_MAX 0xff000000ull /* 2040 GiB */
enum { TYPE_FIXED = 2, TYPE_DYNAMIC = 3, TYPE_DIFFERENCING = 4 };
enum { FOOTER = 512, HEADER = VPC_HEADER, TABLE_AT = 1536 };

typedef struct Footer { /* big endian, as the header */
    char cookie[8];
    uint32_t features, version;
    uint64_t data_offset;
    uint32_t timestamp;
    char creator_app[4];
    uint32_t creator_version;
    char creator_os[4];
    uint64_t original_size, current_size;
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t type, checksum;
    uint8_t uuid[16], saved_state, reserved[427];
} __attribute__((packed)) Footer;

_Static_assert(sizeof(Footer) == FOOTER, "size of the specification");

typedef struct VPC {
    BlockMap map; /* dynamic and differencing disks */
    bool fixed, differencing;
    uint64_t table_offset;
    Footer footer;
    pthread_mutex_t bits_lock;  /* differencing: changes of the sectors' bits in the file, parent_seen */
    uint8_t parent_uuid[16];
    bool parent_seen;           /* it is the one this disk was made for */
} VPC;

static uint32_t checksum(const void *data, size_t len, size_t field)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i >= field && i < field + 4 ? 0 : ((const uint8_t *)data)[i];
    return ~sum;
}

static int vpc_probe(const uint8_t *head, size_t len, const char *filename)
{
    return len >= 8 && !memcmp(head, "conectix", 8) ? 100 : 0;
}

/* Cylinders, heads and sectors as the specification computes them from a number of sectors. */
static void geometry(uint64_t total, uint16_t *cylinders, uint8_t *heads, uint8_t *sectors)
{
    uint64_t tracks;
    total = MIN(total, CHS_MAX);
    if (total >= 65535ull * 16 * 63) {
        *sectors = 255;
        *heads = 16;
        tracks = total / 255;
    } else {
        *sectors = 17;
        tracks = total / 17;
        uint64_t h = MAX((tracks + 1023) / 1024, 4);
        if (tracks >= h * 1024 || h > 16) {
            *sectors = 31;
            h = 16;
            tracks = total / 31;
        }
        if (tracks >= h * 1024) {
            *sectors = 63;
            h = 16;
            tracks = total / 63;
        }
        *heads = (uint8_t)h;
    }
    *cylinders = (uint16_t)(tracks / *heads);
}

/* Programs that mean the byte size; others mean the geometry. */
static bool size_counts(const Footer *f)
{
    static const char apps[][4] = { { 'w', 'i', 'n', ' ' }, { 'q', 'e', 'm', '2' }, { 'd', '2', 'v', ' ' }, { 't', 'a', 'p', 0 },
                                    { 'v', 's', ' ', ' ' }, { 'w', 'a', 0, 0 } };
    for (unsigned i = 0; i < ARRAY_SIZE(apps); i++)
        if (!memcmp(f->creator_app, apps[i], 4))
            return true;
    return false;
}

static int write_lead(BlockMap *m, uint64_t i, uint64_t at)
{
    uint8_t *bits = g_malloc(m->lead);
    memset(bits, ((VPC *)m)->differencing ? 0 : 0xff, m->lead); /* all sectors of the block are here, or none until their data is */
    int ret = block_write(m->node->file, at, bits, m->lead);
    g_free(bits);
    return ret;
}

static int store(BlockMap *m, uint64_t i, uint64_t offset)
{
    VPC *s = (VPC *)m;
    uint64_t sector = (offset - m->lead) / BLOCK_SECTOR;
    if (sector >= ENTRY_NONE) /* a file with much behind its blocks */
        return -EFBIG;
    uint32_t entry = GUINT32_TO_BE((uint32_t)sector);
    int ret = block_write(m->node->file, m->end, &s->footer, FOOTER); /* it is always last */
    return ret ? ret : block_write(m->node->file, s->table_offset + 4 * i, &entry, 4);
}

static void vpc_close(BlockNode *n)
{
    VPC *s = n->state;
    if (s->map.offset)
        pthread_mutex_destroy(&s->bits_lock);
    block_map_free(&s->map);
}

static bool bad(Error **errp, const char *what)
{
    error_setg(errp, "%s", what);
    return false;
}

static bool open_dynamic(BlockNode *n, VPC *s, Error **errp)
{
    VPCHeader h;
    uint64_t file = block_size(n->file), names_end = 0, at = GUINT64_FROM_BE(s->footer.data_offset);
    if (at > file || file - at < HEADER || block_read(n->file, at, &h, HEADER) < 0 || memcmp(h.cookie, "cxsparse", 8))
        return bad(errp, "invalid VPC image: no header of a dynamic disk");
    uint32_t entries = GUINT32_FROM_BE(h.entries), unit = GUINT32_FROM_BE(h.block_size);
    s->table_offset = GUINT64_FROM_BE(h.table_offset);
    if (entries > BLOCK_MAP_MAX || s->table_offset > file || 4ull * entries > file - s->table_offset)
        return bad(errp, "invalid VPC image: the table of blocks lies outside the file");
    if (n->size > (uint64_t)entries * unit)
        return bad(errp, "Page Table too small");
    if (s->differencing && !vpc_read_parent(n, &h, &names_end, errp))
        return false;
    memcpy(s->parent_uuid, h.parent_uuid, sizeof(s->parent_uuid));
    if (!block_map_init(&s->map, n, entries, unit, errp))
        return false;
    s->map.lead = (unit / BLOCK_SECTOR / 8 + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    s->map.store = store;
    s->map.write_lead = write_lead;
    n->cluster_size = unit;
    n->align = s->differencing ? BLOCK_SECTOR : n->align;
    pthread_mutex_init(&s->bits_lock, NULL);
    uint32_t *table = g_malloc(4ull * entries + 4);
    bool ok = !entries || block_read(n->file, s->table_offset, table, 4ull * entries) == 0;
    uint64_t last = MAX(MAX(s->table_offset + 4ull * entries, at + HEADER), names_end);
    for (uint32_t i = 0; ok && i < entries; i++) {
        uint64_t data = (uint64_t)GUINT32_FROM_BE(table[i]) * BLOCK_SECTOR + s->map.lead;
        if (table[i] == ENTRY_NONE)
            continue;
        ok = block_map_set(&s->map, i, data);
        last = MAX(last, data + unit);
    }
    g_free(table);
    s->map.end = (last + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1); /* over the footer, which follows the last block */
    if (!ok) {
        bad(errp, "invalid VPC image: a block lies outside the file");
        vpc_close(n);
    }
    return ok;
}

static bool vpc_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    VPC *s = n->state;
    uint64_t file = block_size(n->file);
    Footer *f = &s->footer;
    if (file < FOOTER || block_read(n->file, 0, f, FOOTER) < 0)
        return bad(errp, "invalid VPC image");
    if (memcmp(f->cookie, "conectix", 8)) { /* a fixed disk has it at the end only */
        if (block_read(n->file, file - FOOTER, f, FOOTER) < 0 || memcmp(f->cookie, "conectix", 8))
            return bad(errp, "invalid VPC image");
        s->fixed = true;
    }
    if (GUINT32_FROM_BE(f->checksum) != checksum(f, FOOTER, offsetof(Footer, checksum)))
        return bad(errp, "invalid VPC image: the footer's checksum is wrong");
    uint32_t type = GUINT32_FROM_BE(f->type);
    uint64_t chs = (uint64_t)GUINT16_FROM_BE(f->cylinders) * f->heads * f->sectors, bytes = GUINT64_FROM_BE(f->current_size);
    n->size = size_counts(f) || chs == CHS_MAX ? bytes & ~(uint64_t)(BLOCK_SECTOR - 1) : chs * BLOCK_SECTOR;
    if (n->size > SECTORS_MAX * BLOCK_SECTOR)
        return bad(errp, "VPC images of more than 2040 GiB are not supported");
    s->differencing = type == TYPE_DIFFERENCING;
    if (type == TYPE_DYNAMIC || s->differencing)
        return open_dynamic(n, s, errp);
    if (type != TYPE_FIXED)
        return bad(errp, "unsupported VPC image (neither a fixed, a dynamic nor a differencing disk)");
    s->fixed = true;
    n->size = MIN(n->size, (file - FOOTER) & ~(uint64_t)(BLOCK_SECTOR - 1));
    return true;
}

/* ---- Differencing disks: whole sectors ---- */

/* The parent must be the one that this disk was made for. */
static int check_parent(BlockNode *n, VPC *s)
{
    const BlockNode *b = n->backing;
    int ret = 0;
    pthread_mutex_lock(&s->bits_lock);
    if (!s->parent_seen && b && !strcmp(b->drv->name, "vpc"))
        ret = memcmp(((const VPC *)b->state)->footer.uuid, s->parent_uuid, sizeof(s->parent_uuid)) ? -EINVAL : 0;
    s->parent_seen |= ret == 0 && b;
    pthread_mutex_unlock(&s->bits_lock);
    return ret;
}

static int read_parent(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    uint64_t end = n->backing ? block_size(n->backing) : 0, have = offset < end ? MIN(v->size, end - offset) : 0;
    struct iovec *parts = g_new(struct iovec, v->n);
    BlockVec part = block_vec_slice(v, 0, have, parts);
    int ret = have ? check_parent(n, n->state) : 0;
    ret = ret == 0 && have ? block_readv(n->backing, offset, &part) : ret;
    g_free(parts);
    if (ret == 0)
        block_vec_zero(v, have, v->size - have);
    return ret;
}

static bool is_here(const uint8_t *bits, uint64_t sector)
{
    return bits[sector / 8] & 0x80 >> sector % 8;
}

/* Whether what starts at offset is here; *size is shortened to the run. or -errno. */
static int run_here(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *place)
{
    BlockMap *m = n->state;
    uint64_t in = offset % m->block_size, len = MIN(*size, m->block_size - in), first = in / BLOCK_SECTOR, end = (in + len + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    uint64_t data = __atomic_load_n(&m->offset[offset / m->block_size], __ATOMIC_ACQUIRE);
    *size = len;
    if (data == BLOCK_MAP_NONE)
        return 0;
    *place = data + in;
    uint8_t *bits = g_malloc(m->lead);
    int ret = block_read(n->file, data - m->lead, bits, m->lead);
    if (ret == 0) {
        uint64_t sector = first + 1;
        ret = is_here(bits, first);
        while (sector < end && is_here(bits, sector) == (ret > 0))
            sector++;
        if (sector < end)
            *size = sector * BLOCK_SECTOR - in;
    }
    g_free(bits);
    return ret;
}

static int read_difference(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    struct iovec *parts = g_new(struct iovec, v->n);
    int ret = 0;
    for (uint64_t done = 0, len, place; ret >= 0 && done < v->size; done += len) {
        len = v->size - done;
        ret = run_here(n, offset + done, &len, &place);
        BlockVec part = block_vec_slice(v, done, len, parts);
        if (ret >= 0)
            ret = ret ? block_readv(n->file, place, &part) : read_parent(n, offset + done, &part);
    }
    g_free(parts);
    return MIN(ret, 0);
}

/* The sectors of one block are here from now on. */
static int set_bits(BlockNode *n, uint64_t offset, uint64_t size)
{
    VPC *s = n->state;
    uint64_t data = __atomic_load_n(&s->map.offset[offset / s->map.block_size], __ATOMIC_ACQUIRE);
    uint64_t first = offset % s->map.block_size / BLOCK_SECTOR, end = first + size / BLOCK_SECTOR;
    uint64_t from = first / 8, len = (end + 7) / 8 - from;
    uint8_t *bits = g_malloc(len);
    bool changed = false;
    pthread_mutex_lock(&s->bits_lock);
    int ret = block_read(n->file, data - s->map.lead + from, bits, len);
    for (uint64_t i = first; ret == 0 && i < end; i++) {
        changed |= !is_here(bits, i - 8 * from);
        bits[i / 8 - from] |= 0x80 >> i % 8;
    }
    if (ret == 0 && changed)
        ret = block_write(n->file, data - s->map.lead + from, bits, len);
    pthread_mutex_unlock(&s->bits_lock);
    g_free(bits);
    return ret;
}

static int write_difference(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    VPC *s = n->state;
    int ret = block_map_write(n, offset, v);
    for (uint64_t done = 0, len; ret == 0 && done < v->size; done += len) {
        len = MIN(v->size - done, s->map.block_size - (offset + done) % s->map.block_size);
        ret = set_bits(n, offset + done, len);
    }
    return ret;
}

/* ---- All types ---- */

static int vpc_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    VPC *s = n->state;
    return s->differencing ? read_difference(n, offset, v) : s->fixed ? block_readv(n->file, offset, v) : block_map_read(n, offset, v);
}

static int vpc_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    VPC *s = n->state;
    return s->differencing ? write_difference(n, offset, v) : s->fixed ? block_writev(n->file, offset, v) : block_map_write(n, offset, v);
}

static int vpc_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    VPC *s = n->state;
    if (s->differencing)
        return -ENOTSUP; /* they are data like any other */
    return s->fixed ? block_write_zeroes(n->file, offset, size, unmap) : block_map_write_zeroes(n, offset, size, unmap);
}

static int vpc_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    VPC *s = n->state;
    if (!s->differencing)
        return s->fixed ? block_status(n->file, offset, size, map) : block_map_status(n, offset, size, map);
    int ret = run_here(n, offset, size, map);
    return ret > 0 ? BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET : ret;
}

/* ---- Create ---- */

static const char *const create_keys[] = { "backing_file=File name of the parent of a differencing disk", "backing_fmt=Must be 'vpc' if present", "size=Virtual disk size", "subformat=Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} ",
                                           "force_size=Force disk size calculation to use the actual size specified, rather than using the nearest CHS-based calculation", NULL };

static void fill_footer(Footer *f, uint64_t sectors, bool force, uint32_t type)
{
    bool fixed = type == TYPE_FIXED;
    uint16_t cylinders;
    memset(f, 0, sizeof(*f));
    memcpy(f->cookie, "conectix", 8);
    memcpy(f->creator_app, force ? "qem2" : "qemu", 4);
    memcpy(f->creator_os, "Wi2k", 4);
    f->features = GUINT32_TO_BE(2);
    f->version = GUINT32_TO_BE(0x00010000);
    f->data_offset = fixed ? UINT64_MAX : GUINT64_TO_BE((uint64_t)FOOTER);
    f->timestamp = GUINT32_TO_BE((uint32_t)(time(NULL) - EPOCH_2000));
    f->creator_version = GUINT32_TO_BE(0x00050003);
    geometry(sectors, &cylinders, &f->heads, &f->sectors);
    f->cylinders = GUINT16_TO_BE(cylinders);
    f->original_size = f->current_size = GUINT64_TO_BE(sectors * BLOCK_SECTOR);
    f->type = GUINT32_TO_BE(type);
    guest_random(f->uuid, sizeof(f->uuid));
    f->checksum = GUINT32_TO_BE(checksum(f, FOOTER, offsetof(Footer, checksum)));
}

static uint64_t table_bytes(uint64_t sectors)
{
    uint64_t entries = (sectors * BLOCK_SECTOR + BLOCK_LEN - 1) / BLOCK_LEN;
    return (4 * entries + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
}

/* h: what is known of the parent; names, the texts it refers to, follow the table. */
static int write_dynamic(BlockNode *n, const Footer *f, uint64_t sectors, VPCHeader *h, const GByteArray *names)
{
    uint64_t table = table_bytes(sectors), end = TABLE_AT + table + names->len;
    uint8_t *image = g_malloc0(end + FOOTER);
    memcpy(h->cookie, "cxsparse", 8);
    h->data_offset = UINT64_MAX;
    h->table_offset = GUINT64_TO_BE((uint64_t)TABLE_AT);
    h->version = GUINT32_TO_BE(0x00010000);
    h->entries = GUINT32_TO_BE((uint32_t)((sectors * BLOCK_SECTOR + BLOCK_LEN - 1) / BLOCK_LEN));
    h->block_size = GUINT32_TO_BE(BLOCK_LEN);
    h->checksum = GUINT32_TO_BE(checksum(h, HEADER, offsetof(VPCHeader, checksum)));
    memcpy(image, f, FOOTER);
    memcpy(image + FOOTER, h, HEADER);
    memset(image + TABLE_AT, 0xff, table);
    if (names->len)
        memcpy(image + TABLE_AT + table, names->data, names->len);
    memcpy(image + end, f, FOOTER);
    int ret = block_write(n, 0, image, end + FOOTER);
    g_free(image);
    return ret;
}

/* The least number of sectors from want on that has a geometry of its own. */
static uint64_t round_to_geometry(uint64_t want)
{
    uint16_t c;
    uint8_t h, s;
    for (uint64_t n = want; n < CHS_MAX; n++) {
        geometry(n, &c, &h, &s);
        if ((uint64_t)c * h * s >= want)
            return (uint64_t)c * h * s;
    }
    return want;
}

typedef struct CreateOptions {
    uint64_t sectors;
    bool fixed, force;
    const char *backing;
    Footer parent; /* its footer, when there is one */
} CreateOptions;

/* A differencing disk is as large as its parent, which must be of this format. */
static bool look_at_parent(CreateOptions *c, const char *filename, const char *format, bool want_size, Error **errp)
{
    BlockNode *b = block_open_backing(filename, c->backing, format, errp);
    if (!b)
        return false;
    bool ok = !strcmp(b->drv->name, "vpc");
    if (ok)
        c->parent = ((const VPC *)b->state)->footer;
    else
        bad(errp, "backing_file must be a vpc image");
    uint64_t sectors = block_size(b) / BLOCK_SECTOR;
    block_unref(b);
    if (ok && !want_size && sectors != c->sectors)
        ok = bad(errp, "a differencing disk has the size of its parent");
    c->sectors = sectors;
    return ok;
}

static bool parse_create(CreateOptions *c, const char *filename, OptGroup *o, Error **errp)
{
    uint64_t size = 0;
    const char *sub = opts_get(o, "subformat"), *format = opts_get(o, "backing_fmt");
    *c = (CreateOptions){ .fixed = sub && !strcmp(sub, "fixed"), .backing = opts_get(o, "backing_file") };
    if (!opts_get_size(o, "size", &size, errp) || !opts_get_bool(o, "force_size", &c->force, errp))
        return false;
    c->sectors = (size + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    if (sub && !c->fixed && strcmp(sub, "dynamic")) {
        error_setg(errp, "Invalid parameter '%s'", sub);
        return false;
    }
    if (c->sectors > SECTORS_MAX)
        return bad(errp, "Disk size is too large, max size is 2040 GiB");
    if (c->backing && c->fixed)
        return bad(errp, "a fixed disk cannot have a backing file");
    if (c->backing)
        return look_at_parent(c, filename, format, !opts_get(o, "size"), errp);
    c->sectors = c->force ? c->sectors : round_to_geometry(c->sectors);
    return true;
}

static bool vpc_create(const char *filename, OptGroup *o, Error **errp)
{
    CreateOptions c;
    Footer f;
    VPCHeader h = { .cookie = "" };
    if (!parse_create(&c, filename, o, errp))
        return false;
    g_autoptr(GByteArray) names = g_byte_array_new();
    fill_footer(&f, c.sectors, c.force || c.sectors >= CHS_MAX || (c.backing && size_counts(&c.parent)), c.backing ? TYPE_DIFFERENCING : c.fixed ? TYPE_FIXED : TYPE_DYNAMIC);
    if (c.backing && !vpc_name_parent(&h, names, TABLE_AT + table_bytes(c.sectors), filename, c.backing, errp))
        return false;
    memcpy(h.parent_uuid, c.parent.uuid, c.backing ? sizeof(h.parent_uuid) : 0);
    BlockNode *n = block_create_file(filename, errp);
    if (!n)
        return false;
    uint64_t length = c.fixed ? c.sectors * BLOCK_SECTOR + FOOTER : TABLE_AT + table_bytes(c.sectors) + names->len + FOOTER;
    bool ok = block_truncate(n, length, NULL, errp) == 0;
    int ret = !ok ? 0 : c.fixed ? block_write(n, c.sectors * BLOCK_SECTOR, &f, FOOTER) : write_dynamic(n, &f, c.sectors, &h, names);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write '%s'", filename);
    block_unref(n);
    return ok && ret == 0;
}

static bool vpc_check(BlockNode *n, int fix, BlockCheck *out, Error **errp)
{
    return ((VPC *)n->state)->fixed || block_map_check(n, fix, out, errp);
}

static const BlockDriver vpc_driver = {
    .name = "vpc", .desc = "VHD, of Virtual PC and Hyper-V", .backing = true, .state_size = sizeof(VPC), .create_keys = create_keys, .probe = vpc_probe,
    .open = vpc_open, .close = vpc_close, .read = vpc_read, .write = vpc_write, .write_zeroes = vpc_write_zeroes, .status = vpc_status,
    .create = vpc_create, .check = vpc_check,
};
block_driver(vpc_driver)
