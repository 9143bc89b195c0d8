/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of RAM. Pages are counted references to their contents (NULL: zeroes), a chunk is a counted table of pages, a
 * snapshot a table of chunks for each block. `latest` is the snapshot RAM was last equal to: the dirty bits tell which pages
 * have been written since.
 */
#include "ram-snapshot.h"
#include "exec/memory.h"
#include "exec/tlb.h"
#include "util/error.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#define CHUNK_PAGES 512u

typedef struct Page {
    unsigned refs;
    uint8_t data[PAGE_SIZE_];
} Page;

typedef struct Chunk {
    unsigned refs;
    Page *page[CHUNK_PAGES];
} Chunk;

typedef struct BlockTable {
    RAMBlock *block;
    uint64_t size;
    unsigned nchunks;
    Chunk **chunk;
} BlockTable;

struct RAMSnapshot {
    unsigned refs;
    unsigned nblocks;
    BlockTable *blocks;
};

static RAMSnapshot *latest;
static uint64_t page_bytes;

uint64_t ram_snapshot_bytes(void)
{
    return page_bytes;
}

/* ---- References ---- */

static Page *page_new(const uint8_t *data)
{
    static const uint8_t zero[PAGE_SIZE_];
    if (!memcmp(data, zero, PAGE_SIZE_))
        return NULL;
    Page *p = g_new(Page, 1);
    p->refs = 1;
    memcpy(p->data, data, PAGE_SIZE_);
    page_bytes += PAGE_SIZE_;
    return p;
}

static void page_unref(Page *p)
{
    if (!p || --p->refs)
        return;
    page_bytes -= PAGE_SIZE_;
    g_free(p);
}

static void chunk_unref(Chunk *c)
{
    if (!c || --c->refs)
        return;
    for (unsigned i = 0; i < CHUNK_PAGES; i++)
        page_unref(c->page[i]);
    g_free(c);
}

static Chunk *chunk_copy(const Chunk *from)
{
    Chunk *c = g_new0(Chunk, 1);
    c->refs = 1;
    for (unsigned i = 0; from && i < CHUNK_PAGES; i++) {
        c->page[i] = from->page[i];
        if (c->page[i])
            c->page[i]->refs++;
    }
    return c;
}

void ram_snapshot_free(RAMSnapshot *s)
{
    if (!s || --s->refs)
        return;
    for (unsigned i = 0; i < s->nblocks; i++) {
        for (unsigned j = 0; j < s->blocks[i].nchunks; j++)
            chunk_unref(s->blocks[i].chunk[j]);
        g_free(s->blocks[i].chunk);
    }
    g_free(s->blocks);
    g_free(s);
}

static void set_latest(RAMSnapshot *s)
{
    s->refs++;
    ram_snapshot_free(latest);
    latest = s;
}

void ram_snapshots_forget(void)
{
    ram_snapshot_free(latest);
    latest = NULL;
}

/* ---- Taking ---- */

static uint64_t page_count(const RAMBlock *b)
{
    return (b->size + PAGE_SIZE_ - 1) >> PAGE_BITS;
}

static const BlockTable *table_of(const RAMSnapshot *s, const RAMBlock *b)
{
    for (unsigned i = 0; s && i < s->nblocks; i++)
        if (s->blocks[i].block == b && s->blocks[i].size == b->size)
            return &s->blocks[i];
    return NULL;
}

typedef struct Update {
    BlockTable *table;
    const BlockTable *before; /* NULL: every page is new */
} Update;

/* The table's own chunk for a page: a copy of what it shares. */
static Chunk *own_chunk(Update *u, unsigned i)
{
    Chunk **c = &u->table->chunk[i];
    if (!*c || (u->before && *c == u->before->chunk[i])) {
        Chunk *mine = chunk_copy(*c);
        chunk_unref(*c);
        *c = mine;
    }
    return *c;
}

static void update_page(void *opaque, hwaddr offset)
{
    Update *u = opaque;
    uint64_t n = offset >> PAGE_BITS;
    const uint8_t *data = u->table->block->host + offset;
    const Chunk *old = u->table->chunk[n / CHUNK_PAGES];
    const Page *was = old ? old->page[n % CHUNK_PAGES] : NULL;
    if (was && !memcmp(was->data, data, PAGE_SIZE_))
        return; /* written, but the same as before */
    Page *p = page_new(data);
    if (!p && !was)
        return;
    Page **place = &own_chunk(u, (unsigned)(n / CHUNK_PAGES))->page[n % CHUNK_PAGES];
    page_unref(*place);
    *place = p;
}

