/* SPDX-License-Identifier: MIT */
/*
 * Keys by QEMU's names, their scan codes (set 2, IBM PS/2 Hardware Interface Technical Reference; multimedia keys
 * from Microsoft's Keyboard Scan Code Specification), and "sendkey". Keys sent by name go through a
 * queue that a timer on the virtual clock works off, so that they come one after another.
 */
#include "hw/ps2.h"
#include "monitor.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

typedef struct Key {
    const char *name;
    uint16_t code; /* 0xe0xx: prefix e0; the two odd ones below */
} Key;

enum { CODE_PAUSE = 0xe114, CODE_PRINT = 0xe07c };

static const Key keys[] = {
    { "shift", 0x12 }, { "shift_r", 0x59 }, { "alt", 0x11 }, { "alt_r", 0xe011 }, { "ctrl", 0x14 },
    { "ctrl_r", 0xe014 }, { "menu", 0xe02f }, { "esc", 0x76 }, { "1", 0x16 }, { "2", 0x1e }, { "3", 0x26 },
    { "4", 0x25 }, { "5", 0x2e }, { "6", 0x36 }, { "7", 0x3d }, { "8", 0x3e }, { "9", 0x46 }, { "0", 0x45 },
    { "minus", 0x4e }, { "equal", 0x55 }, { "backspace", 0x66 }, { "tab", 0x0d }, { "q", 0x15 }, { "w", 0x1d },
    { "e", 0x24 }, { "r", 0x2d }, { "t", 0x2c }, { "y", 0x35 }, { "u", 0x3c }, { "i", 0x43 }, { "o", 0x44 },
    { "p", 0x4d }, { "bracket_left", 0x54 }, { "bracket_right", 0x5b }, { "ret", 0x5a }, { "a", 0x1c },
    { "s", 0x1b }, { "d", 0x23 }, { "f", 0x2b }, { "g", 0x34 }, { "h", 0x33 }, { "j", 0x3b }, { "k", 0x42 },
    { "l", 0x4b }, { "semicolon", 0x4c }, { "apostrophe", 0x52 }, { "grave_accent", 0x0e }, { "backslash", 0x5d },
    { "z", 0x1a }, { "x", 0x22 }, { "c", 0x21 }, { "v", 0x2a }, { "b", 0x32 }, { "n", 0x31 }, { "m", 0x3a },
    { "comma", 0x41 }, { "dot", 0x49 }, { "slash", 0x4a }, { "asterisk", 0x7c }, { "spc", 0x29 },
    { "caps_lock", 0x58 }, { "f1", 0x05 }, { "f2", 0x06 }, { "f3", 0x04 }, { "f4", 0x0c }, { "f5", 0x03 },
    { "f6", 0x0b }, { "f7", 0x83 }, { "f8", 0x0a }, { "f9", 0x01 }, { "f10", 0x09 }, { "f11", 0x78 },
    { "f12", 0x07 }, { "f13", 0x08 }, { "f14", 0x10 }, { "f15", 0x18 }, { "f16", 0x20 }, { "f17", 0x28 },
    { "f18", 0x30 }, { "f19", 0x38 }, { "f20", 0x40 }, { "f21", 0x48 }, { "f22", 0x50 }, { "f23", 0x57 },
    { "f24", 0x5f }, { "num_lock", 0x77 }, { "scroll_lock", 0x7e }, { "kp_divide", 0xe04a }, { "kp_multiply", 0x7c },
    { "kp_subtract", 0x7b }, { "kp_add", 0x79 }, { "kp_enter", 0xe05a }, { "kp_decimal", 0x71 }, { "kp_0", 0x70 },
    { "kp_1", 0x69 }, { "kp_2", 0x72 }, { "kp_3", 0x7a }, { "kp_4", 0x6b }, { "kp_5", 0x73 }, { "kp_6", 0x74 },
    { "kp_7", 0x6c }, { "kp_8", 0x75 }, { "kp_9", 0x7d }, { "kp_comma", 0x6d }, { "kp_equals", 0x0f },
    { "sysrq", 0x84 }, { "print", CODE_PRINT }, { "pause", CODE_PAUSE }, { "less", 0x61 }, { "home", 0xe06c },
    { "pgup", 0xe07d }, { "pgdn", 0xe07a }, { "end", 0xe069 }, { "left", 0xe06b }, { "up", 0xe075 },
    { "down", 0xe072 }, { "right", 0xe074 }, { "insert", 0xe070 }, { "delete", 0xe071 }, { "meta_l", 0xe01f },
    { "meta_r", 0xe027 }, { "compose", 0xe02f }, { "ro", 0x51 }, { "yen", 0x6a }, { "henkan", 0x64 },
    { "muhenkan", 0x67 }, { "hiragana", 0x62 }, { "katakanahiragana", 0x13 }, { "lang1", 0xf2 }, { "lang2", 0xf1 },
    { "power", 0xe037 }, { "sleep", 0xe03f }, { "wake", 0xe05e }, { "audionext", 0xe04d }, { "audioprev", 0xe015 },
    { "audiostop", 0xe03b }, { "audioplay", 0xe034 }, { "audiomute", 0xe023 }, { "volumeup", 0xe032 },
    { "volumedown", 0xe021 }, { "mediaselect", 0xe050 }, { "mail", 0xe048 }, { "calculator", 0xe02b },
    { "computer", 0xe040 }, { "find", 0xe010 }, { "ac_home", 0xe03a }, { "ac_back", 0xe038 },
    { "ac_forward", 0xe030 }, { "ac_refresh", 0xe020 }, { "ac_bookmarks", 0xe018 },
};

