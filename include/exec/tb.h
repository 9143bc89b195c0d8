/* SPDX-License-Identifier: MIT */
/* Translation blocks and the code cache (translate-all.c). */
#ifndef RHEA_EXEC_TB_H
#define RHEA_EXEC_TB_H

#include "target.h"
#include "typedefs.h"
#include <stdatomic.h>

#define TB_SLOTS 4 /* jumps of a TB that can be chained, */
#define TB_SLOTS_USUAL 2 /* of one that is no region */

/* Chaining: where to patch, and whom. Protected by the TB lock; patches are single aligned stores. */
typedef struct TBJump {
    uint32_t patch;            /* offset in code of the patchable jump; ~0 when the slot is unused */
    uint32_t stub;             /* offset in code to jump to when unlinked */
    _Atomic(TranslationBlock *) dest;
    uintptr_t next;            /* in the list of dest */
} TBJump;

struct TranslationBlock {
    TBState state;
    hwaddr phys_pc;            /* of the first byte, in ram-address space */
    hwaddr phys_page2;         /* second page, or -1 */
    uint32_t size;             /* guest bytes from phys_pc */
    uint16_t insns;
    uint16_t flags;            /* TB_* */
    const uint8_t *code;       /* host entry; for engine=interp the encoded IR */
    uint32_t code_size;
    uint32_t unwind_size;      /* unwind table follows the code */
    const uint8_t *unwind;
    uintptr_t jump_first;      /* TBs that jump here: list through TBJump.next, low bits of the link tell the slot. TB lock */
    TranslationBlock *hash_next;
    uintptr_t page_next[2];    /* list of TBs on each page, low bit = which of the two */
    _Atomic bool invalid;
    uint16_t before;           /* guest bytes of a region in front of phys_pc, on its page */
    TBJump jump[TB_SLOTS];     /* tb_slots() of them are there */
};
enum {
    TB_ONE_INSN = 1, TB_NOCHAIN = 2, TB_ICOUNT = 4,
    TB_REGION = 16,  /* goes on behind branches, where translator.c allows it */
    TB_LOOP = 32,    /* a region that holds a loop: a jump to it cannot be undone, vCPUs must be asked to leave */
    TB_COUNTED = 64, /* no region, but could be one: counts its entries, and becomes one when it is hot */
};

static inline unsigned tb_slots(const TranslationBlock *tb)
{
    return tb->flags & TB_REGION ? TB_SLOTS : TB_SLOTS_USUAL;
}

/* What cpu_exec gets back from generated code: the TB last left and why. */
enum { TB_EXIT_SLOT0 = 0, TB_EXIT_SLOT1 = 1, TB_EXIT_LOOKUP = TB_SLOTS, TB_EXIT_POLL, TB_EXIT_HOT /* its count ran out */, TB_EXIT_MASK = 7 };

#define TB_HOT 8192 /* default of TCGOptions.hot */

typedef struct TCGOptions {
    uint64_t tb_size;    /* bytes of code cache; 0 = default */
    const TCGBackend *engine;
    bool one_insn_per_tb, split_wx, multi_thread;
    unsigned hot;        /* entries of a TB before it becomes a region; 0: at once */
    bool perfmap;        /* tell Linux perf about generated code */
} TCGOptions;

/* -accel tcg[,tb-size=MiB,engine=NAME,one-insn-per-tb=,split-wx=,thread=]. Before any vCPU exists. */
bool tcg_init(const TCGOptions *options, Error **errp);
void tcg_exit(void);
const TCGBackend *tcg_backend(void);
const TCGOptions *tcg_options(void);

/* Finds a TB in the hash of physical pc + state; NULL when there is none. Lock-free. */
TranslationBlock *tb_lookup(CPUState *cpu, const TBState *state);
/* Translates; may raise a guest fetch fault. Takes the translation lock. */
TranslationBlock *tb_gen_code(CPUState *cpu, const TBState *state, unsigned max_insns);
/* Makes slot of from jump straight to to, if both are still valid. */
void tb_add_jump(TranslationBlock *from, unsigned slot, TranslationBlock *to);
/* TB whose code holds this host address; NULL when none. Lock-free, also for return addresses. */
TranslationBlock *tb_find_host(uintptr_t host_pc);
/* Invalidates every TB made from these bytes of a RAM block. After the store; any thread. */
void tb_invalidate_ram(RAMBlock *b, hwaddr offset, uint64_t len);
/* A TB's count ran out: what comes here from now on finds a region instead. */
void tb_heat_up(CPUState *cpu, TranslationBlock *tb);
void tb_flush_all(void); /* no vCPU in generated code */
/*
 * Before a store by generated code or a helper to a page without DIRTY_CODE: when it would change the TB
 * that is running, leaves for the main loop, which executes this instruction alone in a one-instruction
 * TB (there the store is last, so that nothing stale runs after it). Otherwise returns; after the store
 * the caller calls tb_after_store().
 */
void tb_before_store(CPUState *cpu, RAMBlock *b, hwaddr offset, unsigned len, uintptr_t retaddr);
/* After that store: drops the TBs it hit; sets DIRTY_CODE when none are left on the page. */
void tb_after_store(RAMBlock *b, hwaddr offset, unsigned len);
/* Entry of the TB for the current state, for IR_GOTO_LOOKUP and goto_ptr misses: host address to
 * jump to (the epilogue when something is pending). Called by generated code. */
const void *tb_lookup_code(CPUState *cpu);

/* The same of the TB without guards: where GOTO_CAREFUL leads. */
const void *tb_lookup_careful(CPUState *cpu);
/* From a slow path behind a guard that is more than a look-up: begins the instruction again in a TB without guards; the TB it stands
 * in will have none from now on. Does not return. */
void tb_leave_guarded(CPUState *cpu, uintptr_t retaddr) __attribute__((noreturn));

void tcg_dump_stats(FILE *out); /* info jit */

/* The compiler pipeline for one TB: IR -> host code written at buf, to execute at tb->code (set by the
 * caller; the same place unless split-wx). Returns bytes used, 0 when it does not fit. */
size_t tcg_compile(IRFunc *ir, TranslationBlock *tb, uint8_t *buf, size_t room);

#endif
