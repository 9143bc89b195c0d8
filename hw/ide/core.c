/* SPDX-License-Identifier: MIT */
/*
 * The register file of an ATA channel: task file, device selection, reset, interrupts, PIO windows and the hand-over to the owner's DMA engine
 * (ATA/ATAPI-7 volume 1, chapters 5-7; volume 2 for the parallel interface). Commands are in ata.c and atapi.c.
 * Not modelled: overlapped and queued commands, host protected area passwords, security.
 */
#include "hw/boot-order.h"
#include "hw/ide.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { CTL_NIEN = 2, CTL_SRST = 4, CTL_HOB = 0x80, DEV_DEV = 0x10 };

static IDEDrive *selected(IDEChannel *c)
{
    return c->drive[c->selected];
}

/* ---- Interrupts and ends of commands ---- */

static void set_irq(IDEChannel *c, bool level)
{
    c->irq_level = level;
    c->ops->irq(c->opaque, level && !(c->control & CTL_NIEN));
}

void ide_irq_raise(IDEDrive *d)
{
    set_irq(d->channel, true);
}

void ide_ok(IDEDrive *d)
{
    d->tf.status = IDE_DRDY | IDE_DSC;
    d->tf.error = 0;
    ide_irq_raise(d);
}

void ide_fail(IDEDrive *d, uint8_t error)
{
    d->tf.status = IDE_DRDY | IDE_DSC | IDE_ERR;
    d->tf.error = error;
    ide_irq_raise(d);
}

/* ---- Data ---- */

void ide_pio_at(IDEDrive *d, uint32_t start, uint32_t len, bool to_guest, void (*done)(IDEDrive *d))
{
    IDEChannel *c = d->channel;
    c->pos = start;
    c->end = start + len;
    c->to_guest = to_guest;
    c->pio_done = done;
    d->tf.status = (uint8_t)((d->tf.status & ~IDE_BSY) | IDE_DRDY | IDE_DSC | IDE_DRQ);
}

void ide_pio(IDEDrive *d, uint32_t len, bool to_guest, void (*done)(IDEDrive *d))
{
    ide_pio_at(d, 0, len, to_guest, done);
}

static void window_closed(IDEChannel *c, IDEDrive *d)
{
    void (*done)(IDEDrive *) = c->pio_done;
    c->pio_done = NULL;
    d->tf.status &= (uint8_t)~IDE_DRQ;
    if (done)
        done(d);
}

void ide_pio_moved(IDEChannel *c)
{
    c->pos = c->end;
    window_closed(c, selected(c));
}

static uint32_t data_read(IDEChannel *c, unsigned size)
{
    IDEDrive *d = selected(c);
    uint32_t v = 0;
    if (!d || !(d->tf.status & IDE_DRQ) || !c->to_guest || c->dma_wanted)
        return 0;
    unsigned n = MIN(size, c->end - c->pos);
    memcpy(&v, c->buf + c->pos, n);
    c->pos += n;
    if (c->pos >= c->end)
        window_closed(c, d);
    return v;
}

static void data_write(IDEChannel *c, uint32_t v, unsigned size)
{
    IDEDrive *d = selected(c);
    if (!d || !(d->tf.status & IDE_DRQ) || c->to_guest || c->dma_wanted)
        return;
    unsigned n = MIN(size, c->end - c->pos);
    memcpy(c->buf + c->pos, &v, n);
    c->pos += n;
    if (c->pos >= c->end)
        window_closed(c, d);
}

static void block_done(BlockRequest *r, int ret)
{
    IDEDrive *d = r->opaque;
    IDEChannel *c = d->channel;
    void (*done)(IDEDrive *, int) = c->step_done;
    c->busy = false;
    c->step_done = NULL;
    if (c->reset_pending) { /* the guest gave up on it */
        c->reset_pending = false;
        return;
    }
    d->tf.status &= (uint8_t)~IDE_BSY;
    done(d, ret);
}

void ide_block_io(IDEDrive *d, BlockOp op, uint64_t offset, uint32_t bytes, void (*done)(IDEDrive *d, int ret))
{
    IDEChannel *c = d->channel;
    uint32_t data = op == BLOCK_DISCARD ? 0 : bytes;
    c->part = (struct iovec){ c->buf, data };
    c->req = (BlockRequest){ .op = op, .offset = offset, .size = bytes, .vec = { &c->part, 1, data }, .done = block_done, .opaque = d };
    c->step_done = done;
    c->busy = true;
    d->tf.status = (uint8_t)((d->tf.status & ~(IDE_DRQ | IDE_ERR)) | IDE_BSY);
    blk_submit(d->blk, &c->req);
}

void ide_dma_begin(IDEDrive *d, void (*step)(IDEDrive *d))
{
    IDEChannel *c = d->channel;
    c->dma_step = step;
    c->dma_wanted = true;
    d->tf.status = IDE_DRDY | IDE_DSC | IDE_DRQ;
    c->ops->dma_ready(c->opaque);
}

