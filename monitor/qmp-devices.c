/* SPDX-License-Identifier: MIT */
/*
 * Adding, removing and using devices, objects and character devices while the machine exists: QMP commands, and
 * the human monitor's on top of them. JSON arguments become the option groups that the command line makes.
 */
#include "chardev.h"
#include "hw/object.h"
#include "hw/pci.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "qom.h"
#include "util/error.h"
#include "util/options.h"

#include <string.h>

#define RINGBUF_READ_MAX (16u << 20)

/* ---- JSON to options ---- */

static bool add_option(OptGroup *o, const char *key, json_t *v, Error **errp)
{
    char number[32];
    if (json_is_string(v)) {
        opts_set(o, key, json_string_value(v));
    } else if (json_is_boolean(v)) {
        opts_set(o, key, json_is_true(v) ? "on" : "off");
    } else if (json_is_integer(v)) {
        g_snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
        opts_set(o, key, number);
    } else if (json_is_real(v)) {
        g_ascii_dtostr(number, sizeof(number), json_real_value(v));
        opts_set(o, key, number);
    } else {
        error_setg(errp, "Invalid parameter type for '%s', expected: string", key);
        return false;
    }
    return true;
}

/* Without a source: messages then name nothing but what is wrong. */
static OptGroup *new_group(const char *name)
{
    return opts_parse(name, "", NULL, NULL);
}

static OptGroup *to_group(const char *name, json_t *args, Error **errp)
{
    OptGroup *o = new_group(name);
    const char *key;
    json_t *v;
    json_object_foreach(args, key, v)
        if (!add_option(o, key, v, errp)) {
            opts_free(o);
            return NULL;
        }
    return o;
}

/* Drops "SOURCE: " from a message. */
static void propagate(Error **errp, Error *err, const OptGroup *o)
{
    if (!err)
        return;
    const char *text = error_get_pretty(err);
    size_t n = o && o->source ? strlen(o->source) : 0;
    if (n && !strncmp(text, o->source, n) && text[n] == ':') {
        error_setg(errp, "%s", text + n + 2);
        error_free(err);
    } else {
        error_propagate(errp, err);
    }
}

/* ---- Devices ---- */

/* Buses whose devices may come and go while the guest runs. */
static bool check_hotplug(BusKind bus, const char *name, Error **errp)
{
    if (bus == BUS_PCI || bus == BUS_SCSI || bus == BUS_VIRTIO_SERIAL || bus == BUS_NVME || bus == BUS_NONE)
        return true;
    error_setg(errp, "Bus '%s' does not support hotplugging", name ? name : bus == BUS_ISA ? "isa.0" : "main-system-bus");
    return false;
}

static json_t *qmp_device_add(json_t *args, Error **errp)
{
    Error *err = NULL;
    OptGroup *o = to_group("device_add", args, errp);
    const DeviceType *t = device_type_find(qmp_str(args, "driver"));
    if (o && (!t || t->internal || check_hotplug(t->bus, NULL, &err))) {
        Device *dev = device_add(o, &err);
        if (dev)
            device_reset(dev);
    }
    propagate(errp, err, o);
    opts_free(o);
    return NULL;
}

static json_t *qmp_device_del(json_t *args, Error **errp)
{
    const char *id = qmp_str(args, "id");
    Device *dev = device_find(id);
    if (!dev) {
        error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", id);
        return NULL;
    }
    if (!check_hotplug(dev->type->bus, dev->parent ? dev->parent->name : NULL, errp))
        return NULL;
    char *path = qom_path(dev);
    qmp_event("DEVICE_DELETED", "{s:s,s:s}", "device", id, "path", path);
    g_free(path);
    device_unrealize(dev);
    return NULL;
}

static json_t *qmp_object_add(json_t *args, Error **errp)
{
    Error *err = NULL;
    OptGroup *o = to_group("object-add", args, errp);
    if (o)
        object_add(o, &err);
    propagate(errp, err, o);
    opts_free(o);
    return NULL;
}

static json_t *qmp_object_del(json_t *args, Error **errp)
{
    object_del(qmp_str(args, "id"), errp);
    return NULL;
}

/* ---- Character devices ---- */

/* Names that differ between the JSON and the option: in=input-path, out=path, device=path. */
static const char *chardev_key(const char *key)
{
    return !strcmp(key, "in") ? "input-path" : !strcmp(key, "out") || !strcmp(key, "device") ? "path" : key;
}

