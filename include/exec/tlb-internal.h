/* SPDX-License-Identifier: MIT */
/* Inside the software TLB: what cputlb.c (banks, fill, flush) and cputlb-access.c (accesses) share. */
#ifndef RHEA_EXEC_TLB_INTERNAL_H
#define RHEA_EXEC_TLB_INTERNAL_H

#include "cpu.h"
#include "exec/memory.h"
#include "exec/tlb.h"
#include "target.h"

#define TLB_BANKS 8
#define TLB_SLOTS (TLB_MODES_MAX * TLB_SIZE) /* slot = mode * TLB_SIZE + tlb_index(va) */
#define TLB_EMPTY UINT64_MAX                 /* tag that matches nothing */
#define TLB_GLOBAL_CONTEXT 0

enum { PROT_R = 1 << ACCESS_READ, PROT_W = 1 << ACCESS_WRITE, PROT_X = 1 << ACCESS_FETCH };

/* One translated page: beside each first-level entry, and in the second level. */
typedef struct TLBPage {
    uint64_t va;      /* of the page; for an entry of the large-page array, of the mapping's piece */
    hwaddr pa;
    uint8_t *host;    /* NULL: not whole-page RAM or ROM. In the first level, tlb_protect_ram() of other threads reads it */
    RAMBlock *block;
    uint8_t mode, prot, attributes;
    uint8_t page_bits; /* log2 of the size of the mapping it came from */
    bool global, rom, used, once; /* once: part of the page has other permissions */
} TLBPage;

/* A few address ranges that cover all large mappings entered since the last flush. */
typedef struct LargeRanges {
    unsigned n;
    struct { uint64_t first, last; } r[4];
} LargeRanges;

/* Pages that were executed from, approximately: may know too many, never too few. */
typedef struct CodeFilter {
    uint64_t first, last;  /* all lie in here; first > last: none */
    uint64_t page[64];     /* hash of their addresses */
    uint64_t large[8];     /* hash of large mappings and their sizes */
    uint64_t large_sizes;  /* bit n: some are 2^n bytes */
} CodeFilter;

/* A page that was executed from, and what was found there. */
typedef struct ExecPage {
    uint64_t va;
    hwaddr pa;
    const uint8_t *host;
    uint8_t attributes;
    uint8_t page_bits; /* of the largest mapping it was seen in */
} ExecPage;

#define CODE_PAGES 2048

/* Executed pages under an epoch, where the target can look mappings up again (TargetOps.walk_code): see cputlb-code.c. */
typedef struct CodeSet {
    uint32_t epoch;        /* 0: unused */
    unsigned n;
    bool user, full;
    bool large;            /* some pages were in mappings larger than 4 KiB */
    uint64_t last_use;
    uint64_t first, last;  /* bytes of the mappings they were in; first > last: none */
    ExecPage page[CODE_PAGES];
    uint16_t index[2 * CODE_PAGES]; /* hash: number in page[] + 1 */
} CodeSet;

/* A bank's view of a set: it is known to hold for the bank as far as its first `checked` pages. */
typedef struct CodeView {
    CodeSet *set;
    unsigned checked;
} CodeView;

/* Generated code addresses the table through the bank's address, so it comes first. Allocated lazily by
 * the kernel: tables of modes the target lacks cost nothing. */
struct TLBBank {
    TLBEntry entry[TLB_SLOTS];
    TLBPage page[TLB_SLOTS];
    /* Slots in use, so that a flush costs what was used. Other threads scan it: see tlb_protect_ram. */
    uint16_t used[TLB_SLOTS];
    _Atomic uint32_t nused;
    _Atomic uint32_t shuffling; /* odd while used[] is being compacted */
    bool valid;
    TLBKey key;
    uint32_t id;                /* of its entries in the second level */
    uint32_t code_epoch;
    uint64_t last_use;
    CodeFilter code;            /* under code_epoch */
    CodeView view[2];           /* instead, with walk_code: of privileged code, of user code */
    LargeRanges large;
};

