/* SPDX-License-Identifier: MIT */
/*
 * Proves of the monitors, without a machine: JSON values are cut out of any byte stream, arguments are checked against
 * the schema's notation, what help shows is what is checked, messages are QEMU 7.2's (observed on it), the line editor
 * edits, remembers and completes, events keep their rate. Expected texts are written out here.
 */
#include "monitor/internal.h"
#include "monitor/qmp-json.h"
#include "monitor/readline.h"
#include "monitor/schema.h"
#include "qmp.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void same(const char *what, const char *got, const char *wanted)
{
    if (!strcmp(got, wanted))
        return;
    fprintf(stderr, "%s:\n  got    %s\n  wanted %s\n", what, got, wanted);
    failures++;
}

/* ---- JSON out of bytes ---- */

static void collect(void *opaque, json_t *value, const char *error)
{
    GString *s = opaque;
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    g_string_append_printf(s, "%s;", value ? text : error);
    free(text);
    json_decref(value);
}

static void frame(const char *input, const char *wanted)
{
    for (unsigned step = 1; step < 40; step += 19) { /* in single bytes, and in larger pieces */
        GString *out = g_string_new(NULL);
        JSONFramer f;
        json_framer_init(&f, collect, out);
        for (size_t i = 0, n = strlen(input); i < n; i += step)
            json_framer_feed(&f, input + i, MIN(step, n - i));
        same(input, out->str, wanted);
        json_framer_free(&f);
        g_string_free(out, TRUE);
    }
}

static void test_framing(void)
{
    frame("{\"a\": [1, {}]} {\"b\": \"}\"}", "{\"a\":[1,{}]};{\"b\":\"}\"};");
    frame("{'a': 'it\\'s \"x\"'}", "{\"a\":\"it's \\\"x\\\"\"};");
    frame("1 true\n\"x\" ", "1;true;\"x\";");
    frame("{\"a\":tru}[1]", "JSON parse error, invalid keyword 'tru';[1];");
    frame("}{}", "JSON parse error, stray '}';{};");
    frame("{]{}", "JSON parse error, expecting value;{};");
    frame("[1,2}[3]", "JSON parse error, expected separator in list;[3];");
    frame("{\"a\":1,}", "JSON parse error, expecting value;");
    frame("{\"a\" 1}", "JSON parse error, missing : in object pair;");
    frame("\"a\nb\"\"", "JSON parse error, control character in string;JSON parse error, invalid keyword 'b';\"\";");
    frame("{\"a\": \xff{}", "JSON parse error, stray input;{};");
    GString *deep = g_string_new(NULL);
    for (unsigned i = 0; i < 3000; i++)
        g_string_insert_c(g_string_append_c(deep, ']'), 0, '[');
    g_string_append(deep, "7 ");
    frame(deep->str, "JSON nesting depth limit exceeded;7;");
    g_string_free(deep, TRUE);
}

/* ---- The notation of types ---- */

static void args(const char *members, const char *json, const char *wanted)
{
    Error *err = NULL;
    json_t *v = json_loads(json, 0, NULL);
    bool ok = schema_check(members, v, false, &err);
    same(json, ok ? "ok" : error_get_pretty(err), wanted);
    error_free(err);
    json_decref(v);
}

static void test_schema(void)
{
    args("a:int, b:str?", "{\"a\":1}", "ok");
    args("a:int, b:str?", "{}", "Parameter 'a' is missing");
    args("a:int, b:str?", "{\"a\":1.5}", "Invalid parameter type for 'a', expected: integer");
    args("a:int, b:str?", "{\"a\":1,\"b\":null}", "Invalid parameter type for 'b', expected: string");
    args("a:int, b:str?", "{\"a\":1,\"c\":1}", "Parameter 'c' is unexpected");
    args("a:[int]", "{\"a\":[1,\"x\"]}", "Invalid parameter type for 'a[1]', expected: integer");
    args("s:RunState", "{\"s\":\"running\"}", "ok");
    args("s:RunState", "{\"s\":\"run\"}", "Parameter 's' does not accept value 'run'");
    args("k:KeyValue", "{\"k\":{\"type\":\"qcode\",\"data\":\"a\"}}", "ok");
    args("k:KeyValue", "{\"k\":{\"type\":\"qcode\",\"data\":1}}", "Invalid parameter type for 'k.data', expected: string");
    args("k:KeyValue", "{\"k\":{\"type\":\"qcode\"}}", "Parameter 'k.data' is missing");
    args("k:KeyValue", "{\"k\":1}", "Invalid parameter type for 'k', expected: object");
}

