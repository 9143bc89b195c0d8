/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk over PCI as a driver sees it: identity, configuration, reads, writes, flush, identifier, discard, zeroes, errors, several
 * requests in flight, MSI-X and INTx, the window in configuration space; all of them by the modern interface with both kinds of rings, and
 * by the old one; several of these with each aio=. Expected values: Virtual I/O Device 1.2, 5.2, and the image file.
 */
#include "libqtest-virtio.h"

#include <fcntl.h>
#include <sys/syscall.h>

enum { SIZE = 1 << 20, HEADER = 0x200000, STATUS = 0x200100, DATA = 0x210000 };
enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };
enum { F_FLUSH = 9, F_WCE = 11, F_MQ = 12, F_DISCARD = 13, F_ZEROES = 14 };
#define WANTED (1ull << F_FLUSH | 1ull << F_WCE | 1ull << F_MQ | 1ull << F_DISCARD | 1ull << F_ZEROES | 1ull << VD_INDIRECT | 1ull << VD_EVENT_IDX)

static QTest *q;
static VD d;
static unsigned slot;
static char *image;
static const char *aio = ""; /* more options of the drive */

static void open_disk(VDKind kind, const char *options)
{
    image = vdq_image(SIZE);
    q = qtest_start("-M pc -nodefaults -drive file=%s,format=raw,if=none,id=d,discard=unmap%s -device virtio-blk-pci,drive=d,serial=disk-7%s", image, aio,
                    options);
    slot = qtest_pci_find(q, 0x1af4, kind == VD_PCI_LEGACY || !strstr(options, "disable-legacy=on") ? 0x1001 : 0x1042);
    d = vdq_open(q, slot, kind);
}

static void close_disk(void)
{
    qtest_end(q);
    unlink(image);
    g_free(image);
}

/* Offers a request at a place of its own, so that several can be in flight; returns its id. */
static unsigned offer(VDQueue *vq, unsigned place, uint32_t type, uint64_t sector, uint32_t len, bool indirect)
{
    uint64_t header = HEADER + 16 * place, status = STATUS + 0x1000 + place, data = DATA + 0x1000 * place;
    bool to_device = type == OUT || type == DISCARD || type == ZEROES;
    qtest_writel(q, header, type);
    qtest_writel(q, header + 4, 0);
    qtest_writeq(q, header + 8, sector);
    qtest_writeb(q, status, 0xaa);
    VDPart p[3] = { { header, 16, false }, { data, len, !to_device }, { status, 1, true } };
    if (!len)
        p[1] = p[2];
    return vd_add(vq, p, len ? 3 : 2, indirect);
}

static uint8_t request(VDQueue *vq, uint32_t type, uint64_t sector, uint32_t len)
{
    unsigned id = offer(vq, 0, type, sector, len, false);
    vd_kick(vq);
    uint32_t used = vd_wait(vq, len ? 3 : 2, id);
    g_assert_cmpuint(used, ==, (type == IN ? len : type == GET_ID ? MIN(len, 20) : 0) + 1);
    return qtest_readb(q, STATUS + 0x1000);
}

static uint64_t in_image(uint64_t offset)
{
    uint64_t v = 0;
    g_autofree char *data = NULL;
    size_t len;
    g_assert_true(g_file_get_contents(image, &data, &len, NULL));
    memcpy(&v, data + offset, 8);
    return v;
}

