/* SPDX-License-Identifier: MIT */
/*
 * The tree of memory regions and the flat views made from it. A view is an immutable sorted array,
 * published by pointer. Readers without the machine lock announce themselves in a per-thread record;
 * a replaced view is freed once every reader that may have seen it has left.
 */
#include "exec/memory.h"
#include "util/log.h"
#include "util/main-loop.h"

#include <glib.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct FlatView {
    unsigned n;
    uint64_t retired;       /* epoch of its replacement */
    struct FlatView *next;  /* retired views */
    FlatRange r[];
} FlatView;

struct AddressSpace {
    char *name;
    MemoryRegion *root;
    _Atomic(FlatView *) view;
    AddressSpace *next;
};

AddressSpace *address_space_memory, *address_space_io, *address_space_smm;
MemoryRegion *system_memory, *system_io;

/* Machine lock */
static AddressSpace *spaces;
static FlatView *retired_views;
static unsigned transaction_depth;
static bool topology_changed;

static atomic_uint generation;

unsigned memory_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_acquire);
}

/* ---- Readers ---- */

typedef struct Reader {
    _Atomic uint64_t epoch; /* of the outermost read section; 0 outside */
    unsigned depth;
    atomic_bool in_use;
    struct Reader *next;
} Reader;

static pthread_mutex_t readers_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(Reader *) readers; /* grows only; records are reused */
static _Atomic uint64_t current_epoch = 1;
static __thread Reader *my_reader;
static pthread_key_t reader_key;

static void reader_release(void *r)
{
    atomic_store(&((Reader *)r)->in_use, false);
}

__attribute__((constructor)) static void readers_setup(void)
{
    pthread_key_create(&reader_key, reader_release);
}

static Reader *reader_new(void)
{
    Reader *r;
    pthread_mutex_lock(&readers_mutex);
    for (r = atomic_load(&readers); r && atomic_load(&r->in_use); r = r->next)
        continue;
    if (!r) {
        r = g_new0(Reader, 1);
        r->next = atomic_load(&readers);
        atomic_store(&readers, r);
    }
    atomic_store(&r->in_use, true);
    pthread_mutex_unlock(&readers_mutex);
    pthread_setspecific(reader_key, r);
    my_reader = r;
    return r;
}

static inline void view_read_begin(void)
{
    Reader *r = my_reader ? my_reader : reader_new();
    if (r->depth++ == 0)
        atomic_store(&r->epoch, atomic_load_explicit(&current_epoch, memory_order_relaxed));
}

static inline void view_read_end(void)
{
    Reader *r = my_reader;
    if (--r->depth == 0)
        atomic_store_explicit(&r->epoch, 0, memory_order_release);
}

/* Frees retired views that no reader can still hold. */
static void free_retired_views(void)
{
    uint64_t oldest = UINT64_MAX;
    for (Reader *r = atomic_load(&readers); r; r = r->next) {
        uint64_t e = atomic_load(&r->epoch);
        if (e && e < oldest)
            oldest = e;
    }
    for (FlatView **p = &retired_views; *p;) {
        FlatView *v = *p;
        if (v->retired <= oldest) {
            *p = v->next;
            g_free(v);
        } else {
            p = &v->next;
        }
    }
}

static void publish_view(AddressSpace *as, FlatView *view)
{
    FlatView *old = atomic_exchange(&as->view, view);
    if (old) {
        old->retired = atomic_fetch_add(&current_epoch, 1) + 1;
        old->next = retired_views;
        retired_views = old;
    }
    free_retired_views();
}

/* ---- Flattening ---- */

/* The window [first, last] of the address space through which a region is being looked at. */
typedef struct Window {
    uint64_t first, last;
} Window;

/* Inserts the parts of [w] not yet covered; ranges are sorted. base = address of the region's byte 0
 * (modulo 2^64, as an alias may look into the middle). */
