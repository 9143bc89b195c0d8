/* SPDX-License-Identifier: MIT */
/*
 * The types of schema.def at work: arguments of commands are checked against them, and query-qmp-schema lists
 * them. Messages name the member by its path ("backend.data.addr") and are worded as QEMU's.
 */
#include "schema.h"
#include "util/error.h"

#include <string.h>

typedef enum TypeKind { TYPE_ENUM, TYPE_OBJECT, TYPE_UNION, TYPE_ALTERNATE, TYPE_EVENT } TypeKind;
typedef struct TypeRow {
    TypeKind kind;
    const char *name, *members; /* members, an enum's words, or what an alternate may be */
    const char *tag, *cases;    /* unions */
    int interval;               /* events: ms */
} TypeRow;

static const TypeRow types[] = {
#define ENUM(n, words) { TYPE_ENUM, #n, words, NULL, NULL, 0 },
#define OBJECT(n, members) { TYPE_OBJECT, #n, members, NULL, NULL, 0 },
#define ALTERNATE(n, members) { TYPE_ALTERNATE, #n, members, NULL, NULL, 0 },
#define UNION(n, base, tag, cases) { TYPE_UNION, #n, base, #tag, cases, 0 },
#define EVENT(n, members, ms) { TYPE_EVENT, #n, members, NULL, NULL, ms },
#include "schema.def"
#undef ENUM
#undef OBJECT
#undef ALTERNATE
#undef UNION
#undef EVENT
};

static const struct {
    const char *name, *json, *expected; /* in the notation; json-type of the schema; in messages */
} builtins[] = {
    { "str", "string", "string" },  { "int", "int", "integer" }, { "number", "number", "number" },
    { "bool", "boolean", "boolean" }, { "null", "null", "null" }, { "any", "value", "value" },
};

static const TypeRow *find_type(const char *name, size_t len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].kind != TYPE_EVENT && strlen(types[i].name) == len && !memcmp(types[i].name, name, len))
            return &types[i];
    return NULL;
}

static int find_builtin(const char *name, size_t len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(builtins); i++)
        if (strlen(builtins[i].name) == len && !memcmp(builtins[i].name, name, len))
            return (int)i;
    return -1;
}

/* ---- The notation ---- */

typedef struct Member {
    char name[48], type[64];
    bool optional;
} Member;

/* The next "name:type?" of a list separated by commas or blanks; false at its end. */
static bool next_member(const char **p, Member *m)
{
    *p += strspn(*p, ", ");
    if (!**p)
        return false;
    size_t n = strcspn(*p, ":"), t = strcspn(*p + n + 1, ", ");
    g_assert(n < sizeof(m->name) && t < sizeof(m->type));
    memcpy(m->name, *p, n);
    m->name[n] = 0;
    memcpy(m->type, *p + n + 1, t);
    m->type[t] = 0;
    m->optional = m->type[t - 1] == '?';
    if (m->optional)
        m->type[t - 1] = 0;
    *p += n + 1 + t;
    return true;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; *p; p += strcspn(p, " ")) {
        p += strspn(p, " ");
        if (n && !strncmp(p, word, n) && (p[n] == ' ' || !p[n]))
            return true;
    }
    return false;
}

const char *schema_enum_words(const char *name)
{
    const TypeRow *t = find_type(name, strlen(name));
    return t && t->kind == TYPE_ENUM ? t->members : NULL;
}

/* ---- Checking ---- */

typedef struct Path {
    const struct Path *up;
    const char *name;
    int index; /* of an array's element, else -1 */
} Path;

static void path_text(const Path *p, GString *out)
{
    if (p->up)
        path_text(p->up, out);
    if (p->index >= 0)
        g_string_append_printf(out, "[%d]", p->index);
    else
        g_string_append_printf(out, "%s%s", out->len ? "." : "", p->name);
}

static bool fail(Error **errp, const char *format_before, const Path *p, const char *after)
{
    GString *path = g_string_new(NULL);
    path_text(p, path);
    error_setg(errp, "%s'%s'%s", format_before, path->str, after);
    g_string_free(path, TRUE);
    return false;
}

static bool wrong_type(Error **errp, const Path *p, const char *expected)
{
    char *after = g_strdup_printf(", expected: %s", expected);
    fail(errp, "Invalid parameter type for ", p, after);
    g_free(after);
    return false;
}

static bool check_members(const Path *up, const char *members, const TypeRow *u, json_t *v, bool extra, Error **errp);

static bool check_builtin(int kind, const Path *p, json_t *v, Error **errp)
{
    bool ok;
    switch (builtins[kind].name[0]) {
    case 'n': ok = builtins[kind].name[2] == 'm' ? json_is_number(v) : json_is_null(v); break;
    case 's': ok = json_is_string(v); break;
    case 'i': ok = json_is_integer(v); break;
    case 'b': ok = json_is_boolean(v); break;
    default: ok = true; break;
    }
    return ok || wrong_type(errp, p, builtins[kind].expected);
}

