/* SPDX-License-Identifier: MIT */
/* Monitors from the command line: -monitor, -qmp, -mon, and the objects monitor-qmp and monitor-hmp; -action. */
#include "chardev.h"
#include "hw/object.h"
#include "monitor.h"
#include "qmp.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <string.h>

typedef struct MonitorObject {
    Device dev;
    char *chardev;
    bool pretty;
    Monitor *hmp;
    QMPSession *qmp;
} MonitorObject;

/* ---- -monitor, -qmp, -mon ---- */

/* The character device an option names: an existing one, or a short form such as "unix:PATH,server". */
static Chardev *find_device(OptGroup *o, unsigned index, bool *none, Error **errp)
{
    const char *id = opts_get(o, "chardev"), *text = opts_get(o, "dev");
    char label[32];
    *none = false;
    g_snprintf(label, sizeof(label), "compat_monitor%u", index);
    if (text)
        return chardev_from_legacy(label, text, none, errp);
    Chardev *chr = id ? chardev_find(id) : NULL;
    if (!id)
        error_setg(errp, "Parameter 'chardev' is missing");
    else if (!chr)
        error_setg(errp, "chardev \"%s\" not found", id);
    return chr;
}

static bool open_group(OptGroup *o, unsigned index, Error **errp)
{
    static const char *const keys[] = { "chardev", "mode", "pretty", NULL };
    const char *mode = opts_get(o, "mode");
    bool control = mode && !strcmp(mode, "control"), pretty = false, none;
    opts_get(o, "id");
    if (mode && !control && strcmp(mode, "readline")) {
        error_setg(errp, "unknown monitor mode \"%s\" (control or readline)", mode);
        return false;
    }
    if (!control && opts_get(o, "pretty")) {
        error_setg(errp, "'pretty' is not compatible with HMP monitors");
        return false;
    }
    if (!opts_get_bool(o, "pretty", &pretty, errp))
        return false;
    Chardev *chr = find_device(o, index, &none, errp);
    if (!chr)
        return none;
    if (!opts_check_unused(o, keys, errp))
        return false;
    return control ? qmp_session_new(chr, pretty, errp) != NULL : monitor_new(chr, errp) != NULL;
}

bool monitor_open(OptGroup *o, unsigned index, Error **errp)
{
    Error *err = NULL;
    if (open_group(o, index, &err))
        return true;
    if (!g_str_has_prefix(error_get_pretty(err), o->source))
        error_prepend(&err, "%s: ", o->source);
    error_propagate(errp, err);
    return false;
}

bool monitor_set_actions(OptGroup *o, Error **errp)
{
    Error *err = NULL;
    json_t *args = json_object();
    for (unsigned i = 0; i < o->count; i++)
        json_object_set_new(args, o->opts[i].key, json_string(o->opts[i].value));
    json_decref(qmp_call("set-action", &err, "o", args));
    if (err)
        error_prepend(&err, "%s: ", o->source);
    bool ok = !err;
    error_propagate(errp, err);
    return ok;
}

/* ---- -object monitor-qmp, monitor-hmp ---- */

static Chardev *object_chardev(const MonitorObject *m, Error **errp)
{
    Chardev *chr = m->chardev && *m->chardev ? chardev_find(m->chardev) : NULL;
    if (!chr)
        error_setg(errp, m->chardev ? "Chardev '%s' not found" : "%s: Parameter 'chardev' is missing",
                   m->chardev ? m->chardev : m->dev.type->name);
    return chr;
}

static bool qmp_object_realize(Device *dev, Error **errp)
{
    MonitorObject *m = container_of(dev, MonitorObject, dev);
    Chardev *chr = object_chardev(m, errp);
    m->qmp = chr ? qmp_session_new(chr, m->pretty, errp) : NULL;
    return m->qmp;
}

static bool hmp_object_realize(Device *dev, Error **errp)
{
    MonitorObject *m = container_of(dev, MonitorObject, dev);
    Chardev *chr = object_chardev(m, errp);
    m->hmp = chr ? monitor_new(chr, errp) : NULL;
    return m->hmp;
}

static void object_unrealize(Device *dev)
{
    MonitorObject *m = container_of(dev, MonitorObject, dev);
    if (m->qmp)
        qmp_session_free(m->qmp);
    if (m->hmp)
        monitor_free(m->hmp);
}

static const Property qmp_props[] = {
    PROP_STRING("chardev", MonitorObject, chardev),
    PROP_BOOL("pretty", MonitorObject, pretty, false),
    {},
};
static const DeviceType qmp_type = {
    .name = "monitor-qmp", .desc = "machine protocol on a character device", .size = sizeof(MonitorObject), .props = qmp_props,
    .realize = qmp_object_realize, .unrealize = object_unrealize,
};
object_type(qmp_type)

static const Property hmp_props[] = {
    PROP_STRING("chardev", MonitorObject, chardev),
    {},
};
static const DeviceType hmp_type = {
    .name = "monitor-hmp", .desc = "human monitor on a character device", .size = sizeof(MonitorObject), .props = hmp_props,
    .realize = hmp_object_realize, .unrealize = object_unrealize,
};
object_type(hmp_type)
