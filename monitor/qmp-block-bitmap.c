/* SPDX-License-Identifier: MIT */
/* QMP commands for dirty bitmaps, also as actions of a transaction. */
#include "block-cmds.h"
#include "block/bitmap.h"
#include "util/error.h"

#include <string.h>

/* ---- Finding ---- */

static BlockBitmap *bitmap_of(json_t *args, BlockNode **node, Error **errp)
{
    const char *name = qmp_str(args, "node");
    *node = block_lookup(name, name, errp);
    return *node ? block_bitmap_get(*node, qmp_str(args, "name"), errp) : NULL;
}

/* What an action changed can be undone as long as nothing else happens to the bitmap. */
static void keep_bits(BlockAction *a)
{
    uint64_t n = block_bitmap_bytes(a->bitmap);
    a->saved = g_malloc0(n + 1);
    block_bitmap_get_bytes(a->bitmap, 0, a->saved, n);
}

static void restore_bits(BlockAction *a)
{
    if (a->saved) {
        block_bitmap_reset(a->bitmap);
        block_bitmap_set_bytes(a->bitmap, 0, a->saved, block_bitmap_bytes(a->bitmap));
    }
}

/* ---- Actions ---- */

bool block_action_bitmap_add(BlockAction *a, Error **errp)
{
    int64_t granularity = qmp_int(a->data, "granularity", 0);
    BlockNode *n = block_lookup(qmp_str(a->data, "node"), qmp_str(a->data, "node"), errp);
    if (!n)
        return false;
    if (!*qmp_str(a->data, "name")) {
        error_setg(errp, "Bitmap name cannot be empty");
        return false;
    }
    if (json_object_get(a->data, "granularity") && (granularity < 512 || granularity > INT64_C(1) << 31 || granularity & (granularity - 1))) {
        error_setg(errp, "Granularity must be power of 2 and at least 512");
        return false;
    }
    bool keep = qmp_bool(a->data, "persistent", false);
    blk_drain(NULL); /* writes under way are of before */
    a->bitmap = (keep ? block_bitmap_new_persistent : block_bitmap_new)(n, qmp_str(a->data, "name"), (uint64_t)granularity, errp);
    return a->bitmap && (!qmp_bool(a->data, "disabled", false) || block_bitmap_set_enabled(a->bitmap, false, errp));
}

void block_abort_bitmap_add(BlockAction *a)
{
    if (a->bitmap)
        block_bitmap_remove(a->bitmap, NULL);
}

bool block_action_bitmap_remove(BlockAction *a, Error **errp)
{
    BlockNode *n;
    a->bitmap = bitmap_of(a->data, &n, errp);
    if (!a->bitmap)
        return false;
    bool broken = a->bitmap->inconsistent;
    a->bitmap->inconsistent = false; /* such may go */
    bool ok = block_bitmap_usable(a->bitmap, true, errp);
    a->bitmap->inconsistent = broken;
    a->was = a->bitmap->enabled;
    a->bitmap->busy |= ok; /* nobody else uses it from here on */
    return ok;
}

void block_commit_bitmap_remove(BlockAction *a)
{
    Error *err = NULL;
    a->bitmap->busy = false;
    if (!block_bitmap_remove(a->bitmap, &err))
        error_report_err(err);
}

void block_abort_bitmap_remove(BlockAction *a)
{
    if (a->bitmap)
        a->bitmap->busy = false;
}

bool block_action_bitmap_clear(BlockAction *a, Error **errp)
{
    BlockNode *n;
    a->bitmap = bitmap_of(a->data, &n, errp);
    if (!a->bitmap || !block_bitmap_usable(a->bitmap, true, errp))
        return false;
    keep_bits(a);
    return block_bitmap_clear(a->bitmap, errp);
}

void block_abort_bitmap_clear(BlockAction *a)
{
    restore_bits(a);
}

static bool set_enabled(BlockAction *a, bool on, Error **errp)
{
    BlockNode *n;
    a->bitmap = bitmap_of(a->data, &n, errp);
    if (!a->bitmap)
        return false;
    a->was = a->bitmap->enabled;
    return block_bitmap_set_enabled(a->bitmap, on, errp);
}

bool block_action_bitmap_enable(BlockAction *a, Error **errp)
{
    return set_enabled(a, true, errp);
}

bool block_action_bitmap_disable(BlockAction *a, Error **errp)
{
    return set_enabled(a, false, errp);
}

void block_abort_bitmap_enabled(BlockAction *a)
{
    if (a->bitmap)
        block_bitmap_set_enabled(a->bitmap, a->was, NULL);
}

/* A name beside the target, or {node, name}. */
static BlockBitmap *merge_source(BlockNode *n, json_t *v, Error **errp)
{
    if (json_is_string(v))
        return block_bitmap_get(n, json_string_value(v), errp);
    BlockNode *other;
    return bitmap_of(v, &other, errp);
}

bool block_action_bitmap_merge(BlockAction *a, Error **errp)
{
    json_t *list = json_object_get(a->data, "bitmaps"), *v;
    size_t i;
    const char *name = qmp_str(a->data, "node");
    BlockNode *n = block_lookup(name, name, errp);
    a->bitmap = n ? block_bitmap_get(n, qmp_str(a->data, "target"), errp) : NULL;
    if (!a->bitmap)
        return false;
    json_array_foreach(list, i, v) { /* all of them, or none */
        BlockBitmap *from = merge_source(n, v, errp);
        if (!from || !block_bitmap_can_merge(a->bitmap, from, errp))
            return false;
    }
    keep_bits(a);
    json_array_foreach(list, i, v)
        block_bitmap_or(a->bitmap, merge_source(n, v, NULL));
    return true;
}

/* ---- Commands ---- */

static json_t *run_action(json_t *args, const char *type, Error **errp)
{
    BlockAction a = { .type = block_action_type(type), .data = args };
    bool ok = a.type->prepare(&a, errp);
    if (ok && a.type->commit)
        a.type->commit(&a);
    g_free(a.saved);
    return NULL;
}

#define COMMAND(name) \
    static json_t *bitmap_##name(json_t *args, Error **errp) \
    { \
        return run_action(args, "block-dirty-bitmap-" #name, errp); \
    }
COMMAND(add)
COMMAND(remove)
COMMAND(clear)
COMMAND(enable)
COMMAND(disable)
COMMAND(merge)

static json_t *bitmap_sha256(json_t *args, Error **errp)
{
    BlockNode *n;
    BlockBitmap *b = bitmap_of(args, &n, errp);
    if (!b || !block_bitmap_usable(b, false, errp))
        return NULL;
    char *sum = block_bitmap_sha256(b);
    json_t *o = json_pack("{s:s}", "sha256", sum);
    g_free(sum);
    return o;
}

static const QMPCommand commands[] = {
    { "block-dirty-bitmap-add", "BlockDirtyBitmapAdd", "", bitmap_add, 0 },
    { "block-dirty-bitmap-remove", "BlockDirtyBitmap", "", bitmap_remove, 0 },
    { "block-dirty-bitmap-clear", "BlockDirtyBitmap", "", bitmap_clear, 0 },
    { "block-dirty-bitmap-enable", "BlockDirtyBitmap", "", bitmap_enable, 0 },
    { "block-dirty-bitmap-disable", "BlockDirtyBitmap", "", bitmap_disable, 0 },
    { "block-dirty-bitmap-merge", "BlockDirtyBitmapMerge", "", bitmap_merge, 0 },
    { "x-debug-block-dirty-bitmap-sha256", "BlockDirtyBitmap", "BlockDirtyBitmapSha256", bitmap_sha256, 0 },
};
qmp_commands(commands)
