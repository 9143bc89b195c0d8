/* SPDX-License-Identifier: MIT */
/* Wiring of the Stellaris system control (hw/misc/stellaris-sysctl.c). Machine lock. */
#ifndef RHEA_HW_ARM_STELLARIS_H
#define RHEA_HW_ARM_STELLARIS_H

#include "hw/device.h"

/* Called with the processor clock now and whenever the guest changes it. */
void stellaris_sysctl_on_clock(Device *dev, void (*changed)(void *opaque, uint64_t hz), void *opaque);

#endif
