/* SPDX-License-Identifier: MIT */
/*
 * GICv3 physical CPU interface: the ICC_* system registers (IHI 0069 ch. 12.2). System register access is always on
 * (SRE reads as one). Accesses arrive on the vCPU's thread, without the machine lock. Group 0 is signalled as
 * FIQ, Group 1 as IRQ, or as FIQ where it is of the other Security state or the vCPU is at EL3. Not modelled:
 * message and sleep states.
 */
#include "hw/intc/gicv3.h"

#define SRE_ALL 7 /* SRE, DFB, DIB */
#define MIN_BPR0 2 /* with five priority bits */

#define SYSREG(op1, crn, crm, op2) A64_SYSREG(3, op1, crn, crm, op2)
#define ICC_PMR SYSREG(0, 4, 6, 0)
#define ICC(crm, op2) SYSREG(0, 12, crm, op2)
enum { ICC_IAR0 = ICC(8, 0), ICC_EOIR0 = ICC(8, 1), ICC_HPPIR0 = ICC(8, 2), ICC_BPR0 = ICC(8, 3), ICC_AP0R0 = ICC(8, 4),
       ICC_AP1R0 = ICC(9, 0), ICC_DIR = ICC(11, 1), ICC_RPR = ICC(11, 3), ICC_SGI1R = ICC(11, 5), ICC_ASGI1R = ICC(11, 6),
       ICC_SGI0R = ICC(11, 7), ICC_IAR1 = ICC(12, 0), ICC_EOIR1 = ICC(12, 1), ICC_HPPIR1 = ICC(12, 2), ICC_BPR1 = ICC(12, 3),
       ICC_CTLR = ICC(12, 4), ICC_SRE = ICC(12, 5), ICC_IGRPEN0 = ICC(12, 6), ICC_IGRPEN1 = ICC(12, 7),
       ICC_SRE_EL2 = SYSREG(4, 12, 9, 5), ICC_CTLR_EL3 = SYSREG(6, 12, 12, 4), ICC_SRE_EL3 = SYSREG(6, 12, 12, 5),
       ICC_IGRPEN1_EL3 = SYSREG(6, 12, 12, 7) };

/* ---- Views ---- */

static bool single_view(const GICv3CPU *c)
{
    return c->gic->ctlr & GICD_DS;
}

/* The access is Non-secure, in a system with two Security states. */
static bool non_secure(const GICv3CPU *c, const ARMCPU *cpu)
{
    return !single_view(c) && !arm_is_secure(cpu);
}

/* Group 1 as the accessing Security state means it. */
static GICGroup group1(const GICv3CPU *c, const ARMCPU *cpu)
{
    return single_view(c) || !arm_is_secure(cpu) ? GIC_G1NS : GIC_G1S;
}

static uint32_t *icc_ctlr(GICv3CPU *c, GICGroup group)
{
    return &c->icc_ctlr[group == GIC_G1NS && !single_view(c)];
}

/* ---- Priorities ---- */

static uint32_t preemption_mask(GICv3CPU *c, GICGroup group)
{
    bool common = group != GIC_G0 && (*icc_ctlr(c, group) & ICC_CBPR);
    unsigned bpr = common ? c->bpr[GIC_G0] : c->bpr[group];
    /* Non-secure binary points count one less: the Secure field starts a bit higher. */
    return ~0u << (group == GIC_G1NS && !common ? bpr : bpr + 1);
}

static unsigned running_priority(const GICv3CPU *c)
{
    uint32_t active = c->active[GIC_G0] | c->active[GIC_G1S] | c->active[GIC_G1NS];
    return active ? (unsigned)__builtin_ctz(active) << (8 - GICV3_PRIORITY_BITS) : GICV3_IDLE;
}

static bool may_signal(GICv3CPU *c)
{
    return c->best != GICV3_SPURIOUS && c->best_priority < c->pmr &&
           (c->best_priority & preemption_mask(c, c->best_group)) < running_priority(c);
}

