/* SPDX-License-Identifier: MIT */
/* The 8254: all modes, gate, latches, read-back, BCD, new counts while counting, IRQ 0 and its catching up, and port
 * 0x61 in front of channel 2. Expected values are from Intel's data sheet 231164-005 (counts are those after
 * the clock that loads them). */
#include "cpu.h"
#include "dev-test.h"
#include "hw/i8254.h"

static Device *pit, *speaker;

static void setup(void)
{
    pit = create("isa-pit");
    speaker = create("isa-pcspk");
    record_line(NULL, 0, 0);
    clear_lines();
}

static void teardown(void)
{
    device_unrealize(speaker);
    device_unrealize(pit);
}

/* Time as clocks of the PIT since the test began: moves to the middle of a clock. */
static int64_t base_ticks;

static int64_t now_ticks(void)
{
    return (int64_t)((__int128)clock_ns(CLOCK_VIRTUAL) * PIT_HZ / NS_PER_SEC);
}

static void mark(void)
{
    base_ticks = now_ticks();
}

static void at_tick(int64_t tick)
{
    clock_virtual_set((int64_t)(((__int128)(base_ticks + tick) * NS_PER_SEC + NS_PER_SEC / 2) / PIT_HZ));
}

static unsigned count(unsigned channel)
{
    outb(0x43, (uint8_t)(channel << 6));
    unsigned low = inb((uint16_t)(0x40 + channel));
    return low | (unsigned)inb((uint16_t)(0x40 + channel)) << 8;
}

static void program(unsigned channel, unsigned mode, unsigned n)
{
    mark();
    at_tick(0);
    outb(0x43, (uint8_t)(channel << 6 | 0x30 | mode << 1));
    outb((uint16_t)(0x40 + channel), (uint8_t)n);
    outb((uint16_t)(0x40 + channel), (uint8_t)(n >> 8));
    mark();
}

static uint8_t status(unsigned channel)
{
    outb(0x43, (uint8_t)(0xe0 | 2u << channel));
    return inb((uint16_t)(0x40 + channel));
}

static void gate2(bool level)
{
    outb(0x61, level);
}

static bool out2(void)
{
    return inb(0x61) >> 5 & 1;
}

static void test_mode0(void)
{
    setup();
    program(0, 0, 1000);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(status(0), ==, 0x30);
    at_tick(400);
    g_assert_cmpint(count(0), ==, 600);
    at_tick(999);
    g_assert_cmpint(line_level[0], ==, 0);
    at_tick(1001);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpint(line_rises[0], ==, 1);
    g_assert_cmphex(status(0), ==, 0xb0);
    g_assert_cmpint(count(0), ==, 0xffff); /* goes on counting */
    at_tick(200000);
    g_assert_cmpint(line_rises[0], ==, 1);
    outb(0x40, 5); /* the first byte of a new count stops and lowers OUT */
    g_assert_cmpint(line_level[0], ==, 0);
    teardown();
}

static void test_mode2(void)
{
    setup();
    program(0, 2, 100);
    int rises = line_rises[0];
    at_tick(1);
    g_assert_cmpint(count(0), ==, 99);
    at_tick(99);
    g_assert_cmpint(count(0), ==, 1);
    g_assert_cmphex(status(0) & 0x80, ==, 0);
    at_tick(101);
    g_assert_cmpint(count(0), ==, 99);
    g_assert_cmphex(status(0) & 0x80, ==, 0x80);
    g_assert_cmpint(line_rises[0], ==, rises + 1);
    for (int i = 2; i <= 10; i++)
        at_tick(100 * i + 1);
    g_assert_cmpint(line_rises[0], ==, rises + 10);
    at_tick(1050); /* a new count waits for the end of the period */
    outb(0x40, 80), outb(0x40, 0);
    g_assert_cmphex(status(0) & 0x40, ==, 0x40);
    g_assert_cmpint(count(0), ==, 50);
    at_tick(1101);
    g_assert_cmpint(count(0), ==, 79);
    g_assert_cmphex(status(0) & 0x40, ==, 0);
    at_tick(1181);
    g_assert_cmpint(line_rises[0], ==, rises + 12);
    teardown();
}

