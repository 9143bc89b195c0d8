/* SPDX-License-Identifier: MIT */
/*
 * Resuming and stopping for gdb, in all-stop mode: which vCPUs run, step or stay (c, s, vCont), stop replies,
 * Ctrl-C, detach and kill. Signals that gdb asks to deliver mean nothing to a machine.
 */
#include "internal.h"
#include "exec/replay.h"
#include "hw/boards.h"
#include "util/error.h"
#include "util/main-loop.h"

#include <inttypes.h>

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5 }; /* gdb's numbers */

/* ---- Stop replies ---- */

static void send_stop(unsigned signal, const CPUState *cpu, const char *reason)
{
    char *id = gdb_thread_id(cpu), *text = g_strdup_printf("T%02xthread:%s;%s", signal, id, reason);
    gdb_send_text(text);
    g_free(text);
    g_free(id);
}

static void send_watch_stop(const CPUState *cpu)
{
    const struct Watchpoint *w = cpu->watchpoint_hit;
    int access = w->flags & BP_MEM_ACCESS;
    char reason[32];
    snprintf(reason, sizeof(reason), "%swatch:%" PRIx64 ";", access == BP_MEM_ACCESS ? "a" : access == BP_MEM_READ ? "r" : "",
             w->hit_addr);
    send_stop(SIGNAL_TRAP, cpu, reason);
}

void gdb_stop_reply(void)
{
    send_stop(SIGNAL_TRAP, gdb.g_cpu, "");
}

static bool has_watch_hit(const CPUState *cpu)
{
    return cpu->watchpoint_hit && cpu->watchpoint_hit->flags & BP_GDB;
}

static void report_stop_of(CPUState *cpu)
{
    gdb.awaiting_stop = false;
    gdb.g_cpu = gdb.c_cpu = cpu;
    if (cpu->debug_stop == DEBUG_STOP_WATCHPOINT && has_watch_hit(cpu))
        send_watch_stop(cpu);
    else if (cpu->debug_stop == DEBUG_STOP_BREAKPOINT && gdb.swbreak)
        send_stop(SIGNAL_TRAP, cpu, "swbreak:;");
    else
        send_stop(SIGNAL_TRAP, cpu, "");
}

void gdb_forget_vcpus(void)
{
    CPU_FOREACH(cpu)
    {
        cpu->singlestep = 0;
        cpu->step_start = cpu->step_end = 0;
        cpu->held = false;
    }
}

/* A vCPU stopped for the debugger; the others still run. Machine lock. */
static void vcpu_stopped(CPUState *cpu)
{
    if (!cpu->stop && !cpu->stopped)
        return; /* someone let it go on meanwhile */
    if (!gdb.attached) {
        cpu->stop = cpu->stopped = !vm_running();
        cpu_kick(cpu);
        return;
    }
    if (!vm_running()) { /* after another one's stop: a breakpoint will be met again, this would be lost */
        if (cpu->debug_stop == DEBUG_STOP_WATCHPOINT && has_watch_hit(cpu))
            gdb.pending_watch = cpu;
        return;
    }
    bool report = gdb.awaiting_stop;
    gdb.awaiting_stop = false; /* the listener has nothing to add */
    vm_stop_as(RUN_STATE_DEBUG);
    if (report)
        report_stop_of(cpu);
}

/* The machine was started or stopped, by whomever. */
static void state_changed(bool running, RunState state)
{
    if (running)
        return;
    gdb_forget_vcpus();
    if (!gdb.attached || !gdb.awaiting_stop || main_loop_quitting()) /* the exit will be reported */
        return;
    gdb.awaiting_stop = false;
    if (replay_at_end()) {
        send_stop(SIGNAL_TRAP, gdb.c_cpu, "replaylog:end;");
        return;
    }
    send_stop(state == RUN_STATE_PAUSED || state == RUN_STATE_SHUTDOWN ? SIGNAL_INT : SIGNAL_TRAP, gdb.c_cpu, "");
}

