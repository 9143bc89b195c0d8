/* SPDX-License-Identifier: MIT */
/* Snapshots of disks in use: overlays put on top, internal snapshots; and their undoing, commit. Machine lock. */
#ifndef RHEA_BLOCK_SNAPSHOT_H
#define RHEA_BLOCK_SNAPSHOT_H

#include "block/block.h"
#include <jansson.h>

/* From now on writes to n go to a new image file (existing: one that is there) with n behind it; returns it. NULL and errp on failure. */
BlockNode *block_snapshot_file(BlockNode *n, const char *filename, const char *format, const char *node_name, bool existing, Error **errp);
/* The same with a node that has no backing image yet. */
bool block_snapshot_node(BlockNode *n, BlockNode *overlay, Error **errp);
bool block_snapshot_internal(BlockNode *n, const char *device, const char *name, Error **errp);
/* Returns QMP's SnapshotInfo of what was deleted; NULL and errp. */
json_t *block_snapshot_internal_delete(BlockNode *n, const char *device, const char *id, const char *name, Error **errp);
json_t *block_snapshot_json(const BlockSnapshot *s);
/* Copies what n holds to its backing image, and lets n go of it. */
bool block_commit(BlockNode *n, Error **errp);
bool block_resize(BlockNode *n, uint64_t size, Error **errp);

#endif
