/* SPDX-License-Identifier: MIT */
/*
 * Arm generic interrupt controller, architecture versions 1 and 2 (ARM IHI 0048B), as in Cortex-A9 and GIC-400.
 * Regions: 0 = distributor (4 KiB), 1 = CPU interface of the vCPU that accesses it (8 KiB); with has-virtualization-extensions
 * (gicv2-virt.c) 2 = its hypervisor's registers (4 KiB), 3 = its virtual CPU interface (8 KiB). Lines: hw/arm/gic.h.
 * Properties: num-cpu (1-8), num-irq (32-1020, with the 32 private ones), revision, has-security-extensions.
 * 32 priority levels. Interrupts are kept as bits in words of 32, as the registers show them.
 * Not modelled: power management of the CPU interface, bypass.
 */
#include "cpu.h"
#include "hw/arm/gic.h"
#include "hw/fdt.h"
#include "hw/intc/gic-lock.h"
#include "hw/intc/gic-word.h"
#include "hw/intc/gicv2-virt.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

#define CPUS 8
#define WORDS 32
#define IRQS (32 * WORDS)
#define PRIORITY_BITS 0xf8 /* 32 levels */
enum { IDLE_PRIORITY = 0x100, SPURIOUS = 1023, SPURIOUS_OTHER_GROUP = 1022 };
enum { CTLR_GROUP0 = 1, CTLR_GROUP1 = 2, CTLR_ACKCTL = 4, CTLR_FIQEN = 8, CTLR_CBPR = 0x10,
       CTLR_EOIMODE_S = 0x200, CTLR_EOIMODE_NS = 0x400, CTLR_MASK = 0x7ff };

typedef struct GICCPU {
    uint32_t ctlr;
    uint8_t pmr, bpr, abpr;
    uint32_t active[2];      /* per group: a bit per priority level that is being serviced */
    uint8_t priority[32];    /* of the private interrupts */
    uint8_t sgi_from[16];    /* vCPUs whose SGI is pending */
    uint16_t best;           /* highest priority pending interrupt, or SPURIOUS */
    uint8_t irq, fiq;        /* what the outputs show */
} GICCPU;

typedef struct GICv2 {
    Device dev;
    GRecMutex lock;         /* protects what follows the properties */
    uint32_t ncpu, nirq, revision;
    bool security, virtualization;
    bool start_nonsecure;   /* reset as secure firmware would leave it: all interrupts in group 1 */
    MemoryRegion dist, cpuif, hyp, vcpu;
    uint32_t ctlr;
    GICWord local[CPUS], spi[WORDS]; /* spi[0] is unused */
    uint8_t priority[IRQS], target[IRQS];
    GICCPU cpu[CPUS];
    GICv2Virt virt[CPUS];
} GICv2;

bool (*gic_secure_access)(void);

static GICWord *word_of(GICv2 *s, unsigned c, unsigned w)
{
    return w ? &s->spi[w] : &s->local[c];
}

static uint8_t *priority_of(GICv2 *s, unsigned c, unsigned irq)
{
    return irq < 32 ? &s->cpu[c].priority[irq] : &s->priority[irq];
}

static bool in_group1(GICv2 *s, unsigned c, unsigned irq)
{
    return word_of(s, c, irq / 32)->group >> irq % 32 & 1;
}

/* The vCPU whose banked registers the access sees. */
static unsigned accessor(const GICv2 *s)
{
    unsigned c = current_cpu ? (unsigned)current_cpu->index : 0;
    return c < s->ncpu ? c : 0;
}

/* Non-secure accesses see only group 1. Without the security extensions there is one view. */
static bool non_secure(const GICv2 *s)
{
    return s->security && !(gic_secure_access && gic_secure_access());
}

/* ---- Which interrupt, and the outputs ---- */

/* Bits of a group split that a binary point leaves for preemption. */
static uint32_t group_mask(unsigned binary_point)
{
    return ~0u << (binary_point + 1);
}

static uint32_t preemption_mask(const GICCPU *c, bool group1)
{
    return group1 && !(c->ctlr & CTLR_CBPR) ? group_mask(c->abpr ? c->abpr - 1u : 0) : group_mask(c->bpr);
}

static unsigned running_priority(const GICCPU *c)
{
    uint32_t active = c->active[0] | c->active[1];
    return active ? (unsigned)__builtin_ctz(active) << 3 : IDLE_PRIORITY;
}