/* IHI 0069 4.6.2, table of physical interrupt signals. */
static uint8_t groups_as_fiq(const ARMCPU *cpu)
{
    if (!arm_feature(cpu, ARM_FEATURE_EL3))
        return 1 << GIC_G0;
    if (arm_current_el(cpu) == 3 && arm_is_aa64(cpu))
        return 1 << GIC_G0 | 1 << GIC_G1S | 1 << GIC_G1NS;
    return 1 << GIC_G0 | 1 << (arm_is_secure(cpu) ? GIC_G1NS : GIC_G1S);
}

void gicv3_cpuif_update(GICv3CPU *c)
{
    uint8_t as_fiq = single_view(c) ? 1 << GIC_G0 : c->as_fiq | 1 << GIC_G0;
    bool signal = may_signal(c), fiq = signal && as_fiq >> c->best_group & 1;
    const bool levels[] = { [GIC_OUT_IRQ] = signal && !fiq, [GIC_OUT_FIQ] = fiq };
    for (unsigned i = 0; i < ARRAY_SIZE(levels); i++)
        if (c->shown[i] != levels[i]) {
            c->shown[i] = levels[i];
            irq_set(&c->gic->dev.out[GIC_OUTS * c->index + i], levels[i]);
        }
}

/* ---- Acknowledge, end ---- */

static unsigned visible_best(const GICv3CPU *c, GICGroup group)
{
    return c->best_group == group ? c->best : GICV3_SPURIOUS;
}

static uint64_t acknowledge(GICv3CPU *c, GICGroup group)
{
    unsigned irq = visible_best(c, group);
    if (irq == GICV3_SPURIOUS || !may_signal(c))
        return GICV3_SPURIOUS;
    unsigned priority = c->best_priority & preemption_mask(c, group) & GICV3_PRIORITY_MASK;
    c->active[group] |= 1u << (priority >> (8 - GICV3_PRIORITY_BITS));
    if (irq >= GICV3_LPI_FIRST) {
        gicv3_lpi_set(c, irq, false);
    } else {
        GICWord *w = gicv3_word(c, irq);
        w->active |= 1u << irq % 32;
        w->pending &= ~(1u << irq % 32);
    }
    gicv3_update_cpu(c);
    return irq;
}

/* With two Security states, Non-secure software may deactivate only what is Non-secure Group 1. */
static void deactivate(GICv3CPU *c, unsigned irq, bool ns)
{
    if (irq >= c->gic->nirq)
        return;
    GICWord *w = gicv3_word(c, irq);
    if (!ns || gicv3_group(c->gic, w, irq % 32) == GIC_G1NS)
        w->active &= ~(1u << irq % 32);
}

static void end_of_interrupt(GICv3CPU *c, unsigned irq, GICGroup group, bool ns)
{
    if (irq >= c->gic->nirq && irq < GICV3_LPI_FIRST)
        return;
    c->active[group] &= c->active[group] - 1;
    if (!(*icc_ctlr(c, group) & ICC_EOIMODE))
        deactivate(c, irq, ns);
    if (irq >= 32 && irq < c->gic->nirq)
        gicv3_update(c->gic);
    else
        gicv3_update_cpu(c);
}

static void generate_sgi(GICv3CPU *c, uint64_t value, GICGroup group, bool ns)
{
    GICv3 *s = c->gic;
    unsigned sgi = value >> 24 & 15;
    uint64_t cluster = (value >> 48 & 0xff) << 32 | (value >> 32 & 0xff) << 16 | (value >> 16 & 0xff) << 8;
    unsigned range = value >> 44 & 15;
    bool all_others = value >> 40 & 1;
    for (unsigned i = 0; i < s->ncpu; i++) {
        GICv3CPU *to = s->cpu[i];
        unsigned aff0 = to->affinity & 0xff;
        bool listed = (to->affinity & ~0xffull) == cluster && aff0 / 16 == range && (value >> aff0 % 16 & 1);
        if (all_others ? to != c : listed)
            gicv3_send_sgi(to, sgi, group, ns);
    }
}

/* ---- Registers ---- */

static uint64_t read_ctlr(GICv3CPU *c, GICGroup group)
{
    return (*icc_ctlr(c, group) & 3) | (GICV3_PRIORITY_BITS - 1) << 8 | 1u << 15;
}

