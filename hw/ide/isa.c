/* SPDX-License-Identifier: MIT */
/*
 * IDE channel on the ISA bus "isa-ide": registers at iobase and iobase2, one interrupt, no bus mastering (DMA commands wait
 * for an engine that is not there; drives say so in their identification no more than on other adapters).
 */
#include "hw/ide.h"
#include "hw/isa.h"
#include "util/error.h"

#include <glib.h>

typedef struct ISAIDE {
    Device dev;
    IDEChannel ide;
    MemoryRegion data, control;
    uint32_t iobase, iobase2, irq;
} ISAIDE;

static void channel_irq(void *opaque, int level)
{
    irq_set(&((ISAIDE *)opaque)->dev.out[0], level);
}

static bool no_dma(void *opaque, void *buf, uint32_t len, bool to_guest)
{
    return false;
}

static void ignore_dma(void *opaque)
{
}

static void ignore_dma_end(void *opaque, bool error)
{
}

static const IDEHostOps host_ops = { .irq = channel_irq, .dma = no_dma, .dma_ready = ignore_dma, .dma_done = ignore_dma_end };

static bool isa_ide_realize(Device *dev, Error **errp)
{
    ISAIDE *s = (ISAIDE *)dev;
    g_autofree char *name = ide_bus_name(dev, 0);
    device_init_out(dev, 1);
    if (!isa_connect_irq(dev, 0, s->irq, errp))
        return false;
    ide_channel_init(&s->ide, s->iobase == 0x170, name, dev, &host_ops, s);
    memory_region_init_io(&s->data, dev, &ide_port_ops, &s->ide, "ide", 8);
    memory_region_init_io(&s->control, dev, &ide_control_ops, &s->ide, "ide-control", 1);
    isa_register_ioport(dev, &s->data, (uint16_t)s->iobase);
    isa_register_ioport(dev, &s->control, (uint16_t)s->iobase2);
    return true;
}

static void isa_ide_reset(Device *dev)
{
    ide_channel_reset(&((ISAIDE *)dev)->ide);
}

static void isa_ide_loaded(Device *dev)
{
    ISAIDE *s = (ISAIDE *)dev;
    s->ide.selected &= 1;
    irq_set(&dev->out[0], s->ide.irq_level && !(s->ide.control & 2));
}

static const Property isa_ide_props[] = {
    PROP_U32("iobase", ISAIDE, iobase, 0x1f0), PROP_U32("iobase2", ISAIDE, iobase2, 0x3f6), PROP_U32("irq", ISAIDE, irq, 14), {},
};
static const SavedField isa_ide_saved[] = { SAVED_STRUCT(ISAIDE, ide, ide_channel_saved), SAVED_END() };
static const DeviceType isa_ide_type = {
    .name = "isa-ide", .bus = BUS_ISA, .category = "Storage devices", .size = sizeof(ISAIDE), .props = isa_ide_props,
    .saved = isa_ide_saved, .realize = isa_ide_realize, .reset = isa_ide_reset, .post_load = isa_ide_loaded,
};
device_type(isa_ide_type)

bool isa_ide_new(unsigned channel, Error **errp)
{
    static const struct { uint16_t iobase, iobase2; uint8_t irq; } places[2] = { { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 } };
    Device *dev = device_new("isa-ide");
    device_set_u32(dev, "iobase", places[channel & 1].iobase);
    device_set_u32(dev, "iobase2", places[channel & 1].iobase2);
    device_set_u32(dev, "irq", places[channel & 1].irq);
    if (!device_realize(dev, errp))
        return false;
    for (int unit = 0; unit < 2; unit++) {
        Drive *d = drive_get(DRIVE_IDE, (int)channel, unit);
        if (d && !ide_add_drive(&((ISAIDE *)dev)->ide, (unsigned)unit, d, errp))
            return false;
    }
    return true;
}
