/* SPDX-License-Identifier: MIT */
/*
 * Per-core interrupt routing of the BCM2836 and BCM2837 ("Quad-A7 control", Broadcom QA7_rev3.4): timers, mailboxes
 * between cores, the GPU's interrupts, a local timer. Region 0 (256 bytes); inputs: 4 * core + timer (secure, non-secure,
 * hypervisor, virtual), 16 = GPU IRQ, 17 = GPU FIQ, 18 + core = PMU; outputs: 2 * core = IRQ, 2 * core + 1 = FIQ.
 * Not modelled: AXI counters, core timer access through these registers.
 */
#include "hw/countdown.h"
#include "util/log.h"

#include <string.h>

#define CORES 4
#define MAILBOXES 4
enum { IN_TIMERS = 0, IN_GPU_IRQ = 16, IN_GPU_FIQ, IN_PMU, INPUTS = IN_PMU + CORES };
enum { R_CONTROL = 0x00, R_PRESCALER = 0x08, R_GPU_ROUTE = 0x0c, R_PMU_SET = 0x10, R_PMU_CLEAR = 0x14,
       R_LOCAL_ROUTE = 0x24, R_LOCAL_CONTROL = 0x34, R_LOCAL_FLAGS = 0x38, R_TIMER_CONTROL = 0x40, R_MAILBOX_CONTROL = 0x50,
       R_IRQ_SOURCE = 0x60, R_FIQ_SOURCE = 0x70, R_MAILBOX_SET = 0x80, R_MAILBOX_CLEAR = 0xc0, REGION = 0x100 };
enum { SRC_MAILBOX = 4, SRC_GPU = 8, SRC_PMU = 9, SRC_LOCAL = 11 }; /* bits of the source registers */
enum { LOCAL_INT = 1u << 29, LOCAL_ENABLE = 1u << 28, LOCAL_VALUE = 0x0fffffff, LOCAL_PENDING = 1u << 31, LOCAL_RELOAD = 1u << 30 };
#define LOCAL_HZ 38400000

typedef struct BCM2836 {
    Device dev;
    MemoryRegion io;
    Countdown local;
    uint32_t inputs;              /* levels */
    uint32_t control, prescaler, gpu_route, pmu_route, local_route, local_control;
    uint32_t timer_control[CORES], mailbox_control[CORES], mailbox[CORES * MAILBOXES];
    uint8_t local_pending;
} BCM2836;

/* Sources of a core; enables for IRQ are in the low bits of its control registers, for FIQ four further up. */
static uint32_t sources(const BCM2836 *s, unsigned core, bool fiq)
{
    unsigned shift = fiq ? 4 : 0;
    uint32_t as_fiqs = s->timer_control[core] >> 4, as_irqs = s->timer_control[core] & ~as_fiqs;
    uint32_t v = s->inputs >> (4 * core) & (fiq ? as_fiqs : as_irqs) & 15;
    for (unsigned i = 0; i < MAILBOXES; i++) {
        bool as_fiq = s->mailbox_control[core] >> (4 + i) & 1, as_irq = s->mailbox_control[core] >> i & 1;
        if (s->mailbox[MAILBOXES * core + i] && (fiq ? as_fiq : as_irq && !as_fiq))
            v |= 1u << (SRC_MAILBOX + i);
    }
    unsigned routed = fiq ? s->gpu_route >> 2 & 3 : s->gpu_route & 3;
    if (routed == core && (s->inputs >> (fiq ? IN_GPU_FIQ : IN_GPU_IRQ) & 1))
        v |= 1u << SRC_GPU;
    if ((s->pmu_route >> (core + shift) & 1) && (s->inputs >> (IN_PMU + core) & 1))
        v |= 1u << SRC_PMU;
    if (s->local_pending && (s->local_control & LOCAL_INT) && (s->local_route & 7) == core + shift)
        v |= 1u << SRC_LOCAL;
    return v;
}

static void update(BCM2836 *s)
{
    for (unsigned c = 0; c < CORES; c++) {
        irq_set(&s->dev.out[2 * c], sources(s, c, false) != 0);
        irq_set(&s->dev.out[2 * c + 1], sources(s, c, true) != 0);
    }
}

static void input(void *dev, int n, int level)
{
    BCM2836 *s = dev;
    s->inputs = (s->inputs & ~(1u << n)) | (uint32_t)(level != 0) << n;
    update(s);
}

static void local_zero(void *opaque)
{
    BCM2836 *s = opaque;
    s->local_pending = 1;
    update(s);
}

static void write_local_control(BCM2836 *s, uint32_t value)
{
    bool was_on = s->local_control & LOCAL_ENABLE;
    s->local_control = value & (LOCAL_INT | LOCAL_ENABLE | LOCAL_VALUE);
    s->local.reload = value & LOCAL_VALUE;
    if (!(value & LOCAL_ENABLE)) {
        countdown_stop(&s->local);
    } else if (!was_on) {
        countdown_set_value(&s->local, value & LOCAL_VALUE);
        countdown_run(&s->local, true);
    }
}

