/* SPDX-License-Identifier: MIT */
/* Guest memory of a transfer as pieces of host memory. Machine lock. */
#ifndef RHEA_HW_DMA_VEC_H
#define RHEA_HW_DMA_VEC_H

#include "exec/memory.h"
#include <sys/uio.h>

#define DMA_VEC_MAX 4096u /* pieces that are not neighbours */
typedef struct DMAVec {
    struct iovec *iov;
    unsigned n, room;
    uint64_t bytes;
} DMAVec;

/* Forgets the pieces, keeps the room. */
static inline void dma_vec_clear(DMAVec *v)
{
    v->n = 0;
    v->bytes = 0;
}
void dma_vec_free(DMAVec *v);
/* Adds guest memory [addr, addr + len); false when some of it is not RAM, or there are too many pieces. */
bool dma_vec_add(DMAVec *v, AddressSpace *as, uint64_t addr, uint64_t len);
/* The device has stored into all of it. */
void dma_vec_written(const DMAVec *v);

#endif
