/* SPDX-License-Identifier: MIT */
/* What snapshots in memory and in files share. Machine lock; no vCPU runs. */
#ifndef RHEA_SAVEVM_INTERNAL_H
#define RHEA_SAVEVM_INTERNAL_H

#include "typedefs.h"

typedef struct SavedCPU {
    uint8_t *data; /* the target's saved fields */
    size_t len;
    int32_t exception_index;
    uint32_t interrupt_request, host_fpcsr;
    bool halted;
} SavedCPU;

SavedCPU vm_cpu_save(CPUState *cpu); /* caller frees data */
bool vm_cpu_load(CPUState *cpu, const SavedCPU *c, Error **errp);

#endif
