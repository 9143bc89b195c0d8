/* SPDX-License-Identifier: MIT */
/* The MC146818A: start time, formats, setting the clock, century, periodic, alarm and update interrupts, update in
 * progress, memory, saved state. Expected values are from Motorola's data sheet ADI1018; dates by hand. */
#include "dev-test.h"
#include "hw/mc146818rtc.h"

#define START 1700000000ll /* Tue 2023-11-14 22:13:20 UTC */

static Device *rtc;

static void setup(void)
{
    test_machine.rtc_start = START;
    rtc = create("mc146818rtc");
    outb(0x70, 0x0a), outb(0x71, 0x20); /* no periodic rate */
    record_line(NULL, 8, 0);
    clear_lines();
}

static void teardown(void)
{
    device_unrealize(rtc);
}

static uint8_t get(uint8_t reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static void set(uint8_t reg, uint8_t v)
{
    outb(0x70, reg);
    outb(0x71, v);
}

static void check_time(const char *expect)
{
    g_autofree char *s = g_strdup_printf("%02x%02x-%02x-%02x %02x:%02x:%02x %x", get(0x32), get(9), get(8), get(7),
                                         get(4), get(2), get(0), get(6));
    g_assert_cmpstr(s, ==, expect);
}

static void test_time(void)
{
    setup();
    check_time("2023-11-14 22:13:20 3");
    advance(3600 * 2 * NS_PER_SEC + 41 * NS_PER_SEC);
    check_time("2023-11-15 00:14:01 4");
    set(0x0b, 0x06); /* binary */
    g_assert_cmpint(get(9), ==, 23);
    g_assert_cmpint(get(0x32), ==, 20);
    g_assert_cmpint(get(8), ==, 11);
    set(0x0b, 0x00); /* BCD, 12 hours */
    g_assert_cmphex(get(4), ==, 0x12);
    advance(13 * 3600 * NS_PER_SEC);
    g_assert_cmphex(get(4), ==, 0x81);
    g_assert_cmphex(inb(0x70), ==, 0xff);
    g_assert_cmphex(get(0x0d), ==, 0x80);
    set(0x0d, 0);
    g_assert_cmphex(get(0x0d), ==, 0x80);
    teardown();
}

static void test_setting(void)
{
    setup();
    set(0x0b, 0x82);
    advance(5 * NS_PER_SEC);
    check_time("2023-11-14 22:13:20 3"); /* stands still */
    set(0x32, 0x19), set(9, 0x99), set(8, 0x12), set(7, 0x31), set(6, 6);
    set(4, 0x23), set(2, 0x59), set(0, 0x58);
    set(0x0b, 0x02);
    check_time("1999-12-31 23:59:58 6");
    advance(2 * NS_PER_SEC);
    check_time("2000-01-01 00:00:00 7");
    set(0x0a, 0x76); /* divider held: the first update comes half a second after release */
    advance(10 * NS_PER_SEC);
    check_time("2000-01-01 00:00:00 7");
    set(0x0a, 0x26);
    advance(499 * MS);
    check_time("2000-01-01 00:00:00 7");
    advance(2 * MS);
    check_time("2000-01-01 00:00:01 7");
    set(7, 0x28), set(8, 0x02); /* without stopping the clock */
    advance(86400 * NS_PER_SEC);
    g_assert_cmphex(get(7), ==, 0x29); /* a leap year */
    set(9, 0xff), set(8, 0xff), set(7, 0xff), set(4, 0xff), set(0x32, 0xff); /* nonsense does no harm */
    advance(NS_PER_SEC);
    get(0);
    teardown();
}

static void test_update(void)
{
    setup();
    g_assert_cmphex(get(0x0a) & 0x80, ==, 0);
    advance(999900 * US);
    g_assert_cmphex(get(0x0a) & 0x80, ==, 0x80);
    g_assert_cmphex(get(0x0c), ==, 0);
    advance(200 * US);
    g_assert_cmphex(get(0x0a) & 0x80, ==, 0);
    g_assert_cmphex(get(0x0c), ==, 0x10); /* the flag comes without its interrupt */
    g_assert_cmphex(get(0x0c), ==, 0);
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), ==, -1);
    set(0x0b, 0x12);
    advance(NS_PER_SEC);
    g_assert_cmpint(line_level[8], ==, 1);
    advance(3 * NS_PER_SEC);
    g_assert_cmpint(line_rises[8], ==, 1);
    g_assert_cmphex(get(0x0c), ==, 0x90);
    g_assert_cmpint(line_level[8], ==, 0);
    advance(NS_PER_SEC);
    g_assert_cmpint(line_rises[8], ==, 2);
    teardown();
}

