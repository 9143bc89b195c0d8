/* SPDX-License-Identifier: MIT */
/*
 * The static ACPI tables of the PC: RSDP, RSDT, XSDT, FADT (revision 3), FACS, MADT, HPET, WAET
 * (ACPI 6.4 ch. 5.2; IA-PC HPET specification 1.0a; Windows ACPI Emulated Devices Table). The DSDT is
 * written by dsdt.c.
 */
#include "hw/acpi.h"
#include "hw/pc.h"
#include <string.h>

enum { HEADER_SIZE = 36, HEADER_LENGTH = 4, HEADER_CHECKSUM = 9, FACS_SIZE = 64, RSDP_SIZE = 36 };
enum { /* FADT flags */
    FADT_WBINVD = 1 << 0, FADT_PROC_C1 = 1 << 2, FADT_SLEEP_BUTTON_METHOD = 1 << 5, FADT_RTC_S4 = 1 << 7,
    FADT_RESET_REGISTER = 1 << 10, FADT_PLATFORM_CLOCK = 1 << 15,
};
enum { BOOT_LEGACY_DEVICES = 1 << 0, BOOT_8042 = 1 << 1 };
enum { MADT_LOCAL_APIC, MADT_IO_APIC, MADT_OVERRIDE, MADT_LOCAL_NMI = 4, MADT_LOCAL_X2APIC = 9 };
enum { OVERRIDE_CONFORMS = 0, OVERRIDE_HIGH_LEVEL = 0xd };

static void put(GByteArray *a, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> 8 * i;
        g_byte_array_append(a, &byte, 1);
    }
}

static void put_text(GByteArray *a, const char *text, unsigned bytes)
{
    for (unsigned i = 0, len = strlen(text); i < bytes; i++)
        put(a, i < len ? text[i] : ' ', 1);
}

static void put_zeros(GByteArray *a, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        put(a, 0, 1);
}

/* ---- Fixups ---- */

static void put_pointer(ACPITables *t, bool in_rsdp, uint32_t target, unsigned bytes)
{
    GByteArray *a = in_rsdp ? t->rsdp : t->blob;
    ACPIFixup f = { .pointer = true, .in_rsdp = in_rsdp, .offset = a->len, .size = bytes };
    g_array_append_val(t->fixups, f);
    put(a, target, bytes);
}

static void add_checksum(ACPITables *t, bool in_rsdp, uint32_t field, uint32_t start, uint32_t length)
{
    ACPIFixup f = { .in_rsdp = in_rsdp, .offset = field, .start = start, .length = length };
    g_array_append_val(t->fixups, f);
}

static uint32_t table_begin(ACPITables *t, const char *signature, uint8_t revision)
{
    GByteArray *a = t->blob;
    while (a->len & 15)
        put(a, 0, 1);
    uint32_t start = a->len;
    put_text(a, signature, 4);
    put(a, 0, 4);
    put(a, revision, 1);
    put(a, 0, 1);
    put_text(a, "RHEA", 6);
    put_text(a, "RHEAPC", 8);
    put(a, 1, 4);
    put_text(a, "RHEA", 4);
    put(a, 1, 4);
    return start;
}

static uint32_t table_end(ACPITables *t, uint32_t start)
{
    uint32_t length = t->blob->len - start;
    for (unsigned i = 0; i < 4; i++)
        t->blob->data[start + HEADER_LENGTH + i] = length >> 8 * i;
    add_checksum(t, false, start + HEADER_CHECKSUM, start, length);
    return start;
}

/* ---- Tables ---- */

static uint32_t build_facs(ACPITables *t)
{
    while (t->blob->len & 63)
        put(t->blob, 0, 1);
    uint32_t start = t->blob->len;
    put_text(t->blob, "FACS", 4);
    put(t->blob, FACS_SIZE, 4);
    put_zeros(t->blob, FACS_SIZE - 8);
    return start;
}

static uint32_t build_dsdt(ACPITables *t, const ACPIConfig *c)
{
    uint32_t start = table_begin(t, "DSDT", 2);
    acpi_dsdt(t->blob, c);
    return table_end(t, start);
}

