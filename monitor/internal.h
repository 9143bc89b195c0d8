/* SPDX-License-Identifier: MIT */
/* Between the human monitor's dispatch, its commands, its expressions and completion. */
#ifndef RHEA_MONITOR_INTERNAL_H
#define RHEA_MONITOR_INTERNAL_H

#include "monitor.h"
#include <glib.h>

/* All rows, sorted by name (const MonitorCommand *). */
const GPtrArray *monitor_rows(void);
/* The row for these words ("info x" rows take two); *used tells how many name it. NULL: none. */
const MonitorCommand *monitor_find_row(char **argv, int argc, int *used);
void monitor_show_history(Monitor *mon);
/* The vCPU that register and memory commands look at ("cpu N"). */
CPUState *monitor_cpu(void);
void monitor_set_cpu(CPUState *cpu);

/* expr.c: numbers, $registers, + - * / % & | ^ ~ ( ); prints the mistake and returns false. */
bool monitor_eval(Monitor *mon, const char *text, uint64_t *out);
/* The command was typed wrongly (said already): "Try help" follows. */
void monitor_usage_error(Monitor *mon);
/* memory-dump.c: x and xp. */
void monitor_dump_memory(Monitor *mon, int argc, char **argv, bool physical);
/* Prints "Error: …" and frees, when there is one. */
void monitor_report(Monitor *mon, Error *err);

/* args.c: what the args text of a row says. */
typedef enum ArgKind { ARG_STRING, ARG_FILE, ARG_EXPR } ArgKind;
typedef struct ArgSpec {
    char name[32];
    ArgKind kind;
    bool optional;
} ArgSpec;
#define ARGS_MAX 10
typedef struct RowSpec {
    ArgSpec arg[ARGS_MAX];
    unsigned count;
    char flags[16]; /* letters */
    bool format;    /* a /fmt comes first */
} RowSpec;
void monitor_row_spec(const char *args, RowSpec *out);
/* Checks the words after the command's name; prints the mistake. Words beyond the last argument are joined to
 * it when it is an expression. */
bool monitor_check_args(Monitor *mon, const MonitorCommand *row, int *argc, char **argv);

/* complete.c: for the line editor. */
GPtrArray *monitor_complete(void *opaque, const char *head, size_t *start);

#endif
