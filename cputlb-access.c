/* SPDX-License-Identifier: MIT */
/*
 * Guest memory accesses in C: for helpers, and for generated code whose inline check failed. Handles
 * page crossings, MMIO, ROM, pages with translated code, dirty tracking, watchpoints and atomics.
 * Values are little-endian here; MO_BE swaps at the end.
 */
#include "exec/icount.h"
#include "exec/tb.h"
#include "exec/tlb-internal.h"
#include "util/main-loop.h"

#include <glib.h>
#include <string.h>

/* A checked access that lies in one page. */
typedef struct Access {
    uint64_t va;
    unsigned slot;
    uint64_t flags; /* TLB_* */
    uint8_t *host;  /* NULL for MMIO */
} Access;

static inline bool slot_hit(const TLBBank *bank, unsigned slot, uint64_t va, AccessType access)
{
    return (bank->entry[slot].tag[access] & (PAGE_MASK | TLB_INVALID)) == (va & PAGE_MASK);
}

/* Translates; raises the guest's fault, or returns false when probe. size is for the fault. */
static bool translate(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe,
                      uintptr_t retaddr, Access *out)
{
    unsigned slot = tlb_slot(va, mode);
    if (!slot_hit(cpu->bank, slot, va, access) && !tlb_refill(cpu, va, size, access, mode, probe, retaddr))
        return false;
    const TLBEntry *e = &cpu->bank->entry[slot];
    out->va = va;
    out->slot = slot;
    out->flags = __atomic_load_n(&e->tag[access], __ATOMIC_RELAXED) & ~PAGE_MASK;
    out->host = out->flags & TLB_MMIO ? NULL : (uint8_t *)(va + e->addend);
    return true;
}

/* Guest accesses may be misaligned; the host's may too. */
#define MISALIGNED __attribute__((no_sanitize("alignment")))

MISALIGNED static uint64_t host_load(const void *p, unsigned size)
{
    switch (size) {
    case 1: return *(const uint8_t *)p;
    case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
    case 8: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
    }
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

MISALIGNED static void host_store(void *p, uint64_t v, unsigned size)
{
    switch (size) {
    case 1: *(uint8_t *)p = (uint8_t)v; return;
    case 2: __atomic_store_n((uint16_t *)p, (uint16_t)v, __ATOMIC_RELAXED); return;
    case 4: __atomic_store_n((uint32_t *)p, (uint32_t)v, __ATOMIC_RELAXED); return;
    case 8: __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELAXED); return;
    }
    memcpy(p, &v, size);
}

/* ---- MMIO ---- */

static void bus_error(CPUState *cpu, const Access *a, hwaddr pa, AccessType access, MemTxResult res, uintptr_t retaddr)
{
    if (res == MEMTX_DECODE_ERROR && cpu->target->bus_error) {
        cpu->mem_fault_addr = a->va;
        cpu->target->bus_error(cpu, pa, access, retaddr);
    }
}

/* Devices run under C's floating-point mode and see an exact clock. Returns whether FP was left. */
static bool io_begin(CPUState *cpu, uintptr_t retaddr)
{
    bool fp = cpu->fp_entered;
    cpu->tlb->stats.mmio++;
    if (fp)
        cpu_fp_leave(cpu);
    if (icount_enabled())
        icount_sync(cpu, retaddr);
    return fp;
}

static void io_end(CPUState *cpu, bool fp)
{
    if (icount_enabled())
        icount_sync(cpu, 0);
    if (fp)
        cpu_fp_enter(cpu);
}

/* Size of the next natural piece of an unaligned MMIO access of an odd length. */
static unsigned io_piece(hwaddr pa, unsigned left)
{
    unsigned size = 8;
    while (size > left || (left != size && (pa & (size - 1))))
        size >>= 1;
    return size;
}

