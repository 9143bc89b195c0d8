/* SPDX-License-Identifier: MIT */
/*
 * IA-PC High Precision Event Timers (Intel, revision 1.0a), 100 MHz main counter. Type "hpet", region 0 = 1 KiB.
 * Inputs: 0 = OUT of the PIT, 1 = interrupt of the RTC; they pass to outputs 0 and 8 while legacy replacement is off.
 * Outputs: 0-31 = interrupt lines (the board's global ones; 0 is what the PIT would use), 32 = the PIT may
 * interrupt. Properties timers (3-24), msi, hpet-intcap (lines each timer may be routed to).
 * Edges of periods missed while the host was busy follow quickly, each when the one before has been taken, MAX_OWED at most.
 * Not modelled: interrupts closer than 20 us.
 */
#include "cpu.h"
#include "hw/pci.h"
#include "util/error.h"
#include "util/log.h"
#include "util/timer.h"

enum { TICK_NS = 10, PERIOD_FS = 10000000, MIN_TIMERS = 3, MAX_TIMERS = 24, MIN_INTERVAL_NS = 20000 };
enum { MAX_OWED = 64, CATCH_UP = 16 }; /* owed interrupts come at this many times the rate */
enum { REGION_SIZE = 0x400 };
enum { REG_CAP = 0x00, REG_CONFIG = 0x10, REG_STATUS = 0x20, REG_COUNTER = 0xf0, REG_TIMERS = 0x100, TIMER_STRIDE = 0x20 };
enum { TIMER_CONFIG = 0x00, TIMER_COMPARATOR = 0x08, TIMER_FSB = 0x10 };
enum { CONFIG_ENABLE = 1, CONFIG_LEGACY = 2 };
enum { T_LEVEL = 0x02, T_ENABLE = 0x04, T_PERIODIC = 0x08, T_PERIODIC_CAP = 0x10, T_64BIT_CAP = 0x20, T_SET_VALUE = 0x40,
       T_32BIT = 0x100, T_ROUTE_SHIFT = 9, T_FSB = 0x4000, T_FSB_CAP = 0x8000 };
#define T_WRITABLE (T_LEVEL | T_ENABLE | T_PERIODIC | T_SET_VALUE | T_32BIT | 0x1f << T_ROUTE_SHIFT | T_FSB)
#define CAP_FIXED (0x80860000ull | 1 << 15 | 1 << 13 | 1)
enum { LINE_PIT_ENABLE = 32, LINES = 33, LEGACY_PIT = 0, LEGACY_RTC = 8 };

typedef struct HPETTimer {
    uint64_t config, comparator, period, fsb;
    uint32_t owed;           /* interrupts of periods that are past and have not been shown */
    struct HPET *hpet;
    Timer *timer;
} HPETTimer;

typedef struct HPET {
    Device dev;
    MemoryRegion io;
    uint64_t config, status;
    uint64_t counter;        /* value while halted */
    int64_t start_ns;        /* virtual time at which the counter was 0; valid while running */
    uint8_t input[2];        /* levels of PIT and RTC */
    HPETTimer timer[MAX_TIMERS];
    uint8_t timers;
    bool msi;
    uint32_t intcap;
} HPET;

static HPET *hpet_of(Device *dev)
{
    return container_of(dev, HPET, dev);
}

static bool running(const HPET *s)
{
    return s->config & CONFIG_ENABLE;
}

static uint64_t counter(const HPET *s)
{
    if (!running(s))
        return s->counter;
    return (uint64_t)(clock_ns(CLOCK_VIRTUAL) - s->start_ns) / TICK_NS;
}

static unsigned number(const HPETTimer *t)
{
    return (unsigned)(t - t->hpet->timer);
}

static bool is_32bit(const HPETTimer *t)
{
    return t->config & T_32BIT;
}

static uint64_t in_width(const HPETTimer *t, uint64_t v)
{
    return is_32bit(t) ? (uint32_t)v : v;
}

/* ---- Interrupts ---- */

static unsigned route(const HPETTimer *t)
{
    if ((t->hpet->config & CONFIG_LEGACY) && number(t) < 2)
        return number(t) ? LEGACY_RTC : LEGACY_PIT;
    return t->config >> T_ROUTE_SHIFT & 31;
}

static void lower(HPETTimer *t)
{
    irq_set(&t->hpet->dev.out[route(t)], 0);
}

