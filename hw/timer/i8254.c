/* SPDX-License-Identifier: MIT */
/*
 * Intel 8254 programmable interval timer (Intel 231164-005) with the PC's 1.193182 MHz clock.
 * Interface: type "isa-pit", region 0 = 4 ports, output 0 = OUT of channel 0 (IRQ 0), input 0 = channel 0 may
 * interrupt (low while the HPET replaces it; high when not wired), properties iobase, irq. Gates of
 * channels 0 and 1 are tied high; channel 2 belongs to port 0x61 (hw/i8254.h).
 * Counters are computed from the virtual clock when someone looks. Only channel 0 owns a timer, one event
 * per rising edge. Edges missed while the host was busy follow quickly, each when the one before has been taken, MAX_OWED at most.
 * Not modelled: the one clock between writing a count and its transfer into the counting element.
 */
#include "cpu.h"
#include "hw/i8254.h"
#include "hw/isa.h"
#include "util/timer.h"

#include <string.h>

typedef struct Counter {
    uint32_t n;             /* initial count in use: 1 to 65536 (or what BCD gives) */
    uint32_t next_n;        /* modes 2, 3: takes over at next_at; modes 1, 5: at the trigger; 0 = none */
    int64_t next_at;        /* tick */
    uint32_t next_phase;    /* clocks into its period at which next_n takes over: mode 3's low half */
    int64_t start;          /* tick at which n was loaded */
    int64_t paused;         /* ticks counted when the gate went low, -1 = running */
    uint16_t latch;         /* latched count */
    uint8_t status;         /* latched status */
    uint8_t mode, bcd, access;
    uint8_t gate;
    uint8_t started;        /* n is counting (modes 1, 5: was triggered) */
    uint8_t low_byte, write_high, read_high; /* two-byte accesses half done */
    uint8_t count_latched;  /* bytes of latch still to read */
    uint8_t status_latched;
} Counter;

typedef struct PIT {
    Device dev;
    Counter ch[3];
    uint8_t irq_enabled;
    uint8_t line;           /* OUT of channel 0 as last shown */
    int64_t due;            /* tick of channel 0's next edge, -1 = none */
    uint32_t owed;          /* edges that are past and have not been shown */
    Timer *edge;
    MemoryRegion io;
    uint32_t iobase, irq;
} PIT;

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };
enum { PORT_CONTROL = 3 };
enum { MIN_EDGE_TICKS = 60 }; /* 50 us: what interrupts faster than that would only stop the guest */
enum { MAX_OWED = 64, CATCH_UP = 16 }; /* owed edges come at this many times the rate */
enum { READBACK_NO_COUNT = 0x20, READBACK_NO_STATUS = 0x10 };
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };

static PIT *pit_of(Device *dev)
{
    return container_of(dev, PIT, dev);
}

static int64_t ticks_now(void)
{
    return (int64_t)((__int128)clock_ns(CLOCK_VIRTUAL) * PIT_HZ / NS_PER_SEC);
}

/* First nanosecond at which ticks_now() has reached tick. */
static int64_t tick_to_ns(int64_t tick)
{
    return (int64_t)(((__int128)tick * NS_PER_SEC + PIT_HZ - 1) / PIT_HZ);
}

/* ---- A counter as a function of time ---- */

static bool periodic(const Counter *c)
{
    return c->mode == 2 || c->mode == 3;
}

static bool triggered(const Counter *c)
{
    return c->mode == 1 || c->mode == 5;
}

/* Lets a count written while a period ran take over. */
static void counter_sync(Counter *c, int64_t now)
{
    if (c->next_n && periodic(c) && c->paused < 0 && now >= c->next_at) {
        c->n = c->next_n;
        c->start = c->next_at - c->next_phase;
        c->next_n = 0;
    }
}

static int64_t elapsed(const Counter *c, int64_t now)
{
    if (c->paused >= 0)
        return c->paused;
    return now > c->start ? now - c->start : 0;
}

/* Clocks of mode 3's high half. */
static uint32_t high_half(const Counter *c)
{
    return (c->n + 1) / 2;
}

static bool counter_out(Counter *c, int64_t now)
{
    counter_sync(c, now);
    if (!c->started)
        return c->mode != 0;
    int64_t d = elapsed(c, now);
    switch (c->mode) {
    case 0: case 1: return d >= c->n;
    case 2: return !c->gate || d % c->n != c->n - 1;
    case 3: return !c->gate || d % c->n < high_half(c);
    default: return d != c->n;
    }
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10);
}

