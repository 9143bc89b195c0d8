/* SPDX-License-Identifier: MIT */
/*
 * The software TLB: banks, the second level, filling and flushing. cputlb-access.c makes the accesses.
 *
 * A translation context has a bank (its first-level tables) and a number, the bank's id. The second
 * level holds pages under (id or "global", mode, page): giving a bank a new id drops all its pages there
 * at once. Mappings larger than 4 KiB enter the first level page by page and the second level as pieces
 * of 1 MiB; each bank remembers ranges that cover its large mappings, so that flushing an address
 * outside of them touches single slots only.
 *
 * cputlb-code.c keeps what is known of pages that were executed from.
 *
 * All tables belong to the vCPU's thread. One thing is done to them from outside: tlb_protect_ram sets
 * TLB_NOTDIRTY in write tags. It clears dirty bits first, and whoever writes a tag looks at the dirty
 * byte again afterwards, so one of the two sees the other.
 */
#include "exec/tlb-internal.h"
#include "tcg/backend.h"

#include <glib.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

/* ---- Small sets ---- */

static bool ranges_have(const LargeRanges *s, uint64_t va)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (va >= s->r[i].first && va <= s->r[i].last)
            return true;
    }
    return false;
}

/* Bytes between a range and [first, last]; 0 when they touch. */
static uint64_t range_gap(const LargeRanges *s, unsigned i, uint64_t first, uint64_t last)
{
    if (first > s->r[i].last)
        return first - s->r[i].last - 1;
    return s->r[i].first > last ? s->r[i].first - last - 1 : 0;
}

/* Adds a mapping; when all ranges are taken the nearest one grows over the gap. */
static void ranges_add(LargeRanges *s, uint64_t first, uint64_t last)
{
    unsigned best = 0;
    uint64_t best_gap = UINT64_MAX;
    for (unsigned i = 0; i < s->n; i++) {
        uint64_t gap = range_gap(s, i, first, last);
        if (gap < best_gap) {
            best_gap = gap;
            best = i;
        }
    }
    if (s->n && (best_gap == 0 || s->n == ARRAY_SIZE(s->r))) {
        s->r[best].first = MIN(s->r[best].first, first);
        s->r[best].last = MAX(s->r[best].last, last);
        return;
    }
    s->r[s->n].first = first;
    s->r[s->n++].last = last;
}

static bool mapping_covers(const TLBPage *p, uint64_t va)
{
    return (p->va ^ va) >> p->page_bits == 0;
}

/* ---- First level ---- */

static void drop_slot(TLBBank *bank, unsigned slot)
{
    TLBEntry *e = &bank->entry[slot];
    for (unsigned a = 0; a < 3; a++)
        __atomic_store_n(&e->tag[a], TLB_EMPTY, __ATOMIC_RELAXED);
}

static bool slot_holds(const TLBBank *bank, unsigned slot)
{
    const uint64_t *tag = bank->entry[slot].tag; /* tlb_protect_ram may change them */
    uint64_t all = TLB_EMPTY;
    for (unsigned a = 0; a < 3; a++)
        all &= __atomic_load_n(&tag[a], __ATOMIC_RELAXED);
    return all != TLB_EMPTY;
}

static void bank_flush(TLBBank *bank)
{
    uint32_t n = atomic_load_explicit(&bank->nused, memory_order_relaxed);
    for (uint32_t i = 0; i < n; i++) {
        drop_slot(bank, bank->used[i]);
        bank->page[bank->used[i]].used = false;
    }
    atomic_store(&bank->nused, 0);
    bank->large.n = 0;
}

static void bank_flush_nonglobal(TLBBank *bank)
{
    uint32_t n = atomic_load_explicit(&bank->nused, memory_order_relaxed), kept = 0;
    atomic_fetch_add(&bank->shuffling, 1);
    for (uint32_t i = 0; i < n; i++) {
        unsigned slot = bank->used[i];
        if (bank->page[slot].global && slot_holds(bank, slot)) {
            __atomic_store_n(&bank->used[kept++], (uint16_t)slot, __ATOMIC_RELAXED);
        } else {
            drop_slot(bank, slot);
            bank->page[slot].used = false;
        }
    }
    atomic_store(&bank->nused, kept);
    atomic_fetch_add(&bank->shuffling, 1);
}

