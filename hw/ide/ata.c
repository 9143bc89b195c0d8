/* SPDX-License-Identifier: MIT */
/* ATA commands of disks (ATA/ATAPI-7 volume 1, chapter 6), and the few that CD-ROM drives share. */
#include "hw/ide.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { DEV_LBA = 0x40 };

/* ---- Addresses ---- */

/* First sector and count of the command's registers; false when the disk has no such sectors. */
static bool decode_address(IDEDrive *d, bool lba48)
{
    IDEChannel *c = d->channel;
    const IDETaskFile *t = &d->tf;
    if (lba48) {
        c->lba = t->lba_low | (uint64_t)t->lba_mid << 8 | (uint64_t)t->lba_high << 16 | (uint64_t)t->hob_low << 24 |
                 (uint64_t)t->hob_mid << 32 | (uint64_t)t->hob_high << 40;
        c->left = (uint64_t)t->hob_count << 8 | t->count;
        c->left = c->left ? c->left : 65536;
    } else {
        c->left = t->count ? t->count : 256;
        if (t->device & DEV_LBA) {
            c->lba = t->lba_low | (uint32_t)t->lba_mid << 8 | (uint32_t)t->lba_high << 16 | (uint32_t)(t->device & 15) << 24;
        } else {
            uint32_t cylinder = t->lba_mid | (uint32_t)t->lba_high << 8, head = t->device & 15;
            if (t->lba_low == 0 || t->lba_low > d->cur_sectors || head >= d->cur_heads)
                return false;
            c->lba = ((uint64_t)cylinder * d->cur_heads + head) * d->cur_sectors + t->lba_low - 1;
        }
    }
    return c->lba < d->nsectors && c->left <= d->nsectors - c->lba;
}

/* Where a failed command stopped, in the registers it was given in. */
static void store_address(IDEDrive *d, bool lba48)
{
    IDEChannel *c = d->channel;
    IDETaskFile *t = &d->tf;
    if (lba48 || t->device & DEV_LBA) {
        t->lba_low = (uint8_t)c->lba;
        t->lba_mid = (uint8_t)(c->lba >> 8);
        t->lba_high = (uint8_t)(c->lba >> 16);
        if (lba48) {
            t->hob_low = (uint8_t)(c->lba >> 24);
            t->hob_mid = (uint8_t)(c->lba >> 32);
            t->hob_high = (uint8_t)(c->lba >> 40);
        } else {
            t->device = (uint8_t)((t->device & 0xf0) | (c->lba >> 24 & 15));
        }
    } else if (d->cur_heads && d->cur_sectors) {
        uint64_t track = c->lba / d->cur_sectors, cylinder = track / d->cur_heads;
        t->lba_low = (uint8_t)(c->lba % d->cur_sectors + 1);
        t->lba_mid = (uint8_t)cylinder;
        t->lba_high = (uint8_t)(cylinder >> 8);
        t->device = (uint8_t)((t->device & 0xf0) | track % d->cur_heads);
    }
}

static void io_error(IDEDrive *d, int ret)
{
    store_address(d, false);
    ide_fail(d, ret == -ENOMEDIUM ? IDE_E_ABRT : IDE_E_UNC);
}

/* ---- PIO ---- */

static void pio_read_step(IDEDrive *d);
static void pio_read_window(IDEDrive *d, uint32_t start);

static void advance(IDEDrive *d)
{
    d->channel->lba += d->channel->step;
    d->channel->left -= d->channel->step;
}

static void pio_read_emptied(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    advance(d);
    if (c->left && c->end < c->loaded)
        pio_read_window(d, c->end);
    else if (c->left)
        pio_read_step(d);
}

/* Shows the guest the next of what was loaded. */
static void pio_read_window(IDEDrive *d, uint32_t start)
{
    IDEChannel *c = d->channel;
    c->step = (uint32_t)MIN(c->left, c->per_irq);
    ide_pio_at(d, start, c->step * IDE_SECTOR, true, pio_read_emptied);
    ide_irq_raise(d);
}

