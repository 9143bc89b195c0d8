/* SPDX-License-Identifier: MIT */
/* Disks in blocks of one size, found by a table: see block-map.h. */
#include "block-map.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

bool block_map_init(BlockMap *m, BlockNode *n, uint64_t count, uint64_t unit, Error **errp)
{
    if (count > BLOCK_MAP_MAX || unit < BLOCK_SECTOR || unit > 256 * MiB || unit & (unit - 1)) {
        error_setg(errp, "an image of %llu blocks of %llu bytes is not supported", (unsigned long long)count, (unsigned long long)unit);
        return false;
    }
    m->node = n;
    m->count = count;
    m->block_size = unit;
    m->offset = g_new0(uint64_t, count + 1);
    m->end = (block_size(n->file) + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    pthread_mutex_init(&m->lock, NULL);
    return true;
}

void block_map_free(BlockMap *m)
{
    if (!m->offset)
        return;
    g_free(m->offset);
    m->offset = NULL;
    pthread_mutex_destroy(&m->lock);
}

bool block_map_set(BlockMap *m, uint64_t i, uint64_t offset)
{
    uint64_t end = (block_size(m->node->file) + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (offset < BLOCK_SECTOR + m->lead || offset >= end)
        return false;
    m->offset[i] = offset;
    return true;
}

static uint64_t place_of(const BlockMap *m, uint64_t offset)
{
    return __atomic_load_n(&m->offset[offset / m->block_size], __ATOMIC_ACQUIRE);
}

int block_map_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    BlockMap *m = n->state;
    struct iovec *parts = g_new(struct iovec, v->n);
    int ret = 0;
    for (uint64_t done = 0, len; ret == 0 && done < v->size; done += len) {
        uint64_t at = offset + done, in = at % m->block_size, place = place_of(m, at);
        len = MIN(v->size - done, m->block_size - in);
        BlockVec part = block_vec_slice(v, done, len, parts);
        if (place == BLOCK_MAP_NONE)
            block_vec_zero(&part, 0, len);
        else
            ret = block_readv(n->file, place + in, &part);
    }
    g_free(parts);
    return ret;
}

/* A new block with these bytes and zeroes around them. lock held. */
static int add_block(BlockMap *m, uint64_t i, uint64_t in, const BlockVec *v)
{
    uint64_t at = m->end, data = at + m->lead;
    int ret = m->write_lead ? m->write_lead(m, i, at) : 0;
    if (ret == 0 && v->size < m->block_size) /* past the file's end that makes a hole */
        ret = block_write_zeroes(m->node->file, data, m->block_size, false);
    ret = ret ? ret : block_writev(m->node->file, data + in, v);
    if (ret < 0)
        return ret;
    m->end = data + m->block_size;
    ret = m->store(m, i, data);
    if (ret == 0)
        __atomic_store_n(&m->offset[i], data, __ATOMIC_RELEASE);
    return ret;
}

static int write_part(BlockMap *m, uint64_t at, const BlockVec *v)
{
    uint64_t i = at / m->block_size, in = at % m->block_size, place = place_of(m, at);
    int ret = 0;
    if (place == BLOCK_MAP_NONE) {
        pthread_mutex_lock(&m->lock);
        place = m->offset[i];
        if (place == BLOCK_MAP_NONE)
            ret = add_block(m, i, in, v);
        pthread_mutex_unlock(&m->lock);
    }
    return ret || place == BLOCK_MAP_NONE ? ret : block_writev(m->node->file, place + in, v);
}

int block_map_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    BlockMap *m = n->state;
    struct iovec *parts = g_new(struct iovec, v->n);
    int ret = 0;
    for (uint64_t done = 0, len; ret == 0 && done < v->size; done += len) {
        len = MIN(v->size - done, m->block_size - (offset + done) % m->block_size);
        BlockVec part = block_vec_slice(v, done, len, parts);
        ret = write_part(m, offset + done, &part);
    }
    g_free(parts);
    return ret;
}

int block_map_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    BlockMap *m = n->state;
    int ret = 0;
    for (uint64_t done = 0, len; ret == 0 && done < size; done += len) {
        uint64_t at = offset + done, place = place_of(m, at);
        len = MIN(size - done, m->block_size - at % m->block_size);
        if (place != BLOCK_MAP_NONE)
            ret = block_write_zeroes(n->file, place + at % m->block_size, len, unmap);
    }
    return ret;
}

int block_map_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    BlockMap *m = n->state;
    uint64_t first = place_of(m, offset), in = offset % m->block_size, done = MIN(*size, m->block_size - in);
    while (done < *size) {
        uint64_t place = place_of(m, offset + done);
        if ((place == BLOCK_MAP_NONE) != (first == BLOCK_MAP_NONE) || (first != BLOCK_MAP_NONE && place != first + in + done))
            break;
        done += MIN(*size - done, m->block_size);
    }
    *size = done;
    *map = first + in;
    return first == BLOCK_MAP_NONE ? BLOCK_ZERO : BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

bool block_map_check(BlockNode *n, int fix, BlockCheck *out, Error **errp)
{
    BlockMap *m = n->state;
    uint64_t *sorted = g_new(uint64_t, m->count + 1), used = 0, end = block_size(n->file);
    for (uint64_t i = 0; i < m->count; i++)
        if (m->offset[i] != BLOCK_MAP_NONE)
            sorted[used++] = m->offset[i];
    qsort(sorted, used, sizeof(*sorted), ascending);
    for (uint64_t i = 0; i < used; i++) {
        bool overlaps = i + 1 < used && sorted[i + 1] - sorted[i] < m->block_size, outside = sorted[i] >= end;
        if (!overlaps && !outside)
            continue;
        if (out->report)
            printf("ERROR: block at %llu %s\n", (unsigned long long)sorted[i], overlaps ? "overlaps another" : "is outside the file");
        out->corruptions++;
    }
    g_free(sorted);
    out->clusters = m->count;
    out->allocated = used;
    return true;
}