static void test_mode3(void)
{
    setup();
    gate2(true);
    program(2, 3, 10);
    at_tick(0);
    g_assert_true(out2());
    g_assert_cmpint(count(2), ==, 10);
    at_tick(1);
    g_assert_cmpint(count(2), ==, 8);
    at_tick(4);
    g_assert_true(out2());
    at_tick(5);
    g_assert_false(out2());
    g_assert_cmpint(count(2), ==, 10);
    at_tick(10);
    g_assert_true(out2());
    program(2, 3, 5); /* odd: high for three clocks, low for two */
    for (int i = 0; i < 20; i++) {
        at_tick(i);
        g_assert_cmpint(out2(), ==, i % 5 < 3);
    }
    program(2, 3, 100);
    at_tick(20);
    outb(0x42, 20), outb(0x42, 0); /* takes over in the low half */
    at_tick(49);
    g_assert_true(out2());
    at_tick(50);
    g_assert_false(out2());
    at_tick(59);
    g_assert_false(out2());
    at_tick(60);
    g_assert_true(out2());
    g_assert_cmpuint(pit_get_frequency(pit, 2), ==, PIT_HZ / 20);
    gate2(false);
    g_assert_true(out2());
    g_assert_cmpuint(pit_get_frequency(pit, 2), ==, 0);
    teardown();
}

static void test_one_shot(void)
{
    setup();
    program(2, 1, 50);
    at_tick(100);
    g_assert_true(out2());
    mark();
    gate2(true);
    g_assert_false(out2());
    at_tick(20);
    g_assert_cmpint(count(2), ==, 30);
    gate2(false); /* does not matter */
    gate2(true);  /* triggers again */
    mark();
    at_tick(49);
    g_assert_false(out2());
    at_tick(50);
    g_assert_true(out2());
    teardown();
}

static void test_strobes(void)
{
    setup();
    gate2(true);
    program(2, 4, 30);
    at_tick(29);
    g_assert_true(out2());
    at_tick(30);
    g_assert_false(out2());
    at_tick(31);
    g_assert_true(out2());
    gate2(false);
    program(2, 5, 30);
    at_tick(30);
    g_assert_true(out2());
    mark();
    gate2(true);
    at_tick(30);
    g_assert_false(out2());
    at_tick(31);
    g_assert_true(out2());
    teardown();
}

static void test_gate_pauses(void)
{
    setup();
    gate2(true);
    program(2, 0, 100);
    at_tick(40);
    gate2(false);
    at_tick(500);
    g_assert_cmpint(count(2), ==, 60);
    g_assert_false(out2());
    mark();
    gate2(true);
    at_tick(60);
    g_assert_true(out2());
    program(2, 2, 100);
    at_tick(30);
    gate2(false);
    gate2(true); /* a rising gate reloads */
    mark();
    at_tick(1);
    g_assert_cmpint(count(2), ==, 99);
    teardown();
}

static void test_latches(void)
{
    setup();
    program(0, 2, 1000);
    at_tick(100);
    outb(0x43, 0x00);
    at_tick(200);
    outb(0x43, 0x00); /* the second latch is ignored until the first is read */
    g_assert_cmpint(inb(0x40), ==, 900 & 0xff);
    g_assert_cmpint(inb(0x40), ==, 900 >> 8);
    outb(0x43, 0xc2); /* read-back: status, then count */
    at_tick(300);
    g_assert_cmphex(inb(0x40), ==, 0xb4);
    g_assert_cmpint(inb(0x40), ==, 800 & 0xff);
    g_assert_cmpint(inb(0x40), ==, 800 >> 8);
    outb(0x43, 0x14); /* low byte only */
    outb(0x40, 80);
    mark();
    at_tick(10);
    g_assert_cmpint(inb(0x40), ==, 70);
    g_assert_cmpint(inb(0x40), ==, 70);
    outb(0x43, 0x24); /* high byte only */
    outb(0x40, 2);
    mark();
    at_tick(256);
    g_assert_cmpint(inb(0x40), ==, 1);
    g_assert_cmphex(inb(0x43), ==, 0xff);
    teardown();
}

