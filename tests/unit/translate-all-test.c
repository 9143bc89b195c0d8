/* SPDX-License-Identifier: MIT */
/*
 * Proves the vCPU loop and the TB cache with a toy target, under the interpreter and the host back end
 * (TOY_ENGINE=interp or host for one): loops and links, faults with exact state, stores into running, other and
 * next-page code, DMA into code, address-space switches under the same pc, region eviction, breakpoints,
 * watchpoints, single steps. Expected values are computed by hand from the toy programs.
 */
#include "toy-target.h"
#include "exec/tb-internal.h"

#include <sys/wait.h>
#include <unistd.h>

#define CODE 0x1000
#define DATA 0x100000

static CPUState *cpu;

static void test_loop(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 0);
    toy_movi(&c, 1, 3);
    toy_movi(&c, 2, 100000);
    uint64_t loop = c.at;
    toy_rr(&c, 2, 0, 1);
    toy_djnz(&c, 2, loop);
    toy_op(&c, 0);
    toy_run(cpu, CODE);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 300000);
    g_assert_cmpuint(tb_stats.links, >, 0);
}

static void test_memory(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 0x1122334455667788);
    toy_movi(&c, 1, DATA + 0xffc); /* crosses a page */
    toy_rr(&c, 4, 0, 1);
    toy_rr(&c, 3, 2, 1);
    toy_op(&c, 0);
    toy_run(cpu, CODE);
    g_assert_cmphex(toy(cpu)->r[2], ==, 0x1122334455667788);
    g_assert_cmphex(*(uint32_t *)(toy_ram + DATA + 0xffc), ==, 0x55667788);
}

/* The third instruction of the TB faults: registers and pc are those before it. */
static void test_fault(void)
{
    toy_tables[1] = 0x200000;
    memset(toy_ram + 0x200000, 0, 0x8000);
    for (uint64_t va = 0; va < 0x10000; va += PAGE_SIZE_)
        toy_pte(1, va, va | PTE_P | PTE_X | PTE_G);
    toy_pte(1, 0x20000, 0x20000 | PTE_P);
    ToyCode c = { CODE }, handler = { 0x8000 };
    toy_movi(&c, 0, 1);
    toy_movi(&c, 1, 0x20008);
    uint64_t bad = c.at;
    toy_rr(&c, 4, 0, 1);
    toy_movi(&c, 0, 99);
    toy_op(&c, 0);
    toy_op(&handler, 0);
    toy(cpu)->vector_base = 0x8000;
    toy(cpu)->context = 1;
    tlb_switch(cpu, toy_key(1));
    toy_run(cpu, CODE);
    g_assert_cmpint(toy(cpu)->last_vector, ==, TOY_FAULT);
    g_assert_cmphex(toy(cpu)->epc, ==, bad);
    g_assert_cmphex(toy(cpu)->fault_va, ==, 0x20008);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 1);
    toy(cpu)->context = 0;
    tlb_switch(cpu, toy_key(0));
}

/* A store changes the immediate of an instruction later in the same TB, which must run changed. */
static void test_store_into_own_tb(void)
{
    ToyCode c = { CODE };
    uint64_t hits = tb_stats.hits_own_code;
    toy_movi(&c, 0, 77);
    toy_movi(&c, 1, 0);
    uint64_t address_at = c.at - 8;
    toy_rr(&c, 7, 0, 1);
    uint64_t target = c.at + 2;
    toy_movi(&c, 2, 5);
    toy_op(&c, 0);
    memcpy(toy_ram + address_at, &target, 8);
    toy_run(cpu, CODE);
    g_assert_cmpuint(toy(cpu)->r[2], ==, 77);
    g_assert_cmpuint(tb_stats.hits_own_code, ==, hits + 1);
    toy_run(cpu, CODE); /* translated afresh, the same again */
    g_assert_cmpuint(toy(cpu)->r[2], ==, 77);
}

/* A store changes another TB that a chained loop runs; data beside code does not invalidate. */
static void test_store_into_other_tb(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 2);
    toy_movi(&c, 1, 0x1802); /* immediate of the MOVI at 0x1800 */
    toy_movi(&c, 3, 0);
    uint64_t loop = c.at;
    toy_jmp(&c, 0x1800);
    ToyCode other = { 0x1800 };
    toy_movi(&other, 2, 1);
    toy_rr(&other, 2, 3, 2);
    toy_rr(&other, 7, 0, 1);
    toy_djnz(&other, 0, loop);
    toy_op(&other, 0);
    toy_run(cpu, CODE);
    g_assert_cmpuint(toy(cpu)->r[3], ==, 1 + 2); /* first pass adds 1, then the stored 2 */

    uint64_t before = tb_stats.invalidated;
    toy_ram[0x1ff8] = 1;
    ram_written(toy_ram_region.ram, 0x1ff8, 8);
    g_assert_cmpuint(tb_stats.invalidated, ==, before);
}

