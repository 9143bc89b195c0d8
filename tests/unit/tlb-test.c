/* SPDX-License-Identifier: MIT */
/*
 * Proves the software TLB with a toy target: banks keep translations over switches, every flush drops
 * what it names and (as page walks are counted) nothing else, large and global pages, accesses that
 * cross pages, ROM, MMIO, dirty bits, atomics, and the code epoch that guards the jump cache. Expected
 * values follow from exec/tlb.h.
 */
#include "toy-target.h"
#include "exec/tlb-internal.h"

#include <setjmp.h>

#define TABLE(n) (0x200000 + (n) * 0x8000ull)
#define PRESENT (PTE_P | PTE_W | PTE_X)

static CPUState *cpu;

static void use(unsigned context)
{
    toy(cpu)->context = context;
    tlb_switch(cpu, toy_key(context));
}

/* Page walks that one access costs. */
static unsigned walks(uint64_t va)
{
    unsigned before = toy(cpu)->walks;
    cpu_ldub(cpu, va, 0, 0);
    return toy(cpu)->walks - before;
}

static void fresh(void)
{
    for (unsigned i = 1; i < 16; i++) {
        toy_tables[i] = TABLE(i);
        memset(toy_ram + TABLE(i), 0, 0x8000);
    }
    tlb_flush_all(cpu);
    use(1);
}

/* True when the access faults. */
static bool faults(uint64_t va, AccessType access)
{
    bool fault;
    tlb_probe(cpu, va, 1, access, 0, true, &fault, 0);
    return fault;
}

static void test_banks(void)
{
    fresh();
    for (unsigned c = 1; c <= 12; c++)
        toy_pte(c, 0x10000, (0x400000 + c * 0x1000) | PRESENT);
    for (unsigned c = 1; c <= 6; c++) {
        use(c);
        toy_ram[0x400000 + c * 0x1000] = (uint8_t)c;
        g_assert_cmpuint(walks(0x10000), ==, 1);
    }
    for (unsigned c = 1; c <= 6; c++) {
        use(c);
        g_assert_cmpuint(walks(0x10000), ==, 0);
        g_assert_cmpuint(cpu_ldub(cpu, 0x10000, 0, 0), ==, c);
    }
    for (unsigned c = 7; c <= 12; c++) { /* more than there are banks: old ones go */
        use(c);
        walks(0x10000);
    }
    use(1);
    g_assert_cmpuint(walks(0x10000), ==, 1);
    g_assert_cmpuint(cpu_ldub(cpu, 0x10000, 0, 0), ==, 1);
}

static void test_flush_context(void)
{
    fresh();
    for (unsigned c = 1; c <= 2; c++) {
        toy_pte(c, 0x10000, 0x400000 | PRESENT);
        toy_pte(c, 0x20000, 0x401000 | PRESENT | PTE_G);
        use(c);
        walks(0x10000);
        walks(0x20000);
    }
    tlb_flush_context(cpu, toy_key(2));
    g_assert_cmpuint(walks(0x20000), ==, 0); /* global */
    g_assert_cmpuint(walks(0x10000), ==, 1);
    use(1);
    g_assert_cmpuint(walks(0x10000), ==, 0); /* another context */
    tlb_flush_nonglobal(cpu);
    g_assert_cmpuint(walks(0x20000), ==, 0);
    g_assert_cmpuint(walks(0x10000), ==, 1);
    tlb_flush_all(cpu);
    g_assert_cmpuint(walks(0x20000), ==, 1);
}

static void test_global_shared(void)
{
    fresh();
    toy_pte(1, 0x20000, 0x401000 | PRESENT | PTE_G);
    walks(0x20000);
    use(2);
    g_assert_cmpuint(walks(0x20000), ==, 0); /* found although this context never walked */
    toy_pte(2, 0x20000, 0x402000 | PRESENT | PTE_G);
    toy_pte(1, 0x20000, 0x402000 | PRESENT | PTE_G);
    tlb_flush_page(cpu, toy_key(2), 0x20123, true);
    g_assert_cmpuint(walks(0x20000), ==, 1);
    use(1);
    toy_ram[0x402000] = 0x77;
    g_assert_cmphex(cpu_ldub(cpu, 0x20000, 0, 0), ==, 0x77); /* gone here too */
}

