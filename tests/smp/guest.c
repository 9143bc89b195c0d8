/* SPDX-License-Identifier: MIT */
/*
 * First program of a guest with several vCPUs: what its kernel command line names in smp=A,B,…, then power off.
 *   online   every processor the kernel was promised (cpus=N) is online; each can be used
 *   hotplug  each but the first goes offline and comes back, HOTPLUG times
 *   litmus   store buffering, message passing, load buffering, IRIW, with and without barriers; ITER (n=) runs each
 *   atomics  lost updates: add, exchange, CAS of 1 to 16 bytes, locks around plain counters; torn values
 *   stress   fork+exec, mmap/munmap, mprotect, code written and run, signals, by every processor for SECONDS (t=)
 *   bench    what gains or loses by more than one processor; prints BENCH name seconds
 * Ends with "SMP-OK", or lines that say FAIL.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 4
#define BATCH 4096

static char cmdline[4096];
static atomic_int failures;
static long iterations = 1000000, seconds = 10, hotplugs = 3;

static void fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("FAIL ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(stdout);
    atomic_fetch_add(&failures, 1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long option(const char *name, long def)
{
    char key[32];
    snprintf(key, sizeof(key), " %s=", name);
    const char *p = strstr(cmdline, key);
    return p ? strtol(p + strlen(key), NULL, 0) : def;
}

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        fail("no way onto processor %d: %s", cpu, strerror(errno));
}

/* ---- Threads that start together ---- */

typedef struct Crew {
    void (*fn)(int self, void *arg);
    void *arg;
    int n;
    bool pinned;
} Crew;

typedef struct Member {
    const Crew *crew;
    int self;
} Member;

static void *member_main(void *opaque)
{
    Member *m = opaque;
    if (m->crew->pinned)
        pin(m->self % (int)sysconf(_SC_NPROCESSORS_ONLN));
    m->crew->fn(m->self, m->crew->arg);
    return NULL;
}

static void run_crew(int n, bool pinned, void (*fn)(int, void *), void *arg)
{
    Crew crew = { fn, arg, n, pinned };
    pthread_t *t = calloc((size_t)n, sizeof(*t));
    Member *m = calloc((size_t)n, sizeof(*m));
    for (int i = 0; i < n; i++) {
        m[i] = (Member){ &crew, i };
        if (pthread_create(&t[i], NULL, member_main, &m[i]))
            abort();
    }
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    free(m);
    free(t);
}

/* A barrier that spins: threads leave it within a few cycles of each other. It yields when it takes long. */
typedef struct Barrier {
    atomic_int count, phase;
    int n;
} Barrier;

static void barrier_wait(Barrier *b)
{
    int phase = atomic_load(&b->phase);
    if (atomic_fetch_add(&b->count, 1) + 1 == b->n) {
        atomic_store(&b->count, 0);
        atomic_fetch_add(&b->phase, 1);
        return;
    }
    for (unsigned spin = 0; atomic_load(&b->phase) == phase; spin++) {
        if (spin > 2000)
            sched_yield();
    }
}

/* ---- Litmus tests ---- */

#define RLX memory_order_relaxed
#define ACQ memory_order_acquire
#define REL memory_order_release
#define SC memory_order_seq_cst

typedef struct Cell { /* locations on lines of their own */
    _Alignas(128) atomic_int x;
    _Alignas(128) atomic_int y;
    _Alignas(128) int r[4];
} Cell;

typedef struct Litmus {
    const char *name;
    int threads;
    void (*run)(int self, Cell *c);
    bool (*bad)(const Cell *c);   /* the outcome in question */
    bool forbidden;               /* by the architecture this was built for */
} Litmus;

#define ST(v, o) atomic_store_explicit(&c->v, 1, o)
#define LD(i, v, o) c->r[i] = atomic_load_explicit(&c->v, o)
#define TWO(name, first, second) \
    static void name(int self, Cell *c) { if (self == 0) { first; } else { second; } }

