/* SPDX-License-Identifier: MIT */
/*
 * The software TLB's memory of executed pages, and code epochs.
 *
 * The code epoch of a bank is half of the key under which jump-cache entries are valid. It changes
 * whenever a page that was executed from under the bank loses its translation.
 *
 * Where the target can look mappings up again (TargetOps.walk_code), executed pages are kept in sets, apart for privileged and
 * user code, each with an epoch. A bank has a view of a set: how many of its pages are known to be mapped in the bank's context
 * as the set says. After a flush none is; before the next look-up of code they are walked again (a processor might have done
 * so by itself right after the flush), and if all are where they were, the epoch and the jump-cache entries under it stay good. A
 * new context takes the largest set that holds for it. So a kernel keeps its entries over address-space switches and
 * flushes, also where its pages are not global; banks that share a set look at pages that others have added when they run next.
 *
 * Without walk_code, privileged code that runs from global pages has an epoch of its own in all banks, so that a kernel's entries
 * stay good over address-space switches; the first fetch of it from another page ends that for a while.
 */
#include "exec/tlb-internal.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- Filters of pages ---- */

static void filter_clear(CodeFilter *f)
{
    memset(f, 0, sizeof(*f));
    f->first = UINT64_MAX;
}

static void filter_note(CodeFilter *f, const TLBPage *p)
{
    tlb_filter_add(f->page, 64, p->va);
    f->first = MIN(f->first, p->va);
    f->last = MAX(f->last, p->va);
    if (p->page_bits > PAGE_BITS) {
        tlb_filter_add(f->large, 8, tlb_mapping_first(p) + ((uint64_t)p->page_bits << PAGE_BITS));
        f->large_sizes |= 1ull << p->page_bits;
    }
}

/* Whether losing the mapping of va may change executed code. */
static bool filter_hit(const CodeFilter *f, uint64_t va)
{
    if (va >= f->first && va <= (f->last | ~PAGE_MASK) && tlb_filter_has(f->page, 64, va))
        return true;
    for (uint64_t sizes = f->large_sizes; sizes; sizes &= sizes - 1) {
        unsigned bits = (unsigned)__builtin_ctzll(sizes);
        if (tlb_filter_has(f->large, 8, (va & ~0ull << bits) + ((uint64_t)bits << PAGE_BITS)))
            return true;
    }
    return false;
}

/* ---- Epochs ---- */

static void clear_jump_cache(CPUState *cpu)
{
    for (unsigned i = 0; i < JUMP_CACHE_SIZE; i++)
        __atomic_store_n(&cpu->jump_cache[i].key, 0, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < RAS_SIZE; i++)
        __atomic_store_n(&cpu->ras[i].key, 0, __ATOMIC_RELAXED);
}

static bool is_privileged(const CPUState *cpu, uint32_t flags)
{
    uint32_t user = cpu->target->user_flags;
    return user && (flags & user) != user;
}

static CodeView *view_of(const CPUState *cpu, uint32_t flags)
{
    return &cpu->bank->view[!is_privileged(cpu, flags)];
}

uint32_t tlb_code_epoch(const CPUState *cpu, uint32_t flags)
{
    const struct CPUTLB *t = cpu->tlb;
    if (t->code_sets) {
        const CodeView *v = view_of(cpu, flags);
        return v->set && v->checked == v->set->n && !v->set->full ? v->set->epoch : EPOCH_NONE;
    }
    return t->shared_kernel && is_privileged(cpu, flags) ? t->kernel_epoch : cpu->bank->code_epoch;
}

static void set_key_epoch(CPUState *cpu)
{
    uint32_t flags = (uint32_t)cpu->jc_key;
    cpu->jc_key = (uint64_t)tlb_code_epoch(cpu, flags) << 32 | flags;
}

