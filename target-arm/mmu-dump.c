/* SPDX-License-Identifier: MIT */
/*
 * Every mapping of the current translation regime, for memory dumps: walks from each address to the next that may be mapped, as the
 * walk itself says how much is translated (or not) in one piece.
 */
#include "mmu.h"

/* Tables that name themselves have more mappings than anyone can list. */
#define WALKS_MAX (1u << 24)
/* Between AArch32's ranges of long descriptors may be addresses that are in none: a multiple of this (TTBCR.TnSZ is at most 7). */
#define SHORTEST_RANGE (1ull << 25)

typedef struct Visit {
    ARMCPU *env;
    Regime regime;
    unsigned left; /* walks */
    bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size);
    void *opaque;
} Visit;

static Walk look(Visit *v, uint64_t va)
{
    Walk w;
    WalkRequest q = { .va = va, .access = ACCESS_READ, .debug = true };
    arm_walk(v->env, &v->regime, &q, &w);
    return w;
}

/* From va to the end of the range of addresses it is in, or to end. */
static void visit_range(Visit *v, uint64_t va, uint64_t end)
{
    for (; v->left; v->left--) {
        Walk w = look(v, va);
        /* Stage 2 may leave out a part of what stage 1 maps in one piece. */
        uint64_t size = w.fault != FAULT_NONE && w.stage2 ? PAGE_SIZE_ : w.page_size;
        if (!size && !v->regime.aa64)
            size = SHORTEST_RANGE;
        uint64_t skip = size - (va & (size - 1));
        if (!size || (w.fault == FAULT_NONE && !v->fn(v->opaque, va, w.pa, skip)))
            return;
        va += skip;
        if (!va || va - 1 >= end)
            return;
    }
}

void arm_foreach_mapping(CPUState *cpu, bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size), void *opaque)
{
    ARMCPU *env = arm_cpu(cpu);
    if (arm_feature(env, ARM_FEATURE_M))
        return;
    Visit v = { env, arm_regime(env, arm_current_el(env)), WALKS_MAX, fn, opaque };
    if (!(env->sctlr_el[v.regime.el] & SCTLR_M))
        return;
    if (!v.regime.aa64) {
        visit_range(&v, 0, UINT32_MAX);
        return;
    }
    visit_range(&v, 0, UINT64_MAX >> 1);
    /* The upper range starts at the lowest address that is in it: at 2^64 minus a power of two. */
    for (unsigned bits = 52; v.regime.two_ranges && bits >= 16; bits--) {
        if (look(&v, ~0ull << bits).page_size) {
            visit_range(&v, ~0ull << bits, UINT64_MAX);
            return;
        }
    }
}
