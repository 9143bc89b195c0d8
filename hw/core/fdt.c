/* SPDX-License-Identifier: MIT */
/*
 * Device trees over libfdt, which checks what it reads. A tree lives in a buffer that doubles when a change does not
 * fit. Changes to our own trees cannot fail otherwise; a foreign tree that passed fdt_check_full() and refuses a
 * change (a broken string block) keeps the value it had.
 */
#include "hw/fdt.h"
#include "util/error.h"

#include <glib.h>
#include <libfdt.h>
#include <string.h>

#define TREE_START (64 * KiB)
#define TREE_MAX (16 * MiB)
#define FIRST_PHANDLE 0x8000

struct DeviceTree {
    void *fdt;
    size_t room;
    uint32_t next_phandle;
};

/* ---- Trees ---- */

DeviceTree *dt_new(void)
{
    DeviceTree *t = g_new0(DeviceTree, 1);
    t->room = TREE_START;
    t->fdt = g_malloc0(t->room);
    t->next_phandle = FIRST_PHANDLE;
    g_assert(fdt_create_empty_tree(t->fdt, (int)t->room) == 0);
    return t;
}

DeviceTree *dt_parse(Blob file, Error **errp)
{
    if (file.len < sizeof(struct fdt_header) || file.len > TREE_MAX / 2) {
        error_setg(errp, "not a device tree (%zu bytes)", file.len);
        return NULL;
    }
    void *copy = g_memdup2(file.data, file.len); /* aligned, and not a file that changes */
    int err = fdt_check_full(copy, file.len);
    DeviceTree *t = NULL;
    if (!err) {
        t = g_new0(DeviceTree, 1);
        t->room = fdt_totalsize(copy) + TREE_START;
        t->fdt = g_malloc0(t->room);
        err = fdt_open_into(copy, t->fdt, (int)t->room);
        t->next_phandle = MAX(fdt_get_max_phandle(t->fdt) + 1, FIRST_PHANDLE);
    }
    g_free(copy);
    if (err) {
        error_setg(errp, "not a usable device tree (%s)", fdt_strerror(err));
        dt_free(t);
        return NULL;
    }
    return t;
}

void dt_free(DeviceTree *t)
{
    if (t)
        g_free(t->fdt);
    g_free(t);
}

Blob dt_blob(DeviceTree *t)
{
    fdt_pack(t->fdt);
    Blob b = { t->fdt, fdt_totalsize(t->fdt) };
    return b;
}

Blob dt_blob_with_room(DeviceTree *t, size_t spare)
{
    fdt_pack(t->fdt);
    size_t len = fdt_totalsize(t->fdt) + spare;
    if (len > t->room) {
        t->fdt = g_realloc(t->fdt, len);
        t->room = len;
    }
    g_assert(fdt_open_into(t->fdt, t->fdt, (int)len) == 0);
    return (Blob){ t->fdt, len };
}

/* More room after a change that did not fit. False when the tree is as large as we allow. */
static bool grow(DeviceTree *t)
{
    if (t->room * 2 > TREE_MAX)
        return false;
    void *bigger = g_malloc0(t->room * 2);
    if (fdt_open_into(t->fdt, bigger, (int)(t->room * 2))) {
        g_free(bigger);
        return false;
    }
    g_free(t->fdt);
    t->fdt = bigger;
    t->room *= 2;
    return true;
}

uint32_t dt_new_phandle(DeviceTree *t)
{
    return t->next_phandle++;
}

/* ---- Nodes ---- */

static int find(const DeviceTree *t, const char *path)
{
    return fdt_path_offset(t->fdt, *path ? path : "/");
}

/* Offset of the node, which is made when missing; negative on failure. */
static int node_offset(DeviceTree *t, const char *path)
{
    int at = find(t, path);
    if (at != -FDT_ERR_NOTFOUND)
        return at;
    const char *slash = strrchr(path, '/');
    if (!slash)
        return -FDT_ERR_BADPATH;
    g_autofree char *parent = g_strndup(path, (gsize)(slash - path));
    do {
        int up = node_offset(t, parent);
        at = up < 0 ? up : fdt_add_subnode(t->fdt, up, slash + 1);
    } while (at == -FDT_ERR_NOSPACE && grow(t));
    return at;
}