#define L2_WAYS 4
#define L2_SETS 1024
#define LARGE_SETS 64 /* follow the others */
#define LARGE_PIECE_BITS 20 /* large mappings are entered in pieces of 1 MiB */
#define PHYS_CACHE 256
#define CODE_SETS (2 * TLB_BANKS + 8)
#define EPOCH_NONE UINT32_MAX /* no jump-cache entry has it */

/* What a look-up in the second level compares, for one set: a cache line. */
typedef struct L2Set {
    uint64_t tag[L2_WAYS];     /* address | mode << 1 | 1; 0 when the way is unused */
    uint32_t context[L2_WAYS]; /* bank id or TLB_GLOBAL_CONTEXT */
    uint8_t next;              /* way to replace */
} __attribute__((aligned(64))) L2Set;

/* Where a guest physical page is in host memory. */
typedef struct PhysPage {
    hwaddr pa; /* TLB_EMPTY when unused */
    uint8_t *host;
    RAMBlock *block;
    bool rom;
} PhysPage;

struct CPUTLB {
    TLBBank *bank[TLB_BANKS];
    unsigned modes;
    uint32_t last_id, last_epoch;
    uint64_t clock;
    L2Set set[L2_SETS + LARGE_SETS];
    TLBPage l2[L2_SETS + LARGE_SETS][L2_WAYS];
    bool medium_pages;            /* some in the second level are between 4 KiB and 1 MiB */
    LargeRanges global_large;     /* of large global entries in the second level */
    uint64_t global_filter[16];   /* hash of the global pages in any bank */
    /* While privileged code runs from global pages only, it has one epoch in all banks. */
    bool shared_kernel;
    uint32_t kernel_epoch;
    uint64_t try_sharing;         /* at this value of clock, after a non-global page ended it */
    CodeFilter kernel_code;       /* under kernel_epoch */
    CodeSet *code_sets;           /* CODE_SETS of them, with walk_code; NULL without */
    PhysPage phys[PHYS_CACHE];
    unsigned phys_generation;
    _Atomic bool flush_pending;
    TLBStats stats;
};

static inline unsigned tlb_slot(uint64_t va, unsigned mode)
{
    return mode * TLB_SIZE + tlb_index(va);
}

static inline unsigned tlb_page_hash(uint64_t va)
{
    uint64_t page = va >> PAGE_BITS;
    return (unsigned)((page * 0x9e3779b97f4a7c15ull) >> 48);
}
static inline void tlb_filter_add(uint64_t *filter, unsigned words, uint64_t va)
{
    unsigned h = tlb_page_hash(va) % (words * 64);
    filter[h / 64] |= 1ull << (h % 64);
}
static inline bool tlb_filter_has(const uint64_t *filter, unsigned words, uint64_t va)
{
    unsigned h = tlb_page_hash(va) % (words * 64);
    return filter[h / 64] >> (h % 64) & 1;
}
static inline uint64_t tlb_mapping_first(const TLBPage *p)
{
    return p->va & ~0ull << p->page_bits;
}

void *tlb_map_zeroed(size_t size);

/* cputlb-code.c: what was executed from, and the epochs */
void code_init(CPUState *cpu);
void code_destroy(CPUState *cpu);
void code_note(CPUState *cpu, const TLBPage *p);             /* the page is executed from in the current bank */
void code_new_context(TLBBank *bank);                         /* the bank is given to another context */
void code_switched(CPUState *cpu);                            /* to another bank */
void code_flush_bank(CPUState *cpu, TLBBank *bank);           /* its mappings may have changed */
void code_flush_all(CPUState *cpu);                           /* those of all banks, global ones too */
void code_flush_page(CPUState *cpu, TLBBank *bank, uint64_t va);
void code_flush_global_page(CPUState *cpu, uint64_t va);
void code_forget_all(CPUState *cpu);                          /* nothing executed before counts */

/* Host view of a guest physical page (pa may be any byte of it). */
const PhysPage *tlb_phys_page(CPUState *cpu, hwaddr pa);
/* Makes the current bank's slot for va valid for the access, walking if need be; raises the guest's fault,
 * or returns false when probe. */
bool tlb_refill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe,
                uintptr_t retaddr);
/* Recomputes TLB_NOTDIRTY of a RAM slot from the page's dirty byte. */
void tlb_refresh_dirty(TLBBank *bank, unsigned slot);

#endif