static uint64_t io_load(CPUState *cpu, const Access *a, unsigned size, uintptr_t retaddr)
{
    hwaddr pa = cpu->bank->page[a->slot].pa | (a->va & ~PAGE_MASK);
    bool fp = io_begin(cpu, retaddr);
    uint64_t v = 0;
    MemTxResult res = MEMTX_OK, one;
    for (unsigned i = 0, n; i < size; i += n) {
        n = io_piece(pa + i, size - i);
        v |= address_space_ld(cpu_memory(cpu), pa + i, n, &one) << 8 * i;
        res = one != MEMTX_OK ? one : res;
    }
    io_end(cpu, fp);
    bus_error(cpu, a, pa, ACCESS_READ, res, retaddr);
    return v;
}

static void io_store(CPUState *cpu, const Access *a, uint64_t v, unsigned size, uintptr_t retaddr)
{
    hwaddr pa = cpu->bank->page[a->slot].pa | (a->va & ~PAGE_MASK);
    bool fp = io_begin(cpu, retaddr);
    MemTxResult res = MEMTX_OK;
    for (unsigned i = 0, n; i < size; i += n) {
        n = io_piece(pa + i, size - i);
        MemTxResult one = address_space_st(cpu_memory(cpu), pa + i, v >> 8 * i, n);
        res = one != MEMTX_OK ? one : res;
    }
    io_end(cpu, fp);
    bus_error(cpu, a, pa, ACCESS_WRITE, res, retaddr);
}

/* ---- Stores to pages that need bookkeeping ---- */

typedef struct DirtyStore {
    RAMBlock *block;
    hwaddr offset;
    bool code;
} DirtyStore;

/* Before a store to a TLB_NOTDIRTY page; may leave for the main loop when the running TB is hit. */
static DirtyStore dirty_begin(CPUState *cpu, const Access *a, unsigned len, uintptr_t retaddr)
{
    const TLBPage *p = &cpu->bank->page[a->slot];
    DirtyStore d = { .block = p->block, .offset = (hwaddr)(a->host - p->block->host) };
    d.code = !(atomic_load(ram_dirty_byte(p->block, a->host)) & DIRTY_CODE);
    if (d.code)
        tb_before_store(cpu, d.block, d.offset, len, retaddr);
    return d;
}

static void dirty_end(CPUState *cpu, const Access *a, unsigned len, const DirtyStore *d)
{
    _Atomic uint8_t *dirty = ram_dirty_byte(d->block, a->host);
    atomic_fetch_or(dirty, (uint8_t)~DIRTY_CODE);
    /* Not d->code: a TB may have been made while the store was under way. */
    if (!(atomic_load(dirty) & DIRTY_CODE))
        tb_after_store(d->block, d->offset, len);
    if (cpu->bank->page[a->slot].block == d->block)
        tlb_refresh_dirty(cpu->bank, a->slot);
}

/* ---- Accesses inside one page ---- */

static uint64_t load_one(CPUState *cpu, const Access *a, unsigned size, uintptr_t retaddr)
{
    if (UNLIKELY(a->flags & TLB_WATCH))
        cpu_check_watchpoints(cpu, a->va, size, BP_MEM_READ, retaddr);
    return LIKELY(a->host) ? host_load(a->host, size) : io_load(cpu, a, size, retaddr);
}

static void store_one(CPUState *cpu, const Access *a, uint64_t v, unsigned size, uintptr_t retaddr)
{
    if (UNLIKELY(a->flags & TLB_WATCH))
        cpu_check_watchpoints(cpu, a->va, size, BP_MEM_WRITE, retaddr);
    if (!a->host || a->flags & TLB_DISCARD_WRITE) { /* ROM: its device, if any, gets the store */
        io_store(cpu, a, v, size, retaddr);
    } else if (a->flags & TLB_NOTDIRTY) {
        DirtyStore d = dirty_begin(cpu, a, size, retaddr);
        host_store(a->host, v, size);
        dirty_end(cpu, a, size, &d);
    } else {
        host_store(a->host, v, size);
    }
}

/* Bytes of an access at va that lie in va's page. */
static unsigned in_page(uint64_t va, size_t size)
{
    size_t room = PAGE_SIZE_ - (va & ~PAGE_MASK);
    return (unsigned)(size < room ? size : room);
}

