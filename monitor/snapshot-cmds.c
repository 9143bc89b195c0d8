/* SPDX-License-Identifier: MIT */
/* Snapshots of the whole machine: the human monitor's savevm, loadvm, delvm and info snapshots. */
#include "hw/boards.h"
#include "internal.h"
#include "savevm-file.h"
#include "util/error.h"

#include <string.h>
#include <time.h>

static void cmd_savevm(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    char name[64];
    time_t now = time(NULL);
    strftime(name, sizeof(name), "vm-%Y%m%d%H%M%S", localtime(&now));
    vm_savevm(argc ? argv[0] : name, true, NULL, NULL, &err);
    monitor_report(mon, err);
}

static void cmd_loadvm(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    vm_loadvm(argv[0], NULL, NULL, &err);
    monitor_report(mon, err);
}

static void cmd_delvm(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    vm_delvm(argv[0], NULL, &err);
    monitor_report(mon, err);
}

static bool on_all(const GPtrArray *disks, const char *name)
{
    for (guint i = 0; i < disks->len; i++) {
        BlockSnapshot s;
        if (!vmstate_find(g_ptr_array_index(disks, i), name, &s))
            return false;
        g_free(s.id);
        g_free(s.name);
    }
    return true;
}

/* Those of one disk that are on all of them, or those that are not. */
static int pick(const GPtrArray *disks, BlockNode *n, bool all, BlockSnapshot **out)
{
    BlockSnapshot *list;
    int count = n->drv->snapshot_list(n, &list), kept = 0;
    for (int i = 0; i < count; i++) {
        if (on_all(disks, list[i].name) == all) {
            BlockSnapshot s = list[kept];
            list[kept++] = list[i];
            list[i] = s;
        }
    }
    for (int i = kept; i < count; i++) {
        g_free(list[i].id);
        g_free(list[i].name);
    }
    *out = list;
    return kept;
}

static void info_snapshots(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    GPtrArray *disks = vmstate_disks(NULL, &err);
    BlockSnapshot *list;
    if (!disks) {
        monitor_report(mon, err);
        return;
    }
    FILE *out = monitor_stream(mon);
    int count = pick(disks, g_ptr_array_index(disks, 0), true, &list);
    for (int i = 0; i < count; i++) { /* each disk may have its own number for it */
        g_free(list[i].id);
        list[i].id = g_strdup("--");
    }
    if (count) {
        fprintf(out, "List of snapshots present on all disks:\n");
        block_print_snapshots(out, list, count);
    } else {
        fprintf(out, "There is no snapshot available.\n");
    }
    block_snapshots_free(list, count);
    for (guint i = 0; i < disks->len; i++) {
        BlockNode *n = g_ptr_array_index(disks, i);
        count = pick(disks, n, false, &list);
        if (count) {
            fprintf(out, "\nList of partial (non-loadable) snapshots on '%s':\n", n->node_name);
            block_print_snapshots(out, list, count);
        }
        block_snapshots_free(list, count);
    }
    fclose(out);
    g_ptr_array_free(disks, TRUE);
}

static const MonitorCommand commands[] = {
    { "savevm", "[tag]", "save a VM snapshot. If no tag is provided, a new snapshot is created", cmd_savevm },
    { "loadvm", "tag", "restore a VM snapshot from its tag", cmd_loadvm },
    { "delvm", "tag", "delete a VM snapshot from its tag", cmd_delvm },
    { "info snapshots", "", "show the currently saved VM snapshots", info_snapshots },
};
monitor_commands(commands)
