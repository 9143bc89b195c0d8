/* SPDX-License-Identifier: MIT */
/*
 * TBs: generating, linking, invalidating; self-modifying code.
 *
 * How stores meet translated code. A RAM page without the DIRTY_CODE bit may hold code; stores to it take
 * the slow path (TLB_NOTDIRTY). The slow path stores first and then looks at the page's word of code_map
 * (a bit per 64 bytes); a set bit leads to tb_invalidate_ram. The translator does the opposite: it
 * announces (clears DIRTY_CODE, sets all bits of the word), then reads the code bytes, and narrows the
 * bits to the truth when the TB is in the lists. So a store and a translation that meet cannot both miss
 * each other. Inline stores check nothing after the store; therefore, when DIRTY_CODE goes away and
 * other vCPUs run, generating waits until each of them has passed a point where no store is under way.
 *
 * A store into the TB that makes it: cpu_loop_exit_restore before the store, and the main loop runs that
 * instruction in a one-instruction TB, where nothing follows the store that could be stale.
 */
#include "exec/tb-internal.h"
#include "exec/icount.h"
#include "exec/tlb-internal.h"
#include "exec/translator.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#define DEFAULT_MAX_INSNS 96
#define GRANULE_BITS 6
#define MMIO_CODE_BYTES 32 /* more than any instruction has */

TBStats tb_stats;
static TCGOptions options;
static pthread_mutex_t tb_mutex = PTHREAD_MUTEX_INITIALIZER;

static TranslationBlock *tb_of(uintptr_t link)
{
    return (TranslationBlock *)(link & ~(uintptr_t)TB_EXIT_MASK);
}

void tb_lock(CPUState *cpu)
{
    if (pthread_mutex_trylock(&tb_mutex) == 0)
        return;
    if (cpu)
        cpu_wait_begin(cpu);
    pthread_mutex_lock(&tb_mutex);
    if (cpu)
        cpu_wait_end(cpu);
}

void tb_unlock(void)
{
    pthread_mutex_unlock(&tb_mutex);
}

/* ---- Set-up ---- */

const TCGBackend *tcg_backend(void)
{
    return options.engine;
}

const TCGOptions *tcg_options(void)
{
    return &options;
}

bool tcg_init(const TCGOptions *o, Error **errp)
{
    options = *o;
    if (!options.engine)
        options.engine = &tcg_backend_x86_64;
    if (options.perfmap && !perfmap_open(errp))
        return false;
    if (!code_cache_init(options.tb_size, options.split_wx, options.engine, errp))
        return false;
    tb_hash_init(code_cache_size());
    return true;
}

void tcg_exit(void)
{
    tb_flush_all();
    tb_hash_exit();
    code_cache_exit();
    perfmap_close();
}

/* ---- Pages: which bytes of RAM are code ---- */

/* Code of a TB on its first (n = 0) or second page: offset in the page and length. */
static void tb_extent(const TranslationBlock *tb, unsigned n, uint32_t *offset, uint32_t *len)
{
    uint32_t start = (uint32_t)(tb->phys_pc & ~PAGE_MASK), first = (uint32_t)PAGE_SIZE_ - start;
    if (tb->size < first)
        first = tb->size;
    *offset = n ? 0 : start - tb->before;
    *len = n ? tb->size - first : tb->before + first;
}

/* Granule bits of [offset, offset + len) in a page. */
static uint64_t granules(uint32_t offset, uint32_t len)
{
    unsigned first = offset >> GRANULE_BITS, last = (offset + len - 1) >> GRANULE_BITS;
    return ~0ull >> (63 - last) & ~0ull << first;
}

static uint64_t granules_in_list(uintptr_t link)
{
    uint64_t bits = 0;
    for (; link; link = tb_of(link)->page_next[link & 1]) {
        uint32_t offset, len;
        tb_extent(tb_of(link), link & 1, &offset, &len);
        bits |= granules(offset, len);
    }
    return bits;
}

static void page_insert(hwaddr phys, TranslationBlock *tb, unsigned n)
{
    RAMBlock *b = ram_block_at(phys);
    uint64_t page = (phys - b->base) >> PAGE_BITS;
    tb->page_next[n] = b->code_tbs[page];
    b->code_tbs[page] = (uintptr_t)tb | n;
}

/* page_next of a TB that is in no list. */
#define PAGE_NOT_LISTED ((uintptr_t)2)

