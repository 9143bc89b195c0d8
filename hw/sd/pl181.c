/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell multimedia card interface PL180/PL181 (ARM DDI 0172, DDI 0205). Region 0 (4 KiB); outputs 0 and 1 = interrupts by the
 * two masks, 2 = card present, 3 = write protected. The slot is empty: every command that waits for a response times out.
 * Not modelled: cards and with them the data path.
 */
#include "hw/primecell.h"

enum { R_POWER, R_CLOCK, R_ARGUMENT, R_COMMAND, R_RESPCMD, R_RESP0, R_RESP1, R_RESP2, R_RESP3, R_DATATIMER, R_DATALENGTH,
       R_DATACTRL, R_DATACNT, R_STATUS, R_CLEAR, R_MASK0, R_MASK1, R_FIFOCNT, R_FIFO };
enum { CMD_RESPONSE = 0x40, CMD_ENABLE = 0x400, DATA_ENABLE = 1 };
enum { STATUS_CMDTIMEOUT = 4, STATUS_DATATIMEOUT = 8, STATUS_CMDSENT = 0x80, STATUS_TXFIFOEMPTY = 1 << 18,
       STATUS_CLEARABLE = 0x7ff };

static void update_irq(Device *dev)
{
    for (unsigned i = 0; i < 2; i++)
        irq_set(&dev->out[i], (dev->regs[R_STATUS] & dev->regs[R_MASK0 + i]) != 0);
}

static void write_command(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    (void)index;
    if (value & CMD_ENABLE)
        dev->regs[R_STATUS] |= value & CMD_RESPONSE ? STATUS_CMDTIMEOUT : STATUS_CMDSENT;
    update_irq(dev);
}

static void write_datactrl(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    (void)index;
    if (value & DATA_ENABLE)
        dev->regs[R_STATUS] |= STATUS_DATATIMEOUT;
    update_irq(dev);
}

static void write_clear(void *opaque, unsigned index, uint32_t value)
{
    Device *dev = opaque;
    (void)index;
    dev->regs[R_STATUS] &= ~(value & STATUS_CLEARABLE);
    update_irq(dev);
}

static void write_mask(void *opaque, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    update_irq(opaque);
}

static const RegisterRow pl181_regs[] = {
    { "MCIPower", 0x00, 4, .write = 0xff },
    { "MCIClock", 0x04, 4, .write = 0xfff },
    { "MCIArgument", 0x08, 4, .write = ~0u },
    { "MCICommand", 0x0c, 4, .write = 0x7ff, .on_write = write_command },
    { "MCIRespCmd", 0x10, 4, .reset = 0 },
    { "MCIResponse0", 0x14, 4, .reset = 0 },
    { "MCIResponse1", 0x18, 4, .reset = 0 },
    { "MCIResponse2", 0x1c, 4, .reset = 0 },
    { "MCIResponse3", 0x20, 4, .reset = 0 },
    { "MCIDataTimer", 0x24, 4, .write = ~0u },
    { "MCIDataLength", 0x28, 4, .write = 0xffff },
    { "MCIDataCtrl", 0x2c, 4, .write = 0xff, .on_write = write_datactrl },
    { "MCIDataCnt", 0x30, 4, .reset = 0 },
    { "MCIStatus", 0x34, 4, .reset = STATUS_TXFIFOEMPTY },
    { "MCIClear", 0x38, 4, .on_write = write_clear },
    { "MCIMask0", 0x3c, 4, .write = 0x3fffff, .on_write = write_mask },
    { "MCIMask1", 0x40, 4, .write = 0x3fffff, .on_write = write_mask },
    { "MCIFifoCnt", 0x48, 4, .reset = 0 },
    { "MCIFIFO", 0x80, 4, .write = ~0u },
    PRIMECELL_IDS(0x81, 0x11, 0x04, 0x00),
    {},
};

static bool pl181_realize(Device *dev, Error **errp)
{
    (void)errp;
    device_init_out(dev, 4);
    return true;
}

static void pl181_post_load(Device *dev)
{
    update_irq(dev);
}

static const DeviceType pl181_type = {
    .name = "pl181", .desc = "Arm PrimeCell multimedia card interface", .bus = BUS_SYSTEM, .category = "Storage devices",
    .internal = true, .size = sizeof(Device), .regs = pl181_regs, .regs_size = 0x1000, .realize = pl181_realize,
    .reset = update_irq, .post_load = pl181_post_load,
};
device_type(pl181_type)
