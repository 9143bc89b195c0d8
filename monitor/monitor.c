/* SPDX-License-Identifier: MIT */
/*
 * The human monitor: a line editor on a character device, and dispatch to the table of commands that all
 * subsystems register rows in.
 */
#include "monitor.h"
#include "chardev.h"
#include "cpu.h"
#include "internal.h"
#include "readline.h"
#include "util/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

struct Monitor {
    Chardev *chr;        /* NULL: output goes to out (QMP, gdb qRcmd, tests) */
    GString *out;
    ReadLine *readline;  /* NULL without a character device */
    bool greeted, usage_error;
};

Monitor *current_monitor;
static GPtrArray *rows;  /* const MonitorCommand * */
static bool rows_sorted;
static GPtrArray *monitors;

void monitor_register(const MonitorCommand *table, unsigned n)
{
    if (!rows)
        rows = g_ptr_array_new();
    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(rows, (void *)&table[i]);
    rows_sorted = false;
}

static gint compare_rows(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const MonitorCommand *const *)a)->name, (*(const MonitorCommand *const *)b)->name);
}

const GPtrArray *monitor_rows(void)
{
    if (!rows_sorted)
        g_ptr_array_sort(rows, compare_rows);
    rows_sorted = true;
    return rows;
}

/* ---- Output ---- */

/* Lines end with CR LF, also in what QMP's human-monitor-command returns. */
static void monitor_puts(Monitor *mon, const char *text, size_t len)
{
    GString *s = mon->chr ? g_string_sized_new(len + 16) : mon->out;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            g_string_append_c(s, '\r');
        g_string_append_c(s, text[i]);
    }
    if (mon->chr) {
        chardev_write_all(mon->chr, (const uint8_t *)s->str, s->len);
        g_string_free(s, TRUE);
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

void monitor_report(Monitor *mon, Error *err)
{
    if (err)
        monitor_printf(mon, "Error: %s\n", error_get_pretty(err));
    error_free(err);
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

/* One word; "double quotes" keep blanks and know \" \\ \n \r \'. False on an open quote. */
static bool next_word(const char **p, GString *w)
{
    bool quoted = **p == '"';
    if (quoted)
        ++*p;
    while (**p && (quoted ? **p != '"' : !isspace((unsigned char)**p))) {
        char c = *(*p)++;
        if (quoted && c == '\\' && **p) {
            c = *(*p)++;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        g_string_append_c(w, c);
    }
    if (quoted && **p != '"')
        return false;
    *p += quoted;
    return true;
}

/* Splits into words; NULL on an open quote. */
static char **split_line(const char *line, int *argc)
{
    GPtrArray *words = g_ptr_array_new();
    bool ok = true;
    while (ok) {
        while (isspace((unsigned char)*line))
            line++;
        if (!*line)
            break;
        GString *w = g_string_new(NULL);
        ok = next_word(&line, w);
        g_ptr_array_add(words, g_string_free(w, FALSE));
    }
    *argc = (int)words->len;
    g_ptr_array_add(words, NULL);
    char **argv = (char **)g_ptr_array_free(words, FALSE);
    if (ok)
        return argv;
    g_strfreev(argv);
    return NULL;
}

/* Does "a|b" name this word? */
static bool name_matches(const char *names, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = names; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (n && !strncmp(p, word, n) && (p[n] == '|' || !p[n]))
            return true;
    return false;
}

const MonitorCommand *monitor_find_row(char **argv, int argc, int *used)
{
    const GPtrArray *all = monitor_rows();
    bool info = argc >= 2 && !strcmp(argv[0], "info");
    for (unsigned i = 0; i < all->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(all, i);
        bool is_info = g_str_has_prefix(r->name, "info ");
        if (is_info ? info && !strcmp(r->name + 5, argv[1]) : !info && name_matches(r->name, argv[0])) {
            *used = is_info ? 2 : 1;
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

void monitor_usage_error(Monitor *mon)
{
    mon->usage_error = true;
}

static void run_row(Monitor *mon, const MonitorCommand *row, int argc, char **argv, int used)
{
    argc -= used;
    mon->usage_error = false;
    if (monitor_check_args(mon, row, &argc, argv + used))
        row->run(mon, argc, argv + used);
    if (mon->usage_error)
        monitor_printf(mon, "Try \"help %s%s%s\" for more information\n", argv[0], used > 1 ? " " : "", used > 1 ? argv[1] : "");
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
    const MonitorCommand *row = argv && argc ? monitor_find_row(argv, argc, &used) : NULL;
    if (!argv)
        monitor_printf(mon, "unterminated string literal\n");
    else if (row)
        run_row(mon, row, argc, argv, used);
    else if (argc > 1 && !strcmp(argv[0], "info"))
        monitor_printf(mon, "unknown command: 'info %s'\n", argv[1]);
    else if (argc)
        monitor_printf(mon, "unknown command: '%s'\n", argv[0]);
    current_monitor = saved;
    g_strfreev(argv);
}

/* ---- The terminal side ---- */

static bool compat_name(void)
{
    return g_str_has_prefix(error_get_progname(), "qemu");
}

void monitor_show_history(Monitor *mon)
{
    const char *line;
    for (unsigned i = 0; mon->readline && (line = readline_history(mon->readline, i)); i++)
        monitor_printf(mon, "%u: '%s'\n", i, line);
}

static void print_text(void *opaque, const char *text, size_t len)
{
    monitor_puts(opaque, text, len);
}

static void enter_line(void *opaque, const char *line)
{
    monitor_run_line(opaque, line);
}

static const ReadLineOps readline_ops = { print_text, enter_line, monitor_complete };

static size_t monitor_can_read(void *opaque)
{
    return chardev_unsent(((Monitor *)opaque)->chr) < 1 * MiB ? 256 : 0;
}

static void monitor_read(void *opaque, const uint8_t *buf, size_t len)
{
    Monitor *mon = opaque;
    for (size_t i = 0; i < len; i++)
        readline_key(mon->readline, buf[i]);
}

static void monitor_greet(Monitor *mon)
{
    if (!mon->greeted)
        monitor_printf(mon, "%s %s monitor - type 'help' for more information\n", compat_name() ? "QEMU" : "Rhea",
                       CONFIG_VERSION);
    mon->greeted = true;
    readline_start(mon->readline);
}

static void monitor_event(void *opaque, ChardevEvent e)
{
    Monitor *mon = opaque;
    if (e == CHR_EVENT_OPENED)
        monitor_greet(mon);
    else if (e == CHR_EVENT_CLOSED)
        mon->greeted = false;
}

static const ChardevFrontend monitor_frontend = { monitor_can_read, monitor_read, monitor_event, true };

Monitor *monitor_new(Chardev *chr, Error **errp)
{
    Monitor *mon = g_new0(Monitor, 1);
    mon->chr = chr;
    if (chr && !chardev_attach(chr, &monitor_frontend, mon, errp)) {
        g_free(mon);
        return NULL;
    }
    if (!monitors)
        monitors = g_ptr_array_new();
    g_ptr_array_add(monitors, mon);
    if (!chr) {
        mon->out = g_string_new(NULL);
        return mon;
    }
    mon->readline = readline_new(&readline_ops, mon, compat_name() ? "(qemu) " : "(rhea) ");
    if (!chardev_is_mux(chr) && chardev_is_open(chr))
        monitor_greet(mon);
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
    if (mon->readline)
        readline_free(mon->readline);
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