static void page_remove(hwaddr phys, TranslationBlock *tb, unsigned n)
{
    RAMBlock *b = ram_block_at(phys);
    if (!b)
        return;
    uintptr_t *link = &b->code_tbs[(phys - b->base) >> PAGE_BITS];
    while (*link && *link != ((uintptr_t)tb | n))
        link = &tb_of(*link)->page_next[*link & 1];
    if (*link)
        *link = tb->page_next[n];
    tb->page_next[n] = PAGE_NOT_LISTED;
}

/* Takes all invalid TBs out of a page's list. */
static void page_sweep(hwaddr phys)
{
    RAMBlock *b = ram_block_at(phys);
    if (!b)
        return;
    for (uintptr_t *link = &b->code_tbs[(phys - b->base) >> PAGE_BITS]; *link;) {
        TranslationBlock *tb = tb_of(*link);
        uintptr_t *next = &tb->page_next[*link & 1];
        if (atomic_load(&tb->invalid)) {
            *link = *next;
            *next = PAGE_NOT_LISTED;
        } else {
            link = next;
        }
    }
}

/* The announcement is over: code_map tells the truth again. before: what it was; after: the new TB's part. */
static void page_narrow(hwaddr phys, uint64_t before, uint64_t added)
{
    RAMBlock *b = ram_block_at(phys);
    uint64_t page = (phys - b->base) >> PAGE_BITS;
    bool known = before != ~0ull; /* else another announcement, or nearly all code */
    atomic_store(&b->code_map[page], known ? before | added : granules_in_list(b->code_tbs[page]));
}

/*
 * Before reading code bytes: from now on every store to the page is noticed. False when the lock must be
 * given up so that stores under way on other vCPUs can finish (then call again). *before receives the
 * page's word of code_map.
 */
static bool page_announce(RAMBlock *b, const uint8_t *host, uint64_t *before)
{
    uint64_t page = (uint64_t)(host - b->host) >> PAGE_BITS;
    *before = atomic_exchange(&b->code_map[page], ~0ull);
    if (!(atomic_fetch_and(&b->dirty[page], (uint8_t)~DIRTY_CODE) & DIRTY_CODE))
        return true;
    tlb_protect_ram(b->host + (page << PAGE_BITS), PAGE_SIZE_);
    return !cpus_several();
}

/* ---- Links. TB lock ---- */

static bool chaining_allowed(const TranslationBlock *from, const TranslationBlock *to)
{
    /* A thread may have come to `from` by another's patched jump: publish() wrote `invalid` last. */
    return !atomic_load(&from->invalid) && !((from->flags | to->flags) & (TB_NOCHAIN | TB_ONCE)) && !log_enabled(LOG_NOCHAIN) &&
           to->phys_page2 == (hwaddr)-1 && ((from->state.pc ^ to->state.pc) & PAGE_MASK) == 0 &&
           ((from->phys_pc ^ to->phys_pc) & PAGE_MASK) == 0;
}

void tb_add_jump(TranslationBlock *from, unsigned slot, TranslationBlock *to)
{
    if (!chaining_allowed(from, to) || atomic_load(&from->jump[slot].dest) || !options.engine->patch)
        return;
    tb_lock(current_cpu);
    if (!atomic_load(&from->invalid) && !atomic_load(&to->invalid) && !atomic_load(&from->jump[slot].dest) &&
        from->jump[slot].patch != ~0u) {
        atomic_store(&from->jump[slot].dest, to);
        from->jump[slot].next = to->jump_first;
        to->jump_first = (uintptr_t)from | slot;
        options.engine->patch(from, slot, to);
        tb_stats.links++;
    }
    tb_unlock();
}

/* Every jump to tb goes to its stub again. */
static void unlink_incoming(TranslationBlock *tb)
{
    for (uintptr_t link = tb->jump_first, next; link; link = next) {
        TranslationBlock *from = tb_of(link);
        unsigned slot = link & TB_EXIT_MASK;
        next = from->jump[slot].next;
        atomic_store(&from->jump[slot].dest, NULL);
        options.engine->patch(from, slot, NULL);
        tb_stats.unlinks++;
    }
    tb->jump_first = 0;
}

static void unlink_outgoing(TranslationBlock *tb)
{
    for (unsigned slot = 0; slot < tb_slots(tb); slot++) {
        TranslationBlock *to = atomic_load(&tb->jump[slot].dest);
        if (!to)
            continue;
        uintptr_t *link = &to->jump_first;
        while (*link != ((uintptr_t)tb | slot))
            link = &tb_of(*link)->jump[*link & TB_EXIT_MASK].next;
        *link = tb->jump[slot].next;
        atomic_store(&tb->jump[slot].dest, NULL);
        options.engine->patch(tb, slot, NULL); /* a loop in the page must come out of its TBs */
    }
}

