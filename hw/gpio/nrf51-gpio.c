/* SPDX-License-Identifier: MIT */
/*
 * GPIO of the nRF51 (Nordic nRF51 Reference Manual 3.0, ch. 14). Region 0 (4 KiB); inputs 0-31 = pins driven from outside; outputs 0-31 =
 * pins. A pin that nobody drives follows its pull resistor. Not modelled: drive strengths, sensing.
 */
#include "hw/device.h"

enum { R_OUT, R_OUTSET, R_OUTCLR, R_IN, R_DIR, R_DIRSET, R_DIRCLR, R_CNF };
#define PINS 32
enum { CNF_OUTPUT = 1, CNF_DISCONNECTED = 2, CNF_PULL_SHIFT = 2, PULL_UP = 3 };

typedef struct NRF51GPIO {
    Device dev;
    uint32_t in, driven;    /* from outside: levels, and which pins have one */
    uint32_t shown;         /* what the outputs were told */
} NRF51GPIO;

static uint32_t levels(const NRF51GPIO *s)
{
    uint32_t v = 0;
    for (unsigned n = 0; n < PINS; n++) {
        uint32_t cnf = s->dev.regs[R_CNF + n];
        bool level = cnf & CNF_OUTPUT            ? s->dev.regs[R_OUT] >> n & 1
                     : s->driven >> n & 1        ? s->in >> n & 1
                                                 : (cnf >> CNF_PULL_SHIFT & 3) == PULL_UP;
        v |= (uint32_t)level << n;
    }
    return v;
}

static void update(NRF51GPIO *s)
{
    uint32_t now = 0;
    for (unsigned n = 0; n < PINS; n++)
        now |= s->dev.regs[R_CNF + n] & CNF_OUTPUT ? s->dev.regs[R_OUT] & 1u << n : 0;
    uint32_t changed = now ^ s->shown;
    s->shown = now;
    for (unsigned n = 0; n < PINS; n++)
        if (changed >> n & 1)
            irq_set(&s->dev.out[n], now >> n & 1);
}

/* level < 0: nobody drives the pin any more. */
static void pin_input(void *dev, int n, int level)
{
    NRF51GPIO *s = dev;
    s->driven = (s->driven & ~(1u << n)) | (uint32_t)(level >= 0) << n;
    s->in = (s->in & ~(1u << n)) | (uint32_t)(level > 0) << n;
}

static uint32_t read_out(void *dev, unsigned index, uint32_t value)
{
    return ((Device *)dev)->regs[R_OUT];
}

static uint32_t read_in(void *dev, unsigned index, uint32_t value)
{
    const NRF51GPIO *s = dev;
    uint32_t v = levels(s);
    for (unsigned n = 0; n < PINS; n++)
        if (s->dev.regs[R_CNF + n] & CNF_DISCONNECTED)
            v &= ~(1u << n);
    return v;
}

/* DIR is the lowest bit of each pin's configuration. */
static uint32_t read_dir(void *dev, unsigned index, uint32_t value)
{
    uint32_t v = 0;
    for (unsigned n = 0; n < PINS; n++)
        v |= (((Device *)dev)->regs[R_CNF + n] & CNF_OUTPUT) << n;
    return v;
}

static void write_out(void *dev, unsigned index, uint32_t value)
{
    uint32_t *out = &((Device *)dev)->regs[R_OUT];
    *out = index == R_OUTSET ? *out | value : index == R_OUTCLR ? *out & ~value : value;
    update(dev);
}

static void write_dir(void *dev, unsigned index, uint32_t value)
{
    uint32_t dir = read_dir(dev, index, 0), now = index == R_DIRSET ? dir | value : index == R_DIRCLR ? dir & ~value : value;
    for (unsigned n = 0; n < PINS; n++) {
        uint32_t *cnf = &((Device *)dev)->regs[R_CNF + n];
        *cnf = (*cnf & ~(uint32_t)CNF_OUTPUT) | (now >> n & 1);
    }
    update(dev);
}

static void write_cnf(void *dev, unsigned index, uint32_t value)
{
    update(dev);
}

#define CNF(n) { "PIN_CNF" #n, 0x700 + 4 * n, 4, .reset = 2, .write = 0x3070f, .on_write = write_cnf }
static const RegisterRow gpio_regs[] = {
    { "OUT", 0x504, 4, .on_write = write_out },
    { "OUTSET", 0x508, 4, .on_read = read_out, .on_write = write_out },
    { "OUTCLR", 0x50c, 4, .on_read = read_out, .on_write = write_out },
    { "IN", 0x510, 4, .on_read = read_in },
    { "DIR", 0x514, 4, .on_read = read_dir, .on_write = write_dir },
    { "DIRSET", 0x518, 4, .on_read = read_dir, .on_write = write_dir },
    { "DIRCLR", 0x51c, 4, .on_read = read_dir, .on_write = write_dir },
    CNF(0), CNF(1), CNF(2), CNF(3), CNF(4), CNF(5), CNF(6), CNF(7), CNF(8), CNF(9), CNF(10), CNF(11), CNF(12), CNF(13), CNF(14),
    CNF(15), CNF(16), CNF(17), CNF(18), CNF(19), CNF(20), CNF(21), CNF(22), CNF(23), CNF(24), CNF(25), CNF(26), CNF(27), CNF(28),
    CNF(29), CNF(30), CNF(31),
    {},
};

static void gpio_reset(Device *dev)
{
    update((NRF51GPIO *)dev);
}

static bool gpio_realize(Device *dev, Error **errp)
{
    device_init_in(dev, pin_input, PINS);
    device_init_out(dev, PINS);
    return true;
}

static const SavedField gpio_saved[] = { SAVED_INT(NRF51GPIO, in), SAVED_INT(NRF51GPIO, driven), SAVED_END() };
static const DeviceType gpio_type = {
    .name = "nrf51_soc.gpio", .desc = "nRF51 GPIO", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(NRF51GPIO), .saved = gpio_saved, .regs = gpio_regs, .regs_size = 0x1000, .realize = gpio_realize, .reset = gpio_reset,
    .post_load = gpio_reset,
};
device_type(gpio_type)
