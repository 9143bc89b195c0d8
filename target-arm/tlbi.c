/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance and address translation instructions. Arm ARM DDI 0487 D8.14, C5.5, G5.10. Each drops only what it names, as far as the
 * banks allow: operations on EL2, EL3, VMIDs and stage 2 drop everything. The broadcast forms stop the other vCPUs for the moment of
 * the flush, so that DSB has nothing left to wait for.
 */
#include "mmu.h"
#include "sysreg.h"

typedef enum FlushKind { FLUSH_ALL, FLUSH_ASID, FLUSH_VA, FLUSH_VA_ALL_ASID, FLUSH_NONGLOBAL } FlushKind;
typedef struct Flush {
    FlushKind kind;
    TLBKey key;
    uint64_t va, pages, step; /* step: bytes */
} Flush;

static void flush_page(ARMCPU *env, const Flush *f, uint64_t va)
{
    if (f->kind == FLUSH_VA)
        tlb_flush_page(&env->parent, f->key, va, true);
    else
        tlb_flush_page_all(&env->parent, va);
}

/* The page under every tag that it was used with. */
static void flush_tagged(ARMCPU *env, const Flush *f, uint64_t va)
{
    flush_page(env, f, va);
    for (unsigned i = 0; i < 256; i++) {
        if (!env->va_tags[i / 64]) {
            i |= 63;
            continue;
        }
        if (env->va_tags[i / 64] >> (i % 64) & 1 && i != va >> 56)
            flush_page(env, f, (va & ~0ull >> 8) | (uint64_t)i << 56);
    }
}

static void apply(CPUState *cpu, void *opaque)
{
    const Flush *f = opaque;
    ARMCPU *env = arm_cpu(cpu);

    switch (f->kind) {
    case FLUSH_ALL:
        tlb_flush_mappings(cpu);
        for (unsigned i = 0; i < ARRAY_SIZE(env->va_tags); i++)
            env->va_tags[i] = 0;
        break;
    case FLUSH_ASID:
        tlb_flush_context(cpu, f->key);
        break;
    case FLUSH_NONGLOBAL:
        tlb_flush_nonglobal(cpu);
        break;
    default:
        if (f->pages > 512) {
            tlb_flush_mappings(cpu);
            break;
        }
        for (uint64_t i = 0; i < f->pages; i++)
            flush_tagged(env, f, f->va + i * f->step);
    }
}

static void apply_everywhere(CPUState *self, void *opaque)
{
    (void)self;
    CPU_FOREACH(cpu)
        apply(cpu, opaque);
}

static void flush(ARMCPU *env, Flush *f, bool broadcast)
{
    broadcast |= arm_current_el(env) == 1 && arm_hcr(env) & HCR_FB;
    if (broadcast && first_cpu && first_cpu->next)
        cpus_run_exclusive(&env->parent, apply_everywhere, f);
    else
        apply(&env->parent, f);
}

void arm_tlb_flush_local(ARMCPU *env)
{
    tlb_flush_mappings(&env->parent);
}

/* ---- AArch64: .value is kind | broadcast << 8 ---- */

#define BROADCAST 0x100

/* What EL1 operations mean: EL1&0, or EL2&0 for a host. */
static Regime named_regime(const ARMCPU *env)
{
    bool host = arm_current_el(env) == 2 && (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);

    return arm_regime(env, host ? 2 : 1);
}

static void write_flush_all(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    Flush f = { .kind = FLUSH_ALL };

    (void)value;
    flush(env, &f, r->value & BROADCAST);
}

static uint64_t named_va(uint64_t value)
{
    return (uint64_t)sextract64(value << 12, 0, 56);
}

static uint32_t named_asid(const ARMCPU *env, const Regime *g, uint64_t value)
{
    uint32_t asid = (uint32_t)(value >> 48);

    return env->tcr_el[g->el] >> 36 & 1 ? asid : asid & 0xff;
}

static void write_flush(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    Regime g = named_regime(env);
    Flush f = { .kind = r->value & 0xff, .va = named_va(value), .pages = 1, .step = PAGE_SIZE_ };

    f.key = arm_tlb_key(env, &g, named_asid(env, &g, value));
    flush(env, &f, r->value & BROADCAST);
}

static void write_flush_el(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    Flush f = { .kind = FLUSH_VA_ALL_ASID, .va = named_va(value), .pages = 1, .step = PAGE_SIZE_ };

    flush(env, &f, r->value & BROADCAST);
}

