/* SPDX-License-Identifier: MIT */
/* Between the files of rhea-img: what the command line said, and the sub-commands, which return exit statuses. */
#ifndef RHEA_IMG_H
#define RHEA_IMG_H

#include "block/block.h"

typedef struct BitmapAction { /* of the bitmap sub-command, in the order they were said */
    enum { BITMAP_ADD, BITMAP_REMOVE, BITMAP_CLEAR, BITMAP_ENABLE, BITMAP_DISABLE, BITMAP_MERGE } kind;
    const char *source; /* of merge */
} BitmapAction;
#define ACTIONS_MAX 64

#define CHUNK (2u << 20) /* bytes that are copied at a time */

typedef struct Args { /* options the sub-commands share */
    const char *format, *out_format, *backing, *backing_format, *snapshot;
    char *options;  /* -o, joined */
    bool json, compress, progress, quiet, unsafe_rebase, unsafe_create, force_share, shrink, strict, no_create, backing_chain;
    bool image_opts, target_image_opts, bitmaps, skip_broken_bitmaps, keep_overlay, force;
    bool out_of_order, offload, sparse_given;
    bool cache_given, writethrough; /* -t */
    int cache, source_cache;        /* -t, -T: flags of block_open() for images that are written, and for others */
    uint64_t rate;                  /* -r: bytes a second; 0: as fast as it goes */
    uint64_t parallel;              /* -m: pieces under way; 0: not said */
    const char *repair, *prealloc, *size, *granularity, *map_start, *map_length;
    BitmapAction action[ACTIONS_MAX];
    unsigned naction;
    struct {
        const char *count, *depth, *offset, *buffer, *step, *flush_interval, *pattern, *aio;
        bool write, no_drain;
    } bench;
    char snapshot_op;
    uint64_t sparse; /* -S: so many zero bytes in a row are left out; 0: everything is written */
    char **names;
    int count;
} Args;

int die(Error *err); /* reports, frees, returns 1 */
/* NULL: reported. */
BlockNode *open_image(const Args *a, const char *name, const char *format, int flags);
/* -l: n shows this snapshot. False: reported. */
bool show_snapshot(BlockNode *n, const char *param);
BlockNode *make_target(Args *a, const char *name, uint64_t size);
void show_progress(const Args *a, double part); /* -p; part: 0 to 1. Steps of less than a hundredth are not shown */
void end_progress(const Args *a, bool ok);
/* What follows bytes that were written to n: -t writethrough flushes, -r waits. 0 or -errno. */
int after_write(const Args *a, BlockNode *n, uint64_t bytes);
bool parse_length(const char *text, uint64_t *out, Error **errp);

/* rhea-img-info.c */
int cmd_info(Args *a);
int cmd_check(Args *a);
int cmd_map(Args *a);
/* rhea-img-copy.c */
int cmd_convert(Args *a);
int cmd_compare(Args *a);
int cmd_dd(Args *a);
/* rhea-img-change.c */
int cmd_create(Args *a);
int cmd_resize(Args *a);
int cmd_rebase(Args *a);
int cmd_commit(Args *a);
int cmd_snapshot(Args *a);
int cmd_amend(Args *a);
/* rhea-img-measure.c */
int cmd_measure(Args *a);
int cmd_bench(Args *a);
/* rhea-img-bitmap.c */
int cmd_bitmap(Args *a);
/* For each bitmap of from: it is fit to be copied, or skipped (skip: said). */
bool bitmaps_can_copy(BlockNode *from, bool skip);
bool bitmaps_copy(BlockNode *from, BlockNode *to);

#endif
