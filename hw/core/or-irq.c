/* SPDX-License-Identifier: MIT */
/* An OR gate for interrupt lines: output 0 is high while any of the inputs is. Property num-lines (1 to 64). */
#include "hw/device.h"
#include "util/error.h"

typedef struct OrIRQ {
    Device dev;
    uint32_t lines;
    uint64_t level;
} OrIRQ;

static void set_input(void *opaque, int n, int level)
{
    OrIRQ *s = opaque;
    s->level = level ? s->level | 1ull << n : s->level & ~(1ull << n);
    irq_set(&s->dev.out[0], s->level != 0);
}

static bool or_realize(Device *dev, Error **errp)
{
    OrIRQ *s = (OrIRQ *)dev;
    if (!s->lines || s->lines > 64) {
        error_setg(errp, "num-lines %u is not between 1 and 64", s->lines);
        return false;
    }
    device_init_in(dev, set_input, s->lines);
    device_init_out(dev, 1);
    return true;
}

/* Lines are as those who drive them say, also after a reset. */
static void or_post_load(Device *dev)
{
    OrIRQ *s = (OrIRQ *)dev;
    s->level &= s->lines == 64 ? ~0ull : (1ull << s->lines) - 1;
    irq_set(&dev->out[0], s->level != 0);
}

static const Property or_props[] = { PROP_U32("num-lines", OrIRQ, lines, 1), {} };
static const SavedField or_saved[] = { SAVED_INT(OrIRQ, level), SAVED_END() };
static const DeviceType or_type = {
    .name = "or-irq", .desc = "OR gate for interrupts", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(OrIRQ), .props = or_props, .saved = or_saved, .realize = or_realize, .post_load = or_post_load,
};
device_type(or_type)