static void test_alarm(void)
{
    setup();
    set(1, 0x25), set(3, 0x13), set(5, 0x22);
    set(0x0b, 0x22);
    advance(4900 * MS);
    g_assert_cmpint(line_level[8], ==, 0);
    advance(200 * MS);
    g_assert_cmpint(line_level[8], ==, 1);
    g_assert_cmphex(get(0x0c), ==, 0xb0);
    advance(100 * NS_PER_SEC);
    g_assert_cmphex(get(0x0c), ==, 0x10);
    set(5, 0xff), set(3, 0xc0); /* every minute at :25 */
    clear_lines();
    for (int i = 0; i < 5; i++) {
        advance(60 * NS_PER_SEC);
        get(0x0c);
    }
    g_assert_cmpint(line_rises[8], ==, 5);
    set(1, 0x99); /* never */
    advance(86400 * NS_PER_SEC);
    g_assert_cmpint(line_rises[8], ==, 5);
    teardown();
}

static void test_periodic(void)
{
    setup();
    get(0x0c);
    set(0x0a, 0x26); /* 1024 Hz */
    set(0x0b, 0x42);
    for (int i = 0; i < 102; i++) {
        advance(NS_PER_SEC / 1024 + 1);
        get(0x0c);
    }
    g_assert_cmpint(line_rises[8], ==, 102);
    advance(NS_PER_SEC / 2); /* the guest did not look: one interrupt */
    g_assert_cmpint(line_rises[8], ==, 103);
    g_assert_cmphex(get(0x0c), ==, 0xc0);
    g_assert_cmpint(line_level[8], ==, 0);
    set(0x0a, 0x20); /* rate 0: none */
    clear_lines();
    advance(NS_PER_SEC);
    g_assert_cmpint(line_rises[8], ==, 0);
    teardown();
}

static void test_memory(void)
{
    setup();
    rtc_set_memory(rtc, 0x15, 0x80);
    g_assert_cmphex(get(0x15), ==, 0x80);
    rtc_set_memory(rtc, 0x0b, 0xff); /* not memory */
    rtc_set_memory(rtc, 0x1000, 0xff);
    g_assert_cmphex(get(0x0b), ==, 0x02);
    set(0x7f, 0x12);
    g_assert_cmphex(rtc_get_memory(rtc, 0x7f), ==, 0x12);
    g_assert_cmphex(get(0xff), ==, 0x12); /* bit 7 of the index is the NMI mask */
    set(0x0b, 0x72);
    rtc->type->reset(rtc);
    g_assert_cmphex(get(0x0b), ==, 0x02);
    g_assert_cmphex(get(0x7f), ==, 0x12);
    teardown();
}

static void test_host_clock(void)
{
    test_machine.rtc_start = INT64_MIN;
    test_machine.rtc_clock = CLOCK_HOST;
    rtc = create("mc146818rtc");
    /* A second may begin between the chip's look at the clock and this one. */
    g_assert_cmpint(ABS(rtc_offset(rtc)), <=, 1);
    teardown();
    test_machine.rtc_clock = CLOCK_VIRTUAL;
}

static void test_saved(void)
{
    setup();
    set(0x0a, 0x26);
    set(0x0b, 0x42);
    set(0x40, 0x77);
    advance(7 * NS_PER_SEC);
    get(0x0c);
    rtc = save_and_reload(rtc);
    check_time("2023-11-14 22:13:27 3");
    g_assert_cmphex(get(0x40), ==, 0x77);
    advance(2 * MS);
    g_assert_cmpint(line_level[8], ==, 1);
    load_garbage(rtc, 300);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/rtc/time", test_time);
    g_test_add_func("/rtc/setting", test_setting);
    g_test_add_func("/rtc/update", test_update);
    g_test_add_func("/rtc/alarm", test_alarm);
    g_test_add_func("/rtc/periodic", test_periodic);
    g_test_add_func("/rtc/memory", test_memory);
    g_test_add_func("/rtc/host-clock", test_host_clock);
    g_test_add_func("/rtc/saved", test_saved);
    return g_test_run();
}
