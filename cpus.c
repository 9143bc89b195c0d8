/* SPDX-License-Identifier: MIT */
/*
 * vCPU threads: running, sleeping, stopping, work for them, and being alone. Usually each vCPU has a
 * thread; with thread=single or -icount one thread runs all in turn.
 *
 * A thread sleeps on its wake word. Whoever changes something a sleeper should see changes it first and
 * then kicks: the sleeper arms the word, looks again, and only then sleeps.
 */
#include "cpu.h"
#include "exec/icount.h"
#include "exec/replay.h"
#include "exec/tb-internal.h"
#include "exec/tlb.h"
#include "hw/boards.h"
#include "target.h"
#include "util/main-loop.h"
#include "util/relax.h"
#include "util/timer.h"

#include <glib.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { AWAKE = 0, KICKED = 1, ASLEEP = 2 };
#define ROTATE_NS 10000000 /* turn of a vCPU when several share a thread */
#define POLL_MIN_NS 10000  /* a halted vCPU looks for its wake-up this long before it gives up the host CPU… */
#define POLL_MAX_NS 200000 /* …growing to this while wake-ups come soon, and to nothing when they don't */

struct VCPUThread {
    pthread_t thread;
    GPtrArray *cpus;
    _Atomic uint32_t wake;
    atomic_bool rotate;  /* the running vCPU's turn is over */
    atomic_bool quit;
    bool started;
    int64_t poll_ns;     /* its own thread */
    struct VCPUThread *next;
};

struct CPUWork {
    void (*fn)(CPUState *cpu, void *opaque);
    void *opaque;
    bool *done;          /* cpu_run_on waits for it */
    struct CPUWork *next;
};

CPUState *first_cpu;
void (*cpu_debug_hook)(CPUState *cpu);

static CPUState **cpu_tail = &first_cpu;
static struct VCPUThread *threads;      /* machine lock */
static int nthreads;                    /* of the list; machine lock */
static pthread_cond_t stopped_cond = PTHREAD_COND_INITIALIZER; /* with the machine lock */
static pthread_mutex_t work_mutex = PTHREAD_MUTEX_INITIALIZER; /* work lists */
static pthread_cond_t work_cond = PTHREAD_COND_INITIALIZER;
static Timer *rotate_timer;

/* ---- Waking ---- */

static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

static void thread_wake(struct VCPUThread *t)
{
    if (atomic_exchange(&t->wake, KICKED) == ASLEEP)
        futex(&t->wake, FUTEX_WAKE, 1, NULL);
}

void cpu_kick(CPUState *cpu)
{
    struct VCPUThread *t = cpu->vthread;
    atomic_store(&cpu->exit_request, 1);
    if (!t)
        return;
    if (t->cpus->len > 1) { /* the one that is running has to make room */
        for (guint i = 0; i < t->cpus->len; i++)
            atomic_store(&((CPUState *)t->cpus->pdata[i])->exit_request, 1);
        atomic_store(&t->rotate, true);
    }
    thread_wake(t);
}

void cpu_exit(CPUState *cpu)
{
    cpu_kick(cpu);
}

void cpu_interrupt(CPUState *cpu, uint32_t mask)
{
    atomic_fetch_or(&cpu->interrupt_request, mask);
    if (cpu == current_cpu)
        atomic_store(&cpu->exit_request, 1);
    else
        cpu_kick(cpu);
}

void cpu_reset_interrupt(CPUState *cpu, uint32_t mask)
{
    atomic_fetch_and(&cpu->interrupt_request, ~mask);
}

bool cpus_interrupt_waits(void)
{
    CPU_FOREACH(cpu)
        if (atomic_load(&cpu->interrupt_request) & CPU_INTERRUPT_HARD)
            return true;
    return false;
}

/* ---- Being alone ---- */

static pthread_mutex_t alone_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t alone_cond = PTHREAD_COND_INITIALIZER;
static atomic_bool alone;        /* someone runs or waits to run exclusively */
static unsigned running;         /* vCPUs inside cpu_exec. alone_mutex */

