/* SPDX-License-Identifier: MIT */
/*
 * A 16550A on the ISA bus: COM1 to COM4 of a PC. Type "isa-serial", region 0 = 8 ports, output 0 = interrupt.
 * Properties: chardev, index (0-3, or the next free), iobase and irq (by index when not given).
 */
#include "hw/isa.h"
#include "hw/serial.h"
#include "util/error.h"

#define AUTO UINT32_MAX
#define MAX_PORTS 4

typedef struct ISASerial {
    Device dev;
    uint32_t index, iobase, irq;
    SerialState uart[1];
} ISASerial;

static const uint16_t default_iobase[MAX_PORTS] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
static const uint8_t default_irq[MAX_PORTS] = { 4, 3, 4, 3 };
static unsigned used_indexes; /* bit per port */

static bool choose_index(ISASerial *s, Error **errp)
{
    if (s->index == AUTO)
        for (s->index = 0; s->index < MAX_PORTS && (used_indexes >> s->index & 1); s->index++)
            ;
    if (s->index >= MAX_PORTS) {
        error_setg(errp, "Max. supported number of ISA serial ports is %d", MAX_PORTS);
        return false;
    }
    if (s->iobase == AUTO)
        s->iobase = default_iobase[s->index];
    if (s->irq == AUTO)
        s->irq = default_irq[s->index];
    return true;
}

static bool serial_isa_realize(Device *dev, Error **errp)
{
    ISASerial *s = container_of(dev, ISASerial, dev);
    device_init_out(dev, 1);
    if (!choose_index(s, errp) || !isa_connect_irq(dev, 0, s->irq, errp) ||
        !serial_core_init(s->uart, dev, "serial", errp))
        return false;
    used_indexes |= 1u << s->index;
    isa_register_ioport(dev, &s->uart->io, (uint16_t)s->iobase);
    return true;
}

static void serial_isa_unrealize(Device *dev)
{
    ISASerial *s = container_of(dev, ISASerial, dev);
    used_indexes &= ~(1u << s->index);
    serial_core_exit(s->uart);
}

static void serial_isa_reset(Device *dev)
{
    serial_core_reset(container_of(dev, ISASerial, dev)->uart);
}

static void serial_isa_post_load(Device *dev)
{
    serial_core_post_load(container_of(dev, ISASerial, dev)->uart);
}

static const SavedField serial_isa_saved[] = { SAVED_STRUCTS(ISASerial, uart, serial_core_saved), SAVED_END() };
static const Property serial_isa_props[] = {
    PROP_CHARDEV("chardev", ISASerial, uart[0].chr),
    PROP_U32("index", ISASerial, index, AUTO),
    PROP_U32("iobase", ISASerial, iobase, AUTO),
    PROP_U32("irq", ISASerial, irq, AUTO),
    {},
};
static const DeviceType serial_isa_type = {
    .name = "isa-serial", .bus = BUS_ISA, .category = "Input devices", .size = sizeof(ISASerial),
    .props = serial_isa_props, .saved = serial_isa_saved, .realize = serial_isa_realize,
    .unrealize = serial_isa_unrealize, .reset = serial_isa_reset, .post_load = serial_isa_post_load,
};
device_type(serial_isa_type)
