/* SPDX-License-Identifier: MIT */
/*
 * QMP, the machine protocol of the monitor (QEMU's docs/interop/qmp-spec.txt): commands and events by
 * table. A row says name, arguments and result in the notation of monitor/schema.def; from it come
 * argument checks, query-qmp-schema and query-commands. Machine lock.
 */
#ifndef RHEA_QMP_H
#define RHEA_QMP_H

#include "typedefs.h"
#include <jansson.h>

enum {
    QMP_OOB = 1,   /* may overtake queued commands (exec-oob) */
    QMP_EXTRA = 2, /* takes members the row does not name (device_add) */
};

typedef struct QMPCommand {
    const char *name;
    const char *args;    /* "id:str, force:bool?", or the name of a type of schema.def; "" = none */
    const char *returns; /* type; "" = nothing */
    /* args has been checked and is never NULL. Returns a new reference; NULL = {} or, with errp set, failure. */
    json_t *(*run)(json_t *args, Error **errp);
    unsigned flags;
} QMPCommand;
void qmp_register(const QMPCommand *rows, unsigned n);
#define qmp_commands(table) \
    __attribute__((constructor)) static void qmp_register_##table(void) { qmp_register(table, ARRAY_SIZE(table)); }

/* Sends an event of schema.def to every QMP monitor; data as for json_pack, "" = none. */
void qmp_event(const char *name, const char *format, ...);

/* Runs a command with packed arguments ("" = none) as a client would; for the human monitor. */
json_t *qmp_call(const char *name, Error **errp, const char *format, ...);

/* A QMP monitor on a character device. */
typedef struct QMPSession QMPSession;
QMPSession *qmp_session_new(Chardev *chr, bool pretty, Error **errp);
/* Without a character device: feeds input and takes output, for tests. */
void qmp_session_feed(QMPSession *s, const void *buf, size_t len);
char *qmp_session_take_output(QMPSession *s);
void qmp_session_free(QMPSession *s);
void qmp_exit(void); /* ends every session */
/* The device whose session's command is running, or NULL. */
Chardev *qmp_current_chardev(void);

/* Arguments after the check; absent ones give def (or NULL). */
static inline const char *qmp_str(json_t *args, const char *name)
{
    return json_string_value(json_object_get(args, name));
}
static inline int64_t qmp_int(json_t *args, const char *name, int64_t def)
{
    json_t *v = json_object_get(args, name);
    return v ? json_integer_value(v) : def;
}
static inline bool qmp_bool(json_t *args, const char *name, bool def)
{
    json_t *v = json_object_get(args, name);
    return v ? json_is_true(v) : def;
}

#endif
