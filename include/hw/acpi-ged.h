/* SPDX-License-Identifier: MIT */
/* The Generic Event Device of hw/acpi/ged.c. Machine lock. */
#ifndef RHEA_HW_ACPI_GED_H
#define RHEA_HW_ACPI_GED_H

#include "hw/aml.h"
#include "hw/device.h"

enum { ACPI_GED_POWER_BUTTON = 1 << 1, ACPI_GED_EVENTS = ACPI_GED_POWER_BUTTON, ACPI_GED_SIZE = 4 };
enum { ACPI_GED_CONTROL_SIZE = 3, ACPI_GED_RESET_VALUE = 0x42, ACPI_GED_SLEEP_S5 = 5 };

/* Something happened: the guest is interrupted and finds these bits in the register. */
void acpi_ged_event(Device *dev, uint32_t events);
/* Its node of the DSDT, and the power button "PWRB" that it notifies. */
void acpi_ged_describe(Aml *a, uint32_t base, uint32_t irq);
void acpi_power_button(Aml *a);
void acpi_notify_power_button(Aml *a);

#endif
