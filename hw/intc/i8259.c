/* SPDX-License-Identifier: MIT */
/*
 * Intel 8259A pair as in a PC (Intel 231468-003; edge/level registers from the PIIX3 datasheet).
 * Interface: type "isa-i8259", one device for both chips. Regions: 0 master (2 ports, 0x20), 1 slave (2 ports,
 * 0xa0), 2 edge/level control (2 ports, 0x4d0); it maps them itself when there is an ISA bus. Inputs 0-15 (2 is
 * the cascade and ignored), output 0 = INT to the CPU; pic_read_irq is the acknowledge cycle.
 * Not modelled: 8080 mode (ICW1 with uPM clear acts as 8086 mode), buffered mode.
 */
#include "hw/i8259.h"
#include "hw/isa.h"
#include "util/log.h"

#include <string.h>

typedef struct PIC {
    uint8_t irr, imr, isr;
    uint8_t lines;          /* levels of the inputs */
    uint8_t elcr, elcr_mask; /* level-triggered inputs; which may be */
    uint8_t lowest;         /* input with the lowest priority: 7 after ICW1 */
    uint8_t vector_base;    /* ICW2 */
    uint8_t init_step;      /* next ICW: 0 none, 2, 3, 4 */
    uint8_t icw4_expected, single, ltim;
    uint8_t auto_eoi, rotate_on_aeoi, special_fully_nested, special_mask;
    uint8_t read_isr, poll;
    uint8_t master;
    uint8_t out;            /* INT */
} PIC;

typedef struct PICPair {
    Device dev;
    PIC chip[2];            /* master, slave */
    MemoryRegion io[2], elcr_io;
    uint64_t count[ISA_IRQS]; /* rising edges, for info irq */
} PICPair;

enum { CASCADE = 2 };
enum { ICW1_IC4 = 0x01, ICW1_SNGL = 0x02, ICW1_LTIM = 0x08, ICW1_INIT = 0x10, OCW3 = 0x08 };
enum { ICW4_AEOI = 0x02, ICW4_SFNM = 0x10 };
enum { OCW3_READ = 0x02, OCW3_ISR = 0x01, OCW3_POLL = 0x04, OCW3_ESMM = 0x40, OCW3_SMM = 0x20 };

static PICPair *pair_of(Device *dev)
{
    return container_of(dev, PICPair, dev);
}

/* ---- Priorities ---- */

/* Rank of the most urgent bit in mask: 0 is the input after the lowest one; 8 when there is none. */
static unsigned top_rank(const PIC *s, uint8_t mask)
{
    unsigned shift = (s->lowest + 1u) & 7;
    unsigned rotated = ((unsigned)mask >> shift | (unsigned)mask << (8 - shift)) & 0xff;
    return rotated ? (unsigned)__builtin_ctz(rotated) : 8;
}

static int input_of_rank(const PIC *s, unsigned rank)
{
    return (int)((rank + s->lowest + 1) & 7);
}

/* The input that may interrupt now, or -1. */
static int pending_input(const PIC *s)
{
    unsigned request = top_rank(s, s->irr & (uint8_t)~s->imr);
    if (request == 8)
        return -1;
    uint8_t serving = s->isr;
    if (s->special_mask)
        serving &= (uint8_t)~s->imr;
    if (s->special_fully_nested && s->master)
        serving &= (uint8_t)~(1 << CASCADE);
    return request < top_rank(s, serving) ? input_of_rank(s, request) : -1;
}

/* Requests of level-triggered inputs follow their lines. */
static uint8_t level_inputs(const PIC *s)
{
    return s->ltim ? 0xff : s->elcr;
}

static void set_input(PIC *s, int n, int level)
{
    uint8_t bit = (uint8_t)(1 << n);
    if (level) {
        if ((level_inputs(s) & bit) || !(s->lines & bit))
            s->irr |= bit;
        s->lines |= bit;
    } else {
        s->lines &= (uint8_t)~bit;
        /* An edge stays latched, so that a pulse counts; a level and the slave's INT do not. */
        if ((level_inputs(s) & bit) || (s->master && n == CASCADE))
            s->irr &= (uint8_t)~bit;
    }
}

/* Recomputes INT of both chips. */
static void update(PICPair *p)
{
    PIC *master = &p->chip[0], *slave = &p->chip[1];
    int request = pending_input(slave) >= 0;
    if (request != slave->out) {
        slave->out = (uint8_t)request;
        set_input(master, CASCADE, request);
    }
    request = pending_input(master) >= 0;
    if (request != master->out) {
        master->out = (uint8_t)request;
        irq_set(&p->dev.out[0], request);
    }
}

static void pic_set_irq(void *opaque, int n, int level)
{
    PICPair *p = pair_of(opaque);
    PIC *s = &p->chip[n >> 3];
    if (n == CASCADE)
        return;
    if (level && !(s->lines >> (n & 7) & 1))
        p->count[n]++;
    set_input(s, n & 7, level);
    update(p);
}