static void find_best(GICv2 *s, unsigned c)
{
    unsigned best = SPURIOUS, best_priority = IDLE_PRIORITY;
    for (unsigned w = 0; w < s->nirq / 32; w++) {
        const GICWord *g = word_of(s, c, w);
        uint32_t bits = g->enabled & gic_pending(g) & ~g->active;
        bits &= (s->ctlr & CTLR_GROUP0 ? ~g->group : 0) | (s->ctlr & CTLR_GROUP1 ? g->group : 0);
        for (; bits; bits &= bits - 1) {
            unsigned irq = 32 * w + (unsigned)__builtin_ctz(bits);
            unsigned priority = *priority_of(s, c, irq);
            if (priority < best_priority && (!w || s->ncpu == 1 || s->target[irq] >> c & 1)) {
                best = irq;
                best_priority = priority;
            }
        }
    }
    s->cpu[c].best = (uint16_t)best;
}

/* Whether the best interrupt may be signalled now. */
static bool may_signal(GICv2 *s, unsigned c)
{
    const GICCPU *cpu = &s->cpu[c];
    if (cpu->best == SPURIOUS)
        return false;
    bool group1 = in_group1(s, c, cpu->best);
    unsigned priority = *priority_of(s, c, cpu->best);
    return (cpu->ctlr & (group1 ? CTLR_GROUP1 : CTLR_GROUP0)) && priority < cpu->pmr &&
           (priority & preemption_mask(cpu, group1)) < running_priority(cpu);
}

static void show(GICv2 *s, unsigned c, unsigned output, uint8_t *shown, bool level)
{
    if (*shown != level) {
        *shown = level;
        irq_set(&s->dev.out[GIC_OUTS * c + output], level);
    }
}

static void update_cpu(GICv2 *s, unsigned c)
{
    GICCPU *cpu = &s->cpu[c];
    find_best(s, c);
    bool any = may_signal(s, c);
    bool as_fiq = any && (cpu->ctlr & CTLR_FIQEN) && !in_group1(s, c, cpu->best);
    show(s, c, GIC_OUT_IRQ, &cpu->irq, any && !as_fiq);
    show(s, c, GIC_OUT_FIQ, &cpu->fiq, as_fiq);
}

static void update(GICv2 *s)
{
    for (unsigned c = 0; c < s->ncpu; c++)
        update_cpu(s, c);
}

/* ---- Inputs ---- */

static void gic_input(void *dev, int n, int level)
{
    GICv2 *s = dev;
    GIC_LOCKED(&s->lock);
    unsigned spis = s->nirq - 32, c = 0, irq = (unsigned)n + 32;
    if ((unsigned)n >= spis) {
        c = ((unsigned)n - spis) / 32;
        irq = ((unsigned)n - spis) % 32;
    }
    GICWord *w = word_of(s, c, irq / 32);
    gic_word_input(w, 1u << irq % 32, level);
    if (irq < 32)
        update_cpu(s, c);
    else
        update(s);
}

/* ---- CPU interface ---- */

/* A priority as a non-secure access sees and sets it: the lower half of the range, shifted. */
static uint32_t priority_view(bool ns, uint32_t priority)
{
    return ns && priority < IDLE_PRIORITY ? (priority & 0x80 ? priority << 1 & 0xff : 0) : priority;
}

/* The best interrupt as this view may see it at acknowledge. */
static unsigned visible_best(GICv2 *s, unsigned c, bool ns, bool alias)
{
    const GICCPU *cpu = &s->cpu[c];
    if (cpu->best == SPURIOUS)
        return SPURIOUS;
    bool group1 = in_group1(s, c, cpu->best);
    if (ns || alias)
        return group1 ? cpu->best : SPURIOUS;
    return group1 && s->revision > 1 && !(cpu->ctlr & CTLR_ACKCTL) ? SPURIOUS_OTHER_GROUP : cpu->best;
}

static unsigned with_source(const GICCPU *cpu, unsigned irq)
{
    return irq < 16 && cpu->sgi_from[irq] ? irq | (unsigned)__builtin_ctz(cpu->sgi_from[irq]) << 10 : irq;
}