static void write_flush_range(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    static const uint8_t bits[4] = { 0, 12, 14, 16 };
    unsigned page_bits = bits[value >> 46 & 3], scale = value >> 44 & 3, num = value >> 39 & 31;
    Regime g = named_regime(env);
    Flush f = { .kind = r->value & 0xff };

    if (!page_bits)
        return;
    f.va = (uint64_t)sextract64(value, 0, 37) << page_bits;
    f.pages = (uint64_t)(num + 1) << (5 * scale + 1);
    f.step = 1ull << page_bits;
    f.key = arm_tlb_key(env, &g, named_asid(env, &g, value));
    flush(env, &f, r->value & BROADCAST);
}

/* ---- AArch32 ---- */

static void write_a32_all(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    write_flush_all(env, r, value);
}

static void write_a32_va(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    Flush f = { .kind = FLUSH_VA_ALL_ASID, .va = (uint32_t)value & ~0xfffu, .pages = 1, .step = PAGE_SIZE_ };

    flush(env, &f, r->value & BROADCAST);
}

static void write_a32_asid(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    Flush f = { .kind = FLUSH_NONGLOBAL };

    (void)value;
    flush(env, &f, r->value & BROADCAST);
}

/* ---- Address translation ---- */

static uint64_t par_of_walk(const ARMCPU *env, const Walk *w)
{
    (void)env;
    if (w->fault != FAULT_NONE) /* F, FST, PTW, S */
        return 1 | (uint64_t)arm_fault_status_long(w) << 1 | (uint64_t)w->s1ptw << 8 | (uint64_t)w->stage2 << 9 | 1u << 11;
    return (w->pa & 0xfffffffff000ull) | (uint64_t)w->sh << 7 | (uint64_t)w->ns << 9 | 1u << 11 | (uint64_t)w->attr << 56;
}

/* .value: EL | write << 4 | PAN << 5 | both stages << 6 | unprivileged << 7 */
static void translate(ARMCPU *env, unsigned what, uint64_t va, bool a32)
{
    Regime g = arm_regime(env, what & 15);
    WalkRequest q = { .va = va, .access = what & 0x10 ? ACCESS_WRITE : ACCESS_READ, .user = what & 0x80,
                      .pan = what & 0x20 && env->pstate & PSTATE_PAN };
    Walk w;

    if (!(what & 0x40))
        g.stage2 = false;
    arm_walk(env, &g, &q, &w);
    unsigned bank = a32 ? arm_s_index(env) : 1;
    bool long_par = !a32 || env->tcr_el[bank] >> 31 & 1;
    if (long_par) {
        env->par_el[bank] = par_of_walk(env, &w);
    } else if (w.fault != FAULT_NONE) {
        uint32_t s = arm_fault_status_short(&w) & 15;
        env->par_el[bank] = 1 | s << 1;
    } else {
        env->par_el[bank] = (w.pa & 0xfffff000) | (w.page_size == 1u << 24 ? 2 : 0) | (w.ns ? 1u << 9 : 0);
    }
}

static void write_at(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    translate(env, (unsigned)r->value, value, false);
}

static void write_at32(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    unsigned what = (unsigned)r->value;

    if ((what & 15) == 1 && arm_s_index(env) == 3)
        what += 2;
    translate(env, what, (uint32_t)value, true);
}

#define TLBI(name_, op1, crm, op2, perm_, write_, value_, ...)                                                                  \
    { .name = "TLBI " name_, .key = A64_SYSREG(1, op1, 8, crm, op2), .perm = perm_, .flags = SR_CONTINUE, .write = write_, \
      .value = value_, __VA_ARGS__ }
/* Local, inner and outer shareable forms; EL1 ones trap under HCR_EL2.TTLB. */
#define TLBI_EL1(name_, op2, write_, kind)                                                                                     \
    TLBI(name_, 0, 7, op2, P1_W, write_, kind, .trap_w = HCR_TTLB),                                                            \
    TLBI(name_ "IS", 0, 3, op2, P1_W, write_, (kind) | BROADCAST, .trap_w = HCR_TTLB),                                          \
    TLBI(name_ "OS", 0, 1, op2, P1_W, write_, (kind) | BROADCAST, .trap_w = HCR_TTLB, NEED(TLBIOS))
#define TLBI_HIGH(name_, op1, op2, perm_, need, write_, kind)                                                                  \
    TLBI(name_, op1, 7, op2, perm_, write_, kind, NEED(need)), TLBI(name_ "IS", op1, 3, op2, perm_, write_, (kind) | BROADCAST, NEED(need)), \
    TLBI(name_ "OS", op1, 1, op2, perm_, write_, (kind) | BROADCAST, NEED(TLBIOS))
