/* SPDX-License-Identifier: MIT */
/*
 * The system control space of M-profile cores as a table: NVIC, SysTick, system control block, MPU, SAU, debug and FP registers (Armv7-M
 * ARM DDI 0403 B3; Armv8-M ARM DDI 0553 D1), seen from Secure and Non-secure state and, for Secure software, through the Non-secure
 * alias; and what software asks of the rest of the private peripheral bus (DWT cycle counter, ITM). Registers of features that
 * the model lacks read as zero and ignore writes. Accesses narrower than a word only where the manual has them.
 */
#include "hw/intc/armv7m-nvic.h"

#include "target-arm/models.h"
#include "util/log.h"

#include <string.h>

typedef struct ScsRow ScsRow;
struct ScsRow {
    const char *name;
    uint16_t offset, count; /* words; index counts them */
    uint16_t feature;       /* ARM_FEATURE_* + 1 that the model must have; 0: none */
    uint16_t flags;
    uint32_t field, banks;  /* in ARMCPU: uint32_t [count], and from the Non-secure to the Secure copy (0: not banked) */
    uint32_t write;         /* writable bits of field */
    uint32_t (*on_read)(NVIC *s, const ScsRow *r, unsigned index, bool secure);
    /* lanes: mask of the bytes written */
    void (*on_write)(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes);
};
enum { SCS_BYTES = 1 /* narrow accesses */, SCS_SECURE = 2 /* Secure only */, SCS_STATE = 4 /* writing changes what code does */,
       SCS_MPU = 8 /* writing changes permissions */, SCS_USER = 16 };

static uint32_t *field(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return (uint32_t *)((char *)s->cpu + r->field + (secure ? r->banks : 0)) + index;
}

/* ---- Interrupts ---- */

enum { SET_PENDING, SET_ENABLED, SET_ACTIVE, SET_TARGET };

static uint32_t *set_of(NVIC *s, unsigned which)
{
    switch (which) {
    case SET_PENDING: return s->pending;
    case SET_ENABLED: return s->enabled;
    case SET_ACTIVE: return s->active;
    default: return s->ns_target;
    }
}

/* The interrupt exists and this Security state may see it. */
static bool visible(const NVIC *s, unsigned id, bool secure)
{
    return id < M_EXCP_EXTERNAL + s->num_irq && (secure || !nvic_id_secure(s, id));
}

static uint32_t read_bits(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 32; i++) {
        unsigned id = M_EXCP_EXTERNAL + 32 * index + i;
        if (visible(s, id, secure) && nvic_bit(set_of(s, r->write), id))
            v |= 1u << i;
    }
    return v;
}

static void change_bits(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, bool on)
{
    for (; value; value &= value - 1) {
        unsigned id = M_EXCP_EXTERNAL + 32 * index + (unsigned)__builtin_ctz(value);
        if (!visible(s, id, secure))
            continue;
        if (r->write == SET_PENDING)
            nvic_set_pending(s, id, on);
        else
            nvic_put(set_of(s, r->write), id, on);
    }
    nvic_update(&s->dev);
}

static void set_bits(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    change_bits(s, r, index, secure, value, true);
}

static void clear_bits(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    change_bits(s, r, index, secure, value, false);
}

static void write_targets(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    change_bits(s, r, index, secure, value, true);
    change_bits(s, r, index, secure, ~value, false);
}

static uint32_t read_priorities(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned id = M_EXCP_EXTERNAL + 4 * index + i;
        if (visible(s, id, secure))
            v |= (uint32_t)s->prio[id] << 8 * i;
    }
    return v;
}

static void write_priorities(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned id = M_EXCP_EXTERNAL + 4 * index + i;
        if (lanes >> 8 * i & 0xff && visible(s, id, secure))
            s->prio[id] = (uint8_t)(value >> 8 * i) & nvic_priority_mask(s);
    }
    nvic_update(&s->dev);
}

static uint32_t read_ictr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return (s->num_irq + 31) / 32 - 1;
}

static void write_stir(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    unsigned id = M_EXCP_EXTERNAL + (value & 0x1ff);
    if (visible(s, id, secure))
        nvic_set_pending(s, id, true);
}

