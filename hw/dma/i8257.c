/* SPDX-License-Identifier: MIT */
/*
 * The PC's pair of DMA controllers (Intel 8237A datasheet, order 231466; page registers: IBM PC AT Technical
 * Reference): channels 0-3 move bytes, 5-7 words, 4 joins the two. Ports 0x00-0x0f, 0xc0-0xde and the pages at
 * 0x80-0x8f; unused pages are storage. Devices drive transfers through hw/isa-dma.h.
 * Not modelled: memory to memory, timing, polarity and priority bits (storage), extended pages.
 */
#include "hw/isa-dma.h"
#include "hw/isa.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { REG_STATUS = 8, REG_REQUEST, REG_SINGLE_MASK, REG_MODE, REG_CLEAR_FLIP_FLOP, REG_MASTER_CLEAR, REG_CLEAR_MASK, REG_ALL_MASKS };
enum { COMMAND_DISABLE = 4 };
enum { MODE_TYPE = 0x0c, TYPE_VERIFY = 0, TYPE_TO_MEMORY = 4, TYPE_FROM_MEMORY = 8, MODE_AUTOINIT = 0x10, MODE_DOWN = 0x20,
       MODE_CASCADE = 0xc0 };

typedef struct DMAChannel {
    uint16_t base_address, base_count, address, count; /* count: transfers left, less one */
    uint8_t mode;
} DMAChannel;
typedef struct DMAController {
    DMAChannel channel[4];
    uint8_t command, status, mask, temporary; /* status: terminal counts; mask: a bit per channel */
    bool high_byte;                           /* of the next access to an address or count */
} DMAController;
typedef struct I8257 {
    Device dev;
    MemoryRegion low, high, pages_io;
    DMAController ctl[2];
    uint8_t pages[16];
} I8257;

/* Requests belong to the devices: they survive a reset of the controllers. */
typedef struct DMAUser {
    void (*handler)(void *opaque);
    void *opaque;
    bool requested, running;
} DMAUser;
static DMAUser users[ISA_DMA_CHANNELS];
static I8257 *pair;

/* Page register of each channel; channel 4's is the refresh page. */
static const uint8_t page_of[ISA_DMA_CHANNELS] = { 0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa };

static bool channel_open(unsigned n)
{
    const DMAController *c = &pair->ctl[n >> 2];
    bool cascade = !(pair->ctl[1].mask & 1) && !(pair->ctl[1].command & COMMAND_DISABLE);
    return !(c->command & COMMAND_DISABLE) && !(c->mask >> (n & 3) & 1) && (n >= 4 || cascade);
}

/* Lets the devices whose channel is open now do their part. */
static void serve_requests(void)
{
    for (unsigned n = 0; pair && n < ISA_DMA_CHANNELS; n++) {
        DMAUser *u = &users[n];
        if (n == 4 || !u->requested || u->running || !u->handler || !channel_open(n))
            continue;
        u->running = true;
        u->handler(u->opaque);
        u->running = false;
    }
}

void isa_dma_register(unsigned channel, void (*handler)(void *opaque), void *opaque)
{
    g_assert(channel < ISA_DMA_CHANNELS);
    users[channel] = (DMAUser){ .handler = handler, .opaque = opaque };
}

void isa_dma_unregister(unsigned channel)
{
    users[channel] = (DMAUser){ 0 };
}

void isa_dma_request(unsigned channel, bool level)
{
    users[channel].requested = level;
    if (level)
        serve_requests();
}

/* ---- Transfers ---- */

/* Bytes that can move before the address wraps at its 16 bits (the page does not count on) or the count ends. */
static size_t run_length(const DMAChannel *ch, unsigned unit, size_t units)
{
    size_t to_wrap = ch->mode & MODE_DOWN ? 1 : 0x10000u - ch->address;
    return MIN(MIN(units, (size_t)ch->count + 1), to_wrap) * unit;
}

static hwaddr memory_address(unsigned n, const DMAChannel *ch)
{
    hwaddr page = pair->pages[page_of[n]];
    return n < 4 ? page << 16 | ch->address : (page & ~1ull) << 16 | (hwaddr)ch->address << 1;
}

