/* SPDX-License-Identifier: MIT */
/* Machine state in images, and which disks take part in snapshots of the machine: see vmstate.h. */
#include "vmstate.h"
#include "backend.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>

#define BUFFER (2u << 20) /* whole clusters of every size there is */

struct VMStateStream {
    BlockNode *n;
    bool write;
    uint64_t pos, size; /* of buf in the stream; bytes written, or to read */
    size_t used, have;
    int ret;
    uint8_t buf[BUFFER];
};

VMStateStream *vmstate_open(BlockNode *n, bool write, uint64_t size)
{
    VMStateStream *s = g_new(VMStateStream, 1);
    memset(s, 0, offsetof(VMStateStream, buf));
    s->n = n;
    s->write = write;
    s->size = write ? 0 : size;
    return s;
}

static void write_buffer(VMStateStream *s)
{
    memset(s->buf + s->used, 0, BUFFER - s->used);
    if (s->ret == 0)
        s->ret = s->n->drv->vmstate_write(s->n, s->pos, s->buf, BUFFER);
    s->pos += BUFFER;
    s->used = 0;
}

void vmstate_put(VMStateStream *s, const void *buf, size_t len)
{
    s->size += len;
    for (size_t n; len; buf = (const uint8_t *)buf + n, len -= n) {
        n = MIN(len, BUFFER - s->used);
        memcpy(s->buf + s->used, buf, n);
        s->used += n;
        if (s->used == BUFFER)
            write_buffer(s);
    }
}

static bool read_buffer(VMStateStream *s)
{
    s->have = (size_t)MIN(BUFFER, s->size - s->pos);
    if (s->have && s->ret == 0)
        s->ret = s->n->drv->vmstate_read(s->n, s->pos, s->buf, s->have);
    s->pos += s->have;
    s->used = 0;
    return s->have && s->ret == 0;
}

bool vmstate_get(VMStateStream *s, void *buf, size_t len)
{
    for (size_t n; len; buf = (uint8_t *)buf + n, len -= n) {
        if (s->used == s->have && !read_buffer(s))
            return false;
        n = MIN(len, s->have - s->used);
        memcpy(buf, s->buf + s->used, n);
        s->used += n;
    }
    return true;
}

int vmstate_close(VMStateStream *s, uint64_t *size)
{
    if (s->write && s->used)
        write_buffer(s);
    int ret = s->ret;
    if (size)
        *size = s->size;
    g_free(s);
    return ret;
}

/* ---- Disks ---- */

static bool named(const BlockBackend *b, const char *const *devices)
{
    return !devices || g_strv_contains(devices, blk_name(b)) || g_strv_contains(devices, blk_root(b)->node_name);
}

GPtrArray *vmstate_disks(const char *const *devices, Error **errp)
{
    GPtrArray *disks = g_ptr_array_new();
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b)) {
        BlockNode *n = blk_root(b);
        if (!n || !named(b, devices) || (!devices && (n->read_only || blk_read_only(b))) || g_ptr_array_find(disks, n, NULL))
            continue;
        if (!n->drv->snapshot_create || n->read_only) {
            error_setg(errp, "Device '%s' is writable but does not support snapshots", *blk_name(b) ? blk_name(b) : n->node_name);
            g_ptr_array_free(disks, TRUE);
            return NULL;
        }
        g_ptr_array_add(disks, n);
    }
    if (disks->len)
        return disks;
    error_setg(errp, "no block device can store vmstate for snapshot");
    g_ptr_array_free(disks, TRUE);
    return NULL;
}

BlockNode *vmstate_disk(const GPtrArray *disks, const char *name, Error **errp)
{
    for (guint i = 0; i < disks->len; i++) {
        BlockNode *n = g_ptr_array_index(disks, i);
        const BlockBackend *b = name ? blk_find(name) : NULL;
        if (n->drv->vmstate_write && (!name || !strcmp(n->node_name, name) || (b && blk_root(b) == n)))
            return n;
    }
    if (name)
        error_setg(errp, "vmstate block device '%s' does not exist", name);
    else
        error_setg(errp, "no block device can store vmstate for snapshot");
    return NULL;
}

bool vmstate_find(BlockNode *n, const char *name, BlockSnapshot *out)
{
    BlockSnapshot *list = NULL;
    int count = n->drv->snapshot_list ? n->drv->snapshot_list(n, &list) : 0, found = -1;
    for (int by_name = 0; by_name < 2 && found < 0; by_name++)
        for (int i = 0; i < count && found < 0; i++)
            if (!strcmp(by_name ? list[i].name : list[i].id, name))
                found = i;
    if (found >= 0) {
        *out = list[found];
        out->id = g_strdup(list[found].id);
        out->name = g_strdup(list[found].name);
    }
    block_snapshots_free(list, count);
    return found >= 0;
}
