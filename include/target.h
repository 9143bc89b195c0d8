/* SPDX-License-Identifier: MIT */
/* What a target front end provides (one const TargetOps), and what it gets for translating. */
#ifndef RHEA_TARGET_H
#define RHEA_TARGET_H

#include "cpu.h"
#include "exec/tlb.h"
#include "tcg/ir.h"
#include <stdio.h>

/*
 * Return address in the TB that called this helper; only in the helper itself. The interpreter keeps its own
 * in interp_return_address (0 outside it; cpu_loop_exit clears it).
 */
extern __thread uintptr_t interp_return_address;
#define HELPER_RETADDR() \
    (interp_return_address ? interp_return_address : (uintptr_t)__builtin_return_address(0))

/* What identifies a translation besides the physical pc. flags are all the state translation depends
 * on; generated code compares them as the low half of jc_key. */
typedef struct TBState {
    uint64_t pc;      /* linear */
    uint64_t cs_base; /* pc - cs_base is the target's pc field; 0 in the usual case */
    uint32_t flags;
    bool careful;     /* without guards (ir.h). The engine */
} TBState;

/* State of one translation. The front end embeds this first in its own context. */
typedef struct TranslatorContext {
    CPUState *cpu;
    IRFunc *ir;
    TBState state;        /* at the TB's start */
    uint64_t pc;          /* next byte to fetch (linear) */
    uint64_t insn_pc;     /* start of the current instruction */
    unsigned insns;       /* translated so far, the current one included */
    unsigned max_insns;
    bool stop;            /* set by translate_insn: the TB has been ended */
    bool region;          /* it may go on behind branches: see translator_can_follow */
    bool extendable;      /* as a region it would have gone on */
    /* engine's */
    const uint8_t *host[2];
    uint64_t host_page[2];
    uint64_t begin, end;  /* first byte translated; behind the last one */
    struct { uint64_t pc; uint32_t extra; unsigned label, insns, rounds; } head; /* of a loop; label ~0: none */
    unsigned nheads;
} TranslatorContext;

/* A way out of a region, emitted behind its end: where its code starts and where it leads. */
typedef struct SideExit {
    unsigned label;
    uint64_t pc;          /* linear */
    uint64_t insn_pc;     /* of the branch */
    uint32_t extra;       /* its insn data */
    bool taken;           /* the branch's target, not what follows it */
    bool poll;            /* something wants attention: leaves for the main loop */
} SideExit;

/*
 * Fetches guest code at ctx->pc and advances it. A fault in the fetch raises the guest's fault when
 * this is the TB's first instruction; otherwise the TB is ended before the instruction (the function
 * does not return: it unwinds to the translator loop).
 */
uint8_t translator_fetch8(TranslatorContext *ctx);
uint16_t translator_fetch16(TranslatorContext *ctx);
uint32_t translator_fetch32(TranslatorContext *ctx);
uint64_t translator_fetch64(TranslatorContext *ctx);
/* Gives up on the current instruction: IR since ir_insn_start is dropped and the TB ends before it.
 * Returns only when it is the first of its TB. */
void translator_end_before(TranslatorContext *ctx);
/* True when pc is on the same guest page as the TB's start. */
bool translator_same_page(const TranslatorContext *ctx, uint64_t pc);

/*
 * Regions. A TB with ctx->region may go on at the target of a jump, or behind a conditional one, whose other way becomes a
 * side exit. It stays on its page. A jump back to an instruction it already has is
 * a loop: the first time through stays in front as it is, and what follows closes at its own end, so that at the loop's
 * head the front end knows as much as at its end. Front ends bring everything they keep lazily to globals before.
 */
