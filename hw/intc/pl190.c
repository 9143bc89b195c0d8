/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell vectored interrupt controller PL190 (ARM DDI 0181). Region 0 (4 KiB); inputs 0-31; outputs 0 = IRQ, 1 = FIQ.
 * Sixteen vectored slots, slot 0 most urgent, then everything else at the default vector. Not modelled: daisy
 * chain, integration test registers.
 */
#include "hw/primecell.h"

#include <glib.h>

#define SLOTS 16
#define NON_VECTORED SLOTS
#define IDLE (SLOTS + 1)
enum { SLOT_ENABLE = 0x20 };

enum { R_IRQSTATUS, R_FIQSTATUS, R_RAWINTR, R_INTSELECT, R_INTENABLE, R_INTENCLEAR, R_SOFTINT, R_SOFTINTCLEAR, R_PROTECTION,
       R_VECTADDR, R_DEFVECTADDR, R_VECT0, R_CNTL0 = R_VECT0 + SLOTS };

typedef struct PL190 {
    Device dev;
    uint32_t level;          /* of the inputs */
    uint8_t priority;        /* being serviced: slot, NON_VECTORED or IDLE */
    uint8_t before[SLOTS + 2]; /* preempted priority, by the one that preempted */
} PL190;

static uint32_t raw(const PL190 *s)
{
    return s->level | s->dev.regs[R_SOFTINT];
}

static uint32_t irq_status(const PL190 *s)
{
    return raw(s) & s->dev.regs[R_INTENABLE] & ~s->dev.regs[R_INTSELECT];
}

static uint32_t fiq_status(const PL190 *s)
{
    return raw(s) & s->dev.regs[R_INTENABLE] & s->dev.regs[R_INTSELECT];
}

/* The most urgent priority that asks for service. */
static unsigned wanted(const PL190 *s)
{
    uint32_t status = irq_status(s);
    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t control = s->dev.regs[R_CNTL0 + i];
        if ((control & SLOT_ENABLE) && (status >> (control & 31) & 1))
            return i;
    }
    return status ? NON_VECTORED : IDLE;
}

static void update(PL190 *s)
{
    irq_set(&s->dev.out[0], wanted(s) < s->priority);
    irq_set(&s->dev.out[1], fiq_status(s) != 0);
}

static void input(void *dev, int n, int level)
{
    PL190 *s = dev;
    s->level = (s->level & ~(1u << n)) | (uint32_t)(level != 0) << n;
    update(s);
}

/* ---- Registers ---- */

static uint32_t read_status(void *dev, unsigned index, uint32_t value)
{
    (void)value;
    return index == R_IRQSTATUS ? irq_status(dev) : index == R_FIQSTATUS ? fiq_status(dev) : raw(dev);
}

static void changed(void *dev, unsigned index, uint32_t value)
{
    (void)index;
    (void)value;
    update(dev);
}

/* Enable and software interrupt registers set bits, the ones after them clear bits. */
static void set_bits(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index] |= value;
    update(dev);
}

static void clear_bits(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index - 1] &= ~value;
    update(dev);
}

/* Reading the vector address begins the service, writing ends it. */
static uint32_t read_vector(void *dev, unsigned index, uint32_t value)
{
    PL190 *s = dev;
    unsigned next = wanted(s);
    (void)index;
    (void)value;
    if (next >= s->priority)
        return s->priority < SLOTS ? s->dev.regs[R_VECT0 + s->priority] : s->dev.regs[R_DEFVECTADDR];
    s->before[next] = s->priority;
    s->priority = (uint8_t)next;
    update(s);
    return next < SLOTS ? s->dev.regs[R_VECT0 + next] : s->dev.regs[R_DEFVECTADDR];
}

static void write_vector(void *dev, unsigned index, uint32_t value)
{
    PL190 *s = dev;
    (void)index;
    (void)value;
    if (s->priority < IDLE)
        s->priority = s->before[s->priority];
    update(s);
}

#define VECTOR(n) { "VICVECTADDR" #n, 0x100 + 4 * n, 4, .write = ~0u }
#define CONTROL(n) { "VICVECTCNTL" #n, 0x200 + 4 * n, 4, .write = 0x3f, .on_write = changed }
#define ALL(X) X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15)
static const RegisterRow pl190_regs[] = {
    { "VICIRQSTATUS", 0x00, 4, .on_read = read_status },
    { "VICFIQSTATUS", 0x04, 4, .on_read = read_status },
    { "VICRAWINTR", 0x08, 4, .on_read = read_status },
    { "VICINTSELECT", 0x0c, 4, .write = ~0u, .on_write = changed },
    { "VICINTENABLE", 0x10, 4, .on_write = set_bits },
    { "VICINTENCLEAR", 0x14, 4, .on_write = clear_bits },
    { "VICSOFTINT", 0x18, 4, .on_write = set_bits },
    { "VICSOFTINTCLEAR", 0x1c, 4, .on_write = clear_bits },
    { "VICPROTECTION", 0x20, 4, .write = 1 },
    { "VICVECTADDR", 0x30, 4, .on_read = read_vector, .on_write = write_vector },
    { "VICDEFVECTADDR", 0x34, 4, .write = ~0u },
    ALL(VECTOR),
    ALL(CONTROL),
    PRIMECELL_IDS(0x90, 0x11, 0x04, 0x00),
    {},
};

static void pl190_reset(Device *dev)
{
    PL190 *s = (PL190 *)dev;
    s->priority = IDLE;
    for (unsigned i = 0; i < ARRAY_SIZE(s->before); i++)
        s->before[i] = IDLE;
    update(s);
}

static bool pl190_realize(Device *dev, Error **errp)
{
    (void)errp;
    device_init_in(dev, input, 32);
    device_init_out(dev, 2);
    pl190_reset(dev);
    return true;
}

static void pl190_post_load(Device *dev)
{
    PL190 *s = (PL190 *)dev;
    s->priority = MIN(s->priority, IDLE);
    for (unsigned i = 0; i < ARRAY_SIZE(s->before); i++)
        s->before[i] = MIN(s->before[i], IDLE);
    update(s);
}

static void pl190_info(Device *dev, FILE *out)
{
    const PL190 *s = (PL190 *)dev;
    fprintf(out, "pl190: inputs=%08x enabled=%08x fiq=%08x soft=%08x priority=%u\n", s->level, dev->regs[R_INTENABLE],
            dev->regs[R_INTSELECT], dev->regs[R_SOFTINT], s->priority);
}

static const SavedField pl190_saved[] = {
    SAVED_INT(PL190, level), SAVED_INT(PL190, priority), SAVED_BYTES(PL190, before), SAVED_END(),
};
static const DeviceType pl190_type = {
    .name = "pl190", .desc = "Arm PrimeCell vectored interrupt controller", .bus = BUS_SYSTEM,
    .category = "Misc devices", .internal = true, .size = sizeof(PL190), .saved = pl190_saved, .regs = pl190_regs,
    .regs_size = 0x1000, .realize = pl190_realize, .reset = pl190_reset, .post_load = pl190_post_load,
    .pic_info = pl190_info,
};
device_type(pl190_type)
