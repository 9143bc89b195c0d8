/* SPDX-License-Identifier: MIT */
/*
 * PC keyboard controller (Intel 8042 with IBM's PS/2 firmware; IBM PS/2 Hardware Interface Technical Reference), with
 * keyboard and mouse attached. Type "i8042": regions 0 = port 0x60 (data), 1 = port 0x64 (command, status);
 * outputs 0 = keyboard interrupt (IRQ 1), 1 = mouse interrupt (IRQ 12), 2 = A20 gate. The board connects
 * output 2. Properties kbd-irq, mouse-irq.
 * Not modelled: serial timing (the next byte is there when the last was read), passwords, test inputs.
 */
#include "hw/boards.h"
#include "hw/isa.h"
#include "hw/ps2.h"
#include "util/log.h"

#include <string.h>

enum { STATUS_OBF = 0x01, STATUS_SYSTEM = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10, STATUS_AUX = 0x20 };
enum { MODE_KBD_INT = 0x01, MODE_MOUSE_INT = 0x02, MODE_SYSTEM = 0x04, MODE_KBD_OFF = 0x10, MODE_MOUSE_OFF = 0x20,
       MODE_TRANSLATE = 0x40 };
enum { OUT_NO_RESET = 0x01, OUT_A20 = 0x02, OUT_KBD_FULL = 0x10, OUT_MOUSE_FULL = 0x20, OUT_IDLE = 0xcc };
enum { IRQ_KBD, IRQ_MOUSE, LINE_A20 };
enum { INPUT_PORT = 0x80 }; /* keyboard not locked */

/* Where the byte in the output buffer came from. */
enum { FROM_NONE, FROM_KBD, FROM_MOUSE };

typedef struct I8042 {
    Device dev;
    PS2Keyboard keyboard;
    PS2Mouse mouse;
    MemoryRegion data_io, command_io;
    uint8_t ram[32];        /* ram[0] is the mode ("command byte") */
    uint8_t status;         /* SYSTEM, COMMAND, UNLOCKED; the rest follows from the buffers */
    uint8_t out_port;
    uint8_t command;        /* waits for its data byte on port 0x60; 0 = none */
    uint8_t data, source;   /* output buffer */
    uint8_t reply, reply_source; /* the controller's own next byte; goes first */
    uint32_t kbd_irq, mouse_irq;
} I8042;

static I8042 *i8042_of(Device *dev)
{
    return container_of(dev, I8042, dev);
}

/* ---- Output buffer ---- */

static void update_irq(I8042 *s)
{
    uint8_t mode = s->ram[0];
    irq_set(&s->dev.out[IRQ_KBD], s->source == FROM_KBD && (mode & MODE_KBD_INT));
    irq_set(&s->dev.out[IRQ_MOUSE], s->source == FROM_MOUSE && (mode & MODE_MOUSE_INT));
}

/* One byte from the keyboard; with translation, a release prefix is joined with the code after it. */
static bool load_from_keyboard(I8042 *s)
{
    PS2Port *p = &s->keyboard.port;
    bool translate = s->ram[0] & MODE_TRANSLATE;
    uint8_t release = 0;
    while (p->count) {
        uint8_t byte = ps2_port_read(p);
        if (translate && byte == 0xf0 && p->count) {
            release = 0x80;
            continue;
        }
        s->data = translate ? ps2_translate(byte) | release : byte;
        s->source = FROM_KBD;
        return true;
    }
    return false;
}

static void load_output(I8042 *s)
{
    if (s->source != FROM_NONE)
        return;
    if (s->reply_source != FROM_NONE) {
        s->data = s->reply;
        s->source = s->reply_source;
        s->reply_source = FROM_NONE;
    } else if (!(s->ram[0] & MODE_KBD_OFF) && load_from_keyboard(s)) {
        /* loaded */
    } else if (!(s->ram[0] & MODE_MOUSE_OFF) && s->mouse.port.count) {
        s->data = ps2_port_read(&s->mouse.port);
        s->source = FROM_MOUSE;
        ps2_mouse_report(&s->mouse);
    }
    update_irq(s);
}

