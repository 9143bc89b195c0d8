/* SPDX-License-Identifier: MIT */
/*
 * What clients ask about parts this machine does not have: lists are empty, switches off. A subsystem that comes
 * to be takes its row out of here and registers its own.
 */
#include "hw/boards.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "util/error.h"

#include <string.h>

static json_t *empty_list(json_t *args, Error **errp)
{
    return json_array();
}

static json_t *empty_object(json_t *args, Error **errp)
{
    return NULL;
}

static json_t *query_vnc(json_t *args, Error **errp)
{
    return json_pack("{s:b}", "enabled", 0);
}

static json_t *query_display(json_t *args, Error **errp)
{
    return json_pack("{s:s}", "type", "none");
}

static const QMPCommand commands[] = {
    { "query-rx-filter", "name:str?", "[RxFilterInfo]", empty_list, 0 },
    { "query-tpm", "", "[TPMInfo]", empty_list, 0 },
    { "query-tpm-models", "", "[str]", empty_list, 0 },
    { "query-tpm-types", "", "[str]", empty_list, 0 },
    { "query-iothreads", "", "[IOThreadInfo]", empty_list, 0 },
    { "query-memory-devices", "", "[MemoryDeviceInfo]", empty_list, 0 },
    { "query-memdev", "", "[Memdev]", empty_list, 0 },
    { "query-fdsets", "", "[FdsetInfo]", empty_list, 0 },
    { "query-migrate", "", "MigrationInfo", empty_object, 0 },
    { "query-vnc", "", "VncInfo", query_vnc, 0 },
    { "query-display-options", "", "DisplayOptions", query_display, 0 },
    { "rtc-reset-reinjection", "", "", empty_object, 0 },
};
qmp_commands(commands)

/* The same for the human monitor: by the name that was typed. */
static void show_nothing(Monitor *mon, int argc, char **argv)
{
}

static void info_numa(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "0 nodes\n");
}

static void info_vnc(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "None\n");
}

static const MonitorCommand monitor_table[] = {
    { "info network", "", "show the network state", show_nothing },
    { "info iothreads", "", "show iothreads", show_nothing },
    { "info memdev", "", "show memory backends", show_nothing },
    { "info memory-devices", "", "show memory devices", show_nothing },
    { "info tpm", "", "show the TPM device", show_nothing },
    { "info numa", "", "show NUMA information", info_numa },
    { "info vnc", "", "show the vnc server status", info_vnc },
};
monitor_commands(monitor_table)
