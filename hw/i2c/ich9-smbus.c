/* SPDX-License-Identifier: MIT */
/* SMBus function of the ICH9 (Intel ICH9 datasheet, order 316972, chapter 19): the host behind BAR 4, on once HOSTC says so. */
#include "hw/pci.h"
#include "hw/smbus.h"

enum { REG_HOSTC = 0x40, HOSTC_ENABLE = 1 };

typedef struct ICH9SMB {
    PCIDevice pci;
    SMBusHost smbus;
    IRQLine line;
} ICH9SMB;

static void interrupt(void *opaque, int n, int level)
{
    pci_set_irq(opaque, level);
}

static void update(ICH9SMB *s)
{
    memory_region_set_enabled(&s->smbus.region, s->pci.config[REG_HOSTC] & HOSTC_ENABLE);
}

static void smb_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    if (addr <= REG_HOSTC && addr + size > REG_HOSTC)
        update((ICH9SMB *)pci);
}

static bool smb_realize(Device *dev, Error **errp)
{
    ICH9SMB *s = (ICH9SMB *)dev;
    s->line = (IRQLine){ interrupt, s, 0 };
    if (!smbus_host_init(&s->smbus, dev, &s->line, errp))
        return false;
    pci_register_bar(&s->pci, 4, PCI_BAR_IO, &s->smbus.region);
    s->pci.writable[REG_HOSTC] = 0x07;
    s->pci.config_write = smb_config_write;
    return true;
}

static void smb_reset(Device *dev)
{
    ICH9SMB *s = (ICH9SMB *)dev;
    s->pci.config[REG_HOSTC] = 0;
    smbus_host_reset(&s->smbus);
    update(s);
}

static void smb_loaded(Device *dev)
{
    ICH9SMB *s = (ICH9SMB *)dev;
    smbus_host_loaded(&s->smbus);
    update(s);
}

static const SavedField smb_saved[] = { SAVED_STRUCT(ICH9SMB, smbus, smbus_host_saved), SAVED_END() };
static const PCIClass smb_class = {
    .vendor = 0x8086, .device = 0x2930, .revision = 2, .class_code = 0x0c0500, .interrupt_pin = 1,
};
static const DeviceType smb_type = {
    .name = "ICH9-SMB", .desc = "ICH9 SMBUS Bridge", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(ICH9SMB), .internal = true,
    .class_data = &smb_class, .saved = smb_saved, .realize = smb_realize, .reset = smb_reset, .post_load = smb_loaded,
};
device_type(smb_type)
