/* SPDX-License-Identifier: MIT */
/*
 * System control port A (0x92: fast A20 and fast reset) and the A20 gate. The gate is open while port
 * 0x92 or the keyboard controller opens it; closed, the second MiB shows the RAM of the first, which is
 * what programs that rely on wrapping at 1 MiB see. Higher odd MiBs are not folded.
 */
#include "hw/pc.h"

enum { PORT92_RESET = 1, PORT92_A20 = 2 };

typedef struct A20 {
    Device dev;
    MemoryRegion port, wrap;
    MemoryRegion *ram;
    uint8_t value;     /* port 0x92 */
    uint8_t keyboard;  /* level of the keyboard controller's output */
} A20;

static A20 *a20;

static void a20_update(A20 *s)
{
    memory_region_set_enabled(&s->wrap, !s->keyboard && !(s->value & PORT92_A20));
}

static void a20_input(void *opaque, int n, int level)
{
    (void)n;
    A20 *s = opaque;
    s->keyboard = level != 0;
    a20_update(s);
}

static uint64_t port92_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((A20 *)opaque)->value;
}

static void port92_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)offset;
    (void)size;
    A20 *s = opaque;
    if ((value & PORT92_RESET) && !(s->value & PORT92_RESET))
        system_reset_request(SHUTDOWN_GUEST);
    s->value = value & (PORT92_RESET | PORT92_A20);
    a20_update(s);
}

static const MemoryRegionOps port92_ops = { .read = port92_read, .write = port92_write, .impl_min = 1, .impl_max = 1 };

static void a20_reset(Device *dev)
{
    A20 *s = (A20 *)dev;
    s->value = 0;
    s->keyboard = 1; /* the controller's output port resets to A20 on */
    a20_update(s);
}

static void a20_post_load(Device *dev)
{
    a20_update((A20 *)dev);
}

static bool a20_realize(Device *dev, Error **errp)
{
    (void)errp;
    A20 *s = (A20 *)dev;
    memory_region_init_io(&s->port, dev, &port92_ops, s, "port92", 1);
    memory_region_add(system_io, 0x92, &s->port);
    device_add_region(dev, &s->port);
    memory_region_init_alias(&s->wrap, dev, "a20-wrap", s->ram, 0, MiB);
    s->keyboard = 1;
    a20_update(s);
    memory_region_add_overlap(system_memory, MiB, &s->wrap, 2);
    device_add_region(dev, &s->wrap);
    device_init_in(dev, a20_input, 1);
    return true;
}

static const SavedField a20_saved[] = { SAVED_INT(A20, value), SAVED_INT(A20, keyboard), SAVED_END() };

static const DeviceType a20_type = {
    .name = "port92", .desc = "System control port A", .bus = BUS_SYSTEM, .size = sizeof(A20), .internal = true,
    .saved = a20_saved, .realize = a20_realize, .reset = a20_reset, .post_load = a20_post_load,
};
device_type(a20_type);

bool a20_new(MemoryRegion *ram, Error **errp)
{
    a20 = (A20 *)device_new("port92");
    a20->ram = ram;
    return device_realize(&a20->dev, errp);
}

IRQLine a20_line(void)
{
    return device_input(&a20->dev, 0);
}