static uint8_t priority_to_ns(unsigned priority)
{
    return priority & 0x80 ? (uint8_t)(priority << 1) : 0;
}

static uint64_t read_bpr1(GICv3CPU *c, GICGroup group)
{
    if (!(*icc_ctlr(c, group) & ICC_CBPR))
        return c->bpr[group];
    unsigned bpr = c->bpr[GIC_G0];
    return group == GIC_G1NS ? (bpr < 7 ? bpr + 1 : 7) : bpr;
}

static ARMAccess icc_read(GICv3CPU *c, ARMCPU *cpu, uint32_t reg, uint64_t *value)
{
    bool ns = non_secure(c, cpu);
    GICGroup g1 = group1(c, cpu);
    switch (reg) {
    case ICC_PMR: *value = ns ? priority_to_ns(c->pmr) : c->pmr; break;
    case ICC_IAR0: *value = ns ? GICV3_SPURIOUS : acknowledge(c, GIC_G0); break;
    case ICC_IAR1: *value = acknowledge(c, g1); break;
    case ICC_HPPIR0: *value = ns ? GICV3_SPURIOUS : visible_best(c, GIC_G0); break;
    case ICC_HPPIR1: *value = visible_best(c, g1); break;
    case ICC_BPR0: *value = ns ? 0 : c->bpr[GIC_G0]; break;
    case ICC_BPR1: *value = read_bpr1(c, g1); break;
    case ICC_AP0R0: *value = ns ? 0 : c->active[GIC_G0]; break;
    case ICC_AP1R0: *value = c->active[g1]; break;
    case ICC_RPR:
        *value = running_priority(c) == GICV3_IDLE ? 0xff : ns ? priority_to_ns(running_priority(c)) : running_priority(c);
        break;
    case ICC_CTLR: *value = read_ctlr(c, g1); break;
    case ICC_SRE: *value = SRE_ALL; break;
    case ICC_SRE_EL2: case ICC_SRE_EL3: *value = SRE_ALL | 8; break;
    case ICC_IGRPEN0: *value = ns ? 0 : c->enabled[GIC_G0]; break;
    case ICC_IGRPEN1: *value = c->enabled[g1]; break;
    case ICC_IGRPEN1_EL3: *value = c->enabled[GIC_G1NS] | c->enabled[GIC_G1S] << 1; break;
    case ICC_CTLR_EL3:
        *value = (c->icc_ctlr[0] & ICC_CBPR) | (c->icc_ctlr[1] & ICC_CBPR) << 1 | (c->icc_ctlr[0] & ICC_EOIMODE) << 2 |
                 (c->icc_ctlr[1] & ICC_EOIMODE) << 3 | (GICV3_PRIORITY_BITS - 1) << 8 | 1u << 15;
        break;
    default: return ACCESS_UNDEF;
    }
    return ACCESS_OK;
}

static void write_pmr(GICv3CPU *c, uint8_t value, bool ns)
{
    if (!ns)
        c->pmr = value & GICV3_PRIORITY_MASK;
    else if (c->pmr & 0x80)
        c->pmr = (0x80 | value >> 1) & GICV3_PRIORITY_MASK;
}

static void write_bpr1(GICv3CPU *c, GICGroup group, unsigned value)
{
    unsigned least = group == GIC_G1NS ? MIN_BPR0 + 1 : MIN_BPR0;
    if (!(*icc_ctlr(c, group) & ICC_CBPR))
        c->bpr[group] = (uint8_t)(value < least ? least : value);
}