/* ---- SysTick ---- */

static SysTick *systick_of(NVIC *s, bool secure)
{
    return &s->systick[secure && m_security(s->cpu)];
}

static uint32_t read_systick(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return systick_read(systick_of(s, secure), index);
}

static void write_systick(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    systick_write(systick_of(s, secure), index, value);
}

/* ---- System control block ---- */

enum { ICSR_RETTOBASE = 1 << 11, ICSR_ISRPENDING = 1 << 22, ICSR_PENDSTCLR = 1 << 25, ICSR_PENDSTSET = 1 << 26,
       ICSR_PENDSVCLR = 1 << 27, ICSR_PENDSVSET = 1 << 28, ICSR_NMICLR = 1 << 30 };
#define ICSR_NMISET (1u << 31)

static bool may_touch_nmi(const NVIC *s, bool secure)
{
    return secure || !m_security(s->cpu) || s->cpu->v7m.aircr & AIRCR_BFHFNMINS;
}

static uint32_t read_icsr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    uint32_t v = s->cpu->v7m.exception & 0x1ff;

    if (s->next >= 0)
        v |= (uint32_t)(s->next & 0x1ff) << 12;
    if (nvic_active_count(&s->dev) <= 1)
        v |= ICSR_RETTOBASE;
    for (unsigned w = 0; w < NVIC_SECURE_IDS / 32; w++) {
        if (s->pending[w] & (w ? ~0u : ~0xffffu))
            v |= ICSR_ISRPENDING;
    }
    if (nvic_bit(s->pending, nvic_id(s, M_EXCP_PENDSV, secure)))
        v |= ICSR_PENDSVSET;
    if (nvic_bit(s->pending, nvic_id(s, M_EXCP_SYSTICK, secure)))
        v |= ICSR_PENDSTSET;
    if (may_touch_nmi(s, secure) && nvic_bit(s->pending, M_EXCP_NMI))
        v |= ICSR_NMISET;
    return v;
}

static void write_icsr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    if (may_touch_nmi(s, secure)) {
        if (value & ICSR_NMISET)
            nvic_set_pending(s, M_EXCP_NMI, true);
        else if (value & ICSR_NMICLR && arm_feature(s->cpu, ARM_FEATURE_M_V8))
            nvic_set_pending(s, M_EXCP_NMI, false);
    }
    if (value & (ICSR_PENDSVSET | ICSR_PENDSVCLR))
        nvic_set_pending(s, nvic_id(s, M_EXCP_PENDSV, secure), value & ICSR_PENDSVSET);
    if (value & (ICSR_PENDSTSET | ICSR_PENDSTCLR))
        nvic_set_pending(s, nvic_id(s, M_EXCP_SYSTICK, secure), value & ICSR_PENDSTSET);
}

static uint32_t read_aircr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    const struct ARMv7M *m = &s->cpu->v7m;
    uint32_t v = 0xfa050000 | m->prigroup[secure] << 8;

    if (secure)
        v |= m->aircr;
    else if (m_security(s->cpu))
        v |= m->aircr & AIRCR_BFHFNMINS;
    return v;
}

static void write_aircr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    struct ARMv7M *m = &s->cpu->v7m;
    enum { SYSRESETREQ = 4 };

    if (value >> 16 != 0x05fa)
        return;
    if (value & SYSRESETREQ && (secure || !(m->aircr & AIRCR_SYSRESETREQS)))
        irq_pulse(&s->dev.out[0]);
    if (arm_feature(s->cpu, ARM_FEATURE_M_MAIN))
        m->prigroup[secure] = value >> 8 & 7;
    if (secure)
        m->aircr = value & (AIRCR_SYSRESETREQS | AIRCR_BFHFNMINS | AIRCR_PRIS);
    nvic_update(&s->dev);
}

