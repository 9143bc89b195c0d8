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
#define PC_RESET_PORT 0xcf9
#define PC_RESET_VALUE 0x0f
#define PC_SCI_IRQ 9

/* hw/pci/i440fx.c: maps RAM below the hole and above 4 GiB, makes the PCI memory space around it, the
 * configuration ports, the host bridge 00.0 and pci_root_bus. below is RAM under the hole. */
bool i440fx_new(MemoryRegion *ram, uint64_t below, Error **errp);
/* PCI memory space: where -bios and option ROMs show. */
MemoryRegion *i440fx_pci_memory(void);
/* The byte at 0xcf9, inside the bridge's address register. */
void i440fx_set_reset_control(MemoryRegion *mr);
/* All PAM sections read and write RAM, as firmware leaves them for a kernel. */
void i440fx_unlock_shadow(void);

/* hw/isa/piix3.c: the ISA bridge 01.0; PIRQ lines become ISA interrupts. */
Device *piix3_new(Error **errp);
/* IDE function of the PIIX3 at this address, with the drives of -drive if=ide. */
bool piix_ide_new(const char *addr, Error **errp);

/* hw/acpi/piix4-pm.c: power management 01.3. */
Device *piix4_pm_new(bool smm, Error **errp);
void piix4_pm_power_button(Device *dev);

/* hw/i386/a20.c: port 0x92, and the A20 gate as aliases of the first MiB. */
bool a20_new(MemoryRegion *ram, Error **errp);
IRQLine a20_line(void); /* from the keyboard controller */

#endif
