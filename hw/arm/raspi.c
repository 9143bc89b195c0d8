/* SPDX-License-Identifier: MIT */
/*
 * Raspberry Pi Zero, 1A+, 2B and 3B: BCM2835, BCM2836 and BCM2837 as far as kernels need them to reach userland and stop
 * (BCM2835 ARM Peripherals; Broadcom QA7_rev3.4). Kernels want the board's device tree (-dtb). Secondary vCPUs wait in a
 * pen for a mailbox (32 bits) or a spin table (64 bits). The VideoCore keeps the upper 64 MiB of RAM.
 * Not modelled (places that read as zero): USB, SD host, DMA, displays, cameras, audio, SPI, I2C, PWM.
 */
#include "hw/arm/board.h"
#include "hw/arm/boot.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <string.h>

#define BOARD_ID 0xc42
#define VC_RAM (64 * MiB)
#define PERIPH_SIZE 0x1000000u
#define LOCAL_CONTROL 0x40000000u
#define PEN 0x300u             /* in RAM, below what kernels use */
#define SPIN_TABLE 0xd8u
#define CRYSTAL_HZ 19200000

typedef struct PiModel {
    const char *cpu;
    uint32_t revision;         /* the board's, as the firmware says it */
    hwaddr periph;
    uint64_t ram;
    unsigned cores;
    uint32_t cluster;          /* in MPIDR */
} PiModel;

static const PiModel pi0 = { "arm1176", 0x920092, 0x20000000, 512 * MiB, 1, 0 };
static const PiModel pi1ap = { "arm1176", 0x900021, 0x20000000, 512 * MiB, 1, 0 };
static const PiModel pi2b = { "cortex-a7", 0xa21041, 0x3f000000, GiB, 4, 0xf00 };
static const PiModel pi3b = { "cortex-a53", 0xa02082, 0x3f000000, GiB, 4, 0 };

enum { DEV_SYSTIMER, DEV_MBOX, DEV_PM, DEV_CPRMAN, DEV_RNG, DEV_GPIO, DEV_UART0, DEV_AUX, PI_DEVICES };
/* Offset in the peripherals, first interrupt (64 and up: ARM interrupts) and how many outputs. */
static const struct { const char *type; uint32_t offset; int irq, outputs; } devices[PI_DEVICES] = {
    [DEV_SYSTIMER] = { "bcm2835-systimer", 0x003000, 0, 4 }, [DEV_MBOX] = { "bcm2835-mbox", 0x00b800, 65, 1 },
    [DEV_PM] = { "bcm2835-powermgt", 0x100000, 0, 0 }, [DEV_CPRMAN] = { "bcm2835-cprman", 0x101000, 0, 0 },
    [DEV_RNG] = { "bcm2835-rng", 0x104000, 0, 0 }, [DEV_GPIO] = { "bcm2835-gpio", 0x200000, 0, 0 },
    [DEV_UART0] = { "pl011", 0x201000, 57, 1 }, [DEV_AUX] = { "bcm2835-aux", 0x215000, 29, 1 },
};
#define IC_OFFSET 0x00b200

typedef struct PiBoard {
    const PiModel *model;
    MemoryRegion ram;
    Device *ic, *control;
    ARMBootInfo info;
    ARMBoot boot;
} PiBoard;

/* ---- vCPUs and interrupts ---- */

static bool create_cpus(MachineState *m, PiBoard *b, Error **errp)
{
    for (unsigned i = 0; i < m->cpus; i++) {
        const ARMBoardConfig config = {
            .affinity = b->model->cluster | i, .cbar = b->model->periph, .cntfrq = CRYSTAL_HZ,
        };
        if (!board_create_cpu(m, b->model->cpu, &config, errp))
            return false;
    }
    return true;
}

/* The GPU's controller feeds the core directly, or through the per-core control of the later chips. */
static bool create_interrupts(PiBoard *b, Error **errp)
{
    static const ARMGenericTimer timers[] = { GT_SEC, GT_PHYS, GT_HYP, GT_VIRT };
    b->ic = device_new("bcm2835-ic");
    if (!board_realize_at(b->ic, b->model->periph + IC_OFFSET, errp))
        return false;
    if (b->model->cores == 1) {
        connect_line(b->ic, 0, arm_cpu_line(arm_cpu(first_cpu), ARM_LINE_IRQ));
        connect_line(b->ic, 1, arm_cpu_line(arm_cpu(first_cpu), ARM_LINE_FIQ));
        return true;
    }
    b->control = device_new("bcm2836-control");
    if (!board_realize_at(b->control, LOCAL_CONTROL, errp))
        return false;
    connect_irq(b->ic, 0, b->control, 16);
    connect_irq(b->ic, 1, b->control, 17);
    unsigned n = 0;
    CPU_FOREACH(c) {
        ARMCPU *cpu = arm_cpu(c);
        for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
            cpu->gt_out[timers[i]] = device_input(b->control, 4 * n + i);
        cpu->pmu_out = device_input(b->control, 18 + n);
        connect_line(b->control, 2 * n, arm_cpu_line(cpu, ARM_LINE_IRQ));
        connect_line(b->control, 2 * n + 1, arm_cpu_line(cpu, ARM_LINE_FIQ));
        n++;
    }
    return true;
}

/* ---- Peripherals ---- */

