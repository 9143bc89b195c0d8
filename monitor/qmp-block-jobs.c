/* SPDX-License-Identifier: MIT */
/* QMP commands that start jobs on disks: stream, commit, mirror, backup. */
#include "block-cmds.h"
#include "block/bitmap.h"
#include "block/job.h"
#include "util/error.h"
#include "util/options.h"

#include <stdio.h>
#include <string.h>

/* ---- What they share ---- */

static int choice(json_t *args, const char *key, const char *words, int def)
{
    const char *v = qmp_str(args, key), *p = v ? words : "";
    for (int i = 0; *p; i++) {
        size_t n = strcspn(p, " ");
        if (strlen(v) == n && !memcmp(p, v, n))
            return i;
        p += n + (p[n] == ' ');
    }
    return def;
}

static JobOnError on_error(json_t *args, const char *key)
{
    return (JobOnError)choice(args, key, "report ignore enospc stop auto", JOB_ON_REPORT);
}

static JobOptions job_options(json_t *args)
{
    JobOptions o = { .id = qmp_str(args, "job-id"), .speed = qmp_int(args, "speed", 0), .auto_finalize = qmp_bool(args, "auto-finalize", true),
                     .auto_dismiss = qmp_bool(args, "auto-dismiss", true) };
    bool one = json_object_get(args, "on-error") != NULL;
    o.on_source_error = on_error(args, one ? "on-error" : "on-source-error");
    o.on_target_error = on_error(args, one ? "on-error" : "on-target-error");
    return o;
}

static BlockNode *disk_of_args(json_t *args, Error **errp)
{
    const char *device = qmp_str(args, "device");
    return block_lookup_idle(device, device, errp);
}

/* The image below n that goes by this file name. */
static BlockNode *below_by_name(BlockNode *n, const char *name, Error **errp)
{
    for (BlockNode *b = n->backing, *over = n; b; over = b, b = b->backing) {
        char *full = block_relative_name(n->filename, name), *as_said = over->backing_file ? over->backing_file : b->filename;
        bool same = !strcmp(b->filename, name) || !strcmp(b->filename, full) || !strcmp(as_said, name);
        g_free(full);
        if (same)
            return b;
    }
    error_setg(errp, "Can't find '%s' in the backing chain", name);
    return NULL;
}

static BlockNode *below_by_node(BlockNode *n, const char *name, Error **errp)
{
    BlockNode *found = block_lookup(NULL, name, errp), *b = found ? n->backing : NULL;
    while (b && b != found)
        b = b->backing;
    if (found && !b)
        error_setg(errp, "Node '%s' is not a backing image of '%s'", name, n->node_name);
    return b;
}

/* ---- stream, commit ---- */

static json_t *stream(json_t *args, Error **errp)
{
    const char *base_name = qmp_str(args, "base"), *base_node = qmp_str(args, "base-node"), *bottom = qmp_str(args, "bottom");
    JobOptions o = job_options(args);
    BlockNode *n = disk_of_args(args, errp), *base = NULL;
    if (!n)
        return NULL;
    if (base_name && base_node) {
        error_setg(errp, "'base' and 'base-node' cannot be specified at the same time");
        return NULL;
    }
    if (bottom && (base_name || base_node)) {
        error_setg(errp, "'bottom' and 'base%s' cannot be specified at the same time", base_node ? "-node" : "");
        return NULL;
    }
    bool named = base_name || base_node || bottom;
    if (base_name)
        base = below_by_name(n, base_name, errp);
    else if (base_node)
        base = below_by_node(n, base_node, errp);
    else if (bottom)
        base = below_by_node(n, bottom, errp);
    if (named && !base)
        return NULL;
    base = bottom ? base->backing : base;
    if (qmp_str(args, "backing-file") && !base)
        error_setg(errp, "backing file specified, but streaming the entire chain");
    else
        stream_start(n, base, qmp_str(args, "backing-file"), &o, errp);
    return NULL;
}