static void pio_read_loaded(IDEDrive *d, int ret)
{
    IDEChannel *c = d->channel;
    if (ret < 0 && c->ahead > c->per_irq) { /* the guest gets what lies before the bad place */
        c->ahead = c->per_irq;
        pio_read_step(d);
    } else if (ret < 0) {
        io_error(d, ret);
    } else {
        pio_read_window(d, 0);
    }
}

/* One way to the disk for as many windows as fit in the buffer. */
static void pio_read_step(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    c->loaded = (uint32_t)MIN(c->left, c->ahead) * IDE_SECTOR;
    ide_block_io(d, BLOCK_READ, c->lba * IDE_SECTOR, c->loaded, pio_read_loaded);
}

static void pio_write_filled(IDEDrive *d);

static void pio_write_window(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    c->step = (uint32_t)MIN(c->left, c->per_irq);
    ide_pio(d, c->step * IDE_SECTOR, false, pio_write_filled);
}

static void pio_written(IDEDrive *d, int ret)
{
    if (ret < 0) {
        io_error(d, ret);
        return;
    }
    advance(d);
    if (!d->channel->left) {
        ide_ok(d);
        return;
    }
    pio_write_window(d);
    ide_irq_raise(d);
}

static void pio_write_filled(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    ide_block_io(d, BLOCK_WRITE, c->lba * IDE_SECTOR, c->step * IDE_SECTOR, pio_written);
}

static void pio_transfer(IDEDrive *d, bool write, bool lba48, uint32_t per_irq)
{
    if (!per_irq) {
        ide_fail(d, IDE_E_ABRT);
    } else if (!decode_address(d, lba48)) {
        ide_fail(d, IDE_E_IDNF);
    } else {
        d->channel->per_irq = per_irq;
        d->channel->ahead = IDE_CHUNK / IDE_SECTOR / per_irq * per_irq;
        if (write)
            pio_write_window(d);
        else
            pio_read_step(d);
    }
}

/* ---- DMA ---- */

static void dma_finished(IDEDrive *d, int ret)
{
    if (ret < 0)
        io_error(d, ret);
    else
        ide_ok(d);
    ide_dma_end(d, ret < 0);
}

static void ata_dma_step(IDEDrive *d);

static void dma_stepped(IDEDrive *d, int ret)
{
    IDEChannel *c = d->channel;
    if (ret == 0 && c->to_guest && !c->ops->dma(c->opaque, c->buf, c->step * IDE_SECTOR, true))
        ret = -EFAULT;
    if (ret == 0)
        advance(d);
    if (ret < 0 || !c->left)
        dma_finished(d, ret);
    else
        ata_dma_step(d);
}

static void ata_dma_step(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    c->step = (uint32_t)MIN(c->left, IDE_CHUNK / IDE_SECTOR);
    if (!c->to_guest && !c->ops->dma(c->opaque, c->buf, c->step * IDE_SECTOR, false)) {
        dma_finished(d, -EFAULT);
        return;
    }
    ide_block_io(d, c->to_guest ? BLOCK_READ : BLOCK_WRITE, c->lba * IDE_SECTOR, c->step * IDE_SECTOR, dma_stepped);
}

static void dma_transfer(IDEDrive *d, bool write, bool lba48)
{
    if (!decode_address(d, lba48)) {
        ide_fail(d, IDE_E_IDNF);
        return;
    }
    d->channel->to_guest = !write;
    ide_dma_begin(d, ata_dma_step);
}

/* ---- Without data ---- */

static void simply_done(IDEDrive *d, int ret)
{
    if (ret < 0)
        io_error(d, ret);
    else
        ide_ok(d);
}

static void verify(IDEDrive *d, bool lba48)
{
    if (decode_address(d, lba48))
        ide_ok(d);
    else
        ide_fail(d, IDE_E_IDNF);
}

