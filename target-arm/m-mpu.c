/* SPDX-License-Identifier: MIT */
/*
 * Memory of M profile: default map, MPU (PMSAv7-M: DDI 0403 B3.5; PMSAv8-M: DDI 0553 B8), security attribution (SAU, IDAU), what the
 * TLB is filled with, and the checked accesses of the exception machinery.
 *
 * A TLB bank per Security state and sign of the priority, so that nothing is flushed when they change. Regions smaller than a page
 * enter the TLB for one access only. Gap: instruction fetches are checked where a block of code begins.
 */
#include "m-profile.h"

#include "hw/arm/armv7m-nvic.h"
#include "models.h"
#include "util/log.h"
#include "util/main-loop.h"

#include <string.h>

#define PAGE_BYTES 4096u

static bool in_ppb(uint32_t a)
{
    return a >> 20 == 0xe00;
}

/* 0xE0000000 and up: never executable, whatever regions say. */
static bool in_system_space(uint32_t a)
{
    return a >= 0xe0000000;
}

/* Whether [start, last] contains the whole page of a, or nothing of it. */
static bool page_is_uniform(uint32_t a, uint32_t start, uint32_t last)
{
    uint32_t first = a & ~(PAGE_BYTES - 1), end = first | (PAGE_BYTES - 1);
    return (start <= first && last >= end) || start > end || last < first;
}

/* ---- Security attribution ---- */

static bool sau_exempt(uint32_t a)
{
    return a <= 0xe0002fff ? a >= 0xe0000000 : (a >= 0xe000e000 && a <= 0xe000efff) || (a >= 0xe002e000 && a <= 0xe002efff) ||
                                                  (a >= 0xe0040000 && a <= 0xe0041fff) || (a >= 0xe00ff000 && a <= 0xe00fffff);
}

static void search_sau(const ARMCPU *env, uint32_t a, MAttribution *out)
{
    bool found = false;

    for (unsigned i = 0; i < env->model->sau_regions; i++) {
        uint32_t base = env->v7m.sau_rbar[i] & ~0x1fu, limit = env->v7m.sau_rlar[i] | 0x1f;
        if (!(env->v7m.sau_rlar[i] & 1))
            continue;
        out->whole_page &= page_is_uniform(a, base, limit);
        if (a < base || a > limit)
            continue;
        if (found) { /* several: Secure, and no region to name */
            out->ns = out->nsc = out->sau_valid = false;
            return;
        }
        found = true;
        out->nsc = env->v7m.sau_rlar[i] & 2;
        out->ns = !out->nsc;
        out->sau_valid = true;
        out->sau_region = (uint8_t)i;
    }
}

MAttribution arm_m_attribute(ARMCPU *env, uint32_t a, bool fetch, bool secure)
{
    bool exempt = false, idau_ns = true, idau_nsc = true;
    MAttribution r = { .whole_page = true };

    if (env->m_config.idau) {
        r.idau_region = 0xff;
        env->m_config.idau(env->m_config.idau_opaque, a, &exempt, &idau_ns, &idau_nsc, &r.idau_region);
        r.idau_valid = r.idau_region != 0xff;
    }
    if (fetch && a >> 28 == 0xf)
        return r;
    if (exempt || sau_exempt(a)) {
        r.ns = !secure;
        return r;
    }
    switch (env->v7m.sau_ctrl & 3) {
    case 0:
        break;
    case 2: /* ALLNS */
        r.ns = true;
        break;
    default:
        search_sau(env, a, &r);
    }
    /* The IDAU can make an address more secure. */
    if (!idau_ns && (r.ns || (!idau_nsc && r.nsc))) {
        r.ns = false;
        r.nsc = idau_nsc;
    }
    return r;
}

/* ---- MPU ---- */

static void allow(MAccess *m, bool read, bool write, bool exec)
{
    m->read = read;
    m->write = write;
    m->exec = exec && read;
}

static void default_map(uint32_t a, MAccess *m)
{
    bool exec = !(a >= 0x40000000 && a <= 0x5fffffff) && a < 0xa0000000;
    allow(m, true, true, exec);
}

