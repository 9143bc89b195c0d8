/* SPDX-License-Identifier: MIT */
/* QMP commands about the machine as a whole: run state, identity, vCPUs and their models, machine types. */
#include "exec/memory.h"
#include "exec/tb.h"
#include "hw/boards.h"
#include "monitor.h"
#include "qmp.h"
#include "qom.h"
#include "schema.h"
#include "util/error.h"
#include "vl.h"

#include <string.h>
#include <unistd.h>

/* The QEMU release whose protocol this follows. */
enum { COMPAT_MAJOR = 7, COMPAT_MINOR = 2, COMPAT_MICRO = 0 };

/* ---- Run state ---- */

static json_t *qmp_stop(json_t *args, Error **errp)
{
    vm_stop();
    return NULL;
}

static json_t *qmp_cont(json_t *args, Error **errp)
{
    RunState s = vm_state();
    if (s == RUN_STATE_SHUTDOWN || s == RUN_STATE_GUEST_PANICKED)
        error_setg(errp, "Resetting the Virtual Machine is required");
    else
        vm_start();
    return NULL;
}

static json_t *qmp_quit(json_t *args, Error **errp)
{
    system_quit_request();
    return NULL;
}

static json_t *qmp_system_reset(json_t *args, Error **errp)
{
    system_reset_request(SHUTDOWN_QMP_RESET);
    return NULL;
}

static json_t *qmp_system_powerdown(json_t *args, Error **errp)
{
    system_powerdown_request();
    return NULL;
}

static json_t *qmp_system_wakeup(json_t *args, Error **errp)
{
    error_setg(errp, "Unable to wake up: guest is not in suspended state");
    return NULL;
}

static json_t *qmp_inject_nmi(json_t *args, Error **errp)
{
    if (!current_machine->type->nmi)
        error_setg(errp, "machine does not provide NMIs");
    else
        current_machine->type->nmi(current_machine);
    return NULL;
}

static json_t *qmp_exit_preconfig(json_t *args, Error **errp)
{
    error_setg(errp, "The command is permitted only before machine initialization");
    return NULL;
}

static json_t *query_status(json_t *args, Error **errp)
{
    return json_pack("{s:s,s:b,s:b}", "status", run_state_name(vm_state()), "singlestep", tcg_options()->one_insn_per_tb,
                     "running", vm_running());
}

/* Position of a word in an enum of the schema: the C enum has the same order. */
static int enum_value(const char *type, const char *word)
{
    char **words = g_strsplit(schema_enum_words(type), " ", -1);
    int i = 0;
    while (words[i] && strcmp(words[i], word))
        i++;
    g_strfreev(words);
    return i;
}

static json_t *qmp_set_action(json_t *args, Error **errp)
{
    const char *reboot = qmp_str(args, "reboot"), *shutdown = qmp_str(args, "shutdown"), *panic = qmp_str(args, "panic"),
               *watchdog = qmp_str(args, "watchdog");
    if (reboot)
        runstate_no_reboot = !strcmp(reboot, "shutdown");
    if (shutdown)
        runstate_no_shutdown = !strcmp(shutdown, "pause");
    if (panic)
        runstate_panic_action = (PanicAction)enum_value("PanicAction", panic);
    if (watchdog)
        runstate_watchdog_action = (WatchdogAction)enum_value("WatchdogAction", watchdog);
    return NULL;
}

static json_t *qmp_watchdog_action(json_t *args, Error **errp)
{
    runstate_watchdog_action = (WatchdogAction)enum_value("WatchdogAction", qmp_str(args, "action"));
    return NULL;
}

/* ---- Identity ---- */

static json_t *query_version(json_t *args, Error **errp)
{
    return json_pack("{s:{s:i,s:i,s:i},s:s}", "qemu", "micro", COMPAT_MICRO, "minor", COMPAT_MINOR, "major", COMPAT_MAJOR,
                     "package", "Rhea " CONFIG_VERSION);
}

static json_t *query_name(json_t *args, Error **errp)
{
    return current_machine->name ? json_pack("{s:s}", "name", current_machine->name) : NULL;
}

