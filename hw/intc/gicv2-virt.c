/* SPDX-License-Identifier: MIT */
/* GICv2 virtualization extensions (ARM IHI 0048B ch. 5): four list registers, 32 priority levels. See gicv2-virt.h. */
#include "hw/intc/gicv2-virt.h"
#include "util/log.h"

#include <string.h>

enum { CTLR_GROUP0 = 1, CTLR_GROUP1 = 2, CTLR_ACKCTL = 4, CTLR_FIQEN = 8, CTLR_CBPR = 0x10, CTLR_EOIMODE = 0x200, CTLR_MASK = 0x21f };
enum { HCR_EN = 1, HCR_UIE = 2, HCR_LRENPIE = 4, HCR_NPIE = 8, HCR_GRP0E = 0x10, HCR_GRP0D = 0x20, HCR_GRP1E = 0x40, HCR_GRP1D = 0x80 };
#define HCR_COUNT_SHIFT 27
#define HCR_MASK (0xffu | 31u << HCR_COUNT_SHIFT)
enum { MISR_EOI = 1 };
#define LR_HW (1u << 31)
#define LR_GROUP1 (1u << 30)
#define LR_ACTIVE (1u << 29)
#define LR_PENDING (1u << 28)
#define LR_STATE (LR_ACTIVE | LR_PENDING)
#define LR_EOI (1u << 19)   /* without LR_HW: the end of this interrupt is an event */
enum { VTR_VALUE = (int)(4u << 29 | 4u << 26 | (GICV2_LIST_REGISTERS - 1)), SPURIOUS = 1023, SPURIOUS_OTHER_GROUP = 1022, IDLE = 0x100 };

static unsigned id_of(uint32_t lr) { return lr & 0x3ff; }
static unsigned physical_of(uint32_t lr) { return lr >> 10 & 0x3ff; }
static unsigned priority_of(uint32_t lr) { return lr >> 20 & 0xf8; }

/* What an acknowledge of it returns. */
static uint32_t acknowledged(uint32_t lr)
{
    return id_of(lr) | (lr & LR_HW ? 0 : (lr >> 10 & 7) << 10);
}

/* ---- Which interrupt ---- */

static unsigned running(const GICv2Virt *v)
{
    return v->apr ? (unsigned)__builtin_ctz(v->apr) << 3 : IDLE;
}

/* Bits of the priority that count for preemption. */
static uint32_t preemption(const GICv2Virt *v, bool group1)
{
    unsigned point = group1 && !(v->ctlr & CTLR_CBPR) ? v->abpr - 1u : v->bpr;
    return ~0u << (point + 1) & 0xff;
}

/* The list register with the most urgent pending interrupt of an enabled group; -1: none. */
static int best(const GICv2Virt *v)
{
    int found = -1;

    for (int i = 0; i < GICV2_LIST_REGISTERS; i++) {
        uint32_t lr = v->lr[i];
        if ((lr & LR_STATE) == LR_PENDING && v->ctlr & (lr & LR_GROUP1 ? CTLR_GROUP1 : CTLR_GROUP0) &&
            (found < 0 || priority_of(lr) < priority_of(v->lr[found])))
            found = i;
    }
    return found;
}

static bool may_signal(const GICv2Virt *v, int n)
{
    if (n < 0 || !(v->hcr & HCR_EN))
        return false;
    unsigned priority = priority_of(v->lr[n]);
    return priority < v->pmr && (priority & preemption(v, v->lr[n] & LR_GROUP1)) < running(v);
}

/* ---- Maintenance ---- */

static uint32_t ended(const GICv2Virt *v)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < GICV2_LIST_REGISTERS; i++)
        bits |= (uint32_t)((v->lr[i] & (LR_STATE | LR_HW | LR_EOI)) == LR_EOI) << i;
    return bits;
}

static uint32_t empty(const GICv2Virt *v)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < GICV2_LIST_REGISTERS; i++)
        bits |= (uint32_t)(!(v->lr[i] & LR_STATE) && (v->lr[i] & LR_HW || !(v->lr[i] & LR_EOI))) << i;
    return bits;
}

