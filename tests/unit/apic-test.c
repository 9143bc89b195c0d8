/* SPDX-License-Identifier: MIT */
/*
 * Proves the local APIC's rules from the Intel SDM vol. 3 ch. 11: priorities and EOI, every way to address an
 * IPI, INIT and SIPI, the three timer modes, errors, mode changes and #GP of x2APIC registers, LINT0.
 */
#include "hw/apic.h"
#include "target-i386/cpu.h"
#include "util/main-loop.h"
#include "util/timer.h"
#include <glib.h>
#include <string.h>

#define CPUS 4
static X86CPU *cpus[CPUS];
static int64_t now;

static void page_write(int cpu, unsigned offset, uint32_t value)
{
    current_cpu = &cpus[cpu]->parent;
    memory_region_write(apic_region(), offset, value, 4);
    current_cpu = NULL;
}

static uint32_t page_read(int cpu, unsigned offset)
{
    uint64_t v;
    current_cpu = &cpus[cpu]->parent;
    memory_region_read(apic_region(), offset, &v, 4);
    current_cpu = NULL;
    return v;
}

static uint32_t pending(int cpu)
{
    return cpus[cpu]->parent.interrupt_request;
}

static int take(int cpu)
{
    return x86_pic_acknowledge(cpus[cpu]);
}

static void advance(int64_t ns)
{
    clock_virtual_set(now += ns);
}

/* Every APIC enabled, flat logical IDs 1, 2, 4, 8. */
static void fresh(void)
{
    device_reset_all();
    for (int i = 0; i < CPUS; i++) {
        cpus[i]->parent.interrupt_request = 0;
        page_write(i, 0xf0, 0x1ff);
        page_write(i, 0xd0, 1u << (24 + i));
    }
}

static void send(int from, uint32_t dest, uint32_t command)
{
    page_write(from, 0x310, dest << 24);
    page_write(from, 0x300, command);
}

static void test_reset(void)
{
    device_reset_all();
    g_assert_cmphex(page_read(1, 0x20), ==, 1 << 24);
    g_assert_cmphex(page_read(0, 0x30) & 0xff00ff, ==, 0x050014);
    g_assert_cmphex(page_read(0, 0xf0), ==, 0xff);
    g_assert_cmphex(page_read(0, 0xe0), ==, 0xffffffff);
    g_assert_cmphex(page_read(1, 0x350), ==, 0x10000);
    g_assert_cmphex(x86_apic_get_base(cpus[0]), ==, 0xfee00900);
    g_assert_cmphex(x86_apic_get_base(cpus[1]), ==, 0xfee00800);
    send(0, 1, 0x4041); /* software-disabled: not accepted */
    g_assert_cmpint(take(1), ==, -1);
}

static void test_priorities(void)
{
    fresh();
    send(0, 1, 0x51);
    send(0, 1, 0x63);
    g_assert_true(pending(1) & CPU_INTERRUPT_HARD);
    g_assert_cmphex(take(1), ==, 0x63);
    g_assert_cmphex(page_read(1, 0xa0), ==, 0x60);
    g_assert_cmpint(take(1), ==, -1); /* lower class waits */
    g_assert_false(pending(1) & CPU_INTERRUPT_HARD);
    send(0, 1, 0x68); /* same class waits too */
    g_assert_cmpint(take(1), ==, -1);
    send(0, 1, 0x72);
    g_assert_cmphex(take(1), ==, 0x72);
    page_write(1, 0xb0, 0);
    page_write(1, 0xb0, 0);
    g_assert_cmphex(take(1), ==, 0x68);
    page_write(1, 0xb0, 0);
    g_assert_cmphex(take(1), ==, 0x51);
    page_write(1, 0xb0, 0);
    x86_apic_set_tpr(cpus[1], 8);
    g_assert_cmphex(page_read(1, 0x80), ==, 0x80);
    send(0, 1, 0x8f);
    g_assert_cmpint(take(1), ==, -1);
    x86_apic_set_tpr(cpus[1], 7);
    g_assert_cmphex(take(1), ==, 0x8f);
}

