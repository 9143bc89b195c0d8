/* SPDX-License-Identifier: MIT */
#include "hw/uart-port.h"

#include "chardev.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

#define RETRY_NS 1000000

static size_t can_read(void *opaque)
{
    const UARTPort *p = opaque;
    return p->listening ? p->depth - p->rx_count : 0;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    UARTPort *p = opaque;
    for (size_t i = 0; i < len && p->rx_count < p->depth; i++)
        p->rx[p->rx_count++] = buf[i];
    p->received(p->opaque);
}

static const ChardevFrontend frontend = { .can_read = can_read, .read = receive };

static void try_send(void *opaque)
{
    UARTPort *p = opaque;
    if (!p->tx_busy)
        return;
    if (p->chr && chardev_write(p->chr, &p->tx, 1) == 0) {
        timer_mod(p->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
        return;
    }
    p->tx_busy = 0;
    p->sent(p->opaque);
}

bool uart_port_attach(UARTPort *p, unsigned depth, void (*received)(void *), void (*sent)(void *), void *opaque, Error **errp)
{
    p->depth = (uint8_t)MIN(depth, UART_PORT_DEPTH);
    p->received = received;
    p->sent = sent;
    p->opaque = opaque;
    if (p->chr && !chardev_attach(p->chr, &frontend, p, errp))
        return false;
    p->retry = timer_new(CLOCK_REALTIME_HOST, try_send, p);
    return true;
}

void uart_port_detach(UARTPort *p)
{
    if (p->chr && p->retry)
        chardev_detach(p->chr, p);
    timer_free(p->retry);
}

void uart_port_reset(UARTPort *p)
{
    p->rx_count = p->listening = p->tx_busy = 0;
    timer_del(p->retry);
}

void uart_port_post_load(UARTPort *p)
{
    p->rx_count = MIN(p->rx_count, p->depth);
    p->listening = p->listening != 0;
    if (p->tx_busy)
        timer_mod(p->retry, clock_ns(CLOCK_REALTIME_HOST));
    if (p->chr)
        chardev_accept_input(p->chr);
}

void uart_port_listen(UARTPort *p, bool on)
{
    p->listening = on;
    if (on && p->chr)
        chardev_accept_input(p->chr);
}

uint8_t uart_port_take(UARTPort *p)
{
    uint8_t byte = p->rx_count ? p->rx[0] : 0;
    if (!p->rx_count)
        return 0;
    memmove(p->rx, p->rx + 1, --p->rx_count);
    if (p->chr)
        chardev_accept_input(p->chr);
    return byte;
}

void uart_port_send(UARTPort *p, uint8_t byte)
{
    if (p->tx_busy)
        return;
    p->tx = byte;
    p->tx_busy = 1;
    try_send(p);
}

const SavedField uart_port_saved[] = {
    SAVED_BYTES(UARTPort, rx), SAVED_INT(UARTPort, rx_count), SAVED_INT(UARTPort, listening), SAVED_INT(UARTPort, tx),
    SAVED_INT(UARTPort, tx_busy), SAVED_END(),
};
