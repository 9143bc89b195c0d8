/* SPDX-License-Identifier: MIT */
/*
 * Clock and power-reset manager of the BCM2835 (offsets as Linux drivers/clk/bcm/clk-bcm2835.c names them). Region 0 (8 KiB). The
 * registers come up as the board's firmware leaves them, so that software computes the right rates; they can be
 * changed with the password, which changes no other chip's speed. Clocks follow their enable bit at once.
 */
#include "hw/device.h"

#define REGION 0x2000
enum { PASSWORD = 0x5a, CM_LOCK = 0x114, LOCK_ALL = 0x1f00, CTL_ENABLE = 0x10, CTL_BUSY = 0x80, CM_CLOCKS_END = 0x1f0 };

typedef struct CPRMan {
    Device dev;
    MemoryRegion io;
    uint32_t reg[REGION / 4];
} CPRMan;

/* 19.2 MHz crystal: PLLC 1000 MHz for the core, PLLD 2000 MHz with 500 MHz for peripherals, PLLB for the Arm cores. */
static const struct { uint16_t offset; uint32_t value; } defaults[] = {
    { 0x1100, 0x1068 }, { 0x1200, 174763 },                  /* PLLA control and fraction: 104.1667 * 19.2 */
    { 0x1120, 0x1034 }, { 0x1220, 87381 }, { 0x1620, 1 }, { 0x1520, 1 }, /* PLLC: CORE0, PER */
    { 0x1140, 0x1068 }, { 0x1240, 174763 }, { 0x1440, 4 }, { 0x1540, 4 }, /* PLLD: CORE, PER */
    { 0x1160, 0x1068 }, { 0x1260, 174763 }, { 0x1360, 4 },   /* PLLH: AUX */
    { 0x11e0, 0x1048 }, { 0x12e0, 966656 }, { 0x13e0, 2 },   /* PLLB: ARM */
    { 0x104, 0 }, { 0x108, 0 }, { 0x10c, 0 }, { 0x110, 0 }, { 0x170, 0 },
    { CM_LOCK, LOCK_ALL },
    { 0x008, 0x295 }, { 0x00c, 0x4000 },                     /* VPU: PLLC_CORE0 / 4 */
    { 0x0f0, 0x296 }, { 0x0f4, 0xa6aa },                     /* UART: PLLD_PER / 10.4167 = 48 MHz */
    { 0x1c0, 0x296 }, { 0x1c4, 0xa000 },                     /* EMMC: PLLD_PER / 10 */
    { 0x0e8, 0x291 }, { 0x0ec, 0x13333 },                    /* timer: crystal / 19.2 */
    { 0x1190, 0xff },                                        /* crystal enabled everywhere */
};

static uint64_t cprman_read(void *opaque, hwaddr offset, unsigned size)
{
    const CPRMan *s = opaque;
    (void)size;
    return s->reg[offset / 4];
}

static void cprman_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    CPRMan *s = opaque;
    uint32_t v = value & 0xffffff;
    (void)size;
    if (value >> 24 != PASSWORD || offset == CM_LOCK)
        return;
    bool is_control = offset < CM_CLOCKS_END && !(offset & 4) && (offset < 0x100 || offset > 0x170);
    if (is_control)
        v = v & CTL_ENABLE ? v | CTL_BUSY : v & ~(uint32_t)CTL_BUSY;
    s->reg[offset / 4] = v;
}

static const MemoryRegionOps cprman_ops = { .read = cprman_read, .write = cprman_write, .impl_min = 4, .impl_max = 4 };

static void cprman_reset(Device *dev)
{
    CPRMan *s = (CPRMan *)dev;
    for (unsigned i = 0; i < ARRAY_SIZE(s->reg); i++)
        s->reg[i] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(defaults); i++)
        s->reg[defaults[i].offset / 4] = defaults[i].value;
}

static bool cprman_realize(Device *dev, Error **errp)
{
    CPRMan *s = (CPRMan *)dev;
    (void)errp;
    memory_region_init_io(&s->io, dev, &cprman_ops, s, "bcm2835-cprman", REGION);
    device_add_region(dev, &s->io);
    cprman_reset(dev);
    return true;
}

static const SavedField cprman_saved[] = { SAVED_ARRAY(CPRMan, reg), SAVED_END() };
static const DeviceType cprman_type = {
    .name = "bcm2835-cprman", .desc = "BCM2835 clock manager", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(CPRMan), .saved = cprman_saved, .realize = cprman_realize, .reset = cprman_reset,
};
device_type(cprman_type)
