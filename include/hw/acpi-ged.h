/* SPDX-License-Identifier: MIT */
/* The Generic Event Device of hw/acpi/ged.c. Machine lock. */
#ifndef RHEA_HW_ACPI_GED_H
#define RHEA_HW_ACPI_GED_H

#include "hw/device.h"

enum { ACPI_GED_POWER_BUTTON = 1 << 1, ACPI_GED_EVENTS = ACPI_GED_POWER_BUTTON, ACPI_GED_SIZE = 4 };

/* Something happened: the guest is interrupted and finds these bits in the register. */
void acpi_ged_event(Device *dev, uint32_t events);

#endif