/* ---- Invalidating ---- */

static void forget_entry(JumpCacheEntry *e, const TranslationBlock *tb)
{
    if (__atomic_load_n(&e->tb, __ATOMIC_RELAXED) == tb || __atomic_load_n(&e->code, __ATOMIC_RELAXED) == tb->code)
        __atomic_store_n(&e->key, 0, __ATOMIC_SEQ_CST);
}

/* What the jump cache calls a TB's start. */
static uint64_t cache_pc(const TBState *s)
{
    return s->careful ? careful_pc(s->pc) : s->pc;
}

/* All but the lists of the pages. */
static void forget(TranslationBlock *tb)
{
    atomic_store(&tb->invalid, true);
    tb_stats.invalidated++;
    tb_hash_remove(tb);
    unlink_incoming(tb);
    unlink_outgoing(tb);
    /* Whoever fills an entry looks at tb->invalid afterwards, so one of the two sees the other. */
    CPU_FOREACH(cpu)
    {
        forget_entry(&cpu->jump_cache[jump_cache_slot(cache_pc(&tb->state))], tb);
        for (unsigned i = 0; i < RAS_SIZE; i++)
            forget_entry(&cpu->ras[i], tb);
        if (tb->flags & TB_LOOP)
            atomic_store(&cpu->exit_request, 1); /* its loop polls */
    }
}

void tb_invalidate(TranslationBlock *tb)
{
    if (atomic_load(&tb->invalid))
        return;
    forget(tb);
    page_remove(tb->phys_pc, tb, 0);
    if (tb->phys_page2 != (hwaddr)-1)
        page_remove(tb->phys_page2, tb, 1);
}

unsigned tb_invalidate_many(TranslationBlock *const *tbs, unsigned n)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!atomic_load(&tbs[i]->invalid)) {
            forget(tbs[i]);
            alive++;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        const TranslationBlock *tb = tbs[i];
        if (tb->page_next[0] != PAGE_NOT_LISTED)
            page_sweep(tb->phys_pc);
        if (tb->phys_page2 != (hwaddr)-1 && tb->page_next[1] != PAGE_NOT_LISTED)
            page_sweep(tb->phys_page2);
    }
    return alive;
}

/* TB lock. Invalidates the page's TBs that overlap [offset, offset + len) of it; true when there was one. */
static bool page_invalidate(RAMBlock *b, uint64_t page, uint32_t offset, uint32_t len)
{
    bool any = false;
    for (uintptr_t link = b->code_tbs[page], next; link; link = next) {
        TranslationBlock *tb = tb_of(link);
        uint32_t o, l;
        next = tb->page_next[link & 1];
        tb_extent(tb, link & 1, &o, &l);
        if (o < offset + len && offset < o + l) {
            /* the link after a TB that is on this page twice must survive its removal */
            while (next && tb_of(next) == tb)
                next = tb->page_next[next & 1];
            tb_invalidate(tb);
            any = true;
        }
    }
    return any;
}

void tb_invalidate_ram(RAMBlock *b, hwaddr offset, uint64_t len)
{
    if (!len || !options.engine)
        return;
    tb_lock(current_cpu);
    for (uint64_t page = offset >> PAGE_BITS; page <= (offset + len - 1) >> PAGE_BITS; page++) {
        if (atomic_load(&b->dirty[page]) & DIRTY_CODE)
            continue;
        hwaddr start = page << PAGE_BITS;
        uint32_t from = offset > start ? (uint32_t)(offset - start) : 0;
        uint32_t to = (uint32_t)MIN(PAGE_SIZE_, offset + len - start);
        if (page_invalidate(b, page, from, to - from))
            atomic_store(&b->code_map[page], granules_in_list(b->code_tbs[page]));
    }
    tb_unlock();
}

typedef struct SortedPCs {
    const uint64_t *pcs;
    unsigned n;
} SortedPCs;

static void invalidate_if_at(TranslationBlock *tb, void *opaque)
{
    const SortedPCs *s = opaque;
    uint64_t start = tb->state.pc - tb->before;
    unsigned first = 0; /* of those at or behind the TB's first byte */
    for (unsigned end = s->n; first < end;) {
        unsigned mid = (first + end) / 2;
        if (s->pcs[mid] < start)
            first = mid + 1;
        else
            end = mid;
    }
    if (first < s->n && s->pcs[first] - start < tb->before + tb->size)
        tb_invalidate(tb);
}

void tb_invalidate_pcs(const uint64_t *pcs, unsigned n)
{
    SortedPCs s = { pcs, n };
    if (options.engine && n)
        code_cache_foreach(invalidate_if_at, &s);
}

