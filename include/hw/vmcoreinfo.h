/* SPDX-License-Identifier: MIT */
/* Where a guest's kernel keeps the note that dump tools need (its vmcoreinfo), as it told the vmcoreinfo device. Machine lock. */
#ifndef RHEA_HW_VMCOREINFO_H
#define RHEA_HW_VMCOREINFO_H

#include "typedefs.h"

enum { VMCOREINFO_FORMAT_NONE = 0, VMCOREINFO_FORMAT_ELF = 1 };

/* All three come from the guest unchecked. */
typedef struct VMCoreInfo {
    uint16_t format;
    uint32_t size;
    uint64_t paddr;
} VMCoreInfo;

/* False when there is no device, or when the guest has told it nothing since the last reset. */
bool vmcoreinfo_get(VMCoreInfo *out);

#endif
