/* SPDX-License-Identifier: MIT */
/*
 * Analog-to-digital converter of STM32F2 and F4 (ST RM0090 ch. 13). Region 0 (256 bytes), output 0 = interrupt. Every channel sits at half
 * scale; regular conversions take no time. Not modelled: injected channels, scans, watchdog, external triggers, DMA.
 */
#include "hw/device.h"

enum { R_SR, R_CR1, R_CR2, R_DR, R_KEPT };
enum { SR_EOC = 2, SR_STRT = 0x10, SR_OVR = 0x20, CR1_EOCIE = 0x20, CR2_ADON = 1, CR2_CONT = 2, CR2_ALIGN = 0x800, CR2_SWSTART = 1 << 30 };

static void update_irq(Device *dev)
{
    irq_set(&dev->out[0], dev->regs[R_SR] & SR_EOC && dev->regs[R_CR1] & CR1_EOCIE);
}

static void convert(Device *dev)
{
    static const uint8_t bits[] = { 12, 10, 8, 6 };
    unsigned width = bits[dev->regs[R_CR1] >> 24 & 3];
    uint32_t sample = 1u << (width - 1);
    dev->regs[R_DR] = dev->regs[R_CR2] & CR2_ALIGN ? sample << (width == 6 ? 2 : 16 - width) : sample;
    dev->regs[R_SR] |= SR_EOC | SR_STRT;
    update_irq(dev);
}

static void write_cr2(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    if (value & CR2_SWSTART && value & CR2_ADON)
        convert(dev);
    dev->regs[R_CR2] &= ~(uint32_t)CR2_SWSTART;
}

static uint32_t read_dr(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    dev->regs[R_SR] &= ~(uint32_t)SR_EOC;
    if (dev->regs[R_CR2] & CR2_CONT && dev->regs[R_CR2] & CR2_ADON)
        convert(dev);
    update_irq(dev);
    return value;
}

static void write_sr(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    dev->regs[R_SR] &= value; /* zeros clear */
    update_irq(dev);
}

static void write_cr1(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static const RegisterRow adc_regs[] = {
    { "ADC_SR", 0x00, 4, .on_write = write_sr },
    { "ADC_CR1", 0x04, 4, .write = 0x07c0ffff, .on_write = write_cr1 },
    { "ADC_CR2", 0x08, 4, .write = 0x7f7f0f03, .on_write = write_cr2 },
    { "ADC_DR", 0x4c, 4, .on_read = read_dr },
    { "ADC_SMPR1", 0x0c, 4, .write = 0x7ffffff }, { "ADC_SMPR2", 0x10, 4, .write = 0x3fffffff },
    { "ADC_JOFR1", 0x14, 4, .write = 0xfff }, { "ADC_JOFR2", 0x18, 4, .write = 0xfff }, { "ADC_JOFR3", 0x1c, 4, .write = 0xfff },
    { "ADC_JOFR4", 0x20, 4, .write = 0xfff }, { "ADC_HTR", 0x24, 4, .reset = 0xfff, .write = 0xfff },
    { "ADC_LTR", 0x28, 4, .write = 0xfff }, { "ADC_SQR1", 0x2c, 4, .write = 0xffffff }, { "ADC_SQR2", 0x30, 4, .write = 0x3fffffff },
    { "ADC_SQR3", 0x34, 4, .write = 0x3fffffff }, { "ADC_JSQR", 0x38, 4, .write = 0x3fffff },
    { "ADC_JDR1", 0x3c, 4, .reset = 0 }, { "ADC_JDR2", 0x40, 4, .reset = 0 }, { "ADC_JDR3", 0x44, 4, .reset = 0 },
    { "ADC_JDR4", 0x48, 4, .reset = 0 },
    {},
};

static bool adc_realize(Device *dev, Error **errp)
{
    device_init_out(dev, 1);
    return true;
}

static const DeviceType adc_type = {
    .name = "stm32f2xx-adc", .desc = "STM32 analog-to-digital converter", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = adc_regs, .regs_size = 0x100, .realize = adc_realize, .reset = update_irq, .post_load = update_irq,
};
device_type(adc_type)
