/* SPDX-License-Identifier: MIT */
/*
 * Chips of the Stellaris, nRF51 and STM32 boards, of Versatile and of PrimeCell variants: registers, interrupts, reset; then each of them with odd
 * accesses, saved and damaged state. Expected values are from TI's LM3S6965 data sheet, Nordic's nRF51 Reference Manual 3.0, ST's
 * RM0090, Arm's DDI 0194 and DUI 0225.
 */
#include "dev-test.h"

#define BASE 0x10000000u

static Device *dev;

static void place(void)
{
    map_region(system_memory, BASE, dev, 0);
    for (unsigned n = 0; n < dev->nout && n < 64; n++)
        connect_line(dev, n, line((int)n));
}

static void setup(const char *type)
{
    dev = create(type);
    device_reset(dev);
    place();
}

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, BASE + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, BASE + reg, v, 4); }

static void input(unsigned n, int level)
{
    IRQLine l = device_input(dev, n);
    irq_set(&l, level);
}

/* ---- UARTs ---- */

static Chardev *chr;

static void setup_uart(const char *type)
{
    chr = new_chardev();
    dev = device_new(type);
    device_set_chardev(dev, "chardev", chr);
    realize(dev);
    device_reset(dev);
    place();
}

static void type(const char *text)
{
    chardev_deliver(chr, (const uint8_t *)text, MIN(strlen(text), chardev_can_read(chr)));
}

static void test_usart(void)
{
    setup_uart("stm32f2xx-usart");
    g_assert_cmphex(get(0x00), ==, 0xc0);
    set(0x04, 'x'); /* off: lost */
    set(0x0c, 0x200c);
    set(0x04, 'h'), set(0x04, 'i');
    assert_got("hi");
    set(0x0c, 0x204c); /* TC interrupt */
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x00, 0); /* cleared by a zero */
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x0c, 0x202c);
    type("ab");
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x00) & 0x20, ==, 0x20);
    g_assert_cmphex(get(0x04), ==, 'a');
    g_assert_cmpint(line_level[0], ==, 0);
    type("b");
    g_assert_cmphex(get(0x04), ==, 'b');
    test_chardev.accept = 0; /* the host does not take it: TXE waits */
    set(0x04, 'c');
    g_assert_cmphex(get(0x00) & 0xc0, ==, 0);
    test_chardev.accept = 100;
    int64_t until = clock_ns(CLOCK_REALTIME_HOST) + 10000 * MS;
    while (test_chardev.got->len < 3 && clock_ns(CLOCK_REALTIME_HOST) < until)
        timers_run();
    g_assert_cmphex(get(0x00) & 0xc0, ==, 0xc0);
    device_unrealize(dev);
}

