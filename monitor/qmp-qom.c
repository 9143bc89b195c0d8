/* SPDX-License-Identifier: MIT */
/*
 * The object tree as QMP clients walk it: /machine (peripheral, peripheral-anon, unattached), /objects, /chardevs.
 * Nothing of it is stored: paths are resolved over the lists of devices, objects and character devices.
 */
#include "chardev.h"
#include "hw/boards.h"
#include "hw/object.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "qom.h"
#include "target.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <string.h>

typedef enum NodeKind {
    NODE_NONE, NODE_ROOT, NODE_MACHINE, NODE_PERIPHERAL, NODE_ANON, NODE_UNATTACHED, NODE_OBJECTS, NODE_CHARDEVS, NODE_CPU,
    NODE_DEVICE, NODE_CHARDEV
} NodeKind;
typedef struct Node {
    NodeKind kind;
    void *ptr; /* CPUState, Device or Chardev */
} Node;

typedef void ChildFn(void *opaque, const char *name, Node child);

/* ---- The tree ---- */

typedef struct Walk {
    NodeKind parent;
    ChildFn *fn;
    void *opaque;
    int next; /* number of the next device[N] */
} Walk;

static void each_device(Device *dev, void *opaque)
{
    Walk *w = opaque;
    NodeKind home = !dev->added ? NODE_UNATTACHED : dev->id ? NODE_PERIPHERAL : NODE_ANON;
    char name[32];
    if (home != w->parent)
        return;
    g_snprintf(name, sizeof(name), "device[%d]", w->next++);
    w->fn(w->opaque, home == NODE_PERIPHERAL ? dev->id : name, (Node){ NODE_DEVICE, dev });
}

static void each_object(Device *obj, void *opaque)
{
    Walk *w = opaque;
    w->fn(w->opaque, obj->id, (Node){ NODE_DEVICE, obj });
}

static void each_chardev(Chardev *chr, void *opaque)
{
    Walk *w = opaque;
    w->fn(w->opaque, chardev_id(chr), (Node){ NODE_CHARDEV, chr });
}

static void children(Node n, ChildFn *fn, void *opaque)
{
    Walk w = { n.kind, fn, opaque, 0 };
    char name[32];
    switch (n.kind) {
    case NODE_ROOT:
        fn(opaque, "machine", (Node){ NODE_MACHINE, NULL });
        fn(opaque, "objects", (Node){ NODE_OBJECTS, NULL });
        fn(opaque, "chardevs", (Node){ NODE_CHARDEVS, NULL });
        break;
    case NODE_MACHINE:
        fn(opaque, "peripheral", (Node){ NODE_PERIPHERAL, NULL });
        fn(opaque, "peripheral-anon", (Node){ NODE_ANON, NULL });
        fn(opaque, "unattached", (Node){ NODE_UNATTACHED, NULL });
        break;
    case NODE_UNATTACHED:
        CPU_FOREACH(cpu) {
            g_snprintf(name, sizeof(name), "device[%d]", w.next++);
            fn(opaque, name, (Node){ NODE_CPU, cpu });
        }
        device_foreach(each_device, &w);
        break;
    case NODE_PERIPHERAL:
    case NODE_ANON: device_foreach(each_device, &w); break;
    case NODE_OBJECTS: object_foreach(each_object, &w); break;
    case NODE_CHARDEVS: chardev_foreach(each_chardev, &w); break;
    default: break;
    }
}

typedef struct Search {
    const char *name;
    void *ptr;
    Node found;
    GString *path; /* of found, when looking for ptr */
} Search;

static void match_name(void *opaque, const char *name, Node child)
{
    Search *s = opaque;
    if (!strcmp(name, s->name))
        s->found = child;
}

/* "/machine/unattached/device[3]", or the id of a device. */
static Node resolve(const char *path, Error **errp)
{
    Node n = { NODE_ROOT, NULL };
    if (path[0] != '/') {
        Device *dev = device_find(path);
        n = (Node){ dev ? NODE_DEVICE : NODE_NONE, dev };
    } else {
        char **words = g_strsplit(path, "/", -1);
        for (char **w = words; *w && n.kind; w++) {
            Search s = { .name = *w };
            if (!**w)
                continue;
            children(n, match_name, &s);
            n = s.found;
        }
        g_strfreev(words);
    }
    if (!n.kind)
        error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", path);
    return n;
}

