/* SPDX-License-Identifier: MIT */
/*
 * SCSI devices and their bus (SPC-4, SBC-3, MMC-6): a host adapter makes a request of a command block and the guest's memory, the device
 * carries it out and calls back. Parts of the command and of parameter lists are the guest's: lengths are checked here. Machine lock.
 */
#ifndef RHEA_HW_SCSI_H
#define RHEA_HW_SCSI_H

#include "hw/block-conf.h"

#define SCSI_CDB_MAX 32
#define SCSI_SENSE_LEN 18

enum { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02, SCSI_BUSY = 0x08, SCSI_TASK_ABORTED = 0x40 };
enum {
    SENSE_NONE = 0x0, SENSE_NOT_READY = 0x2, SENSE_MEDIUM_ERROR = 0x3, SENSE_HARDWARE_ERROR = 0x4, SENSE_ILLEGAL_REQUEST = 0x5,
    SENSE_UNIT_ATTENTION = 0x6, SENSE_DATA_PROTECT = 0x7,
};

typedef struct SCSISense {
    uint8_t key, asc, ascq;
} SCSISense;

typedef struct SCSIBus SCSIBus;
typedef struct SCSIDevice SCSIDevice;
typedef struct SCSIRequest SCSIRequest;

typedef struct SCSIHostOps {
    uint32_t max_channel, max_target, max_lun;
    /* May be NULL. Something to tell the driver: unit attention of a device; a device has come or is going. */
    void (*changed)(SCSIBus *bus, SCSIDevice *dev, SCSISense sense);
    void (*plugged)(SCSIBus *bus, SCSIDevice *dev, bool here);
} SCSIHostOps;
struct SCSIBus {
    Bus bus;
    const SCSIHostOps *ops;
    SCSISense unit_attention; /* of the bus: for the first device asked (REPORTED LUNS DATA HAS CHANGED) */
};

/* Owned by the host adapter; lives until done was called. */
struct SCSIRequest {
    SCSIDevice *dev;
    uint8_t cdb[SCSI_CDB_MAX];
    BlockVec data;          /* the guest's memory for the command; parts past its need are cut off */
    bool to_device;         /* direction of data */
    void (*done)(SCSIRequest *r);
    void *opaque;
    /* results */
    uint8_t status;
    uint8_t sense[SCSI_SENSE_LEN], sense_len;
    uint64_t transferred;   /* bytes moved */
    /* of the device */
    BlockRequest blk;
    bool cancelled;
    void *buffer;           /* parameter list or answer under way */
    uint64_t position, left; /* of commands in several steps */
    uint32_t step;
    SCSIRequest *next;      /* under way on this device */
};

struct SCSIDevice {
    Device dev;
    uint32_t channel, id, lun;
    BlockConf conf;
    char *vendor, *product, *version, *serial, *device_id;
    uint64_t wwn, port_wwn, max_unmap_size, max_io_size;
    uint16_t port_index, rotation_rate;
    int32_t scsi_version;
    bool removable, dpofua, cdrom;
    uint32_t block_size;
    /* registers */
    SCSISense unit_attention;
    bool locked, tray_open, medium_changed, eject_request;
    SCSIRequest *requests;
};

void scsi_bus_init(SCSIBus *bus, const char *name, Device *owner, const SCSIHostOps *ops);
/* The device at this place, or NULL. */
SCSIDevice *scsi_find(SCSIBus *bus, uint32_t channel, uint32_t id, uint32_t lun);
/* Carries the command out. */
void scsi_submit(SCSIRequest *r);
/* A command to a logical unit that is not there, of a target that has others: INQUIRY and REPORT LUNS are answered. */
void scsi_submit_absent(SCSIRequest *r, SCSIDevice *other);
/* Gives up a request: done comes with TASK ABORTED, when its disk I/O has ended. */
void scsi_cancel(SCSIRequest *r);
/* Waits for all requests of a device and forgets its conditions; a unit attention says it was reset. */
void scsi_device_reset(SCSIDevice *d);

