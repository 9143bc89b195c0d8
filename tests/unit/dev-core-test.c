/* SPDX-License-Identifier: MIT */
/* The device core: types, properties of every kind with their messages, -global, -device, lines, reset order, the
 * register engine, saved fields, help and tree texts. Messages follow QEMU 7.2's. */
#include "dev-test.h"
#include "hw/pci.h"
#include "util/options.h"

/* ---- A type with everything ---- */

typedef struct Gadget {
    Device dev;
    bool flag;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64, size;
    int32_t i32, color, addr;
    char *text, *preset;
    uint8_t mac[6];
    Chardev *chr;
    Device *peer;
    Timer *timer;
    uint32_t list[3];
    bool fail;
    unsigned resets, writes;
} Gadget;

static unsigned reset_clock, last_reset_at[8], unrealized;

static void tick(void *opaque)
{
    ((Gadget *)opaque)->u32++;
}

static bool gadget_realize(Device *dev, Error **errp)
{
    Gadget *g = (Gadget *)dev;
    if (g->fail) {
        error_setg(errp, "gadget: told to fail");
        return false;
    }
    device_init_out(dev, 2);
    g->timer = timer_new(CLOCK_VIRTUAL, tick, g);
    return true;
}

static void gadget_unrealize(Device *dev)
{
    timer_free(((Gadget *)dev)->timer);
    unrealized++;
}

static void gadget_reset(Device *dev)
{
    ((Gadget *)dev)->resets++;
    last_reset_at[((Gadget *)dev)->u8 & 7] = ++reset_clock;
}

static void on_write(void *opaque, unsigned index, uint32_t value)
{
    Gadget *g = opaque;
    g->writes = g->writes * 0x1000 + index * 0x100 + value;
}

static uint32_t on_read(void *opaque, unsigned index, uint32_t value)
{
    return value + index;
}

static const RegisterRow gadget_regs[] = {
    { .name = "DATA", .offset = 0, .width = 4, .reset = 0x11223344, .write = 0xffffff00 },
    { .name = "STATUS", .offset = 4, .width = 4, .reset = 0xff, .w1c = 0x0f, .rclear = 0xf0 },
    { .name = "COMMAND", .offset = 8, .width = 2, .on_write = on_write },
    { .name = "COUNT", .offset = 10, .width = 1, .reset = 5, .on_read = on_read },
    {},
};
static const SavedField gadget_saved[] = {
    SAVED_INT(Gadget, u16), SAVED_INT(Gadget, u64), SAVED_ARRAY(Gadget, list), SAVED_BYTES(Gadget, mac),
    SAVED_TIMER(Gadget, timer), SAVED_END(),
};
static const char *const colors[] = { "red", "green", "blue", NULL };
static const Property gadget_props[] = {
    PROP_BOOL("flag", Gadget, flag, true),
    PROP_U8("u8", Gadget, u8, 7),
    PROP_U16("u16", Gadget, u16, 0x100),
    PROP_U32("u32", Gadget, u32, UINT32_MAX),
    PROP_U64("u64", Gadget, u64, 1),
    PROP_I32("i32", Gadget, i32, -3),
    PROP_SIZE("size", Gadget, size, 2 * MiB),
    PROP_ENUM("color", Gadget, color, 1, colors),
    PROP_STRING("text", Gadget, text),
    { .name = "preset", .kind = PK_STRING, .offset = offsetof(Gadget, preset), .def_string = "hello", .desc = "A text" },
    PROP_MAC("mac", Gadget, mac),
    PROP_CHARDEV("chardev", Gadget, chr),
    PROP_DEVICE("peer", Gadget, peer),
    PROP_PCI_ADDR("where", Gadget, addr),
    PROP_BOOL("fail", Gadget, fail, false),
    {},
};
static const DeviceType gadget_type = {
    .name = "test-gadget", .alias = "gadget", .desc = "Thing for tests", .bus = BUS_ISA, .category = "Misc devices",
    .size = sizeof(Gadget), .props = gadget_props, .saved = gadget_saved, .regs = gadget_regs, .bank_stride = 0x10,
    .banks = 2, .regs_size = 0x100, .realize = gadget_realize, .unrealize = gadget_unrealize, .reset = gadget_reset,
};
device_type(gadget_type)

