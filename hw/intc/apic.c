/* SPDX-License-Identifier: MIT */
/*
 * Local APIC of each vCPU, with the x2APIC mode and the TSC-deadline timer (Intel SDM vol. 3, ch. 11).
 *
 * Interface: one register page shared by all vCPUs (apic_region), messages through apic_bus_send and
 * apic_msi, LINT0 from the 8259 pair, the MSR hooks of target-i386/cpu.h. The timer counts at 1 GHz
 * before its divider. Each APIC has its own lock, so no access needs the machine lock; CPU_INTERRUPT_HARD
 * of the vCPU always mirrors "there is something to take".
 * Not modelled: thermal and performance sources (their LVTs are plain registers), APR arbitration on a
 * serial bus, different bases on different vCPUs at once.
 */
#include "hw/apic.h"
#include "monitor.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"
#include "util/timer.h"
#include <stdlib.h>
#include <string.h>

#define APICS_MAX 1024
#define BROADCAST UINT32_MAX
/* A periodic timer faster than this would starve the host's main loop. */
#define MIN_PERIOD_NS 20000

enum { /* register numbers: offset >> 4, MSR - 0x800 */
    REG_ID = 0x02, REG_VERSION, REG_TPR = 0x08, REG_APR, REG_PPR, REG_EOI, REG_RRD, REG_LDR, REG_DFR, REG_SVR,
    REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR = 0x30, REG_ICR_HIGH,
    REG_LVT = 0x32, REG_INITIAL = 0x38, REG_CURRENT, REG_DIVIDE = 0x3e, REG_SELF_IPI,
};
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };
enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };
enum {
    BASE_BSP = 1 << 8, BASE_X2 = 1 << 10, BASE_ENABLE = 1 << 11,
    SVR_ENABLE = 1 << 8, SVR_NO_BROADCAST = 1 << 12,
    LVT_MASKED = 1 << 16, LVT_LEVEL = 1 << 15, LVT_REMOTE_IRR = 1 << 14,
    ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15,
    ESR_SEND_VECTOR = 1 << 5, ESR_RECEIVE_VECTOR = 1 << 6, ESR_REGISTER = 1 << 7,
    VERSION = 0x14 | (LVTS - 1) << 16 | 1 << 24 /* EOI broadcast can be suppressed */,
};
/* Bits software can set in each LVT. */
static const uint32_t lvt_writable[LVTS] = {
    [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERF] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff, [LVT_ERROR] = 0x100ff,
};

typedef struct APIC {
    Device dev;
    X86CPU *cpu;
    Timer *timer;
    bool bsp;
    pthread_mutex_t lock; /* protects everything below; a leaf but for cpu_interrupt and timer_mod */
    uint64_t base;
    /* Written under the lock, read without by senders that look for destinations. */
    _Atomic uint32_t id;  /* 8 bits in xAPIC mode: software may change it there */
    _Atomic uint32_t tpr, ldr, dfr, svr;
    uint32_t esr, esr_pending;
    uint64_t icr;
    uint32_t lvt[LVTS];
    uint32_t initial, divide;
    int64_t count_start;  /* CLOCK_VIRTUAL time when the count was loaded */
    uint64_t deadline;    /* IA32_TSC_DEADLINE; 0 = disarmed */
    uint32_t isr[8], irr[8], tmr[8];
    uint8_t extint;       /* level of LINT0 */
} APIC;

static APIC *apics[APICS_MAX];
static unsigned napics; /* grows before any vCPU runs */
static MemoryRegion region;
static struct {
    int (*acknowledge)(void *opaque);
    void *opaque;
} pic;
#define EOI_LISTENERS 2
static struct {
    void (*fn)(void *opaque, uint8_t vector);
    void *opaque;
} eoi_listeners[EOI_LISTENERS];

static APIC *apic_of(X86CPU *env)
{
    return (APIC *)env->parent.apic;
}

static bool x2apic_on(const APIC *s)
{
    return (s->base & (BASE_ENABLE | BASE_X2)) == (BASE_ENABLE | BASE_X2);
}

/* ---- 256-bit vector registers ---- */

static void vec_set(uint32_t *r, unsigned v)
{
    r[v >> 5] |= 1u << (v & 31);
}

static void vec_clear(uint32_t *r, unsigned v)
{
    r[v >> 5] &= ~(1u << (v & 31));
}

static bool vec_test(const uint32_t *r, unsigned v)
{
    return r[v >> 5] >> (v & 31) & 1;
}

/* Highest vector set, or -1. */
static int vec_highest(const uint32_t *r)
{
    for (int i = 7; i >= 0; i--)
        if (r[i])
            return i * 32 + 31 - __builtin_clz(r[i]);
    return -1;
}