static void test_dma(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 1);
    toy_op(&c, 0);
    toy_run(cpu, CODE);
    uint64_t nine = 9;
    address_space_write(address_space_memory, CODE + 2, &nine, 8);
    toy_run(cpu, CODE);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 9);
}

/* The first instruction of a TB lies on two pages; each of them changes in turn. */
static void test_two_pages(void)
{
    ToyCode c = { 0x2ffc };
    toy_movi(&c, 0, 0x0102030405060708);
    toy_op(&c, 0);
    toy_run(cpu, 0x2ffc);
    g_assert_cmphex(toy(cpu)->r[0], ==, 0x0102030405060708);
    uint8_t v = 0xaa;
    address_space_write(address_space_memory, 0x2fff, &v, 1);
    toy_run(cpu, 0x2ffc);
    g_assert_cmphex(toy(cpu)->r[0], ==, 0x010203040506aa08);
    address_space_write(address_space_memory, 0x3002, &v, 1);
    toy_run(cpu, 0x2ffc);
    g_assert_cmphex(toy(cpu)->r[0], ==, 0x010203aa0506aa08);
}

/* Two address spaces map different code at one pc; a jump-cache hit must not cross over. */
static void test_address_spaces(void)
{
    toy_tables[2] = 0x210000;
    toy_tables[3] = 0x220000;
    memset(toy_ram + 0x210000, 0, 0x20000);
    for (unsigned ctx = 2; ctx <= 3; ctx++) {
        toy_pte(ctx, 0x1000, 0x1000 | PTE_P | PTE_X | PTE_G);
        toy_pte(ctx, 0x5000, (ctx == 2 ? 0x5000 : 0x6000) | PTE_P | PTE_X);
    }
    for (unsigned i = 0; i < 2; i++) {
        ToyCode f = { 0x5000 + i * 0x1000 };
        toy_movi(&f, 2, i ? 1000 : 1);
        toy_rr(&f, 2, 3, 2);
        toy_movi(&f, 2, 0x1100);
        toy_r1(&f, 8, 2);
    }
    ToyCode c = { 0x1000 }, next = { 0x1100 };
    toy_movi(&c, 0, 6);
    toy_movi(&c, 3, 0);
    toy_movi(&c, 1, 2);
    toy_r1(&c, 9, 1);
    toy_jmp(&c, 0x1200);
    ToyCode call = { 0x1200 };
    toy_movi(&call, 2, 0x5000);
    toy_r1(&call, 8, 2);
    /* back here: r1 + 1 is the other context; 4 to 7 have the tables of 2 and 3 */
    toy_movi(&next, 2, 0);
    toy_rr(&next, 2, 2, 1);
    toy_movi(&next, 1, 1);
    toy_rr(&next, 2, 1, 2);
    toy_r1(&next, 9, 1);
    toy_djnz(&next, 0, 0x1200);
    toy_op(&next, 0);
    toy_tables[4] = toy_tables[6] = toy_tables[2];
    toy_tables[5] = toy_tables[7] = toy_tables[3];
    toy_run(cpu, 0x1000);
    g_assert_cmpuint(toy(cpu)->r[3], ==, 3 * 1001);
    toy(cpu)->context = 0;
    tlb_switch(cpu, toy_key(0));
}

/* More code than the cache holds: TBs are evicted, and what runs stays right. */
static void test_eviction(void)
{
    const uint64_t area = 0x800000, blocks = 0x80000;
    ToyCode c = { area };
    uint64_t evictions = tb_stats.evictions;
    for (unsigned i = 0; i < blocks / 8; i++) {
        c.at = area + i * 64;
        toy_movi(&c, 1, i);
        toy_rr(&c, 2, 0, 1);
        toy_jmp(&c, area + (i + 1) * 64);
    }
    c.at = area + blocks / 8 * 64;
    toy_op(&c, 0);
    uint64_t n = blocks / 8, sum = n * (n - 1) / 2;
    for (unsigned round = 1; round <= 3; round++) {
        toy(cpu)->r[0] = 0;
        toy_run(cpu, area);
        g_assert_cmpuint(toy(cpu)->r[0], ==, sum);
    }
    g_assert_cmpuint(tb_stats.evictions, >, evictions);
}

static void test_breakpoint(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 1);
    uint64_t at = c.at;
    toy_movi(&c, 0, 2);
    toy_op(&c, 0);
    toy_run(cpu, CODE);
    cpu_breakpoint_insert(cpu, at, BP_GDB);
    toy(cpu)->pc = CODE;
    cpu->halted = false;
    current_cpu = cpu;
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_DEBUG);
    g_assert_cmphex(toy(cpu)->pc, ==, at);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 1);
    g_assert_true(cpu_breakpoint_remove(cpu, at, BP_GDB));
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_HLT);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 2);
    current_cpu = NULL;
}