static void set_features(IDEDrive *d)
{
    uint8_t mode = d->tf.count & 7;
    switch (d->tf.feature) {
    case 0x02: blk_set_write_cache(d->blk, true); break;
    case 0x82:
        blk_set_write_cache(d->blk, false);
        ide_block_io(d, BLOCK_FLUSH, 0, 0, simply_done);
        return;
    case 0x03:
        d->mode_mdma = d->mode_udma = 0;
        if (d->tf.count >> 3 == 4 && mode <= 2)
            d->mode_mdma = mode + 1;
        else if (d->tf.count >> 3 == 8 && mode <= 5)
            d->mode_udma = mode + 1;
        else if (d->tf.count >> 3 > 1) {
            ide_fail(d, IDE_E_ABRT);
            return;
        }
        break;
    case 0x05: case 0x85: case 0x42: case 0xc2: case 0xaa: case 0x55: case 0x66: case 0xcc: break;
    default: ide_fail(d, IDE_E_ABRT); return;
    }
    ide_ok(d);
}

static void native_max(IDEDrive *d, bool lba48)
{
    d->channel->lba = lba48 ? d->nsectors - 1 : MIN(d->nsectors, 1u << 28) - 1;
    d->tf.device |= DEV_LBA;
    store_address(d, lba48);
    ide_ok(d);
}

/* DATA SET MANAGEMENT, TRIM: ranges of 48-bit LBA and 16-bit count. Sent through the DMA engine. */
static void trim_step(IDEDrive *d, int ret)
{
    IDEChannel *c = d->channel;
    const uint32_t n = c->step * IDE_SECTOR / 8;
    while (ret == 0 && c->pos < n) {
        uint64_t range, lba, count;
        memcpy(&range, c->buf + 8 * c->pos++, 8);
        lba = GUINT64_FROM_LE(range) & 0xffffffffffffull;
        count = GUINT64_FROM_LE(range) >> 48;
        if (count && lba < d->nsectors && count <= d->nsectors - lba) {
            ide_block_io(d, BLOCK_DISCARD, lba * IDE_SECTOR, (uint32_t)count * IDE_SECTOR, trim_step);
            return;
        }
        if (count)
            ret = -EIO;
    }
    c->pos = 0;
    dma_finished(d, ret);
}

static void trim_dma_step(IDEDrive *d)
{
    IDEChannel *c = d->channel;
    c->step = d->tf.count;
    c->pos = 0;
    trim_step(d, c->ops->dma(c->opaque, c->buf, c->step * IDE_SECTOR, false) ? 0 : -EFAULT);
}

static void trim(IDEDrive *d)
{
    if (d->tf.feature != 1 || !d->tf.count) {
        ide_fail(d, IDE_E_ABRT);
        return;
    }
    d->channel->to_guest = false;
    ide_dma_begin(d, trim_dma_step);
}

/* ---- READ LOG EXT: the directory, and how the last queued command failed (Serial ATA 3.2, 13.7.4) ---- */

enum { LOG_DIRECTORY = 0x00, LOG_QUEUE_ERROR = 0x10, LOG_NOT_QUEUED = 0x80 };

static void fill_log(IDEDrive *d, uint8_t *b)
{
    const IDEQueueError *e = &d->queue_error;
    memset(b, 0, IDE_SECTOR);
    if (d->tf.lba_low == LOG_DIRECTORY) {
        b[0] = 1; /* version */
        b[2 * LOG_QUEUE_ERROR] = 1;
        return;
    }
    b[0] = e->valid ? e->tag : LOG_NOT_QUEUED;
    b[2] = e->status;
    b[3] = e->error;
    for (unsigned i = 0; i < 3; i++) {
        b[4 + i] = (uint8_t)(e->lba >> 8 * i);
        b[8 + i] = (uint8_t)(e->lba >> (24 + 8 * i));
    }
    b[7] = DEV_LBA;
    b[12] = (uint8_t)e->count;
    b[13] = (uint8_t)(e->count >> 8);
    for (unsigned i = 0; i < IDE_SECTOR - 1; i++)
        b[IDE_SECTOR - 1] = (uint8_t)(b[IDE_SECTOR - 1] - b[i]);
}

