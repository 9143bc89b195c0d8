/* SPDX-License-Identifier: MIT */
/*
 * AHCI as a driver sees it: registers, signatures, IDENTIFY by PIO, DMA reads and writes, queued commands in any number, packet commands,
 * software reset, resets of port and controller, interrupts by pin and message, what is wrong with lists, tables, FISes and addresses.
 * Expected values: Serial ATA AHCI 1.3.1, ATA/ATAPI-8 ACS, and the image files.
 */
#include "libqtest-virtio.h"

enum { BAR = 0xe0000000, SIZE = 1 << 20, LIST = 0x100000, FIS = 0x101000, TABLES = 0x110000, DATA = 0x200000, MSI_TARGET = 0x300000 };
enum { GHC = 4, HBA_IS = 8, PORTS = 0x100 };
enum { CLB = 0, FB = 8, IS = 0x10, IE = 0x14, CMD = 0x18, TFD = 0x20, SIG = 0x24, SSTS = 0x28, SCTL = 0x2c, SACT = 0x34, CI = 0x38 };
enum { DHRS = 1, PSS = 2, SDBS = 8, IFS = 1 << 27, HBDS = 1 << 28, HBFS = 1 << 29, TFES = 1 << 30 };
enum { NO_MEMORY = 0x70000000 };

static QTest *q;
static char *image, *disc;
static unsigned slot_of_function;

static uint32_t rd(unsigned port, unsigned reg)
{
    return qtest_readl(q, BAR + PORTS + 0x80 * port + reg);
}

static void wr(unsigned port, unsigned reg, uint32_t v)
{
    qtest_writel(q, BAR + PORTS + 0x80 * port + reg, v);
}

static void stop_port(unsigned port)
{
    wr(port, CMD, rd(port, CMD) & ~1u);
    g_assert_cmphex(rd(port, CMD) & 0x8001, ==, 0);
    g_assert_cmphex(rd(port, CI) | rd(port, SACT), ==, 0);
}

static void start_port(unsigned port)
{
    wr(port, CMD, rd(port, CMD) & ~1u);
    wr(port, CLB, LIST + 0x400 * port);
    wr(port, CLB + 4, 0);
    wr(port, FB, FIS + 0x100 * port);
    wr(port, FB + 4, 0);
    wr(port, IS, ~0u);
    wr(port, CMD, rd(port, CMD) | 0x10);
    wr(port, CMD, rd(port, CMD) | 0x11);
    g_assert_cmphex(rd(port, CMD) & 0xc011, ==, 0xc011);
}

static uint64_t table_of(unsigned slot)
{
    return TABLES + 0x1000 * slot;
}

/* A command in a slot: prds pieces of len bytes each, one page apart. */
static void prepare(unsigned port, unsigned slot, uint32_t flags, const uint8_t fis[20], unsigned prds, uint32_t len, uint64_t data)
{
    uint64_t header = LIST + 0x400 * port + 32 * slot;
    qtest_memset(q, header, 0, 32);
    qtest_writel(q, header, prds << 16 | flags | 5);
    qtest_writeq(q, header + 8, table_of(slot));
    qtest_memset(q, table_of(slot), 0, 0x80 + 16 * prds);
    qtest_memwrite(q, table_of(slot), fis, 20);
    for (unsigned i = 0; i < prds; i++) {
        qtest_writeq(q, table_of(slot) + 0x80 + 16 * i, data + 0x1000 * i);
        qtest_writel(q, table_of(slot) + 0x80 + 16 * i + 12, len - 1);
    }
}

static void fill_fis(uint8_t fis[20], uint8_t command, uint64_t lba, unsigned count)
{
    const uint8_t f[20] = { 0x27, 0x80, command, 0, (uint8_t)lba, (uint8_t)(lba >> 8), (uint8_t)(lba >> 16), 0x40, (uint8_t)(lba >> 24), (uint8_t)(lba >> 32),
                            (uint8_t)(lba >> 40), 0, (uint8_t)count, (uint8_t)(count >> 8) };
    memcpy(fis, f, 20);
}

