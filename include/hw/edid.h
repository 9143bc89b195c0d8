/* SPDX-License-Identifier: MIT */
/* The data block of a monitor (VESA E-EDID standard, release A2), as display devices hand it to guests. */
#ifndef RHEA_HW_EDID_H
#define RHEA_HW_EDID_H

#include "typedefs.h"

#define EDID_SIZE 128
typedef struct EDIDInfo {
    uint32_t xres, yres;       /* preferred mode; 0: 1280x800 */
    uint32_t xmax, ymax;       /* largest mode; 0: what the preferred one needs */
    uint32_t refresh_rate;     /* mHz; 0: 60 Hz */
} EDIDInfo;
void edid_make(const EDIDInfo *info, uint8_t out[EDID_SIZE]);

#endif
