/* SPDX-License-Identifier: MIT */
/* The legacy interface of virtio PCI functions (Virtual I/O Device 1.2, 4.1.4.8): one I/O BAR of registers, then the configuration space. */
#include "virtio-pci.h"
#include "util/log.h"

enum {
    HOST_FEATURES = 0, GUEST_FEATURES = 4, QUEUE_PFN = 8, QUEUE_NUM = 12, QUEUE_SEL = 14, QUEUE_NOTIFY = 16, STATUS = 18, ISR = 19,
    CONFIG_VECTOR = 20, QUEUE_VECTOR = 22,
};
enum { PFN_SHIFT = 12, PAGE = 4096, PCI_COMMAND = 4, COMMAND_MASTER = 4 };

static unsigned config_start(const VirtIOPCI *s)
{
    return VIRTIO_PCI_LEGACY_CONFIG + (pci_msix_enabled(&s->pci) ? 4 : 0);
}

static uint64_t legacy_read(void *opaque, hwaddr offset, unsigned size)
{
    VirtIOPCI *s = opaque;
    VirtIODevice *vdev = s->bus.vdev;
    if (!vdev)
        return ~0ull;
    if (offset >= config_start(s))
        return virtio_config_read(vdev, (unsigned)offset - config_start(s), size);
    VirtQueue *vq = virtio_selected(vdev);
    switch (offset) {
    case HOST_FEATURES: return (uint32_t)vdev->host_features;
    case GUEST_FEATURES: return (uint32_t)vdev->features;
    case QUEUE_PFN: return vq ? vq->pfn : 0;
    case QUEUE_NUM: return vq ? vq->num_max : 0;
    case QUEUE_SEL: return vdev->queue_sel;
    case STATUS: return vdev->status;
    case ISR: return virtio_pci_read_isr(s);
    case CONFIG_VECTOR: return vdev->config_vector;
    case QUEUE_VECTOR: return vq ? vq->vector : VIRTIO_NO_VECTOR;
    default: return ~0ull;
    }
}

static void write_status(VirtIOPCI *s, VirtIODevice *vdev, uint8_t value)
{
    if (!value) {
        virtio_pci_driver_reset(s);
        return;
    }
    virtio_set_status(vdev, value);
    /* Old drivers forget to turn bus mastering on. */
    if ((value & VIRTIO_S_DRIVER_OK) && s->bus.dma_off) {
        uint32_t reg = (uint32_t)s->pci.addr << 8 | PCI_COMMAND;
        pci_config_write(s->pci.bus, reg, pci_config_read(s->pci.bus, reg, 2) | COMMAND_MASTER, 2);
    }
}

static void set_pfn(VirtIOPCI *s, VirtQueue *vq, uint32_t value)
{
    vq->pfn = value;
    if (value)
        virtio_queue_set_legacy(vq, (uint64_t)value << PFN_SHIFT, PAGE);
    else
        virtio_pci_driver_reset(s);
}

static void legacy_write(void *opaque, hwaddr offset, uint64_t value64, unsigned size)
{
    VirtIOPCI *s = opaque;
    VirtIODevice *vdev = s->bus.vdev;
    uint32_t value = (uint32_t)value64;
    if (!vdev)
        return;
    if (offset >= config_start(s)) {
        virtio_config_write(vdev, (unsigned)offset - config_start(s), value, size);
        return;
    }
    VirtQueue *vq = virtio_selected(vdev);
    switch (offset) {
    case GUEST_FEATURES: virtio_set_features(vdev, value); break;
    case QUEUE_PFN:
        if (vq)
            set_pfn(s, vq, value);
        break;
    case QUEUE_SEL: vdev->queue_sel = (uint16_t)value; break;
    case QUEUE_NOTIFY: virtio_kick(vdev, value & 0xffff); break;
    case STATUS: write_status(s, vdev, (uint8_t)value); break;
    case CONFIG_VECTOR: virtio_pci_set_vector(s, &vdev->config_vector, value); break;
    case QUEUE_VECTOR:
        if (vq)
            virtio_pci_set_vector(s, &vq->vector, value);
        break;
    default: guest_error("%s: write at 0x%x\n", s->pci.dev.type->name, (unsigned)offset); break;
    }
}

static const MemoryRegionOps legacy_ops = { .read = legacy_read, .write = legacy_write, .valid_min = 1, .valid_max = 4, .unaligned = true };

void virtio_pci_add_legacy(VirtIOPCI *s)
{
    uint64_t need = VIRTIO_PCI_LEGACY_CONFIG + 4u + s->bus.vdev->class->config_len, size = 32;
    while (size < need)
        size *= 2;
    memory_region_init_io(&s->legacy, &s->pci.dev, &legacy_ops, s, "virtio-pci", size);
    device_add_region(&s->pci.dev, &s->legacy);
    pci_register_bar(&s->pci, 0, PCI_BAR_IO, &s->legacy);
}
