/* SPDX-License-Identifier: MIT */
/*
 * Smoke tests: runs a plan's steps against a serial line and ends the program with a verdict (docs/smoke.md). Matching
 * happens where the guest writes, in its own thread, and input follows by a timer of guest time, so that a run under
 * -icount does not depend on the host. What needs the main loop (verdicts, monitor commands) is posted to it.
 */
#include "smoke.h"
#include "chardev.h"
#include "monitor.h"
#include "smoke-internal.h"
#include "hw/ps2.h"
#include "symbols.h"
#include "target.h"
#include "ui/console.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"
#include "util/timer.h"

#include <string.h>

#define WATCH_INTERVAL (200 * 1000000ll)
#define QUIET_BEFORE_LOOP NS_PER_SEC
#define SCREEN_INTERVAL (50 * 1000000ll) /* of guest time, between two looks at the display */
#define GRACE NS_PER_SEC /* after a crash message: for the rest of it */
#define LAST_LINES 40

typedef struct Mark {
    const char *name;
    const char *words; /* in a line of the console */
    int64_t wall_ns, guest_ns;
    bool seen;
} Mark;

static struct Smoke {
    SmokePlan *plan;
    OptGroup *report;
    Chardev *tap;
    SmokeText text;
    unsigned current;      /* step */
    bool active, over, crash_seen, advance_posted;
    SmokeResult result;
    char *reason;
    int64_t start_wall, start_guest, step_wall, step_guest, last_output, end_wall, end_guest, crash_wall;
    Timer *wall_timer, *guest_timer, *watch_timer, *type_timer, *grace_timer, *screen_timer;
    json_t *state, *command;
    char *screenshot;
} smoke;

static Mark marks[] = {
    { "first-instruction", NULL, 0, 0, false },
    { "kernel-start", "Linux version ", 0, 0, false },
    { "memory-freed", "Freeing unused kernel image", 0, 0, false },
    { "init", " as init process", 0, 0, false },
};

static int64_t wall_now(void)
{
    return clock_ns(CLOCK_REALTIME_HOST);
}

static int64_t guest_now(void)
{
    return clock_ns(CLOCK_VIRTUAL);
}

const char *smoke_result_name(SmokeResult r)
{
    switch (r) {
    case SMOKE_PASSED: return "passed";
    case SMOKE_FAILED: return "failed";
    case SMOKE_TIMEOUT: return "timeout";
    case SMOKE_CRASH: return "crash";
    case SMOKE_INTERRUPTED: return "interrupted";
    default: return "usage";
    }
}

bool smoke_active(void)
{
    return smoke.active;
}

