/* SPDX-License-Identifier: MIT */
/*
 * Arm Versatile Express: motherboard V2M-P1 (DUI 0447) with the CoreTile A9x4 (DUI 0448, legacy memory map) or A15x2 (DUI
 * 0604, RS1 memory map). Kernels want the board's device tree (-dtb); older ones get tags. Secondary vCPUs wait for an
 * address in SYS_FLAGS. One Security state, unless secure=on.
 * Not modelled (places that read as zero): audio, Ethernet, USB, compact flash, displays, DMA and memory controllers.
 */
#include "hw/arm/board.h"
#include "hw/arm/boot.h"
#include "hw/arm/gic.h"
#include "hw/sd.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <string.h>

#define CPUS 4
#define BOARD_ID 0x8e0

enum { DEV_SYSREG, DEV_SYSCTL, DEV_MMCI, DEV_KMI0, DEV_KMI1, DEV_UART0, DEV_UART1, DEV_UART2, DEV_UART3, DEV_WDT, DEV_TIMER01,
       DEV_TIMER23, DEV_RTC, MOTHERBOARD_DEVICES };
/* On the motherboard, with its interrupt. */
static const struct { const char *type; int irq; } motherboard[MOTHERBOARD_DEVICES] = {
    [DEV_SYSREG] = { "vexpress-sysreg", -1 }, [DEV_SYSCTL] = { "sp810", -1 }, [DEV_MMCI] = { "pl181", 9 },
    [DEV_KMI0] = { "pl050_keyboard", 12 }, [DEV_KMI1] = { "pl050_mouse", 13 }, [DEV_UART0] = { "pl011", 5 },
    [DEV_UART1] = { "pl011", 6 }, [DEV_UART2] = { "pl011", 7 }, [DEV_UART3] = { "pl011", 8 }, [DEV_WDT] = { "sp805", 0 },
    [DEV_TIMER01] = { "sp804", 2 }, [DEV_TIMER23] = { "sp804", 3 }, [DEV_RTC] = { "pl031", 4 },
};

typedef struct VexpressBoard VexpressBoard;
typedef struct Daughterboard {
    const char *cpu;
    uint32_t proc_id;
    hwaddr ram, periph, gic_dist, gic_cpu, flash[2], sram;
    uint64_t ram_max;
    unsigned spis;
    hwaddr device[MOTHERBOARD_DEVICES];
    BoardGap gaps[3];
} Daughterboard;

static const Daughterboard a9_tile = {
    .cpu = "cortex-a9", .proc_id = 0x0c000191, .ram = 0x60000000, .ram_max = GiB, .periph = 0x1e000000,
    .gic_dist = 0x1e001000, .gic_cpu = 0x1e000100, .flash = { 0x40000000, 0x44000000 }, .sram = 0x48000000, .spis = 64,
    .device = { 0x10000000, 0x10001000, 0x10005000, 0x10006000, 0x10007000, 0x10009000, 0x1000a000, 0x1000b000, 0x1000c000,
                0x1000f000, 0x10011000, 0x10012000, 0x10017000 },
    .gaps = { { "vexpress", 0x10000000, 0x200000 }, { "vexpress", 0x1e000000, 0x10000 }, { "vexpress", 0x4c000000, 0x4000000 } },
};
static const Daughterboard a15_tile = {
    .cpu = "cortex-a15", .proc_id = 0x14000237, .ram = 0x80000000, .ram_max = 30 * GiB, .periph = 0x2c000000,
    .gic_dist = 0x2c001000, .gic_cpu = 0x2c002000, .flash = { 0x08000000, 0x0c000000 }, .sram = 0x14000000, .spis = 128,
    .device = { 0x1c010000, 0x1c020000, 0x1c050000, 0x1c060000, 0x1c070000, 0x1c090000, 0x1c0a0000, 0x1c0b0000, 0x1c0c0000,
                0x1c0f0000, 0x1c110000, 0x1c120000, 0x1c170000 },
    .gaps = { { "vexpress", 0x18000000, 0x4200000 }, { "vexpress", 0x2a400000, 0x3000000 }, { "vexpress", 0x7ff00000, 0x100000 } },
};

struct VexpressBoard {
    const Daughterboard *tile;
    bool secure;
    MemoryRegion ram, low_ram, sram, gic_cpu;
    Device *gic, *sysreg, *flash[2];
    ARMBootInfo info;
    ARMBoot boot;
    uint64_t pen;             /* where secondary vCPUs wait */
};

static const Property vexpress_props[] = {
    { .name = "secure", .kind = PK_BOOL, .desc = "Set on/off to enable/disable the ARM Security Extensions (TrustZone)" },
    { .name = "virtualization", .kind = PK_BOOL, .desc = "Accepted for compatibility" },
    {},
};

static bool read_options(const MachineState *m, VexpressBoard *b, Error **errp)
{
    static const char *const keys[] = { "secure", "virtualization", NULL };
    bool unused = false;
    return opts_get_bool(m->options, "secure", &b->secure, errp) &&
           opts_get_bool(m->options, "virtualization", &unused, errp) && opts_check_unused(m->options, keys, errp);
}

