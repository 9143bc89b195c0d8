/* SPDX-License-Identifier: MIT */
/* The VDI format of VirtualBox, version 1.1: dynamic and static images. Not supported: differencing images, other versions. */
#include "block-map.h"
#include "hw/loader.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE 0xbeda107fu
#define VERSION 0x00010001u
#define BLOCK_LEN (1u << 20)
#define ENTRY_NONE 0xffffffffu
#define ENTRY_ZERO 0xfffffffeu
enum { TYPE_DYNAMIC = 1, TYPE_STATIC = 2 };
enum { /* offsets in the header, little endian */
    H_SIGNATURE = 64, H_VERSION = 68, H_SIZE = 72, H_TYPE = 76, H_MAP = 340, H_DATA = 344, H_SECTOR = 360, H_DISK = 368, H_BLOCK = 376,
    H_BLOCKS = 384, H_ALLOCATED = 388, H_UUID = 392, H_UUID_SNAP = 408, H_UUID_LINK = 424, H_UUID_PARENT = 440, HEADER = 512,
};

typedef struct VDI {
    BlockMap map;
    uint32_t map_offset, data_offset, allocated;
} VDI;

static int vdi_probe(const uint8_t *head, size_t len, const char *filename)
{
    return len >= HEADER && get_le32(head + H_SIGNATURE) == SIGNATURE ? 100 : 0;
}

static int store(BlockMap *m, uint64_t i, uint64_t offset)
{
    VDI *s = (VDI *)m;
    uint8_t entry[4];
    uint64_t number = (offset - s->data_offset) / m->block_size;
    if (number >= ENTRY_ZERO) /* a file with much behind its blocks */
        return -EFBIG;
    put_le32(entry, (uint32_t)number);
    int ret = block_write(m->node->file, s->map_offset + 4 * i, entry, 4);
    put_le32(entry, ++s->allocated);
    return ret ? ret : block_write(m->node->file, H_ALLOCATED, entry, 4);
}

static const char *wrong_header(const uint8_t *h, uint64_t file_size)
{
    static const uint8_t none[16];
    uint64_t disk = get_le64(h + H_DISK), blocks = get_le32(h + H_BLOCKS), unit = get_le32(h + H_BLOCK), map = get_le32(h + H_MAP);
    if (get_le32(h + H_SIGNATURE) != SIGNATURE)
        return "Image not in VDI format";
    if (get_le32(h + H_VERSION) != VERSION)
        return "unsupported VDI image version";
    if (get_le32(h + H_SECTOR) != BLOCK_SECTOR || unit != BLOCK_LEN || map % BLOCK_SECTOR || get_le32(h + H_DATA) % BLOCK_SECTOR)
        return "unsupported VDI image (sector size, block size or offsets)";
    if (memcmp(h + H_UUID_LINK, none, 16) || memcmp(h + H_UUID_PARENT, none, 16))
        return "unsupported VDI image (differencing image)";
    if (get_le32(h + H_TYPE) != TYPE_DYNAMIC && get_le32(h + H_TYPE) != TYPE_STATIC)
        return "unsupported VDI image type";
    if (disk > BLOCK_MAX_LENGTH || disk > blocks * unit || blocks > BLOCK_MAP_MAX)
        return "unsupported VDI image (disk larger than its blocks, or too large)";
    if (map < HEADER || map + 4 * blocks > file_size || get_le32(h + H_DATA) < map + 4 * blocks)
        return "VDI image: the table of blocks lies outside its place";
    return NULL;
}

static bool load_map(VDI *s, uint64_t blocks, Error **errp)
{
    BlockMap *m = &s->map;
    uint8_t *table = g_malloc(4 * blocks + 4);
    int ret = blocks ? block_read(m->node->file, s->map_offset, table, 4 * blocks) : 0;
    bool ok = ret == 0;
    for (uint64_t i = 0; ok && i < blocks; i++) {
        uint32_t e = get_le32(table + 4 * i);
        if (e != ENTRY_NONE && e != ENTRY_ZERO && !block_map_set(m, i, s->data_offset + (uint64_t)e * m->block_size)) {
            error_setg(errp, "VDI image: block %llu is outside the file", (unsigned long long)i);
            ok = false;
        }
    }
    g_free(table);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not read the table of blocks");
    return ok;
}

