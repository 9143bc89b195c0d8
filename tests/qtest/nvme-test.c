/* SPDX-License-Identifier: MIT */
/*
 * NVMe as a driver sees it: enabling, queues, identify, features, log pages, reads and writes through PRPs, lists of them and SGLs, flush,
 * write zeroes, deallocation, both namespaces, limits, full queues, interrupts, asynchronous events, what is wrong with commands. Expected
 * values: NVM Express Base 1.4, and the image files.
 */
#include "libqtest-virtio.h"

enum { BAR = 0xe0000000, SIZE = 1 << 20, ASQ = 0x100000, ACQ = 0x101000, SQ = 0x102000, CQ = 0x103000, DATA = 0x200000, LIST = 0x180000 };
enum { CC = 0x14, CSTS = 0x1c, AQA = 0x24, ADMIN_ENTRIES = 16, ENTRIES = 8 };

typedef struct Queue {
    unsigned id, entries, tail, head;
    uint64_t sq, cq;
    bool phase;
} Queue;

static QTest *q;
static char *image, *second;
static unsigned slot;
static Queue admin, io;
static uint32_t result;
static uint16_t next_cid;

static void enable(void)
{
    qtest_writel(q, BAR + CC, 0);
    g_assert_cmphex(qtest_readl(q, BAR + CSTS), ==, 0);
    qtest_memset(q, ASQ, 0, 0x4000);
    qtest_writel(q, BAR + AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1));
    qtest_writeq(q, BAR + 0x28, ASQ);
    qtest_writeq(q, BAR + 0x30, ACQ);
    qtest_writel(q, BAR + CC, 6 << 16 | 4 << 20 | 1);
    g_assert_cmphex(qtest_readl(q, BAR + CSTS), ==, 1);
    admin = (Queue){ 0, ADMIN_ENTRIES, 0, 0, ASQ, ACQ, true };
}

static void submit(Queue *x, uint8_t op, uint32_t nsid, uint64_t prp1, uint64_t prp2, const uint32_t *cdw, uint8_t psdt)
{
    uint64_t at = x->sq + 64 * x->tail;
    qtest_memset(q, at, 0, 64);
    qtest_writel(q, at, op | (uint32_t)psdt << 14 | (uint32_t)++next_cid << 16);
    qtest_writel(q, at + 4, nsid);
    qtest_writeq(q, at + 24, prp1);
    qtest_writeq(q, at + 32, prp2);
    for (unsigned i = 0; cdw && i < 6; i++)
        qtest_writel(q, at + 40 + 4 * i, cdw[i]);
    x->tail = (x->tail + 1) % x->entries;
}

static void ring(Queue *x)
{
    qtest_writel(q, BAR + 0x1000 + 8 * x->id, x->tail);
}

static bool completed(Queue *x)
{
    return (qtest_readw(q, x->cq + 16 * x->head + 14) & 1) == x->phase;
}

/* The next completion's status, without phase and "do not retry". */
static uint16_t reap(Queue *x)
{
    uint64_t at = x->cq + 16 * x->head;
    for (unsigned i = 0; !completed(x); i++) {
        g_assert_cmpuint(i, <, 10000);
        g_usleep(1000);
    }
    uint16_t status = qtest_readw(q, at + 14) >> 1;
    result = qtest_readl(q, at);
    x->head = (x->head + 1) % x->entries;
    if (!x->head)
        x->phase = !x->phase;
    qtest_writel(q, BAR + 0x1004 + 8 * x->id, x->head);
    return status & 0x3fff;
}

static uint16_t run(Queue *x, uint8_t op, uint32_t nsid, uint64_t prp1, uint64_t prp2, uint32_t c10, uint32_t c11, uint32_t c12)
{
    const uint32_t cdw[6] = { c10, c11, c12 };
    submit(x, op, nsid, prp1, prp2, cdw, 0);
    ring(x);
    return reap(x);
}

