/* SPDX-License-Identifier: MIT */
/* The file format of recordings: see exec/replay-log.h. A file is foreign data: it is checked as a whole before it is used. */
#include "exec/replay-log.h"
#include "util/error.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

/* ---- Reading ---- */

typedef struct Cursor {
    const uint8_t *p, *end;
    bool bad;
} Cursor;

static uint64_t get_number(Cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->p == c->end)
            break;
        uint8_t byte = *c->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    c->bad = true;
    return 0;
}

static uint64_t get_word(Cursor *c)
{
    uint64_t v = 0;
    if (c->end - c->p < 4) {
        c->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < 4; i++)
        v |= (uint64_t)c->p[i] << 8 * i;
    c->p += 4;
    return v;
}

static void get_input(Cursor *c, ReplayEvent *e)
{
    e->value = get_number(c);
    e->len = get_number(c);
    e->data = c->p;
    c->bad |= e->len > REPLAY_INPUT_MAX || e->len > (size_t)(c->end - c->p);
    if (!c->bad)
        c->p += e->len;
}

bool replay_file_event(const ReplayFile *f, size_t offset, uint64_t before, ReplayEvent *out)
{
    Cursor c = { f->data + offset, f->data + f->len, offset >= f->len };
    *out = (ReplayEvent){ .kind = REPLAY_END };
    if (c.bad)
        return false;
    uint8_t kind = *c.p++;
    uint64_t more = get_number(&c);
    out->kind = (ReplayKind)kind;
    out->position = before + more;
    if (kind >= REPLAY_KINDS || out->position < before)
        return false;
    switch (out->kind) {
    case REPLAY_MARK: out->value = get_word(&c); break;
    case REPLAY_SKIP:
    case REPLAY_CPU: out->value = get_number(&c); break;
    case REPLAY_INPUT: get_input(&c, out); break;
    default: break;
    }
    out->next = (size_t)(c.p - f->data);
    return !c.bad;
}

static bool check_events(ReplayFile *f, Error **errp)
{
    ReplayEvent e;
    uint64_t position = 0;
    for (size_t at = f->events;; at = e.next, position = e.position) {
        if (!replay_file_event(f, at, position, &e)) {
            error_setg(errp, at >= f->len ? "the recording is truncated after instruction %" PRIu64 " (it has no end)"
                                          : "the recording is truncated or damaged after instruction %" PRIu64, position);
            return false;
        }
        if (e.position > INT64_MAX) {
            error_setg(errp, "the recording is damaged after instruction %" PRIu64, position);
            return false;
        }
        if (e.kind == REPLAY_END)
            break;
    }
    f->length = e.position;
    return true;
}

bool replay_file_open(ReplayFile *f, uint8_t *data, size_t len, Error **errp)
{
    static const char magic[] = REPLAY_MAGIC;
    *f = (ReplayFile){ .data = data, .len = len };
    bool ok = len >= sizeof(magic) - 1 && !memcmp(data, magic, sizeof(magic) - 1);
    const uint8_t *end = ok ? memmem(data, len, "\n\n", 2) : NULL;
    if (!ok) {
        error_setg(errp, "this is no recording of Rhea");
    } else if (!end) {
        error_setg(errp, "the recording is truncated in its head");
    } else {
        f->events = (size_t)(end + 2 - data);
        if (check_events(f, errp))
            return true;
    }
    replay_file_close(f);
    return false;
}

void replay_file_close(ReplayFile *f)
{
    g_free(f->data);
    *f = (ReplayFile){ .data = NULL };
}

char *replay_file_text(const ReplayFile *f)
{
    size_t skip = sizeof(REPLAY_MAGIC) - 1;
    if (f->events < skip + 1)
        return g_strdup("");
    return g_strndup((const char *)f->data + skip, f->events - 1 - skip);
}

char *replay_file_head(const ReplayFile *f, const char *key)
{
    char *text = replay_file_text(f), **lines = g_strsplit(text, "\n", -1), *value = NULL;
    size_t n = strlen(key);
    for (char **l = lines; *l && !value; l++)
        if (!strncmp(*l, key, n) && (*l)[n] == ' ')
            value = g_strdup(*l + n + 1);
    g_strfreev(lines);
    g_free(text);
    return value;
}

/* ---- Writing ---- */

static void put_number(GByteArray *out, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)(v & 0x7f) | (v > 0x7f ? 0x80 : 0);
        g_byte_array_append(out, &byte, 1);
        v >>= 7;
    } while (v);
}

void replay_event_append(GByteArray *out, const ReplayEvent *e, uint64_t before)
{
    uint8_t kind = (uint8_t)e->kind;
    g_byte_array_append(out, &kind, 1);
    put_number(out, e->position - before);
    if (e->kind == REPLAY_MARK) {
        const uint8_t word[4] = { (uint8_t)e->value, (uint8_t)(e->value >> 8), (uint8_t)(e->value >> 16), (uint8_t)(e->value >> 24) };
        g_byte_array_append(out, word, 4);
    } else if (e->kind == REPLAY_SKIP || e->kind == REPLAY_CPU) {
        put_number(out, e->value);
    } else if (e->kind == REPLAY_INPUT) {
        put_number(out, e->value);
        put_number(out, e->len);
        g_byte_array_append(out, e->data, (guint)e->len);
    }
}
