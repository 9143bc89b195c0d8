/* SPDX-License-Identifier: MIT */
/* The generic timers of a core: deadline, mask and line, with a clock that goes on while a register is written. Arm ARM DDI 0487 D11. */
#include "dev-test.h"
#include "target-arm/cpu.h"
#include "target-arm/sysreg.h"

#include <stdlib.h>

enum { CNTV_TVAL = A64_SYSREG(3, 3, 14, 3, 0), CNTV_CTL = A64_SYSREG(3, 3, 14, 3, 1), CNTV_CVAL = A64_SYSREG(3, 3, 14, 3, 2) };

static ARMCPU *cpu;
static int64_t clock_now, clock_step;

/* A clock that goes on by clock_step at each look. */
static int64_t creeping_clock(void)
{
    return clock_now += clock_step;
}

static void setup(void)
{
    Error *err = NULL;
    CPUState *c = arm_cpu_create("cortex-a57", &aarch64_target_ops, &err);
    g_assert_nonnull(c);
    cpu = arm_cpu(c);
    cpu->gt_out[GT_VIRT] = line(0);
    arm_timers_init(cpu);
    clock_step = 0;
    clock_virtual_set_source(creeping_clock, false);
    clear_lines();
}

static void teardown(void)
{
    for (unsigned t = 0; t < GT_TIMERS; t++)
        timer_free(cpu->gt[t].timer);
    free(cpu);
}

static void set(uint32_t key, uint64_t value)
{
    arm_sysreg_write(cpu, arm_sysreg_find(cpu, key), value);
}

static uint64_t get(uint32_t key)
{
    return arm_sysreg_read(cpu, arm_sysreg_find(cpu, key));
}

static uint64_t count(void)
{
    return arm_cntpct(cpu);
}

static int64_t ns_of(uint64_t counts)
{
    return (int64_t)((unsigned __int128)counts * NS_PER_SEC / cpu->cntfrq_hz);
}

static void test_line(void)
{
    setup();
    clock_now = NS_PER_SEC;
    set(CNTV_CVAL, count() + 100);
    set(CNTV_CTL, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(get(CNTV_CTL), ==, 1);
    clock_now += ns_of(100);
    timers_run_virtual();
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(CNTV_CTL), ==, 5);
    set(CNTV_CTL, 3); /* masked: the condition stays */
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(get(CNTV_CTL), ==, 7);
    set(CNTV_CTL, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    set(CNTV_TVAL, 50);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(get(CNTV_TVAL), ==, 50);
    clock_now += ns_of(49);
    timers_run_virtual();
    g_assert_cmpint(line_level[0], ==, 0);
    clock_now += ns_of(1);
    timers_run_virtual();
    g_assert_cmpint(line_level[0], ==, 1);
    set(CNTV_CTL, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    teardown();
}

/* A deadline that comes while the register that sets it is being written is not lost: the line is up, or a timer runs. */
static void test_no_deadline_lost(void)
{
    setup();
    for (unsigned i = 0; i < 4000; i++) {
        clock_step = 0;
        clock_now += 1 + i % 17;
        set(CNTV_CTL, 0);
        set(CNTV_CVAL, count() + i % 5);
        clock_step = 1 + i % 7;
        set(CNTV_CTL, 1);
        for (unsigned turns = 0; !line_level[0]; turns++) {
            int64_t next = timers_next_deadline(CLOCK_VIRTUAL);
            g_assert_cmpint(next, >=, 0);
            g_assert_cmpuint(turns, <, 4);
            clock_now = MAX(clock_now, next);
            timers_run_virtual();
        }
    }
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/arm-timer/line", test_line);
    g_test_add_func("/arm-timer/no-deadline-lost", test_no_deadline_lost);
    return g_test_run();
}
