/* SPDX-License-Identifier: MIT */
/* Chips of Arm's and Broadcom's boards: timers and watchdogs, PL190, PL050, BCM283x interrupts, mailbox and power, Versatile Express
 * registers; then all of them with odd accesses, saved and damaged state. Expected values are from Arm's DDI 0271, 0270, 0181, 0143,
 * DUI 0447 and Broadcom's BCM2835 ARM Peripherals. */
#include "dev-test.h"
#include "hw/acpi-ged.h"

#define BASE 0x10000000u
#define RAM 0x00100000u

static Device *dev;
static MemoryRegion ram;

static void place(void)
{
    map_region(system_memory, BASE, dev, 0);
    for (unsigned n = 0; n < dev->nout; n++)
        connect_line(dev, n, line((int)n));
}

static void setup(const char *type)
{
    dev = create(type);
    if (dev->type->reset)
        dev->type->reset(dev);
    place();
}

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, BASE + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, BASE + reg, v, 4); }

static void input(unsigned n, int level)
{
    IRQLine l = device_input(dev, n);
    irq_set(&l, level);
}

static void test_sp804(void)
{
    setup("sp804");
    g_assert_cmphex(get(0xfe0), ==, 0x04);
    set(0x20, 1000);
    set(0x28, 0xe2); /* counter 2: enabled, periodic, interrupt, 32 bits; 1 MHz */
    advance(400 * US);
    g_assert_cmpuint(get(0x24), ==, 600);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(601 * US);
    g_assert_cmpint(line_level[0] + line_level[2], ==, 2);
    g_assert_cmpint(line_level[1], ==, 0);
    g_assert_cmphex(get(0x34), ==, 1);
    set(0x2c, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(1000 * US);
    g_assert_cmpint(line_level[2], ==, 1);
    set(0x08, 0xa3); /* counter 1: one shot */
    set(0x00, 10);
    advance(20 * US);
    g_assert_cmphex(get(0x10), ==, 1);
    set(0x0c, 1);
    advance(NS_PER_SEC);
    g_assert_cmphex(get(0x10), ==, 0);
    device_unrealize(dev);
}

static void test_sp805(void)
{
    setup("sp805");
    set(0x00, 1000);
    set(0x08, 1);
    advance(500 * US);
    g_assert_cmpuint(get(0x04), ==, 500);
    advance(501 * US);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x0c, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0xc00, 1); /* locked */
    set(0x08, 0);
    g_assert_cmphex(get(0x08), ==, 1);
    g_assert_cmphex(get(0xc00), ==, 1);
    set(0xc00, 0x1acce551);
    set(0x08, 0);
    g_assert_cmphex(get(0x08), ==, 0);
    device_unrealize(dev);
}

static void test_pl190(void)
{
    setup("pl190");
    set(0x10, 0xff);
    set(0x34, 0xdef);
    set(0x100, 0x111), set(0x200, 0x20 | 3); /* 3 is most urgent */
    set(0x104, 0x222), set(0x204, 0x20 | 5);
    input(5, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x30), ==, 0x222);
    g_assert_cmpint(line_level[0], ==, 0);
    input(1, 1); /* less urgent */
    g_assert_cmpint(line_level[0], ==, 0);
    input(3, 1);
    g_assert_cmphex(get(0x30), ==, 0x111);
    input(3, 0);
    set(0x30, 0);
    input(5, 0);
    set(0x30, 0);
    g_assert_cmphex(get(0x30), ==, 0xdef);
    set(0x0c, 2); /* 1 as FIQ */
    g_assert_cmpint(line_level[1], ==, 1);
    set(0x14, 2);
    g_assert_cmpint(line_level[1], ==, 0);
    set(0x18, 4);
    g_assert_cmphex(get(0x00), ==, 4);
    device_unrealize(dev);
}

static void test_pl050(void)
{
    setup("pl050_keyboard");
    set(0x00, 0x14);
    set(0x08, 0xff); /* reset: acknowledge, self-test passed */
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x04) & 0x10, ==, 0x10);
    g_assert_cmphex(get(0x08), ==, 0xfa);
    g_assert_cmphex(get(0x08), ==, 0xaa);
    g_assert_cmpint(line_level[0], ==, 0);
    device_unrealize(dev);
}