static void render_leaf(GArray *ranges, MemoryRegion *mr, uint64_t base, Window w)
{
    uint64_t at = w.first;
    guint i = 0;
    for (;;) {
        const FlatRange *next = NULL;
        for (; i < ranges->len; i++) {
            next = &g_array_index(ranges, FlatRange, i);
            if (next->start + (next->size - 1) >= at)
                break;
            next = NULL;
        }
        uint64_t stop = next && next->start <= w.last ? next->start : 0;
        bool blocked = next && next->start <= w.last;
        if (!blocked || stop > at) {
            uint64_t last = blocked ? stop - 1 : w.last;
            FlatRange r = { .start = at, .size = last - at + 1, .mr = mr, .offset = at - base };
            g_array_insert_val(ranges, i, r);
            i++;
        }
        if (!blocked)
            return;
        next = &g_array_index(ranges, FlatRange, i);
        uint64_t end = next->start + (next->size - 1);
        if (end >= w.last)
            return;
        at = end + 1;
    }
}

/* Renders mr as seen at base through w, highest priority first. */
static void render(GArray *ranges, MemoryRegion *mr, uint64_t base, Window w, unsigned depth)
{
    if (!mr->enabled || !mr->size || depth > 32)
        return;
    /* Clip to the region; base + size - 1 may wrap when base lies below an alias window. */
    uint64_t skip = w.first - base; /* offset of the window's first byte in mr */
    if ((int64_t)skip >= 0 || mr->size == UINT64_MAX) {
        if (skip > mr->size - 1)
            return;
    } else {
        /* the window starts before the region */
        if (w.last < base)
            return;
        w.first = base;
        skip = 0;
    }
    if (w.last - w.first > mr->size - 1 - skip)
        w.last = w.first + (mr->size - 1 - skip);

    if (mr->kind == REGION_ALIAS) {
        render(ranges, mr->alias, base - mr->alias_offset, w, depth + 1);
        return;
    }
    for (MemoryRegion *c = mr->children; c; c = c->sibling)
        render(ranges, c, base + c->addr, w, depth + 1);
    if (mr->terminates)
        render_leaf(ranges, mr, base, w);
}

static void merge_neighbours(GArray *ranges)
{
    guint out = 0;
    for (guint i = 0; i < ranges->len; i++) {
        FlatRange r = g_array_index(ranges, FlatRange, i);
        FlatRange *last = out ? &g_array_index(ranges, FlatRange, out - 1) : NULL;
        if (last && last->mr == r.mr && last->start + last->size == r.start && last->offset + last->size == r.offset)
            last->size += r.size;
        else
            g_array_index(ranges, FlatRange, out++) = r;
    }
    g_array_set_size(ranges, out);
}

static FlatView *flatten(MemoryRegion *root)
{
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    if (root)
        render(ranges, root, 0, (Window){ 0, UINT64_MAX }, 0);
    merge_neighbours(ranges);
    FlatView *v = g_malloc0(sizeof(FlatView) + ranges->len * sizeof(FlatRange));
    v->n = ranges->len;
    if (v->n)
        memcpy(v->r, ranges->data, v->n * sizeof(FlatRange));
    g_array_free(ranges, TRUE);
    return v;
}

/* Makes a new view when the tree looks different from the published one; false when it does not. */
static bool update_view(AddressSpace *as)
{
    FlatView *v = flatten(as->root), *old = atomic_load(&as->view);
    if (old && old->n == v->n && !memcmp(old->r, v->r, v->n * sizeof(FlatRange))) {
        g_free(v);
        return false;
    }
    publish_view(as, v);
    return true;
}

/* ---- Listeners and transactions ---- */

typedef struct Listener {
    void (*fn)(void *opaque);
    void *opaque;
    struct Listener *next;
} Listener;
static Listener *listeners; /* machine lock */

void memory_add_listener(void (*fn)(void *opaque), void *opaque)
{
    Listener *l = g_new(Listener, 1);
    *l = (Listener){ fn, opaque, listeners };
    listeners = l;
}

static void memory_update(void)
{
    bool memory_changed = false;
    topology_changed = false;
    for (AddressSpace *as = spaces; as; as = as->next) {
        if (update_view(as) && (as == address_space_memory || as == address_space_smm))
            memory_changed = true;
    }
    if (!memory_changed)
        return;
    atomic_fetch_add(&generation, 1);
    for (Listener *l = listeners; l; l = l->next)
        l->fn(l->opaque);
}

void memory_transaction_begin(void)
{
    transaction_depth++;
}

void memory_transaction_commit(void)
{
    g_assert(transaction_depth > 0);
    if (--transaction_depth == 0 && topology_changed)
        memory_update();
}

