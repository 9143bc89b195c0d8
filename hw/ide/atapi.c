/* SPDX-License-Identifier: MIT */
/*
 * Packet commands of CD-ROM drives (ATA/ATAPI-7 volume 2; SCSI MMC-3 and SPC-3): data discs of one track, eject, sense data.
 * Not modelled: audio, sessions, raw sectors beyond mode 1 data, writing.
 */
#include "hw/ide.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { NOT_READY = 2, MEDIUM_ERROR = 3, ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum { FEATURE_DMA = 1, REASON_COMMAND = 1, REASON_TO_HOST = 2 };

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static bool medium(const IDEDrive *d)
{
    return blk_root(d->blk) && !d->tray_open;
}

static uint32_t cd_sectors(const IDEDrive *d)
{
    return medium(d) ? (uint32_t)MIN(blk_size(d->blk) / IDE_CD_SECTOR, UINT32_MAX) : 0;
}

/* ---- The medium, as the user handles it ---- */

static void change_medium(void *drive, BlockBackend *b, bool loaded)
{
    IDEDrive *d = drive;
    d->tray_open = !loaded;
    d->nsectors = blk_size(b) / IDE_SECTOR;
    d->medium_event = true;
    d->eject_request = false;
    d->unit_attention = loaded && blk_root(b);
}

static void eject_request(void *drive, bool force)
{
    IDEDrive *d = drive;
    d->eject_request = true;
    if (force)
        d->locked = false;
}

static bool tray_open(void *drive)
{
    return ((IDEDrive *)drive)->tray_open;
}

static bool medium_locked(void *drive)
{
    return ((IDEDrive *)drive)->locked;
}

const BlockDevOps atapi_block_ops = {
    .io_status = true, .change_medium = change_medium, .eject_request = eject_request, .tray_open = tray_open, .medium_locked = medium_locked,
};

/* ---- Ends ---- */

static void packet_ok(IDEDrive *d)
{
    d->sense_key = d->sense_asc = d->sense_ascq = 0;
    d->tf.count = REASON_COMMAND | REASON_TO_HOST;
    ide_ok(d);
}

static void packet_fail(IDEDrive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    d->sense_key = key;
    d->sense_asc = asc;
    d->sense_ascq = ascq;
    d->tf.count = REASON_COMMAND | REASON_TO_HOST;
    ide_fail(d, (uint8_t)(key << 4 | IDE_E_ABRT));
    d->tf.error = (uint8_t)(key << 4);
}

static void invalid_field(IDEDrive *d)
{
    packet_fail(d, ILLEGAL_REQUEST, 0x24, 0);
}

static void read_failed(IDEDrive *d, int ret)
{
    if (ret == -ENOMEDIUM)
        packet_fail(d, NOT_READY, 0x3a, 0);
    else
        packet_fail(d, MEDIUM_ERROR, 0x11, 0);
}

/* ---- A reply that lies in buf[0, total) ---- */

static void reply_dma(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    bool ok = c->ops->dma(c->opaque, c->buf, c->step, true);
    if (ok)
        packet_ok(d);
    else
        packet_fail(d, ILLEGAL_REQUEST, 0x24, 0);
    ide_dma_end(d, !ok);
}

static void pio_read_next(IDEDrive *d);

/* What was loaded goes out in windows of at most the host's byte limit; the byte count registers show each window's size. */
static void window_taken(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    if (c->end < c->loaded) {
        uint32_t len = MIN(c->loaded - c->end, d->byte_limit);
        d->tf.lba_mid = (uint8_t)len;
        d->tf.lba_high = (uint8_t)(len >> 8);
        d->tf.count = REASON_TO_HOST;
        ide_pio_at(d, c->end, len, true, window_taken);
        ide_irq_raise(d);
    } else if (c->left) {
        pio_read_next(d);
    } else {
        packet_ok(d);
    }
}

static void show(IDEDrive *d, uint32_t bytes)
{
    d->channel->end = 0;
    d->channel->loaded = bytes;
    window_taken(d);
}

static void reply(IDEDrive *d, uint32_t len, uint32_t asked)
{
    IDEChannel *c = d->channel;
    len = MIN(len, asked);
    if (!len) {
        packet_ok(d);
        return;
    }
    c->step = len;
    if (d->tf.feature & FEATURE_DMA) {
        c->to_guest = true;
        d->tf.count = REASON_TO_HOST;
        ide_dma_begin(d, reply_dma);
    } else {
        c->left = 0;
        show(d, len);
    }
}