static json_t *query_uuid(json_t *args, Error **errp)
{
    const uint8_t *u = current_machine->uuid;
    char text[37], *p = text;
    for (unsigned i = 0; i < 16; i++)
        p += g_snprintf(p, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
    return json_pack("{s:s}", "UUID", text);
}

static json_t *query_kvm(json_t *args, Error **errp)
{
    return json_pack("{s:b,s:b}", "enabled", 0, "present", access("/dev/kvm", F_OK) == 0);
}

static json_t *query_target(json_t *args, Error **errp)
{
    return json_pack("{s:s}", "arch", current_target->name);
}

static json_t *query_current_machine(json_t *args, Error **errp)
{
    return json_pack("{s:b}", "wakeup-suspend-support", 0);
}

/* ---- vCPUs ---- */

static char *cpu_type_name(const char *model)
{
    return g_strdup_printf("%.*s-%s-cpu", (int)strcspn(model, ","), model, current_target->name);
}

static const char *cpu_model(void)
{
    const MachineState *m = current_machine;
    return m->cpu_model ? m->cpu_model : m->type->default_cpu ? m->type->default_cpu : current_target->default_model();
}

/* Where vCPU number n sits. */
static json_t *topology(unsigned n)
{
    const MachineState *m = current_machine;
    unsigned threads = MAX(m->threads, 1), cores = MAX(m->cores, 1), dies = MAX(m->dies, 1);
    json_t *o = json_pack("{s:i,s:i,s:i}", "core-id", (int)(n / threads % cores), "thread-id", (int)(n % threads),
                          "socket-id", (int)(n / threads / cores / dies));
    if (dies > 1)
        json_object_set_new(o, "die-id", json_integer((int)(n / threads / cores % dies)));
    return o;
}

static json_t *query_cpus_fast(json_t *args, Error **errp)
{
    json_t *list = json_array();
    CPU_FOREACH(cpu) {
        char path[48];
        g_snprintf(path, sizeof(path), "/machine/unattached/device[%d]", cpu->index);
        json_array_append_new(list, json_pack("{s:i,s:o,s:s,s:i,s:s}", "thread-id", cpu->thread_id, "props",
                                              topology((unsigned)cpu->index), "qom-path", path, "cpu-index", cpu->index,
                                              "target", current_target->name));
    }
    return list;
}

static json_t *query_hotpluggable_cpus(json_t *args, Error **errp)
{
    json_t *list = json_array();
    char *type = cpu_type_name(cpu_model());
    for (int n = (int)current_machine->max_cpus - 1; n >= 0; n--) {
        json_t *o = json_pack("{s:o,s:i,s:s}", "props", topology((unsigned)n), "vcpus-count", 1, "type", type);
        if (n < (int)current_machine->cpus) {
            char path[48];
            g_snprintf(path, sizeof(path), "/machine/unattached/device[%d]", n);
            json_object_set_new(o, "qom-path", json_string(path));
        }
        json_array_append_new(list, o);
    }
    g_free(type);
    return list;
}

static void add_definition(void *opaque, const char *name, const char *missing)
{
    char *type = cpu_type_name(name), **words = g_strsplit(missing, " ", -1);
    json_t *features = json_array();
    for (char **w = words; *w; w++)
        if (**w)
            json_array_append_new(features, json_string(*w));
    json_array_append_new(opaque, json_pack("{s:s,s:s,s:b,s:b,s:o,s:b}", "name", name, "typename", type, "static", 0,
                                            "migration-safe", strcmp(name, "max") != 0, "unavailable-features", features,
                                            "deprecated", 0));
    g_strfreev(words);
    g_free(type);
}

static json_t *query_cpu_definitions(json_t *args, Error **errp)
{
    json_t *list = json_array();
    if (current_target->cpu_models)
        current_target->cpu_models(add_definition, list);
    return list;
}

/* "on", "off" and digits become what they mean. */
static json_t *typed_value(const char *text)
{
    if (!strcmp(text, "on") || !strcmp(text, "off"))
        return json_boolean(text[1] == 'n');
    bool number = *text && strspn(text, "0123456789") == strlen(text);
    return number ? json_integer(g_ascii_strtoll(text, NULL, 10)) : json_string(text);
}

static void add_expansion(void *opaque, const char *name, const char *value)
{
    json_object_set_new(opaque, name, typed_value(value));
}

/* The model with its given properties as -cpu takes them. */
static char *model_text(json_t *model, Error **errp)
{
    GString *s = g_string_new(qmp_str(model, "name"));
    json_t *props = json_object_get(model, "props"), *v;
    const char *key;
    if (props && !json_is_object(props)) {
        error_setg(errp, "Invalid parameter type for 'model.props', expected: object");
        g_string_free(s, TRUE);
        return NULL;
    }
    json_object_foreach(props, key, v) {
        if (json_is_boolean(v))
            g_string_append_printf(s, ",%s=%s", key, json_is_true(v) ? "on" : "off");
        else if (json_is_integer(v))
            g_string_append_printf(s, ",%s=%lld", key, (long long)json_integer_value(v));
        else if (json_is_string(v))
            g_string_append_printf(s, ",%s=%s", key, json_string_value(v));
    }
    return g_string_free(s, FALSE);
}

typedef struct ModelSearch {
    const char *name;
    bool found;
} ModelSearch;

static void compare_model(void *opaque, const char *name, const char *unavailable)
{
    ModelSearch *s = opaque;
    s->found |= !strcmp(name, s->name);
}

static bool has_model(const char *name)
{
    ModelSearch s = { .name = name };
    if (current_target->cpu_models)
        current_target->cpu_models(compare_model, &s);
    return s.found;
}

/* Static expansion says a model by its difference from "base", which only x86 has; the other targets word their own errors. */
static json_t *query_cpu_model_expansion(json_t *args, Error **errp)
{
    json_t *model = json_object_get(args, "model"), *props = json_object(), *result = NULL;
    const char *name = qmp_str(model, "name");
    bool is_static = !strcmp(qmp_str(args, "type"), "static"), base = has_model("base");
    char *text = model_text(model, errp);
    if (text && !current_target->cpu_expand)
        error_setg(errp, "CPU model '%s' not found", name);
    else if (text && is_static && !base)
        error_setg(errp, "The requested expansion type is not supported");
    else if (text && base && !has_model(name))
        error_setg(errp, "CPU model '%s' not found", name);
    else if (text && current_target->cpu_expand(text, add_expansion, props, errp))
        result = json_pack("{s:{s:s}}", "model", "name", is_static ? "base" : name);
    if (result && json_object_size(props))
        json_object_set(json_object_get(result, "model"), "props", props);
    json_decref(props);
    g_free(text);
    return result;
}

/* ---- Machine types, memory ---- */

static void add_machine(const MachineType *t, void *opaque)
{
    json_t *o = json_pack("{s:s,s:i,s:b,s:b,s:b}", "name", t->name, "cpu-max", t->max_cpus, "hotpluggable-cpus", 1,
                          "numa-mem-supported", 0, "deprecated", 0);
    if (t->alias)
        json_object_set_new(o, "alias", json_string(t->alias));
    if (t->is_default)
        json_object_set_new(o, "is-default", json_true());
    char *cpu = cpu_type_name(t->default_cpu ? t->default_cpu : current_target->default_model());
    json_object_set_new(o, "default-cpu-type", json_string(cpu));
    g_free(cpu);
    json_array_append_new(opaque, o);
}

static json_t *query_machines(json_t *args, Error **errp)
{
    json_t *list = json_array();
    machine_type_foreach(current_target->name, add_machine, list);
    return list;
}

static json_t *query_memory_size(json_t *args, Error **errp)
{
    return json_pack("{s:I,s:i}", "base-memory", (json_int_t)current_machine->ram_size, "plugged-memory", 0);
}

static void add_option(void *opaque, const char *name, const char *arg)
{
    json_t *params = json_array();
    for (const char *p = arg; p && (p = strchr(p, '=')); p++) {
        const char *start = p;
        while (start > arg && (g_ascii_isalnum(start[-1]) || strchr("-_", start[-1])))
            start--;
        char *key = g_strndup(start, (gsize)(p - start));
        bool boolean = g_str_has_prefix(p, "=on|off");
        if (*key)
            json_array_append_new(params, json_pack("{s:s,s:s}", "name", key, "type", boolean ? "boolean" : "string"));
        g_free(key);
    }
    json_array_append_new(opaque, json_pack("{s:o,s:s}", "parameters", params, "option", name));
}

static json_t *query_command_line_options(json_t *args, Error **errp)
{
    const char *wanted = qmp_str(args, "option");
    json_t *all = json_array(), *list = json_array(), *o;
    size_t i;
    cmdline_foreach(add_option, all);
    json_array_foreach(all, i, o)
        if (!wanted || !strcmp(qmp_str(o, "option"), wanted))
            json_array_append(list, o);
    json_decref(all);
    if (!wanted || json_array_size(list))
        return list;
    json_decref(list);
    error_setg(errp, "invalid option name: %s", wanted);
    return NULL;
}

/* ---- The human monitor ---- */

static json_t *human_monitor_command(json_t *args, Error **errp)
{
    int64_t index = qmp_int(args, "cpu-index", -1);
    bool found = index < 0;
    CPU_FOREACH(cpu)
        found = found || cpu->index == index;
    if (!found || (index < 0 && json_object_get(args, "cpu-index"))) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    Monitor *mon = monitor_new(NULL, errp);
    if (index >= 0) {
        char select[32];
        g_snprintf(select, sizeof(select), "cpu %d", (int)index);
        monitor_run_line(mon, select);
    }
    monitor_run_line(mon, qmp_str(args, "command-line"));
    char *text = monitor_take_output(mon);
    monitor_free(mon);
    json_t *result = json_string(text);
    if (!result) { /* guest memory shown as characters need not be UTF-8 */
        char *valid = g_utf8_make_valid(text, -1);
        result = json_string(valid);
        g_free(valid);
    }
    g_free(text);
    return result;
}

/* What an info command prints. */
static json_t *human_text(const char *command)
{
    return json_pack("{s:o}", "human-readable-text", qmp_call("human-monitor-command", NULL, "{s:s}", "command-line", command));
}

static json_t *x_query_irq(json_t *args, Error **errp)
{
    return human_text("info irq");
}

static json_t *x_query_jit(json_t *args, Error **errp)
{
    return human_text("info jit");
}

static json_t *x_query_roms(json_t *args, Error **errp)
{
    return human_text("info roms");
}

static json_t *x_query_ramblock(json_t *args, Error **errp)
{
    return human_text("info ramblock");
}

/* ---- Events ---- */

void monitor_rtc_changed(const Device *rtc, int64_t offset)
{
    char *path = qom_path(rtc);
    qmp_event("RTC_CHANGE", "{s:I,s:s}", "offset", (json_int_t)offset, "qom-path", path);
    g_free(path);
}

static void on_state(bool running, RunState state)
{
    qmp_event(running ? "RESUME" : "STOP", "");
}

static void on_event(MachineEvent event, ShutdownCause cause)
{
    static const char *const panic_actions[] = { "pause", "poweroff", "poweroff", "run" };
    static const char *const watchdog_actions[] = { "reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi" };
    bool guest;
    const char *reason = shutdown_cause_name(cause, &guest);
    switch (event) {
    case MACHINE_RESET:
        if (cause != SHUTDOWN_START)
            qmp_event("RESET", "{s:b,s:s}", "guest", guest, "reason", reason);
        break;
    case MACHINE_SHUTDOWN: qmp_event("SHUTDOWN", "{s:b,s:s}", "guest", guest, "reason", reason); break;
    case MACHINE_POWERDOWN: qmp_event("POWERDOWN", ""); break;
    case MACHINE_WATCHDOG: qmp_event("WATCHDOG", "{s:s}", "action", watchdog_actions[runstate_watchdog_action]); break;
    case MACHINE_PANIC: qmp_event("GUEST_PANICKED", "{s:s}", "action", panic_actions[runstate_panic_action]); break;
    }
}

__attribute__((constructor)) static void listen(void)
{
    vm_add_state_listener(on_state);
    vm_add_event_listener(on_event);
}

static const QMPCommand commands[] = {
    { "stop", "", "", qmp_stop, 0 },
    { "cont", "", "", qmp_cont, 0 },
    { "quit", "", "", qmp_quit, 0 },
    { "system_reset", "", "", qmp_system_reset, 0 },
    { "system_powerdown", "", "", qmp_system_powerdown, 0 },
    { "system_wakeup", "", "", qmp_system_wakeup, 0 },
    { "inject-nmi", "", "", qmp_inject_nmi, 0 },
    { "x-exit-preconfig", "", "", qmp_exit_preconfig, 0 },
    { "set-action", "reboot:RebootAction?, shutdown:ShutdownAction?, panic:PanicAction?, watchdog:WatchdogAction?", "",
      qmp_set_action, 0 },
    { "watchdog-set-action", "action:WatchdogAction", "", qmp_watchdog_action, 0 },
    { "query-status", "", "StatusInfo", query_status, 0 },
    { "query-version", "", "VersionInfo", query_version, 0 },
    { "query-name", "", "NameInfo", query_name, 0 },
    { "query-uuid", "", "UuidInfo", query_uuid, 0 },
    { "query-kvm", "", "KvmInfo", query_kvm, 0 },
    { "query-target", "", "TargetInfo", query_target, 0 },
    { "query-current-machine", "", "CurrentMachineParams", query_current_machine, 0 },
    { "query-cpus-fast", "", "[CpuInfoFast]", query_cpus_fast, 0 },
    { "query-hotpluggable-cpus", "", "[HotpluggableCPU]", query_hotpluggable_cpus, 0 },
    { "query-cpu-definitions", "", "[CpuDefinitionInfo]", query_cpu_definitions, 0 },
    { "query-cpu-model-expansion", "type:CpuModelExpansionType, model:CpuModelInfo", "CpuModelExpansionInfo",
      query_cpu_model_expansion, 0 },
    { "query-machines", "", "[MachineInfo]", query_machines, 0 },
    { "query-memory-size-summary", "", "MemorySizeInfo", query_memory_size, 0 },
    { "query-command-line-options", "option:str?", "[CommandLineOptionInfo]", query_command_line_options, 0 },
    { "human-monitor-command", "command-line:str, cpu-index:int?", "str", human_monitor_command, 0 },
    { "x-query-irq", "", "HumanReadableText", x_query_irq, 0 },
    { "x-query-jit", "", "HumanReadableText", x_query_jit, 0 },
    { "x-query-roms", "", "HumanReadableText", x_query_roms, 0 },
    { "x-query-ramblock", "", "HumanReadableText", x_query_ramblock, 0 },
};
qmp_commands(commands)
