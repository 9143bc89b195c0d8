/* SPDX-License-Identifier: MIT */
/*
 * ACPI power management registers (ACPI 6.4, 4.8) as south bridges have them: PM1 events and control, PM timer, one general
 * purpose event block, the SMI command port. Embedded in the device that maps them. Machine lock.
 */
#ifndef RHEA_HW_ACPI_PM_H
#define RHEA_HW_ACPI_PM_H

#include "hw/device.h"
#include "util/timer.h"

typedef struct ACPIPM {
    const char *name;
    IRQLine *sci;
    unsigned gpe_bytes;      /* of the status half of GPE0; as many enable bits follow */
    uint8_t enable_command, disable_command; /* at the SMI command port */
    void (*apm_written)(void *opaque, uint8_t command); /* other commands there; or NULL */
    void *opaque;
    MemoryRegion event, control, timer, gpe0, apm;
    Timer *overflow_timer;
    uint16_t pm1_status, pm1_enable, pm1_control;
    int64_t overflow;        /* PM timer count (64 bits) at which TMR_STS is next set */
    uint64_t gpe_status, gpe_enable;
    uint8_t apm_regs[2];
} ACPIPM;

/* Makes the regions; name, sci, gpe_bytes and commands are set. apm goes to its fixed port. */
void acpi_pm_init(ACPIPM *s, Device *dev);
void acpi_pm_exit(ACPIPM *s);
void acpi_pm_reset(ACPIPM *s);
void acpi_pm_loaded(ACPIPM *s);
void acpi_pm_power_button(ACPIPM *s);
extern const SavedField acpi_pm_saved[];

#endif