TWO(sb, (ST(x, RLX), LD(0, y, RLX)), (ST(y, RLX), LD(1, x, RLX)))
TWO(sb_fence, (ST(x, RLX), atomic_thread_fence(SC), LD(0, y, RLX)), (ST(y, RLX), atomic_thread_fence(SC), LD(1, x, RLX)))
TWO(sb_sc, (ST(x, SC), LD(0, y, SC)), (ST(y, SC), LD(1, x, SC)))
TWO(mp, (ST(x, RLX), ST(y, RLX)), (LD(0, y, RLX), atomic_signal_fence(SC), LD(1, x, RLX)))
TWO(mp_ra, (ST(x, RLX), ST(y, REL)), (LD(0, y, ACQ), LD(1, x, RLX)))
TWO(lb, (LD(0, x, RLX), atomic_signal_fence(SC), ST(y, RLX)), (LD(1, y, RLX), atomic_signal_fence(SC), ST(x, RLX)))
TWO(lb_ra, (LD(0, x, ACQ), ST(y, REL)), (LD(1, y, ACQ), ST(x, REL)))

#if defined(__x86_64__) || defined(__i386__)
static void mfence(void) { __asm__ volatile("mfence" : : : "memory"); }
TWO(sb_mfence, (ST(x, RLX), mfence(), LD(0, y, RLX)), (ST(y, RLX), mfence(), LD(1, x, RLX)))
#endif

static void iriw_order(int self, Cell *c, memory_order o)
{
    switch (self) {
    case 0: atomic_store_explicit(&c->x, 1, o == RLX ? RLX : REL); break;
    case 1: atomic_store_explicit(&c->y, 1, o == RLX ? RLX : REL); break;
    case 2: LD(0, x, o), atomic_signal_fence(SC), LD(1, y, o); break;
    default: LD(2, y, o), atomic_signal_fence(SC), LD(3, x, o); break;
    }
}
static void iriw(int self, Cell *c) { iriw_order(self, c, RLX); }
static void iriw_acq(int self, Cell *c) { iriw_order(self, c, ACQ); }

static bool both_zero(const Cell *c) { return !c->r[0] && !c->r[1]; }
static bool both_one(const Cell *c) { return c->r[0] && c->r[1]; }
static bool flag_without_data(const Cell *c) { return c->r[0] && !c->r[1]; }
static bool disagree(const Cell *c) { return c->r[0] && !c->r[1] && c->r[2] && !c->r[3]; }

#if defined(__x86_64__) || defined(__i386__)
#define TSO 1
#else
#define TSO 0
#endif

static const Litmus litmus_tests[] = {
    { "store buffering", 2, sb, both_zero, false },
    { "store buffering, fences", 2, sb_fence, both_zero, true },
#if TSO
    { "store buffering, MFENCE", 2, sb_mfence, both_zero, true },
#endif
    { "store buffering, seq_cst", 2, sb_sc, both_zero, true },
    { "message passing", 2, mp, flag_without_data, TSO },
    { "message passing, release/acquire", 2, mp_ra, flag_without_data, true },
    { "load buffering", 2, lb, both_one, TSO },
    { "load buffering, release/acquire", 2, lb_ra, both_one, true },
    { "independent reads of independent writes", 4, iriw, disagree, TSO },
    { "independent reads, acquire", 4, iriw_acq, disagree, true }, /* ARMv8 and x86 are multi-copy atomic */
};

typedef struct LitmusRun {
    const Litmus *test;
    Cell *cells;
    Barrier barrier;
    long batches, seen;
    struct {
        _Alignas(128) atomic_long done;
    } at[THREADS_MAX];
} LitmusRun;

/* Waits, but not for long, until the others are at the same cell: only then do the accesses meet. */
static void meet(LitmusRun *r, int self, long cell)
{
    atomic_store_explicit(&r->at[self].done, cell, RLX);
    for (int i = 0; i < r->test->threads; i++) {
        for (unsigned spin = 0; spin < 60 && atomic_load_explicit(&r->at[i].done, RLX) < cell; spin++)
            ;
    }
}