static void check_set(Device *dev, const char *prop, const char *text, const char *message)
{
    Error *err = NULL;
    bool ok = device_set(dev, prop, text, &err);
    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, message);
    g_assert_cmpint(ok, ==, message == NULL);
    error_free(err);
}

static void check_get(Device *dev, const char *prop, const char *expect)
{
    g_autofree char *s = device_get(dev, prop);
    g_assert_cmpstr(s, ==, expect);
}

static void test_properties(void)
{
    Device *dev = device_new("gadget");
    static const char *const defaults[][2] = {
        { "flag", "on" }, { "u8", "7" }, { "u16", "256" }, { "u32", "4294967295" }, { "u64", "1" }, { "i32", "-3" },
        { "size", "2097152" }, { "color", "green" }, { "text", "" }, { "preset", "hello" },
        { "mac", "00:00:00:00:00:00" }, { "chardev", "" }, { "peer", "" }, { "where", "-1" }, { "none", NULL },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(defaults); i++)
        check_get(dev, defaults[i][0], defaults[i][1]);
    check_set(dev, "flag", "off", NULL);
    check_set(dev, "u8", "0xff", NULL);
    check_set(dev, "u8", "256", "Parameter 'u8' expects uint8_t");
    check_set(dev, "u64", "18446744073709551615", NULL);
    check_set(dev, "i32", "-2147483648", NULL);
    check_set(dev, "i32", "2147483648", "Parameter 'i32' expects int32_t");
    check_set(dev, "size", "1.5G", NULL);
    check_set(dev, "color", "blue", NULL);
    check_set(dev, "color", "pink", "Parameter 'color' does not accept value 'pink'");
    check_set(dev, "text", "a", NULL);
    check_set(dev, "text", "b", NULL);
    check_set(dev, "mac", "52:54:00:12:34:5F", NULL);
    check_set(dev, "mac", "52:54:00:12:34", "Property 'test-gadget.mac' doesn't take value '52:54:00:12:34'");
    check_set(dev, "mac", "52:54:00:12:34:567", "Property 'test-gadget.mac' doesn't take value '52:54:00:12:34:567'");
    check_set(dev, "where", "1f.7", NULL);
    check_set(dev, "where", "20", "Property 'test-gadget.where' doesn't take value '20'");
    check_set(dev, "where", "1.8", "Property 'test-gadget.where' doesn't take value '1.8'");
    check_set(dev, "where", "-1", "Property 'test-gadget.where' doesn't take value '-1'");
    check_set(dev, "chardev", "nobody", "Property 'test-gadget.chardev' can't find value 'nobody'");
    check_set(dev, "peer", "nobody", "Property 'test-gadget.peer' can't find value 'nobody'");
    check_set(dev, "colour", "red", "Property 'test-gadget.colour' not found");
    check_get(dev, "flag", "off");
    check_get(dev, "u8", "255");
    check_get(dev, "size", "1610612736");
    check_get(dev, "color", "blue");
    check_get(dev, "text", "b");
    check_get(dev, "mac", "52:54:00:12:34:5f");
    check_get(dev, "where", "1f.7");
    check_get(dev, "i32", "-2147483648");
    device_unrealize(dev);
}

static Device *add(const char *text, const char *message)
{
    Error *err = NULL;
    OptGroup *o = opts_parse("-device", text, "driver", NULL);
    Device *dev = device_add(o, &err);
    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, message);
    error_free(err);
    opts_free(o);
    return dev;
}

static void test_device_add(void)
{
    Device *dev = add("gadget,id=g1,u8=3,color=red", NULL);
    g_assert_true(device_find("g1") == dev);
    g_assert_true(dev->parent == &isa_bus->bus);
    check_get(dev, "u8", "3");
    Device *peer = add("test-gadget,peer=g1,bus=isa.0", NULL);
    check_get(peer, "peer", "g1");
    add("foo", "-device foo: 'foo' is not a valid device model name");
    add("isa-pit", "-device isa-pit: 'isa-pit' is not a valid device model name"); /* for boards only */
    add("isa-serial,foo=1", "-device isa-serial,foo=1: Property 'isa-serial.foo' not found");
    add("gadget,id=g1", "-device gadget,id=g1: Duplicate device ID 'g1'");
    add("gadget,id=1", "-device gadget,id=1: Parameter 'id' expects an identifier");
    add("gadget,fail=on", "-device gadget,fail=on: gadget: told to fail");
    add("gadget,bus=nowhere", "-device gadget,bus=nowhere: Bus 'nowhere' not found");
    add("gadget,bus=main-system-bus", "-device gadget,bus=main-system-bus: Device 'test-gadget' can't go on System bus");
    g_assert_cmpint(unrealized, ==, 0);
    device_unrealize(peer);
    device_unrealize(dev);
    g_assert_cmpint(unrealized, ==, 2);
    g_assert_null(device_find("g1"));
}

