/* SPDX-License-Identifier: MIT */
/* Inside of the TB cache: what translate-all.c, code-cache.c, tb-hash.c and cpu-exec.c share. */
#ifndef RHEA_EXEC_TB_INTERNAL_H
#define RHEA_EXEC_TB_INTERNAL_H

#include "exec/memory.h"
#include "exec/tb.h"
#include "tcg/backend.h"

/* TB flags beyond those of tb.h. */
enum { TB_ONCE = 1 << 8 /* not in the hash or any cache: run it and forget it */ };

typedef struct TBStats {
    uint64_t generated, guest_bytes, host_bytes, guest_insns;
    uint64_t links, unlinks, invalidated, evictions, evicted, cache_waits;
    uint64_t unguarded, regions, two_pages, once, retries, hits_own_code;
    uint64_t max_guest_bytes, max_host_bytes;
} TBStats;
extern TBStats tb_stats; /* TB lock */

/* ---- translate-all.c: the TB lock protects links, page lists, hash changes and code generation ---- */
void tb_lock(CPUState *cpu); /* cpu: the calling vCPU's, or NULL */
void tb_unlock(void);
void tb_invalidate(TranslationBlock *tb); /* TB lock */
/* The same of many at once, in time that grows with their number only; returns how many were valid. TB lock */
unsigned tb_invalidate_many(TranslationBlock *const *tbs, unsigned n);
/* The TB for state, from the jump cache, the hash or the translator; enters it in the jump cache. cpu->jc_key
 * is up to date. May raise a guest fetch fault. */
TranslationBlock *tb_find(CPUState *cpu, const TBState *state);
/* Invalidates every TB that holds code at one of the linear addresses (ascending); for breakpoints. TB lock. */
void tb_invalidate_pcs(const uint64_t *pcs, unsigned n);
void tb_thread_exit(void); /* frees what translating made for the calling thread */

/* ---- code-cache.c. TB lock unless stated ---- */
bool code_cache_init(uint64_t size, bool split_wx, const TCGBackend *backend, Error **errp);
void code_cache_exit(void);
/* Start of free space for a TB struct followed by its code: writable address, its executable alias and
 * the room; NULL when the next region is still in use by some vCPU. */
uint8_t *code_cache_begin(const uint8_t **rx, size_t *room);
/* Nothing more fits in the current region: moves on to the next. */
void code_cache_next_region(void);
void code_cache_commit(TranslationBlock *tb, uint8_t *end);
void code_cache_invalidate_all(void); /* TB lock */
void code_cache_foreach(void (*fn)(TranslationBlock *tb, void *opaque), void *opaque);
/* Waits until the region that is to be used next is free. vCPU at a safe point, no locks. */
void code_cache_wait(CPUState *cpu);
uint64_t code_cache_used(void);
uint64_t code_cache_size(void);
unsigned code_cache_regions(void);
void code_cache_reset(void); /* forgets all TBs */

/* ---- tb-hash.c: lookup is lock-free, changes are under the TB lock ---- */
void tb_hash_init(uint64_t cache_size);
void tb_hash_exit(void);
void tb_hash_clear(void);
void tb_hash_insert(TranslationBlock *tb);
void tb_hash_remove(TranslationBlock *tb);
TranslationBlock *tb_hash_find(hwaddr phys_pc, const TBState *state);

/* ---- perfmap.c: nothing happens unless opened. TB lock ---- */
bool perfmap_open(Error **errp);
void perfmap_shared(const uint8_t *code, size_t size);
void perfmap_add(const TranslationBlock *tb);
void perfmap_close(void);

/* ---- tb-unwind.c ---- */
void unwind_set_first(const InsnData *first);
/* As unwind_find; also the index of the instruction in its TB. */
bool unwind_find_index(const TranslationBlock *tb, uint32_t offset, InsnData *out, unsigned *index);

/* ---- cpus.c ---- */
/* Waits until every other vCPU has passed a point (see CPUState.exec_seq, store_seq). No locks held. */
void cpus_wait_exec(CPUState *self);
void cpus_wait_stores(CPUState *self);
bool cpus_several(void); /* more than one vCPU thread runs */
bool cpu_exec_passed(CPUState *cpu, uint32_t seen);
/* A wait in C during which this vCPU has no store under way. */
void cpu_wait_begin(CPUState *cpu);
void cpu_wait_end(CPUState *cpu);
/* The vCPU should return from cpu_exec: work is queued, it is to stop, or someone wants to be alone. */
bool cpu_wanted(CPUState *cpu);
/* After leaving a cpus_run_exclusive callback by long jump. */
void cpus_exclusive_abort(CPUState *cpu);

#endif
