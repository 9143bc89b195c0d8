/* SPDX-License-Identifier: MIT */
/*
 * The QMP byte stream as JSON values (RFC 8259). Values need no separator; this finds where each ends, jansson
 * parses it. Mistakes are worded as QEMU words them. A byte 0xff drops what was collected: clients send it
 * to start afresh. Left out: QEMU's %-interpolation, which no client can send.
 */
#include "qmp-json.h"

#include <string.h>

void json_framer_init(JSONFramer *f, void (*emit)(void *opaque, json_t *value, const char *error), void *opaque)
{
    memset(f, 0, sizeof(*f));
    f->text = g_string_new(NULL);
    f->emit = emit;
    f->opaque = opaque;
}

void json_framer_reset(JSONFramer *f)
{
    g_string_truncate(f->text, 0);
    f->depth = 0;
    f->quote = 0;
    f->escaped = f->scalar = false;
    f->skip = NULL;
}

void json_framer_free(JSONFramer *f)
{
    g_string_free(f->text, TRUE);
    f->text = NULL;
}

/* Between jansson's words for a mistake and QEMU's. */
static const char *const wordings[][2] = {
    { "':' expected", "missing : in object pair" },
    { "string or '}' expected", "expecting value" },
    { "'}' expected", "expected separator in dict" },
    { "']' expected", "expected separator in list" },
    { "unexpected token", "expecting value" },
    { "unexpected end of input", "expecting value" },
    { "duplicate object key", "duplicate key" },
    { "'[' or '{' expected", "expecting value" },
};

static char *describe_error(const json_error_t *e)
{
    static const char invalid[] = "invalid token near '";
    if (g_str_has_prefix(e->text, invalid)) {
        const char *word = e->text + sizeof(invalid) - 1;
        int n = (int)strcspn(word, "'");
        return g_strdup_printf("JSON parse error, invalid keyword '%.*s'", n, word);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(wordings); i++)
        if (g_str_has_prefix(e->text, wordings[i][0]))
            return g_strdup_printf("JSON parse error, %s", wordings[i][1]);
    return g_strdup_printf("JSON parse error, %s", e->text);
}

static void value_done(JSONFramer *f)
{
    json_error_t e;
    if (f->skip) {
        const char *why = f->skip;
        json_framer_reset(f);
        f->emit(f->opaque, NULL, why);
        return;
    }
    json_t *v = json_loadb(f->text->str, f->text->len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
    json_framer_reset(f);
    if (v) {
        f->emit(f->opaque, v, NULL);
        return;
    }
    char *why = describe_error(&e);
    f->emit(f->opaque, NULL, why);
    g_free(why);
}

static void stray(JSONFramer *f, char c)
{
    char why[64];
    g_snprintf(why, sizeof(why), g_ascii_isprint(c) ? "JSON parse error, stray '%c'" : "JSON parse error, stray input", c);
    json_framer_reset(f);
    f->emit(f->opaque, NULL, why);
}

static void append(JSONFramer *f, char c)
{
    if (!f->skip && f->text->len >= JSON_MAX_BYTES) {
        f->skip = "JSON token size limit exceeded";
        g_string_truncate(f->text, 0);
    }
    if (!f->skip)
        g_string_append_c(f->text, c);
}

/* Inside a string. 'single' ones become "double": inner double quotes gain a backslash, \' loses its own. */
static void string_char(JSONFramer *f, char c)
{
    if ((unsigned char)c < 0x20) { /* a forgotten quote must not swallow what follows */
        json_framer_reset(f);
        f->emit(f->opaque, NULL, "JSON parse error, control character in string");
    } else if (f->escaped) {
        f->escaped = false;
        if (c != '\'')
            append(f, '\\');
        append(f, c);
    } else if (c == '\\') {
        f->escaped = true;
    } else if (c == f->quote) {
        append(f, '"');
        f->quote = 0;
        if (!f->depth)
            value_done(f);
    } else {
        if (c == '"')
            append(f, '\\');
        append(f, c);
    }
}

static void open_bracket(JSONFramer *f, char closer)
{
    if (f->depth < JSON_MAX_DEPTH)
        f->closers[f->depth] = closer;
    else if (!f->skip)
        f->skip = "JSON nesting depth limit exceeded";
    f->depth++;
}

static void close_bracket(JSONFramer *f, char c)
{
    if (!f->depth || (f->depth <= JSON_MAX_DEPTH && f->closers[f->depth - 1] != c)) {
        if (f->depth) { /* [} : let the parser say what it expected */
            append(f, c);
            value_done(f);
        } else {
            stray(f, c);
        }
        return;
    }
    append(f, c);
    if (!--f->depth)
        value_done(f);
}

static void plain_char(JSONFramer *f, char c)
{
    bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    bool word = g_ascii_isalnum(c) || c == '-' || c == '+' || c == '.' || c == '_';
    if (f->scalar && !word) { /* a value outside brackets ended */
        f->scalar = false;
        value_done(f);
    }
    if (blank) {
        if (f->depth)
            append(f, ' ');
    } else if (c == '"' || c == '\'') {
        append(f, '"');
        f->quote = c;
    } else if (c == '{' || c == '[') {
        append(f, c);
        open_bracket(f, c == '{' ? '}' : ']');
    } else if (c == '}' || c == ']') {
        close_bracket(f, c);
    } else if (f->depth) {
        append(f, c);
    } else if (word) {
        f->scalar = true;
        append(f, c);
    } else {
        stray(f, c);
    }
}

void json_framer_feed(JSONFramer *f, const char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)buf[i] == 0xff) {
            bool busy = f->text->len || f->depth || f->skip;
            json_framer_reset(f);
            if (busy)
                f->emit(f->opaque, NULL, "JSON parse error, stray input");
        } else if (f->quote) {
            string_char(f, buf[i]);
        } else {
            plain_char(f, buf[i]);
        }
    }
}
