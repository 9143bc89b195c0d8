/* SPDX-License-Identifier: MIT */
/*
 * Properties of devices: the table of a type says name, kind, place and default; here they are parsed,
 * stored, printed and listed. What each kind does is one row of kinds[]. Properties every device on a
 * bus has (PCI: addr …) come after the type's own.
 */
#include "chardev.h"
#include "hw/device.h"
#include "hw/object.h"
#include "hw/pci.h"
#include "block/block.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static const struct {
    const char *help;   /* in TYPE,help */
    uint8_t size;       /* bytes of a number, 0 otherwise */
} kinds[] = {
    [PK_BOOL] = { "bool", 1 },     [PK_U8] = { "uint8", 1 },      [PK_U16] = { "uint16", 2 },
    [PK_U32] = { "uint32", 4 },    [PK_U64] = { "uint64", 8 },    [PK_I32] = { "int32", 4 },
    [PK_SIZE] = { "size", 8 },     [PK_STRING] = { "str", 0 },    [PK_CHARDEV] = { "str", 0 },
    [PK_ENUM] = { "enum", 4 },     [PK_MAC] = { "str", 0 },       [PK_PCI_ADDR] = { "int32", 4 },
    [PK_DEVICE] = { "str", 0 },    [PK_DRIVE] = { "str", 0 },     [PK_OBJECT] = { "link", 0 },
};

/* Calls fn for the type's rows, then its bus's; stops at the first true. */
static const Property *each_prop(const DeviceType *t, bool (*fn)(const Property *, void *), void *opaque)
{
    const Property *tables[] = { t->props, t->bus == BUS_PCI ? pci_common_props : NULL };
    for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
        for (const Property *p = tables[i]; p && p->name; p++)
            if (fn(p, opaque))
                return p;
    return NULL;
}

void device_type_foreach_prop(const DeviceType *t, void (*fn)(const Property *p, void *opaque), void *opaque)
{
    const Property *tables[] = { t->props, t->bus == BUS_PCI ? pci_common_props : NULL };
    for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
        for (const Property *p = tables[i]; p && p->name; p++)
            fn(p, opaque);
    if (t->inner)
        device_type_foreach_prop(device_type_find(t->inner), fn, opaque);
}

const char *prop_kind_name(const Property *p)
{
    return kinds[p->kind].help;
}

static bool name_is(const Property *p, void *name)
{
    return !strcmp(p->name, name);
}

static const Property *find_prop(const DeviceType *t, const char *name)
{
    return each_prop(t, name_is, (void *)name);
}

static void *field(const Device *dev, const Property *p)
{
    return (char *)dev + p->offset;
}

static void store_number(Device *dev, const Property *p, uint64_t v)
{
    memcpy(field(dev, p), &v, kinds[p->kind].size);
}

static uint64_t load_number(const Device *dev, const Property *p)
{
    uint64_t v = 0;
    memcpy(&v, field(dev, p), kinds[p->kind].size);
    return v;
}

static void store_string(Device *dev, const Property *p, const char *text)
{
    char **s = field(dev, p);
    g_free(*s);
    *s = g_strdup(text);
}

/* ---- Parsing ---- */

static bool parse_number(Device *dev, const Property *p, const char *text, Error **errp)
{
    uint64_t v, max = ~0ull >> (64 - 8 * kinds[p->kind].size);
    if (!parse_u64(p->name, text, &v, errp))
        return false;
    if (v > max) {
        error_setg(errp, "Parameter '%s' expects %s_t", p->name, kinds[p->kind].help);
        return false;
    }
    store_number(dev, p, v);
    return true;
}

static bool parse_i32(Device *dev, const Property *p, const char *text, Error **errp)
{
    char *end;
    errno = 0;
    int64_t v = g_ascii_strtoll(text, &end, 0);
    if (errno || end == text || *end || v != (int32_t)v) {
        error_setg(errp, "Parameter '%s' expects int32_t", p->name);
        return false;
    }
    store_number(dev, p, (uint64_t)v);
    return true;
}

static bool bad_value(Device *dev, const Property *p, const char *text, Error **errp)
{
    error_setg(errp, "Property '%s.%s' doesn't take value '%s'", dev->type->name, p->name, text);
    return false;
}

