/* SPDX-License-Identifier: MIT */
/*
 * Virtqueues: areas in guest memory, buffers as lists of host memory, split rings (Virtual I/O Device 1.2, 2.7), notification in both
 * directions. Packed rings are in virtqueue-packed.c. Each value is read from guest memory once and checked then: the driver may change it
 * at any time.
 */
#include "hw/loader.h"
#include "hw/virtio.h"

#include <glib.h>
#include <string.h>

/* Split ring: offsets in the available and used areas. */
enum { AVAIL_FLAGS = 0, AVAIL_IDX = 2, AVAIL_RING = 4, USED_FLAGS = 0, USED_IDX = 2, USED_RING = 4 };
enum { AVAIL_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };
#define DESC_SIZE 16u
#define IOV_START 8u

/* ---- Areas ---- */

static uint8_t *map_area(VirtQueue *vq, uint64_t addr, uint64_t len, unsigned align, bool write)
{
    void *p = addr % align ? NULL : address_space_map_ram(vq->vdev->bus->dma, addr, len, write);
    if (!p || (uintptr_t)p % align)
        virtio_error(vq->vdev, "queue %u: no memory for a ring at 0x%" G_GINT64_MODIFIER "x", vq->index, addr);
    return p;
}

static bool map_areas(VirtQueue *vq)
{
    uint64_t n = vq->num;
    bool packed = virtio_has_feature(vq->vdev, VIRTIO_F_RING_PACKED);
    bool event = !packed && virtio_has_feature(vq->vdev, VIRTIO_F_EVENT_IDX);
    uint64_t driver = packed ? 4 : AVAIL_RING + 2 * n + 2 * event, device = packed ? 4 : USED_RING + 8 * n + 2 * event;
    vq->generation = memory_generation();
    vq->desc_p = map_area(vq, vq->desc, DESC_SIZE * n, 16, packed);
    vq->driver_p = vq->desc_p ? map_area(vq, vq->driver, driver, packed ? 4 : 2, false) : NULL;
    vq->device_p = vq->driver_p ? map_area(vq, vq->device, device, 4, true) : NULL;
    vq->mapped = vq->device_p != NULL;
    return vq->mapped;
}

bool virtqueue_map(VirtQueue *vq)
{
    if (!vq->enabled || vq->vdev->broken || vq->vdev->bus->dma_off)
        return false;
    return (vq->mapped && vq->generation == memory_generation()) || map_areas(vq);
}

static void store16(uint8_t *p, uint16_t v)
{
    vring_st16(p, v);
    ram_host_written(p, 2);
}

/* ---- Elements ---- */

void virtqueue_element_free(VirtQueueElement *e)
{
    g_free(e->iov);
    e->iov = NULL;
    e->iov_size = 0;
}

static void element_reset(VirtQueueElement *e)
{
    e->nout = e->nin = 0;
    e->out_size = e->in_size = 0;
    e->ndescs = 1;
}

static bool grow(VirtQueueElement *e)
{
    unsigned used = e->nout + e->nin;
    if (used < e->iov_size)
        return true;
    if (used >= VIRTQUEUE_MAX_SIZE)
        return false;
    e->iov_size = e->iov_size ? 2 * e->iov_size : IOV_START;
    e->iov = g_renew(struct iovec, e->iov, e->iov_size);
    return true;
}

/* The longest piece of RAM at addr, up to len bytes; 0 when there is none. */
static uint64_t ram_piece(AddressSpace *as, uint64_t addr, uint64_t len, bool write, void **p)
{
    FlatRange r;
    *p = address_space_map_ram(as, addr, len, write);
    if (*p)
        return len;
    if (!address_space_find(as, addr, &r))
        return 0;
    len = MIN(len, r.size - (addr - r.start));
    *p = address_space_map_ram(as, addr, len, write);
    return *p ? len : 0;
}

bool virtqueue_add_part(VirtQueue *vq, VirtQueueElement *e, uint64_t addr, uint32_t len, bool write)
{
    if (!len || addr + len < addr) {
        virtio_error(vq->vdev, "queue %u: a buffer of %u bytes at 0x%" G_GINT64_MODIFIER "x", vq->index, len, addr);
        return false;
    }
    if (!write && e->nin) {
        virtio_error(vq->vdev, "queue %u: a part to read after one to write", vq->index);
        return false;
    }
    *(write ? &e->in_size : &e->out_size) += len;
    for (uint64_t left = len, n; left; addr += n, left -= n) {
        void *p;
        n = ram_piece(vq->vdev->bus->dma, addr, left, write, &p);
        if (!n) {
            virtio_error(vq->vdev, "queue %u: no memory at 0x%" G_GINT64_MODIFIER "x", vq->index, addr);
            return false;
        }
        if (!grow(e)) {
            virtio_error(vq->vdev, "queue %u: more than %d parts in a buffer", vq->index, VIRTQUEUE_MAX_SIZE);
            return false;
        }
        e->iov[e->nout + e->nin] = (struct iovec){ p, n };
        (*(write ? &e->nin : &e->nout))++;
    }
    return true;
}