static void topology_touched(void)
{
    topology_changed = true;
    if (transaction_depth == 0)
        memory_update();
}

/* ---- Regions ---- */

static void region_init(MemoryRegion *mr, RegionKind kind, Device *owner, const char *name, uint64_t size)
{
    *mr = (MemoryRegion){
        .kind = kind, .name = name, .size = size, .owner = owner, .enabled = true,
        .terminates = kind == REGION_RAM || kind == REGION_ROM || kind == REGION_IO,
    };
}

void memory_region_init(MemoryRegion *mr, Device *owner, const char *name, uint64_t size)
{
    region_init(mr, REGION_CONTAINER, owner, name, size);
}

void memory_region_init_io(MemoryRegion *mr, Device *owner, const MemoryRegionOps *ops, void *opaque,
                           const char *name, uint64_t size)
{
    region_init(mr, REGION_IO, owner, name, size);
    mr->ops = ops;
    mr->opaque = opaque;
}

static bool init_with_ram(MemoryRegion *mr, RegionKind kind, Device *owner, const char *name, uint64_t size,
                          Error **errp)
{
    region_init(mr, kind, owner, name, size);
    mr->ram = ram_block_new(name, size, errp);
    return mr->ram != NULL;
}

bool memory_region_init_ram(MemoryRegion *mr, Device *owner, const char *name, uint64_t size, Error **errp)
{
    return init_with_ram(mr, REGION_RAM, owner, name, size, errp);
}

bool memory_region_init_rom(MemoryRegion *mr, Device *owner, const char *name, uint64_t size, Error **errp)
{
    return init_with_ram(mr, REGION_ROM, owner, name, size, errp);
}

void memory_region_init_alias(MemoryRegion *mr, Device *owner, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size)
{
    region_init(mr, REGION_ALIAS, owner, name, size);
    mr->alias = target;
    mr->alias_offset = offset;
}

void memory_region_destroy(MemoryRegion *mr)
{
    if (mr->container)
        memory_region_del(mr->container, mr);
    while (mr->children)
        memory_region_del(mr, mr->children);
    if (mr->ram)
        ram_block_free(mr->ram);
    mr->ram = NULL;
}

void memory_region_add(MemoryRegion *container, hwaddr addr, MemoryRegion *mr)
{
    memory_region_add_overlap(container, addr, mr, 0);
}

/* Children are kept highest priority first; of equals, the one added last wins. */
void memory_region_add_overlap(MemoryRegion *container, hwaddr addr, MemoryRegion *mr, int priority)
{
    g_assert(!mr->container);
    mr->container = container;
    mr->addr = addr;
    mr->priority = priority;
    MemoryRegion **p = &container->children;
    while (*p && (*p)->priority > priority)
        p = &(*p)->sibling;
    mr->sibling = *p;
    *p = mr;
    topology_touched();
}

void memory_region_del(MemoryRegion *container, MemoryRegion *mr)
{
    g_assert(mr->container == container);
    MemoryRegion **p = &container->children;
    while (*p != mr)
        p = &(*p)->sibling;
    *p = mr->sibling;
    mr->sibling = NULL;
    mr->container = NULL;
    topology_touched();
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled == enabled)
        return;
    mr->enabled = enabled;
    topology_touched();
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr == addr)
        return;
    mr->addr = addr;
    if (mr->container)
        topology_touched();
}

void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset)
{
    g_assert(mr->kind == REGION_ALIAS);
    if (mr->alias_offset == offset)
        return;
    mr->alias_offset = offset;
    topology_touched();
}

uint8_t *memory_region_ram_ptr(MemoryRegion *mr)
{
    return mr->ram ? mr->ram->host : NULL;
}

/* ---- Address spaces ---- */

AddressSpace *address_space_new(MemoryRegion *root, const char *name)
{
    AddressSpace *as = g_new0(AddressSpace, 1);
    as->name = g_strdup(name);
    as->root = root;
    as->next = spaces;
    spaces = as;
    update_view(as);
    return as;
}

void address_space_free(AddressSpace *as)
{
    AddressSpace **p = &spaces;
    while (*p != as)
        p = &(*p)->next;
    *p = as->next;
    publish_view(as, NULL);
    g_free(as->name);
    g_free(as);
}

