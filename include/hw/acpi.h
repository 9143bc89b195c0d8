/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables of the PC (ACPI 6.4). They are built once as one blob plus the root pointer, with a list
 * of what depends on the final address: firmware gets that list as a script, a direct start applies it.
 */
#ifndef RHEA_HW_ACPI_H
#define RHEA_HW_ACPI_H

#include "typedefs.h"
#include <glib.h>

typedef struct ACPIConfig {
    const uint32_t *apic_ids;
    unsigned cpus;
    bool hpet, i8042;
    uint8_t serial_ports;            /* bit per COM port present */
    uint64_t hole_start, hole_end;   /* PCI memory below 4 GiB: [start, end) */
    uint64_t high_start, high_end;   /* and above; equal = none */
} ACPIConfig;

typedef struct ACPIFixup {
    bool pointer;      /* else checksum */
    bool in_rsdp;      /* where it applies: the root pointer, else the blob */
    uint32_t offset;   /* of the field */
    uint32_t size;     /* pointer: bytes; it holds an offset into the blob */
    uint32_t start, length; /* checksum: the bytes that sum to zero */
} ACPIFixup;
typedef struct ACPITables {
    GByteArray *blob, *rsdp;
    GArray *fixups;    /* ACPIFixup, in the order to apply */
} ACPITables;

ACPITables *acpi_build(const ACPIConfig *c);
void acpi_free(ACPITables *t);
/* Makes all addresses right for the blob at this address. Once. */
void acpi_place(ACPITables *t, uint32_t blob_address);
/* Contents of etc/table-loader, by which firmware places etc/acpi/tables and etc/acpi/rsdp. */
GByteArray *acpi_loader_script(const ACPITables *t);

/* hw/acpi/dsdt.c: definition block of the DSDT. */
void acpi_dsdt(GByteArray *out, const ACPIConfig *c);

#endif
