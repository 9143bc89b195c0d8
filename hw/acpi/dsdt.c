/* SPDX-License-Identifier: MIT */
/*
 * The DSDT of the PC: PCI root with its windows and interrupt routing through the ISA bridge's link devices (four in the PIIX3, eight in
 * the ICH9), ISA devices, HPET, processors, the S5 sleep state. What PCI Express adds is in dsdt-pcie.c.
 */
#include "hw/acpi.h"
#include "hw/aml.h"
#include "hw/pc.h"
#include <string.h>

static const uint32_t link_irqs[] = { 5, 10, 11 };
#define INTERRUPTS_NUMBER_AT 5 /* of the first number in an extended interrupt descriptor */

enum { OSC_GRANTED = 0x1f }; /* hot-plug, power management, error reporting, capability structures */

static void eisa_name(Aml *a, const char *name, const char *id)
{
    aml_name(a, name);
    aml_eisa_id(a, id);
}

/* ---- Interrupt links ---- */

/* Present, and enabled when bit 7 of the route register is clear. */
static void link_status(Aml *a, const char *reg)
{
    AmlMark m = aml_method(a, "_STA", 0, false);
    AmlMark enabled = aml_if(a);
    aml_byte(a, AML_LLESS);
    aml_name_string(a, reg);
    aml_int(a, 0x80);
    aml_byte(a, AML_RETURN);
    aml_int(a, 0x0b);
    aml_end(a, enabled);
    aml_byte(a, AML_RETURN);
    aml_int(a, 0x09);
    aml_end(a, m);
}

static void link_disable(Aml *a, const char *reg)
{
    AmlMark m = aml_method(a, "_DIS", 0, false);
    aml_byte(a, AML_OR);
    aml_name_string(a, reg);
    aml_int(a, 0x80);
    aml_name_string(a, reg);
    aml_end(a, m);
}

/* Patches the route into the template BUFA. */
static void link_current(Aml *a, const char *reg)
{
    static const uint32_t none[] = { 0 };
    aml_name(a, "BUFA");
    AmlTemplate t = aml_resources(a);
    aml_interrupts(a, none, 1);
    aml_resources_end(a, t);
    AmlMark m = aml_method(a, "_CRS", 0, true);
    aml_byte(a, AML_CREATE_DWORD_FIELD);
    aml_name_string(a, "BUFA");
    aml_int(a, INTERRUPTS_NUMBER_AT);
    aml_name_string(a, "IRQA");
    AmlMark enabled = aml_if(a);
    aml_byte(a, AML_LLESS);
    aml_name_string(a, reg);
    aml_int(a, 0x80);
    aml_byte(a, AML_STORE);
    aml_name_string(a, reg);
    aml_name_string(a, "IRQA");
    aml_end(a, enabled);
    aml_byte(a, AML_RETURN);
    aml_name_string(a, "BUFA");
    aml_end(a, m);
}

static void link_set(Aml *a, const char *reg)
{
    AmlMark m = aml_method(a, "_SRS", 1, true);
    aml_byte(a, AML_CREATE_DWORD_FIELD);
    aml_byte(a, AML_ARG0);
    aml_int(a, INTERRUPTS_NUMBER_AT);
    aml_name_string(a, "IRQB");
    aml_byte(a, AML_STORE);
    aml_name_string(a, "IRQB");
    aml_name_string(a, reg);
    aml_end(a, m);
}