void gdb_run_init(void)
{
    cpu_debug_hook = vcpu_stopped;
    vm_add_state_listener(state_changed);
}

/* ---- Resuming ---- */

static bool stopped_at_breakpoint(CPUState *cpu)
{
    return gdb_wants_breakpoint(cpu->target->tb_state(cpu).pc);
}

/* One vCPU as planned. True when code beyond one instruction will run, or a breakpoint is to be met. */
static bool apply_plan(CPUState *cpu, const CPUPlan *plan)
{
    cpu->held = plan->action == ACTION_NONE && replay_mode == REPLAY_NONE; /* else the recording knows whose turn it is */
    cpu->singlestep = plan->action == ACTION_STEP ? (uint8_t)gdb.sstep : 0;
    cpu->step_start = plan->step_start;
    cpu->step_end = plan->step_end;
    if (!cpu->one_insn)
        cpu->watchpoint_hit = NULL;
    /* What is still translated for a breakpoint that gdb has taken out to step off it. */
    cpu->skip_breakpoint = plan->action == ACTION_STEP && !stopped_at_breakpoint(cpu);
    return plan->action == ACTION_CONTINUE || plan->step_end || (plan->action == ACTION_STEP && stopped_at_breakpoint(cpu));
}

/* A step leaves CLOCK_VIRTUAL alone, unless something else runs or waits. */
static bool clock_runs(const CPUState *cpu, const CPUPlan *plan)
{
    return plan->action == ACTION_CONTINUE ||
           (plan->action == ACTION_STEP && (!(gdb.sstep & SSTEP_NOTIMER) || plan->step_end || cpu->halted));
}

/* A hit that came together with an earlier stop is reported instead of running. */
static bool report_pending(const CPUPlan *plans)
{
    CPUState *cpu = gdb.pending_watch;
    gdb.pending_watch = NULL;
    if (!cpu || !has_watch_hit(cpu) || plans[cpu->index].action == ACTION_NONE)
        return false;
    report_stop_of(cpu);
    return true;
}

static void resume(const CPUPlan *plans)
{
    bool sync = false, clock = false;
    gdb_points_sync(false);
    if (report_pending(plans))
        return;
    CPU_FOREACH(cpu)
    {
        sync |= apply_plan(cpu, &plans[cpu->index]);
        clock |= clock_runs(cpu, &plans[cpu->index]);
    }
    gdb_points_sync(sync);
    if (replay_at_end()) {
        gdb_forget_vcpus();
        send_stop(SIGNAL_TRAP, gdb.c_cpu, "replaylog:end;");
        return;
    }
    gdb.awaiting_stop = true;
    if (clock)
        vm_start();
    else
        vm_start_clock_stopped();
}

static CPUPlan *new_plans(void)
{
    unsigned n = 0;
    CPU_FOREACH(cpu)
        n++;
    return g_new0(CPUPlan, n);
}

typedef struct PCWrite {
    uint64_t pc;
} PCWrite;

static void set_pc(CPUState *cpu, void *opaque)
{
    const PCWrite *w = opaque;
    *(uint64_t *)((char *)cpu + cpu->target->pc_offset) = w->pc;
}

void gdb_step_or_continue(Packet p, CPUAction action, bool with_signal)
{
    uint64_t signal;
    PCWrite w;
    bool has_addr = !with_signal && !packet_done(&p);
    if (with_signal) {
        if (!packet_hex(&p, &signal)) {
            gdb_error(0x22);
            return;
        }
        has_addr = packet_char(&p, ';');
    }
    if (has_addr && !packet_hex(&p, &w.pc)) {
        gdb_error(0x22);
        return;
    }
    if (has_addr)
        cpu_run_on(gdb.c_cpu, set_pc, &w);
    CPUPlan *plans = new_plans();
    CPU_FOREACH(cpu) /* a step holds the others, as "c" lets all run */
        plans[cpu->index].action = action == ACTION_CONTINUE || cpu == gdb.c_cpu ? action : ACTION_NONE;
    resume(plans);
    g_free(plans);
}

