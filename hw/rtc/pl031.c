/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell real-time clock PL031 (ARM DDI 0224). Region 0 (4 KiB), output 0 = alarm. A 32-bit counter of seconds;
 * the time it starts from and the clock behind it are the machine's (-rtc). The counter is computed when
 * read; a timer runs only while the match register lies ahead. Not modelled: stopping by RTCEN (always runs).
 */
#include "hw/boards.h"
#include "hw/fdt.h"
#include "hw/primecell.h"
#include "util/timer.h"

#include <glib.h>

enum { R_DR, R_MR, R_LR, R_CR, R_IMSC, R_RIS };

typedef struct PL031 {
    Device dev;
    int clock;             /* ClockType */
    int64_t offset_ns;     /* added to the clock */
    Timer *alarm;
} PL031;

static uint32_t seconds(const PL031 *s)
{
    return (uint32_t)((clock_ns(s->clock) + s->offset_ns) / NS_PER_SEC);
}

static void update_irq(PL031 *s)
{
    irq_set(&s->dev.out[0], (s->dev.regs[R_RIS] & s->dev.regs[R_IMSC]) != 0);
}

static void alarm_due(void *opaque)
{
    PL031 *s = opaque;
    s->dev.regs[R_RIS] = 1;
    update_irq(s);
}

/* The match is an equality of 32-bit counters: a value in the past comes after the wrap. */
static void set_alarm(PL031 *s)
{
    uint32_t ahead = s->dev.regs[R_MR] - seconds(s);
    if (!ahead) {
        timer_del(s->alarm);
        alarm_due(s);
        return;
    }
    int64_t now = clock_ns(s->clock) + s->offset_ns;
    timer_mod(s->alarm, (now / NS_PER_SEC + ahead) * NS_PER_SEC - s->offset_ns);
}

static uint32_t read_dr(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    return seconds(dev);
}

static void write_mr(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    set_alarm(dev);
}

static void write_lr(void *dev, unsigned index, uint32_t value)
{
    PL031 *s = dev;
    (void)index;
    s->offset_ns = (int64_t)value * NS_PER_SEC - clock_ns(s->clock);
    set_alarm(s);
}

/* Once enabled, only reset stops the counter. */
static void write_cr(void *dev, unsigned index, uint32_t value)
{
    (void)value;
    ((Device *)dev)->regs[index] = 1;
}

static void write_imsc(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    update_irq(dev);
}

static uint32_t read_mis(void *dev, unsigned index, uint32_t value)
{
    const Device *d = dev;
    (void)index;
    (void)value;
    return d->regs[R_RIS] & d->regs[R_IMSC];
}

static void write_icr(void *dev, unsigned index, uint32_t value)
{
    PL031 *s = dev;
    (void)index;
    s->dev.regs[R_RIS] &= ~value;
    update_irq(s);
}

static const RegisterRow pl031_regs[] = {
    { "RTCDR", 0x00, 4, .on_read = read_dr },
    { "RTCMR", 0x04, 4, .write = ~0u, .on_write = write_mr },
    { "RTCLR", 0x08, 4, .write = ~0u, .on_write = write_lr },
    { "RTCCR", 0x0c, 4, .reset = 1, .on_write = write_cr },
    { "RTCIMSC", 0x10, 4, .write = 1, .on_write = write_imsc },
    { "RTCRIS", 0x14, 4, .reset = 0 },
    { "RTCMIS", 0x18, 4, .on_read = read_mis },
    { "RTCICR", 0x1c, 4, .on_write = write_icr },
    PRIMECELL_IDS(0x31, 0x10, 0x04, 0x00),
    {},
};

static void pl031_reset(Device *dev)
{
    PL031 *s = (PL031 *)dev;
    timer_del(s->alarm);
    update_irq(s);
}

static bool pl031_realize(Device *dev, Error **errp)
{
    PL031 *s = (PL031 *)dev;
    const MachineState *m = current_machine;
    (void)errp;
    device_init_out(dev, 1);
    s->clock = m ? m->rtc_clock : CLOCK_HOST;
    int64_t now = clock_ns(CLOCK_HOST), start = m && m->rtc_start != INT64_MIN ? m->rtc_start * NS_PER_SEC : now;
    if (m && m->rtc_localtime) {
        g_autoptr(GDateTime) local = g_date_time_new_now_local();
        start += g_date_time_get_utc_offset(local) * 1000;
    }
    s->offset_ns = start - clock_ns(s->clock);
    s->alarm = timer_new(s->clock, alarm_due, s);
    return true;
}

static void pl031_unrealize(Device *dev)
{
    timer_free(((PL031 *)dev)->alarm);
}

static void pl031_post_load(Device *dev)
{
    PL031 *s = (PL031 *)dev;
    s->offset_ns = CLAMP(s->offset_ns, -(INT64_MAX / 4), INT64_MAX / 4);
    s->dev.regs[R_RIS] &= 1;
    update_irq(s);
}

static void pl031_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "pl031", "arm,pl031\0arm,primecell");
    dt_cells(p->tree, path, "clocks", p->clock);
    dt_string(p->tree, path, "clock-names", "apb_pclk");
}

static const SavedField pl031_saved[] = { SAVED_INT(PL031, offset_ns), SAVED_TIMER(PL031, alarm), SAVED_END() };
static const DeviceType pl031_type = {
    .name = "pl031", .desc = "Arm PrimeCell real-time clock", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(PL031), .saved = pl031_saved, .regs = pl031_regs, .regs_size = 0x1000,
    .realize = pl031_realize, .unrealize = pl031_unrealize, .reset = pl031_reset, .post_load = pl031_post_load,
    .describe = pl031_describe,
};
device_type(pl031_type)
