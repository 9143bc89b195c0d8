/* SPDX-License-Identifier: MIT */
/*
 * PS/2 keyboard (scan code sets 1 and 2) and mouse with the IntelliMouse and Explorer extensions (IBM PS/2
 * Hardware Interface Technical Reference; Microsoft's IntelliMouse notes). Not devices of their own: a
 * controller embeds them. Not modelled: scan code set 3, key repeat (the user's system repeats), bus timing.
 */
#include "hw/ps2.h"
#include "util/log.h"

#include <string.h>

enum { ACK = 0xfa, RESEND = 0xfe, SELF_TEST_OK = 0xaa, NO_ARGUMENT = -1 };
/* Scan codes stop this early, so that replies to commands always find room. */
enum { RESERVED = 32 };

/* ---- Queue ---- */

static void put(PS2Port *p, uint8_t byte)
{
    if (p->count == PS2_QUEUE)
        return;
    p->queue[(p->head + p->count) % PS2_QUEUE] = byte;
    p->count++;
}

static void reply(PS2Port *p, uint8_t byte)
{
    put(p, byte);
    p->ready(p->opaque);
}

static void reply_bytes(PS2Port *p, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put(p, bytes[i]);
    p->ready(p->opaque);
}
#define REPLY(p, ...) reply_bytes(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static bool has_room(const PS2Port *p, unsigned n)
{
    return p->count + n + RESERVED <= PS2_QUEUE;
}

static void clear_queue(PS2Port *p)
{
    p->head = 0;
    p->count = 0;
}

uint8_t ps2_port_read(PS2Port *p)
{
    if (p->count) {
        p->last = p->queue[p->head];
        p->head = (uint8_t)((p->head + 1) % PS2_QUEUE);
        p->count--;
    }
    return p->last;
}

void ps2_port_repair(PS2Port *p)
{
    if (p->count > PS2_QUEUE)
        p->count = PS2_QUEUE;
}

/* ---- Scan codes ---- */

/* Index: byte of set 2 below 0x85. */
static const uint8_t set2_to_set1[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
};

uint8_t ps2_translate(uint8_t set2)
{
    return set2 < sizeof(set2_to_set1) ? set2_to_set1[set2] : set2;
}

/* A run of set 2 bytes, in the keyboard's set: in set 1 a break prefix becomes bit 7. */
static void put_codes(PS2Keyboard *k, const uint8_t *codes, unsigned n)
{
    uint8_t release = 0;
    if (!has_room(&k->port, n))
        return;
    for (unsigned i = 0; i < n; i++) {
        if (k->set == 2) {
            put(&k->port, codes[i]);
        } else if (codes[i] == 0xf0) {
            release = 0x80;
        } else {
            put(&k->port, codes[i] >= 0xe0 ? codes[i] : ps2_translate(codes[i]) | release);
            release = 0;
        }
    }
}

/* ---- Keyboard ---- */

static void keyboard_defaults(PS2Keyboard *k)
{
    k->scanning = 1;
    k->set = 2;
}

static bool keyboard_takes_argument(uint8_t command)
{
    return command == 0xed || command == 0xf0 || command == 0xf3;
}

static void keyboard_argument(PS2Keyboard *k, uint8_t command, uint8_t value)
{
    if (command == 0xed)
        k->leds = value;
    if (command == 0xf0 && value == 0) {
        REPLY(&k->port, ACK, k->set);
        return;
    }
    if (command == 0xf0 && (value == 1 || value == 2))
        k->set = value;
    reply(&k->port, ACK);
}

void ps2_keyboard_write(PS2Keyboard *k, uint8_t byte)
{
    PS2Port *p = &k->port;
    if (p->argument_of != NO_ARGUMENT && byte < 0xed) {
        uint8_t command = (uint8_t)p->argument_of;
        p->argument_of = NO_ARGUMENT;
        keyboard_argument(k, command, byte);
        return;
    }
    p->argument_of = keyboard_takes_argument(byte) ? byte : NO_ARGUMENT;
    switch (byte) {
    case 0xed: case 0xf0: case 0xf3: reply(p, ACK); break;
    case 0xee: reply(p, 0xee); break;
    case 0xf2: REPLY(p, ACK, 0xab, 0x83); break;
    case 0xf4:
        clear_queue(p);
        k->scanning = 1;
        reply(p, ACK);
        break;
    case 0xf5: case 0xf6:
        clear_queue(p);
        keyboard_defaults(k);
        k->scanning = byte == 0xf6;
        reply(p, ACK);
        break;
    case 0xf7: case 0xf8: case 0xf9: case 0xfa: reply(p, ACK); break; /* typematic modes of set 3 */
    case 0xfe: reply(p, p->last); break;
    case 0xff:
        ps2_keyboard_reset(k);
        REPLY(p, ACK, SELF_TEST_OK);
        break;
    default: reply(p, RESEND); break;
    }
}