static uint32_t new_id(CPUState *cpu);

/* Empties the bank. */
static void bank_reset(CPUState *cpu, TLBBank *bank)
{
    bank_flush(bank);
    bank->id = new_id(cpu);
    code_flush_bank(cpu, bank);
}

static bool slot_is_watched(const CPUState *cpu, uint64_t page)
{
    for (const struct Watchpoint *w = cpu->watchpoints; w; w = w->next) {
        if (w->vaddr <= (page | ~PAGE_MASK) && w->vaddr + w->len - 1 >= page)
            return true;
    }
    return false;
}

void tlb_refresh_dirty(TLBBank *bank, unsigned slot)
{
    TLBPage *p = &bank->page[slot];
    uint64_t *tag = &bank->entry[slot].tag[ACCESS_WRITE];
    _Atomic uint8_t *dirty = ram_dirty_byte(p->block, p->host);
    if (atomic_load(dirty) == DIRTY_ALL)
        __atomic_fetch_and(tag, ~(uint64_t)TLB_NOTDIRTY, __ATOMIC_SEQ_CST);
    if (atomic_load(dirty) != DIRTY_ALL)
        __atomic_fetch_or(tag, TLB_NOTDIRTY, __ATOMIC_SEQ_CST);
}

/* Enters a page of the current bank's context in the first level. */
static void l1_enter(CPUState *cpu, const TLBPage *p)
{
    TLBBank *bank = cpu->bank;
    unsigned slot = tlb_slot(p->va, p->mode);
    TLBEntry *e = &bank->entry[slot];
    TLBPage *q = &bank->page[slot];
    bool used = q->used;
    uint64_t flags = 0;

    if (used)
        drop_slot(bank, slot); /* tlb_protect_ram may be looking: never a new page under an old tag */
    /* Not by assignment: the pointer goes in whole. */
    memcpy(q, p, offsetof(TLBPage, host));
    __atomic_store_n(&q->host, p->host, __ATOMIC_RELAXED);
    memcpy(&q->host + 1, &p->host + 1, sizeof(*q) - offsetof(TLBPage, host) - sizeof(q->host));
    q->used = true;
    if (!used) {
        uint32_t n = atomic_load_explicit(&bank->nused, memory_order_relaxed);
        __atomic_store_n(&bank->used[n], (uint16_t)slot, __ATOMIC_RELAXED);
        atomic_store_explicit(&bank->nused, n + 1, memory_order_release);
    }
    if (p->page_bits > PAGE_BITS)
        ranges_add(&bank->large, tlb_mapping_first(p), tlb_mapping_first(p) | ~(~0ull << p->page_bits));
    if (p->global)
        tlb_filter_add(cpu->tlb->global_filter, 16, p->va);
    if (UNLIKELY(cpu->watchpoints) && slot_is_watched(cpu, p->va))
        flags |= TLB_WATCH;
    if (!p->host)
        flags |= TLB_MMIO;
    if (UNLIKELY(p->once))
        flags |= TLB_INVALID; /* misses the next time */
    e->addend = p->host ? (uint64_t)p->host - p->va : 0;
    uint64_t write_flags = flags | (p->rom ? TLB_DISCARD_WRITE : 0);
    if (p->host && !p->rom)
        write_flags |= TLB_NOTDIRTY;
    __atomic_store_n(&e->tag[ACCESS_READ], p->prot & PROT_R ? p->va | flags : TLB_EMPTY, __ATOMIC_RELEASE);
    __atomic_store_n(&e->tag[ACCESS_FETCH], p->prot & PROT_X ? p->va | flags : TLB_EMPTY, __ATOMIC_RELEASE);
    if (!(p->prot & PROT_W))
        return;
    __atomic_store_n(&e->tag[ACCESS_WRITE], p->va | write_flags, __ATOMIC_RELEASE);
    if (write_flags & TLB_NOTDIRTY)
        tlb_refresh_dirty(bank, slot);
}