static void vdi_close(BlockNode *n)
{
    block_map_free(n->state);
}

static bool vdi_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    VDI *s = n->state;
    uint8_t h[HEADER] = { 0 };
    uint64_t file = block_size(n->file);
    int ret = file < HEADER ? -EINVAL : block_read(n->file, 0, h, HEADER);
    const char *wrong = ret < 0 ? "Image not in VDI format" : wrong_header(h, file);
    if (wrong) {
        error_setg(errp, "%s", wrong);
        return false;
    }
    uint64_t blocks = get_le32(h + H_BLOCKS);
    s->map_offset = get_le32(h + H_MAP);
    s->data_offset = get_le32(h + H_DATA);
    s->allocated = get_le32(h + H_ALLOCATED);
    n->size = get_le64(h + H_DISK);
    n->cluster_size = BLOCK_LEN;
    if (!block_map_init(&s->map, n, blocks, BLOCK_LEN, errp))
        return false;
    s->map.store = store;
    uint64_t used = s->map.end > s->data_offset ? (s->map.end - s->data_offset + BLOCK_LEN - 1) / BLOCK_LEN : 0;
    s->map.end = s->data_offset + used * BLOCK_LEN;
    if (load_map(s, blocks, errp))
        return true;
    vdi_close(n);
    return false;
}

static const char *const create_keys[] = { "size=Virtual disk size", "static=VDI static (pre-allocated) image", NULL };

static bool vdi_create(const char *filename, OptGroup *o, Error **errp)
{
    uint64_t size = 0;
    bool fixed = false;
    if (!opts_get_size(o, "size", &size, errp) || !opts_get_bool(o, "static", &fixed, errp))
        return false;
    uint64_t blocks = (size + BLOCK_LEN - 1) / BLOCK_LEN, map = (4 * blocks + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (blocks > BLOCK_MAP_MAX) {
        error_setg(errp, "Unsupported VDI image size (size is 0x%llx, max supported is 0x%llx)", (unsigned long long)size,
                   (unsigned long long)BLOCK_MAP_MAX * BLOCK_LEN);
        return false;
    }
    BlockNode *f = block_create_file(filename, errp);
    if (!f)
        return false;
    uint64_t total = HEADER + map + (fixed ? blocks * BLOCK_LEN : 0);
    uint8_t *h = g_malloc0(HEADER + map);
    snprintf((char *)h, 64, "<<< Rhea VM Virtual Disk Image >>>\n");
    put_le32(h + H_SIGNATURE, SIGNATURE);
    put_le32(h + H_VERSION, VERSION);
    put_le32(h + H_SIZE, 0x180);
    put_le32(h + H_TYPE, fixed ? TYPE_STATIC : TYPE_DYNAMIC);
    put_le32(h + H_MAP, HEADER);
    put_le32(h + H_DATA, (uint32_t)(HEADER + map));
    put_le32(h + H_SECTOR, BLOCK_SECTOR);
    put_le32(h + H_DISK, (uint32_t)size);
    put_le32(h + H_DISK + 4, (uint32_t)(size >> 32));
    put_le32(h + H_BLOCK, BLOCK_LEN);
    put_le32(h + H_BLOCKS, (uint32_t)blocks);
    put_le32(h + H_ALLOCATED, fixed ? (uint32_t)blocks : 0);
    guest_random(h + H_UUID, 32); /* of the image, and of its last snapshot */
    for (uint64_t i = 0; i < blocks; i++)
        put_le32(h + HEADER + 4 * i, fixed ? (uint32_t)i : ENTRY_NONE);
    bool ok = block_truncate(f, total, NULL, errp) == 0;
    int ret = ok ? block_write(f, 0, h, HEADER + map) : 0;
    if (ret < 0)
        error_setg_errno(errp, -ret, "Error writing header to %s", filename);
    g_free(h);
    block_unref(f);
    return ok && ret == 0;
}

static const BlockDriver vdi_driver = {
    .name = "vdi", .desc = "VirtualBox's", .state_size = sizeof(VDI), .create_keys = create_keys, .probe = vdi_probe, .open = vdi_open,
    .close = vdi_close, .read = block_map_read, .write = block_map_write, .write_zeroes = block_map_write_zeroes, .status = block_map_status,
    .create = vdi_create, .check = block_map_check,
};
block_driver(vdi_driver)
