/* SPDX-License-Identifier: MIT */
/*
 * What all virtio devices share beside their rings (Virtual I/O Device 1.2, chapter 2): status, feature negotiation, configuration space,
 * set-up of queues, reset, saved state, and the bus between transport and device.
 */
#include "hw/virtio.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <stdarg.h>
#include <string.h>

#define BIT(n) (1ull << (n))
#define LEGACY_DESC 16u
#define KICK_BUFFERS 4096u

void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    guest_error("%s: %s\n", vdev->dev.type->name, text);
    g_free(text);
    if (vdev->broken)
        return;
    vdev->broken = true;
    if (virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
        vdev->status |= VIRTIO_S_NEEDS_RESET;
        virtio_notify_config(vdev);
    }
}

/* ---- Features and status ---- */

static uint64_t offered(VirtIODevice *vdev)
{
    uint64_t f = vdev->class->features ? vdev->class->features(vdev) : 0;
    f |= vdev->indirect_desc ? BIT(VIRTIO_F_INDIRECT_DESC) : 0;
    f |= vdev->event_idx ? BIT(VIRTIO_F_EVENT_IDX) : 0;
    f |= vdev->notify_on_empty ? BIT(VIRTIO_F_NOTIFY_ON_EMPTY) : 0;
    f |= vdev->any_layout ? BIT(VIRTIO_F_ANY_LAYOUT) : 0;
    if (vdev->bus->modern) {
        f |= BIT(VIRTIO_F_VERSION_1);
        f |= vdev->packed ? BIT(VIRTIO_F_RING_PACKED) : 0;
        f |= vdev->iommu_platform ? BIT(VIRTIO_F_ACCESS_PLATFORM) : 0;
    }
    return f;
}

/* Sizes of areas, and what indices mean, depend on features: a driver that sets them up first must not be believed. */
static void virtio_queue_features_changed(VirtQueue *vq, uint64_t changed)
{
    vq->mapped = false;
    if (changed & BIT(VIRTIO_F_RING_PACKED))
        virtio_queue_disable(vq);
}

void virtio_set_features(VirtIODevice *vdev, uint64_t features)
{
    if (vdev->status & VIRTIO_S_FEATURES_OK) {
        guest_error("%s: features chosen after FEATURES_OK\n", vdev->dev.type->name);
        return;
    }
    uint64_t changed = (features & vdev->host_features) ^ vdev->features;
    vdev->features ^= changed;
    for (unsigned i = 0; changed && i < vdev->nvqs; i++)
        virtio_queue_features_changed(&vdev->vq[i], changed);
}

/* A combination that cannot work: FEATURES_OK stays clear. */
static bool features_fit(const VirtIODevice *vdev)
{
    bool modern = virtio_has_feature(vdev, VIRTIO_F_VERSION_1);
    return modern || !virtio_has_feature(vdev, VIRTIO_F_RING_PACKED);
}

void virtio_set_status(VirtIODevice *vdev, uint8_t status)
{
    if ((status & VIRTIO_S_FEATURES_OK) && !(vdev->status & VIRTIO_S_FEATURES_OK) && !features_fit(vdev))
        status &= (uint8_t)~VIRTIO_S_FEATURES_OK;
    vdev->status = (uint8_t)(status | (vdev->status & VIRTIO_S_NEEDS_RESET));
    if (vdev->class->set_status)
        vdev->class->set_status(vdev, vdev->status);
}

/* ---- Queues ---- */

static void queue_reset(VirtQueue *vq)
{
    vq->num = vq->num_max;
    vq->vector = VIRTIO_NO_VECTOR;
    vq->enabled = vq->mapped = false;
    vq->desc = vq->driver = vq->device = 0;
    vq->pfn = 0;
    vq->align = 4096;
    vq->last_avail = vq->used_idx = vq->signalled_used = vq->inuse = 0;
    vq->avail_wrap = vq->used_wrap = true;
    vq->signalled_used_valid = vq->notify_off = vq->postponed = false;
    vq->setup++;
}

VirtQueue *virtio_add_queue(VirtIODevice *vdev, unsigned size, void (*handle)(VirtIODevice *vdev, VirtQueue *vq))
{
    g_assert(vdev->nvqs < VIRTIO_QUEUE_MAX && size <= VIRTQUEUE_MAX_SIZE);
    VirtQueue *vq = &vdev->vq[vdev->nvqs];
    vq->vdev = vdev;
    vq->index = (uint16_t)vdev->nvqs++;
    vq->handle = handle;
    vq->num_max = (uint16_t)size;
    queue_reset(vq);
    return vq;
}

VirtQueue *virtio_selected(VirtIODevice *vdev)
{
    return vdev->queue_sel < vdev->nvqs ? &vdev->vq[vdev->queue_sel] : NULL;
}

