/* SPDX-License-Identifier: MIT */
/* The test driver of tests/virtio-driver.h over the device-test protocol, on PCI functions of the PC board. */
#ifndef RHEA_TESTS_LIBQTEST_VIRTIO_H
#define RHEA_TESTS_LIBQTEST_VIRTIO_H

#include "../virtio-driver.h"
#include "libqtest.h"

#include <stdlib.h>
#include <unistd.h>

enum { VD_BAR = 0xe0000000, VD_MSIX_BAR = 0xe1000000, VD_PORTS = 0xc000, VD_HEAP = 0x400000, VD_MSIX_TARGET = 0x300000 };

static inline uint64_t vdq_read(void *q, uint64_t a, unsigned n)
{
    return n == 1 ? qtest_readb(q, a) : n == 2 ? qtest_readw(q, a) : n == 4 ? qtest_readl(q, a) : qtest_readq(q, a);
}
static inline void vdq_write(void *q, uint64_t a, uint64_t v, unsigned n)
{
    switch (n) {
    case 1: qtest_writeb(q, a, (uint8_t)v); break;
    case 2: qtest_writew(q, a, (uint16_t)v); break;
    case 4: qtest_writel(q, a, (uint32_t)v); break;
    default: qtest_writeq(q, a, v); break;
    }
}
static inline uint64_t vdq_in(void *q, uint64_t a, unsigned n)
{
    return n == 1 ? qtest_inb(q, (uint16_t)a) : n == 2 ? qtest_inw(q, (uint16_t)a) : qtest_inl(q, (uint16_t)a);
}
static inline void vdq_out(void *q, uint64_t a, uint64_t v, unsigned n)
{
    if (n == 1)
        qtest_outb(q, (uint16_t)a, (uint8_t)v);
    else if (n == 2)
        qtest_outw(q, (uint16_t)a, (uint16_t)v);
    else
        qtest_outl(q, (uint16_t)a, (uint32_t)v);
}

static inline unsigned vdq_capability(QTest *q, unsigned slot, uint8_t id, unsigned after)
{
    unsigned at = after ? qtest_pci_readl(q, slot, after & ~3u) >> 8 & 0xff : qtest_pci_readl(q, slot, 0x34) & 0xff;
    while (at && (qtest_pci_readl(q, slot, at) & 0xff) != id)
        at = qtest_pci_readl(q, slot, at) >> 8 & 0xff;
    return at;
}

/* Opens the function by its modern interface or, for VD_PCI_LEGACY, the old one. */
static inline VD vdq_open(QTest *q, unsigned slot, VDKind kind)
{
    VD d = { .opaque = q, .mem_read = vdq_read, .mem_write = vdq_write, .io_read = vdq_in, .io_write = vdq_out, .kind = kind, .heap = VD_HEAP };
    if (kind == VD_PCI_LEGACY) {
        qtest_pci_map(q, slot, 0, VD_PORTS);
        d.base = VD_PORTS;
        return d;
    }
    qtest_pci_map(q, slot, 4, VD_BAR);
    for (unsigned at = vdq_capability(q, slot, 9, 0); at; at = vdq_capability(q, slot, 9, at)) {
        unsigned type = qtest_pci_readl(q, slot, at) >> 24;
        uint64_t where = VD_BAR + qtest_pci_readl(q, slot, at + 8);
        if (type == 1)
            d.base = where;
        else if (type == 2) {
            d.notify = where;
            d.notify_multiplier = qtest_pci_readl(q, slot, at + 16);
        } else if (type == 3)
            d.isr = where;
        else if (type == 4)
            d.config = where;
    }
    g_assert_true(d.base && d.notify && d.isr && d.config);
    return d;
}

/* Turns MSI-X on with n vectors that store their number + 1 at VD_MSIX_TARGET + 4 * number. */
static inline void vdq_enable_msix(QTest *q, unsigned slot, unsigned n)
{
    unsigned cap = vdq_capability(q, slot, 0x11, 0);
    g_assert_cmpuint(cap, !=, 0);
    g_assert_cmpuint(qtest_pci_readl(q, slot, cap) >> 16 & 0x7ff, >=, n - 1);
    qtest_pci_map(q, slot, qtest_pci_readl(q, slot, cap + 4) & 7, VD_MSIX_BAR);
    for (unsigned i = 0; i < n; i++) {
        uint64_t e = VD_MSIX_BAR + 16 * i;
        qtest_writel(q, e, VD_MSIX_TARGET + 4 * i);
        qtest_writel(q, e + 4, 0);
        qtest_writel(q, e + 8, i + 1);
        qtest_writel(q, e + 12, 0);
        qtest_writel(q, VD_MSIX_TARGET + 4 * i, 0);
    }
    qtest_pci_writel(q, slot, cap, qtest_pci_readl(q, slot, cap) | 1u << 31);
}
static inline bool vdq_msix_came(QTest *q, unsigned n)
{
    bool came = qtest_readl(q, VD_MSIX_TARGET + 4 * n) == n + 1;
    qtest_writel(q, VD_MSIX_TARGET + 4 * n, 0);
    return came;
}

/* A file of size bytes that is gone when the test ends; each block of 512 bytes begins with its number. */
static inline char *vdq_image(uint64_t size)
{
    char *path;
    int fd = g_file_open_tmp("rhea-disk-XXXXXX", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    for (uint64_t i = 0; i < size / 512; i++) {
        uint64_t v = i;
        g_assert_cmpint(pwrite(fd, &v, 8, (off_t)(512 * i)), ==, 8);
    }
    close(fd);
    return path;
}

#endif
