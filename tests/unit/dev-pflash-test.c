/* SPDX-License-Identifier: MIT */
/* Parallel flash: array, status, identification, CFI query, programming, buffered writes, erasing, the secure property, saved state, nonsense. Expected
 * values are from JESD68.01 and Intel's StrataFlash J3 data sheet, for two 16-bit chips side by side. */
#include "cpu.h"
#include "dev-test.h"
#include "hw/pflash.h"

#define BASE 0x4000000u

static Device *flash;
static uint8_t *data;

static void place(void)
{
    uint64_t size;
    data = pflash_data(flash, &size);
    map_region(system_memory, BASE, flash, 0);
}

static Device *make(void)
{
    Device *dev = device_new("cfi.pflash01");
    device_set_u32(dev, "num-blocks", 16);
    device_set_u64(dev, "sector-length", 256 * KiB);
    device_set_u32(dev, "device-width", 2);
    return dev;
}

static void setup(void)
{
    flash = realize(make());
    place();
}

static uint32_t get(unsigned at)
{
    return (uint32_t)address_space_ld(address_space_memory, BASE + at, 4, NULL);
}

static void set(unsigned at, uint32_t v)
{
    address_space_st(address_space_memory, BASE + at, v, 4);
}

static void test_array(void)
{
    FlatRange r;
    setup();
    memcpy(data, "contents", 8);
    g_assert_cmphex(get(0), ==, 0x746e6f63);
    address_space_find(address_space_memory, BASE, &r);
    g_assert_nonnull(r.mr->ram); /* executable in place */
    set(0, 0x00700070);
    g_assert_cmphex(get(0x1000), ==, 0x00800080);
    set(0, 0x00ff00ff);
    g_assert_cmphex(get(4), ==, 0x73746e65);
    device_unrealize(flash);
}

static void test_identity(void)
{
    setup();
    set(0, 0x00900090);
    g_assert_cmphex(get(0), ==, 0x00890089);
    g_assert_cmphex(get(4), ==, 0x00180018);
    set(0x55 * 4, 0x00980098);
    g_assert_cmphex(get(0x10 * 4), ==, 0x00510051);
    g_assert_cmphex(get(0x11 * 4), ==, 0x00520052);
    g_assert_cmphex(get(0x12 * 4), ==, 0x00590059);
    g_assert_cmphex(get(0x13 * 4), ==, 0x00010001); /* Intel's commands */
    g_assert_cmphex(get(0x27 * 4) & 0xff, ==, 21);  /* 2 MiB a chip */
    g_assert_cmphex(get(0x2d * 4) & 0xff, ==, 15);
    g_assert_cmphex(get(0x30 * 4) & 0xff, ==, 2);   /* sectors of 128 KiB a chip */
    g_assert_cmphex(get(0x31 * 4) & 0xff, ==, 'P');
    g_assert_cmphex(get(0x1000 * 4), ==, 0);
    device_unrealize(flash);
}

static void test_program(void)
{
    setup();
    set(0x40000, 0x00200020);
    set(0x40000, 0x00d000d0);
    g_assert_cmphex(get(0), ==, 0x00800080);
    g_assert_cmphex(data[0x40000], ==, 0xff);
    g_assert_cmphex(data[0x7ffff], ==, 0xff);
    g_assert_cmphex(data[0x3ffff] | data[0x80000], ==, 0);
    set(0x40004, 0x00400040);
    set(0x40004, 0xf0f0f0f0);
    set(0x40004, 0x00100010);
    set(0x40004, 0x3c3c3c3c); /* bits only go to zero */
    set(0, 0x00ff00ff);
    g_assert_cmphex(get(0x40004), ==, 0x30303030);
    set(0x40000, 0x00200020); /* an erase not confirmed */
    set(0x40000, 0x00ff00ff);
    g_assert_cmphex(get(0), ==, 0x00b000b0);
    set(0, 0x00500050);
    g_assert_cmphex(get(0x40004), ==, 0x30303030);
    device_unrealize(flash);
}

static void test_buffer(void)
{
    setup();
    memset(data, 0xff, 1024);
    set(0x80, 0x00e800e8);
    g_assert_cmphex(get(0x80), ==, 0x00800080);
    set(0x80, 0x00010001); /* two words */
    set(0x88, 0x11223344);
    set(0x8c, 0x55667788);
    set(0x80, 0x00d000d0);
    set(0, 0x00ff00ff);
    g_assert_cmphex(get(0x88), ==, 0x11223344);
    g_assert_cmphex(get(0x8c), ==, 0x55667788);
    g_assert_cmphex(get(0x90), ==, 0xffffffff);
    set(0x80, 0x00e800e8);
    set(0x80, 0x00010001);
    set(0x200, 0); /* leaves the buffer */
    g_assert_cmphex(get(0) & 0x30, ==, 0x30);
    device_unrealize(flash);
}

static void test_saved(void)
{
    uint8_t *image = NULL;
    size_t len = 0;
    setup();
    set(0, 0x00900090);
    device_save(flash, &image, &len);
    device_unrealize(flash);
    setup();
    g_assert_true(device_load(flash, image, len, NULL));
    g_assert_cmphex(get(0), ==, 0x00890089);
    load_garbage(flash, 100);
    g_free(image);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 4);
        hwaddr at = BASE + ((uint32_t)g_test_rand_int() & 0x3fffff & -size);
        if (i & 1)
            address_space_ld(address_space_memory, at, size, NULL);
        else
            address_space_st(address_space_memory, at, (uint32_t)g_test_rand_int(), size);
    }
    flash->type->reset(flash);
    device_unrealize(flash);
    flash = make();
    device_set_u64(flash, "sector-length", 5000);
    g_assert_false(device_realize(flash, NULL));
}

/* Property secure: commands are for system management mode; others read the contents whatever mode the chip is in. */
static void test_secure(void)
{
    CPUState *cpu = g_new0(CPUState, 1);
    flash = make();
    device_set(flash, "secure", "on", NULL);
    realize(flash);
    place();
    memcpy(data, "contents", 8);
    current_cpu = cpu;
    set(0, 0x00200020), set(0, 0x00d000d0); /* erase */
    set(0, 0x00700070);
    g_assert_cmphex(get(0), ==, 0x746e6f63);
    cpu->secure = true;
    set(0, 0x00700070);
    g_assert_cmphex(get(0), ==, 0x00800080);
    cpu->secure = false;
    g_assert_cmphex(get(0), ==, 0x746e6f63);
    set(0, 0x00ff00ff);
    cpu->secure = true;
    g_assert_cmphex(get(0), ==, 0x00800080);
    set(0, 0x00400040), set(0, 0);
    set(0, 0x00ff00ff);
    g_assert_cmphex(get(0), ==, 0);
    current_cpu = NULL;
    set(4, 0x00400040), set(4, 0); /* another agent than a vCPU */
    g_assert_cmphex(get(4), ==, 0x73746e65);
    g_free(cpu);
    device_unrealize(flash);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/pflash/array", test_array);
    g_test_add_func("/pflash/identity", test_identity);
    g_test_add_func("/pflash/program", test_program);
    g_test_add_func("/pflash/buffer", test_buffer);
    g_test_add_func("/pflash/secure", test_secure);
    g_test_add_func("/pflash/saved", test_saved);
    return g_test_run();
}