static void test_transfer(VDKind kind, const char *options, uint64_t wanted)
{
    open_disk(kind, options);
    vd_start(&d, wanted);
    g_assert_cmphex(d.features & wanted, ==, kind == VD_PCI_LEGACY ? wanted & 0xffffffff & ~(1ull << F_MQ) : wanted & ~(1ull << F_MQ));
    g_assert_cmpuint(vd_config(&d, 0, 4), ==, SIZE / 512);
    g_assert_cmpuint(vd_config(&d, 12, 4), ==, 254);
    g_assert_cmpuint(vd_config(&d, 20, 4), ==, 512);
    VDQueue *vq = vd_queue(&d, 0, 0, 0xffff);
    g_assert_cmpuint(vq->num, ==, 256);
    vd_driver_ok(&d);
    g_assert_cmpuint(request(vq, IN, 5, 1024), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, 5);
    g_assert_cmpuint(qtest_readq(q, DATA + 512), ==, 6);
    qtest_memset(q, DATA, 0x33, 1024);
    g_assert_cmpuint(request(vq, OUT, 7, 1024), ==, 0);
    g_assert_cmpuint(request(vq, FLUSH, 0, 0), ==, 0);
    g_assert_cmphex(in_image(7 * 512), ==, 0x3333333333333333);
    g_assert_cmpuint(in_image(9 * 512), ==, 9);
    g_assert_cmpuint(request(vq, GET_ID, 0, 20), ==, 0);
    char id[21] = { 0 };
    qtest_memread(q, DATA, id, 20);
    g_assert_cmpstr(id, ==, "disk-7");
    /* Past the end, part of a block, more than 64 bits of bytes, a type there is not. */
    g_assert_cmpuint(request(vq, OUT, SIZE / 512 - 1, 1024), ==, 1);
    g_assert_cmpuint(request(vq, OUT, SIZE / 512, 512), ==, 1);
    g_assert_cmpuint(request(vq, OUT, 0, 100), ==, 1);
    g_assert_cmpuint(request(vq, OUT, 1ull << 55, 512), ==, 1);
    g_assert_cmpuint(request(vq, OUT, ~0ull, 512), ==, 1);
    g_assert_cmpuint(request(vq, 99, 0, 0), ==, 2);
    g_assert_cmpuint(request(vq, IN, SIZE / 512 - 1, 512), ==, 0);
    g_free(vq);
    close_disk();
}

static void test_modern(void) { test_transfer(VD_PCI_MODERN, "", WANTED); }
static void test_modern_only(void) { test_transfer(VD_PCI_MODERN, ",disable-legacy=on", 0); }
static void test_packed(void) { test_transfer(VD_PCI_MODERN, ",packed=on", WANTED | 1ull << VD_PACKED); }
static void test_legacy(void) { test_transfer(VD_PCI_LEGACY, "", WANTED); }
static void test_legacy_only(void) { test_transfer(VD_PCI_LEGACY, ",disable-modern=on", 0); }

static void segment(uint64_t sector, uint32_t sectors, uint32_t flags)
{
    qtest_writeq(q, DATA, sector);
    qtest_writel(q, DATA + 8, sectors);
    qtest_writel(q, DATA + 12, flags);
}

static void test_zeroes(void)
{
    open_disk(VD_PCI_MODERN, "");
    vd_start(&d, WANTED);
    VDQueue *vq = vd_queue(&d, 0, 16, 0xffff);
    vd_driver_ok(&d);
    g_assert_cmpuint(vd_config(&d, 36, 4), ==, 4194303);
    segment(100, 8, 0);
    g_assert_cmpuint(request(vq, ZEROES, 0, 16), ==, 0);
    g_assert_cmpuint(in_image(101 * 512), ==, 0);
    g_assert_cmpuint(in_image(108 * 512), ==, 108);
    segment(200, 8, 1);
    g_assert_cmpuint(request(vq, ZEROES, 0, 16), ==, 0);
    g_assert_cmpuint(in_image(200 * 512), ==, 0);
    segment(300, 8, 0);
    g_assert_cmpuint(request(vq, DISCARD, 0, 16), ==, 0);
    segment(400, 8, 1); /* discard has no such flag */
    g_assert_cmpuint(request(vq, DISCARD, 0, 16), ==, 2);
    segment(400, 8, 2);
    g_assert_cmpuint(request(vq, ZEROES, 0, 16), ==, 2);
    segment(SIZE / 512 - 1, 2, 0);
    g_assert_cmpuint(request(vq, ZEROES, 0, 16), ==, 1);
    segment(0, ~0u, 0);
    g_assert_cmpuint(request(vq, DISCARD, 0, 16), ==, 1);
    segment(~0ull, 1, 0);
    g_assert_cmpuint(request(vq, DISCARD, 0, 16), ==, 1);
    g_assert_cmpuint(request(vq, ZEROES, 0, 15), ==, 2);
    g_assert_cmpuint(in_image(400 * 512), ==, 400);
    g_free(vq);
    close_disk();
}

