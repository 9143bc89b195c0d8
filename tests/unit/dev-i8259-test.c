/* SPDX-License-Identifier: MIT */
/* The 8259A pair: initialisation, priorities, rotation, the special modes, polling, level inputs, spurious
 * vectors, saved state. Expected values are from Intel's data sheet 231468-003. */
#include "dev-test.h"
#include "hw/i8259.h"

static Device *pic;

static void init_pair(uint8_t icw4_master, uint8_t icw4_slave)
{
    outb(0x20, 0x11), outb(0x21, 0x20), outb(0x21, 0x04), outb(0x21, icw4_master);
    outb(0xa0, 0x11), outb(0xa1, 0x28), outb(0xa1, 0x02), outb(0xa1, icw4_slave);
}

static void setup(void)
{
    pic = create("isa-i8259");
    connect_line(pic, 0, line(40));
    init_pair(1, 1);
}

static void teardown(void)
{
    device_unrealize(pic);
}

static void irq(int n, int level)
{
    IRQLine l = device_input(pic, (unsigned)n);
    irq_set(&l, level);
}

static uint8_t isr(uint16_t port)
{
    outb(port, 0x0b);
    return inb(port);
}

static uint8_t irr(uint16_t port)
{
    outb(port, 0x0a);
    return inb(port);
}

static void test_basic(void)
{
    setup();
    g_assert_cmpint(inb(0x21), ==, 0);
    irq(3, 1);
    g_assert_cmpint(line_level[40], ==, 1);
    g_assert_cmpint(irr(0x20), ==, 8);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x23);
    g_assert_cmpint(line_level[40], ==, 0);
    g_assert_cmpint(isr(0x20), ==, 8);
    g_assert_cmpint(irr(0x20), ==, 0);
    irq(4, 1); /* lower priority waits, higher does not */
    g_assert_cmpint(line_level[40], ==, 0);
    irq(1, 1);
    g_assert_cmpint(line_level[40], ==, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x21);
    outb(0x20, 0x20);
    g_assert_cmpint(isr(0x20), ==, 8);
    outb(0x20, 0x63); /* specific */
    g_assert_cmpint(pic_read_irq(pic), ==, 0x24);
    outb(0x20, 0x20);
    irq(3, 1); /* still high: no new edge */
    g_assert_cmpint(line_level[40], ==, 0);
    irq(3, 0), irq(3, 1);
    g_assert_cmpint(line_level[40], ==, 1);
    teardown();
}

static void test_mask_and_slave(void)
{
    setup();
    outb(0xa1, 0x10);
    irq(12, 1);
    g_assert_cmpint(line_level[40], ==, 0);
    outb(0xa1, 0);
    g_assert_cmpint(line_level[40], ==, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x2c);
    g_assert_cmpint(isr(0x20), ==, 4);
    g_assert_cmpint(isr(0xa0), ==, 0x10);
    irq(9, 1); /* more urgent on the slave, but the master serves input 2 */
    g_assert_cmpint(line_level[40], ==, 0);
    outb(0xa0, 0x20), outb(0x20, 0x20);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x29);
    outb(0xa0, 0x20), outb(0x20, 0x20);
    irq(2, 1); /* the cascade is not an input */
    g_assert_cmpint(line_level[40], ==, 0);
    teardown();
}

static void test_special_fully_nested(void)
{
    setup();
    init_pair(0x11, 1);
    irq(12, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x2c);
    irq(9, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x29);
    teardown();
}

static void test_rotation(void)
{
    setup();
    irq(3, 1);
    pic_read_irq(pic);
    outb(0x20, 0xa0); /* rotate on end of interrupt: 3 is now lowest, 4 highest */
    irq(3, 0);
    irq(0, 1), irq(5, 1), irq(3, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x25);
    outb(0x20, 0x20);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x20);
    outb(0x20, 0xe0); /* specific rotate: 0 lowest */
    g_assert_cmpint(pic_read_irq(pic), ==, 0x23);
    outb(0x20, 0x20);
    outb(0x20, 0xc7); /* set priority: 7 lowest */
    irq(0, 0), irq(7, 1), irq(0, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x20);
    teardown();
}

