/* SPDX-License-Identifier: MIT */
/*
 * Proves -icount: timers interrupt a counting loop after exactly the instructions their deadlines stand
 * for, a halted machine skips to the next timer with sleep=off, and a device read sees the clock of its
 * own instruction. Expected values: the toy loop runs two instructions per round, 4 ns each (shift 2).
 */
#include "toy-target.h"
#include "exec/icount.h"
#include "util/options.h"
#include "util/timer.h"

#include <unistd.h>

#define CODE 0x1000

static CPUState *cpu;
static Timer *timer;
static int64_t fired_at[8];
static uint64_t counted[8];
static unsigned fired;
static int64_t read_at[4];
static unsigned reads;

static void fire(void *opaque)
{
    fired_at[fired] = clock_ns(CLOCK_VIRTUAL);
    counted[fired++] = toy(cpu)->r[0];
    if (fired < 4)
        timer_mod(timer, fired * 40000);
    cpu_interrupt(cpu, CPU_INTERRUPT_HARD);
}

static uint64_t clock_read(void *opaque, hwaddr offset, unsigned size)
{
    read_at[reads++] = clock_ns(CLOCK_VIRTUAL);
    return 0;
}

static void wait_for_end(void)
{
    cpus_resume();
    machine_unlock();
    for (unsigned tries = 0; tries < 10000 && *(volatile unsigned *)&toy(cpu)->irqs < 4; tries++)
        usleep(500);
    machine_lock();
    cpus_pause();
}

/* The loop counts in r0; interrupts come back to it. */
static void test_deadlines(void)
{
    ToyCode c = { CODE }, handler = { 0x8000 };
    toy_movi(&c, 1, 1);
    uint64_t loop = c.at;
    toy_rr(&c, 2, 0, 1);
    toy_jmp(&c, loop);
    toy_op(&handler, 0xc);
    toy(cpu)->vector_base = 0x8000;
    toy(cpu)->irq_enabled = true;
    toy(cpu)->pc = CODE;
    timer = timer_new(CLOCK_VIRTUAL, fire, NULL);
    timer_mod(timer, 8004); /* 2001 instructions: one MOVI and 1000 rounds */
    wait_for_end();
    g_assert_cmpint(fired_at[0], ==, 8004);
    g_assert_cmpuint(counted[0], ==, 1000);
    g_assert_cmpint(fired_at[1], ==, 40000);
    g_assert_cmpint(fired_at[3], ==, 120000);
    /* each interrupt counts as one and costs an IRET: 10000 instructions are MOVI, 2 for the interrupt, 4998 rounds and an addition */
    g_assert_cmpuint(counted[1], ==, 4999);
    g_assert_cmpuint(counted[2], ==, 9998); /* 20000 are MOVI, 4 for interrupts, 9997 rounds and an addition */
}

static void test_halted(void)
{
    ToyCode c = { CODE };
    toy_op(&c, 0);
    toy_jmp(&c, CODE);
    int64_t now = clock_ns(CLOCK_VIRTUAL), host = clock_ns(CLOCK_REALTIME_HOST);
    toy(cpu)->pc = CODE;
    toy(cpu)->irqs = 3;
    fired = 4;
    timer_mod(timer, now + 3600 * NS_PER_SEC); /* an hour */
    wait_for_end();
    g_assert_cmpint(fired_at[4], ==, now + 3600 * NS_PER_SEC);
    g_assert_cmpint(clock_ns(CLOCK_REALTIME_HOST) - host, <, 5 * NS_PER_SEC);
}

static void test_exact_io(void)
{
    static const MemoryRegionOps ops = { .read = clock_read, .valid_max = 8, .impl_max = 8 };
    static MemoryRegion mr;
    memory_region_init_io(&mr, NULL, &ops, NULL, "clock", 8);
    memory_region_add(system_memory, 0x40000000, &mr);
    ToyCode c = { CODE };
    toy_movi(&c, 1, 0x40000000);
    toy_rr(&c, 3, 0, 1);
    toy_op(&c, 0xb);
    toy_op(&c, 0xb);
    toy_rr(&c, 3, 0, 1);
    toy_op(&c, 0);
    toy(cpu)->pc = CODE;
    toy(cpu)->irqs = 3;
    cpu->halted = false;
    fired = 5;
    timer_mod(timer, clock_ns(CLOCK_VIRTUAL) + NS_PER_SEC);
    wait_for_end();
    g_assert_cmpuint(reads, ==, 2);
    g_assert_cmpint(read_at[1] - read_at[0], ==, 3 * 4); /* three instructions later */
}

int main(int argc, char **argv)
{
    Error *err = NULL;
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    toy_machine(&tcg_backend_x86_64, 16 * MiB, 16 * MiB);
    OptGroup *o = opts_parse("-icount", "2,sleep=off", "shift", &err);
    g_assert_true(icount_configure(o, &err));
    opts_free(o);
    cpu = toy_cpu_new();
    cpus_start();
    g_test_add_func("/icount/deadlines", test_deadlines);
    g_test_add_func("/icount/halted", test_halted);
    g_test_add_func("/icount/exact-io", test_exact_io);
    int r = g_test_run();
    cpus_shutdown();
    return r;
}
