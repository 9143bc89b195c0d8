/* SPDX-License-Identifier: MIT */
/*
 * The memory that translations live in: one mapping, cut into regions that fill one after the other. In a
 * region follow each other: TB struct, host code, unwind table. The oldest region is evicted as a whole,
 * one region ahead of need: its TBs are unlinked when the region before it begins to fill, and by the
 * time its memory is wanted every vCPU has usually passed a safe point.
 *
 * With split_wx the memory is mapped twice, so that no page is writable and executable.
 */
#include "exec/tb-internal.h"
#include "exec/tlb.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGIONS 16
#define MIN_ROOM (256 * KiB) /* less than this left: the region is full */
#define TB_ALIGN 16
#define MIN_TB_BYTES 256

typedef struct Region {
    uint8_t *rw;
    const uint8_t *rx;
    size_t size, used;
    TranslationBlock **tbs; /* ascending by address */
    _Atomic unsigned ntbs;
    unsigned max_tbs;
    bool draining;          /* evicted; vCPUs may still be inside */
} Region;

/* TB lock, but for ntbs and tbs of regions in use */
static Region regions[REGIONS];
static unsigned current;
static uint8_t *map_rw, *map_rx;
static uint64_t map_size;
static size_t prologue_size;
/* exec_seq of each vCPU when the draining region was evicted. */
typedef struct SeenCPU { CPUState *cpu; uint32_t seq; } SeenCPU;
static GArray *seen;

