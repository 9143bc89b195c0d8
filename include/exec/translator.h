/* SPDX-License-Identifier: MIT */
/* From guest code to IR for one TB (translator.c); translate-all.c drives it. */
#ifndef RHEA_EXEC_TRANSLATOR_H
#define RHEA_EXEC_TRANSLATOR_H

#include "exec/tb.h"
#include "target.h"

/* A guest page to translate from. */
typedef struct CodePage {
    uint64_t va;          /* page address */
    const uint8_t *host;  /* its bytes; for MMIO a copy of the few that one instruction can need */
    hwaddr pa;            /* in ram-address space; -1 when not RAM */
} CodePage;

typedef enum TranslateResult {
    TRANSLATE_OK,
    TRANSLATE_OVERFLOW,    /* IR too large: retry with fewer instructions */
    TRANSLATE_NEED_PAGE2,  /* the first instruction continues on the next page: supply it */
} TranslateResult;

/* Translates at tb->state into cpu->ir; fills tb->size and tb->insns. page2 may be NULL. */
TranslateResult translator_loop(CPUState *cpu, TranslationBlock *tb, unsigned max_insns, const CodePage *page1,
                                const CodePage *page2);
void translator_exit(void); /* frees this thread's context */

#endif
