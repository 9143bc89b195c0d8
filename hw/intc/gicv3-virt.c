/* SPDX-License-Identifier: MIT */
/*
 * GICv3 virtual CPU interface (IHI 0069 ch. 6 and 12.3, 12.4): ICV_* registers, which a guest of a hypervisor sees at the
 * addresses of ICC_*, over the list registers that the hypervisor fills through ICH_*. Four list registers, five
 * priority bits. Outputs: virtual IRQ and FIQ, maintenance interrupt.
 */
#include "hw/intc/gicv3.h"
#include <glib.h>

#define LIST_REGISTERS 4
#define SYSREG(op1, crn, crm, op2) A64_SYSREG(3, op1, crn, crm, op2)
#define ICV(crm, op2) SYSREG(0, 12, crm, op2)
#define ICH(crm, op2) SYSREG(4, 12, crm, op2)
enum { ICV_PMR = SYSREG(0, 4, 6, 0), ICV_IAR0 = ICV(8, 0), ICV_EOIR0 = ICV(8, 1), ICV_HPPIR0 = ICV(8, 2),
       ICV_BPR0 = ICV(8, 3), ICV_AP0R0 = ICV(8, 4), ICV_AP1R0 = ICV(9, 0), ICV_DIR = ICV(11, 1), ICV_RPR = ICV(11, 3),
       ICV_IAR1 = ICV(12, 0), ICV_EOIR1 = ICV(12, 1), ICV_HPPIR1 = ICV(12, 2), ICV_BPR1 = ICV(12, 3), ICV_CTLR = ICV(12, 4),
       ICV_IGRPEN0 = ICV(12, 6), ICV_IGRPEN1 = ICV(12, 7) };
enum { ICH_AP0R0 = ICH(8, 0), ICH_AP1R0 = ICH(9, 0), ICH_HCR = ICH(11, 0), ICH_VTR = ICH(11, 1), ICH_MISR = ICH(11, 2),
       ICH_EISR = ICH(11, 3), ICH_ELRSR = ICH(11, 5), ICH_VMCR = ICH(11, 7), ICH_LR0 = ICH(12, 0), ICH_LR8 = ICH(13, 0) };
enum { HCR_EN = 1, HCR_UIE = 2, HCR_LRENPIE = 4, HCR_NPIE = 8, HCR_GROUP_IE_SHIFT = 4 };
#define HCR_MASK 0xf8007dffull
#define HCR_EOI_ONE (1ull << 27)
#define HCR_EOI_COUNT (31ull << 27)
enum { VMCR_ENG0 = 1, VMCR_ENG1 = 2, VMCR_CBPR = 0x10, VMCR_EOIM = 0x200 };
#define VMCR_MASK 0xfffc021full
#define LR_PENDING (1ull << 62)
#define LR_ACTIVE (1ull << 63)
#define LR_STATE (LR_PENDING | LR_ACTIVE)
#define LR_HW (1ull << 61)
#define LR_GROUP (1ull << 60)
#define LR_EOI (1ull << 41)
#define LR_MASK 0xf0ff1fffffffffffull

static unsigned lr_priority(uint64_t lr)
{
    return lr >> 48 & 0xff;
}

static bool lr_group1(uint64_t lr)
{
    return lr & LR_GROUP;
}

/* ---- Priorities ---- */

static unsigned vmcr_bpr(const GICv3CPU *c, unsigned group)
{
    unsigned bpr0 = c->ich_vmcr >> 21 & 7, bpr1 = c->ich_vmcr >> 18 & 7;
    return group && !(c->ich_vmcr & VMCR_CBPR) ? bpr1 : bpr0;
}

static uint32_t preemption_mask(const GICv3CPU *c, unsigned group)
{
    unsigned bpr = vmcr_bpr(c, group);
    return ~0u << (group && !(c->ich_vmcr & VMCR_CBPR) ? bpr : bpr + 1);
}

static unsigned running_priority(const GICv3CPU *c)
{
    uint32_t active = c->ich_active[0] | c->ich_active[1];
    return active ? (unsigned)__builtin_ctz(active) << 3 : GICV3_IDLE;
}

