/* SPDX-License-Identifier: MIT */
/*
 * The device-test protocol: every command and its answer as text, the clock and the timers that it moves, watched and
 * driven lines, and commands that make no sense. Then chips of the PC through it: the RTC's alarm, the PIT's rate.
 */
#include "libqtest.h"

#include <string.h>

static void test_text(void)
{
    static const char *const cases[][2] = {
        { "endianness", "OK little" },
        { "write 0x1000 4 0x01020304", "OK" },
        { "readb 0x1000", "OK 0x0000000000000001" },
        { "readw 4096", "OK 0x0000000000000201" },
        { "readl 0x1000", "OK 0x0000000004030201" },
        { "readq 0x1000", "OK 0x0000000004030201" },
        { "read 0x1000 5", "OK 0x0102030400" },
        { "b64read 0x1000 4", "OK AQIDBA==" },
        { "b64write 0x1000 3 YWJj", "OK" },
        { "read 0x1000 4", "OK 0x61626304" },
        { "writeb 0x1000 0xff", "OK" },
        { "writew 0x1002 0x1234", "OK" },
        { "writel 0x1004 0x89abcdef", "OK" },
        { "writeq 0x1008 0x1122334455667788", "OK" },
        { "read 0x1000 16", "OK 0xff623412efcdab898877665544332211" },
        { "memset 0x1000 3 0x55", "OK" },
        { "read 0x1000 4", "OK 0x55555512" },
        { "outb 0x80 0x1", "OK" },
        { "inb 0xcfc", "OK 0x00ff" },
        { "inw 0xcfc", "OK 0xffff" },
        { "inl 0xcfc", "OK 0xffffffff" },
        { "clock_set 1000", "OK 1000" },
        { "clock_step 500", "OK 1500" },
        { "irq_intercept_in nothing", "FAIL Unknown device" },
        { "irq_intercept_in /machine/unattached/ioapic", "OK" },
        { "irq_intercept_in ioapic", "OK" },
        { "irq_intercept_out isa-pit", "FAIL IRQ intercept already enabled" },
    };
    static const char *const wrong[] = {
        "nonsense", "inb", "inb x", "outb 0x80", "readl", "writel 0x1000", "writel 0x1000 y", "read 0x1000", "read 0x1000 0",
        "read 0x1000 99999999999999999999", "read 0x1000 0x7fffffff", "write 0x1000 4", "write 0x1000 4 1234",
        "b64write 0x1000 4", "b64write 0x1000 4 !!!!", "memset 0x1000 4", "clock_step x", "clock_set", "set_irq_in",
        "set_irq_in ioapic", "set_irq_in ioapic unnamed-gpio-in 99999 1", "irq_intercept_out",
    };
    QTest *q = qtest_start("-M pc -nodefaults");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(qtest_command(q, "%s", cases[i][0]), ==, cases[i][1]);
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_true(g_str_has_prefix(qtest_command(q, "%s", wrong[i]), "FAIL "));
    qtest_end(q);
}

static void test_block(void)
{
    QTest *q = qtest_start("-M pc -nodefaults -m 64");
    size_t n = 3 << 20;
    uint8_t *out = g_malloc(n), *in = g_malloc(n);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(i * 2654435761u >> 13);
    qtest_memwrite(q, 0x200001, out, n);
    qtest_memread(q, 0x200001, in, n);
    g_assert_true(!memcmp(in, out, n));
    g_free(in);
    g_free(out);
    qtest_end(q);
}

static uint8_t cmos(QTest *q, uint8_t reg)
{
    qtest_outb(q, 0x70, reg);
    return qtest_inb(q, 0x71);
}

static void cmos_set(QTest *q, uint8_t reg, uint8_t v)
{
    qtest_outb(q, 0x70, reg);
    qtest_outb(q, 0x71, v);
}

/* A wildcard alarm comes every second; its interrupt is 8, reading register C lets it go. */
static void test_rtc(void)
{
    QTest *q = qtest_start("-M pc -nodefaults -rtc base=2020-02-29T23:59:58,clock=vm");
    qtest_irq_intercept_in(q, "ioapic");
    cmos_set(q, 0x0b, 0x06); /* 24 hours, binary */
    g_assert_cmpuint(cmos(q, 0x07), ==, 29);
    for (uint8_t reg = 1; reg <= 5; reg += 2)
        cmos_set(q, reg, 0xc0);
    cmos_set(q, 0x0b, 0x26);
    g_assert_false(qtest_irq(q, 8));
    qtest_clock_step(q, 1100000000);
    g_assert_true(qtest_irq(q, 8));
    g_assert_cmphex(cmos(q, 0x0c) & 0xa0, ==, 0xa0);
    g_assert_false(qtest_irq(q, 8));
    qtest_clock_step(q, 2000000000);
    g_assert_cmpuint(cmos(q, 0x07), ==, 1);
    g_assert_cmpuint(cmos(q, 0x08), ==, 3);
    qtest_end(q);
}

static unsigned pit_count(QTest *q)
{
    qtest_outb(q, 0x43, 0);
    unsigned lo = qtest_inb(q, 0x40);
    return lo | (unsigned)qtest_inb(q, 0x40) << 8;
}

/* Mode 2 counts down 1.193182 MHz from what was loaded. */
static void test_pit(void)
{
    QTest *q = qtest_start("-M pc -nodefaults");
    qtest_outb(q, 0x43, 0x34);
    qtest_outb(q, 0x40, 0x00);
    qtest_outb(q, 0x40, 0x80);
    qtest_clock_step(q, 1000000);
    unsigned a = pit_count(q);
    qtest_clock_step(q, 10000000);
    g_assert_cmpuint(a - pit_count(q), ==, 11932);
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qtest/text", test_text);
    g_test_add_func("/qtest/block", test_block);
    g_test_add_func("/qtest/rtc", test_rtc);
    g_test_add_func("/qtest/pit", test_pit);
    return g_test_run();
}