static void match_ptr(void *opaque, const char *name, Node child)
{
    Search *s = opaque;
    if (child.ptr == s->ptr && !s->found.kind) {
        s->found = child;
        g_string_append(s->path, name);
    }
}

char *qom_path(const Device *dev)
{
    static const struct {
        NodeKind kind;
        const char *path;
    } homes[] = { { NODE_PERIPHERAL, "/machine/peripheral/" }, { NODE_ANON, "/machine/peripheral-anon/" },
                  { NODE_UNATTACHED, "/machine/unattached/" }, { NODE_OBJECTS, "/objects/" } };
    const Device *owner = dev->parent ? dev->parent->owner : NULL;
    if (owner && owner->inner == dev) {
        char *outer = qom_path(owner), *path = g_strconcat(outer, "/virtio-backend", NULL);
        g_free(outer);
        return path;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(homes); i++) {
        Search s = { .ptr = (void *)dev, .path = g_string_new(homes[i].path) };
        children((Node){ homes[i].kind, NULL }, match_ptr, &s);
        if (s.found.kind)
            return g_string_free(s.path, FALSE);
        g_string_free(s.path, TRUE);
    }
    return g_strdup("");
}

typedef struct DeviceSearch {
    const char *path;
    Device *found;
} DeviceSearch;

static void match_device(Device *dev, void *opaque)
{
    DeviceSearch *s = opaque;
    char *path = s->found ? NULL : qom_path(dev);
    if (path && *path && !strcmp(path, s->path))
        s->found = dev;
    g_free(path);
}

Device *qom_find_device(const char *path)
{
    DeviceSearch s = { path, device_find(path) };
    if (!s.found && path[0] == '/')
        device_foreach(match_device, &s);
    return s.found;
}

static char *type_name(Node n)
{
    const char *model;
    switch (n.kind) {
    case NODE_MACHINE: return g_strdup_printf("%s-machine", current_machine->type->name);
    case NODE_CPU:
        model = current_machine->cpu_model ? current_machine->cpu_model : current_machine->type->default_cpu;
        model = model ? model : current_target->default_model();
        return g_strdup_printf("%.*s-%s-cpu", (int)strcspn(model, ","), model, current_target->name);
    case NODE_DEVICE: return g_strdup(((Device *)n.ptr)->type->name);
    case NODE_CHARDEV: return g_strdup("chardev");
    default: return g_strdup("container");
    }
}

/* ---- Properties ---- */

static const char *qom_kind(const Property *p)
{
    return p->kind == PK_STRING || p->kind == PK_MAC ? "str" : prop_kind_name(p);
}

/* The text of a property as a JSON value. */
static json_t *prop_json(const Property *p, const char *text)
{
    unsigned slot = 0, fn = 0;
    switch (p->kind) {
    case PK_BOOL: return json_boolean(!strcmp(text, "on") || !strcmp(text, "true"));
    case PK_U8: case PK_U16: case PK_U32: case PK_U64: case PK_SIZE:
        return json_integer((json_int_t)g_ascii_strtoull(text, NULL, 0));
    case PK_I32: return json_integer(g_ascii_strtoll(text, NULL, 0));
    case PK_PCI_ADDR:
        return json_integer(sscanf(text, "%x.%x", &slot, &fn) == 2 ? (int)(slot << 3 | fn) : -1);
    default: return json_string(text);
    }
}

static json_t *default_json(const Property *p)
{
    switch (p->kind) {
    case PK_BOOL: return json_boolean(p->def);
    case PK_ENUM: return json_string(p->names[p->def]);
    case PK_I32: case PK_PCI_ADDR: return json_integer((int32_t)p->def);
    case PK_U8: case PK_U16: case PK_U32: case PK_U64: case PK_SIZE: return json_integer((json_int_t)p->def);
    default: return p->def_string ? json_string(p->def_string) : NULL;
    }
}

