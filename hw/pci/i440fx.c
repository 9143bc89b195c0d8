/* SPDX-License-Identifier: MIT */
/*
 * Intel 440FX PCI host bridge (82441FX PMC datasheet, order 290549): configuration mechanism #1 at
 * 0xcf8/0xcfc, memory map, PAM shadowing of 0xc0000-0xfffff, the SMRAM hole, function 00.0.
 *
 * Interface: i440fx_new builds all of it. Bus masters see memory through their own address space, in
 * which 0xfee00000 is the MSI window instead of a vCPU's local APIC.
 * Not modelled: DRAM timing and sizing registers (plain storage), SMRAM that only SMM sees.
 */
#include "hw/apic.h"
#include "hw/pc.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

enum { REG_PAM = 0x59, REG_SMRAM = 0x72 };
enum { PAM_READ_RAM = 1, PAM_WRITE_RAM = 2, PAM_OVERLAYS = 3 };
enum { SMRAM_OPEN = 0x40, SMRAM_LOCK = 0x10, SMRAM_ENABLE = 0x08, SMRAM_BASE = 0x02 };

/* One shadowable section. Reads and writes go to RAM or to PCI each on their own; one overlay per
 * combination is enabled at a time, and none when both go to RAM, which lies underneath. */
typedef struct PAMSection {
    hwaddr start;
    uint32_t size;
    uint8_t reg, shift;
    MemoryRegion overlay[PAM_OVERLAYS];
} PAMSection;
#define PAM_SECTIONS 13

typedef struct I440FXHost {
    Device dev;
    MemoryRegion address_ports, data_ports;
    MemoryRegion *reset_control; /* one byte that hides in the address register at 0xcf9 */
    uint32_t address;
} I440FXHost;

typedef struct I440FX {
    PCIDevice pci;
    MemoryRegion pci_memory, ram_below, ram_above, ram_read_only, smram_hole;
    MemoryRegion bus_master, bus_master_memory, msi_window;
    AddressSpace *pci_space;
    MemoryRegion *ram;
    PAMSection pam[PAM_SECTIONS];
} I440FX;

static I440FX *bridge;
static I440FXHost *host;

/* ---- Configuration mechanism #1 ---- */

static uint64_t address_read(void *opaque, hwaddr offset, unsigned size)
{
    I440FXHost *s = opaque;
    uint64_t value = s->address >> offset * 8;
    if (offset == PC_RESET_PORT - 0xcf8 && size == 1 && s->reset_control)
        memory_region_read(s->reset_control, 0, &value, 1);
    return value;
}

/* Only a 32-bit write to 0xcf8 is the address register; a byte written to 0xcf9 is for the south bridge. */
static void address_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    I440FXHost *s = opaque;
    if (offset == 0 && size == 4)
        s->address = value;
    else if (offset == PC_RESET_PORT - 0xcf8 && size == 1 && s->reset_control)
        memory_region_write(s->reset_control, 0, value, 1);
}

static uint64_t data_read(void *opaque, hwaddr offset, unsigned size)
{
    I440FXHost *s = opaque;
    if (!(s->address >> 31))
        return ~0ull;
    return pci_config_read(pci_root_bus, (s->address & 0xfffffc) | offset, size);
}

static void data_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    I440FXHost *s = opaque;
    if (s->address >> 31)
        pci_config_write(pci_root_bus, (s->address & 0xfffffc) | offset, value, size);
}

static const MemoryRegionOps address_ops = {
    .read = address_read, .write = address_write, .impl_min = 1, .impl_max = 4,
};
static const MemoryRegionOps data_ops = { .read = data_read, .write = data_write, .impl_min = 1, .impl_max = 4 };

static void host_reset(Device *dev)
{
    ((I440FXHost *)dev)->address = 0;
}

static bool host_realize(Device *dev, Error **errp)
{
    I440FXHost *s = (I440FXHost *)dev;
    (void)errp;
    memory_region_init_io(&s->address_ports, dev, &address_ops, s, "pci-conf-idx", 4);
    memory_region_init_io(&s->data_ports, dev, &data_ops, s, "pci-conf-data", 4);
    device_add_region(dev, &s->address_ports);
    device_add_region(dev, &s->data_ports);
    return true;
}

