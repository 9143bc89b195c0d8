/* SPDX-License-Identifier: MIT */
/*
 * Virtio devices (Virtual I/O Device 1.2, OASIS; the legacy interface of its "Legacy Interface" sections). A device sees queues of buffers
 * and a configuration space; a transport (virtio-pci, virtio-mmio) is a bus with room for one device. Everything a queue holds is the
 * guest's: indices, lengths and addresses are checked here, and a queue that lies sets DEVICE_NEEDS_RESET. Machine lock.
 */
#ifndef RHEA_HW_VIRTIO_H
#define RHEA_HW_VIRTIO_H

#include "hw/device.h"
#include "util/timer.h"

#include <sys/uio.h>

#define VIRTIO_QUEUE_MAX 256      /* queues of a device */
#define VIRTQUEUE_MAX_SIZE 1024   /* entries of a queue, and parts of a buffer */
#define VIRTIO_CONFIG_MAX 256
#define VIRTIO_NO_VECTOR 0xffff

enum { /* device status */
    VIRTIO_S_ACKNOWLEDGE = 1, VIRTIO_S_DRIVER = 2, VIRTIO_S_DRIVER_OK = 4, VIRTIO_S_FEATURES_OK = 8, VIRTIO_S_NEEDS_RESET = 0x40,
    VIRTIO_S_FAILED = 0x80,
};
enum { /* feature bits that belong to no device type */
    VIRTIO_F_NOTIFY_ON_EMPTY = 24, VIRTIO_F_ANY_LAYOUT = 27, VIRTIO_F_INDIRECT_DESC = 28, VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32, VIRTIO_F_ACCESS_PLATFORM = 33, VIRTIO_F_RING_PACKED = 34,
};
enum { /* device types */
    VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4, VIRTIO_ID_BALLOON = 5, VIRTIO_ID_SCSI = 8,
};
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

typedef struct VirtIODevice VirtIODevice;
typedef struct VirtIOBus VirtIOBus;
typedef struct VirtQueue VirtQueue;

/* A buffer taken from a queue: parts the device reads, then parts it writes. iov grows as needed and is kept: reuse elements. */
typedef struct VirtQueueElement {
    uint16_t index;    /* head of the chain (split), buffer id (packed) */
    uint16_t ndescs;   /* packed: entries of the ring it takes */
    uint32_t setup;    /* VirtQueue.setup when it was taken */
    unsigned nout, nin;
    struct iovec *out, *in;
    uint64_t out_size, in_size;
    struct iovec *iov; /* owned: virtqueue_element_free */
    unsigned iov_size;
} VirtQueueElement;

struct VirtQueue {
    VirtIODevice *vdev;
    uint16_t index;
    void (*handle)(VirtIODevice *vdev, VirtQueue *vq);
    uint16_t num_max;
    /* set by the driver */
    uint16_t num, vector;
    bool enabled;
    uint64_t desc, driver, device; /* split: descriptors, available, used; packed: ring, driver and device event areas */
    uint32_t pfn, align;           /* legacy interface */
    /* where we are */
    uint16_t last_avail, used_idx;
    bool avail_wrap, used_wrap;    /* packed */
    uint16_t signalled_used;
    bool signalled_used_valid;
    bool notify_off;               /* the driver was asked not to kick */
    uint16_t inuse;                /* buffers taken and not given back */
    uint32_t setup;                /* changes whenever the queue is set up or torn down: buffers of before are not given back */
    /* a kick takes so many buffers; with more there, the queue is visited again when others had their turn */
    bool limited, postponed;
    unsigned left;
    /* the areas in host memory, while the memory map has this generation */
    bool mapped;
    unsigned generation;
    uint8_t *desc_p, *driver_p, *device_p;
};

/* What a device type is to the core: DeviceType.class_data of types on BUS_VIRTIO. */
typedef struct VirtIOClass {
    uint16_t id;
    uint16_t config_len;
    uint64_t (*features)(VirtIODevice *vdev);                     /* offered, beyond the generic ones; NULL none */
    void (*get_config)(VirtIODevice *vdev, uint8_t *config);      /* fills config_len bytes */
    void (*set_config)(VirtIODevice *vdev, const uint8_t *config, unsigned offset, unsigned size); /* after a store of the guest */
    void (*set_status)(VirtIODevice *vdev, uint8_t status);       /* after the status changed */
    void (*reset)(VirtIODevice *vdev);                            /* gives up what it holds of queues; they are still set up */
} VirtIOClass;

