/* SPDX-License-Identifier: MIT */
/*
 * General-purpose timers TIM2-TIM5 of STM32F2 and F4 (ST RM0090 ch. 18). Region 0 (1 KiB), output 0 = interrupt, property
 * clock-frequency (Hz). Counts up with prescaler and reload, update and compare interrupts, one-pulse mode. Not modelled: counting
 * down and both ways, capture inputs, slave modes, DMA bursts, preloading (values act at once).
 */
#include "hw/countup.h"

#include <glib.h>

enum { R_CR1, R_CR2, R_SMCR, R_DIER, R_SR, R_EGR, R_CCMR1, R_CCMR2, R_CCER, R_CNT, R_PSC, R_ARR, R_CCR1, R_DCR = R_CCR1 + 4, R_DMAR,
       R_OR };
enum { CR1_CEN = 1, CR1_UDIS = 2, CR1_URS = 4, CR1_OPM = 8, FLAG_UPDATE = 1, FLAGS = 0x1f, EGR_UG = 1 };

typedef struct STM32Timer {
    Device dev;
    uint64_t freq;
    Countup count;
    uint32_t cr1, arr, ccr[4]; /* the registers as they were when events were looked for */
} STM32Timer;

static void update_irq(STM32Timer *s)
{
    irq_set(&s->dev.out[0], (s->dev.regs[R_SR] & s->dev.regs[R_DIER] & FLAGS) != 0);
}

static uint64_t period(const STM32Timer *s)
{
    return (uint64_t)s->arr + 1;
}

/* First tick after `from` at which the counter has this value. */
static uint64_t next_at(const STM32Timer *s, uint64_t from, uint64_t value)
{
    uint64_t p = period(s), round = from - from % p + value;
    return round > from ? round : round + p;
}

static uint64_t next_compare(const STM32Timer *s, unsigned n, uint64_t from)
{
    return s->ccr[n] < period(s) ? next_at(s, from, s->ccr[n]) : COUNTUP_NEVER;
}

/* Events between the last look and now. Ticks count from the counter's zero: multiples of the period are updates. */
static void catch_up(STM32Timer *s)
{
    uint64_t now = countup_ticks(&s->count), seen = s->count.seen, update = next_at(s, seen, 0);
    if (s->cr1 & CR1_OPM && s->count.running && now >= update) {
        now = update;
        countup_run(&s->count, false);
        countup_restart(&s->count, 0);
        s->cr1 &= ~(uint32_t)CR1_CEN;
        s->dev.regs[R_CR1] = s->cr1;
    }
    for (unsigned n = 0; n < 4; n++)
        if (next_compare(s, n, seen) <= now)
            s->dev.regs[R_SR] |= 2u << n;
    if (update <= now && !(s->cr1 & CR1_UDIS))
        s->dev.regs[R_SR] |= FLAG_UPDATE;
    s->count.seen = s->count.running ? now : countup_ticks(&s->count);
}

static void rearm(STM32Timer *s)
{
    uint64_t next = COUNTUP_NEVER;
    uint32_t wanted = s->dev.regs[R_DIER] & ~s->dev.regs[R_SR];
    if ((wanted & FLAG_UPDATE && !(s->cr1 & CR1_UDIS)) || s->cr1 & CR1_OPM)
        next = next_at(s, s->count.seen, 0);
    for (unsigned n = 0; n < 4; n++)
        if (wanted & 2u << n)
            next = MIN(next, next_compare(s, n, s->count.seen));
    countup_wait_for(&s->count, next);
    update_irq(s);
}

static void due(void *opaque)
{
    catch_up(opaque);
    rearm(opaque);
}

/* A reload value of 0 blocks the counter. */
static void set_clock(STM32Timer *s)
{
    s->cr1 = s->dev.regs[R_CR1];
    s->arr = s->dev.regs[R_ARR];
    for (unsigned n = 0; n < 4; n++)
        s->ccr[n] = s->dev.regs[R_CCR1 + n];
    countup_set_hz(&s->count, s->freq / (s->dev.regs[R_PSC] + 1));
    countup_run(&s->count, s->cr1 & CR1_CEN && s->arr);
}

static void write_cr1(void *dev, unsigned index, uint32_t value)
{
    STM32Timer *s = dev;
    catch_up(s);
    s->dev.regs[R_CR1] = value & 0x3ff; /* also when the counter has just stopped by itself */
    set_clock(s);
    rearm(s);
}

static void write_sr(void *dev, unsigned index, uint32_t value)
{
    STM32Timer *s = dev;
    catch_up(s);
    s->dev.regs[R_SR] &= value; /* zeros clear */
    rearm(s);
}

