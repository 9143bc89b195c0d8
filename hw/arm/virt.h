/* SPDX-License-Identifier: MIT */
/* State of the "virt" board, shared by its files. Machine lock. */
#ifndef RHEA_HW_ARM_VIRT_H
#define RHEA_HW_ARM_VIRT_H

#include "hw/arm/boot.h"
#include "hw/arm/gic.h"
#include "target-arm/cpu.h"

#include <glib.h>

/* Memory map, the same for every configuration. */
enum {
    VIRT_FLASH = 0x00000000, VIRT_FLASH_BANK = 0x04000000, VIRT_GIC_DIST = 0x08000000, VIRT_GIC_CPU = 0x08010000,
    VIRT_GIC_V2M = 0x08020000, VIRT_GIC_HYP = 0x08030000, VIRT_GIC_VCPU = 0x08040000, VIRT_GIC_ITS = 0x08080000, VIRT_GIC_REDIST = 0x080a0000, VIRT_UART = 0x09000000,
    VIRT_RTC = 0x09010000, VIRT_FW_CFG = 0x09020000, VIRT_GPIO = 0x09030000, VIRT_SECURE_UART = 0x09040000,
    VIRT_GED = 0x09080000, VIRT_SECURE_GPIO = 0x090b0000, VIRT_VIRTIO = 0x0a000000, VIRT_SECURE_RAM = 0x0e000000,
    VIRT_PCIE_MMIO = 0x10000000, VIRT_PCIE_PIO = 0x3eff0000, VIRT_PCIE_ECAM = 0x3f000000, VIRT_RAM = 0x40000000,
};
#define VIRT_HIGH_REDIST 0x4000000000ull
#define VIRT_HIGH_REDIST_SIZE 0x4000000ull
#define VIRT_HIGH_ECAM 0x4010000000ull
#define VIRT_HIGH_MMIO 0x8000000000ull
#define VIRT_HIGH_MMIO_SIZE 0x8000000000ull
#define VIRT_REDIST_SIZE 0xf60000u
#define VIRT_PCIE_MMIO_SIZE 0x2eff0000u
#define VIRT_PIO_SIZE 0x10000u
/* SPIs */
enum { VIRT_IRQ_UART = 1, VIRT_IRQ_RTC = 2, VIRT_IRQ_PCIE = 3, VIRT_IRQ_GPIO = 7, VIRT_IRQ_SECURE_UART = 8, VIRT_IRQ_GED = 9,
       VIRT_IRQ_VIRTIO = 16, VIRT_IRQ_V2M = 48, VIRT_V2M_SPIS = 64, VIRT_SPIS = 256 };
/* PPIs, as interrupt numbers */
enum { VIRT_PPI_PMU = 23, VIRT_PPI_MAINTENANCE = 25, VIRT_PPI_HYP = 26, VIRT_PPI_VIRT = 27, VIRT_PPI_HYPVIRT = 28,
       VIRT_PPI_SECURE = 29, VIRT_PPI_PHYS = 30 };
enum { VIRT_REDIST_FRAMES = VIRT_REDIST_SIZE / 0x20000, VIRT_POWER_PIN = 3 };
enum { VIRT_VIRTIO_COUNT = 32, VIRT_VIRTIO_STRIDE = 0x200 };

/* A device with what its describe hook is to be told. */
typedef struct VirtPlace {
    Device *dev;
    DTPlace place;
} VirtPlace;

typedef struct VirtBoard {
    bool secure, virtualization, highmem, high_ecam, high_mmio, its, acpi, randomness;
    unsigned gic_version;
    const char *cpu_model;
    char *dumpdtb;
    ARMConduit conduit;
    MemoryRegion ram, secure_ram;
    MemoryRegion pcie_mmio, pcie_high_mmio, pcie_pio;
    Device *gic, *msi, *gpio, *power_key, *ged, *fw_cfg, *pcie, *flash[2];
    uint64_t ecam_base, ecam_size;
    GArray *places;               /* VirtPlace, for the tree */
    ARMBootInfo info;
    ARMBoot boot;
    bool direct_boot, firmware;
} VirtBoard;

/* hw/arm/virt-fdt.c: the tree of what the board has. */
DeviceTree *virt_make_tree(const MachineState *m);
/* hw/arm/virt-acpi.c: tables in fw_cfg, for firmware to place. */
void virt_add_acpi(const MachineState *m);
/* hw/arm/virt-dsdt.c: the definition block of the DSDT. */
void virt_dsdt(GByteArray *out, const MachineState *m);

#endif
