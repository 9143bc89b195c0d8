/* SPDX-License-Identifier: MIT */
/*
 * NVMe controller (NVM Express Base 1.4): registers and doorbells in BAR 0, MSI-X in BAR 4, the life of a command from submission to
 * completion queue, interrupts, asynchronous events, reset. Commands are in nvme-admin.c and nvme-io.c, namespaces in nvme-ns.c.
 * Not modelled: controller memory buffer, persistent memory region, subsystems, virtualization, shadow doorbells, fused commands.
 */
#include "hw/loader.h"
#include "nvme.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { CAP = 0x00, VS = 0x08, INTMS = 0x0c, INTMC = 0x10, CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30, DOORBELLS = 0x1000 };
enum { CC_EN = 1, CC_SHN = 3 << 14, CSTS_RDY = 1, CSTS_CFS = 2, CSTS_SHST = 3 << 2, CSTS_SHST_COMPLETE = 2 << 2 };
enum { REGION_SIZE = 0x4000, MSIX_BAR = 4, VERSION_1_4 = 0x00010400 };
enum { MPS_MAX = 4, SQES = 6, CQES = 4 };
enum { AER_ERROR = 0, AER_NOTICE = 2, AER_BAD_DOORBELL = 0, AER_BAD_VALUE = 1, AER_NS_CHANGED = 0, LOG_ERROR = 1, LOG_CHANGED_NS = 4 };
enum { ASYNC_NS_NOTICES = 1 << 8 };

static bool dma_on(const NVMe *n)
{
    return n->pci.config[4] & 4;
}

/* ---- Interrupts ---- */

void nvme_update_irq(NVMe *n)
{
    bool level = false;
    if (!pci_msix_enabled(&n->pci)) {
        for (unsigned i = 0; i <= n->max_ioqpairs && !level; i++) {
            const NVMeCQ *q = &n->cq[i];
            level = q->exists && q->interrupts && q->head != q->tail && !(n->intms & 1);
        }
    }
    pci_set_irq(&n->pci, level);
}

static void interrupt(NVMe *n, const NVMeCQ *q)
{
    if (!q->interrupts)
        return;
    if (pci_msix_enabled(&n->pci))
        pci_msi_send(&n->pci, q->vector);
    else
        nvme_update_irq(n);
}

/* ---- Completion ---- */

static NVMeRequest *request_get(NVMe *n)
{
    NVMeRequest *r = n->free;
    if (r)
        n->free = r->next;
    else
        r = g_new0(NVMeRequest, 1);
    r->n = n;
    r->ns = NULL;
    r->result = 0;
    r->sqid = 0;
    r->fetched = false;
    r->next = NULL;
    return r;
}

void nvme_request_put(NVMeRequest *r)
{
    NVMeSQ *sq = &r->n->sq[r->sqid];
    if (r->fetched && sq->busy)
        sq->busy--;
    g_free(r->buffer);
    r->buffer = NULL;
    r->next = r->n->free;
    r->n->free = r;
}

static void process(NVMe *n, NVMeSQ *q);

/* The request has been answered: its queue may go on when it was at its limit. */
static void request_answered(NVMeRequest *r)
{
    NVMe *n = r->n;
    NVMeSQ *q = &n->sq[r->sqid];
    bool full = q->busy >= q->size;
    nvme_request_put(r);
    if (full)
        process(n, q);
}

static bool cq_full(const NVMeCQ *q)
{
    return (q->tail + 1u) % q->size == q->head;
}

static void post(NVMe *n, NVMeCQ *q, const NVMeRequest *r)
{
    uint8_t e[NVME_CQE] = { 0 };
    put_le32(e, r->result);
    put_le16(e + 8, n->sq[r->sqid].head);
    put_le16(e + 10, r->sqid);
    put_le16(e + 12, r->cid);
    put_le16(e + 14, (uint16_t)(r->status << 1 | q->phase));
    uint64_t at = q->addr + (uint64_t)q->tail * NVME_CQE;
    uint8_t *p = at & 3 ? NULL : address_space_map_ram(n->pci.bus->dma, at, NVME_CQE, true);
    if (p) { /* the phase bit last */
        memcpy(p, e, 12);
        uint32_t last;
        memcpy(&last, e + 12, 4);
        __atomic_store_n((uint32_t *)(void *)(p + 12), last, __ATOMIC_RELEASE);
        ram_host_written(p, NVME_CQE);
    } else {
        guest_error("nvme: completion queue %u is not in memory\n", q->id);
        n->csts |= CSTS_CFS;
    }
    q->tail = (uint16_t)((q->tail + 1u) % q->size);
    if (!q->tail)
        q->phase = !q->phase;
}