/* Forty requests at once on each of two queues, in indirect tables; all come back, each with its own data and by its queue's vector. */
static void test_queues(void)
{
    open_disk(VD_PCI_MODERN, ",num-queues=2,queue-size=64");
    vdq_enable_msix(q, slot, 3);
    vd_start(&d, WANTED & ~(1ull << VD_EVENT_IDX));
    g_assert_cmpuint(vd_config(&d, 34, 2), ==, 2);
    qtest_writew(q, d.base + 16, 0);
    VDQueue *vq[2] = { vd_queue(&d, 0, 0, 1), vd_queue(&d, 1, 0, 2) };
    vd_driver_ok(&d);
    for (unsigned n = 0; n < 2; n++) {
        bool seen[64] = { false };
        for (unsigned i = 0; i < 40; i++)
            g_assert_cmpuint(offer(vq[n], i, IN, 10 * i + n, 512, true), ==, i);
        vd_kick(vq[n]);
        for (unsigned i = 0; i < 40; i++) {
            unsigned id;
            uint32_t len;
            for (unsigned spin = 0; !vd_get(vq[n], 1, &id, &len); spin++) {
                g_assert_cmpuint(spin, <, 10000);
                g_usleep(1000);
            }
            g_assert_cmpuint(len, ==, 513);
            g_assert_cmpuint(id, <, 40);
            g_assert_false(seen[id]);
            seen[id] = true;
            g_assert_cmpuint(qtest_readq(q, DATA + 0x1000 * id), ==, 10 * id + n);
        }
        g_assert_true(vdq_msix_came(q, 1 + n));
        g_assert_false(vdq_msix_came(q, 2 - n));
    }
    qtest_writew(q, d.base + 22, 0);
    qtest_writew(q, d.base + 26, 3); /* a vector there is not */
    g_assert_cmphex(qtest_readw(q, d.base + 26), ==, 0xffff);
    g_free(vq[0]);
    g_free(vq[1]);
    close_disk();
}

/* A reset while requests are in flight; the device then starts anew. */
static void test_reset(void)
{
    open_disk(VD_PCI_MODERN, "");
    for (unsigned round = 0; round < 20; round++) {
        vd_start(&d, WANTED);
        VDQueue *vq = vd_queue(&d, 0, 64, 0xffff);
        vd_driver_ok(&d);
        for (unsigned i = 0; i < 20; i++)
            offer(vq, i, i & 1 ? OUT : IN, i, 512, false);
        vd_kick(vq);
        vd_set_status(&d, 0);
        g_free(vq);
        d.heap = VD_HEAP;
    }
    vd_start(&d, WANTED);
    VDQueue *vq = vd_queue(&d, 0, 64, 0xffff);
    vd_driver_ok(&d);
    g_assert_cmpuint(request(vq, IN, 500, 512), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, 500);
    g_free(vq);
    close_disk();
}