static void litmus_member(int self, void *arg)
{
    LitmusRun *r = arg;
    for (long b = 0; b < r->batches; b++) {
        barrier_wait(&r->barrier);
        for (int i = 0; i < BATCH; i++) {
            meet(r, self, b * BATCH + i);
            r->test->run(self, &r->cells[i]);
        }
        barrier_wait(&r->barrier);
        if (self == 0) {
            for (int i = 0; i < BATCH; i++) {
                Cell *c = &r->cells[i];
                r->seen += r->test->bad(c);
                atomic_store_explicit(&c->x, 0, RLX);
                atomic_store_explicit(&c->y, 0, RLX);
                memset(c->r, 0, sizeof(c->r));
            }
        }
    }
}

static void do_litmus(void)
{
    Cell *cells = aligned_alloc(128, sizeof(Cell) * BATCH);
    memset(cells, 0, sizeof(Cell) * BATCH);
    for (size_t i = 0; i < sizeof(litmus_tests) / sizeof(*litmus_tests); i++) {
        const Litmus *t = &litmus_tests[i];
        LitmusRun r = { .test = t, .cells = cells, .barrier.n = t->threads, .batches = iterations / BATCH + 1 };
        run_crew(t->threads, true, litmus_member, &r);
        printf("LITMUS %-40s %ld of %ld%s\n", t->name, r.seen, r.batches * BATCH, t->forbidden ? " (forbidden)" : "");
        fflush(stdout);
        if (t->forbidden && r.seen)
            fail("litmus %s", t->name);
    }
    free(cells);
}

/* ---- Atomics: nothing lost, nothing torn ---- */

typedef struct Shared {
    _Alignas(128) _Atomic uint8_t b;
    _Alignas(128) _Atomic uint16_t w;
    _Alignas(128) _Atomic uint32_t l, cas;
    _Alignas(128) _Atomic uint64_t q, cas64;
    _Alignas(128) uint64_t pair[2];
    _Alignas(128) atomic_flag lock;
    uint64_t plain;
    _Alignas(128) _Atomic uintptr_t torn;
    _Alignas(128) _Atomic uint32_t head; /* index of a stack of nodes: tag << 8 | node */
    _Atomic uint32_t next[8];
    _Atomic uint32_t owner[8];
    long each;
} Shared;

#ifdef __x86_64__
/* LOCK CMPXCHG16B through the compiler's legacy builtin; the halves must move together. */
__attribute__((target("cx16"))) static void add_pair(uint64_t *p)
{
    unsigned __int128 *w = (unsigned __int128 *)p, old, new;
    do {
        uint64_t lo = ((volatile uint64_t *)p)[0], hi = ((volatile uint64_t *)p)[1];
        old = (unsigned __int128)hi << 64 | lo;
        new = (unsigned __int128)(hi + 3) << 64 | (lo + 1);
    } while (!__sync_bool_compare_and_swap(w, old, new));
}
#elif defined(__aarch64__)
/* LDXP and STXP: the pair must move together. */
static void add_pair(uint64_t *p)
{
    uint64_t lo, hi;
    uint32_t lost;
    do {
        __asm__ volatile("ldaxp %0, %1, [%3]\n\tadd %0, %0, #1\n\tadd %1, %1, #3\n\tstlxp %w2, %0, %1, [%3]"
                         : "=&r"(lo), "=&r"(hi), "=&r"(lost)
                         : "r"(p)
                         : "memory");
    } while (lost);
}
#else
static void add_pair(uint64_t *p)
{
    __atomic_fetch_add(&p[0], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&p[1], 3, __ATOMIC_RELAXED);
}
#endif

