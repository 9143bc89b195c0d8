/* SPDX-License-Identifier: MIT */
/*
 * virtio-serial (Virtual I/O Device 1.2, 5.3): a bus of ports, consoles (virtconsole) and named byte streams (virtserialport), each with a
 * queue in either direction; a pair of control queues tells which ports there are, what they are called and which ends are open.
 * Properties: max_ports, emergency-write. Not modelled: console size and RESIZE.
 */
#include "chardev.h"
#include "hw/loader.h"
#include "hw/virtio.h"
#include "qmp.h"
#include "util/error.h"
#include "util/log.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

enum { F_SIZE = 0, F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
enum { CONFIG_MAX_PORTS = 4, CONFIG_EMERG_WRITE = 8, CONFIG_LEN = 12 };
enum {
    DEVICE_READY = 0, PORT_ADD = 1, PORT_REMOVE = 2, PORT_READY = 3, CONSOLE_PORT = 4, RESIZE = 5, PORT_OPEN = 6, PORT_NAME = 7,
};
enum { CONTROL_LEN = 8, CONTROL_RX = 2, CONTROL_TX = 3, QUEUE_SIZE = 128, CONTROL_QUEUE_SIZE = 32 };
#define PORTS_MAX 127u /* two queues each, and two for control */
#define PENDING_MAX 256u
#define RETRY_NS 1000000
#define VISIT_MAX MiB /* bytes that are handed to the host before others have their turn */

typedef struct VirtIOSerial VirtIOSerial;
typedef struct Port {
    Device dev;
    Chardev *chr;
    char *name;
    uint32_t nr;
    bool console;
    VirtIOSerial *s;
    bool guest_open, host_open;
    uint64_t out_offset;  /* bytes of the buffer at the head of the queue that the host has taken */
    Timer *retry;
    VirtQueueElement e;
} Port;

struct VirtIOSerial {
    VirtIODevice vdev;
    Bus bus;
    uint32_t max_ports;
    bool emergency_write;
    Port *ports[PORTS_MAX];
    GQueue *pending;      /* GBytes: control messages that wait for a buffer */
    VirtQueueElement control;
};

static VirtQueue *rx_queue(const Port *p)
{
    return virtio_queue(&p->s->vdev, p->nr ? 2 * p->nr + 2 : 0);
}

static VirtQueue *tx_queue(const Port *p)
{
    return virtio_queue(&p->s->vdev, p->nr ? 2 * p->nr + 3 : 1);
}

static bool multiport(const VirtIOSerial *s)
{
    return virtio_has_feature(&s->vdev, F_MULTIPORT);
}

/* ---- Control messages ---- */

static void flush_pending(VirtIOSerial *s)
{
    VirtQueue *vq = virtio_queue(&s->vdev, CONTROL_RX);
    bool any = false;
    while (virtio_driver_ok(&s->vdev) && !g_queue_is_empty(s->pending) && virtqueue_pop(vq, &s->control)) {
        GBytes *b = g_queue_pop_head(s->pending);
        gsize len;
        const void *data = g_bytes_get_data(b, &len);
        virtqueue_push(vq, &s->control, iov_write(s->control.in, s->control.nin, 0, data, len));
        g_bytes_unref(b);
        any = true;
    }
    if (any)
        virtio_notify(&s->vdev, vq);
}

static void send_message(VirtIOSerial *s, uint32_t id, uint16_t event, uint16_t value, const char *text)
{
    size_t text_len = text ? strlen(text) : 0;
    if (!multiport(s) || !virtio_driver_ok(&s->vdev))
        return;
    if (g_queue_get_length(s->pending) >= PENDING_MAX) {
        guest_error("virtio-serial: the driver takes no control messages\n");
        return;
    }
    uint8_t *m = g_malloc(CONTROL_LEN + text_len);
    put_le32(m, id);
    put_le16(m + 4, event);
    put_le16(m + 6, value);
    if (text)
        memcpy(m + CONTROL_LEN, text, text_len);
    g_queue_push_tail(s->pending, g_bytes_new_take(m, CONTROL_LEN + text_len));
    flush_pending(s);
}

static void tell_clients(const Port *p)
{
    if (!p->console && p->dev.id)
        qmp_event("VSERPORT_CHANGE", "{s:s,s:b}", "id", p->dev.id, "open", p->guest_open);
}

static void set_guest_open(Port *p, bool open)
{
    if (p->guest_open == open)
        return;
    p->guest_open = open;
    tell_clients(p);
    if (open && p->chr)
        chardev_accept_input(p->chr);
}

static void port_ready(Port *p)
{
    if (p->console)
        send_message(p->s, p->nr, CONSOLE_PORT, 1, NULL);
    if (p->name)
        send_message(p->s, p->nr, PORT_NAME, 1, p->name);
    if (p->host_open)
        send_message(p->s, p->nr, PORT_OPEN, 1, NULL);
}

static void handle_message(VirtIOSerial *s, const uint8_t *m)
{
    uint32_t id = get_le32(m);
    uint16_t event = get_le16(m + 4), value = get_le16(m + 6);
    if (event == DEVICE_READY) {
        for (unsigned i = 0; value && i < s->max_ports; i++) {
            if (s->ports[i])
                send_message(s, i, PORT_ADD, 1, NULL);
        }
        return;
    }
    Port *p = id < s->max_ports ? s->ports[id] : NULL;
    if (!p) {
        guest_error("virtio-serial: control message %u for port %u\n", event, id);
    } else if (event == PORT_READY) {
        if (value)
            port_ready(p);
    } else if (event == PORT_OPEN) {
        set_guest_open(p, value);
    }
}

static void handle_control_tx(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOSerial *s = (VirtIOSerial *)vdev;
    bool any = false;
    while (virtqueue_pop(vq, &s->control)) {
        uint8_t m[CONTROL_LEN];
        bool whole = iov_read(s->control.out, s->control.nout, 0, m, sizeof(m)) == sizeof(m);
        virtqueue_push(vq, &s->control, 0);
        any = true;
        if (whole)
            handle_message(s, m);
    }
    if (any)
        virtio_notify(vdev, vq);
}

static void handle_control_rx(VirtIODevice *vdev, VirtQueue *vq)
{
    flush_pending((VirtIOSerial *)vdev);
}

/* ---- Data ---- */

/* Hands a buffer's bytes, *room at most, to the host, which may not take all at once; nobody listening: they are gone. */
static bool send_buffer(Port *p, size_t *room)
{
    uint64_t at = 0;
    for (unsigned i = 0; i < p->e.nout; i++) {
        const struct iovec *v = &p->e.out[i];
        size_t skip = p->out_offset > at ? MIN(p->out_offset - at, v->iov_len) : 0, len = v->iov_len - skip;
        at += v->iov_len;
        if (!len || !p->chr || (!p->console && !p->host_open))
            continue;
        size_t n = chardev_write(p->chr, (const uint8_t *)v->iov_base + skip, MIN(len, *room));
        *room -= n;
        if (n < len) {
            p->out_offset = at - (len - n);
            return false;
        }
    }
    p->out_offset = 0;
    return true;
}

static void send_data(Port *p)
{
    VirtQueue *vq = tx_queue(p);
    size_t room = VISIT_MAX;
    bool any = false;
    while (virtio_driver_ok(&p->s->vdev) && virtqueue_pop(vq, &p->e)) {
        if (!send_buffer(p, &room)) {
            virtqueue_unpop(vq, &p->e);
            timer_mod(p->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
            break;
        }
        virtqueue_push(vq, &p->e, 0);
        any = true;
    }
    if (any)
        virtio_notify(&p->s->vdev, vq);
}

static void retry_due(void *opaque)
{
    send_data(opaque);
}

/* Room of the next buffer: more than it is not offered to the host. */
static size_t can_read(void *opaque)
{
    Port *p = opaque;
    VirtQueue *vq = rx_queue(p);
    if (!virtio_driver_ok(&p->s->vdev) || (multiport(p->s) && !p->guest_open) || !virtqueue_pop(vq, &p->e))
        return 0;
    size_t room = p->e.in_size;
    virtqueue_unpop(vq, &p->e);
    return MIN(room, 64 * KiB);
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    Port *p = opaque;
    VirtQueue *vq = rx_queue(p);
    bool any = false;
    while (len && virtqueue_pop(vq, &p->e)) {
        size_t n = iov_write(p->e.in, p->e.nin, 0, buf, len);
        virtqueue_push(vq, &p->e, n);
        buf += n;
        len -= n;
        any = true;
    }
    if (any)
        virtio_notify(&p->s->vdev, vq);
}

static void host_event(void *opaque, ChardevEvent e)
{
    Port *p = opaque;
    bool open = e == CHR_EVENT_OPENED;
    if (p->console || e == CHR_EVENT_BREAK || p->host_open == open)
        return;
    p->host_open = open;
    send_message(p->s, p->nr, PORT_OPEN, open, NULL);
    send_data(p);
}

static const ChardevFrontend frontend = { .can_read = can_read, .read = receive, .event = host_event };

/* The port of a data queue, or NULL. */
static Port *port_of(VirtIODevice *vdev, const VirtQueue *vq)
{
    unsigned nr = vq->index < 2 ? 0 : vq->index / 2 - 1;
    return ((VirtIOSerial *)vdev)->ports[nr];
}

static void handle_rx(VirtIODevice *vdev, VirtQueue *vq)
{
    Port *p = port_of(vdev, vq);
    if (p && p->chr)
        chardev_accept_input(p->chr);
}

static void handle_tx(VirtIODevice *vdev, VirtQueue *vq)
{
    Port *p = port_of(vdev, vq);
    if (p && !timer_pending(p->retry))
        send_data(p);
}

/* ---- The controller ---- */

static uint64_t get_features(VirtIODevice *vdev)
{
    const VirtIOSerial *s = (VirtIOSerial *)vdev;
    return (s->max_ports > 1 ? 1u << F_MULTIPORT : 0) | (s->emergency_write ? 1u << F_EMERG_WRITE : 0);
}

static void get_config(VirtIODevice *vdev, uint8_t *config)
{
    memset(config, 0, CONFIG_LEN);
    put_le32(config + CONFIG_MAX_PORTS, ((VirtIOSerial *)vdev)->max_ports);
}

static void set_config(VirtIODevice *vdev, const uint8_t *config, unsigned offset, unsigned size)
{
    const VirtIOSerial *s = (VirtIOSerial *)vdev;
    if (s->emergency_write && offset == CONFIG_EMERG_WRITE && s->ports[0] && s->ports[0]->chr)
        chardev_write(s->ports[0]->chr, config + CONFIG_EMERG_WRITE, 1);
}

static void reset(VirtIODevice *vdev)
{
    VirtIOSerial *s = (VirtIOSerial *)vdev;
    GBytes *b;
    while ((b = g_queue_pop_head(s->pending)))
        g_bytes_unref(b);
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (!s->ports[i])
            continue;
        timer_del(s->ports[i]->retry);
        s->ports[i]->out_offset = 0;
        set_guest_open(s->ports[i], false);
    }
}

static void set_status(VirtIODevice *vdev, uint8_t status)
{
    VirtIOSerial *s = (VirtIOSerial *)vdev;
    if ((status & VIRTIO_S_DRIVER_OK) && !multiport(s) && s->ports[0])
        set_guest_open(s->ports[0], true); /* the one port cannot be closed */
}

static bool bus_has_room(const Bus *bus)
{
    const VirtIOSerial *s = container_of(bus, VirtIOSerial, bus);
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (!s->ports[i])
            return true;
    }
    return false;
}

