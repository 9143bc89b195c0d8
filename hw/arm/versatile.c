/* SPDX-License-Identifier: MIT */
/*
 * Arm Versatile Platform Baseboard and Application Baseboard for ARM926EJ-S (ARM DUI 0225, ch. 3 and 4; DUI 0225 table 4-1
 * for the memory map). Kernels get a device tree (-dtb) or tags.
 * Not modelled (places that read as zero): audio (PL041), Ethernet (SMC91C111), USB, smart cards, memory controllers,
 * touch screen and character display.
 */
#include "hw/arm/board.h"
#include "hw/arm/boot.h"
#include "hw/sd.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>

#define BOARD_ID_PB 0x183
#define BOARD_ID_AB 0x25e
#define RAM_MAX (256 * MiB)
#define FLASH_BASE 0x34000000
#define VIC_BASE 0x10140000
#define SIC_BASE 0x10003000

typedef struct VersatileBoard {
    MemoryRegion ram;
    Device *vic, *sic, *sysreg;
    ARMBootInfo info;
    ARMBoot boot;
} VersatileBoard;

/* Interrupts: of the primary controller, or SIC + n. */
enum { SIC = 32, NONE = -1 };
typedef struct Chip {
    const char *type;
    hwaddr addr;
    int irq[2];          /* of outputs 0 and 1 */
    int serial;          /* UARTs: which -serial; else NONE */
} Chip;
static const Chip chips[] = {
    { "pl181", 0x10005000, { SIC + 22, SIC + 1 }, NONE },
    { "pl050_keyboard", 0x10006000, { SIC + 3, NONE }, NONE },
    { "pl050_mouse", 0x10007000, { SIC + 4, NONE }, NONE },
    { "pl011", 0x10009000, { SIC + 6, NONE }, 3 },
    { "pl181", 0x1000b000, { SIC + 23, SIC + 2 }, NONE },
    { "pl110_versatile", 0x10120000, { 16, NONE }, NONE },
    { "pl080", 0x10130000, { 17, NONE }, NONE },
    { "pl022", 0x101f4000, { 11, NONE }, NONE },
    { "sp810", 0x101e0000, { NONE, NONE }, NONE },
    { "sp805", 0x101e1000, { 0, NONE }, NONE },
    { "sp804", 0x101e2000, { 4, NONE }, NONE },
    { "sp804", 0x101e3000, { 5, NONE }, NONE },
    { "pl061", 0x101e4000, { 6, NONE }, NONE },
    { "pl061", 0x101e5000, { 7, NONE }, NONE },
    { "pl061", 0x101e6000, { 8, NONE }, NONE },
    { "pl061", 0x101e7000, { 9, NONE }, NONE },
    { "pl031", 0x101e8000, { 10, NONE }, NONE },
    { "pl011", 0x101f1000, { 12, NONE }, 0 },
    { "pl011", 0x101f2000, { 13, NONE }, 1 },
    { "pl011", 0x101f3000, { 14, NONE }, 2 },
};
/* Chips that are not there read as zero, under everything else. */
static const BoardGap gaps[] = {
    { "versatile", 0x10000000, 0x200000 }, { "versatile-smc", 0x20000000, 0x14000000 },
};

static bool create_memory(MachineState *m, VersatileBoard *b, Error **errp)
{
    if (m->ram_size > RAM_MAX) {
        error_setg(errp, "%s: cannot model more than 256MB RAM", m->type->name);
        return false;
    }
    if (!memory_region_init_ram(&b->ram, NULL, "versatile.ram", m->ram_size, errp))
        return false;
    memory_region_add(system_memory, 0, &b->ram);
    return board_create_flash("versatile.flash", FLASH_BASE, errp);
}

static bool create_interrupt_controllers(VersatileBoard *b, Error **errp)
{
    ARMCPU *cpu = arm_cpu(first_cpu);
    b->vic = device_new("pl190");
    b->sic = device_new("versatilepb_sic");
    if (!board_realize_at(b->vic, VIC_BASE, errp) || !board_realize_at(b->sic, SIC_BASE, errp))
        return false;
    connect_line(b->vic, 0, arm_cpu_line(cpu, ARM_LINE_IRQ));
    connect_line(b->vic, 1, arm_cpu_line(cpu, ARM_LINE_FIQ));
    for (unsigned n = 21; n < 32; n++)
        connect_irq(b->sic, n, b->vic, n);
    return true;
}