/* What AP of PMSAv7 gives. */
static void ap_v7(unsigned ap, bool priv, bool exec, MAccess *m)
{
    switch (ap) {
    case 1: allow(m, priv, priv, exec); break;
    case 2: allow(m, true, priv, exec); break;
    case 3: allow(m, true, true, exec); break;
    case 5: allow(m, priv, false, exec); break;
    case 6: case 7: allow(m, true, false, exec); break;
    default: allow(m, false, false, false);
    }
}

/* False: no region. */
static bool search_v7(const ARMCPU *env, uint32_t a, const MContext *c, MAccess *m)
{
    for (int i = env->model->mpu_regions - 1; i >= 0; i--) {
        uint32_t rasr = env->v7m.mpu_rasr[0][i];
        unsigned bits = (rasr >> 1 & 31) + 1;
        if (!(rasr & 1) || bits < 5)
            continue;
        uint32_t mask = bits == 32 ? ~0u : (1u << bits) - 1, base = env->v7m.mpu_rbar[0][i] & ~mask;
        m->whole_page &= page_is_uniform(a, base, base | mask);
        if ((a & ~mask) != base)
            continue;
        if (bits >= 8) {
            if (rasr >> 8 & 0xff)
                m->whole_page &= bits >= 15; /* a subregion is a page or more */
            if (rasr >> 8 >> ((a & mask) >> (bits - 3)) & 1)
                continue;
        }
        ap_v7(rasr >> 24 & 7, c->priv, !(rasr >> 28 & 1), m);
        return true;
    }
    return false;
}

static bool search_v8(const ARMCPU *env, uint32_t a, const MContext *c, MAccess *m, int *region)
{
    const struct ARMv7M *v = &env->v7m;
    int found = -1;

    *region = -1;
    for (int i = 0; i < env->model->mpu_regions; i++) {
        uint32_t base = v->mpu_rbar[c->secure][i] & ~0x1fu, limit = v->mpu_rasr[c->secure][i] | 0x1f;
        if (!(v->mpu_rasr[c->secure][i] & 1))
            continue;
        m->whole_page &= page_is_uniform(a, base, limit);
        if (a < base || a > limit)
            continue;
        if (found >= 0) { /* overlapping regions deny */
            allow(m, false, false, false);
            return true;
        }
        found = i;
    }
    if (found < 0)
        return false;
    *region = found;
    uint32_t rbar = v->mpu_rbar[c->secure][found];
    bool any = rbar >> 1 & 1, read_only = rbar >> 2 & 1;
    allow(m, c->priv || any, (c->priv || any) && !read_only, !(rbar & 1));
    return true;
}

static void check_mpu(ARMCPU *env, uint32_t a, const MContext *c, MAccess *m, int *region)
{
    uint32_t ctrl = env->v7m.mpu_ctrl[c->secure];
    bool v8 = arm_feature(env, ARM_FEATURE_M_V8);

    *region = -1;
    default_map(a, m);
    if (!(ctrl & MPU_ENABLE) || (c->negative && !(ctrl & MPU_HFNMIENA)) || in_ppb(a))
        return;
    if (!(v8 ? search_v8(env, a, c, m, region) : search_v7(env, a, c, m)) && !(c->priv && ctrl & MPU_PRIVDEFENA))
        allow(m, false, false, false);
    if (in_system_space(a))
        m->exec = false;
}

/* ---- All of it ---- */

MContext arm_m_context(const ARMCPU *env, unsigned mmu_mode)
{
    bool secure = env->v7m.secure;
    return (MContext){ secure, mmu_mode != ARM_MMU_USER, env->v7m.negative >> secure & 1 };
}

/* Unprivileged code sees of the private peripheral bus STIR alone, where CCR.USERSETMPEND lets it. */
static bool ppb_denies(const ARMCPU *env, uint32_t a, AccessType access, const MContext *c)
{
    if (c->priv || !in_ppb(a))
        return false;
    return !(a == 0xe000ef00 && access == ACCESS_WRITE && env->v7m.ccr[c->secure] & CCR_USERSETMPEND);
}

