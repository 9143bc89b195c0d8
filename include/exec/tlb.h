/* SPDX-License-Identifier: MIT */
/*
 * The software TLB. Each vCPU has a few banks; a translation context (x86: CR3 and PCID; ARM: ASID,
 * TTBR, regime, DACR) selects one, so that switching address spaces flushes nothing. A bank has one
 * direct-mapped table per MMU mode, indexed by low bits of the page number; a larger second level in C,
 * where global pages are shared by all banks, makes first-level misses cheap.
 *
 * Generated code reads entries at (bank base + mode * TLB_SIZE * 32 + index * 32 + field).
 * All functions run on the vCPU's own thread unless they say otherwise.
 */
#ifndef RHEA_EXEC_TLB_H
#define RHEA_EXEC_TLB_H

#include "tcg/ir.h"
#include "typedefs.h"

#define PAGE_BITS 12
#define PAGE_SIZE_ (1ull << PAGE_BITS)
#define PAGE_MASK (~(PAGE_SIZE_ - 1))
#define TLB_BITS 11
#define TLB_SIZE (1u << TLB_BITS)
#define TLB_ENTRY_BITS 5
#define TLB_MODES_MAX 8

typedef enum AccessType { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH } AccessType;

typedef struct TLBEntry {
    uint64_t tag[3]; /* by AccessType: page address, plus TLB_* flags that force the slow path */
    uint64_t addend; /* host address = guest address + addend */
} TLBEntry;
_Static_assert(sizeof(TLBEntry) == 1 << TLB_ENTRY_BITS, "generated code scales by shifting");

/* Flags in a tag; any of them makes the inline compare fail. They lie above the address bits that take part in the
 * compare where alignment is asked for (up to 32 bytes). */
enum {
    TLB_INVALID = 1 << 6,
    TLB_NOTDIRTY = 1 << 7, /* RAM page that holds translated code: stores go through exec.c */
    TLB_MMIO = 1 << 8,
    TLB_WATCH = 1 << 9,
    TLB_DISCARD_WRITE = 1 << 10, /* ROM */
};

/*
 * The inline check compares the page of an access's last byte with the tag in the slot of its first byte, which is right as
 * neighbours have different slots. Bits of the page number as they are: a hash of them costs two instructions and a
 * cycle before each load that waits for its address, more than the slots it saves.
 */
static inline unsigned tlb_index(uint64_t va)
{
    return (unsigned)(va >> PAGE_BITS) & (TLB_SIZE - 1);
}

/* What a page walk found. */
typedef struct Translation {
    hwaddr pa;           /* of the byte at va */
    uint64_t page_size;  /* 4 KiB … 1 GiB: size of the mapping; flushing one byte of it flushes all. Less: good for one access */
    bool read, write, exec; /* what this MMU mode may do without another walk (write only if dirty) */
    bool global;         /* survives context switches */
    uint8_t attributes;  /* target's */
} Translation;

typedef struct TLBKey {
    uint64_t space;   /* page table root */
    uint32_t context; /* PCID, ASID, regime … */
    uint32_t extra;   /* e.g. DACR */
} TLBKey;
#define TLB_CONTEXT_PRIVATE (1u << 31) /* in context: neither makes nor sees global pages */

void tlb_init(CPUState *cpu);    /* allocates banks; target->mmu_modes tables each */
void tlb_destroy(CPUState *cpu);

/* Makes the bank of key current (evicting the least recently used one if it is new): no flush. */
void tlb_switch(CPUState *cpu, TLBKey key);
/* Drops the non-global entries of one context (x86: MOV CR3 without PCID or with bit 63 clear). */
void tlb_flush_context(CPUState *cpu, TLBKey key);
/* Drops every non-global entry of every context. */
void tlb_flush_nonglobal(CPUState *cpu);
/* Drops va in one context; with global, its global mapping in every bank too. */
void tlb_flush_page(CPUState *cpu, TLBKey key, uint64_t va, bool global);
void tlb_flush_page_all(CPUState *cpu, uint64_t va); /* in every bank */
void tlb_flush_all(CPUState *cpu);
/* As the guest asks for it: jump-cache entries of code whose mapping is found unchanged stay good. */
void tlb_flush_mappings(CPUState *cpu);
/* From any thread: the flush happens on the vCPU's thread before its next TB (at once on that thread). */
void tlb_flush_all_async(CPUState *cpu);
/* Does what tlb_flush_all_async asked for; the vCPU loop calls it between TBs. */
void tlb_run_pending(CPUState *cpu);
/* Sends every vCPU's stores to these host pages of RAM through the slow path from now on. Any thread;
 * a store already past its inline check may still land. */
