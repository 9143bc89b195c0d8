/* SPDX-License-Identifier: MIT */
/*
 * mux: several front ends on one character device, with the Ctrl-A escape keys. Output of all is shown; input
 * goes to the one in focus. Also ringbuf, the in-memory kind.
 */
#include "internal.h"
#include "hw/boards.h"
#include "util/timer.h"

#include <string.h>

#define MUX_MAX 8
#define MUX_BUFFER 256 /* input waiting for a front end that is busy; a power of two */
#define ESCAPE 0x01    /* Ctrl-A; -echr changes it */

int chardev_escape_char = ESCAPE;

typedef struct MuxFrontend {
    const ChardevFrontend *fe;
    void *opaque;
    uint8_t buf[MUX_BUFFER];
    unsigned head, tail;
} MuxFrontend;

typedef struct Mux {
    Chardev *base;
    MuxFrontend fe[MUX_MAX];
    unsigned count, focus;
    bool escape;
    bool timestamps, line_start;
    int64_t start_ns;
} Mux;

static void mux_print(Mux *m, const char *text)
{
    chardev_write(m->base, (const uint8_t *)text, strlen(text));
}

static void mux_help(Mux *m)
{
    mux_print(m, "\r\nC-a h    print this help\r\n"
                 "C-a x    exit emulator\r\n"
                 "C-a s    save disk data back to file (if -snapshot)\r\n"
                 "C-a t    toggle console timestamps\r\n"
                 "C-a b    send break (magic sysrq)\r\n"
                 "C-a c    switch between console and monitor\r\n"
                 "C-a C-a  sends C-a\r\n");
}

static void mux_focus_next(Mux *m)
{
    if (!m->count)
        return;
    m->focus = (m->focus + 1) % m->count;
    MuxFrontend *f = &m->fe[m->focus];
    if (f->fe->event)
        f->fe->event(f->opaque, CHR_EVENT_OPENED); /* a monitor shows its prompt */
}

static void mux_flush(MuxFrontend *f)
{
    while (f->head != f->tail && f->fe->can_read(f->opaque)) {
        uint8_t c = f->buf[f->head++ % MUX_BUFFER];
        f->fe->read(f->opaque, &c, 1);
    }
}

/* The key after Ctrl-A; true when it goes to the front end after all. */
static bool mux_command(Mux *m, uint8_t key)
{
    MuxFrontend *f = m->count ? &m->fe[m->focus] : NULL;
    if (key == chardev_escape_char)
        return true;
    switch (key) {
    case '?':
    case 'h': mux_help(m); break;
    case 'x':
        mux_print(m, "\r\n");
        mux_print(m, error_get_progname());
        mux_print(m, ": Terminated\r\n");
        system_exit_request(0);
        break;
    case 'b':
        if (f && f->fe->event)
            f->fe->event(f->opaque, CHR_EVENT_BREAK);
        break;
    case 'c': mux_focus_next(m); break;
    case 't':
        m->timestamps = !m->timestamps;
        m->start_ns = clock_ns(CLOCK_REALTIME_HOST);
        m->line_start = false;
        break;
    default: break; /* 's': there is nothing to commit without snapshots */
    }
    return false;
}

static size_t mux_can_read(void *opaque)
{
    Mux *m = ((Chardev *)opaque)->state;
    MuxFrontend *f = m->count ? &m->fe[m->focus] : NULL;
    /* Escape keys get through while a guest that does not read leaves room; nothing is ever dropped. */
    return f ? MUX_BUFFER - (f->tail - f->head) : MUX_BUFFER;
}

static void mux_read(void *opaque, const uint8_t *buf, size_t len)
{
    Mux *m = ((Chardev *)opaque)->state;
    for (size_t i = 0; i < len; i++) {
        bool pass = true;
        if (m->escape) {
            m->escape = false;
            pass = mux_command(m, buf[i]);
        } else if (buf[i] == chardev_escape_char) {
            m->escape = true;
            pass = false;
        }
        if (!pass || !m->count)
            continue;
        MuxFrontend *f = &m->fe[m->focus];
        if (f->tail - f->head < MUX_BUFFER)
            f->buf[f->tail++ % MUX_BUFFER] = buf[i];
        mux_flush(f);
    }
}

static void mux_event(void *opaque, ChardevEvent e)
{
    Mux *m = ((Chardev *)opaque)->state;
    for (unsigned i = 0; i < m->count; i++)
        if (m->fe[i].fe->event)
            m->fe[i].fe->event(m->fe[i].opaque, e);
}

static const ChardevFrontend mux_frontend = { mux_can_read, mux_read, mux_event, true };

