/* SPDX-License-Identifier: MIT */
/* rhea-img: persistent dirty bitmaps: bitmap, and their part in convert. */
#include "rhea-img.h"
#include "block/bitmap.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <string.h>

static const char *const action_names[] = { "add", "remove", "clear", "enable", "disable", "merge" };

static bool act(BlockNode *n, BlockNode *source, const BitmapAction *action, const char *name, uint64_t granularity, Error **errp)
{
    if (action->kind == BITMAP_ADD)
        return block_bitmap_new_persistent(n, name, granularity, errp) != NULL;
    BlockBitmap *b = block_bitmap_get(n, name, errp), *from;
    if (!b)
        return false;
    switch (action->kind) {
    case BITMAP_REMOVE: return block_bitmap_remove(b, errp);
    case BITMAP_CLEAR: return block_bitmap_clear(b, errp);
    case BITMAP_ENABLE: return block_bitmap_set_enabled(b, true, errp);
    case BITMAP_DISABLE: return block_bitmap_set_enabled(b, false, errp);
    default:
        from = block_bitmap_get(source, action->source, errp);
        return from && block_bitmap_merge(b, from, errp);
    }
}

static const char *wrong_use(const Args *a)
{
    bool adds = false, merges = false;
    for (unsigned i = 0; i < a->naction; i++) {
        adds |= a->action[i].kind == BITMAP_ADD;
        merges |= a->action[i].kind == BITMAP_MERGE;
    }
    return !a->naction ? "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge"
           : a->count != 2 ? "Expecting filename and bitmap name"
           : a->granularity && !adds ? "granularity only supported with --add"
           : a->backing_format && !a->backing ? "-F only supported with -b"
           : a->backing && !merges ? "Merge bitmap source file only supported with --merge" : NULL;
}

int cmd_bitmap(Args *a)
{
    Error *err = NULL;
    uint64_t granularity = 0;
    const char *wrong = wrong_use(a);
    if (wrong) {
        error_report("%s", wrong);
        return 1;
    }
    if (a->granularity && (!parse_size("granularity", a->granularity, 1, &granularity, &err) || !granularity)) {
        error_free(err);
        error_report("Invalid granularity specified. You may use k, M, G, T, P or E suffixes for");
        error_report("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return 1;
    }
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_RDWR), *source = n;
    if (n && a->backing)
        source = open_image(a, a->backing, a->backing_format, 0);
    bool ok = n && source;
    for (unsigned i = 0; ok && i < a->naction; i++) {
        ok = act(n, source, &a->action[i], a->names[1], granularity, &err);
        if (!ok) {
            error_prepend(&err, "Operation %s on bitmap %s failed: ", action_names[a->action[i].kind], a->names[1]);
            error_report_err(err);
        }
    }
    if (source != n)
        block_unref(source);
    block_unref(n);
    return !ok;
}

/* ---- convert ---- */

bool bitmaps_can_copy(BlockNode *from, bool skip)
{
    for (const BlockBitmap *b = from->bitmaps; b; b = b->next) {
        if (!b->persistent || !b->inconsistent)
            continue;
        if (!skip) {
            Error *err = NULL;
            error_setg(&err, "Cannot copy inconsistent bitmap '%s'", b->name);
            error_append_hint(&err, "Try --skip-broken-bitmaps, or use 'rhea-img bitmap --remove' to delete it\n");
            error_report_err(err);
            return false;
        }
        warn_report("Skipping inconsistent bitmap '%s'", b->name);
    }
    return true;
}

/* Those made last are first in the list, and copied last. */
static bool copy_from(BlockNode *to, BlockBitmap *b, Error **errp)
{
    if (!b)
        return true;
    if (!copy_from(to, b->next, errp))
        return false;
    if (!b->persistent || b->inconsistent)
        return true;
    if (!block_bitmap_new_persistent(to, b->name, b->granularity, errp))
        return false;
    BlockBitmap *copy = block_bitmap_find(to, b->name);
    return block_bitmap_merge(copy, b, errp) && block_bitmap_set_enabled(copy, b->enabled, errp);
}

bool bitmaps_copy(BlockNode *from, BlockNode *to)
{
    Error *err = NULL;
    if (copy_from(to, from->bitmaps, &err))
        return true;
    error_prepend(&err, "Failed to populate bitmap: ");
    error_report_err(err);
    return false;
}
