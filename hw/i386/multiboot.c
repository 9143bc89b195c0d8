/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 kernels (specification 0.6.96): ELF images, or any file whose header gives load addresses;
 * modules, command line, memory map. Left out: video modes, symbol tables, drives, APM.
 */
#include "hw/x86-boot.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

enum { HEADER_MAGIC = 0x1badb002, BOOT_MAGIC = 0x2badb002, SEARCH_BYTES = 8192 };
enum { WANTS_KNOWN = 0x7, WANTS_MASK = 0xffff, HAS_ADDRESSES = 1 << 16 };
enum { INFO_MEMORY = 1, INFO_CMDLINE = 4, INFO_MODULES = 8, INFO_MAP = 0x40, INFO_LOADER = 0x200 };
enum { I_FLAGS = 0, I_LOWER = 4, I_UPPER = 8, I_CMDLINE = 16, I_MODULE_COUNT = 20, I_MODULES = 24, I_MAP_LEN = 44,
       I_MAP = 48, I_LOADER = 64, INFO_SIZE = 88, MAP_ROW_SIZE = 24, MODULE_SIZE = 16 };

/* The info structure and what it points to, laid out from BOOT_INFO on. */
typedef struct MultibootInfo {
    uint8_t data[BOOT_INFO_MAX];
    size_t used;
} MultibootInfo;

/* Offset of the header in the file, or -1. */
static int64_t find_header(Blob k)
{
    for (size_t at = 0; at + 12 <= MIN(k.len, (size_t)SEARCH_BYTES); at += 4) {
        const uint8_t *h = k.data + at;
        if (get_le32(h) == HEADER_MAGIC && get_le32(h) + get_le32(h + 4) + get_le32(h + 8) == 0)
            return at;
    }
    return -1;
}

bool multiboot_is(Blob kernel)
{
    return find_header(kernel) >= 0;
}

/* Loads by the addresses in the header ("a.out kludge"). */
static bool load_by_header(const X86BootInfo *info, size_t at, uint64_t *entry, uint64_t *end, Error **errp)
{
    Blob k = info->kernel;
    const uint8_t *h = k.data + at;
    if (k.len - at < 32) {
        error_setg(errp, "the multiboot header is truncated");
        return false;
    }
    uint32_t header = get_le32(h + 12), load = get_le32(h + 16), load_end = get_le32(h + 20), bss_end = get_le32(h + 24);
    uint64_t skip = (uint64_t)header - load;
    if (load > header || skip > at) {
        error_setg(errp, "the multiboot header gives a load address outside the file");
        return false;
    }
    size_t first = at - skip;
    uint64_t size = load_end ? (uint64_t)load_end - load : k.len - first;
    if ((load_end && load_end < load) || size > k.len - first) {
        error_setg(errp, "the multiboot header wants more than the file has");
        return false;
    }
    uint64_t memsize = bss_end > load + size ? bss_end - load : size;
    if (load < MiB || load + memsize > info->ram_end) {
        error_setg(errp, "the multiboot kernel does not fit into memory at 0x%x", load);
        return false;
    }
    rom_add("kernel", load, (Blob){ k.data + first, size }, memsize);
    *entry = get_le32(h + 28);
    *end = load + memsize;
    return true;
}

static bool load_elf(const X86BootInfo *info, uint64_t *entry, uint64_t *end, Error **errp)
{
    ELFImage elf;
    uint64_t first;
    if (!elf_parse(info->kernel, &elf, errp) || !elf_add_roms(&elf, "kernel", MiB, info->ram_end, errp))
        return false;
    if (elf.machine != ELF_MACHINE_386 && elf.machine != ELF_MACHINE_X86_64) {
        error_setg(errp, "the ELF file is for another processor");
        return false;
    }
    elf_extent(&elf, &first, end);
    *entry = elf.entry;
    return true;
}

/* Appends to the info area; returns the guest address, or 0 when it is full. */
static uint32_t info_append(MultibootInfo *mb, const void *data, size_t len)
{
    size_t at = (mb->used + 7) & ~7ull;
    if (len > sizeof(mb->data) - at)
        return 0;
    memcpy(mb->data + at, data, len);
    mb->used = at + len;
    return BOOT_INFO + at;
}

