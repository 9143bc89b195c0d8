/* SPDX-License-Identifier: MIT */
/*
 * The interface of virtio PCI functions from version 1 on (Virtual I/O Device 1.2, 4.1.4): structures in BAR 4 that capabilities point to:
 * common configuration, ISR, device configuration, notification; and a window to them in configuration space.
 */
#include "virtio-pci.h"
#include "util/log.h"

enum { CAP_VENDOR = 0x09 };
enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4, CFG_PCI = 5 };
/* A capability: offsets from its start */
enum { CAP_LEN = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_EXTRA = 16, CAP_SIZE = 16 };
/* The BAR */
enum { MODERN_BAR = 4, AT_COMMON = 0x0000, AT_ISR = 0x1000, AT_DEVICE = 0x2000, AT_NOTIFY = 0x3000, PART = 0x1000 };
/* Common configuration */
enum {
    DEVICE_FEATURE_SELECT = 0, DEVICE_FEATURE = 4, DRIVER_FEATURE_SELECT = 8, DRIVER_FEATURE = 12, CONFIG_MSIX = 16, NUM_QUEUES = 18,
    DEVICE_STATUS = 20, CONFIG_GENERATION = 21, QUEUE_SELECT = 22, QUEUE_SIZE = 24, QUEUE_MSIX = 26, QUEUE_ENABLE = 28,
    QUEUE_NOTIFY_OFF = 30, QUEUE_DESC = 32, QUEUE_DRIVER = 40, QUEUE_DEVICE = 48, COMMON_SIZE = 56,
};

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- Common configuration ---- */

static uint64_t *queue_address(VirtQueue *vq, unsigned offset)
{
    return offset < QUEUE_DRIVER ? &vq->desc : offset < QUEUE_DEVICE ? &vq->driver : &vq->device;
}

static uint32_t queue_read(VirtQueue *vq, unsigned offset)
{
    switch (offset) {
    case QUEUE_SIZE: return vq->num;
    case QUEUE_MSIX: return vq->vector;
    case QUEUE_ENABLE: return vq->enabled;
    case QUEUE_NOTIFY_OFF: return vq->index;
    default: return (uint32_t)(*queue_address(vq, offset) >> (offset & 4 ? 32 : 0));
    }
}

static uint32_t common_read(VirtIOPCI *s, VirtIODevice *vdev, unsigned offset)
{
    VirtQueue *vq = virtio_selected(vdev);
    switch (offset) {
    case DEVICE_FEATURE_SELECT: return s->device_sel;
    case DEVICE_FEATURE: return s->device_sel < 2 ? (uint32_t)(vdev->host_features >> 32 * s->device_sel) : 0;
    case DRIVER_FEATURE_SELECT: return s->driver_sel;
    case DRIVER_FEATURE: return s->driver_sel < 2 ? (uint32_t)(s->driver_features >> 32 * s->driver_sel) : 0;
    case CONFIG_MSIX: return vdev->config_vector;
    case NUM_QUEUES: return vdev->nvqs;
    case DEVICE_STATUS: return vdev->status;
    case CONFIG_GENERATION: return vdev->generation;
    case QUEUE_SELECT: return vdev->queue_sel;
    case QUEUE_SIZE: case QUEUE_MSIX: case QUEUE_ENABLE: case QUEUE_NOTIFY_OFF:
    case QUEUE_DESC: case QUEUE_DESC + 4: case QUEUE_DRIVER: case QUEUE_DRIVER + 4: case QUEUE_DEVICE: case QUEUE_DEVICE + 4:
        return vq ? queue_read(vq, offset) : 0;
    default: return 0;
    }
}

static void queue_write(VirtIOPCI *s, VirtQueue *vq, unsigned offset, uint32_t value)
{
    uint64_t *addr;
    switch (offset) {
    case QUEUE_SIZE: virtio_queue_set_num(vq, value & 0xffff); break;
    case QUEUE_MSIX: virtio_pci_set_vector(s, &vq->vector, value); break;
    case QUEUE_ENABLE:
        if (value == 1)
            virtio_queue_enable(vq);
        else
            guest_error("%s: queue_enable = %u\n", s->pci.dev.type->name, value);
        break;
    default:
        addr = queue_address(vq, offset);
        if (vq->enabled)
            guest_error("%s: address of a queue in use written\n", s->pci.dev.type->name);
        else
            *addr = deposit64(*addr, offset & 4 ? 32 : 0, 32, value);
        break;
    }
}

static void common_write(VirtIOPCI *s, VirtIODevice *vdev, unsigned offset, uint32_t value)
{
    VirtQueue *vq = virtio_selected(vdev);
    switch (offset) {
    case DEVICE_FEATURE_SELECT: s->device_sel = value; break;
    case DRIVER_FEATURE_SELECT: s->driver_sel = value; break;
    case DRIVER_FEATURE:
        if (s->driver_sel < 2) {
            s->driver_features = deposit64(s->driver_features, (int)(32 * s->driver_sel), 32, value);
            virtio_set_features(vdev, s->driver_features);
        }
        break;
    case CONFIG_MSIX: virtio_pci_set_vector(s, &vdev->config_vector, value); break;
    case DEVICE_STATUS:
        if (value & 0xff)
            virtio_set_status(vdev, (uint8_t)value);
        else
            virtio_pci_driver_reset(s);
        break;
    case QUEUE_SELECT: vdev->queue_sel = (uint16_t)value; break;
    case QUEUE_SIZE: case QUEUE_MSIX: case QUEUE_ENABLE:
    case QUEUE_DESC: case QUEUE_DESC + 4: case QUEUE_DRIVER: case QUEUE_DRIVER + 4: case QUEUE_DEVICE: case QUEUE_DEVICE + 4:
        if (vq)
            queue_write(s, vq, offset, value);
        break;
    default: guest_error("%s: write of common configuration at %u\n", s->pci.dev.type->name, offset); break;
    }
}