/* ---- Arguments of the human monitor ---- */

static void spec(const char *text, const char *wanted)
{
    RowSpec s;
    GString *out = g_string_new(NULL);
    monitor_row_spec(text, &s);
    g_string_append_printf(out, "%s%s", s.format ? "/" : "", s.flags);
    for (unsigned i = 0; i < s.count; i++)
        g_string_append_printf(out, " %s%s%s", s.arg[i].name, s.arg[i].kind == ARG_EXPR ? "=" : s.arg[i].kind == ARG_FILE ? "@" : "",
                               s.arg[i].optional ? "?" : "");
    same(text, out->str, wanted);
    g_string_free(out, TRUE);
}

static void line(const char *text, const char *wanted)
{
    Monitor *mon = monitor_new(NULL, NULL);
    monitor_run_line(mon, text);
    char *out = monitor_take_output(mon);
    same(text, out, wanted);
    g_free(out);
    monitor_free(mon);
}

static void test_lines(void)
{
    spec("/fmt addr", "/ addr=");
    spec("[-f][-d] filename [begin length]", "fd filename@ begin=? length=?");
    spec("driver[,prop=value][,...]", " driver");
    spec("[qom-type=]type,id=str[,prop=value][,...]", " type");
    spec("keys [hold_ms]", " keys hold_ms=?");
    line("p 1 + 2 * 3", "0x7\r\n");
    line("p/d -1", "-1\r\n");
    line("p 7 & 3 | 8", "0xb\r\n");
    line("p ((1)", "')' expected\r\nTry \"help p\" for more information\r\n");
    line("p 1/0", "division by zero\r\nTry \"help p\" for more information\r\n");
    line("p", "unexpected end of expression\r\nTry \"help p\" for more information\r\n");
    line("p abc", "invalid char 'a' in expression\r\nTry \"help p\" for more information\r\n");
    line("device_del", "device_del: string expected\r\nTry \"help device_del\" for more information\r\n");
    line("logfile", "logfile: filename expected\r\nTry \"help logfile\" for more information\r\n");
    line("stop foo", "stop|s: extraneous characters at the end of line\r\nTry \"help stop\" for more information\r\n");
    line("info status x", "status: extraneous characters at the end of line\r\nTry \"help info status\" for more information\r\n");
    line("info mtree -z", "mtree: unsupported option -z\r\nTry \"help info mtree\" for more information\r\n");
    line("foo", "unknown command: 'foo'\r\n");
    line("info foo", "unknown command: 'info foo'\r\n");
    line("help stop", "stop|s  -- stop emulation\r\n");
    line("chardev-remove \"a b\"", "Error: Chardev 'a b' not found\r\n");
    line("chardev-remove \"a", "unterminated string literal\r\n");
    line("", "");
}

/* Every row's text says something, names a function, and can be read by the argument checker. */
static void test_rows(void)
{
    const GPtrArray *rows = monitor_rows();
    for (guint i = 0; i < rows->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(rows, i);
        if (!r->run || !*r->help) {
            fprintf(stderr, "%s: no function or no help\n", r->name);
            failures++;
        }
        if (i && !strcmp(r->name, ((MonitorCommand *)g_ptr_array_index(rows, i - 1))->name)) {
            fprintf(stderr, "%s is there twice\n", r->name);
            failures++;
        }
    }
}

/* ---- The line editor ---- */

static GString *shown, *entered;

static void on_print(void *opaque, const char *text, size_t len)
{
    g_string_append_len(shown, text, (gssize)len);
}

static void on_enter(void *opaque, const char *text)
{
    g_string_append_printf(entered, "%s;", text);
}

static void keys(const char *typed, const char *wanted)
{
    static const ReadLineOps ops = { on_print, on_enter, monitor_complete };
    shown = g_string_new(NULL);
    entered = g_string_new(NULL);
    ReadLine *rl = readline_new(&ops, NULL, "> ");
    for (const char *p = typed; *p; p++)
        readline_key(rl, (uint8_t)*p);
    same(typed, entered->str, wanted);
    readline_free(rl);
    g_string_free(shown, TRUE);
    g_string_free(entered, TRUE);
}