/* ---- Second level ---- */

static bool is_private(const TLBBank *bank)
{
    return bank->key.context & TLB_CONTEXT_PRIVATE;
}

static unsigned l2_set(uint32_t context, uint64_t va)
{
    uint64_t page = va >> PAGE_BITS;
    return (page ^ page >> 10 ^ context * 0x9e3779b1u >> 20) % L2_SETS;
}

static unsigned large_set(uint32_t context, uint64_t va)
{
    uint64_t piece = va >> LARGE_PIECE_BITS;
    return L2_SETS + (unsigned)((piece ^ piece >> 6 ^ context) % LARGE_SETS);
}

static uint64_t l2_tag(uint64_t va, unsigned mode)
{
    return va | mode << 1 | 1;
}

static void l2_clear(struct CPUTLB *t)
{
    memset(t->set, 0, sizeof(t->set));
    t->medium_pages = false;
    t->global_large.n = 0;
}

/* A context number that no second-level entry carries. */
static uint32_t new_id(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    if (++t->last_id == TLB_GLOBAL_CONTEXT) {
        l2_clear(t);
        for (unsigned i = 0; i < TLB_BANKS; i++)
            t->bank[i]->id = ++t->last_id;
        ++t->last_id;
    }
    return t->last_id;
}

/* Puts p in a set: over the same page if that is there, else the oldest. */
static void set_enter(struct CPUTLB *t, unsigned n, uint32_t context, const TLBPage *p)
{
    L2Set *set = &t->set[n];
    uint64_t tag = l2_tag(p->va, p->mode);
    unsigned way = 0;
    while (way < L2_WAYS && set->tag[way] && (set->tag[way] != tag || set->context[way] != context))
        way++;
    if (way == L2_WAYS)
        way = set->next++ % L2_WAYS;
    set->tag[way] = tag;
    set->context[way] = context;
    t->l2[n][way] = *p;
}

static void l2_enter(CPUState *cpu, TLBPage p)
{
    struct CPUTLB *t = cpu->tlb;
    uint32_t context = p.global ? TLB_GLOBAL_CONTEXT : cpu->bank->id;
    if (p.page_bits < LARGE_PIECE_BITS) {
        t->medium_pages |= p.page_bits > PAGE_BITS;
        set_enter(t, l2_set(context, p.va), context, &p);
        return;
    }
    if (p.global)
        ranges_add(&t->global_large, tlb_mapping_first(&p), tlb_mapping_first(&p) | ~(~0ull << p.page_bits));
    uint64_t skip = p.va & ~(~0ull << LARGE_PIECE_BITS);
    p.va -= skip;
    p.pa -= skip;
    set_enter(t, large_set(context, p.va), context, &p);
}

static bool l2_find_in(const struct CPUTLB *t, unsigned n, uint32_t context, uint64_t tag, TLBPage *out)
{
    const L2Set *set = &t->set[n];
    for (unsigned w = 0; w < L2_WAYS; w++) {
        if (set->tag[w] == tag && set->context[w] == context) {
            *out = t->l2[n][w];
            return true;
        }
    }
    return false;
}

static void resolve_host(CPUState *cpu, TLBPage *p)
{
    const PhysPage *ph = tlb_phys_page(cpu, p->pa);
    p->host = ph->host;
    p->block = ph->block;
    p->rom = ph->rom;
}

