/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell multimedia card interface PL180/PL181 (ARM DDI 0172, DDI 0205). Region 0 (4 KiB); outputs 0 and 1 = interrupts by the
 * two masks, 2 = card present, 3 = write protected. It has an SD bus with one slot. Commands are answered at once and data moves as
 * fast as the FIFO has room; only the data timeout takes time. Not modelled: DMA requests, stream mode, CRC errors,
 * pending and interrupt commands.
 */
#include "hw/primecell.h"
#include "hw/sd.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

#define FIFO 16
#define MCLK_HZ 24000000u
#define LOOK_AGAIN_NS (NS_PER_SEC / 1000)

enum { R_POWER, R_CLOCK, R_ARGUMENT, R_COMMAND, R_RESPCMD, R_RESP0, R_RESP1, R_RESP2, R_RESP3, R_DATATIMER, R_DATALENGTH,
       R_DATACTRL, R_DATACNT, R_STATUS, R_CLEAR, R_MASK0, R_MASK1, R_FIFOCNT, R_FIFO };
enum { CMD_RESPONSE = 0x40, CMD_LONG = 0x80, CMD_ENABLE = 0x400 };
enum { DATA_ENABLE = 1, DATA_FROM_CARD = 2 };
enum { CLOCK_BYPASS = 0x400 };
enum { STATUS_CMDTIMEOUT = 1 << 2, STATUS_DATATIMEOUT = 1 << 3, STATUS_CMDRESPEND = 1 << 6, STATUS_CMDSENT = 1 << 7,
       STATUS_DATAEND = 1 << 8, STATUS_DATABLOCKEND = 1 << 10, STATUS_CLEARABLE = 0x7ff };
enum { STATUS_TXACTIVE = 1 << 12, STATUS_RXACTIVE = 1 << 13, STATUS_TXHALFEMPTY = 1 << 14, STATUS_RXHALFFULL = 1 << 15,
       STATUS_TXFULL = 1 << 16, STATUS_RXFULL = 1 << 17, STATUS_TXEMPTY = 1 << 18, STATUS_RXEMPTY = 1 << 19,
       STATUS_TXDATA = 1 << 20, STATUS_RXDATA = 1 << 21 };

typedef struct PL181 {
    Device dev;
    SDBus bus;
    Timer *timeout;
    uint32_t fifo[FIFO];
    uint8_t head, count, from_card; /* of the FIFO; its direction */
} PL181;

/* ---- Status and interrupts ---- */

static bool active(const PL181 *s)
{
    return s->dev.regs[R_DATACTRL] & DATA_ENABLE;
}

static uint32_t status(const PL181 *s)
{
    uint32_t v = s->dev.regs[R_STATUS];
    if (s->from_card) {
        v |= (active(s) ? STATUS_RXACTIVE : 0) | (s->count >= FIFO / 2 ? STATUS_RXHALFFULL : 0) |
             (s->count == FIFO ? STATUS_RXFULL : 0) | (s->count ? STATUS_RXDATA : active(s) ? STATUS_RXEMPTY : 0);
    } else if (active(s)) {
        v |= STATUS_TXACTIVE | (s->count <= FIFO / 2 ? STATUS_TXHALFEMPTY : 0) | (s->count == FIFO ? STATUS_TXFULL : 0) |
             (s->count ? STATUS_TXDATA : STATUS_TXEMPTY);
    }
    return v;
}

static void update_irq(PL181 *s)
{
    for (unsigned i = 0; i < 2; i++)
        irq_set(&s->dev.out[i], (status(s) & s->dev.regs[R_MASK0 + i]) != 0);
}

static void card_changed(Device *dev)
{
    PL181 *s = (PL181 *)dev;
    irq_set(&dev->out[2], sd_present(&s->bus));
    irq_set(&dev->out[3], sd_write_protected(&s->bus));
}

/* ---- Data path ---- */

static void push(PL181 *s, uint32_t word)
{
    s->fifo[(s->head + s->count++) % FIFO] = word;
}

static uint32_t pop(PL181 *s)
{
    uint32_t word = s->fifo[s->head];
    s->head = (s->head + 1) % FIFO;
    s->count--;
    return word;
}

