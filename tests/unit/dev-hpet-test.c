/* SPDX-License-Identifier: MIT */
/* The HPET: capabilities, counter, one-shot and periodic timers in both widths, level and edge, legacy replacement in
 * front of PIT and RTC, halves, saved state. Expected values are from Intel's IA-PC HPET specification 1.0a. */
#include "cpu.h"
#include "dev-test.h"

#define BASE 0xfed00000

static Device *hpet;

static void wr(unsigned reg, uint64_t v)
{
    address_space_st(address_space_memory, BASE + reg, v, 8);
}

static uint64_t rd(unsigned reg)
{
    return address_space_ld(address_space_memory, BASE + reg, 8, NULL);
}

static void setup(void)
{
    hpet = create("hpet");
    map_region(system_memory, BASE, hpet, 0);
    for (unsigned i = 0; i < 33; i++)
        connect_line(hpet, i, line((int)i));
    hpet->type->reset(hpet);
    clear_lines();
}

static void teardown(void)
{
    device_unrealize(hpet);
}

static void test_counter(void)
{
    setup();
    g_assert_cmphex(rd(0), ==, 0x009896808086a201); /* 10 ns, three timers, 64 bits, legacy */
    g_assert_cmphex(rd(0x100), ==, 0x0000000400000030);
    g_assert_cmphex(rd(0xf0), ==, 0);
    advance(MS);
    g_assert_cmphex(rd(0xf0), ==, 0);
    wr(0xf0, 0xfffffff0);
    wr(0x10, 1);
    advance(320);
    g_assert_cmphex(rd(0xf0), ==, 0x100000010);
    g_assert_cmphex(address_space_ld(address_space_memory, BASE + 0xf4, 4, NULL), ==, 1);
    wr(0xf0, 5); /* not while it runs */
    g_assert_cmphex(rd(0xf0), ==, 0x100000010);
    wr(0x10, 0);
    advance(MS);
    g_assert_cmphex(rd(0xf0), ==, 0x100000010);
    wr(0, 0), wr(0x3f8, 1), wr(0x1f8, 1);
    g_assert_cmphex(rd(0x3f8), ==, 0);
    teardown();
}

static void test_one_shot(void)
{
    setup();
    wr(0x10, 1);
    wr(0x148, 1000), wr(0x140, 20 << 9 | 4); /* edge, line 20 */
    advance(9990);
    g_assert_cmpint(line_rises[20], ==, 0);
    advance(10);
    g_assert_cmpint(line_rises[20], ==, 1);
    g_assert_cmpint(line_level[20], ==, 0);
    g_assert_cmphex(rd(0x20), ==, 0);
    advance(100 * NS_PER_SEC);
    g_assert_cmpint(line_rises[20], ==, 1);
    wr(0x140, 20 << 9 | 0x106); /* level, 32 bits */
    wr(0x148, rd(0xf0) + 500);
    advance(5 * US);
    g_assert_cmpint(line_level[20], ==, 1);
    g_assert_cmphex(rd(0x20), ==, 4);
    wr(0x20, 1);
    g_assert_cmpint(line_level[20], ==, 1);
    wr(0x20, 4);
    g_assert_cmpint(line_level[20], ==, 0);
    advance((1ll << 32) * 10 + 100); /* a 32-bit comparator matches again after a wrap */
    g_assert_cmpint(line_level[20], ==, 1);
    wr(0x20, 4);
    wr(0x140, 20 << 9 | 0x102); /* disabled: the status bit alone */
    wr(0x148, rd(0xf0) + 500);
    advance(5 * US);
    g_assert_cmpint(line_level[20], ==, 0);
    g_assert_cmphex(rd(0x20), ==, 4);
    teardown();
}

static void test_periodic(void)
{
    setup();
    wr(0x100, 2 << 9 | 0x4c); /* periodic, set value */
    wr(0x108, 20000);
    wr(0x108, 10000);
    wr(0x10, 1);
    g_assert_cmphex(rd(0x100) & 0x40, ==, 0);
    advance(200 * US);
    g_assert_cmpint(line_rises[2], ==, 1);
    g_assert_cmpint(rd(0x108), ==, 30000);
    for (int i = 0; i < 9; i++)
        advance(100 * US);
    g_assert_cmpint(line_rises[2], ==, 10);
    wr(0x10, 0);
    advance(NS_PER_SEC);
    wr(0x10, 1); /* goes on where it was */
    advance(100 * US);
    g_assert_cmpint(line_rises[2], ==, 11);
    address_space_st(address_space_memory, BASE + 0x108, 5000, 4); /* a new period, by its low half */
    advance(100 * US);
    g_assert_cmpint(line_rises[2], ==, 12);
    advance(50 * US);
    g_assert_cmpint(line_rises[2], ==, 13);
    wr(0x108, 1); /* a period of 10 ns does not stop the machine */
    clear_lines();
    advance(MS);
    g_assert_cmpint(line_rises[2], >, 10);
    g_assert_cmpint(line_rises[2], <=, 50);
    teardown();
}

