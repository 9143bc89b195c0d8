/* SPDX-License-Identifier: MIT */
/* State of an NVMe controller (NVM Express Base 1.4), shared by its files. Machine lock. */
#ifndef RHEA_HW_NVME_H
#define RHEA_HW_NVME_H

#include "hw/block-conf.h"
#include "hw/dma-vec.h"
#include "hw/pci.h"

#define NVME_NAMESPACES_MAX 256
#define NVME_QUEUES_MAX 128      /* pairs, with the admin queues */
#define NVME_ENTRIES_MAX 2048
#define NVME_AERS_MAX 256
#define NVME_SQE 64u
#define NVME_CQE 16u

enum { /* status: type << 8 | code */
    NVME_SUCCESS = 0x000, NVME_INVALID_OPCODE = 0x001, NVME_INVALID_FIELD = 0x002, NVME_DATA_ERROR = 0x004, NVME_INTERNAL_ERROR = 0x006,
    NVME_ABORTED_SQ = 0x008, NVME_INVALID_NSID = 0x00b, NVME_INVALID_SGL_SEGMENT = 0x00d, NVME_INVALID_SGL_COUNT = 0x00e,
    NVME_INVALID_SGL_LENGTH = 0x00f, NVME_INVALID_SGL_TYPE = 0x011, NVME_INVALID_PRP = 0x013, NVME_LBA_RANGE = 0x080,
    NVME_CAPACITY = 0x081, NVME_INVALID_CQID = 0x100, NVME_INVALID_QID = 0x101, NVME_INVALID_SIZE = 0x102, NVME_AER_LIMIT = 0x105,
    NVME_INVALID_VECTOR = 0x108, NVME_INVALID_LOG_PAGE = 0x109, NVME_INVALID_QUEUE_DELETION = 0x10c, NVME_FEATURE_NOT_SAVEABLE = 0x10d,
    NVME_FEATURE_NOT_CHANGEABLE = 0x10e, NVME_FEATURE_NOT_PER_NS = 0x10f, NVME_WRITE_FAULT = 0x280, NVME_READ_FAULT = 0x281,
    NVME_READ_ONLY = 0x182, NVME_DNR = 0x4000,
    NVME_NO_COMPLETION = 0xffff, /* of ours: the command goes on */
};

typedef struct NVMe NVMe;
typedef struct NVMeNamespace NVMeNamespace;

typedef struct NVMeSQ {
    bool exists;
    uint16_t id, cqid, head, tail;
    uint32_t size;
    uint32_t busy;         /* commands fetched and not yet answered: at most size */
    uint64_t addr;
} NVMeSQ;

typedef struct NVMeRequest {
    NVMe *n;
    NVMeNamespace *ns;
    uint8_t cmd[NVME_SQE];
    uint16_t sqid, cid, status;
    bool fetched;          /* from its queue, not made here */
    uint32_t result;
    DMAVec data;           /* the guest's memory for it; its room is kept for reuse */
    BlockRequest blk;
    uint8_t *buffer;       /* ranges of DSM */
    uint32_t step, steps;
    struct NVMeRequest *next; /* free, or waiting for room in the completion queue */
} NVMeRequest;

typedef struct NVMeCQ {
    bool exists, interrupts, phase;
    uint16_t id, vector, head, tail;
    uint32_t size, users;  /* users: submission queues that complete here */
    uint64_t addr;
    NVMeRequest *waiting, **waiting_tail;
} NVMeCQ;

struct NVMeNamespace {
    Device dev;
    NVMe *n;
    BlockConf conf;
    uint32_t nsid;
    char *uuid_text;
    uint8_t uuid[16];
    uint64_t eui64;
    bool detached, shared, eui64_default;
    unsigned block_shift;
    uint64_t blocks;
    uint64_t units_read, units_written, reads, writes; /* units: 512 bytes */
};

struct NVMe {
    PCIDevice pci;
    MemoryRegion mmio;
    Bus bus;
    /* properties */
    NVMeNamespace own;     /* the namespace of drive= */
    BlockConf conf;
    char *serial;
    uint32_t max_ioqpairs, num_queues, aer_max_queued, cmb_size_mb;
    uint16_t msix_qsize;
    uint8_t mdts, vsl, aerl;
    bool use_intel_id, ioeventfd, msix_exclusive_bar;
    /* registers */
    uint32_t cc, csts, aqa, intms;
    uint64_t asq, acq;
    unsigned page_bits;
    NVMeSQ sq[NVME_QUEUES_MAX];
    NVMeCQ cq[NVME_QUEUES_MAX];
    NVMeNamespace *ns[NVME_NAMESPACES_MAX + 1];
    /* features */
    uint32_t temperature_threshold, error_recovery, async_config;
    uint64_t timestamp, timestamp_set_at;
    /* asynchronous events */
    uint16_t aer_cids[NVME_AERS_MAX], aer_count;
    uint8_t event_pending;     /* bits: namespaces changed, error */
    uint8_t event_masked;      /* until the log page was read */
    uint32_t error_info;
    uint32_t changed_ns[NVME_NAMESPACES_MAX / 32];
    NVMeRequest *free;
    bool resetting;
    bool fetching, stalled; /* in process(); a queue has room again meanwhile */
};

enum { NVME_EVENT_NAMESPACE = 1, NVME_EVENT_ERROR = 2 };

/* nvme-dma.c: the data of a command as host memory, from its PRPs or SGLs. Status. */
uint16_t nvme_map_data(NVMeRequest *r, uint64_t len);
/* Copies an answer to the guest, or a parameter list from it: len bytes at most. */
uint16_t nvme_to_guest(NVMeRequest *r, const void *buf, uint64_t len);
uint16_t nvme_from_guest(NVMeRequest *r, void *buf, uint64_t len);
void nvme_data_written(NVMeRequest *r);
/* nvme-admin.c, nvme-io.c: run a command; status, or NVME_NO_COMPLETION when nvme_complete comes later. */
uint16_t nvme_admin_command(NVMeRequest *r);
uint16_t nvme_io_command(NVMeRequest *r);
/* nvme-ns.c */
bool nvme_namespace_attach(NVMe *n, NVMeNamespace *ns, Device *dev, Error **errp);
void nvme_namespace_detach(NVMeNamespace *ns, Device *dev);
void nvme_identify_namespace(const NVMeNamespace *ns, uint8_t *b);
size_t nvme_namespace_descriptors(const NVMeNamespace *ns, uint8_t *b);
/* nvme.c */
void nvme_complete(NVMeRequest *r, uint16_t status);
void nvme_request_put(NVMeRequest *r);
void nvme_drain(NVMe *n);
void nvme_raise_event(NVMe *n, uint8_t event, uint32_t info);
void nvme_send_events(NVMe *n);
void nvme_update_irq(NVMe *n);
extern const SavedField nvme_saved[];

static inline uint32_t nvme_cdw(const NVMeRequest *r, unsigned n)
{
    const uint8_t *p = r->cmd + 4 * n;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t nvme_cqw(const NVMeRequest *r, unsigned n)
{
    return nvme_cdw(r, n) | (uint64_t)nvme_cdw(r, n + 1) << 32;
}
enum { NVME_NSID = 1, NVME_PRP1 = 6, NVME_PRP2 = 8 }; /* dwords of a command */

#endif