/* ---- Priorities and the vCPU's interrupt line; all with the lock held ---- */

static uint32_t apic_ppr(const APIC *s)
{
    int isrv = vec_highest(s->isr);
    uint32_t service = isrv < 0 ? 0 : (uint32_t)isrv & 0xf0;
    return (s->tpr & 0xf0) >= service ? s->tpr : service;
}

/* Vector to deliver now, or -1. */
static int apic_deliverable(const APIC *s)
{
    if (!(s->svr & SVR_ENABLE) || !(s->base & BASE_ENABLE))
        return -1;
    int v = vec_highest(s->irr);
    return v >= 0 && ((uint32_t)v & 0xf0) > (apic_ppr(s) & 0xf0) ? v : -1;
}

/* The 8259's interrupt reaches the core: directly with the APIC off, else through LINT0. */
static bool apic_takes_extint(const APIC *s)
{
    if (!(s->base & BASE_ENABLE))
        return s->bsp;
    uint32_t lint0 = s->lvt[LVT_LINT0];
    return !(lint0 & LVT_MASKED) && (lint0 >> 8 & 7) == APIC_EXTINT;
}

static void apic_update(APIC *s)
{
    bool pending = apic_deliverable(s) >= 0 || (s->extint && apic_takes_extint(s));
    bool raised = atomic_load(&s->cpu->parent.interrupt_request) & CPU_INTERRUPT_HARD;
    if (pending && !raised)
        cpu_interrupt(&s->cpu->parent, CPU_INTERRUPT_HARD);
    else if (!pending && raised)
        cpu_reset_interrupt(&s->cpu->parent, CPU_INTERRUPT_HARD);
}

static void apic_accept(APIC *s, uint8_t vector, bool level);

static void apic_error(APIC *s, uint32_t bit)
{
    bool first = !(s->esr_pending & bit);
    s->esr_pending |= bit;
    uint32_t lvt = s->lvt[LVT_ERROR];
    if (first && !(lvt & LVT_MASKED) && (lvt & 0xff) >= 16)
        apic_accept(s, lvt & 0xff, false);
}

static void apic_accept(APIC *s, uint8_t vector, bool level)
{
    if (!(s->svr & SVR_ENABLE) || !(s->base & BASE_ENABLE))
        return;
    if (vector < 16) {
        apic_error(s, ESR_RECEIVE_VECTOR);
        return;
    }
    vec_set(s->irr, vector);
    (level ? vec_set : vec_clear)(s->tmr, vector);
    apic_update(s);
}

/* State after power-up or INIT (11.4.7); the base MSR and the ID stay. */
static void apic_init_state(APIC *s)
{
    s->tpr = s->esr = s->esr_pending = 0;
    s->ldr = 0;
    s->dfr = UINT32_MAX;
    s->svr = 0xff;
    s->icr = 0;
    s->initial = s->divide = 0;
    s->deadline = 0;
    timer_del(s->timer);
    for (unsigned i = 0; i < LVTS; i++)
        s->lvt[i] = LVT_MASKED;
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->irr, 0, sizeof(s->irr));
    memset(s->tmr, 0, sizeof(s->tmr));
    if (x2apic_on(s))
        s->ldr = (s->id >> 4) << 16 | 1u << (s->id & 15);
    apic_update(s);
}

/* ---- Delivery ---- */

static void apic_deliver(APIC *s, APICMode mode, uint8_t vector, bool level)
{
    CPUState *cpu = &s->cpu->parent;
    pthread_mutex_lock(&s->lock);
    bool enabled = s->base & BASE_ENABLE;
    switch (mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        apic_accept(s, vector, level);
        break;
    case APIC_INIT:
        if (enabled)
            apic_init_state(s);
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&s->lock);
    if (!enabled)
        return;
    if (mode == APIC_INIT) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_SIPI); /* of an earlier start */
        cpu_interrupt(cpu, CPU_INTERRUPT_INIT);
    } else if (mode == APIC_STARTUP) {
        if (!x86_takes_sipi(s->cpu))
            return;
        __atomic_store_n(&s->cpu->sipi_vector, vector, __ATOMIC_RELAXED);
        cpu_interrupt(cpu, CPU_INTERRUPT_SIPI);
    } else if (mode == APIC_NMI) {
        cpu_interrupt(cpu, CPU_INTERRUPT_NMI);
    } else if (mode == APIC_SMI) {
        cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
    }
}

/* Whether a message's destination includes this APIC (11.6.2). Unlocked: racing writes to ID, LDR or
 * DFR race on hardware too. */