/* ---- READ ---- */

static void pio_loaded(IDEDrive *d, int ret)
{
    IDEChannel *c = d->channel;
    if (ret < 0) {
        read_failed(d, ret);
        return;
    }
    c->lba += c->step;
    c->left -= c->step;
    show(d, c->step * IDE_CD_SECTOR);
}

static void pio_read_next(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    c->step = (uint32_t)MIN(c->left, 31);
    ide_block_io(d, BLOCK_READ, c->lba * IDE_CD_SECTOR, c->step * IDE_CD_SECTOR, pio_loaded);
}

static void dma_read_next(IDEDrive *d);

static void dma_loaded(IDEDrive *d, int ret)
{
    IDEChannel *c = d->channel;
    if (ret == 0 && !c->ops->dma(c->opaque, c->buf, c->step * IDE_CD_SECTOR, true))
        ret = -EFAULT;
    if (ret < 0) {
        read_failed(d, ret);
        ide_dma_end(d, true);
        return;
    }
    c->lba += c->step;
    c->left -= c->step;
    if (c->left) {
        dma_read_next(d);
    } else {
        packet_ok(d);
        ide_dma_end(d, false);
    }
}

static void dma_read_next(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    c->step = (uint32_t)MIN(c->left, IDE_CHUNK / IDE_CD_SECTOR);
    ide_block_io(d, BLOCK_READ, c->lba * IDE_CD_SECTOR, c->step * IDE_CD_SECTOR, dma_loaded);
}

static void read_sectors(IDEDrive *d, uint32_t lba, uint32_t count)
{
    IDEChannel *c = d->channel;
    uint32_t total = cd_sectors(d);
    if (!count) {
        packet_ok(d);
        return;
    }
    if (lba >= total || count > total - lba) {
        packet_fail(d, ILLEGAL_REQUEST, 0x21, 0);
        return;
    }
    c->lba = lba;
    c->left = count;
    if (d->tf.feature & FEATURE_DMA) {
        c->to_guest = true;
        d->tf.count = REASON_TO_HOST;
        ide_dma_begin(d, dma_read_next);
    } else {
        pio_read_next(d);
    }
}

/* ---- Other commands; p is the packet, b the reply ---- */

static void inquiry(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    if (p[1] & 1) { /* vital product data: only the list of pages and the serial number */
        size_t n = d->serial ? MIN(strlen(d->serial), 20) : 0;
        if (p[2] != 0 && p[2] != 0x80) {
            invalid_field(d);
            return;
        }
        memset(b, 0, 64);
        b[0] = 5;
        b[1] = p[2];
        b[3] = p[2] ? (uint8_t)n : 2;
        if (p[2])
            memcpy(b + 4, d->serial, n);
        else
            b[5] = 0x80;
        reply(d, 4u + b[3], get16(p + 3));
        return;
    }
    memset(b, 0, 36);
    b[0] = 5;
    b[1] = 0x80;
    b[3] = 0x21;
    b[4] = 31;
    memcpy(b + 8, "QEMU    QEMU DVD-ROM     2.5+", 29);
    memset(b + 29, ' ', 7);
    memcpy(b + 32, "2.5+", 4);
    reply(d, 36, get16(p + 3));
}

static void request_sense(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    memset(b, 0, 18);
    b[0] = 0x70;
    b[2] = d->sense_key;
    b[7] = 10;
    b[12] = d->sense_asc;
    b[13] = d->sense_ascq;
    if (d->sense_key == UNIT_ATTENTION)
        d->unit_attention = false;
    reply(d, 18, p[4]);
}

static void read_capacity(IDEDrive *d, uint8_t *b)
{
    put32(b, cd_sectors(d) - 1);
    put32(b + 4, IDE_CD_SECTOR);
    reply(d, 8, 8);
}

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (!msf) {
        put32(p, lba);
        return;
    }
    lba += 150;
    p[0] = 0;
    p[1] = (uint8_t)(lba / 75 / 60);
    p[2] = (uint8_t)(lba / 75 % 60);
    p[3] = (uint8_t)(lba % 75);
}

