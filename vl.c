/* SPDX-License-Identifier: MIT */
/* The program from exec to exit: options, objects, machine, main loop. Reads as a table of contents. */
#include "vl.h"
#include "block/block.h"
#include "chardev.h"
#include "exec/replay.h"
#include "gdbstub.h"
#include "hw/boot-order.h"
#include "hw/object.h"
#include "monitor.h"
#include "qmp.h"
#include "qtest.h"
#include "savevm-file.h"
#include "smoke.h"
#include "symbols.h"
#include "tcg/backend.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"
#include "util/options.h"
#include "util/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static Config cfg;
static MachineState machine;
static char *pidfile_path;
static int daemon_pipe = -1;

/* ---- Files that come with firmware packages ---- */

char *data_file_find(const char *name)
{
    static const char *const usual[] = { CONFIG_DATADIR, "/usr/share/seabios", "/usr/share/qemu", "/usr/share/OVMF", NULL };
    if (access(name, R_OK) == 0)
        return g_strdup(name);
    for (unsigned i = 0; cfg.data_dirs && i < cfg.data_dirs->len; i++) {
        char *path = g_build_filename(g_ptr_array_index(cfg.data_dirs, i), name, NULL);
        if (access(path, R_OK) == 0)
            return path;
        g_free(path);
    }
    for (unsigned i = 0; usual[i]; i++) {
        char *path = g_build_filename(usual[i], name, NULL);
        if (access(path, R_OK) == 0)
            return path;
        g_free(path);
    }
    return NULL;
}

/* ---- From options to MachineState; nothing is created yet ---- */

static bool setup_logging(Error **errp)
{
    if (cfg.log_items && !log_set_mask_from_string(cfg.log_items, errp))
        return false;
    if (cfg.log_file && !log_set_file(cfg.log_file, errp))
        return false;
    return !cfg.log_filter || log_set_filter(cfg.log_filter, errp);
}

static bool setup_memory(Error **errp)
{
    static const char *const keys[] = { "size", "slots", "maxmem", NULL };
    machine.ram_size = machine.type->default_ram;
    const char *text = opts_get(cfg.memory, "size");
    opts_get(cfg.memory, "slots");
    opts_get(cfg.memory, "maxmem");
    if (text && !parse_size("size", text, MiB, &machine.ram_size, errp)) {
        error_prepend(errp, "%s: ", cfg.memory->source);
        return false;
    }
    if (text && machine.ram_size == 0) {
        error_setg(errp, "%s: the guest needs some memory (default is %llu MiB)", cfg.memory->source,
                   (unsigned long long)(machine.type->default_ram / MiB));
        return false;
    }
    machine.ram_size = (machine.ram_size + 8191) & ~8191ull;
    return opts_check_unused(cfg.memory, keys, errp);
}

