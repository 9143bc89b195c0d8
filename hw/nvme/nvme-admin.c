/* SPDX-License-Identifier: MIT */
/* Admin commands (NVM Express Base 1.4, 5): queues, identify, log pages, features, abort, asynchronous events. */
#include "hw/loader.h"
#include "nvme.h"
#include "util/log.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

enum {
    CMD_DELETE_SQ = 0x00, CMD_CREATE_SQ = 0x01, CMD_GET_LOG = 0x02, CMD_DELETE_CQ = 0x04, CMD_CREATE_CQ = 0x05, CMD_IDENTIFY = 0x06,
    CMD_ABORT = 0x08, CMD_SET_FEATURES = 0x09, CMD_GET_FEATURES = 0x0a, CMD_AER = 0x0c,
};
enum { QUEUE_CONTIGUOUS = 1, QUEUE_INTERRUPTS = 2 };
#define PAGE 4096u
#define NSID_ALL 0xffffffffu
#define TEMPERATURE 323u /* kelvin */

/* ---- Queues ---- */

static uint16_t create_cq(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint16_t qid = (uint16_t)nvme_cdw(r, 10), vector = (uint16_t)(nvme_cdw(r, 11) >> 16);
    uint32_t size = (nvme_cdw(r, 10) >> 16) + 1, flags = nvme_cdw(r, 11) & 0xffff;
    uint64_t addr = nvme_cqw(r, NVME_PRP1);
    if (!qid || qid > n->max_ioqpairs || n->cq[qid].exists)
        return NVME_INVALID_QID | NVME_DNR;
    if (size < 2 || size > NVME_ENTRIES_MAX)
        return NVME_INVALID_SIZE | NVME_DNR;
    if (addr & ((1u << n->page_bits) - 1) || !addr)
        return NVME_INVALID_PRP | NVME_DNR;
    if ((!pci_msix_enabled(&n->pci) && vector) || vector >= n->msix_qsize)
        return NVME_INVALID_VECTOR | NVME_DNR;
    if (!(flags & QUEUE_CONTIGUOUS))
        return NVME_INVALID_FIELD | NVME_DNR;
    n->cq[qid] = (NVMeCQ){ .exists = true, .interrupts = flags & QUEUE_INTERRUPTS, .phase = true, .id = qid, .vector = vector, .size = size,
                           .addr = addr, .waiting_tail = &n->cq[qid].waiting };
    return NVME_SUCCESS;
}

static uint16_t create_sq(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint16_t qid = (uint16_t)nvme_cdw(r, 10), cqid = (uint16_t)(nvme_cdw(r, 11) >> 16);
    uint32_t size = (nvme_cdw(r, 10) >> 16) + 1, flags = nvme_cdw(r, 11) & 0xffff;
    uint64_t addr = nvme_cqw(r, NVME_PRP1);
    if (!cqid || cqid > n->max_ioqpairs || !n->cq[cqid].exists)
        return NVME_INVALID_CQID | NVME_DNR;
    if (!qid || qid > n->max_ioqpairs || n->sq[qid].exists)
        return NVME_INVALID_QID | NVME_DNR;
    if (size < 2 || size > NVME_ENTRIES_MAX)
        return NVME_INVALID_SIZE | NVME_DNR;
    if (addr & ((1u << n->page_bits) - 1) || !addr)
        return NVME_INVALID_PRP | NVME_DNR;
    if (!(flags & QUEUE_CONTIGUOUS))
        return NVME_INVALID_FIELD | NVME_DNR;
    n->sq[qid] = (NVMeSQ){ .exists = true, .id = qid, .cqid = cqid, .size = size, .addr = addr };
    n->cq[cqid].users++;
    return NVME_SUCCESS;
}

/* What is under way on the queue completes first. */
static uint16_t delete_sq(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint16_t qid = (uint16_t)nvme_cdw(r, 10);
    if (!qid || qid > n->max_ioqpairs || !n->sq[qid].exists)
        return NVME_INVALID_QID | NVME_DNR;
    nvme_drain(n);
    n->cq[n->sq[qid].cqid].users--;
    n->sq[qid].exists = false;
    return NVME_SUCCESS;
}

