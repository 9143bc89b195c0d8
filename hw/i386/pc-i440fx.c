/* SPDX-License-Identifier: MIT */
/*
 * The "pc" board: i440FX and PIIX3/PIIX4 chips. RAM below the hole at 4 GiB is at most 3.5 GiB (3 GiB when there is more than that).
 */
#include "hw/isa.h"
#include "hw/pc-board.h"
#include "util/error.h"

static bool create_functions(PCBoard *b, Error **errp)
{
    if (!piix_ide_new("1.1", errp))
        return false;
    b->pm = piix4_pm_new(b->smm, errp);
    if (!b->pm)
        return false;
    connect_line(b->pm, 0, isa_irq(PC_SCI_IRQ));
    return true;
}

static void power_button(PCBoard *b)
{
    piix4_pm_power_button(b->pm);
}

static void configure(const PCBoard *b)
{
    uint32_t pm = (uint32_t)((PCIDevice *)b->pm)->addr << 8;
    pci_config_write(pci_root_bus, pm | 0x3c, PC_SCI_IRQ, 1);
    pci_config_write(pci_root_bus, pm | 0x40, PC_PM_BASE | 1, 4);
    pci_config_write(pci_root_bus, pm | 0x80, 1, 1);
    pci_config_write(pci_root_bus, pm | 0x90, PC_SMB_BASE | 1, 4);
    pci_config_write(pci_root_bus, pm | 0xd2, 9, 1);
}

static const PCChipset chipset = {
    .low_ram_max = 0xe0000000, .low_ram_split = 0xc0000000, .pci_start = 0xc0000000,
    .pirqs = 4, .routes = { 0x60, 0x61, 0x62, 0x63 }, .irqs = { 10, 10, 11, 11 },
    .acpi = { .gpe0 = PC_GPE0_BASE, .gpe0_len = 4, .acpi_enable = PC_SMI_ACPI_ENABLE, .acpi_disable = PC_SMI_ACPI_DISABLE },
    .north = i440fx_new, .south = piix3_new, .functions = create_functions, .configure = configure, .power_button = power_button,
};

static bool pc_i440fx_init(MachineState *m, Error **errp)
{
    return pc_init(m, &chipset, errp);
}

static const MachineType pc_type = {
    .name = "pc-i440fx-7.2", .desc = "Standard PC (i440FX + PIIX, 1996)", .alias = "pc", .is_default = true,
    .target = "x86", .default_ram = 128 * MiB, .max_cpus = 255, .takes_vga = true, .has_cdrom = true, .has_floppy = true,
    .props = pc_props, .init = pc_i440fx_init, .reset = pc_reset, .powerdown = pc_powerdown, .nmi = pc_nmi, .set_boot_order = pc_set_boot_order,
};
machine_type(pc_type);