static uint32_t acknowledge(GICv2 *s, unsigned c, bool ns, bool alias)
{
    GICCPU *cpu = &s->cpu[c];
    if (!may_signal(s, c))
        return SPURIOUS;
    unsigned irq = visible_best(s, c, ns, alias);
    if (irq >= GIC_SPECIAL_BASE)
        return irq;
    bool group1 = in_group1(s, c, irq);
    uint32_t id = with_source(cpu, irq), bit = 1u << irq % 32;
    GICWord *w = word_of(s, c, irq / 32);
    if (irq < 16)
        cpu->sgi_from[irq] &= cpu->sgi_from[irq] - 1;
    if (irq >= 16 || !cpu->sgi_from[irq])
        w->pending &= ~bit;
    w->active |= bit;
    unsigned priority = *priority_of(s, c, irq) & preemption_mask(cpu, group1) & 0xff;
    cpu->active[group1] |= 1u << (priority >> 3);
    if (irq < 32)
        update_cpu(s, c);
    else
        update(s);
    return id;
}

/* Ends the service of the most urgent active priority, which belongs to one of the groups. */
static void drop_priority(GICCPU *cpu, bool ns)
{
    uint32_t a0 = cpu->active[0], a1 = cpu->active[1];
    bool group1 = ns || (a1 && (!a0 || __builtin_ctz(a1) < __builtin_ctz(a0)));
    cpu->active[group1] &= cpu->active[group1] - 1;
}

static void deactivate(GICv2 *s, unsigned c, unsigned irq, bool ns)
{
    if (irq < s->nirq && (!ns || in_group1(s, c, irq)))
        word_of(s, c, irq / 32)->active &= ~(1u << irq % 32);
}

static void end_of_interrupt(GICv2 *s, unsigned c, uint32_t value, bool ns)
{
    GICCPU *cpu = &s->cpu[c];
    unsigned irq = value & 0x3ff;
    if (irq >= s->nirq || (ns && !in_group1(s, c, irq)))
        return;
    drop_priority(cpu, ns);
    if (!(cpu->ctlr & (ns ? CTLR_EOIMODE_NS : CTLR_EOIMODE_S)))
        deactivate(s, c, irq, ns);
    update(s);
}

enum { C_CTLR = 0x00, C_PMR = 0x04, C_BPR = 0x08, C_IAR = 0x0c, C_EOIR = 0x10, C_RPR = 0x14, C_HPPIR = 0x18, C_ABPR = 0x1c,
       C_AIAR = 0x20, C_AEOIR = 0x24, C_AHPPIR = 0x28, C_APR = 0xd0, C_NSAPR = 0xe0, C_IIDR = 0xfc, C_DIR = 0x1000 };

/* The non-secure view of the control register: enable of group 1 at bit 0, EOImode at bit 9. */
static uint32_t ctlr_view(const GICCPU *cpu, bool ns)
{
    if (!ns)
        return cpu->ctlr;
    return (cpu->ctlr & CTLR_GROUP1 ? 1 : 0) | (cpu->ctlr & CTLR_EOIMODE_NS ? CTLR_EOIMODE_S : 0);
}

static uint64_t cpu_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s);
    GICCPU *cpu = &s->cpu[c];
    bool ns = non_secure(s);
    (void)size;
    switch (offset) {
    case C_CTLR: return ctlr_view(cpu, ns);
    case C_PMR: return priority_view(ns, cpu->pmr);
    case C_BPR: return ns ? (cpu->ctlr & CTLR_CBPR ? MIN(cpu->bpr + 1, 7) : cpu->abpr) : cpu->bpr;
    case C_IAR: return acknowledge(s, c, ns, false);
    case C_RPR: return MIN(priority_view(ns, running_priority(cpu)), 0xffu);
    case C_HPPIR: return with_source(cpu, visible_best(s, c, ns, false));
    case C_ABPR: return ns ? 0 : cpu->abpr;
    case C_AIAR: return ns ? SPURIOUS : acknowledge(s, c, ns, true);
    case C_AHPPIR: return ns ? SPURIOUS : with_source(cpu, visible_best(s, c, ns, true));
    case C_APR: return ns ? cpu->active[1] >> 16 : cpu->active[0];
    case C_NSAPR: return ns ? 0 : cpu->active[1];
    case C_IIDR: return s->revision == 1 ? 0x3901243b : 0x0202143b;
    default:
        guest_error("arm_gic: read of unknown CPU interface register 0x%x\n", (unsigned)offset);
        return 0;
    }
}