#define TLBI_RANGE(name_, op2, kind)                                                                                           \
    TLBI(name_, 0, 6, op2, P1_W, write_flush_range, kind, .trap_w = HCR_TTLB, NEED(TLBIRANGE)),                                 \
    TLBI(name_ "IS", 0, 2, op2, P1_W, write_flush_range, (kind) | BROADCAST, .trap_w = HCR_TTLB, NEED(TLBIRANGE)),              \
    TLBI(name_ "OS", 0, 5, op2, P1_W, write_flush_range, (kind) | BROADCAST, .trap_w = HCR_TTLB, NEED(TLBIRANGE))
#define AT(name_, op1, crm, op2, perm_, value_, ...)                                                                           \
    { .name = "AT " name_, .key = A64_SYSREG(1, op1, 7, crm, op2), .perm = perm_, .flags = SR_CONTINUE, .write = write_at,  \
      .value = value_, __VA_ARGS__ }
#define A32_TLBI(name_, opc1, crm, opc2, perm_, write_, value_, ...)                                                           \
    { .name = name_, .key = A32_CP(15, opc1, 8, crm, opc2), .perm = perm_, .flags = SR_CONTINUE, .write = write_,             \
      .value = value_, __VA_ARGS__ }
#define A32_AT(name_, opc1, crm, opc2, perm_, value_, ...)                                                                     \
    { .name = name_, .key = A32_CP(15, opc1, 7, crm, opc2), .perm = perm_, .flags = SR_CONTINUE, .write = write_at32,         \
      .value = value_, __VA_ARGS__ }

