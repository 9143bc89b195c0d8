/* SPDX-License-Identifier: MIT */
/* Dirty bitmaps: see bitmap.h. */
#include "bitmap.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

static void lock(const BlockBitmap *b)
{
    pthread_mutex_lock(&b->node->bitmap_lock);
}

static void unlock(const BlockBitmap *b)
{
    pthread_mutex_unlock(&b->node->bitmap_lock);
}

static uint64_t bits_for(uint64_t size, uint64_t granularity)
{
    return size / granularity + (size % granularity != 0);
}

static uint64_t words_for(uint64_t size, uint64_t granularity)
{
    return (bits_for(size, granularity) + 63) / 64;
}

/* ---- Life ---- */

uint64_t block_bitmap_default_granularity(const BlockNode *n)
{
    return n->cluster_size ? CLAMP(n->cluster_size, 4096u, 65536u) : 65536u;
}

static BlockBitmap *make(BlockNode *n, const char *name, uint64_t granularity, uint64_t size, Error **errp)
{
    if (name && !name[0])
        error_setg(errp, "Bitmap name cannot be empty");
    else if (name && strlen(name) > BITMAP_NAME_MAX)
        error_setg(errp, "Bitmap name too long: %s", name);
    else if (name && block_bitmap_find(n, name))
        error_setg(errp, "Bitmap already exists: %s", name);
    else if (granularity < BLOCK_SECTOR || granularity & (granularity - 1) || granularity > 1u << 31)
        error_setg(errp, "Granularity must be power of 2 and at least 512");
    else {
        uint64_t words = words_for(size, granularity);
        uint64_t *bits = words * 8 <= BITMAP_MAX_BYTES ? g_try_malloc0(words * 8 + 8) : NULL;
        if (bits) {
            BlockBitmap *b = g_new(BlockBitmap, 1);
            *b = (BlockBitmap){ .node = n, .name = g_strdup(name), .granularity = granularity, .size = size, .words = bits,
                                .enabled = true };
            lock(b);
            b->next = n->bitmaps;
            __atomic_store_n(&n->bitmaps, b, __ATOMIC_RELEASE);
            unlock(b);
            return b;
        }
        error_setg(errp, "A bitmap of this granularity is too large");
    }
    return NULL;
}

BlockBitmap *block_bitmap_new(BlockNode *n, const char *name, uint64_t granularity, Error **errp)
{
    return make(n, name, granularity ? granularity : block_bitmap_default_granularity(n), block_size(n), errp);
}

BlockBitmap *block_bitmap_new_inconsistent(BlockNode *n, const char *name, uint64_t granularity, Error **errp)
{
    BlockBitmap *b = make(n, name, granularity, 0, errp);
    if (b) {
        b->inconsistent = true;
        b->enabled = false;
    }
    return b;
}

void block_bitmap_free(BlockBitmap *b)
{
    BlockNode *n = b->node;
    lock(b);
    for (BlockBitmap **p = &n->bitmaps; *p; p = &(*p)->next) {
        if (*p == b) {
            __atomic_store_n(p, b->next, __ATOMIC_RELEASE);
            break;
        }
    }
    unlock(b);
    g_free(b->name);
    g_free(b->words);
    g_free(b);
}

void block_bitmaps_free(BlockNode *n)
{
    while (n->bitmaps)
        block_bitmap_free(n->bitmaps);
}

BlockBitmap *block_bitmap_find(const BlockNode *n, const char *name)
{
    for (BlockBitmap *b = n->bitmaps; b; b = b->next)
        if (b->name && !strcmp(b->name, name))
            return b;
    return NULL;
}

BlockBitmap *block_bitmap_get(const BlockNode *n, const char *name, Error **errp)
{
    BlockBitmap *b = block_bitmap_find(n, name);
    if (!b)
        error_setg(errp, "Dirty bitmap '%s' not found", name);
    return b;
}

