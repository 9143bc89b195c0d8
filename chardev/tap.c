/* SPDX-License-Identifier: MIT */
/*
 * A character device in front of another (or of none) that shows an observer what the guest writes and lets it
 * type: the smoke tests' place on a serial line. Output still goes to the device behind, whose input still comes in.
 */
#include "internal.h"

#include <string.h>

typedef struct Tap {
    Chardev *base; /* NULL: none */
    ChardevTapOutput *output;
    void *opaque;
    GByteArray *typed; /* not yet taken by the guest */
} Tap;

static size_t tap_can_read(void *opaque)
{
    Chardev *chr = opaque;
    Tap *t = chr->state;
    return t->typed->len ? 0 : chardev_can_read(chr);
}

static void tap_read(void *opaque, const uint8_t *buf, size_t len)
{
    chardev_deliver(opaque, buf, len);
}

static void tap_event(void *opaque, ChardevEvent e)
{
    chardev_send_event(opaque, e);
}

static const ChardevFrontend tap_frontend = { tap_can_read, tap_read, tap_event, true };

static void deliver_typed(Chardev *chr)
{
    Tap *t = chr->state;
    size_t room;
    while (t->typed->len && (room = chardev_can_read(chr))) {
        uint8_t buf[256];
        size_t n = MIN(MIN(room, t->typed->len), sizeof(buf));
        memcpy(buf, t->typed->data, n);
        g_byte_array_remove_range(t->typed, 0, (guint)n);
        chardev_deliver(chr, buf, n);
    }
}

void chardev_tap_type(Chardev *chr, const uint8_t *buf, size_t len)
{
    g_byte_array_append(((Tap *)chr->state)->typed, buf, (guint)len);
    deliver_typed(chr);
}

static size_t tap_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    Tap *t = chr->state;
    size_t n = t->base ? chardev_write(t->base, buf, len) : len;
    t->output(t->opaque, buf, n);
    return n;
}

static void tap_accept_input(Chardev *chr)
{
    Tap *t = chr->state;
    deliver_typed(chr);
    if (t->base)
        chardev_accept_input(t->base);
}

static void tap_close(Chardev *chr)
{
    Tap *t = chr->state;
    if (!t)
        return;
    if (t->base)
        chardev_detach(t->base, chr);
    g_byte_array_free(t->typed, TRUE);
    g_free(t);
}

static char *tap_describe(Chardev *chr)
{
    Tap *t = chr->state;
    return t->base ? chardev_filename(t->base) : g_strdup("null");
}

static const ChardevKind kind_tap = {
    .name = "tap", .write = tap_write, .accept_input = tap_accept_input, .close = tap_close, .describe = tap_describe,
    .keys = (const char *const[]){ NULL },
};

Chardev *chardev_tap_new(const char *id, Chardev *base, ChardevTapOutput *output, void *opaque, Error **errp)
{
    OptGroup *o = opts_parse("tap", "", NULL, NULL);
    Chardev *chr = chardev_create(&kind_tap, id, o, errp);
    opts_free(o);
    if (!chr)
        return NULL;
    Tap *t = g_new0(Tap, 1);
    *t = (Tap){ base, output, opaque, g_byte_array_new() };
    chr->state = t;
    if (base && !chardev_attach(base, &tap_frontend, chr, errp)) {
        t->base = NULL;
        return NULL;
    }
    return chr;
}