/* ---- Split rings ---- */

static VRingDesc load_desc(const uint8_t *p)
{
    return (VRingDesc){ get_le64(p), get_le32(p + 8), get_le16(p + 12), get_le16(p + 14) };
}

/* Follows a chain of a table of n descriptors from i on. */
static bool walk_chain(VirtQueue *vq, VirtQueueElement *e, const uint8_t *table, uint32_t n, uint32_t i, bool indirect)
{
    for (uint32_t count = 0;; count++) {
        if (i >= n || count >= n) {
            virtio_error(vq->vdev, i >= n ? "queue %u: descriptor %u of %u" : "queue %u: looped descriptors (%u of %u)", vq->index, i, n);
            return false;
        }
        VRingDesc d = load_desc(table + (uint64_t)i * DESC_SIZE);
        if (d.flags & VRING_DESC_INDIRECT) {
            if (indirect || !d.len || d.len % DESC_SIZE) {
                virtio_error(vq->vdev, "queue %u: indirect table of %u bytes%s", vq->index, d.len, indirect ? " in another" : "");
                return false;
            }
            const uint8_t *sub = address_space_map_ram(vq->vdev->bus->dma, d.addr, d.len, false);
            if (!sub) {
                virtio_error(vq->vdev, "queue %u: no memory for an indirect table", vq->index);
                return false;
            }
            return walk_chain(vq, e, sub, d.len / DESC_SIZE, 0, true);
        }
        if (!virtqueue_add_part(vq, e, d.addr, d.len, d.flags & VRING_DESC_WRITE))
            return false;
        if (!(d.flags & VRING_DESC_NEXT))
            return true;
        i = d.next;
    }
}

static uint8_t *avail_event(VirtQueue *vq)
{
    return vq->device_p + USED_RING + 8u * vq->num;
}

static bool split_pop(VirtQueue *vq, VirtQueueElement *e)
{
    uint16_t pending = (uint16_t)(vring_ld16(vq->driver_p + AVAIL_IDX) - vq->last_avail);
    if (!pending)
        return false;
    if (pending > vq->num) {
        virtio_error(vq->vdev, "queue %u: %u buffers offered by a queue of %u", vq->index, pending, vq->num);
        return false;
    }
    e->index = vring_ld16(vq->driver_p + AVAIL_RING + 2u * (vq->last_avail % vq->num));
    if (!walk_chain(vq, e, vq->desc_p, vq->num, e->index, false))
        return false;
    vq->last_avail++;
    return true;
}

static void split_push(VirtQueue *vq, const VirtQueueElement *e, uint64_t len)
{
    uint8_t *slot = vq->device_p + USED_RING + 8u * (vq->used_idx % vq->num);
    put_le32(slot, e->index);
    put_le32(slot + 4, (uint32_t)MIN(len, UINT32_MAX));
    ram_host_written(slot, 8);
    uint16_t old = vq->used_idx++;
    store16(vq->device_p + USED_IDX, vq->used_idx);
    if ((int16_t)(vq->used_idx - vq->signalled_used) < (uint16_t)(vq->used_idx - old)) /* lapped */
        vq->signalled_used_valid = false;
}

static bool split_should_interrupt(VirtQueue *vq)
{
    VirtIODevice *vdev = vq->vdev;
    if (virtio_has_feature(vdev, VIRTIO_F_NOTIFY_ON_EMPTY) && !vq->inuse && virtqueue_empty(vq))
        return true;
    if (!virtio_has_feature(vdev, VIRTIO_F_EVENT_IDX))
        return !(vring_ld16(vq->driver_p + AVAIL_FLAGS) & AVAIL_NO_INTERRUPT);
    bool valid = vq->signalled_used_valid;
    uint16_t old = vq->signalled_used;
    vq->signalled_used_valid = true;
    vq->signalled_used = vq->used_idx;
    return !valid || vring_need_event(vring_ld16(vq->driver_p + AVAIL_RING + 2u * vq->num), vq->used_idx, old);
}

static void split_set_notify(VirtQueue *vq, bool on)
{
    if (virtio_has_feature(vq->vdev, VIRTIO_F_EVENT_IDX)) {
        if (on)
            store16(avail_event(vq), vq->last_avail);
    } else {
        store16(vq->device_p + USED_FLAGS, on ? 0 : USED_NO_NOTIFY);
    }
}

