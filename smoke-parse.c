/* SPDX-License-Identifier: MIT */
/*
 * What a smoke test is made of: "-smoke key=value,…" (commas inside a value are doubled) and the script form of
 * "-smoke @FILE": one "key value" a line, # starts a comment line, 'single' or "double" quotes keep blanks.
 */
#include "smoke-internal.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX (1u << 20)
#define STEPS_MAX 10000
#define DEFAULT_DELAY 10000000 /* ns: programs flush their input when they start to read */

static const struct {
    const char *name;
    unsigned bits;
} detectors[] = {
    { "panic", DETECT_PANIC }, { "oops", DETECT_OOPS }, { "bug", DETECT_BUG }, { "lockup", DETECT_LOCKUP },
    { "triple-fault", DETECT_TRIPLE_FAULT }, { "halt", DETECT_HALT }, { "loop", DETECT_LOOP }, { "all", DETECT_ALL },
    { "none", 0 },
};

static const struct {
    StepKind kind;
    const char *key;
} verbs[] = {
    { STEP_EXPECT, "expect" }, { STEP_SCREEN, "screen" }, { STEP_SEND, "send" }, { STEP_WAIT, "wait" }, { STEP_MONITOR, "monitor" }, { STEP_KEY, "key" },
    { STEP_POWEROFF, "poweroff" }, { STEP_RESET, "reset" }, { STEP_EXIT, "exit" },
};

static const char *const keys[] = {
    "expect", "screen", "send", "wait", "monitor", "key", "poweroff", "reset", "exit", "name", "test", "fail", "ignore", "timeout",
    "guest-timeout", "step-timeout", "guest-step-timeout", "stall", "detect", "serial", "delay", "symbols", "quiet", NULL,
};

/* Carried from key to key while parsing. */
typedef struct Parser {
    SmokePlan *plan;
    int64_t wall_limit, guest_limit; /* of the steps that follow */
    char *next_name;
} Parser;

const char *smoke_step_verb(const SmokeStep *s)
{
    for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
        if (verbs[i].kind == s->kind)
            return verbs[i].key;
    return "";
}

char *smoke_step_title(const SmokeStep *s)
{
    if (s->name)
        return g_strdup(s->name);
    return *s->text ? g_strdup_printf("%s '%s'", smoke_step_verb(s), s->text) : g_strdup(smoke_step_verb(s));
}