static bool check(const Path *p, const char *type, size_t len, json_t *v, Error **errp);

/* The first of an alternate's types that has the value's JSON kind is checked; those are a builtin each, and one object. */
static bool check_alternate(const Path *p, const TypeRow *t, json_t *v, Error **errp)
{
    const char *list = t->members;
    Member m;
    while (next_member(&list, &m)) {
        int builtin = find_builtin(m.type, strlen(m.type));
        if (builtin >= 0 ? check_builtin(builtin, p, v, NULL) : json_is_object(v))
            return check(p, m.type, strlen(m.type), v, errp);
    }
    return wrong_type(errp, p, t->name);
}

static bool check(const Path *p, const char *type, size_t len, json_t *v, Error **errp)
{
    int builtin = find_builtin(type, len);
    if (builtin >= 0)
        return check_builtin(builtin, p, v, errp);
    if (type[0] == '[') {
        if (!json_is_array(v))
            return wrong_type(errp, p, "array");
        for (size_t i = 0; i < json_array_size(v); i++) {
            Path element = { p, NULL, (int)i };
            if (!check(&element, type + 1, len - 2, json_array_get(v, i), errp))
                return false;
        }
        return true;
    }
    const TypeRow *t = find_type(type, len);
    g_assert(t); /* a table of ours names a type that is not there */
    if (t->kind == TYPE_ENUM) {
        if (!json_is_string(v))
            return wrong_type(errp, p, "string");
        if (has_word(t->members, json_string_value(v)))
            return true;
        error_setg(errp, "Parameter '%s' does not accept value '%s'", p->name ? p->name : "null", json_string_value(v));
        return false;
    }
    if (t->kind == TYPE_ALTERNATE)
        return check_alternate(p, t, v, errp);
    if (!json_is_object(v))
        return wrong_type(errp, p, "object");
    return check_members(p, t->members, t->kind == TYPE_UNION ? t : NULL, v, false, errp);
}

/* The members that the value of a union's tag adds, or "". */
static const char *case_members(const TypeRow *u, json_t *v)
{
    const char *p = u->cases, *tag = json_string_value(json_object_get(v, u->tag));
    Member m;
    while (tag && next_member(&p, &m))
        if (!strcmp(m.name, tag))
            return find_type(m.type, strlen(m.type))->members;
    return "";
}

static bool named_in(const char *members, const char *name)
{
    Member m;
    while (next_member(&members, &m))
        if (!strcmp(m.name, name))
            return true;
    return false;
}

static bool check_list(const Path *up, const char *members, json_t *v, Error **errp)
{
    Member m;
    while (next_member(&members, &m)) {
        Path p = { up, m.name, -1 };
        json_t *value = json_object_get(v, m.name);
        if (!value && !m.optional)
            return fail(errp, "Parameter ", &p, " is missing");
        if (value && !check(&p, m.type, strlen(m.type), value, errp))
            return false;
    }
    return true;
}

static bool check_members(const Path *up, const char *members, const TypeRow *u, json_t *v, bool extra, Error **errp)
{
    if (!check_list(up, members, v, errp))
        return false;
    const char *more = u ? case_members(u, v) : "", *key;
    json_t *value;
    if (!check_list(up, more, v, errp))
        return false;
    json_object_foreach(v, key, value) {
        if (extra || named_in(members, key) || named_in(more, key))
            continue;
        Path p = { up, key, -1 };
        return fail(errp, "Parameter ", &p, " is unexpected");
    }
    return true;
}

bool schema_check(const char *members, json_t *args, bool extra, Error **errp)
{
    if (strchr(members, ':') || !*members)
        return check_members(NULL, members, NULL, args, extra, errp);
    const TypeRow *t = find_type(members, strlen(members));
    g_assert(t);
    return check_members(NULL, t->members, t->kind == TYPE_UNION ? t : NULL, args, extra, errp);
}

bool schema_check_value(const char *type, json_t *value, Error **errp)
{
    Path p = { NULL, "return", -1 };
    if (!*type)
        return (json_is_object(value) && !json_object_size(value)) || wrong_type(errp, &p, "empty object");
    return check(&p, type, strlen(type), value, errp);
}

int schema_event_interval(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].kind == TYPE_EVENT && !strcmp(types[i].name, name))
            return types[i].interval;
    return -1;
}

/* ---- query-qmp-schema ---- */

typedef struct Listing {
    json_t *out;
    GHashTable *seen; /* names of array types already there */
} Listing;