const ARMSysReg arm_sysregs_tlb[] = {
    TLBI_EL1("VMALLE1", 0, write_flush_all, FLUSH_ALL),
    TLBI_EL1("VAE1", 1, write_flush, FLUSH_VA),
    TLBI_EL1("ASIDE1", 2, write_flush, FLUSH_ASID),
    TLBI_EL1("VAAE1", 3, write_flush, FLUSH_VA_ALL_ASID),
    TLBI_EL1("VALE1", 5, write_flush, FLUSH_VA),
    TLBI_EL1("VAALE1", 7, write_flush, FLUSH_VA_ALL_ASID),
    TLBI_RANGE("RVAE1", 1, FLUSH_VA),
    TLBI_RANGE("RVAAE1", 3, FLUSH_VA_ALL_ASID),
    TLBI_RANGE("RVALE1", 5, FLUSH_VA),
    TLBI_RANGE("RVAALE1", 7, FLUSH_VA_ALL_ASID),
    TLBI_HIGH("ALLE2", 4, 0, P2_W, EL2, write_flush_all, FLUSH_ALL),
    TLBI_HIGH("VAE2", 4, 1, P2_W, EL2, write_flush_el, 0),
    TLBI_HIGH("ALLE1", 4, 4, P2_W, EL2, write_flush_all, FLUSH_ALL),
    TLBI_HIGH("VALE2", 4, 5, P2_W, EL2, write_flush_el, 0),
    TLBI_HIGH("VMALLS12E1", 4, 6, P2_W, EL2, write_flush_all, FLUSH_ALL),
    TLBI("IPAS2E1", 4, 4, 1, P2_W, write_flush_all, FLUSH_ALL, NEED(EL2)),
    TLBI("IPAS2LE1", 4, 4, 5, P2_W, write_flush_all, FLUSH_ALL, NEED(EL2)),
    TLBI("IPAS2E1IS", 4, 0, 1, P2_W, write_flush_all, FLUSH_ALL | BROADCAST, NEED(EL2)),
    TLBI("IPAS2LE1IS", 4, 0, 5, P2_W, write_flush_all, FLUSH_ALL | BROADCAST, NEED(EL2)),
    TLBI_HIGH("ALLE3", 6, 0, P3_W, EL3, write_flush_all, FLUSH_ALL),
    TLBI_HIGH("VAE3", 6, 1, P3_W, EL3, write_flush_el, 0),
    TLBI_HIGH("VALE3", 6, 5, P3_W, EL3, write_flush_el, 0),

    AT("S1E1R", 0, 8, 0, P1_W, 1), AT("S1E1W", 0, 8, 1, P1_W, 0x11),
    AT("S1E0R", 0, 8, 2, P1_W, 0x81), AT("S1E0W", 0, 8, 3, P1_W, 0x91),
    AT("S1E1RP", 0, 9, 0, P1_W, 0x21, NEED(PAN2)), AT("S1E1WP", 0, 9, 1, P1_W, 0x31, NEED(PAN2)),
    AT("S1E2R", 4, 8, 0, P2_W, 2, NEED(EL2)), AT("S1E2W", 4, 8, 1, P2_W, 0x12, NEED(EL2)),
    AT("S12E1R", 4, 8, 4, P2_W, 0x41, NEED(EL2)), AT("S12E1W", 4, 8, 5, P2_W, 0x51, NEED(EL2)),
    AT("S12E0R", 4, 8, 6, P2_W, 0xc1, NEED(EL2)), AT("S12E0W", 4, 8, 7, P2_W, 0xd1, NEED(EL2)),
    AT("S1E3R", 6, 8, 0, P3_W, 3, NEED(EL3)), AT("S1E3W", 6, 8, 1, P3_W, 0x13, NEED(EL3)),

    A32_TLBI("ITLBIALL", 0, 5, 0, P1_W, write_a32_all, FLUSH_ALL), A32_TLBI("ITLBIMVA", 0, 5, 1, P1_W, write_a32_va, 0),
    A32_TLBI("ITLBIASID", 0, 5, 2, P1_W, write_a32_asid, 0), A32_TLBI("DTLBIALL", 0, 6, 0, P1_W, write_a32_all, FLUSH_ALL),
    A32_TLBI("DTLBIMVA", 0, 6, 1, P1_W, write_a32_va, 0), A32_TLBI("DTLBIASID", 0, 6, 2, P1_W, write_a32_asid, 0),
    A32_TLBI("TLBIALL", 0, 7, 0, P1_W, write_a32_all, FLUSH_ALL), A32_TLBI("TLBIMVA", 0, 7, 1, P1_W, write_a32_va, 0),
    A32_TLBI("TLBIASID", 0, 7, 2, P1_W, write_a32_asid, 0), A32_TLBI("TLBIMVAA", 0, 7, 3, P1_W, write_a32_va, 0),
    A32_TLBI("TLBIMVAL", 0, 7, 5, P1_W, write_a32_va, 0, NEED(V8)), A32_TLBI("TLBIMVAAL", 0, 7, 7, P1_W, write_a32_va, 0, NEED(V8)),
    A32_TLBI("TLBIALLIS", 0, 3, 0, P1_W, write_a32_all, FLUSH_ALL | BROADCAST, NEED(V7)),
    A32_TLBI("TLBIMVAIS", 0, 3, 1, P1_W, write_a32_va, BROADCAST, NEED(V7)),
    A32_TLBI("TLBIASIDIS", 0, 3, 2, P1_W, write_a32_asid, BROADCAST, NEED(V7)),
    A32_TLBI("TLBIMVAAIS", 0, 3, 3, P1_W, write_a32_va, BROADCAST, NEED(V7)),
    A32_TLBI("TLBIMVALIS", 0, 3, 5, P1_W, write_a32_va, BROADCAST, NEED(V8)),
    A32_TLBI("TLBIMVAALIS", 0, 3, 7, P1_W, write_a32_va, BROADCAST, NEED(V8)),
    A32_TLBI("TLBIALLH", 4, 7, 0, P2_W, write_a32_all, FLUSH_ALL, NEED(EL2)), A32_TLBI("TLBIMVAH", 4, 7, 1, P2_W, write_a32_va, 0, NEED(EL2)),
    A32_TLBI("TLBIALLNSNH", 4, 7, 4, P2_W, write_a32_all, FLUSH_ALL, NEED(EL2)),
    A32_TLBI("TLBIALLHIS", 4, 3, 0, P2_W, write_a32_all, FLUSH_ALL | BROADCAST, NEED(EL2)),
    A32_TLBI("TLBIMVAHIS", 4, 3, 1, P2_W, write_a32_va, BROADCAST, NEED(EL2)),
    A32_TLBI("TLBIALLNSNHIS", 4, 3, 4, P2_W, write_a32_all, FLUSH_ALL | BROADCAST, NEED(EL2)),

    A32_AT("ATS1CPR", 0, 8, 0, P1_W, 1, NEED(V6K)), A32_AT("ATS1CPW", 0, 8, 1, P1_W, 0x11, NEED(V6K)),
    A32_AT("ATS1CUR", 0, 8, 2, P1_W, 0x81, NEED(V6K)), A32_AT("ATS1CUW", 0, 8, 3, P1_W, 0x91, NEED(V6K)),
    A32_AT("ATS12NSOPR", 0, 8, 4, P1_W, 0x41, NEED(V6K)), A32_AT("ATS12NSOPW", 0, 8, 5, P1_W, 0x51, NEED(V6K)),
    A32_AT("ATS12NSOUR", 0, 8, 6, P1_W, 0xc1, NEED(V6K)), A32_AT("ATS12NSOUW", 0, 8, 7, P1_W, 0xd1, NEED(V6K)),
    A32_AT("ATS1HR", 4, 8, 0, P2_W, 2, NEED(EL2)), A32_AT("ATS1HW", 4, 8, 1, P2_W, 0x12, NEED(EL2)),
    { .name = NULL },
};