/* One ";ACTION[:THREAD]" of vCont. */
static bool parse_action(Packet *p, CPUPlan *plan, int64_t *tid)
{
    uint64_t ignored;
    char c = p->p < p->end ? (char)*p->p++ : 0;
    *plan = (CPUPlan){ .action = c == 'c' || c == 'C' ? ACTION_CONTINUE : ACTION_STEP };
    switch (c) {
    case 'c':
    case 's': break;
    case 'C':
    case 'S':
        if (!packet_hex(p, &ignored))
            return false;
        break;
    case 'r':
        if (!packet_hex(p, &plan->step_start) || !packet_char(p, ',') || !packet_hex(p, &plan->step_end))
            return false;
        break;
    default: return false;
    }
    *tid = -1;
    return !packet_char(p, ':') || packet_thread(p, tid);
}

void gdb_vcont(Packet p)
{
    CPUPlan *plans = new_plans(), plan;
    bool any = false, ok = !packet_done(&p);
    int64_t tid;
    while (ok && !packet_done(&p)) {
        ok = packet_char(&p, ';') && parse_action(&p, &plan, &tid) && gdb_cpu_of(tid);
        if (!ok)
            break;
        CPU_FOREACH(cpu)
        {
            bool meant = tid == -1 || cpu->index + 1 == tid || (tid == 0 && cpu == gdb.c_cpu);
            if (meant && plans[cpu->index].action == ACTION_NONE) { /* the first that fits counts */
                plans[cpu->index] = plan;
                any = true;
            }
        }
    }
    if (ok && any)
        resume(plans);
    else
        gdb_error(0x22);
    g_free(plans);
}

/* ---- Backwards ---- */

static void report_place(const char *reason)
{
    CPUState *cpu = gdb_cpu_of(replay_cpu() + 1);
    gdb.g_cpu = gdb.c_cpu = cpu ? cpu : first_cpu;
    send_stop(SIGNAL_TRAP, gdb.g_cpu, reason);
}

static void step_done(void *opaque)
{
    report_place("");
}

static void continue_done(bool hit)
{
    report_place(!hit ? "replaylog:begin;" : gdb.swbreak && stopped_at_breakpoint(gdb_cpu_of(replay_cpu() + 1)) ? "swbreak:;" : "");
}

static void prepare_to_go_back(void)
{
    gdb_forget_vcpus();
    gdb.pending_watch = NULL;
    gdb_points_sync(true);
}

void gdb_reverse_step(Packet p)
{
    Error *err = NULL;
    uint64_t now = replay_position();
    if (replay_mode != REPLAY_PLAY) {
        gdb_error(0x14);
        return;
    }
    prepare_to_go_back();
    if (now <= replay_first_position())
        report_place("replaylog:begin;");
    else if (!replay_seek(now - 1, step_done, NULL, &err)) {
        error_report_err(err);
        gdb_error(0x14);
    }
}

void gdb_reverse_continue(Packet p)
{
    if (replay_mode != REPLAY_PLAY) {
        gdb_error(0x14);
        return;
    }
    prepare_to_go_back();
    replay_reverse_continue(continue_done);
}

/* ---- Interrupting and leaving ---- */

void gdb_interrupt(void)
{
    if (replay_seeking()) {
        replay_cancel();
        gdb.awaiting_stop = true;
    }
    if (gdb.syscall_cpu)
        gdb.syscall_break = true;
    else if (gdb.attached && vm_running())
        vm_stop();
}

void gdb_detach(Packet p)
{
    uint64_t pid = 1;
    if (packet_char(&p, ';') && (!packet_hex(&p, &pid) || pid != 1)) {
        gdb_error(0x22);
        return;
    }
    gdb_end_session();
    gdb_send_text("OK");
    gdb.attached = true; /* the connection: gdb may go on talking */
    vm_start();
}

void gdb_kill(void)
{
    error_report("Terminated via GDBstub");
    gdb.attached = false;
    system_exit_request(0);
}