void dt_node(DeviceTree *t, const char *path)
{
    node_offset(t, path);
}

bool dt_has_node(const DeviceTree *t, const char *path)
{
    return find(t, path) >= 0;
}

static char *path_of(const DeviceTree *t, int node)
{
    char buf[1024];
    return node >= 0 && fdt_get_path(t->fdt, node, buf, sizeof(buf)) == 0 ? g_strdup(buf) : NULL;
}

char *dt_find_type(const DeviceTree *t, const char *device_type, unsigned n)
{
    int at = -1;
    do
        at = fdt_node_offset_by_prop_value(t->fdt, at, "device_type", device_type, (int)strlen(device_type) + 1);
    while (at >= 0 && n--);
    return path_of(t, at);
}

char *dt_find_compatible(const DeviceTree *t, const char *compatible)
{
    return path_of(t, fdt_node_offset_by_compatible(t->fdt, -1, compatible));
}

/* A node that cannot go (the root; a damaged tree) is passed over: each turn shrinks the tree or moves on. */
void dt_delete_type(DeviceTree *t, const char *device_type)
{
    int at = -1, len = (int)strlen(device_type) + 1;
    while ((at = fdt_node_offset_by_prop_value(t->fdt, at, "device_type", device_type, len)) >= 0)
        if (at > 0 && fdt_del_node(t->fdt, at) == 0)
            at = -1;
}

/* ---- Properties ---- */

bool dt_get(const DeviceTree *t, const char *path, const char *name, Blob *value)
{
    int at = find(t, path), len;
    const void *data = at < 0 ? NULL : fdt_getprop(t->fdt, at, name, &len);
    if (!data)
        return false;
    *value = (Blob){ data, (size_t)len };
    return true;
}

uint64_t dt_get_number(const DeviceTree *t, const char *path, const char *name, uint64_t def)
{
    Blob b;
    if (!dt_get(t, path, name, &b) || (b.len != 4 && b.len != 8))
        return def;
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.data[i];
    return v;
}

void dt_bytes(DeviceTree *t, const char *path, const char *name, const void *data, size_t len)
{
    int err;
    do {
        int at = node_offset(t, path);
        err = at < 0 ? at : fdt_setprop(t->fdt, at, name, data, (int)len);
    } while (err == -FDT_ERR_NOSPACE && grow(t));
}

void dt_empty(DeviceTree *t, const char *path, const char *name)
{
    dt_bytes(t, path, name, "", 0);
}

void dt_string(DeviceTree *t, const char *path, const char *name, const char *text)
{
    dt_bytes(t, path, name, text, strlen(text) + 1);
}

void dt_array(DeviceTree *t, const char *path, const char *name, const uint32_t *cells, unsigned n)
{
    g_autofree fdt32_t *be = g_new(fdt32_t, n);
    for (unsigned i = 0; i < n; i++)
        be[i] = cpu_to_fdt32(cells[i]);
    dt_bytes(t, path, name, be, 4 * n);
}

void dt_u64(DeviceTree *t, const char *path, const char *name, uint64_t value)
{
    dt_cells(t, path, name, (uint32_t)(value >> 32), (uint32_t)value);
}

/* ---- Devices ---- */

char *dt_device(const DTPlace *p, const char *name, const char *compatible, size_t compatible_len)
{
    char *path = g_strdup_printf("%s/%s@%llx", p->parent, name, (unsigned long long)p->addr[0]);
    uint32_t reg[4 * DT_PLACES];
    for (unsigned i = 0; i < p->regions; i++) {
        reg[4 * i] = (uint32_t)(p->addr[i] >> 32);
        reg[4 * i + 1] = (uint32_t)p->addr[i];
        reg[4 * i + 2] = (uint32_t)(p->size[i] >> 32);
        reg[4 * i + 3] = (uint32_t)p->size[i];
    }
    dt_bytes(p->tree, path, "compatible", compatible, compatible_len);
    dt_array(p->tree, path, "reg", reg, 4 * p->regions);
    if (p->irqs)
        dt_array(p->tree, path, "interrupts", p->irq[0], 3 * p->irqs);
    if (p->phandle)
        dt_cells(p->tree, path, "phandle", p->phandle);
    return path;
}
