/* SPDX-License-Identifier: MIT */
/* Machines: what -M names. */
#ifndef RHEA_HW_BOARDS_H
#define RHEA_HW_BOARDS_H

#include "hw/device.h"

/* The configuration vl.c gathered; boards read it. Strings live as long as the machine. */
struct MachineState {
    const MachineType *type;
    uint64_t ram_size;
    unsigned cpus, max_cpus, sockets, dies, cores, threads;
    const char *cpu_model;        /* NULL = board's default */
    const char *kernel, *initrd, *append, *dtb, *bios;
    const char *boot_order, *boot_once;
    bool boot_menu, boot_strict;
    const char *boot_splash;      /* picture file */
    int64_t boot_splash_time;     /* ms, negative: not said */
    int64_t boot_reboot_timeout;  /* ms, -1: never */
    const char *name;             /* -name */
    uint8_t uuid[16];
    bool uuid_set;
    bool nodefaults;
    const char *vga;              /* -vga: the type of card, "none"; the default when nothing was said */
    bool nographic;
    Chardev *serial[4];           /* NULL = no such port */
    Chardev *debugcon;
    bool rtc_localtime;
    int64_t rtc_start;            /* seconds since the epoch, INT64_MIN = now */
    int rtc_clock;                /* ClockType of util/timer.h */
    OptGroup *options;            /* -M pc,key=value; boards read with opts_get_* */
    void *board;                  /* the board's own state */
};

struct MachineType {
    const char *name, *desc, *alias;
    bool is_default;
    const char *target;           /* "x86": i386 and x86_64; "arm"; NULL any */
    uint64_t default_ram;
    unsigned max_cpus;
    const char *default_cpu;      /* NULL = the target's */
    bool takes_vga;               /* -vga makes a card */
    bool has_cdrom, has_floppy;   /* empty drives unless the user has others there (-nodefaults) */
    unsigned drives_per_bus;      /* of -drive if=ide; 0 = 2 */
    int default_drive;            /* DriveInterface of -drive without if= (block/block.h); 0 = IDE */
    const Property *props;        /* offsets unused: name, kind, default, desc for help and checking */
    bool (*init)(MachineState *m, Error **errp);
    void (*reset)(MachineState *m);   /* after all devices and vCPUs were reset, before any runs: says where
                                         they start; NULL = none */
    void (*exit)(MachineState *m);
    void (*powerdown)(MachineState *m); /* power button */
    void (*set_boot_order)(MachineState *m, const char *order); /* "cd": for the next start; NULL: cannot */
    void (*nmi)(MachineState *m);       /* inject-nmi; NULL: the board has none */
};
#define machine_type(t) \
    __attribute__((constructor)) static void machine_type_register_##t(void) { machine_type_register(&t); }
void machine_type_register(const MachineType *t);
const MachineType *machine_type_find(const char *name, const char *target);
const MachineType *machine_type_default(const char *target);
void machine_type_foreach(const char *target, void (*fn)(const MachineType *t, void *opaque), void *opaque);
void machine_type_list(FILE *out, const char *target); /* -M help */
/* -M TYPE,help */
void machine_type_help(const MachineType *t, FILE *out);
extern MachineState *current_machine;

/* Run state: vl.c / run-state.c. Any thread. */
typedef enum ShutdownCause {
    SHUTDOWN_GUEST, SHUTDOWN_HOST_SIGNAL, SHUTDOWN_MONITOR, SHUTDOWN_TRIPLE_FAULT, SHUTDOWN_PANIC, SHUTDOWN_QMP_QUIT,
    SHUTDOWN_QMP_RESET, SHUTDOWN_GUEST_RESET, SHUTDOWN_START
} ShutdownCause;
void system_shutdown_request(ShutdownCause cause);  /* -no-shutdown: stops instead */
void system_exit_request(int status);               /* isa-debug-exit: ends with this status */
void system_reset_request(ShutdownCause cause);     /* -no-reboot: shuts down instead */
void system_powerdown_request(void);
void vm_start(void);
void vm_stop(void);                                 /* as RUN_STATE_PAUSED */
bool vm_running(void);
/* Why the machine runs or stands; the names are those of QMP's RunState. Machine lock. */
typedef enum RunState {
    RUN_STATE_PRELAUNCH, RUN_STATE_RUNNING, RUN_STATE_PAUSED, RUN_STATE_DEBUG, RUN_STATE_SHUTDOWN,
    RUN_STATE_GUEST_PANICKED, RUN_STATE_WATCHDOG, RUN_STATE_IO_ERROR, RUN_STATE_SAVE_VM, RUN_STATE_RESTORE_VM,
    RUN_STATES
} RunState;
RunState vm_state(void);
const char *run_state_name(RunState state);
void vm_stop_as(RunState why);                      /* when it runs */
/* Starts without letting CLOCK_VIRTUAL run: for single steps. */
void vm_start_clock_stopped(void);
/* What else happens to the machine: called in the main loop before it is acted on (SHUTDOWN_START: the reset
 * that starts a run). Machine lock. */
typedef enum MachineEvent { MACHINE_RESET, MACHINE_SHUTDOWN, MACHINE_POWERDOWN, MACHINE_PANIC, MACHINE_WATCHDOG } MachineEvent;
void vm_add_event_listener(void (*fn)(MachineEvent event, ShutdownCause cause));
/* Nothing is asked of the guest: ends the program, with -no-shutdown too. */
void system_quit_request(void);
/* What is done about a guest's panic, reboot or power-off: -action, set-action. */
typedef enum PanicAction { PANIC_PAUSE, PANIC_SHUTDOWN, PANIC_EXIT_FAILURE, PANIC_NONE } PanicAction;
extern PanicAction runstate_panic_action; /* machine lock */
/* What a watchdog device does when it expires; the order is that of QMP's WatchdogAction. */
typedef enum WatchdogAction {
    WATCHDOG_RESET, WATCHDOG_SHUTDOWN, WATCHDOG_POWEROFF, WATCHDOG_PAUSE, WATCHDOG_DEBUG, WATCHDOG_NONE, WATCHDOG_INJECT_NMI
} WatchdogAction;
extern WatchdogAction runstate_watchdog_action; /* machine lock */
/* A watchdog expired: tells the monitors and acts. Machine lock. */
void system_watchdog_expired(void);
/* QMP's name of a cause; by_guest: the guest asked. */
const char *shutdown_cause_name(ShutdownCause cause, bool *by_guest);
/* Called after each start and stop, in the order of registration. Main loop, machine lock. */
void vm_add_state_listener(void (*fn)(bool running, RunState state));

#endif