static bool flatten_chardev(OptGroup *o, json_t *data, Error **errp)
{
    const char *key;
    json_t *v;
    json_object_foreach(data, key, v) {
        json_t *address = json_object_get(v, "data");
        if (!strcmp(key, "addr") ? !flatten_chardev(o, address, errp) : !add_option(o, chardev_key(key), v, errp))
            return false;
    }
    return true;
}

static OptGroup *chardev_group(json_t *args, Error **errp)
{
    json_t *backend = json_object_get(args, "backend"), *data = json_object_get(backend, "data");
    const char *type = qmp_str(backend, "type");
    OptGroup *o = new_group("chardev-add");
    opts_set(o, "id", qmp_str(args, "id"));
    opts_set(o, "backend", type);
    if (!strcmp(type, "socket") && !json_object_get(data, "server"))
        opts_set(o, "server", "on");
    if (!strcmp(type, "socket") && !json_object_get(data, "wait") && qmp_bool(data, "server", true))
        opts_set(o, "wait", "off");
    if (flatten_chardev(o, data, errp))
        return o;
    opts_free(o);
    return NULL;
}

static json_t *chardev_result(const char *id)
{
    char *name = chardev_filename(chardev_find(id));
    json_t *r = g_str_has_prefix(name, "pty:") ? json_pack("{s:s}", "pty", name + 4) : NULL;
    g_free(name);
    return r;
}

static json_t *qmp_chardev_add(json_t *args, Error **errp)
{
    Error *err = NULL;
    OptGroup *o = chardev_group(args, errp);
    if (o)
        chardev_new(o, &err);
    bool ok = o && !err;
    propagate(errp, err, o);
    opts_free(o);
    return ok ? chardev_result(qmp_str(args, "id")) : NULL;
}

static json_t *qmp_chardev_change(json_t *args, Error **errp)
{
    Error *err = NULL;
    OptGroup *o = chardev_group(args, errp);
    bool ok = o && chardev_change(qmp_str(args, "id"), o, &err);
    propagate(errp, err, o);
    opts_free(o);
    return ok ? chardev_result(qmp_str(args, "id")) : NULL;
}

static json_t *qmp_chardev_remove(json_t *args, Error **errp)
{
    chardev_remove(qmp_str(args, "id"), errp);
    return NULL;
}

static json_t *qmp_chardev_send_break(json_t *args, Error **errp)
{
    chardev_send_break(qmp_str(args, "id"), errp);
    return NULL;
}

static void list_chardev(Chardev *chr, void *opaque)
{
    char *name = chardev_filename(chr);
    json_t *o = json_pack("{s:b,s:s,s:s}", "frontend-open", chardev_frontend_open(chr), "filename", name, "label",
                          chardev_id(chr));
    if (o)
        json_array_append_new(opaque, o);
    g_free(name);
}

static json_t *query_chardev(json_t *args, Error **errp)
{
    json_t *list = json_array();
    chardev_foreach(list_chardev, list);
    return list;
}

static json_t *query_chardev_backends(json_t *args, Error **errp)
{
    json_t *list = json_array();
    for (const char *const *n = chardev_kind_names(); *n; n++)
        json_array_append_new(list, json_pack("{s:s}", "name", *n));
    json_array_append_new(list, json_pack("{s:s}", "name", "memory"));
    return list;
}

static Chardev *find_ringbuf(const char *id, Error **errp)
{
    Chardev *c = chardev_find(id);
    if (!c)
        error_setg(errp, "Device '%s' not found", id);
    else if (!chardev_is_ringbuf(c))
        error_setg(errp, "%s is not a ringbuf device", id);
    return c && chardev_is_ringbuf(c) ? c : NULL;
}

