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
    uint8_t header_type;   /* 0x80 multifunction; 1: bridge */
    const char *romfile;   /* option ROM unless the property names another; may be missing */
} PCIClass;
enum { PCI_BAR_MEM = 0, PCI_BAR_IO = 1, PCI_BAR_64 = 4, PCI_BAR_PREFETCH = 8 };
typedef struct PCIBar {
    MemoryRegion *region; /* NULL = unused */
    uint8_t type;         /* low bits of the BAR: PCI_BAR_* */
    uint64_t mapped;      /* ~0 when not mapped */
} PCIBar;
#define PCI_BARS 7        /* six and the expansion ROM */
#define PCI_ROM_BAR 6
struct PCIDevice {
    Device dev;
    int32_t addr;         /* slot << 3 | function; property "addr" */
    bool multifunction;   /* property: function 0 of a slot with several */
    uint32_t rombar;      /* property: 0 hides the option ROM */
    char *romfile;        /* property: option ROM image, NULL or "" = none */
    uint8_t config[256], writable[256], w1c[256];
    PCIBar bars[PCI_BARS];
    int irq_level;        /* what the function asks for */
    int irq_shown;        /* what its pin shows: counted in the bus's line_count */
    uint8_t cap_end;                /* first free byte for capabilities, 0 = none used */
    uint8_t msi_cap, msix_cap, express_cap; /* offsets in config, 0 = none */
    struct PCIMSIX *msix;           /* pci-msi.c */
    MemoryRegion *rom;
    void (*config_write)(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size); /* after the store */
    void (*config_read)(PCIDevice *pci, uint32_t addr, unsigned size); /* before: may bring registers up to date; or NULL */
    struct PCIBus *bus;
    struct PCIBus *secondary; /* bridges: the bus they lead to */
};
typedef struct PCIBus {
    Bus bus;
    PCIDevice *functions[256];
    MemoryRegion *memory, *io;
    AddressSpace *dma;
    int (*map_irq)(PCIDevice *dev, int pin);          /* pin 0-3 -> bus interrupt line */
    /* Takes messages instead of memory: controllers that want to know the requester. NULL = a store. */
    void (*msi)(void *opaque, uint16_t requester, uint64_t address, uint32_t data);
    void *msi_opaque;
    IRQLine lines[8];
    int line_count[8];                                /* asserted inputs: lines are shared */
    PCIDevice *bridge;                                /* that leads here; NULL: the host's own bus */
    void (*changed)(struct PCIBus *bus);              /* a function came or went; or NULL */
    bool express;                                     /* a PCI Express hierarchy: root complex, or a link below a port */
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
/* The same by PCI Express's flat map (PCI Express Base 4.0, 7.2.2): bus << 20 | slot << 15 | function << 12 | register. */
uint32_t pci_ecam_read(PCIBus *bus, uint32_t offset, unsigned size);
void pci_ecam_write(PCIBus *bus, uint32_t offset, uint32_t value, unsigned size);
unsigned pci_bus_number(const PCIBus *bus);
uint16_t pci_requester_id(const PCIDevice *pci); /* bus << 8 | slot << 3 | function */
void pci_device_reset_common(PCIDevice *pci);
bool pci_device_plug(PCIBus *bus, PCIDevice *pci, Error **errp); /* called by device_realize */
void pci_device_unplug(PCIDevice *pci);
void pci_dump(FILE *out); /* info pci */
char *pci_class_text(const PCIDevice *pci); /* "Host bridge"; caller frees */
void pci_print_device(PCIDevice *pci, FILE *out, int indent); /* its lines in info qtree */
extern const Property pci_common_props[]; /* what every PCI device takes: addr, multifunction … */
void pci_device_loaded(PCIDevice *pci); /* after config was loaded from an image */
/* DMA as this function sees memory; fails unless bus mastering is on. */
MemTxResult pci_dma_rw(PCIDevice *pci, hwaddr addr, void *buf, uint64_t len, bool write);
/* In realize: adds MSI (1, 2, 4 … 32 vectors), or MSI-X with table and pending bits in a BAR of its own.
 * False when the capability list is full. */
bool pci_msi_init(PCIDevice *pci, unsigned vectors);
bool pci_msix_init(PCIDevice *pci, unsigned vectors, unsigned bar);
/* The guest uses MSI or MSI-X: the pin is silent. */
bool pci_msi_enabled(const PCIDevice *pci);
bool pci_msix_enabled(const PCIDevice *pci);
/* Sends a vector by whichever of the two is enabled; a masked one becomes pending. */
void pci_msi_send(PCIDevice *pci, unsigned vector);
/* For pci.c and saved.c */
void pci_msi_config_written(PCIDevice *pci, uint32_t addr, unsigned size);
void pci_msi_reset(PCIDevice *pci);
void pci_msi_free(PCIDevice *pci);
uint8_t *pci_msix_state(PCIDevice *pci, size_t *len); /* table and pending bits as saved, or NULL */

void pci_pin_changed(PCIDevice *pci, int pin, int delta);

/* ---- Bridges (pci-bridge.c; PCI-to-PCI Bridge Architecture 1.2): PCIClass.header_type is 1 ---- */
bool pci_is_bridge(const PCIDevice *pci);
typedef enum PCIWindowKind { PCI_WINDOW_IO, PCI_WINDOW_MEMORY, PCI_WINDOW_PREFETCH, PCI_WINDOWS } PCIWindowKind;
typedef struct PCIWindowRange {
    uint64_t start, last; /* last < start: nothing passes */
} PCIWindowRange;
PCIWindowRange pci_bridge_window(const PCIDevice *pci, PCIWindowKind kind);
typedef struct PCIBridge {
    PCIDevice pci;
    PCIBus bus;
    MemoryRegion memory, io;           /* what the secondary bus decodes */
    MemoryRegion window[PCI_WINDOWS];  /* aliases of them on the primary bus */
    bool mapped[PCI_WINDOWS];
    uint8_t pins;                      /* of the secondary bus, asserted */
} PCIBridge;
/* For types that start with PCIBridge: in realize, unrealize, reset, config_write and post_load. */
void pci_bridge_init(PCIBridge *b, const char *bus_name, bool express);
void pci_bridge_exit(PCIBridge *b);
void pci_bridge_reset(PCIBridge *b);
void pci_bridge_config_written(PCIBridge *b, uint32_t addr, unsigned size);
void pci_bridge_loaded(PCIBridge *b);

/* ---- PCI Express capability (pci-express.c; PCI Express Base 4.0, 7.5.3) ---- */
typedef enum PCIExpressType { PCI_EXPRESS_ENDPOINT = 0, PCI_EXPRESS_ROOT_PORT = 4, PCI_EXPRESS_INTEGRATED = 9 } PCIExpressType;
/* In realize. False when the capability list is full. */
bool pci_express_init(PCIDevice *pci, PCIExpressType type);
/* An endpoint's, on an express bus: of the kind its place asks for; nothing elsewhere. With power management. */
bool pci_express_endpoint_init(PCIDevice *pci);

#endif
