/* SPDX-License-Identifier: MIT */
/* Between the monitors' block commands. Machine lock. */
#ifndef RHEA_MONITOR_BLOCK_CMDS_H
#define RHEA_MONITOR_BLOCK_CMDS_H

#include "block/block.h"
#include "qmp.h"

#include <glib.h>

/* QMP's BlockDeviceInfo; b NULL: of the node alone. flat: without its backing images. */
json_t *block_node_json(BlockNode *n, const BlockBackend *b, bool flat);
/* The drive that "device" or "id" of args names. */
BlockBackend *block_drive_of_args(json_t *args, Error **errp);
/* The node that a drive's name or a node's own stands for (either may be NULL). */
BlockNode *block_lookup(const char *device, const char *node_name, Error **errp);
/* The same, when no job works on it. */
BlockNode *block_lookup_idle(const char *device, const char *node_name, Error **errp);

/*
 * A part of a transaction, or a command that could be one. prepare does all that can fail and can be taken back (false: nothing is left of
 * it); then one of the others, which may be missing. saved is freed by whoever runs it.
 */
typedef struct BlockAction BlockAction;
typedef struct BlockActionType {
    const char *name;
    bool (*prepare)(BlockAction *a, Error **errp);
    void (*commit)(BlockAction *a);
    void (*abort)(BlockAction *a);
} BlockActionType;
struct BlockAction {
    const BlockActionType *type;
    json_t *data;            /* arguments */
    GPtrArray *group;        /* of the jobs of a transaction that end together, or NULL */
    BlockBitmap *bitmap;
    uint8_t *saved;
    bool was;
    struct Job *job;
    BlockNode *node, *overlay;
};
const BlockActionType *block_action_type(const char *name);

/* qmp-block-bitmap.c */
bool block_action_bitmap_add(BlockAction *a, Error **errp);
void block_abort_bitmap_add(BlockAction *a);
bool block_action_bitmap_remove(BlockAction *a, Error **errp);
void block_commit_bitmap_remove(BlockAction *a);
void block_abort_bitmap_remove(BlockAction *a);
bool block_action_bitmap_clear(BlockAction *a, Error **errp);
void block_abort_bitmap_clear(BlockAction *a); /* and merge */
bool block_action_bitmap_enable(BlockAction *a, Error **errp);
bool block_action_bitmap_disable(BlockAction *a, Error **errp);
void block_abort_bitmap_enabled(BlockAction *a);
bool block_action_bitmap_merge(BlockAction *a, Error **errp);
/* qmp-block-jobs.c */
bool block_action_drive_backup(BlockAction *a, Error **errp);
bool block_action_blockdev_backup(BlockAction *a, Error **errp);
void block_commit_backup(BlockAction *a);
void block_abort_backup(BlockAction *a);

#endif
