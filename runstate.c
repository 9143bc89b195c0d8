/* SPDX-License-Identifier: MIT */
/* Running, stopped, reset, shut down: requests from any thread become actions in the main loop. */
#include "cpu.h"
#include "exec/replay.h"
#include "exec/tb.h"
#include "hw/boards.h"
#include "target.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"
#include "util/timer.h"
#include "vl.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>

bool runstate_no_reboot, runstate_no_shutdown;
PanicAction runstate_panic_action = PANIC_SHUTDOWN;
WatchdogAction runstate_watchdog_action = WATCHDOG_RESET;
static bool running;         /* machine lock */
static RunState state = RUN_STATE_PRELAUNCH; /* machine lock */

#define LISTENERS_MAX 8
static void (*listeners[LISTENERS_MAX])(bool running, RunState state);
static unsigned nlisteners;

/* ---- Requests: acted on in the main loop, or where a recording has them ---- */

typedef enum Request { REQUEST_RESET, REQUEST_SHUTDOWN, REQUEST_POWERDOWN, REQUEST_WATCHDOG, REQUEST_EXIT } Request;
static ReplayInput *requests;
static void act_on(Request request, int arg);

static size_t deliver_request(void *opaque, const uint8_t *buf, size_t len)
{
    if (buf)
        act_on((Request)buf[0], (int8_t)buf[1]);
    return len < 2 ? 0 : 2;
}

void runstate_record_requests(void)
{
    requests = replay_input_new("requests", deliver_request, NULL);
}

static void request(Request request, int arg, void (*fn)(void *opaque))
{
    const uint8_t message[2] = { (uint8_t)request, (uint8_t)arg };
    if (replay_mode == REPLAY_NONE || !requests) {
        main_loop_run_soon(fn, GINT_TO_POINTER(arg));
        return;
    }
    replay_input_send(requests, message, sizeof(message));
    if (replay_mode == REPLAY_PLAY && !current_cpu)
        warn_report("the recording says what happens to the machine");
}

void vm_add_state_listener(void (*fn)(bool running, RunState state))
{
    g_assert(nlisteners < LISTENERS_MAX);
    listeners[nlisteners++] = fn;
}

static void (*event_listeners[LISTENERS_MAX])(MachineEvent event, ShutdownCause cause);
static unsigned nevent_listeners;

void vm_add_event_listener(void (*fn)(MachineEvent event, ShutdownCause cause))
{
    g_assert(nevent_listeners < LISTENERS_MAX);
    event_listeners[nevent_listeners++] = fn;
}

static void tell(MachineEvent event, ShutdownCause cause)
{
    for (unsigned i = 0; i < nevent_listeners; i++)
        event_listeners[i](event, cause);
}

const char *shutdown_cause_name(ShutdownCause cause, bool *by_guest)
{
    static const struct {
        const char *name;
        bool guest;
    } causes[] = {
        [SHUTDOWN_GUEST] = { "guest-shutdown", true },     [SHUTDOWN_GUEST_RESET] = { "guest-reset", true },
        [SHUTDOWN_HOST_SIGNAL] = { "host-signal", false }, [SHUTDOWN_MONITOR] = { "host-qmp-quit", false },
        [SHUTDOWN_QMP_QUIT] = { "host-qmp-quit", false },  [SHUTDOWN_QMP_RESET] = { "host-qmp-system-reset", false },
        [SHUTDOWN_PANIC] = { "guest-panic", true },        [SHUTDOWN_TRIPLE_FAULT] = { "guest-reset", true },
        [SHUTDOWN_START] = { "none", false },
    };
    *by_guest = causes[cause].guest;
    return causes[cause].name;
}

static void set_state(RunState s)
{
    state = s;
    for (unsigned i = 0; i < nlisteners; i++)
        listeners[i](running, s);
}

RunState vm_state(void)
{
    return state;
}

