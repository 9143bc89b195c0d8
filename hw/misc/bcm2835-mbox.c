/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes between the BCM2835's Arm cores and its VideoCore, and the firmware at the other end of channel 8, which answers property
 * requests (github.com/raspberrypi/firmware/wiki/Mailbox-property-interface). Region 0 (1 KiB, registers from 0x80);
 * output 0 = ARM interrupt "mailbox". Properties board-rev, ram-size, vc-size. Requests are answered at once.
 * Not modelled: other channels (they are not answered), framebuffer (no size is offered), what firmware GPIOs lead to.
 */
#include "hw/device.h"
#include "hw/loader.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { R_READ0 = 0x80, R_PEEK0 = 0x90, R_STATUS0 = 0x98, R_CONFIG0 = 0x9c, R_WRITE1 = 0xa0, R_STATUS1 = 0xb8, R_CONFIG1 = 0xbc };
enum { STATUS_EMPTY = 0x40000000, CONFIG_IRQ_DATA = 1, CHANNEL_PROPERTY = 8, QUEUE = 8 };
enum { REQUEST_OK = 0x80000000u, REQUEST_BAD = 0x80000001u, TAG_ANSWERED = 0x80000000u };
#define REQUEST_MAX 4096u

typedef struct Mailbox {
    Device dev;
    uint32_t board_rev;
    uint64_t ram_size, vc_size;
    MemoryRegion io;
    uint32_t queue[QUEUE], count, config;
    uint32_t clock_rate[16];
    uint32_t power;              /* a bit per power domain */
} Mailbox;

/* ---- The firmware's answers ---- */

/* Hz; indexed by the firmware's clock number. */
static const uint32_t clock_defaults[16] = {
    [1] = 50000000 /* EMMC */, [2] = 48000000 /* UART */, [3] = 700000000 /* ARM */, [4] = 250000000 /* core */,
    [5] = 250000000, [6] = 250000000, [7] = 250000000, [8] = 400000000 /* SDRAM */, [9] = 154000000 /* pixel */,
    [10] = 0, [11] = 100000000, [12] = 50000000,
};

typedef struct TagContext {
    Mailbox *s;
    uint8_t *value;     /* request in, response out */
    uint32_t room;      /* of value */
    uint32_t length;    /* of the response */
} TagContext;

static uint32_t argument(const TagContext *c, unsigned n)
{
    return 4 * n + 4 <= c->room ? get_le32(c->value + 4 * n) : 0;
}

/* The response is as long as what is set, also where there is no room for it. */
static void answer(TagContext *c, unsigned n, uint32_t v)
{
    if (4 * n + 4 <= c->room)
        put_le32(c->value + 4 * n, v);
    c->length = MAX(c->length, 4 * n + 4);
}

static void tag_constant(TagContext *c, uint32_t v)
{
    answer(c, 0, v);
}

static void tag_mac(TagContext *c, uint32_t unused)
{
    static const uint8_t mac[] = { 0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56, 0, 0 };
    (void)unused;
    answer(c, 0, get_le32(mac));
    answer(c, 1, get_le32(mac + 4));
    c->length = 6;
}

static void tag_serial(TagContext *c, uint32_t unused)
{
    (void)unused;
    answer(c, 0, 0x12345678);
    answer(c, 1, 0);
}

static void tag_board_rev(TagContext *c, uint32_t unused)
{
    (void)unused;
    answer(c, 0, c->s->board_rev);
}

static void tag_arm_memory(TagContext *c, uint32_t unused)
{
    (void)unused;
    answer(c, 0, 0);
    answer(c, 1, (uint32_t)(c->s->ram_size - c->s->vc_size));
}

static void tag_vc_memory(TagContext *c, uint32_t unused)
{
    (void)unused;
    answer(c, 0, (uint32_t)(c->s->ram_size - c->s->vc_size));
    answer(c, 1, (uint32_t)c->s->vc_size);
}

/* Argument 0 names a clock, voltage or domain and is repeated; then a constant. */
static void tag_indexed(TagContext *c, uint32_t v)
{
    answer(c, 0, argument(c, 0));
    answer(c, 1, v);
}

