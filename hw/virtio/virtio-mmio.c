/* SPDX-License-Identifier: MIT */
/*
 * virtio-mmio: a transport of one register page (Virtual I/O Device 1.2, 4.2; version 1 of its legacy interface with force-legacy=on, the
 * default). Region 0 (512 bytes), output 0. Property index: the bus is "virtio-mmio-bus.INDEX"; without a device its device ID reads 0.
 * Not modelled: shared memory regions, queue reset.
 */
#include "hw/fdt.h"
#include "hw/virtio.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>

enum {
    MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, VENDOR_ID = 0x00c, DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024, GUEST_PAGE_SIZE = 0x028, QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038, QUEUE_ALIGN = 0x03c, QUEUE_PFN = 0x040, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064, STATUS = 0x070, QUEUE_DESC_LOW = 0x080, QUEUE_DRIVER_LOW = 0x090, QUEUE_DEVICE_LOW = 0x0a0,
    SHM_LEN_LOW = 0x0b0, SHM_BASE_HIGH = 0x0bc, CONFIG_GENERATION = 0x0fc, CONFIG = 0x100,
};
#define MAGIC_VALUE 0x74726976u  /* "virt" */
#define VENDOR_VALUE 0x554d4551u /* what guests know this family of machines by */
#define REGION_SIZE 0x200u
#define MAX_PAGE (1u << 20)

typedef struct VirtIOMMIO {
    Device dev;
    VirtIOBus bus;
    MemoryRegion mmio;
    uint32_t index;
    bool force_legacy, transport_address, ioeventfd;
    uint32_t device_sel, driver_sel, page_size;
    uint64_t driver_features; /* both halves as written */
} VirtIOMMIO;

static void update_irq(VirtIOMMIO *s)
{
    irq_set(&s->dev.out[0], s->bus.vdev && s->bus.vdev->isr);
}

static void interrupt(void *opaque, uint16_t vector)
{
    update_irq(opaque);
}

static void plugged(void *opaque)
{
    VirtIOMMIO *s = opaque;
    s->device_sel = s->driver_sel = 0;
    s->driver_features = 0;
    update_irq(s);
}

static const VirtIOBusOps bus_ops = { .interrupt = interrupt, .plugged = plugged };

/* ---- Registers ---- */

static bool is_modern_only(hwaddr offset)
{
    return offset == QUEUE_READY || (offset >= QUEUE_DESC_LOW && offset <= CONFIG_GENERATION);
}

static bool is_legacy_only(hwaddr offset)
{
    return offset == GUEST_PAGE_SIZE || offset == QUEUE_ALIGN || offset == QUEUE_PFN;
}

static uint32_t empty_read(hwaddr offset, bool legacy)
{
    return offset == MAGIC ? MAGIC_VALUE : offset == VERSION ? (legacy ? 1 : 2) : offset == VENDOR_ID ? VENDOR_VALUE : 0;
}

static uint64_t mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    VirtIOMMIO *s = opaque;
    VirtIODevice *vdev = s->bus.vdev;
    if (!vdev)
        return empty_read(offset, s->force_legacy);
    if (offset >= CONFIG)
        return virtio_config_read(vdev, (unsigned)(offset - CONFIG), size);
    if (size != 4 || (s->force_legacy ? is_modern_only(offset) : is_legacy_only(offset))) {
        guest_error("virtio-mmio: read of %u bytes at 0x%x\n", size, (unsigned)offset);
        return 0;
    }
    VirtQueue *vq = virtio_selected(vdev);
    switch (offset) {
    case DEVICE_ID: return vdev->class->id;
    case DEVICE_FEATURES:
        if (s->device_sel > (s->force_legacy ? 0u : 1u))
            return 0;
        return (uint32_t)(vdev->host_features >> 32 * s->device_sel);
    case QUEUE_NUM_MAX: return vq ? vq->num_max : 0;
    case QUEUE_PFN: return vq ? vq->pfn : 0;
    case QUEUE_READY: return vq && vq->enabled;
    case INTERRUPT_STATUS: return vdev->isr;
    case STATUS: return vdev->status;
    case CONFIG_GENERATION: return vdev->generation;
    default:
        if (offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH)
            return UINT32_MAX; /* no such region */
        return empty_read(offset, s->force_legacy);
    }
}

static void write_features(VirtIOMMIO *s, VirtIODevice *vdev, uint32_t value)
{
    if (s->driver_sel > (s->force_legacy ? 0u : 1u))
        return;
    s->driver_features = deposit64(s->driver_features, (int)(32 * s->driver_sel), 32, value);
    virtio_set_features(vdev, s->driver_features);
}

static void write_status(VirtIOMMIO *s, VirtIODevice *vdev, uint8_t value)
{
    if (value) {
        virtio_set_status(vdev, value);
        return;
    }
    virtio_reset(vdev);
    plugged(s);
}

/* One of the 64-bit queue addresses, written in halves while the queue is off. */
static void write_address(VirtQueue *vq, hwaddr offset, uint32_t value)
{
    uint64_t *addr = offset < QUEUE_DRIVER_LOW ? &vq->desc : offset < QUEUE_DEVICE_LOW ? &vq->driver : &vq->device;
    if (vq->enabled || (offset & 0xf) > 4)
        guest_error("virtio-mmio: queue address 0x%x written while in use\n", (unsigned)offset);
    else
        *addr = deposit64(*addr, offset & 4 ? 32 : 0, 32, value);
}

