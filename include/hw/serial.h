/* SPDX-License-Identifier: MIT */
/* 16550A core: embedded in the device that gives it a bus (ISA, PCI, memory mapped). Machine lock. */
#ifndef RHEA_HW_SERIAL_H
#define RHEA_HW_SERIAL_H

#include "hw/device.h"

#define SERIAL_FIFO 16

typedef struct SerialState {
    Device *owner;          /* its output 0 is the interrupt */
    Chardev *chr;           /* NULL: nothing connected */
    MemoryRegion io;        /* 8 byte-wide registers */
    /* Registers */
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, msr, scratch;
    uint8_t lsr_errors;     /* OE PE FE BI */
    /* Receiver */
    uint8_t rx[SERIAL_FIFO], rx_errors[SERIAL_FIFO]; /* ring; errors shown when the byte is first */
    uint8_t rx_head, rx_count;
    uint8_t rx_timeout;     /* characters wait below the trigger level */
    uint8_t rx_refused;     /* the backend was told to wait */
    Timer *timeout;         /* virtual clock: four characters without traffic */
    /* Transmitter */
    uint8_t tx[SERIAL_FIFO], tx_count; /* bytes the backend has not taken yet */
    uint8_t thr_pending;    /* the THRE interrupt waits for IIR to be read */
    Timer *retry;           /* host clock, only while the backend is blocked */
} SerialState;

extern const SavedField serial_core_saved[]; /* for SAVED_STRUCTS */

/* In the owner's realize, after device_init_out: sets up s->io, attaches s->chr, resets. */
bool serial_core_init(SerialState *s, Device *owner, const char *name, Error **errp);
void serial_core_exit(SerialState *s);
void serial_core_reset(SerialState *s);
void serial_core_post_load(SerialState *s);

#endif
