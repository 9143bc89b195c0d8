/* SPDX-License-Identifier: MIT */
/* The list of devices to start from, sorted by their bootindex, as SeaBIOS and OVMF read it. */
#include "hw/boot-order.h"
#include "hw/pci.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

typedef struct BootEntry {
    const Device *dev;
    int32_t index;
    char *path;
} BootEntry;
static GArray *entries; /* by index */

/* Names of PCI classes in paths (PCI Bus Binding to IEEE 1275, table 1). */
static const struct { uint16_t class_code; const char *name; } class_names[] = {
    { 0x0100, "scsi" }, { 0x0101, "ide" }, { 0x0102, "fdc" }, { 0x0200, "ethernet" }, { 0x0300, "display" }, { 0x0601, "isa" }, { 0x0604, "pci-bridge" },
};

static void append_function(GString *path, const PCIDevice *pci)
{
    unsigned class_code = pci->config[0x0b] << 8 | pci->config[0x0a];
    const char *name = NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(class_names); i++)
        if (class_names[i].class_code == class_code)
            name = class_names[i].name;
    if (name)
        g_string_append_printf(path, "/%s", name);
    else
        g_string_append_printf(path, "/pci%x,%x", pci->config[0] | pci->config[1] << 8, pci->config[2] | pci->config[3] << 8);
    g_string_append_printf(path, "@%x", (unsigned)pci->addr >> 3);
    if (pci->addr & 7)
        g_string_append_printf(path, ",%x", (unsigned)pci->addr & 7);
}

/* The path down to dev; buses below a PCI function or an ISA device add nothing, leaves say where on them. */
static void append_path(GString *path, const Device *dev)
{
    const Bus *bus = dev->parent;
    if (bus && bus->owner)
        append_path(path, bus->owner);
    if (bus && bus->kind == BUS_PCI) {
        if (!path->len)
            g_string_append(path, "/pci@i0cf8");
        append_function(path, (const PCIDevice *)dev);
    } else if (bus && bus->kind == BUS_ISA && !path->len) {
        g_string_append(path, "/isa");
    }
}

static void insert(const Device *dev, int32_t index, char *path)
{
    BootEntry e = { dev, index, path };
    guint at = 0;
    if (!entries)
        entries = g_array_new(FALSE, FALSE, sizeof(BootEntry));
    while (at < entries->len && g_array_index(entries, BootEntry, at).index <= index)
        at++;
    g_array_insert_val(entries, at, e);
}

bool boot_order_add(const Device *dev, int32_t index, const char *leaf, Error **errp)
{
    if (index < 0)
        return true;
    for (guint i = 0; entries && i < entries->len; i++) {
        const BootEntry *e = &g_array_index(entries, BootEntry, i);
        if (e->index == index && e->dev) {
            error_setg(errp, "The bootindex %d has already been used", index);
            return false;
        }
    }
    GString *path = g_string_new(NULL);
    append_path(path, dev);
    if (leaf)
        g_string_append_printf(path, "/%s", leaf);
    insert(dev, index, g_string_free(path, FALSE));
    return true;
}

void boot_order_add_path(const char *path, int32_t index)
{
    insert(NULL, index, g_strdup(path));
}

void boot_order_remove(const Device *dev)
{
    for (guint i = 0; entries && i < entries->len; i++) {
        BootEntry *e = &g_array_index(entries, BootEntry, i);
        if (e->dev != dev)
            continue;
        g_free(e->path);
        g_array_remove_index(entries, i--);
    }
}

char *boot_order_list(bool strict, size_t *len)
{
    if (!entries || !entries->len)
        return NULL;
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < entries->len; i++)
        g_string_append_printf(list, "%s%s", i ? "\n" : "", g_array_index(entries, BootEntry, i).path);
    if (strict)
        g_string_append(list, "\nHALT");
    *len = list->len + 1;
    return g_string_free(list, FALSE);
}

void boot_order_exit(void)
{
    for (guint i = 0; entries && i < entries->len; i++)
        g_free(g_array_index(entries, BootEntry, i).path);
    if (entries)
        g_array_free(entries, TRUE);
    entries = NULL;
}
