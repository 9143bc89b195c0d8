/* SPDX-License-Identifier: MIT */
/* Parts of the i440FX PC that its board wires together. Machine lock. */
#ifndef RHEA_HW_PC_H
#define RHEA_HW_PC_H

#include "hw/boards.h"
#include "hw/pci.h"

#define PC_ABOVE_4G (4 * GiB)
#define PC_HPET_BASE 0xfed00000u
#define PC_IOAPIC_BASE 0xfec00000u
#define PC_PM_BASE 0x600
#define PC_GPE0_BASE 0xafe0
#define PC_SMB_BASE 0xb100
#define PC_SMI_PORT 0xb2
#define PC_SMI_ACPI_ENABLE 0xf1
#define PC_SMI_ACPI_DISABLE 0xf0
#define ICH9_SMI_ACPI_ENABLE 0x02
#define ICH9_SMI_ACPI_DISABLE 0x03
#define ICH9_RCBA 0xfed1c000u
#define Q35_ECAM_BASE 0xb0000000u
#define Q35_ECAM_SIZE (256 * MiB)
#define PC_RESET_PORT 0xcf9
#define PC_RESET_VALUE 0x0f
#define PC_SCI_IRQ 9

/* hw/pci/i440fx.c: maps RAM below the hole and above 4 GiB, makes the PCI memory space around it, the
 * configuration ports, the host bridge 00.0 and pci_root_bus. below is RAM under the hole; smm: makes
 * address_space_smm. */
bool i440fx_new(MemoryRegion *ram, uint64_t below, bool smm, Error **errp);
/* hw/pci/q35.c: the same for the Q35, with the root complex pcie.0. */
bool q35_new(MemoryRegion *ram, uint64_t below, bool smm, Error **errp);
/* Where the flat configuration window is now, and its size: 0 = closed, or another machine. */
uint64_t q35_ecam(uint64_t *size);

/* hw/isa/ich9-lpc.c: the LPC bridge 1f.0 with power management; smm: it raises SMIs. */
Device *ich9_lpc_new(bool smm, Error **errp);
void ich9_power_button(Device *dev);
/* The files by which firmware and chip agree on how SMIs are delivered. */
void ich9_add_smi_files(Device *dev, Device *fw_cfg);

/* hw/isa/piix3.c: the ISA bridge 01.0; PIRQ lines become ISA interrupts. */
Device *piix3_new(bool smm, Error **errp);
/* IDE function of the PIIX3 at this address, with the drives of -drive if=ide. */
bool piix_ide_new(const char *addr, Error **errp);

/* hw/acpi/piix4-pm.c: power management 01.3. */
Device *piix4_pm_new(bool smm, Error **errp);
void piix4_pm_power_button(Device *dev);

/* hw/i386/a20.c: port 0x92, and the A20 gate as aliases of the first MiB. */
bool a20_new(MemoryRegion *ram, Error **errp);
IRQLine a20_line(void); /* from the keyboard controller */

#endif
