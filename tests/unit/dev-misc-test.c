/* SPDX-License-Identifier: MIT */
/* Small ports: debug exit, debug console (also with a slow host), panic notifier, system control port B. */
#include "dev-test.h"

static void test_debugexit(void)
{
    Device *dev = create("isa-debug-exit");
    g_assert_cmphex(inb(0x501), ==, 0);
    outb(0x501, 0x21);
    g_assert_cmpint(main_loop_run(), ==, 0x43);
    device_unrealize(dev);
    dev = device_new("isa-debug-exit");
    device_set_u32(dev, "iobase", 0xf4);
    device_set_u32(dev, "iosize", 4);
    realize(dev);
    address_space_st(address_space_io, 0xf4, 0x10, 4);
    g_assert_cmpint(main_loop_run(), ==, 0x21);
    device_unrealize(dev);
    Error *err = NULL;
    dev = device_new("isa-debug-exit");
    device_set_u32(dev, "iobase", 0xffff);
    g_assert_false(device_realize(dev, &err));
    error_free(err);
}

static void test_debugcon(void)
{
    Error *err = NULL;
    g_assert_false(device_realize(device_new("isa-debugcon"), &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Can't create debugcon device, empty char device");
    error_free(err);
    Device *dev = device_new("isa-debugcon");
    device_set_chardev(dev, "chardev", new_chardev());
    device_set_u32(dev, "iobase", 0x402);
    realize(dev);
    g_assert_cmphex(inb(0x402), ==, 0xe9);
    test_chardev.accept = 2;
    for (const char *s = "hello"; *s; s++)
        outb(0x402, (uint8_t)*s);
    assert_got("he");
    test_chardev.accept = 100;
    g_usleep(1500);
    timers_run();
    assert_got("hello");
    test_chardev.accept = 0;
    for (int i = 0; i < 200000; i++) /* a stuck host costs bounded memory */
        outb(0x402, 'x');
    device_unrealize(dev);
}

static void test_pvpanic(void)
{
    Device *dev = device_new("pvpanic");
    device_set_u32(dev, "events", 1);
    realize(dev);
    g_assert_cmphex(inb(0x505), ==, 1);
    outb(0x505, 0xf0);
    device_unrealize(dev);
}

static void test_port_b(void)
{
    Device *pit = create("isa-pit"), *dev = create("isa-pcspk");
    outb(0x61, 0xff);
    g_assert_cmphex(inb(0x61) & 0xcf, ==, 0x0f);
    outb(0x61, 0x02);
    g_assert_cmphex(inb(0x61) & 0xcf, ==, 0x02);
    unsigned changes = 0;
    uint8_t last = inb(0x61) & 0x10;
    for (int i = 0; i < 1000; i++) { /* the refresh bit changes about every 15 us */
        advance(US);
        changes += (inb(0x61) & 0x10) != last;
        last = inb(0x61) & 0x10;
    }
    g_assert_cmpuint(changes, >=, 65);
    g_assert_cmpuint(changes, <=, 67);
    dev = save_and_reload(dev);
    g_assert_cmphex(inb(0x61) & 0xcf, ==, 0x02);
    device_unrealize(dev);
    device_unrealize(pit);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/misc/debug-exit", test_debugexit);
    g_test_add_func("/misc/debugcon", test_debugcon);
    g_test_add_func("/misc/pvpanic", test_pvpanic);
    g_test_add_func("/misc/port-b", test_port_b);
    return g_test_run();
}
