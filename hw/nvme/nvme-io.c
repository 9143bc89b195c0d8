/* SPDX-License-Identifier: MIT */
/* Commands of the NVM command set (NVM Express Base 1.4, 6): read, write, flush, write zeroes, dataset management. */
#include "hw/loader.h"
#include "nvme.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { CMD_FLUSH = 0x00, CMD_WRITE = 0x01, CMD_READ = 0x02, CMD_WRITE_ZEROES = 0x08, CMD_DSM = 0x09 };
enum { FUA = 1u << 30, DEALLOCATE = 1u << 25, DSM_AD = 4, DSM_RANGE = 16 };
#define NSID_ALL 0xffffffffu

static uint16_t status_of(const NVMeRequest *r, int ret)
{
    switch (ret) {
    case -ENOSPC: return NVME_CAPACITY;
    case -EPERM: case -EROFS: return NVME_READ_ONLY | NVME_DNR;
    default: return r->blk.op == BLOCK_READ ? NVME_READ_FAULT : NVME_WRITE_FAULT;
    }
}

static uint16_t io_status(const NVMeRequest *r, int ret)
{
    return ret < 0 ? status_of(r, ret) : NVME_SUCCESS;
}

static uint16_t submit(NVMeRequest *r, BlockOp op, uint64_t offset, uint64_t size, void (*done)(BlockRequest *b, int ret))
{
    r->blk.op = op;
    r->blk.offset = offset;
    r->blk.size = size;
    r->blk.done = done;
    r->blk.opaque = r;
    blk_submit(r->ns->conf.blk, &r->blk);
    return NVME_NO_COMPLETION;
}

static void io_done(BlockRequest *b, int ret)
{
    NVMeRequest *r = b->opaque;
    if (b->op == BLOCK_READ)
        nvme_data_written(r);
    nvme_complete(r, io_status(r, ret));
}

/* ---- Read and write ---- */

static bool range_ok(const NVMeNamespace *ns, uint64_t lba, uint64_t blocks)
{
    return lba <= ns->blocks && blocks <= ns->blocks - lba;
}

static void written_through(BlockRequest *b, int ret)
{
    NVMeRequest *r = b->opaque;
    uint16_t status = io_status(r, ret);
    if (status)
        nvme_complete(r, status);
    else
        submit(r, BLOCK_FLUSH, 0, 0, io_done);
}

static void account(NVMeNamespace *ns, bool write, uint64_t bytes)
{
    *(write ? &ns->units_written : &ns->units_read) += bytes / 512;
    (*(write ? &ns->writes : &ns->reads))++;
}

static uint16_t read_write(NVMeRequest *r, bool write)
{
    NVMeNamespace *ns = r->ns;
    uint64_t lba = nvme_cqw(r, 10), blocks = (nvme_cdw(r, 12) & 0xffff) + 1ull, bytes = blocks << ns->block_shift;
    const NVMe *n = r->n;
    if (n->mdts && bytes > 1ull << (n->page_bits + n->mdts))
        return NVME_INVALID_FIELD | NVME_DNR;
    if (!range_ok(ns, lba, blocks))
        return NVME_LBA_RANGE | NVME_DNR;
    uint16_t status = nvme_map_data(r, bytes);
    if (status)
        return status;
    account(ns, write, bytes);
    r->blk.vec = (BlockVec){ r->data.iov, r->data.n, bytes };
    return submit(r, write ? BLOCK_WRITE : BLOCK_READ, lba << ns->block_shift, 0,
                  write && nvme_cdw(r, 12) & FUA ? written_through : io_done);
}

/* ---- Flush ---- */

static void flushed(BlockRequest *b, int ret);

/* The next namespace from step on, or completion. */
static uint16_t flush_next(NVMeRequest *r)
{
    while (r->step <= NVME_NAMESPACES_MAX) {
        r->ns = r->n->ns[r->step++];
        if (r->ns)
            return submit(r, BLOCK_FLUSH, 0, 0, flushed);
    }
    return NVME_SUCCESS;
}