static void test_bcd(void)
{
    setup();
    gate2(true);
    outb(0x43, 0xb1);
    outb(0x42, 0x34), outb(0x42, 0x12);
    mark();
    at_tick(35);
    g_assert_cmphex(count(2), ==, 0x1199);
    at_tick(1235);
    g_assert_cmphex(count(2), ==, 0x9999);
    outb(0x43, 0xb1);
    outb(0x42, 0), outb(0x42, 0); /* 10000 */
    mark();
    at_tick(1);
    g_assert_cmphex(count(2), ==, 0x9999);
    teardown();
}

static void held_up_until(int64_t tick)
{
    held_up((int64_t)(((__int128)(base_ticks + tick) * NS_PER_SEC + NS_PER_SEC / 2) / PIT_HZ) - clock_ns(CLOCK_VIRTUAL));
}

static int rises_until(int64_t tick)
{
    int before = line_rises[0];
    at_tick(tick);
    return line_rises[0] - before;
}

/* A machine that was held up sees the ticks it missed in quick succession, each when the one before has been taken; not more
 * than a few, and none once the counter has been programmed anew. */
static void test_held_up(void)
{
    setup();
    CPUState *cpu = g_new0(CPUState, 1), *cpus = first_cpu;
    cpu->interrupt_request = CPU_INTERRUPT_HARD;
    program(0, 2, 1600);
    at_tick(1);
    connect_line(pit, 0, line(0));
    clear_lines();
    first_cpu = cpu;
    held_up_until(16002);
    g_assert_cmpint(line_rises[0], ==, 1); /* the first at once, whatever waits */
    g_assert_cmpint(rises_until(17000), ==, 0);
    cpu->interrupt_request = 0;
    g_assert_cmpint(rises_until(17550), ==, 6); /* 1600 / 16 apart */
    g_assert_cmpint(rises_until(24050), ==, 3 + 5);
    g_assert_cmpint(rises_until(40050), ==, 10);
    held_up_until(40050 + 1600 * 1000);
    g_assert_cmpint(rises_until(40050 + 1600 * 1010), ==, 63 + 10);
    held_up_until(40050 + 1600 * 1020);
    program(0, 2, 1600);
    clear_lines();
    g_assert_cmpint(rises_until(1590), ==, 0);
    g_assert_cmpint(rises_until(1610), ==, 1);
    first_cpu = cpus;
    g_free(cpu);
    teardown();
}

static void test_hpet_disables(void)
{
    setup();
    program(0, 2, 100);
    IRQLine enable = device_input(pit, 0);
    irq_set(&enable, 0);
    clear_lines();
    at_tick(1000);
    g_assert_cmpint(line_rises[0], ==, 0);
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), ==, -1);
    irq_set(&enable, 1);
    clear_lines();
    at_tick(1101);
    g_assert_cmpint(line_rises[0], ==, 1);
    teardown();
}

static void test_saved(void)
{
    setup();
    program(0, 2, 500);
    at_tick(100);
    device_unrealize(speaker);
    pit = save_and_reload(pit);
    speaker = create("isa-pcspk");
    g_assert_cmpint(count(0), ==, 400);
    int rises = line_rises[0];
    at_tick(501);
    g_assert_cmpint(line_rises[0], ==, rises + 1);
    load_garbage(pit, 300);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/i8254/mode0", test_mode0);
    g_test_add_func("/i8254/mode2", test_mode2);
    g_test_add_func("/i8254/mode3", test_mode3);
    g_test_add_func("/i8254/one-shot", test_one_shot);
    g_test_add_func("/i8254/strobes", test_strobes);
    g_test_add_func("/i8254/gate", test_gate_pauses);
    g_test_add_func("/i8254/latches", test_latches);
    g_test_add_func("/i8254/bcd", test_bcd);
    g_test_add_func("/i8254/held-up", test_held_up);
    g_test_add_func("/i8254/hpet", test_hpet_disables);
    g_test_add_func("/i8254/saved", test_saved);
    return g_test_run();
}
