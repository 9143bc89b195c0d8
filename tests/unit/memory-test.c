/* SPDX-License-Identifier: MIT */
/*
 * Proves flattening (priorities, holes, aliases, transactions, quiet changes), accesses to device regions
 * (splitting, widening, endianness, refusals, re-entry), block access across ranges, dirty bits, and that
 * readers without the lock survive topology changes. Expected values: worked out by hand from
 * exec/memory.h; the random flattening test compares with a byte-by-byte walk of the tree.
 */
#include "exec/memory.h"
#include "util/error.h"
#include "util/main-loop.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static unsigned notified;

static void on_change(void *opaque)
{
    notified++;
}

/* Records its accesses. */
typedef struct Probe {
    unsigned n;
    struct { bool write; hwaddr offset; uint64_t value; unsigned size; } log[16];
} Probe;

static uint64_t probe_read(void *opaque, hwaddr offset, unsigned size)
{
    Probe *p = opaque;
    p->log[p->n].write = false;
    p->log[p->n].offset = offset;
    p->log[p->n++].size = size;
    return 0x8877665544332211ull >> 8 * (offset & 7);
}

static void probe_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Probe *p = opaque;
    p->log[p->n].write = true;
    p->log[p->n].offset = offset;
    p->log[p->n].value = value;
    p->log[p->n++].size = size;
}

static MemoryRegionOps probe_ops(unsigned valid_max, unsigned impl_min, unsigned impl_max, Endian endian)
{
    return (MemoryRegionOps){ .read = probe_read, .write = probe_write, .endian = endian,
                              .valid_max = (uint8_t)valid_max, .impl_min = (uint8_t)impl_min,
                              .impl_max = (uint8_t)impl_max };
}

static const char *name_at(hwaddr addr)
{
    FlatRange r;
    return address_space_find(address_space_memory, addr, &r) ? r.mr->name : "-";
}

static void test_priorities(void)
{
    static MemoryRegionOps ops;
    MemoryRegion low, high, inner, alias;
    ops = probe_ops(4, 1, 4, ENDIAN_LITTLE);
    memory_region_init_io(&low, NULL, &ops, NULL, "low", 0x10000);
    memory_region_init_io(&high, NULL, &ops, NULL, "high", 0x1000);
    memory_region_init(&inner, NULL, "inner", 0x4000);
    memory_region_init_alias(&alias, NULL, "alias", &low, 0x2000, 0x800);
    notified = 0;
    memory_region_add(system_memory, 0x1000, &low);
    memory_region_add_overlap(system_memory, 0x3000, &high, 1);
    g_assert_cmpuint(notified, ==, 2);
    g_assert_cmpstr(name_at(0xfff), ==, "-");
    g_assert_cmpstr(name_at(0x1000), ==, "low");
    g_assert_cmpstr(name_at(0x3000), ==, "high");
    g_assert_cmpstr(name_at(0x4000), ==, "low");
    g_assert_cmpstr(name_at(0x11000), ==, "-");

    FlatRange r;
    memory_region_add(&inner, 0x100, &alias);
    memory_region_add_overlap(system_memory, 0x20000, &inner, 0);
    g_assert_true(address_space_find(address_space_memory, 0x20110, &r));
    g_assert_true(r.mr == &low);
    g_assert_cmphex(r.start, ==, 0x20100);
    g_assert_cmphex(r.size, ==, 0x800);
    g_assert_cmphex(r.offset, ==, 0x2000);
    memory_region_set_alias_offset(&alias, 0xfc00); /* runs past the end of its target */
    g_assert_true(address_space_find(address_space_memory, 0x20100, &r));
    g_assert_cmphex(r.size, ==, 0x400);

    notified = 0;
    memory_transaction_begin(); /* a BAR probe: moved away and back */
    memory_region_set_address(&high, 0x8000);
    memory_region_set_address(&high, 0x3000);
    memory_transaction_commit();
    memory_region_set_enabled(&alias, true);
    g_assert_cmpuint(notified, ==, 0);
    memory_region_set_enabled(&high, false);
    g_assert_cmpuint(notified, ==, 1);
    g_assert_cmpstr(name_at(0x3000), ==, "low");
    memory_region_del(system_memory, &inner);
    memory_region_del(system_memory, &high);
    memory_region_del(system_memory, &low);
    g_assert_cmpstr(name_at(0x1000), ==, "-");
}

