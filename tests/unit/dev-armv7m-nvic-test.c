/* SPDX-License-Identifier: MIT */
/* NVIC and system control space: registers and what a model lacks, priorities and grouping, masks, escalation, levels, SysTick, banking
 * by Security state, saved state, nonsense. Expected values are from DDI 0403 B3 and DDI 0553 D1. */
#include "dev-test.h"
#include "hw/arm/armv7m-nvic.h"
#include "target-arm/cpu.h"

#include <stdlib.h>

#define SCS 0xe000e000u
#define SCS_NS 0xe002e000u
#define IRQS 40
enum { ICSR = 0xd04, VTOR = 0xd08, AIRCR = 0xd0c, CCR = 0xd14, SHCSR = 0xd24, CFSR = 0xd28 };
#define AIRCR_KEY 0x05fa0000u

static Device *nvic;
static ARMCPU *cpu;

static void setup(const char *model, unsigned prio_bits)
{
    Error *err = NULL;
    CPUState *c = arm_cpu_create(model, &arm_target_ops, &err);
    g_assert_nonnull(c);
    cpu = arm_cpu(c);
    nvic = device_new("armv7m_nvic");
    device_set_u32(nvic, "num-irq", IRQS);
    device_set_u32(nvic, "num-prio-bits", prio_bits);
    nvic_set_cpu(nvic, cpu);
    realize(nvic);
    nvic_set_clocks(nvic, 100000000, 1000000);
    map_region(system_memory, SCS, nvic, NVIC_REGION_SCS);
    map_region(system_memory, SCS_NS, nvic, NVIC_REGION_SCS_NS);
    connect_line(nvic, 0, line(0));
    nvic->type->reset(nvic);
}

static void teardown(void)
{
    device_unrealize(nvic);
    free(cpu);
}

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, SCS + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, SCS + reg, v, 4); }
static void set8(unsigned reg, uint8_t v) { address_space_st(address_space_memory, SCS + reg, v, 1); }
static uint8_t get8(unsigned reg) { return (uint8_t)address_space_ld(address_space_memory, SCS + reg, 1, NULL); }
static void set_ns(unsigned reg, uint32_t v) { address_space_st(address_space_memory, SCS_NS + reg, v, 4); }
static uint32_t get_ns(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, SCS_NS + reg, 4, NULL); }

static void input(unsigned n, int level)
{
    IRQLine l = device_input(nvic, n);
    irq_set(&l, level);
}

/* What would be taken next; 0: nothing. */
static unsigned next(void)
{
    unsigned exc = 0;
    bool secure;
    return nvic_next(nvic, &exc, &secure) ? exc : 0;
}

static void test_registers(void)
{
    setup("cortex-m3", 3);
    g_assert_cmphex(get(0x004), ==, 1);
    g_assert_cmphex(get(0xd00), ==, 0x412fc231);
    g_assert_cmphex(get(0xd90), ==, 0x800);
    set(0x100, ~0u);
    set(0x104, ~0u);
    g_assert_cmphex(get(0x100), ==, ~0u);
    g_assert_cmphex(get(0x104), ==, 0xff); /* 40 interrupts */
    set(0x180, 0xf0);
    g_assert_cmphex(get(0x180), ==, ~0xf0u);
    set(0x400, ~0u);
    g_assert_cmphex(get(0x400), ==, 0xe0e0e0e0); /* three bits of priority */
    set8(0x402, 0x5f);
    g_assert_cmphex(get(0x400), ==, 0xe040e0e0);
    set(0x428, ~0u);
    g_assert_cmphex(get(0x428), ==, 0);
    set8(0xd1f, 0x80);
    g_assert_cmphex(get8(0xd1f), ==, 0x80);
    set(VTOR, 0x12345678);
    g_assert_cmphex(get(VTOR), ==, 0x12345600);
    set(AIRCR, 0x00000700); /* without the key */
    g_assert_cmphex(get(AIRCR), ==, 0xfa050000);
    set(AIRCR, AIRCR_KEY | 0x500);
    g_assert_cmphex(get(AIRCR), ==, 0xfa050500);
    set(AIRCR, AIRCR_KEY | 4);
    g_assert_cmpint(line_rises[0], ==, 1);
    g_assert_cmphex(get(0xf34), ==, 0);    /* no FPU */
    g_assert_cmphex(get(0xdd0), ==, 0);    /* no SAU */
    set(SHCSR, ~0u);
    g_assert_cmphex(get(SHCSR) & 0x70000, ==, 0x70000);
    teardown();
    setup("cortex-m0", 2);
    set(VTOR, 0x100);
    g_assert_cmphex(get(VTOR), ==, 0);
    set(SHCSR, ~0u);
    g_assert_cmphex(get(SHCSR), ==, 0);
    g_assert_cmphex(get(CCR), ==, 0x208);
    set(CCR, 0);
    g_assert_cmphex(get(CCR), ==, 0x208);
    teardown();
}

