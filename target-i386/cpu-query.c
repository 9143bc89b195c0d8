/* SPDX-License-Identifier: MIT */
/* What management tools ask about CPU models: their names, what is missing here, and what a model stands for. */
#include "models.h"
#include "sys.h"
#include "util/error.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Names of the features a model has and this emulator lacks, separated by blanks; caller frees. */
static char *unavailable(const X86Model *m, bool lm)
{
    uint32_t have[FEATURE_WORDS], want[FEATURE_WORDS] = { 0 };
    GString *names = g_string_new(NULL);
    x86_features_implemented(have, lm);
    if (m->features)
        x86_features_set(want, m->features, true);
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        for (unsigned b = 0; b < 32; b++) {
            const char *name = x86_feature_words[w].names[b];
            if (name && (want[w] & ~have[w]) >> b & 1)
                g_string_append_printf(names, "%s%.*s", names->len ? " " : "", (int)strcspn(name, "|"), name);
        }
    return g_string_free(names, FALSE);
}

void x86_cpu_models(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque)
{
    for (const X86Model *m = x86_models; m->name; m++) {
        char *missing = unavailable(m, current_target->address_bits == 64);
        fn(opaque, m->name, missing);
        g_free(missing);
    }
}

static void tell_number(void (*fn)(void *opaque, const char *name, const char *value), void *opaque, const char *name,
                        uint64_t v)
{
    char text[24];
    g_snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
    fn(opaque, name, text);
}

bool x86_cpu_expand(const char *model, void (*fn)(void *opaque, const char *name, const char *value), void *opaque,
                    Error **errp)
{
    CPUState *cpu = current_target->cpu_create(model, errp);
    if (!cpu)
        return false;
    const X86CPU *env = x86_cpu(cpu);
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        for (unsigned b = 0; b < 32; b++) {
            const char *names = x86_feature_words[w].names[b];
            if (!names)
                continue;
            char *name = g_strndup(names, strcspn(names, "|"));
            fn(opaque, name, env->features[w] >> b & 1 ? "on" : "off");
            g_free(name);
        }
    uint32_t v = env->cpuid_version, family = v >> 8 & 15;
    tell_number(fn, opaque, "family", family == 15 ? family + (v >> 20 & 255) : family);
    tell_number(fn, opaque, "model", (v >> 4 & 15) | (v >> 12 & 0xf0));
    tell_number(fn, opaque, "stepping", v & 15);
    fn(opaque, "vendor", env->cpuid_vendor);
    fn(opaque, "model-id", env->cpuid_model_name);
    free(cpu);
    return true;
}
