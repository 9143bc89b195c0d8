/* SPDX-License-Identifier: MIT */
/*
 * The state of the machine in a stream, for savevm and loadvm: a header with what must be the same, then sections, each with its kind
 * and, but for memory, its length: devices in creation order, vCPUs, clocks, memory blocks (runs of pages that are not zero), end. Numbers are little
 * endian. A stream is foreign data: nothing is touched by a section whose length or names do not fit.
 */
#include "block/vmstate.h"
#include "cpu.h"
#include "exec/icount.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "savevm-file.h"
#include "savevm-internal.h"
#include "target.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

enum { SECTION_DEVICE = 'D', SECTION_CPU = 'C', SECTION_CLOCK = 'T', SECTION_MEMORY = 'M', SECTION_END = 'E' };
static const char magic[8] = "RHEAVM1";
#define NAME_MAX_LEN 255u
#define STATE_MAX (64u << 20) /* of one device */

/* ---- Numbers and names ---- */

static void put_u64(VMStateStream *s, uint64_t v)
{
    uint64_t le = GUINT64_TO_LE(v);
    vmstate_put(s, &le, sizeof(le));
}

static bool get_u64(VMStateStream *s, uint64_t *v)
{
    if (!vmstate_get(s, v, sizeof(*v)))
        return false;
    *v = GUINT64_FROM_LE(*v);
    return true;
}

static void put_name(VMStateStream *s, const char *name)
{
    size_t n = MIN(strlen(name ? name : ""), NAME_MAX_LEN);
    put_u64(s, n);
    vmstate_put(s, name, n);
}

/* Fit for a message: what no name has in it becomes a question mark. */
static bool get_name(VMStateStream *s, char *name)
{
    uint64_t n;
    if (!get_u64(s, &n) || n > NAME_MAX_LEN || !vmstate_get(s, name, n))
        return false;
    name[n] = 0;
    for (uint64_t i = 0; i < n; i++)
        if (!g_ascii_isprint(name[i]))
            name[i] = '?';
    return true;
}

static void put_bytes(VMStateStream *s, const void *data, size_t len)
{
    put_u64(s, len);
    vmstate_put(s, data, len);
}

/* Caller frees; NULL: the stream ends, or the length cannot be. */
static uint8_t *get_bytes(VMStateStream *s, uint64_t *len)
{
    if (!get_u64(s, len) || *len > STATE_MAX)
        return NULL;
    uint8_t *data = g_malloc(*len + 1);
    if (vmstate_get(s, data, *len))
        return data;
    g_free(data);
    return NULL;
}

/* ---- Saving ---- */

static void save_header(VMStateStream *s)
{
    uint64_t cpus = 0;
    CPU_FOREACH(cpu)
        cpus++;
    vmstate_put(s, magic, sizeof(magic));
    put_name(s, first_cpu ? first_cpu->target->name : "");
    put_name(s, current_machine->type->name);
    put_u64(s, current_machine->ram_size);
    put_u64(s, cpus);
}

static void save_device(Device *dev, void *opaque)
{
    VMStateStream *s = opaque;
    uint8_t *data = NULL;
    size_t len = 0;
    device_save(dev, &data, &len);
    put_u64(s, SECTION_DEVICE);
    put_name(s, dev->type->name);
    put_name(s, dev->id);
    put_bytes(s, data, len);
    g_free(data);
}

static void save_cpu(VMStateStream *s, CPUState *cpu)
{
    SavedCPU c = vm_cpu_save(cpu);
    put_u64(s, SECTION_CPU);
    put_u64(s, (uint64_t)cpu->index);
    put_u64(s, (uint64_t)(int64_t)c.exception_index);
    put_u64(s, c.interrupt_request);
    put_u64(s, c.host_fpcsr);
    put_u64(s, c.halted);
    put_bytes(s, c.data, c.len);
    g_free(c.data);
}

static void save_clocks(VMStateStream *s)
{
    ICountState i = icount_save();
    put_u64(s, SECTION_CLOCK);
    put_u64(s, (uint64_t)clock_ns(CLOCK_VIRTUAL));
    put_u64(s, guest_random_state());
    put_u64(s, icount_enabled());
    put_u64(s, (uint64_t)i.executed);
    put_u64(s, (uint64_t)i.skipped);
    put_u64(s, (uint64_t)i.latest);
}

static uint64_t page_len(const RAMBlock *b, uint64_t page)
{
    return MIN(PAGE_SIZE_, b->size - (page << PAGE_BITS));
}

