/* SPDX-License-Identifier: MIT */
/*
 * The "q35" board: Q35 host bridge and ICH9 chips: PCI Express root complex "pcie.0", LPC bridge, AHCI with the disks of -drive if=ide (one for
 * each of its buses ide.0 to ide.5), SMBus. RAM below the hole is at most 2.75 GiB (2 GiB when there is more than that).
 */
#include "hw/ahci.h"
#include "hw/pc-board.h"
#include "util/error.h"

static Device *add_function(const char *type, const char *addr, Error **errp)
{
    Device *dev = device_new(type);
    device_set_str(dev, "addr", addr);
    device_set(dev, "multifunction", "on", NULL);
    return device_realize(dev, errp) ? dev : NULL;
}

static bool create_functions(PCBoard *b, Error **errp)
{
    if (b->sata) {
        Device *ahci = add_function("ich9-ahci", "1f.2", errp);
        if (!ahci || !ahci_add_drives(ahci, errp))
            return false;
    }
    return !b->smbus || add_function("ICH9-SMB", "1f.3", errp);
}

static void power_button(PCBoard *b)
{
    ich9_power_button(b->south);
}

static void fill_fw_cfg(PCBoard *b)
{
    ich9_add_smi_files(b->south, b->fw_cfg);
}

static void configure(const PCBoard *b)
{
    const uint32_t mch = 0, lpc = 0x1f << 11;
    pci_config_write(pci_root_bus, mch | 0x64, 0, 4);
    pci_config_write(pci_root_bus, mch | 0x60, Q35_ECAM_BASE | 1, 4);
    pci_config_write(pci_root_bus, lpc | 0x40, PC_PM_BASE | 1, 4);
    pci_config_write(pci_root_bus, lpc | 0x44, 0x80, 1);
    pci_config_write(pci_root_bus, lpc | 0xf0, ICH9_RCBA | 1, 4);
    if (b->smbus) {
        const uint32_t smb = 0x1f << 11 | 3 << 8;
        pci_config_write(pci_root_bus, smb | 0x40, 1, 1);
    }
}

static const PCChipset chipset = {
    .low_ram_max = 0xb0000000, .low_ram_split = 0x80000000, .pci_start = Q35_ECAM_BASE + Q35_ECAM_SIZE,
    .pirqs = 8, .routes = { 0x60, 0x61, 0x62, 0x63, 0x68, 0x69, 0x6a, 0x6b }, .irqs = { 10, 10, 11, 11, 10, 10, 11, 11 },
    .acpi = { .gpe0 = PC_PM_BASE + 0x20, .gpe0_len = 16, .acpi_enable = ICH9_SMI_ACPI_ENABLE, .acpi_disable = ICH9_SMI_ACPI_DISABLE, .q35 = true },
    .north = q35_new, .south = ich9_lpc_new, .functions = create_functions, .configure = configure, .power_button = power_button,
    .fill_fw_cfg = fill_fw_cfg,
};

static bool q35_init(MachineState *m, Error **errp)
{
    return pc_init(m, &chipset, errp);
}

static const MachineType q35_type = {
    .name = "pc-q35-7.2", .desc = "Standard PC (Q35 + ICH9, 2009)", .alias = "q35", .target = "x86", .default_ram = 128 * MiB,
    .max_cpus = 255, .takes_vga = true, .has_cdrom = true, .drives_per_bus = 1, .props = pc_props, .init = q35_init, .reset = pc_reset,
    .powerdown = pc_powerdown, .nmi = pc_nmi, .set_boot_order = pc_set_boot_order,
};
machine_type(q35_type);
