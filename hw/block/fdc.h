/* SPDX-License-Identifier: MIT */
/* Floppy drives and their media, for the controller in fdc.c. Machine lock. */
#ifndef RHEA_HW_BLOCK_FDC_H
#define RHEA_HW_BLOCK_FDC_H

#include "block/block.h"
#include "hw/device.h"

#define FLOPPY_SECTOR 512u

typedef enum FloppyType { FLOPPY_120, FLOPPY_144, FLOPPY_288, FLOPPY_AUTO, FLOPPY_NONE } FloppyType;
/* Data rates as the rate registers code them. */
typedef enum FloppyRate { RATE_500K, RATE_300K, RATE_250K, RATE_1M } FloppyRate;

typedef struct FloppyFormat {
    uint16_t sectors;     /* of the image */
    uint8_t per_track, tracks, heads;
    uint8_t rate, type;
} FloppyFormat;

typedef struct FloppyDrive {
    BlockBackend *blk;          /* NULL: no image was ever given */
    int type;                   /* FloppyType; AUTO until the drive is set up */
    const FloppyFormat *format; /* of the medium, NULL: none */
    uint8_t track;              /* where the head is */
    bool changed;               /* the disk change line: until a step with a medium in it */
} FloppyDrive;

/* The format of an image of so many sectors; odd sizes get the smallest format that holds them. */
const FloppyFormat *floppy_format(uint64_t sectors, FloppyType type);
/* What the CMOS calls a drive type. */
uint8_t floppy_cmos_type(int type);

#endif
