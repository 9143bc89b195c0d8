/* SPDX-License-Identifier: MIT */
/* The x and xp commands: x/COUNTFORMATSIZE address, formats x d u o c i, sizes b h w g. */
#include "exec/memory.h"
#include "internal.h"
#include "target.h"
#include "util/error.h"

#include <ctype.h>
#include <string.h>

#define DUMP_MAX 65536 /* units in one command */

typedef struct Format {
    unsigned count, size;
    char kind;
} Format;

/* Sticky as in gdb: what is left out is what was used last. */
static Format last = { 1, 4, 'x' };

static bool parse_format(Monitor *mon, const char *text, Format *f)
{
    *f = last;
    f->count = 1;
    if (isdigit((unsigned char)*text)) {
        unsigned long n = strtoul(text, (char **)&text, 10);
        f->count = n > DUMP_MAX ? DUMP_MAX : (unsigned)n;
    }
    for (; *text; text++) {
        switch (*text) {
        case 'x': case 'd': case 'u': case 'o': case 'c': case 'i': f->kind = *text; break;
        case 'b': f->size = 1; break;
        case 'h': f->size = 2; break;
        case 'w': f->size = 4; break;
        case 'g': case 'L': f->size = 8; break;
        default:
            monitor_printf(mon, "invalid char in format: '%c'\n", *text);
            monitor_usage_error(mon);
            return false;
        }
    }
    if (f->kind == 'c')
        f->size = 1;
    last = *f;
    return true;
}

/* Guest bytes without side effects on devices' state beyond what a read has; false when unmapped. */
static bool read_guest(CPUState *cpu, uint64_t addr, bool physical, void *buf, size_t len)
{
    uint8_t *out = buf;
    while (len) {
        hwaddr pa = addr;
        size_t n = MIN(len, (size_t)(PAGE_SIZE_ - (addr & ~PAGE_MASK)));
        if (!physical && !cpu->target->debug_translate(cpu, addr, &pa))
            return false;
        address_space_read(address_space_memory, pa, out, n);
        out += n;
        addr += n;
        len -= n;
    }
    return true;
}

static void dump_code(Monitor *mon, CPUState *cpu, uint64_t addr, unsigned count, bool physical)
{
    /* The longest instructions of any target have 15 bytes; read as far as memory is mapped. */
    size_t want = MIN((size_t)count * 16, 65536), have = 0;
    uint8_t *buf = g_malloc0(want);
    while (have < want && read_guest(cpu, addr + have, physical, buf + have, 1))
        have++;
    if (!have) {
        monitor_printf(mon, "Cannot access memory\n");
        g_free(buf);
        return;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    cpu->target->disas(f, cpu, cpu->target->tb_state(cpu).flags, addr, buf, have);
    fclose(f);
    char *p = text;
    for (unsigned i = 0; i < count && *p; i++) {
        char *nl = strchr(p, '\n');
        monitor_printf(mon, "%.*s\n", nl ? (int)(nl - p) : (int)strlen(p), p);
        p = nl ? nl + 1 : p + strlen(p);
    }
    free(text);
    g_free(buf);
}

static void print_unit(Monitor *mon, const Format *f, uint64_t v)
{
    unsigned bits = f->size * 8;
    int64_t s = sextract64(v, 0, (int)bits);
    static const int hex[] = { [1] = 2, [2] = 4, [4] = 8, [8] = 16 }, octal[] = { [1] = 3, [2] = 6, [4] = 11, [8] = 22 },
                     decimal[] = { [1] = 4, [2] = 6, [4] = 11, [8] = 20 };
    switch (f->kind) {
    case 'd': monitor_printf(mon, " %*lld", decimal[f->size], (long long)s); break;
    case 'u': monitor_printf(mon, " %*llu", decimal[f->size], (unsigned long long)v); break;
    case 'o': monitor_printf(mon, " %0*llo", octal[f->size], (unsigned long long)v); break;
    case 'c': monitor_printf(mon, isprint((int)v) ? " '%c'" : " '\\x%02x'", (int)v); break;
    default: monitor_printf(mon, " 0x%0*llx", hex[f->size], (unsigned long long)v); break;
    }
}

void monitor_dump_memory(Monitor *mon, int argc, char **argv, bool physical)
{
    Format f = last;
    CPUState *cpu = monitor_cpu();
    uint64_t addr;
    f.count = 1;
    if (argc && argv[0][0] == '/') {
        if (!parse_format(mon, argv[0] + 1, &f))
            return;
        argc--;
        argv++;
    }
    if (!argc || !cpu) {
        monitor_printf(mon, cpu ? "missing address (x/10xw ADDRESS)\n" : "no CPU defined\n");
        return;
    }
    char *text = g_strjoinv(" ", argv);
    bool ok = monitor_eval(mon, text, &addr);
    g_free(text);
    if (!ok)
        return;
    if (f.kind == 'i') {
        dump_code(mon, cpu, addr, f.count, physical);
        return;
    }
    unsigned per_line = f.kind == 'c' ? 8 : MAX(1u, 16 / f.size);
    int digits = cpu->target->address_bits > 32 ? 16 : 8;
    for (unsigned i = 0; i < f.count; i++) {
        uint64_t v = 0;
        if (i % per_line == 0)
            monitor_printf(mon, "%s%0*llx:", i ? "\n" : "", digits, (unsigned long long)addr);
        if (!read_guest(cpu, addr, physical, &v, f.size)) {
            monitor_printf(mon, " Cannot access memory");
            break;
        }
        print_unit(mon, &f, v);
        addr += f.size;
    }
    monitor_printf(mon, "\n");
}
