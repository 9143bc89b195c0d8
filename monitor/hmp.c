/* SPDX-License-Identifier: MIT */
/* Commands that belong to no device: help, run state, vCPUs, translator, log. */
#include "exec/tb.h"
#include "hw/boards.h"
#include "internal.h"
#include "qmp.h"
#include "util/error.h"
#include "util/log.h"
#include "util/options.h"

#include <string.h>

static CPUState *selected_cpu;

CPUState *monitor_cpu(void)
{
    return selected_cpu ? selected_cpu : first_cpu;
}

void monitor_set_cpu(CPUState *cpu)
{
    selected_cpu = cpu;
}

/* Runs a dump function on the vCPU's own thread, where its state is whole, into the monitor. */
typedef struct DumpRequest {
    FILE *out;
    void (*fn)(CPUState *cpu, FILE *out);
} DumpRequest;

static void run_dump(CPUState *cpu, void *opaque)
{
    DumpRequest *r = opaque;
    r->fn(cpu, r->out);
}

static void dump_cpu(Monitor *mon, CPUState *cpu, void (*fn)(CPUState *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    DumpRequest r = { open_memstream(&text, &len), fn };
    cpu_run_on(cpu, run_dump, &r);
    fclose(r.out);
    monitor_printf(mon, "%s", text);
    free(text);
}

static void dump_registers(CPUState *cpu, FILE *out)
{
    cpu->target->dump_state(cpu, out, true);
}

static void dump_tlb(CPUState *cpu, FILE *out)
{
    cpu->target->dump_tlb(cpu, out);
}

static void dump_mem(CPUState *cpu, FILE *out)
{
    cpu->target->dump_mem(cpu, out);
}

static bool need_cpu(Monitor *mon)
{
    if (!monitor_cpu())
        monitor_printf(mon, "No CPU available\n");
    return monitor_cpu() != NULL;
}

/* ---- help ---- */

static void help_line(Monitor *mon, const MonitorCommand *r)
{
    monitor_printf(mon, "%s %s -- %s\n", r->name, r->args, r->help);
}

static void help_all(Monitor *mon, bool info)
{
    const GPtrArray *rows = monitor_rows();
    for (unsigned i = 0; i < rows->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(rows, i);
        if (g_str_has_prefix(r->name, "info ") == info)
            help_line(mon, r);
    }
}

static void cmd_help(Monitor *mon, int argc, char **argv)
{
    int used;
    if (!argc) {
        help_all(mon, false);
        return;
    }
    if (!strcmp(argv[0], "log")) {
        FILE *f = monitor_stream(mon);
        log_help(f);
        fclose(f);
        return;
    }
    const MonitorCommand *r = monitor_find_row(argv, argc, &used);
    if (argc == 1 && !strcmp(argv[0], "info"))
        help_all(mon, true);
    else if (r)
        help_line(mon, r);
    else
        monitor_printf(mon, "unknown command: '%s%s%s'\n", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
}

static void cmd_info(Monitor *mon, int argc, char **argv)
{
    help_all(mon, true);
}

/* ---- Run state ---- */

static void cmd_quit(Monitor *mon, int argc, char **argv)
{
    system_quit_request();
}

static void cmd_stop(Monitor *mon, int argc, char **argv)
{
    vm_stop();
}

static void cmd_cont(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_decref(qmp_call("cont", &err, ""));
    monitor_report(mon, err);
}

static void cmd_system_reset(Monitor *mon, int argc, char **argv)
{
    system_reset_request(SHUTDOWN_QMP_RESET);
}

static void cmd_system_powerdown(Monitor *mon, int argc, char **argv)
{
    system_powerdown_request();
}

static void cmd_nmi(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_decref(qmp_call("inject-nmi", &err, ""));
    monitor_report(mon, err);
}

static void cmd_watchdog_action(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_decref(qmp_call("watchdog-set-action", &err, "{s:s}", "action", argv[0]));
    monitor_report(mon, err);
}

static void info_status(Monitor *mon, int argc, char **argv)
{
    RunState state = vm_state();
    monitor_printf(mon, "VM status: %s%s", vm_running() ? "running" : "paused",
                   tcg_options()->one_insn_per_tb ? " (single step mode)" : "");
    if (!vm_running() && state != RUN_STATE_PAUSED)
        monitor_printf(mon, " (%s)", run_state_name(state));
    monitor_printf(mon, "\n");
}

/* ---- vCPUs ---- */

static CPUState *cpu_by_index(uint64_t n)
{
    CPU_FOREACH(cpu)
        if ((uint64_t)cpu->index == n)
            return cpu;
    return NULL;
}

static void cmd_cpu(Monitor *mon, int argc, char **argv)
{
    uint64_t n;
    if (!monitor_eval(mon, argv[0], &n))
        return;
    CPUState *cpu = cpu_by_index(n);
    if (cpu)
        monitor_set_cpu(cpu);
    else
        monitor_printf(mon, "invalid CPU index\n");
}

static void info_cpus(Monitor *mon, int argc, char **argv)
{
    CPU_FOREACH(cpu)
        monitor_printf(mon, "%c CPU #%d: thread_id=%d%s\n", cpu == monitor_cpu() ? '*' : ' ', cpu->index, cpu->thread_id,
                       cpu->halted ? " (halted)" : "");
}

static void print_registers(Monitor *mon, CPUState *cpu)
{
    monitor_printf(mon, "\nCPU#%d\n", cpu->index);
    dump_cpu(mon, cpu, dump_registers);
}

static void info_registers(Monitor *mon, int argc, char **argv)
{
    uint64_t n;
    if (argc && !strcmp(argv[0], "-a")) {
        CPU_FOREACH(cpu)
            print_registers(mon, cpu);
    } else if (argc) {
        if (!monitor_eval(mon, argv[0], &n))
            return;
        if (cpu_by_index(n))
            print_registers(mon, cpu_by_index(n));
        else
            monitor_printf(mon, "CPU#%lld not available\n", (long long)n);
    } else if (need_cpu(mon)) {
        print_registers(mon, monitor_cpu());
    }
}

static void info_tlb(Monitor *mon, int argc, char **argv)
{
    if (need_cpu(mon) && monitor_cpu()->target->dump_tlb)
        dump_cpu(mon, monitor_cpu(), dump_tlb);
}

static void info_mem(Monitor *mon, int argc, char **argv)
{
    if (need_cpu(mon) && monitor_cpu()->target->dump_mem)
        dump_cpu(mon, monitor_cpu(), dump_mem);
}

/* ---- Translator, log ---- */

static void info_jit(Monitor *mon, int argc, char **argv)
{
    FILE *f = monitor_stream(mon);
    tcg_dump_stats(f);
    fclose(f);
}

static void cmd_log(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (is_help_option(argv[0]) || (!log_set_mask_from_string(argv[0], &err) && err)) {
        char *topic[] = { (char *)"log", NULL };
        error_free(err);
        cmd_help(mon, 1, topic);
    }
}

static void cmd_logfile(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    log_set_file(argv[0], &err);
    monitor_report(mon, err);
}

static void info_history(Monitor *mon, int argc, char **argv)
{
    monitor_show_history(mon);
}

static const MonitorCommand commands[] = {
    { "help|?", "[cmd [subcommand]]", "show the help", cmd_help },
    { "info", "[subcommand]", "show various information about the system state", cmd_info },
    { "quit|q", "", "quit the emulator", cmd_quit },
    { "stop|s", "", "stop emulation", cmd_stop },
    { "cont|c", "", "resume emulation", cmd_cont },
    { "system_reset", "", "reset the system", cmd_system_reset },
    { "system_powerdown", "", "send system power down event", cmd_system_powerdown },
    { "nmi", "", "inject an NMI", cmd_nmi },
    { "watchdog_action", "reset|shutdown|poweroff|pause|debug|none|inject-nmi", "change watchdog action", cmd_watchdog_action },
    { "cpu", "index", "set the default CPU", cmd_cpu },
    { "log", "item1[,...]", "activate logging of the specified items", cmd_log },
    { "logfile", "filename", "output logs to 'filename'", cmd_logfile },
    { "info status", "", "show the current VM status (running|paused)", info_status },
    { "info cpus", "", "show infos for each CPU", info_cpus },
    { "info registers", "[-a|vcpu]", "show the cpu registers (-a: of all CPUs; vcpu: of this one)", info_registers },
    { "info tlb", "", "show virtual to physical memory mappings", info_tlb },
    { "info mem", "", "show the active virtual memory mappings", info_mem },
    { "info jit", "", "show dynamic compiler info", info_jit },
    { "info history", "", "show the command line history", info_history },
};
monitor_commands(commands)