/* Takes a node off a stack and puts it back; tags in the head keep it from being fooled. */
static void pop_push(Shared *s, uint32_t self)
{
    uint32_t head = atomic_load(&s->head), node, new;
    do {
        node = head & 0xff;
        new = (head & ~0xffu) + 0x100 + atomic_load_explicit(&s->next[node], RLX);
    } while (!atomic_compare_exchange_weak(&s->head, &head, new));
    if (atomic_exchange(&s->owner[node], self + 1))
        fail("atomics: a node was taken twice");
    atomic_store(&s->owner[node], 0);
    head = atomic_load(&s->head);
    do {
        atomic_store_explicit(&s->next[node], head & 0xff, RLX);
        new = (head & ~0xffu) + 0x100 + node;
    } while (!atomic_compare_exchange_weak(&s->head, &head, new));
}

static void atomics_member(int self, void *arg)
{
    Shared *s = arg;
    uintptr_t mine = (uintptr_t)0x0101010101010101ull * (unsigned)(self + 1);
    for (long i = 0; i < s->each; i++) {
        atomic_fetch_add(&s->b, 1);
        atomic_fetch_sub(&s->w, 1);
        atomic_fetch_add_explicit(&s->l, 5, RLX);
        atomic_fetch_add(&s->q, 0x100000001ull);
        uint32_t c = atomic_load_explicit(&s->cas, RLX);
        while (!atomic_compare_exchange_weak(&s->cas, &c, c + 7))
            ;
        uint64_t d = atomic_load_explicit(&s->cas64, RLX);
        while (!atomic_compare_exchange_strong(&s->cas64, &d, d + 0x300000001ull))
            ;
        add_pair(s->pair);
        for (unsigned spin = 0; atomic_flag_test_and_set_explicit(&s->lock, ACQ); spin++) {
            if (spin > 100)
                sched_yield();
        }
        s->plain++;
        atomic_flag_clear_explicit(&s->lock, REL);
        atomic_store_explicit(&s->torn, mine, RLX);
        uintptr_t v = atomic_load_explicit(&s->torn, RLX);
        if (v != (v & 0xff) * (uintptr_t)0x0101010101010101ull)
            fail("atomics: torn value %lx", (unsigned long)v);
        if ((i & 3) == 0)
            pop_push(s, (uint32_t)self);
    }
}

static void do_atomics(void)
{
    Shared *s = aligned_alloc(128, sizeof(*s));
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 7; i++)
        s->next[i] = i + 1;
    s->each = iterations / THREADS_MAX + 1;
    uint64_t n = (uint64_t)s->each * THREADS_MAX;
    run_crew(THREADS_MAX, false, atomics_member, s);
    if (s->b != (uint8_t)n || s->w != (uint16_t)-n || s->l != (uint32_t)(5 * n) || s->q != n * 0x100000001ull)
        fail("atomics: lost additions");
    if (s->cas != (uint32_t)(7 * n) || s->cas64 != n * 0x300000001ull)
        fail("atomics: lost compare-and-swap");
    if (s->pair[0] != n || s->pair[1] != 3 * n)
        fail("atomics: lost double-width compare-and-swap");
    if (s->plain != n)
        fail("atomics: lock did not exclude: %llu of %llu", (unsigned long long)s->plain, (unsigned long long)n);
    printf("ATOMICS %llu rounds\n", (unsigned long long)n);
    free(s);
}

/* ---- Processors ---- */

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void do_online(void)
{
    long want = option("cpus", 1), have = sysconf(_SC_NPROCESSORS_ONLN);
    if (want != have)
        fail("online: %ld of %ld", have, want);
    for (int i = 0; i < have; i++) {
        pin(i);
        if (sched_getcpu() != i)
            fail("online: asked for processor %d, on %d", i, sched_getcpu());
    }
    cpu_set_t all;
    memset(&all, 0xff, sizeof(all));
    sched_setaffinity(0, sizeof(all), &all);
    printf("ONLINE %ld\n", have);
}