/* Fills in what the user left out of -smp so that sockets * dies * cores * threads == maxcpus. */
static bool setup_smp(Error **errp)
{
    static const char *const keys[] = { "cpus", "sockets", "dies", "cores", "threads", "maxcpus", NULL };
    uint64_t v[6] = { 0 };
    for (unsigned i = 0; i < 6; i++) {
        if (!opts_get_u64(cfg.smp, keys[i], &v[i], errp))
            return false;
        if (v[i] > 4096 || (cfg.smp && opts_get(cfg.smp, keys[i]) && v[i] == 0)) {
            error_setg(errp, "%s: Invalid CPU topology: %s must be between 1 and 4096", cfg.smp->source, keys[i]);
            return false;
        }
    }
    if (!opts_check_unused(cfg.smp, keys, errp))
        return false;
    uint64_t cpus = v[0], sockets = v[1], dies = v[2] ? v[2] : 1, cores = v[3], threads = v[4], max = v[5];
    uint64_t total = max ? max : cpus;
    if (!total) {
        sockets = sockets ? sockets : 1;
        cores = cores ? cores : 1;
        threads = threads ? threads : 1;
        total = sockets * dies * cores * threads;
    }
    if (!sockets && !cores) { /* what is left to us are cores of one socket */
        threads = threads ? threads : 1;
        sockets = 1;
        cores = total / (sockets * dies * threads);
    } else if (!sockets) {
        threads = threads ? threads : 1;
        sockets = total / (dies * cores * threads);
    } else if (!cores) {
        threads = threads ? threads : 1;
        cores = total / (sockets * dies * threads);
    } else if (!threads) {
        threads = total / (sockets * dies * cores);
    }
    max = max ? max : total;
    cpus = cpus ? cpus : max;
    if (sockets * dies * cores * threads != max || cpus > max) {
        error_setg(errp, "%s: Invalid CPU topology: sockets (%u) * dies (%u) * cores (%u) * threads (%u) must equal maxcpus (%u), "
                         "and cpus (%u) must not exceed it",
                   cfg.smp ? cfg.smp->source : "-smp", (unsigned)sockets, (unsigned)dies, (unsigned)cores, (unsigned)threads,
                   (unsigned)max, (unsigned)cpus);
        return false;
    }
    if (max > machine.type->max_cpus) {
        error_setg(errp, "Invalid SMP CPUs %u. The max CPUs supported by machine '%s' is %u", (unsigned)max,
                   machine.type->name, machine.type->max_cpus);
        return false;
    }
    machine.cpus = (unsigned)cpus;
    machine.max_cpus = (unsigned)max;
    machine.sockets = (unsigned)sockets;
    machine.dies = (unsigned)dies;
    machine.cores = (unsigned)cores;
    machine.threads = (unsigned)threads;
    return true;
}

static bool setup_rtc(Error **errp)
{
    static const char *const keys[] = { "base", "clock", "driftfix", NULL };
    machine.rtc_start = INT64_MIN;
    machine.rtc_clock = cfg.icount ? CLOCK_VIRTUAL : CLOCK_HOST; /* a counted run repeats */
    const char *base = opts_get(cfg.rtc, "base"), *clock = opts_get(cfg.rtc, "clock");
    opts_get(cfg.rtc, "driftfix");
    if (base && !strcmp(base, "localtime")) {
        machine.rtc_localtime = true;
    } else if (base && strcmp(base, "utc")) {
        struct tm tm = { 0 };
        const char *end = strptime(base, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!end)
            end = strptime(base, "%Y-%m-%d", &tm);
        if (!end || *end) {
            error_setg(errp, "%s: invalid datetime format (utc, localtime, 2006-06-17 or 2006-06-17T16:01:21)", cfg.rtc->source);
            return false;
        }
        machine.rtc_start = timegm(&tm);
    }
    if (clock && !strcmp(clock, "vm")) {
        machine.rtc_clock = CLOCK_VIRTUAL;
    } else if (clock && !strcmp(clock, "rt")) {
        machine.rtc_clock = CLOCK_REALTIME_HOST;
    } else if (clock && strcmp(clock, "host")) {
        error_setg(errp, "%s: invalid option value '%s' for clock (host, rt or vm)", cfg.rtc->source, clock);
        return false;
    }
    return opts_check_unused(cfg.rtc, keys, errp);
}

/* Milliseconds of -boot: min to 65535. */
static bool get_boot_number(const char *key, int64_t min, int64_t *out, Error **errp)
{
    const char *text = opts_get(cfg.boot, key);
    char *end;
    if (!text)
        return true;
    errno = 0;
    int64_t v = g_ascii_strtoll(text, &end, 0);
    if (errno || end == text || *end || v < min || v > 0xffff) {
        error_setg(errp, "%s: %s is invalid, it should be a value between %d and 65535", cfg.boot->source, key, (int)min);
        return false;
    }
    *out = v;
    return true;
}

