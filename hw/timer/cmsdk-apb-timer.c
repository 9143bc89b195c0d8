/* SPDX-License-Identifier: MIT */
/*
 * CMSDK APB timer (ARM DDI 0479 section 4.4): a 32-bit down counter that reloads. Region 0 (4 KiB), output 0 = interrupt, property
 * freq (Hz). The external input is not connected: counting by it stands still.
 */
#include "hw/countdown.h"
#include "hw/primecell.h"

#include <glib.h>

enum { R_CTRL, R_VALUE, R_RELOAD, R_INT };
enum { CTRL_EN = 1, CTRL_EXTERNAL = 6, CTRL_IRQEN = 8 };

typedef struct CMSDKTimer {
    Device dev;
    uint32_t freq;
    Countdown count;
} CMSDKTimer;

static void update_irq(CMSDKTimer *s)
{
    irq_set(&s->dev.out[0], s->dev.regs[R_INT] & 1);
}

static void zero(void *opaque)
{
    CMSDKTimer *s = opaque;
    if (s->dev.regs[R_CTRL] & CTRL_IRQEN)
        s->dev.regs[R_INT] = 1;
    update_irq(s);
}

/* From reload to zero and one more tick. */
static void set_reload(CMSDKTimer *s)
{
    s->count.reload = s->dev.regs[R_RELOAD] ? (uint64_t)s->dev.regs[R_RELOAD] + 1 : 0;
}

static void write_ctrl(void *dev, unsigned index, uint32_t value)
{
    CMSDKTimer *s = dev;

    set_reload(s);
    if (!(value & CTRL_EN) || value & CTRL_EXTERNAL) {
        countdown_stop(&s->count);
        return;
    }
    if (!countdown_value(&s->count))
        countdown_set_value(&s->count, s->count.reload);
    if (!s->count.running)
        countdown_run(&s->count, true);
}

static uint32_t read_value(void *dev, unsigned index, uint32_t value)
{
    const CMSDKTimer *s = dev;
    uint64_t left = countdown_value(&s->count);
    return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

static void write_value(void *dev, unsigned index, uint32_t value)
{
    CMSDKTimer *s = dev;
    bool enabled = s->dev.regs[R_CTRL] & CTRL_EN;

    set_reload(s);
    countdown_set_value(&s->count, !value && enabled ? s->count.reload : value);
    if (enabled && !(s->dev.regs[R_CTRL] & CTRL_EXTERNAL))
        countdown_run(&s->count, true);
}

/* Sets the value, too. */
static void write_reload(void *dev, unsigned index, uint32_t value)
{
    write_value(dev, index, value);
}

static void write_int(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static const RegisterRow timer_regs[] = {
    { "CTRL", 0x00, 4, .write = 0xf, .on_write = write_ctrl },
    { "VALUE", 0x04, 4, .on_read = read_value, .on_write = write_value },
    { "RELOAD", 0x08, 4, .write = ~0u, .on_write = write_reload },
    { "INTSTATUS", 0x0c, 4, .w1c = 1, .on_write = write_int },
    PRIMECELL_ID("PID4", 0xfd0, 0x04), PRIMECELL_ID("PID5", 0xfd4, 0), PRIMECELL_ID("PID6", 0xfd8, 0), PRIMECELL_ID("PID7", 0xfdc, 0),
    PRIMECELL_IDS(0x22, 0xb8, 0x1b, 0x00),
    {},
};

static void timer_reset(Device *dev)
{
    CMSDKTimer *s = (CMSDKTimer *)dev;
    countdown_reset(&s->count);
    countdown_set_hz(&s->count, s->freq);
    update_irq(s);
}

static bool timer_realize(Device *dev, Error **errp)
{
    CMSDKTimer *s = (CMSDKTimer *)dev;
    device_init_out(dev, 1);
    countdown_init(&s->count, zero, s);
    timer_reset(dev);
    return true;
}

static void timer_unrealize(Device *dev)
{
    countdown_exit(&((CMSDKTimer *)dev)->count);
}

static void timer_post_load(Device *dev)
{
    CMSDKTimer *s = (CMSDKTimer *)dev;
    countdown_post_load(&s->count);
    update_irq(s);
}

static const Property timer_props[] = { PROP_U32("freq", CMSDKTimer, freq, 25000000), {} };
static const SavedField timer_saved[] = { SAVED_STRUCT(CMSDKTimer, count, countdown_saved), SAVED_END() };
static const DeviceType timer_type = {
    .name = "cmsdk-apb-timer", .desc = "CMSDK APB timer", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(CMSDKTimer), .props = timer_props, .saved = timer_saved, .regs = timer_regs, .regs_size = 0x1000,
    .realize = timer_realize, .unrealize = timer_unrealize, .reset = timer_reset, .post_load = timer_post_load,
};
device_type(timer_type)
