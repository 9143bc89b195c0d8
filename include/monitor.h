/* SPDX-License-Identifier: MIT */
/* The human monitor. One table row per command; other subsystems may register rows. Machine lock. */
#ifndef RHEA_MONITOR_H
#define RHEA_MONITOR_H

#include "typedefs.h"
#include <stdio.h>

typedef struct MonitorCommand {
    const char *name;    /* "info jit" for sub-commands */
    const char *args;    /* help text of the arguments: "[-f]" */
    const char *help;
    void (*run)(Monitor *mon, int argc, char **argv); /* argv[0] = first argument */
} MonitorCommand;
void monitor_register(const MonitorCommand *rows, unsigned n);
#define monitor_commands(table) \
    __attribute__((constructor)) static void monitor_register_##table(void) { monitor_register(table, ARRAY_SIZE(table)); }
void monitor_printf(Monitor *mon, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A stream whose text goes to the monitor when closed with fclose. */
FILE *monitor_stream(Monitor *mon);
Monitor *monitor_new(Chardev *chr, Error **errp);
/* "dev=" a short form or "chardev=" an id, mode=control|readline, pretty=; index names the device it makes. */
bool monitor_open(OptGroup *o, unsigned index, Error **errp);
/* -action */
bool monitor_set_actions(OptGroup *o, Error **errp);
void monitors_exit(void);
/* Runs one command line; used by QMP, gdb qRcmd and tests. */
void monitor_run_line(Monitor *mon, const char *line);
/* A monitor made with a NULL chardev collects its output here; caller frees. */
char *monitor_take_output(Monitor *mon);
void monitor_free(Monitor *mon);
/* The guest set a clock: it is so many seconds ahead of the host's. Tells QMP clients. Machine lock. */
void monitor_rtc_changed(const Device *rtc, int64_t offset);
extern Monitor *current_monitor; /* whose command is running, or NULL */

#endif
