/* SPDX-License-Identifier: MIT */
/*
 * 16550A UART core (National Semiconductor PC16550D, 1995). Eight byte registers; output 0 of the owner is the
 * interrupt. Characters leave at once: the transmitter is empty again when the register write returns,
 * unless the backend is blocked; then bytes wait in the FIFO and a timer on the host clock tries again.
 * Received characters are taken only while there is room, so nothing overruns; several arrive at once.
 * Not modelled: baud rate delays, OUT2 as a gate of the interrupt, sending break, parity and framing
 * errors (a byte stream has none), DMA modes.
 */
#include "hw/serial.h"
#include "chardev.h"
#include "util/error.h"
#include "util/timer.h"

#include <string.h>

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH };
enum { IER_RX = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8, IER_MASK = 0x0f };
enum { IIR_MODEM = 0x0, IIR_NONE = 0x1, IIR_THRE = 0x2, IIR_RX = 0x4, IIR_LINE = 0x6, IIR_TIMEOUT = 0xc, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_STOP = 4, LCR_PARITY = 8, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10, MCR_MASK = 0x1f };
enum { LSR_READY = 1, LSR_OVERRUN = 2, LSR_BREAK = 0x10, LSR_ERRORS = 0x1e, LSR_TX_EMPTY = 0x60, LSR_FIFO_ERROR = 0x80 };
enum { MSR_DELTAS = 0x0f, MSR_RI_ENDED = 4, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };
enum { UART_CLOCK = 1843200, RETRY_NS = 1000000 };

static bool fifo_on(const SerialState *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned rx_capacity(const SerialState *s)
{
    return fifo_on(s) ? SERIAL_FIFO : 1;
}

static unsigned rx_trigger(const SerialState *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };
    return fifo_on(s) ? levels[s->fcr >> 6] : 1;
}

/* ---- Interrupt ---- */

/* The identification of the most urgent enabled interrupt. */
static uint8_t interrupt_id(const SerialState *s)
{
    if ((s->ier & IER_LINE) && s->lsr_errors)
        return IIR_LINE;
    if ((s->ier & IER_RX) && s->rx_count >= rx_trigger(s))
        return IIR_RX;
    if ((s->ier & IER_RX) && s->rx_timeout)
        return IIR_TIMEOUT;
    if ((s->ier & IER_THRE) && s->thr_pending)
        return IIR_THRE;
    if ((s->ier & IER_MODEM) && (s->msr & MSR_DELTAS))
        return IIR_MODEM;
    return IIR_NONE;
}

static void serial_update_irq(SerialState *s)
{
    irq_set(&s->owner->out[0], interrupt_id(s) != IIR_NONE);
}

/* ---- Receiver ---- */

/* Four character times at the programmed rate. */
static int64_t timeout_ns(const SerialState *s)
{
    unsigned bits = 1 + 5 + (s->lcr & 3) + !!(s->lcr & LCR_PARITY) + 1 + !!(s->lcr & LCR_STOP);
    return 4 * NS_PER_SEC * bits * 16 * (s->divisor ? s->divisor : 1) / UART_CLOCK;
}

/* (Re)starts the wait for characters that do not come; only FIFO mode has it. */
static void restart_timeout(SerialState *s)
{
    s->rx_timeout = 0;
    if (fifo_on(s) && s->rx_count && s->rx_count < rx_trigger(s))
        timer_mod(s->timeout, clock_ns(CLOCK_VIRTUAL) + timeout_ns(s));
    else
        timer_del(s->timeout);
}

static void timeout_due(void *opaque)
{
    SerialState *s = opaque;
    s->rx_timeout = s->rx_count != 0;
    serial_update_irq(s);
}

static void serial_rx_byte(SerialState *s, uint8_t byte, uint8_t errors)
{
    if (s->rx_count == rx_capacity(s)) {
        s->lsr_errors |= LSR_OVERRUN;
        if (fifo_on(s))
            return; /* the FIFO keeps what it has; without it the new byte replaces the old */
        s->rx_count = 0;
    }
    unsigned at = (s->rx_head + s->rx_count) % SERIAL_FIFO;
    s->rx[at] = byte;
    s->rx_errors[at] = errors;
    if (s->rx_count++ == 0)
        s->lsr_errors |= errors;
}

static uint8_t read_byte(SerialState *s)
{
    uint8_t byte = s->rx[s->rx_head];
    if (!s->rx_count)
        return byte;
    s->rx_errors[s->rx_head] = 0;
    s->rx_count--;
    if (s->rx_count) {
        s->rx_head = (s->rx_head + 1) % SERIAL_FIFO;
        s->lsr_errors |= s->rx_errors[s->rx_head];
    }
    restart_timeout(s);
    serial_update_irq(s);
    if (s->rx_refused && s->chr) {
        s->rx_refused = 0;
        chardev_accept_input(s->chr);
    }
    return byte;
}