static void test_destinations(void)
{
    static const struct { uint32_t dest, command; unsigned targets; } cases[] = {
        { 2, 0x00040, 0x4 },        /* physical */
        { 0xff, 0x00040, 0xf },     /* physical broadcast */
        { 0x5, 0x00840, 0x5 },      /* logical, flat */
        { 0xff, 0x00840, 0xf },
        { 9, 0x00040, 0x0 },        /* nobody */
        { 0, 0x40040, 0x2 },        /* self */
        { 0, 0x80040, 0xf },        /* all */
        { 0, 0xc0040, 0xd },        /* all but self */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        fresh();
        send(1, cases[i].dest, cases[i].command);
        for (int c = 0; c < CPUS; c++)
            g_assert_cmpint(take(c), ==, cases[i].targets >> c & 1 ? 0x40 : -1);
    }
    fresh(); /* cluster model: CPUs 0 and 1 in cluster 0, 2 and 3 in cluster 1 */
    for (int c = 0; c < CPUS; c++) {
        page_write(c, 0xe0, 0x0fffffff);
        page_write(c, 0xd0, ((c / 2) << 4 | 1 << c % 2) << 24);
    }
    send(0, 0x13, 0x840);
    for (int c = 0; c < CPUS; c++)
        g_assert_cmpint(take(c), ==, c >= 2 ? 0x40 : -1);
    send(0, 0xf1, 0x841);
    for (int c = 0; c < CPUS; c++)
        g_assert_cmpint(pending(c) & CPU_INTERRUPT_HARD ? 1 : 0, ==, c % 2 == 0 && c < 2);
}

static void test_lowest_priority(void)
{
    fresh();
    x86_apic_set_tpr(cpus[0], 3);
    x86_apic_set_tpr(cpus[1], 1);
    x86_apic_set_tpr(cpus[2], 2);
    const APICMessage msg = { .dest = 7, .logical = true, .mode = APIC_LOWEST, .vector = 0x90 };
    apic_bus_send(&msg);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmpint(take(2), ==, -1);
    g_assert_cmpint(take(1), ==, 0x90);
}

static void test_start_up(void)
{
    fresh();
    send(0, 2, 0x4500);
    g_assert_true(pending(2) & CPU_INTERRUPT_INIT);
    g_assert_cmphex(page_read(2, 0xf0), ==, 0xff);
    send(0, 2, 0x8500); /* de-assert: nothing */
    send(0, 2, 0x4699);
    g_assert_true(pending(2) & CPU_INTERRUPT_SIPI);
    g_assert_cmphex(cpus[2]->sipi_vector, ==, 0x99);
    send(0, 3, 0x4400);
    g_assert_true(pending(3) & CPU_INTERRUPT_NMI);
}

static void note_eoi(void *opaque, uint8_t vector)
{
    *(int *)opaque = vector;
}

static void test_eoi(void)
{
    int heard = -1;
    fresh();
    g_assert_true(apic_connect_eoi(note_eoi, &heard));
    APICMessage msg = { .dest = 1, .vector = 0x55, .level = true };
    apic_bus_send(&msg);
    g_assert_cmphex(page_read(1, 0x1a0), ==, 1 << 0x15);
    g_assert_cmpint(take(1), ==, 0x55);
    page_write(1, 0xb0, 0);
    g_assert_cmpint(heard, ==, 0x55);
    heard = -1;
    msg.level = false;
    apic_bus_send(&msg);
    take(1);
    page_write(1, 0xb0, 0);
    g_assert_cmpint(heard, ==, -1);
    page_write(1, 0xf0, 0x11ff); /* broadcast suppressed */
    msg.level = true;
    apic_bus_send(&msg);
    take(1);
    page_write(1, 0xb0, 0);
    g_assert_cmpint(heard, ==, -1);
    apic_disconnect_eoi(&heard);
    msg.level = true;
    page_write(1, 0xf0, 0x1ff);
    apic_bus_send(&msg);
    take(1);
    page_write(1, 0xb0, 0);
    g_assert_cmpint(heard, ==, -1);
    apic_msi(0xfee01000 | 2 << 12, 0x77); /* destination 3 */
    g_assert_cmpint(take(3), ==, 0x77);
}

static void test_timer(void)
{
    fresh();
    page_write(0, 0x3e0, 0xb); /* divide by 1: 1 GHz */
    page_write(0, 0x320, 0x20040);
    page_write(0, 0x380, 1000000);
    advance(400000);
    g_assert_cmpuint(page_read(0, 0x390), ==, 600000);
    g_assert_cmpint(take(0), ==, -1);
    advance(600000);
    g_assert_cmphex(take(0), ==, 0x40);
    page_write(0, 0xb0, 0);
    advance(2500000); /* late: one interrupt, and still in phase */
    g_assert_cmphex(take(0), ==, 0x40);
    page_write(0, 0xb0, 0);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmpuint(page_read(0, 0x390), ==, 500000);
    page_write(0, 0x320, 0x41); /* one-shot, divide by 16 */
    page_write(0, 0x3e0, 3);
    page_write(0, 0x380, 1000);
    advance(15999);
    g_assert_cmpint(take(0), ==, -1);
    advance(1);
    g_assert_cmphex(take(0), ==, 0x41);
    page_write(0, 0xb0, 0);
    g_assert_cmpuint(page_read(0, 0x390), ==, 0);
    advance(1000000);
    g_assert_cmpint(take(0), ==, -1);
    page_write(0, 0x320, 0x20042);
    page_write(0, 0x380, 1); /* 16 ns periods must not hang the host */
    advance(1000000);
    g_assert_cmphex(take(0), ==, 0x42);
    page_write(0, 0x380, 0);
}

