/* SPDX-License-Identifier: MIT */
/*
 * The file of a recording: a text that says of what machine it is, an empty line, then events. Numbers are LEB128.
 *   event: kind (a byte), instructions since the event before, then
 *   MARK     CRC-32 of the vCPUs' registers (4 bytes)    SKIP     ns that passed without instructions, in all
 *   CPU      index of the vCPU that runs from here       INPUT    number of the input, length, bytes
 *   TIMERS, INTERRUPT, END: nothing more
 */
#ifndef RHEA_EXEC_REPLAY_LOG_H
#define RHEA_EXEC_REPLAY_LOG_H

#include "typedefs.h"

typedef enum ReplayKind {
    REPLAY_END, REPLAY_MARK, REPLAY_SKIP, REPLAY_CPU, REPLAY_TIMERS, REPLAY_INTERRUPT, REPLAY_INPUT, REPLAY_KINDS
} ReplayKind;

typedef struct ReplayEvent {
    ReplayKind kind;
    uint64_t position;   /* instructions executed before it */
    uint64_t value;      /* MARK, SKIP, CPU; INPUT: which */
    const uint8_t *data; /* INPUT */
    size_t len;
    size_t next;         /* offset of the event after it */
} ReplayEvent;

#define REPLAY_MAGIC "RHEA recording 1\n"
#define REPLAY_INPUT_MAX (1u << 20)

/* Bounds of a recording in memory: the text of its head, and where events begin. */
typedef struct ReplayFile {
    uint8_t *data;
    size_t len, events;
    uint64_t length; /* position of END */
} ReplayFile;

/* Checks everything that does not depend on the machine; takes data, which is freed on failure, too. */
bool replay_file_open(ReplayFile *f, uint8_t *data, size_t len, Error **errp);
void replay_file_close(ReplayFile *f);
/* Value of a line "key value" of the head, or NULL; caller frees. */
char *replay_file_head(const ReplayFile *f, const char *key);
char *replay_file_text(const ReplayFile *f); /* the head's lines without the first; caller frees */
/* The event at an offset, the one before it being at position before. False: malformed, or the file ends. */
bool replay_file_event(const ReplayFile *f, size_t offset, uint64_t before, ReplayEvent *out);

/* Writing: an event as bytes. */
typedef struct _GByteArray ReplayBytes;
void replay_event_append(ReplayBytes *out, const ReplayEvent *e, uint64_t before);

#endif
