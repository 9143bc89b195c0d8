/* SPDX-License-Identifier: MIT */
/*
 * Arm watchdog SP805 (ARM DDI 0270). Region 0 (4 KiB), output 0 = interrupt, property freq (Hz). At the first zero it
 * interrupts and starts over, at the second it resets the machine, if that is enabled. Registers are locked until
 * 0x1acce551 is written. Not modelled: integration test registers.
 */
#include "hw/boards.h"
#include "hw/countdown.h"
#include "hw/primecell.h"

#include <glib.h>

enum { R_LOAD, R_VALUE, R_CONTROL, R_INTCLR, R_RIS, R_MIS, R_LOCK };
enum { CTRL_INTEN = 1, CTRL_RESEN = 2 };
#define UNLOCK 0x1acce551u

typedef struct SP805 {
    Device dev;
    uint32_t freq;
    uint32_t load, control; /* what counts: the registers change only when unlocked */
    Countdown count;
} SP805;

static void update_irq(SP805 *s)
{
    irq_set(&s->dev.out[0], s->dev.regs[R_RIS] && (s->control & CTRL_INTEN));
}

static void restart(SP805 *s)
{
    s->count.reload = s->load;
    countdown_set_value(&s->count, s->load);
}

static void zero(void *opaque)
{
    SP805 *s = opaque;
    if (!s->dev.regs[R_RIS]) {
        s->dev.regs[R_RIS] = 1;
        update_irq(s);
    } else if (s->control & CTRL_RESEN) {
        system_reset_request(SHUTDOWN_GUEST);
    }
}

/* True when the write may act; a locked register keeps its value. */
static bool accept(SP805 *s, unsigned index, uint32_t *kept)
{
    bool locked = s->dev.regs[R_LOCK];
    if (locked)
        s->dev.regs[index] = *kept;
    else
        *kept = s->dev.regs[index];
    return !locked;
}

static void write_load(void *dev, unsigned index, uint32_t value)
{
    SP805 *s = dev;
    (void)value;
    if (accept(s, index, &s->load))
        restart(s);
}

static void write_control(void *dev, unsigned index, uint32_t value)
{
    SP805 *s = dev;
    uint32_t before = s->control;
    (void)value;
    if (!accept(s, index, &s->control))
        return;
    if ((s->control & CTRL_INTEN) && !(before & CTRL_INTEN)) {
        restart(s);
        countdown_run(&s->count, true);
    } else if (!(s->control & CTRL_INTEN)) {
        countdown_stop(&s->count);
    }
    update_irq(s);
}

static uint32_t read_value(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    return (uint32_t)countdown_value(&((SP805 *)dev)->count);
}

static void write_intclr(void *dev, unsigned index, uint32_t value)
{
    SP805 *s = dev;
    (void)index;
    (void)value;
    if (s->dev.regs[R_LOCK])
        return;
    s->dev.regs[R_RIS] = 0;
    restart(s);
    update_irq(s);
}

static uint32_t read_mis(void *dev, unsigned index, uint32_t value)
{
    const SP805 *s = dev;
    (void)index;
    (void)value;
    return s->dev.regs[R_RIS] && (s->control & CTRL_INTEN);
}

static void write_lock(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index] = value != UNLOCK;
}

#define WATCHDOG_ROWS                                                              \
    { "WDOGLOAD", 0x00, 4, .reset = ~0u, .write = ~0u, .on_write = write_load },   \
    { "WDOGVALUE", 0x04, 4, .on_read = read_value },                               \
    { "WDOGCONTROL", 0x08, 4, .write = 3, .on_write = write_control },             \
    { "WDOGINTCLR", 0x0c, 4, .on_write = write_intclr },                           \
    { "WDOGRIS", 0x10, 4, .reset = 0 },                                            \
    { "WDOGMIS", 0x14, 4, .on_read = read_mis },                                   \
    { "WDOGLOCK", 0xc00, 4, .on_write = write_lock }
static const RegisterRow sp805_regs[] = { WATCHDOG_ROWS, PRIMECELL_IDS(0x05, 0x18, 0x14, 0x00), {} };
/* Stellaris: TI LM3S6965 data sheet, ch. 11. */
static const RegisterRow luminary_regs[] = {
    WATCHDOG_ROWS, { "WDTTEST", 0x418, 4, .write = 0x100 }, PRIMECELL_IDS(0x05, 0x00, 0x18, 0x01), {},
};
static const RegisterRow cmsdk_regs[] = { WATCHDOG_ROWS, PRIMECELL_IDS(0x24, 0xb8, 0x1b, 0x00), {} };

static void sp805_reset(Device *dev)
{
    SP805 *s = (SP805 *)dev;
    s->load = ~0u;
    s->control = 0;
    countdown_reset(&s->count);
    countdown_set_hz(&s->count, s->freq);
    restart(s);
    update_irq(s);
}

static bool sp805_realize(Device *dev, Error **errp)
{
    SP805 *s = (SP805 *)dev;
    (void)errp;
    device_init_out(dev, 1);
    countdown_init(&s->count, zero, s);
    sp805_reset(dev);
    return true;
}

static void sp805_unrealize(Device *dev)
{
    countdown_exit(&((SP805 *)dev)->count);
}

static void sp805_post_load(Device *dev)
{
    SP805 *s = (SP805 *)dev;
    countdown_post_load(&s->count);
    update_irq(s);
}

static const Property sp805_props[] = { PROP_U32("freq", SP805, freq, 1000000), {} };
static const SavedField sp805_saved[] = {
    SAVED_INT(SP805, load), SAVED_INT(SP805, control), SAVED_STRUCT(SP805, count, countdown_saved), SAVED_END(),
};
#define WATCHDOG                                                                                                    \
    .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true, .size = sizeof(SP805), .props = sp805_props,   \
    .saved = sp805_saved, .regs_size = 0x1000, .realize = sp805_realize, .unrealize = sp805_unrealize,              \
    .reset = sp805_reset, .post_load = sp805_post_load
static const DeviceType sp805_type = { .name = "sp805", .desc = "Arm watchdog", .regs = sp805_regs, WATCHDOG };
device_type(sp805_type)
/* The same in the Cortex-M System Design Kit (ARM DDI 0479 section 4.6). */
static const DeviceType cmsdk_type = { .name = "cmsdk-apb-watchdog", .desc = "CMSDK APB watchdog", .regs = cmsdk_regs, WATCHDOG };
device_type(cmsdk_type)
static const DeviceType luminary_type = {
    .name = "luminary-watchdog", .desc = "Stellaris watchdog", .regs = luminary_regs, WATCHDOG,
};
device_type(luminary_type)