bool smoke_parse_time(const char *name, const char *text, int64_t *ns, Error **errp)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = { { "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 } };
    char *end;
    double v = g_ascii_strtod(text, &end);
    bool digits = g_ascii_isdigit(text[0]) || text[0] == '.';
    for (unsigned i = 0; digits && end != text && i < ARRAY_SIZE(units); i++)
        if (!strcmp(end, units[i].unit) && v * units[i].ns < 9e18) {
            *ns = (int64_t)(v * units[i].ns);
            return true;
        }
    error_setg(errp, "%s: '%s' is not a time (10s, 500ms, 2m, 1h)", name, text);
    return false;
}

static void pattern_clear(SmokePattern *p)
{
    g_free(p->text);
    if (p->regex)
        g_regex_unref(p->regex);
}

/* Can it match across a line end? Then it is searched in more than the line at hand. */
static bool spans_lines(const char *text)
{
    static const char *const hints[] = { "\\n", "\\s", "\\R", "\\W", "\\D", "[^", "(?s", "\\v", "\\h*\\v" };
    for (unsigned i = 0; i < ARRAY_SIZE(hints); i++)
        if (strstr(text, hints[i]))
            return true;
    return strchr(text, '\n') != NULL;
}

static bool pattern_compile(SmokePattern *p, const char *key, const char *text, Error **errp)
{
    GError *gerr = NULL;
    p->regex = g_regex_new(text, G_REGEX_RAW | G_REGEX_MULTILINE | G_REGEX_OPTIMIZE, 0, &gerr);
    if (!p->regex) {
        error_setg(errp, "%s '%s': %s", key, text, gerr->message);
        g_error_free(gerr);
        return false;
    }
    if (!*text) {
        error_setg(errp, "%s: the pattern is empty", key);
        return false;
    }
    p->text = g_strdup(text);
    p->multiline = spans_lines(text);
    return true;
}

/* \n \r \t \e \a \0 \\ \xHH \cX (control) */
static bool unescape(const char *text, char **out, size_t *len, Error **errp)
{
    GString *s = g_string_new(NULL);
    for (const char *p = text; *p; p++) {
        static const char from[] = "nrtea0\\'\"", to[] = "\n\r\t\033\a\0\\'\"";
        if (*p != '\\') {
            g_string_append_c(s, *p);
            continue;
        }
        const char *known = p[1] ? strchr(from, p[1]) : NULL;
        if (known) {
            g_string_append_c(s, to[known - from]);
            p++;
        } else if (p[1] == 'x' && g_ascii_isxdigit(p[2]) && g_ascii_isxdigit(p[3])) {
            g_string_append_c(s, (char)(g_ascii_xdigit_value(p[2]) << 4 | g_ascii_xdigit_value(p[3])));
            p += 3;
        } else if (p[1] == 'c' && p[2]) {
            g_string_append_c(s, (char)(g_ascii_toupper(p[2]) & 0x1f));
            p += 2;
        } else {
            error_setg(errp, "send: unknown escape in '%s' (known: \\n \\r \\t \\e \\a \\0 \\\\ \\xHH \\cX)", text);
            g_string_free(s, TRUE);
            return false;
        }
    }
    *len = s->len;
    *out = g_string_free(s, FALSE);
    return true;
}

static void step_free(gpointer opaque)
{
    SmokeStep *s = opaque;
    pattern_clear(&s->pattern);
    g_free(s->name);
    g_free(s->text);
    g_free(s->bytes);
    g_free(s->matched);
    g_free(s->output);
    g_free(s);
}

static void pattern_free(gpointer opaque)
{
    pattern_clear(opaque);
    g_free(opaque);
}

SmokePlan *smoke_plan_new(void)
{
    SmokePlan *p = g_new0(SmokePlan, 1);
    p->steps = g_ptr_array_new_with_free_func(step_free);
    p->fails = g_ptr_array_new_with_free_func(pattern_free);
    p->ignores = g_ptr_array_new_with_free_func(pattern_free);
    p->detect = DETECT_ALL;
    p->delay = DEFAULT_DELAY;
    return p;
}

void smoke_plan_free(SmokePlan *p)
{
    g_ptr_array_free(p->steps, TRUE);
    g_ptr_array_free(p->fails, TRUE);
    g_ptr_array_free(p->ignores, TRUE);
    g_free(p->name);
    g_free(p->symbols);
    g_free(p);
}

static bool fill_step(SmokeStep *s, Error **errp)
{
    int64_t ns = 0;
    switch (s->kind) {
    case STEP_EXPECT:
    case STEP_SCREEN: return pattern_compile(&s->pattern, smoke_step_verb(s), s->text, errp);
    case STEP_SEND: return unescape(s->text, &s->bytes, &s->len, errp);
    case STEP_WAIT:
        if (!smoke_parse_time("wait", s->text, &ns, errp))
            return false;
        s->number = (uint64_t)ns;
        return true;
    case STEP_EXIT: return parse_u64("exit", s->text, &s->number, errp);
    default: return true;
    }
}

static bool add_step(Parser *p, StepKind kind, const char *text, Error **errp)
{
    if (p->plan->steps->len >= STEPS_MAX) {
        error_setg(errp, "more than %d steps", STEPS_MAX);
        return false;
    }
    SmokeStep *s = g_new0(SmokeStep, 1);
    bool bare = kind == STEP_POWEROFF || kind == STEP_RESET;
    *s = (SmokeStep){ .kind = kind, .text = g_strdup(bare ? "" : text), .wall_limit = p->wall_limit,
                      .guest_limit = p->guest_limit, .name = p->next_name };
    p->next_name = NULL;
    g_ptr_array_add(p->plan->steps, s);
    return fill_step(s, errp);
}

static bool add_pattern(GPtrArray *list, const char *key, const char *text, Error **errp)
{
    SmokePattern *pattern = g_new0(SmokePattern, 1);
    g_ptr_array_add(list, pattern);
    return pattern_compile(pattern, key, text, errp);
}

/* "panic+oops", "all-loop" */
static bool parse_detect(SmokePlan *plan, const char *text, Error **errp)
{
    unsigned bits = 0;
    for (const char *p = text; *p;) {
        bool minus = *p == '-' && p != text;
        p += *p == '+' || minus;
        bool found = false;
        for (unsigned i = 0; i < ARRAY_SIZE(detectors) && !found; i++) {
            size_t n = strlen(detectors[i].name);
            if (strncmp(p, detectors[i].name, n) || (p[n] && !strchr("+-", p[n])))
                continue;
            bits = minus ? bits & ~detectors[i].bits : bits | detectors[i].bits;
            p += n;
            found = true;
        }
        if (!found) {
            error_setg(errp, "detect: '%s' is not among panic oops bug lockup triple-fault halt loop all none", p);
            return false;
        }
    }
    plan->detect = bits;
    return true;
}

static void set_text(char **field, const char *value)
{
    g_free(*field);
    *field = g_strdup(value);
}

static bool parse_serial(SmokePlan *plan, const char *value, Error **errp)
{
    uint64_t n = 0;
    if (!parse_u64("serial", value, &n, errp))
        return false;
    if (n > 3) {
        error_setg(errp, "serial: there are ports 0 to 3");
        return false;
    }
    plan->serial = (unsigned)n;
    return true;
}

static bool parse_setting(Parser *p, const char *key, const char *value, Error **errp)
{
    SmokePlan *plan = p->plan;
    const struct {
        const char *key;
        int64_t *field;
    } times[] = { { "timeout", &plan->wall_limit }, { "guest-timeout", &plan->guest_limit }, { "stall", &plan->stall_limit },
                  { "step-timeout", &p->wall_limit }, { "guest-step-timeout", &p->guest_limit }, { "delay", &plan->delay } };
    for (unsigned i = 0; i < ARRAY_SIZE(times); i++)
        if (!strcmp(key, times[i].key))
            return smoke_parse_time(key, value, times[i].field, errp);
    if (!strcmp(key, "name"))
        set_text(&p->next_name, value);
    else if (!strcmp(key, "test"))
        set_text(&plan->name, value);
    else if (!strcmp(key, "symbols"))
        set_text(&plan->symbols, value);
    else if (!strcmp(key, "fail"))
        return add_pattern(plan->fails, key, value, errp);
    else if (!strcmp(key, "ignore"))
        return add_pattern(plan->ignores, key, value, errp);
    else if (!strcmp(key, "detect"))
        return parse_detect(plan, value, errp);
    else if (!strcmp(key, "serial"))
        return parse_serial(plan, value, errp);
    else if (!strcmp(key, "quiet"))
        return parse_bool(key, value, &plan->quiet, errp);
    else {
        const char *near = nearest_word(key, keys);
        error_setg(errp, "unknown key '%s'%s%s%s", key, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    return true;
}

static bool parse_pair(Parser *p, const char *key, const char *value, Error **errp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
        if (!strcmp(verbs[i].key, key))
            return add_step(p, verbs[i].kind, value, errp);
    return parse_setting(p, key, value, errp);
}

/* Quotes around a whole value are dropped: shells leave them when they were quoted themselves. */
static char *strip_quotes(const char *value)
{
    size_t n = strlen(value);
    if (n >= 2 && (value[0] == '\'' || value[0] == '"') && value[n - 1] == value[0])
        return g_strndup(value + 1, n - 2);
    return g_strdup(value);
}

static bool parse_options(Parser *p, const char *text, Error **errp)
{
    OptGroup *o = opts_parse("-smoke", text, NULL, errp);
    bool ok = o;
    for (unsigned i = 0; ok && i < o->count; i++) {
        char *value = strip_quotes(o->opts[i].value);
        ok = parse_pair(p, o->opts[i].key, value, errp);
        g_free(value);
    }
    opts_free(o);
    return ok;
}

/* "key value", "key=value" or "key: value"; the line without its end. */
static bool parse_line(Parser *p, char *line, Error **errp)
{
    g_strchug(line);
    if (!*line || *line == '#')
        return true;
    size_t n = strcspn(line, " \t=:");
    char *value = line + n;
    bool separator = false;
    while (*value && (strchr(" \t", *value) || (!separator && strchr("=:", *value)))) {
        separator |= !strchr(" \t", *value);
        value++;
    }
    char *key = g_strndup(line, n), *plain = strip_quotes(g_strchomp(value));
    bool ok = parse_pair(p, key, plain, errp);
    g_free(plain);
    g_free(key);
    return ok;
}

static bool parse_file(Parser *p, const char *path, Error **errp)
{
    gchar *text = NULL;
    gsize len = 0;
    GError *gerr = NULL;
    if (!g_file_get_contents(path, &text, &len, &gerr)) {
        error_setg(errp, "%s", gerr->message);
        g_error_free(gerr);
        return false;
    }
    bool ok = len <= SCRIPT_MAX && strlen(text) == len;
    if (!ok)
        error_setg(errp, "%s: not a smoke script", path);
    char **lines = ok ? g_strsplit(text, "\n", -1) : NULL;
    for (unsigned i = 0; ok && lines[i]; i++) {
        ok = parse_line(p, lines[i], errp);
        if (!ok)
            error_prepend(errp, "%s:%u: ", path, i + 1);
    }
    g_strfreev(lines);
    g_free(text);
    return ok;
}

bool smoke_parse(SmokePlan *plan, const char *text, Error **errp)
{
    Parser p = { .plan = plan };
    bool ok = text[0] == '@' ? parse_file(&p, text + 1, errp) : parse_options(&p, text, errp);
    g_free(p.next_name);
    return ok;
}
