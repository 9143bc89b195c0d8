/* SPDX-License-Identifier: MIT */
/*
 * ELF executables as boot images (System V ABI, chapters 4 and 5): little-endian, 32 and 64 bits, program
 * headers only. The file is foreign data: every offset and size is checked against it.
 */
#include "hw/loader.h"
#include "util/error.h"
#include <string.h>

enum { PT_LOAD = 1, PT_NOTE = 4, CLASS_32 = 1, CLASS_64 = 2, DATA_LE = 1, ET_EXEC = 2, ET_DYN = 3 };

/* Field offsets that differ between the classes. */
typedef struct ELFLayout {
    uint8_t header_size, entry, phoff, phentsize, phnum, phdr_size;
    uint8_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz;
} ELFLayout;
static const ELFLayout layout32 = { 52, 24, 28, 42, 44, 32, 4, 8, 12, 16, 20 };
static const ELFLayout layout64 = { 64, 24, 32, 54, 56, 56, 8, 16, 24, 32, 40 };

bool elf_is(Blob file)
{
    return file.len >= 4 && !memcmp(file.data, "\x7f" "ELF", 4);
}

static uint64_t get_word(const uint8_t *p, bool is64)
{
    return is64 ? get_le64(p) : get_le32(p);
}

static bool add_header(Blob file, const uint8_t *ph, const ELFLayout *l, ELFImage *out, Error **errp)
{
    uint32_t type = get_le32(ph);
    if (type != PT_LOAD && type != PT_NOTE)
        return true;
    uint64_t offset = get_word(ph + l->p_offset, out->is64);
    uint64_t filesize = get_word(ph + l->p_filesz, out->is64);
    uint64_t memsize = get_word(ph + l->p_memsz, out->is64);
    if (offset > file.len || filesize > file.len - offset) {
        error_setg(errp, "a segment lies outside the file (truncated ELF file?)");
        return false;
    }
    Blob data = { file.data + offset, filesize };
    if (type == PT_NOTE) {
        if (out->notes < ARRAY_SIZE(out->note))
            out->note[out->notes++] = data;
        return true;
    }
    if (!memsize)
        return true;
    ELFSegment s = { get_word(ph + l->p_paddr, out->is64), get_word(ph + l->p_vaddr, out->is64), memsize, data };
    if (memsize < filesize || s.paddr + memsize < s.paddr) {
        error_setg(errp, "a segment of the ELF file has an impossible size");
        return false;
    }
    if (out->segments == ELF_SEGMENTS_MAX) {
        error_setg(errp, "the ELF file has more than %d segments", ELF_SEGMENTS_MAX);
        return false;
    }
    out->segment[out->segments++] = s;
    return true;
}

bool elf_parse(Blob file, ELFImage *out, Error **errp)
{
    *out = (ELFImage){ 0 };
    if (!elf_is(file) || file.len < layout32.header_size) {
        error_setg(errp, "not an ELF file");
        return false;
    }
    uint8_t class = file.data[4], order = file.data[5];
    const ELFLayout *l = class == CLASS_64 ? &layout64 : &layout32;
    uint16_t type = get_le16(file.data + 16);
    if ((class != CLASS_32 && class != CLASS_64) || order != DATA_LE || file.len < l->header_size) {
        error_setg(errp, "not a little-endian ELF file");
        return false;
    }
    if (type != ET_EXEC && type != ET_DYN) {
        error_setg(errp, "the ELF file is not an executable");
        return false;
    }
    out->is64 = class == CLASS_64;
    out->machine = get_le16(file.data + 18);
    out->entry = get_word(file.data + l->entry, out->is64);
    uint64_t phoff = get_word(file.data + l->phoff, out->is64);
    uint16_t size = get_le16(file.data + l->phentsize), count = get_le16(file.data + l->phnum);
    if (size < l->phdr_size || phoff > file.len || (uint64_t)size * count > file.len - phoff) {
        error_setg(errp, "the program headers lie outside the ELF file");
        return false;
    }
    for (unsigned i = 0; i < count; i++)
        if (!add_header(file, file.data + phoff + (uint64_t)i * size, l, out, errp))
            return false;
    if (!out->segments) {
        error_setg(errp, "the ELF file has nothing to load");
        return false;
    }
    return true;
}

static bool find_in_notes(Blob notes, const char *owner, uint32_t type, Blob *desc)
{
    size_t owner_len = strlen(owner) + 1;
    for (size_t at = 0; notes.len - at >= 12;) {
        const uint8_t *n = notes.data + at;
        uint64_t name_len = get_le32(n), desc_len = get_le32(n + 4);
        uint64_t desc_at = 12 + ((name_len + 3) & ~3ull), end = desc_at + ((desc_len + 3) & ~3ull);
        if (desc_at + desc_len > notes.len - at)
            return false;
        if (get_le32(n + 8) == type && name_len == owner_len && !memcmp(n + 12, owner, owner_len)) {
            *desc = (Blob){ n + desc_at, desc_len };
            return true;
        }
        if (end > notes.len - at)
            return false;
        at += end;
    }
    return false;
}

bool elf_find_note(const ELFImage *elf, const char *owner, uint32_t type, Blob *desc)
{
    for (unsigned i = 0; i < elf->notes; i++)
        if (find_in_notes(elf->note[i], owner, type, desc))
            return true;
    return false;
}

void elf_extent(const ELFImage *elf, uint64_t *start, uint64_t *end)
{
    *start = UINT64_MAX;
    *end = 0;
    for (unsigned i = 0; i < elf->segments; i++) {
        const ELFSegment *s = &elf->segment[i];
        if (s->paddr < *start)
            *start = s->paddr;
        if (s->paddr + s->memsize > *end)
            *end = s->paddr + s->memsize;
    }
}

bool elf_add_roms(const ELFImage *elf, const char *name, uint64_t low, uint64_t high, Error **errp)
{
    uint64_t start, end;
    elf_extent(elf, &start, &end);
    if (start < low || end > high) {
        error_setg(errp, "the image wants memory 0x%llx-0x%llx, RAM for it is 0x%llx-0x%llx",
                   (unsigned long long)start, (unsigned long long)end - 1, (unsigned long long)low,
                   (unsigned long long)high - 1);
        return false;
    }
    for (unsigned i = 0; i < elf->segments; i++)
        rom_add(name, elf->segment[i].paddr, elf->segment[i].data, elf->segment[i].memsize);
    return true;
}
