/* SPDX-License-Identifier: MIT */
/* Cuts a byte stream into JSON values (RFC 8259) and parses them; knows 'single quoted' strings too. */
#ifndef RHEA_MONITOR_QMP_JSON_H
#define RHEA_MONITOR_QMP_JSON_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define JSON_MAX_BYTES (16u << 20) /* of one value */
#define JSON_MAX_DEPTH 1024

typedef struct JSONFramer {
    GString *text;           /* of the value being collected, with double quotes */
    unsigned depth;          /* open brackets */
    char closers[JSON_MAX_DEPTH]; /* what closes each */
    char quote;              /* inside a string: its quote */
    bool escaped, scalar;    /* after a backslash; inside a bare word or number */
    const char *skip;        /* too long or too deep: the error to report at its end */
    /* A value (owned by the callee), or NULL and what is wrong. */
    void (*emit)(void *opaque, json_t *value, const char *error);
    void *opaque;
} JSONFramer;

void json_framer_init(JSONFramer *f, void (*emit)(void *opaque, json_t *value, const char *error), void *opaque);
void json_framer_feed(JSONFramer *f, const char *buf, size_t len);
void json_framer_reset(JSONFramer *f);
void json_framer_free(JSONFramer *f);

#endif
