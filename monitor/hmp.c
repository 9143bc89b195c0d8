/* SPDX-License-Identifier: MIT */
/* The commands that belong to no device: run state, help, inspection of vCPUs, memory and the translator. */
#include "chardev.h"
#include "exec/memory.h"
#include "exec/tb.h"
#include "hw/boards.h"
#include "internal.h"
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
    monitor_printf(mon, "%s%s%s -- %s\n", r->name, *r->args ? " " : "", r->args, r->help);
}

static void cmd_help(Monitor *mon, int argc, char **argv)
{
    const GPtrArray *rows = monitor_rows();
    bool info = argc && !strcmp(argv[0], "info"), found = false;
    for (unsigned i = 0; i < rows->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(rows, i);
        bool is_info = g_str_has_prefix(r->name, "info ");
        bool show = !argc ? !is_info : info ? is_info : !strcmp(r->name, argv[0]) || g_str_has_prefix(r->name, argv[0]);
        if (show) {
            help_line(mon, r);
            found = true;
        }
    }
    if (!argc)
        monitor_printf(mon, "info [subcommand] -- show various information about the system state\n");
    else if (!strcmp(argv[0], "log"))
        monitor_printf(mon, "log items: see -d help\n");
    else if (!found)
        monitor_printf(mon, "unknown command: '%s'\n", argv[0]);
}

static void cmd_info(Monitor *mon, int argc, char **argv)
{
    char *const topic[] = { "info", NULL };
    if (argc)
        monitor_printf(mon, "unknown command: 'info %s'\nTry \"help info\" for more information\n", argv[0]);
    else
        cmd_help(mon, 1, (char **)topic);
}

/* ---- Run state ---- */

static void cmd_quit(Monitor *mon, int argc, char **argv)
{
    system_exit_request(0);
}

static void cmd_stop(Monitor *mon, int argc, char **argv)
{
    vm_stop();
}

static void cmd_cont(Monitor *mon, int argc, char **argv)
{
    vm_start();
}

static void cmd_system_reset(Monitor *mon, int argc, char **argv)
{
    system_reset_request(SHUTDOWN_MONITOR);
}

static void cmd_system_powerdown(Monitor *mon, int argc, char **argv)
{
    system_powerdown_request();
}

static void info_status(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "VM status: %s\n", vm_running() ? "running" : "paused");
}

/* ---- vCPUs ---- */

static void cmd_cpu(Monitor *mon, int argc, char **argv)
{
    uint64_t n;
    if (!argc || !monitor_eval(mon, argv[0], &n))
        return;
    CPU_FOREACH(cpu)
        if ((uint64_t)cpu->index == n) {
            monitor_set_cpu(cpu);
            return;
        }
    monitor_printf(mon, "invalid CPU index\n");
}

static void info_cpus(Monitor *mon, int argc, char **argv)
{
    CPU_FOREACH(cpu)
        monitor_printf(mon, "%c CPU #%d: thread_id=%d%s\n", cpu == monitor_cpu() ? '*' : ' ', cpu->index, cpu->thread_id,
                       cpu->halted ? " (halted)" : "");
}