static void test_nrf_uart(void)
{
    setup_uart("nrf51_soc.uart");
    set(0x51c, 'x'); /* neither enabled nor started */
    set(0x500, 4), set(0x008, 1), set(0x000, 1);
    set(0x304, 1 << 2 | 1 << 7);
    g_assert_cmphex(get(0x308), ==, 0x84);
    set(0x51c, 'o');
    assert_got("o");
    set(0x300, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x300, 1 << 2 | 1 << 7);
    g_assert_cmphex(get(0x11c), ==, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x11c, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpuint(chardev_can_read(chr), ==, 6);
    type("abcdefgh");
    for (const char *p = "abcdef"; *p; p++) {
        g_assert_cmphex(get(0x108), ==, 1);
        set(0x108, 0);
        g_assert_cmphex(get(0x518), ==, (uint8_t)*p);
    }
    g_assert_cmphex(get(0x108), ==, 0);
    set(0x004, 1);
    g_assert_cmphex(get(0x144), ==, 1);
    g_assert_cmpuint(chardev_can_read(chr), ==, 0);
    device_unrealize(dev);
}

/* ---- Timers ---- */

static void test_stm32_timer(void)
{
    setup("stm32f2xx-timer");
    set(0x28, 83), set(0x2c, 999), set(0x34, 250), set(0x38, 5000), set(0x3c, 5000), set(0x40, 5000); /* 1 MHz, 1000 ticks */
    set(0x0c, 3), set(0x00, 1);
    advance(200 * US);
    g_assert_cmpuint(get(0x24), ==, 200);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(51 * US);
    g_assert_cmphex(get(0x10), ==, 2);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x10, ~2u);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(750 * US);
    g_assert_cmphex(get(0x10), ==, 1);
    g_assert_cmpuint(get(0x24), ==, 1);
    set(0x10, 0);
    advance(5000 * US);
    g_assert_cmphex(get(0x10), ==, 3);
    g_assert_cmpuint(get(0x24), ==, 1);
    set(0x10, 0), set(0x24, 990);
    set(0x00, 9); /* one pulse */
    advance(100 * US);
    g_assert_cmphex(get(0x00), ==, 8);
    g_assert_cmpuint(get(0x24), ==, 0);
    g_assert_cmphex(get(0x10), ==, 1);
    set(0x10, 0), set(0x14, 1); /* an update by software */
    g_assert_cmphex(get(0x10), ==, 1);
    set(0x10, 0), set(0x00, 1), set(0x0c, 0);
    advance(1100 * US); /* nobody looks */
    set(0x24, 0);
    g_assert_cmphex(get(0x10), ==, 3);
    set(0x00, 8 | 1); /* one pulse from now on */
    g_assert_cmphex(get(0x00), ==, 9);
    advance(1000 * US);
    g_assert_cmphex(get(0x00), ==, 8);
    set(0x00, 3), set(0x10, 0), set(0x0c, 1); /* no update events: nothing to wait for */
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), <, 0);
    set(0x00, 1), set(0x24, 7), set(0x2c, 0); /* stands still */
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), <, 0);
    advance(1000 * US);
    g_assert_cmphex(get(0x10), ==, 0);
    set(0x2c, 999);
    advance(1000 * US);
    g_assert_cmphex(get(0x10), ==, 3);
    device_unrealize(dev);
}

static void test_nrf_timer(void)
{
    setup("nrf51_soc.timer");
    set(0x508, 3), set(0x540, 1000), set(0x544, 400), set(0x200, 1), set(0x304, 1 << 16); /* 1 MHz; compare 0 clears */
    set(0x000, 1);
    advance(500 * US);
    set(0x048, 1); /* captured */
    g_assert_cmpuint(get(0x548), ==, 500);
    g_assert_cmphex(get(0x144), ==, 1);
    g_assert_cmphex(get(0x140), ==, 0);
    advance(501 * US);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x140, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x04c, 1);
    g_assert_cmpuint(get(0x54c), ==, 1);
    advance(1000 * 1000 * US); /* a thousand rounds are one look */
    g_assert_cmphex(get(0x140), ==, 1);
    set(0x04c, 1);
    g_assert_cmpuint(get(0x54c), ==, 1);
    set(0x140, 0), set(0x200, 0x100); /* compare 0 stops */
    advance(2000 * US);
    set(0x04c, 1);
    g_assert_cmpuint(get(0x54c), ==, 1000);
    advance(100 * US);
    set(0x04c, 1);
    g_assert_cmpuint(get(0x54c), ==, 1000);
    set(0x00c, 1), set(0x504, 1), set(0x540, 3), set(0x200, 0), set(0x140, 0), set(0x000, 1); /* a counter */
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(get(0x140), ==, 0);
        set(0x008, 1);
    }
    g_assert_cmphex(get(0x140), ==, 1);
    set(0x00c, 1), set(0x504, 0), set(0x510, 0); /* 16 MHz, cleared at each tick: compare 1 is never reached */
    set(0x540, 1), set(0x544, 1000), set(0x200, 1), set(0x140, 0), set(0x144, 0), set(0x308, ~0u), set(0x304, 1 << 17);
    set(0x000, 1);
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), <, 0);
    set(0x304, 1 << 16);
    advance(US);
    g_assert_cmpint(line_level[0], ==, 1); /* and waits until the guest has seen that */
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), <, 0);
    g_assert_cmphex(get(0x144), ==, 0);
    device_unrealize(dev);
}

