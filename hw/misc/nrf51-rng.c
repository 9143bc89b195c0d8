/* SPDX-License-Identifier: MIT */
/*
 * Random number generator of the nRF51 (Nordic nRF51 Reference Manual 3.0, ch. 21). Region 0 (4 KiB), output 0 = interrupt. A byte takes 167
 * microseconds, with bias correction 677 (product specification, 8.14). Bytes come from the emulator's random numbers (-seed).
 */
#include "hw/device.h"
#include "util/guest-random.h"
#include "util/timer.h"

enum { R_START, R_STOP, R_VALRDY, R_SHORTS, R_INTEN, R_INTENCLR, R_CONFIG, R_VALUE };

typedef struct NRF51RNG {
    Device dev;
    Timer *timer;
    uint8_t active;
} NRF51RNG;

static void update_irq(NRF51RNG *s)
{
    irq_set(&s->dev.out[0], s->dev.regs[R_VALRDY] && s->dev.regs[R_INTEN] & 1);
}

static void start(NRF51RNG *s)
{
    s->active = 1;
    timer_mod(s->timer, clock_ns(CLOCK_VIRTUAL) + (s->dev.regs[R_CONFIG] & 1 ? 677000 : 167000));
}

static void stop(NRF51RNG *s)
{
    s->active = 0;
    timer_del(s->timer);
}

static void byte_ready(void *opaque)
{
    NRF51RNG *s = opaque;
    uint8_t byte;
    if (!s->active)
        return;
    guest_random(&byte, 1);
    s->dev.regs[R_VALUE] = byte;
    s->dev.regs[R_VALRDY] = 1;
    if (s->dev.regs[R_SHORTS] & 1)
        stop(s);
    else
        start(s);
    update_irq(s);
}

static void write_task(void *dev, unsigned index, uint32_t value)
{
    if (value == 1)
        (index == R_START ? start : stop)(dev);
}

static void write_event(void *dev, unsigned index, uint32_t value)
{
    NRF51RNG *s = dev;
    s->dev.regs[index] = value & 1;
    update_irq(s);
}

static uint32_t read_inten(void *dev, unsigned index, uint32_t value)
{
    return ((Device *)dev)->regs[R_INTEN];
}

static void write_inten(void *dev, unsigned index, uint32_t value)
{
    NRF51RNG *s = dev;
    uint32_t *inten = &s->dev.regs[R_INTEN];
    *inten = (index == R_INTEN ? *inten | value : *inten & ~value) & 1;
    update_irq(s);
}

static const RegisterRow rng_regs[] = {
    { "TASKS_START", 0x000, 4, .on_write = write_task },
    { "TASKS_STOP", 0x004, 4, .on_write = write_task },
    { "EVENTS_VALRDY", 0x100, 4, .on_write = write_event },
    { "SHORTS", 0x200, 4, .write = 1 },
    { "INTENSET", 0x304, 4, .on_read = read_inten, .on_write = write_inten },
    { "INTENCLR", 0x308, 4, .on_read = read_inten, .on_write = write_inten },
    { "CONFIG", 0x504, 4, .write = 1 },
    { "VALUE", 0x508, 4, .reset = 0 },
    {},
};

static void rng_reset(Device *dev)
{
    stop((NRF51RNG *)dev);
    update_irq((NRF51RNG *)dev);
}

static bool rng_realize(Device *dev, Error **errp)
{
    NRF51RNG *s = (NRF51RNG *)dev;
    device_init_out(dev, 1);
    s->timer = timer_new(CLOCK_VIRTUAL, byte_ready, s);
    return true;
}

static void rng_unrealize(Device *dev)
{
    timer_free(((NRF51RNG *)dev)->timer);
}

static void rng_post_load(Device *dev)
{
    update_irq((NRF51RNG *)dev);
}

static const SavedField rng_saved[] = { SAVED_TIMER(NRF51RNG, timer), SAVED_INT(NRF51RNG, active), SAVED_END() };
static const DeviceType rng_type = {
    .name = "nrf51_soc.rng", .desc = "nRF51 random number generator", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(NRF51RNG), .saved = rng_saved, .regs = rng_regs, .regs_size = 0x1000, .realize = rng_realize,
    .unrealize = rng_unrealize, .reset = rng_reset, .post_load = rng_post_load,
};
device_type(rng_type)
