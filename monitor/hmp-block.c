/* SPDX-License-Identifier: MIT */
/* The human monitor's commands for disks: what QMP's do, in its words. */
#include "block-cmds.h"
#include "block/snapshot.h"
#include "hw/boards.h"
#include "internal.h"
#include "util/error.h"
#include "util/options.h"

#include <inttypes.h>
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

/* ---- info ---- */

static void print_limits(Monitor *mon, json_t *inserted)
{
    static const char *const keys[] = { "bps", "bps_rd", "bps_wr", "bps_max", "bps_rd_max", "bps_wr_max", "iops", "iops_rd", "iops_wr", "iops_max",
                                        "iops_rd_max", "iops_wr_max", "iops_size" };
    if (!qmp_str(inserted, "group"))
        return;
    monitor_printf(mon, "    I/O throttling:  ");
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
        monitor_printf(mon, " %s=%lld", keys[i], (long long)qmp_int(inserted, keys[i], 0));
    monitor_printf(mon, " group=%s\n", qmp_str(inserted, "group"));
}

static void print_images(Monitor *mon, const char *node_name)
{
    FILE *f = monitor_stream(mon);
    fprintf(f, "\nImages:\n");
    for (BlockNode *n = block_find_node(node_name); n; n = n->backing)
        block_print_image_info(f, n);
    fclose(f);
}

static void print_inserted(Monitor *mon, json_t *inserted, bool verbose)
{
    json_t *cache = json_object_get(inserted, "cache");
    monitor_printf(mon, "    Cache mode:       %s%s%s\n", qmp_bool(cache, "writeback", true) ? "writeback" : "writethrough",
                   qmp_bool(cache, "direct", false) ? ", direct" : "", qmp_bool(cache, "no-flush", false) ? ", ignore flushes" : "");
    if (qmp_str(inserted, "backing_file"))
        monitor_printf(mon, "    Backing file:     %s (chain depth: %lld)\n", qmp_str(inserted, "backing_file"),
                       (long long)qmp_int(inserted, "backing_file_depth", 0));
    if (strcmp(qmp_str(inserted, "detect_zeroes"), "off"))
        monitor_printf(mon, "    Detect zeroes:    %s\n", qmp_str(inserted, "detect_zeroes"));
    print_limits(mon, inserted);
    if (verbose)
        print_images(mon, qmp_str(inserted, "node-name"));
}

static void print_file(Monitor *mon, json_t *inserted)
{
    monitor_printf(mon, ": %s (%s%s)\n", qmp_str(inserted, "file"), qmp_str(inserted, "drv"), qmp_bool(inserted, "ro", false) ? ", read-only" : "");
}

static void print_drive(Monitor *mon, json_t *d, bool verbose)
{
    json_t *inserted = json_object_get(d, "inserted");
    const char *name = qmp_str(d, "device"), *status = qmp_str(d, "io-status");
    monitor_printf(mon, "%s", *name ? name : qmp_str(d, "qdev"));
    if (inserted) {
        monitor_printf(mon, " (%s)", qmp_str(inserted, "node-name"));
        print_file(mon, inserted);
    } else {
        monitor_printf(mon, ": [not inserted]\n");
    }
    if (qmp_str(d, "qdev"))
        monitor_printf(mon, "    Attached to:      %s\n", qmp_str(d, "qdev"));
    if (status && strcmp(status, "ok"))
        monitor_printf(mon, "    I/O status:       %s\n", status);
    if (qmp_bool(d, "removable", false))
        monitor_printf(mon, "    Removable device: %slocked, tray %s\n", qmp_bool(d, "locked", false) ? "" : "not ",
                       qmp_bool(d, "tray_open", false) ? "open" : "closed");
    if (inserted)
        print_inserted(mon, inserted, verbose);
}

static void print_node(Monitor *mon, json_t *n, bool verbose)
{
    monitor_printf(mon, "%s", qmp_str(n, "node-name"));
    print_file(mon, n);
    print_inserted(mon, n, verbose);
}