static ARMAccess icc_write(GICv3CPU *c, ARMCPU *cpu, uint32_t reg, uint64_t value)
{
    bool ns = non_secure(c, cpu);
    GICGroup g1 = group1(c, cpu);
    switch (reg) {
    case ICC_PMR: write_pmr(c, (uint8_t)value, ns); break;
    case ICC_EOIR0:
        if (!ns)
            end_of_interrupt(c, value & 0xffffff, GIC_G0, false);
        return ACCESS_OK;
    case ICC_EOIR1: end_of_interrupt(c, value & 0xffffff, g1, ns); return ACCESS_OK;
    case ICC_DIR: deactivate(c, value & 0xffffff, ns); gicv3_update(c->gic); return ACCESS_OK;
    case ICC_SGI1R: generate_sgi(c, value, g1, ns); return ACCESS_OK;
    case ICC_ASGI1R: generate_sgi(c, value, g1 == GIC_G1NS ? GIC_G1S : GIC_G1NS, ns); return ACCESS_OK;
    case ICC_SGI0R: generate_sgi(c, value, GIC_G0, ns); return ACCESS_OK;
    case ICC_BPR0:
        if (!ns)
            c->bpr[GIC_G0] = (value & 7) < MIN_BPR0 ? MIN_BPR0 : value & 7;
        break;
    case ICC_BPR1: write_bpr1(c, g1, value & 7); break;
    case ICC_AP0R0:
        if (!ns)
            c->active[GIC_G0] = (uint32_t)value;
        break;
    case ICC_AP1R0: c->active[g1] = (uint32_t)value; break;
    case ICC_CTLR: *icc_ctlr(c, g1) = value & (ICC_CBPR | ICC_EOIMODE); break;
    case ICC_SRE: case ICC_SRE_EL2: case ICC_SRE_EL3: return ACCESS_OK;
    case ICC_IGRPEN0:
        if (!ns)
            c->enabled[GIC_G0] = value & 1;
        break;
    case ICC_IGRPEN1: c->enabled[g1] = value & 1; break;
    case ICC_IGRPEN1_EL3:
        c->enabled[GIC_G1NS] = value & 1;
        c->enabled[GIC_G1S] = value >> 1 & 1;
        break;
    case ICC_CTLR_EL3:
        c->icc_ctlr[0] = (value & 1) | (value >> 2 & ICC_EOIMODE);
        c->icc_ctlr[1] = (value >> 1 & 1) | (value >> 3 & ICC_EOIMODE);
        break;
    default: return ACCESS_UNDEF;
    }
    gicv3_update_cpu(c);
    return ACCESS_OK;
}

/* ---- Traps and redirection ---- */

enum { HCR_TC = 1 << 10, HCR_TALL0 = 1 << 11, HCR_TALL1 = 1 << 12, HCR_TDIR = 1 << 14 }; /* of ICH_HCR_EL2 */
enum { OF_GROUP0 = 1, OF_GROUP1 = 2, COMMON = 4, DEACTIVATE = 8, SGI = 16 };

/* What a register belongs to, for traps. Those that never trap: 0. */
static unsigned register_class(uint32_t reg)
{
    switch (reg) {
    case ICC_IAR0: case ICC_EOIR0: case ICC_HPPIR0: case ICC_BPR0: case ICC_AP0R0: case ICC_IGRPEN0: return OF_GROUP0;
    case ICC_IAR1: case ICC_EOIR1: case ICC_HPPIR1: case ICC_BPR1: case ICC_AP1R0: case ICC_IGRPEN1: return OF_GROUP1;
    case ICC_PMR: case ICC_RPR: case ICC_CTLR: return COMMON;
    case ICC_DIR: return COMMON | DEACTIVATE;
    case ICC_SGI0R: case ICC_SGI1R: case ICC_ASGI1R: return SGI;
    default: return 0;
    }
}

/* Traps of an ICC register below EL2 and EL3; *virtual when it is the ICV register that is meant. */
static ARMAccess check_access(const GICv3CPU *c, const ARMCPU *cpu, uint32_t reg, bool *virtual)
{
    unsigned el = arm_current_el(cpu), class = register_class(reg);
    uint64_t hcr = arm_hcr(cpu), scr = cpu->scr_el3;
    *virtual = false;
    if (el == 1 && class) {
        uint64_t routed = (class & OF_GROUP0 ? hcr & HCR_FMO : 0) | (class & OF_GROUP1 ? hcr & HCR_IMO : 0) |
                          (class & (COMMON | SGI) ? hcr & (HCR_FMO | HCR_IMO) : 0);
        if (routed && class == SGI)
            return ACCESS_TRAP_EL2;
        uint64_t trap = (class & OF_GROUP0 ? HCR_TALL0 : 0) | (class & OF_GROUP1 ? HCR_TALL1 : 0) |
                        (class & COMMON ? HCR_TC : 0) | (class & DEACTIVATE ? HCR_TDIR : 0);
        if (arm_feature(cpu, ARM_FEATURE_EL2) && !arm_is_secure(cpu) && (c->ich_hcr & trap))
            return ACCESS_TRAP_EL2;
        *virtual = routed;
        if (routed)
            return ACCESS_OK;
    }
    if (el < 3 && arm_feature(cpu, ARM_FEATURE_EL3)) {
        uint64_t fiq = scr & SCR_FIQ, irq = scr & SCR_IRQ;
        if ((class & OF_GROUP0 && fiq) || (class & OF_GROUP1 && irq) || (class & (COMMON | SGI) && fiq && irq))
            return ACCESS_TRAP_EL3;
    }
    return ACCESS_OK;
}