static BlockNode *commit_top(BlockNode *n, json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "top"), *node = qmp_str(args, "top-node");
    if (node) {
        BlockNode *found = block_lookup(NULL, node, errp);
        return !found || found == n ? found : below_by_node(n, node, errp);
    }
    if (!name || !strcmp(name, n->filename))
        return n;
    BlockNode *top = below_by_name(n, name, NULL);
    if (!top)
        error_setg(errp, "Top image file %s not found", name);
    return top;
}

static BlockNode *commit_base(BlockNode *top, json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "base"), *node = qmp_str(args, "base-node");
    if (node)
        return below_by_node(top, node, errp);
    if (name)
        return below_by_name(top, name, errp);
    BlockNode *base = top->backing;
    while (base && base->backing)
        base = base->backing;
    if (!base)
        error_setg(errp, "There is nothing below '%s' to commit to", top->filename);
    return base;
}

static json_t *commit(json_t *args, Error **errp)
{
    JobOptions o = job_options(args);
    const char *device = qmp_str(args, "device"), *backing_file = qmp_str(args, "backing-file");
    if (!blk_find(device) && !block_find_node(device)) {
        error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", device);
        return NULL;
    }
    BlockNode *n = disk_of_args(args, errp), *top = NULL, *base = NULL;
    bool tops = qmp_str(args, "top") && qmp_str(args, "top-node"), bases = qmp_str(args, "base") && qmp_str(args, "base-node");
    if (n && (tops || bases))
        error_setg(errp, tops ? "'top-node' and 'top' are mutually exclusive" : "'base-node' and 'base' are mutually exclusive");
    else if (n)
        top = commit_top(n, args, errp);
    base = top ? commit_base(top, args, errp) : NULL;
    if (!base)
        return NULL;
    if (top == n && backing_file)
        error_setg(errp, "'backing-file' specified, but 'top' is the active layer");
    else if (top == n)
        mirror_start(n, base, &(MirrorOptions){ .sync = SYNC_FULL, .commits = true, .unmap = true }, &o, errp);
    else
        commit_start(n, top, base, backing_file, &o, errp);
    return NULL;
}

/* ---- Targets ---- */

/* Makes the image that args name (or takes the one there) and opens it; for top and none it stands on what the disk does, or the disk. */
static BlockNode *open_target(BlockNode *n, json_t *args, SyncMode sync, Error **errp)
{
    const char *format = qmp_str(args, "format"), *target = qmp_str(args, "target"), *mode = qmp_str(args, "mode");
    bool existing = mode && !strcmp(mode, "existing");
    BlockNode *below = sync == SYNC_TOP ? n->backing : sync == SYNC_NONE ? n : NULL;
    if (!format && !existing)
        format = n->drv->name;
    const BlockDriver *drv = format ? block_driver_find(format) : NULL;
    if (format && !drv) {
        error_setg(errp, "Unknown file format '%s'", format);
        return NULL;
    }
    if (!existing) {
        char size[32];
        OptGroup *o = opts_parse("target", "", NULL, NULL);
        snprintf(size, sizeof(size), "%llu", (unsigned long long)block_size(n));
        opts_set(o, "size", size);
        if (below && drv->backing) {
            char *full = strstr(below->filename, "://") ? g_strdup(below->filename) : g_canonicalize_filename(below->filename, NULL);
            opts_set(o, "backing_file", full);
            opts_set(o, "backing_fmt", below->drv->name);
            g_free(full);
        }
        bool ok = block_create(format, target, o, errp) && opts_check_unused(o, NULL, errp);
        opts_free(o);
        if (!ok)
            return NULL;
    }
    OptGroup *o = opts_parse("target", "", NULL, NULL);
    if (format)
        opts_set(o, "driver", format);
    if (qmp_str(args, "node-name"))
        opts_set(o, "node-name", qmp_str(args, "node-name"));
    int flags = (n->flags & (BLOCK_NOCACHE | BLOCK_NO_FLUSH)) | BLOCK_RDWR | BLOCK_UNMAP | BLOCK_NO_BACKING;
    BlockNode *t = block_open(o, "", target, flags, errp);
    opts_free(o);
    if (t && below && t->drv->backing && !t->backing)
        t->backing = block_ref(below);
    return t;
}