/* Without MSI-X: the pin, which reading ISR releases. Without bus mastering: nothing. Buffers without headers break the device. */
static void test_intx_and_errors(void)
{
    open_disk(VD_PCI_MODERN, "");
    unsigned bridge = qtest_pci_find(q, 0x8086, 0x7000);
    qtest_pci_writel(q, bridge, 0x60, 0x0a0a0a0a);
    qtest_irq_intercept_in(q, "ioapic");
    vd_start(&d, 0);
    VDQueue *vq = vd_queue(&d, 0, 8, 0xffff);
    vd_driver_ok(&d);
    g_assert_cmpuint(request(vq, IN, 1, 512), ==, 0);
    g_assert_true(qtest_irq(q, 10));
    g_assert_cmphex(vd_isr(&d), ==, 1);
    g_assert_false(qtest_irq(q, 10));
    qtest_pci_writel(q, slot, 4, 3); /* no bus mastering */
    unsigned id = offer(vq, 0, IN, 2, 512, false);
    vd_kick(vq);
    g_usleep(20000);
    uint32_t len;
    unsigned got;
    g_assert_false(vd_get(vq, 3, &got, &len));
    qtest_pci_writel(q, slot, 4, 7);
    vd_kick(vq);
    vd_wait(vq, 3, id);
    vd_add(vq, &(VDPart){ DATA, 16, false }, 1, false); /* no status */
    vd_kick(vq);
    g_assert_cmphex(vd_status(&d) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    g_assert_cmphex(vd_isr(&d) & 2, ==, 2);
    g_free(vq);
    close_disk();
}

/* VIRTIO_PCI_CAP_PCI_CFG: reaches the BAR without its being mapped. */
static void test_window(void)
{
    open_disk(VD_PCI_MODERN, "");
    unsigned at = vdq_capability(q, slot, 9, 0);
    while (at && qtest_pci_readl(q, slot, at) >> 24 != 5)
        at = vdq_capability(q, slot, 9, at);
    g_assert_cmpuint(at, !=, 0);
    qtest_pci_writel(q, slot, at + 4, 4);
    qtest_pci_writel(q, slot, at + 8, (uint32_t)(d.config - VD_BAR));
    qtest_pci_writel(q, slot, at + 12, 4);
    g_assert_cmpuint(qtest_pci_readl(q, slot, at + 16), ==, SIZE / 512);
    qtest_pci_writel(q, slot, at + 8, (uint32_t)(d.base - VD_BAR + 20));
    qtest_pci_writel(q, slot, at + 12, 1);
    qtest_pci_writel(q, slot, at + 16, 3);
    g_assert_cmphex(vd_status(&d), ==, 3);
    static const uint32_t bad[][2] = { { 0xfffffffc, 4 }, { 0x3ffe, 4 }, { 0x10000, 4 }, { 0, 3 }, { 0, 0 }, { 0, 8 }, { 1, 2 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        qtest_pci_writel(q, slot, at + 8, bad[i][0]);
        qtest_pci_writel(q, slot, at + 12, bad[i][1]);
        qtest_pci_readl(q, slot, at + 16);
        qtest_pci_writel(q, slot, at + 16, 1);
    }
    qtest_pci_writel(q, slot, at + 4, 5);
    qtest_pci_readl(q, slot, at + 16);
    g_assert_cmphex(vd_status(&d), ==, 3);
    close_disk();
}

static void test_write_cache(void)
{
    open_disk(VD_PCI_MODERN, "");
    vd_start(&d, WANTED);
    g_assert_cmpuint(vd_config(&d, 32, 1), ==, 1);
    vd_set_config(&d, 32, 0, 1);
    g_assert_cmpuint(vd_config(&d, 32, 1), ==, 0);
    vd_set_config(&d, 0, 0, 4); /* read-only */
    g_assert_cmpuint(vd_config(&d, 0, 4), ==, SIZE / 512);
    g_assert_cmphex(vd_config(&d, 60, 4), ==, 0xffffffff);
    vd_start(&d, 0); /* a driver that cannot flush */
    vd_driver_ok(&d);
    g_assert_cmpuint(vd_config(&d, 32, 1), ==, 0);
    close_disk();
}

/* ---- The same with other engines ---- */

/* Whether the kernel lets us. */
static bool have_uring(void)
{
#if defined(CONFIG_LIBURING) && defined(SYS_io_uring_setup)
    uint64_t params[16] = { 0 };
    long fd = syscall(SYS_io_uring_setup, 1, params);
    if (fd >= 0)
        close((int)fd);
    return fd >= 0;
#else
    return false;
#endif
}

/* Whether this build has it, and the file system of temporary files O_DIRECT. */
static bool have_native(void)
{
#ifdef CONFIG_LINUX_AIO
    char *path = vdq_image(4096);
    int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    unlink(path);
    g_free(path);
    return fd >= 0;
#else
    return false;
#endif
}

static void test_engine(bool have, const char *options)
{
    if (!have) {
        g_test_skip("not on this host");
        return;
    }
    aio = options;
    test_modern();
    test_zeroes();
    test_queues();
    test_reset();
    aio = "";
}

static void test_uring(void) { test_engine(have_uring(), ",aio=io_uring"); }
static void test_uring_direct(void) { test_engine(have_uring() && have_native(), ",aio=io_uring,cache=none"); }
static void test_native(void) { test_engine(have_native(), ",aio=native,cache=none"); }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-blk/aio/io_uring", test_uring);
    g_test_add_func("/virtio-blk/aio/io_uring-direct", test_uring_direct);
    g_test_add_func("/virtio-blk/aio/native", test_native);
    g_test_add_func("/virtio-blk/modern", test_modern);
    g_test_add_func("/virtio-blk/modern-only", test_modern_only);
    g_test_add_func("/virtio-blk/packed", test_packed);
    g_test_add_func("/virtio-blk/legacy", test_legacy);
    g_test_add_func("/virtio-blk/legacy-only", test_legacy_only);
    g_test_add_func("/virtio-blk/zeroes", test_zeroes);
    g_test_add_func("/virtio-blk/queues", test_queues);
    g_test_add_func("/virtio-blk/reset", test_reset);
    g_test_add_func("/virtio-blk/intx-and-errors", test_intx_and_errors);
    g_test_add_func("/virtio-blk/window", test_window);
    g_test_add_func("/virtio-blk/write-cache", test_write_cache);
    return g_test_run();
}
