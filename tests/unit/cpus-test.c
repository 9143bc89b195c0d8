/* SPDX-License-Identifier: MIT */
/*
 * Proves vCPU threads with a toy target: start, halt and wake, pause and resume, work on a vCPU,
 * exclusive sections, atomics between vCPUs, eviction of code that others may run, and stores by one vCPU into code that another runs: once the
 * writer's store is visible, code that starts afterwards is new. Expected values are computed by hand.
 */
#include "toy-target.h"
#include "exec/tb-internal.h"
#include "util/timer.h"

#include <unistd.h>

#define CPUS 3
#define CODE 0x10000
#define COUNTER 0x300000

static CPUState *cpus[CPUS];

static void wait_halted(unsigned n)
{
    machine_unlock();
    for (unsigned tries = 0; tries < 20000; tries++) {
        unsigned halted = 0;
        for (unsigned i = 0; i < n; i++)
            halted += atomic_load(&cpus[i]->halted) && !(atomic_load(&cpus[i]->exec_seq) & 1);
        if (halted == n)
            break;
        usleep(500);
    }
    machine_lock();
    for (unsigned i = 0; i < n; i++)
        g_assert_true(atomic_load(&cpus[i]->halted));
}

/* Sets all vCPUs, which are paused, to run from pc. */
static void run_from(uint64_t pc, unsigned n)
{
    for (unsigned i = 0; i < CPUS; i++) {
        toy(cpus[i])->pc = pc;
        cpus[i]->halted = i >= n;
    }
    cpus_resume();
    wait_halted(n);
    cpus_pause();
}

static void test_shared_counter(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 1, COUNTER);
    toy_movi(&c, 2, 50000);
    uint64_t loop = c.at;
    toy_movi(&c, 0, 1);
    toy_rr(&c, 0xa, 0, 1);
    toy_djnz(&c, 2, loop);
    toy_op(&c, 0);
    memset(toy_ram + COUNTER, 0, 8);
    run_from(CODE, CPUS);
    g_assert_cmpuint(*(uint64_t *)(toy_ram + COUNTER), ==, 50000 * CPUS);
}

/* The same over a page boundary, where each step needs the others out. */
static void test_split_counter(void)
{
    ToyCode c = { CODE };
    toy_movi(&c, 1, COUNTER + 0xffd);
    toy_movi(&c, 2, 300);
    uint64_t loop = c.at;
    toy_movi(&c, 0, 1);
    toy_rr(&c, 0xa, 0, 1);
    toy_djnz(&c, 2, loop);
    toy_op(&c, 0);
    uint64_t *p = (uint64_t *)(toy_ram + COUNTER + 0xffd);
    memset(p, 0, 8);
    run_from(CODE, CPUS);
    uint64_t sum;
    memcpy(&sum, p, 8);
    g_assert_cmpuint(sum, ==, 300 * CPUS);
}

static void test_pause(void)
{
    ToyCode c = { CODE };
    uint64_t loop = c.at;
    toy_movi(&c, 2, 1000);
    uint64_t inner = c.at;
    toy_djnz(&c, 2, inner);
    toy_jmp(&c, loop);
    for (unsigned i = 0; i < CPUS; i++) {
        toy(cpus[i])->pc = CODE;
        cpus[i]->halted = false;
    }
    for (unsigned i = 0; i < 50; i++) {
        cpus_resume();
        machine_unlock();
        usleep(200);
        machine_lock();
        cpus_pause();
        for (unsigned k = 0; k < CPUS; k++)
            g_assert_true(cpus[k]->stopped);
    }
}

static void add_one(CPUState *cpu, void *opaque)
{
    g_assert_true(current_cpu == cpu);
    ++*(unsigned *)opaque;
}

static unsigned inside;

static void alone(CPUState *cpu, void *opaque)
{
    g_assert_cmpuint(++inside, ==, 1);
    for (unsigned i = 0; i < CPUS; i++)
        g_assert_false(atomic_load(&cpus[i]->exec_seq) & 1);
    --inside;
    ++*(unsigned *)opaque;
}

static void test_work_and_exclusive(void)
{
    unsigned done = 0, times = 0;
    cpus_resume(); /* the endless loops of test_pause */
    for (unsigned i = 0; i < 200; i++) {
        cpu_run_on(cpus[i % CPUS], add_one, &done);
        cpus_run_exclusive(NULL, alone, &times);
    }
    g_assert_cmpuint(done, ==, 200);
    g_assert_cmpuint(times, ==, 200);
    cpus_pause();
}