/* Waits until any of these bits of PxIS is set; returns and clears PxIS. */
static uint32_t await(unsigned port, uint32_t bits)
{
    for (unsigned i = 0; !(rd(port, IS) & bits); i++) {
        g_assert_cmpuint(i, <, 10000);
        g_usleep(1000);
    }
    uint32_t is = rd(port, IS);
    wr(port, IS, is);
    return is;
}

static uint32_t run(unsigned port, unsigned slot, uint8_t command, uint64_t lba, unsigned count, unsigned prds, uint32_t len, bool write)
{
    uint8_t fis[20];
    fill_fis(fis, command, lba, count);
    prepare(port, slot, write ? 1 << 6 : 0, fis, prds, len, DATA);
    wr(port, CI, 1u << slot);
    return await(port, DHRS | PSS | TFES | HBFS | HBDS | IFS);
}

static void start(void)
{
    image = vdq_image(SIZE);
    disc = vdq_image(SIZE);
    q = qtest_start("-M pc -nodefaults -drive file=%s,format=raw,if=none,id=d,discard=unmap -drive file=%s,format=raw,if=none,id=c,media=cdrom "
                    "-device ahci,id=a -device ide-hd,drive=d,bus=a.0,serial=s-1 -device ide-cd,drive=c,bus=a.4", image, disc);
    slot_of_function = qtest_pci_find(q, 0x8086, 0x2922);
    g_assert_cmphex(qtest_pci_map(q, slot_of_function, 5, BAR), ==, 0x1000);
    qtest_memset(q, LIST, 0, 0x4000);
}

static void end(void)
{
    qtest_end(q);
    unlink(image);
    unlink(disc);
    g_free(image);
    g_free(disc);
}

static void test_registers(void)
{
    start();
    g_assert_cmphex(qtest_readl(q, BAR), ==, 0xc0141f05);
    g_assert_cmphex(qtest_readl(q, BAR + GHC), ==, 0x80000000);
    g_assert_cmphex(qtest_readl(q, BAR + 0x0c), ==, 0x3f);
    g_assert_cmphex(qtest_readl(q, BAR + 0x10), ==, 0x00010000);
    qtest_writel(q, BAR, 0);
    g_assert_cmphex(qtest_readl(q, BAR), ==, 0xc0141f05);
    g_assert_cmphex(rd(0, SSTS), ==, 0x113);
    g_assert_cmphex(rd(0, SIG), ==, 0x00000101);
    g_assert_cmphex(rd(0, TFD), ==, 0x150);
    g_assert_cmphex(rd(4, SIG), ==, 0xeb140101);
    g_assert_cmphex(rd(4, CMD) >> 24 & 1, ==, 1);
    g_assert_cmphex(rd(1, SSTS), ==, 0);
    g_assert_cmphex(rd(1, SIG), ==, 0xffffffff);
    g_assert_cmphex(rd(1, TFD), ==, 0x7f);
    wr(0, CLB, 0x12345fff);
    g_assert_cmphex(rd(0, CLB), ==, 0x12345c00);
    wr(0, FB, 0x123456ff);
    g_assert_cmphex(rd(0, FB), ==, 0x12345600);
    wr(0, CI, 1); /* a port that does not run takes nothing */
    wr(0, SACT, 1);
    g_assert_cmphex(rd(0, CI) | rd(0, SACT), ==, 0);
    g_assert_cmphex(rd(6, SSTS) | rd(29, CMD), ==, 0); /* no such ports */
    wr(6, CMD, ~0u);
    /* The same registers by index and data. */
    qtest_pci_map(q, slot_of_function, 4, 0xc000);
    qtest_outl(q, 0xc010, PORTS + SIG);
    g_assert_cmphex(qtest_inl(q, 0xc014), ==, 0x00000101);
    qtest_outl(q, 0xc010, ~0u);
    g_assert_cmphex(qtest_inl(q, 0xc010), ==, 0xffc);
    end();
}

