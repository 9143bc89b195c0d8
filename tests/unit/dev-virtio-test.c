/* SPDX-License-Identifier: MIT */
/*
 * Virtqueues and virtio-mmio, with the random number generator as the device: registers, split and packed rings over many rounds, indirect
 * tables, notification in both directions, rings that break the rules, reset and saved state. Expected values: Virtual I/O Device 1.2.
 */
#include "dev-test.h"
#include "block/block.h"
#include "hw/virtio.h"
#include "tests/virtio-driver.h"

#include <glib/gstdio.h>
#include <unistd.h>

enum { BASE = 0xa000000, RAM_SIZE = 4 * MiB, HEAP = 0x100000, DATA = 0x10000, NOWHERE = 0x40000000 };

static Device *transport, *rng;
static MemoryRegion ram;
static VD drv;

static uint64_t mem_read(void *opaque, uint64_t addr, unsigned size)
{
    return address_space_ld(address_space_memory, addr, size, NULL);
}

static void mem_write(void *opaque, uint64_t addr, uint64_t v, unsigned size)
{
    address_space_st(address_space_memory, addr, v, size);
}

/* ---- A device that keeps what it gets, or asks itself for more ---- */

typedef struct Holder {
    VirtIODevice vdev;
    VirtQueueElement e[8];
    unsigned held, served;
    uint64_t refill;         /* the available ring: each buffer given back is offered again at once */
} Holder;

static void hold(VirtIODevice *vdev, VirtQueue *vq)
{
    Holder *h = (Holder *)vdev;
    while (h->refill && virtqueue_pop(vq, &h->e[0])) {
        virtqueue_push(vq, &h->e[0], 0);
        if (++h->served < 10000)
            mem_write(NULL, h->refill + 2, mem_read(NULL, h->refill + 2, 2) + 1, 2);
    }
    while (!h->refill && virtqueue_pop(vq, &h->e[h->held]))
        h->held++;
}

static bool holder_realize(Device *dev, Error **errp)
{
    VirtIODevice *vdev = (VirtIODevice *)dev;
    if (!virtio_init(vdev, errp))
        return false;
    virtio_add_queue(vdev, 8, hold);
    virtio_plug(vdev);
    return true;
}

static void holder_unrealize(Device *dev)
{
    Holder *h = (Holder *)dev;
    virtio_cleanup(&h->vdev);
    for (unsigned i = 0; i < G_N_ELEMENTS(h->e); i++)
        virtqueue_element_free(&h->e[i]);
}

static const Property holder_props[] = { VIRTIO_PROPS(Holder, vdev), {} };
static const SavedField holder_saved[] = { SAVED_STRUCT(Holder, vdev, virtio_saved), SAVED_END() };
static const VirtIOClass holder_class = { .id = VIRTIO_ID_RNG };
static const DeviceType holder_type = {
    .name = "test-holder", .bus = BUS_VIRTIO, .size = sizeof(Holder), .props = holder_props, .saved = holder_saved, .realize = holder_realize,
    .unrealize = holder_unrealize, .reset = virtio_device_reset, .post_load = virtio_device_loaded, .class_data = &holder_class,
};
device_type(holder_type)

static const char *model = "virtio-rng-device";
static BlockBackend *drive; /* of a disk */

static void plug(void)
{
    rng = device_new(model);
    if (drive)
        device_set_drive(rng, "drive", drive);
    rng->parent = bus_find("virtio-mmio-bus.5");
    g_assert_nonnull(rng->parent);
}

static void setup(VDKind kind, bool packed)
{
    transport = device_new("virtio-mmio");
    device_set_u64(transport, "force-legacy", kind == VD_MMIO_1);
    device_set_u64(transport, "index", 5);
    realize(transport);
    map_region(system_memory, BASE, transport, 0);
    connect_line(transport, 0, line(1));
    plug();
    device_set_u64(rng, "packed", packed);
    realize(rng);
    drv = (VD){ .mem_read = mem_read, .mem_write = mem_write, .kind = kind, .base = BASE, .heap = HEAP };
}