static bool setup_identity(Error **errp)
{
    static const char *const name_keys[] = { "guest", "process", "debug-threads", NULL };
    static const char *const boot_keys[] = { "order", "once", "menu", "splash", "splash-time", "reboot-timeout", "strict", NULL };
    machine.name = opts_get(cfg.name, "guest");
    const char *process = opts_get(cfg.name, "process");
    opts_get(cfg.name, "debug-threads");
    if (process)
        prctl(PR_SET_NAME, process);
    if (cfg.uuid) {
        char hex[33];
        unsigned n = 0;
        for (const char *p = cfg.uuid; *p && n < 33; p++)
            if (*p != '-')
                hex[n++] = *p;
        bool ok = n == 32 && strlen(cfg.uuid) == 36;
        for (unsigned i = 0; ok && i < 16; i++) {
            int hi = g_ascii_xdigit_value(hex[2 * i]), lo = g_ascii_xdigit_value(hex[2 * i + 1]);
            ok = hi >= 0 && lo >= 0;
            machine.uuid[i] = (uint8_t)(hi << 4 | lo);
        }
        if (!ok) {
            error_setg(errp, "-uuid %s: failed to parse UUID string: wrong format", cfg.uuid);
            return false;
        }
        machine.uuid_set = true;
    }
    machine.boot_order = opts_get(cfg.boot, "order");
    machine.boot_once = opts_get(cfg.boot, "once");
    machine.boot_splash = opts_get(cfg.boot, "splash");
    machine.boot_splash_time = -1;
    machine.boot_reboot_timeout = -1;
    if (!get_boot_number("splash-time", 0, &machine.boot_splash_time, errp) ||
        !get_boot_number("reboot-timeout", -1, &machine.boot_reboot_timeout, errp) ||
        !opts_get_bool(cfg.boot, "strict", &machine.boot_strict, errp))
        return false;
    return opts_get_bool(cfg.boot, "menu", &machine.boot_menu, errp) && opts_check_unused(cfg.boot, boot_keys, errp) &&
           opts_check_unused(cfg.name, name_keys, errp);
}

/* A file the user named must be readable before anything is touched. */
static bool check_file(const char *option, const char *path, Error **errp)
{
    if (!path || access(path, R_OK) == 0)
        return true;
    if (!strcmp(option, "kernel"))
        error_setg_errno(errp, errno, "could not load kernel '%s'", path);
    else if (!strcmp(option, "initrd"))
        error_setg_errno(errp, errno, "could not load initrd '%s'", path);
    else
        error_setg_errno(errp, errno, "-%s %s: cannot read the file", option, path);
    return false;
}

static bool setup_boot_files(Error **errp)
{
    machine.kernel = cfg.kernel;
    machine.initrd = cfg.initrd;
    machine.append = cfg.append;
    machine.dtb = cfg.dtb;
    machine.bios = cfg.bios;
    if (!cfg.kernel && (cfg.initrd || cfg.append)) {
        error_setg(errp, "-%s only allowed with -kernel option", cfg.append ? "append" : "initrd");
        return false;
    }
    return check_file("kernel", cfg.kernel, errp) && check_file("dtb", cfg.dtb, errp) &&
           (!cfg.initrd || strchr(cfg.initrd, ',') || strchr(cfg.initrd, ' ') || check_file("initrd", cfg.initrd, errp));
}

/* A device of these that the user adds takes the place of the default one. */
static bool user_adds(const char *const *drivers)
{
    for (unsigned i = 0; i < cfg.devices->len; i++) {
        const char *driver = opts_get(g_ptr_array_index(cfg.devices, i), "driver");
        if (driver && g_strv_contains(drivers, driver))
            return true;
    }
    return false;
}

static void choose_vga(void)
{
    static const char *const cards[] = { "VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", "vmware-svga", "qxl-vga", "virtio-vga",
                                         "virtio-vga-gl", NULL };
    bool takes = machine.type->takes_vga;
    machine.vga = cfg.vga ? cfg.vga : takes && !cfg.nodefaults && !user_adds(cards) ? "std" : "none";
    if (!takes && strcmp(machine.vga, "none"))
        warn_report("A -vga option was passed but this machine type does not use that option; No VGA device has been created");
}

