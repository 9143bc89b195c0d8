/* SPDX-License-Identifier: MIT */
/*
 * -cpu MODEL[,property…]: parsing, features the emulator lacks, creating the vCPU, -cpu help. Properties
 * and messages are those of QEMU, so that scripts and libvirt find what they expect.
 */
#include "models.h"
#include "sys.h"
#include "util/error.h"
#include "util/options.h"

#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define UNSET UINT64_MAX

/* Everything that may follow the model name. */
typedef struct CPUOptions {
    const char *text;                  /* as typed */
    uint64_t family, model, stepping, level, xlevel, min_level, min_xlevel, phys_bits, ignored_number;
    const char *vendor, *model_id;
    bool check, enforce, host_phys_bits, ignored;
    uint32_t features[FEATURE_WORDS];
    uint32_t plus[FEATURE_WORDS], minus[FEATURE_WORDS];
} CPUOptions;

typedef enum OptKind { KIND_NUMBER, KIND_BOOL, KIND_TEXT } OptKind;
typedef struct CPUOption {
    const char *name;
    OptKind kind;
    size_t offset;
    uint64_t max;
} CPUOption;
#define NUMBER(n, field, max) { n, KIND_NUMBER, offsetof(CPUOptions, field), max }
#define BOOL(n, field) { n, KIND_BOOL, offsetof(CPUOptions, field), 0 }
static const CPUOption cpu_options[] = {
    NUMBER("family", family, 0xff + 0xf), NUMBER("model", model, 0xff), NUMBER("stepping", stepping, 0xf),
    NUMBER("level", level, UINT32_MAX), NUMBER("xlevel", xlevel, UINT32_MAX),
    NUMBER("min-level", min_level, UINT32_MAX), NUMBER("min-xlevel", min_xlevel, UINT32_MAX),
    NUMBER("phys-bits", phys_bits, 255), { "vendor", KIND_TEXT, offsetof(CPUOptions, vendor), 0 },
    { "model-id", KIND_TEXT, offsetof(CPUOptions, model_id), 0 }, BOOL("check", check), BOOL("enforce", enforce),
    BOOL("host-phys-bits", host_phys_bits),
    /* accepted, without effect here */
    BOOL("migratable", ignored), BOOL("kvm", ignored), BOOL("pmu", ignored), BOOL("l3-cache", ignored),
    BOOL("host-cache-info", ignored), BOOL("legacy-cache", ignored), BOOL("full-cpuid-auto-level", ignored),
    BOOL("fill-mtrr-mask", ignored), BOOL("cpuid-0xb", ignored), BOOL("lmce", ignored),
    BOOL("kvm-no-smi-migration", ignored), BOOL("vmware-cpuid-freq", ignored), BOOL("start-powered-off", ignored),
    BOOL("tcg-cpuid", ignored), NUMBER("tsc-frequency", ignored_number, UINT64_MAX),
    NUMBER("host-phys-bits-limit", ignored_number, 255),
};
enum { N_OPTIONS = ARRAY_SIZE(cpu_options) };

/* ---- Parsing ---- */

static const CPUOption *find_option(const char *key)
{
    for (unsigned i = 0; i < N_OPTIONS; i++)
        if (!strcmp(cpu_options[i].name, key))
            return &cpu_options[i];
    return NULL;
}

static bool set_option(CPUOptions *o, const CPUOption *opt, const char *value, Error **errp)
{
    void *field = (char *)o + opt->offset;
    uint64_t n;
    switch (opt->kind) {
    case KIND_BOOL:
        return parse_bool(opt->name, value, field, errp);
    case KIND_TEXT:
        *(const char **)field = value;
        return true;
    default:
        if (!(strcmp(opt->name, "tsc-frequency") ? parse_u64(opt->name, value, &n, errp)
                                                 : parse_size(opt->name, value, 1, &n, errp)))
            return false;
        if (n > opt->max) {
            error_setg(errp, "-cpu %s: %s must be at most %" PRIu64 " (it is %" PRIu64 ")", o->text, opt->name,
                       opt->max, n);
            return false;
        }
        *(uint64_t *)field = n;
        return true;
    }
}