static void write_ctlr(GICv2 *s, GICCPU *cpu, uint32_t value, bool ns)
{
    uint32_t mask = s->revision == 1 && !s->security ? 1 : CTLR_MASK;
    if (ns)
        cpu->ctlr = (cpu->ctlr & ~(CTLR_GROUP1 | CTLR_EOIMODE_NS)) | (value & 1 ? CTLR_GROUP1 : 0) |
                    (value & CTLR_EOIMODE_S ? CTLR_EOIMODE_NS : 0);
    else
        cpu->ctlr = value & mask;
}

static void write_pmr(GICCPU *cpu, uint8_t value, bool ns)
{
    if (!ns)
        cpu->pmr = value & PRIORITY_BITS;
    else if (cpu->pmr & 0x80) /* else secure software keeps the non-secure half masked */
        cpu->pmr = (uint8_t)(0x80 | value >> 1) & PRIORITY_BITS;
}

static void write_bpr(GICCPU *cpu, uint8_t value, bool ns)
{
    if (!ns)
        cpu->bpr = MAX(value & 7, 2); /* the least with 32 levels */
    else if (!(cpu->ctlr & CTLR_CBPR))
        cpu->abpr = MAX(value & 7, 3);
}

static void cpu_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s);
    GICCPU *cpu = &s->cpu[c];
    bool ns = non_secure(s);
    (void)size;
    switch (offset) {
    case C_CTLR: write_ctlr(s, cpu, (uint32_t)value, ns); break;
    case C_PMR: write_pmr(cpu, (uint8_t)value, ns); break;
    case C_BPR: write_bpr(cpu, (uint8_t)value, ns); break;
    case C_EOIR: end_of_interrupt(s, c, (uint32_t)value, ns); return;
    case C_ABPR:
        if (!ns)
            cpu->abpr = MAX(value & 7, 3);
        break;
    case C_AEOIR:
        if (!ns)
            end_of_interrupt(s, c, (uint32_t)value, true);
        return;
    case C_APR:
        if (ns)
            cpu->active[1] = (cpu->active[1] & 0xffff) | (uint32_t)value << 16;
        else
            cpu->active[0] = (uint32_t)value;
        break;
    case C_NSAPR:
        if (!ns)
            cpu->active[1] = (uint32_t)value;
        break;
    case C_DIR:
        deactivate(s, c, value & 0x3ff, ns);
        update(s);
        return;
    default:
        guest_error("arm_gic: write of unknown CPU interface register 0x%x\n", (unsigned)offset);
        return;
    }
    update_cpu(s, c);
}

static const MemoryRegionOps cpu_ops = { .read = cpu_read, .write = cpu_write, .impl_min = 4, .impl_max = 4, .lockless = true };

/* ---- Virtualization extensions ---- */

/* Without the extensions the lines are not the controller's. */
static void update_virtual(GICv2 *s, unsigned c)
{
    if (!s->virtualization)
        return;
    GICv2Virt *v = &s->virt[c];
    GICv2VirtLevels now = gicv2_virt_levels(v);
    show(s, c, GIC_OUT_VIRQ, &v->virq, now.virq);
    show(s, c, GIC_OUT_VFIQ, &v->vfiq, now.vfiq);
    show(s, c, GIC_OUT_MAINTENANCE, &v->maintenance, now.maintenance);
}

static uint64_t hyp_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    (void)size;
    return gicv2_hyp_read(&s->virt[accessor(s)], (unsigned)offset);
}

static void hyp_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s);
    (void)size;
    gicv2_hyp_write(&s->virt[c], (unsigned)offset, (uint32_t)value);
    update_virtual(s, c);
}

static uint64_t vcpu_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s);
    (void)size;
    uint32_t value = gicv2_vcpu_read(&s->virt[c], (unsigned)offset);
    update_virtual(s, c);
    return value;
}

static void vcpu_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s);
    (void)size;
    int physical = gicv2_vcpu_write(&s->virt[c], (unsigned)offset, (uint32_t)value);
    if (physical >= 16) {
        deactivate(s, c, (unsigned)physical, false);
        update(s);
    }
    update_virtual(s, c);
}

static const MemoryRegionOps hyp_ops = { .read = hyp_read, .write = hyp_write, .impl_min = 4, .impl_max = 4, .lockless = true };
static const MemoryRegionOps vcpu_ops = { .read = vcpu_read, .write = vcpu_write, .impl_min = 4, .impl_max = 4, .lockless = true };

/* ---- Distributor ---- */