static bool apic_matches(const APIC *s, uint32_t dest, bool logical)
{
    if (!logical)
        return dest == BROADCAST || dest == s->id;
    if (x2apic_on(s))
        return dest == BROADCAST || (dest >> 16 == s->ldr >> 16 && (dest & s->ldr & 0xffff));
    uint32_t ldr = s->ldr >> 24, mda = dest & 0xff;
    if (s->dfr >> 28 == 0xf)
        return ldr & mda;
    return (mda >> 4 == 0xf || mda >> 4 == ldr >> 4) && (ldr & mda & 0xf);
}

/* Lowest-priority delivery goes to the matching APIC that is least busy. */
static APIC *apic_lowest(uint32_t dest, bool logical)
{
    APIC *best = NULL;
    uint32_t best_ppr = UINT32_MAX;
    for (unsigned i = 0; i < napics; i++) {
        APIC *s = apics[i];
        if (!apic_matches(s, dest, logical) || !(s->svr & SVR_ENABLE))
            continue;
        uint32_t ppr = apic_ppr(s);
        if (ppr < best_ppr) {
            best = s;
            best_ppr = ppr;
        }
    }
    return best;
}

static void apic_send(uint32_t dest, bool logical, APICMode mode, uint8_t vector, bool level)
{
    if (mode == APIC_LOWEST) {
        APIC *s = apic_lowest(dest, logical);
        if (s)
            apic_deliver(s, mode, vector, level);
        return;
    }
    for (unsigned i = 0; i < napics; i++)
        if (apic_matches(apics[i], dest, logical))
            apic_deliver(apics[i], mode, vector, level);
}

void apic_bus_send(const APICMessage *msg)
{
    if (msg->mode == APIC_EXTINT) { /* the 8259 pair behind an IOAPIC pin: not wired on PCs */
        guest_error("apic: ExtINT message ignored\n");
        return;
    }
    bool all = !msg->logical && (msg->dest & 0xff) == 0xff;
    apic_send(all ? BROADCAST : msg->dest & 0xff, msg->logical, msg->mode, msg->vector, msg->level);
}

void apic_msi(uint32_t address, uint32_t data)
{
    APICMessage msg = {
        .dest = address >> 12 & 0xff,
        .logical = address >> 2 & 1,
        .mode = data >> 8 & 7,
        .vector = data & 0xff,
        .level = data >> 15 & 1,
    };
    apic_bus_send(&msg);
}