/* Adds "[T]" types as they are met; returns the name to refer to. */
static const char *refer(Listing *l, const char *type)
{
    if (type[0] == '[' && g_hash_table_add(l->seen, g_strdup(type))) {
        char *element = g_strndup(type + 1, strlen(type) - 2);
        json_array_append_new(l->out, json_pack("{s:s,s:s,s:s}", "name", type, "meta-type", "array", "element-type", element));
        g_free(element);
    }
    return type;
}

static json_t *members_list(Listing *l, const char *members)
{
    json_t *list = json_array();
    Member m;
    while (next_member(&members, &m)) {
        json_t *o = json_pack("{s:s,s:s}", "name", m.name, "type", refer(l, m.type));
        if (m.optional)
            json_object_set_new(o, "default", json_null());
        json_array_append_new(list, o);
    }
    return list;
}

static void add_object(Listing *l, const char *name, const char *members)
{
    json_array_append_new(l->out, json_pack("{s:s,s:s,s:o}", "name", name, "meta-type", "object", "members",
                                            members_list(l, members)));
}

static void add_enum(Listing *l, const TypeRow *t)
{
    json_t *values = json_array(), *members = json_array();
    char **words = g_strsplit(t->members, " ", -1);
    for (char **w = words; *w; w++) {
        json_array_append_new(values, json_string(*w));
        json_array_append_new(members, json_pack("{s:s}", "name", *w));
    }
    g_strfreev(words);
    json_array_append_new(l->out, json_pack("{s:s,s:s,s:o,s:o}", "name", t->name, "meta-type", "enum", "members", members,
                                            "values", values));
}

static void add_alternate(Listing *l, const TypeRow *t)
{
    json_t *list = json_array();
    const char *p = t->members;
    Member m;
    while (next_member(&p, &m))
        json_array_append_new(list, json_pack("{s:s}", "type", m.type));
    json_array_append_new(l->out, json_pack("{s:s,s:s,s:o}", "name", t->name, "meta-type", "alternate", "members", list));
}

static void add_union(Listing *l, const TypeRow *t)
{
    json_t *variants = json_array();
    const char *base = t->members, *tag_type = NULL;
    Member m;
    while (next_member(&base, &m))
        if (!strcmp(m.name, t->tag))
            tag_type = schema_enum_words(m.type);
    char **words = g_strsplit(tag_type, " ", -1);
    for (char **w = words; *w; w++) {
        const char *p = t->cases, *type = "q_empty";
        while (next_member(&p, &m))
            if (!strcmp(m.name, *w)) {
                type = m.type;
                break;
            }
        json_array_append_new(variants, json_pack("{s:s,s:s}", "case", *w, "type", type));
    }
    g_strfreev(words);
    json_array_append_new(l->out, json_pack("{s:s,s:s,s:o,s:s,s:o}", "name", t->name, "meta-type", "object", "members",
                                            members_list(l, t->members), "tag", t->tag, "variants", variants));
}

/* Arguments of commands and data of events: a type of their own unless they are a named one. */
static const char *args_type(Listing *l, const char *kind, const char *name, const char *members, char *buf, size_t size)
{
    if (!*members)
        return "q_empty";
    if (!strchr(members, ':'))
        return members;
    g_snprintf(buf, size, "q_obj_%s-%s", name, kind);
    add_object(l, buf, members);
    return buf;
}

static void add_type(Listing *l, const TypeRow *t)
{
    char buf[96];
    switch (t->kind) {
    case TYPE_ENUM: add_enum(l, t); break;
    case TYPE_OBJECT: add_object(l, t->name, t->members); break;
    case TYPE_UNION: add_union(l, t); break;
    case TYPE_ALTERNATE: add_alternate(l, t); break;
    case TYPE_EVENT:
        json_array_append_new(l->out, json_pack("{s:s,s:s,s:s}", "name", t->name, "meta-type", "event", "arg-type",
                                                args_type(l, "arg", t->name, t->members, buf, sizeof(buf))));
        break;
    }
}

static void add_command(Listing *l, const QMPCommand *c)
{
    char buf[96];
    const char *arg = args_type(l, "arg", c->name, c->args, buf, sizeof(buf));
    json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "name", c->name, "meta-type", "command", "arg-type", arg, "ret-type",
                          *c->returns ? refer(l, c->returns) : "q_empty");
    if (c->flags & QMP_OOB)
        json_object_set_new(o, "allow-oob", json_true());
    json_array_append_new(l->out, o);
}

json_t *schema_introspect(const GPtrArray *commands)
{
    Listing l = { json_array(), g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
    for (guint i = 0; i < commands->len; i++)
        add_command(&l, g_ptr_array_index(commands, i));
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        add_type(&l, &types[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(builtins); i++)
        json_array_append_new(l.out, json_pack("{s:s,s:s,s:s}", "name", builtins[i].name, "meta-type", "builtin",
                                               "json-type", builtins[i].json));
    add_object(&l, "q_empty", "");
    g_hash_table_destroy(l.seen);
    return l.out;
}
