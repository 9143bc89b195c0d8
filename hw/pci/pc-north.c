/* SPDX-License-Identifier: MIT */
/*
 * The memory map behind a PC's host bridge. PAM and SMRAM registers work alike in the 440FX (order 290549, 3.2.13 and
 * 3.2.16) and in the Q35's MCH (order 316966, 5.1.13 and 5.1.19). Bus masters see memory through their own address space, in which
 * 0xfee00000 is the MSI window instead of a vCPU's local APIC.
 * vCPUs in system management mode see system memory with SMRAM over it (address_space_smm): 0xa0000-0xbffff or the same at 0xfeda0000, and TSEG.
 * Not modelled: D_CLS, which hides SMRAM from data accesses in SMM.
 */
#include "hw/apic.h"
#include "hw/pc-north.h"
#include "hw/pc.h"
#include "util/error.h"
#include <string.h>

enum { PAM_READ_RAM = 1, PAM_WRITE_RAM = 2 };
enum { SMRAM_OPEN = 0x40, SMRAM_CLOSED = 0x20, SMRAM_LOCK = 0x10, SMRAM_ENABLE = 0x08, SMRAM_BASE = 0x02 };
enum { SMRAM_WRITABLE = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCK | SMRAM_ENABLE };
enum { SMRAM_START = 0xa0000, SMRAM_SIZE = 0x20000 };
#define SMRAM_HIGH 0xfeda0000u

static PCNorth *north;

/* A section that reads the ROM and writes the RAM behind it, as firmware uses while it copies itself. */
static uint64_t write_only_read(void *opaque, hwaddr offset, unsigned size)
{
    const PAMSection *p = opaque;
    return address_space_ld(p->north->pci_space, p->start + offset, size, NULL);
}

static void write_only_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    const PAMSection *p = opaque;
    hwaddr at = p->start + offset;
    memcpy(memory_region_ram_ptr(p->north->ram) + at, &value, size);
    ram_written(p->north->ram->ram, at, size);
}

static const MemoryRegionOps write_only_ops = {
    .read = write_only_read, .write = write_only_write, .impl_min = 1, .impl_max = 8, .valid_max = 8,
    .unaligned = true,
};

static void pam_init(PCNorth *s, unsigned n)
{
    PAMSection *p = &s->pam[n];
    bool bios = n == 0;
    p->north = s;
    p->start = bios ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000;
    p->size = bios ? 0x10000 : 0x4000;
    p->reg = s->pam_reg + (n + 1) / 2;
    p->shift = n & 1 ? 0 : 4;
    memory_region_init_alias(&p->overlay[0], &s->pci->dev, "pam-pci", &s->pci_memory, p->start, p->size);
    memory_region_init_alias(&p->overlay[PAM_READ_RAM], &s->pci->dev, "pam-rom", &s->ram_read_only, p->start, p->size);
    memory_region_init_io(&p->overlay[PAM_WRITE_RAM], &s->pci->dev, &write_only_ops, p, "pam-write-only", p->size);
    for (unsigned mode = 0; mode < PAM_OVERLAYS; mode++)
        memory_region_add_overlap(system_memory, p->start, &p->overlay[mode], 1);
}

/* ---- SMRAM ---- */

bool pc_north_smram_enabled(const PCNorth *s)
{
    return s->pci->config[s->smram_reg] & SMRAM_ENABLE;
}

bool pc_north_smram_locked(const PCNorth *s)
{
    return s->pci->config[s->smram_reg] & SMRAM_LOCK;
}

/* The lock, which holds until reset, lets only D_CLS be changed. */
static void update_smram(PCNorth *s)
{
    uint8_t *smram = &s->pci->config[s->smram_reg];
    bool locked = pc_north_smram_locked(s), enabled = pc_north_smram_enabled(s);
    if (locked)
        *smram &= (uint8_t)~SMRAM_OPEN;
    s->pci->writable[s->smram_reg] = locked ? SMRAM_CLOSED : SMRAM_WRITABLE;
    memory_region_set_enabled(&s->smram_hole, !enabled || !(*smram & SMRAM_OPEN));
    if (!s->smm)
        return;
    memory_region_set_enabled(&s->smm_low, enabled && !s->high_smram);
    memory_region_set_enabled(&s->smm_high, enabled && s->high_smram);
}

