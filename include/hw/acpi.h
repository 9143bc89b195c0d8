/* SPDX-License-Identifier: MIT */
/* ACPI tables of the PC (ACPI 6.4). */
#ifndef RHEA_HW_ACPI_H
#define RHEA_HW_ACPI_H

#include "hw/acpi-blob.h"

/* What the tables say about a chipset. */
typedef struct ACPIChipset {
    uint16_t gpe0;               /* port of the general purpose event block, its length */
    uint8_t gpe0_len;
    uint8_t acpi_enable, acpi_disable; /* commands at the SMI port */
    bool q35;                    /* PCI Express, ICH9 */
} ACPIChipset;

#define ACPI_HOLES 2
typedef struct ACPIConfig {
    ACPIChipset chipset;
    uint64_t ecam_base, ecam_size;   /* size 0: no flat configuration window */
    const uint32_t *apic_ids;
    unsigned cpus;
    bool hpet, i8042;
    uint8_t serial_ports;            /* bit per COM port present */
    struct { uint64_t start, end; } hole[ACPI_HOLES]; /* PCI memory below 4 GiB: [start, end); equal = none */
    uint64_t high_start, high_end;   /* and above; equal = none */
} ACPIConfig;

ACPITables *acpi_build(const ACPIConfig *c);

/* Entries of the MADT: an enabled processor; an I/O APIC and the number of its first pin; NMI at LINT1 of all. */
void acpi_put_processor(GByteArray *a, unsigned n, uint32_t apic_id);
void acpi_put_ioapic(GByteArray *a, uint8_t id, uint32_t address, uint32_t first);
void acpi_put_lint1_nmi(GByteArray *a);

/* hw/acpi/dsdt.c: definition block of the DSDT. */
void acpi_dsdt(GByteArray *out, const ACPIConfig *c);
/* hw/acpi/dsdt-pcie.c, inside PCI0: _PRT. Inside _SB: who has the flat window. At the root: _PIC. */
void acpi_dsdt_routing(GByteArray *out);
void acpi_dsdt_ecam(GByteArray *out, const ACPIConfig *c);
void acpi_dsdt_pic(GByteArray *out);

#endif
