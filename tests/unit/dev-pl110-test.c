/* SPDX-License-Identifier: MIT */
/* PL110, PL111 and Versatile's variant: every pixel format into the console's surface, frame interrupts, palette, state, nonsense. Expected values are
 * from Arm's DDI 0161, DDI 0293 and DUI 0225. */
#include "dev-test.h"
#include "ui/console.h"

#define BASE 0x10000000u
#define RAM 0x00100000u
enum { WIDTH = 32, HEIGHT = 4 };

static Device *dev;
static MemoryRegion ram;
static unsigned imsc, control;

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, BASE + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, BASE + reg, v, 4); }
static void put(unsigned at, uint32_t v) { address_space_st(address_space_memory, RAM + at, v, 4); }

static void setup(const char *type)
{
    dev = create(type);
    device_reset(dev);
    map_region(system_memory, BASE, dev, 0);
    connect_line(dev, 0, line(0));
    bool swapped = strcmp(type, "pl110");
    imsc = swapped ? 0x1c : 0x18;
    control = swapped ? 0x18 : 0x1c;
    for (unsigned i = 0; i < 0x4000; i += 4)
        put(i, 0);
    set(0x00, (WIDTH / 16 - 1) << 2);
    set(0x04, HEIGHT - 1);
    set(0x10, RAM);
}

static uint32_t pixel(unsigned x, unsigned y)
{
    Console *con = console_find(dev, 0);
    console_update(con);
    g_assert_cmpuint(surface_width(console_surface(con)), ==, WIDTH);
    g_assert_cmpuint(surface_height(console_surface(con)), ==, HEIGHT);
    return surface_row(console_surface(con), y)[x] & 0xffffff;
}

static void mode(unsigned bpp, unsigned flags)
{
    set(control, 0x801 | bpp << 1 | flags);
}

static void test_formats(void)
{
    setup("pl110");
    g_assert_cmphex(get(0xfe0), ==, 0x10);
    mode(5, 0); /* 24 bits: red lowest */
    put(4, 0x00332211);
    g_assert_cmphex(pixel(1, 0), ==, 0x112233);
    mode(5, 0x100);
    g_assert_cmphex(pixel(1, 0), ==, 0x332211);
    mode(4, 0); /* 5:5:5:1 */
    put(0, 0x7c00001f);
    g_assert_cmphex(pixel(0, 0), ==, 0xf80000);
    g_assert_cmphex(pixel(1, 0), ==, 0x0000f8);
    mode(4, 0x200); /* big-endian: the halves change places */
    g_assert_cmphex(pixel(0, 0), ==, 0x0000f8);
    set(0x200 + 4 * 2, 0x7fff03e0); /* colours 4 and 5 */
    put(WIDTH, 0x00000504);         /* row 1 of 8 bits a pixel */
    mode(3, 0);
    g_assert_cmphex(pixel(0, 1), ==, 0x00f800);
    g_assert_cmphex(pixel(1, 1), ==, 0xf8f8f8);
    set(0x200, 0x001f0000); /* colour 1 is red */
    put(0, 0x00000081);
    mode(0, 0);
    g_assert_cmphex(pixel(0, 0), ==, 0xf80000);
    g_assert_cmphex(pixel(1, 0), ==, 0);
    g_assert_cmphex(pixel(7, 0), ==, 0xf80000);
    mode(0, 0x400); /* pixels from the byte's top */
    put(0, 0x00000040);
    g_assert_cmphex(pixel(1, 0), ==, 0xf80000);
    device_unrealize(dev);
}

static void test_variants(void)
{
    setup("pl111");
    g_assert_cmphex(get(0xfe0), ==, 0x11);
    mode(6, 0x100);
    put(0, 0xf800);
    g_assert_cmphex(pixel(0, 0), ==, 0xf80000);
    put(0, 0x07e0);
    g_assert_cmphex(pixel(0, 0), ==, 0x00fc00);
    mode(7, 0);
    put(0, 0x00f);
    g_assert_cmphex(pixel(0, 0), ==, 0xf00000);
    device_unrealize(dev);
    setup("pl110_versatile");
    IRQLine mux = device_input(dev, 0);
    mode(4, 0);
    put(0, 0xf800);
    irq_set(&mux, 3); /* 5:6:5, blue lowest */
    g_assert_cmphex(pixel(0, 0), ==, 0xf80000);
    irq_set(&mux, 2);
    g_assert_cmphex(pixel(0, 0), ==, 0x0000f8);
    irq_set(&mux, 1);
    g_assert_cmphex(pixel(0, 0), ==, 0x0000f0);
    device_unrealize(dev);
}

static void test_interrupts(void)
{
    setup("pl110");
    advance(100 * MS);
    g_assert_cmphex(get(0x20), ==, 0); /* off */
    mode(5, 0);
    advance(10 * MS);
    g_assert_cmphex(get(0x20), ==, 0);
    advance(7 * MS);
    g_assert_cmphex(get(0x20), ==, 0xc);
    g_assert_cmphex(get(0x24), ==, 0);
    set(0x28, 0xc);
    set(imsc, 4);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(17 * MS);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x24), ==, 4);
    set(0x28, 4);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(1000 * MS);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x2c), ==, RAM);
    device_unrealize(dev);
}

static void test_any(const void *type)
{
    setup(type);
    for (unsigned i = 0; i < 2000; i++) {
        set((uint32_t)g_test_rand_int() & 0x7fc, i & 1 ? (uint32_t)g_test_rand_int() : RAM | ((uint32_t)g_test_rand_int() & 0xfff));
        get((uint32_t)g_test_rand_int() & 0xffc);
        if (i % 8 == 0)
            console_update(console_find(dev, 0));
        advance((uint32_t)g_test_rand_int() & 0xffffff);
    }
    dev = save_and_reload(dev);
    map_region(system_memory, BASE, dev, 0);
    console_update(console_find(dev, 0));
    load_garbage(dev, 30);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", MiB, NULL));
    memory_region_add(system_memory, RAM, &ram);
    g_test_add_func("/pl110/formats", test_formats);
    g_test_add_func("/pl110/variants", test_variants);
    g_test_add_func("/pl110/interrupts", test_interrupts);
    g_test_add_data_func("/pl110/any/pl110", "pl110", test_any);
    g_test_add_data_func("/pl110/any/pl110_versatile", "pl110_versatile", test_any);
    g_test_add_data_func("/pl110/any/pl111", "pl111", test_any);
    return g_test_run();
}
