/* SPDX-License-Identifier: MIT */
/*
 * Proves of smoke tests, without a guest: what is written becomes the steps that were meant, mistakes are named, a
 * console's bytes become the text a reader sees, Linux's crash messages are known and ordinary lines are not (lines are
 * from real logs), reports have the form their readers ask for, addresses find their symbols. Values are written out.
 */
#include "smoke-internal.h"
#include "symbols.h"
#include "util/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

static void same(const char *what, const char *got, const char *wanted)
{
    if (!strcmp(got, wanted))
        return;
    fprintf(stderr, "%s:\n  got    %s\n  wanted %s\n", what, got, wanted);
    failures++;
}

/* ---- Parsing ---- */

static char *describe(const SmokePlan *p)
{
    GString *s = g_string_new(NULL);
    for (guint i = 0; i < p->steps->len; i++) {
        const SmokeStep *step = g_ptr_array_index(p->steps, i);
        char *title = smoke_step_title(step);
        g_string_append_printf(s, "%s", title);
        if (step->wall_limit)
            g_string_append_printf(s, " within %lldms", (long long)step->wall_limit / 1000000);
        g_string_append(s, "; ");
        g_free(title);
    }
    g_string_append_printf(s, "%u fail, %lldms", p->fails->len, (long long)p->wall_limit / 1000000);
    return g_string_free(s, FALSE);
}

static void parse(const char *text, const char *wanted)
{
    Error *err = NULL;
    SmokePlan *p = smoke_plan_new();
    char *got = smoke_parse(p, text, &err) ? describe(p) : g_strdup(error_get_pretty(err));
    same(text, got, wanted);
    g_free(got);
    error_free(err);
    smoke_plan_free(p);
}

static void test_parse(void)
{
    parse("timeout=60s,expect=login: ,send=root\\n,fail=a|b", "expect 'login: '; send 'root\\n'; 1 fail, 60000ms");
    parse("expect='a,,b',poweroff", "expect 'a,b'; poweroff; 0 fail, 0ms");
    parse("step-timeout=2m,expect=a,step-timeout=500ms,expect=b", "expect 'a' within 120000ms; expect 'b' within 500ms; 0 fail, 0ms");
    parse("name=boot,expect=a", "boot; 0 fail, 0ms");
    parse("expct=a", "unknown key 'expct'; did you mean 'expect'?");
    parse("expect=(", "expect '(': Error while compiling regular expression \xe2\x80\x98(\xe2\x80\x99 at char 1: missing terminating )");
    parse("timeout=soon", "timeout: 'soon' is not a time (10s, 500ms, 2m, 1h)");
    parse("send=\\q", "send: unknown escape in '\\q' (known: \\n \\r \\t \\e \\a \\0 \\\\ \\xHH \\cX)");
    parse("detect=panic+foo", "detect: 'foo' is not among panic oops bug lockup triple-fault halt loop all none");
    parse("serial=7", "serial: there are ports 0 to 3");
    parse("@/nonexistent/x", "Failed to open file \xe2\x80\x9c/nonexistent/x\xe2\x80\x9d: No such file or directory");
    char path[] = "/tmp/rhea-smoke-test-XXXXXX", text[64];
    int fd = mkstemp(path);
    static const char script[] = "# comment\n\n timeout 1m\nexpect: 'login: '\nsend=\"root\\n\"\nexpect ^#\nfail x # y\r\npoweroff\n";
    if (write(fd, script, sizeof(script) - 1) < 0)
        failures++;
    g_snprintf(text, sizeof(text), "@%s", path);
    parse(text, "expect 'login: '; send 'root\\n'; expect '^#'; poweroff; 1 fail, 60000ms");
    if (ftruncate(fd, 0) || pwrite(fd, "expect a\nexpekt b\n", 18, 0) < 0)
        failures++;
    char *wanted = g_strdup_printf("%s:2: unknown key 'expekt'; did you mean 'expect'?", path);
    parse(text, wanted);
    g_free(wanted);
    close(fd);
    unlink(path);
}