/* Carries out the command in ICR. Called without the lock. */
static void apic_send_ipi(APIC *s, uint64_t icr, bool x2)
{
    APICMode mode = icr >> 8 & 7;
    uint8_t vector = icr & 0xff;
    unsigned shorthand = icr >> 18 & 3;
    if (mode == APIC_INIT && (icr & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL)
        return; /* INIT level de-assert: only for arbitration IDs of old buses */
    if (mode == APIC_RESERVED || mode == APIC_EXTINT)
        return;
    if ((mode == APIC_FIXED || mode == APIC_LOWEST) && vector < 16) {
        pthread_mutex_lock(&s->lock);
        apic_error(s, ESR_SEND_VECTOR);
        pthread_mutex_unlock(&s->lock);
        return;
    }
    if (shorthand == 1) {
        apic_deliver(s, mode, vector, false);
    } else if (shorthand) {
        for (unsigned i = 0; i < napics; i++)
            if (shorthand == 2 || apics[i] != s)
                apic_deliver(apics[i], mode, vector, false);
    } else {
        bool logical = icr & ICR_LOGICAL;
        uint32_t dest = x2 ? icr >> 32 : icr >> 56;
        if (!x2 && !logical && dest == 0xff)
            dest = BROADCAST;
        apic_send(dest, logical, mode, vector, false);
    }
}

/* ---- Timer (11.5.4) ---- */

static unsigned timer_mode(const APIC *s)
{
    return s->lvt[LVT_TIMER] >> 17 & 3;
}

static int64_t timer_divisor(const APIC *s)
{
    unsigned code = (s->divide & 3) | (s->divide >> 1 & 4);
    return 1ll << ((code + 1) & 7);
}

static uint32_t timer_current(const APIC *s)
{
    if (!s->initial || timer_mode(s) == TIMER_DEADLINE)
        return 0;
    int64_t ticks = (clock_ns(CLOCK_VIRTUAL) - s->count_start) / timer_divisor(s);
    if (timer_mode(s) == TIMER_PERIODIC)
        return s->initial - (uint32_t)(ticks % s->initial);
    return ticks >= s->initial ? 0 : s->initial - (uint32_t)ticks;
}

/* Programs the host timer for the next expiry after now. */
static void timer_arm(APIC *s, int64_t now)
{
    if (timer_mode(s) == TIMER_DEADLINE) {
        if (!s->deadline) {
            timer_del(s->timer);
            return;
        }
        int64_t wait = (int64_t)(s->deadline - x86_read_tsc(s->cpu));
        timer_mod(s->timer, wait > 0 ? now + wait : now);
        return;
    }
    if (!s->initial || timer_mode(s) > TIMER_DEADLINE) {
        timer_del(s->timer);
        return;
    }
    int64_t period = s->initial * timer_divisor(s);
    int64_t elapsed = now - s->count_start;
    if (timer_mode(s) == TIMER_PERIODIC) {
        int64_t next = s->count_start + (elapsed / period + 1) * period;
        timer_mod(s->timer, period < MIN_PERIOD_NS ? now + MIN_PERIOD_NS : next);
    } else if (elapsed < period) {
        timer_mod(s->timer, s->count_start + period);
    } else {
        timer_del(s->timer);
    }
}

static void timer_expired(void *opaque)
{
    APIC *s = opaque;
    pthread_mutex_lock(&s->lock);
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    bool fire = true;
    if (timer_mode(s) == TIMER_DEADLINE) {
        fire = s->deadline != 0;
        s->deadline = 0;
    }
    if (fire && !(s->lvt[LVT_TIMER] & LVT_MASKED))
        apic_accept(s, s->lvt[LVT_TIMER] & 0xff, false);
    if (timer_mode(s) == TIMER_PERIODIC)
        timer_arm(s, now);
    pthread_mutex_unlock(&s->lock);
}

/* ---- Registers ---- */

/* False when there is no such register. ICR reads as 64 bits in x2APIC mode. */
static bool reg_read(APIC *s, unsigned reg, uint64_t *value)
{
    bool x2 = x2apic_on(s);
    switch (reg) {
    case REG_ID: *value = x2 ? s->id : s->id << 24; break;
    case REG_VERSION: *value = VERSION; break;
    case REG_TPR: *value = s->tpr; break;
    case REG_APR: *value = 0; return !x2;
    case REG_PPR: *value = apic_ppr(s); break;
    case REG_EOI: *value = 0; return !x2;
    case REG_RRD: *value = 0; return !x2;
    case REG_LDR: *value = s->ldr; break;
    case REG_DFR: *value = s->dfr; return !x2;
    case REG_SVR: *value = s->svr; break;
    case REG_ISR ... REG_ISR + 7: *value = s->isr[reg - REG_ISR]; break;
    case REG_TMR ... REG_TMR + 7: *value = s->tmr[reg - REG_TMR]; break;
    case REG_IRR ... REG_IRR + 7: *value = s->irr[reg - REG_IRR]; break;
    case REG_ESR: *value = s->esr; break;
    case REG_ICR: *value = x2 ? s->icr : (uint32_t)s->icr; break;
    case REG_ICR_HIGH: *value = s->icr >> 32; return !x2;
    case REG_LVT ... REG_LVT + LVTS - 1: *value = s->lvt[reg - REG_LVT]; break;
    case REG_INITIAL: *value = s->initial; break;
    case REG_CURRENT: *value = timer_current(s); break;
    case REG_DIVIDE: *value = s->divide; break;
    default: *value = 0; return false;
    }
    return true;
}

static void write_lvt(APIC *s, unsigned n, uint32_t value)
{
    uint32_t old_mode = timer_mode(s);
    if (!(s->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    s->lvt[n] = value & lvt_writable[n];
    if (n == LVT_TIMER && timer_mode(s) != old_mode) {
        if (timer_mode(s) == TIMER_DEADLINE || old_mode == TIMER_DEADLINE) {
            s->initial = 0;
            s->deadline = 0;
        }
        timer_arm(s, clock_ns(CLOCK_VIRTUAL));
    }
    if (n == LVT_LINT0)
        apic_update(s);
}

static void write_svr(APIC *s, uint32_t value)
{
    s->svr = value & (0x1ff | SVR_NO_BROADCAST);
    if (!(s->svr & SVR_ENABLE))
        for (unsigned i = 0; i < LVTS; i++)
            s->lvt[i] |= LVT_MASKED;
    apic_update(s);
}

/* Ends the highest interrupt in service. Returns its vector when the IOAPIC must hear of it, or -1. */
static int write_eoi(APIC *s)
{
    int v = vec_highest(s->isr);
    if (v < 0)
        return -1;
    vec_clear(s->isr, v);
    apic_update(s);
    return vec_test(s->tmr, v) && !(s->svr & SVR_NO_BROADCAST) ? v : -1;
}

static void write_initial(APIC *s, uint32_t value)
{
    if (timer_mode(s) == TIMER_DEADLINE)
        return;
    s->initial = value;
    s->count_start = clock_ns(CLOCK_VIRTUAL);
    timer_arm(s, s->count_start);
}

/* Changing the divider rescales a running count. */
static void write_divide(APIC *s, uint32_t value)
{
    uint32_t current = timer_current(s);
    s->divide = value & 0xb;
    if (!s->initial || timer_mode(s) == TIMER_DEADLINE)
        return;
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    s->count_start = now - (int64_t)(s->initial - current) * timer_divisor(s);
    timer_arm(s, now);
}

/* What a write leaves to do once the lock is dropped. */
typedef struct AfterWrite {
    int eoi;      /* vector, or -1 */
    bool ipi;
} AfterWrite;

static bool reg_write(APIC *s, unsigned reg, uint64_t value, AfterWrite *after)
{
    bool x2 = x2apic_on(s);
    switch (reg) {
    case REG_ID:
        if (!x2)
            s->id = value >> 24 & 0xff;
        return !x2;
    case REG_TPR:
        s->tpr = value & 0xff;
        apic_update(s);
        return true;
    case REG_EOI:
        after->eoi = write_eoi(s);
        return true;
    case REG_LDR:
        if (!x2)
            s->ldr = value & 0xff000000;
        return !x2;
    case REG_DFR:
        if (!x2)
            s->dfr = value | 0x0fffffff;
        return !x2;
    case REG_SVR:
        write_svr(s, value);
        return true;
    case REG_ESR:
        s->esr = s->esr_pending;
        s->esr_pending = 0;
        return true;
    case REG_ICR:
        s->icr = x2 ? value : (s->icr & ~0xffffffffull) | (uint32_t)value;
        s->icr &= ~(1ull << 12); /* delivery is never pending */
        after->ipi = true;
        return true;
    case REG_ICR_HIGH:
        if (!x2)
            s->icr = (s->icr & 0xffffffff) | value << 32;
        return !x2;
    case REG_LVT ... REG_LVT + LVTS - 1:
        write_lvt(s, reg - REG_LVT, value);
        return true;
    case REG_INITIAL:
        write_initial(s, value);
        return true;
    case REG_DIVIDE:
        write_divide(s, value);
        return true;
    case REG_SELF_IPI:
        if (x2) {
            if ((value & 0xff) < 16)
                apic_error(s, ESR_SEND_VECTOR);
            else
                apic_accept(s, value & 0xff, false);
        }
        return x2;
    default:
        return false;
    }
}

/* Registers that only report: writing them is ignored in the page and #GP through the MSR. */
static bool reg_read_only(unsigned reg)
{
    return reg == REG_VERSION || reg == REG_APR || reg == REG_PPR || reg == REG_RRD || reg == REG_CURRENT ||
           (reg >= REG_ISR && reg < REG_ESR);
}

static bool apic_write_reg(APIC *s, unsigned reg, uint64_t value)
{
    AfterWrite after = {.eoi = -1};
    pthread_mutex_lock(&s->lock);
    bool x2 = x2apic_on(s);
    bool ok = reg_write(s, reg, value, &after);
    uint64_t icr = s->icr;
    if (!ok && !x2 && !reg_read_only(reg))
        apic_error(s, ESR_REGISTER);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; after.eoi >= 0 && i < EOI_LISTENERS && eoi_listeners[i].fn; i++)
        eoi_listeners[i].fn(eoi_listeners[i].opaque, after.eoi);
    if (after.ipi)
        apic_send_ipi(s, icr, x2);
    return ok;
}

/* ---- The register page ---- */

/* The APIC the accessing vCPU sees in memory; the first one for accesses from elsewhere. */
static APIC *apic_in_page(void)
{
    CPUState *cpu = current_cpu ? current_cpu : first_cpu;
    APIC *s = cpu ? (APIC *)cpu->apic : NULL;
    return s && (s->base & (BASE_ENABLE | BASE_X2)) == BASE_ENABLE ? s : NULL;
}

static uint64_t page_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)size;
    APIC *s = apic_in_page();
    if (!s)
        return ~0ull;
    uint64_t value = 0;
    pthread_mutex_lock(&s->lock);
    if (!(offset & 15) && !reg_read(s, offset >> 4, &value))
        apic_error(s, ESR_REGISTER);
    pthread_mutex_unlock(&s->lock);
    return (uint32_t)value;
}

