/* SPDX-License-Identifier: MIT */
/*
 * Bit-band alias of Cortex-M3 and -M4 (DDI 0337 section 3.7): each word of the 32 MiB region stands for one bit of the MiB at `base`. A
 * write reads, changes and writes the byte, halfword or word the bit is in. Region 0; property base.
 */
#include "hw/device.h"

typedef struct BitBand {
    Device dev;
    uint32_t base;
    MemoryRegion io;
} BitBand;

/* The element of `size` bytes that holds the bit of an offset. */
static hwaddr element(const BitBand *s, hwaddr offset, unsigned size)
{
    return (s->base + (offset >> 5)) & ~(hwaddr)(size - 1);
}

static unsigned bit_in(hwaddr offset, unsigned size)
{
    return offset >> 2 & (8 * size - 1);
}

static uint64_t bitband_read(void *opaque, hwaddr offset, unsigned size)
{
    uint64_t v = address_space_ld(address_space_memory, element(opaque, offset, size), size, NULL);
    return v >> bit_in(offset, size) & 1;
}

static void bitband_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    hwaddr at = element(opaque, offset, size);
    uint64_t v = address_space_ld(address_space_memory, at, size, NULL), bit = 1ull << bit_in(offset, size);
    address_space_st(address_space_memory, at, value & 1 ? v | bit : v & ~bit, size);
}

static const MemoryRegionOps bitband_ops = { .read = bitband_read, .write = bitband_write, .impl_min = 1, .impl_max = 4 };

static bool bitband_realize(Device *dev, Error **errp)
{
    BitBand *s = (BitBand *)dev;
    memory_region_init_io(&s->io, dev, &bitband_ops, s, "bitband", 0x2000000);
    device_add_region(dev, &s->io);
    return true;
}

static const Property bitband_props[] = { PROP_U32("base", BitBand, base, 0), {} };
static const DeviceType bitband_type = {
    .name = "ARM-bitband-memory", .desc = "Bit-band alias", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(BitBand), .props = bitband_props, .realize = bitband_realize,
};
device_type(bitband_type)
