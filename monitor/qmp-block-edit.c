/* SPDX-License-Identifier: MIT */
/* QMP commands that change disks: media and trays, nodes of the graph, size, snapshots. */
#include "block-cmds.h"
#include "block/job.h"
#include "block/snapshot.h"
#include "block/throttle.h"
#include "hw/device.h"
#include "qom.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* ---- Finding ---- */

BlockBackend *block_drive_of_args(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "device"), *id = qmp_str(args, "id");
    if (!name == !id) {
        error_setg(errp, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    if (name) {
        BlockBackend *b = blk_find(name);
        if (!b)
            error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", name);
        return b;
    }
    const Device *dev = qom_find_device(id);
    for (BlockBackend *b = dev ? blk_next(NULL) : NULL; b; b = blk_next(b)) {
        const Device *owner = blk_device(b);
        if (owner == dev || (owner && owner == dev->inner))
            return b;
    }
    if (dev)
        error_setg(errp, "Device does not have a block device backend");
    else
        error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", id);
    return NULL;
}

BlockNode *block_lookup(const char *device, const char *node_name, Error **errp)
{
    BlockBackend *b = device ? blk_find(device) : NULL;
    if (b && !blk_root(b)) {
        error_setg(errp, "Device '%s' has no medium", device);
        return NULL;
    }
    BlockNode *n = b ? blk_root(b) : node_name ? block_find_node(node_name) : NULL;
    if (!n)
        error_setg(errp, "Cannot find device='%s' nor node-name='%s'", device ? device : "", node_name ? node_name : "");
    return n;
}

BlockNode *block_lookup_idle(const char *device, const char *node_name, Error **errp)
{
    BlockNode *n = block_lookup(device, node_name, errp);
    return n && job_check_idle(n, errp) ? n : NULL;
}

/* ---- Media ---- */

static json_t *open_tray(json_t *args, Error **errp)
{
    Error *err = NULL;
    BlockBackend *b = block_drive_of_args(args, errp);
    BlockTray r = b ? blk_open_tray(b, qmp_bool(args, "force", false), &err) : BLOCK_TRAY_NONE;
    if (r == BLOCK_TRAY_FAILED)
        error_propagate(errp, err);
    else
        error_free(err); /* no tray, or the guest will open it */
    return NULL;
}

static json_t *close_tray(json_t *args, Error **errp)
{
    BlockBackend *b = block_drive_of_args(args, errp);
    if (b)
        blk_close_tray(b, errp);
    return NULL;
}

static json_t *remove_medium(json_t *args, Error **errp)
{
    BlockBackend *b = block_drive_of_args(args, errp);
    if (b && (!blk_root(b) || job_check_idle(blk_root(b), errp)))
        blk_remove_medium(b, errp);
    return NULL;
}

/* Opens the tray if there is one, and takes out what is in. */
static bool take_out(BlockBackend *b, bool force, Error **errp)
{
    Error *err = NULL;
    if (blk_root(b) && !job_check_idle(blk_root(b), errp))
        return false;
    BlockTray r = blk_open_tray(b, force, &err);
    if (r == BLOCK_TRAY_LOCKED || r == BLOCK_TRAY_FAILED) {
        error_propagate(errp, err);
        return false;
    }
    error_free(err);
    return blk_remove_medium(b, errp);
}

static json_t *eject(json_t *args, Error **errp)
{
    BlockBackend *b = block_drive_of_args(args, errp);
    if (b)
        take_out(b, qmp_bool(args, "force", false), errp);
    return NULL;
}

static json_t *insert_medium(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "node-name");
    BlockBackend *b = block_drive_of_args(args, errp);
    BlockNode *n = b ? block_find_node(name) : NULL;
    if (b && !n)
        error_setg(errp, "Node '%s' not found", name);
    else if (b && block_in_use(n))
        error_setg(errp, "Node '%s' is already in use", name);
    else if (b && blk_insert_medium(b, n, errp))
        block_ref(n);
    return NULL;
}

static json_t *change_medium(json_t *args, Error **errp)
{
    const char *mode = qmp_str(args, "read-only-mode");
    BlockBackend *b = block_drive_of_args(args, errp);
    if (!b)
        return NULL;
    bool read_only = mode && strcmp(mode, "retain") ? !strcmp(mode, "read-only") : blk_read_only(b);
    BlockNode *n = block_open_file(qmp_str(args, "filename"), qmp_str(args, "format"), read_only ? 0 : BLOCK_RDWR, errp);
    if (!n)
        return NULL;
    if (take_out(b, qmp_bool(args, "force", false), errp) && blk_insert_medium(b, n, errp)) {
        blk_set_read_only(b, read_only);
        blk_close_tray(b, errp);
    } else {
        block_unref(n);
    }
    return NULL;
}

static json_t *resize(json_t *args, Error **errp)
{
    int64_t size = qmp_int(args, "size", 0);
    BlockNode *n = block_lookup_idle(qmp_str(args, "device"), qmp_str(args, "node-name"), errp);
    if (n && size < 0)
        error_setg(errp, "Parameter 'size' expects a >0 size");
    else if (n)
        block_resize(n, (uint64_t)size, errp);
    return NULL;
}

/* ---- Limits ---- */

