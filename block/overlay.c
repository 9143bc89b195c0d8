/* SPDX-License-Identifier: MIT */
/*
 * What a replayed guest writes to its disks: pieces in memory over the image, which stays as the recording found it. Pieces are
 * counted references, never changed in place once a snapshot has them, so that a snapshot is a copy of a table.
 */
#include "backend.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define PIECE 4096u

typedef struct Piece {
    unsigned refs;
    uint8_t data[PIECE];
} Piece;

typedef struct OverlayState {
    BlockBackend *blk;
    GHashTable *pieces;
} OverlayState;

struct BlockOverlays {
    GArray *states; /* OverlayState */
};

static void piece_unref(gpointer p)
{
    if (!--((Piece *)p)->refs)
        g_free(p);
}

static GHashTable *new_table(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, piece_unref);
}

static GHashTable *copy_table(GHashTable *from)
{
    GHashTable *to = new_table();
    GHashTableIter i;
    gpointer key, value;
    if (!from)
        return to;
    g_hash_table_iter_init(&i, from);
    while (g_hash_table_iter_next(&i, &key, &value)) {
        ((Piece *)value)->refs++;
        g_hash_table_insert(to, g_memdup2(key, sizeof(int64_t)), value);
    }
    return to;
}

static Piece *find_piece(const BlockBackend *b, uint64_t n)
{
    int64_t key = (int64_t)n;
    return b->overlay ? g_hash_table_lookup(b->overlay, &key) : NULL;
}

/* The piece to write to, with the image's contents when it is new; *err: they cannot be read. */
static Piece *own_piece(BlockBackend *b, uint64_t n, int *err)
{
    Piece *old = find_piece(b, n), *p;
    if (old && old->refs == 1)
        return old;
    p = g_new0(Piece, 1);
    p->refs = 1;
    if (old) {
        memcpy(p->data, old->data, PIECE);
    } else {
        uint64_t at = n * PIECE, size = blk_size(b);
        *err = block_read(b->root, at, p->data, MIN(PIECE, size - at));
    }
    if (*err < 0) {
        g_free(p);
        return NULL;
    }
    if (!b->overlay)
        b->overlay = new_table();
    int64_t key = (int64_t)n;
    g_hash_table_replace(b->overlay, g_memdup2(&key, sizeof(key)), p);
    return p;
}

void overlay_read(BlockBackend *b, uint64_t offset, const BlockVec *v)
{
    for (uint64_t done = 0, part; b->overlay && done < v->size; done += part) {
        uint64_t in_piece = (offset + done) % PIECE;
        const Piece *p = find_piece(b, (offset + done) / PIECE);
        part = MIN(PIECE - in_piece, v->size - done);
        if (p)
            block_vec_from(v, done, p->data + in_piece, part);
    }
}

int overlay_write(BlockBackend *b, uint64_t offset, uint64_t size, const BlockVec *v)
{
    for (uint64_t done = 0, part; done < size; done += part) {
        uint64_t in_piece = (offset + done) % PIECE;
        int err = 0;
        Piece *p = own_piece(b, (offset + done) / PIECE, &err);
        part = MIN(PIECE - in_piece, size - done);
        if (!p)
            return err;
        if (v)
            block_vec_to(v, done, p->data + in_piece, part);
        else
            memset(p->data + in_piece, 0, part);
    }
    return 0;
}

/* ---- Snapshots ---- */

BlockOverlays *block_overlays_save(void)
{
    BlockOverlays *s = g_new0(BlockOverlays, 1);
    s->states = g_array_new(FALSE, FALSE, sizeof(OverlayState));
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b)) {
        OverlayState o = { b, copy_table(b->overlay) };
        g_array_append_val(s->states, o);
    }
    return s;
}

void block_overlays_load(const BlockOverlays *s)
{
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b)) {
        for (guint i = 0; i < s->states->len; i++) {
            const OverlayState *o = &g_array_index(s->states, OverlayState, i);
            if (o->blk != b)
                continue;
            overlay_free(b);
            b->overlay = copy_table(o->pieces);
        }
    }
}

void block_overlays_free(BlockOverlays *s)
{
    if (!s)
        return;
    for (guint i = 0; i < s->states->len; i++)
        g_hash_table_destroy(g_array_index(s->states, OverlayState, i).pieces);
    g_array_free(s->states, TRUE);
    g_free(s);
}

void overlay_free(BlockBackend *b)
{
    if (b->overlay)
        g_hash_table_destroy(b->overlay);
    b->overlay = NULL;
}