bool chardev_mux_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, Error **errp)
{
    Mux *m = chr->state;
    if (m->count == MUX_MAX) {
        error_setg(errp, "too many uses of multiplexed chardev '%s' (maximum is %d)", chr->id, MUX_MAX);
        return false;
    }
    m->fe[m->count++] = (MuxFrontend){ .fe = fe, .opaque = opaque };
    chardev_accept_input(m->base);
    return true;
}

void chardev_mux_detach(Chardev *chr, void *opaque)
{
    Mux *m = chr->state;
    for (unsigned i = 0; i < m->count; i++)
        if (m->fe[i].opaque == opaque) {
            memmove(&m->fe[i], &m->fe[i + 1], (m->count - i - 1) * sizeof(m->fe[0]));
            m->count--;
            m->focus = 0;
            return;
        }
}

static bool mux_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    const char *id = opts_get(opts, "chardev");
    Chardev *base = id ? chardev_find(id) : NULL;
    if (!base) {
        error_setg(errp, id ? "mux: chardev '%s' not found" : "mux: no chardev given%s", id ? id : "");
        return false;
    }
    Mux *m = g_new0(Mux, 1);
    m->base = base;
    chr->state = m;
    return chardev_attach(base, &mux_frontend, chr, errp);
}

static void mux_timestamp(Mux *m)
{
    int64_t ms = (clock_ns(CLOCK_REALTIME_HOST) - m->start_ns) / 1000000;
    char text[64];
    g_snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000), (int)(ms / 60000 % 60),
               (int)(ms / 1000 % 60), (int)(ms % 1000));
    mux_print(m, text);
}

static size_t mux_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    Mux *m = chr->state;
    if (!m->timestamps)
        return chardev_write(m->base, buf, len);
    for (size_t i = 0; i < len; i++) {
        if (m->line_start) {
            mux_timestamp(m);
            m->line_start = false;
        }
        if (!chardev_write(m->base, &buf[i], 1))
            return i;
        m->line_start = buf[i] == '\n';
    }
    return len;
}

/* A monitor's; timestamps are for the guest's lines. */
static void mux_write_all(Chardev *chr, const uint8_t *buf, size_t len)
{
    chardev_write_all(chardev_mux_base(chr), buf, len);
}

Chardev *chardev_mux_base(const Chardev *chr)
{
    return ((const Mux *)chr->state)->base;
}

static void mux_accept_input(Chardev *chr)
{
    Mux *m = chr->state;
    for (unsigned i = 0; i < m->count; i++)
        mux_flush(&m->fe[i]);
    chardev_accept_input(m->base);
}

static void mux_close(Chardev *chr)
{
    Mux *m = chr->state;
    if (m && m->base)
        chardev_detach(m->base, chr);
    g_free(m);
}

const ChardevKind chardev_kind_mux = {
    .name = "mux", .open = mux_open, .write = mux_write, .write_all = mux_write_all, .accept_input = mux_accept_input, .close = mux_close,
    .keys = (const char *const[]){ "id", "chardev", NULL },
};

bool chardev_is_mux(const Chardev *chr)
{
    return chr->kind == &chardev_kind_mux;
}

/* ---- ringbuf ---- */

typedef struct Ring {
    uint8_t *data;
    size_t size, head, tail; /* size is a power of two; head and tail run freely */
} Ring;

static bool ringbuf_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    uint64_t size = 64 * KiB;
    if (!opts_get_size(opts, "size", &size, errp))
        return false;
    if (!size || size & (size - 1) || size > GiB) {
        error_setg(errp, "size of ringbuf chardev must be power of two");
        return false;
    }
    Ring *r = g_new0(Ring, 1);
    r->size = size;
    r->data = g_malloc(size);
    chr->state = r;
    return true;
}

static size_t ringbuf_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    Ring *r = chr->state;
    g_mutex_lock(&chr->out_lock);
    for (size_t i = 0; i < len; i++) {
        r->data[r->tail++ & (r->size - 1)] = buf[i];
        if (r->tail - r->head > r->size)
            r->head = r->tail - r->size;
    }
    g_mutex_unlock(&chr->out_lock);
    return len;
}

size_t chardev_ringbuf_read(Chardev *chr, uint8_t *buf, size_t len)
{
    if (chr->kind != &chardev_kind_ringbuf)
        return 0;
    Ring *r = chr->state;
    size_t n = 0;
    g_mutex_lock(&chr->out_lock);
    while (n < len && r->head != r->tail)
        buf[n++] = r->data[r->head++ & (r->size - 1)];
    g_mutex_unlock(&chr->out_lock);
    return n;
}

static void ringbuf_close(Chardev *chr)
{
    Ring *r = chr->state;
    if (r)
        g_free(r->data);
    g_free(r);
}

const ChardevKind chardev_kind_ringbuf = {
    .name = "ringbuf", .open = ringbuf_open, .write = ringbuf_write, .close = ringbuf_close,
    .keys = (const char *const[]){ "id", "size", "mux", "logfile", "logappend", NULL },
};
