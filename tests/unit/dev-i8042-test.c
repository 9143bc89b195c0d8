/* SPDX-License-Identifier: MIT */
/* The keyboard controller with keyboard and mouse: commands, translation, interrupts, A20, reset pulse, mouse
 * protocols, key names, saved state. Expected values are from IBM's PS/2 Hardware Interface Technical Reference. */
#include "dev-test.h"
#include "hw/ps2.h"

static Device *kbc;

static uint8_t inb_expect_full(void)
{
    g_assert_cmphex(inb(0x64) & 1, ==, 1);
    return inb(0x60);
}

static void expect(const char *hex)
{
    GString *s = g_string_new(NULL);
    while (inb(0x64) & 1)
        g_string_append_printf(s, "%s%02x", s->len ? " " : "", inb(0x60));
    g_assert_cmpstr(s->str, ==, hex);
    g_string_free(s, TRUE);
}

static void command(uint8_t c)
{
    outb(0x64, c);
}

static void setup(void)
{
    kbc = create("i8042");
    connect_line(kbc, 2, line(41));
    kbc->type->reset(kbc);
    record_line(NULL, 1, 0), record_line(NULL, 12, 0);
    clear_lines();
}

static void teardown(void)
{
    device_unrealize(kbc);
}

static void set_mode(uint8_t mode)
{
    command(0x60);
    outb(0x60, mode);
}

static void test_controller(void)
{
    setup();
    g_assert_cmphex(inb(0x64), ==, 0x18);
    command(0xaa);
    g_assert_cmphex(inb_expect_full(), ==, 0x55);
    g_assert_cmphex(inb(0x64) & 4, ==, 4);
    command(0xab);
    g_assert_cmphex(inb_expect_full(), ==, 0);
    set_mode(0x47);
    command(0x20);
    g_assert_cmphex(inb_expect_full(), ==, 0x47);
    command(0xa7), command(0xad), command(0x20);
    g_assert_cmphex(inb_expect_full(), ==, 0x77);
    command(0xa8), command(0xae), command(0x20);
    g_assert_cmphex(inb_expect_full(), ==, 0x47);
    command(0x71), outb(0x60, 0x99), command(0x31);
    g_assert_cmphex(inb_expect_full(), ==, 0x99);
    command(0xd2), outb(0x60, 0x12);
    g_assert_cmphex(inb(0x64) & 0x21, ==, 0x01);
    g_assert_cmphex(inb(0x60), ==, 0x12);
    command(0xd3), outb(0x60, 0x34);
    g_assert_cmphex(inb(0x64) & 0x21, ==, 0x21);
    g_assert_cmpint(line_level[12], ==, 1);
    g_assert_cmphex(inb(0x60), ==, 0x34);
    g_assert_cmpint(line_level[12], ==, 0);
    command(0x55); /* unknown */
    g_assert_cmphex(inb(0x64) & 1, ==, 0);
    teardown();
}

static void test_a20_and_reset(void)
{
    setup();
    g_assert_cmpint(line_level[41], ==, 1);
    command(0xdd);
    g_assert_cmpint(line_level[41], ==, 0);
    command(0xd0);
    g_assert_cmphex(inb(0x60) & 3, ==, 1);
    command(0xdf);
    g_assert_cmpint(line_level[41], ==, 1);
    command(0xd1), outb(0x60, 0xdd);
    g_assert_cmpint(line_level[41], ==, 0);
    set_mode(0);
    command(0xff); /* pulses nothing */
    run_posted_work();
    command(0x20);
    g_assert_cmphex(inb(0x60), ==, 0);
    command(0xfe);
    run_posted_work();
    command(0x20);
    g_assert_cmphex(inb(0x60), ==, 3); /* all devices were reset */
    g_assert_cmpint(line_level[41], ==, 1);
    teardown();
}

static void test_keyboard(void)
{
    setup();
    set_mode(0x01); /* no translation */
    outb(0x60, 0xff);
    expect("fa aa");
    outb(0x60, 0xf2);
    expect("fa ab 83");
    outb(0x60, 0xee);
    expect("ee");
    outb(0x60, 0xed), outb(0x60, 0x07);
    expect("fa fa");
    outb(0x60, 0xf0);
    expect("fa");
    outb(0x60, 0);
    expect("fa 02");
    outb(0x60, 0x17);
    expect("fe");
    clear_lines();
    ps2_keyboard_event(ps2_key_find("a"), true);
    g_assert_cmpint(line_level[1], ==, 1);
    ps2_keyboard_event(ps2_key_find("a"), false);
    expect("1c f0 1c");
    g_assert_cmpint(line_rises[1], ==, 3);
    ps2_keyboard_event(ps2_key_find("delete"), true);
    ps2_keyboard_event(ps2_key_find("delete"), false);
    expect("e0 71 e0 f0 71");
    outb(0x60, 0xf5); /* scanning off */
    expect("fa");
    ps2_keyboard_event(ps2_key_find("a"), true);
    expect("");
    outb(0x60, 0xf4);
    expect("fa");
    outb(0x60, 0xf0), outb(0x60, 1); /* the keyboard's own set 1 */
    expect("fa fa");
    ps2_keyboard_event(ps2_key_find("ctrl_r"), true);
    ps2_keyboard_event(ps2_key_find("ctrl_r"), false);
    expect("e0 1d e0 9d");
    teardown();
}

