/* SPDX-License-Identifier: MIT */
/* The PC's floppy controller as its board sees it. */
#ifndef RHEA_HW_FDC_H
#define RHEA_HW_FDC_H

#include "typedefs.h"

/* CMOS byte 0x10: the types of drives A (high half) and B, 0 = none. */
uint8_t fdc_cmos_types(const Device *dev);

#endif