static bool choose_machine(Error **errp)
{
    const char *type = opts_get(cfg.machine, "type");
    current_target = cfg.target;
    machine.type = type ? machine_type_find(type, cfg.target->name) : machine_type_default(cfg.target->name);
    if (!machine.type) {
        if (type)
            error_setg(errp, "-machine %s: unsupported machine type", type);
        else
            error_setg(errp, "No machine specified, and there is no default");
        error_append_hint(errp, "Use -machine help to list supported machines\n");
        return false;
    }
    machine.options = cfg.machine ? cfg.machine : opts_parse("-machine", machine.type->name, "type", errp);
    cfg.machine = machine.options;
    opts_get(cfg.machine, "type"); /* the board reports what nobody read */
    opts_get(cfg.machine, "accel");
    machine.cpu_model = cfg.cpu;
    machine.nodefaults = cfg.nodefaults;
    machine.nographic = cfg.nographic;
    choose_vga();
    current_machine = &machine;
    return true;
}

static bool setup_smoke(Error **errp)
{
    bool wanted = cfg.smoke->len || cfg.smoke_report || cfg.smoke_repeat || cfg.smoke_seed;
    return !wanted || smoke_configure(cfg.smoke, cfg.smoke_report, cfg.smoke_seed, errp);
}

static bool configure(Error **errp)
{
    return setup_logging(errp) && choose_machine(errp) && setup_memory(errp) && setup_smp(errp) && setup_rtc(errp) &&
           setup_identity(errp) && setup_boot_files(errp) && setup_smoke(errp);
}

/* ---- Accelerator ---- */

static const TCGBackend *const engines[] = {
#ifdef __x86_64__
    &tcg_backend_x86_64,
#endif
    &tcg_backend_interp,
};

static bool choose_engine(OptGroup *o, TCGOptions *t, Error **errp)
{
    const char *name = opts_get(o, "engine");
    t->engine = engines[0];
    if (!name)
        return true;
    const char *names[ARRAY_SIZE(engines) + 1] = { NULL };
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        names[i] = engines[i]->name;
        if (!strcmp(name, names[i])) {
            t->engine = engines[i];
            return true;
        }
    }
    char *list = g_strjoinv(", ", (char **)names);
    error_setg(errp, "%s: unknown engine '%s' (this host has: %s)", o->source, name, list);
    g_free(list);
    return false;
}

static bool start_tcg(OptGroup *o, Error **errp)
{
    static const char *const keys[] = { "accel", "tb-size", "engine", "one-insn-per-tb", "split-wx", "thread", "hot", NULL };
    TCGOptions t = { .engine = engines[0], .one_insn_per_tb = cfg.one_insn_per_tb, .perfmap = cfg.perfmap, .multi_thread = true, .hot = TB_HOT };
    if (o) {
        uint64_t mib = 0, hot = TB_HOT;
        const char *thread = opts_get(o, "thread");
        if (!opts_get_u64(o, "tb-size", &mib, errp) || !choose_engine(o, &t, errp) ||
            !opts_get_bool(o, "one-insn-per-tb", &t.one_insn_per_tb, errp) ||
            !opts_get_bool(o, "split-wx", &t.split_wx, errp) || !opts_get_u64(o, "hot", &hot, errp))
            return false;
        if (hot > INT32_MAX) {
            error_setg(errp, "%s: hot is a count of executions, at most %d", o->source, INT32_MAX);
            return false;
        }
        t.hot = (unsigned)hot;
        if (mib > 16384) {
            error_setg(errp, "%s: tb-size is in MiB and at most 16384", o->source);
            return false;
        }
        if (thread && strcmp(thread, "multi") && strcmp(thread, "single")) {
            error_setg(errp, "%s: Invalid 'thread' setting %s (single or multi)", o->source, thread);
            return false;
        }
        t.multi_thread = !thread || !strcmp(thread, "multi");
        t.tb_size = mib * MiB;
        if (!opts_check_unused(o, keys, errp))
            return false;
    }
    return tcg_init(&t, errp);
}

