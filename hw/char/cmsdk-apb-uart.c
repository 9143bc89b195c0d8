/* SPDX-License-Identifier: MIT */
/*
 * CMSDK APB UART (Cortex-M System Design Kit, ARM DDI 0479 section 4.3): one character in each direction. Region 0 (4 KiB); outputs:
 * 0 transmit, 1 receive, 2 transmit overrun, 3 receive overrun, 4 any of them; property chardev. A character leaves at once; when
 * the backend is blocked the transmitter stays full and a timer on the host clock tries again.
 * Not modelled: baud rate delays, high-speed test mode.
 */
#include "chardev.h"
#include "hw/primecell.h"
#include "util/log.h"
#include "util/timer.h"

#include <glib.h>

#define RETRY_NS 1000000
#define BAUDDIV_MIN 16

enum { R_DATA, R_STATE, R_CTRL, R_INT, R_BAUDDIV };
enum { STATE_TXFULL = 1, STATE_RXFULL = 2, STATE_TXOVERRUN = 4, STATE_RXOVERRUN = 8, STATE_OVERRUNS = 12 };
enum { CTRL_TX_EN = 1, CTRL_RX_EN = 2, CTRL_INT_SHIFT = 2 };
enum { INT_TX = 1, INT_RX = 2, INT_TXO = 4, INT_RXO = 8 };
enum { OUT_COMBINED = 4 };

typedef struct CMSDKUart {
    Device dev;
    Chardev *chr;
    uint8_t rx, tx;
    Timer *retry;
} CMSDKUart;

static void update_irq(CMSDKUart *s)
{
    uint32_t raised = s->dev.regs[R_INT];

    for (unsigned i = 0; i < OUT_COMBINED; i++)
        irq_set(&s->dev.out[i], raised >> i & 1);
    irq_set(&s->dev.out[OUT_COMBINED], raised != 0);
}

/* An interrupt is raised by what happens, if enabled then. */
static void raise_int(CMSDKUart *s, uint32_t which)
{
    s->dev.regs[R_INT] |= which & s->dev.regs[R_CTRL] >> CTRL_INT_SHIFT;
    update_irq(s);
}

/* ---- Receiver ---- */

static size_t can_read(void *opaque)
{
    const CMSDKUart *s = opaque;
    return s->dev.regs[R_CTRL] & CTRL_RX_EN && !(s->dev.regs[R_STATE] & STATE_RXFULL);
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    CMSDKUart *s = opaque;

    if (!len || !(s->dev.regs[R_CTRL] & CTRL_RX_EN))
        return;
    if (s->dev.regs[R_STATE] & STATE_RXFULL) {
        s->dev.regs[R_STATE] |= STATE_RXOVERRUN;
        raise_int(s, INT_RXO);
    }
    s->rx = buf[0];
    s->dev.regs[R_STATE] |= STATE_RXFULL;
    raise_int(s, INT_RX);
}

static uint32_t read_data(void *dev, unsigned index, uint32_t value)
{
    CMSDKUart *s = dev;
    uint8_t c = s->rx;

    s->dev.regs[R_STATE] &= ~(uint32_t)STATE_RXFULL;
    if (s->chr)
        chardev_accept_input(s->chr);
    return c;
}

/* ---- Transmitter ---- */

static void flush(CMSDKUart *s)
{
    if (s->chr && !chardev_write(s->chr, &s->tx, 1)) {
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST) + RETRY_NS);
        return;
    }
    s->dev.regs[R_STATE] &= ~(uint32_t)STATE_TXFULL;
    raise_int(s, INT_TX);
}

static void retry_due(void *opaque)
{
    CMSDKUart *s = opaque;
    if (s->dev.regs[R_STATE] & STATE_TXFULL)
        flush(s);
}

