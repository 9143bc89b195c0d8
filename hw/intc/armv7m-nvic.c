/* SPDX-License-Identifier: MIT */
/*
 * Nested vectored interrupt controller of M-profile cores (Armv7-M ARM DDI 0403 B1.5, B3.4; Armv8-M ARM DDI 0553 B3): which exceptions
 * are pending, enabled and active, their priorities, escalation, and what is taken next. The registers are in armv7m-scs.c.
 * Inputs 0 to num-irq - 1: external interrupts; input num-irq: NMI. Output 0: SYSRESETREQ. Properties num-irq, num-prio-bits.
 *
 * CPU_INTERRUPT_HARD says that something pending has a higher priority than all that is active; PRIMASK, FAULTMASK and BASEPRI are looked
 * at by the vCPU, which can change them without the machine lock.
 */
#include "hw/intc/armv7m-nvic.h"

#include "util/error.h"
#include "util/log.h"

#include <string.h>

void nvic_set_cpu(Device *dev, ARMCPU *cpu)
{
    ((NVIC *)dev)->cpu = cpu;
    cpu->nvic = dev;
}

ARMCPU *nvic_cpu(const Device *dev)
{
    return ((const NVIC *)dev)->cpu;
}

void nvic_set_clocks(Device *dev, uint64_t sysclk_hz, uint64_t refclk_hz)
{
    NVIC *s = (NVIC *)dev;

    s->sysclk_hz = sysclk_hz;
    s->refclk_hz = refclk_hz;
    for (unsigned i = 0; i < 2; i++)
        systick_clock_changed(&s->systick[i]);
}

/* ---- Exceptions by id ---- */

bool nvic_banked(unsigned exc)
{
    return exc == M_EXCP_HARD || exc == M_EXCP_MEM || exc == M_EXCP_USAGE || exc == M_EXCP_SVC || exc == M_EXCP_PENDSV ||
           exc == M_EXCP_SYSTICK;
}

unsigned nvic_id(const NVIC *s, unsigned exc, bool secure)
{
    return secure && m_security(s->cpu) && nvic_banked(exc) ? NVIC_SECURE_IDS + exc : exc;
}

static unsigned id_number(unsigned id)
{
    return id >= NVIC_SECURE_IDS ? id - NVIC_SECURE_IDS : id;
}

bool nvic_id_secure(const NVIC *s, unsigned id)
{
    if (!m_security(s->cpu))
        return false;
    if (id >= M_EXCP_EXTERNAL)
        return id >= NVIC_SECURE_IDS || !nvic_bit(s->ns_target, id);
    switch (id) {
    case M_EXCP_RESET: case M_EXCP_SECURE:
        return true;
    case M_EXCP_NMI: case M_EXCP_BUS:
        return !(s->cpu->v7m.aircr & AIRCR_BFHFNMINS);
    case M_EXCP_DEBUG:
        return s->cpu->v7m.demcr & DEMCR_SDME;
    default: /* the Non-secure instances */
        return false;
    }
}

uint8_t nvic_priority_mask(const NVIC *s)
{
    return (uint8_t)(0xff00u >> s->prio_bits);
}

int nvic_id_priority(const NVIC *s, unsigned id)
{
    switch (id_number(id)) {
    case M_EXCP_RESET:
        return -4;
    case M_EXCP_NMI:
        return -2;
    case M_EXCP_HARD:
        return id >= NVIC_SECURE_IDS && s->cpu->v7m.aircr & AIRCR_BFHFNMINS ? -3 : -1;
    }
    if (m_security(s->cpu) && s->cpu->v7m.aircr & AIRCR_PRIS && !nvic_id_secure(s, id))
        return (s->prio[id] >> 1) + 0x80;
    return s->prio[id];
}

static int group_mask(const NVIC *s, bool secure)
{
    return arm_feature(s->cpu, ARM_FEATURE_M_MAIN) ? (int)(~0u << (s->cpu->v7m.prigroup[secure] + 1)) : ~0;
}

int nvic_group_priority(const NVIC *s, unsigned id)
{
    int prio = nvic_id_priority(s, id);
    return prio < 0 ? prio : prio & group_mask(s, nvic_id_secure(s, id));
}

/* ---- What is next ---- */

