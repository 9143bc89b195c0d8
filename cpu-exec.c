/* SPDX-License-Identifier: MIT */
/*
 * The loop of a vCPU: deliver an exception, take an interrupt, find the TB, run it, chain it. Generated
 * code comes back here only when a link is missing or exit_request is set; helpers come back by long
 * jump.
 */
#include "cpu.h"
#include "exec/icount.h"
#include "exec/replay.h"
#include "exec/tb-internal.h"
#include "exec/tlb-internal.h"
#include "symbols.h"
#include "target.h"
#include "util/log.h"
#include "util/main-loop.h"

#include <glib.h>
#include <inttypes.h>

__thread CPUState *current_cpu;

/* ---- The host's FP control register ---- */

#ifdef __x86_64__
#define C_FPCSR 0x1f80 /* all masked, round to nearest */
static inline uint32_t host_fpcsr_get(void)
{
    return __builtin_ia32_stmxcsr();
}
static inline void host_fpcsr_set(uint32_t v)
{
    __builtin_ia32_ldmxcsr(v);
}
#else
#define C_FPCSR 0
static inline uint32_t host_fpcsr_get(void)
{
    return 0;
}
static inline void host_fpcsr_set(uint32_t v)
{
    (void)v;
}
#endif

void cpu_fp_enter(CPUState *cpu)
{
    cpu->fp_entered = true;
    host_fpcsr_set(cpu->host_fpcsr);
}

void cpu_fp_leave(CPUState *cpu)
{
    cpu->host_fpcsr = host_fpcsr_get();
    host_fpcsr_set(C_FPCSR);
    cpu->fp_entered = false;
}

uint32_t cpu_fp_get(CPUState *cpu)
{
    return cpu->fp_entered ? host_fpcsr_get() : cpu->host_fpcsr;
}

void cpu_fp_set(CPUState *cpu, uint32_t value)
{
    cpu->host_fpcsr = value;
    if (cpu->fp_entered)
        host_fpcsr_set(value);
}

/* ---- Leaving, with exact state ---- */

void cpu_loop_exit(CPUState *cpu)
{
    g_assert(cpu->in_exec);
    interp_return_address = 0;
    longjmp(cpu->jmp_env, 1);
}

bool cpu_restore_state(CPUState *cpu, uintptr_t retaddr)
{
    TranslationBlock *tb = retaddr ? tb_find_host(retaddr) : NULL;
    InsnData data;
    unsigned index;
    if (!tb || !unwind_find_index(tb, (uint32_t)(retaddr - (uintptr_t)tb->code), &data, &index))
        return false;
    cpu->target->restore_state(cpu, tb, &data);
    if (tb->flags & TB_ICOUNT) {
        cpu->icount_left += (int)tb->insns - (int)index;
        icount_sync(cpu, 0);
    }
    return true;
}

void cpu_loop_exit_restore(CPUState *cpu, uintptr_t retaddr)
{
    cpu_restore_state(cpu, retaddr);
    cpu_loop_exit(cpu);
}

void cpu_update_key(CPUState *cpu)
{
    uint32_t flags = cpu->target->tb_state(cpu).flags;
    cpu->jc_key = (uint64_t)tlb_code_epoch(cpu, flags) << 32 | flags;
}

/* ---- Exceptions ---- */

static bool stop_for_debugger(CPUState *cpu, int why)
{
    cpu->debug_stop = (uint8_t)why;
    return true;
}

/* The debugger's step ends here. */
static bool step_done(const CPUState *cpu, uint64_t pc)
{
    return cpu->singlestep && (pc < cpu->step_start || pc >= cpu->step_end || cpu_breakpoint_at(cpu, pc, BP_GDB));
}

/*
 * A breakpoint, watchpoint or step: true when the debugger has to see it. Guest debug registers raise
 * their exception from debug_excp. A breakpoint that belongs to another vCPU's debug registers is stepped over.
 */
static bool debugger_wants(CPUState *cpu)
{
    uint64_t pc = cpu->target->tb_state(cpu).pc;
    struct Watchpoint *w = cpu->watchpoint_hit;
    bool breakpoint = cpu->breakpoint_hit;
    cpu->breakpoint_hit = false;
    if (breakpoint && cpu_breakpoint_at(cpu, pc, BP_GDB) && !replay_note_hit(cpu, false))
        return stop_for_debugger(cpu, DEBUG_STOP_BREAKPOINT);
    if (!breakpoint && w && w->flags & BP_GDB && !replay_note_hit(cpu, true))
        return stop_for_debugger(cpu, DEBUG_STOP_WATCHPOINT);
    if ((breakpoint || w) && cpu->target->debug_excp)
        cpu->target->debug_excp(cpu);
    if (!breakpoint && step_done(cpu, pc))
        return stop_for_debugger(cpu, DEBUG_STOP_STEP);
    cpu->watchpoint_hit = NULL;
    cpu->skip_breakpoint = breakpoint;
    return false;
}