static void stop(PL181 *s, uint32_t why)
{
    s->dev.regs[R_STATUS] |= why;
    s->dev.regs[R_DATACTRL] &= ~(uint32_t)DATA_ENABLE;
    timer_del(s->timeout);
}

/* Moves whole words, and what is left at the end, between card and FIFO. */
static void move_data(PL181 *s)
{
    uint32_t *left = &s->dev.regs[R_DATACNT];
    while (active(s) && *left) {
        unsigned bytes = MIN(*left, 4);
        uint32_t word = 0;
        if (s->from_card ? s->count == FIFO || !sd_can_read(&s->bus) : !s->count || !sd_can_write(&s->bus))
            break;
        if (!s->from_card)
            word = pop(s);
        for (unsigned i = 0; i < bytes; i++) {
            if (s->from_card)
                word |= (uint32_t)sd_read(&s->bus) << (8 * i);
            else
                sd_write(&s->bus, (uint8_t)(word >> (8 * i)));
        }
        if (s->from_card)
            push(s, word);
        *left -= bytes;
    }
    if (active(s) && !*left)
        stop(s, STATUS_DATAEND | STATUS_DATABLOCKEND);
    update_irq(s);
}

/* MCIDataTimer counts periods of the card's clock. */
static int64_t timeout_ns(const PL181 *s)
{
    uint32_t clock = s->dev.regs[R_CLOCK];
    uint64_t divisor = clock & CLOCK_BYPASS ? 1 : 2 * ((clock & 0xff) + 1);
    return (int64_t)((uint64_t)s->dev.regs[R_DATATIMER] * divisor / (MCLK_HZ / 1000000) * 1000);
}

static void timed_out(void *opaque)
{
    PL181 *s = opaque;
    bool card_ready = s->from_card ? sd_can_read(&s->bus) : sd_can_write(&s->bus);
    if (!active(s))
        return;
    if (card_ready) /* only the host is slow; a short timeout must not keep the emulator busy until it is there */
        timer_mod(s->timeout, clock_ns(CLOCK_VIRTUAL) + MAX(timeout_ns(s), LOOK_AGAIN_NS));
    else
        stop(s, STATUS_DATATIMEOUT);
    update_irq(s);
}

static void write_datactrl(void *opaque, unsigned index, uint32_t value)
{
    PL181 *s = opaque;
    timer_del(s->timeout);
    if (value & DATA_ENABLE) {
        s->from_card = !!(value & DATA_FROM_CARD);
        s->head = s->count = 0;
        s->dev.regs[R_DATACNT] = s->dev.regs[R_DATALENGTH];
        timer_mod(s->timeout, clock_ns(CLOCK_VIRTUAL) + timeout_ns(s));
    }
    move_data(s);
}

static uint32_t read_fifo(void *opaque, unsigned index, uint32_t value)
{
    PL181 *s = opaque;
    if (!s->from_card || !s->count)
        return 0;
    uint32_t word = pop(s);
    move_data(s);
    return word;
}

static void write_fifo(void *opaque, unsigned index, uint32_t value)
{
    PL181 *s = opaque;
    if (s->from_card || !active(s) || s->count == FIFO)
        return;
    push(s, value);
    move_data(s);
}

/* Words that have yet to pass the FIFO on the host's side. */
static uint32_t read_fifocnt(void *opaque, unsigned index, uint32_t value)
{
    const PL181 *s = opaque;
    uint32_t words = (s->dev.regs[R_DATACNT] + 3) / 4;
    return s->from_card ? words + s->count : words - MIN(words, s->count);
}

/* ---- Command path ---- */

static uint32_t get_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return GUINT32_FROM_BE(v);
}

static void run_command(PL181 *s, uint32_t command)
{
    uint8_t response[16] = { 0 };
    uint32_t *regs = s->dev.regs;
    unsigned len = sd_command(&s->bus, command & 63, regs[R_ARGUMENT], response);
    if (!(command & CMD_RESPONSE)) {
        regs[R_STATUS] |= STATUS_CMDSENT;
        return;
    }
    if (len != (command & CMD_LONG ? SD_LONG : SD_SHORT)) {
        regs[R_STATUS] |= STATUS_CMDTIMEOUT;
        return;
    }
    for (unsigned i = 0; i < len / 4; i++)
        regs[R_RESP0 + i] = get_be32(response + 4 * i);
    if (len == SD_LONG)
        regs[R_RESP3] &= ~1u;
    regs[R_RESPCMD] = len == SD_LONG ? 0x3f : command & 63;
    regs[R_STATUS] |= STATUS_CMDRESPEND;
}