/* Hashes of the starts of TBs that are to have no guards. A bit per hash: bits that two share cost speed only. TB lock */
#define UNGUARDED_BITS 16
static uint64_t unguarded[(1 << UNGUARDED_BITS) / 64];

void tb_flush_all(void)
{
    if (!options.engine) /* no CPU has been made */
        return;
    tb_lock(NULL);
    code_cache_invalidate_all();
    tb_hash_clear();
    code_cache_reset();
    memset(unguarded, 0, sizeof(unguarded));
    CPU_FOREACH(cpu) { /* what comes now is counted anew: counts left over would make regions too early */
        memset(cpu->heat, 0, sizeof(cpu->heat));
        cpu->heat_ready = false;
    }
    tb_unlock();
}

/* ---- Stores by vCPUs ---- */

void tb_before_store(CPUState *cpu, RAMBlock *b, hwaddr offset, unsigned len, uintptr_t retaddr)
{
    TranslationBlock *tb = retaddr ? tb_find_host(retaddr) : NULL;
    if (!tb || tb->insns <= 1 || tb->phys_pc == (hwaddr)-1)
        return;
    /* only the first instruction of a TB may reach into a second page, so it has one page here */
    hwaddr at = b->base + offset;
    if (at >= tb->phys_pc + tb->size || at + len <= tb->phys_pc - tb->before)
        return;
    tb_stats.hits_own_code++;
    cpu->one_insn = true;
    cpu_loop_exit_restore(cpu, retaddr);
}

/* Nothing on the page is code any more: stores to it are plain again. */
static void page_release(RAMBlock *b, uint64_t page)
{
    tb_lock(current_cpu);
    if (!b->code_tbs[page] && atomic_load(&b->code_map[page]) == 0)
        atomic_fetch_or(&b->dirty[page], DIRTY_CODE);
    tb_unlock();
}

void tb_after_store(RAMBlock *b, hwaddr offset, unsigned len)
{
    uint64_t page = offset >> PAGE_BITS;
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t map = atomic_load(&b->code_map[page]);
    if (map & granules((uint32_t)(offset & ~PAGE_MASK), len)) {
        tb_invalidate_ram(b, offset, len);
        map = atomic_load(&b->code_map[page]);
    }
    if (!map)
        page_release(b, page);
}

/* ---- Guards ---- */

static unsigned unguarded_slot(hwaddr phys_pc)
{
    return (unsigned)(phys_pc * 0x9e3779b97f4a7c15ull >> (64 - UNGUARDED_BITS));
}

/* May the TB have guards? It must be possible to leave it anywhere. */
static bool guards_allowed(const TranslationBlock *tb)
{
    unsigned slot = unguarded_slot(tb->phys_pc);
    return options.engine->host_code && current_target->guard_exit && !tb->state.careful &&
           !(tb->flags & (TB_ONE_INSN | TB_ICOUNT | TB_ONCE | TB_NOCHAIN)) && !log_enabled(LOG_NOCHAIN) &&
           !(unguarded[slot / 64] >> slot % 64 & 1);
}

void tb_leave_guarded(CPUState *cpu, uintptr_t retaddr)
{
    TranslationBlock *tb = tb_find_host(retaddr);
    cpu_restore_state(cpu, retaddr);
    if (tb) {
        unsigned slot = unguarded_slot(tb->phys_pc);
        tb_lock(cpu);
        unguarded[slot / 64] |= 1ull << slot % 64;
        tb_invalidate(tb);
        tb_stats.unguarded++;
        tb_unlock();
    }
    cpu->careful = true;
    cpu_loop_exit(cpu);
}

/* ---- Generating ---- */

/* The pages a TB is made from. */
typedef struct CodeSource {
    CodePage page[2];
    uint64_t map_before[2]; /* code_map when announced */
    unsigned n;
    uint8_t mmio[2][PAGE_SIZE_];
} CodeSource;

static __thread CodeSource *source; /* this thread's */

void tb_thread_exit(void)
{
    g_free(source);
    source = NULL;
    translator_exit();
}

