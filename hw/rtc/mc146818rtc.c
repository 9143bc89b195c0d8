/* SPDX-License-Identifier: MIT */
/*
 * Motorola MC146818A real-time clock with 128 bytes of memory, as in a PC/AT (Motorola ADI1018; the PC keeps the
 * century in byte 0x32). Type "mc146818rtc": region 0 = 2 ports (index, data), output 0 = interrupt;
 * properties iobase, irq, lost_tick_policy. Start time and clock come from -rtc through the machine.
 * The time is a clock plus an offset, computed when read; there are timers only while the guest has
 * enabled an interrupt. Not modelled: square wave, daylight saving bit, NMI mask (bit 7 of the index).
 */
#include "hw/mc146818rtc.h"
#include "hw/boards.h"
#include "hw/isa.h"
#include "monitor.h"
#include "util/timer.h"

#include <string.h>
#include <time.h>

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, DAY_OF_WEEK, DAY, MONTH, YEAR,
       REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32, CMOS_SIZE = 128 };
enum { A_UIP = 0x80, A_DIVIDER = 0x70, A_RATE = 0x0f };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08, B_BINARY = 0x04, B_24H = 0x02 };
enum { C_IRQ = 0x80, C_PERIODIC = 0x40, C_ALARM = 0x20, C_UPDATE = 0x10 };
enum { D_VALID = 0x80 };
enum { HOUR_PM = 0x80, ALARM_ANY = 0xc0 };
enum { UIP_NS = 244000 };  /* update in progress shows this long before the update */
enum { TICKS_LOST, TICKS_SLEW, MAX_BACKLOG = 64 };

typedef struct RTC {
    Device dev;
    uint8_t cmos[CMOS_SIZE]; /* time registers: valid while frozen */
    uint8_t index;
    uint8_t frozen;          /* SET, or the divider does not run */
    uint8_t divider_reset;   /* frozen with the divider held: half a second to the first update */
    uint8_t weekday_shift;   /* the guest's day of the week minus the calendar's */
    int64_t offset_ns;       /* time shown = clock + offset */
    int64_t checked;         /* last second whose update and alarm flags are in register C */
    int64_t periodic_seen;   /* last tick of the periodic rate in register C */
    uint32_t backlog;        /* ticks to deliver late (lost_tick_policy=slew) */
    int clock;               /* ClockType the time follows */
    Timer *second, *periodic;
    MemoryRegion io;
    uint32_t iobase, irq;
    int32_t policy;
} RTC;

