/* SPDX-License-Identifier: MIT */
/* Device tests: a machine whose devices a test program drives over a character device, with no CPU running. */
#ifndef RHEA_QTEST_H
#define RHEA_QTEST_H

#include "typedefs.h"

/* -accel qtest: vCPUs never run and CLOCK_VIRTUAL stands until the test moves it. Before any device exists. */
void qtest_accel_init(void);
bool qtest_accel(void);
/* -qtest CHARDEV, -qtest-log FILE ("none"; NULL: stderr). After the machine has been made. */
bool qtest_start(const char *device, const char *log, Error **errp);
void qtest_exit(void);

#endif