static void check_alignment(CPUState *cpu, uint64_t va, MemOpIdx oi, AccessType access, uintptr_t retaddr)
{
    MemOp op = memopidx_op(oi);
    if (UNLIKELY((op & MO_ALIGN) && (va & (memop_bytes(op) - 1))))
        cpu->target->unaligned_access(cpu, va, access, memopidx_mode(oi), retaddr);
}

/* Byte order and sign of a loaded value. */
static uint64_t loaded(uint64_t v, MemOp op)
{
    unsigned bits = 8 * memop_bytes(op);
    if (op & MO_BE)
        v = __builtin_bswap64(v) >> (64 - bits);
    return op & MO_SIGN ? (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits)) : v;
}

static uint64_t __attribute__((noinline)) slow_load(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr)
{
    unsigned size = memop_bytes(memopidx_op(oi)), mode = memopidx_mode(oi), n = in_page(va, size);
    Access a, b;
    check_alignment(cpu, va, oi, ACCESS_READ, retaddr);
    if (memopidx_op(oi) & MO_RMW) {
        translate(cpu, va, n, ACCESS_WRITE, mode, false, retaddr, &a);
        if (n < size)
            translate(cpu, va + n, size - n, ACCESS_WRITE, mode, false, retaddr, &b);
    }
    translate(cpu, va, n, ACCESS_READ, mode, false, retaddr, &a);
    if (LIKELY(n == size))
        return load_one(cpu, &a, size, retaddr);
    translate(cpu, va + n, size - n, ACCESS_READ, mode, false, retaddr, &b);
    translate(cpu, va, n, ACCESS_READ, mode, false, retaddr, &a); /* the second may have moved in over it */
    uint64_t low = load_one(cpu, &a, n, retaddr);
    translate(cpu, va + n, size - n, ACCESS_READ, mode, false, retaddr, &b);
    return low | load_one(cpu, &b, size - n, retaddr) << 8 * n;
}

static void __attribute__((noinline)) slow_store(CPUState *cpu, uint64_t va, uint64_t v, MemOpIdx oi,
                                                 uintptr_t retaddr)
{
    unsigned size = memop_bytes(memopidx_op(oi)), mode = memopidx_mode(oi), n = in_page(va, size);
    Access a, b;
    check_alignment(cpu, va, oi, ACCESS_WRITE, retaddr);
    translate(cpu, va, n, ACCESS_WRITE, mode, false, retaddr, &a);
    if (LIKELY(n == size)) {
        store_one(cpu, &a, v, size, retaddr);
        return;
    }
    translate(cpu, va + n, size - n, ACCESS_WRITE, mode, false, retaddr, &b);
    translate(cpu, va, n, ACCESS_WRITE, mode, false, retaddr, &a);
    store_one(cpu, &a, v, n, retaddr);
    translate(cpu, va + n, size - n, ACCESS_WRITE, mode, false, retaddr, &b);
    store_one(cpu, &b, v >> 8 * n, size - n, retaddr);
}

/* Host address when the whole access hits plain RAM, else NULL. */
static inline void *fast_host(CPUState *cpu, uint64_t va, unsigned size, AccessType access, MemOpIdx oi)
{
    const TLBEntry *e = &cpu->bank->entry[tlb_slot(va, memopidx_mode(oi))];
    uint64_t tag = __atomic_load_n(&e->tag[access], __ATOMIC_RELAXED);
    if (LIKELY(tag == (va & PAGE_MASK) && (va & ~PAGE_MASK) + size <= PAGE_SIZE_) &&
        !((memopidx_op(oi) & MO_ALIGN) && (va & (size - 1))))
        return (void *)(va + e->addend);
    return NULL;
}

uint64_t cpu_ld(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr)
{
    unsigned size = memop_bytes(memopidx_op(oi));
    const void *host = fast_host(cpu, va, size, ACCESS_READ, oi);
    return loaded(LIKELY(host) ? host_load(host, size) : slow_load(cpu, va, oi, retaddr), memopidx_op(oi));
}