static void test_errors(void)
{
    fresh();
    page_write(0, 0x370, 0xfe);
    send(0, 1, 5); /* vector below 16 */
    page_write(0, 0x280, 0);
    g_assert_cmphex(page_read(0, 0x280), ==, 0x20);
    g_assert_cmphex(take(0), ==, 0xfe);
    page_write(0, 0xb0, 0);
    const APICMessage msg = { .dest = 0, .vector = 3 };
    apic_bus_send(&msg);
    page_read(0, 0x2a0); /* no such register */
    page_write(0, 0x280, 0);
    g_assert_cmphex(page_read(0, 0x280), ==, 0xc0);
}

static void test_extint(void)
{
    fresh();
    page_write(0, 0x350, 0x700);
    apic_set_extint(1);
    g_assert_true(pending(0) & CPU_INTERRUPT_HARD);
    g_assert_false(pending(1) & CPU_INTERRUPT_HARD);
    page_write(0, 0x350, 0x10700);
    g_assert_false(pending(0) & CPU_INTERRUPT_HARD);
    g_assert_true(x86_apic_set_base(cpus[0], 0xfee00100)); /* APIC off: INTR goes straight to the core */
    g_assert_true(pending(0) & CPU_INTERRUPT_HARD);
    apic_set_extint(0);
    g_assert_false(pending(0) & CPU_INTERRUPT_HARD);
}

static void test_modes(void)
{
    uint64_t v;
    X86CPU *env = cpus[3];
    fresh();
    g_assert_false(x86_apic_read_msr(env, 0x802, &v));
    g_assert_false(x86_apic_set_base(env, 0xfee00400));   /* x2APIC without enable */
    g_assert_false(x86_apic_set_base(env, 0xfee00801));   /* reserved bit */
    g_assert_false(x86_apic_set_base(env, 1ull << 60 | 0x800));
    g_assert_true(x86_apic_set_base(env, 0xfee00c00));
    g_assert_false(x86_apic_set_base(env, 0xfee00800));   /* back to xAPIC: only through disabled */
    g_assert_true(x86_apic_read_msr(env, 0x802, &v));
    g_assert_cmphex(v, ==, 3);
    g_assert_true(x86_apic_read_msr(env, 0x80d, &v));
    g_assert_cmphex(v, ==, 8);                            /* cluster 0, bit 3 */
    g_assert_false(x86_apic_read_msr(env, 0x80e, &v));    /* DFR is gone */
    g_assert_false(x86_apic_write_msr(env, 0x802, 0));
    g_assert_false(x86_apic_write_msr(env, 0x80b, 1));
    g_assert_true(x86_apic_write_msr(env, 0x80b, 0));
    g_assert_false(x86_apic_write_msr(env, 0x80f, 0x2000));
    g_assert_true(x86_apic_write_msr(env, 0x83f, 0x45));  /* self IPI */
    g_assert_cmphex(take(3), ==, 0x45);
    g_assert_true(x86_apic_write_msr(env, 0x80b, 0));
    g_assert_true(x86_apic_write_msr(env, 0x830, 2ull << 32 | 0x46));
    g_assert_cmphex(take(2), ==, 0x46);
    g_assert_cmphex(page_read(3, 0x20), ==, 0xffffffff);  /* the page is gone */
    g_assert_true(x86_apic_set_base(env, 0xfee00000));
    g_assert_false(x86_apic_set_base(env, 0xfee00c00));   /* disabled to x2APIC at once */
    g_assert_true(x86_apic_set_base(env, 0xfee00800));
    g_assert_cmphex(page_read(3, 0xf0), ==, 0xff);
}

static X86CPU *make_cpu(uint32_t id)
{
    X86CPU *env = g_aligned_alloc0(1, sizeof(X86CPU), 64);
    env->apic_id = id;
    env->phys_bits = 40;
    env->features[FW_1_ECX] = 1u << 21 | 1u << 24;
    env->parent.index = id;
    g_assert_true(apic_new(&env->parent, NULL));
    return env;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    memory_init();
    for (int i = 0; i < CPUS; i++)
        cpus[i] = make_cpu(i);
    memory_region_add(system_memory, APIC_DEFAULT_BASE, apic_region());
    g_test_add_func("/apic/reset", test_reset);
    g_test_add_func("/apic/priorities", test_priorities);
    g_test_add_func("/apic/destinations", test_destinations);
    g_test_add_func("/apic/lowest-priority", test_lowest_priority);
    g_test_add_func("/apic/start-up", test_start_up);
    g_test_add_func("/apic/eoi", test_eoi);
    g_test_add_func("/apic/timer", test_timer);
    g_test_add_func("/apic/errors", test_errors);
    g_test_add_func("/apic/extint", test_extint);
    g_test_add_func("/apic/modes", test_modes);
    return g_test_run();
}