static void create_io(unsigned vector)
{
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, (ENTRIES - 1) << 16 | 1, vector << 16 | 3, 0), ==, 0);
    g_assert_cmphex(run(&admin, 1, 0, SQ, 0, (ENTRIES - 1) << 16 | 1, 1 << 16 | 1, 0), ==, 0);
    io = (Queue){ 1, ENTRIES, 0, 0, SQ, CQ, true };
}

static void start(void)
{
    image = vdq_image(SIZE);
    second = vdq_image(SIZE);
    q = qtest_start("-M pc -nodefaults -drive file=%s,format=raw,if=none,id=d,discard=unmap -drive file=%s,format=raw,if=none,id=e "
                    "-device nvme,serial=s-1,drive=d,id=n -device nvme-ns,drive=e,nsid=5,logical_block_size=4096,bus=n", image, second);
    slot = qtest_pci_find(q, 0x1b36, 0x0010);
    qtest_pci_map(q, slot, 0, BAR);
    enable();
}

static void end(void)
{
    qtest_end(q);
    unlink(image);
    unlink(second);
    g_free(image);
    g_free(second);
}

static void test_registers(void)
{
    start();
    g_assert_cmphex(qtest_readq(q, BAR), ==, 0x004000200f0107ff);
    g_assert_cmphex(qtest_readl(q, BAR + 8), ==, 0x00010400);
    qtest_writel(q, BAR + CC, qtest_readl(q, BAR + CC) | 1 << 14); /* shut-down */
    g_assert_cmphex(qtest_readl(q, BAR + CSTS), ==, 9);
    qtest_writel(q, BAR + CC, 0);
    /* Enabled with what cannot work. */
    qtest_writel(q, BAR + AQA, 0);
    qtest_writel(q, BAR + CC, 1);
    g_assert_cmphex(qtest_readl(q, BAR + CSTS), ==, 2);
    qtest_writel(q, BAR + CC, 0);
    qtest_writel(q, BAR + AQA, 0x10001);
    qtest_writel(q, BAR + CC, 9 << 7 | 1); /* pages too large */
    g_assert_cmphex(qtest_readl(q, BAR + CSTS), ==, 2);
    enable();
    qtest_writel(q, BAR + 0x1000, 99); /* out of range */
    qtest_writel(q, BAR + 0x1000 + 8 * 30, 1);
    qtest_writel(q, BAR + 0x1004, 5);
    g_assert_cmphex(run(&admin, 0x55, 0, 0, 0, 0, 0, 0), ==, 1);
    end();
}

