/* SPDX-License-Identifier: MIT */
/*
 * GICv2m message frame (ARM Server Base System Architecture 3.0, appendix E): a store of an interrupt number makes
 * an edge on that SPI. Region 0 (4 KiB); output n = SPI base-spi - 32 + n of the controller. Properties: base-spi
 * (interrupt number), num-spi.
 */
#include "hw/device.h"
#include "hw/fdt.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>

enum { MSI_TYPER = 0x008, MSI_SETSPI = 0x040, MSI_IIDR = 0xfcc };

typedef struct GICv2m {
    Device dev;
    uint32_t base, count;
    MemoryRegion frame;
} GICv2m;

static uint64_t frame_read(void *opaque, hwaddr offset, unsigned size)
{
    const GICv2m *s = opaque;
    (void)size;
    return offset == MSI_TYPER ? s->base << 16 | s->count : 0; /* IIDR: no product, like the other fields */
}

static void frame_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv2m *s = opaque;
    uint32_t n = (uint32_t)(value & 0x3ff) - s->base;
    (void)size;
    if (offset == MSI_SETSPI && n < s->count)
        irq_pulse(&s->dev.out[n]);
    else
        guest_error("gicv2m: write of 0x%llx to 0x%x\n", (unsigned long long)value, (unsigned)offset);
}

static const MemoryRegionOps frame_ops = { .read = frame_read, .write = frame_write, .valid_min = 2, .valid_max = 4,
                                           .impl_min = 2, .impl_max = 4 };

static bool v2m_realize(Device *dev, Error **errp)
{
    GICv2m *s = (GICv2m *)dev;
    if (s->base < 32 || s->count < 1 || s->count > 988 || s->base + s->count > 1020) {
        error_setg(errp, "arm-gicv2m: interrupts %u to %u are not SPIs", s->base, s->base + s->count - 1);
        return false;
    }
    device_init_out(dev, s->count);
    memory_region_init_io(&s->frame, dev, &frame_ops, s, "gicv2m", 0x1000);
    device_add_region(dev, &s->frame);
    return true;
}

static void v2m_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "v2m", "arm,gic-v2m-frame");
    dt_empty(p->tree, path, "msi-controller");
}

static const Property v2m_props[] = {
    PROP_U32("base-spi", GICv2m, base, 80), PROP_U32("num-spi", GICv2m, count, 64), {},
};
static const DeviceType v2m_type = {
    .name = "arm-gicv2m", .desc = "GICv2m message frame", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(GICv2m), .props = v2m_props, .realize = v2m_realize, .describe = v2m_describe,
};
device_type(v2m_type)