void tlb_protect_ram(const uint8_t *host, uint64_t len);

/* From now on the vCPU sees this physical memory, NULL = address_space_memory. Flushes everything. */
void tlb_set_memory(CPUState *cpu, AddressSpace *as);
AddressSpace *cpu_memory(const CPUState *cpu);

/* Called by TargetOps.tlb_fill to enter a translation for the current bank. */
void tlb_set(CPUState *cpu, uint64_t va, unsigned mode, const Translation *t);

/* Guest accesses by helpers: any alignment, MMIO, page crossing. Raise the guest's fault.
 * retaddr: HELPER_RETADDR() of the outermost helper; 0 when cpu state is already precise. */
uint64_t cpu_ld(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr);
void cpu_st(CPUState *cpu, uint64_t va, uint64_t val, MemOpIdx oi, uintptr_t retaddr);
static inline uint8_t cpu_ldub(CPUState *c, uint64_t va, unsigned mode, uintptr_t ra) { return (uint8_t)cpu_ld(c, va, MEMOPIDX(MO_8, mode), ra); }
static inline uint16_t cpu_lduw(CPUState *c, uint64_t va, unsigned mode, uintptr_t ra) { return (uint16_t)cpu_ld(c, va, MEMOPIDX(MO_16, mode), ra); }
static inline uint32_t cpu_ldl(CPUState *c, uint64_t va, unsigned mode, uintptr_t ra) { return (uint32_t)cpu_ld(c, va, MEMOPIDX(MO_32, mode), ra); }
static inline uint64_t cpu_ldq(CPUState *c, uint64_t va, unsigned mode, uintptr_t ra) { return cpu_ld(c, va, MEMOPIDX(MO_64, mode), ra); }
static inline void cpu_stb(CPUState *c, uint64_t va, uint8_t v, unsigned mode, uintptr_t ra) { cpu_st(c, va, v, MEMOPIDX(MO_8, mode), ra); }
static inline void cpu_stw(CPUState *c, uint64_t va, uint16_t v, unsigned mode, uintptr_t ra) { cpu_st(c, va, v, MEMOPIDX(MO_16, mode), ra); }
static inline void cpu_stl(CPUState *c, uint64_t va, uint32_t v, unsigned mode, uintptr_t ra) { cpu_st(c, va, v, MEMOPIDX(MO_32, mode), ra); }
static inline void cpu_stq(CPUState *c, uint64_t va, uint64_t v, unsigned mode, uintptr_t ra) { cpu_st(c, va, v, MEMOPIDX(MO_64, mode), ra); }
/* Any length; all pages are checked for the access before the first byte is written. */
void cpu_ld_bytes(CPUState *cpu, uint64_t va, void *buf, size_t len, unsigned mode, uintptr_t retaddr);
void cpu_st_bytes(CPUState *cpu, uint64_t va, const void *buf, size_t len, unsigned mode, uintptr_t retaddr);
/* Host pointer for len bytes at va within one page, good until the next flush or store to code;
 * NULL when the page is not plain RAM for this access (MMIO, code page on write, watchpoint).
 * Raises the guest's fault like an access, unless probe (then *fault tells). */
void *tlb_probe(CPUState *cpu, uint64_t va, size_t len, AccessType access, unsigned mode, bool probe,
                bool *fault, uintptr_t retaddr);