int ps2_key_find(const char *name)
{
    if (!strcmp(name, "<"))
        name = "less";
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
        if (!strcmp(keys[i].name, name))
            return (int)i;
    return -1;
}

#define PUT(...) ps2_keyboard_put((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

void ps2_keyboard_event(int key, bool down)
{
    if (key < 0 || key >= (int)ARRAY_SIZE(keys))
        return;
    uint16_t code = keys[key].code;
    uint8_t low = (uint8_t)code;
    if (code == CODE_PAUSE && down)
        PUT(0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77); /* has no release */
    else if (code == CODE_PRINT && down)
        PUT(0xe0, 0x12, 0xe0, 0x7c);
    else if (code == CODE_PRINT)
        PUT(0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
    else if (code >> 8 == 0xe0 && down)
        PUT(0xe0, low);
    else if (code >> 8 == 0xe0)
        PUT(0xe0, 0xf0, low);
    else if (code < 0x100 && down)
        PUT(low);
    else if (code < 0x100)
        PUT(0xf0, low);
}

/* ---- sendkey ---- */

/* One step of the queue: an event, then a pause. */
typedef struct Step {
    int16_t key;
    bool down;
    uint32_t pause_ms;
} Step;

enum { MAX_STEPS = 1024, MAX_KEYS = 16, DEFAULT_HOLD_MS = 100, GAP_MS = 1 };
static GQueue steps = G_QUEUE_INIT;
static Timer *step_timer;

const char *ps2_key_name(int key)
{
    return key >= 0 && key < (int)ARRAY_SIZE(keys) ? keys[key].name : NULL;
}

int ps2_key_of_number(unsigned number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
        if ((ps2_translate((uint8_t)keys[i].code) | (keys[i].code >= 0xe000 ? 0x80u : 0)) == number)
            return (int)i;
    return -1;
}

static void run_steps(void *opaque)
{
    while (!g_queue_is_empty(&steps)) {
        Step *s = g_queue_pop_head(&steps);
        uint32_t pause = s->pause_ms;
        ps2_keyboard_event(s->key, s->down);
        g_free(s);
        if (pause) {
            timer_mod(step_timer, clock_ns(CLOCK_VIRTUAL) + pause * 1000000ll);
            return;
        }
    }
}

static void push_step(int key, bool down, uint32_t pause_ms)
{
    Step *s = g_new(Step, 1);
    *s = (Step){ .key = (int16_t)key, .down = down, .pause_ms = pause_ms };
    g_queue_push_tail(&steps, s);
}

/* Key numbers of "a-b-c", or -1 with errp set. "-" alone never names a key. */
static int parse_combo(const char *combo, int *out, Error **errp)
{
    char **names = g_strsplit(*combo ? combo : "-", "-", 0); /* an empty one is a key without a name */
    int n = 0;
    for (char **s = names; *s && n >= 0; s++) {
        int key = ps2_key_find(*s);
        if (key < 0) {
            error_setg(errp, "invalid parameter: %s", *s);
            n = -1;
        } else if (n == MAX_KEYS) {
            error_setg(errp, "too many keys");
            n = -1;
        } else {
            out[n++] = key;
        }
    }
    g_strfreev(names);
    return n;
}

bool ps2_send_keys(const char *combo, unsigned hold_ms, Error **errp)
{
    int list[MAX_KEYS], n = parse_combo(combo, list, errp);
    if (n < 0)
        return false;
    if (g_queue_get_length(&steps) > MAX_STEPS) {
        error_setg(errp, "too many keys are waiting to be sent");
        return false;
    }
    for (int i = 0; i < n; i++)
        push_step(list[i], true, i == n - 1 ? (hold_ms ? hold_ms : 1) : 0);
    for (int i = n - 1; i >= 0; i--)
        push_step(list[i], false, i == 0 ? GAP_MS : 0);
    if (!step_timer)
        step_timer = timer_new(CLOCK_VIRTUAL, run_steps, NULL);
    if (!timer_pending(step_timer))
        run_steps(NULL);
    return true;
}

bool ps2_send_key_name(const char *combo, Error **errp)
{
    return ps2_send_keys(combo, DEFAULT_HOLD_MS, errp);
}

static void hmp_sendkey(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (argc < 1) {
        monitor_printf(mon, "sendkey: keys expected, such as ctrl-alt-delete\n");
        return;
    }
    unsigned hold = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : DEFAULT_HOLD_MS;
    if (!ps2_send_keys(argv[0], hold, &err)) {
        monitor_printf(mon, "%s\n", error_get_pretty(err));
        error_free(err);
    }
}

static const MonitorCommand commands[] = {
    { "sendkey", "keys [hold_ms]", "send keys to the guest (e.g. sendkey ctrl-alt-f1, hold time 100 ms)", hmp_sendkey },
};
monitor_commands(commands)