/* BFHFNMIGN, STKALIGN … of the state that asks; bits that the version fixes. */
static void write_ccr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    uint32_t mask = CCR_NONBASETHRDENA | CCR_USERSETMPEND | CCR_UNALIGN_TRP | CCR_DIV_0_TRP | CCR_BFHFNMIGN | CCR_STKALIGN,
             fixed = 0, *ccr = &s->cpu->v7m.ccr[secure];

    if (!arm_feature(s->cpu, ARM_FEATURE_M_MAIN))
        return;
    if (arm_feature(s->cpu, ARM_FEATURE_M_V8)) {
        mask = (mask & ~(uint32_t)(CCR_NONBASETHRDENA | CCR_STKALIGN)) | CCR_STKOFHFNMIGN;
        fixed = CCR_NONBASETHRDENA | CCR_STKALIGN;
    }
    *ccr = (value & mask) | fixed;
}

static const uint8_t shpr_first[] = { 4, 8, 12 };

static bool has_priority(const NVIC *s, unsigned exc, bool secure)
{
    if (exc == M_EXCP_SVC || exc == M_EXCP_PENDSV || exc == M_EXCP_SYSTICK)
        return true;
    if (!arm_feature(s->cpu, ARM_FEATURE_M_MAIN))
        return false;
    switch (exc) {
    case M_EXCP_MEM: case M_EXCP_USAGE:
        return true;
    case M_EXCP_BUS:
        return may_touch_nmi(s, secure);
    case M_EXCP_SECURE:
        return secure;
    case M_EXCP_DEBUG:
        return secure || !m_security(s->cpu) || !(s->cpu->v7m.demcr & DEMCR_SDME);
    }
    return false;
}

static uint32_t read_shpr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned exc = shpr_first[index] + i;
        if (has_priority(s, exc, secure))
            v |= (uint32_t)s->prio[nvic_id(s, exc, secure)] << 8 * i;
    }
    return v;
}

static void write_shpr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned exc = shpr_first[index] + i;
        if (lanes >> 8 * i & 0xff && has_priority(s, exc, secure))
            s->prio[nvic_id(s, exc, secure)] = (uint8_t)(value >> 8 * i) & nvic_priority_mask(s);
    }
    nvic_update(&s->dev);
}

/* SHCSR: a bit per exception and set. */
static const struct { uint8_t bit, exc, set; bool v8, secure_only; } shcsr[] = {
    { 0, M_EXCP_MEM, SET_ACTIVE, false, false }, { 1, M_EXCP_BUS, SET_ACTIVE, false, false },
    { 2, M_EXCP_HARD, SET_ACTIVE, true, false }, { 3, M_EXCP_USAGE, SET_ACTIVE, false, false },
    { 4, M_EXCP_SECURE, SET_ACTIVE, true, true }, { 5, M_EXCP_NMI, SET_ACTIVE, true, true },
    { 7, M_EXCP_SVC, SET_ACTIVE, false, false }, { 8, M_EXCP_DEBUG, SET_ACTIVE, false, false },
    { 10, M_EXCP_PENDSV, SET_ACTIVE, false, false }, { 11, M_EXCP_SYSTICK, SET_ACTIVE, false, false },
    { 12, M_EXCP_USAGE, SET_PENDING, false, false }, { 13, M_EXCP_MEM, SET_PENDING, false, false },
    { 14, M_EXCP_BUS, SET_PENDING, false, false }, { 15, M_EXCP_SVC, SET_PENDING, false, false },
    { 16, M_EXCP_MEM, SET_ENABLED, false, false }, { 17, M_EXCP_BUS, SET_ENABLED, false, false },
    { 18, M_EXCP_USAGE, SET_ENABLED, false, false }, { 19, M_EXCP_SECURE, SET_ENABLED, true, true },
    { 20, M_EXCP_SECURE, SET_PENDING, true, true }, { 21, M_EXCP_HARD, SET_PENDING, true, false },
};

static bool shcsr_has(const NVIC *s, unsigned i, bool secure)
{
    if (shcsr[i].v8 && !arm_feature(s->cpu, ARM_FEATURE_M_V8))
        return false;
    if (shcsr[i].exc == M_EXCP_BUS && !may_touch_nmi(s, secure))
        return false;
    return secure || !shcsr[i].secure_only;
}

