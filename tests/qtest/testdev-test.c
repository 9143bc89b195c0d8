/* SPDX-License-Identifier: MIT */
/*
 * The devices that kernels' own unit tests use: pc-testdev, pci-testdev, isa-debug-exit, isa-debugcon, pvpanic on both
 * buses, the testdev character device. Expected values: their specifications (docs/specs of QEMU, kvm-unit-tests).
 */
#include "libqtest.h"

#include <string.h>

static void test_pc_testdev(void)
{
    QTest *q = qtest_start("-M pc -nodefaults -device pc-testdev");
    qtest_outl(q, 0xe0, 0x12345678);
    g_assert_cmphex(qtest_inl(q, 0xe0), ==, 0x12345678);
    g_assert_cmphex(qtest_inb(q, 0xe1), ==, 0x56);
    qtest_outw(q, 0xe2, 0xabcd);
    g_assert_cmphex(qtest_inl(q, 0xe8), ==, 0xabcd5678);
    qtest_outb(q, 0xeb, 0x11);
    g_assert_cmphex(qtest_inl(q, 0xe0), ==, 0x11cd5678);
    qtest_writeq(q, 0xff000010, 0x1122334455667788);
    g_assert_cmphex(qtest_readl(q, 0xff000014), ==, 0x11223344);
    qtest_outl(q, 0xe4, 0x1000);
    qtest_irq_intercept_in(q, "ioapic");
    qtest_outb(q, 0x2000 + 5, 1);
    g_assert_true(qtest_irq(q, 5));
    qtest_outb(q, 0x2000 + 5, 0);
    g_assert_false(qtest_irq(q, 5));
    qtest_outb(q, 0x2000 + 20, 1);
    g_assert_true(qtest_irq(q, 20));
    qtest_end(q);
}

/* As kvm-unit-tests' driver does: chooses tests until a width is not its own, writes, looks at the count. */
static void test_pci_testdev(void)
{
    enum { BAR0 = 0xe0000000, BAR1 = 0xc000 };
    QTest *q = qtest_start("-M pc -nodefaults -device pci-testdev,membar=64k");
    unsigned slot = qtest_pci_find(q, 0x1b36, 5), tests;
    g_assert_cmphex(qtest_pci_map(q, slot, 0, BAR0), ==, 0x1000);
    g_assert_cmphex(qtest_pci_map(q, slot, 1, BAR1), ==, 0x100);
    g_assert_cmphex(qtest_pci_map(q, slot, 2, 0xe1000000), ==, 0x10000);
    for (tests = 0; tests < 100; tests++) {
        char name[32];
        qtest_writeb(q, BAR0, (uint8_t)tests);
        if (qtest_readb(q, BAR0 + 1) != 1)
            break;
        uint32_t at = qtest_readl(q, BAR0 + 4), data = qtest_readl(q, BAR0 + 8);
        g_assert_cmphex(at, ==, 0x800 + tests);
        for (unsigned i = 0; i < 10; i++)
            qtest_writeb(q, BAR0 + at, (uint8_t)data);
        g_assert_cmpuint(qtest_readl(q, BAR0 + 12), ==, 10);
        qtest_memread(q, BAR0 + 16, name, sizeof(name));
        g_assert_true(g_str_has_prefix(name, "mmio-") && memchr(name, 0, sizeof(name)));
    }
    g_assert_cmpuint(tests, ==, 3);
    qtest_outb(q, BAR1, 2);
    g_assert_cmphex(qtest_inl(q, BAR1 + 4), ==, 0x82);
    qtest_outb(q, BAR1 + 0x82, 0x12); /* the last test counts only its own datum */
    qtest_outb(q, BAR1 + 0x82, 0xfa);
    g_assert_cmpuint(qtest_inl(q, BAR1 + 12), ==, 1);
    qtest_end(q);
}

static void test_exits(void)
{
    QTest *q = qtest_start("-M pc -nodefaults -device isa-debug-exit");
    qtest_outb(q, 0x501, 0x10);
    g_assert_cmpint(qtest_wait(q), ==, 0x21);
    q = qtest_start("-M pc -nodefaults -chardev testdev,id=t -device isa-debugcon,iobase=0xe9,chardev=t");
    g_assert_cmphex(qtest_inb(q, 0xe9), ==, 0xe9);
    for (const char *s = "7x21q"; *s; s++) /* "7x" means nothing */
        qtest_outb(q, 0xe9, (uint8_t)*s);
    g_assert_cmpint(qtest_wait(q), ==, 43);
}

static void test_panic(void)
{
    QTest *q = qtest_start("-M pc -nodefaults -device pvpanic,events=1");
    g_assert_cmphex(qtest_inb(q, 0x505), ==, 1);
    qtest_outb(q, 0x505, 2); /* not offered */
    qtest_outb(q, 0x505, 1);
    g_assert_cmpint(qtest_wait(q), ==, 0);
    q = qtest_start("-M pc -nodefaults -device pvpanic-pci");
    qtest_pci_map(q, qtest_pci_find(q, 0x1b36, 0x11), 0, 0xe0000000);
    g_assert_cmphex(qtest_readb(q, 0xe0000000), ==, 3);
    qtest_writeb(q, 0xe0000000, 0xf0);
    qtest_writeb(q, 0xe0000000, 1);
    g_assert_cmpint(qtest_wait(q), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/testdev/pc", test_pc_testdev);
    g_test_add_func("/testdev/pci", test_pci_testdev);
    g_test_add_func("/testdev/exits", test_exits);
    g_test_add_func("/testdev/panic", test_panic);
    return g_test_run();
}
