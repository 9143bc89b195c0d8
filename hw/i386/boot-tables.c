/* SPDX-License-Identifier: MIT */
/* The descriptor table and page tables under which a kernel starts without firmware (Intel SDM vol. 3). */
#include "hw/x86-boot.h"
#include <string.h>

enum { PTE_P = 1, PTE_W = 2, PTE_PS = 0x80, PAGE = 4096 };

/* PML4, PDPT and four page directories: 4 GiB identity mapped with 2 MiB pages. */
static void add_page_tables(void)
{
    static uint64_t tables[6][512];
    memset(tables, 0, sizeof(tables));
    tables[0][0] = (BOOT_PAGE_TABLES + PAGE) | PTE_P | PTE_W;
    for (unsigned i = 0; i < 4; i++)
        tables[1][i] = (BOOT_PAGE_TABLES + (2 + i) * PAGE) | PTE_P | PTE_W;
    for (unsigned i = 0; i < 4 * 512; i++)
        tables[2 + i / 512][i % 512] = (uint64_t)i * 2 * MiB | PTE_P | PTE_W | PTE_PS;
    rom_add_copy("page-tables", BOOT_PAGE_TABLES, tables, sizeof(tables));
}

void x86_boot_tables(const X86BootStart *start)
{
    const uint64_t code32 = 0x00cf9b000000ffff, code64 = 0x00af9b000000ffff, data = 0x00cf93000000ffff;
    bool long64 = start->mode == X86_START_LONG64;
    uint64_t code = long64 ? code64 : code32;
    uint64_t gdt[4] = { 0 };
    gdt[start->boot_segments ? 2 : 1] = code;
    gdt[start->boot_segments ? 3 : 2] = data;
    rom_add_copy("gdt", BOOT_GDT, gdt, sizeof(gdt));
    if (long64)
        add_page_tables();
}