/* ---- Between the files of hw/scsi/ ---- */
void scsi_execute(SCSIRequest *r); /* by the table of commands */
void scsi_complete(SCSIRequest *r);
void scsi_fail(SCSIRequest *r, SCSISense sense);
/* Answers with a buffer, cut to the allocation length and to the guest's memory. */
void scsi_reply(SCSIRequest *r, const void *buf, size_t len, uint32_t allocation);
/* Reads the parameter list, len bytes; NULL (and failed) when the guest gave less. Freed with the request. */
const uint8_t *scsi_parameters(SCSIRequest *r, uint32_t len);
void scsi_build_sense(uint8_t *buf, SCSISense sense);
void scsi_set_unit_attention(SCSIDevice *d, SCSISense sense);
bool scsi_medium_present(const SCSIDevice *d);
uint64_t scsi_blocks(const SCSIDevice *d);
void scsi_inquiry(SCSIRequest *r);
void scsi_report_luns(SCSIRequest *r);
void scsi_mode_sense(SCSIRequest *r);
void scsi_mode_select(SCSIRequest *r);
bool scsi_mmc_command(SCSIRequest *r); /* false: not one of its commands */

static inline uint32_t scsi_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t scsi_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | scsi_be16(p + 1);
}
static inline uint32_t scsi_be32(const uint8_t *p)
{
    return scsi_be16(p) << 16 | scsi_be16(p + 2);
}
static inline uint64_t scsi_be64(const uint8_t *p)
{
    return (uint64_t)scsi_be32(p) << 32 | scsi_be32(p + 4);
}
static inline void scsi_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void scsi_put32(uint8_t *p, uint32_t v)
{
    scsi_put16(p, v >> 16);
    scsi_put16(p + 2, v);
}
static inline void scsi_put64(uint8_t *p, uint64_t v)
{
    scsi_put32(p, (uint32_t)(v >> 32));
    scsi_put32(p + 4, (uint32_t)v);
}

#define SENSE(k, c, q) ((SCSISense){ k, c, q })
#define SENSE_LUN_NOT_READY SENSE(SENSE_NOT_READY, 0x04, 0x03)
#define SENSE_NO_MEDIUM SENSE(SENSE_NOT_READY, 0x3a, 0x00)
#define SENSE_INVALID_OPCODE SENSE(SENSE_ILLEGAL_REQUEST, 0x20, 0x00)
#define SENSE_LBA_OUT_OF_RANGE SENSE(SENSE_ILLEGAL_REQUEST, 0x21, 0x00)
#define SENSE_INVALID_FIELD SENSE(SENSE_ILLEGAL_REQUEST, 0x24, 0x00)
#define SENSE_LUN_NOT_SUPPORTED SENSE(SENSE_ILLEGAL_REQUEST, 0x25, 0x00)
#define SENSE_INVALID_PARAMETER SENSE(SENSE_ILLEGAL_REQUEST, 0x26, 0x00)
#define SENSE_PARAMETER_LENGTH SENSE(SENSE_ILLEGAL_REQUEST, 0x1a, 0x00)
#define SENSE_SAVING_NOT_SUPPORTED SENSE(SENSE_ILLEGAL_REQUEST, 0x39, 0x00)
#define SENSE_REMOVAL_PREVENTED SENSE(SENSE_ILLEGAL_REQUEST, 0x53, 0x02)
#define SENSE_WRITE_PROTECTED SENSE(SENSE_DATA_PROTECT, 0x27, 0x00)
#define SENSE_IO_ERROR SENSE(SENSE_MEDIUM_ERROR, 0x11, 0x00)
#define SENSE_SPACE_ALLOCATION SENSE(SENSE_DATA_PROTECT, 0x27, 0x07)
#define SENSE_POWER_ON SENSE(SENSE_UNIT_ATTENTION, 0x29, 0x00)
#define SENSE_MEDIUM_CHANGED SENSE(SENSE_UNIT_ATTENTION, 0x28, 0x00)
#define SENSE_CAPACITY_CHANGED SENSE(SENSE_UNIT_ATTENTION, 0x2a, 0x09)
#define SENSE_LUNS_CHANGED SENSE(SENSE_UNIT_ATTENTION, 0x3f, 0x0e)

#endif