/* Delivers exception_index; false when cpu_exec must return it instead. */
static bool deliver_exception(CPUState *cpu, int *why)
{
    int e = cpu->exception_index;
    if (e == EXCP_HLT || e == EXCP_YIELD) /* EXCP_DEBUG is not part of the run */
        icount_count_one(cpu);
    if (e == EXCP_HLT && cpu->singlestep) { /* the step has been made; what follows is waiting */
        cpu->debug_stop = DEBUG_STOP_STEP;
        e = EXCP_DEBUG;
    } else if (e == EXCP_DEBUG && !debugger_wants(cpu)) {
        cpu->exception_index = EXCP_NONE;
        return true;
    }
    if (e >= EXCP_INTERRUPT) {
        cpu->exception_index = EXCP_NONE;
        *why = e;
        return false;
    }
    cpu->one_insn = false;
    cpu->watchpoint_hit = NULL;
    cpu->breakpoint_hit = false;
    cpu->tlb->stats.exceptions++;
    cpu->target->do_exception(cpu);
    icount_count_one(cpu);
    cpu->exception_index = cpu->singlestep ? EXCP_DEBUG : EXCP_NONE;
    return true;
}

/* ---- Interrupts and requests ---- */

static inline bool something_pending(CPUState *cpu)
{
    return atomic_load_explicit(&cpu->exit_request, memory_order_relaxed) ||
           atomic_load_explicit(&cpu->interrupt_request, memory_order_relaxed);
}

/* At a point where this thread holds no TB. False when cpu_exec must return *why. */
static bool handle_pending(CPUState *cpu, int *why)
{
    atomic_store(&cpu->exit_request, 0); /* before looking: whoever sets it has set its reason first */
    atomic_fetch_add(&cpu->exec_seq, 2);
    atomic_fetch_add(&cpu->store_seq, 2);
    tlb_run_pending(cpu);
    uint32_t request = atomic_load(&cpu->interrupt_request);
    if (request & CPU_INTERRUPT_EXITTB)
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_EXITTB);
    if (request & CPU_INTERRUPT_DEBUG) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_DEBUG);
        cpu->exception_index = EXCP_DEBUG;
        return true;
    }
    if (cpu->singlestep & SSTEP_NOIRQ)
        request &= ~CPU_INTERRUPT_HARD; /* a step is not to end in some interrupt handler */
    if (icount_enabled() && cpu->icount_left <= 0) {
        *why = EXCP_INTERRUPT;
        return false;
    }
    if (request && !cpu->one_insn && replay_interrupt_allowed() && cpu->target->exec_interrupt(cpu, request) && icount_enabled()) {
        replay_interrupt_taken();
        icount_count_one(cpu);
    }
    cpu->woken = false;
    if (cpu->halted) {
        *why = EXCP_HLT;
        return false;
    }
    if (cpu_wanted(cpu) || (icount_enabled() && cpu->icount_left <= 0)) {
        *why = EXCP_INTERRUPT;
        return false;
    }
    return true;
}

/* ---- Running ---- */

static void log_tb(CPUState *cpu, const TranslationBlock *tb)
{
    if (!log_in_filter(tb->state.pc))
        return;
    FILE *out = log_lock();
    if (!out)
        return;
    if (log_enabled(LOG_EXEC)) {
        uint64_t distance;
        const char *name = symbols_find(tb->state.pc, true, &distance);
        fprintf(out, "Trace %d: %p [%08" PRIx64 "/%016" PRIx64 "/%08x/%08x] %s\n", cpu->index, (const void *)tb->code,
                tb->state.cs_base, tb->state.pc, tb->state.flags, tb->flags, name ? name : "");
    }
    if (log_enabled(LOG_CPU))
        cpu->target->dump_state(cpu, out, log_enabled(LOG_FPU));
    log_unlock(out);
}

static uintptr_t run_tb(CPUState *cpu, TranslationBlock *tb)
{
    if (log_enabled(LOG_EXEC | LOG_CPU))
        log_tb(cpu, tb);
    cpu_fp_enter(cpu);
    cpu->in_code = true;
    uintptr_t left = tcg_backend()->exec(cpu, tb);
    cpu->in_code = false;
    cpu_fp_leave(cpu);
    return left;
}