static void link_device(Aml *a, unsigned n)
{
    const char name[] = { 'L', 'N', 'K', 'A' + n, 0 }, reg[] = { 'P', 'R', 'Q', '0' + n, 0 };
    AmlMark d = aml_device(a, name);
    eisa_name(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", n);
    aml_name(a, "_PRS");
    AmlTemplate t = aml_resources(a);
    aml_interrupts(a, link_irqs, ARRAY_SIZE(link_irqs));
    aml_resources_end(a, t);
    link_status(a, reg);
    link_disable(a, reg);
    link_current(a, reg);
    link_set(a, reg);
    aml_end(a, d);
}

/* The PM function's pin, which the chip ties to interrupt 9. */
static void sci_link_device(Aml *a)
{
    static const uint32_t sci[] = { PC_SCI_IRQ };
    AmlMark d = aml_device(a, "LNKS");
    eisa_name(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", 4);
    static const char *const names[] = { "_PRS", "_CRS" };
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        aml_name(a, names[i]);
        AmlTemplate t = aml_resources(a);
        aml_interrupts(a, sci, 1);
        aml_resources_end(a, t);
    }
    aml_name_int(a, "_STA", 0x0b);
    aml_end(a, aml_method(a, "_DIS", 0, false));
    aml_end(a, aml_method(a, "_SRS", 1, false));
    aml_end(a, d);
}

/* Every pin of every slot, rotated over the links as the host bridge wires them. */
static void routing_table(Aml *a)
{
    aml_name(a, "_PRT");
    AmlMark table = aml_package(a, 31 * 4);
    for (unsigned slot = 1; slot < 32; slot++)
        for (unsigned pin = 0; pin < 4; pin++) {
            g_autofree char *link = g_strdup_printf("\\_SB.PCI0.ISA.LNK%c", 'A' + ((slot + pin - 1) & 3));
            AmlMark row = aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_name_string(a, slot == 1 && pin == 0 ? "\\_SB.PCI0.ISA.LNKS" : link);
            aml_int(a, 0);
            aml_end(a, row);
        }
    aml_end(a, table);
}

/* ---- ISA devices ---- */

typedef struct ISANode {
    const char *name, *hid;
    uint16_t port[2];
    uint8_t ports[2]; /* length of each range */
    int irq;
} ISANode;

static void isa_device(Aml *a, const ISANode *n, int uid)
{
    AmlMark d = aml_device(a, n->name);
    eisa_name(a, "_HID", n->hid);
    if (uid >= 0)
        aml_name_int(a, "_UID", uid);
    aml_name_int(a, "_STA", 0x0f);
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    for (unsigned i = 0; i < 2; i++)
        if (n->ports[i])
            aml_io(a, n->port[i], 1, n->ports[i]);
    if (n->irq >= 0)
        aml_irq(a, n->irq);
    aml_resources_end(a, t);
    aml_end(a, d);
}

static void isa_devices(Aml *a, const ACPIConfig *c)
{
    static const ISANode clock = { "RTC", "PNP0B00", { 0x70 }, { 8 }, 8 };
    static const ISANode keyboard = { "KBD", "PNP0303", { 0x60, 0x64 }, { 1, 1 }, 1 };
    static const ISANode mouse = { "MOU", "PNP0F13", { 0 }, { 0 }, 12 };
    static const ISANode serial[] = {
        { "COM1", "PNP0501", { 0x3f8 }, { 8 }, 4 }, { "COM2", "PNP0501", { 0x2f8 }, { 8 }, 3 },
        { "COM3", "PNP0501", { 0x3e8 }, { 8 }, 4 }, { "COM4", "PNP0501", { 0x2e8 }, { 8 }, 3 },
    };
    isa_device(a, &clock, -1);
    if (c->i8042) {
        isa_device(a, &keyboard, -1);
        isa_device(a, &mouse, -1);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(serial); i++)
        if (c->serial_ports >> i & 1)
            isa_device(a, &serial[i], i + 1);
}

static void isa_bridge(Aml *a, const ACPIConfig *c)
{
    static const char *const routes[] = { "PRQ0", "PRQ1", "PRQ2", "PRQ3", "PRQ4", "PRQ5", "PRQ6", "PRQ7" };
    bool q35 = c->chipset.q35;
    AmlMark d = aml_device(a, "ISA");
    aml_name_int(a, "_ADR", (q35 ? 0x1fu : 1u) << 16);
    aml_region(a, "P40C", AML_PCI_CONFIG, 0x60, 4);
    aml_field_bytes(a, "P40C", routes, 4);
    if (q35) {
        aml_region(a, "P40D", AML_PCI_CONFIG, 0x68, 4);
        aml_field_bytes(a, "P40D", routes + 4, 4);
    }
    isa_devices(a, c);
    for (unsigned n = 0; n < (q35 ? 8 : 4); n++)
        link_device(a, n);
    if (!q35)
        sci_link_device(a);
    aml_end(a, d);
}

/* ---- The tree ---- */

static void pci_windows(Aml *a, const ACPIConfig *c)
{
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_window(a, AML_RANGE_BUS, 2, 0, 0xff);
    aml_io(a, 0xcf8, 1, 8);
    aml_window(a, AML_RANGE_IO, 2, 0, 0xcf7);
    aml_window(a, AML_RANGE_IO, 2, 0xd00, 0xffff);
    aml_window(a, AML_RANGE_MEMORY, 4, 0xa0000, 0xbffff);
    for (unsigned i = 0; i < ACPI_HOLES; i++)
        if (c->hole[i].start < c->hole[i].end)
            aml_window(a, AML_RANGE_MEMORY, 4, c->hole[i].start, c->hole[i].end - 1);
    if (c->high_start < c->high_end)
        aml_window(a, AML_RANGE_MEMORY, 8, c->high_start, c->high_end - 1);
    aml_resources_end(a, t);
}

static void hpet_device(Aml *a)
{
    AmlMark d = aml_device(a, "HPET");
    eisa_name(a, "_HID", "PNP0103");
    aml_name_int(a, "_UID", 0);
    aml_name_int(a, "_STA", 0x0f);
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_memory32_fixed(a, PC_HPET_BASE, 0x400, false);
    aml_resources_end(a, t);
    aml_end(a, d);
}

static void fw_cfg_device(Aml *a)
{
    AmlMark d = aml_device(a, "FWCF");
    aml_name(a, "_HID");
    aml_string(a, "QEMU0002");
    aml_name_int(a, "_STA", 0x0b);
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_io(a, 0x510, 1, 12);
    aml_resources_end(a, t);
    aml_end(a, d);
}

static void processors(Aml *a, const ACPIConfig *c)
{
    for (unsigned i = 0; i < c->cpus; i++) {
        char name[8];
        g_snprintf(name, sizeof(name), "C%03X", i & 0xfff);
        AmlMark d = aml_device(a, name);
        aml_name(a, "_HID");
        aml_string(a, "ACPI0007");
        aml_name_int(a, "_UID", i);
        aml_name_int(a, "_STA", 0x0f);
        aml_end(a, d);
    }
}

void acpi_dsdt(GByteArray *out, const ACPIConfig *c)
{
    AmlMark system = aml_scope(out, "\\_SB");
    AmlMark pci = aml_device(out, "PCI0");
    eisa_name(out, "_HID", c->chipset.q35 ? "PNP0A08" : "PNP0A03");
    if (c->chipset.q35) {
        eisa_name(out, "_CID", "PNP0A03");
        aml_pci_osc(out, OSC_GRANTED);
    }
    aml_name_int(out, "_UID", 0);
    aml_name_int(out, "_BBN", 0);
    pci_windows(out, c);
    isa_bridge(out, c);
    aml_end(out, pci);
    if (c->ecam_size)
        acpi_dsdt_ecam(out, c);
    processors(out, c);
    fw_cfg_device(out);
    if (c->hpet)
        hpet_device(out);
    aml_end(out, system);
    if (c->chipset.q35)
        acpi_dsdt_pic(out);
    AmlMark root = aml_scope(out, "\\_SB.PCI0");
    if (c->chipset.q35)
        acpi_dsdt_routing(out);
    else
        routing_table(out);
    aml_end(out, root);
    aml_name(out, "\\_S5");
    AmlMark s5 = aml_package(out, 4);
    for (unsigned i = 0; i < 4; i++)
        aml_int(out, 0); /* SLP_TYP 0 */
    aml_end(out, s5);
}
