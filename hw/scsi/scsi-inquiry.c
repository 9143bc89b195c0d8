/* SPDX-License-Identifier: MIT */
/* What SCSI devices say about themselves: INQUIRY with its vital product data, and mode pages (SPC-4 6.4, 7.5, 7.8; SBC-3 6.5; MMC-6 7). */
#include "hw/scsi.h"

#include <glib.h>
#include <string.h>

enum { TYPE_DISK = 0, TYPE_CD = 5 };
enum { PAGE_SUPPORTED = 0x00, PAGE_SERIAL = 0x80, PAGE_ID = 0x83, PAGE_LIMITS = 0xb0, PAGE_CHARACTERISTICS = 0xb1, PAGE_PROVISIONING = 0xb2 };
enum { MODE_ERROR = 0x01, MODE_FLEXIBLE = 0x05, MODE_GEOMETRY = 0x04, MODE_CACHING = 0x08, MODE_AUDIO = 0x0e, MODE_CAPABILITIES = 0x2a,
       MODE_ALL = 0x3f };

static uint8_t type_of(const SCSIDevice *d)
{
    return d->cdrom ? TYPE_CD : TYPE_DISK;
}

static void put_text(uint8_t *p, const char *text, size_t len)
{
    size_t n = strlen(text);
    memset(p, ' ', len);
    memcpy(p, text, MIN(n, len));
}

/* ---- INQUIRY ---- */

static void standard_inquiry(SCSIRequest *r, uint32_t allocation)
{
    const SCSIDevice *d = r->dev;
    uint8_t b[36] = { 0 };
    b[0] = type_of(d);
    b[1] = d->removable ? 0x80 : 0;
    b[2] = (uint8_t)d->scsi_version;
    b[3] = 0x10 | 2; /* hierarchical units, format of this answer */
    b[4] = sizeof(b) - 5;
    b[7] = 0x10 | 2; /* synchronous, queues commands */
    put_text(b + 8, d->vendor, 8);
    put_text(b + 16, d->product, 16);
    put_text(b + 32, d->version, 4);
    scsi_reply(r, b, sizeof(b), allocation);
}

static size_t page_supported(const SCSIDevice *d, uint8_t *p)
{
    static const uint8_t disk_pages[] = { PAGE_LIMITS, PAGE_CHARACTERISTICS, PAGE_PROVISIONING };
    size_t n = 0;
    p[n++] = PAGE_SUPPORTED;
    if (d->serial && *d->serial)
        p[n++] = PAGE_SERIAL;
    p[n++] = PAGE_ID;
    for (unsigned i = 0; !d->cdrom && i < sizeof(disk_pages); i++)
        p[n++] = disk_pages[i];
    return n;
}

static size_t page_serial(const SCSIDevice *d, uint8_t *p)
{
    size_t n = d->serial ? MIN(strlen(d->serial), 36) : 0;
    memcpy(p, d->serial, n);
    return n;
}

static size_t put_naa(uint8_t *p, uint8_t association, uint64_t wwn)
{
    p[0] = 1; /* binary */
    p[1] = (uint8_t)(association | 3);
    p[3] = 8;
    scsi_put64(p + 4, wwn);
    return 12;
}

static size_t page_id(const SCSIDevice *d, uint8_t *p)
{
    size_t n = 0, id = d->device_id ? MIN(strlen(d->device_id), 255 - 8) : 0;
    if (id) {
        p[0] = 2; /* ASCII */
        p[3] = (uint8_t)id;
        memcpy(p + 4, d->device_id, id);
        n = 4 + id;
    }
    if (d->wwn)
        n += put_naa(p + n, 0, d->wwn);
    if (d->port_wwn)
        n += put_naa(p + n, 0x10 | 0x80, d->port_wwn);
    if (d->port_index) {
        p[n] = 0x61; /* SAS, binary */
        p[n + 1] = 0x94;
        p[n + 3] = 4;
        scsi_put16(p + n + 6, d->port_index);
        n += 8;
    }
    return n;
}

static size_t page_limits(const SCSIDevice *d, uint8_t *p)
{
    uint32_t block = d->block_size;
    scsi_put16(p + 2, (uint32_t)(d->conf.min_io / block));
    scsi_put32(p + 4, (uint32_t)(d->max_io_size / block));
    scsi_put32(p + 8, (uint32_t)(d->conf.opt_io / block));
    scsi_put32(p + 16, (uint32_t)MIN(d->max_unmap_size / block, UINT32_MAX));
    scsi_put32(p + 20, 255);
    scsi_put32(p + 24, (uint32_t)(d->conf.discard_granularity / block));
    scsi_put64(p + 32, (uint32_t)(d->max_io_size / block));
    return 60;
}

static size_t page_characteristics(const SCSIDevice *d, uint8_t *p)
{
    scsi_put16(p, d->rotation_rate);
    return 60;
}

static size_t page_provisioning(const SCSIDevice *d, uint8_t *p)
{
    p[1] = 0x80 | 0x40 | 0x20; /* UNMAP, WRITE SAME (16) and (10) */
    p[2] = d->conf.discard_granularity ? 2 : 1;
    return 4;
}