static uint16_t delete_cq(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint16_t qid = (uint16_t)nvme_cdw(r, 10);
    if (!qid || qid > n->max_ioqpairs || !n->cq[qid].exists)
        return NVME_INVALID_QID | NVME_DNR;
    if (n->cq[qid].users)
        return NVME_INVALID_QUEUE_DELETION | NVME_DNR;
    while (n->cq[qid].waiting) { /* answers nobody will fetch */
        NVMeRequest *w = n->cq[qid].waiting;
        n->cq[qid].waiting = w->next;
        nvme_request_put(w);
    }
    n->cq[qid].exists = false;
    nvme_update_irq(n);
    return NVME_SUCCESS;
}

/* ---- Identify ---- */

static void put_text(uint8_t *p, const char *text, size_t len)
{
    size_t n = strlen(text);
    memset(p, ' ', len);
    memcpy(p, text, MIN(n, len));
}

static void identify_controller(const NVMe *n, uint8_t *b)
{
    put_le16(b, get_le16(n->pci.config));
    put_le16(b + 2, get_le16(n->pci.config + 0x2c));
    put_text(b + 4, n->serial, 20);
    put_text(b + 24, "QEMU NVMe Ctrl", 40); /* what guests know this family of devices by */
    put_text(b + 64, CONFIG_VERSION, 8);
    b[72] = 6;                         /* arbitration burst */
    b[73] = 0x00, b[74] = 0x54, b[75] = 0x52;
    b[77] = n->mdts;
    put_le32(b + 80, 0x00010400);      /* version 1.4 */
    put_le32(b + 92, 1u << 8);         /* tells of namespace changes */
    b[111] = 1;                        /* an I/O controller */
    b[258] = 3;                        /* four aborts at a time */
    b[259] = n->aerl;
    b[260] = 1 << 1 | 1;               /* one read-only slot of firmware */
    b[261] = 2 | 4;                    /* commands log, extended data */
    put_le16(b + 266, 343);
    put_le16(b + 268, 373);
    b[512] = 0x66;
    b[513] = 0x44;
    put_le32(b + 516, NVME_NAMESPACES_MAX);
    put_le16(b + 520, 4 | 8 | 0x40);   /* dataset management, write zeroes, timestamp */
    b[525] = 1 | 6;                    /* volatile write cache; flush of all namespaces */
    put_le32(b + 536, 1);              /* SGLs, of any alignment */
    g_snprintf((char *)b + 768, 256, "nqn.2019-08.org.qemu:%s", n->serial);
    put_le16(b + 2048, 0x9c4);
    put_le32(b + 2052, 0x10);
    put_le32(b + 2056, 0x4);
}

static uint16_t identify(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint8_t cns = (uint8_t)nvme_cdw(r, 10);
    uint32_t nsid = nvme_cdw(r, NVME_NSID);
    NVMeNamespace *ns = nsid && nsid <= NVME_NAMESPACES_MAX ? n->ns[nsid] : NULL;
    g_autofree uint8_t *b = g_malloc0(PAGE);
    bool bad_nsid = !nsid || nsid > NVME_NAMESPACES_MAX;
    switch (cns) {
    case 0:
        if (bad_nsid)
            return NVME_INVALID_NSID | NVME_DNR;
        if (ns)
            nvme_identify_namespace(ns, b);
        break;
    case 1: identify_controller(n, b); break;
    case 2:
        if (nsid >= NSID_ALL - 1)
            return NVME_INVALID_NSID | NVME_DNR;
        for (uint32_t i = nsid + 1, at = 0; i <= NVME_NAMESPACES_MAX && at < PAGE; i++) {
            if (n->ns[i]) {
                put_le32(b + at, i);
                at += 4;
            }
        }
        break;
    case 3:
        if (bad_nsid)
            return NVME_INVALID_NSID | NVME_DNR;
        if (!ns)
            return NVME_INVALID_FIELD | NVME_DNR;
        nvme_namespace_descriptors(ns, b);
        break;
    default: return NVME_INVALID_FIELD | NVME_DNR;
    }
    return nvme_to_guest(r, b, PAGE);
}

/* ---- Log pages ---- */

static void put_u128(uint8_t *p, uint64_t v)
{
    put_le32(p, (uint32_t)v);
    put_le32(p + 4, (uint32_t)(v >> 32));
}