static void flushed(BlockRequest *b, int ret)
{
    NVMeRequest *r = b->opaque;
    uint16_t status = io_status(r, ret);
    if (!status)
        status = flush_next(r);
    if (status != NVME_NO_COMPLETION)
        nvme_complete(r, status);
}

static uint16_t flush(NVMeRequest *r)
{
    if (nvme_cdw(r, NVME_NSID) != NSID_ALL)
        return submit(r, BLOCK_FLUSH, 0, 0, io_done);
    r->step = 1;
    return flush_next(r);
}

/* ---- Zeroes and discard ---- */

static uint16_t write_zeroes(NVMeRequest *r)
{
    const NVMeNamespace *ns = r->ns;
    uint64_t lba = nvme_cqw(r, 10), blocks = (nvme_cdw(r, 12) & 0xffff) + 1ull;
    if (!range_ok(ns, lba, blocks))
        return NVME_LBA_RANGE | NVME_DNR;
    r->blk.unmap = nvme_cdw(r, 12) & DEALLOCATE;
    return submit(r, BLOCK_WRITE_ZEROES, lba << ns->block_shift, blocks << ns->block_shift,
                  nvme_cdw(r, 12) & FUA ? written_through : io_done);
}

static void discarded(BlockRequest *b, int ret);

static uint16_t discard_next(NVMeRequest *r)
{
    const NVMeNamespace *ns = r->ns;
    while (r->step < r->steps) {
        const uint8_t *p = r->buffer + DSM_RANGE * r->step++;
        uint64_t blocks = get_le32(p + 4), lba = get_le64(p + 8);
        if (!range_ok(ns, lba, blocks))
            return NVME_LBA_RANGE | NVME_DNR;
        if (blocks)
            return submit(r, BLOCK_DISCARD, lba << ns->block_shift, blocks << ns->block_shift, discarded);
    }
    return NVME_SUCCESS;
}

static void discarded(BlockRequest *b, int ret)
{
    NVMeRequest *r = b->opaque;
    uint16_t status = io_status(r, ret);
    if (!status)
        status = discard_next(r);
    if (status != NVME_NO_COMPLETION)
        nvme_complete(r, status);
}

static uint16_t dataset_management(NVMeRequest *r)
{
    r->steps = (nvme_cdw(r, 10) & 0xff) + 1;
    r->step = 0;
    r->buffer = g_malloc(r->steps * DSM_RANGE);
    uint16_t status = nvme_from_guest(r, r->buffer, r->steps * DSM_RANGE);
    if (status || !(nvme_cdw(r, 11) & DSM_AD)) /* the rest are hints */
        return status;
    return discard_next(r);
}

/* ---- Dispatch ---- */

uint16_t nvme_io_command(NVMeRequest *r)
{
    uint32_t nsid = nvme_cdw(r, NVME_NSID);
    uint8_t op = r->cmd[0];
    r->ns = nsid && nsid <= NVME_NAMESPACES_MAX ? r->n->ns[nsid] : NULL;
    if (r->cmd[1] & 3) /* fused */
        return NVME_INVALID_FIELD | NVME_DNR;
    if (!r->ns && !(nsid == NSID_ALL && op == CMD_FLUSH))
        return nsid && nsid <= NVME_NAMESPACES_MAX ? NVME_INVALID_FIELD | NVME_DNR : NVME_INVALID_NSID | NVME_DNR;
    switch (op) {
    case CMD_FLUSH: return flush(r);
    case CMD_WRITE: return read_write(r, true);
    case CMD_READ: return read_write(r, false);
    case CMD_WRITE_ZEROES: return write_zeroes(r);
    case CMD_DSM: return dataset_management(r);
    default: return NVME_INVALID_OPCODE | NVME_DNR;
    }
}