static void enter_guest(void)
{
    pthread_mutex_lock(&alone_mutex);
    while (atomic_load(&alone))
        pthread_cond_wait(&alone_cond, &alone_mutex);
    running++;
    pthread_mutex_unlock(&alone_mutex);
}

static void leave_guest(void)
{
    pthread_mutex_lock(&alone_mutex);
    running--;
    if (atomic_load(&alone))
        pthread_cond_broadcast(&alone_cond);
    pthread_mutex_unlock(&alone_mutex);
}

static void be_alone(CPUState *self)
{
    unsigned mine = self && self->in_exec ? 1 : 0;
    pthread_mutex_lock(&alone_mutex);
    running -= mine; /* whoever is alone now need not wait for us */
    pthread_cond_broadcast(&alone_cond);
    while (atomic_load(&alone))
        pthread_cond_wait(&alone_cond, &alone_mutex);
    atomic_store(&alone, true);
    CPU_FOREACH(cpu)
    {
        if (cpu != self)
            cpu_kick(cpu);
    }
    while (running)
        pthread_cond_wait(&alone_cond, &alone_mutex);
    running += mine;
    pthread_mutex_unlock(&alone_mutex);
}

static void be_not_alone(void)
{
    pthread_mutex_lock(&alone_mutex);
    atomic_store(&alone, false);
    pthread_cond_broadcast(&alone_cond);
    pthread_mutex_unlock(&alone_mutex);
}

void cpus_run_exclusive(CPUState *cpu, void (*fn)(CPUState *, void *), void *opaque)
{
    bool locked = machine_lock_held();
    CPUState *self = current_cpu;
    if (self && self->exclusive) {
        fn(cpu, opaque);
        return;
    }
    if (locked)
        machine_unlock();
    if (self)
        cpu_wait_begin(self);
    be_alone(self);
    if (self) {
        cpu_wait_end(self);
        self->exclusive = true;
    }
    if (locked)
        machine_lock();
    fn(cpu, opaque);
    if (self)
        self->exclusive = false;
    be_not_alone();
}

void cpus_exclusive_abort(CPUState *cpu)
{
    cpu->exclusive = false;
    be_not_alone();
}

/* ---- Waiting for others to pass a point ---- */

bool cpus_several(void)
{
    return threads && threads->next;
}

bool cpu_exec_passed(CPUState *cpu, uint32_t seen)
{
    return !(seen & 1) || atomic_load(&cpu->exec_seq) != seen;
}

void cpu_wait_begin(CPUState *cpu)
{
    if (cpu->in_exec)
        atomic_fetch_add(&cpu->store_seq, 1);
}

void cpu_wait_end(CPUState *cpu)
{
    if (cpu->in_exec)
        atomic_fetch_add(&cpu->store_seq, 1);
}

static void wait_passed(CPUState *self, size_t seq_offset)
{
    CPU_FOREACH(cpu)
    {
        _Atomic uint32_t *seq = (_Atomic uint32_t *)((char *)cpu + seq_offset);
        uint32_t seen = atomic_load(seq);
        if (cpu == self || !(seen & 1))
            continue;
        cpu_kick(cpu);
        for (unsigned n = 0; atomic_load(seq) == seen; n++) {
            if (n < 100)
                sched_yield();
            else
                nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
        }
    }
}

void cpus_wait_exec(CPUState *self)
{
    cpu_wait_begin(self);
    wait_passed(self, offsetof(CPUState, exec_seq));
    cpu_wait_end(self);
}

void cpus_wait_stores(CPUState *self)
{
    cpu_wait_begin(self);
    wait_passed(self, offsetof(CPUState, store_seq));
    cpu_wait_end(self);
}

/* ---- Work for a vCPU's thread ---- */

static void queue_work(CPUState *cpu, struct CPUWork *w)
{
    pthread_mutex_lock(&work_mutex);
    if (cpu->work_last)
        cpu->work_last->next = w;
    else
        __atomic_store_n(&cpu->work_first, w, __ATOMIC_RELEASE); /* has_queued_work looks without the mutex */
    cpu->work_last = w;
    pthread_mutex_unlock(&work_mutex);
    cpu_kick(cpu);
}

static bool has_queued_work(CPUState *cpu)
{
    return __atomic_load_n(&cpu->work_first, __ATOMIC_ACQUIRE) != NULL;
}