/* The list register with the most urgent pending interrupt of an enabled group, or -1. */
static int best_lr(const GICv3CPU *c)
{
    int best = -1;
    for (int i = 0; i < LIST_REGISTERS; i++) {
        uint64_t lr = c->ich_lr[i];
        if ((lr & LR_STATE) != LR_PENDING || !(c->ich_vmcr & (lr_group1(lr) ? VMCR_ENG1 : VMCR_ENG0)))
            continue;
        if (best < 0 || lr_priority(lr) < lr_priority(c->ich_lr[best]))
            best = i;
    }
    return best;
}

static bool may_signal(const GICv3CPU *c, int i)
{
    if (i < 0 || !(c->ich_hcr & HCR_EN))
        return false;
    uint64_t lr = c->ich_lr[i];
    return lr_priority(lr) < (c->ich_vmcr >> 24 & 0xff) &&
           (lr_priority(lr) & preemption_mask(c, lr_group1(lr))) < running_priority(c);
}

/* ---- Status for the hypervisor ---- */

static uint64_t eoi_status(const GICv3CPU *c)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < LIST_REGISTERS; i++)
        if ((c->ich_lr[i] & (LR_STATE | LR_HW | LR_EOI)) == LR_EOI)
            v |= 1ull << i;
    return v;
}

static uint64_t empty_status(const GICv3CPU *c)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < LIST_REGISTERS; i++)
        if (!(c->ich_lr[i] & LR_STATE) && ((c->ich_lr[i] & LR_HW) || !(c->ich_lr[i] & LR_EOI)))
            v |= 1ull << i;
    return v;
}

static uint64_t maintenance_status(const GICv3CPU *c)
{
    unsigned valid = 0, pending = 0;
    uint64_t hcr = c->ich_hcr, v = 0;
    for (unsigned i = 0; i < LIST_REGISTERS; i++) {
        valid += (c->ich_lr[i] & LR_STATE) != 0;
        pending += (c->ich_lr[i] & LR_STATE) == LR_PENDING;
    }
    v |= eoi_status(c) != 0;
    v |= (uint64_t)((hcr & HCR_UIE) && valid < 2) << 1;
    v |= (uint64_t)((hcr & HCR_LRENPIE) && (hcr & HCR_EOI_COUNT)) << 2;
    v |= (uint64_t)((hcr & HCR_NPIE) && !pending) << 3;
    const bool groups[] = { c->ich_vmcr & VMCR_ENG0, !(c->ich_vmcr & VMCR_ENG0), c->ich_vmcr & VMCR_ENG1,
                            !(c->ich_vmcr & VMCR_ENG1) };
    for (unsigned i = 0; i < 4; i++)
        v |= (uint64_t)((hcr >> (HCR_GROUP_IE_SHIFT + i) & 1) && groups[i]) << (4 + i);
    return v;
}

void gicv3_virt_update(GICv3CPU *c)
{
    int i = best_lr(c);
    bool signal = may_signal(c, i), g1 = signal && lr_group1(c->ich_lr[i]);
    const struct { unsigned out; bool level; } lines[] = {
        { GIC_OUT_VIRQ, g1 }, { GIC_OUT_VFIQ, signal && !g1 },
        { GIC_OUT_MAINTENANCE, (c->ich_hcr & HCR_EN) && maintenance_status(c) },
    };
    for (unsigned n = 0; n < ARRAY_SIZE(lines); n++)
        if (c->shown[lines[n].out] != lines[n].level) {
            c->shown[lines[n].out] = lines[n].level;
            irq_set(&c->gic->dev.out[GIC_OUTS * c->index + lines[n].out], lines[n].level);
        }
}

void gicv3_virt_reset(GICv3CPU *c)
{
    c->ich_hcr = 0;
    c->ich_vmcr = 2ull << 21 | 3ull << 18;
    c->ich_active[0] = c->ich_active[1] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(c->ich_lr); i++)
        c->ich_lr[i] = 0;
    gicv3_virt_update(c);
}