static SmokeStep *current_step(void)
{
    return smoke.current < smoke.plan->steps->len ? g_ptr_array_index(smoke.plan->steps, smoke.current) : NULL;
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    if (smoke.plan->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fprintf(stderr, "smoke: %s\n", text);
    g_free(text);
}

/* ---- The verdict ---- */

static void take_screenshot(void)
{
    const char *path = smoke.report ? opts_get(smoke.report, "png") : NULL;
    Error *err = NULL;
    if (!path || !console_first())
        return;
    if (console_screendump(NULL, path, true, &err))
        smoke.screenshot = g_strdup(path);
    else
        error_report_err(err);
}

static void finish(void *opaque)
{
    vm_stop();
    if (smoke.result != SMOKE_PASSED && !smoke.state) {
        smoke.state = smoke_watch_state(smoke.text.text->str);
        take_screenshot();
    }
    main_loop_quit(smoke.result);
}

/* Any thread with the machine lock. The first verdict counts. */
static void verdict(SmokeResult result, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void verdict(SmokeResult result, const char *fmt, ...)
{
    if (smoke.over)
        return;
    smoke.over = true;
    smoke.result = result;
    va_list ap;
    va_start(ap, fmt);
    char *reason = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_free(smoke.reason);
    smoke.reason = reason;
    smoke.end_wall = wall_now();
    smoke.end_guest = guest_now();
    SmokeStep *s = current_step();
    if (s && result != SMOKE_PASSED) {
        s->state = STEP_FAILED;
        s->wall_ns = smoke.end_wall - smoke.step_wall;
        s->guest_ns = smoke.end_guest - smoke.step_guest;
    }
    main_loop_run_soon(finish, NULL);
}

static char *step_words(void)
{
    SmokeStep *s = current_step();
    char *title = s ? smoke_step_title(s) : g_strdup("end");
    char *words = g_strdup_printf("step %u (%s)", smoke.current + 1, title);
    g_free(title);
    return words;
}

static void fail_step(SmokeResult result, const char *why)
{
    char *words = step_words();
    verdict(result, "%s: %s", words, why);
    g_free(words);
}

/* ---- Steps ---- */

static void advance(void);

static void set_limits(void)
{
    const SmokePlan *p = smoke.plan;
    const SmokeStep *s = current_step();
    int64_t wall = p->wall_limit ? smoke.start_wall + p->wall_limit : INT64_MAX;
    int64_t guest = p->guest_limit ? smoke.start_guest + p->guest_limit : INT64_MAX;
    if (s && s->wall_limit)
        wall = MIN(wall, smoke.step_wall + s->wall_limit);
    if (s && s->guest_limit)
        guest = MIN(guest, smoke.step_guest + s->guest_limit);
    if (s && s->kind == STEP_WAIT)
        guest = MIN(guest, smoke.step_guest + (int64_t)s->number);
    if (wall != INT64_MAX)
        timer_mod(smoke.wall_timer, wall);
    else
        timer_del(smoke.wall_timer);
    if (guest != INT64_MAX)
        timer_mod(smoke.guest_timer, guest);
    else
        timer_del(smoke.guest_timer);
}

static void step_begin(void)
{
    smoke.step_wall = wall_now();
    smoke.step_guest = guest_now();
    set_limits();
}

static void step_pass(SmokeStep *s)
{
    char *title = smoke_step_title(s);
    s->state = STEP_PASSED;
    s->wall_ns = wall_now() - smoke.step_wall;
    s->guest_ns = guest_now() - smoke.step_guest;
    say("step %u passed: %s (%.2f s)", smoke.current + 1, title, (double)s->wall_ns / 1e9);
    g_free(title);
    smoke.current++;
    step_begin();
}

static void on_advance(void *opaque)
{
    smoke.advance_posted = false;
    advance();
}

/* Runs a step's monitor command or key; main loop only. */
static bool run_in_main_loop(SmokeStep *s)
{
    if (current_cpu) {
        if (!smoke.advance_posted)
            main_loop_run_soon(on_advance, NULL);
        smoke.advance_posted = true;
        return false;
    }
    Error *err = NULL;
    if (s->kind == STEP_KEY) {
        if (ps2_send_key_name(s->text, &err))
            return true;
        fail_step(SMOKE_FAILED, error_get_pretty(err));
        error_free(err);
        return false;
    }
    Monitor *mon = monitor_new(NULL, NULL);
    monitor_run_line(mon, s->text);
    s->output = monitor_take_output(mon);
    monitor_free(mon);
    return true;
}

static bool try_expect(SmokeStep *s, size_t from)
{
    size_t start, end;
    if (!smoke_text_search(&smoke.text, &s->pattern, from, &start, &end))
        return false;
    s->matched = g_strndup(smoke.text.text->str + start, end - start);
    smoke.text.consumed = end;
    return true;
}

/* The text on the first display; NULL: it shows graphics, or there is none. */
static char *screen_text(void)
{
    return console_first() ? console_text_utf8(console_first()) : NULL;
}

static bool try_screen(SmokeStep *s)
{
    g_autofree char *text = screen_text();
    GMatchInfo *info = NULL;
    bool found = text && g_regex_match(s->pattern.regex, text, 0, &info);
    if (found)
        s->matched = g_match_info_fetch(info, 0);
    g_match_info_free(info);
    return found;
}

/* The wait before typing; another one in each run of a series. */
static int64_t typing_delay(void)
{
    uint64_t x = (smoke.plan->seed + 1) * 0x9e3779b97f4a7c15ull + smoke.current * 0xbf58476d1ce4e5b9ull;
    return smoke.plan->delay + (smoke.plan->seed ? (int64_t)((x ^ x >> 31) % 20000000) : 0);
}

static void type_now(void *opaque)
{
    SmokeStep *s = current_step();
    if (smoke.over || !s || s->kind != STEP_SEND)
        return;
    chardev_tap_type(smoke.tap, (const uint8_t *)s->bytes, s->len);
    step_pass(s);
    advance();
}

static void look_at_screen(void *opaque)
{
    SmokeStep *s = current_step();
    if (!smoke.over && s && s->kind == STEP_SCREEN)
        advance();
}

/* Goes on with the steps as far as it can now. */
static void advance(void)
{
    SmokeStep *s;
    while (!smoke.over && (s = current_step())) {
        bool done = false;
        switch (s->kind) {
        case STEP_EXPECT: done = try_expect(s, smoke.text.consumed); break;
        case STEP_SCREEN:
            done = try_screen(s);
            if (!done)
                timer_mod(smoke.screen_timer, guest_now() + SCREEN_INTERVAL);
            break;
        case STEP_SEND:
            if (!timer_pending(smoke.type_timer))
                timer_mod(smoke.type_timer, guest_now() + typing_delay());
            break;
        case STEP_MONITOR:
        case STEP_KEY: done = run_in_main_loop(s); break;
        default: break;
        }
        if (!done)
            return;
        step_pass(s);
    }
    if (!smoke.over)
        verdict(SMOKE_PASSED, "all %u steps passed", smoke.plan->steps->len);
}

static bool pass_if(StepKind kind)
{
    SmokeStep *s = current_step();
    if (smoke.over || !s || s->kind != kind)
        return false;
    step_pass(s);
    advance();
    return true;
}

/* ---- Time ---- */

static void wall_over(void *opaque)
{
    SmokeStep *s = current_step();
    bool total = smoke.plan->wall_limit && wall_now() >= smoke.start_wall + smoke.plan->wall_limit;
    char *why = g_strdup_printf("no end within %s %.3g s", total ? "the total timeout of" : "its timeout of",
                                (double)(total || !s ? smoke.plan->wall_limit : s->wall_limit) / 1e9);
    fail_step(SMOKE_TIMEOUT, why);
    g_free(why);
}

static void guest_over(void *opaque)
{
    SmokeStep *s = current_step();
    if (s && s->kind == STEP_WAIT && guest_now() >= smoke.step_guest + (int64_t)s->number) {
        pass_if(STEP_WAIT);
        return;
    }
    bool total = smoke.plan->guest_limit && guest_now() >= smoke.start_guest + smoke.plan->guest_limit;
    char *why = g_strdup_printf("no end within %s %.3g s of guest time", total ? "the total of" : "its",
                                (double)(total || !s ? smoke.plan->guest_limit : s->guest_limit) / 1e9);
    fail_step(SMOKE_TIMEOUT, why);
    g_free(why);
}

static void end_crash(void)
{
    timer_del(smoke.grace_timer);
    verdict(SMOKE_CRASH, "%s", smoke.reason);
}

static void grace_over(void *opaque)
{
    end_crash();
}

/* At the end of a line, or when an unfinished one has stood for a while: a crash message may become of it. */
static void check_fails(void)
{
    size_t start, end;
    for (guint i = 0; i < smoke.plan->fails->len && !smoke.over && !smoke.crash_seen; i++) {
        const SmokePattern *p = g_ptr_array_index(smoke.plan->fails, i);
        size_t from = p->multiline ? 0 : smoke.text.line_start;
        if (!smoke_text_search(&smoke.text, p, from, &start, &end))
            continue;
        char *found = g_strndup(smoke.text.text->str + start, end - start);
        char *why = g_strdup_printf("fail pattern '%s' matched '%s'", p->text, found);
        fail_step(SMOKE_FAILED, why);
        g_free(why);
        g_free(found);
    }
}

static void on_watch(void *opaque)
{
    if (smoke.over)
        return;
    int64_t now = wall_now();
    timer_mod(smoke.watch_timer, now + WATCH_INTERVAL);
    if (smoke.text.line_start < smoke.text.text->len)
        check_fails();
    if (!vm_running()) {
        smoke_watch_reset();
        smoke.last_output = now;
        return;
    }
    const char *wrong = smoke_watch_cpus(smoke.plan->detect, now - smoke.last_output > QUIET_BEFORE_LOOP);
    if (wrong)
        fail_step(SMOKE_CRASH, wrong);
    else if (!smoke.over && smoke.plan->stall_limit && now - smoke.last_output > smoke.plan->stall_limit)
        fail_step(SMOKE_TIMEOUT, "the console has been silent for the stall time");
}

/* ---- The console ---- */

static bool ignored(const char *line)
{
    for (guint i = 0; i < smoke.plan->ignores->len; i++)
        if (g_regex_match(((SmokePattern *)g_ptr_array_index(smoke.plan->ignores, i))->regex, line, 0, NULL))
            return true;
    return false;
}

/* The message has begun: the verdict waits for its end, but not long. */
static void crash_message(const char *what, const char *line)
{
    char *words = step_words();
    smoke.crash_seen = true;
    smoke.crash_wall = wall_now();
    g_free(smoke.reason);
    smoke.reason = g_strdup_printf("%s: %s: %s", words, what, line);
    g_free(words);
    timer_mod(smoke.grace_timer, wall_now() + GRACE);
}

static void complete_line(void)
{
    const char *what, *start = smoke.text.text->str + smoke.text.line_start;
    char *line = g_strndup(start, strcspn(start, "\n"));
    for (unsigned i = 0; i < ARRAY_SIZE(marks); i++)
        if (!marks[i].seen && marks[i].words && strstr(line, marks[i].words)) {
            marks[i].seen = true;
            marks[i].wall_ns = wall_now() - smoke.start_wall;
            marks[i].guest_ns = guest_now() - smoke.start_guest;
        }
    if (smoke.crash_seen) {
        if (smoke_watch_last_line(line))
            end_crash();
    } else if ((smoke_watch_line(line, &what) & smoke.plan->detect) && !ignored(line)) {
        crash_message(what, line);
    }
    g_free(line);
}

/* What the guest wrote, in the thread that wrote it. */
static void on_output(void *opaque, const uint8_t *buf, size_t len)
{
    while (len) {
        bool line;
        size_t n = smoke_text_append(&smoke.text, buf, len, &line);
        buf += n;
        len -= n;
        if (!smoke.over) {
            SmokeStep *s = current_step();
            smoke.last_output = wall_now();
            if (line) {
                complete_line();
                check_fails();
            }
            size_t from = s && s->pattern.multiline ? smoke.text.consumed : MAX(smoke.text.consumed, smoke.text.line_start);
            if (!smoke.over && !smoke.crash_seen && s && s->kind == STEP_EXPECT && try_expect(s, from)) {
                step_pass(s);
                advance();
            }
        }
        if (line)
            smoke_text_next_line(&smoke.text);
    }
}

/* ---- What happens to the machine ---- */

static void on_machine_event(MachineEvent event, ShutdownCause cause)
{
    bool triple = cause == SHUTDOWN_TRIPLE_FAULT;
    if (!smoke.active || smoke.over || cause == SHUTDOWN_START)
        return;
    if (triple && (smoke.plan->detect & DETECT_TRIPLE_FAULT)) {
        vm_stop(); /* before the reset: the registers are those of the fault */
        if (smoke.crash_seen)
            end_crash();
        else
            fail_step(SMOKE_CRASH, "triple fault");
        smoke.state = smoke_watch_state(smoke.text.text->str);
    } else if (event == MACHINE_PANIC) {
        fail_step(SMOKE_CRASH, "the guest reported a panic");
    } else if (event == MACHINE_RESET) {
        pass_if(STEP_RESET);
    } else if (event == MACHINE_SHUTDOWN && smoke.crash_seen) {
        end_crash();
    } else if (event == MACHINE_SHUTDOWN && cause == SHUTDOWN_GUEST_RESET && !pass_if(STEP_RESET)) {
        fail_step(SMOKE_FAILED, "the guest rebooted (-no-reboot)");
    } else if (event == MACHINE_SHUTDOWN && cause == SHUTDOWN_GUEST && !pass_if(STEP_POWEROFF)) {
        fail_step(SMOKE_FAILED, "the guest powered off");
    } else if (event == MACHINE_SHUTDOWN && !smoke.over && (cause == SHUTDOWN_QMP_QUIT || cause == SHUTDOWN_HOST_SIGNAL)) {
        fail_step(SMOKE_INTERRUPTED, "the test was interrupted");
    }
}

/* ---- From and to the program ---- */

bool smoke_configure(GPtrArray *texts, OptGroup *report, const char *seed, Error **errp)
{
    smoke.plan = smoke_plan_new();
    smoke.report = report;
    for (guint i = 0; i < texts->len; i++)
        if (!smoke_parse(smoke.plan, g_ptr_array_index(texts, i), errp)) {
            error_prepend(errp, "-smoke: ");
            return false;
        }
    if (!smoke.plan->steps->len) {
        error_setg(errp, "-smoke: there is no step (expect=, screen=, send=, wait=, monitor=, key=, poweroff, reset, exit=)");
        return false;
    }
    if (seed && !parse_u64("-smoke-seed", seed, &smoke.plan->seed, errp))
        return false;
    if (report && !smoke_report_check(report, errp))
        return false;
    return !smoke.plan->symbols || symbols_load(smoke.plan->symbols, errp);
}

bool smoke_attach(MachineState *m, Error **errp)
{
    unsigned n = smoke.plan->serial;
    char id[32];
    g_snprintf(id, sizeof(id), "smoke-serial%u", n);
    smoke_text_init(&smoke.text);
    smoke.tap = chardev_tap_new(id, m->serial[n], on_output, NULL, errp);
    if (!smoke.tap)
        return false;
    m->serial[n] = smoke.tap;
    return true;
}

void smoke_start(int argc, char **argv)
{
    smoke.command = json_array();
    for (int i = 0; i < argc; i++) {
        char *word = g_utf8_make_valid(argv[i], -1);
        json_array_append_new(smoke.command, json_string(word));
        g_free(word);
    }
    smoke.active = true;
    smoke.start_wall = smoke.last_output = wall_now();
    smoke.start_guest = guest_now();
    smoke.wall_timer = timer_new(CLOCK_REALTIME_HOST, wall_over, NULL);
    smoke.guest_timer = timer_new(CLOCK_VIRTUAL, guest_over, NULL);
    smoke.watch_timer = timer_new(CLOCK_REALTIME_HOST, on_watch, NULL);
    smoke.grace_timer = timer_new(CLOCK_REALTIME_HOST, grace_over, NULL);
    smoke.type_timer = timer_new(CLOCK_VIRTUAL, type_now, NULL);
    smoke.screen_timer = timer_new(CLOCK_VIRTUAL, look_at_screen, NULL);
    timer_mod(smoke.watch_timer, smoke.start_wall + WATCH_INTERVAL);
    vm_add_event_listener(on_machine_event);
    marks[0].seen = true;
    step_begin();
    advance();
}

/* isa-debug-exit ended the loop with its own status. */
static void guest_exited(int status)
{
    SmokeStep *s = current_step();
    if (s && s->kind == STEP_EXIT && s->number == (uint64_t)(unsigned)status) {
        step_pass(s);
        advance();
        return;
    }
    char *why = g_strdup_printf("the guest ended the program with status %d", status);
    fail_step(SMOKE_FAILED, why);
    g_free(why);
}

static json_t *step_json(const SmokeStep *s)
{
    static const char *const states[] = { "not-run", "passed", "failed" };
    char *title = smoke_step_title(s);
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:f,s:f}", "name", title, "kind", smoke_step_verb(s), "text", s->text, "state",
                          states[s->state], "wall-seconds", (double)s->wall_ns / 1e9, "guest-seconds", (double)s->guest_ns / 1e9);
    g_free(title);
    const char *const extra[][2] = { { "matched", s->matched }, { "output", s->output } };
    for (unsigned i = 0; o && i < 2; i++)
        if (extra[i][1]) {
            char *valid = g_utf8_make_valid(extra[i][1], -1);
            json_object_set_new(o, extra[i][0], json_string(valid));
            g_free(valid);
        }
    return o ? o : json_object();
}