void ps2_keyboard_reset(PS2Keyboard *k)
{
    clear_queue(&k->port);
    k->port.argument_of = NO_ARGUMENT;
    k->leds = 0;
    keyboard_defaults(k);
}

/* ---- Mouse ---- */

static void mouse_defaults(PS2Mouse *m)
{
    m->reporting = m->remote = m->wrap = m->scaling = 0;
    m->resolution = 2;
    m->rate = 100;
    m->dx = m->dy = m->dz = 0;
    m->sent_buttons = m->buttons;
}

/* What fits in a report of `bits` bits with sign; the rest waits for the next. */
static int take(int32_t *moved, int bits)
{
    int max = (1 << (bits - 1)) - 1, v = *moved > max ? max : *moved < -max ? -max : *moved;
    *moved -= v;
    return v;
}

static void put_report(PS2Mouse *m)
{
    int dx = take(&m->dx, 9), dy = -take(&m->dy, 9);
    put(&m->port, (uint8_t)((m->buttons & 7) | 0x08 | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0)));
    put(&m->port, (uint8_t)dx);
    put(&m->port, (uint8_t)dy);
    if (m->id == 3)
        put(&m->port, (uint8_t)take(&m->dz, 8));
    else if (m->id == 4)
        put(&m->port, (uint8_t)((take(&m->dz, 4) & 15) | (m->buttons & (PS2_SIDE | PS2_EXTRA)) << 1));
    m->sent_buttons = m->buttons;
}

static bool has_news(const PS2Mouse *m)
{
    return m->dx || m->dy || m->dz || m->buttons != m->sent_buttons;
}

void ps2_mouse_report(PS2Mouse *m)
{
    bool queued = false;
    while (m->reporting && !m->remote && has_news(m) && m->port.count < 16) {
        put_report(m);
        queued = true;
    }
    if (queued)
        m->port.ready(m->port.opaque);
}

/* Three rates in a row ask for more than three bytes: 200, 100, 80 the wheel; 200, 200, 80 five buttons. */
static void set_rate(PS2Mouse *m, uint8_t rate)
{
    if (m->rates[0] == 200 && rate == 80) {
        if (m->rates[1] == 100)
            m->id = 3;
        else if (m->rates[1] == 200)
            m->id = 4;
    }
    m->rates[0] = m->rates[1];
    m->rates[1] = rate;
    m->rate = rate;
}

static void send_status(PS2Mouse *m)
{
    uint8_t b = m->buttons;
    uint8_t flags = (uint8_t)(m->remote << 6 | m->reporting << 5 | m->scaling << 4 | (b & PS2_LEFT ? 4 : 0) |
                              (b & PS2_MIDDLE ? 2 : 0) | (b & PS2_RIGHT ? 1 : 0));
    REPLY(&m->port, ACK, flags, m->resolution, m->rate);
}

static void mouse_command(PS2Mouse *m, uint8_t byte)
{
    PS2Port *p = &m->port;
    switch (byte) {
    case 0xe6: case 0xe7: m->scaling = byte == 0xe7; break;
    case 0xe8: case 0xf3: p->argument_of = byte; break;
    case 0xe9: send_status(m); return;
    case 0xea: m->remote = 0; break;
    case 0xeb:
        put(p, ACK);
        put_report(m);
        p->ready(p->opaque);
        return;
    case 0xec: m->wrap = 0; break;
    case 0xee: m->wrap = 1; break;
    case 0xf0: m->remote = 1; break;
    case 0xf2: REPLY(p, ACK, m->id); return;
    case 0xf4: m->reporting = 1; break;
    case 0xf5: m->reporting = 0; break;
    case 0xf6: mouse_defaults(m); break;
    case 0xff:
        ps2_mouse_reset(m);
        REPLY(p, ACK, SELF_TEST_OK, 0);
        return;
    default: reply(p, RESEND); return;
    }
    reply(p, ACK);
}