static void read_toc(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    bool msf = p[1] & 2;
    unsigned format = p[2] & 15 ? p[2] & 15 : p[9] >> 6, start = p[6], len = 4;
    memset(b, 0, 64);
    b[2] = b[3] = 1;
    if (format == 1) { /* sessions: one */
        b[5] = 0x14;
        b[6] = 1;
        put_address(b + 8, 0, msf);
        len = 12;
    } else if (format == 0 && start <= 0xaa && (start <= 1 || start == 0xaa)) {
        if (start <= 1) {
            b[5] = 0x14;
            b[6] = 1;
            put_address(b + 8, 0, msf);
            len = 12;
        }
        b[len + 1] = 0x16;
        b[len + 2] = 0xaa;
        put_address(b + len + 4, cd_sectors(d), msf);
        len += 8;
    } else {
        invalid_field(d);
        return;
    }
    put16(b, len - 2);
    reply(d, len, get16(p + 7));
}

/* Mode pages 01 (error recovery) and 2a (capabilities). */
static void mode_sense(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    unsigned page = p[2] & 63, len = 8;
    if (p[2] >> 6 == 3) {
        packet_fail(d, ILLEGAL_REQUEST, 0x39, 0);
        return;
    }
    memset(b, 0, 64);
    if (page == 1 || page == 63) {
        b[len] = 1;
        b[len + 1] = 6;
        b[len + 3] = 5;
        len += 8;
    }
    if (page == 0x2a || page == 63) {
        uint8_t *c = b + len;
        c[0] = 0x2a;
        c[1] = 18;
        c[2] = 0x3b; /* reads CD-R, CD-RW, DVD-ROM, DVD-R */
        c[4] = 0x70;
        c[6] = (uint8_t)(0x29 | (d->locked ? 2 : 0));
        put16(c + 8, 706);
        put16(c + 10, 2);
        put16(c + 12, 512);
        put16(c + 14, 706);
        len += 20;
    }
    if (len == 8) {
        invalid_field(d);
        return;
    }
    put16(b, len - 2);
    b[2] = d->tray_open ? 0x71 : medium(d) ? 0x01 : 0x70;
    reply(d, len, get16(p + 7));
}

static void get_configuration(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    bool cd = cd_sectors(d) <= 360000;
    memset(b, 0, 64);
    if (medium(d))
        put16(b + 6, cd ? 8 : 0x10);
    uint8_t *f = b + 8;
    static const uint8_t profiles[] = { 0, 0, 3, 8, 0, 0x10, 0, 0, 0, 8, 0, 0 };
    memcpy(f, profiles, sizeof(profiles));
    f[6] = medium(d) && !cd;
    f[10] = medium(d) && cd;
    f += sizeof(profiles);
    static const uint8_t core[] = { 0, 1, 0x0b, 8, 0, 0, 0, 2, 1, 0, 0, 0 };
    memcpy(f, core, sizeof(core));
    f += sizeof(core);
    static const uint8_t removable[] = { 0, 3, 3, 4, 0x29, 0, 0, 0 };
    memcpy(f, removable, sizeof(removable));
    f += sizeof(removable);
    put32(b, (uint32_t)(f - b) - 4);
    reply(d, (uint32_t)(f - b), get16(p + 7));
}

static void get_event(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    if (!(p[1] & 1)) { /* only polled */
        invalid_field(d);
        return;
    }
    memset(b, 0, 8);
    b[3] = 0x10; /* media events are what there is */
    if (!(p[4] & 0x10)) {
        b[2] = 0x80;
        put16(b, 2);
        reply(d, 4, get16(p + 7));
        return;
    }
    put16(b, 6);
    b[2] = 4;
    b[4] = d->medium_event ? (medium(d) ? 2 : 3) : d->eject_request ? 1 : 0;
    b[5] = (uint8_t)((medium(d) ? 2 : 0) | (d->tray_open ? 1 : 0));
    d->medium_event = d->eject_request = false;
    reply(d, 8, get16(p + 7));
}

static void move_tray(IDEDrive *d, bool open)
{
    if (d->tray_open == open)
        return;
    d->tray_open = open;
    blk_tray_moved(d->blk);
}

static void start_stop(IDEDrive *d, const uint8_t *p)
{
    bool load_eject = p[4] & 2, start = p[4] & 1;
    if (load_eject && !start) {
        if (d->locked) {
            packet_fail(d, ILLEGAL_REQUEST, 0x53, 2);
            return;
        }
        move_tray(d, true);
    } else if (load_eject) {
        d->unit_attention = d->tray_open && blk_root(d->blk);
        move_tray(d, false);
    }
    packet_ok(d);
}

