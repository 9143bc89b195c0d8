/* SPDX-License-Identifier: MIT */
/*
 * The static ACPI tables of the PC: FADT (revision 3), FACS, MADT, HPET, WAET
 * (ACPI 6.4 ch. 5.2; IA-PC HPET specification 1.0a; Windows ACPI Emulated Devices Table). The DSDT is
 * written by dsdt.c, what all boards share by blob.c.
 */
#include "hw/acpi.h"
#include "hw/pc.h"
#include <string.h>

enum { FACS_SIZE = 64 };
enum { /* FADT flags */
    FADT_WBINVD = 1 << 0, FADT_PROC_C1 = 1 << 2, FADT_SLEEP_BUTTON_METHOD = 1 << 5, FADT_RTC_S4 = 1 << 7,
    FADT_RESET_REGISTER = 1 << 10, FADT_PLATFORM_CLOCK = 1 << 15,
};
enum { BOOT_LEGACY_DEVICES = 1 << 0, BOOT_8042 = 1 << 1 };
enum { MADT_LOCAL_APIC, MADT_IO_APIC, MADT_OVERRIDE, MADT_LOCAL_NMI = 4, MADT_LOCAL_X2APIC = 9 };
enum { OVERRIDE_CONFORMS = 0, OVERRIDE_HIGH_LEVEL = 0xd };

/* ---- Tables ---- */

static uint32_t build_facs(ACPITables *t)
{
    while (t->blob->len & 63)
        acpi_put(t->blob, 0, 1);
    uint32_t start = t->blob->len;
    acpi_put_text(t->blob, "FACS", 4);
    acpi_put(t->blob, FACS_SIZE, 4);
    acpi_put_zeros(t->blob, FACS_SIZE - 8);
    return start;
}

static uint32_t build_dsdt(ACPITables *t, const ACPIConfig *c)
{
    uint32_t start = acpi_table_begin(t, "DSDT", 2);
    acpi_dsdt(t->blob, c);
    return acpi_table_end(t, start);
}

/* Generic address structure in I/O space. */
static void put_gas_io(GByteArray *a, uint16_t port, unsigned bytes)
{
    acpi_put(a, port ? 1 : 0, 1);
    acpi_put(a, bytes * 8, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, bytes == 1 ? 1 : 0, 1);
    acpi_put(a, port, 8);
}

static uint32_t build_fadt(ACPITables *t, const ACPIConfig *c, uint32_t facs, uint32_t dsdt)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "FACP", 3);
    acpi_put_pointer(t, facs, 4);
    acpi_put_pointer(t, dsdt, 4);
    acpi_put(a, 0, 1);                 /* interrupt model of ACPI 1.0 */
    acpi_put(a, 0, 1);                 /* power profile: unspecified */
    acpi_put(a, PC_SCI_IRQ, 2);
    acpi_put(a, PC_SMI_PORT, 4);
    acpi_put(a, c->chipset.acpi_enable, 1);
    acpi_put(a, c->chipset.acpi_disable, 1);
    acpi_put_zeros(a, 2);              /* S4BIOS, P-states: none */
    const uint32_t blocks[] = { PC_PM_BASE, 0, PC_PM_BASE + 4, 0, 0, PC_PM_BASE + 8, c->chipset.gpe0, 0 };
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
        acpi_put(a, blocks[i], 4);     /* PM1a/b events, PM1a/b control, PM2, timer, GPE0, GPE1 */
    const uint8_t lengths[] = { 4, 2, 0, 4, c->chipset.gpe0_len, 0, 0, 0 };
    g_byte_array_append(a, lengths, sizeof(lengths)); /* the same, then GPE1 base, C-state control */
    acpi_put(a, 0xfff, 2);             /* no C2 */
    acpi_put(a, 0xfff, 2);             /* no C3 */
    acpi_put_zeros(a, 8);              /* cache flush, duty cycle, alarms */
    acpi_put(a, 0x32, 1);              /* century byte of the clock */
    acpi_put(a, BOOT_LEGACY_DEVICES | (c->i8042 ? BOOT_8042 : 0), 2);
    acpi_put(a, 0, 1);
    acpi_put(a, FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON_METHOD | FADT_RTC_S4 | FADT_RESET_REGISTER |
               FADT_PLATFORM_CLOCK, 4);
    put_gas_io(a, PC_RESET_PORT, 1);
    acpi_put(a, PC_RESET_VALUE, 1);
    acpi_put_zeros(a, 3);
    acpi_put_zeros(a, 8);              /* 64-bit FACS: the 32-bit field holds */
    acpi_put_pointer(t, dsdt, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        const uint8_t widths[] = { 4, 0, 2, 0, 0, 4, c->chipset.gpe0_len, 0 };
        put_gas_io(a, blocks[i], widths[i]);
    }
    return acpi_table_end(t, start);
}

