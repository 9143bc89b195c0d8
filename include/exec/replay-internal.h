/* SPDX-License-Identifier: MIT */
/* What replay.c, replay-head.c and replay-seek.c share. Machine lock. */
#ifndef RHEA_EXEC_REPLAY_INTERNAL_H
#define RHEA_EXEC_REPLAY_INTERNAL_H

#include "exec/replay-log.h"
#include "exec/replay.h"

/* A place in the recording, as snapshots keep it. */
typedef struct ReplayCursor {
    ReplayEvent event; /* the next one */
    int cpu;           /* whose turn it is */
} ReplayCursor;

typedef struct ReplayState {
    char *path;
    ReplayFile file;   /* REPLAY_PLAY */
    ReplayCursor at;
    bool over;         /* the end has been reached, or the run went another way */
    uint64_t seen;     /* the farthest position from which replay went back */
    bool held;
    bool may_interrupt;
    uint64_t stop_at;  /* position where the machine stops; UINT64_MAX: none */
} ReplayState;
extern ReplayState replay;

uint64_t replay_seed(void);

/* replay-head.c: lines "key value" about the machine; caller frees. */
char *replay_describe_machine(void);

/* replay-seek.c, vCPU thread between slices. */
void replay_reached_mark(void);     /* a snapshot may be taken here */
bool replay_reached_stop(void);     /* true: stop_at is here, nothing more runs */
void replay_reached_end(void);
void replay_seek_exit(void);

#endif
