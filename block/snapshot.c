/* SPDX-License-Identifier: MIT */
/* Snapshots of disks in use: see snapshot.h. */
#include "snapshot.h"
#include "backend.h"
#include "job.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#define COMMIT_CHUNK (2u << 20)

static char *absolute(const char *filename)
{
    return strstr(filename, "://") ? g_strdup(filename) : g_canonicalize_filename(filename, NULL);
}

static bool create_overlay(BlockNode *n, const char *filename, const char *format, Error **errp)
{
    OptGroup *o = opts_parse("snapshot", "", NULL, NULL);
    char size[32], *below = absolute(n->filename);
    snprintf(size, sizeof(size), "%llu", (unsigned long long)block_size(n));
    opts_set(o, "size", size);
    opts_set(o, "backing_file", below);
    opts_set(o, "backing_fmt", n->drv->name);
    bool ok = block_create(format, filename, o, errp) && opts_check_unused(o, NULL, errp);
    opts_free(o);
    g_free(below);
    return ok;
}

BlockNode *block_snapshot_file(BlockNode *n, const char *filename, const char *format, const char *node_name, bool existing, Error **errp)
{
    const BlockDriver *drv = block_driver_find(format);
    if (node_name && block_find_node(node_name)) {
        error_setg(errp, "New overlay node-name already in use");
        return NULL;
    }
    if (!drv || !drv->backing) {
        error_setg(errp, drv ? "Format '%s' does not support backing files" : "Unknown driver '%s'", format);
        return NULL;
    }
    if (block_flush(n) < 0) {
        error_setg(errp, "An IO error has occurred");
        return NULL;
    }
    if (!existing && !create_overlay(n, filename, format, errp))
        return NULL;
    OptGroup *o = opts_parse("snapshot", "", NULL, NULL);
    opts_set(o, "driver", format);
    opts_set(o, "backing", n->node_name);
    if (node_name)
        opts_set(o, "node-name", node_name);
    BlockNode *overlay = block_open(o, "", filename, n->flags & ~(BLOCK_CHECK | BLOCK_NO_BACKING), errp);
    opts_free(o);
    if (!overlay)
        return NULL;
    block_replace(n, overlay);
    block_unref(overlay); /* whoever had n has it */
    return overlay;
}

bool block_snapshot_node(BlockNode *n, BlockNode *overlay, Error **errp)
{
    if (block_in_use(overlay))
        error_setg(errp, "The overlay is already in use");
    else if (!overlay->drv->backing)
        error_setg(errp, "The overlay does not support backing images");
    else if (overlay->backing)
        error_setg(errp, "The overlay already has a backing image");
    else if (block_flush(n) < 0)
        error_setg(errp, "An IO error has occurred");
    else {
        blk_drain(NULL);
        overlay->backing = block_ref(n);
        block_replace(n, overlay);
        return true;
    }
    return false;
}

json_t *block_snapshot_json(const BlockSnapshot *s)
{
    json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "id", s->id, "name", s->name, "vm-state-size", (json_int_t)s->vm_state_size,
                          "date-sec", (json_int_t)s->date_sec, "date-nsec", (json_int_t)s->date_nsec, "vm-clock-sec",
                          (json_int_t)(s->vm_clock_ns / 1000000000), "vm-clock-nsec", (json_int_t)(s->vm_clock_ns % 1000000000));
    if (o && s->icount && s->icount != UINT64_MAX)
        json_object_set_new(o, "icount", json_integer((json_int_t)s->icount));
    return o ? o : json_object();
}

static bool supports_internal(const BlockNode *n, const char *device, Error **errp)
{
    if (n->read_only)
        error_setg(errp, "Device '%s' is read only", device);
    else if (!n->drv->snapshot_create)
        error_setg(errp, "Block format '%s' used by device '%s' does not support internal snapshots", n->drv->name, device);
    return !n->read_only && n->drv->snapshot_create;
}

