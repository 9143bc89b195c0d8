/* SPDX-License-Identifier: MIT */
/* From argv to Config: one table row (options.def) and one switch case per option. */
#include "block/block.h"
#include "chardev.h"
#include "hw/object.h"
#include "semihost.h"
#include "tcg/backend.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/log.h"
#include "util/options.h"
#include "vl.h"

#include <stdlib.h>
#include <string.h>

/* The QEMU release whose command line this follows; version strings under its names say so. */
#define COMPAT_VERSION "7.2.0"

typedef enum OptionId {
    OPT_HEADING, OPT_HELP, OPT_VERSION, OPT_TARGET, OPT_MACHINE, OPT_CPU, OPT_ACCEL, OPT_SMP, OPT_MEMORY, OPT_GLOBAL,
    OPT_DEVICE, OPT_NAME, OPT_UUID, OPT_BOOT, OPT_DISPLAY, OPT_NOGRAPHIC, OPT_VGA, OPT_NET, OPT_NO_ACPI, OPT_NO_HPET,
    OPT_CHARDEV, OPT_BIOS, OPT_KERNEL, OPT_APPEND, OPT_INITRD, OPT_DTB, OPT_SERIAL, OPT_PARALLEL, OPT_MONITOR, OPT_QMP, OPT_QMP_PRETTY, OPT_MON, OPT_OBJECT, OPT_ACTION, OPT_SMOKE, OPT_SMOKE_REPORT, OPT_SMOKE_REPEAT, OPT_SMOKE_SEED,
    OPT_DEBUGCON, OPT_PIDFILE, OPT_PAUSED, OPT_LOG, OPT_LOGFILE, OPT_DFILTER, OPT_PERFMAP, OPT_DATADIR, OPT_KVM, OPT_NO_REBOOT,
    OPT_NO_SHUTDOWN, OPT_DAEMONIZE, OPT_RTC, OPT_ICOUNT, OPT_SEMIHOSTING, OPT_SEMIHOSTING_CONFIG, OPT_ECHR, OPT_NODEFAULTS, OPT_IGNORED, OPT_IGNORED_ARG,
    OPT_ONE_INSN, OPT_GDB, OPT_GDB_DEFAULT, OPT_QTEST, OPT_QTEST_LOG, OPT_SEED, OPT_DISK, OPT_DRIVE,
    OPT_BLOCKDEV, OPT_SNAPSHOT, OPT_LOADVM,
} OptionId;

typedef struct OptionRow {
    const char *name, *arg;
    OptionId id;
    const char *help;
} OptionRow;

static const OptionRow option_rows[] = {
#define HEAD(text) { NULL, NULL, OPT_HEADING, text },
#define OPT(name, arg, id, help) { name, arg, id, help },
#include "options.def"
#undef HEAD
#undef OPT
};

static bool compat_name(void)
{
    return g_str_has_prefix(error_get_progname(), "qemu-system-");
}

static void print_version(FILE *out)
{
    if (compat_name())
        fprintf(out, "QEMU emulator version %s (Rhea %s)\n", COMPAT_VERSION, CONFIG_VERSION);
    else
        fprintf(out, "Rhea emulator version %s\n", CONFIG_VERSION);
    fprintf(out, "Copyright (c) 2026 The Rhea authors\n");
}

void cmdline_help(FILE *out)
{
    print_version(out);
    fprintf(out, "usage: %s [options] [disk_image]\n\n", error_get_progname());
    for (unsigned i = 0; i < ARRAY_SIZE(option_rows); i++) {
        const OptionRow *r = &option_rows[i];
        if (!r->name) {
            fprintf(out, "%s%s\n", i ? "\n" : "", r->help);
        } else if (r->help) {
            char *head = g_strdup_printf("-%s%s%s", r->name, r->arg ? " " : "", r->arg ? r->arg : "");
            fprintf(out, "%-15s %s%s\n", head, strlen(head) > 15 ? "\n                " : "", r->help);
            g_free(head);
        }
    }
    fprintf(out, "\nDuring emulation, the following keys are useful:\n"
                 "ctrl-a h        print the keys of -nographic and mon:stdio\n\n"
                 "When a guest powers off, the exit status is 0; isa-debug-exit gives (value << 1) | 1.\n");
}