static void write_command(void *opaque, unsigned index, uint32_t value)
{
    PL181 *s = opaque;
    uint32_t command = s->dev.regs[R_COMMAND];
    if (!(command & CMD_ENABLE))
        return;
    run_command(s, command);
    s->dev.regs[R_COMMAND] &= ~(uint32_t)CMD_ENABLE;
    move_data(s);
}

/* ---- Registers ---- */

static uint32_t read_status(void *opaque, unsigned index, uint32_t value)
{
    return status(opaque);
}

static void write_clear(void *opaque, unsigned index, uint32_t value)
{
    PL181 *s = opaque;
    s->dev.regs[R_STATUS] &= ~(value & STATUS_CLEARABLE);
    update_irq(s);
}

static void write_mask(void *opaque, unsigned index, uint32_t value)
{
    update_irq(opaque);
}

/* The FIFO is one register at sixteen addresses, for transfers of several words. */
#define FIFO_WORD(n) { "MCIFIFO" #n, 0x80 + 4 * n, 4, .on_read = read_fifo, .on_write = write_fifo }
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
    { "MCIStatus", 0x34, 4, .on_read = read_status },
    { "MCIClear", 0x38, 4, .on_write = write_clear },
    { "MCIMask0", 0x3c, 4, .write = 0x3fffff, .on_write = write_mask },
    { "MCIMask1", 0x40, 4, .write = 0x3fffff, .on_write = write_mask },
    { "MCIFifoCnt", 0x48, 4, .on_read = read_fifocnt },
    FIFO_WORD(0), FIFO_WORD(1), FIFO_WORD(2), FIFO_WORD(3), FIFO_WORD(4), FIFO_WORD(5), FIFO_WORD(6), FIFO_WORD(7),
    FIFO_WORD(8), FIFO_WORD(9), FIFO_WORD(10), FIFO_WORD(11), FIFO_WORD(12), FIFO_WORD(13), FIFO_WORD(14), FIFO_WORD(15),
    PRIMECELL_IDS(0x81, 0x11, 0x04, 0x00),
    {},
};

static void pl181_reset(Device *dev)
{
    PL181 *s = (PL181 *)dev;
    timer_del(s->timeout);
    s->head = s->count = s->from_card = 0;
    update_irq(s);
    card_changed(dev);
}

static bool pl181_realize(Device *dev, Error **errp)
{
    PL181 *s = (PL181 *)dev;
    device_init_out(dev, 4);
    s->timeout = timer_new(CLOCK_VIRTUAL, timed_out, s);
    sd_bus_init(&s->bus, "sd-bus", dev, card_changed);
    return true;
}

static void pl181_unrealize(Device *dev)
{
    timer_free(((PL181 *)dev)->timeout);
}

static void pl181_post_load(Device *dev)
{
    PL181 *s = (PL181 *)dev;
    s->head %= FIFO;
    s->count = MIN(s->count, FIFO);
    s->from_card = s->from_card != 0;
    dev->regs[R_DATACNT] &= 0xffff;
    update_irq(s);
    card_changed(dev);
}

bool pl181_add_card(Device *dev, Drive *drive, Error **errp)
{
    return sd_bus_add_card(&((PL181 *)dev)->bus, drive, errp);
}

static const SavedField pl181_saved[] = {
    SAVED_TIMER(PL181, timeout), SAVED_ARRAY(PL181, fifo), SAVED_INT(PL181, head), SAVED_INT(PL181, count),
    SAVED_INT(PL181, from_card), SAVED_END(),
};
static const DeviceType pl181_type = {
    .name = "pl181", .desc = "Arm PrimeCell multimedia card interface", .bus = BUS_SYSTEM, .category = "Storage devices",
    .internal = true, .size = sizeof(PL181), .saved = pl181_saved, .regs = pl181_regs, .regs_size = 0x1000,
    .realize = pl181_realize, .unrealize = pl181_unrealize, .reset = pl181_reset, .post_load = pl181_post_load,
};
device_type(pl181_type)