void ps2_mouse_write(PS2Mouse *m, uint8_t byte)
{
    PS2Port *p = &m->port;
    if (m->wrap && byte != 0xec && byte != 0xff) {
        reply(p, byte);
    } else if (p->argument_of != NO_ARGUMENT) {
        if (p->argument_of == 0xf3)
            set_rate(m, byte);
        else
            m->resolution = byte & 3;
        p->argument_of = NO_ARGUMENT;
        reply(p, ACK);
    } else {
        clear_queue(p); /* a command cancels what the mouse was sending */
        mouse_command(m, byte);
    }
}

void ps2_mouse_reset(PS2Mouse *m)
{
    clear_queue(&m->port);
    m->port.argument_of = NO_ARGUMENT;
    m->id = 0;
    memset(m->rates, 0, sizeof(m->rates));
    m->buttons = 0;
    mouse_defaults(m);
}

/* ---- Whichever the machine has ---- */

static PS2Keyboard *keyboard;
static PS2Mouse *mouse;

void ps2_keyboard_init(PS2Keyboard *k, void (*ready)(void *opaque), void *opaque)
{
    k->port.ready = ready;
    k->port.opaque = opaque;
    ps2_keyboard_reset(k);
    keyboard = k;
}

void ps2_mouse_init(PS2Mouse *m, void (*ready)(void *opaque), void *opaque)
{
    m->port.ready = ready;
    m->port.opaque = opaque;
    ps2_mouse_reset(m);
    mouse = m;
}

void ps2_keyboard_exit(PS2Keyboard *k)
{
    if (keyboard == k)
        keyboard = NULL;
}

void ps2_mouse_exit(PS2Mouse *m)
{
    if (mouse == m)
        mouse = NULL;
}

void ps2_keyboard_put(const uint8_t *codes, unsigned n)
{
    if (!keyboard || !keyboard->scanning)
        return;
    put_codes(keyboard, codes, n);
    keyboard->port.ready(keyboard->port.opaque);
}

static int32_t add_motion(int32_t a, int b)
{
    int64_t v = (int64_t)a + b;
    return v > 0xffff ? 0xffff : v < -0xffff ? -0xffff : (int32_t)v;
}

void ps2_mouse_event(int dx, int dy, int dz, unsigned buttons)
{
    if (!mouse)
        return;
    mouse->buttons = buttons & 0x1f;
    if (!mouse->reporting && !mouse->remote)
        return;
    mouse->dx = add_motion(mouse->dx, dx);
    mouse->dy = add_motion(mouse->dy, dy);
    mouse->dz = mouse->id ? add_motion(mouse->dz, dz) : 0;
    ps2_mouse_report(mouse);
}

static const SavedField port_saved[] = {
    SAVED_BYTES(PS2Port, queue), SAVED_INT(PS2Port, head), SAVED_INT(PS2Port, count), SAVED_INT(PS2Port, last),
    SAVED_INT(PS2Port, argument_of), SAVED_END(),
};
const SavedField ps2_keyboard_saved[] = {
    SAVED_STRUCT(PS2Keyboard, port, port_saved), SAVED_INT(PS2Keyboard, scanning),
    SAVED_INT(PS2Keyboard, set), SAVED_INT(PS2Keyboard, leds), SAVED_END(),
};
const SavedField ps2_mouse_saved[] = {
    SAVED_STRUCT(PS2Mouse, port, port_saved), SAVED_INT(PS2Mouse, reporting),
    SAVED_INT(PS2Mouse, remote), SAVED_INT(PS2Mouse, wrap), SAVED_INT(PS2Mouse, scaling),
    SAVED_INT(PS2Mouse, resolution), SAVED_INT(PS2Mouse, rate), SAVED_INT(PS2Mouse, id), SAVED_BYTES(PS2Mouse, rates),
    SAVED_INT(PS2Mouse, buttons), SAVED_INT(PS2Mouse, sent_buttons), SAVED_INT(PS2Mouse, dx), SAVED_INT(PS2Mouse, dy),
    SAVED_INT(PS2Mouse, dz), SAVED_END(),
};
