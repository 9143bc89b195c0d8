/* SPDX-License-Identifier: MIT */
/*
 * Netduino Plus 2: STM32F405 (ST RM0090) with a Cortex-M4 at 168 MHz, 1 MiB of flash, 128 KiB of SRAM and 64 KiB of core-coupled memory; USARTs,
 * TIM2-TIM5, SPI, ADC, SYSCFG, EXTI and the clock control's ready bits. Not modelled (places that read as zero): GPIO, DMA, Ethernet, USB, CAN,
 * I2C, SDIO, RTC, watchdogs, other timers, flash programming.
 */
#include "hw/arm/armv7m.h"
#include "hw/arm/board.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>

#define FLASH_BASE 0x08000000
#define FLASH_SIZE MiB
#define SRAM_SIZE (128 * KiB)
#define CCM_SIZE (64 * KiB)
#define SYSCLK_HZ 168000000
#define IRQS 96

typedef struct Netduino {
    Device *core;
    MemoryRegion flash, boot, sram, ccm;
} Netduino;

typedef struct Chip {
    const char *type;
    uint32_t at;
    int16_t irq;
    int8_t serial;         /* USARTs: which -serial; else -1 */
} Chip;
static const Chip chips[] = {
    { "stm32f4xx-rcc", 0x40023800, -1, -1 },
    { "stm32f2xx-usart", 0x40011000, 37, 0 }, { "stm32f2xx-usart", 0x40004400, 38, 1 }, { "stm32f2xx-usart", 0x40004800, 39, 2 },
    { "stm32f2xx-usart", 0x40004c00, 52, 3 }, { "stm32f2xx-usart", 0x40005000, 53, -1 }, { "stm32f2xx-usart", 0x40011400, 71, -1 },
    { "stm32f2xx-timer", 0x40000000, 28, -1 }, { "stm32f2xx-timer", 0x40000400, 29, -1 },
    { "stm32f2xx-timer", 0x40000800, 30, -1 }, { "stm32f2xx-timer", 0x40000c00, 50, -1 },
    { "stm32f2xx-spi", 0x40013000, 35, -1 }, { "stm32f2xx-spi", 0x40003800, 36, -1 }, { "stm32f2xx-spi", 0x40003c00, 51, -1 },
    { "stm32f2xx-spi", 0x40013400, 84, -1 }, { "stm32f2xx-spi", 0x40015000, 85, -1 }, { "stm32f2xx-spi", 0x40015400, 86, -1 },
};

static const BoardGap gaps[] = {
    { "STM32F405.apb", 0x40000000, 0x16000 }, { "STM32F405.ahb1", 0x40020000, 0x60000 }, { "STM32F405.ahb2", 0x50000000, 0x61000 },
};

static bool create_memory(Netduino *b, Error **errp)
{
    if (!memory_region_init_rom(&b->flash, NULL, "STM32F405.flash", FLASH_SIZE, errp) ||
        !memory_region_init_ram(&b->sram, NULL, "STM32F405.sram", SRAM_SIZE, errp) ||
        !memory_region_init_ram(&b->ccm, NULL, "STM32F405.ccm", CCM_SIZE, errp))
        return false;
    memory_region_init_alias(&b->boot, NULL, "STM32F405.flash.alias", &b->flash, 0, FLASH_SIZE);
    memory_region_add(system_memory, FLASH_BASE, &b->flash);
    memory_region_add(system_memory, 0, &b->boot);
    memory_region_add(system_memory, 0x20000000, &b->sram);
    memory_region_add(system_memory, 0x10000000, &b->ccm);
    return true;
}

static bool create_chips(MachineState *m, Netduino *b, Error **errp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        const Chip *c = &chips[i];
        Device *dev = device_new(c->type);
        if (c->serial >= 0)
            device_set_chardev(dev, "chardev", m->serial[c->serial]);
        if (!board_realize_at(dev, c->at, errp))
            return false;
        if (c->irq >= 0)
            connect_irq(dev, 0, b->core, (unsigned)c->irq);
    }
    return true;
}

/* The three converters share an interrupt. */
static bool create_adcs(Netduino *b, Error **errp)
{
    enum { ADC_IRQ = 18, ADCS = 3 };
    Device *either = board_create_or(ADCS, armv7m_irq(b->core, ADC_IRQ), errp);
    if (!either)
        return false;
    for (unsigned i = 0; i < ADCS; i++) {
        Device *dev = board_realize_at(device_new("stm32f2xx-adc"), 0x40012000 + 0x100 * i, errp);
        if (!dev)
            return false;
        connect_irq(dev, 0, either, i);
    }
    return true;
}

/* Lines 0-4 have an interrupt each; 5-9 and 10-15 share one. Line 16 and up: PVD, RTC alarm, USB, Ethernet, tamper, RTC wake-up. */
static bool create_external_interrupts(Netduino *b, Error **errp)
{
    static const struct { uint8_t first, last, irq; } shared[] = { { 5, 9, 23 }, { 10, 15, 40 } };
    static const uint8_t single[][2] = { { 0, 6 }, { 1, 7 }, { 2, 8 }, { 3, 9 }, { 4, 10 }, { 16, 1 }, { 17, 41 }, { 18, 42 }, { 19, 62 },
                                         { 20, 76 }, { 21, 2 }, { 22, 3 } };
    Device *exti = board_realize_at(device_new("stm32f4xx-exti"), 0x40013c00, errp);
    Device *syscfg = exti ? board_realize_at(device_new("stm32f4xx-syscfg"), 0x40013800, errp) : NULL;
    if (!syscfg)
        return false;
    for (unsigned n = 0; n < 16; n++)
        connect_irq(syscfg, n, exti, n);
    for (unsigned i = 0; i < ARRAY_SIZE(single); i++)
        connect_irq(exti, single[i][0], b->core, single[i][1]);
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        Device *either = board_create_or(shared[i].last - shared[i].first + 1u, armv7m_irq(b->core, shared[i].irq), errp);
        if (!either)
            return false;
        for (unsigned n = shared[i].first; n <= shared[i].last; n++)
            connect_irq(exti, n, either, n - shared[i].first);
    }
    return true;
}

static bool netduinoplus2_init(MachineState *m, Error **errp)
{
    static const char *const keys[] = { NULL };
    Netduino *b = g_new0(Netduino, 1);
    const ARMv7MConfig config = {
        .cpu = m->cpu_model, .only_cpu = "cortex-m4", .num_irq = IRQS, .prio_bits = 4, .sysclk_hz = SYSCLK_HZ, .refclk_hz = SYSCLK_HZ / 8,
        .bitband = true,
    };
    m->board = b;
    if (!opts_check_unused(m->options, keys, errp))
        return false;
    b->core = armv7m_create(&config, errp);
    return b->core && create_memory(b, errp) && create_chips(m, b, errp) && create_adcs(b, errp) &&
           create_external_interrupts(b, errp) && board_create_gaps(gaps, ARRAY_SIZE(gaps), errp) &&
           armv7m_load(m, FLASH_BASE, FLASH_SIZE, errp);
}

static void netduinoplus2_reset(MachineState *m)
{
    armv7m_start(((Netduino *)m->board)->core);
}

static const MachineType netduinoplus2_type = {
    .name = "netduinoplus2", .desc = "Netduino Plus 2 Machine (Cortex-M4)", .target = "arm", .default_ram = SRAM_SIZE, .max_cpus = 1,
    .default_cpu = "cortex-m4", .init = netduinoplus2_init, .reset = netduinoplus2_reset,
};
machine_type(netduinoplus2_type)
