/* SPDX-License-Identifier: MIT */
/*
 * virtio-pci: PCI functions that carry a virtio device (Virtual I/O Device 1.2, 4.1). One type for each device, transitional unless told
 * otherwise: legacy interface in I/O BAR 0 (virtio-pci-legacy.c), MSI-X in BAR 1, modern interface in BAR 4 (virtio-pci-modern.c).
 * Properties are those of the function and of the device in it. Not modelled: notification by I/O port (modern-pio-notify), ATS, AER,
 * reset of single queues.
 */
#include "virtio-pci.h"
#include "hw/boards.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

enum { PCI_COMMAND = 4, COMMAND_MASTER = 4, MSIX_BAR = 1 };
enum { PCI_DEVICE_ID = 2, PCI_REVISION = 8, PCI_CLASS_CODE = 9, PCI_SUBSYSTEM = 0x2e };
enum { ID_MODERN = 0x1040, VENDOR = 0x1af4 };
enum { LEGACY_OFF_ON, LEGACY_OFF_OFF, LEGACY_OFF_AUTO };

/* ---- Interrupts ---- */

void virtio_pci_update_irq(VirtIOPCI *s)
{
    pci_set_irq(&s->pci, s->bus.vdev && s->bus.vdev->isr && !pci_msix_enabled(&s->pci));
}

uint8_t virtio_pci_read_isr(VirtIOPCI *s)
{
    uint8_t isr = s->bus.vdev->isr;
    s->bus.vdev->isr = 0;
    virtio_pci_update_irq(s);
    return isr;
}

static void interrupt(void *opaque, uint16_t vector)
{
    VirtIOPCI *s = opaque;
    if (!pci_msix_enabled(&s->pci))
        virtio_pci_update_irq(s);
    else if (vector != VIRTIO_NO_VECTOR)
        pci_msi_send(&s->pci, vector);
}

/* A vector the function does not have is refused, which the driver reads back. */
void virtio_pci_set_vector(VirtIOPCI *s, uint16_t *vector, uint32_t value)
{
    *vector = (value & 0xffff) < s->vectors ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

/* ---- Reset ---- */

static void reset_selectors(VirtIOPCI *s)
{
    s->device_sel = s->driver_sel = 0;
    s->driver_features = 0;
}

void virtio_pci_driver_reset(VirtIOPCI *s)
{
    virtio_reset(s->bus.vdev);
    reset_selectors(s);
}

static void update_dma(VirtIOPCI *s)
{
    s->bus.dma_off = !(s->pci.config[PCI_COMMAND] & COMMAND_MASTER);
}

static void proxy_reset(Device *dev)
{
    VirtIOPCI *s = (VirtIOPCI *)dev;
    update_dma(s);
    reset_selectors(s);
}

/* ---- Configuration space ---- */

static void config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    VirtIOPCI *s = (VirtIOPCI *)pci;
    update_dma(s);
    if (pci->msix_cap && addr < pci->msix_cap + 4u && addr + size > pci->msix_cap)
        virtio_pci_update_irq(s);
    virtio_pci_cfg_access(s, addr, size, true);
}

static void config_read(PCIDevice *pci, uint32_t addr, unsigned size)
{
    virtio_pci_cfg_access((VirtIOPCI *)pci, addr, size, false);
}

static void set16(uint8_t *config, unsigned at, unsigned v)
{
    config[at] = (uint8_t)v;
    config[at + 1] = (uint8_t)(v >> 8);
}

static void identify(VirtIOPCI *s, bool legacy)
{
    const VirtIOPCIClass *c = s->pci.dev.type->class_data;
    uint8_t *config = s->pci.config;
    set16(config, PCI_DEVICE_ID, legacy ? c->transitional_id : ID_MODERN + c->virtio_id);
    config[PCI_REVISION] = legacy ? 0 : 1;
    if (legacy)
        set16(config, PCI_SUBSYSTEM, c->virtio_id);
    if (s->class_code) {
        set16(config, PCI_CLASS_CODE + 1, s->class_code);
        config[PCI_CLASS_CODE] = 0;
    }
}