static void clear_rx(SerialState *s)
{
    s->rx_head = s->rx_count = 0;
    memset(s->rx_errors, 0, sizeof(s->rx_errors));
    restart_timeout(s);
}

static size_t serial_can_read(void *opaque)
{
    SerialState *s = opaque;
    size_t room = s->mcr & MCR_LOOP ? 0 : rx_capacity(s) - s->rx_count;
    s->rx_refused = room == 0;
    return room;
}

static void serial_read(void *opaque, const uint8_t *buf, size_t len)
{
    SerialState *s = opaque;
    for (size_t i = 0; i < len; i++)
        serial_rx_byte(s, buf[i], 0);
    restart_timeout(s);
    serial_update_irq(s);
}

static void serial_event(void *opaque, ChardevEvent event)
{
    SerialState *s = opaque;
    if (event != CHR_EVENT_BREAK)
        return;
    serial_rx_byte(s, 0, LSR_BREAK);
    restart_timeout(s);
    serial_update_irq(s);
}

static const ChardevFrontend frontend = { .can_read = serial_can_read, .read = serial_read, .event = serial_event };

/* ---- Transmitter ---- */

/* Hands waiting bytes to the backend; the last one gone makes the holding register empty. */
static void flush(SerialState *s)
{
    size_t sent = s->chr ? chardev_write(s->chr, s->tx, s->tx_count) : s->tx_count;
    s->tx_count -= (uint8_t)sent;
    memmove(s->tx, s->tx + sent, s->tx_count);
    if (s->tx_count)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
    else
        s->thr_pending = 1;
}

static void retry_due(void *opaque)
{
    SerialState *s = opaque;
    if (s->tx_count)
        flush(s);
    serial_update_irq(s);
}

static void write_byte(SerialState *s, uint8_t byte)
{
    s->thr_pending = 0;
    serial_update_irq(s); /* the line drops, so that the next request is an edge */
    if (s->mcr & MCR_LOOP) {
        serial_rx_byte(s, byte, 0);
        restart_timeout(s);
        s->thr_pending = 1;
    } else {
        unsigned capacity = fifo_on(s) ? SERIAL_FIFO : 1;
        if (s->tx_count >= capacity)
            s->tx_count--; /* a guest that does not look at THRE overwrites the newest byte */
        s->tx[s->tx_count++] = byte;
        flush(s);
    }
    serial_update_irq(s);
}

/* ---- Modem lines ---- */