/* Takes the first accelerator of the -accel options (or -M accel=a:b) that this build has. */
static bool start_accelerator(Error **errp)
{
    const char *from_machine = opts_get(cfg.machine, "accel");
    if (from_machine && !cfg.accels->len) {
        char **names = g_strsplit(from_machine, ":", -1);
        for (char **n = names; *n; n++)
            g_ptr_array_add(cfg.accels, opts_parse("-accel", *n, "accel", errp));
        g_strfreev(names);
    }
    if (!cfg.accels->len)
        return start_tcg(NULL, errp);
    const char *missing = NULL;
    for (unsigned i = 0; i < cfg.accels->len; i++) {
        OptGroup *o = g_ptr_array_index(cfg.accels, i);
        const char *name = opts_get(o, "accel");
        if (name && !strcmp(name, "tcg"))
            return start_tcg(o, errp);
        if (name && !strcmp(name, "qtest")) {
            qtest_accel_init();
            return start_tcg(NULL, errp); /* vCPUs exist, but never run */
        }
        missing = name ? name : "";
        if (i + 1 < cfg.accels->len)
            warn_report("-accel %s: not available, trying the next", missing);
    }
    error_setg(errp, "-accel %s: invalid accelerator %s (tcg and qtest are available)", missing, missing);
    return false;
}

/* ---- Character devices ---- */

static bool open_chardevs(Error **errp)
{
    for (unsigned i = 0; i < cfg.chardevs->len; i++)
        if (!chardev_new(g_ptr_array_index(cfg.chardevs, i), errp))
            return false;
    if (!cfg.serials->len && cfg.nographic && !cfg.nodefaults)
        g_ptr_array_add(cfg.serials, cfg.monitors->len ? "stdio" : "mon:stdio");
    else if (!cfg.serials->len && !cfg.nodefaults)
        g_ptr_array_add(cfg.serials, "vc");
    if (cfg.serials->len > ARRAY_SIZE(machine.serial)) {
        error_setg(errp, "-serial: too many serial ports (at most %zu)", ARRAY_SIZE(machine.serial));
        return false;
    }
    for (unsigned i = 0; i < cfg.serials->len; i++) {
        char label[16];
        bool none;
        const char *text = g_ptr_array_index(cfg.serials, i);
        snprintf(label, sizeof(label), "serial%u", i);
        machine.serial[i] = chardev_from_legacy(label, text, &none, errp);
        if (!machine.serial[i] && !none) {
            error_prepend(errp, "-serial %s: ", text);
            return false;
        }
    }
    if (cfg.smoke->len && !smoke_attach(&machine, errp))
        return false;
    if (cfg.debugcon) {
        bool none;
        machine.debugcon = chardev_from_legacy("debugcon", cfg.debugcon, &none, errp);
        if (!machine.debugcon && !none) {
            error_prepend(errp, "-debugcon %s: ", cfg.debugcon);
            return false;
        }
    }
    return true;
}

/* After the machine, so that on a shared stdio the serial port attaches first and has the focus. */
static bool open_monitors(Error **errp)
{
    for (unsigned i = 0; i < cfg.monitors->len; i++)
        if (!monitor_open(g_ptr_array_index(cfg.monitors, i), i, errp))
            return false;
    for (unsigned i = 0; i < cfg.serials->len; i++) {
        const char *text = g_ptr_array_index(cfg.serials, i);
        char label[32];
        snprintf(label, sizeof(label), "serial%u", i);
        if (g_str_has_prefix(text, "mon:") && chardev_find(label) && !monitor_new(chardev_find(label), errp))
            return false;
    }
    return true;
}

/* ---- Disks ---- */

/* An empty drive at the place, for media that come later; not where the user has a drive. */
static bool add_empty_drive(DriveInterface interface, int bus, int unit, const char *options, unsigned units, Error **errp)
{
    if (drive_get(interface, bus, unit))
        return true;
    OptGroup *o = opts_parse("-drive", options, NULL, errp);
    bool ok = o && drive_add(o, interface, units, errp);
    opts_free(o);
    return ok;
}

