/* SPDX-License-Identifier: MIT */
/* Properties that all disks have: the drive, its block sizes and limits, caching, errors, place in the boot order. Machine lock. */
#ifndef RHEA_HW_BLOCK_CONF_H
#define RHEA_HW_BLOCK_CONF_H

#include "block/block.h"
#include "hw/device.h"

typedef struct BlockConf {
    BlockBackend *blk;
    uint64_t logical_size, physical_size, min_io, opt_io, discard_granularity; /* bytes; 0 (discard: ~0u): chosen here */
    uint32_t cyls, heads, secs;
    int write_cache, rerror, werror;
    int account_failed, account_invalid, backend_defaults; /* accepted */
    bool share_rw;
    int32_t bootindex;
} BlockConf;

extern const char *const block_on_off_auto[], *const block_on_error[];
enum { BLOCK_AUTO_ON, BLOCK_AUTO_OFF, BLOCK_AUTO };
#define BLOCK_CONF_PROPS(type, conf)                                                                                      \
    PROP_DRIVE("drive", type, conf.blk), PROP_SIZE("logical_block_size", type, conf.logical_size, 0),                     \
        PROP_SIZE("physical_block_size", type, conf.physical_size, 0), PROP_SIZE("min_io_size", type, conf.min_io, 0),    \
        PROP_SIZE("opt_io_size", type, conf.opt_io, 0),                                                                   \
        PROP_SIZE("discard_granularity", type, conf.discard_granularity, UINT32_MAX),                                     \
        PROP_ENUM("write-cache", type, conf.write_cache, BLOCK_AUTO, block_on_off_auto),                                  \
        PROP_ENUM("rerror", type, conf.rerror, 4, block_on_error), PROP_ENUM("werror", type, conf.werror, 4, block_on_error), \
        PROP_ENUM("account-failed", type, conf.account_failed, BLOCK_AUTO, block_on_off_auto),                            \
        PROP_ENUM("account-invalid", type, conf.account_invalid, BLOCK_AUTO, block_on_off_auto),                          \
        PROP_ENUM("backend_defaults", type, conf.backend_defaults, BLOCK_AUTO, block_on_off_auto),                        \
        PROP_BOOL("share-rw", type, conf.share_rw, false), PROP_I32("bootindex", type, conf.bootindex, -1)
#define BLOCK_CHS_PROPS(type, conf) \
    PROP_U32("cyls", type, conf.cyls, 0), PROP_U32("heads", type, conf.heads, 0), PROP_U32("secs", type, conf.secs, 0)

enum { BLOCK_CONF_REMOVABLE = 1 /* may be empty */, BLOCK_CONF_READ_ONLY = 2 /* a read-only medium will do */ };
/* In realize: claims the drive for dev and makes the values consistent. size: logical block size when none was given; boot_leaf: as
 * boot_order_add has it. */
bool block_conf_init(BlockConf *c, Device *dev, int flags, uint32_t size, const char *boot_leaf,
                     const BlockDevOps *ops, Error **errp);
void block_conf_cleanup(BlockConf *c, Device *dev);
/* Cylinders, heads and sectors of the usual translation where the user gave none. */
void block_conf_geometry(BlockConf *c, uint32_t max_cyls);

#endif
