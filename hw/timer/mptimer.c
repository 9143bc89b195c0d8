/* SPDX-License-Identifier: MIT */
/*
 * Private timer and watchdog of each core of an Arm MPCore (Cortex-A9: ARM DDI 0407, ch. 4). Region 0 (64 bytes) = those of
 * the vCPU that accesses it; outputs: 2 * vCPU = timer, 2 * vCPU + 1 = watchdog. Properties num-cpu, freq (of PERIPHCLK,
 * Hz). The watchdog in watchdog mode resets the machine.
 */
#include "cpu.h"
#include "hw/boards.h"
#include "hw/countdown.h"
#include "util/error.h"
#include "util/log.h"

#define CPUS 4
enum { R_LOAD = 0x00, R_COUNTER = 0x04, R_CONTROL = 0x08, R_STATUS = 0x0c, R_WDRESET = 0x10, R_DISABLE = 0x14, WATCHDOG = 0x20 };
enum { CTRL_ENABLE = 1, CTRL_RELOAD = 2, CTRL_INT = 4, CTRL_WDMODE = 8 };

typedef struct MPTimer {
    Device *dev;
    unsigned n;               /* its output */
    Countdown count;
    uint32_t load, control, status, wd_reset, disable;
} MPTimer;

typedef struct MPTimers {
    Device dev;
    uint32_t ncpu, freq;
    MemoryRegion io;
    MPTimer timer[2 * CPUS];
} MPTimers;

static bool is_watchdog(const MPTimer *t)
{
    return t->n & 1;
}

static void update_irq(MPTimer *t)
{
    irq_set(&t->dev->out[t->n], t->status && (t->control & CTRL_INT));
}

static void zero(void *opaque)
{
    MPTimer *t = opaque;
    if (is_watchdog(t) && (t->control & CTRL_WDMODE)) {
        t->wd_reset = 1;
        system_reset_request(SHUTDOWN_GUEST);
        return;
    }
    t->status = 1;
    update_irq(t);
}

static void write_control(MPTimer *t, uint32_t value)
{
    const MPTimers *s = (MPTimers *)t->dev;
    countdown_stop(&t->count);
    t->control = (value & 0xff0f) | (is_watchdog(t) ? t->control & CTRL_WDMODE : 0);
    countdown_set_hz(&t->count, s->freq / ((value >> 8 & 0xff) + 1));
    t->count.reload = t->load + 1ull;
    if (value & CTRL_ENABLE)
        countdown_run(&t->count, value & CTRL_RELOAD);
    update_irq(t);
}

static void write_load(MPTimer *t, uint32_t value)
{
    t->load = value;
    t->count.reload = value + 1ull;
    countdown_set_value(&t->count, value);
    if (t->control & CTRL_ENABLE)
        countdown_run(&t->count, t->control & CTRL_RELOAD);
}

/* Two magic words, one after the other, make a timer of the watchdog. */
static void write_disable(MPTimer *t, uint32_t value)
{
    if (t->disable == 0x12345678 && value == 0x87654321)
        t->control &= ~(uint32_t)CTRL_WDMODE;
    t->disable = value;
}

/* The timer an access is for. */
static MPTimer *timer_at(MPTimers *s, hwaddr offset)
{
    unsigned c = current_cpu ? (unsigned)current_cpu->index : 0;
    return &s->timer[2 * (c < s->ncpu ? c : 0) + (offset >= WATCHDOG)];
}

static uint64_t timers_read(void *opaque, hwaddr offset, unsigned size)
{
    MPTimer *t = timer_at(opaque, offset);
    (void)size;
    switch (offset & 0x1f) {
    case R_LOAD: return t->load;
    case R_COUNTER: return (uint32_t)countdown_value(&t->count);
    case R_CONTROL: return t->control;
    case R_STATUS: return t->status;
    case R_WDRESET: return t->wd_reset;
    default: return 0;
    }
}

static void timers_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    MPTimer *t = timer_at(opaque, offset);
    uint32_t v = (uint32_t)value;
    (void)size;
    switch (offset & 0x1f) {
    case R_LOAD: write_load(t, v); break;
    case R_COUNTER: countdown_set_value(&t->count, v); break;
    case R_CONTROL: write_control(t, v); break;
    case R_STATUS: t->status &= ~v; update_irq(t); break;
    case R_WDRESET: t->wd_reset &= ~v; break;
    case R_DISABLE:
        if (is_watchdog(t))
            write_disable(t, v);
        break;
    default: guest_error("mptimer: write of unknown register 0x%x\n", (unsigned)offset);
    }
}

static const MemoryRegionOps timers_ops = { .read = timers_read, .write = timers_write, .impl_min = 4, .impl_max = 4 };

static void timers_reset(Device *dev)
{
    MPTimers *s = (MPTimers *)dev;
    for (unsigned i = 0; i < 2 * CPUS; i++) {
        MPTimer *t = &s->timer[i];
        t->load = t->control = t->status = t->disable = 0;
        countdown_reset(&t->count);
        if (i < 2 * s->ncpu)
            update_irq(t);
    }
}

static bool timers_realize(Device *dev, Error **errp)
{
    MPTimers *s = (MPTimers *)dev;
    if (s->ncpu < 1 || s->ncpu > CPUS) {
        error_setg(errp, "arm_mptimer: num-cpu must be between 1 and %d", CPUS);
        return false;
    }
    device_init_out(dev, 2 * s->ncpu);
    memory_region_init_io(&s->io, dev, &timers_ops, s, "arm_mptimer", 0x40);
    device_add_region(dev, &s->io);
    for (unsigned i = 0; i < 2 * CPUS; i++) {
        s->timer[i].dev = dev;
        s->timer[i].n = i;
        countdown_init(&s->timer[i].count, zero, &s->timer[i]);
    }
    timers_reset(dev);
    return true;
}

static void timers_unrealize(Device *dev)
{
    MPTimers *s = (MPTimers *)dev;
    for (unsigned i = 0; i < 2 * CPUS; i++)
        countdown_exit(&s->timer[i].count);
}

static void timers_post_load(Device *dev)
{
    MPTimers *s = (MPTimers *)dev;
    for (unsigned i = 0; i < 2 * CPUS; i++) {
        if (i >= 2 * s->ncpu)
            s->timer[i].count.running = 0;
        countdown_post_load(&s->timer[i].count);
        if (i < 2 * s->ncpu)
            update_irq(&s->timer[i]);
    }
}

static const Property timers_props[] = {
    PROP_U32("num-cpu", MPTimers, ncpu, 1), PROP_U32("freq", MPTimers, freq, 100000000), {},
};
static const SavedField timer_saved[] = {
    SAVED_STRUCT(MPTimer, count, countdown_saved), SAVED_INT(MPTimer, load), SAVED_INT(MPTimer, control),
    SAVED_INT(MPTimer, status), SAVED_INT(MPTimer, wd_reset), SAVED_INT(MPTimer, disable), SAVED_END(),
};
static const SavedField timers_saved[] = { SAVED_STRUCTS(MPTimers, timer, timer_saved), SAVED_END() };
static const DeviceType timers_type = {
    .name = "arm_mptimer", .desc = "Arm MPCore private timers", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(MPTimers), .props = timers_props, .saved = timers_saved, .realize = timers_realize,
    .unrealize = timers_unrealize, .reset = timers_reset, .post_load = timers_post_load,
};
device_type(timers_type)
