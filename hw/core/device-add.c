/* SPDX-License-Identifier: MIT */
/* "-device TYPE,key=value…" and device_add: from options to a device plugged into its bus. */
#include "hw/device.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <string.h>

static const DeviceType *find_user_type(const char *name, Error **errp)
{
    const DeviceType *t = device_type_find(name);
    if (t && !t->internal)
        return t;
    error_setg(errp, "'%s' is not a valid device model name", name);
    const char *near = t ? NULL : nearest_word(name, device_type_names(true));
    if (near)
        error_append_hint(errp, "Did you mean '%s'?\n", near);
    return NULL;
}

static void first_of_kind(Bus *bus, void *opaque);

typedef struct BusSearch {
    BusKind kind;
    Bus *found;
} BusSearch;

static void search_device(Device *dev, void *opaque)
{
    for (Bus *bus = dev->child_bus; bus; bus = bus->next_bus)
        first_of_kind(bus, opaque);
}

static void first_of_kind(Bus *bus, void *opaque)
{
    BusSearch *s = opaque;
    if (!s->found && bus->kind == s->kind && (!bus->has_room || bus->has_room(bus)))
        s->found = bus;
}

/* The bus named by the user, or the first that fits. Types without a bus go anywhere. */
static bool choose_bus(Device *dev, const char *name, Error **errp)
{
    const DeviceType *t = dev->type;
    if (!name) {
        BusSearch s = { t->bus, NULL };
        bus_foreach(first_of_kind, &s);
        device_foreach(search_device, &s);
        dev->parent = s.found;
        if (s.found || t->bus == BUS_NONE)
            return true;
        error_setg(errp, "No '%s' bus found for device '%s'", bus_kind_name(t->bus), t->name);
        return false;
    }
    Bus *bus = bus_find(name);
    if (!bus) {
        error_setg(errp, "Bus '%s' not found", name);
        return false;
    }
    if (bus->kind != t->bus) {
        error_setg(errp, "Device '%s' can't go on %s bus", t->name, bus_kind_name(bus->kind));
        return false;
    }
    dev->parent = bus;
    return true;
}

static bool set_id(Device *dev, const char *id, Error **errp)
{
    if (!id)
        return true;
    bool ok = g_ascii_isalpha(id[0]);
    for (const char *s = id; *s; s++)
        ok = ok && (g_ascii_isalnum(*s) || strchr("-._", *s));
    if (!ok) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.\n");
        return false;
    }
    if (device_find(id)) {
        error_setg(errp, "Duplicate device ID '%s'", id);
        return false;
    }
    dev->id = g_strdup(id);
    return true;
}

static bool configure(Device *dev, OptGroup *opts, Error **errp)
{
    if (!set_id(dev, opts_get(opts, "id"), errp) || !choose_bus(dev, opts_get(opts, "bus"), errp))
        return false;
    for (unsigned i = 0; i < opts->count; i++) {
        Opt *o = &opts->opts[i];
        if (!strcmp(o->key, "id") || !strcmp(o->key, "bus") || !strcmp(o->key, "driver"))
            continue;
        o->used = true;
        if (!device_set(dev, o->key, o->value, errp))
            return false;
    }
    return true;
}

Device *device_add(OptGroup *opts, Error **errp)
{
    Error *err = NULL;
    const char *name = opts_get(opts, "driver");
    const DeviceType *t = NULL;
    if (!name)
        error_setg(&err, "Parameter 'driver' is missing");
    else
        t = find_user_type(name, &err);
    Device *dev = t ? device_new(t->name) : NULL;
    if (dev)
        dev->added = true;
    if (dev && !configure(dev, opts, &err)) {
        dev->parent = NULL;
        device_unrealize(dev);
        dev = NULL;
    } else if (dev && !device_realize(dev, &err)) {
        dev = NULL;
    }
    if (!dev) {
        if (opts->source)
            error_prepend(&err, "%s: ", opts->source);
        error_propagate(errp, err);
    }
    return dev;
}
