/* SPDX-License-Identifier: MIT */
/*
 * The contents of all RAM blocks at a moment, kept in memory. Pages that did not change between two snapshots are held once: a
 * snapshot costs what was written since the one before. Machine lock, no vCPU runs.
 */
#ifndef RHEA_RAM_SNAPSHOT_H
#define RHEA_RAM_SNAPSHOT_H

#include "typedefs.h"

typedef struct RAMSnapshot RAMSnapshot;

RAMSnapshot *ram_snapshot_take(void);
/* Brings RAM back; false with errp when a block has come, gone or changed its size since: nothing was touched then. */
bool ram_snapshot_load(const RAMSnapshot *s, Error **errp);
void ram_snapshot_free(RAMSnapshot *s); /* NULL allowed */
uint64_t ram_snapshot_bytes(void);      /* of page contents held by all snapshots together */
/* "memory pc.ram at 0x1000"; NULL: the same. Caller frees. */
char *ram_snapshot_difference(const RAMSnapshot *a, const RAMSnapshot *b);
void ram_snapshots_forget(void);        /* of the last one taken or loaded; at exit */

#endif