static void write_queue(VirtIOMMIO *s, VirtQueue *vq, hwaddr offset, uint32_t value)
{
    switch (offset) {
    case QUEUE_NUM: virtio_queue_set_num(vq, value); break;
    case QUEUE_ALIGN:
        if (value && !(value & (value - 1)) && value <= MAX_PAGE)
            vq->align = value;
        break;
    case QUEUE_PFN:
        vq->pfn = value;
        virtio_queue_set_legacy(vq, (uint64_t)value * s->page_size, vq->align);
        break;
    case QUEUE_READY:
        if (value & 1)
            virtio_queue_enable(vq);
        else
            virtio_queue_disable(vq);
        break;
    default: write_address(vq, offset, value); break;
    }
}

static void mmio_write(void *opaque, hwaddr offset, uint64_t value64, unsigned size)
{
    VirtIOMMIO *s = opaque;
    VirtIODevice *vdev = s->bus.vdev;
    uint32_t value = (uint32_t)value64;
    if (!vdev)
        return;
    if (offset >= CONFIG) {
        virtio_config_write(vdev, (unsigned)(offset - CONFIG), value, size);
        return;
    }
    if (size != 4 || (s->force_legacy ? is_modern_only(offset) : is_legacy_only(offset) && offset != GUEST_PAGE_SIZE)) {
        guest_error("virtio-mmio: write of %u bytes at 0x%x\n", size, (unsigned)offset);
        return;
    }
    VirtQueue *vq = virtio_selected(vdev);
    switch (offset) {
    case DEVICE_FEATURES_SEL: s->device_sel = value; break;
    case DRIVER_FEATURES_SEL: s->driver_sel = value; break;
    case DRIVER_FEATURES: write_features(s, vdev, value); break;
    case GUEST_PAGE_SIZE:
        if (value && !(value & (value - 1)) && value <= MAX_PAGE)
            s->page_size = value;
        break;
    case QUEUE_SEL: vdev->queue_sel = (uint16_t)(value < VIRTIO_QUEUE_MAX ? value : VIRTIO_QUEUE_MAX); break;
    case QUEUE_NOTIFY: virtio_kick(vdev, value); break;
    case INTERRUPT_ACK:
        vdev->isr &= (uint8_t)~value;
        update_irq(s);
        break;
    case STATUS: write_status(s, vdev, (uint8_t)value); break;
    case QUEUE_NUM: case QUEUE_ALIGN: case QUEUE_PFN: case QUEUE_READY:
    case QUEUE_DESC_LOW: case QUEUE_DESC_LOW + 4: case QUEUE_DRIVER_LOW: case QUEUE_DRIVER_LOW + 4:
    case QUEUE_DEVICE_LOW: case QUEUE_DEVICE_LOW + 4:
        if (vq)
            write_queue(s, vq, offset, value);
        break;
    default: guest_error("virtio-mmio: write at 0x%x\n", (unsigned)offset); break;
    }
}

static const MemoryRegionOps mmio_ops = { .read = mmio_read, .write = mmio_write, .valid_min = 1, .valid_max = 4 };

/* ---- Device ---- */

static bool mmio_realize(Device *dev, Error **errp)
{
    VirtIOMMIO *s = (VirtIOMMIO *)dev;
    char name[32];
    g_snprintf(name, sizeof(name), "virtio-mmio-bus.%u", s->index);
    device_init_out(dev, 1);
    memory_region_init_io(&s->mmio, dev, &mmio_ops, s, "virtio-mmio", REGION_SIZE);
    device_add_region(dev, &s->mmio);
    virtio_bus_init(&s->bus, name, dev, &bus_ops, s, address_space_memory);
    s->bus.modern = !s->force_legacy;
    s->page_size = 4096;
    return true;
}

static void mmio_reset(Device *dev)
{
    VirtIOMMIO *s = (VirtIOMMIO *)dev;
    s->page_size = 4096;
    plugged(s);
}

static void mmio_loaded(Device *dev)
{
    VirtIOMMIO *s = (VirtIOMMIO *)dev;
    if (!s->page_size || s->page_size & (s->page_size - 1) || s->page_size > MAX_PAGE)
        s->page_size = 4096;
    update_irq(s);
}

static void mmio_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    char *path = dt_device_node(p, "virtio_mmio", "virtio,mmio");
    dt_empty(p->tree, path, "dma-coherent");
    g_free(path);
}

static const Property mmio_props[] = {
    PROP_BOOL("force-legacy", VirtIOMMIO, force_legacy, true),
    PROP_BOOL("format_transport_address", VirtIOMMIO, transport_address, true),
    PROP_BOOL("ioeventfd", VirtIOMMIO, ioeventfd, true),
    PROP_U32("index", VirtIOMMIO, index, 0),
    {},
};
static const SavedField mmio_saved[] = {
    SAVED_INT(VirtIOMMIO, device_sel), SAVED_INT(VirtIOMMIO, driver_sel), SAVED_INT(VirtIOMMIO, page_size),
    SAVED_INT(VirtIOMMIO, driver_features), SAVED_END(),
};
static const DeviceType mmio_type = {
    .name = "virtio-mmio", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true, .size = sizeof(VirtIOMMIO),
    .props = mmio_props, .saved = mmio_saved, .realize = mmio_realize, .reset = mmio_reset, .post_load = mmio_loaded,
    .describe = mmio_describe,
};
device_type(mmio_type)