static void do_hotplug(void)
{
    long n = option("cpus", 1);
    for (long round = 0; round < hotplugs; round++) {
        for (int on = 0; on < 2; on++) {
            for (long i = 1; i < n; i++) {
                char path[64];
                snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/online", i);
                if (!write_file(path, on ? "1" : "0"))
                    fail("hotplug: %s: %s", path, strerror(errno));
            }
            long have = sysconf(_SC_NPROCESSORS_ONLN);
            if (have != (on ? n : 1))
                fail("hotplug: %ld online", have);
        }
    }
    printf("HOTPLUG %ld rounds of %ld processors\n", hotplugs, n - 1);
}

/* ---- Stress ---- */

static double stress_end;
static atomic_long stress_counts[8];

static bool children_ok(void)
{
    int status;
    while (waitpid(-1, &status, 0) > 0) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) {
            fail("stress: child status %x", status);
            return false;
        }
    }
    return true;
}

static void stress_fork_exec(uint64_t *seed)
{
    int n = 1 + (int)(next_random(seed) & 3);
    for (int i = 0; i < n; i++) {
        pid_t p = fork();
        if (p == 0) {
            if (i & 1)
                execl("/proc/self/exe", "exit7", (char *)NULL);
            _exit(7);
        }
    }
    children_ok();
}

static void stress_mmap(uint64_t *seed)
{
    size_t pages = 1 + (next_random(seed) & 63);
    unsigned char *p = mmap(NULL, pages << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fail("stress: mmap: %s", strerror(errno));
        return;
    }
    for (size_t i = 0; i < pages; i++)
        p[i << 12] = (unsigned char)(i + 1);
    unsigned char *q = mremap(p, pages << 12, pages << 13, MREMAP_MAYMOVE);
    if (q == MAP_FAILED)
        q = p;
    for (size_t i = 0; i < pages; i++) {
        if (q[i << 12] != (unsigned char)(i + 1))
            fail("stress: page %zu of %zu lost its value", i, pages);
    }
    munmap(q, q == p ? pages << 12 : pages << 13);
}

static _Thread_local volatile unsigned char *guarded;
static _Thread_local volatile int guard_hits;

static void on_segv(int sig, siginfo_t *info, void *uc)
{
    (void)sig;
    (void)uc;
    guard_hits++;
    void *page = (void *)((uintptr_t)info->si_addr & ~4095ul);
    if (page != (void *)guarded || mprotect(page, 4096, PROT_READ | PROT_WRITE))
        _exit(99);
}

static void stress_mprotect(uint64_t *seed)
{
    unsigned char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    guarded = p;
    int hits = guard_hits, n = 1 + (int)(next_random(seed) & 7);
    for (int i = 0; i < n; i++) {
        p[7] = (unsigned char)i;
        mprotect(p, 4096, i & 1 ? PROT_NONE : PROT_READ);
        p[7] = (unsigned char)(i + 1);
        if (p[7] != (unsigned char)(i + 1))
            fail("stress: mprotect: value lost");
    }
    if (guard_hits - hits != n)
        fail("stress: %d faults of %d", guard_hits - hits, n);
    munmap(p, 4096);
}

/* Writes a function that returns a number, makes it visible, calls it; another thread's page is rewritten at will. */
static void write_code(unsigned char *p, uint32_t value)
{
#if defined(__x86_64__) || defined(__i386__)
    p[0] = 0xb8;
    memcpy(p + 1, &value, 4);
    p[5] = 0xc3;
#elif defined(__aarch64__)
    uint32_t code[3] = { 0x52800000u | (value & 0xffff) << 5, 0x72a00000u | (value >> 16) << 5, 0xd65f03c0u };
    memcpy(p, code, sizeof(code));
#elif defined(__arm__)
    uint32_t code[3] = { 0xe59f0000u, 0xe12fff1eu, value };
    memcpy(p, code, sizeof(code));
#endif
    __builtin___clear_cache((char *)p, (char *)p + 16);
}

