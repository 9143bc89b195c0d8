/* SPDX-License-Identifier: MIT */
/*
 * External interrupt controller of STM32F4 (ST RM0090 ch. 12): edges on 23 lines. Region 0 (1 KiB); inputs = lines; output n = line n.
 * Not modelled: events (EMR is kept).
 */
#include "hw/device.h"

#define LINES 23
#define LINE_MASK 0x7fffff
enum { R_IMR, R_EMR, R_RTSR, R_FTSR, R_SWIER, R_PR };

typedef struct EXTI {
    Device dev;
    uint32_t level;
} EXTI;

static void update(EXTI *s)
{
    uint32_t on = s->dev.regs[R_PR] & s->dev.regs[R_IMR];
    for (unsigned n = 0; n < LINES; n++)
        irq_set(&s->dev.out[n], on >> n & 1);
}

static void input(void *dev, int n, int level)
{
    EXTI *s = dev;
    bool was = s->level >> n & 1, now = level != 0;
    s->level = (s->level & ~(1u << n)) | (uint32_t)now << n;
    if (was != now && s->dev.regs[now ? R_RTSR : R_FTSR] >> n & 1)
        s->dev.regs[R_PR] |= 1u << n;
    update(s);
}

static void write_swier(void *dev, unsigned index, uint32_t value)
{
    EXTI *s = dev;
    uint32_t risen = value & ~s->dev.regs[R_SWIER] & LINE_MASK;
    s->dev.regs[R_SWIER] |= risen;
    s->dev.regs[R_PR] |= risen & s->dev.regs[R_IMR];
    update(s);
}

static void write_pr(void *dev, unsigned index, uint32_t value)
{
    EXTI *s = dev;
    s->dev.regs[R_SWIER] &= ~value;
    update(s);
}

static void changed(void *dev, unsigned index, uint32_t value)
{
    update(dev);
}

static const RegisterRow exti_regs[] = {
    { "EXTI_IMR", 0x00, 4, .write = LINE_MASK, .on_write = changed },
    { "EXTI_EMR", 0x04, 4, .write = LINE_MASK },
    { "EXTI_RTSR", 0x08, 4, .write = LINE_MASK },
    { "EXTI_FTSR", 0x0c, 4, .write = LINE_MASK },
    { "EXTI_SWIER", 0x10, 4, .on_write = write_swier },
    { "EXTI_PR", 0x14, 4, .w1c = LINE_MASK, .on_write = write_pr },
    {},
};

static bool exti_realize(Device *dev, Error **errp)
{
    device_init_in(dev, input, LINES);
    device_init_out(dev, LINES);
    return true;
}

static void exti_reset(Device *dev)
{
    update((EXTI *)dev);
}

static const SavedField exti_saved[] = { SAVED_INT(EXTI, level), SAVED_END() };
static const DeviceType exti_type = {
    .name = "stm32f4xx-exti", .desc = "STM32F4 external interrupts", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(EXTI), .saved = exti_saved, .regs = exti_regs, .regs_size = 0x400, .realize = exti_realize, .reset = exti_reset,
    .post_load = exti_reset,
};
device_type(exti_type)