static bool l2_find(CPUState *cpu, uint64_t va, unsigned mode, TLBPage *out)
{
    struct CPUTLB *t = cpu->tlb;
    uint64_t page = va & PAGE_MASK, piece = va & ~0ull << LARGE_PIECE_BITS;
    uint64_t tag = l2_tag(page, mode), large_tag = l2_tag(piece, mode);
    uint32_t id = cpu->bank->id, global = is_private(cpu->bank) ? id : TLB_GLOBAL_CONTEXT;
    if (l2_find_in(t, l2_set(id, page), id, tag, out) || l2_find_in(t, l2_set(global, page), global, tag, out))
        return true;
    if (!l2_find_in(t, large_set(id, piece), id, large_tag, out) &&
        !l2_find_in(t, large_set(global, piece), global, large_tag, out))
        return false;
    out->pa += page - out->va;
    out->va = page;
    resolve_host(cpu, out);
    return true;
}

/* Drops the mappings larger than 4 KiB in sets [first, last) that cover va. */
static void l2_drop_mapping(struct CPUTLB *t, unsigned first, unsigned last, uint32_t context, uint64_t va)
{
    for (unsigned n = first; n < last; n++) {
        for (unsigned w = 0; w < L2_WAYS; w++) {
            const TLBPage *p = &t->l2[n][w];
            if (t->set[n].tag[w] && t->set[n].context[w] == context && p->page_bits > PAGE_BITS && mapping_covers(p, va))
                t->set[n].tag[w] = 0;
        }
    }
}

static void l2_drop(struct CPUTLB *t, uint32_t context, uint64_t va, const LargeRanges *large)
{
    L2Set *set = &t->set[l2_set(context, va)];
    for (unsigned w = 0; w < L2_WAYS; w++) {
        if (set->context[w] == context && (set->tag[w] & PAGE_MASK) == (va & PAGE_MASK))
            set->tag[w] = 0;
    }
    if (ranges_have(large, va))
        l2_drop_mapping(t, t->medium_pages ? 0 : L2_SETS, L2_SETS + LARGE_SETS, context, va);
}

/* ---- Physical pages ---- */

AddressSpace *cpu_memory(const CPUState *cpu)
{
    return UNLIKELY(cpu->memory != NULL) ? cpu->memory : address_space_memory;
}

static void phys_lookup(const CPUState *cpu, hwaddr page, PhysPage *out)
{
    FlatRange r;
    *out = (PhysPage){ .pa = page };
    if (!address_space_find(cpu_memory(cpu), page, &r) || !r.mr->ram)
        return;
    hwaddr offset = r.offset + (page - r.start);
    if (r.size - (page - r.start) < PAGE_SIZE_ || (offset & ~PAGE_MASK))
        return; /* several ranges share the page */
    out->host = r.mr->ram->host + offset;
    out->block = r.mr->ram;
    out->rom = r.mr->kind == REGION_ROM;
}

static void forget_phys_pages(struct CPUTLB *t)
{
    for (unsigned i = 0; i < PHYS_CACHE; i++)
        t->phys[i].pa = TLB_EMPTY;
}

const PhysPage *tlb_phys_page(CPUState *cpu, hwaddr pa)
{
    struct CPUTLB *t = cpu->tlb;
    hwaddr page = pa & PAGE_MASK;
    PhysPage *p = &t->phys[(pa >> PAGE_BITS) % PHYS_CACHE];
    unsigned now = memory_generation();
    if (UNLIKELY(t->phys_generation != now)) {
        forget_phys_pages(t);
        t->phys_generation = now;
    }
    if (p->pa != page)
        phys_lookup(cpu, page, p);
    return p;
}

uint32_t phys_ldl(CPUState *cpu, hwaddr pa)
{
    const PhysPage *p = tlb_phys_page(cpu, pa);
    return p->host ? __atomic_load_n((uint32_t *)(p->host + (pa & ~PAGE_MASK)), __ATOMIC_RELAXED) : UINT32_MAX;
}

uint64_t phys_ldq(CPUState *cpu, hwaddr pa)
{
    const PhysPage *p = tlb_phys_page(cpu, pa);
    return p->host ? __atomic_load_n((uint64_t *)(p->host + (pa & ~PAGE_MASK)), __ATOMIC_RELAXED) : UINT64_MAX;
}

