/* SPDX-License-Identifier: MIT */
/*
 * "type,key=value,key=value" strings as -device, -machine, -chardev … take them: `,,` is a literal
 * comma; the first item may be a bare value for an implied key; a bare later word means key=on and
 * "nokey" key=off; the last of repeated keys counts.
 */
#ifndef RHEA_UTIL_OPTIONS_H
#define RHEA_UTIL_OPTIONS_H

#include "typedefs.h"

typedef struct Opt {
    char *key, *value;
    bool used; /* read by the consumer; unused ones are reported as unknown */
} Opt;

/* Parsed options, in order. */
struct OptGroup {
    char *source; /* "-device foo,bar=1", for messages */
    Opt *opts;
    unsigned count;
};

/* implied_key may be NULL. Returns NULL and sets errp on bad syntax. */
OptGroup *opts_parse(const char *option_name, const char *text, const char *implied_key,
                     Error **errp);
void opts_free(OptGroup *o);
/* Last value of key, or NULL; marks it used. */
const char *opts_get(OptGroup *o, const char *key);
void opts_set(OptGroup *o, const char *key, const char *value);
/* Each returns false with errp set when the value is malformed or out of range; absent = keep *out. */
bool opts_get_bool(OptGroup *o, const char *key, bool *out, Error **errp);
/* "on" and "off"; "auto" keeps *out, too. */
bool opts_get_on_off_auto(OptGroup *o, const char *key, bool *out, Error **errp);
extern const char *const on_off_auto[]; /* the values, NULL-terminated */
bool opts_get_u64(OptGroup *o, const char *key, uint64_t *out, Error **errp);
bool opts_get_size(OptGroup *o, const char *key, uint64_t *out, Error **errp);
/* Fails, naming the first option nobody read and the nearest of valid[] (may be NULL). */
bool opts_check_unused(OptGroup *o, const char *const *valid, Error **errp);

/* Value parsers: on/off/yes/no/true/false/y/n; decimal, 0x hex, 0 octal; 1.5G style sizes (suffix
 * b,k,m,g,t,p,e in either case; default multiplier as given). name is used in messages. */
bool parse_bool(const char *name, const char *text, bool *out, Error **errp);
bool parse_u64(const char *name, const char *text, uint64_t *out, Error **errp);
bool parse_size(const char *name, const char *text, uint64_t default_unit, uint64_t *out,
                Error **errp);
bool is_help_option(const char *text); /* "help" or "?" */

#endif