/* ---- Acknowledge, end ---- */

static uint64_t acknowledge(GICv3CPU *c, unsigned group)
{
    int i = best_lr(c);
    if (!may_signal(c, i) || lr_group1(c->ich_lr[i]) != group)
        return GICV3_SPURIOUS;
    uint64_t *lr = &c->ich_lr[i];
    unsigned priority = lr_priority(*lr) & preemption_mask(c, group) & GICV3_PRIORITY_MASK;
    c->ich_active[group] |= 1u << (priority >> 3);
    *lr &= ~LR_PENDING;
    if ((*lr & 0xffffffff) < GICV3_LPI_FIRST)
        *lr |= LR_ACTIVE;
    return *lr & 0xffffff;
}

/* Ends an interrupt in its list register; one that belongs to a physical interrupt ends that too. */
static bool deactivate(GICv3CPU *c, unsigned irq)
{
    for (unsigned i = 0; i < LIST_REGISTERS; i++) {
        uint64_t *lr = &c->ich_lr[i];
        if (!(*lr & LR_ACTIVE) || (*lr & 0xffffffff) != irq)
            continue;
        *lr &= ~LR_ACTIVE;
        unsigned physical = *lr >> 32 & 0x1fff;
        if ((*lr & LR_HW) && physical >= 16 && physical < c->gic->nirq) {
            gicv3_word(c, physical)->active &= ~(1u << physical % 32);
            gicv3_update(c->gic);
        }
        return true;
    }
    return false;
}

static void end_of_interrupt(GICv3CPU *c, unsigned irq, unsigned group)
{
    if (irq >= GIC_SPECIAL_BASE && irq < GICV3_LPI_FIRST)
        return;
    bool was_active = c->ich_active[group];
    c->ich_active[group] &= c->ich_active[group] - 1;
    if (!(c->ich_vmcr & VMCR_EOIM) && !deactivate(c, irq) && was_active && irq < GICV3_LPI_FIRST)
        c->ich_hcr = (c->ich_hcr & ~HCR_EOI_COUNT) | ((c->ich_hcr + HCR_EOI_ONE) & HCR_EOI_COUNT);
}

static uint64_t pending_of_group(const GICv3CPU *c, unsigned group)
{
    int i = best_lr(c);
    return i >= 0 && lr_group1(c->ich_lr[i]) == group ? c->ich_lr[i] & 0xffffff : GICV3_SPURIOUS;
}

/* ---- ICV registers ---- */

bool gicv3_virt_read(GICv3CPU *c, uint32_t reg, uint64_t *value)
{
    switch (reg) {
    case ICV_PMR: *value = c->ich_vmcr >> 24 & 0xff; break;
    case ICV_IAR0: *value = acknowledge(c, 0); break;
    case ICV_IAR1: *value = acknowledge(c, 1); break;
    case ICV_HPPIR0: *value = pending_of_group(c, 0); break;
    case ICV_HPPIR1: *value = pending_of_group(c, 1); break;
    case ICV_BPR0: *value = c->ich_vmcr >> 21 & 7; break;
    case ICV_BPR1:
        *value = c->ich_vmcr & VMCR_CBPR ? MIN((c->ich_vmcr >> 21 & 7) + 1, 7) : c->ich_vmcr >> 18 & 7;
        break;
    case ICV_AP0R0: *value = c->ich_active[0]; break;
    case ICV_AP1R0: *value = c->ich_active[1]; break;
    case ICV_RPR: *value = running_priority(c) == GICV3_IDLE ? 0xff : running_priority(c); break;
    case ICV_CTLR:
        *value = (c->ich_vmcr & VMCR_CBPR ? 1 : 0) | (c->ich_vmcr & VMCR_EOIM ? 2 : 0) | (GICV3_PRIORITY_BITS - 1) << 8 |
                 1u << 15;
        break;
    case ICV_IGRPEN0: *value = c->ich_vmcr & VMCR_ENG0; break;
    case ICV_IGRPEN1: *value = (c->ich_vmcr & VMCR_ENG1) != 0; break;
    default: return false;
    }
    gicv3_virt_update(c);
    return true;
}

