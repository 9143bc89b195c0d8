/* SPDX-License-Identifier: MIT */
/* A 16550A as a PCI function: type "pci-serial", BAR 0 = 8 I/O ports, INTA. Property chardev. */
#include "hw/pci.h"
#include "hw/serial.h"

typedef struct PCISerial {
    PCIDevice pci;
    SerialState uart[1];
} PCISerial;

static PCISerial *serial_of(Device *dev)
{
    return container_of(dev, PCISerial, pci.dev);
}

static void serial_pci_irq(void *opaque, int n, int level)
{
    pci_set_irq(opaque, level);
}

static bool serial_pci_realize(Device *dev, Error **errp)
{
    PCISerial *s = serial_of(dev);
    device_init_out(dev, 1);
    connect_line(dev, 0, (IRQLine){ serial_pci_irq, &s->pci, 0 });
    if (!serial_core_init(s->uart, dev, "pci-serial", errp))
        return false;
    pci_register_bar(&s->pci, 0, PCI_BAR_IO, &s->uart->io);
    return true;
}

static void serial_pci_unrealize(Device *dev)
{
    serial_core_exit(serial_of(dev)->uart);
}

static void serial_pci_reset(Device *dev)
{
    serial_core_reset(serial_of(dev)->uart);
}

static void serial_pci_post_load(Device *dev)
{
    serial_core_post_load(serial_of(dev)->uart);
}

static const PCIClass serial_pci_class = {
    .vendor = 0x1b36, .device = 0x0002, .revision = 1, .class_code = 0x070002, .interrupt_pin = 1,
};
static const SavedField serial_pci_saved[] = { SAVED_STRUCTS(PCISerial, uart, serial_core_saved), SAVED_END() };
static const Property serial_pci_props[] = { PROP_CHARDEV("chardev", PCISerial, uart[0].chr), {} };
static const DeviceType serial_pci_type = {
    .name = "pci-serial", .bus = BUS_PCI, .category = "Input devices", .size = sizeof(PCISerial),
    .props = serial_pci_props, .saved = serial_pci_saved, .realize = serial_pci_realize,
    .unrealize = serial_pci_unrealize, .reset = serial_pci_reset, .post_load = serial_pci_post_load,
    .class_data = &serial_pci_class,
};
device_type(serial_pci_type)