static uint16_t counter_value(Counter *c, int64_t now)
{
    counter_sync(c, now);
    uint32_t modulus = c->bcd ? 10000 : 0x10000, v;
    int64_t d = elapsed(c, now);
    if (!c->started) {
        v = c->n;
    } else if (c->mode == 2) {
        v = c->n - (uint32_t)(d % c->n);
    } else if (c->mode == 3) {
        uint32_t phase = (uint32_t)(d % c->n);
        v = (c->n & ~1u) - 2 * (phase < high_half(c) ? phase : phase - high_half(c));
    } else {
        v = (uint32_t)((c->n + (int64_t)modulus - d % modulus) % modulus);
    }
    v %= modulus;
    return c->bcd ? to_bcd(v) : (uint16_t)v;
}

/* First tick after now at which OUT rises, or -1. */
static int64_t next_rise(Counter *c, int64_t now)
{
    counter_sync(c, now);
    if (!c->started || c->paused >= 0)
        return -1;
    int64_t d = elapsed(c, now), at;
    switch (c->mode) {
    case 0: case 1: at = c->n; break;
    case 2: case 3:
        at = (d / c->n + 1) * (int64_t)c->n;
        if (c->next_n)
            return c->next_phase ? c->next_at + c->next_n - c->next_phase : c->next_at;
        break;
    default: at = (int64_t)c->n + 1; break;
    }
    return at > d ? c->start + at : -1;
}

/* ---- Channel 0's interrupt ---- */

static void show_line(PIT *p, int level)
{
    p->line = (uint8_t)level;
    irq_set(&p->dev.out[0], level && p->irq_enabled);
}

/* after: no edge is shown before this tick. */
static void schedule_edge(PIT *p, int64_t now, int64_t after)
{
    p->due = p->irq_enabled ? next_rise(&p->ch[0], now) : -1;
    int64_t at = p->due;
    if (p->owed) {
        int64_t soon = now + p->ch[0].n / CATCH_UP;
        at = at < 0 || soon < at ? soon : at;
    }
    if (at < 0)
        timer_del(p->edge);
    else
        timer_mod(p->edge, tick_to_ns(at > after ? at : after));
}

/* Channel 0 was programmed: show OUT as it is now, and find its next edge. */
static void channel0_changed(PIT *p, int64_t now)
{
    int level = counter_out(&p->ch[0], now);
    p->owed = 0;
    if (level != p->line)
        show_line(p, level);
    schedule_edge(p, now, now);
}

static void edge_due(void *opaque)
{
    PIT *p = opaque;
    const Counter *c = &p->ch[0];
    int64_t now = ticks_now();
    bool fresh = p->due >= 0 && now >= p->due;
    if (fresh) {
        int64_t past = 1 + (periodic(c) && !c->next_n ? (now - p->due) / c->n : 0);
        p->owed = past + p->owed > MAX_OWED ? MAX_OWED : p->owed + (uint32_t)past;
    }
    /* An edge that is late waits until it can be seen as one of its own. */
    if (p->owed && (fresh || !cpus_interrupt_waits())) {
        p->owed--;
        show_line(p, 0);
        show_line(p, 1);
    }
    schedule_edge(p, now, now + MIN_EDGE_TICKS);
}

static void pit_irq_control(void *opaque, int n, int level)
{
    PIT *p = pit_of(opaque);
    p->irq_enabled = !!level;
    p->owed = 0;
    show_line(p, p->ch[0].started ? counter_out(&p->ch[0], ticks_now()) : p->line);
    schedule_edge(p, ticks_now(), 0);
}

/* ---- Counting and gates ---- */

