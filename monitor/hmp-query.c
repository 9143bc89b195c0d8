/* SPDX-License-Identifier: MIT */
/* info commands that show what a QMP query answers, and commands on files the machine boots from. */
#include "hw/boards.h"
#include "internal.h"
#include "qmp.h"
#include "util/error.h"

#include <string.h>

static json_t *query(Monitor *mon, const char *command)
{
    Error *err = NULL;
    json_t *v = qmp_call(command, &err, "");
    monitor_report(mon, err);
    return v;
}

static void info_version(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "%s\n", CONFIG_VERSION);
}

static void info_dump(Monitor *mon, int argc, char **argv)
{
    json_t *v = query(mon, "query-dump");
    if (v)
        monitor_printf(mon, "Status: %s\n", json_string_value(json_object_get(v, "status")));
    json_decref(v);
}

static void info_name(Monitor *mon, int argc, char **argv)
{
    if (current_machine->name)
        monitor_printf(mon, "%s\n", current_machine->name);
}

static void info_uuid(Monitor *mon, int argc, char **argv)
{
    json_t *v = query(mon, "query-uuid");
    monitor_printf(mon, "%s\n", qmp_str(v, "UUID"));
    json_decref(v);
}

static void info_kvm(Monitor *mon, int argc, char **argv)
{
    json_t *v = query(mon, "query-kvm");
    monitor_printf(mon, "kvm support: %s\n", qmp_bool(v, "present", false) ? "disabled" : "not compiled");
    json_decref(v);
}

static void info_memory_size(Monitor *mon, int argc, char **argv)
{
    json_t *v = query(mon, "query-memory-size-summary");
    monitor_printf(mon, "base memory: %lld\nplugged memory: %lld\n", (long long)qmp_int(v, "base-memory", 0),
                   (long long)qmp_int(v, "plugged-memory", 0));
    json_decref(v);
}

static void info_hotpluggable_cpus(Monitor *mon, int argc, char **argv)
{
    json_t *list = query(mon, "query-hotpluggable-cpus"), *o, *value;
    const char *key;
    size_t i;
    monitor_printf(mon, "Hotpluggable CPUs:\n");
    json_array_foreach(list, i, o) {
        monitor_printf(mon, "  type: \"%s\"\n  vcpus_count: \"%lld\"\n", qmp_str(o, "type"),
                       (long long)qmp_int(o, "vcpus-count", 1));
        if (qmp_str(o, "qom-path"))
            monitor_printf(mon, "  qom_path: \"%s\"\n", qmp_str(o, "qom-path"));
        monitor_printf(mon, "  CPUInstance Properties:\n");
        json_object_foreach(json_object_get(o, "props"), key, value)
            monitor_printf(mon, "    %s: \"%lld\"\n", key, (long long)json_integer_value(value));
    }
    json_decref(list);
}

/* Firmware reads the order when it starts. */
static void cmd_boot_set(Monitor *mon, int argc, char **argv)
{
    static char *order;
    for (const char *p = argv[0]; *p; p++) {
        if (*p < 'a' || *p > 'p') {
            monitor_printf(mon, "Invalid boot device '%c'\n", *p);
            return;
        }
        if (strchr(p + 1, *p)) {
            monitor_printf(mon, "Boot device '%c' was given twice\n", *p);
            return;
        }
    }
    if (!current_machine->type->set_boot_order) {
        monitor_printf(mon, "Error: no function defined to set boot device list for this architecture\n");
        return;
    }
    g_free(order);
    order = g_strdup(argv[0]);
    current_machine->boot_order = order;
    current_machine->type->set_boot_order(current_machine, order);
    monitor_printf(mon, "boot device list now set to %s\n", argv[0]);
}

static const MonitorCommand commands[] = {
    { "boot_set", "bootdevice", "define new values for the boot device list", cmd_boot_set },
    { "info version", "", "show the version", info_version },
    { "info dump", "", "Display the latest dump status", info_dump },
    { "info name", "", "show the current VM name", info_name },
    { "info uuid", "", "show the current VM UUID", info_uuid },
    { "info kvm", "", "show KVM information", info_kvm },
    { "info memory_size_summary", "",
      "show the amount of initially allocated and present hotpluggable (if enabled) memory in bytes", info_memory_size },
    { "info hotpluggable-cpus", "", "show information about hotpluggable CPUs", info_hotpluggable_cpus },
};
monitor_commands(commands)
