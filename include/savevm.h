/* SPDX-License-Identifier: MIT */
/*
 * The state of the whole machine at a moment, kept in memory: devices and vCPUs by their tables of saved fields, RAM, virtual
 * timers in their order, random numbers, what a replayed guest wrote to its disks. What reverse debugging goes back to. Machine lock; no vCPU runs, no disk request is under way.
 */
#ifndef RHEA_SAVEVM_H
#define RHEA_SAVEVM_H

#include "typedefs.h"

typedef struct VMSnapshot VMSnapshot;

VMSnapshot *vm_snapshot_take(void);
/* False with errp when the machine has other devices, vCPUs or memory than when it was taken. */
bool vm_snapshot_load(const VMSnapshot *s, Error **errp);
void vm_snapshot_free(VMSnapshot *s);
/* The first thing in which two snapshots differ ("device hpet", "vCPU 0", "memory pc.ram"); NULL: none. Caller frees. */
char *vm_snapshot_difference(const VMSnapshot *a, const VMSnapshot *b);

#endif