void cpu_st(CPUState *cpu, uint64_t va, uint64_t val, MemOpIdx oi, uintptr_t retaddr)
{
    unsigned size = memop_bytes(memopidx_op(oi));
    void *host = fast_host(cpu, va, size, ACCESS_WRITE, oi);
    if (memopidx_op(oi) & MO_BE)
        val = __builtin_bswap64(val) >> (64 - 8 * size);
    if (LIKELY(host))
        host_store(host, val, size);
    else
        slow_store(cpu, va, val, oi, retaddr);
}

/* ---- For generated code ---- */

/*
 * While a guard's result is live nothing may happen that can change what is mapped, nor may others be let on: an access that is more
 * than a look-up and a copy leaves, and its instruction is done in a TB without guards. Returns oi as other functions want it.
 */
static MemOpIdx guarded(CPUState *cpu, uint64_t va, MemOpIdx oi, AccessType access, uintptr_t retaddr)
{
    MemOpIdx plain = oi & ~OI_GUARDED;
    if (LIKELY(!(oi & OI_GUARDED)))
        return plain;
    uint32_t seq = atomic_load_explicit(&cpu->store_seq, memory_order_relaxed);
    unsigned size = memop_bytes(memopidx_op(plain)), mode = memopidx_mode(plain), n = in_page(va, size);
    uint64_t flags = 0;
    Access a;
    check_alignment(cpu, va, plain, access, retaddr);
    if (memopidx_op(plain) & MO_RMW)
        access = ACCESS_WRITE;
    for (unsigned i = 0; i < size; i += n, n = size - n) {
        translate(cpu, va + i, n, access, mode, false, retaddr, &a);
        flags |= a.flags;
    }
    if (flags || atomic_load_explicit(&cpu->store_seq, memory_order_relaxed) != seq)
        tb_leave_guarded(cpu, retaddr);
    return plain;
}

uint64_t tlb_slow_ld(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr)
{
    return cpu_ld(cpu, va, guarded(cpu, va, oi, ACCESS_READ, retaddr), retaddr);
}

void tlb_slow_st(CPUState *cpu, uint64_t va, uint64_t val, MemOpIdx oi, uintptr_t retaddr)
{
    cpu_st(cpu, va, val, guarded(cpu, va, oi, ACCESS_WRITE, retaddr), retaddr);
}

uintptr_t tlb_prepare(CPUState *cpu, uint64_t va, uint32_t range)
{
    AccessType first = range & GUARD_STORE_FIRST ? ACCESS_WRITE : ACCESS_READ, access = range & GUARD_WRITE ? ACCESS_WRITE : ACCESS_READ;
    unsigned mode = range & 0xff, slot = tlb_slot(va, mode), last = range >> 8 & (GUARD_MAX_BYTES - 1);
    uint32_t seq = atomic_load_explicit(&cpu->store_seq, memory_order_relaxed);
    if (!slot_hit(cpu->bank, slot, va, first) && !tlb_refill(cpu, va, 1, first, mode, true, 0))
        return 0;
    if (atomic_load_explicit(&cpu->store_seq, memory_order_relaxed) != seq)
        return 0;
    const TLBEntry *e = &cpu->bank->entry[slot];
    return __atomic_load_n(&e->tag[access], __ATOMIC_RELAXED) == ((va + last) & PAGE_MASK) ? (uintptr_t)(va + e->addend) : 0;
}

/* ---- Blocks and vectors ---- */

static void load_block(CPUState *cpu, const Access *a, uint8_t *buf, unsigned len, uintptr_t retaddr)
{
    if (a->host && !(a->flags & TLB_WATCH)) {
        memcpy(buf, a->host, len);
        return;
    }
    Access part = *a;
    for (unsigned i = 0, n; i < len; i += n) {
        n = io_piece(a->va + i, len - i);
        part.va = a->va + i;
        part.host = a->host ? a->host + i : NULL;
        uint64_t v = load_one(cpu, &part, n, retaddr);
        memcpy(buf + i, &v, n);
    }
}