static bool serial_realize(Device *dev, Error **errp)
{
    VirtIOSerial *s = (VirtIOSerial *)dev;
    if (!virtio_init(&s->vdev, errp))
        return false;
    if (!s->max_ports || s->max_ports > PORTS_MAX) {
        error_setg(errp, "Invalid number of ports: %u, must be between 1 and %u", s->max_ports, PORTS_MAX);
        return false;
    }
    for (unsigned i = 0; i < s->max_ports; i++) {
        virtio_add_queue(&s->vdev, QUEUE_SIZE, handle_rx);
        virtio_add_queue(&s->vdev, QUEUE_SIZE, handle_tx);
        if (i == 0 && s->max_ports > 1) {
            virtio_add_queue(&s->vdev, CONTROL_QUEUE_SIZE, handle_control_rx);
            virtio_add_queue(&s->vdev, CONTROL_QUEUE_SIZE, handle_control_tx);
        }
    }
    s->pending = g_queue_new();
    g_autofree char *name = virtio_child_bus_name(&s->vdev, "virtio-serial-bus");
    bus_init(&s->bus, BUS_VIRTIO_SERIAL, name, dev);
    s->bus.has_room = bus_has_room;
    virtio_plug(&s->vdev);
    return true;
}

static void serial_unrealize(Device *dev)
{
    VirtIOSerial *s = (VirtIOSerial *)dev;
    virtio_cleanup(&s->vdev);
    virtqueue_element_free(&s->control);
    g_queue_free(s->pending);
}

