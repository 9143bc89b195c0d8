/* SPDX-License-Identifier: MIT */
/*
 * -drive and what stands for it (-hda … -cdrom -fda, a bare image name), and -blockdev. A drive is a backend with a place: an interface, bus and
 * unit that the board plugs it into; if=none leaves that to -device.
 */
#include "aio.h"
#include "backend.h"
#include "job.h"
#include "throttle.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const interface_names[] = { "ide", "scsi", "floppy", "pflash", "virtio", "sd", "none" };
static GPtrArray *drives, *named_nodes; /* machine lock */

static const char *const drive_keys[] = {
    "bus", "unit", "index", "media", "if", "file", "format", "driver", "id", "serial", "cache", "cache.direct", "cache.no-flush", "cache.writeback",
    "aio", "readonly", "read-only", "snapshot", "discard", "detect-zeroes", "werror", "rerror", "copy-on-read", "node-name", "filename",
    "file.filename", "file.driver", "file.locking", "backing", "force-share", "offset", "size", "auto-read-only", NULL,
};

/* Index of text in a NULL-terminated or counted list, or -1 with errp naming the option. */
static int choose(const char *key, const char *text, const char *const *list, unsigned n, Error **errp)
{
    for (unsigned i = 0; i < n; i++) {
        if (!strcmp(text, list[i]))
            return (int)i;
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", key, text);
    return -1;
}

static bool get_choice(OptGroup *o, const char *key, const char *const *list, unsigned n, int *out, Error **errp)
{
    const char *text = opts_get(o, key);
    int v = text ? choose(key, text, list, n, errp) : *out;
    if (v >= 0)
        *out = v;
    return v >= 0;
}

/* cache=MODE as three switches. */
static bool parse_cache(OptGroup *o, int *flags, bool *write_cache, Error **errp)
{
    static const struct {
        const char *name;
        bool writeback, direct, no_flush;
    } modes[] = {
        { "writeback", true, false, false }, { "none", true, true, false },    { "off", true, true, false },
        { "writethrough", false, false, false }, { "directsync", false, true, false }, { "unsafe", true, false, true },
    };
    const char *text = opts_get(o, "cache");
    bool found = !text;
    for (unsigned i = 0; text && i < ARRAY_SIZE(modes); i++) {
        if (strcmp(text, modes[i].name))
            continue;
        *write_cache = modes[i].writeback;
        *flags |= (modes[i].direct ? BLOCK_NOCACHE : 0) | (modes[i].no_flush ? BLOCK_NO_FLUSH : 0);
        found = true;
    }
    if (!found)
        error_setg(errp, "invalid cache option '%s' (writeback, none, writethrough, directsync, unsafe)", text);
    return found && opts_get_bool(o, "cache.writeback", write_cache, errp);
}

static bool parse_aio(OptGroup *o, int *flags, Error **errp)
{
    const char *mode = opts_get(o, "aio");
    if (!mode || block_aio_flags(mode, flags))
        return true;
    error_setg(errp, "invalid aio option");
    return false;
}

static bool parse_errors(OptGroup *o, BlockBackend *b, Error **errp)
{
    static const char *const actions[] = { "report", "ignore", "enospc", "stop" };
    int r = BLOCK_ON_REPORT, w = BLOCK_ON_ENOSPC;
    if (!get_choice(o, "werror", actions, 4, &w, errp) || !get_choice(o, "rerror", actions, 4, &r, errp))
        return false;
    if (r == BLOCK_ON_ENOSPC) {
        error_setg(errp, "'enospc' is not supported by rerror");
        return false;
    }
    b->on_read_error = (BlockOnError)r;
    b->on_write_error = (BlockOnError)w;
    return true;
}

/* snapshot=on: writes go to a temporary overlay that is forgotten. */
static BlockNode *open_overlay(BlockNode *below, Error **errp)
{
    char *path = g_build_filename(g_get_tmp_dir(), "rhea-snapshot-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    BlockNode *n = NULL;
    if (fd < 0) {
        error_setg(errp, "cannot create a temporary file in %s", g_get_tmp_dir());
    } else {
        char size[32];
        close(fd);
        OptGroup *o = opts_parse("snapshot", "", NULL, NULL);
        snprintf(size, sizeof(size), "%llu", (unsigned long long)block_size(below));
        opts_set(o, "size", size);
        if (block_create("qcow2", path, o, errp)) {
            opts_set(o, "driver", "qcow2");
            opts_set(o, "backing", below->node_name);
            n = block_open(o, "", path, BLOCK_RDWR | BLOCK_NO_FLUSH | BLOCK_UNMAP, errp);
        }
        opts_free(o);
        unlink(path);
    }
    g_free(path);
    block_unref(below);
    return n;
}

static BlockNode *open_image(OptGroup *o, int flags, bool snapshot, Error **errp)
{
    const char *format = opts_get(o, "format"), *file = opts_get(o, "file");
    if (format && !opts_get(o, "driver"))
        opts_set(o, "driver", format);
    if (file && block_find_node(file))
        return block_ref(block_find_node(file));
    BlockNode *n = block_open(o, "", file, snapshot ? flags & ~BLOCK_RDWR : flags, errp);
    return n && snapshot ? open_overlay(n, errp) : n;
}

/* Drives without a place are numbered as they come. */
static unsigned count_none(void)
{
    unsigned n = 0;
    for (unsigned i = 0; drive_at(i); i++)
        n += drive_at(i)->interface == DRIVE_NONE;
    return n;
}

static bool find_place(Drive *d, OptGroup *o, unsigned units, Error **errp)
{
    uint64_t bus = 0, unit = UINT64_MAX, index = UINT64_MAX;
    if (!opts_get_u64(o, "bus", &bus, errp) || !opts_get_u64(o, "unit", &unit, errp) || !opts_get_u64(o, "index", &index, errp))
        return false;
    if (index != UINT64_MAX && (unit != UINT64_MAX || bus)) {
        error_setg(errp, "index cannot be used with bus and unit");
        return false;
    }
    units = d->interface == DRIVE_IDE || d->interface == DRIVE_FLOPPY ? units : d->interface == DRIVE_SCSI ? 7 : 0;
    if (bus > 255 || (unit != UINT64_MAX && unit > 255) || (index != UINT64_MAX && index > 4096)) {
        error_setg(errp, "bus, unit or index out of range");
        return false;
    }
    if (index != UINT64_MAX) {
        bus = units ? index / units : 0;
        unit = units ? index % units : index;
    } else if (unit == UINT64_MAX) {
        for (unit = d->interface == DRIVE_NONE ? count_none() : 0; drive_get(d->interface, (int)bus, (int)unit);) {
            unit++;
            if (units && unit == units) {
                unit = 0;
                bus++;
            }
        }
    }
    d->bus = (int)bus;
    d->unit = (int)unit;
    if (d->interface != DRIVE_NONE && drive_get(d->interface, d->bus, d->unit)) {
        error_setg(errp, "drive with bus=%d, unit=%d (index=%d) exists", d->bus, d->unit, (int)(d->bus * (units ? units : 1)) + d->unit);
        return false;
    }
    return true;
}

static char *default_id(const Drive *d)
{
    if (d->interface == DRIVE_NONE)
        return g_strdup_printf("none%d", d->unit);
    const char *kind = d->cdrom ? "-cd" : d->interface == DRIVE_IDE || d->interface == DRIVE_SCSI ? "-hd" : "";
    if (d->interface == DRIVE_IDE || d->interface == DRIVE_SCSI)
        return g_strdup_printf("%s%d%s%d", interface_names[d->interface], d->bus, kind, d->unit);
    return g_strdup_printf("%s%s%d", interface_names[d->interface], kind, d->unit);
}

/* Everything that is wrong with the options before an image is touched. */
static bool parse_drive(Drive *d, OptGroup *o, DriveInterface def, unsigned units, Error **errp)
{
    static const char *const media[] = { "disk", "cdrom" };
    int interface = (int)def, medium = 0;
    if (!get_choice(o, "if", interface_names, ARRAY_SIZE(interface_names), &interface, errp) || !get_choice(o, "media", media, 2, &medium, errp))
        return false;
    d->interface = (DriveInterface)interface;
    d->cdrom = medium == 1;
    d->serial = g_strdup(opts_get(o, "serial"));
    return find_place(d, o, units, errp);
}

static bool open_drive(Drive *d, OptGroup *o, Error **errp)
{
    ThrottleConfig limits;
    int flags = 0;
    bool limited = false;
    bool read_only = d->cdrom, write_cache = true, snapshot = false;
    const char *id = opts_get(o, "id");
    char *name = id ? g_strdup(id) : default_id(d);
    d->blk = blk_new(name, errp);
    g_free(name);
    opts_get(o, "copy-on-read");
    opts_get(o, "auto-read-only");
    if (!d->blk || !opts_get_bool(o, "readonly", &read_only, errp) || !opts_get_bool(o, "read-only", &read_only, errp) ||
        !opts_get_bool(o, "snapshot", &snapshot, errp) || !parse_cache(o, &flags, &write_cache, errp) || !parse_aio(o, &flags, errp) ||
        !parse_errors(o, d->blk, errp) ||
        !throttle_parse(o, &limits, &limited, errp))
        return false;
    d->blk->read_only = read_only;
    d->blk->write_cache = write_cache;
    if (limited)
        blk_set_throttle(d->blk, opts_get(o, "throttling.group"), &limits);
    bool has_image = opts_get(o, "file") || opts_get(o, "filename") || opts_get(o, "file.filename") || opts_get(o, "driver");
    if (has_image) {
        BlockNode *n = open_image(o, flags | (read_only ? 0 : BLOCK_RDWR), snapshot, errp);
        if (!n)
            return false;
        blk_insert(d->blk, n);
    } else if (!d->cdrom && d->interface != DRIVE_FLOPPY && d->interface != DRIVE_NONE) {
        error_setg(errp, "a disk needs an image (file=)");
        return false;
    }
    return opts_check_unused(o, drive_keys, errp);
}

/* Names the option, unless it came from a client. */
static void name_option(const OptGroup *o, Error **errp)
{
    if (errp && *errp && o->source[0] != ' ' && !g_str_has_prefix(error_get_pretty(*errp), o->source))
        error_prepend(errp, "%s: ", o->source);
}

static void drive_free(void *opaque)
{
    Drive *d = opaque;
    g_free(d->serial);
    g_free(d);
}

Drive *drive_add(OptGroup *o, DriveInterface def, unsigned units_per_bus, Error **errp)
{
    Drive *d = g_new0(Drive, 1);
    if (!drives)
        drives = g_ptr_array_new_with_free_func(drive_free);
    if (!parse_drive(d, o, def, units_per_bus, errp) || !open_drive(d, o, errp)) {
        blk_free(d->blk);
        drive_free(d);
        name_option(o, errp);
        return NULL;
    }
    g_ptr_array_add(drives, d);
    return d;
}

Drive *drive_at(unsigned i)
{
    return drives && i < drives->len ? drives->pdata[i] : NULL;
}

Drive *drive_get(DriveInterface interface, int bus, int unit)
{
    Drive *d;
    for (unsigned i = 0; (d = drive_at(i)); i++) {
        if (d->interface == interface && d->bus == bus && d->unit == unit && interface != DRIVE_NONE)
            return d;
    }
    return NULL;
}

static void drive_remove(Drive *d)
{
    blk_free(d->blk);
    g_ptr_array_remove(drives, d);
}

static Drive *drive_of(const BlockBackend *b)
{
    Drive *d;
    for (unsigned i = 0; (d = drive_at(i)); i++)
        if (d->blk == b)
            return d;
    return NULL;
}

bool drive_of_backend_gone(BlockBackend *b)
{
    Drive *d = drive_of(b);
    if (d)
        drive_remove(d);
    return d != NULL;
}

bool drive_del(const char *id, Error **errp)
{
    BlockBackend *b = blk_find(id);
    Drive *d = b ? drive_of(b) : NULL;
    if (!d) {
        error_setg(errp, b || block_find_node(id) ? "Deleting device added with blockdev-add is not supported" : "Device '%s' not found", id);
        return false;
    }
    if (blk_root(b) && !job_check_idle(blk_root(b), errp))
        return false;
    if (!blk_device(b)) {
        drive_remove(d);
        return true;
    }
    blk_set_on_error(b, BLOCK_ON_REPORT, BLOCK_ON_REPORT);
    blk_eject(b);
    g_free(b->id); /* nobody finds it any more */
    b->id = g_strdup("");
    return true;
}

bool drives_check_used(Error **errp)
{
    Drive *d;
    for (unsigned i = 0; (d = drive_at(i)); i++) {
        if (!d->used && d->interface != DRIVE_NONE && !blk_device(d->blk)) {
            error_setg(errp, "machine type does not support if=%s,bus=%d,unit=%d", interface_names[d->interface], d->bus, d->unit);
            return false;
        }
    }
    return true;
}

static BlockNode *open_named(OptGroup *o, Error **errp)
{
    const char *driver = opts_get(o, "driver");
    if (!opts_get(o, "node-name") || !driver) {
        error_setg(errp, driver ? "'node-name' must be specified for the root node" : "Parameter 'driver' is missing");
        return NULL;
    }
    BlockNode *n = block_open(o, "", NULL, BLOCK_RDWR, errp);
    if (n && opts_check_unused(o, NULL, errp))
        return n;
    block_unref(n);
    return NULL;
}

bool blockdev_add(OptGroup *o, Error **errp)
{
    BlockNode *n = open_named(o, errp);
    if (n)
        blockdev_own(n);
    else
        name_option(o, errp);
    return n != NULL;
}

void blockdev_own(BlockNode *n)
{
    if (!named_nodes)
        named_nodes = g_ptr_array_new_with_free_func((GDestroyNotify)block_unref);
    g_ptr_array_add(named_nodes, n);
}

bool blockdev_del(const char *node_name, Error **errp)
{
    BlockNode *n = block_find_node(node_name);
    if (!n)
        error_setg(errp, "Failed to find node with node-name='%s'", node_name);
    else if (block_in_use(n))
        error_setg(errp, "Node %s is in use", node_name);
    else if (!named_nodes || !g_ptr_array_find(named_nodes, n, NULL))
        error_setg(errp, "Node %s is not owned by the monitor", node_name);
    else if (n->refs > 1)
        error_setg(errp, "Block device %s is in use", node_name);
    else
        return g_ptr_array_remove(named_nodes, n);
    return false;
}

static void print_name(const BlockDriver *d, void *opaque)
{
    fprintf(opaque, " %s", d->name);
}

void block_driver_help(FILE *out)
{
    fprintf(out, "Supported formats:");
    block_driver_foreach(print_name, out);
    fprintf(out, "\n");
}

void block_exit(void)
{
    jobs_exit();
    backends_exit();
    if (drives)
        g_ptr_array_free(drives, TRUE);
    if (named_nodes)
        g_ptr_array_free(named_nodes, TRUE);
    drives = named_nodes = NULL;
    aio_exit();
    block_pool_exit();
}
