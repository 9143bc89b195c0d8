/* SPDX-License-Identifier: MIT */
/* Chips of the MPS2 images: CMSDK UART and timer, dual timer and watchdog identities, SCC, FPGA I/O, protection controllers. Expected
 * values are from DDI 0479, AN385, DDI 0571 and ECM0601256. */
#include "dev-test.h"
#include "hw/arm/tz.h"

#define AT 0x40000000u

static Device *dev;

static void place(const char *type, void (*configure)(Device *d))
{
    dev = device_new(type);
    if (configure)
        configure(dev);
    realize(dev);
    map_region(system_memory, AT, dev, 0);
    for (unsigned i = 0; i < dev->nout; i++)
        connect_line(dev, i, line((int)i));
    if (dev->type->reset)
        dev->type->reset(dev);
}

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, AT + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, AT + reg, v, 4); }

static void fuzz(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 3);
        hwaddr at = AT + ((uint32_t)g_test_rand_int() & (i & 1 ? 0xfff : 0x3f) & -size);
        if (i & 4)
            address_space_ld(address_space_memory, at, size, NULL);
        else
            address_space_st(address_space_memory, at, (uint32_t)g_test_rand_int(), size);
        if (!(i & 255))
            advance(MS);
    }
    load_garbage(dev, 100);
}

static void with_chardev(Device *d)
{
    device_set_chardev(d, "chardev", new_chardev());
}

static void test_uart(void)
{
    place("cmsdk-apb-uart", with_chardev);
    g_assert_cmphex(get(0xfe0), ==, 0x21);
    set(0x00, 'x'); /* off: nothing leaves */
    assert_got("");
    set(0x10, 16);
    set(0x08, 1);
    set(0x00, 'a');
    assert_got("a");
    g_assert_cmphex(get(0x0c), ==, 0);
    set(0x08, 5);
    set(0x00, 'b');
    assert_got("ab");
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpint(line_level[4], ==, 1);
    set(0x0c, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    /* A blocked backend: full, and an overrun */
    test_chardev.accept = 0;
    set(0x08, 1 | 1 << 4);
    set(0x00, 'c');
    g_assert_cmphex(get(0x04) & 1, ==, 1);
    set(0x00, 'd');
    g_assert_cmphex(get(0x04) & 4, ==, 4);
    g_assert_cmpint(line_level[2], ==, 1);
    set(0x0c, 4);
    g_assert_cmpint(line_level[2], ==, 0);
    g_assert_cmphex(get(0x04) & 4, ==, 0);
    test_chardev.accept = 1000;
    fuzz();
    device_unrealize(dev);
}

static void test_timer(void)
{
    place("cmsdk-apb-timer", NULL); /* 25 MHz */
    g_assert_cmphex(get(0xfe0), ==, 0x22);
    set(0x08, 24999);
    set(0x00, 9);
    advance(500 * US);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpuint(get(0x04), >, 12000);
    g_assert_cmpuint(get(0x04), <, 13000);
    advance(501 * US);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x0c), ==, 1);
    set(0x0c, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(MS);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x00, 0);
    uint32_t v = get(0x04);
    advance(MS);
    g_assert_cmpuint(get(0x04), ==, v);
    dev = save_and_reload(dev);
    map_region(system_memory, AT, dev, 0);
    g_assert_cmpuint(get(0x08), ==, 24999);
    fuzz();
    device_unrealize(dev);
}

static void test_variants(void)
{
    place("cmsdk-apb-dualtimer", NULL);
    g_assert_cmphex(get(0xfe0), ==, 0x23);
    fuzz();
    device_unrealize(dev);
    place("cmsdk-apb-watchdog", NULL);
    g_assert_cmphex(get(0xfe0), ==, 0x24);
    device_unrealize(dev);
}

static void scc_ids(Device *d)
{
    device_set_u32(d, "scc-id", 0x41043850);
    device_set_u32(d, "scc-aid", 0x00200008);
    device_set_u32(d, "scc-cfg4", 2);
}