/* Finds the page of va, raising the guest's fault; bytes of MMIO are read now, before any lock. */
static void find_page(CPUState *cpu, CodeSource *s, uint64_t va)
{
    CodePage *p = &s->page[s->n];
    hwaddr pa;
    const uint8_t *host = tlb_code_page(cpu, va, &pa, NULL);
    p->va = va & PAGE_MASK;
    if (host) {
        p->host = host - (va & ~PAGE_MASK);
        p->pa = pa & PAGE_MASK;
    } else {
        uint64_t offset = va & ~PAGE_MASK, end = MIN(PAGE_SIZE_, offset + MMIO_CODE_BYTES);
        bool fp = cpu->fp_entered;
        if (fp)
            cpu_fp_leave(cpu);
        for (uint64_t i = offset; i < end; i++)
            s->mmio[s->n][i] = (uint8_t)address_space_ld(cpu_memory(cpu), pa - offset + i, 1, NULL);
        if (fp)
            cpu_fp_enter(cpu);
        p->host = s->mmio[s->n];
        p->pa = (hwaddr)-1;
    }
    s->n++;
}

static unsigned settling; /* generators waiting for stores under way. TB lock */

/* TB lock; given up meanwhile when stores under way on other vCPUs must finish first. */
static void announce_pages(CPUState *cpu, CodeSource *s)
{
    bool waited = false, fresh;
    do {
        fresh = false;
        for (unsigned i = 0; i < s->n; i++) {
            if (s->page[i].pa != (hwaddr)-1)
                fresh |= !page_announce(ram_block_at(s->page[i].pa), s->page[i].host, &s->map_before[i]);
        }
        if (fresh || (settling && !waited)) { /* another one's page may be ours */
            settling++;
            tb_unlock();
            cpus_wait_stores(cpu);
            tb_lock(cpu);
            settling--;
            waited = true;
        }
    } while (fresh);
}

/* tb: what was made, or NULL. */
static void narrow_pages(const CodeSource *s, const TranslationBlock *tb)
{
    for (unsigned i = 0; i < s->n; i++) {
        uint32_t offset, len = 0;
        if (s->page[i].pa == (hwaddr)-1)
            continue;
        if (tb && !(tb->flags & TB_ONCE))
            tb_extent(tb, i, &offset, &len);
        page_narrow(s->page[i].pa, s->map_before[i], len ? granules(offset, len) : 0);
    }
}

static void count_tb(const TranslationBlock *tb, size_t bytes)
{
    tb_stats.generated++;
    tb_stats.guest_bytes += tb->size;
    tb_stats.guest_insns += tb->insns;
    tb_stats.host_bytes += tb->code_size;
    tb_stats.two_pages += tb->phys_page2 != (hwaddr)-1;
    tb_stats.once += (tb->flags & TB_ONCE) != 0;
    tb_stats.max_guest_bytes = MAX(tb_stats.max_guest_bytes, tb->size);
    tb_stats.max_host_bytes = MAX(tb_stats.max_host_bytes, tb->code_size);
}

/* Makes the finished TB known. TB lock. */
static void publish(TranslationBlock *tb, const CodeSource *s)
{
    bool ram = s->page[0].pa != (hwaddr)-1;
    tb->phys_page2 = (hwaddr)-1;
    if (tb->size > PAGE_SIZE_ - (tb->state.pc & ~PAGE_MASK)) {
        tb->phys_page2 = s->page[1].pa;
        ram &= tb->phys_page2 != (hwaddr)-1;
    }
    if (!ram)
        tb->flags |= TB_ONCE;
    if (tb->flags & TB_ONCE) {
        atomic_store(&tb->invalid, true);
        tb->phys_page2 = (hwaddr)-1;
        tb->page_next[0] = PAGE_NOT_LISTED;
        return;
    }
    page_insert(tb->phys_pc, tb, 0);
    if (tb->phys_page2 != (hwaddr)-1)
        page_insert(tb->phys_page2, tb, 1);
    atomic_store(&tb->invalid, false);
    tb_hash_insert(tb);
}

typedef enum BuildResult { BUILD_OK, BUILD_NO_SPACE, BUILD_NEED_PAGE2, BUILD_TOO_LARGE } BuildResult;

