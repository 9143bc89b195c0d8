/* SPDX-License-Identifier: MIT */
/*
 * Stellaris LM3S6965 Ethernet Evaluation Board (TI LM3S6965 data sheet): Cortex-M3 with 256 KiB of flash and 64 KiB of SRAM, UARTs,
 * timers, GPIO, SSI, I2C, ADC, watchdog, system control. Not modelled (places that read as zero): Ethernet, the OLED display
 * and the memory card on SSI, PWM, quadrature encoder, comparators, hibernation, flash programming.
 */
#include "hw/arm/armv7m.h"
#include "hw/arm/board.h"
#include "hw/arm/stellaris.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>

#define FLASH_SIZE (256 * KiB)
#define SRAM_SIZE (64 * KiB)
#define IRQS 64
#define CLOCK_HZ 12500000 /* after a reset */

typedef struct StellarisBoard {
    Device *core, *adc;
    MemoryRegion flash, sram;
} StellarisBoard;

typedef struct Chip {
    const char *type;
    uint32_t at;
    uint8_t irq, outputs;  /* output n goes to interrupt irq + n */
    int8_t serial;         /* UARTs: which -serial; else -1 */
} Chip;
static const Chip chips[] = {
    { "luminary-watchdog", 0x40000000, 18, 1, -1 },
    { "pl061_luminary", 0x40004000, 0, 1, -1 }, { "pl061_luminary", 0x40005000, 1, 1, -1 },
    { "pl061_luminary", 0x40006000, 2, 1, -1 }, { "pl061_luminary", 0x40007000, 3, 1, -1 },
    { "pl061_luminary", 0x40024000, 4, 1, -1 }, { "pl061_luminary", 0x40025000, 30, 1, -1 },
    { "pl061_luminary", 0x40026000, 31, 1, -1 },
    { "pl022", 0x40008000, 7, 1, -1 },
    { "pl011_luminary", 0x4000c000, 5, 1, 0 }, { "pl011_luminary", 0x4000d000, 6, 1, 1 }, { "pl011_luminary", 0x4000e000, 33, 1, 2 },
    { "stellaris-i2c", 0x40020000, 8, 1, -1 },
    { "stellaris-adc", 0x40038000, 14, 4, -1 },
    { "stellaris-gptm", 0x40030000, 19, 2, -1 }, { "stellaris-gptm", 0x40031000, 21, 2, -1 },
    { "stellaris-gptm", 0x40032000, 23, 2, -1 }, { "stellaris-gptm", 0x40033000, 35, 2, -1 },
};

static const BoardGap gaps[] = { { "stellaris", 0x40000000, 0x100000 } };

static bool create_memory(StellarisBoard *b, Error **errp)
{
    if (!memory_region_init_rom(&b->flash, NULL, "stellaris.flash", FLASH_SIZE, errp) ||
        !memory_region_init_ram(&b->sram, NULL, "stellaris.sram", SRAM_SIZE, errp))
        return false;
    memory_region_add(system_memory, 0, &b->flash);
    memory_region_add(system_memory, 0x20000000, &b->sram);
    return true;
}

static void clock_changed(void *opaque, uint64_t hz)
{
    armv7m_set_clocks(opaque, hz, 0);
}

static bool create_system_control(StellarisBoard *b, Error **errp)
{
    static const struct { const char *name; uint32_t value; } id[] = {
        { "did0", 0x10010002 }, { "did1", 0x1073402e }, { "dc0", 0x00ff007f }, { "dc1", 0x001133ff }, { "dc2", 0x030f5317 },
        { "dc3", 0x0f0f87ff }, { "dc4", 0x5000007f },
    };
    Device *dev = device_new("stellaris-sys");
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++)
        device_set_u32(dev, id[i].name, id[i].value);
    if (!board_realize_at(dev, 0x400fe000, errp))
        return false;
    connect_irq(dev, 0, b->core, 28);
    stellaris_sysctl_on_clock(dev, clock_changed, b->core);
    return true;
}

static bool create_chips(MachineState *m, StellarisBoard *b, Error **errp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        const Chip *c = &chips[i];
        Device *dev = device_new(c->type);
        if (c->serial >= 0)
            device_set_chardev(dev, "chardev", m->serial[c->serial]);
        if (!g_strcmp0(c->type, "luminary-watchdog"))
            device_set_u32(dev, "freq", CLOCK_HZ);
        if (!board_realize_at(dev, c->at, errp))
            return false;
        for (unsigned n = 0; n < c->outputs; n++)
            connect_irq(dev, n, b->core, c->irq + n);
        if (!g_strcmp0(c->type, "stellaris-adc"))
            b->adc = dev;
        if (!g_strcmp0(c->type, "stellaris-gptm"))
            connect_irq(dev, 2, b->adc, 0);
    }
    return true;
}

static bool lm3s6965evb_init(MachineState *m, Error **errp)
{
    static const char *const keys[] = { NULL };
    StellarisBoard *b = g_new0(StellarisBoard, 1);
    const ARMv7MConfig config = {
        .cpu = m->cpu_model, .only_cpu = "cortex-m3", .num_irq = IRQS, .prio_bits = 3, .sysclk_hz = CLOCK_HZ, .bitband = true,
    };
    m->board = b;
    if (!opts_check_unused(m->options, keys, errp))
        return false;
    b->core = armv7m_create(&config, errp);
    return b->core && create_memory(b, errp) && create_system_control(b, errp) && create_chips(m, b, errp) &&
           board_create_gaps(gaps, ARRAY_SIZE(gaps), errp) && armv7m_load(m, 0, FLASH_SIZE, errp);
}

static void stellaris_reset(MachineState *m)
{
    armv7m_start(((StellarisBoard *)m->board)->core);
}

static const MachineType lm3s6965evb_type = {
    .name = "lm3s6965evb", .desc = "Stellaris LM3S6965EVB (Cortex-M3)", .target = "arm", .default_ram = SRAM_SIZE, .max_cpus = 1,
    .default_cpu = "cortex-m3", .init = lm3s6965evb_init, .reset = stellaris_reset,
};
machine_type(lm3s6965evb_type)
