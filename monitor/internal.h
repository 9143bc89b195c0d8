/* SPDX-License-Identifier: MIT */
/* Between the monitor's line editor, its commands and its expressions. */
#ifndef RHEA_MONITOR_INTERNAL_H
#define RHEA_MONITOR_INTERNAL_H

#include "monitor.h"
#include <glib.h>

/* All rows, sorted by name (const MonitorCommand *). */
const GPtrArray *monitor_rows(void);
void monitor_show_history(Monitor *mon, Monitor *out);
/* The vCPU that register and memory commands look at ("cpu N"). */
CPUState *monitor_cpu(void);
void monitor_set_cpu(CPUState *cpu);

/* expr.c: numbers, $registers, + - * / % & | ^ ~ ( ); prints the mistake and returns false. */
bool monitor_eval(Monitor *mon, const char *text, uint64_t *out);
/* memory-dump.c: x and xp. */
void monitor_dump_memory(Monitor *mon, int argc, char **argv, bool physical);

#endif
