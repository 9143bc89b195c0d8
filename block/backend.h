/* SPDX-License-Identifier: MIT */
/* What backend.c and drive.c share of a backend. */
#ifndef RHEA_BLOCK_BACKEND_H
#define RHEA_BLOCK_BACKEND_H

#include "block/block.h"

typedef enum DetectZeroes { DETECT_ZEROES_OFF, DETECT_ZEROES_ON, DETECT_ZEROES_UNMAP } DetectZeroes;

struct BlockBackend {
    /* machine lock */
    char *id;
    BlockNode *root; /* stays while in_flight */
    Device *dev;
    void (*medium_changed)(void *dev, bool loaded);
    bool read_only, write_cache;
    BlockOnError on_read_error, on_write_error;
    DetectZeroes detect_zeroes;
    unsigned in_flight;
    /* Under -icount: requests that are done and complete at a virtual time of their own, first to last. */
    BlockRequest *counted_first, *counted_last;
    Timer *counted_timer;
    struct _GHashTable *overlay; /* REPLAY_PLAY: what was written */
    BlockBackend *next;
};

void backends_exit(void);

/* overlay.c */
void overlay_read(BlockBackend *b, uint64_t offset, const BlockVec *v); /* over what the image gave */
int overlay_write(BlockBackend *b, uint64_t offset, uint64_t size, const BlockVec *v); /* v NULL: zeroes */
void overlay_free(BlockBackend *b);

#endif
