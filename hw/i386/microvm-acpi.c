/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables of the "microvm" board: hardware-reduced FADT, MADT, and a DSDT of fw_cfg, serial port, clock, events and the virtio
 * transports that have a device (ACPI 6.4 ch. 5.2). Contents follow QEMU's board of this name.
 */
#include "hw/acpi-ged.h"
#include "hw/i386/microvm.h"
#include "hw/pc.h"
#include <glib.h>

enum { FADT_RESET_REGISTER = 1 << 10, FADT_HW_REDUCED = 1 << 20 };

/* Generic address structure of a byte in memory. */
static void put_byte_register(GByteArray *a, uint64_t address)
{
    acpi_put(a, 0, 1);
    acpi_put(a, 8, 1);
    acpi_put(a, 0, 2);
    acpi_put(a, address, 8);
}

static uint32_t build_fadt(ACPITables *t, uint32_t dsdt)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "FACP", 5);
    acpi_put_zeros(a, 4);
    acpi_put_pointer(t, dsdt, 4);
    acpi_put_zeros(a, 68);           /* nothing of what precedes hardware-reduced ACPI */
    acpi_put(a, FADT_RESET_REGISTER | FADT_HW_REDUCED, 4);
    put_byte_register(a, MICROVM_GED_CONTROL + 2);
    acpi_put(a, ACPI_GED_RESET_VALUE, 1);
    acpi_put_zeros(a, 2 + 1 + 8);    /* Arm flags, minor revision, FACS */
    acpi_put_pointer(t, dsdt, 8);
    acpi_put_zeros(a, 8 * 12);       /* register blocks */
    put_byte_register(a, MICROVM_GED_CONTROL);
    put_byte_register(a, MICROVM_GED_CONTROL + 1);
    return acpi_table_end(t, start);
}

static uint32_t build_madt(ACPITables *t, const MachineState *m)
{
    const MicrovmBoard *b = m->board;
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "APIC", 1);
    acpi_put(a, 0xfee00000, 4);
    acpi_put(a, 1, 4);               /* the 8259 pair may be there, too */
    for (unsigned i = 0; i < m->cpus; i++)
        acpi_put_processor(a, i, pc_apic_id(m, i));
    acpi_put_ioapic(a, 0, PC_IOAPIC_BASE, 0);
    if (b->ioapic2)
        acpi_put_ioapic(a, 1, MICROVM_IOAPIC2, MICROVM_IOAPIC_PINS);
    acpi_put_lint1_nmi(a);
    return acpi_table_end(t, start);
}

/* ---- DSDT ---- */

static AmlMark device_with_id(Aml *a, const char *name, const char *hid)
{
    AmlMark d = aml_device(a, name);
    aml_name(a, "_HID");
    aml_string(a, hid);
    return d;
}

static AmlMark device_with_eisa_id(Aml *a, const char *name, const char *hid)
{
    AmlMark d = aml_device(a, name);
    aml_name(a, "_HID");
    aml_eisa_id(a, hid);
    return d;
}

/* _CRS of ports and, when irq is not negative, an ISA interrupt. */
static void port_resources(Aml *a, uint16_t port, uint8_t align, uint8_t length, int irq)
{
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_io(a, port, align, length);
    if (irq >= 0)
        aml_irq(a, (unsigned)irq);
    aml_resources_end(a, t);
}

static void isa_devices(Aml *a, const MachineState *m)
{
    const MicrovmBoard *b = m->board;
    AmlMark d = device_with_id(a, "FWCF", "QEMU0002");
    aml_name_int(a, "_STA", 0x0b);
    port_resources(a, 0x510, 1, 12, -1);
    aml_end(a, d);
    if (b->isa_serial && m->serial[0]) {
        d = device_with_eisa_id(a, "COM1", "PNP0501");
        aml_name_int(a, "_UID", 1);
        aml_name_int(a, "_STA", 0x0f);
        port_resources(a, 0x3f8, 0, 8, 4);
        aml_end(a, d);
    }
    if (b->pc.rtc) {
        d = device_with_eisa_id(a, "RTC", "PNP0B00");
        port_resources(a, 0x70, 1, 8, 8);
        aml_end(a, d);
    }
}

static void virtio_transport(Aml *a, const MicrovmBoard *b, unsigned n)
{
    char name[8];
    g_snprintf(name, sizeof(name), "VR%02u", n);
    AmlMark d = device_with_id(a, name, "LNRO0005");
    aml_name_int(a, "_UID", n);
    aml_name_int(a, "_CCA", 1);
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_memory32_fixed(a, MICROVM_VIRTIO + n * MICROVM_TRANSPORT_SIZE, MICROVM_TRANSPORT_SIZE, true);
    aml_interrupt(a, b->first_irq + n, false);
    aml_resources_end(a, t);
    aml_end(a, d);
}

static uint32_t build_dsdt(ACPITables *t, const MachineState *m)
{
    const MicrovmBoard *b = m->board;
    Aml *a = t->blob;
    uint32_t start = acpi_table_begin(t, "DSDT", 2);
    AmlMark system = aml_scope(a, "\\_SB");
    isa_devices(a, m);
    acpi_ged_describe(a, MICROVM_GED, MICROVM_GED_IRQ);
    acpi_power_button(a);
    for (unsigned n = b->transports; n-- > 0;)
        if (microvm_used(b, n))
            virtio_transport(a, b, n);
    aml_end(a, system);
    aml_name(a, "\\_S5");
    AmlMark s5 = aml_package(a, 4);
    aml_int(a, ACPI_GED_SLEEP_S5);
    for (unsigned i = 1; i < 4; i++)
        aml_int(a, 0);
    aml_end(a, s5);
    return acpi_table_end(t, start);
}

ACPITables *microvm_build_acpi(const MachineState *m)
{
    ACPITables *t = acpi_new("RHEAMICR");
    uint32_t dsdt = build_dsdt(t, m);
    uint32_t tables[] = { build_fadt(t, dsdt), build_madt(t, m) };
    acpi_rsdp(t, 0, acpi_root(t, "XSDT", 8, tables, ARRAY_SIZE(tables)));
    return t;
}