static size_t smart_log(NVMe *n, uint32_t nsid, uint8_t *b)
{
    uint64_t units_read = 0, units_written = 0, reads = 0, writes = 0;
    for (uint32_t i = 1; i <= NVME_NAMESPACES_MAX; i++) {
        const NVMeNamespace *ns = nsid == NSID_ALL || nsid == 0 || nsid == i ? n->ns[i] : NULL;
        units_read += ns ? ns->units_read : 0;
        units_written += ns ? ns->units_written : 0;
        reads += ns ? ns->reads : 0;
        writes += ns ? ns->writes : 0;
    }
    b[0] = TEMPERATURE >= n->temperature_threshold ? 2 : 0;
    put_le16(b + 1, TEMPERATURE);
    b[3] = 100; /* spare */
    b[4] = 10;
    put_u128(b + 32, (units_read + 999) / 1000);
    put_u128(b + 48, (units_written + 999) / 1000);
    put_u128(b + 64, reads);
    put_u128(b + 80, writes);
    put_u128(b + 128, (uint64_t)(clock_ns(CLOCK_VIRTUAL) / NS_PER_SEC / 3600));
    return 512;
}

static size_t firmware_log(NVMe *n, uint32_t nsid, uint8_t *b)
{
    b[0] = 1;
    put_text(b + 8, CONFIG_VERSION, 8);
    return 512;
}

static size_t changed_namespaces(NVMe *n, uint32_t nsid, uint8_t *b)
{
    size_t at = 0;
    for (uint32_t i = 0; i < NVME_NAMESPACES_MAX; i++) {
        if (n->changed_ns[i / 32] >> i % 32 & 1) {
            put_le32(b + at, i + 1);
            at += 4;
        }
    }
    memset(n->changed_ns, 0, sizeof(n->changed_ns));
    return PAGE;
}

static size_t effects_log(NVMe *n, uint32_t nsid, uint8_t *b)
{
    static const uint8_t admin[] = { CMD_DELETE_SQ, CMD_CREATE_SQ, CMD_GET_LOG, CMD_DELETE_CQ, CMD_CREATE_CQ, CMD_IDENTIFY, CMD_ABORT,
                                     CMD_SET_FEATURES, CMD_GET_FEATURES, CMD_AER };
    for (unsigned i = 0; i < sizeof(admin); i++)
        put_le32(b + 4 * admin[i], 1);
    put_le32(b + 1024 + 4 * 0x00, 3); /* flush, write, write zeroes, dataset management change contents */
    put_le32(b + 1024 + 4 * 0x01, 3);
    put_le32(b + 1024 + 4 * 0x02, 1);
    put_le32(b + 1024 + 4 * 0x08, 3);
    put_le32(b + 1024 + 4 * 0x09, 3);
    return PAGE;
}

static size_t error_log(NVMe *n, uint32_t nsid, uint8_t *b)
{
    return 64; /* one entry, never used */
}

static const struct {
    uint8_t id, clears; /* the event that reading it acknowledges */
    size_t (*fill)(NVMe *n, uint32_t nsid, uint8_t *b);
} logs[] = {
    { 0x01, NVME_EVENT_ERROR, error_log }, { 0x02, 0, smart_log }, { 0x03, 0, firmware_log }, { 0x04, NVME_EVENT_NAMESPACE, changed_namespaces },
    { 0x05, 0, effects_log },
};

static uint16_t get_log(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint8_t id = (uint8_t)nvme_cdw(r, 10), b[PAGE] = { 0 };
    uint64_t len = ((nvme_cdw(r, 10) >> 16 | (uint64_t)(nvme_cdw(r, 11) & 0xffff) << 16) + 1) * 4, offset = nvme_cqw(r, 12);
    bool retain = nvme_cdw(r, 10) & 1u << 15;
    for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
        if (logs[i].id != id)
            continue;
        size_t size = logs[i].fill(n, nvme_cdw(r, NVME_NSID), b);
        if (offset & 3 || offset >= size)
            return NVME_INVALID_FIELD | NVME_DNR;
        if (!retain && logs[i].clears) {
            n->event_masked &= (uint8_t)~logs[i].clears;
            nvme_send_events(n);
        }
        return nvme_to_guest(r, b + offset, MIN(len, size - offset));
    }
    return NVME_INVALID_LOG_PAGE | NVME_DNR;
}