/* May the TB go on at linear pc? When only ctx->region is missing, notes that. */
bool translator_can_follow(TranslatorContext *ctx, uint64_t pc);
/* Does the region hold the instruction at pc? */
bool translator_visited(const TranslatorContext *ctx, uint64_t pc);
/* Does a region rather go on at `to`, where a branch leads, than at `on`, behind it? By what has been executed so far. */
bool translator_prefers(const TranslatorContext *ctx, uint64_t to, uint64_t on);
void translator_side_exit(TranslatorContext *ctx, SideExit exit);
/* Goes on at pc, which can be followed. extra: insn data there. When this sets ctx->stop a loop was closed. When it
 * emits a label, nothing is known behind it but extra: true. */
bool translator_jump(TranslatorContext *ctx, uint64_t pc, uint32_t extra);

/* One monitor/gdb register: name, offset in CPUState, bits. */
typedef struct RegisterDesc {
    const char *name;
    uint32_t offset;
    uint8_t bits;
} RegisterDesc;

/*
 * A guest's x87 on the host's. While the byte at live_offset of CPUState is 1, the host's x87 registers, status and
 * control word are the guest's (all exceptions masked), and C code on the vCPU's thread leaves them alone.
 */
typedef struct X87Hooks {
    uint32_t live_offset;
    void (*set_live)(CPUState *cpu, uint64_t live); /* moves the state and sets the byte; the host's x87 is empty before and after */
    /* A memory instruction (opcode | digit << 8) in C, with the state on the host before and after. */
    void (*slow)(CPUState *cpu, uint64_t va, uint64_t insn, uintptr_t retaddr);
} X87Hooks;

struct TargetOps {
    const char *name;            /* "x86_64" */
    const char *const *aliases;  /* NULL-terminated */
    size_t state_size;           /* of the struct that embeds CPUState */
    uint32_t pc_offset;          /* of the 64-bit pc field in CPUState (value = linear - cs_base) */
    uint8_t longest_insn;        /* bytes; one that lies within this of a page's end may cross it */
    uint8_t mmu_modes;           /* at most TLB_MODES_MAX */
    uint8_t address_bits;        /* of a linear address for display */
    /* TB flags that are all set in unprivileged code. Privileged code from global pages keeps its
     * jump-cache entries over address-space switches. 0: no such distinction. */
    uint32_t user_flags;
    bool big_endian;
    bool strong_order;           /* x86: total store order */

    void (*init)(void);          /* once: ir_global() for every pinned or cached register */
    /* Creates a vCPU of the -cpu MODEL[,feature…] string. */
    CPUState *(*cpu_create)(const char *model, Error **errp);
    void (*cpu_list)(FILE *out); /* -cpu help */
    const char *(*default_model)(void);
    /* For management tools; both may be NULL. Names of models, each with the features that are missing here
     * ("a b c"); and what -cpu MODEL stands for: features "on" or "off", numbers, texts. */
    void (*cpu_models)(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque);
    bool (*cpu_expand)(const char *model, void (*fn)(void *opaque, const char *name, const char *value), void *opaque,
                       Error **errp);
    /* Interrupts cannot wake the vCPU from a halt, or end a loop. May be NULL: unknown. */
    bool (*interrupts_off)(const CPUState *cpu);
    void (*reset)(CPUState *cpu);
    /* After a reset: starts at this address (Arm: bit 0 chooses Thumb), running. */
    void (*set_pc)(CPUState *cpu, uint64_t pc);