static bool page_is_zero(const RAMBlock *b, uint64_t page)
{
    static const uint8_t zero[PAGE_SIZE_];
    return !memcmp(b->host + (page << PAGE_BITS), zero, page_len(b, page));
}

static void save_memory(VMStateStream *s, const RAMBlock *b)
{
    uint64_t pages = (b->size + PAGE_SIZE_ - 1) >> PAGE_BITS;
    put_u64(s, SECTION_MEMORY);
    put_name(s, b->name);
    put_u64(s, b->size);
    for (uint64_t p = 0, end; p < pages; p = end) {
        for (; p < pages && page_is_zero(b, p);)
            p++;
        for (end = p; end < pages && !page_is_zero(b, end);)
            end++;
        if (end == p)
            break;
        put_u64(s, end - p);
        put_u64(s, p);
        vmstate_put(s, b->host + (p << PAGE_BITS), MIN(end << PAGE_BITS, b->size) - (p << PAGE_BITS));
    }
    put_u64(s, 0);
}

void vm_state_save(VMStateStream *s)
{
    save_header(s);
    save_clocks(s);
    device_foreach(save_device, s);
    CPU_FOREACH(cpu)
        save_cpu(s, cpu);
    for (const RAMBlock *b = ram_blocks; b; b = b->next)
        save_memory(s, b);
    put_u64(s, SECTION_END);
}

/* ---- Loading ---- */

typedef struct Loader {
    VMStateStream *s;
    GPtrArray *devices; /* Device *, creation order */
    guint next;
    Error **errp;
} Loader;

static bool bad(Loader *l, const char *what)
{
    if (!l->errp || !*l->errp)
        error_setg(l->errp, "%s", what);
    return false;
}

static bool load_header(Loader *l)
{
    char id[sizeof(magic)], target[NAME_MAX_LEN + 1], machine[NAME_MAX_LEN + 1];
    uint64_t ram, cpus, have = 0;
    CPU_FOREACH(cpu)
        have++;
    if (!vmstate_get(l->s, id, sizeof(id)) || memcmp(id, magic, sizeof(magic)))
        return bad(l, "the snapshot's state of the machine was not made by this program");
    if (!get_name(l->s, target) || !get_name(l->s, machine) || !get_u64(l->s, &ram) || !get_u64(l->s, &cpus))
        return bad(l, "the snapshot's state of the machine is cut off");
    if (strcmp(target, first_cpu ? first_cpu->target->name : "") || strcmp(machine, current_machine->type->name) ||
        ram != current_machine->ram_size || cpus != have) {
        error_setg(l->errp, "the snapshot is of another machine: %s %s with %llu MiB and %llu vCPUs", target, machine,
                   (unsigned long long)(ram / MiB), (unsigned long long)cpus);
        return false;
    }
    return true;
}

static bool load_device(Loader *l)
{
    char type[NAME_MAX_LEN + 1], id[NAME_MAX_LEN + 1];
    uint64_t len;
    if (!get_name(l->s, type) || !get_name(l->s, id))
        return bad(l, "the snapshot's state of the machine is cut off");
    Device *dev = l->next < l->devices->len ? g_ptr_array_index(l->devices, l->next++) : NULL;
    if (!dev || strcmp(dev->type->name, type) || strcmp(dev->id ? dev->id : "", id)) {
        error_setg(l->errp, "the snapshot has a device '%s'%s%s where this machine has '%s'", type, *id ? ", id " : "", id,
                   dev ? dev->type->name : "none");
        return false;
    }
    uint8_t *data = get_bytes(l->s, &len);
    bool ok = data ? device_load(dev, data, len, l->errp) : bad(l, "the snapshot's state of a device is cut off");
    g_free(data);
    return ok;
}

/* What exception_index may hold between instructions. */
static bool is_exception(int64_t e)
{
    return (e >= EXCP_NONE && e <= 255) || (e >= EXCP_INTERRUPT && e <= EXCP_YIELD);
}

static bool load_cpu(Loader *l)
{
    uint64_t index, exception, request, fpcsr, halted, len;
    if (!get_u64(l->s, &index) || !get_u64(l->s, &exception) || !get_u64(l->s, &request) || !get_u64(l->s, &fpcsr) || !get_u64(l->s, &halted))
        return bad(l, "the snapshot's state of a vCPU is cut off");
    if (!is_exception((int64_t)exception))
        return bad(l, "the snapshot's state of a vCPU has an exception that does not exist");
    uint8_t *data = get_bytes(l->s, &len);
    CPUState *found = NULL;
    CPU_FOREACH(cpu)
        if ((uint64_t)cpu->index == index)
            found = cpu;
    if (!data || !found) {
        g_free(data);
        return bad(l, "the snapshot's state of a vCPU is cut off");
    }
    SavedCPU c = { data, len, (int32_t)exception, (uint32_t)request, (uint32_t)fpcsr, halted != 0 };
    bool ok = vm_cpu_load(found, &c, l->errp);
    g_free(data);
    return ok;
}

