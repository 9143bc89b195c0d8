/* SPDX-License-Identifier: MIT */
/*
 * Timer and counter of the nRF51 (Nordic nRF51 Reference Manual 3.0, ch. 18). Region 0 (4 KiB); output 0 = interrupt. Counts 16 MHz
 * divided by a power of two, or its COUNT task, in 8 to 32 bits, with four compare and capture registers.
 */
#include "hw/countup.h"

#include <glib.h>
#include <string.h>

#define BASE_HZ 16000000u
#define CCS 4
enum { R_START, R_STOP, R_COUNT, R_CLEAR, R_SHUTDOWN, R_CAPTURE, R_COMPARE = R_CAPTURE + CCS, R_SHORTS = R_COMPARE + CCS, R_INTEN,
       R_INTENCLR, R_MODE, R_BITMODE, R_PRESCALER, R_CC };
enum { MODE_COUNTER = 1 };

typedef struct NRF51Timer {
    Device dev;
    Countup count;          /* ticks since the counter was zero */
    uint8_t started;
    uint32_t cc[CCS], shorts, bitmode; /* the registers as they were when matches were looked for */
} NRF51Timer;

static uint64_t modulus(const NRF51Timer *s)
{
    static const uint8_t bits[] = { 16, 8, 24, 32 };
    return 1ull << bits[s->bitmode & 3];
}

static uint64_t cc(const NRF51Timer *s, unsigned n)
{
    return s->cc[n] & (modulus(s) - 1);
}

static void update_irq(NRF51Timer *s)
{
    bool level = false;
    for (unsigned n = 0; n < CCS; n++)
        level |= s->dev.regs[R_COMPARE + n] && (s->dev.regs[R_INTEN] >> (16 + n) & 1);
    irq_set(&s->dev.out[0], level);
}

/* First tick after `from` at which the counter equals register n. */
static uint64_t next_match(const NRF51Timer *s, unsigned n, uint64_t from)
{
    uint64_t m = modulus(s), at = from - from % m + cc(s, n);
    return at > from ? at : at + m;
}

static uint64_t first_match(const NRF51Timer *s, uint64_t from)
{
    uint64_t first = UINT64_MAX;
    for (unsigned n = 0; n < CCS; n++)
        first = MIN(first, next_match(s, n, from));
    return first;
}

/* First tick after `from` at which a match clears the counter. */
static uint64_t first_clear(const NRF51Timer *s, uint64_t from)
{
    uint64_t first = COUNTUP_NEVER;
    for (unsigned n = 0; n < CCS; n++)
        if (s->shorts >> n & 1)
            first = MIN(first, next_match(s, n, from));
    return first;
}

static void stop(NRF51Timer *s)
{
    s->started = 0;
    countup_run(&s->count, false);
}

/* All registers that match at this tick. True: the counter has been cleared. */
static bool matched(NRF51Timer *s, uint64_t at)
{
    bool clear = false;
    for (unsigned n = 0; n < CCS; n++) {
        if (at % modulus(s) != cc(s, n))
            continue;
        s->dev.regs[R_COMPARE + n] = 1;
        clear |= s->shorts >> n & 1;
        if (s->shorts >> (8 + n) & 1)
            stop(s);
    }
    return clear;
}

/*
 * Matches between the last look and now. A counter that a match clears goes round with that period: after the first round all
 * others look the same, and only what is left of the last one matters.
 */
static void catch_up(NRF51Timer *s)
{
    uint64_t now = countup_ticks(&s->count);
    unsigned looks = 0;
    for (uint64_t at; s->started && (at = first_match(s, s->count.seen)) <= now && looks < 4 * CCS; looks++) {
        s->count.seen = at;
        if (matched(s, at)) {
            uint64_t left = now - at, round = first_clear(s, 0);
            now = s->started ? (looks >= CCS ? left % MAX(round, 1) : left) : 0;
            countup_restart(&s->count, now);
            s->count.seen = 0;
        } else if (!s->started) {
            countup_restart(&s->count, at);
            now = at;
        }
    }
    s->count.seen = MAX(s->count.seen, now);
}

/* The host waits only for an event that the guest does not have yet, and that comes: whatever else happens is found when it looks. */
static void rearm(NRF51Timer *s)
{
    uint64_t clear = first_clear(s, s->count.seen), period = first_clear(s, 0), next = COUNTUP_NEVER;
    for (unsigned n = 0; n < CCS; n++) {
        if (!(s->dev.regs[R_INTEN] >> (16 + n) & 1) || s->dev.regs[R_COMPARE + n])
            continue;
        uint64_t at = next_match(s, n, s->count.seen);
        if (at <= clear)
            next = MIN(next, at);
        else if (next_match(s, n, 0) <= period)
            next = MIN(next, clear);
    }
    countup_wait_for(&s->count, next);
    update_irq(s);
}

static void due(void *opaque)
{
    catch_up(opaque);
    rearm(opaque);
}

