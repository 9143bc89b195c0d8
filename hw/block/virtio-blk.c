/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk (Virtual I/O Device 1.2, 5.2): a disk of several queues, many requests in flight. A kick takes all buffers of its queue and
 * hands them to the block layer, which moves data between the image and the guest's memory without a copy; requests are reused from a list.
 * Not modelled: SCSI pass-through, secure erase, lifetime, zones.
 */
#include "hw/block-conf.h"
#include "hw/loader.h"
#include "hw/virtio.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum {
    F_SEG_MAX = 2, F_GEOMETRY = 4, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10, F_CONFIG_WCE = 11, F_MQ = 12, F_DISCARD = 13,
    F_WRITE_ZEROES = 14,
};
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13, T_BARRIER = 0x80000000u };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER_LEN = 16, ID_LEN = 20, SEGMENT_LEN = 16, SEGMENT_UNMAP = 1 };
/* Configuration space */
enum {
    CONFIG_CAPACITY = 0, CONFIG_SEG_MAX = 12, CONFIG_CYLINDERS = 16, CONFIG_HEADS = 18, CONFIG_SECTORS = 19, CONFIG_BLK_SIZE = 20,
    CONFIG_PHYS_EXP = 24, CONFIG_MIN_IO = 26, CONFIG_OPT_IO = 28, CONFIG_WCE = 32, CONFIG_QUEUES = 34, CONFIG_MAX_DISCARD = 36,
    CONFIG_MAX_DISCARD_SEG = 40, CONFIG_DISCARD_ALIGN = 44, CONFIG_MAX_ZEROES = 48, CONFIG_MAX_ZEROES_SEG = 52, CONFIG_ZEROES_UNMAP = 56,
    CONFIG_LEN = 60,
};
#define AUTO_QUEUES UINT16_MAX

typedef struct VirtIOBlk VirtIOBlk;
typedef struct Request {
    VirtIORequest q;
    BlockRequest blk;
    VirtIOBlk *s;
    uint8_t *status;       /* where the answer goes */
    uint64_t in_len;       /* bytes written to the guest without the status */
} Request;

struct VirtIOBlk {
    VirtIODevice vdev;
    BlockConf conf;
    char *serial;
    uint16_t num_queues, queue_size;
    bool config_wce, discard, write_zeroes, seg_max_adjust, request_merging, scsi, report_discard;
    uint32_t max_discard, max_zeroes; /* sectors */
    Device *iothread;
    VirtIORequests requests;
};

/* ---- Requests ---- */

static void request_put(Request *r)
{
    virtio_request_put(&r->s->requests, &r->q);
}

static void answer(Request *r, uint8_t status)
{
    VirtIODevice *vdev = &r->s->vdev;
    *r->status = status;
    ram_host_written(r->status, 1);
    virtqueue_push(r->q.vq, &r->q.e, r->in_len + 1); /* a read that failed may have written some */
    virtio_notify(vdev, r->q.vq);
    request_put(r);
}

static void block_done(BlockRequest *blk, int ret)
{
    Request *r = blk->opaque;
    answer(r, ret < 0 ? S_IOERR : S_OK);
}

static void submit(Request *r, BlockOp op, uint64_t offset, uint64_t size)
{
    r->blk.op = op;
    r->blk.offset = offset;
    r->blk.size = size;
    r->blk.done = block_done;
    r->blk.opaque = r;
    blk_submit(r->s->conf.blk, &r->blk);
}

/* A transfer must be whole logical blocks inside the disk. */
static bool range_ok(const VirtIOBlk *s, uint64_t sector, uint64_t bytes)
{
    uint64_t size = blk_size(s->conf.blk), offset = sector * BLOCK_SECTOR;
    return sector <= UINT64_MAX / BLOCK_SECTOR && offset <= size && bytes <= size - offset && !(offset % s->conf.logical_size) &&
           !(bytes % s->conf.logical_size);
}

static void transfer(Request *r, bool write, uint64_t sector)
{
    VirtQueueElement *e = &r->q.e;
    BlockVec *v = &r->blk.vec;
    *v = write ? (BlockVec){ e->out, e->nout, e->out_size } : (BlockVec){ e->in, e->nin, e->in_size };
    r->in_len = write ? 0 : v->size;
    if (!range_ok(r->s, sector, v->size)) {
        answer(r, S_IOERR);
        return;
    }
    submit(r, write ? BLOCK_WRITE : BLOCK_READ, sector * BLOCK_SECTOR, v->size);
}

