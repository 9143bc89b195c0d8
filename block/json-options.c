/* SPDX-License-Identifier: MIT */
/* Options given as JSON (-blockdev '{"driver": …}', json: file names): nested members become dotted keys. */
#include "block/block.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <jansson.h>

#define NESTING_MAX 32

static bool add_value(OptGroup *o, const char *key, const json_t *v, int depth, Error **errp)
{
    char *text = NULL;
    const char *name;
    json_t *member;
    size_t i;
    bool ok = depth < NESTING_MAX;
    if (!ok) {
        error_setg(errp, "%s: nested too deeply", key);
        return false;
    }
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)v, name, member) {
            char *sub = key[0] ? g_strconcat(key, ".", name, NULL) : g_strdup(name);
            ok = ok && add_value(o, sub, member, depth + 1, errp);
            g_free(sub);
        }
        return ok;
    case JSON_ARRAY:
        json_array_foreach((json_t *)v, i, member) {
            char *sub = g_strdup_printf("%s.%zu", key, i);
            ok = ok && add_value(o, sub, member, depth + 1, errp);
            g_free(sub);
        }
        return ok;
    case JSON_STRING: text = g_strdup(json_string_value(v)); break;
    case JSON_INTEGER: text = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
    case JSON_TRUE: text = g_strdup("on"); break;
    case JSON_FALSE: text = g_strdup("off"); break;
    case JSON_NULL: text = g_strdup("null"); break;
    case JSON_REAL: break;
    }
    if (!text) {
        error_setg(errp, "Invalid parameter type for '%s'", key);
        return false;
    }
    opts_set(o, key, text);
    g_free(text);
    return true;
}

OptGroup *opts_from_json_value(const char *source, const void *object, Error **errp)
{
    OptGroup *o = opts_parse(source, "", NULL, errp);
    if (o && !add_value(o, "", object, 0, errp)) {
        opts_free(o);
        o = NULL;
    }
    return o;
}

OptGroup *opts_from_json(const char *option_name, const char *text, Error **errp)
{
    json_error_t e;
    json_t *root = json_loads(text, 0, &e);
    if (!root || !json_is_object(root)) {
        error_setg(errp, "%s: JSON parse error: %s", option_name, root ? "an object is wanted" : e.text);
        json_decref(root);
        return NULL;
    }
    OptGroup *o = opts_from_json_value(option_name, root, errp);
    json_decref(root);
    return o;
}
