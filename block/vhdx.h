/* SPDX-License-Identifier: MIT */
/*
 * The VHDX format of Hyper-V ([MS-VHDX]): shared between vhdx.c (opening, reading and writing), vhdx-log.c (the log and the headers) and
 * vhdx-create.c. Disks are dynamic or fixed. Not supported: differencing disks.
 *
 * A block is written before the log says that the table points to it, and the table is written when the log is on the disk.
 */
#ifndef RHEA_BLOCK_VHDX_H
#define RHEA_BLOCK_VHDX_H

#include "block-map.h"

#define VHDX_MIB (1ull << 20)
#define VHDX_SECTOR 4096u /* of the log and of what it describes */
#define VHDX_BLOCK_MAX (256 * VHDX_MIB)
#define VHDX_LOG_MAX (256 * VHDX_MIB)
#define VHDX_SIZE_MAX (64ull << 40)
enum { VHDX_HEADER_1 = 64 << 10, VHDX_HEADER_2 = 128 << 10, VHDX_REGIONS_1 = 192 << 10, VHDX_REGIONS_2 = 256 << 10, VHDX_TABLE = 64 << 10 };
enum { VHDX_NOT_PRESENT, VHDX_UNDEFINED, VHDX_ZERO, VHDX_UNMAPPED, VHDX_FULLY_PRESENT = 6, VHDX_PARTIALLY_PRESENT }; /* states of a block */
enum { VHDX_HAS_PARENT = 2 };                 /* flags of the file parameters */
enum { /* a header, little endian */
    VHDX_H_SIGNATURE = 0, VHDX_H_CHECKSUM = 4, VHDX_H_SEQUENCE = 8, VHDX_H_FILE_WRITE = 16, VHDX_H_DATA_WRITE = 32, VHDX_H_LOG = 48,
    VHDX_H_LOG_VERSION = 64, VHDX_H_VERSION = 66, VHDX_H_LOG_LENGTH = 68, VHDX_H_LOG_OFFSET = 72, VHDX_HEADER_LENGTH = 4096,
};
enum { /* a table of regions or of metadata: head and entries of 32 bytes */
    VHDX_R_CHECKSUM = 4, VHDX_R_COUNT = 8, VHDX_R_ENTRIES = 16, VHDX_M_COUNT = 10, VHDX_M_ENTRIES = 32, VHDX_ENTRY = 32, VHDX_ENTRIES_MAX = 2047,
};

typedef struct VHDX {
    BlockMap map;
    uint64_t bat_offset, chunk_ratio;
    /* headers and log: map.lock, and alone while the image is opened */
    uint8_t header[VHDX_HEADER_LENGTH]; /* the current one */
    bool second;              /* it is the one at VHDX_HEADER_2 */
    bool writing;             /* its IDs were changed since the image was opened; atomic */
    bool replayed;            /* the log was replayed when the image was opened */
    uint64_t log_offset, log_length, log_at, log_sequence;
    uint64_t log_tail;        /* the oldest entry of which the changes may not be on the disk */
    uint8_t log_guid[16];
} VHDX;

extern const uint8_t vhdx_guid_bat[16], vhdx_guid_metadata[16], vhdx_guid_parameters[16], vhdx_guid_size[16], vhdx_guid_page83[16],
    vhdx_guid_logical[16], vhdx_guid_physical[16];

/* vhdx-log.c */
uint32_t vhdx_checksum(const uint8_t *data, size_t len, size_t field); /* CRC-32C; the 4 bytes at field count as 0 */
bool vhdx_load_header(BlockNode *n, Error **errp);
/* Does what the log says that was to be done when the image was last in use. */
bool vhdx_replay(BlockNode *n, Error **errp);
int vhdx_begin_writes(VHDX *s);   /* before the first change of the file. map.lock held */
int vhdx_end_writes(VHDX *s);     /* the log is empty again */
int vhdx_log_write(VHDX *s, uint64_t offset, const uint8_t *sector); /* changes VHDX_SECTOR bytes of metadata. map.lock held */

/* vhdx-create.c */
extern const char *const vhdx_create_keys[];
bool vhdx_create(const char *filename, OptGroup *o, Error **errp);

#endif