void memory_init(void)
{
    system_memory = g_new0(MemoryRegion, 1);
    system_io = g_new0(MemoryRegion, 1);
    memory_region_init(system_memory, NULL, "system", UINT64_MAX);
    memory_region_init(system_io, NULL, "io", 64 * KiB);
    address_space_memory = address_space_new(system_memory, "memory");
    address_space_io = address_space_new(system_io, "I/O");
}

void memory_exit(void)
{
    transaction_depth = 1; /* nothing is looked at any more */
    while (spaces)
        address_space_free(spaces);
    address_space_memory = address_space_io = address_space_smm = NULL;
    while (system_memory->children)
        memory_region_del(system_memory, system_memory->children);
    while (system_io->children)
        memory_region_del(system_io, system_io->children);
    g_free(system_memory);
    g_free(system_io);
    system_memory = system_io = NULL;
    free_retired_views();
    transaction_depth = 0;
    topology_changed = false;
}

static const FlatRange *view_find(const FlatView *v, hwaddr addr)
{
    unsigned lo = 0, hi = v ? v->n : 0;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const FlatRange *r = &v->r[mid];
        if (addr < r->start)
            hi = mid;
        else if (addr - r->start >= r->size)
            lo = mid + 1;
        else
            return r;
    }
    return NULL;
}

bool address_space_find(AddressSpace *as, hwaddr addr, FlatRange *out)
{
    view_read_begin();
    const FlatRange *r = view_find(atomic_load(&as->view), addr);
    if (r)
        *out = *r;
    view_read_end();
    return r != NULL;
}

hwaddr address_space_next(AddressSpace *as, hwaddr addr)
{
    hwaddr next = 0;
    view_read_begin();
    const FlatView *v = atomic_load(&as->view);
    unsigned lo = 0, hi = v ? v->n : 0;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (v->r[mid].start <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (v && lo < v->n)
        next = v->r[lo].start;
    view_read_end();
    return next;
}

void address_space_foreach(AddressSpace *as, void (*fn)(void *opaque, const FlatRange *r), void *opaque)
{
    view_read_begin();
    const FlatView *v = atomic_load(&as->view);
    for (unsigned i = 0; v && i < v->n; i++)
        fn(opaque, &v->r[i]);
    view_read_end();
}

AddressSpace *address_space_first(void)
{
    return spaces;
}

AddressSpace *address_space_after(const AddressSpace *as)
{
    return as->next;
}

const char *address_space_name(const AddressSpace *as)
{
    return as->name;
}

MemoryRegion *address_space_root(const AddressSpace *as)
{
    return as->root;
}

/* ---- Access to one region ---- */

static uint64_t size_mask(unsigned size)
{
    return ~0ull >> (64 - 8 * size);
}

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* Whether the device takes an access of this size and alignment. */
static bool access_valid(const MemoryRegion *mr, hwaddr offset, unsigned size)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned min = ops->valid_min ? ops->valid_min : 1, max = ops->valid_max ? ops->valid_max : 4;
    if (size >= min && size <= max && (ops->unaligned || !(offset & (size - 1))))
        return true;
    log_printf(LOG_INVALID_MEM, "invalid access at offset 0x%" PRIx64 " of region '%s': size %u\n",
               offset, mr->name, size);
    return false;
}

/* Size of the pieces the callback sees for an access of size bytes. */
static unsigned piece_size(const MemoryRegionOps *ops, unsigned size)
{
    unsigned min = ops->impl_min ? ops->impl_min : 1, max = ops->impl_max ? ops->impl_max : 4;
    return size < min ? min : size > max ? max : size;
}

static __thread char this_thread; /* its address names the thread */

static bool enter_region(MemoryRegion *mr)
{
    if (mr->ops->lockless)
        return true;
    if (mr->busy == &this_thread) {
        guest_error("access to region '%s' from its own DMA refused\n", mr->name);
        return false;
    }
    mr->busy = &this_thread;
    return true;
}

static void leave_region(MemoryRegion *mr)
{
    if (!mr->ops->lockless)
        mr->busy = NULL;
}