static uint32_t read_shcsr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(shcsr); i++) {
        if (shcsr_has(s, i, secure) && nvic_bit(set_of(s, shcsr[i].set), nvic_id(s, shcsr[i].exc, secure)))
            v |= 1u << shcsr[i].bit;
    }
    return v;
}

static void write_shcsr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    for (unsigned i = 0; i < ARRAY_SIZE(shcsr); i++) {
        /* Clearing NMIACT and HARDFAULTACT, or setting them, is for debuggers. */
        bool fixed = shcsr[i].set == SET_ACTIVE && (shcsr[i].exc == M_EXCP_NMI || shcsr[i].exc == M_EXCP_HARD);
        if (!fixed && shcsr_has(s, i, secure))
            nvic_put(set_of(s, shcsr[i].set), nvic_id(s, shcsr[i].exc, secure), value >> shcsr[i].bit & 1);
    }
    nvic_update(&s->dev);
}

/* MMFSR and UFSR of the state that asks; BFSR is not banked. */
static uint32_t read_cfsr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    const uint32_t *cfsr = s->cpu->v7m.cfsr;
    return (cfsr[secure] & ~(uint32_t)CFSR_BUS) | (may_touch_nmi(s, secure) ? cfsr[0] & CFSR_BUS : 0);
}

static void write_cfsr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    uint32_t *cfsr = s->cpu->v7m.cfsr;

    cfsr[secure] &= ~(value & lanes & ~(uint32_t)CFSR_BUS);
    if (may_touch_nmi(s, secure))
        cfsr[0] &= ~(value & lanes & CFSR_BUS);
}

static void clear_written(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    *field(s, r, index, secure) &= ~value;
}

static uint32_t read_cpuid(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return (uint32_t)s->cpu->midr;
}

static uint32_t read_ctr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return (uint32_t)s->cpu->ctr;
}

static void ignore(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
}

static uint32_t read_zero(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return 0;
}

static void write_vtor(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    if (s->cpu->midr != 0x410cc200) /* Cortex-M0 has its table at 0 */
        s->cpu->v7m.vecbase[secure] = value & ~0x7fu;
}

/* Without the Security Extension, AIRCR-like banks collapse to [0]; CPACR is RAZ without FP. */
static bool has_fp(const NVIC *s)
{
    return arm_feature(s->cpu, ARM_FEATURE_VFP2);
}

static void write_cpacr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    s->cpu->v7m.cpacr[secure] = has_fp(s) ? value & 0xf << 20 : 0;
}

static void write_demcr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    struct ARMv7M *m = &s->cpu->v7m;

    m->demcr = value & (DEMCR_MON_EN | 1u << 18 | 1u << 19 | (secure ? DEMCR_SDME : 0) | 1u << 24);
    nvic_put(s->enabled, M_EXCP_DEBUG, value & DEMCR_MON_EN);
    nvic_set_pending(s, M_EXCP_DEBUG, value & DEMCR_MON_PEND);
}

static uint32_t read_demcr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return s->cpu->v7m.demcr | (nvic_bit(s->pending, M_EXCP_DEBUG) ? DEMCR_MON_PEND : 0);
}

/* ---- MPU and SAU ---- */

static unsigned mpu_regions(const NVIC *s)
{
    return s->cpu->model->mpu_regions;
}

static uint32_t read_mpu_type(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return mpu_regions(s) << 8;
}

static void write_mpu_ctrl(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    if (mpu_regions(s))
        s->cpu->v7m.mpu_ctrl[secure] = value & 7;
}

static void write_mpu_rnr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    if ((value & 0xff) < mpu_regions(s))
        s->cpu->v7m.mpu_rnr[secure] = value & 0xff;
    else
        guest_error("MPU_RNR: there is no region %u\n", value & 0xff);
}

/* RBAR, RASR (v8: RLAR) and their aliases: on v8 those are the other regions of the group of four. */
static unsigned mpu_region(const NVIC *s, unsigned index, bool secure)
{
    unsigned rnr = s->cpu->v7m.mpu_rnr[secure], alias = index / 2;

    if (alias && arm_feature(s->cpu, ARM_FEATURE_M_V8))
        rnr = (rnr & ~3u) | alias;
    return rnr;
}