/* Requests that wait for room in the queue. */
static void post_waiting(NVMe *n, NVMeCQ *q)
{
    bool any = false;
    while (q->waiting && !cq_full(q)) {
        NVMeRequest *r = q->waiting;
        q->waiting = r->next;
        if (!q->waiting)
            q->waiting_tail = &q->waiting;
        post(n, q, r);
        request_answered(r);
        any = true;
    }
    if (any)
        interrupt(n, q);
}

void nvme_complete(NVMeRequest *r, uint16_t status)
{
    NVMe *n = r->n;
    NVMeCQ *q = &n->cq[n->sq[r->sqid].cqid];
    r->status = status;
    if (n->resetting || !n->sq[r->sqid].exists || !q->exists) {
        nvme_request_put(r);
        return;
    }
    if (q->waiting || cq_full(q)) {
        r->next = NULL;
        *q->waiting_tail = r;
        q->waiting_tail = &r->next;
        return;
    }
    post(n, q, r);
    request_answered(r);
    interrupt(n, q);
}

/* ---- Asynchronous events ---- */

void nvme_send_events(NVMe *n)
{
    static const struct { uint8_t event, type, info, log; } kinds[] = {
        { NVME_EVENT_NAMESPACE, AER_NOTICE, AER_NS_CHANGED, LOG_CHANGED_NS }, { NVME_EVENT_ERROR, AER_ERROR, 0, LOG_ERROR },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(kinds) && n->csts & CSTS_RDY; i++) {
        if (!(n->event_pending & ~n->event_masked & kinds[i].event) || !n->aer_count)
            continue;
        if (kinds[i].event == NVME_EVENT_NAMESPACE && !(n->async_config & ASYNC_NS_NOTICES))
            continue;
        NVMeRequest *r = request_get(n);
        uint32_t info = kinds[i].event == NVME_EVENT_ERROR ? n->error_info : kinds[i].info;
        r->sqid = 0;
        r->cid = n->aer_cids[--n->aer_count];
        r->result = kinds[i].type | info << 8 | (uint32_t)kinds[i].log << 16;
        n->event_pending &= (uint8_t)~kinds[i].event;
        n->event_masked |= kinds[i].event;
        nvme_complete(r, NVME_SUCCESS);
    }
}

void nvme_raise_event(NVMe *n, uint8_t event, uint32_t info)
{
    n->event_pending |= event;
    if (event == NVME_EVENT_ERROR)
        n->error_info = info;
    nvme_send_events(n);
}

/* ---- Submission ---- */

static bool fetch(NVMe *n, NVMeSQ *q, NVMeRequest *r)
{
    uint64_t at = q->addr + (uint64_t)q->head * NVME_SQE;
    const void *p = address_space_map_ram(n->pci.bus->dma, at, NVME_SQE, false);
    if (!p) {
        guest_error("nvme: submission queue %u is not in memory\n", q->id);
        n->csts |= CSTS_CFS;
        return false;
    }
    memcpy(r->cmd, p, NVME_SQE);
    q->head = (uint16_t)((q->head + 1u) % q->size);
    q->busy++;
    r->fetched = true;
    r->sqid = q->id;
    r->cid = get_le16(r->cmd + 2);
    return true;
}

/*
 * As many commands are under way as the queue is long: a driver that reads no answers, or is faster than the disk, waits, and does not
 * fill the host's memory with requests.
 */
static void serve(NVMe *n, NVMeSQ *q)
{
    while (q->exists && q->head != q->tail && q->busy < q->size && n->csts & CSTS_RDY && !(n->csts & CSTS_CFS)) {
        NVMeRequest *r = request_get(n);
        if (!fetch(n, q, r)) {
            nvme_request_put(r);
            return;
        }
        uint16_t status = q->id ? nvme_io_command(r) : nvme_admin_command(r);
        if (status != NVME_NO_COMPLETION)
            nvme_complete(r, status);
    }
}

