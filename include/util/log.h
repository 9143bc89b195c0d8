/* SPDX-License-Identifier: MIT */
/* The -d log: one mask, one file, an optional guest-address filter. */
#ifndef RHEA_UTIL_LOG_H
#define RHEA_UTIL_LOG_H

#include "typedefs.h"
#include <stdio.h>

enum {
    LOG_IN_ASM = 1 << 0,       /* guest code of each translated block */
    LOG_OP = 1 << 1,           /* IR as the front end made it */
    LOG_OP_OPT = 1 << 2,       /* IR after the passes */
    LOG_OUT_ASM = 1 << 3,      /* host code */
    LOG_INT = 1 << 4,          /* interrupts and exceptions */
    LOG_EXEC = 1 << 5,         /* each block entered through the main loop */
    LOG_CPU = 1 << 6,          /* registers before each block */
    LOG_FPU = 1 << 7,          /* with LOG_CPU: FPU registers too */
    LOG_MMU = 1 << 8,          /* page walks */
    LOG_PCALL = 1 << 9,        /* protected-mode far transfers */
    LOG_CPU_RESET = 1 << 10,
    LOG_UNIMP = 1 << 11,
    LOG_GUEST_ERROR = 1 << 12, /* the guest did something no sane guest does */
    LOG_NOCHAIN = 1 << 13,     /* not a log: do not chain blocks */
    LOG_INVALID_MEM = 1 << 14,
    LOG_TID = 1 << 15,         /* one file per thread (-D name with %d) */
    LOG_TRACE = 1 << 16,
};

extern uint32_t log_mask; /* written under the machine lock, read anywhere */

static inline bool log_enabled(uint32_t mask)
{
    return UNLIKELY((log_mask & mask) != 0);
}
/* Writes to the log when the mask is enabled. Any thread. */
#define log_printf(mask, ...)                \
    do {                                     \
        if (log_enabled(mask))               \
            log_write(__VA_ARGS__);          \
    } while (0)
void log_write(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As log_printf(LOG_GUEST_ERROR, ...) but at most a few lines per second from each call site. */
#define guest_error(...) log_guest_error(__FILE__, __LINE__, __VA_ARGS__)
void log_guest_error(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes exclusive use of the log file for a multi-line record; NULL when logging is off. */
FILE *log_lock(void);
void log_unlock(FILE *f);

/* Parses "in_asm,op,…" ("help" prints the list and returns false with *errp unset). */
bool log_set_mask_from_string(const char *items, Error **errp);
bool log_set_file(const char *path, Error **errp);
/* -dfilter RANGE[,RANGE…]: START-END, START+LENGTH, START..END. */
bool log_set_filter(const char *ranges, Error **errp);
bool log_in_filter(uint64_t addr);
void log_help(FILE *out);

#endif