static uint32_t read_mpu_region(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    unsigned region = mpu_region(s, index, secure);

    if (region >= mpu_regions(s))
        return 0;
    if (index & 1)
        return s->cpu->v7m.mpu_rasr[secure][region];
    return s->cpu->v7m.mpu_rbar[secure][region] | (arm_feature(s->cpu, ARM_FEATURE_M_V8) ? 0 : region);
}

static void write_mpu_region(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    struct ARMv7M *m = &s->cpu->v7m;
    bool v8 = arm_feature(s->cpu, ARM_FEATURE_M_V8);

    if (!(index & 1) && !v8 && value & 0x10) { /* VALID: the region is named here */
        if ((value & 15) >= mpu_regions(s)) {
            guest_error("MPU_RBAR: there is no region %u\n", value & 15);
            return;
        }
        m->mpu_rnr[secure] = value & 15;
    }
    unsigned region = mpu_region(s, index, secure);
    if (region >= mpu_regions(s))
        return;
    if (index & 1)
        m->mpu_rasr[secure][region] = v8 ? value & ~0x10u : value & 0x173fff3f;
    else
        m->mpu_rbar[secure][region] = v8 ? value : value & ~0x1fu;
}

static uint32_t read_sau_type(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return s->cpu->model->sau_regions;
}

static void write_sau_rnr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    if ((value & 0xff) < s->cpu->model->sau_regions)
        s->cpu->v7m.sau_rnr = value & 0xff;
}

static uint32_t read_sau_region(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    unsigned n = s->cpu->v7m.sau_rnr;
    return n < s->cpu->model->sau_regions ? (index ? s->cpu->v7m.sau_rlar : s->cpu->v7m.sau_rbar)[n] : 0;
}

static void write_sau_region(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    unsigned n = s->cpu->v7m.sau_rnr;
    if (n < s->cpu->model->sau_regions)
        (index ? s->cpu->v7m.sau_rlar : s->cpu->v7m.sau_rbar)[n] = value & (index ? ~0x1cu : ~0x1fu);
}

/* ---- Floating point ---- */

static uint32_t read_fpccr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    uint32_t v = has_fp(s) ? m_fpccr(s->cpu, secure) : 0;

    if (secure || !m_security(s->cpu))
        return v;
    /* Non-secure software does not see what Secure software decided. */
    return v & (FPCCR_BANKED | FPCCR_LSPEN | FPCCR_CLRONRET | FPCCR_MONRDY | FPCCR_HFRDY | FPCCR_BFRDY);
}

static void write_fpccr(NVIC *s, const ScsRow *r, unsigned index, bool secure, uint32_t value, uint32_t lanes)
{
    struct ARMv7M *m = &s->cpu->v7m;
    unsigned top = m_top(s->cpu);
    uint32_t common = ~(uint32_t)FPCCR_BANKED;

    if (!has_fp(s))
        return;
    if (!arm_feature(s->cpu, ARM_FEATURE_M_V8)) {
        m->fpccr[0] = value & (FPCCR_ASPEN | FPCCR_LSPEN | 0x17b);
        return;
    }
    if (!secure) {
        common = 0;
        if (!(m->fpccr[top] & FPCCR_LSPENS) || !m_security(s->cpu))
            common |= FPCCR_LSPEN;
        if (!(m->fpccr[top] & FPCCR_CLRONRETS) || !m_security(s->cpu))
            common |= FPCCR_CLRONRET;
    }
    m->fpccr[secure] = (m->fpccr[secure] & ~FPCCR_BANKED) | (value & FPCCR_BANKED);
    m->fpccr[top] = (m->fpccr[top] & ~common) | (value & common);
}

static uint32_t read_mvfr(NVIC *s, const ScsRow *r, unsigned index, bool secure)
{
    return s->cpu->mvfr[index];
}

/* ---- The table ---- */

