/* SPDX-License-Identifier: MIT */
/* Between the monitors' block commands. Machine lock. */
#ifndef RHEA_MONITOR_BLOCK_CMDS_H
#define RHEA_MONITOR_BLOCK_CMDS_H

#include "block/block.h"
#include "qmp.h"

/* QMP's BlockDeviceInfo; b NULL: of the node alone. flat: without its backing images. */
json_t *block_node_json(BlockNode *n, const BlockBackend *b, bool flat);
/* The drive that "device" or "id" of args names. */
BlockBackend *block_drive_of_args(json_t *args, Error **errp);
/* The node that a drive's name or a node's own stands for (either may be NULL). */
BlockNode *block_lookup(const char *device, const char *node_name, Error **errp);

#endif
