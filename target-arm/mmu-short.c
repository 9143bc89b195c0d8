/* SPDX-License-Identifier: MIT */
/*
 * Short-descriptor page tables of AArch32: the v7 format with domains, access flag and PXN, and the format before v6 (also v6 with
 * SCTLR.XP clear) with subpages and fine tables. Arm ARM DDI 0487 G5.4, DDI 0100I B4. Subpages with different permissions: the
 * page is entered with those of the subpage that was accessed. Memory attributes matter only to PAR.
 */
#include "mmu.h"

#define SHORT_XN (1u << 0)

static void fail(Walk *w, FaultType fault, unsigned level)
{
    w->fault = fault;
    w->level = (uint8_t)level;
}

/* Address of the first-level descriptor; false when the range is switched off. */
static bool first_level(const ARMCPU *env, const Regime *r, uint32_t va, uint64_t *pa)
{
    uint32_t ttbcr = (uint32_t)env->tcr_el[r->el];
    unsigned n = arm_feature(env, ARM_FEATURE_V6) ? ttbcr & 7 : 0;
    bool high = n && va >> (32 - n);

    if (ttbcr >> (high ? 5 : 4) & 1 && arm_feature(env, ARM_FEATURE_V6))
        return false;
    uint64_t ttbr = high ? env->ttbr1_el[r->el] : env->ttbr0_el[r->el];
    unsigned bits = high ? 14 : 14 - n;
    *pa = ((uint32_t)ttbr & ~0u << bits) | (va << (high ? 0 : n) >> (high ? 0 : n) >> 20 << 2);
    return true;
}

/* Permissions by AP[2:0], as {privileged, user}: bit 0 read, bit 1 write. */
static void access_bits(const ARMCPU *env, const Regime *r, unsigned ap, bool legacy, unsigned *priv, unsigned *user)
{
    static const uint8_t table[8][2] = { { 0, 0 }, { 3, 0 }, { 3, 1 }, { 3, 3 }, { 0, 0 }, { 1, 0 }, { 1, 1 }, { 1, 1 } };
    uint64_t sctlr = env->sctlr_el[r->el];

    if (sctlr & SCTLR_AFE && arm_feature(env, ARM_FEATURE_V7))
        ap |= 1; /* AP[0] is the access flag */
    *priv = table[ap][0];
    *user = table[ap][1];
    if (legacy && ap == 0) {
        *priv = sctlr & (SCTLR_S | SCTLR_R) ? 1 : 0;
        *user = sctlr & SCTLR_R ? 1 : 0;
    }
}

static void set_permissions(const ARMCPU *env, const Regime *r, const WalkRequest *q, unsigned ap, bool xn, bool pxn, bool legacy, Walk *w)
{
    unsigned priv, user, bits;
    uint64_t sctlr = env->sctlr_el[r->el], dacr = env->dacr[r->el] >> (w->domain * 2) & 3;

    if (dacr == 3) { /* manager */
        w->read = w->write = w->exec = true;
        return;
    }
    access_bits(env, r, ap, legacy, &priv, &user);
    bits = q->user ? user : q->pan && user ? 0 : priv;
    w->read = bits & 1;
    w->write = bits & 2;
    bits = q->user ? user : priv;
    w->exec = bits & 1 && !xn && !(pxn && !q->user);
    if (sctlr & SCTLR_WXN && bits & 2 && arm_feature(env, ARM_FEATURE_V7VE))
        w->exec = false;
    if (sctlr & SCTLR_UWXN && !q->user && user & 2 && arm_feature(env, ARM_FEATURE_V7VE))
        w->exec = false;
}

static bool domain_denies(const ARMCPU *env, const Regime *r, Walk *w, unsigned level)
{
    unsigned access = (unsigned)(env->dacr[r->el] >> (w->domain * 2)) & 3;

    if (access & 1)
        return false;
    fail(w, FAULT_DOMAIN, level);
    return true;
}

/* AP[0] as an access flag: false when it is clear. */
static bool accessed(const ARMCPU *env, const Regime *r, unsigned ap)
{
    return !(env->sctlr_el[r->el] & SCTLR_AFE && arm_feature(env, ARM_FEATURE_V7)) || ap & 1;
}

