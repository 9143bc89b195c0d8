/* SPDX-License-Identifier: MIT */
/*
 * A small virtio driver for tests (Virtual I/O Device 1.2): virtio-mmio of both versions, virtio-pci modern and legacy; split and packed
 * rings, indirect tables. How it reaches registers and memory is the test's: over the device-test protocol, or in the same process.
 */
#ifndef RHEA_TESTS_VIRTIO_DRIVER_H
#define RHEA_TESTS_VIRTIO_DRIVER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum VDKind { VD_MMIO_1, VD_MMIO_2, VD_PCI_MODERN, VD_PCI_LEGACY } VDKind;
typedef struct VD {
    void *opaque;
    uint64_t (*mem_read)(void *opaque, uint64_t addr, unsigned size);
    void (*mem_write)(void *opaque, uint64_t addr, uint64_t v, unsigned size);
    uint64_t (*io_read)(void *opaque, uint64_t addr, unsigned size);  /* of the legacy PCI interface */
    void (*io_write)(void *opaque, uint64_t addr, uint64_t v, unsigned size);
    VDKind kind;
    uint64_t base;                           /* registers: MMIO page, common configuration, I/O ports */
    uint64_t isr, config, notify;            /* PCI modern */
    unsigned notify_multiplier;
    uint64_t heap;                           /* free guest memory from here on */
    uint64_t features;                       /* accepted */
    bool msix;                               /* legacy: configuration starts later */
} VD;
typedef struct VDQueue {
    VD *d;
    unsigned index, num;
    uint64_t desc, avail, used;
    unsigned next_desc;                      /* split */
    uint16_t avail_idx, used_idx;
    unsigned packed_next, packed_used, id;
    bool avail_wrap, used_wrap;
} VDQueue;
typedef struct VDPart {
    uint64_t addr;
    uint32_t len;
    bool write;                              /* by the device */
} VDPart;

enum { VD_INDIRECT = 28, VD_EVENT_IDX = 29, VD_VERSION_1 = 32, VD_PACKED = 34 };
enum { VD_ACK = 1, VD_DRIVER = 2, VD_DRIVER_OK = 4, VD_FEATURES_OK = 8, VD_NEEDS_RESET = 0x40 };
enum { VD_NEXT = 1, VD_WRITE = 2, VD_INDIRECT_TABLE = 4 };

static inline bool vd_has(const VD *d, unsigned bit)
{
    return d->features >> bit & 1;
}
static inline uint64_t vd_alloc(VD *d, uint64_t size, uint64_t align)
{
    uint64_t at = (d->heap + align - 1) & ~(align - 1);
    d->heap = at + size;
    return at;
}
static inline uint64_t vd_rd(VD *d, uint64_t a, unsigned n) { return d->mem_read(d->opaque, a, n); }
static inline void vd_wr(VD *d, uint64_t a, uint64_t v, unsigned n) { d->mem_write(d->opaque, a, v, n); }

/* ---- Registers ---- */

static inline uint8_t vd_status(VD *d)
{
    switch (d->kind) {
    case VD_PCI_MODERN: return (uint8_t)vd_rd(d, d->base + 20, 1);
    case VD_PCI_LEGACY: return (uint8_t)d->io_read(d->opaque, d->base + 18, 1);
    default: return (uint8_t)vd_rd(d, d->base + 0x70, 4);
    }
}

static inline void vd_set_status(VD *d, uint8_t s)
{
    switch (d->kind) {
    case VD_PCI_MODERN: vd_wr(d, d->base + 20, s, 1); break;
    case VD_PCI_LEGACY: d->io_write(d->opaque, d->base + 18, s, 1); break;
    default: vd_wr(d, d->base + 0x70, s, 4); break;
    }
}

static inline uint64_t vd_offered(VD *d)
{
    uint64_t f = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (d->kind == VD_PCI_LEGACY)
            return d->io_read(d->opaque, d->base, 4);
        vd_wr(d, d->base + (d->kind == VD_PCI_MODERN ? 0 : 0x14), i, 4);
        f |= vd_rd(d, d->base + (d->kind == VD_PCI_MODERN ? 4 : 0x10), 4) << 32 * i;
    }
    return f;
}