static void set_clock(NRF51Timer *s)
{
    s->shorts = s->dev.regs[R_SHORTS];
    s->bitmode = s->dev.regs[R_BITMODE];
    memcpy(s->cc, &s->dev.regs[R_CC], sizeof(s->cc));
    bool counter = s->dev.regs[R_MODE] == MODE_COUNTER;
    countup_set_hz(&s->count, counter ? 0 : BASE_HZ >> MIN(s->dev.regs[R_PRESCALER], 9));
    countup_run(&s->count, s->started && !counter);
}

static void write_task(void *dev, unsigned index, uint32_t value)
{
    NRF51Timer *s = dev;
    if (value != 1)
        return;
    catch_up(s);
    switch (index) {
    case R_START:
        s->started = 1;
        set_clock(s);
        break;
    case R_COUNT:
        if (s->started && s->dev.regs[R_MODE] == MODE_COUNTER) {
            s->count.base++;
            catch_up(s);
        }
        break;
    case R_CLEAR: case R_SHUTDOWN:
        countup_restart(&s->count, 0);
        if (index == R_CLEAR)
            break;
        /* fall through */
    case R_STOP: stop(s); break;
    default:
        s->cc[index - R_CAPTURE] = s->dev.regs[R_CC + index - R_CAPTURE] = (uint32_t)(countup_ticks(&s->count) % modulus(s));
    }
    rearm(s);
}

static uint32_t read_event(void *dev, unsigned index, uint32_t value)
{
    due(dev);
    return ((Device *)dev)->regs[index];
}

static void write_event(void *dev, unsigned index, uint32_t value)
{
    NRF51Timer *s = dev;
    catch_up(s);
    s->dev.regs[index] = value & 1;
    rearm(s);
}

static void write_inten(void *dev, unsigned index, uint32_t value)
{
    NRF51Timer *s = dev;
    catch_up(s);
    uint32_t *inten = &s->dev.regs[R_INTEN];
    *inten = (index == R_INTEN ? *inten | value : *inten & ~value) & 0xf0000;
    rearm(s);
}

static uint32_t read_inten(void *dev, unsigned index, uint32_t value)
{
    return ((Device *)dev)->regs[R_INTEN];
}

static void changed(void *dev, unsigned index, uint32_t value)
{
    NRF51Timer *s = dev;
    catch_up(s);
    countup_restart(&s->count, countup_ticks(&s->count) % modulus(s));
    set_clock(s);
    rearm(s);
}

#define TASK(n, at) { "TASKS_" n, at, 4, .on_write = write_task }
#define EVENT(n, at) { "EVENTS_" n, at, 4, .on_read = read_event, .on_write = write_event }
static const RegisterRow timer_regs[] = {
    TASK("START", 0x00), TASK("STOP", 0x04), TASK("COUNT", 0x08), TASK("CLEAR", 0x0c), TASK("SHUTDOWN", 0x10),
    TASK("CAPTURE0", 0x40), TASK("CAPTURE1", 0x44), TASK("CAPTURE2", 0x48), TASK("CAPTURE3", 0x4c),
    EVENT("COMPARE0", 0x140), EVENT("COMPARE1", 0x144), EVENT("COMPARE2", 0x148), EVENT("COMPARE3", 0x14c),
    { "SHORTS", 0x200, 4, .write = 0xf0f, .on_write = changed },
    { "INTENSET", 0x304, 4, .on_read = read_inten, .on_write = write_inten },
    { "INTENCLR", 0x308, 4, .on_read = read_inten, .on_write = write_inten },
    { "MODE", 0x504, 4, .write = 1, .on_write = changed },
    { "BITMODE", 0x508, 4, .write = 3, .on_write = changed },
    { "PRESCALER", 0x510, 4, .reset = 4, .write = 0xf, .on_write = changed },
    { "CC0", 0x540, 4, .write = ~0u, .on_write = changed },
    { "CC1", 0x544, 4, .write = ~0u, .on_write = changed },
    { "CC2", 0x548, 4, .write = ~0u, .on_write = changed },
    { "CC3", 0x54c, 4, .write = ~0u, .on_write = changed },
    {},
};

static void timer_reset(Device *dev)
{
    NRF51Timer *s = (NRF51Timer *)dev;
    stop(s);
    countup_restart(&s->count, 0);
    set_clock(s);
    rearm(s);
}

static bool timer_realize(Device *dev, Error **errp)
{
    NRF51Timer *s = (NRF51Timer *)dev;
    device_init_out(dev, 1);
    countup_init(&s->count, due, s);
    timer_reset(dev);
    return true;
}

static void timer_unrealize(Device *dev)
{
    countup_exit(&((NRF51Timer *)dev)->count);
}

static void timer_post_load(Device *dev)
{
    NRF51Timer *s = (NRF51Timer *)dev;
    s->started = s->started != 0;
    countup_post_load(&s->count);
    set_clock(s);
    rearm(s);
}

static const SavedField timer_saved[] = { SAVED_STRUCT(NRF51Timer, count, countup_saved), SAVED_INT(NRF51Timer, started), SAVED_END() };
static const DeviceType timer_type = {
    .name = "nrf51_soc.timer", .desc = "nRF51 timer", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(NRF51Timer), .saved = timer_saved, .regs = timer_regs, .regs_size = 0x1000, .realize = timer_realize,
    .unrealize = timer_unrealize, .reset = timer_reset, .post_load = timer_post_load,
};
device_type(timer_type)
