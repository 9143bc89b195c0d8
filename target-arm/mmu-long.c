/* SPDX-License-Identifier: MIT */
/*
 * Long-descriptor page tables: AArch64 stage 1 with 4, 16 and 64 KiB granules, AArch32 LPAE, stage 2. Arm ARM DDI 0487 D8.2-D8.5,
 * G5.5. Hardware updates of the access flag and the dirty state included. The contiguous bit is a hint and ignored; 52-bit
 * addresses are not there.
 */
#include "mmu.h"

#define DESC_VALID (1ull << 0)
#define DESC_TABLE (1ull << 1)      /* level 3: page */
#define DESC_AF (1ull << 10)
#define DESC_NG (1ull << 11)
#define DESC_GP (1ull << 50)
#define DESC_DBM (1ull << 51)
#define DESC_AP1 (1ull << 6)        /* EL0 may access */
#define DESC_AP2 (1ull << 7)        /* read only */
#define DESC_S2AP_W (1ull << 7)
#define DESC_PXN (1ull << 53)
#define DESC_XN (1ull << 54)        /* UXN */
#define TABLE_PXN (1ull << 59)
#define TABLE_XN (1ull << 60)
#define TABLE_AP0 (1ull << 61)      /* no EL0 access */
#define TABLE_AP1 (1ull << 62)      /* no writes */
#define TABLE_NS (1ull << 63)
#define OUTPUT_MASK 0xfffffffff000ull
#define BASE_MASK 0xfffffffffff0ull /* of a first table, which may be as small as two entries */

/* How one range of addresses is translated. */
typedef struct Range {
    uint64_t ttbr;
    uint8_t input_bits, page_bits, start_level, output_bits;
    bool disabled, hpd, ha, hd;
    bool wxn;
} Range;

static unsigned output_size(unsigned ps)
{
    static const uint8_t bits[8] = { 32, 36, 40, 42, 44, 48, 48, 48 };
    return bits[ps & 7];
}

static unsigned start_level(unsigned input_bits, unsigned page_bits)
{
    unsigned stride = page_bits - 3;
    return 4 - (input_bits - page_bits + stride - 1) / stride;
}

/* Everything about the range that q->va is in; false: the address is in none. */
static bool range_a64(const ARMCPU *env, const Regime *r, uint64_t va, Range *g)
{
    static const uint8_t tg0[4] = { 12, 16, 14, 12 }, tg1[4] = { 12, 14, 12, 16 };
    uint64_t tcr = env->tcr_el[r->el];
    bool high = r->two_ranges && va >> 55 & 1, tbi;
    unsigned tsz, max_tsz = arm_feature(env, ARM_FEATURE_TTST) ? 48 : 39;

    *g = (Range){ .ttbr = high ? env->ttbr1_el[r->el] : env->ttbr0_el[r->el] };
    if (r->two_ranges) {
        tsz = tcr >> (high ? 16 : 0) & 63;
        g->page_bits = high ? tg1[tcr >> 30 & 3] : tg0[tcr >> 14 & 3];
        g->disabled = tcr >> (high ? 23 : 7) & 1;
        g->output_bits = (uint8_t)output_size(tcr >> 32 & 7);
        tbi = tcr >> (high ? 38 : 37) & 1;
        g->ha = tcr >> 39 & 1;
        g->hd = tcr >> 40 & 1;
        g->hpd = tcr >> (high ? 42 : 41) & 1 && arm_feature(env, ARM_FEATURE_HPD);
    } else {
        tsz = tcr & 63;
        g->page_bits = tg0[tcr >> 14 & 3];
        g->output_bits = (uint8_t)output_size(tcr >> 16 & 7);
        tbi = tcr >> 20 & 1;
        g->ha = tcr >> 21 & 1;
        g->hd = tcr >> 22 & 1;
        g->hpd = tcr >> 24 & 1 && arm_feature(env, ARM_FEATURE_HPD);
    }
    if (g->page_bits == 16 && max_tsz > 47)
        max_tsz = 47; /* one page more than the granule itself */
    if (tsz > max_tsz)
        tsz = max_tsz;
    if (tsz < 16)
        tsz = 16;
    g->input_bits = (uint8_t)(64 - tsz);
    g->start_level = (uint8_t)start_level(g->input_bits, g->page_bits);
    g->wxn = env->sctlr_el[r->el] & SCTLR_WXN;
    uint64_t v = tbi ? (high ? va | 0xffull << 56 : va & ~0ull >> 8) : va;
    uint64_t top = v >> g->input_bits;
    return high ? top == ~0ull >> g->input_bits : top == 0;
}