static void store_block(CPUState *cpu, const Access *a, const uint8_t *buf, unsigned len, uintptr_t retaddr)
{
    if (a->host && !(a->flags & ~(uint64_t)TLB_NOTDIRTY)) {
        if (a->flags) {
            DirtyStore d = dirty_begin(cpu, a, len, retaddr);
            memcpy(a->host, buf, len);
            dirty_end(cpu, a, len, &d);
        } else {
            memcpy(a->host, buf, len);
        }
        return;
    }
    Access part = *a;
    for (unsigned i = 0, n; i < len; i += n) {
        uint64_t v = 0;
        n = io_piece(a->va + i, len - i);
        memcpy(&v, buf + i, n);
        part.va = a->va + i;
        part.host = a->host ? a->host + i : NULL;
        store_one(cpu, &part, v, n, retaddr);
    }
}

void cpu_ld_bytes(CPUState *cpu, uint64_t va, void *buf, size_t len, unsigned mode, uintptr_t retaddr)
{
    uint8_t *p = buf;
    Access a;
    for (size_t i = 0; in_page(va, len) < len && i < len; i += in_page(va + i, len - i))
        translate(cpu, va + i, in_page(va + i, len - i), ACCESS_READ, mode, false, retaddr, &a);
    for (size_t i = 0, n; i < len; i += n) {
        n = in_page(va + i, len - i);
        translate(cpu, va + i, (unsigned)n, ACCESS_READ, mode, false, retaddr, &a);
        load_block(cpu, &a, p + i, (unsigned)n, retaddr);
    }
}

void cpu_st_bytes(CPUState *cpu, uint64_t va, const void *buf, size_t len, unsigned mode, uintptr_t retaddr)
{
    const uint8_t *p = buf;
    Access a;
    for (size_t i = 0; in_page(va, len) < len && i < len; i += in_page(va + i, len - i))
        translate(cpu, va + i, in_page(va + i, len - i), ACCESS_WRITE, mode, false, retaddr, &a);
    for (size_t i = 0, n; i < len; i += n) {
        n = in_page(va + i, len - i);
        translate(cpu, va + i, (unsigned)n, ACCESS_WRITE, mode, false, retaddr, &a);
        store_block(cpu, &a, p + i, (unsigned)n, retaddr);
    }
}

void tlb_slow_ldv(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr, void *out)
{
    oi = guarded(cpu, va, oi, ACCESS_READ, retaddr);
    unsigned size = memop_bytes(memopidx_op(oi));
    check_alignment(cpu, va, oi, ACCESS_READ, retaddr);
    cpu_ld_bytes(cpu, va, out, size, memopidx_mode(oi), retaddr);
    if (size < 16)
        memset((uint8_t *)out + size, 0, 16 - size);
}

void tlb_slow_stv(CPUState *cpu, uint64_t va, const void *in, MemOpIdx oi, uintptr_t retaddr)
{
    oi = guarded(cpu, va, oi, ACCESS_WRITE, retaddr);
    check_alignment(cpu, va, oi, ACCESS_WRITE, retaddr);
    cpu_st_bytes(cpu, va, in, memop_bytes(memopidx_op(oi)), memopidx_mode(oi), retaddr);
}

void *tlb_probe(CPUState *cpu, uint64_t va, size_t len, AccessType access, unsigned mode, bool probe,
                bool *fault, uintptr_t retaddr)
{
    Access a;
    bool ok = translate(cpu, va, in_page(va, len ? len : 1), access, mode, probe, retaddr, &a);
    if (fault)
        *fault = !ok;
    return ok && !a.flags && in_page(va, len) == len ? a.host : NULL;
}

/* ---- Atomics ---- */

