/* SPDX-License-Identifier: MIT */
/*
 * Arm MPS2 FPGA prototyping board with the Cortex-M33 image AN505: the IoT kit subsystem (ARM ECM0601256) with its security controllers,
 * and around it SSRAMs behind memory protection controllers, PSRAM, CMSDK UARTs, SCC, FPGA I/O. The address map says security: bit 28
 * set is Secure, and everything below is there twice.
 * Not modelled (places that read as zero): DMA, GPIO, SPI, I2C, audio, Ethernet, USB, message handling units, the IoT kit's power and
 * reset control.
 */
#include "hw/arm/armv7m.h"
#include "hw/arm/board.h"
#include "hw/arm/tz.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>

#define SYSCLK 20000000
#define S32KCLK 32000
#define RAM_SIZE (16 * MiB)
#define IRQS (32 + 92)
#define EXPANSION_IRQ 32
#define HALF 0x10000000u       /* from the Non-secure to the Secure address */
enum { SPACES = 3, MPCS = 4 };

typedef struct TZBoard {
    Device *core, *secctl, *mpc[MPCS];
    MemoryRegion space[SPACES], secure[SPACES], ssram[3], sram, psram;
} TZBoard;

/* Memories behind protection controllers, by Non-secure address. */
static const struct { const char *name; uint32_t at, size, regs; } memories[MPCS] = {
    { "mps.ssram1", 0x00000000, 4 * MiB, 0x58007000 }, { "mps.ssram2", 0x28000000, 2 * MiB, 0x58008000 },
    { "mps.ssram3", 0x28200000, 2 * MiB, 0x58009000 }, { "iotkit.sram0", 0x20000000, 32 * KiB, 0x50083000 },
};

/* Peripherals by Non-secure address: protection group and port. */
static const struct { uint32_t at, size; uint8_t group, port; } ports[] = {
    { 0x40000000, 0x1000, TZ_APB0, 0 }, { 0x40001000, 0x1000, TZ_APB0, 1 }, { 0x40002000, 0x1000, TZ_APB0, 2 },
    { 0x40003000, 0x1000, TZ_APB0, 3 }, { 0x40004000, 0x1000, TZ_APB0, 4 }, { 0x4002f000, 0x1000, TZ_APB1, 0 },
    { 0x40205000, 0x1000, TZ_APB_EXP1, 0 }, { 0x40206000, 0x1000, TZ_APB_EXP1, 1 }, { 0x40209000, 0x1000, TZ_APB_EXP1, 2 },
    { 0x4020a000, 0x1000, TZ_APB_EXP1, 3 }, { 0x4020b000, 0x1000, TZ_APB_EXP1, 4 }, { 0x40200000, 0x1000, TZ_APB_EXP1, 5 },
    { 0x40201000, 0x1000, TZ_APB_EXP1, 6 }, { 0x40202000, 0x1000, TZ_APB_EXP1, 7 }, { 0x40203000, 0x1000, TZ_APB_EXP1, 8 },
    { 0x40204000, 0x1000, TZ_APB_EXP1, 9 }, { 0x40207000, 0x1000, TZ_APB_EXP1, 10 }, { 0x40208000, 0x1000, TZ_APB_EXP1, 11 },
    { 0x4020c000, 0x1000, TZ_APB_EXP1, 12 }, { 0x4020d000, 0x1000, TZ_APB_EXP1, 13 }, { 0x40300000, 0x1000, TZ_APB_EXP2, 0 },
    { 0x40301000, 0x1000, TZ_APB_EXP2, 1 }, { 0x40302000, 0x1000, TZ_APB_EXP2, 2 }, { 0x40100000, 0x1000, TZ_AHB_EXP0, 0 },
    { 0x40101000, 0x1000, TZ_AHB_EXP0, 1 }, { 0x40102000, 0x1000, TZ_AHB_EXP0, 2 }, { 0x40103000, 0x1000, TZ_AHB_EXP0, 3 },
    { 0x42000000, 0x100000, TZ_AHB_EXP0, 4 }, { 0x40110000, 0x1000, TZ_AHB_EXP1, 0 }, { 0x40111000, 0x1000, TZ_AHB_EXP1, 1 },
    { 0x40112000, 0x1000, TZ_AHB_EXP1, 2 }, { 0x40113000, 0x1000, TZ_AHB_EXP1, 3 },
};

/* ---- Security of addresses ---- */

static void idau(void *opaque, uint32_t address, bool *exempt, bool *non_secure, bool *callable, uint8_t *region)
{
    const TZBoard *b = opaque;
    unsigned r = address >> 28, gates = b->secctl ? tz_callable(b->secctl) : 0;

    *non_secure = !(r & 1);
    *callable = (r == 1 && gates & 1) || (r == 3 && gates & 2);
    *exempt = (address & 0xeff00000) == 0xe0000000;
    *region = (uint8_t)r;
}