/* Counts transfers; true at the terminal count, after which the channel starts over or is masked. */
static bool count_transfers(unsigned n, DMAChannel *ch, unsigned transfers)
{
    DMAController *c = &pair->ctl[n >> 2];
    bool end = transfers > ch->count;
    ch->address = (uint16_t)(ch->mode & MODE_DOWN ? ch->address - transfers : ch->address + transfers);
    ch->count = (uint16_t)(ch->count - transfers);
    if (!end)
        return false;
    c->status |= 1 << (n & 3);
    if (ch->mode & MODE_AUTOINIT) {
        ch->address = ch->base_address;
        ch->count = ch->base_count;
    } else {
        c->mask |= 1 << (n & 3);
    }
    return true;
}

size_t isa_dma_transfer(unsigned n, bool to_memory, void *buf, size_t len, bool *end)
{
    *end = false;
    if (!pair || n >= ISA_DMA_CHANNELS || n == 4 || !channel_open(n))
        return 0;
    DMAChannel *ch = &pair->ctl[n >> 2].channel[n & 3];
    unsigned unit = n < 4 ? 1 : 2, type = ch->mode & MODE_TYPE;
    if ((ch->mode & MODE_CASCADE) == MODE_CASCADE || (type != TYPE_VERIFY && type != (to_memory ? TYPE_TO_MEMORY : TYPE_FROM_MEMORY))) {
        guest_error("i8257: channel %u is programmed for another kind of transfer\n", n);
        return 0;
    }
    size_t moved = 0;
    while (moved + unit <= len && !*end && channel_open(n)) {
        size_t run = run_length(ch, unit, (len - moved) / unit);
        if (type != TYPE_VERIFY)
            address_space_rw(address_space_memory, memory_address(n, ch), (uint8_t *)buf + moved, run, to_memory);
        moved += run;
        *end = count_transfers(n, ch, (unsigned)(run / unit));
    }
    return moved;
}

/* ---- Registers ---- */

static uint8_t take_byte(DMAController *c, uint16_t v)
{
    uint8_t byte = (uint8_t)(c->high_byte ? v >> 8 : v);
    c->high_byte = !c->high_byte;
    return byte;
}

static uint64_t controller_read(DMAController *c, unsigned reg)
{
    const DMAChannel *ch = &c->channel[reg >> 1 & 3];
    uint8_t v = 0;
    if (reg < 8)
        return take_byte(c, reg & 1 ? ch->count : ch->address);
    switch (reg) {
    case REG_STATUS:
        v = c->status;
        for (unsigned i = 0; i < 4; i++)
            v |= users[(c == &pair->ctl[1] ? 4 : 0) + i].requested << (4 + i);
        c->status = 0;
        return v;
    case REG_MASTER_CLEAR: return c->temporary;
    case REG_ALL_MASKS: return c->mask | 0xf0;
    default: return 0;
    }
}

static void write_half(DMAController *c, uint16_t *base, uint16_t *current, uint8_t value)
{
    *base = (uint16_t)(c->high_byte ? (*base & 0x00ff) | value << 8 : (*base & 0xff00) | value);
    *current = *base;
    c->high_byte = !c->high_byte;
}

static void controller_clear(DMAController *c)
{
    c->command = c->status = c->temporary = 0;
    c->high_byte = false;
    c->mask = 15;
}

static void controller_write(DMAController *c, unsigned reg, uint8_t value)
{
    DMAChannel *ch = &c->channel[reg >> 1 & 3];
    if (reg < 8) {
        write_half(c, reg & 1 ? &ch->base_count : &ch->base_address, reg & 1 ? &ch->count : &ch->address, value);
        return;
    }
    switch (reg) {
    case REG_STATUS: c->command = value; break;
    case REG_SINGLE_MASK: c->mask = (uint8_t)((c->mask & ~(1 << (value & 3))) | (value >> 2 & 1) << (value & 3)); break;
    case REG_MODE: c->channel[value & 3].mode = value; break;
    case REG_CLEAR_FLIP_FLOP: c->high_byte = false; break;
    case REG_MASTER_CLEAR: controller_clear(c); break;
    case REG_CLEAR_MASK: c->mask = 0; break;
    case REG_ALL_MASKS: c->mask = value & 15; break;
    default: return; /* software requests are for memory to memory */
    }
    serve_requests();
}