static void test_pio(void)
{
    start();
    start_port(0);
    g_assert_cmphex(run(0, 0, 0xec, 0, 0, 1, 512, false), ==, PSS);
    g_assert_cmphex(rd(0, CI), ==, 0);
    g_assert_cmphex(rd(0, TFD), ==, 0x50);
    g_assert_cmpuint(qtest_readl(q, LIST + 4), ==, 512);
    g_assert_cmphex(qtest_readb(q, FIS + 0x20), ==, 0x5f);
    g_assert_cmphex(qtest_readb(q, FIS + 0x20 + 15), ==, 0x50); /* ending status */
    char serial[5] = { (char)qtest_readb(q, DATA + 21), (char)qtest_readb(q, DATA + 20), (char)qtest_readb(q, DATA + 23), 0 };
    g_assert_cmpstr(serial, ==, "s-1");
    g_assert_cmpuint(qtest_readl(q, DATA + 200), ==, SIZE / 512);
    g_assert_cmphex(qtest_readw(q, DATA + 152) & 0x100, ==, 0x100); /* takes queued commands */
    g_assert_cmphex(run(0, 31, 0x20, 7, 3, 3, 512, false), ==, PSS); /* READ SECTORS, a sector in each piece */
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(qtest_readl(q, DATA + 0x1000 * i), ==, 7 + i);
    g_assert_cmpuint(qtest_readl(q, LIST + 32 * 31 + 4), ==, 1536);
    qtest_memset(q, DATA, 0x5a, 512);
    g_assert_cmphex(run(0, 1, 0x30, 9, 1, 1, 512, true), ==, DHRS); /* WRITE SECTORS */
    qtest_memset(q, DATA, 0, 512);
    g_assert_cmphex(run(0, 2, 0x24, 9, 1, 1, 512, false), ==, PSS);
    g_assert_cmphex(qtest_readl(q, DATA + 508), ==, 0x5a5a5a5a);
    end();
}

static void test_dma(void)
{
    start();
    start_port(0);
    for (unsigned i = 0; i < 4; i++)
        qtest_memset(q, DATA + 0x1000 * i, (uint8_t)(0x11 * (i + 1)), 0x1000);
    g_assert_cmphex(run(0, 0, 0x35, 100, 32, 4, 0x1000, true), ==, DHRS);
    g_assert_cmphex(qtest_readb(q, FIS + 0x40), ==, 0x34);
    g_assert_cmphex(qtest_readb(q, FIS + 0x42), ==, 0x50);
    g_assert_cmpuint(qtest_readl(q, LIST + 4), ==, 0x4000);
    g_assert_cmphex(run(0, 0, 0xea, 0, 0, 0, 0, false), ==, DHRS);
    g_autofree char *contents = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(image, &contents, &len, NULL));
    for (unsigned i = 0; i < 0x4000; i++)
        g_assert_cmphex((uint8_t)contents[100 * 512 + i], ==, 0x11 * (i / 0x1000 + 1));
    qtest_memset(q, DATA, 0, 0x4000);
    g_assert_cmphex(run(0, 5, 0x25, 108, 16, 2, 0x1000, false), ==, DHRS);
    g_assert_cmphex(qtest_readl(q, DATA), ==, 0x22222222);
    g_assert_cmphex(qtest_readl(q, DATA + 0x1000), ==, 0x33333333);
    /* DATA SET MANAGEMENT: 8 sectors at 100 go. */
    uint8_t fis[20];
    fill_fis(fis, 6, 0, 1);
    fis[3] = 1;
    qtest_memset(q, DATA, 0, 512);
    qtest_writeq(q, DATA, 8ull << 48 | 100);
    prepare(0, 3, 1 << 6, fis, 1, 512, DATA);
    wr(0, CI, 1 << 3);
    g_assert_cmphex(await(0, DHRS | TFES), ==, DHRS);
    g_assert_cmphex(run(0, 5, 0x25, 100, 8, 1, 0x1000, false), ==, DHRS);
    g_assert_cmphex(qtest_readl(q, DATA), ==, 0);
    end();
}

