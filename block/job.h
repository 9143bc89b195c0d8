/* SPDX-License-Identifier: MIT */
/*
 * Jobs: work on disks that goes on while the machine runs. A job is a chain of steps: each runs on a pool thread for a moment, and what it
 * means is decided in the main loop. Between two steps nothing of the job is under way: whoever drains all requests (blk_drain(NULL))
 * waits for steps, too, and may change the graph.
 *
 * States and their changes, verbs, events and messages are those clients of QEMU know.
 *
 * All functions: machine lock, unless said otherwise.
 */
#ifndef RHEA_BLOCK_JOB_H
#define RHEA_BLOCK_JOB_H

#include "block/block.h"
#include "typedefs.h"

#include <glib.h>
#include <jansson.h>

typedef struct Job Job;
typedef enum JobStatus {
    JOB_CREATED, JOB_RUNNING, JOB_PAUSED, JOB_READY, JOB_STANDBY, JOB_WAITING, JOB_PENDING, JOB_ABORTING, JOB_CONCLUDED, JOB_NULL,
} JobStatus;
typedef enum JobVerb { JOB_VERB_CANCEL, JOB_VERB_PAUSE, JOB_VERB_RESUME, JOB_VERB_SET_SPEED, JOB_VERB_COMPLETE, JOB_VERB_FINALIZE, JOB_VERB_DISMISS } JobVerb;
/* What a step says when it did not fail. */
typedef enum JobStep { JOB_MORE, JOB_FINISHED, JOB_IDLE /* nothing to do now; called again in a moment */ } JobStep;
/* What is done about an error. AUTO: as the device does (report). */
typedef enum JobOnError { JOB_ON_REPORT, JOB_ON_IGNORE, JOB_ON_ENOSPC, JOB_ON_STOP, JOB_ON_AUTO } JobOnError;

typedef struct JobType {
    const char *name;    /* "mirror" */
    bool on_disk;        /* listed by query-block-jobs */
    size_t size;         /* of the whole Job */
    int (*step)(Job *j); /* pool thread: JobStep or -errno; sets bytes and is_read */
    bool (*idle)(Job *j);                       /* main loop, after JOB_IDLE; may call job_ready(). False: it called job_finish() */
    bool (*complete)(Job *j, Error **errp);     /* the user wants a ready job to end; NULL: not for these */
    bool (*cancel)(Job *j);                     /* a ready job is cancelled softly: true when it then ends well */
    int (*prepare)(Job *j, Error **errp);       /* all went well: what may still fail of the end. 0 or -errno */
    void (*abort)(Job *j);                      /* it failed or was cancelled */
    void (*clean)(Job *j);                      /* last, in both cases */
} JobType;

struct Job {
    const JobType *type;
    char *id;
    JobStatus status;
    BlockNode *node[4];      /* references; nobody else may work on these meanwhile */
    unsigned nnodes;
    int64_t speed;           /* bytes per second, 0: no limit */
    JobOnError on_source_error, on_target_error;
    bool auto_finalize, auto_dismiss;
    uint64_t offset, len;    /* progress; a step may add to them atomically */
    /* of the last step */
    bool is_read;            /* it failed reading */
    uint64_t bytes;          /* it moved so many */
    int step_ret;
    /* of the engine */
    bool in_step, soon;      /* a step runs; job_advance is on its way */
    bool user_paused, cancelled, force, started;
    int ret;                 /* why it failed: -errno */
    char *error;             /* its text, or NULL */
    int io_error;            /* stopped for it: errno */
    int64_t due;             /* host clock: when the next step may start */
    Timer *timer;
    GPtrArray *group;        /* jobs that end together, or NULL; shared */
    Job *next;
};

typedef struct JobOptions { /* what all commands that start jobs take */
    const char *id;
    int64_t speed;
    JobOnError on_source_error, on_target_error;
    bool auto_finalize, auto_dismiss;
    GPtrArray *group;        /* of a transaction, or NULL */
    bool hold;               /* job_start() comes later */
} JobOptions;

/* device: the drive's or node's name, for messages and as id. NULL and errp: a bad or taken id, a node that is busy. nodes: references are added. */
Job *job_new(const JobType *type, const char *device, const JobOptions *o, BlockNode *const *nodes, unsigned nnodes, Error **errp);
void job_start(Job *j);
/* Takes a job back that was not started. */
void job_discard(Job *j);
void job_ready(Job *j);             /* from idle() */
void job_finish(Job *j, int ret);   /* from idle() */
Job *job_find(const char *id);
Job *job_next(Job *j);              /* NULL: first */
bool job_is_ready(const Job *j);
bool job_paused(const Job *j);
const char *job_status_name(const Job *j);
/* What users do. */
bool job_cancel(Job *j, bool force, Error **errp);
bool job_pause(Job *j, Error **errp);
bool job_resume(Job *j, Error **errp);
bool job_complete(Job *j, Error **errp);
bool job_finalize(Job *j, Error **errp);
bool job_dismiss(Job *j, Error **errp);
bool job_set_speed(Job *j, int64_t speed, Error **errp);
/* The name a node goes by in messages: its drive's, or its own. */
const char *block_device_name(const BlockNode *n);
/* Fails when a job works on n. */
bool job_check_idle(const BlockNode *n, Error **errp);
/* Waits for the steps under way; true when there were any. */
bool jobs_drain(void);
/* Cancels all and waits for them. */
void jobs_exit(void);

/* ---- Jobs ---- */

/* Copies what base does not hold up into n, and lets n stand on base (NULL: on nothing). backing_file: what the header then says, or NULL. */
Job *stream_start(BlockNode *n, BlockNode *base, const char *backing_file, const JobOptions *o, Error **errp);
/* Copies what lies above base up to top into base; top is below n. Then top's overlay stands on base. */
Job *commit_start(BlockNode *n, BlockNode *top, BlockNode *base, const char *backing_file, const JobOptions *o, Error **errp);

typedef enum SyncMode { SYNC_TOP, SYNC_FULL, SYNC_NONE, SYNC_INCREMENTAL, SYNC_BITMAP } SyncMode;
typedef struct MirrorOptions {
    SyncMode sync;
    uint64_t granularity;   /* 0: the default */
    bool write_blocking;    /* guest writes go to the target, too, before they are done */
    bool unmap;
    bool commits;           /* the target is a backing image of n: everything above it is copied */
    bool target_empty;      /* the target is new: what n does not hold is right there already */
    BlockNode *replaces;    /* what the target takes the place of in the end; NULL: n */
} MirrorOptions;
Job *mirror_start(BlockNode *n, BlockNode *target, const MirrorOptions *m, const JobOptions *o, Error **errp);

typedef enum BitmapMode { BITMAP_ON_SUCCESS, BITMAP_NEVER, BITMAP_ALWAYS } BitmapMode;
typedef struct BackupOptions {
    SyncMode sync;
    BlockBitmap *bitmap;
    BitmapMode bitmap_mode;
    bool compress;
} BackupOptions;
/* The target will hold what n holds at the moment job_start is called. */
Job *backup_start(BlockNode *n, BlockNode *target, const BackupOptions *b, const JobOptions *o, Error **errp);

#endif