static void add_entry(json_t *list, const char *name, const char *type, const char *desc, json_t *def)
{
    json_t *o = json_pack("{s:s,s:s}", "name", name, "type", type);
    if (desc)
        json_object_set_new(o, "description", json_string(desc));
    if (def)
        json_object_set_new(o, "default-value", def);
    json_array_append_new(list, o);
}

static void list_prop(const Property *p, void *opaque)
{
    add_entry(opaque, p->name, qom_kind(p), NULL, NULL);
}

static void describe_prop(const Property *p, void *opaque)
{
    add_entry(opaque, p->name, qom_kind(p), p->desc, default_json(p));
}

static void list_child(void *opaque, const char *name, Node child)
{
    char *type = type_name(child), *kind = g_strdup_printf("child<%s>", type);
    add_entry(opaque, name, kind, NULL, NULL);
    g_free(kind);
    g_free(type);
}

static json_t *qom_list(json_t *args, Error **errp)
{
    Node n = resolve(qmp_str(args, "path"), errp);
    if (!n.kind)
        return NULL;
    json_t *list = json_array();
    add_entry(list, "type", "string", NULL, NULL);
    if (n.kind == NODE_DEVICE || n.kind == NODE_CPU) {
        add_entry(list, "realized", "bool", NULL, NULL);
        add_entry(list, "hotplugged", "bool", NULL, NULL);
        add_entry(list, "parent_bus", "link<bus>", NULL, NULL);
    }
    if (n.kind == NODE_DEVICE)
        device_type_foreach_prop(((Device *)n.ptr)->type, list_prop, list);
    for (const Property *p = n.kind == NODE_MACHINE ? current_machine->type->props : NULL; p && p->name; p++)
        list_prop(p, list);
    children(n, list_child, list);
    return list;
}

typedef struct PropSearch {
    const char *name;
    const Property *found;
} PropSearch;

static void match_prop(const Property *p, void *opaque)
{
    PropSearch *s = opaque;
    if (!strcmp(p->name, s->name))
        s->found = p;
}

/* The value of a property that is no row of a table; NULL: not one of these. */
static json_t *builtin_prop(Node n, const char *name)
{
    json_t *v = NULL;
    if (!strcmp(name, "type")) {
        char *type = type_name(n);
        v = json_string(type);
        g_free(type);
    } else if (n.kind == NODE_DEVICE || n.kind == NODE_CPU) {
        const Device *dev = n.kind == NODE_DEVICE ? n.ptr : NULL;
        if (!strcmp(name, "realized"))
            v = json_boolean(!dev || dev->realized);
        else if (!strcmp(name, "hotplugged"))
            v = json_boolean(0);
        else if (!strcmp(name, "parent_bus"))
            v = json_string(dev && dev->parent && dev->parent->name ? dev->parent->name : "");
    }
    return v;
}

static json_t *get_prop(Node n, const char *name)
{
    PropSearch s = { name, NULL };
    json_t *v = builtin_prop(n, name);
    if (v)
        return v;
    if (n.kind == NODE_DEVICE) {
        device_type_foreach_prop(((Device *)n.ptr)->type, match_prop, &s);
        char *text = s.found ? device_get(n.ptr, name) : NULL;
        v = text ? prop_json(s.found, text) : NULL;
        g_free(text);
        if (s.found && !v) /* text that is not UTF-8 */
            v = json_string("");
    } else if (n.kind == NODE_MACHINE) {
        for (const Property *p = current_machine->type->props; p && p->name; p++)
            match_prop(p, &s);
        const char *text = s.found ? opts_get(current_machine->options, name) : NULL;
        if (s.found)
            v = text ? prop_json(s.found, text) : default_json(s.found);
        if (s.found && !v)
            v = json_string("");
    }
    Search c = { .name = name };
    if (!v)
        children(n, match_name, &c);
    if (c.found.kind) { /* a child's value is its path */
        char *path = c.found.kind == NODE_DEVICE ? qom_path(c.found.ptr) : g_strdup(name);
        v = json_string(path);
        g_free(path);
    }
    return v;
}

static void no_property(Node n, const char *name, Error **errp)
{
    char *type = type_name(n);
    error_setg(errp, "Property '%s.%s' not found", type, name);
    g_free(type);
}

