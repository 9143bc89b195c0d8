/* SPDX-License-Identifier: MIT */
/*
 * Where snapshots of the whole machine live: all writable disks get an internal snapshot of the same name, one of them holds the state of the
 * machine beside it. Machine lock; the machine does not run.
 */
#ifndef RHEA_BLOCK_VMSTATE_H
#define RHEA_BLOCK_VMSTATE_H

#include "block/block.h"

#include <glib.h>

/* A stream of bytes in the image's area for machine state. */
typedef struct VMStateStream VMStateStream;
VMStateStream *vmstate_open(BlockNode *n, bool write, uint64_t size); /* size: of what was written, for reading */
void vmstate_put(VMStateStream *s, const void *buf, size_t len);
bool vmstate_get(VMStateStream *s, void *buf, size_t len); /* false: past the end, or an error */
/* Writes what is left; 0 or the first -errno. *size: bytes in all. */
int vmstate_close(VMStateStream *s, uint64_t *size);

/* The disks that take part (BlockNode *, caller frees the array); NULL and errp: some writable disk cannot, or there is none. devices: node names,
 * NULL-terminated; NULL: all. */
GPtrArray *vmstate_disks(const char *const *devices, Error **errp);
/* The disk of them that holds the state: by name, or the first. */
BlockNode *vmstate_disk(const GPtrArray *disks, const char *name, Error **errp);
bool vmstate_find(BlockNode *n, const char *name, BlockSnapshot *out); /* by id or name; strings of out: caller frees */

#endif
