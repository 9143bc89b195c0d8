/* SPDX-License-Identifier: MIT */
/* Errors: how a configuration or host failure travels up to the one place that reports it. */
#ifndef RHEA_UTIL_ERROR_H
#define RHEA_UTIL_ERROR_H

#include "typedefs.h"

/*
 * A function that can fail takes Error **errp as its last parameter and returns false (or NULL). On
 * failure it sets *errp exactly once (errp may be NULL: the caller does not want the text).
 * The text is one line without a final dot or newline, and names what the user typed.
 */
void error_setg(Error **errp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As error_setg, with ": strerror(os_errno)" added. */
void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A second line for the user, such as a list of what would be right. */
void error_append_hint(Error **errp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void error_prepend(Error **errp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As error_setg, of another class than "GenericError": what QMP clients tell errors apart by. */
void error_setg_class(Error **errp, const char *class_name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *error_get_class(const Error *err);
const char *error_get_pretty(const Error *err);
void error_free(Error *err);
/* Moves src to *dst, or frees it when the caller takes none. */
void error_propagate(Error **dst, Error *src);
/* Prints "PROG: MESSAGE" (plus hint) to stderr and frees. */
void error_report_err(Error *err);

/* Prints "PROG: text" (or "PROG: warning: text") to stderr, or to the current monitor. */
void error_report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warn_report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void info_report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Sets the program name shown in messages (argv[0] as typed). */
void error_set_progname(const char *argv0);
const char *error_get_progname(void);

/* "did you mean": the entry of the NULL-terminated list nearest to word, or NULL if none is near. */
const char *nearest_word(const char *word, const char *const *list);

#endif