static void queue(unsigned tag, bool write, uint64_t lba, unsigned sectors, uint64_t data)
{
    uint8_t fis[20];
    fill_fis(fis, write ? 0x61 : 0x60, lba, tag << 3);
    fis[3] = (uint8_t)sectors;
    fis[11] = (uint8_t)(sectors >> 8);
    prepare(0, tag, write ? 1 << 6 : 0, fis, 1, sectors * 512, data);
}

static void await_queue(uint32_t tags)
{
    for (unsigned i = 0; rd(0, SACT) & tags; i++) {
        g_assert_cmpuint(i, <, 10000);
        g_usleep(1000);
    }
}

static void test_queue(void)
{
    start();
    start_port(0);
    for (unsigned tag = 0; tag < 32; tag++) {
        qtest_memset(q, DATA + 0x1000 * tag, (uint8_t)(tag + 1), 0x1000);
        queue(tag, true, 8 * tag, 8, DATA + 0x1000 * tag);
    }
    wr(0, SACT, ~0u);
    wr(0, CI, ~0u);
    await_queue(~0u);
    g_assert_cmphex(rd(0, CI), ==, 0);
    g_assert_cmphex(rd(0, IS), ==, SDBS);
    g_assert_cmphex(qtest_readb(q, FIS + 0x58), ==, 0xa1);
    qtest_memset(q, DATA, 0, 0x20000);
    for (unsigned tag = 0; tag < 32; tag++)
        queue(tag, false, 8 * (31 - tag), 8, DATA + 0x1000 * tag);
    wr(0, SACT, ~0u);
    wr(0, CI, ~0u);
    await_queue(~0u);
    for (unsigned tag = 0; tag < 32; tag++)
        g_assert_cmphex(qtest_readb(q, DATA + 0x1000 * tag + 0xfff), ==, 32 - tag);
    wr(0, IS, ~0u);
    /* One that fails: beyond the end. The log says which. */
    queue(7, false, SIZE / 512, 1, DATA);
    wr(0, SACT, 1 << 7);
    wr(0, CI, 1 << 7);
    g_assert_cmphex(await(0, TFES) & TFES, ==, TFES);
    g_assert_cmphex(rd(0, SACT), ==, 1 << 7);
    g_assert_cmphex(rd(0, TFD) & 0xff, ==, 0x51);
    stop_port(0);
    start_port(0);
    uint8_t fis[20];
    fill_fis(fis, 0x2f, 0x10, 1);
    prepare(0, 0, 0, fis, 1, 512, DATA);
    wr(0, CI, 1);
    g_assert_cmphex(await(0, PSS | TFES), ==, PSS);
    g_assert_cmphex(qtest_readb(q, DATA), ==, 7);
    g_assert_cmphex(qtest_readb(q, DATA + 2), ==, 0x51);
    uint8_t sum = 0;
    for (unsigned i = 0; i < 512; i++)
        sum = (uint8_t)(sum + qtest_readb(q, DATA + i));
    g_assert_cmphex(sum, ==, 0);
    /* Without its bit in PxSACT, with another slot's tag, with memory that is too small or not there. */
    queue(1, false, 0, 1, DATA);
    wr(0, CI, 2);
    g_assert_cmphex(await(0, TFES) & TFES, ==, TFES);
    stop_port(0), start_port(0);
    queue(2, false, 0, 1, DATA);
    qtest_writeb(q, table_of(2) + 12, 3 << 3);
    wr(0, SACT, 0xc), wr(0, CI, 4);
    g_assert_cmphex(await(0, TFES) & TFES, ==, TFES);
    stop_port(0), start_port(0);
    queue(2, false, 0, 2, DATA);
    qtest_writel(q, table_of(2) + 0x8c, 511);
    wr(0, SACT, 4), wr(0, CI, 4);
    g_assert_cmphex(await(0, HBDS), ==, HBDS);
    stop_port(0), start_port(0);
    queue(2, false, 0, 2, NO_MEMORY);
    wr(0, SACT, 4), wr(0, CI, 4);
    g_assert_cmphex(await(0, HBDS), ==, HBDS);
    stop_port(0), start_port(0);
    g_assert_cmphex(run(0, 0, 0x25, 0, 8, 1, 0x1000, false), ==, DHRS); /* all is well again */
    end();
}

