/* SPDX-License-Identifier: MIT */
/*
 * virtio-rng (Virtual I/O Device 1.2, 5.4): one queue of buffers to fill with random bytes. Properties: rng (an -object), max-bytes in each
 * period (ms) that the guest may take.
 */
#include "hw/rng.h"
#include "hw/virtio.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>

#define QUEUE_SIZE 8
#define CHUNK 4096u
#define BUFFER_MAX (64 * KiB) /* of a buffer, which need not be filled */

typedef struct VirtIORNG {
    VirtIODevice vdev;
    Device *rng;
    uint64_t max_bytes;
    uint32_t period;      /* ms */
    uint64_t quota;       /* bytes left in this period */
    Timer *timer;         /* end of the period, while it was begun */
    VirtQueueElement e;
} VirtIORNG;

static void serve(VirtIORNG *s);

static void more(void *opaque)
{
    serve(opaque);
}

/* Fills a buffer as far as source and quota go; 0: it must wait. */
static uint64_t fill(VirtIORNG *s)
{
    uint8_t buf[CHUNK];
    uint64_t want = MIN(MIN(s->e.in_size, BUFFER_MAX), s->quota), done = 0;
    while (done < want) {
        size_t n = rng_read(s->rng, buf, MIN(want - done, sizeof(buf)), more, s);
        if (!n)
            break;
        iov_write(s->e.in, s->e.nin, done, buf, n);
        done += n;
    }
    s->quota -= done;
    return done;
}

static void begin_period(VirtIORNG *s)
{
    if (!timer_pending(s->timer))
        timer_mod(s->timer, clock_ns(CLOCK_VIRTUAL) + (int64_t)s->period * 1000000);
}

static void serve(VirtIORNG *s)
{
    VirtQueue *vq = virtio_queue(&s->vdev, 0);
    bool any = false;
    while (virtio_driver_ok(&s->vdev) && s->quota && virtqueue_pop(vq, &s->e)) {
        uint64_t n = fill(s);
        if (!n && s->e.in_size) {
            virtqueue_unpop(vq, &s->e);
            break;
        }
        virtqueue_push(vq, &s->e, n);
        any = true;
        if (s->max_bytes != INT64_MAX)
            begin_period(s);
    }
    if (any)
        virtio_notify(&s->vdev, vq);
}

static void period_over(void *opaque)
{
    VirtIORNG *s = opaque;
    s->quota = s->max_bytes;
    serve(s);
}

static void handle_queue(VirtIODevice *vdev, VirtQueue *vq)
{
    serve((VirtIORNG *)vdev);
}

static void reset(VirtIODevice *vdev)
{
    rng_forget(((VirtIORNG *)vdev)->rng, vdev);
}

static void set_status(VirtIODevice *vdev, uint8_t status)
{
    if (status & VIRTIO_S_DRIVER_OK)
        serve((VirtIORNG *)vdev);
}

static bool virtio_rng_realize(Device *dev, Error **errp)
{
    VirtIORNG *s = (VirtIORNG *)dev;
    if (!virtio_init(&s->vdev, errp))
        return false;
    if (!s->period) {
        error_setg(errp, "'period' parameter expects a positive integer");
        return false;
    }
    if (s->max_bytes > INT64_MAX) {
        error_setg(errp, "'max-bytes' parameter must be non-negative, and less than 2^63");
        return false;
    }
    if (!s->rng)
        s->rng = rng_default();
    if (!rng_is_backend(s->rng)) {
        error_setg(errp, "Property 'rng': object '%s' is not a source of random numbers", s->rng->id);
        return false;
    }
    s->quota = s->max_bytes;
    s->timer = timer_new(CLOCK_VIRTUAL, period_over, s);
    virtio_add_queue(&s->vdev, QUEUE_SIZE, handle_queue);
    virtio_plug(&s->vdev);
    return true;
}

static void virtio_rng_unrealize(Device *dev)
{
    VirtIORNG *s = (VirtIORNG *)dev;
    virtio_cleanup(&s->vdev);
    timer_free(s->timer);
    virtqueue_element_free(&s->e);
}

static void virtio_rng_loaded(Device *dev)
{
    VirtIORNG *s = (VirtIORNG *)dev;
    s->quota = MIN(s->quota, s->max_bytes);
    virtio_device_loaded(dev);
}

static const Property virtio_rng_props[] = {
    VIRTIO_PROPS(VirtIORNG, vdev),
    PROP_OBJECT("rng", VirtIORNG, rng),
    PROP_U64("max-bytes", VirtIORNG, max_bytes, INT64_MAX),
    PROP_U32("period", VirtIORNG, period, 65536),
    {},
};
static const SavedField virtio_rng_saved[] = {
    SAVED_STRUCT(VirtIORNG, vdev, virtio_saved), SAVED_INT(VirtIORNG, quota), SAVED_TIMER(VirtIORNG, timer), SAVED_END(),
};
static const VirtIOClass virtio_rng_class = { .id = VIRTIO_ID_RNG, .reset = reset, .set_status = set_status };
static const DeviceType virtio_rng_type = {
    .name = "virtio-rng-device", .bus = BUS_VIRTIO, .category = "Misc devices", .size = sizeof(VirtIORNG), .props = virtio_rng_props,
    .saved = virtio_rng_saved, .realize = virtio_rng_realize, .unrealize = virtio_rng_unrealize, .reset = virtio_device_reset,
    .post_load = virtio_rng_loaded, .class_data = &virtio_rng_class,
};
device_type(virtio_rng_type)
