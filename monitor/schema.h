/* SPDX-License-Identifier: MIT */
/* The types of QMP (schema.def): checking arguments, and query-qmp-schema. */
#ifndef RHEA_MONITOR_SCHEMA_H
#define RHEA_MONITOR_SCHEMA_H

#include "qmp.h"
#include <glib.h>

/* Checks an object against "name:type, name:type?" or an object type's name; extra: other members pass. */
bool schema_check(const char *members, json_t *args, bool extra, Error **errp);
/* True when value is of this type: for tests of what commands return. */
bool schema_check_value(const char *type, json_t *value, Error **errp);
/* The whole schema as query-qmp-schema gives it; commands are const QMPCommand *. */
json_t *schema_introspect(const GPtrArray *commands);
/* Minimum ms between two events of this name, 0 = none; -1: no such event. */
int schema_event_interval(const char *name);
/* Words of an enum separated by blanks, or NULL. */
const char *schema_enum_words(const char *name);

#endif