static void test_auto_eoi(void)
{
    setup();
    init_pair(3, 1);
    irq(5, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x25);
    g_assert_cmpint(isr(0x20), ==, 0);
    outb(0x20, 0x80); /* rotate in automatic mode */
    irq(1, 1);
    pic_read_irq(pic);
    irq(1, 0), irq(1, 1), irq(2, 0), irq(3, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x23);
    teardown();
}

static void test_special_mask(void)
{
    setup();
    irq(1, 1);
    pic_read_irq(pic);
    irq(6, 1);
    g_assert_cmpint(line_level[40], ==, 0);
    outb(0x20, 0x68); /* special mask mode */
    outb(0x21, 0x02);
    g_assert_cmpint(line_level[40], ==, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x26);
    outb(0x20, 0x20); /* ends 6: 1 is masked */
    g_assert_cmpint(isr(0x20), ==, 2);
    outb(0x20, 0x48);
    irq(6, 0), irq(6, 1);
    g_assert_cmpint(line_level[40], ==, 0);
    teardown();
}

static void test_poll(void)
{
    setup();
    irq(4, 1);
    outb(0x20, 0x0c);
    g_assert_cmpint(inb(0x20), ==, 0x84);
    g_assert_cmpint(isr(0x20), ==, 0x10);
    g_assert_cmpint(line_level[40], ==, 0);
    outb(0x20, 0x0c);
    g_assert_cmpint(inb(0x20), ==, 0);
    irq(10, 1);
    outb(0xa0, 0x0c);
    g_assert_cmpint(inb(0xa0), ==, 0x82);
    g_assert_cmpint(line_level[40], ==, 0);
    teardown();
}

static void test_level_and_spurious(void)
{
    setup();
    outb(0x4d0, 0xff), outb(0x4d1, 0xff);
    g_assert_cmpint(inb(0x4d0), ==, 0xf8);
    g_assert_cmpint(inb(0x4d1), ==, 0xde);
    irq(5, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x25);
    outb(0x20, 0x20);
    g_assert_cmpint(line_level[40], ==, 1); /* still asserted */
    irq(5, 0);
    g_assert_cmpint(line_level[40], ==, 0);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x27); /* spurious, not in service */
    g_assert_cmpint(isr(0x20), ==, 0);
    irq(6, 1), irq(6, 0); /* a level that went away leaves nothing */
    g_assert_cmpint(irr(0x20), ==, 0);
    irq(1, 1), irq(1, 0); /* an edge stays */
    g_assert_cmpint(irr(0x20), ==, 2);
    teardown();
}

static void test_icw1_clears(void)
{
    setup();
    outb(0x21, 0xff);
    irq(1, 1);
    outb(0x20, 0x11);
    g_assert_cmpint(line_level[40], ==, 0);
    outb(0x21, 0x40), outb(0x21, 4), outb(0x21, 1);
    g_assert_cmpint(inb(0x21), ==, 0);
    g_assert_cmpint(irr(0x20), ==, 0); /* the edge was before */
    irq(1, 0), irq(1, 1);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x41);
    teardown();
}

static void test_saved(void)
{
    setup();
    outb(0xa1, 0x55);
    irq(9, 1);
    pic_read_irq(pic);
    irq(3, 1);
    pic = save_and_reload(pic);
    connect_line(pic, 0, line(40));
    g_assert_cmpint(inb(0xa1), ==, 0x55);
    g_assert_cmpint(isr(0xa0), ==, 2);
    outb(0xa0, 0x20), outb(0x20, 0x20);
    g_assert_cmpint(pic_read_irq(pic), ==, 0x23);
    load_garbage(pic, 200);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/i8259/basic", test_basic);
    g_test_add_func("/i8259/mask-and-slave", test_mask_and_slave);
    g_test_add_func("/i8259/special-fully-nested", test_special_fully_nested);
    g_test_add_func("/i8259/rotation", test_rotation);
    g_test_add_func("/i8259/auto-eoi", test_auto_eoi);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/poll", test_poll);
    g_test_add_func("/i8259/level-and-spurious", test_level_and_spurious);
    g_test_add_func("/i8259/icw1", test_icw1_clears);
    g_test_add_func("/i8259/saved", test_saved);
    return g_test_run();
}
