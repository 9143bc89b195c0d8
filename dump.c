/* SPDX-License-Identifier: MIT */
/*
 * dump-guest-memory: gathers RAM, vCPU registers and, on request, the guest's mappings, and has them written as an
 * ELF core (dump-elf.c) or in the compressed format of kdump (dump-kdump.c). The machine stands while that happens.
 * The note that the guest's kernel gave to the vmcoreinfo device is in all of them. Left out: Windows dumps, doing it in the background.
 */
#include "dump-internal.h"
#include "cpu.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "hw/vmcoreinfo.h"
#include "monitor.h"
#include "target.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAPPINGS_MAX (1u << 20)
#define GUEST_NOTE_MAX (1u << 20)
#define VMCOREINFO "VMCOREINFO"
enum { NOTE_HEADER = 12 };

/* ---- The file ---- */

static bool failed(Dump *d)
{
    d->error = d->error ? d->error : errno ? errno : EIO;
    return false;
}

static bool write_all(Dump *d, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = write(d->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(d);
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

bool dump_write(Dump *d, const void *data, size_t len)
{
    if (d->error)
        return false;
    d->position += len;
    if (d->seekable && len >= 4096 && all_zero(data, len))
        return lseek(d->fd, (off_t)len, SEEK_CUR) >= 0 || failed(d);
    return write_all(d, data, len);
}

bool dump_pad(Dump *d, uint64_t position)
{
    static const uint8_t zeros[65536];
    while (!d->error && d->position < position)
        dump_write(d, zeros, MIN(position - d->position, sizeof(zeros)));
    return !d->error;
}

static int open_target(const char *protocol, Error **errp)
{
    if (g_str_has_prefix(protocol, "fd:")) {
        uint64_t fd;
        if (!parse_u64("fd", protocol + 3, &fd, errp))
            return -1;
        int copy = fd <= INT32_MAX ? dup((int)fd) : -1;
        if (copy < 0)
            error_setg(errp, "File descriptor named '%s' has not been found", protocol + 3);
        return copy;
    }
    if (!g_str_has_prefix(protocol, "file:")) {
        error_setg(errp, "Invalid parameter 'protocol'");
        return -1;
    }
    int fd = open(protocol + 5, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        error_setg_errno(errp, errno, "Could not open '%s'", protocol + 5);
    return fd;
}

/* ---- What is there ---- */

void dump_note(DumpNotes *n, const char *owner, uint32_t type, const void *desc, size_t len)
{
    static const uint8_t zeros[4];
    uint32_t head[3] = { (uint32_t)strlen(owner) + 1, (uint32_t)len, type };
    g_byte_array_append(n->bytes, (const uint8_t *)head, sizeof(head));
    g_byte_array_append(n->bytes, (const uint8_t *)owner, head[0]);
    g_byte_array_append(n->bytes, zeros, -n->bytes->len & 3);
    g_byte_array_append(n->bytes, desc, (guint)len);
    g_byte_array_append(n->bytes, zeros, -n->bytes->len & 3);
}

static void add_range(void *opaque, const FlatRange *r)
{
    Dump *d = opaque;
    const DumpOptions *o = d->options;
    hwaddr start = r->start, end = r->start + r->size;
    if (r->mr->kind != REGION_RAM)
        return;
    if (o->has_range) {
        start = MAX(start, o->begin);
        end = MIN(end, o->begin + o->length);
    }
    if (start >= end)
        return;
    DumpRange piece = { start, end - start, r->mr->ram->host + r->offset + (start - r->start), 0 };
    DumpRange *last = d->ranges->len ? &g_array_index(d->ranges, DumpRange, d->ranges->len - 1) : NULL;
    if (last)
        piece.offset = last->offset + last->size;
    if (last && last->start + last->size == piece.start && last->host + last->size == piece.host)
        last->size += piece.size;
    else
        g_array_append_val(d->ranges, piece);
}

/* The kernel's own note, with its header, when it is one: a guest may write anything. */
static void gather_guest_note(Dump *d)
{
    VMCoreInfo info;
    if (!vmcoreinfo_get(&info))
        return;
    if (info.size < NOTE_HEADER || info.size > GUEST_NOTE_MAX) {
        warn_report("guest note size is invalid: %u", info.size);
        return;
    }
    if (info.format != VMCOREINFO_FORMAT_ELF) {
        warn_report("guest note format is unsupported: %u", info.format);
        return;
    }
    uint8_t *note = g_malloc(info.size);
    uint32_t head[3];
    bool readable = address_space_read(address_space_memory, info.paddr, note, info.size) == MEMTX_OK;
    memcpy(head, note, sizeof(head));
    uint64_t name = ((uint64_t)head[0] + 3) & ~3ull, size = NOTE_HEADER + name + (((uint64_t)head[1] + 3) & ~3ull);
    if (!readable || size > info.size) {
        warn_report("Invalid guest note header");
    } else {
        uint32_t at = d->notes.bytes->len;
        g_byte_array_append(d->notes.bytes, note, (guint)size);
        if (head[0] == sizeof(VMCOREINFO) && !memcmp(note + NOTE_HEADER, VMCOREINFO, sizeof(VMCOREINFO))) {
            d->notes.vmcoreinfo_at = at + NOTE_HEADER + (uint32_t)name;
            d->notes.vmcoreinfo_size = head[1];
        }
    }
    g_free(note);
}

static void gather_notes(CPUState *cpu, void *opaque)
{
    Dump *d = opaque;
    cpu->target->dump->notes(cpu, d->is64, &d->notes);
}

static bool add_mapping(void *opaque, uint64_t va, hwaddr pa, uint64_t size)
{
    Dump *d = opaque;
    DumpMapping *last = d->mappings->len ? &g_array_index(d->mappings, DumpMapping, d->mappings->len - 1) : NULL;
    if (last && last->va + last->size == va && last->pa + last->size == pa) {
        last->size += size;
        return true;
    }
    DumpMapping m = { va, size, pa };
    g_array_append_val(d->mappings, m);
    return d->mappings->len < MAPPINGS_MAX;
}

static void gather_mappings(CPUState *cpu, void *opaque)
{
    if (cpu->target->dump->mappings)
        cpu->target->dump->mappings(cpu, add_mapping, opaque);
}

static gint compare_mappings(gconstpointer a, gconstpointer b)
{
    const DumpMapping *x = a, *y = b;
    return x->va < y->va ? -1 : x->va > y->va ? 1 : x->size > y->size ? -1 : x->size < y->size;
}

/* vCPUs may map an address differently: one of them counts, so that no two segments overlap. */
static void drop_overlaps(Dump *d)
{
    guint kept = 0;
    uint64_t end = 0;
    g_array_sort(d->mappings, compare_mappings);
    for (guint i = 0; i < d->mappings->len; i++) {
        DumpMapping m = g_array_index(d->mappings, DumpMapping, i);
        if (kept && m.va <= end && end != UINT64_MAX) {
            uint64_t skip = end - m.va + 1;
            if (skip >= m.size)
                continue;
            m.va += skip;
            m.pa += skip;
            m.size -= skip;
        } else if (kept && end == UINT64_MAX) {
            break;
        }
        end = m.va + m.size - 1;
        g_array_index(d->mappings, DumpMapping, kept++) = m;
    }
    g_array_set_size(d->mappings, kept);
}

/* Replaces each mapping by the parts of it that lie in dumped RAM. */
static void clip_to_ram(Dump *d)
{
    GArray *all = d->mappings;
    d->mappings = g_array_new(FALSE, FALSE, sizeof(DumpMapping));
    for (guint i = 0; i < all->len; i++) {
        const DumpMapping *m = &g_array_index(all, DumpMapping, i);
        for (guint k = 0; k < d->ranges->len; k++) {
            const DumpRange *r = &g_array_index(d->ranges, DumpRange, k);
            hwaddr start = MAX(m->pa, r->start), end = MIN(m->pa + m->size, r->start + r->size);
            if (start >= end)
                continue;
            DumpMapping part = { m->va + (start - m->pa), end - start, start };
            g_array_append_val(d->mappings, part);
        }
    }
    g_array_free(all, TRUE);
}

static void map_physical(Dump *d)
{
    for (guint k = 0; k < d->ranges->len; k++) {
        const DumpRange *r = &g_array_index(d->ranges, DumpRange, k);
        DumpMapping m = { r->start, r->size, r->start };
        g_array_append_val(d->mappings, m);
    }
}

static void gather(Dump *d)
{
    address_space_foreach(address_space_memory, add_range, d);
    d->machine = first_cpu->target->dump->machine(first_cpu, &d->is64);
    if (d->ranges->len) {
        const DumpRange *last = &g_array_index(d->ranges, DumpRange, d->ranges->len - 1);
        d->is64 |= last->start + last->size > 4 * GiB;
    }
    CPU_FOREACH(cpu)
    {
        cpu_run_on(cpu, gather_notes, d);
        if (d->options->paging)
            cpu_run_on(cpu, gather_mappings, d);
        d->cpus++;
    }
    gather_guest_note(d);
    if (d->options->paging) {
        drop_overlaps(d);
        clip_to_ram(d);
    }
    if (!d->mappings->len)
        map_physical(d);
}

/* ---- Doing it ---- */

const char *dump_format_name(DumpFormat format)
{
    switch (format) {
    case DUMP_ELF: return "elf";
    case DUMP_KDUMP_ZLIB: return "kdump-zlib";
#ifdef CONFIG_ZSTD
    case DUMP_KDUMP_ZSTD: return "kdump-zstd";
#endif
    default: return NULL;
    }
}

static bool check_options(const DumpOptions *o, Error **errp)
{
    if (!first_cpu || !first_cpu->target->dump) {
        error_setg(errp, "This feature or command is not currently supported");
    } else if (!dump_format_name(o->format)) {
        error_setg(errp, "%s is not available now", o->format == DUMP_KDUMP_LZO ? "kdump-lzo" : o->format == DUMP_KDUMP_SNAPPY ?
                   "kdump-snappy" : "kdump-zstd");
    } else if (o->format != DUMP_ELF && (o->paging || o->has_range)) {
        error_setg(errp, "kdump-compressed format doesn't support paging or filter");
    } else if (o->has_range && (!o->length || o->begin + o->length < o->begin)) {
        error_setg(errp, "Invalid parameter 'length'");
    } else {
        return true;
    }
    return false;
}

static bool write_dump(Dump *d, Error **errp)
{
    if (!d->ranges->len) {
        error_setg(errp, "Invalid parameter 'begin'");
        return false;
    }
    bool ok = d->options->format == DUMP_ELF ? dump_elf(d) : dump_kdump(d);
    /* A hole at the end has to be told to the file system. */
    if (ok && d->seekable && ftruncate(d->fd, (off_t)d->position))
        ok = failed(d);
    if (!ok)
        error_setg_errno(errp, d->error, "dump: failed to save memory");
    return ok;
}

bool dump_guest_memory(const DumpOptions *o, uint64_t *bytes, Error **errp)
{
    if (!check_options(o, errp))
        return false;
    Dump d = { .options = o, .fd = open_target(o->protocol, errp) };
    if (d.fd < 0)
        return false;
    d.seekable = g_str_has_prefix(o->protocol, "file:") && lseek(d.fd, 0, SEEK_CUR) == 0;
    d.ranges = g_array_new(FALSE, FALSE, sizeof(DumpRange));
    d.mappings = g_array_new(FALSE, FALSE, sizeof(DumpMapping));
    d.notes.bytes = g_byte_array_new();
    bool was_running = vm_running();
    vm_stop();
    gather(&d);
    bool ok = write_dump(&d, errp);
    for (guint i = 0; ok && bytes && i < d.ranges->len; i++)
        *bytes += g_array_index(d.ranges, DumpRange, i).size;
    if (was_running)
        vm_start();
    close(d.fd);
    if (!ok && d.seekable)
        unlink(o->protocol + 5);
    g_array_free(d.ranges, TRUE);
    g_array_free(d.mappings, TRUE);
    g_byte_array_free(d.notes.bytes, TRUE);
    return ok;
}

/* ---- Monitor ---- */

static bool parse_flag(const char *word, DumpOptions *o)
{
    switch (word[1]) {
    case 'p': o->paging = true; break;
    case 'd': break; /* in the background: it is done when the command returns */
    case 'z': o->format = DUMP_KDUMP_ZLIB; break;
    case 'Z': o->format = DUMP_KDUMP_ZSTD; break;
    case 'l': o->format = DUMP_KDUMP_LZO; break;
    case 's': o->format = DUMP_KDUMP_SNAPPY; break;
    default: return false;
    }
    return !word[2];
}

static void cmd_dump(Monitor *mon, int argc, char **argv)
{
    DumpOptions o = { 0 };
    Error *err = NULL;
    for (; argc && argv[0][0] == '-' && argv[0][1]; argc--, argv++) {
        if (!parse_flag(argv[0], &o)) {
            monitor_printf(mon, "unsupported option %s\n", argv[0]);
            return;
        }
    }
    if (argc != 1 && argc != 3) {
        monitor_printf(mon, "usage: dump-guest-memory [-p] [-d] [-z|-Z|-l|-s] filename [begin length]\n");
        return;
    }
    char *protocol = g_strconcat("file:", argv[0], NULL);
    o.protocol = protocol;
    o.has_range = argc == 3;
    if ((!o.has_range || (parse_u64("begin", argv[1], &o.begin, &err) && parse_u64("length", argv[2], &o.length, &err))))
        dump_guest_memory(&o, NULL, &err);
    if (err)
        monitor_printf(mon, "Error: %s\n", error_get_pretty(err));
    error_free(err);
    g_free(protocol);
}

static const MonitorCommand commands[] = {
    { "dump-guest-memory", "[-p] [-d] [-z] [-Z] [-l] [-s] filename [begin length]",
      "dump guest memory into file 'filename' as an ELF core (-p: with the guest's virtual addresses), or "
      "kdump-compressed with zlib (-z) or zstd (-Z)", cmd_dump },
};
monitor_commands(commands);
