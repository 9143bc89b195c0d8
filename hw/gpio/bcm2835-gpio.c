/* SPDX-License-Identifier: MIT */
/*
 * GPIO of the BCM2835 (BCM2835 ARM Peripherals, ch. 6): function selects are kept, outputs can be read back; pins
 * that are inputs read as low. Region 0 (4 KiB). Not modelled: what pins lead to, events and their interrupts, pulls.
 */
#include "hw/device.h"

enum { R_SEL0, R_SET0 = 6, R_SET1, R_CLR0, R_CLR1, R_LEV0, R_LEV1 };
#define PINS 54
enum { FUNCTION_OUTPUT = 1 };

typedef struct BCMGPIO {
    Device dev;
    uint64_t out;
} BCMGPIO;

static uint64_t output_pins(const BCMGPIO *s)
{
    uint64_t v = 0;
    for (unsigned n = 0; n < PINS; n++)
        if ((s->dev.regs[R_SEL0 + n / 10] >> (n % 10 * 3) & 7) == FUNCTION_OUTPUT)
            v |= 1ull << n;
    return v;
}

static uint32_t read_level(void *dev, unsigned index, uint32_t value)
{
    const BCMGPIO *s = dev;
    (void)value;
    return (uint32_t)((s->out & output_pins(s)) >> (index == R_LEV1 ? 32 : 0));
}

static void write_pins(void *dev, unsigned index, uint32_t value)
{
    BCMGPIO *s = dev;
    uint64_t bits = (uint64_t)value << (index == R_SET1 || index == R_CLR1 ? 32 : 0);
    s->out = index <= R_SET1 ? s->out | bits : s->out & ~bits;
}

#define KEPT(n, at) { .name = n, .offset = at, .width = 4, .write = ~0u }
#define PIN_WRITE(n, at) { .name = n, .offset = at, .width = 4, .on_write = write_pins }
static const RegisterRow gpio_regs[] = {
    KEPT("GPFSEL0", 0x00), KEPT("GPFSEL1", 0x04), KEPT("GPFSEL2", 0x08), KEPT("GPFSEL3", 0x0c), KEPT("GPFSEL4", 0x10),
    KEPT("GPFSEL5", 0x14), PIN_WRITE("GPSET0", 0x1c), PIN_WRITE("GPSET1", 0x20), PIN_WRITE("GPCLR0", 0x28),
    PIN_WRITE("GPCLR1", 0x2c), { "GPLEV0", 0x34, 4, .on_read = read_level }, { "GPLEV1", 0x38, 4, .on_read = read_level },
    { "GPEDS0", 0x40, 4, .w1c = ~0u }, { "GPEDS1", 0x44, 4, .w1c = ~0u }, KEPT("GPREN0", 0x4c), KEPT("GPREN1", 0x50),
    KEPT("GPFEN0", 0x58), KEPT("GPFEN1", 0x5c), KEPT("GPHEN0", 0x64), KEPT("GPHEN1", 0x68), KEPT("GPLEN0", 0x70),
    KEPT("GPLEN1", 0x74), KEPT("GPAREN0", 0x7c), KEPT("GPAREN1", 0x80), KEPT("GPAFEN0", 0x88), KEPT("GPAFEN1", 0x8c),
    KEPT("GPPUD", 0x94), KEPT("GPPUDCLK0", 0x98), KEPT("GPPUDCLK1", 0x9c), {},
};

static void gpio_reset(Device *dev)
{
    ((BCMGPIO *)dev)->out = 0;
}

static const SavedField gpio_saved[] = { SAVED_INT(BCMGPIO, out), SAVED_END() };
static const DeviceType gpio_type = {
    .name = "bcm2835-gpio", .desc = "BCM2835 GPIO", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(BCMGPIO), .saved = gpio_saved, .regs = gpio_regs, .regs_size = 0x1000, .reset = gpio_reset,
};
device_type(gpio_type)