static json_t *qmp_ringbuf_write(json_t *args, Error **errp)
{
    const char *data = qmp_str(args, "data"), *format = qmp_str(args, "format");
    Chardev *c = find_ringbuf(qmp_str(args, "device"), errp);
    gsize len = strlen(data);
    if (!c)
        return NULL;
    if (format && !strcmp(format, "base64")) {
        bool valid = len % 4 == 0 && strspn(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == len;
        if (!valid) {
            error_setg(errp, "Base64 data '%s' is not valid", data);
            return NULL;
        }
        guchar *bytes = g_base64_decode(data, &len);
        chardev_write(c, bytes, len);
        g_free(bytes);
    } else {
        chardev_write(c, (const uint8_t *)data, len);
    }
    return NULL;
}

static json_t *qmp_ringbuf_read(json_t *args, Error **errp)
{
    const char *format = qmp_str(args, "format");
    int64_t size = qmp_int(args, "size", 0);
    Chardev *c = find_ringbuf(qmp_str(args, "device"), errp);
    if (!c)
        return NULL;
    if (size <= 0) {
        error_setg(errp, "size must be greater than zero");
        return NULL;
    }
    size_t max = (size_t)MIN(size, RINGBUF_READ_MAX);
    uint8_t *buf = g_malloc(max);
    size_t len = chardev_ringbuf_read(c, buf, max);
    bool base64 = format && !strcmp(format, "base64");
    char *text = base64 ? g_base64_encode(buf, len) : g_utf8_make_valid((char *)buf, (gssize)len);
    json_t *result = json_string(text);
    g_free(text);
    g_free(buf);
    return result;
}

/* ---- Yank: connections that hang ---- */

static void list_yank(Chardev *chr, void *opaque)
{
    if (chardev_is_socket(chr))
        json_array_append_new(opaque, json_pack("{s:s,s:s}", "type", "chardev", "id", chardev_id(chr)));
}

static json_t *query_yank(json_t *args, Error **errp)
{
    json_t *list = json_array();
    chardev_foreach(list_yank, list);
    return list;
}

static json_t *qmp_yank(json_t *args, Error **errp)
{
    json_t *list = json_object_get(args, "instances"), *o;
    size_t i;
    json_array_foreach(list, i, o) {
        Chardev *c = !strcmp(qmp_str(o, "type"), "chardev") ? chardev_find(qmp_str(o, "id")) : NULL;
        if (!c || !chardev_is_socket(c)) {
            error_setg_class(errp, "DeviceNotFound", "Instance not found");
            return NULL;
        }
    }
    json_array_foreach(list, i, o)
        chardev_disconnect(chardev_find(qmp_str(o, "id")));
    return NULL;
}

/* ---- The human monitor's ---- */

/* "TYPE,key=value…" as the command line takes it. */
static void add_from_text(Monitor *mon, const char *command, const char *text, const char *implied)
{
    Error *err = NULL, *shown = NULL;
    OptGroup *o = opts_parse(command, text, implied, &err);
    if (o && !strcmp(command, "device_add")) {
        const char *driver = opts_get(o, "driver");
        const DeviceType *t = driver ? device_type_find(driver) : NULL;
        Device *dev = !t || t->internal || check_hotplug(t->bus, NULL, &err) ? device_add(o, &err) : NULL;
        if (dev)
            device_reset(dev);
    } else if (o && !strcmp(command, "object_add")) {
        object_add(o, &err);
    } else if (o) {
        chardev_new(o, &err);
    }
    propagate(&shown, err, o);
    monitor_report(mon, shown);
    opts_free(o);
}

static void cmd_device_add(Monitor *mon, int argc, char **argv)
{
    if (argc && is_help_option(argv[0])) {
        FILE *f = monitor_stream(mon);
        device_help_types(f);
        fclose(f);
        return;
    }
    add_from_text(mon, "device_add", argc ? argv[0] : "", "driver");
}

static void cmd_object_add(Monitor *mon, int argc, char **argv)
{
    if (is_help_option(argv[0])) {
        FILE *f = monitor_stream(mon);
        object_help_types(f);
        fclose(f);
        return;
    }
    add_from_text(mon, "object_add", argv[0], "qom-type");
}

static void cmd_chardev_add(Monitor *mon, int argc, char **argv)
{
    if (is_help_option(argv[0])) {
        FILE *f = monitor_stream(mon);
        chardev_help(f);
        fclose(f);
        return;
    }
    add_from_text(mon, "chardev-add", argv[0], "backend");
}

static void run_with_id(Monitor *mon, const char *command, const char *key, const char *value)
{
    Error *err = NULL;
    json_decref(qmp_call(command, &err, "{s:s}", key, value));
    monitor_report(mon, err);
}

static void cmd_device_del(Monitor *mon, int argc, char **argv)
{
    run_with_id(mon, "device_del", "id", argv[0]);
}

static void cmd_object_del(Monitor *mon, int argc, char **argv)
{
    run_with_id(mon, "object-del", "id", argv[0]);
}

static void cmd_chardev_remove(Monitor *mon, int argc, char **argv)
{
    run_with_id(mon, "chardev-remove", "id", argv[0]);
}

static void cmd_chardev_send_break(Monitor *mon, int argc, char **argv)
{
    run_with_id(mon, "chardev-send-break", "id", argv[0]);
}

static void cmd_chardev_change(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL, *shown = NULL;
    OptGroup *o = opts_parse("chardev-change", argv[1], "backend", &err);
    if (o)
        chardev_change(argv[0], o, &err);
    propagate(&shown, err, o);
    monitor_report(mon, shown);
    opts_free(o);
}

static void cmd_ringbuf_write(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_decref(qmp_call("ringbuf-write", &err, "{s:s,s:s}", "device", argv[0], "data", argv[1]));
    monitor_report(mon, err);
}

static void cmd_ringbuf_read(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    uint64_t size;
    if (!monitor_eval(mon, argv[1], &size))
        return;
    json_t *text = qmp_call("ringbuf-read", &err, "{s:s,s:I}", "device", argv[0], "size", (json_int_t)size);
    for (const char *p = text ? json_string_value(text) : ""; *p; p++) {
        if (*p == '\\')
            monitor_printf(mon, "\\\\");
        else if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            monitor_printf(mon, "\\u%04X", (unsigned char)*p);
        else
            monitor_printf(mon, "%c", *p);
    }
    if (text)
        monitor_printf(mon, "\n");
    json_decref(text);
    monitor_report(mon, err);
}

static void info_chardev(Monitor *mon, int argc, char **argv)
{
    FILE *f = monitor_stream(mon);
    chardev_info(f);
    fclose(f);
}

static const MonitorCommand monitor_table[] = {
    { "device_add", "[driver[,prop=value][,...]]", "add device, like -device on the command line", cmd_device_add },
    { "device_del", "device", "remove device", cmd_device_del },
    { "object_add", "[qom-type=]type,id=str[,prop=value][,...]", "create QOM object", cmd_object_add },
    { "object_del", "id", "destroy QOM object", cmd_object_del },
    { "chardev-add", "args", "add chardev", cmd_chardev_add },
    { "chardev-change", "id args", "change chardev", cmd_chardev_change },
    { "chardev-remove", "id", "remove chardev", cmd_chardev_remove },
    { "chardev-send-break", "id", "send a break on chardev", cmd_chardev_send_break },
    { "ringbuf_write", "device data", "write to a ring buffer character device", cmd_ringbuf_write },
    { "ringbuf_read", "device size", "read from a ring buffer character device", cmd_ringbuf_read },
    { "info chardev", "", "show the character devices", info_chardev },
};
monitor_commands(monitor_table)

static const QMPCommand commands[] = {
    { "device_add", "driver:str, bus:str?, id:str?", "", qmp_device_add, QMP_EXTRA },
    { "device_del", "id:str", "", qmp_device_del, 0 },
    { "object-add", "qom-type:str, id:str", "", qmp_object_add, QMP_EXTRA },
    { "object-del", "id:str", "", qmp_object_del, 0 },
    { "chardev-add", "id:str, backend:ChardevBackend", "ChardevReturn", qmp_chardev_add, 0 },
    { "chardev-change", "id:str, backend:ChardevBackend", "ChardevReturn", qmp_chardev_change, 0 },
    { "chardev-remove", "id:str", "", qmp_chardev_remove, 0 },
    { "chardev-send-break", "id:str", "", qmp_chardev_send_break, 0 },
    { "query-chardev", "", "[ChardevInfo]", query_chardev, 0 },
    { "query-chardev-backends", "", "[ChardevBackendInfo]", query_chardev_backends, 0 },
    { "ringbuf-write", "device:str, data:str, format:DataFormat?", "", qmp_ringbuf_write, 0 },
    { "ringbuf-read", "device:str, size:int, format:DataFormat?", "str", qmp_ringbuf_read, 0 },
    { "query-yank", "", "[YankInstance]", query_yank, QMP_OOB },
    { "yank", "instances:[YankInstance]", "", qmp_yank, QMP_OOB },
};
qmp_commands(commands)
