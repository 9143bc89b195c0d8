/* SPDX-License-Identifier: MIT */
/*
 * The SCSI bus (SPC-4, SAM-5): places of devices, the life of a request, sense data, unit attention, and the commands that every device
 * answers alike: INQUIRY of absent units, REPORT LUNS, REQUEST SENSE. Commands of disks and CD-ROMs are in scsi-disk.c and scsi-mmc.c.
 */
#include "hw/scsi.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { REQUEST_SENSE = 0x03, INQUIRY = 0x12, GET_CONFIGURATION = 0x46, GET_EVENT = 0x4a, REPORT_LUNS = 0xa0 };

/* ---- Bus ---- */

void scsi_bus_init(SCSIBus *bus, const char *name, Device *owner, const SCSIHostOps *ops)
{
    bus_init(&bus->bus, BUS_SCSI, name, owner);
    bus->ops = ops;
}

SCSIDevice *scsi_find(SCSIBus *bus, uint32_t channel, uint32_t id, uint32_t lun)
{
    for (Device *dev = bus->bus.first; dev; dev = dev->next) {
        SCSIDevice *d = (SCSIDevice *)dev;
        if (d->channel == channel && d->id == id && (d->lun == lun || lun == UINT32_MAX) && dev->realized)
            return d;
    }
    return NULL;
}

/* ---- Sense data and unit attention ---- */

void scsi_build_sense(uint8_t *buf, SCSISense sense)
{
    memset(buf, 0, SCSI_SENSE_LEN);
    buf[0] = 0x70; /* current, fixed format */
    buf[2] = sense.key;
    buf[7] = SCSI_SENSE_LEN - 8;
    buf[12] = sense.asc;
    buf[13] = sense.ascq;
}

/* A condition replaces another unless that is a reset, which says more. */
void scsi_set_unit_attention(SCSIDevice *d, SCSISense sense)
{
    SCSIBus *bus = container_of(d->dev.parent, SCSIBus, bus);
    if (!d->unit_attention.key || d->unit_attention.asc != 0x29)
        d->unit_attention = sense;
    if (sense.asc != 0x29 && bus->ops->changed)
        bus->ops->changed(bus, d, sense);
}

static SCSISense take_unit_attention(SCSIDevice *d)
{
    SCSIBus *bus = container_of(d->dev.parent, SCSIBus, bus);
    SCSISense *from = d->unit_attention.key ? &d->unit_attention : &bus->unit_attention, s = *from;
    *from = SENSE(0, 0, 0);
    return s;
}

/* Commands that do not report a condition, SPC-4 5.14 and MMC-6. */
static bool passes_unit_attention(const SCSIDevice *d, uint8_t op)
{
    return op == INQUIRY || op == REPORT_LUNS || op == REQUEST_SENSE || (d->cdrom && (op == GET_CONFIGURATION || op == GET_EVENT));
}

/* ---- Requests ---- */