void ide_dma_end(IDEDrive *d, bool error)
{
    IDEChannel *c = d->channel;
    c->dma_wanted = c->dma_running = false;
    c->ops->dma_done(c->opaque, error);
}

void ide_dma_start(IDEChannel *c)
{
    IDEDrive *d = selected(c);
    if (!d || !c->dma_wanted || c->dma_running)
        return;
    c->dma_running = true;
    c->dma_step(d);
}

/* Waits for data under way: the guest may reuse its memory. */
static void settle(IDEChannel *c)
{
    IDEDrive *d = c->busy ? c->req.opaque : NULL;
    if (!d)
        return;
    c->reset_pending = true;
    blk_cancel(d->blk);
    c->reset_pending = false;
}

void ide_dma_stop(IDEChannel *c)
{
    settle(c);
    c->dma_running = false;
}

/* ---- Reset ---- */

void ide_signature(IDEDrive *d)
{
    IDETaskFile *t = &d->tf;
    t->device &= DEV_DEV;
    t->count = t->lba_low = 1;
    t->lba_mid = d->cdrom ? 0x14 : 0;
    t->lba_high = d->cdrom ? 0xeb : 0;
}

static void drive_reset(IDEDrive *d, bool hard)
{
    memset(&d->tf, 0, sizeof(d->tf));
    ide_signature(d);
    d->tf.error = 1; /* diagnostics passed */
    d->tf.status = d->cdrom ? 0 : IDE_DRDY | IDE_DSC;
    d->asleep = false;
    if (hard) {
        d->multiple = 0;
        d->cur_heads = (uint8_t)d->heads;
        d->cur_sectors = (uint8_t)d->sectors;
        d->mode_udma = d->mode_mdma = 0;
        d->queue_error = (IDEQueueError){ 0 };
        d->locked = d->tray_open = false;
        d->unit_attention = d->cdrom && blk_root(d->blk);
    }
}

static void stop_all(IDEChannel *c)
{
    settle(c);
    c->pos = c->end = 0;
    c->pio_done = NULL;
    c->dma_wanted = c->dma_running = false;
    c->left = 0;
}

void ide_cancel(IDEChannel *c)
{
    stop_all(c);
    for (unsigned i = 0; i < 2; i++)
        if (c->drive[i])
            c->drive[i]->tf.status &= (uint8_t)~(IDE_BSY | IDE_DRQ);
}

void ide_abort(IDEChannel *c)
{
    IDEDrive *d = selected(c);
    stop_all(c);
    if (d)
        ide_fail(d, IDE_E_ABRT);
}

void ide_channel_reset(IDEChannel *c)
{
    stop_all(c);
    c->selected = 0;
    c->control = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (c->drive[i])
            drive_reset(c->drive[i], true);
    }
    set_irq(c, false);
}

/* ---- Registers ---- */

uint8_t ide_alt_status(IDEChannel *c)
{
    IDEDrive *d = selected(c);
    if (d)
        return d->tf.status;
    return 0; /* nothing drives the bus; the other drive answers for a missing one */
}

void ide_control_write(IDEChannel *c, uint8_t value)
{
    bool was = c->control & CTL_SRST, now = value & CTL_SRST;
    c->control = value;
    if (!was && now) {
        stop_all(c);
        for (unsigned i = 0; i < 2; i++) {
            if (c->drive[i])
                c->drive[i]->tf.status = IDE_BSY;
        }
    } else if (was && !now) {
        c->selected = 0;
        for (unsigned i = 0; i < 2; i++) {
            if (c->drive[i])
                drive_reset(c->drive[i], false);
        }
    }
    set_irq(c, c->irq_level && !now);
}

uint32_t ide_read(IDEChannel *c, unsigned reg, unsigned size)
{
    IDEDrive *d = selected(c);
    if (reg == 0)
        return data_read(c, size);
    if (!c->drive[0] && !c->drive[1])
        return reg == 7 ? 0 : 0xff;
    if (!d)
        return 0;
    bool hob = c->control & CTL_HOB;
    const IDETaskFile *t = &d->tf;
    switch (reg) {
    case 1: return hob ? t->hob_feature : t->error;
    case 2: return hob ? t->hob_count : t->count;
    case 3: return hob ? t->hob_low : t->lba_low;
    case 4: return hob ? t->hob_mid : t->lba_mid;
    case 5: return hob ? t->hob_high : t->lba_high;
    case 6: return t->device | 0xa0;
    default:
        set_irq(c, false);
        return t->status;
    }
}

