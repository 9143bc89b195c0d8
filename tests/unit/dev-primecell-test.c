/* SPDX-License-Identifier: MIT */
/* PL011, PL031, PL061 and the button: registers, identification, interrupts, reset, saved state, nonsense. Expected values are from
 * Arm's manuals DDI 0183, DDI 0224 and DDI 0190. */
#include "dev-test.h"
#include "hw/arm/gpio-key.h"

#define BASE 0x9000000u

static Device *dev;

static void setup(const char *type)
{
    dev = create(type);
    map_region(system_memory, BASE, dev, 0);
    for (unsigned n = 0; n < dev->nout; n++)
        connect_line(dev, n, line((int)n));
}

static void reload(void)
{
    dev = save_and_reload(dev);
    map_region(system_memory, BASE, dev, 0);
    for (unsigned n = 0; n < dev->nout; n++)
        connect_line(dev, n, line((int)n));
}

static uint32_t get(unsigned reg)
{
    return (uint32_t)address_space_ld(address_space_memory, BASE + reg, 4, NULL);
}

static void set(unsigned reg, uint32_t v)
{
    address_space_st(address_space_memory, BASE + reg, v, 4);
}

static void check_ids(uint32_t part)
{
    uint32_t id = 0, cell = 0;
    for (unsigned i = 0; i < 4; i++) {
        id |= (get(0xfe0 + 4 * i) & 0xff) << (8 * i);
        cell |= (get(0xff0 + 4 * i) & 0xff) << (8 * i);
    }
    g_assert_cmphex(id & 0xfffff, ==, 0x41000 | part);
    g_assert_cmphex(cell, ==, 0xb105f00d);
}

/* Every register with every size and odd values: nothing may break. */
static void poke_everything(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 3);
        hwaddr at = BASE + ((uint32_t)g_test_rand_int() & 0xfff & -size);
        if (i & 1)
            address_space_ld(address_space_memory, at, size, NULL);
        else
            address_space_st(address_space_memory, at, (uint32_t)g_test_rand_int(), size);
    }
    dev->type->reset(dev);
}

/* ---- PL011 ---- */

static Chardev *chr;

static void type(const char *text)
{
    chardev_deliver(chr, (const uint8_t *)text, MIN(strlen(text), chardev_can_read(chr)));
}

static void setup_uart(void)
{
    chr = new_chardev();
    dev = device_new("pl011");
    device_set_chardev(dev, "chardev", chr);
    realize(dev);
    map_region(system_memory, BASE, dev, 0);
    connect_line(dev, 0, line(0));
}

static void test_pl011_output(void)
{
    setup_uart();
    check_ids(0x011);
    g_assert_cmphex(get(0x18), ==, 0x97); /* both FIFOs empty, peer ready */
    g_assert_cmphex(get(0x30), ==, 0x300);
    set(0x2c, 0x70);
    for (const char *p = "hello"; *p; p++)
        set(0x00, (uint8_t)*p);
    assert_got("hello");
    g_assert_cmphex(get(0x3c), ==, 0x20);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x38, 0x20);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x44, 0x20);
    g_assert_cmpint(line_level[0], ==, 0);
    test_chardev.accept = 0; /* the host does not take anything: the FIFO fills */
    for (int i = 0; i < 20; i++)
        set(0x00, '0' + i);
    g_assert_cmphex(get(0x18) & 0xa8, ==, 0x28);
    g_assert_cmpint(line_level[0], ==, 0);
    test_chardev.accept = 100;
    /* Tries again soon; on a busy host "soon" may be late. */
    int64_t until = clock_ns(CLOCK_REALTIME_HOST) + 10000 * MS;
    while (test_chardev.got->len < 21 && clock_ns(CLOCK_REALTIME_HOST) < until)
        timers_run();
    assert_got("hello0123456789:;<=>?");
    g_assert_cmpint(line_level[0], ==, 1);
    poke_everything();
    device_unrealize(dev);
}

static void test_pl011_input(void)
{
    setup_uart();
    set(0x38, 0x50);
    type("a");
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpuint(chardev_can_read(chr), ==, 0); /* one character without FIFOs */
    g_assert_cmphex(get(0x18) & 0x50, ==, 0x40);
    g_assert_cmphex(get(0x00), ==, 'a');
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x2c, 0x10);
    type("0123456789abcdefgh");
    for (const char *p = "0123456789abcdef"; *p; p++) {
        g_assert_cmpint(line_level[0], ==, 1);
        g_assert_cmphex(get(0x00), ==, (uint8_t)*p);
    }
    g_assert_cmphex(get(0x18) & 0x10, ==, 0x10);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x30, 0x381); /* loopback */
    set(0x00, 'x');
    g_assert_cmphex(get(0x00), ==, 'x');
    assert_got("");
    set(0x30, 0x301);
    chardev_send_event(chr, CHR_EVENT_BREAK);
    g_assert_cmphex(get(0x3c) & 0x200, ==, 0x200);
    g_assert_cmphex(get(0x00), ==, 0x400);
    device_unrealize(dev);
}