static bool size_fits(const VirtQueue *vq, uint32_t num)
{
    return num && num <= vq->num_max && (!(num & (num - 1)) || virtio_has_feature(vq->vdev, VIRTIO_F_RING_PACKED));
}

void virtio_queue_set_num(VirtQueue *vq, uint32_t num)
{
    if (vq->enabled || !size_fits(vq, num)) {
        guest_error("%s: queue %u: size %u refused\n", vq->vdev->dev.type->name, vq->index, num);
        return;
    }
    vq->num = (uint16_t)num;
}

void virtio_queue_enable(VirtQueue *vq)
{
    if (vq->enabled)
        return;
    vq->enabled = true;
    vq->mapped = vq->postponed = false;
    vq->setup++;
    vq->last_avail = vq->used_idx = vq->signalled_used = vq->inuse = 0;
    vq->avail_wrap = vq->used_wrap = true;
    vq->signalled_used_valid = false;
}

void virtio_queue_disable(VirtQueue *vq)
{
    vq->enabled = vq->mapped = false;
    vq->setup++;
}

void virtio_queue_set_legacy(VirtQueue *vq, uint64_t address, uint32_t align)
{
    virtio_queue_disable(vq);
    if (!address)
        return;
    uint64_t avail = address + LEGACY_DESC * vq->num, end = avail + 4 + 2ull * vq->num + 2;
    vq->desc = address;
    vq->driver = avail;
    vq->device = (end + align - 1) & ~(uint64_t)(align - 1);
    virtio_queue_enable(vq);
}

/* A queue that never gets empty, which other vCPUs or the device's own answers can see to, must not keep the machine lock. */
static void visit(VirtQueue *vq)
{
    VirtIODevice *vdev = vq->vdev;
    if (!vq->enabled || vdev->broken || !vq->handle)
        return;
    vq->limited = true;
    vq->left = KICK_BUFFERS;
    vq->handle(vdev, vq);
    vq->limited = false;
    vq->postponed = !vq->left && !virtqueue_empty(vq);
    if (vq->postponed)
        timer_mod(vdev->again, clock_ns(CLOCK_VIRTUAL));
}

static void visit_postponed(void *opaque)
{
    VirtIODevice *vdev = opaque;
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        if (vdev->vq[i].postponed)
            visit(&vdev->vq[i]);
    }
}

void virtio_kick(VirtIODevice *vdev, uint32_t queue)
{
    if (queue >= vdev->nvqs) {
        guest_error("%s: kick of queue %u of %u\n", vdev->dev.type->name, queue, vdev->nvqs);
        return;
    }
    visit(&vdev->vq[queue]);
}

/* ---- Configuration space ---- */

void virtio_notify_config(VirtIODevice *vdev)
{
    vdev->generation++;
    if (!(vdev->status & VIRTIO_S_DRIVER_OK) && !vdev->broken)
        return;
    vdev->isr |= VIRTIO_ISR_CONFIG;
    vdev->bus->ops->interrupt(vdev->bus->opaque, vdev->config_vector);
}

uint32_t virtio_config_read(VirtIODevice *vdev, unsigned offset, unsigned size)
{
    uint32_t v = 0;
    unsigned len = vdev->class->config_len;
    if (offset + size > len)
        return ~0u >> (32 - 8 * size);
    if (vdev->class->get_config)
        vdev->class->get_config(vdev, vdev->config);
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)vdev->config[offset + i] << 8 * i;
    return v;
}

void virtio_config_write(VirtIODevice *vdev, unsigned offset, uint32_t value, unsigned size)
{
    if (offset + size > vdev->class->config_len || !vdev->class->set_config)
        return;
    vdev->class->get_config(vdev, vdev->config);
    for (unsigned i = 0; i < size; i++)
        vdev->config[offset + i] = (uint8_t)(value >> 8 * i);
    vdev->class->set_config(vdev, vdev->config, offset, size);
}

/* ---- Reset ---- */

void virtio_reset(VirtIODevice *vdev)
{
    virtio_set_status(vdev, 0);
    if (vdev->class->reset)
        vdev->class->reset(vdev);
    for (unsigned i = 0; i < vdev->nvqs; i++)
        queue_reset(&vdev->vq[i]);
    vdev->features = 0;
    vdev->status = vdev->isr = 0;
    vdev->queue_sel = 0;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    vdev->broken = false;
    vdev->bus->ops->interrupt(vdev->bus->opaque, VIRTIO_NO_VECTOR);
}

void virtio_device_reset(Device *dev)
{
    virtio_reset((VirtIODevice *)dev);
}

/* ---- Bus ---- */

static bool bus_has_room(const Bus *bus)
{
    return !container_of(bus, VirtIOBus, bus)->vdev;
}

void virtio_bus_init(VirtIOBus *bus, const char *name, Device *owner, const VirtIOBusOps *ops, void *opaque, AddressSpace *dma)
{
    bus_init(&bus->bus, BUS_VIRTIO, name, owner);
    bus->bus.has_room = bus_has_room;
    bus->ops = ops;
    bus->opaque = opaque;
    bus->dma = dma;
    bus->optimal_queues = 1;
}