static const Property serial_props[] = {
    VIRTIO_PROPS(VirtIOSerial, vdev),
    PROP_U32("max_ports", VirtIOSerial, max_ports, 31),
    PROP_BOOL("emergency-write", VirtIOSerial, emergency_write, true),
    {},
};
static const SavedField serial_saved[] = { SAVED_STRUCT(VirtIOSerial, vdev, virtio_saved), SAVED_END() };
static const VirtIOClass serial_class = {
    .id = VIRTIO_ID_CONSOLE, .config_len = CONFIG_LEN, .features = get_features, .get_config = get_config, .set_config = set_config,
    .set_status = set_status, .reset = reset,
};
static const DeviceType serial_type = {
    .name = "virtio-serial-device", .bus = BUS_VIRTIO, .category = "Input devices", .size = sizeof(VirtIOSerial), .props = serial_props,
    .saved = serial_saved, .realize = serial_realize, .unrealize = serial_unrealize, .reset = virtio_device_reset,
    .post_load = virtio_device_loaded, .class_data = &serial_class,
};
device_type(serial_type)

/* ---- Ports ---- */

/* Port 0 is for a console; other ports are numbered from 1 on as long as there is another number. */
static bool choose_number(Port *p, Error **errp)
{
    VirtIOSerial *s = p->s;
    if (p->nr == UINT32_MAX) {
        unsigned nr = p->console || s->max_ports == 1 ? 0 : 1;
        while (nr < s->max_ports && s->ports[nr])
            nr++;
        p->nr = nr;
    }
    if (p->nr >= s->max_ports) {
        error_setg(errp, "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u", s->max_ports - 1);
        return false;
    }
    if (s->ports[p->nr]) {
        error_setg(errp, "virtio-serial-bus: A port already exists at id %u", p->nr);
        return false;
    }
    if (p->nr == 0 && !p->console && s->max_ports > 1) {
        error_setg(errp, "Port number 0 on virtio-serial devices reserved for virtconsole devices for backward compatibility.");
        return false;
    }
    for (unsigned i = 0; p->name && i < s->max_ports; i++) {
        if (s->ports[i] && !g_strcmp0(s->ports[i]->name, p->name)) {
            error_setg(errp, "virtio-serial-bus: A port already exists by name %s", p->name);
            return false;
        }
    }
    return true;
}