/* Generic address structure in I/O space. */
static void put_gas_io(GByteArray *a, uint16_t port, unsigned bytes)
{
    put(a, port ? 1 : 0, 1);
    put(a, bytes * 8, 1);
    put(a, 0, 1);
    put(a, bytes == 1 ? 1 : 0, 1);
    put(a, port, 8);
}

static uint32_t build_fadt(ACPITables *t, const ACPIConfig *c, uint32_t facs, uint32_t dsdt)
{
    GByteArray *a = t->blob;
    uint32_t start = table_begin(t, "FACP", 3);
    put_pointer(t, false, facs, 4);
    put_pointer(t, false, dsdt, 4);
    put(a, 0, 1);                 /* interrupt model of ACPI 1.0 */
    put(a, 0, 1);                 /* power profile: unspecified */
    put(a, PC_SCI_IRQ, 2);
    put(a, PC_SMI_PORT, 4);
    put(a, PC_SMI_ACPI_ENABLE, 1);
    put(a, PC_SMI_ACPI_DISABLE, 1);
    put_zeros(a, 2);              /* S4BIOS, P-states: none */
    const uint32_t blocks[] = { PC_PM_BASE, 0, PC_PM_BASE + 4, 0, 0, PC_PM_BASE + 8, PC_GPE0_BASE, 0 };
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
        put(a, blocks[i], 4);     /* PM1a/b events, PM1a/b control, PM2, timer, GPE0, GPE1 */
    const uint8_t lengths[] = { 4, 2, 0, 4, 4, 0, 0, 0 };
    g_byte_array_append(a, lengths, sizeof(lengths)); /* the same, then GPE1 base, C-state control */
    put(a, 0xfff, 2);             /* no C2 */
    put(a, 0xfff, 2);             /* no C3 */
    put_zeros(a, 8);              /* cache flush, duty cycle, alarms */
    put(a, 0x32, 1);              /* century byte of the clock */
    put(a, BOOT_LEGACY_DEVICES | (c->i8042 ? BOOT_8042 : 0), 2);
    put(a, 0, 1);
    put(a, FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON_METHOD | FADT_RTC_S4 | FADT_RESET_REGISTER |
               FADT_PLATFORM_CLOCK, 4);
    put_gas_io(a, PC_RESET_PORT, 1);
    put(a, PC_RESET_VALUE, 1);
    put_zeros(a, 3);
    put_zeros(a, 8);              /* 64-bit FACS: the 32-bit field holds */
    put_pointer(t, false, dsdt, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        static const uint8_t widths[] = { 4, 0, 2, 0, 0, 4, 4, 0 };
        put_gas_io(a, blocks[i], widths[i]);
    }
    return table_end(t, start);
}

static void put_override(GByteArray *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    put(a, MADT_OVERRIDE, 1);
    put(a, 10, 1);
    put(a, 0, 1);
    put(a, irq, 1);
    put(a, gsi, 4);
    put(a, flags, 2);
}

static void put_processor(GByteArray *a, unsigned n, uint32_t apic_id)
{
    bool x2 = apic_id >= 255;
    put(a, x2 ? MADT_LOCAL_X2APIC : MADT_LOCAL_APIC, 1);
    put(a, x2 ? 16 : 8, 1);
    if (x2) {
        put(a, 0, 2);
        put(a, apic_id, 4);
        put(a, 1, 4);
        put(a, n, 4);
    } else {
        put(a, n, 1);
        put(a, apic_id, 1);
        put(a, 1, 4);
    }
}

