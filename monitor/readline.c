/* SPDX-License-Identifier: MIT */
/*
 * The monitor's line editor, for a terminal that knows ECMA-48 cursor sequences. Keys are those of Emacs and of
 * QEMU's monitor: Ctrl-A B D E F H K L N P U W, arrows, Home, End, Delete, Tab. No searching, no kill ring.
 */
#include "readline.h"

#include <string.h>

#define LINE_SIZE 4096
#define HISTORY_MAX 64
#define COLUMNS 80

struct ReadLine {
    const ReadLineOps *ops;
    void *opaque;
    char *prompt;
    char line[LINE_SIZE];
    unsigned len, cursor;
    unsigned escape;           /* 0 none, 1 after ESC, 2 after ESC [ */
    unsigned escape_arg;
    char *history[HISTORY_MAX];
    unsigned history_count, history_pos;
};

static void put(ReadLine *rl, const char *text)
{
    rl->ops->print(rl->opaque, text, strlen(text));
}

static void redraw(ReadLine *rl)
{
    put(rl, "\r\033[K");
    put(rl, rl->prompt);
    rl->ops->print(rl->opaque, rl->line, rl->len);
    if (rl->cursor < rl->len) {
        char back[24];
        g_snprintf(back, sizeof(back), "\033[%uD", rl->len - rl->cursor);
        put(rl, back);
    }
}

void readline_start(ReadLine *rl)
{
    rl->len = rl->cursor = rl->escape = 0;
    rl->line[0] = 0;
    rl->history_pos = rl->history_count;
    put(rl, rl->prompt);
}

static void set_line(ReadLine *rl, const char *text)
{
    rl->len = (unsigned)MIN(strlen(text), LINE_SIZE - 1);
    memcpy(rl->line, text, rl->len);
    rl->line[rl->len] = 0;
    rl->cursor = rl->len;
    redraw(rl);
}

static void insert_text(ReadLine *rl, const char *text, size_t n)
{
    if (rl->len + n >= LINE_SIZE)
        return;
    memmove(rl->line + rl->cursor + n, rl->line + rl->cursor, rl->len - rl->cursor + 1);
    memcpy(rl->line + rl->cursor, text, n);
    rl->len += (unsigned)n;
    rl->cursor += (unsigned)n;
    if (rl->cursor == rl->len)
        rl->ops->print(rl->opaque, text, n);
    else
        redraw(rl);
}

static void delete_before(ReadLine *rl, unsigned n)
{
    n = MIN(n, rl->cursor);
    memmove(rl->line + rl->cursor - n, rl->line + rl->cursor, rl->len - rl->cursor + 1);
    rl->cursor -= n;
    rl->len -= n;
    redraw(rl);
}

static void delete_at(ReadLine *rl)
{
    if (rl->cursor == rl->len)
        return;
    rl->cursor++;
    delete_before(rl, 1);
}

static void delete_word(ReadLine *rl)
{
    unsigned p = rl->cursor;
    while (p && rl->line[p - 1] == ' ')
        p--;
    while (p && rl->line[p - 1] != ' ')
        p--;
    delete_before(rl, rl->cursor - p);
}

static void delete_rest(ReadLine *rl)
{
    rl->len = rl->cursor;
    rl->line[rl->len] = 0;
    redraw(rl);
}

static void cursor_to(ReadLine *rl, unsigned pos)
{
    rl->cursor = MIN(pos, rl->len);
    redraw(rl);
}

/* ---- History ---- */

static void history_add(ReadLine *rl)
{
    if (!rl->len || (rl->history_count && !strcmp(rl->history[rl->history_count - 1], rl->line)))
        return;
    if (rl->history_count == HISTORY_MAX) {
        g_free(rl->history[0]);
        memmove(rl->history, rl->history + 1, sizeof(rl->history[0]) * (HISTORY_MAX - 1));
        rl->history_count--;
    }
    rl->history[rl->history_count++] = g_strdup(rl->line);
}

static void history_move(ReadLine *rl, int step)
{
    int pos = (int)rl->history_pos + step;
    if (pos < 0 || pos > (int)rl->history_count)
        return;
    rl->history_pos = (unsigned)pos;
    set_line(rl, pos == (int)rl->history_count ? "" : rl->history[pos]);
}

const char *readline_history(const ReadLine *rl, unsigned i)
{
    return i < rl->history_count ? rl->history[i] : NULL;
}

/* ---- Completion ---- */

static size_t common_length(const GPtrArray *words)
{
    const char *a = g_ptr_array_index(words, 0);
    size_t common = strlen(a);
    for (unsigned i = 1; i < words->len; i++) {
        const char *b = g_ptr_array_index(words, i);
        size_t k = 0;
        while (k < common && a[k] == b[k])
            k++;
        common = k;
    }
    return common;
}