static bool matches(const BlockSnapshot *s, const char *id, const char *name)
{
    return (!id || !strcmp(s->id, id)) && (!name || !strcmp(s->name, name));
}

bool block_snapshot_internal(BlockNode *n, const char *device, const char *name, Error **errp)
{
    BlockSnapshot *list = NULL;
    bool exists = false;
    if (!supports_internal(n, device, errp))
        return false;
    if (!name[0]) {
        error_setg(errp, "Name is empty");
        return false;
    }
    blk_drain(NULL);
    int count = n->drv->snapshot_list(n, &list);
    for (int i = 0; i < count; i++)
        exists |= matches(&list[i], NULL, name);
    block_snapshots_free(list, count);
    if (exists)
        error_setg(errp, "Snapshot with name '%s' already exists on device '%s'", name, device);
    return !exists && n->drv->snapshot_create(n, &(BlockSnapshot){ .name = (char *)name }, errp);
}

json_t *block_snapshot_internal_delete(BlockNode *n, const char *device, const char *id, const char *name, Error **errp)
{
    BlockSnapshot *list = NULL;
    json_t *found = NULL;
    if (!id && !name) {
        error_setg(errp, "Name or id must be provided");
        return NULL;
    }
    if (!supports_internal(n, device, errp))
        return NULL;
    blk_drain(NULL);
    int count = n->drv->snapshot_list(n, &list);
    for (int i = 0; i < count && !found; i++) {
        if (!matches(&list[i], id, name))
            continue;
        found = block_snapshot_json(&list[i]);
        if (!n->drv->snapshot_delete(n, list[i].id, errp)) {
            json_decref(found);
            found = NULL;
            break;
        }
    }
    if (!found && errp && !*errp)
        error_setg(errp, "Snapshot with id '%s' and name '%s' does not exist on device '%s'", id ? id : "null", name ? name : "null", device);
    block_snapshots_free(list, count);
    return found;
}

/* ---- Commit ---- */

static int commit_range(BlockNode *n, uint64_t at, uint64_t len, int status, uint8_t *buf)
{
    if (status & BLOCK_ZERO)
        return block_write_zeroes(n->backing, at, len, true);
    int ret = block_read(n, at, buf, len);
    return ret ? ret : block_write(n->backing, at, buf, len);
}

static int copy_down(BlockNode *n)
{
    uint8_t *buf = g_malloc(COMMIT_CHUNK);
    int ret = 0;
    for (uint64_t at = 0, size = block_size(n), len; ret == 0 && at < size; at += len) {
        len = MIN(COMMIT_CHUNK, size - at);
        int s = block_status(n, at, &len, NULL);
        ret = s < 0 ? s : s & BLOCK_ALLOCATED ? commit_range(n, at, len, s, buf) : 0;
    }
    g_free(buf);
    return ret ? ret : block_flush(n->backing);
}

bool block_commit(BlockNode *n, Error **errp)
{
    if (!n->backing) {
        error_setg(errp, "Image does not have a backing file");
        return false;
    }
    if (!job_check_idle(n, errp) || !job_check_idle(n->backing, errp))
        return false;
    blk_drain(NULL);
    bool was_read_only = n->backing->read_only;
    if (was_read_only && !block_set_writable(n->backing, true, errp))
        return false;
    bool ok = block_size(n->backing) >= block_size(n) || block_truncate(n->backing, block_size(n), NULL, errp) == 0;
    int ret = ok ? copy_down(n) : 0;
    if (ok && ret == 0 && n->drv->make_empty && !n->read_only)
        ret = n->drv->make_empty(n);
    if (was_read_only)
        block_set_writable(n->backing, false, NULL);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not commit '%s'", n->filename);
    return ok && ret == 0;
}

bool block_resize(BlockNode *n, uint64_t size, Error **errp)
{
    blk_drain(NULL);
    if (block_truncate(n, size, NULL, errp) < 0)
        return false;
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b))
        if (blk_root(b) == n)
            blk_resized(b);
    return true;
}
