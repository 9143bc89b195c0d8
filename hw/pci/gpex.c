/* SPDX-License-Identifier: MIT */
/*
 * Generic PCI Express host (PCI Express Base 4.0 ch. 7.2.2 ECAM; devicetree "pci-host-ecam-generic"). Regions: 0 = ECAM,
 * 1 = PCI memory space, 2 = PCI I/O space (64 KiB); the board maps windows (aliases) onto the last two. Outputs 0-3 =
 * INTA-INTD after the usual swizzle by slot. Properties: ecam-size, 1 MiB for each bus number; allow-unmapped-accesses: where no
 * device answers reads give ones and writes go nowhere, as on a PCI bus (off: the bus of the CPU reports an error). It makes
 * the machine's root bus "pcie.0" with the host bridge 00.0. 
 */
#include "hw/pci.h"
#include "util/error.h"

#include <glib.h>

typedef struct GPEXHost {
    Device dev;
    uint64_t ecam_size;
    bool allow_unmapped;
    MemoryRegion ecam, memory, io, no_memory, no_io;
    PCIBus *bus;
} GPEXHost;

static uint64_t ecam_read(void *opaque, hwaddr offset, unsigned size)
{
    return pci_ecam_read(((GPEXHost *)opaque)->bus, (uint32_t)offset, size);
}

static void ecam_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    pci_ecam_write(((GPEXHost *)opaque)->bus, (uint32_t)offset, (uint32_t)value, size);
}

static const MemoryRegionOps ecam_ops = { .read = ecam_read, .write = ecam_write, .impl_min = 1, .impl_max = 4 };

static uint64_t nobody_read(void *opaque, hwaddr offset, unsigned size) { return ~0ull; }
static void nobody_write(void *opaque, hwaddr offset, uint64_t value, unsigned size) {}
static const MemoryRegionOps nobody_ops = { .read = nobody_read, .write = nobody_write, .impl_min = 1, .impl_max = 8 };

static void bus_line(void *opaque, int n, int level)
{
    irq_set(&((Device *)opaque)->out[n], level);
}

static bool host_realize(Device *dev, Error **errp)
{
    GPEXHost *s = (GPEXHost *)dev;
    if (s->ecam_size < MiB || s->ecam_size > 256 * MiB || s->ecam_size & (s->ecam_size - 1)) {
        error_setg(errp, "gpex-pcihost: ecam-size must be a power of two from 1M to 256M");
        return false;
    }
    device_init_out(dev, 4);
    memory_region_init_io(&s->ecam, dev, &ecam_ops, s, "pcie-mmcfg-mmio", s->ecam_size);
    memory_region_init(&s->memory, dev, "gpex_mmio", UINT64_MAX);
    memory_region_init(&s->io, dev, "gpex_ioport", 64 * KiB);
    if (s->allow_unmapped) {
        memory_region_init_io(&s->no_memory, dev, &nobody_ops, s, "gpex_mmio_window", UINT64_MAX);
        memory_region_init_io(&s->no_io, dev, &nobody_ops, s, "gpex_ioport_window", 64 * KiB);
        memory_region_add_overlap(&s->memory, 0, &s->no_memory, -1);
        memory_region_add_overlap(&s->io, 0, &s->no_io, -1);
    }
    device_add_region(dev, &s->ecam);
    device_add_region(dev, &s->memory);
    device_add_region(dev, &s->io);
    s->bus = pci_bus_new(dev, "pcie.0", &s->memory, &s->io);
    s->bus->express = true;
    for (int i = 0; i < 4; i++)
        s->bus->lines[i] = (IRQLine){ bus_line, dev, i };
    Device *root = device_new("gpex-root");
    ((PCIDevice *)root)->addr = 0;
    root->parent = &s->bus->bus;
    return device_realize(root, errp);
}

static void host_unrealize(Device *dev)
{
    GPEXHost *s = (GPEXHost *)dev;
    if (pci_root_bus == s->bus)
        pci_root_bus = NULL;
    g_free(s->bus->bus.name);
    g_free(s->bus);
}

static const Property host_props[] = { PROP_SIZE("ecam-size", GPEXHost, ecam_size, 256 * MiB),
                                        PROP_BOOL("allow-unmapped-accesses", GPEXHost, allow_unmapped, true), {} };
static const DeviceType host_type = {
    .name = "gpex-pcihost", .desc = "Generic PCI Express host", .bus = BUS_SYSTEM, .category = "Bridge devices",
    .internal = true, .size = sizeof(GPEXHost), .props = host_props, .realize = host_realize,
    .unrealize = host_unrealize,
};
device_type(host_type)

static const PCIClass root_class = { .vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000 };
static const DeviceType root_type = {
    .name = "gpex-root", .desc = "Generic PCI Express host bridge", .bus = BUS_PCI, .category = "Bridge devices",
    .internal = true, .size = sizeof(PCIDevice), .class_data = &root_class,
};
device_type(root_type)