static void test_priorities(void)
{
    setup("cortex-m4", 8);
    set(0x100, 0xff);
    set(0x400, 0x30201040);
    input(3, 1);
    g_assert_cmpint(next(), ==, 19);
    input(0, 1);
    g_assert_cmpint(next(), ==, 19); /* 0x30 before 0x40 */
    g_assert_cmphex(get(ICSR) >> 12 & 0x1ff, ==, 19);
    nvic_acknowledge(nvic);
    g_assert_cmpint(cpu->v7m.exception, ==, 19);
    g_assert_cmpint(nvic_exec_priority(nvic), ==, 0x30);
    g_assert_cmpint(next(), ==, 0);
    g_assert_cmphex(get(0x300), ==, 8);
    input(1, 1);
    g_assert_cmpint(next(), ==, 17); /* preempts */
    /* not within the same group */
    set(AIRCR, AIRCR_KEY | 6 << 8);
    g_assert_cmpint(next(), ==, 0);
    set(AIRCR, AIRCR_KEY);
    cpu->v7m.basepri[0] = 0x10;
    g_assert_cmpint(next(), ==, 0);
    cpu->v7m.basepri[0] = 0x12;
    g_assert_cmpint(next(), ==, 17);
    cpu->v7m.primask[0] = 1;
    g_assert_cmpint(next(), ==, 0);
    g_assert_true(nvic_would_wake(nvic));
    set(ICSR, 1u << 31);
    g_assert_cmpint(next(), ==, M_EXCP_NMI);
    cpu->v7m.primask[0] = 0;
    nvic_acknowledge(nvic);
    g_assert_cmpint(nvic_exec_priority(nvic), ==, -2);
    g_assert_true(nvic_complete(nvic, M_EXCP_NMI, false));
    g_assert_false(nvic_complete(nvic, M_EXCP_NMI, false));
    /* The level is still high: pending again */
    g_assert_true(nvic_complete(nvic, 19, false));
    g_assert_cmphex(get(0x200) & 8, ==, 8);
    input(3, 0);
    set(0x280, 8);
    g_assert_cmphex(get(0x200) & 8, ==, 0);
    /* Equal priorities: the lowest number */
    set(0x400, 0);
    set(0xf00, 5);
    set(0x404, 0);
    input(0, 0);
    input(1, 0);
    set(0x280, ~0u);
    set(0xf00, 5);
    set(0xf00, 4);
    g_assert_cmpint(next(), ==, 20);
    teardown();
}

static void test_escalation(void)
{
    setup("cortex-m3", 8);
    /* UsageFault is not enabled */
    g_assert_true(nvic_pend_sync(nvic, M_EXCP_USAGE, false));
    g_assert_cmpint(next(), ==, M_EXCP_HARD);
    g_assert_cmphex(get(0xd2c), ==, 1u << 30);
    set(0xd2c, 1u << 30);
    g_assert_cmphex(get(0xd2c), ==, 0);
    nvic_acknowledge(nvic);
    g_assert_false(nvic_pend_sync(nvic, M_EXCP_SVC, false)); /* lockup */
    g_assert_true(nvic_complete(nvic, M_EXCP_HARD, false));
    set(SHCSR, 1 << 18);
    g_assert_true(nvic_pend_sync(nvic, M_EXCP_USAGE, false));
    g_assert_cmpint(next(), ==, M_EXCP_USAGE);
    g_assert_cmphex(get(SHCSR) >> 12 & 1, ==, 1);
    cpu->v7m.cfsr[0] = 0x02000082;
    set8(CFSR, 0x82);
    g_assert_cmphex(get(CFSR), ==, 0x02000000);
    teardown();
}

static void test_systick(void)
{
    setup("cortex-m4", 8);
    g_assert_cmphex(get(0x01c), ==, 9999); /* 10 ms of the 1 MHz reference */
    set(0x014, 99);
    set(0x018, 5);
    set(0x010, 7); /* 100 MHz: a microsecond */
    g_assert_cmpint(next(), ==, 0);
    advance(12 * US);
    g_assert_cmpint(next(), ==, M_EXCP_SYSTICK);
    g_assert_cmphex(get(0x010), ==, 0x10007);
    g_assert_cmphex(get(0x010), ==, 7);
    set(ICSR, 1 << 25);
    g_assert_cmpint(next(), ==, 0);
    set(0x010, 0);
    uint32_t value = get(0x018);
    g_assert_cmpuint(value, <=, 99);
    advance(MS);
    g_assert_cmpuint(get(0x018), ==, value);
    set(0x010, 1); /* the reference clock */
    set(0x014, 999);
    set(0x018, 0);
    advance(500 * US);
    g_assert_cmpuint(get(0x018), >=, 499);
    g_assert_cmpuint(get(0x018), <=, 501);
    teardown();
}

