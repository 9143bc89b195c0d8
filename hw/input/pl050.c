/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell keyboard/mouse interface PL050 (ARM DDI 0143). Types pl050_keyboard and pl050_mouse: region 0 (4 KiB),
 * output 0 = interrupt. Bytes cross the cable at once. Not modelled: line states, parity errors.
 */
#include "hw/fdt.h"
#include "hw/primecell.h"
#include "hw/ps2.h"

enum { R_CR, R_STAT, R_DATA, R_CLKDIV, R_IR };
enum { CR_TX_INT = 8, CR_RX_INT = 0x10 };
enum { STAT_LINES = 3, STAT_RXPARITY = 4, STAT_RXFULL = 0x10, STAT_TXEMPTY = 0x40 };
enum { IR_RX = 1, IR_TX = 2 };

typedef struct PL050 {
    Device dev;
    bool is_mouse;
    uint8_t last;
    union {
        PS2Keyboard keyboard;
        PS2Mouse mouse;
    };
} PL050;

static PS2Port *port(PL050 *s)
{
    return s->is_mouse ? &s->mouse.port : &s->keyboard.port;
}

static uint32_t pending(PL050 *s)
{
    return (port(s)->count ? IR_RX : 0) | IR_TX;
}

static void update_irq(PL050 *s)
{
    uint32_t cr = s->dev.regs[R_CR];
    irq_set(&s->dev.out[0], ((cr & CR_RX_INT) && (pending(s) & IR_RX)) || (cr & CR_TX_INT));
}

static void byte_ready(void *opaque)
{
    update_irq(opaque);
}

static uint32_t read_stat(void *dev, unsigned index, uint32_t value)
{
    PL050 *s = dev;
    (void)index;
    (void)value;
    bool odd = !(__builtin_popcount(s->last) & 1);
    return STAT_TXEMPTY | STAT_LINES | (odd ? STAT_RXPARITY : 0) | (port(s)->count ? STAT_RXFULL : 0);
}

static uint32_t read_data(void *dev, unsigned index, uint32_t value)
{
    PL050 *s = dev;
    (void)index;
    (void)value;
    if (port(s)->count) {
        s->last = ps2_port_read(port(s));
        if (s->is_mouse)
            ps2_mouse_report(&s->mouse);
    }
    update_irq(s);
    return s->last;
}

static void write_data(void *dev, unsigned index, uint32_t value)
{
    PL050 *s = dev;
    (void)index;
    if (s->is_mouse)
        ps2_mouse_write(&s->mouse, (uint8_t)value);
    else
        ps2_keyboard_write(&s->keyboard, (uint8_t)value);
    update_irq(s);
}

static void write_cr(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    update_irq(dev);
}

static uint32_t read_ir(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    return pending(dev);
}

static const RegisterRow pl050_regs[] = {
    { "KMICR", 0x00, 4, .write = 0x3f, .on_write = write_cr },
    { "KMISTAT", 0x04, 4, .on_read = read_stat },
    { "KMIDATA", 0x08, 4, .on_read = read_data, .on_write = write_data },
    { "KMICLKDIV", 0x0c, 4, .write = 0xf },
    { "KMIIR", 0x10, 4, .on_read = read_ir },
    PRIMECELL_IDS(0x50, 0x10, 0x04, 0x00),
    {},
};

static void pl050_reset(Device *dev)
{
    PL050 *s = (PL050 *)dev;
    s->last = 0;
    if (s->is_mouse)
        ps2_mouse_reset(&s->mouse);
    else
        ps2_keyboard_reset(&s->keyboard);
    update_irq(s);
}

static bool keyboard_realize(Device *dev, Error **errp)
{
    PL050 *s = (PL050 *)dev;
    (void)errp;
    device_init_out(dev, 1);
    ps2_keyboard_init(&s->keyboard, byte_ready, s);
    return true;
}

static bool mouse_realize(Device *dev, Error **errp)
{
    PL050 *s = (PL050 *)dev;
    (void)errp;
    s->is_mouse = true;
    device_init_out(dev, 1);
    ps2_mouse_init(&s->mouse, byte_ready, s);
    return true;
}

static void pl050_unrealize(Device *dev)
{
    PL050 *s = (PL050 *)dev;
    if (s->is_mouse)
        ps2_mouse_exit(&s->mouse);
    else
        ps2_keyboard_exit(&s->keyboard);
}

static void pl050_post_load(Device *dev)
{
    PL050 *s = (PL050 *)dev;
    ps2_port_repair(port(s));
    update_irq(s);
}

static const SavedField keyboard_saved[] = {
    SAVED_INT(PL050, last), SAVED_STRUCT(PL050, keyboard, ps2_keyboard_saved), SAVED_END(),
};
static const SavedField mouse_saved[] = {
    SAVED_INT(PL050, last), SAVED_STRUCT(PL050, mouse, ps2_mouse_saved), SAVED_END(),
};
static const DeviceType keyboard_type = {
    .name = "pl050_keyboard", .desc = "Arm PrimeCell keyboard interface", .bus = BUS_SYSTEM, .category = "Input devices",
    .internal = true, .size = sizeof(PL050), .saved = keyboard_saved, .regs = pl050_regs, .regs_size = 0x1000,
    .realize = keyboard_realize, .unrealize = pl050_unrealize, .reset = pl050_reset, .post_load = pl050_post_load,
};
device_type(keyboard_type)
static const DeviceType mouse_type = {
    .name = "pl050_mouse", .desc = "Arm PrimeCell mouse interface", .bus = BUS_SYSTEM, .category = "Input devices",
    .internal = true, .size = sizeof(PL050), .saved = mouse_saved, .regs = pl050_regs, .regs_size = 0x1000,
    .realize = mouse_realize, .unrealize = pl050_unrealize, .reset = pl050_reset, .post_load = pl050_post_load,
};
device_type(mouse_type)