static void set_vmcr(GICv3CPU *c, unsigned shift, uint64_t mask, uint64_t value)
{
    c->ich_vmcr = (c->ich_vmcr & ~(mask << shift)) | (value & mask) << shift;
}

bool gicv3_virt_write(GICv3CPU *c, uint32_t reg, uint64_t value)
{
    switch (reg) {
    case ICV_PMR: set_vmcr(c, 24, 0xff, value & GICV3_PRIORITY_MASK); break;
    case ICV_EOIR0: end_of_interrupt(c, value & 0xffffff, 0); break;
    case ICV_EOIR1: end_of_interrupt(c, value & 0xffffff, 1); break;
    case ICV_DIR: deactivate(c, value & 0xffffff); break;
    case ICV_BPR0: set_vmcr(c, 21, 7, MAX(value & 7, 2)); break;
    case ICV_BPR1:
        if (!(c->ich_vmcr & VMCR_CBPR))
            set_vmcr(c, 18, 7, MAX(value & 7, 3));
        break;
    case ICV_AP0R0: c->ich_active[0] = (uint32_t)value; break;
    case ICV_AP1R0: c->ich_active[1] = (uint32_t)value; break;
    case ICV_CTLR:
        set_vmcr(c, 4, 1, value);
        set_vmcr(c, 9, 1, value >> 1);
        break;
    case ICV_IGRPEN0: set_vmcr(c, 0, 1, value); break;
    case ICV_IGRPEN1: set_vmcr(c, 1, 1, value); break;
    default: return false;
    }
    gicv3_virt_update(c);
    return true;
}

/* ---- ICH registers ---- */

/* Number of the list register, or -1. */
static int list_register(uint32_t reg)
{
    for (int i = 0; i < LIST_REGISTERS; i++)
        if (reg == (uint32_t)(i < 8 ? ICH(12, i) : ICH(13, i - 8)))
            return i;
    return -1;
}

ARMAccess gicv3_ich_read(GICv3CPU *c, uint32_t reg, uint64_t *value)
{
    int i = list_register(reg);
    if (i >= 0) {
        *value = c->ich_lr[i];
        return ACCESS_OK;
    }
    switch (reg) {
    case ICH_AP0R0: *value = c->ich_active[0]; break;
    case ICH_AP1R0: *value = c->ich_active[1]; break;
    case ICH_HCR: *value = c->ich_hcr; break;
    case ICH_VTR:
        *value = (GICV3_PRIORITY_BITS - 1) * (1ull << 29 | 1ull << 26) | 1u << 21 | 1u << 20 | 1u << 19 |
                 (LIST_REGISTERS - 1);
        break;
    case ICH_MISR: *value = maintenance_status(c); break;
    case ICH_EISR: *value = eoi_status(c); break;
    case ICH_ELRSR: *value = empty_status(c); break;
    case ICH_VMCR: *value = c->ich_vmcr; break;
    default: return ACCESS_UNDEF;
    }
    return ACCESS_OK;
}

ARMAccess gicv3_ich_write(GICv3CPU *c, uint32_t reg, uint64_t value)
{
    int i = list_register(reg);
    if (i >= 0) {
        c->ich_lr[i] = value & LR_MASK;
        gicv3_virt_update(c);
        return ACCESS_OK;
    }
    switch (reg) {
    case ICH_AP0R0: c->ich_active[0] = (uint32_t)value; break;
    case ICH_AP1R0: c->ich_active[1] = (uint32_t)value; break;
    case ICH_HCR: c->ich_hcr = value & HCR_MASK; break;
    case ICH_VMCR:
        c->ich_vmcr = value & VMCR_MASK;
        set_vmcr(c, 21, 7, MAX(value >> 21 & 7, 2));
        set_vmcr(c, 18, 7, MAX(value >> 18 & 7, 3));
        break;
    default: return ACCESS_UNDEF;
    }
    gicv3_virt_update(c);
    return ACCESS_OK;
}