void cmdline_foreach(void (*fn)(void *opaque, const char *name, const char *arg), void *opaque)
{
    for (unsigned i = 0; i < ARRAY_SIZE(option_rows); i++)
        if (option_rows[i].name)
            fn(opaque, option_rows[i].name, option_rows[i].arg);
}

static const OptionRow *find_option(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(option_rows); i++)
        if (option_rows[i].name && !strcmp(option_rows[i].name, name))
            return &option_rows[i];
    return NULL;
}

static bool unknown_option(const char *word, const char *name, Error **errp)
{
    const char *names[ARRAY_SIZE(option_rows) + 1];
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(option_rows); i++)
        if (option_rows[i].name)
            names[n++] = option_rows[i].name;
    names[n] = NULL;
    const char *near = nearest_word(name, names);
    error_setg(errp, "%s: invalid option%s%s%s", word, near ? "; did you mean '-" : "", near ? near : "",
               near ? "'?" : " (-help lists them)");
    return false;
}

/* Later groups of the same option add to the first: -M a,b=c -machine d=e. */
static bool merge(OptGroup **into, const char *option, const char *text, const char *implied, Error **errp)
{
    OptGroup *o = opts_parse(option, text, implied, errp);
    if (!o)
        return false;
    if (!*into) {
        *into = o;
        return true;
    }
    for (unsigned i = 0; i < o->count; i++)
        opts_set(*into, o->opts[i].key, o->opts[i].value);
    opts_free(o);
    return true;
}

static bool append_group(GPtrArray *list, const char *option, const char *text, const char *implied, Error **errp)
{
    OptGroup *o = opts_parse(option, text, implied, errp);
    if (o)
        g_ptr_array_add(list, o);
    return o != NULL;
}

static bool only(const char *option, const char *value, const char *allowed, Error **errp)
{
    if (!strcmp(value, allowed))
        return true;
    error_setg(errp, "-%s %s: not available in this version (only '%s' is)", option, value, allowed);
    return false;
}

/* An argument that asks for a list; answered at once unless it needs to know the target. */
static bool set_device(Config *cfg, const char *arg, bool *done, Error **errp)
{
    if (is_help_option(arg)) {
        device_help_types(stdout);
        *done = true;
        return true;
    }
    char *comma = strchr(arg, ',');
    if (comma && is_help_option(comma + 1)) {
        char *type = g_strndup(arg, (gsize)(comma - arg));
        *done = device_help_props(type, stdout, errp);
        g_free(type);
        return *done;
    }
    return append_group(cfg->devices, "-device", arg, "driver", errp);
}

/* Cards that the peer has, and which of them are here. */
static bool set_vga(Config *cfg, const char *arg, bool *done, Error **errp)
{
    static const struct { const char *name, *what; bool here; } cards[] = {
        { "none", "no graphic card", true },      { "std", "standard VGA (default)", true },
        { "cirrus", "Cirrus VGA", false },        { "vmware", "VMWare SVGA", false },
        { "qxl", "QXL VGA", false },              { "virtio", "Virtio VGA", false },
    };
    if (is_help_option(arg)) {
        for (unsigned i = 0; i < ARRAY_SIZE(cards); i++)
            if (cards[i].here)
                printf("%-20s %s\n", cards[i].name, cards[i].what);
        *done = true;
        return true;
    }
    cfg->vga = arg;
    for (unsigned i = 0; i < ARRAY_SIZE(cards); i++) {
        if (strcmp(arg, cards[i].name))
            continue;
        if (!cards[i].here)
            error_setg(errp, "-vga %s: %s not available (std and none are)", arg, cards[i].what);
        return cards[i].here;
    }
    error_setg(errp, "-vga %s: Unknown vga type (std or none)", arg);
    return false;
}

static bool set_display(const char *arg, bool *done, Error **errp)
{
    if (!is_help_option(arg))
        return only("display", arg, "none", errp);
    printf("Available display backend types:\nnone\n");
    *done = true;
    return true;
}

static bool set_accel(Config *cfg, const char *arg, bool *done, Error **errp)
{
    if (is_help_option(arg)) {
        printf("Accelerators supported in %s:\ntcg\nqtest\n", error_get_progname());
        *done = true;
        return true;
    }
    return append_group(cfg->accels, "-accel", arg, "accel", errp);
}

static bool semihost_option(const char *arg, Error **errp)
{
    OptGroup *o = opts_parse("-semihosting-config", arg, "enable", errp);
    bool ok = o && semihost_configure(o, errp);
    if (o)
        opts_free(o);
    return ok;
}