static void teardown(void)
{
    device_unrealize(transport);
}

static VDQueue *start(uint64_t features, unsigned num)
{
    vd_start(&drv, features);
    VDQueue *q = vd_queue(&drv, 0, num, 0xffff);
    vd_driver_ok(&drv);
    return q;
}

/* A buffer of n parts of len bytes to be filled; checks the used length and that bytes changed. */
static void take(VDQueue *q, unsigned n, uint32_t len, bool indirect)
{
    VDPart p[8];
    for (unsigned i = 0; i < n; i++) {
        p[i] = (VDPart){ DATA + 0x1000 * i, len, true };
        vd_clear(&drv, p[i].addr, len);
    }
    g_assert_cmpuint(vd_do(q, p, n, indirect), ==, n * len);
    for (unsigned i = 0; i < n; i++)
        g_assert_cmphex(mem_read(NULL, p[i].addr, 8) | mem_read(NULL, p[i].addr + len - 8, 8), !=, 0);
}

static void test_registers(void)
{
    setup(VD_MMIO_2, false);
    g_assert_cmphex(mem_read(NULL, BASE, 4), ==, 0x74726976);
    g_assert_cmphex(mem_read(NULL, BASE + 4, 4), ==, 2);
    g_assert_cmphex(mem_read(NULL, BASE + 8, 4), ==, 4);
    g_assert_cmphex(mem_read(NULL, BASE + 0xb0, 4), ==, 0xffffffff);
    g_assert_cmphex(vd_offered(&drv), ==, 1ull << 32 | 1 << 29 | 1 << 28 | 1 << 27 | 1 << 24);
    g_assert_cmpuint(vd_queue_max(&drv, 0), ==, 8);
    g_assert_cmpuint(vd_queue_max(&drv, 1), ==, 0);
    mem_write(NULL, BASE + 0x30, 0x10000, 4);
    g_assert_cmpuint(mem_read(NULL, BASE + 0x34, 4), ==, 0);
    g_assert_cmphex(mem_read(NULL, BASE + 0x40, 4), ==, 0); /* of version 1 */
    mem_write(NULL, BASE + 0x50, 1000, 4);                  /* no such queue */
    vd_start(&drv, 0);
    vd_accept(&drv, 1 << 28); /* too late */
    g_assert_cmphex(vd_status(&drv), ==, VD_ACK | VD_DRIVER | VD_FEATURES_OK);
    vd_queue_max(&drv, 0);
    mem_write(NULL, BASE + 0x38, 3, 4); /* no power of two, too many: refused */
    mem_write(NULL, BASE + 0x38, 16, 4);
    teardown();
    setup(VD_MMIO_1, false);
    g_assert_cmphex(mem_read(NULL, BASE + 4, 4), ==, 1);
    g_assert_cmphex(vd_offered(&drv), ==, 1 << 29 | 1 << 28 | 1 << 27 | 1 << 24);
    mem_write(NULL, BASE + 0x44, 1, 4); /* of version 2 */
    teardown();
}

static void test_empty(void)
{
    setup(VD_MMIO_2, false);
    device_unrealize(rng);
    g_assert_cmphex(mem_read(NULL, BASE, 4), ==, 0x74726976);
    g_assert_cmphex(mem_read(NULL, BASE + 8, 4), ==, 0);
    mem_write(NULL, BASE + 0x70, 1, 4);
    mem_write(NULL, BASE + 0x50, 0, 4);
    plug();
    realize(rng);
    g_assert_cmphex(mem_read(NULL, BASE + 8, 4), ==, 4);
    Error *err = NULL;
    Device *second = device_new("virtio-rng-device");
    second->parent = rng->parent;
    g_assert_false(device_realize(second, &err));
    error_free(err);
    teardown();
}

/* Rounds enough for every wrap; buffers of one to three parts, direct and indirect. */
static void rounds(VDKind kind, uint64_t features, unsigned num)
{
    setup(kind, features >> VD_PACKED & 1);
    VDQueue *q = start(features, num);
    for (unsigned i = 0; i < 70; i++)
        take(q, 1 + i % 3, 64, features >> VD_INDIRECT & 1 && i % 2);
    g_assert_cmphex(vd_isr(&drv), ==, 1);
    g_free(q);
    teardown();
}

