/* SPDX-License-Identifier: MIT */
/*
 * General-purpose timer module of Stellaris microcontrollers (TI LM3S6965 data sheet, ch. 10). Region 0 (4 KiB); outputs 0 and 1 =
 * timers A and B, 2 = ADC trigger (a pulse). Property freq (Hz). One-shot and periodic modes of 16 bits with prescaler and
 * of 32 bits, real-time clock mode. Not modelled: edge capture, edge counting and PWM modes.
 */
#include "hw/countdown.h"
#include "util/log.h"

#include <glib.h>

enum { R_CFG, R_TAMR, R_TBMR, R_CTL, R_IMR, R_RIS, R_MIS, R_ICR, R_TAILR, R_TBILR, R_TAMATCHR, R_TBMATCHR, R_TAPR, R_TBPR, R_TAPMR,
       R_TBPMR, R_TAR, R_TBR };
enum { CFG_32BIT = 0, CFG_RTC = 1, CFG_16BIT = 4, MODE_ONESHOT = 1, MODE_PERIODIC = 2, CTL_ENABLE = 1, CTL_ADC = 0x20 };
enum { INT_TIMEOUT = 1, INT_RTC = 8, INT_B_SHIFT = 8 };

typedef struct GPTM GPTM;
typedef struct Half {
    GPTM *chip;
    unsigned n;             /* 0 = A, 1 = B */
    Countdown count;
} Half;
struct GPTM {
    Device dev;
    uint32_t freq;
    Half half[2];
};

static uint32_t *reg(GPTM *s, unsigned r)
{
    return &s->dev.regs[r];
}

static void update_irq(GPTM *s)
{
    uint32_t level = *reg(s, R_RIS) & *reg(s, R_IMR);
    irq_set(&s->dev.out[0], (level & 0xff) != 0);
    irq_set(&s->dev.out[1], (level >> INT_B_SHIFT & 0xff) != 0);
}

static bool is_pair(GPTM *s)
{
    return *reg(s, R_CFG) != CFG_16BIT;
}

static uint64_t load_value(Half *h)
{
    GPTM *s = h->chip;
    if (*reg(s, R_CFG) == CFG_32BIT)
        return (uint64_t)(*reg(s, R_TBILR) & 0xffff) << 16 | (*reg(s, R_TAILR) & 0xffff);
    return *reg(s, R_TAILR + h->n) & 0xffff;
}

static void fire(Half *h, uint32_t why)
{
    GPTM *s = h->chip;
    *reg(s, R_RIS) |= why << (h->n * INT_B_SHIFT);
    if (*reg(s, R_CTL) >> (8 * h->n) & CTL_ADC)
        irq_pulse(&s->dev.out[2]);
    update_irq(s);
}

static uint32_t rtc_match(GPTM *s)
{
    return *reg(s, R_TBMATCHR) << 16 | (*reg(s, R_TAMATCHR) & 0xffff);
}

static void zero(void *opaque)
{
    Half *h = opaque;
    GPTM *s = h->chip;
    if (*reg(s, R_CFG) == CFG_RTC) { /* a second has passed */
        uint32_t seconds = (*reg(s, R_TBILR) << 16 | (*reg(s, R_TAILR) & 0xffff)) + 1;
        *reg(s, R_TAILR) = seconds & 0xffff;
        *reg(s, R_TBILR) = seconds >> 16;
        if (seconds == rtc_match(s))
            fire(h, INT_RTC);
        return;
    }
    if ((*reg(s, R_TAMR + h->n) & 3) == MODE_ONESHOT)
        *reg(s, R_CTL) &= ~((uint32_t)CTL_ENABLE << (8 * h->n));
    fire(h, INT_TIMEOUT);
}

static void start(Half *h)
{
    GPTM *s = h->chip;
    unsigned mode = *reg(s, R_TAMR + h->n) & 3;
    if (*reg(s, R_CFG) == CFG_RTC) {
        countdown_set_hz(&h->count, 1);
        h->count.reload = 1;
        countdown_set_value(&h->count, 1);
        countdown_run(&h->count, true);
        return;
    }
    if (mode != MODE_ONESHOT && mode != MODE_PERIODIC) {
        log_printf(LOG_UNIMP, "stellaris-gptm: mode 0x%x\n", *reg(s, R_TAMR + h->n));
        return;
    }
    uint32_t prescaler = is_pair(s) ? 0 : *reg(s, R_TAPR + h->n);
    countdown_set_hz(&h->count, s->freq / (prescaler + 1));
    h->count.reload = load_value(h) + 1;
    countdown_set_value(&h->count, load_value(h));
    countdown_run(&h->count, mode == MODE_PERIODIC);
}

static void write_ctl(void *dev, unsigned index, uint32_t value)
{
    GPTM *s = dev;
    for (unsigned n = 0; n < 2; n++) {
        Half *h = &s->half[n];
        bool on = value >> (8 * n) & CTL_ENABLE && !(n && is_pair(s));
        if (on && !h->count.running)
            start(h);
        else if (!on)
            countdown_stop(&h->count);
    }
    update_irq(s);
}