static json_t *qom_get(json_t *args, Error **errp)
{
    Node n = resolve(qmp_str(args, "path"), errp);
    if (!n.kind)
        return NULL;
    json_t *v = get_prop(n, qmp_str(args, "property"));
    if (!v)
        no_property(n, qmp_str(args, "property"), errp);
    return v;
}

static json_t *qom_set(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "property");
    Node n = resolve(qmp_str(args, "path"), errp);
    if (!n.kind)
        return NULL;
    json_t *old = get_prop(n, name);
    char *type = type_name(n);
    if (!old)
        no_property(n, name, errp);
    else if (n.kind == NODE_DEVICE && !builtin_prop(n, name))
        error_setg(errp, "Attempt to set property '%s' on device '%s' (type '%s') after it was realized", name,
                   ((Device *)n.ptr)->id ? ((Device *)n.ptr)->id : "", type);
    else
        error_setg(errp, "Property '%s.%s' is not writable", type, name);
    json_decref(old);
    g_free(type);
    return NULL;
}

/* ---- Types ---- */

static const struct {
    const char *name, *parent;
} abstract_types[] = {
    { "object", NULL },         { "container", "object" }, { "device", "object" },      { "pci-device", "device" },
    { "isa-device", "device" }, { "sys-bus-device", "device" }, { "cpu", "device" },     { "machine", "object" },
    { "chardev", "object" },    { "user-creatable", "object" },
};

static const char *parent_of(const DeviceType *t)
{
    return t->bus == BUS_PCI ? "pci-device" : t->bus == BUS_ISA ? "isa-device" : t->bus == BUS_SYSTEM ? "sys-bus-device" : "device";
}

static bool abstract_is(const char *name, const char *wanted)
{
    while (name && strcmp(name, wanted)) {
        const char *parent = NULL;
        for (unsigned i = 0; i < ARRAY_SIZE(abstract_types); i++)
            if (!strcmp(abstract_types[i].name, name))
                parent = abstract_types[i].parent;
        name = parent;
    }
    return name;
}

typedef struct TypeList {
    json_t *list;
    const char *implements;
} TypeList;

static void add_type(TypeList *l, const char *name, const char *parent)
{
    if (l->implements && strcmp(name, l->implements) && !abstract_is(parent, l->implements))
        return;
    json_array_append_new(l->list, json_pack("{s:s,s:s}", "name", name, "parent", parent));
}

static void add_machine_type(const MachineType *t, void *opaque)
{
    char *name = g_strdup_printf("%s-machine", t->name);
    add_type(opaque, name, "machine");
    g_free(name);
}

static void add_cpu_type(void *opaque, const char *model, const char *unavailable)
{
    char *name = g_strdup_printf("%s-%s-cpu", model, current_target->name);
    add_type(opaque, name, "cpu");
    g_free(name);
}

static json_t *qom_list_types(json_t *args, Error **errp)
{
    TypeList l = { json_array(), qmp_str(args, "implements") };
    for (const char *const *n = device_type_names(false); *n; n++)
        add_type(&l, *n, parent_of(device_type_find(*n)));
    for (const char *const *n = object_type_names(); *n; n++)
        add_type(&l, *n, "user-creatable");
    for (const char *const *n = chardev_kind_names(); *n; n++) {
        char *name = g_strdup_printf("chardev-%s", *n);
        add_type(&l, name, "chardev");
        g_free(name);
    }
    machine_type_foreach(current_target->name, add_machine_type, &l);
    if (current_target->cpu_models)
        current_target->cpu_models(add_cpu_type, &l);
    for (unsigned i = 0; i < ARRAY_SIZE(abstract_types) && qmp_bool(args, "abstract", false); i++) {
        const char *name = abstract_types[i].name;
        if (l.implements && !abstract_is(name, l.implements))
            continue;
        json_t *o = json_pack("{s:s,s:b}", "name", name, "abstract", 1);
        if (abstract_types[i].parent)
            json_object_set_new(o, "parent", json_string(abstract_types[i].parent));
        json_array_append_new(l.list, o);
    }
    return l.list;
}

static bool is_abstract(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(abstract_types); i++)
        if (!strcmp(abstract_types[i].name, name))
            return true;
    return false;
}

