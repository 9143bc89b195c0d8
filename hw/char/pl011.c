/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell UART PL011 (ARM DDI 0183). Region 0 (4 KiB), output 0 = combined interrupt, property chardev.
 * Characters leave at once; when the backend is blocked they wait in the FIFO and a timer on the host clock
 * tries again. The receive interrupt comes with the first character whatever the FIFO level selected, so no
 * timeout interrupt is needed. Works before UARTEN is set, as early consoles expect.
 * Not modelled: baud rate delays, parity and framing errors, modem lines (the peer is always ready), DMA, IrDA.
 */
#include "chardev.h"
#include "hw/fdt.h"
#include "hw/primecell.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

#define FIFO 16
#define RETRY_NS 1000000

enum { R_DR, R_RSR, R_FR, R_ILPR, R_IBRD, R_FBRD, R_LCR, R_CR, R_IFLS, R_IMSC, R_RIS };
enum { DR_BREAK = 1 << 10, DR_OVERRUN = 1 << 11 };
enum { FR_CTS = 1, FR_DSR = 2, FR_DCD = 4, FR_BUSY = 8, FR_RXFE = 0x10, FR_TXFF = 0x20, FR_RXFF = 0x40, FR_TXFE = 0x80 };
enum { LCR_FEN = 0x10, CR_LOOPBACK = 0x80 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_BREAK = 0x200, INT_OVERRUN = 0x400, INT_ALL = 0x7ff };

typedef struct PL011 {
    Device dev;
    Chardev *chr;
    uint16_t rx[FIFO];     /* data with its error flags */
    uint8_t rx_head, rx_count, rx_refused;
    uint8_t tx[FIFO], tx_count;
    Timer *retry;
} PL011;

static unsigned capacity(const PL011 *s)
{
    return s->dev.regs[R_LCR] & LCR_FEN ? FIFO : 1;
}

static void update_irq(PL011 *s)
{
    irq_set(&s->dev.out[0], (s->dev.regs[R_RIS] & s->dev.regs[R_IMSC]) != 0);
}

/* ---- Receiver ---- */

static void rx_character(PL011 *s, uint16_t c)
{
    uint32_t *ris = &s->dev.regs[R_RIS];
    if (s->rx_count >= capacity(s)) {
        s->rx[(s->rx_head + s->rx_count - 1) % FIFO] |= DR_OVERRUN;
        *ris |= INT_OVERRUN;
    } else {
        s->rx[(s->rx_head + s->rx_count++) % FIFO] = c;
    }
    *ris |= INT_RX | (c & DR_BREAK ? INT_BREAK : 0);
    update_irq(s);
}

static uint32_t read_dr(void *dev, unsigned index, uint32_t value)
{
    PL011 *s = dev;
    uint16_t c = s->rx[s->rx_head];
    (void)index;
    (void)value;
    if (!s->rx_count)
        return c;
    s->rx_head = (s->rx_head + 1) % FIFO;
    if (!--s->rx_count)
        s->dev.regs[R_RIS] &= ~INT_RX;
    s->dev.regs[R_RSR] = c >> 8;
    update_irq(s);
    if (s->rx_refused && s->chr) {
        s->rx_refused = 0;
        chardev_accept_input(s->chr);
    }
    return c;
}

static size_t can_read(void *opaque)
{
    PL011 *s = opaque;
    size_t room = s->dev.regs[R_CR] & CR_LOOPBACK || s->rx_count >= capacity(s) ? 0 : capacity(s) - s->rx_count;
    s->rx_refused = room == 0;
    return room;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        rx_character(opaque, buf[i]);
}

static void chardev_event(void *opaque, ChardevEvent event)
{
    PL011 *s = opaque;
    if (event == CHR_EVENT_BREAK && !(s->dev.regs[R_CR] & CR_LOOPBACK))
        rx_character(s, DR_BREAK);
}

static const ChardevFrontend frontend = { .can_read = can_read, .read = receive, .event = chardev_event };

/* ---- Transmitter ---- */

/* Hands waiting characters to the backend; an empty FIFO is the transmit interrupt. */
static void flush(PL011 *s)
{
    size_t sent = s->chr ? chardev_write(s->chr, s->tx, s->tx_count) : s->tx_count;
    s->tx_count -= (uint8_t)sent;
    memmove(s->tx, s->tx + sent, s->tx_count);
    if (s->tx_count)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
    else
        s->dev.regs[R_RIS] |= INT_TX;
    update_irq(s);
}

static void retry_due(void *opaque)
{
    PL011 *s = opaque;
    if (s->tx_count)
        flush(s);
}

static void write_dr(void *dev, unsigned index, uint32_t value)
{
    PL011 *s = dev;
    (void)index;
    if (s->dev.regs[R_CR] & CR_LOOPBACK) {
        rx_character(s, (uint8_t)value);
        s->dev.regs[R_RIS] |= INT_TX;
        update_irq(s);
        return;
    }
    if (s->tx_count >= capacity(s))
        return; /* a guest that does not look at TXFF loses it */
    s->dev.regs[R_RIS] &= ~INT_TX;
    s->tx[s->tx_count++] = (uint8_t)value;
    flush(s);
}

/* ---- Other registers ---- */

static uint32_t read_fr(void *dev, unsigned index, uint32_t value)
{
    const PL011 *s = dev;
    (void)index;
    (void)value;
    return FR_CTS | FR_DSR | FR_DCD | (s->rx_count ? 0 : FR_RXFE) | (s->rx_count >= capacity(s) ? FR_RXFF : 0) |
           (s->tx_count ? FR_BUSY : FR_TXFE) | (s->tx_count >= capacity(s) ? FR_TXFF : 0);
}