static void page_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)size;
    APIC *s = apic_in_page();
    if (s && !(offset & 15))
        apic_write_reg(s, offset >> 4, (uint32_t)value);
}

static const MemoryRegionOps page_ops = {
    .read = page_read, .write = page_write, .valid_min = 1, .valid_max = 8, .impl_min = 4, .impl_max = 4,
    .lockless = true,
};

MemoryRegion *apic_region(void)
{
    if (!region.size)
        memory_region_init_io(&region, NULL, &page_ops, NULL, "apic", 0x1000);
    return &region;
}

/* ---- Lines ---- */

void apic_set_extint(int level)
{
    for (unsigned i = 0; i < napics; i++) {
        APIC *s = apics[i];
        pthread_mutex_lock(&s->lock);
        s->extint = level != 0;
        uint32_t lint0 = s->lvt[LVT_LINT0];
        bool fixed = (s->base & BASE_ENABLE) && !(lint0 & LVT_MASKED) && (lint0 >> 8 & 7) == APIC_FIXED;
        if (fixed && level)
            apic_accept(s, lint0 & 0xff, lint0 & LVT_LEVEL);
        else
            apic_update(s);
        pthread_mutex_unlock(&s->lock);
    }
}

void apic_connect_pic(int (*acknowledge)(void *opaque), void *opaque)
{
    pic.acknowledge = acknowledge;
    pic.opaque = opaque;
}