static void test_flush_page(void)
{
    fresh();
    for (unsigned c = 1; c <= 2; c++) {
        for (uint64_t va = 0x10000; va < 0x14000; va += PAGE_SIZE_)
            toy_pte(c, va, (0x400000 + va) | PRESENT);
        use(c);
        for (uint64_t va = 0x10000; va < 0x14000; va += PAGE_SIZE_)
            walks(va);
    }
    tlb_flush_page(cpu, toy_key(1), 0x11fff, false);
    g_assert_cmpuint(walks(0x11000), ==, 0); /* context 2 */
    use(1);
    g_assert_cmpuint(walks(0x10000) + walks(0x12000), ==, 0);
    g_assert_cmpuint(walks(0x11000), ==, 1);
    tlb_flush_page_all(cpu, 0x11000);
    g_assert_cmpuint(walks(0x11000), ==, 1);
    use(2);
    g_assert_cmpuint(walks(0x11000), ==, 1);
}

/* Pages that collide in the first level come back from the second. */
static void test_second_level(void)
{
    fresh();
    for (uint64_t n = 0; n < 1024; n++)
        toy_pte(1, n << PAGE_BITS, (0x400000 + (n << PAGE_BITS)) | PRESENT);
    unsigned total = 0;
    for (unsigned round = 0; round < 4; round++)
        for (uint64_t n = 0; n < 1024; n++)
            total += walks(n << PAGE_BITS);
    g_assert_cmpuint(total, <, 1200); /* 1024 and a few conflicts */
}

static void test_large_pages(void)
{
    fresh();
    for (uint64_t va = 0x400000; va < 0x600000; va += PAGE_SIZE_)
        toy_pte(1, va, 0xa00000 | PRESENT | PTE_LARGE);
    toy_pte(1, 0x10000, 0x400000 | PRESENT);
    walks(0x10000);
    g_assert_cmpuint(walks(0x400000), ==, 1);
    unsigned total = 0;
    for (uint64_t va = 0x401000; va < 0x600000; va += PAGE_SIZE_)
        total += walks(va);
    g_assert_cmpuint(total, <=, 1); /* one walk per piece of the second level */
    toy_ram[0xa05123] = 0x5c;
    g_assert_cmphex(cpu_ldub(cpu, 0x405123, 0, 0), ==, 0x5c);
    for (uint64_t va = 0x400000; va < 0x600000; va += PAGE_SIZE_)
        toy_pte(1, va, 0xc00000 | PRESENT | PTE_LARGE);
    tlb_flush_page(cpu, toy_key(1), 0x4ff000, false); /* one byte of it drops all of it */
    toy_ram[0xc05123] = 0x5d;
    toy_ram[0xdff000] = 0x5e;
    g_assert_cmphex(cpu_ldub(cpu, 0x405123, 0, 0), ==, 0x5d);
    g_assert_cmphex(cpu_ldub(cpu, 0x5ff000, 0, 0), ==, 0x5e);
    g_assert_cmpuint(walks(0x10000), ==, 0); /* and nothing else */
}

static void test_permissions(void)
{
    fresh();
    toy_pte(1, 0x10000, 0x400000 | PTE_P);
    g_assert_false(faults(0x10000, ACCESS_READ));
    g_assert_true(faults(0x10000, ACCESS_WRITE));
    g_assert_true(faults(0x10000, ACCESS_FETCH));
    g_assert_true(faults(0x11000, ACCESS_READ));
    toy_pte(1, 0x10000, 0x400000 | PRESENT); /* more rights need no flush */
    g_assert_false(faults(0x10000, ACCESS_WRITE));
}

