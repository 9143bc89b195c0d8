/* SPDX-License-Identifier: MIT */
/*
 * Q35 host bridge (Intel 3 Series Express Chipset Family datasheet, order 316966, chapter 5): configuration by ports and by the flat
 * window PCIEXBAR opens (ECAM), the PC's memory map (pc-north.c), function 00.0 of the root complex "pcie.0".
 *
 * Interface: q35_new builds all of it.
 * The registers of memory sizes and bases (TOM to TOLUD) hold what firmware stores; the map follows from the RAM there is.
 * Not modelled: SMRAM at the default SMBASE, error bits of SMRAM accesses, other DRAM registers, the DMI and graphics ports.
 */
#include "hw/pc-north.h"
#include "hw/pc.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

enum { REG_EXT_TSEG = 0x50 /* of the machine, not of the chip */, REG_PCIEXBAR = 0x60, REG_PAM = 0x90, REG_SMRAM = 0x9d, REG_ESMRAMC = 0x9e,
       REG_TOM = 0xa0, REG_GBSM = 0xa4, REG_TOLUD = 0xb0 };
enum { PCIEXBAR_ENABLE = 1, ESMRAMC_HIGH = 0x80, ESMRAMC_CACHE_BITS = 0x38, ESMRAMC_TSEG_SIZE = 0x06, ESMRAMC_TSEG = 0x01 };
enum { ESMRAMC_WRITABLE = ESMRAMC_HIGH | ESMRAMC_TSEG_SIZE | ESMRAMC_TSEG };
#define EXT_TSEG_QUERY 0xffff /* firmware asks for the size in MiB */

typedef struct Q35Host {
    Device dev;
    PCIConf1 conf1;
    uint64_t hole64_size; /* property, as firmware would be told */
} Q35Host;

typedef struct MCH {
    PCIDevice pci;
    PCNorth north;
    MemoryRegion ecam;
    uint64_t ecam_size; /* mapped, 0 = not */
    uint16_t ext_tseg_mbytes; /* property: the size that TSEG_SZ = 3 stands for; 0: reserved */
} MCH;

static MCH *mch; /* the machine's */

/* ---- The host: configuration ports ---- */

static void host_reset(Device *dev)
{
    ((Q35Host *)dev)->conf1.address = 0;
}

static bool host_realize(Device *dev, Error **errp)
{
    pci_conf1_init(&((Q35Host *)dev)->conf1, dev);
    return true;
}

static const Property host_props[] = { PROP_SIZE("pci-hole64-size", Q35Host, hole64_size, 32 * GiB), {} };
static const SavedField host_saved[] = { SAVED_STRUCT(Q35Host, conf1, pci_conf1_saved), SAVED_END() };
static const DeviceType host_type = {
    .name = "q35-pcihost", .desc = "Q35 PCI host", .bus = BUS_SYSTEM, .category = "Bridge devices", .internal = true,
    .size = sizeof(Q35Host), .props = host_props, .saved = host_saved, .realize = host_realize, .reset = host_reset,
};
device_type(host_type)

/* ---- ECAM ---- */

static uint64_t ecam_read(void *opaque, hwaddr offset, unsigned size)
{
    return pci_ecam_read(((MCH *)opaque)->pci.bus, (uint32_t)offset, size);
}

static void ecam_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    pci_ecam_write(((MCH *)opaque)->pci.bus, (uint32_t)offset, (uint32_t)value, size);
}

static const MemoryRegionOps ecam_ops = { .read = ecam_read, .write = ecam_write, .impl_min = 1, .impl_max = 4 };

uint64_t q35_ecam(uint64_t *size)
{
    static const uint64_t sizes[4] = { 256 * MiB, 128 * MiB, 64 * MiB, 0 };
    uint64_t bar;
    *size = 0;
    if (!mch)
        return 0;
    memcpy(&bar, mch->pci.config + REG_PCIEXBAR, 8);
    if (bar & PCIEXBAR_ENABLE)
        *size = sizes[bar >> 1 & 3];
    return *size ? bar & 0xffc000000ull & ~0ull << (*size == 256 * MiB ? 28 : *size == 128 * MiB ? 27 : 26) : 0;
}

static void update_ecam(MCH *s)
{
    uint64_t size, base = q35_ecam(&size);
    if (size == s->ecam_size && (!size || base == s->ecam.addr))
        return;
    memory_transaction_begin();
    if (s->ecam_size) {
        memory_region_del(system_memory, &s->ecam);
        memory_region_destroy(&s->ecam);
    }
    s->ecam_size = size;
    if (size) {
        memory_region_init_io(&s->ecam, &s->pci.dev, &ecam_ops, s, "pcie-mmcfg-mmio", size);
        memory_region_add_overlap(system_memory, base, &s->ecam, 1);
    }
    memory_transaction_commit();
}

/* ---- SMRAM: TSEG and the high range ---- */

