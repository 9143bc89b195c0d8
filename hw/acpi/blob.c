/* SPDX-License-Identifier: MIT */
/*
 * What the ACPI tables of every board stand on (ACPI 6.4 ch. 5.2): fields, headers, root tables, and the list of what
 * depends on where firmware puts them. MCFG is that of the PCI Firmware Specification 3.3, 4.1.2.
 */
#include "hw/acpi-blob.h"
#include <string.h>

enum { HEADER_LENGTH = 4, HEADER_CHECKSUM = 9, RSDP_SIZE = 36 };

void acpi_put(GByteArray *a, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> 8 * i;
        g_byte_array_append(a, &byte, 1);
    }
}

void acpi_put_text(GByteArray *a, const char *text, unsigned bytes)
{
    for (unsigned i = 0, len = strlen(text); i < bytes; i++)
        acpi_put(a, i < len ? text[i] : ' ', 1);
}

void acpi_put_zeros(GByteArray *a, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        acpi_put(a, 0, 1);
}

/* ---- Fixups ---- */

static void add_pointer(ACPITables *t, bool in_rsdp, uint32_t target, unsigned bytes)
{
    GByteArray *a = in_rsdp ? t->rsdp : t->blob;
    ACPIFixup f = { .pointer = true, .in_rsdp = in_rsdp, .offset = a->len, .size = bytes };
    g_array_append_val(t->fixups, f);
    acpi_put(a, target, bytes);
}

void acpi_put_pointer(ACPITables *t, uint32_t target, unsigned bytes)
{
    add_pointer(t, false, target, bytes);
}

static void add_checksum(ACPITables *t, bool in_rsdp, uint32_t field, uint32_t start, uint32_t length)
{
    ACPIFixup f = { .in_rsdp = in_rsdp, .offset = field, .start = start, .length = length };
    g_array_append_val(t->fixups, f);
}

uint32_t acpi_table_begin(ACPITables *t, const char *signature, uint8_t revision)
{
    GByteArray *a = t->blob;
    while (a->len & 15)
        acpi_put(a, 0, 1);
    uint32_t start = a->len;
    acpi_put_text(a, signature, 4);
    acpi_put(a, 0, 4);
    acpi_put(a, revision, 1);
    acpi_put(a, 0, 1);
    acpi_put_text(a, "RHEA", 6);
    acpi_put_text(a, t->oem_table, 8);
    acpi_put(a, 1, 4);
    acpi_put_text(a, "RHEA", 4);
    acpi_put(a, 1, 4);
    return start;
}

uint32_t acpi_table_end(ACPITables *t, uint32_t start)
{
    uint32_t length = t->blob->len - start;
    for (unsigned i = 0; i < 4; i++)
        t->blob->data[start + HEADER_LENGTH + i] = length >> 8 * i;
    add_checksum(t, false, start + HEADER_CHECKSUM, start, length);
    return start;
}

/* ---- Roots ---- */

void acpi_rsdp(ACPITables *t, uint32_t rsdt, uint32_t xsdt)
{
    GByteArray *a = t->rsdp;
    acpi_put_text(a, "RSD PTR ", 8);
    acpi_put(a, 0, 1);
    acpi_put_text(a, "RHEA", 6);
    acpi_put(a, 2, 1);
    if (rsdt)
        add_pointer(t, true, rsdt, 4);
    else
        acpi_put(a, 0, 4);
    acpi_put(a, RSDP_SIZE, 4);
    add_pointer(t, true, xsdt, 8);
    acpi_put_zeros(a, 4);
    add_checksum(t, true, 8, 0, 20);
    add_checksum(t, true, 32, 0, RSDP_SIZE);
}

uint32_t acpi_root(ACPITables *t, const char *signature, unsigned bytes, const uint32_t *tables, unsigned n)
{
    uint32_t start = acpi_table_begin(t, signature, 1);
    for (unsigned i = 0; i < n; i++)
        acpi_put_pointer(t, tables[i], bytes);
    return acpi_table_end(t, start);
}

/* ---- PCI Express configuration space ---- */

