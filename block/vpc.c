/* SPDX-License-Identifier: MIT */
/*
 * The VHD format of Virtual PC and Hyper-V ("Virtual Hard Disk Image Format Specification", 1.0), called vpc: fixed and dynamic disks. Not supported:
 * differencing disks.
 */
#include "block-map.h"
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
enum { TYPE_FIXED = 2, TYPE_DYNAMIC = 3 };
enum { FOOTER = 512, HEADER = 1024, TABLE_AT = 1536 };

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

typedef struct DynamicHeader {
    char cookie[8];
    uint64_t data_offset, table_offset;
    uint32_t version, entries, block_size, checksum;
    uint8_t rest[984];
} __attribute__((packed)) DynamicHeader;
_Static_assert(sizeof(Footer) == FOOTER && sizeof(DynamicHeader) == HEADER, "sizes of the specification");

typedef struct VPC {
    BlockMap map; /* dynamic disks */
    bool fixed;
    uint64_t table_offset;
    Footer footer;
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
    memset(bits, 0xff, m->lead); /* all sectors of the block are here */
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
    block_map_free(n->state);
}

static bool bad(Error **errp, const char *what)
{
    error_setg(errp, "%s", what);
    return false;
}

static bool open_dynamic(BlockNode *n, VPC *s, Error **errp)
{
    DynamicHeader h;
    uint64_t file = block_size(n->file), at = GUINT64_FROM_BE(s->footer.data_offset);
    if (at > file || file - at < HEADER || block_read(n->file, at, &h, HEADER) < 0 || memcmp(h.cookie, "cxsparse", 8))
        return bad(errp, "invalid VPC image: no header of a dynamic disk");
    uint32_t entries = GUINT32_FROM_BE(h.entries), unit = GUINT32_FROM_BE(h.block_size);
    s->table_offset = GUINT64_FROM_BE(h.table_offset);
    if (entries > BLOCK_MAP_MAX || s->table_offset > file || 4ull * entries > file - s->table_offset)
        return bad(errp, "invalid VPC image: the table of blocks lies outside the file");
    if (n->size > (uint64_t)entries * unit)
        return bad(errp, "Page Table too small");
    if (!block_map_init(&s->map, n, entries, unit, errp))
        return false;
    s->map.lead = (unit / BLOCK_SECTOR / 8 + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    s->map.store = store;
    s->map.write_lead = write_lead;
    n->cluster_size = unit;
    uint32_t *table = g_malloc(4ull * entries + 4);
    bool ok = !entries || block_read(n->file, s->table_offset, table, 4ull * entries) == 0;
    uint64_t last = MAX(s->table_offset + 4ull * entries, at + HEADER);
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
    if (type == TYPE_DYNAMIC)
        return open_dynamic(n, s, errp);
    if (type != TYPE_FIXED)
        return bad(errp, "unsupported VPC image (a differencing disk)");
    s->fixed = true;
    n->size = MIN(n->size, (file - FOOTER) & ~(uint64_t)(BLOCK_SECTOR - 1));
    return true;
}

static int vpc_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return ((VPC *)n->state)->fixed ? block_readv(n->file, offset, v) : block_map_read(n, offset, v);
}

static int vpc_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return ((VPC *)n->state)->fixed ? block_writev(n->file, offset, v) : block_map_write(n, offset, v);
}

static int vpc_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    return ((VPC *)n->state)->fixed ? block_write_zeroes(n->file, offset, size, unmap) : block_map_write_zeroes(n, offset, size, unmap);
}

static int vpc_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    return ((VPC *)n->state)->fixed ? block_status(n->file, offset, size, map) : block_map_status(n, offset, size, map);
}

/* ---- Create ---- */

static const char *const create_keys[] = { "size=Virtual disk size", "subformat=Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} ",
                                           "force_size=Force disk size calculation to use the actual size specified, rather than using the nearest CHS-based calculation", NULL };

static void fill_footer(Footer *f, uint64_t sectors, bool force, bool fixed)
{
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
    f->type = GUINT32_TO_BE(fixed ? TYPE_FIXED : TYPE_DYNAMIC);
    guest_random(f->uuid, sizeof(f->uuid));
    f->checksum = GUINT32_TO_BE(checksum(f, FOOTER, offsetof(Footer, checksum)));
}

static int write_dynamic(BlockNode *n, const Footer *f, uint64_t sectors)
{
    uint32_t entries = (uint32_t)((sectors * BLOCK_SECTOR + BLOCK_LEN - 1) / BLOCK_LEN);
    uint64_t table = (4ull * entries + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    uint8_t *image = g_malloc0(TABLE_AT + table + FOOTER);
    DynamicHeader h = { .cookie = "cxsparse", .data_offset = UINT64_MAX, .table_offset = GUINT64_TO_BE((uint64_t)TABLE_AT),
                        .version = GUINT32_TO_BE(0x00010000), .entries = GUINT32_TO_BE(entries), .block_size = GUINT32_TO_BE(BLOCK_LEN) };
    h.checksum = GUINT32_TO_BE(checksum(&h, HEADER, offsetof(DynamicHeader, checksum)));
    memcpy(image, f, FOOTER);
    memcpy(image + FOOTER, &h, HEADER);
    memset(image + TABLE_AT, 0xff, table);
    memcpy(image + TABLE_AT + table, f, FOOTER);
    int ret = block_write(n, 0, image, TABLE_AT + table + FOOTER);
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

static bool vpc_create(const char *filename, OptGroup *o, Error **errp)
{
    uint64_t size = 0;
    bool force = false;
    const char *sub = opts_get(o, "subformat");
    bool fixed = sub && !strcmp(sub, "fixed");
    if (!opts_get_size(o, "size", &size, errp) || !opts_get_bool(o, "force_size", &force, errp))
        return false;
    uint64_t sectors = (size + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    if (sub && !fixed && strcmp(sub, "dynamic")) {
        error_setg(errp, "Invalid parameter '%s'", sub);
        return false;
    }
    if (sectors > SECTORS_MAX) {
        error_setg(errp, "Disk size is too large, max size is 2040 GiB");
        return false;
    }
    sectors = force ? sectors : round_to_geometry(sectors);
    BlockNode *n = block_create_file(filename, errp);
    if (!n)
        return false;
    Footer f;
    fill_footer(&f, sectors, force || sectors >= CHS_MAX, fixed);
    uint64_t table = (4 * ((sectors * BLOCK_SECTOR + BLOCK_LEN - 1) / BLOCK_LEN) + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    bool ok = block_truncate(n, fixed ? sectors * BLOCK_SECTOR + FOOTER : TABLE_AT + table + FOOTER, NULL, errp) == 0;
    int ret = !ok ? 0 : fixed ? block_write(n, sectors * BLOCK_SECTOR, &f, FOOTER) : write_dynamic(n, &f, sectors);
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
    .name = "vpc", .desc = "VHD, of Virtual PC and Hyper-V", .state_size = sizeof(VPC), .create_keys = create_keys, .probe = vpc_probe,
    .open = vpc_open, .close = vpc_close, .read = vpc_read, .write = vpc_write, .write_zeroes = vpc_write_zeroes, .status = vpc_status,
    .create = vpc_create, .check = vpc_check,
};
block_driver(vpc_driver)