static const struct {
    uint8_t code;
    bool disk_only;
    size_t (*fill)(const SCSIDevice *d, uint8_t *p);
} vital_pages[] = {
    { PAGE_SUPPORTED, false, page_supported }, { PAGE_SERIAL, false, page_serial }, { PAGE_ID, false, page_id },
    { PAGE_LIMITS, true, page_limits }, { PAGE_CHARACTERISTICS, true, page_characteristics }, { PAGE_PROVISIONING, true, page_provisioning },
};

static void vital_product_data(SCSIRequest *r, uint8_t code, uint32_t allocation)
{
    const SCSIDevice *d = r->dev;
    uint8_t b[4 + 512] = { type_of(d), code };
    for (unsigned i = 0; i < ARRAY_SIZE(vital_pages); i++) {
        if (vital_pages[i].code != code || (vital_pages[i].disk_only && d->cdrom) || (code == PAGE_SERIAL && !(d->serial && *d->serial)))
            continue;
        size_t n = vital_pages[i].fill(d, b + 4);
        scsi_put16(b + 2, (uint32_t)n);
        scsi_reply(r, b, 4 + n, allocation);
        return;
    }
    scsi_fail(r, SENSE_INVALID_FIELD);
}

void scsi_inquiry(SCSIRequest *r)
{
    uint32_t allocation = scsi_be16(r->cdb + 3);
    if (r->cdb[1] & 1)
        vital_product_data(r, r->cdb[2], allocation);
    else if (r->cdb[1] & 2 || r->cdb[2])
        scsi_fail(r, SENSE_INVALID_FIELD);
    else
        standard_inquiry(r, allocation);
}

/* ---- Mode pages: contents after the two bytes of code and length; changeable: which bits the driver may set ---- */

static size_t mode_error(const SCSIDevice *d, uint8_t *p, bool changeable)
{
    if (!changeable)
        p[0] = 0x80; /* automatic write reallocation */
    return 10;
}

static size_t mode_geometry(const SCSIDevice *d, uint8_t *p, bool changeable)
{
    if (changeable)
        return 22;
    uint32_t cyls = d->conf.cyls;
    p[0] = (uint8_t)(cyls >> 16);
    scsi_put16(p + 1, cyls);
    p[3] = (uint8_t)d->conf.heads;
    memcpy(p + 4, p, 3);  /* precompensation and reduced write current start at the end */
    memcpy(p + 7, p, 3);
    scsi_put16(p + 10, 200); /* 20 ns a step */
    p[12] = 0xff;
    p[13] = p[14] = 0xff;
    scsi_put16(p + 18, 5400);
    return 22;
}

static size_t mode_flexible(const SCSIDevice *d, uint8_t *p, bool changeable)
{
    if (changeable)
        return 30;
    scsi_put16(p, 5000); /* kbit/s */
    p[2] = (uint8_t)d->conf.heads;
    p[3] = (uint8_t)d->conf.secs;
    scsi_put16(p + 4, d->block_size);
    scsi_put16(p + 6, MIN(d->conf.cyls, 0xffff));
    memcpy(p + 8, p + 6, 2);
    memcpy(p + 10, p + 6, 2);
    scsi_put16(p + 12, 1);
    p[14] = 1;
    scsi_put16(p + 15, 1);
    p[17] = 1;
    p[18] = 1;
    scsi_put16(p + 26, 5400);
    return 30;
}

static size_t mode_caching(const SCSIDevice *d, uint8_t *p, bool changeable)
{
    p[0] = changeable || blk_write_cache(d->conf.blk) ? 4 : 0; /* write cache */
    return 18;
}

static size_t mode_audio(const SCSIDevice *d, uint8_t *p, bool changeable)
{
    return 14;
}

static size_t mode_capabilities(const SCSIDevice *d, uint8_t *p, bool changeable)
{
    if (changeable)
        return 20;
    p[0] = 0x3b; /* CD-R, CD-RW, DVD-ROM, DVD-R */
    p[2] = 0x7f; /* what can be read beyond plain data */
    p[3] = 0xff;
    p[4] = (uint8_t)(0x2d | (d->locked ? 2 : 0)); /* tray, eject, lock */
    scsi_put16(p + 6, 50 * 176);
    scsi_put16(p + 8, 2);
    scsi_put16(p + 10, 2048);
    scsi_put16(p + 12, 16 * 176);
    scsi_put16(p + 16, 16 * 176);
    scsi_put16(p + 18, 16 * 176);
    return 20;
}

enum { FOR_DISK = 1, FOR_CD = 2 };
static const struct {
    uint8_t code, types;
    size_t (*fill)(const SCSIDevice *d, uint8_t *p, bool changeable);
} mode_pages[] = {
    { MODE_ERROR, FOR_DISK | FOR_CD, mode_error }, { MODE_GEOMETRY, FOR_DISK, mode_geometry }, { MODE_FLEXIBLE, FOR_DISK, mode_flexible },
    { MODE_CACHING, FOR_DISK | FOR_CD, mode_caching }, { MODE_AUDIO, FOR_CD, mode_audio }, { MODE_CAPABILITIES, FOR_CD, mode_capabilities },
};