/* ---- Acknowledge and end of interrupt ---- */

static void acknowledge(PIC *s, int n)
{
    uint8_t bit = (uint8_t)(1 << n);
    if (!s->auto_eoi)
        s->isr |= bit;
    else if (s->rotate_on_aeoi)
        s->lowest = (uint8_t)n;
    if (!(level_inputs(s) & bit))
        s->irr &= (uint8_t)~bit;
}

int pic_read_irq(Device *dev)
{
    PICPair *p = pair_of(dev);
    PIC *master = &p->chip[0], *slave = &p->chip[1];
    int n = pending_input(master), vector;
    if (n == CASCADE) {
        int m = pending_input(slave);
        /* A request that went away is answered as input 7, without an in-service bit. */
        vector = slave->vector_base + (m < 0 ? 7 : m);
        acknowledge(master, CASCADE);
        if (m >= 0)
            acknowledge(slave, m);
        /* The slave's INT drops during the cycle, so its next request is an edge for the master. */
        slave->out = 0;
        set_input(master, CASCADE, 0);
    } else {
        vector = master->vector_base + (n < 0 ? 7 : n);
        if (n >= 0)
            acknowledge(master, n);
    }
    update(p);
    return vector;
}

/* Non-specific end of interrupt: the most urgent one in service (unmasked, in special mask mode). */
static void end_highest(PIC *s, bool rotate)
{
    unsigned rank = top_rank(s, s->special_mask ? s->isr & (uint8_t)~s->imr : s->isr);
    if (rank == 8)
        return;
    int n = input_of_rank(s, rank);
    s->isr &= (uint8_t)~(1 << n);
    if (rotate)
        s->lowest = (uint8_t)n;
}

static void write_ocw2(PIC *s, uint8_t value)
{
    uint8_t n = value & 7;
    switch (value >> 5) {
    case 0: s->rotate_on_aeoi = 0; break;
    case 4: s->rotate_on_aeoi = 1; break;
    case 1: end_highest(s, false); break;
    case 5: end_highest(s, true); break;
    case 3: s->isr &= (uint8_t)~(1 << n); break;
    case 6: s->lowest = n; break;
    case 7:
        s->isr &= (uint8_t)~(1 << n);
        s->lowest = n;
        break;
    }
}

static void write_ocw3(PIC *s, uint8_t value)
{
    if (value & OCW3_POLL)
        s->poll = 1;
    if (value & OCW3_READ)
        s->read_isr = value & OCW3_ISR;
    if (value & OCW3_ESMM)
        s->special_mask = !!(value & OCW3_SMM);
}

/* ---- Ports ---- */

/* ICW1 clears everything but vector, levels and the edge/level register (which is not in the chip). */
static void write_icw1(PIC *s, uint8_t value)
{
    PIC keep = *s;
    *s = (PIC){ .lines = keep.lines, .elcr = keep.elcr, .elcr_mask = keep.elcr_mask, .master = keep.master,
                .vector_base = keep.vector_base, .out = keep.out, .lowest = 7, .init_step = 2 };
    s->icw4_expected = value & ICW1_IC4;
    s->single = !!(value & ICW1_SNGL);
    s->ltim = !!(value & ICW1_LTIM);
    s->irr = s->lines & level_inputs(s);
}

static void write_data(PIC *s, uint8_t value)
{
    switch (s->init_step) {
    case 0:
        s->imr = value;
        return;
    case 2:
        s->vector_base = value & 0xf8;
        s->init_step = !s->single ? 3 : s->icw4_expected ? 4 : 0;
        return;
    case 3: /* which input has a slave is wired in a PC */
        s->init_step = s->icw4_expected ? 4 : 0;
        return;
    default:
        s->auto_eoi = !!(value & ICW4_AEOI);
        s->special_fully_nested = !!(value & ICW4_SFNM);
        s->init_step = 0;
        return;
    }
}

static void chip_write(PICPair *p, PIC *s, hwaddr port, uint8_t value)
{
    if (port & 1)
        write_data(s, value);
    else if (value & ICW1_INIT)
        write_icw1(s, value);
    else if (value & OCW3)
        write_ocw3(s, value);
    else
        write_ocw2(s, value);
    update(p);
}

/* The poll command makes the next read an acknowledge cycle. */
static uint8_t poll(PICPair *p, PIC *s)
{
    int n = pending_input(s);
    s->poll = 0;
    if (n < 0)
        return 0;
    acknowledge(s, n);
    if (!s->master) {
        s->out = 0;
        set_input(&p->chip[0], CASCADE, 0);
    }
    update(p);
    return (uint8_t)(0x80 | n);
}

static uint8_t chip_read(PICPair *p, PIC *s, hwaddr port)
{
    if (s->poll)
        return poll(p, s);
    if (port & 1)
        return s->imr;
    return s->read_isr ? s->isr : s->irr;
}