static json_t *last_lines(const char *console)
{
    json_t *list = json_array();
    size_t len = strlen(console), lines = 0;
    while (len && console[len - 1] == '\n')
        len--;
    size_t from = len;
    while (from && lines < LAST_LINES)
        lines += console[--from] == '\n';
    char *tail = g_strndup(console + from + (from != 0), len - from - (from != 0)), **words = g_strsplit(tail, "\n", -1);
    for (char **w = words; *w; w++)
        json_array_append_new(list, json_string(*w));
    g_strfreev(words);
    g_free(tail);
    return list;
}

json_t *smoke_run_json(void)
{
    const SmokePlan *p = smoke.plan;
    char *console = g_utf8_make_valid(smoke.text.text->str, (gssize)smoke.text.text->len);
    char *reason = g_utf8_make_valid(smoke.reason ? smoke.reason : "", -1);
    json_t *steps = json_array(), *times = json_object();
    for (guint i = 0; i < p->steps->len; i++)
        json_array_append_new(steps, step_json(g_ptr_array_index(p->steps, i)));
    for (unsigned i = 0; i < ARRAY_SIZE(marks); i++)
        if (marks[i].seen)
            json_object_set_new(times, marks[i].name, json_pack("{s:f,s:f}", "wall-seconds", (double)marks[i].wall_ns / 1e9,
                                                                "guest-seconds", (double)marks[i].guest_ns / 1e9));
    json_t *run = json_pack("{s:s,s:s,s:i,s:s,s:I,s:f,s:f,s:O,s:o,s:o,s:s}", "test", p->name ? p->name : "smoke", "result",
                            smoke_result_name(smoke.result), "exit-status", (int)smoke.result, "reason", reason, "seed",
                            (json_int_t)p->seed, "wall-seconds", (double)(smoke.end_wall - smoke.start_wall) / 1e9,
                            "guest-seconds", (double)(smoke.end_guest - smoke.start_guest) / 1e9, "command", smoke.command,
                            "marks", times, "steps", steps, "console", console);
    if (smoke.state) {
        json_t *failure = json_copy(smoke.state);
        json_object_set_new(failure, "last-lines", last_lines(console));
        if (smoke.crash_seen)
            json_object_set_new(failure, "seconds-after-message", json_real((double)(smoke.end_wall - smoke.crash_wall) / 1e9));
        g_autofree char *screen = screen_text();
        if (screen)
            json_object_set_new(failure, "screen", last_lines(screen));
        if (smoke.screenshot)
            json_object_set_new(failure, "screenshot", json_string(smoke.screenshot));
        json_object_set_new(run, "failure", failure);
    }
    g_free(reason);
    g_free(console);
    return run;
}

static void smoke_free(void)
{
    Timer *timers[] = { smoke.wall_timer, smoke.guest_timer, smoke.watch_timer, smoke.grace_timer, smoke.type_timer, smoke.screen_timer };
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        timer_free(timers[i]);
    json_decref(smoke.state);
    json_decref(smoke.command);
    g_free(smoke.reason);
    g_free(smoke.screenshot);
    smoke.active = false;
}

int smoke_finish(int status)
{
    Error *err = NULL;
    if (!smoke.over)
        guest_exited(status);
    finish(NULL);
    json_t *run = smoke_run_json();
    say("%s: %s", smoke_result_name(smoke.result), smoke.reason);
    int code = smoke.result;
    if (smoke.report && !smoke_report_write(smoke.report, run, &err)) {
        error_report_err(err);
        code = code ? code : SMOKE_USAGE;
    }
    json_decref(run);
    smoke_free();
    return code;
}

void smoke_exit(void)
{
    if (!smoke.plan)
        return;
    smoke_text_free(&smoke.text);
    smoke_plan_free(smoke.plan);
    smoke.plan = NULL;
}
