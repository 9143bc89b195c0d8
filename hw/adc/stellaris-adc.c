/* SPDX-License-Identifier: MIT */
/*
 * Analog-to-digital converter of Stellaris microcontrollers (TI LM3S6965 data sheet, ch. 12). Region 0 (4 KiB); input 0 = a timer's
 * trigger; outputs 0-3 = sample sequencers. Every channel sits at half scale, the temperature sensor at 25 degrees; conversions
 * take no time. Not modelled: averaging, differential sampling, the triggers of comparators, GPIO and PWM.
 */
#include "hw/device.h"

#include <glib.h>
#include <string.h>

#define SEQUENCERS 4
#define DEPTH 8
enum { R_ACTSS, R_RIS, R_IM, R_ISC, R_OSTAT, R_EMUX, R_USTAT, R_SSPRI, R_PSSI, R_SAC, R_SEQUENCES };
enum { S_MUX, S_CTL, S_FIFO, S_FSTAT, S_ROWS };
enum { CTL_END = 2, CTL_IE = 4, CTL_TS = 8, FSTAT_FULL = 0x1000, FSTAT_EMPTY = 0x100, EMUX_PROCESSOR = 0, EMUX_TIMER = 5, EMUX_ALWAYS = 15 };

typedef struct StellarisADC {
    Device dev;
    uint16_t fifo[SEQUENCERS][DEPTH];
    uint8_t head[SEQUENCERS], count[SEQUENCERS];
} StellarisADC;

static const uint8_t depth[SEQUENCERS] = { 8, 4, 4, 1 };

static uint32_t *sequence(StellarisADC *s, unsigned n, unsigned row)
{
    return &s->dev.regs[R_SEQUENCES + n * S_ROWS + row];
}

static void update_irq(StellarisADC *s)
{
    for (unsigned n = 0; n < SEQUENCERS; n++)
        irq_set(&s->dev.out[n], s->dev.regs[R_RIS] & s->dev.regs[R_IM] & 1u << n ? 1 : 0);
}

static void push(StellarisADC *s, unsigned n, uint16_t sample)
{
    if (s->count[n] == depth[n]) {
        s->dev.regs[R_OSTAT] |= 1u << n;
        return;
    }
    s->fifo[n][(s->head[n] + s->count[n]++) % depth[n]] = sample;
}

/* All steps of a sequence up to the one that ends it. */
static void convert(StellarisADC *s, unsigned n)
{
    enum { HALF_SCALE = 512, SENSOR_25C = 660 };
    if (!(s->dev.regs[R_ACTSS] >> n & 1))
        return;
    for (unsigned step = 0; step < depth[n]; step++) {
        uint32_t ctl = *sequence(s, n, S_CTL) >> (4 * step);
        push(s, n, ctl & CTL_TS ? SENSOR_25C : HALF_SCALE);
        if (ctl & CTL_IE)
            s->dev.regs[R_RIS] |= 1u << n;
        if (ctl & CTL_END)
            break;
    }
    update_irq(s);
}

static unsigned trigger_of(StellarisADC *s, unsigned n)
{
    return s->dev.regs[R_EMUX] >> (4 * n) & 15;
}

static void timer_trigger(void *dev, int n, int level)
{
    StellarisADC *s = dev;
    for (unsigned i = 0; level && i < SEQUENCERS; i++)
        if (trigger_of(s, i) == EMUX_TIMER)
            convert(s, i);
}

static void write_pssi(void *dev, unsigned index, uint32_t value)
{
    StellarisADC *s = dev;
    for (unsigned n = 0; n < SEQUENCERS; n++)
        if (value >> n & 1 && trigger_of(s, n) == EMUX_PROCESSOR)
            convert(s, n);
}

static void write_isc(void *dev, unsigned index, uint32_t value)
{
    StellarisADC *s = dev;
    s->dev.regs[R_RIS] &= ~value;
    update_irq(s);
}