/* Machine lock. */
static void run_queued_work(CPUState *cpu)
{
    while (has_queued_work(cpu)) {
        pthread_mutex_lock(&work_mutex);
        struct CPUWork *w = cpu->work_first;
        __atomic_store_n(&cpu->work_first, w->next, __ATOMIC_RELEASE);
        if (!w->next)
            cpu->work_last = NULL;
        pthread_mutex_unlock(&work_mutex);
        w->fn(cpu, w->opaque);
        if (w->done) {
            pthread_mutex_lock(&work_mutex);
            *w->done = true;
            pthread_cond_broadcast(&work_cond);
            pthread_mutex_unlock(&work_mutex);
        }
        g_free(w);
    }
}

static struct CPUWork *new_work(void (*fn)(CPUState *, void *), void *opaque, bool *done)
{
    struct CPUWork *w = g_new0(struct CPUWork, 1);
    w->fn = fn;
    w->opaque = opaque;
    w->done = done;
    return w;
}

void cpu_run_on(CPUState *cpu, void (*fn)(CPUState *, void *), void *opaque)
{
    bool done = false, locked = machine_lock_held();
    if (cpu == current_cpu || !cpu->created) {
        fn(cpu, opaque);
        return;
    }
    queue_work(cpu, new_work(fn, opaque, &done));
    if (locked)
        machine_unlock();
    pthread_mutex_lock(&work_mutex);
    while (!done)
        pthread_cond_wait(&work_cond, &work_mutex);
    pthread_mutex_unlock(&work_mutex);
    if (locked)
        machine_lock();
}

void cpu_run_on_async(CPUState *cpu, void (*fn)(CPUState *, void *), void *opaque)
{
    if (cpu->created)
        queue_work(cpu, new_work(fn, opaque, NULL));
    else
        fn(cpu, opaque);
}

/* ---- Time ---- */

#define LATE_NS 300000 /* the main loop is usually far sooner */

int64_t cpu_clock_ns(CPUState *cpu)
{
    int64_t now = clock_ns(CLOCK_VIRTUAL), next = timers_next_deadline(CLOCK_VIRTUAL);
    if (LIKELY(next < 0 || now - next < LATE_NS) || icount_enabled() || machine_lock_held())
        return now;
    bool fp = cpu->fp_entered;
    if (fp)
        cpu_fp_leave(cpu);
    machine_lock();
    timers_run_virtual();
    machine_unlock();
    if (fp)
        cpu_fp_enter(cpu);
    return clock_ns(CLOCK_VIRTUAL);
}

/* ---- A thread's loop ---- */

bool cpu_wanted(CPUState *cpu)
{
    const struct VCPUThread *t = cpu->vthread;
    return has_queued_work(cpu) || cpu->stop || atomic_load(&alone) ||
           (t && (atomic_load(&t->quit) || atomic_load(&t->rotate)));
}

/* Machine lock. */
static bool can_run(CPUState *cpu)
{
    return !cpu->stop && !cpu->stopped && (!cpu->halted || cpu->target->has_work(cpu)) &&
           (replay_mode == REPLAY_NONE || replay_may_run(cpu));
}

static bool needs_thread(CPUState *cpu)
{
    return can_run(cpu) || has_queued_work(cpu) || cpu->stop;
}

static void acknowledge_stop(CPUState *cpu)
{
    if (!cpu->stop)
        return;
    cpu->stop = false;
    cpu->stopped = true;
    pthread_cond_broadcast(&stopped_cond);
}

static void debug_stop(void *opaque)
{
    if (cpu_debug_hook)
        cpu_debug_hook(opaque);
    else
        vm_stop();
}

/* Machine lock; dropped while guest code runs. */
static void run_cpu(CPUState *cpu)
{
    machine_unlock();
    enter_guest();
    if (icount_enabled())
        icount_slice_begin(cpu);
    int why = cpu_exec(cpu);
    if (icount_enabled())
        icount_slice_end(cpu);
    leave_guest();
    machine_lock();
    if (replay_mode != REPLAY_NONE)
        replay_between_slices();
    else if (icount_enabled())
        timers_run_virtual();
    if (why == EXCP_DEBUG) {
        cpu->stop = true; /* until the debugger has looked */
        main_loop_run_soon(debug_stop, cpu);
    }
}

