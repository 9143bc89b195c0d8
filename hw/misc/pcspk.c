/* SPDX-License-Identifier: MIT */
/*
 * System control port B of a PC/AT (port 0x61): gate and output of the PIT's channel 2, speaker data, refresh toggle.
 * Type "isa-pcspk", region 0 = 1 port; property iobase. It uses the machine's "isa-pit".
 * Not modelled: sound itself (pit_get_frequency says what one would hear), parity and channel check bits.
 */
#include "hw/i8254.h"
#include "hw/isa.h"
#include "util/timer.h"

#include <string.h>

enum { GATE = 0x01, DATA = 0x02, ENABLES = 0x0f, REFRESH = 0x10, OUT = 0x20 };
enum { REFRESH_NS = 15085 }; /* 18 PIT clocks */

typedef struct PCSpeaker {
    Device dev;
    MemoryRegion io;
    Device *pit;
    uint8_t value;    /* bits 0-3 as written */
    uint32_t iobase;
} PCSpeaker;

static void find_pit(Device *dev, void *opaque)
{
    if (!strcmp(dev->type->name, "isa-pit"))
        *(Device **)opaque = dev;
}

static uint64_t pcspk_read(void *opaque, hwaddr port, unsigned size)
{
    PCSpeaker *s = opaque;
    uint8_t v = s->value & (uint8_t)~GATE;
    if (s->pit)
        v |= (pit_get_gate(s->pit, 2) ? GATE : 0) | (pit_get_out(s->pit, 2) ? OUT : 0);
    return v | (clock_ns(CLOCK_VIRTUAL) / REFRESH_NS & 1 ? REFRESH : 0);
}

static void pcspk_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    PCSpeaker *s = opaque;
    s->value = value & ENABLES;
    if (s->pit)
        pit_set_gate(s->pit, 2, value & GATE);
}

static const MemoryRegionOps pcspk_ops = { .read = pcspk_read, .write = pcspk_write, .impl_min = 1, .impl_max = 1 };

static void pcspk_reset(Device *dev)
{
    container_of(dev, PCSpeaker, dev)->value = 0;
}

static bool pcspk_realize(Device *dev, Error **errp)
{
    PCSpeaker *s = container_of(dev, PCSpeaker, dev);
    device_foreach(find_pit, &s->pit);
    memory_region_init_io(&s->io, dev, &pcspk_ops, s, "pcspk", 1);
    isa_register_ioport(dev, &s->io, (uint16_t)s->iobase);
    return true;
}

static const SavedField pcspk_saved[] = { SAVED_INT(PCSpeaker, value), SAVED_END() };
static const Property pcspk_props[] = { PROP_U32("iobase", PCSpeaker, iobase, 0x61), {} };
static const DeviceType pcspk_type = {
    .name = "isa-pcspk", .desc = "PC speaker port", .bus = BUS_ISA, .internal = true, .category = "Sound devices",
    .size = sizeof(PCSpeaker), .props = pcspk_props, .saved = pcspk_saved, .realize = pcspk_realize,
    .reset = pcspk_reset,
};
device_type(pcspk_type)
