/* SPDX-License-Identifier: MIT */
/* Smoke tests as the program sees them: -smoke, -smoke-report, -smoke-repeat (docs/smoke.md). Machine lock. */
#ifndef RHEA_INCLUDE_SMOKE_H
#define RHEA_INCLUDE_SMOKE_H

#include "hw/boards.h"
#include <glib.h>

/* Parses every -smoke and -smoke-report; seed: NULL or -smoke-seed. */
bool smoke_configure(GPtrArray *texts, OptGroup *report, const char *seed, Error **errp);
/* Puts the tap on the serial line of the plan. */
bool smoke_attach(MachineState *m, Error **errp);
void smoke_start(int argc, char **argv);
/* After the main loop: reports, frees; returns the exit status. */
int smoke_finish(int status);
bool smoke_active(void);
void smoke_exit(void); /* after the character devices */
/* Runs the program again and again; returns the exit status. Before any thread. */
int smoke_repeat(const char *text, OptGroup *report, int argc, char **argv, Error **errp);

#endif