/* After a store to a page table entry. */
static void phys_written(const PhysPage *p, hwaddr pa, unsigned size)
{
    ram_written(p->block, (hwaddr)(p->host - p->block->host) + (pa & ~PAGE_MASK), size);
}

bool phys_cmpxchg32(CPUState *cpu, hwaddr pa, uint32_t old, uint32_t val)
{
    const PhysPage *p = tlb_phys_page(cpu, pa);
    if (!p->host || p->rom)
        return true; /* writes there are ignored */
    bool done = __atomic_compare_exchange_n((uint32_t *)(p->host + (pa & ~PAGE_MASK)), &old, val, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (done)
        phys_written(p, pa, 4);
    return done;
}

bool phys_cmpxchg64(CPUState *cpu, hwaddr pa, uint64_t old, uint64_t val)
{
    const PhysPage *p = tlb_phys_page(cpu, pa);
    if (!p->host || p->rom)
        return true;
    bool done = __atomic_compare_exchange_n((uint64_t *)(p->host + (pa & ~PAGE_MASK)), &old, val, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (done)
        phys_written(p, pa, 8);
    return done;
}

/* ---- Filling ---- */

void tlb_set(CPUState *cpu, uint64_t va, unsigned mode, const Translation *tr)
{
    TLBPage p = {
        .va = va & PAGE_MASK,
        .pa = tr->pa & PAGE_MASK,
        .mode = (uint8_t)mode,
        .prot = (uint8_t)(tr->read * PROT_R | tr->write * PROT_W | tr->exec * PROT_X),
        .attributes = tr->attributes,
        .global = tr->global && !is_private(cpu->bank),
        .page_bits = tr->page_size > PAGE_SIZE_ ? (uint8_t)(63 - __builtin_clzll(tr->page_size)) : PAGE_BITS,
    };
    p.once = tr->page_size < PAGE_SIZE_;
    resolve_host(cpu, &p);
    if (!p.once)
        l2_enter(cpu, p);
    l1_enter(cpu, &p);
}

bool tlb_refill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe,
                uintptr_t retaddr)
{
    TLBPage p;
    struct CPUTLB *t = cpu->tlb;
    t->stats.l1_misses++;
    if (l2_find(cpu, va, mode, &p) && p.prot & 1 << access) {
        l1_enter(cpu, &p);
        return true;
    }
    t->stats.l2_misses++;
    if (!cpu->target->tlb_fill(cpu, va, size, access, mode, probe, retaddr))
        return false;
    t->stats.fills++;
    return true;
}

const uint8_t *tlb_code_page(CPUState *cpu, uint64_t va, hwaddr *pa, bool *fault)
{
    unsigned mode = cpu->target->current_mmu_mode(cpu, true);
    unsigned slot = tlb_slot(va, mode);
    uint64_t page = va & PAGE_MASK;
    if (fault)
        *fault = false;
    if ((cpu->bank->entry[slot].tag[ACCESS_FETCH] & (PAGE_MASK | TLB_INVALID)) != page &&
        !tlb_refill(cpu, va, 1, ACCESS_FETCH, mode, fault != NULL, 0)) {
        *fault = true;
        return NULL;
    }
    const TLBPage *p = &cpu->bank->page[slot];
    code_note(cpu, p);
    if (!p->host) {
        *pa = p->pa | (va & ~PAGE_MASK);
        return NULL;
    }
    *pa = p->block->base + (hwaddr)(p->host - p->block->host) + (va & ~PAGE_MASK);
    return p->host + (va & ~PAGE_MASK);
}

/* ---- Switching and flushing ---- */

static bool key_equal(const TLBKey *a, const TLBKey *b)
{
    return a->space == b->space && a->context == b->context && a->extra == b->extra;
}

static TLBBank *find_bank(struct CPUTLB *t, const TLBKey *key)
{
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (t->bank[i]->valid && key_equal(&t->bank[i]->key, key))
            return t->bank[i];
    }
    return NULL;
}

