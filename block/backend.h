/* SPDX-License-Identifier: MIT */
/* What backend.c and drive.c share of a backend. */
#ifndef RHEA_BLOCK_BACKEND_H
#define RHEA_BLOCK_BACKEND_H

#include "block/block.h"

struct BlockBackend {
    /* machine lock */
    char *id;
    BlockNode *root; /* stays while in_flight */
    Device *dev;
    const BlockDevOps *ops; /* of dev, never NULL */
    bool anonymous;  /* made for a device: goes with it */
    bool read_only, write_cache;
    BlockOnError on_read_error, on_write_error;
    unsigned in_flight, direct; /* requests under way; of these not on pool threads */
    BlockRequest *parked, **parked_tail; /* failed, tried again when the machine goes on */
    int io_status;   /* errno of what is parked, 0: none */
    int told[2];     /* the last error of reading, of writing, that the user was told */
    BlockStats stats;
    struct ThrottleGroup *group; /* limits, or NULL */
    BlockRequest *throttled, **throttled_tail; /* wait for them */
    Timer *throttle_timer;
    /* Under -icount: requests that are done and complete at a virtual time of their own, first to last. */
    BlockRequest *counted_first, *counted_last;
    Timer *counted_timer;
    struct _GHashTable *overlay; /* REPLAY_PLAY: what was written */
    BlockBackend *next;
};

void backends_exit(void);
void blk_start(BlockBackend *b, BlockRequest *r); /* now, whatever the limits */
uint64_t block_request_bytes(const BlockRequest *r);

/* throttle.c */
void throttle_submit(BlockBackend *b, BlockRequest *r);
void throttle_release(BlockBackend *b); /* starts what waits */
bool drive_of_backend_gone(BlockBackend *b); /* frees the -drive of b, with b; false: there is none */

/* block.c: references between nodes, for graph changes */
void block_replace_child(BlockNode *old, BlockNode *by); /* in all nodes but by */
bool block_is_child(const BlockNode *n);

/* overlay.c */
void overlay_read(BlockBackend *b, uint64_t offset, const BlockVec *v); /* over what the image gave */
int overlay_write(BlockBackend *b, uint64_t offset, uint64_t size, const BlockVec *v); /* v NULL: zeroes */
void overlay_free(BlockBackend *b);

#endif