/* A message goes where those of PCI functions go: past the page of the vCPUs' own controllers. */
static void send_message(uint64_t fsb)
{
    AddressSpace *as = pci_root_bus ? pci_root_bus->dma : address_space_memory;
    address_space_st(as, fsb >> 32, (uint32_t)fsb, 4);
}

static void raise(HPETTimer *t)
{
    HPET *s = t->hpet;
    if (t->config & T_LEVEL)
        s->status |= 1ull << number(t);
    if (!(t->config & T_ENABLE))
        return;
    if (t->config & T_FSB)
        send_message(t->fsb);
    else if (t->config & T_LEVEL)
        irq_set(&s->dev.out[route(t)], 1);
    else
        irq_pulse(&s->dev.out[route(t)]);
}

/* ---- Matching ---- */

/* Moves a periodic comparator past the counter; returns how many periods have ended on the way. */
static uint64_t advance(HPETTimer *t)
{
    uint64_t now = counter(t->hpet), period = in_width(t, t->period);
    /* The comparator is ahead by less than half the range, or it has been reached. */
    uint64_t behind = in_width(t, now - t->comparator);
    bool reached = is_32bit(t) ? (int32_t)behind >= 0 : (int64_t)behind >= 0;
    if (!reached)
        return 0;
    if (!period)
        return 1;
    t->comparator = in_width(t, t->comparator + (behind / period + 1) * period);
    return behind / period + 1;
}

static void schedule(HPETTimer *t, bool just_fired)
{
    HPET *s = t->hpet;
    uint64_t now = counter(s), ahead = in_width(t, t->comparator - now);
    bool periodic = (t->config & T_PERIODIC) && t->period;
    if (just_fired && !periodic)
        ahead = is_32bit(t) ? 1ull << 32 : ~0ull; /* not before the counter has wrapped */
    if (!running(s) || ahead > INT64_MAX / (4 * TICK_NS)) {
        timer_del(t->timer);
        return;
    }
    /* The nanosecond at which the counter gets there, so that it has when the timer runs. */
    int64_t at = s->start_ns + (int64_t)((now + ahead) * TICK_NS);
    int64_t earliest = clock_ns(CLOCK_VIRTUAL) + MIN_INTERVAL_NS;
    if (t->owed) {
        int64_t soon = clock_ns(CLOCK_VIRTUAL) + (int64_t)(in_width(t, t->period) / CATCH_UP * TICK_NS);
        at = soon < at ? soon : at;
    }
    timer_mod(t->timer, just_fired && at < earliest ? earliest : at);
}

static void match_due(void *opaque)
{
    HPETTimer *t = opaque;
    bool edge = (t->config & (T_LEVEL | T_ENABLE)) == T_ENABLE;
    uint64_t ended = t->config & T_PERIODIC ? advance(t) : 1;
    t->owed = ended + t->owed > MAX_OWED ? MAX_OWED : t->owed + (uint32_t)ended;
    /* An edge that is late waits until it can be seen as one of its own. */
    if (t->owed && (ended || !cpus_interrupt_waits())) {
        t->owed--;
        raise(t);
    }
    if (!edge || !(t->config & T_PERIODIC))
        t->owed = 0;
    schedule(t, true);
}

static void schedule_all(HPET *s)
{
    for (unsigned i = 0; i < s->timers; i++)
        schedule(&s->timer[i], false);
}

/* ---- Lines of the PIT and the RTC ---- */

static void show_inputs(HPET *s)
{
    bool pass = !(s->config & CONFIG_LEGACY);
    irq_set(&s->dev.out[LEGACY_PIT], pass && s->input[0]);
    irq_set(&s->dev.out[LEGACY_RTC], pass && s->input[1]);
    irq_set(&s->dev.out[LINE_PIT_ENABLE], pass);
}

static void hpet_input(void *opaque, int n, int level)
{
    HPET *s = hpet_of(opaque);
    s->input[n] = !!level;
    if (!(s->config & CONFIG_LEGACY))
        irq_set(&s->dev.out[n ? LEGACY_RTC : LEGACY_PIT], s->input[n]);
}

/* ---- Registers: 64 bits wide, written whole or by halves ---- */