/* The conditions' bits are those of their enables in HCR. */
static uint32_t misr(const GICv2Virt *v)
{
    unsigned valid = 0, pending = 0;
    uint32_t now = 0;

    for (unsigned i = 0; i < GICV2_LIST_REGISTERS; i++) {
        valid += (v->lr[i] & LR_STATE) != 0;
        pending += (v->lr[i] & LR_STATE) == LR_PENDING;
    }
    now |= valid <= 1 ? HCR_UIE : 0;
    now |= v->hcr >> HCR_COUNT_SHIFT ? HCR_LRENPIE : 0;
    now |= pending ? 0 : HCR_NPIE;
    now |= v->ctlr & CTLR_GROUP0 ? HCR_GRP0E : HCR_GRP0D;
    now |= v->ctlr & CTLR_GROUP1 ? HCR_GRP1E : HCR_GRP1D;
    return (now & v->hcr) | (ended(v) ? MISR_EOI : 0);
}

GICv2VirtLevels gicv2_virt_levels(const GICv2Virt *v)
{
    int n = best(v);
    bool any = may_signal(v, n), fiq = any && v->ctlr & CTLR_FIQEN && !(v->lr[n] & LR_GROUP1);
    return (GICv2VirtLevels){ .virq = any && !fiq, .vfiq = fiq, .maintenance = v->hcr & HCR_EN && misr(v) };
}

/* ---- GICH ---- */

enum { H_HCR = 0x000, H_VTR = 0x004, H_VMCR = 0x008, H_MISR = 0x010, H_EISR0 = 0x020, H_EISR1 = 0x024, H_ELRSR0 = 0x030, H_ELRSR1 = 0x034,
       H_APR = 0x0f0, H_LR = 0x100 };
enum { VMCR_ABP_SHIFT = 18, VMCR_BP_SHIFT = 21, VMCR_PMR_SHIFT = 24 };

static void set_points(GICv2Virt *v, unsigned bpr, unsigned abpr)
{
    v->bpr = bpr < 2 ? 2 : (uint8_t)bpr; /* the least with 32 levels */
    v->abpr = abpr < 3 ? 3 : (uint8_t)abpr;
}

uint32_t gicv2_hyp_read(GICv2Virt *v, unsigned offset)
{
    if (offset >= H_LR && offset < H_LR + 4 * GICV2_LIST_REGISTERS)
        return v->lr[(offset - H_LR) / 4];
    switch (offset) {
    case H_HCR: return v->hcr;
    case H_VTR: return (uint32_t)VTR_VALUE;
    case H_VMCR:
        return v->ctlr | (uint32_t)v->abpr << VMCR_ABP_SHIFT | (uint32_t)v->bpr << VMCR_BP_SHIFT | (uint32_t)v->pmr << VMCR_PMR_SHIFT;
    case H_MISR: return v->hcr & HCR_EN ? misr(v) : 0;
    case H_EISR0: return ended(v);
    case H_ELRSR0: return empty(v);
    case H_EISR1: case H_ELRSR1: return 0;
    case H_APR: return v->apr;
    default:
        guest_error("arm_gic: read of unknown hypervisor register 0x%x\n", offset);
        return 0;
    }
}

void gicv2_hyp_write(GICv2Virt *v, unsigned offset, uint32_t value)
{
    if (offset >= H_LR && offset < H_LR + 4 * GICV2_LIST_REGISTERS) {
        v->lr[(offset - H_LR) / 4] = value;
        return;
    }
    switch (offset) {
    case H_HCR: v->hcr = value & HCR_MASK; break;
    case H_VMCR:
        v->ctlr = value & CTLR_MASK;
        v->pmr = value >> VMCR_PMR_SHIFT & 0xf8;
        set_points(v, value >> VMCR_BP_SHIFT & 7, value >> VMCR_ABP_SHIFT & 7);
        break;
    case H_APR: v->apr = value; break;
    default: guest_error("arm_gic: write of unknown hypervisor register 0x%x\n", offset);
    }
}

/* ---- GICV ---- */

enum { V_CTLR = 0x00, V_PMR = 0x04, V_BPR = 0x08, V_IAR = 0x0c, V_EOIR = 0x10, V_RPR = 0x14, V_HPPIR = 0x18, V_ABPR = 0x1c, V_AIAR = 0x20,
       V_AEOIR = 0x24, V_AHPPIR = 0x28, V_APR = 0xd0, V_IIDR = 0xfc, V_DIR = 0x1000 };

/* What the best interrupt n is for a register of group 0 or, as its alias, of group 1. */
static unsigned visible(const GICv2Virt *v, int n, bool alias)
{
    if (n < 0)
        return SPURIOUS;
    bool group1 = v->lr[n] & LR_GROUP1;
    if (alias)
        return group1 ? id_of(v->lr[n]) : SPURIOUS;
    return group1 && !(v->ctlr & CTLR_ACKCTL) ? SPURIOUS_OTHER_GROUP : id_of(v->lr[n]);
}

