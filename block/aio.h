/* SPDX-License-Identifier: MIT */
/*
 * Transfers without a pool thread each: those whose place in a file is known (block_direct) are collected while a device's code runs, and
 * started together when the machine lock is let go. What an engine has finished completes there, too, or in the main loop. Machine lock.
 */
#ifndef RHEA_BLOCK_AIO_H
#define RHEA_BLOCK_AIO_H

#include "block/block.h"

#define AIO_PARTS_MAX 1024u /* of a request's list: IOV_MAX */

/* A list of requests, by next, to which one is added at the end. */
typedef struct RequestList {
    BlockRequest *first, **last;
} RequestList;
void request_append(RequestList *l, BlockRequest *r);
BlockRequest *request_take(RequestList *l); /* the first, NULL: none */

typedef struct AioEngine {
    const char *name;
    /* Makes it ready, once; a line for the user where the host has no such thing. */
    bool (*start)(Error **errp);
    /* Starts requests of the list, from the first on. What there is no room for stays, and is tried again when others have ended. */
    void (*submit)(RequestList *l);
    /* Calls aio_ended for what has ended; with wait there is at least one, when any is under way. */
    void (*reap)(bool wait);
    /* Whether something has ended that was not reaped yet. May be NULL. No lock. */
    bool (*ready)(void);
    void (*stop)(void);
} AioEngine;
extern const AioEngine aio_cached;   /* aio=threads: reads of what is in the host's memory; others go to a thread */
extern const AioEngine aio_nothing;  /* reads zeroes, forgets what is written */
extern const AioEngine aio_native, aio_uring;

/* Takes r on; backend.c's blk_moved is told its end, outside of the caller. */
void aio_submit(BlockRequest *r);
/* Starts what was taken on, and completes what has ended; wait: at least one, when any is under way. */
void aio_run(bool wait);
void aio_ended(BlockRequest *r, int64_t moved); /* for engines: bytes moved, or -errno; -EAGAIN: somebody else must */
void aio_again(void);                           /* for engines: aio_run soon, nothing else will see to it */
/* For engines: whether so many bytes may be copied at once, in this thread; they are taken off what is left then. */
bool aio_may_copy(uint64_t bytes);
/* For engines: aio_run in the main loop when fd becomes readable, which is read then. */
void aio_watch(int fd);
void aio_exit(void);

/* r has ended: bytes moved or -errno. -EAGAIN: nothing was tried. */
void blk_moved(BlockRequest *r, int64_t ret);

#endif