static bool set_log(Config *cfg, const char *arg, bool *done)
{
    if (is_help_option(arg)) {
        log_help(stdout);
        *done = true;
    }
    cfg->log_items = arg;
    return true;
}

static bool set_chardev(Config *cfg, const char *arg, bool *done, Error **errp)
{
    if (is_help_option(arg)) {
        chardev_help(stdout);
        *done = true;
        return true;
    }
    return append_group(cfg->chardevs, "-chardev", arg, "backend", errp);
}

/* The short forms name a device, which may hold commas of its own. */
static void add_monitor(Config *cfg, const char *option, const char *dev, const char *mode)
{
    OptGroup *o = opts_parse(option, "", NULL, NULL);
    g_free(o->source);
    o->source = g_strdup_printf("%s %s", option, dev);
    opts_set(o, "dev", dev);
    opts_set(o, "mode", mode);
    if (!strcmp(option, "-qmp-pretty"))
        opts_set(o, "pretty", "on");
    g_ptr_array_add(cfg->monitors, o);
}

static bool set_object(Config *cfg, const char *arg, bool *done, Error **errp)
{
    if (is_help_option(arg)) {
        object_help_types(stdout);
        *done = true;
        return true;
    }
    return append_group(cfg->objects, "-object", arg, "qom-type", errp);
}

/* -hda FILE and the like as -drive; the file name may hold commas. */
static void add_disk(Config *cfg, const char *option, const char *file)
{
    static const struct {
        const char *option, *key[2], *value[2];
    } rows[] = {
        { "fda", { "if", "index" }, { "floppy", "0" } }, { "fdb", { "if", "index" }, { "floppy", "1" } },
        { "hda", { "media", "index" }, { "disk", "0" } }, { "hdb", { "media", "index" }, { "disk", "1" } },
        { "hdc", { "media", "index" }, { "disk", "2" } }, { "hdd", { "media", "index" }, { "disk", "3" } },
        { "cdrom", { "media", "index" }, { "cdrom", "2" } }, { "pflash", { "if", NULL }, { "pflash", NULL } },
        { "sd", { "if", NULL }, { "sd", NULL } }, { "mtdblock", { "if", NULL }, { "pflash", NULL } },
    };
    OptGroup *o = opts_parse("-drive", "", NULL, NULL);
    g_free(o->source);
    o->source = g_strdup_printf("-%s %s", option, file);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned k = 0; k < 2 && !strcmp(rows[i].option, option); k++) {
            if (rows[i].key[k])
                opts_set(o, rows[i].key[k], rows[i].value[k]);
        }
    }
    opts_set(o, "file", file);
    g_ptr_array_add(cfg->drives, o);
}

static bool set_drive(Config *cfg, const char *arg, bool *done, Error **errp)
{
    if (is_help_option(arg)) {
        block_driver_help(stdout);
        *done = true;
        return true;
    }
    return append_group(cfg->drives, "-drive", arg, NULL, errp);
}

static bool set_blockdev(Config *cfg, const char *arg, Error **errp)
{
    OptGroup *o = arg[0] == '{' ? opts_from_json("-blockdev", arg, errp) : opts_parse("-blockdev", arg, "driver", errp);
    if (o)
        g_ptr_array_add(cfg->blockdevs, o);
    return o != NULL;
}

static bool set_echr(const char *arg, Error **errp)
{
    uint64_t v;
    if (!parse_u64("echr", arg, &v, errp))
        return false;
    if (v == 0 || v > 255) {
        error_setg(errp, "-echr %s: the character code must be between 1 and 255", arg);
        return false;
    }
    chardev_escape_char = (int)v;
    return true;
}

static bool set_seed(const char *arg, Error **errp)
{
    uint64_t v;
    if (!parse_u64("seed", arg, &v, errp))
        return false;
    guest_random_seed(v);
    return true;
}

static bool set_target(Config *cfg, const char *arg, bool *done, Error **errp)
{
    if (is_help_option(arg)) {
        printf("Targets:\n%s\n", CONFIG_TARGETS);
        *done = true;
        return true;
    }
    cfg->target = target_find(arg);
    if (!cfg->target)
        error_setg(errp, "--target %s: unknown target (known: %s)", arg, CONFIG_TARGETS);
    return cfg->target != NULL;
}

