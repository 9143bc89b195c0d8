/* SPDX-License-Identifier: MIT */
/*
 * The "isapc" board: an AT without PCI. 8259 pair, ISA devices, two IDE channels, an ISA VGA card. The BIOS lies in RAM
 * below 1 MiB, where it may write, and as a ROM below 4 GiB; -kernel is started by it.
 * Not modelled: ACPI, I/O APIC, HPET, network cards.
 */
#include "hw/ide.h"
#include "hw/pc-board.h"
#include "util/error.h"
#include "util/options.h"
#include <glib.h>

#define RAM_MAX (3584 * MiB)

static const Property isapc_props[] = {
    { .name = "graphics", .kind = PK_BOOL, .desc = "Set on/off to enable/disable graphics emulation" },
    { .name = "kernel-irqchip", .kind = PK_STRING, .desc = "Accepted for compatibility; interrupt controllers are always emulated" },
    {},
};

static bool read_options(MachineState *m, PCBoard *b, Error **errp)
{
    static const char *const keys[] = { "graphics", "kernel-irqchip", NULL };
    b->cmos = b->pit = b->i8042 = true;
    b->default_bios = "bios.bin";
    b->graphics = !m->nographic;
    if (!m->options)
        return true;
    opts_get(m->options, "kernel-irqchip");
    return opts_get_bool(m->options, "graphics", &b->graphics, errp) && opts_check_unused(m->options, keys, errp);
}

static bool create_memory(MachineState *m, PCBoard *b, Error **errp)
{
    if (m->ram_size < 2 * MiB || m->ram_size > RAM_MAX) {
        error_setg(errp, "-m: this machine takes 2 MiB to 3584 MiB of memory");
        return false;
    }
    b->ram_below = m->ram_size;
    if (!memory_region_init_ram(&b->ram, NULL, "pc.ram", m->ram_size, errp))
        return false;
    memory_region_add(system_memory, 0, &b->ram);
    return true;
}

static bool create_isa_bus(PCBoard *b, Error **errp)
{
    pc_create_isa_bus(b, NULL);
    return pc_create_pic(b, errp);
}

static bool isapc_init(MachineState *m, Error **errp)
{
    PCBoard *b = g_new0(PCBoard, 1);
    m->board = b;
    return read_options(m, b, errp) && pc_create_cpus(m, errp) && create_memory(m, b, errp) && create_isa_bus(b, errp) &&
           pc_create_isa_devices(m, b, errp) && pc_create_vga(m, "isa-vga", errp) && isa_ide_new(0, errp) && isa_ide_new(1, errp) &&
           pc_load_firmware(m, errp) && pc_fill_fw_cfg(m, errp);
}

static const MachineType isapc_type = {
    .name = "isapc", .desc = "ISA-only PC", .target = "x86", .default_ram = 128 * MiB, .max_cpus = 1, .default_cpu = "486",
    .takes_vga = true, .has_cdrom = true, .has_floppy = true, .props = isapc_props,
    .init = isapc_init, .reset = pc_reset, .set_boot_order = pc_set_boot_order,
};
machine_type(isapc_type);
