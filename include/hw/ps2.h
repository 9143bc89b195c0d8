/* SPDX-License-Identifier: MIT */
/*
 * PS/2 keyboard and mouse, as seen from the controller's end of their cables; and the entries through
 * which the user's keys and pointer reach whichever keyboard and mouse the machine has. Machine lock.
 */
#ifndef RHEA_HW_PS2_H
#define RHEA_HW_PS2_H

#include "hw/device.h"

#define PS2_QUEUE 256 /* a power of two */

/* Bytes from the device to the controller. */
typedef struct PS2Port {
    uint8_t queue[PS2_QUEUE], head;
    uint16_t count;
    uint8_t last;             /* for "resend" */
    int16_t argument_of;      /* command that waits for its argument, -1 = none */
    void (*ready)(void *opaque); /* something was queued */
    void *opaque;
} PS2Port;

typedef struct PS2Keyboard {
    PS2Port port;
    uint8_t scanning, set;    /* scan code set 1 or 2 */
    uint8_t leds;
} PS2Keyboard;

typedef struct PS2Mouse {
    PS2Port port;
    uint8_t reporting, remote, wrap, scaling, resolution, rate, id; /* id 0, 3 wheel, 4 five buttons */
    uint8_t rates[2];         /* the last two rates set: the knock for wheel and buttons */
    uint8_t buttons, sent_buttons;
    int32_t dx, dy, dz;       /* moved and not reported yet */
} PS2Mouse;

extern const SavedField ps2_keyboard_saved[], ps2_mouse_saved[];

void ps2_keyboard_init(PS2Keyboard *k, void (*ready)(void *opaque), void *opaque);
void ps2_mouse_init(PS2Mouse *m, void (*ready)(void *opaque), void *opaque);
void ps2_keyboard_exit(PS2Keyboard *k);
void ps2_mouse_exit(PS2Mouse *m);
void ps2_keyboard_reset(PS2Keyboard *k);
void ps2_mouse_reset(PS2Mouse *m);
void ps2_port_repair(PS2Port *p);  /* after loading saved state */
/* The controller sends a byte; takes one (only when count > 0). */
void ps2_keyboard_write(PS2Keyboard *k, uint8_t byte);
void ps2_mouse_write(PS2Mouse *m, uint8_t byte);
uint8_t ps2_port_read(PS2Port *p);
void ps2_mouse_report(PS2Mouse *m); /* after reading: queues the motion that had no room */
/* A byte of scan code set 2 in set 1, as a PC's controller translates it. */
uint8_t ps2_translate(uint8_t set2);

/* ---- The user's side ---- */
/* Number of the key with this QEMU name ("ret", "ctrl_r", "kp_5" …), or -1. */
int ps2_key_find(const char *name);
const char *ps2_key_name(int key); /* NULL when out of range */
/* The key with this number in set 1 (0x80 added: prefix e0), or -1. */
int ps2_key_of_number(unsigned number);
void ps2_keyboard_event(int key, bool down);
void ps2_keyboard_put(const uint8_t *codes, unsigned n); /* bytes of set 2 */
enum { PS2_LEFT = 1, PS2_RIGHT = 2, PS2_MIDDLE = 4, PS2_SIDE = 8, PS2_EXTRA = 16 };
/* Relative motion, right and down positive; wheel down positive. */
void ps2_mouse_event(int dx, int dy, int dz, unsigned buttons);
/* "ctrl-alt-delete": presses the keys in order and releases them after hold_ms, in the background. */
bool ps2_send_keys(const char *combo, unsigned hold_ms, Error **errp);
bool ps2_send_key_name(const char *combo, Error **errp); /* held for 100 ms */

#endif
