/* SPDX-License-Identifier: MIT */
/*
 * Debug console port, as in Bochs: bytes written go to a character device, reading gives a constant that says the port
 * is there. Type "isa-debugcon", region 0 = 1 port; properties chardev (needed), iobase, readback. A host that is
 * slow to take bytes finds up to 64 KiB waiting; what comes after that is lost.
 */
#include "chardev.h"
#include "hw/isa.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>

enum { MAX_WAITING = 64 * 1024, RETRY_NS = 1000000 };

typedef struct DebugCon {
    Device dev;
    MemoryRegion io;
    Chardev *chr;
    uint32_t iobase, readback;
    GByteArray *waiting;
    Timer *retry;
} DebugCon;

static void flush(void *opaque)
{
    DebugCon *s = opaque;
    size_t sent = chardev_write(s->chr, s->waiting->data, s->waiting->len);
    if (sent)
        g_byte_array_remove_range(s->waiting, 0, (guint)sent);
    if (s->waiting->len)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
}

static void debugcon_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    DebugCon *s = opaque;
    uint8_t byte = (uint8_t)value;
    if (!s->waiting->len && chardev_write(s->chr, &byte, 1) == 1)
        return;
    if (s->waiting->len >= MAX_WAITING)
        return;
    g_byte_array_append(s->waiting, &byte, 1);
    if (!timer_pending(s->retry))
        flush(s);
}

static uint64_t debugcon_read(void *opaque, hwaddr port, unsigned size)
{
    return ((DebugCon *)opaque)->readback & 0xff;
}

static const MemoryRegionOps debugcon_ops = {
    .read = debugcon_read, .write = debugcon_write, .impl_min = 1, .impl_max = 1,
};

/* Output only: input stays with the host. */
static size_t debugcon_can_read(void *opaque)
{
    return 0;
}

static void debugcon_input(void *opaque, const uint8_t *buf, size_t len)
{
}

static const ChardevFrontend frontend = { .can_read = debugcon_can_read, .read = debugcon_input };

static bool debugcon_realize(Device *dev, Error **errp)
{
    DebugCon *s = container_of(dev, DebugCon, dev);
    if (!s->chr) {
        error_setg(errp, "Can't create debugcon device, empty char device");
        return false;
    }
    if (!chardev_attach(s->chr, &frontend, s, errp))
        return false;
    s->waiting = g_byte_array_new();
    s->retry = timer_new(CLOCK_REALTIME_HOST, flush, s);
    memory_region_init_io(&s->io, dev, &debugcon_ops, s, "isa-debugcon", 1);
    isa_register_ioport(dev, &s->io, (uint16_t)s->iobase);
    return true;
}

static void debugcon_unrealize(Device *dev)
{
    DebugCon *s = container_of(dev, DebugCon, dev);
    if (s->waiting->len)
        chardev_write(s->chr, s->waiting->data, s->waiting->len);
    chardev_detach(s->chr, s);
    timer_free(s->retry);
    g_byte_array_free(s->waiting, TRUE);
}

static const Property debugcon_props[] = {
    PROP_CHARDEV("chardev", DebugCon, chr),
    PROP_U32("iobase", DebugCon, iobase, 0xe9),
    PROP_U32("readback", DebugCon, readback, 0xe9),
    {},
};
static const DeviceType debugcon_type = {
    .name = "isa-debugcon", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(DebugCon),
    .props = debugcon_props, .realize = debugcon_realize, .unrealize = debugcon_unrealize,
};
device_type(debugcon_type)