/* ---- The BAR ---- */

static uint64_t modern_read(void *opaque, hwaddr offset, unsigned size)
{
    VirtIOPCI *s = opaque;
    VirtIODevice *vdev = s->bus.vdev;
    if (!vdev)
        return ~0ull;
    switch (offset & ~(hwaddr)(PART - 1)) {
    case AT_COMMON: return common_read(s, vdev, (unsigned)offset);
    case AT_ISR: return offset == AT_ISR ? virtio_pci_read_isr(s) : 0;
    case AT_DEVICE: return virtio_config_read(vdev, (unsigned)offset - AT_DEVICE, size);
    default: return 0;
    }
}

static void modern_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    VirtIOPCI *s = opaque;
    VirtIODevice *vdev = s->bus.vdev;
    if (!vdev)
        return;
    if (offset >= AT_NOTIFY)
        virtio_kick(vdev, (uint32_t)((offset - AT_NOTIFY) / s->notify_multiplier));
    else if (offset >= AT_DEVICE)
        virtio_config_write(vdev, (unsigned)offset - AT_DEVICE, (uint32_t)value, size);
    else if (offset < AT_ISR)
        common_write(s, vdev, (unsigned)offset, (uint32_t)value);
}

static const MemoryRegionOps modern_ops = { .read = modern_read, .write = modern_write, .valid_min = 1, .valid_max = 4 };

/* ---- The window in configuration space ---- */

void virtio_pci_cfg_access(VirtIOPCI *s, uint32_t addr, unsigned size, bool write)
{
    if (!s->cfg_cap || addr + size <= s->cfg_cap + (unsigned)CAP_EXTRA || addr >= s->cfg_cap + CAP_EXTRA + 4u)
        return;
    uint8_t *cap = s->pci.config + s->cfg_cap, *data = cap + CAP_EXTRA;
    uint32_t offset = get32(cap + CAP_OFFSET), len = get32(cap + CAP_LENGTH);
    uint64_t value = get32(data);
    if (cap[CAP_BAR] != MODERN_BAR || (len != 1 && len != 2 && len != 4) || offset % len || offset >= s->modern.size)
        return;
    if (write) {
        memory_region_write(&s->modern, offset, value, len);
    } else if (memory_region_read(&s->modern, offset, &value, len) == MEMTX_OK) {
        put32(data, (uint32_t)value);
    }
}

static uint8_t add_cap(VirtIOPCI *s, uint8_t type, uint32_t offset, uint32_t length, unsigned extra)
{
    uint8_t at = pci_add_capability(&s->pci, CAP_VENDOR, (uint8_t)(CAP_SIZE + extra)), *cap = s->pci.config + at;
    if (!at)
        return 0;
    cap[CAP_LEN] = (uint8_t)(CAP_SIZE + extra);
    cap[CAP_TYPE] = type;
    cap[CAP_BAR] = type == CFG_PCI ? 0 : MODERN_BAR;
    put32(cap + CAP_OFFSET, offset);
    put32(cap + CAP_LENGTH, length);
    return at;
}

static bool add_caps(VirtIOPCI *s, uint32_t notify_size)
{
    if (!add_cap(s, CFG_COMMON, AT_COMMON, PART, 0) || !add_cap(s, CFG_ISR, AT_ISR, PART, 0) || !add_cap(s, CFG_DEVICE, AT_DEVICE, PART, 0))
        return false;
    uint8_t notify = add_cap(s, CFG_NOTIFY, AT_NOTIFY, notify_size, 4);
    s->cfg_cap = add_cap(s, CFG_PCI, 0, 0, 4);
    if (!notify || !s->cfg_cap)
        return false;
    put32(s->pci.config + notify + CAP_EXTRA, s->notify_multiplier);
    uint8_t *w = s->pci.writable + s->cfg_cap;
    w[CAP_BAR] = 0xff;
    put32(w + CAP_OFFSET, ~0u);
    put32(w + CAP_LENGTH, ~0u);
    put32(w + CAP_EXTRA, ~0u);
    return true;
}

bool virtio_pci_add_modern(VirtIOPCI *s)
{
    s->notify_multiplier = s->page_per_vq ? 4096 : 4;
    uint32_t notify_size = VIRTIO_QUEUE_MAX * s->notify_multiplier;
    uint64_t size = 4 * PART;
    while (size < AT_NOTIFY + (uint64_t)notify_size)
        size *= 2;
    if (!add_caps(s, notify_size))
        return false;
    memory_region_init_io(&s->modern, &s->pci.dev, &modern_ops, s, "virtio-pci-modern", size);
    device_add_region(&s->pci.dev, &s->modern);
    pci_register_bar(&s->pci, MODERN_BAR, PCI_BAR_MEM | PCI_BAR_64 | PCI_BAR_PREFETCH, &s->modern);
    return true;
}