static void stress_jit(uint64_t *seed)
{
    static _Thread_local unsigned char *p;
    if (!p)
        p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 50; i++) {
        uint32_t v = (uint32_t)next_random(seed);
        unsigned char *at = p + (next_random(seed) & 0xff) * 16 + (i & 1 ? 4096 : 0);
        write_code(at, v);
        uint32_t got = ((uint32_t(*)(void))(uintptr_t)at)();
        if (got != v)
            fail("stress: code returned %x, written %x", got, v);
    }
}

static _Thread_local volatile int signals_taken;
static void on_usr1(int sig)
{
    (void)sig;
    signals_taken++;
}

static void stress_signal(uint64_t *seed)
{
    (void)seed;
    int before = signals_taken;
    for (int i = 0; i < 20; i++)
        pthread_kill(pthread_self(), SIGUSR1);
    if (signals_taken - before != 20)
        fail("stress: signals lost");
}

static void stress_pipe(uint64_t *seed)
{
    int fd[2];
    char out[512], in[512];
    if (pipe(fd))
        return;
    memset(out, (int)next_random(seed), sizeof(out));
    if (write(fd[1], out, sizeof(out)) != sizeof(out) || read(fd[0], in, sizeof(in)) != sizeof(in) || memcmp(in, out, sizeof(in)))
        fail("stress: pipe");
    close(fd[0]);
    close(fd[1]);
}

static void (*const stress_kinds[])(uint64_t *) = { stress_mmap, stress_mprotect, stress_jit, stress_signal, stress_pipe };
#define N_STRESS (sizeof(stress_kinds) / sizeof(*stress_kinds))

static void stress_member(int self, void *arg)
{
    (void)arg;
    uint64_t seed = 88172645463325252ull + (uint64_t)self * 7919;
    while (now() < stress_end && !atomic_load(&failures)) {
        unsigned k = (unsigned)(next_random(&seed) % N_STRESS);
        stress_kinds[k](&seed);
        atomic_fetch_add(&stress_counts[k], 1);
    }
}

static void do_stress(void)
{
    int n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    stress_end = now() + (double)seconds;
    struct sigaction segv = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGSEGV, &segv, NULL);
    signal(SIGUSR1, on_usr1);
    fflush(stdout);
    for (int i = 0; i < n; i++) { /* fork and exec in processes of their own: single-threaded ones */
        if (fork() == 0) {
            uint64_t seed = 1234567 + (uint64_t)i;
            long rounds = 0;
            for (; now() < stress_end && !atomic_load(&failures); rounds++)
                stress_fork_exec(&seed);
            printf("STRESS fork+exec %ld\n", rounds);
            fflush(stdout);
            _exit(atomic_load(&failures) ? 1 : 7);
        }
    }
    run_crew(n, false, stress_member, NULL);
    children_ok();
    printf("STRESS mmap %ld mprotect %ld jit %ld signal %ld pipe %ld\n", stress_counts[0], stress_counts[1], stress_counts[2],
           stress_counts[3], stress_counts[4]);
}

/* ---- Benchmarks ---- */

static void busy(int self, void *arg)
{
    uint64_t x = 1 + (uint64_t)self;
    for (long i = *(long *)arg; i; i--)
        next_random(&x);
    if (!x)
        fail("bench: impossible");
}

typedef struct PingPong {
    _Alignas(128) atomic_int turn;
    long n;
} PingPong;

static void spin_turns(int self, void *arg)
{
    PingPong *p = arg;
    for (long i = 0; i < p->n; i++) {
        for (unsigned spin = 0; atomic_load_explicit(&p->turn, ACQ) != self; spin++) {
            if (spin > 10000)
                sched_yield();
        }
        atomic_store_explicit(&p->turn, !self, REL);
    }
}