/* An epoch that no jump-cache entry of this vCPU carries. */
static uint32_t new_epoch(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    if (++t->last_epoch == EPOCH_NONE) { /* all numbers are free again once nothing carries them */
        clear_jump_cache(cpu);
        t->last_epoch = 0;
        for (unsigned i = 0; i < TLB_BANKS; i++)
            t->bank[i]->code_epoch = ++t->last_epoch;
        t->kernel_epoch = ++t->last_epoch;
        for (unsigned i = 0; t->code_sets && i < CODE_SETS; i++)
            t->code_sets[i].epoch = t->code_sets[i].epoch ? ++t->last_epoch : 0;
        ++t->last_epoch;
    }
    return t->last_epoch;
}

/* ---- Sets ---- */

/* Where in the hash the page is, or would be. */
static uint16_t *set_slot(CodeSet *set, uint64_t va)
{
    unsigned h = tlb_page_hash(va) % ARRAY_SIZE(set->index);
    while (set->index[h] && set->page[set->index[h] - 1].va != va)
        h = (h + 1) % ARRAY_SIZE(set->index);
    return &set->index[h];
}

/* A page of the set was seen in a mapping of this size. */
static void set_widen(CodeSet *set, ExecPage *p, unsigned bits)
{
    uint64_t first = p->va & ~0ull << bits;
    p->page_bits = (uint8_t)bits;
    set->large |= bits > PAGE_BITS;
    set->first = MIN(set->first, first);
    set->last = MAX(set->last, first | ~(~0ull << bits));
}

static void set_add(CodeSet *set, const TLBPage *p)
{
    uint16_t *slot = set_slot(set, p->va);
    ExecPage *q = &set->page[set->n++];
    *q = (ExecPage){ .va = p->va, .pa = p->pa, .host = p->host, .attributes = p->attributes };
    *slot = (uint16_t)set->n;
    set_widen(set, q, p->page_bits);
}

/* Empties the set and gives it an epoch; nothing is known of it in any bank. */
static void set_restart(CPUState *cpu, CodeSet *set, bool user)
{
    struct CPUTLB *t = cpu->tlb;
    set->epoch = new_epoch(cpu);
    set->n = 0;
    set->user = user;
    set->full = set->large = false;
    set->first = UINT64_MAX;
    set->last = 0;
    memset(set->index, 0, sizeof(set->index));
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        for (unsigned u = 0; u < 2; u++) {
            if (t->bank[i]->view[u].set == set)
                t->bank[i]->view[u].checked = 0;
        }
    }
}

static bool set_in_use(const struct CPUTLB *t, const CodeSet *set)
{
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        if (t->bank[i]->view[0].set == set || t->bank[i]->view[1].set == set)
            return true;
    }
    return false;
}

/* There are more sets than views, so that one is free. */
static CodeSet *set_new(CPUState *cpu, bool user)
{
    struct CPUTLB *t = cpu->tlb;
    CodeSet *oldest = NULL;
    for (unsigned i = 0; i < CODE_SETS; i++) {
        CodeSet *set = &t->code_sets[i];
        if (!set_in_use(t, set) && (!oldest || set->last_use < oldest->last_use))
            oldest = set;
    }
    set_restart(cpu, oldest, user);
    return oldest;
}

/* ---- Walking again ---- */

/* The last few large mappings found by one look at a set. */
typedef struct Seen {
    unsigned n;
    struct { uint64_t first, size; hwaddr pa; uint8_t attributes; } m[4];
} Seen;

static bool walk_again(CPUState *cpu, Seen *seen, uint64_t va, Translation *tr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(seen->m) && i < seen->n; i++) {
        if (va - seen->m[i].first < seen->m[i].size) {
            *tr = (Translation){ .pa = seen->m[i].pa + (va - seen->m[i].first), .page_size = seen->m[i].size,
                                 .attributes = seen->m[i].attributes };
            return true;
        }
    }
    if (!cpu->target->walk_code(cpu, va, tr) || tr->page_size < PAGE_SIZE_)
        return false;
    if (tr->page_size > PAGE_SIZE_) {
        unsigned i = seen->n++ % ARRAY_SIZE(seen->m);
        uint64_t skip = va & (tr->page_size - 1);
        seen->m[i].first = va - skip;
        seen->m[i].size = tr->page_size;
        seen->m[i].pa = tr->pa - skip;
        seen->m[i].attributes = tr->attributes;
    }
    return true;
}

