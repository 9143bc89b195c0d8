/* SPDX-License-Identifier: MIT */
/*
 * virtio-balloon (Virtual I/O Device 1.2, 5.5): the guest gives pages back that the host then frees, as far as the monitor asks; with
 * free-page-reporting=on it also tells which pages are free. Monitor: balloon, info balloon; QMP balloon, query-balloon, BALLOON_CHANGE.
 * Not modelled: statistics (the driver's first report is never asked for again), free-page hints, which serve migration.
 */
#include "hw/boards.h"
#include "hw/loader.h"
#include "hw/virtio.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

enum { F_STATS_VQ = 1, F_DEFLATE_ON_OOM = 2, F_PAGE_POISON = 4, F_REPORTING = 5 };
enum { CONFIG_NUM_PAGES = 0, CONFIG_ACTUAL = 4, CONFIG_POISON = 12, CONFIG_LEN = 16 };
enum { QUEUE_SIZE = 128, REPORTING_QUEUE_SIZE = 32, PAGE_SHIFT = 12, PAGE = 1 << PAGE_SHIFT, LIST_MAX = 256 * KiB };

typedef struct VirtIOBalloon {
    VirtIODevice vdev;
    bool deflate_on_oom, free_page_reporting, page_poison, free_page_hint, config_size;
    uint32_t target, actual; /* pages in the balloon: asked for, reached */
    uint32_t poison;
    VirtQueueElement e;
} VirtIOBalloon;

static VirtIOBalloon *the_balloon; /* machine lock; the first one is what the monitor speaks to */

/* ---- Pages ---- */

/* The host may have these bytes back; the guest then reads zeroes there. Whole host pages only. */
static void discard(void *host, uint64_t len)
{
    uintptr_t start = ((uintptr_t)host + PAGE - 1) & ~(uintptr_t)(PAGE - 1), end = ((uintptr_t)host + len) & ~(uintptr_t)(PAGE - 1);
    /* A hole in shared memory; private memory has none, but reads zeroes again. */
    if (start < end && (madvise((void *)start, end - start, MADV_REMOVE) == 0 || madvise((void *)start, end - start, MADV_DONTNEED) == 0))
        ram_host_written((void *)start, end - start);
}

static void inflate_page(VirtIOBalloon *s, uint32_t pfn)
{
    void *host = address_space_map_ram(s->vdev.bus->dma, (hwaddr)pfn << PAGE_SHIFT, PAGE, true);
    if (host)
        discard(host, PAGE);
    else
        guest_error("virtio-balloon: page 0x%x is not memory\n", pfn);
}

/* Both queues carry page numbers; what leaves the balloon is memory again by itself. */
static void handle_pages(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOBalloon *s = (VirtIOBalloon *)vdev;
    bool any = false;
    while (virtqueue_pop(vq, &s->e)) {
        uint8_t pfn[4];
        if (s->e.out_size > LIST_MAX) { /* guests send a page or so of numbers */
            virtio_error(vdev, "a list of %llu bytes of page numbers", (unsigned long long)s->e.out_size);
            return;
        }
        for (size_t at = 0; vq->index == 0 && iov_read(s->e.out, s->e.nout, at, pfn, 4) == 4; at += 4)
            inflate_page(s, get_le32(pfn));
        virtqueue_push(vq, &s->e, 0);
        any = true;
    }
    if (any)
        virtio_notify(vdev, vq);
}

static void handle_reporting(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOBalloon *s = (VirtIOBalloon *)vdev;
    bool any = false;
    while (virtqueue_pop(vq, &s->e)) {
        /* A guest that wants its poison back must find it in reported pages. */
        for (unsigned i = 0; !(virtio_has_feature(vdev, F_PAGE_POISON) && s->poison) && i < s->e.nin; i++)
            discard(s->e.in[i].iov_base, s->e.in[i].iov_len);
        virtqueue_push(vq, &s->e, 0);
        any = true;
    }
    if (any)
        virtio_notify(vdev, vq);
}

static void handle_stats(VirtIODevice *vdev, VirtQueue *vq)
{
}

/* ---- Configuration ---- */

static uint64_t get_features(VirtIODevice *vdev)
{
    const VirtIOBalloon *s = (VirtIOBalloon *)vdev;
    return 1u << F_STATS_VQ | (s->deflate_on_oom ? 1u << F_DEFLATE_ON_OOM : 0) | (s->page_poison ? 1u << F_PAGE_POISON : 0) |
           (s->free_page_reporting ? 1u << F_REPORTING : 0);
}

static void get_config(VirtIODevice *vdev, uint8_t *config)
{
    const VirtIOBalloon *s = (VirtIOBalloon *)vdev;
    memset(config, 0, CONFIG_LEN);
    put_le32(config + CONFIG_NUM_PAGES, s->target);
    put_le32(config + CONFIG_ACTUAL, s->actual);
    put_le32(config + CONFIG_POISON, s->poison);
}

static uint64_t actual_bytes(const VirtIOBalloon *s)
{
    return current_machine->ram_size - MIN((uint64_t)s->actual << PAGE_SHIFT, current_machine->ram_size);
}