/* One range to discard or to fill with zeroes: the device says it takes one at a time. */
static void discard_or_zero(Request *r, bool zero)
{
    VirtIOBlk *s = r->s;
    uint8_t seg[SEGMENT_LEN];
    if (!virtio_has_feature(&s->vdev, zero ? F_WRITE_ZEROES : F_DISCARD) || r->q.e.out_size != SEGMENT_LEN ||
        iov_read(r->q.e.out, r->q.e.nout, 0, seg, sizeof(seg)) != sizeof(seg)) {
        answer(r, S_UNSUPP);
        return;
    }
    uint64_t sector = get_le64(seg), sectors = get_le32(seg + 8);
    uint32_t flags = get_le32(seg + 12);
    if ((flags & ~(uint32_t)SEGMENT_UNMAP) || (!zero && flags)) {
        answer(r, S_UNSUPP);
        return;
    }
    if (sectors > (zero ? s->max_zeroes : s->max_discard) || !range_ok(s, sector, sectors * BLOCK_SECTOR)) {
        answer(r, S_IOERR);
        return;
    }
    r->blk.unmap = flags & SEGMENT_UNMAP;
    submit(r, zero ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD, sector * BLOCK_SECTOR, sectors * BLOCK_SECTOR);
}

static void get_id(Request *r)
{
    char id[ID_LEN] = { 0 };
    const char *serial = r->s->serial ? r->s->serial : "";
    memcpy(id, serial, MIN(strlen(serial), sizeof(id)));
    r->in_len = iov_write(r->q.e.in, r->q.e.nin, 0, id, MIN(sizeof(id), r->q.e.in_size));
    answer(r, S_OK);
}

/* Takes header and status off the buffer; false when it has no room for them. */
static bool split_buffer(Request *r, uint8_t *header)
{
    VirtQueueElement *e = &r->q.e;
    if (e->out_size < HEADER_LEN || !e->nin || !e->in_size) {
        virtio_error(&r->s->vdev, "virtio-blk missing headers");
        return false;
    }
    iov_read(e->out, e->nout, 0, header, HEADER_LEN);
    iov_discard_front(&e->out, &e->nout, HEADER_LEN);
    e->out_size -= HEADER_LEN;
    struct iovec *last = &e->in[e->nin - 1];
    r->status = (uint8_t *)last->iov_base + last->iov_len - 1;
    iov_discard_back(e->in, &e->nin, 1);
    e->in_size--;
    return true;
}

static void start(VirtIORequest *q)
{
    Request *r = (Request *)q;
    r->s = (VirtIOBlk *)q->vq->vdev;
    uint8_t header[HEADER_LEN];
    if (!split_buffer(r, header)) {
        request_put(r);
        return;
    }
    r->in_len = 0;
    switch (get_le32(header) & ~(uint32_t)T_BARRIER) {
    case T_IN: transfer(r, false, get_le64(header + 8)); break;
    case T_OUT: transfer(r, true, get_le64(header + 8)); break;
    case T_FLUSH: submit(r, BLOCK_FLUSH, 0, 0); break;
    case T_GET_ID: get_id(r); break;
    case T_DISCARD: discard_or_zero(r, false); break;
    case T_WRITE_ZEROES: discard_or_zero(r, true); break;
    default: answer(r, S_UNSUPP); break;
    }
}

static void handle_queue(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_requests_start(&((VirtIOBlk *)vdev)->requests, vq, start);
}

/* ---- Configuration ---- */

static uint64_t get_features(VirtIODevice *vdev)
{
    const VirtIOBlk *s = (VirtIOBlk *)vdev;
    uint64_t f = 1u << F_SEG_MAX | 1u << F_GEOMETRY | 1u << F_BLK_SIZE | 1u << F_TOPOLOGY | 1u << F_FLUSH;
    f |= s->config_wce ? 1u << F_CONFIG_WCE : 0;
    f |= s->num_queues > 1 ? 1u << F_MQ : 0;
    f |= s->discard ? 1u << F_DISCARD : 0;
    f |= s->write_zeroes ? 1u << F_WRITE_ZEROES : 0;
    f |= blk_read_only(s->conf.blk) ? 1u << F_RO : 0;
    return f;
}