    /* Translation */
    TBState (*tb_state)(const CPUState *cpu);
    size_t context_size;
    void (*tb_start)(TranslatorContext *ctx);
    /* One instruction, after the engine has emitted nothing: call ir_insn_start first. Set ctx->stop
     * after ending the TB. */
    void (*translate_insn)(TranslatorContext *ctx);
    /* The TB reached its limit: continue at ctx->pc. */
    void (*tb_stop)(TranslatorContext *ctx);
    /* Regions: emits the code of a side exit, behind its label. NULL: the target makes none. */
    void (*tb_side_exit)(TranslatorContext *ctx, const SideExit *exit);
    /* Prepares for translating on at exit->pc, behind its label. NULL: side exits lead out of the region. */
    void (*tb_resume)(TranslatorContext *ctx, const SideExit *exit);
    /* Between two instructions of a region, as if a jump to pc stood here. False: it cannot be followed. May be NULL. */
    bool (*tb_follow)(TranslatorContext *ctx, uint64_t pc);
    void (*restore_state)(CPUState *cpu, const TranslationBlock *tb, const InsnData *data);
    /* Guards (ir.h). Would the TB flags be the TB's own again if it were left before the instruction? And the code that restores what
     * restore_state does but for the pc field, whose value it returns. NULL: no guards. */
    bool (*guard_possible)(const TranslationBlock *tb, const InsnData *data);
    uint64_t (*guard_exit)(IRFunc *ir, const InsnData *data);
    void (*disas)(FILE *out, const CPUState *cpu, uint32_t flags, uint64_t pc, const uint8_t *bytes,
                  size_t len); /* one line per instruction, QEMU's -d in_asm look */

    /* Memory. tlb_fill walks the page tables for an access at va and calls tlb_set(); on a fault
     * returns false when probe, else raises the guest's exception (retaddr as in
     * cpu_loop_exit_restore) and does not return. */
    bool (*tlb_fill)(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode,
                     bool probe, uintptr_t retaddr);
    /* What an instruction fetch at va in the vCPU's present state would find, as a processor may look ahead; false where it would
     * fault. NULL: jump-cache entries do not outlive flushes and private contexts. */
    bool (*walk_code)(CPUState *cpu, uint64_t va, Translation *out);
    void (*unaligned_access)(CPUState *cpu, uint64_t va, AccessType access, unsigned mode,
                             uintptr_t retaddr) __attribute__((noreturn));
    /* Physical address failed to decode (may be NULL: reads all ones, writes ignored). */
    void (*bus_error)(CPUState *cpu, hwaddr pa, AccessType access, uintptr_t retaddr);
    /* Translation for debuggers and the monitor: no side effects. False when unmapped. */
    bool (*debug_translate)(CPUState *cpu, uint64_t va, hwaddr *pa);
    unsigned (*current_mmu_mode)(const CPUState *cpu, bool fetch);

    /* Interrupts; vCPU thread. exec_interrupt: takes one pending interrupt if the guest accepts it;
     * true when it changed the state. has_work: a halted vCPU should wake. */
    bool (*exec_interrupt)(CPUState *cpu, uint32_t request);
    bool (*has_work)(const CPUState *cpu);
    void (*do_exception)(CPUState *cpu); /* delivers cpu->exception_index */
    /* At the end of cpu_exec(), on the vCPU's thread: state that the host CPU held meanwhile goes to CPUState. May be NULL. */
    void (*exec_exit)(CPUState *cpu);
    const struct X87Hooks *x87; /* NULL: no x87 */
    void (*debug_excp)(CPUState *cpu);

    /* Inspection */
    void (*dump_state)(CPUState *cpu, FILE *out, bool fpu); /* info registers */
    void (*dump_tlb)(CPUState *cpu, FILE *out);             /* info tlb */
    void (*dump_mem)(CPUState *cpu, FILE *out);             /* info mem */
    const RegisterDesc *registers;                          /* $eax … for the monitor; ends with NULL */
    const DumpTarget *dump;                                 /* dump.h; NULL: no memory dumps */
    const GDBTarget *gdb;                                   /* gdbstub.h; NULL: no debugger can attach */
    const void *saved;                                      /* SavedField table, hw/device.h */
    void (*post_load)(CPUState *cpu);                       /* after the saved fields were loaded; may be NULL */
};

extern const TargetOps i386_target_ops, x86_64_target_ops, arm_target_ops, aarch64_target_ops;
/* By name or alias; NULL when there is none. */
const TargetOps *target_find(const char *name);
extern const TargetOps *current_target; /* chosen once by vl.c */

#endif