MAccess arm_m_check(ARMCPU *env, uint32_t a, unsigned size, AccessType access, const MContext *c)
{
    MAccess m = { .whole_page = true };
    int region;

    if (m_security(env)) {
        MAttribution s = arm_m_attribute(env, a, access == ACCESS_FETCH, c->secure);
        m.whole_page = s.whole_page;
        m.non_secure = s.ns;
        if (access == ACCESS_FETCH ? s.ns == c->secure : !s.ns && !c->secure) {
            m.fault = access == ACCESS_FETCH && s.nsc && !c->secure ? MFAULT_NSC : MFAULT_SECURE;
            return m;
        }
    }
    if (ppb_denies(env, a, access, c)) {
        m.fault = MFAULT_BUS;
        return m;
    }
    if (!c->priv && in_ppb(a))
        m.whole_page = false;
    check_mpu(env, a, c, &m, &region);
    if (env->m_bus_check) {
        bool whole = true;
        ARMMBusAnswer answer = env->m_bus_check(env->m_bus_opaque, a, !m.non_secure, &whole);
        m.fault = answer == ARM_M_BUS_FAULT ? MFAULT_BUS : MFAULT_NONE;
        m.blocked = answer == ARM_M_BUS_BLOCK;
        m.whole_page &= whole;
    }
    if (!(access == ACCESS_FETCH ? m.exec : access == ACCESS_WRITE ? m.write : m.read))
        m.fault = MFAULT_MPU;
    if (m.fault == MFAULT_NONE && !m.whole_page && size > 1) {
        /* An access over the end of a small region: its last byte has to be allowed, too. */
        MAccess last = arm_m_check(env, a + size - 1, 1, access, c);
        if (last.fault != MFAULT_NONE)
            m.fault = last.fault;
    }
    return m;
}

/* ---- TLB ---- */

static _Noreturn void raise_access(ARMCPU *env, MFault f, uint32_t a, AccessType access, const MContext *c, uintptr_t retaddr)
{
    bool fetch = access == ACCESS_FETCH;

    env->exception.vaddr = a;
    log_printf(LOG_MMU, "fault: va=%08x access=%d kind=%d\n", a, access, f);
    switch (f) {
    case MFAULT_NSC:
        arm_raise(env, EXCP_M_NSC, 0, 0, retaddr);
    case MFAULT_SECURE:
        arm_raise(env, EXCP_M_SECURE, fetch ? (c->secure ? SFSR_INVTRAN : SFSR_INVEP) : SFSR_AUVIOL | SFSR_SFARVALID, 0, retaddr);
    case MFAULT_BUS:
        arm_raise(env, EXCP_M_BUS, fetch ? CFSR_IBUSERR : CFSR_PRECISERR | CFSR_BFARVALID, 0, retaddr);
    default:
        arm_raise(env, EXCP_M_MEM, fetch ? CFSR_IACCVIOL : CFSR_DACCVIOL | CFSR_MMARVALID, 0, retaddr);
    }
}

bool arm_m_tlb_fill(ARMCPU *env, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe, uintptr_t retaddr)
{
    MContext c = arm_m_context(env, mode);
    MAccess m = arm_m_check(env, (uint32_t)va, size, access, &c);

    if (m.fault != MFAULT_NONE) {
        if (probe)
            return false;
        raise_access(env, m.fault, (uint32_t)va, access, &c, retaddr);
    }
    if (access != ACCESS_FETCH && m_security(env))
        m.exec = false; /* fetches have rules of their own */
    Translation t = { .pa = m.blocked ? ARM_M_BLOCKED | (va & (PAGE_BYTES - 1)) : (uint32_t)va, .page_size = m.whole_page ? PAGE_BYTES : 1, .read = m.read, .write = m.write, .exec = m.exec };
    tlb_set(&env->parent, va, mode, &t);
    return true;
}

void arm_m_bus_error(ARMCPU *env, hwaddr pa, AccessType access, uintptr_t retaddr)
{
    MContext c = arm_m_context(env, ARM_MMU_PRIV);

    if (retaddr || access == ACCESS_FETCH)
        raise_access(env, MFAULT_BUS, (uint32_t)pa, access, &c, retaddr);
}

void arm_m_update_tlb_key(ARMCPU *env)
{
    bool secure = env->v7m.secure;
    TLBKey k = { .context = TLB_CONTEXT_PRIVATE | (unsigned)secure | (env->v7m.negative >> secure & 1) << 1 };

    tlb_switch(&env->parent, k);
}

/* ---- Accesses of the exception machinery ---- */

