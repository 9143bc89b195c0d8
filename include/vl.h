/* SPDX-License-Identifier: MIT */
/* The command line as data: what vl.c fills from the options and builds the machine from. */
#ifndef RHEA_VL_H
#define RHEA_VL_H

#include "exec/tb.h"
#include "hw/boards.h"
#include <glib.h>
#include <stdio.h>

typedef enum RTCBase { RTC_UTC, RTC_LOCALTIME, RTC_DATE } RTCBase;

typedef struct Config {
    const TargetOps *target;
    OptGroup *machine;          /* merged from every -M / -machine */
    const char *cpu;
    GPtrArray *accels;          /* OptGroup * in order of preference */
    OptGroup *memory, *smp, *rtc, *boot, *icount, *name, *action, *smoke_report;
    GPtrArray *devices;         /* OptGroup * */
    GPtrArray *drives;          /* OptGroup *: -drive and its short forms */
    GPtrArray *blockdevs;       /* OptGroup * */
    GPtrArray *chardevs;        /* OptGroup * */
    GPtrArray *serials;         /* char * as typed */
    GPtrArray *monitors;        /* OptGroup *: see monitor_open */
    GPtrArray *objects;         /* OptGroup * */
    GPtrArray *smoke;           /* char *: -smoke */
    GPtrArray *globals;         /* char * */
    GPtrArray *data_dirs;       /* char *: -L */
    const char *debugcon, *kernel, *initrd, *append, *dtb, *bios, *uuid, *pidfile;
    const char *log_items, *log_file, *log_filter, *display, *vga, *smoke_repeat, *smoke_seed, *gdb, *qtest, *qtest_log;
    const char *loadvm;        /* name of a snapshot to start with */
    bool nographic, nodefaults, no_reboot, no_shutdown, start_paused, daemonize, one_insn_per_tb, perfmap, snapshot;
} Config;

/* cmdline.c: parses argv into *cfg. Returns false with errp set on a mistake; *done is set when an
 * option such as -help has been answered and the process should exit with status 0. */
bool cmdline_parse(int argc, char **argv, Config *cfg, bool *done, Error **errp);
void cmdline_help(FILE *out);
/* Each option with the help text of its argument (NULL: takes none). */
void cmdline_foreach(void (*fn)(void *opaque, const char *name, const char *arg), void *opaque);
void config_free(Config *cfg);

/* vl.c: the program. Returns the exit status. */
int rhea_main(int argc, char **argv);
/* First existing NAME in the -L folders and the usual firmware folders; caller frees; NULL: none. */
char *data_file_find(const char *name);

/* runstate.c */
extern bool runstate_no_reboot, runstate_no_shutdown;
void runstate_record_requests(void); /* under -icount rr= */
void runstate_install_signal_handlers(void);
/* After the main loop: a host signal ended it. Tells the event listeners. */
bool runstate_signalled(void);

/* icount.c */
bool icount_configure(OptGroup *opts, Error **errp);

#endif
