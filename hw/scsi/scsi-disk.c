/* SPDX-License-Identifier: MIT */
/*
 * SCSI disks (SBC-3) and what CD-ROM drives share with them: the table of commands, reading and writing, UNMAP and WRITE SAME, capacity,
 * start and stop, and the device types scsi-hd and scsi-cd. Not modelled: reservations, protection information, VERIFY that compares.
 */
#include "hw/scsi.h"
#include "util/error.h"
#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { MEDIUM = 1, WRITES = 2, DISK = 4, CD = 8 }; /* what a command needs */
#define WRITE_SAME_CHUNK (256 * KiB) /* of smaller blocks; larger ones go one by one */
#define UNMAP_DESCRIPTORS_MAX 255u

uint64_t scsi_blocks(const SCSIDevice *d)
{
    return blk_size(d->conf.blk) / d->block_size;
}

bool scsi_medium_present(const SCSIDevice *d)
{
    return !d->tray_open && blk_root(d->conf.blk);
}

/* ---- Results of disk I/O ---- */

static SCSISense sense_of(int ret)
{
    switch (ret) {
    case -ENOMEDIUM: return SENSE_NO_MEDIUM;
    case -ENOSPC: return SENSE_SPACE_ALLOCATION;
    case -EPERM: case -EROFS: return SENSE_WRITE_PROTECTED;
    default: return SENSE_IO_ERROR;
    }
}

/* True when the request can go on; it was failed otherwise. */
static bool io_went_well(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_fail(r, sense_of(ret));
        return false;
    }
    if (r->cancelled) {
        scsi_complete(r);
        return false;
    }
    return true;
}

static void submit(SCSIRequest *r, BlockOp op, uint64_t offset, uint64_t size, void (*done)(BlockRequest *b, int ret))
{
    r->blk.op = op;
    r->blk.offset = offset;
    r->blk.size = size;
    r->blk.done = done;
    r->blk.opaque = r;
    if (op == BLOCK_READ || op == BLOCK_WRITE)
        r->blk.vec = r->data;
    blk_submit(r->dev->conf.blk, &r->blk);
}

static void io_done(BlockRequest *b, int ret)
{
    SCSIRequest *r = b->opaque;
    if (!io_went_well(r, ret))
        return;
    if (b->op == BLOCK_READ || b->op == BLOCK_WRITE)
        r->transferred = r->data.size;
    scsi_complete(r);
}

/* Force unit access: the data is on disk before the command ends. */
static void fua_written(BlockRequest *b, int ret)
{
    SCSIRequest *r = b->opaque;
    if (!io_went_well(r, ret))
        return;
    r->transferred = r->data.size;
    submit(r, BLOCK_FLUSH, 0, 0, io_done);
}

/* ---- Transfers ---- */

typedef struct Range {
    uint64_t lba, blocks;
} Range;

/* Address and length of the commands that have them, by the group of the operation code. */
static Range range_of(const uint8_t *cdb)
{
    switch (cdb[0] >> 5) {
    case 0: return (Range){ scsi_be24(cdb + 1) & 0x1fffff, cdb[4] ? cdb[4] : 256 };
    case 1: case 2: return (Range){ scsi_be32(cdb + 2), scsi_be16(cdb + 7) };
    case 4: return (Range){ scsi_be64(cdb + 2), scsi_be32(cdb + 10) };
    default: return (Range){ scsi_be32(cdb + 2), scsi_be32(cdb + 6) };
    }
}

static bool range_ok(SCSIRequest *r, Range x)
{
    uint64_t end = scsi_blocks(r->dev);
    if (x.lba <= end && x.blocks <= end - x.lba)
        return true;
    scsi_fail(r, SENSE_LBA_OUT_OF_RANGE);
    return false;
}