static int highest_pending(const NVIC *s)
{
    int best = -1, best_prio = NVIC_PRIORITY_NONE;

    /* Of equal priorities the lowest number goes first, and of a banked one the Secure instance. */
    for (int w = NVIC_WORDS - 1; w >= 0; w--) {
        for (uint32_t bits = s->pending[w] & s->enabled[w]; bits; bits &= bits - 1) {
            int id = 32 * w + __builtin_ctz(bits), prio = nvic_id_priority(s, (unsigned)id);
            if (prio < best_prio ||
                (prio == best_prio && id_number((unsigned)id) < id_number((unsigned)best))) {
                best = id;
                best_prio = prio;
            }
        }
    }
    return best;
}

static int highest_active(const NVIC *s)
{
    int best = NVIC_PRIORITY_NONE;

    for (unsigned w = 0; w < NVIC_WORDS; w++) {
        for (uint32_t bits = s->active[w]; bits; bits &= bits - 1) {
            int prio = nvic_group_priority(s, 32 * w + (unsigned)__builtin_ctz(bits));
            best = prio < best ? prio : best;
        }
    }
    return best;
}

void nvic_update(Device *dev)
{
    NVIC *s = (NVIC *)dev;
    CPUState *cpu = &s->cpu->parent;

    s->next = highest_pending(s);
    s->active_prio = highest_active(s);
    bool on = s->next >= 0 && nvic_group_priority(s, (unsigned)s->next) < s->active_prio;
    bool old = atomic_load(&cpu->interrupt_request) & CPU_INTERRUPT_HARD;
    if (on && !old)
        cpu_interrupt(cpu, CPU_INTERRUPT_HARD);
    else if (!on && old)
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_HARD);
}

static int min(int a, int b)
{
    return a < b ? a : b;
}

/* The priority that BASEPRI, PRIMASK and FAULTMASK give the code that runs. */
static int mask_priority(const NVIC *s, bool primask)
{
    const struct ARMv7M *m = &s->cpu->v7m;
    bool pris = m_security(s->cpu) && m->aircr & AIRCR_PRIS, ns_hard = m->aircr & AIRCR_BFHFNMINS || !m_security(s->cpu);
    int prio = NVIC_PRIORITY_NONE;

    if (m->basepri[0]) {
        int base = (int)m->basepri[0] & group_mask(s, false);
        prio = pris ? (base >> 1) + 0x80 : base;
    }
    if (m->basepri[1])
        prio = min(prio, (int)m->basepri[1] & group_mask(s, true));
    if (primask && m->primask[0])
        prio = min(prio, pris ? 0x80 : 0);
    if (primask && m->primask[1])
        prio = min(prio, 0);
    if (m->faultmask[0])
        prio = min(prio, ns_hard ? -1 : pris ? 0x80 : 0);
    if (m->faultmask[1])
        prio = min(prio, m->aircr & AIRCR_BFHFNMINS ? -3 : -1);
    return prio;
}

int nvic_exec_priority(const Device *dev)
{
    const NVIC *s = (const NVIC *)dev;

    return min(s->active_prio, mask_priority(s, true));
}

int nvic_active_priority(const Device *dev)
{
    return ((const NVIC *)dev)->active_prio;
}

bool nvic_next(const Device *dev, unsigned *exc, bool *secure)
{
    const NVIC *s = (const NVIC *)dev;

    if (s->next < 0 || nvic_group_priority(s, (unsigned)s->next) >= nvic_exec_priority(dev))
        return false;
    *exc = id_number((unsigned)s->next);
    *secure = nvic_id_secure(s, (unsigned)s->next);
    return true;
}

bool nvic_would_wake(const Device *dev)
{
    const NVIC *s = (const NVIC *)dev;

    return s->next >= 0 && nvic_group_priority(s, (unsigned)s->next) < min(s->active_prio, mask_priority(s, false));
}

/* ---- Pending ---- */

void nvic_set_pending(NVIC *s, unsigned id, bool on)
{
    if (on && !nvic_bit(s->pending, id) && s->cpu->v7m.scr[m_top(s->cpu)] & SCR_SEVONPEND) {
        s->cpu->event_register = true; /* an event for WFE */
        cpu_interrupt(&s->cpu->parent, CPU_INTERRUPT_EXITTB);
    }
    nvic_put(s->pending, id, on);
    nvic_update(&s->dev);
}