static int64_t host_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static int host_cpus(void)
{
    static int cpus;
    if (!cpus)
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return cpus;
}

bool cpus_spare_host_cpu(void)
{
    return nthreads && nthreads < host_cpus() && !icount_enabled();
}

static atomic_uint wakes_expected; /* of devices, cpus_expect_wake */
bool (*cpus_poll_hook)(void);

void cpus_expect_wake(bool more)
{
    if (more)
        atomic_fetch_add(&wakes_expected, 1);
    else
        atomic_fetch_sub(&wakes_expected, 1);
}

/* Only where no other vCPU thread can be waiting for this host CPU, nor the thread that will wake us. */
static bool may_poll(void)
{
    if (atomic_load(&wakes_expected) && cpus_spare_host_cpu())
        return true;
    return nthreads > 1 && nthreads <= host_cpus() && !icount_enabled();
}

/* Waking a sleeping host thread takes tens of microseconds: when wake-ups follow each other (locks, pipes between
 * vCPUs) looking for them a moment is many times faster. True when one came. No lock. */
static bool poll_for_wake(struct VCPUThread *t, int64_t start)
{
    while (atomic_load_explicit(&t->wake, memory_order_relaxed) == AWAKE) {
        if (host_ns() - start >= t->poll_ns)
            return false;
        if (cpus_poll_hook && cpus_poll_hook())
            return true; /* it may have been for this vCPU, which nobody kicks in its own thread */
        for (int i = 0; i < 20 && atomic_load_explicit(&t->wake, memory_order_relaxed) == AWAKE; i++)
            cpu_relax();
        if (atomic_load_explicit(&wakes_expected, memory_order_relaxed))
            relax_politely();
    }
    return true;
}

static void adapt_poll(struct VCPUThread *t, int64_t slept)
{
    if (slept > POLL_MAX_NS)
        t->poll_ns = 0;
    else if (slept > t->poll_ns)
        t->poll_ns = t->poll_ns ? MIN(t->poll_ns * 2, POLL_MAX_NS) : POLL_MIN_NS;
}

/* Nothing to run: sleeps until kicked, or under -icount until the next timer. Machine lock. */
static void thread_sleep(struct VCPUThread *t)
{
    struct timespec ts, *timeout = NULL;
    machine_lock_settle(); /* not once we have looked: an interrupt of our own thread's making wakes nobody */
    atomic_store(&t->wake, AWAKE);
    bool all_stopped = true;
    for (guint i = 0; i < t->cpus->len; i++) {
        CPUState *cpu = t->cpus->pdata[i];
        if (needs_thread(cpu))
            return;
        all_stopped &= cpu->stopped;
    }
    if (icount_enabled() && !all_stopped) {
        int64_t wait = icount_idle();
        if (wait == 0) { /* perhaps for ever, when nothing wakes a vCPU: others must get the lock */
            machine_lock_yield();
            return;
        }
        if (wait > 0) {
            ts = (struct timespec){ .tv_sec = wait / NS_PER_SEC, .tv_nsec = wait % NS_PER_SEC };
            timeout = &ts;
        }
    }
    uint32_t awake = AWAKE;
    bool poll = !all_stopped && may_poll();
    machine_unlock();
    int64_t start = poll ? host_ns() : 0;
    if (!(poll && t->poll_ns && poll_for_wake(t, start)) && !atomic_load(&t->quit) &&
        atomic_compare_exchange_strong(&t->wake, &awake, ASLEEP))
        futex(&t->wake, FUTEX_WAIT, ASLEEP, timeout);
    if (poll)
        adapt_poll(t, host_ns() - start);
    machine_lock();
}

