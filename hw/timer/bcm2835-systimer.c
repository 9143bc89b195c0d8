/* SPDX-License-Identifier: MIT */
/*
 * System timer of the BCM2835 (BCM2835 ARM Peripherals, ch. 12): a free-running 64-bit counter of microseconds with four
 * compare registers. Region 0 (32 bytes); output n = compare n.
 */
#include "hw/device.h"
#include "util/timer.h"

enum { R_CS, R_CLO, R_CHI, R_C0 };
#define COMPARES 4

typedef struct SysTimer SysTimer;
typedef struct Compare {
    SysTimer *chip;
    unsigned n;
    Timer *timer;
} Compare;
struct SysTimer {
    Device dev;
    Compare compare[COMPARES];
};

static uint64_t microseconds(void)
{
    return (uint64_t)clock_ns(CLOCK_VIRTUAL) / 1000;
}

static void match(void *opaque)
{
    Compare *c = opaque;
    c->chip->dev.regs[R_CS] |= 1u << c->n;
    irq_set(&c->chip->dev.out[c->n], 1);
}

static uint32_t read_counter(void *dev, unsigned index, uint32_t value)
{
    (void)dev;
    (void)value;
    return (uint32_t)(microseconds() >> (index == R_CHI ? 32 : 0));
}

static void write_cs(void *dev, unsigned index, uint32_t value)
{
    SysTimer *s = dev;
    s->dev.regs[index] &= ~value;
    for (unsigned n = 0; n < COMPARES; n++)
        if (value >> n & 1)
            irq_set(&s->dev.out[n], 0);
}

/* The compare is with the counter's lower half: a value behind it comes after the wrap. */
static void write_compare(void *dev, unsigned index, uint32_t value)
{
    SysTimer *s = dev;
    uint64_t now = microseconds();
    uint32_t ahead = value - (uint32_t)now;
    timer_mod(s->compare[index - R_C0].timer, (int64_t)((now + ahead) * 1000));
}

static const RegisterRow systimer_regs[] = {
    { "CS", 0x00, 4, .on_write = write_cs },
    { "CLO", 0x04, 4, .on_read = read_counter },
    { "CHI", 0x08, 4, .on_read = read_counter },
    { "C0", 0x0c, 4, .write = ~0u, .on_write = write_compare },
    { "C1", 0x10, 4, .write = ~0u, .on_write = write_compare },
    { "C2", 0x14, 4, .write = ~0u, .on_write = write_compare },
    { "C3", 0x18, 4, .write = ~0u, .on_write = write_compare },
    {},
};

static void systimer_reset(Device *dev)
{
    SysTimer *s = (SysTimer *)dev;
    for (unsigned n = 0; n < COMPARES; n++) {
        timer_del(s->compare[n].timer);
        irq_set(&dev->out[n], 0);
    }
}

static bool systimer_realize(Device *dev, Error **errp)
{
    SysTimer *s = (SysTimer *)dev;
    (void)errp;
    device_init_out(dev, COMPARES);
    for (unsigned n = 0; n < COMPARES; n++)
        s->compare[n] = (Compare){ s, n, timer_new(CLOCK_VIRTUAL, match, &s->compare[n]) };
    return true;
}

static void systimer_unrealize(Device *dev)
{
    for (unsigned n = 0; n < COMPARES; n++)
        timer_free(((SysTimer *)dev)->compare[n].timer);
}

static void systimer_post_load(Device *dev)
{
    for (unsigned n = 0; n < COMPARES; n++)
        irq_set(&dev->out[n], dev->regs[R_CS] >> n & 1);
}

static const SavedField compare_saved[] = { SAVED_TIMER(Compare, timer), SAVED_END() };
static const SavedField systimer_saved[] = { SAVED_STRUCTS(SysTimer, compare, compare_saved), SAVED_END() };
static const DeviceType systimer_type = {
    .name = "bcm2835-systimer", .desc = "BCM2835 system timer", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(SysTimer), .saved = systimer_saved, .regs = systimer_regs, .regs_size = 0x20,
    .realize = systimer_realize, .unrealize = systimer_unrealize, .reset = systimer_reset,
    .post_load = systimer_post_load,
};
device_type(systimer_type)