static bool range_a32(const ARMCPU *env, const Regime *r, uint64_t va, Range *g)
{
    uint32_t ttbcr = (uint32_t)env->tcr_el[r->el], a = (uint32_t)va;
    unsigned t0 = ttbcr & 7, t1 = r->two_ranges ? ttbcr >> 16 & 7 : 0;
    bool low = t0 == 0 ? true : a >> (32 - t0) == 0, high = r->two_ranges && (t1 ? ~a >> (32 - t1) == 0 : t0 && !low);

    *g = (Range){ .page_bits = 12, .output_bits = 40 };
    g->wxn = env->sctlr_el[r->el] & SCTLR_WXN;
    if (t0 == 0 && high)
        low = false;
    if (!low && !high)
        return false;
    g->ttbr = low ? env->ttbr0_el[r->el] : env->ttbr1_el[r->el];
    g->disabled = r->two_ranges && ttbcr >> (low ? 7 : 23) & 1;
    g->input_bits = (uint8_t)(32 - (low ? t0 : t1));
    g->start_level = g->input_bits > 30 ? 1 : 2;
    return true;
}

/* Permissions of a stage 1 leaf. ap_table: accumulated TABLE_* bits. */
static void permissions(const ARMCPU *env, const Regime *r, const Range *g, const WalkRequest *q, uint64_t desc, uint64_t table, Walk *w)
{
    bool user_access = desc & DESC_AP1 && !(table & TABLE_AP0), writable = !(desc & DESC_AP2) && !(table & TABLE_AP1);
    bool xn = desc & DESC_XN || table & TABLE_XN, pxn = desc & DESC_PXN || table & TABLE_PXN;

    if (!r->two_ranges) {
        w->read = true;
        w->write = writable;
        w->exec = !xn && !(g->wxn && writable);
    } else if (q->user) {
        w->read = user_access;
        w->write = user_access && writable;
        w->exec = !xn && (r->aa64 || user_access) && !(g->wxn && w->write);
    } else {
        bool denied = user_access && q->pan;
        w->read = !denied;
        w->write = writable && !denied;
        w->exec = !(r->aa64 ? pxn : pxn || xn) && !(g->wxn && writable) && !(r->aa64 && user_access && writable);
        if (!r->aa64 && env->sctlr_el[r->el] & SCTLR_UWXN && user_access && writable)
            w->exec = false;
    }
    if (r->secure && w->ns && env->scr_el3 & SCR_SIF)
        w->exec = false;
}

/* Sets bits of a descriptor; false when it has changed meanwhile. */
static bool update_descriptor(ARMCPU *env, const Regime *r, uint64_t host_pa, uint64_t old, uint64_t new)
{
    if (env->sctlr_el[r->el] & SCTLR_EE) {
        old = __builtin_bswap64(old);
        new = __builtin_bswap64(new);
    }
    return phys_cmpxchg64(&env->parent, host_pa, old, new);
}

/* Access flag and dirty state of a leaf: true when the descriptor may be used as *desc now is. */
static bool settle_flags(ARMCPU *env, const Regime *r, const Range *g, const WalkRequest *q, uint64_t host_pa, uint64_t *desc, Walk *w)
{
    uint64_t new = *desc;

    if (!(new & DESC_AF)) {
        if (!g->ha || !arm_feature(env, ARM_FEATURE_HAF)) {
            w->fault = FAULT_ACCESS_FLAG;
            return true;
        }
        new |= DESC_AF;
    }
    if (g->hd && new & DESC_DBM && new & DESC_AP2 && q->access == ACCESS_WRITE && arm_feature(env, ARM_FEATURE_HDBS)) {
        uint64_t dirty = new & ~DESC_AP2;
        permissions(env, r, g, q, dirty, 0, w);
        if (w->write)
            new = dirty;
    }
    if (new == *desc || q->debug)
        return true;
    if (!update_descriptor(env, r, host_pa, *desc, new))
        return false;
    *desc = new;
    return true;
}

