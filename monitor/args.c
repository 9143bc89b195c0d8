/* SPDX-License-Identifier: MIT */
/*
 * Arguments of monitor commands. The text that help shows ("[-f] addr [size]") is also what is checked and
 * completed: words are arguments, brackets make them optional, "-x" is a flag, "/fmt" a format; whatever is
 * glued to a word ("driver[,prop=value]") belongs to it. The name says what kind of text is meant.
 */
#include "internal.h"
#include "util/error.h"

#include <ctype.h>
#include <string.h>

static const char *const expressions[] = { "addr", "size", "index", "state", "dx", "dy", "dz", "hold_ms", "expr", "begin",
                                           "length", "value", "vcpu", "head" };
static const char *const files[] = { "filename", "file" };

static ArgKind kind_of(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(expressions); i++)
        if (!strcmp(name, expressions[i]))
            return ARG_EXPR;
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
        if (!strcmp(name, files[i]))
            return ARG_FILE;
    return ARG_STRING;
}

static void add_arg(RowSpec *s, const char *text, size_t len, bool optional)
{
    if (s->count == ARGS_MAX)
        return;
    ArgSpec *a = &s->arg[s->count++];
    g_strlcpy(a->name, text, MIN(len + 1, sizeof(a->name)));
    a->kind = kind_of(a->name);
    a->optional = optional;
}

void monitor_row_spec(const char *args, RowSpec *out)
{
    memset(out, 0, sizeof(*out));
    unsigned depth = 0;
    for (const char *p = args; *p;) {
        if (*p == '[') {
            depth++;
            p++;
        } else if (*p == ']') {
            depth -= depth > 0;
            p++;
        } else if (*p == '-' && isalpha((unsigned char)p[1])) {
            size_t n = strlen(out->flags);
            if (n + 1 < sizeof(out->flags))
                out->flags[n] = p[1];
            p += 2;
        } else if (isalnum((unsigned char)*p) || *p == '/') {
            size_t n = strcspn(p, " []");
            if (*p == '/')
                out->format = true;
            else if (p[n - 1] != '=') /* "[key=]value": the key goes without saying */
                add_arg(out, p, strcspn(p, " [],=:"), depth > 0);
            if (!out->format && out->count && !strcmp(out->arg[out->count - 1].name, "value"))
                out->arg[out->count - 1].kind = ARG_STRING; /* a property's, not a port's */
            p += n;
            if (*p == '[' && p[1] == ',') /* glued: to the end of the word */
                p += strcspn(p, " ");
        } else {
            p++;
        }
    }
}

/* What messages call the command: all names, or of an info row the second word. */
static const char *shown_name(const MonitorCommand *row)
{
    return g_str_has_prefix(row->name, "info ") ? row->name + 5 : row->name;
}

static bool complain(Monitor *mon, const MonitorCommand *row, const char *fmt, const char *what)
{
    monitor_printf(mon, "%s: ", shown_name(row));
    monitor_printf(mon, "%s%s\n", fmt, what);
    monitor_usage_error(mon);
    return false;
}

static bool complain_missing(Monitor *mon, const MonitorCommand *row, const ArgSpec *a)
{
    if (a->kind != ARG_EXPR)
        return complain(mon, row, a->kind == ARG_FILE ? "filename" : "string", " expected");
    monitor_printf(mon, "unexpected end of expression\n");
    monitor_usage_error(mon);
    return false;
}

/* Joins argv[from …] to one word. */
static void join_rest(int *argc, char **argv, int from)
{
    char *joined = g_strjoinv(" ", argv + from);
    for (int i = from; i < *argc; i++)
        g_free(argv[i]);
    argv[from] = joined;
    argv[from + 1] = NULL;
    *argc = from + 1;
}

bool monitor_check_args(Monitor *mon, const MonitorCommand *row, int *argc, char **argv)
{
    RowSpec s;
    int first = 0;
    monitor_row_spec(row->args, &s);
    if (s.format && *argc && argv[0][0] == '/')
        first = 1;
    while (*s.flags && first < *argc && argv[first][0] == '-' && argv[first][1]) {
        for (const char *f = argv[first] + 1; *f; f++)
            if (!strchr(s.flags, *f)) {
                char letter[2] = { *f, 0 };
                return complain(mon, row, "unsupported option -", letter);
            }
        first++;
    }
    int given = *argc - first;
    if (given < (int)s.count && !s.arg[given].optional)
        return complain_missing(mon, row, &s.arg[given]);
    if (given <= (int)s.count)
        return true;
    if (s.count && (s.arg[s.count - 1].kind == ARG_EXPR) && s.format) {
        join_rest(argc, argv, first + (int)s.count - 1);
        return true;
    }
    return complain(mon, row, "extraneous characters at the end of line", "");
}
