/* SPDX-License-Identifier: MIT */
/* The VHDX format: opening, reading and writing. See vhdx.h. */
#include "vhdx.h"
#include "hw/loader.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

const uint8_t vhdx_guid_bat[16] = { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 };
const uint8_t vhdx_guid_metadata[16] = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
const uint8_t vhdx_guid_parameters[16] = { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b };
const uint8_t vhdx_guid_size[16] = { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 };
const uint8_t vhdx_guid_page83[16] = { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46 };
const uint8_t vhdx_guid_logical[16] = { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f };
const uint8_t vhdx_guid_physical[16] = { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56 };

enum { E_ID = 0, R_OFFSET = 16, R_LENGTH = 24, R_REQUIRED = 28, M_OFFSET = 16, M_LENGTH = 20, M_FLAGS = 24, M_REQUIRED = 4 };

typedef struct Region {
    uint64_t offset, length; /* offset 0: not there */
} Region;

typedef struct Metadata {
    uint64_t size, block_size, physical;
    uint32_t flags, logical;
} Metadata;

static bool bad(Error **errp, const char *what)
{
    error_setg(errp, "%s", what);
    return false;
}

static int vhdx_probe(const uint8_t *head, size_t len, const char *filename)
{
    return len >= 8 && !memcmp(head, "vhdxfile", 8) ? 100 : 0;
}

/* ---- Opening ---- */

static bool read_regions(BlockNode *file, uint64_t at, uint8_t *t)
{
    return block_read(file, at, t, VHDX_TABLE) == 0 && !memcmp(t, "regi", 4) && get_le32(t + VHDX_R_COUNT) <= VHDX_ENTRIES_MAX &&
           get_le32(t + VHDX_R_CHECKSUM) == vhdx_checksum(t, VHDX_TABLE, VHDX_R_CHECKSUM);
}

/* Where the table of blocks and the metadata are. What we do not know must not be required. */
static bool find_regions(BlockNode *n, Region *bat, Region *metadata, Error **errp)
{
    uint8_t *t = g_malloc(VHDX_TABLE);
    uint64_t file = block_size(n->file);
    const char *wrong = NULL;
    if (!read_regions(n->file, VHDX_REGIONS_1, t) && !read_regions(n->file, VHDX_REGIONS_2, t))
        wrong = "No valid VHDX region table found";
    for (uint32_t i = 0; !wrong && i < get_le32(t + VHDX_R_COUNT); i++) {
        const uint8_t *e = t + VHDX_R_ENTRIES + i * VHDX_ENTRY;
        Region r = { get_le64(e + R_OFFSET), get_le32(e + R_LENGTH) }, *to = NULL;
        if (!memcmp(e, vhdx_guid_bat, 16))
            to = bat;
        else if (!memcmp(e, vhdx_guid_metadata, 16))
            to = metadata;
        if (!to && get_le32(e + R_REQUIRED) & 1)
            wrong = "Unsupported VHDX image (a region that is not known)";
        else if (to && (to->offset || r.offset < VHDX_MIB || r.offset % VHDX_MIB || r.length % VHDX_MIB || r.offset > file || r.length > file - r.offset))
            wrong = "Invalid VHDX image: a region is there twice, or outside the file";
        else if (to)
            *to = r;
    }
    g_free(t);
    if (!wrong && (!bat->offset || !metadata->offset))
        wrong = "Invalid VHDX image: a region is missing";
    return wrong ? bad(errp, wrong) : true;
}

/* An item of the metadata, of len bytes. */
static const char *read_item(BlockNode *n, const Region *r, const uint8_t *entry, void *out, uint32_t len)
{
    uint64_t offset = get_le32(entry + M_OFFSET), length = get_le32(entry + M_LENGTH);
    if (length != len || offset < VHDX_TABLE || offset > r->length || length > r->length - offset || block_read(n->file, r->offset + offset, out, len) < 0)
        return "Invalid VHDX image: a metadata item lies outside its region";
    return NULL;
}