static bool add_default_drives(unsigned units, Error **errp)
{
    static const char *const disks[] = { "ide-cd", "ide-hd", "scsi-cd", "scsi-hd", NULL };
    static const char *const floppies[] = { "isa-fdc", "floppy", NULL };
    const MachineType *t = machine.type;
    if (cfg.nodefaults)
        return true;
    return (!t->has_cdrom || user_adds(disks) ||
            add_empty_drive(DRIVE_IDE, 2 / (int)units, 2 % (int)units, "if=ide,index=2,media=cdrom", units, errp)) &&
           (!t->has_floppy || user_adds(floppies) || add_empty_drive(DRIVE_FLOPPY, 0, 0, "if=floppy,index=0", units, errp));
}

static bool open_drives(Error **errp)
{
    unsigned units = machine.type->drives_per_bus ? machine.type->drives_per_bus : 2;
    for (unsigned i = 0; i < cfg.blockdevs->len; i++)
        if (!blockdev_add(g_ptr_array_index(cfg.blockdevs, i), errp))
            return false;
    for (unsigned i = 0; i < cfg.drives->len; i++) {
        OptGroup *o = g_ptr_array_index(cfg.drives, i);
        if (cfg.snapshot)
            opts_set(o, "snapshot", "on");
        if (!drive_add(o, (DriveInterface)machine.type->default_drive, units, errp))
            return false;
    }
    return add_default_drives(units, errp);
}

/* ---- Process: daemon, pid file ---- */

/* Forks; the parent waits until the child says it is ready, and exits with its verdict. */
static bool daemonize_begin(Error **errp)
{
    int fds[2];
    if (pipe(fds)) {
        error_setg_errno(errp, errno, "-daemonize");
        return false;
    }
    pid_t pid = fork();
    if (pid < 0) {
        error_setg_errno(errp, errno, "-daemonize");
        return false;
    }
    if (pid > 0) {
        uint8_t status = 1;
        close(fds[1]);
        ssize_t n = read(fds[0], &status, 1);
        _exit(n == 1 ? status : 1);
    }
    close(fds[0]);
    daemon_pipe = fds[1];
    fcntl(daemon_pipe, F_SETFD, FD_CLOEXEC);
    setsid();
    return true;
}

static void daemonize_ready(void)
{
    uint8_t status = 0;
    if (daemon_pipe < 0)
        return;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    if (null > 2)
        close(null);
    if (chdir("/") || write(daemon_pipe, &status, 1) != 1)
        _exit(1);
    close(daemon_pipe);
}

static void remove_pidfile(void)
{
    if (pidfile_path)
        unlink(pidfile_path);
}

static bool write_pidfile(Error **errp)
{
    if (!cfg.pidfile)
        return true;
    int fd = open(cfg.pidfile, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
        error_setg_errno(errp, errno, "cannot create PID file '%s'", cfg.pidfile);
        return false;
    }
    char text[24];
    int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) || write(fd, text, (size_t)n) != n) {
        error_setg_errno(errp, errno, "cannot write PID file '%s'", cfg.pidfile);
        return false;
    }
    pidfile_path = realpath(cfg.pidfile, NULL);
    atexit(remove_pidfile);
    return true; /* the descriptor stays open: it holds the lock */
}

/* ---- The machine ---- */

/* -drive if=virtio stands for a device, too; after the user's, as their addresses are spelled out more often. */
static bool add_virtio_drives(Error **errp)
{
    Drive *d;
    for (unsigned i = 0; (d = drive_at(i)); i++) {
        if (d->interface != DRIVE_VIRTIO || d->used || blk_device(d->blk))
            continue;
        OptGroup *o = opts_parse("-device", "virtio-blk", "driver", NULL);
        opts_set(o, "drive", blk_name(d->blk));
        if (d->serial)
            opts_set(o, "serial", d->serial);
        d->used = true;
        bool ok = device_add(o, errp) != NULL;
        opts_free(o);
        if (!ok)
            return false;
    }
    return true;
}

static bool add_devices(Error **errp)
{
    for (unsigned i = 0; i < cfg.globals->len; i++)
        if (!device_add_global(g_ptr_array_index(cfg.globals, i), errp))
            return false;
    if (!machine.type->init(&machine, errp))
        return false;
    for (unsigned i = 0; i < cfg.devices->len; i++)
        if (!device_add(g_ptr_array_index(cfg.devices, i), errp))
            return false;
    return add_virtio_drives(errp);
}

