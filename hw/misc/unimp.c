/* SPDX-License-Identifier: MIT */
/*
 * A place for chips that a board has and Rhea does not model: reads are zero, writes are ignored, both are logged with
 * -d unimp. Region 0; properties name and size.
 */
#include "hw/device.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>

typedef struct Unimplemented {
    Device dev;
    char *name;
    uint64_t size;
    MemoryRegion io;
} Unimplemented;

static uint64_t unimp_read(void *opaque, hwaddr offset, unsigned size)
{
    const Unimplemented *s = opaque;
    log_printf(LOG_UNIMP, "%s: unimplemented device read (size %u, offset 0x%llx)\n", s->name, size,
               (unsigned long long)offset);
    return 0;
}

static void unimp_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    const Unimplemented *s = opaque;
    log_printf(LOG_UNIMP, "%s: unimplemented device write (size %u, offset 0x%llx, value 0x%llx)\n", s->name, size,
               (unsigned long long)offset, (unsigned long long)value);
}

static const MemoryRegionOps unimp_ops = { .read = unimp_read, .write = unimp_write, .valid_min = 1, .valid_max = 8,
                                           .impl_min = 1, .impl_max = 8, .unaligned = true };

static bool unimp_realize(Device *dev, Error **errp)
{
    Unimplemented *s = (Unimplemented *)dev;
    if (!s->size || !s->name) {
        error_setg(errp, "property 'size' or 'name' not specified or zero");
        return false;
    }
    memory_region_init_io(&s->io, dev, &unimp_ops, s, s->name, s->size);
    device_add_region(dev, &s->io);
    return true;
}

static const Property unimp_props[] = {
    PROP_STRING("name", Unimplemented, name), PROP_SIZE("size", Unimplemented, size, 0), {},
};
static const DeviceType unimp_type = {
    .name = "unimplemented-device", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Unimplemented), .props = unimp_props, .realize = unimp_realize,
};
device_type(unimp_type)