static bool create_peripherals(MachineState *m, PiBoard *b, Error **errp)
{
    for (unsigned i = 0; i < PI_DEVICES; i++) {
        Device *dev = device_new(devices[i].type);
        if (i == DEV_UART0 || i == DEV_AUX)
            device_set_chardev(dev, "chardev", m->serial[i - DEV_UART0]);
        if (i == DEV_MBOX) {
            device_set_u32(dev, "board-rev", b->model->revision);
            device_set_u64(dev, "ram-size", m->ram_size);
            device_set_u64(dev, "vc-size", VC_RAM);
        }
        if (!board_realize_at(dev, b->model->periph + devices[i].offset, errp))
            return false;
        for (int out = 0; out < devices[i].outputs; out++)
            connect_irq(dev, (unsigned)out, b->ic, (unsigned)(devices[i].irq + out));
    }
    const BoardGap gaps[] = {
        { "bcm2835-peripherals", b->model->periph, PERIPH_SIZE }, { "bcm2836-local", LOCAL_CONTROL, 0x1000 },
    };
    return board_create_gaps(gaps, b->control ? 2 : 1, errp);
}

/* ---- What runs ---- */

static void place_words(const char *name, hwaddr at, const uint32_t *words, unsigned n)
{
    uint8_t bytes[128];
    for (unsigned i = 0; i < n; i++)
        put_le32(bytes + 4 * i, words[i]);
    rom_add_copy(name, at, bytes, 4 * n);
}

/* Secondary vCPUs wait for an address: 32 bits in mailbox 3 of their core, 64 bits in their word of the spin table. */
static bool place_pen(PiBoard *b, Error **errp)
{
    static const uint32_t mailbox_code[] = {
        0xee100fb0, 0xe2000003,             /*     mrc p15, 0, r0, c0, c0, 5; and r0, r0, #3 */
        0xe59f1018, 0xe0811200,             /*     ldr r1, mailboxes; add r1, r1, r0, lsl #4 */
        0xe591000c, 0xe3500000,             /* 1:  ldr r0, [r1, #12]; cmp r0, #0 */
        0x0320f001, 0x0afffffb,             /*     yieldeq; beq 1b */
        0xe581000c, 0xe12fff10,             /*     str r0, [r1, #12] (clears it); bx r0 */
        LOCAL_CONTROL + 0xc0,
    };
    static const uint32_t spin_code[] = {
        0xd53800a6, 0x924004c6,             /*     mrs x6, mpidr_el1; and x6, x6, #3 */
        0xd2801b05,                         /*     mov x5, #0xd8 */
        0xd503205f,                         /* 1:  wfe */
        0xf86678a4, 0xb4ffffc4,             /*     ldr x4, [x5, x6, lsl #3]; cbz x4, 1b */
        0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd61f0080, /* x0-x3 = 0; br x4 */
    };
    static const uint32_t empty_table[8];
    if (roms_end_between(SPIN_TABLE, PEN + sizeof(mailbox_code))) {
        error_setg(errp, "raspi: the start of RAM is in use, secondary CPUs have no place to wait");
        return false;
    }
    if (b->boot.aarch64) {
        place_words("spintable", SPIN_TABLE, empty_table, ARRAY_SIZE(empty_table));
        place_words("smpboot", PEN, spin_code, ARRAY_SIZE(spin_code));
    } else {
        place_words("smpboot", PEN, mailbox_code, ARRAY_SIZE(mailbox_code));
    }
    return true;
}

static bool load_program(MachineState *m, PiBoard *b, Error **errp)
{
    b->info = (ARMBootInfo){
        .ram_start = 0, .ram_size = m->ram_size - VC_RAM, .low_reserved = 4 * KiB, .board_id = BOARD_ID,
        .aarch64 = arm_feature(arm_cpu(first_cpu), ARM_FEATURE_AARCH64),
    };
    if (!arm_boot_kernel(m, &b->info, &b->boot, errp))
        return false;
    if (!m->kernel)
        return true;
    return m->cpus == 1 || place_pen(b, errp);
}

static bool pi_init(MachineState *m, const PiModel *model, Error **errp)
{
    PiBoard *b = g_new0(PiBoard, 1);
    m->board = b;
    b->model = model;
    if (m->ram_size != model->ram) {
        error_setg(errp, "Invalid RAM size, should be %s", model->ram == GiB ? "1 GiB" : "512 MiB");
        return false;
    }
    static const char *const keys[] = { NULL };
    if (!opts_check_unused(m->options, keys, errp) || !create_cpus(m, b, errp) ||
        !memory_region_init_ram(&b->ram, NULL, "ram", m->ram_size, errp))
        return false;
    memory_region_add_overlap(system_memory, 0, &b->ram, -2000); /* peripherals lie over its end */
    return create_interrupts(b, errp) && create_peripherals(m, b, errp) && load_program(m, b, errp);
}

static void pi_reset(MachineState *m)
{
    PiBoard *b = m->board;
    ARMBoot pen = { .entry = PEN, .aarch64 = b->boot.aarch64 };
    roms_write();
    if (!b->info.kernel_name)
        return;
    CPU_FOREACH(c)
        arm_boot_start_cpu(arm_cpu(c), c == first_cpu ? &b->boot : &pen, BOARD_ID);
}

#define PI(id, type_name, description, model, cpus, ram_default)                                              \
    static bool id##_init(MachineState *m, Error **errp) { return pi_init(m, &model, errp); }           \
    static const MachineType id##_type = {                                                               \
        .name = type_name, .desc = description, .target = "arm", .default_ram = ram_default,              \
        .max_cpus = cpus, .init = id##_init, .reset = pi_reset,                                              \
    };                                                                                                    \
    machine_type(id##_type)
PI(raspi0, "raspi0", "Raspberry Pi Zero (revision 1.2)", pi0, 1, 512 * MiB)
PI(raspi1ap, "raspi1ap", "Raspberry Pi A+ (revision 1.1)", pi1ap, 1, 512 * MiB)
PI(raspi2b, "raspi2b", "Raspberry Pi 2B (revision 1.1)", pi2b, 4, GiB)
PI(raspi3b, "raspi3b", "Raspberry Pi 3B (revision 1.2)", pi3b, 4, GiB)