static void get_config(VirtIODevice *vdev, uint8_t *c)
{
    const VirtIOBlk *s = (VirtIOBlk *)vdev;
    const BlockConf *conf = &s->conf;
    uint32_t size = (uint32_t)conf->logical_size;
    memset(c, 0, CONFIG_LEN);
    uint64_t capacity = blk_size(conf->blk) / BLOCK_SECTOR;
    put_le32(c + CONFIG_CAPACITY, (uint32_t)capacity);
    put_le32(c + CONFIG_CAPACITY + 4, (uint32_t)(capacity >> 32));
    put_le32(c + CONFIG_SEG_MAX, s->seg_max_adjust ? s->queue_size - 2u : 126);
    put_le16(c + CONFIG_CYLINDERS, (uint16_t)conf->cyls);
    c[CONFIG_HEADS] = (uint8_t)conf->heads;
    c[CONFIG_SECTORS] = (uint8_t)conf->secs;
    put_le32(c + CONFIG_BLK_SIZE, size);
    c[CONFIG_PHYS_EXP] = (uint8_t)__builtin_ctzll(conf->physical_size / size);
    put_le16(c + CONFIG_MIN_IO, (uint16_t)(conf->min_io / size));
    put_le32(c + CONFIG_OPT_IO, (uint32_t)(conf->opt_io / size));
    c[CONFIG_WCE] = blk_write_cache(conf->blk);
    put_le16(c + CONFIG_QUEUES, s->num_queues);
    put_le32(c + CONFIG_MAX_DISCARD, s->max_discard);
    put_le32(c + CONFIG_MAX_DISCARD_SEG, 1);
    put_le32(c + CONFIG_DISCARD_ALIGN, (uint32_t)(conf->discard_granularity / BLOCK_SECTOR));
    put_le32(c + CONFIG_MAX_ZEROES, s->max_zeroes);
    put_le32(c + CONFIG_MAX_ZEROES_SEG, 1);
    c[CONFIG_ZEROES_UNMAP] = 1;
}

static void set_config(VirtIODevice *vdev, const uint8_t *config, unsigned offset, unsigned size)
{
    const VirtIOBlk *s = (VirtIOBlk *)vdev;
    if (offset <= CONFIG_WCE && offset + size > CONFIG_WCE && virtio_has_feature(vdev, F_CONFIG_WCE))
        blk_set_write_cache(s->conf.blk, config[CONFIG_WCE] & 1);
}

/* A driver that cannot flush must not have a cache to flush. */
static void set_status(VirtIODevice *vdev, uint8_t status)
{
    const VirtIOBlk *s = (VirtIOBlk *)vdev;
    if ((status & VIRTIO_S_DRIVER_OK) && !virtio_has_feature(vdev, F_CONFIG_WCE))
        blk_set_write_cache(s->conf.blk, s->conf.write_cache != BLOCK_AUTO_OFF && virtio_has_feature(vdev, F_FLUSH));
    vdev->config[CONFIG_WCE] = blk_write_cache(s->conf.blk);
}

static void reset(VirtIODevice *vdev)
{
    const VirtIOBlk *s = (VirtIOBlk *)vdev;
    blk_cancel(s->conf.blk);
    if (s->conf.write_cache != BLOCK_AUTO_OFF)
        blk_set_write_cache(s->conf.blk, true);
}

/* ---- Device ---- */

static bool check_options(VirtIOBlk *s, Error **errp)
{
    if (s->num_queues == AUTO_QUEUES)
        s->num_queues = (uint16_t)MIN(s->vdev.bus->optimal_queues, VIRTIO_QUEUE_MAX);
    if (!s->num_queues || s->num_queues > VIRTIO_QUEUE_MAX) {
        error_setg(errp, "num-queues property must be larger than 0 and at most %d", VIRTIO_QUEUE_MAX);
        return false;
    }
    if (s->queue_size <= 2 || s->queue_size > VIRTQUEUE_MAX_SIZE || s->queue_size & (s->queue_size - 1)) {
        error_setg(errp, "invalid queue-size property (%u), must be a power of 2 (max %d)", s->queue_size, VIRTQUEUE_MAX_SIZE);
        return false;
    }
    if (s->max_discard > UINT32_MAX / BLOCK_SECTOR || s->max_zeroes > UINT32_MAX / BLOCK_SECTOR || !s->max_discard || !s->max_zeroes) {
        error_setg(errp, "max-discard-sectors and max-write-zeroes-sectors must be between 1 and %u", UINT32_MAX / BLOCK_SECTOR);
        return false;
    }
    if (s->scsi) {
        error_setg(errp, "scsi=on: there is no SCSI pass-through");
        return false;
    }
    return true;
}

