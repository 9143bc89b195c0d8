/* SPDX-License-Identifier: MIT */
/* What QMP clients ask about disks: drives and their media, nodes of the graph, statistics. */
#include "block-cmds.h"
#include "block/bitmap.h"
#include "block/throttle.h"
#include "qom.h"
#include "util/timer.h"

#include <glib.h>

static json_t *cache_json(const BlockNode *n, const BlockBackend *b)
{
    return json_pack("{s:b,s:b,s:b}", "writeback", b ? blk_write_cache(b) : 1, "direct", !!(n->flags & BLOCK_NOCACHE), "no-flush",
                     !!(n->flags & BLOCK_NO_FLUSH));
}

static const char *detect_zeroes(const BlockNode *n)
{
    return n->flags & BLOCK_DETECT_UNMAP ? "unmap" : n->flags & BLOCK_DETECT_ZEROES ? "on" : "off";
}

json_t *block_node_json(BlockNode *n, const BlockBackend *b, bool flat)
{
    unsigned depth = 0;
    for (const BlockNode *below = n->backing; below; below = below->backing)
        depth++;
    json_t *j = json_pack("{s:s,s:s,s:b,s:s,s:i,s:b,s:s,s:i}", "file", n->filename, "node-name", n->node_name, "ro",
                          n->read_only || (b && blk_read_only(b)), "drv", n->drv->name, "backing_file_depth", depth, "encrypted", 0,
                          "detect_zeroes", detect_zeroes(n), "write_threshold", 0);
    if (!j) /* a file name that is not UTF-8 */
        return json_object();
    if (n->backing)
        json_object_set_new(j, "backing_file", json_string(n->backing->filename));
    throttle_describe(b, j);
    json_object_set_new(j, "image", block_image_info(n, !flat));
    json_object_set_new(j, "cache", cache_json(n, b));
    json_t *bitmaps = block_bitmaps_json(n);
    if (bitmaps)
        json_object_set_new(j, "dirty-bitmaps", bitmaps);
    return j;
}

static json_t *drive_json(BlockBackend *b)
{
    json_t *j = json_pack("{s:s,s:s,s:b,s:b}", "device", blk_name(b), "type", "unknown", "removable", blk_removable(b), "locked",
                          blk_medium_locked(b));
    const Device *dev = blk_device(b);
    if (dev) {
        char *path = qom_path(dev);
        json_object_set_new(j, "qdev", json_string(path));
        g_free(path);
    }
    if (blk_has_tray(b))
        json_object_set_new(j, "tray_open", json_boolean(blk_tray_is_open(b)));
    if (blk_io_status(b))
        json_object_set_new(j, "io-status", json_string(blk_io_status(b)));
    if (blk_root(b))
        json_object_set_new(j, "inserted", block_node_json(blk_root(b), b, false));
    return j;
}

/* Those that a name or a device makes known. */
static bool shown(const BlockBackend *b)
{
    return *blk_name(b) || blk_device(b);
}

static json_t *query_block(json_t *args, Error **errp)
{
    json_t *list = json_array();
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b))
        if (shown(b))
            json_array_append_new(list, drive_json(b));
    return list;
}

static json_t *query_named_block_nodes(json_t *args, Error **errp)
{
    json_t *list = json_array();
    for (BlockNode *n = block_first_node(); n; n = n->next)
        json_array_append_new(list, block_node_json(n, NULL, qmp_bool(args, "flat", false)));
    return list;
}

/* ---- Statistics ---- */

static json_t *counters_json(const BlockStats *s, bool of_drive)
{
    static const char *const kinds[BLOCK_ACCOUNTS] = { "rd", "wr", "flush", "unmap" };
    json_t *j = json_object();
    char key[40];
    for (unsigned i = 0; i < BLOCK_ACCOUNTS; i++) {
        const struct {
            const char *format;
            uint64_t value;
            bool absent;
        } rows[] = {
            { "%s_bytes", s->bytes[i], i == BLOCK_ACCOUNT_FLUSH }, { "%s_operations", s->operations[i], false },
            { "%s_total_time_ns", s->time_ns[i], false }, { "%s_merged", 0, i == BLOCK_ACCOUNT_FLUSH },
            { "failed_%s_operations", s->failed[i], false }, { "invalid_%s_operations", s->invalid[i], false },
        };
        for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
            snprintf(key, sizeof(key), rows[k].format, kinds[i]);
            if (!rows[k].absent)
                json_object_set_new(j, key, json_integer((json_int_t)rows[k].value));
        }
    }
    json_object_set_new(j, "wr_highest_offset", json_integer((json_int_t)s->highest_write));
    if (s->last_ns)
        json_object_set_new(j, "idle_time_ns", json_integer(clock_ns(CLOCK_REALTIME_HOST) - s->last_ns));
    json_object_set_new(j, "account_invalid", json_boolean(of_drive));
    json_object_set_new(j, "account_failed", json_boolean(of_drive));
    json_object_set_new(j, "timed_stats", json_array());
    return j;
}

static json_t *node_stats(const BlockNode *n, const BlockBackend *b)
{
    BlockStats s = b ? *blk_stats(b) : (BlockStats){ 0 };
    json_t *j = json_pack("{s:s}", "node-name", n->node_name);
    s.highest_write = __atomic_load_n(&n->highest_write, __ATOMIC_RELAXED);
    json_object_set_new(j, "stats", counters_json(&s, b != NULL));
    if (n->file)
        json_object_set_new(j, "parent", node_stats(n->file, NULL));
    if (n->backing)
        json_object_set_new(j, "backing", node_stats(n->backing, NULL));
    return j;
}

static json_t *drive_stats(const BlockBackend *b)
{
    const BlockNode *n = blk_root(b);
    json_t *j = n ? node_stats(n, b) : json_pack("{s:o}", "stats", counters_json(blk_stats(b), true));
    json_object_set_new(j, "device", json_string(blk_name(b)));
    if (blk_device(b)) {
        char *path = qom_path(blk_device(b));
        json_object_set_new(j, "qdev", json_string(path));
        g_free(path);
    }
    return j;
}

static json_t *query_blockstats(json_t *args, Error **errp)
{
    json_t *list = json_array();
    if (qmp_bool(args, "query-nodes", false)) {
        for (BlockNode *n = block_first_node(); n; n = n->next)
            json_array_append_new(list, node_stats(n, NULL));
        return list;
    }
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b))
        if (shown(b))
            json_array_append_new(list, drive_stats(b));
    return list;
}

static const QMPCommand commands[] = {
    { "query-block", "", "[BlockInfo]", query_block, 0 },
    { "query-blockstats", "query-nodes:bool?", "[BlockStats]", query_blockstats, 0 },
    { "query-named-block-nodes", "flat:bool?", "[BlockDeviceInfo]", query_named_block_nodes, 0 },
};
qmp_commands(commands)
