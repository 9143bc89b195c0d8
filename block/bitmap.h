/* SPDX-License-Identifier: MIT */
/*
 * Dirty bitmaps: which parts of a node were written since a moment. A bitmap belongs to a node; with a name it is the user's, without one
 * a job's. Persistent ones are kept in the image by its format.
 *
 * Threads: the list of a node changes under the machine lock and the node's bitmap_lock; bits under bitmap_lock alone, from any thread.
 * Functions take bitmap_lock themselves.
 */
#ifndef RHEA_BLOCK_BITMAP_H
#define RHEA_BLOCK_BITMAP_H

#include "block/block.h"

#include <jansson.h>

#define BITMAP_NAME_MAX 1023u
#define BITMAP_MAX_BYTES (512u << 20) /* of one bitmap's bits */

struct BlockBitmap {
    BlockNode *node;
    char *name;           /* NULL: a job's own */
    uint64_t granularity; /* bytes to a bit: a power of two */
    uint64_t size;        /* bytes of the node it covers */
    /* bitmap_lock */
    uint64_t *words;
    uint64_t set;         /* bits that are set */
    bool enabled;         /* records writes */
    bool changed;         /* bits or enabled, since it was loaded or stored */
    bool persistent;
    bool inconsistent;    /* the image says that nobody kept it up to date: only fit to be removed */
    bool busy;            /* a job uses it */
    BlockBitmap *next;
};

uint64_t block_bitmap_default_granularity(const BlockNode *n);
/* granularity 0: the default. NULL and errp: bad name, granularity or no memory. Machine lock. */
BlockBitmap *block_bitmap_new(BlockNode *n, const char *name, uint64_t granularity, Error **errp);
/* The same, kept in the image. */
BlockBitmap *block_bitmap_new_persistent(BlockNode *n, const char *name, uint64_t granularity, Error **errp);
/* One that is there by name only. */
BlockBitmap *block_bitmap_new_inconsistent(BlockNode *n, const char *name, uint64_t granularity, Error **errp);
void block_bitmap_free(BlockBitmap *b);
void block_bitmaps_free(BlockNode *n);
BlockBitmap *block_bitmap_find(const BlockNode *n, const char *name); /* NULL: none */
/* The same with an error. */
BlockBitmap *block_bitmap_get(const BlockNode *n, const char *name, Error **errp);
/* What a user's command is not allowed: a bitmap that is busy, inconsistent, or kept in an image that cannot be written. */
bool block_bitmap_usable(const BlockBitmap *b, bool change, Error **errp);

bool block_bitmap_remove(BlockBitmap *b, Error **errp);
bool block_bitmap_clear(BlockBitmap *b, Error **errp);
bool block_bitmap_set_enabled(BlockBitmap *b, bool on, Error **errp);
bool block_bitmap_merge(BlockBitmap *to, BlockBitmap *from, Error **errp);
bool block_bitmap_can_merge(const BlockBitmap *to, const BlockBitmap *from, Error **errp);

void block_bitmap_mark(BlockBitmap *b, uint64_t offset, uint64_t size); /* whether enabled or not */
void block_bitmap_unmark(BlockBitmap *b, uint64_t offset, uint64_t size); /* bits that lie wholly inside, or reach past the end of the node */
void block_bitmap_or(BlockBitmap *to, const BlockBitmap *from); /* no checks */
void block_bitmap_reset(BlockBitmap *b);
bool block_bitmap_is_marked(BlockBitmap *b, uint64_t offset);
uint64_t block_bitmap_count(const BlockBitmap *b); /* bytes: of bits that are set, whole */
/* First marked byte at or after offset; *size: of the run from there, at most *size. False: none. */
bool block_bitmap_next(BlockBitmap *b, uint64_t *offset, uint64_t *size);
/* The words' bytes as bits, lowest first, n bytes from byte `at`; for formats. Sets recompute the count. */
void block_bitmap_get_bytes(BlockBitmap *b, uint64_t at, uint8_t *out, uint64_t n);
void block_bitmap_set_bytes(BlockBitmap *b, uint64_t at, const uint8_t *in, uint64_t n);
uint64_t block_bitmap_bytes(const BlockBitmap *b); /* in whole bytes */
char *block_bitmap_sha256(BlockBitmap *b); /* caller frees */
json_t *block_bitmaps_json(const BlockNode *n);   /* [BlockDirtyInfo], or NULL: there is none */

/* A write, discard or the like of [offset, offset + size) is done. Any thread. */
void block_bitmaps_mark(BlockNode *n, uint64_t offset, uint64_t size);
/* The node's size changed: bitmaps with it, new bits are clear. */
void block_bitmaps_resize(BlockNode *n, uint64_t size);

#endif