static void fail(Walk *w, FaultType fault, unsigned level)
{
    w->fault = fault;
    w->level = (uint8_t)level;
}

/* False: a descriptor changed under the walk; start again. */
static bool walk_once(ARMCPU *env, const Regime *r, const WalkRequest *q, const Range *g, Walk *w)
{
    unsigned stride = g->page_bits - 3u, level = g->start_level, max_bits = g->output_bits < env->pa_bits ? g->output_bits : env->pa_bits;
    uint64_t va = q->va & ~0ull >> (64 - g->input_bits), tables = 0, host_pa, desc;
    unsigned shift = g->page_bits + stride * (3 - level);
    unsigned first_bits = g->input_bits - shift;
    uint64_t table = g->ttbr & BASE_MASK & ~0ull << (first_bits + 3);

    *w = (Walk){ .fault = FAULT_NONE, .ns = !r->secure };
    if ((g->ttbr & BASE_MASK) >> max_bits) {
        fail(w, FAULT_ADDRESS_SIZE, 0);
        return true;
    }
    for (;; level++, shift -= stride) {
        uint64_t index = va >> shift & (level == g->start_level ? (1ull << first_bits) - 1 : (1ull << stride) - 1);
        w->level = (uint8_t)level;
        w->page_size = 1ull << shift;
        if (!arm_read_descriptor(env, r, table + index * 8, 8, q->debug, &desc, &host_pa, w))
            return true;
        if (!(desc & DESC_VALID) || (level == 3 && !(desc & DESC_TABLE))) {
            fail(w, FAULT_TRANSLATION, level);
            return true;
        }
        if (level == 3 || !(desc & DESC_TABLE))
            break;
        table = desc & OUTPUT_MASK & ~0ull << g->page_bits;
        if (table >> max_bits) {
            fail(w, FAULT_ADDRESS_SIZE, level);
            return true;
        }
        if (!g->hpd)
            tables |= desc & (TABLE_PXN | TABLE_XN | TABLE_AP0 | TABLE_AP1);
        if (desc & TABLE_NS)
            w->ns = true;
    }
    if (level < 3 && (level == 0 || (level == 1 && g->page_bits != 12))) { /* no blocks there */
        fail(w, FAULT_TRANSLATION, level);
        return true;
    }
    uint64_t base = desc & OUTPUT_MASK & ~0ull << shift;
    if (base >> max_bits) {
        fail(w, FAULT_ADDRESS_SIZE, level);
        return true;
    }
    if (!settle_flags(env, r, g, q, host_pa, &desc, w))
        return false;
    if (w->fault != FAULT_NONE)
        return true;
    permissions(env, r, g, q, desc, tables, w);
    w->pa = base | (va & (w->page_size - 1));
    w->global = r->two_ranges ? !(desc & DESC_NG) : false;
    w->guarded = r->aa64 && desc & DESC_GP && arm_feature(env, ARM_FEATURE_BTI);
    w->ns = w->ns || desc & 1 << 5;
    w->sh = desc >> 8 & 3;
    unsigned attr = desc >> 2 & 7;
    w->attr = (uint8_t)(env->mair_el[r->el] >> (attr * 8));
    w->device = (w->attr & 0xf0) == 0;
    return true;
}

