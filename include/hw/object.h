/* SPDX-License-Identifier: MIT */
/*
 * Objects the user makes with -object: back ends and services without a place in the machine. An object type is
 * a DeviceType without bus, region or line, so that properties, their checks and their help are the same.
 * Machine lock.
 */
#ifndef RHEA_HW_OBJECT_H
#define RHEA_HW_OBJECT_H

#include "hw/device.h"

#define object_type(t) \
    __attribute__((constructor)) static void object_type_register_##t(void) { object_type_register(&t); }
void object_type_register(const DeviceType *t);
const DeviceType *object_type_find(const char *name);
const char *const *object_type_names(void); /* NULL-terminated, sorted; static */
void object_help_types(FILE *out);          /* -object help */
/* "TYPE,id=ID,key=value…" */
Device *object_add(OptGroup *opts, Error **errp);
bool object_del(const char *id, Error **errp); /* fails while a device uses it */
bool object_is_linked(const Device *obj, const Device *dev); /* from dev, by a PK_OBJECT property */
Device *object_find(const char *id);
void object_foreach(void (*fn)(Device *obj, void *opaque), void *opaque);
void objects_exit(void);

#endif