static void show_choices(ReadLine *rl, const GPtrArray *words)
{
    size_t width = 0, column = 0;
    for (unsigned i = 0; i < words->len; i++)
        width = MAX(width, strlen(g_ptr_array_index(words, i)) + 2);
    put(rl, "\n");
    for (unsigned i = 0; i < words->len; i++) {
        char *cell = g_strdup_printf("%-*s", (int)width, (const char *)g_ptr_array_index(words, i));
        put(rl, cell);
        g_free(cell);
        column += width;
        if (column + width > COLUMNS || i + 1 == words->len) {
            put(rl, "\n");
            column = 0;
        }
    }
    redraw(rl);
}

static void complete(ReadLine *rl)
{
    size_t start = 0;
    char *head = g_strndup(rl->line, rl->cursor);
    GPtrArray *words = rl->ops->complete(rl->opaque, head, &start);
    size_t typed = rl->cursor - start;
    g_free(head);
    if (words->len) {
        const char *first = g_ptr_array_index(words, 0);
        size_t common = common_length(words);
        if (common > typed)
            insert_text(rl, first + typed, common - typed);
        else if (words->len > 1)
            show_choices(rl, words);
        if (words->len == 1 && first[strlen(first) - 1] != '/')
            insert_text(rl, " ", 1);
    }
    g_ptr_array_set_free_func(words, g_free);
    g_ptr_array_free(words, TRUE);
}

/* ---- Keys ---- */

static void enter(ReadLine *rl)
{
    put(rl, "\n");
    history_add(rl);
    char *line = g_strdup(rl->line);
    rl->len = rl->cursor = 0;
    rl->line[0] = 0;
    rl->ops->enter(rl->opaque, line);
    g_free(line);
    readline_start(rl);
}

static void escape_key(ReadLine *rl, uint8_t c)
{
    if (rl->escape == 1) {
        rl->escape = c == '[' || c == 'O' ? 2 : 0;
        rl->escape_arg = 0;
        return;
    }
    if (g_ascii_isdigit(c)) {
        rl->escape_arg = (rl->escape_arg * 10 + c - '0') % 1000;
        return;
    }
    rl->escape = 0;
    switch (c) {
    case 'A': history_move(rl, -1); break;
    case 'B': history_move(rl, 1); break;
    case 'C': cursor_to(rl, rl->cursor + 1); break;
    case 'D': cursor_to(rl, rl->cursor ? rl->cursor - 1 : 0); break;
    case 'H': cursor_to(rl, 0); break;
    case 'F': cursor_to(rl, rl->len); break;
    case '~':
        if (rl->escape_arg == 3)
            delete_at(rl);
        else if (rl->escape_arg == 1 || rl->escape_arg == 4)
            cursor_to(rl, rl->escape_arg == 1 ? 0 : rl->len);
        break;
    default: break;
    }
}

void readline_key(ReadLine *rl, uint8_t c)
{
    if (rl->escape) {
        escape_key(rl, c);
        return;
    }
    switch (c) {
    case 1: cursor_to(rl, 0); break;
    case 2: cursor_to(rl, rl->cursor ? rl->cursor - 1 : 0); break;
    case 4: delete_at(rl); break;
    case 5: cursor_to(rl, rl->len); break;
    case 6: cursor_to(rl, rl->cursor + 1); break;
    case 8:
    case 127: delete_before(rl, 1); break;
    case '\t': complete(rl); break;
    case '\r':
    case '\n': enter(rl); break;
    case 11: delete_rest(rl); break;
    case 12:
        put(rl, "\033[2J\033[H");
        redraw(rl);
        break;
    case 14: history_move(rl, 1); break;
    case 16: history_move(rl, -1); break;
    case 21: delete_before(rl, rl->cursor); break;
    case 23: delete_word(rl); break;
    case 27: rl->escape = 1; break;
    default:
        if (c >= 32)
            insert_text(rl, (const char *)&c, 1);
        break;
    }
}

ReadLine *readline_new(const ReadLineOps *ops, void *opaque, const char *prompt)
{
    ReadLine *rl = g_new0(ReadLine, 1);
    rl->ops = ops;
    rl->opaque = opaque;
    rl->prompt = g_strdup(prompt);
    return rl;
}

void readline_free(ReadLine *rl)
{
    for (unsigned i = 0; i < rl->history_count; i++)
        g_free(rl->history[i]);
    g_free(rl->prompt);
    g_free(rl);
}
