/* SPDX-License-Identifier: MIT */
/*
 * The edu device over PCI as a driver sees it: identity, inverter, factorials and when they are ready, interrupts on
 * the I/O APIC's input, DMA both ways and its limits. Expected values: docs/specs/edu.txt, and arithmetic.
 */
#include "libqtest.h"

#include <string.h>

enum { MMIO = 0xe0000000, BUFFER = 0x40000, RAM = 0x100000 };
enum { FACTORIAL = 0x08, STATUS = 0x20, IRQ = 0x24, IRQ_RAISE = 0x60, IRQ_ACK = 0x64, SRC = 0x80, DST = 0x88, COUNT = 0x90,
       COMMAND = 0x98 };

static QTest *start(void)
{
    QTest *q = qtest_start("-M pc -nodefaults -device edu");
    unsigned slot = qtest_pci_find(q, 0x1234, 0x11e8);
    g_assert_cmphex(qtest_pci_readl(q, slot, 8), ==, 0x00ff0010);
    g_assert_cmphex(qtest_pci_map(q, slot, 0, MMIO), ==, 0x100000);
    return q;
}

static void test_registers(void)
{
    QTest *q = start();
    g_assert_cmphex(qtest_readl(q, MMIO), ==, 0x010000ed);
    qtest_writel(q, MMIO + 4, 0x12345678);
    g_assert_cmphex(qtest_readl(q, MMIO + 4), ==, 0xedcba987);
    g_assert_cmphex(qtest_readl(q, MMIO + 0x30), ==, 0xffffffff);
    qtest_end(q);
}

static void test_factorial(void)
{
    QTest *q = start();
    static const struct { uint32_t n, product; } cases[] = {
        { 0, 1 }, { 1, 1 }, { 5, 120 }, { 12, 479001600 }, { 13, 1932053504 }, { 34, 0 }, { 0xffffffff, 0 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        qtest_writel(q, MMIO + FACTORIAL, cases[i].n);
        g_assert_cmphex(qtest_readl(q, MMIO + STATUS) & 1, ==, 1);
        qtest_clock_step(q, 200000000);
        g_assert_cmphex(qtest_readl(q, MMIO + STATUS) & 1, ==, 0);
        g_assert_cmpuint(qtest_readl(q, MMIO + FACTORIAL), ==, cases[i].product);
    }
    g_assert_cmphex(qtest_readl(q, MMIO + IRQ), ==, 0);
    qtest_writel(q, MMIO + STATUS, 0x80);
    qtest_writel(q, MMIO + FACTORIAL, 3);
    qtest_clock_step_next(q);
    g_assert_cmphex(qtest_readl(q, MMIO + IRQ), ==, 1);
    g_assert_cmphex(qtest_readl(q, MMIO + STATUS), ==, 0x80);
    qtest_end(q);
}

/* Slot and pin lead to a PIRQ, whose routing register leads to an ISA interrupt: 10 here. */
static void test_interrupt(void)
{
    QTest *q = start();
    unsigned bridge = qtest_pci_find(q, 0x8086, 0x7000);
    qtest_pci_writel(q, bridge, 0x60, 0x0a0a0a0a);
    qtest_irq_intercept_in(q, "ioapic");
    g_assert_false(qtest_irq(q, 10));
    qtest_writel(q, MMIO + IRQ_RAISE, 0x30);
    g_assert_true(qtest_irq(q, 10));
    g_assert_cmphex(qtest_readl(q, MMIO + IRQ), ==, 0x30);
    qtest_writel(q, MMIO + IRQ_ACK, 0x10);
    g_assert_true(qtest_irq(q, 10));
    qtest_writel(q, MMIO + IRQ_ACK, 0x20);
    g_assert_false(qtest_irq(q, 10));
    qtest_end(q);
}

static void copy(QTest *q, uint64_t src, uint64_t dst, uint64_t count, uint64_t command)
{
    qtest_writeq(q, MMIO + SRC, src);
    qtest_writeq(q, MMIO + DST, dst);
    qtest_writeq(q, MMIO + COUNT, count);
    qtest_writeq(q, MMIO + COMMAND, command);
    g_assert_cmphex(qtest_readq(q, MMIO + COMMAND), ==, command);
    qtest_clock_step(q, 100000000);
    g_assert_cmphex(qtest_readq(q, MMIO + COMMAND), ==, command & ~1ull);
}

static void test_dma(void)
{
    QTest *q = start();
    char out[100], in[100], zero[100] = { 0 };
    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + 1);
    qtest_memwrite(q, RAM, out, sizeof(out));
    copy(q, RAM, BUFFER + 1000, sizeof(out), 1);
    g_assert_cmphex(qtest_readl(q, MMIO + IRQ), ==, 0);
    copy(q, BUFFER + 1000, RAM + 0x1000, sizeof(out), 1 | 2 | 4);
    g_assert_cmphex(qtest_readl(q, MMIO + IRQ), ==, 0x100);
    qtest_memread(q, RAM + 0x1000, in, sizeof(in));
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    /* Over the buffer's end, before its start, enormous: nothing is written. */
    static const struct { uint64_t at, count; } bad[] = {
        { BUFFER + 4090, 100 }, { BUFFER - 1, 1 }, { BUFFER, 4097 }, { BUFFER, ~0ull }, { ~0ull, 2 }, { BUFFER + 4097, 0 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        copy(q, bad[i].at, RAM + 0x2000, bad[i].count, 1 | 2);
    qtest_memread(q, RAM + 0x2000, in, sizeof(in));
    g_assert_cmpmem(in, sizeof(in), zero, sizeof(zero));
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/edu/registers", test_registers);
    g_test_add_func("/edu/factorial", test_factorial);
    g_test_add_func("/edu/interrupt", test_interrupt);
    g_test_add_func("/edu/dma", test_dma);
    return g_test_run();
}