static uint64_t master_read(void *opaque, hwaddr port, unsigned size)
{
    PICPair *p = opaque;
    return chip_read(p, &p->chip[0], port);
}

static void master_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    PICPair *p = opaque;
    chip_write(p, &p->chip[0], port, (uint8_t)value);
}

static uint64_t slave_read(void *opaque, hwaddr port, unsigned size)
{
    PICPair *p = opaque;
    return chip_read(p, &p->chip[1], port);
}

static void slave_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    PICPair *p = opaque;
    chip_write(p, &p->chip[1], port, (uint8_t)value);
}

static uint64_t elcr_read(void *opaque, hwaddr port, unsigned size)
{
    return ((PICPair *)opaque)->chip[port & 1].elcr;
}

static void elcr_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    PICPair *p = opaque;
    PIC *s = &p->chip[port & 1];
    s->elcr = (uint8_t)value & s->elcr_mask;
    s->irr |= s->lines & s->elcr;
    update(p);
}

static const MemoryRegionOps chip_ops[2] = {
    { .read = master_read, .write = master_write, .impl_min = 1, .impl_max = 1 },
    { .read = slave_read, .write = slave_write, .impl_min = 1, .impl_max = 1 },
};
static const MemoryRegionOps elcr_ops = { .read = elcr_read, .write = elcr_write, .impl_min = 1, .impl_max = 1 };

/* ---- Device ---- */

static void pic_reset(Device *dev)
{
    static const uint8_t may_be_level[2] = { 0xf8, 0xde };
    PICPair *p = pair_of(dev);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t lines = p->chip[i].lines & (uint8_t)~(i == 0 ? 1 << CASCADE : 0);
        p->chip[i] = (PIC){ .lines = lines, .elcr_mask = may_be_level[i], .lowest = 7, .master = i == 0 };
    }
    irq_set(&dev->out[0], 0);
}

static bool pic_realize(Device *dev, Error **errp)
{
    PICPair *p = pair_of(dev);
    static const char *const names[2] = { "pic", "pic-slave" };
    device_init_in(dev, pic_set_irq, ISA_IRQS);
    device_init_out(dev, 1);
    for (unsigned i = 0; i < 2; i++) {
        memory_region_init_io(&p->io[i], dev, &chip_ops[i], p, names[i], 2);
        isa_register_ioport(dev, &p->io[i], i ? 0xa0 : 0x20);
    }
    memory_region_init_io(&p->elcr_io, dev, &elcr_ops, p, "elcr", 2);
    isa_register_ioport(dev, &p->elcr_io, 0x4d0);
    pic_reset(dev);
    return true;
}

static void pic_post_load(Device *dev)
{
    PICPair *p = pair_of(dev);
    for (unsigned i = 0; i < 2; i++) {
        p->chip[i].lowest &= 7;
        p->chip[i].master = i == 0;
    }
    irq_set(&dev->out[0], p->chip[0].out);
    update(p);
}

static void pic_info(Device *dev, FILE *out)
{
    for (int i = 1; i >= 0; i--) {
        const PIC *s = &pair_of(dev)->chip[i];
        fprintf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n", i, s->irr,
                s->imr, s->isr, (s->lowest + 1) & 7, s->vector_base, s->read_isr, s->elcr, s->special_fully_nested);
    }
}

static void pic_irq_stats(Device *dev, FILE *out)
{
    for (unsigned i = 0; i < ISA_IRQS; i++)
        if (pair_of(dev)->count[i])
            fprintf(out, "%2u: %llu\n", i, (unsigned long long)pair_of(dev)->count[i]);
}

static const SavedField chip_saved[] = {
    SAVED_INT(PIC, irr), SAVED_INT(PIC, imr), SAVED_INT(PIC, isr), SAVED_INT(PIC, lines), SAVED_INT(PIC, elcr),
    SAVED_INT(PIC, lowest), SAVED_INT(PIC, vector_base), SAVED_INT(PIC, init_step), SAVED_INT(PIC, icw4_expected),
    SAVED_INT(PIC, single), SAVED_INT(PIC, ltim), SAVED_INT(PIC, auto_eoi), SAVED_INT(PIC, rotate_on_aeoi),
    SAVED_INT(PIC, special_fully_nested), SAVED_INT(PIC, special_mask), SAVED_INT(PIC, read_isr), SAVED_INT(PIC, poll),
    SAVED_INT(PIC, out), SAVED_END(),
};
static const SavedField pic_saved[] = { SAVED_STRUCTS(PICPair, chip, chip_saved), SAVED_END() };

static const DeviceType pic_type = {
    .name = "isa-i8259", .desc = "Pair of 8259A interrupt controllers", .bus = BUS_ISA, .internal = true,
    .category = "Controller/Bridge/Hub devices", .size = sizeof(PICPair), .saved = pic_saved, .realize = pic_realize,
    .reset = pic_reset, .post_load = pic_post_load, .pic_info = pic_info, .irq_stats = pic_irq_stats,
};
device_type(pic_type)