/* Looks at the pages of the view's set that are not known to be where it says, in the current context. False: one is not. */
static bool view_check(CPUState *cpu, CodeView *v)
{
    CodeSet *set = v->set;
    Seen seen = { 0 };
    for (; v->checked < set->n; v->checked++) {
        ExecPage *p = &set->page[v->checked];
        Translation tr;
        if (!walk_again(cpu, &seen, p->va, &tr) || ((tr.pa ^ p->pa) & PAGE_MASK) || tr.attributes != p->attributes ||
            tlb_phys_page(cpu, p->pa)->host != p->host)
            return false;
        unsigned bits = 63 - (unsigned)__builtin_clzll(tr.page_size);
        if (UNLIKELY(bits > p->page_bits))
            set_widen(set, p, bits);
    }
    return true;
}

#define CANDIDATES 4

/* The view gets the largest set that holds for it, or a new one. */
static void view_choose(CPUState *cpu, CodeView *v, bool user)
{
    struct CPUTLB *t = cpu->tlb;
    const CodeSet *failed = v->set;
    unsigned limit = CODE_PAGES + 1;
    for (unsigned tries = 0; tries < CANDIDATES; tries++) {
        CodeSet *best = NULL;
        for (unsigned i = 0; i < CODE_SETS; i++) {
            CodeSet *set = &t->code_sets[i];
            if (set->epoch && set->user == user && set != failed && !set->full && set->n && set->n < limit && (!best || set->n > best->n))
                best = set;
        }
        if (!best)
            break;
        *v = (CodeView){ best, 0 };
        if (view_check(cpu, v))
            return;
        limit = best->n;
    }
    v->set = NULL;
    *v = (CodeView){ set_new(cpu, user), 0 };
}

uint32_t tlb_settle_epoch(CPUState *cpu, uint32_t flags)
{
    if (!cpu->tlb->code_sets)
        return tlb_code_epoch(cpu, flags);
    CodeView *v = view_of(cpu, flags);
    bool user = !is_privileged(cpu, flags);
    if (LIKELY(v->set && v->checked == v->set->n && !v->set->full))
        return v->set->epoch;
    if (v->set && v->set->full)
        set_restart(cpu, v->set, user);
    if (!v->set || !view_check(cpu, v))
        view_choose(cpu, v, user);
    v->set->last_use = cpu->tlb->clock;
    return v->set->epoch;
}

/* What is found now need not be what the set says: until the next look at it nothing is known of that page. Two
 * pages of one look-up are both noted before the next look, so a full set is not emptied here. */
static void view_note(CPUState *cpu, const TLBPage *p)
{
    uint32_t flags = (uint32_t)cpu->jc_key;
    tlb_settle_epoch(cpu, flags);
    CodeView *v = view_of(cpu, flags);
    unsigned number = *set_slot(v->set, p->va);
    if (LIKELY(number)) {
        ExecPage *q = &v->set->page[number - 1];
        if (UNLIKELY(q->pa != p->pa || q->host != p->host || q->attributes != p->attributes))
            v->checked = number - 1;
        else if (UNLIKELY(p->page_bits > q->page_bits))
            set_widen(v->set, q, p->page_bits);
    } else if (v->set->n < CODE_PAGES) {
        set_add(v->set, p);
        v->checked = v->set->n;
    } else {
        v->set->full = true;
    }
    set_key_epoch(cpu);
}

/* The page of va, or the mapping it was in, is not known any more. */
static void view_drop(CodeView *v, uint64_t va)
{
    CodeSet *set = v->set;
    if (!set || va < set->first || va > set->last)
        return;
    if (!set->large) {
        unsigned number = *set_slot(set, va & PAGE_MASK);
        v->checked = number ? MIN(v->checked, number - 1) : v->checked;
        return;
    }
    for (unsigned i = 0; i < v->checked; i++) {
        if ((set->page[i].va ^ va) >> set->page[i].page_bits == 0) {
            v->checked = i;
            return;
        }
    }
}