static uint32_t build_madt(ACPITables *t, const ACPIConfig *c)
{
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 };
    GByteArray *a = t->blob;
    uint32_t start = table_begin(t, "APIC", 3);
    put(a, 0xfee00000, 4);
    put(a, 1, 4); /* the 8259 pair is there too */
    for (unsigned i = 0; i < c->cpus; i++)
        put_processor(a, i, c->apic_ids[i]);
    put(a, MADT_IO_APIC, 1);
    put(a, 12, 1);
    put(a, 0, 2);
    put(a, PC_IOAPIC_BASE, 4);
    put(a, 0, 4);
    put_override(a, 0, 2, OVERRIDE_CONFORMS);
    for (unsigned i = 0; i < ARRAY_SIZE(level_irqs); i++)
        put_override(a, level_irqs[i], level_irqs[i], OVERRIDE_HIGH_LEVEL);
    put(a, MADT_LOCAL_NMI, 1);
    put(a, 6, 1);
    put(a, 0xff, 1); /* every processor */
    put(a, 0, 2);
    put(a, 1, 1);    /* LINT1 */
    return table_end(t, start);
}

static uint32_t build_hpet(ACPITables *t)
{
    GByteArray *a = t->blob;
    uint32_t start = table_begin(t, "HPET", 1);
    put(a, 0x8086a201, 4);
    put(a, 0, 1);    /* system memory */
    put(a, 64, 1);
    put(a, 0, 2);
    put(a, PC_HPET_BASE, 8);
    put_zeros(a, 4); /* sequence number, minimum tick, page protection */
    return table_end(t, start);
}

/* Tells Windows that the PM timer needs to be read only once. */
static uint32_t build_waet(ACPITables *t)
{
    uint32_t start = table_begin(t, "WAET", 1);
    put(t->blob, 2, 4);
    return table_end(t, start);
}

static void build_rsdp(ACPITables *t, uint32_t rsdt, uint32_t xsdt)
{
    GByteArray *a = t->rsdp;
    put_text(a, "RSD PTR ", 8);
    put(a, 0, 1);
    put_text(a, "RHEA", 6);
    put(a, 2, 1);
    put_pointer(t, true, rsdt, 4);
    put(a, RSDP_SIZE, 4);
    put_pointer(t, true, xsdt, 8);
    put_zeros(a, 4);
    add_checksum(t, true, 8, 0, 20);
    add_checksum(t, true, 32, 0, RSDP_SIZE);
}

static uint32_t build_root(ACPITables *t, const char *signature, unsigned bytes, const uint32_t *tables, unsigned n)
{
    uint32_t start = table_begin(t, signature, 1);
    for (unsigned i = 0; i < n; i++)
        put_pointer(t, false, tables[i], bytes);
    return table_end(t, start);
}

ACPITables *acpi_build(const ACPIConfig *c)
{
    ACPITables *t = g_new0(ACPITables, 1);
    t->blob = g_byte_array_new();
    t->rsdp = g_byte_array_new();
    t->fixups = g_array_new(FALSE, FALSE, sizeof(ACPIFixup));
    uint32_t facs = build_facs(t), dsdt = build_dsdt(t, c), tables[8];
    unsigned n = 0;
    tables[n++] = build_fadt(t, c, facs, dsdt);
    tables[n++] = build_madt(t, c);
    if (c->hpet)
        tables[n++] = build_hpet(t);
    tables[n++] = build_waet(t);
    uint32_t rsdt = build_root(t, "RSDT", 4, tables, n);
    uint32_t xsdt = build_root(t, "XSDT", 8, tables, n);
    build_rsdp(t, rsdt, xsdt);
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
    put_zeros(a, 56 - strlen(name));
}

static void command_end(GByteArray *a)
{
    while (a->len % SCRIPT_SIZE)
        put(a, 0, 1);
}

static void put_allocate(GByteArray *a, const char *file, uint32_t align, uint8_t zone)
{
    put(a, SCRIPT_ALLOCATE, 4);
    put_file(a, file);
    put(a, align, 4);
    put(a, zone, 1);
    command_end(a);
}

static void put_fixup(GByteArray *a, const ACPIFixup *f)
{
    const char *file = f->in_rsdp ? rsdp_file : tables_file;
    put(a, f->pointer ? SCRIPT_POINTER : SCRIPT_CHECKSUM, 4);
    put_file(a, file);
    if (f->pointer) {
        put_file(a, tables_file);
        put(a, f->offset, 4);
        put(a, f->size, 1);
    } else {
        put(a, f->offset, 4);
        put(a, f->start, 4);
        put(a, f->length, 4);
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
