/* SPDX-License-Identifier: MIT */
/*
 * Memory dumps as ELF cores (System V ABI chapters 4 and 5): PT_NOTE with a register note per vCPU, a PT_LOAD for each
 * range of RAM or, with paging, for each of the guest's mappings; all point into one copy of RAM at the end.
 */
#include "dump-internal.h"

#include <elf.h>
#include <string.h>

#define DATA_ALIGN 4096

typedef struct Layout {
    uint64_t phoff, shoff, notes, data;
    uint32_t phnum;
    bool many; /* more segments than e_phnum can say: section 0 has the number */
} Layout;

static Layout make_layout(const Dump *d)
{
    Layout l = { .phnum = d->mappings->len + 1, .many = d->mappings->len + 1 >= PN_XNUM };
    uint64_t ehdr = d->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    uint64_t phdr = d->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    uint64_t shdr = d->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    l.shoff = l.many ? ehdr : 0;
    l.phoff = ehdr + (l.many ? shdr : 0);
    l.notes = l.phoff + l.phnum * phdr;
    l.data = (l.notes + d->notes.bytes->len + DATA_ALIGN - 1) & ~(uint64_t)(DATA_ALIGN - 1);
    return l;
}

/* Both classes have the same fields under the same names, in another order or width. */
#define FILL_HEADER(bits)                                                                                          \
    Elf##bits##_Ehdr h = {                                                                                         \
        .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS##bits, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,              \
        .e_machine = d->machine, .e_version = EV_CURRENT, .e_phoff = l->phoff, .e_ehsize = sizeof(h),                \
        .e_phentsize = sizeof(Elf##bits##_Phdr), .e_phnum = l->many ? PN_XNUM : (uint16_t)l->phnum,                  \
        .e_shoff = l->shoff, .e_shentsize = l->many ? sizeof(Elf##bits##_Shdr) : 0, .e_shnum = l->many,              \
    };                                                                                                             \
    dump_write(d, &h, sizeof(h));                                                                                  \
    if (l->many) {                                                                                                 \
        Elf##bits##_Shdr s = { .sh_info = l->phnum };                                                               \
        dump_write(d, &s, sizeof(s));                                                                              \
    }

static void write_header(Dump *d, const Layout *l)
{
    if (d->is64) {
        FILL_HEADER(64)
    } else {
        FILL_HEADER(32)
    }
}

static void write_segment(Dump *d, uint32_t type, uint64_t offset, uint64_t va, uint64_t pa, uint64_t size)
{
    if (d->is64) {
        Elf64_Phdr p = { .p_type = type, .p_offset = offset, .p_vaddr = va, .p_paddr = pa, .p_filesz = size,
                         .p_memsz = type == PT_LOAD ? size : 0, .p_flags = type == PT_LOAD ? PF_R | PF_W | PF_X : 0 };
        dump_write(d, &p, sizeof(p));
    } else {
        Elf32_Phdr p = { .p_type = type, .p_offset = (uint32_t)offset, .p_vaddr = (uint32_t)va, .p_paddr = (uint32_t)pa,
                         .p_filesz = (uint32_t)size, .p_memsz = type == PT_LOAD ? (uint32_t)size : 0,
                         .p_flags = type == PT_LOAD ? PF_R | PF_W | PF_X : 0 };
        dump_write(d, &p, sizeof(p));
    }
}

static uint64_t data_offset(const Dump *d, hwaddr pa)
{
    for (guint i = 0;; i++) { /* every mapping lies in a range */
        const DumpRange *r = &g_array_index(d->ranges, DumpRange, i);
        if (pa - r->start < r->size)
            return r->offset + (pa - r->start);
    }
}

static void write_ranges(Dump *d)
{
    for (guint i = 0; i < d->ranges->len; i++) {
        const DumpRange *r = &g_array_index(d->ranges, DumpRange, i);
        for (uint64_t at = 0, n; at < r->size && !d->error; at += n) {
            n = MIN(r->size - at, 65536);
            dump_write(d, r->host + at, n);
        }
    }
}

bool dump_elf(Dump *d)
{
    Layout l = make_layout(d);
    write_header(d, &l);
    write_segment(d, PT_NOTE, l.notes, 0, 0, d->notes.bytes->len);
    for (guint i = 0; i < d->mappings->len; i++) {
        const DumpMapping *m = &g_array_index(d->mappings, DumpMapping, i);
        write_segment(d, PT_LOAD, l.data + data_offset(d, m->pa), m->va, m->pa, m->size);
    }
    dump_write(d, d->notes.bytes->data, d->notes.bytes->len);
    dump_pad(d, l.data);
    write_ranges(d);
    return !d->error;
}