void nvic_pend(Device *dev, unsigned exc, bool secure)
{
    NVIC *s = (NVIC *)dev;

    nvic_set_pending(s, nvic_id(s, exc, secure), true);
}

bool nvic_pend_sync(Device *dev, unsigned exc, bool secure)
{
    NVIC *s = (NVIC *)dev;
    int running = nvic_exec_priority(dev);
    unsigned id = nvic_id(s, exc, secure);

    if (nvic_group_priority(s, id) >= running || !nvic_bit(s->enabled, id)) {
        bool to_secure = nvic_id_secure(s, id) || !(s->cpu->v7m.aircr & AIRCR_BFHFNMINS);
        id = nvic_id(s, M_EXCP_HARD, to_secure);
        if (exc != M_EXCP_HARD)
            s->cpu->v7m.hfsr |= HFSR_FORCED;
        if (nvic_id_priority(s, id) >= running)
            return false;
    }
    nvic_put(s->pending, id, true);
    nvic_update(dev);
    return true;
}

void nvic_acknowledge(Device *dev)
{
    NVIC *s = (NVIC *)dev;
    unsigned id = (unsigned)s->next;

    nvic_put(s->active, id, true);
    nvic_put(s->pending, id, false);
    s->cpu->v7m.exception = id_number(id);
    nvic_update(dev);
}

/* The instance of exc that is active; banked ones may both be. */
bool nvic_complete(Device *dev, unsigned exc, bool secure)
{
    NVIC *s = (NVIC *)dev;
    unsigned id = nvic_id(s, exc, secure);
    bool was = id < NVIC_IDS && nvic_bit(s->active, id);

    if (id >= NVIC_IDS)
        return false;
    nvic_put(s->active, id, false);
    if (exc >= M_EXCP_EXTERNAL && nvic_bit(s->level, id))
        nvic_put(s->pending, id, true);
    nvic_update(dev);
    return was;
}

bool nvic_is_active(const Device *dev, unsigned exc, bool secure)
{
    const NVIC *s = (const NVIC *)dev;
    return nvic_bit(s->active, nvic_id(s, exc, secure));
}

unsigned nvic_active_count(const Device *dev)
{
    const NVIC *s = (const NVIC *)dev;
    unsigned n = 0;

    for (unsigned w = 0; w < NVIC_WORDS; w++)
        n += (unsigned)__builtin_popcount(s->active[w]);
    return n;
}

bool nvic_targets_secure(const Device *dev, unsigned exc, bool secure)
{
    const NVIC *s = (const NVIC *)dev;
    return nvic_id_secure(s, nvic_id(s, exc, secure));
}

bool nvic_is_ready(const Device *dev, unsigned exc, bool secure)
{
    const NVIC *s = (const NVIC *)dev;
    unsigned id = nvic_id(s, exc, secure);

    return nvic_bit(s->enabled, id) && nvic_group_priority(s, id) < nvic_exec_priority(dev);
}

/* ---- Inputs ---- */

static void set_input(void *opaque, int n, int level)
{
    NVIC *s = opaque;
    unsigned id = n == (int)s->num_irq ? M_EXCP_NMI : M_EXCP_EXTERNAL + (unsigned)n;

    if (!!level == nvic_bit(s->level, id))
        return;
    nvic_put(s->level, id, level);
    if (level && !nvic_bit(s->pending, id))
        nvic_set_pending(s, id, true);
}

/* ---- Device ---- */

static void nvic_reset(Device *dev)
{
    static const uint8_t fixed[] = { M_EXCP_RESET, M_EXCP_NMI, M_EXCP_HARD, M_EXCP_SVC, M_EXCP_PENDSV, M_EXCP_SYSTICK };
    NVIC *s = (NVIC *)dev;

    memset(s->pending, 0, sizeof(s->pending));
    memset(s->enabled, 0, sizeof(s->enabled));
    memset(s->active, 0, sizeof(s->active));
    memset(s->ns_target, 0, sizeof(s->ns_target));
    memset(s->prio, 0, sizeof(s->prio));
    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++) {
        nvic_put(s->enabled, fixed[i], true);
        nvic_put(s->enabled, nvic_id(s, fixed[i], true), true);
    }
    nvic_put(s->enabled, M_EXCP_DEBUG, false);
    for (unsigned i = 0; i < 2; i++)
        systick_reset(&s->systick[i]);
    for (unsigned id = M_EXCP_EXTERNAL; id < M_EXCP_EXTERNAL + s->num_irq; id++) {
        if (nvic_bit(s->level, id))
            nvic_put(s->pending, id, true);
    }
    nvic_update(dev);
}