static uint32_t read_sr(void *dev, unsigned index, uint32_t value)
{
    due(dev);
    return ((Device *)dev)->regs[R_SR];
}

static void write_egr(void *dev, unsigned index, uint32_t value)
{
    STM32Timer *s = dev;
    catch_up(s);
    if (value & EGR_UG) {
        countup_restart(&s->count, 0);
        if (!(s->dev.regs[R_CR1] & (CR1_UDIS | CR1_URS)))
            s->dev.regs[R_SR] |= FLAG_UPDATE;
    }
    s->dev.regs[R_SR] |= value & 0x1e;
    rearm(s);
}

static uint32_t read_cnt(void *dev, unsigned index, uint32_t value)
{
    STM32Timer *s = dev;
    catch_up(s);
    return (uint32_t)(countup_ticks(&s->count) % period(s));
}

static void write_cnt(void *dev, unsigned index, uint32_t value)
{
    STM32Timer *s = dev;
    catch_up(s);
    countup_restart(&s->count, value);
    rearm(s);
}

/* The counter keeps its value when the period or the clock changes. */
static void write_arr(void *dev, unsigned index, uint32_t value)
{
    STM32Timer *s = dev;
    catch_up(s);
    countup_restart(&s->count, countup_ticks(&s->count) % period(s));
    set_clock(s);
    rearm(s);
}

static void write_dier(void *dev, unsigned index, uint32_t value)
{
    due(dev);
}

static const RegisterRow timer_regs[] = {
    { "TIM_CR1", 0x00, 4, .write = 0x3ff, .on_write = write_cr1 },
    { "TIM_CR2", 0x04, 4, .write = 0xf8 },
    { "TIM_SMCR", 0x08, 4, .write = 0xfff7 },
    { "TIM_DIER", 0x0c, 4, .write = 0x5f5f, .on_write = write_dier },
    { "TIM_SR", 0x10, 4, .on_read = read_sr, .on_write = write_sr },
    { "TIM_EGR", 0x14, 4, .on_write = write_egr },
    { "TIM_CCMR1", 0x18, 4, .write = 0xffff },
    { "TIM_CCMR2", 0x1c, 4, .write = 0xffff },
    { "TIM_CCER", 0x20, 4, .write = 0xbbbb },
    { "TIM_CNT", 0x24, 4, .on_read = read_cnt, .on_write = write_cnt },
    { "TIM_PSC", 0x28, 4, .write = 0xffff, .on_write = write_arr },
    { "TIM_ARR", 0x2c, 4, .reset = ~0u, .write = ~0u, .on_write = write_arr },
    { "TIM_CCR1", 0x34, 4, .write = ~0u, .on_write = write_arr },
    { "TIM_CCR2", 0x38, 4, .write = ~0u, .on_write = write_arr },
    { "TIM_CCR3", 0x3c, 4, .write = ~0u, .on_write = write_arr },
    { "TIM_CCR4", 0x40, 4, .write = ~0u, .on_write = write_arr },
    { "TIM_DCR", 0x48, 4, .write = 0x1f1f },
    { "TIM_DMAR", 0x4c, 4, .write = 0xffff },
    { "TIM_OR", 0x50, 4, .write = 0xcc0 },
    {},
};

static void timer_reset(Device *dev)
{
    STM32Timer *s = (STM32Timer *)dev;
    countup_restart(&s->count, 0);
    set_clock(s);
    rearm(s);
}

static bool timer_realize(Device *dev, Error **errp)
{
    STM32Timer *s = (STM32Timer *)dev;
    device_init_out(dev, 1);
    countup_init(&s->count, due, s);
    timer_reset(dev);
    return true;
}

static void timer_unrealize(Device *dev)
{
    countup_exit(&((STM32Timer *)dev)->count);
}

static void timer_post_load(Device *dev)
{
    STM32Timer *s = (STM32Timer *)dev;
    countup_post_load(&s->count);
    set_clock(s);
    rearm(s);
}

static const Property timer_props[] = { PROP_U64("clock-frequency", STM32Timer, freq, 84000000), {} };
static const SavedField timer_saved[] = { SAVED_STRUCT(STM32Timer, count, countup_saved), SAVED_END() };
static const DeviceType timer_type = {
    .name = "stm32f2xx-timer", .desc = "STM32 general-purpose timer", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(STM32Timer), .props = timer_props, .saved = timer_saved, .regs = timer_regs, .regs_size = 0x400,
    .realize = timer_realize, .unrealize = timer_unrealize, .reset = timer_reset, .post_load = timer_post_load,
};
device_type(timer_type)
