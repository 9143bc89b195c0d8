/* SPDX-License-Identifier: MIT */
/*
 * A console's bytes as text: carriage returns and terminal sequences (ECMA-48 CSI, OSC) are taken out, so that
 * patterns see what a reader sees. Searches look at the current line only, unless a pattern may span lines.
 */
#include "smoke-internal.h"

#include <string.h>

#define TEXT_MAX (32u << 20)   /* the older half is dropped beyond this */
#define LINE_WINDOW 4096       /* of a line that never ends */
#define MULTILINE_WINDOW 16384

enum { PLAIN, ESCAPE, CSI, OSC, OSC_END };

void smoke_text_init(SmokeText *t)
{
    *t = (SmokeText){ .text = g_string_new(NULL) };
}

void smoke_text_free(SmokeText *t)
{
    g_string_free(t->text, TRUE);
    t->text = NULL;
}

static void drop_half(SmokeText *t)
{
    size_t n = t->text->len / 2;
    g_string_erase(t->text, 0, (gssize)n);
    t->line_start -= MIN(n, t->line_start);
    t->consumed -= MIN(n, t->consumed);
    t->dropped += n;
}

/* A byte of the stream; true when it is text. */
static bool filter(SmokeText *t, uint8_t c)
{
    switch (t->escape) {
    case ESCAPE:
        t->escape = c == '[' ? CSI : c == ']' ? OSC : PLAIN;
        return false;
    case CSI:
        if (c >= 0x40 && c <= 0x7e)
            t->escape = PLAIN;
        return false;
    case OSC:
        t->escape = c == 7 ? PLAIN : c == 27 ? OSC_END : OSC;
        return false;
    case OSC_END: t->escape = PLAIN; return false;
    default: break;
    }
    if (c == 27)
        t->escape = ESCAPE;
    return c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t';
}

size_t smoke_text_append(SmokeText *t, const uint8_t *buf, size_t len, bool *line)
{
    size_t i = 0;
    *line = false;
    if (t->text->len > TEXT_MAX)
        drop_half(t);
    while (i < len && !*line) {
        uint8_t c = buf[i++];
        if (c == '\n' && t->escape)
            t->escape = PLAIN; /* a broken sequence ends with its line */
        if (filter(t, c))
            g_string_append_c(t->text, (char)c);
        *line = c == '\n';
    }
    return i;
}

void smoke_text_next_line(SmokeText *t)
{
    t->line_start = t->text->len;
}

bool smoke_text_search(const SmokeText *t, const SmokePattern *p, size_t from, size_t *start, size_t *end)
{
    GMatchInfo *info = NULL;
    size_t window = p->multiline ? MULTILINE_WINDOW : LINE_WINDOW, len = t->text->len;
    if (from + window < len && from >= t->line_start)
        from = len - window;
    bool found = g_regex_match_full(p->regex, t->text->str, (gssize)len, (gint)from, 0, &info, NULL);
    gint a = 0, b = 0;
    if (found)
        g_match_info_fetch_pos(info, 0, &a, &b);
    g_match_info_free(info);
    *start = (size_t)a;
    *end = (size_t)b;
    return found;
}
