/* SPDX-License-Identifier: MIT */
/* savevm, loadvm, delvm: one snapshot of that name in every disk, and the machine's state in one of them. */
#include "block/job.h"
#include "block/vmstate.h"
#include "exec/replay.h"
#include "hw/boards.h"
#include "savevm-file.h"
#include "util/error.h"
#include "util/timer.h"
#include "exec/icount.h"

#include <glib.h>
#include <string.h>

static bool check_quiet(Error **errp)
{
    if (replay_mode != REPLAY_NONE)
        error_setg(errp, "Record/replay does not allow making snapshot right now. Try once more later.");
    else if (blk_waits_for_user())
        error_setg(errp, "a disk request waits for an error to be resolved (cont tries it again)");
    return replay_mode == REPLAY_NONE && !blk_waits_for_user();
}

static bool delete_from(const GPtrArray *disks, const char *name, Error **errp)
{
    for (guint i = 0; i < disks->len; i++) {
        BlockNode *n = g_ptr_array_index(disks, i);
        BlockSnapshot s;
        if (!vmstate_find(n, name, &s))
            continue;
        bool ok = n->drv->snapshot_delete(n, s.id, errp);
        g_free(s.id);
        g_free(s.name);
        if (!ok) {
            error_prepend(errp, "Could not delete snapshot '%s' on '%s': ", name, n->node_name);
            return false;
        }
    }
    return true;
}

bool vm_delvm(const char *name, const char *const *devices, Error **errp)
{
    GPtrArray *disks = vmstate_disks(devices, errp);
    if (!disks)
        return false;
    blk_drain(NULL);
    bool ok = delete_from(disks, name, errp);
    g_ptr_array_free(disks, TRUE);
    return ok;
}

static bool exists(const GPtrArray *disks, const char *name)
{
    for (guint i = 0; i < disks->len; i++) {
        BlockSnapshot s;
        if (!vmstate_find(g_ptr_array_index(disks, i), name, &s))
            continue;
        g_free(s.id);
        g_free(s.name);
        return true;
    }
    return false;
}

static bool write_state(BlockNode *n, uint64_t *size, Error **errp)
{
    VMStateStream *s = vmstate_open(n, true, 0);
    vm_state_save(s);
    int ret = vmstate_close(s, size);
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write the state of the machine");
    return ret == 0;
}

static bool snapshot_disks(const GPtrArray *disks, BlockNode *with_state, BlockSnapshot *s, uint64_t state_size, Error **errp)
{
    for (guint i = 0; i < disks->len; i++) {
        BlockNode *n = g_ptr_array_index(disks, i);
        s->vm_state_size = n == with_state ? state_size : 0;
        if (n->drv->snapshot_create(n, s, errp))
            continue;
        error_prepend(errp, "Could not create snapshot '%s' on '%s': ", s->name, n->node_name);
        delete_from(disks, s->name, NULL);
        return false;
    }
    return true;
}

bool vm_savevm(const char *name, bool overwrite, const char *vmstate, const char *const *devices, Error **errp)
{
    GPtrArray *disks = check_quiet(errp) ? vmstate_disks(devices, errp) : NULL;
    BlockNode *where = disks ? vmstate_disk(disks, vmstate, errp) : NULL;
    bool ok = where != NULL, was_running = vm_running();
    if (ok && !overwrite && exists(disks, name)) {
        error_setg(errp, "Snapshot '%s' already exists in one or more devices", name);
        ok = false;
    }
    if (ok) {
        vm_stop_as(RUN_STATE_SAVE_VM);
        blk_drain(NULL);
        uint64_t size = 0;
        BlockSnapshot s = { .name = (char *)name, .vm_clock_ns = (uint64_t)clock_ns(CLOCK_VIRTUAL),
                            .icount = icount_enabled() ? icount_position() : 0 };
        ok = check_quiet(errp) && delete_from(disks, name, errp) && write_state(where, &size, errp) &&
             snapshot_disks(disks, where, &s, size, errp);
        if (where->drv->vmstate_drop)
            where->drv->vmstate_drop(where); /* the snapshot has it */
        if (was_running)
            vm_start();
    }
    if (disks)
        g_ptr_array_free(disks, TRUE);
    return ok;
}

static bool apply(const GPtrArray *disks, BlockNode *where, const char *name, Error **errp)
{
    BlockSnapshot s;
    for (guint i = 0; i < disks->len; i++) {
        if (!vmstate_find(g_ptr_array_index(disks, i), name, &s)) {
            error_setg(errp, "Snapshot '%s' does not exist in one or more devices", name);
            return false;
        }
        g_free(s.id);
        g_free(s.name);
        if (!job_check_idle(g_ptr_array_index(disks, i), errp)) /* it copies what was there */
            return false;
    }
    vmstate_find(where, name, &s);
    g_free(s.id);
    g_free(s.name);
    if (!s.vm_state_size) {
        error_setg(errp, "This is a disk-only snapshot. Revert to it offline using qemu-img");
        return false;
    }
    vm_stop_as(RUN_STATE_RESTORE_VM);
    blk_drain(NULL);
    for (guint i = 0; i < disks->len; i++) {
        BlockNode *n = g_ptr_array_index(disks, i);
        if (!n->drv->snapshot_apply(n, name, errp)) {
            error_prepend(errp, "Could not load snapshot '%s' on '%s': ", name, n->node_name);
            return false;
        }
    }
    VMStateStream *stream = vmstate_open(where, false, s.vm_state_size);
    bool ok = vm_state_load(stream, errp);
    vmstate_close(stream, NULL);
    if (where->drv->vmstate_drop)
        where->drv->vmstate_drop(where);
    return ok;
}

bool vm_loadvm(const char *name, const char *vmstate, const char *const *devices, Error **errp)
{
    bool was_running = vm_running();
    GPtrArray *disks = check_quiet(errp) ? vmstate_disks(devices, errp) : NULL;
    BlockNode *where = disks ? vmstate_disk(disks, vmstate, errp) : NULL;
    bool ok = where && apply(disks, where, name, errp), stopped = was_running && !vm_running();
    if (disks)
        g_ptr_array_free(disks, TRUE);
    if (ok && stopped)
        vm_start();
    return ok;
}
