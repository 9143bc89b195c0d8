/* SPDX-License-Identifier: MIT */
/* The human monitor's commands for jobs on disks: QMP's, in its words. */
#include "internal.h"
#include "qmp.h"
#include "util/error.h"
#include "util/options.h"

#include <string.h>

static bool take_flag(int *argc, char ***argv, const char *flag)
{
    if (!*argc || strcmp((*argv)[0], flag))
        return false;
    (*argc)--;
    (*argv)++;
    return true;
}

static void run(Monitor *mon, const char *command, json_t *args)
{
    Error *err = NULL;
    json_decref(qmp_call(command, &err, "o", args)); /* takes the reference */
    monitor_report(mon, err);
}

static void info_block_jobs(Monitor *mon, int argc, char **argv)
{
    json_t *list = qmp_call("query-block-jobs", NULL, ""), *o;
    size_t i;
    if (!json_array_size(list))
        monitor_printf(mon, "No active jobs\n");
    json_array_foreach(list, i, o) {
        if (!strcmp(qmp_str(o, "type"), "stream"))
            monitor_printf(mon, "Streaming device %s: ", qmp_str(o, "device"));
        else
            monitor_printf(mon, "Type %s, device %s: ", qmp_str(o, "type"), qmp_str(o, "device"));
        monitor_printf(mon, "Completed %lld of %lld bytes, speed limit %lld bytes/s\n", (long long)qmp_int(o, "offset", 0),
                       (long long)qmp_int(o, "len", 0), (long long)qmp_int(o, "speed", 0));
    }
    json_decref(list);
}

static bool parse_speed(Monitor *mon, const char *text, json_int_t *out)
{
    Error *err = NULL;
    uint64_t v;
    if (parse_size("speed", text, 1, &v, &err) && v <= INT64_MAX) {
        *out = (json_int_t)v;
        return true;
    }
    monitor_report(mon, err);
    return false;
}

static void cmd_stream(Monitor *mon, int argc, char **argv)
{
    json_int_t speed = 0;
    if (argc > 1 && !parse_speed(mon, argv[1], &speed))
        return;
    json_t *args = json_pack("{s:s,s:I}", "device", argv[0], "speed", speed);
    if (argc > 2)
        json_object_set_new(args, "base", json_string(argv[2]));
    run(mon, "block-stream", args);
}

static void cmd_set_speed(Monitor *mon, int argc, char **argv)
{
    json_int_t speed;
    if (parse_speed(mon, argv[1], &speed))
        run(mon, "block-job-set-speed", json_pack("{s:s,s:I}", "device", argv[0], "speed", speed));
}

static void cmd_cancel(Monitor *mon, int argc, char **argv)
{
    bool force = take_flag(&argc, &argv, "-f");
    run(mon, "block-job-cancel", json_pack("{s:s,s:b}", "device", argv[0], "force", force));
}

static void cmd_pause(Monitor *mon, int argc, char **argv)
{
    run(mon, "block-job-pause", json_pack("{s:s}", "device", argv[0]));
}

static void cmd_resume(Monitor *mon, int argc, char **argv)
{
    run(mon, "block-job-resume", json_pack("{s:s}", "device", argv[0]));
}

static void cmd_complete(Monitor *mon, int argc, char **argv)
{
    run(mon, "block-job-complete", json_pack("{s:s}", "device", argv[0]));
}

/* -n: the target is there; -f: all of the disk, not its top; -c: compressed. */
static void copy(Monitor *mon, const char *command, int argc, char **argv)
{
    bool reuse = false, full = false, compress = false;
    for (bool more = true; more;)
        more = take_flag(&argc, &argv, "-n")   ? (reuse = true)
               : take_flag(&argc, &argv, "-f") ? (full = true)
               : take_flag(&argc, &argv, "-c") ? (compress = true) : false;
    json_t *args = json_pack("{s:s,s:s,s:s,s:s}", "device", argv[0], "target", argv[1], "sync", full ? "full" : "top", "mode",
                             reuse ? "existing" : "absolute-paths");
    if (argc > 2)
        json_object_set_new(args, "format", json_string(argv[2]));
    if (compress)
        json_object_set_new(args, "compress", json_true());
    run(mon, command, args);
}

static void cmd_mirror(Monitor *mon, int argc, char **argv)
{
    copy(mon, "drive-mirror", argc, argv);
}

static void cmd_backup(Monitor *mon, int argc, char **argv)
{
    copy(mon, "drive-backup", argc, argv);
}

static const MonitorCommand commands[] = {
    { "info block-jobs", "", "show progress of ongoing block device operations", info_block_jobs },
    { "block_stream", "device [speed [base]]", "copy data from a backing file into a block device", cmd_stream },
    { "block_job_set_speed", "device speed", "set maximum speed for a background block operation", cmd_set_speed },
    { "block_job_cancel", "[-f] device", "stop an active background block operation (use -f to abort it at once, instead of when data is in sync)",
      cmd_cancel },
    { "block_job_complete", "device", "stop an active background block operation", cmd_complete },
    { "block_job_pause", "device", "pause an active background block operation", cmd_pause },
    { "block_job_resume", "device", "resume a paused background block operation", cmd_resume },
    { "drive_mirror", "[-n] [-f] device target [format]",
      "copy a device to a new image file, with what is written meanwhile (-n: the file is there; -f: the whole disk, so that it needs no backing file)",
      cmd_mirror },
    { "drive_backup", "[-n] [-f] [-c] device target [format]",
      "copy a device as it is now to a new image file (-n: the file is there; -f: the whole disk; -c: compressed)", cmd_backup },
};
monitor_commands(commands)