enum { D_CTLR = 0x000, D_TYPER = 0x004, D_IIDR = 0x008, D_GROUP = 0x080, D_SET_ENABLE = 0x100, D_CLEAR_ENABLE = 0x180,
       D_SET_PENDING = 0x200, D_CLEAR_PENDING = 0x280, D_SET_ACTIVE = 0x300, D_CLEAR_ACTIVE = 0x380, D_PRIORITY = 0x400,
       D_TARGET = 0x800, D_CONFIG = 0xc00, D_SGIR = 0xf00, D_CLEAR_SGI = 0xf10, D_SET_SGI = 0xf20, D_ID = 0xfd0 };

/* Interrupts of a word that this view may touch. */
static uint32_t visible(const GICWord *w, bool ns)
{
    return ns ? w->group : ~0u;
}

static uint32_t read_bits(GICv2 *s, unsigned c, unsigned block, unsigned w, bool ns)
{
    const GICWord *g = word_of(s, c, w);
    uint32_t sgis = w ? 0 : 0xffff;
    switch (block) {
    case D_GROUP: return ns ? 0 : g->group;
    case D_SET_ENABLE: case D_CLEAR_ENABLE: return (g->enabled | sgis) & visible(g, ns);
    case D_SET_PENDING: case D_CLEAR_PENDING: return gic_pending(g) & visible(g, ns);
    default: return g->active & visible(g, ns);
    }
}

static void write_bits(GICv2 *s, unsigned c, unsigned block, unsigned w, uint32_t lanes, uint32_t bits, bool ns)
{
    GICWord *g = word_of(s, c, w);
    uint32_t sgis = w ? 0 : 0xffff, set = bits & lanes & visible(g, ns);
    switch (block) {
    case D_GROUP:
        if (!ns && (s->security || s->revision > 1))
            g->group = (g->group & ~lanes) | (bits & lanes);
        break;
    case D_SET_ENABLE: g->enabled |= set; break;
    case D_CLEAR_ENABLE: g->enabled &= ~set | sgis; break;
    case D_SET_PENDING: g->pending |= set & ~sgis; break;
    case D_CLEAR_PENDING: g->pending &= ~set | sgis; break;
    case D_SET_ACTIVE: g->active |= set; break;
    default: g->active &= ~set; break;
    }
}

static uint8_t read_priority(GICv2 *s, unsigned c, unsigned irq, bool ns)
{
    if (ns && !in_group1(s, c, irq))
        return 0;
    return (uint8_t)priority_view(ns, *priority_of(s, c, irq));
}

static void write_priority(GICv2 *s, unsigned c, unsigned irq, uint8_t value, bool ns)
{
    if (ns && !in_group1(s, c, irq))
        return;
    *priority_of(s, c, irq) = (ns ? 0x80 | value >> 1 : value) & PRIORITY_BITS;
}

static uint8_t read_target(GICv2 *s, unsigned c, unsigned irq, bool ns)
{
    if (s->ncpu == 1 || (ns && !in_group1(s, c, irq)))
        return 0;
    return irq < 32 ? (uint8_t)(1u << c) : s->target[irq];
}

/* Software-generated interrupts: to listed vCPUs, all others, or the sender. */
static void send_sgi(GICv2 *s, unsigned from, uint32_t value, bool ns)
{
    unsigned irq = value & 15, all = (1u << s->ncpu) - 1, to = value >> 16 & 0xff;
    bool group1 = value >> 15 & 1;
    if ((value >> 24 & 3) == 1)
        to = ~(1u << from);
    else if ((value >> 24 & 3) == 2)
        to = 1u << from;
    for (unsigned c = 0; c < s->ncpu; c++) {
        if (!((to & all) >> c & 1) || (ns && !in_group1(s, c, irq)))
            continue;
        if (s->security && !ns && group1 != in_group1(s, c, irq))
            continue;
        s->cpu[c].sgi_from[irq] |= (uint8_t)(1u << from);
        s->local[c].pending |= 1u << irq;
    }
}

static void write_sgi_pending(GICv2 *s, unsigned c, unsigned irq, uint8_t value, bool set, bool ns)
{
    GICCPU *cpu = &s->cpu[c];
    if (irq >= 16 || (ns && !in_group1(s, c, irq)))
        return;
    value &= (uint8_t)((1u << s->ncpu) - 1);
    cpu->sgi_from[irq] = set ? cpu->sgi_from[irq] | value : cpu->sgi_from[irq] & (uint8_t)~value;
    uint32_t bit = 1u << irq, *pending = &s->local[c].pending;
    *pending = cpu->sgi_from[irq] ? *pending | bit : *pending & ~bit;
}