static TLBBank *oldest_bank(struct CPUTLB *t)
{
    TLBBank *oldest = t->bank[0];
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (!t->bank[i]->valid)
            return t->bank[i];
        if (t->bank[i]->last_use < oldest->last_use)
            oldest = t->bank[i];
    }
    return oldest;
}

void tlb_switch(CPUState *cpu, TLBKey key)
{
    tlb_init(cpu);
    struct CPUTLB *t = cpu->tlb;
    if (key_equal(&cpu->bank->key, &key))
        return;
    TLBBank *bank = find_bank(t, &key);
    t->stats.switches++;
    if (!bank) {
        bank = oldest_bank(t);
        t->stats.evictions += bank->valid;
        bank->valid = true;
        bank->key = key;
        bank_reset(cpu, bank);
        code_new_context(bank);
    }
    bank->last_use = ++t->clock;
    cpu->bank = bank;
    code_switched(cpu);
    if (current_cpu == cpu && tcg_backend()->set_bank)
        tcg_backend()->set_bank(cpu, bank);
}

static void flush_bank_context(CPUState *cpu, TLBBank *bank)
{
    bank_flush_nonglobal(bank);
    bank->id = new_id(cpu);
    code_flush_bank(cpu, bank);
}

void tlb_flush_context(CPUState *cpu, TLBKey key)
{
    tlb_init(cpu);
    TLBBank *bank = find_bank(cpu->tlb, &key);
    cpu->tlb->stats.context_flushes++;
    if (bank)
        flush_bank_context(cpu, bank);
}

void tlb_flush_nonglobal(CPUState *cpu)
{
    tlb_init(cpu);
    cpu->tlb->stats.context_flushes++;
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (cpu->tlb->bank[i]->valid)
            flush_bank_context(cpu, cpu->tlb->bank[i]);
    }
}

static void bank_drop_page(CPUState *cpu, TLBBank *bank, uint64_t va)
{
    bool large = ranges_have(&bank->large, va);
    for (unsigned mode = 0; mode < cpu->tlb->modes; mode++) {
        unsigned slot = tlb_slot(va, mode);
        if (bank->page[slot].va == (va & PAGE_MASK))
            drop_slot(bank, slot);
    }
    uint32_t n = large ? atomic_load_explicit(&bank->nused, memory_order_relaxed) : 0;
    for (uint32_t i = 0; i < n; i++) {
        const TLBPage *p = &bank->page[bank->used[i]];
        if (p->page_bits > PAGE_BITS && mapping_covers(p, va))
            drop_slot(bank, bank->used[i]);
    }
    l2_drop(cpu->tlb, bank->id, va, &bank->large);
    code_flush_page(cpu, bank, va);
}

void tlb_flush_page(CPUState *cpu, TLBKey key, uint64_t va, bool global)
{
    struct CPUTLB *t = cpu->tlb;
    TLBBank *bank = find_bank(t, &key);
    t->stats.page_flushes++;
    if (bank)
        bank_drop_page(cpu, bank, va);
    if (!global)
        return;
    code_flush_global_page(cpu, va);
    bool large = ranges_have(&t->global_large, va);
    l2_drop(t, TLB_GLOBAL_CONTEXT, va, &t->global_large);
    if (!large && !tlb_filter_has(t->global_filter, 16, va))
        return;
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (t->bank[i] != bank && t->bank[i]->valid)
            bank_drop_page(cpu, t->bank[i], va);
    }
}

void tlb_flush_page_all(CPUState *cpu, uint64_t va)
{
    struct CPUTLB *t = cpu->tlb;
    t->stats.page_flushes++;
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (t->bank[i]->valid)
            bank_drop_page(cpu, t->bank[i], va);
    }
    l2_drop(t, TLB_GLOBAL_CONTEXT, va, &t->global_large);
}

