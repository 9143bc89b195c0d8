/* SPDX-License-Identifier: MIT */
/*
 * Smoke tests (-smoke, docs/smoke.md): between the parser, the engine that runs the steps, the watch over the
 * guest's health, and the reports. Machine lock, unless a function says otherwise.
 */
#ifndef RHEA_SMOKE_INTERNAL_H
#define RHEA_SMOKE_INTERNAL_H

#include "hw/boards.h"
#include <glib.h>
#include <jansson.h>

/* Exit statuses: part of the interface. Even, so that isa-debug-exit cannot give the same. */
typedef enum SmokeResult {
    SMOKE_PASSED = 0, SMOKE_USAGE = 1, SMOKE_FAILED = 2, SMOKE_TIMEOUT = 4, SMOKE_CRASH = 6, SMOKE_INTERRUPTED = 8
} SmokeResult;
const char *smoke_result_name(SmokeResult r);

typedef enum StepKind { STEP_EXPECT, STEP_SCREEN, STEP_SEND, STEP_WAIT, STEP_MONITOR, STEP_KEY, STEP_POWEROFF, STEP_RESET, STEP_EXIT } StepKind;
typedef enum StepState { STEP_PENDING, STEP_PASSED, STEP_FAILED } StepState;

typedef struct SmokePattern {
    char *text;
    GRegex *regex;
    bool multiline; /* may span lines: searched in more than the current one */
} SmokePattern;

typedef struct SmokeStep {
    StepKind kind;
    char *name;             /* given by name=, or NULL */
    char *text;             /* as written */
    SmokePattern pattern;   /* expect */
    char *bytes;            /* send: with escapes resolved */
    size_t len;
    uint64_t number;        /* wait: ns of guest time; exit: status */
    int64_t wall_limit, guest_limit; /* ns, 0 = none */
    /* results */
    StepState state;
    int64_t wall_ns, guest_ns;
    char *matched, *output; /* the text that matched; what the monitor said */
} SmokeStep;

/* What the watch looks for by itself. */
enum {
    DETECT_PANIC = 1, DETECT_OOPS = 2, DETECT_BUG = 4, DETECT_LOCKUP = 8, DETECT_TRIPLE_FAULT = 16, DETECT_HALT = 32,
    DETECT_LOOP = 64, DETECT_ALL = 127
};

typedef struct SmokePlan {
    char *name;
    GPtrArray *steps;        /* SmokeStep * */
    GPtrArray *fails, *ignores; /* SmokePattern * */
    int64_t wall_limit, guest_limit, stall_limit, delay; /* ns; stall: without console output */
    unsigned serial, detect;
    char *symbols;           /* file, or NULL */
    uint64_t seed;
    bool quiet;
} SmokePlan;

/* smoke-parse.c: adds "key=value,…" or the file of "@FILE" to the plan. */
SmokePlan *smoke_plan_new(void);
void smoke_plan_free(SmokePlan *p);
bool smoke_parse(SmokePlan *p, const char *text, Error **errp);
/* "10s", "500ms", "2m", "1h"; a bare number is seconds. */
bool smoke_parse_time(const char *name, const char *text, int64_t *ns, Error **errp);
const char *smoke_step_verb(const SmokeStep *s);
char *smoke_step_title(const SmokeStep *s); /* its name, or "expect 'login: '"; caller frees */

/* smoke-text.c: the console as text (no CR, no terminal sequences), and searches in it. */
typedef struct SmokeText {
    GString *text;
    size_t line_start, consumed;
    unsigned escape;
    uint64_t dropped; /* bytes that fell out at the front */
} SmokeText;
void smoke_text_init(SmokeText *t);
void smoke_text_free(SmokeText *t);
/* Appends bytes up to and including the next line end; returns how many were used. *line: a line is complete. */
size_t smoke_text_append(SmokeText *t, const uint8_t *buf, size_t len, bool *line);
void smoke_text_next_line(SmokeText *t);
/* Searches from offset on; start and end of the match. */
bool smoke_text_search(const SmokeText *t, const SmokePattern *p, size_t from, size_t *start, size_t *end);

/* smoke-watch.c: crashes found in the console's lines and in the vCPUs. */
/* What a line tells: a DETECT_* bit, or 0. *what: in words. */
unsigned smoke_watch_line(const char *line, const char **what);
/* The line after which a crash has been told to its end. */
bool smoke_watch_last_line(const char *line);
/* Looks at the vCPUs; called some times a second. Returns what is wrong, or NULL. */
const char *smoke_watch_cpus(unsigned detect, bool console_quiet);
void smoke_watch_reset(void);
/* Registers and stack of every vCPU, the machine stopped: {"registers": …, "stack": [ … ]}. */
json_t *smoke_watch_state(const char *console);

/* smoke.c */
/* The run as JSON, when it is over. */
json_t *smoke_run_json(void);

/* smoke-report.c: writes what -smoke-report asks for; run: one, or {"runs": [ … ]}. Any thread. */
bool smoke_report_check(OptGroup *o, Error **errp);
bool smoke_report_write(OptGroup *o, json_t *run, Error **errp);
char *smoke_report_junit(json_t *run);
char *smoke_report_tap(json_t *run);

#endif