/* Cuts the guest's memory to what the command moves; fails when there is less. */
static bool cut_data(SCSIRequest *r, uint64_t bytes, bool to_device)
{
    if (r->data.size < bytes || r->to_device != to_device) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return false;
    }
    BlockVec *v = &r->data;
    uint64_t excess = v->size - bytes;
    while (excess) {
        struct iovec *last = &v->v[v->n - 1];
        uint64_t step = MIN(excess, last->iov_len);
        last->iov_len -= step;
        excess -= step;
        if (!last->iov_len)
            v->n--;
    }
    v->size = bytes;
    return true;
}

static bool has_fua(const uint8_t *cdb)
{
    return cdb[0] >> 5 && cdb[1] & 8;
}

static void read_write(SCSIRequest *r, bool write)
{
    SCSIDevice *d = r->dev;
    Range x = range_of(r->cdb);
    if (r->cdb[0] >> 5 && r->cdb[1] & 0xe0) { /* protection information */
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    if (!range_ok(r, x))
        return;
    if (!x.blocks) {
        scsi_complete(r);
        return;
    }
    if (cut_data(r, x.blocks * d->block_size, write))
        submit(r, write ? BLOCK_WRITE : BLOCK_READ, x.lba * d->block_size, 0, write && has_fua(r->cdb) ? fua_written : io_done);
}

static void cmd_read(SCSIRequest *r)
{
    read_write(r, false);
}

static void cmd_write(SCSIRequest *r)
{
    read_write(r, true);
}

/* Without comparing, there is nothing that could be wrong with a disk image. */
static void cmd_verify(SCSIRequest *r)
{
    if (r->cdb[1] & 6)
        scsi_fail(r, SENSE_INVALID_FIELD);
    else if (range_ok(r, range_of(r->cdb)))
        scsi_complete(r);
}

static void cmd_seek(SCSIRequest *r)
{
    if (range_ok(r, (Range){ range_of(r->cdb).lba, 0 }))
        scsi_complete(r);
}

static void cmd_sync(SCSIRequest *r)
{
    submit(r, BLOCK_FLUSH, 0, 0, io_done);
}

/* ---- WRITE SAME ---- */

static void write_same_next(BlockRequest *b, int ret);

static uint64_t chunk_size(const SCSIDevice *d)
{
    return MAX(WRITE_SAME_CHUNK, d->block_size);
}

static void write_same_chunk(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    struct iovec *part = (struct iovec *)r->buffer;
    uint64_t len = MIN(r->left, chunk_size(d));
    part->iov_len = len;
    r->blk.vec = (BlockVec){ part, 1, len };
    r->blk.op = BLOCK_WRITE;
    r->blk.offset = r->position;
    r->blk.done = write_same_next;
    r->blk.opaque = r;
    r->position += len;
    r->left -= len;
    blk_submit(d->conf.blk, &r->blk);
}

static void write_same_next(BlockRequest *b, int ret)
{
    SCSIRequest *r = b->opaque;
    if (!io_went_well(r, ret))
        return;
    if (r->left)
        write_same_chunk(r);
    else
        scsi_complete(r);
}

static bool is_zero(const uint8_t *p, size_t len)
{
    return !p[0] && !memcmp(p, p + 1, len - 1);
}

static void cmd_write_same(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    Range x = range_of(r->cdb);
    bool no_data = r->cdb[0] == 0x93 && r->cdb[1] & 1;
    if (!x.blocks) {
        uint64_t end = scsi_blocks(d);
        x.blocks = x.lba < end ? end - x.lba : 0;
    }
    if (r->cdb[1] & 0xe6 || (r->cdb[1] & 0x10 && !(r->cdb[1] & 8))) { /* protection, physical or logical data; an anchor alone */
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    if (!range_ok(r, x) || (!no_data && !cut_data(r, d->block_size, true)))
        return;
    r->blk.unmap = r->cdb[1] & 8;
    r->transferred = no_data ? 0 : d->block_size;
    uint8_t *buf = g_malloc(sizeof(struct iovec) + chunk_size(d)), *block = buf + sizeof(struct iovec);
    memset(block, 0, d->block_size);
    if (!no_data)
        block_vec_to(&r->data, 0, block, d->block_size);
    r->buffer = buf;
    r->position = x.lba * d->block_size;
    r->left = x.blocks * d->block_size;
    if (is_zero(block, d->block_size)) {
        submit(r, BLOCK_WRITE_ZEROES, r->position, r->left, io_done);
        return;
    }
    for (uint64_t at = d->block_size; at < chunk_size(d); at += d->block_size)
        memcpy(block + at, block, d->block_size);
    *(struct iovec *)buf = (struct iovec){ block, 0 };
    write_same_chunk(r);
}

/* ---- UNMAP ---- */

static void unmap_next(BlockRequest *b, int ret);

static void unmap_step(SCSIRequest *r)
{
    const SCSIDevice *d = r->dev;
    while (r->left) {
        const uint8_t *p = (uint8_t *)r->buffer + 8 + 16 * r->step++;
        Range x = { scsi_be64(p), scsi_be32(p + 8) };
        r->left--;
        if (!range_ok(r, x))
            return;
        if (x.blocks) {
            submit(r, BLOCK_DISCARD, x.lba * d->block_size, x.blocks * d->block_size, unmap_next);
            return;
        }
    }
    scsi_complete(r);
}

static void unmap_next(BlockRequest *b, int ret)
{
    SCSIRequest *r = b->opaque;
    if (io_went_well(r, ret))
        unmap_step(r);
}

static void cmd_unmap(SCSIRequest *r)
{
    uint32_t len = scsi_be16(r->cdb + 7);
    if (r->cdb[1] & 1) { /* anchor */
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
    uint32_t descriptors = len < 8 ? 0 : scsi_be16(p + 2);
    if (len < 8 || descriptors % 16 || descriptors > len - 8 || scsi_be16(p) < descriptors + 6) {
        scsi_fail(r, SENSE_INVALID_PARAMETER);
        return;
    }
    if (descriptors / 16 > UNMAP_DESCRIPTORS_MAX) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    r->step = 0;
    r->left = descriptors / 16;
    unmap_step(r);
}

/* ---- Capacity ---- */

static void cmd_read_capacity10(SCSIRequest *r)
{
    uint8_t buf[8];
    uint64_t blocks = scsi_blocks(r->dev), last = blocks ? blocks - 1 : 0;
    scsi_put32(buf, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
    scsi_put32(buf + 4, r->dev->block_size);
    scsi_reply(r, buf, sizeof(buf), sizeof(buf));
}

static void cmd_service_action_in(SCSIRequest *r)
{
    const SCSIDevice *d = r->dev;
    uint8_t buf[32] = { 0 };
    if ((r->cdb[1] & 0x1f) != 0x10) { /* READ CAPACITY (16) */
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    uint64_t blocks = scsi_blocks(d);
    scsi_put64(buf, blocks ? blocks - 1 : 0);
    scsi_put32(buf + 8, d->block_size);
    buf[13] = (uint8_t)__builtin_ctzll(d->conf.physical_size / d->conf.logical_size);
    buf[14] = d->conf.discard_granularity && !d->cdrom ? 0x80 : 0; /* thin provisioning */
    scsi_reply(r, buf, sizeof(buf), scsi_be32(r->cdb + 10));
}

/* ---- Start, stop, removal ---- */

static void cmd_start_stop(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    bool start = r->cdb[4] & 1, load_eject = r->cdb[4] & 2;
    if (load_eject && d->removable && !(r->cdb[4] >> 4)) {
        if (!start && !d->tray_open && d->locked) {
            scsi_fail(r, blk_root(d->conf.blk) ? SENSE_REMOVAL_PREVENTED : SENSE(SENSE_NOT_READY, 0x53, 0x02));
            return;
        }
        if (d->tray_open == start) {
            d->tray_open = !start;
            blk_tray_moved(d->conf.blk);
        }
    }
    scsi_complete(r);
}

static void cmd_prevent(SCSIRequest *r)
{
    r->dev->locked = r->cdb[4] & 1;
    scsi_complete(r);
}

static void cmd_nothing(SCSIRequest *r)
{
    scsi_complete(r);
}

/* ---- The medium, as the user handles it ---- */

static void change_medium(void *dev, BlockBackend *b, bool loaded)
{
    SCSIDevice *d = dev;
    d->tray_open = !loaded;
    d->medium_changed = true;
    d->eject_request = false;
    scsi_set_unit_attention(d, SENSE_MEDIUM_CHANGED);
}

static void eject_request(void *dev, bool force)
{
    SCSIDevice *d = dev;
    d->eject_request = true;
    if (force)
        d->locked = false;
}

static bool tray_open(void *dev)
{
    return ((SCSIDevice *)dev)->tray_open;
}

static bool medium_locked(void *dev)
{
    return ((SCSIDevice *)dev)->locked;
}

static void resized(void *dev)
{
    scsi_set_unit_attention(dev, SENSE_CAPACITY_CHANGED);
}

static const BlockDevOps disk_block_ops = { .io_status = true, .resized = resized };
static const BlockDevOps removable_block_ops = {
    .io_status = true, .change_medium = change_medium, .eject_request = eject_request, .tray_open = tray_open, .medium_locked = medium_locked,
    .resized = resized,
};

/* ---- The table ---- */

static const struct {
    void (*run)(SCSIRequest *r);
    uint8_t needs;
} commands[256] = {
    [0x00] = { cmd_nothing, MEDIUM }, /* TEST UNIT READY */
    [0x04] = { cmd_nothing, MEDIUM | WRITES | DISK }, /* FORMAT UNIT */
    [0x08] = { cmd_read, MEDIUM }, [0x28] = { cmd_read, MEDIUM }, [0xa8] = { cmd_read, MEDIUM }, [0x88] = { cmd_read, MEDIUM },
    [0x0a] = { cmd_write, MEDIUM | WRITES | DISK }, [0x2a] = { cmd_write, MEDIUM | WRITES | DISK },
    [0xaa] = { cmd_write, MEDIUM | WRITES | DISK }, [0x8a] = { cmd_write, MEDIUM | WRITES | DISK },
    [0x2e] = { cmd_write, MEDIUM | WRITES | DISK }, [0x8e] = { cmd_write, MEDIUM | WRITES | DISK }, /* WRITE AND VERIFY */
    [0xae] = { cmd_write, MEDIUM | WRITES | DISK },
    [0x12] = { scsi_inquiry, 0 }, [0x15] = { scsi_mode_select, 0 }, [0x55] = { scsi_mode_select, 0 },
    [0x1a] = { scsi_mode_sense, 0 }, [0x5a] = { scsi_mode_sense, 0 },
    [0x16] = { cmd_nothing, DISK }, [0x17] = { cmd_nothing, DISK }, /* RESERVE, RELEASE: there is one initiator */
    [0x1b] = { cmd_start_stop, 0 }, [0x1e] = { cmd_prevent, 0 },
    [0x25] = { cmd_read_capacity10, MEDIUM }, [0x2b] = { cmd_seek, MEDIUM }, [0x2f] = { cmd_verify, MEDIUM },
    [0x8f] = { cmd_verify, MEDIUM }, [0xaf] = { cmd_verify, MEDIUM }, [0x35] = { cmd_sync, MEDIUM }, [0x91] = { cmd_sync, MEDIUM },
    [0x41] = { cmd_write_same, MEDIUM | WRITES | DISK }, [0x93] = { cmd_write_same, MEDIUM | WRITES | DISK },
    [0x42] = { cmd_unmap, MEDIUM | WRITES | DISK }, [0x9e] = { cmd_service_action_in, MEDIUM | DISK },
};

void scsi_execute(SCSIRequest *r)
{
    const SCSIDevice *d = r->dev;
    uint8_t needs = commands[r->cdb[0]].needs;
    if (d->cdrom && scsi_mmc_command(r))
        return;
    if (!commands[r->cdb[0]].run || (needs & DISK && d->cdrom))
        scsi_fail(r, SENSE_INVALID_OPCODE);
    else if (needs & MEDIUM && !scsi_medium_present(d))
        scsi_fail(r, d->tray_open ? SENSE(SENSE_NOT_READY, 0x3a, 0x02) : SENSE_NO_MEDIUM);
    else if (needs & WRITES && blk_read_only(d->conf.blk))
        scsi_fail(r, SENSE_WRITE_PROTECTED);
    else
        commands[r->cdb[0]].run(r);
}

/* ---- Devices ---- */

static bool choose_place(SCSIDevice *d, Error **errp)
{
    SCSIBus *bus = container_of(d->dev.parent, SCSIBus, bus);
    const SCSIHostOps *ops = bus->ops;
    if (d->channel > ops->max_channel || (d->id != UINT32_MAX && d->id > ops->max_target) || (d->lun != UINT32_MAX && d->lun > ops->max_lun)) {
        error_setg(errp, "%s", d->channel > ops->max_channel ? "bad scsi channel id" : d->id != UINT32_MAX && d->id > ops->max_target
                   ? "bad scsi device id" : "bad scsi device lun");
        return false;
    }
    if (d->id == UINT32_MAX) {
        uint32_t lun = d->lun == UINT32_MAX ? 0 : d->lun;
        for (d->id = 0; d->id <= ops->max_target && scsi_find(bus, d->channel, d->id, lun);)
            d->id++;
        if (d->id > ops->max_target) {
            error_setg(errp, "no free target");
            return false;
        }
        d->lun = lun;
    } else if (d->lun == UINT32_MAX) {
        for (d->lun = 0; d->lun <= ops->max_lun && scsi_find(bus, d->channel, d->id, d->lun);)
            d->lun++;
        if (d->lun > ops->max_lun) {
            error_setg(errp, "no free lun");
            return false;
        }
    } else if (scsi_find(bus, d->channel, d->id, d->lun)) {
        error_setg(errp, "lun already used by '%s'", scsi_find(bus, d->channel, d->id, d->lun)->dev.id);
        return false;
    }
    return true;
}

static void default_string(char **s, const char *text)
{
    if (!*s)
        *s = g_strdup(text);
}

static bool disk_realize(Device *dev, Error **errp)
{
    SCSIDevice *d = (SCSIDevice *)dev;
    SCSIBus *bus = container_of(dev->parent, SCSIBus, bus);
    d->cdrom = !strcmp(dev->type->name, "scsi-cd");
    d->removable |= d->cdrom;
    if (d->serial && strlen(d->serial) > 36) {
        error_setg(errp, "The serial number can't be longer than 36 characters");
        return false;
    }
    int flags = d->cdrom ? BLOCK_CONF_REMOVABLE | BLOCK_CONF_READ_ONLY : BLOCK_CONF_READ_ONLY;
    if (!choose_place(d, errp))
        return false;
    g_autofree char *leaf = g_strdup_printf("channel@%x/disk@%x,%x", d->channel, d->id, d->lun);
    if (!block_conf_init(&d->conf, dev, flags, d->cdrom ? 2048 : 512, leaf, d->removable ? &removable_block_ops : &disk_block_ops, errp))
        return false;
    d->block_size = (uint32_t)d->conf.logical_size;
    default_string(&d->vendor, "QEMU");
    default_string(&d->product, d->cdrom ? "QEMU CD-ROM" : "QEMU HARDDISK");
    default_string(&d->version, "2.5+");
    if (!d->device_id)
        d->device_id = g_strdup(d->serial && *d->serial ? d->serial : blk_name(d->conf.blk));
    if (!d->cdrom)
        block_conf_geometry(&d->conf, 65535);
    d->unit_attention = SENSE_POWER_ON;
    if (bus->ops->plugged)
        bus->ops->plugged(bus, d, true);
    return true;
}

static void disk_unrealize(Device *dev)
{
    SCSIDevice *d = (SCSIDevice *)dev;
    SCSIBus *bus = container_of(dev->parent, SCSIBus, bus);
    for (SCSIRequest *r = d->requests; r; r = r->next)
        scsi_cancel(r);
    block_conf_cleanup(&d->conf, dev);
    if (bus->ops->plugged)
        bus->ops->plugged(bus, d, false);
}

static void disk_reset(Device *dev)
{
    SCSIDevice *d = (SCSIDevice *)dev;
    scsi_device_reset(d);
    d->tray_open = false;
}

static void disk_loaded(Device *dev)
{
    SCSIDevice *d = (SCSIDevice *)dev;
    bool *const flags[] = { &d->locked, &d->tray_open, &d->medium_changed, &d->eject_request };
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        uint8_t byte;
        memcpy(&byte, flags[i], 1);
        *flags[i] = byte & 1;
    }
    if (!d->removable)
        d->tray_open = false;
}

#define SCSI_PROPS                                                                                                                  \
    BLOCK_CONF_PROPS(SCSIDevice, conf), PROP_U32("channel", SCSIDevice, channel, 0), PROP_U32("scsi-id", SCSIDevice, id, UINT32_MAX), \
        PROP_U32("lun", SCSIDevice, lun, UINT32_MAX), PROP_STRING("vendor", SCSIDevice, vendor),                                    \
        PROP_STRING("product", SCSIDevice, product), PROP_STRING("ver", SCSIDevice, version),                                       \
        PROP_STRING("serial", SCSIDevice, serial), PROP_STRING("device_id", SCSIDevice, device_id),                                 \
        PROP_U64("wwn", SCSIDevice, wwn, 0), PROP_U64("port_wwn", SCSIDevice, port_wwn, 0),                                         \
        PROP_U16("port_index", SCSIDevice, port_index, 0), PROP_U64("max_io_size", SCSIDevice, max_io_size, INT32_MAX),             \
        PROP_I32("scsi_version", SCSIDevice, scsi_version, 5)

static const Property hd_props[] = {
    SCSI_PROPS, BLOCK_CHS_PROPS(SCSIDevice, conf), PROP_BOOL("removable", SCSIDevice, removable, false),
    PROP_BOOL("dpofua", SCSIDevice, dpofua, false), PROP_U64("max_unmap_size", SCSIDevice, max_unmap_size, GiB),
    PROP_U16("rotation_rate", SCSIDevice, rotation_rate, 0), {}
};
static const Property cd_props[] = { SCSI_PROPS, {} };
static const SavedField sense_saved[] = {
    SAVED_INT(SCSISense, key), SAVED_INT(SCSISense, asc), SAVED_INT(SCSISense, ascq), SAVED_END(),
};
static const SavedField disk_saved[] = {
    SAVED_STRUCT(SCSIDevice, unit_attention, sense_saved), SAVED_INT(SCSIDevice, locked), SAVED_INT(SCSIDevice, tray_open),
    SAVED_INT(SCSIDevice, medium_changed), SAVED_INT(SCSIDevice, eject_request), SAVED_END(),
};
static const DeviceType hd_type = {
    .name = "scsi-hd", .desc = "virtual SCSI disk", .bus = BUS_SCSI, .category = "Storage devices", .size = sizeof(SCSIDevice),
    .props = hd_props, .saved = disk_saved, .realize = disk_realize, .unrealize = disk_unrealize, .reset = disk_reset,
    .post_load = disk_loaded,
};
device_type(hd_type)
static const DeviceType cd_type = {
    .name = "scsi-cd", .desc = "virtual SCSI CD-ROM", .bus = BUS_SCSI, .category = "Storage devices", .size = sizeof(SCSIDevice),
    .props = cd_props, .saved = disk_saved, .realize = disk_realize, .unrealize = disk_unrealize, .reset = disk_reset,
    .post_load = disk_loaded,
};
device_type(cd_type)