/* One instruction, in a TB that is then forgotten; for steps and for stores into their own TB. */
static void run_one_insn(CPUState *cpu, const TBState *state)
{
    TranslationBlock *tb = tb_gen_code(cpu, state, 1);
    run_tb(cpu, tb);
    cpu->skip_breakpoint = false;
    cpu->one_insn = false;
    if (cpu->singlestep || cpu->watchpoint_hit)
        cpu->exception_index = EXCP_DEBUG;
}

/* Under -icount the last TB before a deadline is made to measure. */
static TranslationBlock *fit_budget(CPUState *cpu, TranslationBlock *tb, const TBState *state)
{
    if (!icount_enabled() || cpu->icount_left >= tb->insns)
        return tb;
    cpu->skip_breakpoint = true; /* makes it a TB for this once */
    tb = tb_gen_code(cpu, state, (unsigned)cpu->icount_left);
    cpu->skip_breakpoint = false;
    return tb;
}

/* Runs TBs until something wants attention. Returns with *why when cpu_exec must. */
static bool run_chain(CPUState *cpu, int *why)
{
    TranslationBlock *last = NULL;
    unsigned slot = 0;
    do {
        TBState state = cpu->target->tb_state(cpu);
        state.careful = cpu->careful;
        cpu->careful = false;
        cpu->jc_key = (uint64_t)tlb_settle_epoch(cpu, state.flags) << 32 | state.flags;
        if (icount_enabled() && cpu->icount_left <= 0) {
            *why = EXCP_INTERRUPT;
            return false;
        }
        if (UNLIKELY(cpu->one_insn | cpu->singlestep | cpu->skip_breakpoint)) {
            run_one_insn(cpu, &state);
            return true;
        }
        uint32_t seq = atomic_load_explicit(&cpu->exec_seq, memory_order_relaxed);
        TranslationBlock *tb = fit_budget(cpu, tb_find(cpu, &state), &state);
        if (last && seq == atomic_load_explicit(&cpu->exec_seq, memory_order_relaxed))
            tb_add_jump(last, slot, tb);
        uintptr_t left = run_tb(cpu, tb);
        slot = left & TB_EXIT_MASK;
        cpu->tlb->stats.exits[slot]++;
        last = slot < TB_SLOTS ? (TranslationBlock *)(left & ~(uintptr_t)TB_EXIT_MASK) : NULL;
        if (UNLIKELY(slot == TB_EXIT_HOT))
            tb_heat_up(cpu, (TranslationBlock *)(left & ~(uintptr_t)TB_EXIT_MASK));
    } while (!something_pending(cpu) && cpu->exception_index == EXCP_NONE);
    return true;
}

/* The thread came here by long jump from a helper, anywhere. */
static void after_long_jump(CPUState *cpu)
{
    cpu->in_code = false;
    cpu->tlb->stats.long_jumps++;
    if (cpu->fp_entered)
        cpu_fp_leave(cpu);
    if (cpu->exclusive)
        cpus_exclusive_abort(cpu);
    if (machine_lock_held())
        machine_unlock();
}

static int run_loop(CPUState *cpu)
{
    int why = EXCP_INTERRUPT;
    for (;;) {
        if (cpu->exception_index != EXCP_NONE) {
            if (!deliver_exception(cpu, &why))
                return why;
        } else if (something_pending(cpu) && !handle_pending(cpu, &why)) {
            return why;
        } else if (cpu->exception_index == EXCP_NONE && !run_chain(cpu, &why)) {
            return why;
        }
    }
}

int cpu_exec(CPUState *cpu)
{
    if (cpu->halted) {
        if (!cpu->target->has_work(cpu))
            return EXCP_HLT;
        cpu->halted = false;
        cpu->woken = true;
    }
    atomic_fetch_add(&cpu->exec_seq, 1);
    atomic_fetch_add(&cpu->store_seq, 1);
    if (tcg_backend()->set_bank)
        tcg_backend()->set_bank(cpu, cpu->bank);
    atomic_store(&cpu->exit_request, 1); /* look at everything once */
    cpu->in_exec = true;
    if (setjmp(cpu->jmp_env))
        after_long_jump(cpu);
    int why = run_loop(cpu);
    cpu->tlb->stats.halts += why == EXCP_HLT;
    if (cpu->target->exec_exit)
        cpu->target->exec_exit(cpu);
    cpu->in_exec = false;
    atomic_fetch_add(&cpu->store_seq, 1);
    atomic_fetch_add(&cpu->exec_seq, 1);
    return why;
}
