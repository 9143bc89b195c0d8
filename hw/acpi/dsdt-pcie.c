/* SPDX-License-Identifier: MIT */
/*
 * What the DSDT of a PC with PCI Express says more (PCI Firmware Specification 3.2, chapter 4): interrupt routing to the I/O APIC's pins 16-23 once the operating system uses it, the flat configuration window.
 */
#include "hw/acpi.h"
#include "hw/aml.h"
#include <string.h>

enum { SLOTS = 32, FIRST_CHIP_SLOT = 25, FIRST_PIN = 16 };

/* PIRQ (0-7) of a pin: the chip's own slots by its registers' reset values, others rotate over E-H. */
static unsigned pirq_of(unsigned slot, unsigned pin)
{
    return slot >= FIRST_CHIP_SLOT ? pin : ((slot + pin) & 3) + 4;
}

static void routing_rows(Aml *a, const char *name, bool apic)
{
    aml_name(a, name);
    AmlMark table = aml_package(a, SLOTS * 4);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        for (unsigned pin = 0; pin < 4; pin++) {
            AmlMark row = aml_package(a, 4);
            unsigned pirq = pirq_of(slot, pin);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            if (apic) {
                aml_int(a, 0);
                aml_int(a, FIRST_PIN + pirq);
            } else {
                g_autofree char *link = g_strdup_printf("\\_SB.PCI0.ISA.LNK%c", (char)('A' + pirq));
                aml_name_string(a, link);
                aml_int(a, 0);
            }
            aml_end(a, row);
        }
    aml_end(a, table);
}

static void return_name(Aml *a, const char *name)
{
    aml_byte(a, AML_RETURN);
    aml_name_string(a, name);
}

void acpi_dsdt_routing(GByteArray *a)
{
    routing_rows(a, "PRTP", false);
    routing_rows(a, "PRTA", true);
    AmlMark m = aml_method(a, "_PRT", 0, false);
    AmlMark apic = aml_if(a);
    aml_name_string(a, "\\PICF");
    return_name(a, "PRTA");
    aml_end(a, apic);
    AmlMark pic = aml_else(a);
    return_name(a, "PRTP");
    aml_end(a, pic);
    aml_end(a, m);
}

/* The operating system says which interrupt controllers it uses. */
void acpi_dsdt_pic(GByteArray *a)
{
    aml_name_int(a, "\\PICF", 0);
    AmlMark m = aml_method(a, "\\_PIC", 1, false);
    aml_byte(a, AML_STORE);
    aml_byte(a, AML_ARG0);
    aml_name_string(a, "\\PICF");
    aml_end(a, m);
}

void acpi_dsdt_ecam(GByteArray *a, const ACPIConfig *c)
{
    AmlMark d = aml_device(a, "DRAC");
    aml_name(a, "_HID");
    aml_eisa_id(a, "PNP0C01");
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    if (c->ecam_base + c->ecam_size <= 1ull << 32)
        aml_memory32_fixed(a, (uint32_t)c->ecam_base, (uint32_t)c->ecam_size, true);
    aml_resources_end(a, t);
    aml_end(a, d);
}