static void futex_turns(int self, void *arg)
{
    PingPong *p = arg;
    for (long i = 0; i < p->n; i++) {
        while (atomic_load(&p->turn) != self)
            syscall(SYS_futex, &p->turn, FUTEX_WAIT_PRIVATE, !self, NULL, NULL, 0);
        atomic_store(&p->turn, !self);
        syscall(SYS_futex, &p->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static pthread_mutex_t bench_mutex = PTHREAD_MUTEX_INITIALIZER;
static long bench_counter;
static void mutex_turns(int self, void *arg)
{
    (void)self;
    for (long i = *(long *)arg; i; i--) {
        pthread_mutex_lock(&bench_mutex);
        bench_counter++;
        pthread_mutex_unlock(&bench_mutex);
    }
}

static void pipe_pairs(long n)
{
    int a[2], b[2];
    char c = 0;
    if (pipe(a) || pipe(b))
        return;
    pid_t p = fork();
    if (p == 0) {
        pin(1 % (int)sysconf(_SC_NPROCESSORS_ONLN));
        for (long i = 0; i < n; i++) {
            if (read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1)
                _exit(1);
        }
        _exit(7);
    }
    pin(0);
    for (long i = 0; i < n; i++) {
        if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
            break;
    }
    children_ok();
    cpu_set_t all;
    memset(&all, 0xff, sizeof(all));
    sched_setaffinity(0, sizeof(all), &all);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void fork_many(long n)
{
    fflush(stdout);
    for (int j = 0; j < 2; j++) {
        if (fork() == 0) {
            for (long i = 0; i < n; i++) {
                pid_t p = fork();
                if (p == 0)
                    _exit(7);
                waitpid(p, NULL, 0);
            }
            _exit(7);
        }
    }
    children_ok();
}

static void report(const char *name, double start)
{
    printf("BENCH %-12s %.3f\n", name, now() - start);
    fflush(stdout);
}

static void do_bench(void)
{
    long n = 100000000;
    double t = now();
    long once = n * 2;
    run_crew(1, true, busy, &once);
    report("busy-1", t);
    t = now();
    run_crew(2, true, busy, &n);
    report("busy-2", t);
    PingPong p = { .n = 1000000 };
    t = now();
    run_crew(2, true, spin_turns, &p);
    report("spin", t);
    p = (PingPong){ .n = 20000 };
    t = now();
    run_crew(2, true, futex_turns, &p);
    report("futex", t);
    n = 2000000;
    t = now();
    run_crew(2, true, mutex_turns, &n);
    report("mutex", t);
    t = now();
    pipe_pairs(20000);
    report("pipe", t);
    t = now();
    fork_many(500);
    report("fork", t);
}

/* ---- */

static const struct {
    const char *name;
    void (*fn)(void);
} jobs[] = { { "online", do_online }, { "hotplug", do_hotplug }, { "litmus", do_litmus },
             { "atomics", do_atomics }, { "stress", do_stress },  { "bench", do_bench } };

static void run_jobs(void)
{
    char *list = strstr(cmdline, " smp=");
    list = strdup(list ? list + 5 : "online");
    list[strcspn(list, " \n")] = 0;
    for (char *save, *job = strtok_r(list, ",", &save); job; job = strtok_r(NULL, ",", &save)) {
        size_t i = 0, n = sizeof(jobs) / sizeof(*jobs);
        while (i < n && strcmp(jobs[i].name, job))
            i++;
        if (i == n)
            fail("no job called '%s'", job);
        else
            jobs[i].fn();
    }
    free(list);
}

int main(int argc, char **argv)
{
    if (argc && !strcmp(argv[0], "exit7"))
        return 7;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    FILE *f = fopen("/proc/cmdline", "r");
    cmdline[0] = ' ';
    if (f && !fgets(cmdline + 1, sizeof(cmdline) - 1, f))
        cmdline[1] = 0;
    if (f)
        fclose(f);
    cmdline[strcspn(cmdline, "\n")] = 0;
    iterations = option("n", iterations);
    seconds = option("t", seconds);
    hotplugs = option("h", hotplugs);
    run_jobs();
    printf(atomic_load(&failures) ? "SMP-FAILED\n" : "SMP-OK\n");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}
