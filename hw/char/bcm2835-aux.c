/* SPDX-License-Identifier: MIT */
/*
 * Auxiliary peripherals of the BCM2835 (BCM2835 ARM Peripherals, ch. 2): the mini UART, and the registers around it. Region 0
 * (256 bytes), output 0 = interrupt, property chardev. Characters leave at once. Not modelled: SPI 1 and 2, baud rate.
 */
#include "chardev.h"
#include "hw/device.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

#define FIFO 8
#define RETRY_NS 1000000
enum { R_IRQ = 0x00, R_ENABLES = 0x04, R_IO = 0x40, R_IER = 0x44, R_IIR = 0x48, R_LCR = 0x4c, R_MCR = 0x50, R_LSR = 0x54,
       R_MSR = 0x58, R_SCRATCH = 0x5c, R_CNTL = 0x60, R_STAT = 0x64, R_BAUD = 0x68, REGION = 0x100 };
enum { IER_RX = 1, IER_TX = 2, LSR_RX_READY = 1, LSR_TX_EMPTY = 0x20, LSR_TX_IDLE = 0x40, LCR_DLAB = 0x80 };

typedef struct BCMAux {
    Device dev;
    Chardev *chr;
    MemoryRegion io;
    uint8_t rx[FIFO], rx_head, rx_count, rx_refused, tx[FIFO], tx_count;
    uint8_t enables, ier, lcr, mcr, scratch, cntl;
    uint16_t baud;
    Timer *retry;
} BCMAux;

/* Identification: receive goes before transmit. 1: nothing. */
static uint8_t interrupt_id(const BCMAux *s)
{
    if ((s->ier & IER_RX) && s->rx_count)
        return 4;
    return (s->ier & IER_TX) && !s->tx_count ? 2 : 1;
}

static void update_irq(BCMAux *s)
{
    irq_set(&s->dev.out[0], interrupt_id(s) != 1);
}

static void flush(BCMAux *s)
{
    size_t sent = s->chr ? chardev_write(s->chr, s->tx, s->tx_count) : s->tx_count;
    s->tx_count -= (uint8_t)sent;
    memmove(s->tx, s->tx + sent, s->tx_count);
    if (s->tx_count)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
    update_irq(s);
}

static void retry_due(void *opaque)
{
    flush(opaque);
}

static size_t can_read(void *opaque)
{
    BCMAux *s = opaque;
    s->rx_refused = s->rx_count == FIFO;
    return FIFO - s->rx_count;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    BCMAux *s = opaque;
    for (size_t i = 0; i < len && s->rx_count < FIFO; i++)
        s->rx[(s->rx_head + s->rx_count++) % FIFO] = buf[i];
    update_irq(s);
}

static const ChardevFrontend frontend = { .can_read = can_read, .read = receive };

static uint8_t read_byte(BCMAux *s)
{
    uint8_t c = s->rx[s->rx_head];
    if (!s->rx_count)
        return c;
    s->rx_head = (s->rx_head + 1) % FIFO;
    s->rx_count--;
    update_irq(s);
    if (s->rx_refused && s->chr) {
        s->rx_refused = 0;
        chardev_accept_input(s->chr);
    }
    return c;
}

static uint64_t aux_read(void *opaque, hwaddr offset, unsigned size)
{
    BCMAux *s = opaque;
    (void)size;
    switch (offset & ~3ull) {
    case R_IRQ: return interrupt_id(s) != 1;
    case R_ENABLES: return s->enables;
    case R_IO: return s->lcr & LCR_DLAB ? s->baud & 0xff : read_byte(s);
    case R_IER: return s->lcr & LCR_DLAB ? s->baud >> 8 : s->ier;
    case R_IIR: return 0xc0 | interrupt_id(s);
    case R_LCR: return s->lcr;
    case R_MCR: return s->mcr;
    case R_LSR: return (s->rx_count ? LSR_RX_READY : 0) | (s->tx_count ? 0 : LSR_TX_EMPTY | LSR_TX_IDLE);
    case R_MSR: return 0x30; /* clear to send */
    case R_SCRATCH: return s->scratch;
    case R_CNTL: return s->cntl;
    case R_STAT:
        return (s->rx_count ? 1 : 0) | (s->tx_count < FIFO ? 2 : 0) | (s->tx_count ? 0 : 0x308) | (uint64_t)s->rx_count << 16 |
               (uint64_t)s->tx_count << 24;
    case R_BAUD: return s->baud;
    default: return 0;
    }
}

