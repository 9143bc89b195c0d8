/* SPDX-License-Identifier: MIT */
/* The real-time clock's memory, where boards leave sizes and boot order for firmware. Machine lock. */
#ifndef RHEA_HW_MC146818RTC_H
#define RHEA_HW_MC146818RTC_H

#include "hw/device.h"

/* dev is the "mc146818rtc"; addr 0x0e-0x7f except the century byte 0x32. */
void rtc_set_memory(Device *dev, unsigned addr, uint8_t value);
uint8_t rtc_get_memory(Device *dev, unsigned addr);
/* Seconds since the epoch as the guest's clock shows them, minus those the host's clock shows. */
int64_t rtc_offset(Device *dev);

#endif
