/* SPDX-License-Identifier: MIT */
/*
 * RAM blocks and their dirty bytes. Blocks are private anonymous memory, because the kernel gives huge
 * pages to that by default and not to shared memory files. A byte per page says who has seen the page's
 * contents: stores to a page whose byte is not DIRTY_ALL take the slow path.
 */
#include "cpu.h"
#include "exec/memory.h"
#include "exec/tb.h"
#include "exec/tlb.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>

RAMBlock *ram_blocks;
static hwaddr next_base;

#define BLOCK_ALIGN (2 * MiB)

static uint64_t page_count(const RAMBlock *b)
{
    return (b->size + PAGE_SIZE_ - 1) >> PAGE_BITS;
}

/* Zeroed memory at a multiple of BLOCK_ALIGN, so that huge pages fit; NULL with errno set. */
static void *map_aligned(uint64_t size)
{
    if (size > UINT64_MAX / 2 || size + BLOCK_ALIGN < size) {
        errno = ENOMEM;
        return NULL;
    }
    uint8_t *p = mmap(NULL, size + BLOCK_ALIGN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    uint8_t *start = (uint8_t *)(((uintptr_t)p + BLOCK_ALIGN - 1) & ~(uintptr_t)(BLOCK_ALIGN - 1));
    if (start > p)
        munmap(p, (size_t)(start - p));
    munmap(start + size, (size_t)(p + BLOCK_ALIGN - start));
    return start;
}

/* Side tables are touched as their pages are. */
static void *map_table(uint64_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void unmap_block(RAMBlock *b)
{
    if (b->host)
        munmap(b->host, page_count(b) << PAGE_BITS);
    if (b->dirty)
        munmap((void *)b->dirty, page_count(b));
    if (b->code_map)
        munmap((void *)b->code_map, page_count(b) * sizeof(uint64_t));
    if (b->code_tbs)
        munmap(b->code_tbs, page_count(b) * sizeof(uintptr_t));
    g_free(b->name);
    g_free(b);
}

RAMBlock *ram_block_new(const char *name, uint64_t size, Error **errp)
{
    RAMBlock *b = g_new0(RAMBlock, 1);
    b->name = g_strdup(name);
    b->size = size;
    b->fd = -1;
    b->host = size <= UINT64_MAX / 4 ? map_aligned(page_count(b) << PAGE_BITS) : NULL;
    if (!b->host) {
        error_setg_errno(errp, ENOMEM, "cannot set up guest memory '%s'", name);
        b->host = NULL;
        g_free(b->name);
        g_free(b);
        return NULL;
    }
    b->dirty = map_table(page_count(b));
    b->code_map = map_table(page_count(b) * sizeof(uint64_t));
    b->code_tbs = map_table(page_count(b) * sizeof(uintptr_t));
    if (!b->dirty || !b->code_map || !b->code_tbs) {
        error_setg_errno(errp, errno, "cannot set up guest memory '%s'", name);
        unmap_block(b);
        return NULL;
    }
    madvise(b->host, page_count(b) << PAGE_BITS, MADV_HUGEPAGE);
    madvise(b->host, page_count(b) << PAGE_BITS, MADV_DONTDUMP);
    memset((void *)b->dirty, DIRTY_ALL, page_count(b));
    b->base = next_base;
    next_base += (size + BLOCK_ALIGN) & ~(hwaddr)(BLOCK_ALIGN - 1);

    RAMBlock **p = &ram_blocks;
    while (*p)
        p = &(*p)->next;
    __atomic_store_n(p, b, __ATOMIC_RELEASE);
    return b;
}

/* ---- Freeing waits until no vCPU can hold a host pointer ---- */

typedef struct Graveyard {
    RAMBlock *block;
    atomic_uint waiting;
} Graveyard;

static void bury(Graveyard *g)
{
    if (atomic_fetch_sub(&g->waiting, 1) == 1) {
        unmap_block(g->block);
        g_free(g);
    }
}

static void vcpu_passed(CPUState *cpu, void *opaque)
{
    tlb_flush_all(cpu);
    bury(opaque);
}

void ram_block_free(RAMBlock *b)
{
    RAMBlock **p = &ram_blocks;
    while (*p != b)
        p = &(*p)->next;
    tb_invalidate_ram(b, 0, b->size);
    __atomic_store_n(p, b->next, __ATOMIC_RELEASE);
    Graveyard *g = g_new0(Graveyard, 1);
    g->block = b;
    g->waiting = 1;
    CPU_FOREACH(cpu)
    {
        if (cpu->created) {
            atomic_fetch_add(&g->waiting, 1);
            cpu_run_on_async(cpu, vcpu_passed, g);
        }
    }
    bury(g);
}

RAMBlock *ram_block_from_host(const void *host, hwaddr *offset)
{
    for (RAMBlock *b = ram_blocks; b; b = b->next) {
        uint64_t o = (uint64_t)((const uint8_t *)host - b->host);
        if (o < b->size) {
            *offset = o;
            return b;
        }
    }
    return NULL;
}

RAMBlock *ram_block_at(hwaddr ram_addr)
{
    for (RAMBlock *b = ram_blocks; b; b = b->next) {
        if (ram_addr - b->base < b->size)
            return b;
    }
    return NULL;
}

/* ---- Dirty bytes ---- */

void ram_written(RAMBlock *b, hwaddr offset, uint64_t len)
{
    if (!len)
        return;
    bool code = false;
    atomic_thread_fence(memory_order_seq_cst); /* the store, then the look at the byte */
    for (uint64_t p = offset >> PAGE_BITS; p <= (offset + len - 1) >> PAGE_BITS; p++) {
        uint8_t dirty = atomic_load_explicit(&b->dirty[p], memory_order_relaxed);
        if (dirty == DIRTY_ALL)
            continue;
        code |= !(dirty & DIRTY_CODE);
        atomic_fetch_or(&b->dirty[p], (uint8_t)~DIRTY_CODE);
    }
    if (code)
        tb_invalidate_ram(b, offset, len);
}

bool ram_test_and_clear_dirty(RAMBlock *b, hwaddr offset, uint64_t len, uint8_t client,
                              void (*page_set)(void *opaque, hwaddr offset), void *opaque)
{
    uint64_t first = offset >> PAGE_BITS, last = (offset + len - 1) >> PAGE_BITS;
    bool any = false;
    if (!len)
        return false;
    for (uint64_t p = first; p <= last; p++) {
        if (!(atomic_load_explicit(&b->dirty[p], memory_order_relaxed) & client))
            continue;
        atomic_fetch_and(&b->dirty[p], (uint8_t)~client);
        any = true;
        if (page_set)
            page_set(opaque, p << PAGE_BITS);
    }
    if (any)
        tlb_protect_ram(b->host + (first << PAGE_BITS), (last - first + 1) << PAGE_BITS);
    return any;
}
