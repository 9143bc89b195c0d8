/* SPDX-License-Identifier: MIT */
/* The interval timer of a PC: what the port 0x61 logic needs of it. Machine lock. */
#ifndef RHEA_HW_I8254_H
#define RHEA_HW_I8254_H

#include "hw/device.h"

#define PIT_HZ 1193182

/* dev is the "isa-pit"; channel 0-2. */
void pit_set_gate(Device *dev, unsigned channel, bool level);
bool pit_get_gate(Device *dev, unsigned channel);
bool pit_get_out(Device *dev, unsigned channel);
/* The square wave a channel makes now, in Hz; 0 when it makes none. */
unsigned pit_get_frequency(Device *dev, unsigned channel);

#endif