static void test_sizes_and_order(void)
{
    fresh();
    use(0);
    uint8_t *p = toy_ram + 0x500000;
    for (unsigned i = 0; i < 64; i++)
        p[i] = (uint8_t)(0x81 + i);
    g_assert_cmphex(cpu_ld(cpu, 0x500000, MEMOPIDX(MO_16, 0), 0), ==, 0x8281);
    g_assert_cmphex(cpu_ld(cpu, 0x500000, MEMOPIDX(MO_16 | MO_BE, 0), 0), ==, 0x8182);
    g_assert_cmphex(cpu_ld(cpu, 0x500000, MEMOPIDX(MO_8 | MO_SIGN, 0), 0), ==, 0xffffffffffffff81);
    g_assert_cmphex(cpu_ld(cpu, 0x500001, MEMOPIDX(MO_32 | MO_SIGN | MO_BE, 0), 0), ==, 0xffffffff82838485);
    cpu_st(cpu, 0x500ffd, 0x1122334455667788, MEMOPIDX(MO_64, 0), 0);
    g_assert_cmphex(cpu_ldq(cpu, 0x500ffd, 0, 0), ==, 0x1122334455667788);
    g_assert_cmphex(cpu_ldl(cpu, 0x501000, 0, 0), ==, 0x22334455);
    uint8_t out[9000], in[9000];
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 7);
    cpu_st_bytes(cpu, 0x510f01, in, sizeof(in), 0, 0);
    cpu_ld_bytes(cpu, 0x510f01, out, sizeof(out), 0, 0);
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    uint8_t v[32] = { 0 };
    memset(v, 0xee, sizeof(v));
    tlb_slow_ldv(cpu, 0x500ffe, MEMOPIDX(MO_32, 0), 0, v);
    g_assert_cmphex(v[4], ==, 0); /* short vector loads clear the rest */
}

/* A store over two pages of which the second faults changes neither. */
static void test_store_crossing(void)
{
    fresh();
    toy_pte(1, 0x10000, 0x400000 | PRESENT);
    memset(toy_ram + 0x400ff8, 0x11, 8);
    current_cpu = cpu;
    cpu->in_exec = true;
    if (!setjmp(cpu->jmp_env)) {
        cpu_stq(cpu, 0x10ffc, ~0ull, 0, 0);
        g_assert_not_reached();
    }
    cpu->in_exec = false;
    current_cpu = NULL;
    g_assert_cmphex(toy(cpu)->fault_va, ==, 0x11000);
    g_assert_cmphex(toy_ram[0x400ffc], ==, 0x11);
    cpu->exception_index = EXCP_NONE;
}

static uint64_t reg;
static unsigned accesses;

static uint64_t reg_read(void *opaque, hwaddr offset, unsigned size)
{
    g_assert_true(machine_lock_held());
    accesses++;
    return reg >> 8 * offset;
}
static void reg_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    accesses++;
    reg = value << 8 * offset;
}

static void test_mmio(void)
{
    static const MemoryRegionOps ops = { .read = reg_read, .write = reg_write, .valid_max = 8, .impl_max = 8 };
    MemoryRegion mr;
    fresh();
    use(0);
    memory_region_init_io(&mr, NULL, &ops, NULL, "reg", 8);
    memory_region_add(system_memory, 0x40000000, &mr);
    tlb_run_pending(cpu);
    cpu_stl(cpu, 0x40000000, 0xcafe, 0, 0);
    g_assert_cmphex(reg, ==, 0xcafe);
    g_assert_cmphex(cpu_ldq(cpu, 0x40000000, 0, 0), ==, 0xcafe);
    g_assert_cmpuint(accesses, ==, 2);
    g_assert_cmphex(cpu_atomic(cpu, IR_ATOMIC_ADD, 0x40000000, 2, 0, MEMOPIDX(MO_32, 0), 0), ==, 0xcafe);
    g_assert_cmphex(reg, ==, 0xcb00);
    g_assert_null(tlb_probe(cpu, 0x40000000, 4, ACCESS_READ, 0, false, NULL, 0));
    g_assert_cmphex(cpu_ldl(cpu, 0x40000100, 0, 0), ==, 0xffffffff); /* same page, nothing there */
    memory_region_del(system_memory, &mr);
    tlb_run_pending(cpu);
    g_assert_cmphex(cpu_ldl(cpu, 0x40000000, 0, 0), ==, 0xffffffff);
}

static void test_rom(void)
{
    MemoryRegion rom;
    Error *err = NULL;
    fresh();
    use(0);
    g_assert_true(memory_region_init_rom(&rom, NULL, "rom", 0x1000, &err));
    memory_region_add(system_memory, 0x50000000, &rom);
    tlb_run_pending(cpu);
    memory_region_ram_ptr(&rom)[4] = 0x99;
    g_assert_cmphex(cpu_ldub(cpu, 0x50000004, 0, 0), ==, 0x99);
    cpu_stb(cpu, 0x50000004, 1, 0, 0);
    g_assert_cmphex(cpu_ldub(cpu, 0x50000004, 0, 0), ==, 0x99);
    memory_region_destroy(&rom);
    tlb_run_pending(cpu);
}