static const char *take_item(BlockNode *n, const Region *r, const uint8_t *e, Metadata *m)
{
    uint8_t v[16];
    const char *wrong = NULL;
    if (!memcmp(e, vhdx_guid_parameters, 16)) {
        if (!(wrong = read_item(n, r, e, v, 8))) {
            m->block_size = get_le32(v);
            m->flags = get_le32(v + 4);
        }
    } else if (!memcmp(e, vhdx_guid_size, 16)) {
        if (!(wrong = read_item(n, r, e, v, 8)))
            m->size = get_le64(v);
    } else if (!memcmp(e, vhdx_guid_logical, 16)) {
        if (!(wrong = read_item(n, r, e, v, 4)))
            m->logical = get_le32(v);
    } else if (memcmp(e, vhdx_guid_physical, 16) && memcmp(e, vhdx_guid_page83, 16) && get_le32(e + M_FLAGS) & M_REQUIRED) {
        wrong = "Unsupported VHDX image (a metadata item that is not known)";
    }
    return wrong;
}

static bool load_metadata(BlockNode *n, const Region *r, Metadata *m, Error **errp)
{
    uint8_t *t = g_malloc(VHDX_TABLE);
    const char *wrong = NULL;
    if (r->length < VHDX_TABLE || block_read(n->file, r->offset, t, VHDX_TABLE) < 0 || memcmp(t, "metadata", 8) ||
        get_le16(t + VHDX_M_COUNT) > VHDX_ENTRIES_MAX)
        wrong = "Invalid VHDX image: its metadata table is damaged";
    for (uint32_t i = 0; !wrong && i < get_le16(t + VHDX_M_COUNT); i++)
        wrong = take_item(n, r, t + VHDX_M_ENTRIES + i * VHDX_ENTRY, m);
    g_free(t);
    if (wrong)
        return bad(errp, wrong);
    if (m->flags & VHDX_HAS_PARENT)
        return bad(errp, "Unsupported VHDX image (a differencing disk)");
    if ((m->logical != 512 && m->logical != 4096) || m->block_size < VHDX_MIB || m->block_size > VHDX_BLOCK_MAX || m->block_size & (m->block_size - 1) ||
        m->size > VHDX_SIZE_MAX || m->size % m->logical)
        return bad(errp, "Invalid VHDX image: sizes of disk, block or sector");
    return true;
}

static int store(BlockMap *m, uint64_t i, uint64_t offset)
{
    VHDX *s = (VHDX *)m;
    uint8_t sector[VHDX_SECTOR];
    uint64_t at = s->bat_offset + 8 * (i + i / s->chunk_ratio), in = at % VHDX_SECTOR;
    int ret = block_read(m->node->file, at - in, sector, VHDX_SECTOR);
    if (ret < 0)
        return ret;
    put_le64(sector + in, offset | VHDX_FULLY_PRESENT);
    return vhdx_log_write(s, at - in, sector);
}