static bool parse_enum(Device *dev, const Property *p, const char *text, Error **errp)
{
    for (unsigned i = 0; p->names[i]; i++)
        if (!strcmp(p->names[i], text)) {
            store_number(dev, p, i);
            return true;
        }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", p->name, text);
    const char *near = nearest_word(text, p->names);
    if (near)
        error_append_hint(errp, "Did you mean '%s'?\n", near);
    return false;
}

static bool parse_mac(Device *dev, const Property *p, const char *text, Error **errp)
{
    uint8_t mac[6];
    const char *s = text;
    for (unsigned i = 0; i < 6; i++, s += 3) {
        int hi = g_ascii_xdigit_value(s[0]);
        int lo = hi < 0 ? -1 : g_ascii_xdigit_value(s[1]);
        if (lo < 0 || (i < 5 ? s[2] != ':' && s[2] != '-' : s[2] != 0))
            return bad_value(dev, p, text, errp);
        mac[i] = (uint8_t)(hi << 4 | lo);
    }
    memcpy(field(dev, p), mac, 6);
    return true;
}

/* "SLOT" or "SLOT.FN", hexadecimal. */
static bool parse_pci_addr(Device *dev, const Property *p, const char *text, Error **errp)
{
    char *end;
    uint64_t slot = g_ascii_strtoull(text, &end, 16), fn = 0;
    bool ok = end != text && g_ascii_isxdigit(text[0]);
    if (ok && *end == '.') {
        const char *s = end + 1;
        fn = g_ascii_strtoull(s, &end, 16);
        ok = end != s;
    }
    if (!ok || *end || slot > 31 || fn > 7)
        return bad_value(dev, p, text, errp);
    store_number(dev, p, slot << 3 | fn);
    return true;
}

static bool parse_reference(Device *dev, const Property *p, const char *text, Error **errp)
{
    void *target = p->kind == PK_CHARDEV ? (void *)chardev_find(text) : p->kind == PK_OBJECT ? object_find(text) : device_find(text);
    if (!target) {
        error_setg(errp, "Property '%s.%s' can't find value '%s'", dev->type->name, p->name, text);
        return false;
    }
    *(void **)field(dev, p) = target;
    return true;
}

static bool parse_drive(Device *dev, const Property *p, const char *text, Error **errp)
{
    BlockBackend *b = blk_find(text);
    if (!b)
        b = blk_of_node(text, errp);
    if (!b) {
        error_setg(errp, "Property '%s.%s' can't find value '%s'", dev->type->name, p->name, text);
        return false;
    }
    *(BlockBackend **)field(dev, p) = b;
    return true;
}

static bool parse_boolean(Device *dev, const Property *p, const char *text, Error **errp)
{
    return parse_bool(p->name, text, field(dev, p), errp);
}

static bool parse_bytes(Device *dev, const Property *p, const char *text, Error **errp)
{
    return parse_size(p->name, text, 1, field(dev, p), errp);
}

static bool parse_string(Device *dev, const Property *p, const char *text, Error **errp)
{
    store_string(dev, p, text);
    return true;
}

static bool (*const parsers[])(Device *, const Property *, const char *, Error **) = {
    [PK_BOOL] = parse_boolean,      [PK_U8] = parse_number,     [PK_U16] = parse_number,
    [PK_U32] = parse_number,        [PK_U64] = parse_number,    [PK_I32] = parse_i32,
    [PK_SIZE] = parse_bytes,        [PK_STRING] = parse_string, [PK_CHARDEV] = parse_reference,
    [PK_ENUM] = parse_enum,         [PK_MAC] = parse_mac,       [PK_PCI_ADDR] = parse_pci_addr,
    [PK_DEVICE] = parse_reference,  [PK_DRIVE] = parse_drive,   [PK_OBJECT] = parse_reference,
};

static bool add_name(const Property *p, void *array)
{
    g_ptr_array_add(array, (void *)p->name);
    return false;
}

bool device_set(Device *dev, const char *prop, const char *text, Error **errp)
{
    const Property *p = find_prop(dev->type, prop);
    if (p)
        return parsers[p->kind](dev, p, text, errp);
    if (dev->inner && find_prop(dev->inner->type, prop))
        return device_set(dev->inner, prop, text, errp);
    error_setg(errp, "Property '%s.%s' not found", dev->type->name, prop);
    GPtrArray *names = g_ptr_array_new();
    each_prop(dev->type, add_name, names);
    if (dev->inner)
        each_prop(dev->inner->type, add_name, names);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_word(prop, (const char *const *)names->pdata);
    if (near)
        error_append_hint(errp, "Did you mean '%s'?\n", near);
    g_ptr_array_free(names, TRUE);
    return false;
}

