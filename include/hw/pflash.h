/* SPDX-License-Identifier: MIT */
/* Contents of the flash of hw/block/pflash_cfi01.c, for boards that fill it. Machine lock. */
#ifndef RHEA_HW_PFLASH_H
#define RHEA_HW_PFLASH_H

#include "hw/device.h"

uint8_t *pflash_data(Device *dev, uint64_t *size);

#endif