static void test_gptm(void)
{
    dev = device_new("stellaris-gptm");
    device_set_u32(dev, "freq", 1000000);
    realize(dev);
    place();
    set(0x04, 2), set(0x28, 99999), set(0x18, 1), set(0x0c, 1); /* 32 bits, periodic */
    advance(40000 * US);
    g_assert_cmpuint(get(0x48), ==, 59999);
    g_assert_cmpuint(get(0x28), ==, 99999);
    advance(60001 * US);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x24, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x0c, 0);
    set(0x00, 4), set(0x08, 1), set(0x2c, 499), set(0x3c, 1), set(0x18, 0x100), set(0x0c, 0x2100); /* B: 16 bits, once, half the clock, triggers the ADC */
    advance(900 * US);
    g_assert_cmpint(line_level[1], ==, 0);
    advance(101 * US);
    g_assert_cmpint(line_level[1], ==, 1);
    g_assert_cmpint(line_rises[2], ==, 1);
    g_assert_cmphex(get(0x0c), ==, 0x2000);
    device_unrealize(dev);
}

/* ---- Others ---- */

static void test_stellaris_adc(void)
{
    setup("stellaris-adc");
    set(0x00, 3), set(0x08, 1), set(0x44, 0x0060); /* sequencer 0: two steps, the second ends it and interrupts */
    set(0x28, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x0c), ==, 1);
    g_assert_cmphex(get(0x4c), ==, 0x20);
    g_assert_cmpuint(get(0x48), ==, 512);
    get(0x48);
    g_assert_cmphex(get(0x4c) & 0x100, ==, 0x100);
    get(0x48);
    g_assert_cmphex(get(0x18), ==, 1); /* underflow */
    set(0x0c, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    set(0x14, 0x50), set(0x64, 2); /* sequencer 1: by the timer */
    set(0x28, 2);
    g_assert_cmphex(get(0x6c) & 0x100, ==, 0x100);
    for (int i = 0; i < 5; i++)
        input(0, 1);
    g_assert_cmphex(get(0x6c) & 0x1000, ==, 0x1000);
    g_assert_cmphex(get(0x10), ==, 2); /* overflow */
    device_unrealize(dev);
}

static void test_stellaris_sys(void)
{
    dev = device_new("stellaris-sys");
    device_set_u32(dev, "did0", 0x10010002);
    realize(dev);
    place();
    g_assert_cmphex(get(0x000), ==, 0x10010002);
    g_assert_cmphex(get(0x060), ==, 0x078e3ac0);
    uint32_t pll = get(0x064); /* for the 6 MHz crystal of the reset value */
    g_assert_cmpfloat_with_epsilon(((get(0x060) >> 6 & 15) == 11 ? 6.0 : 0) * (pll >> 5) / ((pll & 31) + 1), 400, 1);
    set(0x054, 0x40), set(0x060, 0x078e1ac0);
    g_assert_cmphex(get(0x050), ==, 0x40);
    g_assert_cmpint(line_level[0], ==, 1);
    set(0x058, 0x40);
    g_assert_cmpint(line_level[0], ==, 0);
    device_unrealize(dev);
}

static void test_pl022(void)
{
    setup("pl022");
    g_assert_cmphex(get(0xfe0), ==, 0x22);
    g_assert_cmphex(get(0x0c), ==, 3);
    set(0x00, 7);
    for (int i = 0; i < 9; i++)
        set(0x08, 0x1a0 + i);
    g_assert_cmphex(get(0x0c), ==, 0); /* full, not enabled */
    set(0x14, 4), set(0x04, 3);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x0c), ==, 0xf);
    for (uint32_t i = 0; i < 8; i++)
        g_assert_cmphex(get(0x08), ==, 0xa0 + i);
    g_assert_cmpint(line_level[0], ==, 0);
    device_unrealize(dev);
}