static void info_block(Monitor *mon, int argc, char **argv)
{
    bool nodes = false, verbose = false, found = false;
    for (bool more = true; more;) {
        more = take_flag(&argc, &argv, "-n") ? (nodes = true) : take_flag(&argc, &argv, "-v") ? (verbose = true) : false;
    }
    json_t *list = qmp_call(nodes ? "query-named-block-nodes" : "query-block", NULL, ""), *o;
    size_t i;
    json_array_foreach(list, i, o) {
        const char *name = qmp_str(o, nodes ? "node-name" : "device"), *qdev = qmp_str(o, "qdev");
        if (argc && strcmp(argv[0], name) && (!qdev || strcmp(argv[0], qdev)))
            continue;
        if (i)
            monitor_printf(mon, "\n");
        found = true;
        if (nodes)
            print_node(mon, o, verbose);
        else
            print_drive(mon, o, verbose);
    }
    json_decref(list);
    BlockNode *n = argc && !found && !nodes ? block_find_node(argv[0]) : NULL;
    if (n) {
        json_t *j = block_node_json(n, NULL, false);
        print_node(mon, j, verbose);
        json_decref(j);
    }
}

static void info_blockstats(Monitor *mon, int argc, char **argv)
{
    static const char *const keys[] = { "rd_bytes", "wr_bytes", "rd_operations", "wr_operations", "flush_operations", "wr_total_time_ns",
                                        "rd_total_time_ns", "flush_total_time_ns", "rd_merged", "wr_merged", "idle_time_ns" };
    json_t *list = qmp_call("query-blockstats", NULL, ""), *o;
    size_t i;
    json_array_foreach(list, i, o) {
        if (!*qmp_str(o, "device"))
            continue;
        monitor_printf(mon, "%s:", qmp_str(o, "device"));
        for (unsigned k = 0; k < ARRAY_SIZE(keys); k++)
            monitor_printf(mon, " %s=%lld", keys[k], (long long)qmp_int(json_object_get(o, "stats"), keys[k], 0));
        monitor_printf(mon, "\n");
    }
    json_decref(list);
}

/* ---- Media ---- */

static void cmd_eject(Monitor *mon, int argc, char **argv)
{
    bool force = take_flag(&argc, &argv, "-f");
    run(mon, "eject", json_pack("{s:s,s:b}", "device", argv[0], "force", force));
}

static void cmd_change(Monitor *mon, int argc, char **argv)
{
    bool force = take_flag(&argc, &argv, "-f");
    json_t *args = json_pack("{s:s,s:s,s:b}", "device", argv[0], "filename", argv[1], "force", force);
    if (argc > 2)
        json_object_set_new(args, "format", json_string(argv[2]));
    if (argc > 3)
        json_object_set_new(args, "read-only-mode", json_string(argv[3]));
    run(mon, "blockdev-change-medium", args);
}

/* ---- Drives, sizes, snapshots ---- */

static void cmd_drive_add(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    bool nodes = take_flag(&argc, &argv, "-n");
    OptGroup *o = opts_parse("drive_add", argv[argc - 1], NULL, &err);
    if (o && nodes) {
        blockdev_add(o, &err);
    } else if (o) {
        Drive *d = drive_add(o, (DriveInterface)current_machine->type->default_drive, 2, &err);
        if (d && d->interface != DRIVE_NONE) {
            monitor_printf(mon, "Can't hot-add drive to type %d\n", d->interface);
            drive_del(blk_name(d->blk), NULL);
        } else if (d) {
            monitor_printf(mon, "OK\n");
        }
    }
    opts_free(o);
    monitor_report(mon, err);
}

static void cmd_drive_del(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (drive_del(argv[0], &err))
        return;
    monitor_printf(mon, "%s\n", error_get_pretty(err));
    error_free(err);
}

static void cmd_block_resize(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    uint64_t size;
    if (parse_size("size", argv[1], MiB, &size, &err))
        run(mon, "block_resize", json_pack("{s:s,s:I}", "device", argv[0], "size", (json_int_t)size));
    monitor_report(mon, err);
}