static void process(NVMe *n, NVMeSQ *q)
{
    n->stalled |= n->fetching;
    if (n->fetching)
        return;
    n->fetching = true;
    serve(n, q);
    while (n->stalled) {
        n->stalled = false;
        for (unsigned i = 0; i <= n->max_ioqpairs; i++)
            serve(n, &n->sq[i]);
    }
    n->fetching = false;
}

static void bad_doorbell(NVMe *n, uint32_t info, const char *what)
{
    guest_error("nvme: %s\n", what);
    nvme_raise_event(n, NVME_EVENT_ERROR, info);
}

static void doorbell(NVMe *n, hwaddr offset, uint32_t value)
{
    uint32_t index = (uint32_t)(offset / 4), qid = index / 2;
    if (!(n->csts & CSTS_RDY) || !dma_on(n))
        return;
    if (offset & 3 || qid > n->max_ioqpairs || !(index & 1 ? n->cq[qid].exists : n->sq[qid].exists)) {
        bad_doorbell(n, AER_BAD_DOORBELL, "doorbell of a queue that does not exist");
    } else if (index & 1) {
        NVMeCQ *q = &n->cq[qid];
        uint32_t used = (q->tail + q->size - q->head) % q->size, taken = (value + q->size - q->head) % q->size;
        if (value >= q->size || taken > used) {
            bad_doorbell(n, AER_BAD_VALUE, "completion doorbell out of range");
            return;
        }
        q->head = (uint16_t)value;
        post_waiting(n, q);
        for (unsigned i = 0; i <= n->max_ioqpairs; i++) { /* a loaded state may hold commands that nobody has fetched */
            if (n->sq[i].cqid == qid && n->sq[i].head != n->sq[i].tail)
                process(n, &n->sq[i]);
        }
        nvme_update_irq(n);
    } else if (value >= n->sq[qid].size) {
        bad_doorbell(n, AER_BAD_VALUE, "submission doorbell out of range");
    } else {
        n->sq[qid].tail = (uint16_t)value;
        process(n, &n->sq[qid]);
    }
}

/* ---- Controller state ---- */

void nvme_drain(NVMe *n)
{
    for (uint32_t i = 1; i <= NVME_NAMESPACES_MAX; i++) {
        if (n->ns[i])
            blk_cancel(n->ns[i]->conf.blk);
    }
}

static void controller_reset(NVMe *n)
{
    n->resetting = true;
    nvme_drain(n);
    n->resetting = false;
    for (unsigned i = 0; i < NVME_QUEUES_MAX; i++) {
        while (n->cq[i].waiting) {
            NVMeRequest *r = n->cq[i].waiting;
            n->cq[i].waiting = r->next;
            nvme_request_put(r);
        }
        n->cq[i].exists = n->sq[i].exists = false;
    }
    n->aer_count = 0;
    n->event_pending = n->event_masked = 0;
    n->async_config = 0;
    n->temperature_threshold = 343;
    n->csts = 0;
    n->intms = 0;
    nvme_update_irq(n);
}

static bool settings_ok(const NVMe *n)
{
    uint32_t mps = n->cc >> 7 & 0xf, page_mask = (1u << (12 + mps)) - 1;
    return mps <= MPS_MAX && !(n->cc >> 4 & 7) && !(n->asq & page_mask) && !(n->acq & page_mask) && n->asq && n->acq &&
           (n->aqa & 0xfff) && (n->aqa >> 16 & 0xfff);
}

static void controller_start(NVMe *n)
{
    if (!settings_ok(n)) {
        guest_error("nvme: enabled with settings that cannot work\n");
        n->csts = CSTS_CFS;
        return;
    }
    n->page_bits = 12 + (n->cc >> 7 & 0xf);
    n->sq[0] = (NVMeSQ){ .exists = true, .size = (n->aqa & 0xfff) + 1, .addr = n->asq };
    n->cq[0] = (NVMeCQ){ .exists = true, .interrupts = true, .phase = true, .size = (n->aqa >> 16 & 0xfff) + 1, .addr = n->acq, .users = 1,
                         .waiting_tail = &n->cq[0].waiting };
    n->csts = CSTS_RDY;
}