static uint64_t read_piece(MemoryRegion *mr, hwaddr offset, unsigned size)
{
    uint64_t v = mr->ops->read ? mr->ops->read(mr->opaque, offset, size) & size_mask(size) : size_mask(size);
    return mr->ops->endian == ENDIAN_BIG ? swap_bytes(v, size) : v;
}

static void write_piece(MemoryRegion *mr, hwaddr offset, uint64_t v, unsigned size)
{
    v &= size_mask(size);
    if (mr->ops->write)
        mr->ops->write(mr->opaque, offset, mr->ops->endian == ENDIAN_BIG ? swap_bytes(v, size) : v, size);
}

MemTxResult memory_region_read(MemoryRegion *mr, hwaddr offset, uint64_t *value, unsigned size)
{
    *value = size_mask(size);
    if (mr->ram) {
        *value = 0;
        memcpy(value, mr->ram->host + offset, size);
        return MEMTX_OK;
    }
    if (!access_valid(mr, offset, size))
        return MEMTX_DECODE_ERROR;
    if (!enter_region(mr))
        return MEMTX_ERROR;
    unsigned piece = piece_size(mr->ops, size);
    if (piece > size) { /* wider than asked: read the aligned unit and cut */
        hwaddr unit = offset & ~(hwaddr)(piece - 1);
        *value = read_piece(mr, unit, piece) >> 8 * (offset - unit) & size_mask(size);
    } else {
        *value = 0;
        for (unsigned i = 0; i < size; i += piece)
            *value |= read_piece(mr, offset + i, piece) << 8 * i;
    }
    leave_region(mr);
    return MEMTX_OK;
}

MemTxResult memory_region_write(MemoryRegion *mr, hwaddr offset, uint64_t value, unsigned size)
{
    if (mr->ram && mr->kind == REGION_RAM) {
        memcpy(mr->ram->host + offset, &value, size);
        ram_written(mr->ram, offset, size);
        return MEMTX_OK;
    }
    if (!mr->ops)
        return MEMTX_OK; /* plain ROM */
    if (!access_valid(mr, offset, size))
        return MEMTX_DECODE_ERROR;
    if (!enter_region(mr))
        return MEMTX_ERROR;
    unsigned piece = piece_size(mr->ops, size);
    if (piece > size) { /* the lanes not written carry zero */
        hwaddr unit = offset & ~(hwaddr)(piece - 1);
        write_piece(mr, unit, (value & size_mask(size)) << 8 * (offset - unit), piece);
    } else {
        for (unsigned i = 0; i < size; i += piece)
            write_piece(mr, offset + i, value >> 8 * i, piece);
    }
    leave_region(mr);
    return MEMTX_OK;
}

/* Enters the machine lock for a region that wants it; returns whether it was taken here. */
static bool lock_for_region(const MemoryRegion *mr)
{
    if (!mr->ops || mr->ops->lockless || machine_lock_held())
        return false;
    machine_lock();
    return true;
}

/* One access that lies inside one range. */
static MemTxResult access_single(AddressSpace *as, hwaddr addr, uint64_t *value, unsigned size, bool write)
{
    FlatRange r;
    unsigned seen;
    bool locked = false, found;

    /* The region must still be mapped once the machine lock is ours. */
    do {
        seen = memory_generation();
        found = address_space_find(as, addr, &r);
        if (found && !locked)
            locked = lock_for_region(r.mr);
    } while (locked && seen != memory_generation());

    MemTxResult result = MEMTX_DECODE_ERROR;
    if (!found) {
        if (!write)
            *value = size_mask(size);
        log_printf(LOG_INVALID_MEM, "%s of %u bytes at unmapped address 0x%" PRIx64 " of %s\n",
                   write ? "write" : "read", size, addr, as->name);
    } else if (write) {
        result = memory_region_write(r.mr, r.offset + (addr - r.start), *value, size);
    } else {
        result = memory_region_read(r.mr, r.offset + (addr - r.start), value, size);
    }
    if (locked)
        machine_unlock();
    return result;
}

/* How many of len bytes from addr lie in the range there, or in the hole there. */
static uint64_t run_length(AddressSpace *as, hwaddr addr, uint64_t len)
{
    FlatRange r;
    uint64_t left;
    if (address_space_find(as, addr, &r)) {
        left = r.size - (addr - r.start);
    } else {
        hwaddr next = address_space_next(as, addr);
        left = next ? next - addr : UINT64_MAX;
    }
    return left < len ? left : len;
}