uint32_t acpi_mcfg(ACPITables *t, uint64_t base, unsigned last_bus)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "MCFG", 1);
    acpi_put_zeros(a, 8);
    acpi_put(a, base, 8);
    acpi_put(a, 0, 2);        /* segment */
    acpi_put(a, 0, 1);        /* first bus */
    acpi_put(a, last_bus, 1);
    acpi_put_zeros(a, 4);
    return acpi_table_end(t, start);
}

/* ---- Life ---- */

ACPITables *acpi_new(const char *oem_table)
{
    ACPITables *t = g_new0(ACPITables, 1);
    t->oem_table = oem_table;
    t->blob = g_byte_array_new();
    t->rsdp = g_byte_array_new();
    t->fixups = g_array_new(FALSE, FALSE, sizeof(ACPIFixup));
    return t;
}

void acpi_free(ACPITables *t)
{
    g_byte_array_free(t->blob, TRUE);
    g_byte_array_free(t->rsdp, TRUE);
    g_array_free(t->fixups, TRUE);
    g_free(t);
}

/* ---- Placing ---- */

static void apply_pointer(uint8_t *data, const ACPIFixup *f, uint32_t base)
{
    uint64_t value = 0;
    memcpy(&value, data + f->offset, f->size);
    value += base;
    memcpy(data + f->offset, &value, f->size);
}

static void apply_checksum(uint8_t *data, const ACPIFixup *f)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < f->length; i++)
        sum += data[f->start + i];
    data[f->offset] -= sum;
}

/* Pointers first: checksums cover them. */
void acpi_place(ACPITables *t, uint32_t blob_address)
{
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < t->fixups->len; i++) {
            const ACPIFixup *f = &g_array_index(t->fixups, ACPIFixup, i);
            uint8_t *data = f->in_rsdp ? t->rsdp->data : t->blob->data;
            if (f->pointer && pass == 0)
                apply_pointer(data, f, blob_address);
            else if (!f->pointer && pass == 1)
                apply_checksum(data, f);
        }
}

/* ---- The script for firmware: 128-byte commands ---- */

enum { SCRIPT_ALLOCATE = 1, SCRIPT_POINTER, SCRIPT_CHECKSUM, SCRIPT_SIZE = 128, ZONE_HIGH = 1, ZONE_FSEG };
static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

static void put_file(GByteArray *a, const char *name)
{
    g_byte_array_append(a, (const uint8_t *)name, strlen(name));
    acpi_put_zeros(a, 56 - strlen(name));
}

static void command_end(GByteArray *a)
{
    while (a->len % SCRIPT_SIZE)
        acpi_put(a, 0, 1);
}

static void put_allocate(GByteArray *a, const char *file, uint32_t align, uint8_t zone)
{
    acpi_put(a, SCRIPT_ALLOCATE, 4);
    put_file(a, file);
    acpi_put(a, align, 4);
    acpi_put(a, zone, 1);
    command_end(a);
}

static void put_fixup(GByteArray *a, const ACPIFixup *f)
{
    const char *file = f->in_rsdp ? rsdp_file : tables_file;
    acpi_put(a, f->pointer ? SCRIPT_POINTER : SCRIPT_CHECKSUM, 4);
    put_file(a, file);
    if (f->pointer) {
        put_file(a, tables_file);
        acpi_put(a, f->offset, 4);
        acpi_put(a, f->size, 1);
    } else {
        acpi_put(a, f->offset, 4);
        acpi_put(a, f->start, 4);
        acpi_put(a, f->length, 4);
    }
    command_end(a);
}

GByteArray *acpi_loader_script(const ACPITables *t)
{
    GByteArray *a = g_byte_array_new();
    put_allocate(a, tables_file, 64, ZONE_HIGH);
    put_allocate(a, rsdp_file, 16, ZONE_FSEG);
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < t->fixups->len; i++) {
            const ACPIFixup *f = &g_array_index(t->fixups, ACPIFixup, i);
            if (f->pointer == (pass == 0))
                put_fixup(a, f);
        }
    return a;
}