static size_t add_page(const SCSIDevice *d, unsigned i, uint8_t *p, bool changeable)
{
    memset(p, 0, 64);
    size_t n = mode_pages[i].fill(d, p + 2, changeable);
    p[0] = mode_pages[i].code;
    p[1] = (uint8_t)n;
    return n + 2;
}

static size_t add_block_descriptor(const SCSIDevice *d, uint8_t *p)
{
    uint64_t blocks = scsi_blocks(d);
    memset(p, 0, 8);
    scsi_put32(p, blocks > 0xffffff ? 0 : (uint32_t)blocks);
    p[0] = 0;
    scsi_put32(p + 4, d->block_size);
    p[4] = 0;
    return 8;
}

void scsi_mode_sense(SCSIRequest *r)
{
    const SCSIDevice *d = r->dev;
    const uint8_t *cdb = r->cdb;
    bool ten = cdb[0] == 0x5a, found = false;
    uint8_t code = cdb[2] & 0x3f, control = cdb[2] >> 6, b[512] = { 0 };
    size_t n = ten ? 8 : 4, descriptor = 0;
    if (control == 3) {
        scsi_fail(r, SENSE_SAVING_NOT_SUPPORTED);
        return;
    }
    if (!(cdb[1] & 8) && !d->cdrom)
        n += descriptor = add_block_descriptor(d, b + n);
    for (unsigned i = 0; i < ARRAY_SIZE(mode_pages); i++) {
        if ((code == MODE_ALL || code == mode_pages[i].code) && mode_pages[i].types & (d->cdrom ? FOR_CD : FOR_DISK)) {
            n += add_page(d, i, b + n, control == 1);
            found = true;
        }
    }
    if ((!found && code) || (cdb[3] && cdb[3] != 0xff)) { /* page 0: header and descriptor alone */
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    uint8_t specific = d->cdrom ? 0 : (uint8_t)((blk_read_only(d->conf.blk) ? 0x80 : 0) | (d->dpofua ? 0x10 : 0));
    if (ten) {
        scsi_put16(b, (uint32_t)n - 2);
        b[3] = specific;
        b[7] = (uint8_t)descriptor;
    } else {
        b[0] = (uint8_t)(n - 1);
        b[2] = specific;
        b[3] = (uint8_t)descriptor;
    }
    scsi_reply(r, b, n, ten ? scsi_be16(cdb + 7) : cdb[4]);
}

/* One page of MODE SELECT: only changeable bits may differ from what is. */
static bool check_page(const SCSIDevice *d, const uint8_t *p, size_t len)
{
    uint8_t now[64], mask[64];
    for (unsigned i = 0; i < ARRAY_SIZE(mode_pages); i++) {
        if (mode_pages[i].code != (p[0] & 0x3f) || !(mode_pages[i].types & (d->cdrom ? FOR_CD : FOR_DISK)))
            continue;
        if (add_page(d, i, now, false) != len)
            return false;
        add_page(d, i, mask, true);
        for (size_t k = 2; k < len; k++) {
            if ((p[k] ^ now[k]) & ~mask[k])
                return false;
        }
        return true;
    }
    return false;
}

/* Goes over the pages: first to check them all, then to take them. */
static bool walk_pages(SCSIDevice *d, const uint8_t *p, size_t len, bool take)
{
    while (len) {
        if (len < 2 || (p[0] & 0x40) || p[1] + 2u > len)
            return false;
        size_t n = p[1] + 2u;
        if (!check_page(d, p, n))
            return false;
        if (take && (p[0] & 0x3f) == MODE_CACHING)
            blk_set_write_cache(d->conf.blk, p[2] & 4);
        p += n;
        len -= n;
    }
    return true;
}

void scsi_mode_select(SCSIRequest *r)
{
    const uint8_t *cdb = r->cdb;
    bool ten = cdb[0] == 0x55;
    uint32_t len = ten ? scsi_be16(cdb + 7) : cdb[4], header = ten ? 8 : 4;
    if ((cdb[1] & 0x11) != 0x10) { /* pages in the standard's format, not to be saved */
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    if (!len) {
        scsi_complete(r);
        return;
    }
    const uint8_t *p = scsi_parameters(r, len);
    if (!p)
        return;
    uint32_t descriptor = len < header ? 0 : ten ? scsi_be16(p + 6) : p[3];
    if (len < header || (descriptor && descriptor != 8) || descriptor > len - header) {
        scsi_fail(r, SENSE_PARAMETER_LENGTH);
        return;
    }
    if (descriptor && scsi_be24(p + header + 5) != r->dev->block_size) {
        scsi_fail(r, SENSE_INVALID_PARAMETER);
        return;
    }
    size_t start = header + descriptor;
    if (!walk_pages(r->dev, p + start, len - start, false)) {
        scsi_fail(r, SENSE_INVALID_PARAMETER);
        return;
    }
    walk_pages(r->dev, p + start, len - start, true);
    scsi_complete(r);
}