char *virtio_child_bus_name(const VirtIODevice *vdev, const char *kind)
{
    const Device *proxy = vdev->dev.parent->owner;
    const char *id = vdev->dev.id ? vdev->dev.id : proxy ? proxy->id : NULL;
    for (unsigned n = 0;; n++) {
        char *name = id ? g_strdup_printf("%s.0", id) : g_strdup_printf("%s.%u", kind, n);
        if (id || !bus_find(name))
            return name;
        g_free(name);
    }
}

bool virtio_init(VirtIODevice *vdev, Error **errp)
{
    Bus *parent = vdev->dev.parent;
    if (!parent || parent->kind != BUS_VIRTIO) {
        error_setg(errp, "No 'virtio-bus' bus found for device '%s'", vdev->dev.type->name);
        return false;
    }
    VirtIOBus *bus = container_of(parent, VirtIOBus, bus);
    if (bus->vdev) {
        error_setg(errp, "Bus '%s' does not support hotplugging", parent->name);
        return false;
    }
    vdev->class = vdev->dev.type->class_data;
    vdev->bus = bus;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    g_assert(vdev->class->config_len <= VIRTIO_CONFIG_MAX);
    return true;
}

void virtio_plug(VirtIODevice *vdev)
{
    vdev->host_features = offered(vdev);
    vdev->bus->vdev = vdev;
    vdev->again = timer_new(CLOCK_VIRTUAL, visit_postponed, vdev);
    vdev->bus->ops->plugged(vdev->bus->opaque);
}

void virtio_cleanup(VirtIODevice *vdev)
{
    if (!vdev->bus || vdev->bus->vdev != vdev)
        return;
    virtio_reset(vdev);
    timer_free(vdev->again);
    vdev->bus->vdev = NULL;
    vdev->bus->ops->plugged(vdev->bus->opaque);
}

/* ---- Saved state ---- */

static const SavedField queue_saved[] = {
    SAVED_INT(VirtQueue, num), SAVED_INT(VirtQueue, vector), SAVED_INT(VirtQueue, enabled), SAVED_INT(VirtQueue, desc),
    SAVED_INT(VirtQueue, driver), SAVED_INT(VirtQueue, device), SAVED_INT(VirtQueue, pfn), SAVED_INT(VirtQueue, align),
    SAVED_INT(VirtQueue, last_avail), SAVED_INT(VirtQueue, used_idx), SAVED_INT(VirtQueue, avail_wrap), SAVED_INT(VirtQueue, used_wrap),
    SAVED_INT(VirtQueue, signalled_used), SAVED_INT(VirtQueue, signalled_used_valid), SAVED_INT(VirtQueue, inuse),
    SAVED_INT(VirtQueue, postponed), SAVED_END(),
};

const SavedField virtio_saved[] = {
    SAVED_STRUCTS(VirtIODevice, vq, queue_saved), SAVED_INT(VirtIODevice, features), SAVED_INT(VirtIODevice, status),
    SAVED_INT(VirtIODevice, isr), SAVED_INT(VirtIODevice, config_vector), SAVED_INT(VirtIODevice, queue_sel),
    SAVED_INT(VirtIODevice, generation), SAVED_INT(VirtIODevice, broken), SAVED_BYTES(VirtIODevice, config), SAVED_END(),
};

/* An image may hold any byte. */
static void saved_bool(bool *b)
{
    uint8_t byte;
    memcpy(&byte, b, 1);
    *b = byte & 1;
}

static void queue_loaded(VirtQueue *vq)
{
    bool packed = virtio_has_feature(vq->vdev, VIRTIO_F_RING_PACKED);
    bool *const flags[] = { &vq->enabled, &vq->avail_wrap, &vq->used_wrap, &vq->signalled_used_valid, &vq->postponed };
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        saved_bool(flags[i]);
    vq->mapped = false;
    vq->setup++;
    if (vq->postponed)
        timer_mod(vq->vdev->again, clock_ns(CLOCK_VIRTUAL));
    if (!size_fits(vq, vq->num)) {
        vq->num = vq->num_max;
        vq->enabled = false;
    }
    if (packed && (vq->last_avail >= vq->num || vq->used_idx >= vq->num))
        vq->enabled = false;
    if (vq->inuse > vq->num)
        vq->inuse = vq->num;
}

void virtio_device_loaded(Device *dev)
{
    VirtIODevice *vdev = (VirtIODevice *)dev;
    vdev->features &= vdev->host_features;
    saved_bool(&vdev->broken);
    for (unsigned i = 0; i < vdev->nvqs; i++)
        queue_loaded(&vdev->vq[i]);
    vdev->bus->ops->interrupt(vdev->bus->opaque, VIRTIO_NO_VECTOR);
}