static bool port_realize(Device *dev, Error **errp)
{
    Port *p = (Port *)dev;
    p->s = container_of(dev->parent, VirtIOSerial, bus);
    p->console = !strcmp(dev->type->name, "virtconsole");
    if (!choose_number(p, errp) || (p->chr && !chardev_attach(p->chr, &frontend, p, errp)))
        return false;
    p->host_open = p->console || (p->chr && chardev_is_open(p->chr));
    p->retry = timer_new(CLOCK_REALTIME_HOST, retry_due, p);
    p->s->ports[p->nr] = p;
    send_message(p->s, p->nr, PORT_ADD, 1, NULL);
    return true;
}

static void port_unrealize(Device *dev)
{
    Port *p = (Port *)dev;
    p->s->ports[p->nr] = NULL;
    send_message(p->s, p->nr, PORT_REMOVE, 1, NULL);
    if (p->chr)
        chardev_detach(p->chr, p);
    timer_free(p->retry);
    virtqueue_element_free(&p->e);
}

/* The host's end is what it is now. */
static void port_loaded(Device *dev)
{
    Port *p = (Port *)dev;
    uint8_t byte;
    memcpy(&byte, &p->guest_open, 1);
    p->guest_open = byte & 1;
    if (p->s->vdev.status & VIRTIO_S_DRIVER_OK)
        timer_mod(p->retry, clock_ns(CLOCK_REALTIME_HOST));
}

static const Property port_props[] = {
    PROP_CHARDEV("chardev", Port, chr), PROP_STRING("name", Port, name), PROP_U32("nr", Port, nr, UINT32_MAX), {}
};
static const SavedField port_saved[] = { SAVED_INT(Port, guest_open), SAVED_INT(Port, out_offset), SAVED_END() };
static const DeviceType port_type = {
    .name = "virtserialport", .bus = BUS_VIRTIO_SERIAL, .category = "Input devices", .size = sizeof(Port), .props = port_props,
    .saved = port_saved, .realize = port_realize, .unrealize = port_unrealize, .post_load = port_loaded,
};
device_type(port_type)
static const DeviceType console_type = {
    .name = "virtconsole", .bus = BUS_VIRTIO_SERIAL, .category = "Input devices", .size = sizeof(Port), .props = port_props,
    .saved = port_saved, .realize = port_realize, .unrealize = port_unrealize, .post_load = port_loaded,
};
device_type(console_type)