/* ---- Both formats ---- */

static bool is_packed(const VirtQueue *vq)
{
    return virtio_has_feature(vq->vdev, VIRTIO_F_RING_PACKED);
}

static void set_notify(VirtQueue *vq, bool on)
{
    if (!virtqueue_map(vq))
        return;
    if (is_packed(vq))
        vring_packed_set_notify(vq, on);
    else
        split_set_notify(vq, on);
}

static bool is_spent(const VirtQueue *vq)
{
    return vq->limited && !vq->left;
}

bool virtqueue_pop(VirtQueue *vq, VirtQueueElement *e)
{
    if (!virtqueue_map(vq) || is_spent(vq))
        return false;
    element_reset(e);
    e->setup = vq->setup;
    if (vq->inuse >= vq->num && !virtqueue_empty(vq)) {
        virtio_error(vq->vdev, "queue %u: more buffers than its size", vq->index);
        return false;
    }
    if (!(is_packed(vq) ? vring_packed_pop(vq, e) : split_pop(vq, e)))
        return false;
    e->out = e->iov;
    e->in = e->iov + e->nout;
    vq->inuse++;
    vq->left -= vq->limited;
    if (!vq->notify_off && virtio_has_feature(vq->vdev, VIRTIO_F_EVENT_IDX))
        set_notify(vq, true); /* the next buffer wants a kick, too */
    return true;
}

void virtqueue_unpop(VirtQueue *vq, const VirtQueueElement *e)
{
    vq->inuse--;
    if (is_packed(vq))
        vring_packed_unpop(vq, e);
    else
        vq->last_avail--;
}

void virtqueue_push(VirtQueue *vq, const VirtQueueElement *e, uint64_t len)
{
    if (e->setup != vq->setup || !virtqueue_map(vq))
        return;
    uint64_t left = len;
    for (unsigned i = 0; i < e->nin && left; i++) {
        uint64_t n = MIN(left, e->in[i].iov_len);
        ram_host_written(e->in[i].iov_base, n);
        left -= n;
    }
    if (vq->inuse)
        vq->inuse--;
    if (is_packed(vq))
        vring_packed_push(vq, e, len);
    else
        split_push(vq, e, len);
}

bool virtqueue_empty(VirtQueue *vq)
{
    if (!virtqueue_map(vq) || is_spent(vq))
        return true;
    return is_packed(vq) ? vring_packed_empty(vq) : vring_ld16(vq->driver_p + AVAIL_IDX) == vq->last_avail;
}

void virtqueue_disable_notify(VirtQueue *vq)
{
    vq->notify_off = true;
    set_notify(vq, false);
}

bool virtqueue_enable_notify(VirtQueue *vq)
{
    vq->notify_off = false;
    set_notify(vq, true);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what we ask for is seen before we look again */
    return !virtqueue_empty(vq);
}

void virtio_notify(VirtIODevice *vdev, VirtQueue *vq)
{
    if (!virtqueue_map(vq))
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* used buffers are seen before we look whether the driver sleeps */
    if (!(is_packed(vq) ? vring_packed_should_interrupt(vq) : split_should_interrupt(vq)))
        return;
    vdev->isr |= VIRTIO_ISR_QUEUE;
    vdev->bus->ops->interrupt(vdev->bus->opaque, vq->vector);
}

/* ---- Lists ---- */

static size_t iov_copy(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len, bool write)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t step = MIN(len - done, iov[i].iov_len - offset);
        uint8_t *host = (uint8_t *)iov[i].iov_base + offset, *mine = (uint8_t *)buf + done;
        memcpy(write ? host : mine, write ? mine : host, step);
        offset = 0;
        done += step;
    }
    return done;
}

size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len)
{
    return iov_copy(iov, n, offset, buf, len, false);
}

size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len)
{
    return iov_copy(iov, n, offset, (void *)buf, len, true);
}

bool iov_discard_front(struct iovec **iov, unsigned *n, size_t bytes)
{
    while (*n && bytes) {
        struct iovec *v = *iov;
        size_t step = MIN(bytes, v->iov_len);
        v->iov_base = (uint8_t *)v->iov_base + step;
        v->iov_len -= step;
        bytes -= step;
        if (!v->iov_len) {
            (*iov)++;
            (*n)--;
        }
    }
    return !bytes;
}

bool iov_discard_back(struct iovec *iov, unsigned *n, size_t bytes)
{
    while (*n && bytes) {
        struct iovec *v = &iov[*n - 1];
        size_t step = MIN(bytes, v->iov_len);
        v->iov_len -= step;
        bytes -= step;
        if (!v->iov_len)
            (*n)--;
    }
    return !bytes;
}