static void test_globals(void)
{
    Error *err = NULL;
    g_assert_false(device_add_global("nonsense", &err));
    error_free(err);
    static const char *const bad[] = { "driver=x,property=y", "driver=x,property=y,value=z,more=1", "driver=,property=y,value=z,=" };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        err = NULL;
        g_assert_false(device_add_global(bad[i], &err));
        error_free(err);
    }
    g_assert_true(device_add_global("driver=isa-serial,property=index,value=3", NULL));
    g_assert_true(device_add_global("isa-serial.index=2", NULL));
    g_assert_true(device_add_global("pvpanic.foo=1", NULL));
    Device *dev = device_new("isa-serial");
    check_get(dev, "index", "2");
    device_unrealize(dev);
    err = NULL;
    g_assert_false(device_realize(device_new("pvpanic"), &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "can't apply global pvpanic.foo=1: Property 'pvpanic.foo' not found");
    error_free(err);
}

static void hook(void *opaque)
{
    *(unsigned *)opaque = ++reset_clock;
}

static void test_reset_order(void)
{
    static unsigned hook_at;
    Device *a = device_new("gadget"), *b = device_new("gadget"), *never = device_new("gadget");
    device_set_u32(a, "u8", 1), device_set_u32(b, "u8", 2);
    realize(b), realize(a);
    reset_register(hook, &hook_at);
    device_reset_all();
    reset_hooks_run();
    g_assert_cmpint(last_reset_at[1], ==, 1); /* creation order */
    g_assert_cmpint(last_reset_at[2], ==, 2);
    g_assert_cmpint(hook_at, ==, 3);
    g_assert_cmpint(((Gadget *)never)->resets, ==, 0);
    reset_unregister(hook, &hook_at);
    reset_hooks_run();
    g_assert_cmpint(hook_at, ==, 3);
    device_unrealize(never), device_unrealize(b), device_unrealize(a);
}

static uint64_t reg(Device *dev, unsigned offset, unsigned size)
{
    uint64_t v = 0;
    memory_region_read(dev->regions[0], offset, &v, size);
    return v;
}

static void set_reg(Device *dev, unsigned offset, uint64_t v, unsigned size)
{
    memory_region_write(dev->regions[0], offset, v, size);
}

static void test_registers(void)
{
    Device *dev = create("gadget");
    Gadget *g = (Gadget *)dev;
    g_assert_cmphex(reg(dev, 0, 4), ==, 0x11223344);
    g_assert_cmphex(reg(dev, 1, 1), ==, 0x33);
    g_assert_cmphex(reg(dev, 2, 2), ==, 0x1122);
    set_reg(dev, 0, 0xaabbccdd, 4);
    g_assert_cmphex(reg(dev, 0, 4), ==, 0xaabbcc44);
    set_reg(dev, 2, 0x99, 1);
    g_assert_cmphex(reg(dev, 0, 4), ==, 0xaa99cc44);
    set_reg(dev, 4, 0x05, 4); /* write one to clear */
    g_assert_cmphex(reg(dev, 4, 4), ==, 0xfa);
    g_assert_cmphex(reg(dev, 4, 4), ==, 0x0a); /* cleared by reading */
    set_reg(dev, 8, 0x1ff, 2);
    g_assert_cmphex(g->writes, ==, 0x3ff); /* index 2, value 0x1ff */
    g_assert_cmphex(reg(dev, 10, 1), ==, 5 + 3);
    g_assert_cmphex(reg(dev, 0x10, 4), ==, 0x11223344); /* second bank */
    set_reg(dev, 0x10, 0, 4);
    g_assert_cmphex(reg(dev, 0x10, 4), ==, 0x44);
    g_assert_cmphex(reg(dev, 0, 4), ==, 0xaa99cc44);
    g_assert_cmphex(reg(dev, 0x1a, 1), ==, 5 + 7);
    g_assert_cmphex(reg(dev, 0x20, 4), ==, 0);
    set_reg(dev, 0xf0, 1, 4);
    dev = save_and_reload(dev);
    g_assert_cmphex(reg(dev, 0, 4), ==, 0xaa99cc44);
    device_reset_all();
    g_assert_cmphex(reg(dev, 0, 4), ==, 0x11223344);
    device_unrealize(dev);
}

