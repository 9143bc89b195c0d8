/* SPDX-License-Identifier: MIT */
/* Errors: building them up, printing them, and finding the word the user may have meant. */
#include "util/error.h"
#include "monitor.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct Error {
    char *message;
    const char *class_name; /* NULL: GenericError */
    GString *hint;
};

static const char *progname = "rhea";

void error_set_progname(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    progname = slash ? slash + 1 : argv0;
}

const char *error_get_progname(void)
{
    return progname;
}

static void error_setv(Error **errp, int os_errno, const char *fmt, va_list ap)
{
    if (!errp)
        return;
    g_assert(!*errp);
    Error *e = g_new0(Error, 1);
    e->message = g_strdup_vprintf(fmt, ap);
    if (os_errno) {
        char *with = g_strdup_printf("%s: %s", e->message, g_strerror(os_errno));
        g_free(e->message);
        e->message = with;
    }
    *errp = e;
}

void error_setg(Error **errp, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_setv(errp, 0, fmt, ap);
    va_end(ap);
}

void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_setv(errp, os_errno, fmt, ap);
    va_end(ap);
}

void error_setg_class(Error **errp, const char *class_name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    error_setv(errp, 0, fmt, ap);
    va_end(ap);
    if (errp)
        (*errp)->class_name = class_name;
}

const char *error_get_class(const Error *err)
{
    return err->class_name ? err->class_name : "GenericError";
}

void error_append_hint(Error **errp, const char *fmt, ...)
{
    if (!errp || !*errp)
        return;
    if (!(*errp)->hint)
        (*errp)->hint = g_string_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    g_string_append_vprintf((*errp)->hint, fmt, ap);
    va_end(ap);
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    if (!errp || !*errp)
        return;
    va_list ap;
    va_start(ap, fmt);
    char *head = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    char *whole = g_strconcat(head, (*errp)->message, NULL);
    g_free(head);
    g_free((*errp)->message);
    (*errp)->message = whole;
}

const char *error_get_pretty(const Error *err)
{
    return err->message;
}

void error_free(Error *err)
{
    if (!err)
        return;
    g_free(err->message);
    if (err->hint)
        g_string_free(err->hint, TRUE);
    g_free(err);
}

void error_propagate(Error **dst, Error *src)
{
    if (!src)
        return;
    if (dst && !*dst)
        *dst = src;
    else
        error_free(src);
}

/* Text goes to the monitor whose command is running, otherwise to stderr with the program's name. */
static void report(const char *kind, const char *text)
{
    if (current_monitor)
        monitor_printf(current_monitor, "%s%s\n", kind, text);
    else
        fprintf(stderr, "%s: %s%s\n", progname, kind, text);
}

static void reportv(const char *kind, const char *fmt, va_list ap)
{
    char *text = g_strdup_vprintf(fmt, ap);
    report(kind, text);
    g_free(text);
}

void error_report_err(Error *err)
{
    report("", err->message);
    if (err->hint) {
        if (current_monitor)
            monitor_printf(current_monitor, "%s", err->hint->str);
        else
            fputs(err->hint->str, stderr);
    }
    error_free(err);
}

void error_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reportv("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reportv("warning: ", fmt, ap);
    va_end(ap);
}

void info_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reportv("info: ", fmt, ap);
    va_end(ap);
}

/* Levenshtein distance, case-insensitive; both words are short (option and device names). */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > 63 || lb > 63)
        return 64;
    unsigned row[64];
    for (size_t j = 0; j <= lb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);
            unsigned best = MIN(MIN(row[j], row[j - 1]) + 1, diagonal + cost);
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[lb];
}

const char *nearest_word(const char *word, const char *const *list)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)strlen(word) / 3 + 1;
    for (; list && *list; list++) {
        unsigned d = edit_distance(word, *list);
        if (d <= best_distance && (!best || d < best_distance)) {
            best = *list;
            best_distance = d;
        }
    }
    return best;
}
