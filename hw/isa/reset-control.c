/* SPDX-License-Identifier: MIT */
/* The reset control register at 0xcf9 (Intel 82371SB datasheet, 2.5.5; ICH9 datasheet, 13.7.5): hard reset of the machine. */
#include "hw/boards.h"
#include "hw/pc-north.h"

enum { RESET_HARD = 2, RESET_CPU = 4 };

static uint64_t reset_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((ResetControl *)opaque)->value;
}

static void reset_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)offset;
    (void)size;
    ResetControl *s = opaque;
    if (value & RESET_CPU)
        system_reset_request(SHUTDOWN_GUEST);
    else
        s->value = value & RESET_HARD;
}

static const MemoryRegionOps reset_ops = { .read = reset_read, .write = reset_write, .impl_min = 1, .impl_max = 1 };

void reset_control_init(ResetControl *r, Device *dev)
{
    memory_region_init_io(&r->region, dev, &reset_ops, r, "reset-control", 1);
    device_add_region(dev, &r->region);
}
