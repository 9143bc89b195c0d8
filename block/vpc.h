/* SPDX-License-Identifier: MIT */
/* Between the files of the VHD format ("Virtual Hard Disk Image Format Specification", 1.0): the header of disks with a table, and what it says of a parent. */
#ifndef RHEA_BLOCK_VPC_H
#define RHEA_BLOCK_VPC_H

#include "block/block.h"

#include <glib.h>

#define VPC_HEADER 1024u
#define VPC_LOCATORS 8

typedef struct VPCLocator { /* where the parent's name is, in one spelling; big endian */
    char platform[4];
    uint32_t space, length, reserved;
    uint64_t offset;
} __attribute__((packed)) VPCLocator;

typedef struct VPCHeader { /* big endian */
    char cookie[8];
    uint64_t data_offset, table_offset;
    uint32_t version, entries, block_size, checksum;
    uint8_t parent_uuid[16];
    uint32_t parent_time, reserved;
    uint16_t parent_name[256]; /* UTF-16 */
    VPCLocator locator[VPC_LOCATORS];
    uint8_t rest[256];
} __attribute__((packed)) VPCHeader;
_Static_assert(sizeof(VPCHeader) == VPC_HEADER, "size of the specification");

/* Takes the parent's name from the header of n, whose file holds the locators' texts; *end: where the last of them ends. */
bool vpc_read_parent(BlockNode *n, const VPCHeader *h, uint64_t *end, Error **errp);
/* Puts the parent's name, as filename refers to it, into h and texts that lie at offset at of the file; whole sectors. */
bool vpc_name_parent(VPCHeader *h, GByteArray *texts, uint64_t at, const char *filename, const char *parent, Error **errp);

#endif
