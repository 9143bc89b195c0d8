/* SPDX-License-Identifier: MIT */
/*
 * Reset and clock control of STM32F4 (ST RM0090 ch. 7), as far as start-up code waits for it: oscillators and PLLs are ready when they are
 * on, the clock switch acts at once. Region 0 (1 KiB). The frequencies of the emulated timers do not follow it; the
 * peripherals' gates and resets are kept only.
 */
#include "hw/device.h"

enum { CR_ON = 0x05010001, CFGR_SW = 3 }; /* HSION, HSEON, PLLON, PLLI2SON; each has its ready bit above it */

static uint32_t read_cr(void *dev, unsigned index, uint32_t value)
{
    return value | (value & CR_ON) << 1;
}

static uint32_t read_cfgr(void *dev, unsigned index, uint32_t value)
{
    return value | (value & CFGR_SW) << 2;
}

/* BDCR and CSR: their oscillator's ready bit follows bit 0. */
static uint32_t read_ready(void *dev, unsigned index, uint32_t value)
{
    return value | (value & 1) << 1;
}

#define KEPT(n, at, initial) { n, at, 4, .reset = initial, .write = ~0u }
static const RegisterRow rcc_regs[] = {
    { "RCC_CR", 0x00, 4, .reset = 0x81, .write = 0x050d00f9, .on_read = read_cr },
    { "RCC_PLLCFGR", 0x04, 4, .reset = 0x24003010, .write = 0x0f437fff },
    { "RCC_CFGR", 0x08, 4, .write = 0xfffffcf3, .on_read = read_cfgr },
    { "RCC_CIR", 0x0c, 4, .write = 0x3f00 },
    KEPT("RCC_AHB1RSTR", 0x10, 0), KEPT("RCC_AHB2RSTR", 0x14, 0), KEPT("RCC_AHB3RSTR", 0x18, 0), KEPT("RCC_APB1RSTR", 0x20, 0),
    KEPT("RCC_APB2RSTR", 0x24, 0), KEPT("RCC_AHB1ENR", 0x30, 0x100000), KEPT("RCC_AHB2ENR", 0x34, 0), KEPT("RCC_AHB3ENR", 0x38, 0),
    KEPT("RCC_APB1ENR", 0x40, 0), KEPT("RCC_APB2ENR", 0x44, 0), KEPT("RCC_AHB1LPENR", 0x50, 0x7e6791ff),
    KEPT("RCC_AHB2LPENR", 0x54, 0xf1), KEPT("RCC_AHB3LPENR", 0x58, 1), KEPT("RCC_APB1LPENR", 0x60, 0x36fec9ff),
    KEPT("RCC_APB2LPENR", 0x64, 0x75f33),
    { "RCC_BDCR", 0x70, 4, .write = 0x18305, .on_read = read_ready },
    { "RCC_CSR", 0x74, 4, .reset = 0x0e000000, .write = 1, .on_read = read_ready },
    KEPT("RCC_SSCGR", 0x80, 0),
    { "RCC_PLLI2SCFGR", 0x84, 4, .reset = 0x20003000, .write = 0x70007fc0 },
    {},
};

static const DeviceType rcc_type = {
    .name = "stm32f4xx-rcc", .desc = "STM32F4 reset and clock control", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = rcc_regs, .regs_size = 0x400,
};
device_type(rcc_type)