/* A packet command on port 4. */
static uint32_t packet(const uint8_t *cdb, bool dma, unsigned limit, uint32_t len)
{
    uint8_t fis[20] = { 0x27, 0x80, 0xa0, dma, 0, (uint8_t)limit, (uint8_t)(limit >> 8), 0xa0 };
    prepare(4, 0, 1 << 5, fis, len ? 1 : 0, len, DATA);
    qtest_memwrite(q, table_of(0) + 0x40, cdb, 12);
    wr(4, CI, 1);
    return await(4, DHRS | PSS | TFES);
}

static void test_packets(void)
{
    static const uint8_t ready[12] = { 0 }, sense[12] = { 3, 0, 0, 0, 18 }, capacity[12] = { 0x25 }, read[12] = { 0x28, 0, 0, 0, 0, 5, 0, 0, 4 },
                         beyond[12] = { 0x28, 0, 0, 0xff, 0, 5, 0, 0, 4 }, inquiry[12] = { 0x12, 0, 0, 0, 36 };
    start();
    start_port(4);
    g_assert_cmphex(packet(ready, false, 0, 0) & TFES, ==, TFES); /* the disc is new */
    stop_port(4), start_port(4);
    packet(sense, false, 18, 18);
    g_assert_cmphex(qtest_readb(q, DATA + 2), ==, 6);
    g_assert_cmphex(packet(ready, false, 0, 0), ==, DHRS);
    g_assert_cmphex(packet(inquiry, false, 36, 36), ==, PSS | DHRS);
    g_assert_cmphex(qtest_readb(q, DATA), ==, 5);
    packet(capacity, true, 8, 8);
    g_assert_cmphex(qtest_readl(q, DATA), ==, GUINT32_TO_BE(SIZE / 2048 - 1));
    g_autofree char *contents = NULL;
    gsize len;
    g_autofree char *got = g_malloc(8192);
    g_assert_true(g_file_get_contents(disc, &contents, &len, NULL));
    for (unsigned dma = 0; dma < 2; dma++) {
        qtest_memset(q, DATA, 0xee, 8192);
        g_assert_cmphex(packet(read, dma, 2048, 8192) & TFES, ==, 0);
        qtest_memread(q, DATA, got, 8192);
        g_assert_cmpmem(got, 8192, contents + 5 * 2048, 8192);
        g_assert_cmpuint(qtest_readl(q, LIST + 0x1000 + 4), ==, 8192);
    }
    g_assert_cmphex(packet(beyond, true, 0, 8192) & TFES, ==, TFES);
    stop_port(4), start_port(4);
    g_assert_cmphex(packet(read, true, 0, 2048) & TFES, ==, TFES); /* too little memory */
    stop_port(4), start_port(4);
    g_assert_cmphex(packet(read, false, 2, 8192) & TFES, ==, 0);
    end();
}