static bool put_string(MultibootInfo *mb, uint8_t *field, const char *text, Error **errp)
{
    uint32_t at = info_append(mb, text, strlen(text) + 1);
    put_le32(field, at);
    if (!at)
        error_setg(errp, "command lines are longer than %d bytes", BOOT_INFO_MAX);
    return at != 0;
}

static bool put_modules(const X86BootInfo *info, MultibootInfo *mb, uint64_t end, Error **errp)
{
    uint8_t rows[BOOT_MODULES_MAX * MODULE_SIZE] = { 0 };
    for (unsigned i = 0; i < info->nmodules; i++) {
        const X86BootModule *m = &info->modules[i];
        uint64_t at = (end + 0xfff) & ~0xfffull;
        end = at + m->data.len;
        if (end > info->ram_end) {
            error_setg(errp, "module '%s' does not fit into memory", m->cmdline);
            return false;
        }
        rom_add("module", at, m->data, 0);
        put_le32(rows + i * MODULE_SIZE, at);
        put_le32(rows + i * MODULE_SIZE + 4, end);
        if (!put_string(mb, rows + i * MODULE_SIZE + 8, m->cmdline, errp))
            return false;
    }
    uint32_t list = info_append(mb, rows, info->nmodules * MODULE_SIZE);
    if (!list) {
        error_setg(errp, "too many modules");
        return false;
    }
    put_le32(mb->data + I_MODULE_COUNT, info->nmodules);
    put_le32(mb->data + I_MODULES, list);
    return true;
}

static void put_memory(const E820Table *t, MultibootInfo *mb)
{
    uint8_t rows[E820_MAX * MAP_ROW_SIZE];
    for (unsigned i = 0; i < t->count; i++) {
        uint8_t *row = rows + i * MAP_ROW_SIZE;
        put_le32(row, MAP_ROW_SIZE - 4);
        put_le64(row + 4, t->rows[i].start);
        put_le64(row + 12, t->rows[i].size);
        put_le32(row + 20, t->rows[i].type);
    }
    put_le32(mb->data + I_MAP, info_append(mb, rows, t->count * MAP_ROW_SIZE));
    put_le32(mb->data + I_MAP_LEN, t->count * MAP_ROW_SIZE);
    put_le32(mb->data + I_LOWER, e820_ram_between(t, 0, MiB) / KiB);
    put_le32(mb->data + I_UPPER, e820_ram_between(t, MiB, 4 * GiB) / KiB);
}

bool multiboot_boot(const X86BootInfo *info, X86BootStart *start, Error **errp)
{
    int64_t at = find_header(info->kernel);
    if (at < 0) {
        error_setg(errp, "no multiboot header");
        return false;
    }
    uint32_t flags = get_le32(info->kernel.data + at + 4);
    if (flags & WANTS_MASK & ~WANTS_KNOWN) {
        error_setg(errp, "the multiboot kernel asks for features 0x%x that do not exist here", flags & WANTS_MASK);
        return false;
    }
    uint64_t entry, end;
    if (!(flags & HAS_ADDRESSES ? load_by_header(info, at, &entry, &end, errp) : load_elf(info, &entry, &end, errp)))
        return false;
    MultibootInfo mb = { .used = INFO_SIZE };
    g_autofree char *cmdline = g_strdup_printf("%s%s%s", info->kernel_name, info->cmdline ? " " : "",
                                               info->cmdline ? info->cmdline : "");
    put_memory(info->e820, &mb);
    if (!put_string(&mb, mb.data + I_CMDLINE, cmdline, errp) || !put_string(&mb, mb.data + I_LOADER, "rhea", errp) ||
        !put_modules(info, &mb, end, errp))
        return false;
    put_le32(mb.data + I_FLAGS, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_LOADER);
    rom_add_copy("multiboot_info", BOOT_INFO, mb.data, mb.used);
    *start = (X86BootStart){ .mode = X86_START_FLAT32, .entry = entry, .rax = BOOT_MAGIC, .rbx = BOOT_INFO };
    return true;
}