#define CPU(f) .field = offsetof(ARMCPU, f)
#define M(f) .field = offsetof(ARMCPU, v7m.f)
#define MB(f) .field = offsetof(ARMCPU, v7m.f[0]), .banks = sizeof(((ARMCPU *)0)->v7m.f[0])
#define MAIN .feature = ARM_FEATURE_M_MAIN + 1
#define V8M .feature = ARM_FEATURE_M_V8 + 1
#define SEC .feature = ARM_FEATURE_M_SECURITY + 1, .flags = SCS_SECURE
#define FP .feature = ARM_FEATURE_VFP2 + 1
static const ScsRow rows[] = {
    { "ICTR", 0x004, 1, MAIN, .on_read = read_ictr },
    { "ACTLR", 0x008, 1, .on_read = read_zero, .on_write = ignore },
    { "SYST", 0x010, 4, .on_read = read_systick, .on_write = write_systick },
    { "NVIC_ISER", 0x100, 16, .write = SET_ENABLED, .on_read = read_bits, .on_write = set_bits },
    { "NVIC_ICER", 0x180, 16, .write = SET_ENABLED, .on_read = read_bits, .on_write = clear_bits },
    { "NVIC_ISPR", 0x200, 16, .write = SET_PENDING, .on_read = read_bits, .on_write = set_bits },
    { "NVIC_ICPR", 0x280, 16, .write = SET_PENDING, .on_read = read_bits, .on_write = clear_bits },
    { "NVIC_IABR", 0x300, 16, MAIN, .write = SET_ACTIVE, .on_read = read_bits },
    { "NVIC_ITNS", 0x380, 16, SEC, .write = SET_TARGET, .on_read = read_bits, .on_write = write_targets },
    { "NVIC_IPR", 0x400, 124, .flags = SCS_BYTES, .on_read = read_priorities, .on_write = write_priorities },
    { "CPUID", 0xd00, 1, .on_read = read_cpuid },
    { "ICSR", 0xd04, 1, .on_read = read_icsr, .on_write = write_icsr },
    { "VTOR", 0xd08, 1, MB(vecbase), .on_write = write_vtor },
    { "AIRCR", 0xd0c, 1, .on_read = read_aircr, .on_write = write_aircr },
    { "SCR", 0xd10, 1, MB(scr), .write = SCR_SLEEPONEXIT | SCR_SLEEPDEEP | SCR_SEVONPEND },
    { "CCR", 0xd14, 1, MB(ccr), .flags = SCS_STATE, .on_write = write_ccr },
    { "SHPR", 0xd18, 3, .flags = SCS_BYTES, .on_read = read_shpr, .on_write = write_shpr },
    { "SHCSR", 0xd24, 1, MAIN, .on_read = read_shcsr, .on_write = write_shcsr },
    { "CFSR", 0xd28, 1, MAIN, .flags = SCS_BYTES, .on_read = read_cfsr, .on_write = write_cfsr },
    { "HFSR", 0xd2c, 1, MAIN, M(hfsr), .on_write = clear_written },
    { "DFSR", 0xd30, 1, M(dfsr), .on_write = clear_written },
    { "MMFAR", 0xd34, 1, MAIN, MB(mmfar), .write = ~0u },
    { "BFAR", 0xd38, 1, MAIN, M(bfar), .write = ~0u },
    { "AFSR", 0xd3c, 1, MAIN, M(afsr), .on_write = clear_written },
    { "ID_PFR", 0xd40, 2, MAIN, CPU(id_pfr) },
    { "ID_DFR", 0xd48, 1, MAIN, CPU(id_dfr) },
    { "ID_AFR", 0xd4c, 1, MAIN, CPU(id_afr0) },
    { "ID_MMFR", 0xd50, 4, MAIN, CPU(id_mmfr) },
    { "ID_ISAR", 0xd60, 6, MAIN, CPU(id_isar) },
    { "CLIDR", 0xd78, 1, MAIN, .on_read = read_zero },
    { "CTR", 0xd7c, 1, MAIN, .on_read = read_ctr },
    { "CCSIDR", 0xd80, 1, MAIN, .on_read = read_zero },
    { "CSSELR", 0xd84, 1, MAIN, .on_read = read_zero, .on_write = ignore },
    { "CPACR", 0xd88, 1, MAIN, MB(cpacr), .flags = SCS_STATE, .on_write = write_cpacr },
    { "NSACR", 0xd8c, 1, .feature = ARM_FEATURE_M_SECURITY + 1, M(nsacr), .flags = SCS_SECURE | SCS_STATE, .write = 3 << 10 },
    { "MPU_TYPE", 0xd90, 1, .on_read = read_mpu_type },
    { "MPU_CTRL", 0xd94, 1, MB(mpu_ctrl), .flags = SCS_MPU, .on_write = write_mpu_ctrl },
    { "MPU_RNR", 0xd98, 1, MB(mpu_rnr), .on_write = write_mpu_rnr },
    { "MPU_RBAR", 0xd9c, 8, .flags = SCS_MPU, .on_read = read_mpu_region, .on_write = write_mpu_region },
    { "MPU_MAIR", 0xdc0, 2, V8M, MB(mair), .write = ~0u },
    { "SAU_CTRL", 0xdd0, 1, .feature = ARM_FEATURE_M_SECURITY + 1, M(sau_ctrl), .flags = SCS_SECURE | SCS_MPU, .write = 3 },
    { "SAU_TYPE", 0xdd4, 1, SEC, .on_read = read_sau_type },
    { "SAU_RNR", 0xdd8, 1, SEC, M(sau_rnr), .on_write = write_sau_rnr },
    { "SAU_RBAR", 0xddc, 2, .feature = ARM_FEATURE_M_SECURITY + 1, .flags = SCS_SECURE | SCS_MPU, .on_read = read_sau_region,
      .on_write = write_sau_region },
    { "SFSR", 0xde4, 1, SEC, M(sfsr), .on_write = clear_written },
    { "SFAR", 0xde8, 1, SEC, M(sfar), .write = ~0u },
    { "DHCSR", 0xdf0, 1, .on_read = read_zero, .on_write = ignore }, /* no debugger is attached */
    { "DCRSR", 0xdf4, 2, .on_read = read_zero, .on_write = ignore },
    { "DEMCR", 0xdfc, 1, .on_read = read_demcr, .on_write = write_demcr },
    { "STIR", 0xf00, 1, MAIN, .flags = SCS_USER, .on_write = write_stir },
    { "FPCCR", 0xf34, 1, FP, .flags = SCS_STATE, .on_read = read_fpccr, .on_write = write_fpccr },
    { "FPCAR", 0xf38, 1, FP, MB(fpcar), .write = ~7u },
    { "FPDSCR", 0xf3c, 1, FP, MB(fpdscr), .write = 0x07c00000 },
    { "MVFR", 0xf40, 3, FP, .on_read = read_mvfr },
    { "cache maintenance", 0xf50, 11, MAIN, .on_write = ignore },
    { .name = NULL },
};