static void read_log(IDEDrive *d)
{
    if (!d->channel->queues || d->tf.count != 1 || d->tf.hob_count || d->tf.lba_mid || (d->tf.lba_low != LOG_DIRECTORY && d->tf.lba_low != LOG_QUEUE_ERROR)) {
        ide_fail(d, IDE_E_ABRT);
        return;
    }
    fill_log(d, d->channel->buf);
    ide_pio(d, IDE_SECTOR, true, NULL);
    ide_irq_raise(d);
}

/* ---- IDENTIFY DEVICE ---- */

void ide_string(uint16_t *w, const char *text, unsigned words)
{
    size_t n = strlen(text);
    for (unsigned i = 0; i < words * 2; i += 2) {
        uint8_t a = i < n ? (uint8_t)text[i] : ' ', b = i + 1 < n ? (uint8_t)text[i + 1] : ' ';
        w[i / 2] = GUINT16_TO_LE((uint16_t)(a << 8 | b));
    }
}

void ata_identify(const IDEDrive *d, uint16_t *w)
{
    uint32_t lba28 = (uint32_t)MIN(d->nsectors, (1u << 28) - 1), chs = d->cylinders * d->cur_heads * d->cur_sectors;
    const struct {
        uint8_t n;
        uint16_t value;
    } rows[] = {
        { 0, 0x40 }, { 1, (uint16_t)d->cylinders }, { 3, (uint16_t)d->heads }, { 4, (uint16_t)(512 * d->sectors) }, { 5, 512 },
        { 6, (uint16_t)d->sectors }, { 20, 3 }, { 21, 512 }, { 22, 4 }, { 47, 0x8000 | 16 }, { 48, 1 }, { 49, 0x0b00 }, { 51, 0x200 },
        { 52, 0x200 }, { 53, 7 }, { 54, (uint16_t)d->cylinders }, { 55, d->cur_heads }, { 56, d->cur_sectors }, { 57, (uint16_t)chs },
        { 58, (uint16_t)(chs >> 16) }, { 59, d->multiple ? 0x100 | d->multiple : 0 }, { 60, (uint16_t)lba28 }, { 61, (uint16_t)(lba28 >> 16) },
        { 63, (uint16_t)(7 | (d->mode_mdma ? 0x80 << d->mode_mdma : 0)) }, { 64, 3 }, { 65, 120 }, { 66, 120 }, { 67, 120 }, { 68, 120 },
        { 80, 0xf0 }, { 81, 0x16 }, { 82, 0x4020 }, { 83, 0x7400 }, { 84, 0x4000 },
        { 85, (uint16_t)(0x4000 | (blk_write_cache(d->blk) ? 0x20 : 0)) }, { 86, 0x3400 }, { 87, 0x4000 },
        { 88, (uint16_t)(0x3f | (d->mode_udma ? 0x80 << d->mode_udma : 0)) }, { 93, 0x600d }, { 100, (uint16_t)d->nsectors },
        { 101, (uint16_t)(d->nsectors >> 16) }, { 102, (uint16_t)(d->nsectors >> 32) }, { 103, (uint16_t)(d->nsectors >> 48) },
        { 105, 1 }, { 106, 0x6000 }, { 169, 1 }, { 217, 1 },
    };
    memset(w, 0, 512);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        w[rows[i].n] = GUINT16_TO_LE(rows[i].value);
    if (d->channel->queues) {
        w[75] = GUINT16_TO_LE(31);              /* 32 queued commands */
        w[76] = GUINT16_TO_LE(1 << 8 | 1 << 1); /* which it takes, over a link of the first generation */
        w[84] = w[87] = GUINT16_TO_LE(0x4020);  /* READ LOG EXT */
        w[93] = 0;                              /* no cable */
    }
    ide_string(w + 10, d->serial ? d->serial : "", 10);
    ide_string(w + 23, d->version ? d->version : "2.5+", 4);
    ide_string(w + 27, d->model ? d->model : "QEMU HARDDISK", 20);
}