static void set_config(VirtIODevice *vdev, const uint8_t *config, unsigned offset, unsigned size)
{
    VirtIOBalloon *s = (VirtIOBalloon *)vdev;
    uint32_t was = s->actual;
    s->actual = get_le32(config + CONFIG_ACTUAL);
    if (virtio_has_feature(vdev, F_PAGE_POISON))
        s->poison = get_le32(config + CONFIG_POISON);
    if (s->actual != was)
        qmp_event("BALLOON_CHANGE", "{s:I}", "actual", (json_int_t)actual_bytes(s));
}

static void reset(VirtIODevice *vdev)
{
    ((VirtIOBalloon *)vdev)->poison = 0;
}

static void system_reset(Device *dev)
{
    ((VirtIOBalloon *)dev)->actual = 0;
    virtio_device_reset(dev);
}

/* ---- Device ---- */

static bool balloon_realize(Device *dev, Error **errp)
{
    VirtIOBalloon *s = (VirtIOBalloon *)dev;
    if (!virtio_init(&s->vdev, errp))
        return false;
    if (the_balloon) {
        error_setg(errp, "Only one balloon device is supported");
        return false;
    }
    if (s->free_page_hint) {
        error_setg(errp, "'free-page-hint' is not supported");
        return false;
    }
    virtio_add_queue(&s->vdev, QUEUE_SIZE, handle_pages);
    virtio_add_queue(&s->vdev, QUEUE_SIZE, handle_pages);
    virtio_add_queue(&s->vdev, QUEUE_SIZE, handle_stats);
    if (s->free_page_reporting)
        virtio_add_queue(&s->vdev, REPORTING_QUEUE_SIZE, handle_reporting);
    the_balloon = s;
    virtio_plug(&s->vdev);
    return true;
}

static void balloon_unrealize(Device *dev)
{
    VirtIOBalloon *s = (VirtIOBalloon *)dev;
    virtio_cleanup(&s->vdev);
    virtqueue_element_free(&s->e);
    the_balloon = NULL;
}

static const Property balloon_props[] = {
    VIRTIO_PROPS(VirtIOBalloon, vdev),
    PROP_BOOL("deflate-on-oom", VirtIOBalloon, deflate_on_oom, false),
    PROP_BOOL("free-page-hint", VirtIOBalloon, free_page_hint, false),
    PROP_BOOL("free-page-reporting", VirtIOBalloon, free_page_reporting, false),
    PROP_BOOL("page-poison", VirtIOBalloon, page_poison, true),
    PROP_BOOL("qemu-4-0-config-size", VirtIOBalloon, config_size, false),
    {},
};
static const SavedField balloon_saved[] = {
    SAVED_STRUCT(VirtIOBalloon, vdev, virtio_saved), SAVED_INT(VirtIOBalloon, target), SAVED_INT(VirtIOBalloon, actual),
    SAVED_INT(VirtIOBalloon, poison), SAVED_END(),
};
static const VirtIOClass balloon_class = {
    .id = VIRTIO_ID_BALLOON, .config_len = CONFIG_LEN, .features = get_features, .get_config = get_config, .set_config = set_config,
    .reset = reset,
};
static const DeviceType balloon_type = {
    .name = "virtio-balloon-device", .bus = BUS_VIRTIO, .category = "Misc devices", .size = sizeof(VirtIOBalloon), .props = balloon_props,
    .saved = balloon_saved, .realize = balloon_realize, .unrealize = balloon_unrealize, .reset = system_reset,
    .post_load = virtio_device_loaded, .class_data = &balloon_class,
};
device_type(balloon_type)

/* ---- Monitors ---- */

static bool have_balloon(Error **errp)
{
    if (!the_balloon)
        error_setg_class(errp, "DeviceNotActive", "No balloon device has been activated");
    return the_balloon != NULL;
}

static json_t *qmp_balloon(json_t *args, Error **errp)
{
    int64_t bytes = qmp_int(args, "value", 0);
    if (bytes <= 0) {
        error_setg(errp, "Parameter 'target' expects a size");
        return NULL;
    }
    if (!have_balloon(errp))
        return NULL;
    uint64_t ram = current_machine->ram_size;
    the_balloon->target = (uint32_t)((ram - MIN((uint64_t)bytes, ram)) >> PAGE_SHIFT);
    virtio_notify_config(&the_balloon->vdev);
    return NULL;
}

static json_t *query_balloon(json_t *args, Error **errp)
{
    return have_balloon(errp) ? json_pack("{s:I}", "actual", (json_int_t)actual_bytes(the_balloon)) : NULL;
}

static const QMPCommand qmp_rows[] = {
    { "balloon", "value:int", "", qmp_balloon, 0 },
    { "query-balloon", "", "BalloonInfo", query_balloon, 0 },
};
qmp_commands(qmp_rows)

static void hmp_balloon(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    uint64_t mib;
    if (!monitor_eval(mon, argv[0], &mib))
        return;
    json_decref(qmp_call("balloon", &err, "{s:I}", "value", (json_int_t)(mib << 20)));
    monitor_report(mon, err);
}

static void hmp_info_balloon(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    json_t *v = qmp_call("query-balloon", &err, "");
    if (v && !err)
        monitor_printf(mon, "balloon: actual=%lld\n", (long long)(qmp_int(v, "actual", 0) >> 20));
    json_decref(v);
    monitor_report(mon, err);
}

static const MonitorCommand hmp_rows[] = {
    { "balloon", "target", "request VM to change its memory allocation (in MB)", hmp_balloon },
    { "info balloon", "", "show balloon information", hmp_info_balloon },
};
monitor_commands(hmp_rows)