void arm_walk_long(ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w)
{
    Range g;

    *w = (Walk){ .fault = FAULT_NONE };
    bool mapped = r->aa64 ? range_a64(env, r, q->va, &g) : range_a32(env, r, q->va, &g);
    bool e0pd = q->user && r->aa64 && r->two_ranges && arm_feature(env, ARM_FEATURE_E0PD) &&
                env->tcr_el[r->el] >> (q->va >> 55 & 1 ? 56 : 55) & 1;
    if (!mapped || g.disabled || e0pd) {
        fail(w, FAULT_TRANSLATION, r->aa64 ? 0 : 1);
        return;
    }
    while (!walk_once(env, r, q, &g, w))
        ;
    if (w->fault != FAULT_NONE || q->debug)
        return;
    bool allowed = q->access == ACCESS_FETCH ? w->exec : q->access == ACCESS_WRITE ? w->write : w->read;
    if (!allowed)
        fail(w, FAULT_PERMISSION, w->level);
}

/* ---- Stage 2 ---- */

static unsigned stage2_start(const ARMCPU *env, unsigned page_bits)
{
    unsigned sl0 = env->vtcr_el2 >> 6 & 3;
    return page_bits == 12 ? 2 - sl0 : 3 - sl0;
}

void arm_walk_stage2(ARMCPU *env, const Regime *r, uint64_t ipa, const WalkRequest *q, Walk *w)
{
    static const uint8_t tg0[4] = { 12, 16, 14, 12 };
    uint64_t vtcr = env->vtcr_el2, desc = 0;
    bool aa64 = arm_el_is_aa64(env, 2);
    unsigned page_bits = aa64 ? tg0[vtcr >> 14 & 3] : 12, stride = page_bits - 3;
    int t0sz = aa64 ? (int)(vtcr & 63) : (int)sextract64(vtcr, 0, 4);
    unsigned input_bits = aa64 ? 64u - (unsigned)(t0sz < 16 ? 16 : t0sz) : (unsigned)(32 - t0sz), level = stage2_start(env, page_bits);
    unsigned max_bits = aa64 ? output_size(vtcr >> 16 & 7) : 40;

    (void)r;
    *w = (Walk){ .fault = FAULT_NONE, .read = true, .write = true, .exec = true, .pa = ipa, .page_size = ~0ull };
    if (!(arm_hcr(env) & HCR_VM))
        return;
    w->stage2 = true;
    w->ipa = ipa;
    unsigned shift = page_bits + stride * (3 - level);
    uint64_t table = env->vttbr_el2 & BASE_MASK;
    if (ipa >> input_bits || level > 3 || input_bits <= shift) {
        fail(w, FAULT_TRANSLATION, level & 3);
        return;
    }
    unsigned first_bits = input_bits - shift;
    table &= ~0ull << (first_bits + 3);
    for (;; level++, shift -= stride) {
        uint64_t index = ipa >> shift & (level == stage2_start(env, page_bits) ? (1ull << first_bits) - 1 : (1ull << stride) - 1);
        desc = phys_ldq(&env->parent, table + index * 8);
        if (env->sctlr_el[2] & SCTLR_EE)
            desc = __builtin_bswap64(desc);
        if (!(desc & DESC_VALID) || (level == 3 && !(desc & DESC_TABLE))) {
            fail(w, FAULT_TRANSLATION, level);
            return;
        }
        if (level == 3 || !(desc & DESC_TABLE))
            break;
        table = desc & OUTPUT_MASK & ~0ull << page_bits;
    }
    uint64_t base = desc & OUTPUT_MASK & ~0ull << shift;
    if (base >> max_bits) {
        fail(w, FAULT_ADDRESS_SIZE, level);
        return;
    }
    if (!(desc & DESC_AF) && !(vtcr >> 21 & 1)) {
        fail(w, FAULT_ACCESS_FLAG, level);
        return;
    }
    w->level = (uint8_t)level;
    w->read = desc >> 6 & 1;
    w->write = desc & DESC_S2AP_W;
    w->exec = !(desc & DESC_XN);
    w->page_size = 1ull << shift;
    w->pa = base | (ipa & (w->page_size - 1));
    bool allowed = q->access == ACCESS_FETCH ? w->exec : q->access == ACCESS_WRITE ? w->write : w->read;
    if (!allowed && !q->debug)
        fail(w, FAULT_PERMISSION, level);
}