void ide_command(IDEChannel *c, uint8_t cmd)
{
    IDEDrive *d = selected(c);
    if (!d)
        return;
    if (d->tf.status & (IDE_BSY | IDE_DRQ) && !(cmd == 0x08 && d->cdrom)) {
        guest_error("ide: command %02x while busy\n", cmd);
        return;
    }
    if (cmd == 0x08 && d->cdrom)
        stop_all(c);
    set_irq(c, false);
    c->left = 0;
    ata_command(d, cmd);
}

/* Both drives see what is written to the task file. */
static void write_both(IDEChannel *c, size_t now, size_t before, uint8_t value)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!c->drive[i])
            continue;
        uint8_t *t = (uint8_t *)&c->drive[i]->tf;
        t[before] = t[now];
        t[now] = value;
    }
}

void ide_write(IDEChannel *c, unsigned reg, uint32_t value, unsigned size)
{
    uint8_t v = (uint8_t)value;
    if (reg)
        c->control &= (uint8_t)~CTL_HOB;
    switch (reg) {
    case 0: data_write(c, value, size); break;
    case 1: write_both(c, offsetof(IDETaskFile, feature), offsetof(IDETaskFile, hob_feature), v); break;
    case 2: write_both(c, offsetof(IDETaskFile, count), offsetof(IDETaskFile, hob_count), v); break;
    case 3: write_both(c, offsetof(IDETaskFile, lba_low), offsetof(IDETaskFile, hob_low), v); break;
    case 4: write_both(c, offsetof(IDETaskFile, lba_mid), offsetof(IDETaskFile, hob_mid), v); break;
    case 5: write_both(c, offsetof(IDETaskFile, lba_high), offsetof(IDETaskFile, hob_high), v); break;
    case 6:
        if (c->busy || c->dma_running)
            break;
        c->selected = v & DEV_DEV ? 1 : 0;
        for (unsigned i = 0; i < 2; i++) {
            if (c->drive[i])
                c->drive[i]->tf.device = v;
        }
        break;
    default: ide_command(c, v); break;
    }
}

/* ---- Drives ---- */

static bool channel_has_room(const Bus *bus)
{
    const IDEChannel *c = container_of(bus, IDEChannel, bus);
    return !c->drive[0] || (c->units > 1 && !c->drive[1]);
}

char *ide_bus_name(const Device *owner, unsigned number)
{
    if (owner->id)
        return g_strdup_printf("%s.%u", owner->id, number);
    for (unsigned n = 0;; n++) {
        char *name = g_strdup_printf("ide.%u", n);
        if (!bus_find(name))
            return name;
        g_free(name);
    }
}

void ide_channel_init(IDEChannel *c, unsigned number, const char *name, Device *owner, const IDEHostOps *ops, void *opaque)
{
    c->number = number;
    bus_init(&c->bus, BUS_IDE, name, owner);
    c->bus.has_room = channel_has_room;
    c->units = 2;
    c->ops = ops;
    c->opaque = opaque;
}

/* A translation as BIOSes expect it: 16 heads, 63 sectors, at most 16383 cylinders. */
static void guess_geometry(IDEDrive *d)
{
    if (!d->heads)
        d->heads = 16;
    if (!d->sectors)
        d->sectors = 63;
    if (!d->cylinders)
        d->cylinders = (uint32_t)CLAMP(d->nsectors / (d->heads * d->sectors), 2, 16383);
}

static bool check_options(IDEDrive *d, Error **errp)
{
    if (!d->blk && !d->cdrom) {
        error_setg(errp, "No drive specified");
        return false;
    }
    if (d->heads > 16 || d->sectors > 255 || d->cylinders > 65535) {
        error_setg(errp, "cyls must be between 1 and 65535, heads between 1 and 16, secs between 1 and 255");
        return false;
    }
    if (!d->cdrom && blk_read_only(d->blk)) {
        error_setg(errp, "Block node is read-only");
        return false;
    }
    if (!d->cdrom && !blk_root(d->blk)) {
        error_setg(errp, "Device needs media, but drive is empty");
        return false;
    }
    return true;
}

static const BlockDevOps disk_block_ops = { .io_status = true };

static bool drive_realize(Device *dev, Error **errp)
{
    IDEDrive *d = (IDEDrive *)dev;
    IDEChannel *c = container_of(dev->parent, IDEChannel, bus);
    static unsigned serial;
    d->cdrom = !strcmp(dev->type->name, "ide-cd");
    if (d->unit < 0)
        d->unit = c->drive[0] ? 1 : 0;
    if (d->unit >= (int)c->units) {
        error_setg(errp, "Can't create IDE unit %d, bus supports only %u units", d->unit, c->units);
        return false;
    }
    if (c->drive[d->unit]) {
        error_setg(errp, "IDE unit %d is in use", d->unit);
        return false;
    }
    if (!check_options(d, errp))
        return false;
    if (!d->blk && !(d->blk = blk_new(NULL, errp)))
        return false;
    if (!blk_attach(d->blk, dev, d->cdrom ? &atapi_block_ops : &disk_block_ops, errp))
        return false;
    d->channel = c;
    d->nsectors = blk_size(d->blk) / IDE_SECTOR;
    if (!d->cdrom)
        guess_geometry(d);
    serial++;
    if (!d->serial) {
        char text[24];
        snprintf(text, sizeof(text), "QM%05u", serial);
        device_set_str(dev, "serial", text);
    }
    g_autofree char *leaf = g_strdup_printf("drive@%x/disk@%d", c->number, d->unit);
    if (!boot_order_add(dev, d->bootindex, leaf, errp)) {
        if (d->blk)
            blk_detach(d->blk, dev);
        return false;
    }
    c->drive[d->unit] = d;
    drive_reset(d, true);
    return true;
}