/* A property of *dev or, *dev then being that, of its inner device. None: our own mistake. */
static const Property *must_find(Device **dev, const char *prop)
{
    const Property *p = find_prop((*dev)->type, prop);
    if (!p && (*dev)->inner) {
        *dev = (*dev)->inner;
        p = find_prop((*dev)->type, prop);
    }
    if (!p)
        g_error("%s has no property '%s'", (*dev)->type->name, prop);
    return p;
}

void device_set_u64(Device *dev, const char *prop, uint64_t value)
{
    const Property *p = must_find(&dev, prop);
    g_assert(kinds[p->kind].size);
    store_number(dev, p, p->kind == PK_BOOL ? value != 0 : value);
}

void device_set_str(Device *dev, const char *prop, const char *value)
{
    const Property *p = must_find(&dev, prop);
    Error *err = NULL;
    if (p->kind == PK_STRING)
        store_string(dev, p, value);
    else if (!device_set(dev, prop, value, &err)) /* "1.3" for an address: a board's constant */
        g_error("%s", error_get_pretty(err));
}

void device_set_chardev(Device *dev, const char *prop, Chardev *chr)
{
    const Property *p = must_find(&dev, prop);
    g_assert(p->kind == PK_CHARDEV);
    *(Chardev **)field(dev, p) = chr;
}

void device_set_drive(Device *dev, const char *prop, BlockBackend *blk)
{
    const Property *p = must_find(&dev, prop);
    g_assert(p->kind == PK_DRIVE);
    *(BlockBackend **)field(dev, p) = blk;
}

static bool set_default(const Property *p, void *opaque)
{
    Device *dev = opaque;
    if (kinds[p->kind].size)
        store_number(dev, p, p->def);
    else if (p->kind == PK_STRING && p->def_string)
        store_string(dev, p, p->def_string);
    return false;
}

void device_init_props(Device *dev)
{
    each_prop(dev->type, set_default, dev);
}

static bool free_prop(const Property *p, void *dev)
{
    if (p->kind == PK_STRING)
        store_string(dev, p, NULL);
    if (p->kind == PK_DRIVE && *(BlockBackend **)field(dev, p))
        blk_device_gone(*(BlockBackend **)field(dev, p), ((Device *)dev)->realized);
    return false;
}

void device_free_props(Device *dev)
{
    each_prop(dev->type, free_prop, dev);
}

/* ---- Printing ---- */

static char *reference_name(const Device *dev, const Property *p)
{
    void *target = *(void **)field(dev, p);
    const char *name = NULL;
    if (target)
        name = p->kind == PK_CHARDEV ? chardev_id(target) : p->kind == PK_DRIVE ? blk_name(target) : ((Device *)target)->id;
    return g_strdup(name ? name : "");
}

static char *size_text(uint64_t v)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned u = 0;
    double d = (double)v;
    for (; d >= 1024 && u + 1 < ARRAY_SIZE(units); u++)
        d /= 1024;
    return g_strdup_printf("%" G_GUINT64_FORMAT " (%.3g %s)", v, d, units[u]);
}

/* As the user would type it, or (pretty) as info qtree shows it. */
static char *prop_text(const Device *dev, const Property *p, bool pretty)
{
    const uint8_t *mac = field(dev, p);
    uint64_t v = load_number(dev, p);
    char *s;
    switch (p->kind) {
    case PK_BOOL:
        return g_strdup(pretty ? (v ? "true" : "false") : (v ? "on" : "off"));
    case PK_I32:
        return g_strdup_printf(pretty ? "%d (0x%x)" : "%d", (int32_t)v, (int32_t)v);
    case PK_SIZE:
        if (pretty)
            return size_text(v);
        /* fall through */
    case PK_U8: case PK_U16: case PK_U32: case PK_U64:
        return pretty ? g_strdup_printf("%" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER "x)", v, v)
                      : g_strdup_printf("%" G_GUINT64_FORMAT, v);
    case PK_PCI_ADDR:
        if ((int32_t)v < 0)
            return g_strdup("-1");
        return g_strdup_printf("%02x.%x", (unsigned)v >> 3 & 31, (unsigned)v & 7);
    case PK_STRING:
        s = *(char **)field(dev, p);
        s = g_strdup(s ? s : "");
        break;
    case PK_ENUM:
        s = g_strdup(p->names[v]);
        break;
    case PK_MAC:
        s = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        break;
    default:
        s = reference_name(dev, p);
        break;
    }
    if (pretty) {
        char *quoted = g_strdup_printf("\"%s\"", s);
        g_free(s);
        s = quoted;
    }
    return s;
}