static bool apply(Config *cfg, const OptionRow *r, const char *arg, bool *done, Error **errp)
{
    switch (r->id) {
    case OPT_HELP: cmdline_help(stdout); *done = true; return true;
    case OPT_VERSION: print_version(stdout); *done = true; return true;
    case OPT_TARGET: return set_target(cfg, arg, done, errp);
    case OPT_MACHINE: return merge(&cfg->machine, "-machine", arg, "type", errp);
    case OPT_CPU: cfg->cpu = arg; return true;
    case OPT_ACCEL: return set_accel(cfg, arg, done, errp);
    case OPT_KVM: return append_group(cfg->accels, "-accel", "kvm", "accel", errp);
    case OPT_SMP: return merge(&cfg->smp, "-smp", arg, "cpus", errp);
    case OPT_MEMORY: return merge(&cfg->memory, "-m", arg, "size", errp);
    case OPT_GLOBAL: g_ptr_array_add(cfg->globals, (void *)arg); return true;
    case OPT_DEVICE: return set_device(cfg, arg, done, errp);
    case OPT_NAME: return merge(&cfg->name, "-name", arg, "guest", errp);
    case OPT_UUID: cfg->uuid = arg; return true;
    case OPT_BOOT: return merge(&cfg->boot, "-boot", arg, "order", errp);
    case OPT_DISPLAY:
        cfg->display = arg;
        return set_display(arg, done, errp);
    case OPT_NOGRAPHIC: cfg->nographic = true; return true;
    case OPT_VGA: return set_vga(cfg, arg, done, errp);
    case OPT_NET: return only(r->name, arg, "none", errp);
    case OPT_PARALLEL: return only("parallel", arg, "none", errp);
    case OPT_NO_ACPI: return merge(&cfg->machine, "-machine", "acpi=off", NULL, errp);
    case OPT_NO_HPET: return merge(&cfg->machine, "-machine", "hpet=off", NULL, errp);
    case OPT_CHARDEV: return set_chardev(cfg, arg, done, errp);
    case OPT_BIOS: cfg->bios = arg; return true;
    case OPT_KERNEL: cfg->kernel = arg; return true;
    case OPT_APPEND: cfg->append = arg; return true;
    case OPT_INITRD: cfg->initrd = arg; return true;
    case OPT_DTB: cfg->dtb = arg; return true;
    case OPT_SERIAL: g_ptr_array_add(cfg->serials, (void *)arg); return true;
    case OPT_MONITOR: add_monitor(cfg, "-monitor", arg, "readline"); return true;
    case OPT_QMP:
    case OPT_QMP_PRETTY: add_monitor(cfg, r->id == OPT_QMP ? "-qmp" : "-qmp-pretty", arg, "control"); return true;
    case OPT_MON: return append_group(cfg->monitors, "-mon", arg, "chardev", errp);
    case OPT_OBJECT: return set_object(cfg, arg, done, errp);
    case OPT_SMOKE: g_ptr_array_add(cfg->smoke, (void *)arg); return true;
    case OPT_SMOKE_REPORT: return merge(&cfg->smoke_report, "-smoke-report", arg, NULL, errp);
    case OPT_SMOKE_REPEAT: cfg->smoke_repeat = arg; return true;
    case OPT_SMOKE_SEED: cfg->smoke_seed = arg; return set_seed(arg, errp);
    case OPT_ACTION: return merge(&cfg->action, "-action", arg, NULL, errp);
    case OPT_DEBUGCON: cfg->debugcon = arg; return true;
    case OPT_PIDFILE: cfg->pidfile = arg; return true;
    case OPT_PAUSED: cfg->start_paused = true; return true;
    case OPT_LOG: return set_log(cfg, arg, done);
    case OPT_LOGFILE: cfg->log_file = arg; return true;
    case OPT_DFILTER: cfg->log_filter = arg; return true;
    case OPT_DATADIR: g_ptr_array_add(cfg->data_dirs, (void *)arg); return true;
    case OPT_PERFMAP: cfg->perfmap = true; return true;
    case OPT_NO_REBOOT: cfg->no_reboot = true; return true;
    case OPT_NO_SHUTDOWN: cfg->no_shutdown = true; return true;
    case OPT_DAEMONIZE: cfg->daemonize = true; return true;
    case OPT_RTC: return merge(&cfg->rtc, "-rtc", arg, NULL, errp);
    case OPT_SEMIHOSTING: return semihost_configure(NULL, errp);
    case OPT_SEMIHOSTING_CONFIG: return semihost_option(arg, errp);
    case OPT_ICOUNT: return merge(&cfg->icount, "-icount", arg, "shift", errp);
    case OPT_DISK: add_disk(cfg, r->name, arg); return true;
    case OPT_DRIVE: return set_drive(cfg, arg, done, errp);
    case OPT_BLOCKDEV: return set_blockdev(cfg, arg, errp);
    case OPT_SNAPSHOT: cfg->snapshot = true; return true;
    case OPT_LOADVM: cfg->loadvm = arg; return true;
    case OPT_ECHR: return set_echr(arg, errp);
    case OPT_NODEFAULTS: cfg->nodefaults = true; return true;
    case OPT_ONE_INSN: cfg->one_insn_per_tb = true; return true;
    case OPT_SEED: return set_seed(arg, errp);
    case OPT_QTEST: cfg->qtest = arg; return true;
    case OPT_QTEST_LOG: cfg->qtest_log = arg; return true;
    case OPT_GDB: cfg->gdb = arg; return true;
    case OPT_GDB_DEFAULT: cfg->gdb = "tcp::1234"; return true;
    case OPT_IGNORED:
    case OPT_IGNORED_ARG:
    case OPT_HEADING: return true;
    }
    return true;
}

