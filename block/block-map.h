/* SPDX-License-Identifier: MIT */
/*
 * What formats have in common that keep a disk in blocks of one size, found by a table, and put new blocks at the end of the file. A new block is
 * written whole before the table points to it: what a crash leaves behind is at worst a block nobody points to.
 */
#ifndef RHEA_BLOCK_MAP_H
#define RHEA_BLOCK_MAP_H

#include "block/block.h"

#include <pthread.h>

#define BLOCK_MAP_NONE 0ull /* offset of a block that was never written: reads as zeroes */
#define BLOCK_MAP_MAX (1u << 24) /* blocks */

typedef struct BlockMap {
    BlockNode *node;
    pthread_mutex_t lock;     /* allocation */
    uint64_t *offset;         /* of each block's data in the file; atomic, changed with lock */
    uint64_t count, block_size, lead; /* lead: bytes in front of a block's data */
    uint64_t end;             /* where the next block goes. lock */
    /* Writes what is in front of the data of block i at this place; NULL: nothing. */
    int (*write_lead)(struct BlockMap *m, uint64_t i, uint64_t at);
    /* Makes the table in the file say that block i has its data at offset; data and all behind it are written. */
    int (*store)(struct BlockMap *m, uint64_t i, uint64_t offset);
} BlockMap;

bool block_map_init(BlockMap *m, BlockNode *n, uint64_t count, uint64_t block_size, Error **errp); /* count and block_size are foreign */
void block_map_free(BlockMap *m);
/* Puts block i at an offset of the image's table; false when it is not inside the file. */
bool block_map_set(BlockMap *m, uint64_t i, uint64_t offset);
/* Drivers' functions, for those whose state starts with a BlockMap. */
int block_map_read(BlockNode *n, uint64_t offset, const BlockVec *v);
int block_map_write(BlockNode *n, uint64_t offset, const BlockVec *v);
int block_map_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap);
int block_map_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map);
/* Blocks that overlap one another or lie outside the file are errors. */
bool block_map_check(BlockNode *n, int fix, BlockCheck *out, Error **errp);

#endif
