/* SPDX-License-Identifier: MIT */
/*
 * System control of Stellaris microcontrollers (TI LM3S6965 data sheet, ch. 5): identification, clocks, PLL. Region 0 (4 KiB); output
 * 0 = interrupt. Properties did0, did1, dc0-dc4, user0, user1 (the Ethernet address). The PLL locks at once. Not modelled: peripherals'
 * clock gates and resets (the registers are there), sleep and deep sleep clocks, brown-out.
 */
#include "hw/arm/stellaris.h"
#include "hw/device.h"

enum { R_DID0, R_DID1, R_DC0, R_DC1, R_DC2, R_DC3, R_DC4, R_USER0, R_USER1, R_RIS, R_IMC, R_MISC, R_RESC, R_RCC, R_PLLCFG, R_RCC2 };
enum { INT_PLL = 1 << 6, RCC_PWRDN = 1 << 13, RCC_SYSDIV = 23, RCC2_USE = 1u << 31 };

typedef struct SysCtl {
    Device dev;
    uint32_t id[R_RIS];
    void (*clock_changed)(void *opaque, uint64_t hz);
    void *opaque;
} SysCtl;

static void update_irq(SysCtl *s)
{
    irq_set(&s->dev.out[0], (s->dev.regs[R_RIS] & s->dev.regs[R_IMC]) != 0);
}

/* 200 MHz divided: 5.4, SYSDIV and SYSDIV2. */
static uint64_t clock_hz(const SysCtl *s)
{
    uint32_t rcc = s->dev.regs[R_RCC], rcc2 = s->dev.regs[R_RCC2];
    return 200000000 / ((rcc2 & RCC2_USE ? rcc2 >> RCC_SYSDIV & 63 : rcc >> RCC_SYSDIV & 15) + 1);
}

static void clock_changed(SysCtl *s)
{
    if (s->clock_changed)
        s->clock_changed(s->opaque, clock_hz(s));
}

static uint32_t read_id(void *dev, unsigned index, uint32_t value)
{
    return ((SysCtl *)dev)->id[index];
}

static void write_clock(void *dev, unsigned index, uint32_t value)
{
    SysCtl *s = dev;
    if (!(value & RCC_PWRDN))
        s->dev.regs[R_RIS] |= INT_PLL;
    clock_changed(s);
    update_irq(s);
}

/* PLL frequency = crystal * F / (R + 1) is 400 MHz (5.3.5). */
static uint32_t read_pllcfg(void *dev, unsigned index, uint32_t value)
{
    static const uint32_t crystal[16] = { 1000000, 1843200, 2000000, 2457600, 3579545, 3686400, 4000000, 4096000,
                                          4915200, 5000000, 5120000, 6000000, 6144000, 7372800, 8000000, 8192000 };
    uint64_t hz = crystal[((SysCtl *)dev)->dev.regs[R_RCC] >> 6 & 15], best = UINT64_MAX;
    uint32_t found = 0;
    for (unsigned r = 0; r < 32; r++) {
        uint64_t f = (400000000ull * (r + 1) + hz / 2) / hz, got = hz * f / (r + 1);
        uint64_t off = got > 400000000 ? got - 400000000 : 400000000 - got;
        if (f < 512 && off < best) {
            best = off;
            found = (uint32_t)f << 5 | r;
        }
    }
    return found;
}

static uint32_t read_misc(void *dev, unsigned index, uint32_t value)
{
    const SysCtl *s = dev;
    return s->dev.regs[R_RIS] & s->dev.regs[R_IMC];
}

static void write_misc(void *dev, unsigned index, uint32_t value)
{
    SysCtl *s = dev;
    s->dev.regs[R_RIS] &= ~value;
    update_irq(s);
}