static bool unknown_property(const CPUOptions *o, const char *key, Error **errp)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < N_OPTIONS; i++)
        g_ptr_array_add(words, g_strdup(cpu_options[i].name));
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        for (unsigned b = 0; b < 32; b++)
            if (x86_feature_words[w].names[b])
                g_ptr_array_add(words, g_strndup(x86_feature_words[w].names[b],
                                                 strcspn(x86_feature_words[w].names[b], "|")));
    g_ptr_array_add(words, NULL);
    const char *near = nearest_word(key, (const char *const *)words->pdata);
    if (near)
        error_setg(errp, "-cpu %s: Property '%s' not found; did you mean '%s'?", o->text, key, near);
    else
        error_setg(errp, "-cpu %s: Property '%s' not found", o->text, key);
    g_ptr_array_free(words, TRUE);
    return false;
}

static bool is_hyperv(const char *key)
{
    return g_str_has_prefix(key, "hv-") || g_str_has_prefix(key, "hv_");
}

/* One item: +feature, -feature, feature, key=value. + and - win over key=value wherever they stand. */
static bool parse_item(CPUOptions *o, char *item, Error **errp)
{
    FeatureWord w;
    unsigned bit;
    bool on = true;
    char *eq = strchr(item, '='), *key = item;
    const char *value = "on";
    if (*item == '+' || *item == '-') {
        key = item + 1;
        if (!x86_feature_find(key, &w, &bit))
            return is_hyperv(key) || unknown_property(o, key, errp);
        (*item == '+' ? o->plus : o->minus)[w] |= 1u << bit;
        return true;
    }
    if (eq) {
        *eq = 0;
        value = eq + 1;
    }
    for (char *p = key; *p; p++)
        *p = *p == '_' ? '-' : *p;
    const CPUOption *opt = find_option(!strcmp(key, "tsc-freq") ? "tsc-frequency" : key);
    if (opt)
        return set_option(o, opt, value, errp);
    if (is_hyperv(key))
        return true;
    if (!x86_feature_find(key, &w, &bit))
        return unknown_property(o, key, errp);
    if (!parse_bool(key, value, &on, errp))
        return false;
    o->features[w] = on ? o->features[w] | 1u << bit : o->features[w] & ~(1u << bit);
    return true;
}

/* ---- Models by name, with the suffixes versions and variants have ---- */

static const struct { const char *suffix, *add, *drop; } variants[] = {
    { "-noTSX-IBRS", "spec-ctrl", "hle rtm" }, { "-noTSX", "", "hle rtm" }, { "-IBRS", "spec-ctrl", "" },
    { "-IBPB", "ibpb", "" },
};

/* A trailing "-v1" … "-v9" names a version of the model: all are the same here. */
static void strip_version(char *name)
{
    size_t len = strlen(name);
    if (len > 3 && name[len - 3] == '-' && name[len - 2] == 'v' && g_ascii_isdigit(name[len - 1]))
        name[len - 3] = 0;
}

static bool unknown_model(const char *name, Error **errp)
{
    if (!strcmp(name, "host")) {
        error_setg(errp, "CPU model 'host' requires KVM");
        return false;
    }
    const char *names[128] = { NULL };
    for (unsigned i = 0; x86_models[i].name && i < 127; i++)
        names[i] = x86_models[i].name;
    const char *near = nearest_word(name, names);
    if (near)
        error_setg(errp, "unable to find CPU model '%s'; did you mean '%s'?", name, near);
    else
        error_setg(errp, "unable to find CPU model '%s'", name);
    return false;
}

static const X86Model *find_model(char *name, CPUOptions *o, Error **errp)
{
    const char *add = "", *drop = "";
    char *given = g_strdup(name);
    strip_version(name);
    const X86Model *m = x86_model_find(name);
    for (unsigned i = 0; !m && i < ARRAY_SIZE(variants); i++) {
        if (!g_str_has_suffix(name, variants[i].suffix))
            continue;
        name[strlen(name) - strlen(variants[i].suffix)] = 0;
        add = variants[i].add;
        drop = variants[i].drop;
        m = x86_model_find(name);
        break;
    }
    if (!m)
        unknown_model(given, errp);
    else if (m->features)
        x86_features_set(o->features, m->features, true);
    x86_features_set(o->features, add, true);
    x86_features_set(o->features, drop, false);
    g_free(given);
    return m;
}

/* ---- From options to a vCPU ---- */