static bool can_persist(BlockNode *n, const char *name, Error **errp)
{
    if (!n->drv->bitmap_add)
        error_setg(errp, "Can't store persistent bitmaps to %s: Operation not supported", n->node_name);
    else if (strlen(name) > BITMAP_NAME_MAX)
        error_setg(errp, "Can't make bitmap '%s' persistent in '%s': Name length exceeds maximum (%u characters)", name, n->node_name, BITMAP_NAME_MAX);
    else
        return true;
    return false;
}

BlockBitmap *block_bitmap_new_persistent(BlockNode *n, const char *name, uint64_t granularity, Error **errp)
{
    BlockBitmap *b = can_persist(n, name, errp) ? block_bitmap_new(n, name, granularity, errp) : NULL;
    if (b && !n->drv->bitmap_add(n, b, errp)) {
        error_prepend(errp, "Can't make bitmap '%s' persistent in '%s': ", b->name, n->node_name);
        block_bitmap_free(b);
        return NULL;
    }
    if (b)
        b->persistent = b->changed = true;
    return b;
}

/* ---- What users may do ---- */

bool block_bitmap_usable(const BlockBitmap *b, bool change, Error **errp)
{
    if (b->busy) {
        error_setg(errp, "Bitmap '%s' is currently in use by another operation and cannot be used", b->name);
        return false;
    }
    if (b->persistent && b->node->read_only && change) {
        error_setg(errp, "Bitmap '%s' is readonly and cannot be modified", b->name);
        return false;
    }
    if (b->inconsistent) {
        error_setg(errp, "Bitmap '%s' is inconsistent and cannot be used", b->name);
        error_append_hint(errp, "Try block-dirty-bitmap-remove to delete this bitmap from disk\n");
        return false;
    }
    return true;
}

bool block_bitmap_remove(BlockBitmap *b, Error **errp)
{
    bool broken = b->inconsistent;
    b->inconsistent = false; /* such may go */
    bool ok = block_bitmap_usable(b, true, errp);
    b->inconsistent = broken;
    if (ok && b->persistent)
        ok = b->node->drv->bitmap_remove(b->node, b, errp);
    if (ok)
        block_bitmap_free(b);
    return ok;
}

bool block_bitmap_clear(BlockBitmap *b, Error **errp)
{
    if (!block_bitmap_usable(b, true, errp))
        return false;
    block_bitmap_reset(b);
    return true;
}

bool block_bitmap_set_enabled(BlockBitmap *b, bool on, Error **errp)
{
    if (!block_bitmap_usable(b, true, errp))
        return false;
    lock(b);
    b->changed |= b->enabled != on;
    b->enabled = on;
    unlock(b);
    return true;
}

bool block_bitmap_can_merge(const BlockBitmap *to, const BlockBitmap *from, Error **errp)
{
    if (!block_bitmap_usable(to, true, errp) || !block_bitmap_usable(from, false, errp))
        return false;
    if (to->size == from->size)
        return true;
    error_setg(errp, "Bitmaps are of different sizes (destination size is %llu, source size is %llu) and can't be merged",
               (unsigned long long)to->size, (unsigned long long)from->size);
    return false;
}

bool block_bitmap_merge(BlockBitmap *to, BlockBitmap *from, Error **errp)
{
    if (!block_bitmap_can_merge(to, from, errp))
        return false;
    block_bitmap_or(to, from);
    return true;
}

/* ---- Bits ---- */

/* Sets or clears bits [first, last]. lock held. */
static void change_bits(BlockBitmap *b, uint64_t first, uint64_t last, bool on)
{
    for (uint64_t w = first / 64; w <= last / 64; w++) {
        uint64_t mask = ~0ull;
        if (w == first / 64)
            mask &= ~0ull << first % 64;
        if (w == last / 64)
            mask &= ~0ull >> (63 - last % 64);
        uint64_t was = b->words[w], now = on ? was | mask : was & ~mask;
        if (was == now)
            continue;
        b->words[w] = now;
        b->set += (uint64_t)__builtin_popcountll(now);
        b->set -= (uint64_t)__builtin_popcountll(was);
        b->changed = true;
    }
}