/* Translates and compiles one TB at the cache's end. TB lock. */
static BuildResult build(CPUState *cpu, const TBState *state, unsigned max_insns, unsigned flags,
                         const CodeSource *s, TranslationBlock **out)
{
    const uint8_t *rx;
    size_t room, head = offsetof(TranslationBlock, jump) + (flags & TB_REGION ? TB_SLOTS : TB_SLOTS_USUAL) * sizeof(TBJump);
    uint8_t *rw = code_cache_begin(&rx, &room);
    if (!rw)
        return BUILD_NO_SPACE;
    TranslationBlock *tb = (TranslationBlock *)rw;
    memset(tb, 0, head);
    head = (head + 15) & ~(size_t)15;
    tb->state = *state;
    tb->flags = (uint16_t)flags;
    for (unsigned slot = 0; slot < tb_slots(tb); slot++)
        tb->jump[slot].patch = ~0u;
    tb->phys_page2 = (hwaddr)-1;
    tb->phys_pc = s->page[0].pa != (hwaddr)-1 ? s->page[0].pa | (state->pc & ~PAGE_MASK) : (hwaddr)-1;
    if (flags & TB_REGION) /* its loops fetch better from whole cache lines; for the rest, density counts */
        head += (size_t)(-(uintptr_t)(rx + head) & 63);
    tb->code = rx + head;

    switch (translator_loop(cpu, tb, max_insns, &s->page[0], s->n > 1 ? &s->page[1] : NULL)) {
    case TRANSLATE_NEED_PAGE2: return BUILD_NEED_PAGE2;
    case TRANSLATE_OVERFLOW: return BUILD_TOO_LARGE;
    case TRANSLATE_OK: break;
    }
    cpu->ir->guards = guards_allowed(tb);
    unwind_set_first(cpu->ir->insns);
    size_t bytes = tcg_compile(cpu->ir, tb, rw + head, room - head);
    unwind_set_first(NULL);
    if (!bytes)
        return BUILD_TOO_LARGE;
    publish(tb, s);
    code_cache_commit(tb, rw + head + bytes);
    count_tb(tb, bytes);
    perfmap_add(tb);
    *out = tb;
    return BUILD_OK;
}

/* The code cache's next region still has vCPUs in it. Goes to the main loop if this vCPU may be one. */
static void wait_for_space(CPUState *cpu)
{
    if (cpu->in_code)
        cpu_loop_exit(cpu);
    atomic_fetch_add(&cpu->exec_seq, 1); /* as if outside: others may be waiting for us, too */
    code_cache_wait(cpu);
    atomic_fetch_add(&cpu->exec_seq, 1);
}

/* max_insns 0: the default. flags: TB_*. */
static TranslationBlock *generate(CPUState *cpu, const TBState *state, unsigned max_insns, unsigned flags)
{
    TranslationBlock *tb = NULL;
    BuildResult r;

    if (!source)
        source = g_new(CodeSource, 1);
    if (!cpu->ir)
        cpu->ir = ir_func_new();
    source->n = 0;
    find_page(cpu, source, state->pc);
    if (source->page[0].pa == (hwaddr)-1)
        max_insns = 1;
    do {
        tb_lock(cpu);
        announce_pages(cpu, source);
        r = build(cpu, state, max_insns, flags, source, &tb);
        narrow_pages(source, tb);
        tb_unlock();
        if (r == BUILD_NEED_PAGE2) {
            find_page(cpu, source, (state->pc & PAGE_MASK) + PAGE_SIZE_);
        } else if (r == BUILD_TOO_LARGE) {
            g_assert(max_insns > 1); /* OPS_PER_INSN and MIN_ROOM are too small */
            max_insns /= 2;
            tb_stats.retries++;
        } else if (r == BUILD_NO_SPACE) {
            wait_for_space(cpu);
        }
    } while (r != BUILD_OK);
    return tb;
}

/* Debug builds end TBs anywhere, so that whatever depends on where shows itself. */
static unsigned longest_tb(void)
{
#ifdef CONFIG_DEBUG_TCG
    static __thread uint32_t random = 1;
    random = random * 1664525 + 1013904223;
    return random >> 30 ? 1 + (random >> 8) % DEFAULT_MAX_INSNS : DEFAULT_MAX_INSNS;
#else
    return DEFAULT_MAX_INSNS;
#endif
}

static bool regions_allowed(unsigned flags)
{
    return !(flags & (TB_ONE_INSN | TB_ICOUNT | TB_ONCE | TB_NOCHAIN)) && !options.one_insn_per_tb && !log_enabled(LOG_NOCHAIN);
}

/* Debug builds make regions of some TBs at once. */
static bool region_at_once(void)
{
#ifdef CONFIG_DEBUG_TCG
    static __thread uint32_t random = 7;
    random = random * 1664525 + 1013904223;
    return random >> 31 || !options.hot;
#else
    return !options.hot;
#endif
}

void tb_heat_up(CPUState *cpu, TranslationBlock *tb)
{
    if (!cpu->heat_ready) { /* all counts started at 0 */
        for (unsigned i = 0; i < HEAT_SIZE; i++)
            cpu->heat[i] = (int32_t)options.hot;
        cpu->heat_ready = true;
        return;
    }
    tb_lock(cpu);
    TBState state = tb->state;
    bool wanted = !atomic_load(&tb->invalid) && regions_allowed(tb->flags);
    cpu->heat[heat_slot(tb->code)] = (int32_t)options.hot;
    if (wanted) {
        tb_invalidate(tb);
        tb_stats.regions++;
    }
    tb_unlock();
    if (wanted)
        generate(cpu, &state, longest_tb() * 5 / 3, TB_REGION);
}