static void test_wake_from_halt(void)
{
    ToyCode c = { CODE }, handler = { 0x8000 };
    toy_op(&c, 0);
    toy_op(&c, 0);
    toy_op(&handler, 0xc);
    for (unsigned i = 0; i < CPUS; i++) {
        toy(cpus[i])->vector_base = 0x8000;
        toy(cpus[i])->irq_enabled = true;
        toy(cpus[i])->pc = CODE;
        toy(cpus[i])->irqs = 0;
        cpus[i]->halted = false;
    }
    cpus_resume();
    wait_halted(CPUS);
    for (unsigned n = 1; n <= 100; n++) {
        for (unsigned i = 0; i < CPUS; i++) {
            toy(cpus[i])->pc = CODE;
            cpu_interrupt(cpus[i], CPU_INTERRUPT_HARD);
        }
        machine_unlock();
        for (unsigned tries = 0; tries < 20000; tries++) {
            unsigned arrived = 0;
            for (unsigned i = 0; i < CPUS; i++)
                arrived += *(volatile unsigned *)&toy(cpus[i])->irqs == n && atomic_load(&cpus[i]->halted);
            if (arrived == CPUS)
                break;
            usleep(50);
        }
        machine_lock();
        for (unsigned i = 0; i < CPUS; i++)
            g_assert_cmpuint(toy(cpus[i])->irqs, ==, n);
    }
    wait_halted(CPUS);
    cpus_pause();
}

/*
 * vCPU 0 rewrites the immediate at 0x20002 (n, n - 1, … 1), each time then storing n to a mailbox; vCPU 1
 * reads the mailbox, then runs the code at 0x20000 and stores what it loaded beside. As the code is
 * written first and n counts down, what the code loads may not be larger than the mailbox.
 */
static void test_cross_modifying(void)
{
    const uint64_t mailbox = 0x310000, patched = 0x20000, runner = 0x21000, writer = 0x22000;
    ToyCode w = { writer }, r = { runner }, p = { patched };
    toy_movi(&w, 2, 20000);
    toy_movi(&w, 1, patched + 2);
    toy_movi(&w, 3, mailbox);
    uint64_t loop = w.at;
    toy_rr(&w, 4, 2, 1);
    toy_rr(&w, 4, 2, 3);
    toy_djnz(&w, 2, loop);
    toy_rr(&w, 4, 2, 3); /* 0: the end */
    toy_op(&w, 0);

    toy_movi(&r, 3, mailbox);
    uint64_t again = r.at;
    toy_rr(&r, 3, 0, 3);        /* r0 = mailbox */
    toy_jmp(&r, patched);
    toy_movi(&p, 1, 1000000);   /* r1 = patched immediate */
    toy_jmp(&p, runner + 0x200);
    r.at = runner + 0x200;
    toy_op(&r, 0);
    (void)again;

    memset(toy_ram + mailbox, 0xff, 8);
    toy(cpus[0])->pc = writer;
    cpus[0]->halted = false;
    cpus[1]->halted = true;
    cpus[2]->halted = true;
    cpus_resume();
    for (unsigned rounds = 0; rounds < 100000; rounds++) {
        cpu_run_on(cpus[1], add_one, &inside);
        if (!atomic_load(&cpus[1]->halted) || (atomic_load(&cpus[1]->exec_seq) & 1))
            continue;
        uint64_t mail = toy(cpus[1])->r[0], code = toy(cpus[1])->r[1];
        if (rounds > 1 && mail && mail != ~0ull)
            g_assert_cmpuint(code, <=, mail);
        if (rounds > 1 && mail == 0)
            break;
        toy(cpus[1])->pc = runner;
        atomic_store(&cpus[1]->halted, false);
        cpu_kick(cpus[1]);
    }
    wait_halted(1);
    cpus_pause();
    inside = 0;
}

/* All run more code than the cache holds: each may have to wait for the others to leave a region. */
static void test_eviction(void)
{
    const uint64_t area = 0x800000, blocks = 0x8000;
    ToyCode c = { area };
    for (uint64_t i = 0; i < blocks; i++) {
        c.at = area + i * 64;
        toy_movi(&c, 1, i);
        toy_rr(&c, 2, 0, 1);
        toy_jmp(&c, area + (i + 1) * 64);
    }
    c.at = area + blocks * 64;
    toy_op(&c, 0);
    uint64_t evictions = tb_stats.evictions;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < CPUS; i++)
            toy(cpus[i])->r[0] = 0;
        run_from(area, CPUS);
        for (unsigned i = 0; i < CPUS; i++)
            g_assert_cmpuint(toy(cpus[i])->r[0], ==, blocks * (blocks - 1) / 2);
    }
    g_assert_cmpuint(tb_stats.evictions, >, evictions);
}

static void run_all(const TCGBackend *engine)
{
    toy_machine(engine, 16 * MiB, 8 * MiB);
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i] = toy_cpu_new();
    cpus_start();
    test_shared_counter();
    test_split_counter();
    test_pause();
    test_work_and_exclusive();
    test_wake_from_halt();
    test_cross_modifying();
    test_eviction();
    cpus_shutdown();
    tcg_exit();
}

static void test_host(void)
{
    run_all(&tcg_backend_x86_64);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    g_test_add_func("/cpus/all", test_host);
    return g_test_run();
}