static void test_security(void)
{
    setup("cortex-m33", 8);
    g_assert_true(cpu->v7m.secure);
    set(0x100, 0xff);
    set(0x380, 0xf0); /* 4 to 7 are Non-secure's */
    g_assert_cmphex(get_ns(0x100), ==, 0xf0);
    set_ns(0x200, 0xff);
    g_assert_cmphex(get(0x200), ==, 0xf0);
    set(0x280, ~0u);
    set(VTOR, 0x100);
    set_ns(VTOR, 0x200);
    g_assert_cmphex(get(VTOR), ==, 0x100);
    g_assert_cmphex(get_ns(VTOR), ==, 0x200);
    /* Non-secure priorities start at half */
    set(AIRCR, AIRCR_KEY | 1 << 14);
    set(0x200, 1 << 4 | 1);
    set8(0x400, 0x70);
    g_assert_cmpint(next(), ==, 16);
    set8(0x400, 0x90);
    g_assert_cmpint(next(), ==, 20);
    cpu->v7m.primask[0] = 1; /* masks Non-secure ones, and the Secure ones below */
    g_assert_cmpint(next(), ==, 0);
    set8(0x400, 0x70);
    g_assert_cmpint(next(), ==, 16);
    cpu->v7m.primask[0] = 0;
    g_assert_cmphex(get_ns(AIRCR), ==, 0xfa050000);
    g_assert_cmphex(get_ns(0xdd0), ==, 0);
    set(0xdd0, 1);
    g_assert_cmphex(get(0xdd0), ==, 1);
    /* Non-secure state sees its own through the usual address, and nothing through the alias */
    cpu->v7m.secure = 0;
    g_assert_cmphex(get(VTOR), ==, 0x200);
    g_assert_cmphex(get_ns(VTOR), ==, 0);
    g_assert_cmphex(get(0x100), ==, 0xf0);
    cpu->v7m.secure = 1;
    /* PendSV is banked */
    set_ns(ICSR, 1 << 28);
    g_assert_cmphex(get(ICSR) >> 28 & 1, ==, 0);
    g_assert_cmphex(get_ns(ICSR) >> 28 & 1, ==, 1);
    teardown();
}

static void test_saved(void)
{
    uint8_t *buf = NULL, *again = NULL;
    size_t len = 0, again_len = 0;
    setup("cortex-m33", 8);
    set(0x100, 0x1234);
    set(0x400, 0x80604020);
    set(0x200, 0x30);
    set(0x014, 12345);
    set(0x010, 7);
    device_save(nvic, &buf, &len);
    nvic->type->reset(nvic);
    g_assert_cmphex(get(0x100), ==, 0);
    g_assert_true(device_load(nvic, buf, len, NULL));
    g_assert_cmphex(get(0x100), ==, 0x1234);
    g_assert_cmphex(get(0x200), ==, 0x30);
    g_assert_cmphex(get(0x400), ==, 0x80604020);
    g_assert_cmphex(get(0x014), ==, 12345);
    device_save(nvic, &again, &again_len);
    g_assert_cmpmem(buf, len, again, again_len);
    g_free(buf);
    g_free(again);
    load_garbage(nvic, 200);
    /* Any access to any register in both states */
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 3);
        hwaddr at = (i & 1 ? SCS : SCS_NS) + ((uint32_t)g_test_rand_int() & 0xfff & -size);
        if (i & 4)
            address_space_ld(address_space_memory, at, size, NULL);
        else
            address_space_st(address_space_memory, at, (uint32_t)g_test_rand_int(), size);
        input((unsigned)g_test_rand_int_range(0, IRQS + 1), i >> 3 & 1);
        cpu->v7m.secure = i >> 5 & 1;
        if (next())
            nvic_acknowledge(nvic);
        nvic_complete(nvic, (unsigned)g_test_rand_int_range(0, 512), i & 1);
    }
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/armv7m-nvic/registers", test_registers);
    g_test_add_func("/armv7m-nvic/priorities", test_priorities);
    g_test_add_func("/armv7m-nvic/escalation", test_escalation);
    g_test_add_func("/armv7m-nvic/systick", test_systick);
    g_test_add_func("/armv7m-nvic/security", test_security);
    g_test_add_func("/armv7m-nvic/saved", test_saved);
    return g_test_run();
}