/* Levels of the inputs: a connected peer is always ready; in loopback they are our own outputs. */
static uint8_t modem_inputs(const SerialState *s)
{
    if (!(s->mcr & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static void update_modem(SerialState *s)
{
    uint8_t inputs = modem_inputs(s), changed = (uint8_t)((s->msr ^ inputs) & 0xf0);
    if (inputs & MSR_RI)
        changed &= (uint8_t)~MSR_RI; /* only the end of ringing is a delta */
    s->msr = (uint8_t)(inputs | (s->msr & MSR_DELTAS) | changed >> 4);
}

/* ---- Registers ---- */

static void write_fcr(SerialState *s, uint8_t value)
{
    bool toggled = (value ^ s->fcr) & FCR_ENABLE;
    if (toggled || ((value & FCR_ENABLE) && (value & FCR_CLEAR_RX)))
        clear_rx(s);
    if (toggled || ((value & FCR_ENABLE) && (value & FCR_CLEAR_TX))) {
        s->tx_count = 0;
        s->thr_pending = 1;
        timer_del(s->retry);
    }
    s->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
    restart_timeout(s);
}

static void write_ier(SerialState *s, uint8_t value)
{
    if ((value & ~s->ier & IER_THRE) && !s->tx_count)
        s->thr_pending = 1;
    s->ier = value & IER_MASK;
}

static void write_mcr(SerialState *s, uint8_t value)
{
    bool left_loop = (s->mcr & MCR_LOOP) && !(value & MCR_LOOP);
    s->mcr = value & MCR_MASK;
    update_modem(s);
    if (left_loop && s->rx_refused && s->chr) {
        s->rx_refused = 0;
        chardev_accept_input(s->chr);
    }
}

static void serial_write(void *opaque, hwaddr reg, uint64_t v, unsigned size)
{
    SerialState *s = opaque;
    uint8_t value = (uint8_t)v;
    bool dlab = s->lcr & LCR_DLAB;
    switch (reg) {
    case REG_DATA:
        if (!dlab) {
            write_byte(s, value);
            return;
        }
        s->divisor = (uint16_t)((s->divisor & 0xff00) | value);
        break;
    case REG_IER:
        if (dlab)
            s->divisor = (uint16_t)((s->divisor & 0xff) | value << 8);
        else
            write_ier(s, value);
        break;
    case REG_IIR: write_fcr(s, value); break;
    case REG_LCR: s->lcr = value; break;
    case REG_MCR: write_mcr(s, value); break;
    case REG_SCRATCH: s->scratch = value; break;
    default: break; /* LSR and MSR: factory test only */
    }
    serial_update_irq(s);
}

static uint8_t read_iir(SerialState *s)
{
    uint8_t id = interrupt_id(s);
    if (id == IIR_THRE) {
        s->thr_pending = 0;
        serial_update_irq(s);
    }
    return id | (fifo_on(s) ? IIR_FIFO : 0);
}

static uint8_t read_lsr(SerialState *s)
{
    uint8_t v = s->lsr_errors | (s->rx_count ? LSR_READY : 0) | (s->tx_count ? 0 : LSR_TX_EMPTY);
    for (unsigned i = 0; fifo_on(s) && i < s->rx_count; i++)
        if (s->rx_errors[(s->rx_head + i) % SERIAL_FIFO])
            v |= LSR_FIFO_ERROR;
    if (s->lsr_errors) {
        s->lsr_errors = 0;
        serial_update_irq(s);
    }
    return v;
}

static uint8_t read_msr(SerialState *s)
{
    uint8_t v = s->msr;
    if (v & MSR_DELTAS) {
        s->msr &= (uint8_t)~MSR_DELTAS;
        serial_update_irq(s);
    }
    return v;
}

static uint64_t serial_read_reg(void *opaque, hwaddr reg, unsigned size)
{
    SerialState *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;
    switch (reg) {
    case REG_DATA: return dlab ? s->divisor & 0xff : read_byte(s);
    case REG_IER: return dlab ? s->divisor >> 8 : s->ier;
    case REG_IIR: return read_iir(s);
    case REG_LCR: return s->lcr;
    case REG_MCR: return s->mcr;
    case REG_LSR: return read_lsr(s);
    case REG_MSR: return read_msr(s);
    default: return s->scratch;
    }
}

static const MemoryRegionOps serial_ops = {
    .read = serial_read_reg, .write = serial_write, .impl_min = 1, .impl_max = 1,
};

/* ---- For the owner ---- */

void serial_core_reset(SerialState *s)
{
    s->divisor = 12; /* 9600 baud */
    s->ier = s->fcr = s->lcr = s->mcr = s->scratch = 0;
    s->lsr_errors = s->tx_count = s->thr_pending = 0;
    s->msr = modem_inputs(s);
    timer_del(s->retry);
    clear_rx(s);
    serial_update_irq(s);
}

bool serial_core_init(SerialState *s, Device *owner, const char *name, Error **errp)
{
    s->owner = owner;
    if (s->chr && !chardev_attach(s->chr, &frontend, s, errp))
        return false;
    memory_region_init_io(&s->io, owner, &serial_ops, s, name, 8);
    s->timeout = timer_new(CLOCK_VIRTUAL, timeout_due, s);
    s->retry = timer_new(CLOCK_REALTIME_HOST, retry_due, s);
    serial_core_reset(s);
    return true;
}

void serial_core_exit(SerialState *s)
{
    if (s->chr)
        chardev_detach(s->chr, s);
    timer_free(s->timeout);
    timer_free(s->retry);
}

void serial_core_post_load(SerialState *s)
{
    s->rx_head %= SERIAL_FIFO;
    if (s->rx_count > rx_capacity(s))
        s->rx_count = (uint8_t)rx_capacity(s);
    if (s->tx_count > SERIAL_FIFO)
        s->tx_count = SERIAL_FIFO;
    if (s->tx_count)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST));
    serial_update_irq(s);
    if (s->chr)
        chardev_accept_input(s->chr);
}

const SavedField serial_core_saved[] = {
    SAVED_INT(SerialState, divisor), SAVED_INT(SerialState, ier), SAVED_INT(SerialState, fcr),
    SAVED_INT(SerialState, lcr), SAVED_INT(SerialState, mcr), SAVED_INT(SerialState, msr),
    SAVED_INT(SerialState, scratch), SAVED_INT(SerialState, lsr_errors), SAVED_BYTES(SerialState, rx),
    SAVED_BYTES(SerialState, rx_errors), SAVED_INT(SerialState, rx_head), SAVED_INT(SerialState, rx_count),
    SAVED_INT(SerialState, rx_timeout), SAVED_TIMER(SerialState, timeout), SAVED_BYTES(SerialState, tx),
    SAVED_INT(SerialState, tx_count), SAVED_INT(SerialState, thr_pending), SAVED_END(),
};