static void test_resets(void)
{
    start();
    start_port(0);
    run(0, 0, 0xec, 0, 0, 1, 512, false);
    /* Software reset: control FISes with SRST on, then off. */
    uint8_t fis[20] = { 0x27 };
    fis[15] = 4;
    prepare(0, 0, 1 << 8 | 1 << 10, fis, 0, 0, 0);
    fis[15] = 0;
    prepare(0, 1, 0, fis, 0, 0, 0);
    wr(0, CI, 1);
    wr(0, CI, 2);
    g_assert_cmphex(rd(0, CI), ==, 0);
    g_assert_cmphex(rd(0, TFD), ==, 0x150);
    g_assert_cmphex(qtest_readb(q, FIS + 0x44), ==, 1);
    /* COMRESET */
    wr(0, SIG, 0);
    wr(0, SCTL, 0x301);
    wr(0, SCTL, 0x300);
    g_assert_cmphex(rd(0, SSTS), ==, 0x113);
    g_assert_cmphex(rd(0, SIG), ==, 0x101);
    wr(0, SCTL, 4);
    g_assert_cmphex(rd(0, SSTS), ==, 4);
    wr(0, SCTL, 0);
    g_assert_cmphex(rd(0, SSTS), ==, 0x113);
    /* The controller */
    wr(0, IE, ~0u);
    qtest_writel(q, BAR + GHC, 3);
    g_assert_cmphex(qtest_readl(q, BAR + GHC), ==, 0x80000000);
    g_assert_cmphex(rd(0, IE), ==, 0);
    g_assert_cmphex(rd(0, CMD) & 0xc011, ==, 0);
    start_port(0);
    g_assert_cmphex(run(0, 0, 0x25, 0, 8, 1, 0x1000, false), ==, DHRS);
    /* A command is under way when the port stops. */
    for (unsigned i = 0; i < 20; i++) {
        queue(i % 32, true, 8 * i, 8, DATA);
        wr(0, SACT, 1u << i % 32);
        wr(0, CI, 1u << i % 32);
        stop_port(0);
        start_port(0);
    }
    end();
}

static void test_interrupts(void)
{
    start();
    start_port(0);
    wr(0, IE, PSS);
    run(0, 0, 0x25, 0, 8, 1, 0x1000, false); /* DHRS is not enabled */
    g_assert_cmphex(qtest_readl(q, BAR + HBA_IS), ==, 0);
    qtest_writel(q, BAR + GHC, 2);
    uint8_t fis[20];
    fill_fis(fis, 0xec, 0, 0);
    prepare(0, 0, 0, fis, 1, 512, DATA);
    wr(0, CI, 1);
    g_assert_cmphex(qtest_readl(q, BAR + HBA_IS), ==, 1);
    g_assert_cmphex(qtest_pci_readl(q, slot_of_function, 4) >> 16 & 8, ==, 8);
    qtest_writel(q, BAR + HBA_IS, 1); /* comes back while the port asks */
    g_assert_cmphex(qtest_readl(q, BAR + HBA_IS), ==, 1);
    wr(0, IS, PSS);
    qtest_writel(q, BAR + HBA_IS, 1);
    g_assert_cmphex(qtest_readl(q, BAR + HBA_IS), ==, 0);
    g_assert_cmphex(qtest_pci_readl(q, slot_of_function, 4) >> 16 & 8, ==, 0);
    /* By message */
    unsigned cap = qtest_pci_readl(q, slot_of_function, 0x34) & 0xff;
    while ((qtest_pci_readl(q, slot_of_function, cap) & 0xff) != 5)
        cap = qtest_pci_readl(q, slot_of_function, cap) >> 8 & 0xff;
    qtest_pci_writel(q, slot_of_function, cap + 4, MSI_TARGET);
    qtest_pci_writel(q, slot_of_function, cap + 8, 0);
    qtest_pci_writel(q, slot_of_function, cap + 12, 0x4321);
    qtest_pci_writel(q, slot_of_function, cap, qtest_pci_readl(q, slot_of_function, cap) | 1 << 16);
    wr(0, CI, 1);
    g_assert_cmphex(qtest_readl(q, MSI_TARGET), ==, 0x4321);
    g_assert_cmphex(qtest_pci_readl(q, slot_of_function, 4) >> 16 & 8, ==, 0);
    end();
}