static const ScsRow *find_row(hwaddr offset)
{
    for (const ScsRow *r = rows; r->name; r++) {
        if (offset >= r->offset && offset < r->offset + 4u * r->count)
            return r;
    }
    return NULL;
}

/* The row of an access that this Security state may make to what this model has; NULL: reads as zero. */
static const ScsRow *row_for(NVIC *s, hwaddr offset, unsigned size, bool secure, const char *what)
{
    const ScsRow *r = find_row(offset);

    if (!r || (size < 4 && !(r->flags & SCS_BYTES))) {
        guest_error("NVIC: bad %s of size %u at offset 0x%x\n", what, size, (unsigned)offset);
        return NULL;
    }
    if (r->feature && !arm_feature(s->cpu, (ARMFeature)(r->feature - 1)))
        return NULL;
    return r->flags & SCS_SECURE && !secure ? NULL : r;
}

static uint32_t scs_read(NVIC *s, hwaddr offset, unsigned size, bool secure)
{
    const ScsRow *r = row_for(s, offset, size, secure, "read");
    if (!r)
        return 0;
    unsigned index = (unsigned)(offset - r->offset) / 4;
    uint32_t v = r->on_read ? r->on_read(s, r, index, secure) : r->field ? *field(s, r, index, secure) : 0;
    v >>= 8 * (offset & 3);
    return size == 4 ? v : v & ((1u << 8 * size) - 1);
}

