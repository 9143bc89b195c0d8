/* SPDX-License-Identifier: MIT */
/*
 * Proves the I/O APIC from the 82093AA datasheet: register window, edge pins, level pins with remote IRR and EOI,
 * masks. Messages are seen through a local APIC.
 */
#include "hw/apic.h"
#include "util/error.h"
#include "target-i386/cpu.h"
#include "util/main-loop.h"
#include <glib.h>

static X86CPU *env;
static Device *ioapic;

static uint32_t reg_read(unsigned reg)
{
    uint64_t v;
    memory_region_write(ioapic->regions[0], 0, reg, 4);
    memory_region_read(ioapic->regions[0], 0x10, &v, 4);
    return v;
}

static void reg_write(unsigned reg, uint32_t value)
{
    memory_region_write(ioapic->regions[0], 0, reg, 4);
    memory_region_write(ioapic->regions[0], 0x10, value, 4);
}

static void line(unsigned pin, int level)
{
    IRQLine l = device_input(ioapic, pin);
    irq_set(&l, level);
}

static int take(void)
{
    return x86_pic_acknowledge(env);
}

static void end_of_interrupt(void)
{
    memory_region_write(apic_region(), 0xb0, 0, 4);
}

static void fresh(void)
{
    for (unsigned n = 0; n < 24; n++)
        line(n, 0);
    device_reset_all();
    env->parent.interrupt_request = 0;
    memory_region_write(apic_region(), 0xf0, 0x1ff, 4);
}

static void test_registers(void)
{
    fresh();
    g_assert_cmphex(reg_read(1), ==, 0x170020);
    reg_write(0, 0x0f000000);
    g_assert_cmphex(reg_read(0), ==, 0x0f000000);
    g_assert_cmphex(reg_read(0x10), ==, 0x10000);
    reg_write(0x3e, 0xffffffff);
    reg_write(0x3f, 0xff000000);
    g_assert_cmphex(reg_read(0x3e), ==, 0x1afff);
    g_assert_cmphex(reg_read(0x3f), ==, 0xff000000);
    g_assert_cmphex(reg_read(0x40), ==, 0);
}

static void test_edge(void)
{
    fresh();
    line(4, 1); /* masked: lost */
    reg_write(0x18, 0x34);
    g_assert_cmpint(take(), ==, -1);
    line(4, 1); /* no edge */
    g_assert_cmpint(take(), ==, -1);
    line(4, 0);
    line(4, 1);
    g_assert_cmphex(take(), ==, 0x34);
    end_of_interrupt();
    g_assert_cmpint(take(), ==, -1);
}

static void test_level(void)
{
    fresh();
    reg_write(0x24, 0x8044);
    line(10, 1);
    g_assert_cmphex(reg_read(0x24), ==, 0xc044);
    g_assert_cmphex(take(), ==, 0x44);
    end_of_interrupt(); /* still asserted: comes again */
    g_assert_cmphex(take(), ==, 0x44);
    line(10, 0);
    end_of_interrupt();
    g_assert_cmphex(reg_read(0x24), ==, 0x8044);
    g_assert_cmpint(take(), ==, -1);
    reg_write(0x24, 0x18044);
    line(10, 1);
    g_assert_cmpint(take(), ==, -1);
    reg_write(0x24, 0x8044); /* unmasked while asserted */
    g_assert_cmphex(take(), ==, 0x44);
    memory_region_write(ioapic->regions[0], 0x40, 0x44, 4); /* EOI register */
    end_of_interrupt();
    g_assert_cmphex(take(), ==, 0x44);
    reg_write(0x24, 0x44); /* edge mode drops remote IRR */
    g_assert_cmphex(reg_read(0x24), ==, 0x44);
}

/* The second one has its own inputs and hears of the same EOIs; there is no third. */
static void test_second(void)
{
    end_of_interrupt(); /* that of the test before */
    Device *second = device_new("ioapic");
    g_assert_true(device_realize(second, NULL));
    Error *err = NULL;
    g_assert_false(device_realize(device_new("ioapic"), &err));
    g_assert_nonnull(err);
    error_free(err);
    for (unsigned i = 0; i < 2; i++) {
        memory_region_write(second->regions[0], 0, 0x10 + i, 4);
        memory_region_write(second->regions[0], 0x10, i ? 0 : 0x8055, 4);
    }
    IRQLine l = device_input(second, 0);
    irq_set(&l, 1);
    g_assert_cmphex(take(), ==, 0x55);
    end_of_interrupt();
    g_assert_cmphex(take(), ==, 0x55); /* still asserted */
    irq_set(&l, 0);
    end_of_interrupt();
    g_assert_cmpint(take(), ==, -1);
    reg_write(0x24, 0x8044);           /* the first goes on as before, pin 10 is asserted */
    g_assert_cmphex(take(), ==, 0x44);
    end_of_interrupt();
    g_assert_cmphex(take(), ==, 0x44);
    device_unrealize(second);
    end_of_interrupt();
    g_assert_cmphex(take(), ==, 0x44);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    memory_init();
    env = g_aligned_alloc0(1, sizeof(X86CPU), 64);
    env->phys_bits = 40;
    g_assert_true(apic_new(&env->parent, NULL));
    current_cpu = &env->parent;
    ioapic = device_new("ioapic");
    g_assert_true(device_realize(ioapic, NULL));
    g_test_add_func("/ioapic/registers", test_registers);
    g_test_add_func("/ioapic/edge", test_edge);
    g_test_add_func("/ioapic/level", test_level);
    g_test_add_func("/ioapic/second", test_second);
    return g_test_run();
}