static void test_bcm_interrupts(void)
{
    setup("bcm2835-ic");
    input(57, 1);
    input(65, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x14, 1u << 25);
    set(0x18, 2);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x00), ==, 1u << 19 | 2); /* the UART has a bit of its own */
    g_assert_cmphex(get(0x08), ==, 1u << 25);
    set(0x0c, 0x80 | 57);
    g_assert_cmpint(line_level[1], ==, 1);
    set(0x20, 1u << 25);
    set(0x24, 2);
    g_assert_cmpint(line_level[0], ==, 0);
    device_unrealize(dev);

    setup("bcm2836-control");
    set(0x44, 0x08); /* core 1 takes its virtual timer */
    input(4 * 1 + 3, 1);
    g_assert_cmpint(line_level[2], ==, 1);
    g_assert_cmphex(get(0x64), ==, 8);
    input(4 * 1 + 3, 0);
    set(0x58, 1); /* core 2, mailbox 0 */
    set(0xa0, 0x1234);
    g_assert_cmpint(line_level[4], ==, 1);
    g_assert_cmphex(get(0xe0), ==, 0x1234);
    set(0xe0, ~0u);
    g_assert_cmpint(line_level[4], ==, 0);
    set(0x0c, 3); /* the GPU's to core 3 */
    input(16, 1);
    g_assert_cmpint(line_level[6], ==, 1);
    device_unrealize(dev);
}

static void test_bcm_timer(void)
{
    setup("bcm2835-systimer");
    uint32_t now = get(0x04);
    advance(1000 * US);
    g_assert_cmpuint(get(0x04) - now, ==, 1000);
    set(0x18, get(0x04) + 500);
    advance(499 * US);
    g_assert_cmpint(line_level[3], ==, 0);
    advance(2 * US);
    g_assert_cmpint(line_level[3], ==, 1);
    g_assert_cmphex(get(0x00), ==, 8);
    set(0x00, 8);
    g_assert_cmpint(line_level[3], ==, 0);
    device_unrealize(dev);
}

static void request(const uint32_t *words, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        address_space_st(address_space_memory, RAM + 4 * i, words[i], 4);
    set(0xa0, RAM | 8);
    g_assert_cmphex(get(0x80), ==, RAM | 8);
}

static uint32_t word(unsigned i) { return (uint32_t)address_space_ld(address_space_memory, RAM + 4 * i, 4, NULL); }

static void test_bcm_firmware(void)
{
    const uint32_t two_tags[] = { 52, 0, 0x10002, 4, 0, 0, 0x30002, 8, 0, 2, 0, 0, 0 };
    const uint32_t too_long[] = { 32, 0, 0x10002, 4000, 0, 0, 0, 0 };
    dev = device_new("bcm2835-mbox");
    device_set_u32(dev, "board-rev", 0xa02082);
    realize(dev);
    place();
    g_assert_cmphex(get(0x98), ==, 0x40000000);
    set(0x9c, 1);
    request(two_tags, ARRAY_SIZE(two_tags));
    g_assert_cmphex(word(1), ==, 0x80000000);
    g_assert_cmphex(word(4), ==, 0x80000004);
    g_assert_cmphex(word(5), ==, 0xa02082);
    g_assert_cmphex(word(9), ==, 2);
    g_assert_cmpuint(word(10), ==, 48000000); /* the UART's clock */
    request(too_long, ARRAY_SIZE(too_long));
    g_assert_cmphex(word(1), ==, 0x80000001);
    for (unsigned i = 0; i < 20000; i++) { /* requests of any kind */
        uint32_t words[16];
        for (unsigned j = 0; j < 16; j++)
            words[j] = (uint32_t)g_test_rand_int() & (i & 1 ? 0x3f : 0xffffffff);
        words[0] = (uint32_t)g_test_rand_int() & 0x7f;
        words[2] = 0x30002 ^ ((uint32_t)g_test_rand_int() & 0x1000f);
        request(words, 16);
    }
    device_unrealize(dev);
}

