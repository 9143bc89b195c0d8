/* SPDX-License-Identifier: MIT */
/*
 * Symbols of the guest: ELF .symtab (System V ABI, "Symbol Table"), 32 and 64 bits, little-endian, and Linux's
 * System.map ("ADDRESS TYPE NAME" lines). No DWARF, no modules, no C++ names.
 */
#include "symbols.h"
#include "hw/loader.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "util/error.h"

#include <elf.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MAX (16u << 20) /* beyond the last symbol before a gap an address has no name */

typedef struct Symbol {
    uint64_t addr, size; /* size 0: up to the next one */
    const char *name;
    bool text;
} Symbol;

static GRecMutex mutex;      /* all below: vCPUs look names up for the log */
static GArray *symbols;      /* sorted by address once looked at */
static GStringChunk *names;
static bool sorted;
static uint64_t load_offset;
static const char *kernel;   /* not read yet */

static void add(uint64_t addr, uint64_t size, const char *name, size_t len, bool text)
{
    if (!symbols) {
        symbols = g_array_new(FALSE, FALSE, sizeof(Symbol));
        names = g_string_chunk_new(65536);
    }
    Symbol s = { addr, size, g_string_chunk_insert_len(names, name, (gssize)len), text };
    g_array_append_val(symbols, s);
    sorted = false;
}

/* ---- ELF ---- */

typedef struct Section {
    uint32_t type, link;
    uint64_t offset, size, entsize;
} Section;

static bool read_section(Blob f, bool is64, unsigned n, Section *s)
{
    size_t table = is64 ? get_le64(f.data + 0x28) : get_le32(f.data + 0x20), size = is64 ? 64 : 40;
    if (table > f.len || (f.len - table) / size <= n)
        return false;
    const uint8_t *p = f.data + table + n * size;
    *s = is64 ? (Section){ get_le32(p + 4), get_le32(p + 40), get_le64(p + 24), get_le64(p + 32), get_le64(p + 56) }
              : (Section){ get_le32(p + 4), get_le32(p + 24), get_le32(p + 16), get_le32(p + 20), get_le32(p + 36) };
    return s->type == SHT_NOBITS || (s->offset <= f.len && s->size <= f.len - s->offset);
}

static void add_elf_symbol(Blob f, bool is64, const uint8_t *p, const Section *strings)
{
    uint32_t name = get_le32(p);
    uint64_t value = is64 ? get_le64(p + 8) : get_le32(p + 4), size = is64 ? get_le64(p + 16) : get_le32(p + 8);
    unsigned info = is64 ? p[4] : p[12], type = info & 15, section = get_le16(is64 ? p + 6 : p + 14);
    if ((type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) || section == SHN_UNDEF || name >= strings->size)
        return;
    const char *text = (const char *)f.data + strings->offset + name;
    size_t len = strnlen(text, strings->size - name);
    if (len && text[0] != '$' && text[0] != '.') /* "$x": Arm's mapping symbols */
        add(value, size, text, len, type == STT_FUNC || type == STT_NOTYPE);
}

static bool load_elf(Blob f)
{
    bool is64 = f.data[4] == 2, found = false;
    if (f.len < 64 || f.data[5] != 1)
        return false;
    unsigned count = get_le16(f.data + (is64 ? 0x3c : 0x30));
    for (unsigned i = 0; i < count; i++) {
        Section s, strings;
        size_t entry = is64 ? 24 : 16;
        if (!read_section(f, is64, i, &s) || s.type != SHT_SYMTAB || !read_section(f, is64, s.link, &strings) ||
            strings.type == SHT_NOBITS)
            continue;
        for (uint64_t n = 0; n < s.size / entry; n++)
            add_elf_symbol(f, is64, f.data + s.offset + n * entry, &strings);
        found = true;
    }
    return found && symbols;
}

/* ---- System.map ---- */

static bool load_map(Blob f)
{
    size_t found = 0;
    const char *p = (const char *)f.data, *end = p + f.len;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        char line[256];
        unsigned long long addr;
        char type, name[200];
        g_strlcpy(line, p, MIN(sizeof(line), (size_t)(stop - p) + 1));
        if (sscanf(line, "%llx %c %199s", &addr, &type, name) == 3) {
            add(addr, 0, name, strlen(name), strchr("tTwW", type) != NULL);
            found++;
        } else if (!found && p != (const char *)f.data) {
            return false; /* a file of another kind */
        }
        p = stop + 1;
    }
    return found;
}