static void test_saved(void)
{
    Device *dev = create("gadget");
    Gadget *g = (Gadget *)dev;
    uint8_t *buf = g_memdup2("head", 4);
    size_t len = 4;
    g->u16 = 0x1234, g->u64 = 0x1122334455667788, g->list[2] = 0xabcd;
    memcpy(g->mac, "abcdef", 6);
    timer_mod(g->timer, 0x10203040506070);
    saved_fields_save(gadget_saved, g, &buf, &len);
    static const uint8_t expect[] = { 'h', 'e', 'a', 'd', 0x34, 0x12, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
                                      0, 0, 0, 0, 0, 0, 0, 0, 0xcd, 0xab, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f',
                                      0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0 };
    g_assert_cmpmem(buf, len, expect, sizeof(expect));
    timer_del(g->timer);
    g->u16 = 0;
    g_assert_true(saved_fields_load(gadget_saved, g, buf + 4, len - 4, NULL));
    g_assert_cmphex(g->u16, ==, 0x1234);
    g_assert_cmphex((uint64_t)timer_expire_ns(g->timer), ==, 0x10203040506070);
    g_assert_false(saved_fields_load(gadget_saved, g, buf, len, NULL));
    g_free(buf);
    device_unrealize(dev);
}

static char *captured(void (*fn)(FILE *))
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    fn(f);
    fclose(f);
    return text;
}

static void help(FILE *f)
{
    g_assert_true(device_help_props("gadget", f, NULL));
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        g_error("no '%s' in:\n%s", part, text);
}

static void test_texts(void)
{
    char *s = captured(device_help_types);
    assert_has(s, "Misc devices:\n");
    assert_has(s, "\nname \"test-gadget\", bus ISA, alias \"gadget\", desc \"Thing for tests\"\n");
    assert_has(s, "\nname \"isa-serial\", bus ISA\n");
    g_assert_null(strstr(s, "\"isa-pit\""));
    free(s);
    s = captured(help);
    g_assert_true(g_str_has_prefix(s, "test-gadget options:\n"));
    assert_has(s, "  chardev=<str>          - ID of a chardev to use as a backend\n");
    assert_has(s, "  flag=<bool>            - on/off (default: true)\n");
    assert_has(s, "  u32=<uint32>           -  (default: 4294967295)\n");
    assert_has(s, "  preset=<str>           - A text (default: hello)\n");
    assert_has(s, "\n  text=<str>\n");
    free(s);
    Error *err = NULL;
    g_assert_false(device_help_props("nothing", stderr, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "'nothing' is not a valid device model name");
    error_free(err);
    Device *dev = add("gadget,id=g1", NULL);
    s = captured(qtree_dump);
    assert_has(s, "bus: main-system-bus\n  type System\n");
    assert_has(s, "bus: isa.0\n  type ISA\n  dev: test-gadget, id \"g1\"\n    gpio-out \"\" 2\n    flag = true\n    u8 = 7 (0x7)\n");
    assert_has(s, "    size = 2097152 (2 MiB)\n    color = \"green\"\n    text = \"\"\n");
    free(s);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/core/properties", test_properties);
    g_test_add_func("/core/device-add", test_device_add);
    g_test_add_func("/core/globals", test_globals);
    g_test_add_func("/core/reset-order", test_reset_order);
    g_test_add_func("/core/registers", test_registers);
    g_test_add_func("/core/saved", test_saved);
    g_test_add_func("/core/texts", test_texts);
    return g_test_run();
}