struct VirtIODevice {
    Device dev;
    const VirtIOClass *class;
    VirtIOBus *bus;
    VirtQueue vq[VIRTIO_QUEUE_MAX];
    unsigned nvqs;                /* of them exist */
    /* properties, VIRTIO_PROPS */
    bool indirect_desc, event_idx, packed, notify_on_empty, any_layout, iommu_platform, use_started, use_disabled_flag;
    uint64_t host_features, features; /* offered; accepted by the driver */
    uint8_t status, isr;
    uint16_t config_vector, queue_sel;
    uint8_t generation;           /* of the configuration space */
    bool broken;                  /* until reset: nothing is taken or given back */
    Timer *again;                 /* visits the postponed queues; while plugged */
    uint8_t config[VIRTIO_CONFIG_MAX];
};

/* A transport: what it offers a device, and how it tells the driver. */
typedef struct VirtIOBusOps {
    void (*interrupt)(void *opaque, uint16_t vector); /* isr has changed, or vector is due */
    void (*plugged)(void *opaque);                    /* bus->vdev has come or gone */
} VirtIOBusOps;
struct VirtIOBus {
    Bus bus;
    VirtIODevice *vdev;           /* NULL: empty */
    const VirtIOBusOps *ops;
    void *opaque;
    AddressSpace *dma;
    bool dma_off;                 /* bus mastering is off */
    bool modern;                  /* offers VERSION_1 */
    unsigned optimal_queues;      /* for devices that take as many as there are vCPUs */
};

#define VIRTIO_PROPS(type, vdev)                                                                                              \
    PROP_BOOL("indirect_desc", type, vdev.indirect_desc, true), PROP_BOOL("event_idx", type, vdev.event_idx, true),           \
        PROP_BOOL("notify_on_empty", type, vdev.notify_on_empty, true), PROP_BOOL("any_layout", type, vdev.any_layout, true), \
        PROP_BOOL("iommu_platform", type, vdev.iommu_platform, false), PROP_BOOL("packed", type, vdev.packed, false),         \
        PROP_BOOL("use-started", type, vdev.use_started, true), PROP_BOOL("use-disabled-flag", type, vdev.use_disabled_flag, true)

/* ---- For devices ---- */

/* In realize, first; fails when the device has no transport. At its end, once nothing can fail any more, virtio_plug shows the device to
 * the driver. Undone by virtio_cleanup in unrealize. */
bool virtio_init(VirtIODevice *vdev, Error **errp);
void virtio_plug(VirtIODevice *vdev);
void virtio_cleanup(VirtIODevice *vdev);
/* Name of a bus the device provides: its id, or the transport's, and ".0"; without one "KIND.N". Caller frees. */
char *virtio_child_bus_name(const VirtIODevice *vdev, const char *kind);
/* size: entries offered, a power of two of at most VIRTQUEUE_MAX_SIZE. */
VirtQueue *virtio_add_queue(VirtIODevice *vdev, unsigned size, void (*handle)(VirtIODevice *vdev, VirtQueue *vq));
static inline VirtQueue *virtio_queue(VirtIODevice *vdev, unsigned n)
{
    return &vdev->vq[n];
}
static inline bool virtio_has_feature(const VirtIODevice *vdev, unsigned bit)
{
    return vdev->features >> bit & 1;
}
static inline bool virtio_driver_ok(const VirtIODevice *vdev)
{
    return (vdev->status & VIRTIO_S_DRIVER_OK) && !vdev->broken;
}
/* Takes the next buffer; false when there is none. The parts lie in guest RAM and stay valid until it is given back. */
bool virtqueue_pop(VirtQueue *vq, VirtQueueElement *e);
/* The buffer just taken goes back unread: the next pop finds it again. Only the last one taken. */
void virtqueue_unpop(VirtQueue *vq, const VirtQueueElement *e);
/* Gives a buffer back; len bytes of its in parts were written. The driver is told by virtio_notify. */
void virtqueue_push(VirtQueue *vq, const VirtQueueElement *e, uint64_t len);
void virtqueue_element_free(VirtQueueElement *e); /* what pop allocated */
bool virtqueue_empty(VirtQueue *vq); /* also when a kick has taken its share */
/* While a device takes buffers, the driver need not kick. enable: true when buffers came meanwhile. */
void virtqueue_disable_notify(VirtQueue *vq);
bool virtqueue_enable_notify(VirtQueue *vq);
/* An interrupt for what was given back, unless the driver does not want one. */
void virtio_notify(VirtIODevice *vdev, VirtQueue *vq);
/* The configuration space changed. */
void virtio_notify_config(VirtIODevice *vdev);
/* The driver broke the rules: logs, and sets DEVICE_NEEDS_RESET. */
void virtio_error(VirtIODevice *vdev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* DeviceType hooks every virtio device uses. */
void virtio_device_reset(Device *dev);
void virtio_device_loaded(Device *dev);
extern const SavedField virtio_saved[]; /* SAVED_STRUCT(Type, vdev, virtio_saved) */

/* Requests with many under way (virtio-requests.c): a device's own struct starts with this one. */
typedef struct VirtIORequest {
    VirtQueueElement e;
    VirtQueue *vq;
    struct VirtIORequest *next; /* of those not in use */
} VirtIORequest;
typedef struct VirtIORequests {
    size_t size; /* of the device's struct */
    VirtIORequest *free;
} VirtIORequests;
/* In a queue's handler: start() gets each buffer, and gives the request back by virtio_request_put when it has ended. */
void virtio_requests_start(VirtIORequests *pool, VirtQueue *vq, void (*start)(VirtIORequest *r));
void virtio_request_put(VirtIORequests *pool, VirtIORequest *r);
void virtio_requests_free(VirtIORequests *pool);

/* Copies between a list and a buffer from an offset of the list; returns bytes copied. */
size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len);
size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len);
/* Cuts bytes off the front; false when there are fewer. */
bool iov_discard_front(struct iovec **iov, unsigned *n, size_t bytes);
bool iov_discard_back(struct iovec *iov, unsigned *n, size_t bytes);

