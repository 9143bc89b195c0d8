/* SPDX-License-Identifier: MIT */
/*
 * Between a character device and the guest's port when a run is recorded or replayed: input waits for a place between two
 * instructions, or is ignored because the recording has its own.
 */
#include "internal.h"
#include "exec/replay.h"

typedef struct Shim {
    const ChardevFrontend *fe;
    void *opaque;
    Chardev *chr;
    ReplayInput *bytes, *events;
} Shim;
static GPtrArray *shims;

static size_t shim_can_read(void *opaque)
{
    const Shim *s = opaque;
    if (replay_mode == REPLAY_PLAY)
        return 4096; /* to be ignored */
    return replay_input_waiting(s->bytes) ? 0 : s->fe->can_read(s->opaque);
}

static void shim_read(void *opaque, const uint8_t *buf, size_t len)
{
    replay_input_send(((Shim *)opaque)->bytes, buf, len);
}

static void shim_event(void *opaque, ChardevEvent e)
{
    const uint8_t message = (uint8_t)e;
    replay_input_send(((Shim *)opaque)->events, &message, 1);
}

static const ChardevFrontend frontend = { shim_can_read, shim_read, shim_event, false };

static size_t deliver_bytes(void *opaque, const uint8_t *buf, size_t len)
{
    Shim *s = opaque;
    if (!buf)
        return MIN(len, s->fe->can_read(s->opaque));
    s->fe->read(s->opaque, buf, len);
    chardev_accept_input(s->chr);
    return len;
}

static size_t deliver_events(void *opaque, const uint8_t *buf, size_t len)
{
    Shim *s = opaque;
    for (size_t i = 0; buf && s->fe->event && i < len; i++)
        s->fe->event(s->opaque, (ChardevEvent)buf[i]);
    return len;
}

void chardev_replay_attach(Chardev *chr, const ChardevFrontend **fe, void **opaque)
{
    Shim *s = g_new0(Shim, 1);
    *s = (Shim){ .fe = *fe, .opaque = *opaque, .chr = chr };
    s->bytes = replay_input_new(chr->id, deliver_bytes, s);
    s->events = replay_input_new(chr->id, deliver_events, s);
    if (!shims)
        shims = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(shims, s);
    *fe = &frontend;
    *opaque = s;
}

void *chardev_replay_detach(Chardev *chr, void *opaque)
{
    for (guint i = 0; shims && i < shims->len; i++) {
        Shim *s = shims->pdata[i];
        if (s->chr != chr || s->opaque != opaque)
            continue;
        replay_input_free(s->bytes);
        replay_input_free(s->events);
        s->bytes = s->events = NULL;
        s->opaque = NULL; /* the struct stays: the inputs know it */
        return s;
    }
    return opaque;
}

void chardev_replay_exit(void)
{
    if (shims)
        g_ptr_array_free(shims, TRUE);
    shims = NULL;
}