/* ---- Features ---- */

enum {
    FEAT_ARBITRATION = 0x01, FEAT_POWER = 0x02, FEAT_TEMPERATURE = 0x04, FEAT_ERROR_RECOVERY = 0x05, FEAT_WRITE_CACHE = 0x06,
    FEAT_QUEUES = 0x07, FEAT_COALESCING = 0x08, FEAT_VECTOR = 0x09, FEAT_ATOMICITY = 0x0a, FEAT_ASYNC = 0x0b, FEAT_TIMESTAMP = 0x0e,
};

static const struct {
    uint8_t id;
    bool changeable;
    uint32_t def;
} features[] = {
    { FEAT_ARBITRATION, false, 7 }, { FEAT_POWER, false, 0 }, { FEAT_TEMPERATURE, true, 343 }, { FEAT_ERROR_RECOVERY, true, 0 },
    { FEAT_WRITE_CACHE, true, 1 }, { FEAT_QUEUES, true, 0 }, { FEAT_COALESCING, false, 0 }, { FEAT_VECTOR, false, 0 },
    { FEAT_ATOMICITY, false, 0 }, { FEAT_ASYNC, true, 0 }, { FEAT_TIMESTAMP, true, 0 },
};

static int find_feature(uint8_t id)
{
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        if (features[i].id == id)
            return (int)i;
    }
    return -1;
}

static uint64_t timestamp_now(const NVMe *n)
{
    return n->timestamp + ((uint64_t)clock_ns(CLOCK_VIRTUAL) - n->timestamp_set_at) / 1000000;
}

static uint32_t write_cache(const NVMe *n)
{
    for (uint32_t i = 1; i <= NVME_NAMESPACES_MAX; i++) {
        if (n->ns[i] && blk_write_cache(n->ns[i]->conf.blk))
            return 1;
    }
    return 0;
}

static uint16_t get_timestamp(NVMeRequest *r)
{
    uint8_t b[8] = { 0 };
    uint64_t now = timestamp_now(r->n) & 0xffffffffffffull;
    put_le32(b, (uint32_t)now);
    put_le16(b + 4, (uint16_t)(now >> 32));
    b[6] = r->n->timestamp ? 2 : 0; /* set by the host */
    return nvme_to_guest(r, b, sizeof(b));
}

static uint16_t get_features(NVMeRequest *r)
{
    const NVMe *n = r->n;
    uint8_t id = (uint8_t)nvme_cdw(r, 10), select = nvme_cdw(r, 10) >> 8 & 7;
    int i = find_feature(id);
    if (i < 0 || select > 3)
        return NVME_INVALID_FIELD | NVME_DNR;
    r->result = features[i].def;
    if (select == 3) { /* capabilities */
        r->result = features[i].changeable ? 4 : 0;
        return NVME_SUCCESS;
    }
    if (id == FEAT_QUEUES)
        r->result = (n->max_ioqpairs - 1) | (n->max_ioqpairs - 1) << 16;
    if (id == FEAT_VECTOR) {
        uint32_t vector = nvme_cdw(r, 11) & 0xffff;
        if (vector >= n->msix_qsize)
            return NVME_INVALID_FIELD | NVME_DNR;
        r->result = vector | (vector == 0 ? 1u << 16 : 0);
    }
    if (select)
        return NVME_SUCCESS;
    switch (id) {
    case FEAT_TEMPERATURE:
        r->result = nvme_cdw(r, 11) >> 16 & 0xf || nvme_cdw(r, 11) >> 20 & 3 ? 0 : n->temperature_threshold;
        return NVME_SUCCESS;
    case FEAT_ERROR_RECOVERY: r->result = n->error_recovery; return NVME_SUCCESS;
    case FEAT_WRITE_CACHE: r->result = write_cache(n); return NVME_SUCCESS;
    case FEAT_ASYNC: r->result = n->async_config; return NVME_SUCCESS;
    case FEAT_TIMESTAMP: return get_timestamp(r);
    default: return NVME_SUCCESS;
    }
}

