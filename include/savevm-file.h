/* SPDX-License-Identifier: MIT */
/* Snapshots of the machine that last: in the disks' images. Machine lock. */
#ifndef RHEA_SAVEVM_FILE_H
#define RHEA_SAVEVM_FILE_H

#include "block/vmstate.h"

void vm_state_save(VMStateStream *s);                 /* no vCPU runs, no disk request is under way */
bool vm_state_load(VMStateStream *s, Error **errp);   /* after an error the machine is in no state to run */

/* The commands: stop the machine for it and let it go on when it ran. vmstate: the disk with the machine's state, devices: those that take part; NULL:
 * chosen. */
bool vm_savevm(const char *name, bool overwrite, const char *vmstate, const char *const *devices, Error **errp);
bool vm_loadvm(const char *name, const char *vmstate, const char *const *devices, Error **errp); /* stopped after an error */
bool vm_delvm(const char *name, const char *const *devices, Error **errp);

#endif