static uint32_t read_id(const GICv2 *s, unsigned n)
{
    static const uint8_t v1[] = { 0x04, 0, 0, 0, 0x90, 0xb3, 0x1b, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    static const uint8_t v2[] = { 0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    return s->revision == 1 ? v1[n] : v2[n];
}

/* Registers with a byte for each interrupt. */
static uint8_t dist_read_byte(GICv2 *s, unsigned c, unsigned offset, bool ns)
{
    unsigned irq = offset & 0x3ff;
    if (offset >= D_SET_SGI)
        irq = offset - D_SET_SGI;
    else if (offset >= D_CLEAR_SGI)
        irq = offset - D_CLEAR_SGI;
    if (irq >= s->nirq)
        return 0;
    if (offset >= D_CLEAR_SGI)
        return ns && !in_group1(s, c, irq) ? 0 : s->cpu[c].sgi_from[irq];
    return offset >= D_TARGET ? read_target(s, c, irq, ns) : read_priority(s, c, irq, ns);
}

static void dist_write_byte(GICv2 *s, unsigned c, unsigned offset, uint8_t value, bool ns)
{
    unsigned irq = offset & 0x3ff;
    if (offset >= D_SET_SGI)
        write_sgi_pending(s, c, offset - D_SET_SGI, value, true, ns);
    else if (offset >= D_CLEAR_SGI)
        write_sgi_pending(s, c, offset - D_CLEAR_SGI, value, false, ns);
    else if (irq >= s->nirq)
        return;
    else if (offset < D_TARGET)
        write_priority(s, c, irq, value, ns);
    else if (irq >= 32 && (!ns || in_group1(s, c, irq)))
        s->target[irq] = value & (uint8_t)((1u << s->ncpu) - 1);
}

static bool has_bytes(unsigned offset)
{
    return (offset >= D_PRIORITY && offset < D_CONFIG) || (offset >= D_CLEAR_SGI && offset < D_SET_SGI + 16);
}

static uint32_t dist_read_word(GICv2 *s, unsigned c, unsigned offset, bool ns)
{
    if (offset == D_CTLR)
        return ns ? s->ctlr >> 1 & 1 : s->ctlr;
    if (offset == D_TYPER)
        return (s->nirq / 32 - 1) | (s->ncpu - 1) << 5 | (uint32_t)s->security << 10;
    if (offset == D_IIDR)
        return s->revision == 1 ? 0x0102043b : 0x0200143b;
    if (offset >= D_GROUP && offset < D_PRIORITY) {
        unsigned w = (offset & 0x7f) / 4;
        return w < s->nirq / 32 ? read_bits(s, c, offset & ~0x7fu, w, ns) : 0;
    }
    if (offset >= D_CONFIG && offset < D_CONFIG + 0x100) {
        unsigned n = (offset - D_CONFIG) / 4;
        const GICWord *g = word_of(s, c, n / 2);
        return n / 2 < s->nirq / 32 ? gic_read_config(g, n % 2, visible(g, ns)) : 0;
    }
    if (offset >= D_ID)
        return read_id(s, (offset - D_ID) / 4);
    guest_error("arm_gic: read of unknown distributor register 0x%x\n", offset);
    return 0;
}

static void dist_write_word(GICv2 *s, unsigned c, unsigned offset, uint32_t lanes, uint32_t value, bool ns)
{
    if (offset == D_CTLR) {
        uint32_t mask = s->revision == 1 && !s->security ? 1 : 3;
        s->ctlr = ns ? (s->ctlr & ~2u) | (value & 1) << 1 : value & mask;
    } else if (offset >= D_GROUP && offset < D_PRIORITY) {
        unsigned w = (offset & 0x7f) / 4;
        if (w < s->nirq / 32)
            write_bits(s, c, offset & ~0x7fu, w, lanes, value, ns);
    } else if (offset >= D_CONFIG && offset < D_CONFIG + 0x100) {
        unsigned n = (offset - D_CONFIG) / 4;
        GICWord *g = word_of(s, c, n / 2);
        if (n && n / 2 < s->nirq / 32) /* SGIs stay edges */
            gic_write_config(g, n % 2, lanes, value, visible(g, ns));
    } else if (offset == D_SGIR) {
        send_sgi(s, c, value, ns);
    } else {
        guest_error("arm_gic: write of unknown distributor register 0x%x\n", offset);
    }
}

static uint64_t dist_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s), at = (unsigned)offset;
    bool ns = non_secure(s);
    if (!has_bytes(at))
        return dist_read_word(s, c, at & ~3u, ns) >> (8 * (at & 3));
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)dist_read_byte(s, c, at + i, ns) << (8 * i);
    return v;
}

