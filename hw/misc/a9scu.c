/* SPDX-License-Identifier: MIT */
/*
 * Snoop control unit of the Cortex-A9 MPCore (ARM DDI 0407, ch. 2). Region 0 (256 bytes); property num-cpu. Coherency needs
 * no control here: the registers keep what software puts there. Not modelled: filtering, power states.
 */
#include "hw/device.h"
#include "util/error.h"

enum { R_CONTROL, R_CONFIG };

typedef struct SCU {
    Device dev;
    uint32_t ncpu;
} SCU;

/* All vCPUs take part; tag RAMs of 16 KiB caches. */
static uint32_t read_config(void *dev, unsigned index, uint32_t value)
{
    const SCU *s = dev;
    (void)index;
    (void)value;
    return ((1u << s->ncpu) - 1) << 4 | (s->ncpu - 1);
}

static const RegisterRow scu_regs[] = {
    { "SCU_CONTROL", 0x00, 4, .write = 0x7f },
    { "SCU_CONFIG", 0x04, 4, .on_read = read_config },
    { "SCU_POWER", 0x08, 4, .write = 0x03030303 },
    { "SCU_INVALIDATE", 0x0c, 4, .write = 0 },
    { "SCU_FILTER_START", 0x40, 4, .write = 0xfff00000 },
    { "SCU_FILTER_END", 0x44, 4, .write = 0xfff00000 },
    { "SCU_SAC", 0x50, 4, .reset = 0xf, .write = 0xf },
    { "SCU_SNSAC", 0x54, 4, .write = 0xfff },
    {},
};

static bool scu_realize(Device *dev, Error **errp)
{
    const SCU *s = (SCU *)dev;
    if (s->ncpu >= 1 && s->ncpu <= 4)
        return true;
    error_setg(errp, "a9-scu: num-cpu must be between 1 and 4");
    return false;
}

static const Property scu_props[] = { PROP_U32("num-cpu", SCU, ncpu, 1), {} };
static const DeviceType scu_type = {
    .name = "a9-scu", .desc = "Cortex-A9 snoop control unit", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(SCU), .props = scu_props, .regs = scu_regs, .regs_size = 0x100, .realize = scu_realize,
};
device_type(scu_type)