static void update_smram(MCH *s)
{
    uint8_t esmramc = s->pci.config[REG_ESMRAMC];
    uint64_t mbytes[4] = { 1, 2, 8, s->ext_tseg_mbytes };
    bool tseg = esmramc & ESMRAMC_TSEG && pc_north_smram_enabled(&s->north);
    s->north.high_smram = esmramc & ESMRAMC_HIGH;
    s->pci.writable[REG_ESMRAMC] = s->north.smm && !pc_north_smram_locked(&s->north) ? ESMRAMC_WRITABLE : 0;
    memory_transaction_begin();
    pc_north_update(&s->north);
    pc_north_set_tseg(&s->north, tseg ? mbytes[esmramc >> 1 & 3] * MiB : 0);
    memory_transaction_commit();
}

static void answer_tseg_query(MCH *s)
{
    uint8_t *reg = s->pci.config + REG_EXT_TSEG;
    if ((reg[0] | reg[1] << 8) != EXT_TSEG_QUERY)
        return;
    reg[0] = (uint8_t)s->ext_tseg_mbytes;
    reg[1] = (uint8_t)(s->ext_tseg_mbytes >> 8);
}

/* ---- Function 00.0 ---- */

static void mch_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    MCH *s = (MCH *)pci;
    if (addr < REG_PCIEXBAR + 8 && addr + size > REG_PCIEXBAR)
        update_ecam(s);
    if (addr < REG_EXT_TSEG + 2 && addr + size > REG_EXT_TSEG)
        answer_tseg_query(s);
    pc_north_config_written(&s->north, addr, size);
    if (addr <= REG_ESMRAMC && addr + size > REG_SMRAM)
        update_smram(s);
}

static void mch_reset(Device *dev)
{
    MCH *s = (MCH *)dev;
    memset(s->pci.config + REG_PCIEXBAR, 0, 8);
    memset(s->pci.config + REG_TOM, 0, REG_TOLUD + 2 - REG_TOM);
    s->pci.config[REG_ESMRAMC] = ESMRAMC_CACHE_BITS;
    memset(s->pci.config + REG_EXT_TSEG, 0xff, 2);
    if (s->north.smm && s->ext_tseg_mbytes)
        answer_tseg_query(s);
    else
        memset(s->pci.config + REG_EXT_TSEG, 0, 2);
    pc_north_reset(&s->north);
    update_smram(s);
    update_ecam(s);
}

static void mch_loaded(Device *dev)
{
    update_smram((MCH *)dev);
    update_ecam((MCH *)dev);
}

static bool mch_realize(Device *dev, Error **errp)
{
    MCH *s = (MCH *)dev;
    memcpy(s->pci.writable + REG_PCIEXBAR, "\x07\0\0\xfc\x0f\0\0\0", 8);
    memset(s->pci.writable + REG_PAM, 0x33, PAM_REGISTERS);
    s->pci.writable[REG_PAM] = 0x30;
    memset(s->pci.writable + REG_TOM, 0xff, 4);
    memcpy(s->pci.writable + REG_GBSM, "\0\0\xf0\xff\0\0\xf0\xff\0\0\xf0\xff\xf0\xff", 14); /* GBSM to TOLUD */
    if (s->north.smm && s->ext_tseg_mbytes)
        memset(s->pci.writable + REG_EXT_TSEG, 0xff, 2);
    s->pci.config_write = mch_config_write;
    mch = s;
    return true;
}

static void mch_unrealize(Device *dev)
{
    MCH *s = (MCH *)dev;
    if (s->ecam_size) {
        memory_region_del(system_memory, &s->ecam);
        memory_region_destroy(&s->ecam);
    }
    pc_north_exit(&s->north);
    mch = NULL;
}

static const Property mch_props[] = { PROP_U16("extended-tseg-mbytes", MCH, ext_tseg_mbytes, 16), {} };
static const PCIClass mch_class = { .vendor = 0x8086, .device = 0x29c0, .class_code = 0x060000 };
static const DeviceType mch_type = {
    .name = "mch", .desc = "Host bridge", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(MCH), .internal = true,
    .props = mch_props, .class_data = &mch_class, .realize = mch_realize, .unrealize = mch_unrealize, .reset = mch_reset, .post_load = mch_loaded,
};
device_type(mch_type)

bool q35_new(MemoryRegion *ram, uint64_t below, bool smm, Error **errp)
{
    Device *host = pc_north_new_host("q35-pcihost", errp);
    if (!host)
        return false;
    Device *dev = device_new("mch");
    PCNorth *north = &((MCH *)dev)->north;
    pc_north_init(north, (PCIDevice *)dev, REG_PAM, REG_SMRAM, ram, below, smm);
    PCIBus *bus = pc_north_new_bus(north, host, "pcie.0");
    bus->express = true;
    return device_realize(dev, errp);
}
