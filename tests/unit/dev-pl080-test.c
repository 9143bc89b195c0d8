/* SPDX-License-Identifier: MIT */
/* PL080 and PL081: block moves of every width, descriptor chains, requests of peripherals, interrupts, bus errors, state, nonsense. Expected
 * values are from Arm's DDI 0196 and DDI 0218. */
#include "dev-test.h"

#define BASE 0x10000000u
#define RAM 0x00100000u
enum { WORD = 2 << 18 | 2 << 21, BOTH = 3 << 26 };
enum { INT = 1u << 31, ON = 1, ITC = 1 << 15, IE = 1 << 14 };

static Device *dev;
static MemoryRegion ram;

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, BASE + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, BASE + reg, v, 4); }
static uint32_t word(unsigned at) { return (uint32_t)address_space_ld(address_space_memory, RAM + at, 4, NULL); }
static void set_word(unsigned at, uint32_t v) { address_space_st(address_space_memory, RAM + at, v, 4); }

static void setup(const char *type)
{
    dev = create(type);
    map_region(system_memory, BASE, dev, 0);
    for (int n = 0; n < 3; n++)
        connect_line(dev, (unsigned)n, line(n));
    for (unsigned i = 0; i < 4096; i++)
        address_space_st(address_space_memory, RAM + i, i * 5 + i / 256, 1);
    set(0x30, 1);
}

static void start(unsigned n, uint32_t src, uint32_t dst, uint32_t control, uint32_t config)
{
    unsigned ch = 0x100 + 0x20 * n;
    set(ch, src), set(ch + 4, dst), set(ch + 8, 0), set(ch + 0xc, control), set(ch + 0x10, config);
}

static void check_copy(unsigned from, unsigned to, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        g_assert_cmphex(address_space_ld(address_space_memory, RAM + to + i, 1, NULL), ==, (uint8_t)((from + i) * 5 + (from + i) / 256));
}

static void test_memory(void)
{
    setup("pl080");
    g_assert_cmphex(get(0xfe0), ==, 0x80);
    g_assert_cmphex(get(0xfec), ==, 0x0a);
    for (unsigned sw = 0; sw < 3; sw++)
        for (unsigned dw = 0; dw < 3; dw++) {
            start(1, RAM + 0x100, RAM + 0x8000, 256 >> sw | sw << 18 | dw << 21 | BOTH | INT, ON | ITC);
            check_copy(0x100, 0x8000, 256);
            g_assert_cmphex(get(0x04), ==, 2);
            g_assert_cmphex(get(0x00), ==, 2);
            g_assert_cmphex(get(0x12c) & 0xfff, ==, 0);
            g_assert_cmphex(get(0x120), ==, RAM + 0x200);
            g_assert_cmphex(get(0x1c), ==, 0);
            g_assert_cmpint(line_level[0] + line_level[2], ==, 2);
            set(0x08, 2);
            g_assert_cmpint(line_level[0] + line_level[2], ==, 0);
            for (unsigned i = 0; i < 256; i += 4)
                set_word(0x8000 + i, 0);
        }
    start(0, RAM + 0x10, RAM + 0x9000, 8 | WORD | 1 << 27, ON | ITC); /* the source stays, no interrupt */
    g_assert_cmphex(word(0x9000), ==, word(0x10));
    g_assert_cmphex(word(0x901c), ==, word(0x10));
    g_assert_cmphex(get(0x14), ==, 0);
    set(0x30, 0);
    start(0, RAM, RAM + 0xa000, 4 | WORD | BOTH, ON); /* the controller is off: waits */
    g_assert_cmphex(get(0x1c), ==, 1);
    g_assert_cmphex(word(0xa000), !=, word(0));
    set(0x30, 1);
    check_copy(0, 0xa000, 16);
    device_unrealize(dev);
}

static void descriptor(unsigned at, uint32_t src, uint32_t dst, uint32_t lli, uint32_t control)
{
    set_word(at, src), set_word(at + 4, dst), set_word(at + 8, lli), set_word(at + 12, control);
}

