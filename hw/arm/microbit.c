/* SPDX-License-Identifier: MIT */
/*
 * BBC micro:bit: nRF51822 (Nordic nRF51 Reference Manual 3.0) with a Cortex-M0, 256 KiB of flash and 16 KiB of RAM; UART, timers, random
 * numbers, GPIO, flash controller. The buttons (pins 17 and 26) are not pressed. Not modelled (places that read as zero):
 * radio, real-time counters, GPIOTE, PPI, ADC, SPI, I2C with accelerometer and compass; the LED matrix is not shown.
 */
#include "hw/arm/armv7m.h"
#include "hw/arm/board.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>

#define FLASH_SIZE (256 * KiB)
#define RAM_SIZE (16 * KiB)

static const BoardGap gaps[] = {
    { "nrf51_soc.io", 0x40000000, 0x20000 }, { "nrf51_soc.ficr", 0x10000000, 0x1000 }, { "nrf51_soc.uicr", 0x10001000, 0x1000 },
    { "nrf51_soc.private", 0xf0000000, 0x10000000 },
};

typedef struct MicroBit {
    Device *core;
    MemoryRegion ram, clock;
} MicroBit;

/* Oscillators start at once: the events after a task read as one (ch. 13). */
static uint64_t clock_read(void *opaque, hwaddr offset, unsigned size)
{
    return 1;
}

static void clock_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
}

static const MemoryRegionOps clock_ops = { .read = clock_read, .write = clock_write, .impl_min = 4, .impl_max = 4 };

static bool create_memory(MicroBit *b, Error **errp)
{
    Device *nvm = device_new("nrf51_soc.nvm");
    device_set_u32(nvm, "flash-size", FLASH_SIZE);
    if (!device_realize(nvm, errp) || !memory_region_init_ram(&b->ram, NULL, "nrf51.sram", RAM_SIZE, errp))
        return false;
    memory_region_init_io(&b->clock, NULL, &clock_ops, NULL, "nrf51_soc.clock", 0x1000);
    memory_region_add(system_memory, 0x40000000, &b->clock);
    map_region(system_memory, 0x4001e000, nvm, 0);
    map_region(system_memory, 0x10000000, nvm, 1);
    map_region(system_memory, 0x10001000, nvm, 2);
    map_region(system_memory, 0, nvm, 3);
    memory_region_add(system_memory, 0x20000000, &b->ram);
    return true;
}

static bool create_chips(MachineState *m, MicroBit *b, Error **errp)
{
    static const struct { const char *type; uint32_t at; int irq; } chips[] = {
        { "nrf51_soc.uart", 0x40002000, 2 }, { "nrf51_soc.timer", 0x40008000, 8 }, { "nrf51_soc.timer", 0x40009000, 9 },
        { "nrf51_soc.timer", 0x4000a000, 10 }, { "nrf51_soc.rng", 0x4000d000, 13 }, { "nrf51_soc.gpio", 0x50000000, -1 },
    };
    static const uint8_t buttons[] = { 17, 26 };
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        Device *dev = device_new(chips[i].type);
        if (!i)
            device_set_chardev(dev, "chardev", m->serial[0]);
        if (!board_realize_at(dev, chips[i].at, errp))
            return false;
        if (chips[i].irq >= 0) {
            connect_irq(dev, 0, b->core, (unsigned)chips[i].irq);
            continue;
        }
        for (unsigned n = 0; n < ARRAY_SIZE(buttons); n++) {
            IRQLine pin = device_input(dev, buttons[n]);
            irq_set(&pin, 1);
        }
    }
    return true;
}

static bool microbit_init(MachineState *m, Error **errp)
{
    static const char *const keys[] = { NULL };
    MicroBit *b = g_new0(MicroBit, 1);
    const ARMv7MConfig config = { .cpu = m->cpu_model, .only_cpu = "cortex-m0", .num_irq = 32, .sysclk_hz = 16000000 };
    m->board = b;
    if (!opts_check_unused(m->options, keys, errp))
        return false;
    b->core = armv7m_create(&config, errp);
    return b->core && create_memory(b, errp) && create_chips(m, b, errp) && board_create_gaps(gaps, ARRAY_SIZE(gaps), errp) &&
           armv7m_load(m, 0, FLASH_SIZE, errp);
}

static void microbit_reset(MachineState *m)
{
    armv7m_start(((MicroBit *)m->board)->core);
}

static const MachineType microbit_type = {
    .name = "microbit", .desc = "BBC micro:bit (Cortex-M0)", .target = "arm", .default_ram = RAM_SIZE, .max_cpus = 1,
    .default_cpu = "cortex-m0", .init = microbit_init, .reset = microbit_reset,
};
machine_type(microbit_type)
