/* SPDX-License-Identifier: MIT */
/*
 * Arm MPS2 FPGA prototyping board with the Cortex-M3 (AN385) and Cortex-M4 (AN386) images: CMSDK UARTs, timers, dual timer and watchdog,
 * SCC, FPGA I/O. Memory maps are those of the application notes. Not modelled (places that read as zero): Ethernet, GPIO, SPI,
 * I2C, audio, VGA.
 */
#include "hw/arm/armv7m.h"
#include "hw/arm/board.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>

#define SYSCLK 25000000
#define REFCLK 1000000
#define RAM_SIZE (16 * MiB)
#define SSRAM_SIZE (4 * MiB)
#define IRQS 32

typedef struct FPGAImage {
    const char *cpu;
    uint32_t scc_id;
} FPGAImage;

typedef struct MPS2Board {
    Device *core;
    MemoryRegion psram, ssram1, ssram1_mirror, ssram23, ssram23_mirror, block_ram, block_mirror[3];
} MPS2Board;

/* ---- Memory ---- */

static bool ram_at(MemoryRegion *mr, const char *name, hwaddr at, uint64_t size, Error **errp)
{
    if (!memory_region_init_ram(mr, NULL, name, size, errp))
        return false;
    memory_region_add(system_memory, at, mr);
    return true;
}

static void mirror_at(MemoryRegion *mr, const char *name, MemoryRegion *of, hwaddr at)
{
    memory_region_init_alias(mr, NULL, name, of, 0, of->size);
    memory_region_add(system_memory, at, mr);
}

static bool create_memory(MPS2Board *b, Error **errp)
{
    static const char *const mirrors[] = { "mps.blockram_m1", "mps.blockram_m2", "mps.blockram_m3" };
    if (!ram_at(&b->ssram1, "mps.ssram1", 0, SSRAM_SIZE, errp) || !ram_at(&b->block_ram, "mps.blockram", 0x01000000, 0x4000, errp) ||
        !ram_at(&b->ssram23, "mps.ssram23", 0x20000000, SSRAM_SIZE, errp) || !ram_at(&b->psram, "mps.ram", 0x21000000, RAM_SIZE, errp))
        return false;
    mirror_at(&b->ssram1_mirror, "mps.ssram1_m", &b->ssram1, 0x00400000);
    mirror_at(&b->ssram23_mirror, "mps.ssram23_m", &b->ssram23, 0x20400000);
    for (unsigned i = 0; i < 3; i++)
        mirror_at(&b->block_mirror[i], mirrors[i], &b->block_ram, 0x01004000 + 0x4000 * i);
    return true;
}

/* ---- Chips ---- */

/* Receive interrupt of each UART; transmit is one more. Overruns share one. */
static bool create_uarts(MachineState *m, MPS2Board *b, Error **errp)
{
    static const struct { hwaddr at; uint8_t irq; } uarts[] = {
        { 0x40004000, 0 }, { 0x40005000, 2 }, { 0x40006000, 4 }, { 0x40007000, 18 }, { 0x40009000, 20 },
    };
    enum { IRQ_OVERRUN = 12 };
    Device *either = board_create_or(2 * ARRAY_SIZE(uarts), armv7m_irq(b->core, IRQ_OVERRUN), errp);
    if (!either)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(uarts); i++) {
        Device *dev = device_new("cmsdk-apb-uart");
        if (i < ARRAY_SIZE(m->serial))
            device_set_chardev(dev, "chardev", m->serial[i]);
        if (!board_realize_at(dev, uarts[i].at, errp))
            return false;
        connect_irq(dev, 0, b->core, uarts[i].irq + 1);
        connect_irq(dev, 1, b->core, uarts[i].irq);
        connect_irq(dev, 2, either, 2 * i);
        connect_irq(dev, 3, either, 2 * i + 1);
    }
    return true;
}