static ARMMBusAnswer bus_check(void *opaque, uint32_t address, bool secure, bool *whole_page)
{
    TZBoard *b = opaque;
    uint32_t plain = address & ~HALF;
    ARMMBusAnswer answer;

    if (address >> 28 > 5)
        return ARM_M_BUS_ALLOW;
    for (unsigned i = 0; i < MPCS; i++) {
        if (plain < memories[i].at || plain - memories[i].at >= memories[i].size)
            continue;
        answer = tz_mpc_check(b->mpc[i], plain - memories[i].at, secure);
        *whole_page = answer == ARM_M_BUS_ALLOW; /* others are reported one by one */
        return answer;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        if (plain >= ports[i].at && plain - ports[i].at < ports[i].size)
            return tz_ppc_check(b->secctl, ports[i].group, ports[i].port, secure);
    }
    return ARM_M_BUS_ALLOW;
}

static void answers_changed(void *opaque)
{
    CPU_FOREACH(c)
        tlb_flush_all_async(c);
}

/* ---- Memory ---- */

/* A sixteenth of the address space for Non-secure use, and the same for Secure use. */
static void create_spaces(TZBoard *b)
{
    static const char *const names[SPACES] = { "iotkit-code", "iotkit-ram", "iotkit-peripherals" };
    static const char *const secure[SPACES] = { "iotkit-code-s", "iotkit-ram-s", "iotkit-peripherals-s" };
    for (unsigned i = 0; i < SPACES; i++) {
        memory_region_init(&b->space[i], NULL, names[i], HALF);
        memory_region_init_alias(&b->secure[i], NULL, secure[i], &b->space[i], 0, HALF);
        memory_region_add(system_memory, 2 * HALF * i, &b->space[i]);
        memory_region_add_overlap(system_memory, 2 * HALF * i + HALF, &b->secure[i], -10);
    }
}

/* Where a Non-secure address is, for regions that are there twice. */
static void map_twice(TZBoard *b, uint32_t at, MemoryRegion *mr, int priority)
{
    memory_region_add_overlap(&b->space[at / (2 * HALF)], at % HALF, mr, priority);
}

static bool create_memory(TZBoard *b, Error **errp)
{
    MemoryRegion *const regions[MPCS] = { &b->ssram[0], &b->ssram[1], &b->ssram[2], &b->sram };
    for (unsigned i = 0; i < MPCS; i++) {
        if (!memory_region_init_ram(regions[i], NULL, memories[i].name, memories[i].size, errp))
            return false;
        map_twice(b, memories[i].at, regions[i], 0);
        b->mpc[i] = device_new("tz-mpc");
        device_set_u64(b->mpc[i], "size", memories[i].size);
        if (!device_realize(b->mpc[i], errp))
            return false;
        map_region(system_memory, memories[i].regs, b->mpc[i], 0);
        tz_mpc_on_change(b->mpc[i], answers_changed, b);
    }
    if (!memory_region_init_ram(&b->psram, NULL, "mps.ram", RAM_SIZE, errp))
        return false;
    memory_region_add(system_memory, 0x80000000, &b->psram);
    return true;
}

/* ---- Chips ---- */

/* A chip at its Non-secure address, there twice. */
static Device *realize_twice(TZBoard *b, Device *dev, uint32_t at, Error **errp)
{
    if (!device_realize(dev, errp))
        return NULL;
    map_twice(b, at, dev->regions[0], 0);
    return dev;
}

static Device *with_freq(const char *type, uint32_t hz)
{
    Device *dev = device_new(type);
    device_set_u32(dev, "freq", hz);
    return dev;
}