static void test_dirty(void)
{
    RAMBlock *b = toy_ram_region.ram;
    fresh();
    use(0);
    cpu_stb(cpu, 0x500000, 1, 0, 0);
    ram_test_and_clear_dirty(b, 0x500000, 0x2000, DIRTY_VGA, NULL, NULL);
    g_assert_false(ram_test_and_clear_dirty(b, 0x500000, 0x2000, DIRTY_VGA, NULL, NULL));
    cpu_stb(cpu, 0x500000, 1, 0, 0); /* the entry was there before: it must take the slow path */
    g_assert_true(ram_test_and_clear_dirty(b, 0x500000, 0x1000, DIRTY_VGA, NULL, NULL));
    g_assert_false(ram_test_and_clear_dirty(b, 0x501000, 0x1000, DIRTY_VGA, NULL, NULL));
    cpu_atomic(cpu, IR_ATOMIC_OR, 0x500008, 1, 0, MEMOPIDX(MO_64, 0), 0);
    g_assert_true(ram_test_and_clear_dirty(b, 0x500000, 0x1000, DIRTY_VGA, NULL, NULL));
}

static void test_atomics(void)
{
    static const struct { IROpcode opc; uint64_t result; } rows[] = {
        { IR_ATOMIC_XCHG, 0x0f }, { IR_ATOMIC_ADD, 0x0102 }, { IR_ATOMIC_AND, 0x03 }, { IR_ATOMIC_OR, 0xff },
        { IR_ATOMIC_XOR, 0xfc },
    };
    fresh();
    use(0);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (MemOp op = MO_8; op <= MO_64; op++) {
            for (unsigned cross = 0; cross < 2; cross++) {
                uint64_t va = cross ? 0x520fff : 0x520100, mask = ~0ull >> (64 - 8 * memop_bytes(op));
                cpu_stq(cpu, va, 0xf3, 0, 0);
                uint64_t old = cpu_atomic(cpu, rows[i].opc, va, 0x0f, 0, MEMOPIDX(op, 0), 0);
                g_assert_cmphex(old, ==, 0xf3);
                g_assert_cmphex(cpu_ldq(cpu, va, 0, 0) & mask, ==, rows[i].result & mask);
            }
        }
    }
    cpu_stq(cpu, 0x520100, 5, 0, 0);
    g_assert_cmphex(cpu_atomic(cpu, IR_ATOMIC_CMPXCHG, 0x520100, 9, 4, MEMOPIDX(MO_32, 0), 0), ==, 5);
    g_assert_cmphex(cpu_ldq(cpu, 0x520100, 0, 0), ==, 5);
    cpu_atomic(cpu, IR_ATOMIC_CMPXCHG, 0x520100, 9, 5, MEMOPIDX(MO_32, 0), 0);
    g_assert_cmphex(cpu_ldq(cpu, 0x520100, 0, 0), ==, 9);
    uint64_t cmp[2] = { 9, 1 }, val[2] = { 10, 11 };
    cpu_stq(cpu, 0x520108, 2, 0, 0);
    g_assert_false(cpu_cmpxchg16(cpu, 0x520100, cmp, val, 0, 0));
    g_assert_cmpuint(cmp[1], ==, 2);
    g_assert_true(cpu_cmpxchg16(cpu, 0x520100, cmp, val, 0, 0));
    g_assert_cmpuint(cpu_ldq(cpu, 0x520108, 0, 0), ==, 11);
}

/* The key of the jump cache changes when a page that was executed from goes, and only then. */
static void test_code_epoch(void)
{
    hwaddr pa;
    fresh();
    toy_pte(1, 0x10000, 0x400000 | PRESENT);
    toy_pte(1, 0x20000, 0x401000 | PRESENT);
    walks(0x20000);
    g_assert_true(tlb_code_page(cpu, 0x10010, &pa, NULL) == toy_ram + 0x400010);
    g_assert_cmphex(pa, ==, toy_ram_region.ram->base + 0x400010);
    uint32_t epoch = tlb_code_epoch(cpu, 1);
    uint64_t key = cpu->jc_key;
    tlb_flush_page(cpu, toy_key(1), 0x20000, false);
    g_assert_cmpuint(tlb_code_epoch(cpu, 1), ==, epoch);
    use(2);
    g_assert_cmphex(cpu->jc_key, !=, key);
    use(1);
    g_assert_cmphex(cpu->jc_key, ==, key);
    tlb_flush_page(cpu, toy_key(1), 0x10000, false);
    g_assert_cmpuint(tlb_code_epoch(cpu, 1), !=, epoch);
    g_assert_cmphex(cpu->jc_key >> 32, ==, tlb_code_epoch(cpu, 1));
}