static void drive_unrealize(Device *dev)
{
    IDEDrive *d = (IDEDrive *)dev;
    boot_order_remove(dev);
    if (d->channel && d->channel->drive[d->unit] == d) {
        settle(d->channel);
        blk_cancel(d->blk); /* queued commands */
        d->channel->drive[d->unit] = NULL;
    }
    if (d->blk)
        blk_detach(d->blk, dev);
}

static const SavedField drive_saved[] = {
    SAVED_BYTES(IDEDrive, tf), SAVED_INT(IDEDrive, multiple), SAVED_INT(IDEDrive, cur_heads), SAVED_INT(IDEDrive, cur_sectors),
    SAVED_INT(IDEDrive, mode_udma), SAVED_INT(IDEDrive, mode_mdma), SAVED_INT(IDEDrive, smart), SAVED_INT(IDEDrive, asleep),
    SAVED_INT(IDEDrive, sense_key), SAVED_INT(IDEDrive, sense_asc), SAVED_INT(IDEDrive, sense_ascq), SAVED_INT(IDEDrive, locked),
    SAVED_INT(IDEDrive, tray_open), SAVED_INT(IDEDrive, medium_event), SAVED_INT(IDEDrive, unit_attention), SAVED_INT(IDEDrive, eject_request),
    SAVED_INT(IDEDrive, byte_limit), SAVED_END()
};

/* A command under way is not saved: who saves drains first, and what waits for the guest is told to start again. */
static void drive_loaded(Device *dev)
{
    IDEDrive *d = (IDEDrive *)dev;
    if (d->tf.status & (IDE_BSY | IDE_DRQ))
        d->tf.status = IDE_DRDY | IDE_DSC | IDE_ERR, d->tf.error = IDE_E_ABRT;
    if (!d->cur_sectors)
        d->cur_sectors = (uint8_t)d->sectors;
}

const SavedField ide_channel_saved[] = {
    SAVED_INT(IDEChannel, selected), SAVED_INT(IDEChannel, control), SAVED_INT(IDEChannel, irq_level), SAVED_END()
};

#define DRIVE_PROPS                                                                                                     \
    PROP_DRIVE("drive", IDEDrive, blk), PROP_STRING("serial", IDEDrive, serial), PROP_STRING("model", IDEDrive, model), \
        PROP_STRING("ver", IDEDrive, version), PROP_I32("unit", IDEDrive, unit, -1), \
        PROP_I32("bootindex", IDEDrive, bootindex, -1)

static const Property disk_props[] = {
    DRIVE_PROPS, PROP_U32("cyls", IDEDrive, cylinders, 0), PROP_U32("heads", IDEDrive, heads, 0), PROP_U32("secs", IDEDrive, sectors, 0), {}
};
static const Property cd_props[] = { DRIVE_PROPS, {} };

static const DeviceType disk_type = {
    .name = "ide-hd", .desc = "virtual IDE disk", .bus = BUS_IDE, .category = "Storage devices", .size = sizeof(IDEDrive),
    .props = disk_props, .saved = drive_saved, .realize = drive_realize, .unrealize = drive_unrealize, .post_load = drive_loaded,
};
device_type(disk_type)
static const DeviceType cd_type = {
    .name = "ide-cd", .desc = "virtual IDE CD-ROM", .bus = BUS_IDE, .category = "Storage devices", .size = sizeof(IDEDrive),
    .props = cd_props, .saved = drive_saved, .realize = drive_realize, .unrealize = drive_unrealize, .post_load = drive_loaded,
};
device_type(cd_type)

bool ide_add_drive(IDEChannel *c, unsigned unit, Drive *drive, Error **errp)
{
    Device *dev = device_new(drive->cdrom ? "ide-cd" : "ide-hd");
    dev->parent = &c->bus;
    device_set_drive(dev, "drive", drive->blk);
    device_set_u64(dev, "unit", unit);
    if (drive->serial)
        device_set_str(dev, "serial", drive->serial);
    drive->used = true;
    return device_realize(dev, errp);
}
