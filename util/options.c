/* SPDX-License-Identifier: MIT */
/* "type,key=value,…" option strings and the value parsers behind every option and property. */
#include "util/options.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <string.h>

/* Copies up to an unescaped comma, undoing ",,"; *p ends at the comma or the final NUL. */
static char *take_item(const char **p)
{
    GString *s = g_string_new(NULL);
    while (**p) {
        if (**p == ',') {
            if ((*p)[1] != ',')
                break;
            (*p)++;
        }
        g_string_append_c(s, *(*p)++);
    }
    return g_string_free(s, FALSE);
}

static void add_opt(OptGroup *o, char *key, char *value)
{
    o->opts = g_renew(Opt, o->opts, o->count + 1);
    o->opts[o->count++] = (Opt){ .key = key, .value = value };
}

OptGroup *opts_parse(const char *option_name, const char *text, const char *implied_key, Error **errp)
{
    OptGroup *o = g_new0(OptGroup, 1);
    o->source = g_strdup_printf("%s %s", option_name, text);
    bool first = true;
    for (const char *p = text; *p;) {
        char *item = take_item(&p);
        if (*p == ',')
            p++;
        char *eq = strchr(item, '=');
        if (eq && eq != item) {
            add_opt(o, g_strndup(item, (gsize)(eq - item)), g_strdup(eq + 1));
        } else if (eq) {
            error_setg(errp, "%s: parameter name missing before '='", o->source);
            g_free(item);
            opts_free(o);
            return NULL;
        } else if (first && implied_key) {
            add_opt(o, g_strdup(implied_key), g_strdup(item));
        } else if (*item) {
            if (g_str_has_prefix(item, "no") && item[2])
                add_opt(o, g_strdup(item + 2), g_strdup("off"));
            else
                add_opt(o, g_strdup(item), g_strdup("on"));
        }
        g_free(item);
        first = false;
    }
    return o;
}

void opts_free(OptGroup *o)
{
    if (!o)
        return;
    for (unsigned i = 0; i < o->count; i++) {
        g_free(o->opts[i].key);
        g_free(o->opts[i].value);
    }
    g_free(o->opts);
    g_free(o->source);
    g_free(o);
}

const char *opts_get(OptGroup *o, const char *key)
{
    const char *value = NULL;
    for (unsigned i = 0; o && i < o->count; i++)
        if (!strcmp(o->opts[i].key, key)) {
            o->opts[i].used = true;
            value = o->opts[i].value;
        }
    return value;
}

void opts_set(OptGroup *o, const char *key, const char *value)
{
    add_opt(o, g_strdup(key), g_strdup(value));
}

bool opts_get_bool(OptGroup *o, const char *key, bool *out, Error **errp)
{
    const char *v = opts_get(o, key);
    return !v || parse_bool(key, v, out, errp);
}

const char *const on_off_auto[] = { "auto", "on", "off", NULL };

bool opts_get_on_off_auto(OptGroup *o, const char *key, bool *out, Error **errp)
{
    const char *v = opts_get(o, key);
    if (!v || !strcmp(v, "auto"))
        return true;
    *out = !strcmp(v, "on");
    if (*out || !strcmp(v, "off"))
        return true;
    error_setg(errp, "Parameter '%s' does not accept value '%s'", key, v);
    return false;
}

bool opts_get_u64(OptGroup *o, const char *key, uint64_t *out, Error **errp)
{
    const char *v = opts_get(o, key);
    return !v || parse_u64(key, v, out, errp);
}

bool opts_get_size(OptGroup *o, const char *key, uint64_t *out, Error **errp)
{
    const char *v = opts_get(o, key);
    return !v || parse_size(key, v, 1, out, errp);
}

bool opts_check_unused(OptGroup *o, const char *const *valid, Error **errp)
{
    for (unsigned i = 0; o && i < o->count; i++) {
        if (o->opts[i].used)
            continue;
        const char *near = nearest_word(o->opts[i].key, valid);
        error_setg(errp, "%s: Invalid parameter '%s'%s%s%s", o->source, o->opts[i].key,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    return true;
}

bool is_help_option(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "?");
}

bool parse_bool(const char *name, const char *text, bool *out, Error **errp)
{
    static const char *const words[][2] = { { "on", "off" }, { "yes", "no" }, { "true", "false" }, { "y", "n" } };
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        for (unsigned j = 0; j < 2; j++)
            if (!strcmp(text, words[i][j])) {
                *out = j == 0;
                return true;
            }
    error_setg(errp, "Parameter '%s' expects 'on' or 'off', not '%s'", name, text);
    return false;
}

bool parse_u64(const char *name, const char *text, uint64_t *out, Error **errp)
{
    char *end;
    errno = 0;
    uint64_t v = g_ascii_strtoull(text, &end, 0);
    if (errno || end == text || *end || strchr(text, '-')) {
        error_setg(errp, "Parameter '%s' expects a number, not '%s'", name, text);
        return false;
    }
    *out = v;
    return true;
}

/* Multiplier of a size suffix, or 0. */
static uint64_t size_unit(char suffix)
{
    switch (g_ascii_tolower(suffix)) {
    case 'b': return 1;
    case 'k': return KiB;
    case 'm': return MiB;
    case 'g': return GiB;
    case 't': return TiB;
    case 'p': return TiB << 10;
    case 'e': return TiB << 20;
    default: return 0;
    }
}

bool parse_size(const char *name, const char *text, uint64_t default_unit, uint64_t *out, Error **errp)
{
    char *end;
    bool hex = text[0] == '0' && g_ascii_tolower(text[1]) == 'x';
    errno = 0;
    double fraction = 0;
    uint64_t whole = g_ascii_strtoull(text, &end, hex ? 16 : 10);
    bool ok = end != text && !errno && !strchr(text, '-') && !g_ascii_isspace(text[0]);
    if (ok && *end == '.' && !hex) {
        const char *dot = end;
        size_t digits = strspn(dot + 1, "0123456789");
        fraction = g_ascii_strtod(dot, &end);
        ok = digits && end == dot + 1 + digits; /* no exponent: e stands for exa */
    }
    uint64_t unit = default_unit;
    if (ok && *end) {
        unit = size_unit(*end);
        ok = unit && !end[1];
    }
    if (!ok) {
        error_setg(errp, "Parameter '%s' expects a size, not '%s'", name, text);
        error_append_hint(errp, "A size is a number with an optional suffix k, M, G, T, P or E, such as 512M or 1.5G.\n");
        return false;
    }
    if (whole > (UINT64_MAX - unit) / unit) {
        error_setg(errp, "Parameter '%s': size '%s' is too large", name, text);
        return false;
    }
    *out = whole * unit + (uint64_t)(fraction * (double)unit);
    return true;
}
