/* SPDX-License-Identifier: MIT */
/* Arm PrimeCells: the identification registers at the end of each one's page, as rows of a register table. */
#ifndef RHEA_HW_PRIMECELL_H
#define RHEA_HW_PRIMECELL_H

#include "hw/device.h"

#define PRIMECELL_ID(n, at, value) { .name = n, .offset = at, .width = 4, .reset = value }
/* Peripheral identification 0-3 as given; the component identification is the same for all. */
#define PRIMECELL_IDS(p0, p1, p2, p3)                                                                     \
    PRIMECELL_ID("PeriphID0", 0xfe0, p0), PRIMECELL_ID("PeriphID1", 0xfe4, p1),                           \
        PRIMECELL_ID("PeriphID2", 0xfe8, p2), PRIMECELL_ID("PeriphID3", 0xfec, p3),                       \
        PRIMECELL_ID("PCellID0", 0xff0, 0x0d), PRIMECELL_ID("PCellID1", 0xff4, 0xf0),                     \
        PRIMECELL_ID("PCellID2", 0xff8, 0x05), PRIMECELL_ID("PCellID3", 0xffc, 0xb1)

#endif