static void tag_clock_rate(TagContext *c, uint32_t unused)
{
    (void)unused;
    tag_indexed(c, c->s->clock_rate[argument(c, 0) & 15]);
}

static void tag_clock_default(TagContext *c, uint32_t unused)
{
    (void)unused;
    tag_indexed(c, clock_defaults[argument(c, 0) & 15]);
}

static void tag_set_clock_rate(TagContext *c, uint32_t unused)
{
    (void)unused;
    c->s->clock_rate[argument(c, 0) & 15] = argument(c, 1);
    tag_indexed(c, argument(c, 1));
}

static void tag_get_power(TagContext *c, uint32_t unused)
{
    (void)unused;
    tag_indexed(c, c->s->power >> (argument(c, 0) & 31) & 1);
}

static void tag_set_power(TagContext *c, uint32_t unused)
{
    uint32_t bit = 1u << (argument(c, 0) & 31), on = argument(c, 1) & 1;
    (void)unused;
    c->s->power = on ? c->s->power | bit : c->s->power & ~bit;
    tag_indexed(c, on);
}

/* GPIOs behind the firmware: the number is replaced by a status, the rest is echoed. */
static void tag_gpio(TagContext *c, uint32_t words)
{
    answer(c, 0, 0);
    c->length = 4 * words;
}

static void tag_empty(TagContext *c, uint32_t unused)
{
    (void)c;
    (void)unused;
}

static const struct {
    uint32_t tag;
    void (*run)(TagContext *c, uint32_t arg);
    uint32_t arg;
} tags[] = {
    { 0x00000001, tag_constant, 0x0002a2c1 /* firmware of 2022 */ }, { 0x00010001, tag_constant, 0 },
    { 0x00010002, tag_board_rev, 0 }, { 0x00010003, tag_mac, 0 }, { 0x00010004, tag_serial, 0 },
    { 0x00010005, tag_arm_memory, 0 }, { 0x00010006, tag_vc_memory, 0 }, { 0x00010007, tag_empty, 0 },
    { 0x00020001, tag_get_power, 0 }, { 0x00020002, tag_indexed, 0 /* us */ }, { 0x00028001, tag_set_power, 0 },
    { 0x00030001, tag_indexed, 1 }, { 0x00038001, tag_indexed, 1 }, { 0x00030002, tag_clock_rate, 0 },
    { 0x00038002, tag_set_clock_rate, 0 }, { 0x00030004, tag_clock_default, 0 }, { 0x00030007, tag_clock_default, 0 },
    { 0x00030047, tag_clock_rate, 0 }, { 0x00030003, tag_indexed, 1200000 /* uV */ }, { 0x00030005, tag_indexed, 1200000 },
    { 0x00030008, tag_indexed, 1200000 }, { 0x00030006, tag_indexed, 25000 /* m degrees */ },
    { 0x0003000a, tag_indexed, 99000 }, { 0x00030009, tag_indexed, 0 }, { 0x00038009, tag_indexed, 0 },
    { 0x00050001, tag_empty, 0 }, { 0x00060001, tag_constant, 0x003c }, { 0x00030046, tag_constant, 0 },
    { 0x00030041, tag_gpio, 2 }, { 0x00038041, tag_gpio, 2 }, { 0x00030043, tag_gpio, 5 }, { 0x00038043, tag_gpio, 6 },
    { 0x00030030, tag_empty, 0 }, { 0x00030048, tag_empty, 0 }, { 0x00040003, tag_empty, 0 },
};

static bool run_tag(TagContext *c, uint32_t tag)
{
    for (unsigned i = 0; i < ARRAY_SIZE(tags); i++)
        if (tags[i].tag == tag) {
            tags[i].run(c, tags[i].arg);
            return true;
        }
    log_printf(LOG_UNIMP, "bcm2835-property: tag 0x%08x\n", tag);
    return false;
}

