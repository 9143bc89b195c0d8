/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell DMA controllers PL080 (ARM DDI 0196, eight channels) and PL081 (DDI 0218, two). Region 0 (4 KiB); inputs 0-15 = burst
 * requests of peripherals; outputs 0 = combined interrupt, 1 = errors, 2 = terminal count. Its masters see the
 * machine's memory. Transfers between memories run at once, in portions so that a chain of descriptors that never
 * ends leaves the machine alive. Not modelled: big-endian masters, locked transfers, protection bits, flow control by
 * peripherals (modes 4-7 move data as the controller's own flow control does).
 */
#include "hw/primecell.h"
#include "util/log.h"
#include "util/timer.h"

#include <glib.h>

#define CHANNELS 8
#define PORTION 65536  /* items moved before the rest of the machine has its turn */
enum { R_INTSTATUS, R_TCSTATUS, R_TCCLEAR, R_ERRSTATUS, R_ERRCLEAR, R_RAWTC, R_RAWERR, R_ENABLED, R_SOFTB, R_SOFTS, R_SOFTLB,
       R_SOFTLS, R_CONFIG, R_SYNC, R_CHANNELS };
enum { CH_SRC, CH_DST, CH_LLI, CH_CONTROL, CH_CONFIG, CH_ROWS };
enum { CONTROL_SIZE = 0xfff, CONTROL_SI = 1 << 26, CONTROL_DI = 1 << 27, CONTROL_INT = 1u << 31 };
enum { CONF_ENABLE = 1, CONF_IE = 1 << 14, CONF_ITC = 1 << 15, CONF_HALT = 1 << 18 };

typedef struct PL080 {
    Device dev;
    Timer *more;            /* runs what a portion left over */
    uint32_t requests;      /* levels of the inputs */
    uint8_t running;        /* a transfer may write to our own registers */
    unsigned channels;
} PL080;

static uint32_t *channel(PL080 *s, unsigned n, unsigned row)
{
    return &s->dev.regs[R_CHANNELS + n * CH_ROWS + row];
}

/* ---- Interrupts ---- */

/* Channels whose raw bit is set and whose configuration lets it through. */
static uint32_t masked(PL080 *s, unsigned raw, uint32_t enable)
{
    uint32_t mask = 0;
    for (unsigned n = 0; n < s->channels; n++)
        mask |= *channel(s, n, CH_CONFIG) & enable ? 1u << n : 0;
    return s->dev.regs[raw] & mask;
}

static void update_irq(PL080 *s)
{
    bool tc = masked(s, R_RAWTC, CONF_ITC), err = masked(s, R_RAWERR, CONF_IE);
    irq_set(&s->dev.out[0], tc || err);
    irq_set(&s->dev.out[1], err);
    irq_set(&s->dev.out[2], tc);
}

/* ---- Transfers ---- */

static void stop(PL080 *s, unsigned n, unsigned raw)
{
    *channel(s, n, CH_CONFIG) &= ~(uint32_t)CONF_ENABLE;
    s->dev.regs[raw] |= 1u << n;
}

/* Items are moved in groups of the wider of both widths; *moved counts source items. */
static bool move_group(PL080 *s, unsigned n, unsigned *moved)
{
    uint32_t *src = channel(s, n, CH_SRC), *dst = channel(s, n, CH_DST), *control = channel(s, n, CH_CONTROL);
    unsigned sw = 1u << MIN(*control >> 18 & 7, 2), dw = 1u << MIN(*control >> 21 & 7, 2), group = MAX(sw, dw);
    unsigned items = MIN(group / sw, *control & CONTROL_SIZE);
    uint32_t word = 0;
    MemTxResult bad = MEMTX_OK;
    bool ok = true;
    for (unsigned i = 0; i < items; i++) {
        word |= (uint32_t)address_space_ld(address_space_memory, *src & -sw, sw, &bad) << (8 * sw * i % 32);
        ok &= bad == MEMTX_OK;
        *src += *control & CONTROL_SI ? sw : 0;
    }
    for (unsigned done = 0; ok && done < items * sw; done += dw) {
        ok = address_space_st(address_space_memory, *dst & -dw, word >> (8 * done % 32), dw) == MEMTX_OK;
        *dst += *control & CONTROL_DI ? dw : 0;
    }
    *control = (*control & ~(uint32_t)CONTROL_SIZE) | ((*control & CONTROL_SIZE) - items);
    *moved += items;
    return ok;
}

/* The block is done: interrupt, next descriptor or end. */
static void end_block(PL080 *s, unsigned n)
{
    uint32_t lli = *channel(s, n, CH_LLI) & ~3u;
    if (*channel(s, n, CH_CONTROL) & CONTROL_INT)
        s->dev.regs[R_RAWTC] |= 1u << n;
    if (!lli) {
        *channel(s, n, CH_CONFIG) &= ~(uint32_t)CONF_ENABLE;
        return;
    }
    for (unsigned row = CH_SRC; row <= CH_CONTROL; row++) {
        MemTxResult bad = MEMTX_OK;
        *channel(s, n, row) = (uint32_t)address_space_ld(address_space_memory, lli + 4 * row, 4, &bad);
        if (bad != MEMTX_OK) {
            guest_error("%s: no descriptor at 0x%x\n", s->dev.type->name, lli);
            stop(s, n, R_RAWERR);
            return;
        }
    }
}

/* Which peripheral paces the channel; -1: none, memory to memory. */
static int pace(uint32_t config)
{
    switch (config >> 11 & 7) {
    case 0: return -1;
    case 1: case 5: case 3: case 4: return config >> 6 & 15; /* to a peripheral */
    default: return config >> 1 & 15;
    }
}

static bool requested(PL080 *s, int peripheral)
{
    uint32_t soft = s->dev.regs[R_SOFTB] | s->dev.regs[R_SOFTS] | s->dev.regs[R_SOFTLB] | s->dev.regs[R_SOFTLS];
    return peripheral < 0 || ((s->requests | soft) >> peripheral & 1);
}

static unsigned burst_items(PL080 *s, unsigned n, int peripheral)
{
    static const uint16_t sizes[] = { 1, 4, 8, 16, 32, 64, 128, 256 };
    uint32_t control = *channel(s, n, CH_CONTROL), bit = peripheral < 0 ? 0 : 1u << peripheral;
    bool single = !((s->requests | s->dev.regs[R_SOFTB] | s->dev.regs[R_SOFTLB]) & bit);
    bool to_peripheral = pace(*channel(s, n, CH_CONFIG)) == (int)(*channel(s, n, CH_CONFIG) >> 6 & 15);
    if (peripheral < 0)
        return CONTROL_SIZE;
    return single ? 1 : sizes[control >> (to_peripheral ? 15 : 12) & 7];
}

/* One block, or one burst when a peripheral sets the pace. True: it can go on at once. */
static bool run_channel(PL080 *s, unsigned n, unsigned *moved)
{
    uint32_t config = *channel(s, n, CH_CONFIG);
    if ((config & (CONF_ENABLE | CONF_HALT)) != CONF_ENABLE)
        return false;
    int peripheral = pace(config);
    if (!requested(s, peripheral))
        return false;
    unsigned end = *moved + burst_items(s, n, peripheral);
    while (*moved < end && (*channel(s, n, CH_CONTROL) & CONTROL_SIZE))
        if (!move_group(s, n, moved)) {
            stop(s, n, R_RAWERR);
            break;
        }
    if (peripheral >= 0)
        for (unsigned row = R_SOFTB; row <= R_SOFTLS; row++)
            s->dev.regs[row] &= ~(1u << peripheral);
    if ((*channel(s, n, CH_CONFIG) & CONF_ENABLE) && !(*channel(s, n, CH_CONTROL) & CONTROL_SIZE)) {
        ++*moved; /* fetching a descriptor is work, too */
        end_block(s, n);
    }
    return true;
}

static void run(void *opaque)
{
    PL080 *s = opaque;
    unsigned moved = 0;
    bool again = s->dev.regs[R_CONFIG] & 1;
    if (s->running)
        return;
    s->running = 1;
    while (again && moved < PORTION) {
        again = false;
        for (unsigned n = 0; n < s->channels && !again; n++) /* the lowest number has priority */
            again = run_channel(s, n, &moved);
    }
    s->running = 0;
    if (again)
        timer_mod(s->more, clock_ns(CLOCK_VIRTUAL) + 10000);
    update_irq(s);
}

static void input(void *dev, int n, int level)
{
    PL080 *s = dev;
    s->requests = (s->requests & ~(1u << n)) | (uint32_t)(level != 0) << n;
    run(s);
}

/* ---- Registers ---- */

static uint32_t read_status(void *dev, unsigned index, uint32_t value)
{
    PL080 *s = dev;
    uint32_t tc = masked(s, R_RAWTC, CONF_ITC), err = masked(s, R_RAWERR, CONF_IE);
    return index == R_TCSTATUS ? tc : index == R_ERRSTATUS ? err : tc | err;
}

static uint32_t read_enabled(void *dev, unsigned index, uint32_t value)
{
    PL080 *s = dev;
    uint32_t v = 0;
    for (unsigned n = 0; n < s->channels; n++)
        v |= (*channel(s, n, CH_CONFIG) & CONF_ENABLE) << n;
    return v;
}

static void write_clear(void *dev, unsigned index, uint32_t value)
{
    PL080 *s = dev;
    s->dev.regs[index == R_TCCLEAR ? R_RAWTC : R_RAWERR] &= ~value;
    update_irq(s);
}

static void write_request(void *dev, unsigned index, uint32_t value)
{
    PL080 *s = dev;
    s->dev.regs[index] |= value & 0xffff;
    run(s);
}

static void changed(void *dev, unsigned index, uint32_t value)
{
    run(dev);
}

#define CHANNEL(n)                                                                                          \
    { "DMACC" #n "SrcAddr", 0x100 + 0x20 * n, 4, .write = ~0u },                                            \
    { "DMACC" #n "DestAddr", 0x104 + 0x20 * n, 4, .write = ~0u },                                           \
    { "DMACC" #n "LLI", 0x108 + 0x20 * n, 4, .write = ~2u },                                                \
    { "DMACC" #n "Control", 0x10c + 0x20 * n, 4, .write = ~0u },                                            \
    { "DMACC" #n "Configuration", 0x110 + 0x20 * n, 4, .write = 0x5fbdf, .on_write = changed }
#define COMMON                                                                                              \
    { "DMACIntStatus", 0x00, 4, .on_read = read_status },                                                   \
    { "DMACIntTCStatus", 0x04, 4, .on_read = read_status },                                                 \
    { "DMACIntTCClear", 0x08, 4, .on_write = write_clear },                                                 \
    { "DMACIntErrorStatus", 0x0c, 4, .on_read = read_status },                                              \
    { "DMACIntErrClr", 0x10, 4, .on_write = write_clear },                                                  \
    { "DMACRawIntTCStatus", 0x14, 4, .reset = 0 },                                                          \
    { "DMACRawIntErrorStatus", 0x18, 4, .reset = 0 },                                                       \
    { "DMACEnbldChns", 0x1c, 4, .on_read = read_enabled },                                                  \
    { "DMACSoftBReq", 0x20, 4, .on_write = write_request },                                                 \
    { "DMACSoftSReq", 0x24, 4, .on_write = write_request },                                                 \
    { "DMACSoftLBReq", 0x28, 4, .on_write = write_request },                                                \
    { "DMACSoftLSReq", 0x2c, 4, .on_write = write_request },                                                \
    { "DMACConfiguration", 0x30, 4, .write = 7, .on_write = changed },                                      \
    { "DMACSync", 0x34, 4, .write = 0xffff }
static const RegisterRow pl080_regs[] = {
    COMMON, CHANNEL(0), CHANNEL(1), CHANNEL(2), CHANNEL(3), CHANNEL(4), CHANNEL(5), CHANNEL(6), CHANNEL(7),
    PRIMECELL_IDS(0x80, 0x10, 0x04, 0x0a), {},
};
static const RegisterRow pl081_regs[] = { COMMON, CHANNEL(0), CHANNEL(1), PRIMECELL_IDS(0x81, 0x10, 0x04, 0x0a), {} };

static void pl080_reset(Device *dev)
{
    PL080 *s = (PL080 *)dev;
    timer_del(s->more);
    update_irq(s);
}

static bool pl080_realize(Device *dev, Error **errp)
{
    PL080 *s = (PL080 *)dev;
    s->channels = dev->type->regs == pl080_regs ? CHANNELS : 2;
    s->more = timer_new(CLOCK_VIRTUAL, run, s);
    device_init_in(dev, input, 16);
    device_init_out(dev, 3);
    return true;
}

static void pl080_unrealize(Device *dev)
{
    timer_free(((PL080 *)dev)->more);
}

static void pl080_post_load(Device *dev)
{
    update_irq((PL080 *)dev);
}

static const SavedField pl080_saved[] = { SAVED_TIMER(PL080, more), SAVED_INT(PL080, requests), SAVED_END() };
#define PL080_TYPE                                                                                          \
    .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true, .size = sizeof(PL080), .saved = pl080_saved,            \
    .regs_size = 0x1000, .realize = pl080_realize, .unrealize = pl080_unrealize, .reset = pl080_reset,                       \
    .post_load = pl080_post_load
static const DeviceType pl080_type = {
    .name = "pl080", .desc = "Arm PrimeCell DMA controller, eight channels", .regs = pl080_regs, PL080_TYPE,
};
device_type(pl080_type)
static const DeviceType pl081_type = {
    .name = "pl081", .desc = "Arm PrimeCell DMA controller, two channels", .regs = pl081_regs, PL080_TYPE,
};
device_type(pl081_type)