static const SavedField host_saved[] = { SAVED_INT(I440FXHost, address), SAVED_END() };

static const DeviceType host_type = {
    .name = "i440FX-pcihost", .desc = "i440FX PCI host", .bus = BUS_SYSTEM, .category = "Bridge devices",
    .size = sizeof(I440FXHost), .internal = true, .saved = host_saved, .realize = host_realize, .reset = host_reset,
};
device_type(host_type);

/* ---- Memory map ---- */

/* A section that reads the ROM and writes the RAM behind it, as firmware uses while it copies itself. */
static uint64_t write_only_read(void *opaque, hwaddr offset, unsigned size)
{
    const PAMSection *p = opaque;
    return address_space_ld(bridge->pci_space, p->start + offset, size, NULL);
}

static void write_only_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    const PAMSection *p = opaque;
    hwaddr at = p->start + offset;
    memcpy(memory_region_ram_ptr(bridge->ram) + at, &value, size);
    ram_written(bridge->ram->ram, at, size);
}

static const MemoryRegionOps write_only_ops = {
    .read = write_only_read, .write = write_only_write, .impl_min = 1, .impl_max = 8, .valid_max = 8,
    .unaligned = true,
};

static void pam_init(I440FX *s, unsigned n)
{
    PAMSection *p = &s->pam[n];
    bool bios = n == 0;
    p->start = bios ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000;
    p->size = bios ? 0x10000 : 0x4000;
    p->reg = REG_PAM + (n + 1) / 2;
    p->shift = n & 1 ? 0 : 4;
    memory_region_init_alias(&p->overlay[0], &s->pci.dev, "pam-pci", &s->pci_memory, p->start, p->size);
    memory_region_init_alias(&p->overlay[PAM_READ_RAM], &s->pci.dev, "pam-rom", &s->ram_read_only, p->start, p->size);
    memory_region_init_io(&p->overlay[PAM_WRITE_RAM], &s->pci.dev, &write_only_ops, p, "pam-write-only", p->size);
    for (unsigned mode = 0; mode < PAM_OVERLAYS; mode++)
        memory_region_add_overlap(system_memory, p->start, &p->overlay[mode], 1);
}

static void pam_update(I440FX *s)
{
    memory_transaction_begin();
    for (unsigned n = 0; n < PAM_SECTIONS; n++) {
        PAMSection *p = &s->pam[n];
        unsigned mode = s->pci.config[p->reg] >> p->shift & 3;
        for (unsigned i = 0; i < PAM_OVERLAYS; i++)
            memory_region_set_enabled(&p->overlay[i], i == mode);
    }
    uint8_t smram = s->pci.config[REG_SMRAM];
    memory_region_set_enabled(&s->smram_hole, (smram & (SMRAM_OPEN | SMRAM_ENABLE)) != (SMRAM_OPEN | SMRAM_ENABLE));
    memory_transaction_commit();
}

static void msi_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)size;
    apic_msi(APIC_DEFAULT_BASE + offset, value);
}

static uint64_t msi_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return ~0ull;
}

static const MemoryRegionOps msi_ops = {
    .read = msi_read, .write = msi_write, .impl_min = 4, .impl_max = 4, .lockless = true,
};

/* What bus masters see: system memory, and the MSI window over the local APICs' page. */
static void bus_master_init(I440FX *s)
{
    memory_region_init(&s->bus_master, NULL, "bus-master", UINT64_MAX);
    memory_region_init_alias(&s->bus_master_memory, NULL, "bus-master-memory", system_memory, 0, UINT64_MAX);
    memory_region_init_io(&s->msi_window, NULL, &msi_ops, NULL, "msi", 0x100000);
    memory_region_add(&s->bus_master, 0, &s->bus_master_memory);
    memory_region_add_overlap(&s->bus_master, APIC_DEFAULT_BASE, &s->msi_window, 1);
}

