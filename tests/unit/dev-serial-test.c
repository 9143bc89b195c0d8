/* SPDX-License-Identifier: MIT */
/* The 16550A: identification, FIFOs, trigger levels and timeout, interrupt priorities, loopback, modem deltas,
 * break and overrun, and a backend that is slow: no byte is lost. Expected values are from National
 * Semiconductor's PC16550D data sheet. */
#include "dev-test.h"

enum { DATA = 0x3f8, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static Device *uart;
static Chardev *chr;

static void setup(void)
{
    chr = new_chardev();
    uart = device_new("isa-serial");
    device_set_chardev(uart, "chardev", chr);
    realize(uart);
    record_line(NULL, 4, 0);
    clear_lines();
}

static void teardown(void)
{
    device_unrealize(uart);
}

static void receive(const char *text)
{
    chardev_deliver(chr, (const uint8_t *)text, strlen(text));
}

static void test_registers(void)
{
    setup();
    g_assert_cmphex(inb(LSR), ==, 0x60);
    g_assert_cmphex(inb(IIR), ==, 0x01);
    g_assert_cmphex(inb(MSR), ==, 0xb0);
    outb(SCR, 0x5a);
    g_assert_cmphex(inb(SCR), ==, 0x5a);
    outb(LCR, 0x83);
    outb(DATA, 0x34), outb(IER, 0x12);
    g_assert_cmphex(inb(DATA), ==, 0x34);
    g_assert_cmphex(inb(IER), ==, 0x12);
    outb(LCR, 0x03);
    g_assert_cmphex(inb(IER), ==, 0);
    outb(IER, 0xff);
    g_assert_cmphex(inb(IER), ==, 0x0f);
    outb(MCR, 0xff);
    g_assert_cmphex(inb(MCR), ==, 0x1f);
    outb(IIR, 0x01);
    g_assert_cmphex(inb(IIR) & 0xc0, ==, 0xc0); /* a 16550A says so */
    teardown();
}

static void test_transmit(void)
{
    setup();
    outb(IER, 2);
    g_assert_cmpint(line_level[4], ==, 1); /* enabling it with an empty register requests */
    g_assert_cmphex(inb(IIR), ==, 0x02);
    g_assert_cmpint(line_level[4], ==, 0); /* reading IIR clears it */
    g_assert_cmphex(inb(IIR), ==, 0x01);
    clear_lines();
    outb(DATA, 'h');
    outb(DATA, 'i');
    g_assert_cmpint(line_level[4], ==, 1);
    g_assert_cmpint(line_rises[4], ==, 2);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    assert_got("hi");
    teardown();
}

static void test_slow_backend(void)
{
    setup();
    outb(IIR, 0x01);
    outb(IER, 0x02);
    inb(IIR);
    test_chardev.accept = 3;
    for (const char *s = "0123456789abcdef"; *s; s++)
        outb(DATA, (uint8_t)*s);
    assert_got("012");
    g_assert_cmphex(inb(LSR), ==, 0);
    g_assert_cmphex(inb(IIR), ==, 0xc1);
    test_chardev.accept = 5;
    g_usleep(1500);
    timers_run();
    assert_got("01234567");
    g_assert_cmphex(inb(LSR), ==, 0);
    test_chardev.accept = 100;
    g_usleep(1500);
    timers_run();
    assert_got("0123456789abcdef");
    g_assert_cmphex(inb(LSR), ==, 0x60);
    g_assert_cmphex(inb(IIR), ==, 0xc2);
    teardown();
}

static void test_receive_without_fifo(void)
{
    setup();
    outb(IER, 1);
    g_assert_cmpint(chardev_can_read(chr), ==, 1);
    receive("a");
    g_assert_cmpint(chardev_can_read(chr), ==, 0);
    g_assert_cmphex(inb(IIR), ==, 0x04);
    g_assert_cmphex(inb(LSR), ==, 0x61);
    receive("b"); /* a backend that does not ask overruns: the new byte wins */
    g_assert_cmphex(inb(LSR), ==, 0x63);
    g_assert_cmphex(inb(LSR), ==, 0x61);
    g_assert_cmphex(inb(DATA), ==, 'b');
    g_assert_cmpint(line_level[4], ==, 0);
    teardown();
}

static void test_fifo_trigger_and_timeout(void)
{
    setup();
    outb(LCR, 0x83), outb(DATA, 1), outb(IER, 0), outb(LCR, 0x03); /* 115200 8N1 */
    outb(IIR, 0x81); /* trigger at 8 */
    outb(IER, 1);
    receive("1234567");
    g_assert_cmpint(line_level[4], ==, 0);
    receive("8");
    g_assert_cmphex(inb(IIR), ==, 0xc4);
    g_assert_cmpint(inb(DATA), ==, '1');
    g_assert_cmpint(line_level[4], ==, 0);
    advance(340 * US); /* four characters of ten bits last 347 us */
    g_assert_cmpint(line_level[4], ==, 0);
    advance(8 * US);
    g_assert_cmphex(inb(IIR), ==, 0xcc);
    g_assert_cmpint(inb(DATA), ==, '2'); /* reading restarts the timeout */
    g_assert_cmpint(line_level[4], ==, 0);
    for (int i = 3; i <= 8; i++)
        g_assert_cmpint(inb(DATA), ==, '0' + i);
    advance(10 * MS);
    g_assert_cmpint(line_level[4], ==, 0);
    g_assert_cmpint(chardev_can_read(chr), ==, 16);
    receive("0123456789abcdefX"); /* one too many: the FIFO keeps what it has */
    g_assert_cmphex(inb(LSR), ==, 0x63);
    for (const char *s = "0123456789abcdef"; *s; s++)
        g_assert_cmpint(inb(DATA), ==, *s);
    outb(IIR, 0x81);
    receive("zz");
    outb(IIR, 0x83);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    teardown();
}

static void test_break(void)
{
    setup();
    outb(IIR, 0x01);
    outb(IER, 0x04);
    receive("a");
    chardev_send_event(chr, CHR_EVENT_BREAK);
    g_assert_cmphex(inb(LSR), ==, 0xe1); /* somewhere in the FIFO */
    g_assert_cmpint(line_level[4], ==, 0);
    inb(DATA);
    g_assert_cmphex(inb(IIR), ==, 0xc6);
    g_assert_cmphex(inb(LSR), ==, 0xf1);
    g_assert_cmphex(inb(IIR), ==, 0xc1);
    g_assert_cmphex(inb(DATA), ==, 0);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    teardown();
}

static void test_loopback(void)
{
    setup();
    outb(MCR, 0x10);
    g_assert_cmphex(inb(MSR), ==, 0x0b); /* CTS, DSR and DCD fell */
    g_assert_cmphex(inb(MSR), ==, 0x00);
    outb(IER, 8);
    outb(MCR, 0x1a); /* RTS and OUT2 */
    g_assert_cmphex(inb(IIR), ==, 0x00);
    g_assert_cmphex(inb(MSR), ==, 0x99);
    g_assert_cmphex(inb(IIR), ==, 0x01);
    outb(MCR, 0x14); /* ringing begins: no delta for it */
    inb(MSR);
    outb(MCR, 0x10); /* and ends */
    g_assert_cmphex(inb(MSR), ==, 0x04);
    outb(DATA, 'x');
    g_assert_cmpint(chardev_can_read(chr), ==, 0);
    g_assert_cmphex(inb(LSR), ==, 0x61);
    g_assert_cmpint(inb(DATA), ==, 'x');
    assert_got("");
    teardown();
}

static void test_priorities(void)
{
    setup();
    outb(MCR, 0x10);
    inb(MSR);
    outb(IER, 0x0f);
    outb(MCR, 0x12);
    outb(DATA, 1), outb(DATA, 2); /* the second overruns */
    g_assert_cmphex(inb(IIR), ==, 0x06);
    inb(LSR);
    g_assert_cmphex(inb(IIR), ==, 0x04);
    inb(DATA);
    g_assert_cmphex(inb(IIR), ==, 0x02);
    g_assert_cmphex(inb(IIR), ==, 0x00);
    inb(MSR);
    g_assert_cmphex(inb(IIR), ==, 0x01);
    teardown();
}

static void test_ports(void)
{
    Error *err = NULL;
    Device *four[4];
    for (int i = 0; i < 4; i++)
        four[i] = create("isa-serial");
    outb(0x2ff, 2), outb(0x3ef, 3), outb(0x2ef, 4);
    g_assert_cmpint(inb(0x2ff), ==, 2);
    g_assert_cmpint(inb(0x3ef), ==, 3);
    g_assert_cmpint(inb(0x2ef), ==, 4);
    g_assert_false(device_realize(device_new("isa-serial"), &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Max. supported number of ISA serial ports is 4");
    error_free(err);
    for (int i = 0; i < 4; i++)
        device_unrealize(four[i]);
    g_assert_cmphex(inb(0x2ff), ==, 0xff);
}

static void test_saved(void)
{
    setup();
    outb(IIR, 0x41);
    outb(IER, 1);
    receive("abc");
    uart = save_and_reload(uart); /* the new one has no backend */
    g_assert_cmpint(inb(DATA), ==, 'a');
    g_assert_cmpint(line_level[4], ==, 0);
    advance(NS_PER_SEC);
    g_assert_cmphex(inb(IIR), ==, 0xcc);
    uart->type->reset(uart);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    g_assert_cmpint(line_level[4], ==, 0);
    load_garbage(uart, 300);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/serial/registers", test_registers);
    g_test_add_func("/serial/transmit", test_transmit);
    g_test_add_func("/serial/slow-backend", test_slow_backend);
    g_test_add_func("/serial/no-fifo", test_receive_without_fifo);
    g_test_add_func("/serial/fifo", test_fifo_trigger_and_timeout);
    g_test_add_func("/serial/break", test_break);
    g_test_add_func("/serial/loopback", test_loopback);
    g_test_add_func("/serial/priorities", test_priorities);
    g_test_add_func("/serial/ports", test_ports);
    g_test_add_func("/serial/saved", test_saved);
    return g_test_run();
}