static void test_chain(void)
{
    setup("pl080");
    descriptor(0x4000, RAM + 0x200, RAM + 0x8100, RAM + 0x4010, 64 | WORD | BOTH);
    descriptor(0x4010, RAM + 0x300, RAM + 0x8200, 0, 64 | WORD | BOTH | INT);
    set(0x100, RAM + 0x100), set(0x104, RAM + 0x8000), set(0x108, RAM + 0x4000), set(0x10c, 64 | WORD | BOTH);
    set(0x110, ON | ITC);
    check_copy(0x100, 0x8000, 768);
    g_assert_cmphex(get(0x04), ==, 1);
    set(0x08, 1);
    descriptor(0x4020, RAM, RAM + 0x8000, RAM + 0x4020, 4 | WORD | BOTH); /* for ever, in portions */
    set(0x108, RAM + 0x4020), set(0x10c, 4 | WORD | BOTH), set(0x110, ON | ITC);
    g_assert_cmphex(get(0x1c), ==, 1);
    for (int i = 0; i < 5; i++)
        advance(20 * US);
    g_assert_cmphex(get(0x1c), ==, 1);
    set(0x110, 0);
    g_assert_cmphex(get(0x1c), ==, 0);
    set(0x108, 0x70000000), set(0x10c, 4 | WORD | BOTH), set(0x110, ON | IE); /* no descriptor there */
    g_assert_cmphex(get(0x0c), ==, 1);
    g_assert_cmpint(line_level[1], ==, 1);
    set(0x10, 1);
    g_assert_cmpint(line_level[0] + line_level[1], ==, 0);
    device_unrealize(dev);
}

static void test_requests(void)
{
    setup("pl080");
    IRQLine request = device_input(dev, 5);
    /* To peripheral 5, bursts of 4 words. */
    start(2, RAM, RAM + 0x8000, 12 | 1 << 12 | 1 << 15 | WORD | BOTH | INT, ON | ITC | 1 << 11 | 5 << 6);
    g_assert_cmphex(get(0x14c) & 0xfff, ==, 12);
    set(0x20, 1 << 5);
    g_assert_cmphex(get(0x14c) & 0xfff, ==, 8);
    g_assert_cmphex(get(0x20), ==, 0);
    set(0x24, 1 << 5); /* a single one */
    g_assert_cmphex(get(0x14c) & 0xfff, ==, 7);
    set(0x150, ON | ITC | 1 << 11 | 5 << 6 | 1 << 18); /* halted */
    set(0x20, 1 << 5);
    g_assert_cmphex(get(0x14c) & 0xfff, ==, 7);
    set(0x150, ON | ITC | 1 << 11 | 5 << 6);
    g_assert_cmphex(get(0x14c) & 0xfff, ==, 3);
    irq_set(&request, 1);
    g_assert_cmphex(get(0x04), ==, 4);
    irq_set(&request, 0);
    check_copy(0, 0x8000, 48);
    device_unrealize(dev);
}

static void test_error(void)
{
    setup("pl081");
    g_assert_cmphex(get(0xfe0), ==, 0x81);
    start(1, 0x70000000, RAM + 0x8000, 4 | WORD | BOTH | INT, ON | ITC | IE);
    g_assert_cmphex(get(0x0c), ==, 2);
    g_assert_cmphex(get(0x18), ==, 2);
    g_assert_cmphex(get(0x1c), ==, 0);
    g_assert_cmphex(get(0x04), ==, 0);
    /* Its own registers as a target: nothing happens twice. */
    start(0, RAM, BASE + 0x100, 64 | WORD | BOTH, ON);
    device_unrealize(dev);
}

static void test_any(const void *type)
{
    setup(type);
    for (unsigned i = 0; i < 5000; i++) {
        unsigned at = (uint32_t)g_test_rand_int() & 0x1fc;
        set(at, i & 1 ? (uint32_t)g_test_rand_int() : RAM + ((uint32_t)g_test_rand_int() & 0xffffc));
        get(at);
        IRQLine request = device_input(dev, (uint32_t)g_test_rand_int() & 15);
        irq_set(&request, i >> 3 & 1);
    }
    device_reset(dev);
    dev = save_and_reload(dev);
    map_region(system_memory, BASE, dev, 0);
    load_garbage(dev, 50);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", MiB, NULL));
    memory_region_add(system_memory, RAM, &ram);
    g_test_add_func("/pl080/memory", test_memory);
    g_test_add_func("/pl080/chain", test_chain);
    g_test_add_func("/pl080/requests", test_requests);
    g_test_add_func("/pl080/error", test_error);
    g_test_add_data_func("/pl080/any", "pl080", test_any);
    g_test_add_data_func("/pl081/any", "pl081", test_any);
    return g_test_run();
}