static void dist_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv2 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned c = accessor(s), at = (unsigned)offset, shift = 8 * (at & 3);
    bool ns = non_secure(s);
    if (has_bytes(at)) {
        for (unsigned i = 0; i < size; i++)
            dist_write_byte(s, c, at + i, (uint8_t)(value >> (8 * i)), ns);
    } else {
        uint32_t lanes = (size == 4 ? ~0u : (1u << (8 * size)) - 1) << shift;
        dist_write_word(s, c, at & ~3u, lanes, (uint32_t)value << shift, ns);
    }
    update(s);
}

static const MemoryRegionOps dist_ops = {
    .read = dist_read, .write = dist_write, .impl_min = 1, .impl_max = 4, .lockless = true,
};

/* ---- Device ---- */

static void gic_reset(Device *dev)
{
    GICv2 *s = (GICv2 *)dev;
    GIC_LOCKED(&s->lock);
    s->ctlr = 0;
    for (unsigned w = 0; w < WORDS; w++)
        s->spi[w] = (GICWord){ .level = s->spi[w].level };
    memset(s->priority, 0, sizeof(s->priority));
    memset(s->target, 0, sizeof(s->target));
    for (unsigned c = 0; c < CPUS; c++) {
        GICCPU *cpu = &s->cpu[c];
        s->local[c] = (GICWord){ .level = s->local[c].level, .edge = 0xffff, .enabled = 0xffff };
        gicv2_virt_reset(&s->virt[c]);
        *cpu = (GICCPU){ .bpr = 2, .abpr = 3, .best = SPURIOUS, .irq = cpu->irq, .fiq = cpu->fiq };
    }
    for (unsigned c = 0; c < CPUS && s->start_nonsecure; c++) {
        s->local[c].group = ~0u;
        s->cpu[c].pmr = 0x80;
    }
    for (unsigned w = 0; w < WORDS && s->start_nonsecure; w++)
        s->spi[w].group = ~0u;
    if (s->start_nonsecure)
        memset(s->priority, 0x80, sizeof(s->priority));
    update(s);
    for (unsigned c = 0; c < s->ncpu; c++)
        update_virtual(s, c);
}

static bool gic_realize(Device *dev, Error **errp)
{
    GICv2 *s = (GICv2 *)dev;
    if (s->ncpu < 1 || s->ncpu > CPUS) {
        error_setg(errp, "arm_gic: num-cpu must be between 1 and %d", CPUS);
        return false;
    }
    if (s->nirq < 64 || s->nirq > IRQS || s->nirq % 32 || (s->revision != 1 && s->revision != 2)) {
        error_setg(errp, "arm_gic: num-irq must be a multiple of 32 from 64 to %d, revision 1 or 2", IRQS);
        return false;
    }
    g_rec_mutex_init(&s->lock);
    device_init_in(dev, gic_input, s->nirq - 32 + 32 * s->ncpu);
    device_init_out(dev, GIC_OUTS * s->ncpu);
    memory_region_init_io(&s->dist, dev, &dist_ops, s, "gic_dist", 0x1000);
    memory_region_init_io(&s->cpuif, dev, &cpu_ops, s, "gic_cpu", 0x2000);
    device_add_region(dev, &s->dist);
    device_add_region(dev, &s->cpuif);
    if (s->virtualization) {
        memory_region_init_io(&s->hyp, dev, &hyp_ops, s, "gic_viface", 0x1000);
        memory_region_init_io(&s->vcpu, dev, &vcpu_ops, s, "gic_vcpu", 0x2000);
        device_add_region(dev, &s->hyp);
        device_add_region(dev, &s->vcpu);
    }
    gic_reset(dev);
    return true;
}

static void gic_unrealize(Device *dev)
{
    g_rec_mutex_clear(&((GICv2 *)dev)->lock);
}

