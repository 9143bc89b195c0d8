/* SPDX-License-Identifier: MIT */
/*
 * The register engine: chips that are a plain set of registers say them in a table and get decoding,
 * partial accesses, write masks, write-one-to-clear, clear-on-read, reset, saved state and the
 * guest-error log. Banks repeat the table every bank_stride bytes. Registers are little-endian, up to
 * 32 bits; chips with queues behind a register or with index/data pairs use raw callbacks.
 */
#include "hw/device.h"
#include "util/log.h"

#include <glib.h>

static unsigned row_count(const DeviceType *t)
{
    unsigned n = 0;
    while (t->regs && t->regs[n].name)
        n++;
    return n;
}

static unsigned bank_count(const DeviceType *t)
{
    return t->banks ? t->banks : 1;
}

size_t registers_count(const DeviceType *t)
{
    return t->regs ? (size_t)row_count(t) * bank_count(t) : 0;
}

/* The register holding the byte at offset, with its index; NULL in a hole. */
static const RegisterRow *find_row(const DeviceType *t, uint64_t offset, unsigned *index, unsigned *byte)
{
    unsigned bank = t->bank_stride ? (unsigned)(offset / t->bank_stride) : 0;
    if (bank >= bank_count(t))
        return NULL;
    uint64_t in_bank = offset - (uint64_t)bank * t->bank_stride;
    for (const RegisterRow *r = t->regs; r->name; r++)
        if (in_bank >= r->offset && in_bank < (uint64_t)r->offset + r->width) {
            *index = bank * row_count(t) + (unsigned)(r - t->regs);
            *byte = (unsigned)(in_bank - r->offset);
            return r;
        }
    return NULL;
}

static uint32_t width_mask(unsigned bytes)
{
    return bytes >= 4 ? ~0u : (1u << (8 * bytes)) - 1;
}

static uint64_t registers_read(void *opaque, hwaddr offset, unsigned size)
{
    Device *dev = opaque;
    unsigned index, byte;
    const RegisterRow *r = find_row(dev->type, offset, &index, &byte);
    if (!r) {
        guest_error("%s: read of unknown register 0x%x\n", dev->type->name, (unsigned)offset);
        return 0;
    }
    uint32_t v = r->on_read ? r->on_read(dev, index, dev->regs[index]) : dev->regs[index];
    dev->regs[index] &= ~r->rclear;
    log_printf(LOG_TRACE, "%s: read %s = 0x%x\n", dev->type->name, r->name, v);
    return (v & width_mask(r->width)) >> (8 * byte) & width_mask(size);
}

static void registers_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Device *dev = opaque;
    unsigned index, byte;
    const RegisterRow *r = find_row(dev->type, offset, &index, &byte);
    if (!r) {
        guest_error("%s: write of unknown register 0x%x\n", dev->type->name, (unsigned)offset);
        return;
    }
    if (!r->write && !r->w1c && !r->on_write)
        guest_error("%s: write of read-only register %s\n", dev->type->name, r->name);
    uint32_t lanes = (width_mask(size) << (8 * byte)) & width_mask(r->width);
    uint32_t v = ((uint32_t)value << (8 * byte)) & lanes;
    uint32_t old = dev->regs[index], writable = r->write & lanes;
    dev->regs[index] = ((old & ~writable) | (v & writable)) & ~(v & r->w1c);
    log_printf(LOG_TRACE, "%s: write %s = 0x%x\n", dev->type->name, r->name, v);
    if (r->on_write)
        r->on_write(dev, index, v);
}

static const MemoryRegionOps registers_ops = {
    .read = registers_read, .write = registers_write, .valid_min = 1, .valid_max = 4,
};

void registers_reset(Device *dev)
{
    unsigned rows = row_count(dev->type);
    for (size_t i = 0; i < registers_count(dev->type); i++)
        dev->regs[i] = dev->type->regs[i % rows].reset;
}

void registers_init(Device *dev)
{
    const DeviceType *t = dev->type;
    dev->regs = g_new0(uint32_t, registers_count(t));
    registers_reset(dev);
    dev->regs_region = g_new0(MemoryRegion, 1);
    memory_region_init_io(dev->regs_region, dev, &registers_ops, dev, t->name, t->regs_size);
    device_add_region(dev, dev->regs_region);
}
