/* SPDX-License-Identifier: MIT */
/*
 * The hash of TBs by physical pc and translation state. Readers take no lock: chains change by single
 * pointer stores, and a removed TB keeps its own link, so that a reader standing on it goes on. Its
 * memory is reused only after every vCPU has passed a safe point.
 */
#include "exec/tb-internal.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Atomic(TranslationBlock *) *buckets;
static unsigned bucket_bits;

void tb_hash_init(uint64_t cache_size)
{
    bucket_bits = 12;
    while (bucket_bits < 18 && (1024ull << bucket_bits) < cache_size)
        bucket_bits++;
    /* Looked up at random: huge pages save a miss of the host's TLB each time. */
    buckets = aligned_alloc(2 * MiB, ((sizeof(*buckets) << bucket_bits) + 2 * MiB - 1) & ~(2 * MiB - 1));
    g_assert(buckets);
    madvise((void *)buckets, sizeof(*buckets) << bucket_bits, MADV_HUGEPAGE);
    memset((void *)buckets, 0, sizeof(*buckets) << bucket_bits);
}

void tb_hash_exit(void)
{
    free((void *)buckets);
    buckets = NULL;
}

void tb_hash_clear(void)
{
    for (unsigned i = 0; i < 1u << bucket_bits; i++)
        atomic_store(&buckets[i], NULL);
}

static _Atomic(TranslationBlock *) *bucket(hwaddr phys_pc, const TBState *s)
{
    uint64_t h = (phys_pc ^ (uint64_t)s->flags << 40 ^ s->pc >> PAGE_BITS) * 0x9e3779b97f4a7c15ull;
    return &buckets[h >> (64 - bucket_bits)];
}

void tb_hash_insert(TranslationBlock *tb)
{
    _Atomic(TranslationBlock *) *b = bucket(tb->phys_pc, &tb->state);
    tb->hash_next = atomic_load(b);
    atomic_store_explicit(b, tb, memory_order_release);
}

void tb_hash_remove(TranslationBlock *tb)
{
    _Atomic(TranslationBlock *) *b = bucket(tb->phys_pc, &tb->state);
    if (atomic_load(b) == tb) {
        atomic_store(b, tb->hash_next);
        return;
    }
    for (TranslationBlock *t = atomic_load(b); t; t = t->hash_next) {
        if (t->hash_next == tb) {
            __atomic_store_n(&t->hash_next, tb->hash_next, __ATOMIC_RELEASE);
            return;
        }
    }
}

TranslationBlock *tb_hash_find(hwaddr phys_pc, const TBState *s)
{
    TranslationBlock *tb = atomic_load_explicit(bucket(phys_pc, s), memory_order_acquire);
    for (; tb; tb = __atomic_load_n(&tb->hash_next, __ATOMIC_ACQUIRE)) {
        if (tb->phys_pc == phys_pc && tb->state.pc == s->pc && tb->state.flags == s->flags &&
            tb->state.cs_base == s->cs_base && tb->state.careful == s->careful && !atomic_load_explicit(&tb->invalid, memory_order_relaxed))
            return tb;
    }
    return NULL;
}
