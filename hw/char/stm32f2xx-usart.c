/* SPDX-License-Identifier: MIT */
/*
 * USART of STM32F2 and F4 microcontrollers (ST RM0090 ch. 30). Region 0 (1 KiB), output 0 = interrupt, property chardev. Asynchronous
 * mode of 8 bits. Not modelled: baud rate delays, errors other than overrun, synchronous, LIN, IrDA and card modes, DMA.
 */
#include "hw/uart-port.h"
#include "util/error.h"

enum { R_SR, R_DR, R_BRR, R_CR1, R_CR2, R_CR3, R_GTPR };
enum { SR_RXNE = 1 << 5, SR_TC = 1 << 6, SR_TXE = 1 << 7 };
enum { CR1_RE = 1 << 2, CR1_TE = 1 << 3, CR1_UE = 1 << 13, CR1_INTERRUPTS = SR_RXNE | SR_TC | SR_TXE };

typedef struct USART {
    Device dev;
    UARTPort port;
} USART;

static void update(void *opaque)
{
    USART *s = opaque;
    uint32_t *sr = &s->dev.regs[R_SR];
    *sr = (*sr & ~(uint32_t)SR_RXNE) | (s->port.rx_count ? SR_RXNE : 0);
    irq_set(&s->dev.out[0], (*sr & s->dev.regs[R_CR1] & CR1_INTERRUPTS) != 0); /* enables sit at their flags' bits */
}

static void sent(void *opaque)
{
    USART *s = opaque;
    s->dev.regs[R_SR] |= SR_TXE | SR_TC;
    update(s);
}

static uint32_t read_dr(void *dev, unsigned index, uint32_t value)
{
    USART *s = dev;
    uint32_t byte = uart_port_take(&s->port);
    update(s);
    return byte;
}

static void write_dr(void *dev, unsigned index, uint32_t value)
{
    USART *s = dev;
    if ((s->dev.regs[R_CR1] & (CR1_UE | CR1_TE)) != (CR1_UE | CR1_TE) || s->port.tx_busy)
        return;
    s->dev.regs[R_SR] &= ~(uint32_t)(SR_TXE | SR_TC);
    uart_port_send(&s->port, (uint8_t)value);
    update(s);
}

/* TC and RXNE are cleared by writing zeros. */
static void write_sr(void *dev, unsigned index, uint32_t value)
{
    USART *s = dev;
    s->dev.regs[R_SR] &= value | ~(uint32_t)SR_TC;
    if (!(value & SR_RXNE))
        uart_port_take(&s->port);
    update(s);
}

static void write_cr1(void *dev, unsigned index, uint32_t value)
{
    USART *s = dev;
    uart_port_listen(&s->port, (s->dev.regs[R_CR1] & (CR1_UE | CR1_RE)) == (CR1_UE | CR1_RE));
    update(s);
}

static const RegisterRow usart_regs[] = {
    { "USART_SR", 0x00, 4, .reset = 0xc0, .on_write = write_sr },
    { "USART_DR", 0x04, 4, .on_read = read_dr, .on_write = write_dr },
    { "USART_BRR", 0x08, 4, .write = 0xffff },
    { "USART_CR1", 0x0c, 4, .write = 0xbfff, .on_write = write_cr1 },
    { "USART_CR2", 0x10, 4, .write = 0x7f6f },
    { "USART_CR3", 0x14, 4, .write = 0xfff },
    { "USART_GTPR", 0x18, 4, .write = 0xffff },
    {},
};

static void usart_reset(Device *dev)
{
    USART *s = (USART *)dev;
    uart_port_reset(&s->port);
    update(s);
}

static bool usart_realize(Device *dev, Error **errp)
{
    USART *s = (USART *)dev;
    device_init_out(dev, 1);
    return uart_port_attach(&s->port, 1, update, sent, s, errp);
}

static void usart_unrealize(Device *dev)
{
    uart_port_detach(&((USART *)dev)->port);
}

static void usart_post_load(Device *dev)
{
    USART *s = (USART *)dev;
    uart_port_post_load(&s->port);
    update(s);
}

static const Property usart_props[] = { PROP_CHARDEV("chardev", USART, port.chr), {} };
static const SavedField usart_saved[] = { SAVED_STRUCT(USART, port, uart_port_saved), SAVED_END() };
static const DeviceType usart_type = {
    .name = "stm32f2xx-usart", .desc = "STM32 USART", .bus = BUS_SYSTEM, .category = "Input devices", .internal = true,
    .size = sizeof(USART), .props = usart_props, .saved = usart_saved, .regs = usart_regs, .regs_size = 0x400,
    .realize = usart_realize, .unrealize = usart_unrealize, .reset = usart_reset, .post_load = usart_post_load,
};
device_type(usart_type)