static void write_config(HPET *s, uint64_t value)
{
    uint64_t changed = (s->config ^ value) & (CONFIG_ENABLE | CONFIG_LEGACY);
    if (changed & CONFIG_ENABLE) {
        if (value & CONFIG_ENABLE)
            s->start_ns = clock_ns(CLOCK_VIRTUAL) - (int64_t)(s->counter * TICK_NS);
        else
            s->counter = counter(s);
    }
    s->config ^= changed;
    for (unsigned i = 0; changed && i < s->timers; i++)
        s->timer[i].owed = 0;
    if (changed & CONFIG_ENABLE)
        schedule_all(s);
    if (changed & CONFIG_LEGACY)
        show_inputs(s);
}

static void write_status(HPET *s, uint64_t value)
{
    uint64_t cleared = s->status & value;
    s->status &= ~value;
    for (unsigned i = 0; i < s->timers; i++)
        if (cleared >> i & 1)
            lower(&s->timer[i]);
}

static void write_timer_config(HPETTimer *t, uint64_t value)
{
    t->owed = 0;
    uint64_t writable = T_WRITABLE & (t->config & T_FSB_CAP ? ~0ull : ~(uint64_t)T_FSB);
    bool pending = t->hpet->status >> number(t) & 1;
    if (pending)
        lower(t); /* its route or type may change */
    t->config = (t->config & ~writable) | (value & writable);
    if (is_32bit(t)) {
        t->comparator = (uint32_t)t->comparator;
        t->period = (uint32_t)t->period;
    }
    if (!(t->config & T_LEVEL))
        t->hpet->status &= ~(1ull << number(t));
    else if (pending && (t->config & T_ENABLE))
        irq_set(&t->hpet->dev.out[route(t)], 1);
    schedule(t, false);
}

/* In periodic mode a write is the period; after SET_VALUE it is the accumulator as well. */
static void write_comparator(HPETTimer *t, uint64_t value)
{
    value = in_width(t, value);
    t->owed = 0;
    if (!(t->config & T_PERIODIC) || (t->config & T_SET_VALUE))
        t->comparator = value;
    if (t->config & T_PERIODIC)
        t->period = value;
    t->config &= ~(uint64_t)T_SET_VALUE;
    schedule(t, false);
}

static HPETTimer *timer_at(HPET *s, hwaddr reg)
{
    uint64_t n = (reg - REG_TIMERS) / TIMER_STRIDE;
    return reg >= REG_TIMERS && n < s->timers ? &s->timer[n] : NULL;
}

static uint64_t read_register(HPET *s, hwaddr reg)
{
    HPETTimer *t = timer_at(s, reg);
    if (t) {
        switch (reg % TIMER_STRIDE) {
        case TIMER_CONFIG: return t->config;
        case TIMER_COMPARATOR: return t->comparator;
        case TIMER_FSB: return t->fsb;
        default: return 0;
        }
    }
    switch (reg) {
    case REG_CAP: return CAP_FIXED | (uint64_t)(s->timers - 1) << 8 | (uint64_t)PERIOD_FS << 32;
    case REG_CONFIG: return s->config;
    case REG_STATUS: return s->status;
    case REG_COUNTER: return counter(s);
    default: return 0;
    }
}

/* merged: the register's value with the written half replaced; value: only what was written, in its place. */
static void write_register(HPET *s, hwaddr reg, uint64_t merged, uint64_t value)
{
    HPETTimer *t = timer_at(s, reg);
    if (t) {
        switch (reg % TIMER_STRIDE) {
        case TIMER_CONFIG: write_timer_config(t, merged); break;
        case TIMER_COMPARATOR: write_comparator(t, merged); break;
        case TIMER_FSB: t->fsb = merged; break;
        }
        return;
    }
    switch (reg) {
    case REG_CONFIG: write_config(s, merged); break;
    case REG_STATUS: write_status(s, value); break;
    case REG_COUNTER:
        if (running(s))
            guest_error("hpet: the main counter was written while it runs\n");
        else
            s->counter = merged;
        break;
    default: guest_error("hpet: write of read-only register 0x%x\n", (unsigned)reg); break;
    }
}

static uint64_t hpet_read(void *opaque, hwaddr offset, unsigned size)
{
    uint64_t v = read_register(opaque, offset & ~7ull);
    return size == 8 ? v : (uint32_t)(v >> (8 * (offset & 4)));
}

