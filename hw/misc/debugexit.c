/* SPDX-License-Identifier: MIT */
/*
 * A port that ends the emulator: writing VALUE exits with status (VALUE << 1) | 1, so that test programs can say how
 * they went. Type "isa-debug-exit", region 0 = iosize ports at iobase; reads give zero.
 */
#include "hw/boards.h"
#include "hw/isa.h"
#include "util/error.h"

typedef struct DebugExit {
    Device dev;
    MemoryRegion io;
    uint32_t iobase, iosize;
} DebugExit;

static uint64_t debugexit_read(void *opaque, hwaddr port, unsigned size)
{
    return 0;
}

static void debugexit_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    system_exit_request((int)((uint32_t)value << 1 | 1));
}

static const MemoryRegionOps debugexit_ops = {
    .read = debugexit_read, .write = debugexit_write, .valid_min = 1, .valid_max = 4, .impl_min = 1, .impl_max = 4,
};

static bool debugexit_realize(Device *dev, Error **errp)
{
    DebugExit *s = container_of(dev, DebugExit, dev);
    if (!s->iosize || s->iobase > 0xffff || s->iosize > 0x10000 - s->iobase) {
        error_setg(errp, "isa-debug-exit: iobase 0x%x with iosize %u does not fit in the ports", s->iobase, s->iosize);
        return false;
    }
    memory_region_init_io(&s->io, dev, &debugexit_ops, s, "isa-debug-exit", s->iosize);
    isa_register_ioport(dev, &s->io, (uint16_t)s->iobase);
    return true;
}

static const Property debugexit_props[] = {
    PROP_U32("iobase", DebugExit, iobase, 0x501),
    PROP_U32("iosize", DebugExit, iosize, 2),
    {},
};
static const DeviceType debugexit_type = {
    .name = "isa-debug-exit", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(DebugExit),
    .props = debugexit_props, .realize = debugexit_realize,
};
device_type(debugexit_type)