static RTC *rtc_of(Device *dev)
{
    return container_of(dev, RTC, dev);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- Numbers as the registers hold them ---- */

static uint8_t encode(const RTC *s, unsigned v)
{
    return (uint8_t)(s->cmos[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static unsigned decode(const RTC *s, uint8_t v)
{
    return s->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static uint8_t encode_hour(const RTC *s, unsigned hour)
{
    if (s->cmos[REG_B] & B_24H)
        return encode(s, hour);
    return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const RTC *s, uint8_t v)
{
    if (s->cmos[REG_B] & B_24H)
        return decode(s, v);
    return decode(s, v & 0x7f) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* ---- Time ---- */

static int64_t time_ns(const RTC *s)
{
    return clock_ns(s->clock) + s->offset_ns;
}

static void store_time(RTC *s, int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return;
    unsigned year = (unsigned)(tm.tm_year + 1900) % 10000;
    s->cmos[SECONDS] = encode(s, (unsigned)tm.tm_sec % 60);
    s->cmos[MINUTES] = encode(s, (unsigned)tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, (unsigned)tm.tm_hour);
    s->cmos[DAY_OF_WEEK] = encode(s, (unsigned)(tm.tm_wday + s->weekday_shift) % 7 + 1);
    s->cmos[DAY] = encode(s, (unsigned)tm.tm_mday);
    s->cmos[MONTH] = encode(s, (unsigned)tm.tm_mon + 1);
    s->cmos[YEAR] = encode(s, year % 100);
    s->cmos[CENTURY] = encode(s, year / 100);
}

/* Seconds since the epoch that the registers say; odd values roll over into the next field. */
static int64_t load_time(RTC *s)
{
    struct tm tm = {
        .tm_sec = (int)decode(s, s->cmos[SECONDS]),
        .tm_min = (int)decode(s, s->cmos[MINUTES]),
        .tm_hour = (int)decode_hour(s, s->cmos[HOURS]),
        .tm_mday = (int)decode(s, s->cmos[DAY]),
        .tm_mon = (int)decode(s, s->cmos[MONTH]) - 1,
        .tm_year = (int)(decode(s, s->cmos[CENTURY]) * 100 + decode(s, s->cmos[YEAR])) - 1900,
    };
    int64_t t = timegm(&tm);
    s->weekday_shift = (uint8_t)((decode(s, s->cmos[DAY_OF_WEEK]) + 6 + 7 - (unsigned)tm.tm_wday) % 7);
    return t;
}

static void freeze(RTC *s)
{
    if (!s->frozen)
        store_time(s, floor_div(time_ns(s), NS_PER_SEC));
    s->frozen = 1;
}

/* Lets the time run on from the registers; the place within the second stays. */
static void thaw(RTC *s)
{
    int64_t clock = clock_ns(s->clock), phase = time_ns(s) - floor_div(time_ns(s), NS_PER_SEC) * NS_PER_SEC;
    int64_t t = load_time(s);
    if (s->divider_reset)
        phase = NS_PER_SEC / 2;
    s->offset_ns = t * NS_PER_SEC + phase - clock;
    s->checked = t;
    s->frozen = s->divider_reset = 0;
    monitor_rtc_changed(&s->dev, rtc_offset(&s->dev));
}

static bool alarm_field_matches(const RTC *s, unsigned reg, unsigned value)
{
    uint8_t v = s->cmos[reg];
    if ((v & ALARM_ANY) == ALARM_ANY)
        return true;
    return (reg == HOURS_ALARM ? decode_hour(s, v) : decode(s, v)) == value;
}

/* First second after t at which the alarm goes off; -1 when the registers hold no time of day. */
static int64_t next_alarm(const RTC *s, int64_t t)
{
    const int64_t day = 86400, end = t + day + 1;
    for (t++; t < end;) {
        int64_t of_day = t - floor_div(t, day) * day;
        if (!alarm_field_matches(s, HOURS_ALARM, (unsigned)(of_day / 3600)))
            t += 3600 - of_day % 3600;
        else if (!alarm_field_matches(s, MINUTES_ALARM, (unsigned)(of_day / 60 % 60)))
            t += 60 - of_day % 60;
        else if (!alarm_field_matches(s, SECONDS_ALARM, (unsigned)(of_day % 60)))
            t++;
        else
            return t;
    }
    return -1;
}

/* ---- Interrupts ---- */

/* Period of the programmed rate in clocks of 32768 Hz, 0 when off. */
static unsigned periodic_clocks(const RTC *s)
{
    unsigned rate = s->cmos[REG_A] & A_RATE;
    if (!rate || (s->cmos[REG_A] & A_DIVIDER) > 0x20)
        return 0;
    return 1u << ((rate <= 2 ? rate + 7 : rate) - 1);
}

static int64_t periodic_tick(const RTC *s)
{
    unsigned clocks = periodic_clocks(s);
    return clocks ? (int64_t)((__int128)clock_ns(CLOCK_VIRTUAL) * 32768 / NS_PER_SEC / clocks) : 0;
}

static int64_t periodic_tick_ns(const RTC *s, int64_t tick)
{
    return (int64_t)(((__int128)tick * periodic_clocks(s) * NS_PER_SEC + 32767) / 32768);
}

/* Brings register C up to date with what happened since it was last looked at. */
static void collect_flags(RTC *s)
{
    uint8_t *c = &s->cmos[REG_C];
    int64_t now = floor_div(time_ns(s), NS_PER_SEC), tick = periodic_tick(s);
    if (!s->frozen && now != s->checked) {
        *c |= C_UPDATE;
        int64_t alarm = now > s->checked ? next_alarm(s, s->checked) : -1;
        if (alarm >= 0 && alarm <= now)
            *c |= C_ALARM;
        s->checked = now;
    }
    if (periodic_clocks(s) && tick != s->periodic_seen) {
        *c |= C_PERIODIC;
        if (tick > s->periodic_seen + 1 && s->policy == TICKS_SLEW && (s->cmos[REG_B] & B_PIE)) {
            int64_t missed = tick - s->periodic_seen - 1 + s->backlog;
            s->backlog = missed > MAX_BACKLOG ? MAX_BACKLOG : (uint32_t)missed;
        }
        s->periodic_seen = tick;
    }
}

static void update_irq(RTC *s)
{
    uint8_t *c = &s->cmos[REG_C];
    if (*c & s->cmos[REG_B] & (C_PERIODIC | C_ALARM | C_UPDATE))
        *c |= C_IRQ;
    else
        *c &= (uint8_t)~C_IRQ;
    irq_set(&s->dev.out[0], !!(*c & C_IRQ));
}

static void schedule_second(RTC *s)
{
    int64_t at = -1;
    if (!s->frozen && (s->cmos[REG_B] & B_UIE))
        at = s->checked + 1;
    else if (!s->frozen && (s->cmos[REG_B] & B_AIE))
        at = next_alarm(s, s->checked);
    if (at < 0)
        timer_del(s->second);
    else
        timer_mod(s->second, at * NS_PER_SEC - s->offset_ns);
}

static void schedule(RTC *s)
{
    schedule_second(s);
    if (periodic_clocks(s) && (s->cmos[REG_B] & B_PIE))
        timer_mod(s->periodic, periodic_tick_ns(s, s->periodic_seen + 1));
    else
        timer_del(s->periodic);
}

static void event_due(void *opaque)
{
    RTC *s = opaque;
    collect_flags(s);
    update_irq(s);
    schedule(s);
}

/* ---- Registers ---- */

static bool is_time(unsigned reg)
{
    return reg == SECONDS || reg == MINUTES || reg == HOURS || (reg >= DAY_OF_WEEK && reg <= YEAR) || reg == CENTURY;
}

static bool must_freeze(const RTC *s)
{
    return (s->cmos[REG_B] & B_SET) || (s->cmos[REG_A] & A_DIVIDER) > 0x20;
}

static void write_control(RTC *s, unsigned reg, uint8_t value)
{
    collect_flags(s);
    if (reg == REG_A) {
        unsigned before = periodic_clocks(s);
        s->cmos[REG_A] = value & (uint8_t)~A_UIP;
        if ((value & 0x60) == 0x60)
            s->divider_reset = 1;
        if (periodic_clocks(s) != before) {
            s->periodic_seen = periodic_tick(s);
            s->backlog = 0;
        }
    } else {
        s->cmos[REG_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
    }
    if (must_freeze(s))
        freeze(s);
    else if (s->frozen)
        thaw(s);
    update_irq(s);
    schedule(s);
}

static void write_time(RTC *s, unsigned reg, uint8_t value)
{
    bool running = !s->frozen;
    collect_flags(s);
    freeze(s);
    s->cmos[reg] = value;
    if (running) {
        thaw(s);
        schedule(s);
    }
}

static void write_register(RTC *s, unsigned reg, uint8_t value)
{
    if (reg == REG_A || reg == REG_B) {
        write_control(s, reg, value);
    } else if (is_time(reg)) {
        write_time(s, reg, value);
    } else if (reg != REG_C && reg != REG_D) {
        collect_flags(s);
        s->cmos[reg] = value;
        schedule(s);
    }
}

static uint8_t read_a(const RTC *s)
{
    int64_t t = time_ns(s), left = NS_PER_SEC - (t - floor_div(t, NS_PER_SEC) * NS_PER_SEC);
    return s->cmos[REG_A] | (!s->frozen && left <= UIP_NS ? A_UIP : 0);
}

static uint8_t read_c(RTC *s)
{
    collect_flags(s);
    update_irq(s);
    uint8_t v = s->cmos[REG_C];
    s->cmos[REG_C] = 0;
    update_irq(s);
    if (s->backlog) {
        s->backlog--;
        s->cmos[REG_C] = C_PERIODIC;
        update_irq(s);
    }
    schedule(s);
    return v;
}

static uint8_t read_register(RTC *s, unsigned reg)
{
    if (is_time(reg) && !s->frozen)
        store_time(s, floor_div(time_ns(s), NS_PER_SEC));
    switch (reg) {
    case REG_A: return read_a(s);
    case REG_C: return read_c(s);
    case REG_D: return D_VALID;
    default: return s->cmos[reg];
    }
}

static void rtc_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    RTC *s = opaque;
    if (port == 0)
        s->index = value & (CMOS_SIZE - 1);
    else
        write_register(s, s->index, (uint8_t)value);
}

static uint64_t rtc_read(void *opaque, hwaddr port, unsigned size)
{
    RTC *s = opaque;
    return port == 0 ? 0xff : read_register(s, s->index);
}

static const MemoryRegionOps rtc_ops = { .read = rtc_read, .write = rtc_write, .impl_min = 1, .impl_max = 1 };

/* ---- For the board ---- */

void rtc_set_memory(Device *dev, unsigned addr, uint8_t value)
{
    if (addr > REG_D && addr < CMOS_SIZE && addr != CENTURY)
        rtc_of(dev)->cmos[addr] = value;
}

uint8_t rtc_get_memory(Device *dev, unsigned addr)
{
    return addr < CMOS_SIZE ? rtc_of(dev)->cmos[addr] : 0xff;
}

int64_t rtc_offset(Device *dev)
{
    return floor_div(time_ns(rtc_of(dev)) - clock_ns(CLOCK_HOST) + NS_PER_SEC / 2, NS_PER_SEC);
}

/* ---- Device ---- */

static int64_t local_offset(int64_t utc)
{
    time_t t = (time_t)utc;
    struct tm tm;
    return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/* -rtc base=…,clock=… */
static void set_start(RTC *s)
{
    const MachineState *m = current_machine;
    int64_t now = clock_ns(CLOCK_HOST);
    s->clock = m ? m->rtc_clock : CLOCK_HOST;
    int64_t start = m && m->rtc_start != INT64_MIN ? m->rtc_start * NS_PER_SEC : now;
    if (m && m->rtc_localtime)
        start += local_offset(start / NS_PER_SEC) * NS_PER_SEC;
    s->offset_ns = start - clock_ns(s->clock);
    if (s->clock == CLOCK_HOST && start == now)
        s->offset_ns = 0;
    s->checked = floor_div(time_ns(s), NS_PER_SEC);
}

static void rtc_reset(Device *dev)
{
    RTC *s = rtc_of(dev);
    s->cmos[REG_B] &= (uint8_t)~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REG_C] = 0;
    s->index = 0;
    s->backlog = 0;
    s->checked = floor_div(time_ns(s), NS_PER_SEC);
    s->periodic_seen = periodic_tick(s);
    update_irq(s);
    schedule(s);
}

static bool rtc_realize(Device *dev, Error **errp)
{
    RTC *s = rtc_of(dev);
    device_init_out(dev, 1);
    if (!isa_connect_irq(dev, 0, s->irq, errp))
        return false;
    memory_region_init_io(&s->io, dev, &rtc_ops, s, "rtc", 2);
    isa_register_ioport(dev, &s->io, (uint16_t)s->iobase);
    s->cmos[REG_A] = 0x26;
    s->cmos[REG_B] = B_24H;
    set_start(s);
    s->second = timer_new(s->clock, event_due, s);
    s->periodic = timer_new(CLOCK_VIRTUAL, event_due, s);
    rtc_reset(dev);
    return true;
}

static void rtc_unrealize(Device *dev)
{
    timer_free(rtc_of(dev)->second);
    timer_free(rtc_of(dev)->periodic);
}

static void rtc_post_load(Device *dev)
{
    RTC *s = rtc_of(dev);
    s->index &= CMOS_SIZE - 1;
    s->weekday_shift %= 7;
    if (s->backlog > MAX_BACKLOG)
        s->backlog = MAX_BACKLOG;
    irq_set(&dev->out[0], !!(s->cmos[REG_C] & C_IRQ));
    schedule(s);
}

static const SavedField rtc_saved[] = {
    SAVED_BYTES(RTC, cmos), SAVED_INT(RTC, index), SAVED_INT(RTC, frozen), SAVED_INT(RTC, divider_reset),
    SAVED_INT(RTC, weekday_shift), SAVED_INT(RTC, offset_ns), SAVED_INT(RTC, checked), SAVED_INT(RTC, periodic_seen),
    SAVED_INT(RTC, backlog), SAVED_END(),
};
static const char *const policies[] = { "discard", "slew", NULL };
static const Property rtc_props[] = {
    PROP_U32("iobase", RTC, iobase, 0x70),
    PROP_U32("irq", RTC, irq, 8),
    PROP_ENUM("lost_tick_policy", RTC, policy, TICKS_LOST, policies),
    {},
};
static const DeviceType rtc_type = {
    .name = "mc146818rtc", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(RTC), .props = rtc_props,
    .saved = rtc_saved, .realize = rtc_realize, .unrealize = rtc_unrealize, .reset = rtc_reset,
    .post_load = rtc_post_load,
};
device_type(rtc_type)