#define ATOMIC_ON(type)                                                                           \
    MISALIGNED static uint64_t atomic_##type(IROpcode opc, type *p, type val, type expected)      \
    {                                                                                             \
        switch (opc) {                                                                            \
        case IR_ATOMIC_XCHG: return __atomic_exchange_n(p, val, __ATOMIC_SEQ_CST);                \
        case IR_ATOMIC_ADD: return __atomic_fetch_add(p, val, __ATOMIC_SEQ_CST);                  \
        case IR_ATOMIC_AND: return __atomic_fetch_and(p, val, __ATOMIC_SEQ_CST);                  \
        case IR_ATOMIC_OR: return __atomic_fetch_or(p, val, __ATOMIC_SEQ_CST);                    \
        case IR_ATOMIC_XOR: return __atomic_fetch_xor(p, val, __ATOMIC_SEQ_CST);                  \
        default:                                                                                  \
            __atomic_compare_exchange_n(p, &expected, val, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
            return expected;                                                                      \
        }                                                                                         \
    }
ATOMIC_ON(uint8_t)
ATOMIC_ON(uint16_t)
ATOMIC_ON(uint32_t)
ATOMIC_ON(uint64_t)

static uint64_t host_atomic(IROpcode opc, void *p, uint64_t val, uint64_t expected, unsigned size)
{
    switch (size) {
    case 1: return atomic_uint8_t(opc, p, (uint8_t)val, (uint8_t)expected);
    case 2: return atomic_uint16_t(opc, p, (uint16_t)val, (uint16_t)expected);
    case 4: return atomic_uint32_t(opc, p, (uint32_t)val, (uint32_t)expected);
    default: return atomic_uint64_t(opc, p, val, expected);
    }
}

/* The new value of a read-modify-write done in steps. */
static uint64_t combine(IROpcode opc, uint64_t old, uint64_t val, uint64_t expected, unsigned size)
{
    uint64_t mask = ~0ull >> (64 - 8 * size);
    switch (opc) {
    case IR_ATOMIC_XCHG: return val;
    case IR_ATOMIC_ADD: return old + val;
    case IR_ATOMIC_AND: return old & val;
    case IR_ATOMIC_OR: return old | val;
    case IR_ATOMIC_XOR: return old ^ val;
    default: return (old & mask) == (expected & mask) ? val : old;
    }
}

/* A read-modify-write that host atomics cannot do: in steps, with nobody else running. */
typedef struct SteppedAtomic {
    IROpcode opc;
    uint64_t va, val, expected, old;
    MemOpIdx oi;
    uintptr_t retaddr;
} SteppedAtomic;

static void atomic_steps(CPUState *cpu, void *opaque)
{
    SteppedAtomic *s = opaque;
    MemOpIdx oi = s->oi & ~(MemOpIdx)(MO_BE | MO_SIGN);
    s->old = cpu_ld(cpu, s->va, oi, s->retaddr);
    cpu_st(cpu, s->va, combine(s->opc, s->old, s->val, s->expected, memop_bytes(memopidx_op(oi))), oi, s->retaddr);
}

static void atomic_io(CPUState *cpu, SteppedAtomic *s)
{
    bool fp = cpu->fp_entered;
    if (fp)
        cpu_fp_leave(cpu);
    machine_lock();
    atomic_steps(cpu, s);
    machine_unlock();
    if (fp)
        cpu_fp_enter(cpu);
}

uint64_t cpu_atomic(CPUState *cpu, IROpcode opc, uint64_t va, uint64_t val, uint64_t expected, MemOpIdx oi,
                    uintptr_t retaddr)
{
    MemOp op = memopidx_op(oi);
    unsigned size = memop_bytes(op), mode = memopidx_mode(oi), n = in_page(va, size);
    Access a, b;

    check_alignment(cpu, va, oi, ACCESS_WRITE, retaddr);
    g_assert(!(op & MO_BE)); /* big-endian atomics are made of compare-and-swap by the front end */
    translate(cpu, va, n, ACCESS_WRITE, mode, false, retaddr, &a);
    translate(cpu, va, n, ACCESS_READ, mode, false, retaddr, &a);
    if (n < size) {
        SteppedAtomic s = { opc, va, val, expected, 0, oi, retaddr };
        translate(cpu, va + n, size - n, ACCESS_WRITE, mode, false, retaddr, &b);
        translate(cpu, va + n, size - n, ACCESS_READ, mode, false, retaddr, &b);
        cpus_run_exclusive(cpu, atomic_steps, &s);
        return loaded(s.old, op);
    }
    translate(cpu, va, n, ACCESS_WRITE, mode, false, retaddr, &a);
    if (UNLIKELY(a.flags & TLB_WATCH))
        cpu_check_watchpoints(cpu, va, size, BP_MEM_ACCESS, retaddr);
    if (!a.host || a.flags & TLB_DISCARD_WRITE) {
        SteppedAtomic s = { opc, va, val, expected, 0, oi, retaddr };
        atomic_io(cpu, &s);
        return loaded(s.old, op);
    }
    if (!(a.flags & TLB_NOTDIRTY))
        return loaded(host_atomic(opc, a.host, val, expected, size), op);
    DirtyStore d = dirty_begin(cpu, &a, size, retaddr);
    uint64_t old = host_atomic(opc, a.host, val, expected, size);
    dirty_end(cpu, &a, size, &d);
    return loaded(old, op);
}

uint64_t tlb_slow_atomic(CPUState *cpu, IROpcode opc, uint64_t va, uint64_t val, uint64_t expected, MemOpIdx oi, uintptr_t retaddr)
{
    if (UNLIKELY(oi & OI_GUARDED && in_page(va, memop_bytes(memopidx_op(oi & 0xffff))) < memop_bytes(memopidx_op(oi & 0xffff))))
        tb_leave_guarded(cpu, retaddr); /* it waits for the others */
    return cpu_atomic(cpu, opc, va, val, expected, guarded(cpu, va, oi, ACCESS_WRITE, retaddr), retaddr);
}

static bool host_cmpxchg16(void *p, uint64_t cmp[2], const uint64_t val[2])
{
#ifdef __x86_64__
    bool done;
    asm volatile("lock cmpxchg16b %1"
                 : "=@ccz"(done), "+m"(*(unsigned __int128 *)p), "+a"(cmp[0]), "+d"(cmp[1])
                 : "b"(val[0]), "c"(val[1])
                 : "memory");
    return done;
#else
    unsigned __int128 old = cmp[0] | (unsigned __int128)cmp[1] << 64;
    unsigned __int128 new = val[0] | (unsigned __int128)val[1] << 64;
    bool done = __atomic_compare_exchange_n((unsigned __int128 *)p, &old, new, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    cmp[0] = (uint64_t)old;
    cmp[1] = (uint64_t)(old >> 64);
    return done;
#endif
}

/* In memory that is not plain RAM nothing needs to be atomic but the device. */
static bool stepped_cmpxchg16(CPUState *cpu, uint64_t va, uint64_t cmp[2], const uint64_t val[2], unsigned mode,
                              uintptr_t retaddr)
{
    uint64_t old[2];
    cpu_ld_bytes(cpu, va, old, 16, mode, retaddr);
    bool same = old[0] == cmp[0] && old[1] == cmp[1];
    cpu_st_bytes(cpu, va, same ? val : old, 16, mode, retaddr);
    memcpy(cmp, old, sizeof(old));
    return same;
}

bool cpu_cmpxchg16(CPUState *cpu, uint64_t va, uint64_t cmp[2], const uint64_t val[2], unsigned mode,
                   uintptr_t retaddr)
{
    Access a;
    if (va & 15)
        cpu->target->unaligned_access(cpu, va, ACCESS_WRITE, mode, retaddr);
    translate(cpu, va, 16, ACCESS_WRITE, mode, false, retaddr, &a);
    translate(cpu, va, 16, ACCESS_READ, mode, false, retaddr, &a);
    translate(cpu, va, 16, ACCESS_WRITE, mode, false, retaddr, &a);
    if (!a.host || a.flags & ~(uint64_t)TLB_NOTDIRTY)
        return stepped_cmpxchg16(cpu, va, cmp, val, mode, retaddr);
    if (!(a.flags & TLB_NOTDIRTY))
        return host_cmpxchg16(a.host, cmp, val);
    DirtyStore d = dirty_begin(cpu, &a, 16, retaddr);
    bool done = host_cmpxchg16(a.host, cmp, val);
    dirty_end(cpu, &a, 16, &d);
    return done;
}