static void shut_down(NVMe *n)
{
    nvme_drain(n);
    for (uint32_t i = 1; i <= NVME_NAMESPACES_MAX; i++) {
        if (n->ns[i] && blk_root(n->ns[i]->conf.blk))
            block_flush(blk_root(n->ns[i]->conf.blk));
    }
    n->csts = (n->csts & ~(uint32_t)CSTS_SHST) | CSTS_SHST_COMPLETE;
}

static void write_cc(NVMe *n, uint32_t value)
{
    uint32_t was = n->cc;
    n->cc = value & 0x00fffff1;
    if (!(value & CC_EN) && was & CC_EN)
        controller_reset(n);
    else if (value & CC_EN && !(was & CC_EN))
        controller_start(n);
    if (value & CC_SHN && !(was & CC_SHN))
        shut_down(n);
    else if (!(value & CC_SHN))
        n->csts &= ~(uint32_t)CSTS_SHST;
}

/* ---- Registers ---- */

static uint64_t capabilities(void)
{
    return (NVME_ENTRIES_MAX - 1) | 1ull << 16 /* contiguous queues */ | 0xfull << 24 /* 7.5 s */ | 1ull << 37 /* NVM commands */ |
           (uint64_t)MPS_MAX << 52;
}

static uint32_t read_word(const NVMe *n, hwaddr offset)
{
    switch (offset) {
    case CAP: return (uint32_t)capabilities();
    case CAP + 4: return (uint32_t)(capabilities() >> 32);
    case VS: return VERSION_1_4;
    case INTMS: case INTMC: return n->intms;
    case CC: return n->cc;
    case CSTS: return n->csts;
    case AQA: return n->aqa;
    case ASQ: return (uint32_t)n->asq;
    case ASQ + 4: return (uint32_t)(n->asq >> 32);
    case ACQ: return (uint32_t)n->acq;
    case ACQ + 4: return (uint32_t)(n->acq >> 32);
    default: return 0;
    }
}

static uint64_t mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    return read_word(opaque, offset & ~3ull) >> 8 * (offset & 3);
}

static void set_address(uint64_t *addr, unsigned half, uint32_t value)
{
    *addr = deposit64(*addr, half ? 32 : 0, 32, value) & ~0xfffull;
}

static void mmio_write(void *opaque, hwaddr offset, uint64_t value64, unsigned size)
{
    NVMe *n = opaque;
    uint32_t value = (uint32_t)value64;
    if (offset >= DOORBELLS) {
        doorbell(n, offset - DOORBELLS, value);
        return;
    }
    if (size != 4 || offset & 3) {
        guest_error("nvme: write of %u bytes at 0x%x\n", size, (unsigned)offset);
        return;
    }
    switch (offset) {
    case INTMS: case INTMC:
        if (pci_msix_enabled(&n->pci))
            guest_error("nvme: interrupt mask written while MSI-X is in use\n");
        else
            n->intms = offset == INTMS ? n->intms | value : n->intms & ~value;
        nvme_update_irq(n);
        break;
    case CC: write_cc(n, value); break;
    case AQA: n->aqa = value & 0x0fff0fff; break;
    case ASQ: case ASQ + 4: set_address(&n->asq, offset & 4, value); break;
    case ACQ: case ACQ + 4: set_address(&n->acq, offset & 4, value); break;
    default: guest_error("nvme: write at 0x%x\n", (unsigned)offset); break;
    }
}

static const MemoryRegionOps mmio_ops = {
    .read = mmio_read, .write = mmio_write, .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 4,
};

static void config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    if (pci->msix_cap && addr < pci->msix_cap + 4u && addr + size > pci->msix_cap)
        nvme_update_irq((NVMe *)pci);
}

/* ---- Device ---- */

