/* SPDX-License-Identifier: MIT */
/*
 * Arm dual timers SP804 (ARM DDI 0271) and CMSDK APB: two down counters of 16 or 32 bits behind one page. Region 0 (4 KiB); outputs: 0 = either
 * counter, 1 and 2 = each. Properties freq0, freq1 (Hz). Not modelled: integration test registers.
 */
#include "hw/countdown.h"
#include "hw/primecell.h"

#include <glib.h>

enum { R_LOAD, R_VALUE, R_CONTROL, R_INTCLR, R_RIS, R_MIS, R_BGLOAD, ROWS };
enum { CTRL_ONESHOT = 1, CTRL_32BIT = 2, CTRL_PRESCALE_SHIFT = 2, CTRL_INT = 0x20, CTRL_PERIODIC = 0x40, CTRL_ENABLE = 0x80 };

typedef struct SP804 SP804;
typedef struct Counter {
    SP804 *chip;
    unsigned n;
    Countdown count;
} Counter;
struct SP804 {
    Device dev;
    uint32_t freq[2];
    Counter counter[2];
    MemoryRegion page, ids;
};

/* Register r of the counter. */
static uint32_t *reg(Counter *c, unsigned r)
{
    return &c->chip->dev.regs[c->n * ROWS + r];
}

static void update_irq(SP804 *s)
{
    bool any = false;
    for (unsigned n = 0; n < 2; n++) {
        Counter *c = &s->counter[n];
        bool level = *reg(c, R_RIS) && (*reg(c, R_CONTROL) & CTRL_INT);
        irq_set(&s->dev.out[1 + n], level);
        any |= level;
    }
    irq_set(&s->dev.out[0], any);
}

static uint32_t full_scale(Counter *c)
{
    return *reg(c, R_CONTROL) & CTRL_32BIT ? 0xffffffff : 0xffff;
}

/* Free-running counters start over at full scale, periodic ones at the load value. */
static void set_reload(Counter *c)
{
    bool periodic = *reg(c, R_CONTROL) & CTRL_PERIODIC;
    c->count.reload = periodic ? *reg(c, R_BGLOAD) & full_scale(c) : (uint64_t)full_scale(c) + 1;
}

static void zero(void *opaque)
{
    Counter *c = opaque;
    *reg(c, R_RIS) = 1;
    update_irq(c->chip);
}

static Counter *counter_of(void *dev, unsigned index)
{
    return &((SP804 *)dev)->counter[index / ROWS];
}

static void write_load(void *dev, unsigned index, uint32_t value)
{
    Counter *c = counter_of(dev, index);
    (void)value;
    *reg(c, R_BGLOAD) = *reg(c, R_LOAD);
    set_reload(c);
    countdown_set_value(&c->count, *reg(c, R_LOAD) & full_scale(c));
    if (*reg(c, R_CONTROL) & CTRL_ENABLE)
        countdown_run(&c->count, !(*reg(c, R_CONTROL) & CTRL_ONESHOT));
}

static void write_background(void *dev, unsigned index, uint32_t value)
{
    Counter *c = counter_of(dev, index);
    (void)value;
    *reg(c, R_LOAD) = *reg(c, R_BGLOAD);
    set_reload(c);
}

static uint32_t read_value(void *dev, unsigned index, uint32_t value)
{
    Counter *c = counter_of(dev, index);
    (void)value;
    return (uint32_t)countdown_value(&c->count) & full_scale(c);
}

static void write_control(void *dev, unsigned index, uint32_t value)
{
    static const uint16_t divisors[] = { 1, 16, 256, 256 };
    Counter *c = counter_of(dev, index);
    countdown_stop(&c->count);
    countdown_set_hz(&c->count, c->chip->freq[c->n] / divisors[value >> CTRL_PRESCALE_SHIFT & 3]);
    set_reload(c);
    if (value & CTRL_ENABLE)
        countdown_run(&c->count, !(value & CTRL_ONESHOT));
    update_irq(c->chip);
}

static void write_intclr(void *dev, unsigned index, uint32_t value)
{
    Counter *c = counter_of(dev, index);
    (void)value;
    *reg(c, R_RIS) = 0;
    update_irq(c->chip);
}

static uint32_t read_mis(void *dev, unsigned index, uint32_t value)
{
    Counter *c = counter_of(dev, index);
    (void)value;
    return *reg(c, R_RIS) && (*reg(c, R_CONTROL) & CTRL_INT);
}

