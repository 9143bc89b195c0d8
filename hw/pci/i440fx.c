/* SPDX-License-Identifier: MIT */
/*
 * Intel 440FX PCI host bridge (82441FX PMC datasheet, order 290549): configuration mechanism #1 at
 * 0xcf8/0xcfc, the PC's memory map (pc-north.c), function 00.0.
 *
 * Interface: i440fx_new builds all of it.
 * Not modelled: DRAM timing and sizing registers (plain storage).
 */
#include "hw/pc-north.h"
#include "hw/pc.h"
#include "util/error.h"
#include <string.h>

enum { REG_PAM = 0x59, REG_SMRAM = 0x72 };

typedef struct I440FXHost {
    Device dev;
    PCIConf1 conf1;
} I440FXHost;

typedef struct I440FX {
    PCIDevice pci;
    PCNorth north;
} I440FX;

/* ---- The host: configuration ports ---- */

static void host_reset(Device *dev)
{
    ((I440FXHost *)dev)->conf1.address = 0;
}

static bool host_realize(Device *dev, Error **errp)
{
    (void)errp;
    pci_conf1_init(&((I440FXHost *)dev)->conf1, dev);
    return true;
}

static const SavedField host_saved[] = { SAVED_STRUCT(I440FXHost, conf1, pci_conf1_saved), SAVED_END() };

static const DeviceType host_type = {
    .name = "i440FX-pcihost", .desc = "i440FX PCI host", .bus = BUS_SYSTEM, .category = "Bridge devices",
    .size = sizeof(I440FXHost), .internal = true, .saved = host_saved, .realize = host_realize, .reset = host_reset,
};
device_type(host_type);

/* ---- Function 00.0 ---- */

static void i440fx_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    (void)value;
    pc_north_config_written(&((I440FX *)pci)->north, addr, size);
}

static void i440fx_reset(Device *dev)
{
    pc_north_reset(&((I440FX *)dev)->north);
}

static void i440fx_post_load(Device *dev)
{
    pc_north_update(&((I440FX *)dev)->north);
}

static bool i440fx_realize(Device *dev, Error **errp)
{
    I440FX *s = (I440FX *)dev;
    (void)errp;
    memset(s->pci.writable + 0x50, 0xff, 0x22);
    s->pci.config_write = i440fx_config_write;
    return true;
}

static void i440fx_unrealize(Device *dev)
{
    pc_north_exit(&((I440FX *)dev)->north);
}

static const PCIClass i440fx_class = {
    .vendor = 0x8086, .device = 0x1237, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .revision = 2,
    .class_code = 0x060000,
};
static const DeviceType i440fx_type = {
    .name = "i440FX", .desc = "Host bridge", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(I440FX),
    .internal = true, .class_data = &i440fx_class, .realize = i440fx_realize, .unrealize = i440fx_unrealize,
    .reset = i440fx_reset, .post_load = i440fx_post_load,
};
device_type(i440fx_type);

/* ---- Building ---- */

/* INTA-INTD of a slot are rotated over the four PIRQ lines; slot 1, the south bridge, is unrotated. */
static int i440fx_map_irq(PCIDevice *dev, int pin)
{
    return (pin + (dev->addr >> 3) - 1) & 3;
}

bool i440fx_new(MemoryRegion *ram, uint64_t below, bool smm, Error **errp)
{
    Device *host = pc_north_new_host("i440FX-pcihost", errp);
    if (!host)
        return false;
    Device *dev = device_new("i440FX");
    PCNorth *north = &((I440FX *)dev)->north;
    pc_north_init(north, (PCIDevice *)dev, REG_PAM, REG_SMRAM, ram, below, smm);
    PCIBus *bus = pc_north_new_bus(north, host, "pci.0");
    bus->map_irq = i440fx_map_irq;
    return device_realize(dev, errp);
}