static uint16_t set_write_cache(NVMe *n, bool on)
{
    for (uint32_t i = 1; i <= NVME_NAMESPACES_MAX; i++) {
        if (!n->ns[i])
            continue;
        blk_set_write_cache(n->ns[i]->conf.blk, on);
        if (!on && blk_root(n->ns[i]->conf.blk) && block_flush(blk_root(n->ns[i]->conf.blk)) < 0)
            return NVME_WRITE_FAULT;
    }
    return NVME_SUCCESS;
}

static uint16_t set_timestamp(NVMeRequest *r)
{
    uint8_t b[8];
    uint16_t status = nvme_from_guest(r, b, sizeof(b));
    if (!status) {
        r->n->timestamp = get_le64(b) & 0xffffffffffffull;
        r->n->timestamp_set_at = (uint64_t)clock_ns(CLOCK_VIRTUAL);
    }
    return status;
}

static uint16_t set_features(NVMeRequest *r)
{
    NVMe *n = r->n;
    uint32_t v = nvme_cdw(r, 11);
    uint8_t id = (uint8_t)nvme_cdw(r, 10);
    int i = find_feature(id);
    if (i < 0)
        return NVME_INVALID_FIELD | NVME_DNR;
    if (nvme_cdw(r, 10) >> 31)
        return NVME_FEATURE_NOT_SAVEABLE | NVME_DNR;
    if (!features[i].changeable)
        return NVME_FEATURE_NOT_CHANGEABLE | NVME_DNR;
    switch (id) {
    case FEAT_TEMPERATURE:
        if (!(v >> 16 & 0xf) && !(v >> 20 & 3))
            n->temperature_threshold = v & 0xffff;
        return NVME_SUCCESS;
    case FEAT_ERROR_RECOVERY: n->error_recovery = v; return NVME_SUCCESS;
    case FEAT_WRITE_CACHE: return set_write_cache(n, v & 1);
    case FEAT_QUEUES:
        if ((v & 0xffff) == 0xffff || v >> 16 == 0xffff)
            return NVME_INVALID_FIELD | NVME_DNR;
        r->result = (n->max_ioqpairs - 1) | (n->max_ioqpairs - 1) << 16;
        return NVME_SUCCESS;
    case FEAT_ASYNC:
        n->async_config = v;
        nvme_send_events(n);
        return NVME_SUCCESS;
    default: return set_timestamp(r);
    }
}

/* ---- Abort, events, dispatch ---- */

/* Commands are with the disk at once: none can be called back. */
static uint16_t abort_command(NVMeRequest *r)
{
    uint16_t sqid = (uint16_t)nvme_cdw(r, 10);
    r->result = 1;
    return sqid > r->n->max_ioqpairs || !r->n->sq[sqid].exists ? NVME_INVALID_FIELD | NVME_DNR : NVME_SUCCESS;
}

static uint16_t event_request(NVMeRequest *r)
{
    NVMe *n = r->n;
    if (n->aer_count > n->aerl)
        return NVME_AER_LIMIT | NVME_DNR;
    n->aer_cids[n->aer_count++] = r->cid;
    nvme_request_put(r); /* answered from the number alone */
    nvme_send_events(n);
    return NVME_NO_COMPLETION;
}

uint16_t nvme_admin_command(NVMeRequest *r)
{
    static const struct {
        uint8_t op;
        uint16_t (*run)(NVMeRequest *r);
    } table[] = {
        { CMD_DELETE_SQ, delete_sq }, { CMD_CREATE_SQ, create_sq }, { CMD_GET_LOG, get_log }, { CMD_DELETE_CQ, delete_cq },
        { CMD_CREATE_CQ, create_cq }, { CMD_IDENTIFY, identify }, { CMD_ABORT, abort_command }, { CMD_SET_FEATURES, set_features },
        { CMD_GET_FEATURES, get_features }, { CMD_AER, event_request },
    };
    if (r->cmd[1] & 3 || r->cmd[1] >> 6)
        return NVME_INVALID_FIELD | NVME_DNR;
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].op == r->cmd[0])
            return table[i].run(r);
    }
    return NVME_INVALID_OPCODE | NVME_DNR;
}
