/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell GPIO PL061 (ARM DDI 0190). Region 0 (4 KiB); inputs 0-7 = pins; output 0 = interrupt, outputs 1-8 =
 * pins. Address bits 9:2 of the data register select the pins an access touches. Pins that nobody drives
 * read as the property "pullups" says. Not modelled: integration test registers, hardware control (AFSEL).
 */
#include "hw/fdt.h"
#include "hw/primecell.h"

#include <glib.h>

enum { R_DIR, R_IS, R_IBE, R_IEV, R_IE, R_RIS, R_MIS, R_IC, R_AFSEL };
#define REGS_AT 0x400
#define LUMINARY_UNLOCK 0x1acce551u

typedef struct PL061 {
    Device dev;
    MemoryRegion page, data;
    uint8_t pullups;
    uint8_t out;           /* latch behind pins that are outputs */
    uint8_t in;            /* levels at the pins */
    uint8_t seen;          /* pins at the last look, for edges */
    uint8_t edges;         /* edge interrupts not cleared */
    uint8_t driven;        /* what the outputs show */
} PL061;

static uint8_t reg(const PL061 *s, unsigned r)
{
    return (uint8_t)s->dev.regs[r];
}

static uint8_t pins(const PL061 *s)
{
    uint8_t dir = reg(s, R_DIR);
    return (uint8_t)((s->out & dir) | (s->in & ~dir));
}

static uint8_t raw_interrupts(const PL061 *s)
{
    uint8_t level = (uint8_t)~(pins(s) ^ reg(s, R_IEV)); /* pins at their active level */
    return (uint8_t)(s->edges | (level & reg(s, R_IS)));
}

/* Looks at the pins: outputs that changed, edges since the last look, the interrupt. */
static void update(PL061 *s)
{
    uint8_t shown = (uint8_t)((s->out & reg(s, R_DIR)) | (s->pullups & ~reg(s, R_DIR)));
    uint8_t changed = shown ^ s->driven;
    s->driven = shown;
    for (unsigned n = 0; n < 8; n++)
        if (changed & 1u << n)
            irq_set(&s->dev.out[1 + n], shown >> n & 1);
    uint8_t now = pins(s), moved = (uint8_t)((now ^ s->seen) & ~(reg(s, R_IS) | reg(s, R_DIR)));
    s->seen = now;
    s->edges |= moved & (reg(s, R_IBE) | (uint8_t)~(now ^ reg(s, R_IEV)));
    irq_set(&s->dev.out[0], (raw_interrupts(s) & reg(s, R_IE)) != 0);
}

static void pin_input(void *dev, int n, int level)
{
    PL061 *s = dev;
    s->in = (uint8_t)((s->in & ~(1u << n)) | (level != 0) << n);
    update(s);
}

/* ---- Registers ---- */

static uint64_t data_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return pins(opaque) & (offset >> 2 & 0xff);
}

static void data_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PL061 *s = opaque;
    uint8_t mask = offset >> 2 & reg(s, R_DIR);
    (void)size;
    s->out = (uint8_t)((s->out & ~mask) | (value & mask));
    update(s);
}

static const MemoryRegionOps data_ops = { .read = data_read, .write = data_write, .impl_min = 1, .impl_max = 4 };

static void changed(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    update(dev);
}

/* Pins that change to level sensitivity forget their edges. */
static void write_is(void *dev, unsigned index, uint32_t value)
{
    PL061 *s = dev;
    (void)index;
    (void)value;
    s->edges &= (uint8_t)~reg(s, R_IS);
    update(s);
}

static uint32_t read_ris(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    return raw_interrupts(dev);
}

static uint32_t read_mis(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    return raw_interrupts(dev) & reg(dev, R_IE);
}

static void write_ic(void *dev, unsigned index, uint32_t value)
{
    PL061 *s = dev;
    (void)index;
    s->edges &= (uint8_t)~value;
    update(s);
}

#define PL061_REGS \
    { "GPIODIR", 0x400, 4, .write = 0xff, .on_write = changed }, \
    { "GPIOIS", 0x404, 4, .write = 0xff, .on_write = write_is }, \
    { "GPIOIBE", 0x408, 4, .write = 0xff, .on_write = changed }, \
    { "GPIOIEV", 0x40c, 4, .write = 0xff, .on_write = changed }, \
    { "GPIOIE", 0x410, 4, .write = 0xff, .on_write = changed }, \
    { "GPIORIS", 0x414, 4, .on_read = read_ris }, \
    { "GPIOMIS", 0x418, 4, .on_read = read_mis }, \
    { "GPIOIC", 0x41c, 4, .on_write = write_ic }, \
    { "GPIOAFSEL", 0x420, 4, .write = 0xff }