TranslationBlock *tb_gen_code(CPUState *cpu, const TBState *state, unsigned max_insns)
{
    unsigned flags = (max_insns == 1 ? TB_ONE_INSN : 0) | (icount_enabled() ? TB_ICOUNT : 0);
    if (cpu->one_insn || cpu->singlestep || cpu->skip_breakpoint)
        flags |= TB_ONCE | TB_NOCHAIN;
    if (!max_insns) {
        max_insns = options.one_insn_per_tb ? 1 : longest_tb();
        if (regions_allowed(flags) && !state->careful && region_at_once())
            flags |= TB_REGION;
    }
    return generate(cpu, state, max_insns, flags);
}

/* ---- Looking up ---- */

TranslationBlock *tb_lookup(CPUState *cpu, const TBState *state)
{
    hwaddr pa, pa2;
    const uint8_t *host = tlb_code_page(cpu, state->pc, &pa, NULL);
    TranslationBlock *tb = host ? tb_hash_find(pa, state) : NULL;
    if (tb && UNLIKELY(tb->phys_page2 != (hwaddr)-1)) {
        /* The second page must still be where it was. A fault there is this instruction's. */
        tlb_code_page(cpu, (state->pc & PAGE_MASK) + PAGE_SIZE_, &pa2, NULL);
        if ((pa2 & PAGE_MASK) != tb->phys_page2) {
            tb_lock(cpu);
            tb_invalidate(tb);
            tb_unlock();
            return NULL;
        }
    }
    return tb;
}

/* Lets goto_ptr find tb under the current key. */
static void fill_jump_cache(CPUState *cpu, TranslationBlock *tb)
{
    if (tb->state.cs_base || tb->flags & (TB_ONCE | TB_NOCHAIN) || log_enabled(LOG_NOCHAIN) || cpu->jc_key >> 32 == EPOCH_NONE)
        return;
    JumpCacheEntry *e = &cpu->jump_cache[jump_cache_slot(cache_pc(&tb->state))];
    __atomic_store_n(&e->key, 0, __ATOMIC_RELAXED);
    e->pc = cache_pc(&tb->state);
    __atomic_store_n(&e->code, tb->code, __ATOMIC_RELAXED);
    __atomic_store_n(&e->tb, tb, __ATOMIC_RELAXED);
    __atomic_store_n(&e->key, cpu->jc_key, __ATOMIC_SEQ_CST);
    if (UNLIKELY(atomic_load(&tb->invalid)))
        __atomic_store_n(&e->key, 0, __ATOMIC_RELAXED);
}

TranslationBlock *tb_find(CPUState *cpu, const TBState *state)
{
    uint64_t pc = cache_pc(state);
    const JumpCacheEntry *e = &cpu->jump_cache[jump_cache_slot(pc)];
    if (e->pc == pc && __atomic_load_n(&e->key, __ATOMIC_RELAXED) == cpu->jc_key && !state->cs_base)
        return e->tb;
    TranslationBlock *tb = tb_lookup(cpu, state);
    cpu->tlb->stats.jump_misses++;
    if (!tb) {
        cpu->tlb->stats.hash_misses++;
        tb = tb_gen_code(cpu, state, 0);
    }
    fill_jump_cache(cpu, tb);
    return tb;
}

static const void *lookup_code(CPUState *cpu, bool careful)
{
    cpu->careful = careful; /* for the main loop, if it gets there */
    if (atomic_load_explicit(&cpu->exit_request, memory_order_relaxed) ||
        atomic_load_explicit(&cpu->interrupt_request, memory_order_relaxed) ||
        log_enabled(LOG_CPU | LOG_NOCHAIN) || cpu->singlestep)
        return options.engine->exit_address();
    TBState state = cpu->target->tb_state(cpu);
    state.careful = careful;
    cpu->jc_key = (uint64_t)tlb_settle_epoch(cpu, state.flags) << 32 | state.flags;
    TranslationBlock *tb = tb_find(cpu, &state);
    if (tb->flags & TB_ONCE)
        return options.engine->exit_address();
    cpu->careful = false;
    return tb->code;
}

const void *tb_lookup_code(CPUState *cpu)
{
    return lookup_code(cpu, false);
}