static uint64_t low_read(void *opaque, hwaddr port, unsigned size)
{
    return controller_read(&((I8257 *)opaque)->ctl[0], (unsigned)port);
}

static void low_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    controller_write(&((I8257 *)opaque)->ctl[0], (unsigned)port, (uint8_t)value);
}

static uint64_t high_read(void *opaque, hwaddr port, unsigned size)
{
    return port & 1 ? 0xff : controller_read(&((I8257 *)opaque)->ctl[1], (unsigned)port >> 1);
}

static void high_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    if (!(port & 1))
        controller_write(&((I8257 *)opaque)->ctl[1], (unsigned)port >> 1, (uint8_t)value);
}

static uint64_t pages_read(void *opaque, hwaddr port, unsigned size)
{
    return ((I8257 *)opaque)->pages[port];
}

static void pages_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    ((I8257 *)opaque)->pages[port] = (uint8_t)value;
}

static const MemoryRegionOps low_ops = { .read = low_read, .write = low_write, .impl_min = 1, .impl_max = 1 };
static const MemoryRegionOps high_ops = { .read = high_read, .write = high_write, .impl_min = 1, .impl_max = 1 };
static const MemoryRegionOps pages_ops = { .read = pages_read, .write = pages_write, .impl_min = 1, .impl_max = 1 };

/* ---- Life ---- */

static void i8257_reset(Device *dev)
{
    I8257 *s = (I8257 *)dev;
    memset(s->ctl, 0, sizeof(s->ctl));
    memset(s->pages, 0, sizeof(s->pages));
    controller_clear(&s->ctl[0]);
    controller_clear(&s->ctl[1]);
}

static bool i8257_realize(Device *dev, Error **errp)
{
    I8257 *s = (I8257 *)dev;
    memory_region_init_io(&s->low, dev, &low_ops, s, "dma-chan", 16);
    memory_region_init_io(&s->high, dev, &high_ops, s, "dma-chan", 32);
    memory_region_init_io(&s->pages_io, dev, &pages_ops, s, "dma-page", 16);
    isa_register_ioport(dev, &s->low, 0x00);
    isa_register_ioport(dev, &s->high, 0xc0);
    isa_register_ioport(dev, &s->pages_io, 0x80);
    i8257_reset(dev);
    pair = s;
    return true;
}

static void i8257_unrealize(Device *dev)
{
    if (pair == (I8257 *)dev)
        pair = NULL;
}

static void i8257_loaded(Device *dev)
{
    I8257 *s = (I8257 *)dev;
    for (unsigned i = 0; i < 2; i++) {
        s->ctl[i].high_byte = *(uint8_t *)&s->ctl[i].high_byte & 1;
        s->ctl[i].mask &= 15;
        s->ctl[i].status &= 15;
    }
}

static const SavedField channel_saved[] = {
    SAVED_INT(DMAChannel, base_address), SAVED_INT(DMAChannel, base_count), SAVED_INT(DMAChannel, address),
    SAVED_INT(DMAChannel, count), SAVED_INT(DMAChannel, mode), SAVED_END(),
};
static const SavedField controller_saved[] = {
    SAVED_STRUCTS(DMAController, channel, channel_saved), SAVED_INT(DMAController, command), SAVED_INT(DMAController, status),
    SAVED_INT(DMAController, mask), SAVED_INT(DMAController, temporary), SAVED_INT(DMAController, high_byte), SAVED_END(),
};
static const SavedField i8257_saved[] = {
    SAVED_STRUCTS(I8257, ctl, controller_saved), SAVED_BYTES(I8257, pages), SAVED_END(),
};
static const DeviceType i8257_type = {
    .name = "i8257", .desc = "ISA DMA controllers", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(I8257),
    .internal = true, .saved = i8257_saved, .realize = i8257_realize, .unrealize = i8257_unrealize, .reset = i8257_reset,
    .post_load = i8257_loaded,
};
device_type(i8257_type);
