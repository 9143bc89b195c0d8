/* SPDX-License-Identifier: MIT */
/*
 * The human monitor: a line editor with history and completion on a character device, and dispatch to the
 * command table that all subsystems register rows in.
 */
#include "monitor.h"
#include "chardev.h"
#include "cpu.h"
#include "internal.h"
#include "util/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define LINE_MAX_ 4096
#define HISTORY_MAX 64

struct Monitor {
    Chardev *chr;              /* NULL: output goes to out (tests, qRcmd) */
    GString *out;              /* collected output when chr is NULL */
    char line[LINE_MAX_];
    unsigned len, cursor;
    unsigned escape;           /* 0 none, 1 after ESC, 2 after ESC [ */
    unsigned escape_arg;
    char *history[HISTORY_MAX];
    unsigned history_count, history_pos;
    bool opened;
};

Monitor *current_monitor;
static GPtrArray *rows;        /* const MonitorCommand * */
static GPtrArray *monitors;

void monitor_register(const MonitorCommand *table, unsigned n)
{
    if (!rows)
        rows = g_ptr_array_new();
    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(rows, (void *)&table[i]);
}

static gint compare_rows(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const MonitorCommand *const *)a)->name, (*(const MonitorCommand *const *)b)->name);
}

const GPtrArray *monitor_rows(void)
{
    if (rows)
        g_ptr_array_sort(rows, compare_rows);
    return rows;
}

/* ---- Output ---- */

static void monitor_puts(Monitor *mon, const char *text, size_t len)
{
    if (!mon->chr) {
        g_string_append_len(mon->out, text, (gssize)len);
        return;
    }
    for (size_t i = 0; i < len;) {
        const char *nl = memchr(text + i, '\n', len - i);
        size_t n = nl ? (size_t)(nl - text) - i : len - i;
        chardev_write(mon->chr, (const uint8_t *)text + i, n);
        i += n;
        if (nl) {
            chardev_write(mon->chr, (const uint8_t *)"\r\n", 2);
            i++;
        }
    }
}

void monitor_printf(Monitor *mon, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    monitor_puts(mon, text, strlen(text));
    g_free(text);
}

static ssize_t stream_write(void *cookie, const char *buf, size_t len)
{
    monitor_puts(cookie, buf, len);
    return (ssize_t)len;
}

FILE *monitor_stream(Monitor *mon)
{
    FILE *f = fopencookie(mon, "w", (cookie_io_functions_t){ .write = stream_write });
    g_assert(f);
    return f;
}

/* ---- Dispatch ---- */

/* Splits into words; "double quotes" keep blanks and know \" and \\. Returns NULL on an open quote. */
static char **split_line(const char *line, int *argc)
{
    GPtrArray *words = g_ptr_array_new();
    const char *p = line;
    bool bad = false;
    while (!bad) {
        while (isspace((unsigned char)*p))
            p++;
        if (!*p)
            break;
        GString *w = g_string_new(NULL);
        bool quoted = *p == '"';
        if (quoted)
            p++;
        while (*p && (quoted ? *p != '"' : !isspace((unsigned char)*p))) {
            if (quoted && *p == '\\' && p[1])
                p++;
            g_string_append_c(w, *p++);
        }
        bad = quoted && *p != '"';
        if (quoted && *p)
            p++;
        g_ptr_array_add(words, g_string_free(w, FALSE));
    }
    *argc = (int)words->len;
    g_ptr_array_add(words, NULL);
    char **argv = (char **)g_ptr_array_free(words, FALSE);
    if (bad) {
        g_strfreev(argv);
        return NULL;
    }
    return argv;
}

/* Does "a|b" name this word? */
static bool name_matches(const char *names, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = names; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (!strncmp(p, word, n) && (p[n] == '|' || !p[n]))
            return true;
    return false;
}

/* The row for argv ("info x" rows take two words); *used tells how many words name it. */
static const MonitorCommand *find_row(char **argv, int argc, int *used)
{
    const GPtrArray *all = monitor_rows();
    if (argc >= 2 && !strcmp(argv[0], "info")) {
        char *two = g_strconcat("info ", argv[1], NULL);
        for (unsigned i = 0; i < all->len; i++) {
            const MonitorCommand *r = g_ptr_array_index(all, i);
            if (!strcmp(r->name, two)) {
                g_free(two);
                *used = 2;
                return r;
            }
        }
        g_free(two);
    }
    for (unsigned i = 0; i < all->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(all, i);
        if (name_matches(r->name, argv[0])) {
            *used = 1;
            return r;
        }
    }
    return NULL;
}

/* x/10i style: a "/format" glued to the command becomes its first argument. */
static char *separate_format(const char *line)
{
    const char *p = line;
    while (isalpha((unsigned char)*p))
        p++;
    if (*p != '/' || p == line)
        return g_strdup(line);
    return g_strdup_printf("%.*s %s", (int)(p - line), line, p);
}