/* A load value acts at once, as writing the counter. */
static void write_load(void *dev, unsigned index, uint32_t value)
{
    GPTM *s = dev;
    Half *h = &s->half[is_pair(s) ? 0 : index - R_TAILR];
    if (*reg(s, R_CFG) == CFG_32BIT && index == R_TAILR)
        *reg(s, R_TBILR) = value >> 16; /* the whole, in 32-bit mode */
    if (h->count.running && *reg(s, R_CFG) != CFG_RTC) {
        h->count.reload = load_value(h) + 1;
        countdown_set_value(&h->count, load_value(h));
        countdown_run(&h->count, (*reg(s, R_TAMR + h->n) & 3) == MODE_PERIODIC);
    }
}

static uint32_t read_load(void *dev, unsigned index, uint32_t value)
{
    GPTM *s = dev;
    return *reg(s, R_CFG) == CFG_32BIT && index == R_TAILR ? (uint32_t)load_value(&s->half[0]) : value & 0xffff;
}

static uint32_t read_value(void *dev, unsigned index, uint32_t value)
{
    GPTM *s = dev;
    unsigned n = index - R_TAR;
    if (*reg(s, R_CFG) == CFG_RTC)
        return n ? *reg(s, R_TBILR) : *reg(s, R_TBILR) << 16 | (*reg(s, R_TAILR) & 0xffff);
    if (*reg(s, R_CFG) == CFG_32BIT)
        return (uint32_t)countdown_value(&s->half[0].count) >> (n ? 16 : 0);
    return (uint32_t)countdown_value(&s->half[n].count) & 0xffff;
}

static void write_imr(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static uint32_t read_mis(void *dev, unsigned index, uint32_t value)
{
    GPTM *s = dev;
    return *reg(s, R_RIS) & *reg(s, R_IMR);
}

static void write_icr(void *dev, unsigned index, uint32_t value)
{
    GPTM *s = dev;
    *reg(s, R_RIS) &= ~value;
    update_irq(s);
}

static const RegisterRow gptm_regs[] = {
    { "GPTMCFG", 0x00, 4, .write = 7 },
    { "GPTMTAMR", 0x04, 4, .write = 0xf },
    { "GPTMTBMR", 0x08, 4, .write = 0xf },
    { "GPTMCTL", 0x0c, 4, .write = 0x6f7f, .on_write = write_ctl },
    { "GPTMIMR", 0x18, 4, .write = 0x70f, .on_write = write_imr },
    { "GPTMRIS", 0x1c, 4, .reset = 0 },
    { "GPTMMIS", 0x20, 4, .on_read = read_mis },
    { "GPTMICR", 0x24, 4, .on_write = write_icr },
    { "GPTMTAILR", 0x28, 4, .reset = 0xffff, .write = 0xffff, .on_read = read_load, .on_write = write_load },
    { "GPTMTBILR", 0x2c, 4, .reset = 0xffff, .write = 0xffff, .on_write = write_load },
    { "GPTMTAMATCHR", 0x30, 4, .reset = ~0u, .write = ~0u },
    { "GPTMTBMATCHR", 0x34, 4, .reset = 0xffff, .write = 0xffff },
    { "GPTMTAPR", 0x38, 4, .write = 0xff },
    { "GPTMTBPR", 0x3c, 4, .write = 0xff },
    { "GPTMTAPMR", 0x40, 4, .write = 0xff },
    { "GPTMTBPMR", 0x44, 4, .write = 0xff },
    { "GPTMTAR", 0x48, 4, .on_read = read_value },
    { "GPTMTBR", 0x4c, 4, .on_read = read_value },
    {},
};

static void gptm_reset(Device *dev)
{
    GPTM *s = (GPTM *)dev;
    for (unsigned n = 0; n < 2; n++) {
        countdown_reset(&s->half[n].count);
        countdown_set_value(&s->half[n].count, n ? 0xffff : 0xffffffff);
    }
    update_irq(s);
}

static bool gptm_realize(Device *dev, Error **errp)
{
    GPTM *s = (GPTM *)dev;
    device_init_out(dev, 3);
    for (unsigned n = 0; n < 2; n++) {
        s->half[n].chip = s;
        s->half[n].n = n;
        countdown_init(&s->half[n].count, zero, &s->half[n]);
    }
    gptm_reset(dev);
    return true;
}

static void gptm_unrealize(Device *dev)
{
    GPTM *s = (GPTM *)dev;
    countdown_exit(&s->half[0].count);
    countdown_exit(&s->half[1].count);
}

static void gptm_post_load(Device *dev)
{
    GPTM *s = (GPTM *)dev;
    countdown_post_load(&s->half[0].count);
    countdown_post_load(&s->half[1].count);
    update_irq(s);
}

static const Property gptm_props[] = { PROP_U32("freq", GPTM, freq, 12500000), {} };
static const SavedField gptm_saved[] = {
    SAVED_STRUCT(GPTM, half[0].count, countdown_saved), SAVED_STRUCT(GPTM, half[1].count, countdown_saved), SAVED_END(),
};
static const DeviceType gptm_type = {
    .name = "stellaris-gptm", .desc = "Stellaris general-purpose timer module", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(GPTM), .props = gptm_props, .saved = gptm_saved, .regs = gptm_regs, .regs_size = 0x1000,
    .realize = gptm_realize, .unrealize = gptm_unrealize, .reset = gptm_reset, .post_load = gptm_post_load,
};
device_type(gptm_type)