/* ---- Device ---- */

static void plugged(void *opaque)
{
}

static const VirtIOBusOps bus_ops = { .interrupt = interrupt, .plugged = plugged };

/* Behind a port of PCI Express: a function of that kind. */
static bool behind_port(const VirtIOPCI *s)
{
    return s->pci.bus->express && s->pci.bus->bridge;
}

static bool choose_interfaces(VirtIOPCI *s, bool *legacy, bool *modern, Error **errp)
{
    const VirtIOPCIClass *c = s->pci.dev.type->class_data;
    const bool asked = s->disable_legacy == LEGACY_OFF_OFF;
    if (s->disable_legacy == LEGACY_OFF_AUTO) /* links have no I/O ports to waste */
        s->disable_legacy = behind_port(s) ? LEGACY_OFF_ON : LEGACY_OFF_OFF;
    *legacy = !c->no_legacy && s->disable_legacy == LEGACY_OFF_OFF;
    *modern = !c->no_modern && !s->disable_modern;
    if (*legacy && !c->transitional_id) {
        if (asked) {
            error_setg(errp, "device is modern-only, use disable-legacy=on");
            return false;
        }
        *legacy = false;
    }
    if (!*legacy && !*modern) {
        error_setg(errp, "device cannot work as neither modern nor legacy mode is enabled");
        error_append_hint(errp, "Set either disable-modern or disable-legacy to off\n");
        return false;
    }
    if (s->modern_pio_notify)
        warn_report("%s: modern-pio-notify=on: notifications go to memory only", s->pci.dev.type->name);
    return true;
}

static bool add_vectors(VirtIOPCI *s, Error **errp)
{
    const VirtIOPCIClass *c = s->pci.dev.type->class_data;
    if (s->vectors == VIRTIO_PCI_VECTORS_AUTO)
        s->vectors = c->vectors;
    if (s->vectors == VIRTIO_PCI_VECTORS_AUTO)
        s->vectors = s->bus.vdev->nvqs + 1;
    if (s->vectors > 2048) {
        error_setg(errp, "vectors=%u: a function has at most 2048", s->vectors);
        return false;
    }
    if (s->vectors && !pci_msix_init(&s->pci, s->vectors, MSIX_BAR)) {
        error_setg(errp, "no room for MSI-X");
        return false;
    }
    return true;
}

static bool proxy_realize(Device *dev, Error **errp)
{
    VirtIOPCI *s = (VirtIOPCI *)dev;
    bool legacy, modern;
    if (!choose_interfaces(s, &legacy, &modern, errp))
        return false;
    virtio_bus_init(&s->bus, "virtio-bus", dev, &bus_ops, s, s->pci.bus->dma);
    s->bus.modern = modern;
    s->bus.dma_off = true;
    s->bus.optimal_queues = current_machine && current_machine->cpus ? current_machine->cpus : 1;
    dev->inner->parent = &s->bus.bus;
    if (!device_realize(dev->inner, errp))
        return false;
    identify(s, legacy);
    if (!add_vectors(s, errp))
        return false;
    if (legacy)
        virtio_pci_add_legacy(s);
    if ((modern && !virtio_pci_add_modern(s)) || (behind_port(s) && !pci_express_endpoint_init(&s->pci))) {
        error_setg(errp, "no room for capabilities");
        return false;
    }
    s->pci.config_write = config_write;
    s->pci.config_read = config_read;
    return true;
}

static void proxy_loaded(Device *dev)
{
    VirtIOPCI *s = (VirtIOPCI *)dev;
    update_dma(s);
}