void monitor_run_line(Monitor *mon, const char *line)
{
    int argc, used = 0;
    while (isspace((unsigned char)*line))
        line++;
    char *text = separate_format(line);
    char **argv = split_line(text, &argc);
    g_free(text);
    Monitor *saved = current_monitor;
    current_monitor = mon;
    if (!argv) {
        monitor_printf(mon, "unterminated string literal\n");
    } else if (argc) {
        const MonitorCommand *row = find_row(argv, argc, &used);
        if (row)
            row->run(mon, argc - used, argv + used);
        else
            monitor_printf(mon, "unknown command: '%s'\n", argv[0]);
    }
    current_monitor = saved;
    g_strfreev(argv);
}

/* ---- Line editor ---- */

#define PROMPT_FORMAT "(%s) "

static const char *prompt_name(void)
{
    return g_str_has_prefix(error_get_progname(), "qemu") ? "qemu" : "rhea";
}

static void show_prompt(Monitor *mon)
{
    monitor_printf(mon, PROMPT_FORMAT, prompt_name());
}

static void redraw(Monitor *mon)
{
    monitor_printf(mon, "\r\033[K");
    show_prompt(mon);
    monitor_puts(mon, mon->line, mon->len);
    if (mon->cursor < mon->len)
        monitor_printf(mon, "\033[%uD", mon->len - mon->cursor);
}

static void set_line(Monitor *mon, const char *text)
{
    mon->len = (unsigned)MIN(strlen(text), LINE_MAX_ - 1);
    memcpy(mon->line, text, mon->len);
    mon->line[mon->len] = 0;
    mon->cursor = mon->len;
    redraw(mon);
}

static void insert_text(Monitor *mon, const char *text, size_t n)
{
    if (mon->len + n >= LINE_MAX_)
        return;
    memmove(mon->line + mon->cursor + n, mon->line + mon->cursor, mon->len - mon->cursor + 1);
    memcpy(mon->line + mon->cursor, text, n);
    mon->len += (unsigned)n;
    mon->cursor += (unsigned)n;
    if (mon->cursor == mon->len)
        monitor_puts(mon, text, n);
    else
        redraw(mon);
}

static void delete_before(Monitor *mon, unsigned n)
{
    n = MIN(n, mon->cursor);
    memmove(mon->line + mon->cursor - n, mon->line + mon->cursor, mon->len - mon->cursor + 1);
    mon->cursor -= n;
    mon->len -= n;
    redraw(mon);
}

static void delete_word(Monitor *mon)
{
    unsigned p = mon->cursor;
    while (p && mon->line[p - 1] == ' ')
        p--;
    while (p && mon->line[p - 1] != ' ')
        p--;
    delete_before(mon, mon->cursor - p);
}

static void history_add(Monitor *mon)
{
    if (!mon->len || (mon->history_count && !strcmp(mon->history[mon->history_count - 1], mon->line)))
        return;
    if (mon->history_count == HISTORY_MAX) {
        g_free(mon->history[0]);
        memmove(mon->history, mon->history + 1, sizeof(mon->history[0]) * (HISTORY_MAX - 1));
        mon->history_count--;
    }
    mon->history[mon->history_count++] = g_strdup(mon->line);
}

static void history_move(Monitor *mon, int step)
{
    int pos = (int)mon->history_pos + step;
    if (pos < 0 || pos > (int)mon->history_count)
        return;
    mon->history_pos = (unsigned)pos;
    set_line(mon, pos == (int)mon->history_count ? "" : mon->history[pos]);
}

void monitor_show_history(Monitor *mon, Monitor *out)
{
    for (unsigned i = 0; i < mon->history_count; i++)
        monitor_printf(out, "%u: '%s'\n", i, mon->history[i]);
}

/* Extends the command name (or "info" sub-command) before the cursor, or lists what it may become. */
static void complete(Monitor *mon)
{
    char *head = g_strndup(mon->line, mon->cursor);
    GPtrArray *found = g_ptr_array_new();
    const GPtrArray *all = monitor_rows();
    size_t n = strlen(head);
    for (unsigned i = 0; all && i < all->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(all, i);
        char **names = g_strsplit(r->name, "|", -1);
        for (char **p = names; *p; p++)
            if (!strncmp(*p, head, n) && (strchr(head, ' ') || !strchr(*p, ' ')))
                g_ptr_array_add(found, g_strdup(*p));
        g_strfreev(names);
    }
    if (found->len == 1) {
        const char *word = g_ptr_array_index(found, 0);
        insert_text(mon, word + n, strlen(word) - n);
        insert_text(mon, " ", 1);
    } else if (found->len > 1) {
        size_t common = strlen(g_ptr_array_index(found, 0));
        for (unsigned i = 1; i < found->len; i++) {
            const char *a = g_ptr_array_index(found, 0), *b = g_ptr_array_index(found, i);
            size_t k = 0;
            while (k < common && a[k] == b[k])
                k++;
            common = k;
        }
        if (common > n) {
            insert_text(mon, (const char *)g_ptr_array_index(found, 0) + n, common - n);
        } else {
            monitor_printf(mon, "\n");
            for (unsigned i = 0; i < found->len; i++)
                monitor_printf(mon, "%s  ", (const char *)g_ptr_array_index(found, i));
            monitor_printf(mon, "\n");
            redraw(mon);
        }
    }
    for (unsigned i = 0; i < found->len; i++)
        g_free(g_ptr_array_index(found, i));
    g_ptr_array_free(found, TRUE);
    g_free(head);
}

