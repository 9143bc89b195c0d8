/* SPDX-License-Identifier: MIT */
/*
 * The DSDT of the "virt" board: processors, serial port, fw_cfg, virtio transports, PCI Express, and the power button
 * behind the Generic Event Device or a GPIO pin. Names and identifiers are those of QEMU's board.
 */
#include "hw/acpi-ged.h"
#include "hw/aml.h"
#include "hw/arm/virt.h"

static AmlMark device_with_id(Aml *a, const char *name, const char *hid, int uid)
{
    AmlMark d = aml_device(a, name);
    aml_name(a, "_HID");
    aml_string(a, hid);
    if (uid >= 0)
        aml_name_int(a, "_UID", (uint64_t)uid);
    return d;
}

/* _CRS of a memory range and, when irq is not negative, an SPI. */
static void resources(Aml *a, uint32_t base, uint32_t size, int spi)
{
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_memory32_fixed(a, base, size, true);
    if (spi >= 0)
        aml_interrupt(a, (uint32_t)spi + 32, false);
    aml_resources_end(a, t);
}

static void processors(Aml *a, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[8];
        g_snprintf(name, sizeof(name), "C%03X", i & 0xfff);
        aml_end(a, device_with_id(a, name, "ACPI0007", (int)i));
    }
}

static void serial_port(Aml *a)
{
    AmlMark d = device_with_id(a, "COM0", "ARMH0011", 0);
    resources(a, VIRT_UART, 0x1000, VIRT_IRQ_UART);
    aml_end(a, d);
}

static void fw_cfg(Aml *a)
{
    AmlMark d = device_with_id(a, "FWCF", "QEMU0002", -1);
    aml_name_int(a, "_STA", 0x0b);
    aml_name_int(a, "_CCA", 1);
    resources(a, VIRT_FW_CFG, 0x18, -1);
    aml_end(a, d);
}

static void virtio_transports(Aml *a)
{
    for (unsigned i = 0; i < VIRT_VIRTIO_COUNT; i++) {
        char name[8];
        g_snprintf(name, sizeof(name), "VR%02u", i);
        AmlMark d = device_with_id(a, name, "LNRO0005", (int)i);
        aml_name_int(a, "_CCA", 1);
        resources(a, VIRT_VIRTIO + i * VIRT_VIRTIO_STRIDE, VIRT_VIRTIO_STRIDE, (int)(VIRT_IRQ_VIRTIO + i));
        aml_end(a, d);
    }
}

/* ---- PCI Express ---- */

static void link_name(char name[5], unsigned n)
{
    g_snprintf(name, 5, "GSI%u", n & 3);
}

/* Pins rotate over the four lines. */
static void routing_table(Aml *a)
{
    aml_name(a, "_PRT");
    AmlMark table = aml_package(a, 32 * 4);
    for (unsigned slot = 0; slot < 32; slot++)
        for (unsigned pin = 0; pin < 4; pin++) {
            char name[5];
            link_name(name, slot + pin);
            AmlMark row = aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_name_string(a, name);
            aml_int(a, 0);
            aml_end(a, row);
        }
    aml_end(a, table);
}

/* Lines that cannot be routed elsewhere. */
static void interrupt_links(Aml *a)
{
    static const char *const settings[] = { "_PRS", "_CRS" };
    for (unsigned n = 0; n < 4; n++) {
        char name[5];
        link_name(name, n);
        AmlMark d = aml_device(a, name);
        aml_name(a, "_HID");
        aml_eisa_id(a, "PNP0C0F");
        aml_name_int(a, "_UID", n);
        for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
            aml_name(a, settings[i]);
            AmlTemplate t = aml_resources(a);
            aml_interrupt(a, VIRT_IRQ_PCIE + n + 32, false);
            aml_resources_end(a, t);
        }
        aml_end(a, aml_method(a, "_SRS", 1, false));
        aml_end(a, d);
    }
}

static void windows(Aml *a, const VirtBoard *b)
{
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_window(a, AML_RANGE_BUS, 2, 0, b->ecam_size / MiB - 1);
    aml_window(a, AML_RANGE_MEMORY, 4, VIRT_PCIE_MMIO, VIRT_PCIE_MMIO + VIRT_PCIE_MMIO_SIZE - 1);
    aml_window_at(a, AML_RANGE_IO, 4, 0, VIRT_PIO_SIZE - 1, VIRT_PCIE_PIO);
    if (b->high_mmio)
        aml_window(a, AML_RANGE_MEMORY, 8, VIRT_HIGH_MMIO, VIRT_HIGH_MMIO + VIRT_HIGH_MMIO_SIZE - 1);
    aml_resources_end(a, t);
}

/* Keeps other drivers off the configuration space. */
static void reserve_ecam(Aml *a, const VirtBoard *b)
{
    AmlMark d = aml_device(a, "RES0");
    aml_name(a, "_HID");
    aml_eisa_id(a, "PNP0C02");
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_window(a, AML_RANGE_MEMORY, 8, b->ecam_base, b->ecam_base + b->ecam_size - 1);
    aml_resources_end(a, t);
    aml_end(a, d);
}

static void pci_express(Aml *a, const VirtBoard *b)
{
    static const char *const zeros[] = { "_SEG", "_BBN", "_UID" };
    enum { HOTPLUG_TO_CAPABILITIES = 0x1f };
    AmlMark d = aml_device(a, "PCI0");
    aml_name(a, "_HID");
    aml_eisa_id(a, "PNP0A08");
    aml_name(a, "_CID");
    aml_eisa_id(a, "PNP0A03");
    for (unsigned i = 0; i < ARRAY_SIZE(zeros); i++)
        aml_name_int(a, zeros[i], 0);
    aml_name(a, "_STR");
    aml_unicode(a, "PCIe 0 Device");
    aml_name_int(a, "_CCA", 1);
    routing_table(a);
    interrupt_links(a);
    AmlMark base = aml_method(a, "_CBA", 0, false);
    aml_byte(a, AML_RETURN);
    aml_int(a, b->ecam_base);
    aml_end(a, base);
    windows(a, b);
    aml_pci_osc(a, HOTPLUG_TO_CAPABILITIES);
    aml_pci_dsm(a);
    reserve_ecam(a, b);
    aml_end(a, d);
}

/* ---- The power button ---- */

static void gpio(Aml *a)
{
    AmlMark d = device_with_id(a, "GPO0", "ARMH0061", 0);
    resources(a, VIRT_GPIO, 0x1000, VIRT_IRQ_GPIO);
    aml_name(a, "_AEI");
    AmlTemplate t = aml_resources(a);
    aml_gpio_int(a, "GPO0", VIRT_POWER_PIN);
    aml_resources_end(a, t);
    AmlMark edge = aml_method(a, "_E03", 0, false);
    acpi_notify_power_button(a);
    aml_end(a, edge);
    aml_end(a, d);
}

void virt_dsdt(GByteArray *out, const MachineState *m)
{
    const VirtBoard *b = m->board;
    AmlMark system = aml_scope(out, "\\_SB");
    processors(out, m->cpus);
    serial_port(out);
    fw_cfg(out);
    virtio_transports(out);
    pci_express(out, b);
    if (b->ged)
        acpi_ged_describe(out, VIRT_GED, VIRT_IRQ_GED + 32);
    else
        gpio(out);
    acpi_power_button(out);
    aml_end(out, system);
}