static void connect_chip(VersatileBoard *b, Device *dev, unsigned output, int irq)
{
    if (irq >= SIC)
        connect_irq(dev, output, b->sic, (unsigned)irq - SIC);
    else if (irq >= 0)
        connect_irq(dev, output, b->vic, (unsigned)irq);
}

static bool connect_slot(VersatileBoard *b, Device *mmci, unsigned slot, Error **errp)
{
    Drive *drive = drive_get(DRIVE_SD, 0, (int)slot);
    for (unsigned i = 0; i < 2; i++)
        connect_irq(mmci, 2 + i, b->sysreg, 2 * slot + i);
    return !drive || pl181_add_card(mmci, drive, errp);
}

static bool create_chips(MachineState *m, VersatileBoard *b, Error **errp)
{
    b->sysreg = device_new("vexpress-sysreg");
    device_set_u32(b->sysreg, "sys_id", 0x41007004);
    device_set_u32(b->sysreg, "proc_id", 0x02000000);
    if (!board_realize_at(b->sysreg, 0x10000000, errp))
        return false;
    unsigned slot = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        const Chip *c = &chips[i];
        Device *dev = device_new(c->type);
        if (c->serial >= 0)
            device_set_chardev(dev, "chardev", m->serial[c->serial]);
        if (!board_realize_at(dev, c->addr, errp))
            return false;
        for (unsigned out = 0; out < 2; out++)
            connect_chip(b, dev, out, c->irq[out]);
        if (!g_strcmp0(c->type, "pl110_versatile"))
            connect_irq(b->sysreg, 0, dev, 0); /* the pixel multiplexer */
        if (!g_strcmp0(c->type, "pl181") && !connect_slot(b, dev, slot++, errp))
            return false;
    }
    return true;
}

static uint32_t board_id(const MachineState *m);

static bool versatile_init(MachineState *m, Error **errp)
{
    static const char *const keys[] = { NULL };
    const ARMBoardConfig cpu = { .affinity = 0 };
    VersatileBoard *b = g_new0(VersatileBoard, 1);
    m->board = b;
    if (!opts_check_unused(m->options, keys, errp) || !board_create_cpu(m, "arm926", &cpu, errp) || !create_memory(m, b, errp) ||
        !create_interrupt_controllers(b, errp) || !board_create_gaps(gaps, ARRAY_SIZE(gaps), errp) || !create_chips(m, b, errp))
        return false;
    b->info = (ARMBootInfo){ .ram_size = m->ram_size, .board_id = board_id(m) };
    return arm_boot_kernel(m, &b->info, &b->boot, errp);
}

static void versatile_reset(MachineState *m)
{
    VersatileBoard *b = m->board;
    roms_write();
    if (b->info.kernel_name)
        arm_boot_start_cpu(arm_cpu(first_cpu), &b->boot, b->info.board_id);
}

static const MachineType pb_type = {
    .name = "versatilepb", .desc = "ARM Versatile/PB (ARM926EJ-S)", .target = "arm", .default_ram = 128 * MiB, .max_cpus = 1,
    .default_cpu = "arm926", .default_drive = DRIVE_SD, .init = versatile_init, .reset = versatile_reset,
};
machine_type(pb_type)
static const MachineType ab_type = {
    .name = "versatileab", .desc = "ARM Versatile/AB (ARM926EJ-S)", .target = "arm", .default_ram = 128 * MiB, .max_cpus = 1,
    .default_cpu = "arm926", .default_drive = DRIVE_SD, .init = versatile_init, .reset = versatile_reset,
};
machine_type(ab_type)

/* The machine number that kernels know the board by. */
static uint32_t board_id(const MachineState *m)
{
    return m->type == &ab_type ? BOARD_ID_AB : BOARD_ID_PB;
}