/* What accesses from outside SMM meet in place of SMRAM, unless a display adapter is there. */
static uint64_t hole_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return ~0ull;
}

static void hole_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)value;
    (void)size;
}

static const MemoryRegionOps hole_ops = {
    .read = hole_read, .write = hole_write, .impl_min = 1, .impl_max = 8, .valid_max = 8, .unaligned = true, .lockless = true,
};

static void remove_tseg(PCNorth *s)
{
    if (!s->tseg_size)
        return;
    memory_region_del(system_memory, &s->tseg_hole);
    memory_region_destroy(&s->tseg_hole);
    memory_region_del(&s->smm_memory, &s->smm_tseg);
    memory_region_destroy(&s->smm_tseg);
    s->tseg_size = 0;
}

void pc_north_set_tseg(PCNorth *s, uint64_t size)
{
    if (!s->smm || size > s->ram_end)
        size = 0;
    if (size == s->tseg_size)
        return;
    memory_transaction_begin();
    remove_tseg(s);
    s->tseg_size = size;
    if (size) {
        hwaddr at = s->ram_end - size;
        memory_region_init_io(&s->tseg_hole, &s->pci->dev, &hole_ops, s, "tseg-hole", size);
        memory_region_add_overlap(system_memory, at, &s->tseg_hole, 1);
        memory_region_init_alias(&s->smm_tseg, &s->pci->dev, "smm-tseg", s->ram, at, size);
        memory_region_add_overlap(&s->smm_memory, at, &s->smm_tseg, 1);
    }
    memory_transaction_commit();
}

/* What vCPUs in SMM see. */
static void smm_init(PCNorth *s)
{
    memory_region_init(&s->smm_memory, NULL, "smm", UINT64_MAX);
    memory_region_init_alias(&s->smm_system, NULL, "smm-system", system_memory, 0, UINT64_MAX);
    memory_region_init_alias(&s->smm_low, NULL, "smm-smram", s->ram, SMRAM_START, SMRAM_SIZE);
    memory_region_init_alias(&s->smm_high, NULL, "smm-high-smram", s->ram, SMRAM_START, SMRAM_SIZE);
    memory_region_add(&s->smm_memory, 0, &s->smm_system);
    memory_region_add_overlap(&s->smm_memory, SMRAM_START, &s->smm_low, 1);
    memory_region_add_overlap(&s->smm_memory, SMRAM_HIGH, &s->smm_high, 1);
    memory_region_set_enabled(&s->smm_low, false);
    memory_region_set_enabled(&s->smm_high, false);
    address_space_smm = address_space_new(&s->smm_memory, "smm");
}

static void smm_exit(PCNorth *s)
{
    remove_tseg(s);
    address_space_free(address_space_smm);
    address_space_smm = NULL;
    memory_region_destroy(&s->smm_low);
    memory_region_destroy(&s->smm_high);
    memory_region_destroy(&s->smm_system);
    memory_region_destroy(&s->smm_memory);
}

