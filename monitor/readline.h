/* SPDX-License-Identifier: MIT */
/* A line editor on a terminal the other side of a byte stream: cursor keys, history, completion. */
#ifndef RHEA_MONITOR_READLINE_H
#define RHEA_MONITOR_READLINE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ReadLine ReadLine;
typedef struct ReadLineOps {
    void (*print)(void *opaque, const char *text, size_t len);
    void (*enter)(void *opaque, const char *line);
    /* Words that may follow the line up to the cursor; *start = where the word being completed begins. The list
     * and its strings are the caller's. */
    GPtrArray *(*complete)(void *opaque, const char *head, size_t *start);
} ReadLineOps;

ReadLine *readline_new(const ReadLineOps *ops, void *opaque, const char *prompt);
void readline_free(ReadLine *rl);
void readline_key(ReadLine *rl, uint8_t c);
/* Starts a line afresh with the prompt. */
void readline_start(ReadLine *rl);
/* Entry of the history, oldest first, NULL after the last. */
const char *readline_history(const ReadLine *rl, unsigned i);

#endif