static void write_io(BCMAux *s, uint8_t value)
{
    if (s->lcr & LCR_DLAB) {
        s->baud = (uint16_t)((s->baud & 0xff00) | value);
    } else if (s->tx_count < FIFO) {
        s->tx[s->tx_count++] = value;
        flush(s);
    }
}

static void aux_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    BCMAux *s = opaque;
    uint8_t v = (uint8_t)value;
    (void)size;
    switch (offset & ~3ull) {
    case R_ENABLES: s->enables = v & 7; break;
    case R_IO: write_io(s, v); return;
    case R_IER:
        if (s->lcr & LCR_DLAB)
            s->baud = (uint16_t)((s->baud & 0xff) | v << 8);
        else
            s->ier = v;
        break;
    case R_IIR: /* FIFO clears */
        if (v & 2)
            s->rx_count = 0;
        if (v & 4)
            s->tx_count = 0;
        break;
    case R_LCR: s->lcr = v; break;
    case R_MCR: s->mcr = v; break;
    case R_SCRATCH: s->scratch = v; break;
    case R_CNTL: s->cntl = v; break;
    case R_BAUD: s->baud = (uint16_t)value; break;
    default: break;
    }
    update_irq(s);
}

static const MemoryRegionOps aux_ops = { .read = aux_read, .write = aux_write, .impl_min = 1, .impl_max = 4 };

static void aux_reset(Device *dev)
{
    BCMAux *s = (BCMAux *)dev;
    s->rx_head = s->rx_count = s->tx_count = 0;
    s->enables = s->ier = s->lcr = s->mcr = s->scratch = 0;
    s->cntl = 3;
    s->baud = 0;
    timer_del(s->retry);
    update_irq(s);
}

static bool aux_realize(Device *dev, Error **errp)
{
    BCMAux *s = (BCMAux *)dev;
    device_init_out(dev, 1);
    if (s->chr && !chardev_attach(s->chr, &frontend, s, errp))
        return false;
    memory_region_init_io(&s->io, dev, &aux_ops, s, "bcm2835-aux", REGION);
    device_add_region(dev, &s->io);
    s->retry = timer_new(CLOCK_REALTIME_HOST, retry_due, s);
    aux_reset(dev);
    return true;
}

static void aux_unrealize(Device *dev)
{
    BCMAux *s = (BCMAux *)dev;
    if (s->chr)
        chardev_detach(s->chr, s);
    timer_free(s->retry);
}

static void aux_post_load(Device *dev)
{
    BCMAux *s = (BCMAux *)dev;
    s->rx_head %= FIFO;
    s->rx_count = MIN(s->rx_count, (uint8_t)FIFO);
    s->tx_count = MIN(s->tx_count, (uint8_t)FIFO);
    if (s->tx_count)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST));
    update_irq(s);
}

static const Property aux_props[] = { PROP_CHARDEV("chardev", BCMAux, chr), {} };
static const SavedField aux_saved[] = {
    SAVED_BYTES(BCMAux, rx), SAVED_INT(BCMAux, rx_head), SAVED_INT(BCMAux, rx_count), SAVED_INT(BCMAux, rx_refused),
    SAVED_BYTES(BCMAux, tx), SAVED_INT(BCMAux, tx_count), SAVED_INT(BCMAux, enables), SAVED_INT(BCMAux, ier),
    SAVED_INT(BCMAux, lcr), SAVED_INT(BCMAux, mcr), SAVED_INT(BCMAux, scratch), SAVED_INT(BCMAux, cntl),
    SAVED_INT(BCMAux, baud), SAVED_END(),
};
static const DeviceType aux_type = {
    .name = "bcm2835-aux", .desc = "BCM2835 auxiliary peripherals with mini UART", .bus = BUS_SYSTEM,
    .category = "Input devices", .internal = true, .size = sizeof(BCMAux), .props = aux_props, .saved = aux_saved,
    .realize = aux_realize, .unrealize = aux_unrealize, .reset = aux_reset, .post_load = aux_post_load,
};
device_type(aux_type)
