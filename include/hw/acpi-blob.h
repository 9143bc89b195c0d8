/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables of any board (ACPI 6.4 ch. 5.2). They are built once as one blob plus the root pointer, with a list
 * of what depends on the final address: firmware gets that list as a script, a direct start applies it.
 * A table is opened by acpi_table_begin(), filled with acpi_put*() into the blob and closed by acpi_table_end(); both
 * return where it starts in the blob, by which pointers name it.
 */
#ifndef RHEA_HW_ACPI_BLOB_H
#define RHEA_HW_ACPI_BLOB_H

#include "typedefs.h"
#include <glib.h>

typedef struct ACPIFixup {
    bool pointer;      /* else checksum */
    bool in_rsdp;      /* where it applies: the root pointer, else the blob */
    uint32_t offset;   /* of the field */
    uint32_t size;     /* pointer: bytes; it holds an offset into the blob */
    uint32_t start, length; /* checksum: the bytes that sum to zero */
} ACPIFixup;
typedef struct ACPITables {
    const char *oem_table;   /* OEM table ID, up to 8 letters */
    GByteArray *blob, *rsdp;
    GArray *fixups;    /* ACPIFixup, in the order to apply */
} ACPITables;
enum { ACPI_HEADER_SIZE = 36 };

ACPITables *acpi_new(const char *oem_table);
void acpi_free(ACPITables *t);

/* Little-endian number; text padded with blanks; zeros. */
void acpi_put(GByteArray *a, uint64_t value, unsigned bytes);
void acpi_put_text(GByteArray *a, const char *text, unsigned bytes);
void acpi_put_zeros(GByteArray *a, unsigned bytes);
/* The address of a table, 4 or 8 bytes. */
void acpi_put_pointer(ACPITables *t, uint32_t target, unsigned bytes);

uint32_t acpi_table_begin(ACPITables *t, const char *signature, uint8_t revision);
uint32_t acpi_table_end(ACPITables *t, uint32_t start);
/* "RSDT" with 4 bytes or "XSDT" with 8 bytes for each table. */
uint32_t acpi_root(ACPITables *t, const char *signature, unsigned bytes, const uint32_t *tables, unsigned n);
/* The root pointer, last; rsdt 0: there is none. */
void acpi_rsdp(ACPITables *t, uint32_t rsdt, uint32_t xsdt);
/* ECAM of segment 0, buses 0 to last_bus. */
uint32_t acpi_mcfg(ACPITables *t, uint64_t base, unsigned last_bus);

/* Makes all addresses right for the blob at this address. Once. */
void acpi_place(ACPITables *t, uint32_t blob_address);
/* Contents of etc/table-loader, by which firmware places etc/acpi/tables and etc/acpi/rsdp. */
GByteArray *acpi_loader_script(const ACPITables *t);

#endif