static const RegisterRow sp804_regs[] = {
    { "TIMERLOAD", 0x00, 4, .write = ~0u, .on_write = write_load },
    { "TIMERVALUE", 0x04, 4, .on_read = read_value },
    { "TIMERCONTROL", 0x08, 4, .reset = 0x20, .write = 0xef, .on_write = write_control },
    { "TIMERINTCLR", 0x0c, 4, .on_write = write_intclr },
    { "TIMERRIS", 0x10, 4, .reset = 0 },
    { "TIMERMIS", 0x14, 4, .on_read = read_mis },
    { "TIMERBGLOAD", 0x18, 4, .write = ~0u, .on_write = write_background },
    {},
};

/* Identification lies outside the banks of counters. */
static const uint8_t sp804_ids[] = { 0x04, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
static const uint8_t cmsdk_ids[] = { 0x23, 0xb8, 0x1b, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
static uint64_t id_read(void *opaque, hwaddr offset, unsigned size)
{
    const uint8_t *ids = ((const Device *)opaque)->type->class_data;
    (void)size;
    return ids[offset / 4];
}

static const MemoryRegionOps id_ops = { .read = id_read, .impl_min = 4, .impl_max = 4 };

static void sp804_reset(Device *dev)
{
    SP804 *s = (SP804 *)dev;
    for (unsigned n = 0; n < 2; n++) {
        countdown_reset(&s->counter[n].count);
        countdown_set_hz(&s->counter[n].count, s->freq[n]);
        s->counter[n].count.start_value = 0xffffffff;
    }
    update_irq(s);
}

static bool sp804_realize(Device *dev, Error **errp)
{
    SP804 *s = (SP804 *)dev;
    (void)errp;
    device_init_out(dev, 3);
    for (unsigned n = 0; n < 2; n++) {
        s->counter[n].chip = s;
        s->counter[n].n = n;
        countdown_init(&s->counter[n].count, zero, &s->counter[n]);
    }
    memory_region_init(&s->page, dev, "sp804", 0x1000);
    memory_region_init_io(&s->ids, dev, &id_ops, s, "sp804-id", 0x20);
    memory_region_add(&s->page, 0, dev->regions[0]);
    memory_region_add_overlap(&s->page, 0xfe0, &s->ids, 1);
    dev->regions[1] = dev->regions[0];
    dev->regions[0] = &s->page;
    dev->nregions = 2;
    device_add_region(dev, &s->ids);
    sp804_reset(dev);
    return true;
}

static void sp804_unrealize(Device *dev)
{
    SP804 *s = (SP804 *)dev;
    countdown_exit(&s->counter[0].count);
    countdown_exit(&s->counter[1].count);
}

static void sp804_post_load(Device *dev)
{
    SP804 *s = (SP804 *)dev;
    countdown_post_load(&s->counter[0].count);
    countdown_post_load(&s->counter[1].count);
    update_irq(s);
}

static const Property sp804_props[] = {
    PROP_U32("freq0", SP804, freq[0], 1000000), PROP_U32("freq1", SP804, freq[1], 1000000), {},
};
static const SavedField counter_saved[] = { SAVED_STRUCT(Counter, count, countdown_saved), SAVED_END() };
static const SavedField sp804_saved[] = { SAVED_STRUCTS(SP804, counter, counter_saved), SAVED_END() };
#define DUAL_TIMER                                                                                                                 \
    .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true, .size = sizeof(SP804), .props = sp804_props,                  \
    .saved = sp804_saved, .regs = sp804_regs, .bank_stride = 0x20, .banks = 2, .regs_size = 0x1000, .realize = sp804_realize,      \
    .unrealize = sp804_unrealize, .reset = sp804_reset, .post_load = sp804_post_load
static const DeviceType sp804_type = { .name = "sp804", .desc = "Arm dual timer", .class_data = sp804_ids, DUAL_TIMER };
device_type(sp804_type)
/* The same timers in the Cortex-M System Design Kit (ARM DDI 0479 section 4.5). */
static const DeviceType dualtimer_type = { .name = "cmsdk-apb-dualtimer", .desc = "CMSDK APB dual timer", .class_data = cmsdk_ids, DUAL_TIMER };
device_type(dualtimer_type)
