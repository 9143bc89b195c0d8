/* SPDX-License-Identifier: MIT */
/*
 * Commands of SCSI CD-ROM drives beyond those of disks (MMC-6): data discs of one track. Not modelled: audio, sessions, raw sectors beyond
 * mode 1 user data, writing.
 */
#include "hw/scsi.h"

#include <glib.h>
#include <string.h>

enum { PROFILE_NONE = 0, PROFILE_CD_ROM = 8, PROFILE_DVD_ROM = 0x10 };
#define LEAD_OUT 0xaau
#define CD_BLOCKS_MAX (80u * 60 * 75)
#define MSF_OFFSET 150u

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (!msf) {
        scsi_put32(p, lba);
        return;
    }
    lba += MSF_OFFSET;
    p[0] = 0;
    p[1] = (uint8_t)MIN(lba / 75 / 60, 255);
    p[2] = (uint8_t)(lba / 75 % 60);
    p[3] = (uint8_t)(lba % 75);
}

static void put_track(uint8_t *p, uint8_t track, uint32_t lba, bool msf)
{
    p[0] = 0;
    p[1] = 0x14; /* data */
    p[2] = track;
    p[3] = 0;
    put_address(p + 4, lba, msf);
}

static void read_toc(SCSIRequest *r)
{
    bool msf = r->cdb[1] & 2;
    uint8_t format = r->cdb[2] & 0xf, first = r->cdb[6], b[64] = { 0, 0, 1, 1 };
    size_t n = 4;
    if (!format)
        format = r->cdb[9] >> 6;
    if (format == 0) {
        if (first > 1 && first != LEAD_OUT) {
            scsi_fail(r, SENSE_INVALID_FIELD);
            return;
        }
        if (first <= 1)
            put_track(b + n, 1, 0, msf), n += 8;
        put_track(b + n, LEAD_OUT, (uint32_t)MIN(scsi_blocks(r->dev), UINT32_MAX - MSF_OFFSET), msf), n += 8;
    } else if (format == 1) { /* one session, from track 1 on */
        put_track(b + n, 1, 0, msf), n += 8;
    } else {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    scsi_put16(b, (uint32_t)n - 2);
    scsi_reply(r, b, n, scsi_be16(r->cdb + 7));
}

static uint16_t profile_of(const SCSIDevice *d)
{
    return !scsi_medium_present(d) ? PROFILE_NONE : scsi_blocks(d) > CD_BLOCKS_MAX ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

static void get_configuration(SCSIRequest *r)
{
    uint16_t profile = profile_of(r->dev), first = (uint16_t)scsi_be16(r->cdb + 2);
    uint8_t type = r->cdb[1] & 3, b[40] = { 0 };
    static const uint16_t profiles[] = { PROFILE_DVD_ROM, PROFILE_CD_ROM };
    size_t n = 8;
    scsi_put16(b + 6, profile);
    if (type == 3) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    if (first == 0) { /* profile list */
        b[n + 2] = 0x03;
        b[n + 3] = 8;
        for (unsigned i = 0; i < 2; i++) {
            scsi_put16(b + n + 4 + 4 * i, profiles[i]);
            b[n + 6 + 4 * i] = profile == profiles[i];
        }
        n += 12;
    }
    if (first <= 1 && (type != 2 || first == 1)) { /* core: ATAPI or SCSI */
        scsi_put16(b + n, 1);
        b[n + 2] = 0x0b;
        b[n + 3] = 8;
        scsi_put32(b + n + 4, 1);
        b[n + 8] = 1;
        n += 12;
    }
    if (first <= 3 && (type != 2 || first == 3)) { /* removable medium, in a tray */
        scsi_put16(b + n, 3);
        b[n + 2] = 0x0b;
        b[n + 3] = 4;
        b[n + 4] = 0x39;
        n += 8;
    }
    scsi_put32(b, (uint32_t)n - 4);
    scsi_reply(r, b, n, scsi_be16(r->cdb + 7));
}

static void get_event(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    uint8_t b[8] = { 0 };
    if (!(r->cdb[1] & 1)) { /* there is no waiting for events */
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    b[3] = 1 << 4; /* media events are what there is */
    size_t n = 4;
    if (r->cdb[4] & 1 << 4) {
        b[2] = 4;
        b[4] = d->medium_changed ? 2 : d->eject_request ? 1 : 0;
        b[5] = (uint8_t)((d->tray_open ? 1 : 0) | (scsi_medium_present(d) ? 2 : 0));
        d->medium_changed = d->eject_request = false;
        n = 8;
    } else {
        b[2] = 0x80; /* none of those asked for */
    }
    scsi_put16(b, (uint32_t)n - 2);
    scsi_reply(r, b, n, scsi_be16(r->cdb + 7));
}

static void read_disc_information(SCSIRequest *r)
{
    uint8_t b[34] = { 0, 32, 0x0e, 1, 1, 1, 1, 0x20 }; /* finished, complete, one session of one track, for any use */
    if (r->cdb[1] & 7)
        scsi_fail(r, SENSE_INVALID_FIELD);
    else
        scsi_reply(r, b, sizeof(b), scsi_be16(r->cdb + 7));
}

static void read_track_information(SCSIRequest *r)
{
    uint8_t b[36] = { 0, 34, 1, 1, 0, 4, 1 };
    scsi_put32(b + 24, (uint32_t)MIN(scsi_blocks(r->dev), UINT32_MAX));
    scsi_reply(r, b, sizeof(b), scsi_be16(r->cdb + 7));
}

/* Physical format: a DVD-ROM of one layer. */
static void read_dvd_structure(SCSIRequest *r)
{
    uint8_t b[4 + 2048] = { 0 };
    uint32_t last = (uint32_t)MIN(scsi_blocks(r->dev), 0xffffff);
    if (profile_of(r->dev) != PROFILE_DVD_ROM || r->cdb[1] & 0xf || r->cdb[6] || r->cdb[7]) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    scsi_put16(b, sizeof(b) - 2);
    b[4] = 1;    /* DVD-ROM, version */
    b[5] = 0x0f; /* 120 mm, rate not said */
    b[6] = 1;
    scsi_put32(b + 8, 0x30000);
    scsi_put32(b + 12, 0x30000 + last - 1);
    scsi_reply(r, b, sizeof(b), scsi_be16(r->cdb + 8));
}

/* READ CD for user data is a READ with another length field. */
static void read_cd(SCSIRequest *r)
{
    uint32_t lba = scsi_be32(r->cdb + 2), blocks = scsi_be24(r->cdb + 6);
    uint8_t wanted = r->cdb[9] & 0xf8;
    if (!blocks || !wanted) {
        scsi_complete(r);
        return;
    }
    if (wanted != 0x10) {
        scsi_fail(r, SENSE_INVALID_FIELD);
        return;
    }
    memset(r->cdb, 0, sizeof(r->cdb));
    r->cdb[0] = 0xa8;
    scsi_put32(r->cdb + 2, lba);
    scsi_put32(r->cdb + 6, blocks);
    scsi_execute(r);
}

static void mechanism_status(SCSIRequest *r)
{
    uint8_t b[8] = { 0 };
    b[1] = r->dev->tray_open ? 0x10 : 0;
    scsi_reply(r, b, sizeof(b), scsi_be16(r->cdb + 8));
}

static void nothing(SCSIRequest *r)
{
    scsi_complete(r);
}

static const struct {
    uint8_t op;
    bool medium;
    void (*run)(SCSIRequest *r);
} commands[] = {
    { 0x43, true, read_toc }, { 0x46, false, get_configuration }, { 0x4a, false, get_event }, { 0x51, true, read_disc_information },
    { 0x52, true, read_track_information }, { 0xad, true, read_dvd_structure }, { 0xbb, false, nothing }, { 0xbd, false, mechanism_status },
    { 0xbe, true, read_cd },
};

bool scsi_mmc_command(SCSIRequest *r)
{
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].op != r->cdb[0])
            continue;
        if (commands[i].medium && !scsi_medium_present(r->dev))
            scsi_fail(r, SENSE_NO_MEDIUM);
        else
            commands[i].run(r);
        return true;
    }
    return false;
}
