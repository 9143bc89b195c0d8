/* SPDX-License-Identifier: MIT */
/*
 * UART of the nRF51 (Nordic nRF51 Reference Manual 3.0, ch. 29). Region 0 (4 KiB), output 0 = interrupt, property chardev. Six bytes of
 * receive FIFO. Not modelled: baud rate delays, flow control, parity, framing errors and breaks.
 */
#include "hw/uart-port.h"

#include <glib.h>

enum { R_STARTRX, R_STOPRX, R_STARTTX, R_STOPTX, R_SUSPEND, R_CTS, R_NCTS, R_RXDRDY, R_TXDRDY, R_ERROR, R_RXTO, R_SHORTS, R_INTEN,
       R_INTENSET, R_INTENCLR, R_ERRORSRC, R_ENABLE, R_RXD, R_TXD, R_PINS, R_PINS_END = R_PINS + 4, R_BAUDRATE = R_PINS_END, R_CONFIG };
enum { ENABLED = 4, FIFO = 6 };

typedef struct NRF51UART {
    Device dev;
    UARTPort port;
    uint8_t rx_started, tx_started;
} NRF51UART;

static void update_irq(NRF51UART *s)
{
    static const struct { uint8_t reg, bit; } events[] = {
        { R_CTS, 0 }, { R_NCTS, 1 }, { R_RXDRDY, 2 }, { R_TXDRDY, 7 }, { R_ERROR, 9 }, { R_RXTO, 17 },
    };
    bool level = false;
    for (unsigned i = 0; i < ARRAY_SIZE(events); i++)
        level |= s->dev.regs[events[i].reg] && (s->dev.regs[R_INTEN] >> events[i].bit & 1);
    irq_set(&s->dev.out[0], level);
}

static bool enabled(const NRF51UART *s)
{
    return s->dev.regs[R_ENABLE] == ENABLED;
}

static void received(void *opaque)
{
    NRF51UART *s = opaque;
    s->dev.regs[R_RXDRDY] = 1;
    update_irq(s);
}

static void sent(void *opaque)
{
    NRF51UART *s = opaque;
    s->dev.regs[R_TXDRDY] = 1;
    update_irq(s);
}

static void set_receiver(NRF51UART *s, bool on)
{
    s->rx_started = on;
    uart_port_listen(&s->port, on && enabled(s));
}

static void write_task(void *dev, unsigned index, uint32_t value)
{
    NRF51UART *s = dev;
    if (value != 1)
        return;
    switch (index) {
    case R_STARTRX: set_receiver(s, true); break;
    case R_STARTTX: s->tx_started = 1; break;
    case R_STOPTX: s->tx_started = 0; break;
    default:
        set_receiver(s, false);
        s->tx_started &= index != R_SUSPEND;
        s->dev.regs[R_RXTO] = 1;
    }
    update_irq(s);
}

static void write_event(void *dev, unsigned index, uint32_t value)
{
    NRF51UART *s = dev;
    s->dev.regs[index] = value & 1;
    update_irq(s);
}

static void write_inten(void *dev, unsigned index, uint32_t value)
{
    NRF51UART *s = dev;
    uint32_t *inten = &s->dev.regs[R_INTEN];
    *inten = index == R_INTENSET ? *inten | value : *inten & ~value;
    update_irq(s);
}

static uint32_t read_inten(void *dev, unsigned index, uint32_t value)
{
    return ((Device *)dev)->regs[R_INTEN];
}

static void write_enable(void *dev, unsigned index, uint32_t value)
{
    NRF51UART *s = dev;
    set_receiver(s, s->rx_started);
    update_irq(s);
}

/* What is left in the FIFO is one more event. */
static uint32_t read_rxd(void *dev, unsigned index, uint32_t value)
{
    NRF51UART *s = dev;
    uint8_t byte;
    if (!enabled(s))
        return 0;
    byte = uart_port_take(&s->port);
    if (s->port.rx_count)
        received(s);
    return byte;
}

static void write_txd(void *dev, unsigned index, uint32_t value)
{
    NRF51UART *s = dev;
    if (enabled(s) && s->tx_started)
        uart_port_send(&s->port, (uint8_t)value);
}

#define TASK(n, at) { "TASKS_" n, at, 4, .on_write = write_task }
#define EVENT(n, at) { "EVENTS_" n, at, 4, .on_write = write_event }
static const RegisterRow uart_regs[] = {
    TASK("STARTRX", 0x00), TASK("STOPRX", 0x04), TASK("STARTTX", 0x08), TASK("STOPTX", 0x0c), TASK("SUSPEND", 0x1c),
    EVENT("CTS", 0x100), EVENT("NCTS", 0x104), EVENT("RXDRDY", 0x108), EVENT("TXDRDY", 0x11c), EVENT("ERROR", 0x124),
    EVENT("RXTO", 0x144),
    { "SHORTS", 0x200, 4, .write = 0x18 },
    { "INTEN", 0x300, 4, .write = ~0u, .on_write = write_enable },
    { "INTENSET", 0x304, 4, .on_read = read_inten, .on_write = write_inten },
    { "INTENCLR", 0x308, 4, .on_read = read_inten, .on_write = write_inten },
    { "ERRORSRC", 0x480, 4, .w1c = 0xf },
    { "ENABLE", 0x500, 4, .write = 7, .on_write = write_enable },
    { "RXD", 0x518, 4, .on_read = read_rxd },
    { "TXD", 0x51c, 4, .on_write = write_txd },
    { "PSELRTS", 0x508, 4, .reset = ~0u, .write = ~0u },
    { "PSELTXD", 0x50c, 4, .reset = ~0u, .write = ~0u },
    { "PSELCTS", 0x510, 4, .reset = ~0u, .write = ~0u },
    { "PSELRXD", 0x514, 4, .reset = ~0u, .write = ~0u },
    { "BAUDRATE", 0x524, 4, .reset = 0x4000000, .write = ~0u },
    { "CONFIG", 0x56c, 4, .write = 0xf },
    {},
};

static void uart_reset(Device *dev)
{
    NRF51UART *s = (NRF51UART *)dev;
    s->rx_started = s->tx_started = 0;
    uart_port_reset(&s->port);
    update_irq(s);
}

static bool uart_realize(Device *dev, Error **errp)
{
    NRF51UART *s = (NRF51UART *)dev;
    device_init_out(dev, 1);
    return uart_port_attach(&s->port, FIFO, received, sent, s, errp);
}

static void uart_unrealize(Device *dev)
{
    uart_port_detach(&((NRF51UART *)dev)->port);
}

static void uart_post_load(Device *dev)
{
    NRF51UART *s = (NRF51UART *)dev;
    uart_port_post_load(&s->port);
    update_irq(s);
}

static const Property uart_props[] = { PROP_CHARDEV("chardev", NRF51UART, port.chr), {} };
static const SavedField uart_saved[] = {
    SAVED_STRUCT(NRF51UART, port, uart_port_saved), SAVED_INT(NRF51UART, rx_started), SAVED_INT(NRF51UART, tx_started), SAVED_END(),
};
static const DeviceType uart_type = {
    .name = "nrf51_soc.uart", .desc = "nRF51 UART", .bus = BUS_SYSTEM, .category = "Input devices", .internal = true,
    .size = sizeof(NRF51UART), .props = uart_props, .saved = uart_saved, .regs = uart_regs, .regs_size = 0x1000,
    .realize = uart_realize, .unrealize = uart_unrealize, .reset = uart_reset, .post_load = uart_post_load,
};
device_type(uart_type)