/* The node that args name as target, which nobody uses. */
static BlockNode *named_target(BlockNode *n, json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "target");
    BlockNode *t = block_lookup(name, name, errp);
    if (t == n && t) {
        error_setg(errp, "Can't mirror node into itself");
        return NULL;
    }
    if (t && block_in_use(t)) {
        error_setg(errp, "Node '%s' is already in use", name);
        return NULL;
    }
    return block_ref(t);
}

/* ---- mirror ---- */

static bool mirror_options(json_t *args, MirrorOptions *m, Error **errp)
{
    int64_t granularity = qmp_int(args, "granularity", 0);
    const char *replaces = qmp_str(args, "replaces");
    m->sync = (SyncMode)choice(args, "sync", "top full none incremental bitmap", SYNC_FULL);
    m->write_blocking = choice(args, "copy-mode", "background write-blocking", 0) == 1;
    m->unmap = qmp_bool(args, "unmap", true);
    m->granularity = (uint64_t)granularity;
    if (m->sync >= SYNC_INCREMENTAL) {
        error_setg(errp, "Sync mode '%s' not supported", qmp_str(args, "sync"));
        return false;
    }
    if (granularity && (granularity < 512 || granularity > 64 << 20 || granularity & (granularity - 1))) {
        error_setg(errp, granularity < 512 || granularity > 64 << 20 ? "Parameter 'granularity' expects a value in range [512B, 64MB]"
                                                                     : "Parameter 'granularity' expects a power of 2");
        return false;
    }
    m->replaces = replaces ? block_lookup(NULL, replaces, errp) : NULL;
    return !replaces || m->replaces;
}

static json_t *mirror(json_t *args, BlockNode *(*find_target)(BlockNode *n, json_t *args, SyncMode sync, Error **errp), Error **errp)
{
    JobOptions o = job_options(args);
    MirrorOptions m = { 0 };
    BlockNode *n = disk_of_args(args, errp);
    if (!n || !mirror_options(args, &m, errp))
        return NULL;
    if (m.sync == SYNC_TOP && !n->backing)
        m.sync = SYNC_FULL;
    const char *mode = qmp_str(args, "mode");
    m.target_empty = find_target == open_target && !(mode && !strcmp(mode, "existing"));
    BlockNode *t = find_target(n, args, m.sync, errp);
    if (t)
        mirror_start(n, t, &m, &o, errp);
    block_unref(t);
    return NULL;
}

static BlockNode *find_named(BlockNode *n, json_t *args, SyncMode sync, Error **errp)
{
    return named_target(n, args, errp);
}

static json_t *drive_mirror(json_t *args, Error **errp)
{
    return mirror(args, open_target, errp);
}

static json_t *blockdev_mirror(json_t *args, Error **errp)
{
    return mirror(args, find_named, errp);
}

/* ---- backup ---- */

static bool check_bitmap(BackupOptions *b, BlockNode *n, json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "bitmap"), *mode = qmp_str(args, "bitmap-mode"), *sync = qmp_str(args, "sync");
    b->bitmap_mode = (BitmapMode)choice(args, "bitmap-mode", "on-success never always", BITMAP_ON_SUCCESS);
    b->bitmap = name ? block_bitmap_find(n, name) : NULL;
    if (!name && b->sync >= SYNC_INCREMENTAL)
        error_setg(errp, "must provide a valid bitmap name for '%s' sync mode", sync);
    else if (name && !b->bitmap)
        error_setg(errp, "Bitmap '%s' could not be found", name);
    else if (!name && mode)
        error_setg(errp, "Cannot specify bitmap sync mode without a bitmap");
    else if (name && !mode && b->sync != SYNC_INCREMENTAL)
        error_setg(errp, "Bitmap sync mode must be given when providing a bitmap");
    else if (b->sync == SYNC_INCREMENTAL && b->bitmap_mode != BITMAP_ON_SUCCESS)
        error_setg(errp, "Bitmap sync mode must be 'on-success' when using sync mode 'incremental'");
    else if (name && b->sync == SYNC_NONE)
        error_setg(errp, "sync mode 'none' does not produce meaningful bitmap outputs");
    else if (name && b->sync < SYNC_INCREMENTAL && b->bitmap_mode == BITMAP_NEVER)
        error_setg(errp, "Bitmap sync mode 'never' has no meaningful effect when combined with sync mode '%s'", sync);
    else
        return true;
    return false;
}