/* The region that byte addr of mr belongs to, by the definition: children by priority, then itself. */
static MemoryRegion *owner_of(MemoryRegion *mr, uint64_t offset)
{
    if (!mr->enabled || offset >= mr->size)
        return NULL;
    if (mr->kind == REGION_ALIAS)
        return owner_of(mr->alias, mr->alias_offset + offset);
    for (MemoryRegion *c = mr->children; c; c = c->sibling) {
        MemoryRegion *o = offset >= c->addr ? owner_of(c, offset - c->addr) : NULL;
        if (o)
            return o;
    }
    return mr->terminates ? mr : NULL;
}

static void test_random_trees(void)
{
    static MemoryRegionOps ops;
    ops = probe_ops(4, 1, 4, ENDIAN_LITTLE);
    for (unsigned round = 0; round < 300; round++) {
        MemoryRegion r[12];
        memory_transaction_begin();
        for (unsigned i = 0; i < 12; i++) {
            uint64_t size = (uint64_t)g_test_rand_int_range(1, 40);
            int kind = i < 2 ? 0 : g_test_rand_int_range(0, 3);
            if (kind == 0)
                memory_region_init_io(&r[i], NULL, &ops, NULL, "io", size);
            else if (kind == 1)
                memory_region_init(&r[i], NULL, "box", size);
            else
                memory_region_init_alias(&r[i], NULL, "alias", &r[g_test_rand_int_range(0, (int)i)],
                                         (uint64_t)g_test_rand_int_range(0, 20), size);
            r[i].enabled = g_test_rand_int_range(0, 8) > 0;
        }
        MemoryRegion *parent[12];
        for (unsigned i = 0; i < 12; i++) {
            int up = i == 11 ? -1 : g_test_rand_int_range((int)i, 12);
            parent[i] = up <= (int)i || r[up].kind == REGION_ALIAS ? system_memory : &r[up];
            memory_region_add_overlap(parent[i], (hwaddr)g_test_rand_int_range(0, 60), &r[i],
                                      g_test_rand_int_range(-1, 2));
        }
        memory_transaction_commit();
        for (hwaddr a = 0; a < 130; a++) {
            FlatRange f = { .mr = NULL };
            address_space_find(address_space_memory, a, &f);
            g_assert_true(f.mr == owner_of(system_memory, a));
        }
        memory_transaction_begin();
        for (unsigned i = 0; i < 12; i++)
            memory_region_del(parent[i], &r[i]);
        memory_transaction_commit();
    }
}