static void map_memory(I440FX *s, MemoryRegion *ram, uint64_t below)
{
    s->ram = ram;
    memory_region_init(&s->pci_memory, NULL, "pci", UINT64_MAX);
    memory_region_add_overlap(system_memory, 0, &s->pci_memory, -1);
    s->pci_space = address_space_new(&s->pci_memory, "pci");
    memory_region_init_alias(&s->ram_below, NULL, "ram-below-4g", ram, 0, below);
    memory_region_add(system_memory, 0, &s->ram_below);
    if (ram->size > below) {
        memory_region_init_alias(&s->ram_above, NULL, "ram-above-4g", ram, below, ram->size - below);
        memory_region_add(system_memory, PC_ABOVE_4G, &s->ram_above);
    }
    /* The same block once more, for sections that only read RAM. */
    s->ram_read_only = *ram;
    s->ram_read_only.kind = REGION_ROM;
    s->ram_read_only.name = "pam-read-only";
    memory_region_init_alias(&s->smram_hole, NULL, "smram-hole", &s->pci_memory, 0xa0000, 0x20000);
    memory_region_add_overlap(system_memory, 0xa0000, &s->smram_hole, 1);
    for (unsigned n = 0; n < PAM_SECTIONS; n++)
        pam_init(s, n);
    bus_master_init(s);
}

/* ---- Function 00.0 ---- */

static void i440fx_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    (void)value;
    I440FX *s = (I440FX *)pci;
    if (addr + size <= REG_PAM || addr > REG_SMRAM)
        return;
    if (pci->config[REG_SMRAM] & SMRAM_LOCK) {
        pci->config[REG_SMRAM] &= ~SMRAM_OPEN;
        pci->writable[REG_SMRAM] = 0;
    }
    pam_update(s);
}

static void i440fx_reset(Device *dev)
{
    I440FX *s = (I440FX *)dev;
    memset(s->pci.config + REG_PAM, 0, 7);
    s->pci.config[REG_SMRAM] = SMRAM_BASE;
    s->pci.writable[REG_SMRAM] = 0x78;
    pam_update(s);
}

static void i440fx_post_load(Device *dev)
{
    pam_update((I440FX *)dev);
}

static bool i440fx_realize(Device *dev, Error **errp)
{
    I440FX *s = (I440FX *)dev;
    (void)errp;
    memset(s->pci.writable + 0x50, 0xff, 0x22);
    s->pci.config_write = i440fx_config_write;
    return true;
}

/* The memory map is this chip's; what others put into it is gone, as chips leave in reverse order. */
static void i440fx_unrealize(Device *dev)
{
    I440FX *s = (I440FX *)dev;
    MemoryRegion *const own[] = { &s->pci_memory, &s->ram_below, &s->ram_above, &s->smram_hole, &s->bus_master,
                                  &s->bus_master_memory, &s->msi_window };
    memory_transaction_begin();
    address_space_free(s->pci_space);
    address_space_free(pci_root_bus->dma);
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        memory_region_destroy(own[i]);
    for (unsigned n = 0; n < PAM_SECTIONS; n++)
        for (unsigned mode = 0; mode < PAM_OVERLAYS; mode++)
            memory_region_destroy(&s->pam[n].overlay[mode]);
    memory_transaction_commit();
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

bool i440fx_new(MemoryRegion *ram, uint64_t below, Error **errp)
{
    host = (I440FXHost *)device_new("i440FX-pcihost");
    if (!device_realize(&host->dev, errp))
        return false;
    map_region(system_io, 0xcf8, &host->dev, 0);
    map_region(system_io, 0xcfc, &host->dev, 1);
    Device *dev = device_new("i440FX");
    bridge = (I440FX *)dev;
    map_memory(bridge, ram, below);
    PCIBus *bus = pci_bus_new(&host->dev, "pci.0", &bridge->pci_memory, system_io);
    bus->map_irq = i440fx_map_irq;
    bus->dma = address_space_new(&bridge->bus_master, "bus-master");
    device_set_str(dev, "addr", "0");
    dev->parent = &bus->bus;
    return device_realize(dev, errp);
}

void i440fx_set_reset_control(MemoryRegion *mr)
{
    host->reset_control = mr;
}

MemoryRegion *i440fx_pci_memory(void)
{
    return &bridge->pci_memory;
}

void i440fx_unlock_shadow(void)
{
    uint32_t bdf = (uint32_t)bridge->pci.addr << 8;
    pci_config_write(bridge->pci.bus, bdf | REG_PAM, 0x30, 1);
    for (unsigned n = 1; n < 7; n++)
        pci_config_write(bridge->pci.bus, bdf | (REG_PAM + n), 0x33, 1);
}
