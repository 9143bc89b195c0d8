/* SPDX-License-Identifier: MIT */
/* The registry of object types, and the objects that -object, object_add and object-add make. */
#include "hw/object.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static GPtrArray *types;   /* const DeviceType * */
static GPtrArray *objects; /* Device *, creation order */

void object_type_register(const DeviceType *t)
{
    if (!types)
        types = g_ptr_array_new();
    g_ptr_array_add(types, (void *)t);
}

const DeviceType *object_type_find(const char *name)
{
    for (guint i = 0; types && i < types->len; i++)
        if (!strcmp(((const DeviceType *)types->pdata[i])->name, name))
            return types->pdata[i];
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *object_type_names(void)
{
    static const char **names;
    if (!names) {
        guint n = types ? types->len : 0;
        names = g_new0(const char *, n + 1);
        for (guint i = 0; i < n; i++)
            names[i] = ((const DeviceType *)types->pdata[i])->name;
        qsort(names, n, sizeof(*names), compare_names);
    }
    return names;
}

void object_help_types(FILE *out)
{
    fprintf(out, "List of user creatable objects:\n");
    for (const char *const *n = object_type_names(); *n; n++)
        fprintf(out, "  %s\n", *n);
}

Device *object_find(const char *id)
{
    for (guint i = 0; objects && i < objects->len; i++)
        if (!strcmp(((Device *)objects->pdata[i])->id, id))
            return objects->pdata[i];
    return NULL;
}

void object_foreach(void (*fn)(Device *obj, void *opaque), void *opaque)
{
    for (guint i = 0; objects && i < objects->len; i++)
        fn(objects->pdata[i], opaque);
}

static void object_free(Device *obj)
{
    device_free_props(obj);
    g_free(obj->id);
    g_free(obj);
}

static bool set_props(Device *obj, OptGroup *opts, Error **errp)
{
    for (unsigned i = 0; i < opts->count; i++) {
        const char *key = opts->opts[i].key;
        if (strcmp(key, "qom-type") && strcmp(key, "id") && !device_set(obj, key, opts->opts[i].value, errp))
            return false;
    }
    return true;
}

static const DeviceType *checked_type(OptGroup *opts, Error **errp)
{
    const char *name = opts_get(opts, "qom-type"), *id = opts_get(opts, "id");
    if (!name) {
        error_setg(errp, "Parameter 'qom-type' is missing");
        return NULL;
    }
    const DeviceType *t = object_type_find(name);
    if (!t) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'", name);
        const char *near = nearest_word(name, object_type_names());
        if (near)
            error_append_hint(errp, "Did you mean '%s'?\n", near);
        return NULL;
    }
    if (!id) {
        error_setg(errp, "Parameter 'id' is missing");
        return NULL;
    }
    bool ok = g_ascii_isalpha(id[0]);
    for (const char *s = id; *s; s++)
        ok = ok && (g_ascii_isalnum(*s) || strchr("-._", *s));
    if (!ok)
        error_setg(errp, "Parameter 'id' expects an identifier");
    else if (object_find(id))
        error_setg(errp, "attempt to add duplicate property '%s' to object (type 'container')", id);
    return ok && !object_find(id) ? t : NULL;
}

Device *object_add(OptGroup *opts, Error **errp)
{
    const DeviceType *t = checked_type(opts, errp);
    if (!t)
        return NULL;
    Device *obj = g_malloc0(t->size);
    obj->type = t;
    obj->id = g_strdup(opts_get(opts, "id"));
    device_init_props(obj);
    if (!set_props(obj, opts, errp) || (t->realize && !t->realize(obj, errp))) {
        object_free(obj);
        return NULL;
    }
    obj->realized = true;
    if (!objects)
        objects = g_ptr_array_new();
    g_ptr_array_add(objects, obj);
    return obj;
}

static void destroy(Device *obj)
{
    g_ptr_array_remove(objects, obj);
    if (obj->type->unrealize)
        obj->type->unrealize(obj);
    object_free(obj);
}

typedef struct User {
    const Device *obj;
    bool found;
} User;

static void find_user(Device *dev, void *opaque)
{
    User *u = opaque;
    u->found |= object_is_linked(u->obj, dev);
}

bool object_del(const char *id, Error **errp)
{
    User u = { .obj = object_find(id) };
    Device *obj = (Device *)u.obj;
    if (!obj) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    device_foreach(find_user, &u);
    if (u.found) {
        error_setg(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    destroy(obj);
    return true;
}

void objects_exit(void)
{
    while (objects && objects->len)
        destroy(objects->pdata[objects->len - 1]);
}
