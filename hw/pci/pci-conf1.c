/* SPDX-License-Identifier: MIT */
/* Configuration mechanism #1 (PCI Local Bus Specification 3.0, 3.2.2.3.2): the address register at 0xcf8, data at 0xcfc. */
#include "hw/pc-north.h"
#include "hw/pc.h"

static PCIConf1 *conf1; /* the machine's */

static uint64_t address_read(void *opaque, hwaddr offset, unsigned size)
{
    PCIConf1 *s = opaque;
    uint64_t value = s->address >> offset * 8;
    if (offset == PC_RESET_PORT - 0xcf8 && size == 1 && s->reset_control)
        memory_region_read(s->reset_control, 0, &value, 1);
    return value;
}

/* Only a 32-bit write to 0xcf8 is the address register; a byte written to 0xcf9 is for the south bridge. */
static void address_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PCIConf1 *s = opaque;
    if (offset == 0 && size == 4)
        s->address = value;
    else if (offset == PC_RESET_PORT - 0xcf8 && size == 1 && s->reset_control)
        memory_region_write(s->reset_control, 0, value, 1);
}

static uint64_t data_read(void *opaque, hwaddr offset, unsigned size)
{
    PCIConf1 *s = opaque;
    if (!(s->address >> 31))
        return ~0ull;
    return pci_config_read(pci_root_bus, (s->address & 0xfffffc) | offset, size);
}

static void data_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PCIConf1 *s = opaque;
    if (s->address >> 31)
        pci_config_write(pci_root_bus, (s->address & 0xfffffc) | offset, value, size);
}

static const MemoryRegionOps address_ops = {
    .read = address_read, .write = address_write, .impl_min = 1, .impl_max = 4,
};
static const MemoryRegionOps data_ops = { .read = data_read, .write = data_write, .impl_min = 1, .impl_max = 4 };

void pci_conf1_init(PCIConf1 *c, Device *dev)
{
    conf1 = c;
    memory_region_init_io(&c->address_ports, dev, &address_ops, c, "pci-conf-idx", 4);
    memory_region_init_io(&c->data_ports, dev, &data_ops, c, "pci-conf-data", 4);
    device_add_region(dev, &c->address_ports);
    device_add_region(dev, &c->data_ports);
}

void pci_set_reset_control(MemoryRegion *mr)
{
    conf1->reset_control = mr;
}

const SavedField pci_conf1_saved[] = { SAVED_INT(PCIConf1, address), SAVED_END() };
