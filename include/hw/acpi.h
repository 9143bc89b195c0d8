/* SPDX-License-Identifier: MIT */
/* ACPI tables of the PC (ACPI 6.4). */
#ifndef RHEA_HW_ACPI_H
#define RHEA_HW_ACPI_H

#include "hw/acpi-blob.h"

typedef struct ACPIConfig {
    const uint32_t *apic_ids;
    unsigned cpus;
    bool hpet, i8042;
    uint8_t serial_ports;            /* bit per COM port present */
    uint64_t hole_start, hole_end;   /* PCI memory below 4 GiB: [start, end) */
    uint64_t high_start, high_end;   /* and above; equal = none */
} ACPIConfig;

ACPITables *acpi_build(const ACPIConfig *c);

/* hw/acpi/dsdt.c: definition block of the DSDT. */
void acpi_dsdt(GByteArray *out, const ACPIConfig *c);

#endif