const void *tb_lookup_careful(CPUState *cpu)
{
    cpu->tlb->stats.guards++;
    return lookup_code(cpu, true);
}

/* ---- info jit ---- */

static void count_valid(TranslationBlock *tb, void *opaque)
{
    *(uint64_t *)opaque += !atomic_load(&tb->invalid);
}

static void dump_tlb_stats(FILE *out)
{
    TLBStats sum = { 0 };
    uint64_t unlinked = 0;
    CPU_FOREACH(cpu)
    {
        TLBStats s;
        tlb_stats(cpu, &s);
        for (unsigned i = 0; i < sizeof(s) / sizeof(uint64_t); i++)
            ((uint64_t *)&sum)[i] += ((const uint64_t *)&s)[i];
    }
    fprintf(out, "jump cache misses   %" PRIu64 " (%" PRIu64 " not in the hash)\n", sum.jump_misses, sum.hash_misses);
    for (unsigned slot = 0; slot < TB_SLOTS; slot++)
        unlinked += sum.exits[slot];
    fprintf(out, "exits               %" PRIu64 " without a link, %" PRIu64 " for a lookup, %" PRIu64 " by the poll, %" PRIu64
            " of hot TBs, %" PRIu64 " from C code\n", unlinked, sum.exits[TB_EXIT_LOOKUP], sum.exits[TB_EXIT_POLL],
            sum.exits[TB_EXIT_HOT], sum.long_jumps);
    fprintf(out, "guards failed       %" PRIu64 " without an entry in the jump cache\n", sum.guards);
    fprintf(out, "exceptions          %" PRIu64 "\n", sum.exceptions);
    fprintf(out, "halts               %" PRIu64 "\n", sum.halts);
    fprintf(out, "\nTLB:\n");
    fprintf(out, "L1 misses           %" PRIu64 "\n", sum.l1_misses);
    fprintf(out, "L2 misses           %" PRIu64 "\n", sum.l2_misses);
    fprintf(out, "page walks          %" PRIu64 "\n", sum.fills);
    fprintf(out, "bank switches       %" PRIu64 " (%" PRIu64 " evicted a bank)\n", sum.switches, sum.evictions);
    fprintf(out, "page flushes        %" PRIu64 "\n", sum.page_flushes);
    fprintf(out, "context flushes     %" PRIu64 "\n", sum.context_flushes);
    fprintf(out, "full flushes        %" PRIu64 "\n", sum.full_flushes);
    fprintf(out, "MMIO accesses       %" PRIu64 "\n", sum.mmio);
}

void tcg_dump_stats(FILE *out)
{
    uint64_t valid = 0;
    tb_lock(NULL);
    TBStats s = tb_stats;
    double n = s.generated ? (double)s.generated : 1, bytes = s.guest_bytes ? (double)s.guest_bytes : 1;
    code_cache_foreach(count_valid, &valid);
    fprintf(out, "Translation buffer state:\n");
    fprintf(out, "gen code size       %" PRIu64 "/%" PRIu64 " (%u regions)\n", code_cache_used(), code_cache_size(),
            code_cache_regions());
    fprintf(out, "TB count            %" PRIu64 "\n", valid);
    fprintf(out, "TBs generated       %" PRIu64 " (%" PRIu64 " on two pages, %" PRIu64 " used once, %" PRIu64
            " retried shorter)\n", s.generated, s.two_pages, s.once, s.retries);
    fprintf(out, "TB avg guest size   %.1f bytes, %.1f instructions, max=%" PRIu64 "\n",
            (double)s.guest_bytes / n, (double)s.guest_insns / n, s.max_guest_bytes);
    fprintf(out, "TB avg host size    %.1f bytes (expansion ratio: %.1f), max=%" PRIu64 "\n",
            (double)s.host_bytes / n, (double)s.host_bytes / bytes, s.max_host_bytes);
    fprintf(out, "\nStatistics:\n");
    fprintf(out, "links made          %" PRIu64 " (%" PRIu64 " undone)\n", s.links, s.unlinks);
    fprintf(out, "TB invalidate count %" PRIu64 " (%" PRIu64 " stores into the running TB)\n",
            s.invalidated - s.evicted, s.hits_own_code);
    fprintf(out, "hot TBs extended    %" PRIu64 "\n", s.regions);
    fprintf(out, "TBs without guards  %" PRIu64 " after an access of another kind\n", s.unguarded);
    fprintf(out, "region evictions    %" PRIu64 " (%" PRIu64 " TBs, %" PRIu64 " waits)\n", s.evictions, s.evicted,
            s.cache_waits);
    tb_unlock();
    dump_tlb_stats(out);
}