/* A request: total size, code, then tags {tag, room, length, value …} up to tag 0. Lengths are the guest's. */
static void run_request(Mailbox *s, uint32_t address)
{
    uint8_t head[8], *buf;
    if (address_space_read(address_space_memory, address, head, 8) != MEMTX_OK)
        return;
    uint32_t size = MIN(get_le32(head), REQUEST_MAX), at = 8;
    if (size < 12)
        return;
    buf = g_malloc(size);
    address_space_read(address_space_memory, address, buf, size);
    uint32_t code = REQUEST_OK;
    while (at + 4 <= size && get_le32(buf + at)) {
        bool whole = size - at >= 12;
        uint32_t tag = get_le32(buf + at), room = whole ? get_le32(buf + at + 4) : 0;
        if (!whole || room > size - at - 12) {
            code = REQUEST_BAD;
            break;
        }
        TagContext c = { .s = s, .value = buf + at + 12, .room = room };
        if (run_tag(&c, tag))
            put_le32(buf + at + 8, TAG_ANSWERED | c.length);
        at += 12 + ((room + 3) & ~3u);
    }
    put_le32(buf + 4, code);
    address_space_write(address_space_memory, address, buf, size);
    g_free(buf);
}

/* ---- Mailbox registers ---- */

static void update_irq(Mailbox *s)
{
    irq_set(&s->dev.out[0], s->count && (s->config & CONFIG_IRQ_DATA));
}

static uint32_t take(Mailbox *s)
{
    uint32_t v = s->count ? s->queue[0] : 0;
    if (s->count)
        memmove(s->queue, s->queue + 1, --s->count * sizeof(s->queue[0]));
    update_irq(s);
    return v;
}

static uint64_t mbox_read(void *opaque, hwaddr offset, unsigned size)
{
    Mailbox *s = opaque;
    (void)size;
    switch (offset) {
    case R_READ0: return take(s);
    case R_PEEK0: return s->count ? s->queue[0] : 0;
    case R_STATUS0: return s->count ? 0 : STATUS_EMPTY;
    case R_CONFIG0: return s->config;
    case R_STATUS1: return STATUS_EMPTY; /* never full */
    default: return 0;
    }
}

static void mbox_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mailbox *s = opaque;
    uint32_t v = (uint32_t)value;
    (void)size;
    if (offset == R_CONFIG0) {
        s->config = v & 7;
    } else if (offset == R_WRITE1 && (v & 15) == CHANNEL_PROPERTY && s->count < QUEUE) {
        run_request(s, v & 0x3ffffff0); /* the bus address's upper bits choose caching */
        s->queue[s->count++] = v;
    } else if (offset == R_WRITE1) {
        log_printf(LOG_UNIMP, "bcm2835-mbox: channel %u\n", v & 15);
    }
    update_irq(s);
}

static const MemoryRegionOps mbox_ops = { .read = mbox_read, .write = mbox_write, .impl_min = 4, .impl_max = 4 };

static void mbox_reset(Device *dev)
{
    Mailbox *s = (Mailbox *)dev;
    s->count = s->config = 0;
    s->power = 0;
    memcpy(s->clock_rate, clock_defaults, sizeof(s->clock_rate));
    update_irq(s);
}

static bool mbox_realize(Device *dev, Error **errp)
{
    Mailbox *s = (Mailbox *)dev;
    (void)errp;
    device_init_out(dev, 1);
    memory_region_init_io(&s->io, dev, &mbox_ops, s, "bcm2835-mbox", 0x400);
    device_add_region(dev, &s->io);
    mbox_reset(dev);
    return true;
}

static void mbox_post_load(Device *dev)
{
    Mailbox *s = (Mailbox *)dev;
    s->count = MIN(s->count, QUEUE);
    update_irq(s);
}

static const Property mbox_props[] = {
    PROP_U32("board-rev", Mailbox, board_rev, 0), PROP_U64("ram-size", Mailbox, ram_size, 0),
    PROP_U64("vc-size", Mailbox, vc_size, 0), {},
};
static const SavedField mbox_saved[] = {
    SAVED_ARRAY(Mailbox, queue), SAVED_INT(Mailbox, count), SAVED_INT(Mailbox, config), SAVED_ARRAY(Mailbox, clock_rate),
    SAVED_INT(Mailbox, power), SAVED_END(),
};
static const DeviceType mbox_type = {
    .name = "bcm2835-mbox", .desc = "BCM2835 mailboxes and firmware", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(Mailbox), .props = mbox_props, .saved = mbox_saved, .realize = mbox_realize,
    .reset = mbox_reset, .post_load = mbox_post_load,
};
device_type(mbox_type)