static const char *const on_off_auto[] = { "on", "off", "auto", NULL };
static const Property proxy_props[] = {
    PROP_ENUM("disable-legacy", VirtIOPCI, disable_legacy, LEGACY_OFF_AUTO, on_off_auto),
    PROP_BOOL("disable-modern", VirtIOPCI, disable_modern, false),
    PROP_BOOL("page-per-vq", VirtIOPCI, page_per_vq, false),
    PROP_BOOL("modern-pio-notify", VirtIOPCI, modern_pio_notify, false),
    PROP_BOOL("ioeventfd", VirtIOPCI, ioeventfd, true),
    PROP_BOOL("migrate-extra", VirtIOPCI, migrate_extra, true),
    PROP_BOOL("virtio-pci-bus-master-bug-migration", VirtIOPCI, bus_master_bug, false),
    PROP_BOOL("ats", VirtIOPCI, ats, false),
    PROP_BOOL("aer", VirtIOPCI, aer, false),
    PROP_U32("vectors", VirtIOPCI, vectors, VIRTIO_PCI_VECTORS_AUTO),
    PROP_U32("class", VirtIOPCI, class_code, 0),
    {},
};
static const SavedField proxy_saved[] = {
    SAVED_INT(VirtIOPCI, device_sel), SAVED_INT(VirtIOPCI, driver_sel), SAVED_INT(VirtIOPCI, driver_features), SAVED_END(),
};

/* ---- One type for each device ---- */

#define AUTO VIRTIO_PCI_VECTORS_AUTO
static const struct {
    const char *name, *category;
    uint16_t id, transitional;
    uint32_t class_code, vectors;
} functions[] = {
    { "blk", "Storage devices", VIRTIO_ID_BLOCK, 0x1001, 0x010000, AUTO },
    { "scsi", "Storage devices", VIRTIO_ID_SCSI, 0x1004, 0x010000, AUTO },
    { "serial", "Input devices", VIRTIO_ID_CONSOLE, 0x1003, 0x078000, 2 },
    { "balloon", "Misc devices", VIRTIO_ID_BALLOON, 0x1002, 0x00ff00, 0 },
    { "rng", "Misc devices", VIRTIO_ID_RNG, 0x1005, 0x00ff00, AUTO },
};
enum { VARIANT_GENERIC, VARIANT_TRANSITIONAL, VARIANT_MODERN, VARIANTS };
static const char *const suffixes[VARIANTS] = { "", "-transitional", "-non-transitional" };

static void register_variant(unsigned n, unsigned variant)
{
    static DeviceType types[ARRAY_SIZE(functions) * VARIANTS];
    static VirtIOPCIClass classes[ARRAY_SIZE(functions) * VARIANTS];
    DeviceType *t = &types[n * VARIANTS + variant];
    VirtIOPCIClass *c = &classes[n * VARIANTS + variant];
    *c = (VirtIOPCIClass){
        .pci = { .vendor = VENDOR, .device = functions[n].transitional, .class_code = functions[n].class_code, .interrupt_pin = 1 },
        .virtio_id = functions[n].id, .transitional_id = functions[n].transitional, .vectors = functions[n].vectors,
        .no_legacy = variant == VARIANT_MODERN,
    };
    *t = (DeviceType){
        .name = g_strconcat("virtio-", functions[n].name, "-pci", suffixes[variant], NULL),
        .alias = variant == VARIANT_GENERIC ? g_strconcat("virtio-", functions[n].name, NULL) : NULL,
        .inner = g_strconcat("virtio-", functions[n].name, "-device", NULL), .bus = BUS_PCI, .category = functions[n].category,
        .size = sizeof(VirtIOPCI), .props = proxy_props, .saved = proxy_saved, .realize = proxy_realize,
        .reset = proxy_reset, .post_load = proxy_loaded, .class_data = c,
    };
    device_type_register(t);
}

__attribute__((constructor)) static void register_types(void)
{
    for (unsigned n = 0; n < ARRAY_SIZE(functions); n++) {
        for (unsigned v = 0; v < VARIANTS; v++)
            register_variant(n, v);
    }
}