/* The target of a program name such as rhea-system-i386 or qemu-system-i386; x86_64 otherwise. */
static const TargetOps *target_of_name(const char *progname)
{
    const char *name = strstr(progname, "-system-");
    const TargetOps *t = name ? target_find(name + 8) : NULL;
    return t ? t : target_find("x86_64");
}

static void config_init(Config *cfg)
{
    *cfg = (Config){
        .accels = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .devices = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .drives = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .blockdevs = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .chardevs = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .serials = g_ptr_array_new(),
        .monitors = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .objects = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free),
        .smoke = g_ptr_array_new(),
        .globals = g_ptr_array_new(),
        .data_dirs = g_ptr_array_new(),
    };
}

void config_free(Config *cfg)
{
    GPtrArray *lists[] = { cfg->accels, cfg->devices, cfg->drives, cfg->blockdevs, cfg->chardevs, cfg->objects, cfg->smoke, cfg->serials, cfg->monitors, cfg->globals, cfg->data_dirs };
    OptGroup *groups[] = { cfg->machine, cfg->memory, cfg->smp, cfg->rtc, cfg->boot, cfg->icount, cfg->name, cfg->action,
                           cfg->smoke_report };
    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
        if (lists[i])
            g_ptr_array_free(lists[i], TRUE);
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        opts_free(groups[i]);
}

/* Lists that depend on the target: -M help and -cpu help. */
static bool answer_target_help(const Config *cfg, OptGroup *machine)
{
    const char *type = machine ? opts_get(machine, "type") : NULL;
    if (type && is_help_option(type)) {
        printf("Supported machines are:\n");
        machine_type_list(stdout, cfg->target->name);
        return true;
    }
    const char *help = machine ? opts_get(machine, "help") : NULL;
    const MachineType *t = type ? machine_type_find(type, cfg->target->name) : machine_type_default(cfg->target->name);
    if (help && t) { /* -M pc,help */
        machine_type_help(t, stdout);
        return true;
    }
    if (cfg->cpu && is_help_option(cfg->cpu)) {
        cfg->target->cpu_list(stdout);
        return true;
    }
    return false;
}

bool cmdline_parse(int argc, char **argv, Config *cfg, bool *done, Error **errp)
{
    config_init(cfg);
    *done = false;
    for (int i = 1; i < argc && !*done; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || !word[1]) {
            add_disk(cfg, "hda", word);
            continue;
        }
        const char *name = word + (word[1] == '-' ? 2 : 1);
        const OptionRow *r = find_option(name);
        if (!r)
            return unknown_option(word, name, errp);
        const char *arg = NULL;
        if (r->arg && ++i >= argc) {
            error_setg(errp, "%s: requires an argument", word);
            return false;
        }
        if (r->arg)
            arg = argv[i];
        if (!apply(cfg, r, arg, done, errp))
            return false;
    }
    if (!cfg->target)
        cfg->target = target_of_name(error_get_progname());
    if (!*done)
        *done = answer_target_help(cfg, cfg->machine);
    return true;
}