static void put_override(GByteArray *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    acpi_put(a, MADT_OVERRIDE, 1);
    acpi_put(a, 10, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, irq, 1);
    acpi_put(a, gsi, 4);
    acpi_put(a, flags, 2);
}

void acpi_put_processor(GByteArray *a, unsigned n, uint32_t apic_id)
{
    bool x2 = apic_id >= 255;
    acpi_put(a, x2 ? MADT_LOCAL_X2APIC : MADT_LOCAL_APIC, 1);
    acpi_put(a, x2 ? 16 : 8, 1);
    if (x2) {
        acpi_put(a, 0, 2);
        acpi_put(a, apic_id, 4);
        acpi_put(a, 1, 4);
        acpi_put(a, n, 4);
    } else {
        acpi_put(a, n, 1);
        acpi_put(a, apic_id, 1);
        acpi_put(a, 1, 4);
    }
}

void acpi_put_ioapic(GByteArray *a, uint8_t id, uint32_t address, uint32_t first)
{
    acpi_put(a, MADT_IO_APIC, 1);
    acpi_put(a, 12, 1);
    acpi_put(a, id, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, address, 4);
    acpi_put(a, first, 4);
}

void acpi_put_lint1_nmi(GByteArray *a)
{
    acpi_put(a, MADT_LOCAL_NMI, 1);
    acpi_put(a, 6, 1);
    acpi_put(a, 0xff, 1); /* every processor */
    acpi_put(a, 0, 2);
    acpi_put(a, 1, 1);
}

static uint32_t build_madt(ACPITables *t, const ACPIConfig *c)
{
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 };
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "APIC", 3);
    acpi_put(a, 0xfee00000, 4);
    acpi_put(a, 1, 4); /* the 8259 pair is there too */
    for (unsigned i = 0; i < c->cpus; i++)
        acpi_put_processor(a, i, c->apic_ids[i]);
    acpi_put_ioapic(a, 0, PC_IOAPIC_BASE, 0);
    put_override(a, 0, 2, OVERRIDE_CONFORMS);
    for (unsigned i = 0; i < ARRAY_SIZE(level_irqs); i++)
        put_override(a, level_irqs[i], level_irqs[i], OVERRIDE_HIGH_LEVEL);
    acpi_put_lint1_nmi(a);
    return acpi_table_end(t, start);
}

static uint32_t build_hpet(ACPITables *t)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "HPET", 1);
    acpi_put(a, 0x8086a201, 4);
    acpi_put(a, 0, 1);    /* system memory */
    acpi_put(a, 64, 1);
    acpi_put(a, 0, 2);
    acpi_put(a, PC_HPET_BASE, 8);
    acpi_put_zeros(a, 4); /* sequence number, minimum tick, page protection */
    return acpi_table_end(t, start);
}

/* Tells Windows that the PM timer needs to be read only once. */
static uint32_t build_waet(ACPITables *t)
{
    uint32_t start = acpi_table_begin(t, "WAET", 1);
    acpi_put(t->blob, 2, 4);
    return acpi_table_end(t, start);
}

ACPITables *acpi_build(const ACPIConfig *c)
{
    ACPITables *t = acpi_new("RHEAPC");
    uint32_t facs = build_facs(t), dsdt = build_dsdt(t, c), tables[8];
    unsigned n = 0;
    tables[n++] = build_fadt(t, c, facs, dsdt);
    tables[n++] = build_madt(t, c);
    if (c->hpet)
        tables[n++] = build_hpet(t);
    if (c->ecam_size)
        tables[n++] = acpi_mcfg(t, c->ecam_base, (unsigned)(c->ecam_size / MiB - 1));
    tables[n++] = build_waet(t);
    uint32_t rsdt = acpi_root(t, "RSDT", 4, tables, n);
    uint32_t xsdt = acpi_root(t, "XSDT", 8, tables, n);
    acpi_rsdp(t, rsdt, xsdt);
    return t;
}
