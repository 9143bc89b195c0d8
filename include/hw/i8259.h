/* SPDX-License-Identifier: MIT */
/* The interrupt controllers of a PC. Machine lock. */
#ifndef RHEA_HW_I8259_H
#define RHEA_HW_I8259_H

#include "hw/device.h"

/* The acknowledge cycle of the CPU: the vector of the interrupt now in service, 0-255. With nothing to
 * acknowledge it is the spurious vector of input 7. dev is the "isa-i8259". */
int pic_read_irq(Device *dev);

#endif