/* The largest power of two of at most 8 that divides addr and fits in len. */
static unsigned natural_size(hwaddr addr, uint64_t len)
{
    unsigned size = 8;
    while (size > len || (addr & (size - 1)))
        size >>= 1;
    return size;
}

uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size, MemTxResult *result)
{
    MemTxResult res;
    uint64_t value = 0, part;
    if (LIKELY(run_length(as, addr, size) == size)) {
        res = access_single(as, addr, &value, size, false);
    } else {
        res = MEMTX_OK;
        for (unsigned i = 0, n; i < size; i += n) {
            n = natural_size(addr + i, run_length(as, addr + i, size - i));
            MemTxResult one = access_single(as, addr + i, &part, n, false);
            res = one != MEMTX_OK ? one : res;
            value |= part << 8 * i;
        }
    }
    if (result)
        *result = res;
    return value;
}

MemTxResult address_space_st(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size)
{
    if (LIKELY(run_length(as, addr, size) == size))
        return access_single(as, addr, &value, size, true);
    MemTxResult res = MEMTX_OK;
    for (unsigned i = 0, n; i < size; i += n) {
        n = natural_size(addr + i, run_length(as, addr + i, size - i));
        uint64_t part = value >> 8 * i;
        MemTxResult one = access_single(as, addr + i, &part, n, true);
        res = one != MEMTX_OK ? one : res;
    }
    return res;
}

/* ---- Block access ---- */

/* Part of a block access that lies in RAM or ROM. */
static void rw_ram(const FlatRange *r, hwaddr addr, void *buf, uint64_t len, bool write, bool force)
{
    hwaddr offset = r->offset + (addr - r->start);
    if (!write) {
        memcpy(buf, r->mr->ram->host + offset, len);
    } else if (r->mr->kind == REGION_RAM || force) {
        memcpy(r->mr->ram->host + offset, buf, len);
        ram_written(r->mr->ram, offset, len);
    }
}

/* The widest access the region takes at addr, at most len bytes. */
static unsigned io_step(const FlatRange *r, hwaddr addr, uint64_t len)
{
    unsigned max = r->mr->ops->valid_max ? r->mr->ops->valid_max : 4;
    unsigned size = natural_size(r->offset + (addr - r->start), len);
    return size < max ? size : max;
}

static MemTxResult rw_span(AddressSpace *as, hwaddr addr, uint8_t *buf, uint64_t len, bool write, bool force)
{
    MemTxResult res = MEMTX_OK;
    while (len) {
        FlatRange r;
        uint64_t n;
        if (address_space_find(as, addr, &r)) {
            n = r.size - (addr - r.start);
            n = n < len ? n : len;
            if (r.mr->ram) {
                rw_ram(&r, addr, buf, n, write, force);
            } else {
                uint64_t value = 0;
                n = io_step(&r, addr, n);
                if (write)
                    memcpy(&value, buf, n);
                MemTxResult one = access_single(as, addr, &value, (unsigned)n, write);
                if (!write)
                    memcpy(buf, &value, n);
                res = one != MEMTX_OK ? one : res;
            }
        } else {
            n = run_length(as, addr, len);
            if (!write)
                memset(buf, 0xff, n);
            log_printf(LOG_INVALID_MEM, "%s of %" PRIu64 " bytes at unmapped address 0x%" PRIx64 " of %s\n",
                       write ? "write" : "read", n, addr, as->name);
            res = MEMTX_DECODE_ERROR;
        }
        addr += n;
        buf += n;
        len -= n;
    }
    return res;
}

MemTxResult address_space_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, bool write)
{
    return rw_span(as, addr, buf, len, write, false);
}

MemTxResult address_space_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    return rw_span(as, addr, (uint8_t *)buf, len, true, true);
}

void *address_space_map_ram(AddressSpace *as, hwaddr addr, uint64_t len, bool write)
{
    FlatRange r;
    if (!address_space_find(as, addr, &r) || !r.mr->ram || (write && r.mr->kind != REGION_RAM))
        return NULL;
    uint64_t skip = addr - r.start;
    return r.size - skip >= len ? r.mr->ram->host + r.offset + skip : NULL;
}
