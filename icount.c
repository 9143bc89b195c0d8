/* SPDX-License-Identifier: MIT */
/*
 * Instruction counting: CLOCK_VIRTUAL = executed instructions << shift, plus what was skipped or waited
 * while all vCPUs were halted. One thread runs all vCPUs, each up to the next timer's deadline, so a run
 * without outside input repeats exactly.
 * Left out: align=on (slowing down to real time), adapting the shift while running.
 */
#include "exec/icount.h"
#include "exec/replay.h"
#include "exec/tb-internal.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/options.h"
#include "util/timer.h"

#include <string.h>

#define AUTO_SHIFT 3
#define MAX_BUDGET (1 << 30)
#define SHARED_BUDGET 50000 /* when several vCPUs take turns */

bool icount_on;
static unsigned shift;
static bool sleep_when_idle = true;

/* vCPU thread; others read the clock of finished slices through the atomics */
static _Atomic int64_t executed; /* instructions of finished slices */
static _Atomic int64_t skipped;  /* ns of halted time */
static _Atomic int64_t latest;   /* the clock never runs backwards */
static _Atomic(CPUState *) slice_cpu;
static int64_t idle_since = -1;  /* host time up to which halted time has been accounted */

/* Of the instruction in a TB that asked for the exact time: those of the TB not yet executed. They have
 * been taken from icount_left, which tells whether this is still the same TB. */
static int32_t synced_left;
static int32_t synced_ahead;

bool icount_configure(OptGroup *options, Error **errp)
{
    const char *text = opts_get(options, "shift");
    static const char *const keys[] = { "shift", "sleep", "align", "rr", "rrfile", "rrsnapshot", NULL };
    uint64_t value = AUTO_SHIFT;
    bool align = false;
    if (!opts_get_bool(options, "sleep", &sleep_when_idle, errp) || !opts_get_bool(options, "align", &align, errp))
        return false;
    if (align) {
        error_setg(errp, "-icount: align=on is not supported");
        return false;
    }
    if (!text) {
        error_setg(errp, "-icount: shift is missing");
        return false;
    }
    if (strcmp(text, "auto") && (!parse_u64("shift", text, &value, errp)))
        return false;
    if (value > 10) {
        error_setg(errp, "-icount: shift must be 0 to 10 or auto");
        return false;
    }
    shift = (unsigned)value;
    icount_on = true;
    icount_reset();
    if (!guest_random_seeded())
        guest_random_seed(0); /* a run repeats */
    return replay_configure(options, errp) && opts_check_unused(options, keys, errp);
}

unsigned icount_shift(void)
{
    return shift;
}

static int32_t ahead(const CPUState *cpu)
{
    return cpu->icount_left == synced_left ? synced_ahead : 0;
}

int64_t icount_ns(void)
{
    CPUState *cpu = atomic_load(&slice_cpu);
    int64_t insns = atomic_load(&executed);
    if (cpu && cpu == current_cpu)
        insns += (int64_t)cpu->icount_budget - cpu->icount_left - ahead(cpu);
    int64_t now = (insns << shift) + atomic_load(&skipped), before = atomic_load(&latest);
    while (now > before && !atomic_compare_exchange_weak(&latest, &before, now))
        continue;
    return now > before ? now : before;
}

uint64_t icount_position(void)
{
    const CPUState *cpu = atomic_load(&slice_cpu);
    int64_t insns = atomic_load(&executed);
    if (cpu && cpu == current_cpu)
        insns += (int64_t)cpu->icount_budget - cpu->icount_left;
    return (uint64_t)insns;
}

uint64_t icount_position_after(void)
{
    const CPUState *cpu = current_cpu;
    int32_t in_tb = cpu ? ahead(cpu) : 0;
    return icount_position() - (uint64_t)(in_tb ? in_tb - 1 : 0);
}

/* Instructions that fit before the next deadline, at least 1. */
static int32_t insns_to_deadline(void)
{
    int64_t deadline = timers_next_deadline(CLOCK_VIRTUAL);
    if (deadline < 0)
        return MAX_BUDGET;
    int64_t ns = deadline - icount_ns(), n = (ns + (1ll << shift) - 1) >> shift;
    return n < 1 ? 1 : n > MAX_BUDGET ? MAX_BUDGET : (int32_t)n;
}