static void enter_line(Monitor *mon)
{
    monitor_printf(mon, "\n");
    history_add(mon);
    mon->history_pos = mon->history_count;
    char *line = g_strdup(mon->line);
    mon->len = mon->cursor = 0;
    mon->line[0] = 0;
    monitor_run_line(mon, line);
    g_free(line);
    show_prompt(mon);
}

static void cursor_to(Monitor *mon, unsigned pos)
{
    mon->cursor = MIN(pos, mon->len);
    redraw(mon);
}

static void escape_key(Monitor *mon, uint8_t c)
{
    if (mon->escape == 1) {
        mon->escape = c == '[' || c == 'O' ? 2 : 0;
        mon->escape_arg = 0;
        return;
    }
    if (isdigit(c)) {
        mon->escape_arg = (mon->escape_arg * 10 + c - '0') % 1000;
        return;
    }
    mon->escape = 0;
    switch (c) {
    case 'A': history_move(mon, -1); break;
    case 'B': history_move(mon, 1); break;
    case 'C': cursor_to(mon, mon->cursor + 1); break;
    case 'D': cursor_to(mon, mon->cursor ? mon->cursor - 1 : 0); break;
    case 'H': cursor_to(mon, 0); break;
    case 'F': cursor_to(mon, mon->len); break;
    case '~':
        if (mon->escape_arg == 3 && mon->cursor < mon->len) {
            mon->cursor++;
            delete_before(mon, 1);
        } else if (mon->escape_arg == 1 || mon->escape_arg == 4) {
            cursor_to(mon, mon->escape_arg == 1 ? 0 : mon->len);
        }
        break;
    default: break;
    }
}

static void edit_key(Monitor *mon, uint8_t c)
{
    if (mon->escape) {
        escape_key(mon, c);
        return;
    }
    switch (c) {
    case 1: cursor_to(mon, 0); break;
    case 2: cursor_to(mon, mon->cursor ? mon->cursor - 1 : 0); break;
    case 4:
        if (mon->cursor < mon->len) {
            mon->cursor++;
            delete_before(mon, 1);
        }
        break;
    case 5: cursor_to(mon, mon->len); break;
    case 6: cursor_to(mon, mon->cursor + 1); break;
    case 8:
    case 127: delete_before(mon, 1); break;
    case '\t': complete(mon); break;
    case '\r':
    case '\n': enter_line(mon); break;
    case 11:
        mon->len = mon->cursor;
        mon->line[mon->len] = 0;
        redraw(mon);
        break;
    case 12: redraw(mon); break;
    case 14: history_move(mon, 1); break;
    case 16: history_move(mon, -1); break;
    case 21: delete_before(mon, mon->cursor); break;
    case 23: delete_word(mon); break;
    case 27: mon->escape = 1; break;
    default:
        if (c >= 32)
            insert_text(mon, (const char *)&c, 1);
        break;
    }
}

static size_t monitor_can_read(void *opaque)
{
    return 256;
}

static void monitor_read(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        edit_key(opaque, buf[i]);
}

static void monitor_greet(Monitor *mon)
{
    if (!mon->opened)
        monitor_printf(mon, "%s %s monitor - type 'help' for more information\n",
                       prompt_name()[0] == 'q' ? "QEMU" : "Rhea", CONFIG_VERSION);
    mon->opened = true;
    mon->len = mon->cursor = 0;
    mon->line[0] = 0;
    show_prompt(mon);
}

static void monitor_event(void *opaque, ChardevEvent e)
{
    if (e == CHR_EVENT_OPENED)
        monitor_greet(opaque);
}

static const ChardevFrontend monitor_frontend = { monitor_can_read, monitor_read, monitor_event };

Monitor *monitor_new(Chardev *chr, Error **errp)
{
    Monitor *mon = g_new0(Monitor, 1);
    mon->chr = chr;
    if (chr && !chardev_attach(chr, &monitor_frontend, mon, errp)) {
        g_free(mon);
        return NULL;
    }
    if (!chr)
        mon->out = g_string_new(NULL);
    else if (!chardev_is_mux(chr))
        monitor_greet(mon);
    if (!monitors)
        monitors = g_ptr_array_new();
    g_ptr_array_add(monitors, mon);
    return mon;
}

char *monitor_take_output(Monitor *mon)
{
    char *text = g_string_free(mon->out, FALSE);
    mon->out = g_string_new(NULL);
    return text;
}

void monitor_free(Monitor *mon)
{
    g_ptr_array_remove(monitors, mon);
    if (mon->chr)
        chardev_detach(mon->chr, mon);
    for (unsigned i = 0; i < mon->history_count; i++)
        g_free(mon->history[i]);
    if (mon->out)
        g_string_free(mon->out, TRUE);
    g_free(mon);
}

void monitors_exit(void)
{
    while (monitors && monitors->len)
        monitor_free(g_ptr_array_index(monitors, 0));
    if (monitors)
        g_ptr_array_free(monitors, TRUE);
    monitors = NULL;
}
