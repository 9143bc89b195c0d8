/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual panic notifier (QEMU's docs/specs/pvpanic.txt). Type "pvpanic", region 0 = 1 port at iobase: reading gives
 * the events that are understood, writing reports them: bit 0 the guest panicked, bit 1 its crash kernel took over.
 */
#include "hw/boards.h"
#include "hw/isa.h"
#include "util/error.h"
#include "util/log.h"

enum { PANICKED = 1, CRASH_LOADED = 2 };

typedef struct PVPanic {
    Device dev;
    MemoryRegion io;
    uint16_t iobase;
    uint8_t events;
} PVPanic;

static uint64_t pvpanic_read(void *opaque, hwaddr port, unsigned size)
{
    return ((PVPanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    uint8_t events = (uint8_t)value & ((PVPanic *)opaque)->events;
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
    memory_region_init_io(&s->io, dev, &pvpanic_ops, s, "pvpanic", 1);
    isa_register_ioport(dev, &s->io, s->iobase);
    return true;
}

static const Property pvpanic_props[] = {
    PROP_U8("events", PVPanic, events, PANICKED | CRASH_LOADED),
    PROP_U16("ioport", PVPanic, iobase, 0x505),
    {},
};
static const DeviceType pvpanic_type = {
    .name = "pvpanic", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(PVPanic), .props = pvpanic_props,
    .realize = pvpanic_realize,
};
device_type(pvpanic_type)