static bool check_options(NVMe *n, Error **errp)
{
    if (n->num_queues)
        n->max_ioqpairs = n->num_queues - 1;
    if (!n->max_ioqpairs || n->max_ioqpairs >= NVME_QUEUES_MAX) {
        error_setg(errp, "max_ioqpairs must be between 1 and %d", NVME_QUEUES_MAX - 1);
        return false;
    }
    if (!n->msix_qsize || n->msix_qsize > 2048) {
        error_setg(errp, "msix_qsize must be between 1 and 2048");
        return false;
    }
    if (!n->serial) {
        error_setg(errp, "serial property not set");
        return false;
    }
    if (n->cmb_size_mb) {
        error_setg(errp, "cmb_size_mb: there is no controller memory buffer");
        return false;
    }
    if (n->mdts > 16) {
        error_setg(errp, "mdts must be between 0 and 16");
        return false;
    }
    return true;
}

static void identify_function(NVMe *n)
{
    uint16_t vendor = n->use_intel_id ? 0x8086 : 0x1b36, device = n->use_intel_id ? 0x5845 : 0x0010;
    put_le16(n->pci.config, vendor);
    put_le16(n->pci.config + 2, device);
    n->pci.config[8] = 2; /* revision */
}

static bool nvme_realize(Device *dev, Error **errp)
{
    NVMe *n = (NVMe *)dev;
    if (!check_options(n, errp))
        return false;
    if (!pci_msix_init(&n->pci, n->msix_qsize, MSIX_BAR) || !pci_express_endpoint_init(&n->pci)) {
        error_setg(errp, "no room for MSI-X");
        return false;
    }
    n->page_bits = 12;
    if (n->conf.blk) {
        n->own.conf = n->conf;
        n->own.nsid = 1;
        if (!nvme_namespace_attach(n, &n->own, dev, errp))
            return false;
    }
    memory_region_init_io(&n->mmio, dev, &mmio_ops, n, "nvme", REGION_SIZE);
    device_add_region(dev, &n->mmio);
    pci_register_bar(&n->pci, 0, PCI_BAR_MEM | PCI_BAR_64, &n->mmio);
    g_autofree char *name = dev->id ? g_strdup(dev->id) : g_strdup("nvme-bus.0");
    bus_init(&n->bus, BUS_NVME, name, dev);
    n->pci.config_write = config_write;
    identify_function(n);
    controller_reset(n);
    return true;
}

static void nvme_unrealize(Device *dev)
{
    NVMe *n = (NVMe *)dev;
    controller_reset(n);
    nvme_namespace_detach(&n->own, dev);
    for (NVMeRequest *r = n->free, *next; r; r = next) {
        next = r->next;
        dma_vec_free(&r->data);
        g_free(r->buffer);
        g_free(r);
    }
}

static void nvme_reset(Device *dev)
{
    NVMe *n = (NVMe *)dev;
    controller_reset(n);
    n->cc = 0;
    n->aqa = 0;
    n->asq = n->acq = 0;
    n->timestamp = 0;
    n->error_recovery = 0;
}

static const SavedField sq_saved[] = {
    SAVED_INT(NVMeSQ, exists), SAVED_INT(NVMeSQ, cqid), SAVED_INT(NVMeSQ, head), SAVED_INT(NVMeSQ, tail), SAVED_INT(NVMeSQ, size),
    SAVED_INT(NVMeSQ, addr), SAVED_END(),
};
static const SavedField cq_saved[] = {
    SAVED_INT(NVMeCQ, exists), SAVED_INT(NVMeCQ, interrupts), SAVED_INT(NVMeCQ, phase), SAVED_INT(NVMeCQ, vector), SAVED_INT(NVMeCQ, head),
    SAVED_INT(NVMeCQ, tail), SAVED_INT(NVMeCQ, size), SAVED_INT(NVMeCQ, addr), SAVED_END(),
};
const SavedField nvme_saved[] = {
    SAVED_INT(NVMe, cc), SAVED_INT(NVMe, csts), SAVED_INT(NVMe, aqa), SAVED_INT(NVMe, intms), SAVED_INT(NVMe, asq), SAVED_INT(NVMe, acq),
    SAVED_STRUCTS(NVMe, sq, sq_saved), SAVED_STRUCTS(NVMe, cq, cq_saved), SAVED_INT(NVMe, temperature_threshold),
    SAVED_INT(NVMe, error_recovery), SAVED_INT(NVMe, async_config), SAVED_INT(NVMe, timestamp), SAVED_INT(NVMe, timestamp_set_at),
    SAVED_ARRAY(NVMe, aer_cids), SAVED_INT(NVMe, aer_count), SAVED_INT(NVMe, event_pending), SAVED_INT(NVMe, event_masked),
    SAVED_INT(NVMe, error_info), SAVED_ARRAY(NVMe, changed_ns), SAVED_END(),
};