static void test_watchpoint(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 5);
    toy_movi(&c, 1, DATA);
    toy_rr(&c, 4, 0, 1);
    uint64_t after = c.at;
    toy_movi(&c, 0, 6);
    toy_op(&c, 0);
    cpu_watchpoint_insert(cpu, DATA + 4, 1, BP_GDB | BP_MEM_WRITE);
    toy(cpu)->pc = CODE;
    cpu->halted = false;
    current_cpu = cpu;
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_DEBUG);
    g_assert_cmphex(toy(cpu)->pc, ==, after);
    g_assert_cmpuint(*(uint64_t *)(toy_ram + DATA), ==, 5); /* stops after the store */
    g_assert_nonnull(cpu->watchpoint_hit);
    g_assert_true(cpu_watchpoint_remove(cpu, DATA + 4, 1, BP_GDB | BP_MEM_WRITE));
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_HLT);
    current_cpu = NULL;
}

static void test_single_step(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 0, 5);
    uint64_t second = c.at;
    toy_movi(&c, 0, 6);
    toy(cpu)->pc = CODE;
    cpu->halted = false;
    cpu->singlestep = 1;
    current_cpu = cpu;
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_DEBUG);
    g_assert_cmphex(toy(cpu)->pc, ==, second);
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_DEBUG);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 6);
    cpu->singlestep = 0;
    current_cpu = NULL;
}

static void test_interrupt(void)
{
    ToyCode c = { CODE }, handler = { 0x8000 };
    toy_movi(&c, 0, 1);
    toy_movi(&c, 1, 10);
    uint64_t loop = c.at;
    toy_djnz(&c, 1, loop);
    toy_op(&c, 0);
    toy_movi(&handler, 3, 42);
    toy_op(&handler, 0xc);
    toy(cpu)->vector_base = 0x8000;
    toy(cpu)->irq_enabled = true;
    unsigned irqs = toy(cpu)->irqs;
    cpu_interrupt(cpu, CPU_INTERRUPT_HARD);
    toy_run(cpu, CODE);
    g_assert_cmpuint(toy(cpu)->irqs, ==, irqs + 1);
    g_assert_cmpuint(toy(cpu)->r[3], ==, 42);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 1);
}

static uint64_t rom_read(void *opaque, hwaddr offset, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, (uint8_t *)opaque + offset, size);
    return v;
}

static void test_mmio_code(void)
{
    static MemoryRegion window;
    static uint8_t rom[4096] = { 0x01, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0x00 };
    static const MemoryRegionOps ops = { .read = rom_read };
    memory_region_init_io(&window, NULL, &ops, rom, "code", sizeof(rom));
    memory_region_add_overlap(system_memory, 0x40000000, &window, 1);
    toy_run(cpu, 0x40000000);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 7);
    rom[2] = 8; /* nothing of it is kept */
    toy_run(cpu, 0x40000000);
    g_assert_cmpuint(toy(cpu)->r[0], ==, 8);
    memory_region_del(system_memory, &window);
}

int main(int argc, char **argv)
{
    const char *engine = g_getenv("TOY_ENGINE");
    int status = 0;
    if (!engine) { /* one process each */
        pid_t child = fork();
        engine = child ? "host" : "interp";
        if (child && (waitpid(child, &status, 0) < 0 || status))
            return 1;
    }
    g_test_init(&argc, &argv, NULL);
    toy_machine(!strcmp(engine, "interp") ? &tcg_backend_interp : &tcg_backend_x86_64, 64 * MiB, 8 * MiB);
    cpu = toy_cpu_new();
    g_test_add_func("/exec/loop", test_loop);
    g_test_add_func("/exec/memory", test_memory);
    g_test_add_func("/exec/fault", test_fault);
    g_test_add_func("/exec/store-into-own-tb", test_store_into_own_tb);
    g_test_add_func("/exec/store-into-other-tb", test_store_into_other_tb);
    g_test_add_func("/exec/dma", test_dma);
    g_test_add_func("/exec/two-pages", test_two_pages);
    g_test_add_func("/exec/address-spaces", test_address_spaces);
    g_test_add_func("/exec/breakpoint", test_breakpoint);
    g_test_add_func("/exec/watchpoint", test_watchpoint);
    g_test_add_func("/exec/single-step", test_single_step);
    g_test_add_func("/exec/interrupt", test_interrupt);
    g_test_add_func("/exec/mmio-code", test_mmio_code);
    g_test_add_func("/exec/eviction", test_eviction);
    return g_test_run();
}
