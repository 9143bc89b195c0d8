/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a simple UART: a receive FIFO of up to eight bytes and one byte on its way out, which waits and tries again
 * while the host does not take it. Machine lock.
 */
#ifndef RHEA_HW_UART_PORT_H
#define RHEA_HW_UART_PORT_H

#include "hw/device.h"

#define UART_PORT_DEPTH 8
typedef struct UARTPort {
    Chardev *chr;              /* a property of the device; NULL: nobody listens */
    struct Timer *retry;
    void (*received)(void *opaque);
    void (*sent)(void *opaque);
    void *opaque;
    uint8_t rx[UART_PORT_DEPTH], rx_count, depth, listening, tx, tx_busy;
} UARTPort;

extern const SavedField uart_port_saved[];

/* received: bytes came; sent: the byte given to uart_port_send() is out, which may be at once. */
bool uart_port_attach(UARTPort *p, unsigned depth, void (*received)(void *opaque), void (*sent)(void *opaque), void *opaque,
                      Error **errp);
void uart_port_detach(UARTPort *p);
void uart_port_reset(UARTPort *p);
void uart_port_post_load(UARTPort *p);
/* While it does not listen, the host keeps its bytes. */
void uart_port_listen(UARTPort *p, bool on);
uint8_t uart_port_take(UARTPort *p); /* the oldest byte; 0 when there is none */
void uart_port_send(UARTPort *p, uint8_t byte); /* lost when tx_busy */

#endif
