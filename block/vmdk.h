/* SPDX-License-Identifier: MIT */
/*
 * The VMDK format of VMware ("Virtual Disk Format 5.0"): shared between vmdk.c (reading and writing), vmdk-descriptor.c (the text that says of which
 * extents a disk consists) and vmdk-create.c. A disk is a row of extents: flat files, or sparse ones whose grains are found by a directory of tables.
 * Not supported: ESX formats (COWD, SESPARSE), devices as extents.
 *
 * A grain is written whole before its table points to it: what a crash leaves behind is at worst a grain nobody points to.
 */
#ifndef RHEA_BLOCK_VMDK_H
#define RHEA_BLOCK_VMDK_H

#include "block/block.h"

#include <pthread.h>

#define VMDK_MAGIC 0x564d444bu
#define VMDK_GRAIN_ZERO 1u        /* table entry: reads as zeroes, where the header allows for it */
#define VMDK_NO_PARENT 0xffffffffu
#define VMDK_DESCRIPTOR_MAX (1u << 20)
#define VMDK_EXTENTS_MAX 4096u
#define VMDK_EXTENT_SIZE (2ull << 30) /* of the twoGbMaxExtent types */
enum { VMDK_NEWLINE_TEST = 1, VMDK_REDUNDANT = 2, VMDK_ZEROED_GRAIN = 4, VMDK_COMPRESSED = 1 << 16, VMDK_MARKERS = 1 << 17 };

typedef struct VmdkHeader { /* of a sparse extent, little endian; offsets and sizes in sectors */
    uint32_t magic, version, flags;
    uint64_t capacity, grain, descriptor_offset, descriptor_size;
    uint32_t gtes; /* entries of a grain table */
    uint64_t rgd_offset, gd_offset, overhead;
    uint8_t unclean, newline[4];
    uint16_t compression;
    uint8_t pad[433];
} __attribute__((packed)) VmdkHeader;
_Static_assert(sizeof(VmdkHeader) == BLOCK_SECTOR, "size in the specification");

typedef enum VmdkKind { VMDK_FLAT, VMDK_SPARSE, VMDK_ZERO } VmdkKind;

typedef struct VmdkExtent {
    VmdkKind kind;
    char *type;             /* as in the descriptor; "" when the image is one file */
    BlockNode *file;        /* NULL: the image's own file */
    uint64_t start, size;   /* bytes of the disk */
    uint64_t offset;        /* flat: in the file */
    /* sparse */
    bool compressed, markers, zeroed_grain;
    uint64_t grain;         /* bytes */
    uint32_t gtes, tables;
    uint64_t gd_offset, rgd_offset; /* bytes; rgd: 0 = none */
    uint32_t *gd, *rgd;     /* directories. lock */
    uint32_t **gt;          /* tables once read. lock */
    uint32_t cached;        /* so many; lock */
    uint64_t end;           /* where the next grain goes. lock */
} VmdkExtent;

typedef struct Vmdk {
    pthread_mutex_t lock;
    VmdkExtent *extents;
    unsigned nextents;
    char *create_type;
    uint32_t cid, parent_cid;
    uint64_t descriptor_offset, descriptor_room; /* room 0: the descriptor is a file of its own */
    bool cid_new;           /* was changed since the image was opened. lock */
    bool parent_seen;       /* the backing image is the one that the descriptor means. lock */
} Vmdk;

/* vmdk.c */
BlockNode *vmdk_file(const BlockNode *n, const VmdkExtent *e);
bool vmdk_open_sparse(BlockNode *n, VmdkExtent *e, uint64_t *descriptor_offset, uint64_t *descriptor_size, Error **errp);

/* vmdk-descriptor.c */
/* The descriptor as text, NUL-terminated; caller frees. NULL and errp. */
char *vmdk_read_descriptor(BlockNode *n, Error **errp);
/* Takes the IDs, the type and the parent from it; with extents, opens those, too. */
bool vmdk_parse_descriptor(BlockNode *n, const char *text, bool extents, Error **errp);
/* The disk's contents change: gives it a new ID, once. lock held. */
int vmdk_new_cid(BlockNode *n);

/* vmdk-create.c */
extern const char *const vmdk_create_keys[];
bool vmdk_create(const char *filename, OptGroup *o, Error **errp);

#endif
