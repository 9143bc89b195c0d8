/* SPDX-License-Identifier: MIT */
/*
 * Serial peripheral interface of STM32F2 and F4 (ST RM0090 ch. 28), master mode. Region 0 (1 KiB), output 0 = interrupt. Frames move at once;
 * nothing is connected, so zeros come in. Not modelled: slave mode, CRC, I2S, DMA.
 */
#include "hw/device.h"

enum { R_CR1, R_CR2, R_SR, R_DR };
enum { CR1_SPE = 0x40, CR2_RXNEIE = 0x40, CR2_TXEIE = 0x80, SR_RXNE = 1, SR_TXE = 2 };

static void update_irq(Device *dev)
{
    uint32_t sr = dev->regs[R_SR], cr2 = dev->regs[R_CR2];
    irq_set(&dev->out[0], (sr & SR_RXNE && cr2 & CR2_RXNEIE) || (sr & SR_TXE && cr2 & CR2_TXEIE));
}

static uint32_t read_dr(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    dev->regs[R_SR] &= ~(uint32_t)SR_RXNE;
    update_irq(dev);
    return value;
}

static void write_dr(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    dev->regs[R_DR] = 0;
    if (dev->regs[R_CR1] & CR1_SPE)
        dev->regs[R_SR] |= SR_RXNE | SR_TXE;
    update_irq(dev);
}

static void changed(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static const RegisterRow spi_regs[] = {
    { "SPI_CR1", 0x00, 4, .write = 0xffff, .on_write = changed },
    { "SPI_CR2", 0x04, 4, .write = 0xf7, .on_write = changed },
    { "SPI_SR", 0x08, 4, .reset = SR_TXE },
    { "SPI_DR", 0x0c, 4, .on_read = read_dr, .on_write = write_dr },
    { "SPI_CRCPR", 0x10, 4, .reset = 7, .write = 0xffff },
    { "SPI_RXCRCR", 0x14, 4, .reset = 0 },
    { "SPI_TXCRCR", 0x18, 4, .reset = 0 },
    { "SPI_I2SCFGR", 0x1c, 4, .write = 0xfbf },
    { "SPI_I2SPR", 0x20, 4, .reset = 2, .write = 0x3ff },
    {},
};

static bool spi_realize(Device *dev, Error **errp)
{
    device_init_out(dev, 1);
    return true;
}

static const DeviceType spi_type = {
    .name = "stm32f2xx-spi", .desc = "STM32 serial peripheral interface", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = spi_regs, .regs_size = 0x400, .realize = spi_realize, .reset = update_irq, .post_load = update_irq,
};
device_type(spi_type)
