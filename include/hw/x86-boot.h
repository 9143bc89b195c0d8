/* SPDX-License-Identifier: MIT */
/*
 * Starting a kernel without firmware. A loader checks the file, puts pieces in place with rom_add, and
 * says in what state the boot vCPU starts. Loaders take untrusted bytes and touch no guest memory.
 */
#ifndef RHEA_HW_X86_BOOT_H
#define RHEA_HW_X86_BOOT_H

#include "hw/e820.h"
#include "hw/loader.h"

typedef struct X86BootModule {
    Blob data;
    const char *cmdline; /* as the user gave it: name and arguments */
} X86BootModule;
#define BOOT_MODULES_MAX 64

typedef struct X86BootInfo { /* what the board tells a loader */
    Blob kernel, initrd;
    const char *kernel_name, *initrd_name; /* for messages */
    const char *cmdline;
    const E820Table *e820;
    uint64_t ram_end;    /* of low RAM that a kernel may use */
    uint64_t rsdp;       /* ACPI root pointer, 0 = none */
    bool long_mode;      /* the vCPU has it */
    const X86BootModule *modules; /* multiboot: what -initrd lists */
    unsigned nmodules;
} X86BootInfo;

typedef enum X86StartMode { X86_START_RESET, X86_START_FLAT32, X86_START_LONG64 } X86StartMode;
typedef struct X86BootStart {
    X86StartMode mode;
    uint64_t entry;
    uint64_t rax, rbx, rsi;
    bool boot_segments;  /* CS 0x10 and data 0x18 as Linux asks; else 8 and 0x10 */
    uint64_t cmdline;    /* where -append was put, and the bytes it may grow to with its final zero; room 0: it cannot */
    size_t cmdline_room;
    uint64_t zero_page;  /* Linux boot_params, whose screen_info the board completes; 0 = none */
} X86BootStart;

/* Low memory the loaders use. */
enum {
    BOOT_PARAMS = 0x90000,     /* one page; then the command line; offsets as protocol 2.00 wants them */
    BOOT_CMDLINE = 0x91000,
    BOOT_CMDLINE_MAX = 0x4000,
    BOOT_GDT = 0x95000,
    BOOT_PAGE_TABLES = 0x96000, /* 6 pages: 4 GiB identity mapped */
    BOOT_INFO = 0x9c000,       /* PVH start info or multiboot info; up to 12 KiB */
    BOOT_INFO_MAX = 0x3000,
    BOOT_RNG_SEED = 0x9f000,
    BOOT_EBDA = 0x9fc00,
    BOOT_LOW_END = 0xa0000,
};

/* hw/i386/boot-linux.c: bzImage and zImage. */
bool linux_is(Blob kernel);
bool linux_boot(const X86BootInfo *info, X86BootStart *start, Error **errp);
/* Bytes of boot sector and setup code in front of the protected-mode part; 0 when it is no kernel. */
size_t linux_setup_size(Blob kernel);
/* Completes the setup code's header for firmware that enters it in real mode. */
void linux_prepare_setup(uint8_t *setup, size_t len, uint32_t setup_addr, uint32_t cmdline_addr, uint32_t initrd_addr,
                         uint32_t initrd_len);
/* Fills screen_info of the zero page in guest memory for a VGA text console. After roms_write. */
void linux_set_vga_text(uint64_t zero_page);

/* hw/i386/boot-elf.c: ELF kernels with a PVH note (Xen's x86/HVM direct boot ABI). */
bool pvh_is(Blob kernel);
bool pvh_boot(const X86BootInfo *info, X86BootStart *start, Error **errp);

/* hw/i386/multiboot.c: Multiboot 0.6.96, ELF or with load addresses in the header. */
bool multiboot_is(Blob kernel);
bool multiboot_boot(const X86BootInfo *info, X86BootStart *start, Error **errp);

/* GDT and page tables for a start mode, as ROM pieces. */
void x86_boot_tables(const X86BootStart *start);
/* Places a blob as high as possible below limit and ram_end, page aligned and above floor. 0 = no room. */
uint64_t x86_boot_place_high(const X86BootInfo *info, size_t len, uint64_t floor, uint64_t limit);

#endif