static void test_malformed(void)
{
    uint8_t fis[20];
    start();
    start_port(0);
    fill_fis(fis, 0x25, 0, 8);
    fis[0] = 0x34; /* not a command */
    prepare(0, 0, 0, fis, 1, 0x1000, DATA);
    wr(0, CI, 1);
    g_assert_cmphex(await(0, IFS), ==, IFS);
    stop_port(0), start_port(0);
    fis[0] = 0x27;
    prepare(0, 0, 0, fis, 1, 0x1000, DATA);
    qtest_writel(q, LIST, 1 << 16); /* no length */
    wr(0, CI, 1);
    g_assert_cmphex(await(0, IFS), ==, IFS);
    wr(0, CI, 2); /* nothing starts until the port was stopped */
    g_assert_cmphex(rd(0, CI), ==, 3);
    stop_port(0), start_port(0);
    prepare(0, 0, 0, fis, 1, 0x1000, DATA);
    qtest_writeq(q, LIST + 8, NO_MEMORY); /* table */
    wr(0, CI, 1);
    g_assert_cmphex(await(0, HBFS), ==, HBFS);
    stop_port(0), start_port(0);
    wr(0, CMD, rd(0, CMD) & ~1u);
    wr(0, CLB, NO_MEMORY); /* list */
    wr(0, CMD, rd(0, CMD) | 1);
    wr(0, CI, 1);
    g_assert_cmphex(await(0, HBFS), ==, HBFS);
    stop_port(0), start_port(0);
    g_assert_cmphex(run(0, 0, 0x25, 0, 8, 1, 0x800, false) & TFES, ==, TFES); /* too few bytes */
    g_assert_cmphex(rd(0, CI), ==, 1);
    stop_port(0), start_port(0);
    g_assert_cmphex(run(0, 0, 0x25, 0, 8, 0, 0, false) & TFES, ==, TFES); /* none */
    stop_port(0), start_port(0);
    g_assert_cmphex(run(0, 0, 0xec, 0, 0, 1, 100, false) & TFES, ==, TFES); /* by PIO */
    stop_port(0), start_port(0);
    g_assert_cmphex(run(0, 0, 0x25, SIZE / 512 - 7, 8, 1, 0x1000, false) & TFES, ==, TFES);
    g_assert_cmphex(rd(0, TFD), ==, 0x1051);
    stop_port(0), start_port(0);
    g_assert_cmphex(run(0, 0, 0x77 ^ 0x88, 0, 0, 0, 0, false) & TFES, ==, TFES); /* no such command */
    g_assert_cmphex(rd(0, TFD), ==, 0x451);
    stop_port(0), start_port(0);
    /* The registers themselves as data, and as a list. */
    fill_fis(fis, 0x25, 0, 8);
    prepare(0, 0, 0, fis, 1, 0x1000, BAR + PORTS);
    wr(0, CI, 1);
    g_assert_cmphex(await(0, DHRS | TFES) & TFES, ==, TFES);
    stop_port(0);
    wr(0, CLB, BAR);
    wr(0, CMD, rd(0, CMD) | 1);
    wr(0, CI, ~0u);
    qtest_writel(q, BAR + GHC, 1);
    wr(2, CLB, LIST); /* a port without a drive */
    wr(2, CMD, 0x11);
    wr(2, CI, 1);
    start_port(0);
    g_assert_cmphex(run(0, 0, 0x25, 0, 8, 1, 0x1000, false), ==, DHRS);
    qtest_pci_writel(q, slot_of_function, 4, 2); /* no bus master */
    prepare(0, 0, 0, fis, 1, 0x1000, DATA);
    wr(0, CI, 1);
    g_assert_cmphex(await(0, HBFS), ==, HBFS);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ahci/registers", test_registers);
    g_test_add_func("/ahci/pio", test_pio);
    g_test_add_func("/ahci/dma", test_dma);
    g_test_add_func("/ahci/queue", test_queue);
    g_test_add_func("/ahci/packets", test_packets);
    g_test_add_func("/ahci/resets", test_resets);
    g_test_add_func("/ahci/interrupts", test_interrupts);
    g_test_add_func("/ahci/malformed", test_malformed);
    return g_test_run();
}
