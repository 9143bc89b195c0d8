/* SPDX-License-Identifier: MIT */
/* State of the "pc" board, shared by its files. Machine lock. */
#ifndef RHEA_HW_PC_BOARD_H
#define RHEA_HW_PC_BOARD_H

#include "hw/acpi.h"
#include "hw/e820.h"
#include "hw/pc.h"
#include "hw/smbios.h"
#include "hw/x86-boot.h"

typedef struct PCIWindow {
    uint64_t start, end;
} PCIWindow;
typedef struct PCBoard PCBoard;
#define PC_FLASHES 2

/* What boards with PCI differ in. */
typedef struct PCChipset {
    uint64_t low_ram_max, low_ram_split; /* RAM below the hole when it fits under the first, else up to the second */
    uint64_t pci_start;                  /* where PCI memory begins when there is no firmware */
    unsigned pirqs;                      /* interrupt lines of the root bus */
    uint8_t routes[8], irqs[8];          /* their route registers in the south bridge, ISA interrupts without firmware */
    ACPIChipset acpi;
    bool (*north)(MemoryRegion *ram, uint64_t below, bool smm, Error **errp);
    Device *(*south)(bool smm, Error **errp);    /* the ISA bridge: outputs are ISA interrupts and I/O APIC pins */
    bool (*functions)(PCBoard *b, Error **errp); /* the chips' other functions */
    void (*configure)(const PCBoard *b); /* what firmware programs, when there is none */
    void (*power_button)(PCBoard *b);
    void (*fill_fw_cfg)(PCBoard *b);     /* or NULL */
} PCChipset;

struct PCBoard {
    const PCChipset *chipset;       /* NULL: without PCI */
    MemoryRegion ram, rom, rom_low;
    uint64_t ram_below, ram_above;  /* RAM under the hole at 4 GiB, and above it */
    PCIWindow pci_low, pci_high;    /* PCI memory below and above 4 GiB */
    bool acpi, hpet, cmos, pit, i8042, smm, vmport, graphics, sata, smbus;
    const char *default_bios;
    ACPITables *(*build_acpi)(const MachineState *m);
    bool late_acpi;                 /* the tables list what -device adds: the board makes them at reset */
    bool no_option_roms;
    uint64_t tables_at;             /* late_acpi: where a direct start leaves room for them */
    const char *flash_node[PC_FLASHES]; /* -M pflash0=, pflash1= */
    IRQLine pic[16];
    Device *ioapic, *south, *pm, *fw_cfg, *rtc;
    char *more_cmdline;             /* what the board adds to -append at reset, or NULL */
    uint32_t isa_level, pirq_level; /* who drives each interrupt: ISA's, then pins 16-23 of the I/O APIC */
    E820Table e820;
    bool tables_read;               /* since reset: ACPI tables were made for what firmware configured */
    bool started;                   /* -boot once=order was for the first start */
    bool direct_boot;               /* a kernel, no firmware */
    X86BootStart start;
};

/* hw/i386/pc.c: the boards with PCI, but for what their chipset says. */
extern const Property pc_props[];
bool pc_init(MachineState *m, const PCChipset *chipset, Error **errp);
void pc_powerdown(MachineState *m);
void pc_nmi(MachineState *m);
/* Parts of it: the ISA bus and the 8259 pair on it; the I/O APIC; a display of this type unless -vga none. */
void pc_create_isa_bus(PCBoard *b, Device *bridge);
IRQLine pc_interrupt(PCBoard *b, unsigned n); /* ISA's interrupts, and pins 16-23 of the I/O APIC */
bool pc_create_pic(PCBoard *b, Error **errp);
bool pc_create_ioapic(PCBoard *b, Error **errp);
bool pc_create_vga(const MachineState *m, const char *type, Error **errp);

/* hw/i386/pc.c: vCPUs with their local APICs. */
bool pc_create_cpus(MachineState *m, Error **errp);
/* hw/i386/pc-isa.c: what every PC has on its ISA bus. Needs the bus, the interrupt controllers and b->ram. */
bool pc_create_isa_devices(MachineState *m, PCBoard *b, Error **errp);
/* Parts of it: clock, timer and speaker port, HPET, as b says; the first serial ports; fw_cfg; -debugcon. */
bool pc_create_timers(MachineState *m, PCBoard *b, Error **errp);
bool pc_create_serial(MachineState *m, unsigned ports, Error **errp);
bool pc_create_fw_cfg(PCBoard *b, Error **errp);
bool pc_create_debugcon(MachineState *m, Error **errp);
/* hw/i386/pc.c: reset and boot_set of every PC. */
void pc_reset(MachineState *m);
void pc_set_boot_order(MachineState *m, const char *order);
void pc_cmos_boot_order(Device *rtc, const char *order);
/* Initial APIC ID of the n-th vCPU. */
uint32_t pc_apic_id(const MachineState *m, unsigned n);

/* hw/i386/pc-tables.c: ACPI and SMBIOS tables for what the board has. */
ACPITables *pc_build_acpi(const MachineState *m);
SMBIOSTables *pc_build_smbios(const MachineState *m, uint32_t address);
/* Puts both where a kernel finds them without firmware. Returns where usable low RAM ends. */
uint64_t pc_place_tables(const MachineState *m, uint64_t *rsdp);
/* late_acpi: writes the tables there, after roms_write(). */
void pc_write_late_tables(const MachineState *m);

/* hw/i386/pc-kernel.c: prepares a start without firmware. */
bool pc_load_kernel(MachineState *m, Error **errp);
/* Reads a file; the error names what it is for. */
bool pc_read_blob(const char *what, const char *path, Blob *out, Error **errp);

/* hw/i386/pc-firmware.c */
bool pc_load_firmware(MachineState *m, Error **errp);
bool pc_has_flash(const PCBoard *b); /* drives of if=pflash, or -M pflash0= */
bool pc_fill_fw_cfg(MachineState *m, Error **errp);
void pc_update_boot_order(const MachineState *m);
/* late_acpi, more_cmdline: brings what firmware reads up to date before it runs. */
void pc_update_fw_cfg(const MachineState *m);

/* hw/i386/pc-start.c: everything firmware would have done, then the boot vCPU at the kernel's entry. */
void pc_start_kernel(MachineState *m);

#endif