static void scs_write(NVIC *s, hwaddr offset, uint32_t value, unsigned size, bool secure)
{
    const ScsRow *r = row_for(s, offset, size, secure, "write");
    if (!r)
        return;
    unsigned index = (unsigned)(offset - r->offset) / 4, shift = 8 * (offset & 3);
    uint32_t lanes = (size == 4 ? ~0u : (1u << 8 * size) - 1) << shift;
    value <<= shift;
    if (r->on_write) {
        r->on_write(s, r, index, secure, value, lanes);
    } else if (r->write) {
        uint32_t *f = field(s, r, index, secure);
        *f = (*f & ~r->write) | (value & r->write);
    } else {
        guest_error("NVIC: write to read-only %s\n", r->name);
    }
    if (r->flags & SCS_MPU)
        tlb_flush_all_async(&s->cpu->parent);
    if (r->flags & (SCS_MPU | SCS_STATE)) {
        arm_m_state_changed(s->cpu);
        atomic_store(&s->cpu->parent.exit_request, 1); /* code that follows without ISB finds the new state soon, too */
    }
}

/* ---- Regions ---- */

static bool current_secure(const NVIC *s)
{
    return s->cpu->v7m.secure;
}

static uint64_t scs_region_read(void *opaque, hwaddr offset, unsigned size)
{
    return scs_read(opaque, offset, size, current_secure(opaque));
}

static void scs_region_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    scs_write(opaque, offset, (uint32_t)value, size, current_secure(opaque));
}

/* Secure software's view of what Non-secure software has; nothing for Non-secure software. */
static uint64_t scs_ns_read(void *opaque, hwaddr offset, unsigned size)
{
    return current_secure(opaque) ? scs_read(opaque, offset, size, false) : 0;
}

static void scs_ns_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    if (current_secure(opaque))
        scs_write(opaque, offset, (uint32_t)value, size, false);
}

/* Trace and debug: the cycle counter counts, ITM ports are always ready and send nowhere. */
enum { ITM_END = 0x1000, DWT_CTRL = 0x1000, DWT_CYCCNT = 0x1004 };

static uint64_t ppb_read(void *opaque, hwaddr offset, unsigned size)
{
    const NVIC *s = opaque;

    if (offset == DWT_CYCCNT)
        return (uint32_t)((__uint128_t)(uint64_t)clock_ns(CLOCK_VIRTUAL) * s->sysclk_hz / NS_PER_SEC);
    if (offset < 0x400)
        return 1;
    log_printf(LOG_UNIMP, "PPB: unimplemented read at offset 0x%x\n", (unsigned)offset);
    return 0;
}

static void ppb_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    if (offset >= DWT_CYCCNT + 4)
        log_printf(LOG_UNIMP, "PPB: unimplemented write at offset 0x%x\n", (unsigned)offset);
}

static const MemoryRegionOps scs_ops = { .read = scs_region_read, .write = scs_region_write, .impl_min = 1, .impl_max = 4 };
static const MemoryRegionOps scs_ns_ops = { .read = scs_ns_read, .write = scs_ns_write, .impl_min = 1, .impl_max = 4 };
static const MemoryRegionOps ppb_ops = { .read = ppb_read, .write = ppb_write, .impl_min = 1, .impl_max = 4 };

bool nvic_scs_realize(NVIC *s)
{
    memory_region_init_io(&s->scs, &s->dev, &scs_ops, s, "nvic_sysregs", 0x1000);
    memory_region_init_io(&s->scs_ns, &s->dev, &scs_ns_ops, s, "nvic_sysregs_ns", 0x1000);
    memory_region_init_io(&s->ppb, &s->dev, &ppb_ops, s, "ppb", 0x100000);
    device_add_region(&s->dev, &s->scs);
    device_add_region(&s->dev, &s->scs_ns);
    device_add_region(&s->dev, &s->ppb);
    return true;
}
