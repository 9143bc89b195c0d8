/* SPDX-License-Identifier: MIT */
/*
 * I/O limits: bytes and operations a second, of reads, writes and both together, with bursts. A group holds one set of limits for all drives and
 * throttle nodes in it. Each limit is a leaky bucket: what is done fills it, time empties it at the average rate, and a request waits
 * while the level is above what the burst allows.
 */
#ifndef RHEA_BLOCK_THROTTLE_H
#define RHEA_BLOCK_THROTTLE_H

#include "block/block.h"
#include "util/options.h"

typedef enum ThrottleLimit { LIMIT_BPS, LIMIT_BPS_READ, LIMIT_BPS_WRITE, LIMIT_IOPS, LIMIT_IOPS_READ, LIMIT_IOPS_WRITE, LIMITS } ThrottleLimit;
typedef struct ThrottleConfig {
    uint64_t rate[LIMITS], max[LIMITS], max_length[LIMITS]; /* a second, a second in bursts (0: none), seconds of burst */
    uint64_t op_size; /* bytes that count as one operation; 0: any request does */
} ThrottleConfig;

/* Limits of options "throttling.bps-total" … and their short forms; sets *given when there was one. */
bool throttle_parse(OptGroup *o, ThrottleConfig *c, bool *given, Error **errp);
extern const char *const throttle_keys[]; /* of those options */
bool throttle_check(const ThrottleConfig *c, Error **errp);
const char *throttle_limit_name(ThrottleLimit l); /* "bps-total" */

typedef struct ThrottleGroup ThrottleGroup;
/* Group of this name, made when there is none. */
ThrottleGroup *throttle_group_get(const char *name);
ThrottleGroup *throttle_group_find(const char *name);
void throttle_group_put(ThrottleGroup *g);
void throttle_group_set(ThrottleGroup *g, const ThrottleConfig *c);
/* Any thread: ns until a request may start; 0: it may, and was counted. */
int64_t throttle_group_wait(ThrottleGroup *g, bool is_write, uint64_t bytes);

/* Puts a drive into a group (NULL: its own) with the limits of c; without a rate in c: with those the group has. No group either: no limits
 * any more. Machine lock. */
void blk_set_throttle(BlockBackend *b, const char *group, const ThrottleConfig *c);
/* Adds the members of QMP's BlockDeviceInfo to a json_t object; b may be NULL. */
void throttle_describe(const BlockBackend *b, void *json);

#endif
