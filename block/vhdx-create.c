/* SPDX-License-Identifier: MIT */
/* New VHDX images. See vhdx.h. */
#include "hw/loader.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/options.h"
#include "vhdx.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

const char *const vhdx_create_keys[] = {
    "block_size=Block Size; min 1MB, max 256MB. 0 means auto-calculate based on image size.",
    "block_state_zero=Force use of payload blocks of type 'ZERO'. Non-standard, but default.  Do not set to 'off' when using 'qemu-img convert' with "
    "subformat=dynamic.",
    "log_size=Log size; min 1MB.", "size=Virtual disk size; max of 64TB.",
    "subformat=VHDX format type, can be either 'dynamic' or 'fixed'. Default is 'dynamic'.", NULL,
};

typedef struct CreateOptions {
    uint64_t size, block, log;
    bool fixed;
} CreateOptions;

static uint64_t mib(uint64_t v)
{
    return (v + VHDX_MIB - 1) & ~(VHDX_MIB - 1);
}

static bool parse_create(CreateOptions *c, OptGroup *o, Error **errp)
{
    const char *sub = opts_get(o, "subformat");
    bool zero = true; /* what was never written reads as zeroes in either case */
    *c = (CreateOptions){ .log = VHDX_MIB };
    if (!opts_get_size(o, "size", &c->size, errp) || !opts_get_size(o, "block_size", &c->block, errp) || !opts_get_size(o, "log_size", &c->log, errp) ||
        !opts_get_bool(o, "block_state_zero", &zero, errp))
        return false;
    c->fixed = sub && !strcmp(sub, "fixed");
    if (sub && !c->fixed && strcmp(sub, "dynamic")) {
        error_setg(errp, "Parameter 'subformat' does not accept value '%s'", sub);
        return false;
    }
    if (c->size > VHDX_SIZE_MAX) {
        error_setg(errp, "Image size too large; max of 64TB");
        return false;
    }
    c->size = (c->size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (!c->block)
        c->block = (c->size > 32ull << 40 ? 64 : c->size > 100ull << 30 ? 32 : c->size > 1ull << 30 ? 16 : 8) * VHDX_MIB;
    c->block = MIN(mib(c->block), VHDX_BLOCK_MAX);
    c->log = MAX(mib(c->log), VHDX_MIB);
    if (c->block & (c->block - 1)) {
        error_setg(errp, "Block size must be a power of two");
        return false;
    }
    if (c->log > VHDX_LOG_MAX) {
        error_setg(errp, "Log size must be at most 256 MB");
        return false;
    }
    return true;
}

static int write_identifier(BlockNode *f)
{
    static const char creator[] = "Rhea";
    uint8_t id[520] = "vhdxfile";
    for (unsigned i = 0; creator[i]; i++)
        put_le16(id + 8 + 2 * i, (uint8_t)creator[i]);
    return block_write(f, 0, id, sizeof(id));
}

static int write_headers(BlockNode *f, const CreateOptions *c)
{
    uint8_t *h = g_malloc0(VHDX_HEADER_LENGTH);
    int ret = 0;
    memcpy(h, "head", 4);
    guest_random(h + VHDX_H_FILE_WRITE, 32);
    put_le16(h + VHDX_H_VERSION, 1);
    put_le32(h + VHDX_H_LOG_LENGTH, (uint32_t)c->log);
    put_le64(h + VHDX_H_LOG_OFFSET, VHDX_MIB);
    for (unsigned i = 0; ret == 0 && i < 2; i++) {
        put_le64(h + VHDX_H_SEQUENCE, 1 + i);
        put_le32(h + VHDX_H_CHECKSUM, vhdx_checksum(h, VHDX_HEADER_LENGTH, VHDX_H_CHECKSUM));
        ret = block_write(f, i ? VHDX_HEADER_2 : VHDX_HEADER_1, h, VHDX_HEADER_LENGTH);
    }
    g_free(h);
    return ret;
}

static int write_regions(BlockNode *f, uint64_t metadata, uint64_t bat, uint64_t bat_length)
{
    uint8_t *t = g_malloc0(VHDX_TABLE), *e = t + VHDX_R_ENTRIES;
    memcpy(t, "regi", 4);
    put_le32(t + VHDX_R_COUNT, 2);
    memcpy(e, vhdx_guid_bat, 16);
    put_le64(e + 16, bat);
    put_le32(e + 24, (uint32_t)bat_length);
    put_le32(e + 28, 1); /* required */
    memcpy(e + VHDX_ENTRY, vhdx_guid_metadata, 16);
    put_le64(e + VHDX_ENTRY + 16, metadata);
    put_le32(e + VHDX_ENTRY + 24, VHDX_MIB);
    put_le32(e + VHDX_ENTRY + 28, 1);
    put_le32(t + VHDX_R_CHECKSUM, vhdx_checksum(t, VHDX_TABLE, VHDX_R_CHECKSUM));
    int ret = block_write(f, VHDX_REGIONS_1, t, VHDX_TABLE);
    ret = ret ? ret : block_write(f, VHDX_REGIONS_2, t, VHDX_TABLE);
    g_free(t);
    return ret;
}

/* The table, and the items behind it. */
static int write_metadata(BlockNode *f, uint64_t at, const CreateOptions *c)
{
    const struct {
        const uint8_t *id;
        uint32_t length, flags; /* 2: of the disk, 4: required */
    } rows[] = { { vhdx_guid_parameters, 8, 4 }, { vhdx_guid_size, 8, 6 }, { vhdx_guid_page83, 16, 6 }, { vhdx_guid_logical, 4, 6 }, { vhdx_guid_physical, 4, 6 } };
    uint8_t *t = g_malloc0(VHDX_TABLE + 64), *items = t + VHDX_TABLE;
    uint32_t offset = VHDX_TABLE;
    memcpy(t, "metadata", 8);
    put_le16(t + VHDX_M_COUNT, ARRAY_SIZE(rows));
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t *e = t + VHDX_M_ENTRIES + i * VHDX_ENTRY;
        memcpy(e, rows[i].id, 16);
        put_le32(e + 16, offset);
        put_le32(e + 20, rows[i].length);
        put_le32(e + 24, rows[i].flags);
        offset += rows[i].length;
    }
    put_le32(items, (uint32_t)c->block);
    put_le32(items + 4, c->fixed ? 1 : 0); /* blocks stay allocated */
    put_le64(items + 8, c->size);
    guest_random(items + 16, 16);
    put_le32(items + 32, BLOCK_SECTOR);
    put_le32(items + 36, BLOCK_SECTOR);
    int ret = block_write(f, at, t, VHDX_TABLE + 64);
    g_free(t);
    return ret;
}