static void blk_realize_queues(VirtIOBlk *s)
{
    for (unsigned i = 0; i < s->num_queues; i++)
        virtio_add_queue(&s->vdev, s->queue_size, handle_queue);
}

static void resized(void *dev)
{
    virtio_notify_config(dev);
}

static const BlockDevOps block_ops = { .io_status = true, .resized = resized };

static bool virtio_blk_realize(Device *dev, Error **errp)
{
    VirtIOBlk *s = (VirtIOBlk *)dev;
    if (!virtio_init(&s->vdev, errp) || !check_options(s, errp) ||
        !block_conf_init(&s->conf, dev, BLOCK_CONF_READ_ONLY, BLOCK_SECTOR, "disk@0,0", &block_ops, errp))
        return false;
    block_conf_geometry(&s->conf, 65535);
    if (s->conf.cyls > 65535 || s->conf.heads > 255 || s->conf.secs > 255) {
        block_conf_cleanup(&s->conf, dev);
        error_setg(errp, "cyls must be between 1 and 65535, heads and secs between 1 and 255");
        return false;
    }
    s->requests.size = sizeof(Request);
    blk_realize_queues(s);
    virtio_plug(&s->vdev);
    return true;
}

static void virtio_blk_unrealize(Device *dev)
{
    VirtIOBlk *s = (VirtIOBlk *)dev;
    virtio_cleanup(&s->vdev);
    block_conf_cleanup(&s->conf, dev);
    virtio_requests_free(&s->requests);
}

/* The cache is as the driver left it. */
static void virtio_blk_loaded(Device *dev)
{
    VirtIOBlk *s = (VirtIOBlk *)dev;
    virtio_device_loaded(dev);
    if (s->vdev.status & VIRTIO_S_DRIVER_OK && virtio_has_feature(&s->vdev, F_CONFIG_WCE))
        blk_set_write_cache(s->conf.blk, s->vdev.config[CONFIG_WCE] & 1);
    set_status(&s->vdev, s->vdev.status);
}

static const Property virtio_blk_props[] = {
    VIRTIO_PROPS(VirtIOBlk, vdev),
    BLOCK_CONF_PROPS(VirtIOBlk, conf),
    BLOCK_CHS_PROPS(VirtIOBlk, conf),
    PROP_STRING("serial", VirtIOBlk, serial),
    PROP_U16("num-queues", VirtIOBlk, num_queues, AUTO_QUEUES),
    PROP_U16("queue-size", VirtIOBlk, queue_size, 256),
    PROP_BOOL("config-wce", VirtIOBlk, config_wce, true),
    PROP_BOOL("discard", VirtIOBlk, discard, true),
    PROP_BOOL("write-zeroes", VirtIOBlk, write_zeroes, true),
    PROP_U32("max-discard-sectors", VirtIOBlk, max_discard, 4194303),
    PROP_U32("max-write-zeroes-sectors", VirtIOBlk, max_zeroes, 4194303),
    PROP_BOOL("seg-max-adjust", VirtIOBlk, seg_max_adjust, true),
    PROP_BOOL("request-merging", VirtIOBlk, request_merging, true),
    PROP_BOOL("report-discard-granularity", VirtIOBlk, report_discard, true),
    PROP_BOOL("scsi", VirtIOBlk, scsi, false),
    PROP_OBJECT("iothread", VirtIOBlk, iothread),
    {},
};
static const SavedField virtio_blk_saved[] = { SAVED_STRUCT(VirtIOBlk, vdev, virtio_saved), SAVED_END() };
static const VirtIOClass virtio_blk_class = {
    .id = VIRTIO_ID_BLOCK, .config_len = CONFIG_LEN, .features = get_features, .get_config = get_config, .set_config = set_config,
    .set_status = set_status, .reset = reset,
};
static const DeviceType virtio_blk_type = {
    .name = "virtio-blk-device", .bus = BUS_VIRTIO, .category = "Storage devices", .size = sizeof(VirtIOBlk), .props = virtio_blk_props,
    .saved = virtio_blk_saved, .realize = virtio_blk_realize, .unrealize = virtio_blk_unrealize, .reset = virtio_device_reset,
    .post_load = virtio_blk_loaded, .class_data = &virtio_blk_class,
};
device_type(virtio_blk_type)