static void mark(BlockBitmap *b, uint64_t offset, uint64_t size)
{
    if (!size || offset >= b->size)
        return;
    uint64_t end = size > b->size - offset ? b->size : offset + size;
    change_bits(b, offset / b->granularity, (end - 1) / b->granularity, true);
}

void block_bitmap_mark(BlockBitmap *b, uint64_t offset, uint64_t size)
{
    lock(b);
    mark(b, offset, size);
    unlock(b);
}

void block_bitmap_unmark(BlockBitmap *b, uint64_t offset, uint64_t size)
{
    lock(b);
    uint64_t end = size > b->size - MIN(offset, b->size) ? b->size : offset + size, first = bits_for(offset, b->granularity);
    uint64_t last = end == b->size ? bits_for(end, b->granularity) : end / b->granularity;
    if (offset < b->size && last > first)
        change_bits(b, first, last - 1, false);
    unlock(b);
}

void block_bitmap_reset(BlockBitmap *b)
{
    lock(b);
    b->changed |= b->set != 0;
    memset(b->words, 0, words_for(b->size, b->granularity) * 8);
    b->set = 0;
    unlock(b);
}

bool block_bitmap_is_marked(BlockBitmap *b, uint64_t offset)
{
    lock(b);
    uint64_t bit = offset / b->granularity;
    bool on = offset < b->size && b->words[bit / 64] >> bit % 64 & 1;
    unlock(b);
    return on;
}

uint64_t block_bitmap_count(const BlockBitmap *b)
{
    lock(b);
    uint64_t n = b->set * b->granularity;
    unlock(b);
    return n;
}

/* First bit from `bit` on that is (not) set, or end. lock held. */
static uint64_t find_bit(const BlockBitmap *b, uint64_t bit, uint64_t end, bool on)
{
    while (bit < end) {
        uint64_t w = (on ? b->words[bit / 64] : ~b->words[bit / 64]) >> bit % 64;
        if (w)
            return MIN(end, bit + (uint64_t)__builtin_ctzll(w));
        bit = (bit / 64 + 1) * 64;
    }
    return end;
}

bool block_bitmap_next(BlockBitmap *b, uint64_t *offset, uint64_t *size)
{
    lock(b);
    uint64_t end = bits_for(b->size, b->granularity), first = find_bit(b, *offset / b->granularity, end, true);
    bool found = first < end;
    if (found) {
        uint64_t start = MAX(first * b->granularity, *offset), limit = bits_for(MIN(b->size - start, *size) + start, b->granularity);
        uint64_t stop = MIN(find_bit(b, first, limit, false) * b->granularity, b->size);
        *size = MIN(*size, stop - start);
        *offset = start;
    }
    unlock(b);
    return found;
}

void block_bitmap_or(BlockBitmap *to, const BlockBitmap *from)
{
    /* The two locks are never held together: bits go over in pieces. */
    uint64_t words = words_for(from->size, from->granularity);
    uint64_t piece[512];
    for (uint64_t w = 0; w < words; w += ARRAY_SIZE(piece)) {
        uint64_t n = MIN(ARRAY_SIZE(piece), words - w);
        lock(from);
        memcpy(piece, from->words + w, n * 8);
        unlock(from);
        lock(to);
        for (uint64_t i = 0; i < n; i++) {
            for (uint64_t rest = piece[i]; rest; rest &= rest - 1) {
                uint64_t bit = (w + i) * 64 + (uint64_t)__builtin_ctzll(rest);
                mark(to, bit * from->granularity, from->granularity);
            }
        }
        unlock(to);
    }
}

/* ---- Bytes ---- */

uint64_t block_bitmap_bytes(const BlockBitmap *b)
{
    return (bits_for(b->size, b->granularity) + 7) / 8;
}