static bool load(const char *path, bool elf_only, Error **errp)
{
    GError *gerr = NULL;
    GMappedFile *file = g_mapped_file_new(path, FALSE, &gerr);
    if (!file) {
        error_setg(errp, "%s", gerr->message);
        g_error_free(gerr);
        return false;
    }
    Blob f = { (const uint8_t *)g_mapped_file_get_contents(file), g_mapped_file_get_length(file) };
    bool ok = f.len >= 64 && elf_is(f) ? load_elf(f) : !elf_only && load_map(f);
    g_mapped_file_unref(file); /* names have been copied */
    if (!ok)
        error_setg(errp, "%s: no symbols (an ELF file with a symbol table or a System.map is needed)", path);
    return ok;
}

bool symbols_load(const char *path, Error **errp)
{
    g_rec_mutex_lock(&mutex);
    bool ok = load(path, false, errp);
    g_rec_mutex_unlock(&mutex);
    return ok;
}

void symbols_use_kernel(const char *path)
{
    kernel = path;
}

static void load_kernel(void)
{
    const char *path = kernel;
    kernel = NULL;
    if (path && !symbols)
        load(path, true, NULL);
}

void symbols_set_offset(uint64_t offset)
{
    load_offset = offset;
}

bool symbols_known(void)
{
    g_rec_mutex_lock(&mutex);
    load_kernel();
    bool known = symbols;
    g_rec_mutex_unlock(&mutex);
    return known;
}

void symbols_exit(void)
{
    if (symbols) {
        g_array_free(symbols, TRUE);
        g_string_chunk_free(names);
    }
    symbols = NULL;
    load_offset = 0;
}

/* ---- Looking up ---- */

/* At one address a sized function goes before labels. */
static gint by_address(gconstpointer a, gconstpointer b)
{
    const Symbol *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return (x->size < y->size) - (x->size > y->size);
}

static void sort(void)
{
    if (!sorted)
        g_array_sort(symbols, by_address);
    sorted = true;
}

static const Symbol *find(uint64_t addr)
{
    if (!symbols_known())
        return NULL;
    sort();
    addr -= load_offset;
    guint low = 0, high = symbols->len; /* first beyond addr */
    while (low < high) {
        guint mid = (low + high) / 2;
        if (g_array_index(symbols, Symbol, mid).addr <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low || (low == symbols->len && addr - g_array_index(symbols, Symbol, low - 1).addr > GAP_MAX))
        return NULL;
    const Symbol *s = &g_array_index(symbols, Symbol, low - 1);
    while (s != (const Symbol *)(void *)symbols->data && s[-1].addr == s->addr)
        s--;
    return s->size && addr - s->addr >= s->size ? NULL : s;
}

const char *symbols_find(uint64_t addr, bool text_only, uint64_t *distance)
{
    g_rec_mutex_lock(&mutex);
    const Symbol *s = find(addr);
    const char *name = s && (s->text || !text_only) ? s->name : NULL;
    if (name)
        *distance = addr - load_offset - s->addr;
    g_rec_mutex_unlock(&mutex);
    return name;
}

bool symbols_address(const char *name, uint64_t *addr)
{
    bool found = false;
    g_rec_mutex_lock(&mutex);
    for (guint i = 0; !found && symbols_known() && i < symbols->len; i++) {
        const Symbol *s = &g_array_index(symbols, Symbol, i);
        found = !strcmp(s->name, name);
        *addr = found ? s->addr + load_offset : *addr;
    }
    g_rec_mutex_unlock(&mutex);
    return found;
}

static void info_symbol(Monitor *mon, int argc, char **argv)
{
    uint64_t addr, distance;
    if (symbols_address(argv[0], &addr)) {
        monitor_printf(mon, "%s = 0x%llx\n", argv[0], (unsigned long long)addr);
        return;
    }
    if (!monitor_eval(mon, argv[0], &addr))
        return;
    const char *name = symbols_find(addr, false, &distance);
    if (name)
        monitor_printf(mon, "%s + 0x%llx\n", name, (unsigned long long)distance);
    else
        monitor_printf(mon, "No symbol matches 0x%llx\n", (unsigned long long)addr);
}

static const MonitorCommand commands[] = {
    { "info symbol", "addr", "show the guest symbol at an address, or the address of a symbol", info_symbol },
};
monitor_commands(commands)