static void test_sizes(void)
{
    Probe p = { 0 };
    MemoryRegion mr;
    uint64_t v;
    MemoryRegionOps ops = probe_ops(8, 1, 2, ENDIAN_LITTLE);
    memory_region_init_io(&mr, NULL, &ops, &p, "probe", 0x100);
    g_assert_cmpint(memory_region_read(&mr, 0, &v, 8), ==, MEMTX_OK);
    g_assert_cmphex(v, ==, 0x8877665544332211);
    g_assert_cmpuint(p.n, ==, 4);
    g_assert_cmpuint(p.log[3].size, ==, 2);
    p.n = 0;
    memory_region_write(&mr, 4, 0xaabbccdd, 4);
    g_assert_cmphex(p.log[0].value, ==, 0xccdd);
    g_assert_cmphex(p.log[1].value, ==, 0xaabb);
    g_assert_cmpint(memory_region_read(&mr, 1, &v, 2), ==, MEMTX_DECODE_ERROR); /* misaligned */
    g_assert_cmphex(v, ==, 0xffff);

    ops = probe_ops(4, 4, 4, ENDIAN_LITTLE); /* narrower than the device implements */
    p.n = 0;
    memory_region_read(&mr, 2, &v, 1);
    g_assert_cmphex(v, ==, 0x33);
    g_assert_cmphex(p.log[0].offset, ==, 0);
    memory_region_write(&mr, 2, 0x5a, 1);
    g_assert_cmphex(p.log[1].value, ==, 0x5a0000);
    g_assert_cmpint(memory_region_read(&mr, 0, &v, 8), ==, MEMTX_DECODE_ERROR);

    ops = probe_ops(4, 1, 4, ENDIAN_BIG);
    memory_region_read(&mr, 0, &v, 4);
    g_assert_cmphex(v, ==, 0x11223344);
    p.n = 0;
    memory_region_write(&mr, 0, 0x11223344, 4);
    g_assert_cmphex(p.log[0].value, ==, 0x44332211);

    ops = (MemoryRegionOps){ .read = probe_read, .write = probe_write };
    g_assert_cmpint(memory_region_read(&mr, 0, &v, 4), ==, MEMTX_OK); /* 0 means 1 to 4 */
    g_assert_cmpint(memory_region_read(&mr, 0, &v, 8), ==, MEMTX_DECODE_ERROR);
}

static MemTxResult inner_result;

static void dma_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    uint64_t v;
    inner_result = memory_region_read(opaque, 0, &v, 4);
}

static void test_reentry(void)
{
    MemoryRegion mr;
    MemoryRegionOps ops = { .read = probe_read, .write = dma_write };
    memory_region_init_io(&mr, NULL, &ops, &mr, "dma", 0x100);
    g_assert_cmpint(memory_region_write(&mr, 0, 1, 4), ==, MEMTX_OK);
    g_assert_cmpint(inner_result, ==, MEMTX_ERROR);
    g_assert_cmpint(memory_region_write(&mr, 0, 1, 4), ==, MEMTX_OK); /* and it recovers */
}

static void test_blocks(void)
{
    Error *err = NULL;
    MemoryRegion ram, rom, dev;
    Probe p = { 0 };
    MemoryRegionOps ops = probe_ops(4, 1, 4, ENDIAN_LITTLE);
    MemTxResult res;
    uint8_t buf[64];
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 0x3000, &err));
    g_assert_true(memory_region_init_rom(&rom, NULL, "rom", 0x1000, &err));
    memory_region_init_io(&dev, NULL, &ops, &p, "dev", 0x10);
    memory_region_add(system_memory, 0, &ram);
    memory_region_add(system_memory, 0x3000, &rom);
    memory_region_add(system_memory, 0x4000, &dev);

    memset(buf, 0x5a, sizeof(buf));
    g_assert_cmpint(address_space_write(address_space_memory, 0x2ff8, buf, 16), ==, MEMTX_OK);
    g_assert_cmphex(memory_region_ram_ptr(&ram)[0x2fff], ==, 0x5a);
    g_assert_cmphex(memory_region_ram_ptr(&rom)[0], ==, 0);
    g_assert_cmpint(address_space_write_rom(address_space_memory, 0x3000, buf, 4), ==, MEMTX_OK);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x2ffe, 8, &res), ==, 0x00005a5a5a5a5a5a);
    g_assert_cmpint(address_space_read(address_space_memory, 0x3ffc, buf, 12), ==, MEMTX_OK);
    g_assert_cmpuint(p.n, ==, 2); /* two words of the device */
    g_assert_cmphex(buf[4], ==, 0x11);
    g_assert_cmpint(address_space_read(address_space_memory, 0x5000, buf, 4), ==, MEMTX_DECODE_ERROR);
    g_assert_cmphex(buf[3], ==, 0xff);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x5000, 2, &res), ==, 0xffff);
    g_assert_true(address_space_map_ram(address_space_memory, 0x2000, 0x1000, true) ==
                  memory_region_ram_ptr(&ram) + 0x2000);
    g_assert_null(address_space_map_ram(address_space_memory, 0x2000, 0x1001, false));
    g_assert_null(address_space_map_ram(address_space_memory, 0x3000, 1, true));
    memory_region_del(system_memory, &dev);
    memory_region_destroy(&rom);
    memory_region_destroy(&ram);
}