static uint32_t initial_count(const Counter *c, uint16_t written)
{
    uint32_t v = written;
    if (c->bcd)
        v = (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
    return v ? v : c->bcd ? 10000 : 0x10000;
}

static void counter_start(Counter *c, uint32_t n, int64_t now)
{
    c->n = n;
    c->next_n = 0;
    c->start = now;
    c->started = 1;
    c->paused = triggered(c) || c->gate ? -1 : 0;
}

static void counter_load(Counter *c, uint16_t written, int64_t now)
{
    uint32_t n = initial_count(c, written);
    counter_sync(c, now);
    if (triggered(c)) {
        c->next_n = n;
    } else if (periodic(c) && c->started && c->gate) {
        /* Mode 2 finishes its period, mode 3 its half period. */
        int64_t d = elapsed(c, now), period = d / c->n * c->n;
        bool first_half = c->mode == 3 && d - period < high_half(c);
        c->next_n = n;
        c->next_at = c->start + period + (first_half ? high_half(c) : c->n);
        c->next_phase = first_half ? (n + 1) / 2 : 0;
    } else {
        counter_start(c, n, now);
    }
}

static void counter_gate(Counter *c, bool level, int64_t now)
{
    bool rise = level && !c->gate, fall = !level && c->gate;
    counter_sync(c, now);
    if (rise && triggered(c)) {
        if (c->next_n || c->started)
            counter_start(c, c->next_n ? c->next_n : c->n, now);
    } else if (fall && !triggered(c) && c->started) {
        c->paused = elapsed(c, now);
    } else if (rise && periodic(c) && c->started) {
        c->paused = -1;
        c->gate = 1;
        counter_start(c, c->next_n ? c->next_n : c->n, now);
    } else if (rise && c->paused >= 0) {
        c->start = now - c->paused;
        c->paused = -1;
    }
    c->gate = level;
}

void pit_set_gate(Device *dev, unsigned channel, bool level)
{
    PIT *p = pit_of(dev);
    int64_t now = ticks_now();
    counter_gate(&p->ch[channel], level, now);
    if (channel == 0)
        channel0_changed(p, now);
}

bool pit_get_gate(Device *dev, unsigned channel)
{
    return pit_of(dev)->ch[channel].gate;
}

bool pit_get_out(Device *dev, unsigned channel)
{
    return counter_out(&pit_of(dev)->ch[channel], ticks_now());
}

unsigned pit_get_frequency(Device *dev, unsigned channel)
{
    const Counter *c = &pit_of(dev)->ch[channel];
    return c->started && c->gate && periodic(c) ? PIT_HZ / c->n : 0;
}

/* ---- Ports ---- */

static void latch_count(Counter *c, int64_t now)
{
    if (c->count_latched)
        return; /* kept until it has been read */
    c->latch = counter_value(c, now);
    c->count_latched = c->access == ACCESS_BOTH ? 2 : 1;
    c->read_high = 0;
}

static void latch_status(Counter *c, int64_t now)
{
    if (c->status_latched)
        return;
    bool null = !c->started || c->next_n || c->write_high;
    c->status = (uint8_t)((counter_out(c, now) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) | c->access << 4 |
                          c->mode << 1 | c->bcd);
    c->status_latched = 1;
}

static void read_back(PIT *p, uint8_t value, int64_t now)
{
    for (unsigned i = 0; i < 3; i++) {
        if (!(value >> (i + 1) & 1))
            continue;
        if (!(value & READBACK_NO_COUNT))
            latch_count(&p->ch[i], now);
        if (!(value & READBACK_NO_STATUS))
            latch_status(&p->ch[i], now);
    }
}

static void write_control(PIT *p, uint8_t value, int64_t now)
{
    unsigned i = value >> 6;
    if (i == 3) {
        read_back(p, value, now);
        return;
    }
    Counter *c = &p->ch[i];
    if ((value >> 4 & 3) == ACCESS_LATCH) {
        latch_count(c, now);
        return;
    }
    uint8_t mode = value >> 1 & 7;
    *c = (Counter){ .n = c->n, .gate = c->gate, .paused = -1, .mode = mode > 5 ? mode & 3 : mode, .bcd = value & 1,
                    .access = value >> 4 & 3 };
    if (i == 0)
        channel0_changed(p, now);
}

static void write_count(PIT *p, unsigned i, uint8_t value, int64_t now)
{
    Counter *c = &p->ch[i];
    if (c->access == ACCESS_BOTH && !c->write_high) {
        c->low_byte = value;
        c->write_high = 1;
        if (c->mode == 0)
            c->started = 0; /* the first byte stops the count */
    } else {
        uint16_t count = c->access == ACCESS_LOW ? value : (uint16_t)(value << 8 | (c->write_high ? c->low_byte : 0));
        c->write_high = 0;
        counter_load(c, count, now);
    }
    if (i == 0)
        channel0_changed(p, now);
}

static void pit_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    PIT *p = opaque;
    if (port == PORT_CONTROL)
        write_control(p, (uint8_t)value, ticks_now());
    else
        write_count(p, (unsigned)port, (uint8_t)value, ticks_now());
}

static uint8_t read_latched(Counter *c)
{
    bool high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->count_latched == 1);
    c->count_latched--;
    return (uint8_t)(high ? c->latch >> 8 : c->latch);
}