static void *thread_main(void *opaque)
{
    struct VCPUThread *t = opaque;
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    machine_lock();
    for (guint i = 0; i < t->cpus->len; i++)
        ((CPUState *)t->cpus->pdata[i])->thread_id = (int)syscall(SYS_gettid);
    while (!atomic_load(&t->quit)) {
        bool ran = replay_mode != REPLAY_NONE && replay_between_slices();
        for (guint i = 0; i < t->cpus->len; i++) {
            CPUState *cpu = t->cpus->pdata[i];
            current_cpu = cpu;
            run_queued_work(cpu);
            acknowledge_stop(cpu);
            if (can_run(cpu) && !atomic_load(&t->quit)) {
                atomic_store(&t->rotate, false);
                run_cpu(cpu);
                ran = true;
            }
        }
        if (!ran)
            thread_sleep(t);
    }
    machine_unlock();
    current_cpu = NULL;
    tb_thread_exit();
    return NULL;
}

/* ---- Start, stop ---- */

void cpu_register(CPUState *cpu)
{
    cpu->index = first_cpu ? container_of(cpu_tail, CPUState, next)->index + 1 : 0;
    cpu->stopped = true;
    cpu->next = NULL;
    tlb_init(cpu);
    *cpu_tail = cpu;
    cpu_tail = &cpu->next;
}

static void rotate(void *opaque)
{
    struct VCPUThread *t = opaque;
    cpu_kick(t->cpus->pdata[0]);
    timer_mod(rotate_timer, clock_ns(CLOCK_REALTIME_HOST) + ROTATE_NS);
}

static struct VCPUThread *thread_new(void)
{
    struct VCPUThread *t = g_new0(struct VCPUThread, 1);
    t->cpus = g_ptr_array_new();
    t->next = threads;
    threads = t;
    nthreads++;
    return t;
}

void cpus_start(void)
{
    bool single = icount_enabled() || !tcg_options()->multi_thread;
    CPU_FOREACH(cpu)
    {
        struct VCPUThread *t = single && threads ? threads : thread_new();
        g_ptr_array_add(t->cpus, cpu);
        cpu->vthread = t;
        cpu->created = true;
    }
    for (struct VCPUThread *t = threads; t; t = t->next) {
        pthread_create(&t->thread, NULL, thread_main, t);
        t->started = true;
        for (guint i = 0; i < t->cpus->len; i++)
            ((CPUState *)t->cpus->pdata[i])->thread = t->thread;
    }
    if (single && threads && threads->cpus->len > 1 && !icount_enabled()) {
        rotate_timer = timer_new(CLOCK_REALTIME_HOST, rotate, threads);
        timer_mod(rotate_timer, clock_ns(CLOCK_REALTIME_HOST) + ROTATE_NS);
    }
}

void cpus_resume(void)
{
    CPU_FOREACH(cpu)
    {
        if (cpu->held)
            continue;
        cpu->stop = false;
        cpu->stopped = false;
        cpu_kick(cpu);
    }
}

static bool all_stopped(void)
{
    CPU_FOREACH(cpu)
    {
        if (!cpu->stopped && cpu != current_cpu)
            return false;
    }
    return true;
}

void cpus_pause(void)
{
    CPU_FOREACH(cpu)
    {
        if (!cpu->created) {
            cpu->stopped = true;
        } else if (!cpu->stopped) {
            cpu->stop = true;
            cpu_kick(cpu);
        }
    }
    while (!all_stopped())
        machine_cond_wait(&stopped_cond);
}

void cpus_shutdown(void)
{
    timer_free(rotate_timer);
    rotate_timer = NULL;
    for (struct VCPUThread *t = threads; t; t = t->next) {
        atomic_store(&t->quit, true);
        cpu_kick(t->cpus->pdata[0]);
    }
    machine_unlock();
    for (struct VCPUThread *t = threads; t; t = t->next)
        pthread_join(t->thread, NULL);
    machine_lock();
    CPU_FOREACH(cpu)
    {
        run_queued_work(cpu);
        cpu->created = false;
        cpu->stopped = true;
        cpu->vthread = NULL;
        tlb_destroy(cpu);
        if (cpu->ir)
            ir_func_free(cpu->ir);
        cpu->ir = NULL;
    }
    while (threads) {
        struct VCPUThread *t = threads;
        threads = t->next;
        nthreads--;
        g_ptr_array_free(t->cpus, TRUE);
        g_free(t);
    }
}