static void test_editor(void)
{
    keys("abc\r", "abc;");
    keys("abd\177c\n", "abc;");
    keys("bc\001a\005d\r", "abcd;");
    keys("ac\033[Db\r", "abc;");
    keys("one two\027three\r", "one three;");
    keys("abc\025x\r", "x;");
    keys("abcd\002\002\013\r", "ab;");
    keys("first\rsecond\r\033[A\033[A\r", "first;second;first;");
    keys("x\r\020\016y\r", "x;y;");
    keys("ab\001\033[3~\r", "b;");
    keys("system_r\t\r", "system_reset ;");
    keys("info uu\t\r", "info uuid ;");
    keys("help info uu\t\r", "help info uuid ;");
    keys("device_add isa-debug-e\t\r", "device_add isa-debug-exit ;");
    keys("sendkey ctrl-alt-delet\t\r", "sendkey ctrl-alt-delete ;");
    keys("object_add monitor-q\t\r", "object_add monitor-qmp ;");
    keys("chardev-add ringb\t\r", "chardev-add ringbuf ;");
    keys("log in_a\t\r", "log in_asm ;");
    keys("logfile /dev/nul\t\r", "logfile /dev/null ;");
}

/* ---- Sessions and events ---- */

static void expect_reply(QMPSession *s, const char *request, const char *wanted)
{
    qmp_session_feed(s, request, strlen(request));
    char *out = qmp_session_take_output(s);
    same(request, out, wanted);
    g_free(out);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

static void test_session(void)
{
    QMPSession *s = qmp_session_new(NULL, false, NULL);
    g_free(qmp_session_take_output(s));
    expect_reply(s, "{\"execute\":\"query-kvm\",\"id\":1}",
                 "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities negotiation with "
                 "'qmp_capabilities'\"}, \"id\": 1}\r\n");
    qmp_event("STOP", ""); /* nobody has negotiated */
    expect_reply(s, "{\"execute\":\"qmp_capabilities\"}", "{\"return\": {}}\r\n");
    expect_reply(s, "{\"exec-oob\":\"query-yank\"}",
                 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input member 'exec-oob' is unexpected\"}}\r\n");
    expect_reply(s, "{\"execute\":\"\\u00fc\"}",
                 "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command \\u00FC has not been found\"}}\r\n");
    for (int i = 0; i < 5; i++) {
        qmp_event("RTC_CHANGE", "{s:i,s:s}", "offset", i, "qom-path", "/machine/a");
        qmp_event("RTC_CHANGE", "{s:i,s:s}", "offset", i, "qom-path", "/machine/b");
        qmp_event("RESUME", "");
    }
    char *out = qmp_session_take_output(s);
    if (count(out, "RTC_CHANGE") != 2 || count(out, "RESUME") != 5) {
        fprintf(stderr, "rates: %u RTC_CHANGE (wanted 2), %u RESUME (wanted 5)\n", count(out, "RTC_CHANGE"), count(out, "RESUME"));
        failures++;
    }
    g_free(out);
    int64_t end = clock_ns(CLOCK_REALTIME_HOST) + 20 * NS_PER_SEC;
    GString *later = g_string_new(NULL);
    while (count(later->str, "RTC_CHANGE") < 2 && clock_ns(CLOCK_REALTIME_HOST) < end) {
        timers_run();
        out = qmp_session_take_output(s);
        g_string_append(later, out);
        g_free(out);
        g_usleep(10000);
    }
    if (count(later->str, "\"offset\": 4") != 2 || count(later->str, "RTC_CHANGE") != 2) {
        fprintf(stderr, "the last held event of each clock was to come: %s\n", later->str);
        failures++;
    }
    g_string_free(later, TRUE);
    qmp_session_free(s);
    qmp_exit();
}

int main(void)
{
    machine_lock();
    test_framing();
    test_schema();
    test_lines();
    test_rows();
    test_editor();
    test_session();
    monitors_exit();
    machine_unlock();
    return failures != 0;
}