static bool add_objects(Error **errp)
{
    for (unsigned i = 0; i < cfg.objects->len; i++) {
        OptGroup *o = g_ptr_array_index(cfg.objects, i);
        if (!object_add(o, errp)) {
            error_prepend(errp, "%s: ", o->source);
            return false;
        }
    }
    return true;
}

static bool start_replay(Error **errp)
{
    if (replay_mode == REPLAY_NONE)
        return true;
    runstate_record_requests();
    if (cfg.gdb)
        replay_keep_snapshots();
    return replay_start(errp);
}

static bool build(Error **errp)
{
    runstate_no_reboot = cfg.no_reboot;
    runstate_no_shutdown = cfg.no_shutdown;
    if (cfg.daemonize && !daemonize_begin(errp))
        return false;
    if (!write_pidfile(errp))
        return false;
    if (cfg.action && !monitor_set_actions(cfg.action, errp))
        return false;
    memory_init();
    cfg.target->init();
    return start_accelerator(errp) && (!cfg.icount || icount_configure(cfg.icount, errp)) && open_chardevs(errp) &&
           add_objects(errp) && open_drives(errp) && add_devices(errp) && drives_check_used(errp) && open_monitors(errp) && start_replay(errp);
}

static void cleanup(void)
{
    cpus_shutdown();
    replay_exit();
    if (machine.type && machine.type->exit)
        machine.type->exit(&machine);
    memory_transaction_begin(); /* no more views: boards' windows outlive the devices behind them; memory_exit() ends it */
    devices_exit();
    block_exit();
    objects_exit();
    monitors_exit();
    qmp_exit();
    chardevs_exit();
    smoke_exit();
    boot_order_exit();
    symbols_exit();
    tcg_exit();
    memory_exit();
    config_free(&cfg);
}

/* After the reset that starts the machine. */
static void start_from_snapshot(void *opaque)
{
    Error *err = NULL;
    if (!vm_loadvm(cfg.loadvm, NULL, NULL, &err)) {
        error_prepend(&err, "-loadvm %s: ", cfg.loadvm);
        error_report_err(err);
        main_loop_quit(1);
    } else if (!cfg.start_paused) {
        vm_start();
    }
}

int rhea_main(int argc, char **argv)
{
    Error *err = NULL;
    bool done;
    error_set_progname(argv[0]);
    if (!cmdline_parse(argc, argv, &cfg, &done, &err) || (!done && !configure(&err))) {
        error_report_err(err);
        return 1;
    }
    if (done)
        return 0;
    if (cfg.smoke_repeat) {
        int code = smoke_repeat(cfg.smoke_repeat, cfg.smoke_report, argc, argv, &err);
        if (err)
            error_report_err(err);
        return code;
    }
    symbols_use_kernel(cfg.kernel);
    machine_lock();
    if (!build(&err)) {
        error_report_err(err);
        chardevs_exit();
        return 1;
    }
    runstate_install_signal_handlers();
    if (!qtest_accel())
        cpus_start();
    if (cfg.gdb && !gdbserver_start(cfg.gdb, &err)) {
        error_report_err(err);
        cleanup();
        return 1;
    }
    system_reset_request(SHUTDOWN_START);
    daemonize_ready();
    if (cfg.smoke->len)
        smoke_start(argc, argv);
    if (cfg.loadvm)
        main_loop_run_soon(start_from_snapshot, NULL);
    else if (!cfg.start_paused)
        vm_start();
    if (cfg.qtest && !qtest_start(cfg.qtest, cfg.qtest_log, &err)) {
        error_report_err(err);
        cleanup();
        return 1;
    }
    int status = main_loop_run();
    runstate_signalled();
    qtest_exit();
    if (smoke_active())
        status = smoke_finish(status);
    gdbserver_exit(status);
    cleanup();
    return status;
}