/* Privileged code (all of the toy's) in global pages keeps its key over switches. */
static void test_shared_kernel(void)
{
    hwaddr pa;
    fresh();
    for (unsigned c = 1; c <= 2; c++) {
        toy_pte(c, 0x10000, 0x400000 | PRESENT | PTE_G);
        toy_pte(c, 0x20000, 0x401000 | PRESENT);
    }
    tlb_code_page(cpu, 0x10000, &pa, NULL);
    uint64_t key = cpu->jc_key;
    use(2);
    g_assert_cmphex(cpu->jc_key, ==, key);
    tlb_flush_context(cpu, toy_key(2));
    tlb_flush_page(cpu, toy_key(2), 0x20000, true);
    g_assert_cmphex(cpu->jc_key, ==, key);
    tlb_flush_page(cpu, toy_key(2), 0x10000, true);
    g_assert_cmphex(cpu->jc_key, !=, key);
    key = cpu->jc_key;
    tlb_code_page(cpu, 0x20000, &pa, NULL); /* not global: each bank for itself from here on */
    g_assert_cmphex(cpu->jc_key, !=, key);
    key = cpu->jc_key;
    use(1);
    g_assert_cmphex(cpu->jc_key, !=, key);
    use(2);
    g_assert_cmphex(cpu->jc_key, ==, key);
    for (unsigned i = 0; i < 3000; i++)
        use(1 + (i & 1));
    use(1);
    key = cpu->jc_key;
    use(2);
    g_assert_cmphex(cpu->jc_key, ==, key); /* tried again after a while */
}

static bool toy_walk_code(CPUState *c, uint64_t va, Translation *out)
{
    uint64_t pte = va >> PAGE_BITS < 4096 ? phys_ldq(c, toy_tables[toy(c)->context & 15] + (va >> PAGE_BITS) * 8) : 0;
    uint64_t size = pte & PTE_LARGE ? 2 * MiB : PAGE_SIZE_;
    *out = (Translation){ .pa = (pte & ~0xfffull & ~(size - 1)) | (va & (size - 1)), .page_size = size };
    return pte & PTE_P && pte & PTE_X;
}

/* The epoch that code would be looked up under now. */
static uint32_t settled(void)
{
    uint32_t epoch = tlb_settle_epoch(cpu, 1);
    cpu->jc_key = (uint64_t)epoch << 32 | 1;
    g_assert_cmpuint(epoch, ==, tlb_code_epoch(cpu, 1));
    g_assert_cmpuint(epoch, !=, EPOCH_NONE);
    return epoch;
}

/* Executes from the page and says under which epoch. */
static uint32_t executes(uint64_t va)
{
    hwaddr pa;
    settled();
    tlb_code_page(cpu, va, &pa, NULL);
    return settled();
}