/* ---- The console ---- */

static void feed(SmokeText *t, const char *bytes)
{
    size_t len = strlen(bytes);
    for (bool line; len;) {
        size_t n = smoke_text_append(t, (const uint8_t *)bytes, len, &line);
        bytes += n;
        len -= n;
        if (line)
            smoke_text_next_line(t);
    }
}

static void test_text(void)
{
    SmokeText t;
    smoke_text_init(&t);
    feed(&t, "one\r\n\033[0;32m  OK  \033[0m done\r\n\033]0;title\007two\033[6");
    feed(&t, "nlogin: ");
    same("cleaned text", t.text->str, "one\n  OK   done\ntwologin: ");
    same("current line", t.text->str + t.line_start, "twologin: ");
    SmokePlan *p = smoke_plan_new();
    size_t start = 0, end = 0;
    smoke_parse(p, "expect=log.n: $,expect=done\\ntwo", NULL);
    const SmokePattern *one = &((SmokeStep *)g_ptr_array_index(p->steps, 0))->pattern;
    const SmokePattern *many = &((SmokeStep *)g_ptr_array_index(p->steps, 1))->pattern;
    if (!smoke_text_search(&t, one, t.line_start, &start, &end) || end != t.text->len)
        failures++, fprintf(stderr, "prompt not found\n");
    if (!many->multiline || !smoke_text_search(&t, many, 0, &start, &end))
        failures++, fprintf(stderr, "match over two lines not found\n");
    smoke_plan_free(p);
    smoke_text_free(&t);
}

