/* SPDX-License-Identifier: MIT */
/*
 * SysTick: a 24-bit down counter in the core that reloads from SYST_RVR and can pend its exception when it counts to zero. Armv7-M
 * ARM (DDI 0403) B3.3. Counts the processor clock (CLKSOURCE 1) or the reference clock. A board without reference clock has
 * NOREF set and CLKSOURCE fixed at 1.
 */
#include "hw/intc/armv7m-nvic.h"

enum { CSR_ENABLE = 1, CSR_TICKINT = 2, CSR_CLKSOURCE = 4, CSR_COUNTFLAG = 1 << 16 };
#define COUNTER_MASK 0xffffffu
#define CALIB_NOREF (1u << 31)
#define CALIB_SKEW (1u << 30)

static uint64_t frequency(const SysTick *t)
{
    return t->csr & CSR_CLKSOURCE || !t->nvic->refclk_hz ? t->nvic->sysclk_hz : t->nvic->refclk_hz;
}

static void zero(void *opaque)
{
    SysTick *t = opaque;

    t->csr |= CSR_COUNTFLAG;
    if (t->csr & CSR_TICKINT)
        nvic_pend(&t->nvic->dev, M_EXCP_SYSTICK, t == &t->nvic->systick[1]);
}

/* A period is RVR + 1 ticks; with RVR 0 the counter stays at zero. */
static void set_reload(SysTick *t)
{
    t->count.reload = t->rvr ? (uint64_t)t->rvr + 1 : 0;
}

/*
 * The chip's value, from a countdown that fires when zero is reached: after the reload it stands one period ahead, of which
 * the first tick still shows zero.
 */
static uint32_t current(const SysTick *t)
{
    uint64_t left = countdown_value(&t->count);
    return left > t->rvr ? 0 : (uint32_t)left & COUNTER_MASK;
}

static void start(SysTick *t)
{
    set_reload(t);
    if (t->csr & CSR_ENABLE)
        countdown_run(&t->count, true);
}

static void write_csr(SysTick *t, uint32_t value)
{
    uint32_t kept = CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE;
    bool was = t->csr & CSR_ENABLE;

    if (!t->nvic->refclk_hz)
        value |= CSR_CLKSOURCE;
    t->csr = (t->csr & ~kept) | (value & kept);
    countdown_set_hz(&t->count, frequency(t));
    if (!(t->csr & CSR_ENABLE)) {
        countdown_stop(&t->count);
    } else if (!was) {
        /* From zero, the first tick loads the counter. */
        if (!current(t) && t->rvr)
            countdown_set_value(&t->count, (uint64_t)t->rvr + 1);
        start(t);
    }
}

uint32_t systick_read(SysTick *t, unsigned reg)
{
    uint32_t value;
    uint64_t hz = t->nvic->refclk_hz ? t->nvic->refclk_hz : t->nvic->sysclk_hz;

    switch (reg) {
    case SYST_CSR:
        value = t->csr;
        t->csr &= ~(uint32_t)CSR_COUNTFLAG;
        return value;
    case SYST_RVR:
        return t->rvr;
    case SYST_CVR:
        return current(t);
    default: /* ticks of the reference clock in 10 ms */
        return (t->nvic->refclk_hz ? 0 : CALIB_NOREF) | (hz % 100 ? CALIB_SKEW : 0) | (hz ? (uint32_t)(hz / 100 - 1) & COUNTER_MASK : 0);
    }
}

void systick_write(SysTick *t, unsigned reg, uint32_t value)
{
    switch (reg) {
    case SYST_CSR:
        write_csr(t, value);
        break;
    case SYST_RVR:
        t->rvr = value & COUNTER_MASK;
        set_reload(t);
        break;
    case SYST_CVR: /* clears, whatever is written; the next tick reloads */
        t->csr &= ~(uint32_t)CSR_COUNTFLAG;
        set_reload(t);
        countdown_set_value(&t->count, t->csr & CSR_ENABLE ? t->count.reload : 0);
        if (t->csr & CSR_ENABLE)
            countdown_run(&t->count, true);
        break;
    }
}

void systick_clock_changed(SysTick *t)
{
    if (t->count.timer)
        countdown_set_hz(&t->count, frequency(t));
}

void systick_init(SysTick *t, NVIC *s)
{
    t->nvic = s;
    countdown_init(&t->count, zero, t);
}

void systick_exit(SysTick *t)
{
    countdown_exit(&t->count);
}

void systick_reset(SysTick *t)
{
    t->rvr = 0;
    t->csr = t->nvic->refclk_hz ? 0 : CSR_CLKSOURCE;
    countdown_reset(&t->count);
    countdown_set_hz(&t->count, frequency(t));
}

void systick_post_load(SysTick *t)
{
    t->rvr &= COUNTER_MASK;
    set_reload(t);
    countdown_post_load(&t->count);
}

const SavedField systick_saved[] = {
    SAVED_INT(SysTick, csr), SAVED_INT(SysTick, rvr), SAVED_STRUCT(SysTick, count, countdown_saved), SAVED_END(),
};