const char *run_state_name(RunState s)
{
    static const char *const names[RUN_STATES] = { "prelaunch", "running", "paused", "debug", "shutdown",
                                                   "guest-panicked", "watchdog", "io-error", "save-vm", "restore-vm" };
    return names[s];
}

bool vm_running(void)
{
    return running;
}

static void start(bool clock)
{
    if (running)
        return;
    running = true;
    replay_hold(false);
    if (clock)
        clock_virtual_enable(true);
    set_state(RUN_STATE_RUNNING);
    cpus_resume();
}

void vm_start(void)
{
    start(true);
}

void vm_start_clock_stopped(void)
{
    start(false);
}

void vm_stop_as(RunState why)
{
    if (!running)
        return;
    running = false;
    cpus_pause();
    clock_virtual_enable(false);
    set_state(why);
}

void vm_stop(void)
{
    vm_stop_as(RUN_STATE_PAUSED);
}

static void do_exit(void *opaque)
{
    main_loop_quit(GPOINTER_TO_INT(opaque));
    vm_stop();
}

void system_exit_request(int status)
{
    if (current_cpu)
        request(REQUEST_EXIT, status, do_exit);
    else
        main_loop_run_soon(do_exit, GINT_TO_POINTER(status));
}

static void do_shutdown(void *opaque)
{
    ShutdownCause cause = GPOINTER_TO_INT(opaque);
    if (cause != SHUTDOWN_QMP_QUIT && replay_keeps_snapshots()) { /* someone may want to go back from here */
        vm_stop_as(RUN_STATE_SHUTDOWN);
        return;
    }
    tell(MACHINE_SHUTDOWN, cause);
    if (!runstate_no_shutdown || cause == SHUTDOWN_QMP_QUIT)
        main_loop_quit(0); /* first: listeners can tell this stop from one that someone may end */
    vm_stop_as(RUN_STATE_SHUTDOWN);
}

void system_quit_request(void)
{
    main_loop_run_soon(do_shutdown, GINT_TO_POINTER(SHUTDOWN_QMP_QUIT));
}

static void do_panic(void *opaque)
{
    tell(MACHINE_PANIC, SHUTDOWN_PANIC);
    if (runstate_panic_action == PANIC_NONE)
        return;
    vm_stop_as(RUN_STATE_GUEST_PANICKED);
    if (runstate_panic_action == PANIC_PAUSE)
        return;
    tell(MACHINE_SHUTDOWN, SHUTDOWN_PANIC);
    if (!runstate_no_shutdown)
        main_loop_quit(runstate_panic_action == PANIC_EXIT_FAILURE);
}

void system_shutdown_request(ShutdownCause cause)
{
    request(REQUEST_SHUTDOWN, cause, cause == SHUTDOWN_PANIC ? do_panic : do_shutdown);
    if (current_cpu)
        cpu_exit(current_cpu);
}

static void tell_reset(void *opaque)
{
    tell(MACHINE_RESET, GPOINTER_TO_INT(opaque));
}

/* The machine as after power-on: devices in creation order, then the board, then vCPUs. In the main loop, or on the one
 * vCPU thread between slices. */
static void reset_machine(void *opaque)
{
    ShutdownCause cause = GPOINTER_TO_INT(opaque), told = cause == SHUTDOWN_GUEST ? SHUTDOWN_GUEST_RESET : cause;
    bool was_running = running && !current_cpu;
    if (current_cpu)
        main_loop_run_soon(tell_reset, GINT_TO_POINTER(told));
    else
        tell(MACHINE_RESET, told);
    if (was_running)
        cpus_pause();
    if (cause != SHUTDOWN_START)
        tb_flush_all(); /* memory is filled anew: all code at once costs less than page by page */
    CPU_FOREACH(cpu) {
        if (log_enabled(LOG_CPU_RESET)) {
            FILE *f = log_lock();
            if (f) {
                fprintf(f, "CPU Reset (CPU %d)\n", cpu->index);
                cpu->target->dump_state(cpu, f, false);
                log_unlock(f);
            }
        }
        cpu->target->reset(cpu);
    }
    device_reset_all();
    if (current_machine->type->reset)
        current_machine->type->reset(current_machine);
    reset_hooks_run();
    if (was_running)
        cpus_resume();
    else if (!running && !current_cpu)
        state = RUN_STATE_PRELAUNCH; /* whatever had stopped it: it may be started. Nothing stops or goes on now: nobody is told */
}

