/* SPDX-License-Identifier: MIT */
/*
 * TrustZone memory protection controller (CoreLink SIE-200, ARM DDI 0571 section 3.3): a bit per block of 4 KiB says whether the block is
 * Non-secure. Region 0 (4 KiB), output 0 = interrupt, property size (of the memory). What does not match the block's state reads as zero
 * or faults, as CTRL says, and is reported.
 */
#include "hw/arm/tz.h"

#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

#define BLOCK 4096u
#define LUT_MAX 256 /* words: memories up to 32 MiB */

enum { CTRL = 0, BLK_MAX = 0x10, BLK_CFG = 0x14, BLK_IDX = 0x18, BLK_LUT = 0x1c, INT_STAT = 0x20, INT_CLEAR = 0x24, INT_EN = 0x28,
       INT_INFO1 = 0x2c, INT_INFO2 = 0x30, INT_SET = 0x34, IDS = 0xfd0 };
enum { CTRL_SEC_RESP = 1 << 4, CTRL_AUTOINC = 1 << 8 };
#define CTRL_LOCKDOWN (1u << 31)
#define INFO2_NONSECURE (1u << 16)

typedef struct TZMPC {
    Device dev;
    uint64_t size;
    MemoryRegion io;
    uint32_t ctrl, index, int_stat, int_en, int_info[2], lut[LUT_MAX];
    void (*changed)(void *opaque);
    void *opaque;
} TZMPC;

static uint32_t last_word(const TZMPC *s)
{
    return (uint32_t)((s->size / BLOCK - 1) / 32);
}

static void update_irq(TZMPC *s)
{
    irq_set(&s->dev.out[0], s->int_stat & s->int_en & 1);
}

/* ---- Checking ---- */

ARMMBusAnswer tz_mpc_check(Device *dev, uint64_t offset, bool secure)
{
    TZMPC *s = (TZMPC *)dev;
    uint64_t block = offset / BLOCK;
    bool non_secure = block / 32 < LUT_MAX && s->lut[block / 32] >> (block % 32) & 1;

    if (non_secure != secure)
        return ARM_M_BUS_ALLOW;
    if (!(s->int_stat & 1)) {
        s->int_stat = 1;
        s->int_info[0] = (uint32_t)offset;
        s->int_info[1] = secure ? 0 : INFO2_NONSECURE;
        update_irq(s);
    }
    return s->ctrl & CTRL_SEC_RESP ? ARM_M_BUS_FAULT : ARM_M_BUS_BLOCK;
}

/* ---- Registers ---- */

static void step_index(TZMPC *s)
{
    if (s->ctrl & CTRL_AUTOINC)
        s->index = s->index >= last_word(s) ? 0 : s->index + 1;
}

static uint64_t mpc_read(void *opaque, hwaddr offset, unsigned size)
{
    static const uint8_t ids[] = { 0x04, 0, 0, 0, 0x60, 0xb8, 0x1b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
    TZMPC *s = opaque;
    uint32_t v;

    if (offset >= IDS)
        return ids[(offset - IDS) / 4];
    switch (offset) {
    case CTRL: return s->ctrl;
    case BLK_MAX: return last_word(s);
    case BLK_CFG: return __builtin_ctz(BLOCK) - 5;
    case BLK_IDX: return s->index;
    case BLK_LUT:
        v = s->lut[s->index];
        step_index(s);
        return v;
    case INT_STAT: return s->int_stat;
    case INT_EN: return s->int_en;
    case INT_INFO1: return s->int_info[0];
    case INT_INFO2: return s->int_info[1];
    }
    guest_error("tz-mpc: read of unknown register 0x%x\n", (unsigned)offset);
    return 0;
}

static void write_lut(TZMPC *s, uint32_t value)
{
    s->lut[s->index] = value;
    step_index(s);
    if (s->changed)
        s->changed(s->opaque);
}

static void mpc_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    TZMPC *s = opaque;

    if (s->ctrl & CTRL_LOCKDOWN && (offset == CTRL || offset == BLK_LUT || offset == INT_EN)) {
        guest_error("tz-mpc: write to a register that is locked down\n");
        return;
    }
    switch (offset) {
    case CTRL:
        s->ctrl = (uint32_t)value & (CTRL_SEC_RESP | CTRL_AUTOINC | CTRL_LOCKDOWN | 0xc0);
        if (s->changed)
            s->changed(s->opaque);
        return;
    case BLK_IDX:
        s->index = (uint32_t)value <= last_word(s) ? (uint32_t)value : last_word(s);
        return;
    case BLK_LUT:
        write_lut(s, (uint32_t)value);
        return;
    case INT_CLEAR:
        if (value & 1)
            s->int_stat = 0;
        break;
    case INT_EN:
        s->int_en = value & 1;
        break;
    case INT_SET:
        if (value & 1)
            s->int_stat = 1;
        break;
    default:
        guest_error("tz-mpc: write of register 0x%x\n", (unsigned)offset);
    }
    update_irq(s);
}

static const MemoryRegionOps mpc_ops = { .read = mpc_read, .write = mpc_write, .impl_min = 4, .impl_max = 4 };

/* ---- Device ---- */

void tz_mpc_on_change(Device *dev, void (*fn)(void *opaque), void *opaque)
{
    ((TZMPC *)dev)->changed = fn;
    ((TZMPC *)dev)->opaque = opaque;
}

static void mpc_reset(Device *dev)
{
    TZMPC *s = (TZMPC *)dev;
    s->ctrl = CTRL_AUTOINC;
    s->index = s->int_stat = s->int_en = s->int_info[0] = s->int_info[1] = 0;
    memset(s->lut, 0, sizeof(s->lut));
    update_irq(s);
}

static bool mpc_realize(Device *dev, Error **errp)
{
    TZMPC *s = (TZMPC *)dev;
    if (!s->size || s->size % BLOCK || s->size / BLOCK > 32 * LUT_MAX) {
        error_setg(errp, "tz-mpc: size must be a multiple of %u, at most %u", BLOCK, 32 * LUT_MAX * BLOCK);
        return false;
    }
    device_init_out(dev, 1);
    memory_region_init_io(&s->io, dev, &mpc_ops, s, "tz-mpc-regs", 0x1000);
    device_add_region(dev, &s->io);
    mpc_reset(dev);
    return true;
}

static void mpc_post_load(Device *dev)
{
    TZMPC *s = (TZMPC *)dev;
    if (s->index > last_word(s))
        s->index = 0;
    update_irq(s);
}

static const Property mpc_props[] = { PROP_U64("size", TZMPC, size, 0), {} };
static const SavedField mpc_saved[] = {
    SAVED_INT(TZMPC, ctrl), SAVED_INT(TZMPC, index), SAVED_INT(TZMPC, int_stat), SAVED_INT(TZMPC, int_en), SAVED_ARRAY(TZMPC, int_info),
    SAVED_ARRAY(TZMPC, lut), SAVED_END(),
};
static const DeviceType mpc_type = {
    .name = "tz-mpc", .desc = "TrustZone memory protection controller", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(TZMPC), .props = mpc_props, .saved = mpc_saved, .realize = mpc_realize, .reset = mpc_reset,
    .post_load = mpc_post_load,
};
device_type(mpc_type)