void block_bitmap_get_bytes(BlockBitmap *b, uint64_t at, uint8_t *out, uint64_t n)
{
    lock(b);
    for (uint64_t i = 0; i < n; i++)
        out[i] = (uint8_t)(b->words[(at + i) / 8] >> (at + i) % 8 * 8);
    unlock(b);
}

void block_bitmap_set_bytes(BlockBitmap *b, uint64_t at, const uint8_t *in, uint64_t n)
{
    uint64_t bits = bits_for(b->size, b->granularity);
    lock(b);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t first = (at + i) * 8;
        unsigned keep = first >= bits ? 0 : bits - first >= 8 ? 0xff : (1u << (bits - first)) - 1; /* what lies past the end is not ours */
        uint64_t *w = &b->words[(at + i) / 8], was = *w, shift = (at + i) % 8 * 8;
        if (!keep)
            break;
        *w = (was & ~(0xffull << shift)) | (uint64_t)(in[i] & keep) << shift;
        b->set += (uint64_t)__builtin_popcountll(*w);
        b->set -= (uint64_t)__builtin_popcountll(was);
    }
    unlock(b);
}

/* Of the words in little-endian order: the peer's debugging command computes the same. */
char *block_bitmap_sha256(BlockBitmap *b)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    lock(b);
    uint64_t words = words_for(b->size, b->granularity);
    for (uint64_t w = 0; w < words; w++) {
        uint64_t le = GUINT64_TO_LE(b->words[w]);
        g_checksum_update(sum, (const uint8_t *)&le, 8);
    }
    unlock(b);
    char *text = g_strdup(g_checksum_get_string(sum));
    g_checksum_free(sum);
    return text;
}

json_t *block_bitmaps_json(const BlockNode *n)
{
    json_t *list = NULL;
    for (const BlockBitmap *b = n->bitmaps; b; b = b->next) {
        json_t *j = json_pack("{s:I,s:I,s:b,s:b,s:b}", "count", (json_int_t)block_bitmap_count(b), "granularity", (json_int_t)b->granularity,
                              "recording", b->enabled && !b->inconsistent, "busy", b->busy, "persistent", b->persistent);
        if (b->name)
            json_object_set_new(j, "name", json_string(b->name));
        if (b->inconsistent)
            json_object_set_new(j, "inconsistent", json_true());
        list = list ? list : json_array();
        json_array_append_new(list, j);
    }
    return list;
}

/* ---- The node ---- */

void block_bitmaps_mark(BlockNode *n, uint64_t offset, uint64_t size)
{
    if (!__atomic_load_n(&n->bitmaps, __ATOMIC_ACQUIRE))
        return;
    pthread_mutex_lock(&n->bitmap_lock);
    for (BlockBitmap *b = n->bitmaps; b; b = b->next)
        if (b->enabled && !b->inconsistent)
            mark(b, offset, size);
    pthread_mutex_unlock(&n->bitmap_lock);
}

void block_bitmaps_resize(BlockNode *n, uint64_t size)
{
    pthread_mutex_lock(&n->bitmap_lock);
    for (BlockBitmap *b = n->bitmaps; b; b = b->next) {
        uint64_t old = bits_for(b->size, b->granularity), now = bits_for(size, b->granularity);
        if (b->inconsistent || size == b->size)
            continue;
        if (words_for(size, b->granularity) * 8 > BITMAP_MAX_BYTES) { /* too fine for so large a disk */
            b->inconsistent = true;
            continue;
        }
        if (now < old)
            change_bits(b, now, old - 1, false);
        uint64_t old_words = words_for(b->size, b->granularity), words = words_for(size, b->granularity);
        b->words = g_realloc(b->words, words * 8 + 8);
        if (words > old_words)
            memset(b->words + old_words, 0, (words - old_words) * 8);
        b->size = size;
        b->changed = true;
    }
    pthread_mutex_unlock(&n->bitmap_lock);
}