static void device_ready(void *opaque)
{
    load_output(opaque);
}

static void reply(I8042 *s, uint8_t byte, uint8_t source)
{
    s->reply = byte;
    s->reply_source = source;
    load_output(s);
}

/* ---- Output port ---- */

static void set_out_port(I8042 *s, uint8_t value)
{
    s->out_port = value;
    irq_set(&s->dev.out[LINE_A20], !!(value & OUT_A20));
    if (!(value & OUT_NO_RESET))
        system_reset_request(SHUTDOWN_GUEST);
}

static uint8_t get_out_port(const I8042 *s)
{
    return s->out_port | (s->source == FROM_KBD ? OUT_KBD_FULL : 0) | (s->source == FROM_MOUSE ? OUT_MOUSE_FULL : 0);
}

/* ---- Commands ---- */

static void set_mode(I8042 *s, uint8_t mode)
{
    s->ram[0] = mode;
    s->status = (uint8_t)((s->status & ~STATUS_SYSTEM) | (mode & MODE_SYSTEM));
    update_irq(s);
    load_output(s);
}

static void run_command(I8042 *s, uint8_t c)
{
    s->status |= STATUS_COMMAND;
    s->command = 0;
    switch (c) {
    case 0x20 ... 0x3f: reply(s, s->ram[c & 0x1f], FROM_KBD); break;
    case 0x60 ... 0x7f: case 0xd1 ... 0xd4: s->command = c; break;
    case 0xa4: reply(s, 0xf1, FROM_KBD); break; /* no password */
    case 0xa7: set_mode(s, s->ram[0] | MODE_MOUSE_OFF); break;
    case 0xa8: set_mode(s, s->ram[0] & (uint8_t)~MODE_MOUSE_OFF); break;
    case 0xa9: case 0xab: reply(s, 0, FROM_KBD); break; /* both cables are good */
    case 0xaa:
        s->status |= STATUS_SYSTEM;
        reply(s, 0x55, FROM_KBD);
        break;
    case 0xad: set_mode(s, s->ram[0] | MODE_KBD_OFF); break;
    case 0xae: set_mode(s, s->ram[0] & (uint8_t)~MODE_KBD_OFF); break;
    case 0xc0: reply(s, INPUT_PORT, FROM_KBD); break;
    case 0xd0: reply(s, get_out_port(s), FROM_KBD); break;
    case 0xdd: set_out_port(s, s->out_port & (uint8_t)~OUT_A20); break;
    case 0xdf: set_out_port(s, s->out_port | OUT_A20); break;
    case 0xf0 ... 0xff: /* pulse the output port lines whose bit is clear */
        if (!(c & OUT_NO_RESET))
            system_reset_request(SHUTDOWN_GUEST);
        break;
    default: guest_error("i8042: unknown command 0x%02x\n", c); break;
    }
}

static void write_data(I8042 *s, uint8_t value)
{
    uint8_t c = s->command;
    s->status &= (uint8_t)~STATUS_COMMAND;
    s->command = 0;
    if (c >= 0x60 && c <= 0x7f) {
        if (c == 0x60)
            set_mode(s, value);
        else
            s->ram[c & 0x1f] = value;
    } else if (c == 0xd1) {
        set_out_port(s, value);
    } else if (c == 0xd2 || c == 0xd3) {
        reply(s, value, c == 0xd2 ? FROM_KBD : FROM_MOUSE);
    } else if (c == 0xd4) {
        set_mode(s, s->ram[0] & (uint8_t)~MODE_MOUSE_OFF);
        ps2_mouse_write(&s->mouse, value);
    } else {
        set_mode(s, s->ram[0] & (uint8_t)~MODE_KBD_OFF); /* talking to the keyboard enables it */
        ps2_keyboard_write(&s->keyboard, value);
    }
}

/* ---- Ports ---- */

