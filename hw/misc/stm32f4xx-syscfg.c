/* SPDX-License-Identifier: MIT */
/*
 * System configuration controller of STM32F4 (ST RM0090 ch. 9): which port's pin reaches each external interrupt. Region 0 (1 KiB); inputs
 * 16 * port + pin, ports A to K; outputs 0-15 = external interrupt lines. MEMRMP is kept, memory is not moved.
 */
#include "hw/device.h"

#include <string.h>

#define PORTS 11
#define PINS 16
enum { R_MEMRMP, R_PMC, R_EXTICR1, R_CMPCR = R_EXTICR1 + 4 };

typedef struct SysCfg {
    Device dev;
    uint8_t level[PORTS * PINS];
} SysCfg;

static void update_pin(SysCfg *s, unsigned pin)
{
    unsigned port = s->dev.regs[R_EXTICR1 + pin / 4] >> (4 * (pin % 4)) & 15;
    irq_set(&s->dev.out[pin], port < PORTS && s->level[port * PINS + pin]);
}

static void input(void *dev, int n, int level)
{
    SysCfg *s = dev;
    s->level[n] = level != 0;
    update_pin(s, (unsigned)n % PINS);
}

static void update_all(Device *dev)
{
    for (unsigned pin = 0; pin < PINS; pin++)
        update_pin((SysCfg *)dev, pin);
}

static void write_exticr(void *dev, unsigned index, uint32_t value)
{
    update_all(dev);
}

static const RegisterRow syscfg_regs[] = {
    { "SYSCFG_MEMRMP", 0x00, 4, .write = 7 },
    { "SYSCFG_PMC", 0x04, 4, .write = 0x800000 },
    { "SYSCFG_EXTICR1", 0x08, 4, .write = 0xffff, .on_write = write_exticr },
    { "SYSCFG_EXTICR2", 0x0c, 4, .write = 0xffff, .on_write = write_exticr },
    { "SYSCFG_EXTICR3", 0x10, 4, .write = 0xffff, .on_write = write_exticr },
    { "SYSCFG_EXTICR4", 0x14, 4, .write = 0xffff, .on_write = write_exticr },
    { "SYSCFG_CMPCR", 0x20, 4, .write = 1 },
    {},
};

static bool syscfg_realize(Device *dev, Error **errp)
{
    device_init_in(dev, input, PORTS * PINS);
    device_init_out(dev, PINS);
    return true;
}

static const SavedField syscfg_saved[] = { SAVED_BYTES(SysCfg, level), SAVED_END() };
static const DeviceType syscfg_type = {
    .name = "stm32f4xx-syscfg", .desc = "STM32F4 system configuration", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(SysCfg), .saved = syscfg_saved, .regs = syscfg_regs, .regs_size = 0x400, .realize = syscfg_realize,
    .reset = update_all, .post_load = update_all,
};
device_type(syscfg_type)