static bool create_iotkit(TZBoard *b, Error **errp)
{
    b->secctl = device_new("iotkit-secctl");
    if (!device_realize(b->secctl, errp))
        return false;
    map_region(system_memory, 0x50080000, b->secctl, 0);
    map_region(system_memory, 0x40080000, b->secctl, 1);
    tz_ppc_on_change(b->secctl, answers_changed, b);
    static const struct { const char *type; uint32_t at, hz; uint8_t irq; } timers[] = {
        { "cmsdk-apb-timer", 0x40000000, SYSCLK, 3 }, { "cmsdk-apb-timer", 0x40001000, SYSCLK, 4 }, { "cmsdk-apb-timer", 0x4002f000, S32KCLK, 2 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
        Device *dev = realize_twice(b, with_freq(timers[i].type, timers[i].hz), timers[i].at, errp);
        if (!dev)
            return false;
        connect_irq(dev, 0, b->core, timers[i].irq);
    }
    Device *dual = device_new("cmsdk-apb-dualtimer");
    device_set_u32(dual, "freq0", SYSCLK);
    device_set_u32(dual, "freq1", SYSCLK);
    if (!realize_twice(b, dual, 0x40002000, errp))
        return false;
    connect_irq(dual, 0, b->core, 5);
    Device *ns_dog = board_realize_at(with_freq("cmsdk-apb-watchdog", SYSCLK), 0x40081000, errp);
    Device *dog = ns_dog ? board_realize_at(with_freq("cmsdk-apb-watchdog", SYSCLK), 0x50081000, errp) : NULL;
    Device *slow_dog = dog ? board_realize_at(with_freq("cmsdk-apb-watchdog", S32KCLK), 0x5002e000, errp) : NULL;
    Device *nmi = slow_dog ? board_create_or(2, armv7m_nmi(b->core), errp) : NULL;
    if (!nmi)
        return false;
    connect_irq(ns_dog, 0, b->core, 1);
    connect_irq(dog, 0, nmi, 0);
    connect_irq(slow_dog, 0, nmi, 1);
    Device *mpc_irq = board_create_or(MPCS, armv7m_irq(b->core, 9), errp);
    if (!mpc_irq)
        return false;
    for (unsigned i = 0; i < MPCS; i++)
        connect_irq(b->mpc[i], 0, mpc_irq, i);
    return true;
}

/* UART n: receive, transmit and combined interrupts; overruns share one. */
static bool create_uarts(MachineState *m, TZBoard *b, Error **errp)
{
    enum { UARTS = 5, IRQ_COMBINED = EXPANSION_IRQ + 10, IRQ_OVERRUN = EXPANSION_IRQ + 15 };
    Device *either = board_create_or(2 * UARTS, armv7m_irq(b->core, IRQ_OVERRUN), errp);
    if (!either)
        return false;
    for (unsigned i = 0; i < UARTS; i++) {
        Device *dev = device_new("cmsdk-apb-uart");
        if (i < ARRAY_SIZE(m->serial))
            device_set_chardev(dev, "chardev", m->serial[i]);
        if (!realize_twice(b, dev, 0x40200000 + 0x1000 * i, errp))
            return false;
        connect_irq(dev, 0, b->core, EXPANSION_IRQ + 2 * i + 1);
        connect_irq(dev, 1, b->core, EXPANSION_IRQ + 2 * i);
        connect_irq(dev, 2, either, 2 * i);
        connect_irq(dev, 3, either, 2 * i + 1);
        connect_irq(dev, 4, b->core, IRQ_COMBINED + i);
    }
    return true;
}

static bool create_board_control(TZBoard *b, Error **errp)
{
    Device *scc = device_new("mps2-scc"), *io = device_new("mps2-fpgaio");
    device_set_u32(scc, "scc-cfg4", 0x2);
    device_set_u32(scc, "scc-aid", 0x00200008);
    device_set_u32(scc, "scc-id", 0x41045050);
    device_set_u32(scc, "oscclk0", 40000000);
    device_set_u32(scc, "oscclk1", 24580000);
    device_set_u32(io, "prescale-clk", SYSCLK);
    return realize_twice(b, scc, 0x40300000, errp) && realize_twice(b, io, 0x40302000, errp);
}

/* Peripherals that are not there read as zero; so does what security forbids. */
static bool create_empty(TZBoard *b, Error **errp)
{
    static const BoardGap gaps[] = {
        { "IoT kit peripherals", 0x40000000, 0x100000 }, { "Expansion peripherals", 0x40100000, 0x300000 },
        { "Ethernet", 0x42000000, 0x100000 }, { "VGA", 0x41000000, 0x200000 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(gaps); i++) {
        Device *dev = board_create_gap(gaps[i].name, gaps[i].size, errp);
        if (!dev)
            return false;
        map_twice(b, (uint32_t)gaps[i].at, dev->regions[0], -1000);
    }
    Device *blocked = board_create_gap("forbidden access", 0x1000, errp);
    if (blocked)
        map_region(system_memory, ARM_M_BLOCKED, blocked, 0);
    return blocked;
}

/* ---- The board ---- */

static bool an505_init(MachineState *m, Error **errp)
{
    static const char *const keys[] = { NULL };
    TZBoard *b = g_new0(TZBoard, 1);
    m->board = b;
    if (!opts_check_unused(m->options, keys, errp))
        return false;
    if (m->ram_size != RAM_SIZE) {
        error_setg(errp, "Invalid RAM size, should be 16 MiB");
        return false;
    }
    const ARMv7MConfig config = {
        .cpu = m->cpu_model, .only_cpu = "cortex-m33", .num_irq = IRQS, .sysclk_hz = SYSCLK, .vtor = 0x10000000, .idau = idau, .idau_opaque = b,
    };
    create_spaces(b);
    b->core = armv7m_create(&config, errp);
    if (!b->core || !create_memory(b, errp) || !create_iotkit(b, errp) || !create_uarts(m, b, errp) || !create_board_control(b, errp) ||
        !create_empty(b, errp))
        return false;
    arm_cpu(first_cpu)->m_bus_check = bus_check;
    arm_cpu(first_cpu)->m_bus_opaque = b;
    return armv7m_load(m, 0, memories[0].size, errp);
}

static void an505_reset(MachineState *m)
{
    armv7m_start(((TZBoard *)m->board)->core);
}

static const MachineType an505_type = {
    .name = "mps2-an505", .desc = "ARM MPS2 with AN505 FPGA image for Cortex-M33", .target = "arm", .default_ram = RAM_SIZE, .max_cpus = 1,
    .default_cpu = "cortex-m33", .init = an505_init, .reset = an505_reset,
};
machine_type(an505_type)