static void cmd_snapshot_blkdev(Monitor *mon, int argc, char **argv)
{
    bool reuse = take_flag(&argc, &argv, "-n");
    if (argc < 2) {
        monitor_printf(mon, "Error: Parameter 'snapshot-file' is missing\n");
        return;
    }
    json_t *args = json_pack("{s:s,s:s,s:s}", "device", argv[0], "snapshot-file", argv[1], "mode", reuse ? "existing" : "absolute-paths");
    if (argc > 2)
        json_object_set_new(args, "format", json_string(argv[2]));
    run(mon, "blockdev-snapshot-sync", args);
}

static void cmd_snapshot_internal(Monitor *mon, int argc, char **argv)
{
    run(mon, "blockdev-snapshot-internal-sync", json_pack("{s:s,s:s}", "device", argv[0], "name", argv[1]));
}

static void cmd_snapshot_delete_internal(Monitor *mon, int argc, char **argv)
{
    json_t *args = json_pack("{s:s,s:s}", "device", argv[0], "name", argv[1]);
    if (argc > 2)
        json_object_set_new(args, "id", json_string(argv[2]));
    run(mon, "blockdev-snapshot-delete-internal-sync", args);
}

static void commit_one(Monitor *mon, const char *name, BlockNode *n)
{
    Error *err = NULL;
    if (!block_commit(n, &err)) {
        monitor_printf(mon, "'commit' error for '%s': %s\n", name, error_get_pretty(err));
        error_free(err);
    }
}

static void cmd_commit(Monitor *mon, int argc, char **argv)
{
    if (!strcmp(argv[0], "all")) {
        for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b))
            if (blk_root(b) && blk_root(b)->backing)
                commit_one(mon, blk_name(b), blk_root(b));
        return;
    }
    BlockBackend *b = blk_find(argv[0]);
    BlockNode *n = b ? blk_root(b) : block_find_node(argv[0]);
    if (n)
        commit_one(mon, argv[0], n);
    else
        monitor_printf(mon, b ? "Device '%s' has no medium\n" : "Device '%s' not found\n", argv[0]);
}

static void cmd_block_set_io_throttle(Monitor *mon, int argc, char **argv)
{
    static const char *const keys[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };
    json_t *args = json_pack("{s:s}", "device", argv[0]);
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
        Error *err = NULL;
        uint64_t v;
        if (!parse_u64(keys[i], argv[i + 1], &v, &err)) {
            monitor_report(mon, err);
            json_decref(args);
            return;
        }
        json_object_set_new(args, keys[i], json_integer((json_int_t)v));
    }
    run(mon, "block_set_io_throttle", args);
}

static const MonitorCommand commands[] = {
    { "info block", "[-n] [-v] [device]", "show info of one block device or all block devices (-n: show named nodes; -v: show details)",
      info_block },
    { "info blockstats", "", "show block device statistics", info_blockstats },
    { "eject", "[-f] device", "eject a removable medium (use -f to force it)", cmd_eject },
    { "change", "[-f] device filename [format [read-only-mode]]", "change a removable medium, optional format, use -f to force the operation",
      cmd_change },
    { "drive_add", "[-n] slot opts", "add a drive: opts are those of -drive with if=none (slot: of a controller, not used), or with -n of -blockdev", cmd_drive_add },
    { "drive_del", "device", "remove host block device", cmd_drive_del },
    { "block_resize", "device size", "resize a block image", cmd_block_resize },
    { "block_set_io_throttle", "device bps bps_rd bps_wr iops iops_rd iops_wr", "change I/O throttle limits for a block drive",
      cmd_block_set_io_throttle },
    { "snapshot_blkdev", "[-n] device [new-image-file] [format]",
      "initiates a live snapshot of device: a new image file (default format qcow2) will become the new root image (-n: it exists)",
      cmd_snapshot_blkdev },
    { "snapshot_blkdev_internal", "device name", "take an internal snapshot of device", cmd_snapshot_internal },
    { "snapshot_delete_blkdev_internal", "device name [id]", "delete an internal snapshot of device", cmd_snapshot_delete_internal },
    { "commit", "device|all", "commit changes to the disk images (if -snapshot is used) or backing files", cmd_commit },
};
monitor_commands(commands)
