/* SPDX-License-Identifier: MIT */
/*
 * Reports of smoke tests: JSON as the engine made it, JUnit (the testsuites/testsuite/testcase form CI servers read),
 * TAP version 13, and the bare console log. A series ("runs") is a suite per run.
 */
#include "smoke-internal.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = { "junit", "json", "tap", "log", "png", NULL };

static const char *text_of(json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static double number_of(json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

bool smoke_report_check(OptGroup *o, Error **errp)
{
    for (unsigned i = 0; i < o->count; i++) {
        if (g_strv_contains(keys, o->opts[i].key))
            continue;
        const char *near = nearest_word(o->opts[i].key, keys);
        error_setg(errp, "%s: unknown report '%s' (junit, json, tap, log, png)%s%s%s", o->source, o->opts[i].key,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    return true;
}

/* The runs of a series, or the one run. Borrowed references. */
static GPtrArray *runs_of(json_t *run)
{
    GPtrArray *list = g_ptr_array_new();
    json_t *runs = json_object_get(run, "runs"), *r;
    size_t i;
    if (!runs)
        g_ptr_array_add(list, run);
    json_array_foreach(runs, i, r)
        g_ptr_array_add(list, r);
    return list;
}

/* ---- JUnit ---- */

/* XML 1.0 has no control characters, not even as references. */
static void append_xml(GString *s, const char *text)
{
    char *clean = g_strdup(text);
    for (char *p = clean; *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t')
            *p = ' ';
    char *valid = g_utf8_make_valid(clean, -1), *escaped = g_markup_escape_text(valid, -1);
    g_string_append(s, escaped);
    g_free(escaped);
    g_free(valid);
    g_free(clean);
}

static void append_attr(GString *s, const char *name, const char *value)
{
    g_string_append_printf(s, " %s=\"", name);
    append_xml(s, value);
    g_string_append_c(s, '"');
}

static void append_lines(GString *s, json_t *list, const char *title)
{
    size_t i;
    json_t *v;
    g_string_append_printf(s, "\n%s:\n", title);
    json_array_foreach(list, i, v) {
        if (json_is_string(v))
            append_xml(s, json_string_value(v));
        append_xml(s, text_of(v, "at"));
        if (*text_of(v, "symbol")) {
            g_string_append(s, " ");
            append_xml(s, text_of(v, "symbol"));
        }
        g_string_append_c(s, '\n');
    }
}

static void append_failure(GString *s, json_t *run)
{
    const char *result = text_of(run, "result");
    const char *tag = strcmp(result, "failed") ? "error" : "failure";
    json_t *failure = json_object_get(run, "failure");
    g_string_append_printf(s, "      <%s", tag);
    append_attr(s, "type", result);
    append_attr(s, "message", text_of(run, "reason"));
    g_string_append_c(s, '>');
    append_xml(s, text_of(run, "reason"));
    append_lines(s, json_object_get(failure, "last-lines"), "Last lines of the console");
    g_string_append(s, "\nRegisters:\n");
    append_xml(s, text_of(failure, "registers"));
    append_lines(s, json_object_get(failure, "stack"), "Stack");
    g_string_append_printf(s, "</%s>\n", tag);
}

static void append_case(GString *s, json_t *run, json_t *step, bool *told)
{
    const char *state = text_of(step, "state");
    g_string_append(s, "    <testcase");
    append_attr(s, "classname", text_of(run, "test"));
    append_attr(s, "name", text_of(step, "name"));
    g_string_append_printf(s, " time=\"%.6f\">\n", number_of(step, "wall-seconds"));
    if (!strcmp(state, "failed")) {
        append_failure(s, run);
        *told = true;
    } else if (!strcmp(state, "not-run")) {
        g_string_append(s, "      <skipped message=\"not reached\"/>\n");
    }
    g_string_append(s, "    </testcase>\n");
}

static unsigned count_state(json_t *steps, const char *state)
{
    unsigned n = 0;
    size_t i;
    json_t *step;
    json_array_foreach(steps, i, step)
        n += !strcmp(text_of(step, "state"), state);
    return n;
}

static void append_properties(GString *s, json_t *run)
{
    const char *name;
    json_t *mark;
    g_string_append(s, "    <properties>\n");
    g_string_append_printf(s, "      <property name=\"seed\" value=\"%lld\"/>\n",
                           (long long)json_integer_value(json_object_get(run, "seed")));
    json_object_foreach(json_object_get(run, "marks"), name, mark)
        g_string_append_printf(s, "      <property name=\"mark.%s\" value=\"%.6f\"/>\n", name, number_of(mark, "wall-seconds"));
    g_string_append(s, "    </properties>\n");
}

static void append_suite(GString *s, json_t *run)
{
    json_t *steps = json_object_get(run, "steps"), *step;
    unsigned failed = count_state(steps, "failed");
    bool by_step = !strcmp(text_of(run, "result"), "failed"), passed = !strcmp(text_of(run, "result"), "passed"), told = passed;
    size_t i;
    if (!passed && !failed)
        failed = 1;
    g_string_append(s, "  <testsuite");
    append_attr(s, "name", text_of(run, "test"));
    g_string_append_printf(s, " tests=\"%zu\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.6f\">\n",
                           json_array_size(steps), by_step ? failed : 0, by_step ? 0 : failed, count_state(steps, "not-run"),
                           number_of(run, "wall-seconds"));
    append_properties(s, run);
    json_array_foreach(steps, i, step)
        append_case(s, run, step, &told);
    if (!told) { /* it failed after its last step */
        g_string_append(s, "    <testcase classname=\"smoke\" name=\"end\" time=\"0\">\n");
        append_failure(s, run);
        g_string_append(s, "    </testcase>\n");
    }
    g_string_append(s, "    <system-out>");
    append_xml(s, text_of(run, "console"));
    g_string_append(s, "</system-out>\n  </testsuite>\n");
}

char *smoke_report_junit(json_t *run)
{
    GString *s = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rhea-smoke\">\n");
    GPtrArray *runs = runs_of(run);
    for (guint i = 0; i < runs->len; i++)
        append_suite(s, g_ptr_array_index(runs, i));
    g_ptr_array_free(runs, TRUE);
    g_string_append(s, "</testsuites>\n");
    return g_string_free(s, FALSE);
}

/* ---- TAP ---- */

/* A description ends with its line; # would start a directive. */
static void append_description(GString *s, const char *text)
{
    for (; *text; text++) {
        if (*text == '#' || *text == '\\')
            g_string_append_c(s, '\\');
        g_string_append_c(s, (unsigned char)*text < 0x20 ? ' ' : *text);
    }
}

static void append_tap_failure(GString *s, json_t *run)
{
    char *quoted = g_strescape(text_of(run, "reason"), "");
    g_string_append_printf(s, "  ---\n  result: %s\n  message: \"%s\"\n  last_lines: |\n", text_of(run, "result"), quoted);
    g_free(quoted);
    json_t *lines = json_object_get(json_object_get(run, "failure"), "last-lines"), *v;
    size_t i;
    json_array_foreach(lines, i, v)
        g_string_append_printf(s, "    %s\n", json_string_value(v));
    g_string_append(s, "  ...\n");
}

char *smoke_report_tap(json_t *run)
{
    GString *s = g_string_new("TAP version 13\n");
    GPtrArray *runs = runs_of(run);
    unsigned number = 0, total = 0;
    for (guint i = 0; i < runs->len; i++)
        total += (unsigned)json_array_size(json_object_get(g_ptr_array_index(runs, i), "steps"));
    g_string_append_printf(s, "1..%u\n", total);
    for (guint i = 0; i < runs->len; i++) {
        json_t *one = g_ptr_array_index(runs, i), *step;
        size_t k;
        json_array_foreach(json_object_get(one, "steps"), k, step) {
            const char *state = text_of(step, "state");
            bool failed = !strcmp(state, "failed");
            g_string_append_printf(s, "%sok %u - ", failed ? "not " : "", ++number);
            if (runs->len > 1)
                g_string_append_printf(s, "run %u: ", i + 1);
            append_description(s, text_of(step, "name"));
            g_string_append(s, !strcmp(state, "not-run") ? " # SKIP not reached\n" : "\n");
            if (failed)
                append_tap_failure(s, one);
        }
    }
    g_ptr_array_free(runs, TRUE);
    return g_string_free(s, FALSE);
}

/* ---- Files ---- */

static char *console_log(json_t *run)
{
    GString *s = g_string_new(NULL);
    GPtrArray *runs = runs_of(run);
    for (guint i = 0; i < runs->len; i++)
        g_string_append(s, text_of(g_ptr_array_index(runs, i), "console"));
    g_ptr_array_free(runs, TRUE);
    return g_string_free(s, FALSE);
}

static char *json_text(json_t *run)
{
    char *raw = json_dumps(run, JSON_INDENT(2) | JSON_REAL_PRECISION(9)), *text = g_strconcat(raw ? raw : "{}", "\n", NULL);
    free(raw);
    return text;
}

bool smoke_report_write(OptGroup *o, json_t *run, Error **errp)
{
    static const struct {
        const char *key;
        char *(*make)(json_t *run);
    } kinds[] = { { "junit", smoke_report_junit }, { "json", json_text }, { "tap", smoke_report_tap }, { "log", console_log } };
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *path = opts_get(o, kinds[i].key);
        if (!path)
            continue;
        char *text = kinds[i].make(run);
        FILE *f = !strcmp(path, "-") ? stdout : fopen(path, "we");
        bool ok = f && fputs(text, f) >= 0 && fflush(f) == 0;
        if (!ok)
            error_setg_errno(errp, errno, "-smoke-report %s=%s", kinds[i].key, path);
        if (f && f != stdout)
            fclose(f);
        g_free(text);
        if (!ok)
            return false;
    }
    return true;
}