static bool create_timers(MPS2Board *b, Error **errp)
{
    for (unsigned i = 0; i < 2; i++) {
        Device *dev = device_new("cmsdk-apb-timer");
        device_set_u32(dev, "freq", SYSCLK);
        if (!board_realize_at(dev, 0x40000000 + 0x1000 * i, errp))
            return false;
        connect_irq(dev, 0, b->core, 8 + i);
    }
    Device *dual = device_new("cmsdk-apb-dualtimer"), *dog = device_new("cmsdk-apb-watchdog");
    device_set_u32(dual, "freq0", SYSCLK);
    device_set_u32(dual, "freq1", SYSCLK);
    device_set_u32(dog, "freq", SYSCLK);
    if (!board_realize_at(dual, 0x40002000, errp) || !board_realize_at(dog, 0x40008000, errp))
        return false;
    connect_irq(dual, 0, b->core, 10);
    connect_line(dog, 0, armv7m_nmi(b->core));
    return true;
}

static bool create_board_control(const FPGAImage *image, Error **errp)
{
    Device *scc = device_new("mps2-scc"), *io = device_new("mps2-fpgaio");
    device_set_u32(scc, "scc-cfg4", 0x2);
    device_set_u32(scc, "scc-aid", 0x00200008);
    device_set_u32(scc, "scc-id", image->scc_id);
    device_set_u32(io, "prescale-clk", SYSCLK);
    return board_realize_at(scc, 0x4002f000, errp) && board_realize_at(io, 0x40028000, errp);
}

static const BoardGap gaps[] = {
    { "CMSDK APB peripheral region", 0x40000000, 0x10000 }, { "CMSDK peripheral region", 0x40010000, 0x10000 },
    { "Extra peripheral region", 0x40020000, 0x10000 }, { "RESERVED 4", 0x40030000, 0x001d0000 },
    { "Ethernet", 0x40200000, 0x00100000 }, { "VGA", 0x41000000, 0x0200000 },
};

/* ---- The board ---- */

static bool mps2_init(MachineState *m, const FPGAImage *image, Error **errp)
{
    static const char *const keys[] = { NULL };
    MPS2Board *b = g_new0(MPS2Board, 1);
    m->board = b;
    if (!opts_check_unused(m->options, keys, errp))
        return false;
    if (m->ram_size != RAM_SIZE) {
        error_setg(errp, "Invalid RAM size, should be 16 MiB");
        return false;
    }
    const ARMv7MConfig config = {
        .cpu = m->cpu_model, .only_cpu = image->cpu, .num_irq = IRQS, .sysclk_hz = SYSCLK, .refclk_hz = REFCLK, .bitband = true,
    };
    b->core = armv7m_create(&config, errp);
    return b->core && create_memory(b, errp) && create_uarts(m, b, errp) && create_timers(b, errp) &&
           create_board_control(image, errp) && board_create_gaps(gaps, ARRAY_SIZE(gaps), errp) &&
           armv7m_load(m, 0, SSRAM_SIZE, errp);
}

static bool an385_init(MachineState *m, Error **errp)
{
    static const FPGAImage image = { "cortex-m3", 0x41043850 };
    return mps2_init(m, &image, errp);
}

static bool an386_init(MachineState *m, Error **errp)
{
    static const FPGAImage image = { "cortex-m4", 0x41043860 };
    return mps2_init(m, &image, errp);
}

static void mps2_reset(MachineState *m)
{
    armv7m_start(((MPS2Board *)m->board)->core);
}

static const MachineType an385_type = {
    .name = "mps2-an385", .desc = "ARM MPS2 with AN385 FPGA image for Cortex-M3", .target = "arm", .default_ram = RAM_SIZE, .max_cpus = 1,
    .default_cpu = "cortex-m3", .init = an385_init, .reset = mps2_reset,
};
machine_type(an385_type)
static const MachineType an386_type = {
    .name = "mps2-an386", .desc = "ARM MPS2 with AN386 FPGA image for Cortex-M4", .target = "arm", .default_ram = RAM_SIZE, .max_cpus = 1,
    .default_cpu = "cortex-m4", .init = an386_init, .reset = mps2_reset,
};
machine_type(an386_type)