static void test_luminary(void)
{
    setup("pl061_luminary");
    g_assert_cmphex(get(0xfec), ==, 1);
    g_assert_cmphex(get(0x520), ==, 1);
    set(0x524, 0);
    g_assert_cmphex(get(0x524), ==, 0xff);
    set(0x520, 0x1acce551), set(0x524, 0x7f);
    g_assert_cmphex(get(0x524), ==, 0x7f);
    device_unrealize(dev);
    setup("luminary-watchdog");
    g_assert_cmphex(get(0xfe8), ==, 0x18);
    device_unrealize(dev);
    setup("pl011_luminary");
    g_assert_cmphex(get(0xfe8), ==, 0x18);
    device_unrealize(dev);
}

static void test_nrf_rng(void)
{
    setup("nrf51_soc.rng");
    set(0x304, 1), set(0x200, 1), set(0x000, 1);
    advance(160 * US);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(10 * US);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(0x508), <, 256);
    set(0x100, 0);
    advance(1000 * US); /* the shortcut stopped it */
    g_assert_cmphex(get(0x100), ==, 0);
    device_unrealize(dev);
}

static void test_nrf_gpio(void)
{
    setup("nrf51_soc.gpio");
    set(0x700 + 4 * 3, 0xc); /* input with pull-up */
    g_assert_cmphex(get(0x510), ==, 8);
    input(3, 0);
    g_assert_cmphex(get(0x510), ==, 0);
    input(3, 1);
    g_assert_cmphex(get(0x510), ==, 8);
    input(3, 0), input(3, -1);
    g_assert_cmphex(get(0x510), ==, 8);
    set(0x518, 1 << 5);
    g_assert_cmphex(get(0x714), ==, 3);
    set(0x508, 1 << 5);
    g_assert_cmpint(line_level[5], ==, 1);
    set(0x50c, 1 << 5);
    g_assert_cmpint(line_level[5], ==, 0);
    device_unrealize(dev);
}

static void test_nrf_nvm(void)
{
    enum { FLASH = 0x20000 };
    setup("nrf51_soc.nvm");
    map_region(system_memory, BASE + 0x1000, dev, 1);
    map_region(system_memory, BASE + 0x2000, dev, 2);
    map_region(system_memory, BASE + FLASH, dev, 3);
    g_assert_cmphex(get(0x1010), ==, 1024);
    g_assert_cmphex(get(FLASH + 8), ==, 0xffffffff);
    set(FLASH + 8, 0);
    g_assert_cmphex(get(FLASH + 8), ==, 0xffffffff);
    set(0x504, 1), set(FLASH + 8, 0x12345678), set(FLASH + 8, 0xffff0fff), set(0x2080, 0xf0);
    g_assert_cmphex(get(FLASH + 8), ==, 0x12340678);
    g_assert_cmphex(get(0x2080), ==, 0xf0);
    set(0x508, 0);
    g_assert_cmphex(get(FLASH + 8), ==, 0x12340678);
    set(0x504, 2), set(0x508, 0x400);
    g_assert_cmphex(get(FLASH + 8), ==, 0x12340678);
    set(0x508, 0), set(0x508, 0xfffffff0);
    g_assert_cmphex(get(FLASH + 8), ==, 0xffffffff);
    set(0x514, 1);
    g_assert_cmphex(get(0x2080), ==, 0xffffffff);
    device_unrealize(dev);
}