/* Brings values that index or shift back into range, and the outputs in step. */
static void gic_post_load(Device *dev)
{
    GICv2 *s = (GICv2 *)dev;
    GIC_LOCKED(&s->lock);
    for (unsigned c = 0; c < CPUS; c++) {
        GICCPU *cpu = &s->cpu[c];
        cpu->ctlr &= CTLR_MASK;
        cpu->bpr = CLAMP(cpu->bpr, 2, 7);
        cpu->abpr = CLAMP(cpu->abpr, 3, 7);
        for (unsigned i = 0; i < 16; i++)
            cpu->sgi_from[i] &= (uint8_t)((1u << s->ncpu) - 1);
        gicv2_virt_post_load(&s->virt[c]);
    }
    for (unsigned c = 0; c < s->ncpu; c++)
        s->cpu[c].irq = s->cpu[c].fiq = 2; /* neither level: shows both again */
    update(s);
    for (unsigned c = 0; c < s->ncpu; c++)
        update_virtual(s, c);
}

static void gic_pic_info(Device *dev, FILE *out)
{
    GICv2 *s = (GICv2 *)dev;
    GIC_LOCKED(&s->lock);
    fprintf(out, "arm_gic: ctlr=%x\n", s->ctlr);
    for (unsigned c = 0; c < s->ncpu; c++)
        fprintf(out, "cpu %u: ctlr=%x pmr=%02x running=%x pending=%u irq=%u fiq=%u\n", c, s->cpu[c].ctlr, s->cpu[c].pmr,
                running_priority(&s->cpu[c]), s->cpu[c].best, s->cpu[c].irq, s->cpu[c].fiq);
    for (unsigned w = 0; w < s->nirq / 32; w++) {
        const GICWord *g = word_of(s, 0, w);
        fprintf(out, "irq %3u-%u: enabled=%08x pending=%08x active=%08x level=%08x edge=%08x group=%08x\n", 32 * w,
                32 * w + 31, g->enabled, gic_pending(g), g->active, g->level, g->edge, g->group);
    }
}

static void gic_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "intc", "arm,cortex-a15-gic");
    dt_cells(p->tree, path, "#interrupt-cells", 3);
    dt_empty(p->tree, path, "interrupt-controller");
    dt_cells(p->tree, path, "#address-cells", 2);
    dt_cells(p->tree, path, "#size-cells", 2);
    dt_empty(p->tree, path, "ranges");
}

static const Property gic_props[] = {
    PROP_U32("num-cpu", GICv2, ncpu, 1), PROP_U32("num-irq", GICv2, nirq, 64), PROP_U32("revision", GICv2, revision, 2),
    PROP_BOOL("has-security-extensions", GICv2, security, false),
    PROP_BOOL("has-virtualization-extensions", GICv2, virtualization, false),
    PROP_BOOL("start-nonsecure", GICv2, start_nonsecure, false), {},
};
const SavedField gic_word_saved[] = {
    SAVED_INT(GICWord, enabled), SAVED_INT(GICWord, pending), SAVED_INT(GICWord, active), SAVED_INT(GICWord, level),
    SAVED_INT(GICWord, edge), SAVED_INT(GICWord, group), SAVED_INT(GICWord, modifier), SAVED_END(),
};
static const SavedField cpu_saved[] = {
    SAVED_INT(GICCPU, ctlr), SAVED_INT(GICCPU, pmr), SAVED_INT(GICCPU, bpr), SAVED_INT(GICCPU, abpr),
    SAVED_ARRAY(GICCPU, active), SAVED_BYTES(GICCPU, priority), SAVED_BYTES(GICCPU, sgi_from), SAVED_END(),
};
static const SavedField gic_saved[] = {
    SAVED_INT(GICv2, ctlr), SAVED_STRUCTS(GICv2, local, gic_word_saved), SAVED_STRUCTS(GICv2, spi, gic_word_saved),
    SAVED_BYTES(GICv2, priority), SAVED_BYTES(GICv2, target), SAVED_STRUCTS(GICv2, cpu, cpu_saved),
    SAVED_STRUCTS(GICv2, virt, gicv2_virt_saved), SAVED_END(),
};
static const DeviceType gic_type = {
    .name = "arm_gic", .desc = "Arm generic interrupt controller v1/v2", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(GICv2), .props = gic_props, .saved = gic_saved, .realize = gic_realize, .unrealize = gic_unrealize,
    .reset = gic_reset, .post_load = gic_post_load, .describe = gic_describe, .pic_info = gic_pic_info,
};
device_type(gic_type)