/* A target that can walk again keeps the key while executed pages are where they were, and only then. */
static void test_code_sets(void)
{
    static TargetOps ops;
    CPUState *first = cpu;
    ops = toy_ops;
    ops.walk_code = toy_walk_code;
    cpu = toy_cpu_new();
    tlb_destroy(cpu);
    cpu->target = &ops;
    tlb_init(cpu);
    fresh();
    for (unsigned c = 1; c <= 3; c++) {
        toy_pte(c, 0x10000, 0x400000 | PRESENT);
        toy_pte(c, 0x20000, (c == 3 ? 0x409000 : 0x401000) | PRESENT);
        toy_pte(c, 0x400000, 0x800000 | PRESENT | PTE_LARGE);
        toy_pte(c, 0x5ff000, 0x800000 | PRESENT | PTE_LARGE);
    }
    uint32_t epoch = executes(0x10000);
    g_assert_cmpuint(executes(0x20000), ==, epoch);
    use(2); /* nothing is global, but everything is the same */
    g_assert_cmpuint(tlb_code_epoch(cpu, 1), ==, EPOCH_NONE);
    g_assert_cmpuint(settled(), ==, epoch);
    use(3); /* one page is elsewhere */
    uint32_t other = settled();
    g_assert_cmpuint(other, !=, epoch);
    g_assert_cmpuint(executes(0x10000), ==, other);
    g_assert_cmpuint(executes(0x20000), ==, other);
    use(1);
    g_assert_cmpuint(settled(), ==, epoch);
    tlb_flush_context(cpu, toy_key(1));
    g_assert_cmpuint(cpu->jc_key >> 32, ==, EPOCH_NONE); /* not before it was walked again */
    g_assert_cmpuint(settled(), ==, epoch);
    tlb_flush_mappings(cpu);
    g_assert_cmpuint(tlb_code_epoch(cpu, 1), ==, EPOCH_NONE);
    g_assert_cmpuint(settled(), ==, epoch);
    use(2); /* a page that another context adds is looked at */
    settled();
    executes(0x5ff000);
    use(1);
    g_assert_cmpuint(tlb_code_epoch(cpu, 1), ==, EPOCH_NONE);
    g_assert_cmpuint(settled(), ==, epoch);
    tlb_flush_page(cpu, toy_key(1), 0x400000, false); /* of the same large mapping */
    g_assert_cmpuint(tlb_code_epoch(cpu, 1), ==, EPOCH_NONE);
    g_assert_cmpuint(settled(), ==, epoch);
    toy_pte(1, 0x20000, 0x402000 | PRESENT);
    g_assert_cmpuint(settled(), ==, epoch); /* not flushed yet */
    tlb_flush_page(cpu, toy_key(1), 0x20000, false);
    uint32_t moved = settled();
    g_assert_true(moved != epoch && moved != other);
    g_assert_cmpuint(executes(0x20000), ==, moved);
    use(2); /* there it has not moved */
    g_assert_cmpuint(settled(), ==, epoch);
    toy_pte(2, 0x20000, 0x401000 | PTE_P | PTE_W); /* no more to be executed */
    tlb_flush_page_all(cpu, 0x20000);
    g_assert_cmpuint(settled(), !=, epoch);
    tlb_flush_all(cpu);
    use(1);
    g_assert_cmpuint(settled(), !=, moved); /* not what a guest asks for: everything is forgotten */
    for (unsigned i = 0; i <= CODE_PAGES; i++) /* more than a set holds */
        toy_pte(1, (0x600 + i) * PAGE_SIZE_, 0x400000 | PRESENT);
    epoch = settled();
    for (unsigned i = 0; i < CODE_PAGES; i++)
        g_assert_cmpuint(executes((0x600 + i) * PAGE_SIZE_), ==, epoch);
    g_assert_cmpuint(executes((0x600 + CODE_PAGES) * PAGE_SIZE_), !=, epoch);
    cpu = first;
}

static void test_stats(void)
{
    TLBStats s;
    tlb_stats(cpu, &s);
    g_assert_cmpuint(s.l1_misses, >=, s.l2_misses);
    g_assert_cmpuint(s.fills, >, 0);
    g_assert_cmpuint(s.mmio, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    toy_machine(&tcg_backend_interp, 64 * MiB, 8 * MiB);
    cpu = toy_cpu_new();
    g_test_add_func("/tlb/banks", test_banks);
    g_test_add_func("/tlb/flush-context", test_flush_context);
    g_test_add_func("/tlb/global-shared", test_global_shared);
    g_test_add_func("/tlb/flush-page", test_flush_page);
    g_test_add_func("/tlb/second-level", test_second_level);
    g_test_add_func("/tlb/large-pages", test_large_pages);
    g_test_add_func("/tlb/permissions", test_permissions);
    g_test_add_func("/tlb/sizes-and-order", test_sizes_and_order);
    g_test_add_func("/tlb/store-crossing", test_store_crossing);
    g_test_add_func("/tlb/mmio", test_mmio);
    g_test_add_func("/tlb/rom", test_rom);
    g_test_add_func("/tlb/dirty", test_dirty);
    g_test_add_func("/tlb/atomics", test_atomics);
    g_test_add_func("/tlb/code-epoch", test_code_epoch);
    g_test_add_func("/tlb/shared-kernel", test_shared_kernel);
    g_test_add_func("/tlb/code-sets", test_code_sets);
    g_test_add_func("/tlb/stats", test_stats);
    return g_test_run();
}