static uint64_t control_read(void *opaque, hwaddr offset, unsigned size)
{
    const BCM2836 *s = opaque;
    unsigned at = (unsigned)offset, n = at / 4 % 4;
    (void)size;
    switch (at) {
    case R_CONTROL: return s->control;
    case R_PRESCALER: return s->prescaler;
    case R_GPU_ROUTE: return s->gpu_route;
    case R_PMU_SET: case R_PMU_CLEAR: return s->pmu_route;
    case R_LOCAL_ROUTE: return s->local_route;
    case R_LOCAL_CONTROL: return s->local_control | (s->local_pending ? LOCAL_PENDING : 0);
    case R_TIMER_CONTROL ... R_MAILBOX_CONTROL - 1: return s->timer_control[n];
    case R_MAILBOX_CONTROL ... R_IRQ_SOURCE - 1: return s->mailbox_control[n];
    case R_IRQ_SOURCE ... R_FIQ_SOURCE - 1: return sources(s, n, false);
    case R_FIQ_SOURCE ... R_MAILBOX_SET - 1: return sources(s, n, true);
    case R_MAILBOX_CLEAR ... REGION - 1: return s->mailbox[(at - R_MAILBOX_CLEAR) / 4];
    default: return 0;
    }
}

static void control_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    BCM2836 *s = opaque;
    unsigned at = (unsigned)offset, n = at / 4 % 4;
    uint32_t v = (uint32_t)value;
    (void)size;
    switch (at) {
    case R_CONTROL: s->control = v & 0x300; break;
    case R_PRESCALER: s->prescaler = v; break;
    case R_GPU_ROUTE: s->gpu_route = v & 15; break;
    case R_PMU_SET: s->pmu_route |= v & 0xff; break;
    case R_PMU_CLEAR: s->pmu_route &= ~v; break;
    case R_LOCAL_ROUTE: s->local_route = v & 7; break;
    case R_LOCAL_CONTROL: write_local_control(s, v); break;
    case R_LOCAL_FLAGS:
        if (v & LOCAL_PENDING)
            s->local_pending = 0;
        if (v & LOCAL_RELOAD)
            countdown_set_value(&s->local, s->local.reload);
        break;
    case R_TIMER_CONTROL ... R_MAILBOX_CONTROL - 1: s->timer_control[n] = v & 0xff; break;
    case R_MAILBOX_CONTROL ... R_IRQ_SOURCE - 1: s->mailbox_control[n] = v & 0xff; break;
    case R_MAILBOX_SET ... R_MAILBOX_CLEAR - 1: s->mailbox[(at - R_MAILBOX_SET) / 4] |= v; break;
    case R_MAILBOX_CLEAR ... REGION - 1: s->mailbox[(at - R_MAILBOX_CLEAR) / 4] &= ~v; break;
    default: guest_error("bcm2836-control: write of unknown register 0x%x\n", at);
    }
    update(s);
}

static const MemoryRegionOps control_ops = { .read = control_read, .write = control_write, .impl_min = 4, .impl_max = 4 };

static void control_reset(Device *dev)
{
    BCM2836 *s = (BCM2836 *)dev;
    s->control = s->prescaler = s->gpu_route = s->pmu_route = s->local_route = s->local_control = 0;
    memset(s->timer_control, 0, sizeof(s->timer_control));
    memset(s->mailbox_control, 0, sizeof(s->mailbox_control));
    memset(s->mailbox, 0, sizeof(s->mailbox));
    s->local_pending = 0;
    countdown_reset(&s->local);
    countdown_set_hz(&s->local, LOCAL_HZ);
    update(s);
}

static bool control_realize(Device *dev, Error **errp)
{
    BCM2836 *s = (BCM2836 *)dev;
    (void)errp;
    device_init_in(dev, input, INPUTS);
    device_init_out(dev, 2 * CORES);
    memory_region_init_io(&s->io, dev, &control_ops, s, "bcm2836-control", REGION);
    device_add_region(dev, &s->io);
    countdown_init(&s->local, local_zero, s);
    control_reset(dev);
    return true;
}

static void control_unrealize(Device *dev)
{
    countdown_exit(&((BCM2836 *)dev)->local);
}

static void control_post_load(Device *dev)
{
    BCM2836 *s = (BCM2836 *)dev;
    countdown_post_load(&s->local);
    update(s);
}

static const SavedField control_saved[] = {
    SAVED_STRUCT(BCM2836, local, countdown_saved), SAVED_INT(BCM2836, inputs), SAVED_INT(BCM2836, control),
    SAVED_INT(BCM2836, prescaler), SAVED_INT(BCM2836, gpu_route), SAVED_INT(BCM2836, pmu_route),
    SAVED_INT(BCM2836, local_route), SAVED_INT(BCM2836, local_control), SAVED_ARRAY(BCM2836, timer_control),
    SAVED_ARRAY(BCM2836, mailbox_control), SAVED_ARRAY(BCM2836, mailbox), SAVED_INT(BCM2836, local_pending), SAVED_END(),
};
static const DeviceType control_type = {
    .name = "bcm2836-control", .desc = "BCM2836 per-core interrupt control", .bus = BUS_SYSTEM,
    .category = "Misc devices", .internal = true, .size = sizeof(BCM2836), .saved = control_saved,
    .realize = control_realize, .unrealize = control_unrealize, .reset = control_reset, .post_load = control_post_load,
};
device_type(control_type)