static void test_translation(void)
{
    setup();
    set_mode(0x41);
    outb(0x60, 0xf2);
    expect("fa ab 41");
    static const struct {
        const char *name, *codes;
    } keys[] = {
        { "esc", "01 81" }, { "1", "02 82" }, { "a", "1e 9e" }, { "ret", "1c 9c" }, { "spc", "39 b9" },
        { "f1", "3b bb" }, { "f7", "41 c1" }, { "f12", "58 d8" }, { "shift", "2a aa" }, { "shift_r", "36 b6" },
        { "kp_enter", "e0 1c e0 9c" }, { "up", "e0 48 e0 c8" }, { "meta_l", "e0 5b e0 db" },
        { "print", "e0 2a e0 37 e0 b7 e0 aa" }, { "pause", "e1 1d 45 e1 9d c5" }, { "less", "56 d6" },
        { "kp_5", "4c cc" }, { "num_lock", "45 c5" }, { "sysrq", "54 d4" },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
        ps2_keyboard_event(ps2_key_find(keys[i].name), true);
        ps2_keyboard_event(ps2_key_find(keys[i].name), false);
        expect(keys[i].codes);
    }
    ps2_keyboard_event(-1, true);
    ps2_keyboard_event(9999, true);
    expect("");
    for (int i = 0; i < 1000; i++) /* nobody reads: keys are dropped whole */
        ps2_keyboard_event(ps2_key_find("up"), i & 1);
    outb(0x60, 0xee);
    unsigned n = 0;
    uint8_t last = 0;
    for (; inb(0x64) & 1; n++)
        last = inb(0x60);
    g_assert_cmphex(last, ==, 0xee);
    g_assert_cmpuint(n, <, 256);
    teardown();
}

static void mouse_command(uint8_t c)
{
    command(0xd4);
    outb(0x60, c);
}

static void test_mouse(void)
{
    setup();
    set_mode(0x02);
    mouse_command(0xff);
    expect("fa aa 00");
    mouse_command(0xf2);
    expect("fa 00");
    ps2_mouse_event(5, 5, 0, 0); /* not reporting yet */
    expect("");
    mouse_command(0xf4);
    expect("fa");
    ps2_mouse_event(5, 3, 0, PS2_LEFT);
    g_assert_cmpint(line_level[12], ==, 1);
    expect("29 05 fd");
    ps2_mouse_event(-300, 0, 0, 0); /* more than one report holds */
    expect("18 01 00 18 d3 00");
    ps2_mouse_event(0, 0, 1, 0); /* no wheel */
    expect("");
    mouse_command(0xe9);
    expect("fa 20 02 64");
    const uint8_t knock[] = { 200, 100, 80 };
    for (unsigned i = 0; i < 3; i++) {
        mouse_command(0xf3), mouse_command(knock[i]);
        expect("fa fa");
    }
    mouse_command(0xf2);
    expect("fa 03");
    ps2_mouse_event(0, 0, -1, 0);
    expect("08 00 00 ff");
    const uint8_t knock2[] = { 200, 200, 80 };
    for (unsigned i = 0; i < 3; i++) {
        mouse_command(0xf3), mouse_command(knock2[i]);
        expect("fa fa");
    }
    mouse_command(0xf2);
    expect("fa 04");
    ps2_mouse_event(0, 0, 2, PS2_SIDE);
    expect("08 00 00 12");
    mouse_command(0xf0);
    expect("fa");
    ps2_mouse_event(1, 0, 0, 0);
    expect("");
    mouse_command(0xeb);
    expect("fa 08 01 00 00");
    mouse_command(0xee);
    expect("fa");
    mouse_command(0x42);
    expect("42");
    mouse_command(0xec);
    expect("fa");
    for (int i = 0; i < 100000; i++)
        ps2_mouse_event(1000, -1000, 0, (unsigned)i & 1);
    mouse_command(0xf6);
    expect("fa");
    teardown();
}

static void test_sendkey(void)
{
    setup();
    Error *err = NULL;
    set_mode(0x41);
    g_assert_true(ps2_send_key_name("ctrl-alt-delete", NULL));
    expect("1d 38 e0 53");
    advance(99 * MS);
    expect("");
    advance(2 * MS);
    expect("e0 d3 b8 9d");
    g_assert_true(ps2_send_key_name("x", NULL));
    g_assert_true(ps2_send_key_name("y", NULL)); /* waits for the first */
    advance(300 * MS);
    expect("2d ad 15 95");
    g_assert_false(ps2_send_key_name("ctrl-bogus", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "invalid parameter: bogus");
    error_free(err);
    g_assert_false(ps2_send_key_name("", NULL));
    g_assert_false(ps2_send_key_name("a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a", NULL));
    teardown();
    ps2_send_key_name("a", NULL); /* no keyboard */
    advance(NS_PER_SEC);
}

static void test_saved(void)
{
    setup();
    set_mode(0x41);
    ps2_keyboard_event(ps2_key_find("b"), true);
    ps2_keyboard_event(ps2_key_find("b"), false);
    kbc = save_and_reload(kbc);
    expect("30 b0");
    load_garbage(kbc, 300);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/i8042/controller", test_controller);
    g_test_add_func("/i8042/a20-and-reset", test_a20_and_reset);
    g_test_add_func("/i8042/keyboard", test_keyboard);
    g_test_add_func("/i8042/translation", test_translation);
    g_test_add_func("/i8042/mouse", test_mouse);
    g_test_add_func("/i8042/sendkey", test_sendkey);
    g_test_add_func("/i8042/saved", test_saved);
    return g_test_run();
}