static void identify(IDEDrive *d)
{
    uint16_t *w = (uint16_t *)d->channel->buf;
    if (d->cdrom)
        atapi_identify(d, w);
    else
        ata_identify(d, w);
    ide_pio(d, 512, true, NULL);
    ide_irq_raise(d);
}

/* ---- Dispatch ---- */

static void shared_command(IDEDrive *d, uint8_t cmd)
{
    switch (cmd) {
    case 0x00: ide_fail(d, IDE_E_ABRT); break;
    case 0x90:
        ide_signature(d);
        ide_ok(d);
        d->tf.error = 1;
        break;
    case 0xe0: case 0xe1: case 0xe2: case 0xe3: case 0x94: case 0x95: case 0x96: case 0x97: ide_ok(d); break;
    case 0xe6: case 0x99:
        d->asleep = true;
        ide_ok(d);
        break;
    case 0xe5: case 0x98:
        d->tf.count = 0xff;
        ide_ok(d);
        break;
    case 0xef: set_features(d); break;
    case 0xe7: case 0xea:
        if (blk_root(d->blk))
            ide_block_io(d, BLOCK_FLUSH, 0, 0, simply_done);
        else
            ide_ok(d);
        break;
    default: ide_fail(d, IDE_E_ABRT); break;
    }
}

static void cd_command(IDEDrive *d, uint8_t cmd)
{
    switch (cmd) {
    case 0x08: /* DEVICE RESET */
        ide_signature(d);
        d->tf.status = 0;
        d->tf.error = 1;
        break;
    case 0xa0: atapi_packet(d); break;
    case 0xa1: identify(d); break;
    case 0xec: case 0x20: case 0x21: /* aborted with the signature, so that drivers learn what this is */
        ide_signature(d);
        ide_fail(d, IDE_E_ABRT);
        break;
    default: shared_command(d, cmd); break;
    }
}

void ata_command(IDEDrive *d, uint8_t cmd)
{
    d->tf.error = 0;
    d->tf.status &= (uint8_t)~(IDE_ERR | IDE_DF);
    if (d->cdrom) {
        cd_command(d, cmd);
        return;
    }
    switch (cmd) {
    case 0x20: case 0x21: pio_transfer(d, false, false, 1); break;
    case 0x24: pio_transfer(d, false, true, 1); break;
    case 0x30: case 0x31: case 0x3c: pio_transfer(d, true, false, 1); break;
    case 0x34: pio_transfer(d, true, true, 1); break;
    case 0xc4: pio_transfer(d, false, false, d->multiple); break;
    case 0xc5: pio_transfer(d, true, false, d->multiple); break;
    case 0x29: pio_transfer(d, false, true, d->multiple); break;
    case 0x39: case 0xce: pio_transfer(d, true, true, d->multiple); break;
    case 0xc8: case 0xc9: dma_transfer(d, false, false); break;
    case 0xca: case 0xcb: dma_transfer(d, true, false); break;
    case 0x25: dma_transfer(d, false, true); break;
    case 0x35: case 0x3d: dma_transfer(d, true, true); break;
    case 0x06: trim(d); break;
    case 0x40: case 0x41: verify(d, false); break;
    case 0x42: verify(d, true); break;
    case 0xc6:
        if (d->tf.count > 16 || (d->tf.count & (d->tf.count - 1))) {
            ide_fail(d, IDE_E_ABRT);
        } else {
            d->multiple = d->tf.count;
            ide_ok(d);
        }
        break;
    case 0x91:
        d->cur_sectors = d->tf.count;
        d->cur_heads = (uint8_t)((d->tf.device & 15) + 1);
        if (d->cur_sectors)
            ide_ok(d);
        else
            ide_fail(d, IDE_E_ABRT);
        break;
    case 0xec: identify(d); break;
    case 0xf8: native_max(d, false); break;
    case 0x27: native_max(d, true); break;
    case 0x2f: read_log(d); break;
    default:
        if ((cmd & 0xf0) == 0x10 || (cmd & 0xf0) == 0x70) /* RECALIBRATE, SEEK */
            ide_ok(d);
        else
            shared_command(d, cmd);
        break;
    }
}
