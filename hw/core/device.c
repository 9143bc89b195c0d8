/* SPDX-License-Identifier: MIT */
/*
 * Devices: the registry of types, and the life of a device from device_new to device_unrealize, with the
 * wiring of regions and lines. Properties are in property.c, buses and listings in qtree.c, "-device"
 * in device-add.c. Everything runs under the machine lock, except registration, which runs before main.
 */
#include "hw/device.h"
#include "hw/isa.h"
#include "hw/pci.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static GPtrArray *types;    /* const DeviceType *, sorted by name once asked for */
static GPtrArray *devices;  /* Device *, creation order, also those not realized yet */
static GPtrArray *globals;  /* GlobalProp * */

typedef struct GlobalProp {
    char *type, *prop, *value;
} GlobalProp;

typedef struct ResetHook {
    void (*fn)(void *opaque);
    void *opaque;
} ResetHook;
static GArray *reset_hooks;

static Bus system_bus = { .kind = BUS_SYSTEM, .name = (char *)"main-system-bus" };

/* ---- Types ---- */

void device_type_register(const DeviceType *t)
{
    if (!types)
        types = g_ptr_array_new();
    g_ptr_array_add(types, (void *)t);
}

const DeviceType *device_type_find(const char *name)
{
    for (unsigned i = 0; types && i < types->len; i++) {
        const DeviceType *t = types->pdata[i];
        if (!strcmp(t->name, name) || (t->alias && !strcmp(t->alias, name)))
            return t;
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *device_type_names(bool user_creatable)
{
    static const char **lists[2];
    const char ***list = &lists[user_creatable];
    if (*list)
        return *list;
    unsigned n = 0, total = types ? types->len : 0;
    *list = g_new0(const char *, total + 1);
    for (unsigned i = 0; i < total; i++) {
        const DeviceType *t = types->pdata[i];
        if (!user_creatable || !t->internal)
            (*list)[n++] = t->name;
    }
    qsort(*list, n, sizeof(**list), compare_names);
    return *list;
}

/* ---- -global ---- */

static void add_global(const char *type, size_t type_len, const char *prop, size_t prop_len, const char *value)
{
    if (!globals)
        globals = g_ptr_array_new();
    GlobalProp *g = g_new(GlobalProp, 1);
    g->type = g_strndup(type, type_len);
    g->prop = g_strndup(prop, prop_len);
    g->value = g_strdup(value);
    g_ptr_array_add(globals, g);
}

/* driver=TYPE,property=NAME,value=TEXT, which also names types with a dot. */
static bool add_long_global(const char *text, Error **errp)
{
    static const char *const keys[] = { "driver", "property", "value", NULL };
    OptGroup *o = opts_parse("-global", text, NULL, errp);
    if (!o)
        return false;
    const char *type = opts_get(o, "driver"), *prop = opts_get(o, "property"), *value = opts_get(o, "value");
    bool ok = opts_check_unused(o, keys, errp);
    if (ok && (!type || !prop || !value)) {
        error_setg(errp, "-global %s: expected driver=TYPE,property=NAME,value=TEXT", text);
        ok = false;
    }
    if (ok)
        add_global(type, strlen(type), prop, strlen(prop), value);
    opts_free(o);
    return ok;
}

bool device_add_global(const char *text, Error **errp)
{
    if (g_str_has_prefix(text, "driver="))
        return add_long_global(text, errp);
    const char *eq = strchr(text, '=');
    const char *dot = eq ? memrchr(text, '.', eq - text) : NULL;
    if (!dot || dot == text || dot + 1 == eq) {
        error_setg(errp, "-global %s: expected TYPE.PROPERTY=VALUE", text);
        return false;
    }
    add_global(text, dot - text, dot + 1, eq - dot - 1, eq + 1);
    return true;
}

static void apply_globals(Device *dev)
{
    for (unsigned i = 0; globals && i < globals->len && !dev->error; i++) {
        const GlobalProp *g = globals->pdata[i];
        const DeviceType *t = dev->type;
        if (strcmp(g->type, t->name) && (!t->alias || strcmp(g->type, t->alias)))
            continue;
        if (!device_set(dev, g->prop, g->value, &dev->error))
            error_prepend(&dev->error, "can't apply global %s.%s=%s: ", g->type, g->prop, g->value);
    }
}

/* ---- Life ---- */

Device *device_new(const char *name)
{
    const DeviceType *t = device_type_find(name);
    if (!t)
        g_error("device type '%s' does not exist", name);
    g_assert(t->size >= (t->bus == BUS_PCI ? sizeof(PCIDevice) : sizeof(Device)));
    Device *dev = g_malloc0(t->size);
    dev->type = t;
    if (!devices)
        devices = g_ptr_array_new();
    g_ptr_array_add(devices, dev);
    if (t->inner)
        dev->inner = device_new(t->inner);
    device_init_props(dev);
    apply_globals(dev);
    return dev;
}

static void bus_append(Bus *bus, Device *dev)
{
    Device **p = &bus->first;
    while (*p)
        p = &(*p)->next;
    *p = dev;
    dev->next = NULL;
    dev->parent = bus;
}

static void bus_remove(Device *dev)
{
    for (Device **p = &dev->parent->first; *p; p = &(*p)->next)
        if (*p == dev) {
            *p = dev->next;
            return;
        }
}

static Bus *default_bus(const DeviceType *t)
{
    if (t->bus == BUS_ISA && isa_bus)
        return &isa_bus->bus;
    if (t->bus == BUS_PCI && pci_root_bus)
        return &pci_root_bus->bus;
    return &system_bus;
}

/* Frees what the core gave the device, and the device. */
static void device_release(Device *dev)
{
    if (dev->inner)
        device_unrealize(dev->inner);
    if (dev->parent) {
        bus_remove(dev);
        if (dev->parent->owner && dev->parent->owner->inner == dev)
            dev->parent->owner->inner = NULL;
    }
    for (unsigned i = 0; i < dev->nregions; i++) {
        MemoryRegion *mr = dev->regions[i];
        if (mr->container)
            memory_region_del(mr->container, mr);
        memory_region_destroy(mr);
    }
    g_ptr_array_remove(devices, dev);
    device_free_props(dev);
    error_free(dev->error);
    g_free(dev->regs_region);
    g_free(dev->regs);
    g_free(dev->out);
    g_free(dev->id);
    g_free(dev);
}

static bool device_start(Device *dev, Error **errp)
{
    const DeviceType *t = dev->type;
    if (dev->error) {
        error_propagate(errp, dev->error);
        dev->error = NULL;
        return false;
    }
    if (t->bus == BUS_PCI && dev->parent->kind != BUS_PCI) {
        error_setg(errp, "No 'PCI' bus found for device '%s'", t->name);
        return false;
    }
    if (t->bus == BUS_PCI &&
        !pci_device_plug(container_of(dev->parent, PCIBus, bus), (PCIDevice *)dev, errp))
        return false;
    if (t->regs)
        registers_init(dev);
    if (t->realize && !t->realize(dev, errp)) {
        if (t->bus == BUS_PCI)
            pci_device_unplug((PCIDevice *)dev);
        return false;
    }
    return true;
}

bool device_realize(Device *dev, Error **errp)
{
    bus_append(dev->parent ? dev->parent : default_bus(dev->type), dev);
    if (!device_start(dev, errp)) {
        device_release(dev);
        return false;
    }
    dev->realized = true;
    return true;
}

void device_unrealize(Device *dev)
{
    while (dev->child_bus) {
        Bus *bus = dev->child_bus;
        while (bus->first)
            device_unrealize(bus->first);
        dev->child_bus = bus->next_bus;
        g_free(bus->name); /* bus_init made it; the bus itself is the device's */
        bus->name = NULL;
    }
    if (dev->realized && dev->type->unrealize)
        dev->type->unrealize(dev);
    if (dev->realized && dev->type->bus == BUS_PCI)
        pci_device_unplug((PCIDevice *)dev);
    device_release(dev);
}

void device_reset(Device *dev)
{
    if (dev->type->bus == BUS_PCI)
        pci_device_reset_common((PCIDevice *)dev);
    if (dev->type->regs)
        registers_reset(dev);
    if (dev->type->reset)
        dev->type->reset(dev);
}

void device_reset_all(void)
{
    for (unsigned i = 0; devices && i < devices->len; i++) {
        Device *dev = devices->pdata[i];
        if (dev->realized)
            device_reset(dev);
    }
}

void reset_hooks_run(void)
{
    for (unsigned i = 0; reset_hooks && i < reset_hooks->len; i++) {
        ResetHook *h = &g_array_index(reset_hooks, ResetHook, i);
        h->fn(h->opaque);
    }
}

void reset_register(void (*fn)(void *), void *opaque)
{
    if (!reset_hooks)
        reset_hooks = g_array_new(FALSE, FALSE, sizeof(ResetHook));
    ResetHook h = { fn, opaque };
    g_array_append_val(reset_hooks, h);
}

void reset_unregister(void (*fn)(void *), void *opaque)
{
    for (unsigned i = 0; reset_hooks && i < reset_hooks->len; i++) {
        ResetHook *h = &g_array_index(reset_hooks, ResetHook, i);
        if (h->fn == fn && h->opaque == opaque) {
            g_array_remove_index(reset_hooks, i);
            return;
        }
    }
}

void devices_exit(void)
{
    while (devices && devices->len)
        device_unrealize(devices->pdata[devices->len - 1]);
}

Device *device_find(const char *id)
{
    for (unsigned i = 0; devices && i < devices->len; i++) {
        Device *dev = devices->pdata[i];
        if (dev->id && !strcmp(dev->id, id))
            return dev;
    }
    return NULL;
}

void device_foreach(void (*fn)(Device *dev, void *opaque), void *opaque)
{
    for (unsigned i = 0; devices && i < devices->len; i++) {
        Device *dev = devices->pdata[i];
        if (dev->realized)
            fn(dev, opaque);
    }
}

/* ---- Buses without an owner: the system bus, and what boards add ---- */

void bus_init(Bus *bus, BusKind kind, const char *name, Device *owner)
{
    *bus = (Bus){ .kind = kind, .name = g_strdup(name), .owner = owner };
    Bus **p = owner ? &owner->child_bus : &system_bus.next_bus;
    while (*p)
        p = &(*p)->next_bus;
    *p = bus;
}

void bus_foreach(void (*fn)(Bus *bus, void *opaque), void *opaque)
{
    for (Bus *bus = &system_bus; bus; bus = bus->next_bus)
        fn(bus, opaque);
}

static Bus *find_in_list(Bus *bus, const char *name)
{
    for (; bus; bus = bus->next_bus)
        if (!strcmp(bus->name, name))
            return bus;
    return NULL;
}

Bus *bus_find(const char *name)
{
    Bus *found = find_in_list(&system_bus, name);
    for (unsigned i = 0; devices && i < devices->len && !found; i++)
        found = find_in_list(((Device *)devices->pdata[i])->child_bus, name);
    return found;
}

/* ---- Regions and lines ---- */

void device_add_region(Device *dev, MemoryRegion *mr)
{
    g_assert(dev->nregions < DEVICE_MAX_REGIONS);
    dev->regions[dev->nregions++] = mr;
}

void device_init_out(Device *dev, unsigned n)
{
    g_free(dev->out);
    dev->out = g_new0(IRQLine, n);
    dev->nout = n;
}

void device_init_in(Device *dev, void (*handler)(void *dev, int n, int level), unsigned n)
{
    dev->in = handler;
    dev->nin = n;
}

void map_region(MemoryRegion *space, hwaddr addr, Device *dev, unsigned region)
{
    g_assert(region < dev->nregions);
    memory_region_add(space, addr, dev->regions[region]);
}

/* Lines look the handler up when they change: device tests put themselves in front of it. */
static void set_input(void *opaque, int n, int level)
{
    Device *dev = opaque;
    dev->in(dev, n, level);
}

IRQLine device_input(Device *dev, unsigned input)
{
    g_assert(input < dev->nin);
    return (IRQLine){ .handler = set_input, .opaque = dev, .n = (int)input };
}

void connect_line(Device *dev, unsigned output, IRQLine line)
{
    g_assert(output < dev->nout);
    dev->out[output] = line;
}

void connect_irq(Device *dev, unsigned output, Device *to, unsigned input)
{
    connect_line(dev, output, device_input(to, input));
}