void tlb_flush_mappings(CPUState *cpu)
{
    tlb_init(cpu);
    struct CPUTLB *t = cpu->tlb;
    t->stats.full_flushes++;
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (t->bank[i]->valid)
            bank_reset(cpu, t->bank[i]);
    }
    l2_clear(t);
    memset(t->global_filter, 0, sizeof(t->global_filter));
    code_flush_all(cpu);
}

void tlb_flush_all(CPUState *cpu)
{
    tlb_flush_mappings(cpu);
    code_forget_all(cpu);
}

void tlb_set_memory(CPUState *cpu, AddressSpace *as)
{
    cpu->memory = as;
    if (!cpu->tlb)
        return;
    forget_phys_pages(cpu->tlb);
    tlb_flush_all(cpu);
}

void tlb_flush_all_async(CPUState *cpu)
{
    if (current_cpu == cpu) {
        tlb_flush_all(cpu);
    } else {
        atomic_store(&cpu->tlb->flush_pending, true);
        cpu_kick(cpu);
    }
}

void tlb_run_pending(CPUState *cpu)
{
    if (UNLIKELY(atomic_load_explicit(&cpu->tlb->flush_pending, memory_order_relaxed)) &&
        atomic_exchange(&cpu->tlb->flush_pending, false))
        tlb_flush_all(cpu);
}

static void protect_in_bank(TLBBank *bank, const uint8_t *host, uint64_t len)
{
    uint32_t before;
    do {
        while ((before = atomic_load(&bank->shuffling)) & 1)
            sched_yield();
        uint32_t n = atomic_load(&bank->nused);
        for (uint32_t i = 0; i < n; i++) {
            unsigned slot = __atomic_load_n(&bank->used[i], __ATOMIC_RELAXED);
            if ((uint64_t)(__atomic_load_n(&bank->page[slot].host, __ATOMIC_RELAXED) - host) < len)
                __atomic_fetch_or(&bank->entry[slot].tag[ACCESS_WRITE], TLB_NOTDIRTY, __ATOMIC_SEQ_CST);
        }
    } while (atomic_load(&bank->shuffling) != before);
}

void tlb_protect_ram(const uint8_t *host, uint64_t len)
{
    CPU_FOREACH(cpu)
    {
        for (unsigned i = 0; cpu->tlb && i < TLB_BANKS; i++)
            protect_in_bank(cpu->tlb->bank[i], host, len);
        if (cpu != current_cpu)
            atomic_store(&cpu->exit_request, 1); /* a guard may hold for the whole of a loop, which polls */
    }
}

/* ---- Life ---- */

static void topology_listener(void *opaque)
{
    CPU_FOREACH(cpu)
    {
        if (cpu->tlb)
            tlb_flush_all_async(cpu);
    }
}

void *tlb_map_zeroed(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g_assert(p != MAP_FAILED);
    return p;
}

void tlb_init(CPUState *cpu)
{
    static bool listening;
    if (cpu->tlb)
        return;
    struct CPUTLB *t = tlb_map_zeroed(sizeof(*t));
    cpu->tlb = t;
    t->modes = cpu->target->mmu_modes;
    t->phys_generation = memory_generation() - 1;
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        TLBBank *b = tlb_map_zeroed(sizeof(TLBBank));
        for (unsigned s = 0; s < t->modes * TLB_SIZE; s++)
            drop_slot(b, s);
        b->id = ++t->last_id;
        t->bank[i] = b;
    }
    t->bank[0]->valid = true;
    cpu->bank = t->bank[0];
    code_init(cpu);
    if (!listening) {
        listening = true;
        memory_add_listener(topology_listener, NULL);
    }
}

void tlb_destroy(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    if (!t)
        return;
    code_destroy(cpu);
    for (unsigned i = 0; i < TLB_BANKS; i++)
        munmap(t->bank[i], sizeof(TLBBank));
    munmap(t, sizeof(*t));
    cpu->tlb = NULL;
    cpu->bank = NULL;
}

void tlb_stats(const CPUState *cpu, TLBStats *out)
{
    *out = cpu->tlb->stats;
}
