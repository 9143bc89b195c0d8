/* SPDX-License-Identifier: MIT */
/*
 * Starting Arm kernels without firmware: recognises the image, places it with initrd, device tree and tags, and
 * leaves in an ARMBoot how each vCPU enters it. Files are foreign data. Machine lock.
 */
#ifndef RHEA_HW_ARM_BOOT_H
#define RHEA_HW_ARM_BOOT_H

#include "hw/boards.h"
#include "hw/fdt.h"
#include "hw/loader.h"

/* What the board knows. */
typedef struct ARMBootInfo {
    const char *kernel_name, *initrd_name, *cmdline; /* as typed; NULL when absent */
    Blob kernel, initrd;
    uint64_t ram_start, ram_size;
    uint64_t low_reserved;  /* bytes at the start of RAM that the board uses itself */
    bool aarch64;           /* the vCPU can run AArch64 */
    DeviceTree *tree;       /* for the kernel; NULL: tags */
    uint32_t board_id;      /* machine number, for kernels without a device tree */
    bool keep_memory_node;  /* the tree's memory nodes are right */
} ARMBootInfo;

typedef struct ARMBoot {
    bool is_linux;          /* gets boot arguments; else only an entry point */
    bool aarch64;
    uint64_t entry, end;    /* of the image in memory, with what it says it needs */
    uint64_t dtb;           /* address, 0 = none */
    uint64_t tags;
    uint64_t initrd_start, initrd_end;
} ARMBoot;

/* Everything below adds ROM pieces (hw/loader.h) on success. */
bool arm_boot_load(const ARMBootInfo *info, ARMBoot *out, Error **errp);
/* Unpacks gzip, zstd and EFI zboot images; *kernel is kept when it is none of them. For firmware too. */
bool arm_boot_unpack(Blob *kernel, Error **errp);
/* Puts a device tree at an address and remembers it for each reset. */
void arm_boot_place_tree(DeviceTree *t, uint64_t addr);
/* Memory, command line and initrd as the kernel finds them in the tree. */
void arm_boot_fill_tree(const ARMBootInfo *info, const ARMBoot *boot);

/* Boards: reads -kernel, -initrd and -dtb into info (the board's own tree is replaced by the user's). */
bool arm_boot_read_files(MachineState *m, ARMBootInfo *info, Error **errp);
/* Boards without firmware: reads and places what -kernel, -initrd and -dtb name; nothing without a kernel. */
bool arm_boot_kernel(MachineState *m, ARMBootInfo *info, ARMBoot *out, Error **errp);
/* In the board's reset, after roms_write(): the vCPU starts as a kernel expects. */
struct ARMCPU;
void arm_boot_start_cpu(struct ARMCPU *cpu, const ARMBoot *boot, uint32_t board_id);

#endif