typedef struct Link {
    const Device *from, *to;
} Link;

static bool is_link(const Property *p, void *opaque)
{
    const Link *l = opaque;
    return p->kind == PK_OBJECT && *(Device **)field(l->from, p) == l->to;
}

bool object_is_linked(const Device *obj, const Device *dev)
{
    Link l = { dev, obj };
    return each_prop(dev->type, is_link, &l) != NULL;
}

char *device_get(const Device *dev, const char *prop)
{
    const Property *p = find_prop(dev->type, prop);
    if (!p && dev->inner)
        return device_get(dev->inner, prop);
    return p ? prop_text(dev, p, false) : NULL;
}

typedef struct PrintArgs {
    const Device *dev;
    FILE *out;
    int indent;
} PrintArgs;

static bool print_prop(const Property *p, void *opaque)
{
    PrintArgs *a = opaque;
    char *text = prop_text(a->dev, p, true);
    fprintf(a->out, "%*s%s = %s\n", a->indent, "", p->name, text);
    g_free(text);
    return false;
}

void device_print_props(const Device *dev, FILE *out, int indent)
{
    PrintArgs a = { dev, out, indent };
    each_prop(dev->type, print_prop, &a);
}

/* ---- Help ---- */

static bool collect_prop(const Property *p, void *array)
{
    g_ptr_array_add(array, (void *)p);
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const Property *const *)a)->name, (*(const Property *const *)b)->name);
}

static const char *description(const Property *p)
{
    if (p->desc)
        return p->desc;
    switch (p->kind) {
    case PK_BOOL: return "on/off";
    case PK_CHARDEV: return "ID of a chardev to use as a backend";
    case PK_DEVICE: return "ID of a device";
    case PK_OBJECT: return "ID of an object";
    case PK_DRIVE: return "Node name or ID of a block device to use as a backend";
    case PK_MAC: return "Ethernet 6-byte MAC Address, example: 52:54:00:12:34:56";
    case PK_PCI_ADDR: return "Slot and optional function number, example: 06.0 or 06";
    default: return NULL;
    }
}

/* The default as text, or NULL when the kind has none to show. */
static char *default_text(const Property *p)
{
    switch (p->kind) {
    case PK_BOOL: return g_strdup(p->def ? "true" : "false");
    case PK_ENUM: return g_strdup(p->names[p->def]);
    case PK_I32: case PK_PCI_ADDR: return g_strdup_printf("%d", (int32_t)p->def);
    case PK_U8: case PK_U16: case PK_U32: case PK_U64: case PK_SIZE:
        return g_strdup_printf("%llu", p->def & (~0ull >> (64 - 8 * kinds[p->kind].size)));
    default: return g_strdup(p->def_string);
    }
}

static void help_line(const Property *p, FILE *out)
{
    char *head = g_strdup_printf("  %s=<%s>", p->name, kinds[p->kind].help);
    char *def = default_text(p);
    const char *desc = description(p);
    if (!desc && !def)
        fprintf(out, "%s\n", head);
    else if (!def)
        fprintf(out, "%-24s - %s\n", head, desc);
    else
        fprintf(out, "%-24s - %s (default: %s)\n", head, desc ? desc : "", def);
    g_free(def);
    g_free(head);
}

bool device_help_props(const char *type, FILE *out, Error **errp)
{
    const DeviceType *t = device_type_find(type);
    if (!t) {
        error_setg(errp, "'%s' is not a valid device model name", type);
        return false;
    }
    GPtrArray *props = g_ptr_array_new();
    each_prop(t, collect_prop, props);
    if (t->inner)
        each_prop(device_type_find(t->inner), collect_prop, props);
    qsort(props->pdata, props->len, sizeof(void *), by_name);
    fprintf(out, props->len ? "%s options:\n" : "There are no options for %s.\n", t->name);
    for (unsigned i = 0; i < props->len; i++)
        help_line(props->pdata[i], out);
    g_ptr_array_free(props, TRUE);
    return true;
}