/* ---- vCPUs and memory ---- */

static bool create_cpus(MachineState *m, VexpressBoard *b, Error **errp)
{
    for (unsigned i = 0; i < m->cpus; i++) {
        const ARMBoardConfig config = { .el3 = b->secure, .affinity = i, .cbar = b->tile->periph };
        if (!board_create_cpu(m, b->tile->cpu, &config, errp))
            return false;
    }
    return true;
}

static bool create_memory(MachineState *m, VexpressBoard *b, Error **errp)
{
    const Daughterboard *t = b->tile;
    if (m->ram_size > t->ram_max) {
        error_setg(errp, "vexpress: cannot model more than %lluGB RAM", (unsigned long long)(t->ram_max / GiB));
        return false;
    }
    if (!memory_region_init_ram(&b->ram, NULL, "vexpress.highmem", m->ram_size, errp) ||
        !memory_region_init_ram(&b->sram, NULL, "vexpress.sram", 32 * MiB, errp))
        return false;
    memory_region_add(system_memory, t->ram, &b->ram);
    memory_region_add(system_memory, t->sram, &b->sram);
    for (unsigned i = 0; i < 2; i++) {
        b->flash[i] = board_create_flash(i ? "vexpress.flash1" : "vexpress.flash0", t->flash[i], errp);
        if (!b->flash[i])
            return false;
    }
    /* What the vCPUs see at 0: RAM on the A9 tile, the first flash on the A15 tile. */
    if (t == &a9_tile)
        memory_region_init_alias(&b->low_ram, NULL, "vexpress.lowmem", &b->ram, 0, MIN(m->ram_size, 64 * MiB));
    else
        memory_region_init_alias(&b->low_ram, NULL, "vexpress.flashalias", b->flash[0]->regions[0], 0, BOARD_FLASH_SIZE);
    memory_region_add(system_memory, 0, &b->low_ram);
    return true;
}

/* ---- Interrupt controller, core peripherals ---- */

static bool create_gic(MachineState *m, VexpressBoard *b, Error **errp)
{
    const Daughterboard *t = b->tile;
    bool a9 = t == &a9_tile;
    b->gic = device_new("arm_gic");
    device_set_u32(b->gic, "num-cpu", m->cpus);
    device_set_u32(b->gic, "num-irq", t->spis + 32);
    device_set_u32(b->gic, "revision", a9 ? 1 : 2);
    if (!board_realize_at(b->gic, t->gic_dist, errp))
        return false;
    memory_region_init_alias(&b->gic_cpu, NULL, "gic_cpu", b->gic->regions[1], 0, a9 ? 0x100 : 0x2000);
    memory_region_add(system_memory, t->gic_cpu, &b->gic_cpu);
    unsigned n = 0;
    CPU_FOREACH(c) {
        connect_line(b->gic, GIC_OUTS * n + GIC_OUT_IRQ, arm_cpu_line(arm_cpu(c), ARM_LINE_IRQ));
        connect_line(b->gic, GIC_OUTS * n + GIC_OUT_FIQ, arm_cpu_line(arm_cpu(c), ARM_LINE_FIQ));
        n++;
    }
    return true;
}

static bool create_a9_private(MachineState *m, VexpressBoard *b, Error **errp)
{
    hwaddr base = b->tile->periph;
    Device *scu = device_new("a9-scu"), *timers = device_new("arm_mptimer"), *l2 = device_new("l2x0");
    device_set_u32(scu, "num-cpu", m->cpus);
    device_set_u32(timers, "num-cpu", m->cpus);
    if (!board_realize_at(scu, base, errp) || !board_realize_at(timers, base + 0x600, errp) || !board_realize_at(l2, base + 0xa000, errp))
        return false;
    for (unsigned c = 0; c < m->cpus; c++)
        for (unsigned i = 0; i < 2; i++)
            connect_irq(timers, 2 * c + i, b->gic, gic_private_input(b->tile->spis, c, 29 + i));
    return true;
}

static void wire_generic_timers(VexpressBoard *b)
{
    static const struct { ARMGenericTimer timer; uint8_t ppi; } timers[] = {
        { GT_PHYS, 30 }, { GT_VIRT, 27 }, { GT_HYP, 26 }, { GT_SEC, 29 },
    };
    unsigned n = 0;
    CPU_FOREACH(c) {
        for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
            arm_cpu(c)->gt_out[timers[i].timer] =
                device_input(b->gic, gic_private_input(b->tile->spis, n, timers[i].ppi));
        n++;
    }
}

/* ---- Motherboard ---- */

static bool create_card(VexpressBoard *b, Device *mmci, Error **errp)
{
    Drive *drive = drive_get(DRIVE_SD, 0, 0);
    for (unsigned i = 0; i < 2; i++)
        connect_irq(mmci, 2 + i, b->sysreg, i);
    return !drive || pl181_add_card(mmci, drive, errp);
}