static uint32_t acknowledge(GICv2Virt *v, bool alias)
{
    int n = best(v);

    if (!may_signal(v, n))
        return SPURIOUS;
    unsigned seen = visible(v, n, alias);
    if (seen >= SPURIOUS_OTHER_GROUP)
        return seen;
    v->apr |= 1u << (priority_of(v->lr[n]) & preemption(v, v->lr[n] & LR_GROUP1)) / 8;
    v->lr[n] = (v->lr[n] & ~LR_STATE) | LR_ACTIVE;
    return acknowledged(v->lr[n]);
}

/* Ends the activity of an interrupt; one that no list register holds is counted for the hypervisor. */
static int deactivate(GICv2Virt *v, uint32_t id)
{
    for (unsigned i = 0; i < GICV2_LIST_REGISTERS; i++) {
        if (!(v->lr[i] & LR_ACTIVE) || acknowledged(v->lr[i]) != (id & 0x1fff))
            continue;
        v->lr[i] &= ~LR_ACTIVE;
        return v->lr[i] & LR_HW ? (int)physical_of(v->lr[i]) : -1;
    }
    if (v->hcr >> HCR_COUNT_SHIFT < 31)
        v->hcr += 1u << HCR_COUNT_SHIFT;
    return -1;
}

static int end_of_interrupt(GICv2Virt *v, uint32_t id)
{
    if ((id & 0x3ff) >= SPURIOUS_OTHER_GROUP || !v->apr)
        return -1;
    v->apr &= v->apr - 1;
    return v->ctlr & CTLR_EOIMODE ? -1 : deactivate(v, id);
}

uint32_t gicv2_vcpu_read(GICv2Virt *v, unsigned offset)
{
    int n = best(v);

    switch (offset) {
    case V_CTLR: return v->ctlr;
    case V_PMR: return v->pmr;
    case V_BPR: return v->bpr;
    case V_IAR: return acknowledge(v, false);
    case V_RPR: return running(v) == IDLE ? 0xff : running(v);
    case V_HPPIR: case V_AHPPIR: {
        unsigned seen = visible(v, n, offset == V_AHPPIR);
        return seen >= SPURIOUS_OTHER_GROUP ? seen : acknowledged(v->lr[n]);
    }
    case V_ABPR: return v->abpr;
    case V_AIAR: return acknowledge(v, true);
    case V_APR: return v->apr;
    case V_IIDR: return 0x0202143b;
    default:
        guest_error("arm_gic: read of unknown virtual CPU interface register 0x%x\n", offset);
        return 0;
    }
}

int gicv2_vcpu_write(GICv2Virt *v, unsigned offset, uint32_t value)
{
    switch (offset) {
    case V_CTLR: v->ctlr = value & CTLR_MASK; return -1;
    case V_PMR: v->pmr = value & 0xf8; return -1;
    case V_BPR: set_points(v, value & 7, v->abpr); return -1;
    case V_ABPR: set_points(v, v->bpr, value & 7); return -1;
    case V_APR: v->apr = value; return -1;
    case V_EOIR: case V_AEOIR: return end_of_interrupt(v, value);
    case V_DIR: return v->ctlr & CTLR_EOIMODE ? deactivate(v, value) : -1;
    default:
        guest_error("arm_gic: write of unknown virtual CPU interface register 0x%x\n", offset);
        return -1;
    }
}

/* ---- Reset and saved state ---- */

void gicv2_virt_reset(GICv2Virt *v)
{
    *v = (GICv2Virt){ .bpr = 2, .abpr = 3, .virq = v->virq, .vfiq = v->vfiq, .maintenance = v->maintenance };
}

void gicv2_virt_post_load(GICv2Virt *v)
{
    v->hcr &= HCR_MASK;
    v->ctlr &= CTLR_MASK;
    set_points(v, v->bpr & 7, v->abpr & 7);
    v->virq = v->vfiq = v->maintenance = 2; /* neither level: shows all again */
}

const SavedField gicv2_virt_saved[] = {
    SAVED_INT(GICv2Virt, hcr), SAVED_INT(GICv2Virt, apr), SAVED_ARRAY(GICv2Virt, lr), SAVED_INT(GICv2Virt, ctlr),
    SAVED_INT(GICv2Virt, pmr), SAVED_INT(GICv2Virt, bpr), SAVED_INT(GICv2Virt, abpr), SAVED_END(),
};