static bool nvic_realize(Device *dev, Error **errp)
{
    NVIC *s = (NVIC *)dev;
    if (!s->num_irq || s->num_irq > NVIC_IRQS_MAX) {
        error_setg(errp, "num-irq %u is not between 1 and %d", s->num_irq, NVIC_IRQS_MAX);
        return false;
    }
    if (s->prio_bits < 2 || s->prio_bits > 8) {
        error_setg(errp, "num-prio-bits %u is not between 2 and 8", s->prio_bits);
        return false;
    }
    if (!nvic_scs_realize(s))
        return false;
    device_init_in(dev, set_input, s->num_irq + 1);
    device_init_out(dev, 1);
    for (unsigned i = 0; i < 2; i++)
        systick_init(&s->systick[i], s);
    nvic_reset(dev);
    return true;
}

static void nvic_unrealize(Device *dev)
{
    NVIC *s = (NVIC *)dev;
    for (unsigned i = 0; i < 2; i++)
        systick_exit(&s->systick[i]);
}

/* Numbers in these bitmaps that no exception has stay clear: what finds a bit looks its priority up. */
static void clear_bits(NVIC *s, unsigned from, unsigned to)
{
    for (unsigned id = from; id < to; id++) {
        nvic_put(s->pending, id, false);
        nvic_put(s->enabled, id, false);
        nvic_put(s->active, id, false);
        nvic_put(s->level, id, false);
    }
}

static void nvic_post_load(Device *dev)
{
    NVIC *s = (NVIC *)dev;

    clear_bits(s, M_EXCP_EXTERNAL + s->num_irq, NVIC_SECURE_IDS);
    clear_bits(s, NVIC_IDS, 32 * NVIC_WORDS);
    for (unsigned i = 0; i < 2; i++)
        systick_post_load(&s->systick[i]);
    nvic_update(dev);
}

static void nvic_info(Device *dev, FILE *out)
{
    const NVIC *s = (const NVIC *)dev;

    fprintf(out, "NVIC: %u interrupts, active priority %d\n", s->num_irq, s->active_prio);
    for (unsigned id = 1; id < NVIC_IDS; id++) {
        if (!nvic_bit(s->pending, id) && !nvic_bit(s->active, id))
            continue;
        fprintf(out, "  exception %u%s: priority %d%s%s%s\n", id_number(id), id >= NVIC_SECURE_IDS ? " (Secure)" : "",
                nvic_id_priority(s, id), nvic_bit(s->pending, id) ? " pending" : "", nvic_bit(s->active, id) ? " active" : "",
                nvic_bit(s->enabled, id) ? "" : " disabled");
    }
}

static const Property nvic_props[] = { PROP_U32("num-irq", NVIC, num_irq, 64), PROP_U32("num-prio-bits", NVIC, prio_bits, 8), {} };
static const SavedField nvic_saved[] = {
    SAVED_ARRAY(NVIC, pending), SAVED_ARRAY(NVIC, enabled), SAVED_ARRAY(NVIC, active), SAVED_ARRAY(NVIC, level),
    SAVED_ARRAY(NVIC, ns_target), SAVED_ARRAY(NVIC, prio), SAVED_STRUCTS(NVIC, systick, systick_saved), SAVED_END(),
};
static const DeviceType nvic_type = {
    .name = "armv7m_nvic", .desc = "NVIC and system control space of M-profile cores", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(NVIC), .props = nvic_props, .saved = nvic_saved, .realize = nvic_realize,
    .unrealize = nvic_unrealize, .reset = nvic_reset, .post_load = nvic_post_load, .pic_info = nvic_info,
};
device_type(nvic_type)