static inline void vd_accept(VD *d, uint64_t f)
{
    d->features = f;
    for (unsigned i = 0; i < 2; i++) {
        if (d->kind == VD_PCI_LEGACY) {
            d->io_write(d->opaque, d->base + 4, (uint32_t)f, 4);
            return;
        }
        vd_wr(d, d->base + (d->kind == VD_PCI_MODERN ? 8 : 0x24), i, 4);
        vd_wr(d, d->base + (d->kind == VD_PCI_MODERN ? 12 : 0x20), (uint32_t)(f >> 32 * i), 4);
    }
}

static inline uint64_t vd_config(VD *d, unsigned offset, unsigned size)
{
    switch (d->kind) {
    case VD_PCI_MODERN: return vd_rd(d, d->config + offset, size);
    case VD_PCI_LEGACY: return d->io_read(d->opaque, d->base + (d->msix ? 24 : 20) + offset, size);
    default: return vd_rd(d, d->base + 0x100 + offset, size);
    }
}

static inline void vd_set_config(VD *d, unsigned offset, uint64_t v, unsigned size)
{
    switch (d->kind) {
    case VD_PCI_MODERN: vd_wr(d, d->config + offset, v, size); break;
    case VD_PCI_LEGACY: d->io_write(d->opaque, d->base + (d->msix ? 24 : 20) + offset, v, size); break;
    default: vd_wr(d, d->base + 0x100 + offset, v, size); break;
    }
}

/* Reads, and with that or by a second write acknowledges, the interrupt's reasons. */
static inline uint8_t vd_isr(VD *d)
{
    uint8_t v;
    switch (d->kind) {
    case VD_PCI_MODERN: return (uint8_t)vd_rd(d, d->isr, 1);
    case VD_PCI_LEGACY: return (uint8_t)d->io_read(d->opaque, d->base + 19, 1);
    default:
        v = (uint8_t)vd_rd(d, d->base + 0x60, 4);
        vd_wr(d, d->base + 0x64, v, 4);
        return v;
    }
}

/* Reset, then negotiation: takes of the wanted bits what is offered, and VERSION_1 where there is one. */
static inline void vd_start(VD *d, uint64_t wanted)
{
    vd_set_status(d, 0);
    g_assert_cmphex(vd_status(d), ==, 0);
    vd_set_status(d, VD_ACK | VD_DRIVER);
    vd_accept(d, vd_offered(d) & (wanted | 1ull << VD_VERSION_1));
    if (vd_has(d, VD_VERSION_1)) {
        vd_set_status(d, VD_ACK | VD_DRIVER | VD_FEATURES_OK);
        g_assert_cmphex(vd_status(d), ==, VD_ACK | VD_DRIVER | VD_FEATURES_OK);
    }
}

static inline void vd_driver_ok(VD *d)
{
    vd_set_status(d, (uint8_t)(vd_status(d) | VD_DRIVER_OK));
}

/* ---- Queues ---- */

static inline unsigned vd_queue_max(VD *d, unsigned n)
{
    switch (d->kind) {
    case VD_PCI_MODERN: vd_wr(d, d->base + 22, n, 2); return (unsigned)vd_rd(d, d->base + 24, 2);
    case VD_PCI_LEGACY: d->io_write(d->opaque, d->base + 14, n, 2); return (unsigned)d->io_read(d->opaque, d->base + 12, 2);
    default: vd_wr(d, d->base + 0x30, n, 4); return (unsigned)vd_rd(d, d->base + 0x34, 4);
    }
}

static inline void vd_clear(VD *d, uint64_t at, uint64_t len)
{
    for (uint64_t i = 0; i < len; i += 4)
        vd_wr(d, at + i, 0, 4);
}

