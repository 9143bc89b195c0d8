/* SPDX-License-Identifier: MIT */
/*
 * virtio-scsi (Virtual I/O Device 1.2, 5.6): a SCSI host adapter of 256 targets: a control queue (task management), an event queue (hot plug,
 * changed parameters) and several request queues. Not modelled: protection information, bidirectional commands.
 */
#include "hw/loader.h"
#include "hw/scsi.h"
#include "hw/virtio.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

enum { F_INOUT = 0, F_HOTPLUG = 1, F_CHANGE = 2 };
enum { QUEUE_CONTROL, QUEUE_EVENT, QUEUE_REQUEST };
enum { MAX_TARGET = 255, MAX_LUN = 16383, SENSE_DEFAULT = 96, CDB_DEFAULT = 32, CONFIG_LEN = 36 };
enum { S_OK = 0, S_OVERRUN = 1, S_ABORTED = 2, S_BAD_TARGET = 3, S_RESET = 4, S_FAILURE = 9, S_FUNCTION_COMPLETE = 0, S_FUNCTION_REJECTED = 11,
       S_INCORRECT_LUN = 12 };
enum { T_TMF = 0, T_AN_QUERY = 1, T_AN_SUBSCRIBE = 2 };
enum { TMF_ABORT_TASK, TMF_ABORT_TASK_SET, TMF_CLEAR_ACA, TMF_CLEAR_TASK_SET, TMF_TARGET_RESET, TMF_LUN_RESET, TMF_QUERY_TASK,
       TMF_QUERY_TASK_SET };
enum { EVENT_MISSED = 1u << 31, EVENT_RESET = 1, EVENT_PARAM_CHANGE = 3 };
enum { RESET_RESCAN = 1, RESET_REMOVED = 2 };
/* Request: LUN 8, tag 8, three bytes, CDB. Response: sense length 4, residual 4, qualifier 2, status, response, sense. */
enum { REQ_TAG = 8, REQ_CDB = 19, RESP_LEN = 12, RESP_SENSE = 12, TMF_LEN = 24, AN_LEN = 20, EVENT_LEN = 16 };
#define AUTO_QUEUES UINT32_MAX
#define SENSE_MAX 252u

typedef struct VirtIOSCSI VirtIOSCSI;
typedef struct Request {
    VirtIORequest q;
    SCSIRequest scsi;
    VirtIOSCSI *s;
    uint64_t tag;
    struct iovec head[4];     /* where the response goes: the parts cut off the front */
    unsigned nhead;
    uint64_t data_size;       /* of the guest's buffer for data */
    struct Request *next;     /* under way */
} Request;

struct VirtIOSCSI {
    VirtIODevice vdev;
    SCSIBus bus;
    uint32_t num_queues, virtqueue_size, max_sectors, cmd_per_lun;
    bool hotplug, param_change, seg_max_adjust;
    Device *iothread;
    uint32_t cdb_size, sense_size; /* set by the driver */
    bool events_dropped;
    VirtIORequests requests;
    Request *active;
    VirtQueueElement control, event;
};

/* ---- Logical units ---- */

/* Target and unit of an address, 5.6.6.1; false when it is none. */
static bool parse_lun(const uint8_t *lun, uint32_t *target, uint32_t *unit)
{
    if (lun[0] != 1 || (lun[2] && lun[2] >> 6 != 1)) /* peripheral or flat addressing */
        return false;
    *target = lun[1];
    *unit = (uint32_t)(lun[2] << 8 | lun[3]) & MAX_LUN;
    return true;
}

static void put_lun(uint8_t *lun, const SCSIDevice *d)
{
    memset(lun, 0, 8);
    lun[0] = 1;
    lun[1] = (uint8_t)d->id;
    lun[2] = (uint8_t)((d->lun >= 256 ? 0x40 : 0) | d->lun >> 8);
    lun[3] = (uint8_t)d->lun;
}

/* ---- Requests ---- */

static void request_put(Request *r)
{
    virtio_request_put(&r->s->requests, &r->q);
}

static void make_active(Request *r)
{
    r->next = r->s->active;
    r->s->active = r;
}

