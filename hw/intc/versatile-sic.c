/* SPDX-License-Identifier: MIT */
/*
 * Secondary interrupt controller of Arm's Versatile boards (ARM DUI 0225, 4.10). Region 0 (4 KiB); inputs 0-31; outputs n =
 * primary controller's input n: 31 = any enabled source, 21-30 = those sources straight through when PICENABLE says so.
 * Source 0 is the software interrupt.
 */
#include "hw/device.h"

enum { R_STATUS, R_RAWSTAT, R_ENABLE, R_ENCLR, R_SOFTSET, R_SOFTCLR, R_PICENABLE, R_PICENCLR };
#define FIRST_THROUGH 21
#define COMBINED 31
#define THROUGH_MASK 0x7fe00000u

typedef struct VersatileSIC {
    Device dev;
    uint32_t level;   /* of the inputs */
} VersatileSIC;

static uint32_t raw(const VersatileSIC *s)
{
    return s->level | s->dev.regs[R_SOFTSET];
}

static uint32_t status(const VersatileSIC *s)
{
    return raw(s) & s->dev.regs[R_ENABLE];
}

static void update(VersatileSIC *s)
{
    irq_set(&s->dev.out[COMBINED], status(s) != 0);
    for (unsigned n = FIRST_THROUGH; n < COMBINED; n++)
        irq_set(&s->dev.out[n], raw(s) & s->dev.regs[R_PICENABLE] & 1u << n ? 1 : 0);
}

static void input(void *dev, int n, int level)
{
    VersatileSIC *s = dev;
    s->level = (s->level & ~(1u << n)) | (uint32_t)(level != 0) << n;
    update(s);
}

static uint32_t read_status(void *dev, unsigned index, uint32_t value)
{
    return index == R_STATUS ? status(dev) : raw(dev);
}

/* Enable registers set bits, the ones after them clear bits. */
static void set_bits(void *dev, unsigned index, uint32_t value)
{
    uint32_t allowed = index == R_SOFTSET ? 1 : index == R_PICENABLE ? THROUGH_MASK : ~0u;
    ((Device *)dev)->regs[index] |= value & allowed;
    update(dev);
}

static void clear_bits(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index - 1] &= ~value;
    update(dev);
}

static const RegisterRow sic_regs[] = {
    { "SIC_STATUS", 0x00, 4, .on_read = read_status },
    { "SIC_RAWSTAT", 0x04, 4, .on_read = read_status },
    { "SIC_ENABLE", 0x08, 4, .on_write = set_bits },
    { "SIC_ENCLR", 0x0c, 4, .on_write = clear_bits },
    { "SIC_SOFTINTSET", 0x10, 4, .on_write = set_bits },
    { "SIC_SOFTINTCLR", 0x14, 4, .on_write = clear_bits },
    { "SIC_PICENABLE", 0x20, 4, .on_write = set_bits },
    { "SIC_PICENCLR", 0x24, 4, .on_write = clear_bits },
    {},
};

static void sic_reset(Device *dev)
{
    update((VersatileSIC *)dev);
}

static bool sic_realize(Device *dev, Error **errp)
{
    device_init_in(dev, input, 32);
    device_init_out(dev, 32);
    return true;
}

static void sic_info(Device *dev, FILE *out)
{
    const VersatileSIC *s = (VersatileSIC *)dev;
    fprintf(out, "versatilepb_sic: inputs=%08x enabled=%08x through=%08x\n", s->level, dev->regs[R_ENABLE],
            dev->regs[R_PICENABLE]);
}

static const SavedField sic_saved[] = { SAVED_INT(VersatileSIC, level), SAVED_END() };
static const DeviceType sic_type = {
    .name = "versatilepb_sic", .desc = "Versatile secondary interrupt controller", .bus = BUS_SYSTEM,
    .category = "Misc devices", .internal = true, .size = sizeof(VersatileSIC), .saved = sic_saved, .regs = sic_regs,
    .regs_size = 0x1000, .realize = sic_realize, .reset = sic_reset, .post_load = sic_reset, .pic_info = sic_info,
};
device_type(sic_type)
