/* SPDX-License-Identifier: MIT */
/* An IDE channel's registers at legacy ports: 8 of the command block (data is 16 or 32 bits wide), and the control block's one. */
#include "hw/ide.h"

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    IDEChannel *c = opaque;
    if (offset == 0 || size == 1)
        return ide_read(c, (unsigned)offset, size);
    return ide_read(c, (unsigned)offset, 1) | ide_read(c, (unsigned)offset + 1, 1) << 8;
}

static void port_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    IDEChannel *c = opaque;
    ide_write(c, (unsigned)offset, (uint32_t)value, size);
    if (offset && size == 2 && offset < 7)
        ide_write(c, (unsigned)offset + 1, (uint32_t)value >> 8, 1);
}

static uint64_t control_read(void *opaque, hwaddr offset, unsigned size)
{
    return ide_alt_status(opaque);
}

static void control_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    ide_control_write(opaque, (uint8_t)value);
}

const MemoryRegionOps ide_port_ops = { .read = port_read, .write = port_write, .valid_max = 4, .impl_max = 4 };
const MemoryRegionOps ide_control_ops = { .read = control_read, .write = control_write, .impl_max = 1 };