static void test_lines(void)
{
    static const struct {
        const char *line;
        unsigned bit;
    } cases[] = {
        { "[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", DETECT_PANIC },
        { "Kernel panic - not syncing: Attempted to kill init!", DETECT_PANIC },
        { "[   12.5] BUG: kernel NULL pointer dereference, address: 0000000000000008", DETECT_OOPS },
        { "[   12.5] BUG: unable to handle page fault for address: ffffffffc0000000", DETECT_OOPS },
        { "[   12.5] Oops: 0002 [#1] PREEMPT SMP NOPTI", DETECT_OOPS },
        { "[    3.1] Internal error: Oops: 96000004 [#1] SMP", DETECT_OOPS },
        { "[    3.1] Unable to handle kernel NULL pointer dereference at virtual address 0", DETECT_OOPS },
        { "[   99.0] kernel BUG at mm/slub.c:379!", DETECT_BUG },
        { "[   99.0] BUG: scheduling while atomic: swapper/0/0/0x00000002", DETECT_BUG },
        { "[   99.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [cat:131]", DETECT_LOCKUP },
        { "[   99.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", DETECT_LOCKUP },
        { "[   99.0] INFO: task kworker/0:1:7 blocked for more than 120 seconds.", DETECT_LOCKUP },
        { "[    0.000000] Command line: console=ttyS0 panic=-1", 0 },
        { "[    0.5] x86/mm: Checked W+X mappings: passed, no W+X pages found.", 0 },
        { "echo 'Oops: nothing'", 0 },
        { "This is a BUG: report it", 0 },
        { "rhea:/root# ", 0 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *what;
        unsigned got = smoke_watch_line(cases[i].line, &what);
        if (got != cases[i].bit) {
            fprintf(stderr, "%s: got %u, wanted %u\n", cases[i].line, got, cases[i].bit);
            failures++;
        }
    }
    if (!smoke_watch_last_line("[    1.2] ---[ end Kernel panic - not syncing: x ]---"))
        failures++, fprintf(stderr, "end of a panic not seen\n");
}

/* ---- Reports ---- */

static void test_reports(void)
{
    json_t *run = json_pack("{s:s,s:s,s:s,s:i,s:f,s:i,s:{s:{s:f}},s:[{s:s,s:s,s:f},{s:s,s:s,s:f},{s:s,s:s,s:f}],s:s,s:{s:[s],s:s,s:[{s:s,s:s}]}}",
                            "test", "a<b", "result", "failed", "reason", "step 2: \"no\" & no", "exit-status", 2, "wall-seconds", 1.5,
                            "seed", 3, "marks", "init", "wall-seconds", 0.25, "steps", "name", "expect 'a#b'", "state", "passed",
                            "wall-seconds", 1.0, "name", "two", "state", "failed", "wall-seconds", 0.5, "name", "three", "state",
                            "not-run", "wall-seconds", 0.0, "console", "x\001\xc3\xa9<\n", "failure", "last-lines", "x", "registers",
                            "RAX=0\n", "stack", "at", "sp+0 0x1", "symbol", "f+0x1");
    char *tap = smoke_report_tap(run);
    same("TAP", tap, "TAP version 13\n1..3\nok 1 - expect 'a\\#b'\nnot ok 2 - two\n  ---\n  result: failed\n"
                     "  message: \"step 2: \\\"no\\\" & no\"\n  last_lines: |\n    x\n  ...\nok 3 - three # SKIP not reached\n");
    char *junit = smoke_report_junit(run);
    same("JUnit", junit,
         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rhea-smoke\">\n"
         "  <testsuite name=\"a&lt;b\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"1.500000\">\n"
         "    <properties>\n      <property name=\"seed\" value=\"3\"/>\n      <property name=\"mark.init\" value=\"0.250000\"/>\n"
         "    </properties>\n    <testcase classname=\"a&lt;b\" name=\"expect &apos;a#b&apos;\" time=\"1.000000\">\n    </testcase>\n"
         "    <testcase classname=\"a&lt;b\" name=\"two\" time=\"0.500000\">\n"
         "      <failure type=\"failed\" message=\"step 2: &quot;no&quot; &amp; no\">step 2: &quot;no&quot; &amp; no\n"
         "Last lines of the console:\nx\n\nRegisters:\nRAX=0\n\nStack:\nsp+0 0x1 f+0x1\n</failure>\n    </testcase>\n"
         "    <testcase classname=\"a&lt;b\" name=\"three\" time=\"0.000000\">\n      <skipped message=\"not reached\"/>\n"
         "    </testcase>\n    <system-out>x \xc3\xa9&lt;\n</system-out>\n  </testsuite>\n</testsuites>\n");
    g_free(junit);
    g_free(tap);
    json_decref(run);
}

/* ---- Symbols ---- */

static void test_symbols(void)
{
    char path[] = "/tmp/rhea-symbols-test-XXXXXX";
    int fd = mkstemp(path);
    static const char map[] = "ffffffff81000000 T _text\nffffffff81000100 t early\nffffffff81000200 T start_kernel\n"
                              "ffffffff82000000 D jiffies\n";
    Error *err = NULL;
    uint64_t d = 0, addr = 0;
    if (write(fd, map, sizeof(map) - 1) < 0 || !symbols_load(path, &err))
        failures++, fprintf(stderr, "map not read\n");
    const char *n = symbols_find(0xffffffff81000234, true, &d);
    same("start_kernel+0x34", n && d == 0x34 ? n : "none", "start_kernel");
    same("data is no function", symbols_find(0xffffffff82000004, true, &d) ? "found" : "none", "none");
    same("before the first", symbols_find(0xffffffff80000000, false, &d) ? "found" : "none", "none");
    symbols_set_offset(0x1000000);
    n = symbols_find(0xffffffff82000104, true, &d);
    same("moved", n && d == 4 ? n : "none", "early");
    if (!symbols_address("jiffies", &addr) || addr != 0xffffffff83000000)
        failures++, fprintf(stderr, "jiffies: got %llx\n", (unsigned long long)addr);
    symbols_exit();
    if (ftruncate(fd, 0) || pwrite(fd, "hello\nworld\n", 12, 0) < 0 || symbols_load(path, &err))
        failures++, fprintf(stderr, "text without symbols was taken\n");
    error_free(err);
    symbols_exit();
    close(fd);
    unlink(path);
}

int main(void)
{
    test_parse();
    test_text();
    test_lines();
    test_reports();
    test_symbols();
    return failures != 0;
}
