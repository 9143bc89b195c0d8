/* SPDX-License-Identifier: MIT */
/* Paths in the object tree. */
#ifndef RHEA_MONITOR_QOM_H
#define RHEA_MONITOR_QOM_H

#include "hw/device.h"

/* "/machine/peripheral/net0"; caller frees. */
char *qom_path(const Device *dev);
/* The device of this id or path, or NULL. */
Device *qom_find_device(const char *path);

#endif