static void write_imc(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static const RegisterRow sysctl_regs[] = {
    { "DID0", 0x000, 4, .on_read = read_id },
    { "DID1", 0x004, 4, .on_read = read_id },
    { "DC0", 0x008, 4, .on_read = read_id },
    { "DC1", 0x010, 4, .on_read = read_id },
    { "DC2", 0x014, 4, .on_read = read_id },
    { "DC3", 0x018, 4, .on_read = read_id },
    { "DC4", 0x01c, 4, .on_read = read_id },
    { "USER_REG0", 0x1e0, 4, .on_read = read_id },
    { "USER_REG1", 0x1e4, 4, .on_read = read_id },
    { "RIS", 0x050, 4, .reset = 0 },
    { "IMC", 0x054, 4, .write = 0x42, .on_write = write_imc },
    { "MISC", 0x058, 4, .on_read = read_misc, .on_write = write_misc },
    { "RESC", 0x05c, 4, .write = 0x3f },
    { "RCC", 0x060, 4, .reset = 0x078e3ac0, .write = 0x0ffe3ff3, .on_write = write_clock },
    { "PLLCFG", 0x064, 4, .on_read = read_pllcfg },
    { "RCC2", 0x070, 4, .reset = 0x07802810, .write = 0x9f802870, .on_write = write_clock },
    { "PBORCTL", 0x030, 4, .reset = 0x7ffd, .write = 0x7fff },
    { "LDOPCTL", 0x034, 4, .write = 0x3f },
    { "SRCR0", 0x040, 4, .write = ~0u }, { "SRCR1", 0x044, 4, .write = ~0u }, { "SRCR2", 0x048, 4, .write = ~0u },
    { "GPIOHBCTL", 0x06c, 4, .write = 0xff },
    { "RCGC0", 0x100, 4, .reset = 0x40, .write = ~0u }, { "RCGC1", 0x104, 4, .write = ~0u }, { "RCGC2", 0x108, 4, .write = ~0u },
    { "SCGC0", 0x110, 4, .reset = 0x40, .write = ~0u }, { "SCGC1", 0x114, 4, .write = ~0u }, { "SCGC2", 0x118, 4, .write = ~0u },
    { "DCGC0", 0x120, 4, .reset = 0x40, .write = ~0u }, { "DCGC1", 0x124, 4, .write = ~0u }, { "DCGC2", 0x128, 4, .write = ~0u },
    { "DSLPCLKCFG", 0x144, 4, .reset = 0x07800000, .write = 0x1f800070 },
    { "CLKVCLR", 0x150, 4, .write = 1 },
    { "LDOARST", 0x160, 4, .write = 1 },
    {},
};

static void sysctl_reset(Device *dev)
{
    SysCtl *s = (SysCtl *)dev;
    clock_changed(s);
    update_irq(s);
}

static bool sysctl_realize(Device *dev, Error **errp)
{
    device_init_out(dev, 1);
    return true;
}

void stellaris_sysctl_on_clock(Device *dev, void (*changed)(void *opaque, uint64_t hz), void *opaque)
{
    SysCtl *s = (SysCtl *)dev;
    s->clock_changed = changed;
    s->opaque = opaque;
    clock_changed(s);
}

static const Property sysctl_props[] = {
    PROP_U32("did0", SysCtl, id[R_DID0], 0), PROP_U32("did1", SysCtl, id[R_DID1], 0), PROP_U32("dc0", SysCtl, id[R_DC0], 0),
    PROP_U32("dc1", SysCtl, id[R_DC1], 0), PROP_U32("dc2", SysCtl, id[R_DC2], 0), PROP_U32("dc3", SysCtl, id[R_DC3], 0),
    PROP_U32("dc4", SysCtl, id[R_DC4], 0), PROP_U32("user0", SysCtl, id[R_USER0], 0xffffffff),
    PROP_U32("user1", SysCtl, id[R_USER1], 0xffffffff), {},
};
static const DeviceType sysctl_type = {
    .name = "stellaris-sys", .desc = "Stellaris system control", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(SysCtl), .props = sysctl_props, .regs = sysctl_regs, .regs_size = 0x1000, .realize = sysctl_realize,
    .reset = sysctl_reset, .post_load = sysctl_reset,
};
device_type(sysctl_type)