static bool overlap(Region a, Region b)
{
    return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

/* regions: what lies elsewhere in the file. */
static bool load_bat(BlockNode *n, VHDX *s, uint64_t entries, const Region *regions, unsigned nregions, Error **errp)
{
    uint8_t *bat = g_try_malloc(8 * entries + 8);
    if (!bat || (entries && block_read(n->file, s->bat_offset, bat, 8 * entries) < 0)) {
        g_free(bat);
        return bad(errp, "Could not read the VHDX table of blocks");
    }
    const char *wrong = NULL;
    for (uint64_t i = 0; !wrong && i < s->map.count; i++) {
        uint64_t e = get_le64(bat + 8 * (i + i / s->chunk_ratio)), offset = e & ~(VHDX_MIB - 1);
        unsigned state = e & 7;
        if (state == VHDX_PARTIALLY_PRESENT || state == 4 || state == 5)
            wrong = "Unsupported VHDX image (state of a block)";
        else if (state == VHDX_FULLY_PRESENT && (offset < VHDX_MIB || !block_map_set(&s->map, i, offset)))
            wrong = "Invalid VHDX image: a block lies outside the file";
        for (unsigned r = 0; !wrong && state == VHDX_FULLY_PRESENT && r < nregions; r++)
            if (overlap((Region){ offset, s->map.block_size }, regions[r]))
                wrong = "Invalid VHDX image: a block lies over metadata";
        if (!wrong && state == VHDX_FULLY_PRESENT)
            s->map.end = MAX(s->map.end, offset + s->map.block_size);
    }
    g_free(bat);
    return wrong ? bad(errp, wrong) : true;
}

static bool open_tables(BlockNode *n, VHDX *s, Error **errp)
{
    Region bat = { 0 }, metadata = { 0 };
    Metadata m = { 0 };
    if (!find_regions(n, &bat, &metadata, errp) || !load_metadata(n, &metadata, &m, errp))
        return false;
    const Region regions[] = { { s->log_offset, s->log_length }, bat, metadata };
    for (unsigned i = 0; i < ARRAY_SIZE(regions); i++)
        for (unsigned k = 0; k < i; k++)
            if (overlap(regions[i], regions[k]))
                return bad(errp, "Invalid VHDX image: regions overlap");
    uint64_t blocks = (m.size + m.block_size - 1) / m.block_size;
    s->chunk_ratio = ((uint64_t)m.logical << 23) / m.block_size;
    uint64_t entries = blocks ? blocks + (blocks - 1) / s->chunk_ratio : 0;
    if (8 * entries > bat.length)
        return bad(errp, "Invalid VHDX image: its table of blocks is too short");
    s->bat_offset = bat.offset;
    n->size = m.size;
    n->cluster_size = (uint32_t)m.block_size;
    if (!block_map_init(&s->map, n, blocks, m.block_size, errp))
        return false;
    s->map.store = store;
    s->map.end = (MAX(s->map.end, s->log_offset + s->log_length) + VHDX_MIB - 1) & ~(VHDX_MIB - 1);
    return load_bat(n, s, entries, regions, ARRAY_SIZE(regions), errp);
}

static bool vhdx_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    VHDX *s = n->state;
    char signature[8] = "";
    s->map.node = n;
    if (block_size(n->file) < VHDX_MIB || block_read(n->file, 0, signature, 8) < 0 || memcmp(signature, "vhdxfile", 8))
        return bad(errp, "Image not in VHDX format");
    if (vhdx_load_header(n, errp) && vhdx_replay(n, errp) && open_tables(n, s, errp))
        return true;
    block_map_free(&s->map);
    return false;
}

static void vhdx_close(BlockNode *n)
{
    VHDX *s = n->state;
    vhdx_end_writes(s);
    block_map_free(&s->map);
}

/* ---- Reading and writing ---- */

static int begin(BlockNode *n)
{
    VHDX *s = n->state;
    if (__atomic_load_n(&s->writing, __ATOMIC_ACQUIRE))
        return 0;
    pthread_mutex_lock(&s->map.lock);
    int ret = vhdx_begin_writes(s);
    pthread_mutex_unlock(&s->map.lock);
    return ret;
}

static int vhdx_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    int ret = begin(n);
    return ret ? ret : block_map_write(n, offset, v);
}

static int vhdx_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    int ret = begin(n);
    return ret ? ret : block_map_write_zeroes(n, offset, size, unmap);
}

static bool vhdx_set_writable(BlockNode *n, bool on, Error **errp)
{
    int ret = on ? 0 : vhdx_end_writes(n->state);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write the VHDX header");
    return ret == 0;
}

static bool vhdx_check(BlockNode *n, int fix, BlockCheck *out, Error **errp)
{
    VHDX *s = n->state;
    out->fixed_corruptions += s->replayed;
    s->replayed = false;
    bool ok = block_map_check(n, fix, out, errp);
    out->clusters = out->allocated = 0; /* not counted, as others have it */
    return ok;
}

static const BlockDriver vhdx_driver = {
    .name = "vhdx", .desc = "VHDX, of Hyper-V", .state_size = sizeof(VHDX), .create_keys = vhdx_create_keys, .probe = vhdx_probe, .open = vhdx_open,
    .close = vhdx_close, .read = block_map_read, .write = vhdx_write, .write_zeroes = vhdx_write_zeroes, .status = block_map_status,
    .create = vhdx_create, .check = vhdx_check, .set_writable = vhdx_set_writable,
};
block_driver(vhdx_driver)