/* Atomic read-modify-write for helpers and the slow path; opc is IR_ATOMIC_*; returns the old value. */
uint64_t cpu_atomic(CPUState *cpu, IROpcode opc, uint64_t va, uint64_t val, uint64_t expected,
                    MemOpIdx oi, uintptr_t retaddr);
/* 16-byte compare and swap: cmp/val are {low, high}; cmp receives the old value; true if swapped. */
bool cpu_cmpxchg16(CPUState *cpu, uint64_t va, uint64_t cmp[2], const uint64_t val[2], unsigned mode,
                   uintptr_t retaddr);

/* Page-table reads and writes by target page walks: physical address, host pointers underneath.
 * Reads outside RAM give all ones. cmpxchg returns true when *old was still there. */
uint32_t phys_ldl(CPUState *cpu, hwaddr pa);
uint64_t phys_ldq(CPUState *cpu, hwaddr pa);
bool phys_cmpxchg32(CPUState *cpu, hwaddr pa, uint32_t old, uint32_t val);
bool phys_cmpxchg64(CPUState *cpu, hwaddr pa, uint64_t old, uint64_t val);

/* Slow paths that generated code calls (see tcg/x86_64). Vector values go through memory. */
uint64_t tlb_slow_ld(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr);
void tlb_slow_st(CPUState *cpu, uint64_t va, uint64_t val, MemOpIdx oi, uintptr_t retaddr);
uint64_t tlb_slow_atomic(CPUState *cpu, IROpcode opc, uint64_t va, uint64_t val, uint64_t expected, MemOpIdx oi, uintptr_t retaddr);
/* Before accesses behind a guard (ir.h), which begin at va: enters its page in the first level if that needs no fault. range: see
 * guard_range(). Returns the host address of va, 0 when they may not go straight to memory. */
uintptr_t tlb_prepare(CPUState *cpu, uint64_t va, uint32_t range);
/* mode; whether the first access stores, whether any does; bytes from the first to the last, up to GUARD_MAX_BYTES. */
#define GUARD_STORE_FIRST (1u << 30)
#define GUARD_WRITE (1u << 29)
#define GUARD_MAX_BYTES 8192u
static inline uint32_t guard_range(unsigned mode, bool store_first, bool write, unsigned bytes)
{
    return mode | (bytes - 1) << 8 | (write ? GUARD_WRITE : 0) | (store_first ? GUARD_STORE_FIRST : 0);
}
void tlb_slow_ldv(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr, void *out);
void tlb_slow_stv(CPUState *cpu, uint64_t va, const void *in, MemOpIdx oi, uintptr_t retaddr);

/* Counters for "info jit". */
typedef struct TLBStats {
    uint64_t l1_misses, l2_misses, fills, page_flushes, context_flushes, full_flushes, switches, evictions, mmio;
    uint64_t jump_misses, hash_misses; /* TBs not found by the inline probe; and not in the hash either */
    uint64_t exits[8];                 /* of generated code to the vCPU loop, by TB_EXIT_* (at most TB_EXIT_MASK) */
    uint64_t guards;                   /* those that failed without an entry of the jump cache */
    uint64_t long_jumps, exceptions, halts; /* the loop entered from C code; exceptions delivered; waits for interrupts */
} TLBStats;
void tlb_stats(const CPUState *cpu, TLBStats *out);

/*
 * Host address of the code byte at va, NULL when it is not RAM or ROM. Raises the guest's fault when
 * fault is NULL, else *fault tells. jc_key holds the TB flags of the code. *pa receives the byte's address in ram-address space (physical when
 * not RAM). The bank remembers that the page was executed: dropping it changes the bank's code epoch.
 */
const uint8_t *tlb_code_page(CPUState *cpu, uint64_t va, hwaddr *pa, bool *fault);
/* The code epoch for code with these TB flags in the current bank: the high half of jc_key. Where the target can look mappings
 * up again, it is one that matches nothing until tlb_settle_epoch() has done so. */
uint32_t tlb_code_epoch(const CPUState *cpu, uint32_t flags);
/* The same, before code is looked up: the vCPU's state is that of the code. */
uint32_t tlb_settle_epoch(CPUState *cpu, uint32_t flags);

#endif
