/* SPDX-License-Identifier: MIT */
/*
 * Address translation: regimes, TLB banks, faults. Arm ARM DDI 0487 D8, G5. The walks are in mmu-long.c and mmu-short.c.
 *
 * A bank is chosen by ASID, and where these matter by regime, Security state, VMID, and DACR for the short format: switching any of
 * them flushes nothing. Only the Non-secure EL1&0 regime without stage 2 shares global pages between its banks; the other contexts are
 * private (TLB_CONTEXT_PRIVATE), so that a global page of one regime cannot be found in another. Top-byte-ignore is left to the TLB: a
 * tagged address is a page of its own there, and va_tags remembers which tags a flush must look for.
 */
#include "mmu.h"
#include "m-profile.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

/* ---- Regimes ---- */

Regime arm_regime(const ARMCPU *env, unsigned el)
{
    uint64_t hcr = arm_hcr(env);
    bool e2h = hcr & HCR_E2H, secure = arm_is_secure(env);
    Regime r = { .secure = secure };

    if (el == 0)
        el = (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? 2 : arm_s_index(env);
    r.el = (uint8_t)el;
    r.aa64 = arm_el_is_aa64(env, el);
    r.two_ranges = el == 1 || (el == 2 && e2h) || (el == 3 && !r.aa64);
    r.stage2 = el == 1 && (hcr & (HCR_VM | HCR_DC));
    return r;
}

static bool mmu_on(const ARMCPU *env, const Regime *r)
{
    if (r->el == 1 && arm_hcr(env) & (HCR_DC | HCR_TGE))
        return false;
    return env->sctlr_el[r->el] & SCTLR_M;
}

static bool long_format(const ARMCPU *env, const Regime *r)
{
    return r->aa64 || r->el == 2 || (arm_feature(env, ARM_FEATURE_LPAE) && env->tcr_el[r->el] >> 31 & 1);
}

static uint32_t current_asid(const ARMCPU *env, const Regime *r)
{
    uint64_t tcr = env->tcr_el[r->el];

    if (!r->two_ranges)
        return 0;
    if (!long_format(env, r))
        return (uint32_t)env->contextidr_el[r->el] & 0xff;
    uint64_t ttbr = tcr >> 22 & 1 ? env->ttbr1_el[r->el] : env->ttbr0_el[r->el];
    uint32_t asid = (uint32_t)(ttbr >> 48);
    return r->aa64 && tcr >> 36 & 1 ? asid : asid & 0xff;
}

/* Bits of TLBKey.context beside the ASID. */
enum { CONTEXT_REGIME_SHIFT = 16, CONTEXT_SECURE = 1 << 19, CONTEXT_MMU_OFF = 1 << 20, CONTEXT_STAGE2 = 1 << 21,
       CONTEXT_SHORT = 1 << 22 };

TLBKey arm_tlb_key(const ARMCPU *env, const Regime *r, uint32_t asid)
{
    TLBKey k = { .context = (uint32_t)r->el << CONTEXT_REGIME_SHIFT };

    if (r->el != 1 || r->secure || r->stage2 || env->hcr_el2 & HCR_VM)
        k.context |= TLB_CONTEXT_PRIVATE;
    if (r->secure)
        k.context |= CONTEXT_SECURE;
    if (r->stage2)
        k.context |= CONTEXT_STAGE2;
    k.space = r->stage2 ? env->vttbr_el2 >> 48 : 0;
    if (!mmu_on(env, r)) {
        k.context |= CONTEXT_MMU_OFF | TLB_CONTEXT_PRIVATE;
        return k;
    }
    k.context |= asid;
    if (!long_format(env, r)) {
        k.context |= CONTEXT_SHORT;
        k.extra = (uint32_t)env->dacr[r->el];
    }
    return k;
}

void arm_update_tlb_key(ARMCPU *env)
{
    if (arm_feature(env, ARM_FEATURE_M)) {
        arm_m_update_tlb_key(env);
        return;
    }
    Regime r = arm_regime(env, arm_current_el(env));
    tlb_switch(&env->parent, arm_tlb_key(env, &r, current_asid(env, &r)));
}

unsigned arm_current_mmu_mode(const CPUState *cpu, bool fetch)
{
    (void)fetch;
    return (((const ARMCPU *)cpu)->hflags & TBF_MMU) >> TBF_MMU_SHIFT;
}

/* ---- Descriptors ---- */

bool arm_read_descriptor(ARMCPU *env, const Regime *r, uint64_t pa, unsigned size, bool debug, uint64_t *out, uint64_t *host_pa, Walk *w)
{
    if (r->stage2) {
        WalkRequest q = { .va = pa, .access = ACCESS_READ, .debug = debug };
        Walk s2;
        arm_walk_stage2(env, r, pa, &q, &s2);
        if (s2.fault != FAULT_NONE) {
            *w = s2;
            w->s1ptw = true;
            return false;
        }
        pa = s2.pa;
    }
    *host_pa = pa;
    bool big = env->sctlr_el[r->el] & SCTLR_EE;
    if (size == 8) {
        uint64_t v = phys_ldq(&env->parent, pa);
        *out = big ? __builtin_bswap64(v) : v;
    } else {
        uint32_t v = phys_ldl(&env->parent, pa);
        *out = big ? __builtin_bswap32(v) : v;
    }
    return true;
}

/* ---- The whole translation ---- */

static void walk_off(const ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w)
{
    uint64_t va = q->va;

    *w = (Walk){ .fault = FAULT_NONE, .read = true, .write = true, .exec = true, .page_size = PAGE_SIZE_, .sh = 2 };
    if (r->aa64) {
        bool top = va >> 55 & 1;
        uint64_t tcr = env->tcr_el[r->el];
        bool tbi = r->two_ranges ? tcr >> (top ? 38 : 37) & 1 : tcr >> 20 & 1;
        if (tbi)
            va = r->two_ranges ? (uint64_t)sextract64(va, 0, 56) : va & ~0ull >> 8;
        if (va >> env->pa_bits)
            w->fault = FAULT_ADDRESS_SIZE;
    } else {
        va = (uint32_t)va;
    }
    w->pa = va;
    if (q->access == ACCESS_FETCH && r->two_ranges)
        w->attr = env->sctlr_el[r->el] & SCTLR_I ? 0xee : 0x44;
}

void arm_walk(ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w)
{
    if (!mmu_on(env, r))
        walk_off(env, r, q, w);
    else if (long_format(env, r))
        arm_walk_long(env, r, q, w);
    else
        arm_walk_short(env, r, q, w);
    if (w->fault != FAULT_NONE || !r->stage2)
        return;
    Walk s2;
    arm_walk_stage2(env, r, w->pa, q, &s2);
    if (s2.fault != FAULT_NONE) {
        *w = s2;
        return;
    }
    w->read &= s2.read;
    w->write &= s2.write;
    w->exec &= s2.exec;
    w->global = false;
    w->pa = s2.pa;
    if (s2.page_size < w->page_size)
        w->page_size = s2.page_size;
}

/* ---- Faults ---- */

uint32_t arm_fault_status_long(const Walk *w)
{
    switch (w->fault) {
    case FAULT_ADDRESS_SIZE: case FAULT_TRANSLATION: case FAULT_ACCESS_FLAG: case FAULT_PERMISSION:
        return (uint32_t)w->fault | (w->level & 3);
    case FAULT_EXTERNAL_WALK:
        return 0x14 | (w->level & 3);
    case FAULT_DOMAIN:
        return 0x3c | (w->level & 3);
    default:
        return (uint32_t)w->fault;
    }
}

uint32_t arm_fault_status_short(const Walk *w)
{
    bool second = w->level > 1;
    uint32_t domain = (uint32_t)w->domain << 4;

    switch (w->fault) {
    case FAULT_ALIGNMENT:
        return 1;
    case FAULT_TRANSLATION: case FAULT_ADDRESS_SIZE:
        return (second ? 7 : 5) | domain;
    case FAULT_ACCESS_FLAG:
        return (second ? 6 : 3) | domain;
    case FAULT_DOMAIN:
        return (second ? 11 : 9) | domain;
    case FAULT_PERMISSION:
        return (second ? 15 : 13) | domain;
    case FAULT_EXTERNAL_WALK:
        return second ? 14 : 12;
    default:
        return 8;
    }
}

/* DFSR and IFSR hold long-format codes when the fault is taken where TTBCR.EAE is set. */
static uint32_t fault_register(const ARMCPU *env, const Regime *r, const Walk *w, AccessType access)
{
    uint32_t fsr;

    if (long_format(env, r)) {
        fsr = arm_fault_status_long(w) | 1u << 9;
    } else {
        fsr = arm_fault_status_short(w) & ~0xf0u;
        if (access != ACCESS_FETCH)
            fsr |= (uint32_t)w->domain << 4;
    }
    return access == ACCESS_WRITE ? fsr | 1u << 11 : fsr;
}

static _Noreturn void raise_fault(ARMCPU *env, const Regime *r, const Walk *w, uint64_t va, AccessType access, uintptr_t retaddr)
{
    uint32_t iss = arm_fault_status_long(w) | (w->s1ptw ? 1u << 7 : 0);

    if (access == ACCESS_WRITE && !w->s1ptw)
        iss |= 1u << 6;
    if (w->stage2) {
        env->hpfar_el2 = (w->ipa >> 12 & 0xfffffffffull) << 4;
        if (r->secure)
            env->hpfar_el2 |= 1ull << 63;
    }
    env->exception.vaddr = va;
    env->exception.fsr = fault_register(env, r, w, access);
    log_printf(LOG_MMU, "fault: va=%016" PRIx64 " access=%d status=%02x\n", va, access, iss);
    if (w->stage2 && !w->s1ptw && access != ACCESS_FETCH && retaddr) {
        cpu_restore_state(&env->parent, retaddr);
        arm_raise(env, EXCP_DATA_ABORT, arm_isv_syndrome(env, ARM_SYNDROME(EC_DABT, 1, iss)), 2, 0);
    }
    arm_raise(env, access == ACCESS_FETCH ? EXCP_PREFETCH_ABORT : EXCP_DATA_ABORT,
              ARM_SYNDROME(access == ACCESS_FETCH ? EC_IABT : EC_DABT, 1, iss), w->stage2 ? 2 : r->el, retaddr);
}

void arm_unaligned_access(CPUState *cpu, uint64_t va, AccessType access, unsigned mode, uintptr_t retaddr)
{
    ARMCPU *env = arm_cpu(cpu);
    if (arm_feature(env, ARM_FEATURE_M))
        arm_raise(env, EXCP_M_USAGE, CFSR_UNALIGNED, 0, retaddr);
    Regime r = arm_regime(env, arm_current_el(env));
    Walk w = { .fault = FAULT_ALIGNMENT };

    (void)mode;
    raise_fault(env, &r, &w, va, access, retaddr);
}

void arm_bus_error(CPUState *cpu, hwaddr pa, AccessType access, uintptr_t retaddr)
{
    ARMCPU *env = arm_cpu(cpu);
    if (arm_feature(env, ARM_FEATURE_M)) {
        arm_m_bus_error(env, pa, access, retaddr);
        return;
    }
    Regime r = arm_regime(env, arm_current_el(env));
    Walk w = { .fault = FAULT_EXTERNAL };

    (void)pa;
    if (retaddr || access == ACCESS_FETCH)
        raise_fault(env, &r, &w, cpu->mem_fault_addr, access, retaddr);
}

/* ---- Entry points ---- */

bool arm_tlb_fill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe, uintptr_t retaddr)
{
    ARMCPU *env = arm_cpu(cpu);
    Walk w;

    if (UNLIKELY(arm_feature(env, ARM_FEATURE_M)))
        return arm_m_tlb_fill(env, va, size, access, mode, probe, retaddr);
    Regime r = arm_regime(env, arm_current_el(env));
    WalkRequest q = { .va = va, .access = access, .user = mode == ARM_MMU_USER && r.two_ranges, .pan = mode == ARM_MMU_PAN };
    arm_walk(env, &r, &q, &w);
    if (w.fault == FAULT_NONE && !(access == ACCESS_FETCH ? w.exec : access == ACCESS_WRITE ? w.write : w.read)) {
        w.fault = FAULT_PERMISSION;
        w.stage2 = false;
    }
    if (w.fault != FAULT_NONE) {
        if (probe)
            return false;
        raise_fault(env, &r, &w, va, access, retaddr);
    }
    Translation t = {
        .pa = w.pa, .page_size = w.page_size, .read = w.read, .write = w.write, .exec = w.exec, .global = w.global,
        .attributes = w.guarded,
    };
    if (w.guarded && access == ACCESS_FETCH && !env->guarded_seen) {
        env->guarded_seen = true;
        arm_rebuild_hflags(env);
    }
    env->va_tags[va >> 62] |= 1ull << (va >> 56 & 63);
    tlb_set(cpu, va, mode, &t);
    return true;
}

