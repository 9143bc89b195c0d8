/* SPDX-License-Identifier: MIT */
/*
 * ELF kernels entered through Xen's PVH ABI (docs/misc/pvh.pandoc, struct hvm_start_info version 1): the
 * note XEN_ELFNOTE_PHYS32_ENTRY gives a 32-bit entry, EBX points to the start info.
 */
#include "hw/x86-boot.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

enum { NOTE_PHYS32_ENTRY = 18, START_MAGIC = 0x336ec578, START_SIZE = 56, MODULE_SIZE = 32, MAP_ROW_SIZE = 24 };
enum { MODULE_AT = START_SIZE, MAP_AT = MODULE_AT + MODULE_SIZE };

static bool find_entry(const ELFImage *elf, uint64_t *entry)
{
    Blob desc;
    if (!elf_find_note(elf, "Xen", NOTE_PHYS32_ENTRY, &desc) || desc.len < 4)
        return false;
    *entry = get_le32(desc.data);
    return true;
}

bool pvh_is(Blob kernel)
{
    ELFImage elf;
    uint64_t entry;
    return elf_is(kernel) && elf_parse(kernel, &elf, NULL) &&
           (elf.machine == ELF_MACHINE_386 || elf.machine == ELF_MACHINE_X86_64) && find_entry(&elf, &entry);
}

static bool place_module(const X86BootInfo *info, uint64_t kernel_end, uint8_t *start, Error **errp)
{
    if (!info->initrd_name)
        return true;
    uint64_t at = x86_boot_place_high(info, info->initrd.len, kernel_end, info->ram_end);
    if (!at) {
        error_setg(errp, "initrd '%s' does not fit into memory beside the kernel", info->initrd_name);
        return false;
    }
    rom_add("initrd", at, info->initrd, 0);
    put_le32(start + 12, 1);
    put_le64(start + 16, BOOT_INFO + MODULE_AT);
    put_le64(start + MODULE_AT, at);
    put_le64(start + MODULE_AT + 8, info->initrd.len);
    return true;
}

static void put_memory_map(const E820Table *t, uint8_t *start)
{
    put_le64(start + 40, BOOT_INFO + MAP_AT);
    put_le32(start + 48, t->count);
    for (unsigned i = 0; i < t->count; i++) {
        uint8_t *row = start + MAP_AT + i * MAP_ROW_SIZE;
        put_le64(row, t->rows[i].start);
        put_le64(row + 8, t->rows[i].size);
        put_le32(row + 16, t->rows[i].type);
    }
}

bool pvh_boot(const X86BootInfo *info, X86BootStart *out, Error **errp)
{
    ELFImage elf;
    uint64_t entry, first, end;
    const char *cmdline = info->cmdline ? info->cmdline : "";
    uint8_t start[MAP_AT + E820_MAX * MAP_ROW_SIZE] = { 0 };
    if (!elf_parse(info->kernel, &elf, errp))
        return false;
    if (!find_entry(&elf, &entry)) {
        error_setg(errp, "the ELF file has no PVH entry note");
        return false;
    }
    if (strlen(cmdline) >= BOOT_CMDLINE_MAX) {
        error_setg(errp, "-append is longer than %d characters", BOOT_CMDLINE_MAX - 1);
        return false;
    }
    elf_extent(&elf, &first, &end);
    if (!elf_add_roms(&elf, "kernel", MiB, info->ram_end, errp) || !place_module(info, end, start, errp))
        return false;
    rom_add_copy("cmdline", BOOT_CMDLINE, cmdline, strlen(cmdline) + 1);
    put_le32(start, START_MAGIC);
    put_le32(start + 4, 1);
    put_le64(start + 24, BOOT_CMDLINE);
    put_le64(start + 32, info->rsdp);
    put_memory_map(info->e820, start);
    rom_add_copy("start_info", BOOT_INFO, start, sizeof(start));
    *out = (X86BootStart){ .mode = X86_START_FLAT32, .entry = entry, .rbx = BOOT_INFO, .cmdline = BOOT_CMDLINE,
                           .cmdline_room = BOOT_CMDLINE_MAX };
    return true;
}