static void test_vexpress(void)
{
    dev = device_new("vexpress-sysreg");
    device_set_u32(dev, "proc_id", 0x0c000191);
    realize(dev);
    place();
    g_assert_cmphex(get(0x84), ==, 0x0c000191);
    set(0x30, 0x40008000), set(0x30, 1);
    g_assert_cmphex(get(0x30), ==, 0x40008001);
    set(0x34, ~0u);
    g_assert_cmphex(get(0x30), ==, 0);
    uint32_t ticks = get(0x5c);
    advance(1000 * US);
    g_assert_cmpuint(get(0x5c) - ticks, ==, 24000);
    set(0xa0, 50000000);
    set(0xa4, 1u << 31 | 1u << 30 | 1u << 20 | 2); /* oscillator 2 */
    g_assert_cmphex(get(0xa8), ==, 1);
    set(0xa0, 0);
    set(0xa4, 1u << 31 | 1u << 20 | 2);
    g_assert_cmpuint(get(0xa0), ==, 50000000);
    set(0xa4, 1u << 31 | 1u << 20 | 999);
    g_assert_cmphex(get(0xa8), ==, 3);
    device_unrealize(dev);
}

/* The event device of hardware-reduced ACPI: an event is a pulse and a bit, which reading clears. */
static void test_ged(void)
{
    setup("acpi-ged");
    acpi_ged_event(dev, ~0u);
    g_assert_cmpint(line_rises[0], ==, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0, ~0u);
    dev = save_and_reload(dev);
    place();
    g_assert_cmphex(get(0), ==, ACPI_GED_POWER_BUTTON);
    g_assert_cmphex(get(0), ==, 0);
    acpi_ged_event(dev, ACPI_GED_POWER_BUTTON);
    device_reset(dev);
    g_assert_cmphex(get(0), ==, 0);
    load_garbage(dev, 50);
    g_assert_cmphex(get(0) & ~ACPI_GED_EVENTS, ==, 0);
    /* Sleep and reset registers keep nothing, and do nothing for values that mean nothing. */
    for (unsigned n = 0; n < ACPI_GED_CONTROL_SIZE; n++) {
        uint64_t v = ~0ull;
        memory_region_write(dev->regions[1], n, n == 2 ? ACPI_GED_RESET_VALUE + 1 : 0x1f, 1);
        memory_region_read(dev->regions[1], n, &v, 1);
        g_assert_cmphex(v, ==, 0);
    }
    device_unrealize(dev);
}

/* Every chip: any access, an image of its state, damaged images. */
static void test_all(const void *type)
{
    setup(type);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 3), at = (uint32_t)g_test_rand_int() & 0xfff & -size;
        if (i & 1)
            address_space_ld(address_space_memory, BASE + at, size, NULL);
        else if (strcmp(type, "vexpress-sysreg") || at < 0xa0)
            address_space_st(address_space_memory, BASE + at, (uint32_t)g_test_rand_int(), size);
        if (dev->nin)
            input((unsigned)g_test_rand_int_range(0, (int)dev->nin), i >> 2 & 1);
    }
    if (dev->type->reset)
        dev->type->reset(dev);
    dev = save_and_reload(dev);
    place();
    load_garbage(dev, 50);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    static const char *const types[] = {
        "sp804", "pl190", "pl050_keyboard", "pl050_mouse", "pl181", "arm_mptimer", "a9-scu", "l2x0", "sp810", "vexpress-sysreg",
        "bcm2835-ic", "bcm2836-control", "bcm2835-systimer", "bcm2835-aux", "bcm2835-gpio", "bcm2835-rng", "bcm2835-cprman",
        "acpi-ged",
    };
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", MiB, NULL));
    memory_region_add(system_memory, RAM, &ram);
    g_test_add_func("/arm-board/sp804", test_sp804);
    g_test_add_func("/arm-board/sp805", test_sp805);
    g_test_add_func("/arm-board/pl190", test_pl190);
    g_test_add_func("/arm-board/pl050", test_pl050);
    g_test_add_func("/arm-board/bcm-interrupts", test_bcm_interrupts);
    g_test_add_func("/arm-board/bcm-timer", test_bcm_timer);
    g_test_add_func("/arm-board/bcm-firmware", test_bcm_firmware);
    g_test_add_func("/arm-board/vexpress", test_vexpress);
    g_test_add_func("/arm-board/ged", test_ged);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        g_autofree char *path = g_strdup_printf("/arm-board/any/%s", types[i]);
        g_test_add_data_func(path, types[i], test_all);
    }
    return g_test_run();
}