static json_t *set_io_throttle(json_t *args, Error **errp)
{
    static const char *const names[LIMITS] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };
    ThrottleConfig c = { .op_size = (uint64_t)qmp_int(args, "iops_size", 0) };
    bool any = false;
    char key[32];
    BlockBackend *b = block_drive_of_args(args, errp);
    if (!b)
        return NULL;
    if (!blk_root(b)) {
        error_setg(errp, "Device has no medium");
        return NULL;
    }
    for (unsigned i = 0; i < LIMITS; i++) {
        c.rate[i] = (uint64_t)qmp_int(args, names[i], 0);
        snprintf(key, sizeof(key), "%s_max", names[i]);
        c.max[i] = (uint64_t)qmp_int(args, key, 0);
        snprintf(key, sizeof(key), "%s_max_length", names[i]);
        c.max_length[i] = (uint64_t)qmp_int(args, key, 1);
        any |= c.rate[i] != 0;
    }
    if (throttle_check(&c, errp))
        blk_set_throttle(b, any ? qmp_str(args, "group") : NULL, &c);
    return NULL;
}

/* ---- Nodes ---- */

static json_t *add_node(json_t *args, Error **errp)
{
    OptGroup *o = opts_from_json_value("", args, errp);
    Error *err = NULL;
    if (o && !blockdev_add(o, &err))
        error_propagate(errp, err);
    opts_free(o);
    return NULL;
}

static json_t *del_node(json_t *args, Error **errp)
{
    blockdev_del(qmp_str(args, "node-name"), errp);
    return NULL;
}

/* ---- Snapshots ---- */

static json_t *snapshot_sync(json_t *args, Error **errp)
{
    const char *format = qmp_str(args, "format"), *mode = qmp_str(args, "mode");
    BlockNode *n = block_lookup_idle(qmp_str(args, "device"), qmp_str(args, "node-name"), errp);
    if (n)
        block_snapshot_file(n, qmp_str(args, "snapshot-file"), format ? format : "qcow2", qmp_str(args, "snapshot-node-name"),
                            mode && !strcmp(mode, "existing"), errp);
    return NULL;
}

static json_t *snapshot_node(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "overlay");
    BlockNode *n = block_lookup_idle(qmp_str(args, "node"), qmp_str(args, "node"), errp), *overlay = n ? block_lookup_idle(name, name, errp) : NULL;
    if (overlay)
        block_snapshot_node(n, overlay, errp);
    return NULL;
}

static json_t *snapshot_internal(json_t *args, Error **errp)
{
    const char *device = qmp_str(args, "device");
    BlockNode *n = block_lookup_idle(device, device, errp);
    if (n)
        block_snapshot_internal(n, device, qmp_str(args, "name"), errp);
    return NULL;
}

static json_t *snapshot_delete_internal(json_t *args, Error **errp)
{
    const char *device = qmp_str(args, "device");
    BlockNode *n = block_lookup_idle(device, device, errp);
    return n ? block_snapshot_internal_delete(n, device, qmp_str(args, "id"), qmp_str(args, "name"), errp) : NULL;
}

static const QMPCommand commands[] = {
    { "blockdev-open-tray", "device:str?, id:str?, force:bool?", "", open_tray, 0 },
    { "blockdev-close-tray", "device:str?, id:str?", "", close_tray, 0 },
    { "blockdev-remove-medium", "id:str", "", remove_medium, 0 },
    { "blockdev-insert-medium", "id:str, node-name:str", "", insert_medium, 0 },
    { "blockdev-change-medium", "device:str?, id:str?, filename:str, format:str?, force:bool?, read-only-mode:BlockdevChangeReadOnlyMode?", "",
      change_medium, 0 },
    { "eject", "device:str?, id:str?, force:bool?", "", eject, 0 },
    { "block_resize", "device:str?, node-name:str?, size:int", "", resize, 0 },
    { "block_set_io_throttle", "device:str?, id:str?, bps:int, bps_rd:int, bps_wr:int, iops:int, iops_rd:int, iops_wr:int, bps_max:int?, "
      "bps_rd_max:int?, bps_wr_max:int?, iops_max:int?, iops_rd_max:int?, iops_wr_max:int?, bps_max_length:int?, bps_rd_max_length:int?, "
      "bps_wr_max_length:int?, iops_max_length:int?, iops_rd_max_length:int?, iops_wr_max_length:int?, iops_size:int?, group:str?", "",
      set_io_throttle, 0 },
    { "blockdev-add", "BlockdevOptions", "", add_node, 0 },
    { "blockdev-del", "node-name:str", "", del_node, 0 },
    { "blockdev-snapshot", "BlockdevSnapshot", "", snapshot_node, 0 },
    { "blockdev-snapshot-sync", "device:str?, node-name:str?, snapshot-file:str, snapshot-node-name:str?, format:str?, mode:NewImageMode?", "",
      snapshot_sync, 0 },
    { "blockdev-snapshot-internal-sync", "device:str, name:str", "", snapshot_internal, 0 },
    { "blockdev-snapshot-delete-internal-sync", "device:str, id:str?, name:str?", "SnapshotInfo", snapshot_delete_internal, 0 },
};
qmp_commands(commands)