static json_t *device_list_properties(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "typename");
    const DeviceType *t = device_type_find(name);
    if (!t && is_abstract(name)) {
        error_setg(errp, "Parameter 'typename' expects a non-abstract device type");
        return NULL;
    }
    if (!t) {
        error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", name);
        return NULL;
    }
    json_t *list = json_array();
    device_type_foreach_prop(t, describe_prop, list);
    return list;
}

static json_t *qom_list_properties(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "typename");
    const DeviceType *t = device_type_find(name) ? device_type_find(name) : object_type_find(name);
    char *machine = g_str_has_suffix(name, "-machine") ? g_strndup(name, strlen(name) - 8) : NULL;
    const MachineType *m = machine ? machine_type_find(machine, current_target->name) : NULL;
    g_free(machine);
    if (!t && !m && !is_abstract(name)) {
        error_setg_class(errp, "DeviceNotFound", "Class '%s' not found", name);
        return NULL;
    }
    json_t *list = json_array();
    add_entry(list, "type", "string", NULL, NULL);
    if (t)
        device_type_foreach_prop(t, describe_prop, list);
    for (const Property *p = m ? m->props : NULL; p && p->name; p++)
        describe_prop(p, list);
    return list;
}

/* ---- The human monitor's view ---- */

static void cmd_qom_list(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_t *o, *list = argc ? qmp_call("qom-list", &err, "{s:s}", "path", argv[0]) : NULL;
    size_t i;
    if (!argc)
        monitor_printf(mon, "/\n");
    json_array_foreach(list, i, o)
        monitor_printf(mon, "%s (%s)\n", qmp_str(o, "name"), qmp_str(o, "type"));
    json_decref(list);
    monitor_report(mon, err);
}

static void cmd_qom_get(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_t *v = qmp_call("qom-get", &err, "{s:s,s:s}", "path", argv[0], "property", argv[1]);
    char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
    if (text)
        monitor_printf(mon, "%s\n", text);
    free(text);
    json_decref(v);
    monitor_report(mon, err);
}

static void cmd_qom_set(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (!strcmp(argv[0], "-j"))
        argv++;
    json_decref(qmp_call("qom-set", &err, "{s:s,s:s,s:s}", "path", argv[0], "property", argv[1], "value", argv[2]));
    monitor_report(mon, err);
}

typedef struct Tree {
    Monitor *mon;
    int indent;
} Tree;

static void print_node(void *opaque, const char *name, Node n)
{
    Tree *t = opaque, below = { t->mon, t->indent + 2 };
    char *type = type_name(n);
    monitor_printf(t->mon, "%*s/%s (%s)\n", t->indent, "", name, type);
    g_free(type);
    children(n, print_node, &below);
}

static void info_qom_tree(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    const char *path = argc ? argv[0] : "/machine", *slash = strrchr(path, '/');
    Node n = resolve(path, &err);
    Tree t = { mon, 0 };
    if (n.kind)
        print_node(&t, slash ? slash + 1 : path, n);
    else
        monitor_printf(mon, "Path '%s' could not be resolved.\n", path);
    error_free(err);
}

static const MonitorCommand monitor_rows_[] = {
    { "qom-list", "[path]", "list QOM properties", cmd_qom_list },
    { "qom-get", "path property", "print QOM property", cmd_qom_get },
    { "qom-set", "[-j] path property value", "set QOM property (-j: the value is JSON)", cmd_qom_set },
    { "info qom-tree", "[path]", "show QOM composition tree", info_qom_tree },
};
monitor_commands(monitor_rows_)

static const QMPCommand commands[] = {
    { "qom-list", "path:str", "[ObjectPropertyInfo]", qom_list, 0 },
    { "qom-get", "path:str, property:str", "any", qom_get, 0 },
    { "qom-set", "path:str, property:str, value:any", "", qom_set, 0 },
    { "qom-list-types", "implements:str?, abstract:bool?", "[ObjectTypeInfo]", qom_list_types, 0 },
    { "qom-list-properties", "typename:str", "[ObjectPropertyInfo]", qom_list_properties, 0 },
    { "device-list-properties", "typename:str", "[ObjectPropertyInfo]", device_list_properties, 0 },
};
qmp_commands(commands)