static inline void vd_queue_addresses(VDQueue *q)
{
    VD *d = q->d;
    const uint64_t a[3] = { q->desc, q->avail, q->used };
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned half = 0; half < 2; half++)
            vd_wr(d, d->base + (d->kind == VD_PCI_MODERN ? 32 + 8 * i : 0x80 + 0x10 * i) + 4 * half, (uint32_t)(a[i] >> 32 * half), 4);
    }
}

/* Sets queue n up with num entries (0: as many as offered). vector: MSI-X, or 0xffff. */
static inline VDQueue *vd_queue(VD *d, unsigned n, unsigned num, unsigned vector)
{
    VDQueue *q = g_new0(VDQueue, 1);
    unsigned max = vd_queue_max(d, n);
    g_assert_cmpuint(max, >, 0);
    *q = (VDQueue){ .d = d, .index = n, .num = num && d->kind != VD_PCI_LEGACY ? num : max, .avail_wrap = true, .used_wrap = true };
    q->desc = vd_alloc(d, 16 * q->num, 4096);
    q->avail = vd_alloc(d, 8 + 2 * q->num, 4);
    q->used = vd_alloc(d, 8 + 8 * q->num, 4096);
    vd_clear(d, q->desc, q->used + 8 + 8 * q->num - q->desc);
    switch (d->kind) {
    case VD_PCI_MODERN:
        vd_wr(d, d->base + 24, q->num, 2);
        vd_wr(d, d->base + 26, vector, 2);
        vd_queue_addresses(q);
        vd_wr(d, d->base + 28, 1, 2);
        g_assert_cmpuint(vd_rd(d, d->base + 28, 2), ==, 1);
        break;
    case VD_PCI_LEGACY:
        if (d->msix)
            d->io_write(d->opaque, d->base + 22, vector, 2);
        d->io_write(d->opaque, d->base + 8, q->desc / 4096, 4);
        break;
    case VD_MMIO_2:
        vd_wr(d, d->base + 0x38, q->num, 4);
        vd_queue_addresses(q);
        vd_wr(d, d->base + 0x44, 1, 4);
        break;
    case VD_MMIO_1:
        vd_wr(d, d->base + 0x28, 4096, 4);
        vd_wr(d, d->base + 0x38, q->num, 4);
        vd_wr(d, d->base + 0x3c, 4096, 4);
        vd_wr(d, d->base + 0x40, q->desc / 4096, 4);
        break;
    }
    return q;
}

static inline void vd_desc(VD *d, uint64_t at, uint64_t addr, uint32_t len, uint16_t a, uint16_t b)
{
    vd_wr(d, at, addr, 8);
    vd_wr(d, at + 8, len, 4);
    vd_wr(d, at + 12, a, 2);
    vd_wr(d, at + 14, b, 2);
}

static inline void vd_kick(VDQueue *q)
{
    VD *d = q->d;
    switch (d->kind) {
    case VD_PCI_MODERN: vd_wr(d, d->notify + (uint64_t)q->index * d->notify_multiplier, q->index, 2); break;
    case VD_PCI_LEGACY: d->io_write(d->opaque, d->base + 16, q->index, 2); break;
    default: vd_wr(d, d->base + 0x50, q->index, 4); break;
    }
}

/* Puts head into the available ring and moves its index. */
static inline void vd_split_offer(VDQueue *q, uint16_t head)
{
    vd_wr(q->d, q->avail + 4 + 2 * (q->avail_idx % q->num), head, 2);
    vd_wr(q->d, q->avail + 2, ++q->avail_idx, 2);
}

static inline unsigned vd_split_add(VDQueue *q, const VDPart *p, unsigned n, bool indirect)
{
    VD *d = q->d;
    unsigned head = q->next_desc;
    uint64_t table = indirect ? vd_alloc(d, 16 * n, 16) : q->desc;
    for (unsigned i = 0; i < n; i++) {
        unsigned at = indirect ? i : (head + i) % q->num, next = indirect ? i + 1 : (at + 1) % q->num;
        vd_desc(d, table + 16 * at, p[i].addr, p[i].len, (uint16_t)((p[i].write ? VD_WRITE : 0) | (i + 1 < n ? VD_NEXT : 0)), (uint16_t)next);
    }
    if (indirect)
        vd_desc(d, q->desc + 16 * head, table, 16 * n, VD_INDIRECT_TABLE, 0);
    q->next_desc = (head + (indirect ? 1 : n)) % q->num;
    vd_split_offer(q, (uint16_t)head);
    return head;
}

