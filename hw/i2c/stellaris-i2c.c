/* SPDX-License-Identifier: MIT */
/*
 * I2C master of Stellaris microcontrollers (TI LM3S6965 data sheet, ch. 15). Region 0 (2 KiB), output 0 = interrupt. Nothing is on
 * the bus: no address is acknowledged. Not modelled: the slave half.
 */
#include "hw/device.h"

enum { R_MSA, R_MCS, R_MDR, R_MTPR, R_MIMR, R_MRIS, R_MMIS, R_MICR, R_MCR };
enum { MCS_RUN = 1, MCS_START = 2, MCS_STOP = 4, MCS_ERROR = 2, MCS_ADRACK = 4, MCS_IDLE = 0x20, MCS_BUSBSY = 0x40, MCR_MFE = 0x10 };

static void update_irq(Device *dev)
{
    irq_set(&dev->out[0], dev->regs[R_MRIS] & dev->regs[R_MIMR]);
}

static void write_mcs(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    if (!(dev->regs[R_MCR] & MCR_MFE) || !(value & MCS_RUN))
        return;
    dev->regs[R_MCS] = value & MCS_START ? MCS_ERROR | MCS_ADRACK | MCS_IDLE : MCS_ERROR | MCS_IDLE;
    dev->regs[R_MRIS] = 1;
    update_irq(dev);
}

static void write_imr(void *dev, unsigned index, uint32_t value)
{
    update_irq(dev);
}

static uint32_t read_mis(void *opaque, unsigned index, uint32_t value)
{
    const Device *dev = opaque;
    return dev->regs[R_MRIS] & dev->regs[R_MIMR];
}

static void write_icr(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    dev->regs[R_MRIS] &= ~value;
    update_irq(dev);
}

static const RegisterRow i2c_regs[] = {
    { "I2CMSA", 0x00, 4, .write = 0xff },
    { "I2CMCS", 0x04, 4, .reset = MCS_IDLE, .on_write = write_mcs },
    { "I2CMDR", 0x08, 4, .write = 0xff },
    { "I2CMTPR", 0x0c, 4, .reset = 1, .write = 0xff },
    { "I2CMIMR", 0x10, 4, .write = 1, .on_write = write_imr },
    { "I2CMRIS", 0x14, 4, .reset = 0 },
    { "I2CMMIS", 0x18, 4, .on_read = read_mis },
    { "I2CMICR", 0x1c, 4, .on_write = write_icr },
    { "I2CMCR", 0x20, 4, .write = 0x31 },
    {},
};

static bool i2c_realize(Device *dev, Error **errp)
{
    device_init_out(dev, 1);
    return true;
}

static const DeviceType i2c_type = {
    .name = "stellaris-i2c", .desc = "Stellaris I2C master", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = i2c_regs, .regs_size = 0x800, .realize = i2c_realize, .reset = update_irq, .post_load = update_irq,
};
device_type(i2c_type)