static uint64_t data_read(void *opaque, hwaddr port, unsigned size)
{
    I8042 *s = opaque;
    uint8_t value = s->data;
    s->source = FROM_NONE;
    update_irq(s); /* lines drop, so that the next byte is an edge */
    load_output(s);
    return value;
}

static void data_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    write_data(opaque, (uint8_t)value);
}

static uint64_t status_read(void *opaque, hwaddr port, unsigned size)
{
    I8042 *s = opaque;
    return s->status | (s->source != FROM_NONE ? STATUS_OBF : 0) | (s->source == FROM_MOUSE ? STATUS_AUX : 0);
}

static void command_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    run_command(opaque, (uint8_t)value);
}

static const MemoryRegionOps data_ops = { .read = data_read, .write = data_write, .impl_min = 1, .impl_max = 1 };
static const MemoryRegionOps command_ops = { .read = status_read, .write = command_write, .impl_min = 1, .impl_max = 1 };

/* ---- Device ---- */

static void i8042_reset(Device *dev)
{
    I8042 *s = i8042_of(dev);
    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = MODE_KBD_INT | MODE_MOUSE_INT;
    s->status = STATUS_COMMAND | STATUS_UNLOCKED;
    s->command = s->data = s->source = s->reply_source = 0;
    ps2_keyboard_reset(&s->keyboard);
    ps2_mouse_reset(&s->mouse);
    set_out_port(s, OUT_NO_RESET | OUT_A20 | OUT_IDLE);
    update_irq(s);
}

static bool i8042_realize(Device *dev, Error **errp)
{
    I8042 *s = i8042_of(dev);
    device_init_out(dev, 3);
    if (!isa_connect_irq(dev, IRQ_KBD, s->kbd_irq, errp) || !isa_connect_irq(dev, IRQ_MOUSE, s->mouse_irq, errp))
        return false;
    memory_region_init_io(&s->data_io, dev, &data_ops, s, "i8042-data", 1);
    memory_region_init_io(&s->command_io, dev, &command_ops, s, "i8042-cmd", 1);
    isa_register_ioport(dev, &s->data_io, 0x60);
    isa_register_ioport(dev, &s->command_io, 0x64);
    ps2_keyboard_init(&s->keyboard, device_ready, s);
    ps2_mouse_init(&s->mouse, device_ready, s);
    i8042_reset(dev);
    return true;
}

static void i8042_unrealize(Device *dev)
{
    ps2_keyboard_exit(&i8042_of(dev)->keyboard);
    ps2_mouse_exit(&i8042_of(dev)->mouse);
}

static void i8042_post_load(Device *dev)
{
    I8042 *s = i8042_of(dev);
    ps2_port_repair(&s->keyboard.port);
    ps2_port_repair(&s->mouse.port);
    irq_set(&dev->out[LINE_A20], !!(s->out_port & OUT_A20));
    update_irq(s);
    load_output(s);
}

static const SavedField i8042_saved[] = {
    SAVED_STRUCT(I8042, keyboard, ps2_keyboard_saved), SAVED_STRUCT(I8042, mouse, ps2_mouse_saved),
    SAVED_BYTES(I8042, ram), SAVED_INT(I8042, status), SAVED_INT(I8042, out_port), SAVED_INT(I8042, command),
    SAVED_INT(I8042, data), SAVED_INT(I8042, source), SAVED_INT(I8042, reply), SAVED_INT(I8042, reply_source),
    SAVED_END(),
};
static const Property i8042_props[] = {
    PROP_U32("kbd-irq", I8042, kbd_irq, 1),
    PROP_U32("mouse-irq", I8042, mouse_irq, 12),
    {},
};
static const DeviceType i8042_type = {
    .name = "i8042", .bus = BUS_ISA, .category = "Input devices", .size = sizeof(I8042), .props = i8042_props,
    .saved = i8042_saved, .realize = i8042_realize, .unrealize = i8042_unrealize, .reset = i8042_reset,
    .post_load = i8042_post_load,
};
device_type(i8042_type)
