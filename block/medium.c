/* SPDX-License-Identifier: MIT */
/*
 * Removable media as the user handles them: opening and closing trays, taking media out and putting them in. A drive without a tray
 * (floppy, SD card) learns of the medium when it moves, one with a tray when the tray closes over it.
 */
#include "backend.h"
#include "hw/device.h"
#include "monitor/qom.h"
#include "qmp.h"
#include "util/error.h"

#include <glib.h>

bool blk_removable(const BlockBackend *b)
{
    return !b->dev || b->ops->change_medium;
}

bool blk_has_tray(const BlockBackend *b)
{
    return b->ops->tray_open != NULL;
}

bool blk_tray_is_open(const BlockBackend *b)
{
    return blk_has_tray(b) && b->ops->tray_open(b->dev);
}

bool blk_medium_locked(const BlockBackend *b)
{
    return b->ops->medium_locked && b->ops->medium_locked(b->dev);
}

void blk_tray_moved(BlockBackend *b)
{
    char *path = b->dev->id ? g_strdup(b->dev->id) : qom_path(b->dev);
    qmp_event("DEVICE_TRAY_MOVED", "{s:s,s:s,s:b}", "device", b->id, "id", path, "tray-open", blk_tray_is_open(b));
    g_free(path);
}

void blk_resized(BlockBackend *b)
{
    if (b->dev && b->ops->resized)
        b->ops->resized(b->dev);
}

static void tell(BlockBackend *b, bool loaded)
{
    bool was = blk_tray_is_open(b);
    if (b->ops->change_medium)
        b->ops->change_medium(b->dev, b, loaded);
    if (was != blk_tray_is_open(b))
        blk_tray_moved(b);
}

/* How the user knows it. */
static const char *user_name(const BlockBackend *b)
{
    return b->id[0] ? b->id : b->dev && b->dev->id ? b->dev->id : "";
}

static bool check_removable(const BlockBackend *b, Error **errp)
{
    if (!blk_removable(b))
        error_setg(errp, "Device '%s' is not removable", user_name(b));
    return blk_removable(b);
}

BlockTray blk_open_tray(BlockBackend *b, bool force, Error **errp)
{
    if (!check_removable(b, errp))
        return BLOCK_TRAY_FAILED;
    if (!blk_has_tray(b)) {
        error_setg(errp, "Device '%s' does not have a tray", user_name(b));
        return BLOCK_TRAY_NONE;
    }
    if (blk_tray_is_open(b))
        return BLOCK_TRAY_OPENED;
    bool locked = blk_medium_locked(b);
    if (locked && b->ops->eject_request)
        b->ops->eject_request(b->dev, force);
    if (!locked || force)
        tell(b, false);
    if (!locked || force)
        return BLOCK_TRAY_OPENED;
    error_setg(errp, "Device '%s' is locked and force was not specified, wait for tray to open and try again", user_name(b));
    return BLOCK_TRAY_LOCKED;
}

bool blk_close_tray(BlockBackend *b, Error **errp)
{
    if (!check_removable(b, errp))
        return false;
    if (blk_tray_is_open(b))
        tell(b, true);
    return true;
}

static bool check_open(const BlockBackend *b, Error **errp)
{
    if (!check_removable(b, errp))
        return false;
    if (!blk_has_tray(b) || blk_tray_is_open(b))
        return true;
    error_setg(errp, "Tray of device '%s' is not open", user_name(b));
    return false;
}

bool blk_remove_medium(BlockBackend *b, Error **errp)
{
    if (!check_open(b, errp))
        return false;
    if (!b->root)
        return true;
    blk_eject(b);
    if (!blk_has_tray(b))
        tell(b, false);
    return true;
}

bool blk_insert_medium(BlockBackend *b, BlockNode *n, Error **errp)
{
    if (!check_open(b, errp))
        return false;
    if (b->root) {
        error_setg(errp, "There already is a medium in device '%s'", user_name(b));
        return false;
    }
    blk_insert(b, n);
    if (!blk_has_tray(b))
        tell(b, true);
    return true;
}