static uint8_t *map_code(size_t size, int prot, int flags, int fd)
{
    void *p = mmap(NULL, size, prot, flags | MAP_NORESERVE, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static bool map_cache(bool split_wx, bool executable, Error **errp)
{
    int exec = executable ? PROT_EXEC : 0;
    if (!split_wx || !executable) {
        map_rw = map_rx = map_code(map_size, PROT_READ | PROT_WRITE | exec, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    } else {
        int fd = memfd_create("rhea-code", MFD_CLOEXEC);
        if (fd >= 0 && ftruncate(fd, (off_t)map_size) == 0) {
            map_rw = map_code(map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
            map_rx = map_code(map_size, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
        }
        if (fd >= 0)
            close(fd);
    }
    if (!map_rw || !map_rx) {
        error_setg_errno(errp, errno, "cannot allocate %u MiB for translated code", (unsigned)(map_size / MiB));
        return false;
    }
    madvise(map_rw, map_size, MADV_HUGEPAGE);
    madvise(map_rw, map_size, MADV_DONTDUMP);
    return true;
}

static uint64_t default_size(void)
{
    uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return MIN(512 * MiB, MAX(32 * MiB, ram / 8));
}

bool code_cache_init(uint64_t size, bool split_wx, const TCGBackend *backend, Error **errp)
{
    map_size = size ? size : default_size();
    map_size = (MAX(map_size, 8 * MiB) + 2 * MiB - 1) & ~(2 * MiB - 1);
    if (!map_cache(split_wx, backend->host_code, errp))
        return false;
    size_t each = map_size / REGIONS & ~(size_t)4095;
    for (unsigned i = 0; i < REGIONS; i++) {
        Region *r = &regions[i];
        *r = (Region){ .rw = map_rw + i * each, .rx = map_rx + i * each, .size = each };
        r->max_tbs = (unsigned)(each / MIN_TB_BYTES);
        r->tbs = mmap(NULL, r->max_tbs * sizeof(*r->tbs), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        g_assert(r->tbs != MAP_FAILED);
    }
    current = 0;
    seen = g_array_new(FALSE, FALSE, sizeof(SeenCPU));
    prologue_size = backend->init ? backend->init(map_rw, map_rx, regions[0].size, errp) : 0;
    regions[0].used = prologue_size;
    perfmap_shared(map_rx, prologue_size);
    return prologue_size || !backend->host_code;
}

void code_cache_exit(void)
{
    for (unsigned i = 0; i < REGIONS; i++)
        munmap(regions[i].tbs, regions[i].max_tbs * sizeof(*regions[i].tbs));
    if (map_rx != map_rw)
        munmap(map_rx, map_size);
    munmap(map_rw, map_size);
    map_rw = map_rx = NULL;
    g_array_free(seen, TRUE);
}

void code_cache_reset(void)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        atomic_store(&regions[i].ntbs, 0);
        regions[i].used = i ? 0 : prologue_size;
        regions[i].draining = false;
    }
    current = 0;
}

/* ---- Eviction ---- */

static void evict(Region *r)
{
    tb_stats.evictions++;
    tb_stats.evicted += tb_invalidate_many(r->tbs, atomic_load(&r->ntbs));
    r->draining = true;
    g_array_set_size(seen, 0);
    CPU_FOREACH(cpu)
    {
        SeenCPU s = { cpu, atomic_load(&cpu->exec_seq) };
        g_array_append_val(seen, s);
        cpu_kick(cpu);
    }
}

/* Every vCPU has left what it was in when r was evicted. */
static bool drained(void)
{
    for (guint i = 0; i < seen->len; i++) {
        SeenCPU *s = &g_array_index(seen, SeenCPU, i);
        if (!cpu_exec_passed(s->cpu, s->seq))
            return false;
    }
    return true;
}

/* The region's memory may be written again. */
static bool make_free(Region *r)
{
    if (!r->draining)
        return true;
    if (!drained())
        return false;
    atomic_store(&r->ntbs, 0);
    r->used = r == &regions[0] ? prologue_size : 0;
    r->draining = false;
    return true;
}

void code_cache_next_region(void)
{
    Region *next = &regions[(current + 1) % REGIONS], *after = &regions[(current + 2) % REGIONS];
    regions[current].used = regions[current].size;
    if (!make_free(next))
        return; /* code_cache_begin will say so */
    current = (current + 1) % REGIONS;
    if (atomic_load(&after->ntbs) && !after->draining)
        evict(after);
}

static bool region_full(const Region *r)
{
    return r->size - r->used < MIN_ROOM || atomic_load(&r->ntbs) == r->max_tbs;
}

uint8_t *code_cache_begin(const uint8_t **rx, size_t *room)
{
    if (region_full(&regions[current]))
        code_cache_next_region();
    Region *r = &regions[current];
    if (region_full(r))
        return NULL;
    size_t start = (r->used + TB_ALIGN - 1) & ~(size_t)(TB_ALIGN - 1);
    *rx = r->rx + start;
    *room = r->size - start;
    return r->rw + start;
}

void code_cache_commit(TranslationBlock *tb, uint8_t *end)
{
    Region *r = &regions[current];
    unsigned n = atomic_load(&r->ntbs);
    r->used = (size_t)(end - r->rw);
    r->tbs[n] = tb;
    atomic_store_explicit(&r->ntbs, n + 1, memory_order_release);
}

void code_cache_wait(CPUState *cpu)
{
    for (;;) {
        tb_lock(cpu);
        Region *next = &regions[(current + 1) % REGIONS];
        bool ok = !region_full(&regions[current]) || make_free(next);
        tb_unlock();
        if (ok)
            return;
        tb_stats.cache_waits++;
        cpus_wait_exec(cpu);
    }
}

/* ---- Finding ---- */

TranslationBlock *tb_find_host(uintptr_t host_pc)
{
    uint64_t offset = host_pc - (uintptr_t)map_rx;
    if (offset >= map_size || !map_rx)
        return NULL;
    const Region *r = &regions[0];
    while (r < &regions[REGIONS] && host_pc - (uintptr_t)r->rx >= r->size)
        r++;
    if (r == &regions[REGIONS])
        return NULL;
    unsigned lo = 0, hi = atomic_load_explicit(&r->ntbs, memory_order_acquire);
    while (lo < hi) { /* first TB whose code begins above */
        unsigned mid = (lo + hi) / 2;
        if ((uintptr_t)r->tbs[mid]->code <= host_pc)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return NULL;
    TranslationBlock *tb = r->tbs[lo - 1];
    return host_pc - (uintptr_t)tb->code <= tb->code_size ? tb : NULL; /* a call may be last */
}

void code_cache_invalidate_all(void)
{
    for (unsigned i = 0; i < REGIONS; i++)
        tb_invalidate_many(regions[i].tbs, atomic_load(&regions[i].ntbs));
}

void code_cache_foreach(void (*fn)(TranslationBlock *tb, void *opaque), void *opaque)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        unsigned n = atomic_load(&regions[i].ntbs);
        for (unsigned k = 0; k < n; k++)
            fn(regions[i].tbs[k], opaque);
    }
}

uint64_t code_cache_used(void)
{
    uint64_t used = 0;
    for (unsigned i = 0; i < REGIONS; i++)
        used += regions[i].used;
    return used;
}

uint64_t code_cache_size(void)
{
    return map_size;
}

unsigned code_cache_regions(void)
{
    return REGIONS;
}