static uint64_t pit_read(void *opaque, hwaddr port, unsigned size)
{
    PIT *p = opaque;
    if (port == PORT_CONTROL)
        return 0xff;
    Counter *c = &p->ch[port];
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->count_latched)
        return read_latched(c);
    uint16_t v = counter_value(c, ticks_now());
    bool high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->read_high);
    if (c->access == ACCESS_BOTH)
        c->read_high ^= 1;
    return high ? v >> 8 : v & 0xff;
}

static const MemoryRegionOps pit_ops = { .read = pit_read, .write = pit_write, .impl_min = 1, .impl_max = 1 };

/* ---- Device ---- */

static void pit_reset(Device *dev)
{
    PIT *p = pit_of(dev);
    for (unsigned i = 0; i < 3; i++)
        p->ch[i] = (Counter){ .n = 0x10000, .mode = 3, .access = ACCESS_BOTH, .gate = i != 2, .paused = -1 };
    p->irq_enabled = 1;
    p->due = -1;
    p->owed = 0;
    timer_del(p->edge);
    show_line(p, 0);
}

static bool pit_realize(Device *dev, Error **errp)
{
    PIT *p = pit_of(dev);
    device_init_out(dev, 1);
    device_init_in(dev, pit_irq_control, 1);
    if (!isa_connect_irq(dev, 0, p->irq, errp))
        return false;
    memory_region_init_io(&p->io, dev, &pit_ops, p, "pit", 4);
    isa_register_ioport(dev, &p->io, (uint16_t)p->iobase);
    p->edge = timer_new(CLOCK_VIRTUAL, edge_due, p);
    pit_reset(dev);
    return true;
}

static void pit_unrealize(Device *dev)
{
    timer_free(pit_of(dev)->edge);
}

/* Times a saved state may hold lie within some years of now. */
static int64_t sane_time(int64_t tick, int64_t now)
{
    const int64_t years = 1ll << 48;
    return tick > now + years || tick < now - years ? now : tick;
}

static void pit_post_load(Device *dev)
{
    PIT *p = pit_of(dev);
    for (unsigned i = 0; i < 3; i++) {
        Counter *c = &p->ch[i];
        if (!c->n || c->n > 0x10000)
            c->n = 0x10000;
        if (c->next_n > 0x10000)
            c->next_n = 0;
        c->next_phase = c->next_n ? c->next_phase % c->next_n : 0;
        c->start = sane_time(c->start, ticks_now());
        c->next_at = sane_time(c->next_at, ticks_now());
        c->paused = c->paused < 0 ? -1 : sane_time(c->paused, 0);
        c->mode %= 6;
        c->access = c->access & 3 ? c->access & 3 : ACCESS_BOTH;
        c->bcd &= 1;
        c->count_latched &= 3;
    }
    p->owed = p->irq_enabled && p->owed <= MAX_OWED ? p->owed : 0;
    irq_set(&dev->out[0], p->line && p->irq_enabled);
    schedule_edge(p, ticks_now(), 0);
}

static const SavedField counter_saved[] = {
    SAVED_INT(Counter, n), SAVED_INT(Counter, next_n), SAVED_INT(Counter, next_at),
    SAVED_INT(Counter, next_phase), SAVED_INT(Counter, start),
    SAVED_INT(Counter, paused), SAVED_INT(Counter, latch), SAVED_INT(Counter, status), SAVED_INT(Counter, mode),
    SAVED_INT(Counter, bcd), SAVED_INT(Counter, access), SAVED_INT(Counter, gate), SAVED_INT(Counter, started),
    SAVED_INT(Counter, low_byte), SAVED_INT(Counter, write_high), SAVED_INT(Counter, read_high),
    SAVED_INT(Counter, count_latched), SAVED_INT(Counter, status_latched), SAVED_END(),
};
static const SavedField pit_saved[] = {
    SAVED_STRUCTS(PIT, ch, counter_saved), SAVED_INT(PIT, irq_enabled), SAVED_INT(PIT, line),
    SAVED_INT(PIT, owed), SAVED_END(),
};
static const Property pit_props[] = {
    PROP_U32("iobase", PIT, iobase, 0x40),
    PROP_U32("irq", PIT, irq, 0),
    {},
};
static const DeviceType pit_type = {
    .name = "isa-pit", .desc = "8254 interval timer", .bus = BUS_ISA, .internal = true,
    .category = "Misc devices", .size = sizeof(PIT), .props = pit_props, .saved = pit_saved, .realize = pit_realize,
    .unrealize = pit_unrealize, .reset = pit_reset, .post_load = pit_post_load,
};
device_type(pit_type)