/* Warns of each feature that was asked for and is not there; enforce makes it an error. */
static bool filter_features(CPUOptions *o, const uint32_t implemented[], Error **errp)
{
    bool missing = false, report = (o->check || o->enforce) && !first_cpu;
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *info = &x86_feature_words[w];
        uint32_t lacking = o->features[w] & ~implemented[w];
        missing = missing || lacking;
        for (unsigned b = 0; report && b < 32; b++)
            if (lacking >> b & 1)
                warn_report("TCG doesn't support requested feature: CPUID.%02XH:%s%s%.*s [bit %u]", info->leaf,
                            info->reg,
                            info->names[b] ? "." : "", info->names[b] ? (int)strcspn(info->names[b], "|") : 0,
                            info->names[b] ? info->names[b] : "", b);
        o->features[w] &= implemented[w];
    }
    if (missing && o->enforce) {
        error_setg(errp, "TCG doesn't support requested features");
        return false;
    }
    return true;
}

static void apply_features(CPUOptions *o, const X86Model *m, const uint32_t implemented[])
{
    uint32_t fast[FEATURE_WORDS] = { 0 };
    x86_features_set(fast, X86_FAST_FEATURES, true);
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        if (m->features) /* what this emulator added to a model is not worth a warning */
            o->features[w] &= implemented[w] | ~fast[w];
        o->features[w] = (o->features[w] | o->plus[w]) & ~o->minus[w];
    }
}

static unsigned host_phys_bits(void)
{
#ifdef __x86_64__
    unsigned a, b, c, d;
    if (__get_cpuid(0x80000008, &a, &b, &c, &d))
        return a & 0xff;
#endif
    return 40;
}

static bool set_address_bits(X86CPU *env, const CPUOptions *o, Error **errp)
{
    uint64_t bits = o->phys_bits;
    bool lm = x86_feature(env, FW_8000_0001_EDX, 29);
    if (o->host_phys_bits)
        bits = host_phys_bits();
    if (bits == UNSET || !bits)
        bits = lm ? 40 : x86_feature(env, FW_1_EDX, 17) || x86_feature(env, FW_1_EDX, 6) ? 36 : 32;
    if (bits < 32 || bits > 52) {
        error_setg(errp, "phys-bits should be between 32 and 52 (but is %" PRIu64 ")", bits);
        return false;
    }
    env->phys_bits = (uint8_t)bits;
    env->linear_bits = !lm ? 32 : x86_feature(env, FW_7_0_ECX, 16) ? 57 : 48;
    return true;
}

/* Highest leaves: as given, else the model's, raised to what its features need. */
static void set_levels(X86CPU *env, const CPUOptions *o, const X86Model *m)
{
    uint32_t level = m->level, xlevel = m->xlevel;
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        uint32_t leaf = x86_feature_words[w].leaf, *max = leaf >= 0x80000000 ? &xlevel : &level;
        if (env->features[w] && w != FW_KVM && leaf > *max)
            *max = leaf;
    }
    if (xlevel && xlevel < 0x80000004)
        xlevel = 0x80000004;
    if (xlevel && xlevel < 0x80000008 && x86_feature(env, FW_8000_0001_EDX, 29))
        xlevel = 0x80000008;
    level = o->min_level != UNSET && o->min_level > level ? (uint32_t)o->min_level : level;
    xlevel = o->min_xlevel != UNSET && o->min_xlevel > xlevel ? (uint32_t)o->min_xlevel : xlevel;
    env->cpuid_level = o->level != UNSET ? (uint32_t)o->level : level;
    env->cpuid_xlevel = o->xlevel != UNSET ? (uint32_t)o->xlevel : xlevel;
}

static uint32_t version(uint64_t family, uint64_t model, uint64_t stepping)
{
    uint64_t v = stepping | (model & 15) << 4 | (model >> 4) << 16;
    return (uint32_t)(v | (family > 15 ? 0xf00 | (family - 15) << 20 : family << 8));
}

