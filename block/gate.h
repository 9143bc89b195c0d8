/* SPDX-License-Identifier: MIT */
/*
 * How a job stands in the way of writes to a node: it may do something before or after each, and keep a range to itself for a moment.
 * A node has one gate at most. It comes and goes under the machine lock, while nothing is under way (blk_drain(NULL)).
 */
#ifndef RHEA_BLOCK_GATE_H
#define RHEA_BLOCK_GATE_H

#include "block/block.h"

typedef struct GateRange {
    BlockGate *gate;
    uint64_t first, end; /* bytes */
    bool alone;
    struct GateRange *next;
} GateRange;

struct BlockGate {
    /* Pool threads; may be NULL and may block, but not on other writes to the node. */
    void (*before)(void *opaque, uint64_t offset, uint64_t size);
    void (*after)(void *opaque, uint64_t offset, uint64_t size);
    void *opaque;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    GateRange *ranges; /* writes under way, and what is kept. lock */
};

void gate_install(BlockNode *n, BlockGate *g); /* with before, after, opaque set */
void gate_remove(BlockNode *n, BlockGate *g);  /* false start allowed: when it is not installed */
/* Around each write. */
void gate_enter(BlockNode *n, GateRange *r, uint64_t offset, uint64_t size);
void gate_leave(GateRange *r);
/* Waits for the writes to a range, and keeps others out of it. */
void gate_keep(BlockGate *g, GateRange *r, uint64_t offset, uint64_t size);
void gate_release(GateRange *r);

#endif