static void info_registers(Monitor *mon, int argc, char **argv)
{
    bool all = argc && !strcmp(argv[0], "-a");
    if (!need_cpu(mon))
        return;
    CPU_FOREACH(cpu)
        if (all || cpu == monitor_cpu()) {
            monitor_printf(mon, "\nCPU#%d\n", cpu->index);
            dump_cpu(mon, cpu, dump_registers);
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

/* ---- Memory and expressions ---- */

static void cmd_x(Monitor *mon, int argc, char **argv)
{
    monitor_dump_memory(mon, argc, argv, false);
}

static void cmd_xp(Monitor *mon, int argc, char **argv)
{
    monitor_dump_memory(mon, argc, argv, true);
}

static void cmd_print(Monitor *mon, int argc, char **argv)
{
    char kind = 'x';
    uint64_t v;
    if (argc && argv[0][0] == '/') {
        kind = argv[0][1];
        argc--;
        argv++;
    }
    char *text = g_strjoinv(" ", argv);
    if (monitor_eval(mon, text, &v)) {
        switch (kind) {
        case 'd': monitor_printf(mon, "%lld\n", (long long)v); break;
        case 'u': monitor_printf(mon, "%llu\n", (unsigned long long)v); break;
        case 'o': monitor_printf(mon, "%#llo\n", (unsigned long long)v); break;
        case 'c': monitor_printf(mon, "'%c'\n", (int)(v & 0x7f)); break;
        default: monitor_printf(mon, "%#llx\n", (unsigned long long)v); break;
        }
    }
    g_free(text);
}

static void cmd_gva2gpa(Monitor *mon, int argc, char **argv)
{
    uint64_t va;
    hwaddr pa;
    if (!argc || !need_cpu(mon) || !monitor_eval(mon, argv[0], &va))
        return;
    if (monitor_cpu()->target->debug_translate(monitor_cpu(), va, &pa))
        monitor_printf(mon, "gpa: %#llx\n", (unsigned long long)pa);
    else
        monitor_printf(mon, "Unmapped\n");
}

static void info_mtree(Monitor *mon, int argc, char **argv)
{
    FILE *f = monitor_stream(mon);
    memory_dump_tree(f, argc && !strcmp(argv[0], "-f"));
    fclose(f);
}

static void info_jit(Monitor *mon, int argc, char **argv)
{
    FILE *f = monitor_stream(mon);
    tcg_dump_stats(f);
    fclose(f);
}

/* ---- Identity, log, character devices ---- */

static void info_version(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "%s\n", CONFIG_VERSION);
}

static void info_name(Monitor *mon, int argc, char **argv)
{
    if (current_machine && current_machine->name)
        monitor_printf(mon, "%s\n", current_machine->name);
}

static void info_uuid(Monitor *mon, int argc, char **argv)
{
    const uint8_t *u = current_machine->uuid;
    for (unsigned i = 0; i < 16; i++)
        monitor_printf(mon, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
    monitor_printf(mon, "\n");
}

static void info_chardev(Monitor *mon, int argc, char **argv)
{
    FILE *f = monitor_stream(mon);
    chardev_info(f);
    fclose(f);
}

static void info_history(Monitor *mon, int argc, char **argv)
{
    monitor_show_history(mon, mon);
}

static void info_kvm(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "kvm support: not compiled\n");
}

static void cmd_log(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (!argc)
        monitor_printf(mon, "log item1[,...] (none switches off; items as in -d help)\n");
    else if (!is_help_option(argv[0]) && !log_set_mask_from_string(argv[0], &err) && err)
        error_report_err(err);
}

static void cmd_logfile(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (argc && !log_set_file(argv[0], &err))
        error_report_err(err);
}

static void cmd_device_add(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    if (!argc)
        return;
    if (is_help_option(argv[0])) {
        FILE *f = monitor_stream(mon);
        device_help_types(f);
        fclose(f);
        return;
    }
    OptGroup *o = opts_parse("device_add", argv[0], "driver", &err);
    if (!o || !device_add(o, &err))
        error_report_err(err);
    opts_free(o);
}

static const MonitorCommand commands[] = {
    { "help|?", "[cmd]", "show the help", cmd_help },
    { "info", "[subcommand]", "show various information about the system state", cmd_info },
    { "quit|q", "", "quit the emulator", cmd_quit },
    { "stop|s", "", "stop emulation", cmd_stop },
    { "cont|c", "", "resume emulation", cmd_cont },
    { "system_reset", "", "reset the system", cmd_system_reset },
    { "system_powerdown", "", "send system power down event", cmd_system_powerdown },
    { "cpu", "index", "set the default CPU", cmd_cpu },
    { "x", "/fmt addr", "virtual memory dump starting at 'addr'", cmd_x },
    { "xp", "/fmt addr", "physical memory dump starting at 'addr'", cmd_xp },
    { "print|p", "/fmt expr", "print expression value (use $reg for CPU register access)", cmd_print },
    { "gva2gpa", "addr", "print the guest physical address corresponding to a guest virtual address", cmd_gva2gpa },
    { "log", "item1[,...]", "activate logging of the specified items", cmd_log },
    { "logfile", "filename", "output logs to 'filename'", cmd_logfile },
    { "device_add", "driver[,prop=value][,...]", "add device, like -device on the command line", cmd_device_add },
    { "info status", "", "show the current VM status (running|paused)", info_status },
    { "info cpus", "", "show infos for each CPU", info_cpus },
    { "info registers", "[-a]", "show the cpu registers (-a: of all CPUs)", info_registers },
    { "info tlb", "", "show virtual to physical memory mappings", info_tlb },
    { "info mem", "", "show the active virtual memory mappings", info_mem },
    { "info mtree", "[-f]", "show memory tree (-f: the flattened view)", info_mtree },
    { "info jit", "", "show translator statistics", info_jit },
    { "info version", "", "show the version", info_version },
    { "info name", "", "show the current VM name", info_name },
    { "info uuid", "", "show the current VM UUID", info_uuid },
    { "info chardev", "", "show the character devices", info_chardev },
    { "info history", "", "show the command line history", info_history },
    { "info kvm", "", "show KVM information", info_kvm },
};
monitor_commands(commands);