static void make_inactive(Request *r)
{
    for (Request **p = &r->s->active; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}

/* Puts the response in front of the data the command returned. */
static void answer(Request *r, uint8_t response)
{
    uint8_t b[RESP_LEN + SENSE_MAX] = { 0 };
    const SCSIRequest *q = &r->scsi;
    uint64_t data = response == S_OK && !q->to_device ? q->transferred : 0;
    if (response == S_OK) {
        put_le32(b, q->sense_len);
        put_le32(b + 4, (uint32_t)(r->data_size > q->transferred ? r->data_size - q->transferred : 0));
        b[10] = q->status;
        memcpy(b + RESP_SENSE, q->sense, q->sense_len);
    }
    b[11] = response;
    size_t len = RESP_LEN + MIN(r->s->sense_size, SENSE_MAX);
    iov_write(r->head, r->nhead, 0, b, len);
    for (unsigned i = 0; i < r->nhead; i++)
        ram_host_written(r->head[i].iov_base, r->head[i].iov_len);
    for (unsigned i = 0; !q->to_device && i < r->q.e.nin; i++) /* also what a read that failed left there */
        ram_host_written(r->q.e.in[i].iov_base, r->q.e.in[i].iov_len);
    virtqueue_push(r->q.vq, &r->q.e, len + data);
    virtio_notify(&r->s->vdev, r->q.vq);
    request_put(r);
}

static void scsi_done(SCSIRequest *q)
{
    Request *r = q->opaque;
    make_inactive(r);
    answer(r, q->cancelled ? S_ABORTED : S_OK);
}

/* Cuts the response's place off the front of what the device writes, into head. */
static bool take_head(Request *r, size_t bytes)
{
    VirtQueueElement *e = &r->q.e;
    r->nhead = 0;
    for (size_t left = bytes; left;) {
        if (!e->nin || r->nhead == ARRAY_SIZE(r->head))
            return false;
        size_t step = MIN(left, e->in[0].iov_len);
        r->head[r->nhead++] = (struct iovec){ e->in[0].iov_base, step };
        iov_discard_front(&e->in, &e->nin, step);
        e->in_size -= step;
        left -= step;
    }
    return true;
}

static void start(VirtIORequest *buffer)
{
    Request *r = (Request *)buffer;
    VirtIOSCSI *s = r->s = (VirtIOSCSI *)buffer->vq->vdev;
    VirtQueueElement *e = &r->q.e;
    uint8_t b[REQ_CDB + SCSI_CDB_MAX] = { 0 };
    size_t request_len = REQ_CDB + s->cdb_size;
    uint32_t target, unit;
    if (e->out_size < request_len || !take_head(r, RESP_LEN + s->sense_size)) {
        virtio_error(&s->vdev, "virtio-scsi: a request without room for its headers");
        request_put(r);
        return;
    }
    iov_read(e->out, e->nout, 0, b, MIN(request_len, sizeof(b)));
    iov_discard_front(&e->out, &e->nout, request_len);
    e->out_size -= request_len;
    SCSIRequest *q = &r->scsi;
    memset(q, 0, sizeof(*q));
    r->tag = get_le64(b + REQ_TAG);
    if (e->out_size && e->in_size) {
        answer(r, S_FAILURE); /* bidirectional */
        return;
    }
    if (!parse_lun(b, &target, &unit)) {
        answer(r, S_BAD_TARGET);
        return;
    }
    SCSIDevice *d = scsi_find(&s->bus, 0, target, unit), *other = d ? d : scsi_find(&s->bus, 0, target, UINT32_MAX);
    if (!other) {
        answer(r, S_BAD_TARGET);
        return;
    }
    memcpy(q->cdb, b + REQ_CDB, MIN(s->cdb_size, SCSI_CDB_MAX));
    q->to_device = e->out_size > 0;
    q->data = q->to_device ? (BlockVec){ e->out, e->nout, e->out_size } : (BlockVec){ e->in, e->nin, e->in_size };
    r->data_size = q->data.size;
    q->done = scsi_done;
    q->opaque = r;
    q->dev = d;
    make_active(r);
    if (d)
        scsi_submit(q);
    else
        scsi_submit_absent(q, other);
}

static void handle_requests(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_requests_start(&((VirtIOSCSI *)vdev)->requests, vq, start);
}

/* ---- Task management ---- */

/* Gives up the requests of a unit (NULL: of the target), of one tag or of all; waits for them. Returns whether there were any. */
static bool abort_tasks(VirtIOSCSI *s, uint32_t target, const SCSIDevice *d, const uint64_t *tag)
{
    bool any = false;
    for (Request *r = s->active; r; r = r->next) {
        const SCSIDevice *of = r->scsi.dev;
        if (of && of->id == target && (!d || of == d) && (!tag || r->tag == *tag)) {
            scsi_cancel(&r->scsi);
            any = true;
        }
    }
    for (Device *dev = s->bus.bus.first; any && dev; dev = dev->next) {
        SCSIDevice *of = (SCSIDevice *)dev;
        if (of->id == target && (!d || of == d))
            blk_cancel(of->conf.blk);
    }
    return any;
}

static bool is_active(const VirtIOSCSI *s, const SCSIDevice *d, const uint64_t *tag)
{
    for (const Request *r = s->active; r; r = r->next) {
        if (r->scsi.dev == d && (!tag || r->tag == *tag))
            return true;
    }
    return false;
}

static void reset_target(VirtIOSCSI *s, uint32_t target)
{
    for (Device *dev = s->bus.bus.first; dev; dev = dev->next) {
        if (((SCSIDevice *)dev)->id == target)
            scsi_device_reset((SCSIDevice *)dev);
    }
}

static uint8_t task_management(VirtIOSCSI *s, const uint8_t *b)
{
    uint32_t target, unit, subtype = get_le32(b + 4);
    uint64_t tag = get_le64(b + 16);
    if (!parse_lun(b + 8, &target, &unit))
        return S_BAD_TARGET;
    SCSIDevice *d = scsi_find(&s->bus, 0, target, unit);
    if (!scsi_find(&s->bus, 0, target, UINT32_MAX))
        return S_BAD_TARGET;
    if (!d && subtype != TMF_TARGET_RESET)
        return S_INCORRECT_LUN;
    switch (subtype) {
    case TMF_ABORT_TASK: abort_tasks(s, target, d, &tag); return S_FUNCTION_COMPLETE;
    case TMF_ABORT_TASK_SET: case TMF_CLEAR_TASK_SET: abort_tasks(s, target, d, NULL); return S_FUNCTION_COMPLETE;
    case TMF_LUN_RESET: scsi_device_reset(d); return S_FUNCTION_COMPLETE;
    case TMF_TARGET_RESET: reset_target(s, target); return S_FUNCTION_COMPLETE;
    case TMF_QUERY_TASK: return is_active(s, d, &tag) ? 10 /* succeeded */ : S_FUNCTION_COMPLETE;
    case TMF_QUERY_TASK_SET: return is_active(s, d, NULL) ? 10 : S_FUNCTION_COMPLETE;
    default: return S_FUNCTION_REJECTED;
    }
}

static void handle_control(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOSCSI *s = (VirtIOSCSI *)vdev;
    VirtQueueElement *e = &s->control;
    bool any = false;
    while (virtqueue_pop(vq, e)) {
        uint8_t b[TMF_LEN] = { 0 }, out[5] = { 0 };
        size_t got = iov_read(e->out, e->nout, 0, b, sizeof(b)), len = 1;
        uint32_t type = get_le32(b);
        if (type == T_TMF && got >= TMF_LEN) {
            out[0] = task_management(s, b);
        } else if ((type == T_AN_QUERY || type == T_AN_SUBSCRIBE) && got >= AN_LEN) {
            len = 5; /* no events of this kind */
        } else {
            virtio_error(vdev, "virtio-scsi: control request %u of %zu bytes", type, got);
            return;
        }
        virtqueue_push(vq, e, iov_write(e->in, e->nin, 0, out, len));
        any = true;
    }
    if (any)
        virtio_notify(vdev, vq);
}

/* ---- Events ---- */

static void send_event(VirtIOSCSI *s, const SCSIDevice *d, uint32_t event, uint32_t reason)
{
    VirtQueue *vq = virtio_queue(&s->vdev, QUEUE_EVENT);
    uint8_t b[EVENT_LEN] = { 0 };
    if (!virtio_driver_ok(&s->vdev))
        return;
    if (!virtqueue_pop(vq, &s->event)) {
        s->events_dropped = true;
        return;
    }
    put_le32(b, event | (s->events_dropped ? EVENT_MISSED : 0));
    if (d)
        put_lun(b + 4, d);
    put_le32(b + 12, reason);
    s->events_dropped = false;
    virtqueue_push(vq, &s->event, iov_write(s->event.in, s->event.nin, 0, b, sizeof(b)));
    virtio_notify(&s->vdev, vq);
}

static void handle_events(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOSCSI *s = (VirtIOSCSI *)vdev;
    if (s->events_dropped)
        send_event(s, NULL, 0, 0);
}

static void bus_changed(SCSIBus *bus, SCSIDevice *d, SCSISense sense)
{
    VirtIOSCSI *s = container_of(bus, VirtIOSCSI, bus);
    if (virtio_has_feature(&s->vdev, F_CHANGE) && !d->cdrom)
        send_event(s, d, EVENT_PARAM_CHANGE, (uint32_t)(sense.asc | sense.ascq << 8));
}

static void bus_plugged(SCSIBus *bus, SCSIDevice *d, bool here)
{
    VirtIOSCSI *s = container_of(bus, VirtIOSCSI, bus);
    if (!virtio_has_feature(&s->vdev, F_HOTPLUG))
        return;
    send_event(s, d, EVENT_RESET, here ? RESET_RESCAN : RESET_REMOVED);
    bus->unit_attention = SENSE_LUNS_CHANGED;
}

static const SCSIHostOps host_ops = {
    .max_channel = 0, .max_target = MAX_TARGET, .max_lun = MAX_LUN, .changed = bus_changed, .plugged = bus_plugged,
};

/* ---- Device ---- */

static uint64_t get_features(VirtIODevice *vdev)
{
    const VirtIOSCSI *s = (VirtIOSCSI *)vdev;
    return (s->hotplug ? 1u << F_HOTPLUG : 0) | (s->param_change ? 1u << F_CHANGE : 0);
}

static void get_config(VirtIODevice *vdev, uint8_t *c)
{
    const VirtIOSCSI *s = (VirtIOSCSI *)vdev;
    memset(c, 0, CONFIG_LEN);
    put_le32(c, s->num_queues);
    put_le32(c + 4, s->seg_max_adjust ? s->virtqueue_size - 2 : 126);
    put_le32(c + 8, s->max_sectors);
    put_le32(c + 12, s->cmd_per_lun);
    put_le32(c + 16, EVENT_LEN);
    put_le32(c + 20, s->sense_size);
    put_le32(c + 24, s->cdb_size);
    put_le16(c + 28, 0);
    put_le16(c + 30, MAX_TARGET);
    put_le32(c + 32, MAX_LUN);
}

static void set_config(VirtIODevice *vdev, const uint8_t *c, unsigned offset, unsigned size)
{
    VirtIOSCSI *s = (VirtIOSCSI *)vdev;
    uint32_t sense = get_le32(c + 20), cdb = get_le32(c + 24);
    if (sense >= 65536 || cdb >= 256) {
        virtio_error(vdev, "bad data written to virtio-scsi configuration space");
        return;
    }
    s->sense_size = MIN(sense, SENSE_MAX);
    s->cdb_size = cdb;
}

static void reset(VirtIODevice *vdev)
{
    VirtIOSCSI *s = (VirtIOSCSI *)vdev;
    for (Device *dev = s->bus.bus.first; dev; dev = dev->next) {
        if (dev->realized)
            scsi_device_reset((SCSIDevice *)dev);
    }
    s->sense_size = SENSE_DEFAULT;
    s->cdb_size = CDB_DEFAULT;
    s->events_dropped = false;
    s->bus.unit_attention = SENSE(0, 0, 0);
}

static bool check_options(VirtIOSCSI *s, Error **errp)
{
    if (s->num_queues == AUTO_QUEUES)
        s->num_queues = MIN(s->vdev.bus->optimal_queues, VIRTIO_QUEUE_MAX - QUEUE_REQUEST);
    if (!s->num_queues || s->num_queues > VIRTIO_QUEUE_MAX - QUEUE_REQUEST) {
        error_setg(errp, "Invalid number of queues (= %u), must be a positive integer less than %d.", s->num_queues,
                   VIRTIO_QUEUE_MAX - QUEUE_REQUEST + 1);
        return false;
    }
    uint32_t n = s->virtqueue_size;
    if (n <= 2 || n > VIRTQUEUE_MAX_SIZE || n & (n - 1)) {
        error_setg(errp, "invalid virtqueue_size property (= %u), must be a power of 2 between 4 and %d", n, VIRTQUEUE_MAX_SIZE);
        return false;
    }
    return true;
}

static bool virtio_scsi_realize(Device *dev, Error **errp)
{
    VirtIOSCSI *s = (VirtIOSCSI *)dev;
    if (!virtio_init(&s->vdev, errp) || !check_options(s, errp))
        return false;
    virtio_add_queue(&s->vdev, s->virtqueue_size, handle_control);
    virtio_add_queue(&s->vdev, s->virtqueue_size, handle_events);
    for (uint32_t i = 0; i < s->num_queues; i++)
        virtio_add_queue(&s->vdev, s->virtqueue_size, handle_requests);
    s->requests.size = sizeof(Request);
    s->sense_size = SENSE_DEFAULT;
    s->cdb_size = CDB_DEFAULT;
    g_autofree char *name = virtio_child_bus_name(&s->vdev, "scsi");
    scsi_bus_init(&s->bus, name, dev, &host_ops);
    virtio_plug(&s->vdev);
    return true;
}

static void virtio_scsi_unrealize(Device *dev)
{
    VirtIOSCSI *s = (VirtIOSCSI *)dev;
    virtio_cleanup(&s->vdev);
    virtqueue_element_free(&s->control);
    virtqueue_element_free(&s->event);
    virtio_requests_free(&s->requests);
}

static void virtio_scsi_loaded(Device *dev)
{
    VirtIOSCSI *s = (VirtIOSCSI *)dev;
    s->sense_size = MIN(s->sense_size, SENSE_MAX);
    s->cdb_size = MIN(s->cdb_size, 255);
    virtio_device_loaded(dev);
}

static const Property virtio_scsi_props[] = {
    VIRTIO_PROPS(VirtIOSCSI, vdev),
    PROP_U32("num_queues", VirtIOSCSI, num_queues, AUTO_QUEUES),
    PROP_U32("virtqueue_size", VirtIOSCSI, virtqueue_size, 256),
    PROP_BOOL("seg_max_adjust", VirtIOSCSI, seg_max_adjust, true),
    PROP_U32("max_sectors", VirtIOSCSI, max_sectors, 0xffff),
    PROP_U32("cmd_per_lun", VirtIOSCSI, cmd_per_lun, 128),
    PROP_BOOL("hotplug", VirtIOSCSI, hotplug, true),
    PROP_BOOL("param_change", VirtIOSCSI, param_change, true),
    PROP_OBJECT("iothread", VirtIOSCSI, iothread),
    {},
};
static const SavedField virtio_scsi_saved[] = {
    SAVED_STRUCT(VirtIOSCSI, vdev, virtio_saved), SAVED_INT(VirtIOSCSI, cdb_size), SAVED_INT(VirtIOSCSI, sense_size), SAVED_END(),
};
static const VirtIOClass virtio_scsi_class = {
    .id = VIRTIO_ID_SCSI, .config_len = CONFIG_LEN, .features = get_features, .get_config = get_config, .set_config = set_config,
    .reset = reset,
};
static const DeviceType virtio_scsi_type = {
    .name = "virtio-scsi-device", .bus = BUS_VIRTIO, .category = "Storage devices", .size = sizeof(VirtIOSCSI), .props = virtio_scsi_props,
    .saved = virtio_scsi_saved, .realize = virtio_scsi_realize, .unrealize = virtio_scsi_unrealize, .reset = virtio_device_reset,
    .post_load = virtio_scsi_loaded, .class_data = &virtio_scsi_class,
};
device_type(virtio_scsi_type)