static void take_block(BlockTable *t, RAMBlock *b)
{
    const BlockTable *before = table_of(latest, b);
    Update u = { t, before };
    *t = (BlockTable){ .block = b, .size = b->size };
    t->nchunks = (unsigned)((page_count(b) + CHUNK_PAGES - 1) / CHUNK_PAGES);
    t->chunk = g_new0(Chunk *, t->nchunks);
    for (unsigned i = 0; before && i < t->nchunks; i++) {
        t->chunk[i] = before->chunk[i];
        if (t->chunk[i])
            t->chunk[i]->refs++;
    }
    ram_test_and_clear_dirty(b, 0, b->size, DIRTY_SNAPSHOT, before ? update_page : NULL, &u);
    for (uint64_t p = 0; !before && p < page_count(b); p++)
        update_page(&u, p << PAGE_BITS);
}

RAMSnapshot *ram_snapshot_take(void)
{
    RAMSnapshot *s = g_new0(RAMSnapshot, 1);
    s->refs = 1;
    for (RAMBlock *b = ram_blocks; b; b = b->next)
        s->nblocks++;
    s->blocks = g_new0(BlockTable, s->nblocks);
    unsigned i = 0;
    for (RAMBlock *b = ram_blocks; b; b = b->next)
        take_block(&s->blocks[i++], b);
    set_latest(s);
    return s;
}

/* ---- Loading ---- */

static bool same_blocks(const RAMSnapshot *s, Error **errp)
{
    unsigned n = 0;
    for (const RAMBlock *b = ram_blocks; b; b = b->next, n++) {
        if (!table_of(s, b)) {
            error_setg(errp, "the snapshot has no memory '%s' of this size", b->name);
            return false;
        }
    }
    if (n != s->nblocks)
        error_setg(errp, "the snapshot has memory that is no longer there");
    return n == s->nblocks;
}

static void restore_page(const BlockTable *t, uint64_t n)
{
    const Chunk *c = t->chunk[n / CHUNK_PAGES];
    const Page *p = c ? c->page[n % CHUNK_PAGES] : NULL;
    hwaddr offset = n << PAGE_BITS;
    if (p)
        memcpy(t->block->host + offset, p->data, PAGE_SIZE_);
    else
        memset(t->block->host + offset, 0, PAGE_SIZE_);
    ram_written(t->block, offset, MIN(PAGE_SIZE_, t->size - offset));
}

static void restore_dirty(void *opaque, hwaddr offset)
{
    restore_page(opaque, offset >> PAGE_BITS);
}

/* The pages in which two tables differ. */
static void restore_differences(const BlockTable *t, const BlockTable *now)
{
    for (unsigned i = 0; i < t->nchunks; i++) {
        const Chunk *a = t->chunk[i], *b = now ? now->chunk[i] : NULL;
        if (now && a == b)
            continue;
        uint64_t first = (uint64_t)i * CHUNK_PAGES, last = MIN(first + CHUNK_PAGES, page_count(t->block));
        for (uint64_t n = first; n < last; n++) {
            const Page *x = a ? a->page[n - first] : NULL, *y = b ? b->page[n - first] : NULL;
            if (!now || x != y)
                restore_page(t, n);
        }
    }
}

bool ram_snapshot_load(const RAMSnapshot *s, Error **errp)
{
    if (!same_blocks(s, errp))
        return false;
    for (unsigned i = 0; i < s->nblocks; i++) {
        BlockTable *t = &s->blocks[i];
        ram_test_and_clear_dirty(t->block, 0, t->size, DIRTY_SNAPSHOT, restore_dirty, t);
        restore_differences(t, table_of(latest, t->block));
        ram_test_and_clear_dirty(t->block, 0, t->size, DIRTY_SNAPSHOT, NULL, NULL); /* what the above has written */
    }
    set_latest((RAMSnapshot *)s);
    return true;
}

/* ---- Comparing ---- */

static bool same_page(const Page *a, const Page *b)
{
    return a == b || (a && b && !memcmp(a->data, b->data, PAGE_SIZE_));
}

char *ram_snapshot_difference(const RAMSnapshot *a, const RAMSnapshot *b)
{
    for (unsigned i = 0; i < a->nblocks; i++) {
        const BlockTable *x = &a->blocks[i], *y = table_of(b, x->block);
        for (uint64_t n = 0; y && n < (uint64_t)x->nchunks * CHUNK_PAGES; n++) {
            const Chunk *c = x->chunk[n / CHUNK_PAGES], *d = y->chunk[n / CHUNK_PAGES];
            if (!same_page(c ? c->page[n % CHUNK_PAGES] : NULL, d ? d->page[n % CHUNK_PAGES] : NULL))
                return g_strdup_printf("memory %s at 0x%" PRIx64, x->block->name, n << PAGE_BITS);
        }
    }
    return NULL;
}