static void test_split(void)
{
    rounds(VD_MMIO_1, 0, 8);
    rounds(VD_MMIO_1, 1ull << VD_INDIRECT | 1ull << VD_EVENT_IDX, 8);
    rounds(VD_MMIO_2, 0, 4);
    rounds(VD_MMIO_2, 1ull << VD_INDIRECT, 8);
    rounds(VD_MMIO_2, 1ull << VD_INDIRECT | 1ull << VD_EVENT_IDX, 4);
}

static void test_packed(void)
{
    rounds(VD_MMIO_2, 1ull << VD_PACKED, 8);
    rounds(VD_MMIO_2, 1ull << VD_PACKED | 1ull << VD_INDIRECT, 7);
    rounds(VD_MMIO_2, 1ull << VD_PACKED | 1ull << VD_INDIRECT | 1ull << VD_EVENT_IDX, 5);
}

/* The flags and indices by which the driver asks not to be interrupted. */
static void test_interrupts(void)
{
    setup(VD_MMIO_2, false);
    VDQueue *q = start(0, 8);
    take(q, 1, 16, false);
    g_assert_cmpint(line_level[1], ==, 1);
    g_assert_cmphex(vd_isr(&drv), ==, 1);
    g_assert_cmpint(line_level[1], ==, 0);
    mem_write(NULL, q->avail, 1, 2); /* no interrupts */
    take(q, 1, 16, false);
    g_assert_cmpint(line_level[1], ==, 0);
    g_free(q);
    q = start(1ull << VD_EVENT_IDX, 8);
    uint64_t used_event = q->avail + 4 + 2 * 8, avail_event = q->used + 4 + 8 * 8;
    mem_write(NULL, used_event, 2, 2); /* when the third comes */
    for (unsigned i = 0; i < 4; i++) {
        vd_isr(&drv);
        take(q, 1, 16, false);
        g_assert_cmpint(line_level[1], ==, i == 0 || i == 2); /* the first one always */
        g_assert_cmpuint(mem_read(NULL, avail_event, 2), ==, i + 1); /* the next buffer is to be kicked */
    }
    g_free(q);
    teardown();
    setup(VD_MMIO_2, true);
    q = start(1ull << VD_PACKED | 1ull << VD_EVENT_IDX, 8);
    mem_write(NULL, q->avail + 2, 1, 2); /* disabled */
    take(q, 1, 16, false);
    g_assert_cmpint(line_level[1], ==, 0);
    mem_write(NULL, q->avail, 3 | 1 << 15, 2); /* when descriptor 3 of this round is used */
    mem_write(NULL, q->avail + 2, 2, 2);
    for (unsigned i = 1; i < 5; i++) {
        vd_isr(&drv);
        take(q, 1, 16, false);
        g_assert_cmpint(line_level[1], ==, i == 3);
        g_assert_cmphex(mem_read(NULL, q->used, 4), ==, ((i + 1) | 1 << 15) | 2 << 16);
    }
    g_free(q);
    teardown();
}

/* ---- Rings that lie ---- */

typedef void (*Lie)(VDQueue *q);

