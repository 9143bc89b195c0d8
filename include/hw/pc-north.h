/* SPDX-License-Identifier: MIT */
/*
 * What the host bridges of PCs share: RAM around the hole below 4 GiB, PCI memory behind it, shadowing of 0xc0000-0xfffff
 * (PAM), the SMRAM hole, bus masters' view, and configuration mechanism #1. Machine lock.
 */
#ifndef RHEA_HW_PC_NORTH_H
#define RHEA_HW_PC_NORTH_H

#include "hw/pci.h"

/* One shadowable section. Reads and writes go to RAM or to PCI each on their own; one overlay per
 * combination is enabled at a time, and none when both go to RAM, which lies underneath. */
#define PAM_OVERLAYS 3
#define PAM_SECTIONS 13
#define PAM_REGISTERS 7
typedef struct PAMSection {
    struct PCNorth *north;
    hwaddr start;
    uint32_t size;
    uint8_t reg, shift;
    MemoryRegion overlay[PAM_OVERLAYS];
} PAMSection;

typedef struct PCNorth {
    PCIDevice *pci;               /* the bridge's function, whose registers say what to show */
    uint8_t pam_reg, smram_reg;   /* offsets of PAM0 and SMRAM */
    bool smm;                     /* vCPUs have system management mode */
    bool high_smram;              /* SMRAM shows at 0xfeda0000 instead of 0xa0000 */
    uint64_t ram_end, tseg_size;  /* of RAM below 4 GiB; TSEG at its end, 0: none */
    MemoryRegion pci_memory, ram_below, ram_above, ram_read_only, smram_hole, no_vga;
    MemoryRegion smm_memory, smm_system, smm_low, smm_high, smm_tseg, tseg_hole; /* what SMM sees; what others see of TSEG */
    MemoryRegion bus_master, bus_master_memory, msi_window;
    AddressSpace *pci_space;
    MemoryRegion *ram;
    PAMSection pam[PAM_SECTIONS];
} PCNorth;

/* Maps ram: below bytes from 0, the rest from 4 GiB, and PCI memory around it. smm: makes address_space_smm. */
void pc_north_init(PCNorth *n, PCIDevice *pci, uint8_t pam_reg, uint8_t smram_reg, MemoryRegion *ram, uint64_t below, bool smm);
/* The host device, realized, its ports at 0xcf8 and 0xcfc. */
Device *pc_north_new_host(const char *type, Error **errp);
/* The host's bus, with the bridge's function in its slot 0, which the caller realizes. After pc_north_init(). */
PCIBus *pc_north_new_bus(PCNorth *n, Device *host, const char *name);
/* The last chip to leave: frees the map and the view of pci_root_bus. */
void pc_north_exit(PCNorth *n);
void pc_north_reset(PCNorth *n);
/* After a store to configuration space, and after loading. */
void pc_north_config_written(PCNorth *n, uint32_t addr, unsigned size);
void pc_north_update(PCNorth *n);
/* Size of the SMRAM at the end of RAM below 4 GiB that only SMM sees (TSEG), 0: none. */
void pc_north_set_tseg(PCNorth *n, uint64_t size);
bool pc_north_smram_enabled(const PCNorth *n);
bool pc_north_smram_locked(const PCNorth *n);

/* PCI memory space of the machine: where firmware and option ROMs show. */
MemoryRegion *pc_pci_memory(void);
/* All PAM sections read and write RAM, as firmware leaves them for a kernel. */
void pc_unlock_shadow(void);

/* hw/pci/pci-conf1.c: ports 0xcf8 and 0xcfc of a host device, to be embedded in it. */
typedef struct PCIConf1 {
    MemoryRegion address_ports, data_ports;
    MemoryRegion *reset_control;  /* one byte that hides in the address register at 0xcf9 */
    uint32_t address;
} PCIConf1;
void pci_conf1_init(PCIConf1 *c, Device *dev);
extern const SavedField pci_conf1_saved[];

/* hw/isa/reset-control.c: the south bridges' reset control register at 0xcf9, to be embedded; region is for pci_set_reset_control. */
typedef struct ResetControl {
    MemoryRegion region;
    uint8_t value;
} ResetControl;
void reset_control_init(ResetControl *r, Device *dev);
/* The machine's byte at 0xcf9. */
void pci_set_reset_control(MemoryRegion *mr);

#endif