static bool backup(BlockAction *a, BlockNode *(*find_target)(BlockNode *n, json_t *args, SyncMode sync, Error **errp), Error **errp)
{
    JobOptions o = job_options(a->data);
    BackupOptions b = { .compress = qmp_bool(a->data, "compress", false) };
    BlockNode *n = disk_of_args(a->data, errp);
    b.sync = (SyncMode)choice(a->data, "sync", "top full none incremental bitmap", SYNC_FULL);
    if (!n || !check_bitmap(&b, n, a->data, errp))
        return false;
    if (b.sync == SYNC_TOP && !n->backing)
        b.sync = SYNC_FULL;
    o.group = a->group;
    o.hold = true;
    BlockNode *t = find_target(n, a->data, b.sync, errp);
    a->job = t ? backup_start(n, t, &b, &o, errp) : NULL;
    block_unref(t);
    return a->job != NULL;
}

bool block_action_drive_backup(BlockAction *a, Error **errp)
{
    return backup(a, open_target, errp);
}

bool block_action_blockdev_backup(BlockAction *a, Error **errp)
{
    return backup(a, find_named, errp);
}

void block_commit_backup(BlockAction *a)
{
    job_start(a->job);
}

void block_abort_backup(BlockAction *a)
{
    job_discard(a->job);
}

static json_t *drive_backup(json_t *args, Error **errp)
{
    BlockAction a = { .data = args };
    if (block_action_drive_backup(&a, errp))
        block_commit_backup(&a);
    return NULL;
}

static json_t *blockdev_backup(json_t *args, Error **errp)
{
    BlockAction a = { .data = args };
    if (block_action_blockdev_backup(&a, errp))
        block_commit_backup(&a);
    return NULL;
}

static const QMPCommand commands[] = {
    { "block-stream", "job-id:str?, device:str, base:str?, base-node:str?, backing-file:str?, bottom:str?, speed:int?, on-error:BlockdevOnError?, "
      "filter-node-name:str?, auto-finalize:bool?, auto-dismiss:bool?", "", stream, 0 },
    { "block-commit", "job-id:str?, device:str, base-node:str?, base:str?, top-node:str?, top:str?, backing-file:str?, speed:int?, "
      "on-error:BlockdevOnError?, filter-node-name:str?, auto-finalize:bool?, auto-dismiss:bool?", "", commit, 0 },
    { "drive-mirror", "job-id:str?, device:str, target:str, format:str?, node-name:str?, replaces:str?, sync:MirrorSyncMode, mode:NewImageMode?, "
      "speed:int?, granularity:int?, buf-size:int?, on-source-error:BlockdevOnError?, on-target-error:BlockdevOnError?, unmap:bool?, "
      "copy-mode:MirrorCopyMode?, auto-finalize:bool?, auto-dismiss:bool?", "", drive_mirror, 0 },
    { "blockdev-mirror", "job-id:str?, device:str, target:str, replaces:str?, sync:MirrorSyncMode, speed:int?, granularity:int?, buf-size:int?, "
      "on-source-error:BlockdevOnError?, on-target-error:BlockdevOnError?, filter-node-name:str?, copy-mode:MirrorCopyMode?, "
      "auto-finalize:bool?, auto-dismiss:bool?", "", blockdev_mirror, 0 },
    { "drive-backup", "DriveBackup", "", drive_backup, 0 },
    { "blockdev-backup", "BlockdevBackup", "", blockdev_backup, 0 },
};
qmp_commands(commands)