static int write_bat(BlockNode *f, uint64_t at, uint64_t length, uint64_t data, const CreateOptions *c)
{
    uint64_t blocks = (c->size + c->block - 1) / c->block, ratio = ((uint64_t)BLOCK_SECTOR << 23) / c->block;
    if (!c->fixed)
        return block_write_zeroes(f, at, length, false); /* not present */
    uint8_t *bat = g_malloc0(length);
    for (uint64_t i = 0; i < blocks; i++)
        put_le64(bat + 8 * (i + i / ratio), (data + i * c->block) | VHDX_FULLY_PRESENT);
    int ret = block_write(f, at, bat, length);
    g_free(bat);
    return ret;
}

bool vhdx_create(const char *filename, OptGroup *o, Error **errp)
{
    CreateOptions c;
    if (!parse_create(&c, o, errp))
        return false;
    uint64_t blocks = (c.size + c.block - 1) / c.block, entries = blocks + blocks / (((uint64_t)BLOCK_SECTOR << 23) / c.block);
    uint64_t bat_length = MAX(mib(8 * entries), VHDX_MIB), metadata = VHDX_MIB + c.log, bat = metadata + VHDX_MIB, data = bat + bat_length;
    if (blocks > BLOCK_MAP_MAX) {
        error_setg(errp, "a disk of %" PRIu64 " blocks is not supported: make them larger (block_size=)", blocks);
        return false;
    }
    BlockNode *f = block_create_file(filename, errp);
    if (!f)
        return false;
    bool ok = block_truncate(f, data + (c.fixed ? blocks * c.block : 0), NULL, errp) == 0;
    int ret = ok ? write_identifier(f) : 0;
    if (ok && ret == 0)
        ret = write_headers(f, &c);
    if (ok && ret == 0)
        ret = write_regions(f, metadata, bat, bat_length);
    if (ok && ret == 0)
        ret = write_metadata(f, metadata, &c);
    if (ok && ret == 0)
        ret = write_bat(f, bat, bat_length, data, &c);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write '%s'", filename);
    block_unref(f);
    return ok && ret == 0;
}