static uint32_t read_isc(void *dev, unsigned index, uint32_t value)
{
    const StellarisADC *s = dev;
    return s->dev.regs[R_RIS] & s->dev.regs[R_IM];
}

static void write_im(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static uint32_t read_fifo(void *dev, unsigned index, uint32_t value)
{
    StellarisADC *s = dev;
    unsigned n = (index - R_SEQUENCES) / S_ROWS;
    if (!s->count[n] && trigger_of(s, n) == EMUX_ALWAYS)
        convert(s, n);
    if (!s->count[n]) {
        s->dev.regs[R_USTAT] |= 1u << n;
        return 0;
    }
    uint16_t v = s->fifo[n][s->head[n]];
    s->head[n] = (uint8_t)((s->head[n] + 1) % depth[n]);
    s->count[n]--;
    return v;
}

static uint32_t read_fstat(void *dev, unsigned index, uint32_t value)
{
    const StellarisADC *s = dev;
    unsigned n = (index - R_SEQUENCES) / S_ROWS, tail = (s->head[n] + s->count[n]) % depth[n];
    return s->head[n] | tail << 4 | (s->count[n] ? 0 : FSTAT_EMPTY) | (s->count[n] == depth[n] ? FSTAT_FULL : 0);
}

#define SEQUENCE(n, mask)                                                  \
    { "ADCSSMUX" #n, 0x40 + 0x20 * n, 4, .write = mask },                  \
    { "ADCSSCTL" #n, 0x44 + 0x20 * n, 4, .write = mask },                  \
    { "ADCSSFIFO" #n, 0x48 + 0x20 * n, 4, .on_read = read_fifo },          \
    { "ADCSSFSTAT" #n, 0x4c + 0x20 * n, 4, .on_read = read_fstat }
static const RegisterRow adc_regs[] = {
    { "ADCACTSS", 0x00, 4, .write = 0xf },
    { "ADCRIS", 0x04, 4, .reset = 0 },
    { "ADCIM", 0x08, 4, .write = 0xf, .on_write = write_im },
    { "ADCISC", 0x0c, 4, .on_read = read_isc, .on_write = write_isc },
    { "ADCOSTAT", 0x10, 4, .w1c = 0xf },
    { "ADCEMUX", 0x14, 4, .write = 0xffff },
    { "ADCUSTAT", 0x18, 4, .w1c = 0xf },
    { "ADCSSPRI", 0x20, 4, .reset = 0x3210, .write = 0x3333 },
    { "ADCPSSI", 0x28, 4, .on_write = write_pssi },
    { "ADCSAC", 0x30, 4, .write = 7 },
    SEQUENCE(0, ~0u), SEQUENCE(1, 0xffff), SEQUENCE(2, 0xffff), SEQUENCE(3, 0xf),
    {},
};

static void adc_reset(Device *dev)
{
    StellarisADC *s = (StellarisADC *)dev;
    memset(s->head, 0, sizeof(s->head));
    memset(s->count, 0, sizeof(s->count));
    update_irq(s);
}

static bool adc_realize(Device *dev, Error **errp)
{
    device_init_in(dev, timer_trigger, 1);
    device_init_out(dev, SEQUENCERS);
    return true;
}

static void adc_post_load(Device *dev)
{
    StellarisADC *s = (StellarisADC *)dev;
    for (unsigned n = 0; n < SEQUENCERS; n++) {
        s->head[n] %= depth[n];
        s->count[n] = MIN(s->count[n], depth[n]);
    }
    update_irq(s);
}

static const SavedField adc_saved[] = {
    SAVED_BYTES(StellarisADC, fifo), SAVED_BYTES(StellarisADC, head), SAVED_BYTES(StellarisADC, count), SAVED_END(),
};
static const DeviceType adc_type = {
    .name = "stellaris-adc", .desc = "Stellaris analog-to-digital converter", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(StellarisADC), .saved = adc_saved, .regs = adc_regs, .regs_size = 0x1000, .realize = adc_realize,
    .reset = adc_reset, .post_load = adc_post_load,
};
device_type(adc_type)
