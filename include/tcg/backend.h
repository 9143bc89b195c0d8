/* SPDX-License-Identifier: MIT */
/* A back end turns the IR of one TB into something that runs: host code, or records for the interpreter. */
#ifndef RHEA_TCG_BACKEND_H
#define RHEA_TCG_BACKEND_H

#include "exec/tb.h"
#include "tcg/ir.h"

struct TCGBackend {
    const char *name;            /* engine= */
    bool host_code;              /* needs executable memory */
    bool x87;                    /* has the IR_X87 operations */
    /* Writes prologue, epilogue and shared stubs at the start of the code cache; returns bytes. */
    size_t (*init)(uint8_t *rw, const uint8_t *rx, size_t room, Error **errp);
    /*
     * Compiles f (passes have run) for tb at rw; the code will execute at rx. Fills tb->code_size,
     * jump_patch, jump_stub, unwind and returns all bytes used, 0 when room is too small (or, with
     * f->overflow set, when the TB is too complex: retry with fewer instructions).
     * Unwind table: for each instruction that may fault, LEB128 deltas of host offset, guest pc and
     * extra; private to translate-all.c's tb_unwind_* helpers.
     */
    size_t (*emit)(IRFunc *f, TranslationBlock *tb, uint8_t *rw, const uint8_t *rx, size_t room);
    /* Runs from tb until an exit; returns (TranslationBlock *) | TB_EXIT_*. */
    uintptr_t (*exec)(CPUState *cpu, TranslationBlock *tb);
    /* Points the jump of a slot at dest (a TB's code) or, NULL, back at its stub. Atomic with respect to
     * running vCPUs. */
    void (*patch)(TranslationBlock *tb, unsigned slot, const TranslationBlock *dest);
    /* The current bank changed: vCPU thread (x86-64: loads the GS base). May be NULL. */
    void (*set_bank)(CPUState *cpu, TLBBank *bank);
    void (*disas)(FILE *out, const TranslationBlock *tb);
    /* What generated code jumps to when tb_lookup_code finds that it must leave: exec then returns
     * NULL | TB_EXIT_LOOKUP. */
    const void *(*exit_address)(void);
};

extern const TCGBackend tcg_backend_interp;
extern const TCGBackend tcg_backend_x86_64;

/* Unwind records, written by back ends while emitting: call at each op after which a return address
 * may be looked up (calls, slow paths): insn is the index in f->insns of the guest instruction. */
typedef struct UnwindWriter {
    uint8_t *p, *end;
    uint32_t last_offset;
    uint64_t last_pc;
    uint32_t last_extra;
    bool full;
} UnwindWriter;
void unwind_begin(UnwindWriter *w, uint8_t *buf, size_t room, const TranslationBlock *tb);
/* offset: host code offset of the *return address*; ascending. */
void unwind_add(UnwindWriter *w, uint32_t offset, const InsnData *insn);
/* Finds the record with exactly this return-address offset. */
bool unwind_find(const TranslationBlock *tb, uint32_t offset, InsnData *out);

#endif
