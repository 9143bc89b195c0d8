/* SPDX-License-Identifier: MIT */
/* QMP's transaction: several changes to disks of which all happen, at one moment, or none. The machine lock is held throughout. */
#include "block-cmds.h"
#include "block/snapshot.h"
#include "util/error.h"

#include <string.h>

static bool abort_prepare(BlockAction *a, Error **errp)
{
    error_setg(errp, "Transaction aborted using Abort action");
    return false;
}

/* ---- Snapshots: taken at once; taken back by putting the node that was there in its place again ---- */

static bool snapshot_sync_prepare(BlockAction *a, Error **errp)
{
    const char *format = qmp_str(a->data, "format"), *mode = qmp_str(a->data, "mode");
    a->node = block_lookup_idle(qmp_str(a->data, "device"), qmp_str(a->data, "node-name"), errp);
    if (!a->node)
        return false;
    block_ref(a->node);
    a->overlay = block_snapshot_file(a->node, qmp_str(a->data, "snapshot-file"), format ? format : "qcow2", qmp_str(a->data, "snapshot-node-name"),
                                     mode && !strcmp(mode, "existing"), errp);
    if (!a->overlay)
        block_unref(a->node);
    return a->overlay != NULL;
}

static bool snapshot_node_prepare(BlockAction *a, Error **errp)
{
    const char *name = qmp_str(a->data, "overlay"), *node = qmp_str(a->data, "node");
    a->node = block_lookup_idle(node, node, errp);
    a->overlay = a->node ? block_lookup_idle(name, name, errp) : NULL;
    if (!a->overlay || !block_snapshot_node(a->node, a->overlay, errp))
        return false;
    block_ref(a->node);
    block_ref(a->overlay);
    return true;
}

static void snapshot_sync_commit(BlockAction *a)
{
    block_unref(a->node);
}

static void snapshot_sync_abort(BlockAction *a)
{
    block_replace(a->overlay, a->node);
    block_unref(a->node);
}

static void snapshot_node_commit(BlockAction *a)
{
    block_unref(a->node);
    block_unref(a->overlay);
}

static void snapshot_node_abort(BlockAction *a)
{
    block_replace(a->overlay, a->node);
    block_unref(a->overlay->backing);
    a->overlay->backing = NULL;
    snapshot_node_commit(a);
}

static bool internal_prepare(BlockAction *a, Error **errp)
{
    const char *device = qmp_str(a->data, "device");
    a->node = block_lookup_idle(device, device, errp);
    return a->node && block_snapshot_internal(a->node, device, qmp_str(a->data, "name"), errp);
}

static void internal_abort(BlockAction *a)
{
    json_decref(block_snapshot_internal_delete(a->node, qmp_str(a->data, "device"), NULL, qmp_str(a->data, "name"), NULL));
}

/* ---- All of them ---- */

static const BlockActionType types[] = {
    { "abort", abort_prepare, NULL, NULL },
    { "block-dirty-bitmap-add", block_action_bitmap_add, NULL, block_abort_bitmap_add },
    { "block-dirty-bitmap-remove", block_action_bitmap_remove, block_commit_bitmap_remove, block_abort_bitmap_remove },
    { "block-dirty-bitmap-clear", block_action_bitmap_clear, NULL, block_abort_bitmap_clear },
    { "block-dirty-bitmap-enable", block_action_bitmap_enable, NULL, block_abort_bitmap_enabled },
    { "block-dirty-bitmap-disable", block_action_bitmap_disable, NULL, block_abort_bitmap_enabled },
    { "block-dirty-bitmap-merge", block_action_bitmap_merge, NULL, block_abort_bitmap_clear },
    { "blockdev-backup", block_action_blockdev_backup, block_commit_backup, block_abort_backup },
    { "blockdev-snapshot", snapshot_node_prepare, snapshot_node_commit, snapshot_node_abort },
    { "blockdev-snapshot-internal-sync", internal_prepare, NULL, internal_abort },
    { "blockdev-snapshot-sync", snapshot_sync_prepare, snapshot_sync_commit, snapshot_sync_abort },
    { "drive-backup", block_action_drive_backup, block_commit_backup, block_abort_backup },
};

const BlockActionType *block_action_type(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        if (!strcmp(types[i].name, name))
            return &types[i];
    return NULL;
}

static json_t *transaction(json_t *args, Error **errp)
{
    const char *mode = qmp_str(json_object_get(args, "properties"), "completion-mode");
    json_t *list = json_object_get(args, "actions");
    size_t n = json_array_size(list), done = 0;
    GPtrArray *group = mode && !strcmp(mode, "grouped") ? g_ptr_array_new() : NULL;
    BlockAction *actions = g_new0(BlockAction, n + 1);
    bool ok = true;
    for (; ok && done < n; done++) {
        json_t *each = json_array_get(list, done);
        actions[done] = (BlockAction){ .type = block_action_type(qmp_str(each, "type")), .data = json_object_get(each, "data"), .group = group };
        ok = actions[done].type->prepare(&actions[done], errp);
    }
    if (!ok)
        done--; /* of that nothing is left */
    for (size_t i = 0; ok && i < n; i++)
        if (actions[i].type->commit)
            actions[i].type->commit(&actions[i]);
    for (size_t i = done; !ok && i-- > 0;)
        if (actions[i].type->abort)
            actions[i].type->abort(&actions[i]);
    for (size_t i = 0; i < n; i++)
        g_free(actions[i].saved);
    g_free(actions);
    if (group)
        g_ptr_array_unref(group);
    return NULL;
}

static const QMPCommand commands[] = {
    { "transaction", "actions:[TransactionAction], properties:TransactionProperties?", "", transaction, 0 },
};
qmp_commands(commands)