static void unlink_request(SCSIRequest *r)
{
    for (SCSIRequest **p = &r->dev->requests; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}

static void finish(SCSIRequest *r)
{
    if (r->dev)
        unlink_request(r);
    g_free(r->buffer);
    r->buffer = NULL;
    r->done(r);
}

void scsi_complete(SCSIRequest *r)
{
    r->status = r->cancelled ? SCSI_TASK_ABORTED : SCSI_GOOD;
    finish(r);
}

void scsi_fail(SCSIRequest *r, SCSISense sense)
{
    r->status = r->cancelled ? SCSI_TASK_ABORTED : SCSI_CHECK_CONDITION;
    r->sense_len = r->cancelled ? 0 : SCSI_SENSE_LEN;
    scsi_build_sense(r->sense, sense);
    finish(r);
}

void scsi_reply(SCSIRequest *r, const void *buf, size_t len, uint32_t allocation)
{
    len = MIN(len, allocation);
    if (r->to_device && len) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    len = MIN(len, r->data.size);
    block_vec_from(&r->data, 0, buf, len);
    r->transferred = len;
    scsi_complete(r);
}

const uint8_t *scsi_parameters(SCSIRequest *r, uint32_t len)
{
    if (!r->to_device || r->data.size < len) {
        scsi_fail(r, SENSE_PARAMETER_LENGTH);
        return NULL;
    }
    r->buffer = g_malloc(len ? len : 1);
    block_vec_to(&r->data, 0, r->buffer, len);
    r->transferred = len;
    return r->buffer;
}

void scsi_cancel(SCSIRequest *r)
{
    r->cancelled = true;
}

void scsi_device_reset(SCSIDevice *d)
{
    for (SCSIRequest *r = d->requests; r; r = r->next)
        scsi_cancel(r);
    blk_cancel(d->conf.blk);
    d->unit_attention = SENSE_POWER_ON;
    d->locked = false;
}

/* ---- Commands of all devices ---- */

void scsi_report_luns(SCSIRequest *r)
{
    const uint8_t *cdb = r->cdb;
    SCSIBus *bus = container_of(r->dev->dev.parent, SCSIBus, bus);
    uint32_t allocation = scsi_be32(cdb + 6);
    if (cdb[2] > 2 || allocation < 16) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    GByteArray *out = g_byte_array_new();
    uint8_t entry[8] = { 0 };
    g_byte_array_append(out, entry, 8);
    if (cdb[2] != 1) {
        g_byte_array_append(out, entry, 8); /* LUN 0 is always listed */
        for (Device *dev = bus->bus.first; dev; dev = dev->next) {
            const SCSIDevice *d = (SCSIDevice *)dev;
            if (!dev->realized || d->channel != r->dev->channel || d->id != r->dev->id || !d->lun)
                continue;
            entry[0] = d->lun < 256 ? 0 : (uint8_t)(0x40 | d->lun >> 8);
            entry[1] = (uint8_t)d->lun;
            g_byte_array_append(out, entry, 8);
        }
    }
    scsi_put32(out->data, out->len - 8);
    scsi_reply(r, out->data, out->len, allocation);
    g_byte_array_unref(out);
}

static void request_sense(SCSIRequest *r)
{
    uint8_t buf[SCSI_SENSE_LEN];
    scsi_build_sense(buf, take_unit_attention(r->dev));
    scsi_reply(r, buf, sizeof(buf), r->cdb[4]);
}

void scsi_submit_absent(SCSIRequest *r, SCSIDevice *other)
{
    uint8_t buf[36] = { 0x7f, 0, 5, 2, 31 }; /* no such unit here */
    r->dev = NULL;
    r->transferred = 0;
    if (r->cdb[0] == INQUIRY && !(r->cdb[1] & 1)) {
        scsi_reply(r, buf, sizeof(buf), scsi_be16(r->cdb + 3));
    } else if (r->cdb[0] == REPORT_LUNS && other) {
        r->dev = other;
        scsi_report_luns(r);
    } else if (r->cdb[0] == REQUEST_SENSE) {
        scsi_build_sense(buf, SENSE_LUN_NOT_SUPPORTED);
        scsi_reply(r, buf, SCSI_SENSE_LEN, r->cdb[4]);
    } else {
        scsi_fail(r, SENSE_LUN_NOT_SUPPORTED);
    }
}

void scsi_submit(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    const SCSIBus *bus = container_of(d->dev.parent, SCSIBus, bus);
    r->status = SCSI_GOOD;
    r->sense_len = 0;
    r->transferred = 0;
    r->cancelled = false;
    r->next = d->requests;
    d->requests = r;
    if ((d->unit_attention.key || bus->unit_attention.key) && !passes_unit_attention(d, r->cdb[0]))
        scsi_fail(r, take_unit_attention(d));
    else if (r->cdb[0] == REPORT_LUNS)
        scsi_report_luns(r);
    else if (r->cdb[0] == REQUEST_SENSE)
        request_sense(r);
    else
        scsi_execute(r);
}