static void hpet_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    HPET *s = opaque;
    hwaddr reg = offset & ~7ull;
    if (size == 8) {
        write_register(s, reg, value, value);
        return;
    }
    HPETTimer *t = timer_at(s, reg);
    bool period = t && reg % TIMER_STRIDE == TIMER_COMPARATOR && (t->config & T_PERIODIC) && !(t->config & T_SET_VALUE);
    uint64_t old = period ? t->period : read_register(s, reg);
    unsigned shift = 8 * (unsigned)(offset & 4);
    write_register(s, reg, deposit64(old, (int)shift, 32, value), (value & UINT32_MAX) << shift);
}

static const MemoryRegionOps hpet_ops = {
    .read = hpet_read, .write = hpet_write, .valid_min = 4, .valid_max = 8, .impl_min = 4, .impl_max = 8,
};

/* ---- Device ---- */

static void hpet_reset(Device *dev)
{
    HPET *s = hpet_of(dev);
    for (unsigned i = 0; i < s->timers; i++) {
        HPETTimer *t = &s->timer[i];
        timer_del(t->timer);
        if (s->status >> i & 1)
            lower(t);
        t->config = T_PERIODIC_CAP | T_64BIT_CAP | (s->msi ? T_FSB_CAP : 0) | (uint64_t)s->intcap << 32;
        t->comparator = ~0ull;
        t->period = t->fsb = 0;
        t->owed = 0;
    }
    s->config = s->status = s->counter = 0;
    show_inputs(s);
}

static bool hpet_realize(Device *dev, Error **errp)
{
    HPET *s = hpet_of(dev);
    if (s->timers < MIN_TIMERS || s->timers > MAX_TIMERS) {
        error_setg(errp, "hpet: timers=%u is out of range, %d to %d", s->timers, MIN_TIMERS, MAX_TIMERS);
        return false;
    }
    device_init_in(dev, hpet_input, 2);
    device_init_out(dev, LINES);
    memory_region_init_io(&s->io, dev, &hpet_ops, s, "hpet", REGION_SIZE);
    device_add_region(dev, &s->io);
    for (unsigned i = 0; i < s->timers; i++) {
        s->timer[i].hpet = s;
        s->timer[i].timer = timer_new(CLOCK_VIRTUAL, match_due, &s->timer[i]);
    }
    hpet_reset(dev);
    return true;
}

static void hpet_unrealize(Device *dev)
{
    HPET *s = hpet_of(dev);
    for (unsigned i = 0; i < s->timers; i++)
        timer_free(s->timer[i].timer);
}

static void hpet_post_load(Device *dev)
{
    HPET *s = hpet_of(dev);
    s->config &= CONFIG_ENABLE | CONFIG_LEGACY;
    for (unsigned i = 0; i < s->timers; i++)
        if (!(s->timer[i].config & T_PERIODIC) || s->timer[i].owed > MAX_OWED)
            s->timer[i].owed = 0;
    schedule_all(s);
    show_inputs(s);
    for (unsigned i = 0; i < s->timers; i++)
        if ((s->status >> i & 1) && (s->timer[i].config & T_ENABLE))
            irq_set(&dev->out[route(&s->timer[i])], 1);
}

static const SavedField timer_saved[] = {
    SAVED_INT(HPETTimer, config), SAVED_INT(HPETTimer, comparator), SAVED_INT(HPETTimer, period),
    SAVED_INT(HPETTimer, fsb), SAVED_INT(HPETTimer, owed), SAVED_END(),
};
static const SavedField hpet_saved[] = {
    SAVED_INT(HPET, config), SAVED_INT(HPET, status), SAVED_INT(HPET, counter), SAVED_INT(HPET, start_ns),
    SAVED_BYTES(HPET, input), SAVED_STRUCTS(HPET, timer, timer_saved), SAVED_END(),
};
static const Property hpet_props[] = {
    PROP_U8("timers", HPET, timers, MIN_TIMERS),
    PROP_BOOL("msi", HPET, msi, false),
    PROP_U32("hpet-intcap", HPET, intcap, 0x4),
    {},
};
static const DeviceType hpet_type = {
    .name = "hpet", .desc = "High precision event timers", .bus = BUS_SYSTEM, .internal = true,
    .category = "Misc devices", .size = sizeof(HPET), .props = hpet_props, .saved = hpet_saved,
    .realize = hpet_realize, .unrealize = hpet_unrealize, .reset = hpet_reset, .post_load = hpet_post_load,
};
device_type(hpet_type)