void system_reset_request(ShutdownCause cause)
{
    if (runstate_no_reboot && cause != SHUTDOWN_MONITOR && cause != SHUTDOWN_QMP_RESET && cause != SHUTDOWN_START) {
        system_shutdown_request(cause == SHUTDOWN_GUEST ? SHUTDOWN_GUEST_RESET : cause);
        return;
    }
    if (cause == SHUTDOWN_START) /* before the first instruction */
        main_loop_run_soon(reset_machine, GINT_TO_POINTER(cause));
    else
        request(REQUEST_RESET, cause, reset_machine);
    if (current_cpu)
        cpu_exit(current_cpu);
}

static void do_powerdown(void *opaque)
{
    tell(MACHINE_POWERDOWN, SHUTDOWN_MONITOR);
    if (current_machine->type->powerdown)
        current_machine->type->powerdown(current_machine);
}

void system_powerdown_request(void)
{
    request(REQUEST_POWERDOWN, 0, do_powerdown);
}

static void do_watchdog(void *opaque)
{
    tell(MACHINE_WATCHDOG, SHUTDOWN_MONITOR);
    switch (runstate_watchdog_action) {
    case WATCHDOG_RESET: system_reset_request(SHUTDOWN_GUEST); break;
    case WATCHDOG_SHUTDOWN: system_powerdown_request(); break;
    case WATCHDOG_POWEROFF: system_shutdown_request(SHUTDOWN_GUEST); break;
    case WATCHDOG_PAUSE: vm_stop_as(RUN_STATE_WATCHDOG); break;
    case WATCHDOG_DEBUG: fprintf(stderr, "watchdog: timer fired\n"); break;
    case WATCHDOG_INJECT_NMI:
        if (current_machine->type->nmi)
            current_machine->type->nmi(current_machine);
        break;
    case WATCHDOG_NONE: break;
    }
}

void system_watchdog_expired(void)
{
    request(REQUEST_WATCHDOG, 0, do_watchdog);
}

/* On the vCPU thread, between slices. What stops the machine is the main loop's; until then nothing runs. */
static void act_on(Request request, int arg)
{
    void *opaque = GINT_TO_POINTER(arg);
    switch (request) {
    case REQUEST_RESET: reset_machine(opaque); break;
    case REQUEST_POWERDOWN: do_powerdown(opaque); break;
    case REQUEST_WATCHDOG:
        replay_hold(runstate_watchdog_action == WATCHDOG_PAUSE);
        if (runstate_watchdog_action == WATCHDOG_PAUSE)
            main_loop_run_soon(do_watchdog, opaque);
        else
            do_watchdog(opaque);
        break;
    case REQUEST_SHUTDOWN:
        replay_hold(arg != SHUTDOWN_PANIC || runstate_panic_action != PANIC_NONE);
        main_loop_run_soon(arg == SHUTDOWN_PANIC ? do_panic : do_shutdown, opaque);
        break;
    case REQUEST_EXIT:
        replay_hold(true);
        main_loop_run_soon(do_exit, opaque);
        break;
    }
}

/* ---- Host signals end the program in order, with the terminal restored ---- */

static volatile sig_atomic_t caught_signal;

bool runstate_signalled(void)
{
    if (caught_signal)
        tell(MACHINE_SHUTDOWN, SHUTDOWN_HOST_SIGNAL);
    return caught_signal;
}

static void terminate(int sig)
{
    if (caught_signal)
        _Exit(1); /* asked twice: something is stuck */
    caught_signal = sig;
    main_loop_quit(0);
}

void runstate_install_signal_handlers(void)
{
    struct sigaction sa = { .sa_handler = terminate };
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}