bool apic_connect_eoi(void (*eoi)(void *opaque, uint8_t vector), void *opaque)
{
    for (unsigned i = 0; i < EOI_LISTENERS; i++)
        if (!eoi_listeners[i].fn) {
            eoi_listeners[i].fn = eoi;
            eoi_listeners[i].opaque = opaque;
            return true;
        }
    return false;
}

void apic_disconnect_eoi(void *opaque)
{
    for (unsigned i = 0; i < EOI_LISTENERS; i++)
        if (eoi_listeners[i].opaque == opaque) {
            unsigned last = EOI_LISTENERS - 1;
            memmove(&eoi_listeners[i], &eoi_listeners[i + 1], (last - i) * sizeof(eoi_listeners[0]));
            memset(&eoi_listeners[last], 0, sizeof(eoi_listeners[0]));
            return;
        }
}

void apic_nmi(void)
{
    for (unsigned i = 0; i < napics; i++) {
        APIC *s = apics[i];
        uint32_t lint1 = s->lvt[LVT_LINT1];
        if (!(s->base & BASE_ENABLE)) {
            if (s->bsp)
                cpu_interrupt(&s->cpu->parent, CPU_INTERRUPT_NMI);
        } else if (!(lint1 & LVT_MASKED)) {
            apic_deliver(s, lint1 >> 8 & 7, lint1 & 0xff, lint1 & LVT_LEVEL);
        }
    }
}

/* ---- Hooks of the vCPU (target-i386/cpu.h) ---- */

static int pic_acknowledge(APIC *s)
{
    bool held = machine_lock_held();
    if (!held)
        machine_lock();
    int vector = pic.acknowledge ? pic.acknowledge(pic.opaque) : -1;
    if (!held)
        machine_unlock();
    pthread_mutex_lock(&s->lock);
    apic_update(s);
    pthread_mutex_unlock(&s->lock);
    return vector;
}

int x86_pic_acknowledge(X86CPU *env)
{
    APIC *s = apic_of(env);
    if (!s)
        return -1;
    pthread_mutex_lock(&s->lock);
    int vector = apic_deliverable(s);
    bool extint = vector < 0 && s->extint && apic_takes_extint(s);
    if (vector >= 0) {
        vec_clear(s->irr, vector);
        vec_set(s->isr, vector);
    }
    if (!extint)
        apic_update(s);
    pthread_mutex_unlock(&s->lock);
    return extint ? pic_acknowledge(s) : vector;
}

uint64_t x86_apic_get_base(X86CPU *env)
{
    APIC *s = apic_of(env);
    return s ? s->base : env->apic_base;
}

/* Legal moves between disabled, xAPIC and x2APIC mode (figure 11-27). */
static bool base_transition_ok(uint64_t from, uint64_t to)
{
    bool en0 = from & BASE_ENABLE, x0 = from & BASE_X2, en1 = to & BASE_ENABLE, x1 = to & BASE_X2;
    if (x1 && !en1)
        return false;
    if (x0 && en1 && !x1)
        return false;
    return en0 || !x1;
}

static void move_region(uint64_t base)
{
    bool held = machine_lock_held();
    if (!held)
        machine_lock();
    if (region.container && region.addr != base)
        memory_region_set_address(&region, base);
    if (!held)
        machine_unlock();
}

