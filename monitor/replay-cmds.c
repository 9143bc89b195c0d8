/* SPDX-License-Identifier: MIT */
/* Monitor commands of record and replay: where it is, stopping at an instruction, going to one. */
#include "exec/replay.h"
#include "hw/boards.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "util/error.h"

#include <inttypes.h>
#include <stdlib.h>

static json_t *query_replay(json_t *args, Error **errp)
{
    static const char *const modes[] = { "none", "record", "play" };
    json_t *info = json_pack("{s:s,s:I}", "mode", modes[replay_mode], "icount", (json_int_t)(replay_mode ? replay_position() : 0));
    if (replay_file())
        json_object_set_new(info, "filename", json_string(replay_file()));
    return info;
}

static bool replaying(Error **errp)
{
    if (replay_mode != REPLAY_PLAY)
        error_setg(errp, "replay is not enabled");
    return replay_mode == REPLAY_PLAY;
}

static json_t *set_break(json_t *args, Error **errp)
{
    uint64_t at = (uint64_t)qmp_int(args, "icount", 0);
    if (replaying(errp) && at <= replay_position())
        error_setg(errp, "cannot set breakpoint at the instruction in the past");
    else if (replay_mode == REPLAY_PLAY)
        replay_set_break(at);
    return NULL;
}

static json_t *delete_break(json_t *args, Error **errp)
{
    if (replaying(errp))
        replay_set_break(UINT64_MAX);
    return NULL;
}

static void arrived(void *opaque)
{
}

static json_t *seek_to(json_t *args, Error **errp)
{
    if (!replaying(errp))
        return NULL;
    vm_stop();
    replay_seek((uint64_t)qmp_int(args, "icount", 0), arrived, NULL, errp);
    return NULL;
}

static const QMPCommand commands[] = {
    { "query-replay", "", "ReplayInfo", query_replay, 0 },
    { "replay-break", "icount:int", "", set_break, 0 },
    { "replay-delete-break", "", "", delete_break, 0 },
    { "replay-seek", "icount:int", "", seek_to, 0 },
};
qmp_commands(commands)

/* ---- The human monitor ---- */

static void info_replay(Monitor *mon, int argc, char **argv)
{
    if (replay_mode == REPLAY_NONE) {
        monitor_printf(mon, "Record/replay is not active\n");
        return;
    }
    monitor_printf(mon, "%s execution '%s': instruction count = %" PRIu64 "\n",
                   replay_mode == REPLAY_RECORD ? "Recording" : "Replaying", replay_file(), replay_position());
}

static void call(Monitor *mon, const char *command, const char *number)
{
    Error *err = NULL;
    json_t *result = number ? qmp_call(command, &err, "{s:I}", "icount", (json_int_t)strtoull(number, NULL, 0))
                            : qmp_call(command, &err, "");
    json_decref(result);
    monitor_report(mon, err);
}

static void hmp_replay_break(Monitor *mon, int argc, char **argv)
{
    call(mon, "replay-break", argv[0]);
}

static void hmp_replay_delete_break(Monitor *mon, int argc, char **argv)
{
    call(mon, "replay-delete-break", NULL);
}

static void hmp_replay_seek(Monitor *mon, int argc, char **argv)
{
    call(mon, "replay-seek", argv[0]);
}

static const MonitorCommand monitor_table[] = {
    { "info replay", "", "show record/replay information", info_replay },
    { "replay_break", "icount", "set breakpoint at the specified instruction count", hmp_replay_break },
    { "replay_delete_break", "", "remove replay breakpoint", hmp_replay_delete_break },
    { "replay_seek", "icount", "replay execution to the specified instruction count", hmp_replay_seek },
};
monitor_commands(monitor_table)