static void test_identify(void)
{
    char text[41] = { 0 };
    start();
    g_assert_cmphex(run(&admin, 6, 0, DATA, 0, 1, 0, 0), ==, 0);
    qtest_memread(q, DATA + 4, text, 20);
    g_assert_cmpstr(g_strchomp(text), ==, "s-1");
    g_assert_cmpuint(qtest_readl(q, DATA + 516), ==, 256);
    g_assert_cmphex(run(&admin, 6, 1, DATA, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, SIZE / 512);
    g_assert_cmphex(qtest_readl(q, DATA + 128), ==, 9 << 16);
    g_assert_cmphex(run(&admin, 6, 5, DATA, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, SIZE / 4096);
    g_assert_cmphex(run(&admin, 6, 0, DATA, 0, 2, 0, 0), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA), ==, 5ull << 32 | 1);
    g_assert_cmphex(run(&admin, 6, 5, DATA, 0, 3, 0, 0), ==, 0);
    g_assert_cmphex(qtest_readw(q, DATA), ==, 0x1003);
    g_assert_cmphex(run(&admin, 6, 0, DATA, 0, 0, 0, 0), ==, 0xb);
    g_assert_cmphex(run(&admin, 6, 0, DATA, 0, 0x77, 0, 0), ==, 2);
    g_assert_cmphex(run(&admin, 6, 0, 0x70000000, 0, 1, 0, 0), ==, 4); /* no memory there */
    g_assert_cmphex(run(&admin, 6, 0, DATA + 0x800, DATA + 0x3800, 1, 0, 0), ==, 0x13);
    g_assert_cmphex(run(&admin, 6, 0, DATA + 0x800, DATA + 0x3000, 1, 0, 0), ==, 0);
    qtest_memset(q, DATA, 0xff, 512);
    g_assert_cmphex(run(&admin, 2, ~0u, DATA, 0, 127 << 16 | 2, 0, 0), ==, 0); /* health */
    g_assert_cmpuint(qtest_readw(q, DATA + 1), ==, 323);
    g_assert_cmphex(run(&admin, 2, ~0u, DATA, 0, 127 << 16 | 0x70, 0, 0), ==, 0x109);
    g_assert_cmphex(run(&admin, 2, ~0u, DATA, 0, 127 << 16 | 2, 0, 4096), ==, 2); /* beyond its end */
    g_assert_cmphex(run(&admin, 9, 0, 0, 0, 7, 0x30003, 0), ==, 0);
    g_assert_cmphex(result, ==, 0x3f003f);
    g_assert_cmphex(run(&admin, 10, 0, 0, 0, 6, 0, 0), ==, 0);
    g_assert_cmphex(result, ==, 1);
    g_assert_cmphex(run(&admin, 9, 0, 0, 0, 6, 0, 0), ==, 0);
    g_assert_cmphex(run(&admin, 10, 0, 0, 0, 6, 0, 0), ==, 0);
    g_assert_cmphex(result, ==, 0);
    g_assert_cmphex(run(&admin, 9, 0, 0, 0, 0x77, 0, 0), ==, 2);
    g_assert_cmphex(run(&admin, 9, 0, 0, 0, 2, 0, 0), ==, 0x10e);
    g_assert_cmphex(run(&admin, 9, 0, 0, 0, 1u << 31 | 4, 0, 0), ==, 0x10d);
    end();
}

static void test_queues(void)
{
    start();
    g_assert_cmphex(run(&admin, 1, 0, SQ, 0, 7 << 16 | 1, 1 << 16 | 1, 0), ==, 0x100); /* no such completion queue */
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 7 << 16, 3, 0), ==, 0x101);
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 7 << 16 | 1000, 3, 0), ==, 0x101);
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 1, 3, 0), ==, 0x102);
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 0xffffu << 16 | 1, 3, 0), ==, 0x102);
    g_assert_cmphex(run(&admin, 5, 0, CQ + 16, 0, 7 << 16 | 1, 3, 0), ==, 0x13);
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 7 << 16 | 1, 5 << 16 | 3, 0), ==, 0x108);
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 7 << 16 | 1, 2, 0), ==, 2); /* not contiguous */
    create_io(0);
    g_assert_cmphex(run(&admin, 5, 0, CQ, 0, 7 << 16 | 1, 3, 0), ==, 0x101);
    g_assert_cmphex(run(&admin, 4, 0, 0, 0, 1, 0, 0), ==, 0x10c); /* in use */
    g_assert_cmphex(run(&admin, 0, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(run(&admin, 0, 0, 0, 0, 1, 0, 0), ==, 0x101);
    g_assert_cmphex(run(&admin, 4, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(run(&admin, 8, 0, 0, 0, 1, 0, 0), ==, 2); /* abort, of no queue */
    g_assert_cmphex(run(&admin, 8, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(result, ==, 1);
    end();
}

static uint16_t rw(uint8_t op, uint32_t nsid, uint64_t prp1, uint64_t prp2, uint64_t lba, unsigned blocks)
{
    return run(&io, op, nsid, prp1, prp2, (uint32_t)lba, (uint32_t)(lba >> 32), blocks - 1);
}

static void test_transfers(void)
{
    start();
    create_io(0);
    g_assert_cmphex(rw(2, 1, DATA, 0, 5, 2), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 512), ==, 6);
    g_assert_cmphex(rw(2, 1, DATA + 0xe00, DATA + 0x5000, 8, 2), ==, 0); /* over the end of a page */
    g_assert_cmpuint(qtest_readq(q, DATA + 0xe00), ==, 8);
    g_assert_cmpuint(qtest_readq(q, DATA + 0x5000), ==, 9);
    for (unsigned i = 0; i < 31; i++) /* a list of pages, backwards */
        qtest_writeq(q, LIST + 8 * i, DATA + 0x1000 * (40 - i));
    g_assert_cmphex(rw(2, 1, DATA, LIST, 0, 256), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 0x1000 * 40 + 512), ==, 9);
    g_assert_cmpuint(qtest_readq(q, DATA + 0x1000 * 10), ==, 248);
    /* A list that goes on in another page. */
    qtest_writeq(q, LIST + 0xff0, DATA + 0x8000);
    qtest_writeq(q, LIST + 0xff8, LIST + 0x1000);
    qtest_writeq(q, LIST + 0x1000, DATA + 0x9000);
    qtest_writeq(q, LIST + 0x1008, DATA + 0xa000);
    g_assert_cmphex(rw(2, 1, DATA, LIST + 0xff0, 0, 32), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 0x9000), ==, 16);
    qtest_memset(q, DATA, 0x66, 4096);
    g_assert_cmphex(rw(1, 5, DATA, 0, 3, 1), ==, 0);
    g_assert_cmphex(run(&io, 1, 1, DATA, 0, 20, 0, 1u << 30), ==, 0); /* FUA */
    g_assert_cmphex(run(&io, 0, 1, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(run(&io, 0, ~0u, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(rw(2, 5, DATA + 0x1000, 0, 3, 1), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA + 0x1ff8), ==, 0x6666666666666666);
    g_assert_cmphex(rw(2, 1, DATA, 0, 20, 2), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA), ==, 0x6666666666666666);
    g_assert_cmpuint(qtest_readq(q, DATA + 512), ==, 21);
    /* Zeroes, then a range given up. */
    g_assert_cmphex(run(&io, 8, 1, 0, 0, 20, 0, 3), ==, 0);
    g_assert_cmphex(rw(2, 1, DATA, 0, 22, 4), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 512), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 1024), ==, 24);
    qtest_writeq(q, DATA, 8ull << 32);
    qtest_writeq(q, DATA + 8, 100);
    g_assert_cmphex(run(&io, 9, 1, DATA, 0, 0, 4, 0), ==, 0);
    qtest_writeq(q, DATA + 8, SIZE);
    g_assert_cmphex(run(&io, 9, 1, DATA, 0, 0, 4, 0), ==, 0x80);
    end();
}

static void test_wrong(void)
{
    start();
    create_io(0);
    g_assert_cmphex(rw(2, 1, DATA, 0, SIZE / 512 - 1, 2), ==, 0x80);
    g_assert_cmphex(rw(2, 1, DATA, 0, ~0ull, 1), ==, 0x80);
    g_assert_cmphex(rw(2, 2, DATA, 0, 0, 1), ==, 2);
    g_assert_cmphex(rw(2, 0, DATA, 0, 0, 1), ==, 0xb);
    g_assert_cmphex(rw(2, 300, DATA, 0, 0, 1), ==, 0xb);
    g_assert_cmphex(rw(2, 1, DATA, LIST, 0, 2000), ==, 2); /* more than it moves at once */
    g_assert_cmphex(rw(2, 1, DATA, DATA + 0x1008, 0, 16), ==, 0x13);
    g_assert_cmphex(rw(2, 1, DATA, LIST + 4, 0, 32), ==, 0x13);
    g_assert_cmphex(rw(2, 1, 0x70000000, 0, 0, 1), ==, 4);
    g_assert_cmphex(rw(2, 1, ~0ull - 100, 0, 0, 1), ==, 4);
    qtest_writeq(q, LIST + 0xff8, LIST + 0xff8); /* a link to itself */
    g_assert_cmphex(rw(2, 1, DATA, LIST + 0xff8, 0, 64), ==, 0x13);
    g_assert_cmphex(rw(0x55, 1, DATA, 0, 0, 1), ==, 1);
    /* The queue itself outside memory: the controller says that it failed. */
    g_assert_cmphex(run(&admin, 5, 0, 0x71000000, 0, 7 << 16 | 2, 1, 0), ==, 0);
    g_assert_cmphex(run(&admin, 1, 0, 0x72000000, 0, 7 << 16 | 2, 2 << 16 | 1, 0), ==, 0);
    qtest_writel(q, BAR + 0x1000 + 16, 1);
    g_assert_cmphex(qtest_readl(q, BAR + CSTS) & 2, ==, 2);
    enable();
    create_io(0);
    g_assert_cmphex(rw(2, 1, DATA, 0, 5, 1), ==, 0);
    end();
}

static void sgl(uint64_t at, uint64_t addr, uint32_t len, uint8_t type)
{
    qtest_writeq(q, at, addr);
    qtest_writel(q, at + 8, len);
    qtest_writel(q, at + 12, (uint32_t)type << 28);
}

static uint16_t read_sgl(uint64_t addr, uint32_t len, uint8_t type, unsigned blocks)
{
    const uint32_t cdw[6] = { 0, 0, blocks - 1 };
    submit(&io, 2, 1, addr, len | (uint64_t)type << 60, cdw, 1);
    ring(&io);
    return reap(&io);
}

static void test_sgl(void)
{
    start();
    create_io(0);
    g_assert_cmphex(read_sgl(DATA + 3, 1024, 0, 2), ==, 0); /* any address */
    g_assert_cmpuint(qtest_readq(q, DATA + 3 + 512), ==, 1);
    sgl(LIST, DATA, 512, 0);
    sgl(LIST + 16, DATA + 0x3000, 512, 0);
    sgl(LIST + 32, LIST + 0x100, 32, 3);
    sgl(LIST + 0x100, DATA + 0x5000, 256, 0);
    sgl(LIST + 0x110, DATA + 0x6000, 256, 0);
    g_assert_cmphex(read_sgl(LIST, 48, 2, 3), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 0x3000), ==, 1);
    g_assert_cmpuint(qtest_readq(q, DATA + 0x5000), ==, 2);
    g_assert_cmphex(read_sgl(LIST, 48, 2, 8), ==, 0xf);      /* too little */
    g_assert_cmphex(read_sgl(LIST, 40, 2, 3), ==, 0xd);      /* not whole descriptors */
    g_assert_cmphex(read_sgl(LIST, 48, 3, 3), ==, 0xe);      /* the last one goes on */
    g_assert_cmphex(read_sgl(0x70000000, 48, 2, 3), ==, 0xd);
    sgl(LIST, DATA, 512, 7);
    g_assert_cmphex(read_sgl(LIST, 48, 2, 3), ==, 0x11);
    sgl(LIST, LIST, 16, 2); /* a segment that is its own successor */
    g_assert_cmphex(read_sgl(LIST, 16, 2, 3), ==, 0xe);
    g_assert_cmphex(read_sgl(0x1000000, 70000 * 16, 3, 3), ==, 0xe); /* descriptors of no bytes, without end */
    end();
}

/* More commands than completions have room for: those wait, and none is lost. */
static void test_full(void)
{
    start();
    create_io(0);
    g_assert_cmphex(run(&admin, 1, 0, SQ + 0x8000, 0, 31 << 16 | 2, 1 << 16 | 1, 0), ==, 0);
    Queue wide = { 2, 32, 0, 0, SQ + 0x8000, CQ, true };
    const uint32_t cdw[6] = { 7, 0, 0 };
    for (unsigned i = 0; i < 20; i++)
        submit(&wide, 2, 1, DATA + 0x1000 * i, 0, cdw, 0);
    ring(&wide);
    for (unsigned i = 0; i < 20; i++)
        g_assert_cmphex(reap(&io), ==, 0);
    for (unsigned i = 0; i < 20; i++)
        g_assert_cmpuint(qtest_readq(q, DATA + 0x1000 * i), ==, 7);
    g_assert_false(completed(&io));
    end();
}

/* A driver that takes no completions: no more commands are fetched than the queue has entries. */
static void test_limit(void)
{
    const uint32_t cdw[6] = { 0 };
    start();
    create_io(0);
    for (unsigned batch = 0; batch < 3; batch++) {
        for (unsigned i = 0; i < ENTRIES - 1; i++)
            submit(&io, 0x55, 1, DATA, 0, cdw, 0);
        ring(&io);
    }
    /* Seven completions in their queue and eight commands that wait for room there: the last one is still the driver's. */
    uint64_t last = io.sq + 64 * ((io.tail + ENTRIES - 1) % ENTRIES);
    qtest_writel(q, last, (qtest_readl(q, last) & ~0xffu) | 0x09); /* a hint about a range */
    for (unsigned i = 0; i < 3 * (ENTRIES - 1) - 1; i++)
        g_assert_cmphex(reap(&io), ==, 1);
    g_assert_cmphex(reap(&io), ==, 0);
    end();
}

static void test_interrupts(void)
{
    start();
    unsigned bridge = qtest_pci_find(q, 0x8086, 0x7000);
    qtest_pci_writel(q, bridge, 0x60, 0x0a0a0a0a);
    qtest_irq_intercept_in(q, "ioapic");
    submit(&admin, 6, 0, DATA, 0, (const uint32_t[6]){ 1 }, 0);
    ring(&admin);
    g_assert_true(qtest_irq(q, 10));
    qtest_writel(q, BAR + 0xc, 1); /* masked */
    g_assert_false(qtest_irq(q, 10));
    qtest_writel(q, BAR + 0x10, 1);
    g_assert_true(qtest_irq(q, 10));
    reap(&admin);
    g_assert_false(qtest_irq(q, 10));
    vdq_enable_msix(q, slot, 3);
    qtest_pci_map(q, slot, 0, BAR);
    create_io(2);
    g_assert_true(vdq_msix_came(q, 0));
    g_assert_cmphex(rw(2, 1, DATA, 0, 5, 1), ==, 0);
    g_assert_true(vdq_msix_came(q, 2));
    end();
}

/* A bad doorbell is told by an asynchronous event; so is one more request for events than there may be. */
static void test_events(void)
{
    start();
    for (unsigned i = 0; i < 4; i++)
        submit(&admin, 0xc, 0, 0, 0, NULL, 0);
    ring(&admin);
    g_assert_false(completed(&admin));
    g_assert_cmphex(run(&admin, 0xc, 0, 0, 0, 0, 0, 0), ==, 0x105);
    qtest_writel(q, BAR + 0x1000 + 8 * 9, 0);
    g_assert_cmphex(reap(&admin), ==, 0);
    g_assert_cmphex(result, ==, 0x010000);
    qtest_writel(q, BAR + 0x1000 + 8 * 9, 0); /* not again until the log was read */
    g_assert_false(completed(&admin));
    g_assert_cmphex(run(&admin, 2, ~0u, DATA, 0, 15 << 16 | 1, 0, 0), ==, 0);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nvme/registers", test_registers);
    g_test_add_func("/nvme/identify", test_identify);
    g_test_add_func("/nvme/queues", test_queues);
    g_test_add_func("/nvme/transfers", test_transfers);
    g_test_add_func("/nvme/wrong", test_wrong);
    g_test_add_func("/nvme/sgl", test_sgl);
    g_test_add_func("/nvme/full", test_full);
    g_test_add_func("/nvme/limit", test_limit);
    g_test_add_func("/nvme/interrupts", test_interrupts);
    g_test_add_func("/nvme/events", test_events);
    return g_test_run();
}