static void lie_index(VDQueue *q) { mem_write(NULL, q->avail + 2, 9, 2); }
static void lie_head(VDQueue *q) { vd_split_offer(q, 8); }
static void lie_loop(VDQueue *q)
{
    vd_desc(&drv, q->desc, DATA, 16, VD_WRITE | VD_NEXT, 1);
    vd_desc(&drv, q->desc + 16, DATA, 16, VD_WRITE | VD_NEXT, 0);
    vd_split_offer(q, 0);
}
static void lie_next(VDQueue *q)
{
    vd_desc(&drv, q->desc, DATA, 16, VD_WRITE | VD_NEXT, 0xffff);
    vd_split_offer(q, 0);
}
static void one(VDQueue *q, uint64_t addr, uint32_t len, uint16_t flags)
{
    vd_desc(&drv, q->desc, addr, len, flags, 1);
    vd_split_offer(q, 0);
}
static void lie_empty(VDQueue *q) { one(q, DATA, 0, VD_WRITE); }
static void lie_nowhere(VDQueue *q) { one(q, NOWHERE, 16, VD_WRITE); }
static void lie_over_end(VDQueue *q) { one(q, RAM_SIZE - 8, 16, VD_WRITE); }
static void lie_wrap(VDQueue *q) { one(q, ~0ull - 7, 64, VD_WRITE); }
static void lie_device(VDQueue *q) { one(q, BASE, 16, VD_WRITE); }
static void lie_order(VDQueue *q)
{
    vd_desc(&drv, q->desc + 16, DATA, 16, 0, 0);
    one(q, DATA, 16, VD_WRITE | VD_NEXT);
}
static void lie_table_length(VDQueue *q) { one(q, DATA, 17, VD_INDIRECT_TABLE); }
static void lie_table_empty(VDQueue *q) { one(q, DATA, 0, VD_INDIRECT_TABLE); }
static void lie_table_nowhere(VDQueue *q) { one(q, NOWHERE, 16, VD_INDIRECT_TABLE); }
static void lie_table_nested(VDQueue *q)
{
    vd_desc(&drv, DATA, DATA + 0x100, 16, VD_INDIRECT_TABLE, 0);
    one(q, DATA, 16, VD_INDIRECT_TABLE);
}
static void lie_table_loop(VDQueue *q)
{
    vd_desc(&drv, DATA, DATA + 0x100, 16, VD_WRITE | VD_NEXT, 0);
    one(q, DATA, 32, VD_INDIRECT_TABLE);
}
static void lie_table_huge(VDQueue *q)
{
    for (unsigned i = 0; i < 2000; i++)
        vd_desc(&drv, DATA + 16 * i, DATA, 16, VD_WRITE | VD_NEXT, (uint16_t)(i + 1));
    one(q, DATA, 16 * 2000, VD_INDIRECT_TABLE);
}

static void packed_one(VDQueue *q, uint64_t addr, uint32_t len, uint16_t flags)
{
    vd_desc(&drv, q->desc, addr, len, 0, (uint16_t)(flags | 1 << 7));
}
static void packed_empty(VDQueue *q) { packed_one(q, DATA, 0, VD_WRITE); }
static void packed_nowhere(VDQueue *q) { packed_one(q, NOWHERE, 16, VD_WRITE); }
static void packed_table(VDQueue *q) { packed_one(q, DATA, 20, VD_INDIRECT_TABLE); }
static void packed_table_next(VDQueue *q) { packed_one(q, DATA, 16, VD_INDIRECT_TABLE | VD_NEXT); }
static void packed_nested(VDQueue *q)
{
    vd_desc(&drv, DATA, DATA + 0x100, 16, 0, VD_INDIRECT_TABLE);
    packed_one(q, DATA, 16, VD_INDIRECT_TABLE);
}
static void packed_loop(VDQueue *q)
{
    for (unsigned i = 0; i < q->num; i++)
        vd_desc(&drv, q->desc + 16 * i, DATA, 16, 0, VD_WRITE | VD_NEXT | 1 << 7);
}