static void test_exti(void)
{
    setup("stm32f4xx-exti");
    set(0x00, 3), set(0x08, 1), set(0x0c, 2);
    input(0, 1), input(1, 1);
    g_assert_cmphex(get(0x14), ==, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    input(1, 0);
    g_assert_cmphex(get(0x14), ==, 3);
    set(0x14, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpint(line_level[1], ==, 1);
    device_unrealize(dev);
    setup("stm32f4xx-syscfg");
    set(0x08, 0x20); /* line 1 from port C */
    input(1, 1);
    g_assert_cmpint(line_level[1], ==, 0);
    input(2 * 16 + 1, 1);
    g_assert_cmpint(line_level[1], ==, 1);
    set(0x08, 0xf0);
    g_assert_cmpint(line_level[1], ==, 0);
    device_unrealize(dev);
}

static void test_sic(void)
{
    setup("versatilepb_sic");
    input(3, 1);
    g_assert_cmphex(get(0x04), ==, 8);
    g_assert_cmpint(line_level[31], ==, 0);
    set(0x08, 8);
    g_assert_cmpint(line_level[31], ==, 1);
    set(0x0c, 8);
    g_assert_cmpint(line_level[31], ==, 0);
    set(0x20, ~0u);
    g_assert_cmphex(get(0x20), ==, 0x7fe00000);
    input(22, 1);
    g_assert_cmpint(line_level[22], ==, 1);
    set(0x24, 1 << 22);
    g_assert_cmpint(line_level[22], ==, 0);
    set(0x08, 1), set(0x10, ~0u);
    g_assert_cmphex(get(0x00), ==, 1);
    device_unrealize(dev);
}

/* Every chip: any access, an image of its state, damaged images. */
static void test_all(const void *type)
{
    setup(type);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 3), at = (uint32_t)g_test_rand_int() & 0x7ff & -size;
        if (i & 1)
            address_space_ld(address_space_memory, BASE + at, size, NULL);
        else
            address_space_st(address_space_memory, BASE + at, i & 2 ? (uint32_t)g_test_rand_int() : (uint32_t)g_test_rand_int() & 7, size);
        if (dev->nin)
            input((unsigned)g_test_rand_int_range(0, (int)dev->nin), i >> 2 & 1);
        if (i % 16 == 0)
            advance((uint32_t)g_test_rand_int() & 0xfffff);
    }
    dev = save_and_reload(dev);
    place();
    load_garbage(dev, 50);
    advance(1000 * MS);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    static const char *const types[] = {
        "stm32f2xx-usart", "stm32f2xx-timer", "stm32f2xx-spi", "stm32f2xx-adc", "stm32f4xx-rcc", "stm32f4xx-exti", "stm32f4xx-syscfg",
        "nrf51_soc.uart", "nrf51_soc.timer", "nrf51_soc.rng", "nrf51_soc.gpio", "nrf51_soc.nvm", "stellaris-gptm", "stellaris-adc",
        "stellaris-sys", "stellaris-i2c", "pl022", "pl061_luminary", "luminary-watchdog", "versatilepb_sic",
    };
    dev_test_init(&argc, &argv);
    g_test_add_func("/mcu/usart", test_usart);
    g_test_add_func("/mcu/nrf-uart", test_nrf_uart);
    g_test_add_func("/mcu/stm32-timer", test_stm32_timer);
    g_test_add_func("/mcu/nrf-timer", test_nrf_timer);
    g_test_add_func("/mcu/gptm", test_gptm);
    g_test_add_func("/mcu/stellaris-adc", test_stellaris_adc);
    g_test_add_func("/mcu/stellaris-sys", test_stellaris_sys);
    g_test_add_func("/mcu/pl022", test_pl022);
    g_test_add_func("/mcu/luminary", test_luminary);
    g_test_add_func("/mcu/nrf-rng", test_nrf_rng);
    g_test_add_func("/mcu/nrf-gpio", test_nrf_gpio);
    g_test_add_func("/mcu/nrf-nvm", test_nrf_nvm);
    g_test_add_func("/mcu/exti", test_exti);
    g_test_add_func("/mcu/sic", test_sic);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        g_autofree char *path = g_strdup_printf("/mcu/any/%s", types[i]);
        g_test_add_data_func(path, types[i], test_all);
    }
    return g_test_run();
}