static bool create_motherboard(MachineState *m, VexpressBoard *b, Error **errp)
{
    for (unsigned i = 0; i < MOTHERBOARD_DEVICES; i++) {
        Device *dev = device_new(motherboard[i].type);
        if (i >= DEV_UART0 && i <= DEV_UART3)
            device_set_chardev(dev, "chardev", m->serial[i - DEV_UART0]);
        if (i == DEV_SYSREG) {
            device_set_u32(dev, "sys_id", 0x1190f500);
            device_set_u32(dev, "proc_id", b->tile->proc_id);
        }
        if (!board_realize_at(dev, b->tile->device[i], errp))
            return false;
        for (unsigned out = 0; motherboard[i].irq >= 0 && out < (i == DEV_MMCI ? 2 : 1); out++)
            connect_irq(dev, out, b->gic, (unsigned)motherboard[i].irq + out);
        if (i == DEV_SYSREG)
            b->sysreg = dev;
        if (i == DEV_MMCI && !create_card(b, dev, errp))
            return false;
    }
    return true;
}

/* ---- What runs ---- */

/* Secondary vCPUs: enable their interface of the interrupt controller, sleep until SYS_FLAGS holds an address, go there. */
static void place_pen(VexpressBoard *b)
{
    const uint32_t code[] = {
        0xe59f0024,             /*     ldr  r0, gic_cpu  */
        0xe3a010ff, 0xe5801004, /*     mov  r1, #0xff; str r1, [r0, #4]  (priority mask) */
        0xe3a01001, 0xe5801000, /*     mov  r1, #1; str r1, [r0]         (enable) */
        0xe59f0014,             /*     ldr  r0, flags */
        0xe320f003,             /* 1:  wfi */
        0xe5901000, 0xe3510000, /*     ldr  r1, [r0]; cmp r1, #0 */
        0x0afffffb, 0xe12fff11, /*     beq  1b; bx r1 */
        (uint32_t)b->tile->gic_cpu, (uint32_t)b->tile->device[DEV_SYSREG] + 0x30,
    };
    uint8_t bytes[sizeof(code)];
    for (unsigned i = 0; i < ARRAY_SIZE(code); i++)
        put_le32(bytes + 4 * i, code[i]);
    b->pen = b->tile->sram; /* no kernel uses it */
    rom_add_copy("smpboot", b->pen, bytes, sizeof(bytes));
}

static bool load_program(MachineState *m, VexpressBoard *b, Error **errp)
{
    b->info = (ARMBootInfo){ .ram_start = b->tile->ram, .ram_size = m->ram_size, .board_id = BOARD_ID };
    if (!arm_boot_kernel(m, &b->info, &b->boot, errp))
        return false;
    if (!m->kernel)
        return true;
    if (m->cpus > 1)
        place_pen(b);
    return true;
}

static bool vexpress_init(MachineState *m, const Daughterboard *tile, Error **errp)
{
    VexpressBoard *b = g_new0(VexpressBoard, 1);
    m->board = b;
    b->tile = tile;
    if (!read_options(m, b, errp) || !create_cpus(m, b, errp) || !create_memory(m, b, errp) || !create_gic(m, b, errp) ||
        !board_create_gaps(tile->gaps, ARRAY_SIZE(tile->gaps), errp) || !create_motherboard(m, b, errp))
        return false;
    if (tile == &a9_tile) {
        if (!create_a9_private(m, b, errp))
            return false;
    } else {
        wire_generic_timers(b);
    }
    return load_program(m, b, errp);
}

static bool a9_init(MachineState *m, Error **errp)
{
    return vexpress_init(m, &a9_tile, errp);
}

static bool a15_init(MachineState *m, Error **errp)
{
    return vexpress_init(m, &a15_tile, errp);
}

static void vexpress_reset(MachineState *m)
{
    VexpressBoard *b = m->board;
    ARMBoot pen = { .entry = b->pen };
    roms_write();
    if (!b->info.kernel_name)
        return;
    CPU_FOREACH(c)
        arm_boot_start_cpu(arm_cpu(c), c == first_cpu ? &b->boot : &pen, BOARD_ID);
}

static const MachineType a9_type = {
    .name = "vexpress-a9", .desc = "ARM Versatile Express for Cortex-A9", .target = "arm", .default_ram = 128 * MiB,
    .max_cpus = CPUS, .default_cpu = "cortex-a9", .default_drive = DRIVE_SD, .props = vexpress_props, .init = a9_init, .reset = vexpress_reset,
};
machine_type(a9_type)
static const MachineType a15_type = {
    .name = "vexpress-a15", .desc = "ARM Versatile Express for Cortex-A15", .target = "arm", .default_ram = 128 * MiB,
    .max_cpus = CPUS, .default_cpu = "cortex-a15", .default_drive = DRIVE_SD, .props = vexpress_props, .init = a15_init, .reset = vexpress_reset,
};
machine_type(a15_type)
