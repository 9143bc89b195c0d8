/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell synchronous serial port PL022 (ARM DDI 0194). Region 0 (4 KiB); output 0 = interrupt. Frames move at once. Nothing is
 * connected: frames come in as zeros, or as they went out in loopback mode. Not modelled: DMA requests, slave mode.
 */
#include "hw/primecell.h"

#include <glib.h>
#include <string.h>

#define FIFO 8
enum { R_CR0, R_CR1, R_DR, R_SR, R_CPSR, R_IMSC, R_RIS, R_MIS, R_ICR };
enum { CR1_LOOPBACK = 1, CR1_ENABLE = 2, SR_TFE = 1, SR_TNF = 2, SR_RNE = 4, SR_RFF = 8, INT_OVERRUN = 1, INT_TIMEOUT = 2, INT_RX = 4,
       INT_TX = 8 };

typedef struct PL022 {
    Device dev;
    uint16_t rx[FIFO], tx[FIFO];
    uint8_t rx_count, tx_count;
} PL022;

static uint32_t raw(const PL022 *s)
{
    return (s->dev.regs[R_RIS] & (INT_OVERRUN | INT_TIMEOUT)) | (s->rx_count >= FIFO / 2 ? INT_RX : 0) |
           (s->tx_count <= FIFO / 2 ? INT_TX : 0);
}

static void update_irq(PL022 *s)
{
    irq_set(&s->dev.out[0], (raw(s) & s->dev.regs[R_IMSC]) != 0);
}

static void transfer(PL022 *s)
{
    uint32_t cr0 = s->dev.regs[R_CR0], mask = (1u << ((cr0 & 15) + 1)) - 1;
    if (!(s->dev.regs[R_CR1] & CR1_ENABLE))
        return;
    for (unsigned i = 0; i < s->tx_count; i++) {
        uint16_t in = s->dev.regs[R_CR1] & CR1_LOOPBACK ? (uint16_t)(s->tx[i] & mask) : 0;
        if (s->rx_count < FIFO)
            s->rx[s->rx_count++] = in;
        else
            s->dev.regs[R_RIS] |= INT_OVERRUN;
    }
    s->tx_count = 0;
    if (s->rx_count)
        s->dev.regs[R_RIS] |= INT_TIMEOUT;
}

static uint32_t read_dr(void *dev, unsigned index, uint32_t value)
{
    PL022 *s = dev;
    uint16_t v = s->rx_count ? s->rx[0] : 0;
    if (s->rx_count)
        memmove(s->rx, s->rx + 1, --s->rx_count * sizeof(s->rx[0]));
    if (!s->rx_count)
        s->dev.regs[R_RIS] &= ~(uint32_t)INT_TIMEOUT;
    update_irq(s);
    return v;
}

static void write_dr(void *dev, unsigned index, uint32_t value)
{
    PL022 *s = dev;
    if (s->tx_count < FIFO)
        s->tx[s->tx_count++] = (uint16_t)value;
    transfer(s);
    update_irq(s);
}

static uint32_t read_sr(void *dev, unsigned index, uint32_t value)
{
    const PL022 *s = dev;
    return (s->tx_count ? 0 : SR_TFE) | (s->tx_count < FIFO ? SR_TNF : 0) | (s->rx_count ? SR_RNE : 0) |
           (s->rx_count == FIFO ? SR_RFF : 0);
}

static uint32_t read_raw(void *dev, unsigned index, uint32_t value)
{
    return raw(dev) & (index == R_MIS ? ((Device *)dev)->regs[R_IMSC] : ~0u);
}

static void changed(void *dev, unsigned index, uint32_t value)
{
    transfer(dev);
    update_irq(dev);
}

static void write_icr(void *dev, unsigned index, uint32_t value)
{
    PL022 *s = dev;
    s->dev.regs[R_RIS] &= ~(value & (INT_OVERRUN | INT_TIMEOUT));
    update_irq(s);
}

static const RegisterRow pl022_regs[] = {
    { "SSPCR0", 0x00, 4, .write = 0xffff },
    { "SSPCR1", 0x04, 4, .write = 0xf, .on_write = changed },
    { "SSPDR", 0x08, 4, .on_read = read_dr, .on_write = write_dr },
    { "SSPSR", 0x0c, 4, .on_read = read_sr },
    { "SSPCPSR", 0x10, 4, .write = 0xfe },
    { "SSPIMSC", 0x14, 4, .write = 0xf, .on_write = changed },
    { "SSPRIS", 0x18, 4, .on_read = read_raw },
    { "SSPMIS", 0x1c, 4, .on_read = read_raw },
    { "SSPICR", 0x20, 4, .on_write = write_icr },
    { "SSPDMACR", 0x24, 4, .write = 3 },
    PRIMECELL_IDS(0x22, 0x10, 0x04, 0x00),
    {},
};

static void pl022_reset(Device *dev)
{
    PL022 *s = (PL022 *)dev;
    s->rx_count = s->tx_count = 0;
    update_irq(s);
}

static bool pl022_realize(Device *dev, Error **errp)
{
    device_init_out(dev, 1);
    return true;
}

static void pl022_post_load(Device *dev)
{
    PL022 *s = (PL022 *)dev;
    s->rx_count = MIN(s->rx_count, FIFO);
    s->tx_count = MIN(s->tx_count, FIFO);
    update_irq(s);
}

static const SavedField pl022_saved[] = {
    SAVED_ARRAY(PL022, rx), SAVED_ARRAY(PL022, tx), SAVED_INT(PL022, rx_count), SAVED_INT(PL022, tx_count), SAVED_END(),
};
static const DeviceType pl022_type = {
    .name = "pl022", .desc = "Arm PrimeCell synchronous serial port", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(PL022), .saved = pl022_saved, .regs = pl022_regs, .regs_size = 0x1000, .realize = pl022_realize, .reset = pl022_reset,
    .post_load = pl022_post_load,
};
device_type(pl022_type)
