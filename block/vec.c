/* SPDX-License-Identifier: MIT */
/* Scatter lists: slices, and copies between a list and a buffer. */
#include "block/block.h"

#include <string.h>

BlockVec block_vec_slice(const BlockVec *in, uint64_t offset, uint64_t size, struct iovec *parts)
{
    BlockVec out = { .v = parts, .size = size };
    for (unsigned i = 0; i < in->n && size; i++) {
        uint64_t len = in->v[i].iov_len;
        if (offset >= len) {
            offset -= len;
            continue;
        }
        uint64_t n = len - offset < size ? len - offset : size;
        parts[out.n++] = (struct iovec){ (uint8_t *)in->v[i].iov_base + offset, n };
        size -= n;
        offset = 0;
    }
    return out;
}

/* Calls copy(part, position in the buffer, bytes) over [offset, offset + size) of the list. */
static void each_part(const BlockVec *v, uint64_t offset, uint64_t size, void (*copy)(void *part, void *buf, uint64_t n), void *buf)
{
    for (unsigned i = 0; i < v->n && size; i++) {
        uint64_t len = v->v[i].iov_len;
        if (offset >= len) {
            offset -= len;
            continue;
        }
        uint64_t n = len - offset < size ? len - offset : size;
        copy((uint8_t *)v->v[i].iov_base + offset, buf, n);
        buf = buf ? (uint8_t *)buf + n : NULL;
        size -= n;
        offset = 0;
    }
}

static void into_part(void *part, void *buf, uint64_t n)
{
    memcpy(part, buf, n);
}

static void out_of_part(void *part, void *buf, uint64_t n)
{
    memcpy(buf, part, n);
}

static void zero_part(void *part, void *buf, uint64_t n)
{
    (void)buf;
    memset(part, 0, n);
}

void block_vec_from(const BlockVec *v, uint64_t offset, const void *buf, uint64_t size)
{
    each_part(v, offset, size, into_part, (void *)buf);
}

void block_vec_to(const BlockVec *v, uint64_t offset, void *buf, uint64_t size)
{
    each_part(v, offset, size, out_of_part, buf);
}

void block_vec_zero(const BlockVec *v, uint64_t offset, uint64_t size)
{
    each_part(v, offset, size, zero_part, NULL);
}