/* ICH_* registers: op1 4, CRn 12, CRm 8, 9 (but for ICC_SRE_EL2), 11-13. */
static bool is_ich(uint32_t reg)
{
    return reg != ICC_SRE_EL2 && (reg & A64_SYSREG(0, 7, 15, 0, 0)) == A64_SYSREG(0, 4, 12, 0, 0);
}

static ARMAccess cpuif_read(void *opaque, ARMCPU *cpu, uint32_t reg, uint64_t *value)
{
    GICv3CPU *c = opaque;
    GIC_LOCKED(&c->gic->lock);
    bool virtual = false;
    ARMAccess a = is_ich(reg) ? gicv3_ich_read(c, reg, value) : check_access(c, cpu, reg, &virtual);
    if (a == ACCESS_OK && virtual)
        a = gicv3_virt_read(c, reg, value) ? ACCESS_OK : ACCESS_UNDEF;
    else if (a == ACCESS_OK && !is_ich(reg))
        a = icc_read(c, cpu, reg, value);
    return a;
}

static ARMAccess cpuif_write(void *opaque, ARMCPU *cpu, uint32_t reg, uint64_t value)
{
    GICv3CPU *c = opaque;
    GIC_LOCKED(&c->gic->lock);
    bool virtual = false;
    ARMAccess a = is_ich(reg) ? gicv3_ich_write(c, reg, value) : check_access(c, cpu, reg, &virtual);
    if (a == ACCESS_OK && virtual)
        a = gicv3_virt_write(c, reg, value) ? ACCESS_OK : ACCESS_UNDEF;
    else if (a == ACCESS_OK && !is_ich(reg))
        a = icc_write(c, cpu, reg, value);
    return a;
}

static void cpuif_reset(void *opaque, ARMCPU *cpu)
{
    GICv3CPU *c = opaque;
    GIC_LOCKED(&c->gic->lock);
    gicv3_cpuif_reset(c);
    c->as_fiq = groups_as_fiq(cpu);
    gicv3_update_cpu(c);
}

static void cpuif_state_changed(void *opaque, ARMCPU *cpu)
{
    GICv3CPU *c = opaque;
    GIC_LOCKED(&c->gic->lock);
    uint8_t as_fiq = groups_as_fiq(cpu);
    if (as_fiq == c->as_fiq)
        return;
    c->as_fiq = as_fiq;
    gicv3_cpuif_update(c);
}

static const ARMGICCpuIf cpuif_ops = { .read = cpuif_read, .write = cpuif_write, .reset = cpuif_reset, .state_changed = cpuif_state_changed };

void gicv3_cpuif_reset(GICv3CPU *c)
{
    c->pmr = c->gic->start_nonsecure ? 0x80 : 0;
    for (unsigned g = 0; g < GIC_GROUPS; g++) {
        c->bpr[g] = g == GIC_G1NS ? MIN_BPR0 + 1 : MIN_BPR0;
        c->enabled[g] = 0;
        c->active[g] = 0;
    }
    c->icc_ctlr[0] = c->icc_ctlr[1] = 0;
    gicv3_virt_reset(c);
}

void gicv3_cpuif_connect(GICv3CPU *c)
{
    c->cpu->gic = &cpuif_ops;
    c->cpu->gic_opaque = c;
}