static void test_scc(void)
{
    place("mps2-scc", scc_ids);
    g_assert_cmphex(get(0xffc), ==, 0x41043850);
    g_assert_cmphex(get(0xff8), ==, 0x00200008);
    g_assert_cmphex(get(0x010), ==, 2);
    set(0x0a8, 1u << 31 | 1 << 20 | 1); /* read oscillator 1 */
    g_assert_cmpuint(get(0x0a0), ==, 24576000);
    g_assert_cmphex(get(0x0ac), ==, 1);
    set(0x0a4, 1000000);
    set(0x0a8, 3u << 30 | 1 << 20 | 1);
    set(0x0a8, 1u << 31 | 1 << 20 | 1);
    g_assert_cmpuint(get(0x0a0), ==, 1000000);
    set(0x0a8, 1u << 31 | 1 << 20 | 9);
    g_assert_cmphex(get(0x0ac), ==, 3);
    fuzz();
    device_unrealize(dev);
}

static void test_fpgaio(void)
{
    place("mps2-fpgaio", NULL);
    advance(2500 * MS);
    g_assert_cmpuint(get(0x10), ==, 2);
    g_assert_cmpuint(get(0x14), ==, 250);
    set(0x10, 100);
    advance(1000 * MS);
    g_assert_cmpuint(get(0x10), ==, 101);
    set(0x1c, 19999); /* 20 MHz: a millisecond */
    set(0x18, 0);
    advance(10 * MS);
    g_assert_cmpuint(get(0x18), ==, 10);
    fuzz();
    device_unrealize(dev);
}

static void mpc_size(Device *d)
{
    device_set_u64(d, "size", 4 * MiB);
}

static void test_mpc(void)
{
    place("tz-mpc", mpc_size);
    g_assert_cmphex(get(0x10), ==, 31);
    g_assert_cmphex(get(0x14), ==, 7);
    g_assert_cmpint(tz_mpc_check(dev, 0, true), ==, ARM_M_BUS_ALLOW);
    set(0x28, 1);
    g_assert_cmpint(tz_mpc_check(dev, 0x5000, false), ==, ARM_M_BUS_BLOCK);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x2c), ==, 0x5000);
    g_assert_cmphex(get(0x30), ==, 1 << 16);
    set(0x24, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x18, 31);
    set(0x1c, 1u << 31);
    g_assert_cmphex(get(0x18), ==, 0);
    g_assert_cmpint(tz_mpc_check(dev, 4 * MiB - 1, false), ==, ARM_M_BUS_ALLOW);
    g_assert_cmpint(tz_mpc_check(dev, 4 * MiB - 4097, false), ==, ARM_M_BUS_BLOCK);
    set(0x00, 0x110);
    g_assert_cmpint(tz_mpc_check(dev, 0, false), ==, ARM_M_BUS_FAULT);
    set(0x00, 1u << 31 | 0x100);
    set(0x18, 0);
    set(0x1c, ~0u); /* locked down */
    g_assert_cmpint(tz_mpc_check(dev, 0, true), ==, ARM_M_BUS_ALLOW);
    dev->type->reset(dev);
    fuzz();
    device_unrealize(dev);
}

static void test_secctl(void)
{
    place("iotkit-secctl", NULL);
    g_assert_cmpint(tz_ppc_check(dev, TZ_APB_EXP1, 5, true), ==, ARM_M_BUS_ALLOW);
    g_assert_cmpint(tz_ppc_check(dev, TZ_APB_EXP1, 5, false), ==, ARM_M_BUS_BLOCK);
    set(0x84, 1 << 5);
    g_assert_cmpint(tz_ppc_check(dev, TZ_APB_EXP1, 5, false), ==, ARM_M_BUS_ALLOW);
    g_assert_cmpint(tz_ppc_check(dev, TZ_APB_EXP1, 5, true), ==, ARM_M_BUS_BLOCK);
    set(0x10, 1);
    g_assert_cmpint(tz_ppc_check(dev, TZ_APB_EXP1, 6, false), ==, ARM_M_BUS_FAULT);
    set(0x14, ~0u);
    g_assert_cmphex(get(0x14), ==, 3);
    g_assert_cmpuint(tz_callable(dev), ==, 3);
    g_assert_cmphex(get(0xfe0), ==, 0x52);
    fuzz();
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/cmsdk/uart", test_uart);
    g_test_add_func("/cmsdk/timer", test_timer);
    g_test_add_func("/cmsdk/variants", test_variants);
    g_test_add_func("/mps2/scc", test_scc);
    g_test_add_func("/mps2/fpgaio", test_fpgaio);
    g_test_add_func("/tz/mpc", test_mpc);
    g_test_add_func("/tz/secctl", test_secctl);
    return g_test_run();
}