/* ---- Without walk_code ---- */

/* Pages executed from under the bank may have changed their translation. */
static void forget_code(CPUState *cpu, TLBBank *bank)
{
    bank->code_epoch = new_epoch(cpu);
    filter_clear(&bank->code);
    set_key_epoch(cpu);
}

/* The same for global pages with privileged code. */
static void forget_kernel_code(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    t->kernel_epoch = new_epoch(cpu);
    filter_clear(&t->kernel_code);
    set_key_epoch(cpu);
}

#define SHARING_PAUSE 2000 /* address-space switches */

/* Privileged code from a page that is not global: what is true of it in one bank is not in others. */
static void stop_sharing(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    t->shared_kernel = false;
    t->try_sharing = t->clock + SHARING_PAUSE;
    set_key_epoch(cpu);
}

static void start_sharing(CPUState *cpu)
{
    cpu->tlb->shared_kernel = true;
    forget_kernel_code(cpu);
}

/* ---- Entry points ---- */

void code_note(CPUState *cpu, const TLBPage *p)
{
    struct CPUTLB *t = cpu->tlb;
    if (t->code_sets) {
        view_note(cpu, p);
        return;
    }
    bool shared = t->shared_kernel && is_privileged(cpu, (uint32_t)cpu->jc_key);
    if (shared && !p->global) {
        stop_sharing(cpu);
        shared = false;
    }
    filter_note(shared ? &t->kernel_code : &cpu->bank->code, p);
}

void code_new_context(TLBBank *bank)
{
    bank->view[0] = bank->view[1] = (CodeView){ NULL, 0 };
}

void code_switched(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    set_key_epoch(cpu);
    if (UNLIKELY(!t->code_sets && !t->shared_kernel && t->clock > t->try_sharing))
        start_sharing(cpu);
}

void code_flush_bank(CPUState *cpu, TLBBank *bank)
{
    if (!cpu->tlb->code_sets) {
        forget_code(cpu, bank);
        return;
    }
    bank->view[0].checked = bank->view[1].checked = 0;
    set_key_epoch(cpu);
}

void code_flush_all(CPUState *cpu)
{
    if (!cpu->tlb->code_sets)
        start_sharing(cpu);
}

void code_flush_page(CPUState *cpu, TLBBank *bank, uint64_t va)
{
    struct CPUTLB *t = cpu->tlb;
    if (t->code_sets) {
        view_drop(&bank->view[0], va);
        view_drop(&bank->view[1], va);
        set_key_epoch(cpu);
        return;
    }
    if (filter_hit(&bank->code, va))
        forget_code(cpu, bank);
    if (filter_hit(&t->kernel_code, va))
        forget_kernel_code(cpu);
}

void code_flush_global_page(CPUState *cpu, uint64_t va)
{
    struct CPUTLB *t = cpu->tlb;
    for (unsigned i = 0; t->code_sets && i < TLB_BANKS; i++)
        code_flush_page(cpu, t->bank[i], va);
}

void code_forget_all(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    for (unsigned i = 0; t->code_sets && i < CODE_SETS; i++) {
        if (t->code_sets[i].epoch)
            set_restart(cpu, &t->code_sets[i], t->code_sets[i].user);
    }
    set_key_epoch(cpu);
}

void code_init(CPUState *cpu)
{
    struct CPUTLB *t = cpu->tlb;
    for (unsigned i = 0; i < TLB_BANKS; i++) {
        t->bank[i]->code_epoch = ++t->last_epoch;
        filter_clear(&t->bank[i]->code);
    }
    t->kernel_epoch = ++t->last_epoch;
    filter_clear(&t->kernel_code);
    t->shared_kernel = true;
    if (cpu->target->walk_code)
        t->code_sets = tlb_map_zeroed(CODE_SETS * sizeof(CodeSet));
    set_key_epoch(cpu);
}

void code_destroy(CPUState *cpu)
{
    if (cpu->tlb->code_sets)
        munmap(cpu->tlb->code_sets, CODE_SETS * sizeof(CodeSet));
}
