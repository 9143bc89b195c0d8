/* SPDX-License-Identifier: MIT */
/* State of the "pc" board, shared by its files. Machine lock. */
#ifndef RHEA_HW_PC_BOARD_H
#define RHEA_HW_PC_BOARD_H

#include "hw/e820.h"
#include "hw/pc.h"
#include "hw/x86-boot.h"

typedef struct PCIWindow {
    uint64_t start, end;
} PCIWindow;
typedef struct PCBoard {
    MemoryRegion ram, rom, rom_low;
    uint64_t ram_below, ram_above;  /* RAM under the hole at 4 GiB, and above it */
    PCIWindow pci_low, pci_high;    /* PCI memory below and above 4 GiB */
    bool acpi, hpet, pit, i8042, smm, vmport;
    IRQLine pic[16];
    Device *ioapic, *pm;
    int pm_addr;                    /* slot << 3 | function */
    uint16_t isa_level, pirq_level; /* who drives each interrupt */
    E820Table e820;
    bool direct_boot;               /* a kernel, no firmware */
    X86BootStart start;
} PCBoard;

/* hw/i386/pc-start.c: everything firmware would have done, then the boot vCPU at the kernel's entry. */
void pc_start_kernel(MachineState *m);

#endif