static bool set_identity(X86CPU *env, const CPUOptions *o, const X86Model *m, Error **errp)
{
    const char *vendor = o->vendor ? o->vendor : m->vendor;
    if (strlen(vendor) != 12) {
        error_setg(errp, "-cpu %s: vendor must be 12 characters ('GenuineIntel')", o->text);
        return false;
    }
    memcpy(env->cpuid_vendor, vendor, 13);
    g_strlcpy(env->cpuid_model_name, o->model_id ? o->model_id : m->model_id, sizeof env->cpuid_model_name);
    env->cpuid_version = version(o->family != UNSET ? o->family : m->family, o->model != UNSET ? o->model : m->model,
                                 o->stepping != UNSET ? o->stepping : m->stepping);
    set_levels(env, o, m);
    return set_address_bits(env, o, errp);
}

static bool parse_options(CPUOptions *o, char **items, const X86Model **model, Error **errp)
{
    if (!items[0])
        return unknown_model("", errp);
    *model = find_model(items[0], o, errp);
    if (!*model)
        return false;
    for (unsigned i = 1; items[i]; i++)
        if (*items[i] && !parse_item(o, items[i], errp))
            return false;
    return true;
}

static X86CPU *new_cpu(const TargetOps *ops)
{
    size_t size = (ops->state_size + 63) & ~(size_t)63;
    X86CPU *env = aligned_alloc(64, size);
    memset(env, 0, size);
    env->parent.target = ops;
    env->parent.exception_index = EXCP_NONE;
    env->ops = ops;
    env->nr_cores = env->nr_threads = env->nr_dies = 1;
    env->a20_mask = ~0ull;
    return env;
}

static X86CPU *create(CPUOptions *o, char **items, const TargetOps *ops, Error **errp)
{
    const X86Model *m = NULL;
    uint32_t implemented[FEATURE_WORDS], any[FEATURE_WORDS] = { 0 };
    bool lm = ops->address_bits == 64;
    x86_features_implemented(implemented, lm);
    x86_features_set(o->features, "hypervisor", true);
    if (items[0] && g_str_has_prefix(items[0], "max")) {
        memcpy(o->features, implemented, sizeof implemented);
        x86_features_set(any, "monitor", true); /* MWAIT with several vCPUs is a busy wait: only on request */
        o->features[FW_1_ECX] &= ~any[FW_1_ECX];
        x86_features_set(o->features, "ht cmp-legacy", false);
    }
    if (!parse_options(o, items, &m, errp))
        return NULL;
    apply_features(o, m, implemented);
    if (!filter_features(o, implemented, errp))
        return NULL;
    X86CPU *env = new_cpu(ops);
    env->model = m;
    memcpy(env->features, o->features, sizeof env->features);
    if (!set_identity(env, o, m, errp)) {
        free(env);
        return NULL;
    }
    return env;
}

CPUState *x86_cpu_create(const char *model, const TargetOps *ops, Error **errp)
{
    CPUOptions o = { .text = model, .family = UNSET, .model = UNSET, .stepping = UNSET, .level = UNSET, .xlevel = UNSET,
                     .min_level = UNSET, .min_xlevel = UNSET, .phys_bits = UNSET, .check = true };
    char **items = g_strsplit(model, ",", -1);
    X86CPU *env = create(&o, items, ops, errp);
    g_strfreev(items);
    return env ? &env->parent : NULL;
}

void x86_cpu_set_topology(X86CPU *env, uint32_t apic_id, unsigned dies, unsigned cores, unsigned threads)
{
    env->apic_id = apic_id;
    env->nr_dies = dies;
    env->nr_cores = cores;
    env->nr_threads = threads;
}

/* ---- -cpu help ---- */

static void list_flags(FILE *out)
{
    int column = 0;
    fprintf(out, "\nRecognized CPUID flags:\n");
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        for (unsigned b = 0; b < 32; b++) {
            const char *name = x86_feature_words[w].names[b];
            int len = name ? (int)strcspn(name, "|") : 0;
            if (!name)
                continue;
            if (column + len + 1 > 76)
                fputc('\n', out), column = 0;
            column += fprintf(out, "%s%.*s", column ? " " : "  ", len, name);
        }
    fputc('\n', out);
}

void x86_cpu_list(FILE *out)
{
    fprintf(out, "Available CPUs:\n");
    for (const X86Model *m = x86_models; m->name; m++) {
        const char *desc = m->desc ? m->desc : m->model_id;
        fprintf(out, "x86 %-20s  %s\n", m->name, desc);
    }
    list_flags(out);
}