static void account_idle(void)
{
    if (idle_since < 0)
        return;
    int64_t host = clock_ns(CLOCK_REALTIME_HOST), passed = host - idle_since;
    int64_t deadline = timers_next_deadline(CLOCK_VIRTUAL), left = deadline - icount_ns();
    if (deadline >= 0 && passed > left)
        passed = left > 0 ? left : 0;
    atomic_fetch_add(&skipped, passed);
    idle_since = host;
}

void icount_account_idle(void)
{
    if (sleep_when_idle)
        account_idle();
    idle_since = -1;
}

void icount_slice_begin(CPUState *cpu)
{
    if (replay_mode != REPLAY_PLAY)
        icount_account_idle();
    int32_t budget = insns_to_deadline();
    if (first_cpu->next && budget > SHARED_BUDGET)
        budget = SHARED_BUDGET;
    if (replay_mode != REPLAY_NONE)
        budget = replay_slice_begin(cpu, budget);
    cpu->icount_budget = (uint64_t)budget;
    cpu->icount_left = budget;
    synced_ahead = 0;
    atomic_store(&slice_cpu, cpu);
}

void icount_slice_end(CPUState *cpu)
{
    int64_t done = (int64_t)cpu->icount_budget - cpu->icount_left;
    atomic_store(&slice_cpu, NULL);
    atomic_fetch_add(&executed, done);
    cpu->icount_budget = 0;
    cpu->icount_left = 0;
    synced_ahead = 0;
}

void icount_sync(CPUState *cpu, uintptr_t retaddr)
{
    TranslationBlock *tb = retaddr ? tb_find_host(retaddr) : NULL;
    InsnData data;
    unsigned index;
    synced_ahead = 0;
    if (tb && unwind_find_index(tb, (uint32_t)(retaddr - (uintptr_t)tb->code), &data, &index)) {
        synced_left = cpu->icount_left;
        synced_ahead = (int32_t)tb->insns - (int32_t)index;
    }
}

/* A timer was set that is due earlier than the slice ends. */
static void deadline_nearer(void)
{
    CPUState *cpu = atomic_load(&slice_cpu);
    if (!cpu || replay_mode == REPLAY_PLAY) /* the recording says when timers run */
        return;
    if (cpu != current_cpu) {
        cpu_kick(cpu); /* the next slice sees the new deadline */
        return;
    }
    int32_t in_tb = ahead(cpu), left = insns_to_deadline() - in_tb;
    if (left < 0)
        left = 0;
    if (left >= cpu->icount_left)
        return;
    cpu->icount_budget -= (uint64_t)(cpu->icount_left - left);
    if (cpu->icount_left == synced_left)
        synced_left = left;
    cpu->icount_left = left;
}

int64_t icount_idle(void)
{
    int64_t deadline = timers_next_deadline(CLOCK_VIRTUAL);
    if (replay_mode == REPLAY_PLAY || replay_held())
        return -1;
    if (!sleep_when_idle) {
        if (deadline < 0)
            return -1;
        int64_t ns = deadline - icount_ns();
        if (ns > 0)
            atomic_fetch_add(&skipped, ns);
        if (replay_mode == REPLAY_NONE)
            timers_run_virtual();
        return 0;
    }
    if (idle_since < 0)
        idle_since = clock_ns(CLOCK_REALTIME_HOST);
    account_idle();
    if (deadline < 0)
        return -1;
    int64_t left = deadline - icount_ns();
    if (left > 0)
        return left;
    idle_since = -1; /* what the host does from here to the next slice must not count: it differs from run to run */
    if (replay_mode == REPLAY_NONE)
        timers_run_virtual();
    return 0;
}

/* ---- Saving ---- */

ICountState icount_save(void)
{
    return (ICountState){ atomic_load(&executed), atomic_load(&skipped), atomic_load(&latest) };
}

void icount_load(const ICountState *s)
{
    atomic_store(&executed, s->executed);
    atomic_store(&skipped, s->skipped);
    atomic_store(&latest, s->latest);
    idle_since = -1;
}

int64_t icount_skipped(void)
{
    return atomic_load(&skipped);
}

void icount_set_skipped(int64_t ns)
{
    atomic_store(&skipped, ns);
}

void icount_reset(void)
{
    atomic_store(&executed, 0);
    atomic_store(&skipped, 0);
    atomic_store(&latest, 0);
    idle_since = -1;
    clock_virtual_deadline_hook = deadline_nearer;
    clock_virtual_set_source(icount_ns, false);
}
