/* SPDX-License-Identifier: MIT */
/* What the properties of disks have in common: checks, defaults, geometry. */
#include "hw/block-conf.h"
#include "hw/boot-order.h"
#include "util/error.h"

#include <glib.h>

#define BLOCK_SIZE_MIN 512u
#define BLOCK_SIZE_MAX (2 * MiB)

const char *const block_on_off_auto[] = { "on", "off", "auto", NULL };
const char *const block_on_error[] = { "report", "ignore", "enospc", "stop", "auto", NULL };
enum { ON_ERROR_AUTO = 4 };

static bool check_size(const Device *dev, const char *name, uint64_t *v, uint64_t def, Error **errp)
{
    if (!*v)
        *v = def;
    if (*v >= BLOCK_SIZE_MIN && *v <= BLOCK_SIZE_MAX && !(*v & (*v - 1)))
        return true;
    error_setg(errp, "Property %s.%s doesn't take value '%llu', it must be a power of 2 between 512 B and 2 MiB", dev->type->name, name,
               (unsigned long long)*v);
    return false;
}

static bool check_sizes(BlockConf *c, const Device *dev, uint32_t size, Error **errp)
{
    if (!check_size(dev, "logical_block_size", &c->logical_size, size, errp) ||
        !check_size(dev, "physical_block_size", &c->physical_size, c->logical_size, errp))
        return false;
    if (c->logical_size > c->physical_size) {
        error_setg(errp, "logical_block_size > physical_block_size not supported");
        return false;
    }
    if (c->min_io % c->logical_size || c->opt_io % c->logical_size) {
        error_setg(errp, "%s must be a multiple of logical_block_size", c->min_io % c->logical_size ? "min_io_size" : "opt_io_size");
        return false;
    }
    if (c->discard_granularity == UINT32_MAX)
        c->discard_granularity = c->logical_size;
    if (c->discard_granularity % c->logical_size) {
        error_setg(errp, "discard_granularity must be a multiple of logical_block_size");
        return false;
    }
    return true;
}

static bool choose_errors(BlockConf *c, Error **errp)
{
    BlockOnError read, write;
    blk_get_on_error(c->blk, &read, &write);
    if (c->rerror == BLOCK_ON_ENOSPC) {
        error_setg(errp, "enospc is not supported by rerror");
        return false;
    }
    if (c->rerror != ON_ERROR_AUTO)
        read = (BlockOnError)c->rerror;
    if (c->werror != ON_ERROR_AUTO)
        write = (BlockOnError)c->werror;
    blk_set_on_error(c->blk, read, write);
    return true;
}

static bool check_medium(const BlockConf *c, int flags, Error **errp)
{
    if (!(flags & BLOCK_CONF_REMOVABLE) && !blk_root(c->blk)) {
        error_setg(errp, "Device needs media, but drive is empty");
        return false;
    }
    if (!(flags & BLOCK_CONF_READ_ONLY) && blk_read_only(c->blk)) {
        error_setg(errp, "Block node is read-only");
        return false;
    }
    return true;
}

static bool claim(BlockConf *c, Device *dev, int flags, uint32_t size, const char *boot_leaf, const BlockDevOps *ops, Error **errp)
{
    if (!check_sizes(c, dev, size, errp) || !check_medium(c, flags, errp) || !choose_errors(c, errp) || !blk_attach(c->blk, dev, ops, errp))
        return false;
    if (!boot_order_add(dev, c->bootindex, boot_leaf, errp)) {
        blk_detach(c->blk, dev);
        return false;
    }
    if (c->write_cache != BLOCK_AUTO)
        blk_set_write_cache(c->blk, c->write_cache == BLOCK_AUTO_ON);
    return true;
}

bool block_conf_init(BlockConf *c, Device *dev, int flags, uint32_t size, const char *boot_leaf,
                     const BlockDevOps *ops, Error **errp)
{
    if (!c->blk && !(flags & BLOCK_CONF_REMOVABLE)) {
        error_setg(errp, "drive property not set");
        return false;
    }
    if (!c->blk)
        c->blk = blk_new(NULL, errp);
    return c->blk && claim(c, dev, flags, size, boot_leaf, ops, errp);
}

void block_conf_cleanup(BlockConf *c, Device *dev)
{
    boot_order_remove(dev);
    if (c->blk)
        blk_detach(c->blk, dev);
}

void block_conf_geometry(BlockConf *c, uint32_t max_cyls)
{
    uint64_t sectors = blk_size(c->blk) / BLOCK_SECTOR;
    if (!c->heads)
        c->heads = 16;
    if (!c->secs)
        c->secs = 63;
    if (!c->cyls)
        c->cyls = (uint32_t)CLAMP(sectors / ((uint64_t)c->heads * c->secs), 2, max_cyls);
}