static void disc_information(IDEDrive *d, const uint8_t *p, uint8_t *b)
{
    memset(b, 0, 34);
    put16(b, 32);
    b[2] = 0x0e;
    b[3] = b[4] = b[5] = b[6] = 1;
    b[7] = 0x20;
    memset(b + 16, 0, 8);
    reply(d, 34, get16(p + 7));
}

static void read_cd(IDEDrive *d, const uint8_t *p)
{
    uint32_t count = (uint32_t)p[6] << 16 | get16(p + 7);
    switch (p[9] & 0xf8) {
    case 0x00: packet_ok(d); break;
    case 0x10: read_sectors(d, get32(p + 2), count); break;
    default: invalid_field(d); break;
    }
}

/* Commands that a drive without a disc, or with a new one, refuses. */
static bool needs_medium(uint8_t op)
{
    static const uint8_t list[] = { 0x00, 0x25, 0x28, 0xa8, 0xbe, 0x43, 0x51, 0x2b, 0x42 };
    return memchr(list, op, sizeof(list)) != NULL;
}

static void packet_received(IDEDrive *d)
{
    uint8_t p[12], *b = d->channel->buf;
    memcpy(p, b, 12);
    d->byte_limit = (uint16_t)(d->tf.lba_mid | d->tf.lba_high << 8);
    if (d->byte_limit < 2 || d->byte_limit == 0xffff)
        d->byte_limit = 0xfffe;
    d->byte_limit &= 0xfffe;
    if (d->unit_attention && p[0] != 0x03 && p[0] != 0x12 && p[0] != 0x46 && p[0] != 0x4a) {
        d->unit_attention = false;
        packet_fail(d, UNIT_ATTENTION, 0x28, 0);
        return;
    }
    if (needs_medium(p[0]) && !medium(d)) {
        packet_fail(d, NOT_READY, 0x3a, d->tray_open ? 2 : 1);
        return;
    }
    switch (p[0]) {
    case 0x00: packet_ok(d); break;
    case 0x03: request_sense(d, p, b); break;
    case 0x12: inquiry(d, p, b); break;
    case 0x1b: start_stop(d, p); break;
    case 0x1e:
        d->locked = p[4] & 1;
        packet_ok(d);
        break;
    case 0x25: read_capacity(d, b); break;
    case 0x28: read_sectors(d, get32(p + 2), get16(p + 7)); break;
    case 0xa8: read_sectors(d, get32(p + 2), get32(p + 6)); break;
    case 0xbe: read_cd(d, p); break;
    case 0x2b: packet_ok(d); break;
    case 0x43: read_toc(d, p, b); break;
    case 0x46: get_configuration(d, p, b); break;
    case 0x4a: get_event(d, p, b); break;
    case 0x51: disc_information(d, p, b); break;
    case 0x5a: mode_sense(d, p, b); break;
    case 0xbb: packet_ok(d); break; /* SET CD SPEED */
    case 0xbd: /* MECHANISM STATUS */
        memset(b, 0, 8);
        b[5] = 1;
        reply(d, 8, get16(p + 8));
        break;
    default: packet_fail(d, ILLEGAL_REQUEST, 0x20, 0); break;
    }
}

void atapi_packet(IDEDrive *d)
{
    if (d->tf.feature & 2) { /* overlapped */
        ide_fail(d, IDE_E_ABRT);
        return;
    }
    d->tf.count = REASON_COMMAND;
    ide_pio(d, 12, false, packet_received);
}

void atapi_identify(const IDEDrive *d, uint16_t *w)
{
    const struct {
        uint8_t n;
        uint16_t value;
    } rows[] = {
        { 0, 0x85c0 }, { 49, 0x0b00 }, { 53, 7 }, { 63, (uint16_t)(7 | (d->mode_mdma ? 0x80 << d->mode_mdma : 0)) }, { 64, 1 }, { 65, 0xb4 },
        { 66, 0xb4 }, { 67, 0x12c }, { 68, 0xb4 }, { 71, 30 }, { 72, 30 }, { 80, 0x1e },
        { 88, (uint16_t)(0x3f | (d->mode_udma ? 0x80 << d->mode_udma : 0)) },
    };
    memset(w, 0, 512);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        w[rows[i].n] = GUINT16_TO_LE(rows[i].value);
    ide_string(w + 10, d->serial ? d->serial : "", 10);
    ide_string(w + 23, d->version ? d->version : "2.5+", 4);
    ide_string(w + 27, d->model ? d->model : "QEMU DVD-ROM", 20);
}