bool x86_apic_set_base(X86CPU *env, uint64_t value)
{
    APIC *s = apic_of(env);
    uint64_t address_mask = ((1ull << env->phys_bits) - 1) & ~0xfffull;
    uint64_t flags = BASE_BSP | BASE_ENABLE | (x86_feature(env, FW_1_ECX, 21) ? BASE_X2 : 0);
    if (value & ~(address_mask | flags))
        return false;
    if (!s) {
        env->apic_base = value;
        return true;
    }
    if (!base_transition_ok(s->base, value))
        return false;
    pthread_mutex_lock(&s->lock);
    bool was_on = s->base & BASE_ENABLE, was_x2 = x2apic_on(s);
    s->base = env->apic_base = value;
    if (was_on && !(value & BASE_ENABLE)) {
        s->id = s->cpu->apic_id;
        apic_init_state(s);
    } else if (x2apic_on(s) && !was_x2) {
        s->id = s->cpu->apic_id;
        s->ldr = (s->id >> 4) << 16 | 1u << (s->id & 15);
        s->icr &= 0xffffffff;
    }
    apic_update(s);
    pthread_mutex_unlock(&s->lock);
    move_region(value & address_mask);
    return true;
}

uint8_t x86_apic_get_tpr(X86CPU *env)
{
    APIC *s = apic_of(env);
    return s ? s->tpr >> 4 : env->cr8;
}