void pc_north_update(PCNorth *s)
{
    memory_transaction_begin();
    for (unsigned n = 0; n < PAM_SECTIONS; n++) {
        PAMSection *p = &s->pam[n];
        unsigned mode = s->pci->config[p->reg] >> p->shift & 3;
        for (unsigned i = 0; i < PAM_OVERLAYS; i++)
            memory_region_set_enabled(&p->overlay[i], i == mode);
    }
    update_smram(s);
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
static void bus_master_init(PCNorth *s)
{
    memory_region_init(&s->bus_master, NULL, "bus-master", UINT64_MAX);
    memory_region_init_alias(&s->bus_master_memory, NULL, "bus-master-memory", system_memory, 0, UINT64_MAX);
    memory_region_init_io(&s->msi_window, NULL, &msi_ops, NULL, "msi", 0x100000);
    memory_region_add(&s->bus_master, 0, &s->bus_master_memory);
    memory_region_add_overlap(&s->bus_master, APIC_DEFAULT_BASE, &s->msi_window, 1);
}

void pc_north_init(PCNorth *s, PCIDevice *pci, uint8_t pam_reg, uint8_t smram_reg, MemoryRegion *ram, uint64_t below, bool smm)
{
    north = s;
    s->smm = smm;
    s->ram_end = below;
    s->pci = pci;
    s->pam_reg = pam_reg;
    s->smram_reg = smram_reg;
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
    memory_region_init_io(&s->no_vga, NULL, &hole_ops, s, "no-vga", SMRAM_SIZE);
    memory_region_add_overlap(&s->pci_memory, SMRAM_START, &s->no_vga, -1);
    memory_region_init_alias(&s->smram_hole, NULL, "smram-hole", &s->pci_memory, SMRAM_START, SMRAM_SIZE);
    memory_region_add_overlap(system_memory, SMRAM_START, &s->smram_hole, 1);
    if (smm)
        smm_init(s);
    for (unsigned n = 0; n < PAM_SECTIONS; n++)
        pam_init(s, n);
    bus_master_init(s);
}

Device *pc_north_new_host(const char *type, Error **errp)
{
    Device *host = device_new(type);
    if (!device_realize(host, errp))
        return NULL;
    map_region(system_io, 0xcf8, host, 0);
    map_region(system_io, 0xcfc, host, 1);
    return host;
}

PCIBus *pc_north_new_bus(PCNorth *s, Device *host, const char *name)
{
    PCIBus *bus = pci_bus_new(host, name, &s->pci_memory, system_io);
    bus->dma = address_space_new(&s->bus_master, "bus-master");
    device_set_str(&s->pci->dev, "addr", "0");
    s->pci->dev.parent = &bus->bus;
    return bus;
}

/* What others put into the map is gone, as chips leave in reverse order. */
void pc_north_exit(PCNorth *s)
{
    MemoryRegion *const own[] = { &s->pci_memory, &s->ram_below, &s->ram_above, &s->smram_hole, &s->no_vga, &s->bus_master,
                                  &s->bus_master_memory, &s->msi_window };
    memory_transaction_begin();
    if (s->smm)
        smm_exit(s);
    address_space_free(s->pci_space);
    address_space_free(pci_root_bus->dma);
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        memory_region_destroy(own[i]);
    for (unsigned n = 0; n < PAM_SECTIONS; n++)
        for (unsigned mode = 0; mode < PAM_OVERLAYS; mode++)
            memory_region_destroy(&s->pam[n].overlay[mode]);
    memory_transaction_commit();
    north = NULL;
}

void pc_north_config_written(PCNorth *s, uint32_t addr, unsigned size)
{
    if (addr + size > s->pam_reg && addr <= s->smram_reg)
        pc_north_update(s);
}

void pc_north_reset(PCNorth *s)
{
    memset(s->pci->config + s->pam_reg, 0, PAM_REGISTERS);
    s->pci->config[s->smram_reg] = SMRAM_BASE;
    pc_north_update(s);
}

MemoryRegion *pc_pci_memory(void)
{
    return &north->pci_memory;
}

void pc_unlock_shadow(void)
{
    uint32_t bdf = (uint32_t)north->pci->addr << 8;
    pci_config_write(north->pci->bus, bdf | north->pam_reg, 0x30, 1);
    for (unsigned n = 1; n < PAM_REGISTERS; n++)
        pci_config_write(north->pci->bus, bdf | (north->pam_reg + n), 0x33, 1);
}
