/* SPDX-License-Identifier: MIT */
/* PCI functions, buses and interrupt routing (PCI Local Bus Specification 3.0). Machine lock. */
#ifndef RHEA_HW_PCI_H
#define RHEA_HW_PCI_H

#include "hw/device.h"

typedef struct PCIClass { /* DeviceType.class_data of a PCI device */
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t revision;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t interrupt_pin; /* 1 = INTA; 0 none */
    uint8_t header_type;   /* 0x80 multifunction */
} PCIClass;
typedef struct PCIBar {
    MemoryRegion *region; /* NULL = unused */
    uint8_t type;         /* low bits of the BAR: 1 I/O, 4 64-bit, 8 prefetchable */
    uint64_t mapped;      /* ~0 when not mapped */
} PCIBar;
struct PCIDevice {
    Device dev;
    int32_t addr;         /* slot << 3 | function; property "addr" */
    uint8_t config[256], writable[256], w1c[256];
    PCIBar bars[6];
    int irq_level;
    void (*config_write)(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size); /* after the store */
    struct PCIBus *bus;
};
typedef struct PCIBus {
    Bus bus;
    PCIDevice *functions[256];
    MemoryRegion *memory, *io;
    AddressSpace *dma;
    int (*map_irq)(PCIDevice *dev, int pin);          /* pin 0-3 -> bus interrupt line */
    IRQLine lines[8];
    int line_count[8];                                /* asserted inputs: lines are shared */
} PCIBus;

PCIBus *pci_bus_new(Device *owner, const char *name, MemoryRegion *memory, MemoryRegion *io);
extern PCIBus *pci_root_bus; /* of the machine, or NULL */
/* In a PCI device's realize. Size is a power of two. */
void pci_register_bar(PCIDevice *pci, unsigned n, uint8_t type, MemoryRegion *mr);
void pci_set_irq(PCIDevice *pci, int level);
/* Offset of a new capability of this length (bytes), or 0 when there is no room. */
uint8_t pci_add_capability(PCIDevice *pci, uint8_t id, uint8_t len);
uint32_t pci_config_read(PCIBus *bus, uint32_t bdf_reg, unsigned size); /* bdf << 8 | register */
void pci_config_write(PCIBus *bus, uint32_t bdf_reg, uint32_t value, unsigned size);
void pci_device_reset_common(PCIDevice *pci);
bool pci_device_plug(PCIBus *bus, PCIDevice *pci, Error **errp); /* called by device_realize */
void pci_device_unplug(PCIDevice *pci);
void pci_dump(FILE *out); /* info pci */
/* DMA as this function sees memory; fails unless bus mastering is on. */
MemTxResult pci_dma_rw(PCIDevice *pci, hwaddr addr, void *buf, uint64_t len, bool write);
bool pci_msi_init(PCIDevice *pci, unsigned vectors);
bool pci_msi_enabled(const PCIDevice *pci);
void pci_msi_send(PCIDevice *pci, unsigned vector);

#endif