static const RegisterRow pl061_regs[] = { PL061_REGS, PRIMECELL_IDS(0x61, 0x10, 0x04, 0x00), {} };

/* GPIOLOCK reads as 1 while GPIOCR is closed. */
static void write_lock(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index] = value != LUMINARY_UNLOCK;
}

static void write_commit(void *dev, unsigned index, uint32_t value)
{
    Device *d = dev;
    if (!d->regs[index - 1]) /* the row before */
        d->regs[index] = value & 0xff;
}

/* Stellaris adds pad control (TI LM3S6965 data sheet, ch. 9). */
static const RegisterRow luminary_regs[] = {
    PL061_REGS,
    { "GPIODR2R", 0x500, 4, .reset = 0xff, .write = 0xff },
    { "GPIODR4R", 0x504, 4, .write = 0xff },
    { "GPIODR8R", 0x508, 4, .write = 0xff },
    { "GPIOODR", 0x50c, 4, .write = 0xff },
    { "GPIOPUR", 0x510, 4, .write = 0xff },
    { "GPIOPDR", 0x514, 4, .write = 0xff },
    { "GPIOSLR", 0x518, 4, .write = 0xff },
    { "GPIODEN", 0x51c, 4, .write = 0xff },
    { "GPIOLOCK", 0x520, 4, .reset = 1, .on_write = write_lock },
    { "GPIOCR", 0x524, 4, .reset = 0xff, .on_write = write_commit },
    PRIMECELL_IDS(0x61, 0x00, 0x18, 0x01), {},
};

/* ---- Device ---- */

static void pl061_reset(Device *dev)
{
    PL061 *s = (PL061 *)dev;
    s->out = s->edges = 0;
    s->in = s->pullups;
    s->seen = pins(s);
    update(s);
}

/* The page: the engine's registers with the data register before them. */
static bool pl061_realize(Device *dev, Error **errp)
{
    PL061 *s = (PL061 *)dev;
    (void)errp;
    device_init_in(dev, pin_input, 8);
    device_init_out(dev, 9);
    memory_region_init(&s->page, dev, "pl061", 0x1000);
    memory_region_init_io(&s->data, dev, &data_ops, s, "pl061-data", REGS_AT);
    memory_region_add_overlap(&s->page, 0, &s->data, 1);
    memory_region_add(&s->page, 0, dev->regions[0]);
    dev->regions[1] = dev->regions[0];
    dev->regions[0] = &s->page;
    dev->nregions = 2;
    device_add_region(dev, &s->data);
    s->in = s->seen = s->driven = s->pullups;
    return true;
}

static void pl061_post_load(Device *dev)
{
    PL061 *s = (PL061 *)dev;
    update(s);
}

static void pl061_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "pl061", "arm,pl061\0arm,primecell");
    dt_cells(p->tree, path, "#gpio-cells", 2);
    dt_empty(p->tree, path, "gpio-controller");
    dt_cells(p->tree, path, "clocks", p->clock);
    dt_string(p->tree, path, "clock-names", "apb_pclk");
}

static const Property pl061_props[] = { PROP_U8("pullups", PL061, pullups, 0), {} };
static const SavedField pl061_saved[] = {
    SAVED_INT(PL061, out), SAVED_INT(PL061, in), SAVED_INT(PL061, seen), SAVED_INT(PL061, edges), SAVED_END(),
};
#define PL061_TYPE                                                                                                      \
    .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true, .size = sizeof(PL061), .props = pl061_props,          \
    .saved = pl061_saved, .regs_size = 0x1000, .realize = pl061_realize, .reset = pl061_reset, .post_load = pl061_post_load, \
    .describe = pl061_describe
static const DeviceType pl061_type = { .name = "pl061", .desc = "Arm PrimeCell GPIO", .regs = pl061_regs, PL061_TYPE };
device_type(pl061_type)
static const DeviceType luminary_type = { .name = "pl061_luminary", .desc = "Stellaris GPIO", .regs = luminary_regs, PL061_TYPE };
device_type(luminary_type)