static bool load_clocks(Loader *l)
{
    uint64_t now, random, counted, executed, skipped, latest;
    if (!get_u64(l->s, &now) || !get_u64(l->s, &random) || !get_u64(l->s, &counted) || !get_u64(l->s, &executed) || !get_u64(l->s, &skipped) ||
        !get_u64(l->s, &latest))
        return bad(l, "the snapshot's clocks are cut off");
    if (!!counted != icount_enabled())
        return bad(l, counted ? "the snapshot was made under -icount" : "the snapshot was not made under -icount");
    if (counted)
        icount_load(&(ICountState){ (int64_t)executed, (int64_t)skipped, (int64_t)latest });
    else
        clock_virtual_jump((int64_t)MIN(now, (uint64_t)INT64_MAX / 2));
    guest_random_set_state(random);
    return true;
}

static RAMBlock *find_block(const char *name, uint64_t size)
{
    for (RAMBlock *b = ram_blocks; b; b = b->next)
        if (!strcmp(b->name, name) && b->size == size)
            return b;
    return NULL;
}

static void clear_pages(RAMBlock *b, uint64_t from, uint64_t to)
{
    for (uint64_t p = from; p < to; p++) {
        if (page_is_zero(b, p))
            continue;
        memset(b->host + (p << PAGE_BITS), 0, page_len(b, p));
        ram_written(b, p << PAGE_BITS, page_len(b, p));
    }
}

static bool load_memory(Loader *l)
{
    char name[NAME_MAX_LEN + 1];
    uint64_t size, count, first, at = 0;
    if (!get_name(l->s, name) || !get_u64(l->s, &size))
        return bad(l, "the snapshot's memory is cut off");
    RAMBlock *b = find_block(name, size);
    if (!b) {
        error_setg(l->errp, "the snapshot has memory '%s' of %llu KiB that this machine does not have", name, (unsigned long long)(size / KiB));
        return false;
    }
    uint64_t pages = (b->size + PAGE_SIZE_ - 1) >> PAGE_BITS;
    for (;; at = first + count) {
        if (!get_u64(l->s, &count) || (count && !get_u64(l->s, &first)))
            return bad(l, "the snapshot's memory is cut off");
        if (!count)
            break;
        if (first < at || first >= pages || count > pages - first)
            return bad(l, "the snapshot's memory does not fit");
        clear_pages(b, at, first);
        uint64_t offset = first << PAGE_BITS, len = MIN((first + count) << PAGE_BITS, b->size) - offset;
        bool whole = vmstate_get(l->s, b->host + offset, len);
        ram_written(b, offset, len);
        if (!whole)
            return bad(l, "the snapshot's memory is cut off");
    }
    clear_pages(b, at, pages);
    return true;
}

static bool load_sections(Loader *l)
{
    for (uint64_t kind = 0; kind != SECTION_END;) {
        if (!get_u64(l->s, &kind))
            return bad(l, "the snapshot's state of the machine is cut off");
        switch (kind) {
        case SECTION_DEVICE:
            if (!load_device(l))
                return false;
            break;
        case SECTION_CPU:
            if (!load_cpu(l))
                return false;
            break;
        case SECTION_CLOCK:
            if (!load_clocks(l))
                return false;
            break;
        case SECTION_MEMORY:
            if (!load_memory(l))
                return false;
            break;
        case SECTION_END: break;
        default: return bad(l, "the snapshot's state of the machine has a part that is not known");
        }
    }
    return l->next == l->devices->len || bad(l, "the machine has other devices than when the snapshot was taken");
}

static void collect(Device *dev, void *opaque)
{
    g_ptr_array_add(opaque, dev);
}

bool vm_state_load(VMStateStream *s, Error **errp)
{
    Error *err = NULL;
    Loader l = { s, g_ptr_array_new(), 0, &err };
    device_foreach(collect, l.devices);
    memory_transaction_begin();
    bool ok = load_header(&l) && load_sections(&l);
    memory_transaction_commit();
    g_ptr_array_free(l.devices, TRUE);
    error_propagate(errp, err);
    return ok;
}
