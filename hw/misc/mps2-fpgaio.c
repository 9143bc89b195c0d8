/* SPDX-License-Identifier: MIT */
/*
 * FPGA system control of the MPS2 FPGA images (Application Note AN385 section 3.7): LEDs, buttons, free-running counters. Region 0
 * (4 KiB); property prescale-clk (Hz). Counters are CLOCK_VIRTUAL less what software subtracted by writing them.
 */
#include "hw/device.h"
#include "util/timer.h"

#include <glib.h>

enum { R_LED0, R_BUTTON, R_CLK1HZ, R_CLK100HZ, R_COUNTER, R_PRESCALE, R_PSCNTR, R_MISC };

typedef struct MPS2FPGAIO {
    Device dev;
    uint32_t prescale_clk;
    int64_t start_1hz, start_100hz;  /* when they were 0 */
    int64_t pscntr_ns;               /* when counter and pscntr were as saved */
    uint32_t counter, pscntr;
} MPS2FPGAIO;

static uint64_t ticks(int64_t since, uint64_t hz)
{
    int64_t ns = clock_ns(CLOCK_VIRTUAL) - since;
    return ns <= 0 ? 0 : (uint64_t)((__uint128_t)(uint64_t)ns * hz / NS_PER_SEC);
}

static uint32_t read_1hz(void *dev, unsigned index, uint32_t value)
{
    return (uint32_t)ticks(((MPS2FPGAIO *)dev)->start_1hz, 1);
}

static uint32_t read_100hz(void *dev, unsigned index, uint32_t value)
{
    return (uint32_t)ticks(((MPS2FPGAIO *)dev)->start_100hz, 100);
}

static void write_1hz(void *dev, unsigned index, uint32_t value)
{
    ((MPS2FPGAIO *)dev)->start_1hz = clock_ns(CLOCK_VIRTUAL) - (int64_t)value * NS_PER_SEC;
}

static void write_100hz(void *dev, unsigned index, uint32_t value)
{
    ((MPS2FPGAIO *)dev)->start_100hz = clock_ns(CLOCK_VIRTUAL) - (int64_t)value * (NS_PER_SEC / 100);
}

/* PSCNTR goes from PRESCALE down to 0; each time COUNTER is one more. */
static void advance(MPS2FPGAIO *s)
{
    uint64_t period = (uint64_t)s->dev.regs[R_PRESCALE] + 1, n = ticks(s->pscntr_ns, s->prescale_clk);
    uint64_t done = period - 1 - (s->pscntr < period ? s->pscntr : period - 1) + n;

    s->counter += (uint32_t)(done / period);
    s->pscntr = (uint32_t)(period - 1 - done % period);
    s->pscntr_ns += (int64_t)((__uint128_t)n * NS_PER_SEC / s->prescale_clk);
}

static uint32_t read_counter(void *dev, unsigned index, uint32_t value)
{
    MPS2FPGAIO *s = dev;
    advance(s);
    return index == R_COUNTER ? s->counter : s->pscntr;
}

static void write_counter(void *dev, unsigned index, uint32_t value)
{
    MPS2FPGAIO *s = dev;
    advance(s);
    *(index == R_COUNTER ? &s->counter : &s->pscntr) = value;
}

/* The prescaler starts over. */
static void write_prescale(void *dev, unsigned index, uint32_t value)
{
    MPS2FPGAIO *s = dev;
    s->pscntr_ns = clock_ns(CLOCK_VIRTUAL);
    s->pscntr = value;
}

static const RegisterRow fpgaio_regs[] = {
    { "LED0", 0x00, 4, .write = 3 },
    { "BUTTON", 0x08, 4, .reset = 0 },
    { "CLK1HZ", 0x10, 4, .on_read = read_1hz, .on_write = write_1hz },
    { "CLK100HZ", 0x14, 4, .on_read = read_100hz, .on_write = write_100hz },
    { "COUNTER", 0x18, 4, .on_read = read_counter, .on_write = write_counter },
    { "PRESCALE", 0x1c, 4, .write = ~0u, .on_write = write_prescale },
    { "PSCNTR", 0x20, 4, .on_read = read_counter, .on_write = write_counter },
    { "MISC", 0x4c, 4, .write = 0x3ff },
    {},
};

static void fpgaio_reset(Device *dev)
{
    MPS2FPGAIO *s = (MPS2FPGAIO *)dev;
    s->start_1hz = s->start_100hz = s->pscntr_ns = clock_ns(CLOCK_VIRTUAL);
    s->counter = s->pscntr = 0;
}

static bool fpgaio_realize(Device *dev, Error **errp)
{
    MPS2FPGAIO *s = (MPS2FPGAIO *)dev;
    if (!s->prescale_clk)
        s->prescale_clk = 1;
    return true;
}

static void fpgaio_post_load(Device *dev)
{
    MPS2FPGAIO *s = (MPS2FPGAIO *)dev;
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    if (s->pscntr_ns < 0 || s->pscntr_ns > now)
        s->pscntr_ns = now;
}

static const Property fpgaio_props[] = { PROP_U32("prescale-clk", MPS2FPGAIO, prescale_clk, 20000000), {} };
static const SavedField fpgaio_saved[] = {
    SAVED_INT(MPS2FPGAIO, start_1hz), SAVED_INT(MPS2FPGAIO, start_100hz), SAVED_INT(MPS2FPGAIO, pscntr_ns),
    SAVED_INT(MPS2FPGAIO, counter), SAVED_INT(MPS2FPGAIO, pscntr), SAVED_END(),
};
static const DeviceType fpgaio_type = {
    .name = "mps2-fpgaio", .desc = "MPS2 FPGA system control", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(MPS2FPGAIO), .props = fpgaio_props, .saved = fpgaio_saved, .regs = fpgaio_regs, .regs_size = 0x1000,
    .realize = fpgaio_realize, .reset = fpgaio_reset, .post_load = fpgaio_post_load,
};
device_type(fpgaio_type)
