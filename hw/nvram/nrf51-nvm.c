/* SPDX-License-Identifier: MIT */
/*
 * Memory of the nRF51 (Nordic nRF51 Reference Manual 3.0, ch. 6-8). Regions: 0 = NVMC, the controller (4 KiB), 1 = FICR, factory
 * information, 2 = UICR, user information (256 bytes each), 3 = flash. Property flash-size. Once CONFIG says so, stores clear bits and page
 * registers erase, at once.
 */
#include "hw/device.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

#define PAGE 1024u
#define INFO_SIZE 0x100u
enum { R_READY, R_CONFIG, R_ERASEPAGE, R_ERASEPCR0, R_ERASEALL, R_ERASEUICR };
enum { CONFIG_WRITE = 1, CONFIG_ERASE = 2 };

typedef struct NRF51NVM {
    Device dev;
    uint32_t flash_size;
    MemoryRegion ficr, uicr_io, flash;
    uint32_t uicr[INFO_SIZE / 4];
} NRF51NVM;

/* ---- Flash: executable in place, stores come here ---- */

static uint64_t flash_read(void *opaque, hwaddr offset, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, memory_region_ram_ptr(&((NRF51NVM *)opaque)->flash) + offset, size);
    return v;
}

static void flash_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    NRF51NVM *s = opaque;
    uint32_t old = (uint32_t)flash_read(s, offset, size), now = old & (uint32_t)value;
    if (!(s->dev.regs[R_CONFIG] & CONFIG_WRITE)) {
        guest_error("nrf51-nvm: store to flash at 0x%x while CONFIG forbids it\n", (unsigned)offset);
        return;
    }
    memcpy(memory_region_ram_ptr(&s->flash) + offset, &now, size);
    ram_written(s->flash.ram, offset, size);
}

static const MemoryRegionOps flash_ops = { .read = flash_read, .write = flash_write, .valid_min = 1, .valid_max = 4, .impl_min = 1,
                                           .impl_max = 4 };

static void erase(NRF51NVM *s, uint32_t at, uint32_t len)
{
    if (!(s->dev.regs[R_CONFIG] & CONFIG_ERASE) || at >= s->flash_size || len > s->flash_size - at) {
        guest_error("nrf51-nvm: no erasing at 0x%x\n", at);
        return;
    }
    memset(memory_region_ram_ptr(&s->flash) + at, 0xff, len);
    ram_written(s->flash.ram, at, len);
}

/* ---- Information ---- */

static uint64_t ficr_read(void *opaque, hwaddr offset, unsigned size)
{
    const NRF51NVM *s = opaque;
    switch (offset) {
    case 0x10: return PAGE;                   /* CODEPAGESIZE */
    case 0x14: return s->flash_size / PAGE;   /* CODESIZE */
    case 0x28: return 0xff00 | 0x55;          /* PPFC: no factory code */
    case 0x2c: return 1;                      /* NUMRAMBLOCK */
    case 0x34: return 8 * KiB;                /* SIZERAMBLOCKS */
    case 0x5c: return 0x3c;                   /* CONFIGID: third revision */
    case 0x60: return 0x52484541;             /* DEVICEID */
    case 0x64: return 0x6e524635;
    default: return 0xffffffff;
    }
}

static const MemoryRegionOps ficr_ops = { .read = ficr_read, .impl_min = 4, .impl_max = 4 };

static uint64_t uicr_read(void *opaque, hwaddr offset, unsigned size)
{
    return ((NRF51NVM *)opaque)->uicr[offset / 4];
}

static void uicr_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    NRF51NVM *s = opaque;
    if (s->dev.regs[R_CONFIG] & CONFIG_WRITE)
        s->uicr[offset / 4] &= (uint32_t)value;
}

static const MemoryRegionOps uicr_ops = { .read = uicr_read, .write = uicr_write, .impl_min = 4, .impl_max = 4 };

/* ---- Controller ---- */

static void write_erase(void *dev, unsigned index, uint32_t value)
{
    NRF51NVM *s = dev;
    if (index == R_ERASEPAGE || index == R_ERASEPCR0)
        erase(s, value & ~(PAGE - 1), PAGE);
    else if (index == R_ERASEALL && value == 1)
        erase(s, 0, s->flash_size);
    if ((index == R_ERASEUICR || index == R_ERASEALL) && value == 1 && s->dev.regs[R_CONFIG] & CONFIG_ERASE)
        memset(s->uicr, 0xff, sizeof(s->uicr));
}

static const RegisterRow nvmc_regs[] = {
    { "READY", 0x400, 4, .reset = 1 },
    { "CONFIG", 0x504, 4, .write = 3 },
    { "ERASEPAGE", 0x508, 4, .on_write = write_erase },
    { "ERASEPCR0", 0x510, 4, .on_write = write_erase },
    { "ERASEALL", 0x50c, 4, .on_write = write_erase },
    { "ERASEUICR", 0x514, 4, .on_write = write_erase },
    {},
};

static bool nvm_realize(Device *dev, Error **errp)
{
    NRF51NVM *s = (NRF51NVM *)dev;
    if (!s->flash_size || s->flash_size % PAGE || s->flash_size > MiB) {
        error_setg(errp, "flash-size must be a multiple of 1 KiB up to 1 MiB");
        return false;
    }
    memory_region_init_io(&s->ficr, dev, &ficr_ops, s, "nrf51_soc.ficr", INFO_SIZE);
    memory_region_init_io(&s->uicr_io, dev, &uicr_ops, s, "nrf51_soc.uicr", INFO_SIZE);
    if (!memory_region_init_rom(&s->flash, dev, "nrf51_soc.flash", s->flash_size, errp))
        return false;
    s->flash.ops = &flash_ops;
    s->flash.opaque = s;
    device_add_region(dev, &s->ficr);
    device_add_region(dev, &s->uicr_io);
    device_add_region(dev, &s->flash);
    memset(memory_region_ram_ptr(&s->flash), 0xff, s->flash_size);
    memset(s->uicr, 0xff, sizeof(s->uicr));
    return true;
}

static const Property nvm_props[] = { PROP_U32("flash-size", NRF51NVM, flash_size, 256 * KiB), {} };
static const SavedField nvm_saved[] = { SAVED_ARRAY(NRF51NVM, uicr), SAVED_END() };
static const DeviceType nvm_type = {
    .name = "nrf51_soc.nvm", .desc = "nRF51 non-volatile memory", .bus = BUS_SYSTEM, .category = "Storage devices", .internal = true,
    .size = sizeof(NRF51NVM), .props = nvm_props, .saved = nvm_saved, .regs = nvmc_regs, .regs_size = 0x1000, .realize = nvm_realize,
};
device_type(nvm_type)
