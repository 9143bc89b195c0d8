/* SPDX-License-Identifier: MIT */
/* Guest memory of a transfer as pieces of host memory: neighbours are joined. */
#include "hw/dma-vec.h"

#include <glib.h>

void dma_vec_free(DMAVec *v)
{
    g_free(v->iov);
    *v = (DMAVec){ 0 };
}

static bool add_piece(DMAVec *v, void *host, uint64_t len)
{
    struct iovec *last = v->n ? &v->iov[v->n - 1] : NULL;
    v->bytes += len;
    if (last && (uint8_t *)last->iov_base + last->iov_len == host) {
        last->iov_len += len;
        return true;
    }
    if (v->n == v->room) {
        if (v->n >= DMA_VEC_MAX)
            return false;
        v->room = v->room ? 2 * v->room : 16;
        v->iov = g_renew(struct iovec, v->iov, v->room);
    }
    v->iov[v->n++] = (struct iovec){ host, len };
    return true;
}

bool dma_vec_add(DMAVec *v, AddressSpace *as, uint64_t addr, uint64_t len)
{
    while (len) {
        FlatRange range;
        uint64_t n = len;
        void *host = address_space_map_ram(as, addr, len, true);
        if (!host) {
            if (addr + len < addr || !address_space_find(as, addr, &range))
                return false;
            n = MIN(len, range.size - (addr - range.start));
            host = address_space_map_ram(as, addr, n, true);
        }
        if (!host || !add_piece(v, host, n))
            return false;
        addr += n;
        len -= n;
    }
    return true;
}

void dma_vec_written(const DMAVec *v)
{
    for (unsigned i = 0; i < v->n; i++)
        ram_host_written(v->iov[i].iov_base, v->iov[i].iov_len);
}