static void section(ARMCPU *env, const Regime *r, const WalkRequest *q, uint32_t desc, bool legacy, Walk *w)
{
    uint32_t va = (uint32_t)q->va;
    bool super = desc >> 18 & 1 && !legacy;
    unsigned ap = desc >> 10 & 3, shift = super ? 24 : 20;

    w->domain = super ? 0 : desc >> 5 & 15;
    if (domain_denies(env, r, w, 1))
        return;
    if (!legacy)
        ap |= desc >> 13 & 4;
    if (!accessed(env, r, ap)) {
        fail(w, FAULT_ACCESS_FLAG, 1);
        return;
    }
    w->level = 1;
    w->page_size = 1ull << shift;
    w->pa = (desc & ~0u << shift) | (va & (w->page_size - 1));
    if (super)
        w->pa |= (uint64_t)(desc >> 20 & 15) << 32 | (uint64_t)(desc >> 5 & 15) << 36;
    w->global = legacy || !(desc >> 17 & 1);
    w->ns = w->ns || desc >> 19 & 1;
    w->sh = desc >> 15 & 2;
    set_permissions(env, r, q, ap, !legacy && desc >> 4 & 1, !legacy && desc & 1 && arm_feature(env, ARM_FEATURE_V7VE), legacy, w);
}

static void page(ARMCPU *env, const Regime *r, const WalkRequest *q, uint32_t desc, bool pxn, bool legacy, bool fine, Walk *w)
{
    uint32_t va = (uint32_t)q->va;
    unsigned type = desc & 3, ap, shift;
    bool xn = false;

    if (type == 0 || (legacy && !fine && type == 3 && !arm_feature(env, ARM_FEATURE_V6) && !arm_feature(env, ARM_FEATURE_XSCALE))) {
        fail(w, FAULT_TRANSLATION, 2);
        return;
    }
    if (domain_denies(env, r, w, 2))
        return;
    w->level = 2;
    shift = type == 1 ? 16 : fine && type == 3 ? 10 : 12;
    if (legacy) {
        unsigned sub = shift == 10 || type == 3 ? 0 : va >> (shift - 2) & 3;
        ap = desc >> (4 + 2 * sub) & 3;
    } else {
        ap = (desc >> 4 & 3) | (desc >> 7 & 4);
        xn = type == 1 ? desc >> 15 & 1 : desc & SHORT_XN;
    }
    if (!accessed(env, r, ap)) {
        fail(w, FAULT_ACCESS_FLAG, 2);
        return;
    }
    uint32_t mask = (1u << shift) - 1;
    w->page_size = shift < PAGE_BITS ? PAGE_SIZE_ : 1ull << shift;
    w->pa = (desc & ~mask) | (va & mask);
    w->global = legacy || !(desc >> 11 & 1);
    w->sh = desc >> 9 & 2;
    set_permissions(env, r, q, ap, xn, pxn, legacy, w);
}

void arm_walk_short(ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w)
{
    uint32_t va = (uint32_t)q->va;
    uint64_t pa, desc, host_pa;
    bool legacy = !arm_feature(env, ARM_FEATURE_V6) || (!arm_feature(env, ARM_FEATURE_V7) && !(env->sctlr_el[r->el] & SCTLR_XP));

    *w = (Walk){ .fault = FAULT_NONE, .ns = !r->secure, .level = 1, .attr = 0xff, .page_size = 1 << 20 };
    if (!first_level(env, r, va, &pa)) {
        fail(w, FAULT_TRANSLATION, 1);
        return;
    }
    if (!arm_read_descriptor(env, r, pa, 4, q->debug, &desc, &host_pa, w))
        return;
    unsigned type = desc & 3;
    bool fine = type == 3 && !arm_feature(env, ARM_FEATURE_V6);
    if (type == 0 || (type == 3 && legacy && !fine) || (type == 3 && !legacy && !arm_feature(env, ARM_FEATURE_V7VE))) {
        w->domain = desc >> 5 & 15;
        fail(w, FAULT_TRANSLATION, 1);
        return;
    }
    if (type == 1 || fine) {
        w->domain = desc >> 5 & 15;
        w->ns = w->ns || desc >> 3 & 1;
        bool pxn = !legacy && desc >> 2 & 1 && arm_feature(env, ARM_FEATURE_V7VE);
        pa = fine ? (desc & 0xfffff000) | (va >> 8 & 0xffc) : (desc & 0xfffffc00) | (va >> 10 & 0x3fc);
        w->page_size = PAGE_SIZE_;
        if (!arm_read_descriptor(env, r, pa, 4, q->debug, &desc, &host_pa, w))
            return;
        page(env, r, q, (uint32_t)desc, pxn, legacy, fine, w);
    } else {
        section(env, r, q, (uint32_t)desc, legacy, w);
    }
    if (w->fault != FAULT_NONE || q->debug)
        return;
    bool allowed = q->access == ACCESS_FETCH ? w->exec : q->access == ACCESS_WRITE ? w->write : w->read;
    if (!allowed)
        fail(w, FAULT_PERMISSION, w->level);
}