static void count_page(void *opaque, hwaddr offset)
{
    *(uint64_t *)opaque = *(uint64_t *)opaque * 16 + (offset >> 12);
}

static void test_dirty(void)
{
    Error *err = NULL;
    RAMBlock *b = ram_block_new("vram", 0x8000, &err);
    uint64_t pages = 0;
    g_assert_true(ram_test_and_clear_dirty(b, 0, 0x8000, DIRTY_VGA, NULL, NULL)); /* all are, at first */
    g_assert_false(ram_test_and_clear_dirty(b, 0, 0x8000, DIRTY_VGA, NULL, NULL));
    ram_written(b, 0x2ffe, 4);
    ram_written(b, 0x6000, 1);
    g_assert_true(ram_test_and_clear_dirty(b, 0x1000, 0x7000, DIRTY_VGA, count_page, &pages));
    g_assert_cmphex(pages, ==, 0x236);
    g_assert_true(ram_test_and_clear_dirty(b, 0x2000, 1, DIRTY_MIGRATION, NULL, NULL)); /* a client of its own */
    ram_block_free(b);
}

static void test_too_large(void)
{
    Error *err = NULL;
    g_assert_null(ram_block_new("huge", 1ull << 62, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "huge"));
    error_free(err);
}

/* Readers look up while the owner of the lock moves a region about. */
static atomic_bool finish;

static void *reader(void *opaque)
{
    uint64_t hits = 0;
    while (!atomic_load(&finish)) {
        FlatRange r;
        hits += address_space_find(address_space_memory, 0x8000, &r);
    }
    return GSIZE_TO_POINTER(hits);
}

static void test_readers(void)
{
    static MemoryRegionOps ops;
    MemoryRegion mr;
    pthread_t thread;
    ops = probe_ops(4, 1, 4, ENDIAN_LITTLE);
    memory_region_init_io(&mr, NULL, &ops, NULL, "mr", 0x1000);
    memory_region_add(system_memory, 0, &mr);
    pthread_create(&thread, NULL, reader, NULL);
    for (unsigned i = 0; i < 20000; i++)
        memory_region_set_address(&mr, i & 1 ? 0 : 0x8000);
    atomic_store(&finish, true);
    pthread_join(thread, NULL);
    memory_region_del(system_memory, &mr);
}

static void test_dump(void)
{
    static MemoryRegionOps ops;
    char *text = NULL;
    size_t len;
    MemoryRegion mr;
    memory_region_init_io(&mr, NULL, &ops, NULL, "chip", 0x1000);
    memory_region_add(system_memory, 0xfee00000, &mr);
    FILE *f = open_memstream(&text, &len);
    memory_dump_tree(f, false);
    memory_dump_tree(f, true);
    fclose(f);
    g_assert_nonnull(strstr(text, "    00000000fee00000-00000000fee00fff (prio 0, i/o): chip\n"));
    g_assert_nonnull(strstr(text, "\n  00000000fee00000-00000000fee00fff (prio 0, i/o): chip\n"));
    free(text);
    memory_region_del(system_memory, &mr);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    memory_init();
    memory_add_listener(on_change, NULL);
    g_test_add_func("/memory/priorities", test_priorities);
    g_test_add_func("/memory/random-trees", test_random_trees);
    g_test_add_func("/memory/sizes", test_sizes);
    g_test_add_func("/memory/reentry", test_reentry);
    g_test_add_func("/memory/blocks", test_blocks);
    g_test_add_func("/memory/dirty", test_dirty);
    g_test_add_func("/memory/too-large", test_too_large);
    g_test_add_func("/memory/readers", test_readers);
    g_test_add_func("/memory/dump", test_dump);
    int r = g_test_run();
    memory_exit();
    machine_unlock();
    return r;
}