/* ---- For transports ---- */

void virtio_bus_init(VirtIOBus *bus, const char *name, Device *owner, const VirtIOBusOps *ops, void *opaque, AddressSpace *dma);
void virtio_reset(VirtIODevice *vdev);
void virtio_set_status(VirtIODevice *vdev, uint8_t status);
void virtio_set_features(VirtIODevice *vdev, uint64_t features); /* the part the device offered is taken */
uint32_t virtio_config_read(VirtIODevice *vdev, unsigned offset, unsigned size); /* ones beyond the end */
void virtio_config_write(VirtIODevice *vdev, unsigned offset, uint32_t value, unsigned size);
/* The queue selected by queue_sel, or NULL. */
VirtQueue *virtio_selected(VirtIODevice *vdev);
void virtio_queue_set_num(VirtQueue *vq, uint32_t num);
void virtio_queue_enable(VirtQueue *vq);
void virtio_queue_disable(VirtQueue *vq);
/* Legacy: one area of pages from address on, used ring aligned. 0 stops the queue. */
void virtio_queue_set_legacy(VirtQueue *vq, uint64_t address, uint32_t align);
void virtio_kick(VirtIODevice *vdev, uint32_t queue);

/* ---- Rings (virtqueue.c, virtqueue-packed.c) ---- */
bool virtqueue_map(VirtQueue *vq);
/* Adds a part of a buffer; false when it is not RAM or there are too many. */
bool virtqueue_add_part(VirtQueue *vq, VirtQueueElement *e, uint64_t addr, uint32_t len, bool write);
typedef struct VRingDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next; /* packed: id, flags */
} VRingDesc;
enum { VRING_DESC_NEXT = 1, VRING_DESC_WRITE = 2, VRING_DESC_INDIRECT = 4 };
bool vring_packed_pop(VirtQueue *vq, VirtQueueElement *e);
void vring_packed_unpop(VirtQueue *vq, const VirtQueueElement *e);
void vring_packed_push(VirtQueue *vq, const VirtQueueElement *e, uint64_t len);
bool vring_packed_empty(VirtQueue *vq);
void vring_packed_set_notify(VirtQueue *vq, bool on);
bool vring_packed_should_interrupt(VirtQueue *vq);

static inline uint16_t vring_ld16(const uint8_t *p)
{
    uint16_t v = __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
}
static inline void vring_st16(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)(void *)p, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v, __ATOMIC_RELEASE);
}
/* Whether going from old to new passes event. */
static inline bool vring_need_event(uint16_t event, uint16_t new_idx, uint16_t old)
{
    return (uint16_t)(new_idx - event - 1) < (uint16_t)(new_idx - old);
}

#endif
