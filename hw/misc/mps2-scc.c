/* SPDX-License-Identifier: MIT */
/*
 * Serial configuration controller of the MPS2 FPGA images (Application Note AN385 section 3.13, AN505 section 3.7): switches, board
 * identity and the oscillators behind its command registers. Region 0 (4 KiB); properties scc-cfg4, scc-aid, scc-id, oscclk0 to oscclk2.
 */
#include "hw/device.h"
#include "util/log.h"

enum { R_CFG0, R_CFG1, R_CFG2, R_CFG3, R_CFG4, R_DATA_RETURN, R_DATA_OUT, R_CTRL, R_STAT };
enum { CTRL_DEVICE = 0xfff, CTRL_FUNCTION_SHIFT = 20, CTRL_WRITE = 1 << 30, FUNCTION_OSCILLATOR = 1, STAT_COMPLETE = 1, STAT_ERROR = 2 };
#define CTRL_START (1u << 31)
#define OSCILLATORS 3

typedef struct MPS2SCC {
    Device dev;
    uint32_t cfg4, aid, id, osc_reset[OSCILLATORS], osc[OSCILLATORS];
} MPS2SCC;

static uint32_t read_cfg4(void *dev, unsigned index, uint32_t value) { return ((MPS2SCC *)dev)->cfg4; }
static uint32_t read_aid(void *dev, unsigned index, uint32_t value) { return ((MPS2SCC *)dev)->aid; }
static uint32_t read_id(void *dev, unsigned index, uint32_t value) { return ((MPS2SCC *)dev)->id; }

/* Commands to the motherboard: reading and setting an oscillator. */
static void write_ctrl(void *dev, unsigned index, uint32_t value)
{
    MPS2SCC *s = dev;
    unsigned device = value & CTRL_DEVICE, function = value >> CTRL_FUNCTION_SHIFT & 0x3f;

    if (!(value & CTRL_START))
        return;
    s->dev.regs[R_CTRL] &= ~CTRL_START;
    s->dev.regs[R_STAT] = STAT_COMPLETE;
    if (function != FUNCTION_OSCILLATOR || device >= OSCILLATORS) {
        guest_error("MPS2 SCC: function %u of device %u does not exist\n", function, device);
        s->dev.regs[R_STAT] |= STAT_ERROR;
    } else if (value & CTRL_WRITE) {
        s->osc[device] = s->dev.regs[R_DATA_OUT];
    } else {
        s->dev.regs[R_DATA_RETURN] = s->osc[device];
    }
}

static const RegisterRow scc_regs[] = {
    { "CFG0", 0x000, 4, .write = 1 },
    { "CFG1", 0x004, 4, .write = 0xff },
    { "CFG2", 0x008, 4, .reset = 0 },
    { "CFG3", 0x00c, 4, .reset = 0 },
    { "CFG4", 0x010, 4, .on_read = read_cfg4 },
    { "CFGDATA_RTN", 0x0a0, 4, .reset = 0 },
    { "CFGDATA_OUT", 0x0a4, 4, .write = ~0u },
    { "CFGCTRL", 0x0a8, 4, .write = 0xfff00000 | 0xfff | 3 << 18, .on_write = write_ctrl },
    { "CFGSTAT", 0x0ac, 4, .write = 3 },
    { "DLL", 0x100, 4, .reset = 0xffff0001, .write = 0xff },
    { "AID", 0xff8, 4, .on_read = read_aid },
    { "ID", 0xffc, 4, .on_read = read_id },
    {},
};

static void scc_reset(Device *dev)
{
    MPS2SCC *s = (MPS2SCC *)dev;
    for (unsigned i = 0; i < OSCILLATORS; i++)
        s->osc[i] = s->osc_reset[i];
}

static const Property scc_props[] = {
    PROP_U32("scc-cfg4", MPS2SCC, cfg4, 0), PROP_U32("scc-aid", MPS2SCC, aid, 0), PROP_U32("scc-id", MPS2SCC, id, 0),
    PROP_U32("oscclk0", MPS2SCC, osc_reset[0], 50000000), PROP_U32("oscclk1", MPS2SCC, osc_reset[1], 24576000),
    PROP_U32("oscclk2", MPS2SCC, osc_reset[2], 25000000), {},
};
static const SavedField scc_saved[] = { SAVED_ARRAY(MPS2SCC, osc), SAVED_END() };
static const DeviceType scc_type = {
    .name = "mps2-scc", .desc = "MPS2 serial configuration controller", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(MPS2SCC), .props = scc_props, .saved = scc_saved, .regs = scc_regs, .regs_size = 0x1000, .reset = scc_reset,
};
device_type(scc_type)