static void test_pl011_saved(void)
{
    setup("pl011");
    set(0x2c, 0x10), set(0x30, 0x381), set(0x38, 0x50);
    set(0x00, 'q'), set(0x00, 'r');
    reload();
    g_assert_cmphex(get(0x00), ==, 'q');
    g_assert_cmphex(get(0x00), ==, 'r');
    g_assert_cmphex(get(0x38), ==, 0x50);
    load_garbage(dev, 300);
    device_unrealize(dev);
}

/* ---- PL031 ---- */

static void test_pl031(void)
{
    test_machine.rtc_start = 1700000000;
    setup("pl031");
    check_ids(0x031);
    g_assert_cmpuint(get(0x00), ==, 1700000000);
    advance(5 * NS_PER_SEC);
    g_assert_cmpuint(get(0x00), ==, 1700000005);
    set(0x10, 1);
    set(0x04, 1700000010);
    advance(4900 * MS);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(200 * MS);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x18), ==, 1);
    set(0x1c, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x08, 100);
    g_assert_cmpuint(get(0x00), ==, 100);
    g_assert_cmphex(get(0x0c), ==, 1);
    set(0x0c, 0);
    g_assert_cmphex(get(0x0c), ==, 1);
    set(0x04, 103);
    reload();
    advance(2 * NS_PER_SEC);
    g_assert_cmpuint(get(0x00), ==, 102);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(2 * NS_PER_SEC);
    g_assert_cmpint(line_level[0], ==, 1);
    poke_everything();
    load_garbage(dev, 300);
    device_unrealize(dev);
}

/* ---- PL061 ---- */

static void pin(unsigned n, int level)
{
    IRQLine l = device_input(dev, n);
    irq_set(&l, level);
}

static void test_pl061(void)
{
    setup("pl061");
    check_ids(0x061);
    set(0x400, 0x0f);
    set(0x3fc, 0xff);
    g_assert_cmphex(get(0x3fc), ==, 0x0f);
    g_assert_cmpint(line_level[1] + line_level[4] + line_level[5], ==, 2);
    set(0x004, 0x00); /* only pin 0 */
    g_assert_cmphex(get(0x3fc), ==, 0x0e);
    pin(7, 1);
    g_assert_cmphex(get(0x3fc), ==, 0x8e);
    g_assert_cmphex(get(0x200), ==, 0x80);
    set(0x40c, 0x80), set(0x410, 0xc0); /* pin 7 rising, pin 6 falling */
    pin(7, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    pin(7, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x414), ==, 0x80);
    set(0x41c, 0x80);
    g_assert_cmpint(line_level[0], ==, 0);
    pin(6, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    pin(6, 0);
    g_assert_cmphex(get(0x418), ==, 0x40);
    set(0x41c, 0xff);
    set(0x404, 0x80); /* by level */
    g_assert_cmpint(line_level[0], ==, 1);
    pin(7, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x404, 0), set(0x408, 0x20), set(0x410, 0x20); /* both edges */
    pin(5, 1);
    set(0x41c, 0x20);
    pin(5, 0);
    g_assert_cmpint(line_level[0], ==, 1);
    reload();
    g_assert_cmphex(get(0x400), ==, 0x0f);
    g_assert_cmphex(get(0x3fc), ==, 0x0e);
    g_assert_cmphex(get(0x414), ==, 0x20);
    poke_everything();
    load_garbage(dev, 300);
    device_unrealize(dev);
}

static void test_button(void)
{
    dev = create("gpio-key");
    connect_line(dev, 0, line(3));
    gpio_key_press(dev);
    g_assert_cmpint(line_level[3], ==, 1);
    advance(99 * MS);
    g_assert_cmpint(line_level[3], ==, 1);
    advance(2 * MS);
    g_assert_cmpint(line_level[3], ==, 0);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/pl011/output", test_pl011_output);
    g_test_add_func("/pl011/input", test_pl011_input);
    g_test_add_func("/pl011/saved", test_pl011_saved);
    g_test_add_func("/pl031", test_pl031);
    g_test_add_func("/pl061", test_pl061);
    g_test_add_func("/button", test_button);
    return g_test_run();
}