static bool loaded_flag(bool *b)
{
    uint8_t byte;
    memcpy(&byte, b, 1);
    *b = byte & 1;
    return *b;
}

static void queues_loaded(NVMe *n, unsigned i)
{
    NVMeCQ *c = &n->cq[i];
    NVMeSQ *s = &n->sq[i];
    uint32_t max = i ? NVME_ENTRIES_MAX : 4096;
    c->id = s->id = (uint16_t)i;
    c->waiting = NULL;
    c->waiting_tail = &c->waiting;
    c->users = 0;
    loaded_flag(&c->interrupts);
    loaded_flag(&c->phase);
    bool c_ok = c->size >= 2 && c->size <= max && c->head < c->size && c->tail < c->size && i <= n->max_ioqpairs;
    bool s_ok = s->size >= 2 && s->size <= max && s->head < s->size && s->tail < s->size && s->cqid <= n->max_ioqpairs && i <= n->max_ioqpairs;
    c->exists = loaded_flag(&c->exists) && c_ok;
    s->exists = loaded_flag(&s->exists) && s_ok && (i || !s->cqid);
    s->busy = 0;
}

static void nvme_loaded(Device *dev)
{
    NVMe *n = (NVMe *)dev;
    identify_function(n);
    for (unsigned i = 0; i < NVME_QUEUES_MAX; i++)
        queues_loaded(n, i);
    for (unsigned i = 0; i < NVME_QUEUES_MAX; i++) {
        NVMeSQ *s = &n->sq[i];
        s->exists = s->exists && n->cq[s->cqid].exists;
        if (s->exists)
            n->cq[s->cqid].users++;
        else
            s->cqid = 0;
    }
    n->cc &= 0x00fffff1;
    n->page_bits = 12 + MIN(n->cc >> 7 & 0xf, (uint32_t)MPS_MAX);
    if (n->aer_count > n->aerl + 1u)
        n->aer_count = (uint16_t)(n->aerl + 1);
    nvme_update_irq(n);
}

static const Property nvme_props[] = {
    BLOCK_CONF_PROPS(NVMe, conf),
    PROP_STRING("serial", NVMe, serial),
    PROP_U32("max_ioqpairs", NVMe, max_ioqpairs, 64),
    PROP_U32("num_queues", NVMe, num_queues, 0),
    PROP_U16("msix_qsize", NVMe, msix_qsize, 65),
    PROP_U32("cmb_size_mb", NVMe, cmb_size_mb, 0),
    PROP_U8("mdts", NVMe, mdts, 7),
    PROP_U8("vsl", NVMe, vsl, 7),
    PROP_U8("aerl", NVMe, aerl, 3),
    PROP_U32("aer_max_queued", NVMe, aer_max_queued, 64),
    PROP_BOOL("use-intel-id", NVMe, use_intel_id, false),
    PROP_BOOL("ioeventfd", NVMe, ioeventfd, false),
    PROP_BOOL("msix-exclusive-bar", NVMe, msix_exclusive_bar, false),
    {},
};
static const PCIClass nvme_class = { .vendor = 0x1b36, .device = 0x0010, .class_code = 0x010802, .revision = 2, .interrupt_pin = 1 };
static const DeviceType nvme_type = {
    .name = "nvme", .desc = "Non-Volatile Memory Express", .bus = BUS_PCI, .category = "Storage devices", .size = sizeof(NVMe),
    .props = nvme_props, .saved = nvme_saved, .realize = nvme_realize, .unrealize = nvme_unrealize, .reset = nvme_reset,
    .post_load = nvme_loaded, .class_data = &nvme_class,
};
device_type(nvme_type)