void x86_apic_set_tpr(X86CPU *env, uint8_t value)
{
    APIC *s = apic_of(env);
    if (!s) {
        env->cr8 = value & 15;
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->tpr = (value & 15) << 4;
    apic_update(s);
    pthread_mutex_unlock(&s->lock);
}

bool x86_apic_read_msr(X86CPU *env, uint32_t msr, uint64_t *value)
{
    APIC *s = apic_of(env);
    if (!s || !x2apic_on(s))
        return false;
    pthread_mutex_lock(&s->lock);
    bool ok = reg_read(s, msr & 0xff, value);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* Bits each register takes through its MSR; others, and registers not here, raise #GP (11.12.1.2). */
static uint64_t msr_writable(unsigned reg)
{
    switch (reg) {
    case REG_TPR: return 0xff;
    case REG_EOI: case REG_ESR: return 0;
    case REG_SVR: return 0x1ff | SVR_NO_BROADCAST;
    case REG_ICR: return 0xffffffff000ccfffull;
    case REG_LVT ... REG_LVT + LVTS - 1: return lvt_writable[reg - REG_LVT] | 0x5000;
    case REG_INITIAL: return UINT32_MAX;
    case REG_DIVIDE: return 0xb;
    case REG_SELF_IPI: return 0xff;
    default: return 0;
    }
}

bool x86_apic_write_msr(X86CPU *env, uint32_t msr, uint64_t value)
{
    APIC *s = apic_of(env);
    unsigned reg = msr & 0xff;
    if (!s || !x2apic_on(s) || (value & ~msr_writable(reg)))
        return false;
    return apic_write_reg(s, reg, value);
}

void x86_apic_set_tsc_deadline(X86CPU *env, uint64_t value)
{
    APIC *s = apic_of(env);
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    if (timer_mode(s) == TIMER_DEADLINE) {
        s->deadline = value;
        timer_arm(s, clock_ns(CLOCK_VIRTUAL));
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- The device ---- */

static void apic_reset(Device *dev)
{
    APIC *s = (APIC *)dev;
    pthread_mutex_lock(&s->lock);
    s->base = APIC_DEFAULT_BASE | BASE_ENABLE | (s->bsp ? BASE_BSP : 0);
    s->cpu->apic_base = s->base;
    s->id = s->cpu->apic_id;
    s->extint = 0;
    apic_init_state(s);
    /* Virtual wire mode, which PC firmware leaves on the boot processor. */
    if (s->bsp)
        s->lvt[LVT_LINT0] = APIC_EXTINT << 8;
    apic_update(s);
    pthread_mutex_unlock(&s->lock);
    move_region(APIC_DEFAULT_BASE);
}

static bool apic_realize(Device *dev, Error **errp)
{
    APIC *s = (APIC *)dev;
    if (napics == APICS_MAX) {
        error_setg(errp, "more than %d local APICs", APICS_MAX);
        return false;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->timer = timer_new(CLOCK_VIRTUAL, timer_expired, s);
    apics[napics++] = s;
    return true;
}

static void apic_unrealize(Device *dev)
{
    APIC *s = (APIC *)dev;
    for (unsigned i = 0; i < napics; i++)
        if (apics[i] == s)
            apics[i] = apics[--napics];
    timer_free(s->timer);
    s->cpu->parent.apic = NULL;
    pthread_mutex_destroy(&s->lock);
}

static void apic_post_load(Device *dev)
{
    APIC *s = (APIC *)dev;
    s->cpu->apic_base = s->base;
    pthread_mutex_lock(&s->lock);
    timer_arm(s, clock_ns(CLOCK_VIRTUAL));
    apic_update(s);
    pthread_mutex_unlock(&s->lock);
    move_region(s->base & ~0xfffull);
}

static void apic_describe_state(APIC *s, FILE *out)
{
    static const char *const lvt_names[LVTS] = {"TIMER", "THERM", "PERF", "LINT0", "LINT1", "ERROR"};
    static const char *const modes[] = {"Fixed", "Lowest", "SMI", "Resvd", "NMI", "INIT", "SIPI", "ExtINT"};
    fprintf(out, "dumping local APIC state for CPU %d\n\n", s->cpu->parent.index);
    for (unsigned i = 0; i < LVTS; i++)
        fprintf(out, "LVT%-6s 0x%08x %-5s %-6s %s (vec %u)\n", lvt_names[i], s->lvt[i],
                s->lvt[i] & LVT_LEVEL ? "level" : "edge", s->lvt[i] & LVT_MASKED ? "masked" : "",
                modes[s->lvt[i] >> 8 & 7], s->lvt[i] & 0xff);
    fprintf(out, "Timer     DCR=0x%x (divide by %d) initial_count = %u current_count = %u\n", s->divide,
            (int)timer_divisor(s), s->initial, timer_current(s));
    fprintf(out, "SPIV      0x%08x APIC %s, spurious vec %u\n", s->svr,
            s->svr & SVR_ENABLE ? "enabled" : "disabled", s->svr & 0xff);
    fprintf(out, "ICR       0x%016llx\nESR       0x%08x\n", (unsigned long long)s->icr, s->esr);
    fprintf(out, "BASE      0x%llx%s\n", (unsigned long long)s->base, x2apic_on(s) ? " x2APIC" : "");
    const struct { const char *name; const uint32_t *bits; } sets[] = {{"ISR", s->isr}, {"IRR", s->irr}};
    for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
        fprintf(out, "%-9s ", sets[i].name);
        for (unsigned v = 0; v < 256; v++)
            if (vec_test(sets[i].bits, v))
                fprintf(out, "%u%s ", v, vec_test(s->tmr, v) ? "(level)" : "");
        fprintf(out, "%s\n", vec_highest(sets[i].bits) < 0 ? "(none)" : "");
    }
    fprintf(out, "\nAPR 0x00 TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n", s->tpr, s->dfr >> 28, s->ldr >> 24,
            apic_ppr(s));
}

static const SavedField apic_saved[] = {
    SAVED_INT(APIC, base), SAVED_INT(APIC, id), SAVED_INT(APIC, tpr), SAVED_INT(APIC, ldr), SAVED_INT(APIC, dfr),
    SAVED_INT(APIC, svr), SAVED_INT(APIC, esr), SAVED_INT(APIC, esr_pending), SAVED_INT(APIC, icr),
    SAVED_ARRAY(APIC, lvt), SAVED_INT(APIC, initial), SAVED_INT(APIC, divide), SAVED_INT(APIC, count_start),
    SAVED_INT(APIC, deadline), SAVED_ARRAY(APIC, isr), SAVED_ARRAY(APIC, irr), SAVED_ARRAY(APIC, tmr),
    SAVED_INT(APIC, extint), SAVED_END(),
};

static const DeviceType apic_type = {
    .name = "apic", .desc = "Local APIC", .bus = BUS_SYSTEM, .size = sizeof(APIC), .internal = true,
    .saved = apic_saved, .realize = apic_realize, .unrealize = apic_unrealize, .reset = apic_reset,
    .post_load = apic_post_load,
};
device_type(apic_type);

bool apic_new(CPUState *cpu, Error **errp)
{
    Device *dev = device_new("apic");
    APIC *s = (APIC *)dev;
    s->cpu = x86_cpu(cpu);
    s->bsp = cpu->index == 0;
    if (!device_realize(dev, errp))
        return false;
    cpu->apic = dev;
    apic_reset(dev);
    return true;
}

/* ---- Monitor ---- */

static void info_lapic(Monitor *mon, int argc, char **argv)
{
    int want = argc > 0 ? atoi(argv[0]) : 0;
    for (unsigned i = 0; i < napics; i++) {
        if (argc > 0 ? apics[i]->cpu->apic_id != (uint32_t)want : apics[i]->cpu->parent.index != want)
            continue;
        FILE *out = monitor_stream(mon);
        pthread_mutex_lock(&apics[i]->lock);
        apic_describe_state(apics[i], out);
        pthread_mutex_unlock(&apics[i]->lock);
        fclose(out);
        return;
    }
    monitor_printf(mon, "No local APIC\n");
}

static const MonitorCommand apic_commands[] = {
    {"info lapic", "[apic-id]", "show local apic state", info_lapic},
};
monitor_commands(apic_commands);
