/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual panic notifier (QEMU's docs/specs/pvpanic.txt). Types "pvpanic" (ISA: 1 port at ioport) and
 * "pvpanic-pci" (BAR 0). Reading gives the events that are understood, writing reports them: bit 0 the guest panicked,
 * bit 1 its crash kernel took over.
 */
#include "hw/boards.h"
#include "hw/isa.h"
#include "hw/pci.h"
#include "util/error.h"
#include "util/log.h"

enum { PANICKED = 1, CRASH_LOADED = 2 };

typedef struct PVPanicRegister {
    MemoryRegion io;
    uint8_t events;
} PVPanicRegister;

typedef struct PVPanic {
    Device dev;
    PVPanicRegister reg;
    uint16_t iobase;
} PVPanic;

typedef struct PVPanicPCI {
    PCIDevice pci;
    PVPanicRegister reg;
} PVPanicPCI;

static uint64_t pvpanic_read(void *opaque, hwaddr port, unsigned size)
{
    return ((PVPanicRegister *)opaque)->events;
}

static void pvpanic_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    uint8_t events = (uint8_t)value & ((PVPanicRegister *)opaque)->events;
    if (value & ~(uint64_t)(PANICKED | CRASH_LOADED))
        guest_error("pvpanic: unknown event 0x%x\n", (unsigned)value);
    if (events & PANICKED)
        system_shutdown_request(SHUTDOWN_PANIC);
    else if (events & CRASH_LOADED)
        info_report("guest crashed, its crash kernel is running");
}

static const MemoryRegionOps pvpanic_ops = {
    .read = pvpanic_read, .write = pvpanic_write, .impl_min = 1, .impl_max = 1,
};

static bool pvpanic_realize(Device *dev, Error **errp)
{
    PVPanic *s = container_of(dev, PVPanic, dev);
    memory_region_init_io(&s->reg.io, dev, &pvpanic_ops, &s->reg, "pvpanic", 1);
    isa_register_ioport(dev, &s->reg.io, s->iobase);
    return true;
}

static const Property pvpanic_props[] = {
    PROP_U8("events", PVPanic, reg.events, PANICKED | CRASH_LOADED),
    PROP_U16("ioport", PVPanic, iobase, 0x505),
    {},
};
static const DeviceType pvpanic_type = {
    .name = "pvpanic", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(PVPanic), .props = pvpanic_props,
    .realize = pvpanic_realize,
};
device_type(pvpanic_type)

/* ---- PCI ---- */

#define PCI_REGION 16 /* the smallest a memory BAR can be */

static bool pvpanic_pci_realize(Device *dev, Error **errp)
{
    PVPanicPCI *s = container_of(dev, PVPanicPCI, pci.dev);
    memory_region_init_io(&s->reg.io, dev, &pvpanic_ops, &s->reg, "pvpanic", PCI_REGION);
    pci_register_bar(&s->pci, 0, PCI_BAR_MEM, &s->reg.io);
    return true;
}

static const PCIClass pvpanic_pci_class = { .vendor = 0x1b36, .device = 0x0011, .revision = 1, .class_code = 0x088000 };
static const Property pvpanic_pci_props[] = {
    PROP_U8("events", PVPanicPCI, reg.events, PANICKED | CRASH_LOADED), {},
};
static const DeviceType pvpanic_pci_type = {
    .name = "pvpanic-pci", .bus = BUS_PCI, .category = "Misc devices", .size = sizeof(PVPanicPCI),
    .props = pvpanic_pci_props, .realize = pvpanic_pci_realize, .class_data = &pvpanic_pci_class,
};
device_type(pvpanic_pci_type)