bool arm_walk_code(CPUState *cpu, uint64_t va, Translation *out)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned mode = arm_current_mmu_mode(cpu, true);
    Walk w;

    if (UNLIKELY(arm_feature(env, ARM_FEATURE_M)))
        return false;
    Regime r = arm_regime(env, arm_current_el(env));
    WalkRequest q = { .va = va, .access = ACCESS_FETCH, .user = mode == ARM_MMU_USER && r.two_ranges, .pan = mode == ARM_MMU_PAN };
    arm_walk(env, &r, &q, &w);
    *out = (Translation){ .pa = w.pa, .page_size = w.page_size, .exec = w.exec, .attributes = w.guarded };
    return w.fault == FAULT_NONE && w.exec;
}

bool arm_debug_translate(CPUState *cpu, uint64_t va, hwaddr *pa)
{
    ARMCPU *env = arm_cpu(cpu);
    Walk w;

    if (arm_feature(env, ARM_FEATURE_M)) {
        *pa = (uint32_t)va;
        return true;
    }
    Regime r = arm_regime(env, arm_current_el(env));
    WalkRequest q = { .va = va, .access = ACCESS_READ, .debug = true };
    arm_walk(env, &r, &q, &w);
    *pa = w.pa;
    return w.fault == FAULT_NONE;
}