static void write_data(void *dev, unsigned index, uint32_t value)
{
    CMSDKUart *s = dev;

    if (s->dev.regs[R_STATE] & STATE_TXFULL) {
        s->dev.regs[R_STATE] |= STATE_TXOVERRUN;
        raise_int(s, INT_TXO);
        return;
    }
    if (!(s->dev.regs[R_CTRL] & CTRL_TX_EN) || s->dev.regs[R_BAUDDIV] < BAUDDIV_MIN) {
        guest_error("CMSDK APB UART: character written while the transmitter is off or has no baud rate\n");
        return;
    }
    s->tx = (uint8_t)value;
    s->dev.regs[R_STATE] |= STATE_TXFULL;
    flush(s);
}

/* ---- Other registers ---- */

static void write_ctrl(void *dev, unsigned index, uint32_t value)
{
    CMSDKUart *s = dev;
    if (value & CTRL_RX_EN && s->chr)
        chardev_accept_input(s->chr);
}

/* Overruns go with their interrupt. */
static void write_int(void *dev, unsigned index, uint32_t value)
{
    CMSDKUart *s = dev;
    s->dev.regs[R_STATE] &= ~(value & STATE_OVERRUNS);
    update_irq(s);
}

static void write_state(void *dev, unsigned index, uint32_t value)
{
    CMSDKUart *s = dev;
    s->dev.regs[R_INT] &= ~(value & STATE_OVERRUNS);
    update_irq(s);
}

static const RegisterRow uart_regs[] = {
    { "DATA", 0x00, 4, .on_read = read_data, .on_write = write_data },
    { "STATE", 0x04, 4, .w1c = STATE_OVERRUNS, .on_write = write_state },
    { "CTRL", 0x08, 4, .write = 0x7f, .on_write = write_ctrl },
    { "INTSTATUS", 0x0c, 4, .w1c = 0xf, .on_write = write_int },
    { "BAUDDIV", 0x10, 4, .write = 0xfffff },
    PRIMECELL_ID("PID4", 0xfd0, 0x04), PRIMECELL_ID("PID5", 0xfd4, 0), PRIMECELL_ID("PID6", 0xfd8, 0), PRIMECELL_ID("PID7", 0xfdc, 0),
    PRIMECELL_IDS(0x21, 0xb8, 0x1b, 0x00),
    {},
};

/* ---- Device ---- */

static void uart_reset(Device *dev)
{
    CMSDKUart *s = (CMSDKUart *)dev;
    s->rx = s->tx = 0;
    timer_del(s->retry);
    update_irq(s);
}

static bool uart_realize(Device *dev, Error **errp)
{
    static const ChardevFrontend frontend = { .can_read = can_read, .read = receive };
    CMSDKUart *s = (CMSDKUart *)dev;

    device_init_out(dev, OUT_COMBINED + 1);
    if (s->chr && !chardev_attach(s->chr, &frontend, s, errp))
        return false;
    s->retry = timer_new(CLOCK_REALTIME_HOST, retry_due, s);
    return true;
}

static void uart_unrealize(Device *dev)
{
    CMSDKUart *s = (CMSDKUart *)dev;
    if (s->chr)
        chardev_detach(s->chr, s);
    timer_free(s->retry);
}

static void uart_post_load(Device *dev)
{
    CMSDKUart *s = (CMSDKUart *)dev;
    if (s->dev.regs[R_STATE] & STATE_TXFULL)
        timer_mod(s->retry, clock_ns(CLOCK_REALTIME_HOST));
    update_irq(s);
    if (s->chr)
        chardev_accept_input(s->chr);
}

static const Property uart_props[] = { PROP_CHARDEV("chardev", CMSDKUart, chr), {} };
static const SavedField uart_saved[] = { SAVED_INT(CMSDKUart, rx), SAVED_INT(CMSDKUart, tx), SAVED_END() };
static const DeviceType uart_type = {
    .name = "cmsdk-apb-uart", .desc = "CMSDK APB UART", .bus = BUS_SYSTEM, .category = "Input devices", .internal = true,
    .size = sizeof(CMSDKUart), .props = uart_props, .saved = uart_saved, .regs = uart_regs, .regs_size = 0x1000,
    .realize = uart_realize, .unrealize = uart_unrealize, .reset = uart_reset, .post_load = uart_post_load,
};
device_type(uart_type)