static inline unsigned vd_packed_add(VDQueue *q, const VDPart *p, unsigned n, bool indirect)
{
    VD *d = q->d;
    unsigned id = q->id++ % q->num, first = q->packed_next;
    uint16_t first_flags = 0;
    uint64_t table = indirect ? vd_alloc(d, 16 * n, 16) : 0;
    for (unsigned i = 0; indirect && i < n; i++)
        vd_desc(d, table + 16 * i, p[i].addr, p[i].len, 0, p[i].write ? VD_WRITE : 0);
    VDPart whole = { table, 16 * n, false };
    for (unsigned i = 0; i < (indirect ? 1 : n); i++) {
        const VDPart *part = indirect ? &whole : &p[i];
        uint16_t flags = (uint16_t)((q->avail_wrap ? 1 << 7 : 1 << 15) | (part->write ? VD_WRITE : 0) | (indirect ? VD_INDIRECT_TABLE : i + 1 < n ? VD_NEXT : 0));
        vd_desc(d, q->desc + 16 * q->packed_next, part->addr, part->len, (uint16_t)id, i ? flags : (uint16_t)(flags ^ (1 << 7 | 1 << 15)));
        if (!i)
            first_flags = flags;
        if (++q->packed_next == q->num) {
            q->packed_next = 0;
            q->avail_wrap = !q->avail_wrap;
        }
    }
    vd_wr(d, q->desc + 16 * first + 14, first_flags, 2);
    return id;
}

/* Offers a buffer; returns what the device will give back. */
static inline unsigned vd_add(VDQueue *q, const VDPart *p, unsigned n, bool indirect)
{
    return vd_has(q->d, VD_PACKED) ? vd_packed_add(q, p, n, indirect) : vd_split_add(q, p, n, indirect);
}

/* The next used buffer, if there is one. descs: entries it took of a packed ring. */
static inline bool vd_get(VDQueue *q, unsigned descs, unsigned *id, uint32_t *len)
{
    VD *d = q->d;
    if (vd_has(d, VD_PACKED)) {
        uint64_t at = q->desc + 16 * q->packed_used;
        uint16_t flags = (uint16_t)vd_rd(d, at + 14, 2);
        if (!!(flags & 1 << 15) != q->used_wrap || !!(flags & 1 << 7) != q->used_wrap)
            return false;
        *id = (unsigned)vd_rd(d, at + 12, 2);
        *len = (uint32_t)vd_rd(d, at + 8, 4);
        q->packed_used += descs;
        if (q->packed_used >= q->num) {
            q->packed_used -= q->num;
            q->used_wrap = !q->used_wrap;
        }
        return true;
    }
    if ((uint16_t)vd_rd(d, q->used + 2, 2) == q->used_idx)
        return false;
    uint64_t at = q->used + 4 + 8 * (q->used_idx++ % q->num);
    *id = (unsigned)vd_rd(d, at, 4);
    *len = (uint32_t)vd_rd(d, at + 4, 4);
    return true;
}

/* Waits for the next used buffer, up to ten seconds; returns its length. */
static inline uint32_t vd_wait(VDQueue *q, unsigned descs, unsigned id)
{
    unsigned got;
    uint32_t len;
    for (unsigned i = 0; i < 10000; i++) {
        if (vd_get(q, descs, &got, &len)) {
            g_assert_cmpuint(got, ==, id);
            return len;
        }
        g_usleep(1000);
    }
    g_error("no used buffer");
}

/* Offers, kicks, waits. */
static inline uint32_t vd_do(VDQueue *q, const VDPart *p, unsigned n, bool indirect)
{
    unsigned id = vd_add(q, p, n, indirect);
    vd_kick(q);
    return vd_wait(q, indirect ? 1 : n, id);
}

#endif
