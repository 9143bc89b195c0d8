/* SPDX-License-Identifier: MIT */
/*
 * Packed virtqueues (Virtual I/O Device 1.2, 2.8): one ring of descriptors that driver and device both write; two bits in each descriptor,
 * compared with a wrap counter, say whose it is.
 */
#include "hw/loader.h"
#include "hw/virtio.h"

#include <glib.h>

enum { DESC_AVAIL = 1 << 7, DESC_USED = 1 << 15 };
enum { DESC_LEN = 8, DESC_ID = 12, DESC_FLAGS = 14 };
enum { EVENT_OFF_WRAP = 0, EVENT_FLAGS = 2 };
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };
#define DESC_SIZE 16u

static uint8_t *entry(VirtQueue *vq, unsigned i)
{
    return vq->desc_p + DESC_SIZE * i;
}

static bool is_avail(uint16_t flags, bool wrap)
{
    return !!(flags & DESC_AVAIL) == wrap && !!(flags & DESC_USED) != wrap;
}

bool vring_packed_empty(VirtQueue *vq)
{
    return !is_avail(vring_ld16(entry(vq, vq->last_avail) + DESC_FLAGS), vq->avail_wrap);
}

static void advance(const VirtQueue *vq, uint16_t *idx, bool *wrap, unsigned n)
{
    unsigned next = *idx + n;
    if (next >= vq->num) {
        next -= vq->num;
        *wrap = !*wrap;
    }
    *idx = (uint16_t)next;
}

static bool add_table(VirtQueue *vq, VirtQueueElement *e, uint64_t addr, uint32_t len)
{
    const uint8_t *table = len && len % DESC_SIZE == 0 ? address_space_map_ram(vq->vdev->bus->dma, addr, len, false) : NULL;
    if (!table) {
        virtio_error(vq->vdev, "queue %u: indirect table of %u bytes", vq->index, len);
        return false;
    }
    for (uint32_t i = 0; i < len / DESC_SIZE; i++) {
        const uint8_t *d = table + (uint64_t)i * DESC_SIZE;
        uint16_t flags = get_le16(d + DESC_FLAGS);
        if (flags & VRING_DESC_INDIRECT) {
            virtio_error(vq->vdev, "queue %u: indirect table in another", vq->index);
            return false;
        }
        if (!virtqueue_add_part(vq, e, get_le64(d), get_le32(d + DESC_LEN), flags & VRING_DESC_WRITE))
            return false;
    }
    return true;
}

/* The entries after the first are the device's, too: the driver made the first one available last. */
bool vring_packed_pop(VirtQueue *vq, VirtQueueElement *e)
{
    unsigned i = vq->last_avail;
    uint16_t flags = vring_ld16(entry(vq, i) + DESC_FLAGS);
    if (!is_avail(flags, vq->avail_wrap))
        return false;
    e->ndescs = 0;
    for (;;) {
        const uint8_t *d = entry(vq, i);
        bool indirect = flags & VRING_DESC_INDIRECT;
        if (indirect && (e->ndescs || flags & VRING_DESC_NEXT)) {
            virtio_error(vq->vdev, "queue %u: indirect descriptor in a chain", vq->index);
            return false;
        }
        if (!(indirect ? add_table(vq, e, get_le64(d), get_le32(d + DESC_LEN))
                       : virtqueue_add_part(vq, e, get_le64(d), get_le32(d + DESC_LEN), flags & VRING_DESC_WRITE)))
            return false;
        e->ndescs++;
        e->index = get_le16(d + DESC_ID); /* the last one's counts */
        if (!(flags & VRING_DESC_NEXT))
            break;
        if (e->ndescs >= vq->num) {
            virtio_error(vq->vdev, "queue %u: looped descriptors", vq->index);
            return false;
        }
        i = i + 1 == vq->num ? 0 : i + 1;
        flags = vring_ld16(entry(vq, i) + DESC_FLAGS);
    }
    advance(vq, &vq->last_avail, &vq->avail_wrap, e->ndescs);
    return true;
}

void vring_packed_unpop(VirtQueue *vq, const VirtQueueElement *e)
{
    if (vq->last_avail < e->ndescs) {
        vq->last_avail += vq->num;
        vq->avail_wrap = !vq->avail_wrap;
    }
    vq->last_avail -= e->ndescs;
}

void vring_packed_push(VirtQueue *vq, const VirtQueueElement *e, uint64_t len)
{
    uint8_t *d = entry(vq, vq->used_idx);
    put_le16(d + DESC_ID, e->index);
    put_le32(d + DESC_LEN, (uint32_t)MIN(len, UINT32_MAX));
    vring_st16(d + DESC_FLAGS, (uint16_t)((vq->used_wrap ? DESC_AVAIL | DESC_USED : 0) | (len ? VRING_DESC_WRITE : 0)));
    ram_host_written(d, DESC_SIZE);
    bool wrap = vq->used_wrap;
    advance(vq, &vq->used_idx, &vq->used_wrap, e->ndescs);
    if (wrap != vq->used_wrap)
        vq->signalled_used_valid = false; /* indices of two rounds do not compare */
}

void vring_packed_set_notify(VirtQueue *vq, bool on)
{
    uint16_t flags = on ? EVENT_ENABLE : EVENT_DISABLE;
    if (on && virtio_has_feature(vq->vdev, VIRTIO_F_EVENT_IDX)) {
        vring_st16(vq->device_p + EVENT_OFF_WRAP, (uint16_t)(vq->last_avail | vq->avail_wrap << 15));
        flags = EVENT_DESC;
    }
    vring_st16(vq->device_p + EVENT_FLAGS, flags);
    ram_host_written(vq->device_p, 4);
}

bool vring_packed_should_interrupt(VirtQueue *vq)
{
    uint16_t flags = vring_ld16(vq->driver_p + EVENT_FLAGS), old = vq->signalled_used;
    bool valid = vq->signalled_used_valid;
    vq->signalled_used = vq->used_idx;
    vq->signalled_used_valid = true;
    if (flags != EVENT_DESC || !virtio_has_feature(vq->vdev, VIRTIO_F_EVENT_IDX))
        return flags != EVENT_DISABLE;
    uint16_t off_wrap = vring_ld16(vq->driver_p + EVENT_OFF_WRAP);
    uint16_t event = (uint16_t)(off_wrap & 0x7fff);
    if (vq->used_wrap != off_wrap >> 15)
        event = (uint16_t)(event - vq->num);
    return !valid || vring_need_event(event, vq->used_idx, old);
}