/* Periods missed while the host was busy: edges follow, each when the one before has been taken. */
static void test_held_up(void)
{
    setup();
    CPUState *cpu = g_new0(CPUState, 1), *cpus = first_cpu;
    wr(0x100, 2 << 9 | 0x4c);
    wr(0x108, 16000);
    wr(0x108, 16000); /* 160 us */
    wr(0x10, 1);
    cpu->interrupt_request = CPU_INTERRUPT_HARD;
    first_cpu = cpu;
    held_up(10 * 160 * US + 1);
    g_assert_cmpint(line_rises[2], ==, 1);
    g_assert_cmpint(rd(0x108), ==, 11 * 16000);
    advance(15 * US);
    g_assert_cmpint(line_rises[2], ==, 1);
    cpu->interrupt_request = 0;
    advance(144 * US); /* 20 us apart, the shortest interval there is */
    g_assert_cmpint(line_rises[2], ==, 8);
    advance(2 * US);
    g_assert_cmpint(line_rises[2], ==, 9);
    advance(160 * US);
    g_assert_cmpint(line_rises[2], ==, 12);
    held_up(1000 * 160 * US);
    advance(1600 * US);
    g_assert_cmpint(line_rises[2], ==, 12 + 64 + 10);
    held_up(10 * 160 * US);
    wr(0x108, 16000); /* a new period owes nothing */
    clear_lines();
    advance(159 * US);
    g_assert_cmpint(line_rises[2], <=, 1);
    wr(0x100, 2 << 9 | 0x0e); /* level: the status bit is the memory */
    held_up(10 * 160 * US);
    g_assert_cmphex(rd(0x20), ==, 1);
    wr(0x20, 1);
    advance((int64_t)(rd(0x108) - rd(0xf0)) * 10 - 20);
    g_assert_cmphex(rd(0x20), ==, 0);
    first_cpu = cpus;
    g_free(cpu);
    teardown();
}

static void test_legacy(void)
{
    setup();
    IRQLine pit = device_input(hpet, 0), rtc = device_input(hpet, 1);
    g_assert_cmpint(line_level[32], ==, 1);
    irq_set(&pit, 1), irq_set(&rtc, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpint(line_level[8], ==, 1);
    wr(0x10, 3);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpint(line_level[8], ==, 0);
    g_assert_cmpint(line_level[32], ==, 0);
    clear_lines();
    irq_set(&pit, 0), irq_set(&pit, 1);
    g_assert_cmpint(line_rises[0], ==, 0);
    wr(0x100, 4 | 20 << 9), wr(0x108, rd(0xf0) + 10000);
    wr(0x120, 4 | 20 << 9), wr(0x128, rd(0xf0) + 10000);
    advance(101 * US);
    g_assert_cmpint(line_rises[0], ==, 1);
    g_assert_cmpint(line_rises[8], ==, 1);
    g_assert_cmpint(line_rises[20], ==, 0);
    wr(0x10, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpint(line_level[32], ==, 1);
    teardown();
}

static void test_messages(void)
{
    static MemoryRegion ram;
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 64 * KiB, NULL));
    memory_region_add(system_memory, 0, &ram);
    hpet = device_new("hpet");
    device_set_u32(hpet, "msi", 1);
    realize(hpet);
    map_region(system_memory, BASE, hpet, 0);
    connect_line(hpet, 20, line(20));
    wr(0x150, 0x0000300000004141);
    g_assert_cmphex(rd(0x140) & 0x8000, ==, 0x8000);
    wr(0x140, 0x4004 | 20 << 9), wr(0x148, 1000);
    wr(0x10, 1);
    advance(11 * US);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x3000, 4, NULL), ==, 0x4141);
    g_assert_cmpint(line_rises[20], ==, 0);
    teardown();
    memory_region_del(system_memory, &ram);
    memory_region_destroy(&ram);
}

static void test_properties(void)
{
    Error *err = NULL;
    Device *dev = device_new("hpet");
    device_set_u32(dev, "timers", 40);
    g_assert_false(device_realize(dev, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "hpet: timers=40 is out of range, 3 to 24");
    error_free(err);
}

static void test_saved(void)
{
    setup();
    wr(0x10, 1);
    wr(0x100, 2 << 9 | 0x4c), wr(0x108, 20000), wr(0x108, 10000);
    advance(150 * US);
    hpet = save_and_reload(hpet);
    map_region(system_memory, BASE, hpet, 0);
    connect_line(hpet, 2, line(2));
    g_assert_cmpint(rd(0xf0), ==, 15000);
    advance(50 * US);
    g_assert_cmpint(line_rises[2], ==, 1);
    load_garbage(hpet, 300);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/hpet/counter", test_counter);
    g_test_add_func("/hpet/one-shot", test_one_shot);
    g_test_add_func("/hpet/periodic", test_periodic);
    g_test_add_func("/hpet/held-up", test_held_up);
    g_test_add_func("/hpet/legacy", test_legacy);
    g_test_add_func("/hpet/messages", test_messages);
    g_test_add_func("/hpet/properties", test_properties);
    g_test_add_func("/hpet/saved", test_saved);
    return g_test_run();
}
