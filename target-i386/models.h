/* SPDX-License-Identifier: MIT */
/* CPU models and feature names, shared by models.c (tables), cpu-options.c (-cpu parsing) and cpuid.c. */
#ifndef TARGET_I386_MODELS_H
#define TARGET_I386_MODELS_H

#include "cpu.h"

typedef struct X86Model {
    const char *name;
    const char *model_id;    /* CPUID brand string */
    const char *vendor;
    uint16_t family, model, stepping;
    uint32_t level, xlevel;
    const char *features;    /* names separated by spaces */
    const char *desc;        /* -cpu help, when the brand string says too little */
} X86Model;
/* Says that no speculation leaks: kernels then keep one set of page tables and call functions directly. */
#define X86_SAFE_FEATURES " spec-ctrl bhi-ctrl arch-capabilities"
/* What this emulator adds to 64-bit models; dropped without a warning where it cannot be had. */
#define X86_FAST_FEATURES X86_SAFE_FEATURES " pcid invpcid tsc-deadline invtsc arat"
extern const X86Model x86_models[]; /* ends with a NULL name */

/* One feature word: where CPUID shows it, the names of its bits, and which of them this emulator has. */
typedef struct FeatureWordInfo {
    uint32_t leaf;
    int32_t subleaf;         /* -1: the leaf has none */
    const char *reg;         /* "EAX" … */
    const char *implemented; /* names separated by spaces */
    const char *names[32];   /* spellings separated by '|', the first is shown; NULL = no name */
} FeatureWordInfo;
extern const FeatureWordInfo x86_feature_words[FEATURE_WORDS];

/* Looks a feature up in any spelling ('_' is as good as '-'). */
bool x86_feature_find(const char *name, FeatureWord *word, unsigned *bit);
/* Adds (or removes) each feature of a list of names to f. Unknown names are ignored: the tables are tested. */
void x86_features_set(uint32_t f[FEATURE_WORDS], const char *names, bool on);
/* Bits that the emulator has, for a target with or without 64-bit mode. */
void x86_features_implemented(uint32_t f[FEATURE_WORDS], bool lm);
const X86Model *x86_model_find(const char *name);
/* cpu-query.c: TargetOps.cpu_models and cpu_expand. */
void x86_cpu_models(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque);
bool x86_cpu_expand(const char *model, void (*fn)(void *opaque, const char *name, const char *value), void *opaque,
                    Error **errp);

#endif