static void check_lie(Lie lie, uint64_t features)
{
    VDQueue *q = start(features, 8);
    lie(q);
    vd_kick(q);
    g_assert_cmphex(vd_status(&drv) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    g_assert_cmphex(vd_isr(&drv) & 2, ==, 2);
    g_assert_cmpuint(mem_read(NULL, q->used + 2, 2), ==, 0);
    vd_kick(q);
    vd_set_status(&drv, VD_ACK); /* only a reset helps */
    g_assert_cmphex(vd_status(&drv) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    g_free(q);
    q = start(features, 8);
    take(q, 1, 32, false);
    g_free(q);
    drv.heap = HEAP;
}

static void test_lies(void)
{
    static const Lie split[] = { lie_index, lie_head, lie_loop, lie_next, lie_empty, lie_nowhere, lie_over_end, lie_wrap, lie_device, lie_order,
                                 lie_table_length, lie_table_empty, lie_table_nowhere, lie_table_nested, lie_table_loop, lie_table_huge };
    static const Lie packed[] = { packed_empty, packed_nowhere, packed_table, packed_table_next, packed_nested, packed_loop };
    setup(VD_MMIO_2, false);
    for (unsigned i = 0; i < ARRAY_SIZE(split); i++)
        check_lie(split[i], 1ull << VD_INDIRECT);
    teardown();
    setup(VD_MMIO_2, true);
    for (unsigned i = 0; i < ARRAY_SIZE(packed); i++)
        check_lie(packed[i], 1ull << VD_PACKED | 1ull << VD_INDIRECT);
    teardown();
}

/* Rings at addresses without memory, misaligned, or enabled without having been placed. */
static void test_bad_places(void)
{
    static const uint64_t places[][3] = { { NOWHERE, HEAP, HEAP + 0x1000 }, { HEAP, NOWHERE, HEAP + 0x1000 }, { HEAP, HEAP + 0x1000, NOWHERE },
        { HEAP + 8, HEAP + 0x1000, HEAP + 0x2000 }, { HEAP, HEAP + 0x1001, HEAP + 0x2000 }, { HEAP, HEAP + 0x1000, HEAP + 0x2002 },
        { ~0ull - 15, HEAP, HEAP + 0x1000 }, { RAM_SIZE - 16, HEAP, HEAP + 0x1000 } };
    setup(VD_MMIO_2, false);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        vd_start(&drv, 0);
        VDQueue q = { .d = &drv, .num = 8, .desc = places[i][0], .avail = places[i][1], .used = places[i][2] };
        vd_queue_max(&drv, 0);
        vd_queue_addresses(&q);
        mem_write(NULL, BASE + 0x44, 1, 4);
        vd_driver_ok(&drv);
        vd_kick(&q);
        g_assert_cmphex(vd_status(&drv) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    }
    teardown();
}

/*
 * Features that change under a queue: what indices mean, and how long the areas are. Without the check the device would look at
 * entries behind its ring, and at the event index behind the end of memory.
 */
static void test_late_features(void)
{
    setup(VD_MMIO_2, true);
    vd_set_status(&drv, 0);
    vd_set_status(&drv, VD_ACK | VD_DRIVER);
    vd_accept(&drv, 1ull << VD_VERSION_1);
    VDQueue *q = vd_queue(&drv, 0, 8, 0xffff);
    vd_driver_ok(&drv);
    for (unsigned i = 0; i < 11; i++)
        take(q, 1, 16, false);
    vd_accept(&drv, 1ull << VD_VERSION_1 | 1ull << VD_PACKED);
    g_assert_cmpuint(mem_read(NULL, BASE + 0x44, 4), ==, 0); /* off */
    vd_kick(q);
    g_free(q);
    vd_set_status(&drv, 0);
    vd_set_status(&drv, VD_ACK | VD_DRIVER);
    vd_accept(&drv, 1ull << VD_VERSION_1);
    VDQueue end = { .d = &drv, .num = 2, .desc = HEAP, .avail = HEAP + 0x1000, .used = RAM_SIZE - 20 };
    vd_clear(&drv, HEAP, 0x2000);
    vd_clear(&drv, RAM_SIZE - 20, 20);
    vd_queue_max(&drv, 0);
    mem_write(NULL, BASE + 0x38, 2, 4);
    vd_queue_addresses(&end);
    mem_write(NULL, BASE + 0x44, 1, 4);
    vd_driver_ok(&drv);
    take(&end, 1, 16, false);
    vd_accept(&drv, 1ull << VD_VERSION_1 | 1ull << VD_EVENT_IDX);
    vd_kick(&end);
    g_assert_cmphex(vd_status(&drv) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    teardown();
}

/* Buffers that were taken before the queue was set up anew do not come back into it. */
static void test_new_setup(void)
{
    model = "test-holder";
    for (unsigned packed = 0; packed < 2; packed++) {
        setup(VD_MMIO_2, packed);
        Holder *h = (Holder *)rng;
        VDQueue *q = start(packed ? 1ull << VD_PACKED : 0, 8);
        VDPart p[8];
        for (unsigned i = 0; i < 8; i++)
            p[i] = (VDPart){ DATA + 0x100 * i, 16, true };
        vd_add(q, p, 8, false); /* all entries of the ring */
        vd_kick(q);
        g_assert_cmpuint(h->held, ==, 1);
        mem_write(NULL, BASE + 0x44, 0, 4);
        g_free(q);
        q = vd_queue(&drv, 0, 2, 0xffff);
        virtqueue_push(virtio_queue(&h->vdev, 0), &h->e[0], 16);
        virtio_notify(&h->vdev, virtio_queue(&h->vdev, 0));
        unsigned id;
        uint32_t len;
        g_assert_false(vd_get(q, 8, &id, &len));
        g_assert_cmpuint(virtio_queue(&h->vdev, 0)->used_idx, ==, 0);
        h->held = 0;
        id = vd_add(q, p, 1, false);
        vd_kick(q);
        g_assert_cmpuint(h->held, ==, 1);
        virtqueue_push(virtio_queue(&h->vdev, 0), &h->e[0], 16);
        g_assert_cmpuint(vd_wait(q, 1, id), ==, 16);
        g_free(q);
        teardown();
        drv.heap = HEAP;
    }
    model = "virtio-rng-device";
}

/* A queue that does not get empty: others have their turn, and all of it is done. */
static void test_endless(void)
{
    model = "test-holder";
    setup(VD_MMIO_2, false);
    Holder *h = (Holder *)rng;
    VDQueue *q = start(0, 8);
    h->refill = q->avail;
    for (unsigned i = 0; i < 8; i++) /* whatever entry is offered, it is this buffer */
        mem_write(NULL, q->avail + 4 + 2 * i, 0, 2);
    vd_add(q, &(VDPart){ DATA, 16, true }, 1, false);
    vd_kick(q);
    g_assert_cmpuint(h->served, ==, 4096);
    advance(1);
    g_assert_cmpuint(h->served, ==, 10000);
    h->served = 0;
    vd_kick(q);
    vd_set_status(&drv, 0); /* a reset ends it */
    advance(1);
    g_assert_cmpuint(h->served, <=, 4096);
    g_free(q);
    teardown();
    model = "virtio-rng-device";
}

/* A buffer of any size takes no more than a share of the host's time. */
static void test_large_buffer(void)
{
    setup(VD_MMIO_2, false);
    VDQueue *q = start(0, 8);
    g_assert_cmpuint(vd_do(q, &(VDPart){ 0x200000, 0x100000, true }, 1, false), ==, 0x10000);
    g_free(q);
    teardown();
}

/* A quota: the second buffer waits for the next period. */
static void test_quota(void)
{
    transport = device_new("virtio-mmio");
    device_set_u64(transport, "force-legacy", false);
    device_set_u64(transport, "index", 5);
    realize(transport);
    map_region(system_memory, BASE, transport, 0);
    connect_line(transport, 0, line(1));
    plug();
    device_set_u64(rng, "max-bytes", 100);
    device_set_u64(rng, "period", 10);
    realize(rng);
    drv = (VD){ .mem_read = mem_read, .mem_write = mem_write, .kind = VD_MMIO_2, .base = BASE, .heap = HEAP };
    VDQueue *q = start(0, 8);
    unsigned id, got;
    uint32_t len;
    g_assert_cmpuint(vd_do(q, &(VDPart){ DATA, 80, true }, 1, false), ==, 80);
    g_assert_cmpuint(vd_do(q, &(VDPart){ DATA, 80, true }, 1, false), ==, 20);
    id = vd_add(q, &(VDPart){ DATA, 80, true }, 1, false);
    vd_kick(q);
    g_assert_false(vd_get(q, 1, &got, &len));
    advance(11 * MS);
    g_assert_true(vd_get(q, 1, &got, &len));
    g_assert_cmpuint(got, ==, id);
    g_assert_cmpuint(len, ==, 80);
    g_free(q);
    teardown();
}

/* Transport and device are saved and loaded in the middle of a ring's life; garbage does no harm. */
static void test_saved(void)
{
    for (unsigned packed = 0; packed < 2; packed++) {
        setup(VD_MMIO_2, packed);
        VDQueue *q = start(packed ? 1ull << VD_PACKED : 1ull << VD_EVENT_IDX, 8);
        for (unsigned i = 0; i < 11; i++)
            take(q, 1, 16, false);
        uint8_t *t = NULL, *r = NULL;
        size_t t_len = 0, r_len = 0;
        device_save(transport, &t, &t_len);
        device_save(rng, &r, &r_len);
        teardown();
        setup(VD_MMIO_2, packed);
        drv = (VD){ .mem_read = mem_read, .mem_write = mem_write, .kind = VD_MMIO_2, .base = BASE, .heap = HEAP, .features = drv.features };
        g_assert_true(device_load(transport, t, t_len, NULL));
        g_assert_true(device_load(rng, r, r_len, NULL));
        drv.features = packed ? 1ull << VD_PACKED | 1ull << VD_VERSION_1 : 1ull << VD_EVENT_IDX | 1ull << VD_VERSION_1;
        g_assert_cmpint(line_level[1], ==, 1);
        for (unsigned i = 0; i < 11; i++)
            take(q, 1, 16, false);
        g_free(q);
        g_free(t);
        g_free(r);
        load_garbage(rng, 300);
        load_garbage(transport, 100);
        q = start(0, 8);
        take(q, 1, 16, false);
        g_free(q);
        teardown();
    }
}

/* A disk's cache mode, which the driver chose, comes back with the state. */
static void test_saved_cache(void)
{
    enum { FLUSH = 9, CONFIG_WCE = 11, WCE = 32 };
    g_autofree char *image = g_strdup("/tmp/rhea-virtio-XXXXXX");
    int fd = g_mkstemp(image);
    g_assert_true(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
    close(fd);
    BlockBackend *blk = blk_new("disk", NULL);
    blk_insert(blk, block_open_file(image, "raw", BLOCK_RDWR, NULL));
    model = "virtio-blk-device";
    drive = blk;
    setup(VD_MMIO_2, false);
    vd_start(&drv, 1 << FLUSH | 1 << CONFIG_WCE);
    vd_driver_ok(&drv);
    vd_set_config(&drv, WCE, 0, 1);
    g_assert_false(blk_write_cache(blk));
    uint8_t *buf = NULL;
    size_t len = 0;
    device_save(rng, &buf, &len);
    vd_set_config(&drv, WCE, 1, 1);
    g_assert_true(blk_write_cache(blk));
    g_assert_true(device_load(rng, buf, len, NULL));
    g_assert_false(blk_write_cache(blk));
    g_assert_cmpuint(vd_config(&drv, WCE, 1), ==, 0);
    g_free(buf);
    load_garbage(rng, 20);
    teardown();
    blk_free(blk);
    unlink(image);
    drive = NULL;
    model = "virtio-rng-device";
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", RAM_SIZE, NULL));
    memory_region_add(system_memory, 0, &ram);
    g_test_add_func("/virtio/registers", test_registers);
    g_test_add_func("/virtio/empty", test_empty);
    g_test_add_func("/virtio/split", test_split);
    g_test_add_func("/virtio/packed", test_packed);
    g_test_add_func("/virtio/interrupts", test_interrupts);
    g_test_add_func("/virtio/lies", test_lies);
    g_test_add_func("/virtio/bad-places", test_bad_places);
    g_test_add_func("/virtio/late-features", test_late_features);
    g_test_add_func("/virtio/new-setup", test_new_setup);
    g_test_add_func("/virtio/endless", test_endless);
    g_test_add_func("/virtio/large-buffer", test_large_buffer);
    g_test_add_func("/virtio/quota", test_quota);
    g_test_add_func("/virtio/saved", test_saved);
    g_test_add_func("/virtio/saved-cache", test_saved_cache);
    return g_test_run();
}