MFault arm_m_load(ARMCPU *env, uint32_t a, uint32_t *value, const MContext *c)
{
    MAccess m = arm_m_check(env, a, 4, ACCESS_READ, c);
    MemTxResult res;

    *value = 0;
    if (m.fault != MFAULT_NONE)
        return m.fault;
    if (m.blocked)
        return MFAULT_NONE;
    *value = (uint32_t)address_space_ld(address_space_memory, a, 4, &res);
    return res == MEMTX_DECODE_ERROR ? MFAULT_BUS : MFAULT_NONE;
}

MFault arm_m_store(ARMCPU *env, uint32_t a, uint32_t value, const MContext *c)
{
    MAccess m = arm_m_check(env, a, 4, ACCESS_WRITE, c);

    if (m.fault != MFAULT_NONE || m.blocked)
        return m.fault;
    return address_space_st(address_space_memory, a, value, 4) == MEMTX_DECODE_ERROR ? MFAULT_BUS : MFAULT_NONE;
}

/* Direct access to all of them: plain RAM within one page of this state's TLB. */
static uint8_t *fast_words(ARMCPU *env, uint32_t a, unsigned n, AccessType access, const MContext *c)
{
    unsigned mode = c->priv ? ARM_MMU_PRIV : ARM_MMU_USER;
    MContext now = arm_m_context(env, mode);
    bool fault;

    if (now.secure != c->secure || now.negative != c->negative || a & 3)
        return NULL;
    return tlb_probe(&env->parent, a, 4 * n, access, mode, true, &fault, 0);
}

MFault arm_m_load_words(ARMCPU *env, uint32_t a, uint32_t *value, unsigned n, const MContext *c, uint32_t *fault_address)
{
    const uint8_t *host = fast_words(env, a, n, ACCESS_READ, c);

    if (host) {
        memcpy(value, host, 4 * n);
        return MFAULT_NONE;
    }
    for (unsigned i = 0; i < n; i++) {
        MFault f = arm_m_load(env, a + 4 * i, &value[i], c);
        if (f != MFAULT_NONE) {
            *fault_address = a + 4 * i;
            return f;
        }
    }
    return MFAULT_NONE;
}

MFault arm_m_store_words(ARMCPU *env, uint32_t a, const uint32_t *value, unsigned n, const MContext *c, uint32_t *fault_address)
{
    uint8_t *host = fast_words(env, a, n, ACCESS_WRITE, c);

    if (host) {
        memcpy(host, value, 4 * n);
        return MFAULT_NONE;
    }
    for (unsigned i = 0; i < n; i++) {
        MFault f = arm_m_store(env, a + 4 * i, value[i], c);
        if (f != MFAULT_NONE) {
            *fault_address = a + 4 * i;
            return f;
        }
    }
    return MFAULT_NONE;
}

/* ---- TT, TTT, TTA, TTAT ---- */

uint32_t arm_m_test_target(ARMCPU *env, uint32_t a, bool alternate, bool force_unprivileged)
{
    bool secure = env->v7m.secure && !alternate;
    bool priv = !force_unprivileged && (m_handler(env) || !(env->v7m.control[secure] & CONTROL_NPRIV));
    MContext c = { secure, priv, env->v7m.negative >> secure & 1 };
    MAccess m = { .whole_page = true };
    int region;
    uint32_t r = 0;

    /* Permissions and region are for privileged code and where TTT may look. */
    if (arm_current_el(env) || alternate) {
        check_mpu(env, a, &c, &m, &region);
        if (region >= 0)
            r |= (uint32_t)region | 1u << 16;
        r |= (m.read ? 1u << 18 : 0) | (m.write ? 1u << 19 : 0);
    }
    if (env->v7m.secure) {
        MAttribution s = arm_m_attribute(env, a, false, secure);
        r |= s.ns && m.read ? 1u << 20 : 0;
        r |= s.ns && m.write ? 1u << 21 : 0;
        r |= s.ns ? 0 : 1u << 22;
        r |= s.sau_valid ? 1u << 17 | (uint32_t)s.sau_region << 8 : 0;
        r |= s.idau_valid ? 1u << 23 | (uint32_t)s.idau_region << 24 : 0;
    }
    return r;
}
