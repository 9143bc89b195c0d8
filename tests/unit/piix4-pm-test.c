/* SPDX-License-Identifier: MIT */
/*
 * Proves the PIIX4 power management function from the 82371AB datasheet and ACPI 6.4 ch. 4.8: mapping by PMBA, SCI
 * from the power button and the timer, write-one-to-clear status, GPE0, ACPI mode through the SMI port, SMBus.
 */
#include "hw/pc.h"
#include "util/main-loop.h"
#include "util/timer.h"
#include <glib.h>

static Device *pm;
static int sci;
static int64_t now;

static void set_sci(void *opaque, int n, int level)
{
    (void)opaque;
    (void)n;
    sci = level;
}

static uint32_t in(uint16_t port, unsigned size)
{
    return address_space_ld(address_space_io, port, size, NULL);
}

static void out(uint16_t port, uint32_t value, unsigned size)
{
    address_space_st(address_space_io, port, value, size);
}

static void config(unsigned reg, uint32_t value, unsigned size)
{
    pci_config_write(pci_root_bus, (uint32_t)((PCIDevice *)pm)->addr << 8 | reg, value, size);
}

static void fresh(void)
{
    device_reset_all();
    config(0x40, 0x601, 4);
    config(0x80, 1, 1);
}

static void test_mapping(void)
{
    device_reset_all();
    g_assert_cmphex(in(0x604, 2), ==, 0xffff);
    fresh();
    g_assert_cmphex(in(0x604, 2), ==, 0);
    config(0x40, 0x801, 4);
    g_assert_cmphex(in(0x604, 2), ==, 0xffff);
    g_assert_cmphex(in(0x804, 2), ==, 0);
}

static void test_power_button(void)
{
    fresh();
    piix4_pm_power_button(pm);
    g_assert_cmpint(sci, ==, 0);
    g_assert_cmphex(in(0x600, 2), ==, 0x100);
    out(0x602, 0x100, 2);
    g_assert_cmpint(sci, ==, 1);
    out(0x600, 0x001, 2); /* another bit: stays */
    g_assert_cmpint(sci, ==, 1);
    out(0x600, 0x100, 2);
    g_assert_cmpint(sci, ==, 0);
    g_assert_cmphex(in(0x600, 4), ==, 0x1000000);
}

/* 3.579545 MHz: bit 23 changes every 2.343 s. */
static void test_timer(void)
{
    fresh();
    uint32_t start = in(0x608, 4);
    clock_virtual_set(now += NS_PER_SEC);
    g_assert_cmpuint(((in(0x608, 4) - start) & 0xffffff) / 2, ==, 3579545 / 2);
    out(0x600, 1, 2);
    out(0x602, 1, 2);
    clock_virtual_set(now += 2343 * NS_PER_SEC / 1000 + 2 * NS_PER_SEC / 1000);
    g_assert_cmpint(sci, ==, 1);
    g_assert_cmphex(in(0x600, 2), ==, 1);
    out(0x600, 1, 2);
    g_assert_cmpint(sci, ==, 0);
    clock_virtual_set(now += 5 * NS_PER_SEC / 2);
    g_assert_cmpint(sci, ==, 1);
}

static void test_control(void)
{
    fresh();
    out(0xb2, 0xf1, 1);
    g_assert_cmphex(in(0x604, 2), ==, 1);
    out(0x604, 0x1c01, 2);
    g_assert_cmphex(in(0x604, 2), ==, 0x1c01);
    out(0xb2, 0xf0, 1);
    g_assert_cmphex(in(0x604, 2), ==, 0x1c00);
    out(0xb3, 0x5a, 1);
    g_assert_cmphex(in(0xb3, 1), ==, 0x5a);
    out(0xafe2, 0x3, 2); /* GPE0 enable */
    g_assert_cmphex(in(0xafe0, 4), ==, 0x30000);
}

static void test_smbus(void)
{
    fresh();
    config(0x90, 0xb101, 4);
    config(0xd2, 9, 1);
    g_assert_cmphex(in(0xb100, 1), ==, 0);
    out(0xb104, 0x31, 1);
    out(0xb102, 0x48, 1);
    g_assert_cmphex(in(0xb100, 1), ==, 4); /* nobody answered */
    out(0xb100, 0x1f, 1);
    g_assert_cmphex(in(0xb100, 1), ==, 0);
    out(0xb104, 0xa0, 1); /* a module's EEPROM: writes the word 0x5566 at 0x20 */
    out(0xb103, 0x20, 1);
    out(0xb105, 0x66, 1), out(0xb106, 0x55, 1);
    out(0xb102, 0x4c, 1);
    g_assert_cmphex(in(0xb100, 1), ==, 2);
    out(0xb100, 2, 1);
    out(0xb104, 0xa1, 1), out(0xb105, 0, 1), out(0xb106, 0, 1);
    out(0xb102, 0x4c, 1);
    g_assert_cmphex(in(0xb105, 1) | in(0xb106, 1) << 8, ==, 0x5566);
    out(0xb103, 0x21, 1);
    out(0xb102, 0x48, 1);
    g_assert_cmphex(in(0xb105, 1), ==, 0x55);
    out(0xb106, 0x1f, 1); /* I2C block read from 0x1f, byte by byte */
    out(0xb102, 0x58, 1);
    g_assert_cmphex(in(0xb100, 1) & 0x81, ==, 0x81);
    g_assert_cmphex(in(0xb107, 1), ==, 0);
    out(0xb100, 0x80, 1);
    g_assert_cmphex(in(0xb107, 1), ==, 0x66);
    out(0xb102, 0x38, 1); /* the next is the last */
    out(0xb100, 0x80, 1);
    g_assert_cmphex(in(0xb100, 1) & 0x83, ==, 0x02);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    memory_init();
    pci_bus_new(NULL, "pci.0", system_memory, system_io);
    PCIBus *bus = pci_root_bus;
    Device *bridge = device_new("PIIX3"); /* function 3 needs a multifunction device in its slot */
    device_set_str(bridge, "addr", "1");
    g_assert_true(device_realize(bridge, NULL));
    g_assert_nonnull(bus->functions[8]);
    pm = piix4_pm_new(false, NULL);
    g_assert_nonnull(pm);
    connect_line(pm, 0, (IRQLine){ set_sci, NULL, 0 });
    g_test_add_func("/piix4-pm/mapping", test_mapping);
    g_test_add_func("/piix4-pm/power-button", test_power_button);
    g_test_add_func("/piix4-pm/timer", test_timer);
    g_test_add_func("/piix4-pm/control", test_control);
    g_test_add_func("/piix4-pm/smbus", test_smbus);
    return g_test_run();
}