static void write_rsr(void *dev, unsigned index, uint32_t value)
{
    (void)value;
    ((Device *)dev)->regs[index] = 0;
}

/* FEN changes the FIFOs' depth: both are flushed. */
static void write_lcr(void *dev, unsigned index, uint32_t value)
{
    PL011 *s = dev;
    (void)index;
    (void)value;
    if (s->rx_count > capacity(s))
        s->rx_count = (uint8_t)capacity(s);
    if (s->chr)
        chardev_accept_input(s->chr);
}

static void write_cr(void *dev, unsigned index, uint32_t value)
{
    PL011 *s = dev;
    (void)index;
    if (!(value & CR_LOOPBACK) && s->rx_refused && s->chr) {
        s->rx_refused = 0;
        chardev_accept_input(s->chr);
    }
}

static void write_imsc(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    update_irq(dev);
}

static uint32_t read_mis(void *dev, unsigned index, uint32_t value)
{
    const Device *d = dev;
    (void)index;
    (void)value;
    return d->regs[R_RIS] & d->regs[R_IMSC];
}

static void write_icr(void *dev, unsigned index, uint32_t value)
{
    PL011 *s = dev;
    (void)index;
    s->dev.regs[R_RIS] &= ~value;
    update_irq(s);
}

#define PL011_REGS \
    { "UARTDR", 0x00, 4, .on_read = read_dr, .on_write = write_dr }, \
    { "UARTRSR", 0x04, 4, .on_write = write_rsr }, \
    { "UARTFR", 0x18, 4, .on_read = read_fr }, \
    { "UARTILPR", 0x20, 4, .write = 0xff }, \
    { "UARTIBRD", 0x24, 4, .write = 0xffff }, \
    { "UARTFBRD", 0x28, 4, .write = 0x3f }, \
    { "UARTLCR_H", 0x2c, 4, .write = 0xff, .on_write = write_lcr }, \
    { "UARTCR", 0x30, 4, .reset = 0x300, .write = 0xff87, .on_write = write_cr }, \
    { "UARTIFLS", 0x34, 4, .reset = 0x12, .write = 0x3f }, \
    { "UARTIMSC", 0x38, 4, .write = INT_ALL, .on_write = write_imsc }, \
    { "UARTRIS", 0x3c, 4, .reset = 0 }, \
    { "UARTMIS", 0x40, 4, .on_read = read_mis }, \
    { "UARTICR", 0x44, 4, .on_write = write_icr }, \
    { "UARTDMACR", 0x48, 4, .write = 7 }
static const RegisterRow pl011_regs[] = { PL011_REGS, PRIMECELL_IDS(0x11, 0x10, 0x14, 0x00), {} };
static const RegisterRow luminary_regs[] = { PL011_REGS, PRIMECELL_IDS(0x11, 0x00, 0x18, 0x01), {} };

/* ---- Device ---- */

static void pl011_reset(Device *dev)
{
    PL011 *s = (PL011 *)dev;
    s->rx_head = s->rx_count = s->tx_count = 0;
    memset(s->rx, 0, sizeof(s->rx));
    timer_del(s->retry);
    update_irq(s);
}

static bool pl011_realize(Device *dev, Error **errp)
{
    PL011 *s = (PL011 *)dev;
    device_init_out(dev, 1);
    if (s->chr && !chardev_attach(s->chr, &frontend, s, errp))
        return false;
    s->retry = timer_new(CLOCK_REALTIME_HOST, retry_due, s);
    return true;
}

static void pl011_unrealize(Device *dev)
{
    PL011 *s = (PL011 *)dev;
    if (s->chr)
        chardev_detach(s->chr, s);
    timer_free(s->retry);
}

static void pl011_post_load(Device *dev)
{
    PL011 *s = (PL011 *)dev;
    s->rx_head %= FIFO;
    s->rx_count = MIN(s->rx_count, (uint8_t)capacity(s));
    s->tx_count = MIN(s->tx_count, (uint8_t)FIFO);
    if (s->tx_count)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST));
    update_irq(s);
    if (s->chr)
        chardev_accept_input(s->chr);
}

static void pl011_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "pl011", "arm,pl011\0arm,primecell");
    dt_cells(p->tree, path, "clocks", p->clock, p->clock);
    dt_strings(p->tree, path, "clock-names", "uartclk\0apb_pclk");
}

static const Property pl011_props[] = { PROP_CHARDEV("chardev", PL011, chr), {} };
static const SavedField pl011_saved[] = {
    SAVED_ARRAY(PL011, rx), SAVED_INT(PL011, rx_head), SAVED_INT(PL011, rx_count), SAVED_INT(PL011, rx_refused),
    SAVED_BYTES(PL011, tx), SAVED_INT(PL011, tx_count), SAVED_END(),
};
#define PL011_TYPE                                                                                                       \
    .bus = BUS_SYSTEM, .category = "Input devices", .internal = true, .size = sizeof(PL011), .props = pl011_props,          \
    .saved = pl011_saved, .regs_size = 0x1000, .realize = pl011_realize, .unrealize = pl011_unrealize, .reset = pl011_reset, \
    .post_load = pl011_post_load, .describe = pl011_describe
static const DeviceType pl011_type = { .name = "pl011", .desc = "Arm PrimeCell UART", .regs = pl011_regs, PL011_TYPE };
device_type(pl011_type)
/* As Stellaris microcontrollers have it. */
static const DeviceType luminary_type = { .name = "pl011_luminary", .desc = "Stellaris UART", .regs = luminary_regs, PL011_TYPE };
device_type(luminary_type)
