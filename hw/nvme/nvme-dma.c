/* SPDX-License-Identifier: MIT */
/*
 * Where the data of an NVMe command lies (NVM Express Base 1.4, 4.3 and 4.4): physical region pages, in a list when there are more than two,
 * and scatter gather lists in segments. Every address and length is the guest's.
 */
#include "hw/loader.h"
#include "nvme.h"

#include <glib.h>

enum { PSDT_PRP = 0 };
enum { SGL_DATA = 0, SGL_BIT_BUCKET = 1, SGL_SEGMENT = 2, SGL_LAST_SEGMENT = 3 };
#define SGL_DESC 16u
#define SGL_SEGMENTS_MAX 256u
#define SGL_DESCRIPTORS_MAX 65536u
#define LINKS_MAX 4096u

static uint16_t add_memory(NVMeRequest *r, uint64_t addr, uint64_t len)
{
    return dma_vec_add(&r->data, r->n->pci.bus->dma, addr, len) ? NVME_SUCCESS : NVME_DATA_ERROR;
}

/* ---- Physical region pages ---- */

/* The list that the second entry points to: page addresses, the last of a page of them the next page's when more are needed. */
static uint16_t map_prp_list(NVMeRequest *r, uint64_t list, uint64_t left)
{
    uint64_t page = 1ull << r->n->page_bits;
    unsigned links = 0;
    if (list & 7)
        return NVME_INVALID_PRP;
    while (left) {
        unsigned entries = (unsigned)((page - (list & (page - 1))) / 8), i = 0;
        uint64_t pages = (left + page - 1) / page;
        const uint8_t *p = address_space_map_ram(r->n->pci.bus->dma, list, 8ull * MIN(entries, pages), false);
        if (!p)
            return NVME_DATA_ERROR;
        for (; left && i < entries; i++) {
            uint64_t addr = get_le64(p + 8 * i), len = MIN(left, page);
            if (i == entries - 1 && left > page) {
                list = addr;
                if (list & 7 || ++links > LINKS_MAX)
                    return NVME_INVALID_PRP; /* a list of links alone would not end */
                break;
            }
            if (addr & (page - 1))
                return NVME_INVALID_PRP;
            uint16_t status = add_memory(r, addr, len);
            if (status)
                return status;
            left -= len;
        }
    }
    return NVME_SUCCESS;
}

static uint16_t map_prps(NVMeRequest *r, uint64_t len)
{
    uint64_t page = 1ull << r->n->page_bits, prp1 = nvme_cqw(r, NVME_PRP1), prp2 = nvme_cqw(r, NVME_PRP2);
    uint64_t first = MIN(len, page - (prp1 & (page - 1)));
    uint16_t status = add_memory(r, prp1, first);
    len -= first;
    if (status || !len)
        return status;
    if (len > page)
        return map_prp_list(r, prp2, len);
    return prp2 & (page - 1) ? NVME_INVALID_PRP : add_memory(r, prp2, len);
}

/* ---- Scatter gather lists ---- */

typedef struct SGL {
    uint64_t addr;
    uint32_t len;
    uint8_t type, subtype;
} SGL;

static SGL load_sgl(const uint8_t *p)
{
    return (SGL){ get_le64(p), get_le32(p + 8), p[15] >> 4, p[15] & 0xf };
}

/* A descriptor of data: takes up to *left bytes. */
static uint16_t add_sgl_data(NVMeRequest *r, const SGL *d, uint64_t *left)
{
    uint64_t n = MIN(d->len, *left);
    if (d->type != SGL_DATA || d->subtype)
        return NVME_INVALID_SGL_TYPE;
    *left -= n;
    return n ? add_memory(r, d->addr, n) : NVME_SUCCESS;
}

static uint16_t map_sgls(NVMeRequest *r, uint64_t len)
{
    SGL d = load_sgl(r->cmd + 4 * NVME_PRP1);
    uint64_t left = len, descriptors = 0;
    uint16_t status = NVME_SUCCESS;
    if (d.type != SGL_SEGMENT && d.type != SGL_LAST_SEGMENT) {
        status = add_sgl_data(r, &d, &left);
        return status || !left ? status : NVME_INVALID_SGL_LENGTH;
    }
    for (unsigned segments = 0; !status && d.type != SGL_DATA; segments++) {
        const uint8_t *p = d.len && d.len % SGL_DESC == 0 ? address_space_map_ram(r->n->pci.bus->dma, d.addr, d.len, false) : NULL;
        bool last = d.type == SGL_LAST_SEGMENT;
        unsigned n = d.len / SGL_DESC;
        descriptors += n;
        if (!p || segments >= SGL_SEGMENTS_MAX || descriptors > SGL_DESCRIPTORS_MAX) /* those of no bytes alone would not end soon */
            return p ? NVME_INVALID_SGL_COUNT : NVME_INVALID_SGL_SEGMENT;
        d.type = SGL_DATA;
        for (unsigned i = 0; i < n && !status; i++) {
            SGL e = load_sgl(p + (uint64_t)i * SGL_DESC);
            if (e.type == SGL_SEGMENT || e.type == SGL_LAST_SEGMENT) {
                if (last || i != n - 1)
                    return NVME_INVALID_SGL_COUNT;
                d = e;
            } else {
                status = add_sgl_data(r, &e, &left);
            }
        }
    }
    return status ? status : left ? NVME_INVALID_SGL_LENGTH : NVME_SUCCESS;
}

/* ---- For commands ---- */

uint16_t nvme_map_data(NVMeRequest *r, uint64_t len)
{
    uint16_t status;
    dma_vec_clear(&r->data);
    if (!len)
        return NVME_SUCCESS;
    if (r->cmd[1] >> 6 == PSDT_PRP)
        status = map_prps(r, len);
    else if (r->cmd[1] >> 6 == 3 || !r->sqid) /* admin commands use pages */
        status = NVME_INVALID_FIELD;
    else
        status = map_sgls(r, len);
    return status ? status | NVME_DNR : NVME_SUCCESS;
}

void nvme_data_written(NVMeRequest *r)
{
    dma_vec_written(&r->data);
}

uint16_t nvme_to_guest(NVMeRequest *r, const void *buf, uint64_t len)
{
    uint16_t status = nvme_map_data(r, len);
    if (status)
        return status;
    BlockVec v = { r->data.iov, r->data.n, len };
    block_vec_from(&v, 0, buf, len);
    nvme_data_written(r);
    return NVME_SUCCESS;
}

uint16_t nvme_from_guest(NVMeRequest *r, void *buf, uint64_t len)
{
    uint16_t status = nvme_map_data(r, len);
    BlockVec v = { r->data.iov, r->data.n, len };
    if (!status)
        block_vec_to(&v, 0, buf, len);
    return status;
}
