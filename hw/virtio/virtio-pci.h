/* SPDX-License-Identifier: MIT */
/* State of a virtio PCI function, shared by its modern and its legacy interface. Machine lock. */
#ifndef RHEA_HW_VIRTIO_PCI_H
#define RHEA_HW_VIRTIO_PCI_H

#include "hw/pci.h"
#include "hw/virtio.h"

#define VIRTIO_PCI_VECTORS_AUTO UINT32_MAX
#define VIRTIO_PCI_LEGACY_CONFIG 20 /* where the device's configuration starts without MSI-X; four more with it */

typedef struct VirtIOPCI {
    PCIDevice pci;
    VirtIOBus bus;
    /* properties */
    int disable_legacy; /* on, off, auto */
    bool disable_modern, page_per_vq, ioeventfd, ats, aer, modern_pio_notify, migrate_extra, bus_master_bug, queue_reset;
    uint32_t vectors, class_code;
    MemoryRegion legacy, modern;
    uint8_t cfg_cap;                 /* VIRTIO_PCI_CAP_PCI_CFG in configuration space */
    uint32_t notify_multiplier;
    /* the modern interface's selectors, and what the driver has chosen so far */
    uint32_t device_sel, driver_sel;
    uint64_t driver_features;
} VirtIOPCI;

/* What of a function differs between device types: DeviceType.class_data. */
typedef struct VirtIOPCIClass {
    PCIClass pci;
    uint16_t virtio_id, transitional_id;
    uint32_t vectors; /* default; VIRTIO_PCI_VECTORS_AUTO: one for each queue and one for the configuration */
    bool no_legacy, no_modern;
} VirtIOPCIClass;

void virtio_pci_update_irq(VirtIOPCI *s);
/* The driver reads the interrupt status, which clears it. There is a device. */
uint8_t virtio_pci_read_isr(VirtIOPCI *s);
/* Reset by the driver: the device, and the selectors. */
void virtio_pci_driver_reset(VirtIOPCI *s);
void virtio_pci_set_vector(VirtIOPCI *s, uint16_t *vector, uint32_t value);
/* virtio-pci-legacy.c: BAR 0. */
void virtio_pci_add_legacy(VirtIOPCI *s);
/* virtio-pci-modern.c: BAR 4 and its capabilities; false when they do not fit. */
bool virtio_pci_add_modern(VirtIOPCI *s);
/* Configuration space is about to be read, or was written: the window of VIRTIO_PCI_CAP_PCI_CFG. */
void virtio_pci_cfg_access(VirtIOPCI *s, uint32_t addr, unsigned size, bool write);

#endif
